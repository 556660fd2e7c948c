"""Events of the fall detector where clocks are set."""

from __future__ import annotations

from dataclasses import replace

import pytest

from care_robot.perception.fall_events import FallEvent, Kind, State

FALL = FallEvent("fall_1", Kind.FALL, State.CONFIRMED, "body_aaaaa", "camera", 90.0, 91.0)


def test_an_event_moves_with_the_clock() -> None:
    assert FALL.shifted(-10.0) == replace(FALL, start_s=80.0, confirmed_s=81.0)
    assert FALL.shifted(10.0).recovered_s is None


@pytest.mark.parametrize("by_s", [-90.0, -91.0, -1e9])
def test_where_time_begins_anew_an_event_of_before_can_still_be_told(by_s: float) -> None:
    told = FALL.shifted(by_s)
    assert told.start_s > 0.0  # below, there is no stamp for it
    assert told.confirmed_s is not None
    assert told.confirmed_s > 1e-9  # a stamp of zero would mean: not confirmed
