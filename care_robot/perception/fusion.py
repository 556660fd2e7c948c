"""One person from the tracks of several cameras.

Tracks are joined where their places in the map agree and nobody else is near; they part when the places do
not agree any more, or when one camera sees somebody lie and another somebody upright: then whoever lies keeps
the identity, and the camera is gone by that sees it. An identity never goes over from somebody on the floor
to somebody upright: a helper beside a fallen person is not that person, up again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from care_robot.perception.bodies import Array
from care_robot.perception.tracks import MEMORY_S, Track
from care_robot.perception.whereabouts import Spot

NEAR, CLEARLY_APART = 9.0, 16.0  # squared distance of two places over its variance
WALK_M_S = 1.0  # how fast a place may have changed since it was seen
NEW_S = 0.5  # somebody seen for no longer gets a known identity at once
AGREED_S = 2.0  # others, when their places have agreed for so long
APART_S = 0.5
FARTHEST_M = 1.2  # nobody's place is wrong by more
AT_ONCE_S = 0.3  # two sightings no further apart are compared as they are
SWITCH_S = 0.7  # a camera that has not seen a person for so long yields to one that does
POORLY_SEEN, WELL_SEEN = 0.5, 0.7  # visibility of the torso


class Identities:
    """Which tracks are one person, and which camera is the one to go by.

    Parameters
    ----------
    new_id : callable
        Makes an identity that nobody had.
    """

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._camera: dict[str, str] = {}  # to go by
        self._agreed_since: dict[tuple[str, str], float] = {}
        self._apart_since: dict[Track, float] = {}

    def camera_of(self, identity: str) -> str:
        """The camera to go by for a person."""
        return self._camera[identity]

    def update(self, t_s: float, camera: str, tracks: Iterable[Track]) -> None:
        """Join and part tracks after an image.

        Parameters
        ----------
        t_s : float
            Time of the image.
        camera : str
            Which gave it.
        tracks : iterable of Track
            Of all cameras.
        """
        known = list(tracks)
        everybody = [track for track in known if abs(t_s - track.last_seen_s) <= MEMORY_S]
        seen = [track for track in everybody if track.camera == camera and track.last_seen_s == t_s]
        for track in seen:
            group = [other for other in everybody if other.identity == track.identity]
            if len(group) == 1:
                self._join(t_s, track, everybody)
            else:
                self._part(t_s, track, group)
        groups: dict[str, list[Track]] = {}
        for track in everybody:
            groups.setdefault(track.identity, []).append(track)
        for identity in list(groups):
            self._choose_camera(t_s, identity, groups[identity])
        ids = {track.identity for track in known}
        self._camera = {identity: c for identity, c in self._camera.items() if identity in ids}
        self._agreed_since = {pair: s for pair, s in self._agreed_since.items() if ids.issuperset(pair)}
        self._apart_since = {track: s for track, s in self._apart_since.items() if track in everybody}

    def _join(self, t_s: float, track: Track, everybody: list[Track]) -> None:
        here = {other.identity for other in everybody if other.camera == track.camera}
        near = [
            other
            for other in everybody
            if other.identity not in here and _squares(track, other) < CLEARLY_APART
        ]
        rivals = [
            other
            for other in everybody
            if other.camera == track.camera
            and other is not track
            and any(_squares(other, one) < CLEARLY_APART for one in near)
        ]
        pairs = {(track.identity, other.identity) for other in near}
        for pair in [p for p in self._agreed_since if p[0] == track.identity and p not in pairs]:
            del self._agreed_since[pair]
        if rivals or len(pairs) != 1:
            return
        (pair,) = pairs
        if any(_squares(track, other) > NEAR or contradict(track, other) for other in near):
            self._agreed_since.pop(pair, None)
            return
        since_s = self._agreed_since.setdefault(pair, t_s)
        if t_s - track.first_seen_s <= NEW_S:
            track.identity = pair[1]
        elif t_s - since_s >= AGREED_S and not any(one.lies for one in (track, *near)):
            older = min([track, *near], key=lambda one: one.first_seen_s).identity
            for one in [one for one in everybody if one.identity in pair]:
                one.identity = older

    def _part(self, t_s: float, track: Track, group: list[Track]) -> None:
        others = [o for o in group if o is not track and t_s - o.last_seen_s <= AT_ONCE_S]
        other = next((o for o in others if _squares(track, o) > CLEARLY_APART or contradict(track, o)), None)
        if other is None:
            self._apart_since.pop(track, None)
        elif t_s - self._apart_since.setdefault(track, t_s) >= APART_S:
            stays, leaves = track, other
            if contradict(track, other):  # who is on the floor must not be lost behind who is not
                stays, leaves = (track, other) if track.lies else (other, track)
            elif self._camera.get(track.identity) != track.camera:
                stays, leaves = other, track
            leaves.identity = self._new_id()
            self._camera[stays.identity] = stays.camera
            self._apart_since.pop(track, None)

    def _choose_camera(self, t_s: float, identity: str, group: list[Track]) -> None:
        """Stay with a camera as long as it sees the person well: what a fall is told by is one camera's."""
        now = next((track for track in group if track.camera == self._camera.get(identity)), None)
        fresh = [track for track in group if abs(t_s - track.last_seen_s) <= AT_ONCE_S]
        best = max(fresh or group, key=lambda track: track.torso_seen)
        if now is None:
            self._camera[identity] = best.camera
            return
        lost = t_s - now.last_seen_s > SWITCH_S
        poor = now.torso_seen < POORLY_SEEN and best.torso_seen >= WELL_SEEN
        if best is now or not (lost or poor):
            return
        if now.lies and best.upright:
            if lost:  # whoever stands there is somebody else
                best.identity = self._new_id()
                self._camera[best.identity] = best.camera
            return
        self._camera[identity] = best.camera


