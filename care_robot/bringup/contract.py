"""What care_robot expects of a robot's body (`config/contract.yaml`), and what a body lacks of it.

The embedded simulator, Gazebo and real robots are compared with the same file; what is compared is a plain
table of names, so that it may come from files as well as from a running system.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml  # type: ignore[import-untyped, unused-ignore]
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from care_robot.bringup.launch_elements import near

MAX_BYTES = 100_000
RATE_SHARE = 0.9
"""Share of a rate that must arrive: timers of a loaded machine are late now and then."""
ROOM = "<room>"
LINK = "link"

Qos = Literal["SENSOR", "COMMAND", "STATE", "LATCHED"]
_Name = Annotated[str, Field(pattern=r"^(<room>_camera|[a-z][a-z0-9_]*)(/[a-z][a-z0-9_]*)*$")]
_Frame = Annotated[str, Field(pattern=r"^(<room>_camera|[a-z][a-z0-9_]*)(_[a-z0-9_]+)?$")]


class ContractError(Exception):
    """The contract cannot be read; the message names the file, the key and the remedy."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Published(_Strict):
    """A topic that the body publishes; `frame` None where the message has none that counts."""

    type: Annotated[str, Field(pattern=r"^[a-z_0-9]+/msg/[A-Za-z0-9]+$")]
    qos: Qos
    frame: _Frame | None = None
    rate_hz: float = Field(default=0.0, ge=0.0, le=1000.0)


class Subscribed(_Strict):
    """A topic that the body listens to."""

    type: Annotated[str, Field(pattern=r"^[a-z_0-9]+/msg/[A-Za-z0-9]+$")]
    qos: Qos


class Action(_Strict):
    """An action that the body serves."""

    type: Annotated[str, Field(pattern=r"^[a-z_0-9]+/action/[A-Za-z0-9]+$")]


class Contract(_Strict):
    """All that a body publishes, listens to and serves, by relative name."""

    published: dict[_Name, Published]
    subscribed: dict[_Name, Subscribed]
    actions: dict[_Name, Action]

    def at(self, rooms: Iterable[str]) -> Contract:
        """The contract of a place whose rooms have cameras: `<room>` is replaced by each of them."""
        published: dict[str, Published] = {}
        for name, topic in self.published.items():
            if ROOM not in name:
                published[name] = topic
                continue
            for room in rooms:
                frame = topic.frame.replace(ROOM, room) if topic.frame is not None else None
                published[name.replace(ROOM, room)] = topic.model_copy(update={"frame": frame})
        return self.model_copy(update={"published": published})


@dataclass(frozen=True)
class Seen:
    """What is known of one topic or action of a body; None where this source cannot tell.

    `latched` means transient local durability.
    """

    type: str
    frame: str | None = None
    rate_hz: float | None = None
    reliable: bool | None = None
    latched: bool | None = None


@dataclass(frozen=True)
class Body:
    """A body as it is seen, in files or while it runs; names are relative to its namespace."""

    published: Mapping[str, Seen]
    subscribed: Mapping[str, Seen]
    actions: Mapping[str, Seen]
    links: Collection[str] = ()


@dataclass(frozen=True)
class Mismatch:
    """Something that a body lacks or has otherwise; `sentence` ends with the remedy."""

    name: str
    sentence: str


def load_contract(path: Path) -> Contract:
    """Read the contract.

    Raises
    ------
    ContractError
        The file cannot be read, is not YAML, or has a key or value that does not belong there.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ContractError(
            f"The contract {path} cannot be read ({error.strerror}); check the path."
        ) from None
    if len(data) > MAX_BYTES:
        raise ContractError(f"The contract {path} has more than {MAX_BYTES} bytes; is it the right file?")
    try:
        content = yaml.safe_load(data.decode("utf-8"))
        return Contract.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = " > ".join(str(part) for part in first["loc"]) or "the file"
        raise ContractError(
            f"{path}: {where}: {first['msg'].lower()}; correct it as the comment at the top says."
        ) from None
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ContractError(
            f"{path}{line}: this is not valid YAML in UTF-8; correct it as the comment at the top says."
        ) from None


def compare(contract: Contract, body: Body) -> list[Mismatch]:
    """What a body lacks of the contract, in the contract's order; empty where it keeps it.

    A body may have more than the contract asks for. `RATE_SHARE` of a rate is enough.
    """
    found: list[Mismatch] = []
    for name, topic in contract.published.items():
        seen = body.published.get(name)
        if seen is None:
            found.append(_missing(name, f"published ({topic.type})", body.published))
        else:
            found += _type(name, topic.type, seen)
            found += _publisher(name, topic, seen, body.links)
    for name, listened in contract.subscribed.items():
        seen = body.subscribed.get(name)
        if seen is None:
            found.append(_missing(name, f"listened to ({listened.type})", body.subscribed))
        else:
            found += _type(name, listened.type, seen)
            if seen.latched and listened.qos != "LATCHED":
                found.append(
                    Mismatch(
                        name,
                        f"{name} is listened to as transient local, and so hears nothing that is published "
                        f"with {listened.qos}; make its durability volatile.",
                    )
                )
    for name, action in contract.actions.items():
        seen = body.actions.get(name)
        if seen is None:
            found.append(_missing(name, f"served as an action ({action.type})", body.actions))
        else:
            found += _type(name, action.type, seen)
    return found


def _missing(name: str, what: str, there: Collection[str]) -> Mismatch:
    same_end = [other for other in there if other.rpartition("/")[2] == name.rpartition("/")[2]]
    hint = (
        f"; remap {same_end[0]} to it"
        if same_end
        else f"{near(name, there)}; start or remap what should have it"
    )
    return Mismatch(name, f"{name} is not {what}{hint}.")


def _type(name: str, wanted: str, seen: Seen) -> list[Mismatch]:
    if seen.type == wanted:
        return []
    return [
        Mismatch(name, f"{name} is of type {seen.type}; it must be {wanted}: convert it in an adapter node.")
    ]


def _publisher(name: str, topic: Published, seen: Seen, links: Collection[str]) -> list[Mismatch]:
    found = []
    if topic.frame == LINK:
        fits = seen.frame is None or seen.frame in links
        wanted = "a link of the robot's description"
    else:
        fits = topic.frame is None or seen.frame is None or seen.frame == topic.frame
        wanted = f"'{topic.frame}'"
    if not fits:
        sentence = f"{name} has the frame '{seen.frame}'; it must be {wanted}: set it in the sensor's driver."
        found.append(Mismatch(name, sentence))
    if seen.rate_hz is not None and not seen.rate_hz >= topic.rate_hz * RATE_SHARE:
        found.append(
            Mismatch(
                name,
                f"{name} comes with {seen.rate_hz:.3g} Hz; it must be {topic.rate_hz:g} Hz or more: "
                "raise its rate, or use a faster machine.",
            )
        )
    lacks = []
    if topic.qos != "SENSOR" and seen.reliable is False:
        lacks.append("reliable")
    if topic.qos == "LATCHED" and seen.latched is False:
        lacks.append("transient local")
    if lacks:
        sentence = f"{name} is not published {' and '.join(lacks)}; {topic.qos} needs that: change its QoS."
        found.append(Mismatch(name, sentence))
    return found


def cameras_rooms(names: Iterable[str]) -> list[str]:
    """Rooms of cameras by their names, `kitchen` of `kitchen_camera`; the robot's head is no room."""
    matches = (re.fullmatch(r"([a-z][a-z0-9_]*)_camera", name) for name in names)
    return [match[1] for match in matches if match and match[1] != "head"]
