"""What a behaviour tree can have the robot do, and what it can know: no ROS, so that trees run anywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from care_robot.care.text import Text
from care_robot.geometry import Array
from care_robot.planning.approach import FALLEN, UPRIGHT, Floor, Ring, Spot
from care_robot.planning.tasks import TaskErrorCode

UPRIGHT_REACH_M, DOWN_REACH_M = 0.25, 0.5
"""How far a body reaches from the hips where no more of it is known."""


@dataclass(frozen=True)
class Failure:
    """Why something did not work: a sentence for people, and its code in ExecuteTask."""

    code: TaskErrorCode
    sentence: Text


@dataclass(frozen=True)
class Answer:
    """What a person said to a question, as it was understood by ears alone."""

    text: str
    language: str
    confidence: float = 1.0


@dataclass(eq=False)
class Job:
    """Something under way. Whoever carries it out calls `end`; whoever ordered it looks, and may cancel.

    Attributes
    ----------
    done
        Whether it has come to its end; after `cancel` this may take a moment.
    failure
        Why it did not work, once `done`.
    answer
        To a question; none for silence.
    """

    done: bool = False
    failure: Failure | None = None
    answer: Answer | None = None
    on_cancel: Callable[[], object] = lambda: None

    def end(self, failure: Failure | None = None, answer: Answer | None = None) -> None:
        """Say how it ended; the first end counts."""
        if not self.done:
            self.done, self.failure, self.answer = True, failure, answer

    def cancel(self) -> None:
        """Have it stopped, where it still runs."""
        if not self.done:
            self.on_cancel()


@dataclass(frozen=True, eq=False)
class SeenPerson:
    """Somebody who is seen now.

    Parameters
    ----------
    id : str
        As in care_robot_msgs/Person.
    xy : tuple of float
        Hips in the map, m.
    room : str
        Empty where not known.
    down : bool
        Lies on the floor, or on something that is not known.
    body : (n, 2) array
        Points of the body in the map; may be empty.
    look_again_rad : float or None
        Bearing from which an uncertain posture could be told.
    """

    id: str
    xy: tuple[float, float]
    room: str = ""
    down: bool = False
    body: Array = field(default_factory=lambda: np.zeros((0, 2)))
    look_again_rad: float | None = None

    @property
    def ring(self) -> Ring:
        """How near the robot comes."""
        return FALLEN if self.down else UPRIGHT

    @property
    def reach_m(self) -> float:
        """How far the body may reach beyond what of it is known."""
        return 0.0 if len(self.body) else DOWN_REACH_M if self.down else UPRIGHT_REACH_M


@dataclass(frozen=True)
class OpenAlarm:
    """An alarm that wants the robot at somebody's side. `person_id` and `xy` are those of its fall event."""

    id: str
    priority: int
    room: str
    person_id: str = ""
    xy: tuple[float, float] | None = None
    resident_id: str = ""


class Skills(Protocol):
    """What the trees need of the robot. Nothing here blocks."""

    def now_s(self) -> float:
        """Time of the node clock, s."""

    def robot(self) -> Spot | None:
        """Where the robot is; none where it does not know."""

    def stopped(self) -> bool:
        """Whether a stop is latched: nothing may move."""

    def people(self) -> Sequence[SeenPerson]:
        """Everybody who is seen now and whose place is known."""

    def floor(self) -> Floor | None:
        """The map, where there is one."""

    def alarms(self) -> Sequence[OpenAlarm]:
        """Every alarm that wants the robot."""

    def drive(self, spot: Spot) -> Job:
        """Go there."""

    def say(self, text: str, language: str) -> Job:
        """Say something; empty language for the robot's own."""

    def ask(self, question_id: str, question: Text, choices: Sequence[Text]) -> Job:
        """Ask something and wait for one answer."""

    def raise_help(self, source_id: str, resident_id: str, room: str, reason: Text) -> Job:
        """Raise an alarm: somebody asked for help. The same source raises once."""

    def stowed(self) -> bool:
        """Whether the arm is known to be folded for driving."""

    def stow(self) -> Job:
        """Fold the arm for driving; what the gripper holds, it keeps."""

    def audit(self, outcome: str, reason: Text, resident_id: str = "") -> None:
        """Have an autonomous decision written down; never fails, never waits."""
