"""Who is looked at, when, and whom of two looks to believe; at the end with the real model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import cbook
from stick_people import stick_body

from care_robot.perception.bodies import HIPS, Body, middle
from care_robot.perception.body_finder import CUTS, QUIET_PERIOD_S, BodyFinder
from care_robot.perception.followed import HOLD_S, JOINTS, LOST_S
from care_robot.perception.second_look import Cut

ASPECT = 4 / 3
WIDTH, HEIGHT = 320, 240
STEP_S = 0.1
LYING = math.radians(88.0)
BONES = [(11, 12), (11, 23), (12, 24), (23, 24), (23, 25), (25, 27), (24, 26), (26, 28), (0, 11), (11, 13)]


def lying(hip: tuple[float, float] = (0.65, 0.85), score: float = 1.0) -> Body:
    body = stick_body(inclination=LYING, thigh=LYING, shank=LYING, hip=hip)
    return Body(body.image, body.world, body.visibility, score)


def standing(hip: tuple[float, float] = (0.65, 0.5), score: float = 1.0) -> Body:
    body = stick_body(hip=hip)
    return Body(body.image, body.world, body.visibility, score)


def painted(*bodies: Body) -> np.ndarray:
    """A wall, with dark people in front of it."""
    rgb = np.full((HEIGHT, WIDTH, 3), 170, np.uint8)
    rgb[:, 40:60] = 120
    for body in bodies:
        points = np.round(body.image * (WIDTH, HEIGHT)).astype(int)
        for a, b in BONES:
            cv2.line(rgb, points[a].tolist(), points[b].tolist(), (30, 30, 40), 13)
    return rgb


class Eyes:
    """Both looks: what they find is set by the test. The second sees a body where it is in the whole."""

    def __init__(self) -> None:
        self.first: list[Body] = []
        self.second: Body | None = None
        self.times: list[float] = []
        self.forgotten = 0
        self.cuts = 0

    def detect(self, _: np.ndarray, t_s: float | None = None) -> list[Body]:
        assert t_s is not None
        self.times.append(t_s)
        return list(self.first)

    def forget(self) -> None:
        self.forgotten += 1

    def close(self) -> None:
        pass


class Second:
    def __init__(self, eyes: Eyes) -> None:
        self._eyes = eyes

    def detect(self, _: np.ndarray) -> Body | None:
        self._eyes.cuts += 1
        return self._eyes.second

    def close(self) -> None:
        pass


class Scene:
    """Ten images a second, painted with who is there; the looks see what the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.eyes = Eyes()
        self.finder = BodyFinder(first=self.eyes, second=Second(self.eyes))
        self.t_s = 100.0
        # The second look is told where the body is in the whole picture; cutting is tested elsewhere.
        monkeypatch.setattr("care_robot.perception.second_look.Cut.back", lambda _cut, body, _shape: body)

    def show(
        self, *there: Body, first: list[Body] | None = None, second: Body | None = None, images: int = 1
    ) -> list[Body]:
        self.eyes.first = list(there) if first is None else first
        self.eyes.second = second
        for _ in range(images):
            self.t_s += STEP_S
            found = self.finder.find(painted(*there), self.t_s)
        return found

    def walk(self) -> None:
        """An empty room; then somebody comes in, and stands in the middle."""
        self.show(images=3)
        for x in np.linspace(0.2, 0.65, 12):
            self.show(standing((float(x), 0.5)))

    def fall(self) -> Body:
        """The same, who falls; the first look loses them on the way."""
        self.walk()
        down = stick_body(inclination=0.8, thigh=0.4, hip=(0.65, 0.65))
        self.show(down)
        return lying()


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def where(body: Body) -> np.ndarray:
    return middle(body.points(ASPECT), HIPS)


# The second look -----------------------------------------------------------------------------------------


def test_who_stands_is_not_looked_at_twice(scene: Scene) -> None:
    scene.walk()
    assert scene.eyes.cuts == 0


def test_who_is_lost_in_a_fall_is_found_by_the_second_look(scene: Scene) -> None:
    down = scene.fall()
    (body,) = scene.show(down, first=[], second=down)
    assert where(body) == pytest.approx(where(down))


def test_who_leans_or_lies_is_looked_at_twice(scene: Scene) -> None:
    scene.walk()
    scene.show(stick_body(inclination=math.radians(60)))
    assert scene.eyes.cuts == 1


def test_who_comes_down_quickly_or_is_found_with_doubt_is_looked_at_twice(scene: Scene) -> None:
    scene.walk()
    scene.show(standing((0.65, 0.55)))
    scene.show(standing((0.65, 0.60)))
    assert scene.eyes.cuts > 0


