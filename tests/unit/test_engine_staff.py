"""What staff may do: declare presence, pause the sound, order a drill."""

from datetime import timedelta
from pathlib import Path

import pytest
from care_house import House

from care_robot.care.alarms import AlarmKind, AlarmState, Priority
from care_robot.care.effects import AskResident, PublishPresences, Refusal, TellResident
from care_robot.care.inputs import (
    Acknowledge,
    Drill,
    Heard,
    PauseAudio,
    Raise,
    ResponsesSeen,
    ResponseState,
    SetPresence,
)
from care_robot.care.inputs import Response as RobotResponse


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def signals(house: House) -> int:
    return len(house.effects_of(TellResident))


# Presence


def test_with_staff_in_the_room_a_fall_is_stored_and_shown_and_paged_after_a_minute(house: House) -> None:
    house.do(SetPresence("Park", "bedroom", 600))
    house.fall()
    assert [a.source_id for a in house.store.load().alarms] == ["f1"]
    assert house.alarm.state is AlarmState.RAISED
    assert house.effects_of(AskResident) == []
    house.wait(59)
    assert house.pages == []
    house.wait(1)
    assert len(house.pages) == 1


def test_what_staff_have_handled_is_not_paged(house: House) -> None:
    house.do(SetPresence("Park", "bedroom", 600))
    house.fall()
    house.do(Acknowledge(house.alarm.id, "Park"))
    house.wait(120)
    assert house.pages == []


def test_presence_in_one_room_delays_nothing_in_another(house: House) -> None:
    house.do(SetPresence("Park", "kitchen", 600))
    house.fall()
    house.silence(audible=False)
    assert len(house.pages) == 1


def test_a_call_for_help_beside_staff_waits_a_minute_too_where_the_room_is_known(house: House) -> None:
    house.do(SetPresence("Park", "bedroom", 600))
    house.do(Heard("도와주세요", house.now, "bedroom"))
    assert house.pages == []
    house.wait(60)
    assert len(house.pages) == 1


def test_a_call_for_help_from_nobody_knows_where_is_paged_at_once(house: House) -> None:
    house.do(SetPresence("Park", "bedroom", 600))
    house.do(Heard("도와주세요", house.now))
    assert len(house.pages) == 1


def test_another_event_beside_staff_does_not_begin_the_minute_anew(house: House) -> None:
    house.do(SetPresence("Park", "bedroom", 600))
    house.fall("f1")
    house.wait(50)
    house.fall("f2")
    house.wait(10)
    assert len(house.pages) == 1


def test_presence_ends_by_itself_after_its_time_over_a_restart(house: House) -> None:
    house.do(SetPresence("Park", "bedroom", 1800))
    house.restart(after_s=1000)
    assert [p.by for p in house.effects_of(PublishPresences)[-1].presences] == ["Park"]
    house.wait(800)
    assert house.effects_of(PublishPresences)[-1].presences == ()
    house.fall()
    assert len(house.effects_of(AskResident)) == 1


def test_presence_can_be_ended(house: House) -> None:
    house.do(SetPresence("Park", "bedroom", 600))
    house.do(SetPresence("Park", "bedroom", 0))
    house.fall()
    assert len(house.effects_of(AskResident)) == 1


@pytest.mark.parametrize("duration_s", [-1, 1801, float("nan"), float("inf")])
def test_presence_is_for_half_an_hour_at_most(house: House, duration_s: float) -> None:
    reply = house.do(SetPresence("Park", "bedroom", duration_s)).reply
    assert reply.refusal is Refusal.DURATION_INVALID
    assert reply.sentence.ko
    house.fall()
    assert len(house.effects_of(AskResident)) == 1


@pytest.mark.parametrize(
    ("by", "room", "refusal"), [("", "bedroom", Refusal.NAME_MISSING), ("Park", " ", Refusal.ROOM_UNKNOWN)]
)
def test_presence_has_a_name_and_a_room(house: House, by: str, room: str, refusal: Refusal) -> None:
    assert house.do(SetPresence(by, room, 60)).reply.refusal is refusal


