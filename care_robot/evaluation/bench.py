"""What measurements of the running system have in common."""

import threading

import psutil
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

START_TIMEOUT_S = 120.0


class BenchError(Exception):
    """The measurement could not be made; the message says why."""


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
