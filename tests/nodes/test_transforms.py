"""Frames: the tree alone, and over /tf between two nodes."""

from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import TransformStamped
from hypothesis import given
from hypothesis import strategies as st
from tf2_msgs.msg import TFMessage

from care_robot.geometry import Pose
from care_robot.ros import qos
from care_robot.ros.transforms import TransformBroadcaster, TransformError, TransformListener, TransformTree

lengths = st.floats(-10, 10)
angles = st.floats(-3, 3)
poses = st.builds(
    lambda x, y, z, roll, pitch, yaw: Pose.from_rpy(x, y, z, roll=roll, pitch=pitch, yaw=yaw),
    *[lengths] * 3,
    *[angles] * 3,
)


@given(st.lists(poses, min_size=1, max_size=6), st.lists(poses, min_size=1, max_size=6))
def test_there_and_back_is_the_identity(left: list[Pose], right: list[Pose]) -> None:
    tree = TransformTree()
    for side, chain in (("l", left), ("r", right)):
        for i, pose in enumerate(chain):
            tree.add("map" if i == 0 else f"{side}{i - 1}", f"{side}{i}", pose, 1.0, static=i % 2 == 0)
    ends = (f"l{len(left) - 1}", f"r{len(right) - 1}")
    there, back = tree.lookup(*ends), tree.lookup(*reversed(ends))
    np.testing.assert_allclose(there.compose(back).matrix(), np.eye(4), atol=1e-6)


@given(st.floats(0, 1))
def test_between_two_stamps_the_pose_is_interpolated(share: float) -> None:
    tree = TransformTree()
    tree.add("odom", "base_link", Pose.from_rpy(0, 0, 0), 10.0)
    tree.add("odom", "base_link", Pose.from_rpy(2, 0, 0, yaw=0.2), 10.1)
    pose = tree.lookup("odom", "base_link", 10.0 + 0.1 * share)
    assert pose.position[0] == pytest.approx(2 * share, abs=1e-6)
    assert pose.rpy()[2] == pytest.approx(0.2 * share, abs=1e-3)


@pytest.mark.parametrize("t_s", [9.9, 10.2, float("nan")])
def test_nothing_is_extrapolated(t_s: float) -> None:
    tree = TransformTree()
    tree.add("odom", "base_link", Pose.identity(), 10.0)
    tree.add("odom", "base_link", Pose.identity(), 10.1)
    with pytest.raises(TransformError, match="base_link"):
        tree.lookup("odom", "base_link", t_s)


def test_unconnected_frames_loops_and_empty_names_are_named() -> None:
    tree = TransformTree()
    tree.add("a", "b", Pose.identity(), 1.0)
    with pytest.raises(TransformError, match="'kitchen'"):
        tree.lookup("kitchen", "b")
    tree.add("b", "a", Pose.identity(), 1.0)
    with pytest.raises(TransformError, match="loop"):
        tree.lookup("a", "b")
    with pytest.raises(TransformError, match="two different frames"):
        tree.add("", "b", Pose.identity(), 1.0)


def test_a_simulation_that_begins_anew_is_followed() -> None:
    tree = TransformTree()
    tree.add("odom", "base_link", Pose.from_rpy(1, 0, 0), 500.0)
    tree.add("odom", "base_link", Pose.from_rpy(2, 0, 0), 0.1)
    assert tree.lookup("odom", "base_link").position[0] == 2


def test_a_late_listener_gets_static_frames_of_every_broadcaster_and_moving_ones(ros: Any) -> None:
    mounts = TransformBroadcaster(ros.tester, static=True)
    mounts.send("map", "camera", Pose.from_rpy(1, 2, 3), 1.0)
    mounts.send("camera", "camera_optical_frame", Pose.identity(), 1.0)
    other = TransformBroadcaster(ros.tester, static=True)
    other.send("map", "dock", Pose.from_rpy(5, 0, 0), 1.0)
    moving = TransformBroadcaster(ros.tester)
    listener = TransformListener(ros.tester)
    ros.wait_until(lambda: ros.tester.count_subscribers("/tf") == 1, "the listener")

    def known() -> bool:
        now_s = ros.tester.get_clock().now().nanoseconds / 1e9
        moving.send("map", "base_link", Pose.from_rpy(0, 1, 0), now_s)
        try:
            listener.tree.lookup("dock", "camera_optical_frame")
            listener.tree.lookup("dock", "base_link")
        except TransformError:
            return False
        return True

    ros.wait_until(known, "all frames")
    np.testing.assert_allclose(listener.tree.lookup("dock", "camera_optical_frame").position, [-4, 2, 3])


def test_a_hostile_transform_is_left_out_and_the_next_one_counts(ros: Any) -> None:
    listener = TransformListener(ros.tester)
    publisher = ros.publisher(TFMessage, "/tf", qos.TF)
    bad = TransformStamped(child_frame_id="base_link")
    bad.header.frame_id = "odom"
    bad.transform.translation.x = float("nan")
    zero = TransformStamped(child_frame_id="base_link")
    zero.header.frame_id = "odom"
    zero.transform.rotation.w = 0.0
    good = TransformStamped(child_frame_id="base_link")
    good.header.frame_id = "odom"
    good.transform.translation.x = 4.0
    publisher.publish(TFMessage(transforms=[bad, zero, good]))

    def position() -> float | None:
        try:
            return float(listener.tree.lookup("odom", "base_link").position[0])
        except TransformError:
            return None

    ros.wait_until(lambda: position() == 4.0, "the good transform")
