"""The whole system under faults: no alarm is lost, and what cannot run says why."""

import os
import queue
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rclpy
from care_robot_msgs.msg import FallEvent, FallEventArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.context import Context
from rclpy.node import Node

from care_robot.bringup.domain import own_domain
from care_robot.bringup.launch_xml import load_plan
from care_robot.bringup.launcher import find_launch_file
from care_robot.bringup.supervisor import Event, Launcher, OutputLine, Started
from care_robot.care.alarms import AlarmKind, AlarmState
from care_robot.console.events import AlarmSeen
from care_robot.console.operator_node import Operator
from care_robot.console.pager import Pager
from care_robot.ros import qos

pytestmark = pytest.mark.system
DEADLINE_S = 120.0  # of a step on a busy machine; only a broken test reaches it


class System:
    """The launch without a camera; the test publishes falls in the place of fall_detector."""

    def __init__(self, folder: Path, webhook_url: str, **more: str) -> None:
        arguments = {"image_topic": "nobody/image_raw", "data_dir": str(folder), "webhook_url": webhook_url}
        self.lines: list[str] = []
        self.pids: queue.Queue[tuple[str, int]] = queue.Queue()
        self.ready = threading.Event()
        plan = load_plan(find_launch_file("bringup"), {**arguments, **more}, os.environ)
        self.launcher = Launcher(plan, self.note, show=False)

    def note(self, event: Event) -> None:
        if isinstance(event, Started):
            self.pids.put((event.label, event.pid))
        elif isinstance(event, OutputLine):
            self.lines.append(event.text)
            if "nodes are active" in event.text:
                self.ready.set()

    def pid_of_next(self, label: str) -> int:
        """The process id of the next start of a node."""
        while True:
            started, pid = self.pids.get(timeout=DEADLINE_S)
            if started == label:
                return pid

    def says(self, words: str) -> bool:
        return any(words in line for line in self.lines)


Start = Callable[..., System]


@pytest.fixture(autouse=True)
def domain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with own_domain({}) as number:
        monkeypatch.setenv("ROS_DOMAIN_ID", str(number))
        yield


@pytest.fixture
def pages() -> Iterator[tuple[str, "queue.Queue[dict[str, Any]]"]]:
    received: queue.Queue[dict[str, Any]] = queue.Queue()

    def receive(page: dict[str, Any]) -> None:
        if page["kind"] == "fall":  # the launch's camera gives no picture, and that is paged too
            received.put(page)

    with Pager(receive) as pager:
        yield pager.url, received


def publish_fall(context: Context, event_id: str) -> Node:
    """Latch one confirmed fall on `falls`, as fall_detector does; the node keeps it there."""
    node = Node("fall_source", context=context)
    now = node.get_clock().now().to_msg()
    event = FallEvent(
        id=event_id, kind=FallEvent.KIND_FALL, state=FallEvent.STATE_CONFIRMED, person_id="body_a"
    )
    event.camera, event.room, event.start, event.confirmed_at = "kitchen_camera", "kitchen", now, now
    message = FallEventArray(events=[event])
    message.header.stamp = now
    node.create_publisher(FallEventArray, "falls", qos.LATCHED).publish(message)
    return node


def wait_for(operator: Operator, holds: Callable[[AlarmSeen], bool]) -> AlarmSeen:
    """The first alarm that holds, as the latched topic shows it."""
    arrived: queue.Queue[AlarmSeen] = queue.Queue()
    operator.watch(lambda event: arrived.put(event) if isinstance(event, AlarmSeen) else None)
    while True:
        if holds(alarm := arrived.get(timeout=DEADLINE_S)):
            return alarm


