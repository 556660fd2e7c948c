"""Tiers, channels and the humans who take an alarm."""

from itertools import pairwise
from pathlib import Path

import pytest
from care_house import START, TWO_TIERS, House

from care_robot.care.alarms import AlarmKind, AlarmState, Priority
from care_robot.care.config import Timeouts, parse_config
from care_robot.care.effects import Refusal, SendPage, StopAsking
from care_robot.care.inputs import Acknowledge, Attend, FallState, Heard, PageEnded, Raise, Resolve


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def call(house: House) -> str:
    """Somebody calls for help: the first tier is paged at once."""
    house.do(Heard("도와주세요", house.now))
    return house.alarm.id


def contacts(house: House) -> list[str]:
    return [sent.page.contact_id for sent in house.pages]


@pytest.mark.parametrize(("setting", "after_s"), [("home", 120), ("facility", 60)])
def test_a_tier_that_does_not_take_it_is_followed_by_the_next_and_then_the_first(
    tmp_path: Path, setting: str, after_s: int
) -> None:
    house = House(tmp_path, TWO_TIERS.model_copy(update={"setting": setting}))
    call(house)
    house.wait(after_s - 1)
    assert contacts(house) == ["nurse"]
    house.wait(1)
    assert contacts(house) == ["nurse", "son"]
    house.wait(after_s)
    assert contacts(house) == ["nurse", "son", "nurse"]
    assert len({sent.page.id for sent in house.pages}) == 3


def test_it_never_stops_until_somebody_takes_it(house: House) -> None:
    call(house)
    house.wait(4 * 3600)
    assert len(house.pages) == 1 + 4 * 3600 // 120


def test_an_acknowledged_alarm_is_not_resolved_and_pages_nobody_else(house: House) -> None:
    alarm_id = call(house)
    assert house.do(Acknowledge(alarm_id, "Park")).reply.refusal is None
    assert (house.alarm.state, house.alarm.acknowledged_by) == (AlarmState.ACKNOWLEDGED, "Park")
    house.wait(599)
    assert len(house.pages) == 1


def test_acknowledged_but_not_attended_is_raised_again(house: House) -> None:
    alarm_id = call(house)
    house.do(Acknowledge(alarm_id, "Park"))
    house.wait(600)
    assert len(house.pages) == 2
    assert (house.alarm.state, house.alarm.acknowledged_by) == (AlarmState.NOTIFIED, "")
    assert "raised_again" in house.events()


def test_an_attended_alarm_waits_for_its_end(house: House) -> None:
    alarm_id = call(house)
    house.do(Attend(alarm_id, "Park"))
    house.wait(24 * 3600)
    assert len(house.pages) == 1
    assert house.alarm.state is AlarmState.ATTENDED


def test_a_new_fall_while_somebody_attends_pages_again(house: House) -> None:
    house.fall("f1")
    house.wait(60)
    house.do(Attend(house.alarm.id, "Park"))
    house.fall("f2")
    assert (house.alarm.state, house.alarm.tier, house.alarm.occurrences) == (AlarmState.NOTIFIED, 1, 2)


def test_a_human_may_take_it_before_anybody_was_paged(house: House) -> None:
    house.fall()
    house.do(Acknowledge(house.alarm.id, "Park"))
    assert house.effects_of(StopAsking)
    house.wait(500)
    assert house.pages == []


def test_only_a_name_and_a_reason_resolve(house: House) -> None:
    alarm_id = call(house)
    for by, reason, refusal in (
        ("", "ok", Refusal.NAME_MISSING),
        (" \x00\n", "ok", Refusal.NAME_MISSING),
        ("Park", "", Refusal.REASON_MISSING),
        ("Park", "\t\x1b", Refusal.REASON_MISSING),
    ):
        reply = house.do(Resolve(alarm_id, by, reason)).reply
        assert reply.refusal is refusal
        assert reply.sentence.ko
        assert reply.sentence.en
    assert house.alarm.state is AlarmState.NOTIFIED
    assert house.do(Resolve(alarm_id, "Park", "helped her up")).reply.refusal is None
    assert (house.alarm.resolved_by, house.alarm.resolution) == ("Park", "helped her up")


def test_nobody_acknowledges_without_a_name(house: House) -> None:
    assert house.do(Acknowledge(call(house), " ")).reply.refusal is Refusal.NAME_MISSING


