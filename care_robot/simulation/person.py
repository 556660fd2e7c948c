"""A person in a simulated home: does what it is told, falls under physics, lies, gets up.

While animated, the positions and velocities of the person's own joints are set every control period, so
that nothing moves the body; it meets the robot only. A fall hands the body to physics; getting up takes it
back. A person's hand holds what it takes by a weld, for as long as the world lasts; the robot's gripper
never does so.
"""

from __future__ import annotations

import zlib

import mujoco
import numpy as np

from care_robot.perception.posture import Posture
from care_robot.simulation import world as places
from care_robot.simulation.resident import SEGMENTS, Resident, add_resident
from care_robot.simulation.resident_acts import Script
from care_robot.simulation.resident_body import Array, heading, rotated, rotation_between, still
from care_robot.simulation.resident_fall import LYING_HEIGHT_M, Limp, Stumble
from care_robot.simulation.resident_hand import Hand, add_hand
from care_robot.simulation.resident_landmarks import Landmarks
from care_robot.simulation.resident_motion import Motion, Seat, Support
from care_robot.simulation.resident_orders import IMPOSSIBLE, Act, ActError, Orders, check, on_floor
from care_robot.simulation.resident_route import NoWayError, routes
from care_robot.simulation.resident_skin import dress
from care_robot.simulation.resident_stage import Body, UnreachableError
from care_robot.simulation.resident_steps import Place
from care_robot.simulation.resident_stumbles import falling, sliding
from care_robot.simulation.resident_words import ActKind
from care_robot.simulation.walking_aid import WalkingAid, add_walking_aid
from care_robot.simulation.world import PlaceKind, World

__all__ = ["Act", "ActError", "ActKind", "Person", "Posture", "add_person"]

_ARM_M = 1.2  # nothing to take is farther from the hand
_RIGID = 1e4  # kg m²: an animated body keeps its velocities, whatever touches it or pulls at it
_KNOT_S = 0.04  # frames are made so often, and interpolated between
_LEVEL = 0.5  # cosine of the trunk to the vertical, below which somebody lies


def add_person(spec: mujoco.MjSpec, person_id: str, resident: Resident, *, dressed: bool = True) -> None:
    """Add `resident`, with walking aid, to `spec` under the name `person_id`; naked is ready much sooner."""
    add_resident(spec, resident, person_id)
    if dressed:
        dress(spec, resident, person_id)
    add_walking_aid(spec, resident, person_id)
    add_hand(spec, person_id)


