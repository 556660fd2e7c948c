"""Whether one camera sees, and what the people who look after it must be told.

One blindness is one alarm, however often it comes and goes before somebody has taken that alarm, and also if
this program is started again meanwhile. A human ends it; that the camera sees again is said in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from care_robot.care.text import Text
from care_robot.perception.image_health import ImageHealth, Trouble

SILENT_S = 6.0  # a camera that gives no picture for so long is silent
FIRST_S = 9.0  # and so long one that has just been switched on
WELL_S = 60.0  # it sees again when it has seen for so long: what comes and goes is one trouble


@dataclass(frozen=True)
class OpenAlarm:
    """An unresolved technical alarm about this camera's sight; `taken`: somebody has acknowledged it."""

    source_id: str
    taken: bool


@dataclass(frozen=True)
class Word:
    """What is to be told; `trouble` is None when it is over."""

    source_id: str
    trouble: Trouble | None
    text: Text

    @property
    def urgent(self) -> bool:
        """Whether somebody is called; a dark room only stands in the list."""
        return not self.source_id.endswith(":dark")


class Sight:
    """Follows one camera. Times are those of one clock, in s, but for the stamps of pictures.

    Parameters
    ----------
    camera : str
        Its name.
    fixed : bool
        Whether it stays where it is.
    """

    def __init__(self, camera: str, *, fixed: bool = True) -> None:
        self._camera = camera
        self._health = ImageHealth(fixed=fixed)
        self._shown: Trouble | None = None  # by the pictures
        self._stamp_s: float | None = None
        self._last_s: float | None = None  # the last picture came
        self._since_s = -math.inf  # pictures are to be expected
        self._ticked_s = -math.inf
        self._off = False
        self._silent = False
        self._ill_s = -math.inf  # it was last not known to be well
        self._source_id = ""
        self._said: Trouble | None = None
        self._said_dark = False
        self._fresh = True  # nothing has been found since the start of the program

    @property
    def prefix(self) -> str:
        """Of the source ids of alarms about this camera's sight."""
        return f"sight:{self._camera}:"

    @property
    def off(self) -> bool:
        """Whether the camera is switched off on purpose: less cover, and no fault."""
        return self._off

    @property
    def trouble(self) -> Trouble | None:
        """What is wrong."""
        if self._off:
            return None
        return Trouble.SILENT if self._silent else self._shown

    @property
    def sees(self) -> bool:
        """Whether somebody who is there would be seen."""
        return not self._off and self._heard and not (self.trouble and self.trouble.blind)

    @property
    def _heard(self) -> bool:
        """Whether a picture has come since pictures are expected."""
        return self._last_s is not None and self._last_s >= self._since_s

    def look(self, rgb: npt.NDArray[Any], stamp_s: float, now_s: float) -> None:
        """Take in a picture as `ImageHealth.look` does; one with the stamp of the last is no new picture."""
        if stamp_s == self._stamp_s:
            return
        self._stamp_s = stamp_s
        self._shown = self._health.look(rgb, stamp_s)
        self._last_s, self._silent = now_s, False

    def switch(self, on: bool, now_s: float) -> None:
        """The camera was switched on or off."""
        if on is self._off:
            self._off = not on
            self._expect(now_s)

    def tick(self, now_s: float) -> None:
        """Let time pass; at least every 2 s."""
        if not 0.0 <= now_s - self._ticked_s <= SILENT_S / 2.0:  # not watched for a while, or another time
            self._expect(now_s)
        self._ticked_s = now_s
        if self._off:
            return
        if self._last_s is not None and self._heard:
            self._silent = now_s - self._last_s >= SILENT_S
        else:
            self._silent = now_s - self._since_s >= FIRST_S
        if self.trouble is not None:
            self._ill_s = now_s

    def word(self, now_s: float, alarm: OpenAlarm | None) -> Word | None:
        """What is still to be told, again and again until it was `told`.

        Parameters
        ----------
        alarm
            The newest open one whose source id begins with `prefix`.
        """
        trouble = self.trouble
        if trouble is None:
            return self._all_clear(now_s, alarm)
        if not self._source_id and trouble is Trouble.DARK:
            return None if self._said_dark else self._word(f"{self.prefix}dark", trouble)
        if not self._source_id:
            goes_on = alarm is not None and (self._fresh or not alarm.taken)
            self._source_id = alarm.source_id if alarm and goes_on else f"{self.prefix}{now_s:.3f}"
        self._fresh = False
        still_open = alarm is not None and alarm.source_id == self._source_id
        if trouble is self._said or (self._said is not None and not still_open):
            return None
        return self._word(self._source_id, trouble)

    def told(self, word: Word) -> None:
        """It has arrived."""
        if word.source_id == f"{self.prefix}dark":
            self._said_dark = True
        elif word.source_id == self._source_id:
            self._said, self._fresh = word.trouble, False
            if word.trouble is None:
                self._source_id = ""

    def _all_clear(self, now_s: float, alarm: OpenAlarm | None) -> Word | None:
        if not self._off and (not self._heard or now_s - self._ill_s < WELL_S):
            return None
        self._said_dark = False
        if self._fresh and alarm is not None:
            self._source_id = alarm.source_id
        if (self._fresh or self._said is not None) and alarm and alarm.source_id == self._source_id:
            return self._word(self._source_id, None)
        self._fresh = False
        self._source_id, self._said = "", None  # nobody was told, or a human has ended it
        return None

    def _word(self, source_id: str, trouble: Trouble | None) -> Word:
        if trouble is not None:
            return Word(source_id, trouble, trouble.text)
        if self._off:
            return Word(source_id, None, Text("카메라를 껐습니다", "the camera was switched off"))
        return Word(source_id, None, Text("카메라가 다시 봅니다", "the camera sees again"))

    def _expect(self, now_s: float) -> None:
        """Count from now on."""
        self._since_s = self._ill_s = now_s  # whether it is well is not known either
        self._silent, self._shown = False, None
        if self._last_s is not None and self._last_s > now_s:  # time was set back
            self._last_s = now_s
