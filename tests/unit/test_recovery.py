"""A database that goes bad while it is in use: alarms go on, in a fresh one with all that is known."""

import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from care_house import House
from damaged_house import (
    PRESENT,
    cut_off,
    damage_header,
    damage_pages,
    plain,
)

from care_robot.care import recovery, swap
from care_robot.care.alarms import Changes
from care_robot.care.audit_chain import verify
from care_robot.care.engine import CareEngine
from care_robot.care.inputs import Heard
from care_robot.care.keeper import AlarmKeeper, StorageError
from care_robot.care.recovery import open_store

pytestmark = pytest.mark.usefixtures("elsewhere")


class Running(House):
    """A house that opens its database as the node does."""

    def _open(self) -> None:
        opened = open_store(self.folder)
        self.store = opened.store  # type: ignore[assignment]
        self.keeper = AlarmKeeper(CareEngine(self.config), opened.store)
        self._carry_out(self.keeper.start(self.now, opened.snapshot))


def overwritten(path: Path) -> None:
    damage_header(path)
    for side in swap.SIDES:
        path.with_name(f"{path.name}{side}").unlink(missing_ok=True)


@pytest.mark.parametrize("damage", [overwritten, Path.unlink, cut_off, damage_pages])
def test_a_database_that_goes_bad_under_a_running_program_is_replaced(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    folder = tmp_path / "data"
    house = Running(folder)
    house.fall("open")
    house.store.current._engine.dispose()  # type: ignore[attr-defined]
    damage(folder / "care.db")
    house.do(Heard("도와주세요", house.now))
    technical = [a for a in house.alarms if not a.priority]
    assert len(technical) == 1
    assert str(folder / "care.db") in technical[0].history[0].reason.ko
    house.wait(6)
    assert house.keeper.unstored == frozenset()
    before = plain(list(house.alarms))
    house.restart()
    assert plain(list(house.alarms)) == before
    house.store.close()
    assert verify(folder / "care.db").ok


def test_a_replacement_that_fails_is_not_tried_at_once_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_store(tmp_path / "data")
    opened.store.current._engine.dispose()
    overwritten(opened.store.path)
    tried = []

    def full(*_: object) -> Path:
        tried.append(1)
        raise OSError(28, "full")

    monkeypatch.setattr(swap, "_build", full)
    for _ in range(3):
        with pytest.raises(StorageError):
            opened.store.save(Changes(presences={PRESENT.by: PRESENT}))
    assert len(tried) == 1
    monkeypatch.undo()
    monkeypatch.setattr(recovery, "monotonic", lambda: 1e9)
    with pytest.raises(StorageError, match="kept as"):
        opened.store.save(Changes(presences={PRESENT.by: PRESENT}))
    opened.store.save(Changes(presences={PRESENT.by: PRESENT}))
    assert opened.store.reload().presences == [PRESENT]
    opened.store.close()


def test_a_full_disk_while_running_replaces_nothing(tmp_path: Path) -> None:
    opened = open_store(tmp_path / "data")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(StorageError):
            opened.store.save(Changes(presences={PRESENT.by: PRESENT}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    opened.store.save(Changes(presences={PRESENT.by: PRESENT}))
    opened.store.close()
    assert not list((tmp_path / "data").glob("care.damaged-*"))
