"""``sim/scenarios/*.yaml``: who lives there, what happens, and what must come of it. Read strictly.

docs/scenarios.md describes every key.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from care_robot.bringup.substitutions import SubstitutionError, package_share
from care_robot.care.strict_yaml import Strict, YamlError, near, read_yaml
from care_robot.evaluation.conditions import CONDITIONS, Act, Condition, Id, Kind, PersonId, Text, exactly_one

if TYPE_CHECKING:
    from care_robot.simulation.world import World

LONGEST_S = 86_400.0
Seconds = Annotated[float, Field(ge=0.0, le=LONGEST_S, allow_inf_nan=False)]
Degrees = Annotated[float, Field(ge=-360.0, le=360.0, allow_inf_nan=False)]
Coordinate = Annotated[float, Field(ge=-1000.0, le=1000.0, allow_inf_nan=False)]
Point = Annotated[tuple[Coordinate, Coordinate, Coordinate], Field(strict=False)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]

GOES_SOMEWHERE = ("walk", "sit", "lie_on_furniture")
ONLY_ON = {"sit": ("seat", "bed"), "lie_on_furniture": ("bed",)}
"""Kinds of places for acts that not every place is for."""
FAULTS_OF_SOMETHING = ("sensor_silent", "camera_black", "camera_frozen", "door_shut", "node_killed")
HEAD_CAMERA = "head_camera"


class ScenarioError(Exception):
    """A scenario that cannot be run; the message names the file, the key and the remedy."""


class Title(Strict):
    """What people read."""

    ko: Text
    en: Text


class PersonThere(Strict):
    """Somebody who is in the world from the start."""

    id: PersonId
    role: Literal["resident", "carer", "visitor"] = "resident"
    seed: Seed | None = None
    place: Text
    walking_aid: bool | None = None


class ResidentAction(Strict):
    """A person does something (service ``sim/resident``)."""

    who: PersonId
    act: Act
    place: Text | None = None
    target: Point | None = None
    heading_deg: Degrees | None = None
    speed: float = Field(default=1.0, ge=0.1, le=3.0, allow_inf_nan=False)
    text: Text | None = None

    @model_validator(mode="after")
    def _is_possible(self) -> "ResidentAction":
        if self.place is not None and self.target is not None:
            raise ValueError("give a place or a target, not both")
        if self.act == "pick_up" and self.target is None:
            raise ValueError("pick_up needs a target [x, y, z] in m")
        if self.act in GOES_SOMEWHERE and self.place is None and self.target is None:
            raise ValueError(f"{self.act} needs a place of the world, or a target [x, y, z] in m")
        if (self.act == "say") is not (self.text is not None):
            raise ValueError("say, and nothing else, needs a text")
        if self.act == "fall" and self.heading_deg is None:
            raise ValueError("fall needs heading_deg, the direction in the map")
        return self


class FaultAction(Strict):
    """Something breaks, or with `active: false` is mended (service ``sim/fault``)."""

    kind: Literal[
        "sensor_silent",
        "camera_black",
        "camera_frozen",
        "bumper",
        "e_stop",
        "wheel_slip",
        "moved",
        "grasp_slip",
        "battery_low",
        "door_shut",
        "node_killed",
        "network_down",
        "speech_down",
    ]
    target: Text | None = None
    active: bool = True

    @model_validator(mode="after")
    def _has_a_target(self) -> "FaultAction":
        if (self.kind in FAULTS_OF_SOMETHING) is not (self.target is not None):
            needs = "needs a" if self.target is None else "has no"
            raise ValueError(f"{self.kind} {needs} target")
        return self


class Acknowledge(Strict):
    """Somebody takes the newest open alarm of a kind."""

    alarm: Kind
    by: Text


class Resolve(Strict):
    """Somebody ends the newest open alarm of a kind."""

    alarm: Kind
    by: Text
    reason: Text


class Words(Strict):
    """Something said or typed."""

    text: Text
    language: Literal["ko", "en"] = "ko"


class OperatorAction(Strict):
    """A human beside the system does something: exactly one of these."""

    acknowledge: Acknowledge | None = None
    resolve: Resolve | None = None
    say: Words | None = None
    answer: Words | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "OperatorAction":
        exactly_one(self, tuple(type(self).model_fields))
        return self


class SpawnAction(Strict):
    """An object or a person appears (service ``sim/spawn``)."""

    model: Text
    name: PersonId
    at: Point
    heading_deg: Degrees = 0.0


class After(Condition):
    """Waits until something happens, once the entry before has begun, and then `delay` seconds more."""

    step: Id | None = None
    delay: Seconds = 0.0

    @model_validator(mode="after")
    def _is_one(self) -> "After":
        exactly_one(self, (*CONDITIONS, "step"))
        return self


class Entry(Strict):
    """One thing that is made to happen; `at` counts from when everything is ready."""

    label: Id | None = None
    at: Seconds | None = None
    after: After | None = None
    resident: ResidentAction | None = None
    fault: FaultAction | None = None
    operator: OperatorAction | None = None
    spawn: SpawnAction | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "Entry":
        exactly_one(self, ("at", "after"))
        exactly_one(self, ("resident", "fault", "operator", "spawn"))
        return self


class Never(Condition):
    """What must not happen, or not more often than `more_than` times."""

    more_than: int = Field(default=0, ge=0, le=1000)

    @model_validator(mode="after")
    def _is_one(self) -> "Never":
        exactly_one(self, CONDITIONS)
        return self


class Expectation(Condition):
    """What must happen `at_least` so often, or never, `within` seconds of the entry `of` or of the start."""

    never: Never | None = None
    within: Annotated[Seconds, Field(gt=0.0)] | None = None
    of: Id | None = None
    at_least: int = Field(default=1, ge=1, le=1000)

    @model_validator(mode="after")
    def _is_one(self) -> "Expectation":
        exactly_one(self, (*CONDITIONS, "never"))
        if self.never is not None and self.at_least != 1:
            raise ValueError("never has more_than, not at_least")
        return self


class Scenario(Strict):
    """One story in a simulated world, and what is expected of it."""

    name: Id
    title: Title
    world: Id = "apartment"
    seed: Seed = 0
    profile: Literal["physics", "kinematic"] = "kinematic"
    camera: Id = "living_room_camera"
    language: Literal["ko", "en"] = "ko"
    duration: Annotated[Seconds, Field(gt=0.0)]
    people: tuple[PersonThere, ...] = Field(min_length=1, max_length=8, strict=False)
    timeline: tuple[Entry, ...] = Field(max_length=200, strict=False)
    expect: tuple[Expectation, ...] = Field(min_length=1, max_length=100, strict=False)


def scenarios_folder() -> Path:
    """Where the scenarios are: in the source tree, or where the package is installed."""
    source = Path(__file__).resolve().parents[2] / "sim" / "scenarios"
    if source.is_dir():
        return source
    try:
        return package_share("care_robot", dict(os.environ)) / "sim" / "scenarios"
    except SubstitutionError as error:
        raise ScenarioError(f"The scenarios cannot be found: {error}.") from None


def scenario_names() -> list[str]:
    """Names of the project's own scenarios."""
    return sorted(path.stem for path in scenarios_folder().glob("*.yaml"))


