"""Brings lifecycle nodes up in order, keeps them up, takes them down in reverse: the decisions, without ROS.

At start all nodes are configured, then all activated, each in the given order; the first that fails ends the
bring-up with a sentence. From then on a node that was started again is brought up by itself, and a failure is
reported and tried again: one broken camera must not end the watch of the others.

Times are seconds of any steady clock.
"""

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass


class State(enum.IntEnum):
    """Primary states, as in lifecycle_msgs/State; BUSY is anything in between."""

    BUSY = 0
    UNCONFIGURED = 1
    INACTIVE = 2
    ACTIVE = 3
    FINALIZED = 4


class Transition(enum.IntEnum):
    """Transitions that are asked for, as in lifecycle_msgs/Transition."""

    CONFIGURE = 1
    ACTIVATE = 3
    DEACTIVATE = 4


_RESULT = {
    Transition.CONFIGURE: State.INACTIVE,
    Transition.ACTIVATE: State.ACTIVE,
    Transition.DEACTIVATE: State.INACTIVE,
}
_WORDS = {
    Transition.CONFIGURE: "configured",
    Transition.ACTIVATE: "activated",
    Transition.DEACTIVATE: "deactivated",
}
DOUBTS = 2  # a node may answer one later question before the transition, but not two


@dataclass(frozen=True)
class Limits:
    """How long to wait.

    Attributes
    ----------
    stuck_s
        For a node to appear, or to finish a transition.
    reason_s
        For a node's own words on /diagnostics, after it refused a transition.
    retry_s
        Between attempts, once everything was active.
    stop_s
        For all nodes to be deactivated.
    listen_s
        Before the first step, for another manager of the same nodes to be heard.
    """

    stuck_s: float = 60.0
    reason_s: float = 3.0
    retry_s: float = 5.0
    stop_s: float = 2.5
    listen_s: float = 1.5


@dataclass(frozen=True)
class Step:
    """A transition to ask a node for."""

    node: str
    transition: Transition


@dataclass
class _Node:
    name: str
    since_s: float  # of the last progress
    by_itself: bool = False  # activates itself, and is only watched
    state: State | None = None  # None: not there
    fresh_s: float = -math.inf  # what was asked earlier is out of date
    pending: Transition | None = None
    doubts: int = 0  # signs that the pending transition was not heard
    lost: bool = False  # a transition was not heard, and is asked for again
    refused: Transition | None = None
    reason: str = ""
    retry_at_s: float = -math.inf

    def reach(self, state: State | None, now_s: float) -> None:
        self.state, self.since_s, self.fresh_s = state, now_s, now_s
        self.pending, self.doubts, self.lost = None, 0, False
        if state is not None:
            self.refused, self.reason, self.retry_at_s = None, "", -math.inf


