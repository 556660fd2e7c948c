"""What other nodes tell of the robot, the people and the alarms. Part of task_manager."""

import math
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from care_robot_msgs.msg import AlarmArray, FallEventArray, Person, PersonArray, SafetyState
from sensor_msgs.msg import JointState

from care_robot.care.places import Places
from care_robot.geometry import Array
from care_robot.planning.alarm_responses import SeenAlarm
from care_robot.planning.approach import Floor, Spot
from care_robot.planning.skill_messages_node import seen_alarm
from care_robot.planning.skills import OpenAlarm, SeenPerson
from care_robot.planning.task_check import MAX_DISTANCE_M
from care_robot.ros import qos
from care_robot.ros.node import CareNode
from care_robot.ros.transforms import TransformError, TransformListener

PEOPLE_S = 2.5
"""`people` comes at 1 Hz at least: what is older than this says nothing of now."""
POSE_AGES_S = (0.3, 1.0, 3.0, 8.0)
"""How old the robot's place may be. Transforms of the last 10 s are known, and are not extrapolated."""
KNOWN_S = 2.0
"""Wall time for which it stays known: where simulated time is fast, transforms may come late."""
VISIBLE = 0.5
STOWED_RAD = 0.05
DOWN = (Person.POSTURE_LYING_ON_FLOOR, Person.POSTURE_LYING)


class RobotWorld:
    """The newest of what is told, as the trees need it.

    Parameters
    ----------
    node
        Whose subscriptions these are, while it is configured.
    places
        Rooms, for people whose room is not told.
    floor
        The map, where there is one.
    stow_joints
        Of the arm, all zero when it is folded; none where there is no arm.

    Attributes
    ----------
    safety
        The last word on whether the robot may move; none before there was one.
    has_alarms
        Whether care_manager has spoken yet.
    """

    def __init__(
        self, node: CareNode[Any], places: Places, floor: Floor | None, stow_joints: Sequence[str]
    ) -> None:
        self._node, self._places, self._floor = node, places, floor
        self._stow_joints = list(stow_joints)
        self._joints = JointState()
        self._people, self._people_s = PersonArray(), -math.inf
        self._seen: list[SeenPerson] | None = None
        self._alarms, self._falls = AlarmArray(), FallEventArray()
        self._seen_alarms: list[SeenAlarm] | None = None
        self.safety: SafetyState | None = None
        self.has_alarms = False
        self._transforms, self._known_s = TransformListener(node), -math.inf
        node.at_cleanup(self._transforms.destroy)
        node.subscribe(PersonArray, "people", qos.STATE, self._on_people)
        node.subscribe(FallEventArray, "falls", qos.LATCHED, self._on_falls)
        node.subscribe(AlarmArray, "alarms", qos.LATCHED, self._on_alarms)
        node.subscribe(SafetyState, "safety/state", qos.LATCHED, self._on_safety)
        if self._stow_joints:
            node.subscribe(JointState, "joint_states", qos.SENSOR, self._on_joints)

    def now_s(self) -> float:
        """Time of the node clock, s."""
        return self._node.now_s()

    def robot(self) -> Spot | None:
        """Where the robot is; none where it does not know, or has not known for a while."""
        tree, now_s = self._transforms.tree, time.monotonic()
        for age_s in POSE_AGES_S:
            with suppress(TransformError):
                tree.lookup("map", "base_link", self._node.now_s() - age_s)
                self._known_s = now_s
                break
        if now_s - self._known_s > KNOWN_S:
            return None
        pose = tree.lookup("map", "base_link")
        return Spot(float(pose.position[0]), float(pose.position[1]), pose.rpy()[2])

    def stopped(self) -> bool:
        """Whether a stop is latched."""
        go_on = (SafetyState.STATE_CLEAR, SafetyState.STATE_STOPPED)  # an unknown state counts as latched
        return self.safety is not None and self.safety.state not in go_on

    def people(self) -> Sequence[SeenPerson]:
        """Everybody who is seen now and whose place is known."""
        if time.monotonic() - self._people_s > PEOPLE_S:
            return []
        if self._seen is None:
            self._seen = [seen for person in self._people.people if (seen := self._person(person))]
        return self._seen

    def floor(self) -> Floor | None:
        """The map, where there is one."""
        return self._floor

    def alarms(self) -> Sequence[OpenAlarm]:
        """Every alarm that wants the robot."""
        return [seen.alarm for seen in self.all_alarms() if seen.wants_robot]

    def all_alarms(self) -> list[SeenAlarm]:
        """Every alarm that care_manager tells."""
        if self._seen_alarms is None:
            falls = {event.id: event for event in self._falls.events}
            alarms = self._alarms.alarms
            self._seen_alarms = [seen_alarm(alarm, falls.get(alarm.source_id)) for alarm in alarms]
        return self._seen_alarms

    def stowed(self) -> bool:
        """Whether the arm is known to be folded."""
        joints = dict(zip(self._joints.name, self._joints.position, strict=False))
        return all(abs(joints.get(name, math.inf)) <= STOWED_RAD for name in self._stow_joints)

    # In ----------------------------------------------------------------------------------------------

    def _on_people(self, message: PersonArray) -> None:
        self._people, self._people_s, self._seen = message, time.monotonic(), None

    def _on_falls(self, message: FallEventArray) -> None:
        self._falls, self._seen_alarms = message, None

    def _on_alarms(self, message: AlarmArray) -> None:
        self._alarms, self.has_alarms, self._seen_alarms = message, True, None

    def _on_joints(self, message: JointState) -> None:
        self._joints = message

    def _on_safety(self, message: SafetyState) -> None:
        self.safety = message

    def _person(self, person: Person) -> SeenPerson | None:
        xy = (float(person.position.x), float(person.position.y))
        if not person.position_valid or not all(abs(value) <= MAX_DISTANCE_M for value in xy):
            return None  # a NaN is not within, either
        again = float(person.look_again_bearing)
        return SeenPerson(
            person.id,
            xy,
            person.room or self._places.room_at(*xy),
            person.posture in DOWN,
            self._body(person, xy),
            again if person.look_again and math.isfinite(again) else None,
        )

    def _body(self, person: Person, xy: tuple[float, float]) -> Array:
        """Visible points of the body in the map; none where the camera's place is not known."""
        none: Array = np.zeros((0, 2))
        points = np.asarray(person.body.world_landmarks, np.float64).reshape(-1, 3)
        visible = np.asarray(person.body.visibility, np.float64) >= VISIBLE
        try:
            camera = self._transforms.tree.lookup("map", f"{person.camera}_optical_frame")
        except TransformError:
            return none
        body = (points @ camera.rotation().T)[visible][:, :2] + xy
        return body if np.isfinite(body).all() else none
