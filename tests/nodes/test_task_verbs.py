"""`./care task`: what a human asks of the robot, and what the answers look like."""

import json
import math
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from care_robot_msgs.msg import Task, TaskArray, TaskStatus, TaskTree, TreeNode
from care_robot_msgs.srv import CancelTask, SubmitTask
from typer.testing import CliRunner, Result

from care_robot.care.text import Text
from care_robot.console.errors import UsageError
from care_robot.console.task_client_node import TaskClient
from care_robot.console.task_view import NodeSeen, TaskSeen, TreeSeen, plain
from care_robot.console.tasks import Kind, Rank, task_app
from care_robot.planning import tasks as planning
from care_robot.planning.task_queue import TaskQueue
from care_robot.planning.task_store import TaskStore
from care_robot.ros import qos

QUEUED, RUNNING, SUCCEEDED = TaskStatus.STATE_QUEUED, TaskStatus.STATE_RUNNING, TaskStatus.STATE_SUCCEEDED
FAILED, CANCELED = TaskStatus.STATE_FAILED, TaskStatus.STATE_CANCELED
GO = ("add", "go_to", "--place", "kitchen", "--by", "김 간호사")


class Manager:
    """Stands where the task manager stands: takes tasks and lets them go as the test says."""

    def __init__(self, ros: Any) -> None:
        self.asked: list[Any] = []
        self.refusal = ""
        self.way: list[tuple[int, str]] = [(QUEUED, "")]
        self.statuses = [self.status("ab123456", RUNNING), self.status("ab12ffff"), self.status("cd56")]
        self.tasks = ros.tester.create_publisher(TaskArray, "tasks", qos.LATCHED)
        self.trees = ros.tester.create_publisher(TaskTree, "tasks/tree", qos.LATCHED)
        ros.tester.create_service(SubmitTask, "tasks/submit", self.submit)
        ros.tester.create_service(CancelTask, "tasks/cancel", self.cancel)
        self.publish()

    def status(self, task_id: str, state: int = QUEUED, step: str = "") -> TaskStatus:
        task = Task(id=task_id, kind=Task.KIND_GO_TO, priority=Task.PRIORITY_OPERATOR, by="a [/b] \x1b[31m")
        task.places = ["kitchen"]
        message = TaskStatus(task=task, state=state, step_ko=step, step_en=step.upper())
        message.submitted_at.sec = 1_800_000_000
        if state in (FAILED, CANCELED):
            message.error_code, message.error_msg = 308, "길이 없습니다. / There is no way."
        return message

    def publish(self) -> None:
        self.tasks.publish(TaskArray(tasks=self.statuses))

    def submit(self, request: Any, response: Any) -> Any:
        self.asked.append(request.task)
        response.success, response.error_msg = not self.refusal, self.refusal
        response.task_id = request.task.id or "ef789012"
        threading.Thread(target=self.go, args=(response.task_id,)).start()
        return response

    def go(self, task_id: str) -> None:
        for state, step in self.way:
            self.statuses = [self.status(task_id, state, step)]
            self.publish()

    def cancel(self, request: Any, response: Any) -> Any:
        self.asked.append(request)
        response.success = request.task_id != "cd56"
        response.error_msg = "이미 끝난 작업입니다. / The task has ended already."
        return response


Care = Callable[..., Result]


@pytest.fixture
def care(ros: Any, monkeypatch: pytest.MonkeyPatch) -> Care:
    monkeypatch.setenv("ROS_DOMAIN_ID", str(ros.domain_id))
    runner = CliRunner()
    return lambda *words: runner.invoke(task_app, list(words))


@pytest.fixture
def manager(ros: Any) -> Manager:
    return Manager(ros)


def test_every_kind_but_the_answer_to_an_alarm_can_be_asked_for() -> None:
    assert {kind.name: kind.value for kind in Kind} == {
        kind.name: kind.word for kind in planning.TaskKind if kind is not planning.TaskKind.RESPOND_TO_FALL
    }
    assert all(rank.name in planning.Priority.__members__ for rank in Rank)


