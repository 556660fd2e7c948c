"""Where the links of a robot are, from the positions of its joints (forward kinematics)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from care_robot.description import Joint, JointKind, Model
from care_robot.geometry import Pose


class JointStateError(ValueError):
    """A joint position that cannot be used; the message names the joint."""


@dataclass(frozen=True)
class Transform:
    """Pose of the frame `child` in the frame `parent`."""

    parent: str
    child: str
    pose: Pose


class RobotState:
    """Splits a robot into transforms that never change and those that follow its joints.

    Parameters
    ----------
    model
        Links with their poses in the model while all joints are at zero.

    Attributes
    ----------
    fixed
        Transforms of the fixed joints.
    joints
        Names of the joints that move on their own, in the order of the description.
    """

    def __init__(self, model: Model) -> None:
        self._name = model.name
        poses = {link.name: link.pose for link in model.links}
        self._zero = {
            joint.name: poses[joint.parent].inverse().compose(poses[joint.child]) for joint in model.joints
        }
        self._moving = {j.name: j for j in model.joints if j.kind is not JointKind.FIXED}
        self.joints = tuple(name for name, joint in self._moving.items() if joint.mimic is None)
        self.fixed = tuple(
            Transform(joint.parent, joint.child, self._zero[joint.name])
            for joint in model.joints
            if joint.kind is JointKind.FIXED
        )

    def check(self, positions: Mapping[str, float]) -> None:
        """Refuse positions of joints that the robot does not have, and what is not a finite number.

        Raises
        ------
        JointStateError
            The sentence names the joint.
        """
        for name, position in positions.items():
            if name not in self._moving:
                known = ", ".join(self._moving) or "none"
                raise JointStateError(f"{self._name} has no joint '{name}' that moves; it has {known}.")
            if not math.isfinite(position):
                raise JointStateError(f"The position of joint '{name}' is {position}; it must be finite.")

    def transforms(self, positions: Mapping[str, float]) -> tuple[Transform, ...]:
        """Transforms of the moving joints whose position is known, those that mimic one of them included.

        Parameters
        ----------
        positions
            Position by joint, rad or m; not all joints need be there.

        Raises
        ------
        JointStateError
            As `check`.
        """
        self.check(positions)
        found = []
        for name, joint in self._moving.items():
            source, factor = (joint.mimic, joint.mimic_multiplier) if joint.mimic else (name, 1.0)
            if source in positions:
                pose = self._zero[name].compose(_motion(joint, positions[source] * factor))
                found.append(Transform(joint.parent, joint.child, pose))
        return tuple(found)


def _motion(joint: Joint, position: float) -> Pose:
    """What a joint's position does to its child: along the axis, or about it through the anchor."""
    axis = np.asarray(joint.axis) / np.linalg.norm(joint.axis)
    if joint.kind is JointKind.PRISMATIC:
        return Pose(axis * position, np.array([0.0, 0.0, 0.0, 1.0]))
    turn = Pose(np.zeros(3), np.array([*(axis * math.sin(position / 2)), math.cos(position / 2)]))
    anchor = np.asarray(joint.anchor_m, dtype=np.float64)
    return Pose(anchor - turn.apply(anchor), turn.quaternion)
