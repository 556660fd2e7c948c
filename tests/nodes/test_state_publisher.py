"""The robot's frames over real topics."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage

from care_robot.actuation.state_publisher_node import StatePublisherNode
from care_robot.ros import qos
from care_robot.ros.conversions import to_stamp
from care_robot.ros.transforms import TransformListener

INERTIAL = """<inertial><mass value="1"/>
    <inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>"""
URDF = f"""<?xml version="1.0"?>
<robot name="crane">
  <link name="base_link"/>
  <link name="arm">{INERTIAL}</link>
  <link name="hook">{INERTIAL}</link>
  <link name="camera"/>
  <joint name="turn" type="revolute">
    <parent link="base_link"/><child link="arm"/><origin xyz="0 0 1"/><axis xyz="0 0 1"/>
    <limit lower="-3" upper="3" effort="1" velocity="1"/>
  </joint>
  <joint name="drop" type="prismatic">
    <parent link="arm"/><child link="hook"/><origin xyz="1 0 0"/><axis xyz="0 0 -1"/>
    <limit lower="0" upper="1" effort="1" velocity="1"/>
  </joint>
  <joint name="mount" type="fixed">
    <parent link="base_link"/><child link="camera"/><origin xyz="0.2 0 1.5"/>
  </joint>
</robot>
"""


@pytest.fixture
def urdf(tmp_path: Path) -> str:
    path = tmp_path / "crane.urdf"
    path.write_text(URDF)
    return str(path)


def state(t_s: float, **positions: float) -> JointState:
    message = JointState(name=list(positions), position=list(positions.values()))
    message.header.stamp = to_stamp(t_s)
    return message


def frames(ros: Any, node: StatePublisherNode, *, listeners: int = 1) -> Any:
    """What comes on /tf, once its publisher has found all that listen."""
    inbox = ros.inbox(TFMessage, "/tf", qos.TF)
    ros.wait_until(lambda: node._moving.get_subscription_count() == listeners, "listeners of /tf")
    return inbox


def test_joint_positions_become_frames(ros: Any, urdf: str) -> None:
    listener = TransformListener(ros.tester)
    moved = frames(ros, ros.node(StatePublisherNode, urdf_file=urdf), listeners=2)
    joints = ros.publisher(JointState, "joint_states", qos.SENSOR)
    joints.publish(state(5.0, turn=math.pi / 2, drop=0.4))
    message = moved.wait()
    assert {t.child_frame_id for t in message.transforms} == {"arm", "hook"}
    assert {t.header.stamp.sec for t in message.transforms} == {5}
    ros.wait_until(lambda: "camera" in str(listener.tree._static), "the frames that never change")
    hook = listener.tree.lookup("base_link", "hook", 5.0)
    np.testing.assert_allclose(hook.position, (0.0, 1.0, 0.6), atol=1e-6)
    camera = listener.tree.lookup("base_link", "camera")
    np.testing.assert_allclose(camera.position, (0.2, 0.0, 1.5), atol=1e-6)


def test_parts_of_the_robot_may_speak_in_turn(ros: Any, urdf: str) -> None:
    moved = frames(ros, ros.node(StatePublisherNode, urdf_file=urdf, rate=20.0))
    joints = ros.publisher(JointState, "joint_states", qos.STATE)
    joints.publish(state(1.0, turn=0.5))
    moved.wait()
    joints.publish(state(1.1, drop=0.2))
    message = moved.wait(lambda m: m.transforms[0].header.stamp.nanosec == 100_000_000)
    assert {t.child_frame_id for t in message.transforms} == {"arm", "hook"}


def test_frames_come_no_oftener_than_asked_for(ros: Any, urdf: str) -> None:
    moved = frames(ros, ros.node(StatePublisherNode, urdf_file=urdf, rate=10.0))
    joints = ros.publisher(JointState, "joint_states", qos.STATE)
    for n in range(5):
        for late_s in (0.0, 0.02, 0.05):
            joints.publish(state(10.0 + n / 10 + late_s, turn=n / 10))
        moved.wait(lambda m, n=n: m.transforms[0].header.stamp.nanosec // 10**7 == n * 10)
    joints.publish(state(20.0, turn=2.9))
    moved.wait(lambda m: m.transforms[0].header.stamp.sec == 20)
    assert len(moved.messages) == 6


def test_the_description_is_there_for_whoever_comes_late(ros: Any, urdf: str) -> None:
    ros.node(StatePublisherNode, urdf_file=urdf)
    assert ros.inbox(String, "robot_description", qos.LATCHED).wait().data == URDF


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (state(1.0, turn=math.nan), "turn"),
        (state(1.0, turn=0.1, elbow=0.1), "no joint 'elbow'"),
        (JointState(name=["turn", "drop"], position=[0.1]), "2 names but 1 positions"),
    ],
    ids=["not a number", "unknown", "uneven"],
)
def test_positions_that_cannot_be_are_refused_and_said(
    ros: Any, urdf: str, bad: JointState, says: str
) -> None:
    moved = frames(ros, ros.node(StatePublisherNode, urdf_file=urdf))
    told = ros.inbox(DiagnosticArray, "/diagnostics", qos.STATE)
    joints = ros.publisher(JointState, "joint_states", qos.STATE)
    joints.publish(bad)
    told.wait(lambda m: any(says in status.message for status in m.status))
    joints.publish(state(2.0, turn=0.3))
    moved.wait()
    assert len(moved.messages) == 1  # the first frame is that of the good message
    told.wait(lambda m: any(s.name.endswith("state_publisher") and s.message == "OK" for s in m.status))


@pytest.mark.parametrize(
    ("text", "says"), [(None, "cannot be read"), ("<robot", "well-formed"), ("<robot name='x'/>", "x.urdf")]
)
def test_a_robot_that_cannot_be_read_is_said_in_a_sentence(
    ros: Any, tmp_path: Path, text: str | None, says: str
) -> None:
    path = tmp_path / "x.urdf"
    if text is not None:
        path.write_text(text)
    node = ros.node(StatePublisherNode, start=False, urdf_file=str(path))
    assert node.trigger_configure().name == "FAILURE"
    assert says in node.trouble
    assert str(path) in node.trouble
    assert "\n" not in node.trouble


def test_carebot_is_the_default(ros: Any) -> None:
    ros.node(StatePublisherNode)
    text = ros.inbox(String, "robot_description", qos.LATCHED).wait().data
    assert '<robot name="carebot">' in text
