"""The database of tasks: nothing lost by a kill, a damaged one is moved aside and named."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
from datetime import timedelta
from pathlib import Path

import pytest
from task_bench import START, Bench, task

from care_robot.care.text import Text
from care_robot.planning.task_store import TaskDatabaseError, TaskStore, read_task
from care_robot.planning.tasks import (
    Goal,
    Priority,
    StorageError,
    TaskChanges,
    TaskErrorCode,
    TaskEvent,
    TaskKind,
    TaskRecord,
    TaskState,
)

WHY = Text("까닭", "reason")


def record(task_id: str = "t1", seq: int = 1, state: TaskState = TaskState.QUEUED) -> TaskRecord:
    return TaskRecord(task(id=task_id), seq, START, START, state, reason=WHY)


def changes(*records: TaskRecord) -> TaskChanges:
    """Records with one row of history each."""
    events = [TaskEvent(r.task.id, 1, START, r.state, "submitted", "kim", WHY) for r in records]
    return TaskChanges({r.task.id: r for r in records}, events)


def fill(folder: Path) -> None:
    with TaskStore(folder, START) as store:
        store.save(changes(record()))


def test_everything_comes_back_as_it_was(tmp_path: Path) -> None:
    full = TaskRecord(
        task(
            TaskKind.GO_TO,
            Priority.MEDICATION,
            id="전부",
            places=("a", "b"),
            pose=Goal("map", 1.25, -2.5, 0.1),
            text='"따옴표" \\ ☃',
            language="ko",
        ),
        7,
        START,
        START + timedelta(microseconds=1),
        TaskState.RUNNING,
        Text("갑니다", "going"),
        arrived=True,
        visited=2,
        started_at=START,
        ended_at=None,
        ran_s=1.5,
        waited_s=2.5,
        interruptions=3,
        ending=TaskErrorCode.NONE,
        error=TaskErrorCode.LOST,
        reason=WHY,
        events=9,
    )
    with TaskStore(tmp_path, START) as store:
        assert store.snapshot.records == []
        store.save(changes(record(), full))
        store.save(changes(record(), full))
    with TaskStore(tmp_path, START) as store:
        assert store.snapshot.records == [record(), full]
        assert store.snapshot.ids == {"t1", "전부"}
        assert read_task(tmp_path, "전부") == (full, changes(full).events)


def test_what_ended_long_ago_stays_known_by_its_id(tmp_path: Path) -> None:
    ended = record(state=TaskState.SUCCEEDED)
    ended.ended_at = START
    with TaskStore(tmp_path, START) as store:
        store.save(changes(ended))
    for hours, shown in ((0.9, [ended]), (1.1, [])):
        with TaskStore(tmp_path, START + timedelta(hours=hours)) as store:
            assert store.snapshot.records == shown
            assert store.snapshot.ids == {"t1"}


def test_the_history_can_only_grow(tmp_path: Path) -> None:
    fill(tmp_path)
    connection = sqlite3.connect(tmp_path / "tasks.db")
    for statement in ("DELETE FROM task_events", "UPDATE task_events SET reason_en = 'nothing'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


def test_a_task_is_found_by_the_beginning_of_its_id_if_no_other_begins_so(tmp_path: Path) -> None:
    with TaskStore(tmp_path, START) as store:
        store.save(changes(record("abc1"), record("abc2", 2), record("abc", 3), record("x%y", 4)))
    for wanted, found in [("abc", "abc"), ("abc1", "abc1"), ("x", "x%y"), ("ab", ""), ("%", ""), ("zz", "")]:
        answer = read_task(tmp_path, wanted)
        assert (answer[0].task.id if answer else "") == found


def test_a_history_can_be_read_while_tasks_are_written(tmp_path: Path) -> None:
    with TaskStore(tmp_path, START) as store:
        store.save(changes(record()))
        assert read_task(tmp_path, "t1")


def test_where_there_is_no_database_the_reader_is_told_and_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(TaskDatabaseError, match="data-dir"):
        read_task(tmp_path, "t1")
    assert list(tmp_path.iterdir()) == []


def test_commits_are_on_the_disk_and_readers_do_not_block(tmp_path: Path) -> None:
    with TaskStore(tmp_path, START) as store, store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_only_this_user_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    fill(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "tasks.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["with space", "100%", "한글", "a?b#c"])
def test_any_folder_name_will_do(tmp_path: Path, name: str) -> None:
    for _ in range(2):
        fill(tmp_path / name)
    assert read_task(tmp_path / name, "t1")


def test_a_second_instance_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with TaskStore(tmp_path, START) as store:
        with pytest.raises(TaskDatabaseError, match="in use"):
            TaskStore(tmp_path, START)
        store.save(changes(record()))
    TaskStore(tmp_path, START).close()


# Damage -------------------------------------------------------------------------------------------


def scribble(path: Path) -> None:
    path.write_bytes(b"not a database" * 1000)


def tear(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[5000:] = b"\xff" * (len(raw) - 5000)
    path.write_bytes(raw)


def sql(*statements: str) -> object:
    def act(path: Path) -> None:
        connection = sqlite3.connect(path)
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()

    return act


@pytest.mark.parametrize(
    "damage",
    [
        scribble,
        tear,
        sql("PRAGMA user_version = 99"),
        sql("PRAGMA application_id = 1"),
        sql("UPDATE tasks SET task = '{'"),
        sql("UPDATE tasks SET task = '{}'"),
        sql("UPDATE tasks SET task = '[1]'"),
        sql("""UPDATE tasks SET task = '{"pose": 3}'"""),
        sql("UPDATE tasks SET submitted_at = 'soon'"),
        sql("UPDATE tasks SET error = 9"),
        sql("DROP TABLE tasks", "CREATE TABLE tasks (id)"),
        sql("DROP TABLE task_events", "CREATE TABLE task_events (id)"),
    ],
)
def test_a_file_that_cannot_be_used_is_moved_aside_and_tasks_go_on(tmp_path: Path, damage: object) -> None:
    fill(tmp_path)
    damage(tmp_path / "tasks.db")  # type: ignore[operator]
    was = (tmp_path / "tasks.db").read_bytes()
    with TaskStore(tmp_path, START) as store:
        (aside,) = [p for p in tmp_path.glob("tasks.db.unusable-*") if not p.name.endswith(("-wal", "-shm"))]
        assert aside.read_bytes() == was
        assert str(aside) in store.notice
        assert str(store.path) in store.notice
        assert store.snapshot.records == []
        store.save(changes(record()))
    with TaskStore(tmp_path, START) as store:
        assert store.notice == ""
        assert [r.task.id for r in store.snapshot.records] == ["t1"]


def test_a_second_damaged_file_does_not_replace_the_first(tmp_path: Path) -> None:
    for _ in range(3):
        scribble(tmp_path / "tasks.db")
        TaskStore(tmp_path, START).close()
    assert len(list(tmp_path.glob("tasks.db.unusable-*"))) == 3


@pytest.mark.parametrize("what", ["a file in place of the folder", "a folder in place of the file"])
def test_what_cannot_be_opened_nor_replaced_is_told_in_a_sentence(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "data"
    if what.startswith("a file"):
        folder.write_text("", encoding="utf-8")
    else:
        (folder / "tasks.db").mkdir(parents=True)
    with pytest.raises(TaskDatabaseError) as refusal:
        TaskStore(folder, START)
    assert str(folder / "tasks.db") in str(refusal.value)
    assert "data_dir" in str(refusal.value)


def test_a_database_that_is_deleted_under_way_is_told(tmp_path: Path) -> None:
    with TaskStore(tmp_path, START) as store:
        for path in tmp_path.glob("tasks.db*"):
            path.unlink()
        with pytest.raises(StorageError, match="deleted"):
            store.save(changes(record()))


def test_a_killed_process_leaves_its_tasks_and_its_lock(tmp_path: Path) -> None:
    program = f"""
        import os, signal
        from pathlib import Path
        from task_bench import Bench, TaskKind, task
        bench = Bench(Path({str(tmp_path)!r}))
        bench.submit(task(id="runs"))
        bench.tick()
        bench.submit(task(id="waits"))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    words = [sys.executable, "-c", textwrap.dedent(program)]
    killed = subprocess.run(words, env=environment, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    bench = Bench(tmp_path)
    states = {r.task.id: r.state for r in bench.queue.tasks(bench.now)}
    assert states == {"runs": TaskState.INTERRUPTED, "waits": TaskState.QUEUED}
    bench.close()
