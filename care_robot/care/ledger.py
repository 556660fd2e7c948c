"""The open alarms and pages in memory, and what one step changes and wants done."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from care_robot.care.alarms import Alarm, AlarmState, Changes, Page, Snapshot, Source, Transition
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
    """

    def __init__(self) -> None:
        self.now = datetime.fromtimestamp(0, timezone.utc)
        self.alarms: dict[str, Alarm] = {}
        self.pages: dict[str, Page] = {}
        self.page_due: dict[str, datetime] = {}
        self.seen: dict[str, str] = {}
        self.effects: list[Effect] = []
        self._changes = Changes()
        self._started = False

    def load(self, snapshot: Snapshot) -> None:
        """Go on from what the database knew."""
        self.alarms = {alarm.id: alarm for alarm in snapshot.alarms}
        self.pages = {page.id: page for page in snapshot.pages}
        self.seen = dict(snapshot.seen)
        if snapshot.alarms:
            self.now, self._started = max(alarm.updated_at for alarm in snapshot.alarms), True

    def begin(self, now: datetime) -> None:
        """Start a step. Where the clock was set back, what is left of each deadline stays the same."""
        back = self.now - now if self._started else timedelta(0)
        if timedelta(0) < back <= JITTER:
            now = self.now
        elif back > JITTER:
            self._move_deadlines(back)
        self.now, self._started = now, True

    def end(self, reply: Reply) -> Outcome:
        """What the step led to."""
        outcome = Outcome(self._changes, self.effects, reply)
        self._changes, self.effects = Changes(), []
        return outcome

    def open_alarms(self) -> Iterator[Alarm]:
        """Those not resolved."""
        return (alarm for alarm in self.alarms.values() if alarm.state is not AlarmState.RESOLVED)

    def add(self, alarm: Alarm, source: Source) -> None:
        """Put an event behind an alarm, new or known."""
        self.alarms[alarm.id] = alarm
        alarm.sources.append(source)
        self.seen[source.key] = alarm.id
        self.touch(alarm)
        self.touch_source(alarm, source)

    def record(self, alarm: Alarm, event: str, by: str, reason: Text) -> None:
        """Add a step to an alarm's history, in the state that it now has."""
        step = Transition(len(alarm.history) + 1, self.now, alarm.state, event, by, reason)
        alarm.history.append(step)
        self._changes.transitions[(alarm.id, step.n)] = step
        self.touch(alarm)

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

    def pages_of(self, alarm: Alarm) -> list[Page]:
        """The pages of an alarm that are remembered."""
        return [page for page in self.pages.values() if page.alarm_id == alarm.id]

    def forget(self, alarm: Alarm) -> None:
        """Let go of an alarm that was resolved some time ago."""
        alarm.deadline_at = None
        self.touch(alarm)
        del self.alarms[alarm.id]
        for page in self.pages_of(alarm):
            self.forget_page(page)

    def forget_page(self, page: Page) -> None:
        """Let go of a page that is settled."""
        self.pages.pop(page.id, None)
        self.page_due.pop(page.id, None)

    def _move_deadlines(self, back: timedelta) -> None:
        for alarm in self.alarms.values():
            if alarm.deadline_at or alarm.page_by:
                alarm.deadline_at = alarm.deadline_at and alarm.deadline_at - back
                alarm.page_by = alarm.page_by and alarm.page_by - back
                self._changes.alarms[alarm.id] = alarm
        self.page_due = {page_id: due - back for page_id, due in self.page_due.items()}
