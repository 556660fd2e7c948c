"""Shapes of trees that every task needs: an end within a time, and an end that is clean.

py_trees' own Timeout reads the wall clock, and its trees can only be cut off at once: a robot that is cut off
in the middle of something has to put things right first, which takes more than one tick.
"""

from collections.abc import Callable, Iterator

from py_trees.behaviour import Behaviour
from py_trees.common import Status
from py_trees.composites import Composite
from py_trees.decorators import Decorator

Clock = Callable[[], float]


class Stopwatch:
    """Time that has passed, s; a clock that is set back adds nothing.

    Parameters
    ----------
    now_s
        The clock.
    """

    def __init__(self, now_s: Clock) -> None:
        self._now_s = now_s
        self.start()

    def start(self) -> None:
        """Begin at zero."""
        self._last_s = self._now_s()
        self._passed_s = 0.0

    def read(self) -> float:
        """Seconds since the start."""
        now_s = self._now_s()
        self._passed_s += max(0.0, now_s - self._last_s)
        self._last_s = now_s
        return self._passed_s


class TimeLimit(Decorator):
    """Fails when its child takes too long.

    Parameters
    ----------
    limit_s
        How long it may take.
    on_limit
        Told when the time is up.
    """

    def __init__(
        self, child: Behaviour, limit_s: float, now_s: Clock, on_limit: Callable[[], object] = lambda: None
    ) -> None:
        super().__init__("time limit", child)
        self._limit_s, self._watch, self._on_limit = limit_s, Stopwatch(now_s), on_limit

    def initialise(self) -> None:
        """Begin to count."""
        self._watch.start()

    def update(self) -> Status:
        """The child's status, or failure."""
        passed_s = self._watch.read()
        self.feedback_message = f"{passed_s:.0f} of {self._limit_s:.0f} s"
        if self.decorated.status is Status.RUNNING and passed_s >= self._limit_s:
            self._on_limit()
            return Status.FAILURE
        return self.decorated.status


class Finally(Composite):
    """``try … finally`` as a tree: however its first child ends, the second one runs, and then it ends.

    A request to end (`end`) is a way for the first child to end, too: it is cut off, and what comes last
    still runs, over as many ticks as it needs and at most for its limit.

    Parameters
    ----------
    work
        Gives the status.
    last
        Puts things right; its own status does not count.
    limit_s
        How long `last` may take.
    """

    def __init__(self, work: Behaviour, last: Behaviour, limit_s: float, now_s: Clock) -> None:
        super().__init__("finally", children=[work, last])
        self._work, self._last = work, last
        self._limit_s, self._watch = limit_s, Stopwatch(now_s)
        self._result: Status | None = None

    @property
    def ending(self) -> bool:
        """Whether what comes last is running or has run."""
        return self._result is not None

    def end(self) -> None:
        """Cut the work off, which fails thereby; nothing where it has ended by itself."""
        if self._result is None:
            self._work.stop(Status.INVALID)
            self._finish(Status.FAILURE)

    def initialise(self) -> None:
        """Begin anew, unless it was asked to end before it began."""

    def tick(self) -> Iterator[Behaviour]:
        """Tick the work until it ends, then what comes last until that ends."""
        self.status = Status.RUNNING
        if self._result is None:
            self.current_child = self._work
            yield from self._work.tick()
            if self._work.status is not Status.RUNNING:
                self._finish(self._work.status)
        if self._result is not None:
            self.current_child = self._last
            yield from self._last.tick()
            if self._last.status is not Status.RUNNING or self._watch.read() >= self._limit_s:
                if self._last.status is Status.RUNNING:
                    self._last.stop(Status.INVALID)
                self.status = self._result
        yield self

    def stop(self, new_status: Status = Status.INVALID) -> None:
        """Cut everything off, as when the process ends: nothing more can be put right then."""
        for child in self.children:
            if child.status is Status.RUNNING:
                child.stop(Status.INVALID)
        self.status = new_status

    def _finish(self, result: Status) -> None:
        self._result = result
        self._watch.start()
