"""Whom a task is about, where they are, and where the robot stands to be with them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from care_robot.care.places import PlaceUnknownError
from care_robot.care.text import Text
from care_robot.planning.approach import FALLEN, ROBOT_RADIUS_M, Spot, around, side_bearings, standoffs
from care_robot.planning.run import NO_SPOT, TRIES, Run
from care_robot.planning.skills import Failure, OpenAlarm, SeenPerson
from care_robot.planning.tasks import TaskErrorCode

PRIVATE_ROOMS = frozenset({"bathroom", "toilet", "changing_room"})
"""Where the robot's camera goes to the rescue alone (domain.md, Privacy)."""
BESIDE_M, BESIDE_RAD = 0.3, math.radians(30.0)
"""A robot that is off its spot by no more than this stays where it is."""

NOBODY_KNOWN = Failure(
    TaskErrorCode.PERSON_NOT_FOUND,
    Text("어디에 있는지 알 수 없습니다.", "It is not known where they are."),
)


def spots_of(run: Run, name: str) -> list[Spot] | Failure:
    """The spot of a place."""
    try:
        place = run.places.pose_of(name)
    except PlaceUnknownError as error:
        return Failure(TaskErrorCode.PLACE_UNKNOWN, error.sentence)
    return [Spot.at(place.x_m, place.y_m, place.heading_deg)]


def nearest(run: Run, people: Iterable[SeenPerson]) -> SeenPerson | None:
    """Whom the robot is nearest to."""
    robot = run.skills.robot() or Spot(0.0, 0.0, 0.0)
    return min(people, key=lambda person: robot.distance_m(person.xy), default=None)


def somebody(run: Run, rooms: Sequence[str] = ()) -> SeenPerson | None:
    """Whom the task names, else the nearest in these rooms, who lies there before others, or anywhere."""
    people = run.skills.people()
    if run.task.person_id:
        return next((person for person in people if person.id == run.task.person_id), None)
    there = [p for p in people if not rooms or p.room in rooms]
    down = [p for p in there if rooms and p.down]
    return nearest(run, down or there)


def fallen(run: Run) -> SeenPerson | None:
    """Whom the alarm is about: of its event, else who lies in its room and is in no other alarm."""
    alarm = alarm_of(run)
    people = list(run.skills.people())
    if alarm is None:
        return None
    for person in people:
        if person.id == alarm.person_id:
            return person
    if run.person is not None:  # once found, the same one, while they are seen
        for person in people:
            if person.id == run.person.id:
                return person
    taken = {other.person_id for other in run.skills.alarms() if other.id != alarm.id}
    there = [p for p in people if p.id not in taken and (not alarm.room or p.room == alarm.room)]
    return nearest(run, [p for p in there if p.down] or there)


def alarm_of(run: Run) -> OpenAlarm | None:
    """The alarm that the task answers, while it is open."""
    return next((alarm for alarm in run.skills.alarms() if alarm.id == run.task.alarm_id), None)


def fallen_xy(run: Run) -> tuple[float, float] | None:
    """Where the fallen person is, as well as is known: seen, of the event, or somewhere in the room."""
    person = fallen(run)
    alarm = alarm_of(run)
    if person is not None:
        return person.xy
    if alarm is None:
        return None
    if alarm.xy is not None:
        return alarm.xy
    spots = spots_of(run, alarm.room)
    return None if isinstance(spots, Failure) else spots[0][:2]


def beside_fallen(run: Run) -> list[Spot] | Failure:
    """Where to stand for the fallen person; the room's own spot where nobody can be seen."""
    person, alarm = fallen(run), alarm_of(run)
    run.person = person
    if person is None and alarm is not None and alarm.xy is not None:
        person = SeenPerson("", alarm.xy, alarm.room)
    if person is None:
        return spots_of(run, alarm.room) if alarm and alarm.room in run.places.places else NOBODY_KNOWN
    person = replace(person, down=True)
    spots = beside(run, person)
    near = [] if isinstance(spots, Failure) else spots[: TRIES - 1]
    # Better at the door of a small room than not there at all, but never upon who lies there.
    room = run.places.room_at(*person.xy) or person.room
    last = spots_of(run, room) if room in run.places.places else []
    far = [] if isinstance(last, Failure) else [s for s in last if edge_m(s, person) >= FALLEN.near_m]
    return [*near, *far] or NO_SPOT


