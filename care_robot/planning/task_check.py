"""Which tasks are taken, and what is wrong with the others: the field and the remedy."""

from dataclasses import replace

from care_robot.care.alarms import MAX_ID, MAX_NAME, MAX_REASON, clean_text
from care_robot.care.places import Places, PlaceUnknownError
from care_robot.care.text import Text
from care_robot.planning.tasks import Priority, Refusal, SubmitCode, Task, TaskErrorCode, TaskKind

MAX_TIME_LIMIT_S = 86_400.0
MAX_PLACES = 50
MAX_TEXT = MAX_REASON
MAX_DISTANCE_M = 1000.0
RESPONSE_ID = "respond-"
"""Ids of alarm responses begin so, and no others: nobody takes theirs away."""


def check(task: Task, capabilities: frozenset[TaskKind], places: Places) -> Refusal | None:
    """What is wrong with a task, with the field and the remedy; None where it can be taken.

    Parameters
    ----------
    task
        As it came in; its strings were not cleaned.
    capabilities
        Kinds that this robot can do.
    places
        Where it may go.
    """
    return (
        _wrong_heading(task)
        or _wrong_priority(task)
        or _wrong_strings(task)
        or _not_capable(task, capabilities)
        or _wrong_parameters(task)
        or _wrong_places(task, places)
    )


def cleaned(task: Task) -> Task:
    """A task that `check` passed, with its numbers as their enumerations and its words in one line."""
    return replace(
        task,
        kind=TaskKind(task.kind),
        priority=Priority(task.priority),
        by=clean_text(task.by),
        object=clean_text(task.object),
        text=clean_text(task.text, MAX_TEXT),
    )


def _invalid(name: str, ko: str, en: str, code: SubmitCode = SubmitCode.INVALID) -> Refusal:
    return Refusal(code, TaskErrorCode.TASK_INVALID, Text(f"{name}: {ko}", f"{name}: {en}"))


def _wrong_heading(task: Task) -> Refusal | None:
    if task.kind not in list(TaskKind):
        words = ", ".join(f"{kind.value} {kind.word}" for kind in TaskKind)
        return _invalid(
            "kind", f"{task.kind}번 작업은 없습니다({words}).", f"there is no {task.kind}; there is {words}."
        )
    if not clean_text(task.by):
        return _invalid(
            "by",
            "누가 시키는지 이름을 적어 주세요.",
            "give the name of the human, or of the node, who asks for it.",
            SubmitCode.NAME_MISSING,
        )
    if not 0.0 < task.time_limit_s <= MAX_TIME_LIMIT_S:
        return _invalid(
            "time_limit",
            f"0초보다 크고 {MAX_TIME_LIMIT_S:.0f}초 이하여야 합니다.",
            f"must be over 0 and at most {MAX_TIME_LIMIT_S:.0f} s: no task is without an end.",
        )
    return None


def _wrong_priority(task: Task) -> Refusal | None:
    if task.kind == TaskKind.RESPOND_TO_FALL:
        allowed = [Priority.ALARM]  # and nothing else, so that nothing stands in its way
    else:
        allowed = [Priority.ROUTINE, Priority.OPERATOR, Priority.MEDICATION]
    if task.priority in allowed:
        return None
    words = ", ".join(f"{priority.value} {priority.name.lower()}" for priority in allowed)
    return _invalid(
        "priority", f"이 작업에는 {words}만 쓸 수 있습니다.", f"must be one of {words} for this kind of task."
    )


