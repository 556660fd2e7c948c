"""One voice, in turns; a question before announcements; and an answer is only what a person gave."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care_robot.actuation.speech import (
    SpeechCancelledError,
    SpeechEngineMissingError,
    TextInvalidError,
    Wave,
)
from care_robot.actuation.voice import ECHO_S, Heard, Outcome, Result, Voice

PATIENCE_S = 10.0
SOUND = Wave(np.ones(100, np.int16), 22050)


class Clock:
    """Stands still unless it is moved."""

    def __init__(self) -> None:
        self.t_s = 1000.0

    def __call__(self) -> float:
        return self.t_s


class Engine:
    """Makes the same sound of everything, or fails as told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def synthesise(self, text: str, language: str, cancelled: Callable[[], bool]) -> Wave:
        if self.error is not None:
            raise self.error
        if cancelled():
            raise SpeechCancelledError
        return SOUND


class Loudspeaker:
    """Plays each sound until the test lets it end; `absent` plays none."""

    trouble = "There is no audio device."

    def __init__(self, *, instant: bool = False, absent: bool = False) -> None:
        self.instant = instant
        self.absent = absent
        self.sounding = 0
        self.most_at_once = 0
        self.end = threading.Event()

    @property
    def progress(self) -> float:
        return 0.5

    def start(self, sound: Wave) -> "Loudspeaker | None":
        if self.absent:
            return None
        self.sounding += 1
        self.most_at_once = max(self.most_at_once, self.sounding)
        return self

    def wait(self, timeout_s: float) -> bool:
        return self.instant or self.end.wait(timeout_s)

    def stop(self) -> None:
        self.sounding -= 1
        self.end.clear()


class Stage:
    """A voice with its surroundings; `say` and `ask` run in threads, as the node runs them."""

    def __init__(self, engine: Engine | None = None, **loudspeaker: bool) -> None:
        self.clock = Clock()
        self.loudspeaker = Loudspeaker(**loudspeaker)
        self.recorded: list[str] = []
        self.begun: list[tuple[str, bool]] = []
        self.events = threading.Condition()
        self.voice = Voice(
            engine or Engine(),
            self.loudspeaker,
            self.clock,
            lambda _sound, text, _language: self.recorded.append(text),
        )

    def begin(self, text: str, audible: bool) -> None:
        with self.events:
            self.begun.append((text, audible))
            self.events.notify_all()

    def await_begin(self, text: str) -> None:
        with self.events:
            assert self.events.wait_for(lambda: text in [b[0] for b in self.begun], PATIENCE_S), self.begun

    def say(self, text: str = "안녕하세요", language: str = "ko", **more: Any) -> "Running":
        return Running(self.voice.say, text, language, begin=self.begin, **more)

    def ask(
        self, text: str = "괜찮으세요?", language: str = "ko", timeout_s: float = 15.0, **more: Any
    ) -> "Running":
        listening = threading.Event()
        return Running(
            self.voice.ask,
            text,
            language,
            timeout_s,
            listened=listening,
            begin=self.begin,
            listening=listening.set,
            **more,
        )

    def press(self, text: str, **more: str) -> bool:
        return self.voice.hear(Heard(text, self.clock.t_s, spoken=False, **more))

    def speak(self, text: str, said_at_s: float) -> bool:
        return self.voice.hear(Heard(text, said_at_s, spoken=True))


class Running:
    """A say or an ask under way."""

    def __init__(
        self,
        work: Callable[..., Result],
        *args: Any,
        listened: threading.Event | None = None,
        **more: Any,
    ) -> None:
        self._cancelled = threading.Event()
        self.asks = listened is not None
        self._listening_or_ended = listened or threading.Event()
        self._results: list[Result] = []

        def run() -> None:
            self._results.append(work(*args, cancelled=self._cancelled.is_set, **more))
            self._listening_or_ended.set()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def listening(self) -> bool:
        return self._listening_or_ended.is_set() and not self._results

    def ended(self) -> bool:
        return bool(self._results)

    def cancel(self) -> None:
        self._cancelled.set()

    def result(self) -> Result:
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "still under way"
        return self._results[0]

    def await_listening(self) -> None:
        assert self._listening_or_ended.wait(PATIENCE_S)


def await_any_listening(asks: list[Running]) -> None:
    """Wait until one of the questions listens, where there is any; which one is up to the threads."""
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.001)):
        if all(ask.ended() for ask in asks) or any(ask.listening() for ask in asks):
            return
        pause.wait(0.001)
    pytest.fail("No question listens.")


