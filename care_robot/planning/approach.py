"""Where to stand to be with a person: near enough to talk, never touching, facing them, out of the way.

Distances are those of SafetyState.person_distance: from the robot's edge to the nearest point of the body.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from care_robot.geometry import Array

ROBOT_RADIUS_M = 0.26
SPARE_M = 0.05
"""Kept between the robot's edge and what stands on the map."""
DOOR_M = 1.2
"""A passage that is narrower than this is not parked in: it may be a door."""
BEARINGS = 36
FARTHEST_M = 3.0
STEP_M = 0.02
APART_M = 0.25
"""Of two spots that are nearer to each other than this, the worse one is left out."""
OCCUPIED = 50
"""Of nav_msgs/OccupancyGrid, 0 to 100: from here on something stands there."""


class Spot(NamedTuple):
    """A place on the floor and a heading, in the frame `map`."""

    x_m: float
    y_m: float
    yaw_rad: float

    @classmethod
    def at(cls, x_m: float, y_m: float, heading_deg: float) -> Spot:
        """With the heading in degrees."""
        return cls(x_m, y_m, math.radians(heading_deg))

    def distance_m(self, other: Sequence[float]) -> float:
        """To another spot or point."""
        return math.hypot(self.x_m - other[0], self.y_m - other[1])


class Ring(NamedTuple):
    """Least and greatest distance to somebody, m."""

    near_m: float
    far_m: float


UPRIGHT, FALLEN = Ring(0.8, 1.2), Ring(1.0, 1.3)
"""Distances to somebody who stands or sits, and to somebody on the floor (domain.md, R-S8)."""


@dataclass(frozen=True, eq=False)
class Floor:
    """The map that the robot drives by.

    Parameters
    ----------
    resolution_m : float
        Side of a cell.
    origin_m : tuple of float
        Corner of the first cell, x and y.
    cells : (h, w) array of int8
        As in nav_msgs/OccupancyGrid: 0 free to 100 occupied, -1 unknown; row 0 has the lowest y.
    """

    resolution_m: float
    origin_m: tuple[float, float]
    cells: npt.NDArray[np.int8]

    @cached_property
    def _free(self) -> npt.NDArray[np.bool_]:
        return (self.cells >= 0) & (self.cells < OCCUPIED)

    @cached_property
    def _clearance_m(self) -> Array:
        padded = np.pad(self._free, 1)  # beyond its edge nothing is known
        return np.asarray(distance_transform_edt(padded)[1:-1, 1:-1] - 0.5, np.float64) * self.resolution_m

    def _at(self, grid: npt.NDArray[np.generic], xy: Array, outside: float) -> Array:
        columns, rows = np.floor((xy - self.origin_m) / self.resolution_m).astype(int).T
        height, width = self.cells.shape
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        values = np.full(len(xy), outside)
        values[inside] = grid[rows[inside], columns[inside]]
        return values

    def fits(self, x_m: float, y_m: float) -> bool:
        """Whether the robot can stand there."""
        return bool(self._at(self._clearance_m, np.array([[x_m, y_m]]), 0.0)[0] >= ROBOT_RADIUS_M + SPARE_M)

    def in_door(self, x_m: float, y_m: float) -> bool:
        """Whether something is near on two opposite sides, as in a door or another narrow passage."""
        reach = np.arange(0.0, DOOR_M, self.resolution_m / 2.0)
        for angle in np.arange(12) * (math.pi / 12.0):
            way = np.stack([np.cos(angle) * reach, np.sin(angle) * reach], axis=1)
            sides = [self._at(self._free, np.array([x_m, y_m]) + sign * way, 0.0) for sign in (1.0, -1.0)]
            free_m = [reach[np.argmin(side)] if not side.all() else math.inf for side in sides]
            if sum(free_m) < DOOR_M:
                return True
        return False

    def sees(self, here: Sequence[float], there: Sequence[float]) -> bool:
        """Whether no wall is in between: somebody may sit or lie on what stands on the map, not behind it."""
        steps = max(2, math.ceil(math.dist(here[:2], there[:2]) / (0.5 * self.resolution_m)))
        free = self._at(self._free, np.linspace(here[:2], there[:2], steps), 0.0) > 0.0
        blocked = np.flatnonzero(~free)
        return not (len(blocked) and free[blocked[0] :].any())


def standoffs(
    person: Sequence[float],
    body: npt.ArrayLike,
    ring: Ring,
    robot: Sequence[float],
    *,
    floor: Floor | None = None,
    bearings_rad: Iterable[float] = (),
    reach_m: float = 0.0,
) -> list[Spot]:
    """Spots to stand at, best first: in the middle of the ring before its edges, then nearest to the robot.

    Parameters
    ----------
    person : (2,) sequence
        Whom to face, x and y in the map, m.
    body : (n, 2) array
        Points of the body; may be empty, and is then `person` alone.
    ring : Ring
        Distance to keep.
    robot : (2,) sequence
        Where the robot is.
    floor : Floor, optional
        The map; without one, only the distance counts.
    bearings_rad : iterable of float
        From the person to the spot; empty for all around.
    reach_m : float
        How far the body may reach beyond `body`.
    """
    at = np.asarray(person, np.float64)[:2]
    points = np.vstack([np.asarray(body, np.float64).reshape(-1, 2), at])
    angles = np.array(list(bearings_rad) or np.arange(BEARINGS) * (2.0 * math.pi / BEARINGS))
    radii = np.arange(0.0, FARTHEST_M, STEP_M)
    ways = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    grid = at + ways[:, None, :] * radii[None, :, None]  # (bearings, radii, 2)
    away = np.linalg.norm(grid[:, :, None, :] - points, axis=-1).min(axis=-1) - ROBOT_RADIUS_M - reach_m
    best: list[tuple[int, float, Spot]] = []
    margin = 0.25 * (ring.far_m - ring.near_m)
    for rank, wanted_m in enumerate(
        ((ring.near_m + ring.far_m) / 2.0, ring.near_m + margin, ring.far_m - margin)
    ):
        for spot_xy, off_m in zip(
            grid[np.arange(len(angles)), np.abs(away - wanted_m).argmin(axis=1)],
            np.abs(away - wanted_m).min(axis=1),
            strict=True,
        ):
            if off_m > margin:
                continue
            x, y = float(spot_xy[0]), float(spot_xy[1])
            spot = Spot(x, y, math.atan2(at[1] - y, at[0] - x))
            if floor is None or (floor.fits(x, y) and floor.sees((x, y), person) and not floor.in_door(x, y)):
                best.append((rank, spot.distance_m(robot), spot))
    kept: list[Spot] = []
    for _, _, spot in sorted(best):
        if all(spot.distance_m(other) >= APART_M for other in kept):
            kept.append(spot)
    return kept


def side_bearings(body: npt.ArrayLike) -> list[float]:
    """Bearings from which a lying body is seen from the side, square to its axis; empty where it has none."""
    points = np.asarray(body, np.float64).reshape(-1, 2)
    if len(points) < 3:
        return []
    spread, axes = np.linalg.eigh(np.cov((points - points.mean(axis=0)).T))
    if spread[1] < max(4.0 * spread[0], 0.01):  # as long as wide: sitting up, or hardly seen
        return []
    across = math.atan2(axes[1, 0], axes[0, 0])
    return around(across) + around(across + math.pi)


def around(bearing_rad: float) -> list[float]:
    """A bearing and some beside it, in case something stands there."""
    return [bearing_rad + math.radians(turn) for turn in (0.0, -10.0, 10.0, -20.0, 20.0)]
