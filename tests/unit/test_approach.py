"""Where the robot stands to be with a person."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from care_robot.planning.approach import (
    FALLEN,
    ROBOT_RADIUS_M,
    SPARE_M,
    UPRIGHT,
    Floor,
    Ring,
    Spot,
    around,
    side_bearings,
    standoffs,
)

METRES = st.floats(-50.0, 50.0)
RINGS = st.sampled_from([UPRIGHT, FALLEN])
BODIES = st.lists(st.tuples(st.floats(-0.9, 0.9), st.floats(-0.9, 0.9)), max_size=33)


def lying(x_m: float, y_m: float, heading_rad: float) -> np.ndarray:
    """Points along a body of 1.7 m."""
    along = np.linspace(-0.85, 0.85, 15)
    across = np.tile([-0.1, 0.0, 0.1], 5)
    turn = np.array(
        [[math.cos(heading_rad), -math.sin(heading_rad)], [math.sin(heading_rad), math.cos(heading_rad)]]
    )
    return np.stack([along, across], axis=1) @ turn.T + (x_m, y_m)


def room(width_m: float = 6.0, height_m: float = 4.0) -> Floor:
    """An empty room with walls of a cell, at the origin."""
    cells = np.zeros((round(height_m / 0.05), round(width_m / 0.05)), np.int8)
    cells[[0, -1], :] = cells[:, [0, -1]] = 100
    return Floor(0.05, (0.0, 0.0), cells)


def edge_m(spot: Spot, points: np.ndarray) -> float:
    return float(np.linalg.norm(points - spot[:2], axis=1).min()) - ROBOT_RADIUS_M


@settings(deadline=None)
@given(x=METRES, y=METRES, body=BODIES, ring=RINGS, robot=st.tuples(METRES, METRES))
def test_every_spot_keeps_its_distance_and_faces_the_person(
    x: float, y: float, body: list[tuple[float, float]], ring: Ring, robot: tuple[float, float]
) -> None:
    points = np.array([(x, y), *((x + a, y + b) for a, b in body)])
    spots = standoffs((x, y), points, ring, robot)
    assert spots
    for spot in spots:
        assert ring.near_m - 1e-6 <= edge_m(spot, points) <= ring.far_m + 1e-6
        facing = math.atan2(y - spot.y_m, x - spot.x_m)
        assert math.isclose(math.cos(facing - spot.yaw_rad), 1.0, abs_tol=1e-9)


@settings(deadline=None)
@given(heading=st.floats(-math.pi, math.pi), robot=st.tuples(METRES, METRES))
def test_who_lies_is_not_come_near_at_head_or_feet(heading: float, robot: tuple[float, float]) -> None:
    body = lying(0.0, 0.0, heading)
    for spot in standoffs((0.0, 0.0), body, FALLEN, robot):
        assert edge_m(spot, body) >= FALLEN.near_m - 1e-6


@settings(deadline=None)
@given(x=METRES, y=METRES, robot=st.tuples(METRES, METRES))
def test_the_first_spot_is_on_the_robots_side(x: float, y: float, robot: tuple[float, float]) -> None:
    assume(math.dist((x, y), robot) > 3.0)
    first = standoffs((x, y), [], UPRIGHT, robot)[0]
    wanted = math.atan2(robot[1] - y, robot[0] - x)
    taken = math.atan2(first.y_m - y, first.x_m - x)
    assert math.cos(wanted - taken) > math.cos(math.radians(10.0))


@settings(deadline=None)
@given(x=st.floats(0.3, 5.7), y=st.floats(0.3, 3.7), ring=RINGS)
def test_in_a_room_no_spot_is_in_or_behind_a_wall(x: float, y: float, ring: Ring) -> None:
    spots = standoffs((x, y), [], ring, (3.0, 2.0), floor=room())
    assert spots
    for spot in spots:
        keeps = ROBOT_RADIUS_M + SPARE_M - 0.05
        assert keeps <= spot.x_m <= 6.0 - keeps
        assert keeps <= spot.y_m <= 4.0 - keeps


def test_a_wall_between_robot_and_person_is_not_looked_through() -> None:
    floor = room()
    floor.cells[:, 60:62] = 100  # a wall in the middle, x from 3.0 to 3.1
    spots = standoffs((2.6, 2.0), [], UPRIGHT, (5.0, 2.0), floor=floor)
    assert spots
    assert all(spot.x_m < 3.0 for spot in spots)


def test_somebody_on_a_sofa_is_approached_although_the_sofa_stands_on_the_map() -> None:
    floor = room()
    floor.cells[5:20, 40:80] = 100
    assert standoffs((3.0, 0.8), [], UPRIGHT, (3.0, 3.0), floor=floor)


def test_the_robot_does_not_park_in_a_door() -> None:
    floor = room()
    floor.cells[:, 60:62] = 100
    floor.cells[31:49, 60:62] = 0  # a door of 0.9 m
    assert floor.in_door(3.05, 2.0)
    assert not floor.in_door(1.5, 2.0)
    for spot in standoffs((2.2, 2.0), [], UPRIGHT, (5.0, 2.0), floor=floor):
        assert not floor.in_door(spot.x_m, spot.y_m)
        assert not 2.95 < spot.x_m < 3.15


def test_outside_the_map_nothing_fits() -> None:
    assert not room().fits(-1.0, 1.0)
    assert not room().fits(1.0, 1e6)
    assert standoffs((100.0, 100.0), [], UPRIGHT, (0.0, 0.0), floor=room()) == []


@given(x=METRES, y=METRES, heading=st.floats(-math.pi, math.pi))
def test_a_lying_body_is_looked_at_square_to_its_axis(x: float, y: float, heading: float) -> None:
    bearings = side_bearings(lying(x, y, heading))
    assert len(bearings) == 10
    for bearing in (bearings[0], bearings[5]):
        assert abs(math.cos(bearing - heading)) < 0.05
    assert math.isclose(math.cos(bearings[0] - bearings[5]), -1.0, abs_tol=1e-6)


@pytest.mark.parametrize("body", [[], [(0.0, 0.0)], [(1.0, 1.0)] * 20])
def test_a_body_without_an_axis_has_no_side(body: list[tuple[float, float]]) -> None:
    assert side_bearings(body) == []


def test_a_side_view_stays_near_its_bearing() -> None:
    for spot in standoffs((0.0, 0.0), [], FALLEN, (5.0, 0.0), bearings_rad=around(math.pi / 2.0)):
        assert abs(math.atan2(spot.y_m, spot.x_m) - math.pi / 2.0) <= math.radians(20.1)
