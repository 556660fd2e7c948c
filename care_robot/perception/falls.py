"""Falls, and people found lying: a rule on how fast, how far and how level a body went down and stayed.

Everything is measured in lengths of the person's own torso and in seconds, so that neither the distance to
the camera nor its frame rate matters. A fall is a quick descent of the shoulders that ends with the torso
level and the hips low, and after which the person does not get up. Somebody who vanishes from the pose
model's sight on the way down counts as down: it loses people who lie, and silence is never "well".
Only who is seen all the way from the floor up has got up: anybody else upright may be another person.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from care_robot.perception.descent import Descent, History, Sample, median
from care_robot.perception.fall_events import Evidence, FallEvent, Kind, State
from care_robot.perception.people import Person

UNSEEN_S = 0.6  # not seen for so long: out of sight, rather than between two images
UP_S = 1.0  # upright for so long: up again
CLOCK_STEP_S = 4.0  # time that is older by more has been set back
SEEN_ON_S = 0.5  # two sightings no further apart are of one and the same person
RISE_S = 0.7  # nobody gets from lying to standing in less
START_S = 60.0  # after the start, somebody lying may have fallen before
LYING_SEEN_S = 1.0  # lying for a shorter time may be a slip of the pose model
SUSPICION_S = 6.0  # a suspicion that nothing confirms ends
FORGET_PERSON_S = 4.0  # somebody without an event, not seen for so long, is forgotten
SUSPICIOUS_SCORE = 0.25
CONFIRMED_SCORE = 0.5
UPRIGHT_RAD = math.radians(40.0)
LYING_RAD = math.radians(60.0)
FLAT_RAD = math.radians(70.0)  # more than a helper leans over somebody
SEAT_HIP_HEIGHT = 0.4
STANDING_HIP_HEIGHT = 0.75
# Lying hips are 0.1 m over the floor, on a bed 0.5 m; standing ones 0.9 m: 1.6 and 0.8 torso lengths less.
FLOOR_DROP = 1.1


@dataclass(frozen=True)
class FallSettings:
    """Thresholds of the rule: a score of 0.5 lies on them.

    Parameters
    ----------
    speed : float
        Descent of the shoulders, torso lengths (0.5 m) a second, as a mean over 0.3 s. In real falls of older
        adults in care the head hits at 2.9 ± 0.9 m/s and the pelvis at 2.1 ± 0.6 m/s (Choi et al., Journal of
        Biomechanics 48, 2015, 911-920): 1.0 m/s lies two deviations below.
    drop : float
        Descent of the hips, torso lengths: 0.7 from a chair (0.45 m) to the floor, 1.6 from standing.
    inclination_rad : float
        Of the torso on the floor.
    hip_height : float
        Hips over ankles in leg lengths: 1 standing, 0.5 on a chair, 0 lying; bent over it stays near 1.
    confirm_s : float
        Time on the floor before a fall counts.
    confirm_unseen_s : float
        The same, where the person is not seen after the descent.
    lying_confirm_s : float
        The same for somebody seen standing before, but not seen falling.
    lying_unknown_confirm_s : float
        The same for somebody never seen standing, who may lie on a bed; not in the first minute, in which
        it may be somebody who fell before a restart.
    recovered_keep_s : float
        How long an event is repeated after the person got up.
    forget_s : float
        How long the event of somebody who is not seen any more is repeated.
    """

    speed: float = 2.0
    drop: float = 0.55
    inclination_rad: float = math.radians(50.0)
    hip_height: float = 0.55
    confirm_s: float = 0.8
    confirm_unseen_s: float = 1.5
    lying_confirm_s: float = 10.0
    lying_unknown_confirm_s: float = 60.0
    recovered_keep_s: float = 60.0
    forget_s: float = 1800.0


class _Watch:
    """What is kept of one person."""

    def __init__(self, person: Person) -> None:
        self.person_id = person.id
        self.camera = person.camera
        self.history = History()
        self.event: FallEvent | None = None
        self.descent: Descent | None = None  # that the event rests on
        self.unbroken_s = -math.inf  # since then seen without a gap
        self.recoverable = False  # seen without a gap from the floor on
        self.suspected_s = math.inf
        self.recovered_s = -math.inf
        self.upright_since_s: float | None = None
        self.lying_since_s: float | None = None
        self.last_lying_s = -math.inf
        self.standing: Sample | None = None  # highest hips in the last seconds in which they stood

    @property
    def last_s(self) -> float:
        return self.history.last.t_s

    def shift(self, by_s: float) -> None:
        """Move all times, where the clock was set."""
        self.history.shift(by_s)
        self.event = self.event and self.event.shifted(by_s)
        self.descent = self.descent and replace(self.descent, start_s=self.descent.start_s + by_s)
        self.standing = self.standing and replace(self.standing, t_s=self.standing.t_s + by_s)
        self.unbroken_s += by_s
        self.suspected_s += by_s
        self.recovered_s += by_s
        self.last_lying_s += by_s
        if self.upright_since_s is not None:
            self.upright_since_s += by_s
        if self.lying_since_s is not None:
            self.lying_since_s += by_s


class FallDetector:
    """Turns tracked people into fall events.

    Parameters
    ----------
    settings : FallSettings
        Thresholds and times.
    """

    def __init__(self, settings: FallSettings | None = None) -> None:
        self._settings = settings or FallSettings()
        self._watches: dict[str, _Watch] = {}
        self._recovered: list[FallEvent] = []
        self._now_s = -math.inf
        self._start_s: float | None = None
        self._old_s: float | None = None  # time before the clock, as long as it was told only once

    def update(self, t_s: float, people: Iterable[Person]) -> list[FallEvent]:
        """Take in the people seen now, and the time where nobody is.

        Sightings that are not newer than the last one of the same person are left out.

        Parameters
        ----------
        t_s : float
            Time now, s. Must be told at least a few times a second, also while no image comes. Where it has
            jumped back by more than a few seconds (a clock that was set), what is known moves with it; a
            single such time is left out.

        Returns
        -------
        list of FallEvent
            Every event that is open or recovered a short time ago, oldest first.
        """
        if not self._set_clock(t_s):
            return self.events()
        for person in people:
            self._see(person)
        for key, watch in list(self._watches.items()):
            self._advance(watch, t_s)
            forget_s = FORGET_PERSON_S if watch.event is None else self._settings.forget_s
            if t_s - watch.last_s > forget_s:
                del self._watches[key]
        keep_s = self._settings.recovered_keep_s
        self._recovered = [e for e in self._recovered if t_s - (e.recovered_s or t_s) <= keep_s]
        return self.events()

    def events(self) -> list[FallEvent]:
        """Every event that is open or recovered a short time ago, oldest first."""
        events = [watch.event for watch in self._watches.values() if watch.event is not None]
        return sorted(events + self._recovered, key=lambda event: (event.start_s, event.id))

    def _set_clock(self, t_s: float) -> bool:
        """Whether to believe a time; one that is long past counts when the next one agrees."""
        if self._start_s is None:
            self._start_s = t_s
        if t_s < self._now_s - CLOCK_STEP_S:
            if self._old_s is None or abs(t_s - self._old_s) > CLOCK_STEP_S:
                self._old_s = t_s
                return False
            by_s = t_s - self._now_s
            self._start_s += by_s
            for watch in self._watches.values():
                watch.shift(by_s)
            self._recovered = [event.shifted(by_s) for event in self._recovered]
        self._now_s, self._old_s = t_s, None
        return True

    def _see(self, person: Person) -> None:
        sample = Sample.of(person)
        if sample is None:
            return
        watch = self._watches.get(person.id)
        if watch is None or (watch.event is None and watch.standing is None):
            watch = self._take_over(person, sample) or watch
        if watch is None:
            watch = self._watches[person.id] = _Watch(person)
            watch.unbroken_s = sample.t_s
        elif sample.t_s <= watch.last_s or not self._is_same(watch, sample):
            return
        watch.history.add(sample)
        if _stands(sample):
            watch.standing = min(watch.history.samples, key=lambda s: s.hip_y)
        watch.upright_since_s = (watch.upright_since_s or sample.t_s) if self._risen(watch, sample) else None
        if self._lies(sample):
            watch.lying_since_s, watch.last_lying_s = watch.lying_since_s or sample.t_s, sample.t_s
        else:
            watch.lying_since_s = None
        watch.recoverable = watch.recoverable or self._seen_lying(watch)

    def _is_same(self, watch: _Watch, sample: Sample) -> bool:
        """Whether this can be who went down: after a gap only somebody seen lying there is."""
        if sample.t_s - watch.last_s > SEEN_ON_S:
            watch.unbroken_s = sample.t_s
            watch.recoverable = False
            if watch.event is not None:
                watch.upright_since_s = None
        if watch.event is None:
            return True
        if not watch.recoverable:
            return self._lies(sample)
        return sample.t_s - watch.last_lying_s >= RISE_S or not self._risen(watch, sample)

    def _risen(self, watch: _Watch, sample: Sample) -> bool:
        """Whether somebody is up: stands, or is upright with the hips as high as before or on a seat."""
        if sample.inclination_rad >= UPRIGHT_RAD:
            return False
        if watch.descent is not None:
            return _stands(sample) or watch.descent.drop(sample.hip_y) < 0.5 * self._settings.drop
        return sample.hip_height > SEAT_HIP_HEIGHT

    def _lies(self, sample: Sample) -> bool:
        return sample.inclination_rad >= LYING_RAD and not sample.hip_height > self._settings.hip_height

    def _seen_lying(self, watch: _Watch) -> bool:
        """Whether somebody is seen lying for long enough to be neither a slip nor a helper leaning over."""
        if watch.last_s - watch.unbroken_s < LYING_SEEN_S:
            return False
        samples = watch.history.since(watch.last_s - LYING_SEEN_S)
        high = median(samples, "hip_height") > self._settings.hip_height
        return median(samples, "inclination_rad") >= FLAT_RAD and not high

    def _take_over(self, person: Person, sample: Sample) -> _Watch | None:
        """The watch of somebody who was lost on the floor, where this one is found: the same person."""
        for key, watch in list(self._watches.items()):
            if watch.event is None or watch.camera != person.camera:
                continue
            last = watch.history.last
            near = math.hypot(sample.hip_x - last.hip_x, sample.hip_y - last.hip_y) < last.torso
            if near and sample.t_s - last.t_s > UNSEEN_S and self._lies(sample):
                del self._watches[key]
                self._watches[person.id] = watch
                watch.person_id = person.id
                watch.event = replace(watch.event, person_id=person.id)
                return watch
        return None

    def _advance(self, watch: _Watch, t_s: float) -> None:
        event = watch.event
        if event is None:
            self._suspect_fall(watch)
            self._suspect_lying(watch, t_s)
        elif watch.upright_since_s is not None and watch.last_s - watch.upright_since_s >= UP_S:
            self._recover(watch, event, watch.last_s)
        elif event.state is State.SUSPECTED and event.kind is Kind.FALL:
            self._confirm_fall(watch, event, t_s)
        elif event.state is State.SUSPECTED:
            self._confirm_lying(watch, event, t_s)

    def _recover(self, watch: _Watch, event: FallEvent, t_s: float) -> None:
        """The person is up, or the suspicion was none."""
        self._recovered.append(replace(event, state=State.RECOVERED, recovered_s=t_s))
        watch.event = watch.descent = watch.lying_since_s = None
        watch.recovered_s = t_s

    def _suspect_fall(self, watch: _Watch) -> None:
        descent = watch.history.descent()
        if descent is None or descent.start_s <= watch.recovered_s:
            return
        score, evidence = self._judge(descent, [watch.history.last])
        if score >= SUSPICIOUS_SCORE:
            watch.descent, watch.suspected_s, watch.recoverable = descent, watch.last_s, True
            watch.event = self._new_event(watch, Kind.FALL, descent.start_s, score, evidence)

    def _confirm_fall(self, watch: _Watch, event: FallEvent, t_s: float) -> None:
        settings = self._settings
        assert watch.descent is not None  # noqa: S101 (set with the event)
        current = watch.history.descent()
        if current is not None and current.speed > watch.descent.speed:  # the descent was still going on
            watch.descent = replace(watch.descent, speed=current.speed)
        seen = t_s - watch.last_s < UNSEEN_S
        wait_s = settings.confirm_s if seen else settings.confirm_unseen_s
        if t_s - watch.suspected_s < wait_s - 1e-6 or (seen and watch.upright_since_s is not None):
            return
        after = watch.history.since(max(watch.suspected_s, watch.last_s - settings.confirm_s))
        score, evidence = self._judge(watch.descent, after)
        lost_low = not seen and _low(watch.history.last, watch.descent)
        if lost_low and score < CONFIRMED_SCORE:  # as somebody found lying
            wait_s = settings.lying_confirm_s
        if score >= CONFIRMED_SCORE or (lost_low and t_s - watch.suspected_s >= wait_s):
            down = Evidence("time_on_floor", t_s - watch.suspected_s, "s", wait_s)
            watch.event = replace(
                event, state=State.CONFIRMED, confirmed_s=t_s, score=score, evidence=(*evidence, down)
            )
        elif t_s - watch.suspected_s > SUSPICION_S and not lost_low:
            self._recover(watch, event, t_s)

    def _judge(self, descent: Descent, samples: Sequence[Sample]) -> tuple[float, tuple[Evidence, ...]]:
        """Score of a descent that ended as in `samples`: as strong as its weakest evidence."""
        settings = self._settings
        rated = [  # how far on the fallen side of its threshold, in widths of the doubtful zone
            _rate(
                "torso_inclination", median(samples, "inclination_rad"), "rad", settings.inclination_rad, 0.35
            ),
            _rate("hip_drop", descent.drop(median(samples, "hip_y")), "torso", settings.drop, 0.3),
            _rate("descent_speed", descent.speed, "torso/s", settings.speed, 0.6),
        ]
        height = median(samples, "hip_height")
        if not math.isnan(height):
            rated.append(_rate("hip_height", height, "leg", settings.hip_height, -0.3))
        rated.sort(key=lambda pair: -pair[0])
        return _logistic(rated[-1][0]), tuple(evidence for _, evidence in rated)

    def _suspect_lying(self, watch: _Watch, t_s: float) -> None:
        if watch.event is not None or watch.lying_since_s is None:
            return
        really = watch.last_s - watch.lying_since_s >= LYING_SEEN_S
        if really and self._lying_s(watch, t_s) >= 0.5 * self._lying_wait_s(watch):
            watch.suspected_s, watch.recoverable = t_s, True
            watch.event = self._new_event(watch, Kind.LYING, watch.lying_since_s, SUSPICIOUS_SCORE, ())

    def _confirm_lying(self, watch: _Watch, event: FallEvent, t_s: float) -> None:
        lying_s, wait_s = self._lying_s(watch, t_s), self._lying_wait_s(watch)
        if lying_s >= wait_s:
            evidence = (
                Evidence("time_on_floor", lying_s, "s", wait_s),
                Evidence("torso_inclination", watch.history.last.inclination_rad, "rad", LYING_RAD),
            )
            score = 0.8 if watch.standing is not None else CONFIRMED_SCORE
            watch.event = replace(
                event, state=State.CONFIRMED, confirmed_s=t_s, score=score, evidence=evidence
            )
        elif lying_s <= 0.0 and t_s - watch.suspected_s > SUSPICION_S:
            self._recover(watch, event, t_s)

    def _lying_s(self, watch: _Watch, t_s: float) -> float:
        """How long somebody has lain; who is suspected and lost from sight on the floor still lies there."""
        if watch.lying_since_s is None:
            return 0.0
        phantom = watch.standing is None and watch.event is None  # may be one
        return (watch.last_s if phantom else t_s) - watch.lying_since_s

    def _lying_wait_s(self, watch: _Watch) -> float:
        """How long somebody must lie; infinite where the hips have stayed as high as a bed."""
        if watch.standing is None:
            since_s = watch.last_s if watch.lying_since_s is None else watch.lying_since_s
            early = self._start_s is not None and since_s - self._start_s < START_S
            return self._settings.lying_confirm_s if early else self._settings.lying_unknown_confirm_s
        drop = (watch.history.last.hip_y - watch.standing.hip_y) / watch.standing.torso
        return self._settings.lying_confirm_s if drop >= FLOOR_DROP else math.inf

    def _new_event(
        self, watch: _Watch, kind: Kind, start_s: float, score: float, evidence: tuple[Evidence, ...]
    ) -> FallEvent:
        return FallEvent(
            id=f"{kind.name.lower()}_{watch.person_id}_{round(start_s * 1000)}",
            kind=kind,
            state=State.SUSPECTED,
            person_id=watch.person_id,
            camera=watch.camera,
            start_s=start_s,
            score=score,
            evidence=evidence,
        )


def _stands(sample: Sample) -> bool:
    return sample.inclination_rad < UPRIGHT_RAD and sample.hip_height >= STANDING_HIP_HEIGHT


def _low(sample: Sample, descent: Descent) -> bool:
    """Whether somebody is neither upright nor as high as on a bed."""
    return sample.inclination_rad >= UPRIGHT_RAD and descent.drop(sample.hip_y) >= FLOOR_DROP


def _rate(name: str, value: float, unit: str, threshold: float, width: float) -> tuple[float, Evidence]:
    return (value - threshold) / width, Evidence(name, value, unit, threshold)


def _logistic(z: float) -> float:
    return 1.0 / (1.0 + math.exp(-2.0 * max(-20.0, min(20.0, z))))
