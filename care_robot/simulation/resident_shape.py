"""The resident's looks as distance fields: body, clothes, hair and face.

Everything is in statures, in the frames of the segments of `care_robot.simulation.resident`. A layer is
one coloured surface: the smooth union of its lumps, cut off by planes (hem, cuff, hairline).
"""

from __future__ import annotations

from dataclasses import dataclass

from care_robot.simulation.resident import (
    ANKLE_HEIGHT,
    FOREARM,
    HAND,
    SHANK,
    THIGH,
    TOE_BEFORE_ANKLE,
    UPPER_ARM,
    Resident,
    Vector,
)


@dataclass(frozen=True)
class Lump:
    """A cone with round ends from `start` to `end` that belongs to `body`; `squash` scales its axes.

    `squash` (x, y, z) below 1 flattens the shape about `start`: 0.7 in x makes a chest less deep than wide.
    """

    body: str
    start: Vector
    end: Vector
    start_radius: float
    end_radius: float
    squash: Vector = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Cut:
    """Keeps the side of a plane, fixed to `body`, on which (p - point) · normal < 0."""

    body: str
    point: Vector
    normal: Vector


@dataclass(frozen=True)
class Layer:
    """One surface of one colour; `grid_m` is the size of the cells that it is meshed with."""

    name: str
    colour: str
    lumps: tuple[Lump, ...]
    cuts: tuple[Cut, ...] = ()
    blend: float = 0.012
    thickness: float = 0.0  # added outside the lumps
    grid_m: float = 0.013
    hollows: tuple[Lump, ...] = ()


def _ball(body: str, centre: Vector, radius: float, squash: Vector = (1.0, 1.0, 1.0)) -> Lump:
    return Lump(body, centre, centre, radius, radius, squash)


def _sides(body: str, start: Vector, end: Vector, start_radius: float, end_radius: float) -> tuple[Lump, ...]:
    """Return a lump and its mirror image across the middle of the same body."""
    mirrored = ((start[0], -start[1], start[2]), (end[0], -end[1], end[2]))
    return (
        Lump(body, start, end, start_radius, end_radius),
        Lump(body, *mirrored, start_radius, end_radius),
    )


_HIPS = (
    Lump("pelvis", (-0.004, -0.044, 0.016), (-0.004, 0.044, 0.016), 0.058, 0.058),
    *_sides("pelvis", (-0.026, 0.036, -0.014), (-0.018, 0.038, 0.020), 0.050, 0.046),
    Lump("abdomen", (0.002, -0.034, 0.030), (0.002, 0.034, 0.030), 0.057, 0.057),
    Lump("abdomen", (0.020, -0.010, -0.010), (0.014, 0.010, 0.050), 0.050, 0.048),
)
_CHEST = (
    Lump("thorax", (-0.002, -0.036, 0.000), (-0.002, 0.036, 0.000), 0.059, 0.059),
    Lump("thorax", (-0.004, -0.039, 0.040), (-0.004, 0.039, 0.040), 0.062, 0.062),
    *_sides("thorax", (0.022, 0.032, 0.046), (0.012, 0.042, 0.070), 0.036, 0.036),
    Lump("thorax", (-0.014, -0.056, 0.072), (-0.014, 0.056, 0.072), 0.052, 0.052),
    *_sides("thorax", (-0.014, 0.016, 0.124), (-0.008, 0.088, 0.092), 0.027, 0.031),
)


def _sleeve(side: str) -> tuple[Lump, ...]:
    arm, forearm = f"upper_arm_{side}", f"forearm_{side}"
    return (
        Lump(arm, (0, 0, -0.010), (0, 0, -UPPER_ARM), 0.031, 0.026),
        Lump(forearm, (0, 0, 0), (0, 0, -FOREARM + 0.004), 0.026, 0.0205),
    )


def _trouser_leg(side: str) -> tuple[Lump, ...]:
    thigh, shank = f"thigh_{side}", f"shank_{side}"
    return (
        Lump(thigh, (0.0, 0, -0.010), (0, 0, -THIGH), 0.052, 0.041),
        Lump(shank, (0, 0, 0), (-0.006, 0, -0.08), 0.041, 0.040),
        Lump(shank, (-0.006, 0, -0.08), (0.002, 0, -SHANK + 0.012), 0.040, 0.036),
    )


def _shoe(side: str, left: int) -> Layer:
    foot, out = f"foot_{side}", left * 0.004
    return Layer(
        name=f"shoe_{side}",
        colour="shoes",
        lumps=(
            Lump(foot, (-0.020, 0, -0.018), (0.004, 0, 0.004), 0.023, 0.026),
            Lump(foot, (-0.020, 0, -0.022), (0.075, out, -0.024), 0.021, 0.026),
            Lump(foot, (0.010, 0, -0.006), (0.075, out, -0.022), 0.024, 0.021),
            _ball(foot, (TOE_BEFORE_ANKLE - 0.024, out, -0.023), 0.025),
        ),
        cuts=(Cut(foot, (0, 0, -ANKLE_HEIGHT), (0, 0, -1)), Cut(foot, (0, 0, 0.020), (0, 0, 1))),
        grid_m=0.008,
    )


