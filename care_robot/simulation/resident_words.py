"""Names of what simulated people can be told to do, with the numbers of SimResident.srv."""

from __future__ import annotations

from enum import IntEnum


class ActKind(IntEnum):
    """What a person can be told to do; numbers of SimResident.srv ACT_*."""

    STAND = 1
    WALK = 2
    SIT = 3
    LIE_ON_FURNITURE = 4
    LIE_ON_FLOOR = 5
    FALL = 6
    SLIDE = 7
    GET_UP = 8
    BEND = 9
    CROUCH = 10
    KNEEL = 11
    SAY = 12
    TAKE = 13
    PICK_UP = 14
    MOVE = 15
