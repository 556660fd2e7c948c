"""One task being carried out: what its behaviours share, and why they often fail."""

from __future__ import annotations

from dataclasses import dataclass, field

from care_robot.care.places import Places
from care_robot.care.text import NO_TEXT, Text
from care_robot.planning.skills import Failure, Job, SeenPerson, Skills
from care_robot.planning.tasks import Task, TaskErrorCode

TRIES = 8
"""Spots that are driven to in turn, where one after the other turns out to be taken."""
QUICK_S = 5.0
"""A spot that turns out to be taken only after this is not followed by others: it would take minutes."""
MOVED_M = 1.0
"""A goal is set anew when whom it is about has moved so far."""
LEFT_M = 2.0
"""Somebody who has gone further than this is followed."""
LOST_S = 3.0
"""After a start, the robot's place takes a moment to be known."""

LOST = Failure(
    TaskErrorCode.LOST,
    Text(
        "로봇이 자기 위치를 몰라서 움직일 수 없습니다.",
        "The robot does not know where it is, so it cannot move.",
    ),
)
STOPPED = Failure(
    TaskErrorCode.STOPPED,
    Text("정지 상태라 움직일 수 없습니다.", "The robot was stopped, so it may not move."),
)
NO_SPOT = Failure(
    TaskErrorCode.UNREACHABLE,
    Text("가까이에 로봇이 설 자리가 없습니다.", "There is no room for the robot to stand there."),
)


@dataclass(eq=False)
class Run:
    """One task being carried out: what its behaviours share.

    Attributes
    ----------
    language
        That the robot speaks: ko or en.
    step
        What the robot does now, for people.
    arrived
        The robot is where it does the task.
    visited
        patrol: places that are done.
    failure
        Why the last behaviour that failed did so.
    summary
        How the task went, where it succeeded.
    ending
        Why the task was cut off; none while it was not.
    person
        Whom it is about, as last seen.
    jobs
        Under way, or asked to stop and not yet at rest.
    """

    task: Task
    skills: Skills
    places: Places
    language: str = "ko"
    visited: int = 0
    step: Text = NO_TEXT
    arrived: bool = False
    failure: Failure | None = None
    summary: Text = NO_TEXT
    ending: TaskErrorCode | None = None
    person: SeenPerson | None = None
    skipped: list[Text] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)

    def words(self, text: Text) -> str:
        """A text in the language that the robot speaks."""
        return text.en if self.language == "en" else text.ko

    def at_rest(self) -> bool:
        """Whether everything that was begun has ended."""
        self.jobs = [job for job in self.jobs if not job.done]
        return not self.jobs
