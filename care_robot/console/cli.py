"""The one command, `./care`: every verb of an operator and of a developer."""

import dataclasses
import datetime as dt
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from care_robot.console.errors import UsageError
from care_robot.console.sim import Sim

if TYPE_CHECKING:
    from care_robot.console.events import AlarmSeen
    from care_robot.console.operator_node import Operator

# ROS, MediaPipe and the database are imported inside the verbs that need them: `./care --help` is quick,
# and works where they are broken.

app = typer.Typer(
    name="care",
    help="care_robot: sees a fall, goes there, asks, and gets a human.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
alarm_app = typer.Typer(help="Alarms of the running system.", no_args_is_help=True)
app.add_typer(alarm_app, name="alarm")
bench_app = typer.Typer(help="Measure how fast the system is.", no_args_is_help=True)
app.add_typer(bench_app, name="bench")
scenario_app = typer.Typer(help="Stories in a simulated home.", no_args_is_help=True)
app.add_typer(scenario_app, name="scenario")

# Piped, a table is as wide as it needs to be: the reader is a program, or another terminal.
console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200)
errors = Console(stderr=True)


MIN_ID = 4
"""Of an alarm's id: an empty variable in a script must not end an alarm."""


class Language(str, Enum):
    """Languages that the robot speaks."""

    KO = "ko"
    EN = "en"


