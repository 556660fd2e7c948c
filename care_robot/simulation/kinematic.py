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
from care_robot.simulation.building import (
    dock,
    fixed_cameras,
    load_controllers,
    load_robot,
    load_world,
    spawned_model,
)
from care_robot.simulation.kinematic_inhabitant import Inhabitant, Thing, thing_of
from care_robot.simulation.kinematic_people import KinematicPeople, Lens, Place
from care_robot.simulation.kinematic_robot import (
    LOW_BATTERY,
    Base,
    Battery,
    Drive,
    Grip,
    Joints,
    NavigationError,
    State,
    Trajectory,
    TrajectoryError,
    flat,
    steer,
    upright,
)
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
)
from care_robot.simulation.truth import ObjectTruth, PersonTruth, Truth

STEP_S = 0.05
RADIUS_M = 0.26
SPARE_M = 0.05
PERSON_M = 0.2
KEEPS_OFF_M = 0.4
"""What navigation keeps between the robot's edge and a body (domain.md, R-S4)."""
TOUCH_M, ANEW_S = 0.02, 0.5
LEG_M = 0.07
LEGS = (
    [Landmark.LEFT_HIP, Landmark.RIGHT_HIP, Landmark.LEFT_KNEE, Landmark.RIGHT_KNEE],
    [Landmark.LEFT_KNEE, Landmark.RIGHT_KNEE, Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE],
)
GRASP_M = 0.06
DOCKED_M = 0.15
AROUND_S, PATIENCE_S = 2.0, 30.0
"""Waiting before another way is looked for, and before navigation gives up."""
CARRIED_M = 1.0
TOPICS = ("scan", "odom", "joint_states", "battery_state", "bumper", "e_stop_button")


