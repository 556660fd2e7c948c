"""`fall_detector`: falls and people found lying, from tracked people."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from care_robot_msgs.msg import Evidence as EvidenceMessage
from care_robot_msgs.msg import FallEvent as FallEventMessage
from care_robot_msgs.msg import FallEventArray, PersonArray
from care_robot_msgs.msg import Person as PersonMessage
from geometry_msgs.msg import Point

from care_robot.perception.bodies import Array, Body
from care_robot.perception.fall_events import FallEvent
from care_robot.perception.falls import FallDetector, FallSettings
from care_robot.perception.people import Person, room_of
from care_robot.perception.person_messages_node import point_of
from care_robot.perception.posture import Posture
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds, to_stamp
from care_robot.ros.node import CareNode, Health, Level, run_node
from care_robot.ros.parameters import parameter

TICK_S = 0.2
SILENT_S = 2.0


@dataclass(frozen=True)
class Parameters:
    """Parameters of the node."""

    confirm: float = parameter(
        0.8, "Time on the floor before a fall counts.", unit="s", minimum=0.2, maximum=60
    )
    lying_confirm: float = parameter(
        10.0,
        "Time that somebody seen standing before lies low before it counts.",
        unit="s",
        minimum=2,
        maximum=600,
    )
    lying_unknown_confirm: float = parameter(
        60.0,
        "The same for somebody never seen standing, who may lie on a bed.",
        unit="s",
        minimum=2,
        maximum=7200,
    )


class FallDetectorNode(CareNode[Parameters]):
    """`people` in, `falls` out: on change and once a second."""

    def __init__(self, **options: Any) -> None:
        super().__init__("fall_detector", Parameters, **options)

    def configure(self, parameters: Parameters) -> None:
        """Wire up."""
        p = parameters
        self._detector = FallDetector(
            FallSettings(
                confirm_s=p.confirm,
                lying_confirm_s=p.lying_confirm,
                lying_unknown_confirm_s=p.lying_unknown_confirm,
            )
        )
        self._told: list[FallEvent] = []
        self._people: dict[str, Person] = {}  # as last seen, for as long as they have an event
        self._heard_s = self.now_s()
        self._ahead_s = 0.0  # of this clock before the stamps of the images
        self._falls = self.publisher(FallEventArray, "falls", qos.LATCHED)
        self.subscribe(PersonArray, "people", qos.STATE, self._on_people)
        self.every(TICK_S, self._on_tick)
        self.every(1.0, self._publish)

    def diagnose(self) -> Health:
        """Say whether anybody looks."""
        silent_s = self.now_s() - self._heard_s
        if silent_s > SILENT_S:
            return Health(Level.WARN, f"No people message for {silent_s:.0f} s: does people_tracker run?")
        return Health(values={"events": str(len(self._told))})

    def _on_people(self, message: PersonArray) -> None:
        self._heard_s = self.now_s()
        if message.cameras:  # else nobody looks, and the stamp is not one of an image
            self._ahead_s = self._heard_s - to_seconds(message.header.stamp)
            people = [_person(person) for person in message.people]
            self._people.update((person.id, person) for person in people)
            self._update(self._heard_s - self._ahead_s, people)

    def _on_tick(self) -> None:
        """Time passes also while no image comes: somebody down who is lost from sight is still down."""
        self._update(self.now_s() - self._ahead_s, [])

    def _update(self, t_s: float, people: list[Person]) -> None:
        if self._detector.update(t_s, people) != self._told:
            self._publish()

    def _publish(self) -> None:
        self._told = self._detector.events()
        known = {event.person_id for event in self._told}
        self._people = {key: person for key, person in self._people.items() if key in known}
        messages = [_to_message(event, self._people.get(event.person_id)) for event in self._told]
        message = FallEventArray(events=messages)
        message.header.stamp = self.get_clock().now().to_msg()
        message.header.frame_id = "map"
        self._falls.publish(message)


def _person(message: PersonMessage) -> Person:
    b = message.body
    body = Body.from_flat(b.image_landmarks, b.world_landmarks, b.visibility, b.score)
    return Person(
        id=message.id,
        camera=message.camera,
        first_seen_s=to_seconds(message.first_seen),
        last_seen_s=to_seconds(message.last_seen),
        body=body,
        posture=Posture(message.posture) if message.posture in set(Posture) else Posture.UNKNOWN,
        posture_confidence=message.posture_confidence,
        torso_inclination_rad=message.torso_inclination,
        hip_height=message.hip_height,
        hip=np.array([message.hip_x, message.hip_y]),
        torso_length=message.torso_length,
        velocity=np.zeros(2),
        position=_position(message),
        position_covariance=_covariance(message),
        room=message.room,
    )


def _position(message: PersonMessage) -> Array | None:
    place = np.array([message.position.x, message.position.y, message.position.z])
    return place if message.position_valid and bool(np.isfinite(place).all()) else None


def _covariance(message: PersonMessage) -> Array:
    covariance = np.zeros((3, 3))
    covariance[:2, :2] = np.asarray(message.position_covariance, dtype=np.float64).reshape(2, 2)
    return covariance


def _to_message(event: FallEvent, person: Person | None) -> FallEventMessage:
    position = None if person is None else person.position
    return FallEventMessage(
        id=event.id,
        kind=int(event.kind),
        state=int(event.state),
        person_id=event.person_id,
        camera=event.camera,
        room=(person.room if person is not None else "") or room_of(event.camera),
        start=to_stamp(event.start_s),
        confirmed_at=_stamp(event.confirmed_s),
        recovered_at=_stamp(event.recovered_s),
        score=event.score,
        evidence=[
            EvidenceMessage(name=e.name, value=float(e.value), unit=e.unit, threshold=float(e.threshold))
            for e in event.evidence
        ],
        position_valid=position is not None,
        position=Point() if position is None else point_of(position),
    )


def _stamp(t_s: float | None) -> Time:
    return Time() if t_s is None else to_stamp(t_s)


def main() -> None:
    """Run the node."""
    run_node(FallDetectorNode)


if __name__ == "__main__":
    main()
