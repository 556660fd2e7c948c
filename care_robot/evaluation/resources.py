"""``bench resources``: whether the simulated home keeps real time on this machine, and what it takes."""

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from care_robot.bringup.domain import own_domain
from care_robot.bringup.launch_xml import load_plan
from care_robot.bringup.launcher import find_launch_file
from care_robot.bringup.supervisor import Event, Exited, Launcher, OutputLine, Started, Stopping
from care_robot.evaluation.bench import START_TIMEOUT_S, BenchError, usage, wait_with_progress
from care_robot.evaluation.pose_shares import Cell, cell_count, measure, share_pct, summed
from care_robot.evaluation.report import Report
from care_robot.simulation.pose_views import ViewPosture

if TYPE_CHECKING:
    from care_robot.evaluation.rates_node import Counted

SETTLE_S = 5.0
"""After the start, before the measurement: models are loaded and first pictures looked at."""
ALL_ACTIVE = "nodes are active."
"""How the lifecycle manager's line ends when everything is up."""

ENOUGH = 0.9
"""Of its rate that every sensor has to deliver."""


PHYSICS = {
    "sim": "physics",
    "camera": "head_camera",
    "people": '[{"id": "resident", "place": "armchair"}]',  # in view of the robot on its dock
}
KINEMATIC = {"sim": "kinematic", "speed": "0.0"}


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


def bench_resources(folder: Path, duration_s: float, seed: int, console: Console) -> Report:
    """Measure both simulated worlds, and how many of the rendered people the pose estimator finds.

    Parameters
    ----------
    folder
        Empty, for databases and logs of the runs.
    duration_s
        Time measured of each world.
    seed
        Of the people in the pictures.
    """
    physics = Run(PHYSICS, folder / "physics", duration_s, console)
    kinematic = Run(KINEMATIC, folder / "kinematic", duration_s, console)
    cells = _find_people(seed, console)
    metrics = {
        "rtf_physics": round(physics.counted.real_time_factor, 3),
        "rtf_kinematic": round(kinematic.counted.real_time_factor, 2),
        "startup_s": round(physics.startup_s, 1),
        "rss_total_mb": round(sum(physics.rss_mb.values()), 1),
        "cpu_total_pct": round(sum(physics.cpu_pct.values()), 1),
        "sensor_rate_min_pct": round(100 * min(physics.shares().values()), 1),
        "kinematic_message_min_pct": round(100 * min(kinematic.shares().values()), 1),
        "pose_upright_pct": share_pct(cells, ViewPosture.STANDING, ViewPosture.WALKING),
        "pose_sitting_pct": share_pct(cells, ViewPosture.SITTING),
        "pose_lying_pct": share_pct(cells, ViewPosture.LYING),
    }
    trials: list[dict[str, Any]] = []
    for world, run in (("physics", physics), ("kinematic", kinematic)):
        for node, cpu_pct in run.cpu_pct.items():
            trials.append({"world": world, "node": node, "cpu_pct": cpu_pct, "rss_mb": run.rss_mb[node]})
        for topic, share in run.shares().items():
            enough = share >= ENOUGH
            reason = "" if enough else f"{topic} came at {100 * share:.0f} % of its rate."
            trials.append({"world": world, "topic": topic, "share": share, "reason": reason})
    for c in (cell for cell in cells if cell.views):
        seen = {"posture": c.posture.value, "camera": c.viewpoint.name.lower(), "distance_m": c.distance_m}
        trials.append({**seen, "found_pct": c.pct, "views": c.views})
    return Report("bench resources", seed=seed, metrics=metrics, trials=trials)


def _find_people(seed: int, console: Console) -> list[Cell]:
    columns = (TextColumn("Looking at people"), BarColumn(), TimeRemainingColumn())
    cells = []
    with Progress(*columns, console=console) as progress:
        for cell in progress.track(measure(seed), total=cell_count()):
            cells.append(cell)
    return summed(cells)
