"""A fall of the simulated resident: the body is let go, and physics does the rest.

Nothing is animated. A stumble pushes the body out of balance, muscle tone fades within a fraction of a
second, and joint limits, tissue damping, friction and contact with the floor make the fall.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from care_robot.simulation.resident import JOINTS, Resident

TIMESTEP_S = 0.002
PUSH_S = 0.25
LYING_HEIGHT_M = 0.35  # pelvis and chest of somebody who lies; the chest of a sitting person is higher
STILL_M_S = 0.15


@dataclass(frozen=True)
class Stumble:
    """What brings the resident down.

    `direction_rad` is counter-clockwise from straight ahead; `strength_m_s` is the speed that the push gives
    the body; `legs_fade_s`, `trunk_fade_s` and `arms_fade_s` are the time constants with which tone is lost.
    """

    direction_rad: float
    strength_m_s: float = 0.7
    legs_fade_s: float = 0.25
    trunk_fade_s: float = 0.6
    arms_fade_s: float = 0.5
    rest: float = 0.04  # share of the tone that a limp body keeps


class Fall:
    """Steps the physics of a fall that starts in the state of `data` at `data.time`."""

    def __init__(
        self, model: mujoco.MjModel, data: mujoco.MjData, resident: Resident, stumble: Stumble
    ) -> None:
        self._model, self._data, self._stumble = model, data, stumble
        self._start_s = data.time
        joints = [model.joint(joint.name) for joint in JOINTS]
        self._positions = np.array([joint.qposadr[0] for joint in joints])
        self._velocities = np.array([joint.dofadr[0] for joint in joints])
        self._tone = np.array([joint.tone for joint in JOINTS])
        self._fade_s = np.array([self._fade_of(joint.name) for joint in JOINTS])
        self._hold = data.qpos[self._positions].copy()
        self._thorax, self._pelvis = model.body("thorax").id, model.body("pelvis").id
        forward = data.xmat[self._pelvis].reshape(3, 3)[:2, 0]
        heading = np.arctan2(forward[1], forward[0]) + stumble.direction_rad
        force = resident.mass_kg * stumble.strength_m_s / PUSH_S
        self._push = force * np.array([np.cos(heading), np.sin(heading), 0.0])

    def _fade_of(self, joint: str) -> float:
        if joint.startswith(("hip", "knee", "ankle", "subtalar")):
            return self._stumble.legs_fade_s
        return (
            self._stumble.arms_fade_s
            if joint.startswith(("shoulder", "elbow", "wrist"))
            else self._stumble.trunk_fade_s
        )

    def step(self) -> None:
        """Advance by one time step of the model."""
        data, since_s = self._data, self._data.time - self._start_s
        share = self._stumble.rest + (1 - self._stumble.rest) * np.exp(-since_s / self._fade_s)
        bend = self._hold - data.qpos[self._positions]
        data.qfrc_applied[self._velocities] = share * self._tone * bend
        data.xfrc_applied[self._thorax, :3] = self._push if since_s < PUSH_S else 0.0
        mujoco.mj_step(self._model, data)

    def is_down(self) -> bool:
        """Return whether the trunk has come down to the floor."""
        return bool(self._data.xpos[[self._pelvis, self._thorax], 2].max() < LYING_HEIGHT_M)

    def lies_still(self) -> bool:
        """Return whether the trunk is down and at rest."""
        return self.is_down() and bool(np.linalg.norm(self._data.cvel[self._pelvis, 3:]) < STILL_M_S)


def state_hash(data: mujoco.MjData) -> str:
    """Return a fingerprint of positions and velocities, equal only for bit-identical states."""
    state: NDArray[np.float64] = np.concatenate([data.qpos, data.qvel])
    return hashlib.sha256(state.tobytes()).hexdigest()
