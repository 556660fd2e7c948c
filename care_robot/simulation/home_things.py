"""What can be moved in a simulated home: things to grasp, of which some are spare, and doors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from care_robot.description import Model
from care_robot.geometry import Pose
from care_robot.simulation.mujoco_model import OBJECT, OBJECT_MEETS, quaternion
from care_robot.simulation.recipe import Spawned
from care_robot.simulation.sim_services import MODEL_UNKNOWN, RequestError
from care_robot.simulation.world import World

SPARE = "spare_"
PARKED_M = np.array([0.0, 0.0, -20.0])
"""Where spare things wait: under the floor, which hides them."""

HINGE = "hinge"
CLOSER_N_M_RAD, CLOSER_N_M_S_RAD = 40.0, 12.0
"""Spring and damper that move a door on demand and hold it there."""


@dataclass
class Thing:
    """Something movable: its name, what it is, and its body in MuJoCo."""

    name: str
    model: str
    body: str


class Things:
    """Everything in a home that a gripper or a hand may move.

    Parameters
    ----------
    world : World
        Whose movable models these are.
    spawned : sequence of Spawned
        What was added to it.
    """

    def __init__(
        self, model: mujoco.MjModel, data: mujoco.MjData, world: World, spawned: Sequence[Spawned]
    ) -> None:
        self._model, self._data = model, data
        kinds = {item.name: item.model for item in spawned}
        movable = [m.name for m in world.models if is_thing(m)] + list(kinds)
        self.present = [Thing(name, kinds.get(name, name), name) for name in movable]
        free = [
            model.joint(joint).name.partition("/")[0]
            for joint in range(model.njnt)
            if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE
        ]
        self._spare = [name for name in free if name.startswith(SPARE)]
        for body in self._spare:
            self._touchable(body, on=False)
            self._put(body, Pose(PARKED_M, np.array([0.0, 0.0, 0.0, 1.0])))
        self._count_spare()

    def _count_spare(self) -> None:
        """Note where the heights of what is spare stand in qpos, and their velocities in qvel."""
        joints = [self._model.joint(f"{body}/free") for body in self._spare]
        self._parked = np.array([int(joint.qposadr[0]) + 2 for joint in joints], np.intp)
        self._resting = np.array([int(joint.dofadr[0]) + 2 for joint in joints], np.intp)

    @property
    def names(self) -> list[str]:
        """Names of what is in the home."""
        return [thing.name for thing in self.present]

    def before_step(self) -> None:
        """Keep the spare things where they wait."""
        if self._spare:
            self._data.qpos[self._parked], self._data.qvel[self._resting] = PARKED_M[2], 0.0

    def take_spare(self, model: str, name: str, pose: Pose) -> None:
        """Put a spare thing into the home; RequestError where there is none."""
        body = f"{SPARE}{model}"
        if body not in self._spare:
            kinds = ", ".join(s.removeprefix(SPARE) for s in self._spare) or "nothing"
            raise RequestError(
                MODEL_UNKNOWN, f"There is no spare {model[:40]!r} to put into this world; there is {kinds}."
            )
        self._spare.remove(body)
        self._count_spare()
        self._touchable(body, on=True)
        self._put(body, pose)
        self.present.append(Thing(name, model, body))
        mujoco.mj_kinematics(self._model, self._data)

    def pose(self, thing: Thing) -> Pose:
        """Where it is, in the map."""
        x, y, z, *wxyz = self._data.qpos[self._address(thing.body) :][:7]
        return Pose(np.array([x, y, z]), np.roll(wxyz, -1))

    def _address(self, body: str) -> int:
        return int(self._model.joint(f"{body}/free").qposadr[0])

    def _put(self, body: str, pose: Pose) -> None:
        at, joint = self._address(body), self._model.joint(f"{body}/free")
        self._data.qpos[at : at + 3], self._data.qpos[at + 3 : at + 7] = pose.position, quaternion(pose)
        self._data.qvel[int(joint.dofadr[0]) :][:6] = 0.0

    def _touchable(self, body: str, *, on: bool) -> None:
        root = self._model.joint(f"{body}/free").id
        geoms = np.flatnonzero(self._model.geom_bodyid == self._model.jnt_bodyid[root])
        solid = geoms[self._model.geom_group[geoms] == 3]
        self._model.geom_contype[solid] = OBJECT if on else 0
        self._model.geom_conaffinity[solid] = OBJECT_MEETS if on else 0


def is_thing(model: Model) -> bool:
    """Whether a model is something to grasp: it moves, and has no joints of its own."""
    return not model.static and not model.joints


class Doors:
    """The doors of a home; 0 rad is open, the upper limit shut."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, world: World) -> None:
        self._data = data
        self.names = [m.name for m in world.models if m.name.startswith("door_")]
        joints = {name: model.joint(f"{name}/{HINGE}") for name in self.names}
        self._position = {name: int(joint.qposadr[0]) for name, joint in joints.items()}
        self._velocity = {name: int(joint.dofadr[0]) for name, joint in joints.items()}
        self._shut_rad = {name: float(joint.range[1]) for name, joint in joints.items()}
        self._wanted_rad: dict[str, float] = {}

    def shut(self, door: str, on: bool) -> None:
        """Shut a door and hold it, or open it."""
        self._wanted_rad[door] = self._shut_rad[door] if on else 0.0

    def before_step(self) -> None:
        """Pull the doors that were shut or opened."""
        for door, wanted in self._wanted_rad.items():
            off = wanted - self._data.qpos[self._position[door]]
            speed = self._data.qvel[self._velocity[door]]
            self._data.qfrc_applied[self._velocity[door]] = CLOSER_N_M_RAD * off - CLOSER_N_M_S_RAD * speed
