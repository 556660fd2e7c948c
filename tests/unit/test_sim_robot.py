"""The simulated robot: it drives, moves its arm, grasps by friction, stops, and is the same every time."""

from __future__ import annotations

import math
from pathlib import Path

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from robot_world import ARM, CAREBOT, CONTROLLERS, DRIVEN, HEAD, RobotWorld, reach, table, thing

from care_robot.description import Box, Cylinder, DescriptionError, Shape
from care_robot.geometry import Pose
from care_robot.simulation.controllers import read_controllers
from care_robot.simulation.drive import DriveController
from care_robot.simulation.gripper import Grip
from care_robot.simulation.trajectory import Code, GoalError, Motion, State


def grasped(shape: Shape, mass_kg: float, height_m: float) -> RobotWorld:
    """A world where the robot has taken a thing from a table and lifted it by 0.3 m."""
    world = RobotWorld(
        table(0.5), thing("thing", shape, Pose.from_rpy(0.6, 0, 0.751 + height_m / 2), mass_kg)
    )
    robot, z = world.robot, 0.75 + height_m / 2
    robot.grip(0.085, 0.0, 0.0)
    for x, lift, up, seconds in ((0.48, 0.3, 0.0, 2.0), (0.6, 0.3, 0.0, 1.0)):
        motion = robot.follow("arm_controller", ARM, [reach(x, z + up, lift)], [seconds], world.now_s)
        world.run(seconds + 0.5)
        assert motion.state is State.SUCCEEDED, motion.message
    grip = robot.grip(0.0, 30.0, world.now_s)
    world.run(1.5)
    assert grip.state is State.SUCCEEDED
    assert grip.stalled
    motion = robot.follow("arm_controller", ARM, [reach(0.6, z + 0.3, 0.5)], [2.0], world.now_s)
    world.run(2.5)
    assert motion.state is State.SUCCEEDED, motion.message
    assert world.data.body("thing/link").xpos[2] > z + 0.28
    return world


def test_rests_without_moving() -> None:
    world = RobotWorld()
    world.run(2.0)
    assert np.abs(world.data.qvel).max() < 1e-3
    assert np.abs(world.robot.joint_states().positions).max() < 1e-3
    assert world.robot.pose().position == pytest.approx([0, 0, 0], abs=1e-3)


def test_drives_and_turns_as_told_and_stops_when_commands_cease() -> None:
    world = RobotWorld()
    world.drive(3.0, 0.5)
    linear, _ = world.robot.velocity()
    assert linear[0] == pytest.approx(0.5, abs=0.02)
    world.run(0.45)
    assert world.robot.velocity()[0][0] > 0.4  # still within cmd_vel_timeout
    world.run(0.8)
    assert np.abs(world.data.qvel).max() < 0.01
    world.drive(3.0, 0.0, 1.0)
    assert world.robot.velocity()[1][2] == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_velocity_that_is_no_number_is_a_stop(bad: float) -> None:
    world = RobotWorld()
    world.drive(2.0, 0.5)
    world.drive(1.0, 0.5, bad)
    assert np.abs(world.data.qvel).max() < 0.01


@given(
    commands=st.lists(
        st.tuples(
            st.floats(allow_nan=True, allow_infinity=True), st.floats(allow_nan=True, allow_infinity=True)
        ),
        max_size=30,
    )
)
def test_no_command_makes_the_drive_exceed_its_limits(commands: list[tuple[float, float]]) -> None:
    drive, limits = DriveController(DRIVEN.drive), DRIVEN.drive
    before = 0.0
    for i, (linear, angular) in enumerate(commands):
        drive.command(linear, angular, i * 0.01)
        left, right = drive.wheels_rad_s(i * 0.01, 0.01)
        ahead = (left + right) / 2 * limits.wheel_radius
        assert abs(ahead) <= limits.linear.x.max_velocity + 1e-9
        assert abs(ahead - before) <= -limits.linear.x.max_deceleration * 0.01 + 1e-9
        turn = (right - left) * limits.wheel_radius / limits.wheel_separation
        assert abs(turn) <= limits.angular.z.max_velocity + 1e-9
        before = ahead


