"""task_manager over real topics, services and actions, with a robot that does as the test says."""

import math
import threading
from pathlib import Path
from typing import Any

import pytest
from action_msgs.msg import GoalStatus
from action_msgs.srv import CancelGoal
from care_robot_msgs.action import Ask, ExecuteTask, Say
from care_robot_msgs.msg import (
    Alarm,
    AlarmArray,
    FallEvent,
    FallEventArray,
    Person,
    PersonArray,
    SafetyState,
    Task,
    TaskArray,
    TaskStatus,
    TaskTree,
    TreeNode,
)
from care_robot_msgs.srv import AppendAudit, CancelTask, RaiseAlarm, SubmitTask
from control_msgs.action import FollowJointTrajectory
from nav2_msgs.action import NavigateToPose
from rclpy.action import ActionClient, ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.client import Client
from rclpy.clock import Clock, ClockType
from rclpy.task import Future
from sensor_msgs.msg import JointState

from care_robot.geometry import Pose
from care_robot.planning import goals_node, task_skills_node
from care_robot.planning.task_manager_node import TaskManagerNode
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds
from care_robot.ros.transforms import TransformBroadcaster

PLACES = str(Path(__file__).parents[2] / "config" / "places" / "apartment.yaml")


class Robot:
    """Wheels, voice and ears; what they are told is in `goals`, `said` and `asked`."""

    def __init__(self, ros: Any) -> None:
        self.ros = ros
        self.node = ros.tester
        self.at = Pose.from_rpy(5.6, 2.3, 0.0)
        self.mode = "go"
        """go, hold, abort or reject: what becomes of a drive."""
        self.answer = "괜찮아요"
        self.takes_calls = self.hears = True
        self.goals: list[Any] = []
        self.said: list[str] = []
        self.asked: list[str] = []
        self.raised: list[Any] = []
        self.audits: list[Any] = []
        self.servers: list[ActionServer] = []
        self.driving = threading.Event()
        self.rested = threading.Event()
        self.released = threading.Event()
        self._tf = TransformBroadcaster(self.node)
        self.node.create_timer(0.05, self.tell_place, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.located = True

    def tell_place(self) -> None:
        if self.located:
            now_s = to_seconds(self.node.get_clock().now().to_msg())
            self._tf.send("map", "odom", Pose.identity(), now_s)
            self._tf.send("odom", "base_link", self.at, now_s)

    def serve(self, *, wheels: bool = True, voice: bool = True) -> "Robot":
        group = ReentrantCallbackGroup()
        more: dict[str, Any] = {"callback_group": group, "cancel_callback": lambda _: CancelResponse.ACCEPT}
        if wheels:
            goal = lambda _: GoalResponse.REJECT if self.mode == "reject" else GoalResponse.ACCEPT  # noqa: E731
            drive = ActionServer(
                self.node, NavigateToPose, "navigate_to_pose", self._drive, goal_callback=goal, **more
            )
            self.servers.append(drive)
        if voice:
            self.servers.append(ActionServer(self.node, Say, "say", self._say, **more))
            self.servers.append(ActionServer(self.node, Ask, "ask", self._ask, **more))
        self.node.create_service(RaiseAlarm, "alarms/raise", self._raise, callback_group=group)
        self.node.create_service(AppendAudit, "audit/append", self._audit, callback_group=group)
        return self

    def _drive(self, goal: Any) -> Any:
        pose = goal.request.pose
        self.goals.append(pose)
        self.rested.clear()
        self.driving.set()
        if self.mode == "abort":
            goal.abort()
            return NavigateToPose.Result(error_code=208, error_msg="There is no way: is a door shut?")
        while self.mode == "hold" and not goal.is_cancel_requested and not self.released.wait(0.02):
            goal.publish_feedback(NavigateToPose.Feedback())
        self.driving.clear()
        self.rested.set()
        if goal.is_cancel_requested:
            goal.canceled()
        else:
            yaw = 2.0 * math.atan2(pose.pose.orientation.z, pose.pose.orientation.w)
            self.at = Pose.from_rpy(pose.pose.position.x, pose.pose.position.y, 0.0, yaw=yaw)
            goal.succeed()
        return NavigateToPose.Result()

    def _say(self, goal: Any) -> Any:
        self.said.append(goal.request.text)
        goal.succeed()
        return Say.Result(audible=True)

    def _ask(self, goal: Any) -> Any:
        self.asked.append(goal.request.question_id)
        while not self.hears and not self.released.wait(0.02):
            pass
        result = Ask.Result(audible=True)
        if self.answer:
            result.answer.text, result.answer.language = self.answer, goal.request.language
            result.answer.confidence = 1.0
            goal.succeed()
        else:
            result.error_code = Ask.Result.NO_ANSWER
            goal.abort()
        return result

    def _raise(self, request: Any, response: Any) -> Any:
        self.raised.append(request)
        if self.takes_calls:
            response.success, response.alarm_id = True, "a9"
        return response

    def _audit(self, request: Any, response: Any) -> Any:
        self.audits.append(request.record)
        response.success = True
        return response


class House:
    """The node with a robot, and with the topics that tell of it."""

    def __init__(self, ros: Any, folder: Path, robot: Robot, **parameters: Any) -> None:
        self.ros, self.robot = ros, robot
        self._parameters = {"data_dir": str(folder), "places_file": PLACES} | parameters
        self.tasks = ros.inbox(TaskArray, "tasks", qos.LATCHED)
        self.trees = ros.inbox(TaskTree, "tasks/tree", qos.LATCHED)
        self.node = ros.node(TaskManagerNode, **self._parameters)
        self._alarms = ros.publisher(AlarmArray, "alarms", qos.LATCHED)
        self._people = ros.publisher(PersonArray, "people", qos.STATE)
        self._safety = ros.publisher(SafetyState, "safety/state", qos.LATCHED)
        ros.wait_until(lambda: self.node._skills.able or not robot.servers or not robot.located, "wheels")

    def alarm(self, id_: str = "a1", **words: Any) -> None:
        usual = {"kind": Alarm.KIND_FALL, "priority": 3, "state": 1, "room": "bedroom"}
        self._alarms.publish(AlarmArray(alarms=[Alarm(id=id_, **(usual | words))]))

    def person(self, x: float, y: float, **words: Any) -> None:
        person = Person(id="p1", position_valid=True, posture=Person.POSTURE_LYING_ON_FLOOR, **words)
        person.position.x, person.position.y = x, y
        people = PersonArray(people=[person], cameras=["bedroom_camera"])
        self.ros.tester.create_timer(
            0.2, lambda: self._people.publish(people), clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def safety(self, state: int) -> None:
        self._safety.publish(SafetyState(state=state, reason_ko="시험", reason_en="test"))

    def submit(self, task: Task) -> Any:
        return self.ros.call(SubmitTask, "tasks/submit", SubmitTask.Request(task=task))

    def cancel(self, task_id: str, by: str = "박 간호사") -> Any:
        request = CancelTask.Request(task_id=task_id, by=by, reason="시험")
        return self.ros.call(CancelTask, "tasks/cancel", request)

    def wait(self, task_id: str, state: int, *, after: int = 0, **fields: Any) -> TaskStatus:
        """The status of a task once it is so, in messages after the `after`-th."""

        def look(message: TaskArray) -> list[TaskStatus]:
            return [
                status
                for status in message.tasks
                if status.task.id == task_id
                and status.state == state
                and all(getattr(status, name) == value for name, value in fields.items())
            ]

        message = self.tasks.wait(lambda m: bool(look(m)) and m in self.tasks.messages[after:])
        return look(message)[0]


@pytest.fixture
def robot(ros: Any) -> Robot:
    return Robot(ros).serve()


@pytest.fixture
def house(ros: Any, robot: Robot, tmp_path: Path) -> House:
    return House(ros, tmp_path, robot)


def task(kind: int = Task.KIND_GO_TO, **words: Any) -> Task:
    more: dict[str, Any] = {"kind": kind, "priority": 2, "by": "박 간호사", "time_limit": 60.0}
    if kind == Task.KIND_GO_TO:
        more["places"] = ["kitchen"]
    return Task(**(more | words))


class Goal:
    """One goal of execute_task as its client sees it."""

    def __init__(self, house: House, request: Task) -> None:
        self.house = house
        self.feedback: list[TaskStatus] = []
        self.client = ActionClient(house.ros.tester, ExecuteTask, "execute_task")
        assert self.client.wait_for_server(20.0)
        future = self.client.send_goal_async(
            ExecuteTask.Goal(task=request),
            feedback_callback=lambda m: self.feedback.append(m.feedback.status),
        )
        self.handle = house.ros.result(future)

    def result(self) -> tuple[int, Any]:
        response = self.house.ros.result(self.handle.get_result_async())
        return response.status, response.result


def test_a_task_is_carried_out_and_told_of(house: House) -> None:
    goal = Goal(house, task(id="t1"))
    status, result = goal.result()
    assert (status, result.error_code) == (GoalStatus.STATUS_SUCCEEDED, 0)
    assert [(g.pose.position.x, g.pose.position.y) for g in house.robot.goals] == [(6.2, 4.7)]
    assert house.robot.said == ["주방 쪽으로 갈게요."]
    done = house.wait("t1", TaskStatus.STATE_SUCCEEDED)
    assert done.step_ko == "주방에 도착했습니다."
    assert done.step_en
    assert done.arrived
    tree = house.trees.wait(lambda m: m.task_id == "t1")
    assert tree.nodes[0].name == "go_to"
    assert tree.nodes[0].status in (TreeNode.STATUS_RUNNING, TreeNode.STATUS_IDLE)
    house.trees.wait(lambda m: m.task_id == "" and len(house.trees.messages) > 1)
    house.ros.wait_until(lambda: house.robot.audits, "the audit")
    record = house.robot.audits[0]
    assert record.reason_ko
    assert record.reason_en
    assert goal.feedback


def test_a_goal_that_is_canceled_leaves_the_robot_at_rest(house: House) -> None:
    house.robot.mode = "hold"
    goal = Goal(house, task(id="t1"))
    assert house.robot.driving.wait(20.0)
    assert house.ros.result(goal.handle.cancel_goal_async()).goals_canceling
    status, result = goal.result()
    assert house.robot.rested.is_set()
    assert (status, result.error_code) == (GoalStatus.STATUS_CANCELED, ExecuteTask.Result.CANCELED)
    house.wait("t1", TaskStatus.STATE_CANCELED)


def test_a_task_is_submitted_and_canceled_by_name(house: House) -> None:
    house.robot.mode = "hold"
    assert house.submit(task(id="t1")).success
    assert house.submit(task(id="t1")).success  # once
    assert house.robot.driving.wait(20.0)
    assert house.cancel("t1", by="").error_code == CancelTask.Response.NAME_MISSING
    assert house.cancel("t7").error_code == CancelTask.Response.UNKNOWN_TASK
    assert house.cancel("t1").success
    house.wait("t1", TaskStatus.STATE_CANCELED, error_code=ExecuteTask.Result.CANCELED)
    assert house.cancel("t1").error_code == CancelTask.Response.ALREADY_ENDED
    assert len(house.robot.goals) == 1


def nonsense() -> list[Task]:
    nan, nowhere, far = task(places=[]), task(places=[]), task(places=[])
    for request, frame, x in ((nan, "map", float("nan")), (nowhere, "moon", 1.0), (far, "map", 1e9)):
        request.pose.header.frame_id = frame
        request.pose.pose.position.x = x
        request.pose.pose.orientation.w = 1.0
    flat = task(places=[])
    flat.pose.header.frame_id = "map"  # and a quaternion of zeros
    flat.pose.pose.orientation.w = 0.0
    return [
        nan,
        nowhere,
        far,
        flat,
        task(kind=0),
        task(by=""),
        task(time_limit=float("nan")),
        task(places=["kitchen", "hall"]),
        task(id="x" * 10_000),
        task(kind=Task.KIND_SAY, text="가" * 10_000, language="ko"),
        task(kind=Task.KIND_PATROL),
        task(kind=Task.KIND_RESPOND_TO_FALL, alarm_id="a1"),
    ]


@pytest.mark.parametrize("number", range(12))
def test_nonsense_is_refused_with_a_sentence(house: House, number: int) -> None:
    request = nonsense()[number]
    answer = house.submit(request)
    assert not answer.success
    assert answer.error_msg
    assert answer.error_code in (SubmitTask.Response.INVALID, SubmitTask.Response.NAME_MISSING)
    status, result = Goal(house, request).result()
    assert (status, result.error_code) == (GoalStatus.STATUS_ABORTED, ExecuteTask.Result.TASK_INVALID)
    assert house.robot.goals == []


def test_a_place_that_is_unknown_and_a_part_that_is_missing_are_named(house: House) -> None:
    _, result = Goal(house, task(places=["kitchn"])).result()
    assert result.error_code == ExecuteTask.Result.PLACE_UNKNOWN
    assert "kitchen" in result.error_msg
    _, result = Goal(house, task(kind=Task.KIND_FETCH, object="cup")).result()
    assert result.error_code == ExecuteTask.Result.NOT_CAPABLE


def test_an_alarm_interrupts_a_task_which_goes_on_when_somebody_is_there(house: House) -> None:
    house.robot.mode = "hold"
    house.submit(task(id="t1"))
    assert house.robot.driving.wait(20.0)
    house.robot.mode = "go"
    house.person(2.0, 1.5, room="bedroom")
    house.alarm()
    house.robot.released.set()
    house.wait("t1", TaskStatus.STATE_INTERRUPTED)
    status = house.wait("respond-a1", TaskStatus.STATE_RUNNING, arrived=True)
    assert status.task.alarm_id == "a1"
    assert status.task.priority == Task.PRIORITY_ALARM
    goal = house.robot.goals[-1].pose.position
    assert 1.2 < ((goal.x - 2.0) ** 2 + (goal.y - 1.5) ** 2) ** 0.5 < 2.2
    house.alarm(state=Alarm.STATE_ATTENDED)
    house.wait("respond-a1", TaskStatus.STATE_SUCCEEDED)
    house.wait("t1", TaskStatus.STATE_SUCCEEDED)


def test_an_alarm_response_cannot_be_canceled(house: House) -> None:
    house.alarm()
    house.wait("respond-a1", TaskStatus.STATE_RUNNING, arrived=True)
    assert house.cancel("respond-a1").error_code == CancelTask.Response.REFUSED


def test_a_drill_moves_nobody(house: House) -> None:
    house.alarm(drill=True)
    house.submit(task(id="t1"))
    house.wait("t1", TaskStatus.STATE_SUCCEEDED)
    assert not any(status.task.alarm_id for m in house.tasks.messages for status in m.tasks)


def test_where_there_is_no_way_the_reason_is_told(house: House) -> None:
    house.robot.mode = "abort"
    house.submit(task(id="t1"))
    status = house.wait("t1", TaskStatus.STATE_FAILED)
    assert status.error_code == ExecuteTask.Result.UNREACHABLE
    assert "is a door shut?" in status.error_msg
    assert "갈 수 없습니다" in status.error_msg


def test_a_navigator_that_rejects_fails_the_task(house: House) -> None:
    house.robot.mode = "reject"
    house.submit(task(id="t1"))
    house.wait("t1", TaskStatus.STATE_FAILED, error_code=ExecuteTask.Result.NOT_CAPABLE)


def test_a_navigator_that_dies_fails_the_task(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(goals_node, "GONE_S", 0.3)
    house.robot.mode = "hold"
    house.submit(task(id="t1"))
    assert house.robot.driving.wait(20.0)
    house.robot.servers[0].destroy()
    house.wait("t1", TaskStatus.STATE_FAILED, error_code=ExecuteTask.Result.NOT_CAPABLE)
    house.robot.released.set()


def test_without_wheels_or_voice_tasks_fail_and_the_node_lives(
    ros: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(goals_node, "READY_S", 0.3)
    house = House(ros, tmp_path, Robot(ros))
    house.submit(task(id="t1"))
    house.wait("t1", TaskStatus.STATE_FAILED, error_code=ExecuteTask.Result.NOT_CAPABLE)
    house.submit(task(kind=Task.KIND_SAY, id="t2", text="안녕하세요", language="ko"))
    house.wait("t2", TaskStatus.STATE_FAILED, error_code=ExecuteTask.Result.NOT_SPOKEN)
    house.alarm()
    status = house.wait("respond-a1", TaskStatus.STATE_FAILED)
    assert status.error_code == ExecuteTask.Result.NOT_CAPABLE
    assert status.error_msg


def test_a_lost_robot_does_not_drive(ros: Any, tmp_path: Path) -> None:
    robot = Robot(ros).serve()
    robot.located = False
    house = House(ros, tmp_path, robot)
    house.submit(task(id="t1"))
    house.wait("t1", TaskStatus.STATE_FAILED, error_code=ExecuteTask.Result.LOST)
    assert robot.goals == []


def test_a_stop_ends_tasks_and_halts_alarm_responses(house: House) -> None:
    house.robot.mode = "hold"
    house.submit(task(id="t1"))
    assert house.robot.driving.wait(20.0)
    house.safety(SafetyState.STATE_LATCHED)
    house.wait("t1", TaskStatus.STATE_FAILED, error_code=ExecuteTask.Result.STOPPED)
    assert house.robot.rested.wait(20.0)
    refused = house.submit(task(id="t2"))
    assert refused.error_code == SubmitTask.Response.UNAVAILABLE
    house.alarm()
    house.wait("respond-a1", TaskStatus.STATE_QUEUED)
    assert len(house.robot.goals) == 1
    house.robot.mode = "go"
    house.safety(SafetyState.STATE_CLEAR)
    house.wait("respond-a1", TaskStatus.STATE_RUNNING, arrived=True)


def test_somebody_who_asks_for_help_in_a_check_gets_an_alarm(house: House) -> None:
    house.robot.answer = "도와주세요"
    house.person(6.5, 1.5, room="living_room")
    house.submit(task(kind=Task.KIND_CHECK_ON, id="t1", resident_id="kim"))
    status = house.wait("t1", TaskStatus.STATE_SUCCEEDED)
    assert "help" in status.step_en
    request = house.robot.raised[0]
    assert (request.kind, request.priority) == (Alarm.KIND_HELP, Alarm.PRIORITY_HIGH)
    assert (request.resident_id, request.room, request.by) == ("kim", "living_room", "task_manager")
    assert house.robot.asked == ["check-t1-1"]


def test_a_call_for_help_goes_on_where_a_stop_ends_the_check(house: House) -> None:
    house.robot.answer, house.robot.takes_calls = "도와주세요", False
    house.person(6.5, 1.5, room="living_room")
    house.submit(task(kind=Task.KIND_CHECK_ON, id="t1", resident_id="kim"))
    house.ros.wait_until(lambda: house.robot.raised, "the call for help")
    house.safety(SafetyState.STATE_LATCHED)
    house.wait("t1", TaskStatus.STATE_FAILED, error_code=ExecuteTask.Result.STOPPED)
    refused = len(house.robot.raised)
    house.robot.takes_calls = True
    house.ros.wait_until(lambda: not house.node._skills._helps, "the call that is taken")
    assert len(house.robot.raised) > refused
    assert {request.source_id for request in house.robot.raised} == {"check-t1"}


def test_ears_that_hang_are_given_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_skills_node, "SPEECH_S", 1.0)
    house.node._skills._answer_timeout_s = 0.0
    house.robot.hears = False
    house.person(6.5, 1.5, room="living_room")
    house.submit(task(kind=Task.KIND_CHECK_ON, id="t1", resident_id="kim"))
    house.wait("t1", TaskStatus.STATE_FAILED, error_code=ExecuteTask.Result.NOT_CAPABLE)
    house.robot.released.set()


def test_silence_in_a_check_is_not_well(house: House) -> None:
    house.robot.answer = ""
    house.person(6.5, 1.5, room="living_room")
    house.submit(task(kind=Task.KIND_CHECK_ON, id="t1", resident_id="kim"))
    house.wait("t1", TaskStatus.STATE_FAILED, error_code=ExecuteTask.Result.NO_ANSWER)
    assert len(house.robot.asked) == 3


def test_a_task_ends_at_its_time_limit(house: House) -> None:
    house.robot.mode = "hold"
    house.submit(task(id="t1", time_limit=0.5))
    house.wait("t1", TaskStatus.STATE_FAILED, error_code=ExecuteTask.Result.TIME_LIMIT)
    assert house.robot.rested.wait(20.0)


def test_a_node_that_is_started_again_goes_on_and_calls_off_what_was_left(house: House) -> None:
    house.robot.mode = "hold"
    house.submit(task(id="t1"))
    assert house.robot.driving.wait(20.0)
    house.alarm()
    house.wait("respond-a1", TaskStatus.STATE_RUNNING)
    house.ros.wait_until(lambda: len(house.robot.goals) == 2, "the way to the person")
    before = len(house.tasks.messages)
    # As after SIGKILL: nothing is called off, and the store is only there for the next process.
    house.node._runner = None
    house.node.trigger_deactivate()
    assert not house.robot.rested.is_set()
    house.node.trigger_activate()
    assert house.robot.rested.wait(20.0)
    house.robot.mode = "go"
    house.robot.released.set()
    status = house.wait("respond-a1", TaskStatus.STATE_RUNNING, after=before, arrived=True)
    assert status.task.alarm_id == "a1"


def test_a_response_of_the_last_run_waits_for_the_alarms(house: House) -> None:
    house.alarm()
    house.wait("respond-a1", TaskStatus.STATE_RUNNING, arrived=True)
    house.node.trigger_deactivate()
    before = len(house.tasks.messages)
    house.node._skills.has_alarms, house.node._skills._alarms = False, AlarmArray()  # as a new process has it
    house.node.trigger_activate()
    house.ros.wait_until(lambda: len(house.tasks.messages) > before, "the first word after the restart")
    house.alarm()
    house.wait("respond-a1", TaskStatus.STATE_RUNNING, after=before, arrived=True)
    states = [s.state for m in house.tasks.messages for s in m.tasks if s.task.id == "respond-a1"]
    assert TaskStatus.STATE_FAILED not in states


def test_nonsense_on_the_topics_does_not_stop_the_robot(house: House) -> None:
    nan = float("nan")
    lost = Person(id="p1", position_valid=True)
    lost.position.x = nan
    odd = Person(id="p2", position_valid=True, look_again=True, look_again_bearing=nan, posture=99)
    odd.body.world_landmarks, odd.body.visibility = [nan] * 99, [1.0] * 33
    event = FallEvent(id="e1", position_valid=True)
    event.position.y = nan
    far = Person(id="p3", position_valid=True)  # so far that a look along the map would never end
    far.position.x = 1e9
    people = house.ros.publisher(PersonArray, "people", qos.STATE)
    falls = house.ros.publisher(FallEventArray, "falls", qos.LATCHED)
    people.publish(PersonArray(people=[lost, odd, far, Person(id="x" * 10_000)]))
    falls.publish(FallEventArray(events=[event]))
    house.alarm("a" * 300, kind=99, state=77, source_id="e1", room="\x00")
    house.safety(200)
    house.ros.wait_until(lambda: house.node._skills.safety is not None, "the safety's word")
    assert [(p.id, len(p.body), p.look_again_rad) for p in house.node._skills.people()] == [("p2", 0, None)]
    assert house.node._skills.all_alarms()[0].alarm.xy is None
    assert house.node._skills.stopped()  # an unknown state counts as latched, as for the controllers
    house.safety(SafetyState.STATE_CLEAR)
    house.ros.wait_until(lambda: house.submit(task(id="t1")).success, "the task")
    house.wait("t1", TaskStatus.STATE_SUCCEEDED)


def test_nobody_gets_in_the_way_of_an_alarm_response(house: House) -> None:
    soon_over = task(kind=Task.KIND_RESPOND_TO_FALL, priority=5, alarm_id="a1", time_limit=0.01)
    taken_id = task(id="respond-a1")
    for request in (soon_over, taken_id):
        answer = house.submit(request)
        assert (answer.success, answer.error_code) == (False, SubmitTask.Response.INVALID)
        assert answer.error_msg
    status, result = Goal(house, soon_over).result()
    assert (status, result.error_code) == (GoalStatus.STATUS_ABORTED, ExecuteTask.Result.TASK_INVALID)
    house.alarm()
    house.wait("respond-a1", TaskStatus.STATE_RUNNING, arrived=True)


def test_a_drive_of_before_is_called_off_again_where_nobody_has_answered(
    ros: Any, robot: Robot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    call_async = Client.call_async

    def lose_the_first(client: Any, request: Any) -> Any:
        if not isinstance(request, CancelGoal.Request) or not client.srv_name.endswith("cancel_goal"):
            return call_async(client, request)
        calls.append(request)
        return call_async(client, request) if len(calls) > 1 else Future()

    monkeypatch.setattr(Client, "call_async", lose_the_first)
    house = House(ros, tmp_path, robot)
    house.submit(task(id="t1"))
    house.wait("t1", TaskStatus.STATE_SUCCEEDED)
    assert len(calls) == 2


def test_a_body_is_known_where_its_camera_is_known(house: House) -> None:
    camera = Pose.from_rpy(0.0, 0.0, 2.0, roll=-math.pi / 2.0)  # looks along y
    static = TransformBroadcaster(house.robot.node, static=True)
    static.send("map", "bedroom_camera_optical_frame", camera, 1.0)
    person = Person(id="p1", position_valid=True, camera="bedroom_camera")
    person.position.x, person.position.y = 2.0, 1.5
    person.body.world_landmarks = [0.5, 0.0, 0.0, 0.0, 0.0, 0.25, *[9.0] * 93]
    person.body.visibility = [1.0, 0.9, *[0.1] * 31]  # the others are hidden
    people = house.ros.publisher(PersonArray, "people", qos.STATE)

    def body() -> list[list[float]]:
        people.publish(PersonArray(people=[person]))
        seen = house.node._skills.people()
        return seen[0].body.round(3).tolist() if seen else []

    house.ros.wait_until(lambda: len(body()) == 2, "the body")
    assert body() == [
        [2.5, 1.5],
        [2.0, 1.75],
    ]  # what is ahead of the camera is along y; the hidden is left out


@pytest.mark.parametrize(("position", "folds"), [(0.4, 1), (0.0, 0)])
def test_an_arm_is_folded_at_the_end_where_it_is_not(
    ros: Any, robot: Robot, tmp_path: Path, position: float, folds: int
) -> None:
    trajectories: list[Any] = []

    def follow(goal: Any) -> Any:
        trajectories.append(goal.request.trajectory)
        goal.succeed()
        return FollowJointTrajectory.Result()

    name = "arm_controller/follow_joint_trajectory"
    robot.servers.append(ActionServer(ros.tester, FollowJointTrajectory, name, follow))
    house = House(ros, tmp_path, robot, parts=["base", "speech", "arm"], stow_joints=["arm_joint_1"])
    joints = ros.publisher(JointState, "joint_states", qos.SENSOR)

    def known() -> bool:
        joints.publish(JointState(name=["arm_joint_1"], position=[position]))
        return bool(house.node._skills._joints.name)

    ros.wait_until(known, "the joints")
    house.submit(task(id="t1"))
    house.wait("t1", TaskStatus.STATE_SUCCEEDED)
    assert len(trajectories) == folds
    assert all(list(t.points[0].positions) == [0.0] for t in trajectories)


def test_an_inactive_node_takes_nothing(house: House) -> None:
    house.node.trigger_deactivate()
    assert house.submit(task()).error_code == SubmitTask.Response.UNAVAILABLE
    assert not Goal(house, task()).handle.accepted


@pytest.mark.parametrize("parameters", [{"parts": ["wings"]}, {"places_file": "/nonexistent.yaml"}])
def test_what_cannot_be_configured_is_said(ros: Any, parameters: dict[str, Any]) -> None:
    node = ros.node(TaskManagerNode, start=False, **parameters)
    assert node.trigger_configure().name == "FAILURE"
    assert next(iter(parameters.values()))[0] in node.trouble or "nonexistent" in node.trouble
