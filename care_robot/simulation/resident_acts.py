"""What the simulated resident does step by step: acts as motions, one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from care_robot.perception.posture import Posture
from care_robot.simulation.resident_body import Array, Keyframe, heading, rotated
from care_robot.simulation.resident_gait import Walk
from care_robot.simulation.resident_motion import Motion, Seat, Support, blend
from care_robot.simulation.resident_poses import (
    ALL_FOURS,
    BEND,
    CROUCH,
    HALF_KNEEL,
    KNEEL,
    PRONE,
    SEAT_TO_HIP,
    STAND_BEFORE_SEAT_M,
    SUPINE,
    on_side,
    rising,
    sitting,
    slipping,
)
from care_robot.simulation.resident_route import NoWayError
from care_robot.simulation.resident_stage import Body, UnreachableError
from care_robot.simulation.resident_steps import Footstep, Gait, Place, plan_route, plan_shuffle

_BEFORE_SEAT_M = 0.45  # where one turns round to sit down
_REACHING = tuple(
    f"{name}_r" for name in ("shoulder_flexion", "shoulder_abduction", "shoulder_rotation", "elbow_flexion")
)
_LEANING = ("lumbar_flexion", "lumbar_bending", "lumbar_rotation", "thoracic_flexion", "thoracic_rotation")
_HAND_GAP_M = 0.06
_OVER_EDGE_M, _FEET_AHEAD_M = 0.14, 0.22
_P = Posture


class Script:
    """Motions put one after the other, from frame `q` on, held by `support`; `speed` 1 is as usual."""

    def __init__(self, body: Body, q: Array, support: Support, speed: float = 1.0) -> None:
        self.body, self.q, self.support, self.speed = body, q, support, speed
        self.motions: list[Motion] = []

    # --- single motions -------------------------------------------------------------------------

    def _to(
        self,
        q: Array,
        seconds: float,
        ends: Support,
        *,
        via: Array | None = None,
        feet: str = "",
        trunk: bool = False,
        part: float = 1.0,
        grasps: bool = False,
    ) -> None:
        """Go to frame `q`; only a `part` of the way, and still moving, for who falls on the way."""
        course = blend(self.body.skeleton, self.q, q, via=via, feet=feet, trunk=trunk)
        whole_s = seconds / self.speed

        def at(t_s: float) -> Array:
            return course(t_s / whole_s)

        self.motions.append(
            Motion(part * whole_s, at, self.support.posture, ends.posture, ends, grasps=grasps)
        )
        self.q, self.support = at(part * whole_s), ends

    def hold(self, seconds: float) -> None:
        """Stay so for some seconds."""
        q = self.q
        posture = self.support.posture
        self.motions.append(Motion(seconds, lambda _t_s: q, posture, posture, self.support))

    def _walk(self, plan: Callable[[Gait], tuple[list[Footstep], Place]]) -> None:
        gait = Gait.of(self.body.resident, self.speed)
        steps, end = plan(gait)
        if not steps:
            return
        walk = Walk(self.body.resident, self.support.place, steps, gait)
        skeleton = self.body.skeleton
        ends = Support(_P.STANDING, end)
        self.motions.append(
            Motion(
                walk.end_s,
                lambda t_s: skeleton.of_posture(walk.posture(t_s)),
                _P.WALKING,
                _P.WALKING,
                ends,
                yields=True,
            )
        )
        self.q, self.support = self.body.standing(end), ends

    @property
    def _seat(self) -> Seat:
        """What the body sits or lies on now."""
        if self.support.seat is None:
            raise UnreachableError("The person is on no furniture.")
        return self.support.seat

    # --- to and from standing -------------------------------------------------------------------

    def stop(self) -> None:
        """Stand still after a walk that was broken off."""
        place = self.body.feet(self.q)
        self._to(self.body.standing(place), 0.6, Support(_P.STANDING, place), feet="lr")

    def stand(self) -> None:
        """Come to stand from any posture but lying on the floor."""
        posture = self.support.posture
        if posture is _P.LYING_ON_FURNITURE:
            self.sit_up()
        if self.support.posture is _P.SITTING:
            place = self._seat.edge.ahead(STAND_BEFORE_SEAT_M)
            self._rise(self.body.standing(place), Support(_P.STANDING, place), 1.8)
        elif posture is _P.KNEELING:
            self._half_kneel()
            self._from_half_kneel()
        elif posture in (_P.BENDING, _P.CROUCHING):
            place = self.support.place
            self._to(self.body.standing(place), 1.6, Support(_P.STANDING, place), feet="lr")

    def _rise(self, q: Array, ends: Support, seconds: float) -> None:
        middle = 0.5 * (self.q + q)
        via = self.body.skeleton.frame(rising(), middle[0], middle[1], heading(q))
        self._to(q, seconds, ends, via=via, feet="lr")

    # --- walking and furniture ------------------------------------------------------------------

    def walk_to(self, x_m: float, y_m: float, yaw_rad: float | None = None, *, within_m: float = 0.6) -> None:
        """Walk around the furniture to the free place nearest to (x, y); not farther off than `within_m`."""
        place = self.support.place
        try:
            route = self.body.routes.way((place.x_m, place.y_m), (x_m, y_m))
        except NoWayError as error:
            raise UnreachableError(str(error)) from None
        if math.dist(route[-1], (x_m, y_m)) > within_m:
            raise UnreachableError(f"There is no room to stand at ({x_m:.2f}, {y_m:.2f}) m.")
        resident = self.body.resident
        self._walk(lambda gait: plan_route(resident, gait, place, route, yaw_rad))

    def turn(self, yaw_rad: float) -> None:
        """Turn on the spot."""
        place, resident = self.support.place, self.body.resident
        self._walk(lambda gait: plan_route(resident, gait, place, [], yaw_rad))

    def sit(self, seat: Seat) -> None:
        """Go to `seat`, turn round and sit down."""
        spot, place = seat.edge.ahead(STAND_BEFORE_SEAT_M), self.support.place
        resident = self.body.resident
        off_m = math.dist((spot.x_m, spot.y_m), (place.x_m, place.y_m))
        turned_rad = abs(math.remainder(place.yaw_rad - spot.yaw_rad, math.tau))
        if off_m > 0.02 or turned_rad > 0.02:
            before = seat.edge.ahead(_BEFORE_SEAT_M)
            if off_m > 0.5 or turned_rad > 0.5:
                self.walk_to(before.x_m, before.y_m, spot.yaw_rad, within_m=0.9)
            start = self.support.place
            dx, dy = spot.x_m - start.x_m, spot.y_m - start.y_m
            c, s = math.cos(start.yaw_rad), math.sin(start.yaw_rad)
            self._walk(lambda gait: plan_shuffle(resident, gait, start, c * dx + s * dy, c * dy - s * dx))
        self._rise(self.body.on_seat(seat), Support(_P.SITTING, seat.edge, seat), 1.9)

    def lie_down(self) -> None:
        """From sitting on the edge of a bed to lying on it."""
        seat = self._seat
        q = self.body.in_bed(seat)
        self._to(q, 3.6, Support(_P.LYING_ON_FURNITURE, seat.edge, seat), via=self._halfway(q), trunk=True)

    def sit_up(self) -> None:
        """From lying on a bed to sitting on its edge."""
        seat = self._seat
        q = self.body.on_seat(seat)
        self._to(q, 4.0, Support(_P.SITTING, seat.edge, seat), via=self._halfway(q), trunk=True)

    def _halfway(self, q: Array) -> Array:
        """Return the frame that draws the way between sitting and lying: legs up, trunk leaning."""
        via = 0.5 * (self.q + q)
        course = blend(self.body.skeleton, self.q, q)(0.5)
        via[3:7] = course[3:7]
        index = self.body.skeleton.index
        for side in "lr":
            via[index[f"hip_flexion_{side}"]] = math.radians(100)
            via[index[f"knee_flexion_{side}"]] = math.radians(70)
        return via

    # --- postures on the spot -------------------------------------------------------------------

    def bend(self) -> None:
        """Bend as to tie the shoes, and stay so."""
        self._down_to(BEND, _P.BENDING, 1.6)

    def crouch(self) -> None:
        """Crouch, and stay so."""
        self._down_to(CROUCH, _P.CROUCHING, 1.8)

    def _down_to(self, keyframe: Keyframe, posture: Posture, seconds: float) -> None:
        self._to(self._planted(keyframe), seconds, Support(posture, self.support.place), feet="lr")

    def _planted(self, keyframe: Keyframe, feet: str = "lr") -> Array:
        """Return `keyframe` with the balls of the feet where they are now."""
        skeleton = self.body.skeleton
        q = skeleton.frame(keyframe, self.q[0], self.q[1], heading(self.q))
        q[:2] += skeleton.toes(self.q, feet) - skeleton.toes(q, feet)
        return q

    def kneel(self) -> None:
        """Kneel on both knees, and stay so."""
        self._half_kneel(1.8)
        q = self.body.skeleton.frame(KNEEL, self.q[0], self.q[1], heading(self.q))
        self._to(q, 1.2, Support(_P.KNEELING, self.support.place))

    def _half_kneel(self, seconds: float = 1.2) -> None:
        standing = self.support.posture is _P.STANDING
        if standing:
            self._make_room()
            q = self._planted(HALF_KNEEL, "l")
        else:
            q = self.body.skeleton.frame(HALF_KNEEL, self.q[0], self.q[1], heading(self.q))
        place = Place(float(q[0]), float(q[1]), heading(q))
        self._to(q, seconds, Support(_P.KNEELING, place), feet="l" if standing else "")

    def _make_room(self) -> None:
        """Step away from furniture behind, where a knee and a foot are to go."""
        place, resident = self.support.place, self.body.resident
        if self.body.routes.is_free(place.ahead(-0.25 * resident.height_m)):
            return
        ahead_m = 0.25 * resident.height_m
        if self.body.routes.is_free(place.ahead(ahead_m)):
            self._walk(lambda gait: plan_shuffle(resident, gait, place, ahead_m))

    def _from_half_kneel(self) -> None:
        skeleton, yaw = self.body.skeleton, heading(self.q)
        q = self.body.standing(Place(0.0, 0.0, yaw))
        q[:2] += skeleton.toes(self.q, "l") - skeleton.toes(q, "l")
        place = self.body.feet(q)
        middle = 0.5 * (self.q + q)
        via = skeleton.frame(rising(), middle[0], middle[1], yaw)
        self._to(q, 2.2, Support(_P.STANDING, place), via=via, feet="l")

    def lie_on_floor(self) -> None:
        """Lie down on the floor on purpose: on a knee, on all fours, on the side, on the back."""
        yaw = self.body.routes.lying_yaw(self.support.place, 0.5 * self.body.resident.height_m)
        if abs(math.remainder(yaw - self.support.place.yaw_rad, math.tau)) > 0.05:
            self.turn(yaw)
        self._half_kneel(2.0)
        self._lie(ALL_FOURS, 1.6, _P.KNEELING)
        self._lie(on_side("r"), 2.0, _P.LYING_ON_FLOOR)
        self._lie(SUPINE, 1.6, _P.LYING_ON_FLOOR)

    def _lie(self, keyframe: Keyframe, seconds: float, posture: Posture) -> None:
        """Go to a posture on hands, knees, side or back, the head towards where it points or faces now."""
        yaw = heading(self.q)
        facing = yaw if keyframe.pitch_deg >= 0 else yaw + math.pi
        q = self.body.skeleton.frame(keyframe, self.q[0], self.q[1], facing)
        self._to(q, seconds, Support(posture, Place(float(q[0]), float(q[1]), yaw)))

    def get_up_from_floor(self) -> None:
        """From lying anyhow: over the side to all fours, on one knee, and up."""
        w, x, y, z = self.q[3:7]
        front_up, left_up = 2 * (x * z - w * y), 2 * (y * z + w * x)
        if front_up > -0.5:
            self._lie(on_side("l" if left_up < 0 else "r"), 2.2, _P.LYING_ON_FLOOR)
        else:
            self._lie(PRONE, 1.6, _P.LYING_ON_FLOOR)
        self._lie(ALL_FOURS, 2.2, _P.KNEELING)
        try:
            x_m, y_m = self.body.routes.free_point(float(self.q[0]), float(self.q[1]))
        except NoWayError:
            x_m, y_m = float(self.q[0]), float(self.q[1])
        if math.dist((x_m, y_m), self.q[:2]) < 0.5:  # crawls away from the furniture
            q = self.q.copy()
            q[:2] = x_m, y_m
            self._to(q, 0.8, self.support)
        self._half_kneel(1.6)
        self._from_half_kneel()

    # --- on the way to a fall -------------------------------------------------------------------

    def half_rise(self, seat: Seat, turn_rad: float) -> None:
        """Begin to rise from `seat` and to turn, and be let go in the middle of it."""
        place = seat.edge.ahead(STAND_BEFORE_SEAT_M)
        q = self.body.skeleton.frame(rising(), place.x_m, place.y_m, place.yaw_rad + turn_rad)
        q[:2] += self.body.skeleton.toes(self.q) - self.body.skeleton.toes(q)
        self._to(q, 1.1, self.support, feet="lr", part=0.7)

    def slip_forward(self, seat: Seat, turn_rad: float) -> None:
        """Slip over the edge of `seat`, turning and leaning back."""
        height_m = self.body.resident.height_m
        hips_m = seat.height_m + SEAT_TO_HIP * height_m
        keyframe = slipping(height_m, hips_m, _FEET_AHEAD_M, -25.0)
        hips = seat.edge.ahead(_OVER_EDGE_M)
        q = self.body.skeleton.frame(keyframe, hips.x_m, hips.y_m, hips.yaw_rad + turn_rad)
        self._to(q, 1.6, self.support, part=0.8)

    def tip_aside(self, seat: Seat, left_m: float, seconds: float) -> None:
        """Tip over the side of `seat`, so far to the left (or right) of its middle."""
        keyframe, behind_m = sitting(self.body.resident.height_m, seat.height_m)
        hips = seat.edge.ahead(-behind_m, left_m)
        q = self.body.skeleton.frame(keyframe, hips.x_m, hips.y_m, hips.yaw_rad)
        q[2] = self.q[2]
        roll = np.array([-math.copysign(math.radians(25.0), left_m), 0.0, 0.0])
        q[3:7] = rotated(q[3:7], roll)
        self._to(q, seconds, self.support, part=0.85)

    def roll_out(self, seconds: float, over_m: float = 0.04) -> None:
        """Roll from the middle of a bed over its edge, on the side."""
        seat = self._seat
        out_m = math.dist((seat.edge.x_m, seat.edge.y_m), self.body.in_bed(seat)[:2])
        left = math.remainder(seat.edge.yaw_rad - (seat.bed or seat.edge).yaw_rad, math.tau) > 0
        q = self.body.in_bed(seat, on_side("r" if left else "l"), out_m + over_m)
        self._to(q, seconds, self.support, trunk=True, part=0.9)

    # --- hands ----------------------------------------------------------------------------------

    def pick_up(self, target_m: Array) -> None:
        """Go there, crouch, reach to `target_m` (3,), take what is there, and come up."""
        place, away_m = self.support.place, 0.26 * self.body.resident.height_m
        dx, dy = float(target_m[0]) - place.x_m, float(target_m[1]) - place.y_m
        far_m = math.hypot(dx, dy)
        if far_m > 1.3 * away_m or far_m < 0.5 * away_m:
            share = max(0.0, 1.0 - away_m / max(far_m, 1e-6))
            self.walk_to(place.x_m + share * dx, place.y_m + share * dy)
        place = self.support.place
        # Turned a little to the left of it, so that it lies before the right hand.
        bearing = math.atan2(float(target_m[1]) - place.y_m, float(target_m[0]) - place.x_m) + 0.25
        self.turn(bearing)
        place = self.support.place
        q, gap_m = self.body.skeleton.reach(self._planted(CROUCH), target_m, (*_LEANING, *_REACHING))
        if gap_m > 0.25:
            raise UnreachableError("The thing cannot be reached from where there is room to stand.")
        upright = self.q
        self._to(q, 2.0, Support(_P.CROUCHING, place), feet="lr", grasps=True)
        self.hold(0.4)
        self._to(upright, 1.8, Support(_P.STANDING, place), feet="lr")

    def take(self, target_m: Array) -> None:
        """Reach the right hand to `target_m` (3,), take what is there, and draw the hand back."""
        start, support = self.q, self.support
        q, gap_m = self.body.skeleton.reach(start, target_m, (*_LEANING, *_REACHING))
        if gap_m > _HAND_GAP_M:
            raise UnreachableError(
                f"The hand does not come nearer than {gap_m:.2f} m: hold the thing nearer to the person."
            )
        self._to(q, 1.4, support, grasps=True)
        self.hold(1.2)
        self._to(start, 1.4, support)
