"""``./care eval falls``: how many falls are found in recordings, and how many are made up."""

import fnmatch
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from care_robot.console.errors import UsageError
from care_robot.evaluation.fall_eval import (
    Folders,
    Result,
    crashed,
    evaluate,
    figures_of,
    scored_of,
    write_report,
)
from care_robot.evaluation.fall_manifest import Clip, Label, ManifestError, read_manifest
from care_robot.evaluation.fall_page import write_page
from care_robot.evaluation.fall_scoring import metrics_of, worst_first
from care_robot.evaluation.fall_tuning import GRID, Rehearsed, choose, perform, rehearse, variants
from care_robot.evaluation.workers import each

T = TypeVar("T")
R = TypeVar("R")
SHOWN = 20
"""Errors that the terminal shows; the report has them all."""


@dataclass(frozen=True)
class Asked:
    """What the user asked for.

    Parameters
    ----------
    rate_hz
        Pictures looked at in a second, at most.
    only
        Pattern of file names, as in a shell; all clips unless given.
    tune
        Choose thresholds on the other groups for each group.
    """

    manifest: Path
    root: Path
    out: Path
    video_out: Path | None = None
    jobs: int = 1
    rate_hz: float = math.inf
    only: str | None = None
    tune: bool = False


def run_falls(asked: Asked, console: Console) -> int:
    """Evaluate; 0 where every clip could be read, 1 where one could not, 130 where it was interrupted."""
    try:
        clips = read_manifest(asked.manifest, asked.root)
    except ManifestError as error:
        raise UsageError(str(error)) from None
    if asked.only is not None:
        clips = [c for c in clips if fnmatch.fnmatch(c.file, asked.only) or asked.only in c.file]
        if not clips:
            raise UsageError(f"No file in {asked.manifest} fits {asked.only}; give --only another pattern.")
    folders = _folders(asked)
    results: dict[int, Result] = {}
    more: dict[str, Any] = {} if math.isinf(asked.rate_hz) else {"rate_hz": asked.rate_hz}
    interrupted = False
    try:
        if asked.tune:
            more["tuning"] = _tune(clips, folders, asked, results, console)
        else:
            work = partial(evaluate, folders=folders, rate_hz=asked.rate_hz)
            done = _each("Clips", work, clips, asked.jobs, console)
            results.update((n, r or crashed(clips[n])) for n, r in done)
    except KeyboardInterrupt:
        interrupted = True
        if not results:
            raise
    ordered = [results[n] for n in sorted(results)]
    try:
        write_report(ordered, len(clips) - len(ordered), folders, asked.out, more)
        write_page(ordered, figures_of(ordered), folders.pictures / "index.html")
    except OSError as error:
        raise UsageError(f"{error.filename or asked.out} cannot be written: {error.strerror}.") from None
    _show(ordered, more, folders, asked, console)
    if interrupted:
        console.print(
            f"Interrupted: {len(clips) - len(ordered)} clips are not in the report.", style="yellow"
        )
        return 130
    return int(any(result.failure for result in ordered))


def _folders(asked: Asked) -> Folders:
    """Folders that can be written, beside the report."""
    if asked.out.is_dir():
        raise UsageError(f"The report {asked.out} is a folder; give --out a file.")
    folders = Folders(asked.out.with_name(f"{asked.out.stem}_pictures"), asked.video_out)
    for folder in (folders.pictures, folders.videos):
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / ".writable").touch()
                (folder / ".writable").unlink()
            except OSError as error:
                raise UsageError(
                    f"The folder {folder} cannot be written ({error.strerror}): give --out and --video-out "
                    "places of yours."
                ) from None
    return folders


def _each(
    what: str, work: Callable[[T], R], items: Sequence[T], jobs: int, console: Console
) -> Iterator[tuple[int, R | None]]:
    """`each` with a bar; all work ends with it."""
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress, closing(each(work, items, jobs)) as done:
        task = progress.add_task(what, total=len(items))
        for n, result in done:
            progress.advance(task)
            yield n, result


def _tune(
    clips: Sequence[Clip], folders: Folders, asked: Asked, results: dict[int, Result], console: Console
) -> dict[str, Any]:
    """Leave one group out at a time; fills the results, and gives what the report says of the choice."""
    work = partial(rehearse, rate_hz=asked.rate_hz)
    rehearsed: dict[int, Rehearsed] = {}
    failed: dict[int, Result] = {}
    for n, played in _each("Clips", work, clips, asked.jobs, console):
        if isinstance(played, Rehearsed):
            rehearsed[n] = played
        else:
            failed[n] = played or crashed(clips[n])
    tried = variants()
    numbers = sorted(rehearsed)
    chosen = choose([rehearsed[n].scores for n in numbers])
    choices = [(rehearsed[n].seen, tried[chosen[clips[n].group]].settings) for n in numbers]
    drawn = {
        numbers[m]: result or crashed(clips[numbers[m]])
        for m, result in _each("Left out", partial(perform, folders=folders), choices, asked.jobs, console)
    }
    results.update(failed | drawn)
    return {
        "grid": {name: [1.0, *factors] for name, factors in GRID.items()},
        "chosen": {group: dict(tried[number].changed) for group, number in chosen.items()},
        "shipped": metrics_of([rehearsed[n].scores[0] for n in numbers]),
    }


def _show(
    results: Sequence[Result], more: Mapping[str, Any], folders: Folders, asked: Asked, console: Console
) -> None:
    scored = scored_of(results)
    table = Table("Clips", "A fall confirmed", "No fall confirmed", box=None)
    for label, name in ((Label.FALL, "fall"), (Label.ADL, "activity")):
        of_label = [s for s in scored if s.clip.label is label]
        alarms = sum(s.right is (label is Label.FALL) for s in of_label)
        table.add_row(name, str(alarms), str(len(of_label) - alarms))
    console.print(table)
    metrics = figures_of(results)
    for name, value in metrics.items():
        if name.endswith(("_low", "_high")):
            continue
        low, high = (metrics.get(f"{name}_{end}") for end in ("low", "high"))
        between = "" if low is None else f"  ({low:.3f} to {high:.3f})"
        console.print(f"{name:<22} {value:g}{between}", highlight=False)
    if "tuning" in more:
        _show_tuning(more["tuning"], console)
    errors = [r.failure for r in results if r.failure]
    for s in worst_first(scored):
        errors.append(f"{s.clip.file} ({s.clip.activity or s.clip.label.value}): {s.reason}")
    for words in errors[:SHOWN]:
        console.print(f"[red]✗[/] {escape(words)}", highlight=False, soft_wrap=True)
    if len(errors) > SHOWN:
        console.print(f"… and {len(errors) - SHOWN} more; the report has them all.")
    for result in results:
        if result.remark:
            console.print(f"[yellow]![/] {escape(result.remark)}", highlight=False, soft_wrap=True)
    written = [asked.out, folders.pictures / "index.html", *([folders.videos] if folders.videos else [])]
    console.print(f"Written to {', '.join(map(str, written))}", highlight=False, soft_wrap=True, markup=False)


def _show_tuning(tuning: Mapping[str, Any], console: Console) -> None:
    table = Table("Group left out", "Thresholds chosen on the others", box=None)
    for group, changed in tuning["chosen"].items():
        words = ", ".join(f"{name} {value:g}" for name, value in changed.items())
        table.add_row(escape(group), words or "as shipped")
    console.print(table)
    shipped = tuning["shipped"]
    figures = ", ".join(f"{n} {shipped[n]:g}" for n in ("sensitivity", "specificity") if n in shipped)
    console.print(f"With the shipped thresholds: {figures}", highlight=False)
