"""How somebody went down: the last seconds of one person's torso, and what can be measured on them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from care_robot.perception.bodies import HIPS, SHOULDERS, Array, Landmark, middle
from care_robot.perception.people import Person
from care_robot.perception.posture import Posture

HISTORY_S = 4.0
TORSO_M = 0.5
PLACE_M = 0.25  # standard deviation of a place that tells the height of the hips to about 0.15 m
DESCENT_S = 1.5  # within this time before now lies the whole of a fall, from standing to the floor
SPEED_OVER_S = 0.3  # speeds are means over this time, against the jitter of landmarks
_ENDS = [Landmark.NOSE, *SHOULDERS, *HIPS, Landmark.LEFT_KNEE, Landmark.RIGHT_KNEE]
_ENDS += [Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE]
IMPLAUSIBLE_SPEED = 20.0  # torso lengths a second (10 m/s): another body, not a movement


@dataclass(frozen=True)
class Sample:
    """One sight of a person. Lengths and places in heights of the image; y grows downwards.

    Parameters
    ----------
    inclination_rad : float
        Of the torso, 0 upright.
    torso : float
        The person's scale.
    head_y : float
        Of the nose.
    stature : float
        From the highest to the lowest of head, shoulders, hips, knees and ankles.
    hip_height : float
        Hips over ankles in lengths of the leg; NaN where the legs are not seen.
    hip_z_m, shoulder_z_m : float
        Over the floor; NaN where the camera's place is not known.
    on_furniture : bool
        Whether what carries the body is known to be furniture.
    on_floor : bool
        Whether what carries the lying body is known to be the floor.
    leaving : bool
        Whether hips or shoulders are beyond the picture's edge.
    """

    t_s: float
    inclination_rad: float
    hip_x: float
    hip_y: float
    shoulder_y: float
    head_y: float
    torso: float
    stature: float
    hip_height: float
    hip_z_m: float = math.nan
    shoulder_z_m: float = math.nan
    on_furniture: bool = False
    on_floor: bool = False
    leaving: bool = False

    @classmethod
    def of(cls, person: Person) -> Sample | None:
        """From a tracked person; None where the landmarks say nothing."""
        if not person.body.usable() or not math.isfinite(person.torso_inclination_rad):
            return None
        image = person.body.image
        shoulder, hip = middle(image, SHOULDERS), middle(image, HIPS)
        shoulder_y = float(shoulder[1])
        hip_z_m = _hip_height_m(person)
        world = person.body.world
        torso_m = float(np.linalg.norm(middle(world, SHOULDERS) - middle(world, HIPS)))
        numbers = (*person.hip, person.torso_length, person.last_seen_s)
        if not all(math.isfinite(n) for n in numbers) or person.torso_length <= 1e-3:
            return None
        return cls(
            t_s=person.last_seen_s,
            inclination_rad=person.torso_inclination_rad,
            hip_x=float(person.hip[0]),
            hip_y=float(person.hip[1]),
            shoulder_y=shoulder_y,
            head_y=float(image[Landmark.NOSE, 1]),
            stature=float(np.ptp(image[_ENDS, 1])),
            torso=person.torso_length,
            hip_height=person.hip_height,
            hip_z_m=hip_z_m,
            shoulder_z_m=hip_z_m + torso_m * math.cos(person.torso_inclination_rad),
            on_furniture=person.posture is Posture.LYING_ON_FURNITURE,
            on_floor=person.posture is Posture.LYING_ON_FLOOR,
            leaving=not bool(((np.array([shoulder, hip]) > 0.0) & (np.array([shoulder, hip]) < 1.0)).all()),
        )


@dataclass(frozen=True)
class Descent:
    """A way down. Lengths and places in heights of the image.

    Parameters
    ----------
    start_s : float
        Last time that the shoulders were near their highest.
    speed : float
        Highest descent of the shoulders, torso lengths a second: the mean of that in the picture, which
        shows little of it along the line of sight, and that over the floor, where it is known.
    head_speed : float
        The same of the head.
    inclination_rad : float
        Of the torso where it was most upright.
    hip_y, shoulder_y : float
        Highest places of hips and shoulders before.
    hip_z_m, shoulder_z_m : float
        The same over the floor; NaN where that is not known.
    stature : float
        Largest before.
    torso : float
        The person's scale during the descent.
    """

    start_s: float
    speed: float
    head_speed: float
    inclination_rad: float
    hip_y: float
    shoulder_y: float
    hip_z_m: float
    shoulder_z_m: float
    stature: float
    torso: float

    def drop(self, hip_y: float) -> float:
        """How far hips at this place have come down, in torso lengths."""
        return (hip_y - self.hip_y) / self.torso

    def drops(self, after: Sequence[Sample]) -> tuple[float, float]:
        """How far hips and shoulders have come down, in torso lengths; in the picture and over the floor."""
        hip = self.drop(median(after, "hip_y"))
        shoulder = (median(after, "shoulder_y") - self.shoulder_y) / self.torso
        hip_m = self.hip_z_m - median(after, "hip_z_m")
        shoulder_m = self.shoulder_z_m - median(after, "shoulder_z_m")
        return _joined(hip, hip_m / TORSO_M), _joined(shoulder, shoulder_m / TORSO_M)


class History:
    """The last seconds of one person."""

    def __init__(self) -> None:
        self.samples: deque[Sample] = deque()

    def add(self, sample: Sample) -> None:
        """Take in a newer sample; a jump that nobody can make starts the history anew."""
        if self.samples:
            last = self.samples[-1]
            step = math.hypot(sample.hip_x - last.hip_x, sample.hip_y - last.hip_y) / sample.torso
            if step > 1.0 + IMPLAUSIBLE_SPEED * (sample.t_s - last.t_s):
                self.samples.clear()
        self.samples.append(sample)
        while self.samples[0].t_s < sample.t_s - HISTORY_S:
            self.samples.popleft()

    def shift(self, by_s: float) -> None:
        """Move all times, where the clock was set."""
        self.samples = deque(replace(sample, t_s=sample.t_s + by_s) for sample in self.samples)

    @property
    def last(self) -> Sample:
        """The newest sample."""
        return self.samples[-1]

    def since(self, t_s: float) -> list[Sample]:
        """Samples at or after a time, oldest first."""
        return [sample for sample in self.samples if sample.t_s >= t_s]

    def descent(self, until_s: float = math.inf) -> Descent | None:
        """The way down within one and a half seconds before a time; None when seen for too short a time."""
        until_s = min(until_s, self.last.t_s)
        window = [s for s in self.samples if until_s - DESCENT_S - 1e-6 <= s.t_s <= until_s + 1e-6]
        if not window or window[-1].t_s - window[0].t_s < SPEED_OVER_S:
            return None
        times = np.array([sample.t_s for sample in window])
        shoulders = np.array([sample.shoulder_y for sample in window])
        torso = float(np.median([sample.torso for sample in window]))
        hips_m = np.array([sample.hip_z_m for sample in window])
        shoulders_m = np.array([sample.shoulder_z_m for sample in window])
        metric = _highest_speed(times, -shoulders_m) / TORSO_M
        high = shoulders <= shoulders.min() + 0.15 * torso
        return Descent(
            start_s=float(times[high][-1]),
            speed=_joined(_highest_speed(times, shoulders) / torso, metric),
            head_speed=_highest_speed(times, np.array([sample.head_y for sample in window])) / torso,
            inclination_rad=min(sample.inclination_rad for sample in window),
            hip_y=min(sample.hip_y for sample in window),
            shoulder_y=float(shoulders.min()),
            hip_z_m=float(np.max(hips_m)),
            shoulder_z_m=float(np.max(shoulders_m)),
            stature=max(sample.stature for sample in window),
            torso=torso,
        )


def _hip_height_m(person: Person) -> float:
    """Of the hips over the floor; NaN where their place is not known well enough for that."""
    if person.position is None or person.position_covariance is None:
        return math.nan
    across_m2 = float(np.trace(person.position_covariance[:2, :2]))
    return float(person.position[2]) if across_m2 <= PLACE_M**2 else math.nan


def _joined(in_picture: float, over_floor: float) -> float:
    return in_picture if math.isnan(over_floor) else (in_picture + over_floor) / 2


def _highest_speed(times: Array, places: Array) -> float:
    """Highest mean speed downwards over `SPEED_OVER_S`."""
    before = np.interp(times - SPEED_OVER_S, times, places)
    whole = times - times[0] >= SPEED_OVER_S - 1e-6
    return float(np.where(whole, places - before, 0.0).max()) / SPEED_OVER_S


def median(samples: Sequence[Sample], quantity: str) -> float:
    """Median of one quantity over samples, leaving out NaN; NaN where nothing is left."""
    values = [v for v in (getattr(sample, quantity) for sample in samples) if not math.isnan(v)]
    return float(np.median(values)) if values else math.nan
