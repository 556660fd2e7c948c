"""Place, speed, posture and room of people in the map, and when to look at them from elsewhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from room_people import MODEL, lens, lying, seen_by, sitting, standing

from care_robot.care.places import Furniture, Places, Room
from care_robot.care.text import Text
from care_robot.perception.bodies import Array, Body
from care_robot.perception.ground import Lens
from care_robot.perception.people import PeopleTracker, Person, View
from care_robot.perception.posture import Posture

WALL = lens(0.0, 0.0, at=(3.0, 0.0))
BED = Furniture("bed", "bed", ((2.0, -0.5), (4.0, -0.5), (4.0, 0.5), (2.0, 0.5)), 0.48)
NEAR = Room("near", Text("가까운 방", "near"), ((-1.0, -3.0), (1.8, -3.0), (1.8, 3.0), (-1.0, 3.0)))
FAR = Room("far", Text("먼 방", "far"), ((1.8, -3.0), (9.0, -3.0), (9.0, 3.0), (1.8, 3.0)))
PLACES = Places((NEAR, FAR), (), (BED,))
RATE_HZ = 10.0


class Watch:
    """One camera that looks at one person."""

    def __init__(self, eye: Lens = WALL, camera: str = "near_camera", places: Places = PLACES) -> None:
        self.tracker, self.eye, self.camera, self.t_s = PeopleTracker(0, places), eye, camera, 0.0

    def see(self, points: Array, **changed: Array) -> Person:
        self.t_s += 1.0 / RATE_HZ
        body = seen_by(self.eye, points)
        body = Body(**{**vars(body), **changed})
        view = View(self.camera, self.t_s, MODEL.width / MODEL.height, self.eye.pose.rotation()[2], self.eye)
        (person,) = self.tracker.update(view, [body])
        return person

    def hold(self, points: Array, seconds: float = 3.0) -> Person:
        for _ in range(round(seconds * RATE_HZ)):
            person = self.see(points)
        return person


def test_who_lies_on_the_bed_is_told_with_it_and_beside_it_on_the_floor() -> None:
    on_bed = Watch().hold(lying(3.1, 0.0, height=0.48))
    assert (on_bed.posture, on_bed.support) == (Posture.LYING_ON_FURNITURE, "bed")
    beside = Watch().hold(lying(3.1, -1.0))
    assert (beside.posture, beside.support) == (Posture.LYING_ON_FLOOR, "")
    assert beside.position is not None
    assert beside.position[2] == pytest.approx(0.03, abs=0.1)
    unlisted = Watch(places=Places()).hold(lying(3.1, 0.0, height=0.48))
    assert (unlisted.posture, unlisted.support) == (Posture.LYING, "")


def test_one_image_changes_nothing_of_what_carries_somebody() -> None:
    watch = Watch()
    for n in range(40):
        body = lying(3.1, 0.0, height=0.48)
        larger = {"world": seen_by(WALL, body, taken_for=1.6).world} if n in {20, 27} else {}
        person = watch.see(body, **larger)
        if n >= 5:
            assert person.posture is Posture.LYING_ON_FURNITURE


def test_who_sits_is_told_with_the_seat() -> None:
    person = Watch().hold(sitting(3.0, 0.45, heading=math.pi / 2))
    assert (person.posture, person.support) == (Posture.SITTING, "bed")


@pytest.mark.parametrize("heading", [0.0, math.pi / 2, math.pi])
def test_who_walks_walks_in_whatever_direction(heading: float) -> None:
    watch = Watch()
    for n in range(20):
        far_m = 0.08 * n
        person = watch.see(
            standing(3.0 + far_m * math.cos(heading), far_m * math.sin(heading), heading=heading)
        )
    assert person.velocity_m_s is not None
    assert person.velocity_m_s[:2] == pytest.approx(
        (0.8 * math.cos(heading), 0.8 * math.sin(heading)), abs=0.12
    )
    assert person.posture is Posture.WALKING
    assert watch.hold(standing(3.0 + far_m, 0.0, heading=heading)).posture is Posture.STANDING


def test_who_stands_still_while_the_camera_turns_does_not_walk() -> None:
    watch = Watch()
    for n in range(20):
        watch.eye = lens(0.0, 0.0, at=(3.0, 0.1 * n), height=1.25, pitch=0.2)
        person = watch.see(standing(3.0, 0.5))
    assert abs(person.velocity[0]) > 0.1
    assert person.posture is Posture.STANDING


def test_the_room_is_where_somebody_is_not_the_cameras_own() -> None:
    assert Watch().hold(standing(3.0, 0.5), 0.2).room == "far"
    assert Watch().hold(standing(1.6, 0.0), 0.2).room == "near"
    assert Watch(places=Places()).hold(standing(3.0, 0.5), 0.2).room == "near"  # as the camera's name says
    assert Watch(camera="head_camera").hold(standing(3.0, 0.5), 0.2).room == "far"


def bearing_deg(person: Person) -> float:
    assert person.look_again_bearing_rad is not None
    return math.degrees(person.look_again_bearing_rad)


@pytest.mark.parametrize("heading", [0.0, math.pi])
def test_who_lies_along_the_line_of_sight_is_to_be_seen_from_the_side(heading: float) -> None:
    eye = lens(0.0, 0.0, at=(3.0, 0.0), height=1.0, pitch=0.1)
    person = Watch(eye, places=Places()).hold(lying(3.5, 0.0, heading=heading))
    assert abs(bearing_deg(person)) == pytest.approx(90.0, abs=5.0)


def test_of_two_sides_the_nearer_one_is_chosen() -> None:
    eye = lens(0.0, 0.0, at=(3.0, 0.0), height=1.0, pitch=0.1)
    person = Watch(eye, places=Places()).hold(lying(3.5, 0.0, heading=0.35))
    assert bearing_deg(person) == pytest.approx(110.0, abs=6.0)
    person = Watch(eye, places=Places()).hold(lying(3.5, 0.0, heading=-0.35))
    assert bearing_deg(person) == pytest.approx(-110.0, abs=6.0)


def test_the_side_does_not_change_with_every_image() -> None:
    eye = lens(0.0, 0.0, at=(3.0, 0.0), height=1.0, pitch=0.1)
    watch = Watch(eye, places=Places())
    watch.hold(lying(3.5, 0.0, heading=0.02))
    sides = {
        math.copysign(1.0, bearing_deg(watch.see(lying(3.5, 0.0, heading=0.02 * (-1) ** n))))
        for n in range(20)
    }
    assert len(sides) == 1


def test_who_is_seen_from_the_side_needs_no_other_look() -> None:
    for points in (lying(3.1, -1.0, heading=math.pi / 2), standing(3.0, 0.5), sitting(3.0, 0.8)):
        assert Watch().hold(points).look_again_bearing_rad is None


def test_a_support_that_cannot_be_told_wants_another_look() -> None:
    person = Watch(places=Places()).hold(lying(3.1, 0.0, height=0.48))
    assert person.posture is Posture.LYING
    assert person.look_again_bearing_rad is not None


def test_a_torso_that_is_hardly_seen_wants_another_look() -> None:
    watch = Watch()
    dim = np.full(33, 0.3)
    for _ in range(30):
        person = watch.see(standing(3.0, 0.5), visibility=dim)
    assert person.look_again_bearing_rad is not None


def test_a_body_that_turns_over_and_over_wants_another_look_and_one_slip_does_not() -> None:
    slips, flips = Watch(), Watch()
    body = lying(3.1, -1.0, heading=math.pi / 2)
    upright = standing(3.1, -1.0)
    for n in range(30):
        wrong = seen_by(WALL, upright).world
        slipped = slips.see(body, **({"world": wrong} if n == 20 else {}))
        flipped = flips.see(body, **({"world": wrong} if n % 5 == 4 else {}))
    assert slipped.look_again_bearing_rad is None
    assert flipped.look_again_bearing_rad is not None


def test_the_wish_ends_when_the_doubt_does() -> None:
    watch = Watch(places=Places())
    watch.hold(lying(3.1, 0.0, height=0.48))
    for _ in range(30):
        person = watch.see(standing(3.0, 0.5))
    assert person.look_again_bearing_rad is None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(-3.0, 3.0), st.floats(1.8, 4.5), st.floats(-4, 4), st.booleans())))
def test_whatever_is_seen_numbers_are_finite(steps: list[tuple[float, float, float, bool]]) -> None:
    watch = Watch()
    for step_s, x, heading, level in steps:
        watch.t_s = max(0.0, watch.t_s + step_s)
        points = (lying if level else standing)(x, 0.2, heading=heading)
        view = View("near_camera", watch.t_s, 4 / 3, WALL.pose.rotation()[2], WALL)
        for person in watch.tracker.update(view, [seen_by(WALL, points)]):
            if person.position is not None and person.velocity_m_s is not None:
                assert np.isfinite(person.position).all()
                assert np.linalg.norm(person.velocity_m_s) < 10.0
