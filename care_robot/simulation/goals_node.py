"""Goals of a simulator's actions, from their start until the robot's motion has ended."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from rclpy.action.server import ServerGoalHandle
from rclpy.task import Future

from care_robot.simulation.simulation_node import SimulationNode
from care_robot.simulation.trajectory import State


class Motion(Protocol):
    """What a goal has the robot do."""

    @property
    def state(self) -> State:
        """How it is going."""


Stop = Callable[[State, str], object]
"""Ends a motion as cancelled or aborted, for a reason; the robot holds where it is."""


@dataclass(eq=False)
class _Goal:
    handle: ServerGoalHandle
    motion: Motion
    stop: Stop
    feedback: Callable[[], Any] | None
    done: Future


class Goals:
    """All goals of a simulator's actions; its thread calls `settle` after each step, holding the lock."""

    def __init__(self, node: SimulationNode[Any, Any]) -> None:
        self._node = node
        self._goals: list[_Goal] = []

    async def run(
        self,
        handle: ServerGoalHandle,
        motion: Motion,
        stop: Stop,
        feedback: Callable[[], Any] | None = None,
    ) -> None:
        """Wait until a motion has ended, and say how to whoever asked for it."""
        goal = _Goal(handle, motion, stop, feedback, Future())
        with self._node.lock:
            self._goals.append(goal)
            if not self._node.active:
                stop(State.ABORTED, "The simulation is not active.")
            self.settle()
        await goal.done
        if motion.state is State.SUCCEEDED:
            handle.succeed()
        elif motion.state is State.CANCELED and handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()

    def settle(self) -> None:
        """Stop what was cancelled, and let go of who waits for what has ended."""
        for goal in list(self._goals):
            if goal.handle.is_cancel_requested:
                goal.stop(State.CANCELED, "The motion was cancelled.")
            if goal.motion.state is not State.RUNNING:
                self._goals.remove(goal)
                goal.done.set_result(None)
                if self._node.executor is not None:
                    self._node.executor.wake()

    def abort(self, sentence: str) -> None:
        """End every goal, and say why."""
        for goal in self._goals:
            goal.stop(State.ABORTED, sentence)
        self.settle()

    def tell(self) -> None:
        """Give feedback on every goal that has any."""
        for goal in self._goals:
            if goal.feedback is not None:
                goal.handle.publish_feedback(goal.feedback())
