"""What the fall detector says: events, and the evidence that they rest on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

FIRST_S = 1e-3  # a stamp of zero means that a state is not reached


class Kind(IntEnum):
    """What was seen; numbers as in care_robot_msgs/FallEvent."""

    FALL = 1
    LYING = 2


class State(IntEnum):
    """How far an event has come; numbers as in care_robot_msgs/FallEvent."""

    SUSPECTED = 1
    CONFIRMED = 2
    RECOVERED = 3


@dataclass(frozen=True)
class Evidence:
    """One measured quantity and what it was compared with."""

    name: str
    value: float
    unit: str
    threshold: float


@dataclass(frozen=True)
class FallEvent:
    """One fall, or one person found lying, from suspicion to recovery. Times in s; None until reached."""

    id: str
    kind: Kind
    state: State
    person_id: str
    camera: str
    start_s: float
    confirmed_s: float | None = None
    recovered_s: float | None = None
    score: float = 0.0
    evidence: tuple[Evidence, ...] = ()

    def shifted(self, by_s: float) -> FallEvent:
        """The same event where the clock was set by so much; never before all time, which has no stamp."""

        def moved(t_s: float) -> float:
            return max(t_s + by_s, FIRST_S)

        return replace(
            self,
            start_s=moved(self.start_s),
            confirmed_s=None if self.confirmed_s is None else moved(self.confirmed_s),
            recovered_s=None if self.recovered_s is None else moved(self.recovered_s),
        )
