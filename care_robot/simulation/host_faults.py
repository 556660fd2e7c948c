"""Faults of this machine rather than of the simulated world: a killed node, a cut network, no speech engine.

All of them end when they are mended, and at the latest when the simulation ends.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil

from care_robot.simulation.sim_services import INVALID, UNKNOWN_TARGET, FaultKind, RequestError

CONNECT_S = 5.0
CHUNK_BYTES = 65536
SPEECH_ENGINE = "espeak-ng"
_ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: the other side sees a reset, as when a cable is pulled


class HostFaultError(Exception):
    """A setting of these faults that cannot be used; the message is a sentence."""


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of ``host:port``; HostFaultError where it is something else."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise HostFaultError(f"The address {text!r} cannot be used: write host:port, such as 127.0.0.1:8080.")
    return host, int(port)


class Relay:
    """Forwards TCP connections from a port of 127.0.0.1, until it is cut.

    Parameters
    ----------
    port : int
        Port to listen on; 0 for any that is free, the same one after each `mend`.
    host : str
    target_port : int
        Where to forward to.

    Raises
    ------
    HostFaultError
        The port is taken.
    """

    def __init__(self, port: int, host: str, target_port: int) -> None:
        self.port = port
        self._target = (host, target_port)
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self.mend()

    def mend(self) -> None:
        """Listen, where that was cut; HostFaultError where the port is taken."""
        if self._listener is not None:
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", self.port))
        except OSError as error:
            listener.close()
            raise HostFaultError(
                f"Port {self.port} of 127.0.0.1 cannot be listened on ({error.strerror}): choose another one."
            ) from None
        listener.listen()
        self.port = int(listener.getsockname()[1])
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), name="relay", daemon=True).start()

    def cut(self) -> None:
        """Reset every connection and refuse new ones."""
        with self._lock:
            listener, self._listener = self._listener, None
            sockets, self._open = self._open, set()
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes up who accepts
            listener.close()
        for connection in sockets:
            _reset(connection)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(listener, caller), name="relay", daemon=True).start()

    def _serve(self, listener: socket.socket, caller: socket.socket) -> None:
        try:
            target = socket.create_connection(self._target, CONNECT_S)
        except OSError:
            _reset(caller)
            return
        target.settimeout(None)
        with self._lock:
            if self._listener is not listener:  # cut meanwhile
                _reset(caller)
                _reset(target)
                return
            self._open |= {caller, target}
        back = threading.Thread(target=self._pump, args=(target, caller), name="relay", daemon=True)
        back.start()
        self._pump(caller, target)
        back.join()
        with self._lock:
            self._open -= {caller, target}
        caller.close()
        target.close()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK_BYTES):
                sink.sendall(data)
        with self._lock, contextlib.suppress(OSError):
            if sink in self._open:  # else it is being reset, and must not end in good order
                sink.shutdown(socket.SHUT_WR)


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        connection.shutdown(socket.SHUT_RD)  # wakes up who reads
    connection.close()


class HostFaults:
    """The faults of one simulation.

    Parameters
    ----------
    node : str
        Full name of the simulator's own node; a relative target is in its namespace, and it is never killed.
    relay : Relay or None
        What pages go through; None where the network cannot be cut.
    speech_folder : Path or None
        Folder that is first on the PATH of the node `speech`. It is empty but for an engine that fails, while
        speech is down: nothing has to race with the real one. None where that cannot be broken.
    """

    def __init__(self, node: str, relay: Relay | None = None, speech_folder: Path | None = None) -> None:
        self._node = node
        self._relay = relay
        self._speech = speech_folder / SPEECH_ENGINE if speech_folder else None
        self.mend_all()

    def fault(self, kind: FaultKind, active: bool, target: str = "") -> None:
        """Break or mend; RequestError where that cannot be done."""
        if kind is FaultKind.NODE_KILLED:
            if active:
                kill_node(self._full_name(target), self._node)
        elif kind is FaultKind.NETWORK_DOWN:
            self._cut(active)
        elif kind is FaultKind.SPEECH_DOWN:
            self._silence(active)
        else:
            raise ValueError(f"{kind.name} is no fault of the machine.")

    def mend_all(self) -> None:
        """Mend what can be mended; what was killed is for its launcher to start again."""
        if self._relay is not None:
            self._relay.mend()
        if self._speech is not None:
            self._speech.unlink(missing_ok=True)

    def close(self) -> None:
        """Mend all, and let go of the relay's port."""
        self.mend_all()
        if self._relay is not None:
            self._relay.cut()

    def _cut(self, active: bool) -> None:
        if self._relay is None:
            raise RequestError(
                UNKNOWN_TARGET, "There is no network to cut: give the simulator relay_port and relay_target."
            )
        try:
            if active:
                self._relay.cut()
            else:
                self._relay.mend()
        except HostFaultError as error:
            raise RequestError(INVALID, str(error)) from None

    def _silence(self, active: bool) -> None:
        if self._speech is None:
            raise RequestError(
                UNKNOWN_TARGET,
                "The speech engine cannot be broken: give the simulator the speech_folder "
                "that is first on the PATH of the node speech.",
            )
        if not active:
            self._speech.unlink(missing_ok=True)
            return
        speech = find_node(self._full_name("speech"))
        if speech is None:
            raise RequestError(UNKNOWN_TARGET, "There is no process of the node speech to break.")
        if speech.environ().get("PATH", "").split(os.pathsep)[0] != str(self._speech.parent):
            raise RequestError(
                UNKNOWN_TARGET,
                f"The node speech was started without {self._speech.parent} first on its PATH.",
            )
        try:
            self._speech.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part = self._speech.with_suffix(".part")
            part.write_text("#!/bin/sh\necho 'broken by sim/fault' >&2\nexit 1\n", encoding="utf-8")
            part.chmod(0o700)
            part.replace(self._speech)
        except OSError as error:
            raise RequestError(
                INVALID, f"The folder {self._speech.parent} cannot be used: {error}."
            ) from None

    def _full_name(self, target: str) -> str:
        return target if target.startswith("/") else f"{self._node.rpartition('/')[0]}/{target}"


def find_node(full_name: str) -> psutil.Process | None:
    """The process of this user, in this ROS domain, that was started as the node `full_name`."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if full_name in _nodes(process.cmdline()) and _domain(process.environ()) == _domain(os.environ):
                return process
    return None


def kill_node(full_name: str, own: str) -> None:
    """SIGKILL the process of a node; RequestError where there is none, or it is this one."""
    process = find_node(full_name)
    if process is None:
        raise RequestError(
            UNKNOWN_TARGET, f"No process of this ROS domain was started as the node {full_name[:80]}."
        )
    if full_name == own or process.pid in {os.getpid(), *(p.pid for p in psutil.Process().parents())}:
        raise RequestError(UNKNOWN_TARGET, "The simulator does not kill itself, nor what has started it.")
    with contextlib.suppress(psutil.NoSuchProcess):  # it has ended by itself
        process.kill()


def _nodes(command: list[str]) -> Iterator[str]:
    """Full name of the node that a command line starts, where it names one."""
    options = dict(word.split(":=", 1) for word in command if word.startswith(("__node:=", "__ns:=")))
    if "__node" in options:
        yield f"{options.get('__ns', '').rstrip('/')}/{options['__node']}"


def _domain(environment: os._Environ[str] | dict[str, str]) -> str:
    return environment.get("ROS_DOMAIN_ID") or "0"
