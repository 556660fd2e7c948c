"""One run of a scenario: the system in a simulated home, in a ROS domain and a folder of its own."""

import contextlib
import json
import os
import queue
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from care_robot.bringup.domain import own_domain
from care_robot.bringup.launch_xml import load_plan
from care_robot.bringup.launcher import find_launch_file
from care_robot.bringup.supervisor import Launcher
from care_robot.console.errors import UsageError
from care_robot.console.events import PeopleSeen
from care_robot.console.pager import Pager
from care_robot.evaluation.expectations import LATE_S, Happened, State, Verdict, judge, said, window
from care_robot.evaluation.launch_log import LaunchLog
from care_robot.evaluation.observations import NodeReport, Observed, Observer, Page, Truth
from care_robot.evaluation.recording import Recording, RecordingError
from care_robot.evaluation.scenario import Entry, Scenario
from care_robot.evaluation.script import Script

if TYPE_CHECKING:
    from care_robot.evaluation.scenario_node import Stage

START_TIMEOUT_S = 120.0
"""Wall time until every node is active; a cold start of everything on a busy machine takes a while."""
STILL_S = 30.0
"""Wall time for which simulated time may stand still: a slow simulator is none that is dead."""
LOOK_S = 0.05
"""Wall time between two looks at the timeline and the expectations."""
WAITING, TELLING, DONE = "starting", "running", "done"


@dataclass(frozen=True)
class Options:
    """What a run may have otherwise than its scenario says; None for as it says."""

    sim: str | None = None
    seed: int | None = None
    language: str | None = None
    video: Path | None = None
    folder: Path | None = None
    """Keeps the database, the log and what was said; None for a temporary one, kept where the run failed."""


@dataclass(frozen=True)
class Done:
    """One entry of the timeline, as it was carried out."""

    t_s: float
    lane: str
    words: str


@dataclass(frozen=True)
class Judged:
    """One expectation and what became of it; `window_s` is None where it never opened."""

    words: str
    never: bool
    verdict: Verdict
    window_s: tuple[float, float] | None


@dataclass(frozen=True)
class Outcome:
    """One run; times in s of simulated time from the start, `wall_s` of the clock on the wall."""

    name: str
    sim: str
    seed: int
    problem: str = ""
    """Why the story could not be told to its end; empty where it was."""
    expectations: tuple[Judged, ...] = ()
    done: tuple[Done, ...] = ()
    log: tuple[Happened, ...] = ()
    end_s: float = 0.0
    wall_s: float = 0.0
    folder: str = ""
    """Where the log and the database were kept."""
    errors: tuple[str, ...] = ()

    @property
    def failed(self) -> list[Judged]:
        """Expectations that were not met."""
        return [e for e in self.expectations if e.verdict.state is not State.PASSED]

    @property
    def passed(self) -> bool:
        """Whether the story was told, and everything that it expects held."""
        return not self.problem and not self.failed

    @property
    def reason(self) -> str:
        """Of the failure; empty where there is none."""
        sentences = [e.verdict.sentence or f"{e.words}: not decided." for e in self.failed]
        return self.problem or next(iter(sentences), "")


@dataclass
class _Telling:
    """What is known while a story is told."""

    observer: Observer
    log: list[Happened] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)
    now_s: float = 0.0


class _CannotGoOnError(Exception):
    """The story cannot be told to its end; the message says why."""


def run_scenario(
    scenario: Scenario,
    options: Options = Options(),
    on_event: Callable[[Observed, float], None] = lambda _event, _start_s: None,
    on_progress: Callable[[str, float], None] = lambda _state, _now_s: None,
) -> Outcome:
    """Tell a scenario's story and judge it.

    Parameters
    ----------
    on_event
        Gets everything that is observed, and the simulated time of the start, in this thread.
    on_progress
        Gets what the run is doing, and the simulated time since the start.

    Raises
    ------
    UsageError
        When the run cannot be made here, such as with a video that cannot be written.
    """
    begin_s = time.monotonic()
    folder = options.folder or Path(tempfile.mkdtemp(prefix=f"care_robot_{scenario.name}_"))
    try:
        with own_domain(os.environ):
            run = _Run(scenario, options, folder, on_event, on_progress)
            outcome = run.outcome(*run.play(), begin_s)
    except BaseException:
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    if options.folder is None and outcome.passed:
        shutil.rmtree(folder, ignore_errors=True)
    return outcome


