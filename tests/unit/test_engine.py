"""The fall response: stored, the resident asked, and unless all is clearly well a human paged."""

import dataclasses
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from care_house import TWO_TIERS, House

from care_robot.care.alarms import AlarmKind, AlarmState, Priority
from care_robot.care.config import Resident
from care_robot.care.effects import AskResident, PublishAlarms, SendPage, StopAsking, TellResident
from care_robot.care.inputs import (
    Acknowledge,
    AskEnded,
    AskResult,
    FallReport,
    FallsSeen,
    FallState,
    Heard,
    Raise,
    Tick,
)

OK, UNCLEAR, HELP = "괜찮아요", "글쎄 잘 모르겠어", "도와주세요"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_confirmed_fall_is_in_the_database_before_anything_is_done(house: House) -> None:
    # Nothing carries the effects out here, and the database has the alarm already.
    assert house.fall().effects
    assert [alarm.source_id for alarm in house.store.load().alarms] == ["f1"]
    assert house.alarm.priority is Priority.HIGH
    assert house.alarm.kind is AlarmKind.FALL
    assert house.alarm.resident_id == "kim"
    assert house.events() == ["raised", "asked"]


def test_a_suspected_fall_raises_nothing(house: House) -> None:
    house.fall(state=FallState.SUSPECTED, confirmed_at=None)
    assert house.alarms == ()


def test_a_suspected_fall_that_recovers_raises_nothing(house: House) -> None:
    house.fall(state=FallState.RECOVERED, confirmed_at=None)
    assert house.alarms == ()


def test_a_person_found_lying_raises_a_high_alarm(house: House) -> None:
    house.fall(kind=AlarmKind.LYING)
    assert (house.alarm.kind, house.alarm.priority) == (AlarmKind.LYING, Priority.HIGH)
    assert "누워" in house.question.question


def test_the_question_is_in_the_residents_language(tmp_path: Path) -> None:
    korean, english = House(tmp_path / "ko"), House(tmp_path / "en", TWO_TIERS.speaking("en"))
    for house in (korean, english):
        house.fall()
    assert korean.question.question.startswith("괜찮으세요?")
    assert english.question.question.startswith("Are you all right?")
    assert korean.question.answer_timeout_s == 15.0


def test_silence_twice_pages_the_first_tier_at_once(house: House) -> None:
    house.fall()
    house.wait(20)
    house.silence()
    assert house.pages == []
    house.wait(20)
    house.silence()
    assert [p.page.contact_id for p in house.pages] == ["nurse"]
    assert house.alarm.state is AlarmState.NOTIFIED
    assert house.events() == ["raised", "asked", "no_answer", "asked", "no_answer", "paged", "page_delivered"]


def test_help_pages_at_once(house: House) -> None:
    house.fall()
    house.answer(HELP)
    assert len(house.pages) == 1
    assert "도움" in house.pages[0].page.text.ko


@pytest.mark.parametrize("text", [UNCLEAR, "네", "괜찮아요… 아니 그게", "?", "괜찮아?"])
def test_an_unclear_answer_is_asked_again_and_then_pages(house: House, text: str) -> None:
    house.fall()
    house.answer(text)
    first = house.question.question
    house.answer(text)
    assert house.pages == []
    assert house.question.question != first
    house.answer(text)
    assert len(house.pages) == 1


def test_an_ok_that_speech_is_not_sure_of_is_unclear(house: House) -> None:
    house.fall()
    house.answer(OK, confidence=0.3)
    house.answer(OK, confidence=float("nan"))
    house.answer(OK, confidence=-1.0)
    assert len(house.pages) == 1


def test_ok_and_up_again_ends_the_alarm(house: House) -> None:
    house.fall()
    house.answer(OK)
    assert house.alarm.state is AlarmState.CONFIRMING
    house.wait(100)
    house.fall(state=FallState.RECOVERED)
    assert house.alarm.state is AlarmState.RESOLVED
    assert house.alarm.resolved_by == "김영희"
    assert house.alarm.resolution
    house.wait(3000)
    assert house.pages == []


def test_up_first_and_ok_afterwards_ends_the_alarm_too(house: House) -> None:
    house.fall()
    house.fall(state=FallState.RECOVERED)
    assert house.alarm.state is AlarmState.CONFIRMING
    house.answer(OK)
    assert house.alarm.state is AlarmState.RESOLVED


