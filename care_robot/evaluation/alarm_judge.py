"""Who should have been paged by when, told from what happened alone: nothing here knows the alarm engine.

Facts are on true time in seconds, which no clock that is set and no process that dies can change.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

FIRST_PAGE_S = 75.0
"""From the event to the first human, wherever a channel works."""
HELP_S = 5.0
SENDING_S = 15.0
"""For one page to be sent, and for a first channel that turns out to be dead."""
MENDED_S = 375.0
"""From the end of a channel's trouble to a page: five minutes between two tries, and the usual limit."""


@dataclass
class Happened:
    """Something about which a human must be told, unless the resident clearly says OK and is up."""

    id: str
    resident: str
    group: str
    """``fall`` or ``help``."""
    person: str
    at_s: float
    """From when the limit counts."""
    offered_s: float = -1.0
    """When the process was first told; below 0 for never."""
    limit_s: float = FIRST_PAGE_S
    unheard: bool = False
    """Said once while nobody could hear or keep it: no program can make up for that."""


@dataclass(frozen=True)
class Shown:
    """A page that a contact saw for the first time."""

    t_s: float
    sent_s: float
    """When the system decided to send it."""
    contact: str
    tier: int
    page_id: str
    alarm_id: str
    resident: str
    group: str


@dataclass(frozen=True)
class Act:
    """A named human took an alarm (``acknowledge``, ``attend``) or ended it (``resolve``)."""

    t_s: float
    alarm_id: str
    resident: str
    group: str
    what: str


@dataclass
class Facts:
    """One timeline, as it happened."""

    next_tier_s: float
    attend_s: float
    recover_s: float
    tiers: int
    events: list[Happened] = field(default_factory=list)
    up: list[tuple[float, str, bool]] = field(default_factory=list)
    """Time, event, and whether its person is up again."""
    oks: list[tuple[float, str]] = field(default_factory=list)
    """Time, resident: clear words, which the process took, in answer to a question."""
    shown: list[Shown] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    downtimes: list[tuple[float, float]] = field(default_factory=list)
    troubles: list[tuple[float, float]] = field(default_factory=list)
    """When some channel did not do its duty."""
    breaks: list[float] = field(default_factory=list)
    """When the clock was set, or what could not be stored was lost with its process: much begins anew."""
    end_s: float = math.inf
    """What is due later is not judged."""
    unmarked: list[str] = field(default_factory=list)
    """Ids of pages that were sent again and did not say so."""


@dataclass(frozen=True)
class Verdict:
    """What became of one duty towards one resident."""

    what: str
    since_s: float
    due_s: float
    reached_s: float | None
    undisturbed: bool
    """Whether a channel worked and the process ran all the time."""
    earlier: bool = False
    """Whether a page of before still waited for somebody, and tells of this too."""

    @property
    def page_s(self) -> float | None:
        """From the event to its own first page."""
        return None if self.reached_s is None or self.earlier else self.reached_s - self.since_s

    @property
    def late(self) -> bool:
        """Whether a human was told, but after the limit."""
        return self.reached_s is not None and self.reached_s > self.due_s + 0.5


@dataclass(frozen=True)
class Judgement:
    """What became of a timeline."""

    pages: list[Verdict]
    """First pages of falls that were not answered."""
    calls: list[Verdict]
    """First pages of calls for help."""
    again: list[Verdict]
    """Pages owed because nobody took an alarm, or who took it did not come."""
    shown_twice: list[str]
    unmarked: list[str]

    @property
    def lost(self) -> list[Verdict]:
        """Duties in which nobody was told."""
        return [v for v in (*self.pages, *self.calls, *self.again) if v.reached_s is None]

    @property
    def late(self) -> list[Verdict]:
        """Duties in which somebody was told too late."""
        return [v for v in (*self.pages, *self.calls, *self.again) if v.late]


