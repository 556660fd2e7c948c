"""The simulated resident's skeleton by itself, without a world: where the parts are in a frame of motion.

A frame is the positions of all joints of one person, as they lie in MuJoCo's `qpos`: root x, y, z (m), root
quaternion (w, x, y, z), and 31 joint angles (rad).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import mujoco
import numpy as np
from numpy.typing import NDArray

from care_robot.simulation.resident import (
    ANKLE_HEIGHT,
    JOINTS,
    SOLE_RADIUS,
    TOE_BEFORE_ANKLE,
    Resident,
    Vector,
    add_resident,
)
from care_robot.simulation.resident_gait import Posture

Array = NDArray[np.float64]

TRUNK = ("pelvis", "abdomen", "thorax", "head")
GRIP: Vector = (0.0, 0.0, -0.060)  # middle of the closed hand, in its frame, statures
_TOE: Vector = (TOE_BEFORE_ANKLE - SOLE_RADIUS, 0.0, SOLE_RADIUS - ANKLE_HEIGHT)


@dataclass(frozen=True)
class Keyframe:
    """A posture to move to: joint angles in degrees, one for both sides where the name has no `_l` or `_r`.

    The pelvis is first turned by `turn_deg` about the body's long axis (to the left), then pitched by
    `pitch_deg` (forward; -90 lies on the back), then turned to the heading.
    """

    joints: Mapping[str, float] = field(default_factory=dict)
    pitch_deg: float = 0.0
    turn_deg: float = 0.0


def turned(yaw_rad: float, pitch_rad: float = 0.0, turn_rad: float = 0.0) -> Array:
    """Return the quaternion (w, x, y, z) of a turn about z, then y, then z, each in the turned frame."""
    q, result = np.zeros(4), np.array([math.cos(yaw_rad / 2), 0.0, 0.0, math.sin(yaw_rad / 2)])
    for angle, axis in ((pitch_rad, 2), (turn_rad, 3)):
        step = np.zeros(4)
        step[0], step[axis] = math.cos(angle / 2), math.sin(angle / 2)
        mujoco.mju_mulQuat(q, result, step)
        result = q.copy()
    return result


def rotation_between(first: Array, second: Array) -> Array:
    """Return the rotation vector (3,), rad, in the axes of `first`, that leads to `second` the short way."""
    vector = np.zeros(3)
    mujoco.mju_subQuat(vector, second, first)
    return vector


def rotated(quaternion: Array, vector: Array) -> Array:
    """Return `quaternion` turned by the rotation vector (3,), rad, in its own axes."""
    result = quaternion.copy()
    mujoco.mju_quatIntegrate(result, vector, 1.0)
    return result


def heading(q: Array) -> float:
    """Return where somebody in frame `q` faces; for who lies, where the head points."""
    w, x, y, z = q[3:7]
    up_z = 1 - 2 * (x * x + y * y)
    if abs(up_z) > 0.5:
        return math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    return math.atan2(2 * (y * z - w * x), 2 * (x * z + w * y))


def still(q: Array) -> Array:
    """Return a copy of a frame read from the world, with a quaternion of length one."""
    result = np.array(q, dtype=np.float64)
    result[3:7] /= np.linalg.norm(result[3:7])
    return result


class Skeleton:
    """Kinematics of one resident: frames to places of parts, and back by inverse kinematics."""

    def __init__(self, resident: Resident) -> None:
        spec = mujoco.MjSpec()
        spec.compiler.degree = False
        add_resident(spec, resident, "")
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        self.height_m = resident.height_m
        self.size: int = self.model.nq
        self.index = {j.name: int(self.model.joint(f"/{j.name}").qposadr[0]) for j in JOINTS}
        self._body = {self.model.body(i).name[1:]: i for i in range(1, self.model.nbody)}
        self._low, self._high = (self.model.jnt_range[1:, side] for side in (0, 1))
        self._radius, self._half = self.model.geom_size[:, 0], self.model.geom_size[:, 1]
        self._trunk = np.isin(self.model.geom_bodyid, [self._body[name] for name in TRUNK])

    def frame(self, keyframe: Keyframe, x_m: float, y_m: float, yaw_rad: float) -> Array:
        """Return the frame of `keyframe` with the pelvis over (x, y) and the lowest point on the floor."""
        q = np.zeros(self.size)
        q[:2] = x_m, y_m
        q[3:7] = turned(yaw_rad, math.radians(keyframe.pitch_deg), math.radians(keyframe.turn_deg))
        for name, angle_deg in keyframe.joints.items():
            for full in (name,) if name in self.index else (f"{name}_l", f"{name}_r"):
                q[self.index[full]] = math.radians(angle_deg)
        q[7:] = np.clip(q[7:], self._low, self._high)
        return self.raised(q, 0.0)

    def of_posture(self, posture: Posture) -> Array:
        """Return a posture of walking as a frame."""
        q = np.zeros(self.size)
        q[:3] = posture.pelvis_m
        q[3], q[6] = math.cos(posture.yaw_rad / 2), math.sin(posture.yaw_rad / 2)
        for name, angle in posture.joints.items():
            q[self.index[name]] = angle
        return q

    def raised(self, q: Array, lowest_m: float, *, trunk: bool = False) -> Array:
        """Return `q` moved up or down so that the lowest point (of the trunk) is at `lowest_m`."""
        result = q.copy()
        result[2] += lowest_m - self.lowest(q, trunk=trunk)
        return result

    def lowest(self, q: Array, *, trunk: bool = False) -> float:
        """Return the height, m, of the lowest point of the body, or of the trunk with the head."""
        self._place(q)
        low = self.data.geom_xpos[:, 2] - np.abs(self.data.geom_xmat[:, 8]) * self._half - self._radius
        return float(low[self._trunk].min() if trunk else low.min())

    def toes(self, q: Array, sides: str = "lr") -> Array:
        """Return where the balls of the feet are on average, (2,) m."""
        self._place(q)
        points: Array = np.array([self._point(f"foot_{side}", _TOE)[:2] for side in sides])
        return np.asarray(points.mean(axis=0))

    def grip(self, q: Array, side: str = "r") -> Array:
        """Return where the middle of the closed hand is, (3,) m."""
        self._place(q)
        return self._point(f"hand_{side}", GRIP)

    def reach(self, q: Array, target_m: Array, joints: Sequence[str], side: str = "r") -> tuple[Array, float]:
        """Move `joints` so that the hand comes to `target_m` (3,): damped least squares within the limits.

        Returns the frame and the distance, m, that is left.
        """
        result = q.copy()
        columns = [self.index[name] - 1 for name in joints]  # the root has one more position than velocities
        rows = [self.index[name] for name in joints]
        low, high = self._low[np.subtract(rows, 7)], self._high[np.subtract(rows, 7)]
        jacobian = np.zeros((3, self.model.nv))
        for _ in range(60):
            self._place(result)
            mujoco.mj_comPos(self.model, self.data)
            hand = self._point(f"hand_{side}", GRIP)
            gap = target_m - hand
            if np.linalg.norm(gap) < 0.005:
                break
            mujoco.mj_jac(self.model, self.data, jacobian, None, hand, self._body[f"hand_{side}"])
            part = jacobian[:, columns]
            step = part.T @ np.linalg.solve(part @ part.T + 0.01 * np.eye(3), gap)
            result[rows] = np.clip(result[rows] + np.clip(step, -0.2, 0.2), low, high)
        return result, float(np.linalg.norm(target_m - self.grip(result, side)))

    def _place(self, q: Array) -> None:
        self.data.qpos[:] = q
        mujoco.mj_kinematics(self.model, self.data)

    def _point(self, body: str, offset: Vector) -> Array:
        i = self._body[body]
        point: Array = self.data.xpos[i] + self.data.xmat[i].reshape(3, 3) @ np.multiply(
            offset, self.height_m
        )
        return point
