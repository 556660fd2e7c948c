"""Expectations over a log: what counts, until when, and what is said where nothing came."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_robot.evaluation.expectations import LATE_S, Happened, State, Verdict, judge, said, window
from care_robot.evaluation.scenario import Expectation

END_S = 100.0
OVER_S = END_S + LATE_S + 1.0
PASSED, FAILED, PENDING = State.PASSED, State.FAILED, State.PENDING


def expectation(**keys: Any) -> Expectation:
    return Expectation.model_validate(keys)


def alarm(t_s: float, kind: str = "fall", state: str = "raised", id_: str = "a1", **values: Any) -> Happened:
    return Happened(
        t_s, "alarm", id_, {"kind": kind, "state": state, "stored": True, **values}, f"alarm {kind}"
    )


def page(t_s: float, id_: str = "p1", to: str = "carer") -> Happened:
    return Happened(t_s, "paged", id_, {"to": to, "kind": "fall"}, f"page to {to}")


def person(t_s: float, posture: str, act: str = "stand", who: str = "resident") -> Happened:
    return Happened(t_s, "person", who, {"who": who, "posture": posture, "act": act}, f"{who} {posture}")


def distance(t_s: float, m: float, who: str = "resident") -> Happened:
    return Happened(t_s, "distance", who, {"who": who, "m": m}, f"robot {m} m from {who}")


def verdict(
    wanted: Expectation, *log: Happened, now_s: float = OVER_S, labels: dict[str, float] | None = None
) -> Verdict:
    return judge(wanted, log, {"falls": 10.0} if labels is None else labels, now_s, END_S)


FALL = expectation(alarm={"kind": "fall"}, within=10, of="falls")
ONE_PAGE = expectation(never={"paged": {}, "more_than": 1})


@pytest.mark.parametrize(
    ("t_s", "state"),
    [
        (9.99, FAILED),  # before what it counts from
        (10.0, PASSED),  # with it
        (15.0, PASSED),
        (20.0, PASSED),  # exactly at the limit
        (20.01, FAILED),
    ],
)
def test_it_must_come_within_its_window(t_s: float, state: State) -> None:
    assert verdict(FALL, alarm(t_s)).state is state


def test_a_limit_is_exact_for_sums_that_are_not() -> None:
    wanted = expectation(alarm={}, within=0.3, of="falls")
    assert judge(wanted, [alarm(0.1 + 0.2 + 0.1)], {"falls": 0.1}, OVER_S, END_S).state is PASSED


def test_nothing_counts_after_the_end() -> None:
    ever = expectation(alarm={})
    assert verdict(ever, alarm(END_S)).state is PASSED
    assert verdict(ever, alarm(END_S + 0.5)).state is FAILED
    assert verdict(expectation(never={"alarm": {}}), alarm(END_S + 0.5)).state is PASSED


def test_what_is_stamped_in_time_may_arrive_a_little_late() -> None:
    assert verdict(FALL, now_s=20.0 + LATE_S).state is PENDING
    assert verdict(FALL, now_s=20.1 + LATE_S).state is FAILED


def test_while_there_is_time_nothing_is_said() -> None:
    assert verdict(FALL, now_s=12.0).state is PENDING
    assert verdict(ONE_PAGE, page(1.0), now_s=50.0).state is PENDING
    assert verdict(FALL, now_s=5.0, labels={}).state is PENDING


def test_an_entry_that_never_began_fails_what_counts_from_it() -> None:
    for wanted in (FALL, expectation(never={"alarm": {}}, of="falls")):
        found = verdict(wanted, labels={})
        assert found.state is FAILED
        assert "'falls' never began" in found.sentence


@pytest.mark.parametrize(
    ("keys", "holds"),
    [
        ({"alarm": {}}, True),
        ({"alarm": {"kind": "fall", "state": "raised", "stored": True}}, True),
        ({"alarm": {"kind": "lying"}}, False),
        ({"alarm": {"state": "notified"}}, False),
        ({"alarm": {"stored": False}}, False),
        ({"alarm": {"by": "carer"}}, True),
        ({"alarm": {"by": "somebody"}}, False),
        ({"paged": {"to": "carer"}}, True),
        ({"paged": {"to": "nurse"}}, False),
        ({"event": {"kind": "fall", "state": "confirmed"}}, True),
        ({"event": {"kind": "lying"}}, False),
        ({"spoken": {"question": True}}, True),
        ({"spoken": {"question": False}}, False),
        ({"spoken": {"contains": "괜찮"}}, True),
        ({"spoken": {"contains": "안녕"}}, False),
        ({"seen": {"people": 2}}, True),
        ({"seen": {"people": 3}}, False),
        ({"person": {"who": "resident", "posture": "lying_on_floor"}}, True),
        ({"person": {"who": "resident", "act": "walk"}}, False),
        ({"person": {"who": "visitor", "posture": "lying_on_floor"}}, False),
        ({"robot_within": {"who": "resident", "m": 1.2}}, True),
        ({"robot_within": {"who": "resident", "m": 1.19}}, False),
        ({"robot_closer_than": {"who": "resident", "m": 1.2}}, False),
        ({"robot_closer_than": {"who": "resident", "m": 1.21}}, True),
        ({"node_alive": {"node": "/speech"}}, True),
        ({"node_alive": {"node": "care_manager"}}, False),
        ({"node_alive": {"node": "absent"}}, False),
    ],
)
def test_each_condition_and_its_opposite(keys: dict[str, Any], holds: bool) -> None:
    log = [
        alarm(20.0, by="carer"),
        page(20.0),
        Happened(20.0, "event", "f1", {"kind": "fall", "state": "confirmed"}, "fall confirmed"),
        Happened(20.0, "spoken", "s1", {"text": "괜찮으세요?", "question": True}, "괜찮으세요?"),
        Happened(20.0, "seen", "people", {"people": 2}, "2 tracked"),
        person(20.0, "lying_on_floor", "fall"),
        distance(20.0, 1.2),
        Happened(20.0, "node", "speech", {"node": "speech", "alive": True}, "speech alive"),
        Happened(20.0, "node", "care_manager", {"node": "care_manager", "alive": False}, "not well"),
    ]
    assert (verdict(expectation(**keys), *log).state is PASSED) is holds
    assert (verdict(expectation(never=keys), *log).state is FAILED) is holds


def test_one_alarm_counts_once_however_many_steps_it_has() -> None:
    twice = expectation(alarm={"kind": "fall"}, at_least=2)
    assert verdict(twice, alarm(11.0), alarm(12.0, state="notified")).state is FAILED
    assert verdict(twice, alarm(11.0), alarm(12.0, id_="a2")) == Verdict(PASSED, t_s=12.0)


def test_never_more_than_one_page() -> None:
    assert verdict(ONE_PAGE, page(1.0), page(2.0)).state is PASSED  # the same page, sent again
    found = verdict(ONE_PAGE, page(1.0), page(30.0, "p2"), now_s=31.0)
    assert (found.state, found.t_s) == (FAILED, 30.0)
    assert found.sentence == "never more than 1 × page: it came at 1.0 s, 30.0 s."


def test_what_was_so_before_a_window_is_so_when_it_opens() -> None:
    sitting = expectation(person={"who": "resident", "posture": "sitting"}, within=5, of="falls")
    assert verdict(sitting, person(2.0, "sitting")) == Verdict(PASSED, t_s=10.0)
    assert verdict(sitting, person(2.0, "sitting"), person(9.0, "standing")).state is FAILED
    too_near = expectation(never={"robot_closer_than": {"who": "resident", "m": 0.4}}, of="falls")
    assert verdict(too_near, distance(3.0, 0.3)).state is FAILED
    assert verdict(too_near, distance(3.0, 0.3), distance(4.0, 1.0)).state is PASSED


def test_a_false_alarm_while_everything_starts_is_one() -> None:
    assert verdict(expectation(never={"alarm": {}}), alarm(-3.0)).state is FAILED


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ([], "alarm of kind fall within 10 s of falls: none came; last seen: nothing of the kind."),
        ([page(12.0)], "last seen: nothing of the kind"),
        ([alarm(12.0, "lying")], "none came; last seen: alarm lying at 12.0 s."),
        ([alarm(23.2)], "it came at 23.2 s, 3.2 s too late."),
    ],
)
def test_a_failure_says_what_came_instead(log: list[Happened], words: str) -> None:
    assert words in verdict(FALL, *log).sentence


def test_what_is_expected_can_be_read() -> None:
    assert said(ONE_PAGE) == "never more than 1 × page"
    assert said(expectation(paged={"to": "carer"}, within=90)) == "page to carer within 90 s"
    assert said(expectation(never={"event": {}}, of="falls")) == "never event after falls"
    assert said(expectation(alarm={"stored": True}, at_least=2)) == "2 × alarm, stored"


def test_a_window_ends_with_the_story() -> None:
    assert window(FALL, {"falls": 95.0}, END_S) == (95.0, END_S)
    assert window(FALL, {}, END_S) is None


# Whatever happens ------------------------------------------------------------------------------------------

TIMES = st.floats(-20.0, 130.0)
EVENTS = st.one_of(
    st.builds(
        alarm,
        TIMES,
        st.sampled_from(["fall", "lying"]),
        st.sampled_from(["raised", "resolved"]),
        st.text("ab", min_size=1, max_size=2),
    ),
    st.builds(page, TIMES, st.text("pq", min_size=1, max_size=2)),
    st.builds(person, TIMES, st.sampled_from(["standing", "sitting"])),
    st.builds(distance, TIMES, st.floats(0.0, 3.0)),
)
LOGS = st.lists(EVENTS, max_size=12)
WANTED = st.sampled_from(
    [
        FALL,
        ONE_PAGE,
        expectation(paged={}, within=30),
        expectation(alarm={"state": "resolved"}, at_least=2, of="falls"),
        expectation(never={"alarm": {"kind": "lying"}}, within=20, of="falls"),
        expectation(person={"who": "resident", "posture": "sitting"}, within=5, of="falls"),
        expectation(never={"robot_closer_than": {"who": "resident", "m": 0.4}}),
        expectation(robot_within={"who": "resident", "m": 1.2}, within=50),
    ]
)


def in_order(log: list[Happened]) -> list[Happened]:
    """States of one subject at one and the same time are told in the order in which they were."""
    return [
        w
        for n, w in enumerate(log)
        if all((v.t_s, v.kind, v.subject) != (w.t_s, w.kind, w.subject) for v in log[:n])
    ]


@given(WANTED, LOGS, st.randoms())
def test_the_order_in_which_things_are_told_does_not_matter(
    wanted: Expectation, log: list[Happened], random: Any
) -> None:
    log = in_order(log)
    shuffled = random.sample(log, len(log))
    assert verdict(wanted, *shuffled) == verdict(wanted, *log)


@given(WANTED, LOGS, LOGS, st.floats(0.0, 120.0))
def test_once_decided_always_decided(
    wanted: Expectation, log: list[Happened], later: list[Happened], now_s: float
) -> None:
    """What comes after `now_s` changes no verdict, other than one that was still open."""
    before = verdict(wanted, *[w for w in log if w.t_s <= now_s], now_s=now_s)
    after = verdict(wanted, *[w for w in log if w.t_s <= now_s], *[w for w in later if w.t_s > now_s])
    if before.state is not PENDING:
        assert (after.state, after.t_s) == (before.state, before.t_s)


@given(WANTED, LOGS)
def test_when_the_time_is_over_everything_is_decided(wanted: Expectation, log: list[Happened]) -> None:
    found = verdict(wanted, *log)
    assert found.state is not PENDING
    assert bool(found.sentence) is (found.state is FAILED)


@given(WANTED, LOGS, st.lists(st.builds(alarm, st.floats(END_S + 0.01, 500.0)), max_size=3))
def test_what_comes_after_the_end_never_counts(
    wanted: Expectation, log: list[Happened], late: list[Happened]
) -> None:
    assert verdict(wanted, *log, *late).state is verdict(wanted, *log).state
