"""A page on this machine alone that shows a simulated home: plan, view from above, and the robot's view."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
PAGE = Path(__file__).with_name("view_page.html")
BOUNDARY = "picture"
KEEP_ALIVE_S = 2.0


class ViewError(Exception):
    """The page cannot be shown; the message names the remedy."""


@dataclass
class Stream:
    """The newest of something, for everybody who watches it; tells whether anybody does.

    Nothing is kept while nobody watches: who comes later sees nothing of before.
    """

    kind: str  # of its content, as a MIME type
    on_watched: Callable[[bool], object] = lambda _watched: None
    _item: bytes = b""
    _number: int = 0
    _watchers: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def put(self, item: bytes) -> None:
        """Show this to everybody."""
        with self._changed:
            if self._watchers:
                self._item, self._number = item, self._number + 1
                self._changed.notify_all()

    def next(self, seen: int, timeout_s: float) -> tuple[int, bytes]:
        """The newest after number `seen`, or the same again when nothing came in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._number > seen, timeout_s)
            return self._number, self._item

    def watch(self, more: int) -> None:
        """Count those who watch, and tell the first and the last."""
        with self._changed:
            before, self._watchers = self._watchers > 0, self._watchers + more
            if not self._watchers:
                self._item = b""
            if before != (self._watchers > 0):
                self.on_watched(self._watchers > 0)


class ViewServer:
    """Serves the page until closed.

    Parameters
    ----------
    port : int
        On the loopback interface; 0 for a free one.
    plan : dict
        What does not move, as the page's script draws it.
    streams : dict
        By name: ``state`` (JSON) and pictures (JPEG).

    Raises
    ------
    ViewError
        The port is taken.
    """

    def __init__(self, port: int, plan: dict[str, Any], streams: dict[str, Stream]) -> None:
        self._plan, self._streams = json.dumps(plan).encode(), streams
        self._closing = threading.Event()
        view = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                view.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: the log is the node's."""

        try:
            self._server = http.server.ThreadingHTTPServer((HOST, port), Handler)
        except OSError as error:
            raise ViewError(
                f"The page cannot use port {port} ({error.strerror}): choose another with view_port:=PORT."
            ) from error
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True, name="view").start()

    def close(self) -> None:
        """End the page."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        """Answer one request; a page of another site that points its own name here gets nothing."""
        name = (request.headers.get("Host") or "").rsplit(":", 1)[0]
        if name not in (HOST, "localhost"):
            request.send_error(403, "Open the page as http://127.0.0.1 on the machine that it runs on.")
            return
        path = request.path.split("?", 1)[0].strip("/")
        try:
            if path == "":
                self._send(request, "text/html; charset=utf-8", PAGE.read_bytes())
            elif path == "plan":
                self._send(request, "application/json", self._plan)
            elif path in self._streams:
                self._follow(request, self._streams[path])
            else:
                request.send_error(404, "There is no such page.")
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            request.close_connection = True  # the browser has left

    def _send(self, request: http.server.BaseHTTPRequestHandler, kind: str, body: bytes) -> None:
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.send_header("Cache-Control", "no-store")
        request.end_headers()
        request.wfile.write(body)

    def _follow(self, request: http.server.BaseHTTPRequestHandler, stream: Stream) -> None:
        """Send what comes, until the browser leaves."""
        pictures = stream.kind == "image/jpeg"
        kind = f"multipart/x-mixed-replace; boundary={BOUNDARY}" if pictures else "text/event-stream"
        request.close_connection = True
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Cache-Control", "no-store")
        request.send_header("Connection", "close")
        request.end_headers()
        stream.watch(1)
        try:
            seen = 0
            while not self._closing.is_set():
                seen, item = stream.next(seen, KEEP_ALIVE_S)
                if not item:
                    continue
                if pictures:
                    head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(item)}\r\n\r\n"
                    request.wfile.write(head.encode() + item + b"\r\n")
                else:
                    request.wfile.write(b"data: " + item + b"\n\n")
                request.wfile.flush()
        finally:
            stream.watch(-1)
