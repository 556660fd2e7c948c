"""The skills of a real robot: clients of the other nodes, and what they tell. Part of task_manager."""

import math
import time
from collections.abc import Sequence
from typing import Any

from action_msgs.srv import CancelGoal
from care_robot_msgs.action import Ask, Say
from care_robot_msgs.msg import (
    Alarm,
    AuditRecord,
)
from care_robot_msgs.srv import AppendAudit, RaiseAlarm
from control_msgs.action import FollowJointTrajectory
from nav2_msgs.action import NavigateToPose
from rclpy.action import ActionClient
from trajectory_msgs.msg import JointTrajectoryPoint

from care_robot import __version__
from care_robot.care.places import Places
from care_robot.care.text import Text
from care_robot.planning.approach import Floor, Spot
from care_robot.planning.goals_node import ActionGoal
from care_robot.planning.skill_messages_node import (
    judge_ask,
    judge_drive,
    judge_say,
    judge_stow,
    no_service,
)
from care_robot.planning.skills import Job
from care_robot.planning.task_world_node import RobotWorld
from care_robot.ros.node import CareNode

NAV_SILENT_S = 10.0
SPEECH_S = 300.0
"""For the longest text, and for whatever is said before it; a server that hangs is given up."""
SERVICE_S = 3.0
HELP_AGAIN_S, HELP_S = 2.0, 60.0
"""A call for help goes on by itself until it is taken, whatever becomes of the task that made it."""
STOP_AGAIN_S = 1.0
STOW_TIME_S = 8

NAVIGATION, VOICE = Text("주행", "Navigation"), Text("음성", "Speech")
ARM = Text("로봇 팔", "The arm")


