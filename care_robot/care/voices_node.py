"""The voices that care_manager speaks by: the robot's own, and those of rooms that have a loudspeaker."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from care_robot_msgs.action import Ask, Say
from rclpy.action import ActionClient

from care_robot.care.config import CareConfig
from care_robot.care.effects import AskResident, TellResident
from care_robot.care.inputs import AskEnded, AskResult
from care_robot.care.messages_node import ask_ended
from care_robot.ros.node import CareNode

SPEECH_WAIT = timedelta(seconds=3)
"""How long a question waits for a voice that is not there, such as one that is just starting."""


class Voices:
    """Puts questions and says things, in the room where that is possible, and never waits.

    Parameters
    ----------
    node
        Whose action clients they are.
    config
        Which room has a loudspeaker.
    now
        The node's clock.
    report
        Gets how each question ended, from any thread.
    """

    def __init__(
        self,
        node: CareNode[Any],
        config: CareConfig,
        now: Callable[[], datetime],
        report: Callable[[AskEnded], object],
    ) -> None:
        self._config = config
        self._now = now
        self._report = report
        self._waiting: dict[str, tuple[AskResident, datetime]] = {}
        self._goals: dict[str, Any] = {}
        speakers = {"", *(room.speaker for room in config.rooms.values())}
        self._ask = {s: ActionClient(node, Ask, f"{s}/ask".lstrip("/")) for s in speakers}
        self._say = {s: ActionClient(node, Say, f"{s}/say".lstrip("/")) for s in speakers}
        for client in [*self._ask.values(), *self._say.values()]:
            node.at_cleanup(client.destroy)

    def ask(self, question: AskResident) -> None:
        """Put a question as soon as a voice is there."""
        self._waiting[question.ask_id] = (question, self._now() + SPEECH_WAIT)
        self.tick()

    def stop(self, ask_id: str) -> None:
        """Take a question back."""
        self._waiting.pop(ask_id, None)
        goal = self._goals.pop(ask_id, None)
        if goal is not None:
            goal.cancel_goal_async()

    def tell(self, told: TellResident) -> None:
        """Say something, where a voice is there."""
        client = self._ready(self._say, told.room)
        if client is not None:
            client.send_goal_async(Say.Goal(text=told.text, language=told.language))

    def tick(self) -> None:
        """Put the questions that wait; where no voice comes, report that."""
        for ask_id, (question, until) in list(self._waiting.items()):
            client = self._ready(self._ask, question.room)
            if client is not None:
                del self._waiting[ask_id]
                self._send(client, question)
            elif self._now() >= until:
                del self._waiting[ask_id]
                self._report(AskEnded(ask_id, AskResult.FAILED))

    def _ready(self, clients: dict[str, ActionClient], room: str) -> ActionClient | None:
        """The room's own voice, or else the robot's."""
        for speaker in dict.fromkeys((self._config.speaker_in(room), "")):
            if clients[speaker].server_is_ready():
                return clients[speaker]
        return None

    def _send(self, client: ActionClient, question: AskResident) -> None:
        ask_id = question.ask_id
        self._goals[ask_id] = None
        goal = Ask.Goal(
            question=question.question,
            question_id=ask_id,
            language=question.language,
            answer_timeout=float(question.answer_timeout_s),
            choices=list(question.choices),
        )
        client.send_goal_async(goal).add_done_callback(lambda f: self._on_goal(ask_id, f))

    def _on_goal(self, ask_id: str, future: Any) -> None:
        goal = future.result()
        if goal is None or not goal.accepted:
            self._report(AskEnded(ask_id, AskResult.FAILED))
        elif ask_id not in self._goals:  # settled while speech was making up its mind
            goal.cancel_goal_async()
        else:
            self._goals[ask_id] = goal
            goal.get_result_async().add_done_callback(lambda f: self._on_answer(ask_id, f))

    def _on_answer(self, ask_id: str, future: Any) -> None:
        self._goals.pop(ask_id, None)
        answer = future.result()
        self._report(ask_ended(ask_id, answer.result) if answer else AskEnded(ask_id, AskResult.FAILED))
