"""How many of the simulated people the real pose estimator finds, by posture, camera and distance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from care_robot.perception.bodies import HIPS, Array
from care_robot.perception.pose import PoseEstimator
from care_robot.simulation.pose_views import HEIGHT_PX, WIDTH_PX, PoseViews, Viewpoint, ViewPosture

NEAR_M = (1.5, 2.0, 2.5, 3.0)
FAR_M = 4.0
"""Beside the distances that count."""

PEOPLE, VIEWS = 8, 4
"""How many people, and how many views of each in a cell."""

FRAME_S = 0.1
BLANKS = 3
"""Empty pictures between two views, so that the estimator does not look for the one where the other was."""

NEAR_HIPS_PX = 50.0
"""A body counts that is found where the person is: not a lamp."""


@dataclass(frozen=True)
class Cell:
    """One posture from one camera at one distance."""

    posture: ViewPosture
    viewpoint: Viewpoint
    distance_m: float
    found: int
    views: int

    @property
    def pct(self) -> float:
        """Found in so many of a hundred views; NaN without a view."""
        return round(100.0 * self.found / self.views, 1) if self.views else math.nan


def measure(seed: int, people: int = PEOPLE, views: int = VIEWS) -> Iterator[Cell]:
    """Measure cell by cell, person by person; sum cells of the same kind with `summed`."""
    estimator = PoseEstimator(max_bodies=2)
    try:
        t_s = 0.0
        blank = np.full((HEIGHT_PX, WIDTH_PX, 3), 128, np.uint8)
        for person in range(people):
            with PoseViews(1000 * seed + person) as pictures:
                for posture, viewpoint, distance_m in product(ViewPosture, Viewpoint, (*NEAR_M, FAR_M)):
                    found = shown = 0
                    for _ in range(views):
                        try:
                            rgb, hips = pictures.view(posture, distance_m, viewpoint)
                        except ValueError:
                            continue  # the room is too small to see them from so far
                        for picture in (*[blank] * BLANKS, rgb, rgb):
                            t_s += FRAME_S
                            bodies = estimator.detect(picture, t_s)
                        found += any(_is_there(body.image, hips) for body in bodies)
                        shown += 1
                    yield Cell(posture, viewpoint, distance_m, found, shown)
    finally:
        estimator.close()


def cell_count(people: int = PEOPLE) -> int:
    """How many cells `measure` yields."""
    return people * len(ViewPosture) * len(Viewpoint) * (len(NEAR_M) + 1)


def _is_there(image: Array, hips_px: tuple[float, float]) -> bool:
    middle = image[list(HIPS), :2].mean(axis=0)
    return math.hypot(middle[0] * WIDTH_PX - hips_px[0], middle[1] * HEIGHT_PX - hips_px[1]) < NEAR_HIPS_PX


def summed(cells: Iterable[Cell]) -> list[Cell]:
    """One cell for each posture, camera and distance."""
    sums: dict[tuple[ViewPosture, Viewpoint, float], tuple[int, int]] = {}
    for cell in cells:
        key = (cell.posture, cell.viewpoint, cell.distance_m)
        found, views = sums.get(key, (0, 0))
        sums[key] = (found + cell.found, views + cell.views)
    return [Cell(*key, *counts) for key, counts in sums.items()]


def share_pct(cells: Iterable[Cell], *postures: ViewPosture) -> float:
    """Found of a hundred views in those postures, at the near distances, from all cameras."""
    near = [c for c in cells if c.posture in postures and c.distance_m in NEAR_M]
    return round(100.0 * sum(c.found for c in near) / max(1, sum(c.views for c in near)), 1)
