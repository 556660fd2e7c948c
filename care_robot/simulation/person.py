"""A person in a simulated home: does what it is told, falls under physics, lies, gets up.

While animated, the positions and velocities of the person's own joints are set every control period, so
that nothing moves the body; it meets the robot only. A fall hands the body to physics; getting up takes it
back. A person's hand holds what it takes by a weld, for as long as the world lasts; the robot's gripper
never does so.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import mujoco
import numpy as np

from care_robot.simulation import world as places
from care_robot.simulation.resident import SEGMENTS, Resident, add_resident
from care_robot.simulation.resident_acts import Body, Script, UnreachableError
from care_robot.simulation.resident_body import Array, heading, rotated, rotation_between, still
from care_robot.simulation.resident_fall import LYING_HEIGHT_M, Limp, Stumble
from care_robot.simulation.resident_hand import Hand, add_hand
from care_robot.simulation.resident_landmarks import Landmarks
from care_robot.simulation.resident_motion import Motion, Seat, Support
from care_robot.simulation.resident_route import NoWayError, routes
from care_robot.simulation.resident_skin import dress
from care_robot.simulation.resident_steps import Place
from care_robot.simulation.resident_stumbles import falling, sliding
from care_robot.simulation.resident_words import ActKind, PostureKind
from care_robot.simulation.walking_aid import WalkingAid, add_walking_aid
from care_robot.simulation.world import PlaceKind, World

__all__ = ["Act", "ActError", "ActKind", "Person", "PostureKind", "add_person"]

INVALID, IMPOSSIBLE = 1, 3
MAX_SPEED = 3.0
_KNOT_S = 0.04  # frames are made so often, and interpolated between
_LEVEL = 0.5  # cosine of the trunk to the vertical, below which somebody lies


class ActError(Exception):
    """An act that cannot be done; `code` is INVALID or IMPOSSIBLE of SimResident.srv."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Act:
    """What a person is told to do; fields as in SimResident.srv, lengths m, angles rad, in the map frame."""

    kind: ActKind
    target: tuple[float, float, float] | None = None
    place: str = ""
    heading_rad: float = 0.0
    speed: float = 1.0
    text: str = ""


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

    def __init__(
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
        bodies = [model.body(f"{person_id}/{segment.name}").id for segment in SEGMENTS]
        self._geoms = np.flatnonzero(np.isin(model.geom_bodyid, bodies) & (model.geom_contype != 0))
        self._pelvis, self._thorax = (model.body(f"{person_id}/{name}").id for name in ("pelvis", "thorax"))
        root = model.joint(f"{person_id}/root")
        self._q = slice(int(root.qposadr[0]), int(root.qposadr[0]) + self._body.skeleton.size)
        self._v = slice(int(root.dofadr[0]), int(root.dofadr[0]) + self._body.skeleton.size - 1)
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
            return Support(PostureKind.STANDING, Place(*start)), self._body.standing(Place(*start))
        place = _on_floor(start)
        if start.kind is PlaceKind.SEAT:
            seat = Seat(place, float(start.pose.position[2]))
            self.doing = ActKind.SIT
            return Support(PostureKind.SITTING, place, seat), self._body.on_seat(seat)
        if start.kind is PlaceKind.BED:
            height_m = float(start.pose.position[2])
            seat = self._body.bed_seat(place, height_m, (place.x_m, place.y_m))
            self.doing = ActKind.LIE_ON_FURNITURE
            return Support(PostureKind.LYING_ON_FURNITURE, seat.edge, seat), self._body.in_bed(seat)
        return Support(PostureKind.STANDING, place), self._body.standing(place)

    # --- what is seen of the person -------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether an act is going on: something moves, or falls, by the person's own doing."""
        if self._limp is not None:
            return self._limp.moves or self._limp.falls
        return bool(self._motions) or self._stumble is not None

    @property
    def posture(self) -> PostureKind:
        """What the body does now; UNKNOWN while it falls."""
        if self._limp is not None:
            return self._limp_posture()
        if self._motions:
            start_s, motion = self._motions[0]
            half = self._knots[2] - start_s > 0.5 * motion.duration_s
            return motion.after if half else motion.before
        return self._support.posture

    def _limp_posture(self) -> PostureKind:
        data = self._data
        hips_m, chest_m = data.xpos[self._pelvis, 2], data.xpos[self._thorax, 2]
        upright = data.xmat[self._thorax, 8]
        if max(hips_m, chest_m) < LYING_HEIGHT_M:
            return PostureKind.LYING_ON_FLOOR
        if np.linalg.norm(data.cvel[self._pelvis, 3:]) > 0.3:
            return PostureKind.UNKNOWN
        if abs(upright) < _LEVEL and hips_m >= LYING_HEIGHT_M:
            return PostureKind.LYING_ON_FURNITURE
        if upright >= _LEVEL and hips_m < LYING_HEIGHT_M:
            return PostureKind.SITTING
        return PostureKind.UNKNOWN

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
        _check(act)
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
            self._get_up_after_fall(act, now_s)
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
                script.support = Support(PostureKind.STANDING, place)
                script.stop()
        self._write(script, act)
        self._play([*kept, *_timed(begin_s, script.motions)], script, now_s)

    def _write(self, script: Script, act: Act) -> None:
        """Add the motions of `act` to `script`."""
        posture, kind = script.support.posture, act.kind
        if posture is PostureKind.LYING_ON_FLOOR:
            if kind is ActKind.LIE_ON_FLOOR:
                return
            if kind is not ActKind.GET_UP:
                raise ActError(IMPOSSIBLE, "The person lies on the floor: get up first.")
            script.get_up_from_floor()
            return
        if kind is ActKind.GET_UP and posture is PostureKind.STANDING:
            raise ActError(IMPOSSIBLE, "The person stands already.")
        if kind is ActKind.TAKE:
            script.take(self._offered(act))
            return
        where = None if kind in _ON_THE_SPOT else self._place(act, script)
        if kind is ActKind.SIT and where is not None and script.support.posture is PostureKind.SITTING:
            seat = script.support.seat
            if seat is not None and seat.edge == _on_floor(where):
                return
        script.stand()
        match kind:
            case ActKind.WALK:
                self._walk(script, act, where)
            case ActKind.SIT:
                assert where is not None
                script.sit(self._seat(where, script))
            case ActKind.LIE_ON_FURNITURE:
                assert where is not None
                seat = self._seat(where, script)
                script.sit(seat)
                script.lie_down(seat)
            case ActKind.LIE_ON_FLOOR:
                script.lie_on_floor()
            case ActKind.BEND:
                script.bend()
            case ActKind.CROUCH:
                script.crouch()
            case ActKind.KNEEL:
                script.kneel()
            case ActKind.PICK_UP:
                if act.target is None:
                    raise ActError(INVALID, "The field target is missing: name the point to pick up from.")
                script.pick_up(np.asarray(act.target))
            case _:
                pass

    def _walk(self, script: Script, act: Act, where: places.Place | None) -> None:
        if where is None:
            if act.target is None:
                raise ActError(INVALID, "The fields place and target are empty: name where to walk.")
            script.walk_to(act.target[0], act.target[1])
            return
        spot, reach_m = _on_floor(where), 0.6
        if where.kind is PlaceKind.SEAT:
            spot = spot.ahead(0.45)
        elif where.kind is not PlaceKind.SPOT:
            reach_m = 1.5
        facing = spot.yaw_rad if where.kind in (PlaceKind.SPOT, PlaceKind.SEAT) else None
        script.walk_to(spot.x_m, spot.y_m, facing, within_m=reach_m)

    def _place(self, act: Act, script: Script) -> places.Place | None:
        """Return the place that an act names or means; None for a bare target."""
        if act.place:
            try:
                place = self._world.place(act.place)
            except KeyError:
                raise ActError(
                    INVALID,
                    f"The world {self._world.name} has no place {act.place[:40]!r}: it has "
                    f"{', '.join(p.name for p in self._world.places) or 'none'}.",
                ) from None
        else:
            wanted = _FURNITURE.get(act.kind)
            if wanted is None:
                return None
            here = script.support.place
            x_m, y_m = act.target[:2] if act.target is not None else (here.x_m, here.y_m)
            nearest = self._world.nearest(wanted, x_m, y_m)
            if nearest is None:
                raise ActError(IMPOSSIBLE, f"The world {self._world.name} has no {wanted.value}.")
            place = nearest
        if act.kind is ActKind.LIE_ON_FURNITURE and place.kind is not PlaceKind.BED:
            raise ActError(IMPOSSIBLE, f"Nobody can lie on {place.name}: name a bed.")
        if act.kind is ActKind.SIT and place.kind not in (PlaceKind.SEAT, PlaceKind.BED):
            raise ActError(IMPOSSIBLE, f"Nobody can sit on {place.name}: name a seat or a bed.")
        return place

    def _seat(self, place: places.Place, script: Script) -> Seat:
        spot, height_m = _on_floor(place), float(place.pose.position[2])
        if place.kind is PlaceKind.SEAT:
            return Seat(spot, height_m)
        here = script.support.place
        return self._body.bed_seat(spot, height_m, (here.x_m, here.y_m))

    def _offered(self, act: Act) -> Array:
        """Return the point to take something from: the target, or the nearest thing when there is none."""
        if act.target is not None:
            return np.asarray(act.target)
        nearest = self._hand.nearest(1.2)
        if nearest is None:
            raise ActError(IMPOSSIBLE, "Nothing to take is within reach.")
        return nearest

    # --- falling and lying ----------------------------------------------------------------------

    def _begin_fall(self, act: Act, now_s: float) -> None:
        support = self._support
        if self._limp is not None or self._stumble is not None:
            raise ActError(IMPOSSIBLE, "The person is down already.")
        if support.posture is PostureKind.LYING_ON_FLOOR and not self._motions:
            raise ActError(IMPOSSIBLE, "The person lies on the floor already.")
        script = Script(self._body, self._frame(now_s), support, act.speed)
        plan = sliding if act.kind is ActKind.SLIDE else falling
        stumble = plan(script, act.heading_rad, self._draw, moving=bool(self._motions))
        self._play(_timed(now_s, script.motions), script, now_s)
        self._stumble = stumble
        if not script.motions:
            self._let_go(now_s)

    def _let_go(self, now_s: float) -> None:
        assert self._stumble is not None
        self._aid.drop()
        self._limp = Limp(self._model, self._data, self.resident, self._stumble, now_s, self.id)
        self._stumble = None
        self._motions = []

    def _move(self, now_s: float) -> None:
        if self._stumble is not None:
            raise ActError(IMPOSSIBLE, "The person is falling: wait until he or she lies.")
        if self._limp is None:
            if self._motions or self._support.posture is not PostureKind.LYING_ON_FLOOR:
                raise ActError(IMPOSSIBLE, "Only somebody who lies on the floor moves arms and legs so.")
            self._limp = Limp(self._model, self._data, self.resident, Stumble(0.0, 0.0), now_s, self.id)
        self._limp.move(now_s, float(self._draw.uniform(4.0, 6.0)), self._draw)

    def _get_up_after_fall(self, act: Act, now_s: float) -> None:
        assert self._limp is not None
        if act.kind is not ActKind.GET_UP:
            raise ActError(IMPOSSIBLE, "The person lies on the floor: get up first.")
        if self._limp.falls:
            raise ActError(IMPOSSIBLE, "The person is still falling: wait until he or she lies.")
        q = still(self._data.qpos[self._q])
        place = Place(float(q[0]), float(q[1]), heading(q))
        script = Script(self._body, q, Support(PostureKind.LYING_ON_FLOOR, place), act.speed)
        script.get_up_from_floor()
        self._limp.end()
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
        if self.posture in (PostureKind.STANDING, PostureKind.WALKING):
            self._aid.follow(self._pelvis_place(frame))

    def before_step(self, now_s: float, dt_s: float) -> None:
        """Set the joints, or the forces of a limp body, for the coming `dt_s`."""
        if self._limp is None and now_s >= self._knots[2] - 1e-9:
            self._advance(now_s)
            if self._stumble is not None and not self._motions:
                self._let_go(now_s)
        self._aid.before_step()
        if self._limp is not None:
            self._limp.before_step(now_s)
            return
        self._data.qpos[self._q] = self._frame(now_s)
        self._data.qvel[self._v] = self._rate

    def _pelvis_place(self, q: Array) -> Place:
        return Place(float(q[0]), float(q[1]), heading(q))


_FURNITURE = {ActKind.SIT: PlaceKind.SEAT, ActKind.LIE_ON_FURNITURE: PlaceKind.BED}
_ON_THE_SPOT = (
    ActKind.STAND,
    ActKind.GET_UP,
    ActKind.BEND,
    ActKind.CROUCH,
    ActKind.KNEEL,
    ActKind.LIE_ON_FLOOR,
    ActKind.PICK_UP,
)


def _on_floor(place: places.Place) -> Place:
    x, y, _ = place.pose.position
    return Place(float(x), float(y), place.pose.rpy()[2])


def _timed(start_s: float, motions: list[Motion]) -> list[tuple[float, Motion]]:
    timed = []
    for motion in motions:
        timed.append((start_s, motion))
        start_s += motion.duration_s
    return timed


def _check(act: Act) -> None:
    """Raise ActError where a field of `act` cannot be."""
    if act.target is not None and not (len(act.target) == 3 and all(map(math.isfinite, act.target))):
        raise ActError(INVALID, f"The field target is {act.target}: give three finite numbers in m.")
    if not math.isfinite(act.heading_rad):
        raise ActError(INVALID, f"The field heading is {act.heading_rad}: give an angle in rad.")
    if not 0.1 <= act.speed <= MAX_SPEED:
        raise ActError(INVALID, f"The field speed is {act.speed}: choose 0.1 to {MAX_SPEED:g}, 1 as usual.")
    if act.kind is ActKind.SAY and not act.text.strip():
        raise ActError(INVALID, "The field text is empty: say something.")
