"""Which alarms have the robot go, and when it tries again after it could not.

Driven by what is so now, never by what has just happened: a restart of either side changes nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from care_robot.care.alarms import MAX_ID, AlarmKind, AlarmState, clean_text
from care_robot.care.text import Text
from care_robot.planning.skills import OpenAlarm
from care_robot.planning.task_check import RESPONSE_ID
from care_robot.planning.task_queue import TaskQueue
from care_robot.planning.tasks import Priority, Task, TaskErrorCode, TaskKind, TaskRecord

KINDS = frozenset({AlarmKind.FALL, AlarmKind.LYING, AlarmKind.HELP})
TIME_LIMIT_S = 1800.0
RETRY_S, QUICK_RETRIES = 20.0, 5
"""After a failure; from the sixth on, the time doubles each time."""
MAX_RETRY_S = 320.0
MAX_OPEN = 20
"""Responses that wait or run; of more alarms, the most urgent ones first."""
_FINAL = (TaskErrorCode.TIME_LIMIT, TaskErrorCode.TASK_INVALID)
_WHEN_ABLE = (TaskErrorCode.NOT_CAPABLE, TaskErrorCode.LOST)
_OVER = Text("알람이 처리되었습니다.", "The alarm was attended to.")


@dataclass(frozen=True)
class SeenAlarm:
    """What of an alarm decides whether the robot goes."""

    alarm: OpenAlarm
    kind: int
    state: int
    drill: bool

    @property
    def wants_robot(self) -> bool:
        """Whether somebody may lie there alone."""
        return self.kind in KINDS and self.state < AlarmState.ATTENDED and not self.drill


def keep_up(
    queue: TaskQueue,
    now: datetime,
    alarms: Sequence[SeenAlarm],
    *,
    able: bool,
    distance_m: Callable[[OpenAlarm], float] = lambda _: 0.0,
) -> None:
    """Keep one response for each alarm that wants the robot, and end those of others.

    Parameters
    ----------
    alarms
        All that are known now, as care_manager says.
    able
        Whether the robot knows where it is and something can drive it, so that a new try makes sense.
    distance_m
        From the robot: of two alarms that are as urgent, the nearer one first.
    """
    wanted = {seen.alarm.id: seen.alarm for seen in alarms if seen.wants_robot}
    records = [record for record in queue.tasks(now) if record.task.kind == TaskKind.RESPOND_TO_FALL]
    for record in records:
        if not record.state.over and record.task.alarm_id not in wanted:
            queue.end_response(now, record.task.alarm_id, _OVER)
    tried: dict[str, list[TaskRecord]] = {}
    for record in records:
        tried.setdefault(record.task.alarm_id, []).append(record)
    free = MAX_OPEN - sum(not record.state.over for record in records)
    for alarm in sorted(wanted.values(), key=lambda a: (-a.priority, distance_m(a))):
        before = tried.get(alarm.id, [])
        if free > 0 and _due(before, now, able=able):
            _submit(queue, now, alarm, len(before))
            free -= 1


def _due(before: Sequence[TaskRecord], now: datetime, *, able: bool) -> bool:
    if not before:
        return True
    last = max(before, key=lambda record: record.seq)
    if last.ended_at is None or last.error in _FINAL:
        return False
    if last.error in _WHEN_ABLE and not able:
        return False
    wait_s = min(MAX_RETRY_S, RETRY_S * 2 ** max(0, len(before) - QUICK_RETRIES))
    return not timedelta(0) <= now - last.ended_at < timedelta(seconds=wait_s)


def _submit(queue: TaskQueue, now: datetime, alarm: OpenAlarm, tries: int) -> None:
    # An id is taken once for ever, and those of long ago are no longer shown.
    for number in range(tries + 1, tries + 1000):
        task_id = f"{RESPONSE_ID}{alarm.id}" + (f"-{number}" if number > 1 else "")
        task = Task(
            TaskKind.RESPOND_TO_FALL,
            Priority.ALARM,
            "task_manager",
            TIME_LIMIT_S,
            id=task_id,
            alarm_id=alarm.id,
            resident_id=clean_text(alarm.resident_id, MAX_ID),
        )
        reply = queue.submit(now, task)
        record = queue.record(task_id)
        if not reply.success or (record is not None and not record.state.over):
            return
