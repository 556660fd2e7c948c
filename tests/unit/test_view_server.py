"""The page that shows the simulated world stays on this machine, and costs nothing while nobody looks."""

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
def server(watched: "queue.Queue[bool]") -> Iterator[ViewServer]:
    streams = {"state": Stream("text/event-stream"), "head": Stream("image/jpeg", watched.put)}
    server = ViewServer(0, PLAN, streams)
    server.streams_of_test = streams  # type: ignore[attr-defined]
    yield server
    server.close()


def get(server: ViewServer, path: str, host: str = "127.0.0.1") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rstrip("/").rsplit(":", 1)[1]), timeout=TIMEOUT_S)
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
    server: ViewServer, watched: "queue.Queue[bool]"
) -> None:
    streams = server.streams_of_test  # type: ignore[attr-defined]
    answer = get(server, "/head")
    assert watched.get(timeout=TIMEOUT_S) is True
    streams["head"].put(b"JPEG-BYTES")
    assert b"--picture" in answer.fp.readline()
    answer.close()
    while True:  # the server learns that the browser has left when it sends the next picture
        streams["head"].put(b"x" * 100_000)
        try:
            assert watched.get(timeout=0.2) is False
            break
        except queue.Empty:
            continue


def test_it_listens_on_this_machine_alone(server: ViewServer) -> None:
    assert server.url.startswith("http://127.0.0.1:")


def test_a_taken_port_is_a_sentence(server: ViewServer) -> None:
    del server
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ViewError, match="view_port"):
            ViewServer(taken.getsockname()[1], PLAN, {})