def _wrong_strings(task: Task) -> Refusal | None:
    for name in ("id", "resident_id", "person_id", "occurrence_id", "alarm_id", "language"):
        value = getattr(task, name)
        if len(value) > MAX_ID or not value.isprintable() or value != value.strip():
            return _invalid(
                name,
                f"{MAX_ID}자 이하의 보통 글자로 적어 주세요.",
                f"must be at most {MAX_ID} printable characters.",
            )
    for name, limit in (("object", MAX_NAME), ("text", MAX_TEXT)):
        if len(getattr(task, name)) > limit:
            return _invalid(name, f"{limit}자 이하로 줄여 주세요.", f"must be at most {limit} characters.")
    if task.id.startswith(RESPONSE_ID) and task.kind != TaskKind.RESPOND_TO_FALL:
        return _invalid(
            "id", f"'{RESPONSE_ID}'은 알람 대응에만 씁니다.", f"'{RESPONSE_ID}' is kept for alarm responses."
        )
    return None


def _not_capable(task: Task, capabilities: frozenset[TaskKind]) -> Refusal | None:
    if task.kind in capabilities:
        return None
    label = TaskKind(task.kind).label
    return Refusal(
        SubmitCode.NOT_CAPABLE,
        TaskErrorCode.NOT_CAPABLE,
        Text(
            f"이 로봇은 '{label.ko}' 작업을 할 수 없습니다. 사람에게 부탁해 주세요.",
            f"This robot cannot do '{label.en}': it lacks a part for it; ask a human.",
        ),
    )


_NEEDED = {
    TaskKind.FETCH: ("object", "무엇을 가져올지 적어 주세요.", "say what to fetch, such as cup."),
    TaskKind.CHECK_ON: ("resident_id", "누구를 살필지 적어 주세요.", "say on which resident."),
    TaskKind.REMIND: ("occurrence_id", "어느 알림인지 적어 주세요.", "say of which reminder occurrence."),
    TaskKind.RESPOND_TO_FALL: ("alarm_id", "어느 알람인지 적어 주세요.", "say to which alarm."),
    TaskKind.LOOK_AGAIN: ("person_id", "누구를 볼지 적어 주세요.", "say at whom: a Person.id from `people`."),
    TaskKind.SAY: ("text", "무엇을 말할지 적어 주세요.", "say what to say."),
}


def _wrong_parameters(task: Task) -> Refusal | None:
    name, ko, en = _NEEDED.get(TaskKind(task.kind), ("kind", "", ""))
    if name != "kind" and not clean_text(getattr(task, name)):
        return _invalid(name, ko, en)
    if task.kind == TaskKind.SAY and task.language not in ("ko", "en"):
        return _invalid("language", "ko 또는 en이어야 합니다.", "must be ko or en.")
    return None


def _wrong_places(task: Task, places: Places) -> Refusal | None:
    if len(task.places) > MAX_PLACES:
        return _invalid("places", f"{MAX_PLACES}곳 이하로 줄여 주세요.", f"must be at most {MAX_PLACES}.")
    if task.pose is not None:
        numbers = (task.pose.x_m, task.pose.y_m, task.pose.heading_rad)
        if task.pose.frame_id != "map" or not all(abs(n) <= MAX_DISTANCE_M for n in numbers):
            return _invalid(
                "pose",
                f"map 좌표로 {MAX_DISTANCE_M:.0f}m 안이어야 합니다.",
                f"must be in the frame map, finite, and within {MAX_DISTANCE_M:.0f} m of its origin.",
            )
    where = len(task.places) + (task.kind == TaskKind.GO_TO and task.pose is not None)
    to_person = task.kind == TaskKind.DELIVER and task.resident_id
    if task.kind in (TaskKind.GO_TO, TaskKind.DELIVER) and where != 1 and not (to_person and not where):
        return _invalid("places", "갈 곳을 하나만 정해 주세요.", "give exactly one: where to go.")
    if task.kind == TaskKind.PATROL and not task.places:
        return _invalid("places", "돌아볼 곳을 정해 주세요.", "give at least one: where to patrol.")
    try:
        for name in task.places:
            places.pose_of(name)
    except PlaceUnknownError as error:
        ko, en = error.sentence
        return Refusal(
            SubmitCode.INVALID, TaskErrorCode.PLACE_UNKNOWN, Text(f"places: {ko}", f"places: {en}")
        )
    return None
