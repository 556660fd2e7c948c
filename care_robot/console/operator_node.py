"""The command line's own ROS node: watches, and calls services and actions with time-outs."""

import contextlib
import math
import os
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any

import rclpy
from care_robot_msgs.action import Say
from care_robot_msgs.msg import (
    Alarm,
    AlarmArray,
    AuditRecord,
    FallEvent,
    FallEventArray,
    Person,
    PersonArray,
    SpokenText,
    Utterance,
)
from care_robot_msgs.srv import (
    AcknowledgeAlarm,
    AppendAudit,
    DrillAlarm,
    PauseAlarmAudio,
    ResolveAlarm,
    SetStaffPresence,
)
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from care_robot.bringup.domain import check_namespace, domain_id
from care_robot.care.alarms import AlarmKind, AlarmState, Priority
from care_robot.console.errors import UsageError
from care_robot.console.events import AlarmSeen, AlarmStep, Event, FallSeen, PeopleSeen, Sink, Spoken
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds

NOT_RUNNING = (
    "No running care_robot answers; start one with `./care up`, or set ROS_DOMAIN_ID to the one that it uses."
)


class Operator:
    """A connection to a running system; use it in a ``with`` block.

    Parameters
    ----------
    namespace
        The robot's namespace; empty for none.
    timeout_s
        How long to wait for an answer before saying that nothing is running.
    """

    def __init__(self, namespace: str = "", timeout_s: float = 5.0) -> None:
        self._timeout_s = timeout_s
        check_namespace(namespace)
        domain_id(os.environ)
        self._context = Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = Node(f"operator_{os.getpid()}", namespace=namespace or None, context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Operator":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown()
        self._thread.join(timeout=2.0)
        self._node.destroy_node()
        rclpy.try_shutdown(context=self._context)

    def watch(self, sink: Sink) -> None:
        """Hand everything that happens to `sink`, from the connection's own thread."""

        def all_of(events: Iterable[Event]) -> None:
            for event in events:
                sink(event)

        listen = self._node.create_subscription
        listen(PersonArray, "people", lambda m: sink(_people(m)), qos.STATE)
        listen(FallEventArray, "falls", lambda m: all_of(_fall(m, e) for e in m.events), qos.LATCHED)
        listen(SpokenText, "spoken", lambda m: sink(_spoken(m)), qos.STATE)
        listen(AlarmArray, "alarms", lambda m: all_of(map(_alarm, m.alarms)), qos.LATCHED)

    def alarms(self) -> list[AlarmSeen]:
        """The open alarms and those resolved in the last hour, newest first."""
        arrived, box = threading.Event(), []

        def take(message: AlarmArray) -> None:
            box.append(message)
            arrived.set()

        subscription = self._node.create_subscription(AlarmArray, "alarms", take, qos.LATCHED)
        if not arrived.wait(self._timeout_s):
            raise UsageError(NOT_RUNNING)
        self._node.destroy_subscription(subscription)
        return [_alarm(alarm) for alarm in box[-1].alarms]

    def note_view(self, by: str, resident_ids: Iterable[str], category: str = "alarm") -> bool:
        """Have it kept that somebody saw data of these residents; false where nobody takes it."""
        client = self._node.create_client(AppendAudit, "audit/append")
        if not client.wait_for_service(self._timeout_s):
            return False
        for resident_id in resident_ids:
            record = AuditRecord(action=AuditRecord.ACTION_READ, actor=by, resident_id=resident_id)
            record.category, record.outcome, record.confidence = category, "shown", math.nan
            record.reason_ko, record.reason_en = "사람이 기록을 보았습니다.", "A human looked at it."
            self._result(client.call_async(AppendAudit.Request(record=record)), self._timeout_s)
        return True

    def acknowledge(self, alarm_id: str, by: str, *, here: bool = False) -> None:
        """Take an alarm in the name of a human, who may be with the resident already."""
        request = AcknowledgeAlarm.Request(alarm_id=alarm_id, by=by, attended=here)
        self._call(AcknowledgeAlarm, "alarms/acknowledge", request)

    def pause_audio(self, alarm_id: str, by: str, duration_s: float) -> None:
        """Silence the voice of an alarm for a while."""
        request = PauseAlarmAudio.Request(alarm_id=alarm_id, by=by, duration=duration_s)
        self._call(PauseAlarmAudio, "alarms/pause_audio", request)

    def drill(self, kind: AlarmKind, resident_id: str, room: str, by: str) -> str:
        """Raise an exercise; its alarm's id."""
        request = DrillAlarm.Request(kind=int(kind), resident_id=resident_id, room=room, by=by)
        return str(self._call(DrillAlarm, "alarms/drill", request).alarm_id)

    def set_presence(self, by: str, pin: str, room: str, duration_s: float) -> float:
        """Declare where a member of staff is; until when it holds, in s."""
        request = SetStaffPresence.Request(by=by, pin=pin, room=room, duration=duration_s)
        return to_seconds(self._call(SetStaffPresence, "staff_presence/set", request).until)

    def resolve(self, alarm_id: str, by: str, reason: str) -> None:
        """End an alarm in the name of a human, with a reason."""
        request = ResolveAlarm.Request(alarm_id=alarm_id, by=by, reason=reason)
        self._call(ResolveAlarm, "alarms/resolve", request)

    def say(self, text: str, language: str) -> bool:
        """Have the robot say a text, and wait until it has; whether it could be heard."""
        client = ActionClient(self._node, Say, "say")
        if not client.wait_for_server(self._timeout_s):
            raise UsageError(NOT_RUNNING)
        goal = self._result(client.send_goal_async(Say.Goal(text=text, language=language)), self._timeout_s)
        if not goal.accepted:
            raise UsageError("The speech node does not take this text now; `./care doctor` may say why.")
        result = self._result(goal.get_result_async(), 120.0).result
        if result.error_code not in (Say.Result.NONE, Say.Result.NO_ENGINE, Say.Result.NO_AUDIO_DEVICE):
            raise UsageError(result.error_msg)
        return bool(result.audible)

    def answer(self, text: str, language: str) -> None:
        """Publish what a resident typed."""
        publisher = self._node.create_publisher(Utterance, "utterance", qos.STATE)
        self._await(lambda: publisher.get_subscription_count() > 0)
        message = Utterance(text=text, language=language, confidence=1.0, source=Utterance.SOURCE_TEXT)
        message.header.stamp = self._node.get_clock().now().to_msg()
        publisher.publish(message)
        publisher.wait_for_all_acked()

    def _call(self, service_type: type, name: str, request: Any) -> Any:
        client = self._node.create_client(service_type, name)
        if not client.wait_for_service(self._timeout_s):
            raise UsageError(NOT_RUNNING)
        response = self._result(client.call_async(request), self._timeout_s)
        if not response.success:
            raise UsageError(response.error_msg)
        return response

    def _result(self, future: Any, timeout_s: float) -> Any:
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        if not done.wait(timeout_s):
            raise UsageError(f"No answer within {timeout_s:.0f} s; is the system overloaded? Try again.")
        return future.result()

    def _await(self, holds: Any) -> None:
        """Wait for a change of the ROS graph, which rclpy gives no event for outside the executor."""
        pause = threading.Event()
        for _ in range(int(self._timeout_s / 0.02)):
            if holds():
                return
            pause.wait(0.02)
        raise UsageError(NOT_RUNNING)

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()


def _names(message_type: type, prefix: str) -> dict[int, str]:
    """Words for the constants of a message: {1: "standing", …} for POSTURE_."""
    constants = {
        name: getattr(message_type, name) for name in dir(type(message_type)) if name.startswith(prefix)
    }
    return {value: name.removeprefix(prefix).lower().replace("_", " ") for name, value in constants.items()}


_POSTURES = _names(Person, "POSTURE_")
_FALL_KINDS = _names(FallEvent, "KIND_")
_FALL_STATES = _names(FallEvent, "STATE_")


def _people(message: PersonArray) -> PeopleSeen:
    postures = {p.id: _POSTURES.get(p.posture, "unknown") for p in message.people}
    return PeopleSeen(to_seconds(message.header.stamp), tuple(message.cameras), postures)


def _fall(message: FallEventArray, event: FallEvent) -> FallSeen:
    return FallSeen(
        t_s=to_seconds(message.header.stamp),
        id=event.id,
        kind=_FALL_KINDS.get(event.kind, "unknown"),
        state=_FALL_STATES.get(event.state, "unknown"),
        score=event.score,
        evidence=tuple(f"{e.name} {e.value:.2f} {e.unit}".strip() for e in event.evidence),
    )


def _spoken(message: SpokenText) -> Spoken:
    return Spoken(to_seconds(message.header.stamp), message.text, message.audible, message.question)


def _alarm(message: Alarm) -> AlarmSeen:
    steps = tuple(
        AlarmStep(to_seconds(s.stamp), AlarmState(s.state), s.event, s.by, s.reason_ko, s.reason_en)
        for s in message.history
    )
    return AlarmSeen(
        id=message.id,
        kind=AlarmKind(message.kind),
        priority=Priority(message.priority),
        state=AlarmState(message.state),
        drill=message.drill,
        resident_id=message.resident_id,
        resident=message.resident_name or message.resident_id,
        room=message.room,
        raised_at_s=to_seconds(message.raised_at),
        tier=message.tier,
        acknowledged_by=message.acknowledged_by,
        stored=message.stored,
        steps=steps,
    )
