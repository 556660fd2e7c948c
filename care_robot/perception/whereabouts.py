"""Where somebody is in the map, as one camera sees it, and whether to look from elsewhere."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from care_robot.perception.bodies import HIPS, Array, Body, angle_between
from care_robot.perception.ground import Placed
from care_robot.perception.posture import VISIBLE

WINDOW_S = 0.8  # over which place and speed are smoothed
JUMP_M = 1.0  # between two sightings: another place, not a movement
PLACE_NOISE_M, USUAL_SPEED_M_S = 0.1, 0.7

# A body's length is not seen from its ends: nor which way it lies, nor how high.
ALONG_SIGHT_RAD = math.radians(30.0)
DOUBT_OVER_S = 1.0
RAISED, LOWERED = 0.6, 0.3  # share of that time in doubt at which another view is wanted, and is not any more
FLIP_RAD = math.radians(45.0)  # nobody's torso turns so far between two images
FLIPS, FLIPS_OVER_S = 2, 1.5
CLEARLY_NEARER = 0.3  # how much of a side's way must lead to the camera for that side to be chosen anew


@dataclass(frozen=True, eq=False)
class Spot:
    """A place in the map at a time: of the hips, m, with its covariance (3, 3), m², and velocity, m/s."""

    t_s: float
    position: Array
    covariance: Array
    velocity: Array


class Whereabouts:
    """Place, velocity and doubts of one person in one camera's images."""

    def __init__(self) -> None:
        self.spot: Spot | None = None
        self.bearing_rad: float | None = None
        """In the map, from the person to where a look would settle it; None while there is no doubt."""
        self._places: deque[tuple[float, Array]] = deque()
        self._doubt = 0.0
        self._judged_s = math.inf
        self._placed: Placed | None = None  # of the last image
        self._body: Body | None = None
        self._flips: deque[float] = deque()

    def see(self, t_s: float, placed: Placed) -> None:
        """Take in where the body is."""
        hips = placed.hips
        if self._places and float(np.linalg.norm(hips - self._places[-1][1])) > JUMP_M:
            self._places.clear()
        self._places.append((t_s, hips))
        while self._places[0][0] < t_s - WINDOW_S:
            self._places.popleft()
        position, velocity = _line(self._places)
        self.spot = Spot(t_s, position, placed.covariance(), velocity)

    def judge(self, t_s: float, body: Body, placed: Placed | None, *, unknown_support: bool = False) -> None:
        """Weigh whether another view is wanted; `placed` is None where the body fits nowhere."""
        gap_s = max(t_s - self._judged_s, 0.0)
        self._judged_s = t_s
        doubt = unknown_support or body.torso_visibility() < VISIBLE
        if placed is None:
            self._flips.append(t_s)
        else:
            doubt = doubt or _foreshortened(placed)
            if self._flipped(body, placed) and gap_s < DOUBT_OVER_S:
                self._flips.append(t_s)
            self._placed, self._body = placed, body
        while self._flips and self._flips[0] < t_s - FLIPS_OVER_S:
            self._flips.popleft()
        doubt = doubt or len(self._flips) >= FLIPS
        self._doubt += (1.0 - math.exp(-gap_s / DOUBT_OVER_S)) * (float(doubt) - self._doubt)
        wanted = self._doubt > (RAISED if self.bearing_rad is None else LOWERED)
        self.bearing_rad = _side(self._placed, self.bearing_rad) if wanted and self._placed else None

    def _flipped(self, body: Body, placed: Placed) -> bool:
        """Whether head and feet, or left and right, have changed places since the last image."""
        if self._placed is None or self._body is None:
            return False
        across, before = (float(b.image[HIPS[0], 0] - b.image[HIPS[1], 0]) for b in (body, self._body))
        swapped = across * before < 0.0 and _wide(body) and _wide(self._body)
        return swapped or angle_between(placed.torso, self._placed.torso) > FLIP_RAD


def _foreshortened(placed: Placed) -> bool:
    """Whether the camera looks along the torso."""
    along = angle_between(placed.torso, placed.hips - placed.eye)
    return min(along, math.pi - along) < ALONG_SIGHT_RAD


def _wide(body: Body) -> bool:
    """Whether the hips are seen from before or behind: from the side, left and right are close together."""
    left, right = body.world[HIPS[0]], body.world[HIPS[1]]
    return abs(float(left[0] - right[0])) > 0.5 * float(np.linalg.norm(left - right))


def _side(placed: Placed, before_rad: float | None) -> float:
    """Bearing at right angles to the body's axis, on the side nearer to the camera; the last one in doubt."""
    to_eye = placed.eye[:2] - placed.hips[:2]
    axis = placed.torso[:2]
    if np.linalg.norm(axis) < 0.1:  # upright, or seen as if it were
        axis = to_eye
    side = np.array([-axis[1], axis[0]]) / max(float(np.linalg.norm(axis)), 1e-6)
    nearer = float(side @ to_eye) / max(float(np.linalg.norm(to_eye)), 1e-6)
    if before_rad is not None and abs(nearer) < CLEARLY_NEARER:
        nearer = float(side @ (math.cos(before_rad), math.sin(before_rad)))
    x, y = side if nearer >= 0.0 else -side
    return math.atan2(float(y), float(x))


def _line(places: deque[tuple[float, Array]]) -> tuple[Array, Array]:
    """Place and velocity at the newest time, by a line through places; slow, unless they say more."""
    times = np.array([t for t, _ in places])
    points = np.array([place for _, place in places])
    ahead = times - times.mean()
    damped = float(ahead @ ahead) + (PLACE_NOISE_M / USUAL_SPEED_M_S) ** 2
    velocity = ahead @ (points - points.mean(axis=0)) / damped
    return points.mean(axis=0) + velocity * ahead[-1], np.asarray(velocity)
