"""What people are told of a camera's sight: once, until it has arrived, and to the end."""

from __future__ import annotations

import pytest
from camera_pictures import DrawnRoom
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from care_robot.perception.image_health import Trouble
from care_robot.perception.sight import FIRST_S, SILENT_S, WELL_S, OpenAlarm, Sight, Word

ROOM = DrawnRoom(width=160, height=120)


class Care:
    """A camera, a clock, and somebody who takes what is told into alarms."""

    def __init__(self) -> None:
        self.sight = Sight("hall_camera")
        self.now_s = 1000.0
        self.hears = True
        self.words: list[Word] = []
        self.alarm: OpenAlarm | None = None

    def pass_time(self, seconds: float, how: str = "well") -> None:
        """With pictures, or without (`silent`)."""
        for _ in range(round(seconds)):
            for _ in range(2):
                self.now_s += 0.5
                if how != "silent":
                    picture = ROOM.picture() if how == "well" else ROOM.spoilt(how)
                    self.sight.look(picture, self.now_s, self.now_s)
            self.sight.tick(self.now_s)
            self._listen()

    def _listen(self) -> None:
        word = self.sight.word(self.now_s, self.alarm)
        if word is None or not self.hears:
            return
        self.words.append(word)
        self.sight.told(word)
        if word.urgent and word.trouble and (self.alarm is None or self.alarm.source_id != word.source_id):
            self.alarm = OpenAlarm(word.source_id, taken=False)

    @property
    def troubles(self) -> list[Trouble | None]:
        return [word.trouble for word in self.words]


@pytest.fixture
def care() -> Care:
    care = Care()
    care.pass_time(15)
    assert care.sight.sees
    assert care.words == []
    return care


def test_a_covered_camera_is_told_once_within_ten_seconds(care: Care) -> None:
    care.pass_time(10, "cloth")
    (word,) = care.words
    assert word.trouble is Trouble.COVERED
    assert word.urgent
    assert word.source_id.startswith("sight:hall_camera:")
    assert not care.sight.sees
    care.pass_time(300, "cloth")
    assert len(care.words) == 1


def test_silence_is_told_within_ten_seconds(care: Care) -> None:
    care.pass_time(SILENT_S - 1, "silent")
    assert care.words == []
    care.pass_time(10 - SILENT_S + 1, "silent")
    assert care.troubles == [Trouble.SILENT]
    assert not care.sight.sees


def test_a_camera_that_never_gave_a_picture_does_not_see() -> None:
    care = Care()
    care.pass_time(FIRST_S - 1, "silent")
    assert not care.sight.sees
    assert care.words == []
    care.pass_time(3, "silent")
    assert care.troubles == [Trouble.SILENT]


def test_the_same_picture_sent_again_and_again_is_silence(care: Care) -> None:
    picture, stamp_s = ROOM.picture(), care.now_s
    for _ in range(10):
        care.now_s += 1.0
        care.sight.look(picture, stamp_s, care.now_s)
        care.sight.tick(care.now_s)
    assert care.sight.trouble is Trouble.SILENT


def test_that_it_sees_again_is_told_when_it_has_seen_for_a_minute(care: Care) -> None:
    care.pass_time(20, "cloth")
    care.pass_time(10)
    assert care.sight.sees  # at once
    assert care.troubles == [Trouble.COVERED]
    care.pass_time(WELL_S)
    assert care.troubles == [Trouble.COVERED, None]
    assert len({word.source_id for word in care.words}) == 1


def test_what_comes_and_goes_is_one_alarm_until_somebody_takes_it(care: Care) -> None:
    for _ in range(4):
        care.pass_time(20, "cloth")
        care.pass_time(WELL_S + 10)
    assert len({word.source_id for word in care.words}) == 1
    assert care.alarm is not None
    care.alarm = OpenAlarm(care.alarm.source_id, taken=True)
    care.pass_time(20, "cloth")
    assert len({word.source_id for word in care.words}) == 2  # somebody is called anew


def test_while_it_lasts_taking_the_alarm_calls_nobody_anew(care: Care) -> None:
    care.pass_time(20, "cloth")
    assert care.alarm is not None
    care.alarm = OpenAlarm(care.alarm.source_id, taken=True)
    care.pass_time(300, "cloth")
    care.alarm = None  # ended by a human, who knows
    care.pass_time(300, "cloth")
    assert len(care.words) == 1
    care.pass_time(WELL_S + 20)
    assert len(care.words) == 1  # nothing to add to an alarm that is no more
    care.pass_time(20, "cloth")
    assert len({word.source_id for word in care.words}) == 2


