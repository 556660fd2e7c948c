"""Queue, runner and trees together: preemption, resumption, alarms that come and go, a process that dies."""

from datetime import timedelta
from pathlib import Path

import pytest
from fake_robot import NO_NAVIGATOR, NO_WAY, PLACES, FakeRobot
from hypothesis import given, settings
from hypothesis import strategies as st
from task_bench import START, task

from care_robot.planning import trees
from care_robot.planning.alarm_responses import MAX_OPEN, MAX_RETRY_S, RETRY_S, SeenAlarm, keep_up
from care_robot.planning.approach import Spot
from care_robot.planning.idioms import Finally
from care_robot.planning.run import Run
from care_robot.planning.runner import Runner
from care_robot.planning.skills import OpenAlarm, SeenPerson
from care_robot.planning.task_check import check
from care_robot.planning.task_queue import TaskQueue
from care_robot.planning.task_store import TaskStore
from care_robot.planning.tasks import Priority, TaskErrorCode, TaskKind, TaskRecord, TaskState

PARTS = frozenset({"base", "speech"})
KINDS = trees.kinds_for(PARTS)
FALL, HELP, TECHNICAL = 1, 3, 5
EVENTS = ["task", "alarm", "close", "stop", "release", "kill", "lose", "find", "block", "free"]
RAISED, ACKNOWLEDGED, ATTENDED, RESOLVED = 1, 4, 5, 6


