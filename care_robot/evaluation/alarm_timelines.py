"""Random timelines with faults for the alarm engine, told on its real database; `alarm_judge` judges them."""

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from care_robot.care.alarms import AlarmKind, Changes, Snapshot
from care_robot.care.config import CareConfig, parse_config
from care_robot.care.effects import SendPage
from care_robot.care.inputs import FallReport, FallsSeen, FallState, Heard, Raise, ResponsesSeen
from care_robot.care.keeper import StorageError
from care_robot.care.recovery import open_store
from care_robot.care.store import FILE_NAME, AlarmStore
from care_robot.evaluation.alarm_cast import CALLS, Cast, Trouble
from care_robot.evaluation.alarm_house import KilledError
from care_robot.evaluation.alarm_judge import FIRST_PAGE_S, HELP_S, Facts, Happened, Judgement, judge

CALM_S = 2400.0
"""After the last thing that happens: every duty is settled by then."""
REPEAT_S = 7.0
"""Between two repetitions of the open fall events; the real detector's second would only take longer."""
STORING_S = 6.0
"""After the disk has room again: until what is in memory is tried again."""
TROUBLES = ("dead", "dead", "silent", "slow", "duplicating", "answer_lost")


@dataclass
class Told:
    """One timeline and what became of it."""

    n: int
    facts: Facts
    judgement: Judgement
    kills: int
    unheard: int


def _config(rng: random.Random) -> CareConfig:
    facility = rng.random() < 0.4
    names = [f"Resident {n}" for n in range(1, rng.choice((1, 1, 2, 3)) + 1)]
    residents = [{"id": f"r{n}", "name": name, "rooms": [f"room{n}"]} for n, name in enumerate(names, 1)]
    contacts = [
        {
            "id": f"c{tier}{letter}",
            "tier": tier,
            "channels": [{"type": "webhook", "url": "https://example.org/p"}, {"type": "console"}][
                : rng.choice((1, 2))
            ],
        }
        for tier in range(1, rng.choice((1, 2, 3)) + 1)
        for letter in "ab"[: rng.choice((1, 1, 2))]
    ]
    setting = "facility" if facility else "home"
    return parse_config({"setting": setting, "residents": residents, "contacts": contacts}, "a timeline")


class _Disk:
    """The database, with a disk that may be full and a process that may die before or after a commit."""

    def __init__(self, house: "Timeline") -> None:
        self._house = house
        opened = open_store(house.folder)
        self._store, self._snapshot = opened.store, opened.snapshot

    def load(self) -> Snapshot:
        return self._snapshot

    def save(self, changes: Changes) -> None:
        self._house.die_if("before commit")
        if self._house.disk_full():
            raise StorageError("no space left on device")
        self._store.save(changes)
        self._house.stored = True
        for page_id in changes.pages:
            self._house.decided(page_id)
        self._house.die_if("after commit")

    def close(self) -> None:
        self._store.close()


