"""A care-robot control stack on ROS 2: sees a fall, goes there, asks, and gets a human."""

__version__ = "0.1.0"