def test_getting_up_without_a_word_is_not_ok(house: House) -> None:
    house.fall()
    house.fall(state=FallState.RECOVERED)
    house.wait(60)
    assert len(house.pages) == 1


def test_ok_without_getting_up_becomes_a_medium_check(house: House) -> None:
    house.fall()
    house.answer(OK)
    house.wait(299)
    assert house.pages == []
    house.wait(1)
    assert len(house.pages) == 1
    assert house.alarm.priority is Priority.MEDIUM
    assert house.alarm.state is AlarmState.NOTIFIED


def test_help_during_a_medium_check_makes_it_high_and_pages_again(house: House) -> None:
    house.fall()
    house.answer(OK)
    house.wait(300)
    house.do(Heard(HELP, house.now))
    assert house.alarm.priority is Priority.HIGH
    assert [sent.page.priority for sent in house.pages] == [Priority.MEDIUM, Priority.HIGH]


def test_a_person_who_is_down_again_after_getting_up_is_not_up(house: House) -> None:
    house.fall()
    house.fall(state=FallState.RECOVERED)
    house.fall(state=FallState.CONFIRMED)
    house.answer(OK)
    assert house.alarm.state is AlarmState.CONFIRMING


def test_one_persons_ok_does_not_speak_for_another(house: House) -> None:
    house.fall("f1", person_id="a")
    house.fall("f2", person_id="b")
    house.answer(OK)
    assert len(house.pages) == 1


def test_a_new_fall_after_ok_pages_at_once(house: House) -> None:
    house.fall("f1")
    house.answer(OK)
    house.fall("f2")
    assert len(house.pages) == 1
    assert house.alarm.occurrences == 2


def test_help_after_ok_pages_at_once(house: House) -> None:
    house.fall()
    house.answer(OK)
    house.do(Heard("아이고 아파라"))
    assert len(house.pages) == 1


@pytest.mark.parametrize("result", [AskResult.FAILED, AskResult.NO_ANSWER])
def test_a_question_that_cannot_be_asked_or_heard_pages_at_once(house: House, result: AskResult) -> None:
    house.fall()
    house.do(AskEnded(house.question.ask_id, result, audible=False))
    assert len(house.pages) == 1


def test_a_question_that_hangs_does_not_hold_up_the_page(house: House) -> None:
    house.fall()
    house.wait(27)
    assert len(house.pages) == 1
    assert house.effects_of(StopAsking) == [StopAsking(house.question.ask_id)]


def test_the_first_page_leaves_in_time_even_if_answers_keep_coming(house: House) -> None:
    house.fall()
    house.wait(26.9)
    house.answer(UNCLEAR)
    house.wait(26.9)
    assert house.pages == []
    house.wait(6.2)
    (page,) = house.pages
    assert page.page.created_at - house.alarm.raised_at <= timedelta(seconds=60)


def test_a_fall_that_comes_late_is_paged_by_its_own_time(house: House) -> None:
    house.fall(confirmed_at=house.now - timedelta(seconds=50), start=None)
    assert house.effects_of(AskResident) == []
    assert len(house.pages) == 1


def test_an_older_event_that_joins_brings_its_own_limit(house: House) -> None:
    house.fall("f1")
    house.fall("f2", confirmed_at=house.now - timedelta(seconds=50))
    house.wait(10)
    assert len(house.pages) == 1


def test_a_late_answer_does_not_call_the_human_back(house: House) -> None:
    house.fall()
    house.wait(60)
    house.answer(OK)
    assert house.alarm.state is AlarmState.NOTIFIED


def test_the_resident_is_told_that_somebody_is_called(house: House) -> None:
    house.fall()
    house.answer(HELP)
    assert "연락했습니다" in house.effects_of(TellResident)[0].text


def test_an_event_is_known_by_its_id_however_often_it_comes(house: House) -> None:
    for _ in range(3):
        house.fall()
        house.wait(1)
    assert house.alarm.occurrences == 1
    assert house.events() == ["raised", "asked"]


def test_events_of_one_resident_merge_with_a_counter(house: House) -> None:
    house.fall("f1")
    house.fall("f2")
    house.fall("f3", kind=AlarmKind.LYING)
    assert house.alarm.occurrences == 3
    assert len(house.effects_of(AskResident)) == 1


