"""The robot in a simulated home: what it is told, what it does, and what it says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
import numpy.typing as npt

from care_robot.description import ContactSensor, Imu, JointKind, Lidar, Model
from care_robot.geometry import Array, Pose
from care_robot.simulation.battery import Battery, BatteryState
from care_robot.simulation.controllers import Controllers, Trajectory
from care_robot.simulation.drive import DriveController, Odometry, WheelOdometry
from care_robot.simulation.gripper import Grip, GripperController
from care_robot.simulation.mujoco_model import CONTROL_S, quaternion
from care_robot.simulation.robot_body import PINCH
from care_robot.simulation.sensors import ImuReading, ImuSensor, LidarSensor, Scan, Touch
from care_robot.simulation.trajectory import Code, GoalError, Motion, TrajectoryController

HELD = "The robot is stopped: its joints hold until the stop is reset."
_ODOMETRY, _LIDAR, _IMU = 10, 11, 12  # seeds of their own
_SLIP_FRICTION = 0.02
_DROP_FRICTION, _DROP_S = 1e-5, 0.6


@dataclass(frozen=True)
class JointStates:
    """As sensor_msgs/JointState: rad or m, rad/s or m/s, N m or N."""

    names: tuple[str, ...]
    positions: Array
    velocities: Array
    efforts: Array


class Robot:
    """Drives the robot that `add_robot` put into a world.

    Parameters
    ----------
    description : Model
        The robot, by whose name its parts are found.
    seed : int
        Of noise and of errors of calibration.
    dock : Pose or None
        Where base_link is when the battery charges.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        description: Model,
        controllers: Controllers,
        *,
        seed: int,
        dock: Pose | None = None,
    ) -> None:
        name = description.name
        self._model, self._data, self._name = model, data, name
        moving = [joint for joint in description.joints if joint.kind is not JointKind.FIXED]
        self._joints = {joint.name: i for i, joint in enumerate(moving)}
        ids = [model.joint(f"{name}/{joint.name}").id for joint in moving]
        self._qpos, self._dof = model.jnt_qposadr[ids], model.jnt_dofadr[ids]
        root = model.joint(f"{name}/free")
        self._root_qpos, self._root_dof = int(root.qposadr[0]), int(root.dofadr[0])
        drive, gripper = controllers.drive, controllers.gripper
        wheels = [drive.left_wheel_names[0], drive.right_wheel_names[0]]
        self._wheels = self._rows(wheels)
        self._wheel_servos = self._servos(wheels)
        self._drive = DriveController(drive)
        self._odometry = WheelOdometry(drive, np.random.default_rng((seed, _ODOMETRY)))
        self._groups = {
            key: _Group(model, data, description, config) for key, config in controllers.trajectories.items()
        }
        self._finger = self._rows([gripper.joint])[0]
        self._finger_servo = self._servos([gripper.joint])[0]
        finger = description.joint(gripper.joint)
        self._gripper = GripperController(gripper, finger, float(data.qpos[self._qpos[self._finger]]))
        fingers = [joint.child for joint in moving if gripper.joint in (joint.name, joint.mimic)]
        wheel_links = [description.joint(wheel).child for wheel in wheels]
        casters = [link.name for link in description.links if any(c.friction == 0.0 for c in link.collisions)]
        bumpers = [
            f"{name}/{link.name}/{sensor.collision}"
            for link, sensor in description.sensors()
            if isinstance(sensor, ContactSensor)
        ]
        self._touch = Touch(
            model,
            data,
            bumpers=bumpers,
            fingers=[f"{name}/{link}" for link in fingers],
            wheels=[f"{name}/{link}" for link in (*wheel_links, *casters)],
        )
        self._tyres = self._geoms(wheel_links)
        self._pads = self._geoms(fingers)
        self._friction = model.geom_friction[:, 0].copy()
        self._lidars: dict[str, LidarSensor] = {}
        self._imus: dict[str, ImuSensor] = {}
        for i, (link, sensor) in enumerate(description.sensors()):
            if isinstance(sensor, Lidar):
                draw = np.random.default_rng((seed, _LIDAR, i))
                self._lidars[sensor.name] = LidarSensor(model, data, name, link.name, sensor, draw=draw)
            elif isinstance(sensor, Imu):
                draw = np.random.default_rng((seed, _IMU, i))
                self._imus[sensor.name] = ImuSensor(data, name, link.name, sensor, draw)
        self._battery = Battery(dock)
        self._holders: set[str] = set()
        self._drop_until_s: float | None = None
        self._drop_asked = False

    def command_velocity(self, linear_m_s: float, angular_rad_s: float, now_s: float) -> None:
        """Drive; without another command the base stops after cmd_vel_timeout. NaN is a stop."""
        self._drive.command(linear_m_s, angular_rad_s, now_s)

    def follow(
        self,
        controller: str,
        names: Sequence[str],
        positions: npt.ArrayLike,
        times_s: npt.ArrayLike,
        now_s: float,
        *,
        velocities: npt.ArrayLike | None = None,
    ) -> Motion:
        """Move the joints of a controller: see TrajectoryController.start. GoalError where that cannot be."""
        if controller not in self._groups:
            known = ", ".join(self._groups)
            raise GoalError(Code.INVALID_GOAL, f"There is no controller {controller!r}; there is {known}.")
        self._refuse_while_held()
        return self._groups[controller].controller.start(names, positions, times_s, now_s, velocities)

    def grip(self, opening_m: float, max_effort_n: float, now_s: float) -> Grip:
        """Open or close the gripper.

        Parameters
        ----------
        opening_m : float
            Wanted distance between the fingers: twice the position of the gripper's joint.
        max_effort_n : float
            With which each finger pushes at most; 0 for the usual one.
        """
        self._refuse_while_held()
        return self._gripper.start(opening_m / 2.0, max_effort_n, now_s)

    def _refuse_while_held(self) -> None:
        if self._holders:
            raise GoalError(Code.INVALID_GOAL, HELD)

    def hold(self, on: bool, holder: str = "e_stop_button") -> None:
        """Stop the base and hold arm, lift and head where they are; the gripper keeps its force.

        So for as long as anybody holds. Nothing goes on by itself when the last one lets go.
        """
        if on and not self._holders:
            for group in self._groups.values():
                group.hold()
            self._gripper.hold(HELD)
        if on != (holder in self._holders):
            self._drive.stop()
        (self._holders.add if on else self._holders.discard)(holder)

    def before_step(self, now_s: float) -> None:
        """Set the servos for the coming control period; once in each."""
        data, dt_s = self._data, CONTROL_S
        if self._holders:
            self._drive.stop()
        left, right = map(float, data.qpos[self._qpos[self._wheels]])
        data.ctrl[self._wheel_servos] = self._drive.servo_rad_s((left, right), now_s, dt_s)
        self._odometry.update(left, right, dt_s)
        for group in self._groups.values():
            group.update(now_s, dt_s)
        self._move_gripper(now_s, dt_s)
        self._touch.update(now_s)
        velocities = data.qvel[self._dof]
        power_w = float(np.abs(data.qfrc_actuator[self._dof] * velocities).sum())
        self._battery.update(self.pose(), power_w, dt_s)

    def _move_gripper(self, now_s: float, dt_s: float) -> None:
        data, model, servo = self._data, self._model, self._finger_servo
        finger, dof = self._qpos[self._finger], self._dof[self._finger]
        self._gripper.update(float(data.qpos[finger]), float(data.qvel[dof]), now_s, dt_s)
        force = PINCH * self._gripper.effort_n
        model.actuator_forcerange[servo] = -force, force
        data.ctrl[servo] = self._gripper.setpoint_m
        if self._drop_asked:
            self._drop_until_s, self._drop_asked = now_s + _DROP_S, False
            model.geom_friction[self._pads, 0] = _DROP_FRICTION
        elif self._drop_until_s is not None and now_s >= self._drop_until_s:
            self._drop_until_s = None
            model.geom_friction[self._pads, 0] = self._friction[self._pads]

    def joint_states(self) -> JointStates:
        """All joints that move, in the order of the description."""
        data = self._data
        return JointStates(
            tuple(self._joints),
            data.qpos[self._qpos].copy(),
            data.qvel[self._dof].copy(),
            data.qfrc_actuator[self._dof].copy(),
        )

    def odometry(self) -> Odometry:
        """Where the robot believes to be, from its wheels."""
        return self._odometry.odometry()

    def scan(self, lidar: str = "scan") -> Scan:
        """Measure with a lidar."""
        return self._lidars[lidar].scan()

    def imu(self, imu: str = "imu") -> ImuReading:
        """Measure with an IMU."""
        return self._imus[imu].read()

    def bumper(self) -> bool:
        """Whether anything pushes the bumper."""
        return self._touch.bumper()

    def contacts(self) -> tuple[int, int]:
        """How often the robot has touched furniture or walls, and a person, since the start."""
        return self._touch.with_static, self._touch.with_person

    def held_object(self) -> str:
        """Name of the model between the fingers; empty where there is none."""
        return self._touch.held()

    def battery(self) -> BatteryState:
        """What the battery says of itself."""
        return self._battery.state()

    def pose(self) -> Pose:
        """Where base_link really is in the world."""
        at = self._data.qpos[self._root_qpos : self._root_qpos + 7]
        return Pose(at[:3].copy(), at[[4, 5, 6, 3]])

    def velocity(self) -> tuple[Array, Array]:
        """Real linear and angular velocity in base_link, m/s and rad/s."""
        moving = self._data.qvel[self._root_dof : self._root_dof + 6]
        return self.pose().rotation().T @ moving[:3], moving[3:].copy()

    def carry(self, to: Pose) -> None:
        """Fault: put the robot elsewhere, without its wheels noticing."""
        data, at = self._data, self._root_qpos
        data.qpos[at : at + 3], data.qpos[at + 3 : at + 7] = to.position, quaternion(to)
        data.qvel[self._root_dof : self._root_dof + 6] = 0.0
        mujoco.mj_forward(self._model, data)

    def slip_wheels(self, on: bool) -> None:
        """Fault: the wheels stand on something slippery."""
        self._model.geom_friction[self._tyres, 0] = _SLIP_FRICTION if on else self._friction[self._tyres]

    def drop(self) -> None:
        """Fault: what the gripper holds slips out of it."""
        self._drop_asked = True

    def set_battery_low(self, low: bool) -> None:
        """Fault: the battery is nearly empty."""
        self._battery.set_low(low)

    def _rows(self, names: Sequence[str]) -> npt.NDArray[np.int64]:
        return np.array([self._joints[name] for name in names])

    def _servos(self, names: Sequence[str]) -> npt.NDArray[np.int64]:
        return np.array([self._model.actuator(f"{self._name}/{name}").id for name in names])

    def _geoms(self, links: Sequence[str]) -> npt.NDArray[np.int64]:
        bodies = [self._model.body(f"{self._name}/{link}").id for link in links]
        return np.flatnonzero(np.isin(self._model.geom_bodyid, bodies) & (self._model.geom_contype != 0))


