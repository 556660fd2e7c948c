"""Bed, seat or floor: who lies beside the bed never lies on it, and what cannot be told stays unknown."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from room_people import lens, lying, seen_by, sitting

from care_robot.care.places import Furniture
from care_robot.perception.bodies import HIPS, SHOULDERS, Array, middle
from care_robot.perception.ground import LYING_SIZE, LYING_SIZE_STD, Lens, on_feet, place_body
from care_robot.perception.support import Rest, inside_m, rest_of, seat_of

BED = Furniture("bed", "bed", ((2.0, -0.5), (4.0, -0.5), (4.0, 0.5), (2.0, 0.5)), 0.48)
CHAIR = Furniture("chair", "chair", ((2.79, 1.79), (3.21, 1.79), (3.21, 2.21), (2.79, 2.21)), 0.48)
ALL = (BED, CHAIR)
WALL_EYES = [lens(x, y, at=(3.0, 0.0)) for x, y in ((0.3, 1.5), (3.0, 2.8), (5.6, -1.4), (0.2, 0.0))]
HEAD_EYES = [lens(x, y, at=(3.0, 0.0), height=1.25, pitch=0.3) for x, y in ((0.6, 1.2), (3.2, 2.5), (5.5, 0))]
eyes = st.sampled_from(WALL_EYES + HEAD_EYES)
taken_for = st.floats(1 / 1.1, 1 / 0.85)  # as measured of rendered people who lie


def rest(eye: Lens, points: Array, taken: float = 1.0 / LYING_SIZE, furniture: object = ALL) -> Rest:
    found = place_body(seen_by(eye, points, taken_for=taken), eye)
    assert found is not None
    return rest_of(found.sized(LYING_SIZE, LYING_SIZE_STD), furniture)  # type: ignore[arg-type]


def sees(eye: Lens, point: Array) -> bool:
    """Whether the bed leaves the view of the upper side of something that lies on the floor."""
    line = (point + (0.0, 0.0, 0.15)) + np.linspace(0.0, 1.0, 100)[:, None] * (eye.pose.position - point)
    return not any(inside_m(BED.polygon_m, x, y) > 0.0 and z < BED.height_m for x, y, z in line)


@pytest.mark.parametrize("eye", WALL_EYES + HEAD_EYES)
@pytest.mark.parametrize("heading", [0.0, math.pi])
def test_who_lies_on_the_bed_lies_on_the_bed(eye: Lens, heading: float) -> None:
    found = rest(eye, lying(2.9 if heading else 3.1, 0.0, heading=heading, height=0.48))
    assert (found.furniture, found.on_floor) == ("bed", False)
    assert found.placed.hips[2] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("eye", "spot"),
    [
        (WALL_EYES[0], (1.0, -1.4)),
        (WALL_EYES[1], (5.0, 0.2)),
        (WALL_EYES[2], (4.0, 1.8)),
        (HEAD_EYES[0], (2.6, -1.1)),
        (HEAD_EYES[1], (2.2, 1.0)),
        (HEAD_EYES[2], (3.4, 1.4)),
    ],
)
@pytest.mark.parametrize("heading", [0.0, math.pi / 2])
def test_who_lies_where_nothing_is_lies_on_the_floor(
    eye: Lens, spot: tuple[float, float], heading: float
) -> None:
    found = rest(eye, lying(*spot, heading=heading))
    assert found.on_floor
    assert found.placed.hips[:2] == pytest.approx(spot, abs=0.15)


@settings(max_examples=300, deadline=None)
@given(
    eyes,
    st.floats(2.2, 3.8),
    st.floats(0.75, 1.2) | st.floats(-1.2, -0.75),
    st.floats(-0.5, 0.5),
    taken_for,
)
def test_who_lies_beside_the_bed_never_lies_on_it(
    eye: Lens, x: float, y: float, heading: float, taken: float
) -> None:
    points = lying(x, y, heading=heading)
    assume(all(sees(eye, middle(points, pair)) for pair in (HIPS, SHOULDERS)))
    assert rest(eye, points, taken).furniture != "bed"


@settings(max_examples=150, deadline=None)
@given(eyes, st.floats(2.7, 3.3), st.floats(-0.2, 0.2), st.sampled_from([0.0, math.pi]), taken_for)
def test_who_lies_on_the_bed_is_never_on_the_floor_for_sure(
    eye: Lens, x: float, y: float, heading: float, taken: float
) -> None:
    assert not rest(eye, lying(x, y, heading=heading, height=0.48), taken).on_floor


@pytest.mark.parametrize("eye", WALL_EYES)
def test_a_bed_that_the_file_does_not_have_leaves_it_open(eye: Lens) -> None:
    for furniture in ((), (CHAIR,)):
        found = rest(eye, lying(3.1, 0.0, height=0.48), furniture=furniture)
        assert (found.furniture, found.on_floor) == ("", False)


@pytest.mark.parametrize("eye", HEAD_EYES)
def test_without_a_file_the_robots_eye_still_tells_the_floor(eye: Lens) -> None:
    assert rest(eye, lying(3.0, 0.0), furniture=()).on_floor


def test_a_camera_that_lies_on_the_floor_itself_cannot_tell() -> None:
    eye = lens(0.0, -1.0, at=(3.0, -1.0), height=0.15, pitch=0.0)
    found = rest(eye, lying(3.0, -1.2, heading=2.0))
    assert (found.furniture, found.on_floor) == ("", False)


@pytest.mark.parametrize("eye", WALL_EYES + HEAD_EYES)
def test_who_sits_on_a_chair_sits_on_that_chair(eye: Lens) -> None:
    x, y, _ = eye.pose.position
    for spot, name in (((3.0, 2.0), "chair"), ((3.0, 0.45), "bed"), ((3.0, -1.2), "")):
        if math.dist((x, y), spot) < 1.2:  # too near to be seen whole
            continue
        points = sitting(*spot, heading=math.pi / 2)
        body = seen_by(eye, points, taken_for=1.05)
        found = place_body(body, eye)
        assert found is not None
        assert seat_of(on_feet(found), ALL) == name


def test_who_sits_on_the_floor_before_the_chair_does_not_sit_on_it() -> None:
    points = sitting(3.0, 2.0)
    found = place_body(seen_by(WALL_EYES[0], points), WALL_EYES[0])
    assert found is not None
    standing = on_feet(found)
    low = standing.sized(1.0, 0.1)
    low = type(low)(low.points - (0.0, 0.0, 0.35), low.visibility, low.up, low.eye)
    assert seat_of(low, ALL) == ""


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_how_far_inside_an_outline(x: float, y: float) -> None:
    outline = ((-1.0, -2.0), (1.0, -2.0), (1.0, 2.0), (-1.0, 2.0))
    beside_m = math.hypot(max(abs(x) - 1.0, 0.0), max(abs(y) - 2.0, 0.0))
    within_m = min(1.0 - abs(x), 2.0 - abs(y))
    assert inside_m(outline, x, y) == pytest.approx(within_m if within_m > 0 else -beside_m, abs=1e-9)


@pytest.mark.parametrize(
    "outline", [((0.0, 0.0),), ((0.0, 0.0), (1.0, 0.0)), ((1.0, 1.0), (1.0, 1.0), (1.0, 1.0))]
)
def test_an_outline_without_an_area_holds_nobody(outline: tuple[tuple[float, float], ...]) -> None:
    assert inside_m(outline, 0.5, 0.0) <= 0.0
    assert math.isfinite(inside_m(outline, 1.0, 1.0))