class Bringup:
    """Order, retries and sentences of a bring-up.

    Parameters
    ----------
    names
        Of the nodes, in the order in which they are brought up.
    now_s
        Time of the start.
    limits
        Time-outs.
    self_activated
        Nodes that are only watched; nothing is brought up before they are active.
    """

    def __init__(
        self,
        names: Sequence[str],
        now_s: float,
        limits: Limits = Limits(),
        self_activated: Sequence[str] = (),
    ) -> None:
        self._nodes = [_Node(name, now_s, by_itself=True) for name in self_activated]
        self._nodes += [_Node(name, now_s) for name in names]
        self._by_name = {node.name: node for node in self._nodes}
        self._limits = limits
        self._start_s = now_s
        self._was_active = False
        self._rival = ""
        self._stop_at_s: float | None = None

    # What happens ------------------------------------------------------------------------------------------

    def saw(self, name: str, state: State | None, asked_s: float, now_s: float) -> None:
        """A node's state, as asked at `asked_s`; None when there is no such node."""
        node = self._by_name[name]
        if asked_s <= node.fresh_s:
            return
        if node.pending and state is node.state:
            # Asked before the transition was heard; or it never will be, as its process is gone.
            node.doubts += 1
            if node.doubts == DOUBTS:
                node.pending, node.doubts, node.lost = None, 0, True
        elif node.pending and state is State.BUSY:
            node.doubts = 0
        elif state is not node.state:
            node.reach(state, now_s)

    def missed(self, name: str, asked_s: float, now_s: float) -> None:
        """A node left a question for its state unanswered; in a transition it may."""
        node = self._by_name[name]
        if node.pending is None:
            self.saw(name, None, asked_s, now_s)

    def answered(self, step: Step, ok: bool, now_s: float) -> None:
        """A node carried out a transition, or refused."""
        node = self._by_name[step.node]
        if node.pending is not step.transition:
            return
        if ok:
            node.reach(_RESULT[step.transition], now_s)
        else:
            self._refuse(node, "", now_s)

    def explained(self, name: str, reason: str) -> None:
        """A node said on /diagnostics what is wrong with it."""
        node = self._by_name.get(name)
        if node and (node.refused or (node.by_itself and node.state is not State.ACTIVE)):
            node.reason = reason

    def heard_rival(self, sentence: str) -> None:
        """Another manager takes care of the same nodes; the one that is still starting gives up."""
        if not self._was_active:
            self._rival = sentence

    def stop(self, now_s: float) -> None:
        """Begin to take everything down."""
        if self._stop_at_s is None:
            self._stop_at_s = now_s

    # What to do --------------------------------------------------------------------------------------------

    def steps(self, now_s: float) -> list[Step]:
        """Transitions to ask for now; each is returned once, until it is answered or timed out."""
        self._time_out(now_s)
        listens = self._rival or now_s - self._start_s < self._limits.listen_s
        self._was_active |= self.active and not listens
        if self._stop_at_s is not None:
            chosen = self._next_down()
        elif listens:
            chosen = []
        elif self._was_active:
            chosen = [step for node in self._nodes if (step := self._up(node, now_s))]
        else:
            chosen = self._next_up(now_s)
        for step in chosen:
            node = self._by_name[step.node]
            if not node.lost:
                node.since_s = now_s
            node.pending, node.fresh_s = step.transition, now_s
        return chosen

    @property
    def active(self) -> bool:
        """Whether every node is active."""
        return all(node.state is State.ACTIVE for node in self._nodes)

    @property
    def at_rest(self) -> bool:
        """Whether everything is active and shall be."""
        return self.active and self._stop_at_s is None

    def failure(self, now_s: float) -> str | None:
        """Why the bring-up failed for good: a sentence, before everything was active for the first time."""
        if self._was_active or self._stop_at_s is not None:
            return None
        if self._rival:
            return self._rival
        for node in self._nodes:
            waited_s = now_s - node.since_s
            if node.reason or (node.refused and waited_s > self._limits.reason_s):
                return self._problem(node)
            has_turn = node.pending or node.state in (None, State.BUSY, State.FINALIZED) or node.by_itself
            has_turn = has_turn and node.state is not State.ACTIVE
            if has_turn and waited_s > self._limits.stuck_s:
                return f"{node.name} was not ready within {self._limits.stuck_s:g} s; its output may say why"
        return None

    def stopped(self, now_s: float) -> bool:
        """Whether nothing is active any more, or the time for that is up."""
        if self._stop_at_s is None:
            return False
        late = now_s - self._stop_at_s > self._limits.stop_s
        ours = [node for node in self._nodes if not node.by_itself]
        return late or not any(node.pending or node.state is State.ACTIVE for node in ours)

    def problems(self) -> list[str]:
        """A sentence for each node that is not active though it should be."""
        if self._stop_at_s is not None:
            return []
        return [self._problem(node) for node in self._nodes if node.state is not State.ACTIVE]

    def states(self) -> dict[str, State | None]:
        """State of each node by name; None for one that is not there."""
        return {node.name: node.state for node in self._nodes}

    # Within ------------------------------------------------------------------------------------------------

    def _next_up(self, now_s: float) -> list[Step]:
        """The one next step of the first bring-up: all are configured before any is activated."""
        if any(node.refused or node.pending for node in self._nodes):
            return []
        if any(node.by_itself and node.state is not State.ACTIVE for node in self._nodes):
            return []
        for state in (State.UNCONFIGURED, State.INACTIVE):
            for node in self._nodes:
                if node.state is state:
                    return [step] if (step := self._up(node, now_s)) else []
                if node.state is None or node.state < state:
                    return []
        return []

    def _up(self, node: _Node, now_s: float) -> Step | None:
        if node.by_itself or node.pending or now_s < node.retry_at_s:
            return None
        wanted = {State.UNCONFIGURED: Transition.CONFIGURE, State.INACTIVE: Transition.ACTIVATE}
        transition = wanted.get(node.state) if node.state is not None else None
        return Step(node.name, transition) if transition else None

    def _next_down(self) -> list[Step]:
        """The last active node, when the ones behind it are done."""
        for node in reversed(self._nodes):
            if node.pending:
                return []
            if node.state is State.ACTIVE and node.refused is None and not node.by_itself:
                return [Step(node.name, Transition.DEACTIVATE)]
        return []

    def _time_out(self, now_s: float) -> None:
        """Give up waiting for answers, once everything was active; before, that is a failure."""
        for node in self._nodes:
            if self._was_active and node.pending and now_s - node.since_s > self._limits.stuck_s:
                self._refuse(node, f"no answer within {self._limits.stuck_s:g} s", now_s)

    def _refuse(self, node: _Node, reason: str, now_s: float) -> None:
        again = node.refused is node.pending
        node.refused, node.reason = node.pending, reason or (node.reason if again else "")
        node.pending, node.doubts = None, 0
        node.since_s = node.fresh_s = now_s
        node.retry_at_s = now_s + self._limits.retry_s

    def _problem(self, node: _Node) -> str:
        if node.refused:
            return f"{node.name} could not be {_WORDS[node.refused]}: {node.reason or 'its output says why'}"
        if node.reason:
            return f"{node.name} does not run: {node.reason}"
        if node.state is None:
            return f"{node.name} is not there or does not answer; its output may say why"
        if node.state is State.FINALIZED:
            return f"{node.name} was shut down; start its process again"
        return f"{node.name} is being brought up"