def test_a_text_is_shown_recorded_and_said() -> None:
    stage = Stage(instant=True)
    shares: list[float] = []
    assert stage.say("  약 드실\n시간이에요 ", progress=shares.append).result() == Result(
        Outcome.DONE, "", True
    )
    assert stage.begun == [("약 드실 시간이에요", True)]
    assert stage.recorded == ["약 드실 시간이에요"]
    assert shares[-1] == 1.0
    assert stage.loudspeaker.sounding == 0


def test_one_voice_at_a_time_in_order_of_arrival() -> None:
    stage = Stage()
    first = stage.say("하나")
    stage.await_begin("하나")
    second = stage.say("둘")
    stage.loudspeaker.end.set()
    assert first.result().outcome is Outcome.DONE
    stage.await_begin("둘")
    stage.loudspeaker.end.set()
    assert second.result().outcome is Outcome.DONE
    assert [text for text, _ in stage.begun] == ["하나", "둘"]


def test_a_question_ends_the_announcement_and_goes_before_those_waiting() -> None:
    stage = Stage()
    announcement = stage.say("긴 안내")
    stage.await_begin("긴 안내")
    waiting = stage.say("다음 안내")
    question = stage.ask("괜찮으세요?")
    ended = announcement.result()
    assert ended.outcome is Outcome.CANCELED
    assert "question" in ended.sentence
    assert ended.audible
    stage.await_begin("괜찮으세요?")
    assert stage.press("네")
    assert question.result().answer == Heard("네", 1000.0, False)
    stage.await_begin("다음 안내")
    stage.loudspeaker.end.set()
    assert waiting.result().outcome is Outcome.DONE


def test_nothing_is_said_into_the_answer() -> None:
    stage = Stage(instant=True)
    question = stage.ask()
    question.await_listening()
    announcement = stage.say("날씨가 좋아요")
    assert stage.press("네")
    question.result()
    announcement.result()
    assert [text for text, _ in stage.begun] == ["괜찮으세요?", "날씨가 좋아요"]


def test_two_questions_wait_for_each_other_and_each_gets_its_own_answer() -> None:
    stage = Stage(instant=True)
    first = stage.ask("괜찮으세요?")
    first.await_listening()
    second = stage.ask("약 드셨어요?")
    assert stage.press("도와주세요")
    assert first.result().answer == Heard("도와주세요", 1000.0, False)
    second.await_listening()
    assert stage.press("나중에")
    assert second.result().answer == Heard("나중에", 1000.0, False)


def test_silence_is_no_answer() -> None:
    stage = Stage(instant=True)
    question = stage.ask(timeout_s=15.0)
    question.await_listening()
    stage.clock.t_s += 15.1
    result = question.result()
    assert (result.outcome, result.answer) == (Outcome.NO_ANSWER, None)
    assert result.sentence == "Nobody answered within 15 s."


def test_the_time_to_answer_starts_when_the_question_has_ended() -> None:
    stage = Stage()
    question = stage.ask(timeout_s=15.0)
    stage.await_begin("괜찮으세요?")
    stage.clock.t_s += 100.0
    stage.loudspeaker.end.set()
    question.await_listening()
    assert stage.speak("네", stage.clock.t_s + 14.0)
    assert question.result().outcome is Outcome.DONE


def test_a_clock_that_is_set_back_does_not_prolong_the_wait() -> None:
    stage = Stage(instant=True)
    seen = threading.Event()
    times = iter([1000.0, 1000.0, 3.0])

    def now_s() -> float:
        t_s = next(times, None)
        if t_s is None:
            seen.set()
            return stage.clock.t_s
        return t_s

    stage.clock.t_s = 3.0
    stage.voice = Voice(Engine(), stage.loudspeaker, now_s)
    question = stage.ask(timeout_s=15.0)
    assert seen.wait(PATIENCE_S)
    stage.clock.t_s = 18.5
    assert question.result().outcome is Outcome.NO_ANSWER


@pytest.mark.parametrize("nothing", ["", "   ", "\n\t"])
def test_an_empty_utterance_is_no_answer(nothing: str) -> None:
    stage = Stage(instant=True)
    question = stage.ask()
    question.await_listening()
    assert not stage.press(nothing)
    assert stage.press("네")
    answer = question.result().answer
    assert answer is not None
    assert answer.text == "네"