def test_a_care_manager_killed_while_it_asks_still_gets_a_human(
    tmp_path: Path, pages: tuple[str, "queue.Queue[dict[str, Any]]"]
) -> None:
    url, received = pages
    system = System(tmp_path, url)
    context = Context()
    rclpy.init(context=context)
    with system.launcher, Operator(timeout_s=DEADLINE_S) as operator:
        pid = system.pid_of_next("care_manager")
        assert system.ready.wait(DEADLINE_S)
        source = publish_fall(context, "fall-1")
        alarm = wait_for(operator, lambda a: a.state is AlarmState.CONFIRMING)
        os.kill(pid, signal.SIGKILL)

        page = received.get(timeout=DEADLINE_S)
        assert page["alarm_id"] == alarm.id
        operator.acknowledge(alarm.id, "간호사")
        assert wait_for(operator, lambda a: a.state is AlarmState.ACKNOWLEDGED).acknowledged_by == "간호사"
        source.destroy_node()
    rclpy.shutdown(context=context)
    with sqlite3.connect(tmp_path / "care.db") as database:
        falls = database.execute("SELECT id FROM alarms WHERE kind = ?", (AlarmKind.FALL.value,))
        assert falls.fetchall() == [(alarm.id,)]
        of_it = database.execute("SELECT event FROM alarm_events WHERE alarm_id = ? ORDER BY n", (alarm.id,))
        steps = [row[0] for row in of_it]
    assert steps[:2] == ["raised", "asked"]
    assert received.empty()


def test_a_node_that_somebody_shuts_down_is_started_again(tmp_path: Path) -> None:
    system = System(tmp_path, "")
    context = Context()
    rclpy.init(context=context)
    with system.launcher:
        first = system.pid_of_next("fall_detector")
        assert system.ready.wait(DEADLINE_S)
        node = Node("stranger", context=context)
        client = node.create_client(ChangeState, "fall_detector/change_state")
        assert client.wait_for_service(DEADLINE_S)
        shut_down = Transition(id=Transition.TRANSITION_ACTIVE_SHUTDOWN)
        client.call_async(ChangeState.Request(transition=shut_down))
        assert system.pid_of_next("fall_detector") != first
        node.destroy_node()
    rclpy.shutdown(context=context)


def test_a_bad_configuration_ends_the_launch_with_its_sentence(tmp_path: Path) -> None:
    config = tmp_path / "care.yaml"
    config.write_text("setting: home\ntimeouts: {answer_s: 15 minutes}\n", encoding="utf-8")
    system = System(tmp_path, "", care_config=str(config))
    with system.launcher:
        assert system.launcher.wait(DEADLINE_S) == 1
    assert system.says("timeouts.answer_s")


def test_a_database_of_a_newer_version_ends_the_launch_and_is_left_as_it_is(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "care.db") as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
    before = (tmp_path / "care.db").read_bytes()
    system = System(tmp_path, "")
    with system.launcher:
        assert system.launcher.wait(DEADLINE_S) == 1
    assert system.says("newer")
    assert (tmp_path / "care.db").read_bytes() == before


def test_a_second_system_on_the_same_database_says_who_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = System(tmp_path, "")
    with first.launcher:
        pid = first.pid_of_next("care_manager")
        assert first.ready.wait(DEADLINE_S)
        with own_domain({}) as number:
            monkeypatch.setenv("ROS_DOMAIN_ID", str(number))
            second = System(tmp_path, "")
            with second.launcher:
                assert second.launcher.wait(DEADLINE_S) == 1
        assert second.says(f"in use by the process {pid}")
        assert first.launcher.wait(0.0) is None


def test_without_a_speech_engine_the_question_is_shown_and_a_human_is_called(
    tmp_path: Path, pages: tuple[str, "queue.Queue[dict[str, Any]]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A path on which espeak-ng is not, and nothing else is needed.
    monkeypatch.setenv("PATH", "/nowhere")
    url, received = pages
    system = System(tmp_path, url)
    context = Context()
    rclpy.init(context=context)
    with system.launcher:
        assert system.ready.wait(DEADLINE_S)
        source = publish_fall(context, "fall-2")
        assert received.get(timeout=DEADLINE_S)["kind"]
        source.destroy_node()
    rclpy.shutdown(context=context)
    assert system.says("espeak-ng")
