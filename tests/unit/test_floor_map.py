"""The map that nav2_map_server reads, read for where the robot can stand."""

from pathlib import Path

import pytest
from fake_robot import PLACES, FakeRobot
from hypothesis import given, settings
from hypothesis import strategies as st

from care_robot.care.strict_yaml import YamlError
from care_robot.planning import finding
from care_robot.planning.approach import Spot
from care_robot.planning.floor_map import read_floor
from care_robot.planning.run import Run
from care_robot.planning.skills import Failure, SeenPerson
from care_robot.planning.tasks import Task, TaskKind

WORLDS = Path(__file__).parents[2] / "sim" / "worlds"
APARTMENT = read_floor(WORLDS / "apartment.yaml")
HEAD = b"P5\n3 2\n255\n"
YAML = "image: m.pgm\nresolution: 0.05\norigin: [0.0, 0.0, 0.0]\noccupied_thresh: 0.65\nfree_thresh: 0.196\n"


def write(folder: Path, yaml: str = YAML, picture: bytes = HEAD + bytes(6)) -> Path:
    (folder / "m.pgm").write_bytes(picture)
    path = folder / "m.yaml"
    path.write_text(yaml, encoding="utf-8")
    return path


def test_rows_shades_and_origin_are_those_of_the_picture(tmp_path: Path) -> None:
    floor = read_floor(
        write(tmp_path, picture=b"P5\n# a comment\n3 2\n255\n" + bytes([0, 205, 254, 254, 254, 0]))
    )
    assert floor.cells.tolist() == [[0, 0, 100], [100, -1, 0]]  # the lowest y first
    assert (floor.resolution_m, floor.origin_m) == (0.05, (0.0, 0.0))


@pytest.mark.parametrize("world", ["apartment", "ward"])
def test_the_robot_can_stand_at_the_places_of_a_world(world: str) -> None:
    from care_robot.care.places import read_places

    floor = read_floor(WORLDS / f"{world}.yaml")
    places = read_places(WORLDS.parents[1] / "config" / "places" / f"{world}.yaml")
    blocked = [p.name for p in places.places.values() if not floor.fits(p.x_m, p.y_m) and p.name != "dock"]
    assert blocked == []


@pytest.mark.parametrize(
    "picture",
    [
        b"",
        b"P5",
        b"P2\n3 2\n255\n" + bytes(6),
        HEAD + bytes(5),
        HEAD + bytes(7),
        b"P5\n0 0\n255\n",
        b"P5\n-3 -2\n255\n" + bytes(6),
        b"P5\nx y\n255\n" + bytes(6),
        b"P5\n3 2\n65535\n" + bytes(12),
        b"#" * 20_000,
    ],
)
def test_a_picture_that_is_none_is_refused(tmp_path: Path, picture: bytes) -> None:
    with pytest.raises(YamlError, match=r"m\.pgm cannot be read"):
        read_floor(write(tmp_path, picture=picture))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.0, 0.0, 0.0", "0.0, 0.0, 0.5"),
        ("0.0, 0.0, 0.0", ".nan, 0.0, 0.0"),
        ("resolution: 0.05", "resolution: 0.0"),
        ("image: m.pgm", "image: gone.pgm"),
        ("image: m.pgm", "image: m.pgm\nmode: raw"),
        ("image: m.pgm", "image: m.pgm\nwings: 2"),
        ("occupied_thresh: 0.65\n", ""),
    ],
)
def test_a_map_that_cannot_be_used_is_named(tmp_path: Path, old: str, new: str) -> None:
    with pytest.raises(YamlError, match=r"\.(yaml|pgm)"):
        read_floor(write(tmp_path, YAML.replace(old, new)))


@given(st.binary(max_size=200))
def test_no_picture_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("map")
    for picture in (data, HEAD + data):
        try:
            read_floor(write(folder, picture=picture))
        except YamlError:
            continue


@settings(deadline=None, max_examples=60)
@given(x=st.floats(0.3, 8.5), y=st.floats(0.3, 6.3), down=st.booleans())
def test_anywhere_in_the_home_the_robot_stands_where_it_can_and_sees_the_person(
    x: float, y: float, down: bool
) -> None:
    robot = FakeRobot()
    robot.map, robot.here = APARTMENT, Spot(5.6, 2.3, 0.0)
    run = Run(Task(TaskKind.COME_HERE, 2, "박", 60.0), robot, PLACES)
    spots = finding.beside(run, SeenPerson("p1", (x, y), PLACES.room_at(x, y), down=down))
    if isinstance(spots, Failure):
        return
    for spot in spots:
        assert APARTMENT.fits(spot.x_m, spot.y_m)
        assert APARTMENT.sees(spot, (x, y))
        assert not APARTMENT.in_door(spot.x_m, spot.y_m)


@pytest.mark.parametrize(("x", "y"), [(6.2, 1.9), (2.4, 1.2), (3.1, 4.6), (6.2, 4.7), (5.6, 2.3)])
def test_in_the_middle_of_a_room_there_is_a_spot(x: float, y: float) -> None:
    robot = FakeRobot()
    robot.map = APARTMENT
    run = Run(Task(TaskKind.COME_HERE, 2, "박", 60.0), robot, PLACES)
    for down in (False, True):
        spots = finding.beside(run, SeenPerson("p1", (x, y), PLACES.room_at(x, y), down=down))
        assert not isinstance(spots, Failure), (x, y, down)
