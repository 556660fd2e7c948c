"""The command line's connection to a running system."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from care_robot_msgs.msg import Alarm, AlarmArray, AlarmTransition, Utterance
from care_robot_msgs.srv import AcknowledgeAlarm, ResolveAlarm
from typer.testing import CliRunner, Result

from care_robot.care.alarms import AlarmState
from care_robot.console.cli import app
from care_robot.console.errors import UsageError
from care_robot.console.events import AlarmSeen, Event
from care_robot.console.operator_node import Operator
from care_robot.ros import qos


def alarm(alarm_id: str) -> Alarm:
    message = Alarm(id=alarm_id, kind=Alarm.KIND_FALL, priority=Alarm.PRIORITY_HIGH, resident_id="resident")
    message.state = Alarm.STATE_NOTIFIED
    message.acknowledged_by = "a name [/with] markup"
    message.stored = True
    message.raised_at.sec = 1_800_000_000
    message.history = [
        AlarmTransition(state=Alarm.STATE_RAISED, event="raised", reason_ko="낙상", reason_en="fall")
    ]
    return message


class Manager:
    """Stands where the care manager stands, and notes what it is asked."""

    def __init__(self, ros: Any) -> None:
        self.asked: list[Any] = []
        self.alarms = ros.tester.create_publisher(AlarmArray, "alarms", qos.LATCHED)
        self.alarms.publish(AlarmArray(alarms=[alarm("ab1234"), alarm("ab1256"), alarm("cd56")]))
        ros.tester.create_service(AcknowledgeAlarm, "alarms/acknowledge", self.note)
        ros.tester.create_service(ResolveAlarm, "alarms/resolve", self.note)

    def note(self, request: Any, response: Any) -> Any:
        self.asked.append(request)
        response.success = request.alarm_id != "cd56"
        response.error_msg = "The alarm cd56 is resolved already."
        return response


Care = Callable[..., Result]


@pytest.fixture
def care(ros: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Care]:
    monkeypatch.setenv("ROS_DOMAIN_ID", str(ros.domain_id))
    runner = CliRunner()
    return lambda *words: runner.invoke(app, list(words))


@pytest.fixture
def manager(ros: Any) -> Manager:
    return Manager(ros)


@pytest.mark.usefixtures("manager")
def test_alarms_are_listed_for_people_and_for_programs(care: Care) -> None:
    table = care("alarm", "list")
    assert table.exit_code == 0
    assert "ab12" in table.output
    assert "fall" in table.output
    listed = json.loads(care("alarm", "list", "--json").output)
    assert [a["id"] for a in listed] == ["ab1234", "ab1256", "cd56"]
    assert (listed[0]["state"], listed[0]["priority"]) == ("notified", "high")
    assert listed[0]["steps"][0]["reason_ko"] == "낙상"


def test_an_alarm_is_acknowledged_and_resolved_by_name(care: Care, manager: Manager) -> None:
    assert care("alarm", "ack", "ab123", "--by", "간호사 [/x]").exit_code == 0
    done = care("alarm", "resolve", "ab1234", "--by", "간호사", "--reason", "일어나심", "--json")
    assert json.loads(done.output) == {"id": "ab1234", "state": "resolved", "by": "간호사"}
    assert [(r.alarm_id, r.by) for r in manager.asked] == [("ab1234", "간호사 [/x]"), ("ab1234", "간호사")]
    assert manager.asked[1].reason == "일어나심"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("alarm", "ack", "ab12", "--by", "n"), "2 alarms have an id that begins with 'ab12'"),
        (("alarm", "ack", "zzzz", "--by", "n"), "No alarm has an id that begins with 'zzzz'"),
        (("alarm", "resolve", "", "--by", "n", "--reason", "r"), "at least 4 characters"),
        (("alarm", "list", "--namespace", "bad ns!"), "'bad ns!'"),
        (("alarm", "ack", "cd56", "--by", "n"), "The alarm cd56 is resolved already."),
    ],
)
def test_a_refusal_is_a_sentence_and_exit_code_2(
    care: Care, manager: Manager, words: tuple[str, ...], sentence: str
) -> None:
    result = care(*words)
    assert result.exit_code == 2
    assert sentence in " ".join(result.output.split())


def test_a_domain_that_cannot_be_is_a_sentence(care: Care, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", "abc")
    result = care("alarm", "list")
    assert result.exit_code == 2
    assert "ROS_DOMAIN_ID is 'abc'" in result.output


def test_an_answer_reaches_the_listeners(ros: Any, care: Care) -> None:
    heard = ros.inbox(Utterance, "utterance", qos.STATE)
    assert care("answer", "괜찮아요").exit_code == 0
    message = heard.wait()
    assert (message.text, message.language, message.source) == ("괜찮아요", "ko", Utterance.SOURCE_TEXT)


def test_latched_alarms_reach_a_watcher(ros: Any, care: Care, manager: Manager) -> None:
    seen: list[Event] = []
    with Operator() as operator:
        operator.watch(seen.append)
        ros.wait_until(lambda: len(seen) == 3, "the alarms")
    assert all(isinstance(a, AlarmSeen) and a.state is AlarmState.NOTIFIED for a in seen)


@pytest.mark.usefixtures("care")
def test_without_a_running_system_it_says_so() -> None:
    with Operator(timeout_s=0.5) as operator:
        for ask in (
            operator.alarms,
            lambda: operator.acknowledge("a", "b"),
            lambda: operator.answer("a", "ko"),
        ):
            with pytest.raises(UsageError, match=r"\./care up"):
                ask()
