"""The database of tasks: SQLite with one writer, and every commit on the disk before it counts."""

import dataclasses
import json
import os
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    DDL,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    create_engine,
    event,
    or_,
    select,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from care_robot.care.database import BUSY_TIMEOUT_S, DatabaseUnusableError, cause, lock
from care_robot.care.schema import Coded, Utc
from care_robot.care.text import Text
from care_robot.planning.task_queue import SHOWN
from care_robot.planning.tasks import (
    Goal,
    Priority,
    StorageError,
    Task,
    TaskChanges,
    TaskErrorCode,
    TaskEvent,
    TaskKind,
    TaskRecord,
    TaskSnapshot,
    TaskState,
)

FILE_NAME = "tasks.db"
APPLICATION_ID = 0x43617265
VERSION = 1

_METADATA = MetaData()
_TASKS = Table(
    "tasks",
    _METADATA,
    Column("id", String, primary_key=True),
    Column("task", String, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("submitted_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
    Column("state", Coded(TaskState), nullable=False, index=True),
    Column("step_ko", String, nullable=False),
    Column("step_en", String, nullable=False),
    Column("arrived", Boolean, nullable=False),
    Column("visited", Integer, nullable=False),
    Column("started_at", Utc),
    Column("ended_at", Utc),
    Column("ran_s", Float, nullable=False),
    Column("waited_s", Float, nullable=False),
    Column("interruptions", Integer, nullable=False),
    Column("ending", Coded(TaskErrorCode)),
    Column("error", Coded(TaskErrorCode), nullable=False),
    Column("reason_ko", String, nullable=False),
    Column("reason_en", String, nullable=False),
    Column("events", Integer, nullable=False),
)
_EVENTS = Table(
    "task_events",
    _METADATA,
    Column("task_id", String, primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("at", Utc, nullable=False),
    Column("state", Coded(TaskState), nullable=False),
    Column("event", String, nullable=False),
    Column("by", String, nullable=False),
    Column("reason_ko", String, nullable=False),
    Column("reason_en", String, nullable=False),
)
for _what in ("UPDATE", "DELETE"):
    _trigger = (
        f"CREATE TRIGGER task_events_no_{_what.lower()} BEFORE {_what} ON task_events "
        "BEGIN SELECT RAISE(ABORT, 'task_events is append-only'); END"
    )
    event.listen(_EVENTS, "after_create", DDL(_trigger))  # type: ignore[no-untyped-call]


class TaskDatabaseError(Exception):
    """The database cannot be used; the message is one sentence that names it and the remedy."""


class TaskStore:
    """The open database in `folder`; close it, or use it in a ``with`` block.

    A file that is damaged, of a newer version or not ours is moved aside and a fresh one begun: `notice` says
    so, else it is empty. `snapshot` is what the database knew when it was opened.

    Raises
    ------
    TaskDatabaseError
        Another process has it, or it can be neither opened nor replaced.
    """

    def __init__(self, folder: Path, now: datetime) -> None:
        self.path = folder.absolute() / FILE_NAME
        self.notice = ""
        try:
            self._lock = lock(self.path)
        except DatabaseUnusableError as error:
            raise TaskDatabaseError(str(error)) from None
        try:
            try:
                self._engine, self.snapshot = _opened(self.path, now)
            except _UnfitError as error:
                aside = _move_aside(self.path, now)
                self.notice = (
                    f"The task database {self.path} is not usable ({error}): it was moved to {aside}; tasks "
                    "go on in a fresh one; ask again for tasks that were open."
                )
                self._engine, self.snapshot = _opened(self.path, now)
        except (_UnfitError, SQLAlchemyError, sqlite3.Error, OSError) as error:
            os.close(self._lock)
            raise TaskDatabaseError(_out_of_reach(self.path, cause(error))) from error
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> "TaskStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database; another process may take it."""
        self._engine.dispose()
        os.close(self._lock)

    def save(self, changes: TaskChanges) -> None:
        """Keep all of `changes` or none; StorageError where that failed. Saving twice does no harm."""
        try:
            if not self.path.exists():
                raise FileNotFoundError("it was deleted; start task_manager again to build a new one")
            with self._engine.begin() as connection:
                tasks = [_task_row(record) for record in changes.records.values()]
                if tasks:
                    statement = insert(_TASKS)
                    new = {column.name: statement.excluded[column.name] for column in _TASKS.columns}
                    connection.execute(
                        statement.on_conflict_do_update(index_elements=["id"], set_=new), tasks
                    )
                events = [_event_row(item) for item in changes.events]
                if events:
                    connection.execute(insert(_EVENTS).on_conflict_do_nothing(), events)
        except (SQLAlchemyError, sqlite3.Error, OSError, ValueError) as error:
            self._engine.dispose()  # the next attempt starts with a fresh connection
            raise StorageError(f"{self.path}: {cause(error)}") from error


def read_task(folder: Path, task_id: str) -> tuple[TaskRecord, list[TaskEvent]] | None:
    """The task with this id, or the only one whose id begins so, and its history; None where there is none.

    Reads beside the process that writes. TaskDatabaseError where there is no database to read.
    """
    path = folder.absolute() / FILE_NAME
    if not path.is_file():
        raise TaskDatabaseError(f"There is no task database {path}: name its folder (--data-dir).")
    engine = create_engine(URL.create("sqlite", database=f"{path.as_uri()}?mode=ro", query={"uri": "true"}))
    try:
        with engine.connect() as connection:
            exact = select(_TASKS).where(_TASKS.c.id == task_id)
            begins = select(_TASKS).where(_TASKS.c.id.startswith(task_id, autoescape=True)).limit(2)
            rows = connection.execute(exact).fetchall() or connection.execute(begins).fetchall()
            if len(rows) != 1:
                return None
            record = _record(rows[0])
            of_task = select(_EVENTS).where(_EVENTS.c.task_id == record.task.id).order_by(_EVENTS.c.n)
            return record, [TaskEvent(**_fields(row)) for row in connection.execute(of_task)]
    except (SQLAlchemyError, ValueError, LookupError, TypeError) as error:
        raise TaskDatabaseError(_out_of_reach(path, cause(error))) from error
    finally:
        engine.dispose()


# Rows ---------------------------------------------------------------------------------------------


def _task_row(record: TaskRecord) -> dict[str, Any]:
    row = {c.name: getattr(record, c.name) for c in _TASKS.columns if hasattr(record, c.name)}
    task = json.dumps(dataclasses.asdict(record.task), ensure_ascii=False)
    return (
        row
        | {"id": record.task.id, "task": task}
        | _words("step", record.step)
        | _words("reason", record.reason)
    )


def _event_row(item: TaskEvent) -> dict[str, Any]:
    row = {c.name: getattr(item, c.name) for c in _EVENTS.columns if hasattr(item, c.name)}
    return row | _words("reason", item.reason)


def _words(name: str, text: Text) -> dict[str, Any]:
    return {f"{name}_ko": text.ko, f"{name}_en": text.en}


def _record(row: Row[Any]) -> TaskRecord:
    fields = _fields(row)
    task = json.loads(fields.pop("task"))
    pose = Goal(**task.pop("pose")) if task["pose"] else task.pop("pose")
    kind, priority = TaskKind(task.pop("kind")), Priority(task.pop("priority"))
    places = tuple(task.pop("places"))
    fields["task"] = Task(**task, kind=kind, priority=priority, places=places, pose=pose)
    del fields["id"]
    return TaskRecord(**fields)


def _fields(row: Row[Any]) -> dict[str, Any]:
    """Columns by name, with ``x_ko`` and ``x_en`` as one Text ``x``."""
    fields = dict(row._mapping)
    for name in [name.removesuffix("_ko") for name in fields if name.endswith("_ko")]:
        fields[name] = Text(fields.pop(f"{name}_ko"), fields.pop(f"{name}_en"))
    return fields


# Opening ------------------------------------------------------------------------------------------


class _UnfitError(Exception):
    """The file is damaged, of a newer version, or not ours; the message says which."""


def _opened(path: Path, now: datetime) -> tuple[Engine, TaskSnapshot]:
    """A database of this version and what it holds; _UnfitError where the file is none."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    engine = _engine(path)
    try:
        _judge(path)
        with engine.begin() as connection:
            _METADATA.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
            return engine, _load(connection, now)
    except (SQLAlchemyError, ValueError, LookupError, TypeError) as error:
        engine.dispose()
        if isinstance(getattr(error, "orig", None), sqlite3.OperationalError):
            raise  # out of reach or locked, which says nothing against the file
        raise _UnfitError(cause(error)) from error
    except BaseException:
        engine.dispose()
        raise


def _judge(path: Path) -> None:
    """Read only: _UnfitError for a file that is not for us."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S)
    try:
        (owner,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        columns = {
            table: {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            for table in _METADATA.tables
        }
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        raise _UnfitError(f"it is damaged: {error}") from error
    finally:
        connection.close()
    if verdict != "ok":
        raise _UnfitError(f"it is damaged: {' '.join(str(verdict).split())[:200]}")
    if not empty and owner != APPLICATION_ID:
        raise _UnfitError("it is not a database of tasks")
    if version > VERSION:
        raise _UnfitError(f"it is of version {version}, and this program knows {VERSION}")
    if not empty and columns != {name: set(table.columns.keys()) for name, table in _METADATA.tables.items()}:
        raise _UnfitError("its tables are not those of this program")


def _load(connection: Connection, now: datetime) -> TaskSnapshot:
    shown = or_(_TASKS.c.state < TaskState.SUCCEEDED, _TASKS.c.ended_at > now - SHOWN)
    records = [_record(row) for row in connection.execute(select(_TASKS).where(shown).order_by(_TASKS.c.seq))]
    return TaskSnapshot(records, frozenset(connection.scalars(select(_TASKS.c.id))))


def _move_aside(path: Path, now: datetime) -> Path:
    """The new name of the file; that of its -wal and -shm is alike."""
    name = f"{path.name}.unusable-{now:%Y%m%dT%H%M%S}"
    taken = len(list(path.parent.glob(f"{name}*")))
    aside = path.with_name(f"{name}-{taken}" if taken else name)
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside


def _engine(path: Path) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions are ours: the driver's would leave out DDL
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _out_of_reach(path: Path, reason: str) -> str:
    return (
        f"The task database {path} cannot be used ({reason}): make room on its disk, give this user the "
        "right to write there, or choose another data_dir."
    )
