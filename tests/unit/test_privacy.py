"""When a camera must be closed: private rooms and hours, also when little is known."""

from __future__ import annotations

import math
from datetime import datetime, time, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_robot.care.places import Room, read_places
from care_robot.care.text import Text
from care_robot.geometry import Pose
from care_robot.perception.privacy import (
    LEAVE_M,
    LOST_S,
    MARGIN_M,
    OffHours,
    PrivacyError,
    PrivacyRules,
    Standing,
    distance_m,
    read_rules,
    standing,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
BATHROOM = Room("bathroom", Text("욕실", "bathroom"), ((0.0, 0.0), (2.0, 0.0), (2.0, 3.0), (0.0, 3.0)), True)
PLACES = Path(__file__).parents[2] / "config" / "places"


def robot() -> PrivacyRules:
    return PrivacyRules("head_camera", [BATHROOM], on_robot=True)


def by(rules: PrivacyRules, standing: Standing | None = None, now: datetime = NOON) -> str:
    ban = rules.ban(now, standing)
    return ban.by if ban else ""


# Zones ---------------------------------------------------------------------------------------------------


def test_a_robots_camera_is_closed_in_a_private_room_and_open_elsewhere() -> None:
    rules = robot()
    assert by(rules, Standing(5.0, 1.0)) == ""
    assert by(rules, Standing(1.0, 1.0)) == "privacy_zone"
    assert by(rules, Standing(5.0, 1.0)) == ""
    ban = rules.ban(NOON, Standing(1.0, 1.0))
    assert ban is not None
    assert "욕실" in ban.why.ko
    assert "bathroom" in ban.why.en


def test_where_a_robot_is_not_known_to_be_its_camera_is_closed() -> None:
    rules = robot()
    assert by(rules) == "privacy_zone"  # at the start
    assert by(rules, Standing(5.0, 1.0)) == ""
    assert by(rules) == "privacy_zone"  # lost
    assert by(rules, Standing(50.0, 1.0, LOST_S + 0.1)) == "privacy_zone"
    assert by(rules, Standing(50.0, 1.0, -1.0)) == "privacy_zone"
    assert by(rules, Standing(50.0, 1.0, math.nan)) == "privacy_zone"
    assert by(rules, Standing(math.nan, 1.0)) == "privacy_zone"


def test_the_older_the_place_the_further_away_it_must_be() -> None:
    assert by(robot(), Standing(3.0, 1.0, 0.1)) == ""
    assert by(robot(), Standing(3.0, 1.0, 2.0)) == "privacy_zone"
    assert by(robot(), Standing(6.0, 1.0, 2.0)) == ""


def test_at_the_border_it_does_not_flap() -> None:
    rules = robot()
    border = 2.0 + MARGIN_M
    assert by(rules, Standing(border + LEAVE_M + 0.01, 1.0)) == ""
    assert by(rules, Standing(border + 0.01, 1.0)) == ""
    assert by(rules, Standing(border - 0.01, 1.0)) == "privacy_zone"
    assert by(rules, Standing(border + LEAVE_M - 0.01, 1.0)) == "privacy_zone"
    assert by(rules, Standing(border + LEAVE_M + 0.01, 1.0)) == ""


@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(0, 10))
def test_nothing_opens_within_a_private_room(x_m: float, y_m: float, age_s: float) -> None:
    rules = robot()
    rules.ban(NOON, Standing(50.0, 50.0))  # as open as it gets
    inside = 0.0 <= x_m <= 2.0 and 0.0 <= y_m <= 3.0
    if inside or age_s > LOST_S:
        assert by(rules, Standing(x_m, y_m, age_s)) == "privacy_zone"
    elif distance_m(BATHROOM, x_m, y_m) > MARGIN_M + age_s + LEAVE_M + 1e-6:
        assert by(rules, Standing(x_m, y_m, age_s)) == ""


