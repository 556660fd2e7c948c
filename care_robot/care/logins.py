"""Who may act as a member of staff: a name and its PIN, and patience with neither guessing nor haste."""

from dataclasses import dataclass
from datetime import datetime

from care_robot.care.alarms import clean_text
from care_robot.care.audit import AuditAction, AuditRecord
from care_robot.care.config import CareConfig
from care_robot.care.text import NO_TEXT, Text

MAX_WRONG = 5
LOCKED_S = 60.0
WRONG = Text(
    "이름이나 PIN이 맞지 않습니다. 직원과 PIN은 care.yaml의 staff에 적습니다.",
    "Wrong name or PIN; staff and their PINs stand under staff in care.yaml.",
)
TOO_OFTEN = Text(
    "PIN이 다섯 번 틀렸습니다. 1분 뒤에 다시 시도하세요.", "Five wrong PINs; try again in one minute."
)


@dataclass(frozen=True)
class Login:
    """The name of the member of staff as it is written in the configuration, or why it is none."""

    name: str | None
    why: Text = NO_TEXT


class Logins:
    """Checks names and PINs; after five wrong ones nobody is let in for a minute: none can be guessed.

    Parameters
    ----------
    config
        Whose staff may log in.
    """

    def __init__(self, config: CareConfig) -> None:
        self._config = config
        self._wrong_s: list[float] = []

    def check(self, name: str, pin: str, now_s: float) -> Login:
        """Whether this is a member of staff; `now_s` is of a clock that is never set."""
        self._wrong_s = [at_s for at_s in self._wrong_s if now_s - at_s < LOCKED_S]
        if len(self._wrong_s) >= MAX_WRONG:
            return Login(None, TOO_OFTEN)
        member = self._config.staff_named(name)
        if member is None or not member.check(pin):
            self._wrong_s.append(now_s)
            return Login(None, WRONG)
        return Login(member.name)


def refused_login(now: datetime, name: str, why: Text) -> AuditRecord:
    """What is kept of somebody who was not let in."""
    return AuditRecord(now, AuditAction.EXECUTE, clean_text(name), "login", "refused", why)