class _Run:
    def __init__(
        self,
        scenario: Scenario,
        options: Options,
        folder: Path,
        on_event: Callable[[Observed, float], None],
        on_progress: Callable[[str, float], None],
    ) -> None:
        self._scenario = scenario
        self._options = options
        self._folder = folder
        self._on_event = on_event
        self._on_progress = on_progress
        self._sim = options.sim or scenario.profile
        self._seed = scenario.seed if options.seed is None else options.seed
        self._script = Script(scenario.timeline)
        self._events: queue.SimpleQueue[Observed] = queue.SimpleQueue()
        self._nodes = LaunchLog(folder / "nodes.log", needed="simulator")
        self._unrecorded = ""

    def play(self) -> tuple[_Telling, str]:
        """Start everything, tell the story, and end everything; what was seen, and what went wrong."""
        # Imported late: where ROS is broken, a scenario can still be read.
        from care_robot.evaluation.scenario_node import Stage  # noqa: PLC0415

        os.environ["ROS_LOG_DIR"] = str(self._folder / "ros")
        told = _Telling(Observer())
        with contextlib.ExitStack() as stack:
            recording = self._recording()
            if recording is not None:
                stack.callback(self._end_recording, recording)
            pager = stack.enter_context(Pager(lambda page: self._events.put(_page(page, stage.now_s()))))
            plan = load_plan(find_launch_file("sim"), self._arguments(pager.url), os.environ)
            stage = stack.enter_context(Stage())
            stage.observe(self._events.put)
            stack.enter_context(Launcher(plan, self._nodes.note, show=False))
            hands = stack.enter_context(ThreadPoolExecutor(max_workers=1))
            try:
                self._wait_until_ready(stage, told)
                if recording is not None:
                    stage.record(self._scenario.camera, recording.add)
                self._tell(stage, hands, told)
            except _CannotGoOnError as problem:
                return told, str(problem)
        return told, ""

    def outcome(self, told: _Telling, problem: str, begin_s: float) -> Outcome:
        """The run, judged."""
        return Outcome(
            name=self._scenario.name,
            sim=self._sim,
            seed=self._seed,
            problem=problem or self._unrecorded,
            expectations=tuple(self._judge(told)),
            done=tuple(told.done),
            log=tuple(sorted(told.log, key=lambda what: what.t_s)),
            end_s=min(told.now_s, self._scenario.duration),
            wall_s=time.monotonic() - begin_s,
            folder=str(self._folder),
            errors=tuple(self._nodes.last_errors),
        )

    def _recording(self) -> Recording | None:
        if self._options.video is None:
            return None
        if self._sim != "physics":
            raise UsageError("Only the physics world has pictures; use --video with --sim physics.")
        try:
            return Recording(self._options.video)
        except RecordingError as error:
            raise UsageError(str(error)) from None

    def _end_recording(self, recording: Recording) -> None:
        try:
            recording.close()
        except RecordingError as error:
            self._unrecorded = str(error)

    def _arguments(self, page_url: str) -> dict[str, str]:
        """Launch arguments; pages go through the simulated network, so that it can be cut."""
        scenario, port = self._scenario, _free_port()
        host, _, path = page_url.removeprefix("http://").partition("/")
        people = [
            {"seed": self._seed + n, **person.model_dump(exclude_none=True)}
            for n, person in enumerate(scenario.people)
        ]
        return {
            "world": scenario.world,
            "sim": self._sim,
            "seed": str(self._seed),
            "people": json.dumps(people),
            "camera": scenario.camera,
            "language": self._options.language or scenario.language,
            "data_dir": str(self._folder),
            "wav_dir": str(self._folder / "spoken"),
            "webhook_url": f"http://127.0.0.1:{port}/{path}",
            "relay_port": str(port),
            "relay_target": host,
        }

    def _wait_until_ready(self, stage: "Stage", told: _Telling) -> None:
        """Return when every node is active and everybody is in the world; the story's time begins then."""
        limit_s = time.monotonic() + START_TIMEOUT_S
        active, there, seen, last = False, set[str](), False, "nothing was heard of the nodes"
        everybody = {person.id for person in self._scenario.people}
        early: list[Observed] = []
        while not (active and there >= everybody and seen and stage.complete):
            self._on_progress(WAITING, 0.0)
            event = self._next(limit_s - time.monotonic())
            self._check_launch()
            if event is None:
                if time.monotonic() > limit_s:
                    raise _CannotGoOnError(f"The system did not start within {START_TIMEOUT_S:g} s: {last}.")
                continue
            early.append(event)
            match event:
                case NodeReport(node=node, alive=alive, message=message) if node.endswith(
                    "lifecycle_manager"
                ):
                    active, last = alive, message
                case Truth(people=people):
                    there = {person.who for person in people}
                case PeopleSeen(cameras=cameras):
                    seen = bool(cameras)
                case _:
                    pass
        told.observer = Observer(stage.now_s())
        for event in early:
            self._note(event, told)

    def _tell(self, stage: "Stage", hands: ThreadPoolExecutor, told: _Telling) -> None:
        """Carry out the timeline until every expectation is decided, or the time is over."""
        end_s = self._scenario.duration
        moved_s, speaking = time.monotonic(), list[Future[None]]()
        while told.now_s <= end_s + LATE_S:
            look_s = time.monotonic() + LOOK_S
            while (left_s := look_s - time.monotonic()) > 0:
                event = self._next(left_s)
                if event is not None:
                    self._note(event, told)
            self._check_launch()
            now_s = stage.now_s() - told.observer.start_s
            if now_s > told.now_s:
                told.now_s, moved_s = now_s, time.monotonic()
            elif time.monotonic() > moved_s + STILL_S:
                raise _CannotGoOnError(f"Simulated time stood still for {STILL_S:g} s, at {now_s:.1f} s.")
            self._on_progress(TELLING, told.now_s)
            for n in self._script.due(min(told.now_s, end_s), told.log):
                self._begin(n, stage, hands, speaking, told)
            for future in [f for f in speaking if f.done()]:
                speaking.remove(future)
                self._finish(future)
            if all(judged.verdict.state is not State.PENDING for judged in self._judge(told)):
                break
        self._on_progress(DONE, told.now_s)

    def _begin(
        self,
        n: int,
        stage: "Stage",
        hands: ThreadPoolExecutor,
        speaking: list["Future[None]"],
        told: _Telling,
    ) -> None:
        entry = self._scenario.timeline[n]
        now_s = stage.now_s() - told.observer.start_s
        self._script.begin(n, now_s)
        told.done.append(_done(entry, now_s))
        try:
            if entry.resident:
                stage.act(entry.resident)
            elif entry.fault:
                stage.fault(entry.fault)
            elif entry.spawn:
                stage.spawn(entry.spawn)
            elif entry.operator and entry.operator.say:
                # Until it has been said; the story goes on meanwhile.
                speaking.append(hands.submit(stage.operate, entry.operator))
            elif entry.operator:
                stage.operate(entry.operator)
        except UsageError as error:
            raise _CannotGoOnError(f"timeline[{n}] ({_done(entry, now_s).words}): {error}") from None

    def _finish(self, future: "Future[None]") -> None:
        try:
            future.result()
        except UsageError as error:
            raise _CannotGoOnError(f"The operator could not speak: {error}") from None

    def _next(self, timeout_s: float) -> Observed | None:
        """The next event; None where none comes within `timeout_s` or half a second."""
        try:
            return self._events.get(timeout=min(max(timeout_s, 0.0), 0.5))
        except queue.Empty:
            return None

    def _note(self, event: Observed, told: _Telling) -> None:
        told.log += told.observer.observe(event)
        self._on_event(event, told.observer.start_s)

    def _judge(self, told: _Telling) -> list[Judged]:
        end_s, labels = self._scenario.duration, self._script.labels
        return [
            Judged(
                said(expectation),
                expectation.never is not None,
                judge(expectation, told.log, labels, told.now_s, end_s),
                window(expectation, labels, end_s),
            )
            for expectation in self._scenario.expect
        ]

    def _check_launch(self) -> None:
        if self._nodes.stopped:
            errors = " ".join(self._nodes.last_errors)
            raise _CannotGoOnError(f"The system ended by itself: {self._nodes.stopped}. {errors}".rstrip())


