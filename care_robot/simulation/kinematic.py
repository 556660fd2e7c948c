"""A simulated home without contact: people, robot and things go where they are told, ten times as fast.

It stands in for localisation, navigation, arm planning and the people tracker. Only who falls is under
physics, each person in a model of their own, since people do not touch each other in either simulator.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from care_robot.description import Camera, DescriptionError, Lidar
from care_robot.geometry import Array, Pose
from care_robot.perception.bodies import Landmark
from care_robot.perception.people import Person as Tracked
from care_robot.simulation.building import dock, fixed_cameras, load_controllers, load_robot, load_world
from care_robot.simulation.kinematic_arm import Arm
from care_robot.simulation.kinematic_base import RADIUS_M, Base, flat, upright
from care_robot.simulation.kinematic_inhabitant import Inhabitant, spawned_thing, thing_of
from care_robot.simulation.kinematic_people import KinematicPeople, Lens, Place
from care_robot.simulation.kinematic_walls import Walls
from care_robot.simulation.mujoco_model import CONTROL_S
from care_robot.simulation.person import Act, Person
from care_robot.simulation.recipe import PersonRecipe, Recipe, RecipeError, Role, Spawned
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

STEP_S = 0.05
PERSON_M = 0.2
DOCKED_M = 0.15
LEG_M = 0.07
LEGS = (
    [Landmark.LEFT_HIP, Landmark.RIGHT_HIP, Landmark.LEFT_KNEE, Landmark.RIGHT_KNEE],
    [Landmark.LEFT_KNEE, Landmark.RIGHT_KNEE, Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE],
)
BATTERY_S = 4 * 3600.0
"""From full to empty; charging takes half as long."""
LOW_BATTERY = 0.08
TOPICS = ("scan", "odom", "joint_states", "battery_state", "bumper", "e_stop_button")


class Battery:
    """A battery that drains evenly, and charges on the dock."""

    def __init__(self) -> None:
        self.charge = 1.0
        self.charging = False

    def step(self, dt_s: float, *, docked: bool) -> None:
        """Let time pass."""
        self.charging = docked and self.charge < 1.0
        change = 2.0 * dt_s / BATTERY_S if docked else -dt_s / BATTERY_S
        self.charge = min(1.0, max(0.0, self.charge + change))


class KinematicHome:
    """The home: the same recipe and the same commands at the same times give the same states.

    Parameters
    ----------
    recipe : Recipe
        What it is made of.

    Attributes
    ----------
    stopped, refusal
        Whether everything holds, and why navigation ends; may be set while time passes.

    Raises
    ------
    DescriptionError, RecipeError
        It cannot be built.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.time_s = 0.0
        self.stopped, self.refusal = False, ""
        self._build(recipe)

    def _build(self, recipe: Recipe) -> None:
        world, robot = load_world(recipe.world), load_robot()
        inhabitants = {p.id: Inhabitant(recipe, p, None, self.time_s) for p in recipe.people}
        self.recipe, self.world, self.robot = recipe, world, robot
        self._inhabitants = inhabitants
        self._spawned: tuple[Spawned, ...] = recipe.spawned
        self.walls = Walls(world)
        doors = self.walls.doors
        self.things = {
            model.name: thing_of(model) for model in world.models if not (model.static or model.name in doors)
        }
        self.things |= {item.name: spawned_thing(item) for item in recipe.spawned}
        start = dock(world)
        self._dock = flat(start)[:2]
        self.base = Base(start, self.walls, self._nearest_m, self._bodies)
        self.arm = Arm(robot, load_controllers(), self.things, self.walls)
        self.arm.base = start
        self.battery = Battery()
        self.lidar_link, self._lidar = next(
            (link.name, sensor) for link, sensor in robot.sensors() if isinstance(sensor, Lidar)
        )
        self._head_link, self._head = next(
            (link.name, sensor) for link, sensor in robot.sensors() if isinstance(sensor, Camera)
        )
        mounted = fixed_cameras(recipe.world)
        lenses = [
            Lens.of(sensor, mounted[sensor.name])
            for model in world.models
            for _, sensor in model.sensors()
            if isinstance(sensor, Camera)
        ]
        lenses.append(Lens.of(self._head, self._head_pose(), on_robot=True))
        self.watch = KinematicPeople(world, lenses, recipe.seed)
        self._draw = np.random.default_rng((recipe.seed, 40))
        self.silent: set[str] = set()

    # Simulation ------------------------------------------------------------------------------------------

    @property
    def people(self) -> dict[str, Person]:
        """The people, by their ids."""
        return {name: inhabitant.person for name, inhabitant in self._inhabitants.items()}

    @property
    def falling(self) -> bool:
        """Whether somebody is under physics, which takes more time."""
        return any(inhabitant.falling for inhabitant in self._inhabitants.values())

    def step(self, until_s: float) -> None:
        """Let time pass up to `until_s`, in short steps while somebody falls."""
        while until_s - self.time_s > 1e-6:
            dt_s = min(CONTROL_S if self.falling else STEP_S, until_s - self.time_s)
            for inhabitant in self._inhabitants.values():
                inhabitant.stop_before(self.walls.leaf_points, self.time_s)
                inhabitant.step(self.time_s, dt_s, self.things)
            self.time_s = round(self.time_s + dt_s, 6)
            self.base.stopped, self.base.refusal = self.stopped, self.refusal
            self.base.step(dt_s, self.time_s)
            self.arm.base = upright(self.base.pose)
            self.arm.step(dt_s, self.time_s, held=self.base.e_stop or self.stopped)
            self.battery.step(dt_s, docked=math.dist(self._dock, self.base.pose[:2]) < DOCKED_M)

    def _nearest_m(self, xy: tuple[float, float]) -> float:
        return min((p.nearest_distance_m(xy) for p in self.people.values()), default=math.inf)

    def _bodies(self) -> Array:
        bodies = [inhabitant.landmarks_m[:, :2] for inhabitant in self._inhabitants.values()]
        return np.concatenate([np.zeros((0, 2)), *bodies])

    def _head_pose(self) -> Pose:
        """Pose of the head camera in the map, x ahead."""
        return self.arm.pose(self._head_link).compose(self._head.pose)

    # What is seen ----------------------------------------------------------------------------------------

    def seen(self) -> list[tuple[Tracked, Place]]:
        """The people as the tracker tells them, from what the cameras see now."""
        self.watch.lenses[self._head.name].optical = Lens.of(self._head, self._head_pose()).optical
        landmarks = {name: i.landmarks_m for name, i in self._inhabitants.items()}
        return self.watch.update(self.time_s, landmarks, self.walls.blocked)

    def scan(self) -> tuple[Lidar, Array]:
        """The lidar and its ranges in m, inf where nothing is met: neither things nor bodies."""
        lidar = self._lidar
        pose = self.arm.pose(self.lidar_link).compose(lidar.pose)
        angles = np.linspace(lidar.min_angle_rad, lidar.max_angle_rad, lidar.samples)
        rays = np.stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)], axis=1) @ pose.rotation().T
        ranges = self.walls.ranges_m(pose.position, rays, lidar.max_range_m)
        for inhabitant in self._inhabitants.values():
            points = inhabitant.landmarks_m
            legs = np.linspace(points[LEGS[0]], points[LEGS[1]], 6).reshape(-1, 3)
            points = np.concatenate([points, legs])
            for point in points[np.abs(points[:, 2] - pose.position[2]) < LEG_M]:
                away = (point - pose.position)[:2]
                along = rays[:, :2] @ away
                inside = LEG_M**2 - (away @ away - along**2)
                hit = (inside > 0.0) & (along > 0.0)
                ranges[hit] = np.minimum(ranges[hit], along[hit] - np.sqrt(inside[hit]))
        ranges[ranges < lidar.min_range_m] = -np.inf
        return lidar, ranges

    # Services --------------------------------------------------------------------------------------------

    def act(self, person_id: str, act: Act) -> None:
        """Let somebody begin an act; ActError where it cannot be done."""
        self._inhabitants[person_id].act(act, self.time_s)

    def fault(self, kind: FaultKind, active: bool, target: str) -> None:
        """Break or mend something."""
        if kind in (FaultKind.SENSOR_SILENT, FaultKind.CAMERA_BLACK, FaultKind.CAMERA_FROZEN):
            self._break_sensor(kind, active, target)
        elif kind is FaultKind.DOOR_SHUT:
            if target not in self.walls.doors:
                raise _unknown("door", target, self.walls.doors)
            self.walls.shut(target, active)
        elif kind is FaultKind.BUMPER:
            self.base.bumper_stuck = active
        elif kind is FaultKind.E_STOP:
            self.base.e_stop = active
        elif kind is FaultKind.WHEEL_SLIP:
            self.base.slipping = active
        elif kind is FaultKind.MOVED:
            self.base.carry_away(self._draw) if active else self.base.find_again()
        elif kind is FaultKind.GRASP_SLIP:
            if active and self.arm.held is not None:
                self.arm.release(self.arm.held)
        elif kind is FaultKind.BATTERY_LOW:
            self.battery.charge = LOW_BATTERY if active else 1.0

    def _break_sensor(self, kind: FaultKind, active: bool, target: str) -> None:
        lens = self.watch.lenses.get(target.partition("/")[0])
        if lens is not None:
            name = {FaultKind.CAMERA_BLACK: "black", FaultKind.CAMERA_FROZEN: "frozen"}.get(kind, "silent")
            setattr(lens, name, active)
        elif kind is FaultKind.SENSOR_SILENT and target in TOPICS:
            (self.silent.add if active else self.silent.discard)(target)
        else:
            topics = TOPICS if kind is FaultKind.SENSOR_SILENT else ()
            raise _unknown("sensor", target, [*self.watch.lenses, *topics])

    def spawn(self, model: str, name: str, pose: Pose) -> None:
        """Put an object or a person into the world."""
        names = [*self._inhabitants, *(m.name for m in self.world.models), *self.things, self.robot.name]
        if name in names:
            raise RequestError(NAME_TAKEN, f"The field name is {name!r}, and there is one already.")
        if not self.walls.contains(*pose.position[:2]) or self.walls.inside(pose.position):
            raise RequestError(POSE_INVALID, "The field pose lies outside the map, or inside something.")
        try:
            if model in set(Role):
                self._spawn_person(PersonRecipe(name, Role(model), seed=len(self._inhabitants)), pose)
            else:
                self._spawn_thing(model, name, pose)
        except RecipeError as error:
            raise RequestError(NAME_TAKEN, str(error)) from None
        except DescriptionError as error:
            raise RequestError(MODEL_UNKNOWN, str(error)) from None

    def _spawn_person(self, person: PersonRecipe, pose: Pose) -> None:
        x, y, yaw = flat(pose)
        if self.walls.clearance_m(x, y) < PERSON_M:
            raise RequestError(POSE_INVALID, "The field pose leaves no room for a person.")
        # Also what was spawned meanwhile can be taken by who comes now; by who is there already it cannot.
        recipe = replace(self.recipe, spawned=self._spawned)
        self._inhabitants[person.id] = Inhabitant(recipe, person, (x, y, yaw), self.time_s)

    def _spawn_thing(self, model: str, name: str, pose: Pose) -> None:
        x, y, z = (float(n) for n in pose.position)
        qx, qy, qz, qw = (float(n) for n in pose.quaternion)
        item = Spawned(model, name, (x, y, z), (qx, qy, qz, qw))
        self.things[name] = spawned_thing(item)
        self.arm.release(self.things[name])
        self._spawned = (*self._spawned, item)

    def reset(self, world: str, seed: int) -> None:
        """Go back to the start; time goes on. RequestError for another world."""
        check_same_world(self.recipe.world, world)
        off = [name for name, lens in self.watch.lenses.items() if not lens.enabled]
        try:
            self._build(replace(self.recipe, seed=seed))
        except (DescriptionError, RecipeError) as error:
            raise RequestError(WORLD_UNKNOWN, str(error)) from None
        for name in off:  # who switched a camera off has not switched it on
            self.watch.lenses[name].enabled = False

    # Evaluation ------------------------------------------------------------------------------------------

    def truth(self) -> Truth:
        """What is really so."""
        people = tuple(
            PersonTruth(
                id=name,
                posture=int(i.person.posture),
                act=int(i.person.doing),
                act_since_s=i.person.doing_since_s,
                hips_m=i.person.hips_m,
                robot_distance_m=max(0.0, i.person.nearest_distance_m(self.base.pose[:2]) - RADIUS_M),
            )
            for name, i in self._inhabitants.items()
        )
        objects = tuple(ObjectTruth(t.name, t.model, t.pose, t.held_by) for t in self.things.values())
        return Truth(
            t_s=self.time_s,
            robot_pose=upright(self.base.pose),
            linear_m_s=self.base.linear_m_s,
            angular_rad_s=self.base.angular_rad_s,
            people=people,
            objects=objects,
            collisions=self.base.collisions,
            person_contacts=self.base.contacts,
        )

    def state_hash(self) -> str:
        """A fingerprint of everything's places."""
        numbers = [
            [self.time_s, *self.base.pose, *self.base.odometry, self.battery.charge],
            list(self.arm.joints.positions.values()),
            *([*t.pose.position, *t.pose.quaternion] for t in self.things.values()),
            *(np.concatenate([i.data.qpos, i.data.qvel]) for i in self._inhabitants.values()),
        ]
        return hashlib.sha256(np.concatenate(numbers).astype(np.float64).tobytes()).hexdigest()


def _unknown(what: str, target: str, known: Sequence[str]) -> RequestError:
    there = ", ".join(known) or "none"
    return RequestError(
        UNKNOWN_TARGET, f"The field target names no {what}: {target[:40]!r}; there is {there}."
    )
