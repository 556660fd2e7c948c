"""`simulator`: the simulated home under physics, in real time, with the interfaces of the real robot."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from care_robot_msgs.msg import SafetyState, SimState
from control_msgs.action import FollowJointTrajectory, ParallelGripperCommand
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from rclpy.action.server import ServerGoalHandle
from rclpy.publisher import Publisher
from sensor_msgs.msg import BatteryState, Imu, JointState, LaserScan
from std_msgs.msg import Bool

from care_robot.actuation.safety import Obedience
from care_robot.geometry import Pose
from care_robot.perception.newest import Pace
from care_robot.ros import qos
from care_robot.ros.node import Health, Level, run_node
from care_robot.ros.transforms import TransformBroadcaster
from care_robot.simulation.building import load_controllers
from care_robot.simulation.goals_node import Goals
from care_robot.simulation.home import Home
from care_robot.simulation.recipe import Recipe
from care_robot.simulation.simulation_node import (
    SimulationNode,
    SimulationParameters,
    odometry_message,
    scan_message,
)
from care_robot.simulation.trajectory import Code, GoalError, Motion, State

STATE_RATE_HZ = 20.0
ODOMETRY_RATE_HZ = 25.0  # each message costs every Python node that hears it
JOINT_RATE_HZ = 20.0
E_STOP_RATE_HZ = 10.0
BATTERY_RATE_HZ = 1.0
FINGERS = 2.0
"""The gripper's joint is one finger: what opens between the two is twice as wide."""


