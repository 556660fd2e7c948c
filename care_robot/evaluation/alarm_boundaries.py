"""Where running alarm processes can be hit from outside: commits to the disk, and the steps of sending."""

import contextlib
import ctypes
import json
import os
import signal
import struct
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from care_robot.bringup.supervisor import Event, Started
from care_robot.evaluation.bench import START_TIMEOUT_S, BenchError

WATCHED = "care_manager"
"""The process whose boundaries are known here."""


class Receiver:
    """A carer's telephone that knows ids, for a ``with`` block.

    Parameters
    ----------
    on_boundary
        Called in the connection's thread when it is ``connected``, has ``read`` a whole page, and has
        ``answered``; the next step waits for it.

    Attributes
    ----------
    pages
        Each page by its id, with its arrival (``time.monotonic``): what the carer sees.
    arrivals
        The id of every page that came, also again, and whether it said that it is a repetition.
    """

    def __init__(self, on_boundary: Callable[[str], object] = lambda _name: None) -> None:
        self.pages: dict[str, tuple[float, dict[str, Any]]] = {}
        self.arrivals: list[tuple[str, bool]] = []
        self.arrived = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def setup(self) -> None:
                on_boundary("connected")
                super().setup()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    page = json.loads(body)
                    receiver.note(str(page["page_id"]), page)
                on_boundary("read")
                with contextlib.suppress(OSError):
                    self.send_response(204)
                    self.end_headers()
                    self.wfile.flush()
                on_boundary("answered")

            def do_OPTIONS(self) -> None:  # a self-test
                self.send_response(204)
                self.end_headers()

            def handle(self) -> None:
                with contextlib.suppress(OSError):  # who sends may be dead
                    super().handle()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/page"

    def note(self, page_id: str, page: dict[str, Any]) -> None:
        """Show a page, unless its id was shown before."""
        with self.arrived:
            self.arrivals.append((page_id, bool(page.get("repeat"))))
            self.pages.setdefault(page_id, (time.monotonic(), page))
            self.arrived.notify_all()

    def of_room(self, room: str) -> list[tuple[float, dict[str, Any]]]:
        """What was shown about a room, oldest first."""
        with self.arrived:
            return sorted((p for p in self.pages.values() if p[1].get("room") == room), key=lambda p: p[0])

    def wait(self, room: str, until_s: float, many: int = 1) -> float | None:
        """When the page number `many` about a room was shown; None if not until then (``time.monotonic``)."""
        with self.arrived:
            while len(found := self.of_room(room)) < many:
                left_s = until_s - time.monotonic()
                if left_s <= 0 or not self.arrived.wait(left_s):
                    return None
        return found[many - 1][0]

    def __enter__(self) -> "Receiver":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def changes_of(folder: Path, name: bytes, ended: threading.Event) -> Iterator[None]:
    """Yield each time that the file `name` in `folder` is written, at once (inotify(7))."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0 or libc.inotify_add_watch(descriptor, os.fsencode(folder), 0x2) < 0:  # IN_MODIFY
        raise BenchError(f"{folder} cannot be watched: {os.strerror(ctypes.get_errno())}.")
    try:
        while not ended.is_set():
            try:
                data = os.read(descriptor, 65536)
            except BlockingIOError:
                ended.wait(0.0003)
                continue
            at = 0
            while at < len(data):
                length = struct.unpack_from("iIII", data, at)[3]
                if data[at + 16 : at + 16 + length].rstrip(b"\0") == name:
                    yield
                at += 16 + length
    finally:
        os.close(descriptor)


class Killer:
    """Kills a process by its name, at once or when a boundary comes.

    Attributes
    ----------
    kills
        So far.
    killed_s
        When `WATCHED` was, last (``time.monotonic``).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pids: dict[str, int] = {}
        self._starts = threading.Condition()
        self._armed: tuple[str, float, int] | None = None
        self.kills = 0
        self.killed_s = 0.0
        self._done = threading.Event()

    def note(self, event: Event) -> None:
        """Listen to the launcher."""
        if isinstance(event, Started):
            with self._starts:
                self._pids[event.label] = event.pid
                self._starts.notify_all()

    def arm(self, boundary: str, offset_s: float, skip: int = 0) -> None:
        """Kill `WATCHED` `offset_s` after the boundary comes, the first `skip` times left out."""
        with self._lock:
            self._armed = (boundary, offset_s, skip)
            self._done.clear()

    def wait(self, timeout_s: float) -> bool:
        """Until the boundary has come and the process is dead; where it does not come, give it up."""
        if self._done.wait(timeout_s):
            return True
        with self._lock:
            given_up, self._armed = self._armed is not None, None
        return not given_up

    def at(self, boundary: str) -> None:
        """A boundary has come."""
        with self._lock:
            if self._armed is None or self._armed[0] != boundary:
                return
            _, offset_s, skip = self._armed
            self._armed = (boundary, offset_s, skip - 1) if skip else None
            if skip:
                return
        if offset_s:
            time.sleep(offset_s)
        self.kill(WATCHED)
        self._done.set()

    def kill(self, label: str) -> None:
        """Kill it now, if it runs."""
        with self._starts:
            pid = self._pids.pop(label, None)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.kills += 1
                if label == WATCHED:
                    self.killed_s = time.monotonic()

    def wait_for_start(self, label: str) -> None:
        """Until the process was started again."""
        with self._starts:
            if not self._starts.wait_for(lambda: label in self._pids, START_TIMEOUT_S):
                raise BenchError(f"{label} was not started again.")
