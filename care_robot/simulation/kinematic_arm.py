"""Lift, arm, head and gripper of the kinematic world's robot: they do at once what they are told."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from care_robot.actuation.robot_state import RobotState
from care_robot.description import JointKind, Model
from care_robot.geometry import Pose
from care_robot.simulation.controllers import Controllers
from care_robot.simulation.kinematic_inhabitant import Thing
from care_robot.simulation.kinematic_motions import Grip, Trajectory, TrajectoryError
from care_robot.simulation.kinematic_walls import Walls
from care_robot.simulation.trajectory import State

GRASP_M = 0.06
"""How far from the middle of the fingers a thing may be when they close on it."""
SLACK_M = 0.002
HELD = "The robot is stopped: its joints hold until the stop is reset."


class Joints:
    """All joints of the robot but the wheels."""

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


class Arm:
    """What moves the joints, and holds a thing.

    Parameters
    ----------
    model : Model
        The robot.
    controllers : Controllers
        Which joints each controller moves.
    things : mapping
        What can be held, by name.
    walls : Walls
        On which a thing comes to stand that is let go.
    """

    def __init__(
        self, model: Model, controllers: Controllers, things: Mapping[str, Thing], walls: Walls
    ) -> None:
        self.joints = Joints(model)
        self.gripper_joint = controllers.gripper.joint
        self.base = Pose.identity()  # of the robot, in the map
        self._controllers, self._things, self._walls = controllers, things, walls
        self._motions: dict[str, Trajectory] = {}
        self._grip: Grip | None = None
        self._held_at = Pose.identity()  # the held thing in the grasp's frame

    def pose(self, link: str) -> Pose:
        """Pose of a link in the map."""
        return self.base.compose(self.joints.pose(link))

    @property
    def held(self) -> Thing | None:
        """What the gripper holds."""
        return next((thing for thing in self._things.values() if thing.held_by == "robot"), None)

    def follow(
        self,
        controller: str,
        names: Sequence[str],
        positions: Sequence[Sequence[float]],
        times_s: Sequence[float],
        now_s: float,
    ) -> Trajectory:
        """Move joints; what cannot be followed has ended already. It takes the place of one before."""
        motion = self.joints.trajectory(
            self._controllers.trajectories[controller].joints, names, positions, times_s, now_s
        )
        if motion.state is State.RUNNING:
            if controller in self._motions:
                self._motions[controller].end(State.ABORTED, TrajectoryError.SUCCESSFUL, "Replaced.")
            self._motions[controller] = motion
        return motion

    def grip(self, position_m: float) -> Grip | None:
        """Move the fingers; None where that is no position of theirs. It takes the place of one before."""
        low, high = self.joints.limits(self.gripper_joint)
        if not low - 1e-3 <= position_m <= high + 1e-3:
            return None
        if self._grip is not None:
            self._grip.end(State.ABORTED, sentence="Another goal has taken its place.")
        self._grip = Grip(target_m=min(max(position_m, low), high))
        return self._grip

    def step(self, dt_s: float, now_s: float, *, held: bool) -> None:
        """Let time pass until `now_s`; `held` joints stay where they are."""
        for name, motion in list(self._motions.items()):
            if motion.state is not State.RUNNING:
                del self._motions[name]
            elif held:
                code = TrajectoryError.PATH_TOLERANCE_VIOLATED
                motion.end(State.ABORTED, code, HELD)
            else:
                self.joints.positions.update(motion.at(now_s))
                if now_s >= motion.started_s + motion.times_s[-1] - 1e-6:
                    motion.end(State.SUCCEEDED)
        if self._grip is not None and self._grip.state is State.RUNNING:
            if held:
                self._grip.end(State.ABORTED, sentence=HELD)
            else:
                self._close(self._grip, dt_s)
        thing = self.held
        if thing is not None:
            thing.pose = self.pose("grasp_link").compose(self._held_at)

    def release(self, thing: Thing) -> None:
        """Let a thing come to stand on what is under it."""
        thing.held_by = ""
        x, y, _ = (float(n) for n in thing.pose.position)
        z = self._walls.surface_below(thing.centre_m) - float(thing.middle_m[2] - thing.half_m[2])
        thing.pose = Pose.from_rpy(x, y, z, yaw=thing.pose.rpy()[2])

    def _close(self, grip: Grip, dt_s: float) -> None:
        """Move the fingers; what is between them when they close is held."""
        now_m = self.joints.positions[self.gripper_joint]
        thing = self.held or (self._within_reach(now_m) if grip.target_m < now_m else None)
        least_m = float(thing.half_m[:2].min()) if thing is not None else 0.0
        step_m = self._controllers.gripper.max_velocity * dt_s
        next_m = now_m + max(-step_m, min(step_m, grip.target_m - now_m))
        if thing is not None and grip.target_m < least_m and next_m <= least_m:
            if not thing.held_by:
                thing.held_by = "robot"
                self._held_at = self.pose("grasp_link").inverse().compose(thing.pose)
            next_m, grip.stalled = least_m, True
            grip.end(State.SUCCEEDED)
        elif thing is not None and thing.held_by and next_m > least_m + SLACK_M:
            self.release(thing)
        self.joints.positions[self.gripper_joint] = next_m
        if abs(next_m - grip.target_m) < 1e-6:
            grip.end(State.SUCCEEDED)

    def _within_reach(self, opening_m: float) -> Thing | None:
        grasp = self.pose("grasp_link").position
        near = [
            (float(np.linalg.norm(thing.centre_m - grasp)), name)
            for name, thing in self._things.items()
            if not thing.held_by and float(thing.half_m[:2].min()) <= opening_m + SLACK_M
        ]
        distance, name = min(near, default=(math.inf, ""))
        return self._things[name] if distance < GRASP_M else None
