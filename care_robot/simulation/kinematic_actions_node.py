"""The actions that the kinematic simulator serves, each a motion of its home."""

from functools import partial
from typing import Any

import numpy as np
from control_msgs.action import FollowJointTrajectory, ParallelGripperCommand
from geometry_msgs.msg import PoseStamped
from nav2_msgs.action import NavigateToPose
from rclpy.action.server import ServerGoalHandle
from sensor_msgs.msg import JointState

from care_robot.geometry import GeometryError, Pose
from care_robot.ros.conversions import to_stamp
from care_robot.simulation.goals_node import Goals, Stop
from care_robot.simulation.kinematic import KinematicHome
from care_robot.simulation.kinematic_base import flat
from care_robot.simulation.kinematic_motions import Drive, Grip, Motion, NavigationError, Trajectory
from care_robot.simulation.simulation_node import SimulationNode, pose_message
from care_robot.simulation.trajectory import State


class Actions:
    """Serves the actions of a node.

    Parameters
    ----------
    node
        Whose actions these are, while it is configured.
    """

    def __init__(self, node: SimulationNode[Any, KinematicHome]) -> None:
        self._node = node
        self.goals = Goals(node)
        node.serve_action(NavigateToPose, "navigate_to_pose", self._navigate)
        for controller in ("arm_controller", "head_controller"):
            name = f"{controller}/follow_joint_trajectory"
            node.serve_action(FollowJointTrajectory, name, partial(self._follow, controller))
        node.serve_action(ParallelGripperCommand, "gripper_controller/gripper_cmd", self._grip)

    def joint_states(self) -> JointState:
        """Where the joints are."""
        positions = self._node.home.arm.joints.positions
        message = JointState(name=list(positions), position=list(positions.values()))
        message.header.stamp = self._node.stamp()
        return message

    async def _navigate(self, handle: ServerGoalHandle) -> Any:
        header = handle.request.pose.header
        with self._node.lock:
            drive = self._node.home.base.navigate(
                header.frame_id, _pose(handle.request.pose), self._node.home.time_s
            )

        def stop(state: State, sentence: str) -> None:
            drive.end(state, NavigationError.NONE, sentence)
            self._node.home.base.stop(drive)

        await self.goals.run(handle, drive, stop, lambda: self._navigation_feedback(drive))
        return NavigateToPose.Result(error_code=drive.code, error_msg=drive.sentence)

    def _navigation_feedback(self, drive: Drive) -> NavigateToPose.Feedback:
        believed = self._node.home.base.believed()
        x, y, _ = flat(believed)
        feedback = NavigateToPose.Feedback(
            distance_remaining=drive.left_m(x, y), number_of_recoveries=drive.recoveries
        )
        feedback.current_pose.header.stamp, feedback.current_pose.header.frame_id = self._node.stamp(), "map"
        feedback.current_pose.pose = pose_message(believed)
        taken = to_stamp(self._node.home.time_s - drive.started_s)
        feedback.navigation_time.sec, feedback.navigation_time.nanosec = taken.sec, taken.nanosec
        return feedback

    async def _follow(self, controller: str, handle: ServerGoalHandle) -> Any:
        trajectory = handle.request.trajectory
        points = [list(point.positions) for point in trajectory.points]
        times_s = [p.time_from_start.sec + p.time_from_start.nanosec * 1e-9 for p in trajectory.points]
        with self._node.lock:
            motion = self._node.home.arm.follow(
                controller, list(trajectory.joint_names), points, times_s, self._node.home.time_s
            )
        await self.goals.run(handle, motion, _stop(motion), lambda: self._trajectory_feedback(motion))
        return FollowJointTrajectory.Result(error_code=motion.code, error_string=motion.sentence)

    def _trajectory_feedback(self, motion: Trajectory) -> FollowJointTrajectory.Feedback:
        feedback = FollowJointTrajectory.Feedback(joint_names=list(motion.names))
        feedback.header.stamp = self._node.stamp()
        feedback.actual.positions = [self._node.home.arm.joints.positions[name] for name in motion.names]
        return feedback

    async def _grip(self, handle: ServerGoalHandle) -> Any:
        command = handle.request.command
        with self._node.lock:
            right = (
                list(command.name) in ([], [self._node.home.arm.gripper_joint]) and len(command.position) == 1
            )
            motion = self._node.home.arm.grip(command.position[0]) if right else None
            if motion is None:
                joint = self._node.home.arm.gripper_joint
                self._node.get_logger().warning(
                    f"gripper_cmd needs one position of {joint} within its limits."
                )
                motion = Grip()
                motion.end(State.ABORTED)
        await self.goals.run(
            handle, motion, _stop(motion), lambda: ParallelGripperCommand.Feedback(state=self.joint_states())
        )
        reached = motion.state is State.SUCCEEDED and not motion.stalled
        return ParallelGripperCommand.Result(
            state=self.joint_states(), stalled=motion.stalled, reached_goal=reached
        )


def _stop(motion: Motion) -> Stop:
    return lambda state, sentence: motion.end(state, 0, sentence)


def _pose(message: PoseStamped) -> Pose | None:
    p, q = message.pose.position, message.pose.orientation
    try:
        return Pose(np.array([p.x, p.y, p.z]), np.array([q.x, q.y, q.z, q.w]))
    except GeometryError:
        return None
