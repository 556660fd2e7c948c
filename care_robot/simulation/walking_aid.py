"""A cane or a walking frame that goes with a simulated person; the robot can run into it."""

from __future__ import annotations

import math

import mujoco
import numpy as np

from care_robot.simulation.mujoco_model import (
    COLLISION_GROUP,
    PERSON,
    PERSON_ANIMATED_MEETS,
    ROBOT,
    STATIC,
    VISUAL_GROUP,
)
from care_robot.simulation.resident import Resident
from care_robot.simulation.resident_steps import Place

_TUBE_M = 0.012
_MASS_KG = 1.5
_METAL, _RUBBER = [0.35, 0.37, 0.40, 1.0], [0.10, 0.10, 0.11, 1.0]
_WIDTH_M, _DEPTH_M = 0.54, 0.42  # of the frame
_GRIP_HEIGHT = 0.50  # statures


def add_walking_aid(spec: mujoco.MjSpec, resident: Resident, person_id: str) -> None:
    """Add the aid of `resident`, if any, as the body ``<person_id>/aid`` with the free joint of that name."""
    if not resident.walking_aid:
        return
    body = spec.worldbody.add_body(name=f"{person_id}/aid")
    body.add_freejoint(name=f"{person_id}/aid")
    top = _GRIP_HEIGHT * resident.height_m
    if resident.walking_aid == "cane":
        tubes = [((0.0, 0.0, 0.0), (0.0, 0.0, top)), ((-0.05, 0.0, top), (0.06, 0.0, top))]
    else:
        out, back, front = _WIDTH_M / 2, -0.6 * _DEPTH_M, 0.4 * _DEPTH_M
        tubes = []
        for y in (-out, out):
            inner = 0.9 * y
            tubes += [
                ((back, y, 0.0), (back + 0.06, inner, top)),
                ((front, y, 0.0), (front - 0.06, inner, top)),
                ((back + 0.06, inner, top), (front - 0.06, inner, top)),
            ]
        for z in (0.45 * top, top):
            tubes.append(((front - 0.06, -0.9 * out, z), (front - 0.06, 0.9 * out, z)))
    for number, (start, end) in enumerate(tubes):
        for name, group, bits in (
            (f"{number}", COLLISION_GROUP, (PERSON, PERSON_ANIMATED_MEETS)),
            (f"{number}_visual", VISUAL_GROUP, (0, 0)),
        ):
            body.add_geom(
                name=f"{person_id}/aid/{name}",
                type=mujoco.mjtGeom.mjGEOM_CAPSULE,
                fromto=[*start, *end],
                size=[_TUBE_M, 0, 0],
                rgba=_RUBBER if end[2] == start[2] and group == VISUAL_GROUP else _METAL,
                contype=bits[0],
                conaffinity=bits[1],
                group=group,
                mass=_MASS_KG / len(tubes) if name == f"{number}" else 0.0,
            )


class WalkingAid:
    """Keeps the aid of one person where it belongs; does nothing for somebody without one."""

    def __init__(
        self, model: mujoco.MjModel, data: mujoco.MjData, resident: Resident, person_id: str
    ) -> None:
        self._model, self._data = model, data
        self._h, self._kind = resident.height_m, resident.walking_aid
        self._held = True
        self._pose = np.zeros(7)
        if self._kind:
            joint = model.joint(f"{person_id}/aid")
            self._q = slice(int(joint.qposadr[0]), int(joint.qposadr[0]) + 7)
            self._v = slice(int(joint.dofadr[0]), int(joint.dofadr[0]) + 6)
            self._body = int(model.body(f"{person_id}/aid").id)
            self._geoms = np.flatnonzero((model.geom_bodyid == self._body) & (model.geom_contype != 0))

    def follow(self, pelvis: Place) -> None:
        """Stand before or beside somebody who stands or walks with the pelvis at `pelvis`."""
        if not self._kind:
            return
        if self._kind == "frame":
            at = pelvis.ahead(0.27 * self._h)
        else:
            at = pelvis.ahead(0.15 * self._h, -0.145 * self._h)
        self._pose[:] = (
            *(at.x_m, at.y_m, 0.0),
            *(math.cos(at.yaw_rad / 2), 0.0, 0.0, math.sin(at.yaw_rad / 2)),
        )
        self._meet(PERSON_ANIMATED_MEETS)
        self._held = True

    def drop(self) -> None:
        """Leave it to physics; it does not meet the body that falls."""
        if self._kind:
            self._meet(STATIC | ROBOT)
            self._held = False

    def before_step(self) -> None:
        """Keep it where it stands for the coming steps."""
        if self._kind and self._held:
            self._data.qpos[self._q] = self._pose
            self._data.qvel[self._v] = 0.0

    def _meet(self, meets: int) -> None:
        self._model.geom_conaffinity[self._geoms] = meets
        self._model.body_conaffinity[self._body] = meets
