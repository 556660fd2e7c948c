"""From what a person is told to the motions that do it: places, targets, and what cannot be."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from care_robot.perception.posture import Posture
from care_robot.simulation import world as places
from care_robot.simulation.resident_acts import Script
from care_robot.simulation.resident_body import Array
from care_robot.simulation.resident_motion import Seat
from care_robot.simulation.resident_stage import Body
from care_robot.simulation.resident_steps import Place
from care_robot.simulation.resident_words import ActKind
from care_robot.simulation.world import PlaceKind, World

INVALID, IMPOSSIBLE = 1, 3
MAX_SPEED = 3.0
_FURNITURE = {ActKind.SIT: PlaceKind.SEAT, ActKind.LIE_ON_FURNITURE: PlaceKind.BED}
_TO_PLACES = (ActKind.WALK, *_FURNITURE)


class ActError(Exception):
    """An act that cannot be done; `code` is INVALID or IMPOSSIBLE of SimResident.srv."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Act:
    """What a person is told to do; fields as in SimResident.srv, lengths m, angles rad, in the map frame."""

    kind: ActKind
    target: tuple[float, float, float] | None = None
    place: str = ""
    heading_rad: float = 0.0
    speed: float = 1.0
    text: str = ""


def check(act: Act) -> None:
    """Raise ActError where a field of `act` cannot be."""
    if act.target is not None and not (len(act.target) == 3 and all(map(math.isfinite, act.target))):
        raise ActError(INVALID, f"The field target is {act.target}: give three finite numbers in m.")
    if not math.isfinite(act.heading_rad):
        raise ActError(INVALID, f"The field heading is {act.heading_rad}: give an angle in rad.")
    if not 0.1 <= act.speed <= MAX_SPEED:
        raise ActError(INVALID, f"The field speed is {act.speed}: choose 0.1 to {MAX_SPEED:g}, 1 as usual.")
    if act.kind is ActKind.SAY and not act.text.strip():
        raise ActError(INVALID, "The field text is empty: say something.")


def on_floor(place: places.Place) -> Place:
    """Return where a place is, seen from above."""
    x, y, _ = place.pose.position
    return Place(float(x), float(y), place.pose.rpy()[2])


class Orders:
    """Turns acts into motions of `body` in `world`; `offered` tells where the nearest thing to take is."""

    def __init__(self, world: World, body: Body, offered: Callable[[], Array | None]) -> None:
        self._world, self._body, self._nearest_thing = world, body, offered

    def write(self, script: Script, act: Act) -> None:
        """Add the motions of `act` to `script`."""
        posture, kind = script.support.posture, act.kind
        if posture is Posture.LYING_ON_FLOOR:
            if kind is ActKind.LIE_ON_FLOOR:
                return
            if kind is not ActKind.GET_UP:
                raise ActError(IMPOSSIBLE, "The person lies on the floor: get up first.")
            script.get_up_from_floor()
            return
        if kind is ActKind.GET_UP and posture is Posture.STANDING:
            raise ActError(IMPOSSIBLE, "The person stands already.")
        if kind is ActKind.TAKE:
            script.take(self._offered(act))
            return
        if kind in _TO_PLACES:
            self._go(script, act, self._place(act, script))
            return
        script.stand()
        on_the_spot = {
            ActKind.BEND: script.bend,
            ActKind.CROUCH: script.crouch,
            ActKind.KNEEL: script.kneel,
            ActKind.LIE_ON_FLOOR: script.lie_on_floor,
        }
        if kind in on_the_spot:
            on_the_spot[kind]()
        elif kind is ActKind.PICK_UP:
            if act.target is None:
                raise ActError(INVALID, "The field target is missing: name the point to pick up from.")
            script.pick_up(np.asarray(act.target))

    def _go(self, script: Script, act: Act, where: places.Place | None) -> None:
        """Walk to a place, sit there or lie there."""
        seat = script.support.seat
        if where is None or act.kind is ActKind.WALK:
            script.stand()
            self._walk(script, act, where)
            return
        here = seat is not None and (seat.bed or seat.edge) == on_floor(where)
        if not here:
            script.stand()
            seat = self._seat(where, script)
            script.sit(seat)
        elif act.kind is ActKind.SIT and script.support.posture is Posture.LYING_ON_FURNITURE:
            script.sit_up()
        if act.kind is ActKind.LIE_ON_FURNITURE and script.support.posture is Posture.SITTING:
            script.lie_down()

    def _walk(self, script: Script, act: Act, where: places.Place | None) -> None:
        if where is None:
            if act.target is None:
                raise ActError(INVALID, "The fields place and target are empty: name where to walk.")
            script.walk_to(act.target[0], act.target[1])
            return
        spot, reach_m = on_floor(where), 0.6
        if where.kind is PlaceKind.SEAT:
            spot = spot.ahead(0.45)
        elif where.kind is not PlaceKind.SPOT:
            reach_m = 1.5
        facing = spot.yaw_rad if where.kind in (PlaceKind.SPOT, PlaceKind.SEAT) else None
        script.walk_to(spot.x_m, spot.y_m, facing, within_m=reach_m)

    def _place(self, act: Act, script: Script) -> places.Place | None:
        """Return the place that an act names or means; None for a bare target."""
        if act.place:
            try:
                place = self._world.place(act.place)
            except KeyError:
                raise ActError(
                    INVALID,
                    f"The world {self._world.name} has no place {act.place[:40]!r}: it has "
                    f"{', '.join(p.name for p in self._world.places) or 'none'}.",
                ) from None
        else:
            wanted = _FURNITURE.get(act.kind)
            if wanted is None:
                return None
            here = script.support.place
            x_m, y_m = act.target[:2] if act.target is not None else (here.x_m, here.y_m)
            nearest = self._world.nearest(wanted, x_m, y_m)
            if nearest is None:
                raise ActError(IMPOSSIBLE, f"The world {self._world.name} has no {wanted.value}.")
            place = nearest
        if act.kind is ActKind.LIE_ON_FURNITURE and place.kind is not PlaceKind.BED:
            raise ActError(IMPOSSIBLE, f"Nobody can lie on {place.name}: name a bed.")
        if act.kind is ActKind.SIT and place.kind not in (PlaceKind.SEAT, PlaceKind.BED):
            raise ActError(IMPOSSIBLE, f"Nobody can sit on {place.name}: name a seat or a bed.")
        return place

    def _seat(self, place: places.Place, script: Script) -> Seat:
        spot, height_m = on_floor(place), float(place.pose.position[2])
        if place.kind is PlaceKind.SEAT:
            return Seat(spot, height_m)
        here = script.support.place
        return self._body.bed_seat(spot, height_m, (here.x_m, here.y_m))

    def _offered(self, act: Act) -> Array:
        """Return the point to take something from: the target, or the nearest thing when there is none."""
        if act.target is not None:
            return np.asarray(act.target)
        nearest = self._nearest_thing()
        if nearest is None:
            raise ActError(IMPOSSIBLE, "Nothing to take is within reach.")
        return nearest
