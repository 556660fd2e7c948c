"""How soon care_manager has decided on an event and stored it, with sixty residents on one core."""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from care_robot.bringup.domain import own_domain
from care_robot.bringup.launch_xml import load_plan
from care_robot.bringup.supervisor import Event, Launcher, OutputLine, Started
from care_robot.evaluation.alarm_boundaries import Receiver
from care_robot.evaluation.alarm_kills import write_launch
from care_robot.evaluation.bench import START_TIMEOUT_S, BenchError

RESIDENTS = 60
EVENTS = 300
DURATION_S = 60.0
SETTLE_S = 2.0
LAST_S = 10.0
"""After the last event: by then every one is decided, or lost."""


def run_load(
    folder: Path,
    seed: int,
    *,
    residents: int = RESIDENTS,
    events: int = EVENTS,
    duration_s: float = DURATION_S,
    on_event: Callable[[int], object] = lambda _n: None,
) -> list[float | None]:
    """Seconds from the publication of each event to the ``alarms`` message that holds it as stored.

    Everybody falls once, then again and again; nobody takes an alarm, so all of them stay open, and are shown
    in each message. None for an event that never came to an alarm.

    Parameters
    ----------
    folder
        Empty, for the database and the logs.
    seed
        Draws who falls when.
    on_event
        Gets the number of each event when it is published.
    """
    # Imported late: this module's other users need no ROS.
    from care_robot.evaluation.alarm_bench_node import Bystander, stored_events  # noqa: PLC0415

    rng = random.Random(f"load {seed}")  # noqa: S311 (no secret)
    rooms = [f"room{n}" for n in rng.sample(range(1, residents + 1), residents)]
    rooms += [rng.choice(rooms) for _ in range(events - residents)]
    times_s = sorted(rng.uniform(0.0, duration_s) for _ in range(events))
    heard: list[tuple[float, bytes]] = []
    said, up = [""], threading.Event()

    def note(event: Event) -> None:
        if isinstance(event, Started) and event.label == "care_manager":
            os.sched_setaffinity(event.pid, {core})
        elif isinstance(event, OutputLine):
            said.append(event.text)

    def keep(t_s: float, data: bytes) -> None:
        heard.append((t_s, data))
        up.set()

    os.environ["ROS_LOG_DIR"] = str(folder / "ros")
    published: list[tuple[str, float]] = []
    with ExitStack() as stack:
        core = stack.enter_context(_other_core())
        receiver = stack.enter_context(Receiver())
        path, arguments = write_launch(folder, residents, receiver.url, {})
        stack.enter_context(own_domain(os.environ))
        bystander = stack.enter_context(Bystander(keep))
        plan = load_plan(path, {**arguments, "with_speech": "false"}, os.environ)
        stack.enter_context(Launcher(plan, note, show=False))
        if not up.wait(START_TIMEOUT_S):
            raise BenchError("care_manager did not come up; it said last: " + " / ".join(said[-3:]))
        time.sleep(SETTLE_S)
        begin_s = time.monotonic()
        for n, (room, at_s) in enumerate(zip(rooms, times_s, strict=True)):
            time.sleep(max(0.0, begin_s + at_s - time.monotonic()))
            published.append((room, bystander.falls(f"load-{seed}-{n}", room)))
            on_event(n)
        time.sleep(LAST_S)
    # Unpacked only now: that takes longer than what is measured.
    decided: dict[tuple[str, int], float] = {}
    for t_s, data in heard:
        for room, count in stored_events(data).items():
            for n in range(count, 0, -1):
                if (room, n) in decided:
                    break
                decided[room, n] = t_s
    latencies: list[float | None] = []
    counts: dict[str, int] = {}
    for room, at_s in published:
        counts[room] = counts.get(room, 0) + 1
        decided_s = decided.get((room, counts[room]))
        latencies.append(None if decided_s is None else decided_s - at_s)
    return latencies


@contextmanager
def _other_core() -> Iterator[int]:
    """A core for the process that is measured; this one works on the others, where there are others."""
    before = os.sched_getaffinity(0)
    core, *others = sorted(before)
    try:
        os.sched_setaffinity(0, others or before)
        yield core
    finally:
        os.sched_setaffinity(0, before)
