"""``./care scenario``: lists and runs the stories of sim/scenarios, and says what became of each."""

import dataclasses
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from care_robot.console.errors import UsageError
from care_robot.evaluation.expectations import Happened
from care_robot.evaluation.report import Report
from care_robot.evaluation.scenario import (
    Scenario,
    ScenarioError,
    find_scenario,
    load_scenario,
    scenario_names,
)
from care_robot.evaluation.scenario_jobs import Job, run_jobs
from care_robot.evaluation.scenario_run import Options, Outcome
from care_robot.evaluation.timeline_picture import PictureError, write_picture


def list_scenarios(console: Console) -> int:
    """Show every scenario of the project; 0."""
    table = Table("Name", "What happens", "World", "Profile", "Seconds", box=None)
    for scenario in _load(scenario_names()):
        title = f"{scenario.title.ko} · {scenario.title.en}"
        table.add_row(
            scenario.name, escape(title), scenario.world, scenario.profile, f"{scenario.duration:g}"
        )
    console.print(table)
    return 0


def run_scenarios(
    names: Sequence[str],
    options: Options,
    console: Console,
    *,
    at_once: int = 1,
    repeat: int = 1,
    out: Path | None = None,
    pictures: Path | None = None,
) -> int:
    """Run scenarios by name or file; 0 only where every expectation of every run held.

    Parameters
    ----------
    at_once
        Runs at a time.
    repeat
        How often each is run, with the same seed.
    out
        The report, as JSON.
    pictures
        Folder for a picture of each run; None for one beside the report, or a temporary one without a report.
    """
    scenarios = _load(names)
    jobs = [Job(scenario, options) for scenario in scenarios for _ in range(repeat)]
    if options.video is not None and len(jobs) != 1:
        raise UsageError("--video records one run; name one scenario, without --repeat.")
    folder = pictures or (out and out.with_name(f"{out.stem}_pictures"))
    _check_writable(out, folder)
    outcomes = _run(jobs, at_once, console)
    folder = folder or Path(tempfile.mkdtemp(prefix="care_robot_pictures_"))
    shown = _picture_paths(outcomes, folder)
    for outcome, path in zip(outcomes, shown, strict=True):
        try:
            write_picture(outcome, path)
        except PictureError as error:
            raise UsageError(f"{error} Give --pictures another folder.") from None
    _show(outcomes, console)
    passed = sum(outcome.passed for outcome in outcomes)
    if out is not None:
        seed = options.seed if options.seed is not None else scenarios[0].seed
        metrics = {"passed": passed, "failed": len(outcomes) - passed}
        Report("scenario run", seed, metrics, list(map(_trial, outcomes, shown))).write(out)
        console.print(f"Written to {out}", highlight=False)
    console.print(f"A picture of each timeline is in {folder}", highlight=False)
    return int(passed < len(outcomes))


def chosen(names: Sequence[str], every: bool) -> list[str]:
    """The scenarios that are named, or every one; UsageError unless it is either."""
    if bool(names) is every:
        raise UsageError("Name scenarios to run, or give --all; see `./care scenario list`.")
    return scenario_names() if every else list(names)


def _load(names: Sequence[str]) -> list[Scenario]:
    """Each scenario once for each time that it is named."""
    try:
        return [load_scenario(find_scenario(name)) for name in names]
    except ScenarioError as error:
        raise UsageError(str(error)) from None


def _check_writable(out: Path | None, pictures: Path | None) -> None:
    """Before the runs, which take long: what is to be written can be."""
    if out is not None and (out.is_dir() or not _can_be_written(out.parent)):
        raise UsageError(f"The report {out} cannot be written; give --out a file in a folder of yours.")
    if pictures is not None and not _can_be_written(pictures):
        raise UsageError(f"The folder {pictures} cannot be written; give --pictures a folder of yours.")


def _can_be_written(folder: Path) -> bool:
    """Whether a file can be; the folder is made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _run(jobs: Sequence[Job], at_once: int, console: Console) -> list[Outcome]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        tasks = [
            progress.add_task(job.scenario.name, total=job.scenario.duration, state="waiting", start=False)
            for job in jobs
        ]

        def show(n: int, state: str, now_s: float) -> None:
            progress.start_task(tasks[n])
            progress.update(tasks[n], completed=max(0.0, now_s), state=f"{state}, {now_s:.0f} s")
            if state in ("passed", "failed"):
                progress.stop_task(tasks[n])

        return run_jobs(jobs, at_once, show)


def _show(outcomes: Sequence[Outcome], console: Console) -> None:
    table = Table("Scenario", "World", "Seed", "Result", "Story, s", "Wall, s", "Reason", box=None)
    for outcome in outcomes:
        result = "[green]✓ passed[/]" if outcome.passed else "[red]✗ failed[/]"
        reason = (
            outcome.reason if outcome.passed or not outcome.folder else f"{outcome.reason} ({outcome.folder})"
        )
        table.add_row(
            outcome.name,
            outcome.sim,
            str(outcome.seed),
            result,
            f"{outcome.end_s:.0f}",
            f"{outcome.wall_s:.0f}",
            escape(reason),
        )
    console.print(table)


def _picture_paths(outcomes: Sequence[Outcome], folder: Path) -> list[Path]:
    """A file for each run; those of one scenario are numbered."""
    paths: list[Path] = []
    for n, outcome in enumerate(outcomes):
        before = sum(other.name == outcome.name for other in outcomes[:n])
        name = outcome.name + (f"_{before + 1}" if before else "")
        paths.append(folder / f"{name}.png")
    return paths


def _trial(outcome: Outcome, picture: Path) -> dict[str, Any]:
    return {
        "scenario": outcome.name,
        "sim": outcome.sim,
        "seed": outcome.seed,
        "passed": outcome.passed,
        "reason": outcome.reason,
        "simulated_s": round(outcome.end_s, 2),
        "wall_s": round(outcome.wall_s, 2),
        "expectations": [
            {
                "expectation": judged.words,
                "result": judged.verdict.state.value,
                "at_s": _rounded(judged.verdict.t_s),
                "reason": judged.verdict.sentence,
            }
            for judged in outcome.expectations
        ],
        "done": [{**dataclasses.asdict(done), "t_s": round(done.t_s, 3)} for done in outcome.done],
        "events": [_event(what) for what in outcome.log if what.kind not in ("node", "distance")],
        "picture": str(picture),
        "folder": "" if outcome.passed else outcome.folder,
    }


def _event(what: Happened) -> dict[str, Any]:
    return {"t_s": round(what.t_s, 3), "kind": what.kind, "what": what.words}


def _rounded(t_s: float | None) -> float | None:
    return None if t_s is None or not math.isfinite(t_s) else round(t_s, 3)