@pytest.mark.usefixtures("manager")
def test_tasks_are_listed_for_people_and_for_programs(care: Care) -> None:
    shown = care("list")
    assert shown.exit_code == 0
    assert "ab123456" in shown.output
    assert "go_to kitchen" in shown.output
    assert "a [/b]" in shown.output
    listed = json.loads(care("list", "--json").output)
    assert [entry["task"]["id"] for entry in listed] == ["ab123456", "ab12ffff", "cd56"]
    assert (listed[0]["task"]["kind"], listed[0]["state"], listed[0]["ended_at"]) == (
        "go_to",
        "running",
        None,
    )


def test_a_task_is_asked_for_with_all_that_was_said(care: Care, manager: Manager) -> None:
    assert care(*GO).exit_code == 0
    words = ("add", "go_to", "--pose", "1.5", "-2", "90", "--by", "kim", "--priority", "medication")
    done = care(*words, "--time-limit", "30", "--id", "mine", "--json")
    assert json.loads(done.output) == {"id": "mine"}
    said = ("add", "say", "--text", "안녕하세요", "--resident", "lee", "--by", "kim")
    assert care(*said).exit_code == 0
    go, pose, say = manager.asked
    assert (go.kind, go.priority, list(go.places), go.by) == (3, 2, ["kitchen"], "김 간호사")
    assert (go.pose.header.frame_id, go.language, go.time_limit) == ("", "", 600.0)
    assert (pose.id, pose.priority, pose.time_limit, list(pose.places)) == ("mine", 3, 30.0, [])
    assert (pose.pose.header.frame_id, pose.pose.pose.position.y) == ("map", -2.0)
    assert pose.pose.pose.orientation.z == pytest.approx(math.sqrt(0.5))
    assert (say.text, say.language, say.resident_id) == ("안녕하세요", "ko", "lee")


@pytest.mark.parametrize(
    ("end", "code"), [(SUCCEEDED, 0), (FAILED, 1), (CANCELED, 3)], ids=["succeeded", "failed", "canceled"]
)
def test_with_wait_it_is_shown_until_its_end_which_is_the_exit_code(
    care: Care, manager: Manager, end: int, code: int
) -> None:
    manager.way = [(QUEUED, ""), (RUNNING, "가는 중"), (end, "")]
    done = care(*GO, "--wait")
    assert done.exit_code == code
    assert ("There is no way." in done.output) == (end != SUCCEEDED)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("cancel", "ab12", "--by", "n"), "2 tasks have an id that begins with 'ab12'"),
        (("cancel", "zzzz", "--by", "n"), "No task has an id that begins with 'zzzz'"),
        (("cancel", "", "--by", "n"), "at least 4 characters"),
        (("cancel", "cd56", "--by", "n"), "The task has ended already."),
        (("list", "--namespace", "bad ns!"), "'bad ns!'"),
        (("add", "fly", "--by", "n"), "'fly'"),
        (("add", "say", "--by", "n", "--priority", "alarm"), "'alarm'"),
        (("show", "ab"), "at least 4 characters"),
        (("show", "ab123456", "--data-dir", "/nowhere/at all"), "/nowhere/at all/tasks.db"),
    ],
)
@pytest.mark.usefixtures("manager")
def test_a_refusal_is_a_sentence_and_exit_code_2(care: Care, words: tuple[str, ...], sentence: str) -> None:
    result = care(*words)
    assert result.exit_code == 2
    assert sentence in " ".join(result.output.split())


def test_what_the_manager_refuses_is_told_in_its_words(care: Care, manager: Manager) -> None:
    manager.refusal = "places: 'moon' 장소를 모릅니다. / places: There is no place 'moon'."
    result = care(*GO, "--wait")
    assert result.exit_code == 2
    assert manager.refusal in " ".join(result.output.split())


def test_a_task_is_canceled_by_the_beginning_of_its_id(care: Care, manager: Manager) -> None:
    done = care("cancel", "ab1234", "--by", "김 간호사", "--reason", "필요 없음", "--json")
    assert json.loads(done.output) == {"id": "ab123456", "by": "김 간호사"}
    (request,) = manager.asked
    assert (request.task_id, request.by, request.reason) == ("ab123456", "김 간호사", "필요 없음")


