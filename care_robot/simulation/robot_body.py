"""Puts the robot into a MuJoCo world: links, joints, and the servos that drive them."""

from __future__ import annotations

import mujoco
import numpy as np

from care_robot.description import Imu, Joint, JointKind, Model
from care_robot.geometry import Pose
from care_robot.simulation.controllers import Controllers
from care_robot.simulation.mujoco_model import ROBOT, TIMESTEP_S, add_model
from care_robot.simulation.sensors import add_imu

PINCH = 2.0
"""The servo of the gripper moves both fingers: its force is that of two."""

WHEEL_GAIN = 8.0  # N m s/rad
# A servo gives all its force when it is this far off: rad, m, and m of a finger.
_GIVE_RAD, _GIVE_M, _GIVE_FINGER_M = 0.05, 0.01, 0.004
_DAMPING_S = 0.05  # N m s/rad for each N m/rad
# Inertia of a motor behind its gear grows with its strength: kg m² for each N m, kg for each N.
_ARMATURE = {JointKind.REVOLUTE: 1 / 300, JointKind.CONTINUOUS: 1 / 300, JointKind.PRISMATIC: 1 / 100}
_TORSION_M = 0.01  # friction of a soft pad against turning
# What is held slips outwards in a turn, the less the faster its contacts are. This is the shortest time
# constant that is stable: MuJoCo documentation, "Solver parameters".
_PAD_SOLREF = [2.0 * TIMESTEP_S, 1.0]


def add_robot(
    spec: mujoco.MjSpec,
    description: Model,
    controllers: Controllers,
    at: Pose | None = None,
    *,
    dressed: bool = True,
) -> None:
    """Add the robot to a world that is not compiled yet.

    Parameters
    ----------
    at : Pose or None
        Place of base_link in the world; None for the origin.
    dressed : bool
        Also what is seen.

    Raises
    ------
    DescriptionError
        The robot cannot be simulated.
    """
    add_model(spec, description, at=at, dressed=dressed, kind=ROBOT)
    name = description.name
    drive, gripper = controllers.drive, controllers.gripper
    wheels = (*drive.left_wheel_names, *drive.right_wheel_names)
    for wheel in wheels:
        joint = description.joint(wheel)
        _servo(spec, name, joint, gain=WHEEL_GAIN, stiffness=0.0, damping=WHEEL_GAIN)
    for group in controllers.trajectories.values():
        for joint in map(description.joint, group.joints):
            stiffness = joint.effort / (_GIVE_M if joint.kind is JointKind.PRISMATIC else _GIVE_RAD)
            _servo(spec, name, joint, gain=stiffness, stiffness=stiffness, damping=stiffness * _DAMPING_S)
    fingers = [j for j in description.joints if gripper.joint in (j.name, j.mimic)]
    finger = description.joint(gripper.joint)
    stiffness = PINCH * finger.effort / _GIVE_FINGER_M
    _servo(spec, name, finger, gain=stiffness, stiffness=stiffness, damping=stiffness * _DAMPING_S)
    for joint in description.joints:
        if joint.kind is not JointKind.FIXED:
            spec.joint(f"{name}/{joint.name}").armature = joint.effort * _ARMATURE[joint.kind]
    for joint in (*fingers, *map(description.joint, wheels)):
        for geom in spec.body(f"{name}/{joint.child}").geoms:
            geom.priority = 1  # rubber: its own friction counts, whatever it is on
            if joint in fingers:
                geom.condim, geom.solref = 4, _PAD_SOLREF
                geom.friction = [geom.friction[0], _TORSION_M, geom.friction[2]]
    for _, sensor in description.sensors():
        if isinstance(sensor, Imu):
            add_imu(spec, name, sensor)


def _servo(
    spec: mujoco.MjSpec,
    robot: str,
    joint: Joint,
    *,
    gain: float,
    stiffness: float,
    damping: float,
) -> None:
    """Add a servo: force = gain * control - stiffness * position - damping * velocity."""
    spec.add_actuator(
        name=f"{robot}/{joint.name}",
        trntype=mujoco.mjtTrn.mjTRN_JOINT,
        target=f"{robot}/{joint.name}",
        gaintype=mujoco.mjtGain.mjGAIN_FIXED,
        gainprm=np.array([gain] + [0.0] * 9),
        biastype=mujoco.mjtBias.mjBIAS_AFFINE,
        biasprm=np.array([0.0, -stiffness, -damping] + [0.0] * 7),
        forcelimited=True,
        forcerange=[-joint.effort, joint.effort],
    )
