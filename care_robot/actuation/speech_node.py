"""The node that speaks: actions ``say`` and ``ask``, answers from ``utterance``, captions on ``spoken``.

It works without a speech engine and without a loudspeaker too: alarms go on, with questions on the screen and
answers from buttons and text.
"""

import threading
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
from care_robot.actuation.speech import RATE_WPM, Espeak, Wave
from care_robot.actuation.voice import Heard, Outcome, Result, Voice
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds
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
        self._speaker = Speaker(warn, muted=parameters.muted)
        self._recorder = (
            Recorder(Path(parameters.wav_folder).expanduser(), parameters.wav_keep, warn)
            if parameters.wav_folder
            else None
        )
        if missing := self._engine.missing():
            warn(missing)
        self._voice = Voice(self._engine, self._speaker, self.now_s, self._record)
        self._spoken = self.publisher(SpokenText, "spoken", qos.STATE)
        self.subscribe(Utterance, "utterance", qos.STATE, self._on_utterance)
        self.serve_action(Say, "say", self._execute_say, goal=lambda _: self._accept(Say))
        self.serve_action(Ask, "ask", self._execute_ask, goal=lambda _: self._accept(Ask))

    def cleanup(self) -> None:
        """Wait until the voice is silent; it stops by itself when the node is no longer active."""
        for thread in [*self._threads[Say], *self._threads[Ask]]:
            thread.join(STOP_S)

    def diagnose(self) -> Health:
        """WARN where nothing can be heard, or not be recorded as wished."""
        recording = self._recorder.trouble if self._recorder else ""
        trouble = self._engine.missing() or self._speaker.trouble or recording
        values = {
            "says": str(len(self._threads[Say])),
            "asks": str(len(self._threads[Ask])),
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
            begin=lambda shown, audible: self._publish(shown, language, audible, question=False),
            progress=progress,
        )

    def _ask(self, goal: ServerGoalHandle) -> Result:
        def begin(shown: str, audible: bool) -> None:
            self._publish(shown, language, audible, question=True, choices=goal.request.choices)
            goal.publish_feedback(Ask.Feedback(phase=Ask.Feedback.SPEAKING))

        question, language = goal.request.question, goal.request.language
        return self._voice.ask(
            question,
            language,
            goal.request.answer_timeout,
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
        self._voice.hear(Heard(message.text, said_at_s, spoken, original=message))

    def _publish(
        self, text: str, language: str, audible: bool, *, question: bool, choices: Sequence[str] = ()
    ) -> None:
        how = ("asks" if question else "says") + ("" if audible else " (shown, not heard)")
        offered = f" [{' / '.join(choices)}]" if choices else ""
        self.get_logger().info(f"{how}: {text}{offered}")
        message = SpokenText(text=text, language=language, audible=audible, question=question)
        message.choices = list(choices)
        message.header.stamp = self.get_clock().now().to_msg()
        self._spoken.publish(message)

    def _record(self, sound: Wave, text: str, language: str) -> None:
        if self._recorder is not None:
            self._recorder.write(sound, text, language, self.now_s())


def main() -> None:
    """Run the speech node."""
    run_node(SpeechNode)