class _Group:
    """A trajectory controller with the servos of its joints."""

    def __init__(
        self, model: mujoco.MjModel, data: mujoco.MjData, description: Model, config: Trajectory
    ) -> None:
        self._data = data
        ids = [model.joint(f"{description.name}/{joint}").id for joint in config.joints]
        self._qpos, self._dof = model.jnt_qposadr[ids], model.jnt_dofadr[ids]
        self._servos = [model.actuator(f"{description.name}/{joint}").id for joint in config.joints]
        self._stiffness = model.actuator_gainprm[self._servos, 0]
        self._damping = -model.actuator_biasprm[self._servos, 2] + model.dof_damping[self._dof]
        joints = [description.joint(joint) for joint in config.joints]
        self.controller = TrajectoryController(config, joints, data.qpos[self._qpos])

    def hold(self) -> None:
        self.controller.hold(self._data.qpos[self._qpos], HELD)

    def update(self, now_s: float, dt_s: float) -> None:
        """Set the servos: to the wanted position, with the force that gravity and the wanted speed need."""
        data, controller = self._data, self.controller
        controller.update(data.qpos[self._qpos], data.qvel[self._dof], now_s, dt_s)
        force = data.qfrc_bias[self._dof] + self._damping * controller.speed
        data.ctrl[self._servos] = controller.setpoint + force / self._stiffness
