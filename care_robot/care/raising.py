"""From what happens to an alarm: raised anew, or one more event of an open one."""

import itertools
import json
from collections.abc import Callable
from datetime import datetime, timedelta

from care_robot.care import dialogue, phrases, sources
from care_robot.care.alarms import (
    MAX_REASON,
    Alarm,
    AlarmKind,
    AlarmState,
    Priority,
    Source,
    clean_id,
    clean_text,
    digest,
)
from care_robot.care.asking import Asker
from care_robot.care.config import CareConfig
from care_robot.care.dialogue import Intent, Question
from care_robot.care.effects import Refusal, Reply
from care_robot.care.inputs import Drill, FallReport, FallState, Heard, Raise
from care_robot.care.ledger import Ledger
from care_robot.care.pager import BY
from care_robot.care.text import Text

MAX_NEWS = 50
"""Of one technical alarm: what comes and goes for days must not fill the history."""

DRILL_PRIORITIES = {
    AlarmKind.TECHNICAL: Priority.TECHNICAL,
    AlarmKind.MEDICATION: Priority.MEDIUM,
    AlarmKind.INACTIVITY: Priority.MEDIUM,
    AlarmKind.ROBOT: Priority.LOW,
}
"""Of the kinds that are not high."""


class Raiser:
    """Raises alarms, each event once, and merges what belongs together.

    Parameters
    ----------
    config
        Residents, rooms and time-outs.
    ledger
        Where alarms are kept.
    asker
        Asks about a fall.
    notify
        Pages the first tier for an alarm, with a reason.
    raise_again
        Starts an alarm again from the first tier: by whom, and why.
    end
        Ends an alarm whose resident said that all is well and was seen to be up.
    refused
        Refuses a request: the alarm's id, why for programs, why for people, and whose request it was.
    """

    def __init__(
        self,
        config: CareConfig,
        ledger: Ledger,
        asker: Asker,
        *,
        notify: Callable[[Alarm, Text], None],
        raise_again: Callable[[Alarm, str, Text], None],
        end: Callable[[Alarm], None],
        refused: Callable[[str, Refusal, Text, str], Reply],
    ) -> None:
        self._config = config
        self._ledger = ledger
        self._asker = asker
        self._notify = notify
        self._raise_again = raise_again
        self._end = end
        self._refused = refused

    def fall(self, report: FallReport) -> None:
        """Raise once for each event, however often it comes; a state that nobody knows is the worst."""
        event_id, up = sources.fall_id(report), report.state == FallState.RECOVERED
        known = f"fall:{event_id}" in self._ledger.seen
        if known and report.state != FallState.SUSPECTED:
            self._follow(f"fall:{event_id}", up)
        # A fall that was confirmed and is over before we heard of it still has nobody who asked.
        if known or report.state == FallState.SUSPECTED or (up and report.confirmed_at is None):
            return
        now = self._ledger.now
        source = sources.of_fall(report, now)
        event = "raised_fall" if source.kind is AlarmKind.FALL else "raised_lying"
        why = phrases.reason(event, room=phrases.room(source.room))
        page_by = sources.confirmed_at(report, now) + timedelta(seconds=self._config.timeouts.first_page_s)
        self._occurred(
            source,
            "fall",
            Priority.HIGH,
            why,
            source_id=event_id,
            resident_id=self._config.resident_in(source.room).id,
            by="fall_detector",
            page_by=page_by,
        )

    def _follow(self, key: str, up: bool) -> None:
        """Note that the person of a known event got up, or is down again."""
        alarm = self._ledger.alarms.get(self._ledger.seen[key])
        if alarm is None or alarm.state is AlarmState.RESOLVED:
            return
        source = self._ledger.source(key)
        if up is (source.recovered_at is not None):
            return
        source.recovered_at = self._ledger.now if up else None
        self._ledger.touch_source(alarm, source)
        event = "recovered" if up else "down_again"
        self._ledger.record(alarm, event, "fall_detector", phrases.reason(event))
        if alarm.ok_at and not alarm.down:
            self._end(alarm)

    def heard(self, heard: Heard) -> None:
        """Words of help count at any time; words of distress while a question is open there."""
        residents, room = self._config.residents, clean_text(heard.room)
        one = residents[0] if len(residents) == 1 else None
        resident = self._config.resident_in(room) if room else one
        open_ = (a for a in self._ledger.open_alarms() if a.state is AlarmState.CONFIRMING)
        # What is heard in one resident's room does not speak for another who is being asked.
        asked = [a for a in open_ if resident is None or a.resident_id in (resident.id, "") or a.room == room]
        understood = dialogue.understand(heard.text, self._config.language, 1.0, Question.FALL)
        called = dialogue.calls_for_help(heard.text)
        if asked and (called or understood.intent in (Intent.HELP, Intent.CALL)):
            for alarm in asked:
                self._asker.answered_help(alarm, heard, understood)
        elif called:
            source = sources.of_words(heard, self._ledger.now)
            if source.key not in self._ledger.seen:
                self._occurred(
                    source,
                    "help",
                    Priority.HIGH,
                    phrases.reason("raised_help"),
                    source_id=source.key,
                    resident_id=resident.id if resident else "",
                    by="resident",
                )

    def report(self, request: Raise) -> Reply:
        """Raise what somebody or another program reports."""
        if request.kind not in set(AlarmKind):
            return self._invalid("kind", request.kind, request.by)
        if request.priority not in set(Priority):
            return self._invalid("priority", request.priority, request.by)
        kind, priority = AlarmKind(request.kind), Priority(request.priority)
        if (kind is AlarmKind.TECHNICAL) != (priority is Priority.TECHNICAL):
            why = phrases.refusal("technical_priority")
            return self._refused("", Refusal.INVALID, why, clean_text(request.by))
        now = self._ledger.now
        room, by = clean_text(request.room), clean_text(request.by)
        detail = clean_text(request.reason, MAX_REASON)
        source_id = clean_id(request.source_id) or f"unnamed-{digest(str(now), by, room, detail)}"
        for alarm in self._ledger.open_alarms():
            if any(sources.raised_id(source.key) == source_id for source in alarm.sources):
                if kind is AlarmKind.TECHNICAL and detail:
                    self._hear_more(alarm, by, phrases.reason("raised_reported", detail=detail, by=by or "-"))
                return Reply(alarm.id)
        # A button that is pressed again after its alarm was resolved calls anew.
        keys = (sources.raise_key(source_id, n) for n in itertools.count(1))
        key = next(key for key in keys if key not in self._ledger.seen)
        resident_id = clean_id(request.resident_id) or self._config.resident_in(room).id
        shared = {AlarmKind.FALL: "fall", AlarmKind.LYING: "fall", AlarmKind.HELP: "help"}
        if kind in shared:
            priority = Priority.HIGH
        source = Source(key, kind, "", room, now)
        why = phrases.reason("raised_reported", detail=detail or phrases.KINDS[kind], by=by or "-")
        condition = shared.get(kind, f"raise:{source_id}")
        alarm = self._occurred(
            source, condition, priority, why, source_id=source_id, resident_id=resident_id, by=by
        )
        return Reply(alarm.id)

    def _hear_more(self, alarm: Alarm, by: str, why: Text) -> None:
        """Keep what has changed in a technical trouble, such as that it is over; a human ends the alarm."""
        if alarm.priority is not Priority.TECHNICAL:
            return
        news = [step.reason for step in alarm.history if step.event in ("raised", "reported_again")]
        if news[-1:] != [why] and len(news) <= MAX_NEWS:
            self._ledger.record(alarm, "reported_again", by, why)

    def drill(self, request: Drill) -> Reply:
        """Raise an exercise: paged and escalated like the real thing, apart from it, and marked."""
        by, room = clean_text(request.by), clean_text(request.room)
        if request.kind not in set(AlarmKind):
            return self._invalid("kind", request.kind, by)
        if not by:
            return self._refused("", Refusal.INVALID, phrases.refusal("name_missing"), "")
        kind, now = AlarmKind(request.kind), self._ledger.now
        key = f"drill:{now.isoformat()}:{kind.name.lower()}"
        if key in self._ledger.seen:  # pressed twice
            return Reply(self._ledger.seen[key])
        alarm = self._occurred(
            Source(key, kind, "", room, now),
            f"drill:{kind.name.lower()}",
            DRILL_PRIORITIES.get(kind, Priority.HIGH),
            phrases.reason("raised_drill", by=by),
            source_id=key,
            resident_id=clean_id(request.resident_id) or self._config.resident_in(room).id,
            by=by,
            drill=True,
        )
        return Reply(alarm.id)

    def _invalid(self, field: str, value: int, by: str) -> Reply:
        why = phrases.refusal("unknown_number", field=field, value=value, constants=f"{field.upper()}_*")
        return self._refused("", Refusal.INVALID, why, clean_text(by))

    def technical(self, condition: str, why: Text) -> None:
        """Raise a technical alarm, or count it while the same one is open."""
        now = self._ledger.now
        shared, n = f"technical:{condition}", len(self._ledger.seen)  # time may stand still
        source = Source(f"{shared}@{now.isoformat()}#{n}", AlarmKind.TECHNICAL, "", "", now)
        self._occurred(source, shared, Priority.TECHNICAL, why, source_id=condition, resident_id="", by=BY)

    def _occurred(
        self,
        source: Source,
        condition: str,
        priority: Priority,
        why: Text,
        *,
        source_id: str,
        resident_id: str,
        by: str,
        page_by: datetime | None = None,
        drill: bool = False,
    ) -> Alarm:
        """Raise an alarm or merge into the open one of the same condition; with `page_by`, ask first."""
        ledger = self._ledger
        staff = ledger.present_in(source.room) if priority is Priority.HIGH and not drill else []
        alarm = self.open(condition, resident_id)
        if alarm is None:
            alarm = self._new(source, source_id, condition, priority, resident_id)
            alarm.drill = drill
            ledger.add(alarm, source)
            ledger.record(alarm, "raised", by, why, confidence=_score(source), evidence=source.evidence)
            if staff:
                self._leave_to(staff, alarm, page_by)
            elif page_by is not None:
                alarm.page_by = page_by
                self._asker.ask(alarm, phrases.reason("too_late_to_ask"))
            elif priority is not Priority.LOW:
                self._notify(alarm, why)
            return alarm
        alarm.occurrences += 1
        taken = alarm.state in (AlarmState.ACKNOWLEDGED, AlarmState.ATTENDED)
        if priority is Priority.TECHNICAL:
            ledger.touch(alarm)
            if taken:
                self._raise_again(alarm, by, why)
            elif all(step.reason != why for step in alarm.history):
                ledger.record(alarm, "merged", by, why)
            return alarm
        unnamed = alarm.state is AlarmState.NOTIFIED and _is_elsewhere(source, alarm)
        ledger.add(alarm, source)
        if taken or alarm.ok_at or priority > alarm.priority or unnamed:
            # Whatever was said, taken or paged before did not speak of this event; humans go where it is.
            alarm.priority = max(alarm.priority, priority)
            alarm.room, alarm.event_at = source.room or alarm.room, source.event_at
            self._raise_again(alarm, by, phrases.reason("new_event"))
            return alarm
        why = phrases.reason("merged", n=alarm.occurrences)
        ledger.record(alarm, "merged", by, why, confidence=_score(source), evidence=source.evidence)
        if alarm.page_by is not None and page_by is not None:
            alarm.page_by = min(alarm.page_by, page_by)
        elif alarm.state is AlarmState.CONFIRMING or (alarm.page_by is not None and not staff):
            self._notify(alarm, phrases.reason("reported"))
        return alarm

    def _leave_to(self, staff: list[str], alarm: Alarm, page_by: datetime | None) -> None:
        """Somebody is in the room who has said so: a page waits for a minute, and nobody is asked."""
        wait = timedelta(seconds=self._config.timeouts.presence_page_s)
        until = self._ledger.now + wait
        alarm.page_by = min(until, page_by) if page_by else until
        why = phrases.reason("staff_present", by=", ".join(staff))
        self._ledger.record(alarm, "staff_present", BY, why)

    def open(self, condition: str, resident_id: str) -> Alarm | None:
        """The open alarm that an event belongs to; a call for help belongs to a fall where there is one."""
        found = {a.condition: a for a in self._ledger.open_alarms() if a.resident_id == resident_id}
        return found.get(condition) or (found.get("fall") if condition == "help" else None)

    def _new(
        self, source: Source, source_id: str, condition: str, priority: Priority, resident_id: str
    ) -> Alarm:
        now = self._ledger.now
        resident = self._config.resident(resident_id)
        return Alarm(
            # The same event gets the same id even where the database has lost it.
            id=digest(source.key),
            kind=source.kind,
            priority=priority,
            condition=condition,
            resident_id=resident_id,
            resident_name=resident.name if resident else "",
            room=source.room,
            source_id=source_id,
            event_at=source.event_at,
            raised_at=now,
            updated_at=now,
        )


def _is_elsewhere(source: Source, alarm: Alarm) -> bool:
    """Whether somebody lies in a room that nothing before has named."""
    lies = source.kind in (AlarmKind.FALL, AlarmKind.LYING) and source.recovered_at is None
    return lies and bool(source.room) and all(known.room != source.room for known in alarm.sources)


def _score(source: Source) -> float | None:
    """Confidence of the detector, where the evidence has it."""
    return next((e["value"] for e in json.loads(source.evidence) if e["name"] == "score"), None)
