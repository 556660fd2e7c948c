"""How sure it is that somebody fell: two questions, each answered by several measurements together.

*Is the person down?* The torso is level, the hips are low over the feet, hips and shoulders have come down.
*Was it a fall?* Shoulders and head came down fast, and the torso turned. Somebody who lies down with care is
down but was not fast; somebody who bends to a shoe may be fast but is not down.

From one view, any single measurement can be wrong: a body that falls along the camera's axis keeps an
upright torso in the picture, one that falls from a chair hardly drops its hips, legs are hidden. So the
measurements of one question stand in for each other: each counts by how far it lies on the fallen side of
its threshold, in widths of its doubtful zone and by two at most, and their weighted mean answers the
question. The two questions do not stand in for each other: the score is as strong as the weaker answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from care_robot.perception.descent import Descent, Sample, median
from care_robot.perception.fall_events import Evidence

BENT_OVER_RAD = math.radians(109.0)  # a head lower than that is of somebody bent over rather than lying
CAP = 2.0  # one measurement, however clear, does not outweigh the others


@dataclass(frozen=True)
class ScoreSettings:
    """Thresholds: a measurement there speaks neither for nor against a fall.

    A torso is about 0.5 m long. Chosen on the recordings named in docs/evaluation.md, by rounds of leaving
    one group out; the physical figures beside them say what they mean.

    Parameters
    ----------
    inclination_rad : float
        Of the torso on the floor; sitting people lean by up to 40 degrees.
    hip_height : float
        Hips over ankles in leg lengths: 1 standing, 0.5 on a chair, 0 lying; bent over it stays near 1.
    drop : float
        Descent of the hips, torso lengths: 0.7 from a chair (0.45 m) to the floor, 1.6 from standing.
    shoulder_drop : float
        Descent of the shoulders, torso lengths: 0.9 for sitting down, 2.4 from standing to the floor.
    stature : float
        Height of the body in the picture, as a share of what it was: 0.75 on a chair, at most 0.65 lying,
        also along the line of sight, before a camera of up to 2.2 m at 1.8 m or more.
    hip_z_m : float
        Of the hips over the floor: 0.1 to 0.3 lying, 0.4 and more on the heels or a seat. Known to be
        there, nobody is on the floor, so this counts most.
    speed : float
        Descent of the shoulders, torso lengths a second, as a mean over 0.3 s. In real falls of older
        adults in care the head hits at 2.9 +- 0.9 m/s and the pelvis at 2.1 +- 0.6 m/s (Choi et al., Journal
        of Biomechanics 48, 2015, 911-920): 1.1 m/s lies two deviations below.
    head_speed : float
        The same of the head.
    turn_rad : float
        How far the torso turned from its most upright.
    margin : float
        How far both answers must lie on the fallen side, in widths, for a score of 0.5.
    """

    inclination_rad: float = 0.9
    hip_height: float = 0.5
    drop: float = 0.55
    shoulder_drop: float = 1.3
    stature: float = 0.6
    hip_z_m: float = 0.35
    speed: float = 2.2
    head_speed: float = 2.8
    turn_rad: float = 0.8
    margin: float = 0.15


def score_fall(
    descent: Descent, after: Sequence[Sample], settings: ScoreSettings
) -> tuple[float, tuple[Evidence, ...]]:
    """Score of a descent that ended as in the samples after it.

    Returns
    -------
    float, tuple of Evidence
        0 to 1, and what was measured, strongest first.
    """
    s = settings
    inclination_rad = median(after, "inclination_rad")
    inclination_rad = min(inclination_rad, 2 * BENT_OVER_RAD - inclination_rad)
    hip_drop, shoulder_drop = descent.drops(after)
    stature = median(after, "stature") / descent.stature if descent.stature > 0.0 else math.nan
    down = [
        _Rating(Evidence("torso_inclination", inclination_rad, "rad", s.inclination_rad), 0.35),
        _Rating(Evidence("hip_drop", hip_drop, "torso", s.drop), 0.35),
        _Rating(Evidence("shoulder_drop", shoulder_drop, "torso", s.shoulder_drop), 0.45),
        _Rating(Evidence("stature", stature, "share", s.stature), -0.2),
        _Rating(Evidence("hip_height", median(after, "hip_height"), "leg", s.hip_height), -0.25, 2.0),
    ]
    hip_z_m = median(after, "hip_z_m")
    if not math.isnan(hip_z_m):  # only where the camera's place is known
        down.append(_Rating(Evidence("hips_over_floor", hip_z_m, "m", s.hip_z_m), -0.12, 4.0))
    fast = [
        _Rating(Evidence("descent_speed", descent.speed, "torso/s", s.speed), 0.6, 2.0),
        _Rating(Evidence("head_speed", descent.head_speed, "torso/s", s.head_speed), 0.9),
        _Rating(Evidence("torso_turn", inclination_rad - descent.inclination_rad, "rad", s.turn_rad), 0.4),
    ]
    known = [rating for rating in (*down, *fast) if not math.isnan(rating.widths)]
    known.sort(key=lambda rating: -rating.widths)
    weaker = min(_answer(down), _answer(fast))
    return _logistic(weaker - s.margin), tuple(rating.evidence for rating in known)


@dataclass(frozen=True)
class _Rating:
    evidence: Evidence
    width: float  # of the doubtful zone
    weight: float = 1.0

    @property
    def widths(self) -> float:
        """How far on the fallen side."""
        return (self.evidence.value - self.evidence.threshold) / self.width


def _answer(ratings: Sequence[_Rating]) -> float:
    """Weighted mean of the capped ratings; what is not known counts as neither for nor against."""
    capped = [0.0 if math.isnan(r.widths) else max(-CAP, min(CAP, r.widths)) * r.weight for r in ratings]
    return sum(capped) / sum(rating.weight for rating in ratings)


def _logistic(z: float) -> float:
    return 1.0 / (1.0 + math.exp(-2.0 * max(-20.0, min(20.0, z))))
