"""The care database: SQLite with one writer, and every commit on the disk before it counts."""

import os
import sqlite3
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Table, TextClause, bindparam, literal_column, or_, select, text
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError

from care_robot.care import audit_chain
from care_robot.care.alarms import (
    Alarm,
    AlarmState,
    Changes,
    Page,
    PageState,
    Presence,
    Snapshot,
    Source,
    Transition,
    from_json,
)
from care_robot.care.audit import AuditRecord
from care_robot.care.database import (
    MIGRATIONS,
    DatabaseDamagedError,
    DatabaseInUseError,
    DatabaseOutOfReachError,
    DatabaseUnusableError,
    cause,
    is_damage,
    lock,
    open_database,
)
from care_robot.care.keeper import StorageError
from care_robot.care.schema import ALARMS, AUDIT, EVENTS, PAGES, PRESENCES, SOURCES
from care_robot.care.text import Text

__all__ = [
    "FILE_NAME",
    "MIGRATIONS",
    "AlarmStore",
    "DamagedError",
    "DatabaseInUseError",
    "DatabaseUnusableError",
    "default_folder",
    "fields_of",
    "rebuild",
]

FILE_NAME = "care.db"
KEYS_AT_ONCE = 500
"""SQLite takes at least 999 values in one statement."""


def default_folder(environment: Mapping[str, str]) -> Path:
    """Where the database lies when nobody says otherwise."""
    base = environment.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "care_robot"


class DamagedError(StorageError):
    """The database went bad, or was deleted, while it was in use."""


class AlarmStore:
    """The open database in `folder`; close it, or use it in a ``with`` block.

    Parameters
    ----------
    folder
        Where it lies, as `FILE_NAME`; built where it is not there.
    held
        Descriptor of its lock (`care_robot.care.database.lock`) where the caller has it, and keeps it.

    Raises
    ------
    DatabaseInUseError
        Another process has it.
    DatabaseUnusableError
        It is damaged, of a newer version, not ours, or cannot be written; it was left as it was.
    """

    def __init__(self, folder: Path, held: int | None = None) -> None:
        self.path = folder.absolute() / FILE_NAME
        self._lock = lock(self.path) if held is None else None
        try:
            self._engine = open_database(self.path, _take_steps_into_the_log)
        except BaseException:
            self._unlock()
            raise

    def __enter__(self) -> "AlarmStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database; another process may take it."""
        self._engine.dispose()
        self._unlock()

    def load(self) -> Snapshot:
        """Alarms that are open or still shown, what is known of their pages, and every event ever seen."""
        try:
            with self._engine.connect() as connection:
                return _load(connection)
        except (SQLAlchemyError, ValueError, LookupError, TypeError) as error:
            if isinstance(error, SQLAlchemyError) and not is_damage(error):
                raise DatabaseOutOfReachError(self.path, cause(error)) from error
            raise DatabaseDamagedError(self.path, cause(error)) from error

    def save(self, changes: Changes) -> None:
        """Keep all of `changes` or none. Saving twice does no harm.

        Raises
        ------
        DamagedError
            The file went bad.
        StorageError
            That failed for another reason.
        """
        try:
            if not self.path.exists():
                raise DamagedError(f"{self.path}: it was deleted while it was in use")
            with self._engine.begin() as connection:
                _save(connection, changes)
        except (SQLAlchemyError, sqlite3.Error, OSError, ValueError) as error:
            self._engine.dispose()  # the next attempt starts with a fresh connection
            failure: type[StorageError] = DamagedError if is_damage(error) else StorageError
            raise failure(f"{self.path}: {cause(error)}") from error

    def steps(self) -> dict[str, int]:
        """How many steps of each alarm are stored."""
        with self._engine.connect() as connection:
            newest = "SELECT alarm_id, max(n) FROM alarm_events GROUP BY alarm_id"
            return dict(connection.exec_driver_sql(newest).tuples().all())

    def reason(self, key: str) -> Text | None:
        """Why the audit record of this key was written; none where there is none."""
        with self._engine.connect() as connection:
            row = connection.execute(select(AUDIT).where(AUDIT.c.key == key)).first()
            return Text(row.reason_ko, row.reason_en) if row else None

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)


