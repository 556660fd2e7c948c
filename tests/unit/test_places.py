"""Places with names: the files agree with the simulated worlds, and a bad file is told in one sentence."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_robot.care.places import Places, PlaceUnknownError, read_places
from care_robot.care.strict_yaml import YamlError
from care_robot.description import Box, Cylinder
from care_robot.perception.support import inside_m
from care_robot.simulation.occupancy import occupancy
from care_robot.simulation.sdf import find_world, read_world
from care_robot.simulation.world import PlaceKind, World

FOLDER = Path(__file__).parents[2] / "config" / "places"
CLEARANCE_M = 0.3
GOOD = """
rooms:
  hall:
    ko: 복도
    en: hall
    polygon_m: [[0, 0], [2, 0], [2, 2.5], [0, 2.5]]
    entry: {x_m: 1, y_m: 1.5, heading_deg: 90}
places:
  door: {ko: 문, en: door, room: hall, x_m: 0.5, y_m: 0.5, heading_deg: -90}
furniture:
  bed: {kind: bed, height_m: 0.5, polygon_m: [[0, 0], [1, 1], [1, 0]]}
"""


@pytest.fixture(scope="module", params=["apartment", "ward"])
def world(request: pytest.FixtureRequest) -> World:
    return read_world(find_world(request.param))


@pytest.fixture
def places(world: World) -> Places:
    return read_places(FOLDER / f"{world.name}.yaml")


def read(tmp_path: Path, text: str) -> Places:
    path = tmp_path / "places.yaml"
    path.write_text(text, encoding="utf-8")
    return read_places(path)


def test_rooms_are_those_of_the_world(world: World, places: Places) -> None:
    assert {r.name: r.polygon_m for r in places.rooms.values()} == {r.name: r.polygon_m for r in world.rooms}


def test_places_lie_where_the_world_has_them_and_none_is_left_out(world: World, places: Places) -> None:
    spots = [p for p in world.places if p.kind in (PlaceKind.SPOT, PlaceKind.DOCK)]
    assert {spot.name for spot in spots} == set(places.places)
    for spot in spots:
        place, (x, y, _) = places.pose_of(spot.name), spot.pose.position
        assert (place.x_m, place.y_m) == pytest.approx((x, y))
        ahead = spot.pose.rotation() @ [1.0, 0.0, 0.0]
        heading = math.radians(place.heading_deg)
        assert (math.cos(heading), math.sin(heading)) == pytest.approx(tuple(ahead[:2]), abs=1e-4)


def test_the_robot_fits_at_every_place(world: World, places: Places) -> None:
    grid = occupancy(world)
    clearance_m = grid.clearance_m()
    for place in places.places.values():
        cell = grid.cell(place.x_m, place.y_m)
        assert cell
        assert clearance_m[cell] >= CLEARANCE_M, place.name


def test_every_place_lies_in_its_room(world: World, places: Places) -> None:
    outside = [p.name for p in places.places.values() if places.room_at(p.x_m, p.y_m) != p.room]
    # The robot stands before the counter, which is in the corridor.
    assert outside == (["nurse_station"] if world.name == "ward" else [])


def test_people_hear_every_name_in_both_languages_and_none_twice(places: Places) -> None:
    for n in range(2):
        labels = [place.label[n] for place in places.places.values()]
        assert len(set(labels)) == len(labels)


def half_size(shape: object) -> np.ndarray:
    assert isinstance(shape, Box | Cylinder)
    if isinstance(shape, Cylinder):
        return np.array([shape.radius_m, shape.radius_m, shape.length_m / 2])
    return np.array(shape.size_m) / 2


def test_what_people_sit_and_lie_on_is_where_the_world_has_it(world: World, places: Places) -> None:
    for piece in places.furniture:
        model = world.model(piece.name)
        (link,) = model.links
        tops = [c for c in link.collisions if c.name.startswith(("mattress", "seat"))]
        halves = [half_size(top.shape) for top in tops]
        low = np.min([top.pose.position - half for top, half in zip(tops, halves, strict=True)], axis=0)
        high = np.max([top.pose.position + half for top, half in zip(tops, halves, strict=True)], axis=0)
        outline = [(x, y, high[2]) for x in (low[0], high[0]) for y in (low[1], high[1])]
        corners = model.pose.compose(link.pose).apply(outline)
        assert piece.height_m == pytest.approx(corners[0, 2])
        assert (piece.kind == "bed") is tops[0].name.startswith("mattress")
        for corner in piece.polygon_m:
            assert min(math.dist(corner, other) for other in corners[:, :2]) < 0.015, piece.name
    for spot in (
        p for p in world.places if p.kind in (PlaceKind.SEAT, PlaceKind.BED)
    ):  # 5 cm behind a seat's front edge is seat
        x, y, _ = spot.pose.apply((-0.05, 0.0, 0.0))
        (under,) = [p for p in places.furniture if inside_m(p.polygon_m, float(x), float(y)) > 0.0]
        assert under.height_m == pytest.approx(spot.pose.position[2], abs=0.01)


@given(st.floats(-1.0, 15.0), st.floats(-5.0, 7.0))
def test_a_room_is_found_as_in_the_world(x: float, y: float) -> None:
    for name in ("apartment", "ward"):
        assert _PLACES[name].room_at(x, y) == _WORLDS[name].room_at(x, y)


_PLACES = {name: read_places(FOLDER / f"{name}.yaml") for name in ("apartment", "ward")}
_WORLDS = {name: read_world(find_world(name)) for name in ("apartment", "ward")}


def test_a_rooms_name_means_its_entry(tmp_path: Path) -> None:
    places = read(tmp_path, GOOD)
    entry = places.pose_of("hall")
    assert (entry.room, entry.x_m, entry.y_m, entry.heading_deg) == ("hall", 1.0, 1.5, 90.0)
    assert places.label("door").ko == "문"
    assert places.label("moon").ko == "moon"


def test_a_point_nowhere_is_in_no_room(tmp_path: Path) -> None:
    places = read(tmp_path, GOOD)
    assert places.room_at(1.0, 1.0) == "hall"
    for point in [(-1.0, 1.0), (1.0, 9.0), (math.nan, 1.0), (math.inf, math.inf)]:
        assert places.room_at(*point) == ""


@pytest.mark.parametrize("name", ["dor", "DOOR", "\x1b[31m" + "x" * 10_000, "", "문"])
def test_an_unknown_name_is_told_with_those_that_there_are(tmp_path: Path, name: str) -> None:
    with pytest.raises(PlaceUnknownError) as refusal:
        read(tmp_path, GOOD).pose_of(name)
    assert "door" in refusal.value.sentence.ko
    assert "door" in str(refusal.value)
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("x_m: 1,", "x_m: .nan,", "rooms.hall.entry.x_m"),
        ("x_m: 1,", "x_m: 1e9,", "rooms.hall.entry.x_m"),
        ("x_m: 1,", "x_m: '1',", "rooms.hall.entry.x_m"),
        ("x_m: 1,", "", "rooms.hall.entry.x_m"),
        ("x_m: 1,", "x_m: 1, z_m: 0,", "z_m"),
        ("room: hall", "room: attic", "places.door.room"),
        ("door:", "hall:", "places.hall"),
        ("door:", "'Big Door':", "places.Big Door"),
        ("[2, 2.5], ", "", ""),
        ("[[0, 0], [2, 0], [2, 2.5], [0, 2.5]]", "[[0, 0], [2, 0]]", "polygon_m"),
        ("[0, 0]", "[0, 0, 0]", "polygon_m"),
        ("en: door", "en: ''", "places.door.en"),
        ("ko: 문", 'ko: "a\\nb"', "places.door.ko"),
        ("ko: 문", f"ko: {'x' * 200}", "places.door.ko"),
        ("  hall:\n", "  hall: 3\n  attic:\n", "rooms.hall"),
        ("kind: bed", "kind: hammock", "furniture.bed.kind"),
        ("kind: bed, ", "", "furniture.bed.kind"),
        ("height_m: 0.5", "height_m: 5", "furniture.bed.height_m"),
        ("height_m: 0.5", "height_m: .nan", "furniture.bed.height_m"),
        ("[1, 1], [1, 0]", "[1, .inf], [1, 0]", "furniture.bed.polygon_m"),
        ("[1, 1], [1, 0]", "", "furniture.bed.polygon_m"),
        ("height_m: 0.5", "height_m: 0.5, color: red", "furniture.bed.color"),
    ],
)
def test_a_bad_file_is_told_with_the_place_of_what_is_wrong(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in GOOD
    if not said:
        read(tmp_path, GOOD.replace(old, new))  # three corners are enough
        return
    with pytest.raises(YamlError) as refusal:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert str(tmp_path / "places.yaml") in str(refusal.value)
    assert said in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["", "rooms: {}", "[]", "rooms: [", "\x00"])
def test_a_file_that_says_nothing_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(YamlError):
        read(tmp_path, text)
