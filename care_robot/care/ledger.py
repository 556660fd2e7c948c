"""The open alarms and pages in memory, and what one step changes and wants done."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from care_robot.care.alarms import (
    Alarm,
    AlarmState,
    Changes,
    Page,
    Presence,
    Snapshot,
    Source,
    Transition,
    digest,
    to_json,
)
from care_robot.care.audit import AuditAction, AuditRecord
from care_robot.care.effects import Effect, Outcome, Reply
from care_robot.care.text import Text

JITTER = timedelta(seconds=1)
"""A clock that goes back by less stands still for us; by more, deadlines move with it."""


class Ledger:
    """Everything that the engine remembers; each step's changes and effects are collected here.

    Attributes
    ----------
    now
        Time of this step; never goes back by less than `JITTER`.
    alarms
        By id: those not resolved, and those resolved a short time ago.
    pages
        By id: those that are pending, and those of their alarm's newest round.
    page_due
        By id of a pending page: until when its channel must have answered. Not stored: a restart sends again.
    seen
        Alarm id by key of every event that ever raised one.
    presences
        By the name of the member of staff.
    moved_back
        By how much the clock was set back so far, for those who keep times of their own.

    Parameters
    ----------
    version
        Of the program, for the audit log.
    """

    def __init__(self, version: str = "") -> None:
        self._version = version
        self.now = datetime.fromtimestamp(0, timezone.utc)
        self.alarms: dict[str, Alarm] = {}
        self.pages: dict[str, Page] = {}
        self.page_due: dict[str, datetime] = {}
        self.seen: dict[str, str] = {}
        self.presences: dict[str, Presence] = {}
        self.effects: list[Effect] = []
        self.moved_back = timedelta(0)
        self._changes = Changes()
        self._started = False
        self._notes = 0
        self._sources: dict[str, Source] = {}

    def load(self, snapshot: Snapshot) -> None:
        """Go on from what the database knew."""
        self.alarms = {alarm.id: alarm for alarm in snapshot.alarms}
        self.pages = {page.id: page for page in snapshot.pages}
        self.seen = dict(snapshot.seen)
        self._sources = {source.key: source for alarm in snapshot.alarms for source in alarm.sources}
        self.presences = {presence.by: presence for presence in snapshot.presences}
        if snapshot.alarms:
            self.now, self._started = max(alarm.updated_at for alarm in snapshot.alarms), True

    def begin(self, now: datetime) -> None:
        """Start a step. Where the clock was set back, what is left of each deadline stays the same."""
        back = self.now - now if self._started else timedelta(0)
        if timedelta(0) < back <= JITTER:
            now = self.now
        elif back > JITTER:
            self._move_deadlines(back, now)
        self.now, self._started = now, True

    def end(self, reply: Reply) -> Outcome:
        """What the step led to."""
        outcome = Outcome(self._changes, self.effects, reply)
        self._changes, self.effects = Changes(), []
        return outcome

    def source(self, key: str) -> Source:
        """The event of this key, of an alarm that is remembered."""
        return self._sources[key]

    def open_alarms(self) -> Iterator[Alarm]:
        """Those not resolved."""
        return (alarm for alarm in self.alarms.values() if alarm.state is not AlarmState.RESOLVED)

    def add(self, alarm: Alarm, source: Source) -> None:
        """Put an event behind an alarm, new or known."""
        self.alarms[alarm.id] = alarm
        alarm.sources.append(source)
        self.seen[source.key] = alarm.id
        self._sources[source.key] = source
        self.touch(alarm)
        self.touch_source(alarm, source)

    def record(
        self,
        alarm: Alarm,
        event: str,
        by: str,
        reason: Text,
        *,
        confidence: float | None = None,
        evidence: str = "[]",
    ) -> None:
        """Add a step to an alarm's history, in the state that it now has, and to the audit log.

        `confidence` (0 to 1) and `evidence` (JSON) are those of the judgement that led to it.
        """
        self.touch(alarm)
        n = len(alarm.history) + 1
        step = Transition(n, self.now, alarm.state, event, by, reason, to_json(alarm))
        alarm.history.append(step)
        self._changes.transitions[(alarm.id, n)] = step
        human = bool(by) and by in (alarm.acknowledged_by, alarm.attended_by, alarm.resolved_by)
        action = AuditAction.UPDATE if human else AuditAction.EXECUTE
        self.audit(
            f"alarm:{alarm.id}#{n}",
            AuditRecord(
                at=self.now,
                action=AuditAction.CREATE if event == "raised" else action,
                actor=by,
                category=("drill:" if alarm.drill else "") + alarm.kind.name.lower(),
                outcome=f"{event}: {alarm.state.name.lower()}",
                reason=reason,
                resident_id=alarm.resident_id,
                subject=f"{alarm.id}#{n}",
                version=self._version,
                confidence=confidence,
                evidence=evidence,
            ),
        )

    def audit(self, key: str, record: AuditRecord) -> None:
        """Add a record to the audit log; the same `key` is one record, however often it is stored."""
        self._changes.audit[key] = record

    def note(self, record: AuditRecord) -> None:
        """Add a record that has no key of its own: the same content at the same time is one record."""
        self._notes += 1
        self.audit(f"note:{digest(repr(record), str(self._notes))}", record)

    def touch(self, alarm: Alarm) -> None:
        """Note that an alarm has changed."""
        alarm.updated_at = self.now
        self._changes.alarms[alarm.id] = alarm

    def touch_source(self, alarm: Alarm, source: Source) -> None:
        """Note that an event has changed."""
        self._changes.sources[source.key] = (alarm.id, source)

    def touch_page(self, page: Page) -> None:
        """Note that a page is new or has changed."""
        self.pages[page.id] = page
        self._changes.pages[page.id] = page

    def set_presence(self, presence: Presence) -> None:
        """Note where a member of staff is, or until when they were."""
        self.presences[presence.by] = presence
        self._changes.presences[presence.by] = presence

    def present_in(self, room: str) -> list[str]:
        """Names of the staff who are in a room now."""
        here = (p for p in self.presences.values() if p.room == room and p.since <= self.now < p.until)
        return [presence.by for presence in here]

    def pages_of(self, alarm: Alarm) -> list[Page]:
        """The pages of an alarm that are remembered."""
        return [page for page in self.pages.values() if page.alarm_id == alarm.id]

    def forget(self, alarm: Alarm) -> None:
        """Let go of an alarm that was resolved some time ago."""
        alarm.deadline_at = None
        self.touch(alarm)
        del self.alarms[alarm.id]
        for source in alarm.sources:
            self._sources.pop(source.key, None)
        for page in self.pages_of(alarm):
            self.forget_page(page)

    def forget_page(self, page: Page) -> None:
        """Let go of a page that is settled."""
        self.pages.pop(page.id, None)
        self.page_due.pop(page.id, None)

    def _move_deadlines(self, back: timedelta, now: datetime) -> None:
        for alarm in self.alarms.values():
            alarm.deadline_at = alarm.deadline_at and alarm.deadline_at - back
            alarm.page_by = alarm.page_by and alarm.page_by - back
            alarm.audio_paused_until = alarm.audio_paused_until and alarm.audio_paused_until - back
            alarm.updated_at = now  # or a restart would take the clock for set back once more
            self._changes.alarms[alarm.id] = alarm
        self.page_due = {page_id: due - back for page_id, due in self.page_due.items()}
        for presence in self.presences.values():
            moved = replace(presence, since=presence.since - back, until=presence.until - back)
            self._changes.presences[presence.by] = moved
        self.presences |= self._changes.presences
        self.moved_back += back
