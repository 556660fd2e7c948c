"""The stage of ``bench falls``: plays a trial's story with one simulated body, and takes its pictures.

The story is played first, under physics and without a picture. Then a place for the camera is sought from
which it is seen, and only what that camera saw is rendered. What really happened is known here alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import mujoco
import numpy as np
from numpy.typing import NDArray

from care_robot.care.places import read_places
from care_robot.evaluation.fall_bench_recipe import BODY_SEEDS, LIGHTS, Part, Trial, world_of
from care_robot.evaluation.fall_bench_story import ActNow, Cast, Plot, plot
from care_robot.evaluation.fall_bench_view import (
    ASPECT,
    FOCAL,
    FOVY_DEG,
    FPS,
    HEIGHT_PX,
    WIDTH_PX,
    Played,
    Truth,
    project,
)
from care_robot.geometry import OPTICAL, Pose
from care_robot.perception.bodies import Body
from care_robot.perception.posture import Posture
from care_robot.simulation.building import SHARE, load_world
from care_robot.simulation.mujoco_model import (
    COLLISION_GROUP,
    CONTROL_S,
    TIMESTEP_S,
    add_look,
    add_model,
    compile_spec,
    new_spec,
    quaternion,
)
from care_robot.simulation.person import Act, ActError, Person, add_person
from care_robot.simulation.rendering import Renderer
from care_robot.simulation.resident import Resident
from care_robot.simulation.resident_body import heading
from care_robot.simulation.resident_route import NoWayError

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]

PLACES = SHARE / "config" / "places"

_CAMERA = "trial_camera"
# From x ahead, y left, z up to what MuJoCo's cameras have: x right, y up, z back.
_LOOK = OPTICAL.compose(Pose.from_rpy(0, 0, 0, roll=math.pi))
_PARTS = ("head", "thorax", "pelvis", "foot_l", "foot_r")
_KEPT = (
    *("dof_armature", "dof_damping", "geom_friction", "geom_priority", "geom_contype", "geom_conaffinity"),
    *("body_contype", "body_conaffinity", "eq_data", "eq_obj2id", "geom_group"),
)
"""What people change in the model."""
_HIDDEN = 4  # a group that is not drawn
_ATTEMPTS, _PLACES = 12, 80
_TILES = 8


class StagingError(Exception):
    """A trial for which no story or no camera was found."""


@dataclass
class _Acted:
    """A story without a camera yet."""

    states: list[Array]
    postures: list[Posture]
    begin_s: float
    end_s: float


class Stage:
    """One body in its world, ready for trials; a context manager.

    Raises
    ------
    RenderingError
        This machine cannot render.
    """

    def __init__(self, seed: int, body: int, *, visitor: bool, render: bool = True) -> None:
        self.world = load_world(world_of(body))
        self.places = read_places(PLACES / f"{self.world.name}.yaml")
        first = BODY_SEEDS + 1000 * seed + 2 * body
        self.residents = {"resident": Resident.from_seed(first)}
        if visitor:
            self.residents["visitor"] = Resident.from_seed(first + 1)
        spec = new_spec()
        spec.visual.quality.offsamples = 0  # the lens blurs as much, in a third of the time
        add_look(spec, self.world)
        for model in self.world.models:
            add_model(spec, model, dressed=render)
        for name, resident in self.residents.items():
            add_person(spec, name, resident, dressed=render)
        _add_load(spec, "resident")
        spec.worldbody.add_camera(name=_CAMERA, fovy=FOVY_DEG)
        self.model = compile_spec(spec)
        self.data = mujoco.MjData(self.model)
        self._pristine = {name: getattr(self.model, name).copy() for name in _KEPT}
        self._root = int(self.model.joint("resident/root").qposadr[0])
        self._bodies = {part: int(self.model.body(f"resident/{part}").id) for part in _PARTS}
        self._mine = np.array([n.startswith("resident/") for n in _geom_names(self.model)])
        self._renderer = Renderer(self.model, WIDTH_PX, HEIGHT_PX) if render else None
        noise = np.random.default_rng((seed, 51)).standard_normal((_TILES, HEIGHT_PX, WIDTH_PX, 1))
        self._noise = np.repeat(noise.astype(np.float32), 3, axis=3) if render else None
        self.people: dict[str, Person] = {}

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        if self._renderer is not None:
            self._renderer.__exit__(None, None, None)

    # --- the story ------------------------------------------------------------------------------

    def play(self, trial: Trial) -> Played:
        """Play the story of a trial; StagingError where none could be made."""
        for attempt in range(_ATTEMPTS):
            draw = np.random.default_rng((trial.seed, 52, list(Part).index(trial.part), trial.n, attempt))
            try:
                played = self._try(trial, draw)
            except (ActError, NoWayError):
                continue
            if played is not None:
                return played
        raise StagingError(f"No camera sees the story of {trial.name} in {_ATTEMPTS} tries.")

    def _try(self, trial: Trial, draw: np.random.Generator) -> Played | None:
        told = plot(trial, Cast(self.world, self.residents["resident"]), draw)
        if told is None:
            return None
        states, postures, track = self._act(trial, told, draw)
        times = track[:, 0]
        begin_s = end_s = math.nan
        if trial.part is Part.LYING and told.from_s is not None:
            if postures[0] is not Posture.LYING_ON_FLOOR:
                return None
            begin_s = end_s = 0.0
        elif told.falls:
            down = np.flatnonzero((track[:, 1:3].max(axis=1) < 0.35) & (times > told.key_s))
            if not len(down):
                return None
            end = int(down[0])
            end_s, begin_s = float(times[end]), _begin(times, track[:, 3], told.key_s, end)
            last = math.ceil((end_s + told.after_s) * FPS)
            if last >= len(states):
                return None
            states, postures = states[:last], postures[:last]
        return self._seen(trial, told, draw, _Acted(states, postures, begin_s, end_s))

    def _act(
        self, trial: Trial, told: Plot, draw: np.random.Generator
    ) -> tuple[list[Array], list[Posture], Array]:
        """Play; the states and postures at every picture, and (n, 4) time, pelvis, chest, head heights."""
        model, data = self.model, self.data
        for name, values in self._pristine.items():
            getattr(model, name)[:] = values
        mujoco.mj_resetData(model, data)
        _show_load(model, trial.carries)
        seeds = draw.integers(2**31, size=2)
        starts = {"resident": told.start, "visitor": told.visitor_start}
        self.people = {
            name: Person(model, data, name, resident, self.world, starts[name], int(seed))
            for (name, resident), seed in zip(self.residents.items(), seeds, strict=False)
        }
        for person in self.people.values():
            person.before_step(0.0, CONTROL_S)  # puts walking aids where they belong
        mujoco.mj_forward(model, data)
        cues = sorted(told.cues, key=lambda cue: (not cue.before, cue.at_s))
        states: list[Array] = []
        postures: list[Posture] = []
        track = []
        steps = round(CONTROL_S / TIMESTEP_S)
        resident = self.people["resident"]
        shift_s = 0.0  # of the time of pictures, where they begin later than the story
        begun = told.from_s is None
        calm_s, tick = 0.0, 0
        while True:
            now_s = tick * CONTROL_S
            if not begun and told.from_s is not None and now_s >= told.from_s and not resident.busy:
                begun, shift_s = True, now_s
            t_s = now_s - shift_s
            while cues and (begun or cues[0].before) and cues[0].at_s <= (now_s if cues[0].before else t_s):
                cue = cues.pop(0)
                self.people[cue.who].act(self._now(cue.act), now_s)
            if begun and round(t_s * 100) % (100 // FPS) == 0:
                states.append(data.qpos.copy())
                postures.append(resident.posture)
                calm_s = 0.0 if resident.busy or cues else calm_s + 1 / FPS
                if t_s >= told.longest_s or (t_s >= told.shortest_s and calm_s >= told.after_s):
                    break
            if begun:
                track.append((t_s, *(float(data.xpos[self._bodies[p], 2]) for p in _HEIGHTS)))
            for person in self.people.values():
                person.before_step(now_s, CONTROL_S)
            mujoco.mj_step(model, data, steps)
            tick += 1
            if now_s > 60.0:
                break
        return states, postures, np.array(track)

    def _now(self, act: Act | ActNow) -> Act:
        """The act, told where the resident faces."""
        return act(heading(self.data.qpos[self._root : self._root + 7])) if callable(act) else act

    # --- the camera -----------------------------------------------------------------------------

    def _seen(self, trial: Trial, told: Plot, draw: np.random.Generator, acted: _Acted) -> Played | None:
        """Seek a place for the camera; None where there is none."""
        states, begin_s, end_s = acted.states, acted.begin_s, acted.end_s
        places = np.array([self._parts(state) for state in states])  # (frames, parts, 3)
        key = min(round((told.key_s if math.isnan(begin_s) else begin_s) * FPS), len(states) - 1)
        where = places[key, _PARTS.index("pelvis"), :2]
        room = self.world.room_at(float(where[0]), float(where[1]))
        towards = self._direction(trial, states, places, key, end_s)
        if not room:
            return None
        last = len(states) if math.isnan(told.seen_until_s) else round(told.seen_until_s * FPS)
        for n in range(_PLACES):
            wish = trial.octant if n < _PLACES // 2 else int(draw.integers(8))
            off = math.radians(45.0) * wish + float(draw.uniform(-0.39, 0.39))
            distance_m = trial.distance_m if n < 10 else float(draw.uniform(1.5, 4.0))
            line = towards - off  # of sight, as seen from above
            height_m, pitch = trial.camera.value
            eye = np.array([*(where - distance_m * np.array([math.cos(line), math.sin(line)])), height_m])
            if self.world.room_at(float(eye[0]), float(eye[1])) != room:
                continue
            yaw = line + float(draw.uniform(-0.15, 0.15))
            pose = Pose.from_rpy(*(float(c) for c in eye), pitch=pitch, yaw=yaw)
            in_sight = self._in_sight(pose, states[:last:5], places[:last:5])
            settled = in_sight[-4:, :3].mean()  # head and trunk, at the end
            if in_sight.mean() < 0.7 or settled < 0.6 or in_sight[key // 5, :3].mean() < 0.6:
                continue
            truth = Truth(begin_s, end_s, wish, round(distance_m, 2), round(float(in_sight.mean()), 2), room)
            return Played(trial, truth, states, acted.postures, pose)
        return None

    def _direction(self, trial: Trial, states: list[Array], places: Array, key: int, end_s: float) -> float:
        """In which direction of the map it happens: of the fall, of the lying body, or faced."""
        if math.isnan(end_s):
            return heading(states[key][self._root : self._root + 7])
        head, pelvis = places[:, _PARTS.index("head"), :2], places[:, _PARTS.index("pelvis"), :2]
        end = min(round(end_s * FPS) + FPS, len(states) - 1)
        level = head[end] - (pelvis[end] if trial.part is Part.LYING else head[key])
        return math.atan2(float(level[1]), float(level[0]))

    def _pose(self, state: Array) -> None:
        self.data.qpos[:] = state
        mujoco.mj_kinematics(self.model, self.data)

    def _parts(self, state: Array) -> Array:
        self._pose(state)
        return np.array([self.data.xpos[body] for body in self._bodies.values()])

    def _in_sight(self, camera: Pose, states: list[Array], places: Array) -> Array:
        """Whether each part is in the picture and not hidden, (frames, parts), 0 or 1."""
        optical = camera.compose(OPTICAL).inverse()
        groups = np.zeros(6, dtype=np.uint8)
        groups[COLLISION_GROUP] = 1
        hit = np.zeros(1, dtype=np.int32)
        seen = np.zeros(places.shape[:2])
        eye = np.asarray(camera.position, dtype=np.float64)
        for i, state in enumerate(states):
            self._pose(state)
            for j, point in enumerate(places[i]):
                x, y, z = optical.apply(point)
                if z < 0.3 or abs(FOCAL * x / z) > 0.49 * ASPECT or abs(FOCAL * y / z) > 0.49:
                    continue
                share = mujoco.mj_ray(self.model, self.data, eye, point - eye, groups, 1, -1, hit)
                seen[i, j] = not 0.0 <= share < 1.0 or self._mine[hit[0]]
        return seen

    # --- the pictures ---------------------------------------------------------------------------

    def pictures(self, played: Played) -> Iterator[Picture]:
        """What the camera took, (480, 640, 3) RGB, ten a second."""
        assert self._renderer is not None and self._noise is not None  # noqa: S101, PT018
        camera = self.model.camera(_CAMERA).id
        self.model.cam_pos[camera] = played.camera.position
        self.model.cam_quat[camera] = quaternion(played.camera.compose(_LOOK))
        _show_load(self.model, played.trial.carries)
        brightness, grain = LIGHTS[played.trial.light]
        for n, state in enumerate(played.states):
            self.data.qpos[:] = state
            mujoco.mj_kinematics(self.model, self.data)
            mujoco.mj_comPos(self.model, self.data)
            mujoco.mj_camlight(self.model, self.data)
            sharp = self._renderer.render(self.data, _CAMERA, WIDTH_PX, HEIGHT_PX)
            blurred = cv2.GaussianBlur(np.ascontiguousarray(sharp), (3, 3), 0.7).astype(np.float32)
            noisy = cv2.addWeighted(blurred, brightness, self._noise[n % _TILES], grain, 0.0)
            yield np.asarray(np.clip(noisy, 0, 255), dtype=np.uint8)

    def landmarks(self, played: Played, n: int, who: str = "resident") -> Body:
        """Where somebody's landmarks really are in picture `n`: what a perfect pose model would say."""
        self._pose(played.states[n])
        return project(self.people[who].landmarks_m(), played.camera)