def test_a_task_of_an_unknown_kind_is_told_and_no_traceback(care: Care, manager: Manager) -> None:
    manager.statuses[0].task.kind = 99
    manager.publish()
    result = care("list")
    assert result.exit_code == 2
    assert "another version" in result.output


def test_a_history_is_shown_with_its_reasons(care: Care, tmp_path: Path) -> None:
    now = datetime(2026, 3, 1, tzinfo=timezone.utc)
    with TaskStore(tmp_path, now) as store:
        queue = TaskQueue(store, lambda _: None, now, store.snapshot)
        task = planning.Task(planning.TaskKind.SAY, planning.Priority.OPERATOR, "[red]kim", 60.0, id="t-1234")
        queue.submit(now, task)
        queue.cancel(now + timedelta(seconds=5), "t-1234", "lee", "늦었음")
        shown = care("show", "t-12", "--data-dir", str(tmp_path))
        told = json.loads(care("show", "t-1234", "--data-dir", str(tmp_path), "--json").output)
    assert shown.exit_code == 0
    assert "[red]kim" in shown.output
    assert "늦었음" in shown.output
    assert [event["event"] for event in told["history"]] == ["submitted", "ended"]
    assert told["history"][1]["reason"]["en"] == "Canceled by lee. 늦었음"
    assert (told["record"]["state"], told["record"]["task"]["kind"]) == ("canceled", "say")


def test_the_tree_of_the_task_that_runs_is_printed(care: Care, manager: Manager) -> None:
    manager.trees.publish(TaskTree())
    assert "No task runs." in care("tree").output
    nodes = [
        TreeNode(depth=0, name="순찰", type="Sequence", status=TreeNode.STATUS_RUNNING),
        TreeNode(depth=1, name="[b]", type="Drive", status=TreeNode.STATUS_FAILED, feedback="no way"),
        TreeNode(depth=1, name="new", type="Drive", status=200),
    ]
    manager.trees.publish(TaskTree(task_id="ab12", nodes=nodes))
    with TaskClient() as client:
        assert client.tree().task_id == "ab12"
    lines = care("tree").output.splitlines()
    assert lines == ["Task ab12", "* 순찰 (Sequence)", "  x [b] (Drive): no way", "  ? new (Drive)"]
    told = json.loads(care("tree", "--json").output)
    assert (told["task_id"], told["nodes"][1]["feedback"]) == ("ab12", "no way")


class _EnoughError(Exception):
    """The test has seen what it waited for."""


@pytest.mark.usefixtures("care")
def test_a_tree_is_followed(manager: Manager) -> None:
    manager.trees.publish(TaskTree(task_id="first"))
    seen: list[str] = []

    def show(tree: TreeSeen) -> None:
        seen.append(tree.task_id)
        if tree.task_id == "second":
            raise _EnoughError
        manager.trees.publish(TaskTree(task_id="second"))

    with TaskClient() as client, pytest.raises(_EnoughError):
        client.follow_tree(show)
    assert seen == ["first", "second"]


@pytest.mark.usefixtures("care")
def test_a_manager_that_dies_under_way_is_told(ros: Any, manager: Manager) -> None:
    def show(task: TaskSeen) -> None:
        ros.tester.destroy_publisher(manager.tasks)

    with TaskClient() as client, pytest.raises(UsageError, match="has gone"):
        client.follow("cd56", show)


@pytest.mark.usefixtures("care")
def test_without_a_running_system_it_says_so() -> None:
    go = planning.Task(planning.TaskKind.DOCK, planning.Priority.OPERATOR, "kim", 60.0)
    with TaskClient(timeout_s=0.5) as client:
        for ask in (
            client.tasks,
            client.tree,
            lambda: client.submit(go),
            lambda: client.cancel("a", "b", "c"),
        ):
            with pytest.raises(UsageError, match=r"\./care up"):
                ask()


def test_what_is_printed_for_programs_is_plain() -> None:
    seen = TreeSeen("t", (NodeSeen(0, "n", "Sequence", 1, ""),))
    assert json.loads(json.dumps(plain(seen)))["nodes"][0]["name"] == "n"
    assert plain([Text("가", "a"), planning.TaskState.RUNNING]) == [{"ko": "가", "en": "a"}, "running"]
