"""The audit log as a chain: each record holds the hash of the one before it, the head how many there are.

Whoever changes, inserts, removes or moves a record, or changes a step of an alarm that a record speaks of,
breaks the chain at that place. What a chain cannot do: somebody who may write the file and knows how can
build all of it anew, or put back an older copy. The remedy is to keep the head that `verify` prints
elsewhere, on paper or another machine, and to ask later whether it is still in the chain.
"""

import hashlib
import json
import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from care_robot.care.alarms import Transition, clean_text
from care_robot.care.audit import AuditAction, AuditRecord
from care_robot.care.text import Text

GENESIS = "0" * 64
"""What stands in the place of the hash before the first record."""

CHAINED = (
    *("seq", "key", "at", "action", "actor", "category", "outcome", "reason_ko", "reason_en", "resident_id"),
    *("recipient", "purpose", "subject", "version", "confidence", "evidence", "content", "previous"),
)
"""Columns of a record that its hash covers: all but the hash."""
STEP = ("alarm_id", "n", "at", "state", "event", "by", "reason_ko", "reason_en", "after")
"""Columns of a step of an alarm; the ``content`` of its record is their digest."""
BY_STEP_ONLY = (
    *("state", "acknowledged_by", "attended_by", "resolved_by", "resolution", "priority", "drill"),
)
"""What of an alarm changes by a step alone, and so must be as the newest step left it."""


@dataclass(frozen=True)
class Verdict:
    """What `verify` found."""

    ok: bool
    records: int
    """How many records fit, from the first."""
    head: str
    """Hash of the last of them."""
    sentence: Text


def step_key(alarm_id: str, n: int) -> str:
    """Key of the record of an alarm's `n`-th step."""
    return f"alarm:{alarm_id}#{n}"


def record_of(alarm_id: str, step: Transition, resident_id: str) -> AuditRecord:
    """The record of a step for which the engine has given none, as in databases without a log."""
    return AuditRecord(
        at=step.at,
        action=AuditAction.CREATE if step.event == "raised" else AuditAction.EXECUTE,
        actor=step.by,
        category="alarm",
        outcome=f"{step.event}: {step.state.name.lower()}",
        reason=step.reason,
        resident_id=resident_id,
        subject=f"{alarm_id}#{step.n}",
    )


def digest_of(cells: Mapping[str, Any], columns: tuple[str, ...]) -> str:
    """SHA-256 of these cells, as SQLite holds them, in one canonical text."""
    row = {name: cells[name] for name in columns}
    text = json.dumps(row, sort_keys=True, separators=(",", ":"), default=lambda blob: {"blob": blob.hex()})
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def plain_number(value: float | None) -> float | None:
    """As SQLite gives it back: no NaN, no infinity, no minus zero."""
    return None if value is None or not math.isfinite(value) else float(value) + 0.0


