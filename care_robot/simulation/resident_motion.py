"""Motions of the simulated resident: frames as a function of time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from care_robot.perception.posture import Posture
from care_robot.simulation.resident_body import Array, Skeleton, rotated, rotation_between
from care_robot.simulation.resident_gait import ease
from care_robot.simulation.resident_steps import Place


@dataclass(frozen=True)
class Seat:
    """A seat, or a bed to sit and lie on: the middle of its front edge, x outwards, and its height.

    `bed` is the middle of the mattress with the heading of the head end, None where nobody can lie.
    """

    edge: Place
    height_m: float
    bed: Place | None = None


@dataclass(frozen=True)
class Support:
    """How a body that does not move is held: the posture, its place and heading, and the seat it is on."""

    posture: Posture
    place: Place
    seat: Seat | None = None


@dataclass(frozen=True)
class Motion:
    """A part of an act: what the body does for a time, and what the posture is called meanwhile.

    `at(t_s)` is the frame at a time from 0 to `duration_s`. The posture is `before` in the first half and
    `after` in the second; `ends` is how the body is held when it is over. A motion that `yields` may be
    broken off; any other is finished first. At the end of one that `grasps`, the hand closes.
    """

    duration_s: float
    at: Callable[[float], Array]
    before: Posture
    after: Posture
    ends: Support
    yields: bool = False
    grasps: bool = False


def mix(first: Array, second: Array, share: float) -> Array:
    """Return the frame so far on the straight way from `first` to `second`; rotations go the short way."""
    result = first + share * (second - first)
    result[3:7] = rotated(first[3:7], share * rotation_between(first[3:7], second[3:7]))
    return result


def blend(
    skeleton: Skeleton,
    first: Array,
    last: Array,
    *,
    via: Array | None = None,
    feet: str = "",
    trunk: bool = False,
) -> Callable[[float], Array]:
    """Return the minimum-jerk motion from frame `first` to `last` as a function of its share, 0 to 1.

    `via` draws the way towards a third frame (as the middle point of a Bézier curve, so no joint goes beyond
    its limits); the balls of the `feet` ("l", "r" or "lr") go straight from where they are to where they
    will be, so feet that stand do not slide; and so does the height of the lowest point of the body (or of
    the trunk), so that nothing sinks into the floor (or the bed).
    """
    low = (skeleton.lowest(first, trunk=trunk), skeleton.lowest(last, trunk=trunk))
    stand = (skeleton.toes(first, feet), skeleton.toes(last, feet)) if feet else None

    def at(share: float) -> Array:
        s = ease(share)
        q = mix(first, last, s) if via is None else mix(mix(first, via, s), mix(via, last, s), s)
        if stand is not None:
            q[:2] += stand[0] + s * (stand[1] - stand[0]) - skeleton.toes(q, feet)
        return skeleton.raised(q, low[0] + s * (low[1] - low[0]), trunk=trunk)

    return at
