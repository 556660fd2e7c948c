"""Pictures of an evaluation of falls: what was measured on each clip, and what the score is worth."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from care_robot.evaluation.drawing import (
    BAD,
    FAINT,
    FIRST,
    GOOD,
    INK,
    LIMIT,
    SECOND,
    THIRD,
    new_figure,
    plain,
    save,
    tidy,
)
from care_robot.evaluation.fall_manifest import Label
from care_robot.evaluation.fall_scoring import Scored, confirmation_s, wilson, window_s
from care_robot.evaluation.fall_watch import Look
from care_robot.perception.bodies import SHOULDERS, middle
from care_robot.perception.fall_events import FallEvent, Kind, State
from care_robot.perception.people import Person

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DROP_OVER_S = 1.5  # hips are compared with their highest place in this time
SPEED_OVER_S = 0.3  # speeds are means over this time
SPEED_SHOWN = 8.0  # torso lengths a second; beyond lie jumps of the pose model
BINS = 5
PEOPLE_COLOURS = (FIRST, SECOND, THIRD, GOOD)
STATE_COLOURS = {State.SUSPECTED: SECOND, State.CONFIRMED: LIMIT, State.RECOVERED: FAINT}


def draw_timeline(scored: Scored, looks: Sequence[Look], path: Path) -> None:
    """Draw what was measured on the people of a clip, and what came of it."""
    figure = new_figure(10.0, 8.5)
    rows = figure.subplots(5, 1, sharex=True, height_ratios=(3, 3, 3, 2.4, 1.4))
    inclination, height, speed, score, events = rows
    for axes in rows:
        _shade(axes, scored)
    for n, sightings in enumerate(_by_person(looks)):
        _draw_person(sightings, (inclination, height, speed), PEOPLE_COLOURS[n % len(PEOPLE_COLOURS)])
    unseen = [look.t_s for look in looks if not look.bodies]
    inclination.plot(unseen, [-8.0] * len(unseen), "|", color=BAD, markersize=5, label="nobody seen")
    inclination.set_ylim(-14.0, 182.0)
    inclination.set_yticks([0, 45, 90, 135, 180])
    height.plot([], [], "-", color=INK, label="height over the ankles, leg lengths")
    height.plot([], [], ":", color=INK, label="drop within 1.5 s, torso lengths")
    for axes in (inclination, height):
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0.0, 0.97), ncols=2, fontsize=8)
    speed.set_ylim(-2.0, SPEED_SHOWN)
    _draw_events(looks, score, events)
    words = ("torso, °", "hips", "shoulders down,\ntorso lengths/s", "score")
    for axes, word in zip(rows, words, strict=False):
        tidy(axes, y=word)
    tidy(events, "seconds from the start of the clip")
    clip = scored.clip
    mark = "right" if scored.right and not scored.reason else "wrong" if not scored.right else "right, but"
    title = f"{clip.file}  ·  {clip.label.value}  ·  {clip.activity}  ·  {clip.group}  ·  {mark}"
    lines = [title, *textwrap.wrap(scored.reason, 150)]
    figure.suptitle(
        plain("\n".join(lines)), x=0.01, ha="left", fontsize=9, color=BAD if scored.reason else GOOD
    )
    save(figure, path)


def _shade(axes: Axes, scored: Scored) -> None:
    clip = scored.clip
    if clip.label is Label.FALL:
        begin_s, end_s = window_s(clip)
        axes.axvspan(begin_s, end_s, color=SECOND, alpha=0.10, linewidth=0)
        axes.axvspan(clip.fall_start_s, clip.fall_end_s, color=SECOND, alpha=0.25, linewidth=0)
    axes.axvspan(scored.duration_s, scored.duration_s + 10.0, color=FAINT, alpha=0.4, linewidth=0, hatch="//")
    axes.set_xlim(0.0, scored.duration_s + 2.0)
    for event in scored.alarms:
        colour = LIMIT if event.kind is Kind.FALL else THIRD
        axes.axvline(confirmation_s(event), color=colour, linestyle="--", linewidth=1.0)


def _by_person(looks: Iterable[Look]) -> list[list[tuple[float, Person]]]:
    people: dict[str, list[tuple[float, Person]]] = {}
    for look in looks:
        for person in look.people:
            people.setdefault(person.id, []).append((look.t_s, person))
    return [sightings for sightings in people.values() if len(sightings) > 1]


def _draw_person(
    sightings: Sequence[tuple[float, Person]], rows: tuple[Axes, Axes, Axes], colour: str
) -> None:
    inclination, height, speed = rows
    people = [person for _, person in sightings]
    times = np.array([t_s for t_s, _ in sightings])
    torso = max(1e-3, float(np.median([person.torso_length for person in people])))
    hips = np.array([person.hip[1] for person in people]) / torso
    shoulders = np.array([middle(person.body.image, SHOULDERS)[1] for person in people]) / torso
    gaps = np.concatenate(([False], np.diff(times) > SPEED_OVER_S))  # no line over what was not seen
    drop = [hips[n] - hips[: n + 1][times[: n + 1] >= t_s - DROP_OVER_S].min() for n, t_s in enumerate(times)]
    before = np.interp(times - SPEED_OVER_S, times, shoulders)
    down = np.where(times >= times[0] + SPEED_OVER_S, (shoulders - before) / SPEED_OVER_S, math.nan)

    def draw(axes: Axes, values: Iterable[float], style: str) -> None:
        axes.plot(times, np.where(gaps, math.nan, np.array(list(values))), style, color=colour, linewidth=1.3)

    draw(inclination, (math.degrees(person.torso_inclination_rad) for person in people), "-")
    draw(height, (person.hip_height for person in people), "-")
    draw(height, drop, ":")
    draw(speed, np.clip(down, -2.0, SPEED_SHOWN), "-")


def _draw_events(looks: Sequence[Look], score: Axes, lanes: Axes) -> None:
    history: dict[tuple[str, Kind], list[tuple[float, FallEvent]]] = {}
    for look in looks:
        for event in look.events:
            history.setdefault((event.id, event.kind), []).append((look.t_s, event))
    for n, ((_, kind), states) in enumerate(history.items()):
        times = [t_s for t_s, _ in states]
        colour = LIMIT if kind is Kind.FALL else THIRD
        score.step(times, [event.score for _, event in states], where="post", color=colour)
        for state, state_colour in STATE_COLOURS.items():
            during = [t_s for t_s, event in states if event.state is state]
            if during:
                lanes.barh(-n, during[-1] - during[0], left=during[0], height=0.7, color=state_colour)
                lanes.text(during[0], -n, f" {state.name.lower()}", va="center", fontsize=7, color="white")
    score.axhline(0.5, color=INK, linewidth=0.6, linestyle=":")
    score.set_ylim(0.0, 1.05)
    lanes.set_yticks([-n for n in range(len(history))], [kind.name.lower() for _, kind in history])
    lanes.set_ylim(-max(len(history), 1) + 0.4, 0.6)


def draw_confusion(scored: Sequence[Scored], path: Path) -> None:
    """Draw how many clips of each label came to an alarm; an alarm outside a fall's window is none for it."""
    figure = new_figure(4.6, 3.4)
    axes = figure.add_subplot()
    for row, label in enumerate(Label):
        of_label = [s for s in scored if s.clip.label is label]
        alarms = sum(s.right is (label is Label.FALL) for s in of_label)
        for column, count in enumerate((alarms, len(of_label) - alarms)):
            colour = GOOD if row == column else BAD
            share = count / max(1, len(of_label))
            axes.barh(row, 1.0, left=column, height=1.0, color=colour, alpha=0.1 + 0.6 * share)
            axes.text(column + 0.5, row, f"{count}", ha="center", va="center", fontsize=18)
    axes.set_xticks([0.5, 1.5], ["a fall confirmed", "no fall confirmed"])
    axes.set_yticks([0, 1], ["fall", "activity"])
    axes.set_ylim(1.5, -0.5)
    axes.set_xlim(0.0, 2.0)
    axes.tick_params(length=0)
    axes.set_title("Clips", loc="left")
    save(figure, path)


