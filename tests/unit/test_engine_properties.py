"""What must hold whatever happens in whatever order, with the process killed at any step."""

import shutil
import tempfile
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from care_house import TWO_TIERS, House
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from care_robot.care.alarms import Alarm, AlarmKind, AlarmState, PageState, Priority, RobotState
from care_robot.care.effects import AskResident
from care_robot.care.inputs import (
    Acknowledge,
    AskEnded,
    AskResult,
    Attend,
    ChannelTested,
    Drill,
    FallState,
    Heard,
    PauseAudio,
    Resolve,
    Response,
    ResponsesSeen,
    ResponseState,
    SetPresence,
)

S = AlarmState
TAKEN = {S.NOTIFIED, S.ACKNOWLEDGED, S.ATTENDED, S.RESOLVED}
MAY_FOLLOW = {
    S.RAISED: {S.RAISED, S.CONFIRMING} | TAKEN,
    S.CONFIRMING: {S.RAISED, S.CONFIRMING} | TAKEN,
    S.NOTIFIED: {S.RAISED} | TAKEN,
    S.ACKNOWLEDGED: {S.RAISED} | TAKEN,
    S.ATTENDED: {S.RAISED, S.ATTENDED, S.NOTIFIED, S.RESOLVED},
    S.RESOLVED: {S.RESOLVED},
}
NOT_OK = [
    "",
    "음…",
    "네",
    "괜찮아요?",
    "괜찮아요 아니 아파요",
    "몰라",
    "도와줘",
    "I'm not fine",
    "yes",
    "안 괜찮아",
]
FIRST_PAGE = timedelta(seconds=60)
RECOVER = timedelta(seconds=300)