def find_scenario(name_or_path: str) -> Path:
    """The file of an installed scenario, or a path to one; ScenarioError with the nearest names."""
    path = Path(name_or_path)
    if path.suffix == ".yaml" or len(path.parts) > 1:
        return path
    names = scenario_names()
    if name_or_path not in names:
        raise ScenarioError(f"There is no scenario '{name_or_path}'{near(name_or_path, names)}")
    return scenarios_folder() / f"{name_or_path}.yaml"


def load_scenario(path: Path) -> Scenario:
    """Read a scenario and check it against itself and its world; ScenarioError names file, key and remedy."""
    # Imported late: reading a world takes MuJoCo's own libraries for its meshes.
    from care_robot.description import DescriptionError  # noqa: PLC0415
    from care_robot.simulation.sdf import find_world, read_world  # noqa: PLC0415

    try:
        scenario = read_yaml(path, Scenario)
    except YamlError as error:
        raise ScenarioError(str(error)) from None
    try:
        world = read_world(find_world(scenario.world))
    except DescriptionError as error:
        raise ScenarioError(f"{path}: world: {error}") from None
    fault = next(_faults(scenario, path, world), None)
    if fault:
        raise ScenarioError(f"{path}: {fault}")
    return scenario


def _faults(scenario: Scenario, path: Path, world: "World") -> Iterator[str]:
    """What does not fit together, each as key and sentence."""
    if scenario.name != path.stem:
        yield f"name: must be '{path.stem}', like the file"
    yield from _faults_of_people(scenario, world)
    yield from _faults_of_timeline(scenario, world)
    yield from _faults_of_expectations(scenario)


