"""The care_manager node: topics, services and actions around a real database and real pages."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from care_robot_msgs.action import Ask
from care_robot_msgs.msg import Alarm, AlarmArray, Evidence, FallEvent, FallEventArray, Utterance
from care_robot_msgs.srv import AcknowledgeAlarm, RaiseAlarm, ResolveAlarm
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rosgraph_msgs.msg import Clock

from care_robot.care.alarms import AlarmKind, AlarmState, Priority
from care_robot.care.care_manager_node import CareManagerNode
from care_robot.care.inputs import FallState
from care_robot.care.store import AlarmStore
from care_robot.console.pager import Pager
from care_robot.gateways.notifications import Notifier
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds, to_stamp

TIMEOUT_S = 20.0


class Speech:
    """The `ask` action, answering with the next of `answers`; none is silence."""

    def __init__(self, ros: Any, answers: list[str | None], *, reject: bool = False) -> None:
        self.questions: list[str] = []
        self.canceled = threading.Event()
        self._answers = answers
        self._server = ActionServer(
            ros.tester,
            Ask,
            "ask",
            self._execute,
            callback_group=ReentrantCallbackGroup(),
            goal_callback=lambda _: GoalResponse.REJECT if reject else GoalResponse.ACCEPT,
            cancel_callback=self._cancel,
        )

    def _cancel(self, _goal: Any) -> CancelResponse:
        self.canceled.set()
        return CancelResponse.ACCEPT

    def _execute(self, goal: Any) -> Any:
        self.questions.append(goal.request.question)
        self.choices = list(goal.request.choices)
        result = Ask.Result(error_code=Ask.Result.NO_ANSWER, audible=True)
        answer = self._answers.pop(0) if self._answers else None
        if answer == "hang":
            self.canceled.wait(TIMEOUT_S)
            goal.canceled()
            return result
        if answer is not None:
            result.error_code = Ask.Result.NONE
            result.answer = Utterance(text=answer, language="ko", confidence=1.0)
        goal.succeed()
        return result


@pytest.fixture
def phone() -> Iterator[tuple[str, "Queue[dict[str, Any]]"]]:
    """Address of a carer's telephone, and the pages that it shows."""
    pages: Queue[dict[str, Any]] = Queue()
    with Pager(pages.put) as pager:
        yield pager.url, pages


@pytest.fixture
def care(ros: Any, tmp_path: Path, phone: Any) -> Callable[..., Any]:
    """Starts the node on this test's database and telephone."""

    def start(**parameters: Any) -> Any:
        return ros.node(CareManagerNode, **{"data_dir": str(tmp_path), "webhook_url": phone[0], **parameters})

    return start


def fall(ros: Any, state: int = FallEvent.STATE_CONFIRMED, **fields: Any) -> FallEvent:
    now = ros.tester.get_clock().now().to_msg()
    event = FallEvent(
        id="f1", kind=FallEvent.KIND_FALL, state=state, room="living_room", start=now, confirmed_at=now
    )
    for name, value in fields.items():
        setattr(event, name, value)
    return event


def falls(ros: Any) -> Callable[[FallEvent], None]:
    publisher = ros.publisher(FallEventArray, "falls", qos.LATCHED)
    return lambda event: publisher.publish(FallEventArray(events=[event]))


def the_alarm(inbox: Any, fits: Callable[[Any], bool]) -> Any:
    """The one care alarm, as soon as it is published so that it fits."""

    def care_alarms(message: Any) -> list[Any]:
        return [a for a in message.alarms if a.priority != Alarm.PRIORITY_TECHNICAL]

    message = inbox.wait(lambda m: len(care_alarms(m)) == 1 and fits(care_alarms(m)[0]))
    return care_alarms(message)[0]


def in_state(state: int) -> Callable[[Any], bool]:
    return lambda alarm: alarm.state == state


def events(alarm: Any) -> list[str]:
    return [step.event for step in alarm.history]


