"""How many false pages a carer gets, and how many real ones, over simulated days: the stated noise model.

False events come at random times, so many a resident a day. Their person is up and well: seen to be up
again within a minute, and asked, answers as `FALSE_ANSWERS` says: drawn once for an event, so that who is
unclear once stays so however often they are asked, which is the harder reading. Residents who have really
fallen stay down, and answer as `TRUE_ANSWERS` says. The carer takes an alarm after a time around 25 s, is
there after one to five minutes, and ends it. Every page that is shown counts, the second tier's too.
"""

import random
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from care_robot.care.alarms import AlarmKind, AlarmState
from care_robot.care.config import CareConfig, parse_config
from care_robot.care.effects import AskResident, ProbeChannel, PublishAlarms, SendPage, StopAsking
from care_robot.care.inputs import (
    Acknowledge,
    AskEnded,
    AskResult,
    Attend,
    ChannelTested,
    FallReport,
    FallsSeen,
    FallState,
    Heard,
    Input,
    PageEnded,
    Resolve,
)
from care_robot.evaluation.alarm_house import House

DAYS = 30
RESIDENTS = 20
DAY_S = 86_400.0
RATES = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0)
"""False events a resident a day; the requirement is about 1."""
TRUE_RATE = 0.1
"""Real falls a resident a day."""
FALSE_ANSWERS = {"ok": 0.80, "unclear": 0.15, "silent": 0.05}
TRUE_ANSWERS = {"silent": 0.50, "help": 0.30, "unclear": 0.15, "ok": 0.05}
WORDS = {"ok": "괜찮아요", "unclear": "음… 글쎄", "help": "도와주세요"}
UP_AGAIN_S = (2.0, 60.0)
PAGED_WITHIN_S = 420.0
"""A real fall counts as paged within this: who says OK and does not get up is paged after five minutes."""
CARER_MEDIAN_S, CARER_SPREAD = 25.0, 0.7
"""Until the carer takes an alarm: lognormal."""


@dataclass(frozen=True)
class Burden:
    """What carers got at one rate of false events."""

    false_rate: float
    independent: bool
    """Whether each answer of an event is drawn anew, instead of once for the event."""
    false_events: int
    false_events_paged: int
    false_pages: int
    true_events: int
    true_events_paged: int
    resident_days: int

    @property
    def false_pages_per_resident_day(self) -> float:
        """Pages shown for nothing."""
        return self.false_pages / self.resident_days

    @property
    def paged_rate(self) -> float:
        """Of the real falls."""
        return self.true_events_paged / max(1, self.true_events)


@dataclass
class _Fall:
    room: str
    at_s: float
    is_real: bool
    answers: str
    pages: int = 0
    first_page_s: float | None = None


