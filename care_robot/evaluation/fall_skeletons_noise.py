"""What a pose model makes of a body whose landmarks are known, with errors as measured on rendered people.

The figures are in `fall_skeletons_table`; `fall_skeletons_fit` measures them. Each kind of posture has its
own. A landmark's error is a slow part, which the landmarks of a group share or which turns the group, and a
slow and a quick one of its own. Beside that a body is lost and found again, left and right are swapped for a
while, and a lying trunk reads as an upright one for a while, or the other way round. Cameras have the
vertical field of view of those of the simulated homes, 60°.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from care_robot.evaluation.fall_bench_view import ASPECT, FOCAL
from care_robot.perception.bodies import HIPS, LANDMARKS, Array, Body, Landmark, middle
from care_robot.perception.posture import Posture

GROUPS: dict[str, tuple[int, ...]] = {
    "head": tuple(range(11)),
    "shoulders": (11, 12),
    "arms": tuple(range(13, 23)),
    "hips": (23, 24),
    "knees": (25, 26),
    "feet": tuple(range(27, 33)),
}
GROUP_OF = np.array([next(i for i, own in enumerate(GROUPS.values()) if n in own) for n in range(LANDMARKS)])
MIRRORED = np.array(
    [0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9]
    + [n + 1 if n % 2 else n - 1 for n in range(Landmark.LEFT_SHOULDER, LANDMARKS)]
)
"""The landmark of the other side."""

SIDE = np.sign(MIRRORED - np.arange(LANDMARKS)).astype(np.float64)
"""1 on the left, -1 on the right, 0 for the nose."""

KINDS: dict[Posture, str] = {
    Posture.STANDING: "upright",
    Posture.WALKING: "upright",
    Posture.SITTING: "sitting",
    Posture.BENDING: "low",
    Posture.CROUCHING: "low",
    Posture.KNEELING: "low",
    Posture.UNKNOWN: "falling",
    Posture.LYING_ON_FLOOR: "lying",
    Posture.LYING_ON_FURNITURE: "lying",
}
"""Kinds of posture, each with its own errors."""

LEAST_IN_PICTURE = 0.5
"""Share of the landmarks; with fewer in the picture nobody is found."""

UPRIGHT_RAD, LEVEL_RAD = math.radians(40.0), math.radians(60.0)
"""A trunk reads as the other of the two where it is beyond one and found beyond the other."""


LEANS = 2.5
"""Depth over height of a standing body that reads as lying."""


@dataclass(frozen=True)
class Spread:
    """Standard deviations of the errors of landmarks, m; one number for each of GROUPS.

    Parameters
    ----------
    drift : tuple of float
        Slow, and the same for all landmarks of a group.
    twist : tuple of float
        Slow, and opposite on the left and on the right: a body that is seen turned.
    own : tuple of float
        Slow, each landmark by itself.
    jitter : tuple of float
        From picture to picture, each landmark by itself.
    """

    drift: tuple[float, ...]
    twist: tuple[float, ...]
    own: tuple[float, ...]
    jitter: tuple[float, ...]


@dataclass(frozen=True)
class Noise:
    """Errors in one kind of posture.

    Parameters
    ----------
    lost_per_s, found_per_s : float
        Rates at which a body that is found is lost, and one that is lost is found.
    world : Spread
        Of the landmarks in metres, across the camera's axis.
    depth : float
        How much larger those errors are along the camera's axis.
    follows : float
        Share of the errors in metres that is also in the picture.
    image : Spread
        Of the landmarks in the picture beside that, as metres at their distance.
    drift_s : float
        Time in which what is slow forgets.
    visibility, visibility_std : tuple of float
        Mean and standard deviation, for each of GROUPS.
    swaps_per_s, slips_per_s : float
        Rates at which left and right are swapped, and a trunk begins to read as the other kind.
    swap_s, slip_s : float
        How long that lasts on average.
    score : float
        Mean confidence of the body.
    frames : int
        Pictures that the figures rest on.
    """

    lost_per_s: float
    found_per_s: float
    world: Spread
    depth: float
    follows: float
    image: Spread
    drift_s: float
    visibility: tuple[float, ...]
    visibility_std: tuple[float, ...]
    swaps_per_s: float
    swap_s: float
    slips_per_s: float
    slip_s: float
    score: float
    frames: int


class Noisy:
    """The pose model's sight of one person; `size`: how large it takes people for (mean, deviation)."""

    def __init__(
        self, table: Mapping[str, Noise], draw: np.random.Generator, size: tuple[float, float]
    ) -> None:
        self._table, self._draw = table, draw
        self._size = float(np.clip(draw.normal(*size), 0.7, 1.3))
        # Of image x, y, world x, y, z, and visibility: of groups, of their sides, of landmarks.
        self._slow = [draw.standard_normal((count, 6)) for count in (len(GROUPS), len(GROUPS), LANDMARKS)]
        self._lost = self._swapped = self._slipped = False
        self._last_s = -math.inf

    def see(self, body: Body, posture: Posture, up: Array, t_s: float) -> Body | None:
        """What is found of a body whose landmarks are exact, with visibility 1 in the picture and else 0."""
        noise, draw = self._table[KINDS[posture]], self._draw
        gap_s = min(t_s - self._last_s, 60.0)
        self._last_s = t_s
        keep = math.exp(-gap_s / noise.drift_s)
        self._slow = [keep * s + math.sqrt(1 - keep**2) * draw.standard_normal(s.shape) for s in self._slow]
        self._lost = self._flips(self._lost, noise.lost_per_s, noise.found_per_s, gap_s)
        self._swapped = self._flips(self._swapped, noise.swaps_per_s, 1 / noise.swap_s, gap_s)
        self._slipped = self._flips(self._slipped, noise.slips_per_s, 1 / noise.slip_s, gap_s)
        inside = body.visibility > 0.5
        if self._lost or inside.mean() < LEAST_IN_PICTURE:
            return None
        off = self._errors(noise.world, slice(2, 5))
        off -= middle(off, HIPS)
        shift = noise.follows * off[:, :2] + self._errors(noise.image, slice(0, 2))
        image = body.image + shift / metres_per_height(body) / (ASPECT, 1.0)
        world = self._size * (body.world + off * (1.0, 1.0, noise.depth))
        if self._slipped:
            world = misjudged(world, up, body)
        std = np.array(noise.visibility_std)[GROUP_OF] * self._slow[0][GROUP_OF, 5]
        seen = np.clip(np.array(noise.visibility)[GROUP_OF] + std, 0.0, 1.0)
        visibility = np.where(inside, seen, 0.05)
        if self._swapped:
            image, world, visibility = image[MIRRORED], world[MIRRORED], visibility[MIRRORED]
        return Body(image, world - middle(world, HIPS), visibility, noise.score)

    def _errors(self, spread: Spread, axes: slice) -> Array:
        """Errors of all landmarks, (33, 2 or 3) m."""
        drift, twist, own = (slow[:, axes] for slow in self._slow)
        drift_m, twist_m, own_m, jitter_m = (
            np.array(std)[GROUP_OF, None] for std in (spread.drift, spread.twist, spread.own, spread.jitter)
        )
        jitter = self._draw.standard_normal(own.shape)
        return np.asarray(
            drift_m * drift[GROUP_OF]
            + twist_m * SIDE[:, None] * twist[GROUP_OF]
            + own_m * own
            + jitter_m * jitter
        )

    def _flips(self, on: bool, begins_per_s: float, ends_per_s: float, gap_s: float) -> bool:
        """The state of a two-state Markov process after a time."""
        both = begins_per_s + ends_per_s
        share = begins_per_s / both  # of the time that it is on
        forgets = math.exp(-both * gap_s)
        return bool(self._draw.random() < share + ((1.0 if on else 0.0) - share) * forgets)


def metres_per_height(body: Body) -> Array:
    """How many metres one height of the picture is at each landmark of an exact body, (33, 1).

    From where the hips must be for the landmarks to lie where they do, by least squares.
    """
    x, y = ((body.image - 0.5) * (ASPECT, 1.0)).T
    wx, wy, wz = body.world.T
    f, zero = np.full(LANDMARKS, FOCAL), np.zeros(LANDMARKS)
    lines = np.concatenate([np.stack([f, zero, -x], axis=1), np.stack([zero, f, -y], axis=1)])
    right = np.concatenate([x * wz - FOCAL * wx, y * wz - FOCAL * wy])
    hips = np.linalg.lstsq(lines, right, rcond=None)[0]
    return np.asarray(np.maximum(wz + hips[2], 0.3)[:, None] / FOCAL)


def misjudged(world: Array, up: Array, truth: Body) -> Array:
    """A body whose depth is misjudged, while it lies in the picture where it did.

    Who stands is taken to lean far along the line of sight; who lies along it, to have no depth, which reads
    as upright.
    """
    result = world.copy()
    if truth.torso_inclination(up) < math.radians(50.0):
        result[:, 2] += LEANS * world[:, 1]
    else:
        result[:, 2] = 0.0
    return result
