"""Every word of the alarms that a person hears or reads, in Korean and English."""

from care_robot.care.alarms import Alarm, AlarmKind, Priority
from care_robot.care.text import Text

_AGAIN = (
    Text(
        "잘 못 들었어요. 몸이 어떠신지 다시 말씀해 주세요. 대답이 없으면 담당자에게 연락할게요.",
        "I did not catch that. Please tell me again how you are. If I hear nothing, I will call your carer.",
    ),
    Text(
        "한 번만 더 여쭐게요. 어떠신지 짧게 말씀하시거나 화면의 큰 버튼을 눌러 주세요.",
        "Let me ask once more. Say in a few words how you are, or press a big button on the screen.",
    ),
)
# No question contains a phrase that counts as OK: a microphone that hears the robot must not end an alarm.
QUESTIONS = {
    AlarmKind.FALL: (
        Text(
            "괜찮으세요? 넘어지신 것 같아요. 지금 어떠신지 말씀해 주세요.",
            "Are you all right? It looks as if you fell. Please tell me how you are.",
        ),
        *_AGAIN,
    ),
    AlarmKind.LYING: (
        Text(
            "괜찮으세요? 바닥에 누워 계신 것 같아요. 지금 어떠신지 말씀해 주세요.",
            "Are you all right? It looks as if you are lying on the floor. Please tell me how you are.",
        ),
        *_AGAIN,
    ),
}
CHOICES = (Text("괜찮아요", "I'm fine"), Text("도와주세요", "Help me"))
"""Big buttons beside every question."""
DRILL = Text("훈련", "DRILL")
TOLD_PAGED = Text(
    "담당자에게 연락했습니다. 움직이지 말고 잠시만 기다려 주세요.",
    "I am calling your carer. Please stay where you are.",
)
TOLD_WATCHING = Text(
    "알겠습니다. 일어나실 때까지 지켜볼게요.", "I see. I will keep watching until you are up."
)

KINDS = {
    AlarmKind.FALL: Text("낙상 의심", "Possible fall"),
    AlarmKind.LYING: Text("바닥에 누워 있음", "Person lying on the floor"),
    AlarmKind.HELP: Text("도움 요청", "Call for help"),
    AlarmKind.MANUAL: Text("호출", "Call"),
    AlarmKind.TECHNICAL: Text("기술 경보", "Technical alarm"),
    AlarmKind.MEDICATION: Text("복약 확인", "Medication"),
    AlarmKind.INACTIVITY: Text("활동 없음", "No activity"),
    AlarmKind.ENVIRONMENT: Text("환경 경보", "Environment"),
    AlarmKind.WANDERING: Text("밤중 외출", "Outside at night"),
    AlarmKind.ROBOT: Text("로봇 도움 필요", "Robot needs help"),
}
PRIORITIES = {
    Priority.HIGH: Text("긴급", "HIGH"),
    Priority.MEDIUM: Text("확인 필요", "MEDIUM"),
    Priority.LOW: Text("알림", "LOW"),
    Priority.TECHNICAL: Text("기술", "TECHNICAL"),
}
ROOMS = {
    "": Text("위치 모름", "place unknown"),
    "living_room": Text("거실", "living room"),
    "bedroom": Text("침실", "bedroom"),
    "kitchen": Text("주방", "kitchen"),
    "bathroom": Text("욕실", "bathroom"),
    "hall": Text("복도", "hall"),
    "entrance": Text("현관", "entrance"),
}
RESIDENT = Text("어르신", "the resident")

