"""`world_view`: a page on this machine that shows the simulated world from above, and the robot's view."""

import json
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
from care_robot_msgs.msg import CameraState, Person, SimTruth
from rclpy.subscription import Subscription
from sensor_msgs.msg import Image

from care_robot.description import DescriptionError
from care_robot.geometry import Pose
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds
from care_robot.ros.images import ImageError, image_to_array
from care_robot.ros.node import CareNode, ConfigurationError, run_node
from care_robot.ros.parameters import parameter
from care_robot.simulation.building import OVERVIEW, load_world
from care_robot.simulation.occupancy import footprints
from care_robot.simulation.view_server import Stream, ViewError, ViewServer

NOTHING = cv2.imencode(".jpg", np.zeros((3, 4), np.uint8))[1].tobytes()
"""The picture of a camera that is switched off."""

POSTURES = {
    Person.POSTURE_STANDING: "서 있음 · standing",
    Person.POSTURE_WALKING: "걷는 중 · walking",
    Person.POSTURE_SITTING: "앉음 · sitting",
    Person.POSTURE_BENDING: "굽힘 · bending",
    Person.POSTURE_CROUCHING: "쪼그림 · crouching",
    Person.POSTURE_KNEELING: "무릎 꿇음 · kneeling",
    Person.POSTURE_LYING_ON_FURNITURE: "가구에 누움 · lying on furniture",
    Person.POSTURE_LYING_ON_FLOOR: "바닥에 누움 · lying on the floor",
}


@dataclass(frozen=True)
class Parameters:
    """Parameters of the node."""

    port: int = parameter(8008, "Port of the page, on this machine only.", minimum=0, maximum=65535)
    world: str = parameter("apartment", "World that is shown: a name of sim/worlds, or a file.")
    camera: str = parameter("living_room_camera", "Camera beside the robot's that is shown.")
    pictures: bool = parameter(True, "Whether there are cameras; none are rendered in the kinematic world.")


class WorldViewNode(CareNode[Parameters]):
    """Shows pictures and plan; a tool for people, no part of the robot."""

    def __init__(self, **options: Any) -> None:
        super().__init__("world_view", Parameters, **options)
        self._server: ViewServer | None = None

    def configure(self, parameters: Parameters) -> None:
        """Open the page."""
        p = parameters
        topics = {"overview": OVERVIEW, "head": "head_camera"}
        if p.camera not in topics.values():
            topics["camera"] = p.camera
        self._subscriptions_of: dict[str, Subscription] = {}
        self._state = Stream("text/event-stream")
        streams = {"state": self._state}
        self._watched: dict[str, bool] = {}
        for name in topics if p.pictures else ():
            streams[name] = Stream("image/jpeg", partial(self._watch, name))
            self.subscribe(
                CameraState, f"{topics[name]}/camera/state", qos.LATCHED, partial(self._switch, name)
            )
        self._topics, self._streams = topics, streams
        self._off: set[str] = set()
        try:
            world = load_world(p.world)
            plan = {
                "rooms": [{"name": room.name, "polygon": room.polygon_m} for room in world.rooms],
                "solid": footprints(world),
                "pictures": sorted(streams.keys() - {"state"}),
            }
            self._server = ViewServer(p.port, plan, streams)
        except (DescriptionError, ViewError) as error:
            raise ConfigurationError(str(error)) from None
        self._world = world
        self.subscribe(SimTruth, "sim/truth", qos.STATE, self._show)
        self.every(0.2, self._follow)

    def activate(self) -> None:
        """Say where the page is."""
        if self._server is not None:
            self.get_logger().info(f"The simulated world is shown at {self._server.url}")

    def deactivate(self) -> None:
        """Look at no camera."""
        for subscription in self._subscriptions_of.values():
            self.destroy_subscription(subscription)
        self._subscriptions_of.clear()

    def cleanup(self) -> None:
        """Close the page."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _watch(self, name: str, watched: bool) -> None:
        self._watched[name] = watched  # in a server's thread; taken up in the node's own

    def _follow(self) -> None:
        """Listen to a camera only while somebody looks: nothing is rendered for nobody."""
        for name, watched in list(self._watched.items()):
            if watched and name not in self._subscriptions_of:
                self._subscriptions_of[name] = self.create_subscription(
                    Image, f"{self._topics[name]}/image_raw", partial(self._picture, name), qos.SENSOR
                )
            elif not watched and name in self._subscriptions_of:
                self.destroy_subscription(self._subscriptions_of.pop(name))

    def _switch(self, name: str, state: CameraState) -> None:
        """What is switched off is shown no longer, not even its last picture."""
        if state.enabled:
            self._off.discard(name)
        else:
            self._off.add(name)
            self._streams[name].put(NOTHING)

    def _picture(self, name: str, image: Image) -> None:
        try:
            pixels = image_to_array(image)
            if pixels.ndim != 3:
                raise ImageError(f"A picture of encoding {image.encoding} has no colours to show.")
        except ImageError as error:
            self.get_logger().warning(str(error), throttle_duration_sec=10.0)
            return
        done, jpeg = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        if done and name not in self._off:
            self._streams[name].put(jpeg.tobytes())

    def _show(self, truth: SimTruth) -> None:
        p, q = truth.robot_pose.position, truth.robot_pose.orientation
        yaw = Pose((p.x, p.y, p.z), (q.x, q.y, q.z, q.w)).rpy()[2]  # type: ignore[arg-type]
        state = {
            "t": to_seconds(truth.header.stamp),
            "robot": {"x": p.x, "y": p.y, "yaw": yaw},
            "objects": [
                {"name": thing.name, "x": thing.pose.position.x, "y": thing.pose.position.y}
                for thing in truth.objects
            ],
            "people": [
                {
                    "id": person.resident_id,
                    "x": person.hips.x,
                    "y": person.hips.y,
                    "posture": POSTURES.get(person.posture, "알 수 없음 · unknown"),
                    "down": person.posture == Person.POSTURE_LYING_ON_FLOOR,
                    "room": self._world.room_at(person.hips.x, person.hips.y),
                    "distance": person.robot_distance,
                }
                for person in truth.people
            ],
        }
        self._state.put(json.dumps(state).encode())


def main() -> None:
    """Run the node."""
    run_node(WorldViewNode, self_activate=True)


if __name__ == "__main__":
    main()
