"""The video of the default demo: a person comes in, falls in full view, and lies still."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from care_robot.simulation.demo_story import FPS, Performance, Story
from care_robot.simulation.demo_video import HEIGHT_PX, WIDTH_PX, DemoVideoError, render_demo_video
from care_robot.simulation.graphics import RenderingError, choose_backend
from care_robot.simulation.rendering import Renderer
from care_robot.simulation.resident_fall import state_hash
from care_robot.simulation.room import CAMERA, CAMERA_FOVY_DEG


@pytest.mark.parametrize(
    ("requested", "libraries", "chosen"),
    [
        ("", {"libEGL.so.1", "libOpenGL.so.0", "libOSMesa.so.8"}, "egl"),
        ("", {"libEGL.so.1", "libOSMesa.so.8"}, "osmesa"),
        ("osmesa", {"libEGL.so.1", "libOpenGL.so.0", "libOSMesa.so.8"}, "osmesa"),
        (" EGL ", {"libEGL.so.1", "libOpenGL.so.0"}, "egl"),
    ],
)
def test_backend_is_the_one_asked_for_or_the_first_that_is_there(
    requested: str, libraries: set[str], chosen: str
) -> None:
    assert choose_backend(requested, libraries.__contains__) == chosen


@pytest.mark.parametrize("requested", ["", "egl", "osmesa"])
def test_missing_graphics_names_the_package_to_install(requested: str) -> None:
    with pytest.raises(RenderingError, match="apt-get install libegl1"):
        choose_backend(requested, lambda _library: False)


def test_unknown_backend_is_refused_by_name() -> None:
    with pytest.raises(RenderingError, match="MUJOCO_GL is 'vulkan'"):
        choose_backend("vulkan", lambda _library: True)


def pixels(performance: Performance) -> np.ndarray:
    """Return where the joints are in the picture, (n, 2): columns and rows."""
    data, camera = performance.data, performance.model.camera(CAMERA).id
    local = (data.xpos[1:] - data.cam_xpos[camera]) @ data.cam_xmat[camera].reshape(3, 3)
    focal_px = HEIGHT_PX / 2 / math.tan(math.radians(CAMERA_FOVY_DEG / 2))
    return np.column_stack(
        [
            WIDTH_PX / 2 - focal_px * local[:, 0] / local[:, 2],
            HEIGHT_PX / 2 + focal_px * local[:, 1] / local[:, 2],
        ]
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_person_walks_in_then_falls_and_lies_in_full_view(seed: int) -> None:
    performance = Performance(Story.from_seed(seed), dressed=False)
    assert 12.0 <= performance.frames / FPS <= 16.0
    assert performance.fall_start_s >= 4.0
    shown = 0
    for frame, data in enumerate(performance.play()):
        shown += 1
        t_s = frame / FPS
        where = pixels(performance)
        if t_s >= 2.2:
            assert (where > 0).all(), t_s
            assert (where < (WIDTH_PX, HEIGHT_PX)).all(), t_s
        if t_s <= performance.fall_start_s:
            assert data.body("resident/pelvis").xpos[2] > 0.75
        if t_s >= performance.fall_start_s + 2.0:
            assert data.body("resident/head").xpos[2] < 0.35
    assert shown == performance.frames
    assert 0.5 < performance.fall_end_s - performance.fall_start_s < 1.8
    assert performance.frames / FPS - performance.fall_end_s >= 6.0
    # The body lies across the camera's view, where a camera sees its whole length.
    assert np.ptp(pixels(performance)[:, 0]) > 2 * np.ptp(pixels(performance)[:, 1])


def test_the_same_seed_gives_the_same_motion() -> None:
    def end(seed: int) -> str:
        performance = Performance(Story.from_seed(seed), dressed=False)
        for _ in performance.play():
            pass
        return state_hash(performance.data)

    assert end(5) == end(5)
    assert end(5) != end(6)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(DemoVideoError, match="missing"):
        render_demo_video(tmp_path / "missing" / "demo.mp4")
    with pytest.raises(DemoVideoError, match="seed"):
        render_demo_video(tmp_path / "demo.mp4", seed=-1)
    with pytest.raises(DemoVideoError, match="is a folder"):
        render_demo_video(tmp_path)


def test_a_backend_that_is_not_installed_ends_in_one_sentence(tmp_path: Path) -> None:
    """MuJoCo itself fails at import with a traceback when MUJOCO_GL names a library that is not there."""
    command = [sys.executable, "-m", "care_robot.simulation.demo_video", str(tmp_path / "demo.mp4")]
    run = subprocess.run(
        command, env={**os.environ, "MUJOCO_GL": "vulkan"}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert run.stderr.startswith("MUJOCO_GL is 'vulkan'")
    assert "Traceback" not in run.stderr


@pytest.fixture(scope="module")
def dressed() -> Iterator[tuple[Performance, Renderer]]:
    performance = Performance(Story.from_seed(0))
    try:
        renderer = Renderer(performance.model, WIDTH_PX, HEIGHT_PX)
    except RenderingError as error:
        pytest.skip(str(error))
    with renderer:
        yield performance, renderer


def test_the_picture_shows_the_person_in_the_colours_of_the_clothes(
    dressed: tuple[Performance, Renderer],
) -> None:
    performance, renderer = dressed
    frames = performance.play()
    empty = renderer.render(next(frames), CAMERA)
    assert empty.shape == (HEIGHT_PX, WIDTH_PX, 3)
    for _ in range(60):
        data = next(frames)
    picture = renderer.render(data, CAMERA)
    changed = np.abs(picture.astype(int) - empty).sum(axis=2) > 40
    rows, columns = np.nonzero(changed)
    assert 0.03 < changed.mean() < 0.25
    assert np.ptp(rows) > 200  # upright
    red = (picture[:, :, 0] > 90) & (picture[:, :, 1] < 60) & changed
    assert red.sum() > 3000  # the shirt of seed 0
    assert rows.min() < np.nonzero(red)[0].min()  # a head above it
    assert columns.max() < WIDTH_PX


def test_an_interrupted_video_leaves_nothing_behind(
    tmp_path: Path, dressed: tuple[Performance, Renderer]
) -> None:
    del dressed  # only to skip where nothing can be rendered

    class InterruptedByUserError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        assert 0 < done <= total
        if done == 3:
            raise InterruptedByUserError

    with pytest.raises(InterruptedByUserError):
        render_demo_video(tmp_path / "demo.mp4", on_progress=stop)
    assert not list(tmp_path.iterdir())
