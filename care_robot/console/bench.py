"""``./care bench``: runs a measurement, shows it and writes its report."""

import os
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from care_robot.console.errors import UsageError
from care_robot.console.videos import check_video, demo_video
from care_robot.evaluation.bench import BenchError
from care_robot.evaluation.report import Report


def run_latency(video: Path | None, rate_hz: float, duration_s: float, out: Path, console: Console) -> int:
    """Measure how old pictures get on their way, and what seeing costs; 0 when the report is written."""
    _check_out(out)
    # Imported late: ROS, and a GL library for the video of the empty room.
    from care_robot.evaluation.latency import bench_latency, render_empty_room  # noqa: PLC0415
    from care_robot.evaluation.recording import RecordingError  # noqa: PLC0415
    from care_robot.simulation.graphics import RenderingError  # noqa: PLC0415

    video = check_video(video) if video else demo_video(console)
    with tempfile.TemporaryDirectory(prefix="care_robot_bench_") as folder:
        empty = Path(folder) / "empty.mp4"
        try:
            render_empty_room(empty)
            report = bench_latency(
                video, empty, Path(folder), rate_hz=rate_hz, duration_s=duration_s, console=console
            )
        except (BenchError, RecordingError, RenderingError) as error:
            raise UsageError(str(error)) from error
    table = Table("Run", "Node", "CPU, % of a core", "Memory, MB", box=None)
    for node in report.trials:
        table.add_row(node["run"], node["node"], str(node["cpu_pct"]), str(node["rss_mb"]))
    console.print(table)
    return _conclude(report, out, console)


def _check_out(out: Path) -> None:
    if out.is_dir() or not os.access(out.parent if out.parent.exists() else Path(), os.W_OK):
        raise UsageError(f"The report {out} cannot be written; give --out a file in a folder of yours.")


def _conclude(report: Report, out: Path, console: Console) -> int:
    for name, value in report.metrics.items():
        console.print(f"{name:<26} {value:g}")
    report.write(out)
    console.print(f"Written to {out}", highlight=False)
    return 0


def run_resources(duration_s: float, seed: int, out: Path, console: Console) -> int:
    """Measure what the simulated home takes, and what it shows; 0 when the report is written."""
    _check_out(out)
    # Imported late: rendering needs MuJoCo and a GL library.
    from care_robot.evaluation.resources import bench_resources  # noqa: PLC0415
    from care_robot.simulation.graphics import RenderingError  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="care_robot_bench_") as folder:
        try:
            report = bench_resources(Path(folder), duration_s, seed, console)
        except (BenchError, RenderingError) as error:
            raise UsageError(str(error)) from error
    for first in ("node", "topic", "posture"):
        rows = [trial for trial in report.trials if first in trial]
        table = Table(*(name.replace("_", " ") for name in rows[0]), box=None)
        for row in rows:
            table.add_row(
                *(f"{value:g}" if isinstance(value, float) else str(value) for value in row.values())
            )
        console.print(table)
    return _conclude(report, out, console)
