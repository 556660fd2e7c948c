"""The leaves of the robot's behaviour trees: say, drive, look for somebody, stay beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from py_trees.behaviour import Behaviour
from py_trees.common import Status

from care_robot.care.text import Text
from care_robot.planning.approach import Spot
from care_robot.planning.idioms import Stopwatch
from care_robot.planning.run import LEFT_M, LOST, LOST_S, MOVED_M, NO_SPOT, QUICK_S, STOPPED, TRIES, Run
from care_robot.planning.skills import Failure, Job, SeenPerson
from care_robot.planning.tasks import TaskErrorCode


class Leaf(Behaviour):
    """A behaviour without children."""

    def __init__(self, name: str, run: Run) -> None:
        super().__init__(name)
        self.run = run

    def fail(self, failure: Failure) -> Status:
        """Fail, and say why."""
        self.run.failure = failure
        self.feedback_message = failure.sentence.en
        return Status.FAILURE


class Do(Leaf):
    """Calls a function once: failure where it returns one."""

    def __init__(self, name: str, run: Run, act: Callable[[], Failure | None]) -> None:
        super().__init__(name, run)
        self._act = act

    def update(self) -> Status:
        """Call it."""
        failure = self._act()
        return Status.SUCCESS if failure is None else self.fail(failure)


class If(Leaf):
    """Succeeds where something holds."""

    def __init__(self, name: str, run: Run, holds: Callable[[], bool]) -> None:
        super().__init__(name, run)
        self._holds = holds

    def update(self) -> Status:
        """Look."""
        return Status.SUCCESS if self._holds() else Status.FAILURE


class Work(Leaf):
    """Orders a job and waits for its end; cancels it when it is cut off."""

    def __init__(self, name: str, run: Run) -> None:
        super().__init__(name, run)
        self.job: Job | None = None

    def order(self) -> Job | Failure | None:
        """Begin, or say why that cannot be; none for not yet."""
        raise NotImplementedError

    def after(self, job: Job) -> Status:
        """What the end of the job means."""
        return Status.SUCCESS if job.failure is None else self.fail(job.failure)

    def initialise(self) -> None:
        """Begin anew."""
        self.job = None

    def update(self) -> Status:
        """Wait for the end."""
        if self.job is None:
            job = self.order()
            if isinstance(job, Failure):
                return self.fail(job)
            if job is None:
                return Status.RUNNING
            self.job = job
            self.run.jobs.append(job)
        return self.after(self.job) if self.job.done else Status.RUNNING

    def terminate(self, new_status: Status) -> None:
        """Leave nothing running behind."""
        if self.job is not None:
            self.job.cancel()


class Say(Work):
    """Says something. `wait` false: without waiting for the end."""

    AGAIN = 3
    """An announcement ends where an alarm's question begins, and is said again."""

    def __init__(
        self, run: Run, text: Callable[[], str], language: str = "", *, name: str = "say", wait: bool = True
    ) -> None:
        super().__init__(name, run)
        self._text, self._language, self._wait = text, language, wait

    def initialise(self) -> None:
        """Begin anew."""
        super().initialise()
        self._tries = 0

    def order(self) -> Job | Failure:
        """Say it."""
        self._tries += 1
        text = self._text()
        self.feedback_message = text[:60]
        return self.run.skills.say(text, self._language or self.run.language)

    def after(self, job: Job) -> Status:
        """Say it again where it was cut off."""
        if job.failure is None:
            return Status.SUCCESS
        if job.failure.code is TaskErrorCode.CANCELED and self._tries < self.AGAIN:
            self.job = None
            return Status.RUNNING
        return self.fail(Failure(TaskErrorCode.NOT_SPOKEN, job.failure.sentence))

    def update(self) -> Status:
        """Wait for the end, or not."""
        status = super().update()
        return status if self._wait or status is Status.FAILURE else Status.SUCCESS

    def terminate(self, new_status: Status) -> None:
        """What need not be waited for is said to its end."""
        if self._wait:
            super().terminate(new_status)
        elif self.job is not None and self.job in self.run.jobs:
            self.run.jobs.remove(self.job)