@given(st.floats(-5, 7), st.floats(-5, 8))
def test_distance_is_to_the_nearest_wall_and_none_within(x_m: float, y_m: float) -> None:
    outside = math.hypot(max(0.0, -x_m, x_m - 2.0), max(0.0, -y_m, y_m - 3.0))
    assert distance_m(BATHROOM, x_m, y_m) == pytest.approx(outside, abs=1e-9)


def test_a_fixed_camera_of_a_private_room_never_opens() -> None:
    assert by(PrivacyRules("bathroom_camera", [BATHROOM])) == "privacy_zone"
    assert by(PrivacyRules("camera", [BATHROOM], mounted_m=(0.5, 0.5))) == "privacy_zone"
    assert by(PrivacyRules("camera", [BATHROOM], mounted_m=(3.5, 0.5))) == ""
    assert by(PrivacyRules("hall_camera", [BATHROOM])) == ""


def test_without_private_rooms_nothing_depends_on_where_a_robot_is() -> None:
    rules = PrivacyRules("head_camera", on_robot=True)
    assert not rules.needs_place
    assert by(rules) == ""


# Where the robot stands ------------------------------------------------------------------------------------


def history(newest_s: float) -> object:
    def lookup(t_s: float | None) -> Pose:
        if t_s is not None and t_s > newest_s:
            raise LookupError("not known")
        return Pose.from_rpy(1.0, 2.0, 0.0)

    return lookup


def test_the_age_of_a_place_is_told_and_an_old_one_is_none() -> None:
    for silent_s, age_s in ((0.0, 0.1), (0.2, 0.3), (0.9, 1.0), (1.5, 2.0), (4.0, LOST_S)):
        found = standing(history(100.0 - silent_s), 100.0)  # type: ignore[arg-type]
        assert found == Standing(1.0, 2.0, age_s)
        assert found.age_s >= silent_s
    assert standing(history(94.0), 100.0) is None  # type: ignore[arg-type]

    def nothing(_: float | None) -> Pose:
        raise LookupError("no such frame")

    assert standing(nothing, 100.0) is None


# Hours ---------------------------------------------------------------------------------------------------


def at(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("hours", "now", "off"),
    [
        ("22:00-07:00 Asia/Seoul", at("2026-03-01T21:59:59", "Asia/Seoul"), False),
        ("22:00-07:00 Asia/Seoul", at("2026-03-01T22:00", "Asia/Seoul"), True),
        ("22:00-07:00 Asia/Seoul", at("2026-03-02T06:59", "Asia/Seoul"), True),
        ("22:00-07:00 Asia/Seoul", at("2026-03-02T07:00", "Asia/Seoul"), False),
        ("22:00-07:00 Asia/Seoul", at("2026-03-01T13:30", "UTC"), True),
        ("9:30-10:00 Asia/Seoul", at("2026-03-01T09:45", "Asia/Seoul"), True),
        ("9:30-10:00 Asia/Seoul", at("2026-03-01T22:00", "Asia/Seoul"), False),
        ("00:00-23:59 UTC", at("2026-03-01T00:00", "UTC"), True),
        # Summer time begins on 29 March at 02:00: 07:00 comes an hour sooner, by the wall clock all the same.
        ("22:00-07:00 Europe/Berlin", at("2026-03-29T04:59", "UTC"), True),
        ("22:00-07:00 Europe/Berlin", at("2026-03-29T05:00", "UTC"), False),
        ("22:00-07:00 Europe/Berlin", at("2026-03-28T05:30", "UTC"), True),
        # On 25 October it ends at 03:00: 02:30 comes twice, and is off twice.
        ("02:00-03:00 Europe/Berlin", at("2026-10-25T00:30", "UTC"), True),
        ("02:00-03:00 Europe/Berlin", at("2026-10-25T01:30", "UTC"), True),
        ("02:00-03:00 Europe/Berlin", at("2026-10-25T02:30", "UTC"), False),
        # And on 29 March 02:30 does not come at all.
        ("02:00-03:00 Europe/Berlin", at("2026-03-29T00:59", "UTC"), False),
        ("02:00-03:00 Europe/Berlin", at("2026-03-29T01:00", "UTC"), False),
    ],
)
def test_hours_are_those_of_the_wall_clock(hours: str, now: datetime, off: bool) -> None:
    rules = PrivacyRules("hall_camera", off_hours=[OffHours.parse(hours)])
    assert (by(rules, now=now) == "privacy_schedule") is off


