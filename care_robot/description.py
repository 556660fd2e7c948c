"""Rigid bodies, joints and sensors, as URDF and SDF describe them; lengths in m, angles in rad, masses in kg.

One description for the robot and for the things around it: the embedded simulator, the map and the
kinematics are all made from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from care_robot.geometry import Pose

Vector = tuple[float, float, float]
Colour = tuple[float, float, float, float]


class DescriptionError(Exception):
    """A description that cannot be read; the message names the file, the element and the remedy."""


@dataclass(frozen=True)
class Box:
    """A box about its centre."""

    size_m: Vector


@dataclass(frozen=True)
class Cylinder:
    """A cylinder along z, about its centre."""

    radius_m: float
    length_m: float


@dataclass(frozen=True)
class Capsule:
    """A cylinder along z, about its centre, with a half ball on each end; `length_m` is without the balls."""

    radius_m: float
    length_m: float


@dataclass(frozen=True)
class Sphere:
    """A ball."""

    radius_m: float


@dataclass(frozen=True)
class Plane:
    """A level plane without end; what is seen of it has a size."""

    size_m: tuple[float, float]


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh in a file."""

    path: Path
    scale: Vector = (1.0, 1.0, 1.0)


Shape = Box | Cylinder | Capsule | Sphere | Plane | Mesh


@dataclass(frozen=True)
class Material:
    """How a surface looks: RGBA in 0..1, and a picture on it."""

    rgba: Colour = (0.7, 0.7, 0.7, 1.0)
    texture: Path | None = None


@dataclass(frozen=True)
class Visual:
    """What is seen of a link; `pose` in the link."""

    name: str
    pose: Pose
    shape: Shape
    material: Material = Material()


@dataclass(frozen=True)
class Collision:
    """What is touched of a link; `pose` in the link, `friction` is Coulomb's coefficient."""

    name: str
    pose: Pose
    shape: Shape
    friction: float = 0.8


@dataclass(frozen=True)
class Inertia:
    """Mass, its centre in the link, and the moments ixx, iyy, izz, ixy, ixz, iyz about it in kg m²."""

    mass_kg: float
    pose: Pose
    moments: tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class Camera:
    """A camera that looks along x of `pose`, in the link; the optical frame is `<name>_optical_frame`.

    `depth` cameras give the distance along the optical axis in m as well as colours.
    """

    name: str
    pose: Pose
    rate_hz: float
    width_px: int
    height_px: int
    horizontal_fov_rad: float
    near_m: float
    far_m: float
    noise_std: float = 0.0
    depth: bool = False


@dataclass(frozen=True)
class Lidar:
    """A 2D lidar that turns about z of `pose`, in the link."""

    name: str
    pose: Pose
    rate_hz: float
    samples: int
    min_angle_rad: float
    max_angle_rad: float
    min_range_m: float
    max_range_m: float
    noise_std_m: float

    @property
    def step_rad(self) -> float:
        """From one ray to the next."""
        return (self.max_angle_rad - self.min_angle_rad) / max(self.samples - 1, 1)


@dataclass(frozen=True)
class Imu:
    """An inertial measurement unit; noise as standard deviations of each sample."""

    name: str
    pose: Pose
    rate_hz: float
    angular_velocity_std_rad_s: float
    linear_acceleration_std_m_s2: float


@dataclass(frozen=True)
class ContactSensor:
    """Tells when a collision shape of its link touches something."""

    name: str
    rate_hz: float
    collision: str


Sensor = Camera | Lidar | Imu | ContactSensor


@dataclass(frozen=True)
class Link:
    """A rigid body; `pose` in its model while all joints are at zero."""

    name: str
    pose: Pose
    inertia: Inertia | None = None
    visuals: tuple[Visual, ...] = ()
    collisions: tuple[Collision, ...] = ()
    sensors: tuple[Sensor, ...] = ()


class JointKind(Enum):
    """How a link may move against its parent."""

    FIXED = "fixed"
    REVOLUTE = "revolute"
    CONTINUOUS = "continuous"
    PRISMATIC = "prismatic"


@dataclass(frozen=True)
class Joint:
    """A joint; `axis` and `anchor_m` in the child link. Limits are rad or m, N m or N, rad/s or m/s.

    A joint that mimics another has its name, and moves `mimic_multiplier` times as far.
    """

    name: str
    kind: JointKind
    parent: str
    child: str
    axis: Vector = (0.0, 0.0, 1.0)
    anchor_m: Vector = (0.0, 0.0, 0.0)
    lower: float = 0.0
    upper: float = 0.0
    effort: float = 0.0
    velocity: float = 0.0
    damping: float = 0.0
    friction: float = 0.0
    mimic: str | None = None
    mimic_multiplier: float = 1.0


@dataclass(frozen=True)
class Model:
    """Links and joints; `pose` in the world. A static model never moves."""

    name: str
    pose: Pose
    links: tuple[Link, ...]
    joints: tuple[Joint, ...] = ()
    static: bool = False
    sources: tuple[Path, ...] = field(default=(), compare=False)

    def link(self, name: str) -> Link:
        """The link of that name; KeyError where there is none."""
        for link in self.links:
            if link.name == name:
                return link
        raise KeyError(name)

    def joint(self, name: str) -> Joint:
        """The joint of that name; KeyError where there is none."""
        for joint in self.joints:
            if joint.name == name:
                return joint
        raise KeyError(name)

    def sensors(self) -> list[tuple[Link, Sensor]]:
        """All sensors, each with its link."""
        return [(link, sensor) for link in self.links for sensor in link.sensors]
