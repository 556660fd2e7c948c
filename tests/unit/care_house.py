"""A house to test alarms in: the real engine on a real database, with a clock that the test moves."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from care_robot.care.alarms import Alarm
from care_robot.care.config import CareConfig, parse_config
from care_robot.care.effects import (
    AskResident,
    Effect,
    Outcome,
    ProbeChannel,
    PublishAlarms,
    SendPage,
)
from care_robot.care.engine import CareEngine
from care_robot.care.inputs import (
    AskEnded,
    AskResult,
    ChannelTested,
    FallReport,
    FallsSeen,
    FallState,
    Heard,
    Input,
    PageEnded,
    Tick,
)
from care_robot.care.keeper import AlarmKeeper
from care_robot.care.store import AlarmStore

START = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)

TWO_TIERS = parse_config(
    {
        "residents": [{"id": "kim", "name": "김영희", "rooms": ["bedroom", "living_room"]}],
        "contacts": [
            {
                "id": "nurse",
                "channels": [{"type": "webhook", "url": "https://example.org/x"}, {"type": "console"}],
            },
            {"id": "son", "tier": 2, "channels": [{"type": "console"}]},
        ],
    },
    "two tiers",
)


class House:
    """`do` carries out one input; what the engine wanted is kept in `effects`, newest last."""

    def __init__(
        self, folder: Path, config: CareConfig = TWO_TIERS, storage: Callable[[AlarmStore], Any] = lambda s: s
    ) -> None:
        self.folder, self.config, self._wrap = folder, config, storage
        self.now = START
        self.effects: list[Effect] = []
        self.channels: dict[str, bool] = {"webhook": True, "console": True}
        """Which channels deliver; one that is missing never answers."""
        self.probes_are_answered = True
        self._open()

    def _open(self) -> None:
        self.store = AlarmStore(self.folder)
        self.keeper = AlarmKeeper(CareEngine(self.config), self._wrap(self.store))
        self._carry_out(self.keeper.start(self.now, self.store.load()))

    def restart(self, after_s: float = 0.0) -> None:
        """The process is gone at once, and comes back after a while."""
        self.store.close()
        self.now += timedelta(seconds=after_s)
        self._open()

    def do(self, item: Input) -> Outcome:
        outcome = self.keeper.handle(self.now, item)
        self._carry_out(outcome)
        return outcome

    def _carry_out(self, outcome: Outcome) -> None:
        self.effects += outcome.effects
        for sent in outcome.effects:
            if isinstance(sent, SendPage):
                works = self.channels.get(self.channel_of(sent))
                if works is not None:
                    self.page_ends(sent, works)
            elif isinstance(sent, ProbeChannel) and self.probes_are_answered:
                works = self.channels.get(self.channel_of(sent), not self.channels)
                if not works and self.channel_of(sent) not in self.channels:
                    continue  # it never answers
                self.do(ChannelTested(sent.contact_id, sent.channel, works, "" if works else "no route"))

    def wait(self, seconds: float) -> None:
        """Let time pass, with a tick at each of the engine's deadlines and at both ends."""
        until = self.now + timedelta(seconds=seconds)
        self.do(Tick())
        while (deadline := self.keeper.next_deadline()) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            self.do(Tick())
        self.now = until
        self.do(Tick())

    # What happens

    def fall(self, event_id: str = "f1", state: int = FallState.CONFIRMED, **fields: Any) -> Outcome:
        times = {"start": self.now - timedelta(seconds=2), "confirmed_at": self.now}
        report = FallReport(event_id, state=state, **{"room": "bedroom", "person_id": "p", **times, **fields})
        return self.do(FallsSeen((report,)))

    def answer(self, text: str, confidence: float = 1.0) -> Outcome:
        heard = Heard(text, self.now)
        return self.do(AskEnded(self.question.ask_id, AskResult.ANSWERED, heard, confidence))

    def silence(self, audible: bool = True) -> Outcome:
        return self.do(AskEnded(self.question.ask_id, AskResult.NO_ANSWER, Heard(""), 0.0, audible))

    def channel_of(self, sent: SendPage | ProbeChannel) -> str:
        contact_id = sent.page.contact_id if isinstance(sent, SendPage) else sent.contact_id
        contact = self.config.contact(contact_id)
        assert contact is not None
        return contact.channels[sent.channel].type

    def page_ends(self, sent: SendPage, delivered: bool = True) -> Outcome:
        return self.do(PageEnded(sent.page.id, sent.channel, delivered, "" if delivered else "no route"))

    # What is to be seen

    def effects_of(self, kind: type) -> list[Any]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    @property
    def question(self) -> AskResident:
        return self.effects_of(AskResident)[-1]

    @property
    def pages(self) -> list[SendPage]:
        return self.effects_of(SendPage)

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """As published last."""
        return self.effects_of(PublishAlarms)[-1].alarms

    @property
    def alarm(self) -> Alarm:
        """The only care alarm."""
        (alarm,) = [alarm for alarm in self.alarms if alarm.priority.value]
        return alarm

    def events(self, alarm: Alarm | None = None) -> list[str]:
        return [step.event for step in (alarm or self.alarm).history]