class _Ward(House):
    """Residents, each in a room, and one carer on duty."""

    def __init__(self, seed: int, false_rate: float, days: int, residents: int, independent: bool) -> None:
        super().__init__(_ward(residents))
        self._rng = random.Random(f"burden {seed} {false_rate} {days} {residents} {independent}")  # noqa: S311
        self._independent = independent
        self._reports: dict[str, FallReport] = {}
        self._room_of: dict[str, str] = {}
        self._asked: set[str] = set()
        self.falls: dict[str, _Fall] = {}
        self._newest: dict[str, _Fall] = {}
        self._open: dict[str, dict[str, _Fall]] = {}
        self._waiting: dict[str, bool] = {}
        self._paged: set[str] = set()
        self.start()
        for n in range(residents):
            for is_real, rate in ((False, false_rate), (True, TRUE_RATE)):
                for begin in range(round(rate * days)):
                    t_s = (begin + self._rng.random()) / rate * DAY_S
                    self.at(t_s, partial(self._happens, f"room{n}", is_real))
        self.run(days * DAY_S + 3600.0)

    def _happens(self, room: str, is_real: bool) -> None:
        event_id = f"e{len(self.falls)}"
        fall = _Fall(room, self.t_s, is_real, self._draw(is_real))
        self.falls[event_id] = self._newest[room] = fall
        self._open.setdefault(room, {})[event_id] = fall
        if self._waiting.get(room):  # a page is shown already that nobody has taken yet
            fall.first_page_s = self.t_s
        seen = self.now - timedelta(seconds=1)
        report = FallReport(
            event_id, AlarmKind.FALL, FallState.CONFIRMED, room, f"{room}_camera", room, seen, self.now
        )
        self._reports[event_id] = report
        self._see()
        if not is_real:
            self.at(self.t_s + self._rng.uniform(*UP_AGAIN_S), lambda: self._is_up(event_id))

    def _draw(self, is_real: bool) -> str:
        shares = TRUE_ANSWERS if is_real else FALSE_ANSWERS
        return self._rng.choices(list(shares), list(shares.values()))[0]

    def _is_up(self, event_id: str) -> None:
        report = self._reports.get(event_id)
        if report is not None:
            self._reports[event_id] = replace(report, state=FallState.RECOVERED)
            self._see()
            self._reports.pop(event_id, None)

    def _see(self) -> None:
        self.do(FallsSeen(tuple(self._reports.values())))

    def asked(self, question: AskResident) -> None:
        """The resident answers in their way, or the question ends in silence."""
        self._asked.add(question.ask_id)
        self.at(self.t_s, lambda: self._hears(question))  # once it is known whose alarm it is

    def _hears(self, question: AskResident) -> None:
        fall = self._newest[self._room_of[question.ask_id.partition("-")[0]]]
        how = self._draw(fall.is_real) if self._independent else fall.answers
        after_s = self._rng.uniform(5.0, 5.0 + question.answer_timeout_s)
        end: Input = AskEnded(question.ask_id, AskResult.NO_ANSWER)
        if how == "silent":
            after_s = 5.0 + question.answer_timeout_s
        else:
            heard = Heard(WORDS[how], self.clock(self.t_s + after_s), fall.room)
            end = AskEnded(question.ask_id, AskResult.ANSWERED, heard)
        self.at(self.t_s + after_s, lambda: self.do(end) if question.ask_id in self._asked else None)

    def stopped(self, question: StopAsking) -> None:
        """Nobody listens any more."""
        self._asked.discard(question.ask_id)

    def sent(self, page: SendPage) -> None:
        """The page is shown at once; the first carer who sees it goes."""
        self._paged.add(page.page.alarm_id)
        falls = list(self._open.get(page.page.room, {}).values())
        if falls and not any(fall.is_real for fall in falls):
            falls[-1].pages += 1
        if any(fall.first_page_s is None for fall in falls):
            self._carer_goes(page.page.alarm_id)
        for fall in falls:
            fall.first_page_s = self.t_s if fall.first_page_s is None else fall.first_page_s
        self.tell_later(0.2, PageEnded(page.page.id, page.channel, True))

    def _carer_goes(self, alarm_id: str) -> None:
        takes_s = self.t_s + self._rng.lognormvariate(0.0, CARER_SPREAD) * CARER_MEDIAN_S
        there_s = takes_s + self._rng.uniform(60.0, 300.0)
        self.at(takes_s, lambda: self.do(Acknowledge(alarm_id, "carer")))
        self.at(there_s, lambda: self.do(Attend(alarm_id, "carer")))
        self.at(there_s + 120.0, lambda: self.do(Resolve(alarm_id, "carer", "seen to")))

    def tested(self, test: ProbeChannel) -> None:
        """Every channel works."""
        self.tell_later(0.2, ChannelTested(test.contact_id, test.channel, True))

    def published(self, alarms: PublishAlarms) -> None:
        """Real falls are over, for the camera too, when a carer has seen to them."""
        for alarm in reversed(alarms.alarms):
            self._room_of[alarm.id] = alarm.room
            self._waiting[alarm.room] = alarm.state is AlarmState.NOTIFIED and alarm.id in self._paged
            for source in alarm.sources if alarm.state is AlarmState.RESOLVED else ():
                event_id = source.key.removeprefix("fall:")
                self._open.get(alarm.room, {}).pop(event_id, None)
                self._reports.pop(event_id, None)


def _ward(residents: int) -> CareConfig:
    console = [{"type": "console"}]
    return parse_config(
        {
            "setting": "facility",
            "residents": [{"id": f"r{n}", "rooms": [f"room{n}"]} for n in range(residents)],
            "contacts": [
                {"id": "on_duty", "channels": console},
                {"id": "head", "tier": 2, "channels": console},
            ],
            "timeouts": {"self_test_s": 86_400.0},  # every channel works here, and tests take time
        },
        "the ward",
    )


def measure(
    seed: int, false_rate: float, *, days: int = DAYS, residents: int = RESIDENTS, independent: bool = False
) -> Burden:
    """Simulate some days at one rate of false events a resident a day."""
    falls = list(_Ward(seed, false_rate, days, residents, independent).falls.values())
    real, false = [f for f in falls if f.is_real], [f for f in falls if not f.is_real]
    in_time = [f for f in real if f.first_page_s is not None and f.first_page_s - f.at_s <= PAGED_WITHIN_S]
    return Burden(
        false_rate=false_rate,
        independent=independent,
        false_events=len(false),
        false_events_paged=sum(f.pages > 0 for f in false),
        false_pages=sum(f.pages for f in false),
        true_events=len(real),
        true_events_paged=len(in_time),
        resident_days=days * residents,
    )