def test_an_unknown_or_resolved_alarm_is_refused(house: House) -> None:
    alarm_id = call(house)
    assert house.do(Acknowledge("nonsense", "Park")).reply.refusal is Refusal.UNKNOWN_ALARM
    house.do(Resolve(alarm_id, "Park", "fine"))
    assert house.do(Acknowledge(alarm_id, "Lee")).reply.refusal is Refusal.ALREADY_RESOLVED
    assert house.do(Resolve(alarm_id, "Lee", "fine")).reply.refusal is Refusal.ALREADY_RESOLVED
    assert house.alarm.resolved_by == "Park"


def test_a_resolved_alarm_is_shown_for_an_hour(house: House) -> None:
    house.do(Resolve(call(house), "Park", "fine"))
    house.wait(3599)
    assert len(house.alarms) == 1
    house.wait(1)
    assert house.alarms == ()


def test_a_new_call_after_the_end_is_a_new_alarm(house: House) -> None:
    first = call(house)
    house.do(Resolve(first, "Park", "fine"))
    house.wait(1)
    house.do(Heard("도와주세요", house.now))
    assert [a.state for a in house.alarms] == [AlarmState.NOTIFIED, AlarmState.RESOLVED]
    assert len(house.pages) == 2


def test_the_same_fall_never_raises_twice_even_after_its_end(house: House) -> None:
    house.fall()
    house.do(Resolve(house.alarm.id, "Park", "fine"))
    house.fall()
    house.wait(7200)
    house.fall()
    house.restart()
    house.fall()
    assert house.alarms == ()
    assert house.pages == []


def test_medium_alarms_give_a_tier_more_time(house: House) -> None:
    house.do(Raise(AlarmKind.INACTIVITY, Priority.MEDIUM, "x"))
    house.wait(299)
    assert len(house.pages) == 1
    house.wait(1)
    assert len(house.pages) == 2


# Channels -------------------------------------------------------------------------------------------


def test_a_dead_channel_raises_a_technical_alarm_and_the_next_one_is_used(house: House) -> None:
    house.channels["webhook"] = False
    call(house)
    first, second, *_ = [sent for sent in house.pages if sent.page.priority is Priority.HIGH]
    assert (first.channel, second.channel) == (0, 1)
    assert first.page.id == second.page.id
    assert second.repeat
    (technical,) = [a for a in house.alarms if a.priority is Priority.TECHNICAL]
    assert "nurse/webhook" in technical.history[0].reason.en
    assert "example.org" not in technical.history[0].reason.en


def test_a_channel_that_never_answers_is_dead_too(house: House) -> None:
    del house.channels["webhook"]
    call(house)
    house.wait(25)
    assert [house.channel_of(s) for s in house.pages if s.page.kind is AlarmKind.HELP] == [
        "webhook",
        "console",
    ]
    assert any(a.priority is Priority.TECHNICAL for a in house.alarms)


def test_a_channel_that_dies_after_somebody_took_the_alarm_pages_nobody_else(house: House) -> None:
    del house.channels["webhook"]
    house.do(Acknowledge(call(house), "Park"))
    house.wait(30)
    assert len(house.pages) == 1


def test_a_tier_that_cannot_be_reached_is_not_waited_for(house: House) -> None:
    for channel in house.channels:
        house.channels[channel] = False
    call(house)
    assert "son" in contacts(house)
    house.channels["console"] = True
    house.wait(15)
    assert "page_delivered" in house.events()


def test_one_dead_channel_is_one_technical_alarm_with_a_counter(house: House) -> None:
    house.channels["webhook"] = False
    call(house)
    house.wait(4 * 3600)
    (technical,) = [a for a in house.alarms if a.priority is Priority.TECHNICAL]
    assert technical.occurrences > 50
    assert technical.rounds == 1


