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
    Text,
    clean_text,
    digest,
)
from care_robot.care.config import CareConfig
from care_robot.care.effects import SendPage
from care_robot.care.ledger import Ledger

BY = "care_manager"
CHANNEL_TIMEOUT = timedelta(seconds=20)
"""A channel that has not answered by then counts as dead, whatever its own time-outs are."""
UNREACHED_RETRY = timedelta(seconds=15)
"""When nobody of any tier could be reached, how soon to start again."""


class Pager:
    """Pages the contacts of one tier after another.

    Parameters
    ----------
    config
        Contacts and how long each tier has.
    ledger
        Where alarms and pages are kept.
    """

    def __init__(self, config: CareConfig, ledger: Ledger) -> None:
        self._config = config
        self._ledger = ledger

    def notify(self, alarm: Alarm, tier: int, why: Text) -> None:
        """Page everybody of a tier; the alarm waits for one of them to take it."""
        ledger = self._ledger
        alarm.state, alarm.tier = AlarmState.NOTIFIED, tier
        alarm.rounds += 1
        alarm.ok_at = alarm.page_by = None
        escalates = alarm.priority in (Priority.MEDIUM, Priority.HIGH)
        after_s = self._config.next_tier_after_s(alarm.priority)
        alarm.deadline_at = ledger.now + timedelta(seconds=after_s) if escalates else None
        for settled in ledger.pages_of(alarm):
            if settled.state is not PageState.PENDING:
                ledger.forget_page(settled)
        contacts = self._config.contacts_of(tier)
        names = ", ".join(contact.label for contact in contacts)
        ledger.record(alarm, "paged", BY, phrases.reason("paged", tier=tier, contacts=names, why=why))
        for contact in contacts:
            page = Page(
                id=f"{alarm.id}-{alarm.rounds}-{contact.id}",
                alarm_id=alarm.id,
                round=alarm.rounds,
                tier=tier,
                contact_id=contact.id,
                kind=alarm.kind,
                priority=alarm.priority,
                resident_name=alarm.resident_name,
                room=alarm.room,
                event_at=alarm.event_at,
                created_at=ledger.now,
                text=phrases.page(alarm, why),
            )
            self._send(page)

    def next_tier(self, alarm: Alarm, event: str) -> None:
        """Page the tier after the one paged last; after the last tier, the first."""
        tier = alarm.tier % self._config.tiers + 1
        self.notify(alarm, tier, phrases.reason(event, tier=alarm.tier))

    def resume(self) -> None:
        """After a restart: send again, under the same id, every page whose fate is not known."""
        for page in list(self._ledger.pages.values()):
            if page.state is not PageState.PENDING:
                continue
            contact = self._config.contact(page.contact_id)
            page.repeat = True
            if contact is None:
                self._lost(page)
            else:
                page.channel = min(page.channel, len(contact.channels) - 1)
                self._send(page)

    def delivered(self, page: Page) -> None:
        """A channel took the page."""
        self._settle(page, PageState.DELIVERED)
        self._note(page, "page_delivered")

    def failed(self, page: Page) -> None:
        """A channel did not take the page: try the contact's next one, or else the next tier."""
        self._note(page, "page_failed")
        contact = self._config.contact(page.contact_id)
        if contact is not None and page.channel + 1 < len(contact.channels):
            page.channel += 1
            page.repeat = True
            self._send(page)
        else:
            self._lost(page)

    def withdraw(self, alarm: Alarm) -> None:
        """Send no more pages of an alarm that a human has taken."""
        for page in self._ledger.pages_of(alarm):
            if page.state is PageState.PENDING:
                self._settle(page, PageState.WITHDRAWN)

    def overdue(self) -> list[Page]:
        """Pages whose channel has given no answer in time."""
        due, now = self._ledger.page_due, self._ledger.now
        return [self._ledger.pages[page_id] for page_id, at in due.items() if at <= now]

    def channel_name(self, page: Page) -> str:
        """What the page's channel is called in reasons: no address, which may be a secret."""
        contact = self._config.contact(page.contact_id)
        return contact.channels[page.channel].type if contact else ""

    def _send(self, page: Page) -> None:
        self._ledger.touch_page(page)
        self._ledger.page_due[page.id] = self._ledger.now + CHANNEL_TIMEOUT
        self._ledger.effects.append(SendPage(page, page.channel, page.repeat))

    def _settle(self, page: Page, state: PageState) -> None:
        page.state = state
        self._ledger.page_due.pop(page.id, None)
        self._ledger.touch_page(page)

    def _lost(self, page: Page) -> None:
        """Every channel of this contact failed; a tier where nobody was reached is not waited for."""
        self._settle(page, PageState.FAILED)
        alarm = self._ledger.alarms.get(page.alarm_id)
        if alarm is None or alarm.state is not AlarmState.NOTIFIED or page.round != alarm.rounds:
            return
        if all(p.state is PageState.FAILED for p in self._ledger.pages_of(alarm) if p.round == alarm.rounds):
            if alarm.tier < self._config.tiers:
                self.next_tier(alarm, "not_reached")
            else:
                soon = self._ledger.now + UNREACHED_RETRY
                alarm.deadline_at = min(alarm.deadline_at or soon, soon)
                self._ledger.touch(alarm)

    def _note(self, page: Page, event: str) -> None:
        alarm, contact = self._ledger.alarms.get(page.alarm_id), self._config.contact(page.contact_id)
        if alarm is not None:
            who = contact.label if contact else page.contact_id
            why = phrases.reason(event, contact=who, channel=self.channel_name(page))
            self._ledger.record(alarm, event, BY, why)


def unwatched_pages(config: CareConfig, now: datetime, problem: str) -> list[Page]:
    """Last words to the first tier: alarms cannot be handled; the same trouble of one day is one page."""
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
        for contact in config.contacts_of(1)
    ]


def needs_somebody_there(alarm: Alarm) -> bool:
    """Whether taking the alarm means going to the resident."""
    return alarm.kind is not AlarmKind.TECHNICAL and alarm.priority in (Priority.MEDIUM, Priority.HIGH)
