"""care_manager: alarms, escalation and notification; the only writer of the care database.

It activates itself and depends on nobody: without speech it pages at once, and when the disk is full it works
from memory.
"""

import math
import os
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from builtin_interfaces.msg import Time
from care_robot_msgs.action import Ask, Say
from care_robot_msgs.msg import Alarm as AlarmMsg
from care_robot_msgs.msg import AlarmArray, AlarmTransition, FallEvent, FallEventArray, Utterance
from care_robot_msgs.srv import AcknowledgeAlarm, RaiseAlarm, ResolveAlarm
from rclpy.action import ActionClient
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from care_robot.care.alarms import Alarm, Transition, digest
from care_robot.care.config import CareConfig, CareConfigError, load_config
from care_robot.care.effects import (
    AskResident,
    Effect,
    Outcome,
    PublishAlarms,
    Reply,
    SendPage,
    StopAsking,
    TellResident,
)
from care_robot.care.engine import CareEngine
from care_robot.care.inputs import (
    Acknowledge,
    AskEnded,
    AskResult,
    Attend,
    FallReport,
    FallsSeen,
    Heard,
    Input,
    Raise,
    Resolve,
    Tick,
)
from care_robot.care.keeper import AlarmKeeper, StorageError
from care_robot.care.pager import unwatched_pages
from care_robot.care.store import AlarmStore, DatabaseInUseError, DatabaseUnusableError, default_folder
from care_robot.gateways.notifications import Notifier, channels_of
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds, to_stamp
from care_robot.ros.node import CareNode, ConfigurationError, Health, Level, run_node
from care_robot.ros.parameters import parameter

PERIOD_S = 0.1
SPEECH_WAIT = timedelta(seconds=3)
"""How long a question waits for a speech node that is not there, such as one that is just starting."""
LAST_WORDS_S = 15.0
REPEAT_LAST_WORDS_S = 3600.0
SHOWN_STEPS = 200
"""Newest steps of one alarm that are published; the database has them all."""


@dataclass(frozen=True)
class Parameters:
    """Parameters of care_manager."""

    data_dir: str = parameter("", "Folder of the care database; empty for ~/.local/share/care_robot.")
    config_file: str = parameter("", "Residents, contacts and time-outs (care.yaml); empty for the defaults.")
    webhook_url: str = parameter("", "Webhook of tier 1, instead of those in config_file; empty for none.")
    language: str = parameter(
        "", "Language of speech instead of that in config_file.", choices=("", "ko", "en")
    )


