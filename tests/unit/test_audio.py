"""Sound reaches the device whole, stops at once, and a machine without a loudspeaker is no error."""

import builtins
import errno
import sys
import wave
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from care_robot.actuation.audio import LATENCY_S, TAIL_S, Recorder, Speaker
from care_robot.actuation.speech import Wave

SOUND = Wave((np.arange(1000) - 500).astype(np.int16), 22050)


class PortAudioError(Exception):
    pass


class CallbackStop(Exception):  # noqa: N818  its name in sounddevice
    pass


class Device:
    """The part of sounddevice that is used, with a device that takes blocks when the test says so."""

    PortAudioError = PortAudioError
    CallbackStop = CallbackStop

    def __init__(self) -> None:
        self.broken = ""
        self.played: list[int] = []
        self.open_streams = 0
        self.starts = True

    def query_devices(self, device: str | None, kind: str) -> dict[str, str]:
        if self.broken:
            raise PortAudioError(self.broken)
        return {"name": kind}

    def OutputStream(self, **options: Any) -> Any:  # noqa: N802
        self.query_devices(options["device"], "output")
        assert (options["samplerate"], options["channels"], options["dtype"]) == (22050, 1, "int16")
        self.options = options
        self.open_streams += 1
        return SimpleNamespace(start=self._start, close=self._close)

    def take(self, frames: int) -> bool:
        """One block, as the sound card asks for it; false when it was the last."""
        block = np.full((frames, 1), 99, np.int16)
        try:
            self.options["callback"](block, frames, None, None)
        except CallbackStop:
            self.options["finished_callback"]()
            return False
        finally:
            self.played.extend(block[:, 0].tolist())
        return True

    def _start(self) -> None:
        if not self.starts:
            raise PortAudioError("Device unavailable")

    def _close(self) -> None:
        self.open_streams -= 1


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    device = Device()
    monkeypatch.setitem(sys.modules, "sounddevice", device)  # type: ignore[arg-type]
    return device


@pytest.mark.parametrize("frames", [7, 100, 1000, 4096])
def test_every_sample_is_played_once_and_then_silence(device: Device, frames: int) -> None:
    playback = Speaker(pytest.fail).start(SOUND)
    assert playback is not None
    assert not playback.wait(0.0)
    assert playback.progress == 0.0
    while device.take(frames):
        pass
    assert playback.wait(0.0)
    assert playback.progress == 1.0
    playback.stop()
    assert device.played[:1000] == SOUND.samples.tolist()
    assert not any(device.played[1000:])
    assert len(device.played) >= 1000 + TAIL_S * 22050
    assert device.open_streams == 0


def test_the_silent_tail_outlasts_the_buffer() -> None:
    assert TAIL_S > LATENCY_S


def test_stopping_closes_the_stream_with_most_of_the_sound_unplayed(device: Device) -> None:
    playback = Speaker(pytest.fail).start(SOUND)
    assert playback is not None
    device.take(100)
    playback.stop()
    assert device.open_streams == 0
    assert len(device.played) == 100


def test_a_missing_device_is_reported_once_and_again_after_it_has_worked(device: Device) -> None:
    reports: list[str] = []
    device.broken = "Error querying device -1"
    speaker = Speaker(reports.append)
    assert speaker.start(SOUND) is None
    assert speaker.start(SOUND) is None
    assert len(reports) == 1
    assert "no audio device" in reports[0]
    assert "connect a loudspeaker" in speaker.trouble
    device.broken = ""
    assert speaker.start(SOUND) is not None
    assert speaker.trouble == ""
    device.broken = "Device unavailable"
    assert speaker.start(SOUND) is None
    assert len(reports) == 2


def test_a_muted_speaker_plays_nothing_and_says_so(device: Device) -> None:
    reports: list[str] = []
    speaker = Speaker(reports.append, muted=True)
    assert speaker.start(SOUND) is None
    assert len(reports) == 1
    assert "muted" in speaker.trouble


@pytest.mark.parametrize(("name", "device_asked"), [("", None), ("usb speaker", "usb speaker")])
def test_the_named_device_is_used(device: Device, name: str, device_asked: str | None) -> None:
    speaker = Speaker(pytest.fail, device=name)
    assert speaker.start(SOUND) is not None
    assert device.options["device"] == device_asked


def test_a_named_device_that_is_missing_is_named(device: Device) -> None:
    device.broken = "No output device matching"
    reports: list[str] = []
    Speaker(reports.append, device="usb speaker")
    assert "'usb speaker'" in reports[0]


def test_a_device_that_does_not_start_is_let_go(device: Device) -> None:
    device.starts = False
    reports: list[str] = []
    assert Speaker(reports.append).start(SOUND) is None
    assert device.open_streams == 0
    assert "Device unavailable" in reports[0]


@pytest.mark.parametrize("error", [OSError("PortAudio library not found"), ImportError("sounddevice")])
def test_without_portaudio_there_is_no_device_and_no_error(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_import = builtins.__import__

    def refuse(name: str, *args: Any) -> Any:
        if name == "sounddevice":
            raise error
        return real_import(name, *args)

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    reports: list[str] = []
    speaker = Speaker(reports.append)
    assert speaker.start(SOUND) is None
    assert reports == ["The PortAudio library is not installed; run: sudo apt-get install libportaudio2"]


def test_speech_is_written_as_wav_with_its_text_beside_it_for_the_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "speech" / "today"
    path = Recorder(folder, 5, pytest.fail).write(SOUND, "약 드실 시간이에요", "ko", 1_700_000_000.25)
    assert path == folder / "20231114T221320.250000Z_ko.wav"
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 22050)
        assert file.readframes(2000) == SOUND.samples.tobytes()
    assert path.with_suffix(".txt").read_text(encoding="utf-8") == "약 드실 시간이에요\n"
    assert folder.stat().st_mode & 0o077 == 0


def test_only_the_newest_are_kept_and_nothing_else_is_touched(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "music.wav").write_text("mine")
    recorder = Recorder(tmp_path, 3, pytest.fail)
    for second in range(8):
        recorder.write(SOUND, str(second), "en", 100.0 + second)
    texts = [path.with_suffix(".txt").read_text().strip() for path in sorted(tmp_path.glob("*_en.wav"))]
    assert texts == ["5", "6", "7"]
    assert len(list(tmp_path.iterdir())) == 2 * 3 + 2


def test_a_folder_that_cannot_be_written_is_reported_once(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    reports: list[str] = []
    recorder = Recorder(blocked / "speech", 3, reports.append)
    assert recorder.write(SOUND, "a", "ko", 1.0) is None
    assert recorder.write(SOUND, "b", "ko", 2.0) is None
    assert len(reports) == 1
    assert str(blocked) in reports[0]
    assert recorder.trouble == reports[0]


def test_a_full_disk_is_reported_and_writing_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[str] = []
    recorder = Recorder(tmp_path, 3, reports.append)

    def full(_path: Path, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "write_bytes", full)
        assert recorder.write(SOUND, "a", "ko", 1.0) is None
    assert "No space left" in reports[0]
    assert recorder.write(SOUND, "b", "ko", 2.0) is not None
    assert recorder.trouble == ""
