"""What the robot does for each kind of task, from beginning to end, on a robot without a body."""

import math
from dataclasses import replace

import numpy as np
import pytest
from fake_robot import (
    CUT_OFF,
    MUTE,
    NO_NAVIGATOR,
    NO_WAY,
    PLACES,
    SILENCE,
    FakeRobot,
    Trial,
)
from py_trees.common import Status

from care_robot.care.dialogue import Intent, Question, understand
from care_robot.planning import trees
from care_robot.planning.approach import FALLEN, ROBOT_RADIUS_M, UPRIGHT, Spot
from care_robot.planning.conversation import QUESTIONS, RAISE_S
from care_robot.planning.run import LOST
from care_robot.planning.skills import OpenAlarm, SeenPerson
from care_robot.planning.tasks import Goal, TaskErrorCode, TaskKind

BODY = np.stack([np.linspace(1.2, 2.8, 20), np.full(20, 1.5)], axis=1)
LYING = SeenPerson("p1", (2.0, 1.5), "bedroom", down=True, body=BODY)
STANDING = SeenPerson("p2", (6.5, 1.5), "living_room")
ALARM = OpenAlarm("a1", 3, "bedroom", "p1", (2.0, 1.5), "kim")


@pytest.fixture
def robot() -> FakeRobot:
    return FakeRobot()


def code(trial: Trial) -> TaskErrorCode:
    assert trial.run.failure is not None
    sentence = trial.run.failure.sentence
    assert sentence.ko
    assert sentence.en
    return trial.run.failure.code


def respond(robot: FakeRobot, *alarms: OpenAlarm, **more: object) -> Trial:
    robot.open_alarms = list(alarms)
    return Trial(robot, TaskKind.RESPOND_TO_FALL, alarm_id="a1", **more)  # type: ignore[arg-type]


def edge_m(robot: FakeRobot, person: SeenPerson) -> float:
    """From the robot's edge to the nearest known point of a body."""
    assert robot.here is not None
    points = np.vstack([person.body, person.xy])
    return float(np.linalg.norm(points - robot.here[:2], axis=1).min()) - ROBOT_RADIUS_M


def test_a_tree_is_made_for_every_kind_that_is_offered() -> None:
    everything = trees.kinds_for(frozenset({"base", "speech", "arm"}))
    for kind in everything:
        assert Trial(FakeRobot(), kind, places=("kitchen",)).root.name == kind.word
    assert trees.kinds_for(frozenset({"speech"})) == {TaskKind.SAY}
    assert trees.kinds_for(frozenset()) == frozenset()


# respond_to_fall ------------------------------------------------------------------------------------


def test_the_robot_says_that_it_comes_goes_to_who_fell_and_stays(robot: FakeRobot) -> None:
    robot.seen = [LYING, STANDING]
    trial = respond(robot, ALARM)
    assert trial.tick(120.0) is Status.RUNNING
    assert robot.did[0] == "say 가서 확인하겠습니다."
    assert trial.run.arrived
    assert FALLEN.near_m <= edge_m(robot, LYING) <= FALLEN.far_m
    assert robot.here is not None
    assert PLACES.room_at(*robot.here[:2]) == "bedroom"
    facing = math.atan2(1.5 - robot.here.y_m, 2.0 - robot.here.x_m)
    assert math.isclose(math.cos(facing - robot.here.yaw_rad), 1.0, abs_tol=1e-6)
    assert robot.count("drive") == 1


def test_a_robot_that_is_there_already_does_not_announce_that_it_comes(robot: FakeRobot) -> None:
    robot.here = Spot(2.0, 2.9, 0.0)
    robot.seen = [LYING]
    respond(robot, ALARM).tick(1.0)
    assert robot.count("say") == 0


def test_it_goes_although_it_cannot_speak_or_the_voice_is_taken(robot: FakeRobot) -> None:
    robot.seen = [LYING]
    robot.says_by_itself = MUTE
    mute = respond(robot, ALARM)
    mute.tick(1.0)
    assert mute.run.arrived
    busy = FakeRobot()
    busy.seen, busy.says_by_itself = [LYING], False
    waiting = respond(busy, ALARM)
    waiting.tick(trees.ANNOUNCE_S - 1.0)
    assert busy.count("drive") == 0
    waiting.tick(3.0)
    assert waiting.run.arrived
    assert "cancel say" in busy.did


