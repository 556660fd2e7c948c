"""People in a simulated home do what they are told, fall under physics, and get up again."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care_robot.description import Box, Collision, Inertia, Link, Model, Plane, Shape
from care_robot.geometry import Pose
from care_robot.perception.posture import Posture
from care_robot.simulation.mujoco_model import (
    CONTROL_S,
    ROBOT,
    TIMESTEP_S,
    add_model,
    compile_spec,
    new_spec,
)
from care_robot.simulation.person import Act, ActError, ActKind, Person, add_person
from care_robot.simulation.resident import JOINTS, Resident
from care_robot.simulation.resident_fall import state_hash
from care_robot.simulation.world import Place, PlaceKind, Room, World

A, P = ActKind, Posture
INVALID, IMPOSSIBLE = 1, 3
SEAT_M, BED_M = 0.45, 0.50


def block(name: str, x: float, y: float, size: tuple[float, float, float]) -> Model:
    """Return a box that stands on the floor."""
    return shape(name, Pose.from_rpy(x, y, size[2] / 2), Box(size))


def shape(name: str, pose: Pose, solid: Shape, mass_kg: float = 0.0) -> Model:
    moment = 0.02 * mass_kg if mass_kg > 1.0 else 0.002 * mass_kg
    inertia = Inertia(mass_kg, Pose.identity(), (moment, moment, moment, 0, 0, 0)) if mass_kg else None
    link = Link("link", Pose.identity(), inertia, (), (Collision("solid", Pose.identity(), solid),))
    return Model(name, pose, (link,), static=not mass_kg)


WORLD = World(
    "small",
    Path("small.sdf"),
    (
        shape("floor", Pose.identity(), Plane((8.0, 8.0))),
        block("chair", 2.0, 0.0, (0.5, 0.5, SEAT_M)),
        block("bed", -2.5, 2.0, (2.0, 1.0, BED_M)),
        block("wall", 0.0, -2.0, (2.0, 0.1, 2.0)),
    ),
    rooms=(Room("room", ((-4.0, -4.0), (4.0, -4.0), (4.0, 4.0), (-4.0, 4.0))),),
    places=(
        Place("chair", PlaceKind.SEAT, Pose.from_rpy(1.75, 0.0, SEAT_M, yaw=math.pi)),
        Place("bed", PlaceKind.BED, Pose.from_rpy(-2.5, 2.0, BED_M, yaw=math.pi)),
        Place("behind_the_wall", PlaceKind.SPOT, Pose.from_rpy(0.0, -3.0, 0.0, yaw=1.0)),
        Place("dock", PlaceKind.DOCK, Pose.from_rpy(3.0, 3.0, 0.0)),
    ),
)
CUP = shape("cup", Pose.from_rpy(0.0, 0.0, 0.0), Box((0.06, 0.06, 0.10)), mass_kg=0.2)


class Home:
    """A world with people in it, without a robot."""

    def __init__(
        self,
        *residents: Resident,
        start: str = "",
        seed: int = 0,
        things: tuple[tuple[Model, Pose], ...] = (),
        kind: int | None = None,
        at: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> None:
        spec = new_spec()
        people = {f"p{i}": resident for i, resident in enumerate(residents or (Resident(),))}
        for model in WORLD.models:
            add_model(spec, model, dressed=False)
        for model, pose in things:
            add_model(spec, model, at=pose, dressed=False, kind=kind)
        for person_id, resident in people.items():
            add_person(spec, person_id, resident, dressed=False)
        self.model = compile_spec(spec)
        self.data = mujoco.MjData(self.model)
        self.people = [
            Person(
                self.model,
                self.data,
                person_id,
                resident,
                WORLD,
                WORLD.place(start) if start else (at[0], at[1] - 1.5 * i, at[2]),
                seed,
            )
            for i, (person_id, resident) in enumerate(people.items())
        ]
        self.person = self.people[0]
        self.time_s = 0.0
        mujoco.mj_forward(self.model, self.data)

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> float:
        """Let time pass; return how long it took until `until` held, infinity if it never did."""
        start_s = self.time_s
        while self.time_s < start_s + seconds - 1e-9:
            for person in self.people:
                person.before_step(self.time_s, CONTROL_S)
            mujoco.mj_step(self.model, self.data, round(CONTROL_S / TIMESTEP_S))
            self.time_s = round(self.time_s + CONTROL_S, 6)
            if until():
                return self.time_s - start_s
        return math.inf

    def act(self, kind: ActKind, **fields: Any) -> None:
        self.person.act(Act(kind, **fields), self.time_s)

    def finish(self) -> float:
        """Let the act go on to its end, and return how long it took."""
        took_s = self.run(60.0, lambda: not self.person.busy)
        assert took_s < 60.0
        return took_s

    def height_m(self, *parts: str) -> float:
        return max(float(self.data.body(f"p0/{part}").xpos[2]) for part in parts)

    def lowest_m(self) -> float:
        """Return the height of the lowest point of the first person."""
        model, data = self.model, self.data
        own = [i for i in range(model.ngeom) if model.geom(i).name.startswith("p0/")]
        radius, half = model.geom_size[own, 0], model.geom_size[own, 1]
        return float((data.geom_xpos[own, 2] - np.abs(data.geom_xmat[own, 8]) * half - radius).min())

    def is_down(self) -> bool:
        return self.height_m("pelvis", "thorax") < 0.35


@pytest.fixture
def home() -> Home:
    return Home()


# --- acts ---------------------------------------------------------------------------------------


def test_a_person_stands_still_where_put(home: Home) -> None:
    before = home.person.hips_m
    home.run(1.0)
    assert home.person.posture is P.STANDING
    assert not home.person.busy
    assert home.person.hips_m == pytest.approx(before, abs=2e-3)


def test_walking_goes_around_the_wall_and_ends_at_the_place_facing_as_it_says(home: Home) -> None:
    home.act(A.WALK, place="behind_the_wall")
    nearest_m = []

    def arrived() -> bool:
        x, y, _ = home.person.hips_m
        nearest_m.append(max(abs(x) - 1.0, abs(y + 2.0) - 0.05))
        assert home.person.posture in (P.WALKING, P.STANDING)
        return not home.person.busy

    assert home.run(40.0, arrived) < 40.0
    assert min(nearest_m) > 0.12
    assert home.person.hips_m[:2] == pytest.approx((0.0, -3.0), abs=0.05)
    forward = home.data.body("p0/pelvis").xmat.reshape(3, 3)[:2, 0]
    assert math.atan2(forward[1], forward[0]) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("gait_speed_m_s", [0.4, 0.8, 1.2])
def test_everybody_walks_at_their_own_speed(gait_speed_m_s: float) -> None:
    home = Home(Resident(gait_speed_m_s=gait_speed_m_s))
    home.act(A.WALK, target=(-3.0, 0.0, 0.0))
    home.run(20.0, lambda: home.person.hips_m[0] < -0.8)  # after turning round
    x_m = home.person.hips_m[0]
    home.run(1.0)
    assert x_m - home.person.hips_m[0] == pytest.approx(gait_speed_m_s, rel=0.25)


def test_a_new_walk_replaces_the_old_one_without_a_jump(home: Home) -> None:
    home.act(A.WALK, target=(0.0, 3.0, 0.0))
    home.run(3.0)
    home.act(A.WALK, target=(0.0, 0.0, 0.0))
    last = np.array(home.person.hips_m)

    def jumps() -> bool:
        nonlocal last
        now = np.array(home.person.hips_m)
        jump_m, last = float(np.linalg.norm(now - last)), now
        return jump_m > 0.03

    assert home.run(10.0, jumps) == math.inf
    assert home.person.hips_m[:2] == pytest.approx((0.0, 0.0), abs=0.05)


def test_sitting_down_twice_as_fast_takes_half_the_time_and_ends_on_the_seat() -> None:
    took_s = []
    for speed in (1.0, 2.0):
        home = Home(start="chair")
        home.act(A.STAND)
        home.finish()
        home.act(A.SIT, place="chair", speed=speed)
        home.run(30.0, lambda home=home: home.height_m("pelvis") < 0.80)  # type: ignore[misc]
        took_s.append(home.finish())
        assert home.person.posture is P.SITTING
        assert home.person.hips_m == pytest.approx((2.05, 0.0, SEAT_M + 0.09), abs=0.06)
        assert home.height_m("foot_l", "foot_r") < 0.12
    assert took_s[1] == pytest.approx(took_s[0] / 2, rel=0.25)


def test_a_person_lies_down_in_bed_and_gets_up_again(home: Home) -> None:
    postures = []
    for act in (Act(A.LIE_ON_FURNITURE, target=(0.0, 0.0, 0.0)), Act(A.GET_UP)):
        home.person.act(act, home.time_s)
        home.finish()
        postures.append((home.person.posture, round(home.lowest_m(), 1)))
        assert np.ptp(home.person.landmarks_m()[:, 2]) < 0.35 or act.kind is A.GET_UP
    assert postures == [(P.LYING_ON_FURNITURE, BED_M), (P.STANDING, 0.0)]


@pytest.mark.parametrize(
    ("kind", "posture", "highest_m"),
    [(A.BEND, P.BENDING, 1.2), (A.CROUCH, P.CROUCHING, 1.15), (A.KNEEL, P.KNEELING, 1.3)],
)
def test_postures_on_the_spot_are_held_until_told_otherwise(
    home: Home, kind: ActKind, posture: Posture, highest_m: float
) -> None:
    home.act(kind)
    home.finish()
    home.run(2.0)
    assert home.person.posture is posture
    assert home.height_m("head") < highest_m
    assert home.lowest_m() == pytest.approx(0.0, abs=0.01)
    home.act(A.STAND)
    home.finish()
    assert home.person.posture is P.STANDING
    assert home.height_m("pelvis") > 0.8


def test_lying_down_on_the_floor_on_purpose_is_slow_and_never_below_it(home: Home) -> None:
    home.act(A.LIE_ON_FLOOR)
    lows: list[float] = []
    down_s = home.run(30.0, lambda: lows.append(home.lowest_m()) or home.is_down())  # type: ignore[func-returns-value]
    assert down_s > 3.0
    home.finish()
    assert home.person.posture is P.LYING_ON_FLOOR
    assert min(lows) > -0.01


def test_the_hand_takes_what_is_held_out_and_keeps_it() -> None:
    shelf = block("shelf", 0.45, -0.2, (0.2, 0.2, 1.0))
    home = Home(things=((shelf, shelf.pose), (CUP, Pose.from_rpy(0.42, -0.2, 1.05))))
    home.run(0.5)
    home.act(A.TAKE, target=(0.42, -0.2, 1.05))
    home.finish()
    assert home.person.holds.startswith("cup/")
    home.act(A.WALK, target=(-2.0, 0.0, 0.0))
    home.finish()
    cup = home.data.body(home.person.holds).xpos
    assert np.linalg.norm(cup - home.data.body("p0/hand_r").xpos) < 0.25


def test_a_thing_is_picked_up_from_the_floor() -> None:
    home = Home(things=((CUP, Pose.from_rpy(1.0, 1.0, 0.051)),))
    home.act(A.PICK_UP, target=(1.0, 1.0, 0.05))
    home.finish()
    assert home.person.holds.startswith("cup/")
    assert home.data.body(home.person.holds).xpos[2] > 0.4


def test_what_is_said_waits_to_be_published_and_disturbs_nothing(home: Home) -> None:
    home.act(A.WALK, target=(2.0, 2.0, 0.0))
    home.act(A.SAY, text=" 괜찮아요 ")
    assert home.person.said == ["괜찮아요"]
    assert home.person.doing is A.WALK


# --- falls --------------------------------------------------------------------------------------

WAYS = {
    "forward": ("", A.FALL, 0.0),
    "back": ("", A.FALL, math.pi),
    "left": ("", A.FALL, math.pi / 2),
    "right": ("", A.FALL, -math.pi / 2),
    "from the chair": ("chair", A.FALL, 3.0),
    "from the bed": ("bed", A.FALL, 0.0),
    "slowly, standing": ("", A.SLIDE, 0.0),
    "slowly, from the chair": ("chair", A.SLIDE, 0.0),
    "slowly, from the bed": ("bed", A.SLIDE, 0.0),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_fall_ends_on_the_floor_and_the_person_lies_still(way: str) -> None:
    start, kind, heading_rad = WAYS[way]
    for seed in range(3):
        home = Home(Resident.from_seed(seed), start=start, seed=seed)
        home.run(0.2)
        home.act(kind, heading_rad=heading_rad)
        down_s = home.run(6.0, home.is_down)
        assert (1.9 if kind is A.SLIDE else 0.5) < down_s < 6.0
        home.finish()
        home.run(0.5)
        assert home.is_down()
        assert home.person.posture is P.LYING_ON_FLOOR
        assert np.abs(home.data.qvel).max() < 2.0
        assert home.lowest_m() > -0.03
        for joint in JOINTS:
            angle_deg = math.degrees(home.data.joint(f"p0/{joint.name}").qpos[0])
            assert joint.low - 12 < angle_deg < joint.high + 12, joint.name


def test_the_person_falls_where_the_heading_points(home: Home) -> None:
    home.act(A.FALL, heading_rad=2.0)
    home.run(4.0)
    head = home.data.body("p0/head").xpos
    assert math.remainder(math.atan2(head[1], head[0]) - 2.0, math.tau) == pytest.approx(0.0, abs=0.5)


def test_the_same_seed_falls_the_same_way_and_another_does_not() -> None:
    hashes = []
    for seed in (1, 1, 2):
        home = Home(seed=seed)
        home.act(A.WALK, target=(1.0, 0.0, 0.0))
        home.run(2.0)
        home.act(A.FALL, heading_rad=0.5)
        home.run(2.0)
        hashes.append(state_hash(home.data))
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("heading_rad", [0.0, math.pi, 1.6])
def test_who_has_fallen_moves_arms_and_legs_and_gets_up_without_a_jump(heading_rad: float) -> None:
    home = Home()
    home.act(A.FALL, heading_rad=heading_rad)
    home.run(3.0)
    lying = home.data.qpos.copy()
    home.act(A.MOVE)
    home.run(1.0)
    assert np.abs(home.data.qpos - lying).max() > 0.15
    assert home.person.busy
    home.finish()
    assert home.is_down()
    home.act(A.GET_UP)
    lows, fast = [], []

    def standing() -> bool:
        lows.append(home.lowest_m())
        fast.append(np.abs(home.data.qvel).max())
        return not home.person.busy

    assert home.run(20.0, standing) > 4.0
    assert home.person.posture is P.STANDING
    assert min(lows) > -0.02
    assert max(fast) < 8.0
    home.act(A.WALK, target=(0.0, 0.0, 0.0))
    home.finish()
    assert home.person.hips_m[:2] == pytest.approx((0.0, 0.0), abs=0.05)


# --- what cannot be -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "code", "word"),
    [
        (Act(A.WALK, target=(math.nan, 0.0, 0.0)), INVALID, "target"),
        (Act(A.WALK, target=(math.inf, 0.0, 0.0)), INVALID, "target"),
        (Act(A.WALK), INVALID, "place and target"),
        (Act(A.WALK, place="moon"), INVALID, "moon"),
        (Act(A.WALK, target=(1e300, 0.0, 0.0)), IMPOSSIBLE, "outside"),
        (Act(A.WALK, target=(50.0, 0.0, 0.0)), IMPOSSIBLE, "outside"),
        (Act(A.WALK, target=(-2.9, 2.0, 0.0)), IMPOSSIBLE, "room"),
        (Act(A.WALK, target=(1.0, 0.0, 0.0), speed=math.nan), INVALID, "speed"),
        (Act(A.WALK, target=(1.0, 0.0, 0.0), speed=1e9), INVALID, "speed"),
        (Act(A.WALK, target=(1.0, 0.0, 0.0), speed=-1.0), INVALID, "speed"),
        (Act(A.FALL, heading_rad=math.nan), INVALID, "heading"),
        (Act(A.SIT, place="dock"), IMPOSSIBLE, "dock"),
        (Act(A.LIE_ON_FURNITURE, place="chair"), IMPOSSIBLE, "chair"),
        (Act(A.GET_UP), IMPOSSIBLE, "stands already"),
        (Act(A.MOVE), IMPOSSIBLE, "floor"),
        (Act(A.SAY), INVALID, "text"),
        (Act(A.SAY, text="  \n"), INVALID, "text"),
        (Act(A.TAKE), IMPOSSIBLE, "reach"),
        (Act(A.TAKE, target=(3.0, 3.0, 1.0)), IMPOSSIBLE, "hand"),
        (Act(A.PICK_UP), INVALID, "target"),
        (Act(A.PICK_UP, target=(1.0, 0.5, 3.0)), IMPOSSIBLE, "reached"),
    ],
)
def test_an_act_that_cannot_be_is_refused_with_a_sentence_and_changes_nothing(
    home: Home, act: Act, code: int, word: str
) -> None:
    with pytest.raises(ActError, match=word) as refused:
        home.person.act(act, 0.0)
    assert refused.value.code == code
    assert str(refused.value).endswith(".")
    home.run(0.2)
    assert not home.person.busy
    assert home.person.posture is P.STANDING


def test_who_lies_on_the_floor_cannot_walk_and_who_still_falls_cannot_get_up(home: Home) -> None:
    home.act(A.FALL)
    home.run(0.3)
    for kind, word in ((A.GET_UP, "falling"), (A.FALL, "down"), (A.SIT, "get up first")):
        with pytest.raises(ActError, match=word):
            home.act(kind)
    home.run(4.0)
    with pytest.raises(ActError, match="get up first"):
        home.act(A.WALK, target=(1.0, 1.0, 0.0))


acts = st.builds(
    Act,
    kind=st.sampled_from(ActKind),
    target=st.none() | st.tuples(st.floats(-4.5, 4.5), st.floats(-4.5, 4.5), st.floats(0.0, 1.5)),
    place=st.sampled_from(("", "", "chair", "bed", "behind_the_wall", "dock", "nowhere")),
    heading_rad=st.floats(-7.0, 7.0),
    speed=st.floats(0.5, 2.0),
    text=st.text(max_size=5),
)


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(acts, st.floats(0.05, 6.0)), min_size=2, max_size=6),
    st.sampled_from(("", "chair", "bed")),
    st.integers(0, 3),
)
def test_no_sequence_of_acts_breaks_the_body(
    sequence: list[tuple[Act, float]], start: str, seed: int
) -> None:
    home = Home(Resident.from_seed(seed), start=start, seed=seed)
    for act, seconds in sequence:
        with contextlib.suppress(ActError):
            home.person.act(act, home.time_s)
        home.run(seconds)
        assert np.isfinite(home.data.qpos).all()
        assert np.abs(home.data.qvel).max() < 100.0
        assert 0.05 < home.person.hips_m[2] < 1.3
        assert home.lowest_m() > -0.05
        assert np.isfinite(home.person.landmarks_m()).all()


# --- what is seen of people ---------------------------------------------------------------------


def test_landmarks_are_where_they_are_on_a_standing_person(home: Home) -> None:
    home.run(0.1)
    marks = home.person.landmarks_m()
    assert marks.shape == (33, 3)
    nose, left, right = marks[0], slice(11, 33, 2), slice(12, 33, 2)
    assert nose == pytest.approx((0.13, 0.0, 1.50), abs=0.08)  # faces along x
    assert (marks[left, 1] > 0.0).all()
    assert marks[left] * (1, -1, 1) == pytest.approx(marks[right], abs=0.02)
    shoulders, hips, knees, ankles = (marks[i, 2] for i in (11, 23, 25, 27))
    assert shoulders > hips > knees > ankles > 0.0
    assert home.person.hips_m == pytest.approx((marks[23] + marks[24]) / 2, abs=0.01)
    assert marks[31, 0] > marks[29, 0] + 0.15  # toes before heels


@given(st.floats(-4, 4), st.floats(-4, 4))
def test_the_distance_to_a_person_is_that_to_the_nearest_part(x_m: float, y_m: float) -> None:
    person = STANDING.person
    distance_m, bone_m = person.nearest_distance_m((x_m, y_m)), math.dist(person.hips_m[:2], (x_m, y_m))
    assert bone_m - 0.45 < distance_m <= max(0.0, bone_m - 0.08)


STANDING = Home()


def test_several_people_are_independent_of_each_other() -> None:
    home = Home(Resident(), Resident(height_m=1.8))
    other = home.people[1]
    home.act(A.FALL)
    other.act(Act(A.WALK, target=(3.0, -1.5, 0.0)), 0.0)
    home.run(8.0)
    assert home.person.posture is P.LYING_ON_FLOOR
    assert other.posture is P.STANDING
    assert other.hips_m[:2] == pytest.approx((3.0, -1.5), abs=0.05)


@pytest.mark.parametrize("aid", ["cane", "frame"])
def test_a_walking_aid_goes_along_and_drops_when_the_person_falls(aid: str) -> None:
    home = Home(replace(Resident(), walking_aid=aid))
    home.act(A.WALK, target=(0.0, 3.0, 0.0))
    home.finish()
    at = home.data.body("p0/aid").xpos
    assert math.dist(at[:2], home.person.hips_m[:2]) < 0.7
    assert at[2] == pytest.approx(0.0, abs=0.01)
    home.act(A.FALL)
    home.run(4.0)
    assert home.person.posture is P.LYING_ON_FLOOR
    assert home.data.body("p0/aid").xpos[2] < 0.3


def test_a_robot_that_bumps_into_somebody_who_stands_stops_and_does_not_move_them() -> None:
    robot = shape("ram", Pose.from_rpy(-0.5, 0.0, 0.101), Box((0.4, 0.4, 0.2)), mass_kg=30.0)
    for place_m, passes in ((0.0, False), (2.0, True)):
        home = Home(things=((robot, robot.pose),), kind=ROBOT, at=(0.0, place_m, 0.0))
        home.data.joint("ram/free").qvel[0] = 5.0
        home.run(1.5)
        assert bool(home.data.body("ram/link").xpos[0] > -0.15) is passes
        assert home.person.hips_m[:2] == pytest.approx((0.02, place_m), abs=0.01)
