"""A database that is damaged or out of reach: alarms go on, nothing readable is lost, a human is told."""

import dataclasses
import os
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from care_house import START, House
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from care_robot.care import recovery, swap
from care_robot.care.alarms import Alarm, AlarmKind, AlarmState, Changes, PageState, Presence, Priority
from care_robot.care.audit_chain import verify
from care_robot.care.database import DatabaseInUseError, DatabaseUnusableError
from care_robot.care.engine import CareEngine
from care_robot.care.inputs import Acknowledge, Heard, Resolve
from care_robot.care.keeper import AlarmKeeper, StorageError
from care_robot.care.recovery import Opened, open_store
from care_robot.care.schema import ALARMS
from care_robot.care.store import AlarmStore
from care_robot.care.takeover import _Reader, take_over

PRESENT = Presence("박 간호사", "bedroom", START, START)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where databases stand in, for this test alone."""
    for name in ("tmp", "memory"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(swap, "MEMORY", tmp_path / "memory")
    return tmp_path / "tmp"


def live(folder: Path, falls: int = 1) -> list[Alarm]:
    """An open fall with a page whose fate is unknown, and some that are over; the alarms as they are."""
    house = House(folder)
    for i in range(falls - 1):
        house.fall(f"over {i}")
        house.do(Resolve(house.store.load().seen[f"fall:over {i}"], "박 간호사", "괜찮으심"))
    house.channels = {}
    house.fall("open")
    house.silence(audible=False)
    house.store.save(Changes(presences={PRESENT.by: PRESENT}))
    alarms = house.store.load().alarms
    house.store.close()
    return alarms


def plain(alarms: list[Alarm]) -> list[dict[str, Any]]:
    return [dataclasses.asdict(alarm) for alarm in sorted(alarms, key=lambda a: a.id)]


def damage_header(path: Path) -> None:
    path.write_bytes(b"this is not a database, it is a shopping list" * 200)


def damage_pages(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def damage_table(path: Path, table: str) -> None:
    """The first page of a table, and with it where the others are."""
    with closing(sqlite3.connect(path)) as connection:
        ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,))
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    path.write_bytes(content)


def kept_aside(folder: Path) -> Path:
    (path,) = folder.glob("care.damaged-*.db")
    return path


def pending(opened: Opened) -> list[str]:
    return [page.id for page in opened.snapshot.pages if page.state is PageState.PENDING]


# Damaged ---------------------------------------------------------------------------------------------


def test_a_whole_database_is_just_opened(tmp_path: Path) -> None:
    before = live(tmp_path / "data", 3)
    with open_store(tmp_path / "data").store as store:
        assert store.path == tmp_path / "data" / "care.db"
        assert plain(store.reload().alarms) == plain(before)
    assert open_store(tmp_path / "data").trouble is None


@pytest.mark.parametrize("damage", [damage_header, damage_pages, cut_off])
def test_a_damaged_database_is_kept_aside_and_a_fresh_one_goes_on(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    live(tmp_path / "data")
    path = tmp_path / "data" / "care.db"
    damage(path)
    before = path.read_bytes()
    opened = open_store(tmp_path / "data")
    assert kept_aside(tmp_path / "data").read_bytes() == before
    assert opened.trouble is not None
    for words in opened.trouble:
        assert str(path) in words
        assert kept_aside(tmp_path / "data").name in words
    assert "Not all could be read of: alarms" in opened.trouble.en
    opened.store.close()
    again = open_store(tmp_path / "data")
    assert again.trouble is None
    assert verify(path).ok
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again.store.close()


@pytest.mark.parametrize("table", ["alarms", "audit", "staff_presence", "audit_head", "ix_alarms_state"])
def test_what_can_be_read_of_a_damaged_database_is_taken_over(tmp_path: Path, table: str) -> None:
    before = live(tmp_path / "data", 3)
    damage_table(tmp_path / "data" / "care.db", table)
    opened = open_store(tmp_path / "data")
    assert opened.trouble is not None
    alarms = {alarm.id: alarm for alarm in opened.snapshot.alarms}
    assert [alarms[a.id].state for a in before] == [a.state for a in before]
    assert [[s.event for s in alarms[a.id].history] for a in before] == [
        [s.event for s in a.history] for a in before
    ]
    assert [alarms[a.id].sources for a in before] == [a.sources for a in before]
    assert {"fall:open", "fall:over 0", "fall:over 1"} <= opened.snapshot.seen.keys()
    assert len(pending(opened)) == 1
    assert opened.snapshot.presences == ([] if table == "staff_presence" else [PRESENT])
    verdict = verify(opened.store.path)
    assert verdict.ok, verdict.sentence.en
    opened.store.close()


def test_an_alarm_whose_steps_are_gone_stays_open(tmp_path: Path) -> None:
    (before,) = [alarm for alarm in live(tmp_path / "data") if alarm.priority]
    damage_table(tmp_path / "data" / "care.db", "alarm_events")
    opened = open_store(tmp_path / "data")
    (after,) = [alarm for alarm in opened.snapshot.alarms if alarm.priority]
    assert (after.id, after.state) == (before.id, before.state)
    assert [step.event for step in after.history] == ["taken_over"]
    assert len(pending(opened)) == 1
    assert verify(opened.store.path).ok
    opened.store.close()


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE alarms SET state = 77",
        "UPDATE alarms SET state = 6, deadline_at = NULL",  # and the steps know better
        "UPDATE alarms SET event_at = 'yesterday'",
        "UPDATE alarms SET event_at = '2026-03-01T12:00:00'",
        "UPDATE alarms SET room = x'00'",
    ],
)
def test_cells_that_make_no_sense_are_taken_from_the_steps(tmp_path: Path, edit: str) -> None:
    before = live(tmp_path / "data")
    path = tmp_path / "data" / "care.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(edit)
        connection.commit()
    damage_table(path, "ix_alarms_state")
    opened = open_store(tmp_path / "data")
    assert {a.id: a.state for a in opened.snapshot.alarms} == {a.id: a.state for a in before}
    opened.store.close()


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE alarm_events SET after = '{\"id\": null' WHERE n = 2",
        "UPDATE alarm_events SET reason_ko = x'00' WHERE n = 2",
        "DELETE FROM alarm_events WHERE n = 2",
    ],
)
def test_a_step_that_is_gone_leaves_its_number(tmp_path: Path, edit: str) -> None:
    """The next step would take the number of one that there is, and be lost."""
    before = live(tmp_path / "data")
    path = tmp_path / "data" / "care.db"
    with closing(sqlite3.connect(path)) as connection:
        for act in ("update", "delete"):
            connection.execute(f"DROP TRIGGER alarm_events_no_{act}")
        connection.execute(edit)
        connection.commit()
    damage_table(path, "ix_alarms_state")
    opened = open_store(tmp_path / "data")
    for alarm in opened.snapshot.alarms:
        assert [step.n for step in alarm.history] == list(range(1, len(alarm.history) + 1))
    assert sorted(a.id for a in opened.snapshot.alarms) == sorted(a.id for a in before)
    assert "unreadable" in [s.event for a in opened.snapshot.alarms for s in a.history]
    assert verify(opened.store.path).ok
    opened.store.close()


@given(data=st.data())
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_leaves_a_database_to_work_with(tmp_path: Path, data: st.DataObject) -> None:
    if not (tmp_path / "whole").exists():
        live(tmp_path / "whole", 5)
    folder = tmp_path / "data"
    for old in (folder, *swap.homes(folder)):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(tmp_path / "whole", folder)
    content = bytearray((folder / "care.db").read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(content) - 1))
        patch = data.draw(st.binary(min_size=1, max_size=600))
        content[start : start + len(patch)] = patch[: len(content) - start]
    (folder / "care.db").write_bytes(content)
    try:
        opened = open_store(folder)
    except DatabaseUnusableError as error:  # only the one word that says whose it is was hit
        if "newer version" in str(error):
            return
        raise
    opened.store.save(Changes(presences={PRESENT.by: PRESENT}))
    opened.store.close()
    assert open_store(folder).trouble is None


def test_a_large_table_loses_no_more_than_its_damaged_pages(tmp_path: Path) -> None:
    live(tmp_path / "data")
    path = tmp_path / "data" / "care.db"
    with closing(sqlite3.connect(path)) as connection:
        ((alarm_id,),) = connection.execute("SELECT id FROM alarms LIMIT 1")
        rows = [
            (f"fall:{i}", alarm_id, 1, "p", "bedroom", START.isoformat(), None, "[]") for i in range(5000)
        ]
        connection.executemany("INSERT INTO alarm_sources VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    at = content.index(b"fall:2500")  # a leaf of the table or of the index on its key
    start = at // 4096 * 4096
    content[start : start + 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    assert 4700 < len(take_over(path).changes.sources) <= 5001


def test_a_damaged_page_of_ended_alarms_hides_no_open_one(tmp_path: Path) -> None:
    """The open ones are few and far between: jumps over a page must not depend on them."""
    with AlarmStore(tmp_path) as store:
        alarm = Alarm("", AlarmKind.FALL, Priority.HIGH, "fall", "", "", "", "s", START, START, START)
        resolved = dataclasses.replace(alarm, state=AlarmState.RESOLVED)
        made = [dataclasses.replace(resolved if i % 100 else alarm, id=f"id{i:06d}") for i in range(2000)]
        store.save(Changes(alarms={alarm.id: alarm for alarm in made}))
        path = store.path
    content = bytearray(path.read_bytes())
    start = content.index(b"id001234") // 4096 * 4096  # a leaf of the table: it was built first
    content[start : start + 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    reader = _Reader(path)
    found = [alarm.id for _, alarm in reader.records(ALARMS, Alarm, "state != 6")]
    assert reader.lost == {ALARMS}
    assert len(found) >= 19


def test_the_newest_ended_alarms_are_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live(tmp_path / "data", 5)
    path = tmp_path / "data" / "care.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alarms SET deadline_at = NULL WHERE state = 6")
        connection.commit()
    monkeypatch.setattr("care_robot.care.takeover.ENDED_ALARMS", 2)
    taken = take_over(path)
    changes = taken.changes
    assert taken.left == 2
    ended = [a for a in changes.alarms.values() if a.state is AlarmState.RESOLVED]
    assert len(ended) == 2
    assert [a for a in changes.alarms.values() if a.state is not AlarmState.RESOLVED]


def test_a_newer_version_and_somebody_elses_stay_refused(tmp_path: Path) -> None:
    live(tmp_path / "data")
    path = tmp_path / "data" / "care.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(DatabaseUnusableError, match="newer"):
        open_store(tmp_path / "data")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE alembic_version")
    with pytest.raises(DatabaseUnusableError, match="not one of care_robot"):
        open_store(tmp_path / "data")


# Killed between the steps ----------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone; nothing of it goes on."""


@contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, step: int) -> Iterator[list[str]]:
    """Dies before the `step`-th renaming."""
    done: list[str] = []
    rename = swap._rename

    def counted(path: Path, target: Path) -> None:
        if len(done) == step:
            raise Killed
        rename(path, target)
        done.append(target.name)

    with monkeypatch.context() as patch:
        patch.setattr(swap, "_rename", counted)
        yield done


def killed(monkeypatch: pytest.MonkeyPatch, step: int, folder: Path) -> bool:
    with killed_at(monkeypatch, step):
        try:
            open_store(folder).store.close()
        except Killed:
            return True
    return False


def test_a_kill_between_any_two_steps_of_a_replacement_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(tmp_path / "whole", 3)
    step, was_killed = 0, True
    while was_killed:
        folder = tmp_path / f"data{step}"
        shutil.copytree(tmp_path / "whole", folder)
        damage_table(folder / "care.db", "ix_alarms_state")
        # The newest commit is still in the -wal file, as after a kill.
        damaged = (folder / "care.db").read_bytes()
        was_killed = killed(monkeypatch, step, folder)
        opened = open_store(folder)
        assert was_killed is (opened.trouble is not None)
        assert {"fall:open", "fall:over 0", "fall:over 1"} <= opened.snapshot.seen.keys()
        assert len(pending(opened)) == 1
        opened.store.close()
        assert kept_aside(folder).read_bytes() == damaged
        assert not list(folder.glob("care.ready-*"))
        step += 1
    assert step > 2


def test_what_is_only_in_the_wal_file_is_taken_over(tmp_path: Path) -> None:
    live(tmp_path / "data")
    folder = tmp_path / "data"
    code = """
        import os, signal, sys
        from pathlib import Path
        from care_house import House
        from care_robot.care.inputs import Raise
        house = House(Path(sys.argv[1]))
        house.do(Raise(4, 3, source_id="button", room="bedroom", by="p"))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert (folder / "care.db-wal").stat().st_size > 0
    # The index's page in the file itself is not what readers see: damage one that is.
    with closing(sqlite3.connect(f"file:{folder / 'care.db'}?mode=ro", uri=True)) as connection:
        ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'staff_presence'")
    content = bytearray((folder / "care.db").read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    (folder / "care.db").write_bytes(content)
    opened = open_store(folder)
    assert opened.trouble is not None
    assert [key for key in opened.snapshot.seen if "button" in key]
    opened.store.close()


# Out of reach ----------------------------------------------------------------------------------------


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


# Damaged while it is in use --------------------------------------------------------------------------


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
