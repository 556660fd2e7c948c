"""Tasks and trees to messages and back. Part of task_manager."""

import math
from datetime import datetime
from typing import Any

from builtin_interfaces.msg import Time
from care_robot_msgs.action import ExecuteTask
from care_robot_msgs.msg import Task as TaskMsg
from care_robot_msgs.msg import TaskStatus, TaskTree, TreeNode
from py_trees.behaviour import Behaviour
from rclpy.action.server import ServerGoalHandle
from rclpy.task import Future

from care_robot.care.text import NO_TEXT, Text
from care_robot.planning.tasks import Goal, Task, TaskErrorCode, TaskRecord
from care_robot.planning.tree_view import rows
from care_robot.ros.conversions import to_stamp


def task_of(message: TaskMsg) -> Task:
    """A task as it came in; what is wrong with it is judged elsewhere."""
    return Task(
        kind=int(message.kind),
        priority=int(message.priority),
        by=message.by,
        time_limit_s=float(message.time_limit),
        id=message.id,
        object=message.object,
        places=tuple(message.places),
        pose=_goal_of(message.pose) if message.pose.header.frame_id else None,
        resident_id=message.resident_id,
        person_id=message.person_id,
        occurrence_id=message.occurrence_id,
        alarm_id=message.alarm_id,
        text=message.text,
        language=message.language,
    )


def _goal_of(message: Any) -> Goal:
    """A pose on the floor; its heading is NaN where the quaternion is none."""
    p, q = message.pose.position, message.pose.orientation
    norm = math.hypot(q.x, q.y, q.z, q.w)
    flat = norm > 1e-6 and math.isfinite(norm)
    sine, cosine = 2.0 * (q.w * q.z + q.x * q.y), q.w**2 + q.x**2 - q.y**2 - q.z**2
    return Goal(message.header.frame_id, p.x, p.y, math.atan2(sine, cosine) if flat else math.nan)


def status_message(record: TaskRecord) -> TaskStatus:
    """How a task stands; once it has ended, its step says how."""
    step = record.step if record.step != NO_TEXT else record.reason
    failed = record.error is not TaskErrorCode.NONE
    message = TaskStatus(
        task=_task_message(record.task),
        state=int(record.state),
        step_ko=step.ko,
        step_en=step.en,
        arrived=record.arrived,
        error_code=int(record.error),
        error_msg=both(record.reason) if failed else "",
    )
    message.submitted_at = _stamp(record.submitted_at)
    message.started_at, message.ended_at = _stamp(record.started_at), _stamp(record.ended_at)
    return message


def both(text: Text) -> str:
    """Both languages in one line."""
    return f"{text.ko} / {text.en}" if text != NO_TEXT else ""


def tree_message(task_id: str, root: Behaviour | None) -> TaskTree:
    """The tree of the task that runs, without a stamp."""
    message = TaskTree(task_id=task_id)
    for row in rows(root) if root is not None else ():
        message.nodes.append(
            TreeNode(
                depth=row.depth, name=row.name, type=row.type, status=int(row.status), feedback=row.feedback
            )
        )
    return message


def _task_message(task: Task) -> TaskMsg:
    message = TaskMsg(
        id=task.id,
        kind=task.kind,
        priority=task.priority,
        by=task.by,
        time_limit=task.time_limit_s,
        object=task.object,
        places=list(task.places),
        resident_id=task.resident_id,
        person_id=task.person_id,
        occurrence_id=task.occurrence_id,
        alarm_id=task.alarm_id,
        text=task.text,
        language=task.language,
    )
    if task.pose is not None:
        message.pose.header.frame_id = task.pose.frame_id
        message.pose.pose.position.x, message.pose.pose.position.y = task.pose.x_m, task.pose.y_m
        message.pose.pose.orientation.z = math.sin(task.pose.heading_rad / 2.0)
        message.pose.pose.orientation.w = math.cos(task.pose.heading_rad / 2.0)
    return message


def _stamp(at: datetime | None) -> Time:
    return Time() if at is None else to_stamp(max(0.0, at.timestamp()))


class Follower:
    """A goal of `execute_task`, which follows one task of the queue."""

    def __init__(self, task_id: str, goal: ServerGoalHandle) -> None:
        self.task_id, self.goal, self.done = task_id, goal, Future()
        self._record: TaskRecord | None = None

    def tell(self, record: TaskRecord | None) -> None:
        """Pass on how the task stands, and its end."""
        if record is not None and record != self._record and not record.state.over:
            self.goal.publish_feedback(ExecuteTask.Feedback(status=status_message(record)))
        self._record = record
        if (record is None or record.state.over) and not self.done.done():
            self.done.set_result(None)

    def finish(self) -> Any:
        """End the goal as its task ended."""
        record = self._record
        if record is None or not record.state.over:
            self.goal.abort()
            sentence = "The task goes on without this goal, or ended long ago; see the topic tasks."
            return ExecuteTask.Result(error_code=ExecuteTask.Result.PREEMPTED, error_msg=sentence)
        result = ExecuteTask.Result(error_code=int(record.error), error_msg=both(record.reason))
        if record.error is TaskErrorCode.NONE:
            result.error_msg = ""
            self.goal.succeed()
        elif record.error is TaskErrorCode.CANCELED and self.goal.is_cancel_requested:
            self.goal.canceled()
        else:
            self.goal.abort()
        return result
