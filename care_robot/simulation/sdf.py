"""Reads worlds and models from SDF 1.9 files, the same that Gazebo Harmonic loads.

A subset: what a home needs. Elements that only Gazebo needs are known and skipped by name; every other one
that is not in the subset is an error. Rooms and places are elements of our own with the prefix `care:`,
which libsdformat leaves alone. A model is included from the folder `models` beside the world's folder.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from care_robot.bringup.substitutions import SubstitutionError, package_share
from care_robot.description import Colour, DescriptionError, Model
from care_robot.sdf_elements import Element, read_pose, read_xml, unique
from care_robot.simulation.sdf_model import model_path, parse_colour, parse_model
from care_robot.simulation.world import Light, Place, PlaceKind, Room, World

_VERSION = "1.9"  # newer ones are refused by sdformat 12, and Gazebo Harmonic reads this one


def worlds_folder() -> Path:
    """Where the worlds are: in the source tree, or where the package is installed."""
    source = Path(__file__).resolve().parents[2] / "sim" / "worlds"
    if source.is_dir():
        return source
    try:
        return package_share("care_robot", dict(os.environ)) / "sim" / "worlds"
    except SubstitutionError as error:
        raise DescriptionError(f"The worlds cannot be found: {error}.") from None


def find_world(name: str) -> Path:
    """File of a world by its name, such as `apartment`; what looks like a path is taken as one."""
    if name.endswith(".sdf") or "/" in name:
        return Path(name)
    folder = worlds_folder()
    names = sorted(path.stem for path in folder.glob("*.sdf"))
    if name not in names:
        raise DescriptionError(f"There is no world {name!r} in {folder}; choose {' or '.join(names)}.")
    return folder / f"{name}.sdf"


def read_world(path: Path) -> World:
    """Read a world.

    Raises
    ------
    DescriptionError
        A file cannot be read, or holds what is not in the subset or cannot be.
    """
    root = _read_root(path, "world")
    models = path.parent.parent / "models"
    world = root.need("world").check(
        "model include light scene care:rooms care:places",
        "name",
        skipped="physics plugin gui gravity magnetic_field atmosphere wind spherical_coordinates",
    )
    included: dict[Path, Model] = {}
    things = [
        (child, _thing(child, models, included))
        for child in world.children
        if child.tag in ("model", "include")
    ]
    unique(((element, model.name) for element, model in things), "model")
    unique(((element, s.name) for element, model in things for _, s in model.sensors()), "sensor")
    scene = world.find("scene")
    return World(
        name=world.name(),
        path=path,
        models=tuple(model for _, model in things),
        lights=tuple(_light(element) for element in world.named("light")),
        rooms=tuple(_room(element) for element in _listed(world, "care:room")),
        places=tuple(_place(element) for element in _listed(world, "care:place")),
        ambient=_scene(scene) if scene is not None else World.ambient,
    )


def read_model(path: Path) -> Model:
    """Read the only model of a file such as ``models/cup/model.sdf``; DescriptionError as in `read_world`."""
    return parse_model(_read_root(path, "model").need("model"), path.parent.parent)


def _read_root(path: Path, child: str) -> Element:
    root = read_xml(path, "sdf").check(child, "version xmlns:care")
    if root.attribute("version") != _VERSION:
        raise root.error(f"the SDF version must be {_VERSION}")
    return root


def _thing(element: Element, models: Path, included: dict[Path, Model]) -> Model:
    if element.tag == "model":
        return parse_model(element, models)
    element.check("uri name pose")
    uri = element.need("uri")
    folder = model_path(uri, models)
    if folder not in included:
        if not (folder / "model.sdf").is_file():
            raise uri.error(f"there is no model {folder.name!r} in {models}; correct the name or add it")
        included[folder] = read_model(folder / "model.sdf")
    model = included[folder]
    name, pose = element.find("name"), element.find("pose")
    return replace(
        model,
        name=name.name_in_text() if name is not None else model.name,
        pose=read_pose(pose) if pose is not None else model.pose,
    )


def _listed(world: Element, tag: str) -> list[Element]:
    """Elements of our own: `care:room` in `care:rooms`."""
    found = world.find(f"{tag}s")
    return found.check(tag).named(tag) if found is not None else []


def _scene(element: Element) -> Colour:
    return parse_colour(element.check("ambient", skipped="background shadows grid sky").need("ambient"))


def _light(element: Element) -> Light:
    element.check(
        "pose direction diffuse cast_shadows attenuation", "name type", skipped="specular intensity visualize"
    )
    kind = element.attribute("type")
    if kind not in ("directional", "point"):
        raise element.error("its type is not one of directional, point")
    direction, shadows = element.find("direction"), element.find("cast_shadows")
    attenuation = element.find("attenuation")
    if attenuation is not None:
        attenuation.check("range constant linear quadratic")
    x, y, z = (float(part) for part in element.pose().position)

    def fade(tag: str, default: float) -> float:
        return attenuation.number_of(tag, default, minimum=0.0) if attenuation is not None else default

    return Light(
        name=element.name(),
        directional=kind == "directional",
        position_m=(x, y, z),
        direction=direction.vector() if direction is not None else (0.0, 0.0, -1.0),
        colour=parse_colour(element.need("diffuse"))[:3],
        range_m=fade("range", 10.0),
        attenuation=(fade("constant", 1.0), fade("linear", 0.0), fade("quadratic", 0.0)),
        cast_shadows=shadows.flag() if shadows is not None else False,
    )


def _room(element: Element) -> Room:
    outline = element.check("care:polygon", "name").need("care:polygon")
    numbers = outline.numbers()
    points = tuple(zip(numbers[::2], numbers[1::2], strict=False))
    if len(numbers) % 2 or len(points) < 3:
        raise outline.error(f"there are {len(numbers)} numbers; give x and y of three points or more")
    twice_the_area = sum(
        ax * by - bx * ay for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1], strict=True)
    )
    if abs(twice_the_area) < 0.02:
        raise outline.error("the outline encloses nothing; give the corners in order")
    return Room(element.name(), points)


def _place(element: Element) -> Place:
    element.check("care:pose", "name kind")
    kinds = {kind.value: kind for kind in PlaceKind}
    kind = kinds.get(element.attribute("kind"))
    if kind is None:
        raise element.error(f"its kind is not one of {', '.join(kinds)}")
    return Place(element.name(), kind, read_pose(element.need("care:pose")))
