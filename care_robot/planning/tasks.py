"""Tasks: what the robot is asked to do, how it stands, and what is refused.

The numbers are those of care_robot_msgs: Task, TaskStatus, ExecuteTask, SubmitTask and CancelTask.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Protocol

from care_robot.care.text import NO_TEXT, Text


class TaskKind(IntEnum):
    """What is to be done."""

    FETCH = 1
    DELIVER = 2
    GO_TO = 3
    COME_HERE = 4
    PATROL = 5
    CHECK_ON = 6
    REMIND = 7
    RESPOND_TO_FALL = 8
    LOOK_AGAIN = 9
    SAY = 10
    DOCK = 11
    TELEOP = 12

    @property
    def word(self) -> str:
        """As on the command line: ``go_to``."""
        return self.name.lower()

    @property
    def label(self) -> Text:
        """As people say it."""
        return _LABELS[self]

    @property
    def moves(self) -> bool:
        """Whether the robot drives or uses its arm for it, which a stop forbids."""
        return self is not TaskKind.SAY

    @property
    def resumes(self) -> bool:
        """Whether it goes on, or starts again, after something more urgent; else it is given back."""
        return self is not TaskKind.TELEOP


class Priority(IntEnum):
    """A higher one interrupts a lower one. OPERATOR_STOP is the rank of a human's stop; no task has it."""

    ROUTINE = 1
    OPERATOR = 2
    MEDICATION = 3
    OPERATOR_STOP = 4
    ALARM = 5


class TaskState(IntEnum):
    """Where a task stands."""

    QUEUED = 1
    RUNNING = 2
    INTERRUPTED = 3
    SUCCEEDED = 4
    FAILED = 5
    CANCELED = 6

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self >= TaskState.SUCCEEDED


class TaskErrorCode(IntEnum):
    """How a task ended: ExecuteTask.Result; NONE for success."""

    NONE = 0
    TASK_INVALID = 301
    CANCELED = 302
    PREEMPTED = 303
    TIME_LIMIT = 304
    STOPPED = 305
    NOT_CAPABLE = 306
    LOST = 307
    UNREACHABLE = 308
    PLACE_UNKNOWN = 309
    PERSON_NOT_FOUND = 310
    OBJECT_NOT_FOUND = 311
    GRASP_FAILED = 312
    HANDOVER_FAILED = 313
    NO_ANSWER = 314
    NOT_SPOKEN = 315
    DOCK_FAILED = 316
    BATTERY_LOW = 317


class SubmitCode(IntEnum):
    """Answers of tasks/submit."""

    NONE = 0
    INVALID = 1
    NAME_MISSING = 2
    NOT_STORED = 3
    NOT_CAPABLE = 4
    UNAVAILABLE = 99


class CancelCode(IntEnum):
    """Answers of tasks/cancel."""

    NONE = 0
    UNKNOWN_TASK = 1
    NAME_MISSING = 2
    ALREADY_ENDED = 3
    REFUSED = 4
    UNAVAILABLE = 99


@dataclass(frozen=True)
class Goal:
    """Where to drive, in the frame `frame_id`."""

    frame_id: str
    x_m: float
    y_m: float
    heading_rad: float


@dataclass(frozen=True)
class Task:
    """One task. Values come as they came in: `check` judges them."""

    kind: int
    priority: int
    by: str
    time_limit_s: float
    id: str = ""
    """Empty until one is made."""
    object: str = ""
    places: tuple[str, ...] = ()
    pose: Goal | None = None
    resident_id: str = ""
    person_id: str = ""
    occurrence_id: str = ""
    alarm_id: str = ""
    text: str = ""
    language: str = ""