def test_falls_of_two_residents_do_not_merge(tmp_path: Path) -> None:
    lee = Resident(id="lee", rooms=("kitchen",))
    house = House(tmp_path, TWO_TIERS.model_copy(update={"residents": (*TWO_TIERS.residents, lee)}))
    house.fall("f1", room="bedroom")
    house.fall("f2", room="kitchen")
    assert {a.resident_id for a in house.alarms} == {"kim", "lee"}


def test_a_fall_that_was_over_before_we_heard_of_it_is_asked_about_all_the_same(house: House) -> None:
    house.fall(state=FallState.RECOVERED)
    assert house.alarm.state is AlarmState.CONFIRMING
    house.wait(60)
    assert len(house.pages) == 1


# Calls for help -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["도와주세요", "누가 좀 도와줘", "살려줘!", "Help!", "please help me", "１１９ 불러줘"]
)
def test_a_call_for_help_pages_at_once(house: House, text: str) -> None:
    house.do(Heard(text, house.now))
    assert len(house.pages) == 1
    assert (house.alarm.kind, house.alarm.priority) == (AlarmKind.HELP, Priority.HIGH)


@pytest.mark.parametrize("text", ["오늘 날씨 좋네", "머리가 좀 아프네", "괜찮아요", "", "helpless"])
def test_other_talk_raises_nothing(house: House, text: str) -> None:
    house.do(Heard(text, house.now))
    assert house.alarms == ()


def test_crying_for_help_again_and_again_is_one_alarm(house: House) -> None:
    for _ in range(5):
        house.do(Heard(HELP, house.now))
        house.wait(3)
    assert house.alarm.occurrences == 5
    assert len(house.pages) == 1


def test_help_heard_twice_by_two_ways_counts_once(house: House) -> None:
    house.fall()
    house.answer(HELP)
    house.do(Heard(HELP, house.now))
    assert house.alarm.occurrences == 1
    assert len(house.pages) == 1


def test_help_after_somebody_took_the_alarm_pages_again_from_the_first_tier(house: House) -> None:
    house.do(Heard(HELP, house.now))
    house.wait(130)
    assert house.alarm.tier == 2
    house.do(Acknowledge(house.alarm.id, "Park"))
    house.wait(10)
    house.do(Heard(HELP, house.now))
    assert (house.alarm.state, house.alarm.tier) == (AlarmState.NOTIFIED, 1)


# Raised by others -----------------------------------------------------------------------------------


def test_a_raised_alarm_pages_by_its_priority(house: House) -> None:
    low = Raise(AlarmKind.MEDICATION, Priority.LOW, "dose-1", by="dispenser", reason="15 min late")
    high = Raise(AlarmKind.ENVIRONMENT, Priority.HIGH, "smoke-1", by="sensor", reason="smoke")
    house.do(low)
    assert house.pages == []
    house.do(high)
    house.do(high)
    assert len(house.pages) == 1
    assert len(house.alarms) == 2


def test_different_raised_alarms_do_not_merge(house: House) -> None:
    for source in ("smoke", "water"):
        house.do(Raise(AlarmKind.ENVIRONMENT, Priority.HIGH, source, room="kitchen"))
    assert len(house.alarms) == 2


@pytest.mark.parametrize(
    ("kind", "priority", "field"),
    [
        (0, 3, "kind"),
        (99, 3, "kind"),
        (AlarmKind.MANUAL, 9, "priority"),
        (AlarmKind.MANUAL, Priority.TECHNICAL, "priority"),
        (AlarmKind.TECHNICAL, Priority.HIGH, "priority"),
    ],
)
def test_a_raised_alarm_that_makes_no_sense_is_refused_by_field(
    house: House, kind: int, priority: int, field: str
) -> None:
    reply = house.do(Raise(kind, priority)).reply
    assert reply.refusal is not None
    assert field in reply.sentence.en
    assert field in reply.sentence.ko
    assert house.alarms == ()


# Hostile input --------------------------------------------------------------------------------------

