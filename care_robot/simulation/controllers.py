"""Reads ``config/controllers.yaml``, the file of ros2_control, strictly, as far as the simulator needs it.

Keys and defaults: the parameters of ros2_control and ros2_controllers on their `jazzy` branches.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from care_robot.care.strict_yaml import Strict, YamlError, read_yaml
from care_robot.description import Cylinder, DescriptionError, JointKind, Model

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
NotPositive = Annotated[float, Field(le=0.0, allow_inf_nan=False)]
Six = Annotated[list[NotNegative], Field(min_length=6, max_length=6)]
T = TypeVar("T")


class Limits(Strict):
    """Of a velocity: m/s and m/s², or rad/s and rad/s²."""

    max_velocity: Positive
    min_velocity: NotPositive
    max_acceleration: Positive
    max_deceleration: NotPositive


class _X(Strict):
    x: Limits


class _Z(Strict):
    z: Limits


class Drive(Strict):
    """diff_drive_controller."""

    left_wheel_names: list[str] = Field(min_length=1, max_length=1)
    right_wheel_names: list[str] = Field(min_length=1, max_length=1)
    wheel_separation: Positive
    wheel_radius: Positive
    odom_frame_id: Literal["odom"]
    base_frame_id: Literal["base_link"]
    enable_odom_tf: Literal[True]
    tf_frame_prefix_enable: bool
    position_feedback: Literal[True]
    velocity_rolling_window_size: int = Field(ge=1, le=1000)
    publish_rate: Positive
    cmd_vel_timeout: Positive
    pose_covariance_diagonal: Six
    twist_covariance_diagonal: Six
    linear: _X
    angular: _Z


class Tolerance(Strict):
    """How far a joint may be off while it moves and at the end, rad or m; 0 does not check."""

    trajectory: NotNegative
    goal: NotNegative


class Constraints(BaseModel):
    """Tolerances of a trajectory; those of joints stand under their names."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, hide_input_in_errors=True)
    __pydantic_extra__: dict[str, Tolerance]

    stopped_velocity_tolerance: NotNegative
    goal_time: Positive  # ros2_control waits for ever where it is 0

    def of(self, joint: str) -> Tolerance:
        """Tolerance of a joint."""
        return (self.__pydantic_extra__ or {})[joint]


class Trajectory(Strict):
    """A joint_trajectory_controller."""

    joints: list[str] = Field(min_length=1)
    command_interfaces: list[Literal["position"]] = Field(min_length=1)
    state_interfaces: list[Literal["position", "velocity"]] = Field(min_length=2)
    action_monitor_rate: Positive
    constraints: Constraints


class Gripper(Strict):
    """parallel_gripper_action_controller: position, velocity and effort are those of one finger."""

    joint: str
    action_monitor_rate: Positive
    goal_tolerance: Positive
    allow_stalling: bool
    stall_velocity_threshold: Positive
    stall_timeout: Positive
    max_effort: Positive
    max_velocity: Positive


class _Type(Strict):
    type: str


class _Manager(Strict):
    update_rate: int = Field(ge=1, le=10_000)
    joint_state_broadcaster: _Type
    diff_drive_controller: _Type
    arm_controller: _Type
    head_controller: _Type
    gripper_controller: _Type


class _Broadcaster(Strict):
    use_local_topics: bool


class _Node(Strict, Generic[T]):
    ros__parameters: T


class _File(Strict):
    controller_manager: _Node[_Manager]
    joint_state_broadcaster: _Node[_Broadcaster]
    diff_drive_controller: _Node[Drive]
    arm_controller: _Node[Trajectory]
    head_controller: _Node[Trajectory]
    gripper_controller: _Node[Gripper]


class Controllers(Strict):
    """What drives the robot; `trajectories` by the controller's name."""

    drive: Drive
    trajectories: dict[str, Trajectory]
    gripper: Gripper


def read_controllers(path: Path, robot: Model) -> Controllers:
    """Read the controllers of a robot.

    Raises
    ------
    DescriptionError
        The file cannot be read, has an unknown key or a wrong value, or does not fit the robot; the message
        names file and key.
    """
    try:
        file = read_yaml(path, _File)
    except YamlError as error:
        raise DescriptionError(str(error)) from None
    found = Controllers(
        drive=file.diff_drive_controller.ros__parameters,
        trajectories={
            "arm_controller": file.arm_controller.ros__parameters,
            "head_controller": file.head_controller.ros__parameters,
        },
        gripper=file.gripper_controller.ros__parameters,
    )
    for misfit in _misfits(found, robot):
        raise DescriptionError(f"{path}: {misfit}.")
    return found


def _misfits(controllers: Controllers, robot: Model) -> list[str]:
    """What does not fit the robot, as sentences without a full stop."""
    joints = {joint.name: joint for joint in robot.joints}
    drive, gripper = controllers.drive, controllers.gripper
    wheels = (*drive.left_wheel_names, *drive.right_wheel_names)
    groups = controllers.trajectories
    wanted = [
        *(("diff_drive_controller", name, (JointKind.CONTINUOUS,)) for name in wheels),
        *((g, name, (JointKind.REVOLUTE, JointKind.PRISMATIC)) for g in groups for name in groups[g].joints),
        ("gripper_controller", gripper.joint, (JointKind.PRISMATIC,)),
    ]
    found = [
        f"{controller} names {name}, but {robot.name} has no {' or '.join(k.value for k in kinds)} joint so"
        for controller, name, kinds in wanted
        if name not in joints or joints[name].kind not in kinds
    ]
    names = [name for _, name, _ in wanted]
    found += [
        f"the joint {name} has two controllers" for name in sorted({n for n in names if names.count(n) > 1})
    ]
    for controller, group in groups.items():
        given = set(group.constraints.__pydantic_extra__ or {})
        for name in sorted(given ^ set(group.joints)):
            wrong = "is no joint of it" if name in given else "has no tolerance"
            found.append(f"{controller}.constraints: {name} {wrong}")
    return found or _misfit_wheels(drive, robot)


def _misfit_wheels(drive: Drive, robot: Model) -> list[str]:
    links = [robot.link(robot.joint(n).child) for n in (*drive.left_wheel_names, *drive.right_wheel_names)]
    apart = float(links[0].pose.position[1] - links[1].pose.position[1])
    found = []
    if not math.isclose(apart, drive.wheel_separation, abs_tol=1e-4):
        found.append(
            f"wheel_separation is {drive.wheel_separation:g} m, but that of {robot.name} is {apart:g} m"
        )
    radii = [c.shape.radius_m for link in links for c in link.collisions if isinstance(c.shape, Cylinder)]
    if any(not math.isclose(radius, drive.wheel_radius, abs_tol=1e-4) for radius in radii):
        found.append(
            f"wheel_radius is {drive.wheel_radius:g} m, but {robot.name}'s wheels have {radii[0]:g} m"
        )
    return found
