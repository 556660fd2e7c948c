"""``./care bench``: how fast the running system is, and what it takes of the machine."""

import os
import threading
import time
from pathlib import Path

import psutil
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from care_robot.bringup.domain import own_domain
from care_robot.bringup.launch_xml import load_plan
from care_robot.bringup.launcher import find_launch_file
from care_robot.bringup.supervisor import Event, Exited, Launcher, OutputLine, Started, Stopping
from care_robot.evaluation.report import Report, percentiles_ms

START_TIMEOUT_S = 120.0


class BenchError(Exception):
    """The measurement could not be made; the message says why."""


def bench_latency(video: Path, data_dir: Path, rate_hz: float, duration_s: float, console: Console) -> Report:
    """Frame to `people`, and CPU and memory of each node, while a video with a person plays in a loop.

    Parameters
    ----------
    video
        A video in which somebody is seen.
    data_dir
        Folder for the database of the run.
    rate_hz
        Frames a second that the camera node publishes.
    duration_s
        Time measured, after the first person was seen.
    """
    # Imported late: this module's other users need no ROS.
    from care_robot.evaluation.latency_node import PeopleLatency  # noqa: PLC0415

    pids: dict[str, int] = {}
    ended = threading.Event()
    said: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, Started):
            pids[event.label] = event.pid
        elif isinstance(event, OutputLine):
            said.append(event.text)
        elif isinstance(event, Exited | Stopping):
            ended.set()

    arguments = {
        "source": str(video),
        "loop": "true",
        "frame_rate": str(rate_hz),
        "data_dir": str(data_dir),
        "state_dir": str(data_dir),
    }
    plan = load_plan(find_launch_file("bringup"), arguments, os.environ)
    os.environ["ROS_LOG_DIR"] = str(data_dir / "ros")
    with own_domain(os.environ), PeopleLatency() as people, Launcher(plan, note, show=False):
        console.print("Starting the nodes …")
        if not people.somebody_seen.wait(START_TIMEOUT_S):
            raise BenchError("Nobody was seen in the video; the nodes said last: " + " / ".join(said[-3:]))
        begin_s = time.monotonic()
        first, before = len(people.latencies_s), usage(pids)
        wait_with_progress(duration_s, ended, console)
        if ended.is_set():
            raise BenchError("A node ended during the measurement: " + " / ".join(said[-3:]))
        latencies_s, after = people.latencies_s[first:], usage(pids)
        measured_s = time.monotonic() - begin_s
    cpu_pct = {n: round(100 * (after[n][0] - before[n][0]) / measured_s, 1) for n in pids}
    rss_mb = {n: round(after[n][1] / 1e6, 1) for n in pids}
    metrics = {
        **percentiles_ms(latencies_s, "people"),
        "people_hz": round(len(latencies_s) / measured_s, 2),
        "cpu_active_pct": round(sum(cpu_pct.values()), 1),
        "rss_total_mb": round(sum(rss_mb.values()), 1),
    }
    nodes = [{"node": n, "cpu_pct": cpu_pct[n], "rss_mb": rss_mb[n]} for n in pids]
    return Report("bench latency", seed=0, metrics=metrics, trials=nodes)


def usage(pids: dict[str, int]) -> dict[str, tuple[float, int]]:
    """CPU seconds and resident bytes of each process."""
    usage = {}
    for label, pid in pids.items():
        process = psutil.Process(pid)
        times = process.cpu_times()
        usage[label] = (times.user + times.system, process.memory_info().rss)
    return usage


def wait_with_progress(duration_s: float, ended: threading.Event, console: Console) -> None:
    """Show how much of the measurement is left; ends early where a process has ended."""
    columns = (TextColumn("Measuring"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        for _ in progress.track(range(round(duration_s))):
            if ended.wait(1.0):
                return
