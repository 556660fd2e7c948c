"""A resident's body on the furniture and the floor of a world: the frames in which acts begin and end."""

from __future__ import annotations

import math

from care_robot.simulation.resident import Resident
from care_robot.simulation.resident_body import Array, Keyframe, Skeleton, heading, turned
from care_robot.simulation.resident_gait import Walk
from care_robot.simulation.resident_motion import Seat
from care_robot.simulation.resident_poses import SEAT_TO_HIP, SUPINE, sitting
from care_robot.simulation.resident_route import Routes
from care_robot.simulation.resident_steps import Place

_LYING_HIPS_M = -0.05  # of who lies in bed, from its middle towards the head end


class UnreachableError(Exception):
    """An act that cannot be done from here; the message is a sentence."""


class Body:
    """One person's body and the ways around in the world: what all acts are made of."""

    def __init__(self, resident: Resident, routes: Routes) -> None:
        self.resident, self.routes = resident, routes
        self.skeleton = Skeleton(resident)
        self._standing = self.skeleton.of_posture(Walk(resident, Place(0, 0, 0), []).posture(0.0))

    def standing(self, place: Place) -> Array:
        """Return the frame of standing with the feet at `place`."""
        q = self._standing.copy()
        pelvis = place.ahead(q[0], q[1])
        q[:2] = pelvis.x_m, pelvis.y_m
        q[3:7] = turned(place.yaw_rad)
        return q

    def on_seat(self, seat: Seat, lean_deg: float = -6.0, forward_m: float = 0.0) -> Array:
        """Return the frame of sitting on `seat`, so far in front of the usual place."""
        keyframe, behind_m = sitting(self.resident.height_m, seat.height_m, lean_deg)
        hips = seat.edge.ahead(forward_m - behind_m)
        q = self.skeleton.frame(keyframe, hips.x_m, hips.y_m, seat.edge.yaw_rad)
        q[2] = seat.height_m + SEAT_TO_HIP * self.resident.height_m
        return q

    def in_bed(self, seat: Seat, keyframe: Keyframe = SUPINE, sideways_m: float = 0.0) -> Array:
        """Return the frame of lying on the bed of `seat`, so far towards the edge."""
        bed = seat.bed or seat.edge
        hips = bed.ahead(_LYING_HIPS_M)
        out = Place(hips.x_m, hips.y_m, seat.edge.yaw_rad).ahead(sideways_m)
        q = self.skeleton.frame(keyframe, out.x_m, out.y_m, bed.yaw_rad + math.pi)
        return self.skeleton.raised(q, seat.height_m, trunk=True)

    def feet(self, q: Array) -> Place:
        """Return the place where somebody in frame `q` would stand on the same feet."""
        toes, yaw = self.skeleton.toes(q), heading(q)
        own = self.skeleton.toes(self._standing)
        return Place(float(toes[0]), float(toes[1]), yaw).ahead(-float(own[0]), -float(own[1]))

    def bed_seat(self, bed: Place, height_m: float, near: tuple[float, float]) -> Seat:
        """Return the edge of a bed on the free side nearer to `near`; UnreachableError where none is free."""
        hips = bed.ahead(_LYING_HIPS_M)
        seats = []
        for turn in (-math.pi / 2, math.pi / 2):
            width_m = self.routes.edge_m(hips, bed.yaw_rad + turn)
            if width_m is not None:
                edge = Place(hips.x_m, hips.y_m, bed.yaw_rad + turn).ahead(width_m)
                seats.append(Seat(edge, height_m, bed))
        if not seats:
            raise UnreachableError("The bed has no free side to get in.")
        return min(seats, key=lambda s: math.dist((s.edge.x_m, s.edge.y_m), near))