def _hand(side: str, left: int) -> Layer:
    hand = f"hand_{side}"
    palm = -left  # the palm faces the thigh
    fingers = tuple(
        Lump(hand, (x, 0, -0.050), (x * 1.15, palm * 0.012, -HAND + short), 0.0068, 0.0052)
        for x, short in ((0.0205, 0.012), (0.0070, 0.003), (-0.0065, 0.007), (-0.0190, 0.020))
    )
    return Layer(
        name=f"hand_{side}",
        colour="skin",
        lumps=(
            Lump(f"forearm_{side}", (0, 0, -FOREARM + 0.03), (0, 0, -FOREARM), 0.016, 0.0155),
            Lump(hand, (0.006, 0, -0.012), (0.014, 0, -0.044), 0.0135, 0.0130),
            Lump(hand, (-0.006, 0, -0.012), (-0.012, 0, -0.044), 0.0135, 0.0120),
            *fingers,
            Lump(hand, (0.012, palm * 0.004, -0.014), (0.031, palm * 0.012, -0.038), 0.0100, 0.0078),
            Lump(hand, (0.031, palm * 0.012, -0.038), (0.034, palm * 0.017, -0.058), 0.0078, 0.0058),
        ),
        blend=0.003,
        grid_m=0.006,
    )


_FACE = (
    _ball("head", (-0.006, 0, 0.096), 0.060, (1.0, 0.80, 0.90)),
    _ball("head", (0.014, 0, 0.064), 0.046, (0.95, 0.84, 1.05)),
    Lump("head", (0.026, 0, 0.042), (0.041, 0, 0.030), 0.026, 0.0135),
    *_sides("head", (0.004, 0.030, 0.052), (0.030, 0.010, 0.029), 0.011, 0.010),
    *_sides("head", (0.030, 0.024, 0.064), (0.040, 0.016, 0.058), 0.014, 0.010),
    Lump("head", (0.046, -0.016, 0.097), (0.046, 0.016, 0.097), 0.0085, 0.0085),
    Lump("head", (0.052, 0, 0.090), (0.066, 0, 0.066), 0.0045, 0.0070),
    *_sides("head", (0.054, 0.003, 0.064), (0.056, 0.0085, 0.064), 0.0050, 0.0045),
    Lump("head", (0.048, -0.008, 0.044), (0.048, 0.008, 0.044), 0.0080, 0.0080),
    *_sides("head", (-0.006, 0.047, 0.070), (-0.009, 0.052, 0.086), 0.0050, 0.0085),
)
_NECK = (
    Lump("head", (-0.010, 0, 0.000), (-0.004, 0, 0.050), 0.034, 0.033),
    Lump("thorax", (-0.014, 0, 0.125), (-0.010, 0, 0.150), 0.038, 0.034),
)


def _hair(long: bool) -> Layer:
    cap = _ball("head", (-0.010, 0, 0.099), 0.067, (0.98, 0.84, 0.90))
    back = Lump("head", (-0.034, 0, 0.085), (-0.038, 0, 0.035), 0.038, 0.034)
    sides = _sides("head", (-0.014, 0.042, 0.095), (-0.012, 0.045, 0.032), 0.019, 0.018)
    forelock = _sides("head", (0.030, 0.012, 0.134), (0.026, 0.036, 0.112), 0.014, 0.011)
    return Layer(
        name="hair",
        colour="hair",
        lumps=(cap, *forelock, back, *sides) if long else (cap, *forelock),
        cuts=(
            Cut("head", (0.022, 0, 0.108), (0.80, 0, -0.60)),  # hairline: forehead, temples, ears, nape
            Cut("head", (0, 0, 0.022 if long else 0.050), (0, 0, -1)),
        ),
        blend=0.010,
        grid_m=0.006,
    )


def layers(resident: Resident) -> tuple[Layer, ...]:
    """Return the surfaces of `resident`, those in front of others last."""
    arms = ("l", "r")
    return (
        Layer(
            "head",
            "skin",
            (*_FACE, *_NECK),
            hollows=_sides("head", (0.062, 0.0185, 0.083), (0.064, 0.0185, 0.083), 0.0105, 0.0105),
            blend=0.006,
            grid_m=0.005,
        ),
        _hand("l", 1),
        _hand("r", -1),
        Layer(
            "trousers",
            "trousers",
            (*_HIPS, *(lump for side in arms for lump in _trouser_leg(side))),
            (
                Cut("abdomen", (0, 0, 0.020), (0, 0, 1)),
                *(Cut(f"shank_{side}", (0, 0, -SHANK + 0.004), (0, 0, -1)) for side in arms),
            ),
        ),
        Layer(
            "shirt",
            "shirt",
            (*_HIPS, *_CHEST, *(lump for side in arms for lump in _sleeve(side))),
            (Cut("pelvis", (0, 0, -0.030), (0, 0, -1)), Cut("thorax", (0, 0, 0.142), (0.35, 0, 0.94))),
            blend=0.030,
            thickness=0.004,
        ),
        _shoe("l", 1),
        _shoe("r", -1),
        _hair(resident.long_hair),
    )


@dataclass(frozen=True)
class Feature:
    """A small ellipsoid on the head: an eye, a brow, the lips."""

    name: str
    centre: Vector
    radii: Vector
    colour: str


def _eye(name: str, left: int) -> tuple[Feature, ...]:
    return (
        Feature(f"eye_{name}", (0.0470, left * 0.0185, 0.0825), (0.0068, 0.0085, 0.0048), "eye_white"),
        Feature(f"iris_{name}", (0.0524, left * 0.0182, 0.0827), (0.0022, 0.0040, 0.0040), "iris"),
        Feature(f"brow_{name}", (0.0525, left * 0.0190, 0.0985), (0.0035, 0.0115, 0.0026), "brow"),
    )


FEATURES: tuple[Feature, ...] = (
    *_eye("l", 1),
    *_eye("r", -1),
    Feature("upper_lip", (0.0550, 0, 0.0455), (0.0035, 0.0125, 0.0026), "lips"),
    Feature("lower_lip", (0.0545, 0, 0.0415), (0.0035, 0.0105, 0.0030), "lips"),
)