# Reasons, by the event that they explain. Fields are filled in by `reason`.
REASONS = {
    "raised_fall": Text("낙상이 감지되었습니다({room}).", "A fall was detected ({room})."),
    "raised_lying": Text(
        "바닥에 누워 있는 사람이 감지되었습니다({room}).", "A person was found lying on the floor ({room})."
    ),
    "raised_help": Text("도움을 요청하는 말을 들었습니다.", "A call for help was heard."),
    "raised_reported": Text("신고: {detail} ({by}).", "Reported: {detail} ({by})."),
    "asked": Text("괜찮은지 물었습니다({n}번째 질문).", "Asked whether all is well (question {n})."),
    "answered_ok": Text(
        "괜찮다고 대답했습니다. 일어나는지 지켜봅니다.",
        "Answered that all is well; watching whether they get up.",
    ),
    "answered_unclear": Text("대답이 분명하지 않습니다.", "The answer was not clear."),
    "answered_help": Text("도움이 필요하다고 대답했습니다.", "Answered that help is needed."),
    "answered_call": Text("사람을 불러 달라고 했습니다.", "Asked to have somebody called."),
    "awaits_robot": Text(
        "로봇이 곁에 가면 다시 물어봅니다.",
        "Will ask again when the robot is there, or when it is high time.",
    ),
    "robot_sent": Text("로봇이 확인하러 출발했습니다.", "The robot is on its way."),
    "robot_arrived": Text("로봇이 곁에 도착했습니다.", "The robot is beside the person."),
    "robot_failed": Text(
        "로봇이 가지 못합니다: {detail} 사람을 부르는 일은 그대로 진행합니다.",
        "The robot cannot get there: {detail} Humans are called all the same.",
    ),
    "raised_drill": Text("{by} 님이 시작한 훈련입니다.", "An exercise, ordered by {by}."),
    "staff_present": Text(
        "{by} 님이 같은 방에 있습니다. 처리되지 않으면 1분 안에 호출합니다.",
        "{by} is in the room; others are paged within a minute unless it is handled.",
    ),
    "present": Text("{by} 님이 {room}에 있다고 알렸습니다.", "{by} has declared to be in: {room}."),
    "no_longer_present": Text("{by} 님의 재실이 끝났습니다.", "{by} has ended the presence."),
    "audio_paused": Text(
        "{by} 님이 {seconds}초 동안 소리를 멈췄습니다. 호출은 계속됩니다.",
        "{by} has paused the sound for {seconds} s; pages go on.",
    ),
    "no_answer": Text("대답이 없습니다.", "No answer."),
    "not_audible": Text(
        "질문이 소리로 나오지 못했고 대답이 없습니다.", "The question could not be heard, and no answer came."
    ),
    "speech_failed": Text("음성으로 물어볼 수 없습니다.", "The question could not be asked."),
    "too_late_to_ask": Text("물어볼 시간이 남지 않았습니다.", "There was no time left to ask."),
    "deadline": Text("제한 시간 안에 확인되지 않았습니다.", "Not settled within the time limit."),
    "several": Text(
        "두 사람 이상이 쓰러져 있어 한 사람의 대답으로는 부족합니다.",
        "More than one person is down; the answer of one is not enough.",
    ),
    "recovered": Text("다시 일어난 것이 보입니다.", "Seen to be up again."),
    "down_again": Text("다시 바닥에 있는 것이 보입니다.", "Seen to be down again."),
    "not_recovered": Text(
        "괜찮다고 했지만 제때 일어나지 않았습니다.", "Answered that all is well, but did not get up in time."
    ),
    "merged": Text("같은 일이 다시 일어났습니다(모두 {n}번).", "It happened again ({n} times in all)."),
    "new_event": Text("새로운 일이 일어났습니다.", "Something new happened."),
    "reported": Text("다른 곳에서도 신고되었습니다.", "It was reported from elsewhere too."),
    "paged": Text("{tier}단계 호출: {contacts}. {why}", "Paging tier {tier}: {contacts}. {why}"),
    "page_delivered": Text("호출 전달됨: {contact}({channel}).", "Page delivered: {contact} ({channel})."),
    "page_failed": Text("호출 전달 실패: {contact}({channel}).", "Page failed: {contact} ({channel})."),
    "not_acknowledged": Text("{tier}단계에서 확인한 사람이 없습니다.", "Nobody of tier {tier} took it."),
    "not_reached": Text("{tier}단계에 호출이 닿지 않았습니다.", "No page reached tier {tier}."),
    "acknowledged": Text("{by} 님이 맡았습니다.", "{by} has taken it."),
    "attended": Text("{by} 님이 곁에 있습니다.", "{by} is there."),
    "not_attended": Text(
        "{by} 님이 맡았지만 아직 가지 않았습니다.", "{by} took it, but nobody is there yet."
    ),
    "resolved": Text("{by} 님이 종료했습니다: {detail}", "Ended by {by}: {detail}"),
    "resolved_ok": Text(
        "괜찮다고 대답했고 다시 일어났습니다.", "Answered that all is well, and was seen to be up again."
    ),
    "unwatched": Text(
        "경보 관리를 시작할 수 없어 지금은 아무도 지켜보지 못합니다: {detail}",
        "The alarm manager cannot start, so nobody is being watched over: {detail}",
    ),
    "channel_down": Text("호출 경로가 끊겼습니다: {detail}.", "A paging channel is down: {detail}."),
    "channel_up": Text("호출 경로가 다시 작동합니다: {detail}.", "The paging channel works again: {detail}."),
    "database_down": Text(
        "경보를 저장할 수 없어 기억으로만 처리하고 있습니다: {detail}",
        "Alarms cannot be stored and are handled from memory: {detail}",
    ),
}


