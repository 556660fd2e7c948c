"""Reports: one form, written whole."""

import json
import math
from pathlib import Path

from care_robot.evaluation.report import Report, percentiles_ms


def test_a_report_has_the_fields_that_programs_rely_on(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "report.json"
    Report("bench latency", 3, {"people_p50_ms": 40.0}, [{"node": "speech"}]).write(path)
    content = json.loads(path.read_text())
    assert content.keys() == {"command", "version", "seed", "machine", "metrics", "trials"}
    assert content["metrics"] == {"people_p50_ms": 40.0}
    assert [p.name for p in path.parent.iterdir()] == ["report.json"]


def test_percentiles_are_in_milliseconds() -> None:
    assert percentiles_ms([0.01 * i for i in range(1, 101)], "x") == {"x_p50_ms": 505.0, "x_p95_ms": 950.5}
    assert all(math.isnan(v) for v in percentiles_ms([], "x").values())
