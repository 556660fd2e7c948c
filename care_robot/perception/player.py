"""Plays a video source in a thread of its own, so that a camera that hangs holds up nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from care_robot.perception.video import Frame, VideoError, VideoSettings, VideoSource


class Player:
    """Plays a file or camera until it ends or is stopped.

    Parameters
    ----------
    settings : VideoSettings
        What to play.
    show : callable
        Given each frame when it is due, in the player's thread.
    make_source : callable
        Makes the source from settings, clock and wait.
    """

    def __init__(
        self,
        settings: VideoSettings,
        show: Callable[[Frame], None],
        make_source: Callable[..., VideoSource] = VideoSource,
    ) -> None:
        self.frames = 0
        self.failed = 0  # frames that could not be shown
        self._settings = settings
        self._show = show
        self._make_source = make_source
        self._stop = threading.Event()
        self._source = make_source(settings, monotonic, self._stop.wait)
        self._thread: threading.Thread | None = None
        self._error = ""

    def check(self) -> tuple[int, int, float]:
        """Width, height and rate of the source, which is opened for it; VideoError where it does not work."""
        return self._make_source(self._settings, monotonic, self._stop.wait).check()

    def start(self) -> None:
        """Play from the beginning; nothing where it plays already."""
        if self.running:
            return
        self.frames = self.failed = 0  # what went wrong is said until a frame is shown again
        self._stop = threading.Event()
        self._source = self._make_source(self._settings, monotonic, self._stop.wait)
        self._thread = threading.Thread(target=self._play, args=(self._source, self._stop), daemon=True)
        self._thread.start()

    def stop(self, within_s: float) -> bool:
        """Stop playing and close the device; whether that was done in time."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(within_s)
        return not self.running

    @property
    def live(self) -> bool:
        """Whether this is a camera, and not a file."""
        return self._source.live

    @property
    def running(self) -> bool:
        """Whether it plays, or tries to."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def is_open(self) -> bool:
        """Whether the device or file is open now."""
        return self._source.is_open

    @property
    def ended(self) -> bool:
        """Whether a file has been played to its end."""
        return self._source.ended

    @property
    def problem(self) -> str:
        """What is wrong now, in one sentence; empty when nothing is."""
        return self._error or self._source.problem

    def _play(self, source: VideoSource, stop: threading.Event) -> None:
        try:
            for frame in source.frames():
                if stop.is_set():
                    break
                self.frames += 1
                self._show_one(frame)
        except VideoError as error:
            self._error = str(error)
        except Exception as error:  # must be seen by whoever asks, not die with the thread
            self._error = f"{self._settings.source} cannot be played: {error}"

    def _show_one(self, frame: Frame) -> None:
        """Show a frame; one that cannot be shown must not end the rest."""
        try:
            self._show(frame)
        except Exception as error:
            self.failed += 1
            self._error = f"{self._settings.source} cannot be shown: {error}"
        else:
            self._error = ""
