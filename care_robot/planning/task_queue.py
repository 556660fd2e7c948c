"""The queue of tasks: one runs, the others wait; a more urgent one interrupts.

Time is passed in, and a storage keeps every change before anything is done about it.
"""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from care_robot.care.alarms import MAX_REASON, clean_text
from care_robot.care.text import NO_TEXT, Text
from care_robot.planning import task_texts as texts
from care_robot.planning.task_check import cleaned
from care_robot.planning.tasks import (
    CancelCode,
    Decision,
    Preempt,
    Priority,
    Refusal,
    Reply,
    Start,
    StopRunning,
    StorageError,
    SubmitCode,
    Task,
    TaskChanges,
    TaskErrorCode,
    TaskEvent,
    TaskKind,
    TaskRecord,
    TaskSnapshot,
    TaskState,
    TaskStorage,
)

MAX_OPEN = 100
MAX_ENDED_SHOWN = 100
SHOWN = timedelta(hours=1)
MAX_WAIT_S = 3600.0
"""A task ends that has waited for so long in all; an alarm response ends with its alarm instead."""
MAX_INTERRUPTIONS = 5
"""After more, a task is given back; an alarm response never is."""
MAX_DOWN = timedelta(minutes=5)
"""After more, tasks of before are given back: a robot that is switched on does not drive off.

So they are where the clock stands before them: without its own clock, a robot wakes up in the past.
"""
MAX_GAP_S = 60.0
"""A longer time between two calls is a clock that was set, and counts as this."""
WRITE_EVERY = timedelta(seconds=10)
"""How often the running task is written down while nothing happens: what a restart goes by."""
RETRY = timedelta(seconds=5)

_END_STATES = {TaskErrorCode.NONE: TaskState.SUCCEEDED, TaskErrorCode.CANCELED: TaskState.CANCELED}


