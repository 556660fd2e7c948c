"""The simulated resident: an articulated, clothed person for MuJoCo.

Body frames follow REP-103 in the standing pose: x forward, y left, z up; all joint angles are zero
when the person stands upright with the arms hanging and the palms towards the thighs. Joint names and
signs are the ones of clinical gait analysis (flexion, adduction, internal rotation positive).

Sources: joint heights and segment lengths as fractions of stature, Drillis and Contini as given by
D. A. Winter, "Biomechanics and Motor Control of Human Movement"; segment masses, P. de Leva, "Adjustments
to Zatsiorsky-Seluyanov's segment inertia parameters" (1996), mean of women and men.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import mujoco
import numpy as np

from care_robot.simulation.mujoco_model import COLLISION_GROUP, PERSON, PERSON_ANIMATED_MEETS

Colour = tuple[float, float, float]
Vector = tuple[float, float, float]

SKIN_TONES: tuple[Colour, ...] = ((0.87, 0.68, 0.55), (0.80, 0.60, 0.47), (0.91, 0.74, 0.62))
HAIR_COLOURS: tuple[Colour, ...] = ((0.72, 0.71, 0.70), (0.42, 0.40, 0.39), (0.14, 0.11, 0.10))
# Clothes stand out against a light room and against each other: contrast decides whether a pose is found.
SHIRTS: tuple[Colour, ...] = ((0.66, 0.13, 0.17), (0.10, 0.30, 0.58), (0.09, 0.42, 0.33), (0.47, 0.16, 0.42))
TROUSERS: tuple[Colour, ...] = ((0.12, 0.14, 0.22), (0.20, 0.19, 0.19), (0.27, 0.19, 0.14))
SHOES: tuple[Colour, ...] = ((0.07, 0.07, 0.08), (0.24, 0.13, 0.08), (0.16, 0.17, 0.25))
WALKING_AIDS = ("", "cane", "frame")


class ResidentError(Exception):
    """A resident that cannot be built as requested."""


@dataclass(frozen=True)
class Resident:
    """What one resident looks like and how he or she walks; colours are RGB in 0..1.

    `gait_speed_m_s` is the usual speed, `stride` the length of a step against what is usual at that speed;
    `walking_aid` is one of WALKING_AIDS.
    """

    height_m: float = 1.64
    mass_kg: float = 60.0
    skin: Colour = SKIN_TONES[0]
    hair: Colour = HAIR_COLOURS[0]
    long_hair: bool = False
    shirt: Colour = SHIRTS[0]
    trousers: Colour = TROUSERS[0]
    shoes: Colour = SHOES[0]
    gait_speed_m_s: float = 0.75
    stride: float = 1.0
    walking_aid: str = ""

    def __post_init__(self) -> None:
        if not 1.3 <= self.height_m <= 2.0:
            raise ResidentError(f"height_m is {self.height_m}: choose a height from 1.3 to 2.0 m.")
        if not 35.0 <= self.mass_kg <= 130.0:
            raise ResidentError(f"mass_kg is {self.mass_kg}: choose a mass from 35 to 130 kg.")
        if not 0.4 <= self.gait_speed_m_s <= 1.2:
            raise ResidentError(f"gait_speed_m_s is {self.gait_speed_m_s}: choose 0.4 to 1.2 m/s.")
        if not 0.85 <= self.stride <= 1.15:
            raise ResidentError(f"stride is {self.stride}: choose 0.85 to 1.15.")
        if self.walking_aid not in WALKING_AIDS:
            raise ResidentError(f"walking_aid is {self.walking_aid!r}: choose cane, frame or none ('').")

    @classmethod
    def from_seed(cls, seed: int) -> Resident:
        """Draw a person: height 1.50 to 1.76 m, body mass index 21 to 26, colours of the palettes above.

        Two of five walk with an aid and are slower: 0.4 to 0.7 m/s, the others 0.6 to 1.2 m/s.
        """
        draw = np.random.default_rng(seed)
        height_m = round(float(draw.uniform(1.50, 1.76)), 3)

        def pick(palette: tuple[Colour, ...]) -> Colour:
            return palette[int(draw.integers(len(palette)))]

        looks = cls(
            height_m=height_m,
            mass_kg=round(float(draw.uniform(21.0, 26.0)) * height_m**2, 1),
            skin=pick(SKIN_TONES),
            hair=pick(HAIR_COLOURS),
            long_hair=bool(draw.integers(2)),
            shirt=pick(SHIRTS),
            trousers=pick(TROUSERS),
            shoes=pick(SHOES),
        )
        walking_aid = ("", "", "", "cane", "frame")[int(draw.integers(5))]
        slowest, fastest = (0.4, 0.7) if walking_aid else (0.6, 1.2)
        return replace(
            looks,
            gait_speed_m_s=round(float(draw.uniform(slowest, fastest)), 2),
            stride=round(float(draw.uniform(0.9, 1.1)), 2),
            walking_aid=walking_aid,
        )


@dataclass(frozen=True)
class Solid:
    """Collision shape of a segment: a capsule from `start` to `end`, in statures, in the segment's frame."""

    start: Vector
    end: Vector
    radius: float
    share: float = 1.0  # of the segment's mass


