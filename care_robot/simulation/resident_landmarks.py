"""MediaPipe's 33 pose landmarks on the simulated resident's body."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from care_robot.simulation.resident import (
    ANKLE_HEIGHT,
    HAND,
    HEEL_BEHIND_ANKLE,
    SOLE_RADIUS,
    TOE_BEFORE_ANKLE,
    Vector,
)

Array = NDArray[np.float64]

_HEEL: Vector = (-HEEL_BEHIND_ANKLE + SOLE_RADIUS, 0.0, SOLE_RADIUS - ANKLE_HEIGHT)
_TOE: Vector = (TOE_BEFORE_ANKLE - SOLE_RADIUS, 0.0, SOLE_RADIUS - ANKLE_HEIGHT)


def _both(body: str, x: float, y: float, z: float) -> tuple[tuple[str, Vector], tuple[str, Vector]]:
    """Return a point of the left side, y outwards, and its mirror image on the right."""
    if body == "head":
        return (body, (x, y, z)), (body, (x, -y, z))
    return (f"{body}_l", (x, y, z)), (f"{body}_r", (x, -y, z))


_EYES = [_both("head", 0.052, y, 0.083) for y in (0.011, 0.0185, 0.026)]
POINTS: tuple[tuple[str, Vector], ...] = (
    ("head", (0.068, 0.0, 0.066)),  # nose
    *(left for left, _ in _EYES),
    *(right for _, right in _EYES),
    *_both("head", -0.008, 0.052, 0.078),  # ears
    *_both("head", 0.055, 0.0125, 0.044),  # corners of the mouth
    *_both("upper_arm", 0.0, 0.0, 0.0),  # shoulders
    *_both("forearm", 0.0, 0.0, 0.0),  # elbows
    *_both("hand", 0.0, 0.0, 0.0),  # wrists
    *_both("hand", -0.019, -0.010, -0.8 * HAND),  # little fingers
    *_both("hand", 0.020, -0.010, -0.85 * HAND),  # index fingers
    *_both("hand", 0.034, -0.015, -0.5 * HAND),  # thumbs
    *_both("thigh", 0.0, 0.0, 0.0),  # hips
    *_both("shank", 0.0, 0.0, 0.0),  # knees
    *_both("foot", 0.0, 0.0, 0.0),  # ankles
    *_both("foot", *_HEEL),
    *_both("foot", *_TOE),  # foot index
)


class Landmarks:
    """Where the landmarks of one person are in a world."""

    def __init__(self, model: mujoco.MjModel, person_id: str, height_m: float) -> None:
        self._bodies = np.array([model.body(f"{person_id}/{body}").id for body, _ in POINTS])
        self._offsets = height_m * np.array([offset for _, offset in POINTS])

    def of(self, data: mujoco.MjData) -> Array:
        """Return the landmarks (33, 3), m, in the world, as of the last step or `mj_forward`."""
        rotation = data.xmat[self._bodies].reshape(-1, 3, 3)
        points: Array = data.xpos[self._bodies] + np.einsum("ijk,ik->ij", rotation, self._offsets)
        return points
