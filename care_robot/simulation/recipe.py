"""What a simulated home is made of, as text that another process can build the same home from."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any


class RecipeError(Exception):
    """A recipe that cannot be read or built; the message says what is wrong with it."""


class Role(str, Enum):
    """Who a simulated person is."""

    RESIDENT = "resident"
    CARER = "carer"
    VISITOR = "visitor"


@dataclass(frozen=True)
class PersonRecipe:
    """One person: what they look like comes from `seed`, where they are at first from a named place.

    Without a place they stand on the first spot that the world names.

    `walking_aid` is None where the seed decides.
    """

    id: str
    role: Role = Role.RESIDENT
    seed: int = 0
    place: str = ""
    walking_aid: bool | None = None

    def __post_init__(self) -> None:
        if not self.id.isidentifier() or not self.id.isascii():
            raise RecipeError(f"A person's id is {self.id!r}: use letters, digits and _.")
        if type(self.seed) is not int or self.seed < 0:
            raise RecipeError(f"The seed of {self.id} is {self.seed!r}: choose 0 or a greater whole number.")
        if not isinstance(self.place, str):
            raise RecipeError(f"The place of {self.id} is {self.place!r}: give the name of a place.")
        if not isinstance(self.walking_aid, bool | None):
            raise RecipeError(f"The walking_aid of {self.id} is {self.walking_aid!r}: write true or false.")


@dataclass(frozen=True)
class Spawned:
    """A model of sim/models in the world, at a position in m with a quaternion (x, y, z, w), in the map."""

    model: str
    name: str
    position_m: tuple[float, float, float]
    quaternion: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or not self.name.isascii():
            raise RecipeError(f"An object's name is {self.name!r}: use letters, digits and _.")
        if not all(map(math.isfinite, (*self.position_m, *self.quaternion))):
            raise RecipeError(f"The place of {self.name} holds a number that is not finite.")


@dataclass(frozen=True)
class Recipe:
    """A world, who is in it, what was put into it, and the seed of everything random."""

    world: str = "apartment"
    seed: int = 0
    people: tuple[PersonRecipe, ...] = (PersonRecipe("resident"),)
    spawned: tuple[Spawned, ...] = ()

    def __post_init__(self) -> None:
        names = [*(p.id for p in self.people), *(s.name for s in self.spawned)]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise RecipeError(
                f"The name {min(twice)!r} is given twice: every person and object needs its own."
            )
        if self.seed < 0:
            raise RecipeError(f"The seed is {self.seed}: choose 0 or a greater number.")

    def to_json(self) -> str:
        """Text that `from_json` reads."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """The recipe that a text holds; RecipeError where it holds none."""
        try:
            read = json.loads(text)
            return cls(
                world=str(read["world"]),
                seed=int(read["seed"]),
                people=people_of(read["people"]),
                spawned=tuple(_spawned(item) for item in read["spawned"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RecipeError(f"The recipe of the world cannot be read ({error}).") from error


def people_of(items: Any) -> tuple[PersonRecipe, ...]:
    """People from JSON's list of objects; RecipeError names what does not belong there."""
    if not isinstance(items, list):
        raise RecipeError('The people must be a list such as [{"id": "resident", "place": "sofa"}].')
    people = []
    for item in items:
        try:
            people.append(PersonRecipe(**{**item, "role": Role(item.get("role", Role.RESIDENT))}))
        except (TypeError, AttributeError, ValueError) as error:
            raise RecipeError(
                f"A person is given as {item!r} ({error}): use id, role (resident, carer, visitor), "
                "seed, place and walking_aid."
            ) from error
    return tuple(people)


def _spawned(item: Any) -> Spawned:
    x, y, z = (float(n) for n in item["position_m"])
    qx, qy, qz, qw = (float(n) for n in item["quaternion"])
    return Spawned(str(item["model"]), str(item["name"]), (x, y, z), (qx, qy, qz, qw))
