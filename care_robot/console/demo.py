"""``./care demo``: a fall in the simulated home, or on a video, the real nodes, and what they make of it."""

import contextlib
import os
import queue
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from care_robot import __version__
from care_robot.bringup.domain import own_domain
from care_robot.bringup.launch_xml import load_plan
from care_robot.bringup.launcher import find_launch_file
from care_robot.bringup.supervisor import Launcher
from care_robot.console.errors import UsageError
from care_robot.console.events import Event, PeopleSeen
from care_robot.console.operator_node import Operator
from care_robot.console.pager import Pager
from care_robot.console.timeline import Line, PageReceived, Step, Timeline
from care_robot.console.videos import check_video
from care_robot.evaluation.expectations import State
from care_robot.evaluation.launch_log import LaunchLog
from care_robot.evaluation.observations import NodeReport, Observed, Page, Truth
from care_robot.evaluation.scenario import ScenarioError, find_scenario, load_scenario
from care_robot.evaluation.scenario_run import Options, Outcome, run_scenario

Events = queue.Queue[Event | PageReceived]

STORY = "fall_unanswered"
CARER = "demo carer"
START_TIMEOUT_S = 90.0
"""Until the first picture has been looked at; a cold start of MediaPipe on a busy machine takes a while."""
BLIND_TIMEOUT_S = 8.0
"""Without a new picture for this long, and no fall: the video is over."""
STORY_TIMEOUT_S = 180.0
"""From a fall to its acknowledgement: domain.md allows 75 s to the first page, and the rest is slack."""
LOOK_S = 0.5


def run_demo(story: str | None, video: Path | None, language: str, out: Path | None, console: Console) -> int:
    """Tell a story, or play a video, to the whole system and print the timeline; 0 only if it ended well.

    Parameters
    ----------
    story
        A scenario; None for the main one, unless a video is given.
    video
        Any video file instead.
    language
        ``ko`` or ``en``: what the robot speaks.
    out
        Folder that keeps the database, the spoken WAV files and the nodes' log; None for a temporary one.
    """
    if story is not None and video is not None:
        raise UsageError("Give a story or --video FILE, not both.")
    # Ended from outside, the demo tidies up as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if video is None:
        return _tell(story or STORY, language, out, console)
    video, folder = check_video(video), _new_folder(out)
    try:
        # A domain of its own: the demo neither pages for a real robot nor hears one.
        with own_domain(os.environ):
            timeline, why, log = _play(video, folder, language, console)
        return _conclude(timeline, why, log, keep=out is not None, console=console)
    except BaseException:
        if out is None:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _new_folder(out: Path | None) -> Path:
    """The folder of this run; UsageError where it cannot be made or holds another run."""
    if out is None:
        return Path(tempfile.mkdtemp(prefix="care_robot_demo_"))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The folder {out} cannot be made: {error.strerror}; give another --out.") from error
    if (out / "care.db").exists():
        raise UsageError(f"{out} holds the database of another run; give --out a new folder.")
    return out.resolve()


# A story in the simulated home -----------------------------------------------------------------------------


def _tell(story: str, language: str, out: Path | None, console: Console) -> int:
    try:
        scenario = load_scenario(find_scenario(story))
    except ScenarioError as error:
        raise UsageError(str(error)) from None
    options = Options(sim="physics", language=language, folder=_new_folder(out) if out else None)
    title = f"{scenario.title.ko} · {scenario.title.en}"
    console.print(f"[bold]care_robot {__version__}[/] · {escape(title)}", highlight=False)
    timeline = Timeline()
    with console.status("Starting the simulated home …") as status:

        def show(event: Observed, start_s: float) -> None:
            for line in (
                timeline.observe(_received(event)) if not isinstance(event, Truth | NodeReport) else ()
            ):
                _print(line, start_s, console)

        def progress(state: str, now_s: float) -> None:
            if now_s > 0.0:
                status.update(f"{state}: {now_s:.0f} s of at most {scenario.duration:.0f} s")

        outcome = run_scenario(scenario, options, show, progress)
    return _judge(outcome, kept=out is not None, console=console)


def _received(event: Event | Page) -> Event | PageReceived:
    if not isinstance(event, Page):
        return event
    return PageReceived(event.t_s, event.alarm_id, event.text_ko, event.text_en, event.repeat)


