"""The map is made from the world, and ways on it keep off what stands there."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from care_robot.description import (
    Box,
    Capsule,
    Collision,
    Cylinder,
    DescriptionError,
    Link,
    Mesh,
    Model,
    Plane,
    Shape,
    Sphere,
)
from care_robot.geometry import Pose
from care_robot.simulation.occupancy import (
    FREE,
    OCCUPIED,
    UNKNOWN,
    Grid,
    footprints,
    main,
    occupancy,
    path,
    write_map,
)
from care_robot.simulation.world import Room, World

ROOM = Room("room", ((0.0, 0.0), (4.0, 0.0), (4.0, 3.0), (0.0, 3.0)))


def thing(shape: Shape, pose: Pose, static: bool = True) -> Model:
    collision = Collision("collision", Pose.identity(), shape)
    return Model("thing", pose, (Link("link", Pose.identity(), collisions=(collision,)),), static=static)


def room(*models: Model) -> World:
    return World("test", Path("test.sdf"), models, rooms=(ROOM,))


def occupied(world: World) -> list[tuple[float, float]]:
    """Middles of the occupied cells."""
    grid = occupancy(world)
    return [grid.centre(*cell) for cell in np.argwhere(grid.cells == OCCUPIED)]


def value(grid: Grid, x: float, y: float) -> int:
    cell = grid.cell(x, y)
    assert cell is not None
    return int(grid.cells[cell])


# The map ---------------------------------------------------------------------------------------------------


def test_what_stands_there_is_occupied_the_room_is_free_and_outside_is_unknown() -> None:
    grid = occupancy(room(thing(Box((0.4, 0.2, 1.0)), Pose.from_rpy(2.0, 1.0, 0.5))))
    assert value(grid, 2.0, 1.0) == OCCUPIED
    assert value(grid, 1.0, 1.0) == FREE
    assert value(grid, -0.03, 1.0) == UNKNOWN
    assert int((grid.cells == OCCUPIED).sum()) == 8 * 4


def test_row_0_has_the_lowest_y() -> None:
    grid = occupancy(room(thing(Box((0.1, 0.1, 1.0)), Pose.from_rpy(3.5, 0.5, 0.5))))
    row, column = np.argwhere(grid.cells == OCCUPIED).mean(axis=0)
    assert row < grid.cells.shape[0] / 2
    assert column > grid.cells.shape[1] / 2


@pytest.mark.parametrize(
    ("shape", "pose", "inside"),
    [
        (Box((0.1, 0.1, 0.02)), Pose.from_rpy(2, 1, 0.01), False),  # a sill to roll over
        (Box((0.1, 0.1, 0.1)), Pose.from_rpy(2, 1, 1.6), False),  # a lamp to pass under
        (Box((0.1, 0.1, 0.1)), Pose.from_rpy(2, 1, 1.4), True),
        (Box((0.004, 0.004, 1.0)), Pose.from_rpy(2, 1, 0.5), True),  # thin, and still there
        (Cylinder(0.05, 1.0), Pose.from_rpy(2, 1, 0.5), True),
        (Sphere(0.1), Pose.from_rpy(2, 1, 0.5), True),
        (Capsule(0.1, 0.3), Pose.from_rpy(2, 1, 0.5, roll=1.0), True),
        (Plane((1.0, 1.0)), Pose.from_rpy(2, 1, 0), False),
    ],
)
def test_only_what_a_robot_could_run_into_is_in_it(shape: Shape, pose: Pose, inside: bool) -> None:
    assert bool(occupied(room(thing(shape, pose)))) is inside


def test_of_a_leaning_thing_only_the_part_within_reach_is_in_it() -> None:
    pole = thing(Box((0.02, 0.02, 4.0)), Pose.from_rpy(2.0, 1.5, 0.0, pitch=math.pi / 4))
    farthest = max(x for x, _ in occupied(room(pole)))
    assert farthest == pytest.approx(2.0 + 1.4, abs=0.06)


def test_what_may_move_is_not_in_it() -> None:
    assert not occupied(room(thing(Box((0.2, 0.2, 1.0)), Pose.from_rpy(2, 1, 0.5), static=False)))


@settings(deadline=None, max_examples=50)
@given(
    x=st.floats(0.6, 3.4),
    y=st.floats(0.6, 2.4),
    yaw=st.floats(-4.0, 4.0),
    size=st.tuples(st.floats(0.01, 0.8), st.floats(0.01, 0.8)),
)
def test_every_point_of_a_thing_is_in_an_occupied_cell_and_no_cell_is_far(
    x: float, y: float, yaw: float, size: tuple[float, float]
) -> None:
    pose = Pose.from_rpy(x, y, 0.5, yaw=yaw)
    grid = occupancy(room(thing(Box((*size, 1.0)), pose)))
    across = np.linspace(-0.49, 0.49, 9)
    for u, v in itertools.product(across * size[0], across * size[1]):
        px, py, _ = pose.apply((u, v, 0.0))
        assert value(grid, px, py) == OCCUPIED
    for cell in np.argwhere(grid.cells == OCCUPIED):
        local = pose.inverse().apply((*grid.centre(*cell), 0.5))
        outside = np.maximum(np.abs(local[:2]) - np.array(size) / 2.0, 0.0)
        assert np.hypot(*outside) <= grid.resolution_m * math.sqrt(0.5) + 1e-6


def test_footprints_are_outlines_of_things() -> None:
    (outline,) = footprints(room(thing(Box((2.0, 1.0, 1.0)), Pose.from_rpy(2.0, 1.0, 0.5))))
    assert sorted(outline) == [(1.0, 0.5), (1.0, 1.5), (3.0, 0.5), (3.0, 1.5)]


@pytest.mark.parametrize(
    ("world", "what"),
    [
        (World("empty", Path("empty.sdf"), ()), "nothing to make a map of"),
        (room(thing(Mesh(Path("a.obj")), Pose.identity())), "no map can be made of a mesh"),
        (room(thing(Sphere(1.0), Pose.from_rpy(1e9, 0.0, 1.0))), "too much for a map"),
    ],
)
def test_no_map_is_made_of_what_has_none(world: World, what: str) -> None:
    with pytest.raises(DescriptionError, match=what):
        occupancy(world)


# Its files -------------------------------------------------------------------------------------------------


def test_the_files_are_what_nav2_map_server_reads(tmp_path: Path) -> None:
    grid = occupancy(room(thing(Box((0.4, 0.2, 1.0)), Pose.from_rpy(2.0, 1.0, 0.5))))
    pgm, description = write_map(grid, tmp_path, "home")
    about = yaml.safe_load(description.read_text(encoding="utf-8"))
    assert about["image"] == pgm.name
    assert (about["mode"], about["negate"]) == ("trinary", 0)
    magic, size, most, pixels = pgm.read_bytes().split(b"\n", 3)
    columns, rows = (int(n) for n in size.split())
    assert (magic, most, columns * rows) == (b"P5", b"255", len(pixels))
    # As nav2_map_server computes it, from the picture's upper left corner.
    p = (255 - np.frombuffer(pixels, np.uint8).reshape(rows, columns)[::-1]) / 255
    read = np.where(p > about["occupied_thresh"], OCCUPIED, np.where(p < about["free_thresh"], FREE, UNKNOWN))
    assert np.array_equal(read, grid.cells)
    assert about["origin"] == pytest.approx([*grid.origin_m, 0.0])
    assert about["resolution"] == grid.resolution_m


def test_the_command_answers_with_a_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "worlds").mkdir()
    home = tmp_path / "worlds" / "home.sdf"
    home.write_text(
        '<sdf version="1.9"><world name="home"><care:rooms><care:room name="a">'
        "<care:polygon>0 0 1 0 1 1</care:polygon></care:room></care:rooms></world></sdf>"
    )
    assert main([str(home)]) == 0
    assert (tmp_path / "worlds/home.pgm").exists()
    assert "home.yaml" in capsys.readouterr().out
    assert main(["palace"]) == 1
    assert main([str(tmp_path)]) == 1
    answers = capsys.readouterr().err.splitlines()
    assert "no world 'palace'" in answers[0]
    assert "cannot be read" in answers[1]


# Ways ------------------------------------------------------------------------------------------------------

WALL = thing(Box((0.1, 2.4, 1.0)), Pose.from_rpy(2.0, 1.2, 0.5))  # leaves 0.6 m free at the upper end


def test_a_way_leads_round_a_wall() -> None:
    grid = occupancy(room(WALL))
    way = path(grid, (1.0, 0.5), (3.0, 0.5), 0.2)
    assert way is not None
    assert (way[0], way[-1]) == ((1.0, 0.5), (3.0, 0.5))
    assert max(y for _, y in way) > 2.4


def test_what_is_too_wide_does_not_get_through() -> None:
    assert path(occupancy(room(WALL)), (1.0, 0.5), (3.0, 0.5), 0.4) is None


def test_a_free_way_is_straight() -> None:
    assert path(occupancy(room()), (0.7, 0.7), (3.3, 2.3), 0.2) == [(0.7, 0.7), (3.3, 2.3)]


def test_one_may_leave_a_place_that_is_too_close_but_not_go_to_one() -> None:
    grid = occupancy(room(WALL))
    close = (1.88, 1.0)
    way = path(grid, close, (0.5, 1.0), 0.2)
    assert way is not None
    assert (way[0], way[-1]) == (close, (0.5, 1.0))
    assert path(grid, (0.5, 1.0), close, 0.2) is None


@pytest.mark.parametrize("point", [(-9.0, 1.0), (1e9, 1.0), (2.0, 1.0), (4.5, 1.0)])
def test_no_way_leads_outside_or_into_a_wall(point: tuple[float, float]) -> None:
    assert path(occupancy(room(WALL)), (1.0, 1.0), point, 0.2) is None


@settings(deadline=None, max_examples=50)
@given(
    boxes=st.lists(
        st.tuples(st.floats(0.3, 3.7), st.floats(0.3, 2.7), st.floats(0.05, 0.6), st.floats(0.0, 3.0)),
        max_size=6,
    ),
    start=st.tuples(st.floats(0.3, 3.7), st.floats(0.3, 2.7)),
    goal=st.tuples(st.floats(0.3, 3.7), st.floats(0.3, 2.7)),
)
def test_a_way_never_comes_closer_than_the_radius(
    boxes: list[tuple[float, float, float, float]], start: tuple[float, float], goal: tuple[float, float]
) -> None:
    things = [thing(Box((s, s, 1.0)), Pose.from_rpy(x, y, 0.5, yaw=yaw)) for x, y, s, yaw in boxes]
    grid = occupancy(room(*things))
    way = path(grid, start, goal, 0.2)
    clearance = grid.clearance_m()
    if way is None:
        return
    assert (way[0], way[-1]) == (start, goal)
    begin = grid.cell(*start)
    assert begin is not None
    for a, b in itertools.pairwise(way if clearance[begin] >= 0.2 else way[1:]):
        for x, y in np.linspace(a, b, 50):
            cell = grid.cell(x, y)
            assert cell is not None
            assert clearance[cell] >= 0.2 - grid.resolution_m / 2  # a line may graze a cell's corner
