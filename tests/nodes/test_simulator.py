"""The simulator's actions, time and lifecycle: nothing waits for ever, and time never goes back."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from action_msgs.msg import GoalStatus
from care_robot_msgs.msg import SafetyState
from care_robot_msgs.srv import SimFault, SimReset
from control_msgs.action import FollowJointTrajectory, ParallelGripperCommand
from geometry_msgs.msg import TwistStamped
from rclpy.action import ActionClient
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import BatteryState, JointState, LaserScan
from std_msgs.msg import Bool
from trajectory_msgs.msg import JointTrajectoryPoint

from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds
from care_robot.simulation.simulator_node import SimulatorNode

HEAD = ["head_pan_joint", "head_tilt_joint"]
SLOW_S = 60.0


@pytest.fixture
def simulator(ros: Any) -> SimulatorNode:
    return ros.node(SimulatorNode, people="[]")  # type: ignore[no-any-return]


@pytest.fixture
def send(ros: Any) -> Callable[..., Any]:
    clients = []  # kept: an action client that is collected ends what the executor does with it

    def send(goal: Any) -> Any:
        if isinstance(goal, FollowJointTrajectory.Goal):
            name = "head_controller/follow_joint_trajectory"
            client = ActionClient(ros.tester, FollowJointTrajectory, name)
        else:
            client = ActionClient(ros.tester, ParallelGripperCommand, "gripper_controller/gripper_cmd")
        clients.append(client)
        assert client.wait_for_server(20.0)
        return ros.result(client.send_goal_async(goal))

    return send


def look(*points: tuple[list[float], float], names: list[str] = HEAD) -> FollowJointTrajectory.Goal:
    goal = FollowJointTrajectory.Goal()
    goal.trajectory.joint_names = names
    for positions, at_s in points:
        point = JointTrajectoryPoint(positions=positions)
        point.time_from_start.sec = math.floor(at_s)
        point.time_from_start.nanosec = round((at_s - math.floor(at_s)) * 1e9)
        goal.trajectory.points.append(point)
    return goal


def grip(*positions: float, names: tuple[str, ...] = (), effort: tuple[float, ...] = ()) -> Any:
    goal = ParallelGripperCommand.Goal()
    goal.command.name, goal.command.position, goal.command.effort = list(names), list(positions), list(effort)
    return goal


FOR_EVER = look(([0.5, 0.1], 1e6))


def test_goals_end_with_a_reset_and_with_the_node(
    ros: Any, simulator: SimulatorNode, send: Callable[..., Any]
) -> None:
    def begin() -> Any:
        handle = send(FOR_EVER)  # accepted; it begins a little later
        ros.wait_until(lambda: bool(simulator._goals._goals), "a goal under way")
        return handle

    handle = begin()
    assert ros.call(SimReset, "sim/reset", SimReset.Request()).success
    answer = ros.result(handle.get_result_async())
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert answer.result.error_code != FollowJointTrajectory.Result.SUCCESSFUL
    assert "start" in answer.result.error_string
    handle = begin()
    simulator.trigger_deactivate()
    answer = ros.result(handle.get_result_async())
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert "stopped" in answer.result.error_string


def test_an_e_stop_ends_goals_and_refuses_others_until_it_is_released(
    ros: Any, simulator: SimulatorNode, send: Callable[..., Any]
) -> None:
    handle = send(FOR_EVER)
    press = SimFault.Request(fault=SimFault.Request.FAULT_E_STOP, active=True)
    assert ros.call(SimFault, "sim/fault", press).success
    for goal in (handle, send(FOR_EVER), send(grip(0.01))):
        assert ros.result(goal.get_result_async()).status == GoalStatus.STATUS_ABORTED
    press.active = False
    assert ros.call(SimFault, "sim/fault", press).success
    assert ros.result(send(look(([0.1, 0.1], 0.5))).get_result_async(), SLOW_S).result.error_code == 0
    assert simulator.active


def test_the_safety_supervisor_is_obeyed_until_it_is_reset(
    ros: Any, simulator: SimulatorNode, send: Callable[..., Any]
) -> None:
    handle = send(FOR_EVER)
    safety = ros.publisher(SafetyState, "safety/state", qos.LATCHED)
    safety.publish(SafetyState(state=SafetyState.STATE_LATCHED))
    for goal in (handle, send(FOR_EVER), send(grip(0.01))):
        answer = ros.result(goal.get_result_async())
        assert answer.status == GoalStatus.STATUS_ABORTED
    assert ros.call(SimReset, "sim/reset", SimReset.Request()).success  # a new robot obeys as well
    ros.wait_until(lambda: bool(simulator.home.robot._holders), "the hold")
    safety.publish(SafetyState(state=SafetyState.STATE_CLEAR))
    ros.wait_until(lambda: not simulator.home.robot._holders, "the end of the stop")
    assert ros.result(send(look(([0.1, 0.1], 0.1))).get_result_async(), SLOW_S).result.error_code == 0


@pytest.mark.parametrize(
    ("goal", "code"),
    [
        (look(), -1),
        (look(([0.1], 1.0)), -1),
        (look(([0.1, math.nan], 1.0)), -1),
        (look(([0.1, 1e300], 1.0)), -1),
        (look(([0.1, 0.1], -1.0)), -1),
        (look(([0.1, 0.1], 1.0), ([0.2, 0.1], 1.0)), -1),
        (look(([0.1, 0.1], 1.0), names=["head_pan_joint", "lift_joint"]), -2),
        (look(([0.1, 0.1], 1.0), names=["head_pan_joint"] * 2), -2),
        (look(([], 1.0), names=[]), -2),
        (grip(), None),
        (grip(0.01, 0.02), None),
        (grip(math.nan), None),
        (grip(-1.0), None),
        (grip(0.01, effort=(-5.0,)), None),
        (grip(0.01, names=("lift_joint",)), None),
    ],
)
def test_goals_that_cannot_be_are_aborted(
    ros: Any, simulator: SimulatorNode, send: Callable[..., Any], goal: Any, code: int | None
) -> None:
    del simulator
    answer = ros.result(send(goal).get_result_async())
    assert answer.status == GoalStatus.STATUS_ABORTED
    if code is not None:
        assert answer.result.error_code == code
        assert answer.result.error_string.endswith(".")
    else:
        assert not answer.result.reached_goal


def test_time_goes_on_through_stops_resets_and_failed_starts(ros: Any, simulator: SimulatorNode) -> None:
    clock = ros.inbox(Clock, "/clock", qos.STATE)

    def after(t_s: float) -> float:
        return to_seconds(clock.wait(lambda m: to_seconds(m.clock) > t_s + 0.2, SLOW_S).clock)

    for _ in range(5):
        assert ros.call(SimReset, "sim/reset", SimReset.Request()).success
    then_s = after(to_seconds(clock.wait().clock))
    simulator.trigger_deactivate()
    simulator.trigger_cleanup()
    stood_s = simulator.now_s()
    for people, came in (("nobody", "FAILURE"), ("[]", "SUCCESS")):
        simulator.set_parameters([Parameter("people", value=people)])
        assert simulator.trigger_configure().name == came
        assert simulator.now_s() == pytest.approx(stood_s, rel=0, abs=1e-3)
    assert simulator.trigger_activate().name == "SUCCESS"
    assert after(max(then_s, stood_s)) < stood_s + 60.0
    times = [to_seconds(m.clock) for m in clock.messages]
    assert times == sorted(times)


@pytest.mark.parametrize("speed", [math.nan, math.inf, 1e308])
def test_no_command_makes_the_base_faster_than_it_may_be(
    ros: Any, simulator: SimulatorNode, speed: float
) -> None:
    commands = ros.publisher(TwistStamped, "cmd_vel", qos.COMMAND)
    clock = ros.inbox(Clock, "/clock", qos.STATE)
    begin_s = to_seconds(clock.wait().clock)
    command = TwistStamped()
    command.twist.linear.x = -speed if math.isfinite(speed) else speed

    def driven() -> bool:
        commands.publish(command)
        return to_seconds(clock.messages[-1].clock) > begin_s + 1.0

    ros.wait_until(driven, "a second of driving", SLOW_S)
    with simulator.lock:
        forward = simulator.home.robot.velocity()[0]
    assert abs(forward[0]) < (0.9 if math.isfinite(speed) else 0.02)


def test_sensors_fall_silent_and_lie_on_demand(ros: Any, simulator: SimulatorNode) -> None:
    del simulator
    request = SimFault.Request
    inboxes = {
        "scan": ros.inbox(LaserScan, "scan", qos.SENSOR),
        "joints": ros.inbox(JointState, "joint_states", qos.SENSOR),
        "bumper": ros.inbox(Bool, "bumper", qos.SENSOR),
    }
    wall = inboxes["scan"].wait(timeout_s=SLOW_S)
    assert wall.header.frame_id == "lidar_link"
    assert any(math.isfinite(distance) for distance in wall.ranges)
    assert not inboxes["bumper"].wait().data
    faults = ((request.FAULT_SENSOR_SILENT, "scan"), (request.FAULT_BUMPER, ""))
    for kind, target in faults:
        assert ros.call(SimFault, "sim/fault", request(fault=kind, target=target, active=True)).success
    inboxes["bumper"].wait(lambda m: m.data)
    joints = len(inboxes["joints"].messages)
    ros.wait_until(lambda: len(inboxes["joints"].messages) >= joints + 20, "a second of joints", SLOW_S)
    scans, joints_s = inboxes["scan"].messages, to_seconds(inboxes["joints"].messages[-1].header.stamp)
    seen = len(scans)
    assert to_seconds(scans[-1].header.stamp) < joints_s - 0.7
    assert ros.call(SimFault, "sim/fault", request(fault=faults[0][0], target="scan")).success
    ros.wait_until(lambda: len(scans) > seen + 3, "scans again", SLOW_S)


def test_the_battery_charges_on_the_dock_and_empties_off_it(ros: Any, simulator: SimulatorNode) -> None:
    battery = ros.inbox(BatteryState, "battery_state", qos.SENSOR)
    at_dock = battery.wait(timeout_s=SLOW_S)
    assert at_dock.power_supply_status == BatteryState.POWER_SUPPLY_STATUS_CHARGING
    assert at_dock.current > 0.0
    moved = SimFault.Request(fault=SimFault.Request.FAULT_MOVED, active=True)
    assert ros.call(SimFault, "sim/fault", moved).success
    away = battery.wait(lambda m: m.current < 0.0, SLOW_S)
    assert away.power_supply_status == BatteryState.POWER_SUPPLY_STATUS_DISCHARGING
    assert 0.0 < away.percentage < 1.0
    assert simulator.active
