"""Whose turn it is to use the robot's one voice, and what counts as an answer to its question.

- One voice at a time, in order of arrival. A question goes before announcements and ends the one that is
  being said, since an alarm's question must not wait behind a long announcement. Questions wait for each
  other.
- A question keeps the turn until it is answered or its time is up: nothing is said into the answer.
- Typed and pressed answers count from the beginning of the question, and end the voice. Speech counts only if
  it began after the question's end: until then a microphone hears the robot's own words, and "are you all
  right?" must never come back as "all right".
- An answer that names its question, or the room where it was heard, counts for that question and that room
  alone.
- Silence is no answer. What an answer means is not decided here.
"""

import enum
import math
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from care_robot.actuation.speech import (
    POLL_S,
    LanguageUnknownError,
    SpeechCancelledError,
    SpeechError,
    TextInvalidError,
    Wave,
    checked_language,
    checked_text,
)

ANSWER_TIMEOUT_MIN_S = 1.0
ANSWER_TIMEOUT_MAX_S = 120.0
ECHO_S = 0.5
"""How long a room and the audio buffers still give back what was said."""
REMEMBERED = 8
"""Texts that the robot has said last, which a microphone may still be hearing."""


class Engine(Protocol):
    """Makes sound from text, as `speech.Espeak` does."""

    def synthesise(self, text: str, language: str, cancelled: Callable[[], bool]) -> Wave:
        """Sound of a text; SpeechCancelledError when `cancelled` became true."""


class Playback(Protocol):
    """A sound being played, as `audio.Playback` is."""

    @property
    def progress(self) -> float:
        """Share played, 0 to 1."""

    def wait(self, timeout_s: float) -> bool:
        """Whether the sound has ended, after at most `timeout_s`."""

    def stop(self) -> None:
        """Silence at once."""


class Speaker(Protocol):
    """Plays sound, as `audio.Speaker` does."""

    @property
    def trouble(self) -> str:
        """Why nothing can be heard."""

    def start(self, sound: Wave) -> Playback | None:
        """Begin to play; None where there is no device."""


class Outcome(enum.Enum):
    """How a say or an ask ended."""

    DONE = enum.auto()
    NO_ANSWER = enum.auto()
    NO_ENGINE = enum.auto()
    NO_AUDIO_DEVICE = enum.auto()
    TEXT_INVALID = enum.auto()
    LANGUAGE_UNKNOWN = enum.auto()
    TIMEOUT_INVALID = enum.auto()
    CANCELED = enum.auto()


@dataclass(frozen=True)
class Heard:
    """Something that a person said, typed or pressed.

    `spoken` is true for speech, whose `said_at_s` is when it began. `question_id` and `room` are empty where
    they are not known. `original` is handed back untouched.
    """

    text: str
    said_at_s: float
    spoken: bool
    original: object = None
    question_id: str = ""
    room: str = ""


@dataclass(frozen=True)
class Result:
    """How it ended, why (a sentence; empty where all went well), whether it was heard, and the answer."""

    outcome: Outcome
    sentence: str = ""
    audible: bool = False
    answer: Heard | None = None


@dataclass(eq=False)
class _Turn:
    question: bool
    question_id: str = ""
    interrupted: bool = False
    begun: bool = False
    asked_until_s: float = math.inf  # speech from then on is an answer
    answer: Heard | None = None


