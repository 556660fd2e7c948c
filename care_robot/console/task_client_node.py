"""The command line's connection to the task manager."""

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from queue import Empty, SimpleQueue
from typing import TypeVar

from builtin_interfaces.msg import Time
from care_robot_msgs.msg import Task as TaskMessage
from care_robot_msgs.msg import TaskArray, TaskStatus, TaskTree
from care_robot_msgs.srv import CancelTask, SubmitTask

from care_robot.care.text import Text
from care_robot.console.errors import UsageError
from care_robot.console.operator_node import NOT_RUNNING, Operator
from care_robot.console.task_view import NodeSeen, TaskSeen, TreeSeen
from care_robot.planning.task_messages_node import task_of
from care_robot.planning.tasks import Priority, Task, TaskErrorCode, TaskKind, TaskState
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds

M = TypeVar("M")


class TaskClient(Operator):
    """Lists, submits, cancels and follows tasks; use it in a ``with`` block."""

    def __enter__(self) -> "TaskClient":
        return self

    def tasks(self) -> list[TaskSeen]:
        """Open tasks in the order of execution, then those that ended in the last hour, newest first."""
        with self._latched(TaskArray, "tasks") as arrivals:
            return list(map(_seen, self._first(arrivals).tasks))

    def submit(self, task: Task) -> str:
        """Put a task into the queue; its id. UsageError where it is refused."""
        return str(self._call(SubmitTask, "tasks/submit", SubmitTask.Request(task=_message(task))).task_id)

    def cancel(self, task_id: str, by: str, reason: str) -> None:
        """End a task in the name of a human; UsageError where that is refused."""
        request = CancelTask.Request(task_id=task_id, by=by, reason=reason)
        self._call(CancelTask, "tasks/cancel", request)

    def follow(self, task_id: str, show: Callable[[TaskSeen], object]) -> TaskSeen:
        """Show a task whenever it changes, until it has ended; UsageError where it is listed no more."""
        before = None
        with self._latched(TaskArray, "tasks") as arrivals:
            tasks = self._first(arrivals).tasks
            while True:
                found = [_seen(status) for status in tasks if status.task.id == task_id]
                if not found and before is not None:
                    raise UsageError(
                        f"The task {task_id} is no longer listed; see `./care task show {task_id}`."
                    )
                for task in found:
                    if task != before:
                        show(task)
                    if task.state.over:
                        return task
                    before = task
                tasks = self._next(arrivals, "tasks").tasks

    def tree(self) -> TreeSeen:
        """The behaviour tree of the task that runs."""
        with self._latched(TaskTree, "tasks/tree") as arrivals:
            return _tree(self._first(arrivals))

    def follow_tree(self, show: Callable[[TreeSeen], object]) -> None:
        """Show the tree whenever it changes, until interrupted."""
        with self._latched(TaskTree, "tasks/tree") as arrivals:
            show(_tree(self._first(arrivals)))
            while True:
                show(_tree(self._next(arrivals, "tasks/tree")))

    @contextlib.contextmanager
    def _latched(self, message_type: type[M], topic: str) -> "Iterator[SimpleQueue[M]]":
        """What comes on a latched topic, from the last message on."""
        arrivals: SimpleQueue[M] = SimpleQueue()
        subscription = self._node.create_subscription(message_type, topic, arrivals.put, qos.LATCHED)
        try:
            yield arrivals
        finally:
            self._node.destroy_subscription(subscription)

    def _first(self, arrivals: "SimpleQueue[M]") -> M:
        try:
            return arrivals.get(timeout=self._timeout_s)
        except Empty:
            raise UsageError(NOT_RUNNING) from None

    def _next(self, arrivals: "SimpleQueue[M]", topic: str) -> M:
        """The next message; UsageError where nobody is left to send one."""
        while True:
            with contextlib.suppress(Empty):
                return arrivals.get(timeout=1.0)
            if self._node.count_publishers(topic) == 0:
                raise UsageError("The task manager has gone; see `./care doctor`, or start it again.")


def _message(task: Task) -> TaskMessage:
    """A task as it is submitted."""
    message = TaskMessage(id=task.id, kind=task.kind, priority=task.priority, by=task.by)
    message.time_limit = task.time_limit_s
    message.object, message.places = task.object, list(task.places)
    message.resident_id, message.person_id = task.resident_id, task.person_id
    message.occurrence_id, message.text, message.language = task.occurrence_id, task.text, task.language
    if task.pose is not None:
        message.pose.header.frame_id = task.pose.frame_id
        message.pose.pose.position.x, message.pose.pose.position.y = task.pose.x_m, task.pose.y_m
        message.pose.pose.orientation.z = math.sin(task.pose.heading_rad / 2)
        message.pose.pose.orientation.w = math.cos(task.pose.heading_rad / 2)
    return message


def _seen(status: TaskStatus) -> TaskSeen:
    try:
        task = task_of(status.task)
        return TaskSeen(
            task=replace(task, kind=TaskKind(task.kind), priority=Priority(task.priority)),
            state=TaskState(status.state),
            step=Text(status.step_ko, status.step_en),
            arrived=status.arrived,
            submitted_at=_time(status.submitted_at),
            started_at=_time(status.started_at),
            ended_at=_time(status.ended_at),
            error=TaskErrorCode(status.error_code),
            error_msg=status.error_msg,
        )
    except ValueError as error:
        raise UsageError(f"The task manager is of another version ({error}); update this one.") from error


def _time(stamp: Time) -> datetime | None:
    """UTC; None for the zero of a time that has not come."""
    return datetime.fromtimestamp(to_seconds(stamp), timezone.utc) if stamp.sec or stamp.nanosec else None


def _tree(message: TaskTree) -> TreeSeen:
    nodes = tuple(
        NodeSeen(node.depth, node.name, node.type, node.status, node.feedback) for node in message.nodes
    )
    return TreeSeen(message.task_id, nodes)
