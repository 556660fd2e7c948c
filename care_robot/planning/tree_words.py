"""What the robot says and shows while it does a task, in Korean and English."""

from collections.abc import Sequence

from care_robot.care.text import NO_TEXT, Text
from care_robot.planning.skills import Failure
from care_robot.planning.tasks import TaskErrorCode

LATER = Text("급한 일이 생겼어요. 잠시 후 다시 올게요.", "Something urgent has come up. I will be back.")
GOING_TO_SEE = Text("가서 확인하겠습니다.", "I am coming to see.")
STAYING = Text("곁에서 지켜보고 있습니다.", "Staying beside the person.")
SIDE = Text("더 잘 보이는 쪽으로 갑니다.", "Going where the person can be seen better.")
MOVING = Text("지금 이동할게요.", "I am going to move now.")
COMING = Text("지금 갈게요.", "I am coming.")
TO_PERSON = Text("사람에게 갑니다.", "Going to the person.")
ARRIVED = Text("도착했습니다.", "Arrived.")
LOOKED = Text("다른 쪽에서 살펴보았습니다.", "Looked from another side.")
PATROLLING = Text("한 바퀴 둘러보고 올게요.", "I am going on my round.")
CHECKING = Text("잘 계신지 보러 갈게요.", "I am going to see how you are.")
SAID = Text("말했습니다.", "It was said.")


def to_fallen(room: Text) -> Text:
    """On the way to an alarm's room; no text where that is not known."""
    if room == NO_TEXT:
        return Text("넘어진 분에게 갑니다.", "Going to the person who fell.")
    return Text(f"{room.ko}에 넘어진 분에게 갑니다.", f"Going to the person who fell ({room.en}).")


def to_place(label: Text) -> Text:
    """Before moving off to a place."""
    return Text(f"{label.ko} 쪽으로 갈게요.", f"I am going to the {label.en}.")


def looking_in(label: Text) -> Text:
    """On the way to a room, to see whether somebody is there."""
    return Text(f"{label.ko} 쪽을 살펴봅니다.", f"Looking in the {label.en}.")


def at(label: Text) -> Text:
    """At a place."""
    return Text(f"{label.ko}에 도착했습니다.", f"Arrived: {label.en}.")


def not_seen(person_id: str = "") -> Failure:
    """Neither the person of that id, nor anybody without one."""
    named = Text("그 사람이 보이지 않습니다.", "That person is not seen now.")
    anybody = Text("아무도 보이지 않습니다.", "Nobody is seen now.")
    return Failure(TaskErrorCode.PERSON_NOT_FOUND, named if person_id else anybody)


def nobody(rooms: Sequence[Text]) -> Failure:
    """Nobody was found in these rooms."""
    ko, en = ", ".join(r.ko for r in rooms) or "없음", ", ".join(r.en for r in rooms) or "none"
    sentence = Text(f"아무도 찾지 못했습니다(살펴본 곳: {ko}).", f"Nobody was found (looked in: {en}).")
    return Failure(TaskErrorCode.PERSON_NOT_FOUND, sentence)


def patrolled(count: int, skipped: Sequence[Text]) -> Text:
    """How a patrol of so many places went."""
    if not skipped:
        return Text(f"{count}곳을 모두 둘러보았습니다.", f"All {count} places were visited.")
    ko, en = ", ".join(p.ko for p in skipped), ", ".join(p.en for p in skipped)
    return Text(
        f"{count}곳 중 {count - len(skipped)}곳을 둘러보았습니다. 갈 수 없던 곳: {ko}.",
        f"{count - len(skipped)} of {count} places were visited. There was no way to: {en}.",
    )