# Sound


def test_a_high_alarm_sounds_again_and_again_until_it_is_taken(house: House) -> None:
    house.do(Heard("도와주세요", house.now))
    assert signals(house) == 1
    house.wait(60)
    assert signals(house) == 3
    house.do(Acknowledge(house.alarm.id, "Park"))
    house.wait(120)
    assert signals(house) == 3


def test_the_sound_can_be_paused_and_pages_go_on(house: House) -> None:
    house.do(Heard("도와주세요", house.now))
    until = house.do(PauseAudio(house.alarm.id, "Park", 120)).reply.until
    assert until == house.now + timedelta(seconds=120)
    assert house.alarm.audio_paused_until == until
    house.wait(119)
    assert signals(house) == 1
    house.wait(1)
    assert signals(house) == 2
    assert len(house.pages) == 2


@pytest.mark.parametrize("duration_s", [0, -5, 120.1, float("nan")])
def test_the_sound_is_paused_for_two_minutes_at_most(house: House, duration_s: float) -> None:
    house.do(Heard("도와주세요", house.now))
    assert house.do(PauseAudio(house.alarm.id, "Park", duration_s)).reply.refusal is Refusal.DURATION_INVALID
    house.wait(30)
    assert signals(house) == 2


# Drills


def test_a_drill_pages_and_escalates_like_the_real_thing_and_is_marked(house: House) -> None:
    house.do(Drill(AlarmKind.FALL, "kim", "bedroom", "Park"))
    assert house.alarm.drill
    house.wait(120)
    assert [sent.page.contact_id for sent in house.pages] == ["nurse", "son"]
    for sent in house.pages:
        assert sent.page.drill
        assert sent.page.text.ko.startswith("[훈련]")
        assert sent.page.text.en.startswith("[DRILL]")
    assert house.store.load().alarms[0].drill


def test_nobody_is_asked_or_told_and_no_robot_counts_in_a_drill(house: House) -> None:
    house.do(Drill(AlarmKind.FALL, "kim", "bedroom", "Park"))
    house.do(ResponsesSeen((RobotResponse(house.alarm.id, ResponseState.RUNNING),)))
    house.wait(300)
    assert house.effects_of(AskResident) == []
    assert signals(house) == 0
    assert "robot_sent" not in house.events()


def test_a_fall_during_a_drill_is_an_alarm_of_its_own(house: House) -> None:
    house.do(Drill(AlarmKind.FALL, "kim", "bedroom", "Park"))
    house.do(Acknowledge(house.alarm.id, "Park"))
    house.fall()
    real = [a for a in house.alarms if a.priority is Priority.HIGH and not a.drill]
    assert len(real) == 1
    assert len(house.effects_of(AskResident)) == 1


def test_presence_does_not_delay_a_drill(house: House) -> None:
    house.do(SetPresence("Park", "bedroom", 600))
    house.do(Drill(AlarmKind.FALL, "kim", "bedroom", "Park"))
    assert len(house.pages) == 1


@pytest.mark.parametrize(("kind", "by"), [(0, "Park"), (99, "Park"), (AlarmKind.FALL, " ")])
def test_a_drill_has_a_kind_and_a_name(house: House, kind: int, by: str) -> None:
    reply = house.do(Drill(kind, "kim", "bedroom", by)).reply
    assert reply.refusal is Refusal.INVALID
    assert reply.sentence.ko
    assert house.alarms == ()


def test_a_refusal_is_audited_with_its_reason(house: House) -> None:
    audit = house.do(Raise(99, 3, by="Park")).changes.audit
    (record,) = audit.values()
    assert (record.actor, record.category, record.outcome) == ("Park", "refusal", "invalid")
    assert record.reason.ko
    assert record.reason.en
