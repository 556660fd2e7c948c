"""Who is paged next: rounds of pages through tiers of contacts, and each contact's channels in turn."""

from datetime import datetime, timedelta

from care_robot.care import phrases
from care_robot.care.alarms import (
    MAX_REASON,
    Alarm,
    AlarmKind,
    AlarmState,
    Page,
    PageState,
    Priority,
    clean_text,
    digest,
)
from care_robot.care.channel_health import ChannelHealth, Key
from care_robot.care.config import CareConfig, Contact
from care_robot.care.effects import SendPage
from care_robot.care.ledger import Ledger
from care_robot.care.text import Text

BY = "care_manager"
CHANNEL_TIMEOUT = timedelta(seconds=20)
"""A channel that has not answered by then counts as dead, whatever its own time-outs are."""
HEDGE_AFTER = timedelta(seconds=3)
"""A high alarm is sent by the next channel too where one has not answered by then: it may hang."""
UNREACHED_RETRY = timedelta(seconds=15)
"""When nobody of the last tier could be reached, how soon to start again; then twice as long each time."""
UNREACHED_RETRY_MAX = timedelta(minutes=5)
MAX_OTHER_ROOMS = 5
TECHNICAL_RETRIES = 5
"""An alarm that does not escalate is not worth more; a care alarm is tried until somebody is reached."""


