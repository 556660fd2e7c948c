"""``./care bench falls``: falls and hard activities of rendered people, and ordinary living on skeletons."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from care_robot.console.errors import UsageError
from care_robot.evaluation.bench import BenchError
from care_robot.evaluation.fall_bench_recipe import TUNING_SEEDS_FROM, Part, counts
from care_robot.evaluation.fall_bench_report import (
    SHARE,
    SKELETONS,
    UNSTAGED,
    Row,
    missing_trials,
    part,
    read_rows,
    write,
)
from care_robot.evaluation.workers import each
from care_robot.simulation.graphics import RenderingError, select_backend

REQUIRED = {
    "sensitivity": "0.97 or more",
    "false_events_hard_adl": "3 or less",
    "false_events_per_day": "0",
    "hours": "72",
}
"""What stands in the requirements."""
SHOWN = 20
"""Failures that the terminal shows; the report has them all."""


@dataclass(frozen=True)
class Asked:
    """What the user asked for.

    Parameters
    ----------
    falls
        How many falls are rendered; with them come half as many activities more, and a quarter found lying.
    hours
        Of ordinary living on skeletons.
    append
        Go on where the report stopped.
    """

    falls: int
    hours: float
    seed: int
    out: Path
    append: bool = False
    jobs: int = 1


def run_falls(asked: Asked, console: Console) -> int:
    """Measure; 0 when all of it is in the report, 130 where it was interrupted."""
    out = asked.out
    if out.is_dir() or not os.access(out.parent if out.parent.exists() else Path(), os.W_OK):
        raise UsageError(f"The report {out} cannot be written; give --out a file in a folder of yours.")
    try:
        select_backend()
        rows = read_rows(out, asked.seed) if asked.append else []
    except (BenchError, RenderingError) as error:
        raise UsageError(str(error)) from error
    if asked.seed < TUNING_SEEDS_FROM:
        console.print(f"Seed {asked.seed} is for measuring; tune on seeds from {TUNING_SEEDS_FROM} on.")
    try:
        _rendered(rows, asked, console)
        _skeletons(rows, asked, console)
    except KeyboardInterrupt:
        console.print(f"Interrupted; go on with: --append --out {out}", highlight=False)
        return 130
    except BenchError as error:
        raise UsageError(str(error)) from error
    _show(rows, asked, console)
    return 0


def _rendered(rows: list[Row], asked: Asked, console: Console) -> None:
    missing = missing_trials(rows, asked.falls)
    sheets = asked.out.with_name(asked.out.stem + "_failures")
    work = partial(_trial, asked.seed, sheets)
    with closing(each(work, missing, asked.jobs)) as done:
        _collect(rows, asked, console, "Rendered people", sum(counts(asked.falls).values()), missing, done)


def _trial(seed: int, sheets: Path, key: tuple[str, int]) -> Row:
    """One trial, in a process of its own."""
    os.environ.setdefault("LP_NUM_THREADS", "1")  # of Mesa's renderer: trials share the cores, not pictures
    from care_robot.evaluation import fall_bench  # noqa: PLC0415 (after the renderer's settings)

    return fall_bench.run(seed, Part(key[0]), key[1], sheets)


def _skeletons(rows: list[Row], asked: Asked, console: Console) -> None:
    from care_robot.evaluation.fall_skeletons import HOURS  # noqa: PLC0415 (MuJoCo)

    every = range(round(asked.hours / HOURS))
    known = {row["n"] for row in part(rows, SKELETONS)}
    missing = [n for n in every if n not in known]
    with closing(each(partial(_hours, asked.seed), missing, asked.jobs)) as done:
        _collect(rows, asked, console, f"Living, in {HOURS:g} h", len(every), missing, done)


def _hours(seed: int, n: int) -> Row:
    from care_robot.evaluation.fall_skeletons import HOURS, row_of  # noqa: PLC0415 (MuJoCo)

    return row_of(seed, n, HOURS)


def _collect(  # noqa: PLR0917 (one bar for both parts)
    rows: list[Row],
    asked: Asked,
    console: Console,
    what: str,
    total: int,
    missing: Sequence[Any],
    done: Iterator[tuple[int, Row | None]],
) -> None:
    """Show how far it is, and write each row into the report as it comes."""
    columns = (
        TextColumn("{task.description:<18}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(what, total=total, completed=total - len(missing))
        for n, row in done:
            if row is None:
                raise BenchError(
                    f"A process died of trial {missing[n]}; go on with --append to try it again."
                )
            rows.append(row)
            write(rows, asked.seed, asked.out)
            progress.advance(task)


def _show(rows: list[Row], asked: Asked, console: Console) -> None:
    report = write(rows, asked.seed, asked.out)
    failures = [row for row in rows if row["reason"] and row["part"] != SHARE]
    for row in failures[:SHOWN]:
        name = f"{row['part']} {row['n']} {row.get('kind', '')}"
        console.print(f"[red]✗[/] {name}: {escape(row['reason'])}", highlight=False)
    if len(failures) > SHOWN:
        console.print(f"… and {len(failures) - SHOWN} more; the report has them all.")
    groups = Table("Of", "By", "", "Right", "95 % interval", box=None)
    for row in part(report.trials, SHARE):
        interval = f"{row['low']:.2f} to {row['high']:.2f}"
        groups.add_row(
            row["of"], row["by"], str(row["value"]), f"{row['right']} of {row['trials']}", interval
        )
    console.print(groups)
    table = Table("Metric", "Measured", "Required", box=None)
    for name, value in report.metrics.items():
        table.add_row(name, f"{value:g}", REQUIRED.get(name, ""))
    console.print(table)
    if unstaged := len(part(rows, UNSTAGED)):
        console.print(f"{unstaged} trials found no room and no camera; they count for nothing.")
    console.print(f"Written to {asked.out}", highlight=False)
