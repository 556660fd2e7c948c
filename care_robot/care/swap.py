"""One database in the place of another, in steps of which any may be the last before the process is killed.

A fresh database is built in a folder of its own, where it counts for nothing. Its renaming to
``care.ready-<time>.db`` decides: from then on every start first carries the change through.
"""

import dataclasses
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

from care_robot.care.alarms import AlarmState, Changes, Snapshot, digest
from care_robot.care.audit import AuditAction, AuditRecord
from care_robot.care.database import (
    DatabaseDamagedError,
    DatabaseOutOfReachError,
    DatabaseUnusableError,
    lock,
)
from care_robot.care.keeper import StorageError
from care_robot.care.store import FILE_NAME, AlarmStore
from care_robot.care.takeover import BY, Taken, take_over
from care_robot.care.text import NO_TEXT, Text

MEMORY = Path("/dev/shm")  # noqa: S108 (the folder made there is private)
"""Where a database stands in when the disk is full; it outlives the process, though not the machine."""
SIDES = ("-wal", "-shm")
"""Files that belong to a database: they go before it, for it must never meet those of another."""


def usable(folder: Path, held: int) -> tuple[AlarmStore, Snapshot, Text | None]:
    """The database in `folder`; a damaged one is kept aside, and what was wrong is told.

    Parameters
    ----------
    folder
        Where it lies.
    held
        Descriptor of its lock.
    """
    with _reached(folder):
        stamp = _carry_through(folder)
        try:
            store, snapshot = _loaded(folder, held)
        except DatabaseDamagedError as error:
            stamp = _replace(folder, error.reason)
            store, snapshot = _loaded(folder, held)
    return store, snapshot, store.reason(_key(stamp)) if stamp else None


def stand_in(home: Path, folder: Path, reason: str) -> None:
    """Build a database in `home` for the one in `folder`, unless the last run has left one there."""
    with _reached(home):
        make_private(home)
        if (home / FILE_NAME).exists() or any(home.glob("care.ready-*.db")):
            return
        stamp = _stamp(home)
        ready = _build(
            home, folder / FILE_NAME, stamp, lambda taken: _standing_in(home, folder, reason, taken)
        )
        for side in SIDES:
            (home / f"{FILE_NAME}{side}").unlink(missing_ok=True)
        _rename(ready, home / FILE_NAME)


def take_in(store: AlarmStore, folder: Path) -> bool:
    """Take into `store`, the database in `folder`, what stood in for it; false for nothing."""
    found = False
    for home in homes(folder):
        if not is_private(home) or not any(home.glob("care*.db")):
            continue
        held = lock(home / FILE_NAME)
        try:
            with _reached(home):
                _carry_through(home)
                if not (home / FILE_NAME).exists():
                    continue
                with suppress(DatabaseUnusableError):
                    AlarmStore(home, held).close()  # what lies in its -wal file goes into it
                taken = take_over(home / FILE_NAME)
                store.save(_newer(taken.changes, store.steps()))
                found = True
                merged = home / f"merged-{_stamp(home)}.db"
                _move(home / FILE_NAME, merged)
        except StorageError as error:
            raise DatabaseOutOfReachError(store.path, str(error)) from error
        finally:
            os.close(held)
    return found


def homes(folder: Path) -> Iterator[Path]:
    """Where a database may stand in for the one in `folder`."""
    name = f"care_robot-{os.getuid()}-{digest(str(folder))}"
    with suppress(OSError):  # there may be no folder for temporary files that can be written
        yield Path(tempfile.gettempdir()) / name
    yield MEMORY / name


def make_private(home: Path) -> None:
    """Build the folder; PermissionError where somebody else has put something there before."""
    with suppress(FileExistsError):
        home.mkdir(mode=0o700)
    if not is_private(home):
        raise PermissionError(f"{home} is not a folder of this user alone")


def is_private(home: Path) -> bool:
    """Whether it is a folder, no link, that is this user's own and nobody else may enter."""
    try:
        found = home.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _loaded(folder: Path, held: int) -> tuple[AlarmStore, Snapshot]:
    store = AlarmStore(folder, held)
    try:
        return store, store.load()
    except BaseException:
        store.close()
        raise


def _replace(folder: Path, reason: str) -> str:
    """Put a fresh database in the place of a damaged one; the time that both are known by."""
    stamp = _stamp(folder)
    ready = _build(folder, folder / FILE_NAME, stamp, lambda taken: _replaced(folder, stamp, reason, taken))
    _rename(ready, folder / f"care.ready-{stamp}.db")
    return _carry_through(folder) or stamp


