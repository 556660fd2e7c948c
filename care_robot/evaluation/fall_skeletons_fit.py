"""Measures the pose model on rendered people: ``python -m care_robot.evaluation.fall_skeletons_fit``.

It plays tuning trials of ``bench falls``, compares what was found in each picture with where the landmarks
really were, and prints the module `fall_skeletons_table`.
"""

from __future__ import annotations

import argparse
import math
import pprint
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from care_robot.evaluation.fall_bench_view import ASPECT
from care_robot.evaluation.fall_skeletons_noise import (
    GROUPS,
    KINDS,
    LEAST_IN_PICTURE,
    LEVEL_RAD,
    MIRRORED,
    SIDE,
    UPRIGHT_RAD,
    Noise,
    Spread,
    metres_per_height,
)
from care_robot.perception.bodies import HIPS, LANDMARKS, SHOULDERS, TORSO, Array, Body, middle
from care_robot.perception.posture import Posture

STEP_S = 0.1
NEAR_TORSOS = 1.5
"""A body counts as found that is found so near to where it is."""
_LEAST_RATE, _LEAST_END = 1e-3, 0.02  # of what was not seen to begin, or to end, 1/s


@dataclass(frozen=True)
class Sight:
    """One picture: where the landmarks were, what was found there, if anything, and the posture."""

    truth: Body
    found: Body | None
    posture: Posture
    up: Array


def nearest(truth: Body, bodies: Iterable[Body], aspect: float) -> Body | None:
    """The body that is found where somebody is."""
    points = truth.points(aspect)
    size = _size(points)
    best, least = None, NEAR_TORSOS * size
    for body in bodies:
        there = body.points(aspect)
        off = max(float(np.linalg.norm(middle(there, p) - middle(points, p))) for p in (HIPS, SHOULDERS))
        if off < least:
            best, least = body, off
    return best


def _size(points: Array) -> float:
    torso = float(np.linalg.norm(middle(points, HIPS) - middle(points, SHOULDERS)))
    return max(torso, 0.25 * float(np.ptp(points[:, 1])), 1e-3)


@dataclass(frozen=True)
class _Errors:
    image: Array  # (33, 2) m at their distance
    world: Array  # (33, 3) m
    visibility: Array
    score: float
    size: float
    swapped: bool
    slipped: bool


def _errors(sight: Sight) -> _Errors | None:
    found, truth = sight.found, sight.truth
    if found is None:
        return None
    image, world, seen = found.image, found.world, found.visibility
    pairs = list(TORSO)
    straight = np.abs(world[pairs] - truth.world[pairs]).sum()
    crossed = np.abs(world[MIRRORED][pairs] - truth.world[pairs]).sum()
    swapped = bool(crossed < 0.6 * straight)
    if swapped:
        image, world, seen = image[MIRRORED], world[MIRRORED], seen[MIRRORED]
    was, read = (body.torso_inclination(sight.up) for body in (truth, found))
    slipped = (was > LEVEL_RAD and read < UPRIGHT_RAD) or (was < UPRIGHT_RAD and read > LEVEL_RAD)
    limbs = [*range(11, 17), *range(23, 29)]
    size = float(np.linalg.norm(world[limbs])) / max(float(np.linalg.norm(truth.world[limbs])), 1e-6)
    off = world / max(size, 0.3) - truth.world
    off -= middle(off, HIPS)
    return _Errors(
        (image - truth.image) * (ASPECT, 1.0) * metres_per_height(truth),
        off,
        np.where(truth.visibility > 0.5, seen, np.nan),
        found.score,
        size,
        swapped,
        slipped,
    )


def fit(stories: Sequence[Sequence[Sight]]) -> tuple[dict[str, Noise], tuple[float, float]]:
    """Errors by kind of posture, and the mean and standard deviation of how large people are taken for."""
    table, sizes = {}, []
    pooled = [[(KINDS[s.posture], _errors(s), _in_picture(s)) for s in story] for story in stories]
    for kind in dict.fromkeys(KINDS.values()):
        found = [e for story in pooled for k, e, _ in story if k == kind and e is not None]
        if len(found) < 10:
            raise ValueError(f"Only {len(found)} bodies were found while {kind}: run more trials.")
        table[kind] = _noise(kind, pooled, found)
        sizes += [e.size for e in found if not e.slipped]
    return table, (round(float(np.mean(sizes)), 3), round(float(np.std(sizes)), 3))


