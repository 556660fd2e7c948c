"""How clips are scored: design of the evaluation, rule by rule."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stick_people import stick_body

from care_robot.evaluation.fall_manifest import Clip, Label
from care_robot.evaluation.fall_scoring import Scored, by, metrics_of, score_clip, wilson, worst_first
from care_robot.evaluation.fall_watch import Look
from care_robot.perception.fall_events import Evidence, FallEvent, Kind, State

FPS = 10.0
FRAMES = 60
FALL = Clip(
    2, "fall.mp4", Path("fall.mp4"), Label.FALL, FPS, FRAMES, 2.0, 3.0, "person A", "falls from a chair"
)
ADL = replace(FALL, line=3, file="sit.mp4", label=Label.ADL, fall_start_s=math.nan, fall_end_s=math.nan)


def event(
    confirmed_s: float | None, kind: Kind = Kind.FALL, score: float = 0.7, name: str = "a"
) -> FallEvent:
    state = State.SUSPECTED if confirmed_s is None else State.CONFIRMED
    evidence = (Evidence("hip_drop", 0.41, "torso", 0.55),)
    return FallEvent(name, kind, state, "body_a", "camera", 2.2, confirmed_s, None, score, evidence)


def looks(*events: FallEvent, unseen: int = 0) -> list[Look]:
    """A look at each picture and two held seconds; events are there from when they are confirmed on."""
    made = []
    for n in range(FRAMES + 20):
        t_s = n / FPS
        there = [e for e in events if t_s >= (e.start_s if e.confirmed_s is None else e.confirmed_s)]
        made.append(Look(t_s, [] if n < unseen else [stick_body()], [], there))
    return made


def score(clip: Clip, *events: FallEvent) -> Scored:
    return score_clip(clip, looks(*events), FRAMES, FRAMES / FPS)


@pytest.mark.parametrize(
    ("confirmed_s", "found"), [(1.4, False), (1.5, True), (2.5, True), (6.0, True), (6.1, False)]
)
def test_a_fall_is_found_from_half_a_second_before_it_to_three_after(confirmed_s: float, found: bool) -> None:
    scored = score(FALL, event(confirmed_s))
    assert scored.right is found
    assert len(scored.false_alarms) == (not found)
    assert scored.latency_s == (pytest.approx(confirmed_s - 3.0) if found else None)
    assert bool(scored.reason) is not found


def test_a_fall_confirmed_while_the_last_pose_is_held_is_found() -> None:
    late = replace(FALL, fall_start_s=5.0, fall_end_s=5.9)
    assert score(late, event(7.5)).right


def test_a_suspicion_and_somebody_found_lying_find_no_fall() -> None:
    suspected = score(FALL, event(None, score=0.4))
    assert not suspected.right
    assert "only suspected" in suspected.reason
    assert "hip_drop 0.41 torso against 0.55" in suspected.reason
    lying = score(FALL, event(3.5, Kind.LYING))
    assert not lying.right
    assert "somebody lying" in lying.reason
    assert lying.score == 0.0
    nothing = score_clip(FALL, looks(unseen=30), FRAMES, FRAMES / FPS)
    assert "nothing was suspected" in nothing.reason
    assert "in 30 of 40 pictures" in nothing.reason


def test_an_activity_is_right_with_no_confirmed_fall_even_where_somebody_is_found_lying() -> None:
    assert score(ADL).right
    assert score(ADL, event(None)).right
    assert score(ADL, event(4.0, Kind.LYING)).right
    wrong = score(ADL, event(7.9))
    assert not wrong.right
    assert "A fall was confirmed at 7.9 s, although nobody falls" in wrong.reason


def test_an_event_that_goes_on_or_recovers_counts_once() -> None:
    confirmed = event(3.5)
    made = looks(confirmed)
    for n, look in enumerate(made[50:], 50):
        later = replace(confirmed, state=State.RECOVERED, recovered_s=5.0, score=0.9)
        made[n] = replace(look, events=[later])
    scored = score_clip(FALL, made, FRAMES, FRAMES / FPS)
    assert len(scored.alarms) == 1
    assert scored.score == 0.9


def test_figures() -> None:
    scored = [
        score(FALL, event(3.5)),
        score(FALL, event(3.2, name="a"), event(4.0, name="b")),  # told twice: no false alarm
        score(FALL, event(1.0, name="a"), event(3.1, name="b")),  # one outside the window is
        score(FALL),
        score(ADL),
        score(ADL, event(1.0, name="a"), event(2.0, name="b")),
        score(ADL, event(1.0, Kind.LYING)),
    ]
    metrics = metrics_of(scored)
    assert metrics["sensitivity"] == 0.75
    assert metrics["specificity"] == pytest.approx(2 / 3, abs=1e-4)
    assert metrics["precision"] == 0.5  # three found falls, three false alarms
    assert metrics["f1"] == pytest.approx(0.6)
    assert metrics["false_alarms_per_hour"] == pytest.approx(2 / (3 * 6.0 / 3600))
    assert metrics["latency_p50_s"] == pytest.approx(0.2)
    assert metrics["lying_events"] == 1
    assert metrics["pose_share"] == 1.0
    assert metrics["sensitivity_low"] < 0.75 < metrics["sensitivity_high"]


def test_the_report_has_the_names_that_others_rely_on() -> None:
    names = (
        "sensitivity specificity precision f1 false_alarms_per_hour latency_p50_s latency_p95_s pose_share "
        "sensitivity_low sensitivity_high specificity_low specificity_high"
    )
    assert set(names.split()) <= set(metrics_of([score(FALL, event(3.5)), score(ADL)]))


@pytest.mark.parametrize("scored", [[], [score(FALL)], [score(ADL)]])
def test_what_cannot_be_measured_is_left_out(scored: list[Scored]) -> None:
    metrics = metrics_of(scored)
    assert all(math.isfinite(value) for value in metrics.values())
    assert ("sensitivity" in metrics) is any(s.clip.label is Label.FALL for s in scored)
    assert ("specificity" in metrics) is any(s.clip.label is Label.ADL for s in scored)


def test_groups_and_activities_are_counted_apart() -> None:
    other = replace(FALL, group="person B", activity="falls while standing")
    scored = [score(FALL, event(3.5)), score(FALL), score(other, event(3.5))]
    groups = by(lambda clip: clip.group, scored)
    assert list(groups) == ["person A", "person B"]
    assert (groups["person A"]["clips"], groups["person A"]["right"]) == (2, 1)
    assert groups["person B"]["low"] < 1.0


def test_the_worst_error_comes_first() -> None:
    missed = score(replace(FALL, file="missed"))
    nearly = score(replace(FALL, file="nearly"), event(None, score=0.45))
    alarm = score(replace(ADL, file="alarm"), event(2.0, score=0.9))
    beside = score(replace(FALL, file="beside"), event(0.5, name="a"), event(3.5, name="b"))
    right = score(FALL, event(3.5))
    ordered = worst_first([right, beside, nearly, alarm, missed])
    assert [s.clip.file for s in ordered] == ["missed", "alarm", "nearly", "beside"]


@given(st.integers(1, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_an_interval_holds_its_share_and_mirrors(case: tuple[int, int]) -> None:
    hits, of = case
    low, high = wilson(hits, of)
    assert 0.0 <= low <= hits / of + 1e-12
    assert hits / of - 1e-12 <= high <= 1.0
    assert wilson(of - hits, of) == pytest.approx((1.0 - high, 1.0 - low))


def test_the_interval_is_wilsons() -> None:
    # Newcombe, Statistics in Medicine 17, 1998, 857-872, table I, method 3.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    with pytest.raises(ValueError, match="no share"):
        wilson(0, 0)
