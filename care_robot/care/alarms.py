"""Alarms and pages: what they are and what of them is kept.

An alarm goes ``raised → confirming → notified(tier) → acknowledged → attended → resolved``; the words of
priority are those of IEC 60601-1-8, the numbers those of care_robot_msgs/Alarm.
"""

import dataclasses
import hashlib
import json
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntEnum
from typing import Any

from care_robot.care.audit import AuditRecord
from care_robot.care.text import Text

MAX_NAME = 100
MAX_REASON = 1000
MAX_ID = 200


class AlarmKind(IntEnum):
    """What an alarm is about."""

    FALL = 1
    LYING = 2
    HELP = 3
    MANUAL = 4
    TECHNICAL = 5
    MEDICATION = 6
    INACTIVITY = 7
    ENVIRONMENT = 8
    WANDERING = 9
    ROBOT = 10


class Priority(IntEnum):
    """How urgent an alarm is; technical is a class of its own, never mixed with care alarms."""

    TECHNICAL = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3


class AlarmState(IntEnum):
    """Where an alarm stands."""

    RAISED = 1
    CONFIRMING = 2
    NOTIFIED = 3
    ACKNOWLEDGED = 4
    ATTENDED = 5
    RESOLVED = 6


class RobotState(IntEnum):
    """What the robot does about an alarm."""

    NONE = 0
    SENT = 1
    AWAITED = 2
    """On its way, and the next question waits until it is there."""
    ARRIVED = 3
    FAILED = 4


class PageState(Enum):
    """What is known of a page: only a confirmed delivery ends the doubt."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    """No channel confirmed it; it may have arrived all the same, and is tried again under its id."""
    WITHDRAWN = "withdrawn"
    """Before it was confirmed, a human took the alarm, or newer pages took its place."""


@dataclass
class Source:
    """One event behind an alarm; an event that is known by its `key` raises nothing again."""

    key: str
    kind: AlarmKind
    person_id: str
    room: str
    event_at: datetime
    recovered_at: datetime | None = None
    evidence: str = "[]"
    """What the event rests on, as JSON."""


@dataclass(frozen=True)
class Transition:
    """One step in the life of an alarm: the `n`-th, from 1."""

    n: int
    at: datetime
    state: AlarmState
    event: str
    by: str
    reason: Text
    after: str = "{}"
    """The alarm after the step, as JSON (`to_json`): from its steps alone an alarm can be rebuilt."""


@dataclass
class Alarm:
    """One alarm. Times are timezone-aware UTC."""

    id: str
    kind: AlarmKind
    priority: Priority
    condition: str
    """Events of one condition and one resident merge while the alarm is not resolved."""
    resident_id: str
    resident_name: str
    room: str
    source_id: str
    event_at: datetime
    raised_at: datetime
    updated_at: datetime
    state: AlarmState = AlarmState.RAISED
    drill: bool = False
    """An exercise, marked so everywhere; nobody who is cared for is asked, and no robot comes."""
    occurrences: int = 1
    tier: int = 0
    """Escalation tier paged last, from 1; 0 for none yet."""
    rounds: int = 0
    """Notifications sent so far; part of their pages' ids."""
    asks: int = 0
    robot: RobotState = RobotState.NONE
    audio_paused_until: datetime | None = None
    ok_at: datetime | None = None
    """When the resident said that all is well; the event must still recover."""
    deadline_at: datetime | None = None
    """When this state has lasted too long."""
    page_by: datetime | None = None
    """When a human is paged whatever the question has come to."""
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    attended_by: str = ""
    attended_at: datetime | None = None
    resolved_by: str = ""
    resolved_at: datetime | None = None
    resolution: str = ""
    sources: list[Source] = field(default_factory=list)
    history: list[Transition] = field(default_factory=list)

    @property
    def down(self) -> list[Source]:
        """Falls behind it whose person has not been seen to get up."""
        falls = (AlarmKind.FALL, AlarmKind.LYING)
        return [s for s in self.sources if s.kind in falls and s.recovered_at is None]


@dataclass
class Page:
    """One notification to one contact; its `id` stays the same however often it is sent."""

    id: str
    alarm_id: str
    round: int
    tier: int
    contact_id: str
    kind: AlarmKind
    priority: Priority
    resident_name: str
    room: str
    event_at: datetime
    created_at: datetime
    text: Text
    drill: bool = False
    channel: int = 0
    """Which of the contact's channels is being tried."""
    repeat: bool = False
    """It may have arrived before."""
    state: PageState = PageState.PENDING


@dataclass(frozen=True)
class Presence:
    """One member of staff has declared to be in a room: what happens there is paged after a minute only."""

    by: str
    room: str
    since: datetime
    until: datetime


@dataclass
class Changes:
    """What is not yet in the database."""

    alarms: dict[str, Alarm] = field(default_factory=dict)
    sources: dict[str, tuple[str, Source]] = field(default_factory=dict)
    """By key, with the alarm's id."""
    transitions: dict[tuple[str, int], Transition] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)
    presences: dict[str, Presence] = field(default_factory=dict)
    """By the name of the member of staff; one that has ended has an `until` that is past."""
    audit: dict[str, AuditRecord] = field(default_factory=dict)
    """By a key that makes storing twice harmless, in the order in which they came."""

    def __bool__(self) -> bool:
        return any(getattr(self, f.name) for f in dataclasses.fields(self))

    def add(self, later: "Changes") -> None:
        """Take in what changed since."""
        for f in dataclasses.fields(self):
            getattr(self, f.name).update(getattr(later, f.name))


@dataclass(frozen=True)
class Snapshot:
    """What the database knew: alarms to go on with, their pages, and the alarm of each event seen."""

    alarms: list[Alarm] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    presences: list[Presence] = field(default_factory=list)


def to_json(alarm: Alarm) -> str:
    """Everything that an alarm is but its sources and its history."""
    names = [f.name for f in dataclasses.fields(alarm) if f.name not in ("sources", "history")]
    row = {name: getattr(alarm, name) for name in names}
    plain = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in row.items()}
    return json.dumps(plain, ensure_ascii=False, sort_keys=True)


def from_json(text: str) -> Alarm:
    """The alarm that `to_json` wrote; ValueError, KeyError or TypeError for any other text."""

    def read(name: str, value: Any) -> Any:
        if name in _CODES:
            return _CODES[name](value)
        is_time = name.endswith("_at") or name in ("page_by", "audio_paused_until")
        return datetime.fromisoformat(value) if is_time and value is not None else value

    return Alarm(**{name: read(name, value) for name, value in json.loads(text).items()})


_CODES: dict[str, type[IntEnum]] = {
    "kind": AlarmKind,
    "priority": Priority,
    "state": AlarmState,
    "robot": RobotState,
}


def clean_text(text: str, limit: int = MAX_NAME) -> str:
    """`text` in one line of at most `limit` characters, without control, format or surrogate characters."""
    shown = "".join(" " if c.isspace() else c for c in text[: 4 * limit] if _printable(c))
    return " ".join(shown.split())[:limit]


def clean_id(raw: str) -> str:
    """`raw`, or where it is too long or not printable a short form that still differs for different ids."""
    if len(raw) <= MAX_ID and all(map(_printable, raw)) and raw == raw.strip():
        return raw
    return f"{clean_text(raw, 40)}#{digest(raw)}"


def digest(*parts: str) -> str:
    """Sixteen hexadecimal digits that stay the same for the same parts."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _printable(character: str) -> bool:
    return character.isspace() or unicodedata.category(character)[0] != "C"