def test_a_technical_alarm_is_paged_once_and_does_not_climb(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.do(Raise(AlarmKind.TECHNICAL, Priority.TECHNICAL, "camera-1", reason="blind"))
    house.wait(24 * 3600)
    assert contacts(house) == ["nurse"]


def test_results_that_belong_to_nothing_are_ignored(house: House) -> None:
    call(house)
    before = house.alarms
    for ended in (PageEnded("nonsense", 0, True), PageEnded(house.pages[0].page.id, 7, False)):
        house.do(ended)
    assert house.alarms == before


def test_everybody_of_a_tier_is_paged(tmp_path: Path) -> None:
    console = [{"type": "console"}]
    config = parse_config({"contacts": [{"id": i, "channels": console} for i in ("a", "b")]}, "two")
    house = House(tmp_path, config)
    call(house)
    assert contacts(house) == ["a", "b"]


# Uncertain pages and waiting longer ------------------------------------------------------------------

ONE_WEBHOOK = parse_config(
    {"contacts": [{"id": "son", "channels": [{"type": "webhook", "url": "https://example.org/x"}]}]}, "one"
)


@pytest.fixture
def dead(tmp_path: Path) -> House:
    """One contact, whose only channel never confirms a page."""
    house = House(tmp_path, ONE_WEBHOOK)
    house.channels = {"webhook": False}
    return house


def care_pages(house: House) -> list[SendPage]:
    return [sent for sent in house.pages if sent.page.priority is Priority.HIGH]


def test_a_page_that_may_have_arrived_is_only_repeated_under_its_id(dead: House) -> None:
    call(dead)
    dead.wait(600)
    dead.restart()
    dead.wait(600)
    assert len({sent.page.id for sent in care_pages(dead)}) == 1
    assert [sent.repeat for sent in care_pages(dead)] == [False] + [True] * (len(care_pages(dead)) - 1)
    assert len(care_pages(dead)) >= 6


def test_so_is_one_whose_channel_never_answers(dead: House) -> None:
    dead.channels = {}
    dead.config = dead.config.model_copy(update={"timeouts": Timeouts(next_tier_s=5.0)})
    dead.restart()
    call(dead)
    dead.wait(600)
    assert len({sent.page.id for sent in care_pages(dead)}) == 1
    assert [sent.repeat for sent in care_pages(dead)][:3] == [False, True, True]


def test_once_delivered_and_not_taken_the_next_page_is_a_new_one(dead: House) -> None:
    call(dead)
    dead.channels = {"webhook": True}
    dead.wait(15)
    dead.wait(120)
    first, again, new = care_pages(dead)
    assert first.page.id == again.page.id != new.page.id
    assert (again.repeat, new.repeat) == (True, False)


def test_a_new_event_is_a_new_page_whatever_became_of_the_last(dead: House) -> None:
    dead.do(Acknowledge(call(dead), "Park"))
    dead.wait(1)
    dead.do(Heard("도와주세요", dead.now))
    first, new = care_pages(dead)
    assert first.page.id != new.page.id
    assert not new.repeat


def test_a_delivery_that_is_reported_late_ends_the_doubt(dead: House) -> None:
    call(dead)
    dead.page_ends(care_pages(dead)[0], delivered=True)
    dead.wait(119)
    assert len(care_pages(dead)) == 1
    assert dead.events()[-1] == "page_delivered"


def test_the_wait_doubles_up_to_five_minutes_while_nobody_is_reached(dead: House) -> None:
    call(dead)
    sent_s: list[float] = []
    while len(sent_s) < 8:
        before = len(care_pages(dead))
        dead.wait(1)
        if len(care_pages(dead)) > before:
            sent_s.append((dead.now - START).total_seconds())
    assert [b - a for a, b in pairwise([0.0, *sent_s])] == [15, 30, 60, 120, 240, 300, 300, 300]


def test_a_channel_that_stays_dead_fills_no_history(dead: House) -> None:
    call(dead)
    dead.wait(3 * 3600)
    assert dead.events() == ["raised", "paged", "page_failed"]
    (technical,) = [a for a in dead.alarms if a.priority is Priority.TECHNICAL]
    assert technical.occurrences >= len(care_pages(dead))  # and the self-tests
    assert len(technical.history) == 1


def test_a_technical_alarm_is_not_paged_by_the_channel_that_it_reports_as_dead(dead: House) -> None:
    call(dead)
    dead.wait(3600)
    assert {sent.page.kind for sent in dead.pages} == {AlarmKind.HELP}


def test_a_dead_channel_is_told_to_the_next_tier_where_the_first_has_no_other(tmp_path: Path) -> None:
    people = [*ONE_WEBHOOK.contacts, TWO_TIERS.contacts[1].model_copy(update={"id": "aunt"})]
    house = House(tmp_path, ONE_WEBHOOK.model_copy(update={"contacts": tuple(people)}))
    house.channels["webhook"] = False
    call(house)
    assert [s.page.contact_id for s in house.pages if s.page.kind is AlarmKind.TECHNICAL] == ["aunt"]


def test_a_technical_alarm_that_reaches_nobody_is_not_tried_for_ever(dead: House) -> None:
    dead.do(Raise(AlarmKind.TECHNICAL, Priority.TECHNICAL, "camera-1", reason="blind"))
    dead.wait(3600)
    assert len(dead.pages) == 6
    dead.wait(24 * 3600)
    assert len(dead.pages) == 6


def test_only_an_open_alarm_absorbs_what_is_reported_again_under_its_id(house: House) -> None:
    button = Raise(AlarmKind.MANUAL, Priority.HIGH, "button_bathroom", by="button")
    ids = []
    for _ in range(3):
        ids.append(house.do(button).reply.alarm_id)
        assert house.do(button).reply.alarm_id == ids[-1]
        house.restart()
        assert house.do(button).reply.alarm_id == ids[-1]
        house.do(Resolve(ids[-1], "Park", "seen to"))
    house.wait(86400)
    ids.append(house.do(button).reply.alarm_id)
    assert len(set(ids)) == 4
    assert len(house.pages) == 4


# Restarts -------------------------------------------------------------------------------------------


def test_an_unconfirmed_page_is_sent_again_under_its_id(house: House) -> None:
    del house.channels["webhook"]
    call(house)
    (first,) = house.pages
    house.restart()
    second = house.pages[-1]
    assert second.page.id == first.page.id
    assert (first.repeat, second.repeat) == (False, True)


def test_a_confirmed_page_is_not_sent_again(house: House) -> None:
    call(house)
    assert len(house.pages) == 1
    house.restart()
    assert len(house.pages) == 1


def test_a_page_is_not_repeated_once_somebody_took_the_alarm(house: House) -> None:
    del house.channels["webhook"]
    house.do(Acknowledge(call(house), "Park"))
    house.restart()
    assert len(house.pages) == 1


def test_deadlines_go_on_over_a_restart(house: House) -> None:
    call(house)
    house.wait(100)
    house.restart(after_s=10)
    house.wait(9)
    assert contacts(house) == ["nurse"]
    house.wait(1)
    assert contacts(house) == ["nurse", "son"]


def test_deadlines_that_passed_meanwhile_are_met_at_once(house: House) -> None:
    house.fall()
    house.restart(after_s=3600)
    assert len(house.pages) == 1


def test_a_question_that_died_with_the_process_is_put_again_in_what_time_is_left(house: House) -> None:
    house.fall()
    house.restart(after_s=30)
    assert len(house.effects_of(type(house.question))) == 2
    house.answer("괜찮아요")
    house.fall(state=FallState.RECOVERED)
    assert house.alarm.state is AlarmState.RESOLVED


def test_restarting_again_and_again_does_not_put_off_the_page(house: House) -> None:
    house.fall()
    for _ in range(7):
        house.restart(after_s=9)
    assert len({sent.page.id for sent in house.pages}) == 1


def test_an_acknowledgement_survives(house: House) -> None:
    house.do(Acknowledge(call(house), "Park"))
    house.restart()
    assert house.alarm.acknowledged_by == "Park"
    house.wait(600)
    assert house.alarm.state is AlarmState.NOTIFIED


def test_a_contact_who_is_gone_from_the_configuration_is_replaced_by_the_next_tier(tmp_path: Path) -> None:
    house = House(tmp_path)
    del house.channels["webhook"]
    call(house)
    console = (
        {"id": "new", "channels": [{"type": "console"}]},
        {"id": "son", "tier": 2, "channels": [{"type": "console"}]},
    )
    house.config = parse_config({"residents": [{"id": "kim"}], "contacts": list(console)}, "new")
    house.restart()
    assert contacts(house)[-1] == "son"


def test_a_clock_that_is_behind_the_database_does_not_put_off_the_page(house: House) -> None:
    house.fall()
    house.restart(after_s=-24 * 3600)
    house.wait(60)
    assert len(house.pages) == 1