def test_a_fall_with_no_answer_reaches_a_human_who_takes_and_ends_it(ros: Any, care: Any, phone: Any) -> None:
    speech = Speech(ros, [])
    alarms = ros.inbox(AlarmArray, "alarms", qos.LATCHED)
    care()
    falls(ros)(fall(ros))
    page = phone[1].get(timeout=TIMEOUT_S)
    alarm = the_alarm(alarms, lambda a: "page_delivered" in events(a))
    assert (page["alarm_id"], page["repeat"], page["room"]) == (alarm.id, False, "living_room")
    assert len(speech.questions) == 2
    assert speech.choices == ["괜찮아요", "도와주세요"]
    assert events(alarm)[:6] == ["raised", "asked", "no_answer", "asked", "no_answer", "paged"]
    assert (alarm.state, alarm.tier, alarm.stored) == (Alarm.STATE_NOTIFIED, 1, True)
    assert (alarm.priority, alarm.source_id, alarm.occurrences) == (Alarm.PRIORITY_HIGH, "f1", 1)

    taken = ros.call(
        AcknowledgeAlarm, "alarms/acknowledge", AcknowledgeAlarm.Request(alarm_id=alarm.id, by="박 간호사")
    )
    assert (taken.success, taken.error_code) == (True, 0)
    assert the_alarm(alarms, in_state(Alarm.STATE_ACKNOWLEDGED)).acknowledged_by == "박 간호사"

    there = AcknowledgeAlarm.Request(alarm_id=alarm.id, by="박 간호사", attended=True)
    assert ros.call(AcknowledgeAlarm, "alarms/acknowledge", there).success
    the_alarm(alarms, in_state(Alarm.STATE_ATTENDED))

    request = ResolveAlarm.Request(alarm_id=alarm.id, by="박 간호사", reason="helped up")
    assert ros.call(ResolveAlarm, "alarms/resolve", request).success
    ended = the_alarm(alarms, in_state(Alarm.STATE_RESOLVED))
    assert (ended.resolved_by, ended.resolution) == ("박 간호사", "helped up")
    assert to_seconds(ended.resolved_at) >= to_seconds(ended.raised_at)


def test_ok_and_up_again_ends_it_without_a_page(ros: Any, care: Any, phone: Any) -> None:
    Speech(ros, ["네, 괜찮아요"])
    alarms = ros.inbox(AlarmArray, "alarms", qos.LATCHED)
    care()
    publish = falls(ros)
    publish(fall(ros))
    the_alarm(alarms, lambda a: "answered_ok" in events(a))
    publish(fall(ros, FallEvent.STATE_RECOVERED))
    the_alarm(alarms, in_state(Alarm.STATE_RESOLVED))
    assert phone[1].empty()


def test_without_speech_a_human_is_paged_all_the_same(ros: Any, care: Any, phone: Any) -> None:
    care()
    falls(ros)(fall(ros))
    assert phone[1].get(timeout=TIMEOUT_S)["kind"] == "fall"


def test_speech_that_refuses_is_no_answer(ros: Any, care: Any, phone: Any) -> None:
    Speech(ros, [], reject=True)
    alarms = ros.inbox(AlarmArray, "alarms", qos.LATCHED)
    care()
    falls(ros)(fall(ros))
    phone[1].get(timeout=TIMEOUT_S)
    assert "speech_failed" in events(the_alarm(alarms, in_state(Alarm.STATE_NOTIFIED)))


def test_a_call_for_help_is_paged_within_five_seconds(ros: Any, care: Any, phone: Any) -> None:
    alarms = ros.inbox(AlarmArray, "alarms", qos.LATCHED)
    care()
    heard = Utterance(text="도와주세요", language="ko", confidence=1.0)
    heard.header.stamp = ros.tester.get_clock().now().to_msg()
    ros.publisher(Utterance, "utterance", qos.STATE).publish(heard)
    assert phone[1].get(timeout=TIMEOUT_S)["kind"] == "help"
    alarm = the_alarm(alarms, in_state(Alarm.STATE_NOTIFIED))
    assert to_seconds(alarm.updated_at) - to_seconds(heard.header.stamp) <= 5.0


def test_a_late_subscriber_and_a_restarted_node_know_the_open_alarms(ros: Any, care: Any, phone: Any) -> None:
    Speech(ros, ["도와줘"])
    first = care()
    falls(ros)(fall(ros))
    page = phone[1].get(timeout=TIMEOUT_S)
    alarm = the_alarm(ros.inbox(AlarmArray, "alarms", qos.LATCHED), lambda a: "page_delivered" in events(a))
    assert first.trigger_shutdown().name == "SUCCESS"
    alarms = ros.inbox(AlarmArray, "alarms", qos.LATCHED)
    care()
    falls(ros)(fall(ros))  # the fall is still being repeated
    again = the_alarm(alarms, in_state(Alarm.STATE_NOTIFIED))
    assert (again.id, again.occurrences, events(again)) == (alarm.id, 1, events(alarm))
    assert page["alarm_id"] == again.id
    assert phone[1].empty()


