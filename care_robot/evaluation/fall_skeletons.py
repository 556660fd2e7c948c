"""``bench falls``, ordinary living: people who do what people do at home, as skeletons, without a fall.

Two people live through the hours of a day in the apartment: one who lives there and, by day, one who comes
and goes. Their landmarks are projected into the camera of the room that they are in, made as wrong as a pose
model makes them (`fall_skeletons_noise`), and go through the tracker and the detector that the nodes run.
Every event that is confirmed is false. A picture is looked at as often as the pose estimator does: ten times
a second while somebody moves, else twice.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from care_robot.care.places import read_places
from care_robot.evaluation.fall_bench import Row, evidence
from care_robot.evaluation.fall_bench_recipe import BODY_SEEDS
from care_robot.evaluation.fall_skeletons_noise import Noisy
from care_robot.evaluation.fall_skeletons_table import SIZE, TABLE
from care_robot.perception import ground
from care_robot.perception.bodies import Array, Body
from care_robot.perception.fall_events import FallEvent, Kind, State
from care_robot.perception.falls import FallDetector
from care_robot.perception.people import PeopleTracker, View, room_of
from care_robot.simulation.building import SHARE, fixed_cameras, load_world, world_cameras
from care_robot.simulation.kinematic_inhabitant import Inhabitant
from care_robot.simulation.kinematic_people import Lens
from care_robot.simulation.person import Act, ActError, ActKind
from care_robot.simulation.recipe import PersonRecipe, Recipe, Role

HOURS = 3.0
"""Of one row. The watch begins anew in each, while everybody is up."""

WORLD = "apartment"
STEP_S, IDLE_STEP_S = 0.1, 0.5
QUIET_S = 1.0
"""As in the pose estimator: nothing has moved for so long."""
_DAY_H = 24.0
_NIGHT = (22.0, 6.5)


@dataclass(frozen=True)
class Plan:
    """Something to do, and for how long to stay so, s."""

    act: Act
    stay_s: float


def ordinary(draw: np.random.Generator, hour: float, *, lives_here: bool) -> Iterator[Plan]:
    """What somebody does one after the other from an hour of the day on, for ever."""
    now_h = hour

    def stay(low_s: float, high_s: float) -> float:
        return float(draw.uniform(low_s, high_s))

    def sit(*places: str) -> Act:
        place = places[int(draw.integers(len(places)))]
        return Act(ActKind.SIT, place=place, speed=float(draw.uniform(0.8, 2.0)))

    def walk(*places: str) -> Act:
        place = places[int(draw.integers(len(places)))]
        return Act(ActKind.WALK, place=place, speed=float(draw.uniform(0.8, 1.5)))

    def on_the_spot(kind: ActKind) -> Act:
        return Act(kind, speed=float(draw.uniform(0.8, 2.0)))

    def night() -> list[Plan]:
        bed = Plan(
            Act(ActKind.LIE_ON_FURNITURE, place="bed", speed=float(draw.uniform(0.8, 1.5))), stay(1200, 5400)
        )
        edge = Plan(Act(ActKind.SIT, place="bed"), stay(5, 60))
        return [bed, edge, Plan(sit("toilet"), stay(60, 300))]

    def day() -> list[Plan]:
        choices: tuple[tuple[float, list[Plan]], ...] = (
            (4, [Plan(sit("sofa", "sofa_left", "armchair"), stay(120, 1500))]),  # television
            (2, [Plan(sit("kitchen_chair", "kitchen_chair_2"), stay(120, 1200))]),  # a meal
            (2, [Plan(walk("kitchen_sink", "kitchen_counter"), stay(30, 400))]),  # cooking, washing up
            (1, [Plan(sit("toilet"), stay(60, 300))]),
            (1, [Plan(sit("bedroom_chair"), stay(20, 200)), Plan(on_the_spot(ActKind.BEND), stay(2, 20))]),
            (2, [Plan(walk("living_room", "bedroom", "kitchen", "window", "bed_foot"), stay(5, 120))]),
            (
                2,
                [
                    Plan(walk("living_room", "kitchen", "bed_side"), 1.0),
                    Plan(on_the_spot(ActKind.BEND), stay(2, 15)),
                ],
            ),
            (
                1,
                [
                    Plan(walk("living_room", "bedroom", "kitchen"), 1.0),
                    Plan(on_the_spot(ActKind.CROUCH), stay(2, 15)),
                ],
            ),
            (1, [Plan(walk("living_room", "bedroom"), 1.0), Plan(on_the_spot(ActKind.KNEEL), stay(5, 90))]),
            (1, [Plan(walk("hall"), stay(10, 600))]),
        )
        if lives_here:  # a nap
            nap = Plan(
                Act(ActKind.LIE_ON_FURNITURE, place="bed", speed=float(draw.uniform(0.8, 2.0))),
                stay(300, 2400),
            )
            choices = (*choices, (0.7, [nap, Plan(Act(ActKind.SIT, place="bed"), stay(3, 60))]))
        else:
            choices = (*choices, (6, [Plan(walk("entrance"), stay(600, 3600))]))  # out of the house
        weights = np.array([weight for weight, _ in choices], dtype=np.float64)
        return choices[int(draw.choice(len(choices), p=weights / weights.sum()))][1]

    yield Plan(on_the_spot(ActKind.STAND), stay(5, 60))
    while True:
        asleep = now_h >= _NIGHT[0] or now_h < _NIGHT[1]
        if asleep and not lives_here:
            plans = [Plan(walk("entrance"), 3600.0)]
        else:
            plans = night() if asleep else day()
        for plan in plans:
            now_h = (now_h + (plan.stay_s + 15.0) / 3600.0) % _DAY_H
            yield plan


@dataclass
class _Living:
    """One person, with what comes next."""

    inhabitant: Inhabitant
    noisy: Noisy
    plans: Iterator[Plan]
    next_s: float = 0.0
    moved_s: float = 0.0
    stay_s: float = 0.0
    refused: int = 0

    def advance(self, now_s: float, dt_s: float) -> None:
        """Let time pass up to `now_s`."""
        person = self.inhabitant.person
        if person.busy:
            self.inhabitant.step(now_s, dt_s, {})
            self.moved_s, self.next_s = now_s, now_s + self.stay_s
        elif now_s >= self.next_s:
            plan = next(self.plans)
            self.stay_s = plan.stay_s
            try:
                self.inhabitant.act(plan.act, now_s)
            except ActError:
                self.refused += 1
                self.next_s = now_s + 1.0


@dataclass
class Lived:
    """What became of some hours."""

    events: list[FallEvent] = field(default_factory=list)
    postures: list[str] = field(default_factory=list)  # what the person of each event did then
    pictures: int = 0
    bodies: int = 0
    refused: int = 0


def live(seed: int, n: int, hours: float = HOURS) -> Lived:
    """Live through the hours of row `n`; the hour of the day follows from it."""
    begin_h = (6.5 + HOURS * n) % _DAY_H
    world, homes = load_world(WORLD), _Home(seed, n, begin_h)
    mounted = fixed_cameras(WORLD)
    lenses = {room_of(c.name): Lens.of(c, mounted[c.name]) for c in world_cameras(WORLD) if c.name in mounted}
    ups = {room: np.asarray(lens.optical.rotation()[2]) for room, lens in lenses.items()}
    known_lenses = {room: ground.Lens(lens.model, lens.optical) for room, lens in lenses.items()}
    places = read_places(SHARE / "config" / "places" / f"{WORLD}.yaml")
    tracker, detector, lived = PeopleTracker(n, places), FallDetector(), Lived()
    known: set[tuple[str, Kind]] = set()
    now_s = 0.0
    while now_s < hours * 3600.0:
        moving = any(now_s - one.moved_s < QUIET_S for one in homes.people)
        now_s = round(now_s + (STEP_S if moving else IDLE_STEP_S), 3)
        bodies: dict[str, list[Body]] = {room: [] for room in lenses}
        for one in homes.people:
            one.advance(now_s, STEP_S)
            points = one.inhabitant.landmarks_m
            x, y, _ = one.inhabitant.person.hips_m
            room = world.room_at(x, y)
            if room not in lenses:
                continue
            truth = seen_by(lenses[room], points)
            body = one.noisy.see(truth, one.inhabitant.person.posture, ups[room], now_s)
            if body is not None:
                bodies[room].append(body)
        for room, lens in lenses.items():
            aspect = lens.model.width / lens.model.height
            tracker.update(View(lens.name, now_s, aspect, ups[room], known_lenses[room]), bodies[room])
        lived.pictures += len(lenses)
        lived.bodies += sum(map(len, bodies.values()))
        for event in detector.update(now_s, tracker.people(now_s)):
            if event.state is State.CONFIRMED and (event.id, event.kind) not in known:
                known.add((event.id, event.kind))
                lived.events.append(event)
                lived.postures.append(
                    " and ".join(o.inhabitant.person.posture.name.lower() for o in homes.people)
                )
    lived.refused = sum(one.refused for one in homes.people)
    return lived


class _Home:
    """The people of one row."""

    def __init__(self, seed: int, n: int, begin_h: float) -> None:
        draw = np.random.default_rng((seed, 60, n))
        first = BODY_SEEDS + 1000 * seed + 500 + 2 * n
        recipe = Recipe(world=WORLD, seed=0, people=())
        self.people = []
        for i, (name, role, place) in enumerate(
            (("resident", Role.RESIDENT, "bedroom"), ("visitor", Role.VISITOR, "entrance"))
        ):
            person = PersonRecipe(name, role=role, seed=first + i, place=place)
            plans = ordinary(draw.spawn(1)[0], begin_h, lives_here=role is Role.RESIDENT)
            noisy = Noisy(TABLE, draw.spawn(1)[0], SIZE)
            self.people.append(_Living(Inhabitant(recipe, person, None, 0.0), noisy, plans))


def seen_by(lens: Lens, landmarks_m: Array) -> Body:
    """What a perfect pose model finds: visibility 1 in the picture, else 0."""
    body = lens.body(landmarks_m)
    ahead = lens.optical.inverse().apply(landmarks_m)[:, 2] > 0.1
    inside = ahead & ((body.image >= 0.0) & (body.image <= 1.0)).all(axis=1)
    return Body(body.image, body.world, np.where(inside, 1.0, 0.0), 1.0)


def row_of(seed: int, n: int, hours: float) -> Row:
    """The report's row of some hours."""
    begin_s = time.monotonic()
    lived = live(seed, n, hours)
    reasons = [
        f"{event.kind.name} at {(event.confirmed_s or 0.0) / 3600:.2f} h while {posture}: {evidence(event)}"
        for event, posture in zip(lived.events, lived.postures, strict=True)
    ]
    return {
        "part": "skeletons",
        "n": n,
        "hours": hours,
        "false_events": len(lived.events),
        "reason": "; ".join(reasons),
        "pictures": lived.pictures,
        "bodies": lived.bodies,
        "acts_refused": lived.refused,
        "wall_s": round(time.monotonic() - begin_s, 1),
    }