class TaskQueue:
    """Which task runs, and how each stands.

    The runner asks `next` on every tick and does as told, carries out one task at a time, and reports with
    `progress` and `ended`. Preempt and StopRunning are repeated on every call until it has reported the end:
    being told again is no new order. A clean-up must end by itself within a bounded time.

    Every method stores its changes before it returns. Where the storage fails, a new task is refused, unless
    it responds to an alarm; everything else goes on in memory and is stored later.

    Parameters
    ----------
    storage
        Keeps the changes.
    check
        Judges a new task: `task_check.check` with what this robot can do and the places that it knows.
    now
        Timezone-aware UTC, here and in every method.
    snapshot
        What the storage knew. A task that ran when the last process ended is INTERRUPTED and goes on, or is
        given back; one whose end had been ordered ends.
    new_id
        Makes the id of a task that came without.
    """

    def __init__(
        self,
        storage: TaskStorage,
        check: Callable[[Task], Refusal | None],
        now: datetime,
        snapshot: TaskSnapshot | None = None,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
        *,
        same_boot: bool = True,
    ) -> None:
        snapshot = snapshot or TaskSnapshot()
        self.version = 0
        """Grows with every change that `tasks` shows: publish when it differs."""
        self.problem = ""
        """Why the storage does not take the tasks; empty while it does."""
        self._storage, self._check, self._new_id = storage, check, new_id
        self._records = {record.task.id: record for record in snapshot.records}
        self._ids = {*snapshot.ids, *self._records}
        self._seq = max((record.seq for record in snapshot.records), default=0)
        self._running: TaskRecord | None = None
        self._preempting = ""
        self._stopped = False
        self._counted_at = now
        self._unsaved = TaskChanges()
        self._retry_at: datetime | None = None
        self._restore(now, same_boot)

    def submit(self, now: datetime, task: Task) -> Reply:
        """Take a task, or refuse it with a sentence; an id that is known changes nothing and is granted."""
        self._count(now)
        refusal = self._check(task)
        if refusal:
            return Reply(task.id, refusal.code, refusal.sentence, refusal.error)
        if task.id in self._ids:
            return Reply(task.id, SubmitCode.NONE, texts.KNOWN)
        if task.priority < Priority.ALARM:
            if self._stopped and TaskKind(task.kind).moves:
                return Reply(task.id, SubmitCode.UNAVAILABLE, texts.STOP_LATCHED, TaskErrorCode.STOPPED)
            if len(self._open()) >= MAX_OPEN:
                return Reply(task.id, SubmitCode.UNAVAILABLE, texts.full(MAX_OPEN), TaskErrorCode.PREEMPTED)
        task = cleaned(replace(task, id=task.id or self._new_id()))
        self._seq += 1
        record = TaskRecord(task, self._seq, now, now)
        self._records[task.id] = record
        self._ids.add(task.id)
        self._note(now, record, "submitted", task.by, texts.SUBMITTED)
        self._save(now, at_once=True)
        if self.problem and task.priority < Priority.ALARM:
            self._forget(task.id)
            sentence = texts.not_stored(self.problem)
            return Reply(task.id, SubmitCode.NOT_STORED, sentence, TaskErrorCode.NOT_CAPABLE)
        return Reply(task.id, SubmitCode.NONE, texts.SUBMITTED)

    def cancel(self, now: datetime, task_id: str, by: str, reason: str) -> Reply:
        """End a task in somebody's name: at once where it waits, when the robot is at rest where it runs."""
        self._count(now)
        record, by, reason = self._records.get(task_id), clean_text(by), clean_text(reason, MAX_REASON)
        if not by:
            return Reply(task_id, CancelCode.NAME_MISSING, texts.NAME_MISSING)
        if record is None and task_id not in self._ids:
            return Reply(task_id, CancelCode.UNKNOWN_TASK, texts.unknown(clean_text(task_id, 50)))
        if record is None or record.state.over:
            return Reply(task_id, CancelCode.ALREADY_ENDED, texts.ALREADY_ENDED)
        if record.task.kind == TaskKind.RESPOND_TO_FALL:
            return Reply(task_id, CancelCode.REFUSED, texts.ENDS_WITH_ALARM)
        sentence = texts.canceled(by, reason)
        self._order_end(now, record, TaskErrorCode.CANCELED, by, sentence)
        self._save(now)
        return Reply(task_id, CancelCode.NONE, sentence)

    def end_response(self, now: datetime, alarm_id: str, why: Text) -> None:
        """End every response to this alarm as SUCCEEDED: it was attended or resolved. Any number of times."""
        self._count(now)
        for record in self._open():
            if record.task.kind == TaskKind.RESPOND_TO_FALL and record.task.alarm_id == alarm_id:
                self._order_end(now, record, TaskErrorCode.NONE, "", why)
        self._save(now)

    def stopped(self, now: datetime, by: str, why: Text = NO_TEXT) -> None:
        """A stop is latched: all below ALARM priority ends as STOPPED. Any number of times."""
        self._count(now)
        if self._stopped:
            return
        self._stopped = True
        by, sentence = clean_text(by), texts.stopped(_cleaned(why))
        for record in self._open():
            if record.task.priority < Priority.ALARM:
                self._order_end(now, record, TaskErrorCode.STOPPED, by, sentence)
        self._save(now)

    def released(self, now: datetime) -> None:
        """The stop was reset: alarm responses go on. Any number of times."""
        self._count(now)
        self._stopped = False

    def next(self, now: datetime) -> Decision | None:
        """What the runner must do now; None for nothing new."""
        self._count(now)
        self._end_what_waits_too_long(now)
        decision = self._start_best(now) if self._running is None else self._judge_running(now, self._running)
        self._save(now)
        return decision

    def progress(
        self, now: datetime, task_id: str, step: Text, arrived: bool, visited: int | None = None
    ) -> None:
        """What the running task does now; only what differs from before is stored. Others are ignored."""
        record = self._running
        if record is None or record.task.id != task_id:
            return
        self._count(now)
        step = _cleaned(step)
        done = min(len(record.task.places), max(record.visited, visited or 0))
        if (step, arrived, done) == (record.step, record.arrived, record.visited):
            return
        event = "arrived" if arrived and not record.arrived else "step"
        record.step, record.arrived, record.visited = step, arrived, done
        self._note(now, record, event, "", step)
        self._save(now)

    def ended(self, now: datetime, task_id: str, outcome: TaskErrorCode, sentence: Text) -> None:
        """The running task is at rest. NONE is success; PREEMPTED means that it goes on later, where it can.

        Where the queue had ordered its end (StopRunning), the order decides, unless the task had succeeded
        before. An alarm response that a stop has halted goes on when the stop is released.
        """
        record = self._running
        if record is None or record.task.id != task_id:
            return
        self._count(now)
        ordered, self._running = record.ending, None
        if ordered is not None and outcome is not TaskErrorCode.NONE:
            self._end(now, record, ordered, "", record.reason)
        elif outcome is TaskErrorCode.PREEMPTED:
            urgent = self._records.get(self._preempting)
            self._interrupt(now, record, texts.interrupted(urgent.task) if urgent else _cleaned(sentence))
        elif outcome is TaskErrorCode.STOPPED and record.task.priority >= Priority.ALARM:
            self._interrupt(now, record, texts.HALTED)
        else:
            self._end(now, record, outcome, "", _cleaned(sentence))
        self._preempting = ""
        self._save(now)

    def tasks(self, now: datetime) -> tuple[TaskRecord, ...]:
        """Every open task in the order of execution, then those that ended in the last hour, newest first."""
        ended = [r for r in self._records.values() if r.ended_at is not None]
        ended.sort(key=lambda r: (r.ended_at, r.seq), reverse=True)
        for n, record in enumerate(ended):
            if n >= MAX_ENDED_SHOWN or (record.ended_at and now - record.ended_at > SHOWN):
                del self._records[record.task.id]
        ended = [record for record in ended if record.task.id in self._records]
        return tuple(replace(record) for record in [*self._open(), *ended])

    def record(self, task_id: str) -> TaskRecord | None:
        """One task that is open or ended in the last hour."""
        record = self._records.get(task_id)
        return replace(record) if record else None

    # What runs ---------------------------------------------------------------------------------------

    def _judge_running(self, now: datetime, record: TaskRecord) -> Decision | None:
        if record.ending is None and not self._preempting and record.ran_s > record.task.time_limit_s:
            self._order_end(now, record, TaskErrorCode.TIME_LIMIT, "", texts.time_limit(record.task))
        if record.ending is not None:
            return StopRunning(record.task.id, record.ending, record.reason)
        best = self._best()
        if best is not None and best.task.priority > record.task.priority:
            self._preempting = best.task.id
        if self._preempting:
            return Preempt(record.task.id, self._preempting)
        if now - record.updated_at >= WRITE_EVERY:
            record.updated_at = now
            self._unsaved.records[record.task.id] = record
        return None

    def _start_best(self, now: datetime) -> Start | None:
        record = self._best()
        if record is None:
            return None
        resumed = record.started_at is not None
        record.state, self._running = TaskState.RUNNING, record
        record.started_at = record.started_at or now
        event = "resumed" if resumed else "started"
        self._note(now, record, event, "", texts.RESUMED if resumed else texts.STARTED)
        return Start(record.task, resumed, record.visited)

    def _open(self) -> list[TaskRecord]:
        """Tasks that have not ended, in the order of execution."""
        records = [record for record in self._records.values() if not record.state.over]
        return sorted(records, key=lambda r: (r is not self._running, -r.task.priority, r.seq))

    def _best(self) -> TaskRecord | None:
        """The task to run next; while a stop is latched, none that moves."""
        waiting = (r for r in self._open() if r is not self._running)
        return next((r for r in waiting if not (self._stopped and TaskKind(r.task.kind).moves)), None)

    # How tasks change --------------------------------------------------------------------------------

    def _restore(self, now: datetime, same_boot: bool) -> None:
        """Take up what the last process left; after a power cut, alarm responses alone."""
        written = max((record.updated_at for record in self._records.values()), default=now)
        was_off = not same_boot or abs(now - written) > MAX_DOWN
        for record in self._open():
            if record.ending is not None:
                self._end(now, record, record.ending, "", record.reason)
            elif was_off and record.task.kind != TaskKind.RESPOND_TO_FALL:
                self._end(now, record, TaskErrorCode.PREEMPTED, "", texts.WAS_OFF)
            elif record.state is TaskState.RUNNING:
                self._interrupt(now, record, texts.RESTARTED)
        self._save(now)

    def _count(self, now: datetime) -> None:
        """Add the time since the last call to what runs and waits."""
        passed_s = min(MAX_GAP_S, max(0.0, (now - self._counted_at).total_seconds()))
        self._counted_at = now
        for record in self._records.values():
            if record is not self._running:
                record.waited_s += 0.0 if record.state.over else passed_s
            elif not self._stopped:
                record.ran_s += passed_s

    def _end_what_waits_too_long(self, now: datetime) -> None:
        for record in self._open():
            waits = record is not self._running and record.task.kind != TaskKind.RESPOND_TO_FALL
            if waits and record.waited_s > MAX_WAIT_S:
                begun = record.state is TaskState.INTERRUPTED
                code = TaskErrorCode.PREEMPTED if begun else TaskErrorCode.TIME_LIMIT
                self._end(now, record, code, "", texts.waited(MAX_WAIT_S, begun=begun))

    def _order_end(self, now: datetime, record: TaskRecord, code: TaskErrorCode, by: str, why: Text) -> None:
        """End a task that waits; of one that runs, order the end. A stop comes before every other order."""
        if record is not self._running:
            self._end(now, record, code, by, why)
        elif record.ending is None or (code is TaskErrorCode.STOPPED and record.ending is not code):
            record.ending = code
            self._note(now, record, "ending", by, why)

    def _interrupt(self, now: datetime, record: TaskRecord, why: Text) -> None:
        record.interruptions += 1
        record.arrived, record.step = False, NO_TEXT
        kind = TaskKind(record.task.kind)
        often = record.interruptions > MAX_INTERRUPTIONS and kind is not TaskKind.RESPOND_TO_FALL
        if often or not kind.resumes:
            self._end(now, record, TaskErrorCode.PREEMPTED, "", texts.given_back(why))
        else:
            record.state = TaskState.INTERRUPTED
            self._note(now, record, "interrupted", "", why)

    def _end(self, now: datetime, record: TaskRecord, code: TaskErrorCode, by: str, why: Text) -> None:
        record.state, record.error = _END_STATES.get(code, TaskState.FAILED), code
        record.ended_at, record.ending, record.step = now, None, NO_TEXT
        self._note(now, record, "ended", by, why)

    # What is kept ------------------------------------------------------------------------------------

    def _note(self, now: datetime, record: TaskRecord, event: str, by: str, reason: Text) -> None:
        record.reason, record.updated_at = reason, now
        record.events += 1
        task_id = record.task.id
        self._unsaved.records[task_id] = record
        self._unsaved.events.append(TaskEvent(task_id, record.events, now, record.state, event, by, reason))
        self.version += 1

    def _save(self, now: datetime, *, at_once: bool = False) -> None:
        waits = self._retry_at is not None and now < self._retry_at <= now + RETRY
        if not self._unsaved or (waits and not at_once):
            return
        try:
            self._storage.save(self._unsaved)
        except StorageError as error:
            self.problem, self._retry_at = str(error), now + RETRY
        else:
            self._unsaved, self.problem, self._retry_at = TaskChanges(), "", None

    def _forget(self, task_id: str) -> None:
        """Undo a submission that could not be stored."""
        del self._records[task_id], self._unsaved.records[task_id]
        self._ids.discard(task_id)
        self._unsaved.events = [event for event in self._unsaved.events if event.task_id != task_id]


def _cleaned(text: Text) -> Text:
    return Text(clean_text(text.ko, MAX_REASON), clean_text(text.en, MAX_REASON))
