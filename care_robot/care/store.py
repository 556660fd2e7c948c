"""The care database: SQLite with one writer, and every commit on the disk before it counts."""

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, Row, Table, create_engine, event, literal_column, or_, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from care_robot.care.alarms import (
    Alarm,
    AlarmState,
    Changes,
    Page,
    PageState,
    Snapshot,
    Source,
    Transition,
)
from care_robot.care.keeper import StorageError
from care_robot.care.schema import ALARMS, EVENTS, PAGES, SOURCES
from care_robot.care.text import Text

FILE_NAME = "care.db"
MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_S = 0.5
"""An alarm is handled from memory rather than kept waiting for a reader that holds a lock."""


def default_folder(environment: Mapping[str, str]) -> Path:
    """Where the database lies when nobody says otherwise."""
    base = environment.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "care_robot"


class DatabaseUnusableError(Exception):
    """The database cannot be used; the message is one sentence that names it and the remedy."""


class DatabaseInUseError(DatabaseUnusableError):
    """Another process works on it."""


class AlarmStore:
    """The open database in `folder`; close it, or use it in a ``with`` block.

    Raises
    ------
    DatabaseInUseError
        Another process has it.
    DatabaseUnusableError
        It is damaged, of a newer version, not ours, or cannot be written; it was left as it was.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder.absolute() / FILE_NAME
        self._lock = _locked(self.path)
        try:
            self._engine = _opened(self.path)
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> "AlarmStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database; another process may take it."""
        self._engine.dispose()
        os.close(self._lock)

    def load(self) -> Snapshot:
        """Alarms that are open or still shown, what is known of their pages, and every event ever seen."""
        try:
            with self._engine.connect() as connection:
                return _load(connection)
        except OperationalError as error:
            raise DatabaseUnusableError(_out_of_reach(self.path, _cause(error))) from error
        except (SQLAlchemyError, ValueError, LookupError) as error:
            raise DatabaseUnusableError(_damaged(self.path, _cause(error))) from error

    def save(self, changes: Changes) -> None:
        """Keep all of `changes` or none; StorageError where that failed. Saving twice does no harm."""
        sources = [{"alarm_id": alarm_id, **_row(SOURCES, s)} for alarm_id, s in changes.sources.values()]
        steps = [
            {"alarm_id": alarm_id, **_row(EVENTS, t)} for (alarm_id, _), t in changes.transitions.items()
        ]
        try:
            if not self.path.exists():
                raise FileNotFoundError("it was deleted; start care_manager again to build a new one")
            with self._engine.begin() as connection:
                _upsert(connection, ALARMS, [_row(ALARMS, alarm) for alarm in changes.alarms.values()])
                _upsert(connection, SOURCES, sources)
                _upsert(connection, PAGES, [_row(PAGES, page) for page in changes.pages.values()])
                if steps:
                    connection.execute(insert(EVENTS).on_conflict_do_nothing(), steps)
        except (SQLAlchemyError, sqlite3.Error, OSError, ValueError) as error:
            self._engine.dispose()  # the next attempt starts with a fresh connection
            raise StorageError(f"{self.path}: {_cause(error)}") from error


def _row(table: Table, record: object) -> dict[str, Any]:
    """Fields of a dataclass by the columns of a table; a Text named ``x`` fills ``x_ko`` and ``x_en``."""
    row: dict[str, Any] = {}
    for name in table.columns.keys():  # noqa: SIM118 (not a dict)
        base, _, language = name.rpartition("_")
        if language in Text._fields:
            row[name] = getattr(getattr(record, base), language)
        elif hasattr(record, name):
            row[name] = getattr(record, name)
    return row


def _upsert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        statement = insert(table)
        new = {column.name: statement.excluded[column.name] for column in table.columns}
        connection.execute(
            statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=new), rows
        )