class CareManagerNode(CareNode[Parameters]):
    """Puts the engine, the database, the pages and the topics together."""

    def __init__(self, **options: Any) -> None:
        super().__init__("care_manager", Parameters, **options)
        self._store: AlarmStore | None = None
        self._started = False
        self._ending = False

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Only at the end of the process: no other program may stop the alarms."""
        if not self._ending:
            self.get_logger().error(
                "Refused to be deactivated, because nobody would be watched over; end the process instead."
            )
            return TransitionCallbackReturn.FAILURE
        return super().on_deactivate(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of everything at the end."""
        self._ending = True
        return super().on_shutdown(state)

    def configure(self, parameters: Parameters) -> None:
        """Open the database and wire the topics; ConfigurationError where alarms could not be handled."""
        config = _config(parameters)
        # What comes from other threads waits here for the timer: the engine has one caller.
        self._inbox: SimpleQueue[Input] = SimpleQueue()
        channels = channels_of(config, lambda line: self.get_logger().warning(line))
        self._notifier = Notifier(channels, self._inbox.put)
        folder = Path(parameters.data_dir).expanduser() if parameters.data_dir else default_folder(os.environ)
        try:
            self._store = AlarmStore(folder)
            self._snapshot = self._store.load()
        except DatabaseInUseError as error:
            raise ConfigurationError(str(error)) from error
        except DatabaseUnusableError as error:
            self._say_that_nobody_watches(config, folder, str(error))
            raise ConfigurationError(str(error)) from error
        self._keeper = AlarmKeeper(CareEngine(config), self._store)
        self._started = False
        self._open_count = 0
        self._waiting: dict[str, tuple[AskResident, datetime]] = {}
        self._goals: dict[str, Any] = {}
        self._asker = ActionClient(self, Ask, "ask")
        self._teller = ActionClient(self, Say, "say")
        self.at_cleanup(self._asker.destroy)
        self.at_cleanup(self._teller.destroy)
        self._alarms = self.publisher(AlarmArray, "alarms", qos.LATCHED)
        self.subscribe(FallEventArray, "falls", qos.LATCHED, self._on_falls)
        self.subscribe(Utterance, "utterance", qos.STATE, self._on_utterance)
        self.serve(RaiseAlarm, "alarms/raise", self._on_raise)
        self.serve(AcknowledgeAlarm, "alarms/acknowledge", self._on_acknowledge)
        self.serve(ResolveAlarm, "alarms/resolve", self._on_resolve)
        # Deadlines are on the node clock, but the look at them is not: a clock set back stops its timers.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        timer = self.create_timer(PERIOD_S, self._gated(self._on_timer), clock=steady)
        self.at_cleanup(lambda: self.destroy_timer(timer))

    def _say_that_nobody_watches(self, config: CareConfig, folder: Path, problem: str) -> None:
        """Page the first tier, once an hour: believing to be watched over is worse than knowing better."""
        now = self._now()
        name = f"care_robot-{os.getuid()}-{digest(str(folder.absolute()))}.unwatched"
        # The folder is often just what cannot be written.
        marks = (folder / "care.db.unwatched", Path(tempfile.gettempdir()) / name)
        if any(0.0 <= now.timestamp() - _marked_s(mark) < REPEAT_LAST_WORDS_S for mark in marks):
            return
        self._notifier.send_by_any(unwatched_pages(config, now, problem), LAST_WORDS_S)
        any(_mark(mark) for mark in marks)

    def activate(self) -> None:
        """Go on with the alarms of the last run; with simulated time, as soon as there is a time."""
        if not self._started and self.now_s() > 0.0:
            self._start()

    def cleanup(self) -> None:
        """Close the database."""
        if self._store is None:
            return
        if self._started:
            try:
                self._keeper.close()
            except StorageError as error:
                self.get_logger().error(f"Alarms could not be stored before the end: {error}")
        self._store.close()
        self._store = None

    def diagnose(self) -> Health:
        """Whether every alarm is in the database."""
        unstored = len(self._keeper.unstored)
        values = {"open_alarms": str(self._open_count), "unstored_alarms": str(unstored)}
        if unstored:
            return Health(
                Level.ERROR, f"{unstored} alarms are not in the database; handled from memory", values
            )
        return Health(values=values)

    # In ----------------------------------------------------------------------------------------------

    def _on_falls(self, message: FallEventArray) -> None:
        self._handle(FallsSeen(tuple(map(_report, message.events))))

    def _on_utterance(self, message: Utterance) -> None:
        self._handle(Heard(message.text, _time(message.header.stamp)))

    def _on_raise(self, request: Any, response: Any) -> Any:
        fields = ("kind", "priority", "source_id", "resident_id", "room", "by", "reason")
        reply = self._handle(Raise(**{name: getattr(request, name) for name in fields})).reply
        response.alarm_id = reply.alarm_id
        return self._answer(reply, response)

    def _on_acknowledge(self, request: Any, response: Any) -> Any:
        taken = Attend if request.attended else Acknowledge
        return self._answer(self._handle(taken(request.alarm_id, request.by)).reply, response)

    def _on_resolve(self, request: Any, response: Any) -> Any:
        resolve = Resolve(request.alarm_id, request.by, request.reason)
        return self._answer(self._handle(resolve).reply, response)

    def _answer(self, reply: Reply, response: Any) -> Any:
        response.success = reply.refusal is None
        if reply.refusal is not None:
            response.error_code, response.error_msg = getattr(response, reply.refusal.name), reply.sentence
        elif reply.alarm_id in self._keeper.unstored:
            response.error_code = response.NOT_STORED
            response.error_msg = "Done, but not in the database yet; it is kept in memory and tried again."
        return response

    def _on_timer(self) -> None:
        if not self._started:
            self.activate()
        while True:
            try:
                self._handle(self._inbox.get_nowait())
            except Empty:
                break
        self._put_waiting_questions()
        if self._started:  # each time, not only at deadlines: a clock that is set back moves them
            self._handle(Tick())

    # Out ---------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._started = True
        self._carry_out(self._keeper.start(self._now(), self._snapshot))

    def _handle(self, item: Input) -> Outcome:
        if not self._started:
            self._start()
        outcome = self._keeper.handle(self._now(), item)
        self._carry_out(outcome)
        return outcome

    def _carry_out(self, outcome: Outcome) -> None:
        for (alarm_id, _), step in outcome.changes.transitions.items():
            self.get_logger().info(f"Alarm {alarm_id}: {step.event}, {step.state.name}: {step.reason.en}")
        for effect in outcome.effects:
            try:
                self._do(effect)
            except Exception:  # one effect that cannot be carried out must not keep the next from it
                self.note_error(type(effect).__name__)

    def _do(self, effect: Effect) -> None:
        match effect:
            case SendPage(page, channel, repeat):
                self._notifier.send(page, channel, repeat)
            case AskResident():
                self._waiting[effect.ask_id] = (effect, self._now() + SPEECH_WAIT)
                self._put_waiting_questions()
            case StopAsking(ask_id):
                self._waiting.pop(ask_id, None)
                goal = self._goals.pop(ask_id, None)
                if goal is not None:
                    goal.cancel_goal_async()
            case TellResident(language, text):
                if self._teller.server_is_ready():
                    self._teller.send_goal_async(Say.Goal(text=text, language=language))
            case PublishAlarms(alarms, unstored):
                self._open_count = sum(alarm.resolved_at is None for alarm in alarms)
                message = AlarmArray(alarms=[_alarm(a, a.id not in unstored) for a in alarms])
                message.header.stamp = _stamp(self._now())
                self._alarms.publish(message)

    def _put_waiting_questions(self) -> None:
        """Ask as soon as speech is there; where it does not come, say so to the engine and never wait."""
        for ask_id, (question, until) in list(self._waiting.items()):
            if self._asker.server_is_ready():
                del self._waiting[ask_id]
                self._goals[ask_id] = None
                goal = Ask.Goal(
                    question=question.question,
                    language=question.language,
                    answer_timeout=float(question.answer_timeout_s),
                    choices=list(question.choices),
                )
                self._asker.send_goal_async(goal).add_done_callback(lambda f, a=ask_id: self._on_goal(a, f))
            elif self._now() >= until:
                del self._waiting[ask_id]
                self._inbox.put(AskEnded(ask_id, AskResult.FAILED))

    def _on_goal(self, ask_id: str, future: Any) -> None:
        goal = future.result()
        if goal is None or not goal.accepted:
            self._inbox.put(AskEnded(ask_id, AskResult.FAILED))
        elif ask_id not in self._goals:  # settled while speech was making up its mind
            goal.cancel_goal_async()
        else:
            self._goals[ask_id] = goal
            goal.get_result_async().add_done_callback(lambda f: self._on_answer(ask_id, f))

    def _on_answer(self, ask_id: str, future: Any) -> None:
        self._goals.pop(ask_id, None)
        response = future.result()
        self._inbox.put(
            _ask_ended(ask_id, response.result) if response else AskEnded(ask_id, AskResult.FAILED)
        )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.now_s(), timezone.utc)


