"""``bench resources``: whether the simulated home keeps real time on this machine, and what it takes."""

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from care_robot.bringup.domain import own_domain
from care_robot.bringup.launch_xml import load_plan
from care_robot.bringup.launcher import find_launch_file
from care_robot.bringup.supervisor import Event, Exited, Launcher, OutputLine, Started, Stopping
from care_robot.evaluation.bench import START_TIMEOUT_S, BenchError, usage, wait_with_progress

if TYPE_CHECKING:
    from care_robot.evaluation.rates_node import Counted

SETTLE_S = 5.0
"""After the start, before the measurement: models are loaded and first pictures looked at."""
ALL_ACTIVE = "nodes are active."
"""How the lifecycle manager's line ends when everything is up."""

ENOUGH = 0.9
"""Of its rate that every sensor has to deliver."""


class Run:
    """One launch of the simulated home, measured over a while.

    Attributes
    ----------
    startup_s
        From the start of the launch until the lifecycle manager says that every node is active.
    counted
        What was published in the time that was measured.
    cpu_pct, rss_mb
        Of each process, in that time: % of a core, and MB at its end.
    """

    def __init__(self, arguments: dict[str, str], folder: Path, duration_s: float, console: Console) -> None:
        # Imported late: this module's other users need no ROS.
        from care_robot.evaluation.rates_node import LOGIC, SENSORS, Rates  # noqa: PLC0415

        self.topics = SENSORS if arguments["sim"] == "physics" else LOGIC
        self._pids: dict[str, int] = {}
        self._said: list[str] = []
        self._ended, self._ready = threading.Event(), threading.Event()
        folder.mkdir()
        os.environ["ROS_LOG_DIR"] = str(folder / "ros")
        arguments = {**arguments, "data_dir": str(folder)}
        begin_s = time.monotonic()
        with own_domain(os.environ), Rates(self.topics) as rates:
            plan = load_plan(find_launch_file("sim"), arguments, os.environ)
            with Launcher(plan, self._note, show=False):
                console.print(f"Starting the {arguments['sim']} world …")
                if not self._ready.wait(START_TIMEOUT_S) or self._ended.is_set():
                    raise BenchError("Not all nodes came up; they said last: " + self._last_words())
                self.startup_s = time.monotonic() - begin_s
                self._ended.wait(SETTLE_S)
                before, used = rates.look(), usage(self._pids)
                wait_with_progress(duration_s, self._ended, console)
                if self._ended.is_set():
                    raise BenchError("A node ended during the measurement: " + self._last_words())
                self.counted: Counted = rates.since(before)
                after = usage(self._pids)
        wall_s = self.counted.wall_s
        self.cpu_pct = {n: round(100 * (after[n][0] - used[n][0]) / wall_s, 1) for n in after}
        self.rss_mb = {n: round(after[n][1] / 1e6, 1) for n in after}

    def shares(self) -> dict[str, float]:
        """Of its rate that each topic had, in simulated time."""
        return {topic: round(self.counted.share(topic, rate), 3) for topic, (_, rate) in self.topics.items()}

    def _last_words(self) -> str:
        return " / ".join(self._said[-3:])

    def _note(self, event: Event) -> None:
        if isinstance(event, Started):
            self._pids[event.label] = event.pid
        elif isinstance(event, OutputLine):
            self._said.append(event.text)
            if event.text.endswith(ALL_ACTIVE):
                self._ready.set()
        elif isinstance(event, Exited | Stopping):
            self._ended.set()
            self._ready.set()  # nothing more comes
