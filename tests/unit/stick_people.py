"""Stick people for tests: a level camera sees them from the side or the front, a torso is 0.5 m."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from care_robot.perception.bodies import Body, Landmark

M = Landmark
TORSO_M = 0.5
THIGH_M = 0.42
SHANK_M = 0.42
HEAD_M = 0.25


def stick_body(
    *,
    inclination: float = 0.0,
    thigh: float = 0.0,
    shank: float = 0.0,
    hip: tuple[float, float] = (0.65, 0.5),
    torso: float = 0.2,
    aspect: float = 4 / 3,
    mirror: bool = False,
    visible_legs: bool = True,
) -> Body:
    """A body in the image plane.

    Parameters
    ----------
    inclination, thigh, shank : float
        Angles from upright, rad: of the torso (head to the right), of hip over knee, of knee over ankle.
    hip : tuple of float
        Middle of the hips in heights of the image.
    torso : float
        Length of the torso in heights of the image.
    """
    up = np.array([0.0, -1.0, 0.0])
    side = np.array([-1.0 if mirror else 1.0, 0.0, 0.0])

    def along(angle: float, length: float) -> np.ndarray:
        return length * (math.cos(angle) * up + math.sin(angle) * side)

    world = np.zeros((33, 3))
    shoulder = along(inclination, TORSO_M)
    knee = -along(thigh, THIGH_M)
    ankle = knee - along(shank, SHANK_M)
    head = shoulder + along(inclination, HEAD_M)
    for left in (True, False):
        apart = np.array([0.0, 0.0, 0.12 if left else -0.12])
        offset = 0 if left else 1
        world[M.LEFT_HIP + offset] = apart
        world[M.LEFT_SHOULDER + offset] = shoulder + apart
        world[M.LEFT_ELBOW + offset] = 0.5 * shoulder + apart
        world[M.LEFT_WRIST + offset] = 0.1 * shoulder + apart
        for hand in (M.LEFT_PINKY, M.LEFT_INDEX, M.LEFT_THUMB):
            world[hand + offset] = apart
        world[M.LEFT_KNEE + offset] = knee + apart
        for foot in (M.LEFT_ANKLE, M.LEFT_HEEL, M.LEFT_FOOT_INDEX):
            world[foot + offset] = ankle + apart
    world[: M.LEFT_SHOULDER] = head
    height_units = np.array(hip) + world[:, :2] * (torso / TORSO_M)
    visibility = np.ones(33)
    if not visible_legs:
        visibility[M.LEFT_KNEE :] = 0.1
    return Body(height_units / (aspect, 1.0), world, visibility, 1.0)


LYING = {"inclination": math.pi / 2, "thigh": math.pi / 2, "shank": math.pi / 2}
SITTING = {"thigh": -math.pi / 2}
BENDING = {"inclination": math.radians(80)}
CROUCHING = {"inclination": math.radians(25), "thigh": math.radians(-115), "shank": math.radians(25)}
KNEELING = {"shank": math.pi / 2}


def going_down(share: float, *, hip_y: float = 0.5, torso: float = 0.2, **where: Any) -> Body:
    """A body on its way from standing (share 0) to lying on the floor (share 1)."""
    share = min(max(share, 0.0), 1.0)
    angle = share * math.pi / 2
    floor_y = hip_y + 0.74 / TORSO_M * torso  # hips 0.84 m over the floor, then 0.1 m
    return stick_body(
        inclination=angle,
        thigh=angle,
        shank=angle,
        hip=(where.pop("hip_x", 0.65), hip_y + share * (floor_y - hip_y)),
        torso=torso,
        **where,
    )
