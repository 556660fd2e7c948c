"""The page that shows the simulated world stays on this machine, and costs nothing while nobody looks."""

import contextlib
import http.client
import json
import queue
import socket
from collections.abc import Iterator

import pytest

from care_robot.simulation.view_server import Stream, ViewError, ViewServer

PLAN = {"rooms": [], "solid": [], "pictures": ["head"]}
TIMEOUT_S = 10.0


@pytest.fixture
def watched() -> "queue.Queue[bool]":
    return queue.Queue()


@pytest.fixture
def streams(watched: "queue.Queue[bool]") -> dict[str, Stream]:
    return {"state": Stream("text/event-stream"), "head": Stream("image/jpeg", watched.put)}


@pytest.fixture
def server(streams: dict[str, Stream]) -> Iterator[ViewServer]:
    server = ViewServer(0, PLAN, streams)
    yield server
    server.close()


def port_of(server: ViewServer) -> int:
    return int(server.url.rstrip("/").rsplit(":", 1)[1])


def get(server: ViewServer, path: str, host: str = "127.0.0.1") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port_of(server), timeout=TIMEOUT_S)
    connection.request("GET", path, headers={"Host": f"{host}:80"})
    return connection.getresponse()


def test_the_page_and_the_plan_are_served(server: ViewServer) -> None:
    page = get(server, "/")
    assert page.status == 200
    assert "시뮬레이션" in page.read().decode()
    assert json.loads(get(server, "/plan").read()) == PLAN


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1.example.org", ""])
def test_another_site_that_points_its_name_here_gets_nothing(server: ViewServer, host: str) -> None:
    assert get(server, "/head", host).status == 403


@pytest.mark.parametrize("path", ["/../secret", "/state/x", "/%2e%2e/", "/etc/passwd"])
def test_there_is_nothing_else(server: ViewServer, path: str) -> None:
    assert get(server, path).status == 404


def test_pictures_are_asked_for_only_while_somebody_looks(
    server: ViewServer, streams: dict[str, Stream], watched: "queue.Queue[bool]"
) -> None:
    with socket.create_connection(("127.0.0.1", port_of(server)), timeout=TIMEOUT_S) as browser:
        browser.sendall(b"GET /head HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert watched.get(timeout=TIMEOUT_S) is True
        streams["head"].put(b"JPEG-BYTES")
        seen = b""
        while b"JPEG-BYTES" not in seen:
            seen += browser.recv(4096)
        assert b"image/jpeg" in seen
    for _ in range(100):  # the server learns that the browser has left when it sends the next pictures
        streams["head"].put(b"x" * 100_000)
        with contextlib.suppress(queue.Empty):
            assert watched.get(timeout=0.1) is False
            return
    pytest.fail("The server still sends pictures to a browser that has left.")


def test_it_listens_on_this_machine_alone(server: ViewServer) -> None:
    assert server.url.startswith("http://127.0.0.1:")


def test_a_taken_port_is_a_sentence(server: ViewServer) -> None:
    del server
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ViewError, match="view_port"):
            ViewServer(taken.getsockname()[1], PLAN, {})


def test_who_comes_later_sees_nothing_of_before(server: ViewServer, streams: dict[str, Stream]) -> None:
    del server
    head = streams["head"]
    head.watch(1)
    head.put(b"somebody")
    assert head.next(0, 0.0)[1] == b"somebody"
    head.watch(-1)
    head.put(b"under way")
    head.watch(1)
    assert head.next(0, 0.0)[1] == b""
