"""The operator's page towards the browser and towards ROS; what it looks like is tests/system's."""

import http.client
import json
import shutil
import socket
import ssl
import subprocess
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from care_robot_msgs.msg import Alarm, AlarmTransition, SafetyState, StopRequest

from care_robot.care.alarms import AlarmState, Priority
from care_robot.console.operator_web_node import SHOWN_ALARMS, OperatorWebNode, most_urgent, shown_alarm
from care_robot.ros import qos

from web_process import operator_web  # isort: skip


def ask(url: str, method: str = "GET", path: str = "/", **headers: str) -> http.client.HTTPResponse:
    where = urlsplit(url)
    if where.scheme == "https":
        context = ssl._create_unverified_context()  # noqa: S323 (a certificate of this test's own)
        to: Any = http.client.HTTPSConnection(where.hostname, where.port, timeout=20.0, context=context)  # type: ignore[arg-type]
    else:
        to = http.client.HTTPConnection(where.hostname, where.port, timeout=20.0)  # type: ignore[arg-type]
    to.request(method, path, headers=headers)
    return to.getresponse()  # type: ignore[no-any-return]


def test_stop_is_asked_for_until_the_supervisor_confirms_it(ros: Any) -> None:
    requests = ros.inbox(StopRequest, "safety/stop_request", qos.COMMAND)
    states = ros.tester.create_publisher(SafetyState, "safety/state", qos.LATCHED)
    with operator_web(ros.domain_id) as url:
        unconfirmed = ask(url, "POST", "/stop")
        assert json.loads(unconfirmed.read()) == {"confirmed": False}
        first = requests.wait()
        assert first.by
        ros.wait_until(lambda: len(requests.messages) > 10, "repeated requests")
        assert {m.id for m in requests.messages} == {first.id}
        ids = [first.id, "of somebody else"]
        states.publish(SafetyState(state=SafetyState.STATE_LATCHED, stop_request_ids=ids))

        def confirm_next() -> bool:
            new = [m.id for m in requests.messages if m.id not in ids]
            if new:
                states.publish(SafetyState(state=SafetyState.STATE_LATCHED, stop_request_ids=[*ids, *new]))
            return bool(new)

        ros.tester.create_timer(0.01, confirm_next)
        confirmed = json.loads(ask(url, "POST", "/stop").read())
        assert confirmed["confirmed"]
        assert confirmed["after_ms"] < 5000
        for refused in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
            before = {m.id for m in requests.messages}
            assert ask(url, "POST", "/stop", **refused).status == 403
            assert {m.id for m in requests.messages} == before


def test_a_browser_gets_a_closed_page_and_a_cookie_that_scripts_cannot_read(ros: Any) -> None:
    with operator_web(ros.domain_id) as url:
        page = ask(url)
        cookie = SimpleCookie(page.headers["set-cookie"])["care_robot"]
        assert (cookie["httponly"], cookie["samesite"]) == (True, "lax")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert page.headers["access-control-allow-origin"] is None
        assert page.headers.get_all("cache-control") == ["no-store"]
        assert 'id="care-stop"' in page.read().decode()
        for path in ("/docs", "/openapi.json", "/assets/web.py", "/assets/..%2fweb.py", "/stop"):
            assert ask(url, path=path).status in (404, 405)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
def test_with_a_certificate_it_speaks_tls_and_the_cookie_stays_on_it(ros: Any, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=localhost",
    ]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    with operator_web(ros.domain_id, certificate=certificate, key=key) as url:
        page = ask(url)
        assert page.status == 200
        assert SimpleCookie(page.headers["set-cookie"])["care_robot"]["secure"]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"host": "0.0.0.0"}, "staff"),  # noqa: S104
        ({"host": "no such host"}, "personal data"),
        ({"certificate": "/nowhere.pem"}, "both"),
        ({"certificate": "/nowhere.pem", "key": "/nowhere.pem"}, "/nowhere.pem"),
        ({"config_file": "/nowhere.yaml"}, "/nowhere.yaml"),
        ({"port": 70000}, "port"),
    ],
)
def test_where_it_must_not_be_served_it_says_why(ros: Any, parameters: dict[str, Any], words: str) -> None:
    node = ros.node(OperatorWebNode, start=False, **parameters)
    assert node.trigger_configure().name == "FAILURE"
    assert words in node.trouble


def test_a_port_that_is_taken_is_named(ros: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        node = ros.node(OperatorWebNode, start=False, port=port)
        assert node.trigger_configure().name == "FAILURE"
    assert f"port {port}" in node.trouble
    assert "web_port" in node.trouble


def test_too_many_alarms_never_hide_one_that_is_open_and_urgent() -> None:
    over = [Alarm(id=f"o{i}", priority=3, state=Alarm.STATE_RESOLVED) for i in range(SHOWN_ALARMS)]
    low = [Alarm(id=f"l{i}", priority=1, state=Alarm.STATE_RAISED) for i in range(SHOWN_ALARMS)]
    taken = Alarm(id="taken", priority=3, state=Alarm.STATE_ACKNOWLEDGED)
    urgent = Alarm(id="urgent", priority=3, state=Alarm.STATE_NOTIFIED)
    shown = most_urgent([*over, *low, taken, urgent])
    assert [alarm.id for alarm in shown[:2]] == ["urgent", "taken"]
    assert len(shown) == SHOWN_ALARMS
    assert [alarm.id for alarm in most_urgent([*over, urgent])] == ["urgent"]


def test_an_alarm_of_another_version_is_shown_as_the_worst_it_may_be() -> None:
    message = Alarm(id="a", kind=99, priority=99, state=99, resident_name="\x1b[2J\u202eKim" * 1000)
    message.history = [AlarmTransition(by="x", reason_ko="가" * 10_000)]
    shown = shown_alarm(message)
    assert (shown.priority, shown.state, shown.kind) == (Priority.HIGH, AlarmState.RAISED, None)
    assert shown.resident.isprintable()
    assert len(shown.resident) <= 100
    assert len(shown.steps[0].reason.ko) <= 300
