"""Turns what a running system and its simulator tell into the log that expectations are judged by."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from care_robot.console.events import AlarmSeen, Event, FallSeen, PeopleSeen, Spoken
from care_robot.evaluation.expectations import Happened

NEAR_M = 0.02
"""A distance to the robot that changed by less is not noted again, unless it was never so short."""


@dataclass(frozen=True)
class PersonTruth:
    """What one person really does; `robot_m` is from the robot's edge to the body, NaN without a robot."""

    who: str
    posture: str
    act: str
    robot_m: float


@dataclass(frozen=True)
class Truth:
    """What is really so at one time, of the people."""

    t_s: float
    people: tuple[PersonTruth, ...]


@dataclass(frozen=True)
class NodeReport:
    """What a node says of itself."""

    t_s: float
    node: str
    alive: bool
    message: str


@dataclass(frozen=True)
class Page:
    """A page that reached its receiver."""

    t_s: float
    id: str
    alarm_id: str
    to: str
    kind: str
    text_ko: str
    text_en: str
    repeat: bool


Observed = Event | Truth | NodeReport | Page


class Observer:
    """Notes each thing once; times from `start_s` on the simulated clock."""

    def __init__(self, start_s: float = 0.0) -> None:
        self.start_s = start_s
        self._told: set[tuple[object, ...]] = set()
        self._last: dict[tuple[str, str], object] = {}
        self._distances: dict[str, tuple[float, float]] = {}

    def observe(self, event: Observed) -> list[Happened]:
        """What is new in an event."""
        return list(self._read(event))

    def _read(self, event: Observed) -> Iterator[Happened]:
        t_s = getattr(event, "t_s", 0.0) - self.start_s
        match event:
            case AlarmSeen():
                yield from self._read_alarm(event)
            case FallSeen(id=id_, kind=kind, state=state):
                if self._changed("event", id_, (kind, state)):
                    yield Happened(t_s, "event", id_, {"kind": kind, "state": state}, f"{kind} {state}")
            case Spoken(text=text, question=question):
                said = {"text": text, "question": question}
                yield Happened(t_s, "spoken", f"{t_s:.3f} {text}", said, f"“{text}”")
            case PeopleSeen(postures=postures, cameras=cameras) if cameras:  # blind is not empty
                if self._changed("seen", "", len(postures)):
                    people_n = len(postures)
                    yield Happened(t_s, "seen", "people", {"people": people_n}, f"{people_n} tracked")
            case Page(id=id_, to=to, kind=kind):
                if self._changed("paged", id_, True):
                    yield Happened(t_s, "paged", id_, {"to": to, "kind": kind}, f"page to {to}, {kind}")
            case NodeReport(node=node, alive=alive, message=message):
                node = node.lstrip("/")
                words = f"{node} {'alive' if alive else f'not well ({message})'}"
                yield Happened(t_s, "node", node, {"node": node, "alive": alive}, words)
            case Truth(people=people):
                for person in people:
                    yield from self._read_person(t_s, person)

    def _read_person(self, t_s: float, person: PersonTruth) -> Iterator[Happened]:
        who = person.who
        if self._changed("person", who, (person.posture, person.act)):
            values = {"who": who, "posture": person.posture, "act": person.act}
            yield Happened(t_s, "person", who, values, f"{who} {person.posture}, act {person.act}")
        last_m, least_m = self._distances.get(who, (math.inf, math.inf))
        now_m = person.robot_m
        if math.isfinite(now_m) and (abs(last_m - now_m) >= NEAR_M or now_m < least_m):
            self._distances[who] = now_m, min(least_m, now_m)
            yield Happened(t_s, "distance", who, {"who": who, "m": now_m}, f"robot {now_m:.2f} m from {who}")

    def _read_alarm(self, alarm: AlarmSeen) -> Iterator[Happened]:
        for step in alarm.steps:
            key = (alarm.id, step.t_s, step.event, step.state, alarm.stored)
            if key in self._told:
                continue
            self._told.add(key)
            kind, state = alarm.kind.name.lower(), step.state.name.lower()
            values = {"kind": kind, "state": state, "stored": alarm.stored, "by": step.by}
            words = f"alarm {kind} {state} ({step.event.replace('_', ' ')})"
            yield Happened(step.t_s - self.start_s, "alarm", alarm.id, values, words)

    def _changed(self, kind: str, subject: str, value: object) -> bool:
        known = self._last.get((kind, subject))
        self._last[kind, subject] = value
        return known != value