@pytest.mark.parametrize(
    ("alarm", "seen", "room"),
    [
        (replace(ALARM, person_id="", xy=None), [], "bedroom"),  # nobody seen: the room
        (replace(ALARM, person_id="", room="", xy=(6.5, 1.5)), [], "living_room"),  # where it happened
        (replace(ALARM, person_id="", room="", xy=None), [STANDING], "living_room"),  # somebody, somewhere
        (replace(ALARM, person_id="gone", xy=None), [STANDING, LYING], "bedroom"),  # who lies in that room
        (replace(ALARM, room="living_room", xy=None), [LYING, STANDING], "bedroom"),  # the person counts
    ],
)
def test_it_goes_to_what_is_known_best(
    robot: FakeRobot, alarm: OpenAlarm, seen: list[SeenPerson], room: str
) -> None:
    robot.seen = list(seen)
    trial = respond(robot, alarm)
    trial.tick(60.0)
    assert trial.run.arrived
    assert robot.here is not None
    assert PLACES.room_at(*robot.here[:2]) == room


def test_where_nothing_is_known_it_says_so(robot: FakeRobot) -> None:
    trial = respond(robot, replace(ALARM, person_id="", room="cellar", xy=None))
    assert trial.tick(10.0) is Status.FAILURE
    assert code(trial) is TaskErrorCode.PERSON_NOT_FOUND


def test_who_comes_into_sight_in_the_room_is_gone_up_to(robot: FakeRobot) -> None:
    trial = respond(robot, replace(ALARM, person_id="", xy=None))
    trial.tick(5.0)
    assert robot.count("drive") == 1
    robot.seen = [LYING]
    trial.tick(5.0)
    assert robot.count("drive") == 2
    assert FALLEN.near_m <= edge_m(robot, LYING) <= FALLEN.far_m


def test_of_two_who_fell_in_one_room_each_alarm_has_its_own(robot: FakeRobot) -> None:
    other = replace(LYING, id="p9", xy=(2.4, 3.0), body=np.zeros((0, 2)))
    robot.seen = [other, LYING]
    second = OpenAlarm("a2", 3, "bedroom", "p9")
    trial = respond(robot, replace(ALARM, person_id="", xy=None), second)
    trial.tick(5.0)
    assert trial.run.person is LYING


def test_it_follows_somebody_who_moves_away_but_not_every_step(robot: FakeRobot) -> None:
    robot.seen = [LYING]
    trial = respond(robot, ALARM)
    trial.tick(5.0)
    robot.seen = [replace(LYING, xy=(2.0, 2.5), body=np.zeros((0, 2)))]
    trial.tick(5.0)
    assert robot.count("drive") == 1
    robot.seen = [replace(LYING, xy=(6.0, 1.0), room="living_room", body=np.zeros((0, 2)))]
    trial.tick(5.0)
    assert robot.count("drive") == 2
    assert trial.run.arrived


def test_another_look_is_taken_from_the_side_once(robot: FakeRobot) -> None:
    robot.seen = [replace(LYING, look_again_rad=math.pi / 2.0)]
    trial = respond(robot, ALARM)
    trial.tick(60.0)
    assert robot.count("drive") == 2
    assert robot.here is not None
    assert abs(math.atan2(robot.here.y_m - 1.5, robot.here.x_m - 2.0) - math.pi / 2.0) < math.radians(25.0)
    assert trial.run.arrived


def test_a_side_that_cannot_be_reached_is_no_reason_to_leave(robot: FakeRobot) -> None:
    robot.seen = [LYING]
    trial = respond(robot, ALARM)
    trial.tick(5.0)
    robot.way[""] = NO_WAY
    robot.seen = [replace(LYING, look_again_rad=0.3)]
    assert trial.tick(30.0) is Status.RUNNING
    assert trial.run.arrived


@pytest.mark.parametrize("why", [NO_WAY, NO_NAVIGATOR])
def test_where_there_is_no_way_it_fails_fast_and_says_why(robot: FakeRobot, why: object) -> None:
    robot.seen = [LYING]
    robot.way[""] = why  # type: ignore[assignment]
    trial = respond(robot, ALARM)
    assert trial.tick(5.0) is Status.FAILURE
    assert trial.run.failure == why
    assert not trial.run.arrived


