"""What people read about a task's way through the queue."""

from care_robot.care.text import Text
from care_robot.planning.tasks import Task, TaskKind

SUBMITTED = Text("작업을 받았습니다.", "The task was taken.")
KNOWN = Text(
    "이미 받은 작업이라 바뀐 것이 없습니다.", "A task with this id was taken before; nothing was changed."
)
STARTED = Text("시작합니다.", "It begins.")
RESUMED = Text("다시 이어서 합니다.", "It goes on.")
STOP_LATCHED = Text(
    "정지 상태라 움직이는 작업은 받지 않습니다. 안전을 확인하고 정지를 해제한 뒤 다시 시켜 주세요.",
    "The robot is stopped and takes no task that moves it: see that it is safe, reset the stop, ask again.",
)
NAME_MISSING = Text(
    "by: 누가 취소하는지 이름을 적어 주세요.", "by: give the name of the human who cancels it."
)
ALREADY_ENDED = Text("이미 끝난 작업입니다.", "The task has ended already.")
ENDS_WITH_ALARM = Text(
    "낙상 대응은 취소할 수 없습니다. 알람을 처리하면 끝납니다.",
    "A response to an alarm cannot be canceled: attend or resolve its alarm, and it ends.",
)
FROM_ITS_ALARM = Text(
    "kind: 낙상 대응은 알람이 올라오면 저절로 시작됩니다. 알람을 올려 주세요.",
    "kind: a response to a fall comes from its alarm alone; raise an alarm.",
)
HALTED = Text("정지가 해제되면 이어서 합니다.", "It goes on when the stop is released.")
RESTARTED = Text("작업 관리 프로그램이 다시 시작되었습니다.", "The task manager was started again.")
WAS_OFF = Text(
    "시스템이 5분 넘게 꺼져 있었거나 시계가 바뀌었습니다. 필요하면 다시 시켜 주세요.",
    "The system was off for over 5 min, or its clock was set; ask again where it is still wanted.",
)


def full(limit: int) -> Text:
    """Too many tasks are open."""
    return Text(
        f"작업이 {limit}개나 밀려 있습니다. 몇 개를 취소하고 다시 시켜 주세요.",
        f"{limit} tasks are open, which is the most: cancel some, and ask again.",
    )


def not_stored(problem: str) -> Text:
    """The database did not take a new task."""
    return Text(
        f"작업을 저장하지 못해 받지 않았습니다({problem}). 디스크를 확인하고 다시 시켜 주세요.",
        f"The task was not taken, since it could not be stored ({problem}): see to the disk, and ask again.",
    )


def unknown(task_id: str) -> Text:
    """No task has the id."""
    return Text(
        f"'{task_id}' 작업이 없습니다. 작업 목록을 확인해 주세요.",
        f"There is no task '{task_id}'; see `./care task list`.",
    )


def canceled(by: str, reason: str) -> Text:
    """A human, or the client of an action, gave it up."""
    return Text(f"{by} 님이 취소했습니다. {reason}".rstrip(), f"Canceled by {by}. {reason}".rstrip())


def stopped(why: Text) -> Text:
    """A stop was latched."""
    return Text(f"정지되었습니다. {why.ko}".rstrip(), f"The robot was stopped. {why.en}".rstrip())


def time_limit(task: Task) -> Text:
    """It ran for too long."""
    return Text(
        f"제한 시간 {task.time_limit_s:.0f}초 안에 끝나지 않았습니다.",
        f"It was not done within its time limit of {task.time_limit_s:.0f} s.",
    )


def waited(limit_s: float, *, begun: bool) -> Text:
    """It waited for too long."""
    ko, en = ("이어서 하지", "go on") if begun else ("시작하지", "begin")
    return Text(
        f"{limit_s / 60:.0f}분을 기다려도 {ko} 못했습니다. 필요하면 다시 시켜 주세요.",
        f"It waited for {limit_s / 60:.0f} min and could not {en}; ask again where it is still wanted.",
    )


def interrupted(urgent: Task) -> Text:
    """Something more urgent came."""
    label = TaskKind(urgent.kind).label
    return Text(f"더 급한 일({label.ko})을 먼저 합니다.", f"Something more urgent comes first: {label.en}.")


def given_back(why: Text) -> Text:
    """It is not taken up again."""
    return Text(
        f"{why.ko} 이 작업은 이어서 하지 않습니다. 필요하면 다시 시켜 주세요.",
        f"{why.en} This task is not taken up again; ask again where it is still wanted.",
    )
