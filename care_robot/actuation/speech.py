"""Text to sound with espeak-ng, in Korean and English.

The text reaches espeak-ng on its standard input, never as an argument and never through a shell, and without
the two things in it that espeak-ng would carry out: embedded commands (control characters) and phonemes in
``[[ ]]``. Markup is read out, not interpreted.
"""

import re
import shutil
import struct
import subprocess
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LANGUAGES = ("ko", "en")
MAX_TEXT = 1000
"""Longest text, in characters: about two minutes of Korean."""
MAX_SOUND_S = 300.0
"""Longest sound: names of symbols can make a text of permitted length last half an hour."""
RATE_WPM = 140
"""Words a minute. espeak-ng's own 175 is brisk; listeners here are elderly and may hear badly."""
POLL_S = 0.02
"""How often a wish to stop is looked at."""


class SpeechError(Exception):
    """No sound could be made; the message is a sentence for the user."""


class SpeechEngineMissingError(SpeechError):
    """espeak-ng is not installed."""


class SpeechCancelledError(Exception):
    """Stopped because the caller wished so."""


class TextInvalidError(ValueError):
    """A text that cannot be said; the message is a sentence for the user."""


class LanguageUnknownError(ValueError):
    """A language without a voice; the message is a sentence for the user."""


@dataclass(frozen=True)
class Wave:
    """Sound: `samples` of one channel, int16, at `rate_hz`."""

    samples: NDArray[np.int16]
    rate_hz: int

    @property
    def duration_s(self) -> float:
        """Length of the sound."""
        return len(self.samples) / self.rate_hz


def checked_text(text: str) -> str:
    """`text` in one line without control characters; TextInvalidError where it is empty or too long."""
    if len(text) > MAX_TEXT:
        raise TextInvalidError(
            f"The text has {len(text)} characters, but at most {MAX_TEXT} can be said at once; split it."
        )
    category = unicodedata.category
    kept = ("" if category(c) == "Cs" else " " if category(c) == "Cc" else c for c in text)
    line = " ".join("".join(kept).split())
    if not line:
        raise TextInvalidError("The text is empty; give at least one word.")
    return line


def checked_language(language: str) -> str:
    """`language`; LanguageUnknownError where no voice speaks it."""
    if language not in LANGUAGES:
        raise LanguageUnknownError(
            f"The language '{language[:20]}' is unknown; use {' or '.join(LANGUAGES)}."
        )
    return language


class Espeak:
    """The espeak-ng program.

    Parameters
    ----------
    rate_wpm
        Speed, in words a minute.
    program
        Name or path of espeak-ng.
    timeout_s
        Time after which espeak-ng counts as hung; it needs about 0.1 s for a minute of speech.
    """

    def __init__(self, rate_wpm: int = RATE_WPM, program: str = "espeak-ng", timeout_s: float = 10.0) -> None:
        self._rate_wpm = rate_wpm
        self._program = program
        self._timeout_s = timeout_s
        self._install = f"The speech engine {program} is not installed; run: sudo apt-get install espeak-ng"

    def missing(self) -> str:
        """A sentence on what to install, or nothing where espeak-ng is there."""
        return "" if shutil.which(self._program) else self._install

    def synthesise(self, text: str, language: str, cancelled: Callable[[], bool] = lambda: False) -> Wave:
        """Sound of a text.

        Raises
        ------
        TextInvalidError, LanguageUnknownError
            The text or the language cannot be spoken.
        SpeechError
            espeak-ng is missing (SpeechEngineMissingError), failed or hung.
        SpeechCancelledError
            `cancelled` became true; the process is gone.
        """
        line, language = checked_text(text), checked_language(language)
        words = _speakable(line)
        arguments = ["-v", language, "-s", str(self._rate_wpm), "-b", "1", "-z", "--stdin", "--stdout"]
        wave = _parse_wav(self._run(arguments, words.encode(), cancelled)) if words else None
        if wave is None or not wave.samples.any():
            raise TextInvalidError(f"The text '{line[:40]}' has nothing that can be said aloud; use words.")
        if wave.duration_s > MAX_SOUND_S:
            raise TextInvalidError(
                f"The text would take {wave.duration_s:.0f} s to say, but at most {MAX_SOUND_S:.0f} s are"
                " allowed; shorten it."
            )
        return wave

    def _run(self, arguments: list[str], text: bytes, cancelled: Callable[[], bool]) -> bytes:
        try:
            process = subprocess.Popen(
                [self._program, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except FileNotFoundError:
            raise SpeechEngineMissingError(self._install) from None
        except OSError as error:
            raise SpeechError(f"The speech engine {self._program} cannot be started: {error}.") from None
        give_up_s = time.monotonic() + self._timeout_s
        unsent: bytes | None = text
        with process:
            try:
                while True:
                    if cancelled():
                        raise SpeechCancelledError
                    if time.monotonic() > give_up_s:
                        raise SpeechError(
                            f"The speech engine {self._program} did not finish within {self._timeout_s:g} s."
                        )
                    try:
                        sound, errors = process.communicate(unsent, timeout=POLL_S)
                    except subprocess.TimeoutExpired:
                        unsent = None  # communicate has taken it, and goes on with it
                        continue
                    break
            finally:
                process.kill()  # does nothing where it has ended
        if process.returncode != 0:
            why = " ".join(errors.decode(errors="replace").split())[:200] or f"exit code {process.returncode}"
            raise SpeechError(f"The speech engine {self._program} failed: {why}")
        return sound


def _speakable(line: str) -> str:
    """What espeak-ng is given: without the parts of emojis that it would spell out, and without phonemes."""
    kept = "".join(c for c in line if unicodedata.category(c)[0] != "C" and not "\ufe00" <= c <= "\ufe0f")
    return re.sub(r"\[(?=\[)", "[ ", kept)


def _parse_wav(sound: bytes) -> Wave:
    """16-bit mono WAV from a pipe, whose header cannot know the length (so the wave module refuses it)."""
    if len(sound) < 44 or sound[:4] != b"RIFF" or sound[8:16] != b"WAVEfmt " or sound[36:40] != b"data":
        raise SpeechError("The speech engine gave no sound; check it with: espeak-ng hello")
    form, channels, rate_hz, _, _, bits = struct.unpack("<HHIIHH", sound[20:36])
    if (form, channels, bits) != (1, 1, 16) or rate_hz == 0:
        raise SpeechError(f"The speech engine gave {channels}-channel sound of {bits} bits, not 16-bit mono.")
    end = 44 + (len(sound) - 44) // 2 * 2
    return Wave(np.frombuffer(sound[44:end], dtype="<i2").astype(np.int16), rate_hz)
