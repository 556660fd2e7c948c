"""A simulated run calls nobody real, leaves the real records alone, and stays on its machine."""

from pathlib import Path

import pytest
import yaml

from care_robot.bringup.launch_plan import LaunchPlan
from care_robot.bringup.launch_xml import load_plan
from care_robot.care.places import read_places
from care_robot.care.store import default_folder

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which the package is installed."""
    index = tmp_path / "share/ament_index/resource_index/packages"
    index.mkdir(parents=True)
    (index / "care_robot").touch()
    (tmp_path / "share/care_robot").symlink_to(ROOT)
    return {"AMENT_PREFIX_PATH": str(tmp_path), "HOME": str(tmp_path / "home"), "PATH": "/usr/bin"}


def load(environment: dict[str, str], sim: str) -> LaunchPlan:
    return load_plan(ROOT / "launch/sim.launch.xml", {"sim": sim}, environment)


@pytest.mark.parametrize("sim", ["physics", "kinematic"])
def test_a_simulation_calls_nobody_and_leaves_the_real_records_alone(
    environment: dict[str, str], sim: str
) -> None:
    plan = load(environment, sim)
    (manager,) = (p for p in plan.processes if p.label.endswith("care_manager"))
    given = {n: str(value) for p in manager.parameters if isinstance(p, dict) for n, value in p.items()}
    assert Path(given["data_dir"]).is_absolute()
    assert Path(given["data_dir"]) != default_folder(environment)
    assert not given["webhook_url"]
    config = yaml.safe_load(Path(given["config_file"]).read_text(encoding="utf-8"))
    channels = [channel["type"] for contact in config["contacts"] for channel in contact["channels"]]
    assert set(channels) == {"console"}


@pytest.mark.parametrize("sim", ["physics", "kinematic"])
def test_nothing_of_a_simulation_leaves_this_machine(environment: dict[str, str], sim: str) -> None:
    for process in load(environment, sim).processes:
        assert process.env["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
        assert "subnet" not in process.env["FASTRTPS_DEFAULT_PROFILES_FILE"]


def test_people_are_tracked_among_the_rooms_and_furniture_of_the_world(environment: dict[str, str]) -> None:
    (tracker,) = (p for p in load(environment, "physics").processes if p.label.endswith("people_tracker"))
    given = {n: value for p in tracker.parameters if isinstance(p, dict) for n, value in p.items()}
    assert given["cameras"] == ["living_room_camera"]
    assert read_places(Path(given["places_file"])).furniture


@pytest.mark.parametrize(("camera", "fixed"), [("head_camera", False), ("living_room_camera", True)])
def test_the_robots_own_camera_is_not_called_moved(
    environment: dict[str, str], camera: str, fixed: bool
) -> None:
    plan = load_plan(ROOT / "launch/sim.launch.xml", {"camera": camera}, environment)
    (estimator,) = (p for p in plan.processes if p.label.endswith("pose_estimator"))
    given = {n: value for p in estimator.parameters if isinstance(p, dict) for n, value in p.items()}
    assert given["fixed"] is fixed
    gazebo = (ROOT / "launch/sim_gazebo.launch.xml").read_text(encoding="utf-8")  # read by ros2 launch alone
    assert '<arg name="on_robot" value="$(equals $(var camera) head_camera)"/>' in gazebo
