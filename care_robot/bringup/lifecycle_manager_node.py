"""Brings the lifecycle nodes of a launch up in order, and keeps them up.

Ends with a non-zero exit code when the first bring-up fails, so that ``on_exit="shutdown"`` ends the launch.
It is a plain node: nothing would bring it up. `care_manager` activates itself, and is only watched.
"""

import signal
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.client import Client
from rclpy.clock import Clock, ClockType
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from care_robot.bringup.lifecycle import Bringup, Limits, State, Step
from care_robot.ros import qos
from care_robot.ros.parameters import NodeParameters, ParameterError, parameter

TICK_S = 0.1  # while nodes are brought up
POLL_S = 1.0  # how soon a node that was started again is noticed
ANSWER_S = 3.0  # after which a question for a state is asked anew: its node may have died meanwhile
DIAGNOSTICS_S = 1.0
LIMITS = Limits()


@dataclass(frozen=True)
class Parameters:
    """Parameters of the lifecycle manager."""

    node_names: list[str] = parameter([], "Nodes to bring up, in order, relative to this node's namespace.")
    self_activated: list[str] = parameter([], "Nodes that activate themselves: nothing is brought up before.")


class LifecycleManager(Node):
    """Asks the nodes for their states and transitions.

    Raises
    ------
    ParameterError
        When a parameter cannot be used.
    """

    def __init__(self, limits: Limits = LIMITS, **options: Any) -> None:
        super().__init__("lifecycle_manager", **options)
        parameters = NodeParameters(self, Parameters).read()
        names = [*parameters.self_activated, *parameters.node_names]
        if not parameters.node_names or len(set(names)) != len(names):
            raise ParameterError("The parameter 'node_names' must name each node to bring up once.")
        self.bringup = Bringup(parameters.node_names, time.monotonic(), limits, parameters.self_activated)
        self.exit_code: int | None = None
        self._lock = threading.RLock()  # answers may come in another thread than the timer
        self._states = {name: self.create_client(GetState, f"{name}/get_state") for name in names}
        self._changes = {name: self.create_client(ChangeState, f"{name}/change_state") for name in names}
        self._asked_s = dict.fromkeys(names, -1e9)
        self._questions: dict[str, Future] = {}
        self._instance = uuid.uuid4().hex
        self._full_names = {self._full_name(name): name for name in names}
        self._reported = [""]
        self._was_active = False
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.STATE)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", qos.STATE)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = self.create_timer(TICK_S, self._tick, clock=steady)
        self.create_timer(DIAGNOSTICS_S, self._report, clock=steady)

    def stop(self) -> None:
        """Begin to deactivate everything, in reverse order."""
        with self._lock:
            self.bringup.stop(time.monotonic())
            self._proceed(time.monotonic())

    def _full_name(self, name: str) -> str:
        return name if name.startswith("/") else f"{self.get_namespace().rstrip('/')}/{name}"

    def _tick(self) -> None:
        now_s = time.monotonic()
        with self._lock:
            for name, client in self._states.items():
                self._ask_state(name, client, now_s)
            self._proceed(now_s)
            period_s = POLL_S if self.bringup.at_rest else TICK_S
        if self._timer.timer_period_ns != int(period_s * 1e9):
            self._timer.timer_period_ns = int(period_s * 1e9)

    def _ask_state(self, name: str, client: Client, now_s: float) -> None:
        question = self._questions.get(name)
        waited_s = now_s - self._asked_s[name]
        if question is not None and waited_s > ANSWER_S:
            client.remove_pending_request(self._questions.pop(name))
            self.bringup.missed(name, self._asked_s[name], now_s)
        elif question is not None:
            return
        if not (client.service_is_ready() and self._changes[name].service_is_ready()):
            self.bringup.saw(name, None, now_s, now_s)
        elif waited_s >= POLL_S - TICK_S or self.bringup.states()[name] is None:
            self._asked_s[name] = now_s
            self._questions[name] = future = client.call_async(GetState.Request())
            future.add_done_callback(partial(self._on_state, name, now_s))

    def _on_state(self, name: str, asked_s: float, future: Future) -> None:
        with self._lock:
            if asked_s != self._asked_s[name]:
                return
            self._questions.pop(name, None)
            answer: Any = future.result()
            number = answer.current_state.id
            state = State(number) if number in set(State) else State.BUSY
            self.bringup.saw(name, state, asked_s, time.monotonic())
            self._proceed(time.monotonic())

    def _proceed(self, now_s: float) -> None:
        for step in self.bringup.steps(now_s):
            request = ChangeState.Request()
            request.transition.id = int(step.transition)
            future = self._changes[step.node].call_async(request)
            future.add_done_callback(partial(self._on_answer, step))
        self._say_what_changed(now_s)

    def _on_answer(self, step: Step, future: Future) -> None:
        with self._lock:
            answer: Any = future.result()
            self.bringup.answered(step, answer.success, time.monotonic())
            self._proceed(time.monotonic())

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        with self._lock:
            for status in message.status:
                name = self._full_names.get(status.name)
                if name and status.level == DiagnosticStatus.ERROR:
                    self.bringup.explained(name, status.message)
                if status.name == self.get_fully_qualified_name():
                    self._hear_own_name({pair.key: pair.value for pair in status.values})
            self._proceed(time.monotonic())

    def _hear_own_name(self, values: dict[str, str]) -> None:
        if values.get("instance") != self._instance:
            domain = self.context.get_domain_id()
            self.bringup.heard_rival(
                f"{self.get_fully_qualified_name()} runs already in ROS domain {domain}:"
                " end that system, or give this one another ROS_DOMAIN_ID or namespace."
            )

    def _say_what_changed(self, now_s: float) -> None:
        failure = self.bringup.failure(now_s)
        if failure and self.exit_code is None:
            self.get_logger().fatal(failure)
            self.exit_code = 1
        elif self.bringup.stopped(now_s):
            self.exit_code = self.exit_code or 0
        problems = self.bringup.problems()
        if problems != self._reported:
            if self._was_active:
                for problem in set(problems) - set(self._reported):
                    self.get_logger().warning(problem)
            if self.bringup.active:
                self._was_active = True
                self.get_logger().info(f"All {len(self._states)} nodes are active.")
            self._reported = problems

    def _report(self) -> None:
        with self._lock:
            problems, states = self.bringup.problems(), self.bringup.states()
        level = DiagnosticStatus.OK
        if problems:
            level = DiagnosticStatus.ERROR if self._was_active else DiagnosticStatus.WARN
        status = DiagnosticStatus(level=level, name=self.get_fully_qualified_name())
        status.message = "; ".join(problems) or "every node is active"
        status.values = [
            KeyValue(key=name, value="absent" if state is None else state.name.lower())
            for name, state in states.items()
        ]
        status.values.append(KeyValue(key="instance", value=self._instance))
        report = DiagnosticArray(status=[status])
        report.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(report)


def main() -> None:
    """Run the lifecycle manager as a process; 1 when the bring-up fails, 0 after SIGINT or SIGTERM."""
    signals: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: signals.append(received))
    # Own handlers: rclpy's would end the context, and nothing could be deactivated any more.
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = LifecycleManager()
    except ParameterError as error:
        sys.exit(f"lifecycle_manager: {error}")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while node.exit_code is None:
        executor.spin_once(timeout_sec=0.25)  # how soon a signal is noticed
        if signals:
            node.stop()
    node.destroy_node()
    rclpy.shutdown()
    sys.exit(node.exit_code)


if __name__ == "__main__":
    main()
