"""A fall of the simulated resident: the body is let go, and physics does the rest.

Nothing is animated. A stumble pushes the body out of balance, muscle tone fades within a fraction of a
second, and joint limits, tissue damping, friction and contact with the floor make the fall. Who lies on the
floor may move arms and legs, by weak muscles.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from care_robot.simulation.mujoco_model import (
    PERSON,
    PERSON_ANIMATED_MEETS,
    PERSON_LIMP_MEETS,
    TIMESTEP_S,
)
from care_robot.simulation.resident import JOINTS, SEGMENTS, Resident
from care_robot.simulation.resident_body import heading

__all__ = ["TIMESTEP_S", "Fall", "Limp", "Stumble", "state_hash"]

PUSH_S = 0.25
LYING_HEIGHT_M = 0.35  # pelvis and chest of somebody who lies; the chest of a sitting person is higher
STILL_M_S = 0.15
_LIMP = 16  # contact bit: a limp body meets itself and other limp bodies, so that arms do not sink into it
_MOVING = ("shoulder", "elbow", "hip_flexion", "knee", "neck")
_MUSCLE = 0.35  # of the awake tone: enough to stir a limb, not to carry the body
_FOLDED = {"hip_flexion": 95.0, "knee_flexion": 125.0, "ankle_dorsiflexion": 25.0}
_RELAXED = {"hip_flexion": 14.0, "knee_flexion": 20.0, "ankle_dorsiflexion": -15.0, "elbow_flexion": 22.0}
_SLIPPERY = 0.15
_SETTLE_S = 1.5
_TOPPLES_S = (2.5, 3.5)
_STIR_RAD = math.radians(28.0)


@dataclass(frozen=True)
class Stumble:
    """What brings the resident down.

    `direction_rad` is counter-clockwise from straight ahead (of who lies: from the head); `strength_m_s` is
    the speed that the push gives the body, `low_share` how much of it acts on the pelvis instead of the
    chest, `push_after_s` when it begins. `legs_fade_s`, `trunk_fade_s` and `arms_fade_s` are the time
    constants with which tone is lost.
    A body that slides down touches with little friction, `slips`, and is held back: `drag_per_s` is the force
    against the pelvis's motion, per mass of the body and speed, for `drag_s`. Legs that `fold` give way at
    hips and knees.
    """

    direction_rad: float
    strength_m_s: float = 0.7
    legs_fade_s: float = 0.25
    trunk_fade_s: float = 0.6
    arms_fade_s: float = 0.5
    rest: float = 0.04  # share of the tone that a limp body keeps
    low_share: float = 0.0
    push_after_s: float = 0.0
    drag_per_s: float = 0.0
    drag_s: float = 0.0
    fold: bool = False
    slips: bool = False


def _angles(degrees: dict[str, float], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the angles of all joints: those whose names begin as given in `degrees`, and the others."""
    return np.array(
        [
            next((math.radians(a) for name, a in degrees.items() if joint.name.startswith(name)), other)
            for joint, other in zip(JOINTS, others, strict=True)
        ]
    )


