"""A picture of one run of a scenario: what happened to whom, and which expectations held."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from care_robot.evaluation.expectations import Happened, State
from care_robot.evaluation.scenario_run import Judged, Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, FAINT, GOOD, BAD, OPEN = "#22303c", "#c9d1d9", "#1a7f4b", "#c22f2f", "#8a6d00"
POSTURE_COLOURS = {
    "standing": "#9ecbe8",
    "walking": "#5fa8d3",
    "sitting": "#b7d9b1",
    "bending": "#e5d59a",
    "crouching": "#e5d59a",
    "kneeling": "#e5d59a",
    "lying_on_furniture": "#b9a9d6",
    "lying_on_floor": "#e39a8b",
    "lying": "#e39a8b",
}
MARKS = {State.PASSED: ("✓", GOOD), State.FAILED: ("✗", BAD), State.PENDING: ("?", OPEN)}


class PictureError(Exception):
    """The picture cannot be written; the message says why."""


def write_picture(outcome: Outcome, path: Path) -> None:
    """Draw a run to a PNG file; PictureError where it cannot be written."""
    picture = io.BytesIO()
    _draw(outcome, picture)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture.getvalue())
    except OSError as error:
        raise PictureError(f"The picture {path} cannot be written: {error.strerror}.") from None


def _draw(outcome: Outcome, to: io.BytesIO) -> None:
    # Imported late: it takes most of a second. A figure of its own: pyplot keeps a global state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    end_s = max(outcome.end_s, 1.0)
    lanes = _lanes(outcome)
    rows = len(lanes) + len(outcome.expectations)
    figure = Figure(figsize=(13.0, 1.6 + 0.42 * rows), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for n, (_, draw) in enumerate(lanes):
        draw(axes, -n, end_s)
    for n, judged in enumerate(outcome.expectations):
        _expectation(axes, -(len(lanes) + n), judged, end_s)
    axes.axhline(-len(lanes) + 0.5, color=INK, linewidth=0.8)
    axes.set_yticks(
        [-n for n in range(rows)],
        [name for name, _ in lanes] + [f"expect {n + 1}" for n in range(len(outcome.expectations))],
    )
    axes.set_xlim(-0.02 * end_s, end_s * 1.02)
    axes.set_ylim(-rows + 0.4, 0.6)
    axes.set_xlabel("simulated seconds from the start")
    axes.grid(axis="x", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    mark, colour = ("✓ passed", GOOD) if outcome.passed else ("✗ failed", BAD)
    axes.set_title(
        f"{outcome.name} · {outcome.sim} · seed {outcome.seed} · {mark}",
        loc="left",
        color=colour,
        weight="bold",
    )
    if outcome.reason:
        axes.text(
            0.0, 1.005, _short(_plain(outcome.reason), 150), transform=axes.transAxes, fontsize=8, color=BAD
        )
        axes.set_title(axes.get_title(loc="left"), loc="left", color=colour, weight="bold", pad=16)
    figure.savefig(to, format="png")


def _lanes(outcome: Outcome) -> list[tuple[str, "_Lane"]]:
    """The lanes from above to below, without those in which nothing is."""
    log, lanes = outcome.log, list[tuple[str, _Lane]]()
    for who in dict.fromkeys(w.subject for w in log if w.kind == "person"):
        lanes.append((f"{who} (truth)", _Bars([w for w in log if w.kind == "person" and w.subject == who])))
    for lane in dict.fromkeys(d.lane for d in outcome.done):
        points = [(d.t_s, d.words) for d in outcome.done if d.lane == lane]
        lanes.append(
            (f"{lane} does" if lane not in ("fault", "spawn", "operator") else lane, _Points(points, INK))
        )
    if events := [(w.t_s, w.words) for w in log if w.kind == "event"]:
        lanes.append(("fall events", _Points(events, BAD)))
    if said := [(w.t_s, "asks" if w.values["question"] else "says") for w in log if w.kind == "spoken"]:
        lanes.append(("robot", _Points(said, "#5b4ba0")))
    if alarms := [w for w in log if w.kind == "alarm"]:
        lanes.append(
            ("alarms", _Points([(w.t_s, w.words.removeprefix("alarm ")) for w in alarms], "#d98324"))
        )
    if pages := [w for w in log if w.kind == "paged"]:
        lanes.append(("pages", _Points([(w.t_s, w.words) for w in pages], "#a0522d")))
    return lanes


class _Bars:
    """What a person really does, as coloured bars."""

    def __init__(self, states: Sequence[Happened]) -> None:
        self._states = states

    def __call__(self, axes: "Axes", y: float, end_s: float) -> None:
        ends = [*(w.t_s for w in self._states[1:]), end_s]
        for what, until_s in zip(self._states, ends, strict=True):
            begin_s, posture = max(what.t_s, 0.0), str(what.values["posture"])
            if until_s <= begin_s:
                continue
            colour = POSTURE_COLOURS.get(posture, FAINT)
            axes.barh(y, until_s - begin_s, left=begin_s, height=0.6, color=colour, edgecolor="white")
            if (room := int(110 * (until_s - begin_s) / end_s)) >= 5:
                axes.text(begin_s, y, " " + _short(posture.replace("_", " "), room), va="center", fontsize=7)


class _Points:
    """Things that happened, each as a mark with words beside it where there is room."""

    def __init__(self, points: Sequence[tuple[float, str]], colour: str) -> None:
        self._points = points  # by time, as in the log
        self._colour = colour

    def __call__(self, axes: "Axes", y: float, end_s: float) -> None:
        nexts = [*(t for t, _ in self._points[1:]), end_s * 1.02]
        axes.plot(
            [t for t, _ in self._points], [y] * len(self._points), "|", color=self._colour, markersize=11
        )
        waiting: list[str] = []
        for (t_s, words), next_s in zip(self._points, nexts, strict=True):
            waiting = list(dict.fromkeys([*waiting, words]))
            room = int(120 * (next_s - t_s) / end_s)
            if room >= 6:
                axes.text(t_s, y, " " + _short(_plain(", ".join(waiting)), room), va="center", fontsize=7)
                waiting = []


_Lane = _Bars | _Points


def _expectation(axes: "Axes", y: float, judged: Judged, end_s: float) -> None:
    mark, colour = MARKS[judged.verdict.state]
    begin_s, limit_s = judged.window_s or (0.0, end_s)
    limit_s = min(limit_s, end_s)
    style = "//" if judged.never else None
    axes.barh(
        y,
        limit_s - begin_s,
        left=begin_s,
        height=0.55,
        color=colour,
        alpha=0.16,
        hatch=style,
        edgecolor=colour,
    )
    if judged.verdict.t_s is not None:
        axes.plot([judged.verdict.t_s], [y], "|", color=colour, markersize=18, markeredgewidth=3)
    words = _short(_plain(f"{mark} {judged.words}"), 150)
    beside = limit_s < 0.4 * end_s  # else within it, from its left, or right where that is nearer to the edge
    x_s, side = (
        (limit_s, "left") if beside else (begin_s, "left") if begin_s < 0.5 * end_s else (end_s, "right")
    )
    axes.text(x_s, y, f"  {words}  ", va="center", ha=side, fontsize=7.5, color=INK)


def _short(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(0, room - 1)] + "…"


def _plain(text: str) -> str:
    """Text that the font at hand can show: Korean letters as a box each would tell nobody anything."""
    return "".join(c if ord(c) < 0x1100 or 0x2000 <= ord(c) < 0x2800 else "·" for c in text).replace("$", "")
