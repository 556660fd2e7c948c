"""The worlds and models of sim/ are what a robot and its resident need, and Gazebo reads them too."""

import math
import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import cv2
import mujoco
import numpy as np
import pytest

from care_robot.description import Box, Camera, Cylinder, Link, Model
from care_robot.geometry import OPTICAL, Array, CameraModel, Pose
from care_robot.sdf_elements import read_xml
from care_robot.simulation.mujoco_model import TIMESTEP_S, add_model, compile_spec, new_spec
from care_robot.simulation.occupancy import occupancy, path, write_map
from care_robot.simulation.sdf import find_world, read_model, read_world
from care_robot.simulation.world import PlaceKind, World

SIM = Path(__file__).parents[2] / "sim"
MODELS = sorted(SIM.glob("models/*/model.sdf"))
WORLDS = ["apartment", "ward"]
TO_FETCH = {"cup", "bottle", "pill_box", "glasses_case", "remote", "phone"}
ROBOT_RADIUS_M = 0.25
REACH_M = 0.9  # of the robot's arm, or from a chair to where its sitter stands up


@pytest.fixture(scope="module", params=WORLDS)
def world(request: pytest.FixtureRequest) -> World:
    return read_world(find_world(request.param))


@pytest.fixture(scope="module")
def apartment() -> World:
    return read_world(find_world("apartment"))


def xy(pose: Pose) -> tuple[float, float]:
    return float(pose.position[0]), float(pose.position[1])


def cameras(world: World) -> dict[str, tuple[Camera, Pose]]:
    """Cameras with their poses in the map, x ahead."""
    return {
        sensor.name: (sensor, model.pose.compose(link.pose).compose(sensor.pose))
        for model in world.models
        for link, sensor in model.sensors()
        if isinstance(sensor, Camera)
    }


def dock(world: World) -> tuple[float, float]:
    (place,) = [place for place in world.places if place.kind is PlaceKind.DOCK]
    return xy(place.pose)


# What they are made of -------------------------------------------------------------------------------------


def test_the_apartment_has_its_rooms_its_furniture_and_things_to_fetch(apartment: World) -> None:
    assert {room.name for room in apartment.rooms} == {
        "bedroom",
        "bathroom",
        "kitchen",
        "living_room",
        "hall",
    }
    names = {model.name for model in apartment.models}
    assert names >= TO_FETCH
    assert {"bed", "sofa", "low_table", "dining_table", "bookshelf", "rug", "charging_dock"} <= names
    assert len(apartment.doors()) >= 3


def test_the_ward_has_six_rooms_each_with_bed_chair_cabinet_and_door() -> None:
    ward = read_world(find_world("ward"))
    names = {model.name for model in ward.models}
    for n in range(1, 7):
        assert {f"bed_{n}", f"chair_{n}", f"cabinet_{n}", f"door_room_{n}"} <= names
        assert ward.room_at(*xy(ward.place(f"bed_{n}").pose)) == f"room_{n}"
    assert {"corridor", "nurse_station"} <= {room.name for room in ward.rooms}


def test_every_place_and_every_thing_lies_in_a_room(world: World) -> None:
    for place in world.places:
        assert world.room_at(*xy(place.pose)), place.name
    for model in world.models:
        if not model.static:
            assert world.room_at(*xy(model.pose)) or model in world.doors(), model.name


def test_places_to_sit_lie_and_put_things_have_the_height_of_what_is_there(world: World) -> None:
    tops = [
        (model.pose.compose(link.pose).compose(collision.pose), collision.shape)
        for model in world.models
        if model.static
        for link in model.links
        for collision in link.collisions
    ]
    for place in world.places:
        if place.kind not in (PlaceKind.SEAT, PlaceKind.BED, PlaceKind.SHELF):
            continue
        # 5 cm behind a seat's front edge is seat.
        point = place.pose.apply((-0.05 if place.kind is PlaceKind.SEAT else 0.0, 0.0, 0.0))
        heights = []
        for pose, shape in tops:
            local = pose.inverse().apply(point)
            if isinstance(shape, Box) and (np.abs(local[:2]) <= np.array(shape.size_m[:2]) / 2).all():
                heights.append(pose.position[2] + shape.size_m[2] / 2)
            if isinstance(shape, Cylinder) and np.hypot(*local[:2]) <= shape.radius_m:
                heights.append(pose.position[2] + shape.length_m / 2)
        assert any(abs(height - point[2]) < 0.015 for height in heights), (place.name, heights)


# Driving and walking ---------------------------------------------------------------------------------------


