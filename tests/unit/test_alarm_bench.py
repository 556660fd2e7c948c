"""The bench of the alarms: what it finds where nothing is wrong, and that it finds what is."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_robot.care.alarms import Snapshot
from care_robot.care.dialogue import Intent
from care_robot.care.effects import Outcome, SendPage
from care_robot.care.engine import CareEngine
from care_robot.evaluation import alarm_burden, alarm_timelines
from care_robot.evaluation.alarm_boundaries import Receiver
from care_robot.evaluation.alarm_judge import Act, Facts, Happened, Shown, judge
from care_robot.evaluation.alarm_kills import Trial
from care_robot.evaluation.alarm_pictures import write_pictures
from care_robot.evaluation.alarm_report import (
    help_rows,
    kill_row,
    load_rows,
    metrics_of,
    read_rows,
    timeline_row,
    write,
)
from care_robot.evaluation.bench import BenchError
from care_robot.gateways.webhook import WebhookChannel

SEED = 5


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    with alarm_timelines.empty_database() as folder:
        yield folder


def found(template: Path, *names: str, among: int = 40) -> bool:
    """Whether the judge finds something of that kind; it looks no further than at the first."""
    rows = (timeline_row(alarm_timelines.tell(SEED, n, template)) for n in range(among))
    return any(row[name] for row in rows for name in names)


# Timelines


def test_nothing_is_lost_late_or_shown_twice(template: Path) -> None:
    assert not found(template, "lost", "late", "shown_twice", "unmarked", among=8)


def test_a_timeline_is_the_same_each_time_and_another_for_another_number(template: Path) -> None:
    first, second = (timeline_row(alarm_timelines.tell(SEED, 3, template)) for _ in range(2))
    assert first == second
    assert timeline_row(alarm_timelines.tell(SEED, 4, template)) != {**first, "n": 4}


def test_timelines_have_faults_and_events_in_them(template: Path) -> None:
    tolds = [alarm_timelines.tell(SEED, n, template) for n in range(8)]
    assert sum(told.kills for told in tolds) > 0
    assert any(told.facts.breaks for told in tolds)
    assert any(told.facts.troubles for told in tolds)
    assert any(told.facts.acts for told in tolds)
    assert all(told.facts.events for told in tolds)


class _Broken:
    """Replaces what the engine answers with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
        for name in ("handle", "restore"):
            original = getattr(CareEngine, name)

            def broken(engine: CareEngine, *args: Any, original: Any = original) -> Outcome:
                outcome: Outcome = original(engine, *args)
                change(outcome)
                return outcome

            monkeypatch.setattr(CareEngine, name, broken)


