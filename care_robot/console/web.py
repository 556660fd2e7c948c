"""What the operator's page shows and whom it lets act, without a browser or ROS.

Times of alarms are timezone-aware; times of sessions are seconds of a steady clock.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from care_robot.actuation.safety import LOST_S, StopState
from care_robot.care.alarms import AlarmKind, AlarmState, Priority, clean_text
from care_robot.care.staff import Staff, same_name
from care_robot.care.text import Text

MANAGER_LOST_S = 3.0
"""Of the care manager, whose heart beats ten times a second; alarms are old when it is silent."""
ARMED_S = 5.0
MAX_PAUSE_S = 120.0
WRONG_PINS, LOCKED_S = 5, 60.0
SESSION_S = 12 * 3600.0
MAX_SESSIONS = 1000

KINDS = {
    AlarmKind.FALL: Text("낙상", "Fall"),
    AlarmKind.LYING: Text("바닥에 누워 있음", "Lying on the floor"),
    AlarmKind.HELP: Text("도움 요청", "Calls for help"),
    AlarmKind.MANUAL: Text("직접 올린 경보", "Raised by hand"),
    AlarmKind.TECHNICAL: Text("기술 경보", "Technical"),
    AlarmKind.MEDICATION: Text("약", "Medication"),
    AlarmKind.INACTIVITY: Text("움직임 없음", "No activity"),
    AlarmKind.ENVIRONMENT: Text("연기·물·추위", "Smoke, water or cold"),
    AlarmKind.WANDERING: Text("야간 외출", "Outside at night"),
    AlarmKind.ROBOT: Text("로봇이 도움 필요", "The robot needs help"),
}
PRIORITIES = {
    Priority.HIGH: Text("긴급", "High"),
    Priority.MEDIUM: Text("주의", "Medium"),
    Priority.LOW: Text("알림", "Low"),
    Priority.TECHNICAL: Text("기술", "Technical"),
}
STATES = {
    AlarmState.RAISED: Text("방금 올라옴", "Raised"),
    AlarmState.CONFIRMING: Text("어르신께 묻는 중", "Asking the resident"),
    AlarmState.NOTIFIED: Text("호출함 — 아직 아무도 맡지 않음", "Called — nobody has taken it yet"),
    AlarmState.ACKNOWLEDGED: Text("맡음 — 가는 중", "Taken — on the way"),
    AlarmState.ATTENDED: Text("곁에 있음", "Attended"),
    AlarmState.RESOLVED: Text("끝남", "Resolved"),
}
UNKNOWN_STOP = Text("로봇이 멈췄는지 알 수 없습니다.", "Whether the robot is stopped is not known.")
UNKNOWN_KIND = Text("알 수 없는 경보", "Unknown alarm")
REASONS = (
    Text("일어나셨고 다친 곳 없음", "Got up, not hurt"),
    Text("도와 드렸음", "Was helped"),
    Text("병원으로 모심", "Taken to hospital"),
    Text("잘못된 경보", "False alarm"),
)
"""Of a resolution, to choose from; another can be typed."""


@dataclass(frozen=True)
class Step:
    """One step in the life of an alarm."""

    at: datetime
    by: str
    reason: Text


@dataclass(frozen=True)
class ShownAlarm:
    """An alarm as people see it; names and texts are cleaned, the `id` is as it came."""

    id: str
    kind: AlarmKind | None  # None: one that this program does not know
    priority: Priority
    state: AlarmState
    drill: bool
    resident_id: str
    resident: str
    room: str
    event_at: datetime
    tier: int
    occurrences: int
    acknowledged_by: str
    attended_by: str
    paused_until: datetime | None
    stored: bool
    steps: tuple[Step, ...]

    @property
    def title(self) -> Text:
        """What it is about."""
        what = KINDS[self.kind] if self.kind else UNKNOWN_KIND
        return Text(f"훈련 · {what.ko}", f"DRILL · {what.en}") if self.drill else what

    @property
    def taken(self) -> bool:
        """Whether a human has taken it."""
        return self.state in (AlarmState.ACKNOWLEDGED, AlarmState.ATTENDED)

    def sounds(self, now: datetime) -> bool:
        """Whether the page gives a sound for it: nobody has taken it, and it is not paused."""
        paused = self.paused_until is not None and now < self.paused_until
        return self.priority is Priority.HIGH and not self.taken and not paused

    def who_and_where(self) -> str:
        """Resident and room."""
        return " · ".join(filter(None, (self.resident or self.resident_id, self.room))) or "—"

    def handled(self) -> Text:
        """State, with the names of those who act."""
        state = STATES[self.state]
        by = self.attended_by if self.state is AlarmState.ATTENDED else self.acknowledged_by
        tier = self.state is AlarmState.NOTIFIED and self.tier
        ko, en = (f"{by} · " if by and self.taken else ""), (f" ({by})" if by and self.taken else "")
        return Text(
            ko + state.ko + (f" ({self.tier}단계)" if tier else ""),
            state.en + en + (f" (tier {self.tier})" if tier else ""),
        )


def in_order(alarms: Sequence[ShownAlarm]) -> list[ShownAlarm]:
    """Those that are open: untaken before taken, by priority, newest first; technical ones last."""
    still_open = [alarm for alarm in alarms if alarm.state is not AlarmState.RESOLVED]
    return sorted(still_open, key=lambda a: (-int(a.priority), a.taken, -a.event_at.timestamp(), a.id))


def elapsed(since: datetime, now: datetime) -> Text:
    """How long ago, in words; nothing lies in the future."""
    seconds = max(0, int((now - since).total_seconds()))
    for size, ko, en in ((86400, "일", "d"), (3600, "시간", "h"), (60, "분", "min")):
        if seconds >= size:
            return Text(f"{seconds // size}{ko} 전", f"{seconds // size} {en} ago")
    return Text(f"{seconds}초 전", f"{seconds} s ago")


@dataclass(frozen=True)
class Board:
    """All that is shown, as it is now; replaced as a whole by whoever hears something new."""

    alarms: tuple[ShownAlarm, ...] | None = None  # None: none were ever heard of
    manager_s: float = float("-inf")
    """When the care manager's heart was last heard, on the steady clock."""
    stop: StopState | None = None
    stop_text: Text = UNKNOWN_STOP
    safety_s: float = float("-inf")

    def alarms_lost(self, now_s: float) -> bool:
        """Whether the alarms may be old."""
        return self.alarms is None or now_s - self.manager_s > MANAGER_LOST_S

    def stop_shown(self, now_s: float) -> tuple[StopState | None, Text]:
        """Whether the robot is stopped, and why; None where nobody knows."""
        if self.stop is None or now_s - self.safety_s > LOST_S:
            return None, UNKNOWN_STOP
        return self.stop, self.stop_text