def contradict(one: Track, other: Track) -> bool:
    """Whether one lies and the other is upright."""
    return (one.lies and other.upright) or (one.upright and other.lies)


def joint(spots: list[Spot]) -> tuple[Array, Array]:
    """Place and covariance from several independent ones, each with the weight that it deserves."""
    weights = [_inverse(spot.covariance) for spot in spots]
    covariance = _inverse(np.sum(weights, axis=0))
    weighted = np.sum([w @ spot.position for w, spot in zip(weights, spots, strict=True)], axis=0)
    return np.asarray(covariance @ weighted), covariance


def _inverse(matrix: Array) -> Array:
    """Of a symmetric (3, 3) matrix: NumPy's wakes its threads for it, which takes a hundred times as long."""
    (a, b, c), (_, d, e), (_, _, f) = matrix.tolist()
    minors = d * f - e * e, c * e - b * f, b * e - c * d, a * f - c * c, b * c - a * e, a * d - b * b
    aa, ab, ac, bb, bc, cc = (minor / (a * minors[0] + b * minors[1] + c * minors[2]) for minor in minors)
    return np.array([[aa, ab, ac], [ab, bb, bc], [ac, bc, cc]])


def _squares(one: Track, other: Track) -> float:
    """Squared level distance of two places over its variance; inf where one is not known."""
    a, b = one.whereabouts.spot, other.whereabouts.spot
    if a is None or b is None:
        return math.inf
    x, y, _ = (a.position - b.position).tolist()
    walked_m = WALK_M_S * abs(a.t_s - b.t_s)
    if math.hypot(x, y) > FARTHEST_M + walked_m:
        return math.inf
    (xx, xy, _), (_, yy, _), _ = (a.covariance + b.covariance).tolist()
    xx, yy = xx + walked_m**2, yy + walked_m**2
    return float((x * x * yy - 2.0 * x * y * xy + y * y * xx) / (xx * yy - xy * xy))
