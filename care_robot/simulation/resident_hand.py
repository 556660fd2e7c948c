"""What a simulated person's right hand holds.

The hand of a person holds by a weld that is switched on when it closes; the robot's gripper never does.
"""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from care_robot.simulation.resident_body import GRIP

REACH_M = 0.08
_ROBOT = "carebot/"


def add_hand(spec: mujoco.MjSpec, person_id: str) -> None:
    """Add the weld of the right hand of a person whose body is in `spec`; nothing is held yet."""
    weld = spec.add_equality(
        name=f"{person_id}/hold",
        type=mujoco.mjtEq.mjEQ_WELD,
        objtype=mujoco.mjtObj.mjOBJ_BODY,
        name1=f"{person_id}/hand_r",
        name2="world",
        active=False,
    )
    weld.data[10] = 1.0  # as stiff in rotation as in position


class Hand:
    """The right hand of one person."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, person_id: str, height_m: float) -> None:
        self._model, self._data = model, data
        self._hand = model.body(f"{person_id}/hand_r").id
        self._weld = model.equality(f"{person_id}/hold").id
        self._grip = height_m * np.array(GRIP)
        self._things = [
            int(model.jnt_bodyid[i])
            for i in range(model.njnt)
            if model.joint(i).name.endswith("/free") and not model.joint(i).name.startswith(_ROBOT)
        ]
        self.holds = ""

    def grip_m(self) -> NDArray[np.float64]:
        """Return the middle of the closed hand, (3,) m."""
        hand = self._hand
        point: NDArray[np.float64] = self._data.xpos[hand] + self._data.xmat[hand].reshape(3, 3) @ self._grip
        return point

    def nearest(self, within_m: float) -> NDArray[np.float64] | None:
        """Return where the nearest movable thing is, (3,) m, None where none is so near."""
        thing = self._nearest(within_m)
        return None if thing is None else self._data.xpos[thing].copy()

    def _nearest(self, within_m: float) -> int | None:
        if not self._things:
            return None
        distances = np.linalg.norm(self._data.xpos[self._things] - self.grip_m(), axis=1)
        nearest = int(distances.argmin())
        return self._things[nearest] if distances[nearest] <= within_m else None

    def close(self) -> None:
        """Hold the movable thing within the hand, if there is one."""
        thing = self._nearest(REACH_M)
        if thing is None or self.holds:
            return
        model, data, hand = self._model, self._data, self._hand
        rotation = data.xmat[hand].reshape(3, 3)
        inverse, relative = np.zeros(4), np.zeros(4)
        mujoco.mju_negQuat(inverse, data.xquat[hand])
        mujoco.mju_mulQuat(relative, inverse, data.xquat[thing])
        model.eq_obj2id[self._weld] = thing
        model.eq_data[self._weld, :3] = 0.0  # the thing's origin is held where it is in the hand
        model.eq_data[self._weld, 3:6] = rotation.T @ (data.xpos[thing] - data.xpos[hand])
        model.eq_data[self._weld, 6:10] = relative
        data.eq_active[self._weld] = 1
        self.holds = model.body(thing).name
