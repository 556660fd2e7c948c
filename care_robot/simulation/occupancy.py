"""The map of a world: where something static stands, as an occupancy grid, and ways on it.

``python -m care_robot.simulation.occupancy WORLD`` writes the map beside the world, for nav2_map_server.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt
from scipy.spatial import ConvexHull, QhullError
from skimage.graph import MCP_Geometric
from skimage.measure import points_in_poly

from care_robot.description import (
    Box,
    Capsule,
    Cylinder,
    DescriptionError,
    Mesh,
    Plane,
    Shape,
    Sphere,
)
from care_robot.geometry import Array, Pose
from care_robot.simulation.sdf import find_world, read_world
from care_robot.simulation.world import World

FREE, OCCUPIED, UNKNOWN = 0, 100, 255
"""Values of cells; UNKNOWN is outside the rooms, and -1 as the int8 of nav_msgs/OccupancyGrid."""

LOWEST_M, HIGHEST_M = 0.02, 1.4
"""What stands between these heights is in the map: lower, such as a rug, is rolled over, and higher is
passed under by a robot below 1.4 m. So a table is in it whole, though a lidar sees its legs alone."""

RESOLUTION_M = 0.05
PREFERRED_M = 0.5  # ways keep this far from things where there is room
START_M = 0.5  # how far a way may begin from free floor, so that one who stands too close can get away
MAX_CELLS = 4_000_000  # 100 x 100 m
_ROUND = 24  # corners of a circle

Point = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Grid:
    """Occupancy of square cells.

    Parameters
    ----------
    resolution_m : float
        Side of a cell.
    origin_m : tuple of float
        Corner of the first cell, x and y in the map.
    cells : (h, w) array of uint8
        FREE, OCCUPIED or UNKNOWN; row 0 has the lowest y.
    """

    resolution_m: float
    origin_m: Point
    cells: npt.NDArray[np.uint8]

    def cell(self, x: float, y: float) -> tuple[int, int] | None:
        """Row and column of a point, None outside the grid."""
        column = math.floor((x - self.origin_m[0]) / self.resolution_m)
        row = math.floor((y - self.origin_m[1]) / self.resolution_m)
        rows, columns = self.cells.shape
        return (row, column) if 0 <= row < rows and 0 <= column < columns else None

    def centre(self, row: int, column: int) -> Point:
        """Middle of a cell."""
        return (
            self.origin_m[0] + (column + 0.5) * self.resolution_m,
            self.origin_m[1] + (row + 0.5) * self.resolution_m,
        )

    def clearance_m(self) -> Array:
        """Distance (h, w) from the middle of each cell to what is nearest of cells that are not free."""
        distance = np.asarray(distance_transform_edt(self.cells == FREE), dtype=np.float64)
        return np.maximum(0.0, (distance - 0.5) * self.resolution_m)


def footprints(world: World) -> list[list[Point]]:
    """Outlines, convex, of all that is static between LOWEST_M and HIGHEST_M, seen from above.

    Raises
    ------
    DescriptionError
        A static model has a collision mesh, whose outline is not known here.
    """
    outlines = []
    for model in world.models:
        for link in model.links if model.static else ():
            for collision in link.collisions:
                if isinstance(collision.shape, Plane):
                    continue
                if isinstance(collision.shape, Mesh):
                    where = f"model '{model.name}' > link '{link.name}' > collision '{collision.name}'"
                    raise DescriptionError(
                        f"{world.path}: {where}: no map can be made of a mesh; use boxes and cylinders."
                    )
                pose = model.pose.compose(link.pose).compose(collision.pose)
                outline = _outline(_corners(collision.shape, pose))
                if outline is not None:
                    outlines.append([(float(x), float(y)) for x, y in outline])
    return outlines


def occupancy(world: World, resolution_m: float = RESOLUTION_M) -> Grid:
    """The occupancy grid of what is static in a world; doors stand open and are not in it, for they move.

    Raises
    ------
    DescriptionError
        The world has nothing in it, is too large, or has a static collision mesh.
    """
    outlines = [np.array(outline) for outline in footprints(world)]
    rooms = [np.array(room.polygon_m) for room in world.rooms]
    if not outlines and not rooms:
        raise DescriptionError(f"{world.path}: there is nothing to make a map of; add rooms or walls.")
    corners = np.concatenate(outlines + rooms)
    low = np.floor((corners.min(axis=0) / resolution_m).round(6) - 1.0).astype(int)
    high = np.ceil((corners.max(axis=0) / resolution_m).round(6) + 1.0).astype(int)
    columns, rows = high - low
    if float(columns) * float(rows) > MAX_CELLS:
        metres = corners.max(axis=0) - corners.min(axis=0)
        raise DescriptionError(
            f"{world.path}: the world measures {metres[0]:g} x {metres[1]:g} m, too much for a map;"
            " move what lies far outside."
        )
    x = (np.arange(columns) + low[0] + 0.5) * resolution_m
    y = (np.arange(rows) + low[1] + 0.5) * resolution_m
    cells = np.full((rows, columns), UNKNOWN if rooms else FREE, dtype=np.uint8)
    centres = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    for room in rooms:
        cells[points_in_poly(centres, room).reshape(cells.shape)] = FREE
    for outline in outlines:
        cells[_covered(outline, x, y, resolution_m)] = OCCUPIED
    return Grid(resolution_m, (float(low[0] * resolution_m), float(low[1] * resolution_m)), cells)


def write_map(grid: Grid, folder: Path, name: str) -> tuple[Path, Path]:
    """Write `name`.pgm and `name`.yaml for nav2_map_server; return their paths."""
    shades = np.full(grid.cells.shape, 205, dtype=np.uint8)
    shades[grid.cells == FREE], shades[grid.cells == OCCUPIED] = 254, 0
    rows, columns = shades.shape
    pgm, yaml = folder / f"{name}.pgm", folder / f"{name}.yaml"
    pgm.write_bytes(f"P5\n{columns} {rows}\n255\n".encode() + np.flipud(shades).tobytes())
    x, y = grid.origin_m
    yaml.write_text(
        f"# Made from {name}.sdf by python -m care_robot.simulation.occupancy; do not edit.\n"
        f"image: {name}.pgm\nmode: trinary\nresolution: {grid.resolution_m:g}\n"
        f"origin: [{x:.3f}, {y:.3f}, 0.0]\nnegate: 0\noccupied_thresh: 0.65\nfree_thresh: 0.196\n",
        encoding="utf-8",
    )
    return pgm, yaml


def path(grid: Grid, start_xy: Point, goal_xy: Point, radius_m: float) -> list[Point] | None:
    """A short way for a disc that keeps off things where there is room.

    Parameters
    ----------
    grid : Grid
    start_xy, goal_xy : tuple of float
        Where it begins, within START_M of free floor, and ends, m.
    radius_m : float
        Radius of the disc.

    Returns
    -------
    list of (x, y) or None
        Corners of the way from start to goal; None where there is none.
    """
    clearance = grid.clearance_m()
    start, goal = grid.cell(*start_xy), grid.cell(*goal_xy)
    if start is None or goal is None or clearance[goal] < radius_m:
        return None
    nearest = _nearest(clearance >= radius_m, start, START_M / grid.resolution_m)
    if nearest is None:
        return None
    closeness = np.clip(1.0 - (clearance - radius_m) / max(PREFERRED_M - radius_m, 1e-6), 0.0, 1.0)
    costs = np.where(clearance >= radius_m, 1.0 + 3.0 * closeness**2, -1.0)  # below zero: no way through
    search = MCP_Geometric(costs)
    search.find_costs([nearest], [goal])
    try:
        cells = search.traceback(goal)
    except ValueError:
        return None
    middle = [grid.centre(*cell) for cell in cells[1:-1]]
    begin = start_xy if nearest == start else grid.centre(*nearest)
    way = _straighten(grid, clearance, [begin, *middle, goal_xy])
    return way if nearest == start else [start_xy, *way]


def _nearest(free: npt.NDArray[np.bool_], cell: tuple[int, int], reach: float) -> tuple[int, int] | None:
    """The nearest free cell within `reach` cells."""
    if free[cell]:
        return cell
    found = np.argwhere(free)
    if not len(found):
        return None
    distances = np.hypot(*(found - cell).T)
    best = int(distances.argmin())
    return (int(found[best, 0]), int(found[best, 1])) if distances[best] <= reach else None


def _straighten(grid: Grid, clearance: Array, points: list[Point]) -> list[Point]:
    """Leave out corners where a straight line keeps as far from things as the way did, or far enough."""
    room = np.array([clearance[grid.cell(*point) or (0, 0)] for point in points])

    def straight(a: int, b: int) -> bool:
        (ax, ay), (bx, by) = points[a], points[b]
        steps = max(1, math.ceil(math.hypot(bx - ax, by - ay) / (0.5 * grid.resolution_m)))
        line = np.linspace((ax, ay), (bx, by), steps + 1) - grid.origin_m
        columns, rows = np.floor(line / grid.resolution_m).astype(int).T
        return bool(clearance[rows, columns].min() >= min(PREFERRED_M, room[a : b + 1].min()))

    way, at = [points[0]], 0
    while at < len(points) - 1:
        step = 1
        while at + step < len(points) and straight(at, at + step):  # in strides that grow, then back
            step *= 2
        after = min(at + step, len(points) - 1)
        while after > at + 1 and not straight(at, after):
            after -= 1
        way.append(points[after])
        at = after
    return way


def _corners(shape: Shape, pose: Pose) -> Array:
    """Points (n, 3) in the map whose convex hull is the shape."""
    turn = np.linspace(0.0, 2.0 * math.pi, _ROUND, endpoint=False)
    ring = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    if isinstance(shape, Box):
        signs = np.stack(np.meshgrid([-1, 1], [-1, 1], [-1, 1]), axis=-1).reshape(-1, 3)
        return pose.apply(signs * np.array(shape.size_m) / 2.0)
    if isinstance(shape, Cylinder):
        half = shape.length_m / 2.0
        return pose.apply([(*(shape.radius_m * p), z) for z in (-half, half) for p in ring])
    assert isinstance(shape, Sphere | Capsule)  # noqa: S101 (the caller sorts out the rest)
    half = shape.length_m / 2.0 if isinstance(shape, Capsule) else 0.0
    tilts = np.linspace(-math.pi / 2.0, math.pi / 2.0, 9)
    ball = [(*(math.cos(tilt) * p), math.sin(tilt)) for tilt in tilts for p in ring]
    return pose.apply([shape.radius_m * np.array(p) + (0, 0, end) for end in (-half, half) for p in ball])


def _outline(corners: Array) -> Array | None:
    """Outline (n, 2) from above of the part of a convex body between LOWEST_M and HIGHEST_M."""
    z = corners[:, 2]
    kept = [corners[(z > LOWEST_M) & (z < HIGHEST_M)]]
    # Where lines between corners, which lie within the body, come in from below and go out above.
    for level, under, over in (
        (LOWEST_M, z <= LOWEST_M, z > LOWEST_M),
        (HIGHEST_M, z < HIGHEST_M, z >= HIGHEST_M),
    ):
        a, b = corners[under][:, None], corners[over][None]
        kept.append((a + (b - a) * ((level - a[..., 2:]) / (b[..., 2:] - a[..., 2:]))).reshape(-1, 3))
    points = np.concatenate(kept)[:, :2]
    if len(points) < 3:
        return None
    try:
        return np.asarray(points[ConvexHull(points).vertices])
    except QhullError:  # thinner than a line: nothing stands there
        return None


def _covered(outline: Array, x: Array, y: Array, side: float) -> npt.NDArray[np.bool_]:
    """Cells (h, w) whose square shares more than an edge with an outline: no separating axis is found."""
    low, high, half = outline.min(axis=0), outline.max(axis=0), side / 2.0 - 1e-6
    near = np.outer((y + half > low[1]) & (y - half < high[1]), (x + half > low[0]) & (x - half < high[0]))
    rows, columns = np.nonzero(near)
    centres = np.stack([x[columns], y[rows]], axis=1)
    edges = np.roll(outline, -1, axis=0) - outline
    normals = np.stack([edges[:, 1], -edges[:, 0]], axis=1)  # outward: the hull runs counterclockwise
    reach = half * np.abs(normals).sum(axis=1)
    apart = centres @ normals.T - reach > (outline * normals).sum(axis=1)
    near[rows, columns] = ~apart.any(axis=1)
    return near


def main(arguments: list[str] | None = None) -> int:
    """Write the map of a world beside it."""
    parser = argparse.ArgumentParser(description="Make the map of a world, and write it beside the world.")
    parser.add_argument("world", help="name of a world, or its file")
    try:
        world = read_world(find_world(parser.parse_args(arguments).world))
        pgm, yaml = write_map(occupancy(world), world.path.parent, world.path.stem)
    except (DescriptionError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"Wrote {pgm} and {yaml}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
