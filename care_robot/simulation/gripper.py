"""Opens and closes a gripper as ros2_control's parallel_gripper_action_controller does."""

from __future__ import annotations

import math

from care_robot.description import Joint
from care_robot.simulation.controllers import Gripper
from care_robot.simulation.trajectory import Code, GoalError, Motion, State


class Grip(Motion):
    """One goal of the gripper; `stalled` where something was between the fingers."""

    def __init__(self) -> None:
        super().__init__()
        self.stalled = False
        self.reached_goal = False


class GripperController:
    """Moves the finger that the other one follows. Positions are m of one finger, efforts N at each."""

    def __init__(self, config: Gripper, joint: Joint, position_m: float) -> None:
        self._config, self._joint = config, joint
        self._goal_m = self.setpoint_m = position_m
        self.effort_n = config.max_effort
        self.grip = Grip()
        self.grip.end(State.SUCCEEDED)
        self._moved_s = -math.inf

    def start(self, position_m: float, max_effort_n: float, now_s: float) -> Grip:
        """Begin to move; an effort of 0 is taken for the usual one. GoalError where the goal cannot be."""
        if not (math.isfinite(position_m) and math.isfinite(max_effort_n)):
            raise GoalError(Code.INVALID_GOAL, "The gripper's goal holds a number that is not finite.")
        lower, upper = self._joint.lower, self._joint.upper
        if not lower - 1e-3 <= position_m <= upper + 1e-3:
            said = f"{self._joint.name} cannot go to {position_m:.4f} m: it has {lower:g} to {upper:g} m."
            raise GoalError(Code.INVALID_GOAL, said)
        if max_effort_n < 0.0:
            raise GoalError(Code.INVALID_GOAL, f"An effort of {max_effort_n:g} N cannot be; give 0 or more.")
        self.grip.end(State.CANCELED, "Another goal took its place.")
        self._goal_m = min(max(position_m, lower), upper)
        self.effort_n = min(max_effort_n or self._config.max_effort, self._joint.effort)
        self._moved_s = now_s
        self.grip = Grip()
        return self.grip

    def hold(self, reason: str) -> None:
        """Move no further, and keep the force."""
        self.grip.end(State.ABORTED, reason)
        self._goal_m = self.setpoint_m

    def update(self, position_m: float, velocity_m_s: float, now_s: float, dt_s: float) -> None:
        """Set `setpoint_m` for the coming `dt_s`, and judge the goal."""
        if self.grip.state is State.CANCELED:
            self._goal_m = self.setpoint_m
        elif not self.grip.done:
            self._judge(position_m, velocity_m_s, now_s)
        step = self._config.max_velocity * dt_s
        self.setpoint_m = min(max(self._goal_m, self.setpoint_m - step), self.setpoint_m + step)

    def _judge(self, position_m: float, velocity_m_s: float, now_s: float) -> None:
        if abs(position_m - self._goal_m) < self._config.goal_tolerance:
            self.grip.reached_goal = True
            self.grip.end(State.SUCCEEDED)
        elif abs(velocity_m_s) > self._config.stall_velocity_threshold:
            self._moved_s = now_s
        elif now_s - self._moved_s > self._config.stall_timeout:
            self.grip.stalled = True
            state = State.SUCCEEDED if self._config.allow_stalling else State.ABORTED
            self.grip.end(state, f"The gripper stopped {2000.0 * position_m:.0f} mm open.")
