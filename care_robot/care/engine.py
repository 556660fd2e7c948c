"""The care engine: every decision about alarms, without threads, ROS, files or a clock of its own.

It is driven by `handle(now, input)` and answers with what changed, which must be stored first, and with what
is to be done. Nothing here waits: whatever does not come is settled by a deadline.
"""

from datetime import datetime, timedelta

from care_robot.care import phrases
from care_robot.care.alarms import (
    MAX_REASON,
    Alarm,
    AlarmState,
    PageState,
    Priority,
    RobotState,
    Snapshot,
    clean_text,
)
from care_robot.care.asking import Asker
from care_robot.care.audio_signal import AudioSignal
from care_robot.care.channel_health import ChannelHealth, Key
from care_robot.care.config import CareConfig
from care_robot.care.effects import Outcome, Reply
from care_robot.care.humans import Humans
from care_robot.care.inputs import (
    Acknowledge,
    AskEnded,
    Attend,
    ChannelTested,
    Drill,
    FallsSeen,
    Heard,
    Input,
    Note,
    PageEnded,
    PauseAudio,
    Raise,
    Resolve,
    ResponsesSeen,
    SetPresence,
    StorageFailed,
    StorageReplaced,
)
from care_robot.care.ledger import Ledger
from care_robot.care.pager import BY, Pager, channel_id, needs_somebody_there
from care_robot.care.raising import Raiser
from care_robot.care.responses import Responses
from care_robot.care.text import Text

SHOWN_AFTER_END = timedelta(hours=1)
"""How long a resolved alarm stays in the list."""


