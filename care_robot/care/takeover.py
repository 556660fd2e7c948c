"""What can still be read of a care database that is damaged or out of reach, row by row."""

import json
import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy import Boolean, Column, Table

from care_robot.care.alarms import (
    Alarm,
    AlarmState,
    Changes,
    Page,
    Presence,
    Source,
    Transition,
    from_json,
    to_json,
)
from care_robot.care.audit import AuditRecord
from care_robot.care.audit_chain import BY_STEP_ONLY
from care_robot.care.schema import ALARMS, AUDIT, EVENTS, PAGES, PRESENCES, SOURCES
from care_robot.care.store import fields_of
from care_robot.care.text import Text

BY = "care_manager"
TABLE_S = 10.0
"""How long one table may take: the alarms must go on."""
ENDED_ALARMS = 5_000
"""How many ended alarms are taken over, the newest: the others are history, and stay where they are."""
AUDIT_RECORDS = 20_000
LAST_ROWID = 2**62
OF_KEPT = "alarm_id NOT IN (SELECT id FROM left_out)"

NAMES = {
    ALARMS: Text("알람", "alarms"),
    EVENTS: Text("알람 단계", "steps of alarms"),
    SOURCES: Text("알람의 사건", "events behind alarms"),
    PAGES: Text("호출", "pages"),
    PRESENCES: Text("직원 재실", "presence of staff"),
    AUDIT: Text("감사 기록", "audit records"),
}
UNREADABLE = Text("이 단계는 손상되어 읽을 수 없습니다.", "This step is damaged and cannot be read.")
TAKEN_OVER = Text(
    "데이터베이스가 손상되어, 읽을 수 있는 마지막 상태를 이어받았습니다.",
    "The database was damaged; the alarm goes on from the last state that could be read.",
)


@dataclass(frozen=True)
class Taken:
    """What of a database was taken over, and the names of what could not be read."""

    changes: Changes
    lost: tuple[Text, ...] = ()
    head: str = ""
    """Hash of the last audit record."""
    left: int = 0
    """How many ended alarms, the oldest, were left there."""


def take_over(path: Path) -> Taken:
    """Read a database without writing to it, whatever state it is in; nothing of a file that is none."""
    reader = _Reader(path)
    ended = f"+state = {AlarmState.RESOLVED:d} AND deadline_at IS NULL"
    old = f"{ended} AND rowid < {reader.newest(ALARMS, ended, ENDED_ALARMS)}"
    reader.left = reader.ids(old)
    alarms = _alarms(reader, f"NOT ({old})")
    changes = Changes(alarms=alarms)
    for alarm in alarms.values():
        changes.transitions.update({(alarm.id, step.n): step for step in alarm.history})
    for row, source in reader.records(SOURCES, Source, OF_KEPT):
        if row["alarm_id"] in alarms:
            changes.sources[source.key] = (row["alarm_id"], source)
    pages = (page for _, page in reader.records(PAGES, Page, OF_KEPT))
    changes.pages.update({page.id: page for page in pages if page.alarm_id in alarms})
    changes.presences.update({presence.by: presence for _, presence in reader.records(PRESENCES, Presence)})
    first, head = reader.newest(AUDIT, "true", AUDIT_RECORDS), ""
    for row, record in reader.records(AUDIT, AuditRecord, f"rowid >= {first}"):
        changes.audit[str(row["key"])], head = record, str(row.get("hash", ""))
    lost = tuple(name for table, name in NAMES.items() if table in reader.lost)
    return Taken(changes, lost, head, len(reader.left))


def _alarms(reader: "_Reader", where: str) -> dict[str, Alarm]:
    """By id, with their history; those whose row cannot be read, as their steps left them."""
    alarms: dict[str, Alarm] = {alarm.id: alarm for _, alarm in reader.records(ALARMS, Alarm, where)}
    rebuilt = set()
    for row, step in reader.records(EVENTS, Transition, OF_KEPT):
        alarm_id = row["alarm_id"]
        if alarm_id not in alarms and (alarm := _rebuilt(step)) is not None and alarm.id == alarm_id:
            alarms[alarm_id] = alarm
            rebuilt.add(alarm_id)
        if alarm_id in alarms:
            alarms[alarm_id].history.append(step)
    return {a.id: _mended(a, a.id in rebuilt) for a in alarms.values()}


