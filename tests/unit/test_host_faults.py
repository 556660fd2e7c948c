"""Faults of the machine, on real processes and sockets of this test's own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from care_robot.actuation.speech import Espeak, SpeechError
from care_robot.simulation.host_faults import HostFaultError, HostFaults, Relay, parse_address
from care_robot.simulation.sim_services import FaultKind, RequestError

OWN = "/robot1/simulator"


@contextmanager
def node(*arguments: str, domain: str = "91", path: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """A process that looks like a node and waits to be ended; it says when it is there."""
    environment = {**os.environ, "ROS_DOMAIN_ID": domain, "PATH": path or os.environ["PATH"]}
    program = "import sys; print('there', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "--ros-args", *arguments],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def named(name: str, namespace: str = "/robot1") -> tuple[str, ...]:
    return ("-r", f"__node:={name}", "-r", f"__ns:={namespace}")


@pytest.fixture(autouse=True)
def domain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", "91")


def test_the_named_node_is_killed_and_no_other() -> None:
    with (
        node(*named("fall_detector"), domain="92") as stranger,
        node(*named("fall_detector", "/robot2")) as neighbour,
        node(*named("speech")) as other,
        node(*named("fall_detector")) as target,
    ):
        HostFaults(OWN).fault(FaultKind.NODE_KILLED, True, "fall_detector")
        assert target.wait(10) == -9
        assert [p.poll() for p in (stranger, neighbour, other)] == [None] * 3


@pytest.mark.parametrize("target", ["nobody", "/fall_detector", "fall_detector --ros-args", "../robot1", "*"])
def test_a_node_that_is_not_there_is_not_killed(target: str) -> None:
    with node(*named("fall_detector")) as there:
        with pytest.raises(RequestError) as refused:
            HostFaults(OWN).fault(FaultKind.NODE_KILLED, True, target)
        assert refused.value.code == 2
        assert there.poll() is None


def test_the_simulator_does_not_kill_itself() -> None:
    with node(*named("simulator")) as namesake:
        with pytest.raises(RequestError, match="itself"):
            HostFaults(OWN).fault(FaultKind.NODE_KILLED, True, "simulator")
        assert namesake.poll() is None


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that sends back what comes; its port."""
    program = (
        "import socketserver as s\n"
        "class H(s.StreamRequestHandler):\n"
        "    def handle(self):\n"
        "        for line in self.rfile: self.wfile.write(line)\n"
        "with s.ThreadingTCPServer(('127.0.0.1', 0), H) as server:\n"
        "    print(server.server_address[1], flush=True)\n"
        "    server.serve_forever()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout is not None
    yield int(process.stdout.readline())
    process.kill()
    process.communicate()


def ask(port: int, timeout_s: float = 10.0) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout_s)
    connection.sendall(b"hello\n")
    return connection


def test_a_cut_network_breaks_connections_and_refuses_new_ones_until_mended(echo: int) -> None:
    relay = Relay(0, "127.0.0.1", echo)
    faults = HostFaults(OWN, relay)
    with ask(relay.port) as connection:
        assert connection.recv(100) == b"hello\n"
        faults.fault(FaultKind.NETWORK_DOWN, True)
        with pytest.raises(ConnectionResetError):
            connection.recv(100)
    with pytest.raises(ConnectionRefusedError):
        ask(relay.port)
    faults.fault(FaultKind.NETWORK_DOWN, True)  # twice is the same
    faults.fault(FaultKind.NETWORK_DOWN, False)
    with ask(relay.port) as connection:
        assert connection.recv(100) == b"hello\n"
    faults.close()
    with pytest.raises(ConnectionRefusedError):
        ask(relay.port)


def test_a_caller_hears_when_the_target_is_not_there(echo: int) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = free.getsockname()[1]
    relay = Relay(0, "127.0.0.1", nobody)
    with (
        pytest.raises(ConnectionResetError),
        socket.create_connection(("127.0.0.1", relay.port), 10) as caller,
    ):
        caller.recv(100)
    relay.cut()


def test_a_port_that_is_taken_is_an_error_with_a_sentence(echo: int) -> None:
    with pytest.raises(HostFaultError, match=str(echo)):
        Relay(echo, "127.0.0.1", 1)


@pytest.mark.parametrize("text", ["", "host", ":80", "host:", "host:0", "host:65536", "host:-1", "host:http"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(HostFaultError):
        parse_address(text)


def test_without_a_relay_or_folder_the_fault_is_refused() -> None:
    for kind in (FaultKind.NETWORK_DOWN, FaultKind.SPEECH_DOWN):
        with pytest.raises(RequestError) as refused:
            HostFaults(OWN).fault(kind, True)
        assert refused.value.code == 2


def test_the_speech_engine_fails_while_it_is_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    engine = tmp_path / "real" / "espeak-ng"
    engine.parent.mkdir()
    engine.write_text("#!/bin/sh\necho works\n", encoding="utf-8")
    engine.chmod(0o755)
    path = f"{folder}:{engine.parent}:{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    run: Callable[[], bytes] = lambda: Espeak()._run([], b"", lambda: False)  # noqa: E731
    faults = HostFaults(OWN, None, folder)
    with node(*named("speech"), path=path):
        assert run() == b"works\n"
        faults.fault(FaultKind.SPEECH_DOWN, True)
        with pytest.raises(SpeechError, match="broken by sim/fault"):
            run()
        faults.fault(FaultKind.SPEECH_DOWN, False)
        assert run() == b"works\n"
        faults.fault(FaultKind.SPEECH_DOWN, True)
    faults.close()
    assert run() == b"works\n"


def test_speech_that_was_started_otherwise_cannot_be_broken(tmp_path: Path) -> None:
    faults = HostFaults(OWN, None, tmp_path)
    with pytest.raises(RequestError, match="speech"):
        faults.fault(FaultKind.SPEECH_DOWN, True)
    with node(*named("speech")), pytest.raises(RequestError, match="PATH"):
        faults.fault(FaultKind.SPEECH_DOWN, True)
    assert list(tmp_path.iterdir()) == []
