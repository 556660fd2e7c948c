"""Robots are read from URDF strictly; the one that is shipped is sound."""

from __future__ import annotations

import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from care_robot.description import (
    Box,
    Camera,
    ContactSensor,
    Cylinder,
    DescriptionError,
    Imu,
    JointKind,
    Lidar,
    Material,
    Mesh,
    Model,
)
from care_robot.geometry import OPTICAL
from care_robot.urdf import read_urdf

URDF = Path(__file__).parents[2] / "config" / "robots" / "carebot.urdf"
CAREBOT = read_urdf(URDF)

INERTIAL = """<inertial><origin xyz="0 0 0.1"/><mass value="2"/>
  <inertia ixx="0.02" iyy="0.03" izz="0.04" ixy="0" ixz="0" iyz="0"/></inertial>"""
SMALL = f"""<robot name="tiny">
  <material name="blue"><color rgba="0 0 1 1"/></material>
  <link name="base">{INERTIAL}
    <visual name="look">
      <geometry><cylinder radius="0.2" length="0.3"/></geometry><material name="blue"/></visual>
    <collision><origin xyz="0 0 0.15"/><geometry><box size="0.4 0.3 0.2"/></geometry></collision>
    <collision><geometry><sphere radius="0.1"/></geometry></collision>
  </link>
  <link name="arm">{INERTIAL}</link>
  <joint name="shoulder" type="revolute"><origin xyz="0.1 0 0.3" rpy="0 0 1.5707963267948966"/>
    <parent link="base"/><child link="arm"/><axis xyz="0 2 0"/>
    <limit lower="-1" upper="2" effort="30" velocity="1.5"/><dynamics damping="0.4" friction="0.1"/></joint>
  <link name="tip"/>
  <joint name="tool" type="fixed"><origin xyz="0.5 0 0"/><parent link="arm"/><child link="tip"/></joint>
  <gazebo reference="base"><mu1>0.3</mu1><mu2>0.3</mu2></gazebo>
  <gazebo><plugin filename="any" name="thing"><anything/></plugin></gazebo>
  <ros2_control name="any" type="system"><hardware/></ros2_control>
</robot>"""


def read(tmp_path: Path, text: str) -> Model:
    path = tmp_path / "tiny.urdf"
    path.write_text(text)
    return read_urdf(path)


def test_a_small_robot_is_read_as_it_is_written(tmp_path: Path) -> None:
    robot = read(tmp_path, SMALL)
    base, arm = robot.link("base"), robot.link("arm")
    assert (robot.name, robot.static, robot.sources) == ("tiny", False, (tmp_path / "tiny.urdf",))
    assert base.inertia is not None
    assert (base.inertia.mass_kg, base.inertia.moments[:3]) == (2.0, (0.02, 0.03, 0.04))
    assert base.visuals[0].shape == Cylinder(0.2, 0.3)
    assert base.visuals[0].material == Material((0.0, 0.0, 1.0, 1.0))
    assert [c.name for c in base.collisions] == ["base_collision", "base_collision_1"]
    assert base.collisions[0].shape == Box((0.4, 0.3, 0.2))
    assert [c.friction for c in base.collisions] == [0.3, 0.3]
    shoulder = robot.joint("shoulder")
    assert (shoulder.kind, shoulder.axis) == (JointKind.REVOLUTE, (0.0, 1.0, 0.0))
    assert (shoulder.lower, shoulder.upper, shoulder.effort, shoulder.velocity) == (-1.0, 2.0, 30.0, 1.5)
    assert (shoulder.damping, shoulder.friction) == (0.4, 0.1)
    assert arm.pose.position == pytest.approx([0.1, 0, 0.3])
    assert robot.link("tip").pose.position == pytest.approx([0.1, 0.5, 0.3])


