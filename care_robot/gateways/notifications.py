"""Pages on their way to humans: the sending that never makes anybody else wait.

Only text leaves the machine, never an image. An address may hold a secret, so no message here repeats it.
"""

import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

from care_robot.care import channels as configured
from care_robot.care.alarms import Page
from care_robot.care.config import CareConfig, CareConfigError
from care_robot.care.inputs import ChannelTested, PageEnded
from care_robot.gateways.channel import Channel, ChannelError, ConsoleChannel, Message, message_of
from care_robot.gateways.webhook import WebhookChannel

LIMIT_S = 12.0
"""What takes longer counts as dead: a contact's next channel must have its turn by T + 75 s."""


def channels_of(
    config: CareConfig, write: Callable[[str], object], folder: Path | None = None
) -> dict[tuple[str, int], Channel]:
    """Every channel, by its contact and its place there; CareConfigError for one that could never work.

    Parameters
    ----------
    config
        Contacts and their channels.
    write
        Shows the pages of the console.
    folder
        For what services must remember, such as a renewed token; None to let them forget it.
    """
    built: dict[tuple[str, int], Channel] = {}
    for contact in config.contacts:
        for place, channel in enumerate(contact.channels):
            try:
                built[contact.id, place] = _built(channel, write, folder)
            except ChannelError as error:
                which = f"The channel {place + 1} ({channel.label}) of the contact '{contact.id}'"
                raise CareConfigError(f"{which} cannot be used: {error}.") from None
    return built


def _built(channel: configured.Channel, write: Callable[[str], object], folder: Path | None) -> Channel:
    match channel:
        case configured.Webhook():
            return WebhookChannel(channel.url.get_secret_value())
        case configured.Apprise() | configured.Email():
            from care_robot.gateways.apprise_channel import ApprisedChannel  # noqa: PLC0415 (0.3 s)

            return ApprisedChannel(channel, folder)
        case configured.Console():
            return ConsoleChannel(write)


class Notifier:
    """Sends each page in a thread of its own: a server that hangs delays no timer and no other page.

    Parameters
    ----------
    channels
        By contact and place.
    report
        Gets what became of each page, from the page's thread.
    limit_s
        How long a channel has.
    """

    def __init__(
        self,
        channels: Mapping[tuple[str, int], Channel],
        report: Callable[[PageEnded], object],
        limit_s: float = LIMIT_S,
    ) -> None:
        self._channels = channels
        self._report = report
        self._limit_s = limit_s
        self._hanging: dict[tuple[str, int], threading.Thread] = {}

    def send(self, page: Page, channel: int, repeat: bool, test: bool = False) -> None:
        """Send by one channel; returns at once."""
        message = message_of(page, repeat, test)
        _start(lambda: self._report(self._deliver(page.id, page.contact_id, channel, message)))

    def send_by_any(self, pages: list[Page], timeout_s: float) -> None:
        """Send each page by its contact's first channel that works; waits at most `timeout_s`."""

        def send(page: Page) -> None:
            message = message_of(page, repeat=False)
            places = sorted(place for contact, place in self._channels if contact == page.contact_id)
            any(self._deliver(page.id, page.contact_id, place, message).delivered for place in places)

        threads = [_start(partial(send, page)) for page in pages]
        for thread in threads:
            thread.join(timeout_s / len(threads))

    def test(self, contact_id: str, channel: int, report: Callable[[ChannelTested], object]) -> None:
        """Test one channel and report from another thread; returns at once, and no human is disturbed."""
        key = (contact_id, channel)

        def test() -> None:
            before = self._hanging.get(key)
            if before is not None and before.is_alive():  # or hanging tests would pile up
                problem = "its last self-test has not come to an end; look at its server and the network"
            else:
                problem = self._problem(partial(self._test, key), key)
            report(ChannelTested(contact_id, channel, not problem, problem))

        _start(test)

    def _test(self, key: tuple[str, int]) -> None:
        self._channels[key].test()

    def _deliver(self, page_id: str, contact: str, place: int, message: Message) -> PageEnded:
        problem = self._problem(lambda: self._channels[contact, place].send(message))
        return PageEnded(page_id, place, not problem, problem)

    def _problem(self, work: Callable[[], object], tested: tuple[str, int] | None = None) -> str:
        """What went wrong with a channel's `work`, in a thread that is left behind where it hangs."""
        problems: SimpleQueue[str] = SimpleQueue()
        thread = _start(lambda: problems.put(_attempted(work)))
        try:
            return problems.get(timeout=self._limit_s)
        except Empty:
            if tested:
                self._hanging[tested] = thread
                return f"it gave no answer within {self._limit_s:g} s; look at its server and the network"
            return f"it gave no answer within {self._limit_s:g} s, so the page may have arrived or not"


def _attempted(work: Callable[[], object]) -> str:
    try:
        work()
    except ChannelError as error:
        return str(error)
    except Exception as error:
        # Whatever it was, the page did not arrive, and the next channel must have its turn.
        return f"it failed with {type(error).__name__}"
    return ""


def _start(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, name="page", daemon=True)
    thread.start()
    return thread
