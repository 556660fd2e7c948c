"""Frames from a video file or a camera, at the pace at which they were or are taken."""

from __future__ import annotations

import contextlib
import math
import os
import re
import stat
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

# A read from a camera that has stopped blocks this long; OpenCV takes 10 s unless told before it is loaded,
# and a camera must be off within 1 s.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "1")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "8")  # only fatal: what is wrong with a file is said below

import cv2

FALLBACK_FRAME_RATE_HZ = 25.0
FRAME_RATE_LIMITS_HZ = (0.1, 240.0)
RETRY_S = (1.0, 30.0)  # first and longest pause before a camera is opened again; doubled in between

Frame = npt.NDArray[np.uint8]


class VideoError(RuntimeError):
    """A video or camera that cannot be used: the message says which, why, and what to do."""


@dataclass(frozen=True)
class VideoSettings:
    """What to open.

    Parameters
    ----------
    source : str
        Path of a video file, number of a camera ("0"), or its device ("/dev/video0").
    loop : bool
        A file starts again when it ends.
    width, height : int
        Size asked of a camera, px; 0 leaves its own. It may answer with another one.
    frame_rate_hz : float
        Rate asked of a camera, or in place of the one that a file states; 0 leaves theirs.
    silence_s : float
        A camera that gives no frame for so long has stopped.
    """

    source: str
    loop: bool = False
    width: int = 0
    height: int = 0
    frame_rate_hz: float = 0.0
    silence_s: float = 3.0


