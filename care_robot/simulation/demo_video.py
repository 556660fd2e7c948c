"""Renders the video of the default demo: a resident walks into the living room, falls, and lies still.

Run as `python -m care_robot.simulation.demo_video OUT.mp4 [--seed N]`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from care_robot.simulation.graphics import RenderingError, select_backend

if TYPE_CHECKING:
    from care_robot.simulation.demo_story import Performance

WIDTH_PX, HEIGHT_PX = 640, 480


class DemoVideoError(Exception):
    """The demo video cannot be made."""


@dataclass(frozen=True)
class DemoVideo:
    """The video and when the fall happens in it. The times are for evaluation; no product node reads them."""

    path: Path
    fps: float
    frames: int
    fall_start_s: float
    fall_end_s: float


def render_demo_video(
    path: Path, seed: int = 0, on_progress: Callable[[int, int], None] | None = None
) -> DemoVideo:
    """Render the demo video to `path` (MPEG-4, 640x480, 15 frames a second).

    Parameters
    ----------
    path
        Where the video goes. It appears there only when it is complete.
    seed
        Chooses the person, the clothes and the fall; the same seed gives the same motion.
    on_progress
        Called with the frames done and the frames in all.

    Raises
    ------
    DemoVideoError
        When the file cannot be written.
    RenderingError
        When this machine cannot render.
    """
    if seed < 0:
        raise DemoVideoError(f"The seed is {seed}: choose 0 or a greater number.")
    if not path.parent.is_dir():
        raise DemoVideoError(f"The folder {path.parent} does not exist: create it or choose another place.")
    if path.is_dir():
        raise DemoVideoError(f"{path} is a folder: name a file, for example {path / 'demo.mp4'}.")
    select_backend()
    # Imported here because MuJoCo fails with a traceback where the backend of MUJOCO_GL cannot be loaded.
    from care_robot.simulation.demo_story import Performance, Story  # noqa: PLC0415

    performance = Performance(Story.from_seed(seed))
    try:
        with tempfile.TemporaryDirectory(prefix=".demo-video-", dir=path.parent) as folder:
            part = Path(folder) / "demo.mp4"
            _encode(part, performance, on_progress or (lambda _done, _total: None))
            part.replace(path)
    except OSError as error:
        raise DemoVideoError(
            f"The video cannot be written to {path} ({error.strerror}): choose another place."
        ) from error
    return DemoVideo(
        path, performance.fps, performance.frames, performance.fall_start_s, performance.fall_end_s
    )


def _encode(part: Path, performance: Performance, on_progress: Callable[[int, int], None]) -> None:
    from care_robot.simulation.rendering import Renderer  # noqa: PLC0415
    from care_robot.simulation.room import CAMERA  # noqa: PLC0415

    codec = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(part), codec, performance.fps, (WIDTH_PX, HEIGHT_PX))
    if not writer.isOpened():
        raise DemoVideoError(
            "The video cannot be encoded: install opencv-contrib-python with its MPEG-4 encoder."
        )
    try:
        with Renderer(performance.model, WIDTH_PX, HEIGHT_PX) as renderer:
            for done, data in enumerate(performance.play(), start=1):
                writer.write(cv2.cvtColor(renderer.render(data, CAMERA), cv2.COLOR_RGB2BGR))
                on_progress(done, performance.frames)
    finally:
        writer.release()
    # The writer says nothing when the disk is full.
    if int(cv2.VideoCapture(str(part)).get(cv2.CAP_PROP_FRAME_COUNT)) != performance.frames:
        raise DemoVideoError("The video could not be written whole: make room on the disk and try again.")


def main() -> int:
    """Render the video that the command line names."""
    parser = argparse.ArgumentParser(description="Render the video of the default demo.")
    parser.add_argument("path", type=Path, metavar="OUT.mp4")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    try:
        video = render_demo_video(arguments.path, arguments.seed, _progress if sys.stderr.isatty() else None)
    except (DemoVideoError, RenderingError) as error:
        _show(f"{error}\n")
        return 1
    _show(f"{video.path}: {video.frames / video.fps:.1f} s, fall at {video.fall_start_s:.1f} s\n")
    return 0


def _progress(done: int, total: int) -> None:
    _show(f"\rframe {done} of {total}" + ("\n" if done == total else ""))


def _show(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