def _marked_s(path: Path) -> float:
    """When a mark was set; long ago for none, or one that somebody else put there."""
    try:
        found = path.lstat()
    except OSError:
        return -math.inf
    return found.st_mtime if found.st_uid == os.getuid() else -math.inf


def _mark(path: Path) -> bool:
    """Set a mark; false where that cannot be done."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return False
    try:
        os.utime(descriptor)
    finally:
        os.close(descriptor)
    return True


def _config(parameters: Parameters) -> CareConfig:
    try:
        config = (
            load_config(Path(parameters.config_file).expanduser()) if parameters.config_file else CareConfig()
        )
        if parameters.webhook_url:
            config = config.with_webhook(parameters.webhook_url)
    except CareConfigError as error:
        raise ConfigurationError(str(error)) from error
    return config.speaking(parameters.language) if parameters.language else config


def _ask_ended(ask_id: str, result: Any) -> AskEnded:
    answer = Heard(result.answer.text, _time(result.answer.header.stamp))
    outcomes = {Ask.Result.NONE: AskResult.ANSWERED, Ask.Result.NO_ANSWER: AskResult.NO_ANSWER}
    outcome = outcomes.get(result.error_code, AskResult.FAILED)
    return AskEnded(ask_id, outcome, answer, float(result.answer.confidence), bool(result.audible))


def _report(event: FallEvent) -> FallReport:
    return FallReport(
        id=event.id,
        kind=event.kind,
        state=event.state,
        person_id=event.person_id,
        camera=event.camera,
        room=event.room,
        start=_time(event.start),
        confirmed_at=_time(event.confirmed_at),
        evidence=(
            ("score", float(event.score), "1", 0.0),
            *((e.name, float(e.value), e.unit, float(e.threshold)) for e in event.evidence),
        ),
    )


def _alarm(alarm: Alarm, stored: bool) -> AlarmMsg:
    return AlarmMsg(
        id=alarm.id,
        kind=int(alarm.kind),
        priority=int(alarm.priority),
        state=int(alarm.state),
        resident_id=alarm.resident_id,
        resident_name=alarm.resident_name,
        room=alarm.room,
        source_id=alarm.source_id,
        occurrences=alarm.occurrences,
        event_at=_stamp(alarm.event_at),
        raised_at=_stamp(alarm.raised_at),
        updated_at=_stamp(alarm.updated_at),
        tier=alarm.tier,
        acknowledged_by=alarm.acknowledged_by,
        acknowledged_at=_stamp(alarm.acknowledged_at),
        resolved_by=alarm.resolved_by,
        resolved_at=_stamp(alarm.resolved_at),
        resolution=alarm.resolution,
        stored=stored,
        history=list(map(_transition, alarm.history[-SHOWN_STEPS:])),
    )


def _transition(step: Transition) -> AlarmTransition:
    return AlarmTransition(
        stamp=_stamp(step.at),
        state=int(step.state),
        event=step.event,
        by=step.by,
        reason_ko=step.reason.ko,
        reason_en=step.reason.en,
    )


def _time(stamp: Time) -> datetime | None:
    """Time of a stamp; none where it was never set, or lies before 1970."""
    t_s = to_seconds(stamp)
    return datetime.fromtimestamp(t_s, timezone.utc) if t_s > 0.0 else None


def _stamp(time: datetime | None) -> Time:
    return to_stamp(max(0.0, time.timestamp())) if time else Time()


def main() -> None:
    """Run the node."""
    run_node(CareManagerNode, self_activate=True)