def _in_picture(sight: Sight) -> bool:
    return float((sight.truth.visibility > 0.5).mean()) >= LEAST_IN_PICTURE


_Story = list[tuple[str, _Errors | None, bool]]


def _noise(kind: str, stories: list[_Story], found: list[_Errors]) -> Noise:
    straight = [e for e in found if not e.slipped]
    follows = _follows(straight)
    image, image_s = _spread(kind, _beside(stories, follows), "image", (0, 1))
    world, world_s = _spread(kind, stories, "world", (0, 1))
    along, _ = _spread(kind, stories, "world", (2,))
    far = [_whole(along, i) / max(_whole(world, i), 0.01) for i in range(len(GROUPS))]
    seen = np.array([e.visibility for e in straight])
    groups = [list(own) for own in GROUPS.values()]
    lost = _rates(kind, stories, lambda e: e is None, need_found=False)
    swap = _rates(kind, stories, lambda e: e is not None and e.swapped, need_found=True)
    slip = _rates(kind, stories, lambda e: e is not None and e.slipped, need_found=True)
    return Noise(
        lost_per_s=lost[0],
        found_per_s=lost[1],
        world=world,
        depth=round(float(np.median(far)), 2),
        follows=round(follows, 2),
        image=image,
        drift_s=round((image_s + world_s) / 2, 2),
        visibility=tuple(round(float(np.nanmean(seen[:, own])), 2) for own in groups),
        visibility_std=tuple(round(float(np.nanstd(seen[:, own])), 2) for own in groups),
        swaps_per_s=swap[0],
        swap_s=round(1 / swap[1], 2),
        slips_per_s=slip[0],
        slip_s=round(1 / slip[1], 2),
        score=round(float(np.mean([e.score for e in found])), 3),
        frames=sum(k == kind for story in stories for k, _, _ in story),
    )


def _follows(found: list[_Errors]) -> float:
    """Share of the errors in metres that is also in the picture, by regression."""
    image = np.clip(np.array([e.image for e in found]), -3.0, 3.0)
    world = np.array([e.world[:, :2] for e in found])
    image = image - image[:, list(HIPS)].mean(axis=1, keepdims=True)  # as those in metres are
    return float(np.clip((image * world).sum() / max((world**2).sum(), 1e-9), 0.0, 1.0))


def _beside(stories: list[_Story], follows: float) -> list[_Story]:
    """The stories with the errors in the picture that do not follow from those in metres."""
    return [
        [(k, e and replace(e, image=e.image - follows * e.world[:, :2]), inside) for k, e, inside in story]
        for story in stories
    ]


def _whole(spread: Spread, group: int) -> float:
    """Standard deviation of all that is slow."""
    return math.hypot(spread.drift[group], spread.twist[group], spread.own[group])


def _spread(kind: str, stories: list[_Story], field: str, axes: tuple[int, ...]) -> tuple[Spread, float]:
    """Standard deviations of the errors, by what they come of, and how soon the slow ones forget.

    From the covariance of errors that lie 0, 0.1 and 0.5 s apart: of the mean of each group, of the
    difference of its sides, and of each landmark.
    """
    errors = [_series(kind, story, field)[:, :, axes] for story in stories]
    found: dict[str, list[float]] = {"drift": [], "twist": [], "own": [], "jitter": []}
    times = []
    for own in map(list, GROUPS.values()):
        c0, c1, c5 = (_covariance([e[:, own] for e in errors], lag) for lag in (0, 1, 5))
        c1, c5 = max(min(c1, c0), 0.0), max(min(c5, c1), 0.0)
        forgets_s = min(max(0.4 / math.log(c1 / c5), 0.2), 10.0) if 0.0 < c5 < c1 else 2.0
        slow = min(c1 * math.exp(STEP_S / forgets_s), c0)
        sides = [(e[:, own] - e[:, MIRRORED[own]]) * SIDE[own, None] / 2 for e in errors]
        paired = [s[:, SIDE[own] != 0].mean(axis=1, keepdims=True) for s in sides]
        drift = max(_covariance([e[:, own].mean(axis=1, keepdims=True) for e in errors], 1), 0.0)
        twist = max(_covariance(paired, 1), 0.0)
        left = max(slow - drift - twist, 0.0)
        for name, variance in (("drift", drift), ("twist", twist), ("own", left), ("jitter", c0 - slow)):
            found[name].append(round(math.sqrt(max(variance, 0.0)), 3))
        times.append(forgets_s)
    return Spread(**{name: tuple(stds) for name, stds in found.items()}), float(np.median(times))


