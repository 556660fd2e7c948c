"""Plays clips to the code that the nodes run, and writes down what came of it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from care_robot import __version__
from care_robot.evaluation.fall_manifest import Clip, Label
from care_robot.evaluation.fall_pictures import draw_confusion, draw_reliability, draw_timeline
from care_robot.evaluation.fall_scoring import (
    Scored,
    by,
    confirmation_s,
    metrics_of,
    score_clip,
    worst_first,
)
from care_robot.evaluation.fall_watch import FallWatch, Look
from care_robot.evaluation.recording import RecordingError
from care_robot.evaluation.report import machine
from care_robot.evaluation.skeleton_video import write_skeletons
from care_robot.perception.falls import FallSettings
from care_robot.perception.newest import Pace
from care_robot.perception.pose_model import PoseModelError
from care_robot.perception.video import VideoError, VideoSettings, VideoSource

T = TypeVar("T")
COMMAND = "eval falls"
SEED = 0
HOLD_S = 2.0
HOLD_STEP_S = 0.2  # at most
MISCOUNT = 0.1  # share by which the manifest may miss the number of pictures


@dataclass(frozen=True)
class Seen:
    """A clip as the pose model saw it.

    Parameters
    ----------
    looks : list of Look
        One for each picture that was looked at, then those with the last pose held.
    pictures : int
        How many looks are at pictures.
    duration_s : float
        Of the clip.
    aspect : float
        Width over height.
    remark : str
        What does not fit between clip and manifest; empty where all does.
    """

    clip: Clip
    looks: list[Look]
    pictures: int
    duration_s: float
    aspect: float
    remark: str = ""


@dataclass(frozen=True)
class Result:
    """What came of one clip; `scored` is None where it could not be played, and `failure` says why."""

    clip: Clip
    scored: Scored | None = None
    failure: str = ""
    remark: str = ""


@dataclass(frozen=True)
class Folders:
    """Where pictures and videos go."""

    pictures: Path
    videos: Path | None = None


def evaluate(clip: Clip, folders: Folders, rate_hz: float = math.inf) -> Result:
    """Play, score and draw one clip."""
    return guarded(clip, lambda: conclude(watch(clip, rate_hz), folders))


def guarded(clip: Clip, work: Callable[[], T]) -> T | Result:
    """Do some work on a clip; where it cannot be done, a result that says why, for the others go on."""
    try:
        return work()
    except (VideoError, PoseModelError) as error:
        return Result(clip, failure=str(error))
    except Exception as error:
        return Result(clip, failure=f"{clip.file} ended in {type(error).__name__}: {error}.")


def crashed(clip: Clip) -> Result:
    """What to say of a clip that took the process with it that looked at it."""
    return Result(
        clip,
        failure=f"{clip.file} ended the process that looked at it: is the video damaged, or memory short?",
    )


def watch(clip: Clip, rate_hz: float = math.inf) -> Seen:
    """Play a clip at the frame rate of the manifest, and hold its last pose.

    Parameters
    ----------
    rate_hz : float
        Pictures looked at in a second at most, thinned as the pose node does.

    Raises
    ------
    VideoError
        It is no video, is damaged, or ends before its fall.
    PoseModelError
        The pose model cannot be made.
    """
    if not clip.path.is_file():
        raise VideoError(f"{clip.file} is not there: check --root, and the column file.")
    # Absolute, for a file of the name "0" is no camera; a clock that stands leaves no picture out.
    settings = VideoSettings(str(clip.path.absolute()), frame_rate_hz=clip.fps)
    source = VideoSource(settings, clock=lambda: 0.0, wait=lambda _: False)
    falls, pace = FallWatch(seed=SEED), Pace(rate_hz)
    looks: list[Look] = []
    frames, aspect = 0, 1.0
    try:
        for rgb in source.frames():
            aspect = rgb.shape[1] / rgb.shape[0]
            if pace.lets_through(frames / clip.fps):
                looks.append(falls.look(rgb, frames / clip.fps))
            frames += 1
        if source.problem:
            raise VideoError(source.problem)
        duration_s, pictures = frames / clip.fps, len(looks)
        if clip.label is Label.FALL and clip.fall_start_s >= duration_s:
            raise VideoError(
                f"{clip.file} ends at {duration_s:.1f} s, before its fall at {clip.fall_start_s:g} s: "
                f"check fps, fall_start_s and whether the video was copied whole."
            )
        period_s = max(1.0 / clip.fps, 1.0 / rate_hz)
        looks += [falls.hold(t_s) for t_s in held_times_s((frames - 1) / clip.fps, period_s)]
    finally:
        falls.close()
    remark = ""
    if clip.frames and abs(frames - clip.frames) > MISCOUNT * clip.frames:
        remark = f"{clip.file} has {frames} pictures, the manifest says {clip.frames}: check fps and frames."
    return Seen(clip, looks, pictures, duration_s, aspect, remark)


def replay(seen: Seen, settings: FallSettings) -> Seen:
    """The same clip with other thresholds: all that follows the pose model once more."""
    falls = FallWatch(seed=SEED, settings=settings)
    looks = [falls.see(look.bodies, seen.aspect, look.t_s) for look in seen.looks]
    return replace(seen, looks=looks)


def held_times_s(last_s: float, period_s: float) -> list[float]:
    """Times after the last picture at which its pose is held, for two seconds."""
    step_s = min(period_s, HOLD_STEP_S)
    return [last_s + step_s * (n + 1) for n in range(round(HOLD_S / step_s))]


def score(seen: Seen) -> Scored:
    """Score a clip that was seen."""
    return score_clip(seen.clip, seen.looks, seen.pictures, seen.duration_s)


def conclude(seen: Seen, folders: Folders) -> Result:
    """Score and draw a clip that was seen."""
    clip, scored = seen.clip, score(seen)
    draw_timeline(scored, seen.looks, folders.pictures / picture_name(clip))
    remark = seen.remark
    if folders.videos is not None:
        try:
            write_skeletons(scored, seen.looks, seen.aspect, folders.videos / f"{_name(clip)}.mp4")
        except RecordingError as error:
            remark = f"{remark} {error}".strip()
    return Result(clip, scored, remark=remark)


def picture_name(clip: Clip) -> str:
    """Name of a clip's timeline: its line, for two folders may hold clips of one name."""
    return f"{_name(clip)}.png"


