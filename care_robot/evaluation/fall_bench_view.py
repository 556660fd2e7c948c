"""A story of ``bench falls`` before its camera: what was really there, and where it is in the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from care_robot.evaluation.fall_bench_recipe import Trial
from care_robot.geometry import OPTICAL, CameraModel, Pose
from care_robot.perception.bodies import HIPS, Body
from care_robot.perception.ground import Lens
from care_robot.perception.posture import Posture

Array = NDArray[np.float64]

WIDTH_PX, HEIGHT_PX, FPS = 640, 480, 10
FOVY_DEG = 60.0
FOCAL = 0.5 / math.tan(math.radians(FOVY_DEG / 2))
"""Focal length in heights of the picture."""
ASPECT = WIDTH_PX / HEIGHT_PX


@dataclass(frozen=True)
class Truth:
    """What really happened.

    Parameters
    ----------
    begin_s, end_s : float
        Of the fall: the head has come down by a tenth of its way, and the trunk lies on the floor. NaN
        where nobody falls; for who is found lying, 0 and 0.
    octant : int
        Direction of what happens against the camera's line of sight, in steps of 45°, 0 away from it.
    distance_m : float
        From the camera at that moment, on the level.
    in_sight : float
        Share of head, chest, pelvis and feet in the picture and not hidden, over the story.
    """

    begin_s: float
    end_s: float
    octant: int
    distance_m: float
    in_sight: float
    room: str


@dataclass
class Played:
    """A story that was played: the state of the world at every picture, and what is known of it."""

    trial: Trial
    truth: Truth
    states: list[Array]
    postures: list[Posture]
    camera: Pose
    """In the map, x ahead."""

    @property
    def lens(self) -> Lens:
        """How the camera sees the room, as the nodes know it from tf and camera_info."""
        hfov_rad = 2.0 * math.atan(0.5 * ASPECT / FOCAL)
        return Lens(CameraModel.from_hfov(WIDTH_PX, HEIGHT_PX, hfov_rad), self.camera.compose(OPTICAL))

    @property
    def up(self) -> Array:
        """Unit vector that points up in the room, in the camera's optical axes."""
        return np.asarray(self.lens.pose.rotation()[2])


def project(landmarks_m: Array, camera: Pose, focal: float = FOCAL, aspect: float = ASPECT) -> Body:
    """Landmarks (33, 3), m, in the map as a body in the picture of a camera (x ahead)."""
    points = camera.compose(OPTICAL).inverse().apply(landmarks_m)
    depth = np.maximum(points[:, 2:3], 0.05)
    image = 0.5 + focal * points[:, :2] / depth / (aspect, 1.0)
    inside = (points[:, 2] > 0.05) & (np.abs(image - 0.5) <= 0.5).all(axis=1)
    world = points - points[list(HIPS)].mean(axis=0)
    return Body(image, world, np.where(inside, 1.0, 0.0), 1.0)
