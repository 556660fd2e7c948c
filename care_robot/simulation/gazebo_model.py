"""The robot for Gazebo: its own URDF, and with it the plugin that runs its controllers.

Links, joints, sensors and `<ros2_control>` are in the URDF itself, which hardware and the embedded simulator
read as well. Only Gazebo needs the plugin, and the plugin needs the path of a file, which is known at launch.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import yaml  # type: ignore[import-untyped, unused-ignore]

from care_robot.description import DescriptionError
from care_robot.urdf import read_urdf

SWITCH_RATE_HZ = 10.0
BATTERY_RATE_HZ = 1.0
"""What `gazebo_signals` publishes: bumper and e-stop button, and the battery."""

HARDWARE = "gz_ros2_control/GazeboSimSystem"
_PLUGIN = {"filename": "gz_ros2_control-system", "name": "gz_ros2_control::GazeboSimROS2ControlPlugin"}


def gazebo_urdf(robot: Path, controllers: Path) -> str:
    """Text of a robot's URDF with Gazebo's plugin for ros2_control.

    Parameters
    ----------
    robot
        The URDF; its `<ros2_control>` says which joints are commanded.
    controllers
        Parameters of the controller manager, the same that hardware uses.

    Raises
    ------
    DescriptionError
        One of the files cannot be read or does not fit.
    """
    model = read_urdf(robot)
    _check_controllers(controllers)
    root = ElementTree.fromstring(robot.read_text(encoding="utf-8"))  # noqa: S314 (`read_urdf` refuses a DOCTYPE)
    commanded = _commanded(root, robot)
    for name in commanded - {joint.name for joint in model.joints}:
        raise DescriptionError(
            f"{robot}: <ros2_control> names the joint '{name}', which the robot does not have; correct it."
        )
    gazebo = ElementTree.SubElement(root, "gazebo")
    plugin = ElementTree.SubElement(gazebo, "plugin", _PLUGIN)
    ElementTree.SubElement(plugin, "parameters").text = str(controllers.resolve())
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _commanded(root: ElementTree.Element, robot: Path) -> set[str]:
    """Joints of the hardware that Gazebo stands for."""
    for control in root.iter("ros2_control"):
        if control.findtext("hardware/plugin", "").strip() == HARDWARE:
            return {joint.get("name", "") for joint in control.iter("joint")}
    raise DescriptionError(
        f"{robot}: there is no <ros2_control> whose hardware plugin is {HARDWARE}; add it, with the joints."
    )


def _check_controllers(path: Path) -> None:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        types = content["controller_manager"]["ros__parameters"]
        if not isinstance(types, dict):
            raise TypeError("ros__parameters")
    except OSError as error:
        raise DescriptionError(f"The controllers {path} cannot be read ({error.strerror}).") from None
    except (yaml.YAMLError, ValueError, KeyError, TypeError):
        raise DescriptionError(
            f"{path}: this is no list of controllers; it needs controller_manager: ros__parameters: …"
        ) from None
