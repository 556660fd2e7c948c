"""What is derived from one body: the torso's inclination in the room, the height of the hips, the posture."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stick_people import BENDING, CROUCHING, KNEELING, LYING, SITTING, stick_body

from care_robot.geometry import OPTICAL, Pose
from care_robot.perception.bodies import LEVEL_CAMERA_UP, Body, angle_between
from care_robot.perception.posture import Posture, hip_height, posture_of


@given(st.floats(0.0, math.pi), st.booleans(), st.floats(0.01, 0.9))
def test_inclination_depends_neither_on_size_nor_on_side(angle: float, mirror: bool, torso: float) -> None:
    body = stick_body(inclination=angle, mirror=mirror, torso=torso)
    assert body.torso_inclination() == pytest.approx(angle, abs=1e-6)


@given(st.floats(-0.5, 1.2), st.floats(-math.pi, math.pi), st.sampled_from([0.0, 0.4, math.pi / 2]))
def test_a_camera_that_looks_down_sees_the_same_inclination(pitch: float, yaw: float, angle: float) -> None:
    camera = Pose.from_rpy(1.0, 2.0, 2.5, pitch=pitch, yaw=yaw).compose(OPTICAL)
    level = Pose.from_rpy(1.0, 2.0, 2.5, yaw=yaw).compose(OPTICAL)
    seen_level = stick_body(inclination=angle)
    turned = seen_level.world @ level.rotation().T @ camera.rotation()
    body = Body(seen_level.image, turned, seen_level.visibility, 1.0)
    up = camera.rotation()[2]
    assert body.torso_inclination(up) == pytest.approx(angle, abs=1e-6)
    assert hip_height(body, up) == pytest.approx(hip_height(seen_level, LEVEL_CAMERA_UP), abs=1e-6)


def test_a_torso_without_length_has_no_inclination() -> None:
    body = stick_body()
    assert math.isnan(Body(body.image, np.zeros((33, 3)), body.visibility, 1.0).torso_inclination())
    assert math.isnan(angle_between(np.zeros(3), LEVEL_CAMERA_UP))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", ["image", "world", "visibility", "score"])
def test_a_body_with_a_number_that_is_none_is_not_usable(where: str, value: float) -> None:
    body = stick_body()
    parts = {"image": body.image.copy(), "world": body.world.copy(), "visibility": body.visibility.copy()}
    if where != "score":
        parts[where][5] = value
    assert body.usable()
    assert not Body(**parts, score=value if where == "score" else 1.0).usable()


def test_arrays_of_another_shape_are_refused() -> None:
    body = stick_body()
    with pytest.raises(ValueError, match="world landmarks"):
        Body(body.image, np.zeros((32, 3)), body.visibility, 1.0)
    with pytest.raises(ValueError, match="reshape"):
        Body.from_flat(np.zeros(65), np.zeros(99), np.zeros(33), 1.0)


def test_flat_arrays_come_back() -> None:
    body = stick_body(inclination=0.3)
    again = Body.from_flat(body.image.ravel(), body.world.ravel(), body.visibility, 0.7)
    np.testing.assert_array_equal(again.image, body.image)
    np.testing.assert_array_equal(again.world, body.world)
    assert again.score == 0.7


@pytest.mark.parametrize(
    ("angles", "posture"),
    [
        ({}, Posture.STANDING),
        (SITTING, Posture.SITTING),
        (LYING, Posture.LYING),
        (BENDING, Posture.BENDING),
        (CROUCHING, Posture.CROUCHING),
        (KNEELING, Posture.KNEELING),
        ({**SITTING, "shank": -math.pi / 2}, Posture.SITTING),  # on the floor, legs stretched
        ({"inclination": math.radians(50)}, Posture.BENDING),
    ],
)
@pytest.mark.parametrize("mirror", [False, True])
def test_postures_are_told_apart(angles: dict[str, float], posture: Posture, mirror: bool) -> None:
    found, confidence = posture_of(stick_body(mirror=mirror, **angles), LEVEL_CAMERA_UP)
    assert found is posture
    assert confidence == 1.0


def test_somebody_upright_who_moves_on_walks() -> None:
    assert posture_of(stick_body(), LEVEL_CAMERA_UP, speed_torsos_per_s=2.0)[0] is Posture.WALKING


def test_without_legs_only_what_is_clear_is_said() -> None:
    assert posture_of(stick_body(visible_legs=False), LEVEL_CAMERA_UP) == (Posture.UNKNOWN, 0.0)
    half = stick_body(inclination=math.radians(65), visible_legs=False)
    assert posture_of(half, LEVEL_CAMERA_UP) == (Posture.UNKNOWN, 0.0)
    assert posture_of(stick_body(visible_legs=False, **LYING), LEVEL_CAMERA_UP) == (Posture.LYING, 0.5)
    assert math.isnan(hip_height(stick_body(visible_legs=False), LEVEL_CAMERA_UP))


def test_without_a_torso_nothing_is_said() -> None:
    body = stick_body(**LYING)
    hidden = Body(body.image, body.world, np.full(33, 0.1), 0.2)
    assert posture_of(hidden, LEVEL_CAMERA_UP) == (Posture.UNKNOWN, 0.0)


@given(st.floats(0, math.pi), st.floats(-math.pi, math.pi), st.floats(-math.pi, math.pi), st.booleans())
def test_every_body_gets_a_posture_and_its_mirror_image_the_same(
    inclination: float, thigh: float, shank: float, legs: bool
) -> None:
    bodies = [
        stick_body(inclination=inclination, thigh=thigh, shank=shank, visible_legs=legs, mirror=mirror)
        for mirror in (False, True)
    ]
    (one, confidence), (other, _) = (posture_of(body, LEVEL_CAMERA_UP) for body in bodies)
    assert one is other
    assert 0.0 <= confidence <= 1.0