def test_an_answer_that_names_its_question_answers_that_one_alone() -> None:
    stage = Stage(instant=True)
    question = stage.ask(question_id="alarm-2")
    question.await_listening()
    assert not stage.press("괜찮아요", question_id="alarm-1")
    assert stage.press("도와주세요", question_id="alarm-2")
    assert question.result().outcome is Outcome.DONE
    unnamed = stage.ask()
    unnamed.await_listening()
    assert not stage.press("괜찮아요", question_id="alarm-2")
    assert stage.press("괜찮아요")
    unnamed.result()


@pytest.mark.parametrize(
    ("here", "there", "counts"),
    [
        ("bedroom", "kitchen", False),
        ("bedroom", "bedroom", True),
        ("bedroom", "", True),
        ("", "kitchen", True),
    ],
)
def test_what_is_heard_in_another_room_is_no_answer(here: str, there: str, counts: bool) -> None:
    stage = Stage(instant=True)
    stage.voice = Voice(Engine(), stage.loudspeaker, stage.clock, room=here)
    question = stage.ask()
    question.await_listening()
    assert stage.press("괜찮아요", room=there) is counts
    question.cancel()
    question.result()


def test_the_voices_own_words_are_known_while_they_sound_and_echo() -> None:
    stage = Stage()
    assert stage.voice.own_words_since(0.0) == ""
    saying = stage.say("약 드실 시간이에요")
    stage.await_begin("약 드실 시간이에요")
    assert stage.voice.own_words_since(1e9) == "약 드실 시간이에요"
    stage.clock.t_s = 1010.0
    stage.loudspeaker.end.set()
    saying.result()
    assert stage.voice.own_words_since(1010.0) == "약 드실 시간이에요"
    assert stage.voice.own_words_since(1010.0 + ECHO_S) == ""


def test_what_nobody_could_hear_is_not_in_a_microphone() -> None:
    stage = Stage(absent=True)
    stage.say().result()
    assert stage.voice.own_words_since(0.0) == ""


def test_a_button_during_the_question_ends_it_and_is_the_answer() -> None:
    stage = Stage()
    question = stage.ask()
    stage.await_begin("괜찮으세요?")
    assert stage.press("도와주세요")
    result = question.result()
    assert result == Result(Outcome.DONE, "", True, Heard("도와주세요", 1000.0, False))
    assert stage.loudspeaker.sounding == 0


def test_a_button_pressed_before_the_question_was_shown_was_meant_for_something_else() -> None:
    making, made = threading.Event(), threading.Event()

    class SlowEngine(Engine):
        def synthesise(self, text: str, language: str, cancelled: Callable[[], bool]) -> Wave:
            making.set()
            assert made.wait(PATIENCE_S)
            return SOUND

    stage = Stage(SlowEngine(), instant=True)
    question = stage.ask()
    assert making.wait(PATIENCE_S)
    assert not stage.press("네")
    made.set()
    question.await_listening()
    assert stage.press("도와주세요")
    assert question.result().answer == Heard("도와주세요", 1000.0, False)


def test_the_robot_does_not_take_its_own_voice_for_an_answer() -> None:
    stage = Stage()
    question = stage.ask("Are you all right?", "en")
    stage.await_begin("Are you all right?")
    assert not stage.speak("all right", stage.clock.t_s)
    stage.clock.t_s += 2.0
    stage.loudspeaker.end.set()
    question.await_listening()
    assert not stage.speak("all right", stage.clock.t_s - 0.5)  # recognised late, but said before
    assert stage.speak("help me", stage.clock.t_s + 1.0)
    assert question.result().answer == Heard("help me", 1003.0, True)


def test_what_is_said_before_or_after_a_question_answers_nothing() -> None:
    stage = Stage()
    assert not stage.press("네")
    announcement = stage.say()
    stage.await_begin("안녕하세요")
    assert not stage.press("네")
    stage.loudspeaker.end.set()
    announcement.result()
    question = stage.ask()
    stage.await_begin("괜찮으세요?")
    assert stage.press("아니요")
    assert not stage.press("네")
    question.result()
    assert not stage.press("네")


def test_cancelling_stops_the_voice_wherever_it_is() -> None:
    stage = Stage()
    speaking = stage.say("하나")
    stage.await_begin("하나")
    waiting, asking = stage.say("둘"), stage.ask()
    stage.await_begin("괜찮으세요?")
    waiting.cancel()
    assert waiting.result().outcome is Outcome.CANCELED
    asking.cancel()
    assert asking.result().outcome is Outcome.CANCELED
    assert speaking.result().outcome is Outcome.CANCELED
    assert stage.loudspeaker.sounding == 0
    assert "둘" not in [text for text, _ in stage.begun]

    stage.loudspeaker.instant = True
    listening = stage.ask()
    listening.await_listening()
    listening.cancel()
    result = listening.result()
    assert (result.outcome, result.answer) == (Outcome.CANCELED, None)
    assert stage.say().result().outcome is Outcome.DONE