def test_a_small_room_without_a_spot_is_served_from_its_entry(robot: FakeRobot) -> None:
    in_bathroom = SeenPerson("p1", (0.5, 6.2), "bathroom", down=True, body=BODY * 0 + (0.5, 6.2))
    robot.seen = [in_bathroom]
    robot.map = None
    trial = respond(robot, replace(ALARM, room="bathroom", xy=None))
    robot.way["bathroom"] = NO_WAY
    assert trial.tick(20.0) is Status.FAILURE
    entry = PLACES.pose_of("bathroom")
    assert robot.goals[-1] == Spot.at(entry.x_m, entry.y_m, entry.heading_deg)


def test_the_entry_is_no_place_for_the_robot_where_somebody_lies_on_it(robot: FakeRobot) -> None:
    entry = PLACES.pose_of("bathroom")
    on_it = SeenPerson("p1", (entry.x_m, entry.y_m), "bathroom", down=True)
    robot.seen, robot.way["bathroom"] = [on_it], NO_WAY
    trial = respond(robot, replace(ALARM, room="bathroom", xy=None))
    assert trial.tick(20.0) is Status.FAILURE
    assert robot.goals
    assert min(spot.distance_m(on_it.xy) for spot in robot.goals) >= FALLEN.near_m + ROBOT_RADIUS_M


def test_who_crawls_towards_the_robot_is_not_driven_up_to(robot: FakeRobot) -> None:
    robot.seen, robot.drives_by_itself = [LYING], False
    trial = respond(robot, ALARM)
    trial.tick(6.0)
    towards = np.subtract(robot.goals[-1][:2], LYING.xy)
    way = 0.9 * towards / np.linalg.norm(towards)
    crawled = replace(LYING, xy=(2.0 + float(way[0]), 1.5 + float(way[1])), body=BODY + way)
    robot.seen = [crawled]
    trial.tick(2.0)
    robot.arrive()
    trial.tick(2.0)
    assert edge_m(robot, crawled) >= FALLEN.near_m


def test_a_stop_halts_it_and_a_lost_robot_says_so(robot: FakeRobot) -> None:
    robot.seen, robot.latched = [LYING], True
    stopped = respond(robot, ALARM)
    assert stopped.tick(10.0) is Status.FAILURE
    assert code(stopped) is TaskErrorCode.STOPPED
    robot.latched, robot.here = False, None
    lost = respond(robot, ALARM)
    assert lost.tick(20.0) is Status.FAILURE
    assert lost.run.failure == LOST


# check_on -------------------------------------------------------------------------------------------


def check_on(robot: FakeRobot, **words: object) -> Trial:
    return Trial(robot, TaskKind.CHECK_ON, resident_id="kim", **words)  # type: ignore[arg-type]


def test_somebody_who_is_well_is_left_in_peace(robot: FakeRobot) -> None:
    robot.seen, robot.answers = [STANDING], ["괜찮아요"]
    trial = check_on(robot)
    assert trial.tick(30.0) is Status.SUCCESS
    assert UPRIGHT.near_m <= edge_m(robot, STANDING) + 1e-6
    assert robot.count("ask") == 1
    assert robot.count("raise") == 0
    assert "well" in trial.run.summary.en


@pytest.mark.parametrize("words", ["도와주세요", "괜찮아요… 아니 아파요", "help me"])
def test_somebody_who_wants_help_gets_it(robot: FakeRobot, words: str) -> None:
    robot.seen, robot.answers = [STANDING], [words]
    trial = check_on(robot)
    assert trial.tick(30.0) is Status.SUCCESS
    assert "raise check-t1 for kim in living_room" in robot.did
    assert "help" in trial.run.summary.en


def test_a_call_for_help_that_is_not_taken_is_made_again(robot: FakeRobot) -> None:
    robot.seen, robot.answers, robot.raises = [STANDING], ["도와주세요"], [NO_NAVIGATOR, NO_NAVIGATOR]
    trial = check_on(robot)
    assert trial.tick(30.0) is Status.SUCCESS
    assert robot.count("raise") == 3
    deaf = FakeRobot()
    deaf.seen, deaf.answers, deaf.raises = [STANDING], ["도와주세요"], [NO_NAVIGATOR] * 1000
    hopeless = check_on(deaf)
    assert hopeless.tick(RAISE_S + 30.0) is Status.FAILURE
    assert code(hopeless) is TaskErrorCode.NOT_CAPABLE
    assert deaf.did[-1].startswith("say 도움이 필요하다고 했지만")


