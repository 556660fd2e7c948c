"""Which tasks are taken; what is wrong with the others, by field, with the remedy, in both languages."""

import math
from dataclasses import replace
from typing import Any

import pytest
from care_robot_msgs.action import ExecuteTask
from care_robot_msgs.msg import Task as TaskMessage
from care_robot_msgs.msg import TaskStatus
from care_robot_msgs.srv import CancelTask, SubmitTask
from hypothesis import given
from hypothesis import strategies as st
from task_bench import EVERY_KIND, PLACES, task

from care_robot.care.places import Places
from care_robot.planning.task_check import MAX_PLACES, MAX_TIME_LIMIT_S, check, cleaned
from care_robot.planning.tasks import (
    CancelCode,
    Goal,
    Priority,
    Refusal,
    SubmitCode,
    Task,
    TaskErrorCode,
    TaskKind,
    TaskState,
)

K, NAN = TaskKind, math.nan


def judged(new: Task) -> Refusal:
    """What is wrong with a task."""
    refusal = check(new, EVERY_KIND, PLACES)
    assert refusal
    return refusal


@pytest.mark.parametrize("kind", TaskKind)
def test_every_kind_can_be_asked_for_and_has_a_name_for_people(kind: TaskKind) -> None:
    assert check(task(kind), EVERY_KIND, PLACES) is None
    assert kind.label.ko != kind.label.en


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time_limit", 0.0),
        ("time_limit", -1.0),
        ("time_limit", NAN),
        ("time_limit", math.inf),
        ("time_limit", MAX_TIME_LIMIT_S * 1.01),
        ("kind", 0),
        ("kind", 255),
        ("priority", 0),
        ("priority", Priority.OPERATOR_STOP),
        ("priority", Priority.ALARM),
        ("priority", 200),
        ("id", "a\nb"),
        ("id", "x" * 10_000),
        ("id", " padded"),
        ("id", "\ud800"),
        ("places", ()),
        ("places", ("kitchen", "hall")),
        ("places", ("moon",)),
        ("places", ("",)),
        ("places", ("x\x1b[2J" * 10_000,)),
        ("places", ("kitchen",) * (MAX_PLACES + 1)),
        ("resident_id", "\x00"),
        ("alarm_id", "x" * 10_000),
        ("object", "x" * 10_000),
        ("text", "가" * 10_000),
    ],
)
def test_a_bad_value_is_refused_with_the_name_of_its_field(field: str, value: Any) -> None:
    name = "time_limit_s" if field == "time_limit" else field
    refusal = judged(replace(task(), **{name: value}))
    assert refusal.code is SubmitCode.INVALID
    for sentence in refusal.sentence:
        assert sentence.startswith(f"{field}: ")
        assert sentence.isprintable()
        assert len(sentence) < 500


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (K.FETCH, "object"),
        (K.CHECK_ON, "resident_id"),
        (K.REMIND, "occurrence_id"),
        (K.RESPOND_TO_FALL, "alarm_id"),
        (K.LOOK_AGAIN, "person_id"),
        (K.SAY, "text"),
        (K.SAY, "language"),
    ],
)
def test_what_a_kind_needs_must_be_given(kind: TaskKind, field: str) -> None:
    refusal = judged(replace(task(kind), **{field: ""}))  # type: ignore[arg-type]
    assert (refusal.code, refusal.error) == (SubmitCode.INVALID, TaskErrorCode.TASK_INVALID)
    assert refusal.sentence.en.startswith(f"{field}: ")


@pytest.mark.parametrize("kind", [K.PATROL, K.DELIVER])
def test_a_way_needs_a_place(kind: TaskKind) -> None:
    assert judged(task(kind, places=(), resident_id="")).sentence.en.startswith("places: ")


@pytest.mark.parametrize("by", ["", "  ", "\n\x00", "\u200b"])
def test_somebody_must_answer_for_it(by: str) -> None:
    refusal = judged(task(by=by))
    assert refusal.code is SubmitCode.NAME_MISSING
    assert refusal.sentence.en.startswith("by: ")


def test_an_unknown_place_is_named_with_those_that_are_spelt_alike() -> None:
    refusal = judged(task(K.PATROL, places=("hall", "kitchn")))
    assert refusal.error is TaskErrorCode.PLACE_UNKNOWN
    for sentence in refusal.sentence:
        assert "kitchn" in sentence
        assert "kitchen_table" in sentence


def test_without_any_places_the_remedy_is_named() -> None:
    refusal = check(task(), EVERY_KIND, Places())
    assert refusal
    assert "has no places" in refusal.sentence.en


