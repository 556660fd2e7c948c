"""Asking a resident after a fall: what is asked, and what each answer, or none, leads to."""

import json
from collections.abc import Callable
from datetime import timedelta

from care_robot.care import dialogue, phrases, sources
from care_robot.care.alarms import Alarm, AlarmKind, AlarmState, RobotState, clean_text
from care_robot.care.config import CareConfig
from care_robot.care.dialogue import Intent, Question, Understood
from care_robot.care.effects import AskResident, StopAsking, TellResident
from care_robot.care.inputs import AskEnded, AskResult, Heard
from care_robot.care.ledger import Ledger
from care_robot.care.pager import BY
from care_robot.care.text import Text

MAX_ASKS = 3
MAX_SILENT = 2
"""After so many questions, silence is not asked after once more."""
ASK_OVERHEAD = timedelta(seconds=12)
"""To speak a question and bring back the answer, on top of the time to answer."""
TO_SPEAK = timedelta(seconds=6)
"""What a question takes to be spoken: it must begin that much earlier to leave the whole time to answer."""


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
        if alarm.robot is RobotState.AWAITED:
            alarm.robot = RobotState.SENT
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
        self._ledger.effects.append(
            AskResident(_ask_id(alarm), language, question, answer_s, choices, alarm.room)
        )

    def ask_again_after_restart(self, alarm: Alarm) -> None:
        """Put the same question again: it died with the last run, but the limit for the first page stands."""
        if alarm.robot is RobotState.AWAITED:
            return
        alarm.asks = max(0, alarm.asks - 1)
        self.ask(alarm, phrases.reason("too_late_to_ask"))

    def ended(self, ended: AskEnded) -> None:
        """Judge the answer to a question that is still open."""
        alarm = next(
            (a for a in self._ledger.open_alarms() if _is_asked(a) and _ask_id(a) == ended.ask_id), None
        )
        if alarm is None:
            return
        answer = ended.answer
        if ended.result is AskResult.FAILED:
            self.failed(alarm)
        elif ended.result is AskResult.NO_ANSWER or answer is None or not answer.text.strip():
            self._not_answered(alarm, ended.audible)
        else:
            self._judge(alarm, answer, ended.confidence)

    def failed(self, alarm: Alarm) -> None:
        """Nothing came of the question: nobody asked, so nobody said OK."""
        why = phrases.reason("speech_failed")
        self._ledger.record(alarm, "speech_failed", "speech", why)
        self._notify(alarm, why)

    def answered_help(self, alarm: Alarm, heard: Heard, understood: Understood) -> None:
        """Page at once."""
        source = sources.of_words(heard, self._ledger.now)
        if source.key not in self._ledger.seen:
            self._ledger.add(alarm, source)
        event = "answered_call" if understood.intent is Intent.CALL else "answered_help"
        why = phrases.reason(event)
        self._record(alarm, event, why, understood)
        self._notify(alarm, why)

    def stop(self, alarm: Alarm) -> None:
        """Take back a question that is still open."""
        if alarm.robot is RobotState.AWAITED:
            alarm.robot = RobotState.SENT
        elif _is_asked(alarm):
            self._ledger.effects.append(StopAsking(_ask_id(alarm)))

    def tell(self, alarm: Alarm, text: Text) -> None:
        """Say something that needs no answer."""
        language = self._config.language_of(alarm.resident_id)
        self._ledger.effects.append(TellResident(language, phrases.in_language(language, text), alarm.room))

    def _not_answered(self, alarm: Alarm, audible: bool) -> None:
        why = phrases.reason("no_answer" if audible else "not_audible")
        self._ledger.record(alarm, "no_answer", BY, why)
        # A question that nobody can hear is not worth a second one.
        if not audible or alarm.asks >= MAX_SILENT:
            self._notify(alarm, why)
        elif not self._await_robot(alarm):
            self.ask(alarm, why)

    def _await_robot(self, alarm: Alarm) -> bool:
        """Put the next question when the robot is there, or when it is high time; false where none comes."""
        answer = timedelta(seconds=self._config.timeouts.answer_s)
        latest = alarm.page_by and alarm.page_by - answer - TO_SPEAK
        if alarm.robot is not RobotState.SENT or latest is None or latest <= self._ledger.now:
            return False
        alarm.robot, alarm.deadline_at = RobotState.AWAITED, latest
        self._ledger.record(alarm, "awaits_robot", BY, phrases.reason("awaits_robot"))
        return True

    def _judge(self, alarm: Alarm, answer: Heard, confidence: float) -> None:
        language = self._config.language_of(alarm.resident_id)
        understood = dialogue.understand(answer.text, language, confidence, Question.FALL)
        match understood.intent:
            case Intent.HELP | Intent.CALL:
                self.answered_help(alarm, answer, understood)
            case Intent.OK if self._is_theirs(alarm, clean_text(answer.room)):
                self._answered_ok(alarm, understood)
            case _:
                why = phrases.reason("answered_unclear")
                self._record(alarm, "answered_unclear", why, understood)
                self.ask(alarm, why)

    def _is_theirs(self, alarm: Alarm, room: str) -> bool:
        """Whether what was heard in a room may be the resident's own words."""
        return room in ("", alarm.room) or self._config.resident_in(room).id == alarm.resident_id

    def _answered_ok(self, alarm: Alarm, understood: Understood) -> None:
        """Believe an OK only together with getting up, and only of one person."""
        people = {s.person_id or s.key for s in alarm.sources if s.kind in (AlarmKind.FALL, AlarmKind.LYING)}
        alarm.ok_at = self._ledger.now
        self._record(alarm, "answered_ok", phrases.reason("answered_ok"), understood)
        if not alarm.down:
            self._end(alarm)
        elif len(people) > 1:
            self._notify(alarm, phrases.reason("several"))
        else:
            alarm.page_by = None
            alarm.deadline_at = self._ledger.now + timedelta(seconds=self._config.timeouts.recover_s)
            self._ledger.touch(alarm)
            self.tell(alarm, phrases.TOLD_WATCHING)

    def _record(self, alarm: Alarm, event: str, why: Text, understood: Understood) -> None:
        heard = {"name": "heard", "value": understood.evidence, "intent": understood.intent.value}
        self._ledger.record(
            alarm,
            event,
            "resident",
            why,
            confidence=understood.confidence,
            evidence=json.dumps([heard], ensure_ascii=False),
        )


def _is_asked(alarm: Alarm) -> bool:
    """Whether a question is open now."""
    return alarm.state is AlarmState.CONFIRMING and not alarm.ok_at and alarm.robot is not RobotState.AWAITED


def _ask_id(alarm: Alarm) -> str:
    return f"{alarm.id}-ask-{alarm.asks}"
