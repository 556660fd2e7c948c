"""Only the newest image is worked on, and not more often than asked."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_robot.perception.newest import Newest, Pace

TIMEOUT_S = 10.0


def test_a_newer_item_replaces_the_one_that_waits() -> None:
    place: Newest[int] = Newest()
    for n in range(5):
        place.put(n)
    assert place.take() == 4


def test_a_reader_waits_for_an_item_and_is_let_go_when_closed() -> None:
    place: Newest[int] = Newest()
    taken: list[int | None] = []
    first = threading.Event()

    def read() -> None:
        taken.append(place.take())
        first.set()
        taken.append(place.take())

    reader = threading.Thread(target=read)
    reader.start()
    place.put(7)
    assert first.wait(TIMEOUT_S)
    place.close()
    reader.join(TIMEOUT_S)
    assert taken == [7, None]


@pytest.mark.parametrize(
    ("rate_hz", "limit_hz", "expected_hz"), [(30, 10, 10), (25, 10, 10), (8, 10, 8), (10, 10, 10)]
)
def test_a_stream_is_thinned_evenly(rate_hz: float, limit_hz: float, expected_hz: float) -> None:
    pace = Pace(limit_hz)
    times = [n / rate_hz for n in range(round(10 * rate_hz))]
    taken = [t for t in times if pace.lets_through(t)]
    assert len(taken) == pytest.approx(10 * expected_hz, abs=2)
    assert np.diff(taken).max() <= 1.0 / limit_hz + 1.0 / rate_hz + 1e-6


def test_a_stream_at_the_limit_that_trembles_loses_nothing() -> None:
    pace = Pace(10.0)
    tremble = np.random.default_rng(0).uniform(-0.01, 0.01, 100)
    assert all(pace.lets_through(n / 10 + tremble[n]) for n in range(100))


@given(st.lists(st.floats(-20.0, 20.0), min_size=1, max_size=50))
def test_a_stream_whose_time_jumps_goes_on(steps: list[float]) -> None:
    pace = Pace(10.0)
    t_s = 0.0
    for step in steps:
        t_s += step
        pace.lets_through(t_s)
    assert any(pace.lets_through(t_s + 0.02 * n) for n in range(1, 12))
