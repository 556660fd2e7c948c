"""The spoken signal of a high alarm, repeated until somebody takes it (IEC 60601-1-8), and its pause."""

from datetime import datetime, timedelta

from care_robot.care import phrases
from care_robot.care.alarms import Alarm, AlarmKind, AlarmState, Priority
from care_robot.care.asking import Asker
from care_robot.care.ledger import Ledger

KINDS = (AlarmKind.FALL, AlarmKind.LYING, AlarmKind.HELP)
"""About somebody who may lie there and hear it."""


class AudioSignal:
    """Tells the resident that help was called, again and again while nobody has taken the alarm.

    Parameters
    ----------
    ledger
        Where alarms are kept.
    asker
        Says it.
    repeat
        How long from one time to the next.
    """

    def __init__(self, ledger: Ledger, asker: Asker, repeat: timedelta) -> None:
        self._ledger = ledger
        self._asker = asker
        self._repeat = repeat
        self._last: dict[str, datetime] = {}

    def tick(self) -> None:
        """Say what is due."""
        now, sounding = self._ledger.now, {a.id: a for a in self._ledger.open_alarms() if _sounds(a)}
        self._last = {alarm_id: min(at, now) for alarm_id, at in self._last.items() if alarm_id in sounding}
        for alarm in sounding.values():
            if self._due(alarm) <= now:
                self._last[alarm.id] = now
                self._asker.tell(alarm, phrases.TOLD_PAGED)

    def next_deadline(self) -> datetime | None:
        """When `tick` is due."""
        return min((self._due(a) for a in self._ledger.open_alarms() if _sounds(a)), default=None)

    def _due(self, alarm: Alarm) -> datetime:
        last = self._last.get(alarm.id)
        due = self._ledger.now if last is None else last + self._repeat
        return max(due, alarm.audio_paused_until or due)


def _sounds(alarm: Alarm) -> bool:
    return (
        alarm.state is AlarmState.NOTIFIED
        and alarm.priority is Priority.HIGH
        and alarm.kind in KINDS
        and not alarm.drill
    )