def _faults_of_people(scenario: Scenario, world: "World") -> Iterator[str]:
    cameras = [*_cameras(world), HEAD_CAMERA]
    if scenario.camera not in cameras:
        yield f"camera: the world {world.name} has no '{scenario.camera}'{near(scenario.camera, cameras)}"
    twice = [id_ for id_, n in Counter(p.id for p in scenario.people).items() if n > 1]
    if twice:
        yield f"people: two have the id '{twice[0]}'"
    for n, person in enumerate(scenario.people):
        yield from _fault_of_place(person.place, world, f"people[{n}].place")


def _fault_of_place(name: str | None, world: "World", key: str, kinds: tuple[str, ...] = ()) -> Iterator[str]:
    known = [place.name for place in world.places if not kinds or place.kind.value in kinds]
    if name is not None and name not in known:
        what = f"{' or '.join(kinds)} of the name" if kinds else "place"
        yield f"{key}: the world {world.name} has no {what} '{name}'{near(name, known)}"


def _fault_of_point(point: tuple[float, float, float] | None, world: "World", key: str) -> Iterator[str]:
    if point is not None and not world.room_at(point[0], point[1]):
        yield f"{key}: ({point[0]:g}, {point[1]:g}) is in no room of the world {world.name}"


def _faults_of_timeline(scenario: Scenario, world: "World") -> Iterator[str]:
    labels: list[str] = []
    there = [person.id for person in scenario.people]
    for n, entry in enumerate(scenario.timeline):
        key = f"timeline[{n}]"
        if entry.label in labels:
            yield f"{key}.label: '{entry.label}' stands twice"
        if entry.at is not None and entry.at > scenario.duration:
            yield f"{key}.at: {entry.at:g} s is after the end at {scenario.duration:g} s"
        if entry.after and entry.after.step is not None and entry.after.step not in labels:
            step = entry.after.step
            yield f"{key}.after.step: no earlier entry has the label '{step}'{near(step, labels)}"
        if entry.after and entry.after.who not in (None, *there):
            yield f"{key}.after: {_nobody(str(entry.after.who), there)}"
        if entry.spawn:
            there.append(entry.spawn.name)
        yield from _fault_of_action(entry, world, there, key)
        if entry.label:
            labels.append(entry.label)


def _fault_of_action(entry: Entry, world: "World", there: list[str], key: str) -> Iterator[str]:
    if entry.resident:
        action, key = entry.resident, f"{key}.resident"
        if action.who not in there:
            yield f"{key}.who: {_nobody(action.who, there)}"
        yield from _fault_of_place(action.place, world, f"{key}.place", ONLY_ON.get(action.act, ()))
        yield from _fault_of_point(action.target, world, f"{key}.target")
    if entry.spawn:
        yield from _fault_of_point(entry.spawn.at, world, f"{key}.spawn.at")
    if entry.fault and entry.fault.target:
        kind, target = entry.fault.kind, entry.fault.target
        known = {"camera_black": [*_cameras(world), HEAD_CAMERA], "door_shut": _doors(world)}
        known["camera_frozen"] = known["camera_black"]
        if kind in known and target not in known[kind]:
            thing = kind.split("_", maxsplit=1)[0]
            hint = near(target, known[kind])
            yield f"{key}.fault.target: the world {world.name} has no {thing} '{target}'{hint}"


def _faults_of_expectations(scenario: Scenario) -> Iterator[str]:
    entries = {entry.label: entry for entry in scenario.timeline if entry.label}
    there = [p.id for p in scenario.people] + [e.spawn.name for e in scenario.timeline if e.spawn]
    for n, expectation in enumerate(scenario.expect):
        key, of = f"expect[{n}]", expectation.of
        condition = expectation.never or expectation
        if of is not None and of not in entries:
            yield f"{key}.of: no entry of the timeline has the label '{of}'{near(of, list(entries))}"
        if condition.who not in (None, *there):
            yield f"{key}: {_nobody(str(condition.who), there)}"
        begin = 0.0 if of is None else entries[of].at if of in entries else None
        if begin is not None and expectation.within and begin + expectation.within > scenario.duration:
            ends = begin + expectation.within
            yield f"{key}.within: ends at {ends:g} s, after the end at {scenario.duration:g} s"


def _nobody(who: str, there: list[str]) -> str:
    return f"nobody is called '{who}'{near(who, there)}"


def _cameras(world: "World") -> list[str]:
    from care_robot.description import Camera  # noqa: PLC0415

    return sorted(s.name for m in world.models for _, s in m.sensors() if isinstance(s, Camera))


def _doors(world: "World") -> list[str]:
    return sorted(model.name for model in world.doors())