def test_it_is_told_until_somebody_hears(care: Care) -> None:
    care.hears = False
    care.pass_time(60, "cloth")
    care.hears = True
    care.pass_time(1, "cloth")
    assert care.troubles == [Trouble.COVERED]


def test_a_camera_that_is_switched_off_is_no_fault(care: Care) -> None:
    care.sight.switch(False, care.now_s)
    care.pass_time(100, "silent")
    assert care.words == []
    assert care.sight.off
    assert not care.sight.sees
    care.sight.switch(True, care.now_s)
    assert not care.sight.sees  # not before there is a picture
    care.pass_time(FIRST_S - 1, "silent")
    assert care.words == []
    care.pass_time(5)
    assert care.sight.sees


def test_switching_a_blind_camera_off_is_told(care: Care) -> None:
    care.pass_time(20, "cloth")
    care.sight.switch(False, care.now_s)
    care.pass_time(2, "silent")
    assert care.troubles == [Trouble.COVERED, None]
    assert "switched off" in care.words[-1].text.en
    assert "껐습니다" in care.words[-1].text.ko


def test_a_dark_room_calls_nobody_and_stands_in_the_list_once(care: Care) -> None:
    for _ in range(3):
        care.pass_time(100, "dark")
    (word,) = care.words
    assert not word.urgent
    assert word.source_id == "sight:hall_camera:dark"
    assert not care.sight.sees
    care.pass_time(20, "black")  # and then it is covered
    assert care.words[-1].urgent


def test_another_trouble_of_the_same_camera_is_said_in_the_same_alarm(care: Care) -> None:
    care.pass_time(20, "cloth")
    care.pass_time(20, "silent")
    assert care.troubles == [Trouble.COVERED, Trouble.SILENT]
    assert len({word.source_id for word in care.words}) == 1


@pytest.mark.parametrize("taken", [False, True])
def test_a_restart_goes_on_with_the_open_alarm(taken: bool) -> None:
    care = Care()
    care.alarm = OpenAlarm("sight:hall_camera:17", taken)
    care.pass_time(20, "cloth")
    assert {word.source_id for word in care.words} == {"sight:hall_camera:17"}


def test_after_a_restart_it_is_told_that_the_camera_sees() -> None:
    care = Care()
    care.alarm = OpenAlarm("sight:hall_camera:17", taken=True)
    care.pass_time(WELL_S + 20)
    assert care.troubles == [None]
    care.pass_time(20, "cloth")
    assert care.words[-1].source_id != "sight:hall_camera:17"


def test_a_pause_or_another_time_is_no_silence(care: Care) -> None:
    for jump_s in (3600.0, -3000.0):
        care.now_s += jump_s
        care.pass_time(5)
        assert care.words == []
        assert care.sight.sees


class AnyDay(RuleBasedStateMachine):
    """Whatever happens to a camera, its alarms stay few and true."""

    def __init__(self) -> None:
        super().__init__()
        self.care = Care()
        self.care.pass_time(10)
        self.takes = 0

    @rule(how=st.sampled_from(["well", "silent", "cloth", "dark", "black"]), seconds=st.integers(1, 90))
    def passes(self, how: str, seconds: int) -> None:
        self.care.pass_time(seconds, how)

    @rule(on=st.booleans())
    def is_switched(self, on: bool) -> None:
        self.care.sight.switch(on, self.care.now_s)

    @rule(hears=st.booleans())
    def care_hears(self, hears: bool) -> None:
        self.care.hears = hears

    @rule(ends=st.booleans())
    def somebody_takes_it(self, ends: bool) -> None:
        if self.care.alarm is not None:
            self.takes += 1
            self.care.alarm = None if ends else OpenAlarm(self.care.alarm.source_id, taken=True)

    @invariant()
    def one_alarm_at_a_time(self) -> None:
        """A new one comes only after somebody has taken or ended the last."""
        urgent = {word.source_id for word in self.care.words if word.urgent}
        assert len(urgent) <= self.takes + 1

    @invariant()
    def who_is_told_that_it_sees_was_told_that_it_did_not(self) -> None:
        told: dict[str, Trouble | None] = {}
        for word in self.care.words:
            assert word.trouble is not told.get(word.source_id)
            told[word.source_id] = word.trouble

    @invariant()
    def what_is_off_or_in_trouble_does_not_see(self) -> None:
        sight = self.care.sight
        assert not (sight.sees and (sight.off or (sight.trouble and sight.trouble.blind)))


TestAnyDay = AnyDay.TestCase
TestAnyDay.settings = settings(max_examples=10, stateful_step_count=12, deadline=None)