@dataclass
class TaskRecord:
    """A task and how it stands. Times are timezone-aware UTC."""

    task: Task
    seq: int
    """Order of submission; equal priorities are served by it."""
    submitted_at: datetime
    updated_at: datetime
    """When it was last written down, at most some seconds ago while it runs."""
    state: TaskState = TaskState.QUEUED
    step: Text = NO_TEXT
    """What the robot does now, for a person."""
    arrived: bool = False
    """The robot is where it does the task."""
    visited: int = 0
    """patrol: places that are done, from the first."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    ran_s: float = 0.0
    """Running time; `task.time_limit_s` is its limit."""
    waited_s: float = 0.0
    interruptions: int = 0
    ending: TaskErrorCode | None = None
    """How it must end as soon as the robot is at rest: an intent that a restart must not lose."""
    error: TaskErrorCode = TaskErrorCode.NONE
    reason: Text = NO_TEXT
    """Why it is in this state."""
    events: int = 0
    """Rows of its history so far."""


@dataclass(frozen=True)
class TaskEvent:
    """One step in the history of a task: the `n`-th, from 1."""

    task_id: str
    n: int
    at: datetime
    state: TaskState
    event: str
    """submitted, started, resumed, step, arrived, interrupted, ending or ended"""
    by: str
    reason: Text


@dataclass
class TaskChanges:
    """What is not yet in the database."""

    records: dict[str, TaskRecord] = field(default_factory=dict)
    events: list[TaskEvent] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.records or self.events)


@dataclass(frozen=True)
class TaskSnapshot:
    """What the database knew: tasks that are open or ended lately, and every id ever taken."""

    records: list[TaskRecord] = field(default_factory=list)
    ids: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Refusal:
    """Why a task is not taken: for tasks/submit, for an action's result, and for people."""

    code: SubmitCode
    error: TaskErrorCode
    sentence: Text


class StorageError(Exception):
    """The database did not take what it should; the message says why."""


class TaskStorage(Protocol):
    """What keeps tasks over a restart."""

    def save(self, changes: TaskChanges) -> None:
        """Keep all of `changes` or none; StorageError where that failed. Saving twice does no harm."""


@dataclass(frozen=True)
class Reply:
    """Answer to a request. `code` is NONE where it was granted."""

    task_id: str
    code: SubmitCode | CancelCode
    sentence: Text
    error: TaskErrorCode = TaskErrorCode.NONE
    """What the result of an `execute_task` goal says of a refusal."""

    @property
    def success(self) -> bool:
        """Whether it was granted."""
        return self.code == 0


@dataclass(frozen=True)
class Start:
    """Run this task now: it counts as running from here on."""

    task: Task
    resumed: bool
    """It ran before, and was interrupted or met a restart."""
    visited: int = 0
    """patrol: how many of its places are done already."""


@dataclass(frozen=True)
class Preempt:
    """Bring the running task to rest with its clean-up (stow, put down); report `ended(…, PREEMPTED)`."""

    running_id: str
    for_id: str


@dataclass(frozen=True)
class StopRunning:
    """Bring the running task to rest for good, then report `ended(…, why)`.

    `why` is CANCELED, TIME_LIMIT, STOPPED (a stop is latched: no motion, not even to stow), or NONE where an
    alarm response is over because its alarm was attended or resolved.
    """

    id: str
    why: TaskErrorCode
    sentence: Text


Decision = Start | Preempt | StopRunning


_LABELS = {
    TaskKind.FETCH: Text("가져오기", "fetch"),
    TaskKind.DELIVER: Text("가져다주기", "deliver"),
    TaskKind.GO_TO: Text("이동", "go to a place"),
    TaskKind.COME_HERE: Text("사람에게 가기", "come to a person"),
    TaskKind.PATROL: Text("순찰", "patrol"),
    TaskKind.CHECK_ON: Text("안부 확인", "check on a resident"),
    TaskKind.REMIND: Text("알림", "remind"),
    TaskKind.RESPOND_TO_FALL: Text("낙상 대응", "respond to a fall"),
    TaskKind.LOOK_AGAIN: Text("다시 보기", "look again"),
    TaskKind.SAY: Text("말하기", "say"),
    TaskKind.DOCK: Text("충전하러 가기", "dock"),
    TaskKind.TELEOP: Text("원격 조종", "remote control"),
}
