"""Stores first, then acts: the engine and the database as one."""

from datetime import datetime, timedelta
from typing import Protocol

from care_robot.care.alarms import Changes, Snapshot
from care_robot.care.effects import Outcome, PublishAlarms
from care_robot.care.engine import CareEngine
from care_robot.care.inputs import Input, StorageFailed

RETRY = timedelta(seconds=5)


class StorageError(Exception):
    """The database did not take, or give, what it should; the message says why."""


class Storage(Protocol):
    """What keeps alarms over a restart."""

    def save(self, changes: Changes) -> None:
        """Keep all of `changes` or none; StorageError where that failed. Saving twice does no harm."""


class AlarmKeeper:
    """Runs the engine; no effect leaves before what led to it was offered to the database.

    Where the database does not take them, the alarm is handled from memory all the same, and storing is tried
    again every few seconds.
    """

    def __init__(self, engine: CareEngine, storage: Storage) -> None:
        self._engine = engine
        self._storage = storage
        self._unsaved = Changes()
        self._retry_at: datetime | None = None

    @property
    def unsaved(self) -> bool:
        """Whether anything at all is not in the database."""
        return bool(self._unsaved)

    @property
    def unstored(self) -> frozenset[str]:
        """Ids of the alarms of which the database lacks something."""
        changes = self._unsaved
        of_parts = [alarm_id for alarm_id, _ in [*changes.sources.values(), *changes.transitions]]
        return frozenset([*changes.alarms, *of_parts, *(p.alarm_id for p in changes.pages.values())])

    def start(self, now: datetime, snapshot: Snapshot) -> Outcome:
        """Go on where the last run stopped."""
        return self._finish(now, self._engine.restore(now, snapshot), publish=True)

    def handle(self, now: datetime, item: Input) -> Outcome:
        """Take one input; the effects of the outcome may be carried out."""
        return self._finish(now, self._engine.handle(now, item))

    def close(self) -> None:
        """Offer once more what is not stored; nothing else can be done for it."""
        if self._unsaved:
            self._storage.save(self._unsaved)

    def next_deadline(self) -> datetime | None:
        """When `handle` must be called with a Tick at the latest."""
        deadlines = [d for d in (self._engine.next_deadline(), self._retry_at) if d]
        return min(deadlines, default=None)

    def _finish(self, now: datetime, outcome: Outcome, *, publish: bool = False) -> Outcome:
        before = self.unstored
        self._unsaved.add(outcome.changes)
        # While the database is locked or full, each attempt may take long: not one for every input.
        due = now >= self._retry_at if self._retry_at is not None else bool(outcome.changes)
        if due:
            self._save(now, outcome)
        if self._retry_at is not None and self._retry_at - now > RETRY:
            self._retry_at = now + RETRY  # the clock was set back
        if publish or outcome.changes or self.unstored != before:
            outcome.effects.append(PublishAlarms(self._engine.alarms(), self.unstored))
        return outcome

    def _save(self, now: datetime, outcome: Outcome) -> None:
        try:
            self._storage.save(self._unsaved)
        except StorageError as error:
            if self._retry_at is None:
                failed = self._engine.handle(now, StorageFailed(str(error)))
                self._unsaved.add(failed.changes)
                outcome.changes.add(failed.changes)
                outcome.effects += failed.effects
            self._retry_at = now + RETRY
        else:
            self._unsaved, self._retry_at = Changes(), None
