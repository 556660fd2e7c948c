"""Pages to a webhook, as JSON over HTTPS."""

import http.client
import json
import ssl
import threading
from urllib.parse import urlsplit

from care_robot.gateways.channel import ChannelError, Message

TIMEOUT_S = 5.0
ATTEMPTS = 2
PAUSE_S = 1.0
DEAD_STATUS = (401, 403, 404, 410)
"""Answers to OPTIONS that say that nobody takes pages here; 405 only says that it is not asked so."""


class _UnreachableError(Exception):
    """No connection, so the page has certainly not arrived."""


class WebhookChannel:
    """Posts pages as JSON; a certificate that does not hold, or a redirection, is a failure.

    Parameters
    ----------
    url
        A checked address (`checked_webhook_url`).
    timeout_s
        Limit for connecting and for each answer.
    """

    proof = "the server answers at the address; whether it shows a page to somebody is not known"

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port
        self._secure = parts.scheme == "https"
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._timeout_s = timeout_s

    def send(self, message: Message) -> None:
        """Post once, and once more where there was no answer or the server says that it is in trouble."""
        pause = threading.Event()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                status = self._request("POST", json.dumps(message, ensure_ascii=False).encode("utf-8"))
            except ssl.SSLCertVerificationError as error:
                raise ChannelError(_certificate(error)) from error
            except _UnreachableError as error:
                problem = f"it cannot be reached ({error})"
            except (OSError, http.client.HTTPException) as error:
                problem = f"it gave no answer, so the page may have arrived or not ({type(error).__name__})"
                message = {**message, "repeat": True}
            else:
                if 200 <= status < 300:
                    return
                problem = f"it answered with HTTP status {status}"
                if status < 500 and status != 429:
                    raise ChannelError(problem)
                message = {**message, "repeat": True}
            if attempt < ATTEMPTS:
                pause.wait(PAUSE_S)
        raise ChannelError(problem)

    def test(self) -> None:
        """Ask the server what it would take (OPTIONS): a server that has no answer to that is alive too."""
        try:
            status = self._request("OPTIONS")
        except ssl.SSLCertVerificationError as error:
            raise ChannelError(_certificate(error)) from error
        except _UnreachableError as error:
            raise ChannelError(
                f"it cannot be reached ({error}); check the network, the address and that its server runs"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise ChannelError(f"it gave no answer ({type(error).__name__}); look at its server") from error
        if 300 <= status < 400:
            raise ChannelError(
                f"it sends elsewhere (HTTP status {status}); give the final address in care.yaml"
            )
        if status in DEAD_STATUS:
            raise ChannelError(f"it takes no pages (HTTP status {status}); check its address in care.yaml")
        if status >= 500 and status != http.client.NOT_IMPLEMENTED:
            raise ChannelError(f"its server is in trouble (HTTP status {status}); look at that server")

    def _request(self, method: str, body: bytes | None = None) -> int:
        connection: http.client.HTTPConnection
        if self._secure:
            trust = ssl.create_default_context()
            connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout_s, context=trust
            )
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        try:
            try:
                connection.connect()
            except ssl.SSLCertVerificationError:
                raise
            except OSError as error:
                raise _UnreachableError(type(error).__name__) from error
            headers = {"User-Agent": "care_robot"}
            if body is not None:
                headers["Content-Type"] = "application/json; charset=utf-8"
            connection.request(method, self._target, body, headers)
            return connection.getresponse().status
        finally:
            connection.close()


def _certificate(error: ssl.SSLCertVerificationError) -> str:
    remedy = "renew it, or have this machine trust its issuer"
    return f"its certificate does not hold ({error.verify_message}); {remedy}"
