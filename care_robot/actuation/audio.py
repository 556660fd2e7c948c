"""Where sound goes: an audio device, and WAV files of what the robot said.

Nothing here opens a microphone.
"""

import io
import threading
import time
import wave
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from care_robot.actuation.speech import Wave

LATENCY_S = 0.2
"""Sound kept ahead in the device's buffer. With PortAudio's own choice (35 ms) a busy processor leaves the
buffer empty, and PulseAudio then pauses for seconds. Stopping throws the buffer away, so it may be long."""
TAIL_S = 0.3
"""Silence after each sound, longer than the buffer: what is in it at the end may never be heard."""
STALLED_S = 5.0
"""A device that has not played a sound this long after its end has stalled."""


class Playback:
    """One sound on its way to the listener. `stop` it in any case, also when it has ended."""

    def __init__(self, sounddevice: ModuleType, sound: Wave, device: str = "") -> None:
        tail = np.zeros(round(TAIL_S * sound.rate_hz), np.int16)
        self._samples = np.concatenate([sound.samples, tail])
        self._length = len(sound.samples)
        self._next = 0
        self._ended = threading.Event()
        self._give_up_s = time.monotonic() + sound.duration_s + STALLED_S
        self._last_block = sounddevice.CallbackStop
        self._stream = sounddevice.OutputStream(
            samplerate=sound.rate_hz,
            device=device or None,
            channels=1,
            dtype="int16",
            latency=LATENCY_S,
            callback=self._fill,
            finished_callback=self._ended.set,
        )
        try:
            self._stream.start()
        except sounddevice.PortAudioError:
            self._stream.close()
            raise

    @property
    def progress(self) -> float:
        """Share handed to the device, 0 to 1."""
        return min(1.0, self._next / self._length)

    def wait(self, timeout_s: float) -> bool:
        """Whether the sound has ended, after at most `timeout_s`."""
        return self._ended.wait(timeout_s) or time.monotonic() > self._give_up_s

    def stop(self) -> None:
        """Silence at once, with what is still in the device's buffer thrown away."""
        self._stream.close()

    def _fill(self, block: Any, frames: int, _time: object, _status: object) -> None:
        part = self._samples[self._next : self._next + frames]
        block[: len(part), 0] = part
        block[len(part) :, 0] = 0
        self._next += len(part)
        if len(part) < frames:
            raise self._last_block


class Speaker:
    """An audio output.

    A machine without one is no error: it is reported once, in a sentence, until a device has worked again.

    Parameters
    ----------
    report
        Takes the sentence.
    muted
        Whether nothing is to be heard, as in a simulation that is faster than speech.
    device
        Name of the audio device; empty for the default one.
    """

    def __init__(self, report: Callable[[str], None], *, muted: bool = False, device: str = "") -> None:
        self._report = report
        self._device = device
        self._trouble = ""
        self._sounddevice: ModuleType | None = None
        if muted:
            self._note("The robot is muted: what it says is shown and logged, and not heard.")
            return
        try:
            # Loads PortAudio, which mediapipe's wheel does not bring along.
            import sounddevice  # noqa: PLC0415
        except (ImportError, OSError):
            self._note("The PortAudio library is not installed; run: sudo apt-get install libportaudio2")
            return
        self._sounddevice = sounddevice
        try:
            sounddevice.query_devices(device or None, kind="output")
        except (sounddevice.PortAudioError, ValueError) as error:
            self._note(self._absent(error))

    @property
    def trouble(self) -> str:
        """Why nothing can be heard, in a sentence; empty where all is well."""
        return self._trouble

    def start(self, sound: Wave) -> Playback | None:
        """Begin to play; None where there is no device."""
        if self._sounddevice is None:
            return None
        try:
            playback = Playback(self._sounddevice, sound, self._device)
        except (self._sounddevice.PortAudioError, ValueError) as error:
            self._note(self._absent(error))
            return None
        self._trouble = ""
        return playback

    def _absent(self, error: Exception) -> str:
        name = f" '{self._device}'" if self._device else ""
        return f"There is no audio device{name} ({error}); connect a loudspeaker and restart."

    def _note(self, sentence: str) -> None:
        if not self._trouble:
            self._report(sentence)
        self._trouble = sentence


class Recorder:
    """Writes what the robot says as WAV files, each with its text beside it, and keeps the newest.

    Names begin with the UTC time, so they sort by it. A folder that cannot be written is reported once.

    Parameters
    ----------
    folder
        Made, for the owner alone, where it is missing.
    keep
        Number of utterances kept.
    report
        Takes the sentence when writing fails.
    """

    def __init__(self, folder: Path, keep: int, report: Callable[[str], None]) -> None:
        self._folder = folder
        self._keep = keep
        self._report = report
        self.trouble = ""

    def write(self, sound: Wave, text: str, language: str, t_s: float) -> Path | None:
        """Write one utterance that was begun at `t_s` (POSIX time); None where that failed."""
        name = f"{datetime.fromtimestamp(t_s, timezone.utc):%Y%m%dT%H%M%S.%f}Z_{language}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            written = sorted(self._folder.glob("*Z_??.wav"))
            for old in written[: len(written) + 1 - self._keep]:
                old.unlink(missing_ok=True)
                old.with_suffix(".txt").unlink(missing_ok=True)
            path = self._folder / f"{name}.wav"
            path.write_bytes(_wav(sound))
            path.with_suffix(".txt").write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            sentence = (
                f"Speech cannot be written to {self._folder}: {error.strerror};"
                " make room there or name another folder."
            )
            if not self.trouble:
                self._report(sentence)
            self.trouble = sentence
            return None
        self.trouble = ""
        return path


def _wav(sound: Wave) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(sound.rate_hz)
        writer.writeframes(sound.samples.astype("<i2").tobytes())
    return file.getvalue()
