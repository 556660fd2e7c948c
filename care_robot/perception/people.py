"""From bodies in single images to people: with an identity over time, a place in the room and a posture."""

from __future__ import annotations

import math
import random
import string
from dataclasses import dataclass, field, replace

import numpy as np

from care_robot.care.places import Places
from care_robot.perception.bodies import LEVEL_CAMERA_UP, Array, Body
from care_robot.perception.fusion import AT_ONCE_S, Identities, joint
from care_robot.perception.ground import LYING_SIZE, LYING_SIZE_STD, Lens, Placed, on_feet, place_body
from care_robot.perception.posture import VISIBLE, Posture, hip_height, posture_of
from care_robot.perception.support import Rest, rest_of, seat_of
from care_robot.perception.tracks import MEMORY_S, Track, assign, torso_of
from care_robot.perception.whereabouts import Whereabouts

TORSO_M = 0.5
USED_IDS = 10_000  # so many identities are not used again: those of hours, even where phantoms come and go


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
    lens : Lens or None
        How the camera sees the room; None where its place or its calibration is not known, and with it
        nobody's place.
    """

    camera: str
    t_s: float
    aspect: float
    up: Array = field(default_factory=lambda: LEVEL_CAMERA_UP)
    lens: Lens | None = None


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody who is tracked, as last seen.

    Image quantities are fractions of the image's height, with the same scale in x and y; y grows downwards.

    Parameters
    ----------
    id : str
        Stable while the person is tracked, in the form of REP-155.
    camera : str
        Which saw this. Where several cameras see somebody, one is kept to as long as it sees them well.
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
    position : (3,) array or None
        Of the hips in the map, m, z over the floor; None where the camera's place is not known.
    position_covariance : (3, 3) array or None
        Of the position, m².
    velocity_m_s : (3,) array or None
        Of the hips in the map.
    room : str
        Empty where not known.
    support : str
        Name of the furniture that carries somebody who sits or lies; empty where none is known to.
    look_again_bearing_rad : float or None
        In the map, from the person to a viewpoint that would settle an uncertain posture; None where it is
        settled.
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
    position: Array | None = None
    position_covariance: Array | None = None
    velocity_m_s: Array | None = None
    room: str = ""
    support: str = ""
    look_again_bearing_rad: float | None = None


class PeopleTracker:
    """Follows people in the images of any number of cameras.

    Parameters
    ----------
    seed : int, optional
        Makes the identities repeatable.
    places : Places, optional
        Rooms and furniture.
    """

    def __init__(self, seed: int | None = None, places: Places | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311 (names, not secrets)
        self._used_ids: dict[str, None] = {}  # the newest, in order
        self._places = places or Places()
        self._identities = Identities(self._new_id)
        self._tracks: dict[str, list[Track]] = {}
        self._seen: dict[Track, Person] = {}  # as its camera alone saw them last
        self._last_s: dict[str, float] = {}

    def update(self, view: View, bodies: list[Body]) -> list[Person]:
        """Take in the bodies of one image.

        An image that is not newer than the camera's last one is left out, unless time has jumped back (a
        clip or simulation that began anew): then this camera's people are forgotten.

        Returns
        -------
        list of Person
            The people seen in this image, as seen in it.
        """
        last_s = self._last_s.get(view.camera)
        if last_s is not None and view.t_s <= last_s:
            if view.t_s > last_s - MEMORY_S:
                return []
            self._tracks.pop(view.camera, None)
        self._last_s[view.camera] = view.t_s
        known = [t for t in self._tracks.get(view.camera, []) if view.t_s - t.last_seen_s <= MEMORY_S]
        sightings = [(body, *torso_of(body, view.aspect)) for body in bodies if body.usable()]
        sightings = [s for s in sightings if np.linalg.norm(s[1] - s[2]) > 1e-6]
        seen: list[Track] = []
        tracks = assign(known, [(hip, shoulder) for _, hip, shoulder in sightings], view.t_s)
        for (body, hip, shoulder), found in zip(sightings, tracks, strict=True):
            track = found
            if track is None:
                track = Track(view.camera, self._new_id(), view.t_s)
                known.append(track)
            track.see(view.t_s, hip, shoulder)
            self._seen[track] = self._person(track, view, body, hip)
            seen.append(track)
        self._tracks[view.camera] = known
        everybody = [track for tracks in self._tracks.values() for track in tracks]
        self._seen = {track: self._seen[track] for track in everybody}
        self._identities.update(view.t_s, view.camera, everybody)
        return [self._named(track) for track in seen]

    def people(self, t_s: float) -> list[Person]:
        """Everybody seen within the last two seconds, by any camera, as last seen."""
        people: dict[str, list[Track]] = {}
        for tracks in self._tracks.values():
            for track in tracks:
                if abs(t_s - track.last_seen_s) <= MEMORY_S:
                    people.setdefault(track.identity, []).append(track)
        return [self._joined(identity, tracks) for identity, tracks in people.items()]

    def _named(self, track: Track) -> Person:
        """As seen last, with the identity that was settled after."""
        person = self._seen[track]
        if person.id != track.identity:
            person = self._seen[track] = replace(person, id=track.identity)
        return person

    def _joined(self, identity: str, tracks: list[Track]) -> Person:
        """One person from what several cameras see."""
        camera = self._identities.camera_of(identity)
        best = next((track for track in tracks if track.camera == camera), tracks[0])
        person = self._named(best)
        if len(tracks) == 1:
            return person
        person = replace(person, first_seen_s=min(track.first_seen_s for track in tracks))
        spots = [track.whereabouts.spot for track in tracks]
        newest_s = max((spot.t_s for spot in spots if spot is not None), default=0.0)
        fresh = [spot for spot in spots if spot is not None and newest_s - spot.t_s <= AT_ONCE_S]
        if len(fresh) < 2:
            return person
        position, covariance = joint(fresh)
        room = self._room(camera, position)
        return replace(person, position=position, position_covariance=covariance, room=room)

    def _person(self, track: Track, view: View, body: Body, hip: Array) -> Person:
        velocity = track.velocity()
        speed = float(np.linalg.norm(velocity)) / track.scale()
        placed = place_body(body, view.lens) if view.lens is not None else None
        if view.lens is None:
            track.whereabouts = Whereabouts()
        where = track.whereabouts
        if where.spot is not None:  # true also of who comes nearer, and while the camera turns
            speed = float(np.linalg.norm(where.spot.velocity[:2])) / TORSO_M
        up = view.up if placed is None else placed.up
        posture, confidence = posture_of(body, up, speed)
        rest = self._rest(posture, placed) if placed is not None else None
        if posture is Posture.LYING and rest is not None:
            if rest.furniture:
                posture = Posture.LYING_ON_FURNITURE
            elif rest.on_floor:
                posture = Posture.LYING_ON_FLOOR
        before = track.posture
        if track.hold(posture, view.t_s) != posture:
            confidence = 0.0 if before is Posture.UNKNOWN else 0.5 * confidence
        track.torso_seen = body.torso_visibility()
        torso_rad = body.torso_inclination(up) if track.torso_seen >= VISIBLE else math.nan
        if not math.isnan(torso_rad):
            track.torso_rad = torso_rad
        person = Person(
            id=track.identity,
            camera=view.camera,
            first_seen_s=track.first_seen_s,
            last_seen_s=view.t_s,
            body=body,
            posture=track.posture,
            posture_confidence=confidence,
            torso_inclination_rad=torso_rad,
            hip_height=hip_height(body, up),
            hip=hip,
            torso_length=track.scale(),
            velocity=velocity,
            room=room_of(view.camera),
        )
        return self._located(person, where, rest) if view.lens is not None else person

    def _located(self, person: Person, where: Whereabouts, rest: Rest | None) -> Person:
        """Somebody in the map; `rest` is None where the body fits nowhere."""
        t_s, body = person.last_seen_s, person.body
        if rest is None:
            where.judge(t_s, body, None)
        else:
            where.see(t_s, rest.placed)
            unknown = person.posture is Posture.LYING
            where.judge(t_s, body, rest.placed, unknown_support=unknown)
        if where.spot is None:
            return person
        return replace(
            person,
            position=where.spot.position,
            position_covariance=where.spot.covariance,
            velocity_m_s=where.spot.velocity,
            room=self._room(person.camera, where.spot.position),
            support=rest.furniture if rest is not None else "",
            look_again_bearing_rad=where.bearing_rad,
        )

    def _rest(self, posture: Posture, placed: Placed) -> Rest:
        if posture is Posture.LYING:
            return rest_of(placed.sized(LYING_SIZE, LYING_SIZE_STD), self._places.furniture)
        standing = on_feet(placed)
        seat = seat_of(standing, self._places.furniture) if posture is Posture.SITTING else ""
        return Rest(standing, seat)

    def _room(self, camera: str, position: Array) -> str:
        return self._places.room_at(float(position[0]), float(position[1])) or room_of(camera)

    def _new_id(self) -> str:
        while True:
            letters = self._random.choices(string.ascii_lowercase + string.digits, k=5)
            identity = "body_" + "".join(letters)
            if identity not in self._used_ids:
                self._used_ids[identity] = None
                if len(self._used_ids) > USED_IDS:
                    del self._used_ids[next(iter(self._used_ids))]
                return identity


def room_of(camera: str) -> str:
    """Room that a fixed camera is named after (<room>_camera); empty for the robot's own and other names."""
    room = camera.removesuffix("_camera")
    return "" if room in {camera, "head"} else room