class VideoSource:
    """A video file or camera as an iterator of frames.

    Parameters
    ----------
    settings : VideoSettings
        What to open.
    clock : callable
        Steady time in s.
    wait : callable
        Waits for a number of seconds and returns True when to stop at once (such as ``Event.wait``).
    open_capture : callable
        Opens a file or camera as ``cv2.VideoCapture`` does.

    Attributes
    ----------
    problem : str
        What is wrong now, in one sentence; empty when nothing is.
    ended : bool
        Whether the file has been played to its end.
    is_open : bool
        Whether the device or file is open now.
    """

    def __init__(
        self,
        settings: VideoSettings,
        clock: Callable[[], float],
        wait: Callable[[float], bool],
        open_capture: Callable[[Any], Any] = cv2.VideoCapture,
    ) -> None:
        self.problem = ""
        self.ended = False
        self.is_open = False
        self._settings = settings
        self._clock = clock
        self._wait = wait
        self._open_capture = open_capture
        self._device = _camera_device(settings.source)

    @property
    def live(self) -> bool:
        """Whether this is a camera, and not a file."""
        return self._device is not None

    def check(self) -> tuple[int, int, float]:
        """Open the source, take one frame and let go.

        Returns
        -------
        width, height, frame_rate_hz
            Size in px and rate. A camera that does not know its rate says 0.

        Raises
        ------
        VideoError
            It cannot be opened or gives no picture.
        """
        with self._open() as capture:
            frame = _read(capture)
            if frame is None:
                raise VideoError(self._no_picture())
            return frame.shape[1], frame.shape[0], self._frame_rate_hz(capture)

    def frames(self) -> Iterator[Frame]:
        """Frames (h, w, 3), uint8, red first, each when it is due.

        Ends when a file does, unless it loops, and when ``wait`` says so. The device is released when the
        iterator ends or is closed. A camera that stops is opened again, for ever: `problem` tells.

        Raises
        ------
        VideoError
            A file cannot be opened or gives no picture.
        """
        return self._camera_frames() if self.live else self._file_frames()

    def _file_frames(self) -> Iterator[Frame]:
        while True:
            with self._open() as capture:
                count = yield from self._play(capture)
                stated = capture.get(cv2.CAP_PROP_FRAME_COUNT)
            if count is None:
                return
            if count == 0:
                raise VideoError(self._no_picture())
            if count < 0.9 * stated:  # frame counts are estimates: a few less say nothing
                self.problem = (
                    f"Video {self._settings.source} breaks off after {count} of {stated:.0f} frames: "
                    "it is damaged or was not copied whole."
                )
            if not self._settings.loop:
                self.ended = True
                return

    def _play(self, capture: Any) -> Generator[Frame, None, int | None]:
        """Play a file once; returns the number of its frames, or None when told to stop."""
        period_s = 1.0 / self._frame_rate_hz(capture)
        start_s, count = self._clock(), 0
        while True:
            behind_s = self._clock() - (start_s + count * period_s)
            if self._wait(max(0.0, -behind_s)):
                return None
            if (
                behind_s > 2.0 * period_s
            ):  # too slow for this file: skip, so that a fall stays as fast as it was
                if not capture.grab():
                    return count
                count += 1
                continue
            frame = _read(capture)
            if frame is None:
                return count
            count += 1
            yield frame

    def _camera_frames(self) -> Iterator[Frame]:
        pause_s = RETRY_S[0]
        while True:
            try:
                with self._open() as capture:
                    last_s = self._clock()
                    while self._clock() - last_s < self._settings.silence_s:
                        frame = _read(capture)
                        if self._wait(0.0 if frame is not None else 0.01):
                            return
                        if frame is not None:
                            last_s, self.problem, pause_s = self._clock(), "", RETRY_S[0]
                            yield frame
                self.problem = (
                    f"Camera {self._settings.source} has given no picture for {self._settings.silence_s:g} s"
                    ": check its cable; it is opened again until it answers."
                )
            except VideoError as error:
                self.problem = str(error)
            if self._wait(pause_s):
                return
            pause_s = min(2.0 * pause_s, RETRY_S[1])

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        settings = self._settings
        if self._device is None:
            _check_file(settings.source)
        capture = self._open_capture(settings.source if self._device is None else self._device)
        try:
            if not capture.isOpened():
                raise VideoError(self._not_opened())
            self.is_open = True
            if self.live:
                for wanted, name in (
                    (settings.width, cv2.CAP_PROP_FRAME_WIDTH),
                    (settings.height, cv2.CAP_PROP_FRAME_HEIGHT),
                    (settings.frame_rate_hz, cv2.CAP_PROP_FPS),
                    (1, cv2.CAP_PROP_BUFFERSIZE),  # the newest picture counts
                ):
                    if wanted:
                        capture.set(name, wanted)
            yield capture
        finally:
            capture.release()
            self.is_open = False

    def _not_opened(self) -> str:
        if self.live:
            return (
                f"Camera {self._settings.source} cannot be opened: check that it is plugged in and listed in "
                "/dev/video*, that this user is in the group 'video', and that no other program uses it."
            )
        return (
            f"{self._settings.source} is not a video that can be read: "
            "give a whole file that OpenCV knows, such as MP4 with H.264."
        )

    def _frame_rate_hz(self, capture: Any) -> float:
        if self._settings.frame_rate_hz > 0.0:
            return self._settings.frame_rate_hz
        stated = float(capture.get(cv2.CAP_PROP_FPS))
        low, high = FRAME_RATE_LIMITS_HZ
        if math.isfinite(stated) and low <= stated <= high:
            return stated
        if self.live:
            return 0.0
        self.problem = (
            f"Video {self._settings.source} states a frame rate of {stated:g} Hz: it is played at "
            f"{FALLBACK_FRAME_RATE_HZ:g} Hz; set frame_rate to the one it was taken with."
        )
        return FALLBACK_FRAME_RATE_HZ

    def _no_picture(self) -> str:
        if self.live:
            return (
                f"Camera {self._settings.source} opens but gives no picture: is it used by another program?"
            )
        return (
            f"Video {self._settings.source} holds no picture that can be read: "
            "it is empty, damaged or was not copied whole."
        )


def _camera_device(source: str) -> str | int | None:
    """Index or device of a camera; None for a file."""
    if re.fullmatch(r"\d{1,3}", source):
        return int(source)
    try:
        return source if stat.S_ISCHR(Path(source).stat().st_mode) else None
    except (OSError, ValueError):
        return source if source.startswith("/dev/") else None


def _check_file(source: str) -> None:
    path = Path(source)
    try:
        if not path.is_file():
            there = "is not a file" if path.exists() else "does not exist"
            raise VideoError(
                f"Video {source!r} {there}: give the path of a video file or the number of a camera."
            )
        with path.open("rb") as file:
            if not file.read(1):
                raise VideoError(f"Video {source} is empty: copy it again.")
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise VideoError(f"Video {source!r} cannot be read: {error}.") from None


def _read(capture: Any) -> Frame | None:
    """Next picture, red first; None where there is none, or one without pixels."""
    try:
        there, frame = capture.read()
    except cv2.error:
        return None
    if not there or frame is None or frame.size == 0 or frame.ndim != 3:
        return None
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), dtype=np.uint8)
