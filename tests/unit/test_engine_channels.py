"""Channels: who is called for whom, self-tests, and a dead channel."""

from datetime import timedelta
from pathlib import Path

import pytest
from care_house import House

from care_robot.care.alarms import AlarmKind, AlarmState, Priority
from care_robot.care.config import CareConfig, parse_config
from care_robot.care.effects import ProbeChannel
from care_robot.care.inputs import ChannelTested, Heard, Raise

CONSOLE = {"type": "console"}
WEBHOOK = {"type": "webhook", "url": "https://example.org/x"}
FACILITY = parse_config(
    {
        "setting": "facility",
        "residents": [{"id": "kim", "rooms": ["r1"]}, {"id": "lee", "rooms": ["r2"]}],
        "contacts": [
            {"id": "nurse", "channels": [WEBHOOK, CONSOLE]},
            {"id": "son", "tier": 2, "residents": ["kim"], "channels": [CONSOLE]},
            {"id": "daughter", "tier": 2, "residents": ["lee"], "channels": [CONSOLE]},
            {"id": "engineer", "tier": 1, "residents": [], "technical": True, "channels": [CONSOLE]},
        ],
    },
    "facility",
)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, FACILITY)


def paged(house: House, kind: AlarmKind) -> list[str]:
    return [sent.page.contact_id for sent in house.pages if sent.page.kind is kind]


def technical(house: House) -> list[str]:
    return [a.source_id for a in house.alarms if a.priority is Priority.TECHNICAL]


def test_each_resident_has_their_own_contacts(house: House) -> None:
    house.fall(room="r2")
    house.silence(audible=False)
    house.wait(61)
    called = paged(house, AlarmKind.FALL)
    assert "daughter" in called
    assert "son" not in called


def test_every_channel_is_tested_once_a_minute_in_a_facility(house: House) -> None:
    at_start = house.effects_of(ProbeChannel)
    assert {(t.contact_id, t.channel) for t in at_start} == set(FACILITY.all_channels())
    house.wait(59)
    assert len(house.effects_of(ProbeChannel)) == len(at_start)
    house.wait(2)
    assert len(house.effects_of(ProbeChannel)) == 2 * len(at_start)


def test_a_channel_that_fails_its_test_is_a_technical_alarm_by_another_channel(house: House) -> None:
    house.channels["webhook"] = False
    house.wait(71)
    assert technical(house) == ["channel:nurse/1"]
    assert all(house.channel_of(sent) == "console" for sent in house.pages)
    assert set(paged(house, AlarmKind.TECHNICAL)) == {"nurse", "engineer"}


def test_a_test_without_an_answer_is_a_technical_alarm_within_two_minutes(house: House) -> None:
    house.probes_are_answered = False
    house.wait(120)
    assert set(technical(house)) == {f"channel:{c}/{place + 1}" for c, place in FACILITY.all_channels()}


def test_a_dead_channel_is_tried_last(house: House) -> None:
    house.channels["webhook"] = False
    house.wait(71)
    house.effects.clear()
    house.do(Heard("도와주세요", house.now))
    first = next(sent for sent in house.pages if sent.page.contact_id == "nurse")
    assert house.channel_of(first) == "console"


def test_a_channel_that_works_again_is_first_again_and_the_alarm_says_so(house: House) -> None:
    house.channels["webhook"] = False
    house.wait(71)
    house.channels["webhook"] = True
    house.wait(61)
    (alarm,) = [a for a in house.alarms if a.priority is Priority.TECHNICAL]
    assert house.events(alarm)[-1] == "channel_up"
    house.effects.clear()
    house.do(Heard("도와주세요", house.now))
    first = next(sent for sent in house.pages if sent.page.contact_id == "nurse")
    assert house.channel_of(first) == "webhook"


def test_a_channel_that_fails_again_says_so_again(house: House) -> None:
    for works in (False, True, False):
        house.channels["webhook"] = works
        house.wait(71)
    (alarm,) = [a for a in house.alarms if a.priority is Priority.TECHNICAL]
    assert [e for e in house.events(alarm) if e.startswith("channel")] == ["channel_up", "channel_down"]


def test_a_dead_channel_keeps_being_tested_once_a_minute_at_home(tmp_path: Path) -> None:
    home = House(tmp_path, FACILITY.model_copy(update={"setting": "home"}))
    home.channels["webhook"] = False
    home.do(ChannelTested("nurse", 0, False, "no route"))
    home.effects.clear()
    home.wait(71)
    assert [(t.contact_id, t.channel) for t in home.effects_of(ProbeChannel)] == [("nurse", 0)] * 2


def test_one_failed_test_such_as_while_the_network_starts_is_no_alarm(house: House) -> None:
    house.do(ChannelTested("nurse", 0, False, "no route"))
    house.wait(11)
    assert technical(house) == []
    house.do(Heard("도와주세요", house.now))
    first = next(sent for sent in house.pages if sent.page.contact_id == "nurse")
    assert house.channel_of(first) == "webhook"


def test_the_result_of_a_channel_that_nobody_has_changes_nothing(house: House) -> None:
    house.do(ChannelTested("nobody", 7, False, "x"))
    assert technical(house) == []


def test_all_channels_dead_are_tried_all_the_same(house: House) -> None:
    house.channels = {"webhook": False, "console": False}
    house.wait(71)
    house.effects.clear()
    house.do(Heard("도와주세요", house.now))
    assert {house.channel_of(sent) for sent in house.pages} == {"webhook", "console"}


def test_tests_go_on_when_the_clock_is_set_back(house: House) -> None:
    before = len(house.effects_of(ProbeChannel))
    house.now -= timedelta(hours=3)
    house.wait(61)
    assert len(house.effects_of(ProbeChannel)) >= 2 * before


def test_a_technical_alarm_goes_to_the_technical_contact_and_the_carer_alone(house: House) -> None:
    house.do(Raise(AlarmKind.TECHNICAL, Priority.TECHNICAL, "camera-1", reason="blind"))
    house.wait(3600)
    assert set(paged(house, AlarmKind.TECHNICAL)) == {"nurse", "engineer"}


def test_defaults_have_a_way_to_somebody() -> None:
    assert CareConfig().all_channels() == [("carer", 0)]


def test_a_high_alarm_does_not_wait_for_a_channel_that_hangs(house: House) -> None:
    del house.channels["webhook"]  # it never answers
    house.do(Heard("도와주세요", house.now))
    house.wait(3)
    by_nurse = [sent for sent in house.pages if sent.page.contact_id == "nurse"]
    assert [(house.channel_of(sent), sent.repeat) for sent in by_nurse] == [
        ("webhook", False),
        ("console", True),
    ]
    assert len({sent.page.id for sent in by_nurse}) == 1
    assert house.alarm.tier == 1


def test_a_channel_that_fails_after_another_took_over_is_still_reported(house: House) -> None:
    house.channels = {}
    house.do(Heard("도와주세요", house.now))
    house.wait(3)
    webhook, console = [sent for sent in house.pages if sent.page.contact_id == "nurse"]
    house.page_ends(webhook, False)
    assert technical(house) == ["channel:nurse/1"]
    house.page_ends(console, True)
    assert house.alarm.state is AlarmState.NOTIFIED
