"""The report of ``bench falls``: its rows, and the metrics and shares that they come to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from care_robot import __version__
from care_robot.evaluation.bench import BenchError
from care_robot.evaluation.fall_bench_recipe import Part, keys
from care_robot.evaluation.fall_scoring import wilson
from care_robot.evaluation.report import Report

COMMAND = "bench falls"
SKELETONS, UNSTAGED, SHARE = "skeletons", "unstaged", "share"
Row = dict[str, Any]

_GROUPS = ("kind", "camera", "octant", "light", "visitor", "carries")
_NUMBERS = ("n", "false_events")
DAY_H = 24.0


def part(rows: Sequence[Mapping[str, Any]], name: str) -> list[Row]:
    """The rows of one part."""
    return [dict(row) for row in rows if row["part"] == name]


def metrics_of(rows: Sequence[Row]) -> dict[str, float]:
    """The metrics of what was measured so far; those of a part that was not measured are missing."""
    falls, acts, lyings = (part(rows, p.value) for p in Part)
    metrics: dict[str, float] = {}
    if falls:
        metrics |= _share("sensitivity", falls)
        latencies = [row["latency_s"] for row in falls if row["right"] and row["latency_s"] is not None]
        if latencies:
            p50, p95 = np.percentile(latencies, [50, 95])
            metrics |= {"latency_p50_s": round(float(p50), 2), "latency_p95_s": round(float(p95), 2)}
    if acts:
        metrics["false_events_hard_adl"] = sum(row["false_events"] for row in acts)
        metrics |= _share("specificity_hard_adl", acts)
    if lyings:
        metrics |= _share("sensitivity_lying", lyings)
    rendered = falls + acts + lyings
    if rendered:
        metrics["falls"], metrics["hard_adl"], metrics["lyings"] = len(falls), len(acts), len(lyings)
        metrics["false_events_beside_falls"] = sum(row["false_events"] for row in falls + lyings)
        metrics["pose_share"] = _mean(row["pose_share"] for row in rendered)
        metrics["lying_pose_share"] = _mean(
            row["lying_pose_share"] for row in falls + lyings if row["lying_pose_share"] is not None
        )
        metrics["unstaged"] = len(part(rows, UNSTAGED))
    skeletons = part(rows, SKELETONS)
    if skeletons:
        hours = sum(row["hours"] for row in skeletons)
        false = sum(row["false_events"] for row in skeletons)
        metrics["hours"] = round(hours, 2)
        metrics["false_events_skeletons"] = false
        metrics["false_events_per_day"] = round(false * DAY_H / hours, 3)
        metrics["false_events_per_day_high"] = round(_poisson_high(false) * DAY_H / hours, 3)
    return metrics


def missing_trials(rows: Sequence[Row], falls: int) -> list[tuple[str, int]]:
    """Part and number of the rendered trials that are not in the report yet, those of one body together."""
    known = {(row.get("of", row["part"]), row["n"]) for row in rows if row["part"] != SKELETONS}
    return [(p.value, n) for p, n in keys(falls) if (p.value, n) not in known]


def _share(name: str, rows: Sequence[Row]) -> dict[str, float]:
    hits = sum(row["right"] for row in rows)
    low, high = wilson(hits, len(rows))
    return {
        name: round(hits / len(rows), 4),
        f"{name}_low": round(low, 4),
        f"{name}_high": round(high, 4),
    }


def _mean(values: Any) -> float:
    numbers = list(values)
    return round(float(np.mean(numbers)), 3) if numbers else 0.0


def _poisson_high(events: int) -> float:
    """Upper end of the one-sided 95 % interval of a Poisson mean of which `events` were seen."""
    from scipy.stats import chi2  # noqa: PLC0415 (half a second, for one number)

    return float(0.5 * chi2.ppf(0.95, 2 * (events + 1)))


def shares(rows: Sequence[Row]) -> list[Row]:
    """How many went right, by way of falling, activity, camera, direction, light and what else was drawn."""
    result = []
    for kind in Part:
        own = part(rows, kind.value)
        for by in _GROUPS:
            for value in sorted({row[by] for row in own}, key=str):
                group = [row for row in own if row[by] == value]
                hits = sum(row["right"] for row in group)
                low, high = wilson(hits, len(group))
                result.append(
                    {
                        "part": SHARE,
                        "of": kind.value,
                        "by": by,
                        "value": value,
                        "right": hits,
                        "trials": len(group),
                        "low": round(low, 3),
                        "high": round(high, 3),
                        "reason": "",
                    }
                )
    return result


def write(rows: Sequence[Row], seed: int, path: Path) -> Report:
    """Write what was measured so far, whole or not at all."""
    order = [p.value for p in Part] + [UNSTAGED, SKELETONS]
    ordered = sorted(rows, key=lambda row: (order.index(row["part"]), row["n"]))
    report = Report(COMMAND, seed, metrics_of(ordered), [*ordered, *shares(ordered)])
    report.write(path)
    return report


def read_rows(path: Path, seed: int) -> list[Row]:
    """The rows of an earlier run to go on with; none where there is no report.

    Raises
    ------
    BenchError
        It cannot be read, or is of another measurement, seed or version.
    """
    if not path.exists():
        return []
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        of = tuple(content[name] for name in ("command", "seed", "version"))
        rows = [_checked(row) for row in content["trials"]] if of[0] == COMMAND else []
        rows = [row for row in rows if row["part"] != SHARE]
        metrics_of(rows)
        shares(rows)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = f"{type(error).__name__} {error}"[:120]
        raise BenchError(f"{path} is no report of `{COMMAND}` ({why}); give --out another file.") from error
    if of[:2] != (COMMAND, seed):
        raise BenchError(f"{path} is of `{of[0]}` with the seed {of[1]}; give that --seed, or another --out.")
    if of[2] != __version__:
        raise BenchError(
            f"{path} was measured with version {of[2]}, this is {__version__}; give another --out."
        )
    return rows


def _checked(row: Any) -> Row:
    """The row of a report; ValueError or KeyError where it cannot be one."""
    if not isinstance(row, dict):
        raise ValueError(f"{row!r} is no trial")
    known: dict[str, Callable[[Row], bool]] = {
        **{p.value: _is_trial for p in Part},
        UNSTAGED: lambda row: _is_count(row["n"]) and isinstance(row["of"], str),
        SKELETONS: lambda row: (
            _is_count(row["n"]) and _is_count(row["false_events"]) and 0 < row["hours"] <= 24
        ),
        SHARE: lambda _: True,
    }
    if row["part"] not in known or not known[row["part"]](row):
        raise ValueError(f"{row!r} is no trial")
    return row


def _is_trial(row: Row) -> bool:
    return (
        all(_is_count(row[name]) for name in _NUMBERS)
        and type(row["right"]) is bool
        and all(type(row[by]) in (str, int, bool) for by in _GROUPS)
        and all(0.0 <= row[name] <= 1.0 for name in ("pose_share",))
        and "latency_s" in row
        and "lying_pose_share" in row
    )


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0
