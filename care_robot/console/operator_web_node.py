"""`operator_web`: the page in a browser on which people take alarms and stop the robot.

It activates itself, as the care manager does, and is no part of what an alarm needs: whoever it fails is
paged all the same.
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from care_robot_msgs.msg import Alarm, AlarmArray, AuditRecord, Heartbeat, SafetyState, StopRequest
from care_robot_msgs.srv import (
    AcknowledgeAlarm,
    AppendAudit,
    DrillAlarm,
    PauseAlarmAudio,
    ResetSafety,
    ResolveAlarm,
)
from lifecycle_msgs.msg import State

from care_robot.actuation.safety import StopState
from care_robot.care.alarms import AlarmKind, AlarmState, Priority, clean_text
from care_robot.care.config import CareConfig, CareConfigError, load_config
from care_robot.care.text import Text
from care_robot.console.web import Board, Sessions, ShownAlarm, Step
from care_robot.console.web_server import Address, WebError, WebServer
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds, to_stamp
from care_robot.ros.node import CareNode, ConfigurationError, Health, Level, run_node
from care_robot.ros.parameters import parameter

STOP_PERIOD_S = 0.1
STOP_ASKED_S = 60.0
"""For so long a stop is asked for that nobody confirms."""
CONFIRM_S, ANSWER_S = 5.0, 5.0
SHOWN_ALARMS = 200


@dataclass(frozen=True)
class Parameters:
    """Parameters of the node."""

    host: str = parameter("127.0.0.1", "Address at which the page is served.")
    port: int = parameter(8080, "Port of the page; 0 for any that is free.", minimum=0, maximum=65535)
    host_names: list[str] = parameter(
        [""], "Names by which the page may be asked for, beside localhost, such as robot.local."
    )
    certificate: str = parameter("", "TLS certificate as a PEM file; needed beyond this machine.")
    key: str = parameter("", "Its private key as a PEM file.")
    config_file: str = parameter("", "Residents and staff (care.yaml); empty for the defaults.")


@dataclass
class _Asked:
    """A stop that is asked for until it is confirmed."""

    request: StopRequest
    begin_s: float
    confirmed: "asyncio.Future[float]"
    loop: asyncio.AbstractEventLoop
    repeating: "asyncio.Task[None] | None" = None


class OperatorWebNode(CareNode[Parameters]):
    """Puts the page, the topics and the services together; `board` and what follows is called by the page."""

    def __init__(self, **options: Any) -> None:
        super().__init__("operator_web", Parameters, **options)
        self._server: WebServer | None = None
        self._board = Board()

    def configure(self, parameters: Parameters) -> None:
        """Open the page; ConfigurationError where it cannot be, or must not be."""
        # NiceGUI takes a second to import, and must not be needed to import this file.
        from care_robot.console.web_page import Pages  # noqa: PLC0415

        p = parameters
        config = _config(p.config_file)
        self.sessions = Sessions(config.staff)
        self.residents = tuple((r.id, r.name) for r in config.residents)
        self._asked: dict[str, _Asked] = {}
        pages = Pages(self)
        self._poke: Callable[[], None] = pages.poke
        self._wire()
        address = Address(p.host, p.port, tuple(filter(None, p.host_names)), p.certificate, p.key)
        try:
            address.check(staff=bool(config.staff))
            self._server = WebServer(address, self.stop_now, pages.register)
        except WebError as error:
            raise ConfigurationError(str(error)) from error

    def _wire(self) -> None:
        self._stops = self.publisher(StopRequest, "safety/stop_request", qos.COMMAND)
        self.subscribe(AlarmArray, "alarms", qos.LATCHED, self._on_alarms)
        self.subscribe(Heartbeat, "care_manager/heartbeat", qos.SENSOR, self._on_beat)
        self.subscribe(SafetyState, "safety/state", qos.LATCHED, self._on_safety)
        self._callers = {}
        for kind, name in (
            (AcknowledgeAlarm, "alarms/acknowledge"),
            (ResolveAlarm, "alarms/resolve"),
            (PauseAlarmAudio, "alarms/pause_audio"),
            (DrillAlarm, "alarms/drill"),
            (ResetSafety, "safety/reset"),
            (AppendAudit, "audit/append"),
        ):
            client = self._callers[kind] = self.create_client(kind, name)
            self.at_cleanup(partial(self.destroy_client, client))

    def activate(self) -> None:
        """Say where the page is."""
        if self._server is not None:
            self.get_logger().info(f"The operator's page: {self._server.url}")

    def cleanup(self) -> None:
        """Close the page."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def diagnose(self) -> Health:
        """Whether the page shows what is so."""
        values = {"url": self._server.url if self._server else ""}
        if self._board.alarms_lost(self.steady_s()):
            return Health(Level.WARN, "care_manager is not heard: the page says so.", values)
        return Health(values=values)

    # In -----------------------------------------------------------------------------------------------

    def _on_alarms(self, message: AlarmArray) -> None:
        self._board = replace(self._board, alarms=None)  # rather none, said to be lost, than old ones
        self._board = replace(self._board, alarms=tuple(map(shown_alarm, most_urgent(message.alarms))))
        self._poke()

    def _on_beat(self, beat: Heartbeat) -> None:
        if beat.state == State.PRIMARY_STATE_ACTIVE:
            self._board = replace(self._board, manager_s=self.steady_s())

    def _on_safety(self, message: SafetyState) -> None:
        now_s = self.steady_s()
        stop = StopState(message.state) if message.state in set(StopState) else None
        text = Text(clean_text(message.reason_ko, 300), clean_text(message.reason_en, 300))
        self._board = replace(self._board, stop=stop, stop_text=text, safety_s=now_s)
        for id_, asked in list(self._asked.items()):
            if id_ in message.stop_request_ids:
                asked.loop.call_soon_threadsafe(_settle, asked.confirmed, now_s - asked.begin_s)
        self._poke()

    # What the page asks, in its own thread --------------------------------------------------------------

    def board(self) -> Board:
        """What is to be shown."""
        return self._board

    def now(self) -> datetime:
        """Time of the node clock."""
        return datetime.fromtimestamp(self.now_s(), timezone.utc)

    def steady_s(self) -> float:
        """Time of the steady clock."""
        return time.monotonic()

    async def stop_now(self, session: str) -> dict[str, object]:
        """Ask for a stop until it is confirmed, in the name of a browser's user, if it has one."""
        by = self.sessions.of(session, self.steady_s()).who(self.steady_s()) if session else ""
        request = StopRequest(id=str(uuid.uuid4()), by=by or "화면 (operator_web)")
        request.header.stamp = to_stamp(self.now_s())
        loop = asyncio.get_running_loop()
        asked = _Asked(request, self.steady_s(), loop.create_future(), loop)
        self._asked[request.id] = asked
        asked.repeating = loop.create_task(self._ask_until_confirmed(asked))
        done, _ = await asyncio.wait({asked.confirmed}, timeout=CONFIRM_S)
        if not done:
            return {"confirmed": False}
        return {"confirmed": True, "after_ms": round(1000.0 * asked.confirmed.result())}

    async def _ask_until_confirmed(self, asked: _Asked) -> None:
        while not asked.confirmed.done():
            if self.steady_s() - asked.begin_s > STOP_ASKED_S:
                self.get_logger().error(
                    "Nobody has confirmed a stop for a minute; it is asked for no longer."
                )
                break
            self._stops.publish(asked.request)
            await asyncio.wait({asked.confirmed}, timeout=STOP_PERIOD_S)
        self._asked.pop(asked.request.id, None)

    async def acknowledge(self, alarm_id: str, by: str, attended: bool) -> str:
        """Take an alarm, or be with the resident."""
        return await self._call(AcknowledgeAlarm, alarm_id=alarm_id, by=by, attended=attended)

    async def resolve(self, alarm_id: str, by: str, reason: str) -> str:
        """End an alarm."""
        return await self._call(ResolveAlarm, alarm_id=alarm_id, by=by, reason=reason)

    async def pause_audio(self, alarm_id: str, by: str, duration_s: float) -> str:
        """Silence an alarm's spoken signal for a while."""
        return await self._call(PauseAlarmAudio, alarm_id=alarm_id, by=by, duration=duration_s)

    async def drill(self, kind: AlarmKind, resident_id: str, by: str) -> str:
        """Raise an alarm as an exercise."""
        return await self._call(DrillAlarm, kind=int(kind), resident_id=resident_id, by=by)

    async def reset_stop(self, by: str) -> str:
        """Take a stop away."""
        return await self._call(ResetSafety, by=by)

    def viewed(self, by: str, alarm: ShownAlarm) -> bool:
        """Have it recorded who saw an alarm; whether there is anybody to do so, else to be asked again."""
        client = self._callers[AppendAudit]
        ready = bool(client.service_is_ready())
        if ready:
            record = AuditRecord(
                stamp=to_stamp(self.now_s()),
                action=AuditRecord.ACTION_READ,
                actor=by,
                resident_id=alarm.resident_id,
                category="alarm",
                recipient=by,
                purpose="care",
                outcome=alarm.id,
                reason_ko="화면에서 경보를 보았습니다.",
                reason_en="Saw the alarm on the operator's page.",
                confidence=float("nan"),
            )
            client.call_async(AppendAudit.Request(record=record))
        return ready

    async def _call(self, service_type: Any, **fields: Any) -> str:
        """The sentence with which a service refuses; empty where it was done."""
        client = self._callers[service_type]
        if not client.service_is_ready():
            return "시스템이 응답하지 않습니다. · The system does not answer: it may be starting; try again."
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Any] = loop.create_future()
        future = client.call_async(service_type.Request(**fields))
        future.add_done_callback(lambda f: loop.call_soon_threadsafe(_settle, answered, f.result()))
        try:
            response = await asyncio.wait_for(answered, ANSWER_S)
        except asyncio.TimeoutError:
            client.remove_pending_request(future)
            return f"{ANSWER_S:.0f}초 안에 응답이 없습니다. · No answer in {ANSWER_S:.0f} s: look first."
        if response.success and response.error_code == 0:
            return ""
        return clean_text(response.error_msg, 300) or "거절되었습니다. · It was refused."


