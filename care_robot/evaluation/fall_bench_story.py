"""Stories of ``bench falls``: who starts where, and does what when, for each kind of trial."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from care_robot.evaluation.fall_bench_recipe import Part, Trial
from care_robot.simulation.person import Act, ActKind
from care_robot.simulation.resident import Resident
from care_robot.simulation.resident_orders import on_floor
from care_robot.simulation.resident_route import Routes, routes
from care_robot.simulation.resident_steps import Place
from care_robot.simulation.world import Place as NamedPlace
from care_robot.simulation.world import PlaceKind, Room, World

Start = NamedPlace | tuple[float, float, float]
ActNow = Callable[[float], Act]
"""An act that depends on where the person faces then, rad in the map."""

SMALLEST_ROOM_M2 = 7.0
LYING_S = 13.0
"""After a slow slide, until a person found lying has to be told."""
FALL_S = 4.0
"""After a fall, beyond what counts."""


@dataclass(frozen=True)
class Cue:
    """Somebody begins an act; `before` counts from the start of the story, else from the first picture."""

    at_s: float
    act: Act | ActNow
    who: str = "resident"
    before: bool = False


@dataclass
class Plot:
    """One story.

    Parameters
    ----------
    key_s : float
        When what matters begins; at this moment the camera has its distance.
    from_s : float or None
        Pictures begin when the resident has come to rest after this time; None for at once.
    after_s : float
        How long pictures go on after the fall, or after the last act is over.
    seen_until_s : float
        Until when the resident is in the camera's sight; NaN for always.
    """

    start: Start
    cues: list[Cue]
    key_s: float
    visitor_start: tuple[float, float, float] = (0.0, 0.0, 0.0)
    from_s: float | None = None
    falls: bool = False
    after_s: float = 2.5
    shortest_s: float = 8.0
    longest_s: float = 16.0
    seen_until_s: float = math.nan


class Cast:
    """The world as far as stories need it."""

    def __init__(self, world: World, resident: Resident) -> None:
        self.world, self.resident = world, resident
        self.routes: Routes = routes(world)
        self.rooms = [room for room in world.rooms if _area_m2(room) >= SMALLEST_ROOM_M2]

    def seat(self, kind: PlaceKind, draw: np.random.Generator) -> NamedPlace:
        """A seat or bed in a room that is large enough."""
        names = {room.name for room in self.rooms}
        places = [
            p
            for p in self.world.places
            if p.kind is kind
            and self.world.room_at(float(p.pose.position[0]), float(p.pose.position[1])) in names
        ]
        return places[int(draw.integers(len(places)))]

    def spot(
        self,
        draw: np.random.Generator,
        room: Room,
        near: Place | None = None,
        low_m: float = 0.6,
        high_m: float = 2.2,
    ) -> Place | None:
        """Free floor in a room, at some distance from a place, facing anywhere; None where none is found."""
        corners = np.array(room.polygon_m)
        for _ in range(60):
            x, y = draw.uniform(corners.min(axis=0) + 0.3, corners.max(axis=0) - 0.3)
            place = Place(float(x), float(y), float(draw.uniform(-math.pi, math.pi)))
            if not room.contains(x, y) or not self.routes.is_free(place):
                continue
            if near is None or low_m <= math.dist((x, y), (near.x_m, near.y_m)) <= high_m:
                return place
        return None

    def room(self, draw: np.random.Generator) -> Room:
        """Any room that is large enough."""
        return self.rooms[int(draw.integers(len(self.rooms)))]

    def room_of(self, place: NamedPlace | Place) -> Room:
        """The room of a place."""
        at = on_floor(place) if isinstance(place, NamedPlace) else place
        name = self.world.room_at(at.x_m, at.y_m)
        return next(room for room in self.world.rooms if room.name == name)


def _area_m2(room: Room) -> float:
    x, y = np.array(room.polygon_m).T
    return 0.5 * abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1)))


def plot(trial: Trial, cast: Cast, draw: np.random.Generator) -> Plot | None:
    """Draw the story of a trial; None where this draw found no room for it."""
    told = _TOLD[trial.part](trial, cast, draw)
    if told is not None and trial.visitor:
        _add_visitor(told, cast, draw)
    return told


# --- falls ------------------------------------------------------------------------------------------

_DIRECTION = {"forward": 0.0, "backward": math.pi, "sideways": math.pi / 2}


def _fall(trial: Trial, cast: Cast, draw: np.random.Generator) -> Plot | None:
    key_s = float(draw.uniform(2.5, 4.0))
    slides = trial.kind == "slide"
    if trial.kind in _DIRECTION or (slides and draw.random() < 0.4):
        told = _on_feet(trial, cast, draw, key_s)
    else:
        kind = PlaceKind.BED if trial.kind == "bed" or (slides and draw.random() < 0.4) else PlaceKind.SEAT
        told = Plot(cast.seat(kind, draw), [], key_s)
        if kind is PlaceKind.BED and not slides and draw.random() < 0.5:  # from its edge
            told.cues = [Cue(0.0, Act(ActKind.SIT, place=told.start.name), before=True)]  # type: ignore[union-attr]
            told.from_s = 0.5
    if told is None:
        return None
    side = float(draw.choice((-1.0, 1.0)))
    turn = side * _DIRECTION.get(trial.kind, float(draw.uniform(0.0, math.pi))) + float(draw.normal(0.0, 0.2))
    act = ActKind.SLIDE if slides else ActKind.FALL
    told.cues.append(Cue(key_s, lambda facing: Act(act, heading_rad=facing + turn)))
    told.falls, told.key_s = True, key_s
    told.after_s = LYING_S if slides else FALL_S
    told.longest_s = key_s + 6.0 + told.after_s
    told.shortest_s = told.longest_s
    if draw.random() < 0.3:
        told.cues.append(Cue(key_s + 4.5, Act(ActKind.MOVE)))
    return told


def _on_feet(trial: Trial, cast: Cast, draw: np.random.Generator, key_s: float) -> Plot | None:
    """Standing, or on a walk that is not over when it happens."""
    room = cast.room(draw)
    start = cast.spot(draw, room)
    if start is None:
        return None
    told = Plot((start.x_m, start.y_m, start.yaw_rad), [], key_s)
    if trial.moving:
        goal = cast.spot(draw, room, start, 2.0, 5.0)
        if goal is None:
            return None
        begins_s = max(0.2, key_s - 2.0)
        told.cues = [Cue(begins_s, Act(ActKind.WALK, target=(goal.x_m, goal.y_m, 0.0), speed=1.0))]
    return told


def _lying(trial: Trial, cast: Cast, draw: np.random.Generator) -> Plot | None:
    if trial.kind == "slide":
        return _fall(trial, cast, draw)
    room = cast.room(draw)
    start = cast.spot(draw, room)
    if start is None:
        return None
    turn = float(draw.uniform(-math.pi, math.pi))
    first: Act | ActNow = Act(ActKind.LIE_ON_FLOOR, speed=2.0)
    if trial.kind == "found_after_fall":
        first = lambda facing: Act(ActKind.FALL, heading_rad=facing + turn)  # noqa: E731
    told = Plot((start.x_m, start.y_m, start.yaw_rad), [Cue(0.0, first, before=True)], 0.0, from_s=5.0)
    told.shortest_s = told.longest_s = 1.0 + LYING_S
    return told


# --- hard activities ----------------------------------------------------------------------------------


def _activity(trial: Trial, cast: Cast, draw: np.random.Generator) -> Plot | None:
    kind = trial.kind
    if kind in ("gets_up_from_bed", "stands_up_fast"):
        return _from_furniture(kind, cast, draw)
    if kind in _TO_FURNITURE:
        return _to_furniture(kind, cast, draw)
    room = cast.room(draw)
    start = cast.spot(draw, room)
    goal = None if start is None else cast.spot(draw, room, start, 1.0, 4.0)
    if start is None or goal is None:
        return None
    told = Plot((start.x_m, start.y_m, start.yaw_rad), [], 2.0)
    begins_s = 0.5
    if kind in ("walks_about", "leaves_the_view"):
        return _walks(told, kind, cast, draw, goal)
    if trial.moving and kind != "gets_up_from_floor":
        told.cues = [Cue(0.3, Act(ActKind.WALK, target=(goal.x_m, goal.y_m, 0.0), speed=1.2))]
        begins_s = 0.3 + 1.4 * math.dist((start.x_m, start.y_m), (goal.x_m, goal.y_m)) + 1.5
        told.longest_s += begins_s
    speed = float(draw.uniform(1.2, 2.8))
    down = float(draw.uniform(1.0, 3.5))
    told.key_s = begins_s
    if kind == "picks_up_from_floor":
        high_m, far_m = float(draw.choice((0.05, 0.35))), float(draw.uniform(0.4, 0.9))

        def pick(facing: float) -> Act:
            at = (
                Place(start.x_m, start.y_m, facing) if not trial.moving else Place(goal.x_m, goal.y_m, facing)
            )
            thing = at.ahead(far_m)
            return Act(ActKind.PICK_UP, target=(thing.x_m, thing.y_m, high_m), speed=min(speed, 2.0))

        told.cues.append(Cue(begins_s, pick))
    elif kind == "lies_down_on_floor":
        told.cues.append(Cue(begins_s, Act(ActKind.LIE_ON_FLOOR, speed=float(draw.uniform(0.9, 1.8)))))
        told.after_s = 4.0
    elif kind == "gets_up_from_floor":
        told.cues = [
            Cue(0.0, Act(ActKind.LIE_ON_FLOOR, speed=2.0), before=True),
            Cue(1.5, Act(ActKind.GET_UP, speed=float(draw.uniform(0.9, 1.8)))),
        ]
        told.from_s, told.key_s = 0.5, 1.0
    else:
        act = {"ties_shoes": ActKind.BEND, "crouches": ActKind.CROUCH, "kneels": ActKind.KNEEL}[kind]
        told.cues += [
            Cue(begins_s, Act(act, speed=speed)),
            Cue(begins_s + 3.0 + down, Act(ActKind.STAND, speed=min(speed, 2.0))),
        ]
    return told


_TO_FURNITURE = {
    "sits_down_fast": (PlaceKind.SEAT, ActKind.SIT),
    "sits_on_bed_fast": (PlaceKind.BED, ActKind.SIT),
    "lies_down_on_bed": (PlaceKind.BED, ActKind.LIE_ON_FURNITURE),
    "lies_back_on_bed": (PlaceKind.BED, ActKind.SIT),
    "sits_and_stands": (PlaceKind.SEAT, ActKind.SIT),
}


def _to_furniture(kind: str, cast: Cast, draw: np.random.Generator) -> Plot | None:
    where, act = _TO_FURNITURE[kind]
    place = cast.seat(where, draw)
    start = cast.spot(draw, cast.room_of(place), on_floor(place), 0.7, 2.4)
    if start is None:
        return None
    speed = float(draw.uniform(1.8, 3.0))
    told = Plot(
        (start.x_m, start.y_m, start.yaw_rad), [Cue(0.5, Act(act, place=place.name, speed=speed))], 3.0
    )
    told.longest_s = 18.0
    if kind == "lies_back_on_bed":
        told.cues = [
            Cue(0.0, Act(ActKind.SIT, place=place.name, speed=2.0), before=True),
            Cue(1.5, Act(ActKind.LIE_ON_FURNITURE, place=place.name, speed=speed)),
        ]
        told.from_s, told.key_s = 0.5, 1.0
    elif kind == "sits_and_stands":
        told.cues += [
            Cue(7.0, Act(ActKind.STAND, speed=speed)),
            Cue(9.5, Act(ActKind.SIT, place=place.name, speed=speed)),
        ]
    return told


def _from_furniture(kind: str, cast: Cast, draw: np.random.Generator) -> Plot | None:
    place = cast.seat(PlaceKind.BED if kind == "gets_up_from_bed" else PlaceKind.SEAT, draw)
    goal = cast.spot(draw, cast.room_of(place), on_floor(place), 1.0, 3.0)
    if goal is None:
        return None
    walk = Act(ActKind.WALK, target=(goal.x_m, goal.y_m, 0.0), speed=float(draw.uniform(1.2, 2.5)))
    return Plot(place, [Cue(1.5, walk)], 1.0)


def _walks(told: Plot, kind: str, cast: Cast, draw: np.random.Generator, goal: Place) -> Plot | None:
    assert isinstance(told.start, tuple)  # noqa: S101 (whoever walks about starts on the floor)
    start = Place(*told.start)
    speed = float(draw.uniform(1.0, 2.0))
    if kind == "walks_about":
        told.cues = [
            Cue(0.5, Act(ActKind.WALK, target=(goal.x_m, goal.y_m, 0.0), speed=speed)),
            Cue(5.0, Act(ActKind.WALK, target=(start.x_m, start.y_m, 0.0), speed=speed)),
        ]
        return told
    others = [room for room in cast.rooms if room is not cast.room_of(start)]
    away = cast.spot(draw, others[int(draw.integers(len(others)))])
    if away is None:
        return None
    told.cues = [Cue(2.0, Act(ActKind.WALK, target=(away.x_m, away.y_m, 0.0), speed=speed))]
    told.shortest_s = told.longest_s = 12.0
    told.seen_until_s, told.key_s = 3.0, 1.0
    return told


def _add_visitor(told: Plot, cast: Cast, draw: np.random.Generator) -> None:
    """Let a second person stand in the room, and walk through it."""
    where = told.start if isinstance(told.start, tuple) else None
    at = Place(*where) if where else on_floor(told.start)  # type: ignore[arg-type]
    room = cast.room_of(at)
    spot = cast.spot(draw, room, at, 0.8, 3.0) or cast.spot(draw, room)
    if spot is None:
        return
    told.visitor_start = (spot.x_m, spot.y_m, spot.yaw_rad)
    goal = cast.spot(draw, room, spot, 1.0, 4.0)
    if goal is not None:
        walk = Act(ActKind.WALK, target=(goal.x_m, goal.y_m, 0.0))
        told.cues.append(Cue(float(draw.uniform(0.5, 4.0)), walk, who="visitor"))


_TOLD: dict[Part, Callable[[Trial, Cast, np.random.Generator], Plot | None]] = {
    Part.FALL: _fall,
    Part.ACTIVITY: _activity,
    Part.LYING: _lying,
}
