"""Whose words, whose alarm: several residents, and rooms that hear."""

from datetime import timedelta
from pathlib import Path

import pytest
from care_house import House

from care_robot.care.alarms import AlarmKind, AlarmState
from care_robot.care.config import parse_config
from care_robot.care.inputs import Heard

TWO = parse_config(
    {"residents": [{"id": "kim", "rooms": ["r1"]}, {"id": "lee", "rooms": ["r2", "bath2"]}]}, "two residents"
)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, TWO)


def called(house: House) -> set[tuple[str, str]]:
    resident = {a.id: a.resident_id for a in house.alarms}
    return {(resident[s.page.alarm_id], s.page.kind.name) for s in house.pages}


def test_a_call_from_one_room_is_not_taken_for_the_answer_of_another(house: House) -> None:
    house.fall(room="r2")
    house.do(Heard("도와주세요", house.now, "r1"))
    assert called(house) == {("kim", "HELP")}
    asked = next(a for a in house.alarms if a.kind is AlarmKind.FALL)
    assert asked.state is AlarmState.CONFIRMING


def test_a_call_from_a_room_of_the_same_resident_answers_for_them(house: House) -> None:
    house.fall(room="r2")
    house.do(Heard("아이고 아파", house.now, "bath2"))
    assert called(house) == {("lee", "FALL")}


def test_a_call_from_nobody_knows_where_counts_for_everybody_who_is_asked(house: House) -> None:
    house.fall("f1", room="r1", person_id="p")
    house.fall("f2", room="r2", person_id="q")
    house.do(Heard("도와주세요", house.now))
    assert called(house) == {("kim", "FALL"), ("lee", "FALL")}


def test_a_clock_set_back_moves_deadlines_once_and_not_again_at_a_restart(house: House) -> None:
    house.do(Heard("도와주세요", house.now, "r1"))
    house.now -= timedelta(hours=1)
    house.wait(1)
    house.restart()
    house.wait(100)
    assert len(house.pages) == 1
    house.wait(20)
    assert len(house.pages) == 2