class Alarms(RuleBasedStateMachine):
    """A house with two people, an unreliable network, and whatever may happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(
            tempfile.mkdtemp(prefix="care-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        )
        self.house = House(self.folder, TWO_TIERS)
        self.house.channels = {}
        self.steady = timedelta(0)
        self.falls: dict[str, timedelta] = {}  # when first confirmed, on a clock that is never set
        self.up: dict[str, bool] = {}
        self.said_ok: dict[str, timedelta] = {}
        self.humans: set[str] = set()
        self.resolved_by_human: set[str] = set()
        self.alarm_of: dict[str, str] = {}

    def teardown(self) -> None:
        self.house.store.close()
        shutil.rmtree(self.folder)

    # What happens

    @rule(event=st.sampled_from("abc"), person=st.sampled_from("pq"), late_s=st.integers(-100, 100))
    def falls_or_is_repeated(self, event: str, person: str, late_s: int) -> None:
        self.falls.setdefault(event, self.steady)
        # An event is over when its alarm is; only a new one raises again.
        open_ids = {a.id for a in self.open()}
        if event not in self.alarm_of or self.alarm_of[event] in open_ids:
            self.up[event] = False
        self.house.fall(event, person_id=person, confirmed_at=self.house.now - timedelta(seconds=late_s))

    @precondition(lambda self: self.falls)
    @rule(data=st.data())
    def gets_up(self, data: st.DataObject) -> None:
        event = data.draw(st.sampled_from(sorted(self.falls)))
        self.up[event] = True
        self.house.fall(event, state=FallState.RECOVERED)

    @rule(event=st.sampled_from("xyz"))
    def is_suspected(self, event: str) -> None:
        before = len(self.house.keeper._engine.alarms())
        self.house.fall(event, state=FallState.SUSPECTED, confirmed_at=None)
        assert len(self.house.keeper._engine.alarms()) == before

    @rule(seconds=st.one_of(st.integers(0, 30), st.integers(0, 700)))
    def time_passes(self, seconds: int) -> None:
        self.house.wait(seconds)
        self.steady += timedelta(seconds=seconds)

    @rule(seconds=st.integers(2, 100_000))
    def the_clock_is_set_back(self, seconds: int) -> None:
        self.house.wait(0)
        self.house.now -= timedelta(seconds=seconds)
        self.house.wait(0)

    @precondition(lambda self: self.house.effects_of(AskResident))
    @rule()
    def says_ok(self) -> None:
        question = self.house.question.ask_id
        for alarm in self.open():
            asked = alarm.state is S.CONFIRMING and not alarm.ok_at and alarm.robot is not RobotState.AWAITED
            if asked and question == f"{alarm.id}-ask-{alarm.asks}":
                self.said_ok[alarm.id] = self.steady
        self.house.answer("괜찮아요")

    @precondition(lambda self: self.house.effects_of(AskResident))
    @rule(text=st.sampled_from(NOT_OK), confidence=st.sampled_from([0.0, 1.0]))
    def says_something_else(self, text: str, confidence: float) -> None:
        self.house.answer(text, confidence)

    @precondition(lambda self: self.house.effects_of(AskResident))
    @rule(result=st.sampled_from([AskResult.NO_ANSWER, AskResult.FAILED]), audible=st.booleans())
    def does_not_answer(self, result: AskResult, audible: bool) -> None:
        self.house.do(AskEnded(self.house.question.ask_id, result, audible=audible))

    @rule(text=st.sampled_from(["도와주세요", "help", "안녕", "괜찮아요"]))
    def talks(self, text: str) -> None:
        self.house.do(Heard(text, self.house.now))

    @precondition(lambda self: self.house.pages)
    @rule(data=st.data(), delivered=st.booleans())
    def a_channel_answers(self, data: st.DataObject, delivered: bool) -> None:
        self.house.page_ends(data.draw(st.sampled_from(self.house.pages[-4:])), delivered)

    @precondition(lambda self: list(self.open()))
    @rule(data=st.data(), name=st.sampled_from(["Park", "", " "]), act=st.sampled_from([Acknowledge, Attend]))
    def a_human_takes_it(self, data: st.DataObject, name: str, act: type[Acknowledge] | type[Attend]) -> None:
        alarm_id = data.draw(st.sampled_from(sorted(a.id for a in self.open())))
        if self.house.do(act(alarm_id, name)).reply.refusal is None:
            self.humans.add(alarm_id)

    @precondition(lambda self: list(self.open()))
    @rule(data=st.data(), name=st.sampled_from(["Park", ""]), reason=st.sampled_from(["seen to", ""]))
    def a_human_ends_it(self, data: st.DataObject, name: str, reason: str) -> None:
        alarm_id = data.draw(st.sampled_from(sorted(a.id for a in self.open())))
        refused = self.house.do(Resolve(alarm_id, name, reason)).reply.refusal is not None
        assert refused is not bool(name and reason)
        if not refused:
            self.humans.add(alarm_id)
            self.resolved_by_human.add(alarm_id)

    @rule(
        room=st.sampled_from(["bedroom", "kitchen", ""]), duration_s=st.sampled_from([0, 60, 1800, -1, 1e9])
    )
    def staff_are_there(self, room: str, duration_s: float) -> None:
        self.house.do(SetPresence("Park", room, duration_s))

    @rule(kind=st.sampled_from([AlarmKind.FALL, AlarmKind.TECHNICAL, AlarmKind.ROBOT, 99]))
    def a_drill_is_ordered(self, kind: int) -> None:
        self.house.do(Drill(kind, "kim", "bedroom", "Park"))

    @precondition(lambda self: list(self.open()))
    @rule(data=st.data(), duration_s=st.sampled_from([0.0, 30.0, 120.0, 1e9]))
    def the_sound_is_paused(self, data: st.DataObject, duration_s: float) -> None:
        alarm_id = data.draw(st.sampled_from(sorted(a.id for a in self.open())))
        self.house.do(PauseAudio(alarm_id, "Park", duration_s))

    @precondition(lambda self: list(self.open()))
    @rule(
        data=st.data(),
        state=st.sampled_from(ResponseState),
        arrived=st.booleans(),
        problem=st.sampled_from(["", "blocked"]),
    )
    def the_robot_reports(
        self, data: st.DataObject, state: ResponseState, arrived: bool, problem: str
    ) -> None:
        alarm_id = data.draw(st.sampled_from(sorted(a.id for a in self.open())))
        self.house.do(ResponsesSeen((Response(alarm_id, state, arrived, problem),)))

    @rule(place=st.integers(0, 1), works=st.booleans())
    def a_channel_is_tested(self, place: int, works: bool) -> None:
        self.house.do(ChannelTested("nurse", place, works, "" if works else "no route"))

    @rule(after_s=st.integers(0, 120))
    def the_process_is_killed_and_comes_back(self, after_s: int) -> None:
        self.house.restart(after_s)
        self.steady += timedelta(seconds=after_s)

    # What must hold

    def open(self) -> list[Alarm]:
        return [a for a in self.house.keeper._engine.alarms() if a.state is not S.RESOLVED]

    @invariant()
    def every_fall_reaches_a_human_in_time_unless_all_is_well(self) -> None:
        paged = {sent.page.alarm_id for sent in self.house.pages}
        seen = self.house.store.load().seen
        for event, since in self.falls.items():
            alarm_id = seen[f"fall:{event}"]
            assert self.alarm_of.setdefault(event, alarm_id) == alarm_id
            if alarm_id in paged | self.humans or self.steady - since < FIRST_PAGE:
                continue
            assert alarm_id in self.said_ok
            all_up = all(self.up[other] for other, of in self.alarm_of.items() if of == alarm_id)
            assert all_up or self.steady - self.said_ok[alarm_id] < RECOVER

    @invariant()
    def an_alarm_ends_only_by_a_name_and_a_reason_or_by_ok_and_up(self) -> None:
        for alarm in self.house.keeper._engine.alarms():
            if alarm.state is S.RESOLVED:
                assert alarm.resolved_by
                assert alarm.resolution
                assert alarm.id in self.resolved_by_human or (alarm.id in self.said_ok and not alarm.down)

    @invariant()
    def a_notification_has_one_id_and_says_when_it_is_repeated(self) -> None:
        first: dict[tuple[str, int, str], str] = {}
        sent_ids = set()
        for sent in self.house.pages:
            page = sent.page
            assert first.setdefault((page.alarm_id, page.round, page.contact_id), page.id) == page.id
            assert sent.repeat is (page.id in sent_ids)
            sent_ids.add(page.id)
        # Who may or may not have got a page gets no other one before that is settled.
        known = self.house.store.load().pages
        uncertain = [
            (p.alarm_id, p.contact_id) for p in known if p.state in (PageState.PENDING, PageState.FAILED)
        ]
        assert len(set(uncertain)) == len(uncertain)

    @invariant()
    def nothing_waits_for_ever(self) -> None:
        for alarm in self.open():
            if alarm.priority is Priority.TECHNICAL or alarm.state is S.ATTENDED:
                continue
            if alarm.priority is Priority.LOW:
                continue
            due = min(at for at in (alarm.deadline_at, alarm.page_by) if at is not None)
            assert self.house.now < due <= self.house.now + timedelta(seconds=600)

    @invariant()
    def the_database_knows_all_of_it(self) -> None:
        stored = {a.id: a for a in self.house.store.load().alarms}
        assert stored == {a.id: a for a in self.house.keeper._engine.alarms()}

    @invariant()
    def every_state_follows_one_that_it_may_follow(self) -> None:
        for alarm in self.house.keeper._engine.alarms():
            states = [step.state for step in alarm.history]
            assert states[0] is S.RAISED
            assert [step.n for step in alarm.history] == list(range(1, len(states) + 1))
            assert all(b in MAY_FOLLOW[a] for a, b in pairwise(states))


Alarms.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestAlarms = Alarms.TestCase
