"""What care_robot expects of a robot's body, read strictly and compared; and Gazebo's files keep it."""

import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from care_robot.bringup.contract import (
    Body,
    Contract,
    ContractError,
    Seen,
    cameras_rooms,
    compare,
    load_contract,
)
from care_robot.simulation.gazebo_model import BATTERY_RATE_HZ, SWITCH_RATE_HZ
from care_robot.urdf import read_urdf

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "config/contract.yaml"
ROBOT = ROOT / "config/robots/carebot.urdf"
WORLDS = sorted((ROOT / "sim/worlds").glob("*.sdf"))
LAUNCH = ROOT / "launch/sim_gazebo.launch.xml"

# What each type of controller has under its own name: (kind, name, type).
CONTROLLERS = {
    "joint_state_broadcaster/JointStateBroadcaster": [],
    "diff_drive_controller/DiffDriveController": [],
    "joint_trajectory_controller/JointTrajectoryController": [
        ("follow_joint_trajectory", "control_msgs/action/FollowJointTrajectory")
    ],
    "parallel_gripper_action_controller/GripperActionController": [
        ("gripper_cmd", "control_msgs/action/ParallelGripperCommand")
    ],
}


def contract() -> Contract:
    return load_contract(CONTRACT)


def good_body(rooms: tuple[str, ...] = ("kitchen",)) -> Body:
    """A body that keeps the contract."""
    wanted = contract().at(rooms)
    frames = {name: ("lidar" if t.frame == "link" else t.frame) for name, t in wanted.published.items()}
    return Body(
        published={
            name: Seen(t.type, frames[name], t.rate_hz, reliable=True, latched=t.qos == "LATCHED")
            for name, t in wanted.published.items()
        },
        subscribed={name: Seen(t.type, latched=False) for name, t in wanted.subscribed.items()},
        actions={name: Seen(a.type) for name, a in wanted.actions.items()},
        links=("base_link", "lidar"),
    )


# Comparing ------------------------------------------------------------------------------------------------


def test_a_body_that_keeps_the_contract_has_no_mismatch() -> None:
    assert compare(contract().at(["kitchen"]), good_body()) == []


def test_what_cannot_be_told_is_not_held_against_a_body() -> None:
    body = good_body()
    unknown = {name: Seen(seen.type) for name, seen in body.published.items()}
    assert compare(contract().at(["kitchen"]), replace(body, published=unknown)) == []


@given(st.data())
def test_whatever_is_missing_is_named_with_a_remedy(data: st.DataObject) -> None:
    body = good_body()
    kind = data.draw(st.sampled_from(["published", "subscribed", "actions"]))
    there: dict[str, Seen] = dict(getattr(body, kind))
    gone = data.draw(st.sampled_from(sorted(there)))
    del there[gone]
    (mismatch,) = compare(contract().at(["kitchen"]), replace(body, **{kind: there}))
    assert mismatch.name == gone
    assert mismatch.sentence.startswith(f"{gone} is not ")
    assert re.search(r"(; start or remap|; remap )", mismatch.sentence)


def test_a_topic_under_another_name_is_found_and_named() -> None:
    body = good_body()
    moved = {**body.published, "base/scan": body.published["scan"]}
    del moved["scan"]
    (mismatch,) = compare(contract().at(["kitchen"]), replace(body, published=moved))
    assert mismatch.sentence.endswith("; remap base/scan to it.")


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("scan", {"type": "sensor_msgs/msg/PointCloud2"}, "scan is of type sensor_msgs/msg/PointCloud2"),
        ("scan", {"frame": "laser_of_nobody"}, "scan has the frame 'laser_of_nobody'; it must be a link"),
        ("scan", {"frame": ""}, "scan has the frame ''"),
        ("odom", {"frame": "map"}, "odom has the frame 'map'; it must be 'odom'"),
        ("scan", {"rate_hz": 8.9}, "scan comes with 8.9 Hz; it must be 10 Hz or more"),
        ("scan", {"rate_hz": float("nan")}, "scan comes with nan Hz"),
        ("robot_description", {"latched": False}, "robot_description is not published transient local"),
        ("robot_description", {"reliable": False}, "robot_description is not published reliable"),
        ("kitchen_camera/image_raw", {"frame": "kitchen_camera"}, "must be 'kitchen_camera_optical_frame'"),
    ],
)
def test_what_is_otherwise_is_said_with_a_remedy(name: str, change: dict[str, Any], says: str) -> None:
    body = good_body()
    changed = {**body.published, name: replace(body.published[name], **change)}
    (mismatch,) = compare(contract().at(["kitchen"]), replace(body, published=changed))
    assert says in mismatch.sentence
    assert mismatch.sentence.count(":") >= 1  # what to do stands after the colon