class Person:
    """Somebody whom `add_person` put into the model.

    Parameters
    ----------
    start : care_robot.simulation.world.Place or (x, y, yaw)
        Where the person stands at first; sits or lies, where it is a seat or a bed. m, rad.
    seed : int
        Draws how falls go, together with the person's id.

    Attributes
    ----------
    doing, doing_since_s : ActKind, float
        The last act, and since when.
    said : list of str
        What was said and nobody took from the list yet.
    """

    def __init__(  # noqa: PLR0917 (as all parts of a home are made)
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        person_id: str,
        resident: Resident,
        world: World,
        start: places.Place | tuple[float, float, float],
        seed: int = 0,
    ) -> None:
        self.id, self.resident = person_id, resident
        self.said: list[str] = []
        self.doing, self.doing_since_s = ActKind.STAND, float(data.time)
        self._model, self._data, self._world = model, data, world
        self._draw = np.random.default_rng((seed, zlib.crc32(person_id.encode())))
        self._body = Body(resident, routes(world))
        self._landmarks = Landmarks(model, person_id, resident.height_m)
        self._aid = WalkingAid(model, data, resident, person_id)
        self._hand = Hand(model, data, person_id, resident.height_m)
        self._orders = Orders(world, self._body, lambda: self._hand.nearest(_ARM_M))
        bodies = [model.body(f"{person_id}/{segment.name}").id for segment in SEGMENTS]
        self._geoms = np.flatnonzero(np.isin(model.geom_bodyid, bodies) & (model.geom_contype != 0))
        self._pelvis, self._thorax = (model.body(f"{person_id}/{name}").id for name in ("pelvis", "thorax"))
        root = model.joint(f"{person_id}/root")
        self._q = slice(int(root.qposadr[0]), int(root.qposadr[0]) + self._body.skeleton.size)
        self._v = slice(int(root.dofadr[0]), int(root.dofadr[0]) + self._body.skeleton.size - 1)
        self._own_armature = model.dof_armature[self._v].copy()
        model.dof_armature[self._v] = _RIGID
        self._motions: list[tuple[float, Motion]] = []  # with the times at which they begin
        self._limp: Limp | None = None
        self._stumble: Stumble | None = None  # to come when the motions are over
        self._support, frame = self._first(start)
        self._rest = frame
        self._knots = (float(data.time), frame, float(data.time) + _KNOT_S, frame)
        self._rate = np.zeros(self._body.skeleton.size - 1)
        data.qpos[self._q] = frame
        data.qvel[self._v] = 0.0
        seat = self._support.seat
        self._aid.follow(self._support.place if seat is None else seat.edge.ahead(0.1))

    def _first(self, start: places.Place | tuple[float, float, float]) -> tuple[Support, Array]:
        if isinstance(start, tuple):
            return Support(Posture.STANDING, Place(*start)), self._body.standing(Place(*start))
        place = on_floor(start)
        if start.kind is PlaceKind.SEAT:
            seat = Seat(place, float(start.pose.position[2]))
            self.doing = ActKind.SIT
            return Support(Posture.SITTING, place, seat), self._body.on_seat(seat)
        if start.kind is PlaceKind.BED:
            height_m = float(start.pose.position[2])
            seat = self._body.bed_seat(place, height_m, (place.x_m, place.y_m))
            self.doing = ActKind.LIE_ON_FURNITURE
            return Support(Posture.LYING_ON_FURNITURE, seat.edge, seat), self._body.in_bed(seat)
        return Support(Posture.STANDING, place), self._body.standing(place)

    # --- what is seen of the person -------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether an act is going on: something moves, or falls, by the person's own doing."""
        if self._limp is not None:
            return self._limp.moves or self._limp.falls
        return bool(self._motions) or self._stumble is not None

    @property
    def posture(self) -> Posture:
        """What the body does now; UNKNOWN while it falls."""
        if self._limp is not None:
            return self._limp_posture()
        if self._motions:
            start_s, motion = self._motions[0]
            half = self._knots[2] - start_s > 0.5 * motion.duration_s
            return motion.after if half else motion.before
        return self._support.posture

    def _limp_posture(self) -> Posture:
        data = self._data
        hips_m, chest_m = data.xpos[self._pelvis, 2], data.xpos[self._thorax, 2]
        upright = data.xmat[self._thorax, 8]
        if max(hips_m, chest_m) < LYING_HEIGHT_M:
            return Posture.LYING_ON_FLOOR
        if np.linalg.norm(data.cvel[self._pelvis, 3:]) > 0.3:
            return Posture.UNKNOWN
        if abs(upright) < _LEVEL and hips_m >= LYING_HEIGHT_M:
            return Posture.LYING_ON_FURNITURE
        if upright >= _LEVEL and hips_m < LYING_HEIGHT_M:
            return Posture.SITTING
        return Posture.UNKNOWN

    @property
    def hips_m(self) -> tuple[float, float, float]:
        """Midway between the hips, m, as of the last step or `mj_forward`."""
        x, y, z = self._data.xpos[self._pelvis]
        return float(x), float(y), float(z)

    def landmarks_m(self) -> Array:
        """Return MediaPipe's landmarks (33, 3), m, in the map frame, as of the last step or `mj_forward`."""
        return self._landmarks.of(self._data)

    def nearest_distance_m(self, xy: tuple[float, float]) -> float:
        """Return the level distance, m, from a point to the nearest part of the body; 0 within it."""
        data, geoms = self._data, self._geoms
        radius, half = self._model.geom_size[geoms, 0], self._model.geom_size[geoms, 1]
        axis = data.geom_xmat[geoms][:, (2, 5)] * half[:, None]  # half of the capsule, seen from above
        gap = np.asarray(xy) - data.geom_xpos[geoms, :2]
        length2 = np.maximum((axis**2).sum(axis=1), 1e-12)
        along = np.clip((gap * axis).sum(axis=1) / length2, -1.0, 1.0)
        distance = np.linalg.norm(gap - along[:, None] * axis, axis=1) - radius
        return max(0.0, float(distance.min()))

    @property
    def holds(self) -> str:
        """Name of the body that the right hand holds, empty for none."""
        return self._hand.holds

    # --- acting ---------------------------------------------------------------------------------

    def act(self, act: Act, now_s: float) -> None:
        """Begin an act. It replaces a walk at once, and waits for the end of any other single motion.

        Raises
        ------
        ActError
            The act cannot be done; the person goes on as before.
        """
        check(act)
        if act.kind is ActKind.SAY:
            self.said.append(act.text.strip())
            return
        try:
            self._begin(act, now_s)
        except (UnreachableError, NoWayError) as error:
            raise ActError(IMPOSSIBLE, str(error)) from None
        self.doing, self.doing_since_s = act.kind, now_s

    def _begin(self, act: Act, now_s: float) -> None:
        if act.kind is ActKind.MOVE:
            self._move(now_s)
            return
        if act.kind in (ActKind.FALL, ActKind.SLIDE):
            self._begin_fall(act, now_s)
            return
        if self._stumble is not None:
            raise ActError(IMPOSSIBLE, "The person is falling: wait until he or she lies.")
        if self._limp is not None:
            self._get_up_after_fall(self._limp, act, now_s)
            return
        kept = [self._motions[0]] if self._motions and not self._motions[0][1].yields else []
        if kept:
            start_s, motion = kept[0]
            script = Script(self._body, motion.at(motion.duration_s), motion.ends, act.speed)
            begin_s = start_s + motion.duration_s
        else:
            script = Script(self._body, self._frame(now_s), self._support, act.speed)
            begin_s = now_s
            if self._motions:
                place = self._body.feet(script.q)
                script.support = Support(Posture.STANDING, place)
                script.stop()
        self._orders.write(script, act)
        self._play([*kept, *_timed(begin_s, script.motions)], script, now_s)

    # --- falling and lying ----------------------------------------------------------------------

    def _begin_fall(self, act: Act, now_s: float) -> None:
        support = self._support
        if self._limp is not None or self._stumble is not None:
            raise ActError(IMPOSSIBLE, "The person is down already.")
        if support.posture is Posture.LYING_ON_FLOOR and not self._motions:
            raise ActError(IMPOSSIBLE, "The person lies on the floor already.")
        script = Script(self._body, self._frame(now_s), support, act.speed)
        plan = sliding if act.kind is ActKind.SLIDE else falling
        stumble = plan(script, act.heading_rad, self._draw, moving=bool(self._motions))
        self._play(_timed(now_s, script.motions), script, now_s)
        self._stumble = stumble
        if not script.motions:
            self._let_go(stumble, now_s)

    def _let_go(self, stumble: Stumble, now_s: float) -> None:
        self._aid.drop()
        self._limp = self._go_limp(stumble, now_s)
        self._stumble = None
        self._motions = []

    def _go_limp(self, stumble: Stumble, now_s: float) -> Limp:
        self._model.dof_armature[self._v] = self._own_armature
        return Limp(self._model, self._data, self.resident, stumble, now_s=now_s, person_id=self.id)

    def _move(self, now_s: float) -> None:
        if self._stumble is not None:
            raise ActError(IMPOSSIBLE, "The person is falling: wait until he or she lies.")
        if self._limp is None:
            if self._motions or self._support.posture is not Posture.LYING_ON_FLOOR:
                raise ActError(IMPOSSIBLE, "Only somebody who lies on the floor moves arms and legs so.")
            self._limp = self._go_limp(Stumble(0.0, 0.0), now_s)
        self._limp.move(now_s, float(self._draw.uniform(4.0, 6.0)), self._draw)

    def _get_up_after_fall(self, limp: Limp, act: Act, now_s: float) -> None:
        if act.kind is not ActKind.GET_UP:
            raise ActError(IMPOSSIBLE, "The person lies on the floor: get up first.")
        if limp.falls:
            raise ActError(IMPOSSIBLE, "The person is still falling: wait until he or she lies.")
        q = still(self._data.qpos[self._q])
        place = Place(float(q[0]), float(q[1]), heading(q))
        script = Script(self._body, q, Support(Posture.LYING_ON_FLOOR, place), act.speed)
        script.get_up_from_floor()
        limp.end()
        self._model.dof_armature[self._v] = _RIGID
        self._limp = None
        self._knots = (now_s, q, now_s, q)
        self._play(_timed(now_s, script.motions), script, now_s)

    # --- moving ---------------------------------------------------------------------------------

    def _play(self, motions: list[tuple[float, Motion]], script: Script, now_s: float) -> None:
        frame = self._frame(now_s)
        self._motions = motions
        if motions:
            self._rest = motions[-1][1].at(motions[-1][1].duration_s)
        else:
            self._rest, self._support = frame, script.support
        self._knots = (now_s, frame, now_s, frame)

    def _frame(self, t_s: float) -> Array:
        """Return the frame that is interpolated between the knots."""
        start_s, first, end_s, _ = self._knots
        if self._limp is not None:
            return still(self._data.qpos[self._q])
        ahead_s = min(max(t_s, start_s), end_s) - start_s
        q = first.copy()
        q[:3] += ahead_s * self._rate[:3]
        q[3:7] = rotated(first[3:7], ahead_s * self._rate[3:6])
        q[7:] += ahead_s * self._rate[6:]
        return q

    def _advance(self, now_s: float) -> None:
        """Make the next knot."""
        while self._motions and now_s >= self._motions[0][0] + self._motions[0][1].duration_s - 1e-9:
            _, motion = self._motions.pop(0)
            self._support = motion.ends
            if motion.grasps:
                self._hand.close()
        frame = self._frame(now_s)
        end_s, last = now_s + _KNOT_S, self._rest
        for start_s, motion in self._motions:
            if end_s < start_s + motion.duration_s:
                last = motion.at(end_s - start_s)
                break
        self._knots = (now_s, frame, end_s, last)
        self._rate = np.concatenate(
            [last[:3] - frame[:3], rotation_between(frame[3:7], last[3:7]), last[7:] - frame[7:]]
        )
        self._rate /= _KNOT_S
        if self.posture in (Posture.STANDING, Posture.WALKING):
            self._aid.follow(self._pelvis_place(frame))

    def before_step(self, now_s: float, dt_s: float) -> None:
        """Set the joints, or the forces of a limp body, for the coming `dt_s`."""
        if self._limp is None and now_s >= self._knots[2] - 1e-9:
            self._advance(now_s)
            if self._stumble is not None and not self._motions:
                self._let_go(self._stumble, now_s)
        self._aid.before_step()
        if self._limp is not None:
            self._limp.before_step(now_s)
            return
        self._data.qpos[self._q] = self._frame(now_s)
        self._data.qvel[self._v] = self._rate

    def _pelvis_place(self, q: Array) -> Place:
        return Place(float(q[0]), float(q[1]), heading(q))


def _timed(start_s: float, motions: list[Motion]) -> list[tuple[float, Motion]]:
    timed = []
    for motion in motions:
        timed.append((start_s, motion))
        start_s += motion.duration_s
    return timed