def rebuild(connection: Connection) -> list[Alarm]:
    """Every alarm as its newest step left it, from the steps alone and so without its events.

    Timers and counts that have moved since without a step (a page that was only repeated) stand as they did.
    Steps of databases that kept no more than the state (version 0001) say nothing of the rest: an alarm that
    has only such steps is left out.
    """
    newest = (
        "SELECT after FROM alarm_events AS e WHERE after != '{}' "
        "AND n = (SELECT max(n) FROM alarm_events WHERE alarm_id = e.alarm_id) ORDER BY alarm_id"
    )
    return [from_json(after) for (after,) in connection.exec_driver_sql(newest)]


# Storing ------------------------------------------------------------------------------------------


def _save(connection: Connection, changes: Changes) -> None:
    sources = [{"alarm_id": alarm_id, **_row(SOURCES, s)} for alarm_id, s in changes.sources.values()]
    steps = [{"alarm_id": alarm_id, **_row(EVENTS, t)} for (alarm_id, _), t in changes.transitions.items()]
    _upsert(connection, ALARMS, [_row(ALARMS, alarm) for alarm in changes.alarms.values()])
    _upsert(connection, SOURCES, sources)
    _upsert(connection, PAGES, [_row(PAGES, page) for page in changes.pages.values()])
    _upsert(connection, PRESENCES, [_row(PRESENCES, presence) for presence in changes.presences.values()])
    if steps:
        connection.execute(insert(EVENTS).on_conflict_do_nothing(), steps)
    records = dict(changes.audit)
    for (alarm_id, n), step in changes.transitions.items():
        alarm = changes.alarms.get(alarm_id)
        records.setdefault(
            audit_chain.step_key(alarm_id, n),
            audit_chain.record_of(alarm_id, step, alarm.resident_id if alarm else ""),
        )
    _append(connection, records, steps)


def _append(
    connection: Connection, records: Mapping[str, AuditRecord], steps: Iterable[dict[str, Any]]
) -> None:
    """Add to the audit log what is not in it; `steps` are the rows of the steps that records speak of."""
    known = _known_keys(connection, list(records))
    if len(known) == len(records):
        return
    contents = {}
    for step in steps:
        if (key := audit_chain.step_key(step["alarm_id"], step["n"])) not in known:
            contents[key] = audit_chain.digest_of(_cells(EVENTS, step), audit_chain.STEP)
    # Somebody may have cut or deleted the head: then we go on after both, and the gap stays to be seen.
    head = connection.exec_driver_sql("SELECT count, hash FROM audit_head WHERE id = 1").first()
    last = connection.exec_driver_sql("SELECT max(seq) FROM audit").scalar() or 0
    seq, previous = (max(head[0], last), head[1]) if head else (last, audit_chain.GENESIS)
    rows = []
    for key, record in records.items():
        if key in known:
            continue
        seq += 1
        cells = _cells(AUDIT, _row(AUDIT, record))
        cells |= {"seq": seq, "key": key, "content": contents.get(key, ""), "previous": previous}
        cells["confidence"] = audit_chain.plain_number(record.confidence)
        cells["hash"] = previous = audit_chain.digest_of(cells, audit_chain.CHAINED)
        rows.append(cells)
    names = AUDIT.columns.keys()
    statement = f"INSERT INTO audit ({', '.join(names)}) VALUES (:{', :'.join(names)})"  # noqa: S608
    connection.exec_driver_sql(statement, rows)
    connection.exec_driver_sql("UPDATE audit_head SET count = ?, hash = ?", (seq, previous))


def _known_keys(connection: Connection, keys: list[str]) -> set[str]:
    known: set[str] = set()
    for first in range(0, len(keys), KEYS_AT_ONCE):
        some = keys[first : first + KEYS_AT_ONCE]
        known.update(connection.execute(select(AUDIT.c.key).where(AUDIT.c.key.in_(some))).scalars())
    return known


