"""What Gazebo lacks, filled in; Gazebo's bridge itself need not be installed."""

import importlib.util
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool, Empty

from care_robot.ros import qos
from care_robot.ros.transforms import TransformListener
from care_robot.simulation.gazebo_signals_node import GazeboSignalsNode


@pytest.fixture
def bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for ros_gz_interfaces, which has no wheel."""
    monkeypatch.setitem(sys.modules, "ros_gz_interfaces.msg", SimpleNamespace(Contacts=Empty))


@pytest.mark.usefixtures("bridge")
def test_the_bumper_is_pressed_while_gazebo_tells_of_contacts(ros: Any) -> None:
    node = ros.node(GazeboSignalsNode)
    bumper = ros.inbox(Bool, "bumper", qos.SENSOR)
    bumper.wait(lambda m: not m.data)
    node._on_contacts(SimpleNamespace(contacts=[]))
    bumper.wait(lambda _: len(bumper.messages) > 2)
    assert not any(m.data for m in bumper.messages)
    node._on_contacts(SimpleNamespace(contacts=["wall"]))
    bumper.wait(lambda m: m.data)
    before = len(bumper.messages)
    bumper.wait(lambda _: any(not m.data for m in bumper.messages[before:]))  # and is let go


@pytest.mark.usefixtures("bridge")
def test_the_e_stop_button_is_heard_of_and_the_battery_empties(ros: Any) -> None:
    ros.node(GazeboSignalsNode, battery_life=0.01)
    assert ros.inbox(Bool, "e_stop_button", qos.SENSOR).wait().data is False
    battery = ros.inbox(BatteryState, "battery_state", qos.SENSOR)
    first = battery.wait()
    assert 0.5 < first.percentage <= 1.0
    assert battery.wait(lambda m: m.percentage < first.percentage).voltage < first.voltage


@pytest.mark.usefixtures("bridge")
def test_the_cameras_of_the_rooms_have_their_places(ros: Any) -> None:
    listener = TransformListener(ros.tester)
    ros.node(GazeboSignalsNode, world="apartment")
    ros.wait_until(lambda: "kitchen_camera_optical_frame" in listener.tree._static, "the cameras' frames")
    camera = listener.tree.lookup("map", "living_room_camera_optical_frame")
    assert camera.position[2] > 1.5
    assert camera.rotation()[2, 2] < 0.5  # it looks into the room, not up


@pytest.mark.usefixtures("bridge")
def test_an_unknown_world_is_said_in_a_sentence(ros: Any) -> None:
    node = ros.node(GazeboSignalsNode, start=False, world="moon")
    assert node.trigger_configure().name == "FAILURE"
    assert "There is no world 'moon'" in node.trouble


@pytest.mark.skipif(
    importlib.util.find_spec("ros_gz_interfaces") is not None, reason="Gazebo's bridge is here"
)
def test_without_gazebos_bridge_it_says_what_to_install(ros: Any) -> None:
    node = ros.node(GazeboSignalsNode, start=False)
    assert node.trigger_configure().name == "FAILURE"
    assert "sudo apt-get install ros-jazzy-ros-gz" in node.trouble
