"""Where the feet of the simulated resident go: footsteps along a straight line, a route, or on the spot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from care_robot.simulation.resident import Resident

SWING_SHARE = 0.72  # of the step time; the rest stands on both feet
HALF_STEP_WIDTH = 0.038  # of the stature
TOE_OUT_RAD = math.radians(6.0)
TURN_PER_STEP_RAD = math.radians(35.0)
SLOWEST_M_S, FASTEST_M_S = 0.2, 1.5


@dataclass(frozen=True)
class Place:
    """A place on the floor: metres and the heading (counter-clockwise from x) in radians."""

    x_m: float
    y_m: float
    yaw_rad: float

    def ahead(self, forward_m: float, left_m: float = 0.0) -> Place:
        """Return the place that lies so far ahead and to the left, with the same heading."""
        c, s = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        return Place(
            self.x_m + c * forward_m - s * left_m, self.y_m + s * forward_m + c * left_m, self.yaw_rad
        )


@dataclass(frozen=True)
class Gait:
    """How far and how quickly somebody steps."""

    step_m: float
    step_s: float

    @classmethod
    def of(cls, resident: Resident, speed: float = 1.0) -> Gait:
        """Return how `resident` walks at `speed` times the usual speed.

        An older person's 0.75 m/s are 100 steps a minute of 0.28 statures. Length and rate of steps both
        grow with the square root of the speed (D. W. Grieve and R. J. Gear, 1966).
        """
        pace = min(FASTEST_M_S, max(SLOWEST_M_S, resident.gait_speed_m_s * speed)) / 0.75
        stride = resident.stride * resident.height_m / 1.64
        return cls(0.28 * 1.64 * math.sqrt(pace) * stride, 0.60 / math.sqrt(pace) * stride)


@dataclass(frozen=True)
class Footstep:
    """One foot leaves the floor at `lift_s` and stands on `place` (under the ankle) from `land_s` on."""

    side: str
    place: Place
    lift_s: float
    land_s: float


def stance(resident: Resident, middle: Place) -> dict[str, Place]:
    """Return where the feet are when `resident` stands over `middle`."""
    out = HALF_STEP_WIDTH * resident.height_m
    feet = {}
    for side, left in (("l", 1), ("r", -1)):
        foot = middle.ahead(0.0, left * out)
        feet[side] = Place(foot.x_m, foot.y_m, foot.yaw_rad + left * TOE_OUT_RAD)
    return feet


def plan_walk(
    resident: Resident, start: Place, distance_m: float, turn_rad: float = 0.0, start_s: float = 0.0
) -> tuple[list[Footstep], Place]:
    """Plan a straight walk followed by a turn on the spot; returns the steps and where they end."""
    gait = Gait.of(resident)
    middles = _straight(start, distance_m, gait)
    middles.append(middles[-1])  # the other foot closes up
    turn = _turn(middles[-1], turn_rad)
    if turn:
        middles += [*turn, turn[-1]]
    # A turn to the left starts with the left foot, so that the feet do not cross.
    left_first = (turn_rad > 0) == ((len(middles) - len(turn)) % 2 == 0)
    return tread(resident, gait, middles, left_first, start_s), middles[-1]


def plan_route(
    resident: Resident, gait: Gait, start: Place, route: Sequence[tuple[float, float]], yaw_rad: float | None
) -> tuple[list[Footstep], Place]:
    """Plan a walk along the points of `route`, m, that ends there facing `yaw_rad` (or as it comes).

    Returns the steps and where they end. Sharp corners are turned on the spot.
    """
    corners = np.array([(start.x_m, start.y_m), *route])
    pieces = np.linalg.norm(np.diff(corners, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(pieces)])
    length_m = float(along[-1])
    middles: list[Place] = []
    last = start
    if length_m > 0.02:
        count = math.ceil(length_m / gait.step_m)
        reach = 0.5 * length_m / count

        def point(s_m: float) -> tuple[float, float]:
            return float(np.interp(s_m, along, corners[:, 0])), float(np.interp(s_m, along, corners[:, 1]))

        for i in range(count + 1):
            (ax, ay), (bx, by) = (point(length_m * i / count + d) for d in (-reach, reach))
            turn_rad = math.remainder(math.atan2(by - ay, bx - ax) - last.yaw_rad, math.tau)
            if abs(turn_rad) > TURN_PER_STEP_RAD:
                middles += _turn(last, turn_rad)[: None if i == 0 else -1]
            last = Place(*point(length_m * i / count), last.yaw_rad + turn_rad)
            if i > 0:
                middles.append(last)
    if yaw_rad is not None:
        turn_rad = math.remainder(yaw_rad - last.yaw_rad, math.tau)
        if abs(turn_rad) > 0.01:
            middles += _turn(last, turn_rad)
    if not middles:
        return [], start
    left_first = math.remainder(middles[0].yaw_rad - start.yaw_rad, math.tau) > 0
    return tread(resident, gait, [*middles, middles[-1]], left_first, gait.step_s), middles[-1]


def plan_shuffle(
    resident: Resident, gait: Gait, start: Place, forward_m: float, left_m: float = 0.0
) -> tuple[list[Footstep], Place]:
    """Plan short steps forwards, backwards or sideways without a turn; returns the steps and their end."""
    count = max(1, math.ceil(math.hypot(forward_m, left_m) / (0.4 * gait.step_m)))
    middles = [start.ahead(forward_m * (i + 1) / count, left_m * (i + 1) / count) for i in range(count)]
    return tread(resident, gait, [*middles, middles[-1]], left_m > 0, gait.step_s), middles[-1]


def _straight(start: Place, distance_m: float, gait: Gait) -> list[Place]:
    count = max(1, math.ceil(distance_m / gait.step_m))
    return [start.ahead(distance_m * (i + 1) / count) for i in range(count)]


def _turn(at: Place, turn_rad: float) -> list[Place]:
    count = math.ceil(abs(turn_rad) / TURN_PER_STEP_RAD)
    return [Place(at.x_m, at.y_m, at.yaw_rad + turn_rad * (i + 1) / count) for i in range(count)]


def tread(
    resident: Resident, gait: Gait, middles: Sequence[Place], left_first: bool, start_s: float = 0.0
) -> list[Footstep]:
    """Return the steps, left and right in turn, that bring the body over each of `middles`."""
    steps = []
    for i, middle in enumerate(middles):
        side = "l" if (i % 2 == 0) == left_first else "r"
        lift_s = start_s + i * gait.step_s
        steps.append(
            Footstep(side, stance(resident, middle)[side], lift_s, lift_s + SWING_SHARE * gait.step_s)
        )
    return steps