def test_an_alarm_raised_by_another_program_is_paged_once(ros: Any, care: Any, phone: Any) -> None:
    care()
    request = RaiseAlarm.Request(
        kind=Alarm.KIND_ENVIRONMENT,
        priority=Alarm.PRIORITY_HIGH,
        source_id="smoke-1",
        by="sensor",
        reason="smoke",
    )
    first, second = (ros.call(RaiseAlarm, "alarms/raise", request) for _ in range(2))
    assert first.success
    assert first.alarm_id == second.alarm_id != ""
    assert phone[1].get(timeout=TIMEOUT_S)["alarm_id"] == first.alarm_id
    assert phone[1].empty()


@pytest.mark.parametrize(
    ("service", "name", "fields", "code"),
    [
        (
            AcknowledgeAlarm,
            "acknowledge",
            {"alarm_id": "x", "by": "Park"},
            AcknowledgeAlarm.Response.UNKNOWN_ALARM,
        ),
        (
            AcknowledgeAlarm,
            "acknowledge",
            {"alarm_id": "x", "by": ""},
            AcknowledgeAlarm.Response.NAME_MISSING,
        ),
        (ResolveAlarm, "resolve", {"alarm_id": "x", "by": "Park"}, ResolveAlarm.Response.REASON_MISSING),
        (ResolveAlarm, "resolve", {"alarm_id": "x", "reason": "y"}, ResolveAlarm.Response.NAME_MISSING),
        (RaiseAlarm, "raise", {"kind": 200, "priority": 3}, RaiseAlarm.Response.INVALID),
        (RaiseAlarm, "raise", {"kind": 4, "priority": 200}, RaiseAlarm.Response.INVALID),
    ],
)
def test_a_request_that_cannot_be_done_says_why(
    ros: Any, care: Any, *, service: Any, name: str, fields: dict[str, Any], code: int
) -> None:
    care()
    response = ros.call(service, f"alarms/{name}", service.Request(**fields))
    assert (response.success, response.error_code) == (False, code)
    assert response.error_msg


def test_hostile_messages_raise_alarms_and_break_nothing(ros: Any, care: Any, phone: Any) -> None:
    alarms = ros.inbox(AlarmArray, "alarms", qos.LATCHED)
    node = care()
    text = "'; DROP TABLE alarms; --\x1b[31m" + "x" * 10_000
    event = fall(ros, id=text, room=text, person_id=text, camera=text, score=float("nan"), state=77, kind=200)
    event.evidence = [Evidence(name=text, value=float("inf"), unit=text, threshold=float("nan"))]
    event.start = to_stamp(2.0**31 - 1)
    event.confirmed_at.sec, event.confirmed_at.nanosec = -5, 2**32 - 1
    falls(ros)(event)
    ros.publisher(Utterance, "utterance", qos.STATE).publish(Utterance(text=text, confidence=float("nan")))
    alarm = the_alarm(alarms, in_state(Alarm.STATE_NOTIFIED))
    assert alarm.stored
    assert alarm.kind == Alarm.KIND_FALL
    assert phone[1].get(timeout=TIMEOUT_S)["alarm_id"] == alarm.id
    assert node._callback_errors == 0


def test_deadlines_follow_simulated_time(ros: Any, care: Any, phone: Any) -> None:
    """A question that hangs for ever: the first page and the next tier come by the simulated clock alone."""
    speech = Speech(ros, ["hang"])
    alarms = ros.inbox(AlarmArray, "alarms", qos.LATCHED)
    care(use_sim_time=True)
    clock = ros.publisher(Clock, "/clock", qos.SENSOR)
    publish = falls(ros)
    stopped = threading.Event()
    t_s = 1000.0

    def run_clock() -> None:
        nonlocal t_s
        while not stopped.wait(0.02):
            t_s += 1.0
            clock.publish(Clock(clock=to_stamp(t_s)))

    threading.Thread(target=run_clock, daemon=True).start()
    try:
        # In the stamps of the simulation, as the fall detector writes them.
        ros.wait_until(lambda: t_s > 1005.0, "the clock to run")
        publish(fall(ros, start=to_stamp(t_s), confirmed_at=to_stamp(t_s)))
        first, second = (phone[1].get(timeout=TIMEOUT_S) for _ in range(2))
    finally:
        stopped.set()
    assert first["page_id"] != second["page_id"]
    assert speech.canceled.wait(TIMEOUT_S)
    alarm = the_alarm(alarms, lambda a: events(a).count("paged") == 2)
    raised_s = to_seconds(alarm.raised_at)
    paged_s = [to_seconds(s.stamp) - raised_s for s in alarm.history if s.event == "paged"]
    assert 26.0 <= paged_s[0] <= 75.0
    assert 120.0 <= paged_s[1] - paged_s[0] <= 130.0


