"""Pages to a webhook: what it gets, what counts as taken, and how it is tested without a page."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from receivers import PAGE, Receiver, certificate, deaf_server

from care_robot.gateways import webhook
from care_robot.gateways.channel import ChannelError, message_of
from care_robot.gateways.webhook import WebhookChannel

MESSAGE = message_of(PAGE, repeat=False)


@pytest.fixture(autouse=True)
def _without_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "PAUSE_S", 0.0)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


def test_it_gets_the_page_as_json(receiver: Receiver) -> None:
    WebhookChannel(receiver.url).send(MESSAGE)
    assert receiver.bodies == [MESSAGE]
    assert receiver.headers[0]["Content-Type"].startswith("application/json")
    assert receiver.paths == ["/page?key=T0KEN"]


def test_a_server_in_trouble_is_tried_once_more_with_the_same_id(receiver: Receiver) -> None:
    receiver.statuses = [503]
    WebhookChannel(receiver.url).send(MESSAGE)
    assert [body["page_id"] for body in receiver.bodies] == ["a1-1-carer"] * 2
    assert [body["repeat"] for body in receiver.bodies] == [False, True]


def test_a_page_that_was_taken_without_an_answer_is_repeated_as_one() -> None:
    bodies: Queue[dict[str, Any]] = Queue()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take_and_hang_up() -> None:
            for _ in range(webhook.ATTEMPTS):
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


@pytest.mark.parametrize("what", ["send", "test"])
def test_a_server_that_is_not_there_is_a_failure_without_its_address(receiver: Receiver, what: str) -> None:
    receiver.close()
    with pytest.raises(ChannelError, match="cannot be reached") as failure:
        use(WebhookChannel(receiver.url), what)
    assert "T0KEN" not in str(failure.value)


@pytest.mark.parametrize("what", ["send", "test"])
def test_a_server_that_never_answers_is_given_up(what: str) -> None:
    with deaf_server() as port, pytest.raises(ChannelError, match="it gave no answer"):
        use(WebhookChannel(f"http://127.0.0.1:{port}/", timeout_s=0.05), what)


@pytest.mark.parametrize("what", ["send", "test"])
def test_an_answer_that_is_not_http_is_a_failure(what: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def babble() -> None:
            for _ in range(webhook.ATTEMPTS if what == "send" else 1):
                connection, _ = server.accept()
                connection.recv(65536)
                connection.sendall(b"\x00\xff" * 100 + b"\r\n\r\n")
                connection.close()

        threading.Thread(target=babble, daemon=True).start()
        with pytest.raises(ChannelError, match="it gave no answer"):
            use(WebhookChannel(f"http://127.0.0.1:{server.getsockname()[1]}/", timeout_s=5.0), what)


@pytest.mark.parametrize("what", ["send", "test"])
def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path, what: str) -> None:
    context, _ = certificate(tmp_path)
    receiver = Receiver(context)
    with pytest.raises(ChannelError, match="certificate"):
        use(WebhookChannel(receiver.url), what)
    receiver.close()
    assert receiver.raw == []


def test_over_tls_with_a_certificate_that_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, file = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    receiver = Receiver(context)
    WebhookChannel(receiver.url).test()
    WebhookChannel(receiver.url).send(MESSAGE)
    receiver.close()
    assert receiver.methods == ["OPTIONS", "POST"]


@pytest.mark.parametrize("status", [200, 204, 400, 405, 429, 501])
def test_a_server_that_knows_no_options_is_alive_all_the_same(receiver: Receiver, status: int) -> None:
    receiver.statuses = [status]
    WebhookChannel(receiver.url).test()
    assert (receiver.methods, receiver.paths, receiver.raw) == (["OPTIONS"], ["/page?key=T0KEN"], [b""])


@pytest.mark.parametrize("status", [301, 308, 401, 403, 404, 410, 500, 503])
def test_a_server_that_would_take_no_page_is_dead(receiver: Receiver, status: int) -> None:
    receiver.statuses = [status]
    with pytest.raises(ChannelError, match=f"{status}.*; ") as failure:
        WebhookChannel(receiver.url).test()
    assert "T0KEN" not in str(failure.value)


def use(channel: WebhookChannel, what: str) -> None:
    if what == "send":
        channel.send(MESSAGE)
    else:
        channel.test()
