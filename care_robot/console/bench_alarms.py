"""``./care bench alarms``: whether alarms are lost, how soon humans are paged, how often for nothing."""

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from care_robot.console.errors import UsageError
from care_robot.evaluation import alarm_burden, alarm_load, alarm_timelines
from care_robot.evaluation.alarm_kills import run_kills
from care_robot.evaluation.alarm_pictures import write_pictures
from care_robot.evaluation.alarm_report import (
    Row,
    burden_row,
    help_rows,
    kill_row,
    load_rows,
    read_rows,
    timeline_row,
    write,
)
from care_robot.evaluation.bench import BenchError

SAVE_EVERY = 100
"""Timelines after which the report is written, so that an interrupted run can be gone on with."""
REQUIRED = {
    "lost": "0",
    "shown_twice": "0",
    "late": "0",
    "kills": "50 or more",
    "page_p95_s": "75 or less",
    "help_to_page_p95_s": "5 or less",
    "decision_p95_ms": "50 or less",
    "false_pages_per_resident_day": "0.25 or less",
    "injected_paged_rate": "0.95 or more",
}
"""Beside the figures that stand in the requirements."""


def run_alarms(
    trials: int, kills: int, seed: int, out: Path, console: Console, *, append: bool = False
) -> int:
    """Measure the alarms; 0 where none was lost, late or shown twice.

    Parameters
    ----------
    trials
        Random timelines.
    kills
        Real SIGKILLs; 0 leaves the running processes out altogether.
    append
        Go on where the report stopped.
    """
    if out.is_dir() or not os.access(out.parent if out.parent.exists() else Path(), os.W_OK):
        raise UsageError(f"The report {out} cannot be written; give --out a file in a folder of yours.")
    try:
        rows = read_rows(out, seed) if append else []
        with tempfile.TemporaryDirectory(prefix="care_robot_bench_") as folder:
            for measure in (_timelines, _burdens, _kills, _load):
                measure(rows, _Plan(trials, kills, seed, out, Path(folder), console))
                report = write(rows, seed, out)
    except BenchError as error:
        raise UsageError(str(error)) from error
    return _show(rows, dict(report.metrics), out, console)


@dataclass(frozen=True)
class _Plan:
    trials: int
    kills: int
    seed: int
    out: Path
    folder: Path
    console: Console

    @contextmanager
    def progress(self, what: str, total: int, done: int = 0) -> Iterator[Callable[..., None]]:
        """A bar; call what it gives with how much is done."""
        columns = (
            TextColumn("{task.description:<28}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.console) as progress:
            task = progress.add_task(what, total=total, completed=done)
            yield lambda completed: progress.update(task, completed=completed)


def _of(rows: list[Row], part: str) -> list[Row]:
    return [row for row in rows if row["part"] == part]


def _timelines(rows: list[Row], plan: _Plan) -> None:
    known = {row["n"] for row in _of(rows, "timeline")}
    missing = [n for n in range(plan.trials) if n not in known]
    if not missing:
        return
    spawn = multiprocessing.get_context("spawn")
    workers = min(len(os.sched_getaffinity(0)), len(missing))
    with (
        alarm_timelines.empty_database() as template,
        ProcessPoolExecutor(workers, mp_context=spawn) as pool,
        plan.progress("Random timelines", plan.trials, len(known)) as show,
    ):
        told = [pool.submit(_tell, plan.seed, n, template) for n in missing]
        try:
            for done, future in enumerate(as_completed(told), len(known) + 1):
                rows.append(future.result())
                show(done)
                if done % SAVE_EVERY == 0:
                    write(rows, plan.seed, plan.out)
        finally:
            pool.shutdown(cancel_futures=True)
    rows.sort(key=lambda row: (row["part"] != "timeline", row["n"] if row["part"] == "timeline" else 0))


def _tell(seed: int, n: int, template: Path) -> Row:
    return timeline_row(alarm_timelines.tell(seed, n, template))


def _burdens(rows: list[Row], plan: _Plan) -> None:
    known = {(row["false_rate"], row["independent"]) for row in _of(rows, "burden")}
    cells = [(rate, independent) for independent in (False, True) for rate in alarm_burden.RATES]
    with plan.progress("False pages", len(cells)) as show:
        for done, (rate, independent) in enumerate(cells, 1):
            if (rate, independent) not in known:
                rows.append(burden_row(alarm_burden.measure(plan.seed, rate, independent=independent)))
            show(done)


def _kills(rows: list[Row], plan: _Plan) -> None:
    before = _of(rows, "kill")
    done = sum(row["kills"] for row in before)
    if done < plan.kills:
        first = 1 + max((row["n"] for row in before), default=-1)
        with plan.progress("Kills of real processes", plan.kills, done) as show:
            count = done

            def note(trial: Any) -> None:
                nonlocal count
                count += trial.kills
                show(min(count, plan.kills))

            outcome = run_kills(plan.folder / "kills", plan.kills - done, plan.seed, first, note)
        rows += map(kill_row, outcome.trials)
        rows[:] = [row for row in rows if row["part"] != "help"] + help_rows(outcome.help_s)


def _load(rows: list[Row], plan: _Plan) -> None:
    if plan.kills and not _of(rows, "load"):
        with plan.progress("Events of 60 residents", alarm_load.EVENTS) as show:
            rows += load_rows(
                alarm_load.run_load(plan.folder / "load", plan.seed, on_event=lambda n: show(n + 1))
            )


def _show(rows: list[Row], metrics: dict[str, float], out: Path, console: Console) -> int:
    failures = [row for row in rows if row["reason"]]
    for row in failures[:20]:
        console.print(f"[red]✗[/] {row['part']} {row['n']}: {escape(row['reason'])}", highlight=False)
    if len(failures) > 20:
        console.print(f"… and {len(failures) - 20} more; the report has them all.")
    burden = Table(
        "False events a resident a day", "False pages", "Redrawn answers", "Real falls paged", box=None
    )
    by_cell = {(row["false_rate"], row["independent"]): row for row in _of(rows, "burden")}
    for rate in alarm_burden.RATES:
        same, redrawn = by_cell[rate, False], by_cell[rate, True]
        burden.add_row(
            f"{rate:g}",
            f"{same['false_pages_per_resident_day']:.3f}",
            f"{redrawn['false_pages_per_resident_day']:.3f}",
            f"{100 * same['paged_rate']:.0f} %",
        )
    console.print(burden)
    table = Table("Metric", "Measured", "Required", box=None)
    for name, value in metrics.items():
        table.add_row(name, f"{value:g}", REQUIRED.get(name, ""))
    console.print(table)
    pictures = write_pictures(rows, out)
    console.print(f"Written to {', '.join(map(str, [out, *pictures]))}", highlight=False)
    return int(any(metrics[name] for name in ("lost", "late", "shown_twice")))
