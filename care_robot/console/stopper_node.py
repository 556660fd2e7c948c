"""The command line's connection that stops the robot, and takes the stop away again."""

import threading
import time
import uuid
from dataclasses import dataclass

from care_robot_msgs.msg import SafetyState, StopRequest
from care_robot_msgs.srv import ResetSafety

from care_robot.console.operator_node import Operator
from care_robot.ros import qos

REPEAT_S = 0.1
NAME_TRIES = 10
NO_NAME = "_NODE_NAME_UNKNOWN_"  # rclpy's


@dataclass(frozen=True)
class Confirmed:
    """Who holds the stop, and how long after it was asked for that was known."""

    by: str
    after_ms: float
    reason_ko: str
    reason_en: str


class Stopper(Operator):
    """Asks for a stop until it is confirmed; use it in a ``with`` block."""

    def __enter__(self) -> "Stopper":
        return self

    def stop(self, by: str, reason: str, timeout_s: float) -> Confirmed | None:
        """Ask ten times a second until `safety/state` confirms; None when it has not by `timeout_s`."""
        request = StopRequest(id=str(uuid.uuid4()), by=by, reason=reason)
        request.header.stamp = self._node.get_clock().now().to_msg()
        confirmed: list[tuple[float, SafetyState]] = []
        done = threading.Event()

        def look(state: SafetyState) -> None:
            if request.id in state.stop_request_ids:
                confirmed.append((time.monotonic(), state))
                done.set()

        begin_s = time.monotonic()
        publisher = self._node.create_publisher(StopRequest, "safety/stop_request", qos.COMMAND)
        states = self._node.create_subscription(SafetyState, "safety/state", look, qos.LATCHED)
        while not done.is_set() and time.monotonic() - begin_s < timeout_s:
            publisher.publish(request)
            done.wait(REPEAT_S)
        if not confirmed:
            return None
        told_s, state = confirmed[0]
        after_ms = 1000.0 * (told_s - begin_s)
        return Confirmed(self._publishers(states.topic_name), after_ms, state.reason_ko, state.reason_en)

    def _publishers(self, topic: str) -> str:
        """Names of the nodes that publish on a topic: DDS tells them a moment after their first message."""
        pause = threading.Event()
        names: set[str] = set()
        for _ in range(NAME_TRIES):
            names = {info.node_name for info in self._node.get_publishers_info_by_topic(topic)}
            if names and NO_NAME not in names:
                break
            pause.wait(REPEAT_S)
        return ", ".join(sorted(names - {NO_NAME})) or topic

    def reset(self, by: str) -> None:
        """Take the stop away in the name of a human; UsageError where that is refused."""
        self._call(ResetSafety, "safety/reset", ResetSafety.Request(by=by))
