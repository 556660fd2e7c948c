"""The robot's part in a fall response: it may help, and nothing waits for it longer than it would anyway."""

from pathlib import Path

import pytest
from care_house import House

from care_robot.care.alarms import AlarmState, RobotState
from care_robot.care.effects import AskResident
from care_robot.care.inputs import AskEnded, AskResult, Heard, Response, ResponsesSeen, ResponseState

RUNNING, OVER = ResponseState.RUNNING, ResponseState.OVER


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def robot(house: House, state: ResponseState, arrived: bool = False, problem: str = "") -> None:
    house.do(ResponsesSeen((Response(house.alarm.id, state, arrived, problem),)))


def asked(house: House) -> int:
    return len(house.effects_of(AskResident))


def test_the_first_question_does_not_wait_for_the_robot(house: House) -> None:
    house.fall()
    assert asked(house) == 1


def test_the_second_question_is_put_when_the_robot_is_there(house: House) -> None:
    house.fall()
    robot(house, RUNNING)
    house.wait(15)
    house.silence()
    assert asked(house) == 1
    house.wait(5)
    robot(house, RUNNING, arrived=True)
    assert asked(house) == 2
    assert house.events() == [
        "raised",
        "asked",
        "robot_sent",
        "no_answer",
        "awaits_robot",
        "robot_arrived",
        "asked",
    ]


def test_a_robot_that_is_slow_is_not_waited_for(house: House) -> None:
    house.fall()
    robot(house, RUNNING)
    house.wait(15)
    house.silence()
    house.wait(24)
    assert asked(house) == 2
    assert house.pages == []
    house.wait(21)
    assert len(house.pages) == 1


def test_a_robot_that_is_blocked_is_not_waited_for(house: House) -> None:
    house.fall()
    robot(house, RUNNING)
    house.wait(15)
    house.silence()
    robot(house, OVER, problem="The way is blocked.")
    assert asked(house) == 2
    failed = next(step for step in house.alarm.history if step.event == "robot_failed")
    assert "The way is blocked." in failed.reason.en


def test_without_a_robot_the_second_question_follows_at_once(house: House) -> None:
    house.fall()
    house.wait(15)
    house.silence()
    assert asked(house) == 2


def test_help_while_the_robot_is_awaited_is_paged_at_once(house: House) -> None:
    house.fall()
    robot(house, RUNNING)
    house.wait(15)
    house.silence()
    house.do(Heard("도와주세요", house.now))
    assert len(house.pages) == 1
    robot(house, RUNNING, arrived=True)
    assert asked(house) == 1
    assert house.alarm.state is AlarmState.NOTIFIED
    assert house.alarm.robot is RobotState.ARRIVED


def test_a_late_answer_to_the_first_question_ends_nothing_while_the_robot_is_awaited(house: House) -> None:
    house.fall()
    robot(house, RUNNING)
    first = house.question.ask_id
    house.wait(15)
    house.silence()
    house.do(AskEnded(first, AskResult.ANSWERED, Heard("괜찮아요", house.now)))
    assert house.alarm.ok_at is None


def test_waiting_for_the_robot_survives_a_restart_and_the_limit_stands(house: House) -> None:
    house.fall()
    robot(house, RUNNING)
    house.wait(15)
    house.silence()
    house.restart(after_s=10)
    house.wait(14)
    assert asked(house) == 2
    house.wait(21)
    assert len(house.pages) == 1


def test_what_is_repeated_is_noted_once(house: House) -> None:
    house.fall()
    for _ in range(50):
        robot(house, RUNNING)
    robot(house, OVER, problem="blocked")
    for _ in range(50):
        robot(house, RUNNING)
        robot(house, OVER, problem="blocked")
    assert [e for e in house.events() if e.startswith("robot")] == ["robot_sent", "robot_failed"]


def test_a_robot_that_comes_after_the_page_is_noted_too(house: House) -> None:
    house.fall()
    house.silence(audible=False)
    robot(house, RUNNING)
    robot(house, RUNNING, arrived=True)
    assert house.events()[-2:] == ["robot_sent", "robot_arrived"]
    assert house.alarm.state is AlarmState.NOTIFIED


def test_an_alarm_that_nobody_knows_changes_nothing(house: House) -> None:
    house.do(ResponsesSeen((Response("nothing", RUNNING, True),)))
    assert house.effects_of(AskResident) == []