@dataclass(frozen=True)
class Joint:
    """A hinge. Angles in degrees; damping in N m s/rad, tone (stiffness of an awake person) in N m/rad."""

    name: str
    axis: Vector
    low: float
    high: float
    damping: float
    tone: float


@dataclass(frozen=True)
class Segment:
    """A rigid part of the body; `place` is its origin in the parent's frame, in statures."""

    name: str
    parent: str | None
    place: Vector
    mass_share: float
    solids: tuple[Solid, ...]
    joints: tuple[Joint, ...] = ()


# Heights of joint centres above the sole and segment lengths, in statures.
ANKLE_HEIGHT, KNEE_HEIGHT, HIP_HEIGHT = 0.039, 0.285, 0.530
LUMBAR_HEIGHT, THORACIC_HEIGHT, SHOULDER_HEIGHT, NECK_HEIGHT = 0.595, 0.700, 0.800, 0.850
THIGH, SHANK = HIP_HEIGHT - KNEE_HEIGHT, KNEE_HEIGHT - ANKLE_HEIGHT
UPPER_ARM, FOREARM, HAND = 0.186, 0.146, 0.108
HIP_HALF_WIDTH, SHOULDER_HALF_WIDTH = 0.050, 0.105
HEEL_BEHIND_ANKLE, TOE_BEFORE_ANKLE = 0.040, 0.112
SOLE_RADIUS = 0.0155


def _spine(
    name: str, flexion: tuple[float, float], bending: float, turn: float, hold: float
) -> tuple[Joint, ...]:
    return (
        Joint(f"{name}_flexion", (0, 1, 0), *flexion, damping=hold / 12, tone=hold),
        Joint(f"{name}_bending", (1, 0, 0), -bending, bending, damping=hold / 12, tone=hold),
        Joint(f"{name}_rotation", (0, 0, 1), -turn, turn, damping=hold / 16, tone=hold),
    )


def _leg(side: str, left: int) -> tuple[Segment, ...]:
    heel, ball, low = (
        -HEEL_BEHIND_ANKLE + SOLE_RADIUS,
        TOE_BEFORE_ANKLE - SOLE_RADIUS,
        SOLE_RADIUS - ANKLE_HEIGHT,
    )
    return (
        Segment(
            f"thigh_{side}",
            "pelvis",
            (0, left * HIP_HALF_WIDTH, 0),
            0.1447,
            (Solid((0, 0, -0.02), (0, 0, -THIGH), 0.043),),
            (
                Joint(f"hip_flexion_{side}", (0, -1, 0), -30, 115, damping=6, tone=220),
                Joint(f"hip_adduction_{side}", (-left, 0, 0), -40, 25, damping=6, tone=220),
                Joint(f"hip_rotation_{side}", (0, 0, -left), -40, 40, damping=3, tone=80),
            ),
        ),
        Segment(
            f"shank_{side}",
            f"thigh_{side}",
            (0, 0, -THIGH),
            0.0457,
            (Solid((-0.004, 0, -0.015), (-0.002, 0, -SHANK), 0.032),),
            (Joint(f"knee_flexion_{side}", (0, 1, 0), 0, 140, damping=4, tone=180),),
        ),
        Segment(
            f"foot_{side}",
            f"shank_{side}",
            (0, 0, -SHANK),
            0.0133,
            (
                Solid((heel, 0.008, low), (ball, 0.013, low), SOLE_RADIUS, 0.5),
                Solid((heel, -0.008, low), (ball, -0.013, low), SOLE_RADIUS, 0.5),
            ),
            (
                Joint(f"ankle_dorsiflexion_{side}", (0, -1, 0), -50, 30, damping=2, tone=120),
                Joint(f"subtalar_inversion_{side}", (left, 0, 0), -20, 25, damping=1, tone=40),
            ),
        ),
    )


