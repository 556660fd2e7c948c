"""Poses, frames and pinhole cameras. Pure: numpy and transforms3d only.

Frames follow REP-103: bodies are x forward, y left, z up; optical frames are x right, y down, z forward.
Quaternions are (x, y, z, w) as in ROS messages.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from transforms3d.euler import euler2quat, quat2euler
from transforms3d.quaternions import mat2quat, qconjugate, qmult, quat2mat, rotate_vector

Array = npt.NDArray[np.float64]


class GeometryError(ValueError):
    """A pose or camera that cannot be: the message says what is wrong with it."""


def _wxyz(xyzw: Array) -> Array:
    return np.asarray(xyzw[[3, 0, 1, 2]])  # many times quicker than np.roll


def _xyzw(wxyz: Array) -> Array:
    return np.asarray(wxyz[[1, 2, 3, 0]])


@dataclass(frozen=True, eq=False)
class Pose:
    """A rigid transform: the place of a child frame in its parent, or the map from child to parent axes.

    Parameters
    ----------
    position : (3,) array
        Origin of the child in the parent, m.
    quaternion : (4,) array
        Rotation from child to parent axes, (x, y, z, w); normalised here.

    Raises
    ------
    GeometryError
        A number is not finite, or the quaternion is zero.
    """

    position: Array
    quaternion: Array

    def __post_init__(self) -> None:
        position = np.asarray(self.position, dtype=np.float64)
        quaternion = np.asarray(self.quaternion, dtype=np.float64)
        if position.shape != (3,) or quaternion.shape != (4,):
            raise GeometryError("A pose needs 3 numbers of position and 4 of quaternion.")
        length = float(np.linalg.norm(quaternion))
        if not (np.isfinite(position).all() and math.isfinite(length)):
            raise GeometryError("A pose holds a number that is not finite.")
        if length < 1e-6:
            raise GeometryError("A pose holds a quaternion of length zero.")
        object.__setattr__(self, "position", position)
        object.__setattr__(self, "quaternion", quaternion / length)

    @classmethod
    def identity(cls) -> Pose:
        """Parent and child are the same."""
        return cls(np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0]))

    @classmethod
    def from_rpy(
        cls, x: float, y: float, z: float, *, roll: float = 0.0, pitch: float = 0.0, yaw: float = 0.0
    ) -> Pose:
        """From metres and radians; roll, pitch, yaw about the parent's fixed x, y, z axes (REP-103)."""
        return cls(np.array([x, y, z]), _xyzw(np.asarray(euler2quat(roll, pitch, yaw, "sxyz"))))

    @classmethod
    def from_matrix(cls, matrix: Array) -> Pose:
        """From a homogeneous (4, 4) matrix."""
        return cls(matrix[:3, 3], _xyzw(np.asarray(mat2quat(matrix[:3, :3]))))

    def rpy(self) -> tuple[float, float, float]:
        """Roll, pitch, yaw in rad."""
        roll, pitch, yaw = quat2euler(_wxyz(self.quaternion), "sxyz")
        return float(roll), float(pitch), float(yaw)

    def matrix(self) -> Array:
        """Homogeneous (4, 4) matrix."""
        result = np.eye(4)
        result[:3, :3] = self.rotation()
        result[:3, 3] = self.position
        return result

    def rotation(self) -> Array:
        """Rotation matrix (3, 3), child to parent axes."""
        return np.asarray(quat2mat(_wxyz(self.quaternion)), dtype=np.float64)

    def compose(self, child: Pose) -> Pose:
        """Pose of the child's child in this pose's parent: ``a_to_b.compose(b_to_c)`` is ``a_to_c``."""
        position = self.position + np.asarray(rotate_vector(child.position, _wxyz(self.quaternion)))
        quaternion = qmult(_wxyz(self.quaternion), _wxyz(child.quaternion))
        return Pose(position, _xyzw(np.asarray(quaternion)))

    def inverse(self) -> Pose:
        """Pose of the parent in the child."""
        inverse = np.asarray(qconjugate(_wxyz(self.quaternion)))
        return Pose(-np.asarray(rotate_vector(self.position, inverse)), _xyzw(inverse))

    def apply(self, points: npt.ArrayLike) -> Array:
        """Points (..., 3) from child to parent axes."""
        moved: Array = np.asarray(points, dtype=np.float64) @ self.rotation().T + self.position
        return moved


OPTICAL = Pose(np.zeros(3), np.array([-0.5, 0.5, -0.5, 0.5]))
"""Place of the optical frame (z forward) in its camera's body frame (x forward): REP-103."""