class Profile(str, Enum):
    """Simulators that scenarios run in."""

    PHYSICS = "physics"
    KINEMATIC = "kinematic"


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Namespace = Annotated[str, typer.Option(help="The robot's namespace; empty for none.")]
By = Annotated[str, typer.Option("--by", prompt="Your name", help="Your name: a human answers for it.")]
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

    _exit_with(lambda: run_demo(story, video, language.value, out, console))


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
    _exit_with(lambda: run_up(look, language and language.value, arguments or [], console))


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check what is installed, which parts are missing, and what to do."""
    from care_robot.bringup import doctor as checks  # noqa: PLC0415

    _exit_with(lambda: checks.main(as_json))


@app.command()
def say(
    text: str, language: Spoken = Language.KO, as_json: AsJson = False, namespace: Namespace = ""
) -> None:
    """Have the robot say a text."""
    with _operator(namespace) as operator:
        audible = operator.say(text, language.value)
    if as_json:
        print(json.dumps({"text": text, "audible": audible}, ensure_ascii=False))
    elif not audible:
        console.print("Shown and logged, but not heard: no voice or no audio device (`./care doctor`).")


@app.command()
def answer(
    text: str, language: Spoken = Language.KO, as_json: AsJson = False, namespace: Namespace = ""
) -> None:
    """Answer the robot's question in the resident's place, by text."""
    with _operator(namespace) as operator:
        operator.answer(text, language.value)
    if as_json:
        print(json.dumps({"text": text, "language": language.value}, ensure_ascii=False))


@alarm_app.command("list")
def list_alarms(as_json: AsJson = False, namespace: Namespace = "") -> None:
    """List the open alarms, and those resolved in the last hour."""
    with _operator(namespace) as operator:
        alarms = operator.alarms()
    if as_json:
        print(json.dumps([_as_json(alarm) for alarm in alarms], ensure_ascii=False, indent=2))
    elif not alarms:
        console.print("No alarms.")
    else:
        console.print(_table(alarms))


@alarm_app.command()
def ack(alarm_id: str, by: By, as_json: AsJson = False, namespace: Namespace = "") -> None:
    """Take an alarm: you go and see. It stays open until it is resolved."""
    with _operator(namespace) as operator:
        alarm = _find(operator.alarms(), alarm_id)
        operator.acknowledge(alarm.id, by)
    _done(alarm.id, "acknowledged", by, "`./care alarm resolve` ends it when it is over.", as_json)


@alarm_app.command()
def resolve(
    alarm_id: str,
    by: By,
    reason: Annotated[str, typer.Option(prompt="What happened", help="What happened, for the record.")],
    as_json: AsJson = False,
    namespace: Namespace = "",
) -> None:
    """End an alarm, with a reason."""
    with _operator(namespace) as operator:
        alarm = _find(operator.alarms(), alarm_id)
        operator.resolve(alarm.id, by, reason)
    _done(alarm.id, "resolved", by, "", as_json)


@bench_app.command()
def latency(
    out: Annotated[Path, typer.Option(help="The report, as JSON.")],
    video: Annotated[
        Path | None, typer.Option(help="A video with a person; without it, the project's own.")
    ] = None,
    rate_hz: Annotated[float, typer.Option(help="Frames a second.", min=1.0, max=60.0)] = 10.0,
    duration_s: Annotated[float, typer.Option(help="Seconds measured.", min=5.0)] = 60.0,
) -> None:
    """Measure frame to `people`, and CPU and memory of each node."""
    from care_robot.console.bench import run_latency  # noqa: PLC0415

    _exit_with(lambda: run_latency(video, rate_hz, duration_s, out, console))


@bench_app.command()
def resources(
    out: Annotated[Path, typer.Option(help="The report, as JSON.")],
    duration_s: Annotated[float, typer.Option(help="Seconds measured of each world.", min=5.0)] = 120.0,
    seed: Annotated[int, typer.Option(help="Of the people in the pictures.", min=0)] = 0,
) -> None:
    """Measure whether the simulated home keeps real time, what it takes, and how well people are seen."""
    from care_robot.console.bench import run_resources  # noqa: PLC0415

    _exit_with(lambda: run_resources(duration_s, seed, out, console))


@scenario_app.command("list")
def list_scenarios() -> None:
    """List the scenarios."""
    from care_robot.console import scenario  # noqa: PLC0415

    _exit_with(lambda: scenario.list_scenarios(console))


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
    _exit_with(
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


@contextmanager
def _operator(namespace: str) -> "Iterator[Operator]":
    from care_robot.bringup.domain import DomainError  # noqa: PLC0415
    from care_robot.console.operator_node import Operator  # noqa: PLC0415

    try:
        with Operator(namespace) as operator:
            yield operator
    except (DomainError, UsageError) as error:
        _fail(str(error))


def _exit_with(run: Callable[[], int]) -> NoReturn:
    """End with the exit code that `run` gives; an error of ours becomes a sentence and exit code 2."""
    from care_robot.bringup.domain import DomainError  # noqa: PLC0415
    from care_robot.bringup.launch_elements import LaunchFileError  # noqa: PLC0415

    try:
        code = run()
    except (LaunchFileError, DomainError, UsageError) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


def _fail(sentence: str) -> NoReturn:
    errors.print(f"[red]error:[/] {escape(sentence)}", highlight=False, soft_wrap=True)
    sys.exit(2)


def _done(alarm_id: str, state: str, by: str, hint: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"id": alarm_id, "state": state, "by": by}, ensure_ascii=False))
    else:
        console.print(
            f"{state.capitalize()} by {escape(by)}: {alarm_id}. {hint}", highlight=False, soft_wrap=True
        )


def _find(alarms: "list[AlarmSeen]", alarm_id: str) -> "AlarmSeen":
    """The alarm with this id, or whose id begins with it."""
    if len(alarm_id) < MIN_ID:
        raise UsageError(f"Give at least {MIN_ID} characters of the alarm's id; see `./care alarm list`.")
    found = [alarm for alarm in alarms if alarm.id.startswith(alarm_id)]
    if len(found) != 1:
        what = "No alarm has" if not found else f"{len(found)} alarms have"
        raise UsageError(f"{what} an id that begins with '{alarm_id}'; see `./care alarm list`.")
    return found[0]


def _as_json(alarm: "AlarmSeen") -> dict[str, Any]:
    return dataclasses.asdict(
        alarm,
        dict_factory=lambda pairs: {k: v.name.lower() if isinstance(v, Enum) else v for k, v in pairs},
    )


def _table(alarms: "list[AlarmSeen]") -> Table:
    table = Table("Id", "Raised", "Priority", "Kind", "State", "Resident", "Room", "Tier", "By", box=None)
    for alarm in alarms:
        raised = dt.datetime.fromtimestamp(alarm.raised_at_s).astimezone()
        table.add_row(
            alarm.id[:8],
            raised.strftime("%m-%d %H:%M:%S"),
            alarm.priority.name.lower(),
            ("DRILL " if alarm.drill else "") + alarm.kind.name.lower(),
            alarm.state.name.lower() + ("" if alarm.stored else " (not stored!)"),
            escape(alarm.resident),
            escape(alarm.room),
            str(alarm.tier or ""),
            escape(alarm.acknowledged_by),
        )
    return table