# Who acts --------------------------------------------------------------------------------------------------


class LogInError(Exception):
    """Nobody is let in; the message says why, in Korean and English."""


@dataclass
class Session:
    """One browser, and who uses it."""

    name: str = ""
    begun_s: float = 0.0
    viewed: set[str] = field(default_factory=set)

    def who(self, now_s: float) -> str:
        """Name of who uses it; empty for nobody, and after SESSION_S."""
        return self.name if now_s - self.begun_s <= SESSION_S else ""

    def unseen(self, alarm_id: str) -> bool:
        """Whether it is still to be noted, in `viewed`, that this person sees this alarm in this session."""
        return bool(self.name) and alarm_id not in self.viewed


class TwoTaps:
    """The first tap on a button arms it, and the second one within ARMED_S counts (domain.md, R-A8)."""

    def __init__(self) -> None:
        self._armed: tuple[str, float] = "", float("-inf")

    def tap(self, button: str, now_s: float) -> bool:
        """Whether this tap counts; any other button is disarmed."""
        counts = self.is_armed(button, now_s)
        self._armed = ("", float("-inf")) if counts else (button, now_s)
        return counts

    def is_armed(self, button: str, now_s: float) -> bool:
        """Whether the next tap counts."""
        return self._armed[0] == button and now_s - self._armed[1] <= ARMED_S


class Sessions:
    """Lets people in by name, or by name and PIN where staff is configured.

    Parameters
    ----------
    staff
        Those who may act; anybody with a name where there are none.
    """

    def __init__(self, staff: Sequence[Staff] = ()) -> None:
        self._staff = tuple(staff)
        self._sessions: dict[str, Session] = {}
        self._wrong: dict[str, list[float]] = {}
        self._counting = threading.Lock()  # people log in side by side

    @property
    def need_pin(self) -> bool:
        """Whether a name alone does not do."""
        return bool(self._staff)

    def of(self, key: str, now_s: float) -> Session:
        """The session of a browser; one that has grown old begins anew."""
        session = self._sessions.get(key)
        if session is None or now_s - session.begun_s > SESSION_S:
            if len(self._sessions) >= MAX_SESSIONS:
                oldest = min(
                    self._sessions, key=lambda k: (bool(self._sessions[k].name), self._sessions[k].begun_s)
                )
                del self._sessions[oldest]
            session = self._sessions[key] = Session(begun_s=now_s)
        return session

    def log_in(self, session: Session, name: str, pin: str, now_s: float) -> None:
        """Let somebody in; LogInError where that cannot be. Takes a moment where there is a PIN."""
        shown = clean_text(name)
        if not shown:
            raise LogInError("이름을 적어 주세요. · Please give your name.")
        if self._staff:
            shown = self._checked(shown, pin, now_s)
        session.name, session.begun_s = shown, now_s
        session.viewed.clear()

    def log_out(self, session: Session) -> None:
        """Forget who uses the browser."""
        session.name = ""

    def _checked(self, name: str, pin: str, now_s: float) -> str:
        member = next((m for m in self._staff if same_name(m.name, name)), None)
        # Unknown names share one count: they cost neither memory nor a hint at who exists.
        key = member.name if member else ""
        with self._counting:
            wrong = self._wrong[key] = [t for t in self._wrong.get(key, []) if now_s - t < LOCKED_S]
            if len(wrong) >= WRONG_PINS:
                raise LogInError(
                    f"{WRONG_PINS}번 틀려 {LOCKED_S:.0f}초 동안 잠겼습니다. · "
                    f"Wrong {WRONG_PINS} times: locked for {LOCKED_S:.0f} s."
                )
            wrong.append(now_s)  # before the check, which takes time in which others may try
        checked = member or self._staff[0]  # as slow for a name that nobody has
        if not (checked.check(pin) and member):
            raise LogInError("이름이나 PIN이 틀렸습니다. · The name or the PIN is wrong.")
        self._wrong[key] = []
        return member.name
