"""What the care engine wants done, in the order given, after its changes are stored."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from care_robot.care.alarms import Alarm, Changes, Page, Presence
from care_robot.care.text import NO_TEXT, Text


@dataclass(frozen=True)
class AskResident:
    """Put a question and report with AskEnded."""

    ask_id: str
    language: str
    question: str
    answer_timeout_s: float
    choices: tuple[str, ...]
    room: str = ""


@dataclass(frozen=True)
class StopAsking:
    """The question is settled otherwise."""

    ask_id: str


@dataclass(frozen=True)
class TellResident:
    """Say something that needs no answer."""

    language: str
    text: str
    room: str = ""


@dataclass(frozen=True)
class SendPage:
    """Send a page through one channel of its contact and report with PageEnded."""

    page: Page
    channel: int
    repeat: bool


@dataclass(frozen=True)
class ProbeChannel:
    """See whether a channel works, disturb nobody, and report with ChannelTested."""

    contact_id: str
    channel: int


@dataclass(frozen=True)
class PublishPresences:
    """Show who has declared to be where."""

    presences: tuple[Presence, ...]


@dataclass(frozen=True)
class PublishAlarms:
    """Show these alarms, newest first; those in `unstored` are not in the database."""

    alarms: tuple[Alarm, ...]
    unstored: frozenset[str]


Effect = AskResident | StopAsking | TellResident | SendPage | ProbeChannel | PublishPresences | PublishAlarms


class Refusal(Enum):
    """Why a request was not carried out."""

    INVALID = "invalid"
    UNKNOWN_ALARM = "unknown alarm"
    ALREADY_RESOLVED = "already resolved"
    NAME_MISSING = "name missing"
    REASON_MISSING = "reason missing"
    DURATION_INVALID = "duration invalid"
    ROOM_UNKNOWN = "room unknown"


@dataclass(frozen=True)
class Reply:
    """Answer to somebody's request."""

    alarm_id: str = ""
    refusal: Refusal | None = None
    sentence: Text = NO_TEXT
    until: datetime | None = None


@dataclass
class Outcome:
    """What one input led to."""

    changes: Changes = field(default_factory=Changes)
    effects: list[Effect] = field(default_factory=list)
    reply: Reply = field(default_factory=Reply)
