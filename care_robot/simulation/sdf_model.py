"""Reads the <model> elements of SDF files: links, shapes, looks, inertias, joints, sensors."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from care_robot.description import (
    Box,
    Capsule,
    Collision,
    Colour,
    Cylinder,
    Inertia,
    Joint,
    JointKind,
    Link,
    Material,
    Mesh,
    Model,
    Plane,
    Shape,
    Sphere,
    Vector,
    Visual,
)
from care_robot.geometry import Pose
from care_robot.sdf_elements import Element, read_sensor

_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*", re.ASCII)  # has no ".."
_LONGEST_PATH = 200
_MESHES = (".obj", ".stl")


def parse_model(element: Element, models: Path) -> Model:
    """The model of an element; `models` is the folder that ``model://`` names, and the only one read."""
    element.check(
        "pose static link joint", "name", skipped="plugin self_collide allow_auto_disable enable_wind"
    )
    if element.name() == "world":
        raise element.error("a model cannot be named 'world'; choose another name")
    static = element.find("static")
    is_static = static.flag() if static is not None else False
    element.named("link", "joint")  # as in SDF, siblings of any kind have names of their own
    links = tuple(_link(link, models, is_static) for link in element.all("link"))
    if not links:
        raise element.error("there is no <link>; a model needs at least one")
    joints = tuple(_joint(joint, {link.name for link in links}) for joint in element.all("joint"))
    _check_tree(element, joints)
    return Model(
        name=element.name(),
        pose=element.pose(),
        links=links,
        joints=joints,
        static=is_static,
        sources=(element.file,),
    )


def _check_tree(model: Element, joints: tuple[Joint, ...]) -> None:
    parents: dict[str, str] = {}
    for element, joint in zip(model.all("joint"), joints, strict=True):
        if joint.child in parents:
            raise element.error(f"the link '{joint.child}' is already the child of another joint")
        parents[joint.child] = joint.parent
        above = joint.parent
        while above in parents:
            above = parents[above]
            if above == joint.parent:
                raise element.error("the joints go round in a circle; a model must be a tree")


def _link(element: Element, models: Path, static: bool) -> Link:
    element.check("pose inertial visual collision sensor", "name", skipped="self_collide enable_wind")
    inertial = element.find("inertial")
    if inertial is None and not static:
        raise element.error("there is no <inertial>; a link of a model that is not static needs one")
    element.named("visual", "collision", "sensor")
    return Link(
        name=element.name(),
        pose=element.pose(),
        inertia=_inertia(inertial) if inertial is not None else None,
        visuals=tuple(_visual(child, models) for child in element.all("visual")),
        collisions=tuple(_collision(child, models) for child in element.all("collision")),
        sensors=tuple(read_sensor(child) for child in element.all("sensor")),
    )


def _inertia(element: Element) -> Inertia:
    inertia = element.check("mass pose inertia").need("inertia").check("ixx iyy izz ixy ixz iyz")
    ixx, iyy, izz = (inertia.number_of(tag, above=0.0) for tag in ("ixx", "iyy", "izz"))
    ixy, ixz, iyz = (inertia.number_of(tag, 0.0) for tag in ("ixy", "ixz", "iyz"))
    low, middle, high = np.linalg.eigvalsh([[ixx, ixy, ixz], [ixy, iyy, iyz], [ixz, iyz, izz]])
    if low <= 0.0 or low + middle < high * (1.0 - 1e-6):
        raise inertia.error("no body has these moments: each must be above zero and below the others' sum")
    mass = element.number_of("mass", above=0.0)
    return Inertia(mass, element.pose(), (ixx, iyy, izz, ixy, ixz, iyz))


def _collision(element: Element, models: Path) -> Collision:
    element.check("pose geometry surface", "name", skipped="max_contacts laser_retro")
    friction = Collision.friction
    surface = element.find("surface")
    if surface is not None and (found := surface.check("friction", skipped="contact").find("friction")):
        ode = found.check("ode", skipped="torsional").need("ode").check("mu", skipped="mu2")
        friction = ode.need("mu").number(0.0)
    return Collision(element.name(), element.pose(), _shape(element.need("geometry"), models), friction)


def _visual(element: Element, models: Path) -> Visual:
    element.check("pose geometry material transparency", "name", skipped="cast_shadows plugin")
    material = element.find("material")
    look = _material(material, models) if material is not None else Material()
    transparency = element.number_of("transparency", 0.0)
    if not 0.0 <= transparency <= 1.0:
        raise element.need("transparency").error(f"{transparency:g} does not lie between 0 and 1")
    look = replace(look, rgba=(*look.rgba[:3], look.rgba[3] * (1.0 - transparency)))
    return Visual(element.name(), element.pose(), _shape(element.need("geometry"), models), look)


def _material(element: Element, models: Path) -> Material:
    element.check("diffuse pbr", skipped="ambient specular emissive")
    diffuse, pbr = element.find("diffuse"), element.find("pbr")
    texture = None
    if pbr is not None:
        metal = pbr.check("metal").need("metal").check("albedo_map", skipped="roughness metalness")
        if (albedo := metal.find("albedo_map")) is not None:
            texture = _file(albedo, models, (".png",))
    # As in SDF, a texture is multiplied by the colour, which is white then.
    rgba = parse_colour(diffuse) if diffuse is not None else ((1.0,) * 4 if texture else Material.rgba)
    return Material(rgba, texture)


