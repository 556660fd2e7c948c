"""The ROS side of a scenario: hears what happens and what is really so, and does what the timeline says."""

import math
from collections.abc import Callable
from typing import Any

from care_robot_msgs.msg import Person, SimTruth
from care_robot_msgs.srv import AcknowledgeAlarm, ResolveAlarm, SimFault, SimResident, SimSpawn
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import Point, Pose, Quaternion
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from care_robot.care.alarms import AlarmState
from care_robot.console.errors import UsageError
from care_robot.console.events import AlarmSeen, Event
from care_robot.console.operator_node import Operator
from care_robot.evaluation.observations import NodeReport, Observed, PersonTruth, Truth
from care_robot.evaluation.scenario import FaultAction, OperatorAction, ResidentAction, SpawnAction
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds
from care_robot.ros.images import image_to_array

LIFECYCLE_MANAGER = "lifecycle_manager"
SERVICES = {
    "sim/resident": SimResident,
    "sim/fault": SimFault,
    "sim/spawn": SimSpawn,
    "alarms/acknowledge": AcknowledgeAlarm,
    "alarms/resolve": ResolveAlarm,
}


class Stage(Operator):
    """A connection to a simulated home and the system in it, on simulated time, for a ``with`` block."""

    def __init__(self, timeout_s: float = 20.0) -> None:
        super().__init__(timeout_s=timeout_s)
        self._node.set_parameters([Parameter("use_sim_time", value=True)])
        # Found before the story begins: to find a service takes seconds of fast simulated time.
        self._clients = {name: self._node.create_client(kind, name) for name, kind in SERVICES.items()}
        self._alarms: dict[str, AlarmSeen] = {}

    def __enter__(self) -> "Stage":
        return self

    def now_s(self) -> float:
        """Simulated time; 0 while there is none."""
        return float(self._node.get_clock().now().nanoseconds * 1e-9)

    def observe(self, sink: Callable[[Observed], None]) -> None:
        """Hand everything that happens to `sink`, from the connection's own thread."""

        def note(event: Event) -> None:
            if isinstance(event, AlarmSeen):
                self._alarms[event.id] = event
            sink(event)

        self.watch(note)
        listen = self._node.create_subscription
        listen(SimTruth, "sim/truth", lambda m: sink(_truth(m)), qos.STATE)

        def report(message: DiagnosticArray) -> None:
            for status in message.status:
                sink(self._report(status))

        listen(DiagnosticArray, "/diagnostics", report, qos.STATE)

    def record(self, camera: str, sink: Callable[[Any, float], None]) -> None:
        """Hand each picture of a camera, RGB (h, w, 3), and its time to `sink`."""
        self._node.create_subscription(
            Image,
            f"{camera}/image_raw",
            lambda m: sink(image_to_array(m), to_seconds(m.header.stamp)),
            qos.SENSOR,
        )

    @property
    def complete(self) -> bool:
        """Whether every service was found."""
        return all(client.service_is_ready() for client in self._clients.values())

    def act(self, action: ResidentAction) -> None:
        """Have a person do something; UsageError where the simulator refuses."""
        request = SimResident.Request(
            resident_id=action.who,
            act=getattr(SimResident.Request, f"ACT_{action.act.upper()}"),
            place=action.place or "",
            heading=math.radians(action.heading_deg or 0.0),
            speed=action.speed,
            text=action.text or "",
        )
        if action.target is not None:
            request.target = _point(action.target)
        self._call(SimResident, "sim/resident", request)

    def fault(self, action: FaultAction) -> None:
        """Break or mend something; UsageError where the simulator refuses."""
        kind = getattr(SimFault.Request, f"FAULT_{action.kind.upper()}")
        request = SimFault.Request(fault=kind, active=action.active, target=action.target or "")
        self._call(SimFault, "sim/fault", request)

    def spawn(self, action: SpawnAction) -> None:
        """Put something into the world; UsageError where the simulator refuses."""
        half_rad = math.radians(action.heading_deg) / 2
        pose = Pose(
            position=_point(action.at), orientation=Quaternion(z=math.sin(half_rad), w=math.cos(half_rad))
        )
        request = SimSpawn.Request(model=action.model, name=action.name, pose=pose)
        self._call(SimSpawn, "sim/spawn", request)

    def operate(self, action: OperatorAction) -> None:
        """Do what a human beside the system would; UsageError where it is refused."""
        if action.acknowledge:
            self.acknowledge(self._newest(action.acknowledge.alarm), action.acknowledge.by)
        elif action.resolve:
            resolve = action.resolve
            self.resolve(self._newest(resolve.alarm), resolve.by, resolve.reason)
        elif action.answer:
            self.answer(action.answer.text, action.answer.language)
        elif action.say:
            self.say(action.say.text, action.say.language)

    def _newest(self, kind: str) -> str:
        """Id of the newest open alarm of a kind."""
        alarms = [
            alarm
            for alarm in list(self._alarms.values())
            if alarm.kind.name.lower() == kind and alarm.state is not AlarmState.RESOLVED
        ]
        if not alarms:
            raise UsageError(f"No alarm of kind {kind} is open.")
        return max(alarms, key=lambda alarm: alarm.raised_at_s).id

    def _call(self, service_type: type, name: str, request: Any) -> Any:
        client = self._clients[name]
        if not client.wait_for_service(self._timeout_s):
            raise UsageError(f"Nobody serves {name}; does its node run?")
        response = self._result(client.call_async(request), self._timeout_s)
        if not response.success:
            raise UsageError(response.error_msg)
        return response

    def _report(self, status: DiagnosticStatus) -> NodeReport:
        states = {pair.key: pair.value for pair in status.values if pair.key != "instance"}
        if status.name.endswith(LIFECYCLE_MANAGER):
            alive = status.level == DiagnosticStatus.OK and set(states.values()) == {"active"}
        else:
            alive = status.level != DiagnosticStatus.ERROR and states.get("state") == "active"
        return NodeReport(self.now_s(), status.name, alive, status.message)


def _words(message_type: Any, prefix: str) -> dict[int, str]:
    names = [name for name in dir(type(message_type)) if name.startswith(prefix)]
    return {getattr(message_type, name): name.removeprefix(prefix).lower() for name in names}


_POSTURES = _words(Person, "POSTURE_")
_ACTS = _words(SimResident.Request, "ACT_")


def _truth(message: SimTruth) -> Truth:
    return Truth(
        to_seconds(message.header.stamp),
        tuple(
            PersonTruth(
                p.resident_id,
                _POSTURES.get(p.posture, "unknown"),
                _ACTS.get(p.act, "unknown"),
                float(p.robot_distance),
            )
            for p in message.people
        ),
    )


def _point(xyz: tuple[float, float, float]) -> Point:
    x, y, z = xyz
    return Point(x=x, y=y, z=z)
