"""Carries out what the queue decides: one tree at a time, to its clean end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from py_trees.common import Status

from care_robot.care.text import Text
from care_robot.planning.idioms import Finally
from care_robot.planning.run import Run
from care_robot.planning.task_queue import TaskQueue
from care_robot.planning.tasks import Preempt, Start, StopRunning, Task, TaskErrorCode

_BROKEN = Text(
    "작업 프로그램에 오류가 나서 멈췄습니다. 기록을 확인해 주세요.",
    "The task's program failed; its log says why.",
)


class Runner:
    """Between the queue and the trees.

    Parameters
    ----------
    queue
        Decides what runs.
    make
        Makes the tree of a task, given what its behaviours share.
    new_run
        Makes what they share.
    on_error
        Told of an exception in a tree, while it is handled.
    """

    def __init__(
        self,
        queue: TaskQueue,
        new_run: Callable[[Task, int], Run],
        make: Callable[[Run], Finally],
        on_error: Callable[[], object],
    ) -> None:
        self._queue, self._new_run, self._make, self._on_error = queue, new_run, make, on_error
        self.root: Finally | None = None
        self.run: Run | None = None
        self._sentence = _BROKEN
        self._skipped: dict[str, list[Text]] = {}  # of tasks that were interrupted

    @property
    def task_id(self) -> str:
        """Of the task that runs; empty without one."""
        return self.run.task.id if self.run is not None else ""

    def tick(self, now: datetime) -> None:
        """Do what is decided, and tick the tree."""
        match self._queue.next(now):
            case Start(task, _, visited):
                self._start(now, task, visited)
            case Preempt():
                self._cut_off(TaskErrorCode.PREEMPTED, Text("", ""))
            case StopRunning(_, why, sentence):
                self._cut_off(why, sentence)
        if self.root is None or self.run is None:
            return
        root, run = self.root, self.run
        try:
            root.tick_once()
        except Exception:
            self._on_error()
            self.halt()
            self._queue.ended(now, run.task.id, TaskErrorCode.NOT_CAPABLE, _BROKEN)
            return
        if root.status is Status.RUNNING:
            if run.ending is None:
                self._queue.progress(now, run.task.id, run.step, run.arrived, run.visited)
            return
        self.root = self.run = None
        code, sentence = self._outcome(root, run)
        if code is TaskErrorCode.PREEMPTED:
            self._skipped[run.task.id] = run.skipped
        self._queue.progress(now, run.task.id, run.step, run.arrived, run.visited)
        self._queue.ended(now, run.task.id, code, sentence)

    def halt(self) -> None:
        """Cut off what runs, without a clean-up, as at the end of the process."""
        root, run, self.root, self.run = self.root, self.run, None, None
        if root is not None:
            root.stop(Status.INVALID)
        for job in run.jobs if run is not None else ():  # also what a broken tree has forgotten
            job.cancel()

    def _start(self, now: datetime, task: Task, visited: int) -> None:
        run = self._new_run(task, visited)
        run.skipped = self._skipped.pop(task.id, [])
        try:
            self.run, self.root = run, self._make(run)
        except Exception:
            self._on_error()
            self.halt()
            self._queue.ended(now, task.id, TaskErrorCode.NOT_CAPABLE, _BROKEN)

    def _cut_off(self, why: TaskErrorCode, sentence: Text) -> None:
        if self.root is not None and self.run is not None and not self.root.ending:
            self.run.ending, self._sentence = why, sentence
            self.root.end()

    def _outcome(self, root: Finally, run: Run) -> tuple[TaskErrorCode, Text]:
        if run.ending is not None:
            return run.ending, self._sentence
        if root.status is Status.SUCCESS:
            return TaskErrorCode.NONE, run.summary
        if run.failure is None:
            return TaskErrorCode.NOT_CAPABLE, _BROKEN
        return run.failure.code, run.failure.sentence