@dataclass(frozen=True)
class CameraModel:
    """A pinhole camera with the "plumb_bob" distortion of sensor_msgs/CameraInfo.

    Parameters
    ----------
    width, height : int
        Size of the image, px.
    fx, fy, cx, cy : float
        Focal lengths and principal point, px.
    distortion : tuple of float
        k1, k2, t1, t2, k3; empty for none.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        numbers = (self.fx, self.fy, self.cx, self.cy, *self.distortion)
        if self.width <= 0 or self.height <= 0 or not all(math.isfinite(n) for n in numbers):
            raise GeometryError("A camera needs a size above zero and finite numbers.")
        if self.fx <= 0.0 or self.fy <= 0.0:
            raise GeometryError("A camera needs focal lengths above zero: it is not calibrated.")
        if len(self.distortion) not in (0, 4, 5):
            raise GeometryError("A camera's distortion has 0, 4 or 5 numbers (plumb_bob).")

    @classmethod
    def from_hfov(cls, width: int, height: int, hfov_rad: float) -> CameraModel:
        """Ideal camera with square pixels and a horizontal field of view in rad."""
        if not 0.0 < hfov_rad < math.pi:
            raise GeometryError("A camera's field of view lies between 0 and pi rad.")
        focal = width / 2.0 / math.tan(hfov_rad / 2.0)
        return cls(width, height, focal, focal, width / 2.0, height / 2.0)

    @classmethod
    def from_camera_info(
        cls, width: int, height: int, k: Sequence[float], d: Sequence[float] = (), model: str = "plumb_bob"
    ) -> CameraModel:
        """From the fields width, height, k (9), d and distortion_model of sensor_msgs/CameraInfo."""
        if len(k) != 9:
            raise GeometryError("A camera matrix has 9 numbers.")
        distortion = tuple(float(n) for n in d) if any(d) else ()
        if distortion and model != "plumb_bob":
            raise GeometryError(f"Distortion model {model!r} is not known: calibrate with plumb_bob.")
        return cls(width, height, float(k[0]), float(k[4]), float(k[2]), float(k[5]), distortion)

    def k(self) -> list[float]:
        """Camera matrix, row by row, as in sensor_msgs/CameraInfo."""
        return [self.fx, 0.0, self.cx, 0.0, self.fy, self.cy, 0.0, 0.0, 1.0]

    def project(self, points: npt.ArrayLike) -> Array:
        """Points (..., 3) in m in the optical frame to pixels (..., 2); NaN for points not in front."""
        p = np.asarray(points, dtype=np.float64)
        depth = np.where(p[..., 2] > 1e-6, p[..., 2], np.nan)
        normal = self._distort(p[..., :2] / depth[..., None])
        return np.asarray(normal * (self.fx, self.fy) + (self.cx, self.cy))

    def ray(self, pixels: npt.ArrayLike) -> Array:
        """Unit vectors (..., 3) in the optical frame through pixels (..., 2)."""
        seen = (np.asarray(pixels, dtype=np.float64) - (self.cx, self.cy)) / (self.fx, self.fy)
        normal = seen
        for _ in range(10 if self.distortion else 0):  # fixed point: x = seen - (distort(x) - x)
            normal = seen - (self._distort(normal) - normal)
        ray = np.concatenate([normal, np.ones((*normal.shape[:-1], 1))], axis=-1)
        return np.asarray(ray / np.linalg.norm(ray, axis=-1, keepdims=True))

    def _distort(self, normal: Array) -> Array:
        """Brown's model, as in the definition of sensor_msgs/CameraInfo."""
        if not self.distortion:
            return normal
        k1, k2, t1, t2, k3 = (*self.distortion, 0.0)[:5]
        x, y = normal[..., 0], normal[..., 1]
        r2 = x * x + y * y
        radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
        return np.stack(
            [
                x * radial + 2.0 * t1 * x * y + t2 * (r2 + 2.0 * x * x),
                y * radial + t1 * (r2 + 2.0 * y * y) + 2.0 * t2 * x * y,
            ],
            axis=-1,
        )


def ray_to_floor(camera: Pose, ray: npt.ArrayLike, floor_z_m: float = 0.0) -> Array | None:
    """Where a ray from a camera meets a level floor.

    Parameters
    ----------
    camera : Pose
        Optical frame in a frame whose z axis points up, such as ``map``.
    ray : (3,) array
        Direction in the optical frame.

    Returns
    -------
    (3,) array or None
        Point in the upper frame, m; None where the ray does not go down to the floor.
    """
    direction = camera.rotation() @ np.asarray(ray, dtype=np.float64)
    drop = camera.position[2] - floor_z_m
    if drop <= 0.0 or not direction[2] < -1e-9:
        return None
    return np.asarray(camera.position + direction * (drop / -direction[2]))
