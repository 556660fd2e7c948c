"""What is kept of one person whom the fall detector watches, and what one more sight of them says."""

from __future__ import annotations

import math
from dataclasses import replace

from care_robot.perception.descent import Descent, History, Sample, median
from care_robot.perception.fall_events import FallEvent, State

SEEN_ON_S = 0.5  # two sightings no further apart are of one and the same person
RISE_S = 0.7  # nobody gets from lying to standing in less
SLIP_S = 0.3  # one sight for so long may be a slip of the pose model
LYING_SEEN_S = 1.0  # lying for a shorter time may be a slip of the pose model
UPRIGHT_RAD = math.radians(40.0)
LYING_RAD = math.radians(60.0)
LEANING_RAD = math.radians(45.0)  # of somebody whose hips are known to be on the floor
LOW_HIP_M = 0.35  # over the floor
SEAT_HIP_M = 0.45
FLAT_RAD = math.radians(70.0)  # more than a helper leans over somebody
SEAT_HIP_HEIGHT = 0.4
LOW_HIP_HEIGHT = 0.55  # hips over ankles in leg lengths: higher, and it is a level torso on its feet
STANDING_HIP_HEIGHT = 0.75
UP_DROP = 0.28  # torso lengths: hips no lower than so much under where they were are on a seat


class Watch:
    """What is kept of one person."""

    def __init__(self, person_id: str, camera: str) -> None:
        self.person_id = person_id
        self.camera = camera
        self.history = History()
        self.event: FallEvent | None = None
        self.descent: Descent | None = None  # that the event rests on
        self.sighted_s = -math.inf  # last sight, also one that was not believed
        self.unbroken_s = -math.inf  # since then seen without a gap
        self.recoverable = False  # seen without a gap from the floor on
        self.suspected_s = math.inf
        self.recovered_s = -math.inf
        self.upright_since_s: float | None = None
        self.lying_since_s: float | None = None
        self.last_lying_s = -math.inf
        self.bed: Sample | None = None  # last on furniture, until they leave it
        self.stood = False  # seen standing, by whichever camera
        self.standing: Sample | None = None  # highest hips in the last seconds in which they stood

    @property
    def last_s(self) -> float:
        """Time of the newest sight."""
        return self.history.last.t_s

    def shift(self, by_s: float) -> None:
        """Move all times, where the clock was set."""
        self.history.shift(by_s)
        self.event = self.event and self.event.shifted(by_s)
        self.descent = self.descent and replace(self.descent, start_s=self.descent.start_s + by_s)
        self.standing = self.standing and replace(self.standing, t_s=self.standing.t_s + by_s)
        self.sighted_s += by_s
        self.unbroken_s += by_s
        self.suspected_s += by_s
        self.recovered_s += by_s
        self.last_lying_s += by_s
        if self.upright_since_s is not None:
            self.upright_since_s += by_s
        if self.lying_since_s is not None:
            self.lying_since_s += by_s

    def see(self, sample: Sample) -> None:
        """Take in a sight of the person; one that is old, or cannot be of them, is left out."""
        if not self.history.samples:
            self.unbroken_s = sample.t_s
        elif sample.t_s <= self.sighted_s or not self._is_same(sample):
            return
        self.sighted_s = sample.t_s
        self.history.add(sample)
        if stands(sample):
            self.stood = True
            self.standing = min(self.history.samples, key=lambda s: s.hip_y)
        self.upright_since_s = (self.upright_since_s or sample.t_s) if self._risen(sample) else None
        if lies(sample):
            self.last_lying_s = sample.t_s
        self.lying_since_s = (self.lying_since_s or sample.t_s) if self._lies_lately() else None
        self.recoverable = self.recoverable or self._seen_lying()

    def change_camera(self, camera: str) -> None:
        """Another camera sees them better: places in the old one's picture mean nothing in its own."""
        self.camera = camera
        self.history = History()
        self.descent = self.standing = self.bed = None
        self.upright_since_s = None
        self.recoverable = False

    def on_floor(self) -> bool:
        """Whether the floor is known to have carried the lying body for some seconds, mostly."""
        return 2 * sum(sample.on_floor for sample in self.history.samples) > len(self.history.samples)

    def on_furniture(self) -> bool:
        """Whether the person has come to lie on a bed or a sofa."""
        lately = self.history.since(self.last_s - SLIP_S)
        return 2 * sum(sample.on_furniture for sample in lately) > len(lately)

    def _rests(self) -> bool:
        """Whether somebody lies on furniture, or did and has neither got up, moved away, nor come down."""
        last = self.history.last
        if self.on_furniture():
            self.bed = last
        elif self.bed is not None:
            away = math.hypot(last.hip_x - self.bed.hip_x, last.hip_y - self.bed.hip_y) >= self.bed.torso
            if away or self.on_floor() or last.inclination_rad < UPRIGHT_RAD:
                self.bed = None
        return self.bed is not None

    def _is_same(self, sample: Sample) -> bool:
        """Whether this can be who went down: after a gap only somebody seen lying there is."""
        if sample.t_s - self.sighted_s > SEEN_ON_S:
            self.unbroken_s = sample.t_s
            self.recoverable = False
            if self.event is not None:
                self.upright_since_s = None
        if self.event is None:
            return True
        if not self.recoverable:
            return lies(sample)
        if sample.t_s - self.last_lying_s < RISE_S and self._risen(sample):
            beside = abs(sample.hip_x - self.history.last.hip_x) >= sample.torso
            if self.event.state is State.SUSPECTED and not beside:  # lying may have been a slip of the model
                self.sighted_s = sample.t_s
            return False
        return True

    def _risen(self, sample: Sample) -> bool:
        """Whether somebody is up: stands, or is upright with the hips as high as before or on a seat."""
        if sample.inclination_rad >= UPRIGHT_RAD:
            return False
        if self.descent is not None:
            return stands(sample) or self.descent.drop(sample.hip_y) < UP_DROP
        return sample.hip_height > SEAT_HIP_HEIGHT

    def _lies_lately(self) -> bool:
        """Whether somebody lies low, by the median of the last second: single images of who lies mislead."""
        lately = self.history.since(self.last_s - LYING_SEEN_S)
        if self._rests() or median(lately, "hip_z_m") > SEAT_HIP_M:
            return False
        if median(lately, "hip_height") > LOW_HIP_HEIGHT:
            return False
        low = median(lately, "hip_z_m") < LOW_HIP_M
        return median(lately, "inclination_rad") >= (LEANING_RAD if low else LYING_RAD)

    def _seen_lying(self) -> bool:
        """Whether somebody is seen lying for long enough to be neither a slip nor a helper leaning over."""
        if self.last_s - self.unbroken_s < LYING_SEEN_S:
            return False
        samples = self.history.since(self.last_s - LYING_SEEN_S)
        high = median(samples, "hip_height") > LOW_HIP_HEIGHT
        return median(samples, "inclination_rad") >= FLAT_RAD and not high


def stands(sample: Sample) -> bool:
    """Whether somebody stands upright on stretched legs."""
    return sample.inclination_rad < UPRIGHT_RAD and sample.hip_height >= STANDING_HIP_HEIGHT


def lies(sample: Sample) -> bool:
    """Whether somebody lies low, as far as is known not on furniture."""
    level = sample.inclination_rad >= LYING_RAD and not sample.hip_height > LOW_HIP_HEIGHT
    return level and not sample.on_furniture
