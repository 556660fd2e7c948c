"""The simulated home under physics: the same commands give the same states, and what is broken is broken."""

import math

import numpy as np
import pytest

from care_robot.geometry import Pose
from care_robot.simulation.home import Home
from care_robot.simulation.mujoco_model import CONTROL_S
from care_robot.simulation.person import Act, ActError, ActKind
from care_robot.simulation.recipe import PersonRecipe, Recipe, RecipeError, Role
from care_robot.simulation.sim_services import FaultKind, RequestError

RESIDENT = PersonRecipe("resident", place="living_room", walking_aid=False)
RECIPE = Recipe("apartment", 3, (RESIDENT,))


@pytest.fixture
def home() -> Home:
    return Home(RECIPE)


def drive(home: Home, seconds: float, linear: float = 0.3, angular: float = 0.0) -> None:
    """Command a velocity, as often as a controller would."""
    end_s = home.time_s + seconds
    while home.time_s < end_s - CONTROL_S / 2:
        home.robot.command_velocity(linear, angular, home.time_s)
        home.step(home.time_s + 0.1)


def moved_m(home: Home, before: Pose) -> float:
    return float(np.linalg.norm(home.robot.pose().position[:2] - before.position[:2]))


def live(home: Home) -> str:
    """A minute of a day: the robot drives, the resident walks and falls, a door shuts."""
    home.act("resident", Act(ActKind.WALK, place="kitchen"))
    drive(home, 2.0, 0.3, 0.3)
    home.fault(FaultKind.DOOR_SHUT, True, home.doors.names[0])
    home.act("resident", Act(ActKind.FALL, heading_rad=1.0))
    drive(home, 2.0, 0.0, -0.5)
    home.fault(FaultKind.MOVED, True, "")
    home.step(home.time_s + 1.0)
    return home.state_hash()


def test_the_same_seed_and_commands_give_the_same_state(home: Home) -> None:
    assert live(home) == live(Home(RECIPE))


def test_another_seed_gives_another_state(home: Home) -> None:
    assert live(home) != live(Home(Recipe("apartment", 4, (RESIDENT,))))


def test_after_a_reset_all_is_as_at_the_start_but_time_goes_on(home: Home) -> None:
    live(home)
    then_s = home.time_s
    home.reset("", 3)
    fresh = Home(RECIPE)
    assert home.time_s == then_s
    np.testing.assert_array_equal(home.data.qpos, fresh.data.qpos)
    assert home.silent == set()


def test_the_truth_tells_the_robot_from_the_people_and_things(home: Home) -> None:
    home.step(0.5)
    truth = home.truth()
    assert [p.id for p in truth.people] == ["resident"]
    assert {"cup", "bottle", "pill_box"} <= {thing.name for thing in truth.objects}
    assert truth.people[0].robot_distance_m > 0.0
    assert (truth.collisions, truth.person_contacts) == (0, 0)


def test_an_e_stop_keeps_the_robot_where_it_is_until_it_is_released(home: Home) -> None:
    home.step(0.5)
    home.fault(FaultKind.E_STOP, True, "")
    before = home.robot.pose()
    drive(home, 2.0)
    assert moved_m(home, before) < 0.01
    home.fault(FaultKind.E_STOP, False, "")
    drive(home, 1.5)
    assert moved_m(home, before) > 0.2


def test_wheels_that_slip_count_way_that_is_not_made(home: Home) -> None:
    def unmade_m() -> float:
        before, counted = home.robot.pose(), home.robot.odometry()
        drive(home, 1.5, 0.5)
        after = home.robot.odometry()
        drive(home, 2.0, 0.0)
        return math.hypot(after.x_m - counted.x_m, after.y_m - counted.y_m) - moved_m(home, before)

    home.step(0.5)
    grip_m = unmade_m()
    home.fault(FaultKind.WHEEL_SLIP, True, "")
    assert unmade_m() > grip_m + 0.1


def test_a_robot_that_is_carried_away_does_not_notice(home: Home) -> None:
    home.step(0.5)
    before, believed = home.robot.pose(), home.robot.odometry()
    home.fault(FaultKind.MOVED, True, "")
    home.step(home.time_s + 0.5)
    assert moved_m(home, before) > 0.8
    after = home.robot.odometry()
    assert math.hypot(after.x_m - believed.x_m, after.y_m - believed.y_m) < 0.05