def test_the_robot_reaches_every_place_from_its_dock(world: World) -> None:
    grid = occupancy(world)
    free = np.argwhere(grid.clearance_m() >= ROBOT_RADIUS_M)
    centres = np.array([grid.centre(*cell) for cell in free])
    for place in world.places:
        goal = xy(place.pose)
        if place.kind not in (PlaceKind.SPOT, PlaceKind.DOCK):  # to a seat, one drives near
            distance = np.hypot(*(centres - goal).T)
            assert distance.min() < REACH_M, place.name
            goal = tuple(centres[distance.argmin()])
        assert path(grid, dock(world), goal, ROBOT_RADIUS_M) is not None, place.name


def test_doors_and_corridors_are_wide_enough_for_a_wheelchair(world: World) -> None:
    grid = occupancy(world)
    clearance = grid.clearance_m()
    for room in world.rooms:  # 0.8 m: a door of 0.9 m less the cells of its posts
        inside = [cell for cell in np.ndindex(grid.cells.shape) if room.contains(*grid.centre(*cell))]
        widest = max(inside, key=lambda cell: clearance[cell])
        assert path(grid, dock(world), grid.centre(*widest), 0.4) is not None, room.name


def test_the_committed_maps_are_those_of_the_worlds(world: World, tmp_path: Path) -> None:
    for made in write_map(occupancy(world), tmp_path, world.path.stem):
        assert made.read_bytes() == world.path.with_name(made.name).read_bytes(), (
            f"python -m care_robot.simulation.occupancy {world.name} makes it anew"
        )


def turned(door: Model, angle: float) -> Model:
    """A door that stands at an angle for good."""
    (leaf,), (hinge,) = door.links, door.joints
    turn = Pose.from_rpy(0, 0, 0, yaw=angle * hinge.axis[2])
    return replace(door, static=True, joints=(), links=(replace(leaf, pose=turn.compose(leaf.pose)),))


def with_doors(world: World, angles: dict[str, float]) -> World:
    return replace(
        world,
        models=tuple(
            turned(model, angles[model.name]) if model.name in angles else model for model in world.models
        ),
    )


def test_an_open_door_is_in_nobodys_way_and_a_shut_one_is(world: World) -> None:
    shut = {door.name: door.joint("hinge").upper for door in world.doors()}
    assert all(math.radians(60) < angle < math.radians(180) for angle in shut.values())
    opened = occupancy(with_doors(world, dict.fromkeys(shut, 0.0)))
    closed = occupancy(with_doors(world, shut))
    blocked = set()
    for room in world.rooms:
        spot = xy(world.place(room.name).pose)
        assert path(opened, dock(world), spot, ROBOT_RADIUS_M) is not None, room.name
        if path(closed, dock(world), spot, 0.05) is None:
            blocked.add(room.name)
    assert blocked == {"bedroom", "bathroom", "hall"} if world.name == "apartment" else len(blocked) == 6


# Seeing ----------------------------------------------------------------------------------------------------


def test_every_room_but_bathroom_and_hall_has_a_camera(apartment: World) -> None:
    seen = {apartment.room_at(*xy(pose)) for _, pose in cameras(apartment).values()}
    assert seen == {"living_room", "bedroom", "kitchen"}
    assert set(cameras(apartment)) == {f"{room}_camera" for room in seen}


def test_no_camera_is_in_a_bathroom_or_looks_at_the_toilet(world: World) -> None:
    assert "bathroom" not in {world.room_at(*xy(pose)) for _, pose in cameras(world).values()}


@pytest.mark.parametrize(
    ("camera", "place"),
    [
        ("living_room_camera", "sofa"),
        ("living_room_camera", "sofa_left"),
        ("living_room_camera", "living_room"),
        ("living_room_camera", "living_room_centre"),
        ("bedroom_camera", "bed"),
        ("bedroom_camera", "bed_side"),
        ("kitchen_camera", "kitchen_chair"),
        ("kitchen_camera", "kitchen"),
    ],
)
def test_a_camera_sees_the_middle_of_its_room_from_where_poses_are_found(
    apartment: World, camera: str, place: str
) -> None:
    sensor, pose = cameras(apartment)[camera]
    target = apartment.place(place).pose.apply((0.0, 0.0, 0.3))
    assert np.hypot(*(pose.position - target)[:2]) < 3.5
    model = CameraModel.from_hfov(sensor.width_px, sensor.height_px, sensor.horizontal_fov_rad)
    u, v = model.project(pose.compose(OPTICAL).inverse().apply(target))
    assert 0 < u < sensor.width_px
    assert 0 < v < sensor.height_px


