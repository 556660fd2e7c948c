"""One camera's people over time: whose body in this image is whose in the last ones."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from scipy.optimize import linear_sum_assignment

from care_robot.perception.bodies import HIPS, SHOULDERS, Array, Body, middle
from care_robot.perception.posture import LYING_RAD, UPRIGHT_RAD, Posture
from care_robot.perception.whereabouts import Whereabouts

MEMORY_S = 2.0  # how long somebody hidden keeps the identity
SCALE_MEMORY_S = 3.0
SPEED_WINDOW_S = 0.5
POSTURE_HOLD_S = 0.3  # a posture counts when it has been seen for so long
# People walk at up to 1.5 m/s and fall at up to 3 m/s at the hip; a torso is about 0.5 m.
SPEED_LIMIT_TORSOS_PER_S = 6.0
GATE_TORSOS = (1.0, 4.0)  # distance allowed at once, and at most
# Somebody last seen lying does not stand elsewhere a moment later: who does is another person.
LYING_IN_IMAGE_RAD = math.radians(60.0)
UPRIGHT_IN_IMAGE_RAD = math.radians(40.0)
RISE_UNSEEN_S = 0.5
RISE_TORSOS = (0.4, 1.5)  # of the hips: at once, and more for each second


class Track:
    """Somebody in the images of one camera.

    Parameters
    ----------
    camera : str
        Name of the camera.
    identity : str
        Of the person, which other cameras' tracks may share.
    t_s : float
        Time of the first sighting.
    """

    def __init__(self, camera: str, identity: str, t_s: float) -> None:
        self.camera, self.identity, self.first_seen_s = camera, identity, t_s
        # Time, hip, shoulder and torso length of each sighting.
        self._sightings: deque[tuple[float, Array, Array, float]] = deque()
        self.whereabouts = Whereabouts()
        self.torso_seen = 0.0
        """Visibility of the torso, 0 to 1."""
        self.torso_rad = math.nan
        """Its inclination in the room when it was seen last, 0 upright; NaN where it never was."""
        self.posture = Posture.UNKNOWN
        self._next_posture = Posture.UNKNOWN
        self._next_since_s = -math.inf

    @property
    def last_seen_s(self) -> float:
        """Time of the last sighting."""
        return self._sightings[-1][0]

    @property
    def lies(self) -> bool:
        """Whether the torso was level when last seen."""
        return self.torso_rad >= LYING_RAD

    @property
    def upright(self) -> bool:
        """Whether the torso was upright when last seen."""
        return self.torso_rad < UPRIGHT_RAD

    def see(self, t_s: float, hip: Array, shoulder: Array) -> None:
        """Take in where the torso is now."""
        self._sightings.append((t_s, hip, shoulder, float(np.linalg.norm(shoulder - hip))))
        while self._sightings[0][0] < t_s - SCALE_MEMORY_S:
            self._sightings.popleft()

    def hold(self, posture: Posture, t_s: float) -> Posture:
        """The posture that counts: this one, when it has been seen for long enough."""
        if posture != self._next_posture:
            self._next_posture, self._next_since_s = posture, t_s
        if t_s - self._next_since_s >= POSTURE_HOLD_S:
            self.posture = posture
        return self.posture

    def scale(self) -> float:
        """Longest recent length of the torso."""
        return max(length for _, _, _, length in self._sightings)

    def velocity(self) -> Array:
        """Of the hips over the last half second, 1/s."""
        last_s, last_hip, _, _ = self._sightings[-1]
        then_s, then_hip, _, _ = next(s for s in self._sightings if s[0] >= last_s - SPEED_WINDOW_S)
        return (last_hip - then_hip) / (last_s - then_s) if last_s > then_s else np.zeros(2)

    def distance(self, t_s: float, hip: Array, shoulder: Array) -> float:
        """From where the torso is expected to where one is seen, in torso lengths; inf when too far."""
        seen_s, last_hip, last_shoulder, _ = self._sightings[-1]
        gap_s = t_s - seen_s
        lay = _lean(last_hip, last_shoulder) >= LYING_IN_IMAGE_RAD
        if lay and _lean(hip, shoulder) < UPRIGHT_IN_IMAGE_RAD:
            rise = float(last_hip[1] - hip[1]) / max(self.scale(), 1e-3)
            if gap_s > RISE_UNSEEN_S or rise > RISE_TORSOS[0] + RISE_TORSOS[1] * gap_s:
                return math.inf
        ahead = self.velocity() * min(gap_s, SPEED_WINDOW_S)  # nobody goes on in a straight line for long
        miss = np.linalg.norm(hip - last_hip - ahead) + np.linalg.norm(shoulder - last_shoulder - ahead)
        distance = 0.5 * float(miss) / max(self.scale(), 1e-3)
        gate = min(GATE_TORSOS[0] + SPEED_LIMIT_TORSOS_PER_S * gap_s, GATE_TORSOS[1])
        return distance if distance <= gate else math.inf


def torso_of(body: Body, aspect: float) -> tuple[Array, Array]:
    """Middles of hips and shoulders in the image, in heights of it."""
    points = body.points(aspect)
    return middle(points, HIPS), middle(points, SHOULDERS)


def assign(tracks: list[Track], torsos: list[tuple[Array, Array]], t_s: float) -> list[Track | None]:
    """For each torso the track that it continues, such that the distances are smallest in total."""
    result: list[Track | None] = [None] * len(torsos)
    if not tracks or not torsos:
        return result
    far = 1e6
    cost = np.array([[min(track.distance(t_s, *torso), far) for track in tracks] for torso in torsos])
    for row, column in zip(*linear_sum_assignment(cost), strict=True):
        if cost[row, column] < far:
            result[row] = tracks[column]
    return result


def _lean(hip: Array, shoulder: Array) -> float:
    """Angle of a torso with the vertical of the image, rad; more than pi/2 upside down."""
    return math.atan2(abs(float(shoulder[0] - hip[0])), float(hip[1] - shoulder[1]))