def _load(connection: Connection) -> Snapshot:
    shown = or_(ALARMS.c.state != AlarmState.RESOLVED, ALARMS.c.deadline_at.is_not(None))
    alarms = {row.id: Alarm(**_fields(row)) for row in connection.execute(select(ALARMS).where(shown))}
    of_shown = select(ALARMS.c.id).where(shown)
    for row in _of(connection, SOURCES, of_shown, literal_column("rowid")):
        alarms[row.alarm_id].sources.append(Source(**_fields(row, "alarm_id")))
    for row in _of(connection, EVENTS, of_shown, EVENTS.c.n):
        alarms[row.alarm_id].history.append(Transition(**_fields(row, "alarm_id")))
    pages = [Page(**_fields(row)) for row in _of(connection, PAGES, of_shown, PAGES.c.created_at)]
    uncertain = (PageState.PENDING, PageState.FAILED)
    wanted = [p for p in pages if p.state in uncertain or p.round == alarms[p.alarm_id].rounds]
    seen = {row.key: row.alarm_id for row in connection.execute(select(SOURCES.c.key, SOURCES.c.alarm_id))}
    return Snapshot(list(alarms.values()), wanted, seen)


def _of(connection: Connection, table: Table, alarm_ids: Any, order: Any) -> Iterable[Row[Any]]:
    return connection.execute(select(table).where(table.c.alarm_id.in_(alarm_ids)).order_by(order))


def _fields(row: Row[Any], *without: str) -> dict[str, Any]:
    """Columns by name, with ``x_ko`` and ``x_en`` as one Text ``x``."""
    fields = {name: value for name, value in row._mapping.items() if name not in without}
    for name in [name for name in fields if name.endswith("_ko")]:
        base = name.removesuffix("_ko")
        fields[base] = Text(fields.pop(name), fields.pop(f"{base}_en"))
    return fields


# Opening ------------------------------------------------------------------------------------------


def _locked(path: Path) -> int:
    """Descriptor of the lock file; the lock lasts until it is closed, or the process ends however it ends."""
    lock = path.with_name(f"{path.name}.lock")
    try:
        # What stands in the database is nobody else's business.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DatabaseUnusableError(_out_of_reach(path, str(error.strerror))) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise DatabaseInUseError(
            f"The database {path} is in use by the process {holder}: stop it, or choose another data_dir."
        ) from error
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
    except OSError:
        pass  # no room for the pid: the lock holds all the same
    return descriptor


def _opened(path: Path) -> Engine:
    """Engine on a database of this version, migrated where it was older."""
    scripts = _alembic()
    known = [script.revision for script in ScriptDirectory.from_config(scripts).walk_revisions()]
    try:
        # Read first, so that a database that is not for us stays as it was.
        version = _version(path) if path.exists() and path.stat().st_size else None
        if version not in (None, *known):
            raise DatabaseUnusableError(
                f"The database {path} is of a newer version ({version}; this program knows {known[0]}): "
                "install the newer care_robot again, or choose another data_dir; nothing was changed."
            )
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        engine = _engine(path)
        try:
            with engine.begin() as connection:
                if version != known[0]:
                    scripts.attributes["connection"] = connection
                    command.upgrade(scripts, "head")
        except BaseException:
            engine.dispose()
            raise
    except (sqlite3.OperationalError, OSError, SQLAlchemyError) as error:
        raise DatabaseUnusableError(_out_of_reach(path, _cause(error))) from error
    except sqlite3.DatabaseError as error:
        raise DatabaseUnusableError(_damaged(path, str(error))) from error
    return engine


def _version(path: Path) -> str:
    """Revision of an existing database; DatabaseUnusableError where it is damaged or not one of ours."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S)
    try:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE name = 'alembic_version'"
        ).fetchall()
        versions = connection.execute("SELECT version_num FROM alembic_version").fetchall() if tables else []
        if len(versions) != 1:
            raise DatabaseUnusableError(
                f"The file {path} is an SQLite database, but not one of care_robot: choose another data_dir."
            )
        ((verdict,), *_) = connection.execute("PRAGMA quick_check(1)").fetchall()
        if verdict != "ok":
            raise DatabaseUnusableError(_damaged(path, str(verdict)))
        return str(versions[0][0])
    finally:
        connection.close()


def _out_of_reach(path: Path, cause: str) -> str:
    return (
        f"The database {path} cannot be opened ({cause}): free some space on its disk, give this user the "
        "right to write there, close other programs that use it, or choose another data_dir; "
        "nothing was changed."
    )


def _damaged(path: Path, cause: str) -> str:
    return (
        f"The database {path} is damaged ({' '.join(cause.split())[:200]}): move it away together with its "
        "-wal and -shm files, put back a backup or start with none, and see whose alarms were open."
    )


def _engine(path: Path) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions are ours: the driver's would leave out DDL
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _cause(error: BaseException) -> str:
    """The driver's own words, without the statement and its values."""
    return str(getattr(error, "orig", None) or error)
