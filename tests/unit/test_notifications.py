"""Pages on their way: nobody waits for a server that hangs, and no secret is shown."""

import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from care_robot.care.alarms import AlarmKind, Page, Priority
from care_robot.care.config import CareConfig
from care_robot.care.inputs import PageEnded
from care_robot.care.text import Text
from care_robot.gateways import notifications
from care_robot.gateways.notifications import (
    ChannelError,
    ConsoleChannel,
    Message,
    Notifier,
    WebhookChannel,
    channels_of,
    message_of,
)

AT = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
PAGE = Page(
    id="a1-1-carer",
    alarm_id="a1",
    round=1,
    tier=1,
    contact_id="carer",
    kind=AlarmKind.FALL,
    priority=Priority.HIGH,
    resident_name="김영희",
    room="bedroom",
    event_at=AT,
    created_at=AT,
    text=Text("낙상 의심", "Possible fall"),
)
MESSAGE = message_of(PAGE, repeat=False)


class Receiver:
    """A server that answers each request with the next of `statuses`, and keeps what came."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.bodies.append(json.loads(body))
                receiver.headers.append(dict(self.headers))
                receiver.paths.append(self.path)
                status = receiver.statuses.pop(0) if receiver.statuses else 204
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/page?key=T0KEN"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setattr(notifications, "PAUSE_S", 0.0)
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def deaf_server() -> Iterator[str]:
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_a_webhook_gets_the_page_as_json(receiver: Receiver) -> None:
    WebhookChannel(receiver.url).send(MESSAGE)
    assert receiver.bodies == [
        {
            "page_id": "a1-1-carer",
            "alarm_id": "a1",
            "repeat": False,
            "kind": "fall",
            "priority": "high",
            "tier": 1,
            "contact": "carer",
            "resident": "김영희",
            "room": "bedroom",
            "time": "2026-03-01T12:00:00+00:00",
            "text_ko": "낙상 의심",
            "text_en": "Possible fall",
        }
    ]
    assert receiver.headers[0]["Content-Type"].startswith("application/json")
    assert receiver.paths == ["/page?key=T0KEN"]


def test_a_server_in_trouble_is_tried_once_more_with_the_same_id(receiver: Receiver) -> None:
    receiver.statuses = [503]
    WebhookChannel(receiver.url).send(MESSAGE)
    assert [body["page_id"] for body in receiver.bodies] == ["a1-1-carer"] * 2
    assert [body["repeat"] for body in receiver.bodies] == [False, True]


def test_a_page_that_was_taken_without_an_answer_is_repeated_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "PAUSE_S", 0.0)
    bodies: Queue[dict[str, Any]] = Queue()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take_and_hang_up() -> None:
            for _ in range(notifications.ATTEMPTS):
                connection, _ = server.accept()
                with connection, connection.makefile("rb") as request:
                    length = next(int(line.split()[1]) for line in request if line.startswith(b"Content-Len"))
                    while request.readline().strip():
                        pass
                    bodies.put(json.loads(request.read(length)))

        threading.Thread(target=take_and_hang_up, daemon=True).start()
        with pytest.raises(ChannelError, match="may have arrived or not"):
            WebhookChannel(f"http://127.0.0.1:{server.getsockname()[1]}/", timeout_s=20.0).send(MESSAGE)
    first, second = bodies.get(timeout=20), bodies.get(timeout=20)
    assert (first["page_id"], first["repeat"]) == ("a1-1-carer", False)
    assert (second["page_id"], second["repeat"]) == ("a1-1-carer", True)


@pytest.mark.parametrize(
    ("statuses", "attempts"),
    [([500, 502], 2), ([429, 429], 2), ([404], 1), ([401], 1), ([301], 1), ([307], 1)],
)
def test_anything_but_success_is_a_failure(receiver: Receiver, statuses: list[int], attempts: int) -> None:
    receiver.statuses = list(statuses)
    with pytest.raises(ChannelError, match=str(statuses[-1])) as failure:
        WebhookChannel(receiver.url).send(MESSAGE)
    assert len(receiver.bodies) == attempts
    assert "T0KEN" not in str(failure.value)


def test_a_server_that_is_not_there_is_a_failure_without_its_address(receiver: Receiver) -> None:
    receiver.close()
    with pytest.raises(ChannelError, match="cannot be reached") as failure:
        WebhookChannel(receiver.url).send(MESSAGE)
    assert "T0KEN" not in str(failure.value)


def test_a_server_that_never_answers_is_given_up(deaf_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "PAUSE_S", 0.0)
    with pytest.raises(ChannelError, match="may have arrived or not"):
        WebhookChannel(deaf_server, timeout_s=0.05).send(MESSAGE)


def test_an_answer_that_is_not_http_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "PAUSE_S", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def babble() -> None:
            for _ in range(notifications.ATTEMPTS):
                connection, _ = server.accept()
                connection.recv(65536)
                connection.sendall(b"\x00\xff" * 100 + b"\r\n\r\n")
                connection.close()

        threading.Thread(target=babble, daemon=True).start()
        with pytest.raises(ChannelError, match="may have arrived or not"):
            WebhookChannel(f"http://127.0.0.1:{server.getsockname()[1]}/", timeout_s=5.0).send(MESSAGE)


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path, receiver: Receiver) -> None:
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
    command += ["-keyout", str(key), "-out", str(certificate)]
    if not shutil.which("openssl") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("openssl is not installed")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    receiver.server.socket = context.wrap_socket(receiver.server.socket, server_side=True)
    with pytest.raises(ChannelError, match="certificate"):
        WebhookChannel(receiver.url.replace("http://", "https://")).send(MESSAGE)
    assert receiver.bodies == []


def test_the_log_shows_a_page_in_one_line() -> None:
    lines: list[str] = []
    ConsoleChannel(lines.append).send(message_of(PAGE, repeat=True))
    (line,) = lines
    for word in ("carer", "낙상 의심", "Possible fall", "repeat", "a1"):
        assert word in line
    assert "\n" not in line


def test_channels_are_built_from_the_configuration(receiver: Receiver) -> None:
    lines: list[str] = []
    channels = channels_of(CareConfig().with_webhook(receiver.url), lines.append)
    for place in (0, 1):
        channels["carer", place].send(MESSAGE)
    assert (len(receiver.bodies), len(lines)) == (1, 1)


class Refusing:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def send(self, message: Message) -> None:
        raise self.error


def test_the_result_of_each_page_is_reported() -> None:
    results: Queue[PageEnded] = Queue()
    channels = {
        ("carer", 0): ConsoleChannel(lambda line: None),
        ("carer", 1): Refusing(ChannelError("it said no")),
        ("carer", 2): Refusing(RuntimeError("T0KEN")),
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

    class Hanging:
        def send(self, message: Message) -> None:
            released.wait(20)

    results: Queue[PageEnded] = Queue()
    notifier = Notifier(
        {("carer", 0): Hanging(), ("carer", 1): ConsoleChannel(lambda line: None)}, results.put
    )
    for i in range(20):
        notifier.send(replace(PAGE, id=f"hanging {i}"), 0, repeat=False)
    notifier.send(replace(PAGE, id="quick"), 1, repeat=False)
    assert results.get(timeout=20).page_id == "quick"
    released.set()


def test_last_words_go_out_by_the_first_channel_that_works() -> None:
    lines: list[str] = []
    channels = {("carer", 0): Refusing(ChannelError("no")), ("carer", 1): ConsoleChannel(lines.append)}
    Notifier(channels, lambda ended: None).send_by_any([PAGE], timeout_s=20)
    assert len(lines) == 1