def test_doubt_of_the_first_look_is_a_suspicion(scene: Scene) -> None:
    scene.walk()
    scene.show(standing(score=0.7))
    assert scene.eyes.cuts == 1


def test_furniture_that_looks_like_a_body_is_not_believed(scene: Scene) -> None:
    down = scene.fall()
    chair = standing((0.95, 0.55))  # sure, of the right size, within reach; and nothing has changed there
    assert scene.show(down, first=[], second=chair) == []


@pytest.mark.parametrize(
    "wrong",
    [
        lying(score=0.5),
        lying(hip=(5.0, 0.8)),
        stick_body(inclination=LYING, thigh=LYING, shank=LYING, hip=(0.65, 0.85), torso=0.04),
        stick_body(inclination=LYING, thigh=LYING, shank=LYING, hip=(0.65, 0.85), torso=0.6),
        Body(np.full((33, 2), np.nan), np.zeros((33, 3)), np.ones(33), 1.0),
        Body(lying().image, np.full((33, 3), np.inf), np.ones(33), 1.0),
    ],
    ids=["doubtful", "far", "small", "large", "nan", "inf"],
)
def test_a_body_that_cannot_be_the_same_is_not_believed(scene: Scene, wrong: Body) -> None:
    down = scene.fall()
    assert scene.show(down, first=[], second=wrong) == []


def test_a_body_of_somebody_else_is_not_taken_for_the_one_who_is_lost(scene: Scene) -> None:
    scene.show(images=3)
    for n in range(12):
        scene.show(standing((0.3 + 0.02 * n, 0.5)), standing((1.0 - 0.02 * n, 0.5)))
    left, right = standing((0.54, 0.5)), standing((0.76, 0.5))
    found = scene.show(left, right, first=[left], second=left)
    assert [where(body)[0] for body in found].count(pytest.approx(0.54)) == 1


def test_who_was_never_followed_is_never_looked_for(scene: Scene) -> None:
    for _ in range(30):
        assert scene.show(lying(), first=[], second=lying()) == []
    assert scene.eyes.cuts == 0


def test_a_phantom_that_never_moves_gets_no_second_look_and_is_not_held(scene: Scene) -> None:
    phantom = lying()
    scene.show(first=[phantom], images=20)
    assert scene.eyes.cuts == 0
    assert scene.show(lying((0.2, 0.9)), first=[]) == []


def test_who_has_walked_out_is_not_looked_for_for_long(scene: Scene) -> None:
    scene.walk()
    for x in np.linspace(0.65, ASPECT - 0.03, 12):
        scene.show(standing((float(x), 0.5)))
    scene.show(images=50)
    assert scene.eyes.cuts <= 2


def test_a_lying_body_that_reads_upright_for_once_goes_on_lying(scene: Scene) -> None:
    down = scene.fall()
    scene.show(down, first=[], second=down, images=5)
    moving = lying((0.7, 0.85))
    (body,) = scene.show(moving, first=[standing((0.7, 0.8))], second=moving)
    assert body.torso_inclination() > 1.2


def test_who_gets_up_is_seen_to_get_up(scene: Scene) -> None:
    down = scene.fall()
    scene.show(down, first=[], second=down, images=5)
    for angle in np.linspace(LYING, 0.0, 8):
        up = stick_body(inclination=float(angle), hip=(0.65, 0.85 - 0.3 * math.cos(float(angle))))
        found = scene.show(up, second=up)
    assert found[0].torso_inclination() < 0.1


def test_a_jump_away_from_where_nothing_has_changed_is_not_believed(scene: Scene) -> None:
    scene.walk()
    scene.show(standing(), images=5)
    elsewhere = standing((0.85, 0.5))
    (body,) = scene.show(standing(), first=[elsewhere])
    assert where(body)[0] == pytest.approx(0.65)
    (body,) = scene.show(standing(), first=[elsewhere], images=10)  # unless the first look insists
    assert where(body)[0] == pytest.approx(0.85)


def test_a_jump_that_both_looks_see_is_believed(scene: Scene) -> None:
    scene.walk()
    scene.show(standing(score=0.8), images=5)
    elsewhere = standing((0.8, 0.5))
    (body,) = scene.show(standing(), first=[elsewhere], second=elsewhere)
    assert where(body)[0] == pytest.approx(0.8)


