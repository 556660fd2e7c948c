"""Posture of one body from one view: explainable rules on joint angles in 3D.

The angles come from the body's landmarks in metres and the direction of "up", so they do not depend on where
in the picture the body is, nor on its size. What cannot be told stays UNKNOWN.
"""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np

from care_robot.perception.bodies import HIPS, Array, Body, Landmark, angle_between, middle

VISIBLE = 0.5

# A torso is upright up to here and horizontal from there; between them it leans. Sitting and walking people
# lean by up to 30°; a lying torso is at most about 30° off the horizontal.
UPRIGHT_RAD = math.radians(40.0)
LYING_RAD = math.radians(60.0)
TORSO_ALONE_LYING_RAD = math.radians(75.0)
# A thigh is upright when standing and level when sitting; a stretched knee has 180°.
THIGH_UPRIGHT_RAD = math.radians(40.0)
KNEE_STRETCHED_RAD = math.radians(140.0)
KNEE_BENT_RAD = math.radians(110.0)
KNEE_FOLDED_RAD = math.radians(75.0)
# Height of the hips over the ankles in lengths of the leg: 1 standing, 0.5 on a chair, 0 on the floor.
HIPS_LOW = 0.3
HIPS_HIGH = 0.6
WALKING_TORSOS_PER_S = 0.6  # a torso is about 0.5 m


_LEGS = (
    (Landmark.LEFT_HIP, Landmark.LEFT_KNEE, Landmark.LEFT_ANKLE),
    (Landmark.RIGHT_HIP, Landmark.RIGHT_KNEE, Landmark.RIGHT_ANKLE),
)


class Posture(IntEnum):
    """What a body does; the numbers are those of care_robot_msgs/Person."""

    UNKNOWN = 0
    STANDING = 1
    WALKING = 2
    SITTING = 3
    BENDING = 4
    CROUCHING = 5
    KNEELING = 6
    LYING_ON_FURNITURE = 7
    LYING_ON_FLOOR = 8
    LYING = 9


def posture_of(body: Body, up: Array, speed_torsos_per_s: float = 0.0) -> tuple[Posture, float]:
    """Posture and its confidence.

    Parameters
    ----------
    body : Body
        With finite numbers.
    up : (3,) array
        Unit vector that points up in the room, in the camera's optical axes.
    speed_torsos_per_s : float
        Speed of the hips in the image, in lengths of the torso a second.

    Returns
    -------
    Posture, float
        Confidence 0 to 1: how well the landmarks that it rests on are seen.
    """
    inclination = body.torso_inclination(up)
    torso_seen = body.torso_visibility()
    if torso_seen < VISIBLE or math.isnan(inclination):
        return Posture.UNKNOWN, 0.0
    leg = better_leg(body)
    if leg is None:  # a torso alone tells lying from upright only where it is clear
        clear = inclination > TORSO_ALONE_LYING_RAD
        return (Posture.LYING, 0.5 * torso_seen) if clear else (Posture.UNKNOWN, 0.0)
    posture = _with_legs(body, leg, inclination, up)
    if posture is Posture.STANDING and speed_torsos_per_s > WALKING_TORSOS_PER_S:
        posture = Posture.WALKING
    seen = 0.0 if posture is Posture.UNKNOWN else min(torso_seen, float(body.visibility[list(leg)].min()))
    return posture, seen


def hip_height(body: Body, up: Array) -> float:
    """Height of the hips over the ankle of the leg that is seen better, in lengths of the leg.

    1 standing, 0.5 on a chair, 0 lying; NaN where neither leg is seen.
    """
    leg = better_leg(body)
    if leg is None:
        return math.nan
    hip, knee, ankle = (body.world[mark] for mark in leg)
    length = float(np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle))
    return float((middle(body.world, HIPS) - ankle) @ up) / max(length, 1e-6)


def better_leg(body: Body) -> tuple[Landmark, Landmark, Landmark] | None:
    """Hip, knee and ankle of the leg that is seen better; None when neither is."""
    best = max(_LEGS, key=lambda leg: float(body.visibility[list(leg)].min()))
    return best if body.visibility[list(best)].min() >= VISIBLE else None


def _with_legs(
    body: Body, leg: tuple[Landmark, Landmark, Landmark], inclination: float, up: Array
) -> Posture:
    hip, knee, ankle = (body.world[mark] for mark in leg)
    thigh, knee_angle, height = (
        angle_between(hip - knee, up),
        angle_between(hip - knee, ankle - knee),
        hip_height(body, up),
    )
    thigh_upright = thigh < THIGH_UPRIGHT_RAD
    rules = (  # the first that holds
        # Feet far below a level torso carry it: bent over, not lying.
        (Posture.BENDING, inclination >= LYING_RAD and height > HIPS_HIGH),
        (Posture.LYING, inclination >= LYING_RAD),
        (Posture.CROUCHING, height < HIPS_LOW and knee_angle < KNEE_FOLDED_RAD),
        (Posture.SITTING, height < HIPS_LOW),
        (Posture.KNEELING, thigh_upright and knee_angle < KNEE_BENT_RAD),
        (Posture.BENDING, thigh_upright and inclination > UPRIGHT_RAD),
        (Posture.STANDING, thigh_upright),
        (Posture.CROUCHING, knee_angle < KNEE_FOLDED_RAD),
        (Posture.SITTING, knee_angle < KNEE_STRETCHED_RAD),
    )
    return next((posture for posture, holds in rules if holds), Posture.UNKNOWN)
