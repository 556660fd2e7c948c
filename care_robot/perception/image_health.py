"""Whether a camera still sees: frozen, black, dark, glaring, covered, blurred or moved pictures.

Looked at a few times a second, on a small grey picture. What is compared with the camera's own past is where
its picture has edges, because light changes how bright things are far more than where they end. The past is
a few small arrays of numbers in memory, from which no picture can be made.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from care_robot.care.text import Text

LOOK_PERIOD_S = 0.4  # a picture that comes sooner after the last one is not looked at
HOLD_S = 6.5  # trouble that lasts so long is said: somebody passes, a lamp is switched, the lens focuses
CLEAR_S = 3.0  # and is over when there has been none for so long
GAP_S = 1.0  # a shorter change of mind does not count
PAUSE_S = 3.0  # without a picture for so long, or when stamps jump back, all waits begin anew
LEARN_LOOKS = 12  # pictures without trouble before a camera has a past
MEMORY_S = 120.0  # its past follows slow changes with this time constant
LEAST_SIDE_PX = 24  # smaller pictures are not judged

WIDTH, HEIGHT = 320, 240  # the small picture
EDGE_WIDTH, EDGE_HEIGHT = 80, 60  # its edges
ROWS, COLUMNS = 6, 8  # blocks of 10 x 10 edges

FloatArray = npt.NDArray[np.float32]


class Trouble(enum.Enum):
    """Why a camera does not see, or not what it should."""

    SILENT = "silent"
    BLACK = "black"
    DARK = "dark"
    GLARING = "glaring"
    FROZEN = "frozen"
    COVERED = "covered"
    BLURRED = "blurred"
    MOVED = "moved"

    @property
    def text(self) -> Text:
        """What is said of it."""
        return _TEXTS[self]

    @property
    def blind(self) -> bool:
        """Whether nobody would be seen; a camera that was moved still sees, only not the same."""
        return self is not Trouble.MOVED


_TEXTS = {
    Trouble.SILENT: Text("카메라에서 영상이 오지 않습니다", "no picture comes from the camera"),
    Trouble.BLACK: Text("카메라 화면이 새까맣습니다", "the camera's picture is black"),
    Trouble.DARK: Text("너무 어두워 보이지 않습니다", "it is too dark to see"),
    Trouble.GLARING: Text("카메라 화면이 너무 밝아 보이지 않습니다", "the camera's picture is too bright"),
    Trouble.FROZEN: Text("카메라 화면이 멈췄습니다", "the camera's picture is frozen"),
    Trouble.COVERED: Text("카메라가 가려졌습니다", "the camera is covered"),
    Trouble.BLURRED: Text("카메라 화면이 흐립니다", "the camera's picture is blurred"),
    Trouble.MOVED: Text("카메라가 다른 곳을 보고 있습니다", "the camera has been moved"),
}


@dataclass(frozen=True)
class Signs:
    """What is measured in one picture.

    Parameters
    ----------
    bright
        Grey level (0 to 255) that 2 % of the picture exceed.
    glare
        Share of the picture that is white.
    edges
        Edges, (60, 80); what is equally strong everywhere, as noise is, has been taken off.
    sharpness
        For each block, (6, 8): the steepest edge as a share of the block's contrast; not a number where
        there is no contrast to judge by.
    """

    bright: float
    glare: float
    edges: FloatArray
    sharpness: FloatArray


BLACK_BRIGHT = 40.0
"""Nothing brighter than this is too dark to see: about a sixth of full scale."""
GLARE_SHARE = 0.7
STRUCTURE = 1.5
"""Mean edge, in grey levels, from which a block shows more than a plain surface."""
SAME_PLACE = 0.35
"""Correlation of edges from which two pictures show the same place."""
LEFT_SHARE = 0.35
"""A picture with less of its past's edges in nearly every block is covered."""
BLURRED_SHARE = 0.55
"""Of the steepness that edges had: about what a blur of 5 px in a picture of 640 x 480 leaves."""
CONTRAST = 24.0
"""Grey levels in a block from which its sharpness can be judged."""
BLOCK_AGREES = 0.4
MOVED_BELOW = 0.25
"""Share of the blocks that must still agree with the past."""
LEAST_BLOCKS = 6
NOISY_PAIRS = 12
"""Pairs of pictures that must have differed all over before equal ones mean a frozen camera."""


