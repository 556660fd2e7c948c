"""What the operator's page shows, whom it lets act, and from where it may be asked."""

import asyncio
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_robot.actuation.safety import LOST_S, StopState
from care_robot.care.alarms import AlarmKind, AlarmState, Priority
from care_robot.care.staff import Staff, hash_pin
from care_robot.care.text import Text
from care_robot.console.web import (
    ARMED_S,
    LOCKED_S,
    MANAGER_LOST_S,
    MAX_SESSIONS,
    SESSION_S,
    WRONG_PINS,
    Board,
    LogInError,
    Session,
    Sessions,
    ShownAlarm,
    TwoTaps,
    elapsed,
    in_order,
)
from care_robot.console.web_page import submitted
from care_robot.console.web_server import ANY_ADDRESS, Address, Guard, WebError

NOW = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)


def alarm(id_: str = "a", **fields: Any) -> ShownAlarm:
    default: dict[str, Any] = {
        "kind": AlarmKind.FALL,
        "priority": Priority.HIGH,
        "state": AlarmState.NOTIFIED,
        "drill": False,
        "resident_id": "r",
        "resident": "김영희",
        "room": "거실",
        "event_at": NOW,
        "tier": 1,
        "occurrences": 1,
        "acknowledged_by": "",
        "attended_by": "",
        "paused_until": None,
        "stored": True,
        "steps": (),
    }
    return ShownAlarm(id=id_, **{**default, **fields})


def test_what_needs_somebody_stands_first_and_what_is_over_is_gone() -> None:
    shown = in_order(
        [
            alarm("technical", priority=Priority.TECHNICAL),
            alarm("taken", state=AlarmState.ACKNOWLEDGED, event_at=NOW + timedelta(seconds=9)),
            alarm("old"),
            alarm("new", event_at=NOW + timedelta(seconds=5)),
            alarm("over", state=AlarmState.RESOLVED),
            alarm("low", priority=Priority.LOW),
            alarm("medium", priority=Priority.MEDIUM),
        ]
    )
    assert [a.id for a in shown] == ["new", "old", "taken", "medium", "low", "technical"]


def test_only_a_high_alarm_that_nobody_took_sounds_and_not_while_paused() -> None:
    assert alarm().sounds(NOW)
    assert alarm(paused_until=NOW).sounds(NOW)
    for silent in (
        alarm(paused_until=NOW + timedelta(seconds=1)),
        alarm(state=AlarmState.ACKNOWLEDGED),
        alarm(state=AlarmState.ATTENDED),
        alarm(priority=Priority.MEDIUM),
    ):
        assert not silent.sounds(NOW)


def test_an_alarm_says_what_it_is_and_who_has_it() -> None:
    assert alarm(drill=True).title == Text("훈련 · 낙상", "DRILL · Fall")
    assert alarm(kind=None).title.en == "Unknown alarm"
    assert "tier 1" in alarm().handled().en
    assert alarm(state=AlarmState.ACKNOWLEDGED, acknowledged_by="Kim").handled().ko.startswith("Kim · 맡음")
    attended = alarm(state=AlarmState.ATTENDED, acknowledged_by="Kim", attended_by="Lee")
    assert "Lee" in attended.handled().en
    assert alarm(resident="", room="").who_and_where() == "r"
    assert alarm(resident="", resident_id="", room="").who_and_where() == "—"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-100, "0초 전"), (59, "59초 전"), (60, "1분 전"), (7199, "1시간 전"), (200_000, "2일 전")],
)
def test_how_long_ago_is_said_in_words(seconds: int, words: str) -> None:
    assert elapsed(NOW - timedelta(seconds=seconds), NOW).ko == words


def test_old_alarms_and_an_unknown_stop_are_never_shown_as_new() -> None:
    board = Board(alarms=(), manager_s=0.0, stop=StopState.CLEAR, stop_text=Text("가", "a"), safety_s=0.0)
    assert not board.alarms_lost(MANAGER_LOST_S)
    assert board.alarms_lost(MANAGER_LOST_S + 0.1)
    assert Board(manager_s=0.0).alarms_lost(0.0)  # it lives, but has told no alarms
    assert board.stop_shown(LOST_S) == (StopState.CLEAR, Text("가", "a"))
    assert board.stop_shown(LOST_S + 0.1)[0] is None
    assert Board().stop_shown(0.0)[0] is None


def test_the_second_tap_counts_when_it_comes_soon() -> None:
    taps = TwoTaps()
    assert not taps.tap("take", 0.0)
    assert not taps.is_armed("here", 0.0)
    assert taps.tap("take", ARMED_S)
    assert not taps.tap("take", ARMED_S)  # and arms anew
    assert not taps.tap("take", 3 * ARMED_S)
    assert not taps.tap("here", 3 * ARMED_S)
    assert not taps.tap("take", 3 * ARMED_S)  # the other button disarmed it


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0.0, 10.0)), max_size=20))
def test_no_single_tap_ever_counts(taps: list[tuple[str, float]]) -> None:
    two, before, now_s = TwoTaps(), "", 0.0
    for button, wait_s in taps:
        now_s += wait_s
        counts = two.tap(button, now_s)
        assert not counts or (button == before and wait_s <= ARMED_S)
        before = "" if counts else button


# Who acts --------------------------------------------------------------------------------------------------


