"""Stick people in a room, as cameras on the wall and on the robot see them."""

from __future__ import annotations

import math

import numpy as np
from stick_people import LYING, SITTING, stick_body

from care_robot.geometry import OPTICAL, CameraModel, Pose
from care_robot.perception.bodies import HIPS, Array, Body, middle
from care_robot.perception.ground import Lens

MODEL = CameraModel.from_hfov(640, 480, 1.31)
SOLE_M = 0.03


def lens(x: float, y: float, *, at: tuple[float, float], height: float = 2.2, pitch: float = 0.38) -> Lens:
    """A camera at (x, y) that looks towards `at`; as high as on the wall."""
    yaw = math.atan2(at[1] - y, at[0] - x)
    return Lens(MODEL, Pose.from_rpy(x, y, height, pitch=pitch, yaw=yaw).compose(OPTICAL))


def in_room(
    x: float, y: float, *, heading: float = 0.0, height: float = 0.0, size: float = 1.0, **posture: float
) -> Array:
    """Landmarks (33, 3) in the map of somebody with the hips at (x, y), the lowest point just over `height`.

    Who lies has the head in the direction `heading`; others look there.
    """
    shape = stick_body(**posture).world * size  # type: ignore[arg-type]
    ahead, aside, up = shape[:, 0], shape[:, 2], -shape[:, 1]
    points = np.stack(
        [
            x + ahead * math.cos(heading) - aside * math.sin(heading),
            y + ahead * math.sin(heading) + aside * math.cos(heading),
            up - up.min() + height + SOLE_M,
        ],
        axis=1,
    )
    return np.asarray(points)


def standing(x: float, y: float, **more: float) -> Array:
    """Somebody who stands."""
    return in_room(x, y, **more)


def sitting(x: float, y: float, **more: float) -> Array:
    """Somebody who sits with level thighs: the hips 0.45 m over the floor."""
    return in_room(x, y, **more, **SITTING)


def lying(x: float, y: float, **more: float) -> Array:
    """Somebody who lies."""
    return in_room(x, y, **more, **LYING)


def seen_by(lens: Lens, points: Array, *, taken_for: float = 1.0) -> Body:
    """What a pose model finds that takes a body for `taken_for` times its size.

    It tells the shape as if the camera looked straight at the hips, as real ones do.
    """
    optical = lens.pose.inverse().apply(points)
    hips = middle(optical, HIPS)
    turn = turn_to(hips / np.linalg.norm(hips))
    world = (optical - hips) @ turn * taken_for
    image = lens.model.project(optical) / (lens.model.width, lens.model.height)
    return Body(image, world, np.ones(33), 1.0)


def turn_to(ray: Array) -> Array:
    """The smallest rotation (3, 3) of the optical axis to a ray."""
    x, y, z = ray
    across = np.array([[0.0, 0.0, x], [0.0, 0.0, y], [-x, -y, 0.0]])
    return np.asarray(np.eye(3) + across + across @ across / (1.0 + z))
