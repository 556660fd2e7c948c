"""What the people tracker would say of people whose landmarks are known: each camera's view, computed.

The landmarks are projected into the camera that sees a person best, and go through the tracker's own code
from there on. A camera is taken to see the whole of the room that it is named after; into other rooms it
sees where no wall is in between. Where several see somebody, one of them is used, and kept while it can be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from care_robot.description import Camera
from care_robot.geometry import OPTICAL, Array, CameraModel, Pose
from care_robot.perception.bodies import HIPS, LANDMARKS, SHOULDERS, Body, middle
from care_robot.perception.people import PeopleTracker, Person, View, room_of
from care_robot.simulation.world import World

DELIVERS_S = 1.0  # as in people_tracker: a camera that gave bodies within this time delivers
HEAD_RANGE_M = 4.0
UPRIGHT_HIPS_M = 0.7
NEAREST_M = 0.3  # nearer to the plane of the picture, a landmark is nowhere in it

Blocked = Callable[[Array, Array], bool]


@dataclass(frozen=True, eq=False)
class Place:
    """Where somebody really is, m and m/s in the map: what the tracker cannot know without this."""

    position_m: Array
    velocity_m_s: Array
    room: str


@dataclass(eq=False)
class Lens:
    """One camera: `optical` is the pose of its optical frame in the map."""

    name: str
    model: CameraModel
    optical: Pose
    on_robot: bool = False
    enabled: bool = True
    black: bool = False
    frozen: bool = False
    silent: bool = False
    bodies: list[tuple[Body, Place]] = field(default_factory=list)  # of the last picture

    @classmethod
    def of(cls, camera: Camera, mounted: Pose, *, on_robot: bool = False) -> Lens:
        """From a description; `mounted` is the camera's pose in the map, x ahead."""
        model = CameraModel.from_hfov(camera.width_px, camera.height_px, camera.horizontal_fov_rad)
        return cls(camera.name, model, mounted.compose(OPTICAL), on_robot)

    @property
    def looks(self) -> bool:
        """Whether it gives pictures of what there is now."""
        return self.enabled and not (self.black or self.frozen or self.silent)

    def sees(self, landmarks_m: Array, room: str, blocked: Blocked) -> bool:
        """Whether somebody with these landmarks, in this room, can be seen."""
        seen = self.optical.inverse().apply(landmarks_m)
        if seen[:, 2].min() < NEAREST_M:
            return False
        if room and room == room_of(self.name):
            return True
        torso = (middle(landmarks_m, HIPS) + middle(landmarks_m, SHOULDERS)) / 2.0
        if self.on_robot and np.linalg.norm(torso - self.optical.position) > HEAD_RANGE_M:
            return False
        size = (self.model.width, self.model.height)
        pixels = self.model.project(seen[[*HIPS, *SHOULDERS]])
        in_picture = bool(((pixels >= 0.0) & (pixels <= size)).all())
        return in_picture and not blocked(self.optical.position, torso)

    def body(self, landmarks_m: Array) -> Body:
        """What a pose model that makes no errors finds."""
        seen = self.optical.inverse().apply(landmarks_m)
        image = self.model.project(seen) / (self.model.width, self.model.height)
        return Body(image, seen - middle(seen, HIPS), np.ones(LANDMARKS), 1.0)


class KinematicPeople:
    """Stands in for cameras, pose estimators and people tracker.

    Parameters
    ----------
    world : World
    lenses : iterable of Lens
    seed : int
        Of the identities.
    """

    def __init__(self, world: World, lenses: Iterable[Lens], seed: int) -> None:
        self.lenses = {lens.name: lens for lens in lenses}
        self._world = world
        self._tracker = PeopleTracker(seed)
        self._chosen: dict[str, str] = {}  # camera of each person
        self._heard_s: dict[str, float] = {}
        self._last: dict[str, tuple[float, Array]] = {}  # time and hips of each person
        self._places: dict[str, Place] = {}  # of each identity

    def update(
        self, t_s: float, landmarks_m: Mapping[str, Array], blocked: Blocked
    ) -> list[tuple[Person, Place]]:
        """Look at everybody; the people as the tracker tells them, and where they really were then.

        Parameters
        ----------
        t_s : float
            Time now.
        landmarks_m : mapping of (33, 3) arrays
            Of each person, in the map.
        blocked : callable
            Whether a wall is between two points.
        """
        fresh: dict[str, list[tuple[Body, Place]]] = {name: [] for name in self.lenses}
        for person, points in landmarks_m.items():
            place = self._place(person, t_s, middle(points, HIPS))
            lens = self._choose(person, points, place.room, blocked)
            if lens is not None:
                fresh[lens.name].append((lens.body(points), place))
        for lens in self.lenses.values():
            if lens.enabled and not lens.silent:
                self._look(lens, t_s, fresh[lens.name])
        people = self._tracker.people(t_s)
        self._places = {person.id: self._places[person.id] for person in people}
        return [(person, self._places[person.id]) for person in people]

    def delivering(self, t_s: float) -> list[str]:
        """Cameras that gave pictures within the last second."""
        return [c for c in self.lenses if t_s - self._heard_s.get(c, -DELIVERS_S) < DELIVERS_S]

    def _look(self, lens: Lens, t_s: float, fresh: list[tuple[Body, Place]]) -> None:
        """Give the tracker one picture."""
        self._heard_s[lens.name] = t_s
        if not lens.frozen:
            lens.bodies = [] if lens.black else fresh
        view = View(lens.name, t_s, lens.model.width / lens.model.height, lens.optical.rotation()[2])
        seen = self._tracker.update(view, [body for body, _ in lens.bodies])
        places = {id(body): place for body, place in lens.bodies}
        self._places |= {person.id: places[id(person.body)] for person in seen}

    def _choose(self, person: str, points: Array, room: str, blocked: Blocked) -> Lens | None:
        """The camera of the room; else the one that saw them last, a near one, and the robot's.

        Nobody is handed over to another camera while going down.
        """
        down = middle(points, HIPS)[2] < UPRIGHT_HIPS_M

        def rank(lens: Lens) -> tuple[bool, bool, bool, bool, float]:
            kept = lens.name == self._chosen.get(person)
            far_m = float(np.linalg.norm(lens.optical.position - points[0]))
            return not (kept and down), room_of(lens.name) != room, lens.on_robot, not kept, far_m

        for lens in sorted((lens for lens in self.lenses.values() if lens.looks), key=rank):
            if lens.sees(points, room, blocked):
                self._chosen[person] = lens.name
                return lens
        return None

    def _place(self, person: str, t_s: float, hips: Array) -> Place:
        before_s, before = self._last.get(person, (t_s, hips))
        self._last[person] = (t_s, hips)
        velocity = (hips - before) / (t_s - before_s) if t_s > before_s else np.zeros(3)
        return Place(hips, velocity, self._world.room_at(float(hips[0]), float(hips[1])))
