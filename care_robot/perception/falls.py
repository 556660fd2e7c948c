"""Falls, and people found lying: a rule on how fast, how far and how level a body went down and stayed.

Everything is measured in lengths of the person's own torso and in seconds, so that neither the distance to
the camera nor its frame rate matters. A fall is a quick descent of the shoulders that ends with the torso
level and the hips low, and after which the person does not get up. Somebody who vanishes from the pose
model's sight on the way down counts as down: it loses people who lie, and silence is never "well".
Only who is seen all the way from the floor up has got up: anybody else upright may be another person.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from care_robot.perception.descent import Sample
from care_robot.perception.fall_events import Evidence, FallEvent, Kind, State
from care_robot.perception.fall_score import ScoreSettings, score_fall
from care_robot.perception.people import Person
from care_robot.perception.watched import LYING_RAD, LYING_SEEN_S, UPRIGHT_RAD, Watch, lies

UNSEEN_S = 0.6  # not seen for so long: out of sight, rather than between two images
BLINK_S = 0.15  # not seen for so long in the middle of a fall: lost
FALLING_TORSOS = 2.0  # how far the hips may be found from where they were lost there
UP_S = 1.0  # upright for so long: up again
CLOCK_STEP_S = 4.0  # time that is older by more has been set back
CLOCK_LEAP_S = 300.0  # and time that is ahead by more, set forward: it is told several times a second
START_S = 60.0  # after the start, somebody lying may have fallen before
SUSPICION_S = 6.0  # a suspicion that nothing confirms ends
GLIMPSE_S = 0.15  # of somebody lost from sight: of one image alone nothing is believed
SETTLE_S = 1.0  # the score of a confirmed fall may still grow for so long
FORGET_PERSON_S = 4.0  # somebody without an event, not seen for so long, is forgotten
SUSPICIOUS_SCORE = 0.25
CONFIRMED_SCORE = 0.5
# Lying hips are 0.1 m over the floor, on a bed 0.5 m; standing ones 0.9 m: 1.6 and 0.8 torso lengths less.
FLOOR_DROP = 1.1


@dataclass(frozen=True)
class FallSettings(ScoreSettings):
    """Times, beside the thresholds of the score.

    Parameters
    ----------
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

    confirm_s: float = 0.8
    confirm_unseen_s: float = 1.5
    lying_confirm_s: float = 10.0
    lying_unknown_confirm_s: float = 60.0
    recovered_keep_s: float = 60.0
    forget_s: float = 1800.0


