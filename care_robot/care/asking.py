"""Asking a resident after a fall: what is asked, and what each answer, or none, leads to."""

from collections.abc import Callable
from datetime import timedelta

from care_robot.care import dialogue, phrases, sources
from care_robot.care.alarms import Alarm, AlarmKind, AlarmState
from care_robot.care.config import CareConfig
from care_robot.care.effects import AskResident, StopAsking, TellResident
from care_robot.care.inputs import AskEnded, AskResult, Heard
from care_robot.care.ledger import Ledger
from care_robot.care.pager import BY
from care_robot.care.text import Text

MAX_ASKS = 2
ASK_OVERHEAD = timedelta(seconds=12)
"""To speak a question and bring back the answer, on top of the time to answer."""


class Asker:
    """Puts questions and judges answers; only an explicit OK keeps humans from being paged.

    Parameters
    ----------
    config
        Languages and time-outs.
    ledger
        Where alarms are kept.
    notify
        Pages the first tier for an alarm, with a reason.
    end
        Ends an alarm whose resident said that all is well and was seen to be up.
    """

    def __init__(
        self,
        config: CareConfig,
        ledger: Ledger,
        notify: Callable[[Alarm, Text], None],
        end: Callable[[Alarm], None],
    ) -> None:
        self._config = config
        self._ledger = ledger
        self._notify = notify
        self._end = end

    def ask(self, alarm: Alarm, otherwise: Text) -> None:
        """Put the next question; where no time or no question is left, page with the reason `otherwise`."""
        answer_s = self._config.timeouts.answer_s
        now, page_by = self._ledger.now, alarm.page_by
        if page_by is None or now + timedelta(seconds=answer_s) > page_by or alarm.asks >= MAX_ASKS:
            self._notify(alarm, otherwise)
            return
        alarm.asks += 1
        alarm.state = AlarmState.CONFIRMING
        alarm.deadline_at = min(now + timedelta(seconds=answer_s) + ASK_OVERHEAD, page_by)
        self._ledger.record(alarm, "asked", BY, phrases.reason("asked", n=alarm.asks))
        language = self._config.language_of(alarm.resident_id)
        question = phrases.in_language(language, phrases.QUESTIONS[alarm.kind][alarm.asks - 1])
        choices = tuple(phrases.in_language(language, choice) for choice in phrases.CHOICES)
        self._ledger.effects.append(AskResident(_ask_id(alarm), language, question, answer_s, choices))

    def ask_again_after_restart(self, alarm: Alarm) -> None:
        """Put the same question again: it died with the last run, but the limit for the first page stands."""
        alarm.asks = max(0, alarm.asks - 1)
        self.ask(alarm, phrases.reason("too_late_to_ask"))

    def ended(self, ended: AskEnded) -> None:
        """Judge the answer to a question that is still open."""
        open_ = (a for a in self._ledger.open_alarms() if a.state is AlarmState.CONFIRMING and not a.ok_at)
        alarm = next((a for a in open_ if _ask_id(a) == ended.ask_id), None)
        if alarm is None:
            return
        answer = ended.answer
        if ended.result is AskResult.FAILED:
            self.failed(alarm)
        elif ended.result is AskResult.NO_ANSWER or answer is None or not answer.text.strip():
            why = phrases.reason("no_answer" if ended.audible else "not_audible")
            self._ledger.record(alarm, "no_answer", BY, why)
            if ended.audible:
                self.ask(alarm, why)
            else:  # a question that nobody can hear is not worth a second one
                self._notify(alarm, why)
        else:
            self._judge(alarm, answer, ended.confidence)

    def failed(self, alarm: Alarm) -> None:
        """Nothing came of the question: nobody asked, so nobody said OK."""
        why = phrases.reason("speech_failed")
        self._ledger.record(alarm, "speech_failed", "speech", why)
        self._notify(alarm, why)

    def answered_help(self, alarm: Alarm, heard: Heard) -> None:
        """Page at once."""
        source, why = sources.of_words(heard, self._ledger.now), phrases.reason("answered_help")
        if source.key not in self._ledger.seen:
            self._ledger.add(alarm, source)
        self._ledger.record(alarm, "answered_help", "resident", why)
        self._notify(alarm, why)

    def stop(self, alarm: Alarm) -> None:
        """Take back a question that is still open."""
        if alarm.state is AlarmState.CONFIRMING and alarm.ok_at is None:
            self._ledger.effects.append(StopAsking(_ask_id(alarm)))

    def tell(self, alarm: Alarm, text: Text) -> None:
        """Say something that needs no answer."""
        language = self._config.language_of(alarm.resident_id)
        self._ledger.effects.append(TellResident(language, phrases.in_language(language, text)))

    def _judge(self, alarm: Alarm, answer: Heard, confidence: float) -> None:
        match dialogue.classify(answer.text, self._config.language_of(alarm.resident_id), confidence):
            case dialogue.Meaning.HELP:
                self.answered_help(alarm, answer)
            case dialogue.Meaning.OK:
                self._answered_ok(alarm)
            case dialogue.Meaning.UNCLEAR:
                why = phrases.reason("answered_unclear")
                self._ledger.record(alarm, "answered_unclear", "resident", why)
                self.ask(alarm, why)

    def _answered_ok(self, alarm: Alarm) -> None:
        """Believe an OK only together with getting up, and only of one person."""
        people = {s.person_id for s in alarm.sources if s.kind in (AlarmKind.FALL, AlarmKind.LYING)}
        alarm.ok_at = self._ledger.now
        self._ledger.record(alarm, "answered_ok", "resident", phrases.reason("answered_ok"))
        if not alarm.down:
            self._end(alarm)
        elif len(people) > 1:
            self._notify(alarm, phrases.reason("several"))
        else:
            alarm.page_by = None
            alarm.deadline_at = self._ledger.now + timedelta(seconds=self._config.timeouts.recover_s)
            self.tell(alarm, phrases.TOLD_WATCHING)


def _ask_id(alarm: Alarm) -> str:
    return f"{alarm.id}-ask-{alarm.asks}"
