"""What comes again, elsewhere or after a restart is news, and is neither swallowed nor counted for ever."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from care_house import House

from care_robot.care.alarms import Alarm, AlarmKind, AlarmState, Changes, PageState, Priority
from care_robot.care.config import parse_config
from care_robot.care.effects import SendPage
from care_robot.care.inputs import (
    Acknowledge,
    AskEnded,
    AskResult,
    Attend,
    ChannelTested,
    Heard,
    Resolve,
    Response,
    ResponsesSeen,
    ResponseState,
    SetPresence,
    StorageReplaced,
)
from care_robot.care.keeper import StorageError
from care_robot.care.store import AlarmStore
from care_robot.care.text import Text


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def self_test(house: House, works: bool) -> None:
    """Twice: one failed test counts for nothing."""
    for _ in range(2):
        house.do(ChannelTested("nurse", 0, works, "" if works else "no route"))


def technical(house: House) -> Alarm:
    """The newest."""
    return next(alarm for alarm in house.alarms if alarm.priority is Priority.TECHNICAL)


def technical_pages(house: House) -> list[SendPage]:
    return [sent for sent in house.pages if sent.page.kind is AlarmKind.TECHNICAL]


# Elsewhere


def test_a_call_for_help_in_another_room_does_not_wait_for_the_staff_of_the_first(house: House) -> None:
    house.do(SetPresence("lee", "bedroom", 600))
    house.fall(room="bedroom")
    house.do(Heard("도와주세요", house.now, "living_room"))
    assert len(house.pages) == 1


def test_a_new_event_is_paged_with_its_own_room_and_time(house: House) -> None:
    house.fall("f1", room="bedroom")
    house.answer("도와주세요")
    house.do(Attend(house.alarm.id, "lee"))
    house.wait(60)
    house.effects.clear()
    house.fall("f2", room="living_room")
    page = house.pages[0].page
    assert "living room" in page.text.en
    assert page.room == house.alarm.room == "living_room"
    assert (house.now - page.event_at).total_seconds() < 5


def test_a_page_about_several_people_names_every_room(house: House) -> None:
    house.fall("f1", room="bedroom")
    house.fall("f2", room="living_room", person_id="q")
    house.wait(65)
    for room in ("bedroom", "living room"):
        assert room in house.pages[0].page.text.en


def test_a_fall_in_another_room_is_paged_though_the_first_is_paged_already(house: House) -> None:
    house.fall("f1", room="bedroom")
    house.answer("도와주세요")
    house.effects.clear()
    house.fall("f2", room="living_room", person_id="q")
    for room in ("bedroom", "living room"):
        assert room in house.pages[0].page.text.en
    house.fall("f3", room="living_room", person_id="r")
    assert len(house.pages) == 1


def test_people_whom_the_camera_does_not_know_count_as_different(house: House) -> None:
    house.fall("f1", person_id="")
    house.fall("f2", person_id="")
    house.answer("괜찮아요")
    assert len(house.pages) == 1


def test_an_ok_from_another_residents_room_is_none(tmp_path: Path) -> None:
    residents = [{"id": "kim", "rooms": ["r1"]}, {"id": "lee", "rooms": ["r2"]}]
    house = House(tmp_path, parse_config({"residents": residents}, "two residents"))
    house.fall(room="r1")
    said = Heard("괜찮아요", house.now, "r2")
    house.do(AskEnded(house.question.ask_id, AskResult.ANSWERED, said))
    assert "answered_unclear" in house.events()
    said = Heard("괜찮아요", house.now, "r1")
    house.do(AskEnded(house.question.ask_id, AskResult.ANSWERED, said))
    assert "answered_ok" in house.events()


# Technical alarms


def test_a_channel_that_fails_again_after_somebody_took_it_is_paged_again(house: House) -> None:
    self_test(house, False)
    self_test(house, True)
    house.do(Acknowledge(technical(house).id, "lee"))
    before = len(house.pages)
    self_test(house, False)
    assert house.events(technical(house)).count("channel_down") == 1
    assert len(house.pages) == before + 1


def test_a_channel_that_stays_dead_is_not_paged_again(house: House) -> None:
    self_test(house, False)
    house.do(Acknowledge(technical(house).id, "lee"))
    before = len(house.pages)
    for _ in range(10):
        self_test(house, False)
    assert len(house.pages) == before


def test_a_restart_knows_which_channel_was_dead(house: House) -> None:
    self_test(house, False)
    house.probes_are_answered = False
    house.restart()
    house.do(Heard("도와주세요", house.now))
    assert house.channel_of(next(s for s in house.pages if s.page.kind is AlarmKind.HELP)) == "console"
    self_test(house, True)
    assert house.events(technical(house)).count("channel_up") == 1


def test_nobody_waits_once_a_channel_works_again(house: House) -> None:
    house.channels = {"webhook": False, "console": False}
    house.do(Heard("도와주세요", house.now))
    house.wait(1200)
    house.probes_are_answered = False
    house.channels = {"webhook": True, "console": True}
    house.effects.clear()
    house.do(ChannelTested("nurse", 0, True))
    assert {sent.page.kind for sent in house.pages} >= {AlarmKind.HELP}
    pages = house.store.load().pages
    assert PageState.DELIVERED in {p.state for p in pages if p.kind is AlarmKind.HELP}


class FullDisk:
    """A database that takes nothing while `full`."""

    def __init__(self, store: AlarmStore) -> None:
        self.store, self.full = store, False

    def save(self, changes: Changes) -> None:
        if self.full:
            raise StorageError("the disk is full")
        self.store.save(changes)


def test_a_database_that_fails_again_after_somebody_took_it_is_paged_again(tmp_path: Path) -> None:
    disks: list[FullDisk] = []

    def on_disk(store: AlarmStore) -> FullDisk:
        disks.append(FullDisk(store))
        return disks[-1]

    house = House(tmp_path, storage=on_disk)
    for n in (1, 2):
        disks[-1].full = True
        house.do(Heard("도와주세요", house.now, "bedroom"))
        house.wait(60)
        assert len(technical_pages(house)) == n
        disks[-1].full = False
        house.wait(10)
        house.do(Acknowledge(technical(house).id, "lee"))


def test_each_database_that_was_replaced_is_named(house: House) -> None:
    for name in ("a.db", "b.db", "b.db"):
        house.do(StorageReplaced(Text(name, name)))
    told = [step.reason.en for step in technical(house).history if step.event in ("raised", "merged")]
    assert told == ["a.db", "b.db"]


def test_two_technical_alarms_of_one_instant_are_two(house: House) -> None:
    self_test(house, False)
    first = technical(house).id
    house.do(Resolve(first, "lee", "repaired"))
    self_test(house, False)
    open_ = [alarm for alarm in house.alarms if alarm.state is not AlarmState.RESOLVED]
    assert [alarm.id for alarm in open_] != [first]


# After a restart


@pytest.mark.parametrize("state", [AlarmState.RAISED, AlarmState.NOTIFIED, AlarmState.ACKNOWLEDGED])
def test_an_alarm_that_came_without_its_deadlines_from_a_damaged_database_is_paged(
    house: House, state: AlarmState
) -> None:
    house.do(Heard("도와주세요", house.now))
    with closing(sqlite3.connect(house.store.path)) as connection, connection:
        connection.execute("UPDATE alarms SET state = ?, deadline_at = NULL, page_by = NULL", (int(state),))
    house.effects.clear()
    house.restart()
    assert len(house.pages) == 1


# For ever


def test_taking_an_alarm_again_and_again_wins_no_time(house: House) -> None:
    house.fall()
    house.answer("도와주세요")
    for _ in range(2):
        house.do(Acknowledge(house.alarm.id, "lee"))
        house.wait(590)
    assert "raised_again" in house.events()


def test_a_robot_that_comes_and_fails_for_ever_fills_no_history(house: House) -> None:
    house.fall()
    for _ in range(200):
        for state, arrived, problem in ((ResponseState.RUNNING, True, ""), (ResponseState.OVER, False, "x")):
            house.do(ResponsesSeen((Response(house.alarm.id, state, arrived, problem),)))
    assert len(house.alarm.history) < 100


def test_of_several_tries_of_the_robot_the_one_that_is_not_over_counts(house: House) -> None:
    house.fall()
    failed = Response(house.alarm.id, ResponseState.OVER, problem="The way is blocked.")
    house.do(ResponsesSeen((failed,)))
    for arrived in (False, True, True, True):
        again = Response(house.alarm.id, ResponseState.RUNNING, arrived)
        house.do(ResponsesSeen((again, failed)))
    assert [e for e in house.events() if e.startswith("robot")] == ["robot_failed", "robot_arrived"]


def test_a_try_that_failed_long_ago_says_nothing_of_the_one_that_ended_well(house: House) -> None:
    house.fall()
    well = Response(house.alarm.id, ResponseState.OVER)
    failed = Response(house.alarm.id, ResponseState.OVER, problem="The way is blocked.")
    house.do(ResponsesSeen((Response(house.alarm.id, ResponseState.RUNNING, arrived=True), failed)))
    house.do(ResponsesSeen((well, failed)))
    assert [e for e in house.events() if e.startswith("robot")] == ["robot_arrived"]


def test_a_huge_id_without_a_name_is_kept_short(house: House) -> None:
    records = house.do(Acknowledge("x" * 1_000_000, "")).changes.audit.values()
    assert all(len(record.subject) < 1000 for record in records)
