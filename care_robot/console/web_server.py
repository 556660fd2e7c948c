"""Serves the operator's page in a thread of its own, to nobody but who asked for it by its own name.

NiceGUI keeps its pages in the process, so that a process serves one page, once.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from care_robot.console.web import SESSION_S

HERE = Path(__file__).parent
ASSETS = {"web_page.css": "text/css", "web_page.js": "text/javascript"}
ANY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 (refused without names)
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
CLOSE_S = 5.0
MAX_BODY = 4096
# NiceGUI evaluates its own scripts, hence the two "unsafe"; nothing may come from or go to another place.
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}

StopNow = Callable[[str], Awaitable[dict[str, object]]]
"""Stops the robot in the name of a browser's session; what the page is told of it."""


class WebError(Exception):
    """The page cannot be served; the message names the remedy."""


@dataclass(frozen=True)
class Address:
    """Where the page is served, and under which names.

    Attributes
    ----------
    names
        Host names by which it may be asked for, beside `host` and those of this machine alone.
    certificate, key
        PEM files of TLS; empty for none, on this machine alone.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    names: tuple[str, ...] = ()
    certificate: str = ""
    key: str = ""

    @property
    def local(self) -> bool:
        """Whether nobody beyond this machine reaches it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def check(self, *, staff: bool) -> None:
        """WebError where others could read or command what they must not.

        Parameters
        ----------
        staff
            Whether people have to show who they are.
        """
        tls = bool(self.certificate and self.key)
        if not self.local and not (tls and staff):
            missing = [
                what
                for what, there in (
                    ("web_certificate and web_key (PEM files)", tls),
                    ("staff with PINs in care.yaml", staff),
                )
                if not there
            ]
            raise WebError(
                f"The page shows personal data: to serve it beyond this machine, at {self.host}, "
                f"give {' and '.join(missing)}, or leave web_host at 127.0.0.1."
            )
        if self.host in ANY_ADDRESS and not self.names:
            raise WebError(f"At {self.host}, give the names by which people ask for the page in web_names.")
        if bool(self.certificate) != bool(self.key):
            raise WebError("TLS needs both web_certificate and web_key; one of them is empty.")
        for path in filter(None, (self.certificate, self.key)):
            if not Path(path).is_file():
                raise WebError(f"There is no file {path}; check web_certificate and web_key.")


class Guard:
    """Lets through only what comes by a known name, and from the page itself.

    A page of another site could point its own name here (DNS rebinding), or open a web socket; a browser
    tells on both, by Host and by Origin.
    """

    def __init__(self, app: ASGIApp, names: tuple[str, ...]) -> None:
        self._app, self._names = app, {name.casefold() for name in (*LOCAL_NAMES, *names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        if not self._known(headers):
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1008})
            else:
                await Response("Ask for this page by its own name.\n", 403)(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
                given = message.get("headers", [])
                if b"cache-control" not in dict(given):
                    added.append((b"cache-control", b"no-store"))
                message["headers"] = [*given, *added]
            await send(message)

        await self._app(scope, receive, with_headers)

    def _known(self, headers: dict[str, str]) -> bool:
        host = headers.get("host", "")
        origin = headers.get("origin")
        return _name(host) in self._names and (origin is None or urlsplit(origin).netloc == host)


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").casefold()
    except ValueError:
        return ""


class WebServer:
    """Serves until closed.

    Parameters
    ----------
    address : Address
    stop_now : callable
        What the STOP button does; by plain HTTP, so that it works when the page's web socket does not.
    build : callable
        Makes the pages.

    Raises
    ------
    WebError
        The port is taken, or a page was served in this process before.
    """

    _used = False

    def __init__(self, address: Address, stop_now: StopNow, build: Callable[[], None]) -> None:
        from nicegui import ui  # noqa: PLC0415 (takes a second; the tests of the rest need none of it)

        if WebServer._used:
            raise WebError("The page was served in this process before: end it, and it is started anew.")
        self._socket = _bound(address)
        WebServer._used = True
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

        @app.post("/stop")
        async def stop(request: Request) -> JSONResponse:
            return JSONResponse(await stop_now(str(request.session.get("id", ""))))

        @app.get("/assets/{name}")
        async def asset(name: str) -> Response:
            if name not in ASSETS:
                return Response("There is no such file.\n", 404)
            return FileResponse(HERE / name, media_type=ASSETS[name])

        build()
        tls = bool(address.certificate)
        self._add_sessions(app, tls=tls)
        ui.run_with(
            app,
            title="돌봄 로봇 · Care robot",
            viewport="width=device-width, initial-scale=1",
            language="ko-KR",
            tailwind=False,
            dark=False,
            reconnect_timeout=10.0,
            binding_refresh_interval=None,
            show_welcome_message=False,
        )
        config = uvicorn.Config(
            Guard(app, (*address.names, *({address.host} - set(ANY_ADDRESS)))),
            log_level="warning",
            server_header=False,
            ssl_certfile=address.certificate or None,
            ssl_keyfile=address.key or None,
            timeout_graceful_shutdown=1,
            ws_max_size=2**20,
        )
        try:
            config.load()
        except OSError as error:
            raise WebError(f"The certificate or the key cannot be used: {error}.") from error
        self._server = uvicorn.Server(config)
        host, port = self._socket.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http{'s' * tls}://{shown}:{port}/"
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])

    def _add_sessions(self, app: FastAPI, *, tls: bool) -> None:
        from starlette.middleware.sessions import SessionMiddleware  # noqa: PLC0415

        app.add_middleware(
            SessionMiddleware,
            secret_key=secrets.token_hex(32),
            session_cookie="care_robot",
            same_site="lax",  # strict would ask a carer who follows a page's link to log in anew
            https_only=tls,
            max_age=int(SESSION_S),
        )

    def close(self) -> None:
        """End it; who looks at the page is told by their own browser."""
        self._server.should_exit = True
        self._thread.join(CLOSE_S)
        self._socket.close()


def _bound(address: Address) -> socket.socket:
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(where)
        bound.listen(128)  # who comes before the server is up waits, and is not refused
    except OSError as error:
        raise WebError(
            f"The page cannot be served at {address.host} port {address.port} ({error.strerror}): "
            "choose another with web_port:=PORT."
        ) from error
    return bound
