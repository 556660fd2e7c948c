"""A person of the kinematic world, and the things that people and robot take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import mujoco
import numpy as np

from care_robot.description import Box, Cylinder, Model, Sphere
from care_robot.geometry import Array, Pose
from care_robot.perception.posture import Posture
from care_robot.simulation.building import build, spawned_model, starting_place
from care_robot.simulation.mujoco_model import STATIC, TIMESTEP_S, quaternion
from care_robot.simulation.person import Act, ActKind, Person
from care_robot.simulation.recipe import PersonRecipe, Recipe, Spawned

BEFORE_DOOR_M = 0.5
KNOCKED_M = 0.002
REST_S, REST_PER_S = 1.0, 0.05
"""Somebody whose joints have moved no faster (m/s, rad/s) for so long is at rest."""


@dataclass
class Thing:
    """Something movable; the middle of its collision shape in it, and half its size along x, y, z."""

    name: str
    model: str
    pose: Pose
    middle_m: Array
    half_m: Array
    held_by: str = ""

    @property
    def centre_m(self) -> Array:
        """Middle of the thing in the map."""
        return self.pose.apply(self.middle_m)


class Inhabitant:
    """A person in a model of their own: animated, falling, or at rest after a fall."""

    def __init__(
        self, recipe: Recipe, person: PersonRecipe, start: tuple[float, float, float] | None, now_s: float
    ) -> None:
        built = build(replace(recipe, people=(person,)), dressed=False, robot=False)
        self.model, self.data = built.model, mujoco.MjData(built.model)
        self.data.time = now_s
        resident = built.residents[person.id]
        self.person = Person(
            self.model,
            self.data,
            person.id,
            resident,
            built.world,
            start or starting_place(built.world, person),
            recipe.seed + person.seed,
        )
        self._own = slice(*_own_velocities(self.model, person.id))
        self._pelvis = int(
            np.flatnonzero(self.model.geom_bodyid == self.model.body(f"{person.id}/pelvis").id)[0]
        )
        self._hand = self.model.body(f"{person.id}/hand_r").id
        self._free = {
            self.model.joint(joint).name.partition("/")[0]: int(self.model.jnt_qposadr[joint])
            for joint in range(self.model.njnt)
            if self.model.joint(joint).name.endswith("/free")
        }
        self._placed: dict[str, Pose] = {}
        self._quiet_s = 0.0
        self._held_at: Pose | None = None  # what the person holds, in the hand's frame
        mujoco.mj_forward(self.model, self.data)
        # From now on things that lie still cost nothing while somebody falls: a third of the time.
        self.model.opt.enableflags |= mujoco.mjtEnableBit.mjENBL_SLEEP
        self.landmarks_m = self.person.landmarks_m()

    @property
    def falling(self) -> bool:
        """Whether physics moves the body; somebody who has come to rest is left there."""
        limp = bool(self.model.geom_conaffinity[self._pelvis] & STATIC)
        return limp and self._quiet_s < REST_S

    def act(self, act: Act, now_s: float) -> None:
        """Begin an act."""
        self.person.act(act, now_s)
        self._quiet_s = 0.0

    def step(self, now_s: float, dt_s: float, things: Mapping[str, Thing]) -> None:
        """Let time pass; the hand takes along what it holds."""
        self._place(things)
        self.person.before_step(now_s, dt_s)
        self.data.time = now_s
        if self.falling:
            mujoco.mj_step(self.model, self.data, round(dt_s / TIMESTEP_S))
            still = bool(np.abs(self.data.qvel[self._own]).max() < REST_PER_S)
            self._quiet_s = self._quiet_s + dt_s if still else 0.0
            self._knock(things)
        else:
            mujoco.mj_kinematics(self.model, self.data)
            self._carry(things)
        self.landmarks_m = self.person.landmarks_m()

    def stop_before(self, leaves_m: Array, now_s: float) -> None:
        """Nobody walks through a door that is shut."""
        if not len(leaves_m) or self.person.posture is not Posture.WALKING:
            return
        away = leaves_m - self.person.hips_m[:2]
        nearest = away[int((away**2).sum(axis=1).argmin())]
        near = math.hypot(*nearest) < BEFORE_DOOR_M
        if near and float(nearest @ self.data.qvel[self._own][:2]) > 0.0:
            self.act(Act(ActKind.STAND), now_s)

    def _place(self, things: Mapping[str, Thing]) -> None:
        """Put the things where they are, which seldom changes."""
        for name, address in self._free.items():
            thing = things.get(name)
            if thing is not None and thing.pose is not self._placed.get(name):
                self._placed[name] = thing.pose
                self.data.qpos[address : address + 3] = thing.pose.position
                self.data.qpos[address + 3 : address + 7] = quaternion(thing.pose)

    def _knock(self, things: Mapping[str, Thing]) -> None:
        """Take over where physics has moved things."""
        for name, address in self._free.items():
            thing = things.get(name)
            if thing is not None and thing.held_by in ("", self.person.id):
                q = self.data.qpos[address : address + 7]
                if np.abs(q[:3] - thing.pose.position).max() > KNOCKED_M:
                    thing.pose = self._placed[name] = Pose(q[:3].copy(), np.roll(q[3:], -1))

    def _carry(self, things: Mapping[str, Thing]) -> None:
        thing = things.get(self.person.holds.partition("/")[0])
        if thing is None:
            return
        hand = Pose(self.data.xpos[self._hand].copy(), np.roll(self.data.xquat[self._hand], -1))
        if thing.held_by != self.person.id:
            thing.held_by, self._held_at = self.person.id, hand.inverse().compose(thing.pose)
        if self._held_at is not None:
            thing.pose = hand.compose(self._held_at)


def _own_velocities(model: mujoco.MjModel, person_id: str) -> tuple[int, int]:
    """First and last-but-one of a person's degrees of freedom."""
    own = [
        int(model.jnt_dofadr[joint])
        for joint in range(model.njnt)
        if model.joint(joint).name.startswith(f"{person_id}/")
    ]
    return min(own), max(own) + 1


def thing_of(model: Model) -> Thing:
    """A movable model, where the world has it."""
    collision = next((c for link in model.links for c in link.collisions), None)
    shape, half = collision and collision.shape, np.full(3, 0.03)
    middle = collision.pose.position if collision else np.zeros(3)
    if isinstance(shape, Box):
        half = np.array(shape.size_m) / 2.0
    elif isinstance(shape, Cylinder):
        half = np.array([shape.radius_m, shape.radius_m, shape.length_m / 2.0])
    elif isinstance(shape, Sphere):
        half = np.full(3, shape.radius_m)
    kind = Path(model.sources[0]).parent.name if model.sources else model.name
    return Thing(model.name, kind, model.pose.compose(model.links[0].pose), middle, half)


def spawned_thing(item: Spawned) -> Thing:
    """A thing that was put into the world; DescriptionError where there is no such model."""
    thing = thing_of(spawned_model(item))
    thing.model, thing.pose = item.model, Pose(np.array(item.position_m), np.array(item.quaternion))
    return thing
