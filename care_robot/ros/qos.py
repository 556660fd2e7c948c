"""The four named QoS profiles, and tf2's two: the only place where quality of service is set."""

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def _profile(reliability: ReliabilityPolicy, durability: DurabilityPolicy, depth: int) -> QoSProfile:
    return QoSProfile(
        reliability=reliability, durability=durability, history=HistoryPolicy.KEEP_LAST, depth=depth
    )


SENSOR = _profile(ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.VOLATILE, 5)
"""Streams where the newest value counts and a lost one is replaced: images, scans, heartbeats."""

COMMAND = _profile(ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE, 1)
"""Orders where only the newest may be carried out: velocities, stop requests."""

STATE = _profile(ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE, 10)
"""Facts of which none may be skipped: people, utterances."""

LATCHED = _profile(ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL, 1)
"""A whole state that a late subscriber needs at once: alarms, falls, tasks."""

TF = _profile(ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE, 100)
"""What tf2 uses on /tf."""

TF_STATIC = _profile(ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL, 100)
"""What tf2 listens with on /tf_static: one latched message from each broadcaster."""
