"""The launch file for Gazebo: read by ROS 2's own launch, and run where Gazebo is installed."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import rclpy
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter

from care_robot.bringup.contract import Body, Seen, compare, load_contract
from care_robot.bringup.launch_elements import LaunchFileError
from care_robot.bringup.launch_xml import load_plan
from care_robot.bringup.substitutions import SubstitutionError, package_prefix
from care_robot.ros import qos
from care_robot.simulation.gazebo_files import NO_RESIDENT
from care_robot.simulation.gazebo_resident import STORIES

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]
LAUNCH = ROOT / "launch/sim_gazebo.launch.xml"
DEADLINE_S = 180.0  # Gazebo loads for long on a machine without a graphics card


def has(package: str) -> bool:
    try:
        return package_prefix(package, dict(os.environ)).is_dir()
    except SubstitutionError:
        return False


ROS_LAUNCH = [name for name in ("launch", "launch_xml", "launch_ros") if not has(name)]
needs_ros_launch = pytest.mark.skipif(
    bool(ROS_LAUNCH) or importlib.util.find_spec("launch") is None,
    reason="ROS 2's launch is not installed; a full ROS 2 install has it",
)
GAZEBO = ["ros_gz_sim", "ros_gz_bridge", "gz_ros2_control", "controller_manager", "robot_state_publisher"]
GAZEBO += ["diff_drive_controller", "parallel_gripper_controller", "topic_tools"]
LACKING = [name for name in GAZEBO if not has(name)] + [p for p in ("gz", "ros2") if shutil.which(p) is None]
needs_gazebo = pytest.mark.skipif(bool(LACKING), reason=f"not installed: {', '.join(LACKING)}")


def test_the_embedded_launcher_says_in_a_sentence_that_it_cannot_run_it() -> None:
    with pytest.raises(LaunchFileError) as error:
        load_plan(LAUNCH, {}, os.environ)
    message = str(error.value)
    assert message.startswith(f"{LAUNCH}:")
    assert "is not known here" in message
    assert "\n" not in message


def test_every_argument_is_described() -> None:
    arguments = ElementTree.parse(LAUNCH).getroot().findall("arg")  # noqa: S314
    assert len(arguments) > 5
    assert [a.get("name") for a in arguments if not a.get("description")] == []
    (resident,) = [a for a in arguments if a.get("name") == "resident"]
    assert [choice.get("value") for choice in resident] == [NO_RESIDENT, *STORIES]


# Read by ROS 2's launch, with stand-ins for Gazebo --------------------------------------------------------

GZ_SIM = """
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess
from launch.substitutions import LaunchConfiguration as Value

def generate_launch_description():
    return LaunchDescription([
        DeclareLaunchArgument("gz_args"),
        DeclareLaunchArgument("on_exit_shutdown"),
        ExecuteProcess(cmd=["gz_sim", Value("gz_args"), Value("on_exit_shutdown")]),
    ])
"""
READER = """
import json, os, sys
import launch, yaml
from launch.actions import ExecuteLocal, IncludeLaunchDescription
from launch.launch_description_sources import AnyLaunchDescriptionSource
from launch.utilities import visit_all_entities_and_collect_futures

found = []

def note(self, context):
    self.prepare(context)
    words = self.process_details["cmd"]
    parameters = [yaml.safe_load(open(w)) for w, before in zip(words[1:], words) if before == "--params-file"]
    env = {k: v for k, v in self.process_details["env"].items() if k.startswith(("GZ_", "FASTRTPS"))}
    found.append({"cmd": words, "parameters": parameters, "env": env})

ExecuteLocal.execute = note
arguments = dict(a.split(":=", 1) for a in sys.argv[2:])
source = AnyLaunchDescriptionSource(sys.argv[1])
visit_all_entities_and_collect_futures(launch.LaunchDescription([
    IncludeLaunchDescription(source, launch_arguments=list(arguments.items()))]), launch.LaunchContext())
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An install prefix with this checkout's files, and programs that do nothing."""
    prefix = tmp_path_factory.mktemp("prefix")
    index = prefix / "share/ament_index/resource_index/packages"
    index.mkdir(parents=True)
    programs = {
        "care_robot": [
            "care_manager", "speech", "fall_detector", "people_tracker", "pose_estimator", "video_camera",
            "lifecycle_manager", "gazebo_signals",
        ],
        "controller_manager": ["spawner"],
        "robot_state_publisher": ["robot_state_publisher"],
        "ros_gz_bridge": ["parameter_bridge"],
        "ros_gz_sim": ["create"],
        "topic_tools": ["throttle"],
    }  # fmt: skip
    for package, names in programs.items():
        (index / package).touch()
        (prefix / "share" / package).mkdir()
        folder = prefix / "lib" / package
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).write_text("#!/bin/sh\n")
    for folder_name in ("launch", "config", "sim"):
        (prefix / "share/care_robot" / folder_name).symlink_to(ROOT / folder_name)
    (prefix / "share/ros_gz_sim/launch").mkdir()
    (prefix / "share/ros_gz_sim/launch/gz_sim.launch.py").write_text(GZ_SIM)
    command = "import sys\nfrom care_robot.simulation.gazebo_files import main\nsys.exit(main())\n"
    (prefix / "lib/care_robot/gazebo_files").write_text(f"#!{sys.executable}\n{command}")
    for program in prefix.glob("lib/*/*"):
        program.chmod(0o755)
    return prefix


