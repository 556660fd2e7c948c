"""A database out of reach: another stands in for it, and comes back into it."""

import os
import shutil
import sqlite3
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from care_house import House
from damaged_house import (
    damage_table,
    killed,
    live,
    pending,
)

from care_robot.care import swap
from care_robot.care.alarms import AlarmState
from care_robot.care.audit_chain import verify
from care_robot.care.database import DatabaseInUseError, DatabaseUnusableError
from care_robot.care.inputs import Acknowledge, Resolve
from care_robot.care.recovery import open_store
from care_robot.care.store import AlarmStore

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A disk of its own, to be made read-only or full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a disk needs root")

    def change(how: str) -> Path:
        subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)
        return folder

    yield change
    subprocess.run(["umount", "-l", str(folder)], check=True)


def check_that_another_stands_in(folder: Path, elsewhere: Path, usable_again: Callable[[], object]) -> None:
    """The open alarm goes on elsewhere, and is back in its database at the first start that can have it."""
    opened = open_store(folder)
    assert opened.store.path.is_relative_to(elsewhere)
    assert opened.trouble is not None
    for words in opened.trouble:
        assert str(folder / "care.db") in words
        assert str(opened.store.path) in words
    assert len(pending(opened)) == 1
    assert {"fall:open", "fall:over 0", "fall:over 1"} <= opened.snapshot.seen.keys()
    assert stat.S_IMODE(opened.store.path.parent.stat().st_mode) == 0o700
    (alarm,) = [a for a in opened.snapshot.alarms if a.priority and a.state is not AlarmState.RESOLVED]
    opened.store.close()

    house = House(opened.store.path.parent)
    house.now = alarm.updated_at
    house.do(Acknowledge(alarm.id, "박 간호사"))
    house.fall("new", room="living_room")
    steps = [(a.id, [s.event for s in a.history]) for a in house.store.load().alarms]
    house.store.close()
    still = open_store(folder)  # the next start finds it as it was left
    assert sorted((a.id, [s.event for s in a.history]) for a in still.snapshot.alarms) == sorted(steps)
    still.store.close()

    usable_again()
    back = open_store(folder)
    assert back.trouble is None
    assert back.store.path == folder / "care.db"
    assert "fall:new" in back.snapshot.seen
    assert sorted((a.id, [s.event for s in a.history]) for a in back.snapshot.alarms) == sorted(steps)
    verdict = verify(back.store.path)
    assert verdict.ok, verdict.sentence.en
    back.store.close()
    home = opened.store.path.parent
    assert not (home / "care.db").exists()
    assert len(list(home.glob("merged-*.db"))) == 1
    again = open_store(folder)
    assert verify(again.store.path).records == verdict.records
    again.store.close()


def test_a_read_only_disk(mounted: Callable[[str], Path], elsewhere: Path) -> None:
    folder = mounted("rw")
    live(folder, 3)
    mounted("ro")
    check_that_another_stands_in(folder, elsewhere, lambda: mounted("rw"))


def test_a_full_disk(mounted: Callable[[str], Path], elsewhere: Path) -> None:
    folder = mounted("rw")
    live(folder, 3)
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 512, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    check_that_another_stands_in(folder, elsewhere, ballast.unlink)


def test_a_database_that_another_program_has_locked(tmp_path: Path, elsewhere: Path) -> None:
    folder = tmp_path / "data"
    live(folder, 3)
    other = sqlite3.connect(folder / "care.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    check_that_another_stands_in(folder, elsewhere, lambda: other.execute("ROLLBACK"))
    other.close()


def test_a_damaged_database_on_a_read_only_disk(mounted: Callable[[str], Path], elsewhere: Path) -> None:
    folder = mounted("rw")
    live(folder, 3)
    damage_table(folder / "care.db", "ix_alarms_state")
    mounted("ro")
    check_that_another_stands_in(
        folder, elsewhere, lambda: mounted("rw") and open_store(folder).store.close()
    )


@pytest.mark.parametrize("step", range(4))
def test_a_kill_at_any_step_of_standing_in_or_of_coming_back_loses_nothing(
    mounted: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    folder = mounted("rw")
    live(folder, 3)
    mounted("ro")
    killed(monkeypatch, step, folder)
    opened = open_store(folder)
    assert len(pending(opened)) == 1
    opened.store.close()
    house = House(opened.store.path.parent)
    house.fall("new", room="living_room")
    house.store.close()
    mounted("rw")
    killed(monkeypatch, step, folder)
    back = open_store(folder)
    assert {"fall:new", "fall:open", "fall:over 1"} <= back.snapshot.seen.keys()
    assert verify(back.store.path).ok
    back.store.close()
    assert not (opened.store.path).exists()


def test_an_old_stand_in_takes_nothing_back(tmp_path: Path, elsewhere: Path) -> None:
    """As where its folder could not be read at the start before."""
    folder = tmp_path / "data"
    live(folder)
    (home, *_) = swap.homes(folder)
    swap.stand_in(home, folder, "x")
    house = House(folder)
    house.do(Resolve(house.alarms[-1].id, "박 간호사", "괜찮으심"))
    states = {a.id: a.state for a in house.store.load().alarms}
    house.store.close()
    opened = open_store(folder)
    assert {a.id: a.state for a in opened.snapshot.alarms} == states
    opened.store.close()


def test_another_process_that_works_on_the_stand_in_is_not_disturbed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    live(folder)
    (home, *_) = swap.homes(folder)
    swap.stand_in(home, folder, "x")
    with AlarmStore(home), pytest.raises(DatabaseInUseError):
        open_store(folder)
    open_store(folder).store.close()


@pytest.mark.parametrize("trap", ["link", "file", "open to others", "somebody else's"])
def test_a_folder_that_others_have_prepared_is_not_used(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, trap: str
) -> None:
    (tmp_path / "file").write_text("x")
    folder = tmp_path / "file" / "data"
    home, spare = swap.homes(folder)
    (tmp_path / "trap").mkdir(mode=0o700)
    if trap == "link":
        home.symlink_to(tmp_path / "trap")
    elif trap == "file":
        home.write_text("x")
    elif trap == "open to others":
        home.mkdir(mode=0o777)
        home.chmod(0o777)
    else:
        home.mkdir(mode=0o700)
        if os.getuid() != 0:
            pytest.skip("giving a folder away needs root")
        os.chown(home, 12345, 12345)
    opened = open_store(folder)
    assert opened.store.path.parent == spare
    opened.store.close()
    assert list((tmp_path / "trap").iterdir()) == []
    shutil.rmtree(spare)
    spare.symlink_to(tmp_path / "trap")
    with pytest.raises(DatabaseUnusableError, match=r"file/data/care\.db cannot be opened"):
        open_store(folder)


def test_where_nothing_can_be_stored_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    monkeypatch.setattr(swap, "MEMORY", tmp_path / "file")
    with pytest.raises(DatabaseUnusableError, match=r"file/data/care\.db cannot be opened"):
        open_store(tmp_path / "file" / "data")
