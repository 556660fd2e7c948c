"""`gazebo_signals`: what the contract asks of a robot's body and Gazebo does not have. Kept tiny on purpose.

The bumper as a switch, an e-stop button that nobody presses, a battery that empties steadily, and where the
cameras of the rooms hang.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool

from care_robot.description import Camera, DescriptionError
from care_robot.geometry import OPTICAL
from care_robot.ros import qos
from care_robot.ros.conversions import to_stamp
from care_robot.ros.node import CareNode, ConfigurationError, run_node
from care_robot.ros.parameters import parameter
from care_robot.ros.transforms import TransformBroadcaster
from care_robot.simulation.gazebo_model import BATTERY_RATE_HZ, SWITCH_RATE_HZ
from care_robot.simulation.sdf import find_world, read_world

PRESSED_S = 0.2
"""How long a contact counts: Gazebo says nothing when it has ended."""
FULL_V, EMPTY_V = 29.4, 24.0


@dataclass(frozen=True)
class Parameters:
    """Parameters of the node."""

    world: str = parameter("apartment", "World whose cameras these are: a name of sim/worlds, or a file.")
    battery_life: float = parameter(8.0, "From full to empty.", unit="h", minimum=0.01, maximum=100.0)


class GazeboSignalsNode(CareNode[Parameters]):
    """Fills the gaps between Gazebo and the contract."""

    def __init__(self, **options: Any) -> None:
        super().__init__("gazebo_signals", Parameters, **options)

    def configure(self, parameters: Parameters) -> None:
        """Read the world, and listen to Gazebo's contacts."""
        try:
            self._world = read_world(find_world(parameters.world))
        except DescriptionError as error:
            raise ConfigurationError(str(error)) from error
        try:
            contacts = import_module("ros_gz_interfaces.msg").Contacts  # it has no wheel
        except ImportError as error:
            raise ConfigurationError(
                "The package ros_gz_interfaces is missing; install Gazebo's bridge: "
                "sudo apt-get install ros-jazzy-ros-gz."
            ) from error
        self._life_s = parameters.battery_life * 3600.0
        self._touched_s = -PRESSED_S
        self._start_s: float | None = None
        self._bumper = self.publisher(Bool, "bumper", qos.SENSOR)
        self._e_stop = self.publisher(Bool, "e_stop_button", qos.SENSOR)
        self._battery = self.publisher(BatteryState, "battery_state", qos.SENSOR)
        self._frames = TransformBroadcaster(self, static=True)
        self.at_cleanup(self._frames.destroy)
        self.subscribe(contacts, "bumper/contacts", qos.SENSOR, self._on_contacts)
        self.every(1.0 / SWITCH_RATE_HZ, self._publish_switches)
        self.every(1.0 / BATTERY_RATE_HZ, self._publish_battery)

    def activate(self) -> None:
        """Say where the cameras of the rooms are."""
        for model in self._world.models:
            for link, sensor in model.sensors():
                if isinstance(sensor, Camera):
                    pose = model.pose.compose(link.pose).compose(sensor.pose).compose(OPTICAL)
                    self._frames.send("map", f"{sensor.name}_optical_frame", pose, self.now_s())

    def _on_contacts(self, message: Any) -> None:
        if message.contacts:
            self._touched_s = self.now_s()

    def _publish_switches(self) -> None:
        self._bumper.publish(Bool(data=self.now_s() - self._touched_s < PRESSED_S))
        self._e_stop.publish(Bool(data=False))

    def _publish_battery(self) -> None:
        now_s = self.now_s()
        if self._start_s is None or now_s < self._start_s:
            self._start_s = now_s  # also when a simulation began anew
        left = max(0.0, 1.0 - (now_s - self._start_s) / self._life_s)
        state = BatteryState(percentage=left, voltage=EMPTY_V + left * (FULL_V - EMPTY_V), present=True)
        state.header.stamp = to_stamp(now_s)
        state.power_supply_status = BatteryState.POWER_SUPPLY_STATUS_DISCHARGING
        self._battery.publish(state)


def main() -> None:
    """Run the node."""
    run_node(GazeboSignalsNode)


if __name__ == "__main__":
    main()
