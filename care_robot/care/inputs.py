"""What may happen to the care engine. Values come as they came in: the engine judges them."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntEnum

from care_robot.care.alarms import AlarmKind
from care_robot.care.audit import AuditRecord
from care_robot.care.text import Text


class FallState(IntEnum):
    """State of a fall event; the numbers are those of care_robot_msgs/FallEvent."""

    SUSPECTED = 1
    CONFIRMED = 2
    RECOVERED = 3


@dataclass(frozen=True)
class FallReport:
    """One fall event as the fall detector repeats it; `kind` and `state` may be numbers that nobody knows."""

    id: str
    kind: int = AlarmKind.FALL
    state: int = FallState.CONFIRMED
    person_id: str = ""
    camera: str = ""
    room: str = ""
    start: datetime | None = None
    confirmed_at: datetime | None = None
    evidence: tuple[tuple[str, float, str, float], ...] = ()
    """Name, value, unit and threshold of what it rests on."""


@dataclass(frozen=True)
class FallsSeen:
    """Every open fall event; comes again and again."""

    reports: tuple[FallReport, ...]


@dataclass(frozen=True)
class Heard:
    """Something that somebody said, typed or pressed."""

    text: str
    at: datetime | None = None
    room: str = ""


class AskResult(Enum):
    """What became of a question."""

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    """It could not be asked."""


@dataclass(frozen=True)
class AskEnded:
    """A question is over."""

    ask_id: str
    result: AskResult
    answer: Heard | None = None
    confidence: float = 1.0
    audible: bool = True


@dataclass(frozen=True)
class PageEnded:
    """A channel took a page, or could not."""

    page_id: str
    channel: int
    delivered: bool
    problem: str = ""


@dataclass(frozen=True)
class ChannelTested:
    """The self-test of a channel is over."""

    contact_id: str
    channel: int
    works: bool
    problem: str = ""


class ResponseState(Enum):
    """How the robot's task for an alarm stands."""

    WAITING = "waiting"
    RUNNING = "running"
    OVER = "over"


@dataclass(frozen=True)
class Response:
    """What the robot does about an alarm."""

    alarm_id: str
    state: ResponseState
    arrived: bool = False
    problem: str = ""
    """Why it does not come, where it is over before the alarm is."""


@dataclass(frozen=True)
class ResponsesSeen:
    """Every task of the robot that belongs to an alarm; comes again and again."""

    responses: tuple[Response, ...]


@dataclass(frozen=True)
class Raise:
    """Somebody or another program raises an alarm."""

    kind: int
    priority: int
    source_id: str = ""
    resident_id: str = ""
    room: str = ""
    by: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Drill:
    """A named human orders an exercise."""

    kind: int
    resident_id: str = ""
    room: str = ""
    by: str = ""


@dataclass(frozen=True)
class PauseAudio:
    """A named human silences the spoken signal of an alarm for a while."""

    alarm_id: str
    by: str
    duration_s: float


@dataclass(frozen=True)
class SetPresence:
    """A member of staff, who has shown to be that, declares presence in a room; 0 s ends it."""

    by: str
    room: str
    duration_s: float


@dataclass(frozen=True)
class Note:
    """Another part of the system has something for the audit log."""

    record: AuditRecord


@dataclass(frozen=True)
class Acknowledge:
    """A named human takes an alarm."""

    alarm_id: str
    by: str


@dataclass(frozen=True)
class Attend:
    """A named human is with the resident."""

    alarm_id: str
    by: str


@dataclass(frozen=True)
class Resolve:
    """A named human ends an alarm, with a reason."""

    alarm_id: str
    by: str
    reason: str


@dataclass(frozen=True)
class StorageFailed:
    """The database does not take the alarms."""

    problem: str


@dataclass(frozen=True)
class StorageReplaced:
    """The database could not be used and another one has taken its place; the sentence names both."""

    why: Text


@dataclass(frozen=True)
class Tick:
    """Nothing but time has passed."""


Input = (
    FallsSeen
    | Heard
    | AskEnded
    | PageEnded
    | ChannelTested
    | ResponsesSeen
    | Raise
    | Drill
    | PauseAudio
    | SetPresence
    | Note
    | Acknowledge
    | Attend
    | Resolve
    | StorageFailed
    | StorageReplaced
    | Tick
)
