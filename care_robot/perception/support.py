"""What carries somebody who sits or lies: the floor, or which furniture.

Of who lies each possibility is tried: the body is laid onto the floor and onto each piece of furniture, with
the size that it must then have, and each is rated by how likely that size is, by whether the body is over
that furniture, and by whether the camera could see it there at all. Who lies beside the bed must never be
taken for lying on it: furniture must be far likelier than the floor, and what is in between stays unknown.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from care_robot.care.places import Furniture
from care_robot.perception.bodies import SHOULDERS, Array, middle
from care_robot.perception.ground import SOLE_M, Placed

LOW_HIPS_M = 0.3  # over the floor, of who lies on it: on their side, hips are at 0.2 m
HIGHEST_LYING_HIPS_M = 0.4  # the same, with errors
HIPS_OVER_SEAT_M = 0.1
SEAT_ERROR_M = 0.2  # of hips from a seat
HIPS_STD_M = 0.1  # of a height over what a body rests on
OVER_STD_M = 0.12  # of the hips in the plane, and of where the furniture stands
HIDDEN_M = 0.1  # so far through the edge of a bed, a line of sight may still be free
CARRIES_LYING = frozenset({"bed", "sofa"})
SOLID = CARRIES_LYING  # one cannot look through below
ELSEWHERE_M = 0.45  # height of a bed that the file of places does not have
ELSEWHERE = -3.0  # how unlikely that is, where the file has furniture at all
SURE_OF_FURNITURE, SURE_OF_FLOOR = 3.0, 2.0  # 20 and 7 times as likely
UNLIKELY = -8.0
NEAR_M = 4.0  # a piece of furniture further away carries nobody, whatever the errors


@dataclass(frozen=True, eq=False)
class Rest:
    """How somebody lies.

    Parameters
    ----------
    placed : Placed
        The body where it then is.
    furniture : str
        Name of what carries it; empty where that is the floor, or not known.
    on_floor : bool
        Whether that is the floor, for sure.
    """

    placed: Placed
    furniture: str = ""
    on_floor: bool = False


def rest_of(placed: Placed, furniture: Sequence[Furniture]) -> Rest:
    """What carries a body that lies.

    Parameters
    ----------
    placed : Placed
        With the size that it probably has.
    furniture : sequence of Furniture
        All there is.
    """
    floor = placed.resting(SOLE_M)
    if floor is None:
        return Rest(placed)
    here = float(floor.hips[0]), float(floor.hips[1])
    pieces = [piece for piece in furniture if inside_m(piece.polygon_m, *here) > -NEAR_M]
    listed = bool(furniture)
    floor_score = _on_floor(placed, floor, pieces)
    score, rest = -math.inf, Rest(placed)
    for piece in pieces:
        piece_score, on_it = _on(placed, floor, piece)
        if piece_score > score:
            score, rest = piece_score, Rest(on_it, piece.name)
    if score > UNLIKELY and score >= floor_score + SURE_OF_FURNITURE:
        return rest
    if (unlisted := placed.resting(ELSEWHERE_M)) is not None:
        score = max(score, _size(placed, unlisted) + (ELSEWHERE if listed else 0.0))
    if floor_score > UNLIKELY and floor_score >= score + SURE_OF_FLOOR:
        return Rest(floor, on_floor=float(floor.hips[2]) <= HIGHEST_LYING_HIPS_M)
    return Rest(placed)


def seat_of(placed: Placed, furniture: Iterable[Furniture]) -> str:
    """Name of the furniture that somebody sits on, empty where there is none.

    Parameters
    ----------
    placed : Placed
        With the feet where they are.
    furniture : iterable of Furniture
        All there is.
    """
    x, y, z = map(float, placed.hips)
    near = [
        (inside_m(piece.polygon_m, x, y), piece.name)
        for piece in furniture
        if abs(z - piece.height_m - HIPS_OVER_SEAT_M) < SEAT_ERROR_M
    ]
    inside, name = max(near, default=(-math.inf, ""))
    return name if inside > -SEAT_ERROR_M else ""


def _size(placed: Placed, sized: Placed) -> float:
    """Logarithm of how likely a body's size is."""
    return _log((sized.size_over(placed) - 1.0) / placed.size_std)


def _on_floor(placed: Placed, floor: Placed, pieces: list[Furniture]) -> float:
    high = _log(max(float(floor.hips[2]) - LOW_HIPS_M, 0.0) / HIPS_STD_M)
    hidden_m = max((_hidden_m(floor, piece) for piece in pieces if piece.kind in SOLID), default=0.0)
    return _size(placed, floor) + high + _log(max(hidden_m - HIDDEN_M, 0.0) / OVER_STD_M)


def _on(placed: Placed, floor: Placed, piece: Furniture) -> tuple[float, Placed]:
    """How likely furniture carries a body, and where it is then: all on it, or the feet on the floor."""
    lifted_m = float(floor.hips[2]) - (piece.height_m + HIPS_OVER_SEAT_M)
    ways = [(_size(placed, floor) + _log(lifted_m / HIPS_STD_M), floor)]
    on_top = placed.resting(piece.height_m) if piece.kind in CARRIES_LYING else None
    if on_top is not None:
        ways.append((_size(placed, on_top), on_top))
    return max(
        ((score + _log(max(_outside_m(way, piece), 0.0) / OVER_STD_M), way) for score, way in ways),
        key=lambda pair: pair[0],
    )


def _outside_m(placed: Placed, piece: Furniture) -> float:
    """How far the torso is from being over furniture; negative well within."""
    points = placed.hips, middle(placed.points, SHOULDERS)
    return max(-inside_m(piece.polygon_m, float(x), float(y)) for x, y, _ in points)


def _hidden_m(placed: Placed, piece: Furniture) -> float:
    """How deep in furniture the torso is, or the camera's view of it; negative well without."""
    return max(
        _view_hidden_m(placed.eye, point, piece) for point in (placed.hips, middle(placed.points, SHOULDERS))
    )


def _view_hidden_m(eye: Array, point: Array, piece: Furniture) -> float:
    share = (piece.height_m - point[2]) / max(eye[2] - point[2], 1e-6)  # of the view that lies lower
    if share <= 0.0:
        return 0.0
    line = point + np.linspace(0.0, min(share, 1.0), 6)[:, None] * (eye - point)
    return max(inside_m(piece.polygon_m, float(x), float(y)) for x, y, _ in line)


def inside_m(polygon_m: tuple[tuple[float, float], ...], x_m: float, y_m: float) -> float:
    """How far within an outline a point is; negative without."""
    nearest_m, inside = math.inf, False
    for (ax, ay), (bx, by) in zip(polygon_m, polygon_m[1:] + polygon_m[:1], strict=True):
        dx, dy = bx - ax, by - ay
        share = ((x_m - ax) * dx + (y_m - ay) * dy) / max(dx * dx + dy * dy, 1e-12)
        share = min(max(share, 0.0), 1.0)
        nearest_m = min(nearest_m, math.hypot(x_m - ax - share * dx, y_m - ay - share * dy))
        if (ay > y_m) != (by > y_m) and x_m < ax + (y_m - ay) * dx / dy:
            inside = not inside
    return nearest_m if inside else -nearest_m


def _log(deviations: float) -> float:
    return -0.5 * min(deviations * deviations, 1e6) if math.isfinite(deviations) else -5e5
