"""Puts a simulated home together: the world from its SDF, the robot from its URDF, and the people."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import mujoco
import numpy as np

from care_robot.description import Camera, DescriptionError, Model
from care_robot.geometry import Pose
from care_robot.simulation.controllers import Controllers, read_controllers
from care_robot.simulation.home_things import SPARE, is_thing
from care_robot.simulation.mujoco_model import add_look, add_model, compile_spec, new_spec
from care_robot.simulation.person import add_person
from care_robot.simulation.recipe import PersonRecipe, Recipe, RecipeError, Role, Spawned
from care_robot.simulation.resident import Resident
from care_robot.simulation.robot_body import add_robot
from care_robot.simulation.sdf import find_world, read_model, read_world, worlds_folder
from care_robot.simulation.world import Place, PlaceKind, World
from care_robot.urdf import read_urdf

SHARE = worlds_folder().parents[1]
MODELS = SHARE / "sim" / "models"
ROBOT_URDF = SHARE / "config" / "robots" / "carebot.urdf"
CONTROLLERS = SHARE / "config" / "controllers.yaml"
OVERVIEW = "overview_camera"
"""The view from above, for people who look at the simulation; no camera of the home."""

OVERVIEW_FOVY_RAD = math.radians(40.0)


@dataclass(frozen=True)
class Built:
    """A home, ready to be simulated or rendered."""

    model: mujoco.MjModel
    world: World
    robot: Model
    cameras: dict[str, Camera]
    residents: dict[str, Resident]


@lru_cache(maxsize=4)
def load_world(name: str) -> World:
    """The world of that name in sim/worlds, or in that file; DescriptionError where it cannot be read."""
    return read_world(find_world(name))


@lru_cache(maxsize=1)
def load_robot() -> Model:
    """The robot; DescriptionError where its description cannot be read."""
    return read_urdf(ROBOT_URDF)


@lru_cache(maxsize=1)
def load_controllers() -> Controllers:
    """What drives the robot; DescriptionError where the file cannot be read, or does not fit the robot."""
    return read_controllers(CONTROLLERS, load_robot())


def world_cameras(name: str) -> list[Camera]:
    """All cameras of a world, of the robot in it, and the view from above."""
    world = load_world(name)
    models = (*world.models, load_robot())
    sensors = [sensor for model in models for _, sensor in model.sensors()]
    return [*(s for s in sensors if isinstance(s, Camera)), overview(world)]


def fixed_cameras(name: str) -> dict[str, Pose]:
    """Where the cameras of a world are mounted, in the map (x ahead)."""
    return {
        sensor.name: model.pose.compose(link.pose).compose(sensor.pose)
        for model in load_world(name).models
        for link, sensor in model.sensors()
        if isinstance(sensor, Camera)
    }


def overview(world: World) -> Camera:
    """A camera high over the middle of the world, which sees all of it; north is up."""
    corners = np.array([corner for room in world.rooms for corner in room.polygon_m])
    if not len(corners):
        raise DescriptionError(f"{world.path}: the world has no rooms: name them with care:room.")
    low, high = corners.min(axis=0), corners.max(axis=0)
    (width, depth), (x, y) = high - low + 0.6, (low + high) / 2
    height = max(depth, width * 3 / 4) / 2 / math.tan(OVERVIEW_FOVY_RAD / 2) + 2.4
    hfov_rad = 2 * math.atan(math.tan(OVERVIEW_FOVY_RAD / 2) * 4 / 3)
    # It looks along its x axis, and left of that is the picture's left.
    pose = Pose.from_rpy(float(x), float(y), float(height), pitch=math.pi / 2, yaw=math.pi / 2)
    return Camera(OVERVIEW, pose, 5.0, 640, 480, hfov_rad, 0.1, 60.0)


def add_overview(spec: mujoco.MjSpec, world: World) -> None:
    """Add the camera that looks down."""
    x, y, z = overview(world).pose.position
    spec.worldbody.add_camera(name=OVERVIEW, pos=[x, y, z], fovy=math.degrees(OVERVIEW_FOVY_RAD))


def resident_of(person: PersonRecipe) -> Resident:
    """What a person looks like; a carer and a visitor of the same seed look different."""
    resident = Resident.from_seed(person.seed + 1000 * list(Role).index(person.role))
    if person.walking_aid is None:
        return resident
    return replace(resident, walking_aid=(resident.walking_aid or "frame") if person.walking_aid else "")


def first_spot(world: World) -> Place:
    """Where somebody stands of whom nothing else is said."""
    for place in world.places:
        if place.kind is PlaceKind.SPOT:
            return place
    raise DescriptionError(f"{world.path}: the world has no spot to stand on: add a care:place of kind spot.")


def usual_camera(name: str) -> str:
    """The fixed camera of the room of that spot, or else the world's first; the robot's where it has none."""
    world, cameras = load_world(name), list(fixed_cameras(name))
    x, y, _ = first_spot(world).pose.position
    own = f"{world.room_at(float(x), float(y))}_camera"
    return own if own in cameras else next(iter(cameras), "head_camera")


def starting_place(world: World, person: PersonRecipe) -> Place:
    """Where a person is at first; RecipeError where the world has no such place."""
    try:
        return world.place(person.place) if person.place else first_spot(world)
    except KeyError:
        names = ", ".join(place.name for place in world.places)
        raise RecipeError(
            f"{person.id} cannot start at {person.place[:40]!r}: the world {world.name} has {names}."
        ) from None


def build(recipe: Recipe, *, dressed: bool, robot: bool = True) -> Built:
    """Build the home that a recipe describes.

    Parameters
    ----------
    recipe : Recipe
        What it is made of.
    dressed : bool
        With clothes and textures, for pictures; the same bodies either way.
    robot : bool
        Whether the robot is in it.

    Raises
    ------
    DescriptionError
        The world, a model or the robot cannot be read.
    """
    world, description = load_world(recipe.world), load_robot()
    spec = new_spec()
    if dressed:
        add_look(spec, world)
        add_overview(spec, world)
    for model in world.models:
        add_model(spec, model, dressed=dressed)
    for item in recipe.spawned:
        add_model(spec, spawned_model(item), at=Pose(np.array(item.position_m), np.array(item.quaternion)))
    if robot:
        for spare in graspable():
            add_model(spec, replace(spare, name=f"{SPARE}{spare.name}"), dressed=dressed)
        add_robot(spec, description, load_controllers(), dock(world), dressed=dressed)
    residents = {person.id: resident_of(person) for person in recipe.people}
    for person in recipe.people:
        add_person(spec, person.id, residents[person.id], dressed=dressed)
    cameras = {camera.name: camera for camera in world_cameras(recipe.world)}
    return Built(compile_spec(spec), world, description, cameras, residents)


def dock(world: World) -> Pose:
    """Where the robot starts: on its dock."""
    for place in world.places:
        if place.kind is PlaceKind.DOCK:
            return place.pose
    raise DescriptionError(f"{world.path}: the world has no dock: add a care:place of kind dock.")


@lru_cache(maxsize=1)
def graspable() -> tuple[Model, ...]:
    """The things of sim/models that can be picked up."""
    models = [read_model(path) for path in sorted(MODELS.glob("*/model.sdf"))]
    return tuple(model for model in models if is_thing(model))


def spawned_model(item: Spawned) -> Model:
    """The model of a spawned object, under its own name; DescriptionError where there is no such model."""
    for model in graspable():
        if model.name == item.model:
            return replace(model, name=item.name)
    names = ", ".join(model.name for model in graspable())
    raise DescriptionError(f"There is no model {item.model[:40]!r} to put into the world; there is {names}.")
