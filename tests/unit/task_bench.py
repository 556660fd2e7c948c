"""A queue of tasks with a store, a clock and a robot that does as it is told."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

from care_robot.care.places import read_places
from care_robot.care.text import Text
from care_robot.planning.task_check import check
from care_robot.planning.task_queue import TaskQueue
from care_robot.planning.task_store import TaskStore
from care_robot.planning.tasks import (
    Decision,
    Priority,
    Start,
    StorageError,
    Task,
    TaskChanges,
    TaskErrorCode,
    TaskKind,
    TaskRecord,
)

START = datetime(2026, 3, 1, 9, tzinfo=timezone.utc)
PLACES = read_places(Path(__file__).parents[2] / "config" / "places" / "apartment.yaml")
EVERY_KIND = frozenset(TaskKind)
DONE = Text("끝났습니다.", "Done.")
WORDS: dict[TaskKind, dict[str, Any]] = {
    TaskKind.FETCH: {"object": "cup"},
    TaskKind.DELIVER: {"resident_id": "kim"},
    TaskKind.GO_TO: {"places": ("kitchen",)},
    TaskKind.COME_HERE: {"person_id": "p1"},
    TaskKind.PATROL: {"places": ("kitchen", "hall", "bedroom")},
    TaskKind.CHECK_ON: {"resident_id": "kim"},
    TaskKind.REMIND: {"occurrence_id": "o1"},
    TaskKind.RESPOND_TO_FALL: {"alarm_id": "a1"},
    TaskKind.LOOK_AGAIN: {"person_id": "p1"},
    TaskKind.SAY: {"text": "안녕하세요", "language": "ko"},
}


def task(kind: TaskKind = TaskKind.GO_TO, priority: int = Priority.OPERATOR, **words: Any) -> Task:
    """A task that nothing is wrong with, but for what `words` say."""
    if kind is TaskKind.RESPOND_TO_FALL:
        priority = Priority.ALARM
    return replace(Task(kind, priority, "박 간호사", 600.0), **(WORDS.get(kind, {}) | words))


class Bench:
    """The queue in a process that can be killed, and a disk that can fail."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = START
        self.disk_fails = False
        self.doing: Start | None = None
        """What the robot does."""
        self._store: TaskStore | None = None
        self.restart()

    def restart(self, *, same_boot: bool = True) -> None:
        """kill -9, or a power cut, and start again: nothing is left but the database."""
        if self._store:
            self._store.close()
        self._store = TaskStore(self.folder, self.now)
        assert self._store.notice == ""
        self.doing = None
        judge = partial(check, capabilities=EVERY_KIND, places=PLACES)
        self.queue = TaskQueue(self, judge, self.now, self._store.snapshot, same_boot=same_boot)

    def close(self) -> None:
        """Leave the database to another."""
        assert self._store
        self._store.close()

    def save(self, changes: TaskChanges) -> None:
        """The disk."""
        assert self._store
        if self.disk_fails:
            raise StorageError("no space left on device")
        self._store.save(changes)

    def submit(self, new: Task) -> str:
        """Put in a task that must be taken; its id."""
        reply = self.queue.submit(self.now, new)
        assert reply.success, reply
        return reply.task_id

    def tick(self, seconds: float = 0.1) -> Decision | None:
        """The robot asks what to do, and begins what it is told to begin."""
        self.now += timedelta(seconds=seconds)
        decision = self.queue.next(self.now)
        if isinstance(decision, Start):
            assert self.doing is None, "two tasks at once"
            self.doing = decision
        return decision

    def finish(self, outcome: TaskErrorCode = TaskErrorCode.NONE) -> None:
        """What the robot does is over."""
        assert self.doing
        task_id, self.doing = self.doing.task.id, None
        self.queue.ended(self.now, task_id, outcome, DONE)

    def record(self, task_id: str) -> TaskRecord:
        """How a task stands."""
        record = self.queue.record(task_id)
        assert record
        return record

    def order(self) -> list[str]:
        """Ids as they are shown."""
        return [record.task.id for record in self.queue.tasks(self.now)]
