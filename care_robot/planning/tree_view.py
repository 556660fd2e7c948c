"""A behaviour tree as rows: to publish, and to print."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from py_trees.behaviour import Behaviour
from py_trees.common import Status

MAX_DEPTH = 255  # TreeNode.depth is a uint8


class NodeStatus(IntEnum):
    """How a behaviour stands; numbers as in care_robot_msgs/TreeNode."""

    IDLE = 0
    RUNNING = 1
    SUCCEEDED = 2
    FAILED = 3


_STATUS = {
    Status.INVALID: NodeStatus.IDLE,
    Status.RUNNING: NodeStatus.RUNNING,
    Status.SUCCESS: NodeStatus.SUCCEEDED,
    Status.FAILURE: NodeStatus.FAILED,
}
_MARK = {
    NodeStatus.IDLE: "-",
    NodeStatus.RUNNING: "*",
    NodeStatus.SUCCEEDED: "o",
    NodeStatus.FAILED: "x",
}


@dataclass(frozen=True)
class Row:
    """One behaviour of a tree."""

    depth: int
    name: str
    type: str
    status: NodeStatus
    feedback: str


def rows(root: Behaviour, depth: int = 0) -> Iterator[Row]:
    """Every behaviour, depth first, the root first."""
    kind, status = type(root).__name__, _STATUS[root.status]
    yield Row(min(depth, MAX_DEPTH), root.name, kind, status, root.feedback_message)
    for child in root.children:
        yield from rows(child, depth + 1)


def text(root: Behaviour) -> str:
    """One line for each behaviour: ``*`` runs, ``o`` succeeded, ``x`` failed, ``-`` idle."""
    return "\n".join(
        f"{'  ' * row.depth}{_MARK[row.status]} {row.name} ({row.type})"
        + (f": {row.feedback}" if row.feedback else "")
        for row in rows(root)
    )