def measure(picture: npt.NDArray[np.uint8]) -> Signs:
    """Measure a small grey picture, (240, 320)."""
    levels = _cumulated(picture)
    bright = np.searchsorted(levels, 0.98)
    calm = cv2.GaussianBlur(picture, (3, 3), 0)
    across = cv2.Sobel(calm, cv2.CV_16S, 1, 0)
    down = cv2.Sobel(calm, cv2.CV_16S, 0, 1)
    steep = cv2.addWeighted(cv2.convertScaleAbs(across), 0.5, cv2.convertScaleAbs(down), 0.5, 0.0)
    median = float(np.searchsorted(_cumulated(steep), 0.5))
    edges = cv2.resize(steep, (EDGE_WIDTH, EDGE_HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
    np.maximum(edges - median, 0.0, out=edges)
    contrast = (_most(calm) - 255.0 + _most(cv2.bitwise_not(calm))).astype(np.float32)
    steepest = np.maximum(_most(steep).astype(np.float32) - median, 0.0)
    sharpness = np.where(contrast > CONTRAST, steepest / np.maximum(contrast, 1.0), np.float32(np.nan))
    return Signs(float(bright), 1.0 - float(levels[249]), edges, sharpness)


class Past:
    """What a camera has shown so far: where edges are, and how steep.

    Parameters
    ----------
    fixed
        Whether the camera stays where it is; else only how sharp its pictures are is remembered.
    """

    def __init__(self, fixed: bool) -> None:
        self._fixed = fixed
        self._looks = 0
        self._edges: FloatArray = np.zeros((EDGE_HEIGHT, EDGE_WIDTH), np.float32)
        self._sharpness: FloatArray = np.full((ROWS, COLUMNS), np.nan, np.float32)

    @property
    def known(self) -> bool:
        """Whether there is enough of it."""
        return self._looks >= LEARN_LOOKS

    def learn(self, signs: Signs, share: float) -> None:
        """Take in a picture without trouble; `share` of what is known gives way to it."""
        self._looks += 1
        share = max(share, 1.0 / self._looks)
        sharpness = signs.sharpness if self._fixed else np.full_like(self._sharpness, _typical(signs))
        news = np.where(np.isnan(self._sharpness), 0.0, share * (sharpness - self._sharpness))
        kept = np.where(np.isnan(self._sharpness), sharpness, self._sharpness)
        self._sharpness = kept + np.nan_to_num(news)
        if self._fixed:
            self._edges += np.float32(share) * (signs.edges - self._edges)

    def likeness(self, signs: Signs) -> float:
        """Correlation of the edges with those of before, -1 to 1; 0 where nothing is known."""
        return _correlation(np.sqrt(self._edges), np.sqrt(signs.edges)) if self._shows_place else 0.0

    def covered(self, signs: Signs) -> bool:
        """Whether the edges of before are gone nearly everywhere."""
        if not self._shows_place:
            return False
        before, now = _blocks(self._edges).mean(axis=2), _blocks(signs.edges).mean(axis=2)
        structured = before > STRUCTURE
        if structured.sum() < LEAST_BLOCKS:
            return False
        gone = now[structured] < LEFT_SHARE * before[structured]
        return bool(gone.mean() > 0.85) and self.likeness(signs) < SAME_PLACE

    def blurred(self, signs: Signs) -> bool:
        """Whether edges are far less steep than before."""
        if not self.known:
            return False
        ratios = (signs.sharpness if self._fixed else _typical(signs)) / self._sharpness
        ratios = ratios[~np.isnan(ratios)]
        return len(ratios) >= LEAST_BLOCKS and bool(np.median(ratios) < BLURRED_SHARE)

    def moved(self, signs: Signs) -> bool:
        """Whether it shows another place: hardly a block looks as before."""
        if not self._shows_place:
            return False
        before, now = _blocks(np.sqrt(self._edges)), _blocks(np.sqrt(signs.edges))
        structured = _blocks(self._edges).mean(axis=2) > STRUCTURE
        if structured.sum() < LEAST_BLOCKS or _blocks(signs.edges).mean() < 0.5 * STRUCTURE:
            return False
        before, now = before - before.mean(axis=2, keepdims=True), now - now.mean(axis=2, keepdims=True)
        size = np.sqrt((before**2).sum(axis=2) * (now**2).sum(axis=2))
        agrees = (before * now).sum(axis=2) > BLOCK_AGREES * size
        return bool((agrees & (size > 0.0))[structured].mean() < MOVED_BELOW)

    @property
    def _shows_place(self) -> bool:
        return self._fixed and self.known


class Frozen:
    """Equal pictures from a camera that has noise.

    No two pictures of a sensor are the same bit by bit. Drawn pictures are, and those of some files; so
    only a source whose pictures have differed all over is called frozen.
    """

    def __init__(self) -> None:
        self._last: npt.NDArray[np.uint8] | None = None
        self._noisy_pairs = 0
        self._changed = True

    def add(self, picture: npt.NDArray[np.uint8]) -> None:
        """Take in a picture: every one, since noise may come back in turns."""
        last, self._last = self._last, picture
        if last is None or last.shape != picture.shape:
            self._changed = True
            return
        differ = last != picture
        if not differ.any():
            return
        self._changed = True
        if self._noisy_pairs < NOISY_PAIRS and min(differ.shape) >= 8:
            height, width = (side // 8 * 8 for side in differ.shape)
            blocks = differ[:height, :width].reshape(8, height // 8, 8, width // 8)
            self._noisy_pairs += bool(blocks.any(axis=(1, 3)).mean() >= 0.75)

    def look(self) -> bool:
        """Whether the pictures since the last look were the same, and should not have been."""
        changed, self._changed = self._changed, False
        return not changed and self._noisy_pairs >= NOISY_PAIRS


class ImageHealth:
    """Judges the pictures of one camera, one after the other.

    Parameters
    ----------
    fixed : bool
        Whether the camera stays where it is. One on a robot is never called moved, and is called covered
        only where it shows nothing at all, because it may stand before a wall.
    """

    def __init__(self, *, fixed: bool = True) -> None:
        self._fixed = fixed
        self._shape: tuple[int, ...] = ()
        self._last_s = -math.inf
        self._begin_anew()
        self._verdict = Verdict()

    def look(self, rgb: npt.NDArray[Any], t_s: float) -> Trouble | None:
        """Take in a picture; what is wrong by now.

        Parameters
        ----------
        rgb : ndarray
            (h, w, 3), (h, w, 1) or (h, w), uint8.
        t_s : float
            When it was taken.

        Raises
        ------
        ValueError
            It is not a picture.
        """
        if rgb.dtype != np.uint8 or rgb.ndim not in (2, 3) or rgb.size == 0:
            raise ValueError(f"An array of {rgb.dtype} {rgb.shape} is no picture: give (h, w, 3) of uint8.")
        grey = rgb if rgb.ndim == 2 else rgb[..., min(1, rgb.shape[2] - 1)]  # green is nearly all of grey
        self._frozen.add(_sample(grey))
        if 0.0 <= t_s - self._last_s < LOOK_PERIOD_S:
            return self._verdict.trouble
        paused = not 0.0 <= t_s - self._last_s <= PAUSE_S
        share = min(1.0, (t_s - self._last_s) / MEMORY_S) if not paused else LOOK_PERIOD_S / MEMORY_S
        self._last_s = t_s
        if rgb.shape[:2] != self._shape:  # another source
            self._shape = rgb.shape[:2]
            self._begin_anew()
        if paused:
            self._verdict.wait_anew(t_s)
        if min(self._shape) < LEAST_SIDE_PX:
            return None
        signs = measure(_small(grey))
        trouble = self._judge(signs, self._frozen.look())
        if trouble is None and self._verdict.trouble is None:
            self._past.learn(signs, share)
        return self._verdict.settle(trouble, t_s)

    def _judge(self, signs: Signs, frozen: bool) -> Trouble | None:
        past = self._past
        if signs.bright < BLACK_BRIGHT:
            return Trouble.DARK if self._shows_something(signs) else Trouble.BLACK
        if signs.glare > GLARE_SHARE:
            return Trouble.GLARING
        if frozen:
            return Trouble.FROZEN
        plain = 0.5 * STRUCTURE if self._fixed else 0.3 * STRUCTURE
        if past.covered(signs) or not _blocks(signs.edges).mean(axis=2).max() > plain:
            return Trouble.COVERED
        if past.moved(signs):
            return Trouble.BLURRED if past.blurred(signs) else Trouble.MOVED
        return Trouble.BLURRED if past.blurred(signs) else None

    def _shows_something(self, signs: Signs) -> bool:
        """Whether a dark picture is that of a place, and not of a lid."""
        return self._past.likeness(signs) > SAME_PLACE or bool(
            (_blocks(signs.edges).mean(axis=2) > STRUCTURE).sum() >= 2
        )

    def _begin_anew(self) -> None:
        self._past, self._frozen = Past(self._fixed), Frozen()


class Verdict:
    """Says what lasts, and not what passes."""

    def __init__(self) -> None:
        self.trouble: Trouble | None = None
        self._seen: Trouble | None = None  # what the pictures have shown lately
        self._since_s = -math.inf
        self._other_since_s: float | None = None

    def wait_anew(self, t_s: float) -> None:
        """Time has jumped: nothing has lasted."""
        self._since_s, self._other_since_s = t_s, None

    def settle(self, shown: Trouble | None, t_s: float) -> Trouble | None:
        """Take in what one picture shows; what is wrong by now."""
        # One blindness that passes into another goes on: a hand that comes nearer is bright, then dark.
        if (shown is None) is (self._seen is None):
            self._seen, self._other_since_s = shown, None
        else:
            self._other_since_s = t_s if self._other_since_s is None else self._other_since_s
            if t_s - self._other_since_s >= GAP_S:
                self._seen, self._since_s, self._other_since_s = shown, self._other_since_s, None
        if self._other_since_s is None and t_s - self._since_s >= (HOLD_S if self._seen else CLEAR_S):
            self.trouble = self._seen
        return self.trouble


def _small(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    height, width = grey.shape
    fold = max(1, min(height // HEIGHT, width // WIDTH) // 2)
    thin = np.ascontiguousarray(grey[::fold, ::fold])  # of a large picture a part is enough
    return np.asarray(cv2.resize(thin, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


def _sample(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Some of the pixels themselves: averages would hide the noise."""
    height, width = grey.shape
    return grey[:: max(1, height // 120), :: max(1, width // 160)].copy()


def _blocks(edges: FloatArray) -> FloatArray:
    """(rows, columns, edges of the block)."""
    parts = edges.reshape(ROWS, EDGE_HEIGHT // ROWS, COLUMNS, EDGE_WIDTH // COLUMNS)
    return np.asarray(parts.transpose(0, 2, 1, 3).reshape(ROWS, COLUMNS, -1))


def _cumulated(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Share of a picture up to each grey level."""
    counts = cv2.calcHist([picture], [0], None, [256], [0, 256])
    return np.asarray(counts.ravel().cumsum() / picture.size, np.float64)


def _most(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
    """Greatest grey level of each block."""
    rows = picture.reshape(ROWS, HEIGHT // ROWS, WIDTH).max(axis=1)
    return np.asarray(rows.reshape(ROWS, COLUMNS, WIDTH // COLUMNS).max(axis=2), np.int16)


def _typical(signs: Signs) -> np.float32:
    """Sharpness of a whole picture."""
    known = signs.sharpness[~np.isnan(signs.sharpness)]
    return np.float32(np.median(known)) if len(known) >= LEAST_BLOCKS else np.float32(np.nan)


def _correlation(a: FloatArray, b: FloatArray) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
    return float((a * b).sum()) / size if size > 0.0 else 0.0
