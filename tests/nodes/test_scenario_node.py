"""What a scenario asks of the simulated home and of the system in it, and what it hears of them."""

import math
import queue
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from care_robot_msgs.msg import Alarm, AlarmArray, Person, SimPerson, SimTruth
from care_robot_msgs.srv import AcknowledgeAlarm, ResolveAlarm, SimFault, SimResident
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from pydantic import BaseModel
from rosgraph_msgs.msg import Clock

from care_robot.console.errors import UsageError
from care_robot.console.events import AlarmSeen
from care_robot.evaluation.observations import NodeReport, Observed, PersonTruth, Truth
from care_robot.evaluation.scenario import FaultAction, OperatorAction, ResidentAction, SpawnAction
from care_robot.evaluation.scenario_node import SERVICES, Stage
from care_robot.ros import qos

TIMEOUT_S = 20.0


class World:
    """Stands where the simulator and the care manager stand, and notes what it is asked."""

    def __init__(self, ros: Any) -> None:
        self.asked: list[Any] = []
        self.refusal = ""
        for name, kind in SERVICES.items():
            ros.tester.create_service(kind, name, self.note)
        self.clock = ros.tester.create_publisher(Clock, "/clock", qos.STATE)
        self.truth = ros.tester.create_publisher(SimTruth, "sim/truth", qos.STATE)
        self.diagnostics = ros.tester.create_publisher(DiagnosticArray, "/diagnostics", qos.STATE)
        self.alarms = ros.tester.create_publisher(AlarmArray, "alarms", qos.LATCHED)

    def note(self, request: Any, response: Any) -> Any:
        self.asked.append(request)
        response.success, response.error_msg = not self.refusal, self.refusal
        return response


class Heard:
    """Everything that the stage hears, to be awaited."""

    def __init__(self) -> None:
        self.put: queue.Queue[Observed] = queue.Queue()

    def wait(self, fits: Callable[[Observed], bool]) -> Any:
        while True:
            event = self.put.get(timeout=TIMEOUT_S)
            if fits(event):
                return event


@pytest.fixture
def world(ros: Any) -> World:
    return World(ros)