def _done(entry: Entry, t_s: float) -> Done:
    """An entry in words, such as “resident: walk to sofa_1”."""
    if entry.resident:
        a = entry.resident
        where = a.place or (a.target and f"({a.target[0]:g}, {a.target[1]:g})")
        words = " ".join(
            filter(None, [a.act.replace("_", " "), where and f"→ {where}", a.text and f"“{a.text}”"])
        )
        return Done(t_s, a.who, words)
    if entry.fault:
        f = entry.fault
        words = " ".join(filter(None, [f.kind.replace("_", " "), f.target, "" if f.active else "mended"]))
        return Done(t_s, "fault", words)
    if entry.spawn:
        return Done(t_s, "spawn", f"{entry.spawn.model} {entry.spawn.name}")
    operator = entry.operator
    name = (
        next((n for n in type(operator).model_fields if getattr(operator, n) is not None), "")
        if operator
        else ""
    )
    return Done(t_s, "operator", name)


def _page(page: dict[str, Any], now_s: float) -> Page:
    words = {name: str(page.get(name, "")) for name in ("alarm_id", "kind", "text_ko", "text_en")}
    return Page(
        now_s,
        id=str(page["page_id"]),
        to=str(page.get("contact", "")),
        repeat=bool(page.get("repeat")),
        **words,
    )


def _free_port() -> int:
    """A port of this machine that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
