"""Speech to text with vosk, on this machine alone: sound is neither written nor sent, and is gone when heard.

Words are given on when the speaker pauses; "stop" and a call for help already while they are spoken, since a
television never pauses. Hearing is half duplex: what a microphone picks up while the robot itself speaks, or
just after, is dropped, except a stop or a call for help in words that are not the robot's own. So a person
can stop a robot that talks, and no text that it says can stop it or raise an alarm.
"""

import json
import math
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from care_robot.actuation.vosk_model import RATE_HZ, Recogniser, RecognitionError, load_recogniser
from care_robot.care.dialogue import calls_for_help, normalise, stops

BLOCK = 1600
"""Samples taken at once: 0.1 s, the time that a spoken stop may wait for."""
HELP_HELD = 5
"""Blocks for which a call for help must stand so far: "도와줘" may become "도와줘서 고마워" (thanks)."""
BACKLOG = 50
"""Blocks (5 s) that may wait for a recogniser that is too slow; older ones are dropped."""
SILENT_S = 3.0
"""A microphone that gives no block for so long is opened anew."""
RETRY_S = 5.0
PARTIAL_LAG_S = 0.5
"""How long after its beginning a word first shows, at most; so much earlier it may have begun."""


class Stream(Protocol):
    """An open microphone."""

    def close(self) -> object:
        """Close it."""


@dataclass(frozen=True)
class Recognised:
    """Words, in a language, with a confidence from 0 to 1 and the time at which they began."""

    text: str
    language: str
    confidence: float
    began_s: float


def open_microphone(device: str, take: Callable[[bytes], None]) -> Stream:
    """Open a microphone (empty: the default one) that gives blocks of int16 samples to `take`."""
    try:
        import sounddevice  # noqa: PLC0415  loads PortAudio
    except (ImportError, OSError):
        raise RecognitionError(
            "The PortAudio library is not installed; run: sudo apt-get install libportaudio2"
        ) from None
    stream = None
    try:
        stream = sounddevice.RawInputStream(
            samplerate=RATE_HZ,
            blocksize=BLOCK,
            device=device or None,
            channels=1,
            dtype="int16",
            callback=lambda data, _frames, _time, _status: take(bytes(data)),
        )
        stream.start()
    except (sounddevice.PortAudioError, ValueError) as error:
        if stream is not None:
            stream.close()
        raise RecognitionError(
            f"There is no microphone '{device or 'default'}' ({error}); connect one."
        ) from None
    opened: Stream = stream
    return opened


class Ear:
    """One recogniser, fed block by block."""

    def __init__(self, language: str, recogniser: Recogniser) -> None:
        self.language = language
        self._recogniser = recogniser
        self._fed_s = 0.0  # vosk's times count from the first sample that it was ever given
        self.forget()

    def forget(self) -> None:
        """Drop what is heard so far."""
        self._recogniser.Reset()
        self._began_s = math.inf
        self._held = 0
        self._told = ""

    def feed(self, block: bytes, now_s: float) -> Recognised | None:
        """Take sound that ended at `now_s`; words that have ended, or that may not wait."""
        self._fed_s += len(block) / 2 / RATE_HZ
        if self._recogniser.AcceptWaveform(block):
            text, confidence, start_s = _read(self._recogniser.Result())
            began_s = min(self._began_s, now_s - max(0.0, self._fed_s - start_s))
            told, self._told, self._held, self._began_s = self._told, "", 0, math.inf
            return Recognised(text, self.language, confidence, began_s) if text not in ("", told) else None
        text, _, _ = _read(self._recogniser.PartialResult())
        if not text:
            return None
        self._began_s = min(self._began_s, now_s - PARTIAL_LAG_S)
        self._held = self._held + 1 if calls_for_help(text) else 0
        if self._told or not (stops(text) or self._held >= HELP_HELD):
            return None
        self._told = text
        return Recognised(text, self.language, 0.0, self._began_s)


