"""A damaged database is kept aside, and a fresh one takes over all that can be read of it."""

import dataclasses
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from care_house import START
from damaged_house import (
    PRESENT,
    cut_off,
    damage_header,
    damage_pages,
    damage_table,
    kept_aside,
    killed,
    live,
    pending,
    plain,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from care_robot.care import swap
from care_robot.care.alarms import Alarm, AlarmKind, AlarmState, Changes, Priority
from care_robot.care.audit_chain import verify
from care_robot.care.database import DatabaseUnusableError
from care_robot.care.recovery import open_store
from care_robot.care.schema import ALARMS
from care_robot.care.store import AlarmStore
from care_robot.care.takeover import _Reader, take_over

pytestmark = pytest.mark.usefixtures("elsewhere")


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