HOSTILE = [
    "x" * 10_000,
    "a\x00b\x1b[31m\r\n",
    "'; DROP TABLE alarms; --",
    "\ud800",
    "\u202eabc",
    "{room}",
    "%s",
    " ",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_stored_harmlessly_in_every_field(house: House, text: str) -> None:
    report = FallReport(text, 1, 2, text, text, text, evidence=((text, 1.0, text, 2.0),))
    house.do(FallsSeen((report,)))
    house.do(FallsSeen((report,)))
    house.do(Raise(AlarmKind.MANUAL, Priority.HIGH, text, text, text, text, text))
    house.do(Heard(text))
    assert len(house.alarms) == 2
    assert house.keeper.unstored == frozenset()
    for alarm in house.alarms:
        for shown in (alarm.room, alarm.source_id, alarm.resident_id, *(s.reason.ko for s in alarm.history)):
            assert shown.isprintable()
            assert len(shown) <= 1500
    before = [dataclasses.asdict(a) for a in house.alarms]
    house.restart()
    # The question is asked again; nothing else differs.
    assert [a["source_id"] for a in before] == [a.source_id for a in house.alarms]


def test_different_hostile_ids_stay_different(house: House) -> None:
    house.fall("x" * 10_000 + "1", person_id="p")
    house.fall("x" * 10_000 + "2", person_id="p")
    assert house.alarm.occurrences == 2


def test_an_event_without_an_id_raises_once(house: House) -> None:
    report = FallReport("", camera="c", person_id="p", start=house.now, confirmed_at=house.now)
    for _ in range(3):
        house.do(FallsSeen((report,)))
    assert house.alarm.occurrences == 1


@pytest.mark.parametrize("state", [0, 4, 255])
def test_a_state_that_nobody_knows_counts_as_confirmed(house: House, state: int) -> None:
    house.fall(state=state)
    assert house.alarm.state is AlarmState.CONFIRMING


@pytest.mark.parametrize("kind", [0, 3, 255])
def test_a_kind_that_nobody_knows_counts_as_a_fall(house: House, kind: int) -> None:
    house.fall(kind=kind)
    assert house.alarm.kind is AlarmKind.FALL


def test_numbers_that_are_none_become_null_in_the_evidence(house: House) -> None:
    house.fall(evidence=(("score", float("nan"), "1", float("inf")),))
    (source,) = house.alarm.sources
    assert json.loads(source.evidence) == [{"name": "score", "value": None, "unit": "1", "threshold": None}]


@pytest.mark.parametrize("hours", [1, 24 * 365 * 20])
def test_an_event_from_the_future_happened_now(house: House, hours: int) -> None:
    later = house.now + timedelta(hours=hours)
    house.fall(start=later, confirmed_at=later)
    assert house.alarm.event_at == house.now
    house.wait(60)
    assert len(house.pages) == 1


def test_an_event_without_times_happened_now(house: House) -> None:
    house.fall(start=None, confirmed_at=None)
    assert house.alarm.event_at == house.now


def test_a_clock_set_back_moves_no_page_away(house: House) -> None:
    house.fall()
    house.wait(20)
    house.now -= timedelta(hours=5)
    house.wait(6)
    assert house.pages == []
    house.wait(1)
    assert len(house.pages) == 1


def test_a_clock_set_back_moves_no_limit_of_an_older_event_away(house: House) -> None:
    house.fall("f1")
    house.fall("f2", confirmed_at=house.now - timedelta(seconds=50))
    house.wait(1)
    house.now -= timedelta(hours=5)
    house.wait(9)
    assert len(house.pages) == 1


def test_a_clock_set_forward_pages_rather_early_than_late(house: House) -> None:
    house.fall()
    house.now += timedelta(days=3)
    house.do(Tick())
    assert len(house.pages) == 1


def test_ten_thousand_events_at_once_are_one_alarm(house: House) -> None:
    reports = tuple(FallReport(f"f{i}", room="bedroom") for i in range(10_000))
    house.do(FallsSeen(reports))
    assert house.alarm.occurrences == 10_000


def test_published_alarms_are_newest_first(house: House) -> None:
    house.do(Raise(AlarmKind.MANUAL, Priority.HIGH, "1"))
    house.wait(1)
    house.do(Raise(AlarmKind.MANUAL, Priority.HIGH, "2"))
    published: Any = house.effects_of(PublishAlarms)[-1]
    assert [a.source_id for a in published.alarms] == ["2", "1"]


def test_every_step_has_its_reason_in_both_languages(house: House) -> None:
    house.fall()
    house.silence()
    house.silence()
    house.wait(500)
    for step in house.alarm.history:
        assert step.reason.ko
        assert step.reason.en
        assert step.reason.en.isascii()
        assert not step.reason.ko.isascii()
    assert all(isinstance(p, SendPage) and p.page.text.ko and p.page.text.en for p in house.pages)
