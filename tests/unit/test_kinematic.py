"""The kinematic home: same commands, same state; nothing goes through walls, doors and people."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care_robot.geometry import Pose
from care_robot.perception.fall_events import FallEvent, Kind
from care_robot.perception.fall_events import State as FallState
from care_robot.perception.falls import FallDetector
from care_robot.perception.people import Person, room_of
from care_robot.simulation.kinematic import LEGS, KinematicHome
from care_robot.simulation.kinematic_base import KEEPS_OFF_M, PATIENCE_S, RADIUS_M
from care_robot.simulation.kinematic_motions import Drive, NavigationError, TrajectoryError
from care_robot.simulation.person import Act, ActKind
from care_robot.simulation.recipe import PersonRecipe, Recipe
from care_robot.simulation.sim_services import FaultKind, RequestError, act_of, fault_of, pose_of
from care_robot.simulation.trajectory import State

BEDROOM = (2.6, 1.2)


def home(place: str = "living_room_centre", seed: int = 0) -> KinematicHome:
    return KinematicHome(Recipe(seed=seed, people=(PersonRecipe("resident", place=place),)))


def goal(x: float, y: float, yaw: float = 0.0) -> Pose:
    return Pose.from_rpy(x, y, 0.0, yaw=yaw)


def navigate(world: KinematicHome, to: Pose) -> Drive:
    return world.base.navigate("map", to, world.time_s)


def drive_on(world: KinematicHome, linear_m_s: float, angular_rad_s: float) -> None:
    world.base.command(linear_m_s, angular_rad_s, world.time_s)


def finish(world: KinematicHome, drive: Drive, within_s: float = 90.0) -> Drive:
    end_s = world.time_s + within_s
    while drive.state is State.RUNNING and world.time_s < end_s:
        world.step(world.time_s + 0.1)
    return drive


def watch(world: KinematicHome, seconds: float, look: Callable[[list[Person]], object]) -> None:
    end_s = world.time_s + seconds
    while world.time_s < end_s - 1e-6:
        world.step(world.time_s + 0.1)
        look([person for person, _ in world.seen()])


def events(world: KinematicHome, act: Act, seconds: float) -> list[FallEvent]:
    """What the real fall detector makes of an act, by the people that the kinematic world shows it."""
    detector = FallDetector()
    watch(world, 3.0, lambda people: detector.update(world.time_s, people))
    world.act("resident", act)
    watch(world, seconds, lambda people: detector.update(world.time_s, people))
    return detector.events()


def test_the_same_seed_and_commands_give_the_same_state() -> None:
    def run(seed: int) -> str:
        world = home(seed=seed)
        world.step(1.0)
        navigate(world, goal(*BEDROOM))
        world.step(3.0)
        world.act("resident", Act(ActKind.FALL, heading_rad=1.6))
        world.step(8.0)
        world.fault(FaultKind.MOVED, True, "")
        world.step(9.0)
        return world.state_hash()

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_a_fall_is_confirmed_by_the_real_detector() -> None:
    found = events(home(seed=1), Act(ActKind.FALL, heading_rad=1.6), 6.0)
    assert [(event.kind, event.state) for event in found] == [(Kind.FALL, FallState.CONFIRMED)]
    assert room_of(found[0].camera) == "living_room"


def test_sitting_down_quickly_is_no_fall() -> None:
    found = events(home(), Act(ActKind.SIT, place="sofa", speed=1.5), 12.0)
    assert not [event for event in found if event.state is FallState.CONFIRMED]


def test_somebody_at_rest_after_a_fall_costs_no_physics_and_stays_lying() -> None:
    world = home(seed=1)
    world.act("resident", Act(ActKind.FALL, heading_rad=1.6))
    world.step(0.2)
    assert world.falling
    world.step(30.0)
    before = world.people["resident"].hips_m
    world.step(40.0)
    assert not world.falling
    assert world.people["resident"].hips_m == before
    world.act("resident", Act(ActKind.GET_UP))
    world.step(80.0)
    assert world.people["resident"].hips_m[2] > 0.7


def test_the_robot_goes_where_it_is_sent() -> None:
    world = home()
    drive = finish(world, navigate(world, goal(*BEDROOM, yaw=1.0)))
    assert drive.state is State.SUCCEEDED
    assert math.dist(world.base.pose[:2], BEDROOM) < 0.1
    assert abs(world.base.pose[2] - 1.0) < 0.1
    assert world.truth().collisions == 0


@pytest.mark.parametrize(
    ("frame", "pose", "code"),
    [
        ("map", goal(100.0, 1.0), NavigationError.GOAL_OUTSIDE_MAP),
        ("map", None, NavigationError.GOAL_OUTSIDE_MAP),  # what is not finite is no pose
        ("map", goal(1.07, 1.75), NavigationError.GOAL_OCCUPIED),  # in the bed
        ("map", goal(3.2, 1.0), NavigationError.GOAL_OCCUPIED),  # in a wall
        ("moon", goal(*BEDROOM), NavigationError.FRAME_UNKNOWN),
        ("", goal(*BEDROOM), NavigationError.FRAME_UNKNOWN),
    ],
)
def test_an_impossible_goal_is_refused_with_a_sentence(frame: str, pose: Pose | None, code: int) -> None:
    world = home()
    drive = world.base.navigate(frame, pose, world.time_s)
    assert (drive.state, drive.code) == (State.ABORTED, code)
    assert drive.sentence.endswith(".")
    before = world.base.pose
    world.step(2.0)
    assert world.base.pose == before


def test_a_new_goal_takes_the_place_of_the_old_one_and_a_cancelled_one_stops() -> None:
    world = home()
    first = navigate(world, goal(*BEDROOM))
    second = navigate(world, goal(6.2, 4.7))
    assert first.state is State.ABORTED
    world.step(6.0)
    world.base.stop(second)
    world.step(8.0)
    assert second.state is State.CANCELED
    before = world.base.pose
    world.step(9.0)
    assert world.base.pose == before


def test_nobody_passes_a_shut_door() -> None:
    world = home()
    for door in ("door_bedroom", "door_living_room"):
        world.fault(FaultKind.DOOR_SHUT, True, door)
    drive = navigate(world, goal(*BEDROOM))
    assert (drive.state, drive.code) == (State.ABORTED, NavigationError.NO_VALID_PATH)
    world.act("resident", Act(ActKind.WALK, place="bedroom"))
    rooms = set()
    for _ in range(40):
        world.step(world.time_s + 0.5)
        rooms.add(world.world.room_at(*world.people["resident"].hips_m[:2]))
    assert rooms == {"living_room"}


def test_a_door_that_was_opened_again_can_be_passed() -> None:
    world = bare()
    world.fault(FaultKind.DOOR_SHUT, True, "door_bedroom")
    assert navigate(world, goal(*BEDROOM)).state is State.ABORTED
    world.fault(FaultKind.DOOR_SHUT, False, "door_bedroom")
    assert finish(world, navigate(world, goal(*BEDROOM))).state is State.SUCCEEDED


def test_a_door_that_shuts_before_the_robot_stops_it() -> None:
    world = home()
    drive = navigate(world, goal(*BEDROOM))
    world.step(1.0)
    world.fault(FaultKind.DOOR_SHUT, True, "door_living_room")
    finish(world, drive, 20.0 + PATIENCE_S)
    assert (drive.state, drive.code) == (State.ABORTED, NavigationError.FAILED_TO_MAKE_PROGRESS)
    assert world.world.room_at(*world.base.pose[:2]) == "living_room"


def test_a_person_in_the_way_is_waited_for_and_not_touched() -> None:
    world = home()
    # Right in the only door out of the living room.
    world.spawn("visitor", "visitor", Pose.from_rpy(3.8, 3.55, 0.0, yaw=1.5))
    drive = finish(world, navigate(world, goal(3.1, 4.9)), 20.0 + PATIENCE_S)
    assert (drive.state, drive.code) == (State.ABORTED, NavigationError.FAILED_TO_MAKE_PROGRESS)
    truth = world.truth()
    nearest = min(person.robot_distance_m for person in truth.people)
    assert nearest > KEEPS_OFF_M - 0.1
    assert truth.person_contacts == 0


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.floats(), st.floats()), min_size=1, max_size=12))
def test_no_velocity_drives_the_robot_into_a_wall(commands: list[tuple[float, float]]) -> None:
    world = bare()
    for linear, angular in commands:
        for _ in range(10):
            drive_on(world, linear, angular)
            world.step(world.time_s + 0.1)
        x, y, yaw = world.base.pose
        assert math.isfinite(x + y + yaw)
        assert world.walls.clearance_m(x, y) >= min(RADIUS_M, world.walls.clearance_m(4.85, 2.93)) - 0.06
        assert abs(world.base.linear_m_s) <= 0.5


def bare() -> KinematicHome:
    return KinematicHome(Recipe(people=()))


def test_a_velocity_is_forgotten_after_half_a_second_and_the_e_stop_holds() -> None:
    world = bare()
    drive_on(world, 0.3, 0.0)
    world.step(0.4)
    assert world.base.linear_m_s > 0.1
    world.step(1.6)
    assert world.base.linear_m_s == 0.0
    world.fault(FaultKind.E_STOP, True, "")
    before = world.base.pose
    motion = world.arm.follow(
        "head_controller", ["head_pan_joint", "head_tilt_joint"], [[0.5, 0.0]], [1.0], world.time_s
    )
    drive = navigate(world, goal(*BEDROOM))
    drive_on(world, 0.3, 0.5)
    world.step(3.0)
    assert world.base.pose == before
    assert motion.state is State.ABORTED
    assert drive.state is State.RUNNING  # it waits
    world.fault(FaultKind.E_STOP, False, "")
    assert finish(world, drive).state is State.SUCCEEDED


def test_a_stop_holds_everything_at_once_and_nothing_goes_on_by_itself_after_it() -> None:
    world = bare()
    joints = ["head_pan_joint", "head_tilt_joint"]
    drive = navigate(world, goal(*BEDROOM))
    look = world.arm.follow("head_controller", joints, [[0.5, 0.0]], [2.0], world.time_s)
    grip = world.arm.grip(0.04)
    world.step(0.05)
    world.stopped, world.refusal = True, "The robot is stopped."
    before, at = world.base.pose, dict(world.arm.joints.positions)
    world.step(world.time_s + 0.1)
    assert (drive.state, drive.sentence) == (State.ABORTED, "The robot is stopped.")
    assert (look.state, grip.state if grip else None) == (State.ABORTED, State.ABORTED)
    assert navigate(world, goal(*BEDROOM)).state is State.ABORTED
    drive_on(world, 0.3, 0.5)
    world.step(world.time_s + 0.1)
    assert (world.base.pose, world.arm.joints.positions) == (before, at)
    world.reset("apartment", 0)  # a new robot is held as well
    world.step(world.time_s + 0.1)
    assert world.base.stopped
    world.stopped, world.refusal = False, ""
    begin = world.base.pose
    world.step(world.time_s + 1.0)
    assert world.base.pose == begin
    assert finish(world, navigate(world, goal(*BEDROOM))).state is State.SUCCEEDED


def test_navigation_waits_while_a_stop_goes_on_by_itself() -> None:
    world = bare()
    drive = navigate(world, goal(*BEDROOM))
    world.stopped = True
    before = world.base.pose
    world.step(3.0)
    assert (drive.state, world.base.pose) == (State.RUNNING, before)
    world.stopped = False
    assert finish(world, drive).state is State.SUCCEEDED


def test_the_bumper_tells_of_a_wall_and_the_collision_is_counted_once() -> None:
    world = bare()
    for _ in range(100):
        drive_on(world, 0.4, 0.0)
        world.step(world.time_s + 0.1)
    assert world.base.bumper
    assert world.truth().collisions == 1


def test_slipping_wheels_make_the_odometry_wrong_and_not_the_localisation() -> None:
    world = bare()
    world.fault(FaultKind.WHEEL_SLIP, True, "")
    start = world.base.pose
    for _ in range(10):
        drive_on(world, -0.3, 0.0)
        world.step(world.time_s + 0.1)
    really = math.dist(start[:2], world.base.pose[:2])
    assert math.hypot(*world.base.odometry[:2]) == pytest.approx(2.0 * really)
    assert world.base.believed().position[:2] == pytest.approx(world.base.pose[:2])


def test_a_robot_that_was_carried_away_believes_to_be_where_it_was() -> None:
    world = bare()
    before = world.base.believed()
    world.fault(FaultKind.MOVED, True, "")
    assert math.dist(before.position[:2], world.base.pose[:2]) > 0.5
    assert world.base.believed().position == pytest.approx(before.position)
    world.fault(FaultKind.MOVED, False, "")
    assert world.base.believed().position[:2] == pytest.approx(world.base.pose[:2])


def test_what_a_camera_sees_is_gone_when_it_is_off() -> None:
    world = home()
    seen: list[list[Person]] = []
    watch(world, 1.0, seen.append)
    assert [person.camera for person in seen[-1]] == ["living_room_camera"]
    world.watch.lenses["living_room_camera"].enabled = False
    world.watch.lenses["head_camera"].enabled = False
    watch(world, 3.5, seen.append)
    assert seen[-1] == []
    assert world.watch.delivering(world.time_s) == ["bedroom_camera", "kitchen_camera"]


@pytest.mark.parametrize("fault", [FaultKind.SENSOR_SILENT, FaultKind.CAMERA_BLACK, FaultKind.CAMERA_FROZEN])
def test_broken_cameras_do_not_see_a_fall(fault: FaultKind) -> None:
    world = home(seed=1)
    world.fault(FaultKind.SENSOR_SILENT, True, "head_camera")
    watch(world, 1.0, lambda _: None)
    world.fault(fault, True, "living_room_camera")
    assert events(world, Act(ActKind.FALL, heading_rad=1.6), 6.0) == []
    delivers = "living_room_camera" in world.watch.delivering(world.time_s)
    assert delivers == (fault is not FaultKind.SENSOR_SILENT)
    people = [person for person, _ in world.seen()]
    if fault is FaultKind.CAMERA_FROZEN:  # it still shows who stood there, with new stamps
        assert [person.last_seen_s for person in people] == [world.time_s]
        assert math.degrees(people[0].torso_inclination_rad) < 30
    else:
        assert people == []


def test_identities_come_from_the_seed_and_change_with_the_camera() -> None:
    def ids(seed: int) -> list[str]:
        world = home("living_room", seed)
        found: list[str] = []
        world.act("resident", Act(ActKind.WALK, place="bedroom"))
        watch(world, 20.0, lambda people: found.extend(p.id for p in people if p.id not in found))
        return found

    assert ids(3) == ids(3)
    assert ids(3) != ids(4)
    assert all(identity.startswith("body_") for identity in ids(3))


ARM = ["lift_joint", *(f"arm_joint_{number}" for number in range(1, 7))]


@pytest.mark.parametrize(
    ("names", "positions", "times_s", "code"),
    [
        (ARM[:3], [[0.0] * 3], [1.0], TrajectoryError.INVALID_JOINTS),
        ([], [], [], TrajectoryError.INVALID_JOINTS),
        (ARM, [], [], TrajectoryError.INVALID_GOAL),
        (ARM, [[0.0] * 6], [1.0], TrajectoryError.INVALID_GOAL),
        (ARM, [[math.nan] + [0.0] * 6], [1.0], TrajectoryError.INVALID_GOAL),
        (ARM, [[9.0] + [0.0] * 6], [1.0], TrajectoryError.INVALID_GOAL),
        (ARM, [[0.0] * 7] * 2, [2.0, 1.0], TrajectoryError.INVALID_GOAL),
        (ARM, [[0.0] * 7], [-1.0], TrajectoryError.INVALID_GOAL),
    ],
)
def test_a_trajectory_that_cannot_be_is_refused(
    names: list[str], positions: list[list[float]], times_s: list[float], code: int
) -> None:
    motion = bare().arm.follow("arm_controller", names, positions, times_s, 0.0)
    assert (motion.state, motion.code) == (State.ABORTED, code)
    assert motion.sentence


def test_a_trajectory_is_followed_in_time() -> None:
    world = bare()
    motion = world.arm.follow("arm_controller", ARM, [[0.4] + [0.0] * 6], [2.0], world.time_s)
    start = world.arm.joints.positions["lift_joint"]
    world.step(1.0)
    assert world.arm.joints.positions["lift_joint"] == pytest.approx((start + 0.4) / 2, abs=0.02)
    world.step(2.1)
    assert motion.state is State.SUCCEEDED
    assert world.arm.joints.positions["lift_joint"] == pytest.approx(0.4)


def test_the_gripper_holds_what_is_within_reach_until_it_opens_or_slips() -> None:
    world = bare()
    open_ = world.arm.grip(0.0425)
    assert open_ is not None
    world.step(1.5)
    assert open_.state is State.SUCCEEDED
    cup = world.things["cup"]
    grasp = world.arm.pose("grasp_link")
    cup.pose = Pose(grasp.position - cup.middle_m, np.array([0.0, 0.0, 0.0, 1.0]))
    closing = world.arm.grip(0.0)
    assert closing is not None
    world.step(3.0)
    assert closing.stalled
    assert cup.held_by == "robot"
    before = cup.pose.position
    world.arm.follow(
        "arm_controller", ARM, [[0.3, *(world.arm.joints.positions[n] for n in ARM[1:])]], [2.0], world.time_s
    )
    world.step(6.0)
    assert cup.pose.position[2] - before[2] == pytest.approx(0.3, abs=1e-3)
    world.fault(FaultKind.GRASP_SLIP, True, "")
    assert cup.held_by == ""
    assert cup.pose.position[2] == pytest.approx(0.0, abs=0.05)
    assert world.arm.grip(math.nan) is None
    assert world.arm.grip(1.0) is None


@pytest.mark.parametrize(
    ("model", "name", "pose", "code"),
    [
        ("cup", "resident", goal(6.0, 2.0), 2),
        ("cup", "sofa", goal(6.0, 2.0), 2),
        ("cup", "carebot", goal(6.0, 2.0), 2),
        ("cup", "no name", goal(6.0, 2.0), 2),
        ("../../etc/passwd", "x", goal(6.0, 2.0), 1),
        ("dragon", "x", goal(6.0, 2.0), 1),
        ("visitor", "x", goal(60.0, 2.0), 3),
        ("visitor", "x", goal(7.35, 0.47), 3),  # in the sofa
        ("cup", "x", Pose.from_rpy(7.35, 0.47, 0.2), 3),
    ],
)
def test_what_cannot_be_put_into_the_world_is_refused(model: str, name: str, pose: Pose, code: int) -> None:
    world = home()
    before = world.state_hash()
    with pytest.raises(RequestError) as refused:
        world.spawn(model, name, pose)
    assert refused.value.code == code
    assert world.state_hash() == before


def test_a_spawned_thing_comes_to_stand_on_what_is_below_it() -> None:
    world = home()
    world.spawn("cup", "second_cup", Pose.from_rpy(7.35, 1.75, 1.0))
    assert world.things["second_cup"].pose.position[2] == pytest.approx(0.4, abs=0.01)  # the low table


def test_who_picks_a_thing_up_carries_it_along() -> None:
    world = home()
    case = world.things["glasses_case"]
    x, y, z = (float(n) for n in case.centre_m)
    world.act("resident", Act(ActKind.PICK_UP, target=(x, y, z)))
    world.step(20.0)
    assert case.held_by == "resident"
    world.act("resident", Act(ActKind.WALK, place="window"))
    world.step(35.0)
    assert math.dist(case.pose.position[:2], world.people["resident"].hips_m[:2]) < 0.7
    assert {(thing.name, thing.held_by) for thing in world.truth().objects if thing.held_by} == {
        ("glasses_case", "resident")
    }


def test_reset_goes_back_to_the_start_but_never_in_time() -> None:
    world = home()
    world.spawn("visitor", "visitor", goal(6.2, 4.7))
    world.spawn("cup", "second_cup", goal(6.2, 2.2))
    navigate(world, goal(*BEDROOM))
    world.step(5.0)
    world.reset("", 7)
    assert world.time_s == 5.0
    assert set(world.people) == {"resident"}
    assert "second_cup" not in world.things
    assert world.recipe.seed == 7
    with pytest.raises(RequestError, match="atlantis") as refused:
        world.reset("atlantis", 0)
    assert refused.value.code == 1
    assert set(world.people) == {"resident"}


def test_a_camera_that_was_switched_off_stays_off_over_a_reset() -> None:
    world = home()
    world.watch.lenses["living_room_camera"].enabled = False
    world.reset("", 1)
    assert not world.watch.lenses["living_room_camera"].enabled
    assert world.watch.lenses["kitchen_camera"].enabled


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (FaultKind.SENSOR_SILENT, "cellar_camera"),
        (FaultKind.CAMERA_BLACK, "scan"),
        (FaultKind.DOOR_SHUT, "door_to_nowhere"),
    ],
)
def test_a_fault_of_something_unknown_is_refused(kind: FaultKind, target: str) -> None:
    with pytest.raises(RequestError) as refused:
        bare().fault(kind, True, target)
    assert refused.value.code == 2


@pytest.mark.parametrize(
    ("kind", "target"), [(0, ""), (99, ""), (1, ""), (2, ""), (10, ""), (11, ""), (5, "x"), (12, "x")]
)
def test_a_fault_request_that_cannot_be_is_refused(kind: int, target: str) -> None:
    with pytest.raises(RequestError) as refused:
        fault_of(kind, target)
    assert refused.value.code == 1


def test_requests_of_acts_and_poses_are_checked() -> None:
    fields = {"place": "", "target": (0.0, 0.0, 0.0), "heading_rad": 0.0, "speed": 0.0, "text": ""}
    assert act_of(1, **fields).speed == 1.0  # type: ignore[arg-type]
    assert act_of(13, **fields).target is None  # type: ignore[arg-type]
    for kind, wrong in ((0, {}), (16, {}), (12, {"text": "x" * 501})):
        with pytest.raises(RequestError):
            act_of(kind, **{**fields, **wrong})  # type: ignore[arg-type]
    assert pose_of((1.0, 2.0, 0.0), (0.0, 0.0, 0.0, 0.0)).rpy() == (0.0, 0.0, 0.0)
    for position in ((math.nan, 0.0, 0.0), (math.inf, 0.0, 0.0), (1e9, 0.0, 0.0)):
        with pytest.raises(RequestError):
            pose_of(position, (0.0, 0.0, 0.0, 1.0))


def test_the_lidar_sees_walls_and_people_within_its_range() -> None:
    world = home()
    lidar, ranges_m = world.scan()
    empty = KinematicHome(replace(world.recipe, people=())).scan()[1]
    assert len(ranges_m) == lidar.samples
    finite = ranges_m[np.isfinite(ranges_m)]
    assert finite.min() >= lidar.min_range_m
    assert finite.max() <= lidar.max_range_m
    assert (ranges_m < empty - 0.1).any()  # the resident


def test_a_leg_that_is_too_near_for_the_lidar_is_not_taken_for_nothing() -> None:
    world = home()
    lidar = world.arm.pose(world.lidar_link).position
    ankle, knee = (world._inhabitants["resident"].landmarks_m[group[0]] for group in reversed(LEGS))
    shin = ankle + (knee - ankle) * (lidar[2] - ankle[2]) / (knee[2] - ankle[2])
    before = shin - lidar - (0.1, 0.0, 0.0)
    world.arm.base = Pose(world.arm.base.position + before, world.arm.base.quaternion)
    assert np.isneginf(world.scan()[1]).any()  # REP-117