REFUSALS = {
    "name_missing": Text("누가 하는지 이름을 적어 주세요.", "Give the name of the person who does this."),
    "unknown_alarm": Text(
        "열린 경보 가운데 '{id}'가 없습니다. 목록에서 번호를 확인하세요.",
        "No alarm '{id}' is open; list them to see the ids.",
    ),
    "already_resolved": Text(
        "경보 {id}는 {by} 님이 이미 종료했습니다.", "The alarm {id} was already resolved by {by}."
    ),
    "reason_missing": Text("경보가 끝난 이유를 적어 주세요.", "Give the reason why the alarm is over."),
    "pause_duration": Text(
        "소리는 0초보다 길고 120초를 넘지 않게 멈출 수 있습니다.",
        "The sound can be paused for more than 0 s and at most 120 s.",
    ),
    "presence_duration": Text(
        "재실은 0초에서 1800초(30분)까지 알릴 수 있습니다.",
        "Presence can be declared for 0 s to 1800 s (30 minutes).",
    ),
    "room_missing": Text("어느 방에 있는지 적어 주세요.", "Give the room of the presence."),
    "unknown_number": Text(
        "{field} 값 {value}은(는) 없습니다. Alarm.{constants} 가운데 하나여야 합니다.",
        "{field} is {value}; it must be one of Alarm.{constants}.",
    ),
    "technical_priority": Text(
        "priority는 기술 경보에만, 그리고 기술 경보에는 반드시 technical이어야 합니다.",
        "priority must be technical for a technical alarm, and only for one.",
    ),
}


def refusal(event: str, **fields: object) -> Text:
    """Why a request is refused, and the remedy."""
    return _filled(REFUSALS[event], fields)


def reason(event: str, **fields: object) -> Text:
    """The reason for an event; a field that is a Text is used in its language."""
    return _filled(REASONS[event], fields)


def _filled(text: Text, fields: dict[str, object]) -> Text:
    def fill(language: int) -> str:
        values = {k: v[language] if isinstance(v, Text) else str(v) for k, v in fields.items()}
        return text[language].format(**values)

    return Text(fill(0), fill(1))


def in_language(language: str, text: Text) -> str:
    """The half of `text` that is in `language`."""
    return text.en if language == "en" else text.ko


def room(name: str) -> Text:
    """Words for a room; a name that is not known stands for itself."""
    return ROOMS.get(name, Text(name, name))


def page(alarm: Alarm, why: Text) -> Text:
    """What a carer reads first."""
    place, kind, priority = room(alarm.room), KINDS[alarm.kind], PRIORITIES[alarm.priority]
    mark = Text(f"[{DRILL.ko}] ", f"[{DRILL.en}] ") if alarm.drill else Text("", "")
    mark = Text(f"{mark.ko}[{priority.ko}]", f"{mark.en}[{priority.en}]")
    if alarm.kind is AlarmKind.TECHNICAL:
        return Text(f"{mark.ko} {why.ko}", f"{mark.en} {why.en}")
    who = Text(f"{alarm.resident_name} 님", alarm.resident_name) if alarm.resident_name else RESIDENT
    return Text(
        f"{mark.ko} {kind.ko}: {who.ko}, {place.ko}. {why.ko} 가서 확인해 주세요.",
        f"{mark.en} {kind.en}: {who.en}, {place.en}. {why.en} Please go and check.",
    )
