"""`kinematic_simulator`: the simulated home without contact or pictures, for logic and scenarios.

It stands in for `localizer`, `navigator`, `arm_server` and `people_tracker`, and says so.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from care_robot_msgs.msg import Body as BodyMessage
from care_robot_msgs.msg import CameraState, Heartbeat, PersonArray, SafetyState
from care_robot_msgs.msg import Person as PersonMessage
from care_robot_msgs.srv import EnableCamera
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from rclpy.publisher import Publisher
from sensor_msgs.msg import BatteryState, JointState, LaserScan
from std_msgs.msg import Bool

from care_robot.actuation.safety import Obedience
from care_robot.geometry import OPTICAL, Pose
from care_robot.perception.newest import Pace
from care_robot.perception.people import Person
from care_robot.ros import qos
from care_robot.ros.conversions import to_stamp
from care_robot.ros.node import Health, Level, run_node
from care_robot.ros.parameters import parameter
from care_robot.ros.transforms import TransformBroadcaster
from care_robot.simulation.building import fixed_cameras
from care_robot.simulation.kinematic import KinematicHome
from care_robot.simulation.kinematic_actions_node import Actions
from care_robot.simulation.kinematic_people import Lens, Place
from care_robot.simulation.recipe import Recipe
from care_robot.simulation.simulation_node import (
    SimulationNode,
    SimulationParameters,
    odometry_message,
    scan_message,
)

PEOPLE_RATE_HZ = 10.0
SENSOR_RATES_HZ = {"odom": 10.0, "joint_states": 5.0, "e_stop_button": 5.0, "bumper": 5.0, "scan": 2.0}
SENSOR_RATES_HZ |= {"battery_state": 1.0}
"""Of simulated time; at ten times real time Python nodes cannot hear more than a few hundred a second."""
FEEDBACK_RATE_HZ = 2.0
SPEED = 12.0
"""Ten times real time, with something in hand for a moment in which the machine is busy."""
POSITION_STD_M = 0.05
LISTENER = "fall_detector"
FALL_SPEED, FALL_SEEN_S = 4.0, 5.0
"""How fast while somebody goes down, and for so long after: ten sightings last a quarter of a second."""
HEARD_S, STARVED_SPEED, DEAD_S = 0.2, 2.0, 3.0
"""Two heartbeats of the listener are missing; how fast it goes then; and when the listener is given up."""
STANDS_IN = "It stands in for localizer, navigator, arm_server and people_tracker: do not start those."


@dataclass(frozen=True)
class Parameters(SimulationParameters):
    """Parameters of the node."""

    speed: float = parameter(
        SPEED, "Simulated time over wall time; 0 for as fast as it can.", minimum=0.0, maximum=1000.0
    )


class KinematicSimulatorNode(SimulationNode[Parameters, KinematicHome]):
    """A home in which everything goes where it is told."""

    step_s = 1.0 / PEOPLE_RATE_HZ

    def __init__(self, **options: Any) -> None:
        self._broadcasters: list[TransformBroadcaster] = []
        super().__init__("kinematic_simulator", Parameters, **options)

    def make_home(self, recipe: Recipe, parameters: Parameters) -> KinematicHome:
        """Build the home."""
        return KinematicHome(recipe)

    def wire(self, parameters: Parameters) -> None:
        """Make all that the robot's body and the nodes that this one stands in for have."""
        self.get_logger().info(f"Kinematic simulation of {parameters.world}. {STANDS_IN}")
        self._actions = Actions(self)
        self._people = self.publisher(PersonArray, "people", qos.STATE)
        types = {
            "odom": Odometry,
            "joint_states": JointState,
            "battery_state": BatteryState,
            "bumper": Bool,
            "e_stop_button": Bool,
            "scan": LaserScan,
        }
        make = {
            "odom": self._odometry,
            "joint_states": self._actions.joint_states,
            "battery_state": self._battery,
            "bumper": lambda: Bool(data=bool(self.home.base.bumper)),
            "e_stop_button": lambda: Bool(data=self.home.base.e_stop),
            "scan": self._scan,
        }
        self._sensors: dict[str, tuple[Publisher, Callable[[], Any], Pace]] = {
            topic: (self.publisher(types[topic], topic, qos.SENSOR), make[topic], Pace(rate_hz))
            for topic, rate_hz in SENSOR_RATES_HZ.items()
        }
        self._people_pace, self._blind_pace, self._feedback_pace = (
            Pace(PEOPLE_RATE_HZ),
            Pace(1.0),
            Pace(FEEDBACK_RATE_HZ),
        )
        self._transforms = TransformBroadcaster(self)
        static = TransformBroadcaster(self, static=True)
        self._broadcasters = [self._transforms, static]
        for camera, pose in fixed_cameras(parameters.world).items():
            static.send("map", f"{camera}_optical_frame", pose.compose(OPTICAL), self.now_s())
        self._camera_states = {}
        for camera in self.home.watch.lenses:
            self._camera_states[camera] = self.publisher(CameraState, f"{camera}/camera/state", qos.LATCHED)
            self.serve(EnableCamera, f"{camera}/camera/enable", partial(self._enable, camera))
        self.subscribe(TwistStamped, "cmd_vel", qos.COMMAND, self._on_velocity)
        self._obedience = Obedience()
        self.subscribe(SafetyState, "safety/state", qos.LATCHED, self._on_safety)
        self._went_down_s = self._heard_s = -math.inf
        self.subscribe(Heartbeat, f"{LISTENER}/heartbeat", qos.SENSOR, self._hear)

    def activate(self) -> None:
        """Let time pass, and say how the cameras are."""
        for lens in self.home.watch.lenses.values():
            self._tell_camera(lens, "", "")
        super().activate()

    def pace(self) -> float:
        """As told; slower while somebody goes down, and while who decides on falls is starved.

        A listener that gets no processor time for a quarter of a second would lose sightings of the fall
        itself, and the outcome would depend on the machine. Whoever is dead is not waited for.
        """
        now_s = time.monotonic()
        if self.home.falling:
            self._went_down_s = self.home.time_s
        if self.home.time_s - self._went_down_s < FALL_SEEN_S:
            return min(self.speed or FALL_SPEED, FALL_SPEED)
        starved_s = now_s - self._heard_s
        return min(self.speed or STARVED_SPEED, STARVED_SPEED) if HEARD_S < starved_s < DEAD_S else self.speed

    def _on_safety(self, message: SafetyState) -> None:
        """Stop within one step: without the lock, for which a fast simulation keeps one waiting."""
        self._obedience.hear(message.state)
        self._obey()

    def _obey(self) -> None:
        self.home.stopped, self.home.refusal = self._obedience.ask(time.monotonic())

    def _hear(self, _beat: Heartbeat) -> None:
        self._heard_s = time.monotonic()

    def end_goals(self, sentence: str) -> None:
        """Abort what the robot was told to do."""
        self._actions.goals.abort(sentence)

    def cleanup(self) -> None:
        """Take transforms away."""
        while self._broadcasters:
            self._broadcasters.pop().destroy()
        super().cleanup()

    def diagnose(self) -> Health:
        """Say whether it is as fast as it should be."""
        values = {"real_time_factor": f"{self.real_time_factor:.1f}"}
        off = [lens.name for lens in self.home.watch.lenses.values() if not lens.enabled]
        if self.speed and 0.0 < self.real_time_factor < 0.9 * self.speed:
            return Health(Level.WARN, f"Slower than the {self.speed:g} that it was told.", values)
        if off:
            return Health(Level.WARN, f"Switched off: {', '.join(off)}: reduced cover.", values)
        return Health(values=values)

    # Topics ------------------------------------------------------------------------------------------------

    def publish(self) -> None:
        """Obey the safety supervisor, and tell what is due now."""
        self._obey()
        t_s = self.home.time_s
        if self._people_pace.lets_through(t_s):
            self._publish_people(t_s)
        for topic, (publisher, make, pace) in self._sensors.items():
            if pace.lets_through(t_s):
                if topic == "odom" and "odom" not in self.home.silent:
                    self._publish_transforms()
                if topic not in self.home.silent and publisher.get_subscription_count():
                    publisher.publish(make())
        self._actions.goals.settle()
        if self._feedback_pace.lets_through(t_s):
            self._actions.goals.tell()

    def _publish_people(self, t_s: float) -> None:
        seen = self.home.seen()
        cameras = self.home.watch.delivering(t_s)
        if not cameras and not self._blind_pace.lets_through(t_s):
            return
        stamp = self.stamp()
        message = PersonArray(cameras=cameras)
        message.header.stamp, message.header.frame_id = stamp, "map"
        message.people = [person_message(p, place, self.now_s() - t_s) for p, place in seen]
        self._people.publish(message)

    def _publish_transforms(self) -> None:
        x, y, yaw = self.home.base.odometry
        odom_to_base = Pose.from_rpy(x, y, 0.0, yaw=yaw)
        map_to_odom = self.home.base.believed().compose(odom_to_base.inverse())
        self._transforms.send("map", "odom", map_to_odom, self.now_s())
        self._transforms.send("odom", "base_link", odom_to_base, self.now_s())

    def _odometry(self) -> Odometry:
        base = self.home.base
        x, y, yaw = base.odometry
        pose = Pose.from_rpy(x, y, 0.0, yaw=yaw)
        return odometry_message(pose, base.linear_m_s, base.angular_rad_s, self.stamp())

    def _battery(self) -> BatteryState:
        battery = self.home.battery
        message = BatteryState(percentage=battery.charge, voltage=22.0 + 7.0 * battery.charge, present=True)
        message.header.stamp, message.header.frame_id = self.stamp(), "base_link"
        charging, not_charging = (
            BatteryState.POWER_SUPPLY_STATUS_CHARGING,
            BatteryState.POWER_SUPPLY_STATUS_DISCHARGING,
        )
        message.power_supply_status = charging if battery.charging else not_charging
        return message

    def _scan(self) -> LaserScan:
        lidar, ranges_m = self.home.scan()
        return scan_message(lidar, ranges_m, SENSOR_RATES_HZ["scan"], self.home.lidar_link, self.stamp())

    def _on_velocity(self, message: TwistStamped) -> None:
        with self.lock:
            self.home.base.command(message.twist.linear.x, message.twist.angular.z, self.home.time_s)

    # Cameras -----------------------------------------------------------------------------------------------

    def _enable(self, camera: str, request: Any, response: Any) -> Any:
        if not request.by:
            response.error_code = EnableCamera.Response.NAME_MISSING
            response.error_msg = "Who or what switches the camera must be given in 'by'."
            return response
        with self.lock:
            lens = self.home.watch.lenses[camera]
            lens.enabled = request.enabled
        self._tell_camera(lens, request.by, request.reason)
        response.success = True
        return response

    def _tell_camera(self, lens: Lens, by: str, reason: str) -> None:
        state = CameraState(
            camera=lens.name, enabled=lens.enabled, recording=lens.enabled, by=by, reason=reason
        )
        state.header.stamp, state.header.frame_id = self.stamp(), f"{lens.name}_optical_frame"
        self._camera_states[lens.name].publish(state)


