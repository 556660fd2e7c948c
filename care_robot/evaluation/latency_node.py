"""Measures from outside how old a picture is when its bodies, people and falls are published."""

import threading
from collections.abc import Sequence
from functools import partial

import rclpy
from care_robot_msgs.msg import BodyArray, FallEventArray, PersonArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds


class Latencies:
    """Listens to what comes of pictures; use it in a ``with`` block.

    Parameters
    ----------
    cameras : sequence of str
        Whose bodies are listened to.

    Attributes
    ----------
    bodies_s : dict of str to list of (float, float)
        Of each camera, for each picture: time of the picture, and how old it was when its bodies came.
    people_s : list of float
        How old a picture was when the people in it came.
    falls_s : list of float
        How old the newest picture was when the falls that changed came. A change can also come of time
        alone, up to a tick after a picture: these figures hold such a tick.
    somebody_seen : threading.Event
        Whether there were people at any time.
    """

    def __init__(self, cameras: Sequence[str]) -> None:
        self.bodies_s: dict[str, list[tuple[float, float]]] = {camera: [] for camera in cameras}
        self.people_s: list[float] = []
        self.falls_s: list[float] = []
        self.somebody_seen = threading.Event()
        self.everyone_heard = threading.Event()
        self._picture_s = 0.0
        self._known: dict[str, int] = {}
        self._context = Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = Node("latencies", context=self._context)
        for camera in cameras:
            self._node.create_subscription(
                BodyArray, f"people/{camera}/bodies", partial(self._hear_bodies, camera), qos.SENSOR
            )
        self._node.create_subscription(PersonArray, "people", self._hear_people, qos.STATE)
        self._node.create_subscription(FallEventArray, "falls", self._hear_falls, qos.LATCHED)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)

    def forget(self) -> None:
        """Begin to measure anew."""
        for heard in self.bodies_s.values():
            heard.clear()
        self.people_s.clear()
        self.falls_s.clear()

    def __enter__(self) -> "Latencies":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown()
        self._thread.join(timeout=2.0)
        rclpy.try_shutdown(context=self._context)

    def _now_s(self) -> float:
        return to_seconds(self._node.get_clock().now().to_msg())

    def _hear_bodies(self, camera: str, message: BodyArray) -> None:
        stamp_s = to_seconds(message.header.stamp)
        self.bodies_s[camera].append((stamp_s, self._now_s() - stamp_s))
        if all(self.bodies_s.values()):
            self.everyone_heard.set()

    def _hear_people(self, message: PersonArray) -> None:
        if not message.cameras:  # nobody looks, and the stamp is not one of a picture
            return
        self._picture_s = to_seconds(message.header.stamp)
        self.people_s.append(self._now_s() - self._picture_s)
        if message.people:
            self.somebody_seen.set()

    def _hear_falls(self, message: FallEventArray) -> None:
        known = {event.id: int(event.state) for event in message.events}
        changed = any(self._known.get(event) != state for event, state in known.items())
        self._known = known
        if changed and self._picture_s:
            self.falls_s.append(self._now_s() - self._picture_s)
