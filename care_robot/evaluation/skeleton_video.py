"""Videos of what the robot saw of people, without the people: skeletons on plain ground."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from care_robot.evaluation.fall_manifest import Label
from care_robot.evaluation.fall_scoring import Scored
from care_robot.evaluation.fall_watch import Look
from care_robot.evaluation.recording import Recording
from care_robot.perception.bodies import Body, Landmark
from care_robot.perception.fall_events import State

M = Landmark
BONES: Final = (
    (M.LEFT_SHOULDER, M.RIGHT_SHOULDER),
    (M.LEFT_HIP, M.RIGHT_HIP),
    (M.MOUTH_LEFT, M.MOUTH_RIGHT),
    (M.LEFT_EYE, M.RIGHT_EYE),
    (M.LEFT_SHOULDER, M.LEFT_ELBOW),
    (M.LEFT_ELBOW, M.LEFT_WRIST),
    (M.LEFT_SHOULDER, M.LEFT_HIP),
    (M.LEFT_HIP, M.LEFT_KNEE),
    (M.LEFT_KNEE, M.LEFT_ANKLE),
    (M.LEFT_ANKLE, M.LEFT_FOOT_INDEX),
    (M.RIGHT_SHOULDER, M.RIGHT_ELBOW),
    (M.RIGHT_ELBOW, M.RIGHT_WRIST),
    (M.RIGHT_SHOULDER, M.RIGHT_HIP),
    (M.RIGHT_HIP, M.RIGHT_KNEE),
    (M.RIGHT_KNEE, M.RIGHT_ANKLE),
    (M.RIGHT_ANKLE, M.RIGHT_FOOT_INDEX),
)
HEIGHT_PX = 480
BAR_PX = 40  # below the picture: time, events
GROUND, INK = (24, 28, 32), (230, 232, 235)
LEFT, RIGHT, ACROSS = (95, 168, 211), (217, 131, 36), (200, 205, 210)
STATE_COLOURS = {State.SUSPECTED: RIGHT, State.CONFIRMED: (214, 60, 60), State.RECOVERED: (120, 130, 140)}
VISIBLE = 0.5

Picture = npt.NDArray[np.uint8]


def write_skeletons(scored: Scored, looks: Sequence[Look], aspect: float, path: Path) -> None:
    """Write the skeletons of a clip as MPEG-4; `aspect` is width over height of its pictures.

    Raises
    ------
    RecordingError
        The file cannot be written.
    """
    video = Recording(path, rate_hz=scored.clip.fps)
    for look in looks:
        video.add(_draw(scored, look, looks[-1].t_s, aspect), look.t_s)
    video.close()


def _draw(scored: Scored, look: Look, end_s: float, aspect: float) -> Picture:
    width_px = 2 * math.ceil(0.5 * min(max(aspect, 0.25), 4.0) * HEIGHT_PX)
    picture = np.full((HEIGHT_PX + BAR_PX, width_px, 3), GROUND, np.uint8)
    for body in look.bodies:
        if body.usable():
            _draw_body(picture[:HEIGHT_PX], body)
    _draw_bar(picture, scored, look, end_s)
    return picture


def _draw_body(picture: Picture, body: Body) -> None:
    height_px, width_px = picture.shape[:2]
    # Far outside the picture OpenCV's integers would overflow.
    points = np.clip(body.image, -2.0, 3.0) * (width_px, height_px)
    for a, b in BONES:
        sides = {mark.name.split("_")[0] for mark in (a, b)}
        colour = LEFT if sides == {"LEFT"} else RIGHT if sides == {"RIGHT"} else ACROSS
        seen = min(body.visibility[a], body.visibility[b]) >= VISIBLE
        shade = tuple(int(c if seen else 0.4 * c + 0.6 * g) for c, g in zip(colour, GROUND, strict=True))
        begin, end = ((round(x), round(y)) for x, y in (points[a], points[b]))
        cv2.line(picture, begin, end, shade, 3 if seen else 1, cv2.LINE_AA)


def _draw_bar(picture: Picture, scored: Scored, look: Look, end_s: float) -> None:
    width_px, top = picture.shape[1], HEIGHT_PX

    def along(t_s: float) -> int:
        return int(np.clip(t_s / max(end_s, 1e-6), 0.0, 1.0) * (width_px - 1))

    picture[top:] = (40, 46, 52)
    clip = scored.clip
    if clip.label is Label.FALL:
        picture[top : top + 6, along(clip.fall_start_s) : along(clip.fall_end_s) + 1] = (217, 180, 60)
    picture[top : top + 12, along(look.t_s) : along(look.t_s) + 2] = INK
    held = " (held)" if look.t_s >= scored.duration_s - 1e-6 else ""
    _write(picture, f"{look.t_s:6.2f} s{held}", 6, INK)
    for n, event in enumerate(look.events[-2:]):
        words = f"{event.kind.name.lower()} {event.state.name.lower()} {event.score:.2f}"
        _write(picture, words, 150 + 230 * n, STATE_COLOURS[event.state])


def _write(picture: Picture, words: str, x: int, colour: tuple[int, int, int]) -> None:
    cv2.putText(picture, words, (x, HEIGHT_PX + 31), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