# What it cannot be started with ----------------------------------------------------------------------


def refusal(ros: Any, **parameters: Any) -> str:
    node = ros.node(CareManagerNode, start=False, **parameters)
    node.activate_self()
    assert node.exit_code == 1
    assert not node.active
    return str(node.trouble)


def test_a_second_instance_is_refused(ros: Any, care: Any, tmp_path: Path, phone: Any) -> None:
    care()
    sentence = refusal(ros, data_dir=str(tmp_path), webhook_url=phone[0])
    assert str(tmp_path / "care.db") in sentence
    assert "in use" in sentence
    assert phone[1].empty()


def test_a_damaged_database_is_replaced_and_a_human_is_told_which(
    ros: Any, care: Any, tmp_path: Path, phone: Any
) -> None:
    (tmp_path / "care.db").write_bytes(b"shopping list" * 1000)
    care()
    page = phone[1].get(timeout=TIMEOUT_S)
    assert page["priority"] == "technical"
    (kept,) = tmp_path.glob("care.damaged-*.db")
    assert kept.name in page["text_ko"]
    assert str(tmp_path / "care.db") in page["text_en"]


def of_the_future(folder: Path) -> None:
    """A database of a newer version: neither used nor replaced."""
    AlarmStore(folder).close()
    with sqlite3.connect(folder / "care.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()


def test_a_database_that_cannot_be_used_is_told_to_a_human(ros: Any, tmp_path: Path, phone: Any) -> None:
    of_the_future(tmp_path)
    assert "newer version" in refusal(ros, data_dir=str(tmp_path), webhook_url=phone[0])
    page = phone[1].get(timeout=TIMEOUT_S)
    assert page["priority"] == "technical"
    assert "nobody is being watched over" in page["text_en"]
    assert "newer version" in refusal(ros, data_dir=str(tmp_path), webhook_url=phone[0])
    assert phone[1].empty()  # a node that is started again and again does not page each time


def test_last_words_are_told_for_each_database(
    ros: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(Notifier, "send_by_any", lambda _, pages, timeout_s: said.append(pages[0].text.en))
    for name in ("one", "one", "other"):
        (tmp_path / name).mkdir(exist_ok=True)
        if not (tmp_path / name / "care.db").exists():
            of_the_future(tmp_path / name)
        refusal(ros, data_dir=str(tmp_path / name))
    assert len(said) == 2


def test_nobody_deactivates_it_from_outside(ros: Any, care: Any, phone: Any) -> None:
    node = care()
    request = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_DEACTIVATE))
    assert not ros.call(ChangeState, "care_manager/change_state", request).success
    assert node.active
    raised = RaiseAlarm.Request(kind=Alarm.KIND_MANUAL, priority=Alarm.PRIORITY_HIGH, by="Park")
    assert ros.call(RaiseAlarm, "alarms/raise", raised).success
    assert phone[1].get(timeout=TIMEOUT_S)["kind"] == "manual"


def test_a_newer_database_is_refused(ros: Any, care: Any, tmp_path: Path) -> None:
    node = care()
    assert node.trigger_shutdown().name == "SUCCESS"
    connection = sqlite3.connect(tmp_path / "care.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    assert "newer version" in refusal(ros, data_dir=str(tmp_path))


@pytest.mark.parametrize(
    ("text", "word"), [("contacs: []", "contacs"), ("timeouts: {answer_s: 15 s}", "timeouts.answer_s")]
)
def test_a_bad_configuration_is_refused(ros: Any, tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "care.yaml"
    path.write_text(text)
    sentence = refusal(ros, data_dir=str(tmp_path / "data"), config_file=str(path))
    assert str(path) in sentence
    assert word in sentence


def test_a_bad_webhook_is_refused_without_showing_it(ros: Any, tmp_path: Path) -> None:
    sentence = refusal(ros, data_dir=str(tmp_path), webhook_url="http://example.org/T0KEN")
    assert "webhook_url" in sentence
    assert "T0KEN" not in sentence


@pytest.mark.parametrize(
    ("kind", "message", "prefix"),
    [
        (AlarmKind, Alarm, "KIND_"),
        (Priority, Alarm, "PRIORITY_"),
        (AlarmState, Alarm, "STATE_"),
        (FallState, FallEvent, "STATE_"),
    ],
)
def test_numbers_are_those_of_the_messages(kind: Any, message: Any, prefix: str) -> None:
    constants = {name for name in dir(type(message)) if name.startswith(prefix)}
    assert constants == {f"{prefix}{member.name}" for member in kind}
    for member in kind:
        assert getattr(message, f"{prefix}{member.name}") == member
