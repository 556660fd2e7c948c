"""A place where the robot works: things, lights, rooms and places with names, in the frame `map`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from care_robot.description import Colour, Model, Vector
from care_robot.geometry import Pose


class PlaceKind(Enum):
    """What a place is for, and so what its pose means."""

    SEAT = "seat"
    """Middle of the seat's front edge; x is where a sitter looks, z the height of the seat."""
    BED = "bed"
    """Middle of the mattress's top; x points to the head end."""
    DOCK = "dock"
    """`base_link` of the robot while it charges."""
    SPOT = "spot"
    """On the floor, to stand or drive to; x is where to look."""
    SHELF = "shelf"
    """A surface to put things on; x points away from who stands before it."""


@dataclass(frozen=True)
class Place:
    """A place with a name."""

    name: str
    kind: PlaceKind
    pose: Pose


@dataclass(frozen=True)
class Room:
    """A room and its outline."""

    name: str
    polygon_m: tuple[tuple[float, float], ...]

    def contains(self, x: float, y: float) -> bool:
        """Whether a point lies within: a ray from it crosses the outline an odd number of times."""
        inside = False
        for (ax, ay), (bx, by) in zip(self.polygon_m, self.polygon_m[1:] + self.polygon_m[:1], strict=True):
            if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
                inside = not inside
        return inside


@dataclass(frozen=True)
class Light:
    """A lamp at `position_m`, or sunlight where `directional`; `colour` is RGB in 0..1 with its strength."""

    name: str
    directional: bool
    position_m: Vector
    direction: Vector
    colour: Vector
    range_m: float
    attenuation: Vector  # constant, linear, quadratic
    cast_shadows: bool


@dataclass(frozen=True)
class World:
    """Everything but the robot and the people."""

    name: str
    path: Path
    models: tuple[Model, ...]
    lights: tuple[Light, ...] = ()
    rooms: tuple[Room, ...] = ()
    places: tuple[Place, ...] = ()
    ambient: Colour = (0.4, 0.4, 0.4, 1.0)

    def room_at(self, x: float, y: float) -> str:
        """Name of the room at a point, empty where there is none."""
        return next((room.name for room in self.rooms if room.contains(x, y)), "")

    def place(self, name: str) -> Place:
        """The place of that name; KeyError where there is none."""
        for place in self.places:
            if place.name == name:
                return place
        raise KeyError(name)

    def model(self, name: str) -> Model:
        """The model of that name; KeyError where there is none."""
        for model in self.models:
            if model.name == name:
                return model
        raise KeyError(name)

    def nearest(self, kind: PlaceKind, x: float, y: float) -> Place | None:
        """The nearest place of a kind, None where there is none."""
        places = [place for place in self.places if place.kind is kind]
        return min(
            places,
            key=lambda place: math.hypot(place.pose.position[0] - x, place.pose.position[1] - y),
            default=None,
        )

    def doors(self) -> list[Model]:
        """Doors: models `door_…` with a joint `hinge`, 0 where it stands open, at its upper limit shut."""
        return [model for model in self.models if model.name.startswith("door_")]
