"""Stopping the robot, and staying stopped until a human says otherwise (domain.md, R-S2 and R-S3).

Nothing here makes anything move: a reset only takes the stop away, and the start of the program neither
stops nor starts anything, unless a stop was still in force when it ended.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

from care_robot.care import dialogue
from care_robot.care.alarms import MAX_ID, clean_text
from care_robot.care.text import Text

CHECK_PERIOD_S = 0.1
SILENT_S = 1.0
"""An e-stop button that tells at 5 Hz or more, and then nothing for so long, is taken for pressed."""
ASKED_S = 0.5
"""Whoever asks for a stop does so at 10 Hz until it is confirmed: for so long it counts as still asking."""
LOST_S = 2.5
"""Controllers hold when they have heard nothing of `safety/state`, told at 1 Hz, for so long."""
PAUSE_S = 0.5
SPEED_CAP_M_S = 0.5
MAX_IDS = 100


class StopState(IntEnum):
    """Numbers of care_robot_msgs/SafetyState."""

    CLEAR = 1
    STOPPED = 2
    LATCHED = 3


class StopReason(IntEnum):
    """Numbers of care_robot_msgs/SafetyState."""

    START_UP = 1
    E_STOP = 2
    E_STOP_SILENT = 3
    STOP_REQUEST = 4
    SPEECH = 5


class Refused(IntEnum):
    """Numbers of care_robot_msgs/ResetSafety."""

    NAME_MISSING = 1
    CAUSE_PERSISTS = 2
    NOT_LATCHED = 3


class ResetError(Exception):
    """A reset that is refused; the message is one sentence."""

    def __init__(self, code: Refused, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class StopFileError(Exception):
    """The memory of a stop cannot be read or written; the message names the file."""


@dataclass(frozen=True)
class Stop:
    """A stop that is in force: what has caused it, weightiest first, and since when.

    Attributes
    ----------
    reasons
        Each once, in the order of `StopReason`.
    ids
        Of the requests that hold it, newest last.
    by, words
        Who asked first, and why, as they gave it.
    since_s
        When it began, on the node clock.
    """

    reasons: tuple[StopReason, ...]
    ids: tuple[str, ...]
    by: str
    words: str
    since_s: float


_TEXTS = {
    StopReason.START_UP: Text(
        "지난번 멈춤의 기록을 읽을 수 없어 멈춰 있습니다.",
        "Stopped, because the record of the last stop cannot be read.",
    ),
    StopReason.E_STOP: Text("비상정지 버튼이 눌렸습니다.", "The e-stop button was pressed."),
    StopReason.E_STOP_SILENT: Text(
        "비상정지 버튼에서 신호가 없어 멈췄습니다.",
        "Nothing is heard from the e-stop button, which counts as pressed.",
    ),
}


class StopLatch:
    """Holds every stop until a named human resets it.

    Times are seconds of a steady clock; `clock_s` is the node clock, for what people read.

    Parameters
    ----------
    stop
        One that was in force when the program ended.
    """

    def __init__(self, stop: Stop | None = None) -> None:
        self.stop = stop
        self._since_s = 0.0
        self._pressed = False
        # None until the button was heard, in this run or in that of a stop by it.
        button = stop is not None and {StopReason.E_STOP, StopReason.E_STOP_SILENT} & {*stop.reasons}
        self._silent_checks: int | None = 0 if button else None
        self._asked_s = -math.inf

    @property
    def state(self) -> StopState:
        """What the controllers obey."""
        return StopState.LATCHED if self.stop else StopState.CLEAR

    @property
    def since_s(self) -> float:
        """When the state began, on the node clock."""
        return self.stop.since_s if self.stop else self._since_s

    @property
    def text(self) -> Text:
        """Why it stands, or that it may move, for a person."""
        if self.stop is None:
            return Text("로봇이 움직일 수 있습니다.", "The robot may move.")
        reason = self.stop.reasons[0]
        if reason in _TEXTS:
            return _TEXTS[reason]
        by, words = self.stop.by, self.stop.words
        why = f": {words}" if words else "."
        if reason is StopReason.SPEECH:
            return Text(f"누군가 “{words}”라고 말했습니다.", f"Somebody said “{words}”.")
        return Text(f"{by or '누군가'}의 요청으로 멈췄습니다{why}", f"Stopped by {by or 'somebody'}{why}")

    def request(self, request_id: str, by: str, words: str, now_s: float, clock_s: float) -> bool:
        """Somebody asks for a stop; whether that changed anything. A request without an id stops, too."""
        self._asked_s = now_s
        known = request_id if request_id and len(request_id) <= MAX_ID else ""
        return self._latch(StopReason.STOP_REQUEST, known, by, words, clock_s)

    def hear(self, text: str, clock_s: float) -> bool:
        """Somebody said something; whether that changed anything."""
        return dialogue.stops(text) and self._latch(StopReason.SPEECH, "", "", text, clock_s)

    def press(self, pressed: bool, clock_s: float) -> bool:
        """The button tells whether it is pressed; whether that changed anything."""
        self._pressed, self._silent_checks = pressed, 0
        return pressed and self._latch(StopReason.E_STOP, "", "", "", clock_s)

    def check(self, clock_s: float) -> bool:
        """Count how long the button has been silent; called each CHECK_PERIOD_S in which time passes.

        Calls are counted, not seconds: a program that was kept from running finds the button's messages
        waiting, and must not take its own pause for the button's.
        """
        if self._silent_checks is None:
            return False
        self._silent_checks += 1
        return self._silent and self._latch(StopReason.E_STOP_SILENT, "", "", "", clock_s)

    def reset(self, by: str, now_s: float, clock_s: float) -> str:
        """End the stop in the name of a human, whose cleaned name is given back; ResetError where refused."""
        name = clean_text(by)
        if not name:
            raise ResetError(Refused.NAME_MISSING, "Who resets the stop must be given in 'by'.")
        if self.stop is None:
            raise ResetError(Refused.NOT_LATCHED, "The robot is not stopped.")
        if cause := self._cause(now_s):
            raise ResetError(Refused.CAUSE_PERSISTS, cause)
        self.stop, self._since_s = None, clock_s
        return name

    @property
    def _silent(self) -> bool:
        return self._silent_checks is not None and self._silent_checks * CHECK_PERIOD_S > SILENT_S

    def _cause(self, now_s: float) -> str:
        if self._pressed and not self._silent:
            return "The e-stop button is still pressed: release it first."
        if self._silent:
            return "Nothing is heard from the e-stop button: check its wire first."
        if now_s - self._asked_s < ASKED_S:
            return "Somebody is asking for a stop just now: try again when they have done."
        return ""

    def _latch(self, reason: StopReason, request_id: str, by: str, words: str, clock_s: float) -> bool:
        before = self.stop
        if before is None:
            self.stop = Stop((reason,), (), clean_text(by), clean_text(words, 200), clock_s)
        stop = self.stop
        assert stop is not None  # noqa: S101 (for the type checker)
        if reason < min(stop.reasons):  # people read of the weightiest
            stop = replace(stop, by=clean_text(by), words=clean_text(words, 200))
        reasons = tuple(sorted({*stop.reasons, reason}))
        ids = stop.ids
        if request_id and request_id not in ids:
            ids = (*ids, request_id)[-MAX_IDS:]
        self.stop = replace(stop, reasons=reasons, ids=ids)
        return self.stop != before


class StopFile:
    """Keeps a stop over the end of the program, killed or not: the file is there while a stop is in force."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Stop | None:
        """The stop that is in force; StopFileError where there is one that cannot be read."""
        try:
            raw = json.loads(self._path.read_text(encoding="utf-8"))
            since_s = float(raw["since_s"])
            stop = Stop(
                tuple(sorted({StopReason(r) for r in raw["reasons"]})),
                tuple(str(i) for i in raw["ids"])[-MAX_IDS:],
                clean_text(str(raw["by"])),
                clean_text(str(raw["words"]), 200),
                since_s if math.isfinite(since_s) else 0.0,
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise StopFileError(f"The file {self._path} that remembers a stop cannot be read.") from error
        if not stop.reasons:
            raise StopFileError(f"The file {self._path} that remembers a stop gives no reason.")
        return stop

    def save(self, stop: Stop | None) -> None:
        """Remember a stop, or that there is none; StopFileError where that cannot be done.

        It survives a kill, and after `settle` also a power cut.
        """
        try:
            if stop is None:
                self._path.unlink(missing_ok=True)
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            content = {name: getattr(stop, name) for name in stop.__dataclass_fields__}
            new = self._path.with_suffix(".new")
            new.write_text(json.dumps(content, ensure_ascii=True), encoding="utf-8")
            new.replace(self._path)
        except OSError as error:
            raise self._not_kept(error) from error

    def settle(self) -> None:
        """Have the disk hold what was saved, which takes a moment: tell of the stop before."""
        try:
            for path in (self._path, self._path.parent):
                opened = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(opened)
                finally:
                    os.close(opened)
        except OSError as error:
            raise self._not_kept(error) from error

    def _not_kept(self, error: OSError) -> StopFileError:
        return StopFileError(
            f"The stop cannot be kept in {self._path} ({error.strerror}): a restart would forget it."
        )


class Obedience:
    """What a controller makes of `safety/state`; asked once in each of its steps.

    One that has never heard of a supervisor obeys none; one that has lost it holds. Taking a message and
    asking may happen in different threads.
    """

    def __init__(self) -> None:
        self._state: StopState | None = None
        self._silent_s, self._asked_s = 0.0, -math.inf

    def hear(self, state: int) -> None:
        """Take a state; an unknown one is taken for latched."""
        self._state = StopState(state) if state in set(StopState) else StopState.LATCHED
        self._silent_s = 0.0

    def ask(self, now_s: float) -> tuple[bool, str]:
        """Whether everything holds now, and why goals end: empty where they may go on, or wait.

        Parameters
        ----------
        now_s
            Of a steady clock. A controller that was itself kept from running has messages waiting: its own
            pause counts only in part.
        """
        self._silent_s += min(now_s - self._asked_s, PAUSE_S)
        self._asked_s = now_s
        if self._state is None:
            return False, ""
        if self._silent_s > LOST_S:
            return True, "The robot is stopped, because nothing is heard from its safety supervisor."
        if self._state is StopState.LATCHED:
            return True, "The robot is stopped: reset the stop, then send the goal again."
        return self._state is StopState.STOPPED, ""
