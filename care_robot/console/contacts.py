"""``./care contacts``: who is called for whom, whether they can be reached, and PINs for the staff."""

import datetime as dt
import json
import os
import sys
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from care_robot.care.config import CareConfig, Contact

contacts_app = typer.Typer(help="Who is called, and whether they can be reached.", no_args_is_help=True)
console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200)
errors = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="The care configuration; the installed care.yaml by default.")
]


@contacts_app.command("list")
def list_contacts(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show who is called for whom, in which tier and by which channels; no address is shown."""
    care = _load(config)
    called = [
        (r, tier, care.contacts_for(r.id, tier)) for r in care.residents for tier in care.tiers_for(r.id)
    ]
    technical = care.technical_contacts()
    if as_json:
        rows = [
            {"resident": r.id, "name": r.name, "tier": tier, "contacts": list(map(_shown, contacts))}
            for r, tier, contacts in called
        ]
        print(json.dumps({"residents": rows, "technical": list(map(_shown, technical))}, ensure_ascii=False))
        return
    table = Table("For", "Tier", "Who", "By, in this order", box=None)
    groups = [(_named(r.id, r.name), str(tier), contacts) for r, tier, contacts in called]
    before = ""
    for what, step, contacts in [*groups, ("technical alarms", "", technical)]:
        for contact in contacts:
            labels = ", ".join(channel.label for channel in contact.channels)
            who = _named(contact.id, contact.name)
            table.add_row("" if what == before else escape(what), step, escape(who), labels)
            before = what
    console.print(table)


def _shown(contact: "Contact") -> dict[str, Any]:
    channels = [channel.label for channel in contact.channels]
    return {"id": contact.id, "name": contact.name, "channels": channels}


def _named(id_: str, name: str) -> str:
    return f"{name} ({id_})" if name else id_


@contacts_app.command("test")
def try_contacts(
    contact: Annotated[str | None, typer.Argument(help="One contact's id; all of them by default.")] = None,
    send: Annotated[bool, typer.Option("--send", help="Send a message marked TEST, after asking.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Test every channel without disturbing anybody; exits 1 if one is dead."""
    from care_robot.care.config import CareConfigError  # noqa: PLC0415
    from care_robot.care.inputs import ChannelTested, PageEnded  # noqa: PLC0415
    from care_robot.care.store import default_folder  # noqa: PLC0415
    from care_robot.gateways.notifications import Notifier, channels_of  # noqa: PLC0415

    care = _load(config)
    keys = [key for key in care.all_channels() if contact in (None, key[0])]
    if not keys:
        _fail(f"There is no contact '{contact}'; there is: {', '.join(c.id for c in care.contacts)}.")
    try:
        channels = channels_of(care, errors.print, default_folder(os.environ) / "apprise")
    except CareConfigError as error:
        _fail(str(error))
    if send:
        who = ", ".join(dict.fromkeys(contact_id for contact_id, _ in keys))
        typer.confirm(f"Send {len(keys)} messages marked TEST to {who}?", abort=True, err=True)
        sent: SimpleQueue[PageEnded] = SimpleQueue()
        notifier = Notifier(channels, sent.put)
        pages = {key: _test_page(*key) for key in keys}
        for key, page in pages.items():
            notifier.send(page, key[1], repeat=False, test=True)
        ended = {result.page_id: result.problem for result in (sent.get() for _ in keys)}
        problems = {key: ended[page.id] for key, page in pages.items()}
    else:
        tested: SimpleQueue[ChannelTested] = SimpleQueue()
        notifier = Notifier(channels, lambda ended: None)
        for key in keys:
            notifier.test(*key, tested.put)
        results = (tested.get() for _ in keys)
        problems = {(result.contact_id, result.channel): result.problem for result in results}
    shown = [
        {
            "contact": contact_id,
            "channel": f"{place + 1} {_label(care, contact_id, place)}",
            "works": not problems[contact_id, place],
            "sentence": problems[contact_id, place]
            or ("sent; ask them whether it arrived" if send else channels[contact_id, place].proof),
        }
        for contact_id, place in keys
    ]
    if as_json:
        print(json.dumps(shown, ensure_ascii=False))
    else:
        table = Table("Contact", "Channel", "Works", "What is known", box=None)
        for row in shown:
            mark = "[green]yes[/]" if row["works"] else "[red]no[/]"
            table.add_row(str(row["contact"]), str(row["channel"]), mark, escape(str(row["sentence"])))
        console.print(table)
    sys.exit(1 if any(problems.values()) else 0)


def _label(care: "CareConfig", contact_id: str, place: int) -> str:
    contact = care.contact(contact_id)
    return contact.channels[place].label if contact else ""


def _test_page(contact_id: str, place: int) -> Any:
    from care_robot.care.alarms import AlarmKind, Page, Priority  # noqa: PLC0415
    from care_robot.care.text import Text  # noqa: PLC0415

    now = dt.datetime.now(dt.timezone.utc)
    return Page(
        id=f"test-{now:%Y%m%dT%H%M%S}-{contact_id}-{place + 1}",
        alarm_id="",
        round=0,
        tier=0,
        contact_id=contact_id,
        kind=AlarmKind.TECHNICAL,
        priority=Priority.TECHNICAL,
        resident_name="",
        room="",
        event_at=now,
        created_at=now,
        text=Text(
            "호출 경로를 시험합니다. 아무 일도 없습니다.", "This tries out the alarms. Nothing has happened."
        ),
    )


@contacts_app.command()
def pin(name: Annotated[str, typer.Argument(help="Name of the member of staff.")]) -> None:
    """Ask for a PIN twice, unseen, and print the line for the `staff` of care.yaml."""
    from care_robot.care.alarms import MAX_NAME, clean_text  # noqa: PLC0415
    from care_robot.care.staff import PinError, hash_pin  # noqa: PLC0415

    if not name.strip() or clean_text(name) != " ".join(name.split()):
        _fail(f"Give a name of 1 to {MAX_NAME} printable characters.")
    typed = typer.prompt("PIN", hide_input=True, confirmation_prompt="The same again", err=True)
    try:
        hashed = hash_pin(str(typed))
    except PinError as error:
        _fail(str(error))
    # JSON's quotes are YAML's too: no name can end its text early.
    print(f"  - {{name: {json.dumps(clean_text(name), ensure_ascii=False)}, pin: {json.dumps(hashed)}}}")


def _load(path: Path | None) -> "CareConfig":
    from care_robot.bringup.substitutions import SubstitutionError, package_share  # noqa: PLC0415
    from care_robot.care.config import CareConfigError, load_config  # noqa: PLC0415

    try:
        return load_config(path or package_share("care_robot", dict(os.environ)) / "config" / "care.yaml")
    except SubstitutionError as error:
        _fail(f"Name the configuration with --config: {error}.")
    except CareConfigError as error:
        _fail(str(error))


def _fail(sentence: str) -> NoReturn:
    errors.print(f"[red]error:[/] {escape(sentence)}", highlight=False, soft_wrap=True)
    sys.exit(2)
