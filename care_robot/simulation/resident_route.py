"""The way of a simulated person around the furniture of a world."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.ndimage import distance_transform_edt

from care_robot.simulation.occupancy import FREE, occupancy, path
from care_robot.simulation.resident_steps import Place
from care_robot.simulation.world import World

BODY_RADIUS_M = 0.22
_WIDEST_BED_M = 1.2  # from its middle to its edge

Point = tuple[float, float]


class NoWayError(Exception):
    """Nobody can walk there; the message is a sentence."""


class Routes:
    """Free floor of a world, and ways on it."""

    def __init__(self, world: World) -> None:
        self._name = world.name
        self._grid = occupancy(world)
        self._free = self._grid.clearance_m() >= BODY_RADIUS_M
        self._nearest = distance_transform_edt(~self._free, return_distances=False, return_indices=True)

    def _cell(self, x_m: float, y_m: float) -> tuple[int, int]:
        cell = self._grid.cell(x_m, y_m) if abs(x_m) + abs(y_m) < 1e6 else None
        if cell is None:
            raise NoWayError(f"({x_m:.2f}, {y_m:.2f}) m lies outside the world {self._name}.")
        return cell

    def free_point(self, x_m: float, y_m: float) -> Point:
        """Return the nearest point to stand at; NoWayError outside the world or where nothing is free."""
        cell = self._cell(x_m, y_m)
        if self._free[cell]:
            return x_m, y_m
        if not self._free.any():
            raise NoWayError(f"Nowhere in the world {self._name} is room to stand.")
        row, column = self._nearest[:, cell[0], cell[1]]
        return self._grid.centre(int(row), int(column))

    def is_free(self, place: Place) -> bool:
        """Return whether somebody can stand there."""
        cell = self._grid.cell(place.x_m, place.y_m)
        return cell is not None and bool(self._free[cell])

    def way(self, start: Point, goal: Point) -> list[Point]:
        """Return the points of the way from `start` (left out) to the free point nearest to `goal`."""
        leave, arrive = self.free_point(*start), self.free_point(*goal)
        points = path(self._grid, leave, arrive, BODY_RADIUS_M)
        if points is None:
            raise NoWayError(
                f"No way leads from ({start[0]:.2f}, {start[1]:.2f}) to ({goal[0]:.2f}, {goal[1]:.2f}) m."
            )
        return [*([leave] if leave != start else []), *points[1:-1], arrive]

    def edge_m(self, middle: Place, yaw_rad: float) -> float | None:
        """Return how far it is from `middle`, in that direction, to free floor: None beyond a wide bed."""
        for step_m in np.arange(0.2, _WIDEST_BED_M, 0.5 * self._grid.resolution_m):
            x_m = middle.x_m + step_m * math.cos(yaw_rad)
            y_m = middle.y_m + step_m * math.sin(yaw_rad)
            cell = self._grid.cell(x_m, y_m)
            if cell is None:
                return None
            if self._grid.cells[cell] == FREE:
                return float(step_m)
        return None

    def taken(self, place: Place, yaw_rad: float, first_m: float, last_m: float) -> int:
        """Return how many of 12 points on a line from `place` in that direction are not free floor."""
        c, s = math.cos(yaw_rad), math.sin(yaw_rad)
        cells = [
            self._grid.cell(place.x_m + m * c, place.y_m + m * s) for m in np.linspace(first_m, last_m, 12)
        ]
        return sum(cell is None or self._grid.cells[cell] != FREE for cell in cells)

    def lying_yaw(self, place: Place, half_m: float) -> float:
        """Return the heading nearest to that of `place` along which a body finds free floor."""
        turns = sorted((i * math.pi / 4 for i in range(-4, 4)), key=abs)
        return place.yaw_rad + min(
            turns, key=lambda turn: self.taken(place, place.yaw_rad + turn, -0.6 * half_m, 1.2 * half_m)
        )


@lru_cache(maxsize=4)
def routes(world: World) -> Routes:
    """Return the routes of a world; its map is made once."""
    return Routes(world)
