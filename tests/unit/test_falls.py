"""A fall is told from everyday movements, stays told, and ends when the person is up again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stick_people import BENDING, CROUCHING, LYING, SITTING, TORSO_M, going_down, stick_body

from care_robot.perception.bodies import Body
from care_robot.perception.fall_events import FallEvent, Kind, State
from care_robot.perception.falls import FallDetector, FallSettings
from care_robot.perception.people import PeopleTracker, Person, View
from care_robot.perception.posture import Posture

Story = Callable[[float], list[Body]]  # bodies at a time
FLOOR = (0.65, 0.5 + 0.74 / TORSO_M * 0.2)  # where the hips of somebody lie who stood at (0.65, 0.5)


class Watcher:
    """Tracker and detector on one camera, fed with a story."""

    def __init__(self, detector_settings: FallSettings | None = None) -> None:
        self.tracker = PeopleTracker(seed=0)
        self.detector = FallDetector(detector_settings)
        self.t_s = 1000.0
        self.history: list[FallEvent] = []  # every event in every state that it went through

    def watch(
        self, story: Story, seconds: float, rate_hz: float = 10.0, aspect: float = 4 / 3
    ) -> list[FallEvent]:
        """Play a story; the events at its end."""
        events: list[FallEvent] = []
        for n in range(round(seconds * rate_hz)):
            self.t_s += 1.0 / rate_hz
            people = self.tracker.update(View("a", self.t_s, aspect), story(n / rate_hz))
            events = self.detector.update(self.t_s, people)
            self.history += [event for event in events if event not in self.history]
        return events

    def confirmed(self, kind: Kind = Kind.FALL) -> set[str]:
        return {e.id for e in self.history if e.state is State.CONFIRMED and e.kind is kind}


def stand(_: float) -> list[Body]:
    return [stick_body()]


def fall(duration_s: float = 0.7) -> Story:
    return lambda t: [going_down(t / duration_s)]


def lie(_: float) -> list[Body]:
    return [going_down(1.0)]


def get_up(t: float) -> list[Body]:
    return [going_down(1.0 - t / 2.0)]


def nobody(_: float) -> list[Body]:
    return []


def stand_fall_lie(rate_hz: float = 10.0, duration_s: float = 0.7) -> Watcher:
    watcher = Watcher()
    watcher.watch(stand, 2.0, rate_hz)
    watcher.watch(fall(duration_s), 3.0, rate_hz)
    return watcher


@pytest.mark.parametrize("rate_hz", [5.0, 10.0, 15.0, 30.0])
@pytest.mark.parametrize("duration_s", [0.4, 0.7, 1.0])
def test_a_fall_is_suspected_then_confirmed_whatever_the_frame_rate(
    rate_hz: float, duration_s: float
) -> None:
    watcher = stand_fall_lie(rate_hz, duration_s)
    (event,) = watcher.detector.events()
    assert (event.kind, event.state) == (Kind.FALL, State.CONFIRMED)
    assert next(e.state for e in watcher.history if e.id == event.id) is State.SUSPECTED
    begin_s = 1002.0
    assert event.start_s == pytest.approx(begin_s, abs=0.35)
    assert event.confirmed_s is not None
    assert event.confirmed_s - begin_s < duration_s + 1.5
    assert event.score > 0.7
    assert event.camera == "a"


def test_the_evidence_names_what_was_measured_strongest_first() -> None:
    (event,) = stand_fall_lie().detector.events()
    evidence = {e.name: e for e in event.evidence}
    down = {"torso_inclination", "hip_drop", "shoulder_drop", "stature", "hip_height"}
    fast = {"descent_speed", "head_speed", "torso_turn"}
    assert set(evidence) == {*down, *fast, "time_on_floor"}
    assert evidence["torso_inclination"].value == pytest.approx(math.pi / 2, abs=0.01)
    assert evidence["hip_drop"].value == pytest.approx(0.74 / TORSO_M, abs=0.05)
    assert evidence["descent_speed"].value > evidence["descent_speed"].threshold == 2.2
    assert evidence["hip_height"].value == pytest.approx(0.0, abs=0.01)


def slow(duration_s: float) -> Story:
    return lambda t: [going_down(t / duration_s)]


def move(*keys: tuple[float, dict[str, float], float]) -> Story:
    """Between postures: at each time the angles and the height of the hips over the floor in m."""

    def bodies(t: float) -> list[Body]:
        after = next((n for n, key in enumerate(keys) if key[0] > t), len(keys) - 1)
        (t0, a0, h0), (t1, a1, h1) = keys[max(after - 1, 0)], keys[after]
        share = min(max((t - t0) / (t1 - t0), 0.0), 1.0) if t1 > t0 else 1.0
        names = ("inclination", "thigh", "shank")
        angles = {n: a0.get(n, 0.0) + share * (a1.get(n, 0.0) - a0.get(n, 0.0)) for n in names}
        height = h0 + share * (h1 - h0)
        return [stick_body(hip=(0.65, 0.5 + (0.84 - height) / TORSO_M * 0.2), **angles)]

    return bodies


EVERYDAY = {
    "stands": move((0, {}, 0.84), (1, {}, 0.84)),
    "sits down": move((0, {}, 0.84), (1.0, SITTING, 0.45)),
    "drops into a low sofa": move((0, {}, 0.84), (0.7, {**SITTING, "inclination": -0.4}, 0.35)),
    "bends and comes up": move((0, {}, 0.84), (0.8, BENDING, 0.80), (1.5, BENDING, 0.80), (2.5, {}, 0.84)),
    "stays bent": move((0, {}, 0.84), (0.6, BENDING, 0.80)),
    "crouches to tie a shoe": move(
        (0, {}, 0.84), (0.8, {**CROUCHING, "inclination": 0.7}, 0.3), (3, CROUCHING, 0.3), (4, {}, 0.84)
    ),
    "lies down on a bed": move((0, {}, 0.84), (1.2, SITTING, 0.5), (2.0, SITTING, 0.5), (3.5, LYING, 0.5)),
    "lies down on the floor with care": move((0, {}, 0.84), (2, CROUCHING, 0.3), (5, LYING, 0.1)),
}


@pytest.mark.parametrize("name", EVERYDAY)
@pytest.mark.parametrize("rate_hz", [5.0, 10.0, 30.0])
def test_everyday_movements_are_no_fall(name: str, rate_hz: float) -> None:
    watcher = Watcher()
    watcher.watch(stand, 1.5, rate_hz)
    watcher.watch(EVERYDAY[name], 8.0, rate_hz)
    assert watcher.confirmed(Kind.FALL) == set()


def test_an_open_event_goes_on_until_the_person_is_up_and_a_minute_longer() -> None:
    watcher = stand_fall_lie()
    (before,) = watcher.watch(lie, 30.0)
    assert before.state is State.CONFIRMED
    (after,) = watcher.watch(get_up, 4.0)
    assert after.state is State.RECOVERED
    assert after == replace(before, state=State.RECOVERED, recovered_s=after.recovered_s)
    assert watcher.watch(stand, 55.0) == [after]
    assert watcher.watch(stand, 10.0) == []


def test_somebody_who_only_sits_up_has_not_recovered() -> None:
    watcher = stand_fall_lie()
    on_the_floor = {"thigh": -math.pi / 2, "shank": -math.pi / 2}
    (event,) = watcher.watch(lambda _: [stick_body(hip=FLOOR, **on_the_floor)], 20.0)
    assert event.state is State.CONFIRMED


def test_a_second_fall_is_another_event() -> None:
    watcher = stand_fall_lie()
    watcher.watch(get_up, 5.0)
    watcher.watch(fall(), 3.0)
    assert len(watcher.confirmed()) == 2


def test_a_stumble_that_is_caught_is_dropped() -> None:
    watcher = Watcher()
    watcher.watch(stand, 2.0)
    watcher.watch(lambda t: [going_down(t / 0.5 if t < 0.3 else 0.6 - (t - 0.3) / 0.8)], 3.0)
    assert watcher.confirmed() == set()
    assert all(e.state is State.RECOVERED for e in watcher.detector.events())


@pytest.mark.parametrize("lost_at_s", [0.6, 0.8, 1.5])
def test_somebody_lost_from_sight_on_the_way_down_counts_as_down(lost_at_s: float) -> None:
    watcher = Watcher()
    watcher.watch(stand, 2.0)
    watcher.watch(fall(), lost_at_s)
    (event,) = watcher.watch(nobody, 2.0)
    assert event.state is State.CONFIRMED
    assert watcher.watch(nobody, 60.0) == [event]


def test_somebody_lost_on_the_floor_after_a_slower_descent_counts_as_found_lying() -> None:
    watcher = Watcher()
    watcher.watch(stand, 2.0)
    watcher.watch(slow(1.6), 1.6)
    (event,) = watcher.watch(nobody, 9.0)
    assert event.state is State.SUSPECTED
    (event,) = watcher.watch(nobody, 2.0)
    assert event.state is State.CONFIRMED


def test_the_event_passes_on_to_the_same_person_found_again_on_the_floor() -> None:
    watcher = stand_fall_lie()
    (before,) = watcher.watch(nobody, 20.0)
    (after,) = watcher.watch(lie, 20.0)
    assert after.person_id != before.person_id
    assert after == replace(before, person_id=after.person_id)
    (up,) = watcher.watch(get_up, 4.0)
    assert up.state is State.RECOVERED


def test_a_helper_who_stands_beside_ends_nothing() -> None:
    watcher = stand_fall_lie()
    watcher.watch(nobody, 5.0)
    helper = stick_body(hip=(0.85, 0.5))
    (event,) = watcher.watch(lambda _: [helper], 10.0)
    assert event.state is State.CONFIRMED


def test_an_event_of_somebody_never_seen_again_ends_after_half_an_hour() -> None:
    watcher = stand_fall_lie()
    for minute in range(29):
        assert len(watcher.detector.update(watcher.t_s + 60.0 * minute, [])) == 1
    assert watcher.detector.update(watcher.t_s + 1801.0, []) == []


def test_somebody_who_slid_down_slowly_is_found_lying() -> None:
    watcher = Watcher()
    watcher.watch(stand, 3.0)
    watcher.watch(slow(6.0), 30.0)
    (event,) = watcher.detector.events()
    assert (event.kind, event.state) == (Kind.LYING, State.CONFIRMED)
    assert watcher.confirmed(Kind.FALL) == set()
    assert event.confirmed_s is not None
    assert event.confirmed_s - event.start_s == pytest.approx(10.0, abs=0.3)


def test_somebody_found_lying_in_the_first_minute_may_have_fallen_before_a_restart() -> None:
    watcher = stand_fall_lie()
    watcher.detector = FallDetector()
    watcher.history.clear()
    (event,) = watcher.watch(lie, 12.0)
    assert (event.kind, event.state) == (Kind.LYING, State.CONFIRMED)


def test_somebody_found_lying_counts_after_a_minute() -> None:
    watcher = Watcher()
    watcher.watch(nobody, 61.0)
    watcher.watch(lie, 59.0)
    assert watcher.confirmed(Kind.LYING) == set()
    (event,) = watcher.watch(lie, 3.0)
    assert (event.kind, event.state) == (Kind.LYING, State.CONFIRMED)


def test_somebody_who_went_to_bed_is_not_found_lying() -> None:
    watcher = Watcher()
    watcher.watch(stand, 2.0)
    assert watcher.watch(EVERYDAY["lies down on a bed"], 300.0, rate_hz=5.0) == []


def test_two_people_fall_apart_from_each_other() -> None:
    watcher = Watcher()
    other = {"hip_x": 1.1, "hip_y": 0.45, "torso": 0.18}
    watcher.watch(lambda _: [stick_body(), going_down(0, **other)], 2.0)
    watcher.watch(lambda t: [stick_body(), going_down(t / 0.7, **other)], 3.0)
    (event,) = watcher.detector.events()
    standing, fallen = (watcher.tracker.people(watcher.t_s)[n].id for n in (0, 1))
    assert event.person_id == fallen != standing


def as_seen_by_another(watcher: Watcher, story: Story, seconds: float) -> list[FallEvent]:
    """The same person, from now on seen best by another camera, in which they are elsewhere and larger."""
    (before,) = watcher.tracker.people(watcher.t_s)
    other = PeopleTracker(seed=1)
    events: list[FallEvent] = []
    for n in range(round(seconds * 10)):
        watcher.t_s += 0.1
        people = other.update(View("b", watcher.t_s, 4 / 3), story(n / 10))
        people = [replace(one, id=before.id) for one in people]
        events = watcher.detector.update(watcher.t_s, people)
    return events


def test_a_fall_that_one_camera_saw_begin_and_another_end_is_confirmed() -> None:
    watcher = Watcher()
    watcher.watch(stand, 2.0)
    watcher.watch(fall(), 0.6)
    (event,) = as_seen_by_another(watcher, lambda _: [going_down(1.0, hip_x=0.3, torso=0.25)], 2.0)
    assert (event.kind, event.state) == (Kind.FALL, State.CONFIRMED)


@pytest.mark.parametrize("seen_s", [0.1, 0.3, 0.6])
def test_a_fall_counts_that_another_camera_saw_end_for_a_moment(seen_s: float) -> None:
    watcher = Watcher()
    watcher.watch(stand, 2.0)
    watcher.watch(fall(), 0.6)
    as_seen_by_another(watcher, lambda _: [going_down(1.0, hip_x=0.3, torso=0.25)], seen_s)
    (event,) = watcher.watch(nobody, 3.0)
    assert event.state is State.CONFIRMED


def test_a_clock_that_is_set_forward_takes_an_event_along() -> None:
    watcher = stand_fall_lie()
    (before,) = watcher.detector.events()
    watcher.detector.update(watcher.t_s + 7200.0, [])  # one time that is wrong
    assert watcher.detector.events() == [before]
    watcher.t_s += 3600.0
    (after,) = watcher.watch(nobody, 5.0)
    assert (after.id, after.state) == (before.id, State.CONFIRMED)


def test_a_sight_from_times_to_come_is_left_out() -> None:
    detector = FallDetector()
    for n in range(50):
        assert detector.update(10.0 + 0.1 * n, [person(1e6, last_seen_s=1e6, id=f"body_{n}")]) == []
    assert detector.update(400.0, []) == []


def test_another_camera_that_sees_somebody_upright_ends_nothing() -> None:
    watcher = stand_fall_lie()
    (event,) = as_seen_by_another(watcher, stand, 5.0)
    assert event.state is State.CONFIRMED


def test_a_change_of_camera_is_no_fall() -> None:
    watcher = Watcher()
    watcher.watch(stand, 2.0)
    assert as_seen_by_another(watcher, lambda _: [stick_body(hip=(0.3, 0.8), torso=0.1)], 5.0) == []


def placed(z_m: float) -> dict[str, object]:
    return {"position": np.array([1.0, 2.0, z_m]), "position_covariance": np.diag([0.01, 0.01, 0.01])}


def above(z_m: float, **changes: object) -> Callable[[float], Person]:
    """Somebody whose hips are known to be so high over the floor."""
    return lambda t_s: person(t_s, last_seen_s=t_s, **placed(z_m), **changes)


@pytest.mark.parametrize(("z_m", "found"), [(0.15, True), (0.5, False)])
def test_who_leans_counts_as_lying_only_where_the_hips_are_known_to_be_on_the_floor(
    z_m: float, found: bool
) -> None:
    detector = FallDetector()
    leaning = above(z_m, torso_inclination_rad=math.radians(50.0), hip_height=0.2)
    events = [detector.update(10.0 + 0.1 * n, [leaning(10.0 + 0.1 * n)]) for n in range(150)][-1]
    assert [(e.kind, e.state) for e in events] == ([(Kind.LYING, State.CONFIRMED)] if found else [])


def test_somebody_known_to_lie_on_furniture_has_not_fallen() -> None:
    detector = FallDetector()
    lying = above(0.5, torso_inclination_rad=math.pi / 2, hip_height=0.0, posture=Posture.LYING_ON_FURNITURE)
    for n in range(1200):
        assert detector.update(10.0 + 0.1 * n, [lying(10.0 + 0.1 * n)]) == []


def test_who_was_seen_on_the_bed_still_is_where_the_support_cannot_be_told_for_a_while() -> None:
    detector = FallDetector()
    flat = {"torso_inclination_rad": math.pi / 2, "hip_height": 0.0}
    for n in range(3000):
        t_s = 10.0 + 0.1 * n
        posture = Posture.LYING_ON_FURNITURE if n < 50 else Posture.LYING
        assert detector.update(t_s, [person(t_s, last_seen_s=t_s, posture=posture, **flat)]) == []
    fallen = above(0.15, posture=Posture.LYING_ON_FLOOR, **flat)
    for n in range(150):  # and then comes down
        events = detector.update(310.0 + 0.1 * n, [fallen(310.0 + 0.1 * n)])
    assert [(e.kind, e.state) for e in events] == [(Kind.LYING, State.CONFIRMED)]


# What the stream may do -------------------------------------------------------------------------------


def broken(body: Body, value: float) -> Body:
    world = body.world.copy()
    world[11] = value
    return Body(body.image, world, body.visibility, 1.0)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_broken_landmarks_in_between_neither_raise_nor_hide_a_fall(value: float) -> None:
    watcher = Watcher()

    def flicker(story: Story) -> Story:
        return lambda t: [broken(b, value) if round(t * 10) % 3 == 0 else b for b in story(t)]

    watcher.watch(flicker(stand), 2.0)
    watcher.watch(flicker(fall()), 3.0)
    assert len(watcher.confirmed()) == 1


def person(t_s: float, **changes: object) -> Person:
    tracker = PeopleTracker(seed=0)
    (one,) = tracker.update(View("a", t_s, 4 / 3), [stick_body()])
    return replace(one, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"torso_inclination_rad": math.nan},
        {"torso_inclination_rad": math.inf},
        {"hip": np.array([math.nan, 0.5])},
        {"torso_length": 0.0},
        {"torso_length": math.nan},
        {"last_seen_s": math.nan},
        {"body": broken(stick_body(), math.nan)},
        {"hip_height": math.nan},
        {"hip_height": math.inf},
    ],
)
def test_a_person_with_numbers_that_are_none_is_left_out(changes: dict[str, object]) -> None:
    detector = FallDetector()
    for n in range(30):
        t_s = 10.0 + 0.1 * n
        assert detector.update(t_s, [person(t_s, **{"last_seen_s": t_s, **changes})]) == []


def test_repeated_and_older_sightings_change_nothing() -> None:
    watcher = stand_fall_lie()
    events = watcher.detector.events()
    last = watcher.tracker.people(watcher.t_s)
    upright = [replace(p, last_seen_s=p.last_seen_s - 0.5, torso_inclination_rad=0.0) for p in last]
    for _ in range(50):
        assert watcher.detector.update(watcher.t_s, [*last, *upright]) == events


def test_a_stream_that_stands_still_confirms_what_was_suspected() -> None:
    watcher = Watcher()
    watcher.watch(stand, 2.0)
    watcher.watch(fall(), 0.8)
    assert watcher.confirmed() == set()
    for n in range(1, 12):
        events = watcher.detector.update(watcher.t_s + 0.2 * n, [])
    assert [e.state for e in events] == [State.CONFIRMED]


def test_a_clock_that_is_set_back_takes_an_event_along() -> None:
    watcher = stand_fall_lie()
    (before,) = watcher.detector.events()
    watcher.t_s = 50.0
    (after,) = watcher.watch(lie, 10.0)
    assert (after.id, after.state) == (before.id, State.CONFIRMED)
    assert after.confirmed_s is not None
    assert before.confirmed_s is not None
    assert after.confirmed_s - after.start_s == pytest.approx(before.confirmed_s - before.start_s)
    assert 47.0 < after.start_s < 51.0
    (up,) = watcher.watch(get_up, 5.0)
    assert up.state is State.RECOVERED
    assert watcher.watch(stand, 65.0) == []


def test_a_suspicion_is_confirmed_though_the_clock_is_set_back() -> None:
    watcher = Watcher()
    watcher.watch(stand, 2.0)
    (before,) = watcher.watch(fall(), 1.0)
    assert before.state is State.SUSPECTED
    watcher.t_s -= 5.0
    (after,) = watcher.watch(nobody, 3.0)
    assert (after.id, after.state) == (before.id, State.CONFIRMED)


def test_a_single_time_that_is_long_past_changes_nothing() -> None:
    watcher = stand_fall_lie()
    before = watcher.detector.events()
    assert watcher.detector.update(0.0, []) == before
    assert watcher.watch(lie, 2.0) == before


# Who is up -----------------------------------------------------------------------------------------------


class OneIdentity(Watcher):
    """A tracker at its worst: whoever is seen is the same person."""

    def watch(
        self, story: Story, seconds: float, rate_hz: float = 10.0, aspect: float = 4 / 3
    ) -> list[FallEvent]:
        events: list[FallEvent] = []
        for n in range(round(seconds * rate_hz)):
            self.t_s += 1.0 / rate_hz
            people = self.tracker.update(View("a", self.t_s, aspect), story(n / rate_hz))
            people = [replace(one, id="body_aaaaa") for one in people]
            events = self.detector.update(self.t_s, people)
            self.history += [event for event in events if event not in self.history]
        return events


def other_stands(_: float) -> list[Body]:
    return [stick_body(hip=(1.05, 0.5))]


@pytest.mark.parametrize("kind", [Watcher, OneIdentity])
@pytest.mark.parametrize("gap_s", [0.0, 0.2, 0.4, 0.6, 1.0, 3.0])
@pytest.mark.parametrize("down_s", [0.8, 1.2, 3.0])
def test_another_person_who_stands_nearby_never_ends_a_fall(
    kind: type[Watcher], gap_s: float, down_s: float
) -> None:
    watcher = kind()
    watcher.watch(stand, 2.0)
    watcher.watch(fall(), down_s)
    watcher.watch(nobody, gap_s)
    (event,) = watcher.watch(other_stands, 10.0)
    assert event.state is State.CONFIRMED
    assert State.RECOVERED not in {e.state for e in watcher.history}


@pytest.mark.parametrize("lean_deg", [50.0, 60.0, 65.0])
def test_a_helper_who_kneels_beside_and_stands_up_ends_nothing(lean_deg: float) -> None:
    watcher = stand_fall_lie()
    watcher.watch(nobody, 20.0)
    kneels = {"inclination": math.radians(lean_deg), "thigh": math.radians(-100), "shank": math.radians(30)}
    watcher.watch(lambda _: [stick_body(hip=(0.60, 0.66), **kneels)], 5.0)
    rises = move((0, kneels, 0.3), (2.0, {}, 0.84))
    (event,) = watcher.watch(rises, 6.0)
    assert event.state is State.CONFIRMED


def test_somebody_lost_on_the_floor_recovers_when_seen_lying_again_and_getting_up() -> None:
    watcher = OneIdentity()
    watcher.watch(stand, 2.0)
    watcher.watch(fall(), 3.0)
    watcher.watch(nobody, 5.0)
    watcher.watch(lie, 2.0)
    (event,) = watcher.watch(get_up, 5.0)
    assert event.state is State.RECOVERED


def test_somebody_lost_while_getting_up_is_not_up() -> None:
    watcher = OneIdentity()
    watcher.watch(stand, 2.0)
    watcher.watch(fall(), 3.0)
    watcher.watch(get_up, 1.0)
    watcher.watch(nobody, 0.6)
    (event,) = watcher.watch(stand, 5.0)
    assert event.state is State.CONFIRMED


SLOWLY_DOWN = slow(3.0)
FLOOR_SEAT = {"inclination": math.radians(20.0), "thigh": -math.pi / 2, "shank": -math.pi / 2}


def test_somebody_found_lying_who_only_sits_up_on_the_floor_has_not_recovered() -> None:
    watcher = Watcher()
    watcher.watch(stand, 2.0)
    watcher.watch(SLOWLY_DOWN, 3.5)
    watcher.watch(lie, 14.0)
    sits_up = move((0, LYING, 0.1), (1.5, FLOOR_SEAT, 0.1))
    (event,) = watcher.watch(sits_up, 8.0)
    assert (event.kind, event.state) == (Kind.LYING, State.CONFIRMED)


@pytest.mark.parametrize("end", [({}, 0.84), (SITTING, 0.45)])
def test_somebody_found_lying_recovers_by_standing_up_or_taking_a_seat(
    end: tuple[dict[str, float], float],
) -> None:
    watcher = Watcher()
    watcher.watch(stand, 2.0)
    watcher.watch(SLOWLY_DOWN, 3.5)
    watcher.watch(lie, 14.0)
    (event,) = watcher.watch(move((0, LYING, 0.1), (2.5, *end)), 8.0)
    assert (event.kind, event.state) == (Kind.LYING, State.RECOVERED)


def test_somebody_suspected_to_lie_who_is_lost_from_sight_still_lies_there() -> None:
    watcher = Watcher()
    watcher.watch(nobody, 61.0)
    watcher.watch(lie, 35.0)
    (event,) = watcher.watch(nobody, 60.0)
    assert (event.kind, event.state) == (Kind.LYING, State.CONFIRMED)


# Properties --------------------------------------------------------------------------------------------


def transformed(story: Story, scale: float, dx: float, dy: float, mirror: bool) -> Story:
    def move_body(body: Body) -> Body:
        sign = -1.0 if mirror else 1.0
        return Body(
            body.image * scale * (sign, 1.0) + (dx, dy), body.world * (sign, 1, 1), body.visibility, 1.0
        )

    return lambda t: [move_body(body) for body in story(t)]


def outcome(story: Story, transform: Callable[[Story], Story]) -> list[tuple[Kind, State, float, float]]:
    watcher = Watcher()
    watcher.watch(transform(stand), 1.5)
    watcher.watch(transform(story), 4.0)
    return [(e.kind, e.state, round(e.start_s, 3), round(e.score, 3)) for e in watcher.history]


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([fall(0.5), fall(0.9), fall(1.4), *EVERYDAY.values()]),
    st.floats(0.2, 3.0), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.booleans(),
)  # fmt: skip
def test_neither_size_nor_place_nor_side_in_the_picture_matters(
    story: Story, scale: float, dx: float, dy: float, mirror: bool
) -> None:
    assert outcome(story, lambda s: transformed(s, scale, dx, dy, mirror)) == outcome(story, lambda s: s)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-0.05, 0.05), st.floats(-0.02, 0.02), st.floats(0.0, 0.5)),
        min_size=20,
        max_size=60,
    )
)
def test_somebody_who_stays_upright_never_falls(steps: Iterable[tuple[float, float, float]]) -> None:
    watcher = Watcher()
    x, y = 0.65, 0.5
    for dx, dy, lean in steps:
        x, y = x + dx, min(max(y + dy, 0.3), 0.7)
        body = stick_body(hip=(x, y), inclination=lean)
        assert watcher.watch(lambda _, body=body: [body], 0.1) == []  # type: ignore[misc]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([stand, lie, nobody, fall(0.6), *EVERYDAY.values()]), st.floats(0.3, 4.0)
        ),
        max_size=8,
    )
)  # fmt: skip
def test_an_event_keeps_its_name_and_only_goes_forward(scenes: list[tuple[Story, float]]) -> None:
    watcher = Watcher()
    for story, seconds in scenes:
        watcher.watch(story, seconds)
    seen: dict[str, FallEvent] = {}
    for event in watcher.history:
        before = seen.get(event.id, event)
        assert event.state >= before.state
        assert (event.kind, event.start_s, event.camera) == (before.kind, before.start_s, before.camera)
        assert before.confirmed_s is None or event.confirmed_s == before.confirmed_s
        assert 0.0 <= event.score <= 1.0
        assert (event.state is State.RECOVERED) == (event.recovered_s is not None)
        assert event.confirmed_s is not None or event.state is not State.CONFIRMED
        seen[event.id] = event
    open_events = watcher.detector.events()
    assert len({event.id for event in open_events}) == len(open_events)