def parse_colour(element: Element) -> Colour:
    """Red, green, blue and alpha in the text."""
    r, g, b, a = element.numbers(4)
    if not all(0.0 <= part <= 1.0 for part in (r, g, b, a)):
        raise element.error("the parts of a colour lie between 0 and 1")
    return r, g, b, a


def _shape(geometry: Element, models: Path) -> Shape:
    geometry.check("box cylinder capsule sphere plane mesh")
    if len(geometry.children) != 1:
        raise geometry.error(f"there are {len(geometry.children)} shapes; give one")
    (shape,) = geometry.children
    match shape.tag:
        case "box":
            return Box(_positive(shape.check("size").need("size")))
        case "sphere":
            return Sphere(shape.check("radius").number_of("radius", above=0.0))
        case "cylinder" | "capsule":
            shape.check("radius length")
            kind = Cylinder if shape.tag == "cylinder" else Capsule
            return kind(shape.number_of("radius", above=0.0), shape.number_of("length", above=0.0))
        case "plane":
            return _plane(shape)
        case _:
            shape.check("uri scale")
            scale = shape.find("scale")
            path = _file(shape.need("uri"), models, _MESHES)
            return Mesh(path, _positive(scale)) if scale is not None else Mesh(path)


def _plane(element: Element) -> Plane:
    element.check("normal size")
    normal = element.find("normal")
    if normal is not None and normal.vector() != (0.0, 0.0, 1.0):
        raise normal.error("only level planes are supported: write 0 0 1")
    size = element.need("size")
    x, y = size.numbers(2)
    if min(x, y) <= 0.0:
        raise size.error("sizes must be above zero")
    return Plane((x, y))


def _positive(element: Element) -> Vector:
    size = element.vector()
    if min(size) <= 0.0:
        raise element.error("sizes must be above zero")
    return size


def model_path(uri: Element, models: Path) -> Path:
    """Path of `model://…` in the folder of models, and never outside it."""
    text = uri.leaf()
    path = text.removeprefix("model://")
    if path == text or len(path) > _LONGEST_PATH or not _PATH.fullmatch(path):
        raise uri.error(f"{text[:80]!r} does not name something in {models}; write model://MODEL/FILE")
    return models / path


def _file(uri: Element, models: Path, endings: tuple[str, ...]) -> Path:
    path = model_path(uri, models)
    if path.suffix.lower() not in endings:
        raise uri.error(f"'{path.name}' is of the wrong kind; it must end in {' or '.join(endings)}")
    if not path.is_file():
        raise uri.error(f"there is no file {path}; correct the name or add it")
    return path


def _joint(element: Element, links: set[str]) -> Joint:
    element.check("parent child pose axis", "name type")
    kinds = {kind.value: kind for kind in JointKind}
    kind = kinds.get(element.attribute("type"))
    if kind is None:
        raise element.error(f"its type is not one of {', '.join(kinds)}")
    ends = []
    for tag, known in (("parent", links | {"world"}), ("child", links)):
        end = element.need(tag)
        ends.append(end.name_in_text())
        if ends[-1] not in known:
            raise end.error(f"there is no link '{ends[-1]}'; choose one of {', '.join(sorted(known))}")
    if ends[0] == ends[1]:
        raise element.error("parent and child are the same link")
    pose = element.pose()
    anchor = (float(pose.position[0]), float(pose.position[1]), float(pose.position[2]))
    joint = Joint(element.name(), kind, ends[0], ends[1], anchor_m=anchor)
    return joint if kind is JointKind.FIXED else _with_axis(joint, element.need("axis"), pose)


def _with_axis(joint: Joint, axis: Element, pose: Pose) -> Joint:
    """The joint with its axis, which an SDF gives in the frame of the joint, and its limits."""
    axis.check("xyz limit dynamics")
    xyz = axis.need("xyz")
    direction = pose.rotation() @ np.array(xyz.vector())
    length = float(np.linalg.norm(direction))
    if length < 1e-6:
        raise xyz.error("an axis has a length above zero")
    x, y, z = (float(part) for part in direction / length)
    joint = replace(joint, axis=(x, y, z))
    if (limit := axis.find("limit")) is not None:
        limit.check("lower upper effort velocity")
        lower = limit.number_of("lower")
        joint = replace(
            joint,
            lower=lower,
            upper=limit.number_of("upper", minimum=lower),
            effort=limit.number_of("effort", 0.0, minimum=0.0),
            velocity=limit.number_of("velocity", 0.0, minimum=0.0),
        )
    elif joint.kind is not JointKind.CONTINUOUS:
        raise axis.error("the element <limit> is missing; add it, or make the joint continuous")
    if (dynamics := axis.find("dynamics")) is not None:
        dynamics.check("damping friction")
        damping, friction = (dynamics.number_of(tag, 0.0, minimum=0.0) for tag in ("damping", "friction"))
        joint = replace(joint, damping=damping, friction=friction)
    return joint
