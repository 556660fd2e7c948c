"""A care database to work with, whatever has become of the one there was.

A damaged database is kept aside, and a fresh one takes over all that can be read of it. While the database is
out of reach, another one outside its folder stands in for it; at the next start at which it can be used
again, what the other has learnt is taken in.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from care_robot.care import swap
from care_robot.care.alarms import Alarm, AlarmState, Changes, Page, Snapshot
from care_robot.care.database import DatabaseOutOfReachError, DatabaseUnusableError, lock
from care_robot.care.keeper import StorageError
from care_robot.care.store import FILE_NAME, AlarmStore, DamagedError
from care_robot.care.text import Text

TRY_AGAIN_S = 60.0
"""Replacing a database takes time, which the alarms need."""


@dataclass(frozen=True)
class Opened:
    """A database that works, what it knew, and what was wrong with the one that should have been there."""

    store: "CareStore"
    snapshot: Snapshot
    trouble: Text | None = None


def open_store(folder: Path) -> Opened:
    """Open the database in `folder`, or whatever can take its place; a human must learn of the trouble.

    Raises
    ------
    DatabaseInUseError
        Another process has it.
    DatabaseUnusableError
        It is of a newer version or not ours, or nothing can be stored anywhere.
    """
    folder = folder.absolute()
    try:
        opened = _open(folder)
    except DatabaseOutOfReachError as error:
        return _open_elsewhere(folder, error)
    try:
        if swap.take_in(opened.store.current, folder):
            return Opened(opened.store, opened.store.reload(), opened.trouble)
    except DatabaseOutOfReachError as error:
        opened.store.close()
        return _open_elsewhere(folder, error)
    except BaseException:
        opened.store.close()
        raise
    return opened


class CareStore:
    """The database in use; when it goes bad, a fresh one takes its place with all that is known here.

    Parameters
    ----------
    folder
        Where it lies.
    held
        Descriptor of its lock.
    store
        The database there.
    snapshot
        What it knew.
    """

    def __init__(self, folder: Path, held: int, store: AlarmStore, snapshot: Snapshot) -> None:
        self.current = store
        self._folder, self._held = folder, held
        self._replace_after_s = 0.0
        self._take(snapshot)

    def __enter__(self) -> "CareStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The file that is written."""
        return self.current.path

    def reload(self) -> Snapshot:
        """What the database knows by now."""
        snapshot = self.current.load()
        self._take(snapshot)
        return snapshot

    def save(self, changes: Changes) -> None:
        """Keep all of `changes` or none; saving twice does no harm.

        Raises
        ------
        StorageError
            It failed; or the database was replaced just now, which a human must learn: all that is known is
            stored then.
        """
        self._remember(changes)
        try:
            self.current.save(changes)
        except DamagedError as error:
            now_s = monotonic()
            if now_s < self._replace_after_s:
                raise
            self._replace_after_s = now_s + TRY_AGAIN_S
            raise StorageError(self._replace(changes, str(error))) from error

    def close(self) -> None:
        """Let go of the database; another process may take it."""
        self.current.close()
        os.close(self._held)

    def _replace(self, changes: Changes, problem: str) -> str:
        self.current.close()
        try:
            self.current, _, trouble = swap.usable(self._folder, self._held)
        except DatabaseUnusableError as error:
            return f"{problem}; {error}"
        self.current.save(self._known(changes))
        return trouble.en if trouble else f"{problem}; a fresh one has taken its place"

    def _take(self, snapshot: Snapshot) -> None:
        # The engine's own objects, which change as it goes on: they need no second look at the database.
        self._alarms: dict[str, Alarm] = {alarm.id: alarm for alarm in snapshot.alarms}
        self._pages: dict[str, Page] = {page.id: page for page in snapshot.pages}

    def _remember(self, changes: Changes) -> None:
        self._alarms.update(changes.alarms)
        self._pages.update(changes.pages)
        over = {a.id for a in changes.alarms.values() if a.state is AlarmState.RESOLVED and not a.deadline_at}
        if over:
            self._alarms = {key: alarm for key, alarm in self._alarms.items() if key not in over}
            self._pages = {key: page for key, page in self._pages.items() if page.alarm_id not in over}

    def _known(self, changes: Changes) -> Changes:
        known = Changes(alarms=dict(self._alarms), pages=dict(self._pages))
        for alarm in self._alarms.values():
            known.sources.update({source.key: (alarm.id, source) for source in alarm.sources})
            known.transitions.update({(alarm.id, step.n): step for step in alarm.history})
        known.add(changes)
        return known


def _open(folder: Path) -> Opened:
    held = lock(folder / FILE_NAME)
    try:
        store, snapshot, trouble = swap.usable(folder, held)
    except BaseException:
        os.close(held)
        raise
    return Opened(CareStore(folder, held, store, snapshot), snapshot, trouble)


def _open_elsewhere(folder: Path, out_of_reach: DatabaseOutOfReachError) -> Opened:
    """A database that stands in for the one in `folder`; `out_of_reach` again where there is none either."""
    for home in swap.homes(folder):
        try:
            swap.stand_in(home, folder, out_of_reach.reason)
            opened = _open(home)
        except DatabaseOutOfReachError:
            continue
        path, other, why = folder / FILE_NAME, home / FILE_NAME, out_of_reach.reason
        ko = f"데이터베이스 {path}을(를) 쓸 수 없어({why}) {other}에서 알람을 계속합니다."
        en = f"The database {path} is out of reach ({why}); alarms go on in {other}, until the next start."
        more = opened.trouble or Text("", "")
        return Opened(
            opened.store, opened.snapshot, Text(f"{ko} {more.ko}".strip(), f"{en} {more.en}".strip())
        )
    raise out_of_reach