@given(st.times(), st.times(), st.integers(0, 2 * 365 * 24 * 60))
def test_every_moment_is_on_or_off_by_its_local_time_alone(start: time, end: time, minutes: int) -> None:
    a, b = f"{start:%H:%M}", f"{end:%H:%M}"
    if a == b:
        return
    now = NOON + timedelta(minutes=minutes)
    one, other = OffHours.parse(f"{a}-{b} America/New_York"), OffHours.parse(f"{b}-{a} America/New_York")
    assert one.include(now) is not other.include(now)
    assert OffHours.parse(str(one)) == one
    assert one.include(now + timedelta(days=365 * 400 + 97)) in {True, False}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "such as"),
        ("22:00-07:00", "IANA"),
        ("22:00-07:00 Mars/Olympus", "no time zone 'Mars/Olympus'"),
        ("22:00-07:00 ../../etc/passwd", "IANA"),
        ("22:00-07:00 /etc/passwd", "no time zone"),
        ("24:00-07:00 Asia/Seoul", "hour must be"),
        ("22:60-07:00 Asia/Seoul", "minute must be"),
        ("07:00-07:00 Asia/Seoul", "never or always"),
        ("22:00-07:00 Asia/Seoul; x", "IANA"),
        ("9" * 1000, "such as"),
    ],
)
def test_hours_that_cannot_be_read_are_refused_with_a_sentence(text: str, said: str) -> None:
    with pytest.raises(PrivacyError, match=said) as caught:
        OffHours.parse(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_zone_comes_before_the_hours() -> None:
    rules = PrivacyRules("bathroom_camera", [BATHROOM], [OffHours.parse("00:00-23:59 UTC")])
    assert by(rules) == "privacy_zone"


# Files ---------------------------------------------------------------------------------------------------


def test_the_bathroom_of_the_apartment_is_private() -> None:
    path = PLACES / "apartment.yaml"
    assert [room.name for room in read_places(path).rooms.values() if room.private] == ["bathroom"]
    rules = read_rules("head_camera", str(path), ["22:00-07:00 Asia/Seoul"], on_robot=True)
    assert by(rules, Standing(1.0, 5.0)) == "privacy_zone"
    assert by(rules, Standing(6.0, 2.0), at("2026-03-01T12:00", "Asia/Seoul")) == ""
    assert by(rules, Standing(6.0, 2.0), at("2026-03-01T23:00", "Asia/Seoul")) == "privacy_schedule"


def test_hours_may_be_listed_in_one_as_launch_files_do() -> None:
    rules = read_rules("hall_camera", "", ["22:00-07:00 UTC, 11:30-12:30 UTC", ""])
    assert by(rules, now=NOON) == "privacy_schedule"
    assert by(rules, now=NOON + timedelta(hours=1)) == ""
    assert by(read_rules("hall_camera", "", [""])) == ""


def test_no_camera_without_its_rules(tmp_path: Path) -> None:
    broken = tmp_path / "places.yaml"
    broken.write_text("rooms: {hall: {private: maybe}}", encoding="utf-8")
    for places in (str(broken), "/no/such.yaml"):
        with pytest.raises(PrivacyError, match="yaml"):
            read_rules("hall_camera", places, [])
    with pytest.raises(PrivacyError):
        read_rules("hall_camera", "", ["at night"])