def _settle(future: "asyncio.Future[Any]", result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _config(path: str) -> CareConfig:
    try:
        return load_config(Path(path).expanduser()) if path else CareConfig()
    except CareConfigError as error:
        raise ConfigurationError(str(error)) from error


def most_urgent(messages: Sequence[Alarm]) -> list[Alarm]:
    """Those that are shown where there are too many: none that is resolved, the most urgent and untaken."""
    still_open = (message for message in messages if message.state != Alarm.STATE_RESOLVED)
    taken = (Alarm.STATE_ACKNOWLEDGED, Alarm.STATE_ATTENDED)
    return sorted(still_open, key=lambda m: (-m.priority, m.state in taken))[:SHOWN_ALARMS]


def shown_alarm(message: Alarm) -> ShownAlarm:
    """An alarm as the page shows it; what this program does not know is shown as the worst that it may be."""
    kind = AlarmKind(message.kind) if message.kind in set(AlarmKind) else None
    return ShownAlarm(
        id=message.id,
        kind=kind,
        priority=Priority(message.priority) if message.priority in set(Priority) else Priority.HIGH,
        state=AlarmState(message.state) if message.state in set(AlarmState) else AlarmState.RAISED,
        drill=message.drill,
        resident_id=clean_text(message.resident_id),
        resident=clean_text(message.resident_name),
        room=clean_text(message.room),
        event_at=_time(message.event_at)
        or _time(message.raised_at)
        or datetime.fromtimestamp(0, timezone.utc),
        tier=message.tier,
        occurrences=message.occurrences,
        acknowledged_by=clean_text(message.acknowledged_by),
        attended_by=clean_text(message.attended_by),
        paused_until=_time(message.audio_paused_until),
        stored=message.stored,
        steps=tuple(
            Step(
                _time(step.stamp) or datetime.fromtimestamp(0, timezone.utc),
                clean_text(step.by),
                Text(clean_text(step.reason_ko, 300), clean_text(step.reason_en, 300)),
            )
            for step in message.history
        ),
    )


def _time(stamp: Any) -> datetime | None:
    t_s = to_seconds(stamp)
    return datetime.fromtimestamp(t_s, timezone.utc) if t_s > 0.0 else None


def main() -> None:
    """Run the node."""
    run_node(OperatorWebNode, self_activate=True)


if __name__ == "__main__":
    main()
