"""Leaves and idioms: nothing is left running, nothing waits for ever, and every end is a clean one."""

import pytest
from fake_robot import CUT_OFF, MUTE, NO_NAVIGATOR, NO_WAY, PLACES, FakeRobot
from hypothesis import given
from hypothesis import strategies as st
from py_trees.behaviour import Behaviour
from py_trees.common import Status

from care_robot.care.text import Text
from care_robot.planning.approach import Spot
from care_robot.planning.behaviours import Drive, LookFor, Rest, Say, Wait, Work
from care_robot.planning.idioms import Finally, Stopwatch, TimeLimit
from care_robot.planning.run import LOST, LOST_S, NO_SPOT, TRIES, Run
from care_robot.planning.skills import Failure, Job, SeenPerson
from care_robot.planning.tasks import Task, TaskErrorCode, TaskKind
from care_robot.planning.tree_view import NodeStatus, rows, text

WHY = Text("갑니다.", "Going.")
SOMEBODY_GONE = Failure(TaskErrorCode.PERSON_NOT_FOUND, Text("없습니다.", "Nobody."))


@pytest.fixture
def robot() -> FakeRobot:
    return FakeRobot()


@pytest.fixture
def run(robot: FakeRobot) -> Run:
    return Run(Task(TaskKind.GO_TO, 2, "박 간호사", 60.0, id="t1"), robot, PLACES)


class Steps(Behaviour):
    """Runs for some ticks, and then ends so; counts how often it was cut off."""

    def __init__(self, ticks: int, end: Status = Status.SUCCESS) -> None:
        super().__init__("steps")
        self.left, self.end, self.ticked, self.cut = ticks, end, 0, 0

    def update(self) -> Status:
        self.ticked += 1
        self.left -= 1
        return Status.RUNNING if self.left > 0 else self.end

    def terminate(self, new_status: Status) -> None:
        self.cut += self.status is Status.RUNNING and new_status is Status.INVALID


def drive(run: Run, *spots: Spot, about: tuple[float, float] | None = None) -> Drive:
    return Drive("go", run, lambda _: list(spots), WHY, lambda _: about)


# Idioms ---------------------------------------------------------------------------------------------


@given(
    ticks=st.integers(1, 5),
    end=st.sampled_from([Status.SUCCESS, Status.FAILURE]),
    last=st.integers(1, 5),
    last_end=st.sampled_from([Status.SUCCESS, Status.FAILURE]),
    asked=st.one_of(st.none(), st.integers(0, 12)),
)
def test_however_the_work_ends_the_clean_up_runs_once_and_to_its_end(
    ticks: int, end: Status, last: int, last_end: Status, asked: int | None
) -> None:
    work, clean_up = Steps(ticks, end), Steps(last, last_end)
    root = Finally(work, clean_up, 1000.0, lambda: 0.0)
    for tick in range(20):
        if tick == asked:
            root.end()
            root.end()
        root.tick_once()
        if root.status is not Status.RUNNING:
            break
    assert clean_up.ticked == last
    assert clean_up.cut == 0
    cut_off = asked is not None and asked < ticks
    assert root.status is (Status.FAILURE if cut_off else end)
    assert work.ticked == (asked if cut_off else ticks)
    assert work.cut == bool(cut_off and asked)


def test_a_clean_up_that_does_not_end_is_given_up() -> None:
    clock = [0.0]
    clean_up = Steps(10**6)
    root = Finally(Steps(1), clean_up, 5.0, lambda: clock[0])
    for _ in range(60):
        root.tick_once()
        if root.status is not Status.RUNNING:
            break
        clock[0] += 0.1
    assert root.status is Status.SUCCESS
    assert clean_up.cut == 1
    assert clock[0] == pytest.approx(5.0, abs=0.15)


def test_cut_off_by_the_end_of_the_process_nothing_stays_running() -> None:
    work = Steps(10)
    root = Finally(work, Steps(3), 5.0, lambda: 0.0)
    root.tick_once()
    root.stop(Status.INVALID)
    assert work.cut == 1
    assert root.status is Status.INVALID


