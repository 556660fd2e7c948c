"""Pages on their way to humans: channels, and the sending that never makes anybody else wait.

Only text leaves the machine, never an image. An address may hold a secret, so no message here repeats it.
"""

import http.client
import json
import ssl
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlsplit

from care_robot.care.alarms import Page
from care_robot.care.config import CareConfig, Webhook
from care_robot.care.inputs import PageEnded

Message = dict[str, Any]
TIMEOUT_S = 5.0
ATTEMPTS = 2
PAUSE_S = 1.0


class ChannelError(Exception):
    """A channel did not take a page; the message says why, without addresses."""


class _UnreachableError(Exception):
    """No connection, so the page has certainly not arrived."""


class Channel(Protocol):
    """One way to a contact."""

    def send(self, message: Message) -> None:
        """Return once the page was taken; ChannelError where it was not."""


def message_of(page: Page, repeat: bool) -> Message:
    """What a page says, ready for JSON."""
    return {
        "page_id": page.id,
        "alarm_id": page.alarm_id,
        "repeat": repeat,
        "kind": page.kind.name.lower(),
        "priority": page.priority.name.lower(),
        "tier": page.tier,
        "contact": page.contact_id,
        "resident": page.resident_name,
        "room": page.room,
        "time": page.event_at.isoformat(timespec="seconds"),
        "text_ko": page.text.ko,
        "text_en": page.text.en,
    }


class ConsoleChannel:
    """Shows pages in the log.

    Parameters
    ----------
    write
        Takes one line; called from any thread.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def send(self, message: Message) -> None:
        """Write the page in one line."""
        mark = " (repeat)" if message["repeat"] else ""
        who = f"PAGE to {message['contact']}{mark}"
        text = f"{message['text_ko']} · {message['text_en']}"
        alarm = f" [alarm {message['alarm_id']}]" if message["alarm_id"] else ""
        self._write(f"{who}: {text}{alarm}")


class WebhookChannel:
    """Posts pages as JSON; a certificate that does not hold, or a redirection, is a failure.

    Parameters
    ----------
    url
        A checked address (`checked_webhook_url`).
    timeout_s
        Limit for connecting and for each answer.
    """

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
                status = self._post(json.dumps(message, ensure_ascii=False).encode("utf-8"))
            except ssl.SSLCertVerificationError as error:
                raise ChannelError(f"its certificate does not hold ({error.verify_message})") from error
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

    def _post(self, body: bytes) -> int:
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
            headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "care_robot"}
            connection.request("POST", self._target, body, headers)
            return connection.getresponse().status
        finally:
            connection.close()


def channels_of(config: CareConfig, write: Callable[[str], object]) -> dict[tuple[str, int], Channel]:
    """Every channel, by its contact and its place there; `write` shows the pages of the console."""
    return {
        (contact.id, place): (
            WebhookChannel(channel.url.get_secret_value())
            if isinstance(channel, Webhook)
            else ConsoleChannel(write)
        )
        for contact in config.contacts
        for place, channel in enumerate(contact.channels)
    }


class Notifier:
    """Sends each page in a thread of its own: a server that hangs delays no timer and no other page.

    Parameters
    ----------
    channels
        By contact and place.
    report
        Gets what became of each page, from the page's thread.
    """

    def __init__(
        self, channels: Mapping[tuple[str, int], Channel], report: Callable[[PageEnded], object]
    ) -> None:
        self._channels = channels
        self._report = report

    def send(self, page: Page, channel: int, repeat: bool) -> None:
        """Send by one channel; returns at once."""
        message = message_of(page, repeat)
        self._start(lambda: self._report(self._deliver(page.id, page.contact_id, channel, message)))

    def send_by_any(self, pages: list[Page], timeout_s: float) -> None:
        """Send each page by its contact's first channel that works; waits at most `timeout_s`."""

        def send(page: Page) -> None:
            message = message_of(page, repeat=False)
            places = sorted(place for contact, place in self._channels if contact == page.contact_id)
            any(self._deliver(page.id, page.contact_id, place, message).delivered for place in places)

        threads = [self._start(partial(send, page)) for page in pages]
        for thread in threads:
            thread.join(timeout_s / len(threads))

    def _start(self, work: Callable[[], object]) -> threading.Thread:
        thread = threading.Thread(target=work, name="page", daemon=True)
        thread.start()
        return thread

    def _deliver(self, page_id: str, contact: str, place: int, message: Message) -> PageEnded:
        try:
            self._channels[contact, place].send(message)
        except ChannelError as error:
            return PageEnded(page_id, place, False, str(error))
        except Exception as error:
            # Whatever it was, the page did not arrive, and the next channel must have its turn.
            return PageEnded(page_id, place, False, f"it failed with {type(error).__name__}")
        return PageEnded(page_id, place, True)
