"""Whether something in the picture of a camera has changed: cheap, and deaf to noise and flicker.

Two pictures are compared as 64x48 grey cells. A cell is the mean of many pixels, so that sensor noise of a
few grey levels leaves a few tenths. Light that flickers or an exposure that adapts changes all of a row alike
(a rolling shutter shows the mains as level bands), so the median of each row is taken out first. What is
left must be more than a cell's noise in this pair of pictures (the median, up to what noise can be), in more
than one cell. What counts as a change shrinks with the light, as contrasts do.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.float32]
Cells = npt.NDArray[np.bool_]

WIDTH, HEIGHT = 64, 48
LEAST_SHARE: Final = 0.05  # of the mean grey; clothes differ from a wall by 0.15 and more
LEAST_LEVELS: Final = 2.0  # of 255, in the dark; rounding and noise in a cell are below 1
NOISES: Final = 6.0
MOST_NOISE_LEVELS: Final = 2.0  # a light switched on, or a person near the camera, changes more than half
LEAST_CELLS: Final = 3  # a hand at 4 m covers about three
WHOLE_SHARE: Final = 0.5  # somebody who walks by at 2 m changes a third
LEARNING_S: Final = 20.0  # daylight changes more slowly than that, and people stay longer in a place


def small_grey(rgb: npt.NDArray[np.uint8]) -> Grey:
    """Return the (48, 64) mean grey of a (h, w, 3) picture."""
    small = cv2.resize(rgb, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32)


def changed_cells(now: Grey, before: Grey) -> Cells:
    """Return where two pictures differ by more than noise and flicker, (48, 64)."""
    difference = now - before
    difference -= np.median(difference, axis=1, keepdims=True)
    size = np.abs(difference)
    noise = min(1.48 * float(np.median(size)), MOST_NOISE_LEVELS)  # the standard deviation, if it is normal
    return np.asarray(size > max(LEAST_LEVELS, LEAST_SHARE * float(now.mean()), NOISES * noise))


def has_changed(now: Grey, before: Grey) -> bool:
    """Whether two pictures differ by more than noise and flicker."""
    return int(np.count_nonzero(changed_cells(now, before))) >= LEAST_CELLS


def is_another_view(cells: Cells) -> bool:
    """Whether so much has changed that it says nothing about people: the camera has moved, or the light."""
    return float(cells.mean()) > WHOLE_SHARE


def share_changed(cells: Cells, points: npt.NDArray[np.float64]) -> float:
    """Share of (n, 2) points, fractions of the picture, that lie in cells that changed or next to one.

    Points outside the picture do not count; NaN when all are.
    """
    rows, columns = _cells_of(points)
    if not len(rows):
        return float("nan")
    wide = cv2.dilate(cells.astype(np.uint8), np.ones((3, 3), np.uint8))
    return float(wide[rows, columns].mean())


class Background:
    """The picture without the people, as far as they have let it be seen.

    It is learned where nobody is, slowly, and tells a body from a chair that looks like one.
    """

    def __init__(self) -> None:
        self._grey: Grey = np.zeros((HEIGHT, WIDTH), np.float32)
        self._known: Cells = np.zeros((HEIGHT, WIDTH), np.bool_)

    def learn(self, grey: Grey, step_s: float, boxes: list[npt.NDArray[np.float64]]) -> None:
        """Take in a picture, except for boxes (left, top, right, bottom; fractions of the picture)."""
        if is_another_view(changed_cells(grey, self._behind(grey))):
            self._known[:] = False
        free = np.ones((HEIGHT, WIDTH), np.bool_)
        for box in boxes:
            left, top, right, bottom = np.clip(box, 0.0, 1.0) * (WIDTH, HEIGHT, WIDTH, HEIGHT)
            free[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = False
        weight = np.where(self._known, 1.0 - np.exp(-step_s / LEARNING_S), 1.0)
        self._grey = np.where(free, self._grey + weight * (grey - self._grey), self._grey).astype(np.float32)
        self._known |= free

    def share_in_front(self, grey: Grey, points: npt.NDArray[np.float64]) -> float:
        """Share of (n, 2) points where something stands in front of the background.

        NaN where the background is not known behind most of those in the picture.
        """
        rows, columns = _cells_of(points)
        known = self._known[rows, columns]
        if not len(rows) or known.mean() <= 0.5:
            return float("nan")
        cells = changed_cells(grey, self._behind(grey))
        return float("nan") if is_another_view(cells) else share_changed(cells, points)

    def _behind(self, grey: Grey) -> Grey:
        return np.where(self._known, self._grey, grey)


def _cells_of(points: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows and columns of the cells of the points that lie in the picture."""
    inside = points[((points >= 0.0) & (points < 1.0)).all(axis=1)]
    columns, rows = (inside * (WIDTH, HEIGHT)).astype(np.int64).T
    return rows, columns