def judge(facts: Facts) -> Judgement:
    """Judge a timeline."""
    firsts: dict[str, list[Verdict]] = {"fall": [], "help": []}
    for event, due_s in _unanswered(facts):
        limit_s = _extended(facts, event.offered_s, due_s)
        reached_s = _told(facts, event)
        in_time = reached_s is not None and reached_s <= limit_s
        taken = any(_covers(act, event) and event.offered_s <= act.t_s <= limit_s for act in facts.acts)
        if in_time or not taken:
            earlier = reached_s == event.offered_s
            verdict = Verdict(event.id, event.at_s, limit_s, reached_s, limit_s == due_s, earlier)
            firsts[event.group].append(verdict)
    again = [v for v in (*_not_attended(facts), *_not_taken(facts)) if v.due_s < facts.end_s]
    return Judgement(firsts["fall"], firsts["help"], again, list(_twice(facts)), facts.unmarked)


def _covers(what: Shown | Act, event: Happened) -> bool:
    """A call for help may be told as part of a fall; a fall is not told by a call for help."""
    if what.group == "fall" or event.group == "help":
        return what.resident == event.resident or (what.group == "help" and what.resident == "")
    return False


def _told(facts: Facts, event: Happened) -> float | None:
    """When a human was told of an event; at once where an earlier page still waits for an answer."""
    pages = sorted(s.t_s for s in facts.shown if _covers(s, event))
    before = [t_s for t_s in pages if t_s <= event.offered_s]
    if before:
        closed = [a.t_s for a in facts.acts if _covers(a, event)]
        closed += [t_s for t_s, resident in facts.oks if resident == event.resident]
        if not any(before[-1] <= t_s <= event.offered_s for t_s in closed):
            return event.offered_s
    return next((t_s for t_s in pages if t_s >= event.offered_s), None)


def _unanswered(facts: Facts) -> Iterator[tuple[Happened, float]]:
    """Each event of which a human must be told, and by when, before anything went wrong on the way."""
    due = {e.id: e.at_s + e.limit_s for e in facts.events}
    over: set[str] = set()
    for resident in sorted({e.resident for e in facts.events}):
        _follow(facts, resident, due, over)
    for event in facts.events:
        if not event.unheard and event.id not in over and event.offered_s >= 0:
            yield event, max(due[event.id], event.offered_s + HELP_S)


def _follow(facts: Facts, resident: str, due: dict[str, float], over: set[str]) -> None:
    """Follow one resident's falls through time: what an OK allowed, and what it did not."""
    steps: list[tuple[float, int, Happened | str]] = []
    mine = {e.id: e for e in facts.events if e.resident == resident and e.group == "fall"}
    steps += [(e.offered_s, 0, e) for e in mine.values() if e.offered_s >= 0]
    steps += [(t_s, 1, id_) for t_s, id_, _ in facts.up if id_ in mine]
    steps += [(t_s, 2, "ok") for t_s, who in facts.oks if who == resident]
    steps += [(a.t_s, 3, a.what) for a in facts.acts if a.resident == resident and a.group == "fall"]
    open_: dict[str, Happened] = {}
    said_s: float | None = None
    for t_s, order, what in sorted(steps, key=lambda step: step[:2]):
        if said_s is not None and t_s > said_s + facts.recover_s:
            said_s = None
        if isinstance(what, Happened):
            if said_s is not None:  # what was said before did not speak of this
                due.update({id_: max(due[id_], t_s + SENDING_S) for id_ in open_})
            open_[what.id], said_s = what, None
        elif order == 3:
            said_s = None
            if what == "resolve":
                open_.clear()
        elif order == 2 or said_s is not None:
            people = {e.person for e in open_.values()}
            if all(_is_up(facts, id_, t_s) for id_ in open_):
                over.update(open_)
                open_.clear()
                said_s = None
            elif order == 2 and len(people) == 1:
                said_s = t_s
                due.update({id_: max(due[id_], t_s + facts.recover_s + SENDING_S) for id_ in open_})


def _is_up(facts: Facts, event_id: str, t_s: float) -> bool:
    states = [up for at_s, id_, up in facts.up if id_ == event_id and at_s <= t_s]
    return bool(states and states[-1])