def test_nine_tenths_of_a_rate_are_enough() -> None:
    body = good_body()
    slower = {**body.published, "scan": replace(body.published["scan"], rate_hz=9.0)}
    assert compare(contract().at(["kitchen"]), replace(body, published=slower)) == []


def test_a_base_that_waits_for_latched_orders_would_never_move() -> None:
    body = good_body()
    deaf = {"cmd_vel": replace(body.subscribed["cmd_vel"], latched=True)}
    (mismatch,) = compare(contract().at(["kitchen"]), replace(body, subscribed=deaf))
    assert "hears nothing" in mismatch.sentence


def test_every_room_with_a_camera_is_asked_for() -> None:
    names = contract().at(["kitchen", "hall"]).published
    assert {"kitchen_camera/image_raw", "hall_camera/camera_info"} <= names.keys()
    assert not any("<" in name or "<" in (topic.frame or "") for name, topic in names.items())
    assert cameras_rooms(["kitchen_camera", "head_camera", "scan", "kitchen_camera_depth"]) == ["kitchen"]


# Reading --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file"),
        ("[1, 2]", "the file"),
        ("published: {}\nsubscribed: {}\n", "actions: field required"),
        ("published: {a: {type: std_msgs/msg/Bool, qos: FAST}}\nsubscribed: {}\nactions: {}", "qos"),
        ("published: {a: {type: Bool, qos: STATE}}\nsubscribed: {}\nactions: {}", "type"),
        ("published: {/a: {type: std_msgs/msg/Bool, qos: STATE}}\nsubscribed: {}\nactions: {}", "/a"),
        ("published: {}\nsubscribed: {}\nactions: {}\nservices: {}", "services"),
        (
            "published: {a: {type: a/msg/B, qos: STATE, rate_hz: .nan}}\nsubscribed: {}\nactions: {}",
            "rate",
        ),
        (
            "published: {a: {type: std_msgs/msg/Bool, qos: STATE, rate: 5}}\nsubscribed: {}\nactions: {}",
            "rate",
        ),
        ("published: [\n", "2: this is not valid YAML"),
        ("\x00", "not valid YAML"),
    ],
)
def test_a_broken_contract_is_one_sentence_with_the_file(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "contract.yaml"
    path.write_text(text)
    with pytest.raises(ContractError) as error:
        load_contract(path)
    message = str(error.value)
    assert message.startswith(str(path))
    assert says in message
    assert message.endswith(".")
    assert "\n" not in message


def test_a_contract_that_is_not_there_or_too_large_is_said(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"cannot be read \(No such file"):
        load_contract(tmp_path / "no.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * 200_000)
    with pytest.raises(ContractError, match="more than 100000 bytes"):
        load_contract(tmp_path / "large.yaml")


# Gazebo, from its files -------------------------------------------------------------------------------------


def gazebo_topics(path: Path) -> dict[str, tuple[str, str | None, float]]:
    """Type, frame and rate of each topic of Gazebo that the sensors in a URDF or SDF file publish."""
    found: dict[str, tuple[str, str | None, float]] = {}
    for sensor in ElementTree.parse(path).getroot().iter("sensor"):  # noqa: S314
        topic = sensor.findtext("topic") or sensor.findtext("contact/topic") or ""
        frame, rate_hz = sensor.findtext("gz_frame_id"), float(sensor.findtext("update_rate") or 0.0)
        topics = {
            "camera": {"": "Image", sensor.findtext("camera/camera_info_topic") or "": "CameraInfo"},
            "rgbd_camera": {"/image": "Image", "/depth_image": "Image", "/camera_info": "CameraInfo"},
            "gpu_lidar": {"": "LaserScan"},
            "imu": {"": "IMU"},
            "contact": {"": "Contacts"},
        }[sensor.get("type") or ""]
        for name, kind in topics.items():
            whole = name if name and not name.startswith("/") else topic + name
            assert whole not in found, f"{whole} has two sensors"
            found[whole] = (f"gz.msgs.{kind}", frame, rate_hz)
    return found


def spawner() -> tuple[list[str], dict[str, str]]:
    """Names of the controllers that the launch file starts, and what it remaps."""
    for node in ElementTree.parse(LAUNCH).getroot().iter("node"):  # noqa: S314
        if node.get("exec") == "spawner":
            words = shlex.split(node.get("args") or "")
            remaps = shlex.split(words[words.index("--controller-ros-args") + 1])
            pairs = [word.split(":=") for word in remaps if ":=" in word]
            names = words[: words.index("--controller-manager-timeout")]
            return names, {pair[0]: pair[1] for pair in pairs}
    raise AssertionError("the launch file starts no controllers")


def gazebo_body(world: Path) -> Body:
    """What Gazebo would publish, listen to and serve, from the files that it is started with."""
    bridge = yaml.safe_load((ROOT / "sim/gazebo/bridge.yaml").read_text())
    there = gazebo_topics(ROBOT) | gazebo_topics(world)
    published = {}
    for entry in bridge:
        assert entry["direction"] == "GZ_TO_ROS"
        if entry["gz_topic_name"] in there:
            gz_type, frame, rate_hz = there[entry["gz_topic_name"]]
            assert entry["gz_type_name"] == gz_type, entry
            name = entry["ros_topic_name"]
            published[name] = Seen(entry["ros_type_name"], frame, rate_hz, reliable=True, latched=False)
    names, remaps = spawner()
    parameters = yaml.safe_load((ROOT / "config/controllers.yaml").read_text())
    manager = parameters["controller_manager"]["ros__parameters"]
    drive = parameters["diff_drive_controller"]["ros__parameters"]
    assert set(names) == {name for name, value in manager.items() if isinstance(value, dict)}
    actions = {
        f"{name}/{action}": Seen(kind)
        for name in names
        for action, kind in CONTROLLERS[manager[name]["type"]]
    }
    published[remaps["~/odom"]] = Seen("nav_msgs/msg/Odometry", drive["odom_frame_id"], drive["publish_rate"])
    published["joint_states"] = Seen("sensor_msgs/msg/JointState", rate_hz=manager["update_rate"])
    published["robot_description"] = Seen("std_msgs/msg/String", reliable=True, latched=True)
    for name in ("bumper", "e_stop_button"):
        published[name] = Seen("std_msgs/msg/Bool", rate_hz=SWITCH_RATE_HZ)
    published["battery_state"] = Seen("sensor_msgs/msg/BatteryState", rate_hz=BATTERY_RATE_HZ)
    links = [link.name for link in read_urdf(ROBOT).links]
    return Body(
        published,
        {remaps["~/cmd_vel"]: Seen("geometry_msgs/msg/TwistStamped", latched=False)},
        actions,
        links,
    )


@pytest.mark.parametrize("world", WORLDS, ids=lambda path: path.stem)
def test_gazebo_keeps_the_contract(world: Path) -> None:
    cameras = [topic.removesuffix("/image_raw") for topic in gazebo_topics(world) if "image_raw" in topic]
    rooms = cameras_rooms(cameras)
    assert rooms
    assert compare(contract().at(rooms), gazebo_body(world)) == []


@pytest.mark.parametrize("world", WORLDS, ids=lambda path: path.stem)
def test_every_sensor_of_robot_and_world_is_bridged(world: Path) -> None:
    bridge = yaml.safe_load((ROOT / "sim/gazebo/bridge.yaml").read_text())
    carried = {entry["gz_topic_name"] for entry in bridge}
    not_needed = {"head_camera/points"}
    assert (gazebo_topics(ROBOT) | gazebo_topics(world)).keys() - carried - not_needed == set()


def test_nothing_is_bridged_that_no_world_has() -> None:
    bridge = yaml.safe_load((ROOT / "sim/gazebo/bridge.yaml").read_text())
    there = {"/clock"}.union(gazebo_topics(ROBOT), *(gazebo_topics(world) for world in WORLDS))
    assert {entry["gz_topic_name"] for entry in bridge} - there == set()


def test_the_base_obeys_the_safety_supervisors_topic_and_stops_without_it() -> None:
    names, remaps = spawner()
    drive = yaml.safe_load((ROOT / "config/controllers.yaml").read_text())["diff_drive_controller"]
    assert remaps["~/cmd_vel"] == "cmd_vel"
    assert 0.0 < drive["ros__parameters"]["cmd_vel_timeout"] <= 0.5
    assert drive["ros__parameters"]["base_frame_id"] == "base_link"
    assert names[0] == "joint_state_broadcaster"  # others wait for it
