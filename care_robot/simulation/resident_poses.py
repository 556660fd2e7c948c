"""Postures that the simulated resident takes and holds; angles in degrees, see `Keyframe`."""

from __future__ import annotations

import math

from care_robot.simulation.resident import ANKLE_HEIGHT, KNEE_HEIGHT, THIGH
from care_robot.simulation.resident_body import Keyframe

SEAT_TO_HIP = 0.054  # height of the hip joints above the seat, statures
_KNEE_BEFORE_SEAT_M = 0.10
_STEEPEST_THIGH_RAD = math.radians(30.0)  # on a seat that is too high the feet hang


def _flat(hip: float, knee: float, pitch: float) -> float:
    """Return the dorsiflexion that puts the sole flat on the floor."""
    return knee - (hip - pitch)


BEND = Keyframe(
    {
        "hip_flexion": 80,
        "knee_flexion": 38,
        "ankle_dorsiflexion": _flat(80, 38, 58),
        "lumbar_flexion": 32,
        "thoracic_flexion": 18,
        "neck_flexion": -12,
        "shoulder_flexion": 88,
        "shoulder_abduction": 4,
        "elbow_flexion": 12,
    },
    pitch_deg=58,
)
CROUCH = Keyframe(
    {
        "hip_flexion": 104,
        "knee_flexion": 122,
        "ankle_dorsiflexion": 29,
        "hip_adduction": -10,
        "lumbar_flexion": 22,
        "thoracic_flexion": 14,
        "neck_flexion": -22,
        "shoulder_flexion": 62,
        "elbow_flexion": 38,
    },
    pitch_deg=30,
)
KNEEL = Keyframe(
    {
        "hip_flexion": 2,
        "knee_flexion": 102,
        "ankle_dorsiflexion": -46,
        "lumbar_flexion": 3,
        "thoracic_flexion": 6,
        "shoulder_flexion": 14,
        "shoulder_abduction": 8,
        "elbow_flexion": 32,
    }
)
HALF_KNEEL = Keyframe(
    {
        "hip_flexion_l": 88,
        "knee_flexion_l": 88,
        "ankle_dorsiflexion_l": 12,
        "hip_flexion_r": 4,
        "knee_flexion_r": 100,
        "ankle_dorsiflexion_r": 22,
        "lumbar_flexion": 14,
        "thoracic_flexion": 10,
        "neck_flexion": -8,
        "shoulder_flexion_l": 48,
        "elbow_flexion_l": 42,
        "shoulder_flexion_r": 22,
        "elbow_flexion_r": 26,
    },
    pitch_deg=12,
)
ALL_FOURS = Keyframe(
    {
        "hip_flexion": 70,
        "knee_flexion": 98,
        "ankle_dorsiflexion": -46,
        "lumbar_flexion": 6,
        "neck_flexion": -28,
        "shoulder_flexion": 80,
        "elbow_flexion": 24,
    },
    pitch_deg=68,
)
_LYING_ARMS = {"shoulder_abduction": 16, "elbow_flexion": 14, "wrist_flexion": 6}
SUPINE = Keyframe(
    {"hip_flexion": 8, "knee_flexion": 14, "ankle_dorsiflexion": -22, "neck_flexion": 10, **_LYING_ARMS},
    pitch_deg=-90,
)
PRONE = Keyframe(
    {
        "ankle_dorsiflexion": -45,
        "neck_rotation": 55,
        "shoulder_abduction": 40,
        "shoulder_flexion": 30,
        "elbow_flexion": 80,
    },
    pitch_deg=90,
)


def on_side(side: str) -> Keyframe:
    """Return lying on the left ("l") or right side, knees and hips bent."""
    return Keyframe(
        {
            "hip_flexion": 50,
            "knee_flexion": 66,
            "ankle_dorsiflexion": -18,
            "lumbar_flexion": 12,
            "neck_flexion": 8,
            "shoulder_flexion": 58,
            "elbow_flexion": 62,
        },
        pitch_deg=-90,
        turn_deg=90 if side == "l" else -90,
    )


def sitting(height_m: float, seat_m: float, lean_deg: float = -6.0) -> tuple[Keyframe, float]:
    """Return the posture on a seat of that height, and how far the hips are behind its front edge, m.

    Feet are flat on the floor under the knees where the seat lets them.
    """
    drop = (seat_m + (SEAT_TO_HIP - KNEE_HEIGHT) * height_m) / (THIGH * height_m)
    down_rad = max(-_STEEPEST_THIGH_RAD, min(_STEEPEST_THIGH_RAD, math.asin(max(-1.0, min(1.0, drop)))))
    knee = 90.0 - math.degrees(down_rad)
    hip = knee + lean_deg
    keyframe = Keyframe(
        {
            "hip_flexion": hip,
            "hip_adduction": -4,
            "knee_flexion": knee,
            "ankle_dorsiflexion": _flat(hip, knee, lean_deg),
            "lumbar_flexion": 10,
            "thoracic_flexion": 8,
            "neck_flexion": -4,
            "shoulder_flexion": 26,
            "shoulder_abduction": 7,
            "elbow_flexion": 62,
            "shoulder_rotation": 12,
        },
        pitch_deg=lean_deg,
    )
    return keyframe, THIGH * math.cos(down_rad) * height_m - _KNEE_BEFORE_SEAT_M


def slipping(height_m: float, hips_m: float, feet_m: float, lean_deg: float) -> Keyframe:
    """Return the posture of who slips off a seat: hips at that height, the feet flat so far before them."""
    down_m, leg_m = hips_m - ANKLE_HEIGHT * height_m, THIGH * height_m
    reach = min(1.98, math.hypot(down_m, feet_m) / leg_m)  # thigh and shank are nearly as long
    knee = 180.0 - 2.0 * math.degrees(math.asin(reach / 2.0))
    hip = math.degrees(math.atan2(feet_m, down_m)) + knee / 2.0 + lean_deg
    return Keyframe(
        {
            "hip_flexion": hip,
            "knee_flexion": knee,
            "ankle_dorsiflexion": _flat(hip, knee, lean_deg),
            "lumbar_flexion": 14,
            "thoracic_flexion": 10,
            "neck_flexion": 12,
            "shoulder_flexion": 10,
            "shoulder_abduction": 16,
            "elbow_flexion": 30,
        },
        pitch_deg=lean_deg,
    )


def rising() -> Keyframe:
    """Return the posture between sitting and standing, the trunk well forward."""
    return Keyframe(
        {
            "hip_flexion": 100,
            "knee_flexion": 78,
            "ankle_dorsiflexion": 18,
            "lumbar_flexion": 22,
            "thoracic_flexion": 12,
            "neck_flexion": -20,
            "shoulder_flexion": 52,
            "elbow_flexion": 40,
        },
        pitch_deg=42,
    )


STAND_BEFORE_SEAT_M = (
    _KNEE_BEFORE_SEAT_M  # the feet, from the seat's front edge: they stay while sitting down
)
