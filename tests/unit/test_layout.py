"""The layout's two rules: imports run one way, and ROS stays in nodes and in ros/."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "care_robot"
MODULES = sorted(p.relative_to(PACKAGE) for p in PACKAGE.rglob("*.py"))

MAY_IMPORT = {
    "care": set(),
    "perception": {"care", "geometry"},
    "planning": {"care", "geometry", "description", "urdf"},
    "actuation": {"care", "geometry", "description", "urdf"},
    "ros": {"geometry"},
    "geometry": set(),
    "description": {"geometry"},
    "sdf_elements": {"description", "geometry"},
    "urdf": {"description", "geometry", "sdf_elements"},
}
ON_TOP = {"console", "gateways", "simulation", "evaluation", "bringup"}
ROS = re.compile(r"(rclpy|launch(_ros)?|\w+_msgs|rcl_interfaces|builtin_interfaces|care_robot\.ros)(\.|$)")

NODE = re.compile(r"care_robot\.\w+\.\w+_node(\.|$)")


def imports(path: Path, source: str) -> Iterator[str]:
    """Every module that a source imports, also inside functions, with full names."""
    package = ["care_robot", *path.parent.parts]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def faults(path: Path, source: str) -> list[str]:
    """What a module imports and may not; `path` is relative to the package."""
    layer = path.parts[0].removesuffix(".py")
    is_node = path.name.endswith("_node.py")
    found = []
    for name in imports(path, source):
        if ROS.match(name) and not is_node and layer != "ros":
            found.append(f"{path} imports {name}: only nodes and ros/ may")
        if not name.startswith("care_robot."):
            continue
        other = name.split(".")[1]
        is_layer = other in MAY_IMPORT or other in ON_TOP
        shared = is_node and other == layer  # two nodes may have what they share in a third file
        if NODE.match(name) and not shared and layer not in ON_TOP - {"gateways", "simulation"}:
            found.append(f"{path} imports the node {name}")
        # A node is where parts are put together, and nothing below imports it: it may reach any pure layer.
        if is_layer and not is_node and other not in MAY_IMPORT.get(layer, {other}) | {layer}:
            found.append(f"{path} imports {name}: {layer} may not import {other}")
    return found


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_run_one_way(path: Path) -> None:
    assert faults(path, (PACKAGE / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("care/alarms.py", "import rclpy"),
        ("care/alarms.py", "from care_robot_msgs.msg import Alarm"),
        ("care/alarms.py", "def f():\n    from rclpy.node import Node"),
        ("care/alarms.py", "from care_robot.perception import falls"),
        ("care/alarms.py", "from ..perception import falls"),
        ("perception/falls.py", "from care_robot.ros import qos"),
        ("perception/falls.py", "from care_robot.actuation.speech import Speech"),
        ("perception/pose_estimator_node.py", "import care_robot.actuation.speech_node"),
        ("geometry.py", "from care_robot.care import alarms"),
        ("console/cli.py", "import rclpy"),
    ],
)
def test_the_rules_catch_what_they_forbid(path: str, source: str) -> None:
    assert faults(Path(path), source)


def test_every_layer_is_known() -> None:
    folders = {p.name for p in PACKAGE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert folders <= MAY_IMPORT.keys() | ON_TOP


def test_quality_of_service_is_set_in_one_place() -> None:
    for path in MODULES:
        if path != Path("ros/qos.py"):
            assert "QoSProfile(" not in (PACKAGE / path).read_text(encoding="utf-8"), path


def test_only_evaluation_and_the_simulation_itself_know_the_truth() -> None:
    """A product node that read the simulator's truth would work in the simulation alone."""
    for path in MODULES:
        if path.parts[0] not in ("simulation", "evaluation"):
            source = (PACKAGE / path).read_text(encoding="utf-8")
            assert not re.search(r"sim/truth|SimTruth|sim/state|SimState|simulation\.truth", source), path
    for launch_file in (PACKAGE.parent / "launch").iterdir():
        assert "truth" not in launch_file.read_text(encoding="utf-8"), launch_file  # no remapping either
