"""How the robot asks somebody how they are. Silence and unclear words never mean "fine"."""

from __future__ import annotations

from py_trees.behaviour import Behaviour
from py_trees.common import Status
from py_trees.composites import Selector
from py_trees.composites import Sequence as InTurn

from care_robot.care.dialogue import Intent, Question, understand
from care_robot.care.text import Text
from care_robot.planning.behaviours import Do, If, Say, Work
from care_robot.planning.idioms import Stopwatch
from care_robot.planning.run import Run
from care_robot.planning.skills import Failure, Job
from care_robot.planning.tasks import TaskErrorCode

QUESTIONS = (
    Text("어떻게 지내세요? 불편한 데는 없으세요?", "How are you? Is anything troubling you?"),
    Text(
        "잘 못 들었어요. 몸이 어떠신지 말씀해 주시겠어요?",
        "I did not catch that. Please tell me how you are.",
    ),
    Text(
        "도움이 필요하시면 도움 버튼을, 별일 없으시면 다른 버튼을 눌러 주세요.",
        "Please press a button: one if you need help, the other if all is well.",
    ),
)
CHOICES = (Text("괜찮아요", "I'm fine"), Text("도와주세요", "Help me"))
RAISE_AGAIN_S, RAISE_S = 2.0, 60.0
"""A call for help that is not taken is made again, and given up after so long."""


def check_talk(run: Run) -> Behaviour:
    """Ask, and call somebody where help is wanted."""
    talk = AskHowTheyAre(run)

    def well() -> None:
        run.summary = _WELL

    fine = InTurn("all is well", memory=True, children=[
        If("no help is wanted", run, lambda: not talk.help_wanted),
        Do("note it", run, well),
        Say(run, lambda: run.words(_GLAD), name="say goodbye", wait=False),
    ])  # fmt: skip
    help_ = InTurn("help is wanted", memory=True, children=[
        CallForHelp(run, talk),
        Say(run, lambda: run.words(_CALLED), name="say so", wait=False),
    ])  # fmt: skip
    return InTurn("talk", memory=True, children=[
        talk, Selector("answer", memory=True, children=[fine, help_]),
    ])  # fmt: skip


class AskHowTheyAre(Work):
    """Asks up to three times, each time in other words; succeeds with an answer that is clear.

    Attributes
    ----------
    help_wanted
        What the clear answer was.
    words
        Of the answer.
    """

    def __init__(self, run: Run) -> None:
        super().__init__("ask how they are", run)
        self.help_wanted, self.words = False, ""

    def initialise(self) -> None:
        """Begin anew."""
        super().initialise()
        self.help_wanted, self.words = False, ""
        self._asked, self._heard, self._repeat = 0, False, False

    def order(self) -> Job:
        """Put the next question."""
        self.run.step = _ASKING
        question = QUESTIONS[self._asked - self._repeat]
        self._asked, self._repeat = self._asked + 1, False
        self.feedback_message = question.en
        return self.run.skills.ask(f"check-{self.run.task.id}-{self._asked}", question, CHOICES)

    def after(self, job: Job) -> Status:
        """Judge the answer."""
        if job.failure is not None and job.failure.code is not TaskErrorCode.NO_ANSWER:
            return self.fail(job.failure)
        if job.answer is not None:
            said = job.answer
            intent = understand(said.text, said.language, said.confidence, Question.CHECK).intent
            self.feedback_message = intent.value
            if intent is Intent.OK or intent in _HELP:
                self.help_wanted, self.words = intent in _HELP, said.text
                return Status.SUCCESS
            if intent is Intent.STOP:
                return self.fail(Failure(TaskErrorCode.NO_ANSWER, _NOT_NOW))
            self._heard = self._heard or intent is not Intent.REPEAT
            self._repeat = intent is Intent.REPEAT
        if self._asked < len(QUESTIONS):
            self.job = None
            return Status.RUNNING
        sentence = _UNCLEAR if self._heard else _SILENT
        return self.fail(Failure(TaskErrorCode.NO_ANSWER, sentence))


class CallForHelp(Work):
    """Raises the alarm, again and again where it is not taken; fails only after a minute of that."""

    def __init__(self, run: Run, talk: AskHowTheyAre) -> None:
        super().__init__("raise the alarm", run)
        self._talk = talk

    def initialise(self) -> None:
        """Begin."""
        super().initialise()
        self._watch = Stopwatch(self.run.skills.now_s)
        self._next_s = 0.0

    def order(self) -> Job | None:
        """Raise it, once in a while."""
        if self._watch.read() < self._next_s:
            return None
        self._next_s = self._watch.read() + RAISE_AGAIN_S
        run = self.run
        run.step = _CALLING
        room = run.person.room if run.person is not None else ""
        reason = Text(
            f"안부를 물었더니 도움이 필요하다고 했습니다: {self._talk.words[:200]}",
            f"Asked how they are, they want help: {self._talk.words[:200]}",
        )
        run.skills.audit("help_wanted", reason, run.task.resident_id)
        return run.skills.raise_help(f"check-{run.task.id}", run.task.resident_id, room, reason)

    def after(self, job: Job) -> Status:
        """Done, or try again."""
        if job.failure is None:
            self.run.summary = _HELP_CALLED
            return Status.SUCCESS
        self.feedback_message = job.failure.sentence.en
        if self._watch.read() >= RAISE_S:
            return self.fail(Failure(TaskErrorCode.NOT_CAPABLE, _NOT_RAISED))
        self.job = None
        return Status.RUNNING


_HELP = (Intent.HELP, Intent.CALL)
_NOT_NOW = Text(
    "지금은 이야기하고 싶지 않다고 했습니다.", "They did not want to talk; how they are is not known."
)
_ASKING = Text("어떻게 지내시는지 묻습니다.", "Asking how they are.")
_CALLING = Text("도움이 필요하다고 해서 담당자를 부릅니다.", "They want help: calling the carer.")
_WELL = Text("잘 지낸다고 대답했습니다.", "They answered that all is well.")
_HELP_CALLED = Text(
    "도움이 필요하다고 해서 담당자를 불렀습니다.", "They wanted help, and the carer was called."
)
_GLAD = Text("다행이에요. 필요하시면 언제든 불러 주세요.", "I am glad. Call me whenever you need me.")
_CALLED = Text("담당자에게 연락했어요. 곁에 있을게요.", "I have called your carer.")
_SILENT = Text("여러 번 물었지만 대답이 없습니다.", "Asked several times, they gave no answer.")
_UNCLEAR = Text(
    "여러 번 물었지만 대답이 분명하지 않습니다.", "Asked several times, they gave no clear answer."
)
_NOT_RAISED = Text(
    "도움이 필요하다고 했지만 알림을 올리지 못했습니다. 직접 확인해 주세요.",
    "They want help, but no alarm could be raised: go and see them.",
)
