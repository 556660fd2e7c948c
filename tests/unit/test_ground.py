"""Where bodies are in the room, in metres, from one picture and what is known of the camera."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from room_people import MODEL, lens, lying, seen_by, standing
from stick_people import stick_body

from care_robot.geometry import OPTICAL, CameraModel, Pose
from care_robot.perception.bodies import Body
from care_robot.perception.ground import Lens, Placed, on_feet, place_body

WALL = lens(0.0, 0.0, at=(3.0, 0.0))
HEAD = lens(0.0, 0.0, at=(3.0, 0.0), height=1.25, pitch=0.2)
eyes = st.sampled_from([WALL, HEAD])
far_m = st.floats(2.0, 4.5)
aside = st.floats(-0.25, 0.25)
headings = st.floats(-math.pi, math.pi)
errors = st.floats(0.9, 1.1)


def placed(eye: Lens, points: np.ndarray, taken_for: float = 1.0) -> Placed:
    found = place_body(seen_by(eye, points, taken_for=taken_for), eye)
    assert found is not None
    return found


@settings(max_examples=60, deadline=None)
@given(eyes, far_m, aside, headings)
def test_a_shape_that_is_known_is_found_where_it_is(
    eye: Lens, x: float, share: float, heading: float
) -> None:
    points = standing(x, share * x, heading=heading)
    assert placed(eye, points).points == pytest.approx(points, abs=0.02)


@settings(max_examples=60, deadline=None)
@given(eyes, far_m, aside, headings, errors)
def test_who_stands_is_found_by_the_feet_however_tall(
    eye: Lens, x: float, share: float, heading: float, taken_for: float
) -> None:
    found = on_feet(placed(eye, standing(x, share * x, heading=heading), taken_for))
    assert found.hips[:2] == pytest.approx((x, share * x), abs=0.15)
    assert found.hips[2] == pytest.approx(0.87, abs=0.08)
    assert found.head_height_m == pytest.approx(1.62, abs=0.12)


@settings(max_examples=60, deadline=None)
@given(eyes, far_m, aside, headings)
def test_a_level_torso_is_level_wherever_the_camera_hangs(
    eye: Lens, x: float, share: float, heading: float
) -> None:
    body = seen_by(eye, lying(x, share * x, heading=heading))
    found = place_body(body, eye)
    assert found is not None
    assert body.torso_inclination(found.up) == pytest.approx(math.pi / 2, abs=0.05)


@settings(max_examples=60, deadline=None)
@given(eyes, far_m, aside, headings, st.floats(0.8, 1.2))
def test_the_error_lies_within_what_the_covariance_says(
    eye: Lens, x: float, share: float, heading: float, taken_for: float
) -> None:
    truth = standing(x, share * x, heading=heading)
    found = placed(eye, truth, taken_for)
    miss = found.hips - truth[23:25].mean(axis=0)
    covariance = found.covariance()
    assert np.linalg.eigvalsh(covariance).min() > 0.0
    assert miss @ np.linalg.solve(covariance, miss) < 9.0
    along = miss @ (found.hips - found.eye) / np.linalg.norm(found.hips - found.eye)
    assert abs(along) == pytest.approx(np.linalg.norm(miss), abs=0.05)  # only the distance is in doubt


def test_nobody_is_under_the_floor() -> None:
    child = standing(3.0, 0.0, size=0.6)
    found = placed(WALL, child, taken_for=1.0 / 0.6)
    assert found.points[:, 2].min() < -0.5
    assert on_feet(found).hips == pytest.approx(child[23:25].mean(axis=0), abs=0.05)


def test_who_is_well_over_the_floor_is_not_pulled_down_to_it() -> None:
    points = lying(3.0, 0.0, height=0.8)
    found = placed(HEAD, points)
    assert on_feet(found).hips == pytest.approx(found.hips)


def test_feet_that_are_only_guessed_say_less() -> None:
    body = seen_by(WALL, standing(3.0, 0.0), taken_for=1.1)
    hidden = Body(body.image, body.world, np.where(np.arange(33) >= 25, 0.1, 1.0), 1.0)
    seen, guessed = place_body(body, WALL), place_body(hidden, WALL)
    assert seen is not None
    assert guessed is not None
    assert on_feet(seen).size_std < on_feet(guessed).size_std


def test_distortion_is_taken_out() -> None:
    model = CameraModel(640, 480, 400.0, 400.0, 320.0, 240.0, (-0.2, 0.05, 0.001, -0.001, 0.0))
    eye = Lens(model, WALL.pose)
    points = standing(3.0, 0.9)
    assert placed(eye, points).points == pytest.approx(points, abs=0.03)


@pytest.mark.parametrize(
    "body",
    [
        Body(np.full((33, 2), 0.5), np.zeros((33, 3)), np.ones(33), 1.0),
        Body(np.full((33, 2), 0.5), stick_body().world, np.ones(33), 1.0),
        Body(np.full((33, 2), 1e30), stick_body().world, np.ones(33), 1.0),
        Body(stick_body().image, stick_body().world * 1e9, np.ones(33), 1.0),
        Body(stick_body().image, stick_body().world, np.zeros(33), 0.0),
        Body(-stick_body().image, stick_body().world[::-1], np.ones(33), 1.0),
    ],
)
@pytest.mark.parametrize("eye", [WALL, Lens(MODEL, Pose.identity()), Lens(MODEL, OPTICAL)])
def test_nonsense_has_no_place_or_a_finite_one(body: Body, eye: Lens) -> None:
    found = place_body(body, eye)
    if found is not None:
        for one in (found, on_feet(found)):
            assert np.isfinite(one.points).all()
            assert np.isfinite(one.covariance()).all()


numbers = st.floats(-3.0, 3.0) | st.sampled_from([0.0, 1e-12, 1e12])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_finite_body_breaks_it(data: st.DataObject) -> None:
    def draw(*shape: int) -> np.ndarray:
        size = math.prod(shape)
        return np.array(data.draw(st.lists(numbers, min_size=size, max_size=size))).reshape(shape)

    body = stick_body()
    body = replace(body, image=body.image + draw(33, 2), visibility=np.clip(draw(33), 0, 1))
    found = place_body(body, WALL)
    if found is not None:
        assert np.isfinite(on_feet(found).points).all()


@pytest.mark.parametrize("distortion", [(-0.3, 0.1, 0.0, 0.0, 0.0), (-0.4, 0.2, 0.0, 0.0, -0.2)])
@pytest.mark.parametrize("below", [1.2, 1.5, 2.0, 3.0, 5.0])
def test_who_is_far_out_of_a_distorted_picture_has_a_place_of_numbers_or_none(
    distortion: tuple[float, ...], below: float
) -> None:
    model = CameraModel(640, 480, 500.0, 500.0, 320.0, 240.0, distortion)
    body = stick_body(hip=(0.65, below))
    hidden = Body(body.image, body.world, np.full(33, 0.3), 1.0)
    found = place_body(hidden, Lens(model, WALL.pose))
    assert found is None or bool(np.isfinite(found.points).all())
