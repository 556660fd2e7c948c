"""The robot of the kinematic world: it goes exactly where it is told, unless something is in the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from itertools import pairwise

import numpy as np

from care_robot.actuation.robot_state import RobotState
from care_robot.description import JointKind, Model
from care_robot.geometry import Array, Pose

LINEAR_M_S, ANGULAR_RAD_S = 0.5, 1.0
LINEAR_M_S2, ANGULAR_RAD_S2 = 0.5, 2.0
COMMAND_TIMEOUT_S = 0.5
SLIP = 0.5
"""Share of what the wheels turn that the robot drives while they slip."""
TURN_FIRST_RAD = 0.4
"""Further off its way than this, the robot turns on the spot."""
WAYPOINT_M = 0.15
GOAL_M, GOAL_RAD = 0.05, 0.05
BATTERY_S = 4 * 3600.0
"""From full to empty; charging takes half as long."""
LOW_BATTERY = 0.08

Free = Callable[[float, float], bool]


class State(Enum):
    """How a motion is."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    ABORTED = "aborted"
    CANCELED = "canceled"


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


class Base:
    """A differential base: a disc that turns and drives.

    Attributes
    ----------
    pose, odometry : tuple of float
        x, y [m] and yaw [rad]: really in the map, and as the wheels have it.
    """

    def __init__(self, pose: Pose) -> None:
        self.pose = flat(pose)
        self.odometry = (0.0, 0.0, 0.0)
        self.linear_m_s = self.angular_rad_s = 0.0
        self.slipping = False
        self._command = (0.0, 0.0)
        self._command_s = -math.inf

    def command(self, linear_m_s: float, angular_rad_s: float, now_s: float) -> None:
        """Drive so for half a second; what is not a number means stop."""
        finite = math.isfinite(linear_m_s) and math.isfinite(angular_rad_s)
        self._command = (linear_m_s, angular_rad_s) if finite else (0.0, 0.0)
        self._command_s = now_s

    def commanded(self, now_s: float) -> tuple[float, float]:
        """Velocities last commanded; zero where that is too long ago."""
        return self._command if now_s - self._command_s <= COMMAND_TIMEOUT_S else (0.0, 0.0)

    def step(self, wanted: tuple[float, float], dt_s: float, free: Free) -> bool:
        """Drive for `dt_s`; whether something was hit. Nothing is driven through, but one may leave it."""
        v = _towards(self.linear_m_s, _limited(wanted[0], LINEAR_M_S), LINEAR_M_S2 * dt_s)
        w = _towards(self.angular_rad_s, _limited(wanted[1], ANGULAR_RAD_S), ANGULAR_RAD_S2 * dt_s)
        share = SLIP if self.slipping else 1.0
        there = _moved(self.pose, v * share, w * share, dt_s)
        hit = v != 0.0 and not free(there[0], there[1])
        if hit:
            v, there = 0.0, _moved(self.pose, 0.0, w * share, dt_s)
        self.pose, self.odometry = there, _moved(self.odometry, v, w, dt_s)
        self.linear_m_s, self.angular_rad_s = v, w
        return hit

    def stop(self) -> None:
        """Stand at once, as the brakes do."""
        self.linear_m_s = self.angular_rad_s = 0.0


def steer(drive: Drive, believed: tuple[float, float, float]) -> tuple[float, float] | None:
    """Velocities that follow the way from where the robot believes to be; None when it has arrived."""
    x, y, yaw = believed
    while len(drive.way) > 1 and math.dist((x, y), drive.way[0]) < WAYPOINT_M:
        drive.way.pop(0)
    last = len(drive.way) == 1
    away_m = math.dist((x, y), drive.way[0]) if drive.way else 0.0
    if not drive.way or (last and away_m < GOAL_M):
        drive.way.clear()
        turn = _wrapped(drive.yaw - yaw)
        return None if abs(turn) < GOAL_RAD else (0.0, _limited(2.0 * turn, ANGULAR_RAD_S))
    turn = _wrapped(math.atan2(drive.way[0][1] - y, drive.way[0][0] - x) - yaw)
    if abs(turn) > TURN_FIRST_RAD:
        return 0.0, _limited(2.0 * turn, ANGULAR_RAD_S)
    # Slow enough to stand at the end, and to turn at the next corner.
    ahead_m = drive.left_m(x, y) if last else away_m + 0.3
    return min(LINEAR_M_S, math.sqrt(LINEAR_M_S2 * ahead_m)), 2.0 * turn