class Ears:
    """Listens with one microphone and a recogniser for each language, in a thread of its own.

    Parameters
    ----------
    models
        Folder of the model for each language, ``ko`` or ``en``.
    microphone
        Name of the audio device; empty for the default one.
    heard
        Takes what was recognised.
    own_words
        All that the robot itself has said since a time.
    tongue
        The language in which the robot spoke last: answers are expected in it. From recognisers of other
        languages, which make words of anything, only a stop or a call for help counts.
    now_s
        The clock of the answers.
    load, open_stream
        Make a recogniser, and open the microphone.
    """

    def __init__(
        self,
        models: Mapping[str, Path],
        microphone: str,
        *,
        heard: Callable[[Recognised], None],
        own_words: Callable[[float], str],
        tongue: Callable[[], str],
        now_s: Callable[[], float],
        load: Callable[[Path], Recogniser] = load_recogniser,
        open_stream: Callable[[str, Callable[[bytes], None]], Stream] = open_microphone,
    ) -> None:
        self._models = dict(models)
        self._microphone = microphone
        self._heard = heard
        self._own_words = own_words
        self._tongue = tongue
        self._now_s = now_s
        self._load = load
        self._open_stream = open_stream
        self._ears: dict[str, Ear] = {}
        self._blocks: queue.Queue[bytes] = queue.Queue(BACKLOG)
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self.open = False
        """Whether the microphone is open."""
        self.trouble = ""
        """Why nothing, or not everything, is heard, in a sentence."""

    def start(self) -> None:
        """Load what is not loaded yet and open the microphone, in the background."""
        if not self._models:
            return
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._ending,), name="ears", daemon=True)
        self._thread.start()

    def stop(self, patience_s: float = 2.0) -> None:
        """Close the microphone; a model that is being loaded is finished in the background."""
        self._ending.set()
        self._take(b"")  # wakes the thread
        if self._thread is not None:
            self._thread.join(patience_s)

    def _run(self, ending: threading.Event) -> None:
        missing = self._load_models(ending)
        while self._ears and not ending.is_set():
            try:
                self._listen(ending, missing)
            except RecognitionError as error:
                self.trouble = str(error)
                ending.wait(RETRY_S)

    def _load_models(self, ending: threading.Event) -> str:
        missing = ""
        for language, folder in self._models.items():
            if language in self._ears or ending.is_set():
                continue
            try:
                self._ears[language] = Ear(language, self._load(folder))
            except RecognitionError as error:
                missing = self.trouble = str(error)
        return missing

    def _listen(self, ending: threading.Event, missing: str) -> None:
        self._blocks = queue.Queue(BACKLOG)
        for ear in self._ears.values():
            ear.forget()
        stream = self._open_stream(self._microphone, self._take)
        self.open, self.trouble = True, missing
        try:
            while not ending.is_set():
                try:
                    block = self._blocks.get(timeout=SILENT_S)
                except queue.Empty:
                    raise RecognitionError("The microphone gives no sound; check its cable.") from None
                if ending.is_set():
                    return
                now_s = self._now_s() - self._blocks.qsize() * BLOCK / RATE_HZ
                for ear in self._ears.values():
                    if (recognised := ear.feed(block, now_s)) is not None:
                        self._pass_on(recognised)
        finally:
            self.open = False
            stream.close()

    def _take(self, block: bytes) -> None:
        try:
            self._blocks.put_nowait(block)
        except queue.Full:
            self.trouble = "Speech recognition is too slow for this machine; use a smaller model."

    def _pass_on(self, recognised: Recognised) -> None:
        text = recognised.text
        own = "".join(normalise(self._own_words(recognised.began_s)).split())
        if own:
            text = " ".join(word for word in text.split() if word not in own)
        if (own or recognised.language != self._tongue()) and not (stops(text) or calls_for_help(text)):
            return
        self._heard(Recognised(text, recognised.language, recognised.confidence, recognised.began_s))


def _read(answer: str) -> tuple[str, float, float]:
    """Text, mean confidence of its words, and when it begins in seconds of sound, from vosk's JSON."""
    try:
        said: Any = json.loads(answer)
        text = str(said.get("text") or said.get("partial") or "")
        known = [word for word in said.get("result", []) if word["word"] not in ("[unk]", "<unk>")]
        confidence = sum(float(word["conf"]) for word in known) / len(known) if known else 0.0
        start_s = min((float(word["start"]) for word in known), default=math.inf)
    except (ValueError, TypeError, KeyError, AttributeError):
        return "", 0.0, math.inf
    words = [word for word in text.split() if word not in ("[unk]", "<unk>")]
    return " ".join(words), confidence if math.isfinite(confidence) else 0.0, start_s