def test_silence_and_unclear_words_are_never_well(robot: FakeRobot) -> None:
    for answers in ([SILENCE] * 3, ["글쎄"] * 3, ["글쎄", SILENCE, "몰라"]):
        here = FakeRobot()
        here.seen, here.answers = [STANDING], list(answers)
        trial = check_on(here)
        assert trial.tick(60.0) is Status.FAILURE
        assert code(trial) is TaskErrorCode.NO_ANSWER
        asked = [line for line in here.did if line.startswith("ask")]
        assert asked == [f"ask {question.ko}" for question in QUESTIONS]
        assert here.count("raise") == 0


def test_an_unclear_answer_is_asked_again_in_other_words(robot: FakeRobot) -> None:
    robot.seen, robot.answers = [STANDING], ["글쎄", "괜찮아요"]
    trial = check_on(robot)
    assert trial.tick(30.0) is Status.SUCCESS
    assert robot.count("ask") == 2


def test_no_question_sounds_like_a_good_answer() -> None:
    for question in QUESTIONS:
        for language in ("ko", "en"):
            for words in question:
                assert understand(words, language, 1.0, Question.CHECK).intent is not Intent.OK


def test_who_did_not_hear_is_asked_the_same_again(robot: FakeRobot) -> None:
    robot.seen, robot.answers = [STANDING], ["뭐라고요?", "괜찮아요"]
    trial = check_on(robot)
    assert trial.tick(30.0) is Status.SUCCESS
    assert [line for line in robot.did if line.startswith("ask")] == [f"ask {QUESTIONS[0].ko}"] * 2


def test_who_wants_to_be_left_alone_is_left_alone_and_not_called_well(robot: FakeRobot) -> None:
    robot.seen, robot.answers = [STANDING], ["그만해"]
    trial = check_on(robot)
    assert trial.tick(30.0) is Status.FAILURE
    assert code(trial) is TaskErrorCode.NO_ANSWER
    assert robot.count("ask") == 1


def test_who_lies_there_is_looked_after_before_who_stands_nearer(robot: FakeRobot) -> None:
    robot.seen = [replace(STANDING, room="bedroom"), LYING]
    trial = Trial(robot, TaskKind.CHECK_ON, resident_id="kim", places=("bedroom",))
    trial.tick(3.0)
    assert trial.run.person is LYING


def test_it_looks_in_each_room_nearest_first_and_not_in_the_bathroom(robot: FakeRobot) -> None:
    trial = check_on(robot)
    assert trial.tick(120.0) is Status.FAILURE
    assert code(trial) is TaskErrorCode.PERSON_NOT_FOUND
    drives = [line for line in robot.did if line.startswith("drive")]
    assert drives[0] == "drive to living_room"
    assert sorted(drives) == [f"drive to {name}" for name in ("bedroom", "hall", "kitchen", "living_room")]


def test_it_looks_where_it_is_told_and_stops_where_somebody_is(robot: FakeRobot) -> None:
    robot.answers = ["괜찮아요"]
    trial = check_on(robot, places=("hall", "kitchen", "bedroom"))
    trial.tick(4.0)
    robot.drives_by_itself = False
    while "drive to kitchen" not in robot.did:
        trial.tick()
    robot.seen = [replace(STANDING, xy=(7.0, 4.5), room="kitchen")]
    robot.drives_by_itself = True
    robot.arrive()
    assert trial.tick(30.0) is Status.SUCCESS
    assert "drive to bedroom" not in robot.did


def test_a_robot_that_cannot_drive_does_not_claim_that_nobody_is_there(robot: FakeRobot) -> None:
    robot.way[""] = NO_NAVIGATOR
    trial = check_on(robot)
    assert trial.tick(60.0) is Status.FAILURE
    assert code(trial) is TaskErrorCode.NOT_CAPABLE
    assert robot.count("drive") == 1


def test_where_speech_is_dead_a_check_fails(robot: FakeRobot) -> None:
    robot.seen, robot.answers = [STANDING], [MUTE]
    trial = check_on(robot)
    assert trial.tick(30.0) is Status.FAILURE
    assert code(trial) is TaskErrorCode.NOT_SPOKEN


# patrol, go_to, come_here, look_again, say -------------------------------------------------------------