class Drive(Work):
    """Goes to the first of some spots that can be reached.

    Parameters
    ----------
    spots
        Best first; a failure where there is none.
    why
        What the robot is about to do, and for what: shown as its step, and written down.
    about
        Where that is which it goes to: the spots are asked for anew when it moves.
    too_near
        Whether a spot is no longer one to stand at: the spots are asked for anew then, too.
    """

    def __init__(
        self,
        name: str,
        run: Run,
        spots: Callable[[Run], Sequence[Spot] | Failure],
        why: Text,
        about: Callable[[Run], tuple[float, float] | None] = lambda _: None,
        *,
        too_near: Callable[[Run, Spot], bool] = lambda *_: False,
    ) -> None:
        super().__init__(name, run)
        self._spots, self._why, self._about, self._too_near = spots, why, about, too_near

    def initialise(self) -> None:
        """Begin anew; the robot is no longer where it was."""
        super().initialise()
        self.run.arrived = False
        self._left: list[Spot] | None = None
        self._was: tuple[float, float] | None = None
        self._tries = 0
        self._watch, self._way = Stopwatch(self.run.skills.now_s), Stopwatch(self.run.skills.now_s)

    def order(self) -> Job | Failure | None:
        """Set off for the next spot."""
        if self.run.skills.robot() is None:
            return LOST if self._watch.read() >= LOST_S else None
        if self._left is None:
            found = self._spots(self.run)
            if isinstance(found, Failure):
                return found
            self._left, self._was = list(found)[:TRIES], self._about(self.run)
            self.run.step = self._why
        if not self._left:
            return NO_SPOT
        spot = self._to = self._left.pop(0)
        self._tries += 1
        self._way.start()
        self.feedback_message = f"to {spot.x_m:.2f}, {spot.y_m:.2f} (try {self._tries})"
        self.run.skills.audit("drive", self._why, self.run.task.resident_id)
        return self.run.skills.drive(spot)

    def after(self, job: Job) -> Status:
        """Try the next spot where there was no way to this one."""
        if job.failure is None:
            return Status.SUCCESS
        quick = job.failure.code is TaskErrorCode.UNREACHABLE and self._way.read() < QUICK_S
        if quick and self._left:
            self.job = None
            return Status.RUNNING
        return self.fail(job.failure)

    def update(self) -> Status:
        """Go on, and follow who moves."""
        if self.run.skills.stopped():
            return self.fail(STOPPED)
        now = self._about(self.run)
        if self.job is not None and not self.job.done:
            moved = self._was and now and _apart(now, self._was) > MOVED_M
            if moved or self._too_near(self.run, self._to):
                self.job.cancel()
                self.job = self._left = None
        return super().update()


class LookFor(Leaf):
    """Waits a while for somebody to be seen, and remembers them in `run.person`."""

    def __init__(
        self, name: str, run: Run, find: Callable[[Run], SeenPerson | None], wait_s: float, none: Failure
    ) -> None:
        super().__init__(name, run)
        self._find, self._wait_s, self._none = find, wait_s, none
        self._watch = Stopwatch(run.skills.now_s)

    def initialise(self) -> None:
        """Begin to look."""
        self._watch.start()

    def update(self) -> Status:
        """Look."""
        person = self._find(self.run)
        if person is not None:
            self.run.person = person
            self.feedback_message = person.id
            return Status.SUCCESS
        return Status.RUNNING if self._watch.read() < self._wait_s else self.fail(self._none)


class Beside(Leaf):
    """Stays with somebody until there is a reason to go elsewhere, and then succeeds.

    Parameters
    ----------
    find
        Whom it is about, as seen now.
    again
        Whether another look is wanted.
    """

    def __init__(
        self, run: Run, find: Callable[[Run], SeenPerson | None], again: Callable[[], bool], step: Text
    ) -> None:
        super().__init__("stay", run)
        self._find, self._again, self._step = find, again, step

    def initialise(self) -> None:
        """Remember where they are."""
        self.run.arrived = True
        self.run.step = self._step
        self._with = self.run.person

    def update(self) -> Status:
        """Watch them."""
        now = self._find(self.run)
        if now is not None and (self._with is None or _apart(now.xy, self._with.xy) > LEFT_M):
            self.feedback_message = f"{now.id} is elsewhere"
            return Status.SUCCESS
        if self._again():
            self.feedback_message = "another look is wanted"
            return Status.SUCCESS
        return Status.RUNNING


class Wait(Leaf):
    """Lets some time pass."""

    def __init__(self, name: str, run: Run, wait_s: float) -> None:
        super().__init__(name, run)
        self._wait_s, self._watch = wait_s, Stopwatch(run.skills.now_s)

    def initialise(self) -> None:
        """Begin to count."""
        self._watch.start()

    def update(self) -> Status:
        """Wait."""
        return Status.SUCCESS if self._watch.read() >= self._wait_s else Status.RUNNING


class Rest(Leaf):
    """Waits until everything that was begun has come to rest."""

    def initialise(self) -> None:
        """Have it stopped."""
        for job in self.run.jobs:
            job.cancel()

    def update(self) -> Status:
        """Look."""
        return Status.SUCCESS if self.run.at_rest() else Status.RUNNING


def _apart(a: Sequence[float], b: Sequence[float]) -> float:
    return Spot(a[0], a[1], 0.0).distance_m(b)