def test_a_mesh_is_found_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "cup.stl").write_bytes(b"")
    mesh = '<mesh filename="cup.stl" scale="1 1 2"/>'
    robot = read(tmp_path, SMALL.replace('<cylinder radius="0.2" length="0.3"/>', mesh))
    assert robot.link("base").visuals[0].shape == Mesh(tmp_path / "cup.stl", (1.0, 1.0, 2.0))


TWICE = '<joint name="more" type="fixed"><parent link="base"/><child link="{}"/></joint></robot>'
MIMIC = '<mimic joint="{}"{}/><limit lower="-1"'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<link name=", "<links name=", "not well-formed"),
        ('<link name="tip"/>', '<link name="tip"><colision/></link>', "tip' > colision.*'collision'"),
        ('<link name="tip"/>', '<link name="tip" mass="1"/>', "link 'tip'.*'mass'"),
        ('<link name="tip"/>', '<sensor name="tip"/>', "sensor 'tip'"),
        ('<link name="tip"/>', '<link name="base"/>', "already a link named 'base'"),
        ('<link name="tip"/>', '<link name="a/b"/>', "is no name"),
        ('<link name="tip"/>', '<link name="tip"/><link name="loose"/>', "base, loose have no parent"),
        ('<link name="tip"/>', '<link name="tip">words</link>', "out of place"),
        ('<child link="tip"/>', '<child link="top"/>', "no link 'top'"),
        ('<parent link="base"/>', '<parent link="tip"/>', "base, arm|hang on each other|no parent"),
        ('<parent link="base"/>', "", "<parent> is missing"),
        ("</robot>", TWICE.format("base"), "no link without a parent"),
        ("</robot>", TWICE.format("tip"), "already the child of another joint"),
        ('type="fixed"', 'type="floating"', "a joint is of type"),
        ('type="fixed"', 'type="continuous"', "moves but weighs nothing"),
        ('<limit lower="-1" upper="2" effort="30" velocity="1.5"/>', "", "needs a <limit>"),
        ('lower="-1" upper="2"', 'lower="2" upper="-1"', "lower must be below upper"),
        ('lower="-1" upper="2"', "", "'lower' is missing"),
        ('effort="30"', 'effort="0"', "above 0"),
        ('velocity="1.5"', 'velocity="nan"', "not a finite number"),
        ('damping="0.4"', 'damping="-1"', "must not be below 0"),
        ('xyz="0 2 0"', 'xyz="0 0 0"', "points nowhere"),
        ('xyz="0 2 0"', 'xyz="0 1"', "3 are needed"),
        ('<limit lower="-1"', MIMIC.format("nobody", ""), "mimics one that moves"),
        ('<limit lower="-1"', MIMIC.format("shoulder", ""), "mimics one that moves"),
        ('<limit lower="-1"', MIMIC.format("tool", ""), "mimics one that moves"),
        ('<mass value="2"/>', '<mass value="0"/>', "must be above 0"),
        ('<mass value="2"/>', '<mass value="-2"/>', "must be above 0"),
        ('<mass value="2"/>', '<mass value="1e999"/>', "not a finite number"),
        ('ixx="0.02"', 'ixx="0"', "moments of inertia"),
        ('ixx="0.02"', 'ixx="0.5"', "moments of inertia"),
        ('ixy="0"', 'ixy="0.1"', "moments of inertia"),
        ('ixx="0.02" ', "", "'ixx' is missing"),
        ('radius="0.2"', 'radius="-0.2"', "size must be above 0"),
        ('radius="0.2"', 'radius="inf"', "not a finite number"),
        ('size="0.4 0.3 0.2"', 'size="0.4 0.3"', "3 are needed"),
        ('<sphere radius="0.1"/>', "", "exactly one of"),
        ('<sphere radius="0.1"/>', '<sphere radius="0.1"/><box size="1 1 1"/>', "exactly one of"),
        ('<sphere radius="0.1"/>', '<capsule radius="0.1"/>', "capsule"),
        ('<sphere radius="0.1"/>', '<mesh filename="lost.stl"/>', "no file .*lost.stl"),
        ('<sphere radius="0.1"/>', '<mesh filename="tiny.urdf"/>', "of type .obj or .stl"),
        ('<material name="blue"/>', '<material name="green"/>', "no material 'green'"),
        ('rgba="0 0 1 1"', 'rgba="0 0 255 1"', "from 0 to 1"),
        ('reference="base"', 'reference="bass"', "no link or joint 'bass'"),
        ("<mu1>0.3</mu1>", "<mu1>-1</mu1>", "too small"),
        ("<mu1>0.3</mu1>", "<mu3>1</mu3>", "mu3"),
        ("<mu1>0.3</mu1>", '<sensor name="s" type="sonar"/>', "sonar"),
        ("<mu1>0.3</mu1>", '<sensor name="s" type="contact"><update_rate>9</update_rate><contact>'
         "<collision>no</collision></contact></sensor>", "no collision 'no'"),
        ('<robot name="tiny">', "<robot>", "'name' is missing"),
        ('<robot name="tiny">', '<!DOCTYPE robot [<!ENTITY a "b">]><robot name="tiny">', "DOCTYPE"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_its_place(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in SMALL
    with pytest.raises(DescriptionError, match=said) as refused:
        read(tmp_path, SMALL.replace(old, new))
    assert str(refused.value).startswith(str(tmp_path / "tiny.urdf"))


def test_two_sensors_of_a_name_are_refused(tmp_path: Path) -> None:
    text = URDF.read_text()
    with pytest.raises(DescriptionError, match="already a sensor named 'scan'"):
        read(tmp_path, text.replace('<sensor name="imu"', '<sensor name="scan"'))


@pytest.mark.parametrize("content", ["", "robot", "<sdf version='1.9'/>", "\x00", "<robot name='a'>"])
def test_what_is_no_urdf_is_refused(content: str, tmp_path: Path) -> None:
    with pytest.raises(DescriptionError, match=r"tiny\.urdf"):
        read(tmp_path, content)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DescriptionError, match=r"lost\.urdf"):
        read_urdf(tmp_path / "lost.urdf")


WORDS = [
    "",
    "0",
    "-1",
    "nan",
    "1e309",
    "0 0 0",
    "base",
    "base_link",
    "arm",
    "fixed",
    "prismatic",
    "é",
    "&lt;",
    "1 2 3 4",
]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_gives_a_robot_or_a_sentence(data: st.DataObject, tmp_path: Path) -> None:
    text = SMALL
    for _ in range(data.draw(st.integers(1, 3))):
        words = [i for i, c in enumerate(text) if c == '"']
        at = data.draw(st.integers(0, len(text) - 1))
        kind = data.draw(st.sampled_from(["cut", "insert", "attribute"]))
        if kind == "cut":
            text = text[:at] + text[at + data.draw(st.integers(1, 60)) :] or " "
        elif kind == "insert":
            text = text[:at] + data.draw(st.text(max_size=8)) + text[at:]
        elif len(words) > 1:
            i = data.draw(st.integers(0, len(words) // 2 - 1)) * 2
            text = text[: words[i] + 1] + data.draw(st.sampled_from(WORDS)) + text[words[i + 1] :]
    path = tmp_path / "any.urdf"
    path.write_text(text, encoding="utf-8", errors="replace")
    said = ""
    try:
        robot = read_urdf(path)
    except DescriptionError as refused:
        said = str(refused)
    if said:
        assert said.startswith(str(path))
        assert "\n" not in said
    else:
        assert len(robot.joints) == len(robot.links) - 1


# The robot that is shipped.


def below(link: str) -> set[str]:
    """A link and all that hangs on it."""
    children = [joint.child for joint in CAREBOT.joints if joint.parent == link]
    return {link}.union(*(below(child) for child in children))


def test_carebot_weighs_what_a_care_robot_may_and_most_of_it_low() -> None:
    inertias = [(link, link.inertia) for link in CAREBOT.links if link.inertia is not None]
    mass = sum(inertia.mass_kg for _, inertia in inertias)
    assert 40.0 < mass < 60.0
    height = sum(i.mass_kg * link.pose.compose(i.pose).position[2] for link, i in inertias) / mass
    assert height < 0.4
    assert sum(i.mass_kg for link, i in inertias if link.name in below("arm_link_1")) < 8.0


def test_carebot_folded_stays_within_its_footprint() -> None:
    for link in CAREBOT.links:
        for visual in link.visuals:
            middle = link.pose.compose(visual.pose).position
            assert math.hypot(middle[0], middle[1]) < 0.26, f"{link.name}/{visual.name}"


def test_carebot_has_the_frames_of_the_contract() -> None:
    assert CAREBOT.links[0].name == "base_link"
    head = CAREBOT.link("head_camera_link").pose
    assert head.position[2] == pytest.approx(1.25)
    optical = CAREBOT.link("head_camera_optical_frame").pose
    assert optical.matrix() == pytest.approx(head.compose(OPTICAL).matrix(), abs=1e-6)
    left, right = CAREBOT.link("left_wheel_link").pose, CAREBOT.link("right_wheel_link").pose
    assert (left.position + right.position)[:2] == pytest.approx([0, 0])


def test_carebot_has_the_joints_that_move() -> None:
    moving = {joint.name for joint in CAREBOT.joints if joint.kind is not JointKind.FIXED}
    arm = {f"arm_joint_{i}" for i in range(1, 7)}
    head, wheels = {"head_pan_joint", "head_tilt_joint"}, {"left_wheel_joint", "right_wheel_joint"}
    assert moving == {"lift_joint", "gripper_joint", "right_finger_joint"} | arm | head | wheels
    assert (CAREBOT.joint("lift_joint").lower, CAREBOT.joint("lift_joint").upper) == (0.0, 0.5)
    assert 2.0 * CAREBOT.joint("gripper_joint").upper == pytest.approx(0.085)


def test_carebot_has_the_sensors_of_the_contract() -> None:
    sensors = {sensor.name: (link.name, sensor) for link, sensor in CAREBOT.sensors()}
    assert set(sensors) == {"scan", "imu", "bumper", "head_camera"}
    link, lidar = sensors["scan"]
    assert isinstance(lidar, Lidar)
    assert (link, lidar.rate_hz, lidar.max_range_m, lidar.noise_std_m) == ("lidar_link", 10.0, 12.0, 0.01)
    assert 0.18 <= CAREBOT.link("lidar_link").pose.position[2] <= 0.25
    link, camera = sensors["head_camera"]
    assert isinstance(camera, Camera)
    assert (link, camera.width_px, camera.height_px, camera.depth) == ("head_camera_link", 640, 480, True)
    vertical = 2 * math.atan(math.tan(camera.horizontal_fov_rad / 2) * 480 / 640)
    assert math.degrees(vertical) == pytest.approx(60, abs=1)
    assert isinstance(sensors["imu"][1], Imu)
    assert isinstance(sensors["bumper"][1], ContactSensor)
    assert all(
        np.allclose(sensor.pose.matrix(), np.eye(4))
        for _, sensor in sensors.values()
        if not isinstance(sensor, ContactSensor)
    )


@pytest.mark.skipif(shutil.which("check_urdf") is None, reason="needs check_urdf of liburdfdom-tools")
def test_carebot_is_accepted_by_urdfdom() -> None:
    done = subprocess.run(["check_urdf", str(URDF)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "root Link: base_link" in done.stdout


@pytest.mark.skipif(shutil.which("ign") is None, reason="needs ign sdf of libsdformat-dev and ignition-tools")
def test_gazebo_reads_the_same_frictions_and_the_bumper() -> None:
    done = subprocess.run(["ign", "sdf", "-p", str(URDF)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "<collision name='bumper_link_collision'>" in done.stdout
    assert "<collision>bumper_link_collision</collision>" in done.stdout
    for friction in ("0.9", "1.1", "0.3"):
        assert f"<mu>{friction}</mu>" in done.stdout
