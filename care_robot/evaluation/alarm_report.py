"""The report of ``bench alarms``: its rows, and the metrics that they come to."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from care_robot.evaluation.alarm_burden import Burden
from care_robot.evaluation.alarm_judge import FIRST_PAGE_S, HELP_S, Verdict
from care_robot.evaluation.alarm_kills import Trial
from care_robot.evaluation.alarm_timelines import Told
from care_robot.evaluation.bench import BenchError
from care_robot.evaluation.report import Report, percentiles_ms

COMMAND = "bench alarms"
RATE = 1.0
"""False events a resident a day for which the burden counts."""
Row = dict[str, Any]


def timeline_row(told: Told) -> Row:
    """One random timeline."""
    j = told.judgement
    words = [f"{what}: {_say(v)}" for what, vs in (("lost", j.lost), ("late", j.late)) for v in vs]
    words += [f"shown twice: {what}" for what in j.shown_twice]
    words += [f"repeated without a mark: {page_id}" for page_id in j.unmarked]
    return {
        "part": "timeline",
        "n": told.n,
        "events": len(told.facts.events),
        "kills": told.kills,
        "duties": len(j.pages) + len(j.calls) + len(j.again),
        "unheard": told.unheard,
        "lost": len(j.lost),
        "late": len(j.late),
        "shown_twice": len(j.shown_twice),
        "unmarked": len(j.unmarked),
        **_times(j.pages),
        "reason": "; ".join(words),
    }


def _times(pages: Sequence[Verdict]) -> dict[str, list[float]]:
    """Times to page: with nothing in the way, after an OK of somebody who did not get up, and with faults."""
    times: dict[str, list[float]] = {"page_s": [], "ok_page_s": [], "disturbed_page_s": []}
    for v in pages:
        if v.page_s is not None:
            said_ok = v.due_s - v.since_s > FIRST_PAGE_S + HELP_S
            kind = "disturbed_page_s" if not v.undisturbed else "ok_page_s" if said_ok else "page_s"
            times[kind].append(round(v.page_s, 2))
    return times


def _say(v: Verdict) -> str:
    reached = "never" if v.reached_s is None else f"at {v.reached_s:.1f} s"
    return f"{v.what} of {v.since_s:.1f} s was due at {v.due_s:.1f} s and reached a human {reached}"


def kill_row(trial: Trial) -> Row:
    """One fall with kills of real processes."""
    page_s = None if trial.page_s is None else round(trial.page_s, 3)
    return {"part": "kill", **asdict(trial), "page_s": page_s}


def help_rows(pages_s: Sequence[float | None]) -> list[Row]:
    """Calls for help to the running processes."""
    return [
        {
            "part": "help",
            "n": n,
            "page_s": None if s is None else round(s, 4),
            "reason": "No page came." if s is None else "",
        }
        for n, s in enumerate(pages_s)
    ]


def load_rows(decided_s: Sequence[float | None]) -> list[Row]:
    """Events under load."""
    return [
        {
            "part": "load",
            "n": n,
            "decision_ms": None if s is None else round(1e3 * s, 2),
            "reason": "It never came to an alarm." if s is None else "",
        }
        for n, s in enumerate(decided_s)
    ]


def burden_row(burden: Burden) -> Row:
    """One rate of false events."""
    return {
        "part": "burden",
        **asdict(burden),
        "false_pages_per_resident_day": round(burden.false_pages_per_resident_day, 4),
        "paged_rate": round(burden.paged_rate, 4),
        "reason": "",
    }


def metrics_of(rows: Sequence[Row]) -> dict[str, float]:
    """The metrics of what was measured so far."""
    part: Callable[[str], list[Row]] = lambda name: [r for r in rows if r["part"] == name]  # noqa: E731
    timelines, kills, calls, load = part("timeline"), part("kill"), part("help"), part("load")
    metrics: dict[str, float] = {
        "trials": len(timelines),
        "kills": sum(r["kills"] for r in kills),
        "lost": sum(r["lost"] for r in timelines)
        + sum(r["page_s"] is None for r in kills + calls)
        + sum(r["decision_ms"] is None for r in load),
        "shown_twice": sum(r["shown_twice"] for r in timelines) + sum(r["pages_shown"] > 1 for r in kills),
        "late": sum(r["late"] for r in timelines),
        "unmarked": sum(r["unmarked"] for r in timelines),
        "unheard": sum(r["unheard"] for r in timelines),
        "simulated_kills": sum(r["kills"] for r in timelines),
    }
    for kind in ("page", "ok_page", "disturbed_page"):
        metrics |= _percentiles([s for r in timelines for s in r[f"{kind}_s"]], kind)
    metrics |= _percentiles([r["page_s"] for r in kills if r["page_s"] is not None], "killed_page")
    metrics |= _percentiles([r["page_s"] for r in calls if r["page_s"] is not None], "help_to_page")
    if load:
        metrics |= percentiles_ms(
            [r["decision_ms"] / 1e3 for r in load if r["decision_ms"] is not None], "decision"
        )
    for row in part("burden"):
        if row["false_rate"] == RATE:
            suffix = "_redrawn" if row["independent"] else ""
            metrics[f"false_pages_per_resident_day{suffix}"] = row["false_pages_per_resident_day"]
            if not row["independent"]:
                metrics["injected_paged_rate"] = row["paged_rate"]
    return metrics


def _percentiles(seconds: Sequence[float], prefix: str) -> dict[str, float]:
    if not seconds:
        return {}
    p50, p95 = np.percentile(seconds, [50, 95])
    return {f"{prefix}_p50_s": round(float(p50), 3), f"{prefix}_p95_s": round(float(p95), 3)}


def write(rows: Sequence[Row], seed: int, path: Path) -> Report:
    """Write what was measured so far."""
    report = Report(COMMAND, seed, metrics_of(rows), rows)
    report.write(path)
    return report


def read_rows(path: Path, seed: int) -> list[Row]:
    """The rows of an earlier run to go on with; none where there is no report.

    Raises
    ------
    BenchError
        It cannot be read, is of another measurement, or of another seed.
    """
    if not path.exists():
        return []
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        command, before, rows = content["command"], content["seed"], content["trials"]
        metrics_of(rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchError(f"{path} is no report of `{COMMAND}` ({error}); give --out another file.") from error
    if command != COMMAND or before != seed:
        raise BenchError(
            f"{path} is of `{command}` with the seed {before}; give that --seed, or another --out."
        )
    return list(rows)
