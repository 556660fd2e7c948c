"""Pictures of one simulated person in a given posture: how well the real pose estimator finds them.

The room is the demo's living room; the person's clothes, build and bearing come from a seed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from care_robot.geometry import Pose
from care_robot.simulation.mujoco_model import compile_spec, new_spec
from care_robot.simulation.rendering import Renderer
from care_robot.simulation.resident import Resident
from care_robot.simulation.resident_body import Array, Keyframe
from care_robot.simulation.resident_gait import Walk
from care_robot.simulation.resident_motion import Seat
from care_robot.simulation.resident_poses import PRONE, SUPINE, on_side, sitting
from care_robot.simulation.resident_stage import Body
from care_robot.simulation.resident_steps import Gait, Place, plan_route
