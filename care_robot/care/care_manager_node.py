"""care_manager: alarms, escalation and notification; the only writer of the care database.

It activates itself and depends on nobody: without speech it pages at once, and when the disk is full it works
from memory.
"""

import math
import os
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from care_robot_msgs.msg import AlarmArray, FallEventArray, StaffPresenceArray, TaskArray, Utterance
from care_robot_msgs.srv import (
    AcknowledgeAlarm,
    AppendAudit,
    DrillAlarm,
    PauseAlarmAudio,
    RaiseAlarm,
    ResolveAlarm,
    SetStaffPresence,
)
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from care_robot.care.alarms import digest
from care_robot.care.config import CareConfig, CareConfigError, load_config
from care_robot.care.effects import (
    AskResident,
    Effect,
    Outcome,
    ProbeChannel,
    PublishAlarms,
    PublishPresences,
    Reply,
    SendPage,
    StopAsking,
    TellResident,
)
from care_robot.care.engine import CareEngine
from care_robot.care.inputs import (
    Acknowledge,
    Attend,
    Drill,
    FallsSeen,
    Heard,
    Input,
    Note,
    PauseAudio,
    Raise,
    Resolve,
    ResponsesSeen,
    SetPresence,
    StorageReplaced,
    Tick,
)
from care_robot.care.keeper import AlarmKeeper, StorageError
from care_robot.care.logins import Logins, refused_login
from care_robot.care.messages_node import (
    AlarmMessages,
    audit_record,
    fall_report,
    presence_message,
    response_of,
    stamp,
    time_of,
)
from care_robot.care.pager import unwatched_pages
from care_robot.care.recovery import CareStore, open_store
from care_robot.care.store import DatabaseInUseError, DatabaseUnusableError, default_folder
from care_robot.care.text import Text, both
from care_robot.care.voices_node import Voices
from care_robot.gateways.notifications import Notifier, channels_of
from care_robot.ros import qos
from care_robot.ros.node import CareNode, ConfigurationError, Health, Level, run_node
from care_robot.ros.parameters import parameter

