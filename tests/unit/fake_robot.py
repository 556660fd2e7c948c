"""A robot without a body: it drives, speaks and hears as the test says, on the test's own clock."""

from collections.abc import Sequence
from pathlib import Path

from py_trees.common import Status

from care_robot.care.places import read_places
from care_robot.care.text import Text
from care_robot.planning import trees
from care_robot.planning.approach import Floor, Spot
from care_robot.planning.idioms import Finally
from care_robot.planning.run import Run
from care_robot.planning.skills import Answer, Failure, Job, OpenAlarm, SeenPerson
from care_robot.planning.tasks import Priority, Task, TaskErrorCode, TaskKind

PLACES = read_places(Path(__file__).parents[2] / "config" / "places" / "apartment.yaml")
NO_WAY = Failure(TaskErrorCode.UNREACHABLE, Text("길이 없습니다.", "No way."))
NO_NAVIGATOR = Failure(TaskErrorCode.NOT_CAPABLE, Text("주행이 안 됩니다.", "No navigator."))
MUTE = Failure(TaskErrorCode.NOT_SPOKEN, Text("소리가 나지 않습니다.", "Not heard."))
CUT_OFF = Failure(TaskErrorCode.CANCELED, Text("그만두었습니다.", "Called off."))
SILENCE = Failure(TaskErrorCode.NO_ANSWER, Text("대답이 없습니다.", "No answer."))
TICK_S = 0.1


class FakeRobot:
    """Skills; what was done is in `did`, newest last."""

    def __init__(self) -> None:
        self.time_s = 1000.0
        self.here: Spot | None = Spot(5.6, 2.3, 0.0)
        self.seen: list[SeenPerson] = []
        self.open_alarms: list[OpenAlarm] = []
        self.map: Floor | None = None
        self.latched = False
        self.did: list[str] = []
        self.answers: list[str | Failure] = []
        """To the next questions; with none left they go on for ever."""
        self.way: dict[str, Failure] = {}
        """Rooms that cannot be reached, and why; "" stands for everywhere."""
        self.drives_by_itself = True
        self.says_by_itself: bool | Failure = True
        self.raises: list[Failure | None] = []
        self.stows_by_itself = True
        self.folded = False
        self.obeys_cancel = True
        self.jobs: dict[str, Job] = {}
        self.goals: list[Spot] = []

    def now_s(self) -> float:
        return self.time_s

    def robot(self) -> Spot | None:
        return self.here

    def stopped(self) -> bool:
        return self.latched

    def people(self) -> Sequence[SeenPerson]:
        return self.seen

    def floor(self) -> Floor | None:
        return self.map

    def alarms(self) -> Sequence[OpenAlarm]:
        return self.open_alarms

    def drive(self, spot: Spot) -> Job:
        room = PLACES.room_at(spot.x_m, spot.y_m)
        self.goals.append(spot)
        job = self._begin("drive", f"drive to {room}")
        why = self.way.get(room) or self.way.get("")
        if why is not None:
            job.end(why)
        elif self.drives_by_itself:
            self.here = spot
            job.end()
        return job

    def say(self, text: str, language: str) -> Job:
        job = self._begin("say", f"say {text}")
        if isinstance(self.says_by_itself, Failure):
            job.end(self.says_by_itself)
        elif self.says_by_itself:
            job.end()
        return job

    def ask(self, question_id: str, question: Text, choices: Sequence[Text]) -> Job:
        job = self._begin("ask", f"ask {question.ko}")
        if self.answers:
            answer = self.answers.pop(0)
            job.end(answer) if isinstance(answer, Failure) else job.end(None, Answer(answer, "ko"))
        return job

    def raise_help(self, source_id: str, resident_id: str, room: str, reason: Text) -> Job:
        job = self._begin("raise", f"raise {source_id} for {resident_id} in {room or '?'}")
        job.end(self.raises.pop(0) if self.raises else None)
        return job

    def stowed(self) -> bool:
        return self.folded

    def stow(self) -> Job:
        job = self._begin("stow", "stow")
        if self.stows_by_itself:
            job.end()
        return job

    def audit(self, outcome: str, reason: Text, resident_id: str = "") -> None:
        assert reason.ko
        assert reason.en
        self.did.append(f"audit {outcome}")

    def arrive(self) -> None:
        """The drive under way ends where it should."""
        self.here = self.goals[-1]
        self.jobs["drive"].end()

    def count(self, what: str) -> int:
        return sum(line.startswith(what) for line in self.did)

    def _begin(self, kind: str, line: str) -> Job:
        self.did.append(line)
        job = Job()

        def cancel() -> None:
            self.did.append(f"cancel {kind}")
            if self.obeys_cancel:
                job.end(CUT_OFF)

        job.on_cancel = cancel
        self.jobs[kind] = job
        return job


class Trial:
    """One task on such a robot."""

    def __init__(
        self,
        robot: FakeRobot,
        kind: TaskKind,
        *,
        visited: int = 0,
        parts: frozenset[str] = frozenset({"base", "speech"}),
        **words: object,
    ) -> None:
        task = Task(kind, Priority.OPERATOR, "박 간호사", 600.0, id="t1", **words)  # type: ignore[arg-type]
        self.robot = robot
        self.run = Run(task, robot, PLACES, visited=visited)
        self.root: Finally = trees.tree(self.run, parts)

    def tick(self, seconds: float = TICK_S) -> Status:
        """Tick for so long, or until the tree ends."""
        for _ in range(max(1, round(seconds / TICK_S))):
            self.root.tick_once()
            if self.root.status is not Status.RUNNING:
                break
            self.robot.time_s += TICK_S
        return self.root.status

    def cut_off(self, why: TaskErrorCode = TaskErrorCode.PREEMPTED) -> None:
        """As the runner does where something more urgent comes."""
        self.run.ending = why
        self.root.end()