class Timeline(Cast):
    """A house in which everything may happen; which of it does is drawn from a seed."""

    def __init__(self, seed: int, n: int, folder: Path) -> None:
        rng = random.Random(f"alarms {seed} {n}")  # noqa: S311 (no secret)
        super().__init__(_config(rng), lambda: _Disk(self), rng)
        self.folder = folder
        self.kills = 0
        self._death = ""
        self._down_since_s: float | None = 0.0
        self._disks: list[tuple[float, float]] = []
        self._reports: dict[str, FallReport] = {}
        self._old_reports: list[tuple[FallReport, ...]] = []
        self._event: dict[str, Happened] = {}
        self._name_of = {r.id: r.name for r in self.config.residents}
        self._plan()

    def tell(self) -> Told:
        """Tell the timeline to its end and judge it."""
        self.start()
        self.run(self._end_s)
        if self.up:
            self._storage.close()
        else:
            self.facts.downtimes.append((self._down_since_s or 0.0, self._end_s))
        unheard = sum(e.unheard for e in self.facts.events)
        return Told(0, self.facts, judge(self.facts), self.kills, unheard)

    # What is to happen

    def _plan(self) -> None:
        rng, last_s = self.rng, 0.0
        length_s = rng.uniform(300.0, 1200.0)

        def times(most: int) -> Iterator[float]:
            nonlocal last_s
            for _ in range(rng.randint(0, most)):
                t_s = rng.uniform(0.0, length_s)
                last_s = max(last_s, t_s)
                yield t_s

        some = [kind for kind in ("kill", "clock", "disk", "channel", "order") if rng.random() < 0.5]
        events = [rng.uniform(5.0, length_s * 0.7) for _ in range(rng.choice((1, 1, 2, 3, 5)))]
        for n, t_s in enumerate(events):
            kind = rng.choices(("fall", "lying", "help", "button"), (6, 2, 2, 1))[0]
            self.at(t_s, partial(self._happens, f"e{n}", kind))
        if "kill" in some:
            for t_s in times(3):
                self.at(t_s, self.kill)
            for t_s in [
                *times(3),
                *(e + rng.choice((0.0, 14.0, 60.0)) for e in events if rng.random() < 0.5),
            ]:
                place = rng.choice(("before commit", "after commit", "between effects", "while sending"))
                self.at(t_s - 0.01, partial(setattr, self, "_death", place))
        if "clock" in some:
            for t_s in times(2):
                by_s = rng.choice((-1, 1)) * rng.choice((rng.uniform(0.1, 1.0), rng.uniform(2.0, 7200.0)))
                self.at(t_s, partial(self._sets_clock, by_s))
        if "disk" in some:
            for t_s in times(2):
                self._disks.append((t_s, t_s + rng.uniform(3.0, 90.0)))
        if "channel" in some:
            self._plan_channels(length_s)
        if rng.random() < 0.15:
            self.at(rng.uniform(0.0, length_s), self.declares_presence)
        for n in range(int(length_s / REPEAT_S)):
            self.at(n * REPEAT_S + rng.uniform(0.0, REPEAT_S), lambda: self._repeats("order" in some))
        self._end_s = self.facts.end_s = length_s + CALM_S

    def _plan_channels(self, length_s: float) -> None:
        rng = self.rng
        for contact in self.config.contacts:
            for place in range(len(contact.channels)):
                for _ in range(rng.choice((0, 1, 1, 2))):
                    begin_s = rng.uniform(0.0, length_s)
                    kind = rng.choice(TROUBLES)
                    trouble = Trouble(begin_s, begin_s + rng.uniform(10.0, 400.0), kind)
                    self.troubles.setdefault((contact.id, place), []).append(trouble)
                    if kind != "duplicating":
                        self.facts.troubles.append((trouble.begin_s, trouble.end_s + 25.0))

    # Residents, and what sees them

    def _happens(self, event_id: str, kind: str) -> None:
        rng = self.rng
        resident = rng.choice([r.id for r in self.config.residents])
        group = "fall" if kind in ("fall", "lying") else "help"
        person = resident if rng.random() < 0.85 else "visitor"
        lag_s = rng.uniform(0.0, 0.5) if group == "help" or rng.random() < 0.9 else rng.uniform(5.0, 50.0)
        event = Happened(event_id, self._name_of[resident], group, person, self.t_s)
        self.facts.events.append(event)
        self._event[event_id] = event
        if kind == "button":
            self._presses(event, resident)
        elif kind == "help":
            self._calls(event, self.room_of[resident])
        else:
            report = FallReport(
                event_id,
                kind=AlarmKind.FALL if kind == "fall" else AlarmKind.LYING,
                person_id=person,
                room=self.room_of[resident],
                camera=f"{self.room_of[resident]}_camera",
                start=self.clock(self.t_s - 2.0),
                confirmed_at=self.now,
            )
            self.at(self.t_s + lag_s, lambda: self._sees(report))
            if rng.random() < 0.6:
                self.at(self.t_s + lag_s + rng.uniform(3.0, 400.0), lambda: self._gets_up(event_id))

    def _sees(self, report: FallReport) -> None:
        self._reports[report.id] = report
        self._publish_falls()

    def _gets_up(self, event_id: str) -> None:
        self._reports[event_id] = replace(self._reports[event_id], state=FallState.RECOVERED)
        self.facts.up.append((self.t_s, event_id, True))
        self._publish_falls()

    def _publish_falls(self) -> None:
        if self._reports:
            self._old_reports.append(tuple(self._reports.values()))
            self._show_falls(self._old_reports[-1])

    def _show_falls(self, reports: tuple[FallReport, ...]) -> None:
        if self.up:
            for report in reports:
                self._offered(self._event[report.id])
            self.do(FallsSeen(reports))

    def _repeats(self, out_of_order: bool) -> None:
        if out_of_order and self._old_reports and self.rng.random() < 0.1:
            # An old message of what is still down comes late; who is up again is not seen down.
            old = self.rng.choice(self._old_reports)
            up = {id_ for _, id_, _ in self.facts.up}
            self._show_falls(tuple(r for r in old if r.id not in up or r.state == FallState.RECOVERED))
        self._publish_falls()
        if self.responses and self.up:
            self.do(ResponsesSeen(tuple(self.responses.values())))

    def _calls(self, event: Happened, room: str) -> None:
        heard = Heard(self.rng.choice(CALLS), self.now, room)
        self._once(event, room, lambda: self.do(heard))

    def _presses(self, event: Happened, resident: str) -> None:
        press = Raise(AlarmKind.HELP, 3, f"button-{event.id}", resident, self.room_of[resident], "button")
        self._once(event, self.room_of[resident], lambda: self.do(press))

    def _once(self, event: Happened, room: str, tell: Callable[[], Any]) -> None:
        """Something that is not repeated is heard once, or not at all."""
        limit_s = FIRST_PAGE_S if self.presence_until_s.get(room, -1.0) > self.t_s else HELP_S
        event.limit_s = limit_s
        if self.up:
            self._offered(event)
        self.stored = False
        event.unheard = tell() is None and not self.stored

    def _offered(self, event: Happened) -> None:
        if event.offered_s < 0:
            event.offered_s = self.t_s

    # Faults

    def _sets_clock(self, by_s: float) -> None:
        self.facts.breaks.append(self.t_s)
        self.set_clock(by_s)

    def disk_full(self, after_s: float = 0.0) -> bool:
        """Whether nothing can be stored, or could not until `after_s` ago."""
        return any(begin_s <= self.t_s < end_s + after_s for begin_s, end_s in self._disks)

    def die_if(self, place: str) -> None:
        """Die here where the timeline says so."""
        if self._death == place:
            self._death = ""
            raise KilledError

    def sent(self, page: SendPage) -> None:
        """Perhaps die while the page is on its way: who knows then whether it arrived?"""
        super().sent(page)
        if self._death == "while sending":
            self._death = ""
            self.at(self.t_s + self.rng.uniform(0.0, 0.5), self.kill)

    def before_effect(self) -> None:
        """Die between two effects of one step, where the timeline says so."""
        if self.rng.random() < 0.5:
            self.die_if("between effects")

    def died(self) -> None:
        """Start again after a while."""
        super().died()
        self.kills += 1
        if self._down_since_s is None:
            self._down_since_s = self.t_s
        if self.disk_full(STORING_S):  # what was only in its memory is gone, and not all of it is repeated
            self.forgot = True
            self.facts.breaks.append(self.t_s)
            told = {(s.resident, s.group) for s in self.facts.shown}
            for event in self.facts.events:
                event.unheard |= event.group == "help" and (event.resident, "help") not in told
        rng = self.rng
        down_s = rng.uniform(1.0, 4.0) if rng.random() < 0.85 else rng.uniform(10.0, 90.0)
        self.at(self.t_s + down_s, self.start)

    def started(self) -> None:
        """See what is still so."""
        if self._down_since_s is not None:
            self.facts.downtimes.append((self._down_since_s, self.t_s))
        self._down_since_s = None
        self.at(self.t_s + self.rng.uniform(0.1, 1.0), self._publish_falls)


@contextmanager
def empty_database() -> Iterator[Path]:
    """Folder in memory with a database that is new and ready: to build one takes longer than to copy it."""
    memory = Path("/dev/shm")  # noqa: S108 (a folder of its own is made there)
    with tempfile.TemporaryDirectory(
        prefix="care_alarms_", dir=memory if memory.is_dir() else None
    ) as folder:
        template = Path(folder, "template")
        AlarmStore(template).close()
        yield template


def tell(seed: int, n: int, template: Path, house: type[Timeline] = Timeline) -> Told:
    """Tell the `n`-th timeline of a seed."""
    folder = template.with_name(f"timeline_{n}")
    folder.mkdir()
    shutil.copy(template / FILE_NAME, folder)
    try:
        told = house(seed, n, folder).tell()
    finally:
        shutil.rmtree(folder)
    return replace(told, n=n)
