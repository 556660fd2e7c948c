"""How somebody went down: the last seconds of one person's torso, and what can be measured on them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from care_robot.perception.bodies import SHOULDERS, middle
from care_robot.perception.people import Person

HISTORY_S = 4.0
DESCENT_S = 1.5  # within this time before now lies the whole of a fall, from standing to the floor
SPEED_OVER_S = 0.3  # speeds are means over this time, against the jitter of landmarks
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
    hip_height : float
        Hips over ankles in lengths of the leg; NaN where the legs are not seen.
    """

    t_s: float
    inclination_rad: float
    hip_x: float
    hip_y: float
    shoulder_y: float
    torso: float
    hip_height: float

    @classmethod
    def of(cls, person: Person) -> Sample | None:
        """From a tracked person; None where the landmarks say nothing."""
        if not person.body.usable() or not math.isfinite(person.torso_inclination_rad):
            return None
        shoulder_y = float(middle(person.body.image, SHOULDERS)[1])
        numbers = (*person.hip, person.torso_length, person.last_seen_s)
        if not all(math.isfinite(n) for n in numbers) or person.torso_length <= 1e-3:
            return None
        return cls(
            t_s=person.last_seen_s,
            inclination_rad=person.torso_inclination_rad,
            hip_x=float(person.hip[0]),
            hip_y=float(person.hip[1]),
            shoulder_y=shoulder_y,
            torso=person.torso_length,
            hip_height=person.hip_height,
        )


@dataclass(frozen=True)
class Descent:
    """The latest way down.

    Parameters
    ----------
    start_s : float
        Last time that the shoulders were near their highest.
    speed : float
        Highest descent of the shoulders, torso lengths a second.
    hip_y : float
        Highest place of the hips before.
    torso : float
        The person's scale during the descent.
    """

    start_s: float
    speed: float
    hip_y: float
    torso: float

    def drop(self, hip_y: float) -> float:
        """How far hips at this place have come down, in torso lengths."""
        return (hip_y - self.hip_y) / self.torso


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

    def descent(self) -> Descent | None:
        """The way down within the last one and a half seconds; None when seen for too short a time."""
        window = self.since(self.last.t_s - DESCENT_S)
        if window[-1].t_s - window[0].t_s < SPEED_OVER_S:
            return None
        times = np.array([sample.t_s for sample in window])
        shoulders = np.array([sample.shoulder_y for sample in window])
        torso = float(np.median([sample.torso for sample in window]))
        before = np.interp(times - SPEED_OVER_S, times, shoulders)
        speeds = np.where(times - times[0] >= SPEED_OVER_S - 1e-6, shoulders - before, 0.0)
        high = shoulders <= shoulders.min() + 0.15 * torso
        return Descent(
            start_s=float(times[high][-1]),
            speed=float(speeds.max()) / SPEED_OVER_S / torso,
            hip_y=min(sample.hip_y for sample in window),
            torso=torso,
        )


def median(samples: Sequence[Sample], quantity: str) -> float:
    """Median of one quantity over samples, leaving out NaN; NaN where nothing is left."""
    values = [v for v in (getattr(sample, quantity) for sample in samples) if not math.isnan(v)]
    return float(np.median(values)) if values else math.nan