def _series(kind: str, story: _Story, field: str) -> Array:
    """Errors of every picture of a story, (n, 33, 2 or 3); NaN where they do not count."""
    series = np.full((len(story), LANDMARKS, 2 if field == "image" else 3), np.nan)
    for n, (k, errors, _) in enumerate(story):
        if k == kind and errors is not None and not errors.slipped:
            series[n] = np.clip(getattr(errors, field), -3.0, 3.0)
    return series


def _covariance(series: list[Array], lag: int) -> float:
    """Mean product of errors that lie `lag` pictures apart."""
    products = [(s[: len(s) - lag] * s[lag:]).ravel() for s in series if len(s) > lag]
    every = np.concatenate(products) if products else np.zeros(0)
    every = every[np.isfinite(every)]
    return float(every.mean()) if len(every) else 0.0


def _rates(
    kind: str, stories: list[_Story], holds: Callable[[_Errors | None], bool], *, need_found: bool
) -> tuple[float, float]:
    """How often a second something begins, and ends: those of a two-state Markov process."""
    counts = {(a, b): 0 for a in (False, True) for b in (False, True)}
    for story in stories:
        for (k, first, inside), (_, second, _) in pairwise(story):
            if k != kind or not inside or (need_found and (first is None or second is None)):
                continue
            counts[holds(first), holds(second)] += 1
    off, on = counts[False, False] + counts[False, True], counts[True, True] + counts[True, False]
    begins = counts[False, True] / off if off else 0.0
    ends = counts[True, False] / on if on else 1.0
    both = -math.log(max(1.0 - begins - ends, 0.1)) / STEP_S
    share = begins / max(begins + ends, 1e-9)
    return (
        round(max(both * share, _LEAST_RATE), 4),
        round(min(max(both * (1.0 - share), _LEAST_END), 1 / STEP_S), 4),
    )


def _text(value: object) -> str:
    if not isinstance(value, Spread):
        return repr(value)
    inner = "".join(f"            {f.name}={getattr(value, f.name)!r},\n" for f in fields(value))
    return f"Spread(\n{inner}        )"


def text_of(table: dict[str, Noise], size: tuple[float, float], how: str) -> str:
    """The module with the figures."""
    body = "".join(
        f"    {kind!r}: Noise(\n"
        + "".join(f"        {f.name}={_text(getattr(noise, f.name))},\n" for f in fields(noise))
        + "    ),\n"
        for kind, noise in table.items()
    )
    return (
        '"""Errors of the pose model on rendered people, measured by\n\n'
        f"    {how}\n"
        '"""\n\nfrom care_robot.evaluation.fall_skeletons_noise import Noise, Spread\n\n'
        f"SIZE = {pprint.pformat(size)}\n"
        '"""How large people are taken for, against what they are: mean and standard deviation."""\n\n'
        f"TABLE = {{\n{body}}}\n"
    ).replace("'", '"')


def _play(seed: int, falls: int) -> list[list[Sight]]:
    from care_robot.evaluation import fall_bench  # noqa: PLC0415 (rendering needs a GL library)
    from care_robot.evaluation.fall_bench_recipe import keys  # noqa: PLC0415

    stories: list[list[Sight]] = []

    def note(watched: fall_bench.Watched) -> None:
        played = watched.played
        stories.append(
            [
                Sight(truth, nearest(truth, look.bodies, ASPECT), posture, played.up)
                for truth, look, posture in zip(watched.truths, watched.looks, played.postures, strict=True)
            ]
        )

    for done, (part, n) in enumerate(keys(falls), 1):
        fall_bench.run(seed, part, n, None, note)
        sys.stderr.write(f"\rtrial {done}")
    fall_bench.close()
    return stories


def main() -> None:
    """Measure, and write the module."""
    parser = argparse.ArgumentParser(description="Measure the errors of the pose model on rendered people.")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument(
        "--trials", type=int, default=20, help="falls; with them come half as many activities more"
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("fall_skeletons_table.py"))
    given = parser.parse_args()
    table, size = fit(_play(given.seed, given.trials))
    how = f"python -m care_robot.evaluation.fall_skeletons_fit --seed {given.seed} --trials {given.trials}"
    given.out.write_text(text_of(table, size, how), encoding="utf-8")


if __name__ == "__main__":
    main()
