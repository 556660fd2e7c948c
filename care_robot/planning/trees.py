"""A behaviour tree for each kind of task."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from py_trees.behaviour import Behaviour
from py_trees.composites import Selector
from py_trees.composites import Sequence as InTurn
from py_trees.decorators import FailureIsSuccess, Repeat

from care_robot.care.text import NO_TEXT, Text
from care_robot.planning import finding
from care_robot.planning import tree_words as words
from care_robot.planning.approach import Spot
from care_robot.planning.behaviours import Beside, Do, Drive, If, LookFor, Rest, Say, Wait, Work
from care_robot.planning.conversation import check_talk
from care_robot.planning.idioms import Finally, TimeLimit
from care_robot.planning.run import LEFT_M, Run
from care_robot.planning.skills import Failure, Job, SeenPerson
from care_robot.planning.tasks import TaskErrorCode, TaskKind

ANNOUNCE_S = 4.0  # then it moves off even where its announcement still waits for its turn
LOOK_S, VIEW_S = 3.0, 5.0
CLEAN_UP_S, STOW_S = 5.0, 30.0
BASE, SPEECH, ARM = "base", "speech", "arm"
NEEDS = {
    TaskKind.RESPOND_TO_FALL: {BASE},
    TaskKind.CHECK_ON: {BASE, SPEECH},
    TaskKind.PATROL: {BASE},
    TaskKind.GO_TO: {BASE},
    TaskKind.COME_HERE: {BASE},
    TaskKind.LOOK_AGAIN: {BASE},
    TaskKind.SAY: {SPEECH},
}
"""Parts of a robot that each kind of task needs."""

_SKIPPED = (TaskErrorCode.UNREACHABLE, TaskErrorCode.PLACE_UNKNOWN)
_STUCK = (TaskErrorCode.LOST, TaskErrorCode.NOT_CAPABLE, TaskErrorCode.STOPPED)


def kinds_for(parts: frozenset[str]) -> frozenset[TaskKind]:
    """Kinds of task that a robot with these parts can do."""
    return frozenset(kind for kind, needs in NEEDS.items() if needs <= parts)


def tree(run: Run, parts: frozenset[str]) -> Finally:
    """The whole tree of a task: its work, and then the clean-up, however the work ended.

    Parameters
    ----------
    run
        What its behaviours share; `run.task` is of a kind in `NEEDS`.
    parts
        Of this robot.
    """
    kind = TaskKind(run.task.kind)
    limit_s = STOW_S if ARM in parts else CLEAN_UP_S
    root = Finally(_WORK[kind](run), _clean_up(run, parts), limit_s, run.skills.now_s)
    root.name = kind.word
    return root


def _clean_up(run: Run, parts: frozenset[str]) -> Behaviour:
    steps: list[Behaviour] = [Rest("come to rest", run)]
    if ARM in parts:  # where a stop is latched, not even that
        stays = If("stopped", run, lambda: run.ending is TaskErrorCode.STOPPED or run.skills.stopped())
        folded = If("folded", run, run.skills.stowed)
        steps.append(_either("safe arm", stays, folded, _Stow("stow", run)))
    silent = If("nothing to say", run, lambda: _last_words(run) == NO_TEXT)
    say = Say(run, lambda: run.words(_last_words(run)), wait=False)
    steps.append(_either("last words", silent, say))
    return _in_turn("clean up", *steps)


def _last_words(run: Run) -> Text:
    """What the robot says where it leaves something undone; of a fall response the alarm tells."""
    if run.task.kind in (TaskKind.RESPOND_TO_FALL, TaskKind.SAY):
        return NO_TEXT
    if run.ending is TaskErrorCode.PREEMPTED and run.arrived:
        return words.LATER
    succeeded = run.summary != NO_TEXT
    return NO_TEXT if run.ending or succeeded or run.failure is None else run.failure.sentence


class _Stow(Work):
    """Folds the arm."""

    def order(self) -> Job:
        """Have it folded."""
        return self.run.skills.stow()


# What is done ------------------------------------------------------------------------------------------


def _respond_to_fall(run: Run) -> Behaviour:
    looked = False

    def wants_view() -> bool:
        person = finding.fallen(run)
        return not looked and person is not None and person.look_again_rad is not None

    def note_look() -> None:
        nonlocal looked
        looked = True

    def near() -> bool:
        robot, xy = run.skills.robot(), finding.fallen_xy(run)
        return robot is None or xy is None or robot.distance_m(xy) <= LEFT_M

    announce = _either(
        "before moving off", If("already there", run, near), _announce(run, words.GOING_TO_SEE)
    )
    room = finding.fallen_room(run)
    why = words.to_fallen(run.places.label(room) if room else NO_TEXT)
    go = _either(
        "be with the person",
        If("beside them", run, lambda: finding.is_beside(run)),
        Drive(
            "go to the person",
            run,
            finding.beside_fallen,
            why,
            finding.fallen_xy,
            too_near=finding.too_near,
        ),
        If("as near as can be", run, lambda: finding.is_beside(run, facing=False)),
    )
    aside = _in_turn(
        "look from the side",
        Do("only once", run, note_look),
        Drive("go to the side", run, finding.side_view, words.SIDE, too_near=finding.too_near),
    )
    view = _either(
        "another look",
        If("none is wanted", run, lambda: not wants_view()),
        FailureIsSuccess("if it can be", aside),
    )
    stay = Beside(run, finding.fallen, wants_view, words.STAYING)
    loop = Repeat("until the alarm is over", _in_turn("go and stay", go, view, stay), num_success=-1)
    return _in_turn("respond", announce, loop)


def _go_to(run: Run) -> Behaviour:
    goal = run.task.pose
    if goal is None:
        name = run.task.places[0] if run.task.places else ""
        label = run.places.label(name)
        return _in_turn(
            "go", _announce(run, words.to_place(label)), _drive_to(run, name), _done(run, words.at(label))
        )

    spot = Spot(goal.x_m, goal.y_m, goal.heading_rad)
    return _in_turn(
        "go",
        _announce(run, words.MOVING),
        Drive("go to the pose", run, lambda _: [spot], words.MOVING),
        _done(run, words.ARRIVED),
    )


def _come_here(run: Run) -> Behaviour:
    return _in_turn(
        "come",
        LookFor("find the person", run, finding.somebody, LOOK_S, words.not_seen(run.task.person_id)),
        _announce(run, words.COMING),
        _approach(run),
        _done(run, words.ARRIVED),
    )


def _look_again(run: Run) -> Behaviour:
    return _in_turn(
        "look again",
        LookFor("find the person", run, finding.somebody, LOOK_S, words.not_seen(run.task.person_id)),
        _announce(run, words.COMING),
        Drive("go to the side", run, finding.side_view, words.SIDE),
        _arrive(run),
        Wait("look", run, VIEW_S),
        _done(run, words.LOOKED),
    )


def _patrol(run: Run) -> Behaviour:
    count = len(run.task.places)

    def visit(number: int, name: str) -> Behaviour:
        def skip() -> Failure | None:
            if run.failure is not None and run.failure.code in _SKIPPED:
                run.skipped.append(run.places.label(name))
                return None
            return run.failure

        def note() -> None:
            run.visited = number

        see = _in_turn(f"see {name}", _drive_to(run, name), _arrive(run), Wait("look", run, LOOK_S))
        return _in_turn(f"place {number}", _either(name, see, Do("skip", run, skip)), Do("note", run, note))

    def sum_up() -> Failure | None:
        summary = words.patrolled(count, run.skipped)
        if run.skipped and len(run.skipped) == count:
            return Failure(TaskErrorCode.UNREACHABLE, summary)
        run.summary = summary
        return None

    left = list(enumerate(run.task.places, 1))[run.visited :]
    stops = (visit(number, name) for number, name in left)
    return _in_turn("patrol", _announce(run, words.PATROLLING), *stops, Do("sum up", run, sum_up))


def _check_on(run: Run) -> Behaviour:
    rooms = finding.rooms_of(run)

    def stuck() -> bool:
        return run.failure is not None and run.failure.code in _STUCK

    def look(name: str, where: Sequence[str]) -> Behaviour:
        def find(run: Run) -> SeenPerson | None:
            return finding.somebody(run, where)

        return LookFor(name, run, find, LOOK_S, words.not_seen())

    def visit(name: str) -> Behaviour:
        return _in_turn(
            name,
            If("can drive", run, lambda: not stuck()),
            _drive_to(run, name, words.looking_in(run.places.label(name))),
            look("anybody here?", [name]),
        )

    def nobody() -> Failure | None:
        return run.failure if stuck() else words.nobody([run.places.label(name) for name in rooms])

    find = _either(
        "find the resident",
        look("seen already?", rooms),
        *(visit(name) for name in rooms),
        Do("nobody", run, nobody),
    )
    return _in_turn("check on", _announce(run, words.CHECKING), find, _approach(run), check_talk(run))


def _say(run: Run) -> Behaviour:
    def note() -> None:
        run.summary = words.SAID

    text = Say(run, lambda: run.task.text, run.task.language, name="say it")
    return _in_turn("say", text, Do("done", run, note))


_WORK: dict[TaskKind, Callable[[Run], Behaviour]] = {
    TaskKind.RESPOND_TO_FALL: _respond_to_fall,
    TaskKind.CHECK_ON: _check_on,
    TaskKind.PATROL: _patrol,
    TaskKind.GO_TO: _go_to,
    TaskKind.COME_HERE: _come_here,
    TaskKind.LOOK_AGAIN: _look_again,
    TaskKind.SAY: _say,
}


# Parts of trees ----------------------------------------------------------------------------------------


def _in_turn(name: str, *children: Behaviour) -> InTurn:
    return InTurn(name, memory=True, children=list(children))


def _either(name: str, *children: Behaviour) -> Selector:
    return Selector(name, memory=True, children=list(children))


def _announce(run: Run, text: Text) -> Behaviour:
    """Say what comes before moving off; who cannot speak moves all the same."""

    def say() -> str:
        run.step = text
        return run.words(text)

    limited = TimeLimit(Say(run, say, name="say what comes"), ANNOUNCE_S, run.skills.now_s)
    return FailureIsSuccess("announce", limited)


def _drive_to(run: Run, name: str, why: Text | None = None) -> Drive:
    def spots(run: Run) -> Sequence[Spot] | Failure:
        return finding.spots_of(run, name)

    return Drive(f"go to {name}", run, spots, why or words.to_place(run.places.label(name)))


def _approach(run: Run) -> Behaviour:
    go = Drive("go to the person", run, finding.beside_person, words.TO_PERSON, finding.person_xy)
    return _in_turn("approach", go, _arrive(run))


def _arrive(run: Run) -> Behaviour:
    def arrive() -> None:
        run.arrived = True

    return Do("arrived", run, arrive)


def _done(run: Run, summary: Text) -> Behaviour:
    def end() -> None:
        run.arrived, run.summary = True, summary

    return Do("done", run, end)
