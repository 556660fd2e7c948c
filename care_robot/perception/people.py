"""From bodies in single images to people with an identity over time, each camera by itself."""

from __future__ import annotations

import math
import random
import string
from collections import deque
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from care_robot.perception.bodies import HIPS, LEVEL_CAMERA_UP, SHOULDERS, Array, Body, middle
from care_robot.perception.posture import Posture, hip_height, posture_of

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


@dataclass(frozen=True, eq=False)
class View:
    """One image, as far as it matters to the bodies in it.

    Parameters
    ----------
    camera : str
        Name of the camera.
    t_s : float
        Time of the image.
    aspect : float
        Width of the image over its height.
    up : (3,) array
        Unit vector that points up in the room, in the camera's optical axes.
    """

    camera: str
    t_s: float
    aspect: float
    up: Array = field(default_factory=lambda: LEVEL_CAMERA_UP)


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody who is tracked, as last seen.

    Image quantities are fractions of the image's height, with the same scale in x and y; y grows downwards.

    Parameters
    ----------
    id : str
        Stable while the person is tracked, in the form of REP-155.
    body : Body
        The landmarks.
    torso_inclination_rad : float
        0 upright, pi/2 horizontal; NaN where the torso is not seen.
    hip_height : float
        Hips over the ankle, in lengths of the leg: 1 standing, 0.5 on a chair, 0 lying; NaN where no leg
        is seen.
    hip : (2,) array
        Midway between the hips.
    torso_length : float
        Longest recent distance from hips to shoulders: the person's scale.
    velocity : (2,) array
        Of the hips, 1/s.
    """

    id: str
    camera: str
    first_seen_s: float
    last_seen_s: float
    body: Body
    posture: Posture
    posture_confidence: float
    torso_inclination_rad: float
    hip_height: float
    hip: Array
    torso_length: float
    velocity: Array


@dataclass(eq=False)
class _Track:
    id: str
    first_seen_s: float
    # Time, hip, shoulder and torso length of each sighting.
    sightings: deque[tuple[float, Array, Array, float]]
    person: Person | None = None
    posture: Posture = Posture.UNKNOWN
    next_posture: Posture = Posture.UNKNOWN
    next_since_s: float = -math.inf

    @property
    def last_seen_s(self) -> float:
        return self.sightings[-1][0]

    def scale(self) -> float:
        return max(length for _, _, _, length in self.sightings)

    def velocity(self) -> Array:
        """Of the hips over the last half second, 1/s."""
        last_s, last_hip, _, _ = self.sightings[-1]
        then_s, then_hip, _, _ = next(s for s in self.sightings if s[0] >= last_s - SPEED_WINDOW_S)
        return (last_hip - then_hip) / (last_s - then_s) if last_s > then_s else np.zeros(2)

    def distance(self, t_s: float, hip: Array, shoulder: Array) -> float:
        """From where the torso is expected to where one is seen, in torso lengths; inf when too far."""
        seen_s, last_hip, last_shoulder, _ = self.sightings[-1]
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


class PeopleTracker:
    """Follows people in the images of any number of cameras.

    Parameters
    ----------
    seed : int, optional
        Makes the identities repeatable.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311 (names, not secrets)
        self._used_ids: set[str] = set()
        self._tracks: dict[str, list[_Track]] = {}
        self._last_s: dict[str, float] = {}

    def update(self, view: View, bodies: list[Body]) -> list[Person]:
        """Take in the bodies of one image.

        An image that is not newer than the camera's last one is left out, unless time has jumped back (a
        clip or simulation that began anew): then this camera's people are forgotten.

        Returns
        -------
        list of Person
            The people seen in this image.
        """
        last_s = self._last_s.get(view.camera)
        if last_s is not None and view.t_s <= last_s:
            if view.t_s > last_s - MEMORY_S:
                return []
            self._tracks.pop(view.camera, None)
        self._last_s[view.camera] = view.t_s
        known = [t for t in self._tracks.get(view.camera, []) if view.t_s - t.last_seen_s <= MEMORY_S]
        sightings = [(body, *_torso(body, view.aspect)) for body in bodies if body.usable()]
        sightings = [s for s in sightings if np.linalg.norm(s[1] - s[2]) > 1e-6]
        seen: list[Person] = []
        tracks = _assign(known, [(hip, shoulder) for _, hip, shoulder in sightings], view.t_s)
        for (body, hip, shoulder), found in zip(sightings, tracks, strict=True):
            track = found
            if track is None:
                track = _Track(self._new_id(), view.t_s, deque())
                known.append(track)
            seen.append(_see(track, view, body, hip, shoulder))
        self._tracks[view.camera] = known
        return seen

    def people(self, t_s: float) -> list[Person]:
        """Everybody seen within the last two seconds, by any camera, as last seen."""
        return [
            track.person
            for tracks in self._tracks.values()
            for track in tracks
            if track.person is not None and abs(t_s - track.last_seen_s) <= MEMORY_S
        ]

    def _new_id(self) -> str:
        while True:
            letters = self._random.choices(string.ascii_lowercase + string.digits, k=5)
            identity = "body_" + "".join(letters)
            if identity not in self._used_ids:
                self._used_ids.add(identity)
                return identity


def room_of(camera: str) -> str:
    """Room that a fixed camera is named after (<room>_camera); empty for the robot's own and other names."""
    room = camera.removesuffix("_camera")
    return "" if room in {camera, "head"} else room


def _torso(body: Body, aspect: float) -> tuple[Array, Array]:
    points = body.points(aspect)
    return middle(points, HIPS), middle(points, SHOULDERS)


def _lean(hip: Array, shoulder: Array) -> float:
    """Angle of a torso with the vertical of the image, rad; more than pi/2 upside down."""
    return math.atan2(abs(float(shoulder[0] - hip[0])), float(hip[1] - shoulder[1]))


def _assign(tracks: list[_Track], torsos: list[tuple[Array, Array]], t_s: float) -> list[_Track | None]:
    """For each torso the track that it continues, such that the distances are smallest in total."""
    result: list[_Track | None] = [None] * len(torsos)
    if not tracks or not torsos:
        return result
    far = 1e6
    cost = np.array([[min(track.distance(t_s, *torso), far) for track in tracks] for torso in torsos])
    for row, column in zip(*linear_sum_assignment(cost), strict=True):
        if cost[row, column] < far:
            result[row] = tracks[column]
    return result


def _see(track: _Track, view: View, body: Body, hip: Array, shoulder: Array) -> Person:
    track.sightings.append((view.t_s, hip, shoulder, float(np.linalg.norm(shoulder - hip))))
    while track.sightings[0][0] < view.t_s - SCALE_MEMORY_S:
        track.sightings.popleft()
    velocity = track.velocity()
    posture, confidence = posture_of(body, view.up, float(np.linalg.norm(velocity)) / track.scale())
    if posture != track.next_posture:
        track.next_posture, track.next_since_s = posture, view.t_s
    if view.t_s - track.next_since_s >= POSTURE_HOLD_S:
        track.posture = posture
    elif posture != track.posture:
        confidence = 0.0 if track.posture is Posture.UNKNOWN else 0.5 * confidence
    seen = body.torso_visibility() >= 0.5
    track.person = Person(
        id=track.id,
        camera=view.camera,
        first_seen_s=track.first_seen_s,
        last_seen_s=view.t_s,
        body=body,
        posture=track.posture,
        posture_confidence=confidence,
        torso_inclination_rad=body.torso_inclination(view.up) if seen else math.nan,
        hip_height=hip_height(body, view.up),
        hip=hip,
        torso_length=track.scale(),
        velocity=velocity,
    )
    return track.person
