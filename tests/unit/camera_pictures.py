"""What a fixed camera shows of a room that is drawn: furniture, light, noise, and what goes wrong with it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
WIDTH, HEIGHT = 640, 480


class DrawnRoom:
    """A room of its own for each seed; `noise` is the sensor's, in grey levels."""

    def __init__(
        self, seed: int = 0, *, width: int = WIDTH, height: int = HEIGHT, noise: float = 1.5
    ) -> None:
        rng = np.random.default_rng(seed)
        canvas = np.full((HEIGHT, WIDTH, 3), (190, 185, 175), np.uint8)
        canvas[300:] = (130, 105, 80)
        for _ in range(25):
            x, y = int(rng.integers(0, WIDTH)), int(rng.integers(60, HEIGHT))
            size = rng.integers(20, 140, 2)
            colour = tuple(int(c) for c in rng.integers(20, 240, 3))
            cv2.rectangle(canvas, (x, y), (x + int(size[0]), y + int(size[1])), colour, -1)
            cv2.line(canvas, (x, y), (x + int(size[1]), y + int(size[0])), (30, 30, 30), 2)
        canvas = cv2.GaussianBlur(canvas, (0, 0), 0.8)
        self.scene: Picture = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
        # Patterns in turn: to draw each anew would take longer than to judge it.
        tiles = np.round(rng.normal(0.0, noise, (5, height, width))).astype(np.int16)
        self._grains = [cv2.merge((tile, tile, tile)) for tile in tiles] if noise else []
        self._taken = 0

    def picture(
        self, *, light: float = 1.0, person_x: int | None = None, scene: Picture | None = None
    ) -> Picture:
        """The room now, with somebody who stands at a column, and so much light."""
        shown = self.scene if scene is None else scene
        if person_x is not None:
            shown = cv2.ellipse(shown.copy(), (person_x, 300), (45, 150), 0, 0, 360, (60, 70, 120), -1)
        return self.noisy(cv2.convertScaleAbs(shown, alpha=light) if light != 1.0 else shown)

    def noisy(self, shown: npt.NDArray[Any]) -> Picture:
        """With the noise of the sensor."""
        self._taken += 1
        if not self._grains:
            return shown.copy()
        grain = self._grains[self._taken % len(self._grains)]
        return np.asarray(cv2.add(shown, grain, dtype=cv2.CV_8U), np.uint8)

    def spoilt(self, how: str) -> Picture:
        """The room as a camera shows it with which something is wrong."""
        return np.zeros_like(self.scene) if how == "black" else self.noisy(self._scenes[how])

    @cached_property
    def _scenes(self) -> dict[str, Picture]:
        scene, size = self.scene, self.scene.shape[1::-1]
        turn = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), 12.0, 1.15)
        return {
            "black with noise": np.full_like(scene, 8),
            "dark": cv2.convertScaleAbs(scene, alpha=0.08),
            "glaring": cv2.add(scene, np.full_like(scene, 220)),
            "hand": cv2.convertScaleAbs(cv2.GaussianBlur(scene, (0, 0), 60), alpha=0.4, beta=60.0),
            "cloth": np.full_like(scene, 140),
            "blurred": cv2.GaussianBlur(scene, (0, 0), 6),
            "pushed aside": np.roll(scene, 80, axis=1),
            "turned": cv2.warpAffine(scene, turn, size, borderMode=cv2.BORDER_REFLECT),
        }
