"""Names of postures and acts of simulated people, with the numbers of Person.msg and SimResident.srv."""

from __future__ import annotations

from enum import IntEnum


class PostureKind(IntEnum):
    """What a person's body does; numbers of Person.msg POSTURE_*."""

    UNKNOWN = 0
    STANDING = 1
    WALKING = 2
    SITTING = 3
    BENDING = 4
    CROUCHING = 5
    KNEELING = 6
    LYING_ON_FURNITURE = 7
    LYING_ON_FLOOR = 8


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