def verify(path: Path, known_head: str = "") -> Verdict:
    """Whether the log in this database is whole; it is opened for reading only.

    Parameters
    ----------
    path
        The database.
    known_head
        A head noted down earlier, which must still be in the chain; empty for none.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            # A text that is no UTF-8 is an edit like any other.
            connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
            connection.row_factory = sqlite3.Row
            connection.execute("BEGIN")  # one state of it, while care_manager goes on writing
            return _verify(connection, path, known_head)
    except sqlite3.Error as error:
        ko = f"{path}의 감사 기록을 읽을 수 없습니다({error})."
        en = f"The audit log in {path} cannot be read ({error}): see whether the path is right."
        return Verdict(False, 0, "", Text(ko, en))


class _MismatchError(Exception):
    """The first thing that does not fit, in Korean and English."""


def _verify(connection: sqlite3.Connection, path: Path, known_head: str) -> Verdict:
    count, head, steps, known = 0, GENESIS, 0, not known_head
    try:
        for row in connection.execute("SELECT * FROM audit ORDER BY seq"):
            _check_record(row, count + 1, head)
            if row["content"]:
                _check_step(connection, row)
                steps += 1
            count, head = count + 1, row["hash"]
            known = known or head == known_head
        _check_head(connection, count, head)
        _check_alarms(connection, steps)
        if not known:
            ko = "따로 적어 둔 해시가 이 기록에 없습니다: 기록 전체가 바뀌었거나 옛 사본입니다."
            en = "The head noted down earlier is not in it: all of it was written anew, or is an old copy."
            raise _MismatchError(ko, en)
    except _MismatchError as mismatch:
        ko, en = mismatch.args
        return Verdict(False, count, head, Text(f"감사 기록 {path}: {ko}", f"Audit log {path}: {en}"))
    ko = f"감사 기록 {count}건이 모두 온전합니다. 마지막 해시 {head}을(를) 다른 곳에 적어 두십시오."
    en = f"All {count} records of the audit log are whole. Keep its head elsewhere: {head}"
    return Verdict(True, count, head, Text(ko, en))


def _check_record(row: sqlite3.Row, seq: int, previous: str) -> None:
    name = clean_text(f"{row['seq']} ({row['key']}, {row['at']}, {row['actor']})", 300)
    if row["seq"] != seq:
        raise _MismatchError(
            f"{seq}번 기록이 없습니다. 다음 기록은 {name}입니다.",
            f"Record {seq} is missing; the next one is {name}.",
        )
    if row["previous"] != previous:
        raise _MismatchError(
            f"{name} 기록이 앞 기록과 이어지지 않습니다.", f"Record {name} does not follow the one before it."
        )
    if row["hash"] != digest_of(dict(row), CHAINED):
        raise _MismatchError(f"{name} 기록이 바뀌었습니다.", f"Record {name} was changed.")


def _check_step(connection: sqlite3.Connection, record: sqlite3.Row) -> None:
    alarm_id, _, n = record["key"].removeprefix("alarm:").rpartition("#")
    of_step = "SELECT * FROM alarm_events WHERE alarm_id = ? AND n = ?"
    step = connection.execute(of_step, (alarm_id, n)).fetchone()
    if step is None or digest_of(dict(step), STEP) != record["content"]:
        ko, en = ("없습니다", "is missing") if step is None else ("바뀌었습니다", "was changed")
        at = clean_text(f"{record['seq']} ({record['at']}, {record['actor']}, {record['outcome']})", 300)
        raise _MismatchError(
            f"알람 {alarm_id}의 {n}번째 단계(기록 {at})가 {ko}.",
            f"Step {n} of the alarm {alarm_id}, of which record {at} speaks, {en}.",
        )


def _check_head(connection: sqlite3.Connection, count: int, head: str) -> None:
    if [tuple(row) for row in connection.execute("SELECT count, hash FROM audit_head")] != [(count, head)]:
        raise _MismatchError(
            f"{count}번이 마지막 기록이 아닙니다: 끝에서 기록이 지워졌거나 더해졌습니다.",
            f"Record {count} should not be the last: records were removed from the end, or added.",
        )


def _check_alarms(connection: sqlite3.Connection, steps: int) -> None:
    ((all_steps,),) = connection.execute("SELECT count(*) FROM alarm_events")
    if all_steps != steps:
        without = (
            "SELECT alarm_id, n FROM alarm_events AS e WHERE NOT EXISTS (SELECT 1 FROM audit "
            "WHERE audit.key = 'alarm:' || e.alarm_id || '#' || e.n AND content != '') ORDER BY alarm_id, n"
        )
        alarm_id, n = (clean_text(str(cell)) for cell in connection.execute(without).fetchone() or "??")
        raise _MismatchError(
            f"알람 {alarm_id}의 {n}번째 단계에 대한 기록이 없습니다.",
            f"No record speaks of step {n} of the alarm {alarm_id}.",
        )
    orphans = "SELECT alarm_id FROM alarm_events WHERE alarm_id NOT IN (SELECT id FROM alarms)"
    for (raw_id,) in connection.execute(orphans):
        alarm_id = clean_text(str(raw_id))
        raise _MismatchError(
            f"단계가 남아 있는 알람 {alarm_id}이(가) 없습니다.",
            f"The alarm {alarm_id}, of which there are steps, is missing.",
        )
    for alarm, after in _alarms(connection):
        wrong = [
            name for name in BY_STEP_ONLY if after is None or after.get(name, alarm[name]) != alarm[name]
        ]
        if wrong:
            alarm_id = clean_text(str(alarm["id"]))
            raise _MismatchError(
                f"알람 {alarm_id}의 {', '.join(wrong)} 값이 마지막 단계와 다릅니다.",
                f"The alarm {alarm_id} is not as its newest step left it: {', '.join(wrong)}.",
            )


def _alarms(connection: sqlite3.Connection) -> Iterator[tuple[sqlite3.Row, dict[str, Any] | None]]:
    """Each alarm with what its newest step left; none where there is no step."""
    query = (
        "SELECT a.*, e.after FROM alarms AS a LEFT JOIN alarm_events AS e ON e.alarm_id = a.id "
        "AND e.n = (SELECT max(n) FROM alarm_events WHERE alarm_id = a.id)"
    )
    for row in connection.execute(query):
        # Its digest was that of the record: whatever stands here now, stood here when it was stored.
        yield row, None if row["after"] is None else json.loads(row["after"])