class Voice:
    """The robot's one voice. `say` and `ask` block, each in a thread of its own; `hear` does not.

    Parameters
    ----------
    engine, speaker
        Make and play the sound.
    now_s
        The clock, simulated or not.
    record
        Takes each sound with its text and language before it is played.
    room
        Where the loudspeaker is; empty for the robot itself, which hears answers from anywhere.
    """

    def __init__(
        self,
        engine: Engine,
        speaker: Speaker,
        now_s: Callable[[], float],
        record: Callable[[Wave, str, str], object] = lambda _sound, _text, _language: None,
        room: str = "",
    ) -> None:
        self._engine = engine
        self._speaker = speaker
        self._now_s = now_s
        self._record = record
        self._room = room
        self._own: deque[tuple[str, float]] = deque(maxlen=REMEMBERED)  # with when it can no longer be heard
        self._changed = threading.Condition()
        self._waiting: list[_Turn] = []
        self._holder: _Turn | None = None

    def say(
        self,
        text: str,
        language: str,
        *,
        cancelled: Callable[[], bool],
        begin: Callable[[str, bool], None],
        progress: Callable[[float], None] = lambda _: None,
    ) -> Result:
        """Say a text when its turn comes.

        Parameters
        ----------
        cancelled
            Asked every `POLL_S`; true stops the voice.
        begin
            Called when the voice begins, with the text and whether it can be heard.
        progress
            Called while speaking, with 0 to 1.
        """
        try:
            text, language = checked_text(text), checked_language(language)
        except (TextInvalidError, LanguageUnknownError) as error:
            return _refused(error)
        turn = _Turn(question=False)

        def stop() -> bool:
            return turn.interrupted or cancelled()

        with self._turn(turn, stop) as granted:
            result = self._utter(text, language, stop, begin, progress) if granted else _CANCELED
        if result.outcome is Outcome.CANCELED and turn.interrupted:
            return Result(
                Outcome.CANCELED, "Stopped for a question that may not wait; say it again.", result.audible
            )
        return result

    def ask(
        self,
        question: str,
        language: str,
        timeout_s: float,
        *,
        question_id: str = "",
        cancelled: Callable[[], bool],
        begin: Callable[[str, bool], None],
        listening: Callable[[], None] = lambda: None,
    ) -> Result:
        """Say a question when its turn comes, and wait for the first answer until `timeout_s` after its end.

        Without engine or device the question counts as said once `begin` has shown it.
        """
        try:
            question, language = checked_text(question), checked_language(language)
        except (TextInvalidError, LanguageUnknownError) as error:
            return _refused(error)
        if not ANSWER_TIMEOUT_MIN_S <= timeout_s <= ANSWER_TIMEOUT_MAX_S:
            return Result(
                Outcome.TIMEOUT_INVALID,
                f"The time to answer is {timeout_s:g} s, but must be between {ANSWER_TIMEOUT_MIN_S:g} and"
                f" {ANSWER_TIMEOUT_MAX_S:g} s.",
            )
        turn = _Turn(question=True, question_id=question_id)

        def stop() -> bool:
            return turn.answer is not None or cancelled()

        def begin_question(text: str, audible: bool) -> None:
            turn.begun = True
            begin(text, audible)

        with self._turn(turn, cancelled) as granted:
            if not granted:
                return _CANCELED
            said = self._utter(question, language, stop, begin_question)
            if not stop():
                self._listen(turn, timeout_s, stop, listening)
            with self._changed:
                self._holder = None  # whatever is heard from now on is too late
        if turn.answer is not None:
            return Result(Outcome.DONE, "", said.audible, turn.answer)
        if cancelled():
            return Result(Outcome.CANCELED, _CANCELED.sentence, said.audible)
        why = "" if said.audible else f" The question could not be heard. {said.sentence}"
        return Result(Outcome.NO_ANSWER, f"Nobody answered within {timeout_s:g} s.{why}", said.audible)

    def hear(self, heard: Heard) -> bool:
        """Take what a person said; whether it is the answer to the question being asked."""
        with self._changed:
            turn = self._holder
            if turn is None or not turn.question or not turn.begun or turn.answer is not None:
                return False
            if heard.question_id and heard.question_id != turn.question_id:
                return False
            if heard.room and self._room and heard.room != self._room:
                return False
            if not heard.text.strip() or (heard.spoken and heard.said_at_s < turn.asked_until_s):
                return False
            turn.answer = heard
            self._changed.notify_all()
            return True

    def own_words_since(self, t_s: float) -> str:
        """All that this voice was saying, or that still echoed, at `t_s` or later."""
        with self._changed:
            return " ".join(text for text, until_s in self._own if until_s > t_s)

    @contextmanager
    def _turn(self, turn: _Turn, stop: Callable[[], bool]) -> Iterator[bool]:
        """Wait for the turn and hold it; false where it was stopped before."""
        with self._changed:
            self._waiting.append(turn)
            if turn.question and self._holder is not None:
                self._holder.interrupted = True  # of no effect on a question
            granted = False
            while not granted and not stop():
                # min() takes the first of equals: order of arrival
                first = min(self._waiting, key=lambda waiting: not waiting.question)
                granted = self._holder is None and first is turn
                if not granted:
                    self._changed.wait(POLL_S)
            self._waiting.remove(turn)
            if granted:
                self._holder = turn
        try:
            yield granted
        finally:
            with self._changed:
                if self._holder is turn:
                    self._holder = None
                self._changed.notify_all()

    def _utter(
        self,
        text: str,
        language: str,
        stop: Callable[[], bool],
        begin: Callable[[str, bool], None],
        progress: Callable[[float], None] = lambda _: None,
    ) -> Result:
        try:
            sound = self._engine.synthesise(text, language, stop)
        except SpeechCancelledError:
            return _CANCELED
        except (SpeechError, TextInvalidError) as error:
            begin(text, False)
            return _refused(error)
        self._record(sound, text, language)
        playback = self._speaker.start(sound)
        if playback is None:
            begin(text, False)
            return Result(Outcome.NO_AUDIO_DEVICE, self._speaker.trouble)
        with self._changed:
            self._own.append((text, math.inf))
        try:
            begin(text, True)
            while not playback.wait(POLL_S):
                if stop():
                    return Result(Outcome.CANCELED, _CANCELED.sentence, audible=True)
                progress(playback.progress)
        finally:
            playback.stop()
            with self._changed:  # one sound at a time, so it is the newest
                self._own[-1] = (text, self._now_s() + ECHO_S)
        progress(1.0)
        return Result(Outcome.DONE, audible=True)

    def _listen(
        self, turn: _Turn, timeout_s: float, stop: Callable[[], bool], listening: Callable[[], None]
    ) -> None:
        with self._changed:
            turn.asked_until_s = last_s = self._now_s()
        listening()
        waited_s = 0.0
        with self._changed:
            while waited_s < timeout_s and not stop():
                self._changed.wait(POLL_S)
                # Added up, so that a clock that is set back does not prolong the wait.
                now_s = self._now_s()
                waited_s += max(0.0, now_s - last_s)
                last_s = now_s


_CANCELED = Result(Outcome.CANCELED, "Cancelled before it was said to the end.")


def _refused(error: Exception) -> Result:
    if isinstance(error, TextInvalidError):
        return Result(Outcome.TEXT_INVALID, str(error))
    if isinstance(error, LanguageUnknownError):
        return Result(Outcome.LANGUAGE_UNKNOWN, str(error))
    return Result(Outcome.NO_ENGINE, str(error))