PERIOD_S = 0.1
LAST_WORDS_S = 15.0
REPEAT_LAST_WORDS_S = 3600.0
VERSION = "care_robot 0.1.0"
NOT_STORED = both(
    Text(
        "처리했지만 아직 저장하지 못했습니다. 기억에 두고 다시 시도합니다.",
        "Done, but not in the database yet; it is kept in memory and tried again.",
    )
)


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
        self._store: CareStore | None = None
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
        folder = Path(parameters.data_dir).expanduser() if parameters.data_dir else default_folder(os.environ)
        try:
            channels = channels_of(config, self.get_logger().warning, folder / "apprise")
        except CareConfigError as error:
            raise ConfigurationError(str(error)) from error
        self._notifier = Notifier(channels, self._inbox.put)
        try:
            opened = open_store(folder)
        except DatabaseInUseError as error:
            raise ConfigurationError(str(error)) from error
        except DatabaseUnusableError as error:
            self._say_that_nobody_watches(config, folder, str(error))
            raise ConfigurationError(str(error)) from error
        self._store, self._snapshot, self._trouble = opened.store, opened.snapshot, opened.trouble
        self._keeper = AlarmKeeper(CareEngine(config, VERSION), opened.store)
        self._started = False
        self._open_count = 0
        self._messages = AlarmMessages()
        self._logins = Logins(config)
        self._voices = Voices(self, config, self._now, self._inbox.put)
        self._alarms = self.publisher(AlarmArray, "alarms", qos.LATCHED)
        self._presences = self.publisher(StaffPresenceArray, "staff_presence", qos.LATCHED)
        self.subscribe(FallEventArray, "falls", qos.LATCHED, self._on_falls)
        self.subscribe(Utterance, "utterance", qos.STATE, self._on_utterance)
        self.subscribe(TaskArray, "tasks", qos.LATCHED, self._on_tasks)
        self.serve(RaiseAlarm, "alarms/raise", self._on_raise)
        self.serve(AcknowledgeAlarm, "alarms/acknowledge", self._on_acknowledge)
        self.serve(ResolveAlarm, "alarms/resolve", self._on_resolve)
        self.serve(PauseAlarmAudio, "alarms/pause_audio", self._on_pause_audio)
        self.serve(DrillAlarm, "alarms/drill", self._on_drill)
        self.serve(SetStaffPresence, "staff_presence/set", self._on_presence)
        self.serve(AppendAudit, "audit/append", self._on_audit)
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
        self._handle(FallsSeen(tuple(map(fall_report, message.events))))

    def _on_utterance(self, message: Utterance) -> None:
        self._handle(Heard(message.text, time_of(message.header.stamp), message.room))

    def _on_tasks(self, message: TaskArray) -> None:
        responses = [response for status in message.tasks if (response := response_of(status))]
        if responses:
            self._handle(ResponsesSeen(tuple(responses)))

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

    def _on_pause_audio(self, request: Any, response: Any) -> Any:
        reply = self._handle(PauseAudio(request.alarm_id, request.by, float(request.duration))).reply
        response.until = stamp(reply.until)
        return self._answer(reply, response)

    def _on_drill(self, request: Any, response: Any) -> Any:
        reply = self._handle(Drill(request.kind, request.resident_id, request.room, request.by)).reply
        response.alarm_id = reply.alarm_id
        return self._answer(reply, response)

    def _on_presence(self, request: Any, response: Any) -> Any:
        login = self._logins.check(request.by, request.pin, time.monotonic())
        if login.name is None:
            response.success, response.error_code = False, response.NOT_AUTHENTICATED
            response.error_msg = both(login.why)
            self._handle(Note(refused_login(self._now(), request.by, login.why)))
            return response
        reply = self._handle(SetPresence(login.name, request.room, float(request.duration))).reply
        response.until = stamp(reply.until)
        return self._answer(reply, response)

    def _on_audit(self, request: Any, response: Any) -> Any:
        record = audit_record(request.record, self._now())
        if record is None:
            response.success, response.error_code = False, response.INVALID
            response.error_msg = f"action is {request.record.action}; it must be one of AuditRecord.ACTION_*."
            return response
        self._handle(Note(record))
        response.success = not self._keeper.unsaved
        if not response.success:
            response.error_code, response.error_msg = response.NOT_STORED, NOT_STORED
        return response

    def _answer(self, reply: Reply, response: Any) -> Any:
        response.success = reply.refusal is None
        if reply.refusal is not None:
            response.error_code, response.error_msg = (
                getattr(response, reply.refusal.name),
                both(reply.sentence),
            )
        elif reply.alarm_id in self._keeper.unstored:
            response.error_code, response.error_msg = response.NOT_STORED, NOT_STORED
        return response

    def _on_timer(self) -> None:
        if not self._started:
            self.activate()
        while True:
            try:
                self._handle(self._inbox.get_nowait())
            except Empty:
                break
        self._voices.tick()
        if self._started:  # each time, not only at deadlines: a clock that is set back moves them
            self._handle(Tick())

    # Out ---------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._started = True
        self._carry_out(self._keeper.start(self._now(), self._snapshot))
        if self._trouble is not None:
            self.get_logger().error(self._trouble.en)
            self._carry_out(self._keeper.handle(self._now(), StorageReplaced(self._trouble)))

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
            case ProbeChannel(contact_id, channel):
                self._notifier.test(contact_id, channel, self._inbox.put)
            case AskResident():
                self._voices.ask(effect)
            case StopAsking(ask_id):
                self._voices.stop(ask_id)
            case TellResident():
                self._voices.tell(effect)
            case PublishPresences(presences):
                message = StaffPresenceArray(present=list(map(presence_message, presences)))
                message.header.stamp = stamp(self._now())
                self._presences.publish(message)
            case PublishAlarms(alarms, unstored):
                self._open_count = sum(alarm.resolved_at is None for alarm in alarms)
                shown = AlarmArray(alarms=self._messages.of(alarms, unstored))
                shown.header.stamp = stamp(self._now())
                self._alarms.publish(shown)

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


def main() -> None:
    """Run the node."""
    run_node(CareManagerNode, self_activate=True)