def _extended(facts: Facts, since_s: float, due_s: float) -> float:
    """A limit with the time added in which nobody could have been told."""
    before_s = -1.0
    while due_s != before_s:
        before_s = due_s
        for begin_s, end_s in facts.downtimes:
            if begin_s <= due_s and end_s >= since_s:
                # Nothing measures the time in which the clock is set while nobody looks at it.
                set_ = any(begin_s <= t_s <= end_s for t_s in facts.breaks)
                due_s = max(due_s, end_s + (FIRST_PAGE_S if set_ else SENDING_S))
        for begin_s, end_s in facts.troubles:
            if begin_s <= due_s and end_s >= since_s:
                due_s = max(due_s, end_s + MENDED_S)
    return due_s


def _not_attended(facts: Facts) -> Iterator[Verdict]:
    """Who takes an alarm and does not come is not believed for ever."""
    for act in facts.acts:
        due_s = act.t_s + facts.attend_s
        calm = not any(e.resident == act.resident and act.t_s <= e.offered_s <= due_s for e in facts.events)
        later = any(a.alarm_id == act.alarm_id and act.t_s < a.t_s <= due_s for a in facts.acts)
        taken = any(a.alarm_id == act.alarm_id and a.t_s < act.t_s for a in facts.acts)
        if act.what != "acknowledge" or later or taken or not calm:
            continue
        limit_s = _extended(facts, act.t_s, due_s + SENDING_S)
        pages = [s.t_s for s in facts.shown if s.alarm_id == act.alarm_id and s.t_s > act.t_s]
        what = f"{act.alarm_id[:8]} taken, not attended"
        yield Verdict(what, act.t_s, limit_s, min(pages, default=None), limit_s == due_s + SENDING_S)


def _not_taken(facts: Facts) -> Iterator[Verdict]:
    """Where nobody takes an alarm, the next tier is told; judged only where nothing else happened."""
    first: dict[str, Shown] = {}
    for shown in sorted(facts.shown, key=lambda s: s.t_s):
        first.setdefault(shown.alarm_id, shown)
    for page in first.values():
        due_s = page.sent_s + facts.next_tier_s + SENDING_S
        others = [*(a.t_s for a in facts.acts if a.alarm_id == page.alarm_id), *facts.breaks]
        others += [e.offered_s for e in facts.events if e.resident == page.resident]
        disturbed = any(page.sent_s <= t_s <= due_s for t_s in others)
        checked = any(page.sent_s - 2 * facts.recover_s <= t_s <= due_s for t_s, _ in facts.oks)
        if facts.tiers == 1 or disturbed or checked or _extended(facts, page.sent_s, due_s) != due_s:
            continue
        pages = [s.t_s for s in facts.shown if s.alarm_id == page.alarm_id and s.tier > page.tier]
        yield Verdict(f"{page.alarm_id[:8]} not taken", page.sent_s, due_s, min(pages, default=None), True)


def _twice(facts: Facts) -> Iterator[str]:
    """Pages that tell a contact the same under another id: nothing is new, and the tier's time not over.

    One id is shown once by a receiver that knows ids; two ids are two pages to it.
    """

    def same(shown: Shown) -> tuple[str, str, str]:
        return shown.contact, shown.resident, shown.group

    in_order = sorted(facts.shown, key=lambda s: (*same(s), s.sent_s))
    for _, of_one in itertools.groupby(in_order, key=same):
        for a, b in itertools.pairwise(of_one):
            news = [*(e.offered_s for e in facts.events if e.resident == b.resident or not b.resident)]
            news += [act.t_s for act in facts.acts if act.alarm_id in (a.alarm_id, b.alarm_id)]
            news += facts.breaks
            said = any(b.sent_s - facts.recover_s - SENDING_S <= t_s <= b.sent_s for t_s, _ in facts.oks)
            fresh = said or any(a.sent_s <= t_s <= b.sent_s for t_s in news)
            if b.sent_s - a.sent_s < facts.next_tier_s - 1.0 and not fresh:
                yield f"{a.page_id} and {b.page_id} to {b.contact}, {b.sent_s - a.sent_s:.1f} s apart"