def test_a_patrol_goes_everywhere_in_order(robot: FakeRobot) -> None:
    trial = Trial(robot, TaskKind.PATROL, places=("kitchen", "hall", "bedroom"))
    assert trial.tick(60.0) is Status.SUCCESS
    drives = [line for line in robot.did if line.startswith("drive")]
    assert drives == ["drive to kitchen", "drive to hall", "drive to bedroom"]
    assert trial.run.visited == 3
    assert trial.run.summary.en == "All 3 places were visited."


def test_a_patrol_goes_on_where_it_was_interrupted(robot: FakeRobot) -> None:
    trial = Trial(robot, TaskKind.PATROL, places=("kitchen", "hall", "bedroom"), visited=2)
    assert trial.tick(60.0) is Status.SUCCESS
    assert [line for line in robot.did if line.startswith("drive")] == ["drive to bedroom"]


def test_a_place_without_a_way_is_left_out_and_named(robot: FakeRobot) -> None:
    robot.way["hall"] = NO_WAY
    trial = Trial(robot, TaskKind.PATROL, places=("kitchen", "hall", "gone", "bedroom"))
    assert trial.tick(60.0) is Status.SUCCESS
    assert "hall" in trial.run.summary.en
    assert "복도" in trial.run.summary.ko
    assert "gone" in trial.run.summary.en
    robot.way[""] = NO_WAY
    nowhere = Trial(robot, TaskKind.PATROL, places=("kitchen", "hall"))
    assert nowhere.tick(60.0) is Status.FAILURE
    assert code(nowhere) is TaskErrorCode.UNREACHABLE


def test_a_patrol_without_a_navigator_is_not_a_patrol(robot: FakeRobot) -> None:
    robot.way[""] = NO_NAVIGATOR
    trial = Trial(robot, TaskKind.PATROL, places=("kitchen", "hall"))
    assert trial.tick(60.0) is Status.FAILURE
    assert code(trial) is TaskErrorCode.NOT_CAPABLE
    assert trial.run.visited == 0


def test_it_goes_to_a_place_after_saying_so(robot: FakeRobot) -> None:
    trial = Trial(robot, TaskKind.GO_TO, places=("kitchen",))
    assert trial.tick(20.0) is Status.SUCCESS
    assert robot.did[:3] == ["say 주방 쪽으로 갈게요.", "audit drive", "drive to kitchen"]
    assert trial.run.arrived
    assert trial.run.summary.ko


def test_it_goes_to_a_pose_and_says_so_when_it_cannot(robot: FakeRobot) -> None:
    goal = Goal("map", 6.0, 2.0, 1.0)
    assert Trial(robot, TaskKind.GO_TO, pose=goal).tick(20.0) is Status.SUCCESS
    assert robot.goals == [Spot(6.0, 2.0, 1.0)]
    robot.way[""] = NO_WAY
    trial = Trial(robot, TaskKind.GO_TO, pose=goal)
    assert trial.tick(20.0) is Status.FAILURE
    assert robot.did[-1] == f"say {NO_WAY.sentence.ko}"


def test_a_place_that_is_no_longer_there_is_named(robot: FakeRobot) -> None:
    trial = Trial(robot, TaskKind.GO_TO, places=("kitchn",))
    assert trial.tick(20.0) is Status.FAILURE
    assert code(trial) is TaskErrorCode.PLACE_UNKNOWN
    assert "kitchen" in trial.run.failure.sentence.en  # type: ignore[union-attr]


def test_it_comes_to_who_is_named_or_to_the_nearest(robot: FakeRobot) -> None:
    robot.seen = [replace(LYING, down=False, body=np.zeros((0, 2))), STANDING]
    assert Trial(robot, TaskKind.COME_HERE).tick(20.0) is Status.SUCCESS
    assert PLACES.room_at(*robot.goals[-1][:2]) == "living_room"
    assert Trial(robot, TaskKind.COME_HERE, person_id="p1").tick(20.0) is Status.SUCCESS
    assert PLACES.room_at(*robot.goals[-1][:2]) == "bedroom"
    gone = Trial(robot, TaskKind.COME_HERE, person_id="p7")
    assert gone.tick(20.0) is Status.FAILURE
    assert code(gone) is TaskErrorCode.PERSON_NOT_FOUND


def test_it_looks_at_somebody_from_the_side(robot: FakeRobot) -> None:
    robot.seen = [LYING]
    assert Trial(robot, TaskKind.LOOK_AGAIN, person_id="p1").tick(30.0) is Status.SUCCESS
    bearing = math.atan2(robot.goals[-1].y_m - 1.5, robot.goals[-1].x_m - 2.0)
    assert abs(math.cos(bearing)) < math.sin(math.radians(25.0))  # square to the body, which lies along x


