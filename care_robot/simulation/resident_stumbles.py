"""The ways in which the simulated resident comes down, by posture: what is done before physics takes over."""

from __future__ import annotations

import math

import numpy as np

from care_robot.perception.posture import Posture
from care_robot.simulation.resident_acts import Script
from care_robot.simulation.resident_body import heading
from care_robot.simulation.resident_fall import Stumble
from care_robot.simulation.resident_motion import Seat
from care_robot.simulation.resident_steps import Place

# Directions from straight ahead of a seat: its back holds who falls farther aside; who falls straight ahead
# would stay crouched on knees and elbows.
_ASIDE_RAD = tuple(math.radians(sign * deg) for deg in (40.0, 57.0, 75.0, 90.0) for sign in (-1, 1))
_WIDEST_SEAT_M = 0.45  # from its middle to its side, over which somebody can tip


def falling(script: Script, heading_rad: float, draw: np.random.Generator, *, moving: bool) -> Stumble:
    """Return how somebody held as in `script` falls towards `heading_rad` of the map, with the way there.

    Who stands falls at once; who sits rises a little and misses the balance, or tips over the side of a
    chair at a table; who lies in bed rolls over the edge. From furniture the fall goes where there is room,
    of those directions the one next to `heading_rad`. Amid a motion (`moving`) the body falls as it is.
    """
    posture, seat = script.support.posture, script.support.seat
    legs_s, trunk_s = draw.uniform(0.15, 0.3), draw.uniform(0.4, 0.8)
    strength_m_s = draw.uniform(0.6, 0.9)
    if not moving and seat is not None:
        out_rad = seat.edge.yaw_rad
        if posture is Posture.SITTING:
            aside_rad, side_m = _off_seat(script, seat, heading_rad)
            if side_m:
                script.tip_aside(seat, side_m, 0.9)
            else:
                script.half_rise(seat, _turn(script, seat, aside_rad))
            aside_rad = math.remainder(out_rad + aside_rad - heading(script.q), math.tau)
            return Stumble(aside_rad, 1.5 * strength_m_s, 2 * legs_s, trunk_s, rest=0.07, low_share=0.5)
        if posture is Posture.LYING_ON_FURNITURE:
            script.roll_out(1.0)
            away_rad = math.remainder(out_rad - heading(script.q), math.tau)
            return Stumble(away_rad, strength_m_s, legs_s, trunk_s, low_share=0.5)
    return Stumble(math.remainder(heading_rad - heading(script.q), math.tau), strength_m_s, legs_s, trunk_s)


def sliding(script: Script, heading_rad: float, draw: np.random.Generator, *, moving: bool) -> Stumble:
    """Return how somebody held as in `script` slides down slowly: off the seat or bed, or to the floor."""
    posture, seat = script.support.posture, script.support.seat
    aside_rad = float(draw.choice((-1.0, 1.0))) * math.pi / 2
    low_share, push_after_s, fold = 0.0, 2.4, True
    if not moving and seat is not None:
        if posture is Posture.SITTING:
            aside_rad, side_m = _off_seat(script, seat, heading_rad)
            if side_m:
                script.tip_aside(seat, side_m, 1.6)
                low_share, push_after_s, fold = 0.5, 0.0, False
            else:
                script.slip_forward(seat, 0.8 * aside_rad)
                aside_rad, push_after_s, fold = math.pi, 1.6, False  # onto the back, along the seat
        elif posture is Posture.LYING_ON_FURNITURE:
            script.roll_out(2.0, 0.12)
            aside_rad = math.remainder(seat.edge.yaw_rad - heading(script.q), math.tau)
            low_share, push_after_s, fold = 0.5, 0.0, False
    return Stumble(
        aside_rad,
        strength_m_s=0.7,
        legs_fade_s=0.6,
        trunk_fade_s=1.6,
        arms_fade_s=0.8,
        low_share=low_share,
        push_after_s=push_after_s,
        drag_per_s=(1.6 if fold else 1.0) * draw.uniform(18.0, 26.0),
        drag_s=2.4,
        fold=fold,
        slips=True,
    )


def _turn(script: Script, seat: Seat, aside_rad: float) -> float:
    """Return how far to turn on the way down: more where something stands close before the seat."""
    close = script.body.routes.taken(seat.edge, seat.edge.yaw_rad, 0.12, 0.9)
    return (0.8 if close else 0.4) * aside_rad


def _off_seat(script: Script, seat: Seat, heading_rad: float) -> tuple[float, float]:
    """Return the direction from straight ahead in which there is room to fall, and how far to the side first.

    The side is m to the left of the middle of the seat, 0 where the way in front of it is free.
    """
    routes, out_rad = script.body.routes, seat.edge.yaw_rad
    wish_rad = math.remainder(heading_rad - out_rad, math.tau)
    front = seat.edge.ahead(0.25)

    def cost(aside_rad: float, place: Place, length_m: float) -> tuple[int, float]:
        return routes.taken(place, out_rad + aside_rad, 0.0, length_m), abs(
            math.remainder(aside_rad - wish_rad, math.tau)
        )

    middle, sides = seat.edge.ahead(-0.22), []
    for aside_rad in (-math.pi / 2, math.pi / 2):
        width_m = routes.edge_m(middle, out_rad + aside_rad)
        if width_m is not None and width_m < _WIDEST_SEAT_M:
            sides.append((aside_rad, math.copysign(width_m + 0.08, aside_rad)))
    if sides and routes.taken(seat.edge, out_rad, 0.12, 0.5):
        return min(sides, key=lambda side: cost(side[0], seat.edge.ahead(-0.22, side[1]), 0.8))
    return min(_ASIDE_RAD, key=lambda aside_rad: cost(aside_rad, front, 1.3)), 0.0
