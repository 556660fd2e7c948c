"""What a running system tells an operator, without ROS types. Times are seconds of the node clock."""

from collections.abc import Callable
from dataclasses import dataclass

from care_robot.care.alarms import AlarmKind, AlarmState, Priority


@dataclass(frozen=True)
class PeopleSeen:
    """Everybody who is tracked at one time."""

    t_s: float
    cameras: tuple[str, ...]
    postures: dict[str, str]  # by person id


@dataclass(frozen=True)
class FallSeen:
    """State of one fall event."""

    t_s: float
    id: str
    kind: str
    state: str
    score: float
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Spoken:
    """Something that the robot began to say."""

    t_s: float
    text: str
    audible: bool
    question: bool


@dataclass(frozen=True)
class AlarmStep:
    """One step in the life of an alarm."""

    t_s: float
    state: AlarmState
    event: str
    by: str
    reason_ko: str
    reason_en: str


@dataclass(frozen=True)
class AlarmSeen:
    """One alarm as it is now, with its steps from the first to the newest."""

    id: str
    kind: AlarmKind
    priority: Priority
    state: AlarmState
    drill: bool
    resident_id: str
    resident: str
    room: str
    raised_at_s: float
    tier: int
    acknowledged_by: str
    stored: bool
    steps: tuple[AlarmStep, ...]


Event = PeopleSeen | FallSeen | Spoken | AlarmSeen
Sink = Callable[[Event], None]
