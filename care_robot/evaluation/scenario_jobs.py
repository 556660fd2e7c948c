"""Runs many scenarios, each in a process of its own, as many at a time as are allowed."""

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from care_robot.bringup.domain import DomainError
from care_robot.bringup.launch_elements import LaunchFileError
from care_robot.console.errors import UsageError
from care_robot.evaluation.scenario import Scenario
from care_robot.evaluation.scenario_run import Options, Outcome, run_scenario

STOP_S = 40.0
"""Wall time for an interrupted run to end its nodes."""
PROGRESS_S = 0.2


@dataclass(frozen=True)
class Job:
    """One run."""

    scenario: Scenario
    options: Options


Progress = Callable[[int, str, float], None]
"""Gets the number of a job, what it is doing, and the simulated time of its story."""


def run_jobs(jobs: Sequence[Job], at_once: int, on_progress: Progress) -> list[Outcome]:
    """The outcome of each job, in order; UsageError where one cannot be run at all.

    Interrupted, it ends every run that is under way before it goes.
    """
    spawn = multiprocessing.get_context("spawn")
    waiting, running = deque(range(len(jobs))), dict[Connection, tuple[int, BaseProcess]]()
    outcomes: dict[int, Outcome] = {}
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                n = waiting.popleft()
                here, there = spawn.Pipe(duplex=False)
                process: BaseProcess = spawn.Process(target=_work, args=(there, jobs[n]))
                process.start()
                there.close()
                running[here] = (n, process)
            for pipe in wait(list(running)):
                assert isinstance(pipe, Connection)  # noqa: S101 (what wait was given)
                n, process = running[pipe]
                said = _hear(pipe)
                if isinstance(said, tuple):
                    on_progress(n, *said)
                    continue
                process.join()
                del running[pipe]
                if isinstance(said, str):
                    raise UsageError(said)
                job = jobs[n]
                outcomes[n] = said or _died(job, process.exitcode)
                on_progress(n, "passed" if outcomes[n].passed else "failed", outcomes[n].end_s)
    finally:
        _stop([process for _, process in running.values()])
        signal.signal(signal.SIGTERM, before)
    return [outcomes[n] for n in range(len(jobs))]


def _hear(pipe: Connection) -> Any:
    """Progress, an outcome, or an error's sentence; None where the process ended without."""
    try:
        return pipe.recv()
    except EOFError:
        return None


def _died(job: Job, code: int | None) -> Outcome:
    sim = job.options.sim or job.scenario.profile
    seed = job.scenario.seed if job.options.seed is None else job.options.seed
    return Outcome(
        job.scenario.name, sim, seed, problem=f"The process of the run died with exit code {code}."
    )


def _stop(processes: Sequence[BaseProcess]) -> None:
    for process in processes:
        process.terminate()
    limit_s = time.monotonic() + STOP_S
    for process in processes:
        process.join(max(0.1, limit_s - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()


def _work(pipe: Connection, job: Job) -> None:
    """In a process of its own: run, and tell through the pipe."""
    # Ctrl-C reaches the whole group of the terminal; only the parent decides, once, when a run ends.
    os.setsid()
    signal.signal(signal.SIGTERM, _interrupt)
    said_s = 0.0

    def progress(state: str, now_s: float) -> None:
        nonlocal said_s
        if time.monotonic() - said_s > PROGRESS_S:
            said_s = time.monotonic()
            pipe.send((state, now_s))

    try:
        pipe.send(run_scenario(job.scenario, job.options, on_progress=progress))
    except (UsageError, LaunchFileError, DomainError) as error:
        pipe.send(str(error))
    except (KeyboardInterrupt, BrokenPipeError):
        pass  # the parent wants it so, or is gone


def _interrupt(_number: int, _frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt
