"""Follows joint trajectories as ros2_control's joint_trajectory_controller does."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, IntEnum

import numpy as np
import numpy.typing as npt

from care_robot.description import Joint
from care_robot.geometry import Array
from care_robot.simulation.controllers import Trajectory

MAX_POINTS = 10_000
_OVER_LIMIT = 1e-3  # rad or m that a planner's rounding may go over a limit


class Code(IntEnum):
    """Numbers of control_msgs/FollowJointTrajectory."""

    SUCCESSFUL = 0
    INVALID_GOAL = -1
    INVALID_JOINTS = -2
    PATH_TOLERANCE_VIOLATED = -4
    GOAL_TOLERANCE_VIOLATED = -5


class GoalError(ValueError):
    """A goal that is refused; the message is one sentence."""

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class State(Enum):
    """How a motion is going."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    ABORTED = "aborted"
    CANCELED = "canceled"


class Motion:
    """One goal of a controller, and what has become of it."""

    def __init__(self) -> None:
        self.state = State.RUNNING
        self.code = Code.SUCCESSFUL
        self.message = ""

    @property
    def done(self) -> bool:
        """Whether it has ended, one way or the other."""
        return self.state is not State.RUNNING

    def cancel(self, reason: str = "The motion was cancelled.", code: Code = Code.SUCCESSFUL) -> None:
        """End it; its joints hold where they are."""
        self.end(State.CANCELED, reason, code)

    def end(self, state: State, message: str = "", code: Code = Code.SUCCESSFUL) -> None:
        """Settle what has become of it, once."""
        if not self.done:
            self.state, self.message, self.code = state, message, code


