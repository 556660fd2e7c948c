"""A video plays beside everything else, and stops when told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from care_robot.perception.player import Player
from care_robot.perception.video import Frame, VideoError, VideoSettings, VideoSource

TIMEOUT_S = 10.0
FRAME: Frame = np.zeros((4, 4, 3), np.uint8)


class Source(VideoSource):
    """Endless frames, or what a test wants."""

    def __init__(self, wait: Callable[[float], bool], behave: Callable[[Source], Iterator[Frame]]) -> None:
        super().__init__(VideoSettings("0"), lambda: 0.0, wait)
        self.wait = wait
        self.behave = behave

    def frames(self) -> Iterator[Frame]:
        self.is_open = True
        try:
            yield from self.behave(self)
        finally:
            self.is_open = False


def endless(source: Source) -> Iterator[Frame]:
    while not source.wait(0.001):
        yield FRAME


def player(
    behave: Callable[[Source], Iterator[Frame]], show: Callable[[Frame], None] = lambda _: None
) -> Player:
    return Player(VideoSettings("0"), show, lambda _settings, _clock, wait: Source(wait, behave))


def wait_until_done(a_player: Player) -> None:
    thread = a_player._thread
    assert thread is not None
    thread.join(TIMEOUT_S)
    assert not a_player.running


def test_frames_are_shown_until_it_is_stopped_and_the_device_is_closed() -> None:
    shown = threading.Event()
    playing = player(endless, lambda _: shown.set())
    playing.start()
    assert shown.wait(TIMEOUT_S)
    assert playing.running
    assert playing.is_open
    assert playing.stop(TIMEOUT_S)
    assert not playing.is_open
    assert playing.frames > 0


def test_it_can_be_started_again_and_starting_twice_is_once() -> None:
    playing = player(endless)
    for _ in range(2):
        playing.start()
        thread = playing._thread
        playing.start()
        assert playing._thread is thread
        assert playing.stop(TIMEOUT_S)


def test_stopping_what_does_not_play_is_fine() -> None:
    assert player(endless).stop(0.0)


def test_a_device_that_hangs_is_reported_as_not_closed() -> None:
    hang = threading.Event()

    def hanging(_: Source) -> Iterator[Frame]:
        yield FRAME
        hang.wait(TIMEOUT_S)

    playing = player(hanging)
    playing.start()
    assert not playing.stop(0.01)
    hang.set()
    wait_until_done(playing)


@pytest.mark.parametrize(
    ("error", "said"),
    [(VideoError("The file is gone."), "The file is gone."), (KeyError("k"), "0 cannot be played")],
)
def test_what_goes_wrong_is_kept_as_a_sentence(error: Exception, said: str) -> None:
    def failing(_: Source) -> Iterator[Frame]:
        yield FRAME
        raise error

    playing = player(failing)
    playing.start()
    wait_until_done(playing)
    assert said in playing.problem
    assert not playing.ended


def test_a_frame_that_cannot_be_shown_is_counted_and_the_next_ones_come() -> None:
    tried: list[int] = []
    problems: list[str] = []

    def show(_: Frame) -> None:
        tried.append(1)
        problems.append(playing.problem)
        if len(tried) < 3:
            raise ValueError("no room")

    def four(_: Source) -> Iterator[Frame]:
        yield from [FRAME] * 4

    playing = player(four, show)
    playing.start()
    wait_until_done(playing)
    assert (playing.frames, playing.failed) == (4, 2)
    assert [("no room" in problem) for problem in problems] == [False, True, True, False]


def test_what_never_can_be_shown_stays_a_problem() -> None:
    def refuse(_: Frame) -> None:
        raise ValueError("no room")

    def two(_: Source) -> Iterator[Frame]:
        yield from [FRAME] * 2

    playing = player(two, refuse)
    playing.start()
    wait_until_done(playing)
    assert "0 cannot be shown: no room" in playing.problem
    assert not playing.is_open


@pytest.mark.parametrize(("source", "live"), [("0", True), ("/dev/video7", True), ("walk.mp4", False)])
def test_a_camera_is_live_and_a_file_is_not(source: str, live: bool) -> None:
    assert Player(VideoSettings(source), lambda _: None).live is live
