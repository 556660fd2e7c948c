"""Between what the care engine speaks of and the messages of care_robot_msgs."""

import json
import math
from datetime import datetime, timezone

from builtin_interfaces.msg import Time
from care_robot_msgs.action import Ask, ExecuteTask
from care_robot_msgs.msg import Alarm as AlarmMsg
from care_robot_msgs.msg import AlarmTransition, FallEvent, StaffPresence, Task, TaskStatus
from care_robot_msgs.msg import AuditRecord as AuditMsg

from care_robot.care.alarms import MAX_NAME, MAX_REASON, Alarm, Presence, Transition, clean_text
from care_robot.care.audit import AuditAction, AuditRecord
from care_robot.care.inputs import (
    AskEnded,
    AskResult,
    FallReport,
    Heard,
    Response,
    ResponseState,
)
from care_robot.care.text import Text
from care_robot.ros.conversions import to_seconds, to_stamp

SHOWN_STEPS = 200
"""Newest steps of one alarm that are published; the database has them all."""


class AlarmMessages:
    """Messages of alarms; one that has not changed is not converted again."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[object, AlarmMsg]] = {}

    def of(self, alarms: tuple[Alarm, ...], unstored: frozenset[str]) -> list[AlarmMsg]:
        """One message for each, in the same order."""
        made = {}
        for alarm in alarms:
            state = (alarm.updated_at, len(alarm.history), alarm.occurrences, alarm.id not in unstored)
            known = self._made.get(alarm.id)
            made[alarm.id] = (
                known if known and known[0] == state else (state, alarm_message(alarm, state[-1]))
            )
        self._made = made
        return [message for _, message in made.values()]


def ask_ended(ask_id: str, result: Ask.Result) -> AskEnded:
    """How a question ended."""
    answer = Heard(result.answer.text, time_of(result.answer.header.stamp), result.answer.room)
    outcomes = {Ask.Result.NONE: AskResult.ANSWERED, Ask.Result.NO_ANSWER: AskResult.NO_ANSWER}
    outcome = outcomes.get(result.error_code, AskResult.FAILED)
    return AskEnded(ask_id, outcome, answer, float(result.answer.confidence), bool(result.audible))


def fall_report(event: FallEvent) -> FallReport:
    """What the fall detector says of one event."""
    return FallReport(
        id=event.id,
        kind=event.kind,
        state=event.state,
        person_id=event.person_id,
        camera=event.camera,
        room=event.room,
        start=time_of(event.start),
        confirmed_at=time_of(event.confirmed_at),
        evidence=(
            ("score", float(event.score), "1", 0.0),
            *((e.name, float(e.value), e.unit, float(e.threshold)) for e in event.evidence),
        ),
    )


_RESPONSE_STATES = {
    TaskStatus.STATE_QUEUED: ResponseState.WAITING,
    TaskStatus.STATE_INTERRUPTED: ResponseState.WAITING,
    TaskStatus.STATE_RUNNING: ResponseState.RUNNING,
}


def response_of(status: TaskStatus) -> Response | None:
    """The robot's part in an alarm; none for a task that has nothing to do with one."""
    if status.task.kind != Task.KIND_RESPOND_TO_FALL or not status.task.alarm_id:
        return None
    state = _RESPONSE_STATES.get(status.state, ResponseState.OVER)
    ended_well = status.error_code in (ExecuteTask.Result.NONE, ExecuteTask.Result.CANCELED)
    problem = "" if state is not ResponseState.OVER or ended_well else status.error_msg or "-"
    return Response(status.task.alarm_id, state, bool(status.arrived), problem)


def audit_record(message: AuditMsg, now: datetime) -> AuditRecord | None:
    """A record from another part of the system; none where the action is not one."""
    if message.action not in set(AuditAction):
        return None
    confidence = float(message.confidence)
    rows = [
        (clean_text(e.name), float(e.value), clean_text(e.unit, 20), float(e.threshold))
        for e in message.evidence[:20]
    ]
    finite = [[v if not isinstance(v, float) or math.isfinite(v) else None for v in row] for row in rows]
    names = ("name", "value", "unit", "threshold")
    return AuditRecord(
        at=now,  # ours: a record that is dated back by its sender would hide
        action=AuditAction(message.action),
        actor=clean_text(message.actor),
        category=clean_text(message.category),
        outcome=clean_text(message.outcome, MAX_REASON),
        reason=Text(clean_text(message.reason_ko, MAX_REASON), clean_text(message.reason_en, MAX_REASON)),
        resident_id=clean_text(message.resident_id, MAX_NAME),
        recipient=clean_text(message.recipient),
        purpose=clean_text(message.purpose),
        version=clean_text(message.version),
        confidence=confidence if math.isfinite(confidence) else None,
        evidence=json.dumps([dict(zip(names, row, strict=True)) for row in finite], ensure_ascii=False),
    )


def presence_message(presence: Presence) -> StaffPresence:
    """Who is where, and until when."""
    return StaffPresence(
        by=presence.by, room=presence.room, since=stamp(presence.since), until=stamp(presence.until)
    )


def alarm_message(alarm: Alarm, stored: bool) -> AlarmMsg:
    """An alarm with its newest steps."""
    return AlarmMsg(
        id=alarm.id,
        kind=int(alarm.kind),
        priority=int(alarm.priority),
        state=int(alarm.state),
        drill=alarm.drill,
        resident_id=alarm.resident_id,
        resident_name=alarm.resident_name,
        room=alarm.room,
        source_id=alarm.source_id,
        occurrences=alarm.occurrences,
        event_at=stamp(alarm.event_at),
        raised_at=stamp(alarm.raised_at),
        updated_at=stamp(alarm.updated_at),
        tier=alarm.tier,
        acknowledged_by=alarm.acknowledged_by,
        acknowledged_at=stamp(alarm.acknowledged_at),
        attended_by=alarm.attended_by,
        attended_at=stamp(alarm.attended_at),
        resolved_by=alarm.resolved_by,
        resolved_at=stamp(alarm.resolved_at),
        resolution=alarm.resolution,
        audio_paused_until=stamp(alarm.audio_paused_until),
        stored=stored,
        history=list(map(_transition, alarm.history[-SHOWN_STEPS:])),
    )


def _transition(step: Transition) -> AlarmTransition:
    return AlarmTransition(
        stamp=stamp(step.at),
        state=int(step.state),
        event=step.event,
        by=step.by,
        reason_ko=step.reason.ko,
        reason_en=step.reason.en,
    )


def time_of(at: Time) -> datetime | None:
    """Time of a stamp; none where it was never set, or lies before 1970."""
    t_s = to_seconds(at)
    return datetime.fromtimestamp(t_s, timezone.utc) if t_s > 0.0 else None


def stamp(time: datetime | None) -> Time:
    """A stamp; zero for no time."""
    return to_stamp(max(0.0, time.timestamp())) if time else Time()
