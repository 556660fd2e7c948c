"""What messages of other nodes mean for a task. Part of task_manager."""

from collections.abc import Callable
from typing import Any

from action_msgs.msg import GoalStatus
from care_robot_msgs.action import Ask, Say
from care_robot_msgs.msg import Alarm, FallEvent

from care_robot.care.text import Text
from care_robot.planning.alarm_responses import SeenAlarm
from care_robot.planning.skills import Answer, Failure, Job, OpenAlarm
from care_robot.planning.task_check import MAX_DISTANCE_M
from care_robot.planning.tasks import TaskErrorCode

TF_ERRORS = (102, 202, 203)
"""Of Nav2's controller and planner: no transform, or the robot stands outside its map."""


def seen_alarm(alarm: Alarm, event: FallEvent | None) -> SeenAlarm:
    """An alarm with what its fall event tells."""
    xy = None
    if event is not None and event.position_valid:
        place = (float(event.position.x), float(event.position.y))
        xy = place if all(abs(value) <= MAX_DISTANCE_M for value in place) else None
    who = OpenAlarm(
        alarm.id,
        int(alarm.priority),
        alarm.room,
        event.person_id if event is not None else "",
        xy,
        alarm.resident_id,
    )
    return SeenAlarm(who, int(alarm.kind), int(alarm.state), bool(alarm.drill))


def no_service() -> Failure:
    """An alarm could not be raised."""
    return Failure(
        TaskErrorCode.NOT_CAPABLE,
        Text("알림 기능이 응답하지 않습니다.", "The alarm service does not answer: is care_manager running?"),
    )


def judge_drive(job: Job, status: int, result: Any) -> None:
    """How a drive ended."""
    if status == GoalStatus.STATUS_SUCCEEDED:
        job.end()
        return
    detail = f" ({result.error_msg[:200]})" if result.error_msg else ""
    if result.error_code in TF_ERRORS:
        code, ko, en = (
            TaskErrorCode.LOST,
            "로봇이 자기 위치를 모릅니다",
            "The robot is lost",
        )
    else:
        code, ko, en = TaskErrorCode.UNREACHABLE, "그곳까지 갈 수 없습니다", "There is no way there"
    job.end(Failure(code, Text(f"{ko}{detail}.", f"{en}{detail}.")))


def judge_say(job: Job, _status: int, result: Any) -> None:
    """How an announcement ended."""
    canceled = result.error_code == Say.Result.CANCELED
    code = TaskErrorCode.CANCELED if canceled else TaskErrorCode.NOT_SPOKEN
    job.end(None if result.error_code == Say.Result.NONE else _unsaid(code, result.error_msg))


def judge_ask(language: str) -> Callable[[Job, int, Any], None]:
    """How a question ended."""

    def judge(job: Job, _status: int, result: Any) -> None:
        if result.error_code == Ask.Result.NONE:
            answer = result.answer
            job.end(None, Answer(answer.text, answer.language or language, float(answer.confidence)))
        elif result.error_code == Ask.Result.NO_ANSWER:
            job.end(_unsaid(TaskErrorCode.NO_ANSWER, result.error_msg))
        else:
            job.end(_unsaid(TaskErrorCode.NOT_SPOKEN, result.error_msg))

    return judge


def judge_stow(job: Job, status: int, result: Any) -> None:
    """How folding the arm ended."""
    failure = Failure(
        TaskErrorCode.NOT_CAPABLE,
        Text("로봇 팔을 접지 못했습니다.", f"The arm could not be folded ({result.error_string[:200]})."),
    )
    job.end(None if status == GoalStatus.STATUS_SUCCEEDED else failure)


def _unsaid(code: TaskErrorCode, detail: str) -> Failure:
    why = f" ({detail[:200]})" if detail else ""
    if code is TaskErrorCode.NO_ANSWER:
        return Failure(code, Text("대답이 없습니다.", f"No answer{why}."))
    return Failure(code, Text(f"소리 내어 말하지 못했습니다{why}.", f"It could not be said aloud{why}."))