def test_a_name_is_enough_where_no_staff_is_configured() -> None:
    sessions = Sessions()
    session = sessions.of("browser", 0.0)
    assert not session.unseen("a")  # nobody is there to see it
    sessions.log_in(session, " Kim\x00\u202e <b> ", "", 1.0)
    assert session.who(2.0) == "Kim <b>"
    session.viewed.add("a")
    assert (session.unseen("a"), session.unseen("b")) == (False, True)
    assert sessions.of("browser", 2.0) is session
    assert sessions.of("other", 2.0).who(2.0) == ""
    assert session.who(1.1 + SESSION_S) == ""
    assert sessions.of("browser", 1.1 + SESSION_S) is not session
    sessions.log_out(session)
    assert session.who(2.0) == ""
    for nobody in ("", "  ", "\u200b\n"):
        with pytest.raises(LogInError):
            sessions.log_in(session, nobody, "", 3.0)


STAFF = (
    Staff(name="김 간호사", pin=hash_pin("123456")),  # type: ignore[arg-type]
    Staff(name="Lee", pin=hash_pin("654321")),  # type: ignore[arg-type]
)


def log_in(sessions: Sessions, name: str, pin: str, now_s: float = 0.0) -> str:
    """Who is in now; empty where refused."""
    session = Session()
    try:
        sessions.log_in(session, name, pin, now_s)
    except LogInError:
        return ""
    return session.name


def test_staff_shows_a_pin_and_guessing_is_locked_for_a_minute() -> None:
    sessions = Sessions(STAFF)
    assert log_in(sessions, " 김  간호사", "123456") == "김 간호사"
    assert not any(
        log_in(sessions, name, pin)
        for name, pin in (("김 간호사", "654321"), ("Park", "123456"), ("Lee", ""), ("Lee", "x" * 10_000))
    )
    for _ in range(WRONG_PINS):
        log_in(sessions, "Lee", "000000", 1.0)
    assert log_in(sessions, "Lee", "654321", 1.0 + LOCKED_S / 2) == ""  # even with the right one
    assert log_in(sessions, "김 간호사", "123456", 2.0) == "김 간호사"  # others are let in
    assert log_in(sessions, "Lee", "654321", 1.0 + LOCKED_S) == "Lee"


def test_names_that_nobody_has_cost_no_memory() -> None:
    sessions = Sessions(STAFF)
    for i in range(2 * WRONG_PINS):
        log_in(sessions, f"nobody {i}", "000000", 1.0)
    assert len(sessions._wrong) == 1
    for i in range(3 * MAX_SESSIONS):
        sessions.of(f"{i}", float(i))
    assert len(sessions._sessions) <= MAX_SESSIONS


# From where ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_this_machine_alone_needs_no_certificate(host: str) -> None:
    Address(host).check(staff=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.10", "robot.local", ""])  # noqa: S104
def test_others_need_tls_and_staff(host: str, tmp_path: Path) -> None:
    file = tmp_path / "x.pem"
    file.write_text("")
    tls: dict[str, Any] = {"certificate": str(file), "key": str(file), "names": ("robot.local",)}
    Address(host, **tls).check(staff=True)
    with pytest.raises(WebError, match="staff"):
        Address(host, **tls).check(staff=False)
    if host in ANY_ADDRESS:
        with pytest.raises(WebError, match="web_names"):
            Address(host, **{**tls, "names": ()}).check(staff=True)
    with pytest.raises(WebError, match="web_certificate"):
        Address(host).check(staff=True)
    with pytest.raises(WebError, match=r"no file.*absent"):
        Address(host, **{**tls, "key": str(tmp_path / "absent")}).check(staff=True)


def test_half_of_tls_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WebError, match="both"):
        Address(certificate=str(tmp_path)).check(staff=True)


def asked(kind: str, host: str, origin: str | None) -> list[Any]:
    """What a request gets: passed on ("app"), or refused."""
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        sent.append("app")
        await send({"type": f"{kind}.accept" if kind == "websocket" else "http.response.start"})

    async def receive() -> Any:
        return {}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", host.encode())] + ([(b"origin", origin.encode())] if origin is not None else [])
    scope = {"type": kind, "path": "/", "headers": headers, "method": "GET"}
    asyncio.run(Guard(app, ("Robot.local",))(scope, receive, send))
    return sent


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("host", "origin", "passes"),
    [
        ("127.0.0.1:8080", None, True),
        ("localhost", None, True),
        ("[::1]:8080", None, True),
        ("ROBOT.local:8080", "https://ROBOT.local:8080", True),
        ("127.0.0.1:8080", "http://127.0.0.1:8080", True),
        ("127.0.0.1:8080", "http://127.0.0.1:9999", False),  # another page of this machine
        ("127.0.0.1:8080", "https://evil.example", False),
        ("127.0.0.1:8080", "null", False),
        ("evil.example", None, False),
        ("evil.example", "http://evil.example", False),
        ("127.0.0.1.evil.example", None, False),
        ("user@127.0.0.1@evil.example", None, False),
        ("[::1", None, False),
        ("", None, False),
    ],
)
def test_another_site_reaches_nothing(kind: str, host: str, origin: str | None, passes: bool) -> None:
    sent = asked(kind, host, origin)
    assert ("app" in sent) == passes
    if not passes and kind == "http":
        assert sent[0]["status"] == 403
    if not passes and kind == "websocket":
        assert sent == [{"type": "websocket.close", "code": 1008}]
    if passes and kind == "http":
        headers = dict(sent[1]["headers"])
        assert b"default-src 'none'" in headers[b"content-security-policy"]
        assert headers[b"cache-control"] == b"no-store"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (["Kim", "1234"], ("Kim", "1234")),
        (["Kim"], ("Kim", "")),
        ([7, {}, "x"], ("", "")),
        ({"name": "Kim"}, ("", "")),
        (None, ("", "")),
    ],
)
def test_a_form_may_be_sent_by_something_else_than_the_page(sent: object, read: tuple[str, str]) -> None:
    assert submitted(sent) == read
