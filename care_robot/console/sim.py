"""What may stand in for the hardware; apart, so that the command line knows it without loading anything."""

from enum import Enum


class Sim(str, Enum):
    """What stands in for the hardware."""

    PHYSICS = "physics"
    KINEMATIC = "kinematic"
    GAZEBO = "gazebo"
    NONE = "none"