def _take_steps_into_the_log(connection: Connection) -> None:
    """After a migration from a version without a log: a record of each step that there is."""
    resident_of = dict(connection.execute(select(ALARMS.c.id, ALARMS.c.resident_id)).tuples().all())
    steps, records = [], {}
    for row in connection.execute(select(EVENTS).order_by(EVENTS.c.at, EVENTS.c.alarm_id, EVENTS.c.n)):
        step = Transition(**fields_of(row._mapping, "alarm_id"))
        steps.append({"alarm_id": row.alarm_id, **_row(EVENTS, step)})
        key = audit_chain.step_key(row.alarm_id, row.n)
        records[key] = audit_chain.record_of(row.alarm_id, step, resident_of[row.alarm_id])
    _append(connection, records, steps)


def _row(table: Table, record: object) -> dict[str, Any]:
    """Fields of a dataclass by the columns of a table; a Text named ``x`` fills ``x_ko`` and ``x_en``."""
    row: dict[str, Any] = {}
    for name in table.columns.keys():  # noqa: SIM118 (not a dict)
        base, _, language = name.rpartition("_")
        if language in Text._fields:
            value = getattr(getattr(record, base), language)
        elif hasattr(record, name):
            value = getattr(record, name)
        else:
            continue
        # Half a surrogate pair, which SQLite refuses, must not keep an alarm from the disk.
        row[name] = value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
    return row


def _cells(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as SQLite holds it."""
    bind: dict[str, Any] = {c.name: getattr(c.type, "process_bind_param", None) for c in table.columns}
    return {name: bind[name](value, None) if bind[name] else value for name, value in row.items()}


def _upsert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(_upsert_statement(table), rows)


@cache
def _upsert_statement(table: Table) -> TextClause:
    """As text, which SQLAlchemy compiles once: its own ON CONFLICT is compiled anew for each commit."""
    names = [column.name for column in table.columns]
    keys, new = (
        ", ".join(c.name for c in table.primary_key),
        ", ".join(f'"{n}" = excluded."{n}"' for n in names),
    )
    columns, values = ", ".join(f'"{n}"' for n in names), ", ".join(f":{n}" for n in names)
    sql = f"INSERT INTO {table.name} ({columns}) VALUES ({values}) ON CONFLICT ({keys}) DO UPDATE SET {new}"  # noqa: S608
    return text(sql).bindparams(*(bindparam(c.name, type_=c.type) for c in table.columns))


# Loading ------------------------------------------------------------------------------------------


def _load(connection: Connection) -> Snapshot:
    shown = or_(ALARMS.c.state != AlarmState.RESOLVED, ALARMS.c.deadline_at.is_not(None))
    rows = connection.execute(select(ALARMS).where(shown))
    alarms = {row.id: Alarm(**fields_of(row._mapping)) for row in rows}
    of_shown = select(ALARMS.c.id).where(shown)
    for row in _of(connection, SOURCES, of_shown, literal_column("rowid")):
        alarms[row.alarm_id].sources.append(Source(**fields_of(row._mapping, "alarm_id")))
    for row in _of(connection, EVENTS, of_shown, EVENTS.c.n):
        alarms[row.alarm_id].history.append(Transition(**fields_of(row._mapping, "alarm_id")))
    pages = [Page(**fields_of(row._mapping)) for row in _of(connection, PAGES, of_shown, PAGES.c.created_at)]
    uncertain = (PageState.PENDING, PageState.FAILED)
    wanted = [p for p in pages if p.state in uncertain or p.round == alarms[p.alarm_id].rounds]
    seen = {row.key: row.alarm_id for row in connection.execute(select(SOURCES.c.key, SOURCES.c.alarm_id))}
    presences = [Presence(**fields_of(row._mapping)) for row in connection.execute(select(PRESENCES))]
    return Snapshot(list(alarms.values()), wanted, seen, presences)


def _of(connection: Connection, table: Table, alarm_ids: Any, order: Any) -> Iterable[Row[Any]]:
    return connection.execute(select(table).where(table.c.alarm_id.in_(alarm_ids)).order_by(order))


def fields_of(row: Mapping[Any, Any], *without: str) -> dict[str, Any]:
    """Columns by name, with ``x_ko`` and ``x_en`` as one Text ``x``."""
    fields = {name: value for name, value in row.items() if name not in without}
    for name in [name for name in fields if name.endswith("_ko")]:
        base = name.removesuffix("_ko")
        fields[base] = Text(fields.pop(name), fields.pop(f"{base}_en"))
    return fields
