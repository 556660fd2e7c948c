"""What the robot of the kinematic world was told to do, and what became of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise

import numpy as np

from care_robot.geometry import Array
from care_robot.simulation.trajectory import State


class NavigationError(IntEnum):
    """Error codes of Nav2's planner and controller servers (ComputePathToPose, FollowPath)."""

    NONE = 0
    FAILED_TO_MAKE_PROGRESS = 105
    FRAME_UNKNOWN = 202
    GOAL_OUTSIDE_MAP = 204
    GOAL_OCCUPIED = 206
    NO_VALID_PATH = 208


class TrajectoryError(IntEnum):
    """Error codes of FollowJointTrajectory."""

    SUCCESSFUL = 0
    INVALID_GOAL = -1
    INVALID_JOINTS = -2
    PATH_TOLERANCE_VIOLATED = -4


@dataclass
class Motion:
    """Something that the robot was told to do."""

    state: State = State.RUNNING
    code: int = 0
    sentence: str = ""

    def end(self, state: State, code: int = 0, sentence: str = "") -> None:
        """Say how it ended; what has ended before stays as it is."""
        if self.state is State.RUNNING:
            self.state, self.code, self.sentence = state, code, sentence


@dataclass
class Drive(Motion):
    """A way to a place, in the map: points, the heading at the end, and what has become of it."""

    way: list[tuple[float, float]] = field(default_factory=list)
    yaw: float = 0.0
    started_s: float = 0.0
    waiting_s: float = 0.0
    recoveries: int = 0

    def left_m(self, x: float, y: float) -> float:
        """Length of the rest of the way."""
        points = [(x, y), *self.way]
        return math.fsum(math.dist(a, b) for a, b in pairwise(points))


@dataclass
class Trajectory(Motion):
    """Positions of joints over time, from the start on; linear in between."""

    names: tuple[str, ...] = ()
    positions: Array = field(default_factory=lambda: np.zeros((0, 0)))
    times_s: Array = field(default_factory=lambda: np.zeros(0))
    started_s: float = 0.0

    def at(self, t_s: float) -> dict[str, float]:
        """Positions at a time."""
        since_s = t_s - self.started_s
        return {
            name: float(np.interp(since_s, self.times_s, self.positions[:, column]))
            for column, name in enumerate(self.names)
        }


@dataclass
class Grip(Motion):
    """A position of the fingers that is approached, and whether something is between them."""

    target_m: float = 0.0
    stalled: bool = False
