"""Transforms over /tf and /tf_static, without tf2 (which has no wheel).

The tree of frames is `TransformTree`, which knows nothing of topics; broadcaster and listener are thin.
Topic names are absolute, as tf2's are: a launch file remaps /tf where robots share a network.
"""

import bisect
from collections import deque
from collections.abc import Sequence

import numpy as np
from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from tf2_msgs.msg import TFMessage

from care_robot.geometry import GeometryError, Pose
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds, to_stamp

CACHE_S = 10.0


class TransformError(LookupError):
    """A transform that is not known (yet); the message names the frames."""


class TransformTree:
    """Frames and their poses over the last seconds.

    Parameters
    ----------
    cache_s
        How long moving transforms are kept.
    """

    def __init__(self, cache_s: float = CACHE_S) -> None:
        self._cache_s = cache_s
        self._static: dict[str, tuple[str, Pose]] = {}
        self._moving: dict[str, tuple[str, deque[tuple[float, Pose]]]] = {}

    def add(self, parent: str, child: str, pose: Pose, t_s: float, *, static: bool = False) -> None:
        """Record the pose of `child` in `parent` at a time; a frame's newest parent counts."""
        if not parent or not child or parent == child:
            raise TransformError(f"A transform from '{parent}' to '{child}' needs two different frames.")
        if static:
            self._static[child] = (parent, pose)
            return
        known_parent, history = self._moving.get(child, (parent, deque()))
        if known_parent != parent or (history and t_s < history[-1][0] - self._cache_s):
            history = deque()  # another parent, or time was set back (a simulation began anew)
        if history and t_s <= history[-1][0]:
            return  # late or repeated: the newer one stands
        history.append((t_s, pose))
        while history[0][0] < t_s - self._cache_s:
            history.popleft()
        self._moving[child] = (parent, history)

    def lookup(self, target: str, source: str, t_s: float | None = None) -> Pose:
        """Pose of `source` in `target` at a time, interpolated; the newest where no time is given.

        Raises
        ------
        TransformError
            The frames are not connected, or the time lies outside what is known. Nothing is extrapolated.
        """
        up, down = self._path_to_root(source, t_s), self._path_to_root(target, t_s)
        common = next((frame for frame in up if frame in down), None)
        if common is None:
            raise TransformError(
                f"No transform connects '{source}' with '{target}': is its publisher running, "
                "and are the frames' names right?"
            )
        return down[common].inverse().compose(up[common])

    def _path_to_root(self, frame: str, t_s: float | None) -> dict[str, Pose]:
        """Pose of `frame` in itself and in each ancestor, nearest first."""
        path, pose = {frame: Pose.identity()}, Pose.identity()
        while (step := self._step(frame, t_s)) is not None:
            frame, pose = step[0], step[1].compose(pose)
            if frame in path:
                raise TransformError(f"The frames form a loop at '{frame}'.")
            path[frame] = pose
        return path

    def _step(self, frame: str, t_s: float | None) -> tuple[str, Pose] | None:
        if frame in self._static:
            return self._static[frame]
        if frame not in self._moving:
            return None
        parent, history = self._moving[frame]
        return parent, history[-1][1] if t_s is None else _interpolate(frame, history, t_s)


def _interpolate(frame: str, history: Sequence[tuple[float, Pose]], t_s: float) -> Pose:
    first, last = history[0][0], history[-1][0]
    if not first <= t_s <= last:
        raise TransformError(f"'{frame}' is known from {first:.3f} s to {last:.3f} s, not at {t_s:.3f} s.")
    after = bisect.bisect_left([t for t, _ in history], t_s)
    t_after, pose_after = history[after]
    if t_after == t_s or after == 0:
        return pose_after
    t_before, pose_before = history[after - 1]
    share = (t_s - t_before) / (t_after - t_before)
    q_before, q_after = pose_before.quaternion, pose_after.quaternion
    if float(q_before @ q_after) < 0.0:
        q_after = -q_after  # the shorter way round
    # Normalised linear interpolation: between two neighbours of a stream it agrees with slerp.
    return Pose(
        pose_before.position * (1 - share) + pose_after.position * share,
        np.asarray(q_before * (1 - share) + q_after * share),
    )


class TransformBroadcaster:
    """Publishes transforms on /tf, or on /tf_static, where each call adds to what is latched."""

    def __init__(self, node: Node, *, static: bool = False) -> None:
        topic, profile = ("/tf_static", qos.LATCHED) if static else ("/tf", qos.TF)
        self._node = node
        self._publisher = node.create_publisher(TFMessage, topic, profile)
        self._latched: dict[str, TransformStamped] = {}
        self._static = static

    def send(self, parent: str, child: str, pose: Pose, t_s: float) -> None:
        """Publish the pose of `child` in `parent`."""
        message = TransformStamped(child_frame_id=child)
        message.header.frame_id = parent
        message.header.stamp = to_stamp(t_s)
        translation, rotation = message.transform.translation, message.transform.rotation
        translation.x, translation.y, translation.z = map(float, pose.position)
        rotation.x, rotation.y, rotation.z, rotation.w = map(float, pose.quaternion)
        if self._static:
            self._latched[child] = message
            self._publisher.publish(TFMessage(transforms=list(self._latched.values())))
        else:
            self._publisher.publish(TFMessage(transforms=[message]))

    def destroy(self) -> None:
        """Take the publisher away, and with it what was latched."""
        self._node.destroy_publisher(self._publisher)


class TransformListener:
    """Follows /tf and /tf_static; `tree` answers."""

    def __init__(self, node: Node) -> None:
        self.tree = TransformTree()
        self._node = node
        self._subscriptions = [
            node.create_subscription(TFMessage, "/tf", self._hear, qos.TF),
            # Every static broadcaster latches its own transforms: keep one from each.
            node.create_subscription(TFMessage, "/tf_static", self._hear_static, qos.TF_STATIC),
        ]

    def _hear_static(self, message: TFMessage) -> None:
        self._hear(message, static=True)

    def _hear(self, message: TFMessage, *, static: bool = False) -> None:
        for stamped in message.transforms:
            t, r = stamped.transform.translation, stamped.transform.rotation
            try:
                pose = Pose(np.array([t.x, t.y, t.z]), np.array([r.x, r.y, r.z, r.w]))
                parent, child = stamped.header.frame_id, stamped.child_frame_id
                self.tree.add(parent, child, pose, to_seconds(stamped.header.stamp), static=static)
            except (GeometryError, TransformError) as error:
                self._node.get_logger().warning(f"Left out: {error}", throttle_duration_sec=5.0)

    def destroy(self) -> None:
        """Stop listening."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
