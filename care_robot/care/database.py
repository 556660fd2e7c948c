"""Opening the care database: for one process at a time, migrated to this version, never a damaged one."""

import errno
import fcntl
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_S = 0.5
"""An alarm is handled from memory rather than kept waiting for a reader that holds a lock."""

OUT_OF_REACH = (
    "attempt to write a readonly database",
    "database is locked",
    "database or disk is full",
    "disk I/O error",
    "interrupted",
    "locking protocol",
    "out of memory",
    "unable to open database file",
)
"""How SQLite's operational errors begin that say nothing of what stands in the file."""


class DatabaseUnusableError(Exception):
    """The database cannot be used; the message is one sentence that names it and the remedy."""


class DatabaseInUseError(DatabaseUnusableError):
    """Another process works on it."""


class DatabaseDamagedError(DatabaseUnusableError):
    """What stands in it cannot be read, or makes no sense."""

    def __init__(self, path: Path, reason: str) -> None:
        self.reason = " ".join(reason.split())[:200]
        super().__init__(
            f"The database {path} is damaged ({self.reason}): move it away together with its -wal and -shm "
            "files, put back a backup or start with none, and see whose alarms were open."
        )


class DatabaseOutOfReachError(DatabaseUnusableError):
    """It cannot be opened or written just now, whatever stands in it."""

    def __init__(self, path: Path, reason: str) -> None:
        self.reason = " ".join(reason.split())[:200]
        super().__init__(
            f"The database {path} cannot be opened ({self.reason}): free some space on its disk, give this "
            "user the right to write there, close other programs that use it, or choose another data_dir; "
            "nothing was changed."
        )


def lock(path: Path) -> int:
    """Descriptor of the lock file; the lock lasts until it is closed, or the process ends however it ends."""
    file = path.with_name(f"{path.name}.lock")
    try:
        # What stands in the database is nobody else's business.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        _release(_shared_lock(path, file))
        raise DatabaseOutOfReachError(path, str(error.strerror)) from error
    _take(descriptor, path)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
    except OSError:
        pass  # no room for the pid: the lock holds all the same
    return descriptor


def _shared_lock(path: Path, file: Path) -> int | None:
    """Where the lock cannot be written, still see whether another process holds it."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    _take(descriptor, path)
    return descriptor


def _take(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        if error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES):
            raise DatabaseOutOfReachError(path, str(error.strerror)) from error
        raise DatabaseInUseError(
            f"The database {path} is in use by the process {holder}: stop it, or choose another data_dir."
        ) from error


def _release(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)


def open_database(path: Path, upgraded: Callable[[Connection], None]) -> Engine:
    """Engine on a database of this version; `upgraded` ends the transaction of a migration.

    Raises
    ------
    DatabaseUnusableError
        It was left as it was.
    """
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
                    upgraded(connection)
        except BaseException:
            engine.dispose()
            raise
    except (sqlite3.Error, SQLAlchemyError) as error:
        if is_damage(error):
            raise DatabaseDamagedError(path, cause(error)) from error
        raise DatabaseOutOfReachError(path, cause(error)) from error
    except OSError as error:
        raise DatabaseOutOfReachError(path, cause(error)) from error
    return engine


def is_damage(error: BaseException) -> bool:
    """Whether the file itself is bad; SQLite says so by many errors, and by few that it is out of reach."""
    error = getattr(error, "orig", None) or error
    if isinstance(error, sqlite3.OperationalError):
        return not str(error).startswith(OUT_OF_REACH)
    return type(error) is sqlite3.DatabaseError


def cause(error: BaseException) -> str:
    """The driver's own words, without the statement and its values."""
    return str(getattr(error, "orig", None) or error)


def _version(path: Path) -> str:
    """Revision of an existing database; DatabaseUnusableError where it is damaged or not one of ours."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S)
    try:
        ((verdict,), *_) = connection.execute("PRAGMA quick_check(1)").fetchall()
        if verdict != "ok":
            raise DatabaseDamagedError(path, str(verdict))
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE name = 'alembic_version'"
        ).fetchall()
        versions = connection.execute("SELECT version_num FROM alembic_version").fetchall() if tables else []
        if len(versions) != 1:
            raise DatabaseUnusableError(
                f"The file {path} is an SQLite database, but not one of care_robot: choose another data_dir."
            )
        return str(versions[0][0])
    finally:
        connection.close()


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