def _judge(outcome: Outcome, *, kept: bool, console: Console) -> int:
    for judged in outcome.expectations:
        mark = "[green]✓[/]" if judged.verdict.state is State.PASSED else "[red]✗[/]"
        console.print(
            f"{mark} {escape(judged.verdict.sentence or judged.words)}", highlight=False, soft_wrap=True
        )
    if outcome.problem:
        console.print(f"[red]error:[/] {escape(outcome.problem)}", highlight=False, soft_wrap=True)
    if outcome.passed:
        console.print("[green]✓[/] The story went as it should.")
    for error in () if outcome.passed else outcome.errors:
        console.print(f"[red]error:[/] {escape(error)}", highlight=False)
    if kept or not outcome.passed:
        what = "The nodes' log, the database and what was said are in"
        console.print(f"{what} {escape(outcome.folder)}", highlight=False, soft_wrap=True)
    return int(not outcome.passed)


# A video ---------------------------------------------------------------------------------------------------


def _play(video: Path, folder: Path, language: str, console: Console) -> tuple[Timeline, str, LaunchLog]:
    """Run the system on a video; the timeline, why it stopped, and the log."""
    os.environ["ROS_LOG_DIR"] = str(folder / "ros")
    console.print(f"[bold]care_robot {__version__}[/] · {escape(video.name)}", highlight=False)
    events: Events = queue.Queue()
    log = LaunchLog(folder / "nodes.log")
    with Pager(lambda page: events.put(_page(page))) as pager:
        arguments = {
            "source": str(video),
            "loop": "false",
            "language": language,
            "data_dir": str(folder),
            "state_dir": str(folder),
            "wav_dir": str(folder / "spoken"),
            "webhook_url": pager.url,
        }
        plan = load_plan(find_launch_file("bringup"), arguments, os.environ)
        begin_s = time.time()
        with Launcher(plan, log.note, show=False), Operator(timeout_s=20.0) as operator:
            operator.watch(events.put)
            return *_follow(events, lambda: log.stopped, operator, console, begin_s), log


def _page(page: dict[str, Any]) -> PageReceived:
    return PageReceived(
        time.time(),
        str(page.get("alarm_id", "")),
        str(page.get("text_ko", "")),
        str(page.get("text_en", "")),
        bool(page.get("repeat", False)),
    )


def _follow(
    events: Events, stopped: Callable[[], str], operator: Operator, console: Console, begin_s: float
) -> tuple[Timeline, str]:
    """Print lines until the story is complete or cannot be any more; the timeline and why it stopped."""
    timeline, begun = Timeline(), False
    deadline_s, why = time.monotonic() + START_TIMEOUT_S, "no picture was looked at"
    while timeline.missing:
        if stopped():
            return timeline, stopped()
        if time.monotonic() >= deadline_s:
            return timeline, why
        event: Event | PageReceived | None = None
        with contextlib.suppress(queue.Empty):
            event = events.get(timeout=LOOK_S)
        if event is None:
            continue
        for line in timeline.observe(event):
            _print(line, begin_s, console)
        if timeline.alarm_id and not begun:
            begun = True
            deadline_s, why = time.monotonic() + STORY_TIMEOUT_S, "the story took too long"
        elif isinstance(event, PeopleSeen) and event.cameras and not begun:
            deadline_s, why = time.monotonic() + BLIND_TIMEOUT_S, "the video ended without a confirmed fall"
        if isinstance(event, PageReceived) and event.alarm_id == timeline.alarm_id:
            operator.acknowledge(event.alarm_id, CARER)
        if timeline.resolved:
            return timeline, "the alarm was resolved without a human"
    return timeline, ""


def _print(line: Line, begin_s: float, console: Console) -> None:
    colour = {Step.FALL: "red", Step.PAGED: "yellow", Step.ACKNOWLEDGED: "green"}.get(line.step, "cyan")
    console.print(f"{max(0.0, line.t_s - begin_s):7.1f} s  [{colour}]{line.step.title:<24}[/]", end=" ")
    console.print(line.detail, markup=False, highlight=False, soft_wrap=True)


def _conclude(timeline: Timeline, why: str, log: LaunchLog, *, keep: bool, console: Console) -> int:
    folder = log.path.parent
    if not timeline.missing and not timeline.out_of_order:
        console.print("[green]✓[/] The loop closed: seen, asked, and a human told.")
        if keep:
            console.print(f"Kept in {folder}", highlight=False)
        else:
            shutil.rmtree(folder, ignore_errors=True)
        return 0
    for error in log.last_errors:
        console.print(f"[red]error:[/] {escape(error)}", highlight=False)
    steps = ", ".join(step.value[1] for step in timeline.missing or timeline.out_of_order)
    what = f"Not reached: {steps}; {why}." if timeline.missing else f"Out of order: {steps}."
    console.print(f"[red]✗[/] {escape(what)}", highlight=False)
    console.print(f"The nodes' log, the database and what was said are in {folder}", highlight=False)
    return 1