@pytest.fixture
def stage(ros: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("ROS_DOMAIN_ID", str(ros.domain_id))
    with Stage(timeout_s=TIMEOUT_S) as connected:
        ros.wait_until(lambda: connected.complete, "every service")
        yield connected


@pytest.fixture
def heard(ros: Any, world: World, stage: Stage) -> Heard:
    events = Heard()
    stage.observe(events.put.put)
    for publisher in (world.truth, world.alarms, world.clock):
        ros.wait_until(lambda p=publisher: p.get_subscription_count() > 0, "the stage's subscription")
    ros.wait_until(lambda: world.diagnostics.get_subscription_count() > 0, "the stage's subscription")
    return events


def test_a_person_is_told_what_to_do(stage: Stage, world: World) -> None:
    stage.act(ResidentAction(who="resident", act="fall", heading_deg=90.0, speed=0.5))
    stage.act(ResidentAction(who="resident", act="walk", target=(1.0, 2.0, 0.0)))
    stage.act(ResidentAction(who="resident", act="say", text="괜찮아요"))
    fall, walk, say = world.asked
    assert (fall.act, fall.speed) == (SimResident.Request.ACT_FALL, 0.5)
    assert fall.heading == pytest.approx(math.pi / 2)
    assert (walk.act, walk.target.x, walk.target.y, walk.place) == (
        SimResident.Request.ACT_WALK,
        1.0,
        2.0,
        "",
    )
    assert (say.act, say.text) == (SimResident.Request.ACT_SAY, "괜찮아요")


def test_things_break_are_mended_and_appear(stage: Stage, world: World) -> None:
    stage.fault(FaultAction(kind="camera_frozen", target="kitchen_camera", active=False))
    stage.spawn(SpawnAction(model="cup", name="cup_2", at=(1.0, 2.0, 0.5), heading_deg=180.0))
    fault, spawn = world.asked
    assert (fault.fault, fault.active, fault.target) == (
        SimFault.Request.FAULT_CAMERA_FROZEN,
        False,
        "kitchen_camera",
    )
    assert (spawn.model, spawn.name, spawn.pose.position.z) == ("cup", "cup_2", 0.5)
    assert spawn.pose.orientation.z == pytest.approx(1.0)


def test_a_refusal_is_told_in_the_simulators_words(stage: Stage, world: World) -> None:
    world.refusal = "The person stands already."
    with pytest.raises(UsageError, match="stands already"):
        stage.act(ResidentAction(who="resident", act="get_up"))


def literals(model: type[BaseModel], key: str) -> tuple[str, ...]:
    return tuple(model.model_fields[key].annotation.__args__)  # type: ignore[union-attr]


def test_every_act_and_fault_of_the_schema_has_its_number() -> None:
    for act in literals(ResidentAction, "act"):
        assert getattr(SimResident.Request, f"ACT_{act.upper()}") > 0
    for kind in literals(FaultAction, "kind"):
        assert getattr(SimFault.Request, f"FAULT_{kind.upper()}") > 0


def test_the_newest_open_alarm_of_a_kind_is_taken(stage: Stage, world: World, heard: Heard) -> None:
    acknowledge = OperatorAction.model_validate({"acknowledge": {"alarm": "fall", "by": "carer"}})
    with pytest.raises(UsageError, match="No alarm of kind fall is open"):
        stage.operate(acknowledge)
    old, new = Alarm(id="old"), Alarm(id="new")
    done, other = Alarm(id="done", state=Alarm.STATE_RESOLVED), Alarm(id="other", kind=Alarm.KIND_HELP)
    for n, alarm in enumerate((old, new, done, other)):
        alarm.kind, alarm.state = alarm.kind or Alarm.KIND_FALL, alarm.state or Alarm.STATE_NOTIFIED
        alarm.raised_at.sec = 100 + n
    world.alarms.publish(AlarmArray(alarms=[other, done, new, old]))
    heard.wait(lambda event: isinstance(event, AlarmSeen) and event.id == "old")
    stage.operate(acknowledge)
    stage.operate(
        OperatorAction.model_validate({"resolve": {"alarm": "help", "by": "carer", "reason": "helped"}})
    )
    taken, ended = world.asked
    assert isinstance(taken, AcknowledgeAlarm.Request)
    assert (taken.alarm_id, taken.by) == ("new", "carer")
    assert isinstance(ended, ResolveAlarm.Request)
    assert (ended.alarm_id, ended.reason) == ("other", "helped")


def test_the_truth_and_the_time_are_heard(ros: Any, stage: Stage, world: World, heard: Heard) -> None:
    clock = Clock()
    clock.clock.sec = 50
    world.clock.publish(clock)
    ros.wait_until(lambda: stage.now_s() == 50.0, "simulated time")
    person = SimPerson(resident_id="resident", robot_distance=1.5)
    person.posture, person.act = Person.POSTURE_LYING_ON_FLOOR, SimResident.Request.ACT_FALL
    message = SimTruth(people=[person, SimPerson(resident_id="odd", posture=99, act=99)])
    message.header.stamp.sec = 42
    world.truth.publish(message)
    truth = heard.wait(lambda event: isinstance(event, Truth))
    assert truth == Truth(
        42.0,
        (
            PersonTruth("resident", "lying_on_floor", "fall", 1.5),
            PersonTruth("odd", "unknown", "unknown", 0.0),
        ),
    )


@pytest.mark.parametrize(
    ("said", "alive"),
    [
        (("/speech", DiagnosticStatus.OK, {"state": "active"}), True),
        (("/speech", DiagnosticStatus.WARN, {"state": "active"}), True),
        (("/speech", DiagnosticStatus.ERROR, {"state": "active"}), False),
        (("/speech", DiagnosticStatus.OK, {"state": "inactive"}), False),
        (("/lifecycle_manager", DiagnosticStatus.OK, {"speech": "active", "instance": "f00"}), True),
        (("/lifecycle_manager", DiagnosticStatus.WARN, {"speech": "active", "instance": "f00"}), False),
        (("/lifecycle_manager", DiagnosticStatus.OK, {"speech": "absent", "instance": "f00"}), False),
    ],
)
def test_a_node_is_alive_when_it_says_so(
    world: World, heard: Heard, said: tuple[str, bytes, dict[str, str]], alive: bool
) -> None:
    name, level, values = said
    status = DiagnosticStatus(name=name, level=level, message="what it says")
    status.values = [KeyValue(key=key, value=value) for key, value in values.items()]
    world.diagnostics.publish(DiagnosticArray(status=[status]))
    report = heard.wait(lambda event: isinstance(event, NodeReport))
    assert (report.node, report.alive, report.message) == (name, alive, "what it says")