class RobotSkills(RobotWorld):
    """What the trees can have done, over services and actions; `poll` it on every tick.

    Parameters
    ----------
    node, places, floor, stow_joints
        As of `RobotWorld`.
    language, answer_timeout_s
        Of speech.
    """

    def __init__(
        self,
        node: CareNode[Any],
        places: Places,
        floor: Floor | None,
        stow_joints: Sequence[str],
        *,
        language: str,
        answer_timeout_s: float,
    ) -> None:
        super().__init__(node, places, floor, stow_joints)
        self._language, self._answer_timeout_s = language, answer_timeout_s
        self._goals: list[ActionGoal] = []
        self._calls: list[tuple[Job, float]] = []
        self._helps: dict[str, tuple[RaiseAlarm.Request, float]] = {}
        self._helped_s = -math.inf
        self._drives = self._client(NavigateToPose, "navigate_to_pose")
        self._says = self._client(Say, "say")
        self._asks = self._client(Ask, "ask")
        self._arm = self._client(FollowJointTrajectory, "arm_controller/follow_joint_trajectory")
        self._stops = self._service(CancelGoal, "navigate_to_pose/_action/cancel_goal")
        self._raises = self._service(RaiseAlarm, "alarms/raise")
        self._audits = self._service(AppendAudit, "audit/append")
        self._to_stop, self._asked_s = False, -math.inf

    def _client(self, action: type, name: str) -> ActionClient:
        client = ActionClient(self._node, action, name)
        self._node.at_cleanup(client.destroy)
        return client

    def _service(self, service: type, name: str) -> Any:
        client = self._node.create_client(service, name)
        self._node.at_cleanup(lambda: self._node.destroy_client(client))
        return client

    def stop_what_others_began(self) -> None:
        """Have every drive called off before the first one of ours: a process that was killed could not."""
        self._to_stop, self._asked_s = True, -math.inf

    def _unsettled(self) -> bool:
        return self._to_stop

    def poll(self) -> None:
        """Look after what is under way."""
        now_s = time.monotonic()
        self._call_off(now_s)
        self._helps = {key: value for key, value in self._helps.items() if now_s < value[1]}
        if now_s - self._helped_s > HELP_AGAIN_S:
            for request, _ in list(self._helps.values()):
                self._call_for(request)
        for goal in self._goals:
            goal.poll()
        self._goals = [goal for goal in self._goals if not goal.job.done]
        for job, until_s in self._calls:
            if time.monotonic() > until_s:
                job.end(no_service())
        self._calls = [(job, until_s) for job, until_s in self._calls if not job.done]

    def _call_off(self, now_s: float) -> None:
        """Ask until there is an answer: a server that dies, or is just being found, may give none."""

        def done(_future: Any) -> None:
            self._to_stop = False

        if self._to_stop and now_s - self._asked_s > STOP_AGAIN_S and self._stops.service_is_ready():
            self._asked_s = now_s
            self._stops.call_async(CancelGoal.Request()).add_done_callback(done)

    @property
    def able(self) -> bool:
        """Whether there is somebody to drive the robot, and it knows where it is."""
        return bool(self._drives.server_is_ready()) and self.robot() is not None

    # What can be done --------------------------------------------------------------------------------

    def drive(self, spot: Spot) -> Job:
        """Go there."""
        goal = NavigateToPose.Goal()
        goal.pose.header.frame_id = "map"
        goal.pose.header.stamp = self._node.get_clock().now().to_msg()
        goal.pose.pose.position.x, goal.pose.pose.position.y = spot.x_m, spot.y_m
        goal.pose.pose.orientation.z = math.sin(spot.yaw_rad / 2.0)
        goal.pose.pose.orientation.w = math.cos(spot.yaw_rad / 2.0)
        return self._begin(
            ActionGoal(
                self._drives, goal, NAVIGATION, judge_drive, silent_s=NAV_SILENT_S, hold=self._unsettled
            )
        )

    def say(self, text: str, language: str) -> Job:
        """Say something."""
        goal = Say.Goal(text=text, language=language or self._language)
        return self._begin(ActionGoal(self._says, goal, VOICE, judge_say, silent_s=SPEECH_S))

    def ask(self, question_id: str, question: Text, choices: Sequence[Text]) -> Job:
        """Ask something."""
        english = self._language == "en"
        goal = Ask.Goal(
            question=question.en if english else question.ko,
            question_id=question_id,
            language=self._language,
            answer_timeout=self._answer_timeout_s,
            choices=[choice.en if english else choice.ko for choice in choices],
        )
        silent_s = SPEECH_S + self._answer_timeout_s
        return self._begin(ActionGoal(self._asks, goal, VOICE, judge_ask(self._language), silent_s=silent_s))

    def stow(self) -> Job:
        """Fold the arm."""
        goal = FollowJointTrajectory.Goal()
        goal.trajectory.joint_names = self._stow_joints
        point = JointTrajectoryPoint(positions=[0.0] * len(self._stow_joints))
        point.time_from_start.sec = STOW_TIME_S
        goal.trajectory.points = [point]
        return self._begin(ActionGoal(self._arm, goal, ARM, judge_stow))

    def raise_help(self, source_id: str, resident_id: str, room: str, reason: Text) -> Job:
        """Raise an alarm: somebody asked for help."""
        request = RaiseAlarm.Request(
            kind=Alarm.KIND_HELP,
            priority=Alarm.PRIORITY_HIGH,
            source_id=source_id,
            resident_id=resident_id,
            room=room,
            by=self._node.get_name(),
            reason=f"{reason.ko} / {reason.en}",
        )
        self._helps[source_id] = (request, time.monotonic() + HELP_S)
        return self._call_for(request)

    def _call_for(self, request: RaiseAlarm.Request) -> Job:
        job = Job()
        self._helped_s = time.monotonic()
        if not self._raises.service_is_ready():
            job.end(no_service())
            return job

        def done(future: Any) -> None:
            response = future.result()
            taken = response is not None and (response.success or bool(response.alarm_id))
            if taken:
                self._helps.pop(request.source_id, None)
            job.end(None if taken else no_service())

        self._calls.append((job, time.monotonic() + SERVICE_S))
        self._raises.call_async(request).add_done_callback(done)
        return job

    def audit(self, outcome: str, reason: Text, resident_id: str = "") -> None:
        """Have an autonomous decision written down, where somebody does that."""
        self._node.get_logger().info(f"{outcome}: {reason.en}")
        if not self._audits.service_is_ready():
            return
        record = AuditRecord(
            action=AuditRecord.ACTION_EXECUTE,
            actor=self._node.get_name(),
            resident_id=resident_id,
            category="task",
            outcome=outcome,
            reason_ko=reason.ko,
            reason_en=reason.en,
            version=__version__,
            confidence=math.nan,
        )
        record.stamp = self._node.get_clock().now().to_msg()
        self._audits.call_async(AppendAudit.Request(record=record))

    def _begin(self, goal: ActionGoal) -> Job:
        goal.poll()
        self._goals.append(goal)
        return goal.job
