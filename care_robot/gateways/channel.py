"""What every channel of notification is, and what a page says on its way."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from care_robot.care.alarms import AlarmKind, Page, Priority
from care_robot.care.phrases import DRILL, KINDS, PRIORITIES
from care_robot.care.text import Text

Message = dict[str, Any]
TEST = Text("시험", "TEST")
REPEAT = Text("재전송", "REPEAT")


class ChannelError(Exception):
    """A channel is dead or did not take a page; one sentence with the remedy, without addresses."""


class Channel(Protocol):
    """One way to a contact."""

    @property
    def proof(self) -> str:
        """What is known once `test` has returned."""

    def send(self, message: Message) -> None:
        """Return once the page was taken; ChannelError where it was not."""

    def test(self) -> None:
        """Return where a page would get through, as far as that shows without disturbing a human.

        ChannelError where it would not.
        """


def message_of(page: Page, repeat: bool, test: bool = False) -> Message:
    """What a page says, ready for JSON; a drill or a test says so in the text too."""
    marks = _marks({"drill": page.drill, "test": test, "repeat": False})
    # A page of the engine's is marked already.
    ko, en = (t if t.startswith(m) else m + t for m, t in zip(marks, page.text, strict=True))
    return {
        "page_id": page.id,
        "alarm_id": page.alarm_id,
        "repeat": repeat,
        "drill": page.drill,
        "test": test,
        "kind": page.kind.name.lower(),
        "priority": page.priority.name.lower(),
        "tier": page.tier,
        "contact": page.contact_id,
        "resident": page.resident_name,
        "room": page.room,
        "time": page.event_at.isoformat(timespec="seconds"),
        "text_ko": ko,
        "text_en": en,
    }


def subject_of(message: Message) -> str:
    """A line that names nobody: it is seen on a locked telephone."""
    kind, priority = (
        KINDS[AlarmKind[message["kind"].upper()]],
        PRIORITIES[Priority[message["priority"].upper()]],
    )
    marks = _marks(message)
    return f"{marks.ko}{priority.ko}: {kind.ko} / {marks.en}{priority.en}: {kind.en}"


def body_of(message: Message) -> str:
    """The page for a human to read, Korean first; its id at the end tells a repeat from a new page."""
    again = _marks({**message, "drill": False, "test": False})
    at = datetime.fromisoformat(message["time"]).astimezone()
    return (
        f"{again.ko}{message['text_ko']}\n{again.en}{message['text_en']}\n"
        f"{at:%Y-%m-%d %H:%M:%S %Z}\n호출 번호 / page {message['page_id']}"
    )


def _marks(message: Message) -> Text:
    marks = [mark for mark, name in ((DRILL, "drill"), (TEST, "test"), (REPEAT, "repeat")) if message[name]]
    return Text("".join(f"[{m.ko}] " for m in marks), "".join(f"[{m.en}] " for m in marks))


class ConsoleChannel:
    """Shows pages in the log.

    Parameters
    ----------
    write
        Takes one line; called from any thread.
    """

    proof = "the log takes pages; whether somebody reads it is not known"

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def send(self, message: Message) -> None:
        """Write the page in one line."""
        mark = " (repeat)" if message["repeat"] else ""
        who = f"PAGE to {message['contact']}{mark}"
        text = f"{message['text_ko']} · {message['text_en']}"
        alarm = f" [alarm {message['alarm_id']}]" if message["alarm_id"] else ""
        self._write(f"{who}: {text}{alarm}")

    def test(self) -> None:
        """Nothing: the log lives as long as the process, and a line each minute would only hide the pages."""
