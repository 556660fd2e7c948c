"""What stands still in the kinematic world: where one can go, look through and put things."""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np

from care_robot.geometry import Array
from care_robot.simulation.mujoco_model import COLLISION_GROUP, add_model, compile_spec, new_spec
from care_robot.simulation.occupancy import OCCUPIED, UNKNOWN, Grid, occupancy, path
from care_robot.simulation.world import World

LEAF_STEP_M = 0.02
_GEOM = mujoco.mjtGeom


class Walls:
    """Everything that is static, and the doors.

    Parameters
    ----------
    world : World

    Attributes
    ----------
    grid : Grid
        Occupancy with the doors as they are now.
    leaf_points : (n, 2) array
        All over the leaves of the doors that are shut, seen from above.
    """

    def __init__(self, world: World) -> None:
        spec = new_spec()
        self._doors = {door.name: door.joint("hinge").upper for door in world.doors()}
        for model in world.models:
            if model.static or model.name in self._doors:
                add_model(spec, model, dressed=False)
        self._model = compile_spec(spec)
        self._data = mujoco.MjData(self._model)
        self._open = occupancy(world)
        self._groups = np.zeros(6, dtype=np.uint8)
        self._groups[COLLISION_GROUP] = 1
        self._shut: set[str] = set()
        self._follow()

    @property
    def doors(self) -> list[str]:
        """Names of the doors."""
        return list(self._doors)

    def shut(self, door: str, on: bool) -> None:
        """Shut a door that nobody can open, or open it."""
        (self._shut.add if on else self._shut.discard)(door)
        self._follow()

    def clearance_m(self, x: float, y: float) -> float:
        """Distance to the nearest thing that one could run into; 0 in it, and outside the map."""
        cell = self.grid.cell(x, y)
        return float(self._clearance_m[cell]) if cell else 0.0

    def contains(self, x: float, y: float) -> bool:
        """Whether a point lies in a room of the map."""
        cell = self.grid.cell(x, y)
        return cell is not None and self.grid.cells[cell] != UNKNOWN

    def way(
        self, start: tuple[float, float], goal: tuple[float, float], radius_m: float, around: Array
    ) -> list[tuple[float, float]] | None:
        """The way for a disc, around points (n, 2) that stand in it; None where there is none."""
        grid = replace(self.grid, cells=self.grid.cells.copy())
        _occupy(grid, around)
        return path(grid, start, goal, radius_m)

    def blocked(self, start_m: Array, end_m: Array) -> bool:
        """Whether something is between two points."""
        away = end_m - start_m
        return 0.0 <= self._ray(start_m, away) < 1.0

    def surface_below(self, point_m: Array) -> float:
        """Height of the surface under a point; the floor where there is none."""
        fall_m = self._ray(point_m, np.array([0.0, 0.0, -1.0]))
        return max(0.0, float(point_m[2] - fall_m)) if fall_m >= 0.0 else 0.0

    def inside(self, point_m: Array) -> bool:
        """Whether a point lies in a box or a cylinder that stands there."""
        local = np.einsum(
            "gij,gi->gj", self._data.geom_xmat.reshape(-1, 3, 3), point_m - self._data.geom_xpos
        )
        size, kind = self._model.geom_size, self._model.geom_type
        box = (kind == _GEOM.mjGEOM_BOX) & (np.abs(local) < size).all(axis=1)
        round_ = np.hypot(local[:, 0], local[:, 1]) < size[:, 0]
        cylinder = (kind == _GEOM.mjGEOM_CYLINDER) & round_ & (np.abs(local[:, 2]) < size[:, 1])
        return bool((box | cylinder).any())

    def ranges_m(self, origin_m: Array, directions: Array, most_m: float) -> Array:
        """Distances along level unit vectors (n, 3), inf where nothing is met within `most_m`."""
        distances = np.full(len(directions), -1.0)
        geoms = np.full(len(directions), -1, dtype=np.int32)
        mujoco.mj_multiRay(
            self._model, self._data, origin_m, directions.ravel(), self._groups, 1, -1, geoms, distances,
            None, len(directions), most_m,
        )  # fmt: skip
        return np.where((distances < 0.0) | (distances > most_m), np.inf, distances)

    def _ray(self, start_m: Array, vector: Array) -> float:
        geom = np.zeros(1, dtype=np.int32)
        return float(mujoco.mj_ray(self._model, self._data, start_m, vector, self._groups, 1, -1, geom))

    def _follow(self) -> None:
        """Bring rays and grid up to where the doors are."""
        for door, upper in self._doors.items():
            self._data.joint(f"{door}/hinge").qpos[0] = upper if door in self._shut else 0.0
        mujoco.mj_kinematics(self._model, self._data)
        self.grid = replace(self._open, cells=self._open.cells.copy())
        self.leaf_points = np.concatenate([np.zeros((0, 2)), *map(self._leaf, sorted(self._shut))])
        _occupy(self.grid, self.leaf_points)
        self._clearance_m = self.grid.clearance_m()

    def _leaf(self, door: str) -> Array:
        """Points (n, 2) all over the boxes of a door's leaf."""
        points = [np.zeros((0, 2))]
        for geom in range(self._model.ngeom):
            body = int(self._model.geom_bodyid[geom])
            leaf = self._model.body(body).name.startswith(f"{door}/") and self._model.body_dofnum[body]
            if leaf and self._model.geom_type[geom] == _GEOM.mjGEOM_BOX:
                x, y, _ = self._model.geom_size[geom]
                steps = np.meshgrid(np.arange(-x, x, LEAF_STEP_M), np.arange(-y, y, LEAF_STEP_M))
                turn = self._data.geom_xmat[geom].reshape(3, 3)[:2, :2]
                flat = np.stack(steps, axis=-1).reshape(-1, 2)
                points.append(flat @ turn.T + self._data.geom_xpos[geom][:2])
        return np.concatenate(points)


def _occupy(grid: Grid, points: Array) -> None:
    for x, y in points:
        cell = grid.cell(float(x), float(y))
        if cell is not None:
            grid.cells[cell] = OCCUPIED
