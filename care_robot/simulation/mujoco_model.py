"""Descriptions of robots and things as MuJoCo bodies.

Names: body ``<model>/<link>``, joint ``<model>/<joint>``, geom ``<model>/<link>/<collision or visual>``,
camera ``<camera>``, site of a lidar or IMU ``<model>/<sensor>``, free joint of a movable model
``<model>/free``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import mujoco
import numpy as np

from care_robot.description import (
    Box,
    Camera,
    Capsule,
    Cylinder,
    DescriptionError,
    Imu,
    Inertia,
    Joint,
    JointKind,
    Lidar,
    Link,
    Material,
    Mesh,
    Model,
    Plane,
    Sensor,
    Shape,
    Sphere,
)
from care_robot.geometry import OPTICAL, Array, Pose
from care_robot.simulation.world import World

TIMESTEP_S = 0.002
CONTROL_S = 0.01
"""Robot and people decide once in this time; a multiple of the time step."""

STATIC, ROBOT, PERSON, OBJECT = 1, 2, 4, 8
"""What a collision geom is (contype). Two collide where one is in what the other meets (conaffinity)."""
STATIC_MEETS, ROBOT_MEETS, OBJECT_MEETS = 0, STATIC, STATIC | ROBOT | OBJECT
PERSON_ANIMATED_MEETS, PERSON_LIMP_MEETS = ROBOT, STATIC | ROBOT | OBJECT
_MEETS = {STATIC: STATIC_MEETS, ROBOT: ROBOT_MEETS, OBJECT: OBJECT_MEETS}

VISUAL_GROUP, COLLISION_GROUP = 0, 3

_WORLD = "world"  # the parent of a joint that ties a link to the world, in SDF
_SLIPPERY = 0.05  # MuJoCo takes the rougher of two surfaces; a slippery one such as a caster must win
HEADLIGHT = 0.16
"""What a camera itself lights, so that nothing that it sees is black."""

_TORSION_M, _ROLLING_M = 0.005, 0.0005
_LOOK = Pose.from_rpy(0, 0, 0, roll=math.pi)  # optical frame (y down, z forward) -> MuJoCo's (y up, z back)
_GEOM = mujoco.mjtGeom
_JOINT = {
    JointKind.REVOLUTE: mujoco.mjtJoint.mjJNT_HINGE,
    JointKind.CONTINUOUS: mujoco.mjtJoint.mjJNT_HINGE,
    JointKind.PRISMATIC: mujoco.mjtJoint.mjJNT_SLIDE,
}


def new_spec() -> mujoco.MjSpec:
    """An empty world with the settings of every simulated home.

    Elliptic cones with a high ratio of frictional to normal impedance keep a grasped object from creeping
    (MuJoCo documentation, "Preventing slip").
    """
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    spec.option.timestep = TIMESTEP_S
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 10.0
    spec.stat.extent = 1.0  # near and far plane below are multiples of it
    spec.visual.map.znear, spec.visual.map.zfar = 0.02, 60.0
    spec.visual.quality.shadowsize = 0
    return spec


def compile_spec(spec: mujoco.MjSpec) -> mujoco.MjModel:
    """Compile; DescriptionError in one sentence where MuJoCo refuses."""
    try:
        return spec.compile()
    except ValueError as error:
        said = " ".join(str(error).removeprefix("Error:").split())
        raise DescriptionError(f"The world cannot be simulated: {said}.") from None


def add_look(spec: mujoco.MjSpec, world: World) -> None:
    """Add a world's light, without shadows, which double the time of a picture and help no detector."""
    headlight = spec.visual.headlight
    headlight.ambient, headlight.diffuse = world.ambient[:3], [HEADLIGHT] * 3
    headlight.specular = [0.0, 0.0, 0.0]
    for light in world.lights:
        kind = mujoco.mjtLightType
        spec.worldbody.add_light(
            name=light.name,
            type=kind.mjLIGHT_DIRECTIONAL if light.directional else kind.mjLIGHT_SPOT,
            pos=light.position_m,
            dir=light.direction,
            diffuse=light.colour,
            specular=[0.0, 0.0, 0.0],
            castshadow=False,
        )


def quaternion(pose: Pose) -> Array:
    """The rotation as MuJoCo writes it: w, x, y, z."""
    return np.roll(pose.quaternion, 1)