class House:
    """One process: a queue with a store, a runner, and the robot, which outlives it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.robot, self.now = folder, FakeRobot(), START
        self.alarms: list[SeenAlarm] = []
        self.errors = 0
        self.able = True
        self.make = trees.tree
        self.store: TaskStore | None = None
        self.begin()

    def begin(self) -> None:
        if self.store is not None:
            self.store.close()
        self.store = TaskStore(self.folder, self.now)
        self.queue = TaskQueue(self.store, lambda t: check(t, KINDS, PLACES), self.now, self.store.snapshot)
        self.runner = Runner(self.queue, self._run, self._tree, self._error)

    def _run(self, task: object, visited: int) -> Run:
        return Run(task, self.robot, PLACES, visited=visited)  # type: ignore[arg-type]

    def _tree(self, run: Run) -> Finally:
        return self.make(run, PARTS)

    def _error(self) -> None:
        self.errors += 1

    def alarm(self, id_: str = "a1", kind: int = FALL, state: int = RAISED, **more: object) -> None:
        drill = bool(more.pop("drill", False))
        alarm = OpenAlarm(id_, **({"priority": 3, "room": "bedroom"} | more))  # type: ignore[arg-type]
        self.alarms = [seen for seen in self.alarms if seen.alarm.id != id_]
        self.alarms.append(SeenAlarm(alarm, kind, state, drill))

    def distance_m(self, alarm: OpenAlarm) -> float:
        return (self.robot.here or Spot(0.0, 0.0, 0.0)).distance_m(alarm.xy) if alarm.xy else 0.0

    def pass_time(self, seconds: float = 0.1) -> None:
        for _ in range(round(seconds / 0.1)):
            self.now += timedelta(seconds=0.1)
            self.robot.time_s += 0.1
            self.robot.open_alarms = [seen.alarm for seen in self.alarms if seen.wants_robot]
            keep_up(self.queue, self.now, self.alarms, able=self.able, distance_m=self.distance_m)
            self.runner.tick(self.now)

    def responses(self) -> list[TaskRecord]:
        records = [r for r in self.queue.tasks(self.now) if r.task.kind == TaskKind.RESPOND_TO_FALL]
        return sorted(records, key=lambda record: record.seq)

    def state(self, task_id: str) -> TaskState:
        record = self.queue.record(task_id)
        assert record is not None
        return record.state


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def submit(house: House, kind: TaskKind, id_: str, **words: object) -> None:
    assert house.queue.submit(house.now, task(kind, id=id_, **words)).success


def test_a_task_runs_to_its_end_with_a_sentence(house: House) -> None:
    submit(house, TaskKind.GO_TO, "t1")
    house.pass_time(2.0)
    record = house.queue.record("t1")
    assert record is not None
    assert record.state is TaskState.SUCCEEDED
    assert record.reason.ko
    assert record.reason.en
    assert record.arrived


def test_an_alarm_interrupts_a_patrol_which_then_goes_on(house: House) -> None:
    submit(house, TaskKind.PATROL, "t1", places=("kitchen", "hall", "living_room"))
    house.pass_time(4.0)
    assert house.queue.record("t1").visited == 1  # type: ignore[union-attr]
    house.robot.seen = [SeenPerson("p1", (2.0, 1.5), "bedroom", down=True)]
    house.alarm()
    house.pass_time(3.0)
    assert house.state("t1") is TaskState.INTERRUPTED
    assert house.responses()[0].arrived
    house.alarm(state=ATTENDED)
    house.pass_time(20.0)
    assert [record.state for record in house.responses()] == [TaskState.SUCCEEDED]
    assert house.state("t1") is TaskState.SUCCEEDED
    drives = [line for line in house.robot.did if line.startswith("drive")]
    assert drives == [f"drive to {name}" for name in ("kitchen", "hall", "bedroom", "hall", "living_room")]


def test_a_place_that_was_skipped_before_an_interruption_is_named_in_the_end(house: House) -> None:
    house.robot.way["kitchen"] = NO_WAY
    submit(house, TaskKind.PATROL, "t1", places=("kitchen", "hall"))
    house.pass_time(2.0)
    house.alarm()
    house.pass_time(2.0)
    house.alarm(state=RESOLVED)
    house.pass_time(10.0)
    record = house.queue.record("t1")
    assert record is not None
    assert record.state is TaskState.SUCCEEDED
    assert "kitchen" in record.reason.en


def test_the_wheels_rest_before_the_next_task_begins(house: House) -> None:
    house.robot.drives_by_itself = house.robot.obeys_cancel = False
    submit(house, TaskKind.GO_TO, "t1")
    house.pass_time(1.0)
    old = house.robot.jobs["drive"]
    house.alarm()
    house.pass_time(2.0)
    assert house.state("t1") is TaskState.RUNNING
    assert house.robot.count("drive") == 1
    old.end(NO_WAY)
    house.pass_time(1.0)
    assert house.state("t1") is TaskState.INTERRUPTED
    assert house.robot.count("drive") == 2


@pytest.mark.parametrize("kind", [FALL, 2, HELP])
def test_each_open_alarm_of_a_person_has_one_response(house: House, kind: int) -> None:
    house.alarm(kind=kind)
    house.alarm("a2", kind=kind, room="kitchen")
    house.pass_time(5.0)
    assert sorted(record.task.alarm_id for record in house.responses()) == ["a1", "a2"]
    assert {record.task.priority for record in house.responses()} == {Priority.ALARM}


@pytest.mark.parametrize(
    "more", [{"drill": True}, {"kind": TECHNICAL}, {"state": ATTENDED}, {"state": RESOLVED}]
)
def test_other_alarms_have_none(house: House, more: dict[str, object]) -> None:
    house.alarm(**more)  # type: ignore[arg-type]
    house.pass_time(1.0)
    assert house.responses() == []


def test_an_alarm_that_a_human_took_but_is_not_there_yet_keeps_the_robot(house: House) -> None:
    house.alarm()
    house.pass_time(2.0)
    house.alarm(state=ACKNOWLEDGED)
    house.pass_time(2.0)
    assert [record.state for record in house.responses()] == [TaskState.RUNNING]


def test_an_alarm_that_is_no_longer_told_of_ends_its_response(house: House) -> None:
    house.alarm()
    house.pass_time(2.0)
    house.alarms = []
    house.pass_time(1.0)
    assert [record.state for record in house.responses()] == [TaskState.SUCCEEDED]


def test_the_more_urgent_and_then_the_nearer_comes_first(house: House) -> None:
    house.alarm("far", xy=(0.5, 0.5), room="bedroom")
    house.alarm("near", xy=(6.0, 2.0), room="living_room")
    house.alarm("low", xy=(5.6, 2.3), room="living_room", priority=2)
    house.pass_time(0.1)
    assert [record.task.alarm_id for record in house.responses()] == ["near", "far", "low"]


def test_an_odd_name_of_a_resident_keeps_nobody_from_coming(house: House) -> None:
    house.alarm(resident_id=" 김\t영희 \n" + "x" * 1000)
    house.pass_time(3.0)
    assert house.responses()[0].arrived


def test_of_a_flood_of_alarms_the_most_urgent_have_a_response(house: House) -> None:
    for number in range(200):
        house.alarm(f"a{number}", priority=2)
    house.alarm("urgent")
    house.pass_time(1.0)
    assert len(house.responses()) == MAX_OPEN
    assert house.responses()[0].task.alarm_id == "urgent"
    house.alarm("urgent", state=RESOLVED)
    house.pass_time(1.0)
    assert sum(not record.state.over for record in house.responses()) == MAX_OPEN


def test_a_response_that_failed_is_tried_again_while_the_alarm_is_open(house: House) -> None:
    house.robot.way[""] = NO_WAY
    house.alarm()
    house.pass_time(3.0)
    first = house.responses()[0]
    assert (first.state, first.error) == (TaskState.FAILED, TaskErrorCode.UNREACHABLE)
    house.pass_time(RETRY_S)
    assert len(house.responses()) == 2
    house.robot.way.clear()
    house.pass_time(RETRY_S + 3.0)
    assert house.responses()[-1].arrived
    house.pass_time(100.0)
    assert len(house.responses()) == 3


def test_without_a_navigator_it_waits_until_there_is_one(house: House) -> None:
    house.robot.way[""], house.able = NO_NAVIGATOR, False
    house.alarm()
    house.pass_time(200.0)
    assert [record.error for record in house.responses()] == [TaskErrorCode.NOT_CAPABLE]
    house.robot.way.clear()
    house.able = True
    house.pass_time(3.0)
    assert house.responses()[-1].arrived


def test_tries_become_rare(house: House) -> None:
    house.robot.way[""] = NO_WAY
    house.alarm()
    house.pass_time(1800.0)
    assert 8 <= len(house.responses()) <= 1800.0 / MAX_RETRY_S + 10


def test_a_stop_halts_a_response_and_the_release_lets_it_go_on(house: House) -> None:
    house.robot.drives_by_itself = False
    house.alarm()
    house.pass_time(2.0)
    house.robot.latched = True
    house.queue.stopped(house.now, "누군가")
    house.pass_time(30.0)
    assert [record.state for record in house.responses()] == [TaskState.INTERRUPTED]
    assert house.robot.count("drive") == 1
    house.robot.latched, house.robot.drives_by_itself = False, True
    house.queue.released(house.now)
    house.pass_time(3.0)
    assert house.responses()[0].arrived


def test_beside_somebody_a_stop_changes_nothing(house: House) -> None:
    house.alarm()
    house.pass_time(3.0)
    house.robot.latched = True
    house.queue.stopped(house.now, "누군가")
    house.pass_time(30.0)
    assert [(r.state, r.arrived) for r in house.responses()] == [(TaskState.RUNNING, True)]


def test_a_killed_process_takes_its_response_up_again(house: House) -> None:
    house.alarm()
    house.pass_time(3.0)
    house.begin()
    house.pass_time(3.0)
    assert [(r.state, r.interruptions) for r in house.responses()] == [(TaskState.RUNNING, 1)]
    house.alarm(state=RESOLVED)
    house.begin()
    house.pass_time(1.0)
    assert [record.state for record in house.responses()] == [TaskState.SUCCEEDED]


def test_a_response_of_long_ago_does_not_keep_a_new_one_away(house: House) -> None:
    house.robot.way[""] = NO_NAVIGATOR
    house.alarm()
    house.pass_time(5.0)
    house.able = False
    house.now += timedelta(hours=3)
    house.begin()
    house.robot.way.clear()
    house.able = True
    house.pass_time(5.0)
    assert [(r.task.id, r.arrived) for r in house.responses()] == [("respond-a1-2", True)]


@pytest.mark.parametrize("broken", ["make", "tick", "clean up"])
def test_a_broken_tree_fails_its_task_and_the_next_one_runs(house: House, broken: str) -> None:
    def make(run: Run, parts: frozenset[str]) -> Finally:
        if broken == "make":
            raise RuntimeError("broken")
        root = trees.tree(run, parts)
        part = root.children[0 if broken == "tick" else 1]
        part.tick = lambda: iter([1 / 0])  # type: ignore[method-assign, assignment]
        return root

    house.make = make
    submit(house, TaskKind.GO_TO, "t1")
    house.pass_time(20.0)
    assert house.state("t1") is TaskState.FAILED
    assert house.errors == 1
    house.make = trees.tree
    submit(house, TaskKind.GO_TO, "t2")
    house.pass_time(3.0)
    assert house.state("t2") is TaskState.SUCCEEDED


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.sampled_from(
            ["task", "alarm", "close", "stop", "release", "kill", "lose", "find", "block", "free"]
        ),
        max_size=12,
    )
)
def test_whatever_happens_every_open_alarm_has_the_robot_come_in_the_end(
    tmp_path_factory: pytest.TempPathFactory, events: list[str]
) -> None:
    house = House(tmp_path_factory.mktemp("house"))
    for number, event in enumerate(events):
        match event:
            case "task":
                house.queue.submit(house.now, task(TaskKind.PATROL, id=f"t{number}"))
            case "alarm":
                house.alarm()
            case "close":
                house.alarms = []
            case "stop" | "release":
                house.robot.latched = event == "stop"
                tell = house.queue.stopped if house.robot.latched else house.queue.released
                tell(house.now, "누군가") if house.robot.latched else tell(house.now)  # type: ignore[call-arg]
            case "kill":
                house.begin()
                if house.robot.latched:
                    house.queue.stopped(house.now, "누군가")
            case "lose" | "find":
                house.robot.here = None if event == "lose" else Spot(5.6, 2.3, 0.0)
            case "block" | "free":
                house.robot.way = {"": NO_WAY} if event == "block" else {}
        house.pass_time(1.5)
        assert sum(r.state is TaskState.RUNNING for r in house.queue.tasks(house.now)) <= 1
    house.robot.latched, house.robot.way = False, {}
    house.robot.here = house.robot.here or Spot(5.6, 2.3, 0.0)
    house.queue.released(house.now)
    house.pass_time(RETRY_S + 15.0)
    open_ones = [record for record in house.responses() if not record.state.over]
    assert len(open_ones) == len(house.alarms)
    assert all(record.arrived for record in open_ones)
