"""What is really so in a simulated world: for evaluation, and never for the robot."""

from __future__ import annotations

from dataclasses import dataclass

from care_robot.geometry import Pose


@dataclass(frozen=True)
class PersonTruth:
    """One person; posture and act are numbers of Person.msg and SimResident.srv."""

    id: str
    posture: int
    act: int
    act_since_s: float
    hips_m: tuple[float, float, float]
    robot_distance_m: float


@dataclass(frozen=True)
class ObjectTruth:
    """One movable thing; `held_by` is robot, a person's id, or empty."""

    name: str
    model: str
    pose: Pose
    held_by: str = ""


@dataclass(frozen=True)
class Truth:
    """The robot, the people and the movable things, in the map frame; counts since the start."""

    t_s: float
    robot_pose: Pose
    linear_m_s: float
    angular_rad_s: float
    people: tuple[PersonTruth, ...]
    objects: tuple[ObjectTruth, ...]
    collisions: int
    person_contacts: int
