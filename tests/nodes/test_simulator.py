"""The simulator's actions, time and lifecycle: nothing waits for ever, and time never goes back."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from action_msgs.msg import GoalStatus
from care_robot_msgs.srv import SimFault, SimReset
from control_msgs.action import FollowJointTrajectory, ParallelGripperCommand
from geometry_msgs.msg import TwistStamped
from rclpy.action import ActionClient
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
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
        head = isinstance(goal, FollowJointTrajectory.Goal)
        name = "head_controller/follow_joint_trajectory" if head else "gripper_controller/gripper_cmd"
        clients.append(ActionClient(ros.tester, FollowJointTrajectory if head else ParallelGripperCommand, name))
        assert clients[-1].wait_for_server(20.0)
        return ros.result(clients[-1].send_goal_async(goal))

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
    handle = send(FOR_EVER)
    assert ros.call(SimReset, "sim/reset", SimReset.Request()).success
    answer = ros.result(handle.get_result_async())
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert answer.result.error_code != FollowJointTrajectory.Result.SUCCESSFUL
    assert "start" in answer.result.error_string
    handle = send(FOR_EVER)
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