def _build(folder: Path, source: Path, stamp: str, why: Callable[[Taken], Text]) -> Path:
    """A whole database, as one file, with all that can be read of `source`."""
    fresh = folder / ".fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    taken = take_over(source)
    record = AuditRecord(
        at=datetime.now(timezone.utc),
        action=AuditAction.EXECUTE,
        actor=BY,
        category="database",
        outcome="replaced",
        reason=why(taken),
        subject=f"{source} head {taken.head or '-'}",
    )
    changes = dataclasses.replace(taken.changes, audit={_key(stamp): record, **taken.changes.audit})
    try:
        with AlarmStore(fresh) as store:
            store.save(changes)
    except StorageError as error:
        raise DatabaseOutOfReachError(folder / FILE_NAME, str(error)) from error
    if (fresh / f"{FILE_NAME}-wal").exists():
        raise DatabaseOutOfReachError(folder / FILE_NAME, "a fresh one could not be written")
    return fresh / FILE_NAME


def _carry_through(folder: Path) -> str | None:
    """End the change that was decided; its time, or none where there is none."""
    for ready in folder.glob("care.ready-*.db"):
        stamp = ready.stem.removeprefix("care.ready-")
        _move(folder / FILE_NAME, folder / f"care.damaged-{stamp}.db")
        _rename(ready, folder / FILE_NAME)
        shutil.rmtree(folder / ".fresh", ignore_errors=True)
        return stamp
    return None


def _move(path: Path, target: Path) -> None:
    for side in (*SIDES, ""):
        with suppress(FileNotFoundError):
            _rename(Path(f"{path}{side}"), Path(f"{target}{side}"))


def _rename(path: Path, target: Path) -> None:
    path.replace(target)
    descriptor = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)  # names are on the disk in this order
    finally:
        os.close(descriptor)


def _newer(changes: Changes, there: dict[str, int]) -> Changes:
    """Without alarms of which the database knows as much, and they are over, or more."""
    last: dict[str, int] = {}
    for alarm_id, n in changes.transitions:
        last[alarm_id] = max(n, last.get(alarm_id, 0))
    over = {a.id for a in changes.alarms.values() if a.state is AlarmState.RESOLVED and not a.deadline_at}
    old = {i for i in changes.alarms if there.get(i, 0) > last[i] or (i in over and there.get(i) == last[i])}
    return dataclasses.replace(
        changes,
        alarms={key: alarm for key, alarm in changes.alarms.items() if key not in old},
        sources={key: source for key, source in changes.sources.items() if source[0] not in old},
        transitions={key: step for key, step in changes.transitions.items() if key[0] not in old},
        pages={key: page for key, page in changes.pages.items() if page.alarm_id not in old},
    )


@contextmanager
def _reached(folder: Path) -> Iterator[None]:
    """What the file system refuses, said of the database."""
    try:
        yield
    except OSError as error:
        raise DatabaseOutOfReachError(folder / FILE_NAME, str(error)) from error


def _stamp(folder: Path) -> str:
    """The time as part of a file name, which no file there has yet."""
    now = datetime.now(timezone.utc)
    while any(folder.glob(f"*-{now:%Y%m%dT%H%M%SZ}.db*")):
        now += timedelta(seconds=1)
    return f"{now:%Y%m%dT%H%M%SZ}"


def _key(stamp: str) -> str:
    return f"database:{stamp}"


def _replaced(folder: Path, stamp: str, reason: str, taken: Taken) -> Text:
    path, aside = folder / FILE_NAME, f"care.damaged-{stamp}.db"
    missing = _missing(taken)
    return Text(
        f"데이터베이스 {path}이(가) 손상되어({reason}) {aside}(으)로 따로 보관하고, 새 데이터베이스로 알람을 "
        f"계속합니다.{missing.ko}",
        f"The database {path} was damaged ({reason}); it is kept as {aside}, and a fresh one goes on with "
        f"the alarms.{missing.en}",
    )


def _standing_in(home: Path, folder: Path, reason: str, taken: Taken) -> Text:
    path, missing = folder / FILE_NAME, _missing(taken) if (folder / FILE_NAME).exists() else NO_TEXT
    return Text(
        f"데이터베이스 {path}을(를) 쓸 수 없어({reason}) {home / FILE_NAME}이(가) 대신합니다.{missing.ko}",
        f"The database {path} is out of reach ({reason}); {home / FILE_NAME} stands in for it.{missing.en}",
    )


def _missing(taken: Taken) -> Text:
    ko, en = " 읽지 못한 것은 없습니다.", " Everything in it could be read."
    if taken.lost:
        names_ko, names_en = (", ".join(names) for names in zip(*taken.lost, strict=True))
        ko, en = f" 전부 또는 일부를 읽지 못했습니다: {names_ko}.", f" Not all could be read of: {names_en}."
    if taken.left:
        ko += f" 오래전에 끝난 알람 {taken.left}건은 옮기지 않았습니다."
        en += f" {taken.left} alarms that ended long ago were left there."
    return Text(ko, en)
