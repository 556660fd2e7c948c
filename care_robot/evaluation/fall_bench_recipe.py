"""Trials of ``bench falls``: what happens in each, drawn from the seed and the trial's number alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np

TUNING_SEEDS_FROM = 1000
"""Seeds below are for measurements alone; whoever tunes the detector uses these and higher ones."""

FALLS_PER_BODY = 5
BODY_SEEDS = 7_000_000
"""Nobody of the demo, of the scenarios or of the tests has such a high seed."""

NEAREST_M, FARTHEST_M = 1.5, 4.0


class Part(str, Enum):
    """What a trial asks: the sharing out is 100 falls, 150 activities and 25 found lying."""

    FALL = "fall"
    ACTIVITY = "activity"
    LYING = "lying"


class Camera(Enum):
    """A camera: its height, m, and how far it looks down, rad."""

    ROOM = (2.2, math.radians(22.0))
    """One on the wall."""
    HEAD = (1.25, math.radians(15.0))
    """The robot's, with the head bent a little."""


FALLS = ("forward", "backward", "sideways", "chair", "bed", "slide")
ACTIVITIES = (
    "sits_down_fast",
    "sits_on_bed_fast",
    "lies_down_on_bed",
    "lies_back_on_bed",
    "gets_up_from_bed",
    "ties_shoes",
    "crouches",
    "kneels",
    "picks_up_from_floor",
    "lies_down_on_floor",
    "gets_up_from_floor",
    "stands_up_fast",
    "walks_about",
    "leaves_the_view",
    "sits_and_stands",
)
LYINGS = ("found_after_fall", "found_on_back", "slide")
KINDS = {Part.FALL: FALLS, Part.ACTIVITY: ACTIVITIES, Part.LYING: LYINGS}
ON_FLOOR_ON_PURPOSE = ("lies_down_on_floor", "gets_up_from_floor")

LIGHTS = {"day": (1.0, 2.0), "evening": (0.65, 4.0), "dim": (0.4, 8.0)}
"""Brightness against full light, and the sensor's noise in grey levels of 255, which grows with its gain."""
_LIGHT_SHARES = (0.55, 0.25, 0.20)
_CARRIED = ("", "", "bag", "tray")
_PARTS = tuple(Part)


@dataclass(frozen=True)
class Trial:
    """One story of one simulated body in front of one camera.

    Parameters
    ----------
    kind : str
        What is done: of FALLS, ACTIVITIES or LYINGS.
    body : int
        Number of the body: looks, clothes, gait, walking aid and world.
    octant : int
        Direction of what happens against the camera's line of sight, in steps of 45°: 0 leads away from
        the camera, 4 towards it. A wish: where the room has no place for such a camera, it becomes another.
    distance_m : float
        From the camera, on the level. A wish likewise.
    """

    seed: int
    part: Part
    n: int
    kind: str
    body: int
    camera: Camera
    octant: int
    distance_m: float
    light: str
    carries: str
    visitor: bool
    moving: bool
    """The fall is out of a walk."""

    @classmethod
    def of(cls, seed: int, part: Part, n: int) -> Trial:
        """Trial number `n` of a part."""
        draw = np.random.default_rng((seed, 50, _PARTS.index(part), n))
        kinds = KINDS[part]
        light = list(LIGHTS)[int(draw.choice(len(LIGHTS), p=_LIGHT_SHARES))]
        body = body_of(part, n)
        return cls(
            seed=seed,
            part=part,
            n=n,
            kind=kinds[n % len(kinds)],
            body=body,
            camera=(Camera.ROOM, Camera.HEAD)[int(draw.integers(2))],
            octant=int(draw.integers(8)),
            distance_m=float(draw.uniform(NEAREST_M, FARTHEST_M)),
            light=light,
            carries=_CARRIED[int(draw.integers(len(_CARRIED)))],
            visitor=has_visitor(body),
            moving=bool(draw.integers(2)),
        )

    @property
    def name(self) -> str:
        """Short, for files and messages."""
        return f"{self.part.value}_{self.n:03d}_{self.kind}"


def body_of(part: Part, n: int) -> int:
    """Number of the body in a trial; each has five falls, seven or eight activities, one found lying."""
    per_fall = {Part.FALL: 1.0, Part.ACTIVITY: 1.5, Part.LYING: 0.25}[part]
    return math.floor(n / (FALLS_PER_BODY * per_fall))


def has_visitor(body: int) -> bool:
    """Whether a second person is in the trials of that body: in every fourth body's."""
    return body % 4 == 3


def world_of(body: int) -> str:
    """The world of the trials of that body."""
    return "ward" if body % 3 == 2 else "apartment"


def counts(falls: int) -> dict[Part, int]:
    """How many trials of each part belong to so many falls."""
    return {Part.FALL: falls, Part.ACTIVITY: round(1.5 * falls), Part.LYING: math.ceil(0.25 * falls)}


def keys(falls: int) -> Iterator[tuple[Part, int]]:
    """Part and number of every trial, those of one body one after the other."""
    every = [(part, n) for part, count in counts(falls).items() for n in range(count)]
    yield from sorted(every, key=lambda key: (body_of(*key), _PARTS.index(key[0]), key[1]))
