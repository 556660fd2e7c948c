"""Who lives, cares and carries pages in a random timeline, each doing at random what such people do."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from care_robot.care.alarms import AlarmKind, AlarmState
from care_robot.care.config import CareConfig
from care_robot.care.effects import AskResident, ProbeChannel, PublishAlarms, SendPage, StopAsking
from care_robot.care.inputs import (
    Acknowledge,
    AskEnded,
    AskResult,
    Attend,
    ChannelTested,
    Heard,
    Input,
    PageEnded,
    PauseAudio,
    Resolve,
    Response,
    ResponsesSeen,
    ResponseState,
    SetPresence,
)
from care_robot.evaluation.alarm_house import House, Storage
from care_robot.evaluation.alarm_judge import Act, Facts, Shown

CLEAR_OK = ("괜찮아요", "괜찮습니다", "네, 괜찮아요")
NOT_OK = ("음…", "네?", "몰라", "괜찮아요? 글쎄", "괜찮아요… 아니 아파요", "뭐라고", "yes", "")
CALLS = ("도와주세요", "살려줘", "help me")


@dataclass(frozen=True)
class Trouble:
    """A channel does not do its duty for a while."""

    begin_s: float
    end_s: float
    kind: str
    """``dead``, ``silent``, ``slow``, ``duplicating`` or ``answer_lost``."""


class Cast(House):
    """Residents who answer or not, channels that carry pages or not, carers who come or not, maybe a robot.

    Attributes
    ----------
    facts
        What happened, for the judge.
    stored
        Whether anything was committed since somebody set it to false.
    forgot
        Whether something that could not be stored was lost: a page may come again without saying so.
    """

    def __init__(self, config: CareConfig, open_storage: Callable[[], Storage], rng: random.Random) -> None:
        super().__init__(config, open_storage)
        self.rng = rng
        self.stored = self.forgot = False
        t = config.timeouts
        next_tier_s = t.next_tier_s or (60.0 if config.setting == "facility" else 120.0)
        self.facts = Facts(next_tier_s, t.attend_s, t.recover_s, config.tiers)
        self.room_of = {r.id: r.rooms[0] for r in config.residents}
        self.troubles: dict[tuple[str, int], list[Trouble]] = {}
        self.presence_until_s: dict[str, float] = {}
        self.responses: dict[str, Response] = {}
        self._tier_of = {c.id: c.tier for c in config.contacts}
        self._questions: set[str] = set()
        self._decided: dict[str, float] = {}
        self._sent: set[str] = set()
        self._seen: set[tuple[str, str]] = set()
        self._alarm: dict[str, tuple[str, str]] = {}
        self._responding: set[str] = set()
        self._has_robot = rng.random() < 0.5
        self._carers_act = rng.choice((0.0, 0.5, 0.9))

    def died(self) -> None:
        """Nobody listens any more."""
        self._questions.clear()

    # Questions

    def asked(self, question: AskResident) -> None:
        """The resident answers, or not."""
        rng = self.rng
        self._questions.add(question.ask_id)
        how = rng.choices(("ok", "unclear", "call", "silence", "failed", "hung"), (30, 20, 10, 25, 10, 5))[0]
        end = AskEnded(question.ask_id, AskResult.NO_ANSWER, audible=rng.random() < 0.9)
        delay_s = rng.uniform(1.0, 6.0) + question.answer_timeout_s
        if how == "failed":
            end, delay_s = AskEnded(question.ask_id, AskResult.FAILED), rng.uniform(0.1, 3.0)
        elif how in ("ok", "unclear", "call"):
            text = rng.choice({"ok": CLEAR_OK, "unclear": NOT_OK, "call": CALLS}[how])
            delay_s = rng.uniform(1.0, delay_s)
            heard = Heard(text, self.clock(self.t_s + delay_s), question.room)
            end = AskEnded(question.ask_id, AskResult.ANSWERED, heard)
        if how != "hung":
            life = self._life
            self.at(self.t_s + delay_s, lambda: self._answers(end, how) if life == self._life else None)

    def _answers(self, end: AskEnded, how: str) -> None:
        if end.ask_id not in self._questions:
            self.do(end)  # too late: the engine has gone on
            return
        resident = self._alarm.get(end.ask_id.partition("-")[0], ("", ""))[0]
        self._questions.discard(end.ask_id)
        self.stored = False
        if (self.do(end) is not None or self.stored) and how == "ok":
            self.facts.oks.append((self.t_s, resident))

    def stopped(self, question: StopAsking) -> None:
        """Whatever is said now comes too late."""
        self._questions.discard(question.ask_id)

    # Channels

    def sent(self, page: SendPage) -> None:
        """A channel carries the page as well as it can."""
        rng, id_ = self.rng, page.page.id
        first_s = self.decided(id_)
        if id_ in self._sent and not page.repeat and not self.forgot:
            self.facts.unmarked.append(id_)
        self._sent.add(id_)
        kind = self._kind_of(page.page.contact_id, page.channel)
        delay_s = rng.uniform(5.0, 25.0) if kind == "slow" else rng.uniform(0.01, 0.4)
        if kind not in ("dead", "silent"):
            for _ in range(2 if kind == "duplicating" else 1):
                self.at(self.t_s + delay_s * rng.uniform(0.5, 1.0), lambda: self._shows(page, first_s))
        if kind == "dead":
            delay_s = rng.uniform(0.0, 11.0)
        if kind not in ("silent", "answer_lost"):
            problem = "no route" if kind == "dead" else ""
            self.tell_later(delay_s, PageEnded(id_, page.channel, kind != "dead", problem))

    def decided(self, page_id: str) -> float:
        """When a page was first stored, or sent; it may be sent later, by the next life of the process."""
        return self._decided.setdefault(page_id, self.t_s)

    def tested(self, test: ProbeChannel) -> None:
        """A channel says whether it works."""
        works = self._kind_of(test.contact_id, test.channel) not in ("dead", "silent")
        self.tell_later(self.rng.uniform(0.01, 3.0), ChannelTested(test.contact_id, test.channel, works))

    def _kind_of(self, contact: str, place: int) -> str:
        troubles = self.troubles.get((contact, place), [])
        return next((t.kind for t in troubles if t.begin_s <= self.t_s < t.end_s), "")

    def _shows(self, sent: SendPage, first_s: float) -> None:
        page = sent.page
        if (page.contact_id, page.id) in self._seen:
            return
        self._seen.add((page.contact_id, page.id))
        groups = {AlarmKind.FALL: "fall", AlarmKind.LYING: "fall", AlarmKind.HELP: "help"}
        if page.kind not in groups:
            return
        group, tier = groups[page.kind], self._tier_of[page.contact_id]
        shown = Shown(
            self.t_s, first_s, page.contact_id, tier, page.id, page.alarm_id, page.resident_name, group
        )
        self.facts.shown.append(shown)
        if self.rng.random() < self._carers_act:
            self.at(self.t_s + self.rng.uniform(3.0, 150.0), lambda: self._takes(page.alarm_id))

    # Carers

    def published(self, alarms: PublishAlarms) -> None:
        """Carers see the alarms; the robot goes."""
        for alarm in alarms.alarms:
            help_ = alarm.kind in (AlarmKind.HELP, AlarmKind.MANUAL)
            self._alarm[alarm.id] = (alarm.resident_name, "help" if help_ else "fall")
            responds = self._has_robot and alarm.kind in (AlarmKind.FALL, AlarmKind.LYING)
            if responds and alarm.state is not AlarmState.RESOLVED and alarm.id not in self._responding:
                self._responding.add(alarm.id)
                self._robot_comes(alarm.id)

    def _robot_comes(self, alarm_id: str) -> None:
        def becomes(state: ResponseState, arrived: bool = False, problem: str = "") -> None:
            self.responses[alarm_id] = Response(alarm_id, state, arrived, problem)
            self.do(ResponsesSeen(tuple(self.responses.values())))

        rng, t_s = self.rng, self.t_s
        self.at(t_s + rng.uniform(0.1, 2.0), lambda: becomes(ResponseState.RUNNING))
        end_s = t_s + rng.uniform(4.0, 80.0)
        if rng.random() < 0.5:
            self.at(end_s, lambda: becomes(ResponseState.RUNNING, arrived=True))
        else:
            self.at(end_s, lambda: becomes(ResponseState.OVER, problem="the way is blocked"))

    def _takes(self, alarm_id: str) -> None:
        rng = self.rng
        how = rng.choice(("only", "comes", "comes", "ends", "pauses"))
        if how == "pauses":
            self.do(PauseAudio(alarm_id, "Park", 60.0))
        elif how == "ends":
            self._acts(alarm_id, "resolve")
        elif self._acts(alarm_id, "acknowledge") and how == "comes":
            self.at(self.t_s + rng.uniform(20.0, 500.0), lambda: self._acts(alarm_id, "attend"))
            self.at(self.t_s + rng.uniform(500.0, 590.0), lambda: self._acts(alarm_id, "resolve"))

    def _acts(self, alarm_id: str, what: str) -> bool:
        acts: dict[str, Input] = {
            "acknowledge": Acknowledge(alarm_id, "Park"),
            "attend": Attend(alarm_id, "Park"),
            "resolve": Resolve(alarm_id, "Park", "seen to"),
        }
        self.stored = False
        outcome = self.do(acts[what])
        taken = self.stored if outcome is None else outcome.reply.refusal is None
        if taken:
            self.facts.acts.append(Act(self.t_s, alarm_id, *self._alarm[alarm_id], what))
        return taken

    def declares_presence(self) -> None:
        """A member of staff is in a room for a while."""
        room = self.rng.choice(list(self.room_of.values()))
        duration_s = self.rng.uniform(60.0, 1800.0)
        self.stored = False
        if self.do(SetPresence(room=room, by="Park", duration_s=duration_s)) is not None or self.stored:
            self.presence_until_s[room] = self.t_s + duration_s
