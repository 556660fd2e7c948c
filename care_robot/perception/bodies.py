"""One human body as a pose model sees it, and the quantities that everything else is decided on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

LANDMARKS: Final = 33
HUGE: Final = 1000.0  # widths of the picture, or m: no body reaches so far
LEVEL_CAMERA_UP: Final = np.array([0.0, -1.0, 0.0])
"""Up in the optical axes (x right, y down, z forward) of a camera that looks level."""


class Landmark(IntEnum):
    """Indices of the BlazePose landmarks. Left and right are the person's own."""

    NOSE = 0
    LEFT_EYE_INNER = 1
    LEFT_EYE = 2
    LEFT_EYE_OUTER = 3
    RIGHT_EYE_INNER = 4
    RIGHT_EYE = 5
    RIGHT_EYE_OUTER = 6
    LEFT_EAR = 7
    RIGHT_EAR = 8
    MOUTH_LEFT = 9
    MOUTH_RIGHT = 10
    LEFT_SHOULDER = 11
    RIGHT_SHOULDER = 12
    LEFT_ELBOW = 13
    RIGHT_ELBOW = 14
    LEFT_WRIST = 15
    RIGHT_WRIST = 16
    LEFT_PINKY = 17
    RIGHT_PINKY = 18
    LEFT_INDEX = 19
    RIGHT_INDEX = 20
    LEFT_THUMB = 21
    RIGHT_THUMB = 22
    LEFT_HIP = 23
    RIGHT_HIP = 24
    LEFT_KNEE = 25
    RIGHT_KNEE = 26
    LEFT_ANKLE = 27
    RIGHT_ANKLE = 28
    LEFT_HEEL = 29
    RIGHT_HEEL = 30
    LEFT_FOOT_INDEX = 31
    RIGHT_FOOT_INDEX = 32


SHOULDERS: Final = (Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER)
HIPS: Final = (Landmark.LEFT_HIP, Landmark.RIGHT_HIP)
TORSO: Final = (*SHOULDERS, *HIPS)


@dataclass(frozen=True, eq=False)
class Body:
    """One body in one image.

    Parameters
    ----------
    image : (33, 2) array
        Landmarks as fractions of the image's width and height, origin top left; may lie outside [0, 1].
    world : (33, 3) array
        Landmarks in m, origin midway between the hips, in the camera's optical axes.
    visibility : (33,) array
        Probability that a landmark is visible, 0 to 1.
    score : float
        Confidence of the body as a whole, 0 to 1.

    Raises
    ------
    ValueError
        An array has another shape.
    """

    image: Array
    world: Array
    visibility: Array
    score: float

    def __post_init__(self) -> None:
        for name, shape in (
            ("image", (LANDMARKS, 2)),
            ("world", (LANDMARKS, 3)),
            ("visibility", (LANDMARKS,)),
        ):
            array = np.asarray(getattr(self, name), dtype=np.float64)
            if array.shape != shape:
                raise ValueError(f"A body's {name} landmarks have shape {array.shape}, not {shape}.")
            object.__setattr__(self, name, array)

    @classmethod
    def from_flat(
        cls, image: npt.ArrayLike, world: npt.ArrayLike, visibility: npt.ArrayLike, score: float
    ) -> Body:
        """From the flat arrays of care_robot_msgs/Body: x0, y0, x1 … and x0, y0, z0, x1 …"""
        return cls(
            np.asarray(image, dtype=np.float64).reshape(LANDMARKS, 2),
            np.asarray(world, dtype=np.float64).reshape(LANDMARKS, 3),
            np.asarray(visibility, dtype=np.float64),
            score,
        )

    def usable(self) -> bool:
        """Whether every number can be of a body: what is not finite, or is huge, came from a fault."""
        numbers = np.concatenate([self.image.ravel(), self.world.ravel(), self.visibility, [self.score]])
        return bool((np.abs(numbers) < HUGE).all())

    def points(self, aspect: float) -> Array:
        """Image landmarks (33, 2) as fractions of the image's height, with the same scale in x and y.

        Parameters
        ----------
        aspect : float
            Width of the image over its height.
        """
        return np.asarray(self.image * (aspect, 1.0))

    def torso_visibility(self) -> float:
        """Mean visibility of shoulders and hips, 0 to 1."""
        return float(self.visibility[list(TORSO)].mean())

    def torso_inclination(self, up: Array = LEVEL_CAMERA_UP) -> float:
        """Angle between the line from hips to shoulders and the vertical, in 3D.

        Parameters
        ----------
        up : (3,) array
            Unit vector that points up in the room, in the camera's optical axes: this is where the
            camera's pitch and roll come in.

        Returns
        -------
        float
            rad, 0 upright, pi/2 horizontal, more when the head hangs lower than the hips; NaN where
            shoulders and hips coincide.
        """
        return angle_between(middle(self.world, SHOULDERS) - middle(self.world, HIPS), up)


def middle(points: Array, pair: tuple[Landmark, Landmark]) -> Array:
    """Point midway between two landmarks of an (33, n) array."""
    return np.asarray((points[pair[0]] + points[pair[1]]) / 2.0)


def angle_between(a: Array, b: Array) -> float:
    """Angle between two vectors in rad, 0 to pi; NaN where one has no length."""
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    if not lengths > 1e-9:
        return math.nan
    return math.acos(float(np.clip(a @ b / lengths, -1.0, 1.0)))
