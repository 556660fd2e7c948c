"""What the operator's page asks of the system that it stands on."""

from datetime import datetime
from typing import Protocol

from care_robot.care.alarms import AlarmKind
from care_robot.console.web import Board, Sessions, ShownAlarm


class Actions(Protocol):
    """What the page asks of the system. Refusals are sentences; empty where it was done."""

    sessions: Sessions
    residents: tuple[tuple[str, str], ...]
    """Ids and names, for drills."""

    def board(self) -> Board:
        """What is to be shown."""

    def now(self) -> datetime:
        """Time of the node clock."""

    def steady_s(self) -> float:
        """Time of the steady clock."""

    def viewed(self, by: str, alarm: ShownAlarm) -> bool:
        """Somebody has seen personal data; whether there is anybody to record it."""

    async def acknowledge(self, alarm_id: str, by: str, attended: bool) -> str:
        """Take an alarm, or be with the resident."""

    async def resolve(self, alarm_id: str, by: str, reason: str) -> str:
        """End an alarm."""

    async def pause_audio(self, alarm_id: str, by: str, duration_s: float) -> str:
        """Silence an alarm's spoken signal for a while."""

    async def drill(self, kind: AlarmKind, resident_id: str, by: str) -> str:
        """Raise an alarm as an exercise."""

    async def reset_stop(self, by: str) -> str:
        """Take a stop away."""
