"""Poses and cameras behave as the REPs say, for any finite numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_robot.geometry import OPTICAL, CameraModel, GeometryError, Pose, ray_to_floor

metres = st.floats(-50.0, 50.0)
angles = st.floats(-math.pi, math.pi)
points = st.tuples(metres, metres, metres).map(np.array)


@st.composite
def poses(draw: st.DrawFn) -> Pose:
    x, y, z = draw(st.tuples(metres, metres, metres))
    roll, pitch, yaw = draw(st.tuples(angles, angles, angles))
    return Pose.from_rpy(x, y, z, roll=roll, pitch=pitch, yaw=yaw)


@given(poses(), points)
def test_inverse_undoes_a_pose(pose: Pose, point: np.ndarray) -> None:
    np.testing.assert_allclose(pose.inverse().apply(pose.apply(point)), point, atol=1e-9)


@given(poses(), poses(), points)
def test_composed_pose_applies_child_first(a: Pose, b: Pose, point: np.ndarray) -> None:
    np.testing.assert_allclose(a.compose(b).apply(point), a.apply(b.apply(point)), atol=1e-9)


@given(poses(), poses())
def test_matrix_agrees_with_compose_and_comes_back(a: Pose, b: Pose) -> None:
    np.testing.assert_allclose(a.compose(b).matrix(), a.matrix() @ b.matrix(), atol=1e-9)
    np.testing.assert_allclose(Pose.from_matrix(a.matrix()).matrix(), a.matrix(), atol=1e-9)


@given(angles, st.floats(-1.5, 1.5), angles)
def test_roll_pitch_yaw_come_back(roll: float, pitch: float, yaw: float) -> None:
    pose = Pose.from_rpy(0, 0, 0, roll=roll, pitch=pitch, yaw=yaw)
    again = Pose.from_rpy(0, 0, 0, **dict(zip(("roll", "pitch", "yaw"), pose.rpy(), strict=True)))
    np.testing.assert_allclose(again.matrix(), pose.matrix(), atol=1e-7)


def test_yaw_turns_left_and_pitch_looks_down() -> None:
    np.testing.assert_allclose(
        Pose.from_rpy(0, 0, 0, yaw=math.pi / 2).apply([1, 0, 0]), [0, 1, 0], atol=1e-12
    )
    np.testing.assert_allclose(
        Pose.from_rpy(0, 0, 0, pitch=math.pi / 2).apply([1, 0, 0]), [0, 0, -1], atol=1e-12
    )


def test_optical_frame_has_z_forward_x_right_y_down() -> None:
    np.testing.assert_allclose(OPTICAL.apply(np.eye(3)), [[0, -1, 0], [0, 0, -1], [1, 0, 0]], atol=1e-12)


@pytest.mark.parametrize(
    ("position", "quaternion"),
    [
        ([0, 0, math.nan], [0, 0, 0, 1]),
        ([0, 0, 0], [0, 0, 0, 0]),
        ([0, 0], [0, 0, 0, 1]),
        ([0, 0, 0], [math.inf] * 4),
    ],
)
def test_impossible_pose_is_refused(position: list[float], quaternion: list[float]) -> None:
    with pytest.raises(GeometryError):
        Pose(np.array(position), np.array(quaternion))


@given(
    st.floats(0.3, 1.6),
    st.tuples(*[st.floats(-0.05, 0.05), st.floats(-0.02, 0.02), *[st.floats(-0.005, 0.005)] * 3])
    | st.just(()),
    st.floats(0.1, 0.9),
    st.floats(0.1, 0.9),
    st.floats(0.2, 20.0),
)
def test_a_point_on_the_ray_through_a_pixel_projects_to_it(
    hfov: float, distortion: tuple[float, ...], u: float, v: float, distance: float
) -> None:
    ideal = CameraModel.from_hfov(640, 480, hfov)
    camera = CameraModel.from_camera_info(640, 480, ideal.k(), distortion)
    pixel = np.array([640 * u, 480 * v])
    ray = camera.ray(pixel)
    assert np.linalg.norm(ray) == pytest.approx(1.0)
    assert camera.project(ray * distance) == pytest.approx(pixel, abs=0.5)


def test_a_point_behind_the_camera_has_no_pixel() -> None:
    assert np.isnan(CameraModel.from_hfov(640, 480, 1.0).project([0, 0, -1])).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: CameraModel.from_hfov(0, 480, 1.0),
        lambda: CameraModel.from_hfov(640, 480, math.pi),
        lambda: CameraModel.from_camera_info(640, 480, [0.0] * 9),
        lambda: CameraModel.from_camera_info(640, 480, [1.0] * 8),
        lambda: CameraModel.from_camera_info(
            640, 480, [500, 0, 320, 0, 500, 240, 0, 0, 1], [0.1] * 4, "equidistant"
        ),
        lambda: CameraModel(640, 480, math.nan, 500, 320, 240),
    ],
)
def test_an_uncalibrated_or_unknown_camera_is_refused(make: object) -> None:
    with pytest.raises(GeometryError):
        make()  # type: ignore[operator]


@given(st.floats(0.5, 3.0), st.floats(-1.0, 1.0), st.floats(0.3, 1.2), angles)
def test_the_ray_to_a_point_on_the_floor_ends_there(
    height: float, side: float, pitch: float, yaw: float
) -> None:
    optical = Pose.from_rpy(1.0, 2.0, height, pitch=pitch, yaw=yaw).compose(OPTICAL)
    camera = CameraModel.from_hfov(640, 480, 1.2)
    ray = camera.ray([320 + 100 * side, 240])
    floor = ray_to_floor(optical, ray)
    assert floor is not None
    assert floor[2] == pytest.approx(0.0, abs=1e-9)
    assert camera.project(optical.inverse().apply(floor)) == pytest.approx([320 + 100 * side, 240], abs=1e-6)


def test_a_ray_to_the_sky_or_a_camera_under_the_floor_meets_no_floor() -> None:
    up = Pose.from_rpy(0, 0, 1.0, pitch=-0.3).compose(OPTICAL)
    assert ray_to_floor(up, [0, 0, 1]) is None
    under = Pose.from_rpy(0, 0, -1.0, pitch=0.3).compose(OPTICAL)
    assert ray_to_floor(under, [0, 0, 1]) is None