def beside_person(run: Run) -> list[Spot] | Failure:
    """Where to stand to talk with `run.person`, where they are now."""
    person = still(run)
    return NOBODY_KNOWN if person is None else beside(run, person)


def still(run: Run) -> SeenPerson | None:
    """`run.person` as seen now, else as seen last."""
    if run.person is None:
        return None
    now = next((p for p in run.skills.people() if run.person and p.id == run.person.id), None)
    run.person = now or run.person
    return run.person


def fallen_room(run: Run) -> str:
    """Where the fallen person is seen to be, else where the alarm says."""
    person, alarm = fallen(run), alarm_of(run)
    return (person.room if person is not None else "") or (alarm.room if alarm is not None else "")


def edge_m(spot: Spot, person: SeenPerson) -> float:
    """From the edge of a robot that stands there to the nearest point of the body."""
    return min(map(spot.distance_m, [person.xy, *person.body.tolist()])) - ROBOT_RADIUS_M - person.reach_m


def too_near(run: Run, spot: Spot) -> bool:
    """Whether a robot at this spot would be too near to the fallen person, who may have moved."""
    person = fallen(run)
    return person is not None and edge_m(spot, replace(person, down=True)) < FALLEN.near_m - BESIDE_M


def is_beside(run: Run, *, facing: bool = True) -> bool:
    """Whether the robot is with the fallen person already: on a good spot, or at least no further away."""
    robot, person = run.skills.robot(), fallen(run)
    if robot is None or person is None:
        return False
    floor, room_of = run.skills.floor(), run.places.room_at
    if room_of(*robot[:2]) != room_of(*person.xy) and (floor is None or not floor.sees(robot, person.xy)):
        return False
    away_m = edge_m(robot, person)
    turn = math.atan2(person.xy[1] - robot.y_m, person.xy[0] - robot.x_m) - robot.yaw_rad
    if away_m > FALLEN.far_m + BESIDE_M:
        return False
    return not facing or (away_m >= FALLEN.near_m - BESIDE_M and math.cos(turn) > math.cos(BESIDE_RAD))


def person_xy(run: Run) -> tuple[float, float] | None:
    """Where `run.person` is."""
    person = still(run)
    return person.xy if person is not None else None


def beside(run: Run, person: SeenPerson, bearings_rad: Sequence[float] = ()) -> list[Spot] | Failure:
    """Spots around somebody: in their room, then outside it where the map says that nothing is in between."""
    robot, floor = run.skills.robot(), run.skills.floor()
    if robot is None:
        return NO_SPOT
    spots = standoffs(
        person.xy,
        person.body,
        person.ring,
        robot,
        floor=floor,
        bearings_rad=bearings_rad,
        reach_m=person.reach_m,
    )
    room = run.places.room_at(*person.xy)
    inside = [spot for spot in spots if run.places.room_at(spot.x_m, spot.y_m) == room]
    outside = [spot for spot in spots if spot not in inside] if floor is not None else []
    return [*inside, *outside] or NO_SPOT


def side_view(run: Run) -> list[Spot] | Failure:
    """Where a lying body is seen from the side, or where `people` would like to look from."""
    person = still(run)
    if person is None:
        return NOBODY_KNOWN
    wanted = person.look_again_rad
    bearings = around(wanted) if wanted is not None else side_bearings(person.body)
    return beside(run, person, bearings)


def rooms_of(run: Run) -> list[str]:
    """Rooms to look for somebody in: those that the task names in its order, else all, nearest first."""
    if run.task.places:
        return list(run.task.places)
    robot = run.skills.robot() or Spot(0.0, 0.0, 0.0)

    def far(name: str) -> float:
        place = run.places.pose_of(name)
        return robot.distance_m((place.x_m, place.y_m))

    return sorted((name for name in run.places.rooms if name not in PRIVATE_ROOMS), key=far)