def test_a_door_shuts_and_opens(home: Home) -> None:
    door = home.doors.names[0]
    joint = home.data.joint(f"{door}/hinge")
    home.fault(FaultKind.DOOR_SHUT, True, door)
    home.step(home.time_s + 4.0)
    shut_rad = float(joint.qpos[0])
    home.fault(FaultKind.DOOR_SHUT, False, door)
    home.step(home.time_s + 4.0)
    assert shut_rad > 1.2
    assert abs(float(joint.qpos[0])) < 0.15


def test_a_low_battery_says_so(home: Home) -> None:
    assert home.robot.battery().percentage > 0.5
    home.fault(FaultKind.BATTERY_LOW, True, "")
    assert home.robot.battery().percentage < 0.1


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (FaultKind.DOOR_SHUT, "door_nowhere"),
        (FaultKind.CAMERA_BLACK, "scan"),
        (FaultKind.CAMERA_FROZEN, "attic_camera"),
        (FaultKind.SENSOR_SILENT, "sonar"),
        (FaultKind.NETWORK_DOWN, ""),
    ],
)
def test_what_is_not_there_cannot_break(home: Home, kind: FaultKind, target: str) -> None:
    with pytest.raises(RequestError, match=r"\w+"):
        home.fault(kind, True, target)


def test_a_silent_camera_is_silent_by_any_of_its_topics(home: Home) -> None:
    home.fault(FaultKind.SENSOR_SILENT, True, "head_camera/image_raw")
    assert home.silent == {"head_camera"}
    home.fault(FaultKind.SENSOR_SILENT, False, "head_camera")
    assert home.silent == set()


def test_a_spare_thing_can_be_put_on_the_table_and_stays_there(home: Home) -> None:
    cup = next(thing for thing in home.truth().objects if thing.name == "cup")
    beside = cup.pose.position + np.array([0.0, 0.2, 0.05])
    home.spawn("bottle", "second_bottle", Pose(beside, np.array([0.0, 0.0, 0.0, 1.0])))
    home.step(home.time_s + 1.0)
    thing = next(thing for thing in home.truth().objects if thing.name == "second_bottle")
    assert thing.model == "bottle"
    assert abs(thing.pose.position[2] - cup.pose.position[2]) < 0.06


@pytest.mark.parametrize(
    ("model", "name", "position", "code"),
    [
        ("piano", "piano", (5.0, 2.0, 1.0), 1),
        ("visitor", "mina", (5.0, 2.0, 0.0), 1),
        ("../../etc", "x", (5.0, 2.0, 1.0), 1),
        ("cup", "resident", (5.0, 2.0, 1.0), 2),
        ("cup", "bottle", (5.0, 2.0, 1.0), 2),
        ("cup", "", (5.0, 2.0, 1.0), 2),
        ("cup", "a cup\n", (5.0, 2.0, 1.0), 2),
        ("cup", "cup2", (50.0, 2.0, 1.0), 3),
    ],
)
def test_what_cannot_be_put_there_is_refused(
    home: Home, model: str, name: str, position: tuple[float, float, float], code: int
) -> None:
    with pytest.raises(RequestError) as refused:
        home.spawn(model, name, Pose(np.array(position), np.array([0.0, 0.0, 0.0, 1.0])))
    assert refused.value.code == code


def test_another_world_needs_another_start(home: Home) -> None:
    with pytest.raises(RequestError, match="world:=ward"):
        home.reset("ward", 0)


def test_nobody_acts_who_cannot(home: Home) -> None:
    with pytest.raises(ActError):
        home.act("resident", Act(ActKind.GET_UP))


def test_a_carer_and_a_resident_are_two_people() -> None:
    people = (RESIDENT, PersonRecipe("carer", Role.CARER, place="kitchen"))
    home = Home(Recipe("apartment", 0, people))
    home.act("carer", Act(ActKind.WALK, place="hall"))
    before = {p.id: p.hips_m for p in home.truth().people}
    home.step(8.0)
    after = {p.id: p.hips_m for p in home.truth().people}
    assert math.dist(before["carer"], after["carer"]) > 0.3
    assert math.dist(before["resident"], after["resident"]) < 0.05


def test_nobody_starts_where_the_world_has_no_place() -> None:
    with pytest.raises(RecipeError, match=r"'moon'.*sofa"):
        Home(Recipe("apartment", 0, (PersonRecipe("resident", place="moon"),)))
