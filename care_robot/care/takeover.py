"""What can still be read of a care database that is damaged or out of reach, row by row."""

import json
import sqlite3
from collections import deque
from collections.abc import Collection, Iterator
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
TABLE_S = 5.0
"""How long one table may take: the alarms must go on."""
ENDED_ALARMS = 5_000
"""How many ended alarms are taken over, the newest: the others are history, and stay where they are."""
AUDIT_RECORDS = 50_000
LAST_ROWID = 2**62

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
    """Everything of a database that could be read, and the names of what could not."""

    changes: Changes
    lost: tuple[Text, ...] = ()
    head: str = ""
    """Hash of the last audit record."""


def take_over(path: Path) -> Taken:
    """Read a database without writing to it, whatever state it is in; nothing of a file that is none."""
    reader = _Reader(path)
    alarms = _alarms(reader)
    changes = Changes(alarms=alarms)
    for alarm in alarms.values():
        changes.transitions.update({(alarm.id, step.n): step for step in alarm.history})
    for row, source in reader.records(SOURCES, Source, alarms):
        changes.sources[source.key] = (row["alarm_id"], source)
    changes.pages.update({page.id: page for _, page in reader.records(PAGES, Page, alarms)})
    changes.presences.update({presence.by: presence for _, presence in reader.records(PRESENCES, Presence)})
    newest = deque(reader.records(AUDIT, AuditRecord), AUDIT_RECORDS)
    changes.audit.update({str(row["key"]): record for row, record in newest})
    head = str(newest[-1][0].get("hash", "")) if newest else ""
    return Taken(changes, tuple(name for table, name in NAMES.items() if table in reader.lost), head)


def _alarms(reader: "_Reader") -> dict[str, Alarm]:
    """By id, with their history: those that are open or shown, and the newest of the others."""
    alarms: dict[str, Alarm] = {alarm.id: alarm for _, alarm in reader.records(ALARMS, Alarm)}
    ended = sorted((a for a in alarms.values() if not _shown(a)), key=lambda a: a.raised_at, reverse=True)
    left = {alarm.id for alarm in ended[ENDED_ALARMS:]}
    rebuilt = set()
    for row, step in reader.records(EVENTS, Transition):
        alarm_id = row["alarm_id"]
        if alarm_id not in alarms and (alarm := _rebuilt(step)) is not None and alarm.id == alarm_id:
            alarms[alarm_id] = alarm
            rebuilt.add(alarm_id)
        if alarm_id in alarms and alarm_id not in left:
            alarms[alarm_id].history.append(step)
    return {a.id: _mended(a, a.id in rebuilt) for a in alarms.values() if a.id not in left}


class _Reader:
    """Rows of a database file; `lost` are the tables of which something could not be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lost: set[Table] = set()

    def records(
        self, table: Table, kind: Any, alarm_ids: Collection[str] | None = None
    ) -> Iterator[tuple[dict[str, Any], Any]]:
        """Rows with the record that each holds, of these alarms alone where they are given."""
        without = {PAGES: (), AUDIT: ("seq", "key", "content", "previous", "hash")}.get(table, ("alarm_id",))
        for row in self._rows(table):
            if alarm_ids is not None and row["alarm_id"] not in alarm_ids:
                continue
            try:
                json.loads(row.get("after", "{}"))
                cells = {name: _value(table.columns[name], cell) for name, cell in row.items()}
                yield row, kind(**fields_of(cells, *without))
            except (ValueError, TypeError, LookupError):
                self.lost.add(table)

    def _rows(self, table: Table) -> Iterator[dict[str, Any]]:
        """Cells by column, as SQLite holds them; a column that an older version lacks is not there."""
        try:
            with _opened(self._path) as connection:
                until = monotonic() + TABLE_S
                connection.set_progress_handler(lambda: monotonic() > until, 10_000)
                there = {name for _, name, *_ in connection.execute(f"PRAGMA table_info({table.name})")}
                if there:  # an older version has not every table
                    yield from self._scan(
                        connection, table, [c for c in table.columns if c.name in there], until
                    )
        except sqlite3.Error:
            self.lost.add(table)

    def _scan(
        self, connection: sqlite3.Connection, table: Table, columns: list["Column[Any]"], until: float
    ) -> Iterator[dict[str, Any]]:
        """Rows in the order of rowid; behind one that cannot be read, it goes on further and further."""
        names = [column.name for column in columns]
        listed = ", ".join(f'"{name}"' for name in names)
        query = f"SELECT rowid, {listed} FROM {table.name} WHERE rowid > ? ORDER BY rowid"  # noqa: S608
        last, jump = 0, 1
        while last < LAST_ROWID:
            try:
                for rowid, *cells in connection.execute(query, (last,)):
                    last, jump = max(last, rowid), 1
                    yield dict(zip(names, cells, strict=True))
                return
            except sqlite3.Error:
                self.lost.add(table)
                if monotonic() > until:
                    return
                last, jump = last + jump, 2 * jump


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


def _shown(alarm: Alarm) -> bool:
    return alarm.state is not AlarmState.RESOLVED or alarm.deadline_at is not None


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
