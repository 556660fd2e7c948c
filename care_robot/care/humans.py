"""What named humans do: take an alarm, be there, end it, pause its sound, declare presence."""

import math
from collections.abc import Callable
from datetime import timedelta

from care_robot.care import phrases
from care_robot.care.alarms import MAX_REASON, Alarm, AlarmState, Presence, clean_text
from care_robot.care.asking import Asker
from care_robot.care.audit import AuditAction, AuditRecord
from care_robot.care.config import CareConfig
from care_robot.care.effects import PublishPresences, Refusal, Reply
from care_robot.care.inputs import Acknowledge, Attend, PauseAudio, Resolve, SetPresence
from care_robot.care.ledger import Ledger
from care_robot.care.pager import Pager, needs_somebody_there
from care_robot.care.text import Text

MAX_PAUSE_S = 120.0
MAX_PRESENCE_S = 1800.0


class Humans:
    """Carries out what a named human asks for, or refuses with a reason; both are audited.

    Parameters
    ----------
    config
        Rooms and time-outs.
    ledger
        Where alarms are kept.
    pager, asker
        Whose pages and questions end when a human takes over.
    end
        Ends an alarm: by whom, the resolution, the reason of the step.
    """

    def __init__(
        self,
        config: CareConfig,
        ledger: Ledger,
        pager: Pager,
        asker: Asker,
        end: Callable[[Alarm, str, str, Text], None],
    ) -> None:
        self._config = config
        self._ledger = ledger
        self._pager = pager
        self._asker = asker
        self._end = end

    def act(self, item: Acknowledge | Attend | Resolve | PauseAudio) -> Reply:
        """Do what somebody asks for an alarm."""
        name, alarm = clean_text(item.by), self._ledger.alarms.get(item.alarm_id)
        shown = clean_text(item.alarm_id)
        if not name:
            return self.refused(shown, Refusal.NAME_MISSING, phrases.refusal("name_missing"))
        if isinstance(item, Resolve) and not clean_text(item.reason, MAX_REASON):
            why = phrases.refusal("reason_missing")
            return self.refused(shown, Refusal.REASON_MISSING, why, name)
        if alarm is None:
            return self.refused(
                shown, Refusal.UNKNOWN_ALARM, phrases.refusal("unknown_alarm", id=shown), name
            )
        if alarm.state is AlarmState.RESOLVED:
            why = phrases.refusal("already_resolved", id=alarm.id, by=alarm.resolved_by)
            return self.refused(alarm.id, Refusal.ALREADY_RESOLVED, why, name)
        match item:
            case PauseAudio(duration_s=duration_s):
                return self._pause(alarm, name, duration_s)
            case Resolve(reason=reason):
                given = clean_text(reason, MAX_REASON)
                self._take_over(alarm)
                self._end(alarm, name, given, phrases.reason("resolved", by=name, detail=given))
            case Attend():
                self._take_over(alarm)
                self._attend(alarm, name)
            case Acknowledge():
                self._take_over(alarm)
                self._acknowledge(alarm, name)
        return Reply(alarm.id)

    def set_presence(self, item: SetPresence) -> Reply:
        """Note where a member of staff is; who it is was checked before."""
        name, room, now = clean_text(item.by), clean_text(item.room), self._ledger.now
        if not name:
            return self.refused("", Refusal.NAME_MISSING, phrases.refusal("name_missing"))
        if not (math.isfinite(item.duration_s) and 0.0 <= item.duration_s <= MAX_PRESENCE_S):
            why = phrases.refusal("presence_duration")
            return self.refused("", Refusal.DURATION_INVALID, why, name)
        if not room and item.duration_s:
            return self.refused("", Refusal.ROOM_UNKNOWN, phrases.refusal("room_missing"), name)
        presence = Presence(name, room, now, now + timedelta(seconds=item.duration_s))
        self._ledger.set_presence(presence)
        event = "present" if item.duration_s else "no_longer_present"
        why = phrases.reason(event, by=name, room=phrases.room(room))
        self._note(name, "staff_presence", event, why)
        self.show_presences()
        return Reply(until=presence.until)

    def show_presences(self) -> None:
        """Show who is where now; who was, is forgotten."""
        now, ledger = self._ledger.now, self._ledger
        ledger.presences = {name: p for name, p in ledger.presences.items() if p.until > now}
        ledger.effects.append(PublishPresences(tuple(ledger.presences.values())))

    def refused(self, alarm_id: str, refusal: Refusal, why: Text, by: str = "") -> Reply:
        """Refuse, and keep that and why."""
        self._note(by, "refusal", refusal.value, why, alarm_id)
        return Reply(alarm_id, refusal, why)

    def _take_over(self, alarm: Alarm) -> None:
        """A human has it now: no question, no more pages."""
        self._asker.stop(alarm)
        self._pager.withdraw(alarm)
        alarm.ok_at = alarm.page_by = None

    def _acknowledge(self, alarm: Alarm, name: str) -> None:
        now = self._ledger.now
        again = alarm.state is AlarmState.ACKNOWLEDGED and alarm.acknowledged_by == name  # wins no time
        alarm.acknowledged_by, alarm.acknowledged_at = name, now
        if alarm.state is not AlarmState.ATTENDED and not again:
            alarm.state = AlarmState.ACKNOWLEDGED
            attend_by = now + timedelta(seconds=self._config.timeouts.attend_s)
            alarm.deadline_at = attend_by if needs_somebody_there(alarm) else None
        self._ledger.record(alarm, "acknowledged", name, phrases.reason("acknowledged", by=name))

    def _attend(self, alarm: Alarm, name: str) -> None:
        now = self._ledger.now
        if not alarm.acknowledged_by:
            alarm.acknowledged_by, alarm.acknowledged_at = name, now
        alarm.attended_by, alarm.attended_at = name, now
        alarm.state, alarm.deadline_at = AlarmState.ATTENDED, None
        self._ledger.record(alarm, "attended", name, phrases.reason("attended", by=name))

    def _pause(self, alarm: Alarm, name: str, duration_s: float) -> Reply:
        if not (math.isfinite(duration_s) and 0.0 < duration_s <= MAX_PAUSE_S):
            why = phrases.refusal("pause_duration")
            return self.refused(alarm.id, Refusal.DURATION_INVALID, why, name)
        alarm.audio_paused_until = self._ledger.now + timedelta(seconds=duration_s)
        why = phrases.reason("audio_paused", by=name, seconds=round(duration_s))
        self._ledger.record(alarm, "audio_paused", name, why)
        return Reply(alarm.id, until=alarm.audio_paused_until)

    def _note(self, by: str, category: str, outcome: str, why: Text, subject: str = "") -> None:
        now = self._ledger.now
        record = AuditRecord(now, AuditAction.EXECUTE, by, category, outcome, why, subject=subject)
        self._ledger.note(record)
