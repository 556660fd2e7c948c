"""Video files and cameras: played at their own pace, and every way to fail said in one sentence."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from care_robot.perception.video import FALLBACK_FRAME_RATE_HZ, VideoError, VideoSettings, VideoSource


class Clock:
    """Time that passes only by waiting, and by what reading costs."""

    def __init__(self, stop_after_s: float = math.inf) -> None:
        self.now_s = 0.0
        self.stop_after_s = stop_after_s

    def __call__(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> bool:
        self.now_s += seconds
        return self.now_s >= self.stop_after_s


class Capture:
    """What ``cv2.VideoCapture`` gives: some frames, or nothing, at a cost in time."""

    def __init__(
        self,
        *,
        frames: int = 0,
        rate: float = 10.0,
        stated: int | None = None,
        shape: Any = (4, 6, 3),
        opens: bool = True,
        clock: Clock | None = None,
        cost_s: float = 0.0,
    ) -> None:
        self.left, self.rate, self.stated, self.shape, self.opens = frames, rate, stated, shape, opens
        self.clock, self.cost_s = clock, cost_s
        self.frames = frames
        self.released = False
        self.asked: dict[int, float] = {}

    def isOpened(self) -> bool:  # noqa: N802
        return self.opens

    def get(self, name: int) -> float:
        if name == cv2.CAP_PROP_FPS:
            return self.rate
        return float(self.frames if self.stated is None else self.stated)

    def set(self, name: int, value: float) -> bool:
        self.asked[name] = value
        return True

    def grab(self) -> bool:
        self.left -= 1
        return self.left >= 0

    def read(self) -> tuple[bool, np.ndarray | None]:
        assert not self.released
        if self.clock is not None:
            self.clock.now_s += self.cost_s
        self.left -= 1
        if self.left < 0:
            return False, None
        return True, np.full(self.shape, (255, 0, 10), np.uint8)

    def release(self) -> None:
        self.released = True


def write_video(path: Path, frames: int = 20, rate: float = 10.0) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), rate, (64, 48))
    for number in range(frames):
        writer.write(np.full((48, 64, 3), 10 * number, np.uint8))
    writer.release()
    return path


def source(settings: VideoSettings, clock: Clock | None = None, *captures: Capture) -> VideoSource:
    clock = clock or Clock()
    queue = list(captures)
    if captures:
        return VideoSource(
            settings, clock, clock.wait, lambda _: queue.pop(0) if len(queue) > 1 else queue[0]
        )
    return VideoSource(settings, clock, clock.wait)


@pytest.fixture
def any_file(tmp_path: Path) -> str:
    path = tmp_path / "any.mp4"
    path.write_bytes(b"x")
    return str(path)


def test_a_file_plays_at_its_own_rate_and_ends(tmp_path: Path) -> None:
    clock = Clock()
    video = source(VideoSettings(str(write_video(tmp_path / "a.mp4"))), clock)
    assert video.check() == (64, 48, 10.0)
    times = [(clock.now_s, frame.shape) for frame in video.frames()]
    assert [t for t, _ in times] == pytest.approx([0.1 * n for n in range(20)])
    assert {shape for _, shape in times} == {(48, 64, 3)}
    assert video.ended
    assert not video.problem


def test_a_file_that_loops_starts_again_until_told_to_stop(tmp_path: Path) -> None:
    clock = Clock(stop_after_s=5.05)
    video = source(VideoSettings(str(write_video(tmp_path / "a.mp4")), loop=True), clock)
    assert len(list(video.frames())) == 51
    assert not video.ended


def test_another_frame_rate_can_be_set(tmp_path: Path) -> None:
    clock = Clock()
    video = source(VideoSettings(str(write_video(tmp_path / "a.mp4")), frame_rate_hz=20.0), clock)
    assert len(list(video.frames())) == 20
    assert clock.now_s == pytest.approx(1.0)


def test_colours_come_red_first(any_file: str) -> None:
    frame = next(source(VideoSettings(any_file), None, Capture(frames=3)).frames())
    assert frame[0, 0].tolist() == [10, 0, 255]


def test_a_slow_reader_skips_frames_and_keeps_the_pace(any_file: str) -> None:
    clock = Clock()
    capture = Capture(frames=100, rate=10.0, clock=clock, cost_s=0.25)
    frames = list(source(VideoSettings(any_file), clock, capture).frames())
    assert len(frames) < 60
    assert clock.now_s == pytest.approx(10.0, abs=0.5)


@pytest.mark.parametrize("rate", [0.0, math.nan, math.inf, -5.0, 1e6])
def test_an_impossible_frame_rate_is_said_and_replaced(any_file: str, rate: float) -> None:
    clock = Clock()
    video = source(VideoSettings(any_file), clock, Capture(frames=26, rate=rate))
    assert len(list(video.frames())) == 26
    assert clock.now_s == pytest.approx(26 / FALLBACK_FRAME_RATE_HZ)
    assert any_file in video.problem
    assert "frame_rate" in video.problem


def test_a_missing_file_is_named() -> None:
    with pytest.raises(VideoError, match=r"'/no/such\.mp4' does not exist"):
        source(VideoSettings("/no/such.mp4")).check()


@pytest.mark.parametrize("content", [b"", b"this is no video", b"\x00\x00\x00\x20ftypisom" + bytes(500)])
def test_a_file_that_is_no_video_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    with pytest.raises(VideoError, match=r"broken\.mp4"):
        source(VideoSettings(str(path))).check()


@pytest.mark.parametrize("name", ["", ".", "a\0b.mp4", "~", "x" * 5000])
def test_hostile_names_give_a_sentence(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VideoError):
        source(VideoSettings(name)).check()


def test_a_truncated_file_is_refused_or_breaks_off(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", frames=50).read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: len(whole) // 2])  # the index of an MP4 stands at its end
    with pytest.raises(VideoError, match=r"cut\.mp4"):
        source(VideoSettings(str(path))).check()


def test_a_file_that_breaks_off_says_so_and_ends(any_file: str) -> None:
    video = source(VideoSettings(any_file), None, Capture(frames=37, stated=160))
    assert len(list(video.frames())) == 37
    assert video.ended
    assert "breaks off after 37 of 160 frames" in video.problem


@pytest.mark.parametrize("capture", [Capture(frames=0), Capture(frames=5, shape=(0, 0, 3))])
def test_a_file_without_pictures_is_refused(any_file: str, capture: Capture) -> None:
    with pytest.raises(VideoError, match="holds no picture"):
        source(VideoSettings(any_file), None, capture).check()
    assert capture.released
    with pytest.raises(VideoError, match="holds no picture"):
        list(source(VideoSettings(any_file, loop=True), None, Capture(frames=0)).frames())


def test_a_camera_that_cannot_be_opened_says_what_to_check() -> None:
    with pytest.raises(VideoError, match="Camera 7 cannot be opened: check that it is plugged in"):
        source(VideoSettings("7"), None, Capture(opens=False)).check()


def test_a_camera_is_asked_for_size_and_rate() -> None:
    capture = Capture(frames=1)
    source(VideoSettings("0", width=640, height=480, frame_rate_hz=10.0), None, capture).check()
    assert capture.asked[cv2.CAP_PROP_FRAME_WIDTH] == 640
    assert capture.asked[cv2.CAP_PROP_FRAME_HEIGHT] == 480
    assert capture.asked[cv2.CAP_PROP_FPS] == 10.0


def test_a_camera_that_stops_is_reported_and_opened_again() -> None:
    clock = Clock(stop_after_s=60.0)
    first, second = Capture(frames=3), Capture(frames=2)
    refused = Capture(opens=False)
    video = source(VideoSettings("0", silence_s=2.0), clock, first, refused, second)
    frames = video.frames()
    for _ in range(3):
        next(frames)
    assert not video.problem
    next(frames)  # waits for silence, release, one refusal, then the second capture
    assert first.released
    assert clock.now_s == pytest.approx(2.0 + 1.0 + 2.0, abs=0.1)  # silence, then pauses that double
    assert not video.problem


def test_a_silent_camera_says_so() -> None:
    clock = Clock(stop_after_s=4.0)
    video = source(VideoSettings("0", silence_s=2.0), clock, Capture(), Capture())
    assert list(video.frames()) == []
    assert "Camera 0 has given no picture for 2 s" in video.problem


def test_pauses_between_tries_grow_to_half_a_minute() -> None:
    clock = Clock(stop_after_s=100.0)
    opened: list[float] = []

    def refuse(_: object) -> Capture:
        opened.append(clock.now_s)
        return Capture(opens=False)

    assert list(VideoSource(VideoSettings("0"), clock, clock.wait, refuse).frames()) == []
    assert np.diff(opened).tolist() == pytest.approx([1, 2, 4, 8, 16, 30, 30])


def test_the_device_is_released_when_the_frames_are_closed() -> None:
    capture = Capture(frames=100)
    frames = source(VideoSettings("0"), None, capture).frames()
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    assert capture.released


def test_the_device_is_released_when_told_to_stop() -> None:
    clock = Clock(stop_after_s=1.0)
    capture = Capture(frames=10_000, clock=clock, cost_s=0.03)
    frames = list(source(VideoSettings("0"), clock, capture).frames())
    assert 30 <= len(frames) <= 35
    assert capture.released
