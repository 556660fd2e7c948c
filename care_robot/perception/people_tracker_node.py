"""`people_tracker`: the bodies of all cameras as people with an identity, also by REP-155."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from care_robot_msgs.msg import BodyArray, PersonArray
from geometry_msgs.msg import PointStamped
from hri_msgs.msg import BodyPosture, IdsList, Skeleton2D
from sensor_msgs.msg import CameraInfo

from care_robot.care.places import Places, read_places
from care_robot.care.strict_yaml import YamlError
from care_robot.geometry import CameraModel, GeometryError, Pose
from care_robot.perception.bodies import LEVEL_CAMERA_UP, Body
from care_robot.perception.calibration import CalibrationError, fitted
from care_robot.perception.ground import Lens
from care_robot.perception.people import PeopleTracker, Person, View
from care_robot.perception.person_messages_node import POSTURES, point_of, skeleton_of, to_message
from care_robot.perception.tracks import MEMORY_S
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds, to_stamp
from care_robot.ros.node import CareNode, ConfigurationError, Health, Level, run_node
from care_robot.ros.parameters import parameter
from care_robot.ros.transforms import TransformError, TransformListener

MAP = "map"
DELIVERS_S = 1.0  # a camera that gave bodies within this time delivers
SETTLED_S = 0.5  # bodies seen for a shorter time may be phantoms: they get no REP-155 topics of their own


@dataclass(frozen=True)
class Parameters:
    """Parameters of the node."""

    cameras: list[str] = parameter(
        ["camera"], "Cameras to join: with people/<camera>/bodies and <camera>/camera_info."
    )
    places_file: str = parameter("", "Rooms and furniture (config/places); empty for none.")


class PeopleTrackerNode(CareNode[Parameters]):
    """Bodies of every camera in, `people` and humans/bodies/… out."""

    def __init__(self, **options: Any) -> None:
        super().__init__("people_tracker", Parameters, **options)
        self._transforms: TransformListener | None = None
        self._of_bodies: dict[str, tuple[Any, Any, Any]] = {}

    def configure(self, parameters: Parameters) -> None:
        """Wire up."""
        cameras = parameters.cameras
        if not cameras or len(set(cameras)) < len(cameras) or not all(cameras):
            raise ConfigurationError("The parameter 'cameras' must name one camera or more, each once.")
        try:
            places = read_places(Path(parameters.places_file)) if parameters.places_file else Places()
        except YamlError as error:
            raise ConfigurationError(str(error)) from None
        self._tracker = PeopleTracker(places=places)
        self._heard_s: dict[str, float] = {}
        self._infos: dict[str, tuple[Any, ...]] = {}  # as they came
        self._models: dict[str, CameraModel] = {}
        self._trouble: dict[str, str] = {}  # with a camera's calibration
        self._newest_s = -MEMORY_S
        self._cameras = cameras
        self._transforms = TransformListener(self)
        self._people = self.publisher(PersonArray, "people", qos.STATE)
        self._tracked = self.publisher(IdsList, "humans/bodies/tracked", qos.STATE)
        for camera in cameras:
            self.subscribe(BodyArray, f"people/{camera}/bodies", qos.SENSOR, self._listener(camera))
            self.subscribe(CameraInfo, f"{camera}/camera_info", qos.SENSOR, self._calibrator(camera))
        self.every(DELIVERS_S, self._say_when_blind)

    def deactivate(self) -> None:
        """Take the topics of single bodies away."""
        self._offer_bodies([])

    def cleanup(self) -> None:
        """Stop listening."""
        if self._transforms is not None:
            self._transforms.destroy()
            self._transforms = None

    def diagnose(self) -> Health:
        """Say which cameras are silent."""
        silent = sorted(set(self._cameras) - set(self._delivering()))
        if silent:
            return Health(
                Level.WARN, f"No bodies from {', '.join(silent)}: is it on, and its pose_estimator?"
            )
        for trouble in self._trouble.values():
            return Health(Level.WARN, trouble)
        return Health()

    def _calibrator(self, camera: str) -> Callable[[CameraInfo], None]:
        return lambda message: self._on_info(camera, message)

    def _on_info(self, camera: str, message: CameraInfo) -> None:
        """Take in a camera's calibration; it hardly ever changes, but comes with each image."""
        info = (message.width, message.height, message.distortion_model, *message.k, *message.d)
        if info == self._infos.get(camera):
            return
        self._infos[camera] = info
        self._models.pop(camera, None)
        self._trouble.pop(camera, None)
        try:
            self._models[camera] = CameraModel.from_camera_info(
                message.width, message.height, list(message.k), list(message.d), message.distortion_model
            )
        except GeometryError as error:
            self._complain(camera, error)

    def _complain(self, camera: str, error: Exception) -> None:
        sentence = f"Where people are is not told from {camera}. {error}"
        if self._trouble.get(camera) != sentence:
            self._trouble[camera] = sentence
            self.get_logger().warning(sentence, throttle_duration_sec=10.0)

    def _listener(self, camera: str) -> Callable[[BodyArray], None]:
        return lambda message: self._on_bodies(camera, message)

    def _on_bodies(self, camera: str, message: BodyArray) -> None:
        if message.height == 0 or message.width == 0:
            self.get_logger().error(
                f"Bodies of {camera} were left out: their image has no size.", throttle_duration_sec=10.0
            )
            return
        t_s = to_seconds(message.header.stamp)
        pose = self._pose(message.header.frame_id, t_s)
        up = LEVEL_CAMERA_UP if pose is None else np.asarray(pose.rotation()[2])
        aspect = message.width / message.height
        view = View(camera, t_s, aspect, up, self._lens(camera, pose, message.width, message.height))
        bodies = [
            Body.from_flat(b.image_landmarks, b.world_landmarks, b.visibility, b.score)
            for b in message.bodies
        ]
        seen = {person.id for person in self._tracker.update(view, bodies)}
        self._heard_s[camera] = self.now_s()  # only now: a camera whose bodies cannot be followed is blind
        set_back = t_s < self._newest_s - MEMORY_S
        self._newest_s = t_s if set_back else max(t_s, self._newest_s)
        people = self._tracker.people(self._newest_s)
        self._publish(self._newest_s, people)
        self._publish_bodies(message, people, [p for p in people if p.id in seen and p.camera == camera])

    def _pose(self, frame_id: str, t_s: float) -> Pose | None:
        """Of a camera's optical frame in the map at a time, or the newest one; None where it is not known."""
        assert self._transforms is not None  # noqa: S101 (set in configure)
        for time_s in (t_s, None):
            try:
                return self._transforms.tree.lookup(MAP, frame_id, time_s)
            except TransformError:
                continue
        return None

    def _lens(self, camera: str, pose: Pose | None, width: int, height: int) -> Lens | None:
        model = self._models.get(camera)
        if model is None or pose is None:
            return None
        if (model.width, model.height) != (width, height):
            try:
                model = fitted(model, width, height)
            except CalibrationError as error:
                self._complain(camera, error)
                return None
        return Lens(model, pose)

    def _delivering(self) -> list[str]:
        now_s = self.now_s()
        return [c for c in self._cameras if abs(now_s - self._heard_s.get(c, -DELIVERS_S)) <= DELIVERS_S]

    def _say_when_blind(self) -> None:
        if not self._delivering():
            now_s = self.now_s()
            self._publish(now_s, self._tracker.people(now_s))

    def _publish(self, t_s: float, people: list[Person]) -> None:
        message = PersonArray(cameras=self._delivering())
        message.header.stamp = to_stamp(t_s)
        message.header.frame_id = MAP
        message.people = [to_message(person) for person in people]
        self._people.publish(message)

    def _publish_bodies(self, message: BodyArray, people: list[Person], seen: list[Person]) -> None:
        """What REP-155 asks for; of somebody whom several cameras see, from the one that is gone by."""
        settled = [p for p in people if self._newest_s - p.first_seen_s >= SETTLED_S]
        self._offer_bodies([person.id for person in settled])
        tracked = IdsList(ids=[person.id for person in settled])
        tracked.header.stamp = message.header.stamp
        self._tracked.publish(tracked)
        for person in seen:
            if person.id in self._of_bodies:
                skeletons, postures, positions = self._of_bodies[person.id]
                skeletons.publish(Skeleton2D(header=message.header, skeleton=skeleton_of(person.body)))
                posture = POSTURES.get(person.posture, BodyPosture.OTHER)
                postures.publish(BodyPosture(header=message.header, posture=posture))
                if person.position is not None:
                    place = PointStamped(point=point_of(person.position))
                    place.header.stamp, place.header.frame_id = message.header.stamp, MAP
                    positions.publish(place)

    def _offer_bodies(self, ids: list[str]) -> None:
        """Make the topics of these bodies and take those of others away."""
        for gone in set(self._of_bodies) - set(ids):
            for publisher in self._of_bodies.pop(gone):
                self.destroy_publisher(publisher)
        for new in set(ids) - set(self._of_bodies):
            topic = f"humans/bodies/{new}"
            self._of_bodies[new] = (
                self.create_publisher(Skeleton2D, f"{topic}/skeleton2d", qos.SENSOR),
                self.create_publisher(BodyPosture, f"{topic}/posture", qos.SENSOR),
                self.create_publisher(PointStamped, f"{topic}/position", qos.SENSOR),
            )


def main() -> None:
    """Run the node."""
    run_node(PeopleTrackerNode)


if __name__ == "__main__":
    main()
