"""Pages on their way: nobody waits for a server that hangs, a drill is a drill, and no secret is shown."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from queue import Queue

import pytest
from receivers import AT, PAGE, Receiver

from care_robot.care.alarms import AlarmKind, Priority
from care_robot.care.config import CareConfig, CareConfigError, parse_config
from care_robot.care.inputs import ChannelTested, PageEnded
from care_robot.care.text import Text
from care_robot.gateways.channel import ChannelError, ConsoleChannel, Message, body_of, message_of, subject_of
from care_robot.gateways.notifications import Notifier, channels_of

MESSAGE = message_of(PAGE, repeat=False)


class Does:
    """A channel that does as the test says."""

    proof = "nothing"

    def __init__(self, work: Callable[[], object] = lambda: None) -> None:
        self.work = work
        self.sent: list[Message] = []

    def send(self, message: Message) -> None:
        self.sent.append(message)
        self.work()

    def test(self) -> None:
        self.work()


def fails(error: Exception) -> Callable[[], object]:
    def fail() -> None:
        raise error

    return fail


# What a page says -----------------------------------------------------------------------------------------


def test_a_page_is_plain_json() -> None:
    assert json.loads(json.dumps(MESSAGE)) == {
        "page_id": "a1-1-carer",
        "alarm_id": "a1",
        "repeat": False,
        "drill": False,
        "test": False,
        "kind": "fall",
        "priority": "high",
        "tier": 1,
        "contact": "carer",
        "resident": "김영희",
        "room": "bedroom",
        "time": "2026-03-01T12:00:00+00:00",
        "text_ko": "[긴급] 낙상 의심: 김영희 님, 침실.",
        "text_en": "[HIGH] Possible fall: 김영희, bedroom.",
    }


def test_subject_and_body_are_in_both_languages_korean_first_with_the_pages_id_at_the_end() -> None:
    assert subject_of(MESSAGE) == "긴급: 낙상 의심 / HIGH: Possible fall"
    korean, english, time, number = body_of(MESSAGE).splitlines()
    assert (korean, english) == (MESSAGE["text_ko"], MESSAGE["text_en"])
    assert time == AT.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    assert number.endswith("a1-1-carer")


def test_a_subject_names_nobody_since_it_is_seen_on_a_locked_telephone() -> None:
    assert "김영희" not in subject_of(MESSAGE)


@pytest.mark.parametrize("kind", AlarmKind)
@pytest.mark.parametrize("priority", Priority)
def test_every_alarm_has_a_subject(kind: AlarmKind, priority: Priority) -> None:
    subject = subject_of(message_of(replace(PAGE, kind=kind, priority=priority), repeat=False))
    assert all(part.strip() for part in subject.replace(" / ", ":").split(":"))


@pytest.mark.parametrize(
    ("message", "marks"),
    [
        (message_of(replace(PAGE, drill=True), repeat=False), ("[훈련] ", "[DRILL] ")),
        (
            message_of(replace(PAGE, drill=True, text=Text("[훈련] 낙상", "[DRILL] Fall")), repeat=False),
            ("[훈련] ", "[DRILL] "),
        ),
        (message_of(PAGE, repeat=False, test=True), ("[시험] ", "[TEST] ")),
    ],
)
def test_a_drill_and_a_test_are_marked_wherever_they_are_read(
    message: Message, marks: tuple[str, str]
) -> None:
    for mark, name in zip(marks, ("text_ko", "text_en"), strict=True):
        assert message[name].startswith(mark)
        assert message[name].count(mark) == 1
        for shown in (subject_of(message), body_of(message), logged(message)):
            assert mark in shown


def test_a_repeat_is_marked_and_carries_the_same_id() -> None:
    again = message_of(PAGE, repeat=True)
    for shown in (subject_of(again), body_of(again)):
        assert "[재전송] " in shown
        assert "[REPEAT] " in shown
    assert body_of(again).endswith(body_of(MESSAGE).splitlines()[-1])
    assert again["text_ko"] == MESSAGE["text_ko"]


def logged(message: Message) -> str:
    lines: list[str] = []
    ConsoleChannel(lines.append).send(message)
    (line,) = lines
    return line


def test_the_log_shows_a_page_in_one_line() -> None:
    line = logged(message_of(PAGE, repeat=True))
    for word in ("carer", "낙상 의심", "Possible fall", "repeat", "a1"):
        assert word in line
    assert "\n" not in line


# Channels -------------------------------------------------------------------------------------------------


def test_channels_are_built_from_the_configuration() -> None:
    receiver, lines = Receiver(), list[str]()
    channels = channels_of(CareConfig().with_webhook(receiver.url), lines.append)
    for place in (0, 1):
        channels["carer", place].send(MESSAGE)
        channels["carer", place].test()
    receiver.close()
    assert (receiver.methods, len(lines)) == (["POST", "OPTIONS"], 1)


def test_a_channel_that_could_never_work_is_named_with_its_contact_and_without_its_address() -> None:
    contact = {"id": "son", "channels": [{"type": "console"}, {"type": "apprise", "url": "tgrm://T0KEN"}]}
    with pytest.raises(
        CareConfigError, match=r"channel 2 \(apprise tgrm\).*'son'.*did you mean 'tgram'"
    ) as refusal:
        channels_of(parse_config({"contacts": [contact]}, "x"), print)
    assert "T0KEN" not in str(refusal.value)


# Notifier -------------------------------------------------------------------------------------------------


def test_the_result_of_each_page_is_reported() -> None:
    results: Queue[PageEnded] = Queue()
    channels = {
        ("carer", 0): Does(),
        ("carer", 1): Does(fails(ChannelError("it said no"))),
        ("carer", 2): Does(fails(RuntimeError("T0KEN"))),
    }
    notifier = Notifier(channels, results.put)
    for place in (0, 1, 2, 3):
        notifier.send(PAGE, place, repeat=False)
    ended = {e.channel: e for e in (results.get(timeout=20) for _ in range(4))}
    assert [ended[place].delivered for place in (0, 1, 2, 3)] == [True, False, False, False]
    assert ended[1].problem == "it said no"
    assert "T0KEN" not in ended[2].problem


def test_a_server_that_hangs_delays_no_other_page() -> None:
    released = threading.Event()
    results: Queue[PageEnded] = Queue()
    notifier = Notifier({("carer", 0): Does(lambda: released.wait(20)), ("carer", 1): Does()}, results.put)
    for i in range(20):
        notifier.send(replace(PAGE, id=f"hanging {i}"), 0, repeat=False)
    notifier.send(replace(PAGE, id="quick"), 1, repeat=False)
    assert results.get(timeout=20).page_id == "quick"
    released.set()


def test_a_channel_that_hangs_is_given_up_so_that_the_next_one_has_its_turn() -> None:
    released = threading.Event()
    results: Queue[PageEnded] = Queue()
    notifier = Notifier({("carer", 0): Does(lambda: released.wait(20))}, results.put, limit_s=0.01)
    notifier.send(PAGE, 0, repeat=False)
    ended = results.get(timeout=20)
    assert (ended.page_id, ended.delivered) == (PAGE.id, False)
    assert "may have arrived" in ended.problem
    released.set()


def test_last_words_go_out_by_the_first_channel_that_works() -> None:
    channels = {("carer", 0): Does(fails(ChannelError("no"))), ("carer", 1): Does(), ("carer", 2): Does()}
    Notifier(channels, lambda ended: None).send_by_any([PAGE], timeout_s=20)
    assert [len(channel.sent) for channel in channels.values()] == [1, 1, 0]


def test_a_self_test_says_whether_the_channel_works_and_sends_nothing() -> None:
    results: Queue[ChannelTested] = Queue()
    channels = {
        ("a", 0): Does(),
        ("a", 1): Does(fails(ChannelError("it is dead"))),
        ("b", 0): Does(fails(OSError("T0KEN"))),
    }
    notifier = Notifier(channels, lambda ended: None)
    for contact_id, place in [*channels, ("b", 9)]:
        notifier.test(contact_id, place, results.put)
    tested = {(r.contact_id, r.channel): r for r in (results.get(timeout=20) for _ in range(4))}
    assert tested["a", 0] == ChannelTested("a", 0, True)
    assert tested["a", 1] == ChannelTested("a", 1, False, "it is dead")
    for broken in (tested["b", 0], tested["b", 9]):
        assert not broken.works
        assert "T0KEN" not in broken.problem
    assert not any(channel.sent for channel in channels.values())


def test_self_tests_that_hang_do_not_pile_up() -> None:
    released, calls = threading.Event(), list[int]()

    def hang() -> None:
        calls.append(1)
        released.wait(20)

    results: Queue[ChannelTested] = Queue()
    notifier = Notifier({("a", 0): Does(hang)}, lambda ended: None, limit_s=0.01)
    for expected in ("gave no answer", "not come to an end", "not come to an end"):
        notifier.test("a", 0, results.put)
        result = results.get(timeout=20)
        assert not result.works
        assert expected in result.problem
    assert len(calls) == 1
    released.set()
