"""`state_publisher`: the robot's frames, and its description for whoever asks.

It stands in for robot_state_publisher of a full ROS 2: what it publishes is the same.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage

from care_robot.actuation.robot_state import JointStateError, RobotState, Transform
from care_robot.bringup.substitutions import SubstitutionError, package_share
from care_robot.description import DescriptionError
from care_robot.perception.newest import Pace
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds
from care_robot.ros.node import CareNode, ConfigurationError, Health, Level, run_node
from care_robot.ros.parameters import parameter
from care_robot.ros.transforms import TransformBroadcaster
from care_robot.urdf import read_urdf


@dataclass(frozen=True)
class Parameters:
    """Parameters of the node."""

    urdf_file: str = parameter("", "Description of the robot, a URDF file; empty for carebot's.")
    rate: float = parameter(
        20.0, "How often the frames are published at most.", unit="Hz", minimum=1.0, maximum=50.0
    )


class StatePublisherNode(CareNode[Parameters]):
    """Joint positions in, transforms out."""

    def __init__(self, **options: Any) -> None:
        super().__init__("state_publisher", Parameters, **options)

    def configure(self, parameters: Parameters) -> None:
        """Read the robot and begin to listen."""
        try:
            path = Path(parameters.urdf_file) if parameters.urdf_file else _carebot()
            self._state = RobotState(read_urdf(path))
            self._text = path.read_text(encoding="utf-8")
        except (DescriptionError, SubstitutionError) as error:
            raise ConfigurationError(str(error)) from error
        self._fixed = TransformBroadcaster(self, static=True)
        self.at_cleanup(self._fixed.destroy)
        self._description = self.publisher(String, "robot_description", qos.LATCHED)
        self._moving = self.publisher(TFMessage, "/tf", qos.TF)
        self._pace = Pace(parameters.rate)
        self._positions: dict[str, float] = {}
        self._refused = ""
        self.subscribe(JointState, "joint_states", qos.SENSOR, self._on_joints)

    def activate(self) -> None:
        """Publish what never changes."""
        self._description.publish(String(data=self._text))
        now_s = self.now_s()
        for transform in self._state.fixed:
            self._fixed.send(transform.parent, transform.child, transform.pose, now_s)

    def diagnose(self) -> Health:
        """Say why joint positions were refused."""
        return Health(Level.WARN, self._refused) if self._refused else Health()

    def _on_joints(self, message: JointState) -> None:
        names, positions = list(message.name), list(message.position)
        if len(names) != len(positions):
            self._refused = (
                f"joint_states has {len(names)} names but {len(positions)} positions; give each one."
            )
            return
        new = dict(zip(names, positions, strict=True))
        try:
            self._state.check(new)
        except JointStateError as error:
            self._refused = str(error)
            return
        self._refused = ""
        self._positions |= new  # drivers may publish parts of the robot in turn
        if self._pace.lets_through(to_seconds(message.header.stamp)):
            # All in one message: every listener pays for each message.
            moved = self._state.transforms(self._positions)
            self._moving.publish(TFMessage(transforms=[_stamped(t, message.header.stamp) for t in moved]))


def _carebot() -> Path:
    """Description of the project's own robot: in the source tree, or where the package is installed."""
    file = Path("config/robots/carebot.urdf")
    source = Path(__file__).resolve().parents[2] / file
    return source if source.is_file() else package_share("care_robot", dict(os.environ)) / file


def _stamped(transform: Transform, stamp: Time) -> TransformStamped:
    message = TransformStamped(child_frame_id=transform.child)
    message.header.frame_id, message.header.stamp = transform.parent, stamp
    translation, rotation = message.transform.translation, message.transform.rotation
    translation.x, translation.y, translation.z = map(float, transform.pose.position)
    rotation.x, rotation.y, rotation.z, rotation.w = map(float, transform.pose.quaternion)
    return message


def main() -> None:
    """Run the node."""
    run_node(StatePublisherNode)


if __name__ == "__main__":
    main()