class _Reader:
    """Rows of a database file.

    Attributes
    ----------
    lost
        Tables of which something could not be read.
    left
        Ids of the alarms that `OF_KEPT` leaves out.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lost: set[Table] = set()
        self.left: list[str] = []

    def newest(self, table: Table, where: str, limit: int) -> int:
        """Rowid of the first of the newest `limit` rows."""
        rowids = deque((rowid for rowid, _ in self._rows(table, "", where)), limit)
        return rowids[0] if len(rowids) == limit else 0

    def ids(self, where: str) -> list[str]:
        """Of these alarms."""
        return [str(row["id"]) for _, row in self._rows(ALARMS, "id", where)]

    def records(self, table: Table, kind: Any, where: str = "true") -> Iterator[tuple[dict[str, Any], Any]]:
        """Rows with the record that each holds."""
        without = {PAGES: (), AUDIT: ("seq", "key", "content", "previous", "hash")}.get(table, ("alarm_id",))
        for _, row in self._rows(table, "*", where):
            try:
                json.loads(row.get("after", "{}"))
                cells = {name: _value(table.columns[name], cell) for name, cell in row.items()}
                yield row, kind(**fields_of(cells, *without))
            except (ValueError, TypeError, LookupError):
                self.lost.add(table)

    def _rows(self, table: Table, wanted: str, where: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Rowid and the wanted cells, as SQLite holds them; an older version lacks some columns."""
        try:
            with _opened(self._path) as connection:
                until = monotonic() + TABLE_S
                connection.execute("CREATE TEMP TABLE left_out (id PRIMARY KEY)")
                connection.executemany("INSERT OR IGNORE INTO left_out VALUES (?)", [(i,) for i in self.left])
                connection.set_progress_handler(lambda: monotonic() > until, 10_000)
                there = {name for _, name, *_ in connection.execute(f"PRAGMA table_info({table.name})")}
                names = [c.name for c in table.columns if c.name in there and wanted in ("*", c.name)]
                if there:  # an older version has not every table
                    yield from self._scan(connection, table, names, where, until)
        except sqlite3.Error:
            self.lost.add(table)

    def _scan(
        self, connection: sqlite3.Connection, table: Table, names: list[str], where: str, until: float
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """In the order of rowid; behind a row that cannot be read, it goes on further and further."""
        listed = ", ".join(["rowid", *(f'"{name}"' for name in names)])
        query = f"SELECT {listed} FROM {table.name} WHERE rowid > ? AND ({where}) ORDER BY rowid"  # noqa: S608
        last, jump = 0, 1
        while last < LAST_ROWID:
            try:
                for rowid, *cells in connection.execute(query, (last,)):
                    last, jump = max(last, rowid), 1
                    yield rowid, dict(zip(names, cells, strict=True))
                return
            except sqlite3.Error:
                self.lost.add(table)
                if monotonic() > until:
                    return
                last, jump = _past_damage(connection, f"{table.name} WHERE rowid > ?", where, last, jump)


def _past_damage(
    connection: sqlite3.Connection, rows: str, where: str, last: int, jump: int
) -> tuple[int, int]:
    """Where to go on after an error behind the row `last`, and how far to jump if that is one, too."""
    read = last
    try:
        for rowid, wanted in connection.execute(f"SELECT rowid, {where} FROM {rows} ORDER BY rowid", (last,)):  # noqa: S608
            read = max(read, rowid)
            if wanted:  # it is a cell of this row
                return read, 1
    except sqlite3.Error:
        jump = 1 if read > last else jump
        return read + jump, 2 * jump
    return LAST_ROWID, 1


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, for reading; on a disk that nobody can write to, without what is in its -wal file."""
    for options in ("mode=ro", "mode=ro&immutable=1"):
        with closing(sqlite3.connect(f"{path.as_uri()}?{options}", uri=True)) as connection:
            connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
            try:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.OperationalError:
                continue
            yield connection
            return
    raise sqlite3.OperationalError("cannot be opened")


def _value(column: "Column[Any]", cell: Any) -> Any:
    """A cell as the program holds it; ValueError or TypeError where it cannot be one of this column."""
    if cell is None:
        if not column.nullable:
            raise ValueError("nothing where something must stand")
        return None
    convert = getattr(column.type, "process_result_value", None)
    if convert is not None:
        value = convert(cell, None)
        if getattr(value, "tzinfo", True) is None:
            raise ValueError("a time without a zone")
        return value
    if isinstance(column.type, Boolean):
        return bool(cell)
    if not isinstance(cell, column.type.python_type):
        raise TypeError("not of the column's kind")
    return cell


def _rebuilt(step: Transition | None) -> Alarm | None:
    """The alarm as a step left it; none where the step does not say."""
    try:
        alarm = from_json(step.after) if step else None
        for column in ALARMS.columns if alarm else ():
            bind = getattr(column.type, "process_bind_param", None)
            value = getattr(alarm, column.name)
            _value(column, bind(value, None) if bind else value)
    except (ValueError, TypeError, LookupError, AttributeError):
        return None
    return alarm


def _mended(alarm: Alarm, rebuilt: bool) -> Alarm:
    """The alarm with a step for each number, the newest of which speaks of it as it is.

    Where its row and its newest step differ, the one counts that is not resolved: an alarm too many does less
    harm than one too few.
    """
    steps = {step.n: step for step in alarm.history if step.n > 0}
    left = _rebuilt(steps[max(steps)]) if steps else None
    if left and (rebuilt or left.state is not AlarmState.RESOLVED is alarm.state):
        alarm = left
    for n in range(1, max(steps, default=0)):
        steps.setdefault(n, Transition(n, alarm.raised_at, alarm.state, "unreadable", BY, UNREADABLE))
    alarm.history = [steps[n] for n in sorted(steps)]
    if not steps or (left and any(getattr(left, name) != getattr(alarm, name) for name in BY_STEP_ONLY)):
        n, after = len(steps) + 1, to_json(alarm)
        alarm.history.append(
            Transition(n, alarm.updated_at, alarm.state, "taken_over", BY, TAKEN_OVER, after)
        )
    return alarm
