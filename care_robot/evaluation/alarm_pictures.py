"""Pictures beside the report of ``bench alarms``."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from care_robot.evaluation.alarm_report import RATE, Row
from care_robot.evaluation.drawing import FIRST, LIMIT, SECOND, THIRD, new_figure, tidy

PAGE_LIMIT_S = 75.0
BURDEN_LIMIT = 0.25


def write_pictures(rows: Sequence[Row], report: Path) -> list[Path]:
    """Draw the time to page and the burden to PNG files beside the report; those for which there is data."""
    pictures = {"pages": _draw_pages(rows), "burden": _draw_burden(rows)}
    paths = []
    for name, picture in pictures.items():
        if picture is not None:
            paths.append(report.with_name(f"{report.stem}_{name}.png"))
            paths[-1].write_bytes(picture)
    return paths


def _draw_pages(rows: Sequence[Row]) -> bytes | None:
    timelines = [r for r in rows if r["part"] == "timeline"]
    kinds = ("page_s", "ok_page_s", "disturbed_page_s")
    clean, after_ok, disturbed = ([s for r in timelines for s in r[kind]] for kind in kinds)
    killed = [r["page_s"] for r in rows if r["part"] == "kill" and r["page_s"] is not None]
    if not (clean or after_ok or disturbed or killed):
        return None
    figure = new_figure(10.0, 6.0)
    above, below = figure.subplots(2, 1)
    edges = [10.0 * n for n in range(41)]
    shown = [[min(s, edges[-1]) for s in seconds] for seconds in (clean, after_ok, disturbed)]
    labels = ["nothing in the way", "said OK, but did not get up", "process down or a channel in trouble"]
    above.hist(shown, bins=edges, stacked=True, color=[FIRST, THIRD, SECOND], label=labels)
    above.axvline(PAGE_LIMIT_S, color=LIMIT, linestyle="--", label=f"limit, {PAGE_LIMIT_S:g} s")
    above.set_title(
        "Falls that nobody answered: from the event to the first page (default time-outs)", loc="left"
    )
    below.hist(killed, bins=30, color=FIRST)
    below.set_title("The same with real processes killed at the worst moments (short time-outs)", loc="left")
    for axes in (above, below):
        tidy(axes, "seconds", "events")
    above.legend(frameon=False)
    return _png(figure)


def _draw_burden(rows: Sequence[Row]) -> bytes | None:
    burdens = [r for r in rows if r["part"] == "burden"]
    if not burdens:
        return None
    figure = new_figure(10.0, 5.0)
    axes = figure.add_subplot()
    for independent, colour, label in (
        (False, FIRST, "answers the same however often asked"),
        (True, SECOND, "each answer drawn anew"),
    ):
        of_kind = sorted(
            (r for r in burdens if r["independent"] is independent), key=lambda r: r["false_rate"]
        )
        rates = [r["false_rate"] for r in of_kind]
        pages = [r["false_pages_per_resident_day"] for r in of_kind]
        axes.plot(rates, pages, "o-", color=colour, label=label)
    axes.plot(
        [RATE], [BURDEN_LIMIT], "_", color=LIMIT, markersize=30, markeredgewidth=3, label="limit at one a day"
    )
    ticks = sorted({r["false_rate"] for r in burdens})
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.set_ylim(bottom=0.0)
    axes.set_title("How many false pages come of how many false events", loc="left")
    tidy(axes, "false fall events a resident a day", "false pages a resident a day")
    axes.legend(frameon=False)
    return _png(figure)


def _png(figure: Any) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()
