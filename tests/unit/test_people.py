"""People keep their identity while they are followed, and nobody gets two."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stick_people import LYING, going_down, stick_body

from care_robot.perception.bodies import Body
from care_robot.perception.people import MEMORY_S, PeopleTracker, Person, View, room_of
from care_robot.perception.posture import Posture

RATE_HZ = 10.0


def view(t_s: float, camera: str = "a") -> View:
    return View(camera, t_s, 4 / 3)


def ids(people: list[Person]) -> list[str]:
    return [person.id for person in people]


def walk(x: float, **more: float) -> Body:
    return stick_body(hip=(x, 0.5), **more)  # type: ignore[arg-type]


def test_somebody_who_walks_through_keeps_one_identity() -> None:
    tracker = PeopleTracker()
    seen = [tracker.update(view(n / RATE_HZ), [walk(0.2 + 0.02 * n)]) for n in range(40)]
    assert len({identity for people in seen for identity in ids(people)}) == 1
    last = seen[-1][0]
    assert last.posture is Posture.WALKING
    assert last.first_seen_s == 0.0
    assert last.velocity == pytest.approx([0.2, 0.0], abs=1e-6)
    assert re.fullmatch(r"body_[a-z0-9]{5}", last.id)


def test_two_who_cross_keep_their_identities() -> None:
    tracker = PeopleTracker()
    for n in range(41):
        left, right = 0.2 + 0.02 * n, 1.0 - 0.02 * n
        people = tracker.update(view(n / RATE_HZ), [walk(left), walk(right, torso=0.15)])
        if n == 0:
            first = ids(people)
    assert ids(people) == first


@pytest.mark.parametrize(("hidden_s", "kept"), [(0.5, True), (1.9, True), (2.5, False)])
def test_an_identity_survives_two_seconds_behind_something(hidden_s: float, kept: bool) -> None:
    tracker = PeopleTracker()
    (before,) = tracker.update(view(0.0), [walk(0.5)])
    for n in range(1, round(hidden_s * RATE_HZ)):
        assert tracker.update(view(n / RATE_HZ), []) == []
    (after,) = tracker.update(view(hidden_s), [walk(0.55)])
    assert (after.id == before.id) is kept


@pytest.mark.parametrize("hidden_s", [0.2, 0.5, 1.0, 1.7])
def test_who_stands_beside_somebody_lying_does_not_get_that_identity(hidden_s: float) -> None:
    tracker = PeopleTracker()
    tracker.update(view(0.0), [stick_body()])
    for n in range(1, 11):
        (lying,) = tracker.update(view(n / RATE_HZ), [going_down(n / 10)])
    (upright,) = tracker.update(view(1.0 + hidden_s), [stick_body(hip=(1.05, 0.5))])
    assert upright.id != lying.id
    again = tracker.update(view(1.1 + hidden_s), [stick_body(hip=(1.05, 0.5)), going_down(1.0)])
    assert again[0].id == upright.id
    assert again[1].id == lying.id


@pytest.mark.parametrize("rate_hz", [5.0, 10.0, 30.0])
def test_who_gets_up_in_sight_keeps_the_identity(rate_hz: float) -> None:
    tracker = PeopleTracker()
    steps = round(1.0 * rate_hz)
    seen = [tracker.update(view(n / rate_hz), [going_down(1.0 - n / steps)]) for n in range(steps + 1)]
    assert len({identity for people in seen for identity in ids(people)}) == 1


def test_who_is_hidden_is_still_there_for_two_seconds() -> None:
    tracker = PeopleTracker()
    tracker.update(view(0.0), [walk(0.5)])
    assert len(tracker.people(1.9)) == 1
    assert tracker.people(2.1) == []


def test_somebody_far_away_is_somebody_else() -> None:
    tracker = PeopleTracker()
    (one,) = tracker.update(view(0.0), [walk(0.1, torso=0.1)])
    (other,) = tracker.update(view(0.1), [walk(1.2, torso=0.1)])
    assert one.id != other.id
    assert len(tracker.people(0.1)) == 2


def test_cameras_are_kept_apart() -> None:
    tracker = PeopleTracker()
    (one,) = tracker.update(view(0.0, "a"), [walk(0.5)])
    (other,) = tracker.update(view(0.0, "b"), [walk(0.5)])
    assert one.id != other.id
    assert {person.camera for person in tracker.people(0.0)} == {"a", "b"}


def test_an_old_or_repeated_image_changes_nothing() -> None:
    tracker = PeopleTracker()
    (person,) = tracker.update(view(5.0), [walk(0.5)])
    assert tracker.update(view(5.0), [walk(0.6)]) == []
    assert tracker.update(view(4.5), [walk(0.6)]) == []
    assert tracker.people(5.0) == [person]


def test_time_that_begins_anew_forgets_the_people() -> None:
    tracker = PeopleTracker()
    (before,) = tracker.update(view(100.0), [walk(0.5)])
    (after,) = tracker.update(view(1.0), [walk(0.5)])
    assert before.id != after.id
    assert tracker.people(1.0) == [after]


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
def test_a_body_with_numbers_that_are_none_is_nobody(value: float) -> None:
    good = walk(0.5)
    image = good.image.copy()
    image[24] = value
    tracker = PeopleTracker()
    assert tracker.update(view(0.0), [Body(image, good.world, good.visibility, 1.0)]) == []
    assert len(tracker.update(view(0.1), [good])) == 1


def test_a_body_without_extent_is_nobody() -> None:
    body = walk(0.5)
    point = Body(np.full((33, 2), 0.5), body.world, body.visibility, 1.0)
    assert PeopleTracker().update(view(0.0), [point]) == []


def test_somebody_who_leaves_at_the_border_is_forgotten_quietly() -> None:
    tracker = PeopleTracker()
    for n in range(30):
        tracker.update(view(n / RATE_HZ), [walk(1.0 + 0.03 * n)] if n < 15 else [])
    assert len(tracker.people(2.9)) == 1
    assert tracker.people(3.5) == []


def test_one_strange_image_does_not_change_the_posture() -> None:
    tracker = PeopleTracker()
    for n in range(20):
        strange = n == 12
        body = stick_body(**LYING) if strange else stick_body()
        (person,) = tracker.update(view(n / RATE_HZ), [body])
        if n >= 5:
            assert person.posture is Posture.STANDING


def test_the_same_seed_gives_the_same_names_and_no_seed_does_not() -> None:
    def name(seed: int | None) -> str:
        return PeopleTracker(seed).update(view(0.0), [walk(0.5)])[0].id

    assert name(1) == name(1)
    assert name(None) != name(None)


@pytest.mark.parametrize(
    ("camera", "room"),
    [("living_room_camera", "living_room"), ("head_camera", ""), ("camera", ""), ("_camera", "")],
)
def test_a_fixed_camera_tells_the_room(camera: str, room: str) -> None:
    assert room_of(camera) == room


bodies = st.builds(
    lambda x, y, torso, angle: stick_body(hip=(x, y), torso=torso, inclination=angle),
    st.floats(-0.3, 1.6), st.floats(-0.2, 1.2), st.floats(0.01, 0.6), st.floats(0.0, 3.1),
)  # fmt: skip
images = st.tuples(st.floats(-3.0, 3.0), st.sampled_from("ab"), st.lists(bodies, max_size=4))


@settings(max_examples=60, deadline=None)
@given(st.lists(images, max_size=25))
def test_nobody_shares_an_identity_and_none_is_used_again(
    stream: list[tuple[float, str, list[Body]]],
) -> None:
    tracker = PeopleTracker(seed=0)
    t_s = 100.0
    last_seen: dict[str, tuple[str, float]] = {}
    for step_s, camera, found in stream:
        t_s = max(0.0, t_s + step_s)
        seen = tracker.update(view(t_s, camera), found)
        assert len(set(ids(seen))) == len(seen) <= len(found)
        everybody = tracker.people(t_s)
        assert len(set(ids(everybody))) == len(everybody)
        for person in seen:
            if person.id in last_seen:
                where, when = last_seen[person.id]
                assert where == camera
                assert t_s - when <= MEMORY_S
            last_seen[person.id] = (camera, t_s)


def test_the_memory_of_used_identities_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("care_robot.perception.people.USED_IDS", 3)
    tracker = PeopleTracker(seed=1)
    seen = [ids(tracker.update(view(10.0 * n), [walk(0.5)]))[0] for n in range(8)]
    assert len(set(seen)) == 8
    assert list(tracker._used_ids) == seen[-3:]