class TrajectoryController:
    """Moves a group of joints.

    Parameters
    ----------
    config : Trajectory
        Joints and tolerances.
    joints : sequence of Joint
        The description of those joints, in the same order.
    positions : (j,) array
        Where they are, rad or m.
    """

    def __init__(self, config: Trajectory, joints: Sequence[Joint], positions: Array) -> None:
        self.names = tuple(config.joints)
        self._config = config
        self._lower = np.array([joint.lower for joint in joints])
        self._upper = np.array([joint.upper for joint in joints])
        self._velocity = np.array([joint.velocity for joint in joints])
        tolerances = [config.constraints.of(name) for name in config.joints]
        self._path = np.array([t.trajectory or np.inf for t in tolerances])
        self._goal = np.array([t.goal or np.inf for t in tolerances])
        self.setpoint = positions.copy()
        self.speed = np.zeros_like(self.setpoint)
        self.motion = Motion()
        self.motion.end(State.SUCCEEDED)
        self._points = self._speeds = np.empty((0, len(self.names)))
        self._times_s = np.empty(0)

    def start(
        self,
        names: Sequence[str],
        positions: npt.ArrayLike,
        times_s: npt.ArrayLike,
        now_s: float,
        velocities: npt.ArrayLike | None = None,
    ) -> Motion:
        """Begin to follow a trajectory from where the joints are meant to be now; ends the motion before it.

        Parameters
        ----------
        names : sequence of str
            All joints of the controller, in any order.
        positions : (n, j) array
            rad or m.
        times_s : (n,) array
            From now on, increasing.
        velocities : (n, j) array or None
            With them the way between two points is cubic, else straight.

        Raises
        ------
        GoalError
            The goal cannot be followed; the motion before it goes on.
        """
        order = self._order(names)
        points = _numbers(positions, "positions")
        times = _numbers(times_s, "times")
        if points.ndim != 2 or points.shape[0] == 0 or points.shape[1] != len(order):
            raise GoalError(
                Code.INVALID_GOAL, f"Each point needs {len(order)} positions, and there must be one."
            )
        if len(points) > MAX_POINTS:
            raise GoalError(Code.INVALID_GOAL, f"More than {MAX_POINTS} points are too many; send fewer.")
        if times.shape != (len(points),) or times[0] < 0.0 or (np.diff(times) <= 0.0).any():
            raise GoalError(
                Code.INVALID_GOAL, "Each point needs a time, from 0 s on and later than the one before."
            )
        speeds = np.zeros((0, len(order))) if velocities is None else _numbers(velocities, "velocities")
        if velocities is not None and speeds.shape != points.shape:
            raise GoalError(
                Code.INVALID_GOAL, "Each point needs a velocity for each of its positions, or none does."
            )
        points = points[:, order]
        outside = (points < self._lower - _OVER_LIMIT) | (points > self._upper + _OVER_LIMIT)
        if outside.any():
            row, column = np.argwhere(outside)[0]
            raise GoalError(
                Code.INVALID_GOAL,
                f"{self.names[column]} cannot go to {points[row, column]:.3f}: "
                f"its limits are {self._lower[column]:.3f} and {self._upper[column]:.3f}.",
            )
        self.motion.end(State.CANCELED, "Another motion took its place.")
        self._points = np.vstack([self.setpoint, points])
        self._speeds = np.vstack([self.speed, speeds[:, order]]) if velocities is not None else speeds
        self._times_s = np.concatenate([[now_s], now_s + np.maximum(times, 1e-6)])
        self.motion = Motion()
        return self.motion

    def _order(self, names: Sequence[str]) -> list[int]:
        """Columns of a goal in the order of the controller's joints."""
        if sorted(names) != sorted(self.names):
            wanted, given = ", ".join(self.names), ", ".join(map(str, names[:20])) or "none"
            raise GoalError(
                Code.INVALID_JOINTS, f"The goal must name the joints {wanted}, each once, not {given}."
            )
        return [list(names).index(name) for name in self.names]

    def hold(self, positions: Array, reason: str) -> None:
        """End the motion and stay at `positions`."""
        self.motion.end(State.ABORTED, reason, Code.PATH_TOLERANCE_VIOLATED)
        self._stay(positions)

    def update(self, positions: Array, velocities: Array, now_s: float, dt_s: float) -> None:
        """Set `setpoint` and `speed` for the coming `dt_s`, and judge the motion by where the joints are."""
        if not len(self._times_s):
            return
        if self.motion.state is State.CANCELED:
            self._stay(positions)
            return
        if not self._judge(positions, velocities, now_s):
            self._stay(positions)
            return
        wanted, speed = self._sample(now_s + dt_s)
        # A drive is not faster than it can be: asked to, it falls behind, and out of its tolerance.
        step = np.clip(wanted - self.setpoint, -self._velocity * dt_s, self._velocity * dt_s)
        self.setpoint = np.clip(self.setpoint + step, self._lower, self._upper)
        self.speed = np.clip(speed, -self._velocity, self._velocity)
        if self.motion.done:
            self._times_s = np.empty(0)

    def _stay(self, positions: Array) -> None:
        self.setpoint = np.clip(positions, self._lower, self._upper)
        self.speed = np.zeros_like(self.setpoint)
        self._times_s = np.empty(0)

    def _judge(self, positions: Array, velocities: Array, now_s: float) -> bool:
        """Whether to go on; ends the motion where it has arrived or failed."""
        wanted, _ = self._sample(now_s)
        off = np.abs(wanted - positions)
        late_s = now_s - self._times_s[-1]
        if late_s < 0.0:
            worst = int(np.argmax(off / self._path))
            if off[worst] > self._path[worst]:
                said = f"{self.names[worst]} is {off[worst]:.3f} off its path, over {self._path[worst]:.3f}."
                self.motion.end(State.ABORTED, said, Code.PATH_TOLERANCE_VIOLATED)
            return not self.motion.done
        stopped = np.abs(velocities) <= self._config.constraints.stopped_velocity_tolerance
        if (off <= self._goal).all() and stopped.all():
            self.motion.end(State.SUCCEEDED)
        elif late_s > self._config.constraints.goal_time:
            worst = int(np.argmax(off / self._goal))
            said = f"{self.names[worst]} is {off[worst]:.3f} off its goal, over {self._goal[worst]:.3f}."
            self.motion.end(State.ABORTED, said, Code.GOAL_TOLERANCE_VIOLATED)
            return False
        return True

    def _sample(self, t_s: float) -> tuple[Array, Array]:
        """Wanted positions and velocities at a time."""
        if t_s >= self._times_s[-1]:
            return self._points[-1], np.zeros_like(self.setpoint)
        i = int(np.searchsorted(self._times_s, t_s, side="right")) - 1
        span_s = self._times_s[i + 1] - self._times_s[i]
        share = (t_s - self._times_s[i]) / span_s
        way = self._points[i + 1] - self._points[i]
        if not len(self._speeds):
            return self._points[i] + share * way, way / span_s
        # Cubic Hermite spline: https://en.wikipedia.org/wiki/Cubic_Hermite_spline
        begin, end = self._speeds[i] * span_s, self._speeds[i + 1] * span_s
        second, third = 3.0 * way - 2.0 * begin - end, begin + end - 2.0 * way
        place = self._points[i] + share * (begin + share * (second + share * third))
        return place, (begin + share * (2.0 * second + 3.0 * share * third)) / span_s


def _numbers(values: npt.ArrayLike, what: str) -> Array:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise GoalError(Code.INVALID_GOAL, f"The {what} must be numbers, as many for each point.") from None
    if not np.isfinite(numbers).all():
        raise GoalError(Code.INVALID_GOAL, f"The {what} hold a number that is not finite.")
    return numbers
