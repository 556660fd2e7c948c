"""The ROS side of ``bench alarms``: publishes falls and calls, and hears what comes of them."""

import threading
import time
from collections.abc import Callable

from care_robot_msgs.msg import AlarmArray, FallEvent, FallEventArray, Utterance
from rclpy.serialization import deserialize_message

from care_robot.console.operator_node import Operator
from care_robot.ros import qos

REPEAT_S = 1.0
RECORDED_S = 2
"""How long an event is still published after its person got up."""


class Bystander(Operator):
    """A connection to a running system; stands in for its eyes and ears.

    Parameters
    ----------
    on_alarms
        Gets the arrival (``time.monotonic``) and the raw bytes of each ``alarms`` message: to unpack it may
        take as long as what is measured.
    """

    def __init__(self, on_alarms: Callable[[float, bytes], object]) -> None:
        super().__init__(timeout_s=20.0)
        self._lock = threading.Lock()
        self._events: dict[str, FallEvent] = {}
        self._falls = self._node.create_publisher(FallEventArray, "falls", qos.LATCHED)
        self._words = self._node.create_publisher(Utterance, "utterance", qos.STATE)
        self._node.create_timer(REPEAT_S, self._publish)
        self._node.create_subscription(
            AlarmArray, "alarms", lambda data: on_alarms(time.monotonic(), data), qos.LATCHED, raw=True
        )

    def __enter__(self) -> "Bystander":
        return self

    def falls(self, event_id: str, room: str) -> float:
        """Somebody falls, and stays down; when it was published (``time.monotonic``)."""
        now = self._node.get_clock().now().to_msg()
        event = FallEvent(
            id=event_id,
            kind=FallEvent.KIND_FALL,
            state=FallEvent.STATE_CONFIRMED,
            person_id=room,
            camera=f"{room}_camera",
            room=room,
            start=now,
            confirmed_at=now,
            score=0.9,
        )
        with self._lock:
            for earlier in self._events.values():
                if earlier.room == room and earlier.state == FallEvent.STATE_CONFIRMED:
                    # One person is down once; that an earlier fall is over stays to be heard for a while.
                    earlier.state, earlier.recovered_at = FallEvent.STATE_RECOVERED, now
            self._events = {
                id_: e
                for id_, e in self._events.items()
                if e.state == FallEvent.STATE_CONFIRMED or now.sec - e.recovered_at.sec <= RECORDED_S
            }
            self._events[event_id] = event
        return self._publish()

    def forget_falls(self) -> None:
        """Nobody is down any more."""
        with self._lock:
            self._events.clear()

    def call(self, text: str, room: str) -> float:
        """Somebody calls; when it was published (``time.monotonic``)."""
        message = Utterance(
            text=text, language="ko", confidence=1.0, source=Utterance.SOURCE_SPEECH, room=room
        )
        message.header.stamp = self._node.get_clock().now().to_msg()
        at_s = time.monotonic()
        self._words.publish(message)
        return at_s

    def _publish(self) -> float:
        with self._lock:
            message = FallEventArray(events=list(self._events.values()))
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.header.frame_id = "map"
        at_s = time.monotonic()
        self._falls.publish(message)
        return at_s


def stored_events(data: bytes) -> dict[str, int]:
    """By room: how many events its alarms hold, as far as they are in the database."""
    counts: dict[str, int] = {}
    for alarm in deserialize_message(data, AlarmArray).alarms:
        if alarm.stored:
            counts[alarm.room] = counts.get(alarm.room, 0) + int(alarm.occurrences)
    return counts
