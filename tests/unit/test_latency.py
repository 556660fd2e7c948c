"""`bench latency`: the figures that come of what was heard."""

import math

import numpy as np
import pytest

from care_robot.evaluation.latency import four_metrics, stage_ms


def lags(first_s: float, last_s: float, pictures: int = 300) -> list[tuple[float, float]]:
    """A camera's lags over a minute at 5 Hz, growing evenly."""
    return list(zip(np.linspace(100.0, 160.0, pictures), np.linspace(first_s, last_s, pictures), strict=True))


def test_a_steady_lag_does_not_grow() -> None:
    metrics = four_metrics({"a": lags(0.05, 0.05), "b": lags(0.08, 0.08)}, 60.0)
    assert metrics["four_cameras_lag_s"] == pytest.approx(0.08)
    assert metrics["four_cameras_lag_growth_s"] == pytest.approx(0.0)
    assert metrics["four_cameras_pictures_pct"] == pytest.approx(100.0)


def test_the_slowest_camera_counts_at_the_end() -> None:
    metrics = four_metrics({"a": lags(0.05, 0.05), "b": lags(0.05, 2.0, 150)}, 60.0)
    assert metrics["four_cameras_lag_s"] == pytest.approx(1.84, abs=0.05)
    assert metrics["four_cameras_lag_growth_s"] == pytest.approx(1.63, abs=0.05)
    assert metrics["four_cameras_pictures_pct"] == pytest.approx(50.0)


def test_a_camera_of_which_nothing_came_counts_as_behind_all_the_time() -> None:
    assert four_metrics({"a": lags(0.05, 0.05), "b": []}, 60.0)["four_cameras_lag_s"] == 60.0


def test_percentiles_of_a_stage_reach_the_99th() -> None:
    assert stage_ms([0.001 * n for n in range(101)], "falls") == {
        "falls_p50_ms": 50.0,
        "falls_p95_ms": 95.0,
        "falls_p99_ms": 99.0,
    }
    assert all(math.isnan(value) for value in stage_ms([], "falls").values())
