"""When a camera must be closed: by where it is, and by the time of day."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from care_robot.care.places import Room, read_places
from care_robot.care.strict_yaml import YamlError
from care_robot.care.text import Text
from care_robot.geometry import Pose

MARGIN_M = 0.3  # nearer than this to a private room counts as in it: its place is known no better
LEAVE_M = 0.2  # further away than that before it opens again, so that it does not flap at the border
PUSHED_M_S = 1.0  # how fast a robot may have gone on, or been pushed, since its place was known
LOST_S = 5.0  # after which its place is not known at all

UNKNOWN_PLACE = Text(
    "로봇의 위치를 몰라서, 사적인 공간에 있을 수 있어 카메라를 껐습니다",
    "the robot does not know where it is and may be in a private room",
)


class PrivacyError(ValueError):
    """A rule that cannot be read: the message names it and the remedy."""


@dataclass(frozen=True)
class Ban:
    """Why a camera must be closed now; `by` is the rule, as in CameraState and EnableCamera."""

    by: str
    why: Text


@dataclass(frozen=True)
class OffHours:
    """Hours of every day in which a camera is off, by the wall clock of a place.

    Where the clock is set forward, an hour that does not exist is off for nobody; where it is set back, an
    hour that comes twice is off twice.
    """

    start: time
    end: time
    zone: ZoneInfo

    @classmethod
    def parse(cls, text: str) -> OffHours:
        """Read such as "22:00-07:00 Asia/Seoul"; PrivacyError with a sentence."""
        found = re.fullmatch(
            r"\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s+([A-Za-z0-9_+\-/]{1,64})\s*", text
        )
        wrong = f"Off hours are {text[:100]!r}, but must be such as '22:00-07:00 Asia/Seoul'"
        if found is None:
            raise PrivacyError(f"{wrong}: two times of day and the name of an IANA time zone.")
        try:
            start, end = time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))
        except ValueError as error:
            raise PrivacyError(f"{wrong}: {error}.") from None
        if start == end:
            raise PrivacyError(
                f"{wrong}: from and to the same time is never or always; switch the camera off."
            )
        try:
            return cls(start, end, ZoneInfo(found[5]))
        except (KeyError, ValueError, OSError):
            raise PrivacyError(f"{wrong}: there is no time zone {found[5]!r}.") from None

    def include(self, now: datetime) -> bool:
        """Whether a time (with its zone) lies within."""
        local = now.astimezone(self.zone).time()
        if self.start < self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M} {self.zone.key}"


@dataclass(frozen=True)
class Standing:
    """Where a robot was, in the frame `map`, and how long ago."""

    x_m: float
    y_m: float
    age_s: float = 0.0


def standing(lookup: Callable[[float | None], Pose], now_s: float) -> Standing | None:
    """Where a robot stands by its transforms; None where that is not known, or known of too long ago.

    Parameters
    ----------
    lookup
        Pose in the map at a time, of which nothing is extrapolated, or the newest; LookupError where there
        is none.
    now_s
        Time of the stamps.
    """
    try:
        newest = lookup(None)
    except LookupError:
        return None
    for age_s in (0.1, 0.3, 1.0, 2.0, LOST_S):
        try:
            lookup(now_s - age_s)
        except LookupError:
            continue
        return Standing(float(newest.position[0]), float(newest.position[1]), age_s)
    return None


class PrivacyRules:
    """The rules for one camera.

    Where it is not known whether a robot is in a private room, its camera is closed: at the start, and when
    it is lost. A rescue is no exception yet.

    Parameters
    ----------
    camera : str
        Its name; one called ``<room>_camera`` is in that room.
    rooms : sequence of Room
        The private ones.
    off_hours : sequence of OffHours
        When it is off.
    on_robot : bool
        Whether it moves with a robot.
    mounted_m : tuple, optional
        Where a fixed one is, x and y in the map.
    """

    def __init__(
        self,
        camera: str,
        rooms: Sequence[Room] = (),
        off_hours: Sequence[OffHours] = (),
        *,
        on_robot: bool = False,
        mounted_m: tuple[float, float] | None = None,
    ) -> None:
        self._rooms, self._off_hours, self._on_robot = tuple(rooms), tuple(off_hours), on_robot
        self._near = True  # until it is known better
        self._mounted_in = next(
            (
                room
                for room in ([] if on_robot else rooms)
                if camera == f"{room.name}_camera" or (mounted_m and room.contains(*mounted_m))
            ),
            None,
        )

    @property
    def needs_place(self) -> bool:
        """Whether they depend on where a robot stands."""
        return self._on_robot and bool(self._rooms)

    def ban(self, now: datetime, robot: Standing | None = None) -> Ban | None:
        """Why the camera must be closed now, or None where it may be open.

        Parameters
        ----------
        now : datetime
            With its time zone.
        robot : Standing, optional
            Where the robot is, as far as that is known.
        """
        if self._mounted_in is not None:
            return Ban("privacy_zone", _private(self._mounted_in))
        zone = self._zone(robot) if self.needs_place else None
        if zone is not None:
            return Ban("privacy_zone", zone)
        for hours in self._off_hours:
            if hours.include(now):
                why = Text(
                    f"이 시간에는 카메라를 끕니다({hours})", f"the camera is off at this time ({hours})"
                )
                return Ban("privacy_schedule", why)
        return None

    def _zone(self, robot: Standing | None) -> Text | None:
        if robot is None or not 0.0 <= robot.age_s <= LOST_S:
            self._near = True
            return UNKNOWN_PLACE
        least_m = MARGIN_M + PUSHED_M_S * robot.age_s + (LEAVE_M if self._near else 0.0)
        for room in self._rooms:
            if not distance_m(room, robot.x_m, robot.y_m) > least_m:  # also what is not a number
                self._near = True
                return _private(room)
        self._near = False
        return None


def distance_m(room: Room, x_m: float, y_m: float) -> float:
    """Distance of a point from a room; 0 within."""
    if room.contains(x_m, y_m):
        return 0.0
    corners = room.polygon_m
    return min(_to_wall_m(x_m, y_m, a, b) for a, b in zip(corners, corners[1:] + corners[:1], strict=True))


def _to_wall_m(x_m: float, y_m: float, a: tuple[float, float], b: tuple[float, float]) -> float:
    dx, dy = b[0] - a[0], b[1] - a[1]
    length2 = dx * dx + dy * dy
    along = ((x_m - a[0]) * dx + (y_m - a[1]) * dy) / length2 if length2 > 0.0 else 0.0
    along = min(1.0, max(0.0, along))
    return math.hypot(x_m - a[0] - along * dx, y_m - a[1] - along * dy)


def _private(room: Room) -> Text:
    return Text(
        f"사적인 공간({room.label.ko})에서는 촬영하지 않습니다",
        f"nothing is filmed in a private room ({room.label.en})",
    )


def read_rules(
    camera: str,
    places: str,
    off_hours: Sequence[str],
    *,
    on_robot: bool = False,
    mounted_m: tuple[float, float] | None = None,
) -> PrivacyRules:
    """The rules that parameters name; PrivacyError for one that cannot be read: no camera without its rules.

    `places` is a file of config/places, empty for none; see `PrivacyRules` for the others.
    """
    try:
        rooms = read_places(Path(places).expanduser()).rooms.values() if places else ()
    except YamlError as error:
        raise PrivacyError(str(error)) from None
    private = [room for room in rooms if room.private]
    each = (text for listed in off_hours for text in listed.split(","))  # a launch file gives them in one
    hours = [OffHours.parse(text) for text in each if text.strip()]
    return PrivacyRules(camera, private, hours, on_robot=on_robot, mounted_m=mounted_m)
