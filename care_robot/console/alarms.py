"""``./care alarm`` and ``./care staff``: what people do about the alarms of a running system."""

import dataclasses
import datetime as dt
import json
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from care_robot.care.alarms import AlarmKind
from care_robot.console.errors import UsageError
from care_robot.console.verbs import AsJson, By, Namespace, console, login_name, operator

if TYPE_CHECKING:
    from care_robot.console.events import AlarmSeen

alarm_app = typer.Typer(help="Alarms of the running system.", no_args_is_help=True)
staff_app = typer.Typer(help="Staff who are with the residents.", no_args_is_help=True)

MIN_ID = 4
"""Of an alarm's id: an empty variable in a script must not end an alarm."""


class Kind(str, Enum):
    """What can be practised."""

    FALL = "fall"
    LYING = "lying"
    HELP = "help"
    MANUAL = "manual"
    TECHNICAL = "technical"
    MEDICATION = "medication"
    INACTIVITY = "inactivity"
    ENVIRONMENT = "environment"
    WANDERING = "wandering"
    ROBOT = "robot"


@alarm_app.command("list")
def list_alarms(as_json: AsJson = False, namespace: Namespace = "") -> None:
    """List the open alarms, and those resolved in the last hour. Who looked is kept in the audit log."""
    with operator(namespace) as connected:
        alarms = connected.alarms()
        connected.note_view(login_name(), sorted({alarm.resident_id for alarm in alarms}))
    if as_json:
        print(json.dumps([_as_json(alarm) for alarm in alarms], ensure_ascii=False, indent=2))
    elif not alarms:
        console.print("No alarms.")
    else:
        console.print(_table(alarms))


@alarm_app.command()
def show(alarm_id: str, namespace: Namespace = "") -> None:
    """Show everything that happened in an alarm, with the reason of each step."""
    with operator(namespace) as connected:
        alarm = _find(connected.alarms(), alarm_id)
        connected.note_view(login_name(), [alarm.resident_id])
    console.print(_table([alarm]))
    for step in alarm.steps:
        at = dt.datetime.fromtimestamp(step.t_s).astimezone().strftime("%m-%d %H:%M:%S")
        why = f"{step.reason_ko} · {step.reason_en}"
        console.print(f"  {at}  {step.event} ({step.state.name.lower()}): {escape(why)}", highlight=False)


@alarm_app.command()
def ack(
    alarm_id: str,
    by: By,
    here: Annotated[bool, typer.Option("--here", help="You are already with the resident.")] = False,
    as_json: AsJson = False,
    namespace: Namespace = "",
) -> None:
    """Take an alarm: you go and see. It stays open until it is resolved."""
    with operator(namespace) as connected:
        alarm = _find(connected.alarms(), alarm_id)
        connected.acknowledge(alarm.id, by, here=here)
    state = "attended" if here else "acknowledged"
    _done(alarm.id, state, by, "`./care alarm resolve` ends it when it is over.", as_json)


@alarm_app.command()
def resolve(
    alarm_id: str,
    by: By,
    reason: Annotated[str, typer.Option(prompt="What happened", help="What happened, for the record.")],
    as_json: AsJson = False,
    namespace: Namespace = "",
) -> None:
    """End an alarm, with a reason."""
    with operator(namespace) as connected:
        alarm = _find(connected.alarms(), alarm_id)
        connected.resolve(alarm.id, by, reason)
    _done(alarm.id, "resolved", by, "", as_json)


@alarm_app.command()
def pause(
    alarm_id: str,
    by: By,
    seconds: Annotated[float, typer.Option(help="For how long; at most 120.")] = 120.0,
    as_json: AsJson = False,
    namespace: Namespace = "",
) -> None:
    """Pause the spoken signal of an alarm. Pages go on."""
    with operator(namespace) as connected:
        alarm = _find(connected.alarms(), alarm_id)
        connected.pause_audio(alarm.id, by, seconds)
    _done(alarm.id, "silenced", by, f"Its voice comes back after {seconds:g} s.", as_json)


@alarm_app.command()
def drill(
    kind: Annotated[Kind, typer.Argument(help="What is practised.")],
    *,
    by: By,
    room: Annotated[str, typer.Option(help="Where.")] = "",
    resident: Annotated[str, typer.Option(help="Id of the resident; whose room it is unless given.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: real people are paged.")] = False,
    as_json: AsJson = False,
    namespace: Namespace = "",
) -> None:
    """Raise an alarm as an exercise: it pages and escalates like a real one, marked 훈련/DRILL."""
    if not yes:
        typer.confirm("Real people are paged, tier by tier, until somebody takes it. Go on?", abort=True)
    with operator(namespace) as connected:
        alarm_id = connected.drill(AlarmKind[kind.name], resident, room, by)
    _done(alarm_id, "raised as a drill", by, "`./care alarm ack` takes it.", as_json)


@staff_app.command()
def here(
    room: str,
    by: By,
    minutes: Annotated[float, typer.Option(help="For how long; at most 30.")] = 30.0,
    pin: Annotated[str, typer.Option(prompt="PIN", hide_input=True, help="Yours; better typed.")] = "",
    namespace: Namespace = "",
) -> None:
    """Declare that you are in a room: what happens there is stored and shown, and pages wait for a minute."""
    with operator(namespace) as connected:
        until_s = connected.set_presence(by, pin, room, minutes * 60.0)
    until = dt.datetime.fromtimestamp(until_s).astimezone().strftime("%H:%M:%S")
    console.print(f"{escape(by)} is in {escape(room)} until {until}.", highlight=False)


@staff_app.command()
def away(
    by: By,
    pin: Annotated[str, typer.Option(prompt="PIN", hide_input=True, help="Yours; better typed.")] = "",
    namespace: Namespace = "",
) -> None:
    """End your presence: pages no longer wait."""
    with operator(namespace) as connected:
        connected.set_presence(by, pin, "", 0.0)
    console.print(f"{escape(by)} is no longer there.", highlight=False)


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