class KinematicHome:
    """The home: the same recipe and the same commands at the same times give the same states.

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
        world, robot = load_world(recipe.world), load_robot()
        inhabitants = {p.id: Inhabitant(recipe, p, None, self.time_s) for p in recipe.people}
        self.recipe, self.world, self.robot = recipe, world, robot
        self._inhabitants = inhabitants
        self.walls = Walls(world)
        self._dock = dock(world)
        self.base, self.joints, self.battery = Base(self._dock), Joints(robot), Battery()
        self._controllers = load_controllers()
        self.gripper_joint = self._controllers.gripper.joint
        self._head = next(s for _, s in robot.sensors() if isinstance(s, Camera))
        self._head_link = next(link.name for link, sensor in robot.sensors() if sensor is self._head)
        self.lidar_link, self._lidar = next(
            (link.name, s) for link, s in robot.sensors() if isinstance(s, Lidar)
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
        doors = self.walls.doors
        movable = [m for m in world.models if not m.static and m.name not in doors]
        movable += [spawned_model(s) for s in recipe.spawned]
        self._things = {model.name: thing_of(model) for model in movable}
        for item in recipe.spawned:
            thing = self._things[item.name]
            thing.model, thing.pose = item.model, Pose(np.array(item.position_m), np.array(item.quaternion))
        self._draw = np.random.default_rng((recipe.seed, 40))
        self._lost = Pose.identity()  # of what the robot believes, in what is so
        self._drive: Drive | None = None
        self._motions: dict[str, Trajectory] = {}
        self._grip: Grip | None = None
        self._held_at = Pose.identity()  # the held thing in the grasp's frame
        self.e_stop = self.bumper = self._bumper_stuck = False
        self.silent: set[str] = set()
        self._touched_s = -math.inf
        self._collisions = self._contacts = 0

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
                inhabitant.step(self.time_s, dt_s, self._things)
            self.time_s = round(self.time_s + dt_s, 6)
            self._move_robot(dt_s)
            self._carry()

    def _move_robot(self, dt_s: float) -> None:
        drive = self._drive
        wanted = self.base.commanded(self.time_s)
        keep_m = 0.0
        if drive is not None:
            keep_m = KEEPS_OFF_M
            on = steer(drive, flat(self.believed()))
            if on is None:
                drive.end(State.SUCCEEDED)
                self._drive = drive = None
            wanted = on or (0.0, 0.0)
        if self.e_stop or self._bumper_stuck:
            self.base.stop()
            wanted, hit = (0.0, 0.0), True
        else:
            hit = self.base.step(wanted, dt_s, lambda x, y: self._free(x, y, keep_m))
        if drive is not None:
            self._wait(drive, dt_s if hit else 0.0)
        self._feel(hit and drive is None and not self.e_stop)
        self._move_joints(dt_s)
        docked = math.dist(flat(self._dock)[:2], self.base.pose[:2]) < DOCKED_M
        self.battery.step(dt_s, docked=docked)

    def _free(self, x: float, y: float, keep_m: float) -> bool:
        """Whether the robot can go there; out of where it should not be it always can."""
        here, there = self.walls.clearance_m(*self.base.pose[:2]), self.walls.clearance_m(x, y)
        if there < RADIUS_M and there < here:
            return False
        here, there = self._distance(*self.base.pose[:2]), self._distance(x, y)
        return there > keep_m or there >= here

    def _distance(self, x: float, y: float) -> float:
        """From the robot's edge, were it at x, y, to the nearest body; inf where nobody is."""
        near_m = min((p.nearest_distance_m((x, y)) for p in self.people.values()), default=math.inf)
        return max(0.0, near_m - RADIUS_M)

    def _wait(self, drive: Drive, waited_s: float) -> None:
        before_s = drive.waiting_s
        drive.waiting_s = before_s + waited_s if waited_s else 0.0
        if before_s < AROUND_S <= drive.waiting_s and not self.e_stop:
            x, y, _ = flat(self.believed())
            goal = drive.way[-1] if drive.way else (x, y)
            way = self._way((x, y), goal, around_people=True)
            if way is not None:
                drive.way, drive.recoveries = way, drive.recoveries + 1
        if drive.waiting_s >= PATIENCE_S:
            why = "the e-stop is pressed" if self.e_stop else "somebody or something stands in the way"
            drive.end(
                State.ABORTED,
                NavigationError.FAILED_TO_MAKE_PROGRESS,
                f"No progress for {PATIENCE_S:g} s: {why}.",
            )
            self._drive = None

    def _feel(self, hit: bool) -> None:
        """Press the bumper, and count what was run into, once for each time."""
        person = self._distance(*self.base.pose[:2]) < TOUCH_M
        self.bumper = hit or self._bumper_stuck
        if hit or person:
            if self.time_s - self._touched_s > ANEW_S:
                self._collisions += hit and not person
                self._contacts += person
            self._touched_s = self.time_s

    def _move_joints(self, dt_s: float) -> None:
        for name, motion in list(self._motions.items()):
            if motion.state is not State.RUNNING:
                del self._motions[name]
            elif self.e_stop:
                motion.end(
                    State.ABORTED, TrajectoryError.PATH_TOLERANCE_VIOLATED, "The e-stop holds the joints."
                )
            else:
                self.joints.positions.update(motion.at(self.time_s))
                if self.time_s >= motion.started_s + motion.times_s[-1] - 1e-6:
                    motion.end(State.SUCCEEDED)
        if self._grip is not None and not self.e_stop:
            self._close(self._grip, dt_s)

    def _close(self, grip: Grip, dt_s: float) -> None:
        """Move the fingers; what is between them when they close is held."""
        now_m = self.joints.positions[self.gripper_joint]
        held = self._held()
        if held is None and grip.target_m < now_m:
            held = self._within_reach(now_m)
        least_m = float(held.half_m[:2].min()) if held is not None else 0.0
        step_m = self._controllers.gripper.max_velocity * dt_s
        next_m = now_m + max(-step_m, min(step_m, grip.target_m - now_m))
        if held is not None and grip.target_m < least_m and next_m <= least_m:
            self.joints.positions[self.gripper_joint] = least_m
            if not held.held_by:
                held.held_by = "robot"
                self._held_at = self._grasp().inverse().compose(held.pose)
            grip.stalled = True
            grip.end(State.SUCCEEDED)
        else:
            self.joints.positions[self.gripper_joint] = next_m
            if held is not None and held.held_by and next_m > least_m + 0.002:
                self._release(held)
            if abs(next_m - grip.target_m) < 1e-6:
                grip.end(State.SUCCEEDED)
        if grip.state is not State.RUNNING:
            self._grip = None

    def _within_reach(self, opening_m: float) -> Thing | None:
        grasp = self._grasp().position
        near = [
            (float(np.linalg.norm(t.centre_m - grasp)), name)
            for name, t in self._things.items()
            if not t.held_by and float(t.half_m[:2].min()) <= opening_m + 0.002
        ]
        distance, name = min(near, default=(math.inf, ""))
        return self._things[name] if distance < GRASP_M else None

    def _held(self) -> Thing | None:
        return next((t for t in self._things.values() if t.held_by == "robot"), None)

    def _release(self, thing: Thing) -> None:
        """Let a thing come to stand on what is under it."""
        thing.held_by = ""
        x, y, _ = (float(n) for n in thing.pose.position)
        z = self.walls.surface_below(thing.centre_m) - float(thing.middle_m[2] - thing.half_m[2])
        thing.pose = Pose.from_rpy(x, y, z, yaw=thing.pose.rpy()[2])

    def _carry(self) -> None:
        held = self._held()
        if held is not None:
            held.pose = self._grasp().compose(self._held_at)

    def _grasp(self) -> Pose:
        return upright(self.base.pose).compose(self.joints.pose("grasp_link"))

    def _head_pose(self) -> Pose:
        """Pose of the head camera in the map, x ahead."""
        link = upright(self.base.pose).compose(self.joints.pose(self._head_link))
        return link.compose(self._head.pose)

    # What the robot is told ----------------------------------------------------------------------------

    def command_velocity(self, linear_m_s: float, angular_rad_s: float) -> None:
        """Drive, unless navigation does."""
        self.base.command(linear_m_s, angular_rad_s, self.time_s)

    def navigate(self, frame: str, pose: Pose | None) -> Drive:
        """Go to a pose in the map; what cannot be has ended already. It takes the place of a goal before."""
        drive = self._plan(frame, pose)
        if drive.state is State.RUNNING:
            if self._drive is not None:
                self._drive.end(State.ABORTED, NavigationError.NONE, "Another goal has taken its place.")
            self._drive = drive
        return drive

    def _plan(self, frame: str, pose: Pose | None) -> Drive:
        drive = Drive(started_s=self.time_s)
        if frame != "map":
            code = NavigationError.FRAME_UNKNOWN
            drive.end(State.ABORTED, code, f"The goal is in the frame {frame[:40]!r}: give it in map.")
            return drive
        if pose is None:
            sentence = "The goal holds a number that is not finite, or no orientation."
            drive.end(State.ABORTED, NavigationError.GOAL_OUTSIDE_MAP, sentence)
            return drive
        x, y, drive.yaw = flat(pose)
        if not self.walls.contains(x, y):
            sentence = f"The goal ({x:.2f}, {y:.2f}) lies outside the map."
            drive.end(State.ABORTED, NavigationError.GOAL_OUTSIDE_MAP, sentence)
        elif self.walls.clearance_m(x, y) < RADIUS_M:
            sentence = f"The robot does not fit at ({x:.2f}, {y:.2f}): something stands there."
            drive.end(State.ABORTED, NavigationError.GOAL_OCCUPIED, sentence)
        else:
            way = self._way(flat(self.believed())[:2], (x, y))
            if way is None:
                sentence = f"There is no way to ({x:.2f}, {y:.2f}): is a door shut?"
                drive.end(State.ABORTED, NavigationError.NO_VALID_PATH, sentence)
            else:
                drive.way = way
        return drive

    def _way(
        self, start: tuple[float, float], goal: tuple[float, float], *, around_people: bool = False
    ) -> list[tuple[float, float]] | None:
        """Corners of the way, with room to spare where there is any; around people it keeps off them, too."""
        bodies = [i.landmarks_m[:, :2] for i in self._inhabitants.values()] if around_people else []
        around = np.concatenate([np.zeros((0, 2)), *bodies])
        for spare_m in (KEEPS_OFF_M,) if around_people else (SPARE_M, 0.0):
            way = self.walls.way(start, goal, RADIUS_M + spare_m, around)
            if way is not None:
                return way[1:]
        return None

    def stop(self, drive: Drive) -> None:
        """Break navigation off."""
        drive.end(State.CANCELED)
        if self._drive is drive:
            self._drive = None

    def follow(
        self,
        controller: str,
        names: Sequence[str],
        positions: Sequence[Sequence[float]],
        times_s: Sequence[float],
    ) -> Trajectory:
        """Move joints; what cannot be followed has ended already. It takes the place of one before."""
        motion = self.joints.trajectory(
            self._controllers.trajectories[controller].joints, names, positions, times_s, self.time_s
        )
        if motion.state is State.RUNNING and self.e_stop:
            motion.end(State.ABORTED, TrajectoryError.INVALID_GOAL, "The e-stop holds the joints.")
        if motion.state is State.RUNNING:
            if controller in self._motions:
                self._motions[controller].end(State.ABORTED, TrajectoryError.SUCCESSFUL, "Replaced.")
            self._motions[controller] = motion
        return motion

    def grip(self, position_m: float) -> Grip | None:
        """Move the fingers; None where that is no position of theirs. It takes the place of one before."""
        low, high = self.joints.limits(self.gripper_joint)
        if not low - 1e-3 <= position_m <= high + 1e-3:
            return None
        if self._grip is not None:
            self._grip.end(State.ABORTED, sentence="Another goal has taken its place.")
        self._grip = Grip(target_m=min(max(position_m, low), high))
        return self._grip

    # What the robot senses -------------------------------------------------------------------------------

    def believed(self) -> Pose:
        """Where the localisation has the robot: right, unless it was carried away."""
        return self._lost.compose(upright(self.base.pose))

    def seen(self) -> list[tuple[Tracked, Place]]:
        """The people as the tracker tells them, from what the cameras see now."""
        self.watch.lenses[self._head.name].optical = Lens.of(self._head, self._head_pose()).optical
        landmarks = {name: i.landmarks_m for name, i in self._inhabitants.items()}
        return self.watch.update(self.time_s, landmarks, self.walls.blocked)

    def scan(self) -> tuple[Lidar, Array]:
        """The lidar and its ranges in m, inf where nothing is met: neither things nor bodies."""
        lidar = self._lidar
        pose = upright(self.base.pose).compose(self.joints.pose(self.lidar_link)).compose(lidar.pose)
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
        ranges[ranges < lidar.min_range_m] = np.inf
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
            self._bumper_stuck = active
        elif kind is FaultKind.E_STOP:
            self.e_stop = active
        elif kind is FaultKind.WHEEL_SLIP:
            self.base.slipping = active
        elif kind is FaultKind.MOVED:
            self._carry_away() if active else self._find_again()
        elif kind is FaultKind.GRASP_SLIP:
            held = self._held()
            if active and held is not None:
                self._release(held)
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

    def _carry_away(self) -> None:
        """Put the robot down elsewhere, without its noticing."""
        believed, (x, y, yaw) = self.believed(), self.base.pose
        turn = float(self._draw.uniform(-math.pi, math.pi))
        for angle in np.linspace(turn, turn + 2.0 * math.pi, 16):
            there = (x + CARRIED_M * math.cos(angle), y + CARRIED_M * math.sin(angle))
            if self.walls.clearance_m(*there) >= RADIUS_M:
                self.base.pose = (*there, yaw)
                break
        self._lost = believed.compose(upright(self.base.pose).inverse())

    def _find_again(self) -> None:
        self._lost = Pose.identity()

    def spawn(self, model: str, name: str, pose: Pose) -> None:
        """Put an object or a person into the world."""
        names = [*self._inhabitants, *(m.name for m in self.world.models), *self._things, self.robot.name]
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
        self._inhabitants[person.id] = Inhabitant(self.recipe, person, (x, y, yaw), self.time_s)

    def _spawn_thing(self, model: str, name: str, pose: Pose) -> None:
        x, y, z = (float(n) for n in pose.position)
        qx, qy, qz, qw = (float(n) for n in pose.quaternion)
        item = Spawned(model, name, (x, y, z), (qx, qy, qz, qw))
        thing = thing_of(spawned_model(item))
        thing.model, thing.pose = model, pose
        self._things[name] = thing
        self._release(thing)
        # People who come later find it in their model; for those who are there it is out of reach.
        self.recipe = replace(self.recipe, spawned=(*self.recipe.spawned, item))

    def reset(self, world: str, seed: int) -> None:
        """Go back to the start, in this or another world; time goes on."""
        try:
            self._build(replace(self.recipe, world=world or self.recipe.world, seed=seed))
        except (DescriptionError, RecipeError) as error:
            raise RequestError(WORLD_UNKNOWN, str(error)) from None

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
        objects = tuple(ObjectTruth(t.name, t.model, t.pose, t.held_by) for t in self._things.values())
        return Truth(
            t_s=self.time_s,
            robot_pose=upright(self.base.pose),
            linear_m_s=self.base.linear_m_s,
            angular_rad_s=self.base.angular_rad_s,
            people=people,
            objects=objects,
            collisions=self._collisions,
            person_contacts=self._contacts,
        )

    def state_hash(self) -> str:
        """A fingerprint of everything's places."""
        numbers = [
            [self.time_s, *self.base.pose, *self.base.odometry, self.battery.charge],
            list(self.joints.positions.values()),
            *([*t.pose.position, *t.pose.quaternion] for t in self._things.values()),
            *(np.concatenate([i.data.qpos, i.data.qvel]) for i in self._inhabitants.values()),
        ]
        return hashlib.sha256(np.concatenate(numbers).astype(np.float64).tobytes()).hexdigest()


def _unknown(what: str, target: str, known: Sequence[str]) -> RequestError:
    there = ", ".join(known) or "none"
    return RequestError(
        UNKNOWN_TARGET, f"The field target names no {what}: {target[:40]!r}; there is {there}."
    )
