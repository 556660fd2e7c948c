"""``./care demo``: a video of a fall, the real nodes, and the timeline of what they make of it."""

import hashlib
import os
import queue
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from care_robot import __version__
from care_robot.bringup.domain import own_domain
from care_robot.bringup.launch_xml import load_plan
from care_robot.bringup.launcher import find_launch_file
from care_robot.bringup.supervisor import Event as LaunchEvent
from care_robot.bringup.supervisor import Launcher, OutputLine, Stopping
from care_robot.console.errors import UsageError
from care_robot.console.events import Event, PeopleSeen
from care_robot.console.operator_node import Operator
from care_robot.console.pager import Pager
from care_robot.console.timeline import Line, PageReceived, Step, Timeline
from care_robot.perception.pose_model import cache_directory

Events = queue.Queue[Event | PageReceived | Stopping]

CARER = "demo carer"
START_TIMEOUT_S = 90.0
"""Until the first picture has been looked at; a cold start of MediaPipe on a busy machine takes a while."""
BLIND_TIMEOUT_S = 8.0
"""Without a new picture for this long, and no fall: the video is over."""
STORY_TIMEOUT_S = 180.0
"""From a fall to its acknowledgement: domain.md allows 75 s to the first page, and the rest is slack."""


def run_demo(video: Path | None, language: str, out: Path | None, console: Console) -> int:
    """Play a video to the whole system and print the timeline; 0 only if the story came to its end.

    Parameters
    ----------
    video
        Any video file; None for the one that the project renders.
    language
        ``ko`` or ``en``: what the robot speaks.
    out
        Folder that keeps the database, the spoken WAV files and the nodes' log; None for a temporary one.
    """
    # Ended from outside, the demo tidies up as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    video = check_video(video) if video else demo_video(console)
    folder = _new_folder(out)
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


def _play(video: Path, folder: Path, language: str, console: Console) -> "tuple[Timeline, str, _Log]":
    """Run the system on a video; the timeline, why it stopped, and the log."""
    os.environ["ROS_LOG_DIR"] = str(folder / "ros")
    console.print(f"[bold]care_robot {__version__}[/] · {escape(video.name)}", highlight=False)
    events: Events = queue.Queue()
    log = _Log(folder / "nodes.log", events)
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
            return *_follow(events, operator, console, begin_s), log


class _Log:
    """Keeps what the nodes print, and hands on that the launch is ending by itself."""

    def __init__(self, path: Path, events: "Events") -> None:
        self.path = path
        self.errors: list[str] = []
        self._events = events
        path.write_text("", encoding="utf-8")

    def note(self, event: LaunchEvent) -> None:
        if isinstance(event, OutputLine):
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"[{event.label}] {event.text}\n")
            if "[ERROR]" in event.text or "[FATAL]" in event.text:
                self.errors.append(event.text.split("]: ", 1)[-1])
        elif isinstance(event, Stopping):
            self._events.put(event)


def _page(page: dict[str, Any]) -> PageReceived:
    return PageReceived(
        time.time(),
        str(page.get("alarm_id", "")),
        str(page.get("text_ko", "")),
        str(page.get("text_en", "")),
        bool(page.get("repeat", False)),
    )


def check_video(path: Path) -> Path:
    """The path, if a video can be there; the camera node says what is wrong inside the file."""
    if not path.is_file():
        raise UsageError(f"There is no video file {path}; check the path.")
    return path.resolve()


def demo_video(console: Console) -> Path:
    """The project's own video, rendered once for each version of the code that renders it."""
    # Imported late: rendering needs MuJoCo and a GL library, which another video does not.
    from care_robot import simulation  # noqa: PLC0415
    from care_robot.simulation.demo_video import DemoVideoError, render_demo_video  # noqa: PLC0415
    from care_robot.simulation.graphics import RenderingError  # noqa: PLC0415

    code = b"".join(path.read_bytes() for path in sorted(Path(*simulation.__path__).glob("*.py")))
    path = cache_directory() / f"demo-{hashlib.sha256(code).hexdigest()[:12]}.mp4"
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"The cache folder {path.parent} cannot be made: {error.strerror}; set XDG_CACHE_HOME to another."
        ) from error
    columns = (TextColumn("Rendering the demo's video (once)"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("render", total=None)
        try:
            render_demo_video(
                path, on_progress=lambda done, n: progress.update(task, completed=done, total=n)
            )
        except (DemoVideoError, RenderingError) as error:
            raise UsageError(f"{error} Or give a video: ./care demo --video FILE") from error
    return path


def _follow(events: "Events", operator: Operator, console: Console, begin_s: float) -> tuple[Timeline, str]:
    """Print lines until the story is complete or cannot be any more; the timeline and why it stopped."""
    timeline, begun = Timeline(), False
    deadline_s, why = time.monotonic() + START_TIMEOUT_S, "no picture was looked at"
    while timeline.missing:
        try:
            event = events.get(timeout=max(0.0, deadline_s - time.monotonic()))
        except queue.Empty:
            return timeline, why
        if isinstance(event, Stopping):
            return timeline, event.reason
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
    console.print(f"{line.t_s - begin_s:7.1f} s  [{colour}]{line.step.title:<24}[/]", end=" ")
    console.print(line.detail, markup=False, highlight=False, soft_wrap=True)


def _conclude(timeline: Timeline, why: str, log: _Log, *, keep: bool, console: Console) -> int:
    folder = log.path.parent
    if not timeline.missing and not timeline.out_of_order:
        console.print("[green]✓[/] The loop closed: seen, asked, and a human told.")
        if keep:
            console.print(f"Kept in {folder}", highlight=False)
        else:
            shutil.rmtree(folder, ignore_errors=True)
        return 0
    for error in dict.fromkeys(log.errors[-3:]):
        console.print(f"[red]error:[/] {escape(error)}", highlight=False)
    steps = ", ".join(step.value[1] for step in timeline.missing or timeline.out_of_order)
    what = f"Not reached: {steps}; {why}." if timeline.missing else f"Out of order: {steps}."
    console.print(f"[red]✗[/] {escape(what)}", highlight=False)
    console.print(f"The nodes' log, the database and what was said are in {folder}", highlight=False)
    return 1
