"""The audit log: every decision is in it, and any single edit is seen."""

import dataclasses
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from care_house import START, House
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from care_robot.care.alarms import Alarm, Changes
from care_robot.care.audit import AuditAction, AuditRecord
from care_robot.care.audit_chain import GENESIS, Verdict, verify
from care_robot.care.inputs import Acknowledge, Attend, FallState, Heard, Resolve
from care_robot.care.store import AlarmStore, rebuild
from care_robot.care.text import Text

VIEW = AuditRecord(
    at=START,
    action=AuditAction.READ,
    actor="박 간호사",
    category="alarm",
    outcome="shown",
    reason=Text("알람을 보았습니다.", "Looked at the alarm."),
    resident_id="kim",
    recipient="phone",
    confidence=0.25,
    evidence='[["torso_inclination", 1.5, "rad", 1.0]]',
)


def check(folder: Path, known_head: str = "") -> Verdict:
    return verify(folder / "care.db", known_head)


def edit(folder: Path, statement: str, *values: Any) -> None:
    """What somebody does who knows SQL, and the triggers."""
    with closing(sqlite3.connect(folder / "care.db")) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(statement, values)
        connection.commit()


def cells(folder: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "care.db")) as connection:
        connection.text_factory = bytes
        return connection.execute(statement).fetchall()


def story(folder: Path) -> None:
    """A fall that is paged, taken and closed, a view of it, and a call for help that is open."""
    house = House(folder)
    house.fall()
    house.silence()
    house.wait(100)
    house.do(Acknowledge(house.alarm.id, "박 간호사"))
    house.do(Resolve(house.alarm.id, "박 간호사", "일으켜 드림"))
    house.store.save(Changes(audit={"view:1": VIEW}))
    house.do(Heard("도와주세요", house.now))
    house.store.close()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("told")
    story(folder)
    return folder


@pytest.fixture
def folder(told: Path, tmp_path: Path) -> Path:
    shutil.copy(told / "care.db", tmp_path)
    return tmp_path


def test_every_step_of_every_alarm_is_a_record(folder: Path) -> None:
    ((steps,),) = cells(folder, "SELECT count(*) FROM alarm_events")
    ((records,),) = cells(folder, "SELECT count(*) FROM audit WHERE content != ''")
    assert steps == records > 5
    verdict = check(folder)
    assert verdict.ok
    assert verdict.head in verdict.sentence.en
    assert verdict.records >= steps + 1


def test_every_record_has_its_reason_in_both_languages(folder: Path) -> None:
    assert cells(folder, "SELECT count(*) FROM audit WHERE reason_ko = '' OR reason_en = ''") == [(0,)]


def test_an_empty_log_is_whole(tmp_path: Path) -> None:
    AlarmStore(tmp_path).close()
    verdict = check(tmp_path)
    assert (verdict.ok, verdict.records, verdict.head) == (True, 0, GENESIS)


def test_saving_twice_adds_nothing(tmp_path: Path) -> None:
    with AlarmStore(tmp_path) as store:
        for _ in range(2):
            store.save(Changes(audit={"view:1": VIEW}))
        store.save(Changes(audit={"view:1": dataclasses.replace(VIEW, actor="x"), "view:2": VIEW}))
    assert check(tmp_path).records == 2
    assert cells(tmp_path, "SELECT actor FROM audit WHERE key = 'view:1'") == [("박 간호사".encode(),)]


@pytest.mark.parametrize("confidence", [float("nan"), float("inf"), -0.0, 1, None])
def test_any_confidence_can_be_stored(tmp_path: Path, confidence: float | None) -> None:
    with AlarmStore(tmp_path) as store:
        store.save(Changes(audit={"view:1": dataclasses.replace(VIEW, confidence=confidence)}))
    assert check(tmp_path).ok


@given(text=st.text(st.characters(), min_size=1, max_size=20))
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_can_be_stored(tmp_path: Path, text: str) -> None:
    with AlarmStore(tmp_path) as store:
        store.save(Changes(audit={f"view:{text!r}": dataclasses.replace(VIEW, actor=text, evidence=text)}))
    assert check(tmp_path).ok