_HEIGHTS = ("pelvis", "thorax", "head")


def _begin(times: Array, head_m: Array, key_s: float, end: int) -> float:
    """When a fall that ends at index `end` began: the head has come down by a tenth of its way."""
    first = int(np.searchsorted(times, key_s))
    top = head_m[first : end + 1].max()
    high = np.flatnonzero(head_m[: end + 1] >= top - 0.1 * (top - head_m[end]))
    return float(times[high[-1]])


def _geom_names(model: mujoco.MjModel) -> list[str]:
    return [model.geom(i).name for i in range(model.ngeom)]


def _add_load(spec: mujoco.MjSpec, person_id: str) -> None:
    """Put a bag and a tray into the right hand; both are hidden until shown."""
    hand = spec.body(f"{person_id}/hand_r")
    for name, place, size, rgba in (
        ("bag", (0.0, -0.02, -0.28), (0.14, 0.05, 0.16), (0.75, 0.70, 0.58, 1.0)),
        ("tray", (0.12, 0.12, -0.09), (0.13, 0.19, 0.012), (0.55, 0.35, 0.20, 1.0)),
    ):
        hand.add_geom(
            name=f"{person_id}/load/{name}",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=place,
            size=size,
            rgba=rgba,
            contype=0,
            conaffinity=0,
            mass=0.0,
            group=_HIDDEN,
        )


def _show_load(model: mujoco.MjModel, carried: str) -> None:
    for name in ("bag", "tray"):
        model.geom_group[model.geom(f"resident/load/{name}").id] = 0 if name == carried else _HIDDEN
