"""A simulated home under physics: the world, the robot and the people in one MuJoCo model, step by step."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import replace

import mujoco
import numpy as np

from care_robot.description import DescriptionError
from care_robot.geometry import Pose
from care_robot.simulation.building import OVERVIEW, build, dock, load_controllers, starting_place
from care_robot.simulation.home_things import Doors, Things
from care_robot.simulation.kinematic_walls import Walls
from care_robot.simulation.mujoco_model import CONTROL_S, TIMESTEP_S
from care_robot.simulation.person import Act, Person
from care_robot.simulation.recipe import Recipe, RecipeError, Role, Spawned
from care_robot.simulation.robot import Robot
from care_robot.simulation.sim_services import (
    MODEL_UNKNOWN,
    NAME_TAKEN,
    POSE_INVALID,
    UNKNOWN_TARGET,
    WORLD_UNKNOWN,
    FaultKind,
    RequestError,
    check_same_world,
)
from care_robot.simulation.truth import ObjectTruth, PersonTruth, Truth

STEPS = round(CONTROL_S / TIMESTEP_S)
RADIUS_M = 0.26
"""Of the robot's footprint."""

CARRIED_M = 1.0
TOPICS = ("scan", "imu", "odom", "joint_states", "battery_state", "bumper", "e_stop_button")