def test_pages_that_are_never_sent_are_lost(template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def drop(outcome: Outcome) -> None:
        outcome.effects = [e for e in outcome.effects if not isinstance(e, SendPage)]

    _Broken(monkeypatch, drop)
    assert found(template, "lost")


def test_a_process_that_forgets_its_open_alarms_loses_them(
    template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore = CareEngine.restore
    monkeypatch.setattr(
        CareEngine, "restore", lambda engine, now, known: restore(engine, now, Snapshot(seen=known.seen))
    )
    assert found(template, "lost")


def test_a_page_that_gets_a_new_id_after_each_restart_is_shown_twice(
    template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rename(outcome: Outcome) -> None:
        outcome.effects = [
            replace(e, page=replace(e.page, id=f"{e.page.id}-again"))
            if isinstance(e, SendPage) and e.repeat
            else e
            for e in outcome.effects
        ]

    _Broken(monkeypatch, rename)
    assert found(template, "shown_twice")


def test_a_repetition_without_a_mark_is_found(template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unmark(outcome: Outcome) -> None:
        outcome.effects = [
            replace(e, repeat=False) if isinstance(e, SendPage) else e for e in outcome.effects
        ]

    _Broken(monkeypatch, unmark)
    assert found(template, "unmarked")


def test_an_engine_that_takes_every_answer_for_an_ok_loses_falls(
    template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from care_robot.care import asking

    real = asking.dialogue.understand

    def hopeful(*args: Any) -> Any:
        return replace(real(*args), intent=Intent.OK)

    monkeypatch.setattr(asking.dialogue, "understand", hopeful)
    assert found(template, "lost", "late")


def test_an_engine_whose_deadlines_come_too_late_is_late(
    template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CareEngine, "_act_on_deadlines", lambda _engine: None)
    assert found(template, "lost", "late")


# The judge


def fall(**fields: Any) -> Happened:
    return Happened(
        **{
            "id": "f",
            "resident": "Kim",
            "group": "fall",
            "person": "k",
            "at_s": 10.0,
            "offered_s": 10.0,
            **fields,
        }
    )


def shown(t_s: float, page_id: str = "p1", **fields: Any) -> Shown:
    return Shown(
        **{
            "t_s": t_s,
            "sent_s": t_s,
            "contact": "nurse",
            "tier": 1,
            "page_id": page_id,
            "alarm_id": "a1",
            "resident": "Kim",
            "group": "fall",
            **fields,
        }
    )


def facts(**fields: Any) -> Facts:
    return Facts(
        **{
            "next_tier_s": 120.0,
            "attend_s": 600.0,
            "recover_s": 300.0,
            "tiers": 1,
            "events": [fall()],
            **fields,
        }
    )


def test_a_page_within_75_s_is_in_time_and_one_after_it_is_late() -> None:
    assert not judge(facts(shown=[shown(84.0)])).late
    assert judge(facts(shown=[shown(87.0)])).late
    assert judge(facts()).lost


def test_a_page_of_somebody_else_does_not_count() -> None:
    assert judge(facts(shown=[shown(20.0, resident="Lee")])).lost
    assert judge(facts(shown=[shown(20.0, group="help")])).lost


def test_an_ok_counts_only_with_getting_up() -> None:
    ok = {"oks": [(20.0, "Kim")]}
    assert not judge(facts(**ok, up=[(200.0, "f", True)])).pages
    (paged,) = judge(facts(**ok, shown=[shown(322.0)])).pages
    assert not paged.late
    assert judge(facts(**ok, up=[(400.0, "f", True)])).lost


def test_an_ok_before_the_fall_or_of_one_of_two_people_does_not_count() -> None:
    assert judge(facts(oks=[(5.0, "Kim")], up=[(6.0, "f", True)])).lost
    two = [fall(), fall(id="g", person="visitor")]
    assert len(judge(facts(events=two, oks=[(20.0, "Kim")], up=[(30.0, "f", True)])).lost) == 2


def test_a_new_fall_after_an_ok_is_owed_a_page_of_its_own() -> None:
    events = [fall(), fall(id="g", at_s=100.0, offered_s=100.0)]
    lost = judge(facts(events=events, oks=[(20.0, "Kim")], up=[(50.0, "f", True)])).lost
    assert [v.what for v in lost] == ["g"]


def test_who_takes_an_alarm_before_its_page_has_been_told() -> None:
    taken = Act(30.0, "a1", "Kim", "fall", "attend")
    assert not judge(facts(acts=[taken])).lost


def test_who_takes_an_alarm_and_does_not_come_is_paged_about_it() -> None:
    taken = Act(40.0, "a1", "Kim", "fall", "acknowledge")
    (lost,) = judge(facts(shown=[shown(30.0)], acts=[taken])).lost
    assert lost.due_s == pytest.approx(655.0)
    assert not judge(facts(shown=[shown(30.0), shown(641.0, "p2")], acts=[taken])).lost


def test_the_second_tier_is_owed_a_page_when_nobody_takes_it() -> None:
    assert judge(facts(tiers=2, shown=[shown(30.0)])).lost
    second = shown(151.0, "p2", contact="son", tier=2)
    assert not judge(facts(tiers=2, shown=[shown(30.0), second])).lost


def test_two_ids_for_the_same_are_shown_twice_unless_something_new_came_between() -> None:
    twice = [shown(30.0), shown(40.0, "p2")]
    assert judge(facts(shown=twice)).shown_twice
    assert not judge(facts(shown=twice, events=[fall(), fall(id="g", at_s=35.0, offered_s=35.0)])).shown_twice
    assert not judge(facts(shown=[shown(30.0), shown(150.0, "p2")])).shown_twice


def test_time_without_a_process_or_a_channel_is_added_to_the_limit() -> None:
    late = [shown(95.0)]
    assert judge(facts(shown=late)).late
    assert not judge(facts(shown=late, downtimes=[(60.0, 90.0)])).late
    assert not judge(facts(shown=late, troubles=[(60.0, 90.0)])).late
    assert judge(facts(shown=late, downtimes=[(1.0, 5.0)])).late


@given(st.lists(st.floats(10.0, 1000.0), max_size=5))
def test_a_fall_is_lost_exactly_where_no_page_came(times: list[float]) -> None:
    lost = judge(facts(shown=[shown(t_s, f"p{n}") for n, t_s in enumerate(times)])).lost
    assert bool(lost) is not bool(times)


# Burden


def test_the_burden_is_the_same_for_the_same_seed_and_falls_with_the_rate_of_false_events() -> None:
    few, many = (alarm_burden.measure(1, rate, days=10, residents=2) for rate in (0.4, 4.0))
    assert few == alarm_burden.measure(1, 0.4, days=10, residents=2)
    assert few.false_events == 8
    assert many.false_events == 80
    assert few.false_pages_per_resident_day < many.false_pages_per_resident_day
    assert few.paged_rate == many.paged_rate == 1.0


def test_a_ward_whose_pages_are_not_sent_has_no_falls_paged(monkeypatch: pytest.MonkeyPatch) -> None:
    def drop(outcome: Outcome) -> None:
        outcome.effects = [e for e in outcome.effects if not isinstance(e, SendPage)]

    _Broken(monkeypatch, drop)
    monkeypatch.setattr(alarm_burden, "TRUE_RATE", 1.0)
    assert alarm_burden.measure(1, 1.0, days=1, residents=2).paged_rate == 0.0


# The receiver of pages


def test_the_receiver_shows_an_id_once_and_keeps_count_of_what_came() -> None:
    steps: list[str] = []
    with Receiver(steps.append) as receiver:
        channel = WebhookChannel(receiver.url)
        channel.test()
        message = {"page_id": "p1", "room": "room1"}
        channel.send({**message, "repeat": False})
        channel.send({**message, "repeat": True})
        assert receiver.wait("room1", math.inf) is not None
    assert len(receiver.of_room("room1")) == 1
    assert receiver.arrivals == [("p1", False), ("p1", True)]
    assert steps.count("read") == steps.count("answered") == 2


# The report


def rows() -> list[dict[str, Any]]:
    trials = [
        Trial(0, "read", 0.0, kills=1, page_s=2.0, pages_shown=1),
        Trial(1, "commit", 5.0, kills=2, pages_shown=0),
    ]
    return [*map(kill_row, trials), *help_rows([0.1, None]), *load_rows([0.01, 0.02])]


def test_the_metrics_are_those_that_programs_rely_on(template: Path) -> None:
    told = alarm_timelines.tell(SEED, 0, template)
    metrics = metrics_of([timeline_row(told), *rows()])
    assert metrics["trials"] == 1
    assert metrics["kills"] == 3
    assert metrics["lost"] == 2  # one fall and one call
    assert metrics["shown_twice"] == 0
    assert metrics["help_to_page_p95_s"] == 0.1
    assert metrics["decision_p95_ms"] == 19.5


def test_a_page_shown_twice_by_a_real_receiver_counts() -> None:
    assert metrics_of([kill_row(Trial(0, "read", 0.0, 1, 2.0, pages_shown=2))])["shown_twice"] == 1


def test_a_report_can_be_gone_on_with_and_only_with_its_own_seed(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    assert read_rows(path, 3) == []
    write(rows(), 3, path)
    assert read_rows(path, 3) == json.loads(path.read_text())["trials"] == rows()
    with pytest.raises(BenchError, match="seed 3"):
        read_rows(path, 4)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"command": "bench alarms", "seed": 3, "trials": [{}]}', "\udcff"]
)
def test_a_file_that_is_no_report_is_refused_with_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BenchError, match="no report"):
        read_rows(path, 3)


def test_pictures_are_drawn_of_what_there_is(template: Path, tmp_path: Path) -> None:
    from care_robot.evaluation.alarm_report import burden_row

    assert write_pictures([], tmp_path / "r.json") == []
    told = timeline_row(alarm_timelines.tell(SEED, 0, template))
    burden = burden_row(alarm_burden.measure(1, 1.0, days=2, residents=2))
    paths = write_pictures([told, *rows(), burden], tmp_path / "r.json")
    assert [p.name for p in paths] == ["r_pages.png", "r_burden.png"]
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in paths)