def test_odometry_drifts_by_about_a_hundredth_and_the_same_for_the_same_seed() -> None:
    def believed(seed: int) -> tuple[float, float]:
        world = RobotWorld(seed=seed)
        world.drive(6.0, 0.6)
        world.run(1.0)
        off = math.hypot(
            world.robot.odometry().x_m - world.robot.pose().position[0],
            world.robot.odometry().y_m - world.robot.pose().position[1],
        )
        return off, world.robot.odometry().yaw_rad

    first, again, other = believed(1), believed(1), believed(2)
    assert first == again
    assert first != other
    for off, _ in (first, other):
        assert 0.001 < off < 0.3


def test_wheels_slip_on_command_and_the_odometry_believes_them() -> None:
    world = RobotWorld()
    world.robot.slip_wheels(True)
    world.drive(2.0, 0.8)
    assert world.robot.pose().position[0] < 0.6 * world.robot.odometry().x_m
    world.robot.slip_wheels(False)
    world.drive(2.0, 0.8)
    assert world.robot.velocity()[0][0] == pytest.approx(0.8, abs=0.03)


def test_a_wall_stops_the_base_which_pushes_no_harder_than_a_person_can_bear() -> None:
    world = RobotWorld(thing("wall", Box((0.1, 2.0, 1.0)), Pose.from_rpy(1.0, 0, 0.5)))
    world.drive(5.0, 0.6)
    assert world.robot.pose().position[0] == pytest.approx(0.95 - 0.26, abs=0.01)
    assert world.robot.bumper()
    assert 50.0 < push_n(world, "wall") < 155.0  # 140 N on the chest: ISO/TS 15066, table A.2


@pytest.mark.parametrize("stop", ["hold", "silence", "zero"])
def test_a_base_that_is_stopped_against_something_pushes_no_longer(stop: str) -> None:
    world = RobotWorld(thing("wall", Box((0.1, 2.0, 1.0)), Pose.from_rpy(1.0, 0, 0.5)))
    world.drive(4.0, 0.6)
    assert push_n(world, "wall") > 50.0
    if stop == "hold":
        world.robot.hold(True)
    if stop == "zero":
        world.drive(1.5, 0.0)
    world.run(1.5)
    assert push_n(world, "wall") < 10.0


def push_n(world: RobotWorld, name: str) -> float:
    """Force with which a thing is pushed, N."""
    force, pushed = np.zeros(6), 0.0
    for i, contact in enumerate(world.data.contact):
        if world.model.geom(f"{name}/link/body").id in contact.geom:
            mujoco.mj_contactForce(world.model, world.data, i, force)
            pushed += float(force[0])
    return pushed


def test_being_carried_away_is_not_in_the_odometry() -> None:
    world = RobotWorld()
    world.run(0.5)
    world.robot.carry(Pose.from_rpy(1.0, 2.0, 0.0, yaw=1.0))
    world.run(0.5)
    assert world.robot.pose().position[:2] == pytest.approx([1.0, 2.0], abs=0.01)
    assert world.robot.odometry().x_m == pytest.approx(0.0, abs=0.01)


def test_follows_a_trajectory_through_all_its_points() -> None:
    world = RobotWorld()
    points = [[0.1, 0.2, 0.6, -1.0, 0.1, 0.5, 0.2], [0.3, -0.4, 1.2, -2.0, -0.3, 1.4, 0.6]]
    motion = world.robot.follow("arm_controller", ARM, points, [1.5, 3.5], 0.0)
    world.run(1.5)
    assert [world.joint(name) for name in ARM] == pytest.approx(points[0], abs=0.05)
    assert motion.state is State.RUNNING
    world.run(2.3)
    assert motion.state is State.SUCCEEDED
    assert [world.joint(name) for name in ARM] == pytest.approx(points[1], abs=0.01)


def test_joints_may_be_named_in_any_order_and_velocities_round_the_way() -> None:
    world = RobotWorld()
    names, still = list(reversed(HEAD)), [[0.0, 0.0]]
    motion = world.robot.follow("head_controller", names, [[0.4, 0.8]], [1.0], 0.0, velocities=still)
    world.run(0.25)
    assert world.joint("head_pan_joint") < 0.8 * 0.22  # a straight line would be at a quarter
    world.run(1.2)
    assert motion.state is State.SUCCEEDED
    assert (world.joint("head_pan_joint"), world.joint("head_tilt_joint")) == pytest.approx(
        (0.8, 0.4), abs=0.01
    )


