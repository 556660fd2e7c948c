"""``bench falls``, one trial: a rendered story, looked at as the nodes do, and what came of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from care_robot.evaluation.fall_bench_recipe import ON_FLOOR_ON_PURPOSE, Camera, Part, Trial, has_visitor
from care_robot.evaluation.fall_bench_stage import Stage, StagingError
from care_robot.evaluation.fall_bench_view import FPS, Played, Truth
from care_robot.evaluation.fall_scoring import EARLY_S, LATE_S, confirmation_s
from care_robot.evaluation.fall_watch import FallWatch, Look
from care_robot.evaluation.skeleton_video import BONES
from care_robot.perception.bodies import Body
from care_robot.perception.fall_events import FallEvent, Kind, State

Row = dict[str, Any]
Picture = npt.NDArray[np.uint8]

LYING_LATE_S = 12.5
"""After somebody has come to lie, in which they must be told as fallen or as lying."""
_SHEET_PX = (256, 192)
_SHEET_COLUMNS = 6
SHEET_EVERY = 4
"""Every so many pictures one is on the sheet of a failed trial."""


@dataclass
class Watched:
    """A trial that was played and looked at."""

    played: Played
    looks: list[Look]
    truths: list[Body] = field(default_factory=list)
    thumbnails: list[Picture] = field(default_factory=list)
    trunk_deg: int = 0
    """Of the true trunk at the end, from upright: who ends propped against furniture has less than 90."""
    wall_s: float = 0.0
    cpu_s: float = 0.0


def watch(stage: Stage, played: Played, *, truths: bool = False) -> Watched:
    """Look at a story that was played; with the true landmarks of each picture where `truths`."""
    begin_s, begin_cpu_s = time.monotonic(), time.process_time()
    trial, watched = played.trial, Watched(played, [])
    watcher = FallWatch(
        f"{played.truth.room}_camera" if trial.camera is Camera.ROOM else "head_camera",
        seed=trial.n,
        up=played.up,
        lens=played.lens,
        places=stage.places,
    )
    try:
        for n, picture in enumerate(stage.pictures(played)):
            look = watcher.look(picture, n / FPS)
            watched.looks.append(look)
            if n % SHEET_EVERY == 0:
                watched.thumbnails.append(_thumbnail(picture, look))
    finally:
        watcher.close()
    last = stage.landmarks(played, len(played.states) - 1)
    watched.trunk_deg = round(math.degrees(last.torso_inclination(played.up)))
    if truths:
        watched.truths = [stage.landmarks(played, n) for n in range(len(played.states))]
    watched.wall_s, watched.cpu_s = time.monotonic() - begin_s, time.process_time() - begin_cpu_s
    return watched


def confirmed(looks: Sequence[Look]) -> list[FallEvent]:
    """Every event as it was when it was confirmed, by time."""
    events: dict[tuple[str, Kind], FallEvent] = {}
    for look in looks:
        for event in look.events:
            if event.state is State.CONFIRMED:
                events.setdefault((event.id, event.kind), event)
    return sorted(events.values(), key=confirmation_s)


def judge(trial: Trial, truth: Truth, events: Sequence[FallEvent]) -> tuple[bool, int, str]:
    """Whether a trial went right, how many of its confirmed events are false, and why, in a sentence.

    A fall is found by an event of kind FALL within the window of `eval falls`; a slow slide, and somebody
    found lying, also by one of kind LYING. In an activity every FALL is false, and so is LYING of somebody
    who does not lie on the floor.
    """
    falls = [e for e in events if e.kind is Kind.FALL]
    lyings = [e for e in events if e.kind is Kind.LYING]
    if trial.part is Part.ACTIVITY:
        false = falls + ([] if trial.kind in ON_FLOOR_ON_PURPOSE else lyings)
        if not false:
            return True, 0, ""
        what = "A fall" if false[0].kind is Kind.FALL else "Somebody lying"
        return (
            False,
            len(false),
            f"{what} was confirmed at {confirmation_s(false[0]):.1f} s: {evidence(false[0])}.",
        )
    early_s, late_s = truth.begin_s - EARLY_S, truth.end_s + LATE_S
    found = [e for e in falls if early_s <= confirmation_s(e) <= late_s]
    if trial.kind == "slide" or trial.part is Part.LYING:
        found = [e for e in events if early_s <= confirmation_s(e) <= truth.end_s + LYING_LATE_S]
    false = [e for e in events if confirmation_s(e) < early_s]
    if found:
        return True, len(false), ""
    late = [e for e in events if confirmation_s(e) > early_s]
    if late:
        what = "somebody lying" if late[0].kind is Kind.LYING else "the fall"
        after_s = confirmation_s(late[0]) - truth.end_s
        why = f"{what} was confirmed {after_s:.1f} s after the end: {evidence(late[0])}"
    else:
        why = "nothing was confirmed"
    return False, len(false), f"Missed; {why}."


def evidence(event: FallEvent) -> str:
    """What an event rests on, in words."""
    return ", ".join(f"{e.name} {e.value:.2f} {e.unit}" for e in event.evidence) or "no evidence"


def row_of(watched: Watched) -> Row:
    """What the report says of a trial."""
    trial, truth = watched.played.trial, watched.played.truth
    events = confirmed(watched.looks)
    right, false, reason = judge(trial, truth, events)
    falling = [e for e in events if e.kind is Kind.FALL and confirmation_s(e) >= truth.begin_s - EARLY_S]
    frames = len(watched.looks)
    after = watched.looks[max(0, math.ceil(truth.end_s * FPS)) :] if not math.isnan(truth.end_s) else []
    return {
        "part": trial.part.value,
        "n": trial.n,
        "kind": trial.kind,
        "right": right,
        "false_events": false,
        "reason": reason,
        "body": trial.body,
        "room": truth.room,
        "camera": trial.camera.name.lower(),
        "distance_m": truth.distance_m,
        "octant": truth.octant,
        "light": trial.light,
        "carries": trial.carries,
        "visitor": trial.visitor,
        "moving": trial.moving,
        "begin_s": _number(truth.begin_s),
        "end_s": _number(truth.end_s),
        "trunk_deg": watched.trunk_deg,
        "latency_s": _number(confirmation_s(falling[0]) - truth.end_s if falling else math.nan),
        "events": [
            {
                "kind": e.kind.name.lower(),
                "confirmed_s": _number(confirmation_s(e)),
                "score": round(e.score, 2),
            }
            for e in events
        ],
        "seconds": round(frames / FPS, 1),
        "in_sight": truth.in_sight,
        "pose_share": round(sum(bool(look.bodies) for look in watched.looks) / frames, 2),
        "lying_pose_share": _number(
            sum(bool(look.bodies) for look in after) / len(after) if after else math.nan
        ),
        "wall_s": round(watched.wall_s, 1),
        "cpu_s": round(watched.cpu_s, 1),
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 2)


def unstaged_row(trial: Trial, why: str) -> Row:
    """What the report says of a trial that could not be staged: it counts for nothing."""
    return {"part": "unstaged", "n": trial.n, "kind": trial.kind, "of": trial.part.value, "reason": why}


# --- in worker processes ------------------------------------------------------------------------------

_stage: tuple[tuple[int, int], Stage] | None = None


def run(
    seed: int, part: Part, n: int, sheets: Path | None, note: Callable[[Watched], None] | None = None
) -> Row:
    """Run a trial; draws a failed one into the folder `sheets`. The stage of the last body is kept."""
    global _stage  # noqa: PLW0603 (one for each process: it takes seconds to build)
    trial = Trial.of(seed, part, n)
    if _stage is None or _stage[0] != (seed, trial.body):
        close()
        _stage = (seed, trial.body), Stage(seed, trial.body, visitor=has_visitor(trial.body))
    try:
        watched = watch(_stage[1], _stage[1].play(trial), truths=note is not None)
    except StagingError as error:
        return unstaged_row(trial, str(error))
    row = row_of(watched)
    if note is not None:
        note(watched)
    if sheets is not None and (row["reason"] or row["false_events"]):
        draw_sheet(watched, row, sheets / f"{trial.name}.png")
    return row


def close() -> None:
    """Free what `run` keeps."""
    global _stage  # noqa: PLW0603 (see run)
    if _stage is not None:
        _stage[1].__exit__()
        _stage = None


# --- pictures of failures -----------------------------------------------------------------------------


def _thumbnail(picture: Picture, look: Look) -> Picture:
    small = cv2.resize(picture, _SHEET_PX, interpolation=cv2.INTER_AREA)
    for body in look.bodies:
        points = (body.image * _SHEET_PX).clip(-2000, 2000).astype(int)
        for first, second in BONES:
            seen = min(body.visibility[first], body.visibility[second]) >= 0.5
            colour = (255, 220, 0) if seen else (150, 110, 60)
            cv2.line(small, points[first].tolist(), points[second].tolist(), colour, 1, cv2.LINE_AA)
    open_ = [e for e in look.events if e.state is not State.RECOVERED]
    said = " ".join(
        f"{e.kind.name[0]}{'!' if e.state is State.CONFIRMED else '?'}{e.score:.2f}" for e in open_
    )
    postures = " ".join(person.posture.name.lower() for person in look.people)
    for y, words in ((12, f"{look.t_s:.1f} s {said}"), (_SHEET_PX[1] - 6, postures)):
        cv2.putText(small, words, (4, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 40, 40), 1, cv2.LINE_AA)
    return np.asarray(small, dtype=np.uint8)


def draw_sheet(watched: Watched, row: Row, path: Path) -> None:
    """Write a trial as a sheet of pictures with what was seen in them, and why it is wrong above."""
    width, height = _SHEET_PX
    rows = math.ceil(len(watched.thumbnails) / _SHEET_COLUMNS)
    sheet = np.full((40 + rows * height, _SHEET_COLUMNS * width, 3), 30, np.uint8)
    view = f"{row['camera']} {row['distance_m']} m, octant {row['octant']}, {row['light']}"
    title = f"{watched.played.trial.name}  {view}"
    title += f"  fall {row['begin_s']} to {row['end_s']} s" if row["end_s"] is not None else ""
    for y, words in ((15, title), (33, row["reason"])):
        cv2.putText(sheet, words, (6, y), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (235, 235, 235), 1, cv2.LINE_AA)
    for n, small in enumerate(watched.thumbnails):
        y, x = 40 + n // _SHEET_COLUMNS * height, n % _SHEET_COLUMNS * width
        sheet[y : y + height, x : x + width] = small
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
