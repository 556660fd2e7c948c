"""How fall detection is scored on clips: which events count, and the figures that they come to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from care_robot.evaluation.fall_manifest import Clip, Label
from care_robot.evaluation.fall_watch import Look
from care_robot.perception.fall_events import FallEvent, Kind, State

EARLY_S, LATE_S = 0.5, 3.0
"""A fall is found by an event that is confirmed so long before its start to so long after its end."""
Z_95 = 1.959964


@dataclass(frozen=True)
class Scored:
    """What the fall detector made of one clip.

    Parameters
    ----------
    alarms : sequence of FallEvent
        Every confirmed event as it was when it was confirmed, of both kinds, by time.
    score : float
        Highest score of an event of kind FALL, confirmed or not; 0 without one.
    duration_s : float
        Of the clip, without the time for which the last pose was held.
    pictures, with_pose : int
        Pictures looked at, without the held ones, and in how many of them a body was found.
    latency_s : float or None
        From the end of the fall to the confirmation that found it.
    false_alarms : sequence of FallEvent
        Confirmed events of kind FALL that no fall answers to.
    reason : str
        Why the clip is wrong, in a sentence; empty where it is right.
    """

    clip: Clip
    alarms: Sequence[FallEvent]
    score: float
    duration_s: float
    pictures: int
    with_pose: int
    latency_s: float | None
    false_alarms: Sequence[FallEvent]
    reason: str

    @property
    def right(self) -> bool:
        """A fall that was found, or an activity without an alarm."""
        return self.latency_s is not None if self.clip.label is Label.FALL else not self.false_alarms

    @property
    def error(self) -> float:
        """How wrong, 0 to 1: distance of the score from what the clip shows."""
        return 1.0 - self.score if self.clip.label is Label.FALL else self.score


def window_s(clip: Clip) -> tuple[float, float]:
    """Time in which a confirmation finds the fall of a clip."""
    return clip.fall_start_s - EARLY_S, clip.fall_end_s + LATE_S


def score_clip(clip: Clip, looks: Sequence[Look], pictures: int, duration_s: float) -> Scored:
    """Score a clip from its looks, the first `pictures` of which are at pictures and the others held."""
    alarms: dict[tuple[str, Kind], FallEvent] = {}
    highest: FallEvent | None = None
    for look in looks:
        for event in look.events:
            if event.state is State.CONFIRMED:
                alarms.setdefault((event.id, event.kind), event)
            if event.kind is Kind.FALL and (highest is None or event.score > highest.score):
                highest = event
    confirmed = sorted(alarms.values(), key=confirmation_s)
    begin_s, end_s = window_s(clip)  # NaN for an activity: nothing lies within
    falls = [event for event in confirmed if event.kind is Kind.FALL]
    found = [event for event in falls if begin_s <= confirmation_s(event) <= end_s]
    false = [event for event in falls if event not in found]
    latency_s = confirmation_s(found[0]) - clip.fall_end_s if found else None
    if clip.label is Label.FALL and not found:
        reason = _why_missed(clip, looks[:pictures], confirmed, highest)
    elif false:
        why = "although nobody falls" if clip.label is Label.ADL else "which is no time of the fall"
        when = f"A fall was confirmed at {confirmation_s(false[0]):.1f} s"
        reason = f"{when}, {why}: {_evidence(false[0])}."
    else:
        reason = ""
    return Scored(
        clip,
        confirmed,
        score=highest.score if highest else 0.0,
        duration_s=duration_s,
        pictures=pictures,
        with_pose=sum(bool(look.bodies) for look in looks[:pictures]),
        latency_s=latency_s,
        false_alarms=false,
        reason=reason,
    )


def confirmation_s(event: FallEvent) -> float:
    """When an event was confirmed."""
    return math.nan if event.confirmed_s is None else event.confirmed_s


def _why_missed(
    clip: Clip, looks: Sequence[Look], confirmed: Sequence[FallEvent], highest: FallEvent | None
) -> str:
    begin_s, end_s = window_s(clip)
    after = [look for look in looks if clip.fall_start_s <= look.t_s <= end_s]
    seen = f"a pose was found in {sum(bool(look.bodies) for look in after)} of {len(after)} pictures"
    if confirmed:
        event = min(confirmed, key=lambda e: abs(confirmation_s(e) - clip.fall_end_s))
        what = "a fall" if event.kind is Kind.FALL else "somebody lying"
        came = f"{what} was confirmed at {confirmation_s(event):.1f} s"
    elif highest is not None:
        came = f"only suspected, at {highest.start_s:.1f} s: {_evidence(highest)}"
    else:
        came = "nothing was suspected"
    return (
        f"No fall was confirmed from {max(0.0, begin_s):.1f} to {end_s:.1f} s: {came}; from its start {seen}."
    )


def _evidence(event: FallEvent) -> str:
    weighed = (f"{e.name} {e.value:.2f} {e.unit} against {e.threshold:.2f}" for e in event.evidence)
    return ", ".join((f"score {event.score:.2f}", *weighed))


def metrics_of(scored: Sequence[Scored]) -> dict[str, float]:
    """The figures of the report; one for which there is nothing to measure is left out.

    A fall that is told twice is no false alarm; one that is confirmed outside its window is one, and counts
    in the precision. False alarms an hour are those of activities alone.
    """
    falls = [s for s in scored if s.clip.label is Label.FALL]
    activities = [s for s in scored if s.clip.label is Label.ADL]
    metrics: dict[str, float] = {}
    for name, clips in (("sensitivity", falls), ("specificity", activities)):
        if clips:
            right = sum(s.right for s in clips)
            low, high = wilson(right, len(clips))
            metrics |= {name: right / len(clips), f"{name}_low": low, f"{name}_high": high}
    found = sum(s.right for s in falls)
    false = sum(len(s.false_alarms) for s in scored)
    if found + false:
        metrics["precision"] = found / (found + false)
    if falls:
        metrics["f1"] = 2.0 * found / (found + false + len(falls))
    if activities:
        hours = sum(s.duration_s for s in activities) / 3600.0
        metrics["false_alarms_per_hour"] = sum(len(s.false_alarms) for s in activities) / hours
    latencies_s = [s.latency_s for s in scored if s.latency_s is not None]
    if latencies_s:
        p50_s, p95_s = np.percentile(latencies_s, [50, 95])
        metrics |= {"latency_p50_s": float(p50_s), "latency_p95_s": float(p95_s)}
    if pictures := sum(s.pictures for s in scored):
        metrics["pose_share"] = sum(s.with_pose for s in scored) / pictures
    metrics |= {
        "falls": len(falls),
        "falls_found": found,
        "activities": len(activities),
        "activities_right": sum(s.right for s in activities),
        "lying_events": sum(event.kind is Kind.LYING for s in scored for event in s.alarms),
    }
    return {name: round(value, 4) for name, value in metrics.items()}


def by(key: Callable[[Clip], str], scored: Iterable[Scored]) -> dict[str, dict[str, float]]:
    """For each group or activity: clips, how many are right, and the Wilson interval of that share."""
    parts: dict[str, list[Scored]] = {}
    for s in scored:
        parts.setdefault(key(s.clip), []).append(s)
    table = {}
    for name in sorted(parts):
        right, clips = sum(s.right for s in parts[name]), len(parts[name])
        low, high = wilson(right, clips)
        table[name] = {
            "clips": clips,
            "right": right,
            "share": round(right / clips, 4),
            "low": round(low, 4),
            "high": round(high, 4),
        }
    return table


def worst_first(scored: Iterable[Scored]) -> list[Scored]:
    """The clips with an error: those that are wrong, then false alarms beside a found fall; surest first."""
    return sorted((s for s in scored if s.reason), key=lambda s: (s.right, -round(s.error, 6), s.clip.line))


def wilson(hits: int, of: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson, Journal of the American Statistical Association 22, 1927, 209-212).

    Raises
    ------
    ValueError
        Without anything to count in, or with more hits than that.
    """
    if not 0 <= hits <= of or of == 0:
        raise ValueError(f"{hits} of {of} is no share.")
    share, z2 = hits / of, Z_95**2
    centre = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z_95 / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of**2))
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))  # despite rounding