@pytest.mark.parametrize("act", ["DELETE FROM audit", "UPDATE audit SET actor = 'nobody'"])
def test_the_log_can_only_grow(folder: Path, act: str) -> None:
    with (
        closing(sqlite3.connect(folder / "care.db")) as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute(act)


# Edits -----------------------------------------------------------------------------------------------

VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=10),
    st.binary(max_size=10),
    st.sampled_from(["", "{}", "[]", GENESIS, "박 간호사"]),
)


@pytest.fixture(scope="module")
def workbench(told: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy without triggers and without constraints, in which every edit is possible."""
    folder = tmp_path_factory.mktemp("bench")
    with closing(sqlite3.connect(told / "care.db")) as source:
        dump = list(source.iterdump())
    with closing(sqlite3.connect(folder / "care.db")) as target:
        for statement in dump:
            if not statement.startswith("CREATE TRIGGER"):
                target.execute(statement.replace(" NOT NULL", ""))
        target.commit()
    assert check(folder).ok
    return folder


@pytest.mark.parametrize("table", ["audit", "alarm_events", "audit_head"])
@given(data=st.data())
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_change_of_any_cell_is_seen(workbench: Path, table: str, data: st.DataObject) -> None:
    with closing(sqlite3.connect(workbench / "care.db")) as connection:
        names = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})") if name != "id"]
        column = data.draw(st.sampled_from(names))
        rowids = [rowid for (rowid,) in connection.execute(f"SELECT rowid FROM {table}")]  # noqa: S608
        rowid = data.draw(st.sampled_from(rowids))
        of_cell = f'SELECT typeof("{column}"), "{column}" FROM {table} WHERE rowid = ?'  # noqa: S608
        before = connection.execute(of_cell, (rowid,)).fetchone()
        value = data.draw(VALUES | st.just(before[1]).map(lambda v: v + 1 if isinstance(v, int) else f"{v} "))
        update = f'UPDATE {table} SET "{column}" = ? WHERE rowid = ?'  # noqa: S608
        moved = rowid
        try:
            connection.execute(update, (value, rowid))
            if column == "seq":
                moved = value
        except (sqlite3.IntegrityError, OverflowError):
            assume(False)
        assume(column == "seq" or connection.execute(of_cell, (rowid,)).fetchone() != before)
        assume(column != "seq" or value not in (None, before[1]))
        connection.commit()
        try:
            assert not check(workbench).ok
        finally:
            connection.execute(update, (before[1], moved))
            connection.commit()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
        "DELETE FROM audit WHERE seq = 1",
        "DELETE FROM audit WHERE seq = 3",
        "DELETE FROM audit",
        "DELETE FROM audit_head",
        "INSERT INTO audit SELECT seq + 1000, key || 'x', at, action, actor, category, outcome, reason_ko, "
        "reason_en, resident_id, recipient, purpose, subject, version, confidence, evidence, content, "
        "previous, hash FROM audit WHERE seq = 3",
        "UPDATE audit SET seq = -seq",
        "DELETE FROM alarm_events WHERE n = 2",
        "DELETE FROM alarm_events WHERE n = (SELECT max(n) FROM alarm_events)",
        "DELETE FROM alarm_events",
        "INSERT INTO alarm_events SELECT alarm_id, n + 100, at, state, event, by, reason_ko, reason_en, "
        "after FROM alarm_events WHERE n = 1",
        "UPDATE alarms SET state = 6 WHERE state != 6",
        "UPDATE alarms SET state = 3 WHERE state = 6",
        "UPDATE alarms SET resolved_by = '김 간호사'",
        "UPDATE alarms SET acknowledged_by = 'x'",
        "UPDATE alarms SET attended_by = 'x'",
        "UPDATE alarms SET resolution = 'nothing'",
        "UPDATE alarms SET priority = 1",
        "UPDATE alarms SET drill = 1",
        "INSERT INTO alarms SELECT 'new', * FROM (SELECT kind, priority, condition, resident_id, "
        "resident_name, room, source_id, event_at, raised_at, updated_at, state, occurrences, tier, rounds, "
        "asks, ok_at, deadline_at, page_by, acknowledged_by, acknowledged_at, attended_by, attended_at, "
        "resolved_by, resolved_at, resolution, drill, robot, audio_paused_until FROM alarms LIMIT 1)",
        "DELETE FROM alarms",
        "DROP TABLE audit",
        "DROP TABLE audit_head",
        "UPDATE alarm_events SET reason_en = CAST(x'ff00fe' AS TEXT) WHERE n = 1",
        "UPDATE audit SET actor = CAST(x'ff00fe' AS TEXT) WHERE seq = 2",
    ],
)
def test_what_is_removed_added_or_moved_is_seen(folder: Path, statement: str) -> None:
    edit(folder, statement)
    verdict = check(folder)
    assert not verdict.ok
    assert "\n" not in verdict.sentence.en
    verdict.sentence.ko.encode()  # it can be printed


def test_two_records_that_change_places_are_seen(folder: Path) -> None:
    for old, new in ((2, 999), (3, 2), (999, 3)):
        edit(folder, "UPDATE audit SET seq = ? WHERE seq = ?", new, old)
    assert not check(folder).ok


def test_the_first_record_that_does_not_fit_is_named(folder: Path) -> None:
    edit(folder, "UPDATE audit SET reason_en = 'nothing happened' WHERE seq = 3")
    edit(folder, "UPDATE audit SET reason_en = 'nothing happened' WHERE seq = 5")
    verdict = check(folder)
    assert "Record 3 (alarm:" in verdict.sentence.en
    assert "was changed" in verdict.sentence.en
    assert "3 (alarm:" in verdict.sentence.ko
    assert verdict.records == 2


@pytest.mark.parametrize("cut", ["DELETE FROM audit WHERE seq > 5", "DELETE FROM audit_head"])
def test_what_was_cut_off_is_still_seen_after_the_program_went_on(folder: Path, cut: str) -> None:
    edit(folder, cut)
    with AlarmStore(folder) as store:  # and alarms are stored all the same
        store.save(Changes(audit={"view:2": VIEW}))
    assert not check(folder).ok


def test_a_log_that_was_built_anew_is_known_by_the_head_kept_elsewhere(folder: Path, tmp_path: Path) -> None:
    head = check(folder).head
    with AlarmStore(folder) as store:
        store.save(Changes(audit={"view:2": VIEW}))
    assert check(folder, head).ok
    (tmp_path / "new").mkdir()
    story(tmp_path / "new")
    assert check(tmp_path / "new").ok
    assert check(tmp_path / "new", head).ok  # the same story, to the last bit
    with AlarmStore(tmp_path / "other") as store:
        store.save(Changes(audit={"view:2": VIEW}))
    assert check(tmp_path / "other").ok
    verdict = check(tmp_path / "other", head)
    assert not verdict.ok
    assert "old copy" in verdict.sentence.en


@pytest.mark.parametrize("content", [None, b"", b"shopping list" * 1000])
def test_what_is_no_log_is_said_in_a_sentence(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "care.db").write_bytes(content)
    verdict = check(tmp_path)
    assert not verdict.ok
    assert str(tmp_path / "care.db") in verdict.sentence.en
    assert (tmp_path / "care.db").exists() is (content is not None)


def test_a_log_can_be_checked_while_it_is_written(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.fall()
    assert check(tmp_path).ok
    house.wait(200)
    assert check(tmp_path).ok


# Alarms from their steps -----------------------------------------------------------------------------

UNTOLD = ("updated_at", "deadline_at", "page_by", "audio_paused_until", "occurrences", "tier", "rounds")
"""What may change without a step: an event that is only counted, pages that are only repeated, a timer."""


def steady(alarm: Alarm) -> dict[str, Any]:
    without = (*UNTOLD, "sources", "history")
    return {f.name: getattr(alarm, f.name) for f in dataclasses.fields(alarm) if f.name not in without}


ACTS: dict[str, Callable[[House], object]] = {
    "fall": lambda house: house.fall("a"),
    "second fall": lambda house: house.fall("b"),
    "up": lambda house: house.fall("a", state=FallState.RECOVERED),
    "help": lambda house: house.do(Heard("도와주세요", house.now)),
    "wait": lambda house: house.wait(30),
    "wait long": lambda house: house.wait(400),
    "silence": lambda house: house.silence() if house.asked else None,
    "ok": lambda house: house.answer("괜찮아요") if house.asked else None,
    "dead": lambda house: house.channels.update(webhook=False, console=False),
    "alive": lambda house: house.channels.update(webhook=True, console=True),
    "mute": lambda house: house.channels.clear(),
    "clock": lambda house: setattr(house, "now", house.now - timedelta(hours=1)),
    "restart": lambda house: house.restart(),
    **{
        name: lambda house, kind=kind: [
            house.do(kind(a.id, "박", *["왜"] * (kind is Resolve))) for a in house.alarms
        ]
        for name, kind in (("acknowledge", Acknowledge), ("attend", Attend), ("resolve", Resolve))
    },
}


class Told(House):
    @property
    def asked(self) -> bool:
        from care_robot.care.effects import AskResident

        return bool(self.effects_of(AskResident))


@given(acts=st.lists(st.sampled_from(sorted(ACTS)), max_size=12))
@settings(deadline=None, max_examples=40)
def test_alarms_can_be_rebuilt_from_their_steps_and_the_log_stays_whole(acts: list[str]) -> None:
    in_memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="care-", dir=in_memory) as folder:
        house = Told(Path(folder))
        for act in acts:
            ACTS[act](house)
        with house.store._engine.connect() as connection:
            rebuilt = {alarm.id: steady(alarm) for alarm in rebuild(connection)}
        alarms = {alarm.id: steady(alarm) for alarm in house.store.load().alarms}
        house.store.close()
        assert {i: rebuilt[i] for i in alarms} == alarms
        verdict = check(Path(folder))
        assert verdict.ok, verdict.sentence.en


# Older databases -------------------------------------------------------------------------------------


def make_old(folder: Path) -> None:
    """As version 0001 would have left it."""
    story(folder)
    edit(folder, "UPDATE alembic_version SET version_num = '0001'")
    for table in ("audit", "audit_head", "staff_presence"):
        edit(folder, f"DROP TABLE {table}")
    for table, column in [
        *(("alarms", name) for name in ("drill", "robot", "audio_paused_until")),
        *(("alarm_events", "after"), ("pages", "drill")),
    ]:
        edit(folder, f"ALTER TABLE {table} DROP COLUMN {column}")
    with closing(sqlite3.connect(folder / "care.db")) as connection:
        for act in ("UPDATE", "DELETE"):
            connection.execute(
                f"CREATE TRIGGER alarm_events_no_{act.lower()} BEFORE {act} ON alarm_events "
                "BEGIN SELECT RAISE(ABORT, 'alarm_events is append-only'); END"
            )


def test_an_older_database_keeps_its_history_and_goes_into_the_log(tmp_path: Path) -> None:
    make_old(tmp_path)
    before = cells(tmp_path, "SELECT alarm_id, n, at, state, event, by, reason_ko FROM alarm_events")
    verdict = check(tmp_path)
    assert "cannot be read" in verdict.sentence.en
    house = House(tmp_path)
    after = cells(tmp_path, "SELECT alarm_id, n, at, state, event, by, reason_ko FROM alarm_events")
    assert after[: len(before)] == before
    assert check(tmp_path).records == len(after)
    house.do(Resolve(house.alarms[0].id, "박 간호사", "괜찮으심"))
    assert check(tmp_path).ok
    house.store.close()
    edit(tmp_path, "UPDATE alarm_events SET reason_en = 'nothing' WHERE n = 1")
    assert not check(tmp_path).ok
