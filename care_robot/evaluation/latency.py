"""``bench latency``: how old a picture is when its people and falls are told, and what seeing costs.

Three runs of the real nodes: one camera before which somebody walks and falls, the same before an empty room,
and four cameras at once on two cores.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

import numpy as np
from rich.console import Console

from care_robot.bringup.domain import own_domain
from care_robot.bringup.launch_plan import LaunchPlan
from care_robot.bringup.launch_xml import load_plan
from care_robot.bringup.launcher import find_launch_file
from care_robot.bringup.supervisor import Event, Exited, Launcher, OutputLine, Started, Stopping
from care_robot.evaluation.bench import START_TIMEOUT_S, BenchError, usage, wait_with_progress
from care_robot.evaluation.report import Report, percentiles_ms

if TYPE_CHECKING:
    from care_robot.evaluation.latency_node import Latencies

CAMERA = "living_room_camera"
FOUR = ("living_room_camera", "bedroom_camera", "kitchen_camera", "hall_camera")
FOUR_RATE_HZ, FOUR_CORES = 5.0, 2
SEEING = ("video_camera", "pose_estimator", "people_tracker", "fall_detector")
"""The nodes of one camera, of which its CPU is the sum."""

SETTLE_S = 8.0
"""After the start: models are loaded, and the first pictures looked at."""
ENDS_S = 10.0
"""First and last part of a run, which are compared to see whether a lag grows."""


class Run:
    """One launch of the nodes, listened to; a context manager.

    Raises
    ------
    BenchError
        The nodes did not come up, or one ended.
    """

    def __init__(self, plan: LaunchPlan, folder: Path, cameras: Sequence[str], console: Console) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["ROS_LOG_DIR"] = str(folder / "ros")
        self._plan, self._cameras, self._console = plan, cameras, console
        self._stack = ExitStack()
        self._pids: dict[str, int] = {}
        self._said: list[str] = []
        self._ended = threading.Event()
        self.cpu_pct: dict[str, float] = {}
        self.rss_mb: dict[str, float] = {}
        self.measured_s = 0.0

    def __enter__(self) -> Run:
        # Imported late: the figures alone need no ROS.
        from care_robot.evaluation.latency_node import Latencies  # noqa: PLC0415

        self.heard: Latencies
        try:
            self._stack.enter_context(own_domain(os.environ))
            self.heard = self._stack.enter_context(Latencies(self._cameras))
            self._stack.enter_context(Launcher(self._plan, self._note, show=False))
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def measure(self, duration_s: float, *, somebody: bool) -> None:
        """Wait until pictures are looked at (and somebody is seen), then measure for some seconds."""
        ready = self.heard.somebody_seen if somebody else self.heard.everyone_heard
        if not ready.wait(START_TIMEOUT_S) or not self.heard.everyone_heard.wait(START_TIMEOUT_S):
            what = "Nobody was seen in the video" if somebody else "No picture was looked at"
            raise BenchError(f"{what}; the nodes said last: " + " / ".join(self._said[-3:]))
        self._ended.wait(SETTLE_S)
        self.heard.forget()
        begin_s, before = time.monotonic(), usage(self._pids)
        wait_with_progress(duration_s, self._ended, self._console)
        if self._ended.is_set():
            raise BenchError("A node ended during the measurement: " + " / ".join(self._said[-3:]))
        after = usage(self._pids)
        self.measured_s = time.monotonic() - begin_s
        self.cpu_pct = {n: round(100 * (after[n][0] - before[n][0]) / self.measured_s, 1) for n in after}
        self.rss_mb = {n: round(after[n][1] / 1e6, 1) for n in after}

    def seeing_pct(self) -> float:
        """CPU of the nodes of seeing together, % of a core."""
        return round(sum(pct for node, pct in self.cpu_pct.items() if node.rpartition("/")[2] in SEEING), 1)

    def rows(self, run: str) -> list[dict[str, Any]]:
        """CPU and memory of each node."""
        return [
            {"run": run, "node": n, "cpu_pct": self.cpu_pct[n], "rss_mb": self.rss_mb[n]}
            for n in self.cpu_pct
        ]

    def _note(self, event: Event) -> None:
        if isinstance(event, Started):
            self._pids[event.label] = event.pid
        elif isinstance(event, OutputLine):
            self._said.append(event.text)
        elif isinstance(event, Exited | Stopping):
            self._ended.set()


def bench_latency(
    video: Path, empty: Path, folder: Path, *, rate_hz: float, duration_s: float, console: Console
) -> Report:
    """Measure all three runs.

    Parameters
    ----------
    video
        Somebody moves in it; with a fall, or nothing is said of `falls`.
    empty
        The same without anybody.
    folder
        Empty, for databases and logs.
    rate_hz
        Pictures a second of the one camera.
    duration_s
        Time measured of each run.
    """
    console.print("One camera, somebody moves …")
    with Run(_one_camera(video, folder / "active", rate_hz), folder / "active", [CAMERA], console) as active:
        active.measure(duration_s, somebody=True)
    console.print("One camera, an empty room …")
    with Run(_one_camera(empty, folder / "idle", rate_hz), folder / "idle", [CAMERA], console) as idle:
        idle.measure(duration_s / 2, somebody=False)
    console.print(f"Four cameras on {FOUR_CORES} cores …")
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[:FOUR_CORES])  # the nodes inherit it
    try:
        with Run(_four_cameras(video, folder / "four"), folder / "four", FOUR, console) as four:
            four.measure(duration_s, somebody=True)
    finally:
        os.sched_setaffinity(0, cores)
    bodies_s = [lag for _, lag in active.heard.bodies_s[CAMERA]]
    metrics = {
        **stage_ms(bodies_s, "bodies"),
        **stage_ms(active.heard.people_s, "people"),
        **stage_ms(active.heard.falls_s, "falls"),
        "falls_changes": len(active.heard.falls_s),
        "people_hz": round(len(active.heard.people_s) / active.measured_s, 2),
        "cpu_active_pct": active.seeing_pct(),
        "cpu_idle_pct": idle.seeing_pct(),
        "cpu_all_active_pct": round(sum(active.cpu_pct.values()), 1),
        "cpu_all_idle_pct": round(sum(idle.cpu_pct.values()), 1),
        "rss_total_mb": round(sum(active.rss_mb.values()), 1),
        **four_metrics(four.heard.bodies_s, four.measured_s),
        "four_cameras_cpu_pct": four.seeing_pct(),
    }
    rows = [*active.rows("active"), *idle.rows("idle"), *four.rows("four cameras")]
    return Report(
        "bench latency", seed=0, metrics={k: v for k, v in metrics.items() if not math.isnan(v)}, trials=rows
    )


def stage_ms(lags_s: Sequence[float], name: str) -> dict[str, float]:
    """Metrics `<name>_p50_ms`, `_p95_ms` and `_p99_ms`; NaN where there are none."""
    p99 = float(np.percentile(lags_s, 99)) if lags_s else np.nan
    return {**percentiles_ms(lags_s, name), f"{name}_p99_ms": round(1e3 * p99, 1)}


def four_metrics(heard: Mapping[str, Sequence[tuple[float, float]]], measured_s: float) -> dict[str, float]:
    """Lag of four cameras: of the slowest at the end, how much it grew, and the share of pictures looked at.

    Parameters
    ----------
    heard
        Of each camera the time of each picture and its lag, s.
    """
    last, growth, pictures = [], [], []
    for lags in heard.values():
        if not lags:
            return {"four_cameras_lag_s": measured_s, "four_cameras_pictures_pct": 0.0}
        begin_s, end_s = lags[0][0], lags[-1][0]
        early = [lag for t_s, lag in lags if t_s <= begin_s + ENDS_S]
        late = [lag for t_s, lag in lags if t_s >= end_s - ENDS_S]
        last.append(float(np.median(late)))
        growth.append(float(np.median(late) - np.median(early)))
        pictures.append(100.0 * len(lags) / (measured_s * FOUR_RATE_HZ))
    every = [lag for lags in heard.values() for _, lag in lags]
    return {
        "four_cameras_lag_s": round(max(last), 3),
        "four_cameras_lag_growth_s": round(max(growth), 3),
        "four_cameras_lag_p95_s": round(float(np.percentile(every, 95)), 3),
        "four_cameras_pictures_pct": round(min(pictures), 1),
    }


def _one_camera(video: Path, folder: Path, rate_hz: float) -> LaunchPlan:
    arguments = {
        "source": str(video),
        "loop": "true",
        "frame_rate": str(rate_hz),
        "camera": CAMERA,
        "data_dir": str(folder),
        "state_dir": str(folder),
    }
    return load_plan(find_launch_file("bringup"), arguments, os.environ)


def _four_cameras(video: Path, folder: Path) -> LaunchPlan:
    """As bringup.launch.xml, with a camera more for each name."""
    folder.mkdir(parents=True, exist_ok=True)

    def include(name: str, **arguments: str) -> str:
        given = "".join(f"<arg name={quoteattr(k)} value={quoteattr(v)}/>" for k, v in arguments.items())
        file = quoteattr(str(find_launch_file("bringup").with_name(f"{name}.launch.xml")))
        return f"<group><include file={file}>{given}</include></group>"

    care = include("care", camera=", ".join(FOUR), data_dir=str(folder), state_dir=str(folder))
    cameras = "".join(
        include(
            "camera",
            camera=camera,
            source=str(video),
            loop="true",
            frame_rate=str(FOUR_RATE_HZ),
            state_dir=str(folder),
        )
        for camera in FOUR
    )
    looking = [f"{camera}/{node}" for node in ("pose_estimator", "video_camera") for camera in FOUR]
    nodes = ", ".join(["speech", "fall_detector", "people_tracker", *looking])
    path = folder / "four_cameras.launch.xml"
    path.write_text(
        f"<launch>{care}{cameras}"
        '<node pkg="care_robot" exec="lifecycle_manager" name="lifecycle_manager" on_exit="shutdown">'
        f'<param name="node_names" value="[{nodes}]"/>'
        '<param name="self_activated" value="[care_manager, safety_supervisor]"/>'
        "</node></launch>",
        encoding="utf-8",
    )
    return load_plan(path, {}, os.environ)


def render_empty_room(path: Path, seconds: float = 10.0) -> None:
    """Write a video of the demo's room without anybody, with a camera's noise.

    Raises
    ------
    RenderingError, RecordingError
        This machine cannot render, or the file cannot be written.
    """
    from care_robot.simulation.graphics import select_backend  # noqa: PLC0415 (before MuJoCo)

    select_backend()
    import mujoco  # noqa: PLC0415

    from care_robot.evaluation.recording import Recording  # noqa: PLC0415
    from care_robot.simulation.rendering import Renderer  # noqa: PLC0415
    from care_robot.simulation.room import CAMERA as ROOM_CAMERA  # noqa: PLC0415
    from care_robot.simulation.room import add_room  # noqa: PLC0415

    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    add_room(spec)
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    with Renderer(model, 640, 480) as renderer:
        room = renderer.render(data, ROOM_CAMERA).astype(np.float32)
    draw = np.random.default_rng(0)
    video = Recording(path, rate_hz=10.0)
    for n in range(round(seconds * 10)):
        grain = draw.normal(0.0, 2.0, (*room.shape[:2], 1))
        video.add(np.clip(room + grain, 0, 255).astype(np.uint8), n / 10)
    video.close()
