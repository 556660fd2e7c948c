"""The care engine: every decision about alarms, without threads, ROS, files or a clock of its own.

It is driven by `handle(now, input)` and answers with what changed, which must be stored first, and with what
is to be done. Nothing here waits: whatever does not come is settled by a deadline.
"""

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta

from care_robot.care import dialogue, phrases, sources
from care_robot.care.alarms import (
    MAX_REASON,
    Alarm,
    AlarmKind,
    AlarmState,
    PageState,
    Priority,
    Snapshot,
    Source,
    clean_id,
    clean_text,
    digest,
)
from care_robot.care.asking import Asker
from care_robot.care.config import CareConfig
from care_robot.care.effects import Outcome, Refusal, Reply
from care_robot.care.inputs import (
    Acknowledge,
    AskEnded,
    Attend,
    FallReport,
    FallsSeen,
    FallState,
    Heard,
    Input,
    PageEnded,
    Raise,
    Resolve,
    StorageFailed,
)
from care_robot.care.ledger import Ledger
from care_robot.care.pager import BY, Pager, channel_id, needs_somebody_there
from care_robot.care.text import Text

SHOWN_AFTER_END = timedelta(hours=1)
"""How long a resolved alarm stays in the list."""


class CareEngine:
    """Raises alarms, asks the resident, pages humans tier by tier, and never ends an alarm on a guess.

    Parameters
    ----------
    config
        Residents, contacts and time-outs.
    """

    def __init__(self, config: CareConfig) -> None:
        self._config = config
        self._ledger = Ledger()
        self._pager = Pager(config, self._ledger)
        self._asker = Asker(config, self._ledger, self._notify, self._end_by_resident)

    def restore(self, now: datetime, snapshot: Snapshot) -> Outcome:
        """Go on where the database says that the last run stopped."""
        self._ledger.load(snapshot)
        self._ledger.begin(now)
        self._pager.resume()
        for alarm in list(self._ledger.open_alarms()):
            if alarm.state is AlarmState.CONFIRMING and alarm.ok_at is None:
                self._asker.ask_again_after_restart(alarm)
        self._act_on_deadlines()
        return self._ledger.end(Reply())

    def handle(self, now: datetime, item: Input) -> Outcome:
        """Take one input at time `now` (aware UTC); changes must be stored before effects are carried out."""
        self._ledger.begin(now)
        reply = self._take(item)
        self._act_on_deadlines()
        return self._ledger.end(reply)

    def next_deadline(self) -> datetime | None:
        """When `handle` must be called with a Tick at the latest."""
        deadlines = [d for a in self._ledger.alarms.values() for d in (a.deadline_at, a.page_by) if d]
        return min([*deadlines, *self._ledger.page_due.values()], default=None)

    def alarms(self) -> tuple[Alarm, ...]:
        """Those not resolved, and those resolved in the last hour, newest first."""
        return tuple(sorted(self._ledger.alarms.values(), key=lambda a: (a.raised_at, a.id), reverse=True))

    def _take(self, item: Input) -> Reply:
        match item:
            case FallsSeen(reports):
                for report in reports:
                    self._fall(report)
            case Heard():
                self._heard(item)
            case AskEnded():
                self._asker.ended(item)
            case PageEnded():
                self._page_ended(item)
            case Raise():
                return self._raise(item)
            case Acknowledge(alarm_id, by):
                return self._by_human(alarm_id, by, self._acknowledge)
            case Attend(alarm_id, by):
                return self._by_human(alarm_id, by, self._attend)
            case Resolve(alarm_id, by, why):
                given = clean_text(why, MAX_REASON)
                if not given and clean_text(by):
                    return Reply(alarm_id, Refusal.REASON_MISSING, "Give the reason why the alarm is over.")
                return self._by_human(alarm_id, by, lambda alarm, name: self._resolve(alarm, name, given))
            case StorageFailed(problem):
                self._technical("database", phrases.reason("database_down", detail=clean_text(problem, 300)))
            case _:
                pass
        return Reply()

    # Events -----------------------------------------------------------------------------------------

    def _fall(self, report: FallReport) -> None:
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
        source = next(s for s in alarm.sources if s.key == key)
        if up is (source.recovered_at is not None):
            return
        source.recovered_at = self._ledger.now if up else None
        self._ledger.touch_source(alarm, source)
        event = "recovered" if up else "down_again"
        self._ledger.record(alarm, event, "fall_detector", phrases.reason(event))
        if alarm.ok_at and not alarm.down:
            self._end_by_resident(alarm)

    def _heard(self, heard: Heard) -> None:
        """Words of help count at any time; words of distress while a question is open."""
        asked = [a for a in self._ledger.open_alarms() if a.state is AlarmState.CONFIRMING]
        called = dialogue.calls_for_help(heard.text)
        in_distress = called or dialogue.classify(heard.text, "ko") is dialogue.Meaning.HELP
        if asked and in_distress:
            for alarm in asked:
                self._asker.answered_help(alarm, heard)
        elif called:
            residents = self._config.residents
            resident_id = residents[0].id if len(residents) == 1 else ""
            source = sources.of_words(heard, self._ledger.now)
            if source.key not in self._ledger.seen:
                self._occurred(
                    source,
                    "help",
                    Priority.HIGH,
                    phrases.reason("raised_help"),
                    source_id=source.key,
                    resident_id=resident_id,
                    by="resident",
                )

    def _raise(self, request: Raise) -> Reply:
        kinds, priorities = {k.value for k in AlarmKind}, {p.value for p in Priority}
        if request.kind not in kinds:
            return _invalid(f"kind is {request.kind}; it must be one of Alarm.KIND_*.")
        if request.priority not in priorities:
            return _invalid(f"priority is {request.priority}; it must be one of Alarm.PRIORITY_*.")
        kind, priority = AlarmKind(request.kind), Priority(request.priority)
        if (kind is AlarmKind.TECHNICAL) != (priority is Priority.TECHNICAL):
            return _invalid("priority must be technical for a technical alarm, and only for one.")
        now = self._ledger.now
        room, by = clean_text(request.room), clean_text(request.by)
        detail = clean_text(request.reason, MAX_REASON)
        source_id = clean_id(request.source_id) or f"unnamed-{digest(str(now), by, room, detail)}"
        for alarm in self._ledger.open_alarms():
            if any(sources.raised_id(source.key) == source_id for source in alarm.sources):
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
        self._occurred(source, condition, priority, why, source_id=source_id, resident_id=resident_id, by=by)
        return Reply(self._ledger.seen[key])

    def _technical(self, condition: str, why: Text) -> None:
        """Raise a technical alarm, or count it while the same one is open."""
        now = self._ledger.now
        source = Source(f"technical:{condition}@{now.isoformat()}", AlarmKind.TECHNICAL, "", "", now)
        shared = f"technical:{condition}"
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
    ) -> None:
        """Raise an alarm or merge into the open one of the same condition; with `page_by`, ask first."""
        ledger = self._ledger
        alarm = self._open(condition, resident_id)
        if alarm is None:
            alarm = self._new(source, source_id, condition, priority, resident_id)
            ledger.add(alarm, source)
            ledger.record(alarm, "raised", by, why)
            if page_by is not None:
                alarm.page_by = page_by
                self._asker.ask(alarm, phrases.reason("too_late_to_ask"))
            elif priority is not Priority.LOW:
                self._notify(alarm, why)
            return
        alarm.occurrences += 1
        if priority is Priority.TECHNICAL:
            ledger.touch(alarm)
            return
        ledger.add(alarm, source)
        taken = alarm.state in (AlarmState.ACKNOWLEDGED, AlarmState.ATTENDED)
        if taken or alarm.ok_at or priority > alarm.priority:
            # Whatever was said or taken before did not speak of this event.
            alarm.priority = max(alarm.priority, priority)
            self._raise_again(alarm, by, phrases.reason("new_event"))
            return
        ledger.record(alarm, "merged", by, phrases.reason("merged", n=alarm.occurrences))
        if alarm.state is AlarmState.CONFIRMING:
            if page_by is None:
                self._notify(alarm, phrases.reason("reported"))
            elif alarm.page_by is not None:
                alarm.page_by = min(alarm.page_by, page_by)

    def _open(self, condition: str, resident_id: str) -> Alarm | None:
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

    # Humans -----------------------------------------------------------------------------------------

    def _by_human(self, alarm_id: str, by: str, act: Callable[[Alarm, str], None]) -> Reply:
        name, alarm = clean_text(by), self._ledger.alarms.get(alarm_id)
        if not name:
            return Reply(alarm_id, Refusal.NAME_MISSING, "Give the name of the person who does this.")
        if alarm is None:
            sentence = f"No alarm '{clean_text(alarm_id)}' is open; list them to see the ids."
            return Reply(alarm_id, Refusal.UNKNOWN_ALARM, sentence)
        if alarm.state is AlarmState.RESOLVED:
            sentence = f"The alarm {alarm.id} was already resolved by {alarm.resolved_by}."
            return Reply(alarm_id, Refusal.ALREADY_RESOLVED, sentence)
        self._asker.stop(alarm)
        self._pager.withdraw(alarm)
        alarm.ok_at = alarm.page_by = None
        act(alarm, name)
        return Reply(alarm_id)

    def _acknowledge(self, alarm: Alarm, name: str) -> None:
        now = self._ledger.now
        alarm.acknowledged_by, alarm.acknowledged_at = name, now
        if alarm.state is not AlarmState.ATTENDED:
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

    def _resolve(self, alarm: Alarm, name: str, why: str) -> None:
        self._end(alarm, name, why, phrases.reason("resolved", by=name, detail=why))

    def _end_by_resident(self, alarm: Alarm) -> None:
        """The one way that an alarm ends without a named carer: an explicit OK, and up again."""
        why = phrases.reason("resolved_ok")
        self._end(alarm, alarm.resident_name or "resident", f"{why.ko} {why.en}", why)

    def _end(self, alarm: Alarm, by: str, resolution: str, why: Text) -> None:
        now = self._ledger.now
        alarm.state = AlarmState.RESOLVED
        alarm.resolved_by, alarm.resolved_at, alarm.resolution = by, now, resolution
        alarm.page_by, alarm.deadline_at = None, now + SHOWN_AFTER_END
        self._ledger.record(alarm, "resolved", by, why)

    # Pages and deadlines ----------------------------------------------------------------------------

    def _page_ended(self, ended: PageEnded) -> None:
        page = self._ledger.pages.get(ended.page_id)
        if page is None or page.state not in (PageState.PENDING, PageState.FAILED):
            return
        if ended.delivered:  # however late
            self._pager.delivered(page)
            return
        if ended.channel != page.channel or page.state is PageState.FAILED:
            return
        detail = f"{page.contact_id}/{self._pager.channel_name(page)}"
        channel = channel_id(page.contact_id, page.channel)
        self._pager.failed(page)
        why = phrases.reason("channel_down", detail=f"{detail} ({clean_text(ended.problem) or '-'})")
        self._technical(channel, why)

    def _act_on_deadlines(self) -> None:
        for page in self._pager.overdue():
            self._page_ended(PageEnded(page.id, page.channel, False, "no result in time"))
        for alarm in list(self._ledger.alarms.values()):
            self._due(alarm)

    def _due(self, alarm: Alarm) -> None:
        now = self._ledger.now
        over = alarm.deadline_at is not None and alarm.deadline_at <= now
        if alarm.page_by is not None and alarm.page_by <= now:
            self._notify(alarm, phrases.reason("deadline"))
        elif not over:
            return
        elif alarm.state is AlarmState.RESOLVED:
            self._ledger.forget(alarm)
        elif alarm.state is AlarmState.NOTIFIED:
            self._pager.next_tier(alarm, "not_acknowledged")
        elif alarm.ok_at is not None:
            alarm.priority = Priority.MEDIUM
            self._notify(alarm, phrases.reason("not_recovered"))
        elif alarm.state is AlarmState.CONFIRMING:
            self._asker.failed(alarm)
        else:
            self._raise_again(alarm, BY, phrases.reason("not_attended", by=alarm.acknowledged_by))

    def _raise_again(self, alarm: Alarm, by: str, why: Text) -> None:
        """Start again at tier 1; who took it before is still in the history."""
        self._asker.stop(alarm)
        alarm.state = AlarmState.RAISED
        alarm.acknowledged_by = alarm.attended_by = ""
        alarm.acknowledged_at = alarm.attended_at = None
        self._ledger.record(alarm, "raised_again", by, why)
        self._notify(alarm, why)

    def _notify(self, alarm: Alarm, why: Text) -> None:
        self._asker.stop(alarm)
        first = alarm.rounds == 0 and alarm.kind in (AlarmKind.FALL, AlarmKind.LYING, AlarmKind.HELP)
        self._pager.notify(alarm, why)
        if first:
            self._asker.tell(alarm, phrases.TOLD_PAGED)


def _invalid(sentence: str) -> Reply:
    return Reply("", Refusal.INVALID, sentence)
