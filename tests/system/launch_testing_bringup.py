"""A launch_testing test of the launch file; run by test_launch.py, or with `launch_test`. Not for pytest."""

import unittest
from typing import Any

import launch_testing
import launch_testing.actions
import launch_testing.asserts
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import AnyLaunchDescriptionSource
from launch.substitutions import PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

import launch


def generate_test_description() -> launch.LaunchDescription:
    """The bring-up, with an image topic in place of a camera."""
    path = PathJoinSubstitution([FindPackageShare("care_robot"), "launch", "bringup.launch.xml"])
    include = IncludeLaunchDescription(
        AnyLaunchDescriptionSource(path), launch_arguments=[("image_topic", "/front/image")]
    )
    return launch.LaunchDescription([include, launch_testing.actions.ReadyToTest()])


class TestBringup(unittest.TestCase):
    """While it runs."""

    def test_every_node_becomes_active(self, proc_output: Any) -> None:
        """The lifecycle manager says so."""
        proc_output.assertWaitFor("All 6 nodes are active.", timeout=60.0)


@launch_testing.post_shutdown_test()
class TestShutdown(unittest.TestCase):
    """After the end."""

    def test_every_process_ends_well(self, proc_info: Any) -> None:
        """Each of the six exits with 0."""
        launch_testing.asserts.assertExitCodes(proc_info)
        assert len(proc_info.process_names()) == 6