@pytest.mark.parametrize(
    "pose",
    [
        Goal("odom", 1.0, 1.0, 0.0),
        Goal("map", NAN, 1.0, 0.0),
        Goal("map", 1.0, math.inf, 0.0),
        Goal("map", 1.0, 1.0, NAN),
        Goal("map", 1e9, 1.0, 0.0),
    ],
)
def test_a_pose_must_be_a_place_on_the_map(pose: Goal) -> None:
    assert judged(task(places=(), pose=pose)).sentence.en.startswith("pose: ")


def test_where_to_go_is_a_place_or_a_pose_and_not_both() -> None:
    pose = Goal("map", 5.0, 2.0, 0.0)
    assert check(task(places=(), pose=pose), EVERY_KIND, PLACES) is None
    assert judged(task(places=("kitchen",), pose=pose)).sentence.en.startswith("places: ")


def test_what_the_robot_has_no_part_for_is_refused() -> None:
    refusal = check(task(K.FETCH), EVERY_KIND - {K.FETCH}, PLACES)
    assert refusal
    assert (refusal.code, refusal.error) == (SubmitCode.NOT_CAPABLE, TaskErrorCode.NOT_CAPABLE)


def test_nobody_else_takes_the_id_of_an_alarm_response() -> None:
    refusal = check(task(id="respond-a1"), EVERY_KIND, PLACES)
    assert refusal
    assert refusal.sentence.en.startswith("id: ")
    assert check(task(K.RESPOND_TO_FALL, id="respond-a1"), EVERY_KIND, PLACES) is None


def test_a_pose_that_is_not_asked_for_is_checked_all_the_same() -> None:
    for pose in (Goal("x" * 10_000, 0.0, 0.0, 0.0), Goal("map", math.nan, 0.0, 0.0)):
        refusal = check(task(K.SAY, pose=pose), EVERY_KIND, PLACES)
        assert refusal
        assert refusal.sentence.en.startswith("pose: ")


def test_alarm_response_has_the_highest_priority_and_nobody_else_has_it() -> None:
    for kind in TaskKind:
        for priority in Priority:
            taken = check(replace(task(kind), priority=priority), EVERY_KIND, PLACES) is None
            if priority is Priority.ALARM:
                assert taken == (kind is K.RESPOND_TO_FALL)
            elif priority is Priority.OPERATOR_STOP or kind is K.RESPOND_TO_FALL:
                assert not taken
            else:
                assert taken


@given(
    st.builds(
        Task,
        kind=st.one_of(st.integers(0, 255), st.sampled_from(TaskKind)),
        priority=st.one_of(st.integers(0, 255), st.sampled_from(Priority)),
        by=st.text(max_size=300),
        time_limit_s=st.floats(),
        id=st.text(max_size=300),
        object=st.text(max_size=300),
        places=st.lists(st.one_of(st.text(max_size=20), st.sampled_from(list(PLACES.places)))).map(tuple),
        pose=st.none() | st.builds(Goal, st.text(max_size=9), st.floats(), st.floats(), st.floats()),
        resident_id=st.text(max_size=300),
        person_id=st.text(max_size=300),
        text=st.text(max_size=300),
        language=st.sampled_from(["ko", "en", "", "de"]),
    )
)
def test_whatever_comes_is_refused_in_a_sentence_or_can_be_kept(new: Task) -> None:
    refusal = check(new, EVERY_KIND, PLACES)
    if refusal:
        assert refusal.sentence.ko.isprintable()
        assert refusal.sentence.en.isprintable()
    else:
        kept = cleaned(new)
        assert check(kept, EVERY_KIND, PLACES) is None
        f"{kept}".encode()


def test_the_numbers_are_those_of_the_messages() -> None:
    for names, message, prefix in [
        (TaskKind, TaskMessage, "KIND_"),
        (Priority, TaskMessage, "PRIORITY_"),
        (TaskState, TaskStatus, "STATE_"),
        (TaskErrorCode, ExecuteTask.Result, ""),
        (SubmitCode, SubmitTask.Response, ""),
        (CancelCode, CancelTask.Response, ""),
    ]:
        constants = {
            name.removeprefix(prefix): getattr(message, name)
            for name in dir(type(message))
            if name.isupper()
            and name.startswith(prefix or name)
            and not name.startswith("_")
            and isinstance(getattr(message, name), int)
        }
        assert {name: int(value) for name, value in names.__members__.items()} == constants
