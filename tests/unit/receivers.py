"""A page, and real servers that it may go to: HTTP, SMTP, and one that is deaf."""

import base64
import json
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from email import message_from_bytes
from email.header import decode_header, make_header
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from care_robot.care.alarms import AlarmKind, Page, Priority
from care_robot.care.text import Text

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
    text=Text("[긴급] 낙상 의심: 김영희 님, 침실.", "[HIGH] Possible fall: 김영희, bedroom."),
)


class Receiver:
    """A web server that answers each request with the next of `statuses`, and keeps what came."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.statuses: list[int] = []
        self.answers: list[dict[str, Any]] = []
        """JSON for the next answers."""
        self.methods: list[str] = []
        self.raw: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                receiver.raw.append(self.rfile.read(int(self.headers["Content-Length"] or 0)))
                receiver.methods.append(self.command)
                receiver.headers.append(dict(self.headers))
                receiver.paths.append(self.path)
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                body = json.dumps(receiver.answers.pop(0)).encode() if receiver.answers else b""
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_OPTIONS = do_HEAD = answer  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}/page?key=T0KEN"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(raw) for raw in self.raw]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class MailServer:
    """A mail server that keeps the commands and the mails that it gets.

    `replies` replaces its answer to a command, such as ``{"RCPT": "550 no such user"}``.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, implicit: bool = False, login: str = "") -> None:
        self.replies: dict[str, str] = {}
        self.commands: list[str] = []
        self.logins: list[tuple[str, str]] = []
        self.mails: list[bytes] = []
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def setup(self) -> None:
                if tls and implicit:
                    self.request = tls.wrap_socket(self.request, server_side=True)
                super().setup()

            def say(self, text: str) -> None:
                self.wfile.write(text.encode() + b"\r\n")

            def handle(self) -> None:
                secure = implicit
                self.say("220 mail.test")
                while line := self.rfile.readline().decode().rstrip():
                    word = line.split()[0].upper()
                    server.commands.append(word)
                    if word in server.replies:
                        self.say(server.replies[word])
                    elif word == "EHLO":
                        offers = ["STARTTLS"] if tls and not secure else []
                        offers += ["AUTH PLAIN"] if login else []
                        for offer in ["mail.test", *offers]:
                            self.say(f"250-{offer}")
                        self.say("250 SIZE 1000000")
                    elif word == "STARTTLS" and tls:
                        self.say("220 go on")
                        self.request = tls.wrap_socket(self.request, server_side=True)
                        super().setup()
                        secure = True
                    elif word == "AUTH":
                        _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
                        server.logins.append((user, password))
                        self.say("235 welcome" if f"{user}:{password}" == login else "535 go away, T0KEN")
                    elif word == "DATA":
                        self.say("354 speak")
                        mail = b"".join(iter(self.rfile.readline, b".\r\n"))
                        server.mails.append(mail)
                        self.say("250 kept")
                    elif word == "QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("250 fine")

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a client that trusts nobody hangs up in the middle

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def subjects(self) -> list[str]:
        mails = [message_from_bytes(mail) for mail in self.mails]
        return [str(make_header(decode_header(mail["Subject"]))) for mail in mails]

    @property
    def texts(self) -> list[str]:
        """Bodies of the mails, which must be plain text."""
        mails = [message_from_bytes(mail) for mail in self.mails]
        assert all(mail.get_content_type() == "text/plain" for mail in mails)
        return [mail.get_payload(decode=True).decode() for mail in mails]  # type: ignore[union-attr]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def running(server: Any) -> Iterator[Any]:
    """Close a server at the end."""
    yield server
    server.close()


@contextmanager
def deaf_server() -> Iterator[int]:
    """Port of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A context with a certificate for localhost that nobody vouches for, and the certificate's file."""
    key, cert = folder / "key.pem", folder / "certificate.pem"
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
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(cert)]
    if not shutil.which("openssl") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("openssl is not installed")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert
