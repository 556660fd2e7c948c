"""Reads a robot from a URDF file (https://wiki.ros.org/urdf/XML), strictly.

Sensors and friction are in ``<gazebo reference="link">``, so that Gazebo reads the same file. What belongs to
ros2_control is left to it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from care_robot.description import (
    Box,
    Collision,
    ContactSensor,
    Cylinder,
    Inertia,
    Joint,
    JointKind,
    Link,
    Material,
    Mesh,
    Model,
    Shape,
    Sphere,
    Vector,
    Visual,
)
from care_robot.geometry import Pose
from care_robot.sdf_elements import Element, read_sensor, read_xml, unique

_FRICTION = 0.8  # of a link for which the file gives none
_MESHES = (".obj", ".stl")
# Of Gazebo alone, and without meaning for a rigid body here.
_GAZEBO = "mu2 plugin preserveFixedJoint disableFixedJointLumping material kp kd selfCollide self_collide"


def read_urdf(path: Path) -> Model:
    """Read a robot; its `pose` is the origin and it is free to move.

    Raises
    ------
    DescriptionError
        The file cannot be read, has an element, attribute or number that cannot be here,
        names a missing mesh, or its links are not one tree. The message names file, line and element.
    """
    robot = read_xml(path, "robot")
    robot.check("link joint material gazebo", "name version", skipped="ros2_control transmission")
    materials = {e.attribute("name"): _material(e, {}) for e in robot.all("material")}
    elements = {e.name(): e for e in robot.named("link")}
    links = {name: _link(element, materials) for name, element in elements.items()}
    joints = {e.name(): _joint(e, links) for e in robot.named("joint")}
    for element in robot.all("joint"):
        _check_mimic(element, joints)
    poses = _poses(robot, links, joints)
    links = {name: replace(link, pose=poses[name]) for name, link in links.items()}
    for element in robot.all("gazebo"):
        _gazebo(element, links, joints)
    unique(((e, e.name()) for g in robot.all("gazebo") for e in g.all("sensor")), "sensor")
    return Model(
        robot.name(), Pose.identity(), tuple(links.values()), tuple(joints.values()), sources=(path,)
    )


def _link(element: Element, materials: Mapping[str, Material]) -> Link:
    element.check("inertial visual collision", "name")
    name = element.name()
    inertial = element.find("inertial")
    return Link(
        name,
        Pose.identity(),
        _inertia(inertial) if inertial is not None else None,
        tuple(_visual(e, i, materials) for i, e in enumerate(element.all("visual"))),
        # The names that Gazebo's converter gives; it applies friction only to collisions without their own.
        tuple(
            _collision(e, f"{name}_collision" + (f"_{i}" if i else ""))
            for i, e in enumerate(element.all("collision"))
        ),
    )


def _inertia(element: Element) -> Inertia:
    element.check("origin mass inertia")
    mass, inertia = element.need("mass").check("", "value"), element.need("inertia")
    weight = _number(mass, "value")
    if weight <= 0.0:
        raise mass.error(f"a mass of {weight:g} kg cannot be; it must be above 0")
    names = ("ixx", "iyy", "izz", "ixy", "ixz", "iyz")
    inertia.check("", " ".join(names))
    ixx, iyy, izz, ixy, ixz, iyz = (_number(inertia, name) for name in names)
    low, middle, high = np.linalg.eigvalsh([[ixx, ixy, ixz], [ixy, iyy, iyz], [ixz, iyz, izz]])
    if low <= 0.0 or high > (low + middle) * 1.001:
        raise inertia.error(
            "no body has these moments of inertia; all must be above 0, and each at most the others' sum"
        )
    return Inertia(weight, _origin(element), (ixx, iyy, izz, ixy, ixz, iyz))


def _visual(element: Element, index: int, materials: Mapping[str, Material]) -> Visual:
    element.check("origin geometry material", "name")
    material = element.find("material")
    return Visual(
        element.name() if "name" in element.attributes else f"visual_{index}",
        _origin(element),
        _shape(element.need("geometry")),
        _material(material, materials) if material is not None else Material(),
    )


def _collision(element: Element, name: str) -> Collision:
    element.check("origin geometry")
    return Collision(name, _origin(element), _shape(element.need("geometry")), _FRICTION)


def _material(element: Element, known: Mapping[str, Material]) -> Material:
    element.check("color texture", "name")
    if not element.children:
        name = element.attribute("name")
        if name not in known:
            raise element.error(f"there is no material '{name}'; define it below <robot>")
        return known[name]
    color, texture = element.find("color"), element.find("texture")
    material = Material()
    if color is not None:
        r, g, b, a = _numbers(color.check("", "rgba"), "rgba", 4)
        if not all(0.0 <= value <= 1.0 for value in (r, g, b, a)):
            raise color.error("a colour is four numbers from 0 to 1")
        material = replace(material, rgba=(r, g, b, a))
    if texture is not None:
        material = replace(material, texture=_file(texture.check("", "filename")))
    return material


def _shape(geometry: Element) -> Shape:
    geometry.check("box cylinder sphere mesh")
    if len(geometry.children) != 1:
        raise geometry.error("a geometry is exactly one of box, cylinder, sphere and mesh")
    (element,) = geometry.children
    if element.tag == "mesh":
        element.check("", "filename scale")
        path = _file(element)
        if path.suffix.lower() not in _MESHES:
            raise element.error(f"a mesh is a file of type {' or '.join(_MESHES)}")
        return Mesh(path, _scale(element))
    sizes = {"box": "size", "cylinder": "radius length", "sphere": "radius"}[element.tag]
    element.check("", sizes)
    numbers = (
        _numbers(element, "size", 3) if element.tag == "box" else [_number(element, n) for n in sizes.split()]
    )
    if min(numbers) <= 0.0:
        raise element.error("every size must be above 0")
    if element.tag == "box":
        return Box((numbers[0], numbers[1], numbers[2]))
    return Cylinder(numbers[0], numbers[1]) if element.tag == "cylinder" else Sphere(numbers[0])


def _scale(mesh: Element) -> Vector:
    x, y, z = _numbers(mesh, "scale", 3) if "scale" in mesh.attributes else (1.0, 1.0, 1.0)
    if 0.0 in (x, y, z):
        raise mesh.error("a scale of 0 leaves nothing of the mesh")
    return x, y, z


def _file(element: Element) -> Path:
    name = element.attribute("filename")
    path = element.file.parent / name.removeprefix("file://")
    try:
        found = path.is_file()
    except (OSError, ValueError):
        found = False
    if not found:
        raise element.error(f"there is no file {str(path)!r}; give its path from the folder of this file")
    return path


_KINDS = {kind.value: kind for kind in JointKind}


def _joint(element: Element, links: Mapping[str, Link]) -> Joint:
    element.check("origin parent child axis limit dynamics mimic", "name type")
    kind = _KINDS.get(element.attribute("type"))
    if kind is None:
        raise element.error(f"a joint is of type {', '.join(_KINDS)}")
    ends = []
    for tag in ("parent", "child"):
        end = element.need(tag).check("", "link")
        if end.attribute("link") not in links:
            raise end.error(f"there is no link '{end.attribute('link')}'; add it, or correct the name")
        ends.append(end.attribute("link"))
    if kind is not JointKind.FIXED and links[ends[1]].inertia is None:
        raise element.error(f"the link '{ends[1]}' moves but weighs nothing; give it an <inertial>")
    lower, upper, effort, velocity = _limits(element, kind)
    damping, friction = _dynamics(element)
    mimic = element.find("mimic")
    return Joint(
        name=element.name(),
        kind=kind,
        parent=ends[0],
        child=ends[1],
        axis=_axis(element),
        lower=lower,
        upper=upper,
        effort=effort,
        velocity=velocity,
        damping=damping,
        friction=friction,
        mimic=mimic.check("", "joint multiplier offset").attribute("joint") if mimic is not None else None,
        mimic_multiplier=_number(mimic, "multiplier", 1.0) if mimic is not None else 1.0,
    )


def _limits(joint: Element, kind: JointKind) -> tuple[float, float, float, float]:
    """Lower, upper, effort, velocity; those of a joint that moves are required."""
    limit = joint.find("limit")
    if limit is not None:
        limit.check("", "lower upper effort velocity")
    if kind is JointKind.FIXED:
        return 0.0, 0.0, 0.0, 0.0
    if limit is None:
        raise joint.error("a joint that moves needs a <limit> with effort and velocity")
    effort, velocity = _number(limit, "effort"), _number(limit, "velocity")
    if min(effort, velocity) <= 0.0:
        raise limit.error("effort and velocity must be above 0")
    if kind is JointKind.CONTINUOUS:
        return 0.0, 0.0, effort, velocity
    lower, upper = _number(limit, "lower"), _number(limit, "upper")
    if lower >= upper:
        raise limit.error(f"lower is {lower:g} and upper is {upper:g}; lower must be below upper")
    return lower, upper, effort, velocity


def _dynamics(joint: Element) -> tuple[float, float]:
    dynamics = joint.find("dynamics")
    if dynamics is None:
        return 0.0, 0.0
    dynamics.check("", "damping friction")
    damping, friction = _number(dynamics, "damping", 0.0), _number(dynamics, "friction", 0.0)
    if min(damping, friction) < 0.0:
        raise dynamics.error("damping and friction must not be below 0")
    return damping, friction


def _axis(joint: Element) -> Vector:
    element = joint.find("axis")
    if element is None:
        return 1.0, 0.0, 0.0
    x, y, z = _numbers(element.check("", "xyz"), "xyz", 3)
    length = math.hypot(x, y, z)
    if length < 1e-6:
        raise element.error("an axis of length 0 points nowhere")
    return x / length, y / length, z / length


def _check_mimic(element: Element, joints: Mapping[str, Joint]) -> None:
    mimic = element.find("mimic")
    if mimic is None:
        return
    followed = joints.get(mimic.attribute("joint"))
    if followed is None or followed.mimic is not None or followed.kind is JointKind.FIXED:
        raise mimic.error("a joint mimics one that moves on its own")
    if _number(mimic, "offset", 0.0) != 0.0:
        raise mimic.error("an offset is not supported; move the joint's origin")
    if element.attributes["type"] == "fixed":
        raise mimic.error("a fixed joint cannot mimic")


def _poses(robot: Element, links: Mapping[str, Link], joints: Mapping[str, Joint]) -> dict[str, Pose]:
    """Pose of each link in the root's frame; the links must be one tree."""
    above: dict[str, tuple[str, Pose]] = {}
    for element in robot.all("joint"):
        joint = joints[element.name()]
        if joint.child in above:
            raise element.error(f"the link '{joint.child}' is already the child of another joint")
        above[joint.child] = joint.parent, _origin(element)
    roots = [name for name in links if name not in above]
    if len(roots) > 1:
        raise robot.error(f"the links {', '.join(roots)} have no parent; join them, only one may be the root")
    if not roots:
        raise robot.error("there is no link without a parent; a robot needs exactly one as its root")
    poses = {roots[0]: Pose.identity()}
    while waiting := [name for name in links if name not in poses]:
        ready = [name for name in waiting if above[name][0] in poses]
        if not ready:
            raise robot.error(f"the links {', '.join(waiting)} hang on each other in a loop")
        for name in ready:
            poses[name] = poses[above[name][0]].compose(above[name][1])
    return poses