def add_model(
    spec: mujoco.MjSpec,
    model: Model,
    *,
    at: Pose | None = None,
    dressed: bool = True,
    kind: int | None = None,
) -> None:
    """Add a model to a world that is not compiled yet.

    Parameters
    ----------
    at : Pose or None
        Place of the model in the world; None for its own.
    dressed : bool
        Also what is seen. Without it the same joints in the same order, only quicker.
    kind : int or None
        STATIC, ROBOT or OBJECT; None decides: what is free to move is an OBJECT, all else STATIC.

    Raises
    ------
    DescriptionError
        The model's links cannot be put together, or a file is missing; the message names the model.
    """
    place = at or model.pose
    roots, joints_of = _tree(model)
    free = not model.static and all(joint is None for _, joint in roots)
    if free and len(roots) != 1:
        names = ", ".join(link.name for link, _ in roots)
        raise DescriptionError(f"Model {model.name}: its links {names} are loose; join them.")
    adder = _Adder(spec, model, dressed, kind or (OBJECT if free else STATIC))
    try:
        for link, joint in roots:
            body = adder.add_link(spec.worldbody, place.compose(link.pose), link, joint)
            if free:
                body.add_freejoint(name=f"{model.name}/free")
            if not model.static:
                adder.add_children(body, link, joints_of)
        if not model.static:
            adder.add_mimics()
    except ValueError as error:
        said = " ".join(str(error).removeprefix("Error:").split())
        raise DescriptionError(f"Model {model.name} cannot be simulated: {said}.") from None


_Children = dict[str, list[tuple[Joint, Link]]]


def _tree(model: Model) -> tuple[list[tuple[Link, Joint | None]], _Children]:
    """Return the links that hang on the world, each with its joint to it, and the links below each link."""
    links = {link.name: link for link in model.links}
    if not links or len(links) != len(model.links):
        raise DescriptionError(f"Model {model.name}: it needs links, each with a name of its own.")
    if model.static:  # nothing moves, whatever the joints say
        return [(link, None) for link in model.links], {}
    below: _Children = {name: [] for name in (*links, _WORLD)}
    held: set[str] = set()
    for joint in model.joints:
        if joint.child not in links or joint.parent not in below:
            unknown = joint.child if joint.child not in links else joint.parent
            raise DescriptionError(f"Model {model.name}: joint {joint.name} names an unknown link {unknown}.")
        if joint.child in held:
            raise DescriptionError(f"Model {model.name}: link {joint.child} is the child of two joints.")
        held.add(joint.child)
        below[joint.parent].append((joint, links[joint.child]))
    roots: list[tuple[Link, Joint | None]] = [(link, None) for link in model.links if link.name not in held]
    roots += [(link, joint) for joint, link in below[_WORLD]]
    reached = [link for root, _ in roots for link in _reach(root, below)]
    if len(reached) != len(links):
        loop = ", ".join(sorted(set(links) - set(reached)))
        raise DescriptionError(f"Model {model.name}: the links {loop} hang on each other in a loop.")
    return roots, below


def _reach(root: Link, below: _Children) -> Iterator[str]:
    stack = [root.name]
    while stack:
        name = stack.pop()
        yield name
        stack += [child.name for _, child in below[name]]


