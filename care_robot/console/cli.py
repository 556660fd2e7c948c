"""The one command, `./care`: every verb of an operator and of a developer."""

import io
import json
import math
import os
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from care_robot.console.alarms import alarm_app, staff_app
from care_robot.console.audit import audit_app
from care_robot.console.contacts import contacts_app
from care_robot.console.sim import Sim
from care_robot.console.tasks import task_app
from care_robot.console.verbs import AsJson, Namespace, console, exit_with, operator

# ROS, MediaPipe and the database are imported inside the verbs that need them: `./care --help` is quick,
# and works where they are broken.

app = typer.Typer(
    name="care",
    help="care_robot: sees a fall, goes there, asks, and gets a human.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
bench_app = typer.Typer(help="Measure how fast the system is.", no_args_is_help=True)
app.add_typer(bench_app, name="bench")
eval_app = typer.Typer(help="Measure perception on recordings.", no_args_is_help=True)
app.add_typer(eval_app, name="eval")
scenario_app = typer.Typer(help="Stories in a simulated home.", no_args_is_help=True)
app.add_typer(scenario_app, name="scenario")

for name, verbs in {
    "alarm": alarm_app,
    "audit": audit_app,
    "contacts": contacts_app,
    "staff": staff_app,
    "task": task_app,
}.items():
    app.add_typer(verbs, name=name)


class Language(str, Enum):
    """Languages that the robot speaks."""

    KO = "ko"
    EN = "en"


class Profile(str, Enum):
    """Simulators that scenarios run in."""

    PHYSICS = "physics"
    KINEMATIC = "kinematic"


Spoken = Annotated[Language, typer.Option(help="Language of the text.")]


@app.command()
def demo(
    story: Annotated[
        str | None, typer.Argument(help="A scenario (`./care scenario list`); fall_unanswered by default.")
    ] = None,
    video: Annotated[Path | None, typer.Option(help="Any video file instead of a story.")] = None,
    language: Annotated[Language, typer.Option(help="What the robot speaks.")] = Language.KO,
    out: Annotated[
        Path | None, typer.Option(help="Keep the database, the spoken WAV files and the log here.")
    ] = None,
) -> None:
    """Tell a story in the simulated home and print the timeline; exits 0 only if it went as it should."""
    from care_robot.console.demo import run_demo  # noqa: PLC0415

    exit_with(lambda: run_demo(story, video, language.value, out, console))


@app.command()
def up(
    *,
    camera: Annotated[str | None, typer.Option(help="A webcam's number, such as 0, or its device.")] = None,
    video: Annotated[Path | None, typer.Option(help="A video file instead, played in a loop.")] = None,
    sim: Annotated[
        Sim | None, typer.Option(help="What stands in for the robot; physics, unless a camera is given.")
    ] = None,
    world: Annotated[
        str | None, typer.Option(help="Simulated world: apartment (as by default) or ward.")
    ] = None,
    robot: Annotated[str, typer.Option(help="The robot.")] = "carebot",
    headless: Annotated[bool, typer.Option("--headless", help="No page or window to look at.")] = False,
    language: Annotated[
        Language | None, typer.Option(help="What the robot speaks, instead of the care configuration's.")
    ] = None,
    arguments: Annotated[
        list[str] | None, typer.Argument(help="More launch arguments, as name:=value; see --show-args.")
    ] = None,
    show_args: Annotated[bool, typer.Option("--show-args", help="List the launch arguments.")] = False,
) -> None:
    """Bring the system up until Ctrl-C: in a simulated home, or with a camera or a video."""
    from care_robot.console.up import Look, run_up, show_arguments  # noqa: PLC0415

    if show_args:
        show_arguments(sim or (Sim.NONE if camera or video else None), console)
        return
    look = Look(camera, video, sim, world, robot, headless)
    exit_with(lambda: run_up(look, language and language.value, arguments or [], console))


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check what is installed, which parts are missing, and what to do."""
    from care_robot.bringup import doctor as checks  # noqa: PLC0415

    exit_with(lambda: checks.main(as_json))


@app.command()
def say(
    text: str, language: Spoken = Language.KO, as_json: AsJson = False, namespace: Namespace = ""
) -> None:
    """Have the robot say a text."""
    with operator(namespace) as connected:
        audible = connected.say(text, language.value)
    if as_json:
        print(json.dumps({"text": text, "audible": audible}, ensure_ascii=False))
    elif not audible:
        console.print("Shown and logged, but not heard: no voice or no audio device (`./care doctor`).")


@app.command()
def answer(
    text: str, language: Spoken = Language.KO, as_json: AsJson = False, namespace: Namespace = ""
) -> None:
    """Answer the robot's question in the resident's place, by text."""
    with operator(namespace) as connected:
        connected.answer(text, language.value)
    if as_json:
        print(json.dumps({"text": text, "language": language.value}, ensure_ascii=False))


@app.command()
def stop(
    *,
    reset: Annotated[
        bool, typer.Option("--reset", help="Take the stop away; nothing moves by that.")
    ] = False,
    by: Annotated[str, typer.Option("--by", help="Your name; the login name unless given.")] = "",
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    as_json: AsJson = False,
    namespace: Namespace = "",
) -> None:
    """STOP: hold everything that moves, now, until it is reset. Asks nothing."""
    from care_robot.console.stop import run_reset, run_stop  # noqa: PLC0415

    if reset:
        exit_with(lambda: run_reset(by, namespace, as_json=as_json, console=console))
    exit_with(lambda: run_stop(by, reason, namespace, as_json=as_json, console=console))


@bench_app.command()
def latency(
    out: Annotated[Path, typer.Option(help="The report, as JSON.")],
    video: Annotated[
        Path | None, typer.Option(help="A video with a person; without it, the project's own.")
    ] = None,
    rate_hz: Annotated[float, typer.Option(help="Frames a second.", min=1.0, max=60.0)] = 10.0,
    duration_s: Annotated[float, typer.Option(help="Seconds measured of each run.", min=5.0)] = 60.0,
) -> None:
    """Measure frame to `people` and `falls`, the CPU of seeing, and whether four cameras keep up."""
    from care_robot.console.bench import run_latency  # noqa: PLC0415

    exit_with(lambda: run_latency(video, rate_hz, duration_s, out, console))


@bench_app.command("falls")
def bench_falls(
    *,
    out: Annotated[Path, typer.Option(help="The report, as JSON; sheets of failures are put beside it.")],
    trials: Annotated[
        int, typer.Option(help="Rendered falls; half as many activities more come with them.", min=0)
    ] = 100,
    hours: Annotated[float, typer.Option(help="Of ordinary living on skeletons.", min=0.0)] = 72.0,
    seed: Annotated[int, typer.Option(help="Of all that is random; tune on 1000 and above.", min=0)] = 0,
    append: Annotated[bool, typer.Option("--append", help="Go on where the report stopped.")] = False,
    jobs: Annotated[
        int | None, typer.Option(help="Trials at a time; as many as cores unless given.", min=1, max=256)
    ] = None,
) -> None:
    """Measure on simulated people how many falls are found, and how many made up."""
    from care_robot.console.bench_falls import Asked, run_falls  # noqa: PLC0415

    cores = len(os.sched_getaffinity(0))
    asked = Asked(trials, hours, seed, out, append, jobs or cores)
    exit_with(lambda: run_falls(asked, console))


@bench_app.command()
def resources(
    out: Annotated[Path, typer.Option(help="The report, as JSON.")],
    duration_s: Annotated[float, typer.Option(help="Seconds measured of each world.", min=5.0)] = 120.0,
    seed: Annotated[int, typer.Option(help="Of the people in the pictures.", min=0)] = 0,
) -> None:
    """Measure whether the simulated home keeps real time, what it takes, and how well people are seen."""
    from care_robot.console.bench import run_resources  # noqa: PLC0415

    exit_with(lambda: run_resources(duration_s, seed, out, console))


@bench_app.command()
def alarms(
    *,
    out: Annotated[Path, typer.Option(help="The report, as JSON.")],
    trials: Annotated[int, typer.Option(help="Random timelines.", min=0)] = 1000,
    kills: Annotated[int, typer.Option(help="Kills of the real processes; 0 for none.", min=0)] = 60,
    seed: Annotated[int, typer.Option(help="Of all that is random.", min=0)] = 0,
    append: Annotated[bool, typer.Option("--append", help="Go on where the report stopped.")] = False,
) -> None:
    """Measure whether alarms are lost, how soon humans are paged, and how often for nothing."""
    from care_robot.console.bench_alarms import run_alarms  # noqa: PLC0415

    exit_with(lambda: run_alarms(trials, kills, seed, out, console, append=append))


@eval_app.command("falls")
def eval_falls(
    *,
    manifest: Annotated[Path, typer.Option(help="The clips, as CSV; see docs/evaluation.md.")],
    root: Annotated[Path, typer.Option(help="Folder that the clips' files are given from.")],
    out: Annotated[Path, typer.Option(help="The report, as JSON; pictures are put beside it.")],
    video_out: Annotated[
        Path | None, typer.Option(help="Folder for a video of the skeletons of each clip.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="Clips at a time; as many as cores unless given.", min=1, max=256)
    ] = None,
    rate_hz: Annotated[
        float | None,
        typer.Option(help="Look at so many pictures a second at most; at all unless given.", min=1, max=240),
    ] = None,
    only: Annotated[
        str | None, typer.Option(help="Only files whose name fits, such as '*adl-3*'.", metavar="PATTERN")
    ] = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Choose thresholds for each group on all other groups.")
    ] = False,
) -> None:
    """Measure how many falls are found in recordings, and how many are made up."""
    from care_robot.console.eval_falls import Asked, run_falls  # noqa: PLC0415

    cores = len(os.sched_getaffinity(0))
    asked = Asked(manifest, root, out, video_out, jobs or cores, rate_hz or math.inf, only, tune)
    exit_with(lambda: run_falls(asked, console))


@scenario_app.command("list")
def list_scenarios() -> None:
    """List the scenarios."""
    from care_robot.console import scenario  # noqa: PLC0415

    exit_with(lambda: scenario.list_scenarios(console))


@scenario_app.command("run")
def run_scenarios(
    names: Annotated[list[str] | None, typer.Argument(help="Scenarios: names, or YAML files.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every scenario of the project.")] = False,
    sim: Annotated[
        Profile | None, typer.Option(help="The simulator, instead of the one that a scenario is made for.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Runs at a time.", min=1, max=32)] = 1,
    seed: Annotated[
        int | None, typer.Option(help="Seed instead of the scenario's.", min=0, max=2**32 - 1)
    ] = None,
    repeat: Annotated[int, typer.Option(help="How often to run each.", min=1, max=1000)] = 1,
    out: Annotated[Path | None, typer.Option(help="The report, as JSON.")] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(help="Folder for a picture of each timeline; beside the report unless given."),
    ] = None,
    video: Annotated[
        Path | None, typer.Option(help="Record what the scenario's camera sees, as .mp4; physics only.")
    ] = None,
) -> None:
    """Run scenarios; exits 0 only where everything that they expect held."""
    from care_robot.console import scenario  # noqa: PLC0415
    from care_robot.evaluation.scenario_run import Options  # noqa: PLC0415

    options = Options(sim=sim and sim.value, seed=seed, video=video)
    exit_with(
        lambda: scenario.run_scenarios(
            scenario.chosen(names or [], every),
            options,
            console,
            at_once=jobs,
            repeat=repeat,
            out=out,
            pictures=pictures,
        )
    )


def main() -> None:
    """Run the command line."""
    # A terminal that has no Korean shows marks in its place, rather than nothing.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app(prog_name="./care")