class Joints:
    """All joints of the robot but the wheels; what they are told they do at once."""

    def __init__(self, model: Model) -> None:
        self._kinematics = RobotState(model)
        self._limits = {
            joint.name: (joint.lower, joint.upper)
            for joint in model.joints
            if joint.kind in (JointKind.REVOLUTE, JointKind.PRISMATIC) and joint.mimic is None
        }
        self.positions = {n: min(max(0.0, low), high) for n, (low, high) in self._limits.items()}
        self._parents = {t.child: (t.parent, t.pose) for t in self._kinematics.fixed}

    def pose(self, link: str) -> Pose:
        """Pose of a link in `base_link`, with the joints where they are."""
        moving = {t.child: (t.parent, t.pose) for t in self._kinematics.transforms(self.positions)}
        pose = Pose.identity()
        while (step := moving.get(link) or self._parents.get(link)) is not None:
            link, pose = step[0], step[1].compose(pose)
        return pose

    def trajectory(
        self,
        allowed: Sequence[str],
        names: Sequence[str],
        positions: Sequence[Sequence[float]],
        times_s: Sequence[float],
        now_s: float,
    ) -> Trajectory:
        """A trajectory that starts now; one that cannot be followed has ended already."""
        refusal = Trajectory()
        if sorted(names) != sorted(allowed):
            wanted, given = ", ".join(allowed), ", ".join(names) or "none"
            sentence = f"The joints are {given}, but this controller moves {wanted}."
            refusal.end(State.ABORTED, TrajectoryError.INVALID_JOINTS, sentence)
            return refusal
        points = [list(point) for point in positions]
        problem = ""
        if not points or len(points) != len(times_s) or any(len(p) != len(names) for p in points):
            problem = "A trajectory needs points, each with a position for every joint."
        elif not np.isfinite(points).all() or not np.isfinite(times_s).all():
            problem = "The trajectory holds a number that is not finite."
        elif (np.diff([0.0, *times_s]) < 0.0).any():
            problem = "The times of a trajectory must grow."
        else:
            problem = self._beyond(names, points)
        if problem:
            refusal.end(State.ABORTED, TrajectoryError.INVALID_GOAL, problem)
            return refusal
        start = [self.positions[name] for name in names]
        return Trajectory(
            names=tuple(names),
            positions=np.array([start, *points]),
            times_s=np.array([0.0, *times_s]),
            started_s=now_s,
        )

    def _beyond(self, names: Sequence[str], points: Sequence[Sequence[float]]) -> str:
        for column, name in enumerate(names):
            low, high = self._limits[name]
            for point in points:
                if not low - 1e-3 <= point[column] <= high + 1e-3:
                    return f"{name} goes from {low:g} to {high:g}, not to {point[column]:g}."
        return ""

    def limits(self, name: str) -> tuple[float, float]:
        """Least and greatest position of a joint."""
        return self._limits[name]


class Battery:
    """A battery that drains evenly, and charges on the dock."""

    def __init__(self) -> None:
        self.charge = 1.0
        self.charging = False

    def step(self, dt_s: float, *, docked: bool) -> None:
        """Let time pass."""
        self.charging = docked and self.charge < 1.0
        change = 2.0 * dt_s / BATTERY_S if docked else -dt_s / BATTERY_S
        self.charge = min(1.0, max(0.0, self.charge + change))


def flat(pose: Pose) -> tuple[float, float, float]:
    """A pose's x, y and yaw."""
    return float(pose.position[0]), float(pose.position[1]), pose.rpy()[2]


def upright(place: tuple[float, float, float]) -> Pose:
    """The pose on the floor with x, y and yaw."""
    return Pose.from_rpy(place[0], place[1], 0.0, yaw=place[2])


def _moved(place: tuple[float, float, float], v: float, w: float, dt_s: float) -> tuple[float, float, float]:
    x, y, yaw = place
    middle = yaw + 0.5 * w * dt_s
    return x + v * dt_s * math.cos(middle), y + v * dt_s * math.sin(middle), _wrapped(yaw + w * dt_s)


def _towards(value: float, wanted: float, most: float) -> float:
    return value + _limited(wanted - value, most)


def _limited(value: float, most: float) -> float:
    return max(-most, min(most, value))


def _wrapped(angle_rad: float) -> float:
    return math.remainder(angle_rad, 2.0 * math.pi)