class Pager:
    """Pages the contacts of one tier after another.

    Parameters
    ----------
    config
        Contacts and how long each tier has.
    ledger
        Where alarms and pages are kept.
    health
        Which channels are known to be dead.
    """

    def __init__(self, config: CareConfig, ledger: Ledger, health: ChannelHealth) -> None:
        self._config = config
        self._ledger = ledger
        self._health = health
        # Channels that a page has been tried by; a restart tries them anew.
        self._tried: dict[str, set[int]] = {}
        # How often in a row nobody was reached, by alarm; a restart begins again with short waits.
        self._unreached: dict[str, int] = {}

    def notify(self, alarm: Alarm, why: Text) -> None:
        """Page everybody of the first tier anew; the alarm waits for a human to take it."""
        self.withdraw(alarm)
        self._page_tier(alarm, 1, why)

    def next_tier(self, alarm: Alarm, event: str) -> None:
        """Page the tier after the one paged last; after the last tier, the first."""
        tier = alarm.tier % self._tiers(alarm) + 1
        self._page_tier(alarm, tier, phrases.reason(event, tier=alarm.tier))

    def resume(self) -> None:
        """After a restart: send again, under the same id, every page whose fate is not known."""
        for page in list(self._ledger.pages.values()):
            if page.state is not PageState.PENDING:
                continue
            page.repeat = True
            contact = self._config.contact(page.contact_id)
            if contact is not None and page.channel < len(contact.channels):
                self._send(page, page.channel)
            else:  # the configuration has changed
                self._send_by_next(page)

    def delivered(self, page: Page) -> None:
        """A channel took the page."""
        late, alarm = page.state is PageState.FAILED, self._ledger.alarms.get(page.alarm_id)
        if late and alarm is not None and alarm.state is AlarmState.NOTIFIED:
            self._wait_for_somebody(alarm)
        self._unreached.pop(page.alarm_id, None)
        self._settle(page, PageState.DELIVERED)
        self._note(page, "page_delivered")

    def failed(self, page: Page) -> None:
        """A channel did not take the page: try the contact's next one, or else the next tier."""
        self._note(page, "page_failed")
        page.repeat = True
        self._send_by_next(page)

    def withdraw(self, alarm: Alarm) -> None:
        """Send no more pages of an alarm that a human has taken, or that is notified anew."""
        self._unreached.pop(alarm.id, None)
        for page in self._ledger.pages_of(alarm):
            if page.state in (PageState.PENDING, PageState.FAILED):
                self._settle(page, PageState.WITHDRAWN)

    def overdue(self) -> list[Page]:
        """Pages whose channel has given no answer in time."""
        due, now = self._ledger.page_due, self._ledger.now
        return [self._ledger.pages[page_id] for page_id, at in due.items() if at <= now]

    def hedge(self, page: Page) -> bool:
        """Send a high alarm by the next channel as well; false where there is none, or no such hurry."""
        if page.priority is not Priority.HIGH or self._next_place(page) is None:
            return False
        self._health.doubt((page.contact_id, page.channel))
        page.repeat = True
        self._send_by_next(page)
        return True

    def is_tried(self, page: Page, channel: int) -> bool:
        """Whether a page that is not settled was sent by this channel."""
        return channel in self._tried.get(page.id, ())

    def try_unreached(self) -> None:
        """A channel works again: alarms of which nobody could be told wait no longer."""
        for alarm in self._ledger.open_alarms():
            if alarm.state is AlarmState.NOTIFIED and self._reached_nobody(alarm):
                alarm.deadline_at = self._ledger.now
                self._ledger.touch(alarm)

    def channel_label(self, key: Key) -> str:
        """What a channel is called in reasons: no address, which may be a secret."""
        contact_id, place = key
        contact = self._config.contact(contact_id)
        kind = contact.channels[place].type if contact and place < len(contact.channels) else "?"
        return f"{contact_id}/{kind}"

    def _page_tier(self, alarm: Alarm, tier: int, why: Text) -> None:
        """Page a tier. Who may have got the last page, or may not, gets the same one again, never another."""
        ledger = self._ledger
        alarm.tier = tier
        contacts = [c for c in self._contacts(alarm, tier) if self._channels(alarm, c.id)]
        if not contacts:  # the only way to them is what this alarm reports as dead
            alarm.deadline_at = None
            ledger.touch(alarm)
            if tier < self._tiers(alarm):
                self._page_tier(alarm, tier + 1, why)
            return
        alarm.state = AlarmState.NOTIFIED
        alarm.rounds += 1
        alarm.ok_at = alarm.page_by = None
        self._wait_for_somebody(alarm)
        uncertain = {}
        for page in ledger.pages_of(alarm):
            if page.state in (PageState.PENDING, PageState.FAILED):
                uncertain[page.contact_id] = page
            else:
                ledger.forget_page(page)
        pages = [uncertain.get(c.id) or self._new_page(alarm, c.id, why) for c in contacts]
        if any(contact.id not in uncertain for contact in contacts):  # what is only repeated has its step
            names = ", ".join(contact.label for contact in contacts)
            ledger.record(alarm, "paged", BY, phrases.reason("paged", tier=tier, contacts=names, why=why))
        for page in pages:
            page.round = alarm.rounds
            if page.id in ledger.page_due:  # still on its way
                ledger.touch_page(page)
                continue
            page.state = PageState.PENDING
            self._tried.pop(page.id, None)
            self._send_by_next(page)

    def _new_page(self, alarm: Alarm, contact_id: str, why: Text) -> Page:
        return Page(
            id=f"{alarm.id}-{alarm.rounds}-{contact_id}",
            alarm_id=alarm.id,
            round=alarm.rounds,
            tier=alarm.tier,
            contact_id=contact_id,
            kind=alarm.kind,
            priority=alarm.priority,
            resident_name=alarm.resident_name,
            room=alarm.room,
            event_at=alarm.event_at,
            created_at=self._ledger.now,
            text=phrases.page(alarm, _with_other_rooms(alarm, why)),
            drill=alarm.drill,
        )

    def _wait_for_somebody(self, alarm: Alarm) -> None:
        after = timedelta(seconds=self._config.next_tier_after_s(alarm.priority))
        alarm.deadline_at = self._ledger.now + after if _escalates(alarm) else None
        self._ledger.touch(alarm)

    def _tiers(self, alarm: Alarm) -> int:
        return len(self._config.tiers_for(alarm.resident_id))

    def _contacts(self, alarm: Alarm, tier: int) -> list[Contact]:
        if alarm.priority is Priority.TECHNICAL and tier == 1:
            return self._config.technical_contacts()
        return self._config.contacts_for(alarm.resident_id, tier)

    def _channels(self, alarm: Alarm | None, contact_id: str) -> list[int]:
        """Places of the contact's channels, best first; never the one that the alarm reports as dead."""
        order = self._health.order(contact_id)
        reported = alarm.condition if alarm is not None else ""
        return [place for place in order if reported != f"technical:{channel_id(contact_id, place)}"]

    def _next_place(self, page: Page) -> int | None:
        """The best channel that was not tried for this page."""
        tried = self._tried.get(page.id, ())
        places = self._channels(self._ledger.alarms.get(page.alarm_id), page.contact_id)
        return next((place for place in places if place not in tried), None)

    def _send_by_next(self, page: Page) -> None:
        place = self._next_place(page)
        if place is None:
            self._lost(page)
        else:
            self._send(page, place)

    def _send(self, page: Page, channel: int) -> None:
        page.channel = channel
        self._tried.setdefault(page.id, set()).add(channel)
        self._ledger.touch_page(page)
        in_a_hurry = page.priority is Priority.HIGH and self._next_place(page) is not None
        self._ledger.page_due[page.id] = self._ledger.now + (HEDGE_AFTER if in_a_hurry else CHANNEL_TIMEOUT)
        self._ledger.effects.append(SendPage(page, page.channel, page.repeat))

    def _settle(self, page: Page, state: PageState) -> None:
        page.state = state
        self._tried.pop(page.id, None)
        self._ledger.page_due.pop(page.id, None)
        self._ledger.touch_page(page)

    def _lost(self, page: Page) -> None:
        """Every channel of this contact failed; a tier where nobody was reached is not waited for."""
        self._settle(page, PageState.FAILED)
        alarm = self._ledger.alarms.get(page.alarm_id)
        if alarm is None or alarm.state is not AlarmState.NOTIFIED or page.round != alarm.rounds:
            return
        if self._reached_nobody(alarm):
            if alarm.tier < self._tiers(alarm):
                self.next_tier(alarm, "not_reached")
            else:
                self._try_again_later(alarm)

    def _reached_nobody(self, alarm: Alarm) -> bool:
        """Whether every page of the newest round has failed."""
        newest = (page for page in self._ledger.pages_of(alarm) if page.round == alarm.rounds)
        return all(page.state is PageState.FAILED for page in newest)

    def _try_again_later(self, alarm: Alarm) -> None:
        tries = self._unreached.get(alarm.id, 0)
        self._unreached[alarm.id] = tries + 1
        alarm.deadline_at = None
        if _escalates(alarm) or tries < TECHNICAL_RETRIES:
            alarm.deadline_at = self._ledger.now + min(
                UNREACHED_RETRY * 2 ** min(tries, 10), UNREACHED_RETRY_MAX
            )
        self._ledger.touch(alarm)

    def _note(self, page: Page, event: str) -> None:
        """Add what a channel did to the history; a failure that is only repeated adds nothing."""
        alarm, contact = self._ledger.alarms.get(page.alarm_id), self._config.contact(page.contact_id)
        if alarm is None:
            return
        fields = {
            "contact": contact.label if contact else page.contact_id,
            "channel": self.channel_label((page.contact_id, page.channel)).rpartition("/")[2],
        }
        failed, delivered = (phrases.reason(e, **fields) for e in ("page_failed", "page_delivered"))
        last = next((s.reason for s in reversed(alarm.history) if s.reason in (failed, delivered)), None)
        if event == "page_delivered" or last != failed:
            self._ledger.record(alarm, event, BY, phrases.reason(event, **fields))


