"""Judges what is expected of a run by the log of what happened in it.

Times are s of simulated time from the start.
"""

import enum
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from care_robot.evaluation.conditions import Condition
from care_robot.evaluation.scenario import Expectation

LATE_S = 2.0
"""What was stamped in time may arrive this much later; only then is it said not to have come."""
EXACT_S = 1e-6
"""Sums of times are as exact as this."""
STATES = ("person", "distance", "seen")
"""Kinds of things that hold until they change: what was so before a window is so when it opens."""


@dataclass(frozen=True)
class Happened:
    """One thing that happened: its `kind`, about what or whom, what is known of it, and the same in words.

    Several with one `subject`, such as the steps of one alarm, count once.
    """

    t_s: float
    kind: str
    subject: str
    values: Mapping[str, Any]
    words: str


class State(enum.Enum):
    """Whether an expectation was met."""

    PENDING = "pending"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True)
class Verdict:
    """What became of an expectation; `t_s` is when something that happened decided it."""

    state: State
    sentence: str = ""
    t_s: float | None = None


def window(expectation: Expectation, labels: Mapping[str, float], end_s: float) -> tuple[float, float] | None:
    """Begin and end of the time that counts; None while the entry that it counts from has not begun."""
    if expectation.of is not None and expectation.of not in labels:
        return None
    begin_s = labels[expectation.of] if expectation.of is not None else 0.0
    within_s = math.inf if expectation.within is None else expectation.within
    return begin_s, min(begin_s + within_s, end_s)


def holds(condition: Condition, what: Happened) -> bool:
    """Whether this is what the condition speaks of."""
    single = condition.single
    return single is not None and what.kind == single.OF and single.holds(what.values)


def judge(
    expectation: Expectation,
    log: Sequence[Happened],
    labels: Mapping[str, float],
    now_s: float,
    end_s: float,
) -> Verdict:
    """What is known at `now_s` of an expectation; once it is decided, later events do not change it.

    Parameters
    ----------
    log
        What happened, in any order.
    labels
        When each labelled entry of the timeline began.
    end_s
        End of the scenario: nothing after it counts.
    """
    what = said(expectation)
    opened = window(expectation, labels, end_s)
    if opened is None:
        if now_s <= end_s + LATE_S:
            return Verdict(State.PENDING)
        return Verdict(State.FAILED, f"{what}: '{expectation.of}' never began.")
    times = _times(expectation, log, *opened)
    over = now_s > opened[1] + LATE_S
    if expectation.never:
        return _judge_never(what, times, expectation.never.more_than + 1, over)
    if len(times) >= expectation.at_least:
        return Verdict(State.PASSED, t_s=times[expectation.at_least - 1])
    if not over:
        return Verdict(State.PENDING)
    return Verdict(State.FAILED, f"{what}: {_why_not(expectation, log, times, opened[1])}.")


def _judge_never(what: str, times: Sequence[float], too_many: int, over: bool) -> Verdict:
    if len(times) >= too_many:
        return Verdict(State.FAILED, f"{what}: it came at {_at(times[:too_many])}.", times[too_many - 1])
    return Verdict(State.PASSED if over else State.PENDING)


def said(expectation: Expectation) -> str:
    """The expectation in words, such as “alarm of kind fall within 10 s of falls”."""
    never = expectation.never
    single = (never or expectation).single
    text = single.words() if single else ""
    if never:
        text = f"never {f'more than {never.more_than} × ' if never.more_than else ''}{text}"
    elif expectation.at_least > 1:
        text = f"{expectation.at_least} × {text}"
    if expectation.within is not None:
        text += f" within {expectation.within:g} s"
        return f"{text} of {expectation.of}" if expectation.of else text
    return f"{text} after {expectation.of}" if expectation.of else text


def _times(expectation: Expectation, log: Sequence[Happened], begin_s: float, limit_s: float) -> list[float]:
    """When each subject first met the condition in the window, in order."""
    condition = expectation.never or expectation
    # What must never happen must not have happened while everything was started, either.
    low_s = -math.inf if expectation.never and not expectation.of else begin_s - EXACT_S
    first: dict[str, float] = {}
    for what in log:
        if low_s <= what.t_s <= limit_s + EXACT_S and holds(condition, what):
            first[what.subject] = min(what.t_s, first.get(what.subject, math.inf))
    for what in _states_at(log, begin_s):
        if holds(condition, what):
            first[what.subject] = min(begin_s, first.get(what.subject, math.inf))
    return sorted(first.values())


def _states_at(log: Iterable[Happened], t_s: float) -> Iterable[Happened]:
    """The newest state before `t_s` of everything that has one."""
    newest: dict[tuple[str, str], Happened] = {}
    for what in log:
        key = (what.kind, what.subject)
        if what.kind in STATES and what.t_s < t_s and (key not in newest or what.t_s >= newest[key].t_s):
            newest[key] = what
    return newest.values()


def _why_not(
    expectation: Expectation, log: Sequence[Happened], times: Sequence[float], limit_s: float
) -> str:
    if times:
        return f"only {len(times)} came, at {_at(times)}"
    late_s = min((w.t_s for w in log if w.t_s > limit_s and holds(expectation, w)), default=None)
    if late_s is not None:
        return f"it came at {late_s:.1f} s, {late_s - limit_s:.1f} s too late"
    kind, who = expectation.single and expectation.single.OF, expectation.who
    last = max((w for w in log if w.kind == kind and who in (None, w.subject)), key=_when, default=None)
    return f"none came; last seen: {f'{last.words} at {last.t_s:.1f} s' if last else 'nothing of the kind'}"


def _when(what: Happened) -> float:
    return what.t_s


def _at(times: Sequence[float]) -> str:
    return ", ".join(f"{t:.1f} s" for t in times)
