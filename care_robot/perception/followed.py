"""One body followed over time in the images of a camera, and what may be believed about it.

Distances are in lengths of its torso, which is about 0.5 m: 1.5 torsos a second are 0.75 m/s, faster than
people sit down and slower than they fall (2 to 3 m/s).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from care_robot.perception.bodies import HIPS, SHOULDERS, TORSO, Array, Body, Landmark, middle
from care_robot.perception.motion import (
    Background,
    Grey,
    changed_cells,
    is_another_view,
    share_changed,
    small_grey,
)

# What raises a suspicion.
LEANING_RAD: Final = math.radians(50.0)
UNSURE_SCORE: Final = 0.9  # nineteen in twenty bodies on the recordings have more, also lying
FALLING_TORSOS_PER_S: Final = 1.5
JUMP_TORSOS: Final = 1.0

# What may be the same body.
SAME_TORSOS: Final = 0.5
GATE_TORSOS: Final = (1.0, 4.0)  # from where it was: at once, and at most
GATE_TORSOS_PER_S: Final = 6.0
MIN_SECOND_SCORE: Final = 0.8
SIZES: Final = (0.4, 1.5)  # of the body's height in the picture: shorter where it points at the camera
SIZE_MEMORY_S: Final = 5.0
LYING_RAD: Final = math.radians(60.0)
UPRIGHT_RAD: Final = math.radians(40.0)

# What the picture says: shares of the joints.
UNCHANGED_SHARE: Final = 0.2
CHANGED_SHARE: Final = 0.5

# How long a body is followed that is not found.
LOST_S: Final = 5.0
HOLD_S: Final = 10.0  # where the picture has not changed under it
STUBBORN_S: Final = 0.7  # against a first look that puts it elsewhere: it may have been wrong before
EDGE: Final = 0.04  # of the picture's height: who is lost with the hips so near a side has left

JOINTS: Final = [
    Landmark.NOSE,
    *TORSO,
    Landmark.LEFT_ELBOW,
    Landmark.RIGHT_ELBOW,
    Landmark.LEFT_WRIST,
    Landmark.RIGHT_WRIST,
    Landmark.LEFT_KNEE,
    Landmark.RIGHT_KNEE,
    Landmark.LEFT_ANKLE,
    Landmark.RIGHT_ANKLE,
]


@dataclass(frozen=True, eq=False)
class Frame:
    """An image that is looked at: the image (h, w, 3), its time, and the time since the last one."""

    rgb: npt.NDArray[np.uint8]
    t_s: float
    step_s: float

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.rgb.shape[1] / self.rgb.shape[0]

    @cached_property
    def grey(self) -> Grey:
        """What is kept of it."""
        return small_grey(self.rgb)


@dataclass(eq=False)
class Followed:
    """A body over time, with the small picture that it was last found in."""

    body: Body
    found_s: float
    grey: Grey
    first_grey: Grey
    aspect: float
    scale: float = 0.0
    """Length of the torso, of the picture's height; slowly forgotten."""
    height: float = 0.0
    """Of the body, likewise."""
    falling: float = 0.0
    """Speed of the hips downwards, torsos/s."""
    moved: bool = False
    """Whether it was seen to move: furniture never does."""
    hip: Array = field(init=False)
    shoulder: Array = field(init=False)

    def __post_init__(self) -> None:
        self._measure(0.0)

    @classmethod
    def begin(cls, body: Body, frame: Frame) -> Followed:
        """Follow a body that is new in a frame."""
        return cls(body, frame.t_s, frame.grey, frame.grey, frame.aspect)

    def take(self, body: Body, frame: Frame) -> None:
        """Go on from a body found in a later frame."""
        step_s = max(frame.t_s - self.found_s, 1e-3)
        hip = self.hip
        self.body, self.found_s, self.grey = body, frame.t_s, frame.grey
        self._measure(step_s)
        self.falling = float(self.hip[1] - hip[1]) / self.scale / step_s
        if is_another_view(changed_cells(frame.grey, self.first_grey)):
            self.first_grey = frame.grey  # the camera has moved, and they with it
        self.moved = self.moved or self._share_changed(frame.grey, self.first_grey) >= CHANGED_SHARE

    def _measure(self, step_s: float) -> None:
        self.hip, self.shoulder = torso(self.body, self.aspect)
        keep = math.exp(-step_s / SIZE_MEMORY_S)
        self.scale = max(float(np.linalg.norm(self.hip - self.shoulder)), keep * self.scale, 1e-3)
        self.height = max(extent(self.body, self.aspect), keep * self.height, 1e-3)

    def _share_changed(self, now: Grey, before: Grey) -> float:
        return share_changed(changed_cells(now, before), self.body.image[JOINTS])

    def distance(self, body: Body) -> float:
        """From the torso to another body's, in torsos."""
        hip, shoulder = torso(body, self.aspect)
        miss = np.linalg.norm(hip - self.hip) + np.linalg.norm(shoulder - self.shoulder)
        return float(miss) / 2.0 / self.scale

    def reaches(self, body: Body, t_s: float) -> bool:
        """Whether a person can have got from here to there by then."""
        lost_s = max(t_s - self.found_s, 0.0)
        return self.distance(body) <= min(GATE_TORSOS[0] + GATE_TORSOS_PER_S * lost_s, GATE_TORSOS[1])

    def stays(self, grey: Grey) -> bool:
        """Whether the picture under a sure body, which was seen to move, is still the one it was found in."""
        if not self.moved or self.body.score < UNSURE_SCORE:
            return False
        return self._share_changed(grey, self.grey) <= UNCHANGED_SHARE  # not where it is NaN: out of sight

    def is_suspicious(self, first: Body | None) -> bool:
        """Whether to look twice, given what the first look has found of it."""
        if not self.moved:
            return False
        return (
            first is None
            or first.score < UNSURE_SCORE
            or self.falling > FALLING_TORSOS_PER_S
            or self.distance(first) > JUMP_TORSOS
            or max(first.torso_inclination(), lean(first, self.aspect)) > LEANING_RAD
        )

    def may_be(self, body: Body, frame: Frame, background: Background) -> bool:
        """Whether a body of a second look can be this one, and no piece of furniture."""
        if not body.usable() or body.score < MIN_SECOND_SCORE or not self.reaches(body, frame.t_s):
            return False
        if not SIZES[0] <= extent(body, self.aspect) / self.height <= SIZES[1]:
            return False
        joints = body.image[JOINTS]
        in_front = background.share_in_front(frame.grey, joints)
        if not math.isnan(in_front):
            return in_front >= CHANGED_SHARE
        if self.distance(body) < SAME_TORSOS:
            return True
        cells = changed_cells(frame.grey, self.grey)
        return not is_another_view(cells) and share_changed(cells, joints) >= CHANGED_SHARE

    def believed(self, first: Body | None, second: Body | None, frame: Frame) -> Body | None:
        """Whom to believe of what the two looks have found; None where neither.

        The rules and their reasons are those at the head of `body_finder`.
        """
        if first is None:
            return second
        lay = second is not None and min(lean(b, self.aspect) for b in (self.body, second)) > LYING_RAD
        if lay and lean(first, self.aspect) < UPRIGHT_RAD:
            return second
        fresh = frame.t_s - self.found_s < STUBBORN_S
        if fresh and self.distance(first) > SAME_TORSOS and self.stays(frame.grey):
            return first if second is not None and self.distance(second) > SAME_TORSOS else second
        return first

    def is_gone(self, frame: Frame) -> bool:
        """Whether it has been lost for too long, or at a side of the picture."""
        lost_s = frame.t_s - self.found_s
        if lost_s <= 0.0:
            return False
        if not EDGE < self.hip[0] < self.aspect - EDGE:
            return True
        return lost_s > (HOLD_S if self.stays(frame.grey) else LOST_S)

    def box(self) -> Array:
        """Left, top, right, bottom of the joints and what is around them; fractions of the picture."""
        joints = self.body.image[JOINTS]
        low, high = joints.min(axis=0), joints.max(axis=0)
        room = 0.15 * float((high - low).max())
        return np.concatenate([low - room, high + room])


def torso(body: Body, aspect: float) -> tuple[Array, Array]:
    """Middle of the hips and of the shoulders, fractions of the picture's height."""
    points = body.points(aspect)
    return middle(points, HIPS), middle(points, SHOULDERS)


def lean(body: Body, aspect: float) -> float:
    """Angle of a torso with the vertical of the picture, rad."""
    hip, shoulder = torso(body, aspect)
    return math.atan2(abs(float(shoulder[0] - hip[0])), float(hip[1] - shoulder[1]))


def extent(body: Body, aspect: float) -> float:
    """Twice the distance from the middle of the torso to the farthest joint, of the picture's height."""
    points = body.points(aspect)
    centre = points[list(TORSO)].mean(axis=0)
    return 2.0 * float(np.linalg.norm(points[JOINTS] - centre, axis=1).max())
