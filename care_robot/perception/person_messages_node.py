"""People as messages: care_robot_msgs/Person, and the joints and postures that REP-155 knows."""

import numpy as np
from care_robot_msgs.msg import Body as BodyMessage
from care_robot_msgs.msg import Person as PersonMessage
from geometry_msgs.msg import Point, Vector3
from hri_msgs.msg import BodyPosture, NormalizedPointOfInterest2D, Skeleton2D

from care_robot.perception.bodies import SHOULDERS, Array, Body, Landmark, middle
from care_robot.perception.people import Person
from care_robot.perception.posture import Posture
from care_robot.ros.conversions import to_stamp

POSTURES = {
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


def to_message(person: Person) -> PersonMessage:
    """A person as `people` tells them."""
    body = person.body
    message = PersonMessage(
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
        room=person.room,
    )
    if person.position is not None and person.position_covariance is not None:
        message.position_valid = True
        message.position = point_of(person.position)
        message.position_covariance = person.position_covariance[:2, :2].astype(np.float32).ravel()
    if person.velocity_m_s is not None:
        x, y, z = map(float, person.velocity_m_s)
        message.velocity = Vector3(x=x, y=y, z=z)
    if person.look_again_bearing_rad is not None:
        message.look_again, message.look_again_bearing = True, person.look_again_bearing_rad
    return message


def point_of(position: Array) -> Point:
    """A place (3,), m."""
    x, y, z = map(float, position)
    return Point(x=x, y=y, z=z)


def skeleton_of(body: Body) -> list[NormalizedPointOfInterest2D]:
    """The 18 joints of REP-155."""
    joints = {joint: (*body.image[mark], body.visibility[mark]) for joint, mark in _JOINTS.items()}
    joints[Skeleton2D.NECK] = (*middle(body.image, SHOULDERS), body.visibility[list(SHOULDERS)].min())
    points = []
    for joint in range(len(joints)):
        x, y, c = (float(number) for number in joints[joint])
        points.append(NormalizedPointOfInterest2D(x=x, y=y, c=c))
    return points