def draw_reliability(scored: Sequence[Scored], path: Path) -> None:
    """Draw the share of falls among clips by their highest score of a fall, with intervals and counts."""
    figure = new_figure(6.4, 5.6)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    above.plot([0.0, 1.0], [0.0, 1.0], ":", color=INK, linewidth=0.8, label="a score that is a probability")
    places = [min(BINS - 1, int(s.score * BINS)) for s in scored]
    centres, counts = (np.arange(BINS) + 0.5) / BINS, np.zeros((2, BINS))
    for s, place in zip(scored, places, strict=True):
        counts[int(s.clip.label is Label.FALL), place] += 1
    for centre, activities, falls in zip(centres, *counts, strict=True):
        if clips := activities + falls:
            share, (low, high) = falls / clips, wilson(int(falls), int(clips))
            above.errorbar(centre, share, [[share - low], [high - share]], fmt="o", color=FIRST, capsize=4)
            above.annotate(f"  {falls:.0f} of {clips:.0f}", (centre, share), fontsize=8)
    below.bar(centres, counts[0], width=0.17, color=FIRST, label="activities")
    below.bar(centres, counts[1], width=0.17, bottom=counts[0], color=LIMIT, label="falls")
    above.set_xlim(0.0, 1.0)
    above.set_ylim(-0.03, 1.08)
    above.set_title("How far the score can be trusted", loc="left")
    tidy(above, y="share of falls")
    tidy(below, "highest score of a fall in the clip", "clips")
    above.legend(frameon=False, fontsize=8, loc="upper left")
    below.legend(frameon=False, fontsize=8)
    save(figure, path)
