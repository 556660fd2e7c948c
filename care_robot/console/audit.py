"""`./care audit`: what was decided and who saw what, and whether the log of it is whole."""

import datetime as dt
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from care_robot.console.verbs import AsJson, console, errors, fail, note_view

audit_app = typer.Typer(
    help="The log of every decision and every view of personal data.", no_args_is_help=True
)

ACTIONS = {1: "create", 2: "read", 3: "update", 4: "delete", 5: "execute"}
DataDir = Annotated[
    Path | None, typer.Option(help="Folder of the care database; ~/.local/share/care_robot by default.")
]


@audit_app.command("list")
def list_records(
    *,
    resident: Annotated[str | None, typer.Option(help="Only what is about this resident (id).")] = None,
    actor: Annotated[str | None, typer.Option(help="Only what this human or node did.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Only from then on: 2026-03-01, 2026-03-01T12:00 or …T12:00+09:00.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 100,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List records, the newest last."""
    wanted = {"resident_id = ?": resident, "actor = ?": actor, "at >= ?": since and _utc(since)}
    given = {condition: value for condition, value in wanted.items() if value is not None}
    where = " AND ".join(given) or "true"
    query = f"SELECT * FROM (SELECT * FROM audit WHERE {where} ORDER BY seq DESC LIMIT ?) ORDER BY seq"  # noqa: S608
    records = _read(data_dir, query, [*given.values(), limit])
    note_view(_residents(records), "audit")
    if as_json:
        print(json.dumps(records, ensure_ascii=False, indent=2))
        return
    table = Table("no.", "time (UTC)", "who", "what", "about", "reason")
    for r in records:
        what = f"{ACTIONS.get(r['action'], r['action'])} {r['category']}: {r['outcome']}"
        about = " ".join(filter(None, (r["resident_id"], r["subject"])))
        cells = (str(r["seq"]), r["at"][:19], r["actor"], what, about, f"{r['reason_ko']}\n{r['reason_en']}")
        table.add_row(*map(escape, cells))
    console.print(table)


@audit_app.command("show")
def show_record(
    record_id: Annotated[str, typer.Argument(metavar="ID", help="Its number, or its subject.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show everything that a record holds; of a subject, every record."""
    query = "SELECT * FROM audit WHERE CAST(seq AS TEXT) = :id OR subject = :id OR key = :id ORDER BY seq"
    records = _read(data_dir, query, {"id": record_id})
    if not records:
        fail(f"No record has the number or the subject '{record_id}': see ./care audit list.")
    note_view(_residents(records), "audit")
    if as_json:
        print(json.dumps(records, ensure_ascii=False, indent=2))
        return
    for record in records:
        table = Table(show_header=False)
        for name, value in record.items():
            table.add_row(name, escape("" if value is None else str(value)))
        console.print(table)


@audit_app.command("verify")
def verify_log(
    head: Annotated[
        str, typer.Option(help="A head noted down earlier, which must still be in the log.")
    ] = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Check that no record was changed, added or removed; exits 1 and names the first that does not fit."""
    from care_robot.care.audit_chain import verify  # noqa: PLC0415 (the database's library is slow to load)

    verdict = verify(_database(data_dir), head)
    if as_json:
        found = {"ok": verdict.ok, "records": verdict.records, "head": verdict.head}
        print(json.dumps({**found, "ko": verdict.sentence.ko, "en": verdict.sentence.en}, ensure_ascii=False))
    else:
        shown = console if verdict.ok else errors
        shown.print(f"{verdict.sentence.ko}\n{verdict.sentence.en}", markup=False, soft_wrap=True)
    raise typer.Exit(0 if verdict.ok else 1)


def _residents(records: list[dict[str, Any]]) -> set[str]:
    return {str(record["resident_id"]) for record in records}


def _database(data_dir: Path | None) -> Path:
    from care_robot.care.store import FILE_NAME, default_folder  # noqa: PLC0415

    return (data_dir.expanduser() if data_dir else default_folder(os.environ)) / FILE_NAME


def _read(data_dir: Path | None, query: str, values: Any) -> list[dict[str, Any]]:
    path = _database(data_dir)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
            return [dict(row) for row in connection.execute(query, values)]
    except sqlite3.Error as error:
        fail(f"The audit log in {path} cannot be read ({error}): start the system once, or give --data-dir.")


def _utc(text: str) -> str:
    """As the database writes it; a time without a zone is this machine's."""
    try:
        time = dt.datetime.fromisoformat(text).astimezone(dt.timezone.utc)
    except (ValueError, OverflowError):
        fail(f"--since is '{text}': give a time such as 2026-03-01T12:00.")
    return time.isoformat(timespec="microseconds")
