"""``./care bench``: runs a measurement, shows it and writes its report."""

import os
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from care_robot.console.errors import UsageError
from care_robot.console.videos import check_video, demo_video
from care_robot.evaluation.bench import BenchError, bench_latency


def run_latency(video: Path | None, rate_hz: float, duration_s: float, out: Path, console: Console) -> int:
    """Measure latency and resources; 0 when the report is written."""
    if out.is_dir() or not os.access(out.parent if out.parent.exists() else Path(), os.W_OK):
        raise UsageError(f"The report {out} cannot be written; give --out a file in a folder of yours.")
    video = check_video(video) if video else demo_video(console)
    with tempfile.TemporaryDirectory(prefix="care_robot_bench_") as folder:
        try:
            report = bench_latency(video, Path(folder), rate_hz, duration_s, console)
        except BenchError as error:
            raise UsageError(str(error)) from error
    table = Table("Node", "CPU, % of a core", "Memory, MB", box=None)
    for node in report.trials:
        table.add_row(node["node"], str(node["cpu_pct"]), str(node["rss_mb"]))
    console.print(table)
    for name, value in report.metrics.items():
        console.print(f"{name:<16} {value:g}")
    report.write(out)
    console.print(f"Written to {out}", highlight=False)
    return 0
