"""A change in the picture is noticed at once; noise, flicker and a light that fades are not changes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care_robot.perception.motion import (
    HEIGHT,
    WIDTH,
    Background,
    changed_cells,
    has_changed,
    share_changed,
    small_grey,
)

SHAPE = (240, 320)


def room(seed: int = 0, brightness: float = 1.0) -> np.ndarray:
    """A wall with furniture: patches of any grey."""
    draw = np.random.default_rng(seed)
    coarse = draw.uniform(40, 200, (6, 8)).astype(np.float32)
    grey = cv2.resize(coarse, SHAPE[::-1], interpolation=cv2.INTER_NEAREST)
    return np.clip(np.repeat(grey[..., None], 3, axis=2) * brightness, 0, 255).astype(np.uint8)


def noisy(rgb: np.ndarray, seed: int, sigma: float = 8.0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0.0, sigma, rgb.shape)
    return np.clip(rgb + noise, 0, 255).astype(np.uint8)


def with_patch(rgb: np.ndarray, x: int, y: int, size: int, step: int) -> np.ndarray:
    changed = rgb.astype(np.int16)
    there = changed[y : y + size, x : x + size]
    there += np.where(there < 128, step, -step).astype(np.int16)
    return np.clip(changed, 0, 255).astype(np.uint8)


@given(seed=st.integers(0, 1000), brightness=st.floats(0.1, 1.0))
@settings(max_examples=30, deadline=None)
def test_noise_is_no_change(seed: int, brightness: float) -> None:
    rgb = room(seed, brightness)
    assert not has_changed(small_grey(noisy(rgb, seed + 1)), small_grey(noisy(rgb, seed + 2)))


@given(seed=st.integers(0, 1000), x=st.integers(0, 290), y=st.integers(0, 210))
@settings(max_examples=30, deadline=None)
def test_a_hand_that_moves_is_a_change_whatever_the_noise(seed: int, x: int, y: int) -> None:
    rgb = room(seed)
    after = noisy(with_patch(rgb, x, y, 24, 60), seed + 1)
    assert has_changed(small_grey(after), small_grey(noisy(rgb, seed + 2)))


def test_a_person_in_the_dark_is_a_change() -> None:
    rgb = room(3, 0.1)
    assert has_changed(small_grey(with_patch(rgb, 100, 50, 60, 8)), small_grey(rgb))


def test_flicker_of_a_rolling_shutter_is_no_change() -> None:
    bands = 12.0 * np.sin(np.arange(SHAPE[0]) / 15.0)[:, None, None]
    flicker = np.clip(room(1) + bands, 0, 255).astype(np.uint8)
    assert not has_changed(small_grey(flicker), small_grey(room(1)))


def test_light_that_is_switched_on_is_a_change() -> None:
    assert has_changed(small_grey(room(1, 1.0)), small_grey(room(1, 0.4)))


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 700, 3), (480, 640, 3), (7, 5, 3)])
def test_every_size_of_picture_becomes_the_same_small_one(shape: tuple[int, int, int]) -> None:
    assert small_grey(np.zeros(shape, np.uint8)).shape == (HEIGHT, WIDTH)


def test_the_share_counts_points_in_the_picture_only() -> None:
    cells = np.zeros((HEIGHT, WIDTH), bool)
    cells[:, : WIDTH // 4] = True
    points = np.array([[0.1, 0.5], [0.9, 0.5], [-0.1, 0.5], [0.5, 1.0], [7.0, 7.0]])
    assert share_changed(cells, points) == pytest.approx(0.5)
    assert np.isnan(share_changed(cells, points[2:]))


def test_the_background_tells_who_stands_in_front_of_it() -> None:
    empty = small_grey(room(5))
    somebody = small_grey(with_patch(room(5), 100, 60, 80, 60))
    points = np.array([[0.35, 0.3], [0.5, 0.5], [0.45, 0.4]])
    elsewhere = points + np.array([0.35, 0.0])
    background = Background()
    assert np.isnan(background.share_in_front(somebody, points))  # nothing is known yet
    background.learn(empty, 0.1, [])
    assert background.share_in_front(somebody, points) == pytest.approx(1.0)
    assert background.share_in_front(somebody, elsewhere) == pytest.approx(0.0)
    assert np.isnan(background.share_in_front(somebody, points + 5.0))


def test_who_is_there_does_not_become_background() -> None:
    empty = small_grey(room(5))
    somebody = small_grey(with_patch(room(5), 100, 60, 80, 60))
    points = np.array([[0.35, 0.3], [0.5, 0.5], [0.45, 0.4]])
    box = np.array([100 / 320, 60 / 240, 180 / 320, 140 / 240])
    background = Background()
    for _ in range(1000):
        background.learn(somebody, 0.1, [box])
    assert np.isnan(background.share_in_front(somebody, points))
    background.learn(empty, 0.1, [])
    for _ in range(1000):
        background.learn(somebody, 0.1, [box])
    assert background.share_in_front(somebody, points) == pytest.approx(1.0)


def test_furniture_that_was_moved_becomes_background_in_time() -> None:
    background = Background()
    background.learn(small_grey(room(5)), 0.1, [])
    moved = small_grey(with_patch(room(5), 100, 60, 80, 60))
    for _ in range(1000):
        background.learn(moved, 0.1, [])
    assert not changed_cells(moved, background._grey).any()
