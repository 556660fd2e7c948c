"""A technical trouble that another program reports goes on under its id until a human ends the alarm."""

from pathlib import Path

import pytest
from care_house import House

from care_robot.care.alarms import Alarm, AlarmKind, AlarmState, Priority
from care_robot.care.inputs import Acknowledge, Raise, Resolve
from care_robot.care.raising import MAX_NEWS


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def report(house: House, reason: str, source_id: str = "sight:1") -> str:
    said = Raise(AlarmKind.TECHNICAL, Priority.TECHNICAL, source_id, by="camera", reason=reason)
    return house.do(said).reply.alarm_id


def the_alarm(house: House) -> Alarm:
    (alarm,) = house.alarms
    return alarm


def test_that_it_is_over_stands_in_the_alarm_and_ends_nothing(house: House) -> None:
    alarm_id = report(house, "covered")
    pages = len(house.pages)
    assert report(house, "sees again") == alarm_id
    alarm = the_alarm(house)
    assert alarm.state is not AlarmState.RESOLVED
    assert [step.event for step in alarm.history].count("raised") == 1
    assert alarm.history[-1].event == "reported_again"
    assert "sees again" in alarm.history[-1].reason.en
    assert len(house.pages) == pages
    house.restart()
    assert "sees again" in the_alarm(house).history[-1].reason.ko


def test_the_same_words_again_are_no_news(house: House) -> None:
    report(house, "covered")
    steps = len(the_alarm(house).history)
    for _ in range(3):
        report(house, "covered")
    assert len(the_alarm(house).history) == steps
    report(house, "sees again")
    report(house, "covered")
    assert len(the_alarm(house).history) == steps + 2


def test_what_comes_and_goes_for_days_does_not_fill_the_history(house: House) -> None:
    for n in range(3 * MAX_NEWS):
        report(house, ("covered", "sees again")[n % 2])
    assert len(the_alarm(house).history) < MAX_NEWS + 10


def test_an_acknowledged_alarm_stays_with_who_took_it(house: House) -> None:
    alarm_id = report(house, "covered")
    house.do(Acknowledge(alarm_id, "Kim"))
    report(house, "sees again")
    assert the_alarm(house).state is AlarmState.ACKNOWLEDGED


def test_after_a_human_has_ended_it_the_same_id_is_a_new_alarm(house: House) -> None:
    alarm_id = report(house, "covered")
    house.do(Resolve(alarm_id, "Kim", "cleaned"))
    assert report(house, "covered") != alarm_id


def test_news_under_the_id_of_a_call_for_help_changes_nothing(house: House) -> None:
    house.do(Raise(AlarmKind.HELP, Priority.HIGH, "sight:1", by="button"))
    steps = len(the_alarm(house).history)
    report(house, "sees again")
    assert len(the_alarm(house).history) == steps
    assert the_alarm(house).priority is Priority.HIGH
