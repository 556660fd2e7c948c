"""Measures from outside how old a picture is when its people are published."""

import threading

import rclpy
from care_robot_msgs.msg import PersonArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds


class PeopleLatency:
    """Listens to ``people``; use it in a ``with`` block.

    Attributes
    ----------
    latencies_s
        From the stamp of the image to the arrival of its people, one for each message.
    """

    def __init__(self) -> None:
        self.latencies_s: list[float] = []
        self.somebody_seen = threading.Event()
        self._context = Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = Node("people_latency", context=self._context)
        self._node.create_subscription(PersonArray, "people", self._hear, qos.STATE)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)

    def __enter__(self) -> "PeopleLatency":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown()
        self._thread.join(timeout=2.0)
        rclpy.try_shutdown(context=self._context)

    def _hear(self, message: PersonArray) -> None:
        now_s = to_seconds(self._node.get_clock().now().to_msg())
        self.latencies_s.append(now_s - to_seconds(message.header.stamp))
        if message.people:
            self.somebody_seen.set()