class FallDetector:
    """Turns tracked people into fall events.

    Parameters
    ----------
    settings : FallSettings
        Thresholds and times.
    """

    def __init__(self, settings: FallSettings | None = None) -> None:
        self._settings = settings or FallSettings()
        self._watches: dict[str, Watch] = {}
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
            jumped (a clock that was set), what is known moves with it; a single such time is left out.

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
        if t_s < self._now_s - CLOCK_STEP_S or math.inf > t_s - self._now_s > CLOCK_LEAP_S:
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
        if sample is None or sample.t_s > self._now_s + CLOCK_STEP_S:  # nobody is seen in times to come
            return
        watch = self._watches.get(person.id)
        if watch is None or (watch.event is None and watch.standing is None):
            watch = self._take_over(person, sample) or watch
        if watch is None:
            watch = self._watches[person.id] = Watch(person.id, person.camera)
        elif watch.camera != person.camera:
            watch.change_camera(person.camera)
        watch.see(sample)

    def _take_over(self, person: Person, sample: Sample) -> Watch | None:
        """The watch of somebody who was lost on the floor, where this one is found: the same person.

        In the middle of a fall the pose model often loses a body and finds it again a moment later, further
        down; there it is believed sooner and from further away.
        """
        for key, watch in list(self._watches.items()):
            if watch.event is None or watch.camera != person.camera or key == person.id:
                continue
            falling = watch.event.state is State.SUSPECTED
            last = watch.history.last
            away = math.hypot(sample.hip_x - last.hip_x, sample.hip_y - last.hip_y) / last.torso
            near = away < (FALLING_TORSOS if falling else 1.0)
            lost = sample.t_s - watch.sighted_s > (BLINK_S if falling else UNSEEN_S)
            if near and lost and lies(sample):
                del self._watches[key]
                self._watches[person.id] = watch
                watch.person_id = person.id
                watch.event = replace(watch.event, person_id=person.id)
                return watch
        return None

    def _advance(self, watch: Watch, t_s: float) -> None:
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
        elif event.kind is Kind.FALL and t_s - (event.confirmed_s or t_s) <= SETTLE_S:
            self._settle(watch, event, t_s)

    def _recover(self, watch: Watch, event: FallEvent, t_s: float) -> None:
        """The person is up, or the suspicion was none."""
        self._recovered.append(replace(event, state=State.RECOVERED, recovered_s=t_s))
        if event.state is State.CONFIRMED:
            watch.lying_since_s = None
        watch.event = watch.descent = None
        watch.recovered_s = t_s

    def _suspect_fall(self, watch: Watch) -> None:
        descent = watch.history.descent()
        if descent is None or descent.start_s <= watch.recovered_s or watch.history.last.on_furniture:
            return
        score, evidence = score_fall(descent, [watch.history.last], self._settings)
        if score >= SUSPICIOUS_SCORE:
            watch.descent, watch.suspected_s, watch.recoverable = descent, watch.last_s, True
            watch.event = self._new_event(watch, Kind.FALL, descent.start_s, score, evidence)

    def _confirm_fall(self, watch: Watch, event: FallEvent, t_s: float) -> None:
        score, evidence = self._judge(watch, t_s)
        seen = t_s - watch.sighted_s < UNSEEN_S
        down_s = t_s - watch.suspected_s
        # Who was low when lost from sight counts in the end as somebody found lying.
        lost_low = not seen and _low(watch)
        wait_s = self._settings.confirm_s if seen else self._settings.confirm_unseen_s
        if score < CONFIRMED_SCORE and lost_low:
            wait_s = self._settings.lying_confirm_s
        if score >= CONFIRMED_SCORE or (lost_low and down_s >= wait_s):
            down = Evidence("time_on_floor", down_s, "s", wait_s)
            watch.event = replace(
                event, state=State.CONFIRMED, confirmed_s=t_s, score=score, evidence=(*evidence, down)
            )
        elif down_s > SUSPICION_S and not lost_low:
            self._recover(watch, event, t_s)

    def _settle(self, watch: Watch, event: FallEvent, t_s: float) -> None:
        """Keep the best score of the first moments on the floor."""
        score, evidence = self._judge(watch, t_s)
        if score > event.score:
            watch.event = replace(event, score=score, evidence=(*evidence, event.evidence[-1]))

    def _judge(self, watch: Watch, t_s: float) -> tuple[float, tuple[Evidence, ...]]:
        """Score of the latest time on the floor, as long as it must be, with the descent before it.

        Of somebody lost from sight, score of the last glimpse, once they have been lost for long enough.
        """
        settings, history = self._settings, watch.history
        if t_s - watch.sighted_s < UNSEEN_S:
            since_s = watch.last_s - settings.confirm_s
            after = [sample for sample in history.samples if sample.t_s > since_s]
        else:
            since_s = watch.last_s
            after = history.since(watch.last_s - GLIMPSE_S)
            if t_s - watch.suspected_s < settings.confirm_unseen_s - 1e-6 or history.last.leaving:
                return 0.0, ()
        if watch.descent is None:  # another camera has taken over since, and shows what became of it
            until_s = watch.last_s if t_s - watch.sighted_s < UNSEEN_S else t_s
            lies = watch.lying_since_s is not None and until_s - watch.lying_since_s >= settings.confirm_s
            return (CONFIRMED_SCORE, (_lying_evidence(watch),)) if lies else (0.0, ())
        descent = history.descent(since_s)
        if descent is None or watch.upright_since_s is not None or watch.on_furniture():
            return 0.0, ()
        return score_fall(descent, after, settings)

    def _suspect_lying(self, watch: Watch, t_s: float) -> None:
        if watch.event is not None or watch.lying_since_s is None:
            return
        really = watch.last_s - watch.lying_since_s >= LYING_SEEN_S
        if really and self._lying_s(watch, t_s) >= 0.5 * self._lying_wait_s(watch):
            watch.suspected_s, watch.recoverable = t_s, True
            watch.event = self._new_event(watch, Kind.LYING, watch.lying_since_s, SUSPICIOUS_SCORE, ())

    def _confirm_lying(self, watch: Watch, event: FallEvent, t_s: float) -> None:
        lying_s, wait_s = self._lying_s(watch, t_s), self._lying_wait_s(watch)
        if lying_s >= wait_s:
            evidence = (
                Evidence("time_on_floor", lying_s, "s", wait_s),
                _lying_evidence(watch),
            )
            score = 0.8 if watch.standing is not None else CONFIRMED_SCORE
            watch.event = replace(
                event, state=State.CONFIRMED, confirmed_s=t_s, score=score, evidence=evidence
            )
        elif lying_s <= 0.0 and t_s - watch.suspected_s > SUSPICION_S:
            self._recover(watch, event, t_s)

    def _lying_s(self, watch: Watch, t_s: float) -> float:
        """How long somebody has lain; who is suspected and lost from sight on the floor still lies there."""
        if watch.lying_since_s is None:
            return 0.0
        phantom = watch.standing is None and watch.event is None  # may be one
        return (watch.last_s if phantom else t_s) - watch.lying_since_s

    def _lying_wait_s(self, watch: Watch) -> float:
        """How long somebody must lie; infinite where the hips have stayed as high as a bed."""
        if watch.on_floor():
            return self._settings.lying_confirm_s
        if watch.standing is None:
            since_s = watch.last_s if watch.lying_since_s is None else watch.lying_since_s
            early = self._start_s is not None and since_s - self._start_s < START_S
            return (
                self._settings.lying_confirm_s
                if early or watch.stood
                else self._settings.lying_unknown_confirm_s
            )
        drop = (watch.history.last.hip_y - watch.standing.hip_y) / watch.standing.torso
        return self._settings.lying_confirm_s if drop >= FLOOR_DROP else math.inf

    def _new_event(
        self, watch: Watch, kind: Kind, start_s: float, score: float, evidence: tuple[Evidence, ...]
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


def _low(watch: Watch) -> bool:
    """Whether somebody was last seen neither upright, nor as high as on a bed, nor leaving the picture."""
    last = watch.history.last if watch.history.samples else None
    if last is None or watch.descent is None or last.leaving:
        return False
    return last.inclination_rad >= UPRIGHT_RAD and watch.descent.drop(last.hip_y) >= FLOOR_DROP


def _lying_evidence(watch: Watch) -> Evidence:
    return Evidence("torso_inclination", watch.history.last.inclination_rad, "rad", LYING_RAD)
