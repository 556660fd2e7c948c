"""Tasks and behaviour trees as the command line shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text as Line

from care_robot.care.text import Text
from care_robot.planning.tasks import Priority, Task, TaskErrorCode, TaskEvent, TaskKind, TaskState


@dataclass(frozen=True)
class TaskSeen:
    """A task and how it stands. Times are UTC, None where they have not come."""

    task: Task
    state: TaskState
    step: Text
    arrived: bool
    submitted_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    error: TaskErrorCode
    error_msg: str


@dataclass(frozen=True)
class NodeSeen:
    """One behaviour of a tree; `status` as in care_robot_msgs/TreeNode."""

    depth: int
    name: str
    type: str
    status: int
    feedback: str


@dataclass(frozen=True)
class TreeSeen:
    """The tree of the task that runs, depth first; no id where none runs."""

    task_id: str
    nodes: tuple[NodeSeen, ...]


MADE_ID = 32
"""Length of an id that the task manager makes: its first characters are enough for people."""
_MARKS = {0: ("-", "dim"), 1: ("*", "bold yellow"), 2: ("o", "green"), 3: ("x", "red")}
"""By care_robot_msgs/TreeNode.status."""


def now_words(seen: TaskSeen) -> str:
    """What the robot does now, or how the task ended."""
    return seen.error_msg or " · ".join(filter(None, seen.step))


def words(task: Task) -> str:
    """A task in one line: its kind, and what it is about."""
    pose = f"({task.pose.x_m:.2f}, {task.pose.y_m:.2f})" if task.pose else ""
    about = (task.object, *task.places, pose, task.resident_id, task.person_id, task.text[:40])
    return " ".join([TaskKind(task.kind).word, *filter(None, about)])


def table(tasks: Sequence[TaskSeen]) -> Table:
    """One row for each task."""
    shown = Table("Id", "Asked", "Priority", "Task", "State", "By", "Now", box=None)
    for seen in tasks:
        shown.add_row(
            escape(seen.task.id[:8] if len(seen.task.id) == MADE_ID else seen.task.id),
            _clock(seen.submitted_at, "%H:%M:%S"),
            Priority(seen.task.priority).name.lower(),
            escape(words(seen.task)),
            seen.state.name.lower() + (" (arrived)" if seen.arrived and not seen.state.over else ""),
            escape(seen.task.by),
            escape(now_words(seen)),
        )
    return shown


def history(events: Sequence[TaskEvent]) -> Table:
    """One row for each step of a task."""
    shown = Table("When", "State", "What", "By", "Why", box=None)
    for event in events:
        when, state = _clock(event.at, "%m-%d %H:%M:%S"), event.state.name.lower()
        shown.add_row(when, state, event.event, escape(event.by), escape(" · ".join(event.reason)))
    return shown


def drawn(seen: TreeSeen) -> Group:
    """One line for each behaviour: ``*`` runs, ``o`` succeeded, ``x`` failed, ``-`` idle."""
    if not seen.task_id:
        return Group(Line("No task runs."))
    lines = [Line(f"Task {seen.task_id}")]
    for node in seen.nodes:
        mark, style = _MARKS.get(node.status, ("?", ""))
        line = Line(f"{'  ' * node.depth}{mark} {node.name}", style=style)
        line.append(f" ({node.type})", style="dim")
        lines.append(line.append(f": {node.feedback}" if node.feedback else "", style="not bold"))
    return Group(*lines)


def plain(value: object) -> Any:
    """`value` as JSON has it: enumerations by name, times as ISO 8601."""
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Text):
        value = value._asdict()
    elif is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value


def _clock(at: datetime | None, form: str) -> str:
    return at.astimezone().strftime(form) if at else ""