def test_the_second_look_is_rationed(scene: Scene) -> None:
    scene.fall()
    images = 600
    for n in range(images):  # somebody crawls on for a minute
        crawling = lying((0.65 + 0.2 * math.sin(n / 20), 0.85))
        scene.show(crawling)
    assert LOST_S / STEP_S <= scene.eyes.cuts <= LOST_S / STEP_S + 0.25 * images
    cuts = scene.eyes.cuts
    for n in range(600):
        scene.show(standing((0.65 + 0.2 * math.sin(n / 20), 0.5)))
    assert scene.eyes.cuts - cuts < 30  # and who stands again is left alone soon


def test_not_more_than_two_cuts_are_looked_at_in_an_image(scene: Scene) -> None:
    scene.fall()
    for _ in range(30):
        before = scene.eyes.cuts
        scene.show(first=[])
        assert scene.eyes.cuts - before <= 2


def test_every_cut_is_tried_while_none_finds_anything(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[tuple[float, int]] = []
    around = Cut.around

    def note(body: Body, shape: tuple[int, ...], padding: float, turns: int) -> Cut:
        tried.append((padding, turns))
        return around(body, shape, padding, turns)

    monkeypatch.setattr(Cut, "around", note)
    scene.fall()
    scene.show(first=[], images=10)
    assert set(tried) >= set(CUTS)


def test_a_phantom_does_not_seem_to_move_because_the_camera_does(scene: Scene) -> None:
    draw = np.random.default_rng(2)
    for n in range(30):  # a robot that turns: the whole picture changes, the phantom with it
        scene.eyes.first = [lying((0.2 + 0.03 * n, 0.8))]
        view = cv2.resize(draw.integers(0, 255, (12, 16, 3), dtype=np.uint8), (WIDTH, HEIGHT))
        scene.finder.find(view, 50.0 + n * STEP_S)
    assert scene.eyes.cuts == 0


def test_while_the_camera_moves_only_a_body_at_the_same_place_is_believed(scene: Scene) -> None:
    scene.walk()
    views = np.random.default_rng(3).integers(0, 255, (2, 12, 16, 3), dtype=np.uint8)
    scene.eyes.first, scene.eyes.second = [], standing((0.9, 0.5))
    assert scene.finder.find(cv2.resize(views[0], (WIDTH, HEIGHT)), scene.t_s + 0.1) == []
    scene.eyes.second = standing((0.67, 0.5))
    assert len(scene.finder.find(cv2.resize(views[1], (WIDTH, HEIGHT)), scene.t_s + 0.2)) == 1


# Holding a body where nothing changes --------------------------------------------------------------------


def test_who_lies_still_is_still_there_though_no_look_finds_them(scene: Scene) -> None:
    down = scene.fall()
    scene.show(down, first=[], second=down, images=3)
    for _ in range(round((HOLD_S - 1.0) / STEP_S)):
        (body,) = scene.show(down, first=[])
        assert where(body) == pytest.approx(where(down))
    assert scene.show(down, first=[], images=round(2.0 / STEP_S)) == []


def test_who_is_carried_off_unseen_is_not_held(scene: Scene) -> None:
    down = scene.fall()
    scene.show(down, first=[], second=down, images=3)
    assert scene.show(first=[]) == []


# When to look --------------------------------------------------------------------------------------------


def test_an_empty_room_is_looked_at_twice_a_second(scene: Scene) -> None:
    scene.show(images=200)
    assert 36 <= len(scene.eyes.times) <= 55


def test_a_person_who_keeps_still_is_reported_in_every_image(scene: Scene) -> None:
    scene.walk()
    looks = len(scene.eyes.times)
    for _ in range(100):
        assert len(scene.show(standing())) == 1
    assert len(scene.eyes.times) - looks <= 32
    assert np.diff(scene.eyes.times).max() <= QUIET_PERIOD_S + 1e-6


@given(quiet=st.integers(1, 60), x=st.floats(0.2, 1.1))
@settings(max_examples=30, deadline=None)
def test_the_very_image_in_which_somebody_appears_is_looked_at(quiet: int, x: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        scene = Scene(patch)
        scene.show(images=quiet)
        assert len(scene.show(standing((x, 0.5)))) == 1


@given(quiet=st.integers(15, 60))
@settings(max_examples=20, deadline=None)
def test_a_fall_is_looked_at_in_every_image_from_its_first(quiet: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        scene = Scene(patch)
        scene.walk()
        scene.show(standing(), images=quiet)
        before = len(scene.eyes.times)
        for n in range(1, 8):
            angle = LYING * n / 7
            scene.show(stick_body(inclination=angle, thigh=angle, hip=(0.65, 0.5 + 0.05 * n)))
        assert len(scene.eyes.times) - before == 7


def test_noise_of_the_camera_is_no_reason_to_look() -> None:
    eyes = Eyes()
    finder = BodyFinder(first=eyes, second=Second(eyes))
    draw = np.random.default_rng(4)
    for n in range(100):
        image = np.clip(painted() + draw.normal(0.0, 6.0, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8)
        finder.find(image, n * STEP_S)
    assert len(eyes.times) <= 30


# Time, size and forgetting ---------------------------------------------------------------------------------


def test_time_that_jumps_back_begins_anew(scene: Scene) -> None:
    down = scene.fall()
    scene.show(down, first=[], second=down, images=3)
    scene.t_s = 0.0
    assert scene.show(down, first=[], second=down) == []


def test_another_size_of_image_begins_anew(scene: Scene) -> None:
    scene.walk()
    scene.eyes.first = []
    assert scene.finder.find(np.zeros((48, 64, 3), np.uint8), scene.t_s + STEP_S) == []


def test_what_was_forgotten_changes_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def story(scene: Scene) -> list[list[float]]:
        down = scene.fall()
        found = [scene.show(down, first=[], second=down) for _ in range(20)]
        return [[b.score, *b.image.ravel()] for bodies in found for b in bodies]

    fresh = story(Scene(monkeypatch))
    scene.walk()
    scene.finder.forget()
    scene.t_s = 100.0
    assert story(scene) == fresh
    assert scene.eyes.forgotten == 1


@given(
    st.lists(
        st.tuples(
            st.floats(-2.0, 8.0) | st.sampled_from([0.0, 0.1, math.nan]),
            st.lists(
                st.builds(standing, st.tuples(st.floats(0, 1.3), st.floats(0, 1)), st.floats(0, 1)),
                max_size=4,
            ),
            st.none() | st.builds(lying, st.tuples(st.floats(0, 1.3), st.floats(0, 1)), st.floats(0, 1)),
        ),
        max_size=25,
    )
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_seen_nobody_is_invented(story: list[tuple[float, list[Body], Body | None]]) -> None:
    eyes = Eyes()
    finder = BodyFinder(2, first=eyes, second=Second(eyes))
    t_s, known = 0.0, []
    for step_s, first, second in story:
        t_s += step_s
        eyes.first, eyes.second = first, second
        known += first
        found = finder.find(painted(*first), t_s)
        assert len(found) <= 2
        assert [b.score for b in found] == sorted((b.score for b in found), reverse=True)
        assert not (found and not known)
        assert all(np.isfinite(b.image[JOINTS]).all() for b in found)
        if not math.isfinite(t_s):
            t_s = 0.0


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)]
)
def test_what_is_no_image_is_refused(scene: Scene, image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="An image must be"):
        scene.finder.find(image, 1.0)


# With the real model ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finder() -> Iterator[BodyFinder]:
    made = BodyFinder()
    yield made
    made.close()


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    """A photograph of a woman from the waist up (public domain; comes with matplotlib)."""
    path = str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    return cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)


def test_a_person_is_found_and_not_after_they_have_left(finder: BodyFinder, portrait: np.ndarray) -> None:
    finder.forget()
    grey = np.full_like(portrait, 128)
    assert finder.find(grey, 1.0) == []
    assert len(finder.find(portrait, 1.1)) == 1
    assert [finder.find(grey, 1.2 + n / 10) for n in range(5)][-1] == []


def test_the_same_images_give_the_same_bodies_after_forgetting(
    finder: BodyFinder, portrait: np.ndarray
) -> None:
    def look(at: Callable[[int], np.ndarray]) -> list[list[float]]:
        finder.forget()
        return [[*b.image.ravel()] for n in range(4) for b in finder.find(at(n), 5.0 + n / 10)]

    first = look(lambda n: np.roll(portrait, 15 * n, axis=1))
    look(lambda n: np.roll(portrait, 40 * n, axis=0))
    assert look(lambda n: np.roll(portrait, 15 * n, axis=1)) == first
    assert first


def test_a_look_that_fails_is_made_again_and_nobody_is_not_told_meanwhile(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> list[Body]:
        raise RuntimeError("the graph has ended")

    scene.show(images=20)  # an empty room, at which it looks twice a second
    with monkeypatch.context() as broken:
        broken.setattr(scene.eyes, "detect", fail)
        for _ in range(20):  # somebody comes and stands still
            with pytest.raises(RuntimeError):
                scene.show(standing())
    assert len(scene.show(standing())) == 1