def channel_id(contact_id: str, place: int) -> str:
    """How a contact's channel is named in the technical alarm of its failure."""
    return f"channel:{contact_id}/{place + 1}"


def unwatched_pages(config: CareConfig, now: datetime, problem: str) -> list[Page]:
    """Last words: alarms cannot be handled. The same trouble of one day is one page."""
    why = phrases.reason("unwatched", detail=clean_text(problem, MAX_REASON))
    page_id = f"unwatched-{digest(problem, now.date().isoformat())}"
    return [
        Page(
            id=f"{page_id}-{contact.id}",
            alarm_id="",
            round=0,
            tier=1,
            contact_id=contact.id,
            kind=AlarmKind.TECHNICAL,
            priority=Priority.TECHNICAL,
            resident_name="",
            room="",
            event_at=now,
            created_at=now,
            text=why,
        )
        for contact in config.technical_contacts()
    ]


def needs_somebody_there(alarm: Alarm) -> bool:
    """Whether taking the alarm means going to the resident."""
    return alarm.kind is not AlarmKind.TECHNICAL and _escalates(alarm)


def _with_other_rooms(alarm: Alarm, why: Text) -> Text:
    """The reason, and where else somebody lies: who is called reads one room first."""
    rooms = dict.fromkeys(source.room for source in alarm.down if source.room != alarm.room)
    for room in list(rooms)[:MAX_OTHER_ROOMS]:
        more = phrases.reason("raised_fall", room=phrases.room(room))
        why = Text(f"{why.ko} {more.ko}", f"{why.en} {more.en}")
    return why


def _escalates(alarm: Alarm) -> bool:
    return alarm.priority in (Priority.MEDIUM, Priority.HIGH)
