"""`bench falls`: its trials, its verdicts, its report, and one short trial for real."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_robot.console.errors import UsageError
from care_robot.evaluation.bench import BenchError
from care_robot.evaluation.fall_bench import Row, judge, row_of, watch
from care_robot.evaluation.fall_bench_recipe import KINDS, Part, Trial, body_of, counts, keys
from care_robot.evaluation.fall_bench_report import metrics_of, missing_trials, read_rows, shares, write
from care_robot.evaluation.fall_bench_stage import Stage
from care_robot.evaluation.fall_bench_view import Played, Truth
from care_robot.evaluation.report import Report
from care_robot.perception.fall_events import FallEvent, Kind, State
from care_robot.perception.posture import Posture

SEED = 1000  # one of those to tune on


# --- what the trials are ------------------------------------------------------------------------------


@given(st.integers(0, 2**31), st.sampled_from(Part), st.integers(0, 300))
def test_a_trial_is_given_by_its_seed_and_number_alone(seed: int, part: Part, n: int) -> None:
    assert Trial.of(seed, part, n) == Trial.of(seed, part, n)
    assert Trial.of(seed, part, n).kind == KINDS[part][n % len(KINDS[part])]


def test_another_seed_gives_other_trials() -> None:
    def views(seed: int) -> list[tuple[float, int]]:
        return [(t.distance_m, t.octant) for t in (Trial.of(seed, Part.FALL, n) for n in range(20))]

    assert views(0) != views(1)


def test_a_hundred_falls_come_with_the_activities_and_the_people_found_lying_that_are_required() -> None:
    assert counts(100) == {Part.FALL: 100, Part.ACTIVITY: 150, Part.LYING: 25}
    every = [Trial.of(0, *key) for key in keys(100)]
    of = Counter((trial.part, trial.kind) for trial in every)
    assert {kind for part, kind in of if part is Part.FALL} == set(KINDS[Part.FALL])
    assert all(of[Part.ACTIVITY, kind] == 10 for kind in KINDS[Part.ACTIVITY])
    assert min(Counter(trial.octant for trial in every if trial.part is Part.FALL).values()) >= 5
    for name in ("camera", "light", "carries", "visitor", "moving"):
        assert min(Counter(getattr(trial, name) for trial in every).values()) >= 25, name


def test_more_trials_begin_with_those_of_fewer() -> None:
    assert set(keys(10)) <= set(keys(30))


def test_trials_of_one_body_follow_each_other() -> None:
    bodies = [body_of(*key) for key in keys(100)]
    assert bodies == sorted(bodies)
    assert max(Counter(bodies).values()) <= 15


# --- what counts ---------------------------------------------------------------------------------------


def event(kind: Kind, confirmed_s: float) -> FallEvent:
    return FallEvent("1", kind, State.CONFIRMED, "body_a", "camera", confirmed_s - 1, confirmed_s, score=0.9)


def trial(part: Part, kind: str) -> Trial:
    return replace(Trial.of(SEED, part, 0), kind=kind)


FALL = Truth(begin_s=3.0, end_s=4.0, octant=0, distance_m=2.0, in_sight=1.0, room="kitchen")
NO_FALL = replace(FALL, begin_s=math.nan, end_s=math.nan)


@pytest.mark.parametrize(
    ("kind", "events", "right", "false"),
    [
        ("forward", [event(Kind.FALL, 5.0)], True, 0),
        ("forward", [event(Kind.FALL, 7.0)], True, 0),
        ("forward", [event(Kind.FALL, 7.1)], False, 0),
        ("forward", [event(Kind.FALL, 2.0)], False, 1),
        ("forward", [event(Kind.FALL, 2.0), event(Kind.FALL, 5.0)], True, 1),
        ("forward", [event(Kind.LYING, 5.0)], False, 0),
        ("forward", [], False, 0),
        ("slide", [event(Kind.LYING, 15.0)], True, 0),
        ("slide", [event(Kind.FALL, 5.0)], True, 0),
        ("slide", [event(Kind.LYING, 17.0)], False, 0),
    ],
)
def test_a_fall_is_found_in_time_or_missed(
    kind: str, events: list[FallEvent], right: bool, false: int
) -> None:
    is_right, false_events, reason = judge(trial(Part.FALL, kind), FALL, events)
    assert (is_right, false_events) == (right, false)
    assert bool(reason) is not right


@pytest.mark.parametrize(
    ("kind", "events", "false"),
    [
        ("kneels", [], 0),
        ("kneels", [event(Kind.FALL, 5.0)], 1),
        ("lies_down_on_bed", [event(Kind.LYING, 12.0)], 1),
        ("lies_down_on_floor", [event(Kind.LYING, 12.0)], 0),
        ("lies_down_on_floor", [event(Kind.FALL, 5.0), event(Kind.LYING, 12.0)], 1),
    ],
)
def test_whoever_does_not_fall_gives_no_event_unless_they_lie_on_the_floor(
    kind: str, events: list[FallEvent], false: int
) -> None:
    right, false_events, reason = judge(trial(Part.ACTIVITY, kind), NO_FALL, events)
    assert (right, false_events) == (false == 0, false)
    assert bool(reason) is bool(false)


# --- the report -----------------------------------------------------------------------------------------


def row(part: Part, n: int, *, right: bool = True, **changed: Any) -> Row:
    fields = {
        "part": part.value,
        "n": n,
        "kind": KINDS[part][n % len(KINDS[part])],
        "right": right,
        "false_events": 0 if right or part is not Part.ACTIVITY else 1,
        "reason": "" if right else "Missed.",
        "camera": "room",
        "octant": n % 8,
        "light": "day",
        "visitor": False,
        "carries": "",
        "latency_s": 0.5 if right else None,
        "pose_share": 1.0,
        "lying_pose_share": None if part is Part.ACTIVITY else 0.5,
    }
    return {**fields, **changed}


def skeletons(n: int, false: int = 0) -> Row:
    return {"part": "skeletons", "n": n, "hours": 3.0, "false_events": false, "reason": ""}


def test_metrics_have_the_names_that_are_promised() -> None:
    rows = [row(Part.FALL, n, right=n > 0) for n in range(20)]
    rows += [row(Part.ACTIVITY, n, right=n > 1) for n in range(30)]
    rows += [row(Part.LYING, n) for n in range(5)] + [skeletons(n, n == 3) for n in range(24)]
    metrics = metrics_of(rows)
    assert metrics["sensitivity"] == 0.95
    assert metrics["sensitivity_low"] < 0.95 < metrics["sensitivity_high"]
    assert metrics["false_events_hard_adl"] == 2
    assert metrics["sensitivity_lying"] == 1.0
    assert metrics["hours"] == 72.0
    assert metrics["false_events_per_day"] == pytest.approx(1 / 3, abs=1e-3)
    assert all(math.isfinite(value) for value in metrics.values())


def test_seventy_two_hours_without_an_event_bound_the_rate_at_one_a_day() -> None:
    assert 0.95 <= metrics_of([skeletons(n) for n in range(24)])["false_events_per_day_high"] <= 1.0


def test_what_was_not_measured_has_no_metric() -> None:
    assert metrics_of([]) == {}
    assert "sensitivity" not in metrics_of([skeletons(0)])


def test_the_report_breaks_down_by_what_was_drawn() -> None:
    of = {
        (s["of"], s["by"], s["value"]): s
        for s in shares([row(Part.FALL, n, right=n != 3) for n in range(12)])
    }
    assert (of["fall", "kind", "chair"]["right"], of["fall", "kind", "chair"]["trials"]) == (1, 2)
    assert of["fall", "octant", 3]["right"] == 1
    assert of["fall", "camera", "room"]["low"] < 11 / 12 < of["fall", "camera", "room"]["high"]


def test_a_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    assert read_rows(path, SEED) == []
    done = [row(Part.FALL, 0), row(Part.ACTIVITY, 4), skeletons(2)]
    unstaged = {"part": "unstaged", "of": "fall", "n": 1, "kind": "backward", "reason": "No camera."}
    write([*done, unstaged], SEED, path)
    rows = read_rows(path, SEED)
    assert sorted(map(str, rows)) == sorted(map(str, [*done, unstaged]))
    missing = missing_trials(rows, 4)
    assert {("fall", 0), ("fall", 1), ("activity", 4)}.isdisjoint(missing)
    assert len(missing) == sum(counts(4).values()) - 3


def test_a_report_of_another_seed_command_or_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write([row(Part.FALL, 0)], SEED, path)
    with pytest.raises(BenchError, match="with the seed 1000"):
        read_rows(path, 0)
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "version": "0.0.1"}))
    with pytest.raises(BenchError, match=r"version 0\.0\.1"):
        read_rows(path, SEED)
    Report("bench latency", SEED, {}, []).write(path)
    with pytest.raises(BenchError, match="bench latency"):
        read_rows(path, SEED)


@pytest.mark.parametrize(
    "damage",
    [
        {"trials": None},
        {"trials": ["fall"]},
        {"trials": [{}]},
        {"trials": [{"part": "fall", "n": 0}]},
        {"trials": [{"part": "nap", "n": 0}]},
        {"trials": [row(Part.FALL, 0, right="yes")]},  # type: ignore[arg-type]
        {"trials": [row(Part.FALL, -1)]},
        {"trials": [row(Part.FALL, 0, false_events=1.5)]},
        {"trials": [row(Part.FALL, 0, pose_share=None)]},
        {"trials": [row(Part.FALL, 0, latency_s="soon")]},
        {"trials": [row(Part.FALL, 0, octant={})]},
        {"trials": [{**skeletons(0), "hours": 0}]},
        {"trials": [{**skeletons(0), "hours": "3"}]},
        {"command": None},
    ],
)
def test_a_damaged_report_is_one_sentence(tmp_path: Path, damage: dict[str, Any]) -> None:
    path = tmp_path / "report.json"
    write([row(Part.FALL, 0)], SEED, path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **damage}))
    with pytest.raises(BenchError) as error:
        read_rows(path, SEED)
    assert "\n" not in str(error.value)


@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_other_file_is_one_sentence(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(content)
    with pytest.raises(BenchError):
        read_rows(path, SEED)


def test_the_command_refuses_a_damaged_report_before_it_measures(tmp_path: Path) -> None:
    from rich.console import Console

    from care_robot.console.bench_falls import Asked, run_falls

    path = tmp_path / "report.json"
    path.write_text("{")
    with pytest.raises(UsageError, match=r"is no report of `bench falls`"):
        run_falls(Asked(10, 3.0, SEED, path, append=True), Console(quiet=True))
    with pytest.raises(UsageError, match="cannot be written"):
        run_falls(Asked(10, 3.0, SEED, tmp_path), Console(quiet=True))


# --- on stage ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage(SEED, 0, visitor=False, render=False) as made:
        yield made


@pytest.fixture(scope="module")
def fall(stage: Stage) -> Played:
    return stage.play(Trial.of(SEED, Part.FALL, 0))


def test_a_story_does_not_depend_on_what_was_played_before(stage: Stage, fall: Played) -> None:
    stage.play(Trial.of(SEED, Part.ACTIVITY, 6))
    again = stage.play(Trial.of(SEED, Part.FALL, 0))
    assert again.truth == fall.truth
    assert again.postures == fall.postures
    assert all(np.array_equal(a, b) for a, b in zip(again.states, fall.states, strict=True))


def test_a_fall_ends_on_the_floor_in_the_picture_with_time_to_find_it(stage: Stage, fall: Played) -> None:
    truth = fall.truth
    assert 0.0 < truth.begin_s < truth.end_s < len(fall.states) / 10 - 3.0
    assert fall.postures[0] in {Posture.STANDING, Posture.WALKING}
    assert fall.postures[-1] is Posture.LYING_ON_FLOOR
    before, after = stage.landmarks(fall, 0), stage.landmarks(fall, len(fall.states) - 1)
    assert before.torso_inclination(fall.up) < math.radians(30)
    assert after.torso_inclination(fall.up) > math.radians(40)
    for body in (before, after):
        assert body.visibility.mean() > 0.5


def test_somebody_found_lying_lies_from_the_first_picture_on(stage: Stage) -> None:
    lying = stage.play(Trial.of(SEED, Part.LYING, 1))
    assert set(lying.postures) == {Posture.LYING_ON_FLOOR}
    assert (lying.truth.begin_s, lying.truth.end_s) == (0.0, 0.0)


def test_a_short_trial_is_rendered_and_looked_at() -> None:
    with Stage(SEED, 0, visitor=False) as stage:
        played = stage.play(Trial.of(SEED, Part.FALL, 0))
        played.states = played.states[:8]  # standing
        watched = watch(stage, played, truths=True)
    made = row_of(watched)
    assert made["pose_share"] >= 0.8
    assert made["events"] == []
    assert len(watched.truths) == len(watched.looks) == 8
    found, truth = watched.looks[-1].bodies[0], watched.truths[-1]
    assert np.abs(found.image - truth.image)[[11, 12, 23, 24]].max() < 0.05
    json.dumps(made)
