"""The kinematic simulator's topics, services and actions, as other nodes use them."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from action_msgs.msg import GoalStatus
from care_robot_msgs.msg import (
    CameraState,
    FallEvent,
    FallEventArray,
    PersonArray,
    SafetyState,
    SimTruth,
    Utterance,
)
from care_robot_msgs.srv import EnableCamera, SimFault, SimReset, SimResident, SimSpawn
from control_msgs.action import FollowJointTrajectory, ParallelGripperCommand
from nav2_msgs.action import NavigateToPose
from nav_msgs.msg import Odometry
from rclpy.action import ActionClient
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Bool
from trajectory_msgs.msg import JointTrajectoryPoint

from care_robot.perception.fall_detector_node import FallDetectorNode
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds
from care_robot.simulation.kinematic_simulator_node import KinematicSimulatorNode
from care_robot.simulation.simulation_node import MONDAY_MORNING_S

LIVING_ROOM = '[{"id": "resident", "place": "living_room_centre"}]'


@pytest.fixture
def simulator(ros: Any) -> Iterator[KinematicSimulatorNode]:
    node = ros.node(KinematicSimulatorNode, people=LIVING_ROOM, seed=1)
    yield node
    node.trigger_deactivate()


def resident(**fields: Any) -> SimResident.Request:
    return SimResident.Request(**{"resident_id": "resident", **fields})


def goal_to(x: float, y: float, frame: str = "map") -> NavigateToPose.Goal:
    goal = NavigateToPose.Goal()
    goal.pose.header.frame_id = frame
    goal.pose.pose.position.x, goal.pose.pose.position.y = x, y
    goal.pose.pose.orientation.w = 1.0
    return goal


@pytest.fixture
def send(ros: Any) -> Callable[..., Any]:
    clients = []  # kept: an action client that is collected ends what the executor does with it

    def send(action: Any, name: str, goal: Any, feedback: Callable[[Any], None] | None = None) -> Any:
        client = ActionClient(ros.tester, action, name)
        clients.append(client)
        assert client.wait_for_server(20.0)
        handle = ros.result(client.send_goal_async(goal, feedback_callback=feedback))
        assert handle.accepted
        return handle

    return send


def test_time_stands_still_until_it_is_active_and_then_runs(ros: Any) -> None:
    clock = ros.inbox(Clock, "/clock", qos.STATE)
    node = ros.node(KinematicSimulatorNode, start=False)
    assert to_seconds(clock.wait().clock) == MONDAY_MORNING_S
    assert node.trigger_configure().name == "SUCCESS"
    assert node.trigger_activate().name == "SUCCESS"
    clock.wait(lambda m: to_seconds(m.clock) > MONDAY_MORNING_S + 5.0)
    node.trigger_deactivate()
    stood = node.now_s()
    clock.wait(lambda m: to_seconds(m.clock) == pytest.approx(stood, rel=0, abs=0.001))
    times = [to_seconds(m.clock) for m in clock.messages]
    assert times == sorted(times)


def test_people_come_as_from_the_people_tracker_and_the_truth_beside(
    ros: Any, simulator: KinematicSimulatorNode
) -> None:
    people = ros.inbox(PersonArray, "people", qos.STATE)
    truth = ros.inbox(SimTruth, "sim/truth", qos.STATE).wait()
    person = people.wait(lambda m: m.people and m.people[0].posture).people[0]
    assert person.id.startswith("body_")
    assert (person.camera, person.room) == ("living_room_camera", "living_room")
    assert person.position_valid
    hips = truth.people[0].hips
    assert math.dist((person.position.x, person.position.y), (hips.x, hips.y)) < 0.2
    assert "head_camera" in people.messages[-1].cameras
    assert truth.objects


def test_the_real_fall_detector_confirms_a_fall(ros: Any, simulator: KinematicSimulatorNode) -> None:
    detector = ros.node(FallDetectorNode, use_sim_time=True)
    falls = ros.inbox(FallEventArray, "falls", qos.LATCHED)
    ros.wait_until(lambda: detector.now_s() > MONDAY_MORNING_S + 3.0, "simulated time")
    assert ros.call(
        SimResident, "sim/resident", resident(act=SimResident.Request.ACT_FALL, heading=1.6)
    ).success
    found = falls.wait(lambda m: any(e.state == FallEvent.STATE_CONFIRMED for e in m.events)).events
    assert [(event.kind, event.room) for event in found] == [(FallEvent.KIND_FALL, "living_room")]


def test_what_a_resident_says_is_heard(ros: Any, simulator: KinematicSimulatorNode) -> None:
    heard = ros.inbox(Utterance, "utterance", qos.STATE)
    say = SimResident.Request.ACT_SAY
    assert ros.call(SimResident, "sim/resident", resident(act=say, text="도와주세요")).success
    message = heard.wait()
    assert (message.text, message.language, message.source) == ("도와주세요", "ko", Utterance.SOURCE_SPEECH)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"resident_id": "nobody", "act": 1}, 2),
        ({"resident_id": "", "act": 1}, 2),
        ({"act": 0}, 1),
        ({"act": 255}, 1),
        ({"act": 2}, 1),  # where to?
        ({"act": 2, "place": "moon"}, 1),
        ({"act": 6, "heading": math.nan}, 1),
        ({"act": 1, "speed": -1.0}, 1),
        ({"act": 1, "speed": math.inf}, 1),
        ({"act": 1, "speed": 1000.0}, 1),
        ({"act": 12, "text": ""}, 1),
        ({"act": 12, "text": "x" * 10_000}, 1),
        ({"act": 8}, 3),  # stands already
    ],
)
def test_a_resident_cannot_do_what_cannot_be(
    ros: Any, simulator: KinematicSimulatorNode, fields: dict[str, Any], code: int
) -> None:
    answer = ros.call(SimResident, "sim/resident", resident(**fields))
    assert (answer.success, answer.error_code) == (False, code)
    assert answer.error_msg.endswith(".")


@pytest.mark.parametrize("position", [(math.nan, 0.0, 0.0), (math.inf, 1.0, 0.0), (1e12, 1.0, 0.0)])
def test_hostile_places_are_refused(
    ros: Any, simulator: KinematicSimulatorNode, position: tuple[float, float, float]
) -> None:
    walk = resident(act=SimResident.Request.ACT_WALK)
    spawn = SimSpawn.Request(model="cup", name="second_cup")
    for point in (walk.target, spawn.pose.position):
        point.x, point.y, point.z = position
    assert ros.call(SimResident, "sim/resident", walk).error_code in (1, 3)
    assert ros.call(SimSpawn, "sim/spawn", spawn).error_code == SimSpawn.Response.POSE_INVALID


def test_things_and_people_are_put_into_the_world_once(ros: Any, simulator: KinematicSimulatorNode) -> None:
    truth = ros.inbox(SimTruth, "sim/truth", qos.STATE)
    request = SimSpawn.Request(model="visitor", name="visitor")
    request.pose.position.x, request.pose.position.y = 6.2, 4.7
    assert ros.call(SimSpawn, "sim/spawn", request).success
    truth.wait(lambda m: {p.resident_id for p in m.people} == {"resident", "visitor"})
    assert ros.call(SimSpawn, "sim/spawn", request).error_code == SimSpawn.Response.NAME_TAKEN
    request.name, request.model = "thing", "dragon"
    assert ros.call(SimSpawn, "sim/spawn", request).error_code == SimSpawn.Response.MODEL_UNKNOWN
    assert ros.call(SimReset, "sim/reset", SimReset.Request(seed=3)).success
    truth.wait(lambda m: [p.resident_id for p in m.people] == ["resident"])
    assert ros.call(SimReset, "sim/reset", SimReset.Request(world="atlantis")).error_code == 1


def test_a_robot_that_navigates_tells_how_far_and_arrives(
    ros: Any, simulator: KinematicSimulatorNode, send: Callable[..., Any]
) -> None:
    left: list[float] = []
    handle = send(
        NavigateToPose,
        "navigate_to_pose",
        goal_to(4.0, 2.0),
        lambda message: left.append(message.feedback.distance_remaining),
    )
    odometry = ros.inbox(Odometry, "odom", qos.SENSOR)
    answer = ros.result(handle.get_result_async())
    assert (answer.status, answer.result.error_code) == (GoalStatus.STATUS_SUCCEEDED, 0)
    assert left[0] > left[-1]
    odometry.wait(lambda m: m.twist.twist.linear.x > 0.05)


@pytest.mark.parametrize(
    ("goal", "code"),
    [
        (goal_to(100.0, 2.0), 204),
        (goal_to(math.nan, 2.0), 204),
        (goal_to(1.07, 1.75), 206),
        (goal_to(4.0, 2.0, "moon"), 202),
    ],
)
def test_goals_that_cannot_be_reached_are_aborted_with_a_sentence(
    simulator: KinematicSimulatorNode, ros: Any, send: Callable[..., Any], goal: Any, code: int
) -> None:
    answer = ros.result(send(NavigateToPose, "navigate_to_pose", goal).get_result_async())
    assert (answer.status, answer.result.error_code) == (GoalStatus.STATUS_ABORTED, code)
    assert answer.result.error_msg.endswith(".")


def test_navigation_can_be_cancelled_and_ends_with_the_node(
    simulator: KinematicSimulatorNode, ros: Any, send: Callable[..., Any]
) -> None:
    handle = send(NavigateToPose, "navigate_to_pose", goal_to(2.6, 1.2))
    ros.result(handle.cancel_goal_async())
    assert ros.result(handle.get_result_async()).status == GoalStatus.STATUS_CANCELED
    handle = send(NavigateToPose, "navigate_to_pose", goal_to(2.6, 1.2))
    simulator.trigger_deactivate()
    assert ros.result(handle.get_result_async()).status == GoalStatus.STATUS_ABORTED


def test_the_safety_supervisor_is_obeyed_and_missed(
    simulator: KinematicSimulatorNode, ros: Any, send: Callable[..., Any]
) -> None:
    safety = ros.publisher(SafetyState, "safety/state", qos.LATCHED)

    def navigate() -> Any:
        return send(NavigateToPose, "navigate_to_pose", goal_to(2.6, 1.2))

    handle = navigate()
    told_s = simulator.now_s()
    safety.publish(SafetyState(state=SafetyState.STATE_LATCHED))
    answer = ros.result(handle.get_result_async())
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert "stopped" in answer.result.error_msg
    assert simulator.home.base.linear_m_s == 0.0
    assert simulator.now_s() - told_s < 60.0
    assert "stopped" in ros.result(navigate().get_result_async()).result.error_msg
    safety.publish(SafetyState(state=SafetyState.STATE_CLEAR))
    ros.wait_until(lambda: not simulator.home.stopped, "the end of the stop")
    handle = navigate()  # then no more is heard of the supervisor
    answer = ros.result(handle.get_result_async())
    assert answer.status == GoalStatus.STATUS_SUCCEEDED or "supervisor" in answer.result.error_msg
    ros.wait_until(lambda: "supervisor" in simulator.home.refusal, "the supervisor to be missed")


def test_the_head_turns_and_the_gripper_opens(
    simulator: KinematicSimulatorNode, ros: Any, send: Callable[..., Any]
) -> None:
    goal = FollowJointTrajectory.Goal()
    goal.trajectory.joint_names = ["head_pan_joint", "head_tilt_joint"]
    point = JointTrajectoryPoint(positions=[0.5, 0.2])
    point.time_from_start.sec = 1
    goal.trajectory.points = [point]
    name = "head_controller/follow_joint_trajectory"
    answer = ros.result(send(FollowJointTrajectory, name, goal).get_result_async())
    assert answer.result.error_code == FollowJointTrajectory.Result.SUCCESSFUL
    point.positions = [math.nan, 0.2]
    answer = ros.result(send(FollowJointTrajectory, name, goal).get_result_async())
    assert answer.result.error_code == FollowJointTrajectory.Result.INVALID_GOAL
    assert answer.result.error_string
    for position, status in ((0.04, GoalStatus.STATUS_SUCCEEDED), (math.nan, GoalStatus.STATUS_ABORTED)):
        grip = ParallelGripperCommand.Goal()
        grip.command.position = [position]
        handle = send(ParallelGripperCommand, "gripper_controller/gripper_cmd", grip)
        assert ros.result(handle.get_result_async()).status == status


def test_a_camera_that_is_switched_off_no_longer_sees(ros: Any, simulator: KinematicSimulatorNode) -> None:
    state = ros.inbox(CameraState, "living_room_camera/camera/state", qos.LATCHED)
    assert state.wait().enabled
    request = EnableCamera.Request(enabled=False)
    service = "living_room_camera/camera/enable"
    assert ros.call(EnableCamera, service, request).error_code == EnableCamera.Response.NAME_MISSING
    request.by = "button"
    for camera in ("living_room", "head"):
        assert ros.call(EnableCamera, f"{camera}_camera/camera/enable", request).success
    assert state.wait(lambda m: not m.recording).by == "button"
    people = ros.inbox(PersonArray, "people", qos.STATE)
    people.wait(lambda m: not m.people and m.cameras == ["bedroom_camera", "kitchen_camera"])


def test_faults_are_felt_and_mended(ros: Any, simulator: KinematicSimulatorNode) -> None:
    def fault(kind: int, active: bool, target: str = "") -> Any:
        return ros.call(SimFault, "sim/fault", SimFault.Request(fault=kind, active=active, target=target))

    button = ros.inbox(Bool, "e_stop_button", qos.SENSOR)
    button.wait(lambda m: not m.data)
    assert fault(SimFault.Request.FAULT_E_STOP, True).success
    button.wait(lambda m: m.data)
    assert fault(SimFault.Request.FAULT_E_STOP, False).success
    assert fault(0, True).error_code == SimFault.Response.INVALID
    assert (
        fault(SimFault.Request.FAULT_DOOR_SHUT, True, "barn").error_code == SimFault.Response.UNKNOWN_TARGET
    )
    for kind in (SimFault.Request.FAULT_NETWORK_DOWN, SimFault.Request.FAULT_SPEECH_DOWN):
        assert fault(kind, True).error_code == SimFault.Response.UNKNOWN_TARGET
    killed = fault(SimFault.Request.FAULT_NODE_KILLED, True, "kinematic_simulator")
    assert killed.error_code == SimFault.Response.UNKNOWN_TARGET


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({"world": "atlantis"}, "atlantis"),
        ({"people": "nobody"}, "people"),
        ({"people": '[{"id": "a b"}]'}, "a b"),
        ({"people": '[{"id": "resident", "place": "moon"}]'}, "moon"),
        ({"relay_target": "nowhere"}, "nowhere"),
        ({"speed": -1.0}, "speed"),
    ],
)
def test_settings_that_cannot_be_used_fail_with_a_sentence(
    ros: Any, parameters: dict[str, Any], names: str, tmp_path: Path
) -> None:
    node = ros.node(KinematicSimulatorNode, start=False, **parameters)
    assert node.trigger_configure().name == "FAILURE"
    assert names in node.trouble
