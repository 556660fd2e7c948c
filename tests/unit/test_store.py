"""The care database: nothing lost by a kill or a full disk, and nothing opened by mistake."""

import dataclasses
import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from care_house import START, House

from care_robot.care.alarms import AlarmState, Priority
from care_robot.care.inputs import Acknowledge, Heard, Resolve
from care_robot.care.keeper import StorageError
from care_robot.care.schema import METADATA, Utc
from care_robot.care.store import AlarmStore, DatabaseInUseError, DatabaseUnusableError, default_folder


def read(folder: Path, statement: str) -> list[tuple[object, ...]]:
    """What another program finds in the database."""
    connection = sqlite3.connect(f"file:{folder / 'care.db'}?mode=ro", uri=True)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def test_everything_comes_back_as_it_was(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.fall(evidence=(("torso_inclination", 1.5, "rad", 1.0),))
    house.wait(100)
    house.do(Acknowledge(house.alarm.id, "박 간호사"))
    before = [dataclasses.asdict(alarm) for alarm in house.alarms]
    house.restart()
    assert [dataclasses.asdict(alarm) for alarm in house.alarms] == before


def test_the_outbox_has_a_page_before_it_is_sent(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.channels = {}
    house.do(Heard("도와주세요", house.now))
    assert read(tmp_path, "SELECT id, state, repeat FROM pages") == [(house.pages[0].page.id, "pending", 0)]


def test_the_history_can_only_grow(tmp_path: Path) -> None:
    House(tmp_path).fall()
    connection = sqlite3.connect(tmp_path / "care.db")
    for statement in ("DELETE FROM alarm_events", "UPDATE alarm_events SET reason_en = 'nothing'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


def test_commits_are_on_the_disk_and_readers_do_not_block(tmp_path: Path) -> None:
    with AlarmStore(tmp_path) as store, store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_migrations_build_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    with AlarmStore(tmp_path) as store, store._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_only_this_user_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    AlarmStore(folder).close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "care.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["with space", "100%", "한글", "a?b#c"])
def test_any_folder_name_will_do(tmp_path: Path, name: str) -> None:
    for _ in range(2):
        AlarmStore(tmp_path / name).close()
    assert (tmp_path / name / "care.db").stat().st_size > 0


def test_the_folder_follows_the_desktops_rules() -> None:
    assert default_folder({"XDG_DATA_HOME": "/data"}) == Path("/data/care_robot")
    assert default_folder({}) == Path.home() / ".local/share/care_robot"


def test_a_time_without_a_zone_is_not_stored() -> None:
    with pytest.raises(ValueError, match="zone"):
        Utc().process_bind_param(datetime(2026, 1, 1), None)  # type: ignore[arg-type]  # noqa: DTZ001


# A second instance, other versions, damage -----------------------------------------------------------


def test_a_second_instance_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    with AlarmStore(tmp_path):
        with pytest.raises(DatabaseInUseError) as refusal:
            AlarmStore(tmp_path)
        assert str(tmp_path / "care.db") in str(refusal.value)
        assert str(os.getpid()) in str(refusal.value)
    AlarmStore(tmp_path).close()


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    run_killed(tmp_path, "store = AlarmStore(folder)")
    AlarmStore(tmp_path).close()


def test_a_database_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    AlarmStore(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "care.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    before = (tmp_path / "care.db").read_bytes()
    with pytest.raises(DatabaseUnusableError, match=r"care\.db is of a newer version \(9999") as refusal:
        AlarmStore(tmp_path)
    assert "data_dir" in str(refusal.value)
    assert (tmp_path / "care.db").read_bytes() == before
    with pytest.raises(DatabaseUnusableError, match="newer"):  # and the lock was given back
        AlarmStore(tmp_path)


def damage_header(path: Path) -> None:
    path.write_bytes(b"this is not a database, it is a shopping list" * 200)


def damage_pages(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize("damage", [damage_header, damage_pages, cut_off])
def test_a_damaged_database_is_named_and_left_as_it_is(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    house = House(tmp_path)
    house.fall()
    house.store.close()
    damage(tmp_path / "care.db")
    before = (tmp_path / "care.db").read_bytes()
    with pytest.raises(DatabaseUnusableError, match=r"care\.db is damaged .*move it away") as refusal:
        AlarmStore(tmp_path)
    assert "\n" not in str(refusal.value)
    assert (tmp_path / "care.db").read_bytes() == before


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "care.db")
    connection.execute("CREATE TABLE recipes (name)")
    connection.close()
    with pytest.raises(DatabaseUnusableError, match="not one of care_robot"):
        AlarmStore(tmp_path)


def test_values_that_the_code_does_not_know_are_damage(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.fall()
    house.store.close()
    connection = sqlite3.connect(tmp_path / "care.db")
    connection.execute("UPDATE alarms SET state = 77")
    connection.commit()
    connection.close()
    with AlarmStore(tmp_path) as store, pytest.raises(DatabaseUnusableError, match="damaged"):
        store.load()


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DatabaseUnusableError, match=r"file/data/care\.db cannot be opened"):
        AlarmStore(tmp_path / "file" / "data")


# Killed ----------------------------------------------------------------------------------------------


def run_killed(folder: Path, code: str) -> None:
    """Run code in a process that then dies at once, with nothing closed."""
    prelude = """
        import os, signal, sys
        from pathlib import Path
        from care_house import House
        from care_robot.care.inputs import Heard
        from care_robot.care.store import AlarmStore
        folder = Path(sys.argv[1])
    """
    program = textwrap.dedent(prelude) + code + "\nos.kill(os.getpid(), signal.SIGKILL)\n"
    paths = [str(Path(__file__).parent), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def test_a_process_killed_between_storing_and_paging_pages_under_the_same_id(tmp_path: Path) -> None:
    # `channels` is empty: the page was committed, and nobody knows whether it was sent.
    run_killed(
        tmp_path,
        "house = House(folder); house.channels = {}; house.do(Heard('help', house.now))\n"
        "(folder / 'page').write_text(house.pages[0].page.id)",
    )
    house = House(tmp_path)
    (sent,) = house.pages
    assert sent.page.id == (tmp_path / "page").read_text()
    assert sent.repeat


# Full disk -------------------------------------------------------------------------------------------


@contextmanager
def no_file_may_grow(folder: Path) -> Iterator[None]:
    """The kernel refuses every write, as of a disk quota."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def ballast(folder: Path) -> Iterator[None]:
    """A file that takes every byte of the disk."""
    path = folder / "ballast"
    with path.open("wb", buffering=0) as file:
        for size in (65536, 512, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    try:
        yield
    finally:
        path.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


Trouble = Callable[[Path], AbstractContextManager[None]]


def check_a_disk_in_trouble(folder: Path, trouble: Trouble) -> None:
    house = House(folder)
    house.fall("before")
    house.silence(audible=False)
    house.do(Resolve(house.alarm.id, "Park", "seen to"))
    paged = len(house.pages)
    with trouble(folder):
        # Enough that it cannot fit into what is left of a page.
        for i in range(30):
            house.fall(f"during {i}", start=None)
        open_ = [a for a in house.alarms if a.state is not AlarmState.RESOLVED and a.priority]
        assert len(open_) == 1
        assert open_[0].id in house.keeper.unstored
        technical = [a for a in house.alarms if a.priority is Priority.TECHNICAL]
        assert len(technical) == 1
        assert str(folder / "care.db") in technical[0].history[0].reason.ko
        house.wait(60)
        assert len([p for p in house.pages if p.page.priority is Priority.HIGH]) == paged + 1
        house.do(Acknowledge(open_[0].id, "Park"))
        assert house.keeper.unstored
    house.wait(5)
    assert house.keeper.unstored == frozenset()
    before = [dataclasses.asdict(alarm) for alarm in house.alarms]
    house.restart()
    assert [dataclasses.asdict(alarm) for alarm in house.alarms] == before
    assert len(read(folder, "SELECT key FROM alarm_sources WHERE key LIKE 'fall:during%'")) == 30


def test_alarms_are_handled_while_the_disk_is_full_and_stored_afterwards(small_disk: Path) -> None:
    check_a_disk_in_trouble(small_disk, ballast)


def test_alarms_are_handled_while_no_file_may_grow_and_stored_afterwards(tmp_path: Path) -> None:
    check_a_disk_in_trouble(tmp_path, no_file_may_grow)


def test_what_a_full_disk_and_a_kill_took_comes_back_under_the_same_ids(tmp_path: Path) -> None:
    house = House(tmp_path)
    with no_file_may_grow(tmp_path):
        house.fall()
        house.silence(audible=False)
        (first,) = [sent.page.id for sent in house.pages if sent.page.priority is Priority.HIGH]
    house.restart(after_s=5)
    house.fall(confirmed_at=START)  # the detector repeats it
    house.silence(audible=False)
    assert house.pages[-1].page.id == first


@contextmanager
def locked_by_another_program(folder: Path) -> Iterator[None]:
    other = sqlite3.connect(folder / "care.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_alarms_are_handled_while_another_program_holds_a_lock(tmp_path: Path) -> None:
    house = House(tmp_path)
    with locked_by_another_program(tmp_path):
        house.do(Heard("help", house.now))
        assert house.keeper.unstored
        assert len([p for p in house.pages if p.page.priority is Priority.HIGH]) == 1
    house.wait(5)
    assert house.keeper.unstored == frozenset()


def test_a_database_that_is_deleted_under_a_running_program_is_noticed(tmp_path: Path) -> None:
    house = House(tmp_path)
    (tmp_path / "care.db").unlink()
    house.do(Heard("help", house.now))
    assert house.alarm.id in house.keeper.unstored
    (technical,) = [a for a in house.alarms if a.priority is Priority.TECHNICAL]
    assert "deleted" in technical.history[0].reason.en


def test_a_database_that_another_program_has_locked_is_not_called_damaged(tmp_path: Path) -> None:
    AlarmStore(tmp_path).close()
    with locked_by_another_program(tmp_path), pytest.raises(DatabaseUnusableError, match="locked"):
        AlarmStore(tmp_path)


def test_a_full_disk_at_the_start_is_named(small_disk: Path) -> None:
    with ballast(small_disk), pytest.raises(DatabaseUnusableError, match="free some space") as refusal:
        AlarmStore(small_disk)
    assert str(small_disk / "care.db") in str(refusal.value)
    AlarmStore(small_disk).close()


def test_what_is_not_stored_is_offered_once_more_at_the_end(tmp_path: Path) -> None:
    house = House(tmp_path)
    with no_file_may_grow(tmp_path):
        house.do(Heard("help", house.now))
        with pytest.raises(StorageError):
            house.keeper.close()
    house.keeper.close()
    house.restart()
    assert house.alarm.raised_at == START


def test_a_clock_set_back_does_not_put_off_storing(tmp_path: Path) -> None:
    house = House(tmp_path)
    with no_file_may_grow(tmp_path):
        house.do(Heard("help", house.now))
        house.wait(1)
    house.now -= START - datetime(2020, 1, 1, tzinfo=START.tzinfo)
    house.wait(5)
    assert house.keeper.unstored == frozenset()
