"""Counts from outside what a running system publishes, on simulated and on wall time."""

import threading
import time
from dataclasses import dataclass
from functools import partial
from types import TracebackType

import rclpy
from care_robot_msgs.msg import FallEventArray, PersonArray
from nav_msgs.msg import Odometry
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import BatteryState, CameraInfo, Image, Imu, JointState, LaserScan

from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds

SENSORS: dict[str, tuple[type, float]] = {
    "scan": (LaserScan, 10.0),
    "odom": (Odometry, 20.0),
    "imu": (Imu, 20.0),
    "joint_states": (JointState, 20.0),
    "battery_state": (BatteryState, 1.0),
    "head_camera/camera_info": (CameraInfo, 10.0),  # one with each picture, and much lighter
    "head_camera/depth/image_raw": (Image, 5.0),  # somebody must listen, or nothing is measured
}
"""What the physics world has to deliver, and its rate in Hz of simulated time: design.md, section 5."""

LOGIC: dict[str, tuple[type, float]] = {"people": (PersonArray, 10.0), "falls": (FallEventArray, 1.0)}
"""What shows that the nodes keep up with the fast world: what they are given, and what they make of it."""


@dataclass(frozen=True)
class Counted:
    """Over a span of wall time."""

    simulated_s: float
    wall_s: float
    messages: dict[str, int]

    @property
    def real_time_factor(self) -> float:
        """Simulated over wall time."""
        return self.simulated_s / self.wall_s

    def share(self, topic: str, rate_hz: float) -> float:
        """Of its rate that a topic had."""
        return self.messages[topic] / (rate_hz * self.simulated_s)


class Rates:
    """Listens to topics; use it in a ``with`` block."""

    def __init__(self, topics: dict[str, tuple[type, float]]) -> None:
        self._now_s = 0.0
        self._counts = dict.fromkeys(topics, 0)
        self._context = Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = Node("rates", context=self._context)
        self._node.create_subscription(Clock, "/clock", self._hear_clock, qos.STATE)
        for topic, (kind, _) in topics.items():
            profile = {"people": qos.STATE, "falls": qos.LATCHED}.get(topic, qos.SENSOR)
            self._node.create_subscription(kind, topic, partial(self._count, topic), profile)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)

    def __enter__(self) -> "Rates":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown()
        self._thread.join(timeout=2.0)
        rclpy.try_shutdown(context=self._context)

    def look(self) -> Counted:
        """Everything since the start; two looks give a span."""
        return Counted(self._now_s, time.monotonic(), dict(self._counts))

    def since(self, before: Counted) -> Counted:
        """What came after an earlier look."""
        now = self.look()
        messages = {topic: now.messages[topic] - before.messages[topic] for topic in now.messages}
        return Counted(now.simulated_s - before.simulated_s, now.wall_s - before.wall_s, messages)

    def _count(self, topic: str, _message: object) -> None:
        self._counts[topic] += 1

    def _hear_clock(self, message: Clock) -> None:
        self._now_s = to_seconds(message.clock)
