"""A second look at one body: a square cut out around where it was, turned if need be.

The detector of the pose model sees 224x224 pixels of the whole picture, and few of its examples lie. Cut out
and enlarged, 78 to 97 % of rendered lying bodies were found where the whole picture gave 38 to 56 %. It is
trained on upright people, so a lying body is also tried turned by a quarter, either way.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from care_robot.perception.bodies import TORSO, Array, Body, Landmark

Picture = npt.NDArray[np.uint8]

SIZE_PX = (256, 512)  # of what is looked at: the landmark model sees 256x256
SMALLEST = 0.2  # of the picture's height
VISIBLE = 0.3


@dataclass(frozen=True)
class Cut:
    """A square of a picture, seen turned.

    Parameters
    ----------
    x_px, y_px : float
        Top left corner; the square may reach beyond the picture (black there).
    side_px : float
        Side.
    turns : int
        Quarter turns to the left by which it is turned before it is looked at, 0 to 3.
    """

    x_px: float
    y_px: float
    side_px: float
    turns: int

    @classmethod
    def around(cls, body: Body, shape: tuple[int, ...], padding: float, turns: int) -> Cut:
        """Square around the part of a body in a picture of that shape, `padding` times as large."""
        height, width = shape[:2]
        shown = body.visibility > VISIBLE
        shown[[Landmark.NOSE, *TORSO]] = True
        points = np.clip(body.image[shown], 0.0, 1.0) * (width, height)
        low, high = points.min(axis=0), points.max(axis=0)
        side = max(padding * float((high - low).max()), SMALLEST * height)
        x, y = (low + high) / 2.0 - side / 2.0
        return cls(float(x), float(y), side, turns)

    def of(self, rgb: Picture) -> Picture:
        """Return what is seen there, square, 256 to 512 px wide."""
        size = round(min(max(self.side_px, SIZE_PX[0]), SIZE_PX[1]))
        scale = size / self.side_px
        move = np.array([[scale, 0.0, -self.x_px * scale], [0.0, scale, -self.y_px * scale]])
        cut = cv2.warpAffine(rgb, move, (size, size), flags=cv2.INTER_LINEAR)
        return np.ascontiguousarray(np.rot90(cut, self.turns), dtype=np.uint8)

    def back(self, body: Body, shape: tuple[int, ...]) -> Body:
        """Return a body found in the cut as it is in the whole picture."""
        image, world = body.image, body.world
        for _ in range(self.turns % 4):
            image = np.stack([1.0 - image[:, 1], image[:, 0]], axis=1)
            world = np.stack([-world[:, 1], world[:, 0], world[:, 2]], axis=1)
        corner: Array = np.array([self.x_px, self.y_px])
        return Body(
            (image * self.side_px + corner) / (shape[1], shape[0]), world, body.visibility, body.score
        )
