"""One task at a time, the most urgent first; none is lost, none runs twice at once, each has an end."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from task_bench import DONE, EVERY_KIND, Bench, task

from care_robot.care.text import Text
from care_robot.planning.task_queue import (
    MAX_DOWN,
    MAX_ENDED_SHOWN,
    MAX_INTERRUPTIONS,
    MAX_OPEN,
    MAX_WAIT_S,
)
from care_robot.planning.task_store import read_task
from care_robot.planning.tasks import (
    CancelCode,
    Preempt,
    Priority,
    Start,
    StopRunning,
    SubmitCode,
    TaskErrorCode,
    TaskKind,
    TaskState,
)

K, S, E = TaskKind, TaskState, TaskErrorCode
OVER = Text("확인했습니다.", "It was attended.")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def running(bench: Bench, kind: TaskKind = K.GO_TO, priority: int = Priority.ROUTINE) -> str:
    """The id of a new task that runs."""
    task_id = bench.submit(task(kind, priority))
    assert isinstance(bench.tick(), Start)
    return task_id


def preempt(bench: Bench, kind: TaskKind = K.SAY, priority: int = Priority.MEDICATION) -> str:
    """Something more urgent comes, and what runs is brought to rest."""
    urgent = bench.submit(task(kind, priority))
    assert isinstance(bench.tick(), Preempt)
    bench.finish(E.PREEMPTED)
    return urgent


# Order --------------------------------------------------------------------------------------------


def test_the_most_urgent_comes_first_and_equals_in_the_order_of_asking(bench: Bench) -> None:
    priorities = [Priority.ROUTINE, Priority.OPERATOR, Priority.MEDICATION, Priority.OPERATOR]
    for n, priority in enumerate(priorities):
        bench.submit(task(priority=priority, id=f"t{n}"))
    bench.submit(task(K.RESPOND_TO_FALL, id="fall"))
    assert bench.order() == ["fall", "t2", "t1", "t3", "t0"]
    ran = []
    while isinstance(start := bench.tick(), Start):
        ran.append(start.task.id)
        bench.finish()
    assert ran == ["fall", "t2", "t1", "t3", "t0"]


def test_what_is_equal_waits(bench: Bench) -> None:
    running(bench, priority=Priority.OPERATOR)
    bench.submit(task(priority=Priority.OPERATOR))
    assert bench.tick() is None


def test_a_second_fall_waits_until_the_first_is_attended(bench: Bench) -> None:
    bench.submit(task(K.RESPOND_TO_FALL, alarm_id="a1"))
    second = bench.submit(task(K.RESPOND_TO_FALL, alarm_id="a2"))
    bench.tick()
    assert bench.tick(3 * MAX_WAIT_S) is None
    bench.queue.end_response(bench.now, "a1", OVER)
    assert isinstance(bench.tick(), StopRunning)
    bench.finish(E.NONE)
    start = bench.tick()
    assert isinstance(start, Start)
    assert start.task.id == second


def test_a_higher_priority_interrupts_after_the_clean_up_and_the_lower_goes_on_afterwards(
    bench: Bench,
) -> None:
    walk = running(bench, K.PATROL)
    bench.queue.progress(bench.now, walk, Text("주방을 봅니다.", "Looking at the kitchen."), True, visited=2)
    fall = bench.submit(task(K.RESPOND_TO_FALL))
    assert bench.tick() == bench.tick() == Preempt(walk, fall)
    assert bench.record(walk).state is S.RUNNING, "it cleans up"
    bench.finish(E.PREEMPTED)
    assert bench.record(walk).state is S.INTERRUPTED
    assert not bench.record(walk).arrived
    assert "respond to a fall" in bench.record(walk).reason.en
    assert isinstance(bench.tick(), Start)
    bench.finish()
    assert bench.tick() == Start(bench.record(walk).task, resumed=True, visited=2)
    bench.finish()
    assert bench.order() == [walk, fall]
    assert [bench.record(i).state for i in (walk, fall)] == [S.SUCCEEDED, S.SUCCEEDED]


def test_what_cannot_go_on_is_given_back(bench: Bench) -> None:
    drive = running(bench, K.TELEOP)
    preempt(bench)
    assert (bench.record(drive).state, bench.record(drive).error) == (S.FAILED, E.PREEMPTED)
    assert "not taken up again" in bench.record(drive).reason.en


def test_what_is_interrupted_too_often_is_given_back(bench: Bench) -> None:
    walk = running(bench, K.PATROL)
    for _ in range(MAX_INTERRUPTIONS):
        preempt(bench)
        bench.tick()
        bench.finish()
        assert isinstance(bench.tick(), Start)
    preempt(bench)
    assert bench.record(walk).error is E.PREEMPTED


def test_what_succeeds_while_it_is_told_to_make_way_has_succeeded(bench: Bench) -> None:
    errand = running(bench)
    bench.submit(task(K.RESPOND_TO_FALL))
    bench.tick()
    bench.finish(E.NONE)
    assert bench.record(errand).state is S.SUCCEEDED


@pytest.mark.parametrize("outcome", [code for code in E if code not in (E.NONE, E.CANCELED, E.PREEMPTED)])
def test_a_failure_keeps_its_code_and_its_reason(bench: Bench, outcome: TaskErrorCode) -> None:
    errand = running(bench)
    bench.finish(outcome)
    record = bench.record(errand)
    assert (record.state, record.error, record.reason) == (S.FAILED, outcome, DONE)


# Requests -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("restart", [False, True])
def test_the_same_id_twice_is_one_task_even_long_after_its_end(bench: Bench, restart: bool) -> None:
    for _ in range(2):
        assert bench.submit(task(id="once")) == "once"
    assert bench.order() == ["once"]
    bench.tick()
    bench.finish()
    bench.now += timedelta(hours=2)
    assert bench.order() == []
    if restart:
        bench.restart()
    assert bench.submit(task(id="once")) == "once"
    assert bench.order() == []
    assert bench.tick() is None


def test_a_task_without_an_id_gets_one(bench: Bench) -> None:
    assert len({bench.submit(task()) for _ in range(3)} - {""}) == 3


def test_what_is_wrong_with_a_task_is_answered_and_nothing_is_kept(bench: Bench) -> None:
    reply = bench.queue.submit(bench.now, task(places=("moon",)))
    assert (reply.code, reply.error) == (SubmitCode.INVALID, E.PLACE_UNKNOWN)
    assert bench.order() == []


def test_a_flood_of_tasks_is_refused_but_never_an_alarm(bench: Bench) -> None:
    replies = [bench.queue.submit(bench.now, task(K.SAY)) for _ in range(MAX_OPEN + 20)]
    assert sum(reply.success for reply in replies) == MAX_OPEN
    assert replies[-1].code is SubmitCode.UNAVAILABLE
    bench.submit(task(K.RESPOND_TO_FALL, id="fall"))
    assert bench.order()[0] == "fall"


def test_the_list_stays_short_however_many_tasks_end(bench: Bench) -> None:
    for n in range(MAX_ENDED_SHOWN + 20):
        bench.queue.cancel(bench.now, bench.submit(task(id=f"t{n}")), "kim", "")
    assert bench.order() == [f"t{n}" for n in reversed(range(20, MAX_ENDED_SHOWN + 20))]
    bench.now += timedelta(hours=1, seconds=1)
    assert bench.order() == []


def test_a_waiting_task_is_canceled_at_once_a_running_one_when_it_is_at_rest(bench: Bench) -> None:
    errand, waiting = running(bench, priority=Priority.OPERATOR), bench.submit(task())
    for task_id in (errand, waiting):
        assert bench.queue.cancel(bench.now, task_id, "김 간호사", "필요 없음").success
    assert bench.record(waiting).state is S.CANCELED
    assert bench.record(errand).state is S.RUNNING
    order = bench.tick()
    assert isinstance(order, StopRunning)
    assert (order.id, order.why) == (errand, E.CANCELED)
    assert "김 간호사" in order.sentence.ko
    assert "필요 없음" in order.sentence.en
    bench.finish(E.UNREACHABLE)
    assert (bench.record(errand).state, bench.record(errand).error) == (S.CANCELED, E.CANCELED)
    assert bench.queue.cancel(bench.now, errand, "kim", "").code is CancelCode.ALREADY_ENDED


def test_a_cancel_needs_a_name_and_a_task_that_exists(bench: Bench) -> None:
    errand = running(bench)
    assert bench.queue.cancel(bench.now, errand, " \x00\n", "").code is CancelCode.NAME_MISSING
    reply = bench.queue.cancel(bench.now, "x\x1b[31m" * 5000, "kim", "r" * 10_000)
    assert reply.code is CancelCode.UNKNOWN_TASK
    assert len(reply.sentence.en) < 200
    assert reply.sentence.en.isprintable()
    assert bench.tick() is None


def test_a_response_ends_with_its_alarm_and_not_by_a_cancel(bench: Bench) -> None:
    fall, waiting = bench.submit(task(K.RESPOND_TO_FALL)), bench.submit(task(K.RESPOND_TO_FALL, alarm_id="b"))
    bench.tick()
    assert bench.queue.cancel(bench.now, fall, "kim", "").code is CancelCode.REFUSED
    for alarm_id in ("a1", "a1", "b", "nobody's"):
        bench.queue.end_response(bench.now, alarm_id, OVER)
    assert bench.record(waiting).state is S.SUCCEEDED
    assert bench.tick() == StopRunning(fall, E.NONE, OVER)
    bench.finish(E.PERSON_NOT_FOUND)
    assert (bench.record(fall).state, bench.record(fall).reason) == (S.SUCCEEDED, OVER)


def test_reports_about_a_task_that_does_not_run_change_nothing(bench: Bench) -> None:
    errand, waiting = running(bench), bench.submit(task(priority=Priority.ROUTINE))
    before = bench.queue.tasks(bench.now)
    for task_id in (waiting, "nobody's", ""):
        bench.queue.progress(bench.now, task_id, DONE, True)
        bench.queue.ended(bench.now, task_id, E.NONE, DONE)
    assert bench.queue.tasks(bench.now) == before
    bench.finish()
    bench.queue.ended(bench.now, errand, E.LOST, DONE)
    assert bench.record(errand).state is S.SUCCEEDED


def test_a_step_is_stored_once_and_cleaned(bench: Bench) -> None:
    walk = running(bench, K.PATROL)
    for _ in range(3):
        bench.queue.progress(bench.now, walk, Text("가\x07요", "going " * 5000), False, visited=99)
    record = bench.record(walk)
    assert (record.step.ko, record.visited) == ("가요", 3)
    assert len(record.step.en) <= 1000
    assert record.events == 3
    bench.queue.progress(bench.now, walk, DONE, True, visited=1)
    assert (bench.record(walk).arrived, bench.record(walk).visited) == (True, 3)


# Time ---------------------------------------------------------------------------------------------


def test_the_time_limit_counts_running_time_alone(bench: Bench) -> None:
    first = running(bench)
    bench.tick(50)
    preempt(bench, K.GO_TO)
    bench.tick()
    for _ in range(9):
        assert bench.tick(60) is None
    bench.finish()
    bench.tick()
    assert bench.record(first).ran_s == pytest.approx(50.1)
    for _ in range(9):
        assert bench.tick(60) is None
    order = bench.tick(60)
    assert isinstance(order, StopRunning)
    assert (order.id, order.why) == (first, E.TIME_LIMIT)
    bench.finish(E.TIME_LIMIT)
    assert (bench.record(first).state, bench.record(first).error) == (S.FAILED, E.TIME_LIMIT)


@pytest.mark.parametrize(("begun", "code"), [(False, E.TIME_LIMIT), (True, E.PREEMPTED)])
def test_nothing_waits_for_ever_but_an_alarm(bench: Bench, begun: bool, code: TaskErrorCode) -> None:
    if begun:
        waiting = running(bench)
        preempt(bench, K.RESPOND_TO_FALL)
    else:
        bench.submit(task(K.RESPOND_TO_FALL))
        waiting = bench.submit(task())
    other = bench.submit(task(K.RESPOND_TO_FALL, alarm_id="a2", time_limit_s=86_400.0))
    for _ in range(int(MAX_WAIT_S / 60) + 1):
        bench.tick(60)
    assert bench.record(waiting).error is code
    assert not bench.record(other).state.over


@pytest.mark.parametrize("jump", [timedelta(days=-30), timedelta(days=20_000)])
def test_a_clock_that_is_set_ends_nothing(bench: Bench, jump: timedelta) -> None:
    errand, waiting = running(bench), bench.submit(task(priority=Priority.ROUTINE))
    bench.now += jump
    assert bench.tick() is None
    assert [bench.record(i).state for i in (errand, waiting)] == [S.RUNNING, S.QUEUED]


# Stop ---------------------------------------------------------------------------------------------


def test_a_stop_ends_all_but_the_alarm_which_goes_on_when_it_is_released(bench: Bench) -> None:
    fall, waiting = bench.submit(task(K.RESPOND_TO_FALL)), bench.submit(task())
    bench.tick()
    for _ in range(2):
        bench.queue.stopped(bench.now, "kim", Text("버튼이 눌렸습니다.", "The button was pressed."))
    assert (bench.record(waiting).state, bench.record(waiting).error) == (S.FAILED, E.STOPPED)
    assert bench.record(waiting).reason == (
        "정지되었습니다. 버튼이 눌렸습니다.",
        "The robot was stopped. The button was pressed.",
    )
    for _ in range(20):
        assert bench.tick(60) is None
    assert bench.record(fall).ran_s < 1.0, "a stop takes nothing from its time"
    bench.finish(E.STOPPED)
    assert bench.tick() is None
    bench.queue.released(bench.now)
    assert bench.tick() == Start(bench.record(fall).task, resumed=True)


def test_a_stop_comes_before_a_cancel_and_before_making_way(bench: Bench) -> None:
    errand = running(bench)
    bench.submit(task(K.SAY, Priority.MEDICATION))
    assert isinstance(bench.tick(), Preempt)
    bench.queue.cancel(bench.now, errand, "kim", "")
    bench.queue.stopped(bench.now, "voice")
    order = bench.tick()
    assert isinstance(order, StopRunning)
    assert order.why is E.STOPPED
    bench.queue.cancel(bench.now, errand, "kim", "")
    bench.finish(E.PREEMPTED)
    assert bench.record(errand).error is E.STOPPED


def test_while_stopped_nothing_that_moves_is_taken_but_alarms_wait_and_speech_goes_on(bench: Bench) -> None:
    bench.queue.stopped(bench.now, "kim")
    for kind in EVERY_KIND - {K.SAY, K.RESPOND_TO_FALL}:
        reply = bench.queue.submit(bench.now, task(kind))
        assert (reply.code, reply.error) == (SubmitCode.UNAVAILABLE, E.STOPPED)
        assert "reset the stop" in reply.sentence.en
    fall, words = bench.submit(task(K.RESPOND_TO_FALL)), bench.submit(task(K.SAY))
    bench.queue.stopped(bench.now, "kim")
    start = bench.tick()
    assert isinstance(start, Start)
    assert start.task.id == words
    bench.queue.released(bench.now)
    assert bench.tick() == Preempt(words, fall)


# Restart and disk ---------------------------------------------------------------------------------


def test_after_a_kill_the_running_task_goes_on_and_the_others_still_wait(bench: Bench) -> None:
    waiting = bench.submit(task())
    walk = running(bench, K.PATROL, Priority.MEDICATION)
    bench.queue.progress(bench.now, walk, DONE, True, visited=1)
    bench.tick(30)
    ran_s = bench.record(walk).ran_s
    bench.restart()
    assert [bench.record(i).state for i in (walk, waiting)] == [S.INTERRUPTED, S.QUEUED]
    assert bench.record(walk).ran_s == pytest.approx(ran_s, abs=10.0)
    assert bench.tick() == Start(bench.record(walk).task, resumed=True, visited=1)


def test_a_task_that_kills_the_process_does_not_run_for_ever(bench: Bench) -> None:
    errand = running(bench)
    for _ in range(MAX_INTERRUPTIONS + 1):
        bench.restart()
        bench.tick()
    assert bench.record(errand).error is E.PREEMPTED


@pytest.mark.parametrize("order", ["cancel", "stop", "alarm over"])
def test_an_ordered_end_is_not_lost_by_a_kill(bench: Bench, order: str) -> None:
    errand = running(bench, K.RESPOND_TO_FALL if order == "alarm over" else K.GO_TO)
    if order == "cancel":
        bench.queue.cancel(bench.now, errand, "kim", "")
    elif order == "stop":
        bench.queue.stopped(bench.now, "kim")
    else:
        bench.queue.end_response(bench.now, "a1", OVER)
    bench.restart()
    assert bench.record(errand).state.over
    assert bench.tick() is None


@pytest.mark.parametrize("sign", [1, -1])
def test_a_robot_that_was_off_for_long_does_not_drive_off_but_still_answers_a_fall(
    bench: Bench, sign: int
) -> None:
    ids = [bench.submit(task(kind, id=kind.word)) for kind in (K.GO_TO, K.PATROL, K.RESPOND_TO_FALL)]
    bench.tick()
    bench.now += sign * (MAX_DOWN + timedelta(seconds=11))  # its clock may have begun anew
    bench.restart()
    assert [bench.record(i).state for i in ids] == [S.FAILED, S.FAILED, S.INTERRUPTED]
    assert "was off" in bench.record(ids[0]).reason.en


def test_after_a_power_cut_the_robot_does_not_drive_off_however_short_it_was(bench: Bench) -> None:
    ids = [bench.submit(task(kind, id=kind.word)) for kind in (K.PATROL, K.RESPOND_TO_FALL)]
    bench.tick()
    bench.restart(same_boot=False)
    assert [bench.record(i).state for i in ids] == [S.FAILED, S.INTERRUPTED]


def test_a_long_task_is_not_taken_for_one_of_a_robot_that_was_off(bench: Bench) -> None:
    errand = running(bench)
    for _ in range(50):
        bench.tick(11)
    bench.restart()
    assert bench.record(errand).state is S.INTERRUPTED


def test_with_a_full_disk_a_new_task_is_refused_and_an_alarm_is_answered_from_memory(bench: Bench) -> None:
    errand = running(bench)
    bench.disk_fails = True
    reply = bench.queue.submit(bench.now, task(id="new"))
    assert reply.code is SubmitCode.NOT_STORED
    assert "no space" in reply.sentence.en
    assert bench.queue.record("new") is None
    fall = bench.submit(task(K.RESPOND_TO_FALL))
    assert bench.tick() == Preempt(errand, fall)
    bench.finish(E.PREEMPTED)
    bench.tick()
    assert bench.queue.problem
    bench.disk_fails = False
    bench.tick(10)
    assert not bench.queue.problem
    bench.submit(task(id="new"))
    bench.restart()
    assert set(bench.order()) == {errand, fall, "new"}


def test_the_history_tells_every_step_with_its_reason_in_both_languages(bench: Bench) -> None:
    walk = running(bench, K.PATROL)
    preempt(bench)
    bench.tick()
    bench.finish()
    bench.tick()
    bench.queue.cancel(bench.now, walk, "김 간호사", "")
    bench.tick()
    bench.finish(E.CANCELED)
    found = read_task(bench.folder, walk[:8])
    assert found
    steps = [event.event for event in found[1]]
    assert steps == ["submitted", "started", "interrupted", "resumed", "ending", "ended"]
    assert all(event.reason.ko and event.reason.en for event in found[1])
    assert found[0] == bench.record(walk)


# Whatever happens ---------------------------------------------------------------------------------

IDS = st.sampled_from([f"t{n}" for n in range(8)])
ALARMS = st.sampled_from(["a1", "a2"])


class Queue(RuleBasedStateMachine):
    """A robot, humans who ask for things and stop it, kills, and a disk that fails."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(
            tempfile.mkdtemp(prefix="tasks-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        )
        self.bench = Bench(self.folder)
        self.taken: set[str] = set()
        self.canceled: set[str] = set()
        self.stopped = False
        self.over: dict[str, tuple[TaskState, TaskErrorCode]] = {}

    def teardown(self) -> None:
        self._everything_ends()
        self.bench.close()
        shutil.rmtree(self.folder)

    @rule(
        task_id=IDS,
        kind=st.sampled_from(sorted(EVERY_KIND - {K.RESPOND_TO_FALL})),
        priority=st.sampled_from([Priority.ROUTINE, Priority.OPERATOR, Priority.MEDICATION]),
        limit_s=st.sampled_from([1.0, 60.0, 600.0]),
    )
    def ask(self, task_id: str, kind: TaskKind, priority: Priority, limit_s: float) -> None:
        reply = self.bench.queue.submit(
            self.bench.now, task(kind, priority, id=task_id, time_limit_s=limit_s)
        )
        assert task_id not in self.taken or reply.success or self.bench.disk_fails or self.stopped
        if reply.success:
            self.taken.add(task_id)

    @rule(alarm_id=ALARMS)
    def fall(self, alarm_id: str) -> None:
        new = task(K.RESPOND_TO_FALL, id=f"respond-{alarm_id}", alarm_id=alarm_id)
        assert self.bench.queue.submit(self.bench.now, new).success
        if not self.bench.queue.problem:
            self.taken.add(new.id)

    @rule(alarm_id=ALARMS)
    def attend(self, alarm_id: str) -> None:
        self.bench.queue.end_response(self.bench.now, alarm_id, OVER)

    @rule(task_id=IDS)
    def cancel(self, task_id: str) -> None:
        reply = self.bench.queue.cancel(self.bench.now, task_id, "kim", "")
        if reply.success and not self.bench.queue.problem:
            self.canceled.add(task_id)

    @rule()
    def stop(self) -> None:
        self.stopped = True
        self.bench.queue.stopped(self.bench.now, "kim")

    @rule()
    def release(self) -> None:
        self.stopped = False
        self.bench.queue.released(self.bench.now)

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 30.0, 60.0, -3600.0]))
    def tick(self, seconds: float) -> None:
        decision = self.bench.tick(seconds)
        doing = self.bench.doing
        if isinstance(decision, Start):
            assert not (self.stopped and TaskKind(decision.task.kind).moves)
            assert decision.task.id not in self.canceled
            waiting = [
                r for r in self.bench.queue.tasks(self.bench.now) if r.state in (S.QUEUED, S.INTERRUPTED)
            ]
            if not self.stopped:
                assert all(r.task.priority <= decision.task.priority for r in waiting)
        elif decision is not None:
            assert doing is not None
            assert doing.task.id == (
                decision.id if isinstance(decision, StopRunning) else decision.running_id
            )

    @precondition(lambda self: self.bench.doing is not None)
    @rule(outcome=st.sampled_from([E.NONE, E.CANCELED, E.PREEMPTED, E.STOPPED, E.UNREACHABLE]))
    def finish(self, outcome: TaskErrorCode) -> None:
        self.bench.finish(outcome)

    @precondition(lambda self: self.bench.doing is not None)
    @rule(visited=st.integers(0, 3), arrived=st.booleans())
    def go_on(self, visited: int, arrived: bool) -> None:
        assert self.bench.doing
        self.bench.queue.progress(self.bench.now, self.bench.doing.task.id, DONE, arrived, visited)

    @rule(off=st.sampled_from([timedelta(0), timedelta(seconds=20), timedelta(hours=1)]))
    def kill(self, off: timedelta) -> None:
        self.bench.now += off
        self.bench.restart()
        self.over = {i: end for i, end in self.over.items() if self.bench.queue.record(i)}
        if self.stopped:
            self.bench.queue.stopped(self.bench.now, "kim")

    @precondition(lambda self: not self.bench.queue.problem)
    @rule()
    def disk_fills_and_is_freed(self) -> None:
        self.bench.disk_fails = True
        self.bench.queue.submit(self.bench.now, task(K.SAY, id="lost"))
        self.tick(0.1)
        self.bench.disk_fails = False
        self.tick(10.0)

    @invariant()
    def one_runs_and_it_is_what_the_robot_does(self) -> None:
        runs = [r.task.id for r in self.bench.queue.tasks(self.bench.now) if r.state is S.RUNNING]
        assert runs == ([self.bench.doing.task.id] if self.bench.doing else [])

    @invariant()
    def none_is_lost_and_none_ends_twice(self) -> None:
        shown = {r.task.id: r for r in self.bench.queue.tasks(self.bench.now)}
        for task_id in self.taken - shown.keys():
            found = read_task(self.folder, task_id)
            assert found
            assert found[0].state.over
        for task_id, record in shown.items():
            if record.state.over:
                assert self.over.setdefault(task_id, (record.state, record.error)) == (
                    record.state,
                    record.error,
                )
            else:
                assert task_id not in self.over
            if record.task.kind == K.RESPOND_TO_FALL:
                assert record.error not in (E.STOPPED, E.PREEMPTED), "only its alarm ends it, or its tree"

    @invariant()
    def a_stop_leaves_only_alarms_and_words(self) -> None:
        for record in self.bench.queue.tasks(self.bench.now):
            if self.stopped and not record.state.over and record.task.priority < Priority.ALARM:
                assert record.ending is E.STOPPED or record.task.kind == K.SAY

    def _everything_ends(self) -> None:
        """Once alarms are attended and the stop is released, every task ends, each once."""
        self.release()
        for alarm_id in ("a1", "a2"):
            self.attend(alarm_id)
        for _ in range(40):
            self.tick(1.0)
            if self.bench.doing:
                self.finish(E.NONE)
        assert all(record.state.over for record in self.bench.queue.tasks(self.bench.now))
        for task_id in self.taken:
            found = read_task(self.folder, task_id)
            assert found
            assert [event.n for event in found[1]] == list(range(1, found[0].events + 1))
            assert Counter(event.event for event in found[1])["ended"] == 1
            assert found[1][-1].event == "ended"


TestQueue = Queue.TestCase
TestQueue.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