def _name(clip: Clip) -> str:
    stem = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in Path(clip.file).stem)
    return f"{clip.line:04d}_{stem[:60]}"


def scored_of(results: Sequence[Result]) -> list[Scored]:
    """What could be scored."""
    return [result.scored for result in results if result.scored is not None]


def figures_of(results: Sequence[Result]) -> dict[str, float]:
    """The metrics of the report."""
    return {**metrics_of(scored_of(results)), "clips_failed": sum(bool(r.failure) for r in results)}


def write_report(
    results: Sequence[Result], missing: int, folders: Folders, out: Path, more: Mapping[str, Any]
) -> None:
    """Write the report, whole or not at all, and the pictures of all clips together.

    Parameters
    ----------
    missing : int
        Clips that were not played, for the run was interrupted.
    more : mapping
        Further entries of the report.
    """
    scored = scored_of(results)
    draw_confusion(scored, folders.pictures / "confusion.png")
    draw_reliability(scored, folders.pictures / "reliability.png")
    content = {
        "command": COMMAND,
        "version": __version__,
        "seed": SEED,
        "machine": machine(),
        "metrics": figures_of(results),
        "unfinished_clips": missing,
        "groups": by(lambda clip: clip.group, scored),
        "activities": by(lambda clip: clip.activity, scored),
        "worst": [s.clip.file for s in worst_first(scored)],
        "settings": asdict(FallSettings()),
        **more,
        "clips": [_row(result) for result in results],
    }
    unfinished = out.with_name(out.name + ".part")
    unfinished.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(out)


def _row(result: Result) -> dict[str, Any]:
    clip, scored = result.clip, result.scored
    row: dict[str, Any] = {
        "file": clip.file,
        "label": clip.label.value,
        "group": clip.group,
        "activity": clip.activity,
        "fps": clip.fps,
        "fall_start_s": _number(clip.fall_start_s),
        "fall_end_s": _number(clip.fall_end_s),
        "failed": scored is None,
        "right": False if scored is None else scored.right,
        "reason": result.failure if scored is None else scored.reason,
        "remark": result.remark,
    }
    if scored is not None:
        row |= {
            "pictures": scored.pictures,
            "duration_s": round(scored.duration_s, 3),
            "pose_share": round(scored.with_pose / max(1, scored.pictures), 4),
            "score": round(scored.score, 4),
            "latency_s": _number(scored.latency_s),
            "false_alarms": len(scored.false_alarms),
            "picture": picture_name(clip),
            "alarms": [
                {
                    "t_s": _number(confirmation_s(event)),
                    "kind": event.kind.name.lower(),
                    "score": round(event.score, 4),
                    "start_s": _number(event.start_s),
                    "evidence": {e.name: _number(e.value) for e in event.evidence},
                }
                for event in scored.alarms
            ],
        }
    return row


def _number(value: float | None) -> float | None:
    """A number as JSON knows them."""
    return None if value is None or not math.isfinite(value) else round(value, 4)