class _Adder:
    """Adds the links of one model."""

    def __init__(self, spec: mujoco.MjSpec, model: Model, dressed: bool, kind: int) -> None:
        self._spec, self._model, self._dressed, self._kind = spec, model, dressed, kind

    def add_link(self, parent: mujoco.MjsBody, pose: Pose, link: Link, joint: Joint | None) -> mujoco.MjsBody:
        name = f"{self._model.name}/{link.name}"
        body = parent.add_body(name=name, pos=pose.position, quat=quaternion(pose))
        if link.inertia is not None and not self._model.static:
            _set_inertia(body, link.inertia)
        if joint is not None and joint.kind is not JointKind.FIXED:
            self._add_joint(body, joint)
        for collision in link.collisions:
            geom = self._add_geom(body, f"{name}/{collision.name}", collision.pose, collision.shape)
            geom.group = COLLISION_GROUP
            geom.contype, geom.conaffinity = self._kind, _MEETS[self._kind]
            geom.friction = [collision.friction, _TORSION_M, _ROLLING_M]
            geom.priority = int(collision.friction < _SLIPPERY)
            # What is round comes to rest by rolling friction alone.
            round_ = isinstance(collision.shape, Cylinder | Capsule | Sphere)
            geom.condim = 6 if round_ and self._kind == OBJECT else 3
        taken = {collision.name for collision in link.collisions}
        for visual in link.visuals if self._dressed else ():
            suffix = "_visual" if visual.name in taken else ""
            geom = self._add_geom(body, f"{name}/{visual.name}{suffix}", visual.pose, visual.shape)
            geom.group, geom.contype, geom.conaffinity = VISUAL_GROUP, 0, 0
            self._paint(geom, visual.material, isinstance(visual.shape, Box))
        for sensor in link.sensors:
            self._add_sensor(body, sensor)
        return body

    def add_children(self, body: mujoco.MjsBody, link: Link, below: _Children) -> None:
        for joint, child in below[link.name]:
            pose = link.pose.inverse().compose(child.pose)
            self.add_children(self.add_link(body, pose, child, joint), child, below)

    def add_mimics(self) -> None:
        for joint in self._model.joints:
            if joint.mimic is not None:
                self._spec.add_equality(
                    name=f"{self._model.name}/{joint.name}/mimic",
                    type=mujoco.mjtEq.mjEQ_JOINT,
                    objtype=mujoco.mjtObj.mjOBJ_JOINT,
                    name1=f"{self._model.name}/{joint.name}",
                    name2=f"{self._model.name}/{joint.mimic}",
                    data=[0.0, joint.mimic_multiplier] + [0.0] * 10,
                )

    def _add_joint(self, body: mujoco.MjsBody, joint: Joint) -> None:
        limited = joint.kind is not JointKind.CONTINUOUS
        body.add_joint(
            name=f"{self._model.name}/{joint.name}",
            type=_JOINT[joint.kind],
            axis=joint.axis,
            pos=joint.anchor_m,
            limited=int(limited),
            range=[joint.lower, joint.upper] if limited else [0.0, 0.0],
            damping=joint.damping,
            frictionloss=joint.friction,
        )

    def _add_geom(self, body: mujoco.MjsBody, name: str, pose: Pose, shape: Shape) -> mujoco.MjsGeom:
        kind, size = _primitive(shape)
        geom = body.add_geom(name=name, type=kind, pos=pose.position, quat=quaternion(pose), mass=0.0)
        if isinstance(shape, Mesh):
            geom.meshname = self._mesh(shape)
        else:
            geom.size = size
        return geom

    def _mesh(self, shape: Mesh) -> str:
        self._must_exist(shape.path)
        name = f"{shape.path}*{','.join(f'{factor:g}' for factor in shape.scale)}"
        if self._spec.mesh(name) is None:
            # Without its own inertia: a mesh may be open, and links say what they weigh.
            shell = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL
            self._spec.add_mesh(name=name, file=str(shape.path), scale=shape.scale, inertia=shell)
        return name

    def _paint(self, geom: mujoco.MjsGeom, material: Material, box: bool) -> None:
        geom.rgba = material.rgba
        if material.texture is None:
            return
        self._must_exist(material.texture)
        # A picture is on each face of a box, as Gazebo has it, and flat on everything else.
        kind = mujoco.mjtTexture.mjTEXTURE_CUBE if box else mujoco.mjtTexture.mjTEXTURE_2D
        name = f"{material.texture}{'#cube' if box else ''}"
        if self._spec.material(name) is None:
            self._spec.add_texture(name=name, type=kind, file=str(material.texture))
            self._spec.add_material(name=name).textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
        geom.material = name

    def _must_exist(self, path: Path) -> None:
        if not path.is_file():
            raise DescriptionError(f"Model {self._model.name}: there is no file {path}.")

    def _add_sensor(self, body: mujoco.MjsBody, sensor: Sensor) -> None:
        if isinstance(sensor, Camera):
            pose = sensor.pose.compose(OPTICAL).compose(_LOOK)
            aspect = sensor.height_px / sensor.width_px
            body.add_camera(
                name=sensor.name,
                pos=pose.position,
                quat=quaternion(pose),
                fovy=math.degrees(2.0 * math.atan(math.tan(sensor.horizontal_fov_rad / 2.0) * aspect)),
                resolution=[sensor.width_px, sensor.height_px],
            )
        elif isinstance(sensor, Lidar | Imu):
            body.add_site(
                name=f"{self._model.name}/{sensor.name}",
                pos=sensor.pose.position,
                quat=quaternion(sensor.pose),
                group=COLLISION_GROUP,
            )


def _set_inertia(body: mujoco.MjsBody, inertia: Inertia) -> None:
    ixx, iyy, izz, ixy, ixz, iyz = inertia.moments
    turn = inertia.pose.rotation()
    moments = turn @ np.array([[ixx, ixy, ixz], [ixy, iyy, iyz], [ixz, iyz, izz]]) @ turn.T
    body.mass, body.ipos, body.explicitinertial = inertia.mass_kg, inertia.pose.position, True
    body.fullinertia = [*np.diag(moments), moments[0, 1], moments[0, 2], moments[1, 2]]


def _primitive(shape: Shape) -> tuple[mujoco.mjtGeom, list[float]]:
    """Return MuJoCo's type and size (half lengths) of a shape."""
    if isinstance(shape, Box):
        return _GEOM.mjGEOM_BOX, [side / 2.0 for side in shape.size_m]
    if isinstance(shape, Cylinder):
        return _GEOM.mjGEOM_CYLINDER, [shape.radius_m, shape.length_m / 2.0, 0.0]
    if isinstance(shape, Capsule):
        return _GEOM.mjGEOM_CAPSULE, [shape.radius_m, shape.length_m / 2.0, 0.0]
    if isinstance(shape, Sphere):
        return _GEOM.mjGEOM_SPHERE, [shape.radius_m, 0.0, 0.0]
    if isinstance(shape, Plane):
        return _GEOM.mjGEOM_PLANE, [shape.size_m[0] / 2.0, shape.size_m[1] / 2.0, 0.1]
    return _GEOM.mjGEOM_MESH, []
