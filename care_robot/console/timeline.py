"""The story of one fall as it unfolds, and what of it is still missing."""

import enum
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from care_robot.care.alarms import AlarmState
from care_robot.console.events import AlarmSeen, Event, FallSeen, PeopleSeen, Spoken


class Step(enum.Enum):
    """What must happen between a fall and a human who knows, in Korean and English."""

    PERSON_SEEN = ("사람 확인", "person seen")
    FALL = ("낙상 감지", "fall")
    ALARM_STORED = ("알람 저장", "alarm stored")
    QUESTION = ("음성 질문", "spoken question")
    NO_ANSWER = ("응답 없음", "no answer")
    PAGED = ("보호자 호출", "human paged")
    ACKNOWLEDGED = ("호출 확인", "acknowledged")

    @property
    def title(self) -> str:
        """Korean, then English."""
        return " · ".join(self.value)


@dataclass(frozen=True)
class Line:
    """One line of the timeline; `t_s` on the node clock."""

    t_s: float
    step: Step
    detail: str


@dataclass(frozen=True)
class PageReceived:
    """A page that reached its receiver."""

    t_s: float
    alarm_id: str
    text_ko: str
    text_en: str
    repeat: bool


@dataclass
class Timeline:
    """Turns what is observed into lines, the first time that each thing is seen.

    A later step counts only for the alarm of this story: the first one that a fall raised.
    """

    lines: list[Line] = field(default_factory=list)
    alarm_id: str = ""
    resolved: bool = False
    _pages: list[PageReceived] = field(default_factory=list)
    _told: set[tuple[object, ...]] = field(default_factory=set)

    @property
    def missing(self) -> list[Step]:
        """Steps that have not happened, in order."""
        happened = {line.step for line in self.lines}
        return [step for step in Step if step not in happened]

    @property
    def out_of_order(self) -> list[Step]:
        """Steps that first happened before one that should come before them."""
        first = {line.step: line.t_s for line in reversed(self.lines)}
        steps = [step for step in Step if step in first]
        return [b for a, b in itertools.pairwise(steps) if first[b] < first[a]]

    def observe(self, event: Event | PageReceived) -> list[Line]:
        """The new lines that an event adds."""
        new = []
        for key, line in self._read(event):
            if key not in self._told:
                self._told.add(key)
                new.append(line)
        self.lines += new
        return new

    def _read(self, event: Event | PageReceived) -> Iterator[tuple[tuple[object, ...], Line]]:
        match event:
            case PeopleSeen(postures=postures) if postures:
                detail = f"{', '.join(postures)} ({', '.join(event.cameras)})"
                yield (Step.PERSON_SEEN,), Line(event.t_s, Step.PERSON_SEEN, detail)
            case FallSeen(state="confirmed"):
                detail = f"{event.kind}, score {event.score:.2f}: {', '.join(event.evidence[:3])}"
                yield (Step.FALL, event.id), Line(event.t_s, Step.FALL, detail)
            case AlarmSeen():
                yield from self._read_alarm(event)
            case Spoken(question=True):
                mark = "" if event.audible else " (no audio: shown and logged)"
                yield (Step.QUESTION, event.t_s), Line(event.t_s, Step.QUESTION, f"“{event.text}”{mark}")
            case PageReceived() if event.alarm_id == self.alarm_id:
                # Told when the alarm's own steps have come so far: a page may overtake the topic.
                self._pages.append(event)
            case _:
                pass

    def _read_alarm(self, alarm: AlarmSeen) -> Iterator[tuple[tuple[object, ...], Line]]:
        if not self.alarm_id and alarm.kind.name in ("FALL", "LYING"):
            self.alarm_id = alarm.id
        if alarm.id != self.alarm_id:
            return
        self.resolved = alarm.state is AlarmState.RESOLVED
        if alarm.stored:
            detail = f"alarm {alarm.id[:8]}, priority {alarm.priority.name.lower()}"
            yield (Step.ALARM_STORED,), Line(alarm.raised_at_s, Step.ALARM_STORED, detail)
        for step in alarm.steps:
            reason = f"{step.reason_ko} · {step.reason_en}"
            if step.event == "no_answer":
                yield (Step.NO_ANSWER, step.t_s), Line(step.t_s, Step.NO_ANSWER, reason)
            elif step.event == "paged":
                for page in self._pages:
                    mark = " (repeat)" if page.repeat else ""
                    detail = f"{page.text_ko} · {page.text_en}{mark}"
                    yield (Step.PAGED, page.t_s), Line(page.t_s, Step.PAGED, detail)
            elif step.state is AlarmState.ACKNOWLEDGED:
                yield (Step.ACKNOWLEDGED, step.t_s), Line(step.t_s, Step.ACKNOWLEDGED, reason)