def test_cameras_hang_high_look_down_and_see_60_degrees(world: World) -> None:
    for name, (camera, pose) in cameras(world).items():
        assert 2.0 <= pose.position[2] <= 2.3, name
        assert math.radians(20) <= pose.rpy()[1] <= math.radians(25), name
        vertical = 2 * math.atan(math.tan(camera.horizontal_fov_rad / 2) * camera.height_px / camera.width_px)
        assert math.degrees(vertical) == pytest.approx(60, abs=2)
        assert (camera.width_px, camera.height_px, camera.rate_hz) == (640, 480, 10.0)


@pytest.mark.parametrize("name", ["pill_box", "glasses_case", "remote"])
def test_a_tag_is_the_one_that_its_model_names(name: str) -> None:
    config = read_xml(SIM / "models" / name / "model.config", "model").need("description").text
    number = re.search(r"DICT_4X4_50, id (\d+), side \d+ mm", config)
    assert number is not None
    (picture,) = SIM.glob(f"models/{name}/materials/textures/*.png")
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    _, ids, _ = cv2.aruco.ArucoDetector(dictionary).detectMarkers(cv2.imread(str(picture)))
    assert ids.tolist() == [[int(number[1])]]


# Physics ---------------------------------------------------------------------------------------------------


def test_things_rest_on_what_is_below_them(world: World) -> None:
    spec = new_spec()
    for model in world.models:
        add_model(spec, model, dressed=False)
    compiled = compile_spec(spec)
    data = mujoco.MjData(compiled)
    things = [model for model in world.models if not model.static and model not in world.doors()]
    assert {model.name for model in things} >= TO_FETCH
    for _ in range(round(1.0 / TIMESTEP_S)):
        mujoco.mj_step(compiled, data)
    for model in things:
        body = data.body(f"{model.name}/link")
        assert np.linalg.norm(body.xpos - model.pose.position) < 0.01, model.name
        assert body.xmat[8] > 0.999, model.name
    for door in world.doors():
        assert abs(data.joint(f"{door.name}/hinge").qpos[0]) < 0.01, door.name


@pytest.mark.parametrize("name", sorted(TO_FETCH))
def test_a_gripper_of_85_mm_can_hold_it(name: str) -> None:
    (link,) = read_model(SIM / "models" / name / "model.sdf").links
    assert link.inertia is not None
    assert 0.05 <= link.inertia.mass_kg <= 0.5
    widest = max(narrow_side_m(link, c) for c in range(len(link.collisions)))
    assert 0.02 <= widest <= 0.08


def narrow_side_m(link: Link, collision: int) -> float:
    shape = link.collisions[collision].shape
    assert isinstance(shape, Box | Cylinder)
    return min(shape.size_m[:2]) if isinstance(shape, Box) else 2 * shape.radius_m


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.parent.name)
def test_a_model_is_complete_and_its_inertia_that_of_its_size(path: Path) -> None:
    model = read_model(path)
    assert model.name == path.parent.name
    config = read_xml(path.with_name("model.config"), "model")
    assert config.need("sdf").text == "model.sdf"
    assert config.need("description").text.endswith(".")
    for link in model.links if not model.static else ():
        assert link.inertia is not None
        # A radius of gyration lies within the body.
        points = np.concatenate([corners(c.pose, c.shape) for c in link.collisions])
        half = (points.max(axis=0) - points.min(axis=0)) / 2
        centre = (points.max(axis=0) + points.min(axis=0)) / 2
        assert (np.abs(link.inertia.pose.position - centre) <= half).all()
        gyration = np.sqrt(np.array(link.inertia.moments[:3]) / link.inertia.mass_kg)
        assert (gyration <= np.linalg.norm(half)).all()
        assert (gyration >= 0.2 * half.min()).all()


def corners(pose: Pose, shape: object) -> Array:
    assert isinstance(shape, Box | Cylinder)
    if isinstance(shape, Cylinder):
        shape = Box((2 * shape.radius_m, 2 * shape.radius_m, shape.length_m))
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
    return pose.apply(signs * np.array(shape.size_m) / 2)


# Gazebo ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("ign") is None, reason="needs apt packages libsdformat-dev ignition-tools")
@pytest.mark.parametrize(
    "path", [*sorted(SIM.glob("worlds/*.sdf")), *MODELS], ids=lambda path: path.parent.name
)
def test_libsdformat_finds_nothing_to_complain_about(path: Path) -> None:
    run = subprocess.run(
        ["ign", "sdf", "--check", str(path)],
        env={**os.environ, "SDF_PATH": str(SIM / "models")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = [line for line in (run.stdout + run.stderr).splitlines() if "backtrace" not in line]
    assert (run.returncode, said) == (0, ["Valid."])
