"""Walking and turning of the simulated resident: from footsteps to joint angles by inverse kinematics.

A stance foot stays where it is on the floor (it rolls from heel to ball), so feet neither slide nor sink; the
pelvis follows the feet smoothly and as high as both legs reach; the arms swing against the legs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import mujoco
import numpy as np
from numpy.typing import NDArray

from care_robot.simulation.resident import (
    ANKLE_HEIGHT,
    HEEL_BEHIND_ANKLE,
    HIP_HALF_WIDTH,
    SHANK,
    SOLE_RADIUS,
    THIGH,
    TOE_BEFORE_ANKLE,
    Resident,
)
from care_robot.simulation.resident_steps import Footstep, Gait, Place, stance

Array = NDArray[np.float64]

TOE_OFF_RAD, HEEL_STRIKE_RAD = math.radians(-32.0), math.radians(14.0)
MAX_EXTENSION_RAD = math.radians(-29.5)
MAX_DORSIFLEXION_RAD = math.radians(29.0)
CLEARANCE_M = 0.035
PELVIS_LEAD_S = 0.08  # the pelvis goes before the feet, so that it is midway between them at heel strike
_SAMPLE_S = 0.01


@dataclass(frozen=True)
class Posture:
    """The whole body: pelvis position (m) and heading, and the joint angles (rad) that are not zero."""

    pelvis_m: tuple[float, float, float]
    yaw_rad: float
    joints: dict[str, float] = field(default_factory=dict)

    def apply(self, data: mujoco.MjData, person_id: str = "resident") -> None:
        """Set the positions in `data`; velocities and derived quantities stay as they are."""
        root = data.joint(f"{person_id}/root").qpos
        root[:3] = self.pelvis_m
        root[3:] = (math.cos(self.yaw_rad / 2), 0.0, 0.0, math.sin(self.yaw_rad / 2))
        for name, angle in self.joints.items():
            data.joint(f"{person_id}/{name}").qpos[0] = angle


@dataclass(frozen=True)
class Arm:
    """How an arm is held while walking, and how much of the usual swing it makes."""

    shoulder_deg: float = 4.0
    elbow_deg: float = 18.0
    swing: float = 1.0


_ON_FRAME, _ON_CANE = Arm(26.0, 30.0, 0.0), Arm(14.0, 22.0, 0.3)
ARMS = {
    "": {"l": Arm(), "r": Arm()},
    "cane": {"l": Arm(), "r": _ON_CANE},
    "frame": {"l": _ON_FRAME, "r": _ON_FRAME},
}


def ease(share: float) -> float:
    """Return the minimum-jerk course from 0 to 1."""
    s = min(1.0, max(0.0, share))
    return s * s * s * (10 - 15 * s + 6 * s * s)


class Walk:
    """The motion of a resident who takes `steps` from standing over `start`."""

    def __init__(
        self, resident: Resident, start: Place, steps: Sequence[Footstep], gait: Gait | None = None
    ) -> None:
        self._h = resident.height_m
        self._gait = gait or Gait.of(resident)
        self._arms = ARMS[resident.walking_aid]
        step_s = self._gait.step_s
        self._start = stance(resident, start)
        self._steps = tuple(steps)
        self.end_s = (steps[-1].land_s if steps else 0.0) + step_s
        margin = 2 * step_s
        self._times = np.arange(-margin, self.end_s + margin, _SAMPLE_S)
        feet = [[self._foot(side, float(t)) for side in ("l", "r")] for t in self._times]
        kernel = np.hanning(round(1.6 * step_s / _SAMPLE_S) + 2)[1:-1]
        middle = np.array([(a[0][:2] + b[0][:2]) / 2 for a, b in feet])
        yaw = np.array([(a[2] + b[2]) / 2 for a, b in feet])
        ahead = round(PELVIS_LEAD_S / _SAMPLE_S)
        self._middle = np.column_stack(
            [np.roll(_smooth(column, kernel), -ahead) for column in (*middle.T, yaw)]
        )
        self._middle[-ahead:] = self._middle[-ahead - 1]
        reach = np.array([self._reach(m, pair) for m, pair in zip(self._middle, feet, strict=True)])
        short = np.hanning(round(0.4 * step_s / _SAMPLE_S) + 2)[1:-1]
        self._height = _smooth(_lowest_nearby(reach, len(short) // 2 + 1), short)

    def _foot(self, side: str, t_s: float) -> tuple[Array, float, float]:
        """Return the ankle's position (3,), the pitch (toes up positive) and the yaw of the foot."""
        at, before, landed_s, upcoming = self._start[side], None, -math.inf, None
        for step in self._steps:
            if step.side != side:
                continue
            if t_s < step.lift_s:
                upcoming = step
                break
            before, at, landed_s = at, step.place, step.land_s
            if t_s < step.land_s:
                return self._swing(before, step, t_s)
        pitch = 0.0
        if before is not None:
            landing = 1.0 - ease((t_s - landed_s) / (0.2 * self._gait.step_s))
            pitch += HEEL_STRIKE_RAD * landing * self._vigour(before, at)
        if upcoming is not None:
            heel_up_s = 0.55 * self._gait.step_s
            rise = ease((t_s - upcoming.lift_s + heel_up_s) / heel_up_s)
            pitch += TOE_OFF_RAD * rise * self._vigour(at, upcoming.place)
        return self._ankle(at, pitch), pitch, at.yaw_rad

    def _swing(self, origin: Place, step: Footstep, t_s: float) -> tuple[Array, float, float]:
        share = (t_s - step.lift_s) / (step.land_s - step.lift_s)
        vigour = self._vigour(origin, step.place)
        first, last = TOE_OFF_RAD * vigour, HEEL_STRIKE_RAD * vigour
        s = ease(share)
        pitch = first + (last - first) * ease(share / 0.9)
        ankle = (1 - s) * self._ankle(origin, first) + s * self._ankle(step.place, last)
        # As high as the pitched sole needs, and the clearance on top.
        ankle[2] = self._ankle(origin, pitch)[2] + CLEARANCE_M * math.sin(math.pi * share) ** 2
        turn = math.remainder(step.place.yaw_rad - origin.yaw_rad, math.tau)
        return ankle, pitch, origin.yaw_rad + s * turn

    def _vigour(self, origin: Place, target: Place) -> float:
        """Return how far the foot goes, as a share of a full stride: small steps are flat-footed."""
        stride = 2 * self._gait.step_m
        return min(1.0, math.hypot(target.x_m - origin.x_m, target.y_m - origin.y_m) / stride)

    def _ankle(self, place: Place, pitch: float) -> Array:
        """Return the ankle of a foot that rolls on its round heel (toes up) or its round tip (heel up)."""
        tip = (SOLE_RADIUS - HEEL_BEHIND_ANKLE) if pitch > 0 else (TOE_BEFORE_ANKLE - SOLE_RADIUS)
        pivot, up, radius = tip * self._h, (ANKLE_HEIGHT - SOLE_RADIUS) * self._h, SOLE_RADIUS * self._h
        c, s = math.cos(pitch), math.sin(pitch)
        ankle = place.ahead(pivot * (1 - c) - up * s - radius * pitch)
        return np.array([ankle.x_m, ankle.y_m, radius + up * c - pivot * s])

    def _hip(self, middle: Array, side: str) -> Array:
        left = HIP_HALF_WIDTH * self._h * (1 if side == "l" else -1)
        hip = Place(*middle).ahead(0.012 * self._h, left)
        return np.array([hip.x_m, hip.y_m])

    def _reach(self, middle: Array, feet: Sequence[tuple[Array, float, float]]) -> float:
        """Return the greatest pelvis height (m) at which no leg is stretched beyond 99.8 % of its length."""
        leg = 0.998 * (THIGH + SHANK) * self._h
        heights = []
        for side, (ankle, _, _) in zip(("l", "r"), feet, strict=True):
            flat2 = float(np.sum((self._hip(middle, side) - ankle[:2]) ** 2))
            heights.append(ankle[2] + math.sqrt(max(leg**2 - flat2, (0.5 * leg) ** 2)))
        return float(min(heights))

    def posture(self, t_s: float) -> Posture:
        """Return the body at `t_s`; before the first and after the last step it stands."""
        t_s = min(max(t_s, float(self._times[0])), float(self._times[-1]))
        middle = np.array([np.interp(t_s, self._times, column) for column in self._middle.T])
        height = float(np.interp(t_s, self._times, self._height))
        feet = {side: self._foot(side, t_s) for side in ("l", "r")}
        heading = np.array([math.cos(middle[2]), math.sin(middle[2])])
        lead = float((feet["l"][0][:2] - feet["r"][0][:2]) @ heading)
        lead = max(-1.2, min(1.2, lead / self._gait.step_m))  # left ahead: +1
        pelvis = Place(*middle).ahead(0.012 * self._h)
        joints: dict[str, float] = {}
        for side, left in (("l", 1), ("r", -1)):
            ankle, pitch, yaw = feet[side]
            hip = np.array([*self._hip(middle, side), height])
            joints |= self._leg(
                side, left, ankle - hip, pitch=pitch, pelvis_yaw=float(middle[2]), foot_yaw=yaw
            )
            arm = self._arms[side]
            swing = -left * lead * arm.swing
            joints[f"shoulder_flexion_{side}"] = math.radians(arm.shoulder_deg + 17 * swing)
            joints[f"shoulder_abduction_{side}"] = math.radians(9)
            joints[f"elbow_flexion_{side}"] = math.radians(arm.elbow_deg + 9 * swing)
            joints[f"wrist_flexion_{side}"] = math.radians(8)
        joints["thoracic_rotation"] = math.radians(4) * lead
        joints["neck_rotation"] = -joints["thoracic_rotation"]
        joints["lumbar_flexion"], joints["thoracic_flexion"] = math.radians(2), math.radians(5)
        joints["neck_flexion"] = math.radians(-2)
        return Posture((pelvis.x_m, pelvis.y_m, height), float(middle[2]), joints)

    def _leg(
        self, side: str, left: int, to_ankle: Array, *, pitch: float, pelvis_yaw: float, foot_yaw: float
    ) -> dict[str, float]:
        """Solve one leg: `to_ankle` is the vector from hip to ankle in the world (3,), m."""
        thigh, shank = THIGH * self._h, SHANK * self._h
        c, s = math.cos(pelvis_yaw), math.sin(pelvis_yaw)
        x, y, z = c * to_ankle[0] + s * to_ankle[1], -s * to_ankle[0] + c * to_ankle[1], to_ankle[2]
        length = min(float(np.linalg.norm(to_ankle)), 0.9999 * (thigh + shank))
        knee = math.pi - math.acos((thigh**2 + shank**2 - length**2) / (2 * thigh * shank))
        turn = math.remainder(foot_yaw - pelvis_yaw, math.tau)  # the leg turns as a whole
        bent = -shank * math.sin(knee)
        ux, uy, uz = bent * math.cos(turn), bent * math.sin(turn), -thigh - shank * math.cos(knee)
        rho = math.hypot(uy, uz)
        tilt = math.asin(max(-1.0, min(1.0, y / rho))) - math.atan2(uy, -uz)  # abduction to the left, about x
        depth = uy * math.sin(tilt) + uz * math.cos(tilt)
        flexion = math.remainder(math.atan2(x, -z) - math.atan2(ux, -depth), math.tau)
        return {
            f"hip_flexion_{side}": max(flexion, MAX_EXTENSION_RAD),
            f"hip_adduction_{side}": -left * tilt,
            f"hip_rotation_{side}": -left * turn,
            f"knee_flexion_{side}": knee,
            f"ankle_dorsiflexion_{side}": min(pitch - flexion + knee, MAX_DORSIFLEXION_RAD),
            f"subtalar_inversion_{side}": -left * tilt,
        }


def _smooth(values: Array, kernel: Array) -> Array:
    """Return the running mean with `kernel`, the ends held."""
    padded = np.pad(values, len(kernel) // 2, mode="edge")
    smooth: Array = np.convolve(padded, kernel / kernel.sum(), mode="valid")[: len(values)]
    return smooth


def _lowest_nearby(values: Array, reach: int) -> Array:
    padded = np.pad(values, reach, mode="edge")
    lowest: Array = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).min(axis=1)
    return lowest
