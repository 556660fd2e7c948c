"""A stop holds until a named human resets it, whatever happens to the program meanwhile."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from care_robot.actuation.safety import (
    ASKED_S,
    CHECK_PERIOD_S,
    LOST_S,
    MAX_IDS,
    SILENT_S,
    Obedience,
    Refused,
    ResetError,
    Stop,
    StopFile,
    StopFileError,
    StopLatch,
    StopReason,
    StopState,
)

LATER_S = 10.0
SILENT_CHECKS = round(SILENT_S / CHECK_PERIOD_S) + 1


def refused(latch: StopLatch, by: str = "Kim", now_s: float = LATER_S) -> Refused:
    with pytest.raises(ResetError) as error:
        latch.reset(by, now_s, now_s)
    assert str(error.value).endswith(".")
    return error.value.code


def requested() -> StopLatch:
    latch = StopLatch()
    assert latch.request("1", "Lee", "too close", 0.0, 100.0)
    return latch


def test_power_on_neither_stops_nor_moves() -> None:
    latch = StopLatch()
    assert (latch.state, latch.stop) == (StopState.CLEAR, None)
    assert refused(latch) is Refused.NOT_LATCHED


def test_a_request_is_confirmed_by_its_id_and_stays_until_a_human_resets_it() -> None:
    latch = requested()
    assert latch.state is StopState.LATCHED
    assert latch.stop == Stop((StopReason.STOP_REQUEST,), ("1",), "Lee", "too close", 100.0)
    assert "Lee" in latch.text.ko
    assert "too close" in latch.text.en
    assert not latch.request("1", "Lee", "too close", 0.1, 100.1)  # it repeats itself until it is confirmed
    assert latch.request("2", "Park", "", 0.2, 100.2)
    assert latch.stop.ids == ("1", "2")
    assert refused(latch, by=" \u200b\n") is Refused.NAME_MISSING
    assert latch.reset("  Kim\x00 ", LATER_S, 110.0) == "Kim"
    assert (latch.state, latch.since_s) == (StopState.CLEAR, 110.0)


def test_who_still_asks_for_a_stop_keeps_it() -> None:
    latch = requested()
    assert refused(latch, now_s=ASKED_S / 2) is Refused.CAUSE_PERSISTS
    latch.reset("Kim", ASKED_S, 0.0)
    assert latch.request("1", "Lee", "", ASKED_S, 0.0)  # a late copy stops again: that is the safe side


@pytest.mark.parametrize("text", ["멈춰", "멈춰요!", "제발 멈추세요", "정지", "please STOP now", "스톱"])
def test_the_word_stops(text: str) -> None:
    latch = StopLatch()
    assert latch.hear(text, 1.0)
    assert latch.stop is not None
    assert latch.stop.reasons == (StopReason.SPEECH,)
    assert text.rstrip("!") in latch.text.ko
    latch.reset("Kim", 0.0, 0.0)


@pytest.mark.parametrize("text", ["", "괜찮아요", "도와주세요", "go on", "unstoppable", "x" * 10_000])
def test_other_words_do_not(text: str) -> None:
    latch = StopLatch()
    assert not latch.hear(text, 1.0)
    assert latch.state is StopState.CLEAR


def test_the_button_latches_and_must_be_released_before_the_reset() -> None:
    latch = StopLatch()
    assert not latch.press(False, 1.0)
    assert latch.press(True, 2.0)
    assert refused(latch) is Refused.CAUSE_PERSISTS
    assert not latch.press(False, 3.0)
    assert latch.state is StopState.LATCHED
    assert latch.reset("Kim", LATER_S, 4.0)


def test_a_button_that_falls_silent_counts_as_pressed_but_one_never_heard_does_not() -> None:
    latch = StopLatch()
    assert not any(latch.check(float(i)) for i in range(10 * SILENT_CHECKS))
    latch.press(False, 0.0)
    changed = [latch.check(float(i)) for i in range(SILENT_CHECKS)]
    assert changed == [False] * (SILENT_CHECKS - 1) + [True]
    assert latch.stop is not None
    assert latch.stop.reasons == (StopReason.E_STOP_SILENT,)
    assert refused(latch) is Refused.CAUSE_PERSISTS
    latch.press(False, 0.0)
    assert latch.reset("Kim", LATER_S, 0.0)


def test_a_restart_does_not_forget_that_there_is_a_button() -> None:
    latch = StopLatch()
    latch.press(True, 0.0)
    again = StopLatch(latch.stop)
    for i in range(SILENT_CHECKS):
        again.check(float(i))
    assert refused(again) is Refused.CAUSE_PERSISTS
    again.press(False, 0.0)
    assert again.reset("Kim", LATER_S, 0.0)


def test_people_read_of_the_weightiest_reason() -> None:
    latch = StopLatch()
    latch.hear("멈춰", 0.0)
    latch.request("1", "Lee", "spill", 0.0, 0.0)
    assert "Lee" in latch.text.ko
    latch.press(True, 0.0)
    assert "e-stop" in latch.text.en
    assert latch.stop is not None
    assert latch.stop.reasons == (StopReason.E_STOP, StopReason.STOP_REQUEST, StopReason.SPEECH)


def test_a_flood_of_hostile_requests_stays_small_and_stops_all_the_same() -> None:
    latch = StopLatch()
    for i in range(3 * MAX_IDS):
        latch.request(f"{i}", "\u202e" * 10_000, "\x1b[2J" * 10_000, 0.0, 0.0)
    latch.request("x" * 10_000, "", "", 0.0, 0.0)
    latch.request("", "", "", 0.0, 0.0)
    assert latch.stop is not None
    assert len(latch.stop.ids) == MAX_IDS
    assert latch.stop.ids[-1] == f"{3 * MAX_IDS - 1}"
    assert latch.stop.by == ""
    assert len(latch.stop.words) <= 200
    assert latch.text.ko.isprintable()


# Over the end of the program ------------------------------------------------------------------------------


@given(
    st.builds(
        Stop,
        st.sets(st.sampled_from(StopReason), min_size=1).map(lambda r: tuple(sorted(r))),
        st.lists(st.text(max_size=20), max_size=5).map(tuple),
        st.sampled_from(["", "김 간호사", "Lee"]),
        st.sampled_from(["", "멈춰", "too close"]),
        st.floats(0.0, 1e10),
    )
)
def test_a_restart_knows_the_stop(tmp_path_factory: pytest.TempPathFactory, stop: Stop) -> None:
    file = StopFile(tmp_path_factory.mktemp("state") / "new_folder" / "stop.json")
    assert file.load() is None
    file.save(stop)
    file.settle()
    assert file.load() == stop
    assert StopLatch(file.load()).state is StopState.LATCHED
    file.save(None)
    file.save(None)
    assert file.load() is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"{}",
        b"[" * 100_000,
        json.dumps({"reasons": [], "ids": [], "by": "", "words": "", "since_s": 0}).encode(),
        json.dumps({"reasons": [99], "ids": [], "by": "", "words": "", "since_s": 0}).encode(),
        json.dumps({"reasons": [4], "ids": [], "by": "", "words": "", "since_s": "x"}).encode(),
    ],
    ids=range(9),
)
def test_a_broken_memory_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "stop.json"
    path.write_bytes(content)
    with pytest.raises(StopFileError, match=r"stop\.json"):
        StopFile(path).load()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StopFileError, match="restart"):
        StopFile(tmp_path / "file" / "stop.json").save(requested().stop)
    with pytest.raises(StopFileError, match="restart"):
        StopFile(tmp_path / "file" / "stop.json").settle()


# What a controller makes of it ---------------------------------------------------------------------------


def held(obedience: Obedience, until_s: float, from_s: float = 0.0) -> tuple[bool, str]:
    """What it says at the end, asked every tenth of a second."""
    answers = [obedience.ask(from_s + 0.1 * i) for i in range(round((until_s - from_s) / 0.1) + 1)]
    return answers[-1]


def test_a_controller_obeys_and_waits_or_ends_its_goals() -> None:
    obedience = Obedience()
    assert held(obedience, 10.0) == (False, "")  # there is no supervisor
    obedience.hear(StopState.CLEAR)
    assert held(obedience, 11.0, 10.1) == (False, "")
    obedience.hear(StopState.STOPPED)  # goes on by itself: goals may wait
    assert obedience.ask(11.1) == (True, "")
    for latched in (StopState.LATCHED, 0, 200):
        obedience.hear(latched)
        stopped, why = obedience.ask(11.2)
        assert stopped
        assert "reset" in why


def test_a_controller_holds_when_its_supervisor_is_lost_but_not_after_a_pause_of_its_own() -> None:
    obedience = Obedience()
    obedience.ask(0.0)
    obedience.hear(StopState.CLEAR)
    assert held(obedience, LOST_S - 0.1) == (False, "")
    stopped, why = held(obedience, LOST_S + 0.2, LOST_S)
    assert stopped
    assert "supervisor" in why
    obedience.hear(StopState.CLEAR)
    assert obedience.ask(1000.0) == (False, "")  # the next message lies in its queue
    assert held(obedience, 1000.0 + LOST_S, 1000.1)[0]


class Latch(RuleBasedStateMachine):
    """Whatever comes, only a reset that was granted ends a stop, and only without a cause."""

    def __init__(self) -> None:
        super().__init__()
        self.latch = StopLatch()
        self.now_s = 0.0
        self.stopped = self.pressed = False

    @rule(id_=st.text(max_size=300), by=st.text(max_size=5))
    def request(self, id_: str, by: str) -> None:
        self.latch.request(id_, by, "", self.now_s, self.now_s)
        self.stopped = True

    @rule(pressed=st.booleans())
    def button(self, pressed: bool) -> None:
        self.latch.press(pressed, self.now_s)
        self.pressed = pressed
        self.stopped |= pressed

    @rule(word=st.sampled_from(["멈춰", "네"]))
    def hear(self, word: str) -> None:
        self.latch.hear(word, self.now_s)
        self.stopped |= word == "멈춰"

    @rule(wait_s=st.sampled_from([0.1, 0.6, 5.0]))
    def wait(self, wait_s: float) -> None:
        self.now_s += wait_s
        for _ in range(round(wait_s / CHECK_PERIOD_S)):
            self.stopped |= self.latch.check(self.now_s)

    @rule(by=st.sampled_from(["Kim", "", "\u200b"]))
    def reset(self, by: str) -> None:
        try:
            self.latch.reset(by, self.now_s, self.now_s)
        except ResetError:
            return
        assert by == "Kim"
        assert not self.pressed
        self.stopped = False

    @invariant()
    def holds(self) -> None:
        assert (self.latch.state is StopState.LATCHED) == self.stopped
        assert (self.latch.stop is None) == (not self.stopped)


TestLatch = Latch.TestCase