class Home:
    """A home that lives: the same recipe and the same commands at the same times give the same states.

    Parameters
    ----------
    recipe : Recipe
        What it is made of.

    Raises
    ------
    DescriptionError, RecipeError
        It cannot be built.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.time_s = 0.0
        self._build(recipe)

    def _build(self, recipe: Recipe) -> None:
        built = build(recipe, dressed=False)
        self.recipe, self.world, self.description = recipe, built.world, built.robot
        self.model, self.data = built.model, mujoco.MjData(built.model)
        self.data.time = self.time_s
        self.robot = Robot(
            self.model, self.data, built.robot, load_controllers(), seed=recipe.seed, dock=dock(built.world)
        )
        self.people = {
            person.id: Person(
                self.model,
                self.data,
                person.id,
                built.residents[person.id],
                built.world,
                starting_place(built.world, person),
                recipe.seed + person.seed,
            )
            for person in recipe.people
        }
        self.things = Things(self.model, self.data, built.world, recipe.spawned)
        self.doors = Doors(self.model, self.data, built.world)
        self.cameras = sorted(name for name in built.cameras if name != OVERVIEW)
        self.silent: set[str] = set()
        self.black: set[str] = set()
        self.frozen: set[str] = set()
        self.e_stop = self._bumper_stuck = False
        self._draw = np.random.default_rng((recipe.seed, 30))
        self._walls = Walls(built.world)
        mujoco.mj_forward(self.model, self.data)

    def step(self, until_s: float) -> None:
        """Let time pass up to `until_s`, in whole control periods."""
        while self.time_s < until_s - CONTROL_S / 2:
            self.things.before_step()
            self.doors.before_step()
            for person in self.people.values():
                person.before_step(self.time_s, CONTROL_S)
            self.robot.before_step(self.time_s)
            mujoco.mj_step(self.model, self.data, STEPS)
            self.time_s = round(self.time_s + CONTROL_S, 6)

    @property
    def bumper(self) -> bool:
        """Whether the bumper is pressed."""
        return self._bumper_stuck or self.robot.bumper()

    def act(self, person_id: str, act: Act) -> None:
        """Let somebody who is there begin an act; ActError where it cannot be done."""
        self.people[person_id].act(act, self.time_s)

    def fault(self, kind: FaultKind, active: bool, target: str) -> None:
        """Break or mend something; RequestError where there is no such target."""
        marked = {
            FaultKind.SENSOR_SILENT: (self.silent, [*self.cameras, *TOPICS]),
            FaultKind.CAMERA_BLACK: (self.black, self.cameras),
            FaultKind.CAMERA_FROZEN: (self.frozen, self.cameras),
        }
        do: dict[FaultKind, Callable[[bool], None]] = {
            FaultKind.BUMPER: self._stick_bumper,
            FaultKind.E_STOP: self._press_e_stop,
            FaultKind.WHEEL_SLIP: self.robot.slip_wheels,
            FaultKind.MOVED: self._carry_away,
            FaultKind.GRASP_SLIP: self._drop,
            FaultKind.BATTERY_LOW: self.robot.set_battery_low,
        }
        if kind in marked:
            self._mark(*marked[kind], target, on=active)
        elif kind is FaultKind.DOOR_SHUT:
            if target not in self.doors.names:
                raise _unknown("door", target, self.doors.names)
            self.doors.shut(target, active)
        elif kind in do:
            do[kind](active)
        else:
            raise RequestError(UNKNOWN_TARGET, f"{kind.name} is not a fault of the simulated world.")

    def _stick_bumper(self, on: bool) -> None:
        self._bumper_stuck = on

    def _press_e_stop(self, on: bool) -> None:
        self.e_stop = on
        self.robot.hold(on)

    def _drop(self, on: bool) -> None:
        if on:
            self.robot.drop()

    def _mark(self, broken: set[str], known: list[str], target: str, *, on: bool) -> None:
        name = target if target in known else target.partition("/")[0]  # any topic of a camera
        if name not in known:
            raise _unknown("sensor", target, known)
        (broken.add if on else broken.discard)(name)

    def _carry_away(self, on: bool) -> None:
        """Put the robot down elsewhere, without its noticing."""
        if not on:
            return
        pose = self.robot.pose()
        turn = float(self._draw.uniform(-math.pi, math.pi))
        for angle in np.linspace(turn, turn + 2.0 * math.pi, 24):
            x, y = pose.position[:2] + CARRIED_M * np.array([math.cos(angle), math.sin(angle)])
            if self._walls.clearance_m(float(x), float(y)) >= RADIUS_M:
                self.robot.carry(Pose(np.array([x, y, pose.position[2]]), pose.quaternion))
                return

    def spawn(self, model: str, name: str, pose: Pose) -> None:
        """Put a spare object into the world; RequestError where that cannot be.

        A world that is being simulated takes nothing new: it has one spare of each thing to grasp.
        """
        if name in (*self.people, *self.things.names, self.description.name, *self.doors.names):
            raise RequestError(NAME_TAKEN, f"The field name is {name!r}, and there is one already.")
        if model in set(Role):
            raise RequestError(
                MODEL_UNKNOWN,
                f"Under physics a {model} must be there from the start: name everybody in the launch "
                'argument people:=[{"id": "resident"}, {"id": "mina", "role": "visitor"}].',
            )
        if not self._walls.contains(*pose.position[:2]) or self._walls.inside(pose.position):
            raise RequestError(POSE_INVALID, "The field pose lies outside the home, or inside something.")
        try:
            Spawned(model, name, (0.0, 0.0, 0.0))
        except RecipeError as error:
            raise RequestError(NAME_TAKEN, str(error)) from None
        self.things.take_spare(model, name, pose)

    def reset(self, world: str, seed: int) -> None:
        """Go back to the start; time goes on. RequestError for another world."""
        check_same_world(self.recipe.world, world)
        try:
            self._build(replace(self.recipe, seed=seed))
        except (DescriptionError, RecipeError) as error:
            raise RequestError(WORLD_UNKNOWN, str(error)) from None

    def truth(self) -> Truth:
        """What is really so."""
        pose = self.robot.pose()
        linear, angular = self.robot.velocity()
        here = float(pose.position[0]), float(pose.position[1])
        people = tuple(
            PersonTruth(
                id=name,
                posture=int(person.posture),
                act=int(person.doing),
                act_since_s=person.doing_since_s,
                hips_m=person.hips_m,
                robot_distance_m=max(0.0, person.nearest_distance_m(here) - RADIUS_M),
            )
            for name, person in self.people.items()
        )
        holders = {p.holds.partition("/")[0]: name for name, p in self.people.items() if p.holds}
        if held := self.robot.held_object():
            holders[held] = "robot"
        objects = tuple(
            ObjectTruth(thing.name, thing.model, self.things.pose(thing), holders.get(thing.body, ""))
            for thing in self.things.present
        )
        with_static, with_person = self.robot.contacts()
        return Truth(
            self.time_s, pose, float(linear[0]), float(angular[2]), people, objects, with_static, with_person
        )

    def positions(self) -> list[float]:
        """MuJoCo's qpos, for who renders the same recipe."""
        return list(map(float, self.data.qpos))

    def state_hash(self) -> str:
        """A fingerprint of everything's places and velocities."""
        state = np.concatenate([[self.time_s], self.data.qpos, self.data.qvel])
        return hashlib.sha256(state.tobytes()).hexdigest()


def _unknown(what: str, target: str, known: list[str]) -> RequestError:
    there = ", ".join(known) or "none"
    return RequestError(UNKNOWN_TARGET, f"There is no {what} {target[:40]!r}; there is {there}.")
