"""The demo's timeline: what it tells, once each, and what it finds missing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_robot.care.alarms import AlarmKind, AlarmState, Priority
from care_robot.console.events import AlarmSeen, AlarmStep, FallSeen, PeopleSeen, Spoken
from care_robot.console.timeline import PageReceived, Step, Timeline


def alarm(state: AlarmState = AlarmState.RAISED, *steps: AlarmStep, **changes: Any) -> AlarmSeen:
    values: dict[str, Any] = {
        "id": "a1",
        "kind": AlarmKind.FALL,
        "priority": Priority.HIGH,
        "state": state,
        "drill": False,
        "resident_id": "kim",
        "resident": "resident",
        "room": "",
        "raised_at_s": 12.0,
        "tier": 0,
        "acknowledged_by": "",
        "stored": True,
        "steps": steps,
    }
    return AlarmSeen(**{**values, **changes})


def step(t_s: float, state: AlarmState, event: str) -> AlarmStep:
    return AlarmStep(t_s, state, event, "resident", "이유", "reason")


SILENT = step(40.0, AlarmState.CONFIRMING, "no_answer")
CALLED = step(40.5, AlarmState.NOTIFIED, "paged")
TAKEN = step(50.0, AlarmState.ACKNOWLEDGED, "acknowledged")
STORY = [
    PeopleSeen(10.0, ("living_room_camera",), {"body_a": "standing"}),
    FallSeen(11.0, "f1", "fall", "confirmed", 0.9, ("torso_inclination 1.5 rad",)),
    alarm(),
    Spoken(13.0, "괜찮으세요?", False, True),
    PageReceived(41.0, "a1", "낙상", "fall", False),
    alarm(AlarmState.NOTIFIED, SILENT, CALLED),
    alarm(AlarmState.ACKNOWLEDGED, SILENT, CALLED, TAKEN),
]


def tell(events: list[Any]) -> Timeline:
    timeline = Timeline()
    for event in events:
        timeline.observe(event)
    return timeline


def test_a_whole_story_has_every_step_in_order() -> None:
    timeline = tell(STORY)
    assert [line.step for line in timeline.lines] == list(Step)
    assert (timeline.missing, timeline.out_of_order) == ([], [])


@pytest.mark.parametrize(("events", "steps"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 4), (6, 6)])
def test_what_did_not_happen_is_missing(events: int, steps: int) -> None:
    assert tell(STORY[:events]).missing == list(Step)[steps:]


@given(st.lists(st.sampled_from(STORY)))
def test_repeated_news_gives_no_second_line(noise: list[Any]) -> None:
    timeline = tell([*STORY, *noise])
    assert len(timeline.lines) == len(STORY)


def test_an_empty_room_and_a_suspicion_are_not_news() -> None:
    timeline = tell(
        [
            PeopleSeen(1.0, ("c",), {}),
            FallSeen(1.0, "f", "fall", "suspected", 0.4, ()),
            Spoken(1, "ㅎ", True, False),
        ]
    )
    assert timeline.lines == []


def test_an_alarm_that_is_not_in_the_database_does_not_count_as_stored() -> None:
    assert Step.ALARM_STORED in tell([alarm(stored=False)]).missing


def test_a_page_or_an_alarm_of_another_story_does_not_count() -> None:
    other = [
        alarm(id="t1", kind=AlarmKind.TECHNICAL),
        PageReceived(2.0, "t1", "", "", False),
        alarm(AlarmState.ACKNOWLEDGED, TAKEN, id="t1", kind=AlarmKind.TECHNICAL),
    ]
    assert tell(other).lines == []
    timeline = tell([alarm(), *other])
    assert [line.step for line in timeline.lines] == [Step.ALARM_STORED]


def test_a_page_before_the_question_is_out_of_order() -> None:
    early = PageReceived(12.5, "a1", "낙상", "fall", False)
    assert tell([*STORY[:3], early, STORY[3], *STORY[5:]]).out_of_order == [Step.PAGED]
