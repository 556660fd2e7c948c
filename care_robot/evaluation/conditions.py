"""What a scenario may wait for or expect: the part of its schema that speaks of what happens."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from care_robot.care.strict_yaml import Strict

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,50}$")]
PersonId = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,49}$")]
Text = Annotated[str, Field(min_length=1, max_length=500)]
Metres = Annotated[float, Field(ge=0.0, le=1000.0, allow_inf_nan=False)]

Posture = Literal[
    "unknown",
    "standing",
    "walking",
    "sitting",
    "bending",
    "crouching",
    "kneeling",
    "lying_on_furniture",
    "lying_on_floor",
    "lying",
]
Act = Literal[
    "stand",
    "walk",
    "sit",
    "lie_on_furniture",
    "lie_on_floor",
    "fall",
    "slide",
    "get_up",
    "bend",
    "crouch",
    "kneel",
    "say",
    "take",
    "pick_up",
    "move",
]
Kind = Literal[
    "fall",
    "lying",
    "help",
    "manual",
    "technical",
    "medication",
    "inactivity",
    "environment",
    "wandering",
    "robot",
]
State = Literal["raised", "confirming", "notified", "acknowledged", "attended", "resolved"]


class Single(Strict):
    """One thing that may happen; what is not given may be anything."""

    OF: ClassVar[str]
    """The kind of event that it speaks of."""

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether an event of its kind with these values is meant."""
        return all(values.get(key) == value for key, value in self.model_dump(exclude_none=True).items())

    def words(self) -> str:
        """Such as “alarm of kind fall, notified”."""
        raise NotImplementedError


class AlarmIs(Single):
    """A step in the life of an alarm; each alarm counts once."""

    OF: ClassVar[str] = "alarm"
    kind: Kind | None = None
    state: State | None = None
    stored: bool | None = None
    by: Text | None = None

    def words(self) -> str:
        """In English."""
        stored = {None: None, True: "stored", False: "not stored"}[self.stored]
        parts = [self.state, stored, self.by and f"by {self.by}"]
        return ", ".join(["alarm" + (f" of kind {self.kind}" if self.kind else ""), *filter(None, parts)])


class PagedIs(Single):
    """A page that reached its receiver; each page counts once, however often it is sent."""

    OF: ClassVar[str] = "paged"
    to: Id | None = None
    kind: Kind | None = None

    def words(self) -> str:
        """In English."""
        return "page" + (f" to {self.to}" if self.to else "") + (f" of kind {self.kind}" if self.kind else "")


class EventIs(Single):
    """A state of a fall event of the fall detector; each event counts once."""

    OF: ClassVar[str] = "event"
    kind: Literal["fall", "lying"] | None = None
    state: Literal["suspected", "confirmed", "recovered"] | None = None

    def words(self) -> str:
        """In English."""
        return " ".join(filter(None, ["event", self.kind and f"of kind {self.kind}", self.state]))


class SpokenIs(Single):
    """Something that the robot says."""

    OF: ClassVar[str] = "spoken"
    question: bool | None = None
    contains: Text | None = None

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it is a question, and has the text."""
        return self.question in (None, values["question"]) and (self.contains or "") in values["text"]

    def words(self) -> str:
        """In English."""
        what = {None: "something spoken", True: "spoken question", False: "spoken statement"}[self.question]
        return what + (f" with “{self.contains}”" if self.contains else "")


class SeenIs(Single):
    """How many people, or more, the robot tracks at a time."""

    OF: ClassVar[str] = "seen"
    people: int = Field(ge=1, le=20)

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether there are enough."""
        return bool(values["people"] >= self.people)

    def words(self) -> str:
        """In English."""
        return f"{self.people} or more people tracked"


class PersonIs(Single):
    """What a person really does, from the simulator's truth."""

    OF: ClassVar[str] = "person"
    who: PersonId
    posture: Posture | None = None
    act: Act | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "PersonIs":
        if self.posture is None and self.act is None:
            raise ValueError("give a posture, an act, or both")
        return self

    def words(self) -> str:
        """In English."""
        parts = [self.posture and self.posture.replace("_", " "), self.act and f"act {self.act}"]
        return f"{self.who} {', '.join(filter(None, parts))}"


class RobotWithin(Single):
    """The robot's edge is at most `m` metres from the nearest point of a person, in truth."""

    OF: ClassVar[str] = "distance"
    who: PersonId
    m: Metres

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it is near enough."""
        return values["who"] == self.who and bool(values["m"] <= self.m)

    def words(self) -> str:
        """In English."""
        return f"robot within {self.m:g} m of {self.who}"


class RobotCloserThan(Single):
    """The robot's edge is less than `m` metres from the nearest point of a person, in truth."""

    OF: ClassVar[str] = "distance"
    who: PersonId
    m: Metres

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it is too near."""
        return values["who"] == self.who and bool(values["m"] < self.m)

    def words(self) -> str:
        """In English."""
        return f"robot closer than {self.m:g} m to {self.who}"


class NodeAlive(Single):
    """A node reports on ``/diagnostics``, active and without an error."""

    OF: ClassVar[str] = "node"
    node: Text

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it is this node, and well."""
        return values["node"] == self.node.lstrip("/") and bool(values["alive"])

    def words(self) -> str:
        """In English."""
        return f"{self.node} alive"


class Condition(Strict):
    """Exactly one thing that may happen."""

    alarm: AlarmIs | None = None
    paged: PagedIs | None = None
    event: EventIs | None = None
    spoken: SpokenIs | None = None
    seen: SeenIs | None = None
    person: PersonIs | None = None
    robot_within: RobotWithin | None = None
    robot_closer_than: RobotCloserThan | None = None
    node_alive: NodeAlive | None = None

    @property
    def single(self) -> Single | None:
        """The one that is given."""
        return next((getattr(self, name) for name in CONDITIONS if getattr(self, name) is not None), None)

    @property
    def who(self) -> str | None:
        """The person that it speaks of, if it does."""
        return getattr(self.single, "who", None)


CONDITIONS = tuple(Condition.model_fields)


def exactly_one(model: Strict, names: tuple[str, ...]) -> None:
    """ValueError unless exactly one of these keys of `model` is given."""
    given = [name for name in names if getattr(model, name) is not None]
    if len(given) != 1:
        found = f", not {' and '.join(given)}" if given else ""
        raise ValueError(f"must have exactly one of {', '.join(names)}{found}")
