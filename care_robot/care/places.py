"""Rooms, places and furniture with names, in the frame `map`: ``config/places/<world>.yaml``."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from care_robot.care.alarms import MAX_NAME, clean_text
from care_robot.care.strict_yaml import Strict, read_yaml
from care_robot.care.text import Text

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")]


def _printable(label: str) -> str:
    if not label or clean_text(label) != label:
        raise ValueError(f"must be one line of 1 to {MAX_NAME} printable characters")
    return label


Label = Annotated[str, AfterValidator(_printable)]
Metres = Annotated[float, Field(ge=-1000.0, le=1000.0, allow_inf_nan=False)]
Degrees = Annotated[float, Field(ge=-360.0, le=360.0, allow_inf_nan=False)]
Point = Annotated[tuple[Metres, Metres], Field(strict=False)]
Outline = Annotated[tuple[Point, ...], Field(min_length=3, max_length=1000, strict=False)]
FurnitureKind = Literal["bed", "sofa", "chair"]


class PlaceUnknownError(Exception):
    """There is no such place; `sentence` says so and names what is spelt alike."""

    def __init__(self, sentence: Text) -> None:
        super().__init__(sentence.en)
        self.sentence = sentence


class Standing(Strict):
    """Where the robot's `base_link` stands, and where it looks."""

    x_m: Metres
    y_m: Metres
    heading_deg: Degrees


class RoomEntry(Strict):
    """A room; its name as a place means `entry`, which may lie before its door."""

    ko: Label
    en: Label
    polygon_m: Outline
    entry: Standing
    private: bool = False


class PlaceEntry(Standing):
    """A place in a room."""

    ko: Label
    en: Label
    room: Name


class FurnitureEntry(Strict):
    """What people sit or lie on: the outline of its seat or mattress, and how high that is."""

    kind: FurnitureKind
    polygon_m: Outline
    height_m: Annotated[float, Field(ge=0.1, le=1.2, allow_inf_nan=False)]


class PlacesFile(Strict):
    """The file as it is written."""

    rooms: Annotated[dict[Name, RoomEntry], Field(min_length=1, max_length=1000)]
    places: Annotated[dict[Name, PlaceEntry], Field(default_factory=dict, max_length=1000)]
    furniture: Annotated[dict[Name, FurnitureEntry], Field(default_factory=dict, max_length=1000)]

    @model_validator(mode="after")
    def _fits_together(self) -> "PlacesFile":
        for name, place in self.places.items():
            if name in self.rooms:
                raise ValueError(f"places.{name}: a room has this name; give the place another")
            if place.room not in self.rooms:
                raise ValueError(f"places.{name}.room: no such room; there is {', '.join(self.rooms)}")
        return self


@dataclass(frozen=True)
class Place:
    """Where the robot stands for a place. `label` is for people, such as ("소파 옆", "beside the sofa")."""

    name: str
    label: Text
    room: str
    x_m: float
    y_m: float
    heading_deg: float


@dataclass(frozen=True)
class Room:
    """A room and its outline."""

    name: str
    label: Text
    polygon_m: tuple[tuple[float, float], ...]
    private: bool = False
    """Nothing is filmed there."""

    def contains(self, x_m: float, y_m: float) -> bool:
        """Whether a point lies within: a ray from it crosses the outline an odd number of times."""
        inside = False
        for (ax, ay), (bx, by) in zip(self.polygon_m, self.polygon_m[1:] + self.polygon_m[:1], strict=True):
            if (ay > y_m) != (by > y_m) and x_m < ax + (y_m - ay) * (bx - ax) / (by - ay):
                inside = not inside
        return inside


@dataclass(frozen=True)
class Furniture:
    """What people sit or lie on."""

    name: str
    kind: FurnitureKind
    polygon_m: tuple[tuple[float, float], ...]
    height_m: float


class Places:
    """The rooms, places and furniture of one building."""

    def __init__(
        self,
        rooms: tuple[Room, ...] = (),
        places: tuple[Place, ...] = (),
        furniture: tuple[Furniture, ...] = (),
    ) -> None:
        self.rooms = {room.name: room for room in rooms}
        self.places = {place.name: place for place in places}
        """By name; a room's name is that of its entry."""
        self.furniture = furniture

    def room_at(self, x_m: float, y_m: float) -> str:
        """Name of the room at a point, empty where there is none."""
        return next((room.name for room in self.rooms.values() if room.contains(x_m, y_m)), "")

    def pose_of(self, name: str) -> Place:
        """The place or the entry of the room of that name; PlaceUnknownError where there is none."""
        try:
            return self.places[name]
        except KeyError:
            raise PlaceUnknownError(self._unknown(name)) from None

    def label(self, name: str) -> Text:
        """What people call a room or place; its name where it is not known."""
        place = self.places.get(name)
        return place.label if place else Text(name, name)

    def _unknown(self, name: str) -> Text:
        shown = clean_text(name, 50)
        alike = ", ".join(difflib.get_close_matches(shown, self.places, n=3) or list(self.places)[:20])
        if not alike:
            return Text(
                f"'{shown}' 장소를 모릅니다. 장소 파일이 없습니다.",
                f"There is no place '{shown}': this robot has no places; name a file of them (places).",
            )
        return Text(
            f"'{shown}' 장소를 모릅니다. 아는 장소: {alike}.",
            f"There is no place '{shown}'; there is {alike}.",
        )


def read_places(path: Path) -> Places:
    """What a file of places says; YamlError with one sentence for the first thing that is wrong."""
    content = read_yaml(path, PlacesFile)
    rooms = [Room(n, Text(r.ko, r.en), r.polygon_m, r.private) for n, r in content.rooms.items()]
    entries = [_place(n, Text(r.ko, r.en), n, r.entry) for n, r in content.rooms.items()]
    others = [_place(n, Text(p.ko, p.en), p.room, p) for n, p in content.places.items()]
    furniture = [Furniture(n, f.kind, f.polygon_m, f.height_m) for n, f in content.furniture.items()]
    return Places(tuple(rooms), (*entries, *others), tuple(furniture))


def _place(name: str, label: Text, room: str, standing: Standing) -> Place:
    return Place(name, label, room, standing.x_m, standing.y_m, standing.heading_deg)
