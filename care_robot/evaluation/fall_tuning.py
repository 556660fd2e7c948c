"""Thresholds chosen on some groups of clips and tried on another, so that no clip is judged by its own."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from care_robot.evaluation.fall_eval import Folders, Result, Seen, conclude, guarded, replay, score, watch
from care_robot.evaluation.fall_manifest import Clip, Label
from care_robot.evaluation.fall_scoring import Scored
from care_robot.perception.falls import FallSettings

GRID: Mapping[str, Sequence[float]] = {
    "margin": (0.0, 2.0),
    "speed": (0.8, 1.2),
    "shoulder_drop": (0.8, 1.2),
    "inclination_rad": (0.85, 1.15),
}
"""Thresholds of the rule that are tried, as multiples of the shipped one, beside the shipped one itself."""


@dataclass(frozen=True)
class Variant:
    """One choice of thresholds; `changed` holds those that are not the shipped ones."""

    settings: FallSettings
    changed: Mapping[str, float]


def variants() -> list[Variant]:
    """Every combination of the grid, the shipped thresholds first, then those with the fewest changes."""
    shipped = FallSettings()
    made = []
    for factors in itertools.product(*((1.0, *others) for others in GRID.values())):
        changed = {
            name: round(factor * float(getattr(shipped, name)), 6)
            for name, factor in zip(GRID, factors, strict=True)
            if factor != 1.0
        }
        made.append(Variant(replace(shipped, **changed), changed))
    return sorted(made, key=lambda variant: len(variant.changed))  # stable: else in the order of the grid


@dataclass(frozen=True)
class Rehearsed:
    """One clip with every variant, in their order."""

    seen: Seen
    scores: Sequence[Scored]


def rehearse(clip: Clip, rate_hz: float = math.inf) -> Rehearsed | Result:
    """Play a clip once, and score it with every variant; a result where it cannot be played."""
    return guarded(clip, lambda: _rehearse(watch(clip, rate_hz)))


def _rehearse(seen: Seen) -> Rehearsed:
    return Rehearsed(seen, [score(replay(seen, variant.settings)) for variant in variants()])


def perform(choice: tuple[Seen, FallSettings], folders: Folders) -> Result:
    """Score and draw a clip with the thresholds that were chosen for it."""
    seen, settings = choice
    return guarded(seen.clip, lambda: conclude(replay(seen, settings), folders))


def choose(rehearsed: Sequence[Sequence[Scored]]) -> dict[str, int]:
    """For each group the number of the variant that does best on all other groups.

    Best is the highest mean of sensitivity and specificity; of equals the first, so the one nearest to the
    shipped thresholds. Where the other groups do not hold both falls and activities there is nothing to
    choose by, and the shipped thresholds stay.

    Parameters
    ----------
    rehearsed : sequence of sequence of Scored
        For each clip its scores by variant.
    """
    chosen = {}
    for group in dict.fromkeys(scores[0].clip.group for scores in rehearsed):
        others = [scores for scores in rehearsed if scores[0].clip.group != group]
        accuracies = [balanced_accuracy([scores[n] for scores in others]) for n in range(len(rehearsed[0]))]
        chosen[group] = accuracies.index(max(accuracies))
    return chosen


def balanced_accuracy(scored: Sequence[Scored]) -> float:
    """Mean of sensitivity and specificity, rounded so that equals are equal; 0 where a label is missing."""
    shares = []
    for label in Label:
        of_label = [s.right for s in scored if s.clip.label is label]
        if not of_label:
            return 0.0
        shares.append(sum(of_label) / len(of_label))
    return round(sum(shares) / len(shares), 9)
