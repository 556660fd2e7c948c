"""Bodies in images, by MediaPipe's pose landmarker on the CPU."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from care_robot.perception.bodies import HIPS, SHOULDERS, TORSO, Body, middle
from care_robot.perception.pose_model import build_bundle, cached_bundle

if TYPE_CHECKING:
    from mediapipe.tasks.python.vision import PoseLandmarker

# What MediaPipe's C++ side always writes to stderr when it starts and no setting turns off.
_NOISE = re.compile(
    r"All log messages before absl|task_runner\.cc|gl_context|XNNPACK delegate|inference_feedback_manager"
)


class PoseEstimator:
    """Finds bodies in a stream of images; keeps where they were to find them faster in the next one.

    Parameters
    ----------
    max_bodies : int
        Most bodies found in one image. With 1, a second person is not noticed while the first is followed.
    min_score : float
        Confidence below which a body is not one, 0 to 1.

    Raises
    ------
    PoseModelError
        The model cannot be made.
    """

    def __init__(self, max_bodies: int = 2, min_score: float = 0.5) -> None:
        self._settings = max_bodies, min_score
        self._landmarker = self._open()
        self._stamp_ms = 0
        self._last_s: float | None = None

    def detect(self, rgb: npt.NDArray[np.generic], t_s: float) -> list[Body]:
        """Bodies in an image.

        Parameters
        ----------
        rgb : (h, w, 3) uint8 array
            The image, red first.
        t_s : float
            Time of the image, s. May jump: clips loop, and simulations start again.

        Returns
        -------
        list of Body
            Surest first. Empty when nobody is seen.

        Raises
        ------
        ValueError
            The array is not an image.
        """
        check_image(rgb)
        # MediaPipe wants stamps that grow; a jump back or a long gap counts as one small step.
        step_s = 0.0 if self._last_s is None else t_s - self._last_s
        self._stamp_ms += round(1000.0 * min(step_s, 1.0)) if step_s > 0.001 else 1
        self._last_s = t_s
        result = self._landmarker.detect_for_video(_to_mediapipe(rgb), self._stamp_ms)
        return without_doubles(_bodies(result), rgb.shape[1] / rgb.shape[0])

    def forget(self) -> None:
        """Start as new, so that what follows does not depend on what was seen before. Takes about 0.3 s."""
        self._landmarker.close()
        self._landmarker = self._open()
        self._stamp_ms, self._last_s = 0, None

    def close(self) -> None:
        """Free the model."""
        self._landmarker.close()

    def _open(self) -> PoseLandmarker:
        return _open_landmarker(*self._settings, video=True)


class PictureEstimator:
    """Finds the body in single pictures: each by itself, with nothing kept from the one before.

    Parameters
    ----------
    min_score : float
        Confidence below which a body is not one, 0 to 1.

    Raises
    ------
    PoseModelError
        The model cannot be made.
    """

    def __init__(self, min_score: float = 0.5) -> None:
        self._landmarker = _open_landmarker(1, min_score, video=False)

    def detect(self, rgb: npt.NDArray[np.generic]) -> Body | None:
        """Return the surest body in a (h, w, 3) uint8 picture; None when nobody is seen."""
        check_image(rgb)
        return next(iter(_bodies(self._landmarker.detect(_to_mediapipe(rgb)))), None)

    def close(self) -> None:
        """Free the model."""
        self._landmarker.close()


def check_image(rgb: npt.NDArray[np.generic]) -> None:
    """Raise a ValueError for an array that is not a (h, w, 3) uint8 picture."""
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
        raise ValueError(f"An image must be (h, w, 3) uint8, not {rgb.shape} {rgb.dtype}.")


def without_doubles(bodies: list[Body], aspect: float) -> list[Body]:
    """Each body once, surest first: the model sometimes finds one person twice.

    Two bodies are one where hips and shoulders both lie within half a torso of each other.
    """
    kept: list[Body] = []
    for body in sorted(bodies, key=lambda b: -b.score):
        points = body.points(aspect)
        hip, shoulder = middle(points, HIPS), middle(points, SHOULDERS)
        for other in kept:
            others = other.points(aspect)
            other_hip, other_shoulder = middle(others, HIPS), middle(others, SHOULDERS)
            near = 0.5 * float(np.linalg.norm(other_shoulder - other_hip))
            if np.linalg.norm(hip - other_hip) < near and np.linalg.norm(shoulder - other_shoulder) < near:
                break
        else:
            kept.append(body)
    return kept


def _to_mediapipe(rgb: npt.NDArray[np.generic]) -> Any:
    from mediapipe import Image, ImageFormat  # noqa: PLC0415 (0.5 s and 100 MB: only who looks pays)

    return Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(rgb))


def _bodies(result: Any) -> list[Body]:
    return [
        _body(landmarks, world)
        for landmarks, world in zip(result.pose_landmarks, result.pose_world_landmarks, strict=True)
    ]


def _body(landmarks: list[Any], world: list[Any]) -> Body:
    presence = np.array([mark.presence for mark in landmarks])
    return Body(
        image=np.array([(mark.x, mark.y) for mark in landmarks]),
        world=np.array([(mark.x, mark.y, mark.z) for mark in world]),
        visibility=np.array([mark.visibility for mark in landmarks]),
        score=float(presence[list(TORSO)].mean()),
    )


def _open_landmarker(max_bodies: int, min_score: float, *, video: bool) -> PoseLandmarker:
    from mediapipe.tasks.python import BaseOptions, vision  # noqa: PLC0415 (0.5 s and 100 MB)

    try:
        base = BaseOptions(model_asset_path=str(cached_bundle()))
    except OSError:  # a full or read-only disk must not make the robot blind
        base = BaseOptions(model_asset_buffer=build_bundle())
    options = vision.PoseLandmarkerOptions(
        base_options=base,
        running_mode=vision.RunningMode.VIDEO if video else vision.RunningMode.IMAGE,
        num_poses=max_bodies,
        min_pose_detection_confidence=min_score,
        min_pose_presence_confidence=min_score,
        min_tracking_confidence=min_score,
    )
    with _quiet_stderr():
        landmarker = vision.PoseLandmarker.create_from_options(options)
        black = _to_mediapipe(np.zeros((64, 64, 3), np.uint8))  # the first call is slow and noisy
        if video:
            landmarker.detect_for_video(black, 0)
        else:
            landmarker.detect(black)
    return landmarker


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hold back what is written to the process's stderr, and pass on what is not known noise."""
    sys.stderr.flush()
    original = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(original, 2)
            os.close(original)
            held.seek(0)
            for line in held.read().decode(errors="replace").splitlines(keepends=True):
                if not _NOISE.search(line):
                    sys.stderr.write(line)
