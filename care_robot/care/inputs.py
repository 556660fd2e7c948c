"""What may happen to the care engine. Values come as they came in: the engine judges them."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntEnum

from care_robot.care.alarms import AlarmKind


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
class Tick:
    """Nothing but time has passed."""


Input = (
    FallsSeen | Heard | AskEnded | PageEnded | Raise | Acknowledge | Attend | Resolve | StorageFailed | Tick
)
