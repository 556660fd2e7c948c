"""The simulated robot's lidar, IMU, touch and battery."""

from __future__ import annotations

import math

import mujoco
import numpy as np
import pytest
from robot_world import ARM, RobotWorld, reach, thing

from care_robot.description import Box, Cylinder
from care_robot.geometry import Pose
from care_robot.simulation.battery import LOW, Battery, Status
from care_robot.simulation.mujoco_model import COLLISION_GROUP, PERSON, PERSON_ANIMATED_MEETS

WALL = thing("wall", Box((0.1, 6.0, 1.0)), Pose.from_rpy(2.05, 0, 0.5))
LIDAR_X_M = 0.13


def ahead(world: RobotWorld) -> np.ndarray:
    """Ranges within 5 degrees of straight ahead."""
    scan = world.robot.scan()
    angles = scan.lidar.min_angle_rad + scan.lidar.step_rad * np.arange(len(scan.ranges_m))
    return scan.ranges_m[np.abs(angles) < math.radians(5)]


def test_the_lidar_measures_a_wall_with_the_noise_that_it_has() -> None:
    world = RobotWorld(WALL)
    found = np.concatenate([ahead(world) for _ in range(30)])
    assert found.mean() == pytest.approx(2.0 - LIDAR_X_M, abs=0.01)
    assert found.std() == pytest.approx(0.01, rel=0.3)


def test_angles_grow_to_the_left_and_nothing_is_infinity() -> None:
    world = RobotWorld(thing("post", Cylinder(0.1, 1.0), Pose.from_rpy(LIDAR_X_M, 1.5, 0.5)))
    scan = world.robot.scan()
    hit = np.flatnonzero(np.isfinite(scan.ranges_m))
    lidar = scan.lidar
    angles = lidar.min_angle_rad + lidar.step_rad * hit
    assert angles.mean() == pytest.approx(math.pi / 2, abs=0.02)
    assert np.isposinf(np.delete(scan.ranges_m, hit)).all()
    assert scan.frame == "lidar_link"
    last_rad = lidar.min_angle_rad + lidar.step_rad * (len(scan.ranges_m) - 1)
    assert last_rad == pytest.approx(lidar.max_angle_rad)


def test_what_is_nearer_than_the_range_is_minus_infinity_and_what_is_further_infinity() -> None:
    near = RobotWorld(thing("near", Box((0.02, 1.0, 0.05)), Pose.from_rpy(LIDAR_X_M + 0.07, 0, 0.205)))
    assert np.isneginf(ahead(near)).all()
    far = RobotWorld(thing("far", Box((0.1, 6.0, 1.0)), Pose.from_rpy(LIDAR_X_M + 12.2, 0, 0.5)))
    assert np.isposinf(ahead(far)).all()


def test_the_lidar_does_not_see_the_robot_itself_but_sees_an_arm_that_hangs_down() -> None:
    world = RobotWorld()
    assert np.isposinf(world.robot.scan().ranges_m).all()
    world.robot.follow("arm_controller", ARM, [reach(0.45, 0.06, 0.0, math.pi / 2)], [3.0], 0.0)
    world.run(3.5)
    assert np.isfinite(ahead(world)).any()


def test_the_lidar_sees_a_person_and_a_thing() -> None:
    assert np.isfinite(ahead(beside_person())).any()
    small = RobotWorld(thing("cup", Box((0.05, 0.5, 0.3)), Pose.from_rpy(1.5, 0, 0.151), 0.3))
    assert np.isfinite(ahead(small)).any()


def test_a_scan_follows_the_robot() -> None:
    world = RobotWorld(WALL)
    world.drive(2.0, 0.4)
    world.run(1.0)
    distance = 2.0 - LIDAR_X_M - world.robot.pose().position[0]
    assert np.median(ahead(world)) == pytest.approx(distance, abs=0.02)


def test_the_same_seed_gives_the_same_noise_and_another_seed_another() -> None:
    def scans(seed: int) -> list[np.ndarray]:
        world = RobotWorld(WALL, seed=seed)
        return [world.robot.scan().ranges_m for _ in range(2)]

    first, again, other = scans(1), scans(1), scans(2)
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], other[0])