def test_it_says_what_it_is_told_and_fails_where_that_is_not_heard(robot: FakeRobot) -> None:
    trial = Trial(robot, TaskKind.SAY, text="약 드실 시간이에요.", language="ko")
    assert trial.tick(5.0) is Status.SUCCESS
    assert robot.did == ["say 약 드실 시간이에요."]
    robot.says_by_itself = MUTE
    mute = Trial(robot, TaskKind.SAY, text="약 드실 시간이에요.", language="ko")
    assert mute.tick(5.0) is Status.FAILURE
    assert code(mute) is TaskErrorCode.NOT_SPOKEN


# Being cut off --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(trees.NEEDS))
@pytest.mark.parametrize("ticks", range(0, 40, 3))
def test_cut_off_at_any_moment_it_comes_to_rest(kind: TaskKind, ticks: int) -> None:
    robot = FakeRobot()
    robot.seen = [STANDING, LYING]
    robot.open_alarms = [ALARM]
    robot.says_by_itself = ticks % 2 == 0
    words = {"text": "네", "places": ("kitchen",), "alarm_id": "a1", "person_id": "p1", "language": "ko"}
    trial = Trial(robot, kind, **words)  # type: ignore[arg-type]
    if ticks % 4 == 0:
        robot.drives_by_itself = False
    for _ in range(ticks):
        trial.tick()
    if trial.root.status is not Status.RUNNING and ticks:
        return
    trial.cut_off()
    trial.tick(trees.CLEAN_UP_S + 1.0)
    assert trial.root.status is Status.FAILURE
    assert all(job.done or name == "say" for name, job in robot.jobs.items())
    before = robot.count("drive")
    robot.time_s += 100.0
    assert robot.count("drive") == before


def test_a_conversation_is_left_with_a_word(robot: FakeRobot) -> None:
    robot.seen = [STANDING]
    trial = check_on(robot)
    trial.tick(10.0)
    trial.cut_off()
    trial.tick(5.0)
    assert "cancel ask" in robot.did
    assert robot.did[-1] == "say 급한 일이 생겼어요. 잠시 후 다시 올게요."


def test_a_canceled_task_is_left_without_a_word(robot: FakeRobot) -> None:
    robot.drives_by_itself = False
    trial = Trial(robot, TaskKind.GO_TO, places=("kitchen",))
    trial.tick(2.0)
    trial.cut_off(TaskErrorCode.CANCELED)
    trial.tick(2.0)
    assert trial.root.status is Status.FAILURE
    assert robot.did[-1] == "cancel drive"


def test_the_arm_is_folded_at_every_end_where_it_is_not_but_never_while_stopped(robot: FakeRobot) -> None:
    arm = frozenset({"base", "speech", "arm"})
    assert Trial(robot, TaskKind.GO_TO, places=("kitchen",), parts=arm).tick(20.0) is Status.SUCCESS
    assert robot.did[-1] == "stow"
    robot.folded = True
    Trial(robot, TaskKind.GO_TO, places=("kitchen",), parts=arm).tick(20.0)
    assert robot.count("stow") == 1
    robot.drives_by_itself = robot.folded = False
    stopped = Trial(robot, TaskKind.GO_TO, places=("hall",), parts=arm)
    stopped.tick(2.0)
    stopped.cut_off(TaskErrorCode.STOPPED)
    stopped.tick(2.0)
    assert stopped.root.status is Status.FAILURE
    assert robot.count("stow") == 1


def test_an_arm_or_wheels_that_do_not_come_to_rest_do_not_hold_the_next_task(robot: FakeRobot) -> None:
    robot.drives_by_itself = robot.obeys_cancel = False
    trial = Trial(robot, TaskKind.GO_TO, places=("kitchen",))
    trial.tick(2.0)
    trial.cut_off()
    trial.tick(trees.CLEAN_UP_S + 1.0)
    assert trial.root.status is Status.FAILURE


def test_an_announcement_that_is_cut_off_by_a_question_does_not_hold_the_robot(robot: FakeRobot) -> None:
    robot.says_by_itself = CUT_OFF
    assert Trial(robot, TaskKind.GO_TO, places=("kitchen",)).tick(20.0) is Status.SUCCESS