def launched(prefix: Path, cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What ROS 2's launch would start, as JSON on standard output."""
    environment = {
        **os.environ,
        "AMENT_PREFIX_PATH": f"{prefix}:{os.environ.get('AMENT_PREFIX_PATH', '')}",
        "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}",
        "XDG_CACHE_HOME": str(cache),
    }
    command = [sys.executable, "-c", READER, str(LAUNCH), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


@needs_ros_launch
def test_launch_comes_to_gazebo_the_robot_its_controllers_and_the_care_nodes(
    prefix: Path, tmp_path: Path
) -> None:
    done = launched(prefix, tmp_path, "headless:=true", "resident:=none", "world:=ward")
    assert done.returncode == 0, done.stderr
    processes = {Path(process["cmd"][0]).name: process for process in json.loads(done.stdout)}
    assert processes["gz_sim"]["cmd"][1].startswith("-r -s --headless-rendering /")
    assert processes["gz_sim"]["cmd"][1].endswith("/sim/worlds/ward.sdf")
    assert processes["gz_sim"]["env"]["GZ_IP"] == "127.0.0.1"
    assert (ROOT / "sim/models").samefile(processes["gz_sim"]["env"]["GZ_SIM_RESOURCE_PATH"].split(":")[0])
    assert processes["parameter_bridge"]["env"]["FASTRTPS_DEFAULT_PROFILES_FILE"].endswith("images.xml")
    (spawn,) = processes["create"]["parameters"]
    assert spawn["/**"]["ros__parameters"]["world"] == "ward"
    published = json.dumps(processes["robot_state_publisher"]["parameters"])
    assert "GazeboSimROS2ControlPlugin" in published
    assert "-r ~/cmd_vel:=cmd_vel -r ~/odom:=odom" in processes["spawner"]["cmd"]
    care = {"care_manager", "speech", "fall_detector", "people_tracker", "pose_estimator", "gazebo_signals"}
    assert care <= processes.keys()
    assert "video_camera" not in processes
    assert processes["throttle"]["cmd"][1:5] == ["messages", "gazebo/clock", "50.0", "/clock"]
    (records,) = [
        p["/**"]["ros__parameters"]["data_dir"]
        for p in processes["care_manager"]["parameters"]
        if "data_dir" in p["/**"]["ros__parameters"]
    ]
    assert Path(records).is_relative_to(tmp_path)
    for name in care:
        assert "'use_sim_time': True" in str(processes[name]["parameters"]), name


@needs_ros_launch
def test_launch_refuses_an_unknown_world_with_the_sentence(prefix: Path, tmp_path: Path) -> None:
    done = launched(prefix, tmp_path, "world:=moon")
    assert done.returncode != 0
    assert "There is no world 'moon' in " in done.stderr


# Run in Gazebo ---------------------------------------------------------------------------------------------


@pytest.fixture
def gazebo(tmp_path: Path) -> Iterator[Node]:
    """Gazebo with the whole system, headless, in a domain of its own; a node that follows its clock."""
    domain = 1 + os.getpid() % 99
    environment = {**os.environ, "ROS_DOMAIN_ID": str(domain), "GZ_PARTITION": f"test_{os.getpid()}"}
    command = ["ros2", "launch", str(LAUNCH), "headless:=true", "resident:=walk", f"data_dir:={tmp_path}"]
    with (tmp_path / "launch.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    context = Context()
    rclpy.init(context=context, domain_id=domain)
    node = Node("tester", context=context, parameter_overrides=[Parameter("use_sim_time", value=True)])
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(30.0)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        sys.stdout.write((tmp_path / "launch.log").read_text(errors="replace")[-5000:])


@needs_gazebo
def test_the_robot_drives_half_a_metre_in_gazebo(gazebo: Node) -> None:
    poses: list[tuple[float, float]] = []
    velocity = gazebo.create_publisher(TwistStamped, "cmd_vel", qos.COMMAND)
    gazebo.create_subscription(
        Odometry,
        "odom",
        lambda m: poses.append((m.pose.pose.position.x, m.pose.pose.position.y)),
        qos.SENSOR,
    )

    def drive() -> None:
        order = TwistStamped()
        order.header.stamp = gazebo.get_clock().now().to_msg()
        order.twist.linear.x = 0.25
        velocity.publish(order)

    gazebo.create_timer(0.05, drive)
    executor = SingleThreadedExecutor(context=gazebo.context)
    executor.add_node(gazebo)
    end_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < end_s and not (poses and abs(poses[-1][0] - poses[0][0]) >= 0.5):
        executor.spin_once(timeout_sec=0.5)
    assert poses, "no odometry came"
    assert abs(poses[-1][0] - poses[0][0]) >= 0.5
    assert abs(poses[-1][1] - poses[0][1]) < 0.1
    topics = {name.lstrip("/"): types[0] for name, types in gazebo.get_topic_names_and_types()}
    contract = load_contract(ROOT / "config/contract.yaml").at(["living_room", "bedroom", "kitchen"])
    contract = contract.model_copy(update={"actions": {}})
    seen = {name: Seen(kind) for name, kind in topics.items() if gazebo.count_publishers(name)}
    heard = {name: Seen(kind) for name, kind in topics.items() if gazebo.count_subscribers(name)}
    assert compare(contract, Body(seen, heard, {})) == []