@pytest.mark.parametrize(
    ("engine", "absent", "outcome", "words"),
    [
        (
            Engine(SpeechEngineMissingError("espeak-ng is not installed.")),
            False,
            Outcome.NO_ENGINE,
            "espeak-ng",
        ),
        (Engine(TextInvalidError("Nothing to say.")), False, Outcome.TEXT_INVALID, "Nothing"),
        (Engine(), True, Outcome.NO_AUDIO_DEVICE, "audio device"),
    ],
)
def test_without_sound_texts_are_shown_and_questions_still_get_their_answers(
    engine: Engine, absent: bool, outcome: Outcome, words: str
) -> None:
    stage = Stage(engine, absent=absent)
    result = stage.say().result()
    assert (result.outcome, result.audible) == (outcome, False)
    assert words in result.sentence

    question = stage.ask()
    question.await_listening()
    assert stage.speak("네", stage.clock.t_s)
    assert question.result() == Result(Outcome.DONE, "", False, Heard("네", 1000.0, True))

    silent = stage.ask()
    silent.await_listening()
    stage.clock.t_s += 20
    result = silent.result()
    assert (result.outcome, result.audible) == (Outcome.NO_ANSWER, False)
    assert words in result.sentence
    assert stage.begun == [("안녕하세요", False), ("괜찮으세요?", False), ("괜찮으세요?", False)]


@pytest.mark.parametrize("text", ["", "\x00", "가" * 1001])
def test_a_bad_text_is_refused_without_a_word(text: str) -> None:
    stage = Stage(instant=True)
    assert stage.say(text).result().outcome is Outcome.TEXT_INVALID
    assert stage.ask(text).result().outcome is Outcome.TEXT_INVALID
    assert stage.begun == []


def test_an_unknown_language_is_refused_without_a_word() -> None:
    stage = Stage(instant=True)
    for result in (stage.say(language="fr").result(), stage.ask(language="").result()):
        assert result.outcome is Outcome.LANGUAGE_UNKNOWN
        assert "ko or en" in result.sentence
    assert stage.begun == []


@pytest.mark.parametrize("timeout_s", [0.0, 0.99, -5.0, 120.1, float("nan"), float("inf")])
def test_an_impossible_time_to_answer_is_refused_and_interrupts_nobody(timeout_s: float) -> None:
    stage = Stage()
    announcement = stage.say()
    stage.await_begin("안녕하세요")
    result = stage.ask(timeout_s=timeout_s).result()
    assert result.outcome is Outcome.TIMEOUT_INVALID
    assert "between 1 and 120 s" in result.sentence
    stage.loudspeaker.end.set()
    assert announcement.result().outcome is Outcome.DONE


def test_a_caption_that_cannot_be_published_does_not_leave_the_voice_on_or_taken() -> None:
    stage = Stage()

    def broken(_text: str, _audible: bool) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        stage.voice.say("안녕하세요", "ko", cancelled=lambda: False, begin=broken)
    assert stage.loudspeaker.sounding == 0
    stage.loudspeaker.instant = True
    assert stage.say().result().outcome is Outcome.DONE


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["say", "ask", "cancel", "press", "speak", "silence"]), max_size=12))
def test_whatever_happens_one_voice_sounds_everything_ends_and_only_people_answer(events: list[str]) -> None:
    stage = Stage(instant=True)
    running: list[Running] = []
    accepted: list[str] = []
    for number, event in enumerate(events):
        if event in ("say", "ask"):
            running.append(getattr(stage, event)(f"{event} {number}"))
        elif event == "cancel" and running:
            running[number % len(running)].cancel()
        elif event == "silence":
            stage.clock.t_s += 5.0
        elif event in ("press", "speak"):
            await_any_listening([each for each in running if each.asks])
            answer = f"answer {number}"
            if stage.voice.hear(Heard(answer, stage.clock.t_s, spoken=event == "speak")):
                accepted.append(answer)
    for each in running:
        each.cancel()
    results = [each.result() for each in running]
    assert stage.loudspeaker.most_at_once <= 1
    assert stage.loudspeaker.sounding == 0
    assert sorted(accepted) == sorted(r.answer.text for r in results if r.answer is not None)
    assert all(r.outcome is Outcome.DONE for r in results if r.answer is not None)
