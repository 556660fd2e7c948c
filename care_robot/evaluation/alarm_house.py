"""The real alarm engine in a world of its own: simulated time, a clock that is set, a process that dies.

True time `t_s` only goes forward; the clock that the engine sees can be set. Whoever lives, cares or fails in
the house is added by a subclass.
"""

import heapq
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Protocol

from care_robot.care.alarms import Changes, Snapshot
from care_robot.care.config import CareConfig
from care_robot.care.effects import AskResident, Outcome, ProbeChannel, PublishAlarms, SendPage, StopAsking
from care_robot.care.engine import CareEngine
from care_robot.care.inputs import Input, Tick
from care_robot.care.keeper import AlarmKeeper

EPOCH = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
PERIOD_S = 0.1
"""How often the process looks at its deadlines."""


class KilledError(BaseException):
    """The process dies here and now; nothing in it may catch that."""


class Storage(Protocol):
    """A database as the house needs it."""

    def load(self) -> Snapshot:
        """What is in it."""

    def save(self, changes: Changes) -> None:
        """Keep `changes`; may raise StorageError, or KilledError where the process dies in it."""

    def close(self) -> None:
        """Let go of it."""


class Forgetful:
    """No database at all, for a house whose process is never killed."""

    def load(self) -> Snapshot:
        """Nothing."""
        return Snapshot()

    def save(self, changes: Changes) -> None:
        """Forget them."""

    def close(self) -> None:
        """Nothing is open."""


class House:
    """Drives the engine through time.

    Parameters
    ----------
    config
        Residents, contacts, time-outs.
    open_storage
        Opens the database of the house, at the start and after each restart.

    Attributes
    ----------
    t_s
        True time since the start.
    clock_ahead_s
        Of the clock that the engine sees before true time.
    up
        Whether the process runs.
    """

    def __init__(self, config: CareConfig, open_storage: Callable[[], Storage] = Forgetful) -> None:
        self.config = config
        self.t_s = 0.0
        self.clock_ahead_s = 0.0
        self.up = False
        self._open_storage = open_storage
        self._life = 0
        self._heap: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._ticked_s = -PERIOD_S

    @property
    def now(self) -> datetime:
        """Time on the clock that the engine sees."""
        return self.clock(self.t_s)

    def clock(self, t_s: float) -> datetime:
        """What the clock shows, as it is set now, at a true time."""
        return EPOCH + timedelta(seconds=t_s + self.clock_ahead_s)

    def at(self, t_s: float, action: Callable[[], object]) -> None:
        """Have something happen at a true time, whatever becomes of the process."""
        heapq.heappush(self._heap, (max(t_s, self.t_s), next(self._order), action))

    def tell_later(self, delay_s: float, item: Input) -> None:
        """Give the process an input after a while, unless it dies before."""
        life = self._life
        self.at(self.t_s + delay_s, lambda: self.do(item) if life == self._life else None)

    def start(self) -> None:
        """Start the process, or start it again."""
        if self.up:
            return
        self.up, self._life = True, self._life + 1
        self._storage = self._open_storage()
        try:
            snapshot = self._storage.load()
            self._keeper = AlarmKeeper(CareEngine(self.config), self._storage)
            self._carry_out(self._keeper.start(self.now, snapshot))
            self.started()
        except KilledError:
            self._died()

    def kill(self) -> None:
        """Stop the process at once; what it had not stored is gone."""
        if self.up:
            self._died()

    def do(self, item: Input) -> Outcome | None:
        """Give the process an input; None where there is no process, or it died over it."""
        if not self.up:
            return None
        try:
            outcome = self._keeper.handle(self.now, item)
            self._carry_out(outcome)
        except KilledError:
            self._died()
            return None
        return outcome

    def run(self, until_s: float) -> None:
        """Let time pass."""
        while True:
            event_s = self._heap[0][0] if self._heap else until_s
            tick_s = self._next_tick_s()
            if min(event_s, tick_s) >= until_s:
                break
            if tick_s < event_s:
                self.t_s = self._ticked_s = tick_s
                self.do(Tick())
            else:
                _, _, action = heapq.heappop(self._heap)
                self.t_s = max(self.t_s, event_s)
                action()
        self.t_s = until_s

    def set_clock(self, by_s: float) -> None:
        """Set the clock forward, or back; the process looks at it within its period."""
        self.clock_ahead_s += by_s
        self.tell_later(PERIOD_S, Tick())

    # For a subclass

    def started(self) -> None:
        """The process has come up."""

    def died(self) -> None:
        """The process has died."""

    def asked(self, question: AskResident) -> None:
        """The engine wants a question put."""

    def stopped(self, question: StopAsking) -> None:
        """The engine takes a question back."""

    def sent(self, page: SendPage) -> None:
        """The engine sends a page."""

    def tested(self, test: ProbeChannel) -> None:
        """The engine tries a channel."""

    def published(self, alarms: PublishAlarms) -> None:
        """The engine shows its alarms."""

    # Within

    def _next_tick_s(self) -> float:
        deadline = self._keeper.next_deadline() if self.up else None
        if deadline is None:
            return float("inf")
        # Not more often than the real process: a deadline that stays past must not stop time.
        return max(self.t_s + (deadline - self.now).total_seconds(), self._ticked_s + PERIOD_S, self.t_s)

    def _carry_out(self, outcome: Outcome) -> None:
        for effect in outcome.effects:
            self.before_effect()
            match effect:
                case AskResident():
                    self.asked(effect)
                case StopAsking():
                    self.stopped(effect)
                case SendPage():
                    self.sent(effect)
                case ProbeChannel():
                    self.tested(effect)
                case PublishAlarms():
                    self.published(effect)
                case _:
                    pass

    def before_effect(self) -> None:
        """Called between the effects of one step: the process may die there too (KilledError)."""

    def _died(self) -> None:
        self.up, self._life = False, self._life + 1
        self._storage.close()
        self.died()