class CareEngine:
    """Raises alarms, asks the resident, pages humans tier by tier, and never ends an alarm on a guess.

    Parameters
    ----------
    config
        Residents, contacts and time-outs.
    version
        Of the program, for the audit log.
    """

    def __init__(self, config: CareConfig, version: str = "") -> None:
        self._config = config
        self._ledger = Ledger(version)
        self._health = ChannelHealth(config, self._ledger)
        self._pager = Pager(config, self._ledger, self._health)
        self._asker = Asker(config, self._ledger, self._notify, self._end_by_resident)
        self._humans = Humans(config, self._ledger, self._pager, self._asker, self._end)
        self._raiser = Raiser(
            config,
            self._ledger,
            self._asker,
            notify=self._notify,
            raise_again=self._raise_again,
            end=self._end_by_resident,
            refused=self._humans.refused,
        )
        self._responses = Responses(self._ledger, self._asker)
        self._signal = AudioSignal(
            self._ledger, self._asker, timedelta(seconds=config.timeouts.audio_repeat_s)
        )

    def restore(self, now: datetime, snapshot: Snapshot) -> Outcome:
        """Go on where the database says that the last run stopped."""
        self._ledger.load(snapshot)
        self._ledger.begin(now)
        for key in self._config.all_channels():
            known = self._channel_alarm(key)
            if known is not None and not _says_works(known):
                self._health.was_dead(key)
        self._pager.resume()
        for alarm in list(self._ledger.open_alarms()):
            if alarm.state is AlarmState.CONFIRMING and alarm.ok_at is None:
                self._asker.ask_again_after_restart(alarm)
            elif _is_forgotten(alarm):
                self._raise_again(alarm, BY, phrases.reason("deadline"))
        self._humans.show_presences()
        self._act_on_deadlines()
        return self._ledger.end(Reply())

    def handle(self, now: datetime, item: Input) -> Outcome:
        """Take one input at time `now` (aware UTC); changes must be stored before effects are carried out."""
        self._ledger.begin(now)
        reply = self._take(item)
        self._act_on_deadlines()
        return self._ledger.end(reply)

    def next_deadline(self) -> datetime | None:
        """When `handle` must be called with a Tick at the latest."""
        ledger = self._ledger
        deadlines = [d for a in ledger.alarms.values() for d in (a.deadline_at, a.page_by) if d]
        deadlines += [p.until for p in ledger.presences.values()]
        deadlines += [d for d in (self._health.next_deadline(), self._signal.next_deadline()) if d]
        return min([*deadlines, *ledger.page_due.values()], default=None)

    def alarms(self) -> tuple[Alarm, ...]:
        """Those not resolved, and those resolved in the last hour, newest first."""
        return tuple(sorted(self._ledger.alarms.values(), key=lambda a: (a.raised_at, a.id), reverse=True))

    def _take(self, item: Input) -> Reply:
        match item:
            case FallsSeen(reports):
                for report in reports:
                    self._raiser.fall(report)
            case Heard():
                self._raiser.heard(item)
            case AskEnded():
                self._asker.ended(item)
            case PageEnded():
                self._page_ended(item)
            case ChannelTested(contact_id, channel, works, problem):
                self._channel_tested((contact_id, channel), works, problem)
            case ResponsesSeen(responses):
                self._responses.seen(responses)
            case Note(record):
                self._ledger.note(record)
            case StorageFailed(problem):
                detail = clean_text(problem, MAX_REASON)
                self._raiser.technical("database", phrases.reason("database_down", detail=detail))
            case StorageReplaced(why):
                self._raiser.technical("database", why)
            case _:
                return self._requested(item)
        return Reply()

    def _requested(self, item: Input) -> Reply:
        match item:
            case Raise():
                return self._raiser.report(item)
            case Drill():
                return self._raiser.drill(item)
            case Acknowledge() | Attend() | Resolve() | PauseAudio():
                return self._humans.act(item)
            case SetPresence():
                return self._humans.set_presence(item)
            case _:
                return Reply()

    # Endings ----------------------------------------------------------------------------------------

    def _end_by_resident(self, alarm: Alarm) -> None:
        """The one way that an alarm ends without a named carer: an explicit OK, and up again."""
        why = phrases.reason("resolved_ok")
        self._end(alarm, alarm.resident_name or "resident", f"{why.ko} {why.en}", why)

    def _end(self, alarm: Alarm, by: str, resolution: str, why: Text) -> None:
        now = self._ledger.now
        alarm.state = AlarmState.RESOLVED
        alarm.resolved_by, alarm.resolved_at, alarm.resolution = by, now, resolution
        alarm.page_by, alarm.deadline_at = None, now + SHOWN_AFTER_END
        self._ledger.record(alarm, "resolved", by, why)

    # Pages and deadlines ----------------------------------------------------------------------------

    def _page_ended(self, ended: PageEnded) -> None:
        page = self._ledger.pages.get(ended.page_id)
        if page is None or page.state not in (PageState.PENDING, PageState.FAILED):
            return
        key = (page.contact_id, ended.channel)
        if ended.delivered:  # however late
            self._pager.delivered(page)
            self._channel_works(key)
            return
        if ended.channel != page.channel and self._pager.is_tried(page, ended.channel):
            self._health.fails(key)  # another one has taken over in the meantime
            self._channel_fails(key, ended.problem)
        if ended.channel != page.channel or page.state is PageState.FAILED:
            return
        self._health.fails(key)
        self._pager.failed(page)
        self._channel_fails(key, ended.problem)

    def _channel_tested(self, key: Key, works: bool, problem: str) -> None:
        if key not in self._config.all_channels():
            return
        if works:
            self._channel_works(key)
        elif self._health.fails_test(key):
            self._channel_fails(key, problem)

    def _channel_fails(self, key: Key, problem: str) -> None:
        label = self._pager.channel_label(key)
        why = phrases.reason("channel_down", detail=f"{label} ({clean_text(problem) or '-'})")
        alarm = self._channel_alarm(key)
        if alarm is None:
            self._raiser.technical(channel_id(*key), why)
            return
        alarm.occurrences += 1
        self._ledger.touch(alarm)
        if _says_works(alarm):
            self._ledger.record(alarm, "channel_down", BY, why)
            if alarm.state in (AlarmState.ACKNOWLEDGED, AlarmState.ATTENDED):
                self._raise_again(alarm, BY, why)

    def _channel_works(self, key: Key) -> None:
        """Where it was dead, the technical alarm says so; a human ends it."""
        if not self._health.works(key):
            return
        alarm = self._channel_alarm(key)
        if alarm is not None:
            why = phrases.reason("channel_up", detail=self._pager.channel_label(key))
            self._ledger.record(alarm, "channel_up", BY, why)
        self._pager.try_unreached()

    def _channel_alarm(self, key: Key) -> Alarm | None:
        return self._raiser.open(f"technical:{channel_id(*key)}", "")

    def _act_on_deadlines(self) -> None:
        if any(p.until <= self._ledger.now for p in self._ledger.presences.values()):
            self._humans.show_presences()
        for key in self._health.tick():
            self._channel_tested(key, False, "no result in time")
        for page in self._pager.overdue():
            if self._pager.hedge(page):
                continue
            self._page_ended(PageEnded(page.id, page.channel, False, "no result in time"))
        for alarm in list(self._ledger.alarms.values()):
            self._due(alarm)
        self._signal.tick()

    def _due(self, alarm: Alarm) -> None:
        now = self._ledger.now
        over = alarm.deadline_at is not None and alarm.deadline_at <= now
        if alarm.page_by is not None and alarm.page_by <= now:
            self._notify(alarm, phrases.reason("deadline"))
        elif not over:
            return
        elif alarm.state is AlarmState.RESOLVED:
            self._ledger.forget(alarm)
        elif alarm.state is AlarmState.NOTIFIED:
            self._pager.next_tier(alarm, "not_acknowledged")
        elif alarm.ok_at is not None:
            alarm.priority = Priority.MEDIUM
            self._notify(alarm, phrases.reason("not_recovered"))
        elif alarm.robot is RobotState.AWAITED:
            self._asker.ask(alarm, phrases.reason("too_late_to_ask"))
        elif alarm.state is AlarmState.CONFIRMING:
            self._asker.failed(alarm)
        else:
            self._raise_again(alarm, BY, phrases.reason("not_attended", by=alarm.acknowledged_by))

    def _raise_again(self, alarm: Alarm, by: str, why: Text) -> None:
        """Start again at tier 1; who took it before is still in the history."""
        self._asker.stop(alarm)
        alarm.state = AlarmState.RAISED
        alarm.acknowledged_by = alarm.attended_by = ""
        alarm.acknowledged_at = alarm.attended_at = None
        self._ledger.record(alarm, "raised_again", by, why)
        self._notify(alarm, why)

    def _notify(self, alarm: Alarm, why: Text) -> None:
        self._asker.stop(alarm)
        self._pager.notify(alarm, why)


def _is_forgotten(alarm: Alarm) -> bool:
    """Whether an open alarm waits for nothing, as where its newest steps could not be read any more."""
    waits = alarm.deadline_at or alarm.page_by or alarm.state is AlarmState.ATTENDED
    return needs_somebody_there(alarm) and not waits


def _says_works(alarm: Alarm) -> bool:
    """Whether the newest that the technical alarm of a channel says of it is that it works again."""
    news = (s.event for s in reversed(alarm.history) if s.event in ("channel_up", "channel_down"))
    return next(news, "") == "channel_up"