def person_message(person: Person, place: Place, start_s: float) -> PersonMessage:
    """A tracked person as a message; times of the tracker begin at `start_s`."""
    body = person.body
    message = PersonMessage(
        id=person.id,
        first_seen=to_stamp(start_s + person.first_seen_s),
        last_seen=to_stamp(start_s + person.last_seen_s),
        camera=person.camera,
        body=BodyMessage(
            image_landmarks=body.image.astype(np.float32).ravel(),
            world_landmarks=body.world.astype(np.float32).ravel(),
            visibility=body.visibility.astype(np.float32),
            score=body.score,
        ),
        posture=int(person.posture),
        posture_confidence=person.posture_confidence,
        torso_inclination=person.torso_inclination_rad,
        hip_height=person.hip_height,
        hip_x=float(person.hip[0]),
        hip_y=float(person.hip[1]),
        torso_length=person.torso_length,
        position_valid=True,
        room=place.room,
    )
    message.position.x, message.position.y, message.position.z = map(float, place.position_m)
    message.velocity.x, message.velocity.y, message.velocity.z = map(float, place.velocity_m_s)
    message.position_covariance = np.array([1.0, 0.0, 0.0, 1.0], np.float32) * POSITION_STD_M**2
    return message


def main() -> None:
    """Run the node."""
    run_node(KinematicSimulatorNode)


if __name__ == "__main__":
    main()