class SimulatorNode(SimulationNode[SimulationParameters, Home]):
    """Gives the home the topics and actions of the robot's own hardware."""

    def __init__(self, **options: Any) -> None:
        self._transforms: TransformBroadcaster | None = None
        self._goals = Goals(self)
        super().__init__("simulator", SimulationParameters, **options)

    def make_home(self, recipe: Recipe, parameters: SimulationParameters) -> Home:
        """Build the home."""
        return Home(recipe)

    def wire(self, parameters: SimulationParameters) -> None:
        """Make what the robot's hardware has."""
        rates_hz = {sensor.name: sensor.rate_hz for _, sensor in self.home.description.sensors()}
        sensors: list[tuple[str, type, Callable[[], Any], float]] = [
            ("scan", LaserScan, self._scan, rates_hz["scan"]),
            ("imu", Imu, self._imu, rates_hz["imu"]),
            ("odom", Odometry, self._odometry, ODOMETRY_RATE_HZ),
            ("joint_states", JointState, self._joint_states, JOINT_RATE_HZ),
            ("battery_state", BatteryState, self._battery, BATTERY_RATE_HZ),
            ("bumper", Bool, lambda: Bool(data=self.home.bumper), rates_hz["bumper"]),
            ("e_stop_button", Bool, lambda: Bool(data=self.home.e_stop), E_STOP_RATE_HZ),
        ]
        self._sensors: list[tuple[str, Publisher, Callable[[], Any], Pace]] = [
            (topic, self.publisher(kind, topic, qos.SENSOR), make, Pace(rate_hz))
            for topic, kind, make, rate_hz in sensors
        ]
        self._states, self._state_pace = (
            self.publisher(SimState, "sim/state", qos.SENSOR),
            Pace(STATE_RATE_HZ),
        )
        self._transforms = TransformBroadcaster(self)
        self.subscribe(TwistStamped, "cmd_vel", qos.COMMAND, self._on_velocity)
        self._obedience = Obedience()
        self.subscribe(
            SafetyState,
            "safety/state",
            qos.LATCHED,
            lambda message: self._obedience.hear(message.state),
        )
        for controller in load_controllers().trajectories:
            self.serve_action(
                FollowJointTrajectory,
                f"{controller}/follow_joint_trajectory",
                partial(self._follow, controller),
            )
        self.serve_action(ParallelGripperCommand, "gripper_controller/gripper_cmd", self._grip)

    def end_goals(self, sentence: str) -> None:
        """Abort what the robot was told to do; its joints and its base stay where they are."""
        self.home.robot.command_velocity(0.0, 0.0, self.home.time_s)
        self._goals.abort(sentence)

    def cleanup(self) -> None:
        """Take the transforms away."""
        if self._transforms is not None:
            self._transforms.destroy()
            self._transforms = None
        super().cleanup()

    def diagnose(self) -> Health:
        """Say whether it keeps up with real time."""
        values = {"real_time_factor": f"{self.real_time_factor:.2f}"}
        if self.speed and 0.0 < self.real_time_factor < 0.95 * self.speed:
            said = f"{self.real_time_factor:.2f} of the speed {self.speed:g} that it was told"
            return Health(Level.WARN, f"This machine is too slow: {said}.", values)
        return Health(values=values)

    # Topics ------------------------------------------------------------------------------------------------

    def publish(self) -> None:
        """Obey the safety supervisor, and tell what is due now."""
        t_s = self.home.time_s
        held, _ = self._obedience.ask(time.monotonic())
        self.home.robot.hold(held, "safety_supervisor")
        for topic, publisher, make, pace in self._sensors:
            if pace.lets_through(t_s) and topic not in self.home.silent:
                publisher.publish(make())
        if self._state_pace.lets_through(t_s):
            home = self.home
            state = SimState(recipe=home.recipe.to_json(), positions=home.positions())
            state.header.stamp, state.header.frame_id = self.stamp(), "map"
            state.black, state.frozen, state.silent = (
                sorted(home.black),
                sorted(home.frozen),
                sorted(home.silent),
            )
            self._states.publish(state)
        self._goals.settle()

    def _scan(self) -> LaserScan:
        scan = self.home.robot.scan()
        return scan_message(scan.lidar, scan.ranges_m, scan.lidar.rate_hz, scan.frame, self.stamp())

    def _imu(self) -> Imu:
        reading = self.home.robot.imu()
        message = Imu()
        message.header.stamp, message.header.frame_id = self.stamp(), reading.frame
        turn, push = message.angular_velocity, message.linear_acceleration
        turn.x, turn.y, turn.z = map(float, reading.angular_velocity_rad_s)
        push.x, push.y, push.z = map(float, reading.linear_acceleration_m_s2)
        message.orientation_covariance[0] = -1.0  # it has no orientation (REP-145)
        message.angular_velocity_covariance[::4] = [reading.angular_velocity_variance] * 3
        message.linear_acceleration_covariance[::4] = [reading.linear_acceleration_variance] * 3
        return message

    def _odometry(self) -> Odometry:
        odometry = self.home.robot.odometry()
        pose = Pose.from_rpy(odometry.x_m, odometry.y_m, 0.0, yaw=odometry.yaw_rad)
        message = odometry_message(pose, odometry.linear_m_s, odometry.angular_rad_s, self.stamp())
        message.pose.covariance[::7] = odometry.pose_covariance
        message.twist.covariance[::7] = odometry.twist_covariance
        if self._transforms is not None:
            self._transforms.send("odom", "base_link", pose, self.now_s())
        return message

    def _joint_states(self) -> JointState:
        states = self.home.robot.joint_states()
        message = JointState(name=list(states.names))
        message.header.stamp = self.stamp()
        message.position, message.velocity = states.positions.tolist(), states.velocities.tolist()
        message.effort = states.efforts.tolist()
        return message

    def _battery(self) -> BatteryState:
        battery = self.home.robot.battery()
        message = BatteryState(
            voltage=battery.voltage_v,
            current=battery.current_a,
            charge=battery.charge_ah,
            capacity=battery.capacity_ah,
            design_capacity=battery.capacity_ah,
            percentage=battery.percentage,
            power_supply_status=int(battery.status),
            power_supply_health=BatteryState.POWER_SUPPLY_HEALTH_GOOD,
            power_supply_technology=BatteryState.POWER_SUPPLY_TECHNOLOGY_LION,
            present=True,
        )
        message.header.stamp, message.header.frame_id = self.stamp(), "base_link"
        return message

    def _on_velocity(self, message: TwistStamped) -> None:
        with self.lock:
            twist = message.twist
            self.home.robot.command_velocity(twist.linear.x, twist.angular.z, self.home.time_s)

    # Actions -----------------------------------------------------------------------------------------------

    async def _follow(self, controller: str, handle: ServerGoalHandle) -> Any:
        trajectory = handle.request.trajectory
        positions = [list(point.positions) for point in trajectory.points]
        velocities = [list(point.velocities) for point in trajectory.points]
        times_s = [p.time_from_start.sec + p.time_from_start.nanosec * 1e-9 for p in trajectory.points]
        names = list(trajectory.joint_names)

        def start() -> Motion:
            robot, now_s = self.home.robot, self.home.time_s
            given = velocities if any(velocities) else None
            return robot.follow(controller, names, positions, times_s, now_s, velocities=given)

        motion = await self._run_goal(handle, start)
        return FollowJointTrajectory.Result(error_code=int(motion.code), error_string=motion.message)

    async def _grip(self, handle: ServerGoalHandle) -> Any:
        command = handle.request.command

        def start() -> Motion:
            joint = load_controllers().gripper.joint
            if len(command.position) != 1 or list(command.name) not in ([], [joint]):
                raise GoalError(Code.INVALID_GOAL, f"The gripper's goal needs one position: that of {joint}.")
            effort_n = command.effort[0] if command.effort else 0.0
            return self.home.robot.grip(FINGERS * command.position[0], effort_n, self.home.time_s)

        motion = await self._run_goal(handle, start)
        if motion.message:
            self.get_logger().info(f"Gripper: {motion.message}")
        with self.lock:
            state = self._joint_states()
        return ParallelGripperCommand.Result(
            state=state,
            stalled=getattr(motion, "stalled", False),
            reached_goal=getattr(motion, "reached_goal", False),
        )

    async def _run_goal(self, handle: ServerGoalHandle, start: Callable[[], Motion]) -> Motion:
        """Start a motion, wait until it has ended, and settle the goal; how it ended."""
        with self.lock:
            try:
                motion = start()
            except GoalError as error:
                motion = Motion()
                motion.end(State.ABORTED, str(error), error.code)

        def stop(state: State, sentence: str) -> None:
            # Cancelled either way, so that the controller holds.
            motion.cancel(sentence, Code.SUCCESSFUL if state is State.CANCELED else Code.INVALID_GOAL)

        await self._goals.run(handle, motion, stop)
        return motion


def main() -> None:
    """Run the node."""
    run_node(SimulatorNode)


if __name__ == "__main__":
    main()