class Limp:
    """A body given to physics from the state of `data` at `now_s` on; the forces last until the next call."""

    def __init__(
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        resident: Resident,
        stumble: Stumble,
        *,
        now_s: float,
        person_id: str = "resident",
    ) -> None:
        self._model, self._data, self._stumble, self._start_s = model, data, stumble, now_s
        joints = [model.joint(f"{person_id}/{joint.name}") for joint in JOINTS]
        self._positions = np.array([joint.qposadr[0] for joint in joints])
        self._velocities = np.array([joint.dofadr[0] for joint in joints])
        self._tone = np.array([joint.tone for joint in JOINTS])
        self._fade_s = np.array([self._fade_of(joint.name) for joint in JOINTS])
        self._hold = data.qpos[self._positions].copy()
        self._relaxed = _angles(_RELAXED, np.zeros(len(JOINTS)))
        self._low, self._high = (np.array([joint.range[side] for joint in joints]) for side in (0, 1))
        self._bodies = np.array([model.body(f"{person_id}/{segment.name}").id for segment in SEGMENTS])
        self._geoms = np.flatnonzero(
            np.isin(model.geom_bodyid, self._bodies) & (model.geom_contype & PERSON != 0)
        )
        self._thorax, self._pelvis = (model.body(f"{person_id}/{name}").id for name in ("thorax", "pelvis"))
        self._root = int(model.joint(f"{person_id}/root").dofadr[0])
        root = int(model.joint(f"{person_id}/root").qposadr[0])
        towards = heading(data.qpos[root : root + 7]) + stumble.direction_rad
        force = resident.mass_kg * stumble.strength_m_s / PUSH_S
        self._push = force * np.array([math.cos(towards), math.sin(towards), 0.0])
        self._drag = stumble.drag_per_s * resident.mass_kg
        self._moves: tuple[float, float, NDArray[np.float64], NDArray[np.float64]] | None = None
        if stumble.fold:
            self._hold = _angles(_FOLDED, self._hold)
        self._now_s = now_s
        self._friction = model.geom_friction[self._geoms, 0].copy()
        if stumble.slips:
            model.geom_friction[self._geoms, 0] = _SLIPPERY
            model.geom_priority[self._geoms] = 1  # or the rougher surface would count
        self._meet(PERSON | _LIMP, PERSON_LIMP_MEETS | _LIMP)

    def _fade_of(self, joint: str) -> float:
        if joint.startswith(("hip", "knee", "ankle", "subtalar")):
            return self._stumble.legs_fade_s
        return (
            self._stumble.arms_fade_s
            if joint.startswith(("shoulder", "elbow", "wrist"))
            else self._stumble.trunk_fade_s
        )

    def _meet(self, is_a: int, meets: int) -> None:
        model = self._model
        model.geom_contype[self._geoms], model.geom_conaffinity[self._geoms] = is_a, meets
        model.body_contype[self._bodies], model.body_conaffinity[self._bodies] = is_a, meets

    def before_step(self, now_s: float) -> None:
        """Set the forces for the steps that follow."""
        data, since_s = self._data, now_s - self._start_s
        self._now_s = now_s
        share = (1 - self._stumble.rest) * np.exp(-since_s / self._fade_s)
        q = data.qpos[self._positions]
        torque = self._tone * (share * (self._hold - q) + self._stumble.rest * (self._relaxed - q))
        if self._moves is not None:
            start_s, end_s, amplitude, rate = self._moves
            if now_s < end_s:
                wish = self._hold + amplitude * np.sin(rate * (now_s - start_s))
                torque += _MUSCLE * self._tone * (np.clip(wish, self._low, self._high) - q)
            else:
                self._moves = None
        data.qfrc_applied[self._velocities] = torque
        pushed = self._stumble.push_after_s <= since_s < self._stumble.push_after_s + PUSH_S
        push = self._push if pushed else np.zeros(3)
        data.xfrc_applied[self._thorax, :3] = (1.0 - self._stumble.low_share) * push
        data.xfrc_applied[self._pelvis, :3] = self._stumble.low_share * push
        for second_s in _TOPPLES_S:  # who stays propped up on knees and elbows topples over at last
            if second_s <= since_s < second_s + PUSH_S and not self.is_down():
                data.xfrc_applied[self._pelvis, :3] = np.cross((0.0, 0.0, 1.0), self._push)
        if self._stumble.slips and since_s > self._stumble.drag_s:
            self._grip()
        if self._drag:
            # As damping, which the integrator treats implicitly: as a force it would be unstable.
            left = max(0.0, 1.0 - max(0.0, since_s - self._stumble.drag_s))
            self._model.dof_damping[self._root : self._root + 2] = 0.05 * self._drag * left
            self._model.dof_damping[self._root + 2] = self._drag * left
            self._model.dof_damping[self._root + 3 : self._root + 6] = 0.02 * self._drag * left

    def _grip(self) -> None:
        self._model.geom_friction[self._geoms, 0] = self._friction
        self._model.geom_priority[self._geoms] = 0

    def move(self, now_s: float, seconds: float, draw: np.random.Generator) -> None:
        """Stir arms, legs and head for some seconds."""
        moving = np.array([joint.name.startswith(_MOVING) for joint in JOINTS])
        self._hold = self._data.qpos[self._positions].copy()
        amplitude = np.where(moving, draw.uniform(0.5, 1.0, len(JOINTS)) * _STIR_RAD, 0.0)
        amplitude *= draw.choice((-1.0, 1.0), len(JOINTS))
        self._moves = (now_s, now_s + seconds, amplitude, draw.uniform(2.0, 4.5, len(JOINTS)))

    @property
    def moves(self) -> bool:
        """Whether arms and legs are being moved."""
        return self._moves is not None

    @property
    def falls(self) -> bool:
        """Whether the body is still coming down, wherever it will come to rest."""
        settle_s = max(_SETTLE_S, self._stumble.push_after_s + PUSH_S, self._stumble.drag_s)
        return self._now_s - self._start_s < settle_s or not self._rests()

    def _rests(self) -> bool:
        return bool(np.linalg.norm(self._data.cvel[self._pelvis, 3:]) < STILL_M_S)

    def end(self) -> None:
        """Take the body back from physics."""
        self._data.qfrc_applied[self._velocities] = 0.0
        self._data.xfrc_applied[[self._thorax, self._pelvis], :3] = 0.0
        self._model.dof_damping[self._root : self._root + 6] = 0.0
        self._grip()
        self._meet(PERSON, PERSON_ANIMATED_MEETS)

    def is_down(self) -> bool:
        """Return whether the trunk has come down to the floor."""
        return bool(self._data.xpos[[self._pelvis, self._thorax], 2].max() < LYING_HEIGHT_M)

    def lies_still(self) -> bool:
        """Return whether the trunk is down and at rest."""
        return self.is_down() and self._rests()


class Fall(Limp):
    """Steps the physics of a fall that starts in the state of `data` at `data.time`."""

    def __init__(
        self, model: mujoco.MjModel, data: mujoco.MjData, resident: Resident, stumble: Stumble
    ) -> None:
        super().__init__(model, data, resident, stumble, now_s=data.time)

    def step(self) -> None:
        """Advance by one time step of the model."""
        self.before_step(self._data.time)
        mujoco.mj_step(self._model, self._data)


def state_hash(data: mujoco.MjData) -> str:
    """Return a fingerprint of positions and velocities, equal only for bit-identical states."""
    state: NDArray[np.float64] = np.concatenate([data.qpos, data.qvel])
    return hashlib.sha256(state.tobytes()).hexdigest()