def test_a_motion_that_is_too_fast_for_the_joint_leaves_its_path_and_says_so() -> None:
    world = RobotWorld()
    target = [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    motion = world.robot.follow("arm_controller", ARM, [target], [0.2], 0.0)
    world.run(1.0)
    assert (motion.state, motion.code) == (State.ABORTED, Code.PATH_TOLERANCE_VIOLATED)
    assert "arm_joint_1" in motion.message


def test_an_arm_that_is_blocked_says_that_it_did_not_arrive() -> None:
    world = RobotWorld(thing("block", Box((0.2, 0.6, 0.8)), Pose.from_rpy(0.55, 0.0, 0.6)))
    motion = world.robot.follow("arm_controller", ARM, [reach(0.6, 0.6, 0.0)], [4.0], 0.0)
    world.run(8.0)
    assert motion.state is State.ABORTED
    assert motion.code in (Code.PATH_TOLERANCE_VIOLATED, Code.GOAL_TOLERANCE_VIOLATED)
    assert "arm_joint_" in motion.message


def test_a_new_motion_takes_the_place_of_the_old_one_and_cancel_holds() -> None:
    world = RobotWorld()
    first = world.robot.follow("head_controller", HEAD, [[1.5, 0.0]], [3.0], 0.0)
    world.run(1.0)
    second = world.robot.follow("head_controller", HEAD, [[-1.0, 0.0]], [3.0], world.now_s)
    assert first.state is State.CANCELED
    world.run(0.5)
    second.cancel()
    world.run(0.1)
    at = world.joint("head_pan_joint")
    world.run(1.0)
    assert world.joint("head_pan_joint") == pytest.approx(at, abs=0.02)
    assert second.state is State.CANCELED


ZERO = [0.0] * 7


@pytest.mark.parametrize(
    ("names", "positions", "times", "code"),
    [
        (ARM[:-1], [ZERO[:-1]], [1.0], Code.INVALID_JOINTS),
        ([*ARM[:-1], "arm_joint_9"], [ZERO], [1.0], Code.INVALID_JOINTS),
        ([*ARM[:-1], ARM[0]], [ZERO], [1.0], Code.INVALID_JOINTS),
        ([], [], [], Code.INVALID_JOINTS),
        (ARM, [], [], Code.INVALID_GOAL),
        (ARM, [[math.nan, *ZERO[1:]]], [1.0], Code.INVALID_GOAL),
        (ARM, [[math.inf, *ZERO[1:]]], [1.0], Code.INVALID_GOAL),
        (ARM, [ZERO], [math.nan], Code.INVALID_GOAL),
        (ARM, [ZERO], [-1.0], Code.INVALID_GOAL),
        (ARM, [ZERO, ZERO], [1.0, 1.0], Code.INVALID_GOAL),
        (ARM, [ZERO, ZERO], [2.0, 1.0], Code.INVALID_GOAL),
        (ARM, [ZERO, ZERO], [1.0], Code.INVALID_GOAL),
        (ARM, [ZERO, ZERO[1:]], [1.0, 2.0], Code.INVALID_GOAL),
        (ARM, [["up", *ZERO[1:]]], [1.0], Code.INVALID_GOAL),
        (ARM, [[0.6, *ZERO[1:]]], [1.0], Code.INVALID_GOAL),
        (ARM, np.zeros((10_001, 7)), np.arange(10_001), Code.INVALID_GOAL),
    ],
)
def test_a_goal_that_cannot_be_is_refused_with_a_sentence_and_nothing_moves(
    names: list[str], positions: list[list[float]], times: list[float], code: Code
) -> None:
    world = RobotWorld()
    with pytest.raises(GoalError, match=r"\.$") as refused:
        world.robot.follow("arm_controller", names, positions, times, 0.0)
    assert refused.value.code is code
    world.run(0.3)
    assert np.abs(world.robot.joint_states().positions).max() < 1e-3


@settings(max_examples=30, deadline=None)
@given(
    positions=st.lists(st.lists(st.floats(), min_size=2, max_size=2), max_size=4),
    times=st.lists(st.floats(), max_size=4),
)
def test_any_head_goal_is_refused_or_keeps_the_joints_within_their_limits(
    positions: list[list[float]], times: list[float]
) -> None:
    world = ANY_HEAD
    try:
        world.robot.follow("head_controller", HEAD, positions, times, world.now_s)
    except GoalError:
        return
    world.run(0.3)
    for name in HEAD:
        joint = CAREBOT.joint(name)
        assert joint.lower - 0.05 <= world.joint(name) <= joint.upper + 0.05


ANY_HEAD = RobotWorld()


def test_a_controller_that_does_not_exist_is_refused() -> None:
    with pytest.raises(GoalError, match=r"leg_controller.*arm_controller"):
        RobotWorld().robot.follow("leg_controller", [], [], [], 0.0)


@pytest.mark.parametrize(
    ("opening", "effort"), [(math.nan, 10), (0.05, math.nan), (0.2, 10), (-0.1, 10), (0.05, -1)]
)
def test_a_grip_that_cannot_be_is_refused(opening: float, effort: float) -> None:
    with pytest.raises(GoalError, match=r"\.$"):
        RobotWorld().robot.grip(opening, effort, 0.0)


def test_the_gripper_opens_both_fingers_alike_and_reaches_its_goal() -> None:
    world = RobotWorld()
    grip = world.robot.grip(0.08, 0.0, 0.0)
    world.run(1.5)
    assert (grip.reached_goal, grip.stalled) == (True, False)
    assert world.joint("gripper_joint") == pytest.approx(0.04, abs=0.001)
    assert world.joint("right_finger_joint") == pytest.approx(0.04, abs=0.001)


@pytest.mark.parametrize(
    ("shape", "mass_kg", "height_m"),
    [
        (Box((0.06, 0.06, 0.1)), 0.3, 0.1),
        (Cylinder(0.03, 0.12), 0.3, 0.12),
        (Cylinder(0.035, 0.2), 0.7, 0.2),  # a full bottle
        (Box((0.08, 0.02, 0.05)), 0.05, 0.05),
    ],
    ids=["box", "cylinder", "bottle", "flat"],
)
def test_holds_by_friction_alone_while_lifting_driving_and_turning(
    shape: Shape, mass_kg: float, height_m: float
) -> None:
    world = grasped(shape, mass_kg, height_m)
    assert world.robot.held_object() == "thing"
    before = world.seen_from_grasp("thing")
    world.drive(2.5, -0.5)
    for turn in (0.8, -0.8, 0.8, -0.8):
        world.drive(1.9, 0.3, turn)
    assert world.robot.held_object() == "thing"
    assert np.linalg.norm(world.seen_from_grasp("thing") - before) < 0.006


def test_what_the_gripper_holds_falls_on_command_and_the_gripper_grips_again_after_it() -> None:
    world = grasped(Box((0.06, 0.06, 0.1)), 0.05, 0.1)
    world.robot.drop()
    world.run(1.5)
    assert world.robot.held_object() == ""
    assert world.data.body("thing/link").xpos[2] < 0.85
    assert world.model.geom_friction[world.model.body("carebot/left_finger_link").geomadr[0], 0] > 1.0


def test_a_stop_holds_everything_within_a_tenth_of_a_second_and_keeps_the_grip() -> None:
    world = grasped(Box((0.06, 0.06, 0.1)), 0.5, 0.1)
    robot = world.robot
    world.drive(2.0, -0.4)
    arm = robot.follow("arm_controller", ARM, [[0.1, 0.8, 0.5, -1.0, 0.0, 1.0, 0.0]], [2.0], world.now_s)
    head = robot.follow("head_controller", HEAD, [[1.5, 0.5]], [2.0], world.now_s)
    world.drive(0.8, -0.4)
    robot.hold(True)
    world.drive(0.1, -0.4)  # commands that go on change nothing
    joints = [*ARM, *HEAD]
    at = np.array([world.joint(name) for name in joints])
    world.drive(2.0, -0.4)
    assert np.array([world.joint(name) for name in joints]) == pytest.approx(at, abs=0.02)
    assert np.abs(robot.velocity()[0]).max() < 0.01
    assert (arm.state, head.state) == (State.ABORTED, State.ABORTED)
    assert robot.held_object() == "thing"
    assert world.data.actuator("carebot/gripper_joint").force[0] == pytest.approx(-60.0, abs=1.0)
    for refused in (
        lambda: robot.follow("head_controller", HEAD, [[0.0, 0.0]], [1.0], world.now_s),
        lambda: robot.grip(0.08, 0.0, world.now_s),
    ):
        with pytest.raises(GoalError, match="stop"):
            refused()
    robot.hold(False)
    world.run(0.5)
    assert np.abs(robot.velocity()[0]).max() < 0.01  # nothing goes on by itself
    assert isinstance(robot.follow("head_controller", HEAD, [[0.0, 0.0]], [1.0], world.now_s), Motion)
    assert isinstance(robot.grip(0.08, 0.0, world.now_s), Grip)


def test_two_who_hold_must_both_let_go() -> None:
    world = RobotWorld()
    world.robot.hold(True)
    world.robot.hold(True, "supervisor")
    world.robot.hold(False)
    with pytest.raises(GoalError, match="stop"):
        world.robot.grip(0.08, 0.0, world.now_s)
    world.drive(0.5, 0.4)
    assert np.abs(world.robot.velocity()[0]).max() < 0.01
    world.robot.hold(False, "supervisor")
    for _ in range(3):
        world.robot.hold(False, "supervisor")  # said again and again, it takes no command away
        world.drive(0.5, 0.4)
    assert world.robot.velocity()[0][0] > 0.2


def test_the_base_brakes_within_its_deceleration_when_it_is_stopped() -> None:
    world = RobotWorld()
    world.drive(3.0, 0.8)
    world.robot.hold(True)
    begin = world.robot.pose().position[0]
    world.run(1.0)
    assert world.robot.pose().position[0] - begin < 0.8**2 / (2 * 2.5) + 0.05
    assert abs(world.robot.pose().rpy()[1]) < 0.01  # it has not tipped


def test_reaches_the_floor_and_a_table() -> None:
    world = RobotWorld()
    for x, z, lift, pitch in (
        (0.45, 0.04, 0.0, math.pi / 2),
        (0.7, 0.85, 0.4, 0.0),
        (0.5, 0.8, 0.5, math.pi / 2),
    ):
        world.robot.follow("arm_controller", ARM, [reach(x, z, lift, pitch)], [4.0], world.now_s)
        world.run(4.6)
        assert world.data.body("carebot/grasp_link").xpos == pytest.approx([x, 0, z], abs=0.015)


def test_the_same_seed_and_commands_give_the_same_state() -> None:
    def state() -> str:
        world = RobotWorld(table(0.6), seed=3)
        world.robot.follow("arm_controller", ARM, [reach(0.5, 0.9, 0.3)], [1.5], 0.0)
        world.drive(2.0, 0.3, 0.5)
        world.robot.scan()
        world.robot.imu()
        world.drive(1.0, 0.3, -0.5)
        return world.state_hash()

    assert state() == state()


def test_the_controllers_of_the_hardware_fit_the_robot() -> None:
    assert read_controllers(CONTROLLERS, CAREBOT) == DRIVEN


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "wheel_separation: 0.4",
            "wheel_separation: 0.5",
            "wheel_separation is 0.5 m, but that of carebot is 0.4",
        ),
        ("wheel_radius: 0.08", "wheel_radius: 0.1", "wheel_radius is 0.1 m"),
        ("wheel_radius: 0.08", "wheel_radius: .nan", "wheel_radius"),
        ("cmd_vel_timeout: 0.5", "cmd_vel_timeout: 0.0", "cmd_vel_timeout"),
        ("cmd_vel_timeout: 0.5", "cmd_vel_time: 0.5", "unknown key"),
        ("left_wheel_names: [left_wheel_joint]", "left_wheel_names: [left]", "left"),
        ("goal_time: 2.0", "goal_time: 0.0", "goal_time"),
        ("      arm_joint_2: {trajectory: 0.2, goal: 0.03}\n", "", "arm_joint_2 has no tolerance"),
        (
            "joints: [head_pan_joint, head_tilt_joint]",
            "joints: [head_pan_joint, lift_joint]",
            "two controllers",
        ),
        ("joint: gripper_joint", "joint: left_wheel_joint", "no prismatic joint"),
        ("gripper_controller:\n  ros__parameters:", "gripper_controller:\n  parameters:", "unknown key"),
    ],
)
def test_controllers_that_do_not_fit_are_refused_with_file_and_key(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "controllers.yaml"
    text = CONTROLLERS.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(DescriptionError, match=said) as refused:
        read_controllers(path, CAREBOT)
    assert str(path) in str(refused.value)
