"""What may be asked of a simulated home, checked: the four services `sim/…` of both simulators."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Protocol

import numpy as np

from care_robot.geometry import GeometryError, Pose
from care_robot.simulation.person import Act, ActKind, Person
from care_robot.simulation.truth import Truth

INVALID, UNKNOWN_PERSON = 1, 2
UNKNOWN_TARGET = 2
WORLD_UNKNOWN = 1
MODEL_UNKNOWN, NAME_TAKEN, POSE_INVALID = 1, 2, 3
"""Error codes of SimResident, SimFault (and 1, too), SimReset and SimSpawn."""

MAX_TEXT = 500
WORLD_EDGE_M = 1000.0


class RequestError(Exception):
    """Something that cannot be done: the service's error code, and a sentence that names the field."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class FaultKind(IntEnum):
    """What can break; the numbers are those of SimFault.srv."""

    SENSOR_SILENT = 1
    CAMERA_BLACK = 2
    CAMERA_FROZEN = 3
    BUMPER = 4
    E_STOP = 5
    WHEEL_SLIP = 6
    MOVED = 7
    GRASP_SLIP = 8
    BATTERY_LOW = 9
    DOOR_SHUT = 10
    NODE_KILLED = 11
    NETWORK_DOWN = 12
    SPEECH_DOWN = 13


NEEDS_TARGET = {
    FaultKind.SENSOR_SILENT: "the sensor's topic",
    FaultKind.CAMERA_BLACK: "the camera",
    FaultKind.CAMERA_FROZEN: "the camera",
    FaultKind.DOOR_SHUT: "the door",
    FaultKind.NODE_KILLED: "the node",
}
OF_THE_HOST = (FaultKind.NODE_KILLED, FaultKind.NETWORK_DOWN, FaultKind.SPEECH_DOWN)
"""Faults of processes of this machine, not of the simulated world."""


class Home(Protocol):
    """A simulated home, as the node runs it. It keeps its own time, which never goes back."""

    @property
    def time_s(self) -> float:
        """Simulated time since the start."""

    @property
    def people(self) -> Mapping[str, Person]:
        """The people in it, by their ids."""

    def step(self, until_s: float) -> None:
        """Let time pass up to `until_s`."""

    def act(self, person_id: str, act: Act) -> None:
        """Let somebody who is there begin an act; ActError where it cannot be done."""

    def fault(self, kind: FaultKind, active: bool, target: str) -> None:
        """Break or mend something of the world; RequestError where there is no such target."""

    def spawn(self, model: str, name: str, pose: Pose) -> None:
        """Put an object or a person into the world; RequestError where that cannot be."""

    def reset(self, world: str, seed: int) -> None:
        """Go back to the start, in this or (if not empty) another world; RequestError where it is unknown."""

    def truth(self) -> Truth:
        """What is really so."""


def act_of(
    kind: int,
    *,
    place: str,
    target: tuple[float, float, float],
    heading_rad: float,
    speed: float,
    text: str,
) -> Act:
    """Act from the fields of SimResident.srv; the person checks the rest. A target of zeros is none given.

    Raises
    ------
    RequestError
        The act is unknown, or the text too long.
    """
    if kind not in set(ActKind):
        raise RequestError(INVALID, f"The field act is {kind}, but must be one of the ACT_ numbers.")
    if len(text) > MAX_TEXT:
        raise RequestError(
            INVALID, f"The field text has {len(text)} characters; at most {MAX_TEXT} can be said."
        )
    return Act(
        kind=ActKind(kind),
        target=None if place or not any(target) else target,
        place=place,
        heading_rad=heading_rad,
        speed=speed or 1.0,
        text=text,
    )


def fault_of(kind: int, target: str) -> FaultKind:
    """Fault from the fields of SimFault.srv; RequestError names the field that cannot be."""
    if kind not in set(FaultKind):
        raise RequestError(INVALID, f"The field fault is {kind}, but must be one of the FAULT_ numbers.")
    fault = FaultKind(kind)
    wanted = NEEDS_TARGET.get(fault)
    if wanted and not target:
        raise RequestError(INVALID, f"The field target must name {wanted}.")
    if target and not wanted:
        raise RequestError(INVALID, f"The field target is {target[:40]!r}, but this fault has none.")
    return fault


def pose_of(position: tuple[float, float, float], quaternion: tuple[float, float, float, float]) -> Pose:
    """Pose from the fields of SimSpawn.srv; RequestError where it is none. Zeros are no rotation."""
    try:
        pose = Pose(np.array(position), np.array(quaternion if any(quaternion) else (0.0, 0.0, 0.0, 1.0)))
    except GeometryError as error:
        raise RequestError(POSE_INVALID, f"The field pose cannot be used: {error}") from None
    if np.abs(pose.position).max() > WORLD_EDGE_M:
        raise RequestError(POSE_INVALID, "The field pose lies outside the world.")
    return pose


def language_of(text: str) -> str:
    """Language of something said: ko where it holds a Hangul syllable, else en."""
    return "ko" if any("\uac00" <= letter <= "\ud7a3" for letter in text) else "en"


def check_same_world(present: str, world: str) -> None:
    """Refuse to reset to another world: its map, cameras and topics are others."""
    if world and world != present:
        raise RequestError(
            WORLD_UNKNOWN, f"This is the world {present}: start again with world:={world[:40]}."
        )