def test_a_time_limit_fails_what_takes_too_long_and_says_so() -> None:
    clock, told, child = [0.0], [], Steps(10**6)
    limited = TimeLimit(child, 3.0, lambda: clock[0], lambda: told.append("limit"))
    for _ in range(4):
        limited.tick_once()
        clock[0] += 1.0
    assert limited.status is Status.FAILURE
    assert (told, child.cut) == (["limit"], 1)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_a_clock_that_is_set_back_takes_no_time_away(times: list[float]) -> None:
    clock = iter([0.0, *times])
    watch, before = Stopwatch(lambda: next(clock)), 0.0
    for _ in times:
        now = watch.read()
        assert now >= before
        before = now


# Jobs -----------------------------------------------------------------------------------------------


def test_a_drive_that_is_cut_off_is_called_off_and_waited_for(robot: FakeRobot, run: Run) -> None:
    robot.drives_by_itself = robot.obeys_cancel = False
    go, rest = drive(run, Spot(1.0, 1.0, 0.0)), Rest("rest", run)
    go.tick_once()
    go.stop(Status.INVALID)
    assert robot.did[-1] == "cancel drive"
    rest.tick_once()
    assert rest.status is Status.RUNNING
    robot.jobs["drive"].end(CUT_OFF)
    rest.tick_once()
    assert rest.status is Status.SUCCESS


def test_a_drive_tries_the_next_spot_where_there_is_no_way_to_the_first(robot: FakeRobot, run: Run) -> None:
    robot.way["bedroom"] = NO_WAY
    go = drive(run, Spot(1.0, 1.0, 0.0), Spot(6.0, 2.0, 0.0))
    go.tick_once()
    go.tick_once()
    assert go.status is Status.SUCCESS
    assert [line for line in robot.did if line.startswith("drive")] == [
        "drive to bedroom",
        "drive to living_room",
    ]
    assert robot.count("audit drive") == 2


def test_where_no_spot_can_be_reached_the_last_reason_counts(robot: FakeRobot, run: Run) -> None:
    robot.way[""] = NO_WAY
    go = drive(run, *(Spot(0.3 * n, 1.0, 0.0) for n in range(20)))
    for _ in range(TRIES):
        go.tick_once()
    assert go.status is Status.FAILURE
    assert run.failure == NO_WAY
    assert len(robot.goals) == TRIES


def test_without_a_spot_or_a_navigator_a_drive_fails_at_once(robot: FakeRobot, run: Run) -> None:
    nowhere = drive(run)
    nowhere.tick_once()
    assert (nowhere.status, run.failure) == (Status.FAILURE, NO_SPOT)
    robot.way[""] = NO_NAVIGATOR
    go = drive(run, Spot(1.0, 1.0, 0.0), Spot(2.0, 1.0, 0.0))
    go.tick_once()
    assert (go.status, run.failure, len(robot.goals)) == (Status.FAILURE, NO_NAVIGATOR, 1)


def test_a_robot_that_does_not_know_where_it_is_stays_there(robot: FakeRobot, run: Run) -> None:
    robot.here = None
    go = drive(run, Spot(1.0, 1.0, 0.0))
    go.tick_once()
    assert go.status is Status.RUNNING  # after a start it may take a moment
    robot.time_s += LOST_S
    go.tick_once()
    assert (go.status, run.failure) == (Status.FAILURE, LOST)
    assert robot.goals == []


def test_a_latched_stop_ends_a_drive_before_and_while_it_drives(robot: FakeRobot, run: Run) -> None:
    robot.drives_by_itself = False
    go = drive(run, Spot(1.0, 1.0, 0.0))
    go.tick_once()
    robot.latched = True
    go.tick_once()
    assert go.status is Status.FAILURE
    assert run.failure is not None
    assert run.failure.code is TaskErrorCode.STOPPED
    assert robot.did[-1] == "cancel drive"
    go.tick_once()
    assert len(robot.goals) == 1