def _arm(side: str, left: int) -> tuple[Segment, ...]:
    return (
        Segment(
            f"upper_arm_{side}",
            "thorax",
            (-0.006, left * SHOULDER_HALF_WIDTH, SHOULDER_HEIGHT - THORACIC_HEIGHT),
            0.0263,
            (Solid((0, 0, 0), (0, 0, -UPPER_ARM), 0.027),),
            (
                Joint(f"shoulder_flexion_{side}", (0, -1, 0), -45, 150, damping=1.5, tone=30),
                Joint(f"shoulder_abduction_{side}", (left, 0, 0), -10, 120, damping=1.5, tone=30),
                Joint(f"shoulder_rotation_{side}", (0, 0, -left), -60, 80, damping=0.8, tone=15),
            ),
        ),
        Segment(
            f"forearm_{side}",
            f"upper_arm_{side}",
            (0, 0, -UPPER_ARM),
            0.0150,
            (Solid((0, 0, -0.01), (0, 0, -FOREARM), 0.022),),
            (Joint(f"elbow_flexion_{side}", (0, -1, 0), 0, 145, damping=0.8, tone=20),),
        ),
        Segment(
            f"hand_{side}",
            f"forearm_{side}",
            (0, 0, -FOREARM),
            0.0058,
            (Solid((0, 0, -0.02), (0, -left * 0.006, -0.085), 0.018),),
            (Joint(f"wrist_flexion_{side}", (-left, 0, 0), -50, 60, damping=0.15, tone=3),),
        ),
    )


# Lateral capsules make the trunk as wide and as deep as it is, so that it lies on the floor like a body.
SEGMENTS: tuple[Segment, ...] = (
    Segment(
        "pelvis",
        None,
        (0, 0, HIP_HEIGHT),
        0.1182,
        (Solid((-0.008, -0.036, 0.012), (-0.008, 0.036, 0.012), 0.066),),
    ),
    Segment(
        "abdomen",
        "pelvis",
        (0, 0, LUMBAR_HEIGHT - HIP_HEIGHT),
        0.1549,
        (Solid((0, -0.028, 0.045), (0, 0.028, 0.045), 0.063),),
        _spine("lumbar", (-10, 40), 20, 15, hold=250),
    ),
    Segment(
        "thorax",
        "abdomen",
        (0, 0, THORACIC_HEIGHT - LUMBAR_HEIGHT),
        0.1571,
        (
            Solid((-0.004, -0.036, 0.035), (-0.004, 0.036, 0.035), 0.064, 0.6),
            Solid((-0.010, -0.066, 0.088), (-0.010, 0.066, 0.088), 0.046, 0.4),
        ),
        _spine("thoracic", (-10, 25), 15, 25, hold=250),
    ),
    Segment(
        "head",
        "thorax",
        (0, 0, NECK_HEIGHT - THORACIC_HEIGHT),
        0.0681,
        (
            Solid((-0.009, 0, 0.094), (-0.004, 0, 0.096), 0.059, 0.8),
            Solid((0.022, 0, 0.055), (0.028, 0, 0.050), 0.036, 0.2),
        ),
        _spine("neck", (-45, 45), 35, 65, hold=30),
    ),
    *_leg("l", 1),
    *_leg("r", -1),
    *_arm("l", 1),
    *_arm("r", -1),
)
JOINTS: tuple[Joint, ...] = tuple(joint for segment in SEGMENTS for joint in segment.joints)


def add_resident(spec: mujoco.MjSpec, resident: Resident, person_id: str = "resident") -> None:
    """Add the body of `resident`, standing at the origin of `spec`, with collision shapes and no looks.

    Names are ``<person_id>/<segment>``, ``<person_id>/<joint>``, ``<person_id>/<segment>/<number>`` for the
    collision shapes, and ``<person_id>/root`` for the free joint. The shapes meet the robot only: whoever
    lets the body fall lets it meet the rest.
    """
    stature = resident.height_m
    total = sum(segment.mass_share for segment in SEGMENTS)
    bodies: dict[str | None, mujoco.MjsBody] = {None: spec.worldbody}
    for segment in SEGMENTS:
        name = f"{person_id}/{segment.name}"
        body = bodies[segment.parent].add_body(name=name, pos=np.multiply(segment.place, stature))
        bodies[segment.name] = body
        if segment.parent is None:
            body.add_freejoint(name=f"{person_id}/root")
        for joint in segment.joints:
            body.add_joint(
                name=f"{person_id}/{joint.name}",
                type=mujoco.mjtJoint.mjJNT_HINGE,
                axis=joint.axis,
                limited=True,
                range=np.radians((joint.low, joint.high)),
                damping=[joint.damping, 0, 0],
                armature=0.002,  # keeps the light hands and feet stable at a 2 ms step
            )
        for number, solid in enumerate(segment.solids):
            body.add_geom(
                name=f"{name}/{number}",
                type=mujoco.mjtGeom.mjGEOM_CAPSULE,
                fromto=np.multiply((*solid.start, *solid.end), stature),
                size=[solid.radius * stature, 0, 0],
                mass=resident.mass_kg * segment.mass_share / total * solid.share,
                friction=[0.8, 0.02, 0.002],
                contype=PERSON,
                conaffinity=PERSON_ANIMATED_MEETS,
                group=COLLISION_GROUP,
                rgba=[0.8, 0.5, 0.5, 1.0],
            )
