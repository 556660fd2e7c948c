"""`people_tracker`: the bodies of all cameras as people with an identity, also by REP-155."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from care_robot_msgs.msg import Body as BodyMessage
from care_robot_msgs.msg import BodyArray, PersonArray
from care_robot_msgs.msg import Person as PersonMessage
from hri_msgs.msg import BodyPosture, IdsList, NormalizedPointOfInterest2D, Skeleton2D

from care_robot.perception.bodies import LEVEL_CAMERA_UP, SHOULDERS, Array, Body, Landmark, middle
from care_robot.perception.people import PeopleTracker, Person, View, room_of
from care_robot.perception.posture import Posture
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds, to_stamp
from care_robot.ros.node import CareNode, ConfigurationError, Health, Level, run_node
from care_robot.ros.parameters import parameter
from care_robot.ros.transforms import TransformError, TransformListener

MAP = "map"
DELIVERS_S = 1.0  # a camera that gave bodies within this time delivers
SETTLED_S = 0.5  # bodies seen for a shorter time may be phantoms: they get no REP-155 topics of their own

_POSTURES = {
    Posture.STANDING: BodyPosture.STANDING,
    Posture.WALKING: BodyPosture.STANDING,
    Posture.SITTING: BodyPosture.SITTING,
    Posture.CROUCHING: BodyPosture.CROUCHING,
    Posture.LYING: BodyPosture.LAYING,
    Posture.LYING_ON_FLOOR: BodyPosture.LAYING,
    Posture.LYING_ON_FURNITURE: BodyPosture.LAYING,
}
_JOINTS = {
    Skeleton2D.NOSE: Landmark.NOSE,
    Skeleton2D.RIGHT_SHOULDER: Landmark.RIGHT_SHOULDER,
    Skeleton2D.RIGHT_ELBOW: Landmark.RIGHT_ELBOW,
    Skeleton2D.RIGHT_WRIST: Landmark.RIGHT_WRIST,
    Skeleton2D.LEFT_SHOULDER: Landmark.LEFT_SHOULDER,
    Skeleton2D.LEFT_ELBOW: Landmark.LEFT_ELBOW,
    Skeleton2D.LEFT_WRIST: Landmark.LEFT_WRIST,
    Skeleton2D.RIGHT_HIP: Landmark.RIGHT_HIP,
    Skeleton2D.RIGHT_KNEE: Landmark.RIGHT_KNEE,
    Skeleton2D.RIGHT_ANKLE: Landmark.RIGHT_ANKLE,
    Skeleton2D.LEFT_HIP: Landmark.LEFT_HIP,
    Skeleton2D.LEFT_KNEE: Landmark.LEFT_KNEE,
    Skeleton2D.LEFT_ANKLE: Landmark.LEFT_ANKLE,
    Skeleton2D.LEFT_EYE: Landmark.LEFT_EYE,
    Skeleton2D.RIGHT_EYE: Landmark.RIGHT_EYE,
    Skeleton2D.LEFT_EAR: Landmark.LEFT_EAR,
    Skeleton2D.RIGHT_EAR: Landmark.RIGHT_EAR,
}


@dataclass(frozen=True)
class Parameters:
    """Parameters of the node."""

    cameras: list[str] = parameter(["camera"], "Cameras to join: bodies come from people/<camera>/bodies.")


class PeopleTrackerNode(CareNode[Parameters]):
    """Bodies of every camera in, `people` and humans/bodies/… out."""

    def __init__(self, **options: Any) -> None:
        super().__init__("people_tracker", Parameters, **options)
        self._transforms: TransformListener | None = None
        self._of_bodies: dict[str, tuple[Any, Any]] = {}

    def configure(self, parameters: Parameters) -> None:
        """Wire up."""
        cameras = parameters.cameras
        if not cameras or len(set(cameras)) < len(cameras) or not all(cameras):
            raise ConfigurationError("The parameter 'cameras' must name one camera or more, each once.")
        self._tracker = PeopleTracker()
        self._heard_s: dict[str, float] = {}
        self._cameras = cameras
        self._transforms = TransformListener(self)
        self._people = self.publisher(PersonArray, "people", qos.STATE)
        self._tracked = self.publisher(IdsList, "humans/bodies/tracked", qos.STATE)
        for camera in cameras:
            self.subscribe(BodyArray, f"people/{camera}/bodies", qos.SENSOR, self._listener(camera))
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
        return Health()

    def _listener(self, camera: str) -> Callable[[BodyArray], None]:
        return lambda message: self._on_bodies(camera, message)

    def _on_bodies(self, camera: str, message: BodyArray) -> None:
        if message.height == 0 or message.width == 0:
            self.get_logger().error(
                f"Bodies of {camera} were left out: their image has no size.", throttle_duration_sec=10.0
            )
            return
        t_s = to_seconds(message.header.stamp)
        self._heard_s[camera] = self.now_s()
        view = View(camera, t_s, message.width / message.height, self._up(message.header.frame_id))
        bodies = [
            Body.from_flat(b.image_landmarks, b.world_landmarks, b.visibility, b.score)
            for b in message.bodies
        ]
        seen = self._tracker.update(view, bodies)
        self._publish(t_s)
        self._publish_bodies(message, seen)

    def _up(self, frame_id: str) -> Array:
        """Up in a camera's optical axes; of a level camera where its place is not known."""
        assert self._transforms is not None  # noqa: S101 (set in configure)
        try:
            return np.asarray(self._transforms.tree.lookup(MAP, frame_id).rotation()[2])
        except TransformError:
            return LEVEL_CAMERA_UP

    def _delivering(self) -> list[str]:
        now_s = self.now_s()
        return [c for c in self._cameras if abs(now_s - self._heard_s.get(c, -DELIVERS_S)) <= DELIVERS_S]

    def _say_when_blind(self) -> None:
        if not self._delivering():
            self._publish(self.now_s())

    def _publish(self, t_s: float) -> None:
        message = PersonArray(cameras=self._delivering())
        message.header.stamp = to_stamp(t_s)
        message.header.frame_id = MAP
        message.people = [_to_message(person) for person in self._tracker.people(t_s)]
        self._people.publish(message)

    def _publish_bodies(self, message: BodyArray, seen: list[Person]) -> None:
        """What REP-155 asks for."""
        t_s = to_seconds(message.header.stamp)
        settled = [p for p in self._tracker.people(t_s) if t_s - p.first_seen_s >= SETTLED_S]
        self._offer_bodies([person.id for person in settled])
        tracked = IdsList(ids=[person.id for person in settled])
        tracked.header.stamp = message.header.stamp
        self._tracked.publish(tracked)
        for person in seen:
            if person.id in self._of_bodies:
                skeletons, postures = self._of_bodies[person.id]
                skeletons.publish(Skeleton2D(header=message.header, skeleton=_skeleton(person.body)))
                posture = _POSTURES.get(person.posture, BodyPosture.OTHER)
                postures.publish(BodyPosture(header=message.header, posture=posture))

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
            )


def _to_message(person: Person) -> PersonMessage:
    body = person.body
    return PersonMessage(
        id=person.id,
        first_seen=to_stamp(person.first_seen_s),
        last_seen=to_stamp(person.last_seen_s),
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
        room=room_of(person.camera),
    )


def _skeleton(body: Body) -> list[NormalizedPointOfInterest2D]:
    joints = {joint: (*body.image[mark], body.visibility[mark]) for joint, mark in _JOINTS.items()}
    joints[Skeleton2D.NECK] = (*middle(body.image, SHOULDERS), body.visibility[list(SHOULDERS)].min())
    points = []
    for joint in range(len(joints)):
        x, y, c = (float(number) for number in joints[joint])
        points.append(NormalizedPointOfInterest2D(x=x, y=y, c=c))
    return points


def main() -> None:
    """Run the node."""
    run_node(PeopleTrackerNode)


if __name__ == "__main__":
    main()