def test_a_drive_follows_who_walks_on(robot: FakeRobot, run: Run) -> None:
    robot.drives_by_itself = False
    at = [1.0]
    go = Drive("go", run, lambda _: [Spot(at[0], 1.0, 0.0)], WHY, lambda _: (at[0], 1.0))
    go.tick_once()
    at[0] = 1.9
    go.tick_once()
    assert len(robot.goals) == 1  # a step is no reason
    at[0] = 2.1
    go.tick_once()
    assert [spot.x_m for spot in robot.goals] == [1.0, 2.1]
    robot.arrive()
    go.tick_once()
    assert go.status is Status.SUCCESS


def test_what_a_question_cut_short_is_said_again_but_not_for_ever(robot: FakeRobot, run: Run) -> None:
    robot.says_by_itself = CUT_OFF
    say = Say(run, lambda: "갑니다.")
    for _ in range(10):
        say.tick_once()
        if say.status is not Status.RUNNING:
            break
    assert say.status is Status.FAILURE
    assert run.failure is not None
    assert run.failure.code is TaskErrorCode.NOT_SPOKEN
    assert robot.count("say") == 3


def test_words_that_need_no_waiting_are_said_to_their_end(robot: FakeRobot, run: Run) -> None:
    robot.says_by_itself = False
    say = Say(run, lambda: "고맙습니다.", wait=False)
    say.tick_once()
    assert say.status is Status.SUCCESS
    assert run.at_rest()
    assert robot.count("cancel") == 0
    robot.says_by_itself = MUTE
    say.tick_once()
    assert say.status is Status.FAILURE


def test_a_job_ends_once() -> None:
    job = Job()
    job.end(NO_WAY)
    job.end()
    job.cancel()
    assert (job.done, job.failure) == (True, NO_WAY)


def test_a_job_that_was_never_begun_cannot_be_left_behind(run: Run) -> None:
    work = Work("nothing", run)
    work.terminate(Status.INVALID)
    with pytest.raises(NotImplementedError):
        work.tick_once()


# Looking and waiting --------------------------------------------------------------------------------


def test_who_is_looked_for_is_remembered_or_given_up(robot: FakeRobot, run: Run) -> None:
    look = LookFor("look", run, lambda _: next(iter(robot.seen), None), 3.0, SOMEBODY_GONE)
    look.tick_once()
    assert look.status is Status.RUNNING
    robot.seen = [SeenPerson("p1", (1.0, 1.0))]
    look.tick_once()
    assert (look.status, run.person) == (Status.SUCCESS, robot.seen[0])
    robot.seen = []
    look.tick_once()
    robot.time_s += 3.0
    look.tick_once()
    assert (look.status, run.failure) == (Status.FAILURE, SOMEBODY_GONE)


def test_waiting_takes_its_time(robot: FakeRobot, run: Run) -> None:
    wait = Wait("wait", run, 2.0)
    wait.tick_once()
    robot.time_s -= 100.0
    wait.tick_once()
    assert wait.status is Status.RUNNING
    robot.time_s += 2.0
    wait.tick_once()
    assert wait.status is Status.SUCCESS


# Rows -----------------------------------------------------------------------------------------------


def test_a_tree_is_shown_with_depth_status_and_reason(robot: FakeRobot, run: Run) -> None:
    root = Finally(drive(run), Rest("rest", run), 5.0, robot.now_s)
    shown = [(row.depth, row.name, row.type, row.status) for row in rows(root)]
    assert shown == [
        (0, "finally", "Finally", NodeStatus.IDLE),
        (1, "go", "Drive", NodeStatus.IDLE),
        (1, "rest", "Rest", NodeStatus.IDLE),
    ]
    root.tick_once()
    assert [row.status for row in rows(root)] == [NodeStatus.FAILED, NodeStatus.FAILED, NodeStatus.SUCCEEDED]
    assert text(root).splitlines()[1] == f"  x go (Drive): {NO_SPOT.sentence.en}"


def test_a_very_deep_tree_still_fits_its_message() -> None:
    root: Behaviour = Steps(1)
    for _ in range(300):
        root = TimeLimit(root, 1.0, lambda: 0.0)
    assert max(row.depth for row in rows(root)) == 255