def test_the_imu_feels_gravity_turning_and_its_noise() -> None:
    world = RobotWorld()
    world.run(1.0)
    readings = [world.robot.imu() for _ in range(200)]
    pushes = np.array([reading.linear_acceleration_m_s2 for reading in readings])
    assert pushes.mean(axis=0) == pytest.approx([0, 0, 9.81], abs=0.02)
    assert pushes.std(axis=0) == pytest.approx([0.02] * 3, rel=0.3)
    assert readings[0].linear_acceleration_variance == pytest.approx(0.02**2)
    world.drive(2.0, 0.0, 1.0)
    assert world.robot.imu().angular_velocity_rad_s[2] == pytest.approx(1.0, abs=0.05)


def beside_person() -> RobotWorld:
    """The robot, and a leg of a person 1 m ahead of it."""

    def add_leg(spec: mujoco.MjSpec) -> None:
        leg = spec.worldbody.add_body(name="anna/shank", pos=[1.0, 0, 0.3])
        leg.add_geom(
            type=mujoco.mjtGeom.mjGEOM_CAPSULE,
            size=[0.06, 0.25, 0.0],
            contype=PERSON,
            conaffinity=PERSON_ANIMATED_MEETS,
            group=COLLISION_GROUP,
        )

    return RobotWorld(add=add_leg)


def test_the_bumper_and_the_counts_tell_a_wall_from_a_person() -> None:
    wall = RobotWorld(WALL)
    assert not wall.robot.bumper()
    wall.drive(6.0, 0.5)
    assert wall.robot.bumper()
    assert wall.robot.contacts() == (1, 0)  # leaning on it is one touch
    person = beside_person()
    person.drive(4.0, 0.4)
    assert person.robot.bumper()
    assert person.robot.contacts() == (0, 1)


def test_touching_again_after_a_while_is_another_touch() -> None:
    world = RobotWorld(WALL)
    world.drive(5.0, 0.5)
    world.drive(2.0, -0.3)
    assert not world.robot.bumper()
    world.drive(4.0, 0.5)
    assert world.robot.contacts() == (2, 0)


def test_standing_on_the_floor_and_a_small_thing_are_no_collisions() -> None:
    world = RobotWorld(thing("box", Box((0.1, 0.1, 0.1)), Pose.from_rpy(0.6, 0, 0.051), 0.2))
    world.drive(2.0, 0.4)
    assert world.robot.contacts() == (0, 0)


@pytest.mark.parametrize(
    ("x", "y", "yaw", "charges"),
    [(1.0, 2.0, 0.5, True), (1.04, 2.0, 0.6, True), (1.06, 2.0, 0.5, False), (1.0, 2.0, 0.7, False)],
)
def test_the_battery_charges_on_its_dock_only(x: float, y: float, yaw: float, charges: bool) -> None:
    battery = Battery(Pose.from_rpy(1.0, 2.0, 0.0, yaw=0.5), percentage=0.5)
    battery.update(Pose.from_rpy(x, y, 0.0, yaw=yaw), 0.0, 3600.0)
    state = battery.state()
    assert (state.percentage > 0.5) is charges
    assert (state.current_a > 0.0) is charges
    assert state.status is (Status.CHARGING if charges else Status.DISCHARGING)


def test_work_drains_the_battery_faster_and_it_is_never_below_empty_or_over_full() -> None:
    idle, busy, full = Battery(None), Battery(None), Battery(Pose.identity())
    for _ in range(60):
        idle.update(Pose.identity(), 0.0, 60.0)
        busy.update(Pose.identity(), 80.0, 60.0)
        full.update(Pose.identity(), 0.0, 600.0)
    assert busy.state().percentage < idle.state().percentage < 0.9
    assert busy.state().voltage_v < idle.state().voltage_v
    assert (full.state().percentage, full.state().status) == (1.0, Status.FULL)
    busy.update(Pose.identity(), 80.0, 1e6)
    assert busy.state().percentage == 0.0


def test_the_fault_low_is_low_and_mended_as_before() -> None:
    battery = Battery(None)
    battery.set_low(True)
    assert battery.state().percentage == LOW
    battery.set_low(False)
    assert battery.state().percentage == 0.9


def test_driving_takes_more_from_the_robots_battery_than_standing() -> None:
    def left(speed: float) -> float:
        world = RobotWorld()
        world.drive(3.0, speed, 1.0 if speed else 0.0)
        return world.robot.battery().percentage

    assert left(0.6) < left(0.0) < 0.9