def _gazebo(element: Element, links: dict[str, Link], joints: Mapping[str, Joint]) -> None:
    """Put sensors and friction where they belong in `links`."""
    reference = element.attributes.get("reference")
    if reference is None:
        element.check("", "", skipped="plugin")
        return
    element.check("sensor mu1", "reference", skipped=_GAZEBO)
    if reference not in links:
        if reference not in joints:
            raise element.error(f"there is no link or joint '{reference}'; correct the reference")
        return
    link = links[reference]
    friction = element.number_of("mu1", -1.0, minimum=0.0)
    if friction >= 0.0:
        link = replace(link, collisions=tuple(replace(c, friction=friction) for c in link.collisions))
    for part in element.all("sensor"):
        sensor = read_sensor(part)
        if isinstance(sensor, ContactSensor) and sensor.collision not in {c.name for c in link.collisions}:
            raise part.error(f"the link '{reference}' has no collision '{sensor.collision}'")
        link = replace(link, sensors=(*link.sensors, sensor))
    links[reference] = link


def _origin(element: Element) -> Pose:
    origin = element.find("origin")
    if origin is None:
        return Pose.identity()
    origin.check("", "xyz rpy")
    x, y, z = _numbers(origin, "xyz", 3) if "xyz" in origin.attributes else (0.0, 0.0, 0.0)
    roll, pitch, yaw = _numbers(origin, "rpy", 3) if "rpy" in origin.attributes else (0.0, 0.0, 0.0)
    return Pose.from_rpy(x, y, z, roll=roll, pitch=pitch, yaw=yaw)


def _numbers(element: Element, name: str, count: int) -> tuple[float, ...]:
    return element.parse_numbers(element.attribute(name), count)


def _number(element: Element, name: str, default: float | None = None) -> float:
    if default is not None and name not in element.attributes:
        return default
    return _numbers(element, name, 1)[0]
