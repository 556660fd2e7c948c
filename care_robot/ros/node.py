"""The lifecycle node that every node of ours is built on.

A node says in `configure` what it listens to, publishes and serves; the base declares and checks the
parameters, keeps timers, subscriptions, services and actions quiet until the node is active (rclpy by itself
gates only publishers), gives signs of life, and turns trouble into one sentence in the log and on
``/diagnostics``.
"""

import enum
import math
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Generic, NoReturn, TypeVar

import rclpy
from care_robot_msgs.msg import Heartbeat
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from lifecycle_msgs.msg import State
from rclpy._rclpy_pybind11 import RCLError
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.executors import Executor, MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions

from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds
from care_robot.ros.parameters import NodeParameters, ParameterError

HEARTBEAT_PERIOD_S = 0.1
DIAGNOSTICS_PERIOD_S = 1.0
LAST_WORDS_S = 10.0
"""A node that could not start itself says why on /diagnostics for so long, for whoever supervises it."""

CLOCK_PATIENCE_S = 10.0

P = TypeVar("P")


class ConfigurationError(Exception):
    """The node cannot be configured; the message is a sentence that names the thing and the remedy."""


class Level(enum.Enum):
    """Severity, as in diagnostic_msgs/DiagnosticStatus."""

    OK = DiagnosticStatus.OK
    WARN = DiagnosticStatus.WARN
    ERROR = DiagnosticStatus.ERROR


@dataclass(frozen=True)
class Health:
    """What a node says of itself on /diagnostics."""

    level: Level = Level.OK
    message: str = "OK"
    values: dict[str, str] = field(default_factory=dict)


class CareNode(LifecycleNode, Generic[P]):
    """Lifecycle node with checked parameters, gated callbacks, heartbeat and diagnostics.

    Parameters
    ----------
    name
        Name of the node; the launch file may rename it.
    schema
        Dataclass of `parameter` fields.
    options
        Passed on to rclpy's Node, such as `context` and `parameter_overrides` in tests.

    Attributes
    ----------
    active
        Whether callbacks run.
    trouble
        Why the node could not be configured or activated, or has to end; empty where nothing is wrong.
    exit_code
        Set where the process has to end.
    """

    def __init__(self, name: str, schema: type[P], **options: Any) -> None:
        super().__init__(name, **options)
        self.active = False
        self.exit_code: int | None = None
        self._parameters_of_node = NodeParameters(self, schema)
        self._destroyers: list[Callable[[], object]] = []
        self.trouble = ""
        self._callback_errors = 0
        self._sequence = 0
        # Signs of life are judged by the wall clock, also while simulated time stands still.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        group = MutuallyExclusiveCallbackGroup()
        self._heartbeat = self.create_publisher(Heartbeat, "~/heartbeat", qos.SENSOR)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", qos.STATE)
        self.create_timer(HEARTBEAT_PERIOD_S, self._beat, group, clock=steady)
        self.create_timer(DIAGNOSTICS_PERIOD_S, self._report, group, clock=steady)

    # What a node fills in -------------------------------------------------------------------------

    def configure(self, parameters: P) -> None:
        """Create work objects and wiring; raise ConfigurationError when it cannot be done."""

    def activate(self) -> None:
        """Start work."""

    def deactivate(self) -> None:
        """Stop work; may be followed by `activate`."""

    def cleanup(self) -> None:
        """Let go of what `configure` took."""

    def diagnose(self) -> Health:
        """State of the work, asked once a second while active."""
        return Health()

    # What a node uses ------------------------------------------------------------------------------

    def now_s(self) -> float:
        """Time of the node clock (simulated where there is one)."""
        return to_seconds(self.get_clock().now().to_msg())

    def publisher(self, message_type: type, topic: str, profile: QoSProfile) -> Publisher:
        """Publisher that is silent until the node is active."""
        publisher = self.create_lifecycle_publisher(message_type, topic, profile)
        self.at_cleanup(lambda: self.destroy_lifecycle_publisher(publisher))
        return publisher

    def subscribe(
        self, message_type: type, topic: str, profile: QoSProfile, callback: Callable[[Any], object]
    ) -> None:
        """Subscription whose callback runs only while the node is active."""
        subscription = self.create_subscription(message_type, topic, self._gated(callback), profile)
        self.at_cleanup(lambda: self.destroy_subscription(subscription))

    def every(self, period_s: float, callback: Callable[[], object]) -> None:
        """Timer on the node clock that runs only while the node is active."""
        timer = self.create_timer(period_s, self._gated(callback))
        self.at_cleanup(lambda: self.destroy_timer(timer))

    def serve(self, service_type: type, name: str, callback: Callable[[Any, Any], Any]) -> None:
        """Service that refuses, with a sentence, while the node is not active."""

        def answer(request: Any, response: Any) -> Any:
            if not self.active:
                return _refusal(response, f"{self.get_name()} is not active yet.")
            try:
                return callback(request, response)
            except Exception:
                self.note_error(name)
                return _refusal(response, f"{self.get_name()} failed at {name}; its log says why.")

        service = self.create_service(service_type, name, answer)
        self.at_cleanup(lambda: self.destroy_service(service))

    def serve_action(
        self,
        action_type: type,
        name: str,
        execute: Callable[[ServerGoalHandle], Any],
        *,
        goal: Callable[[Any], GoalResponse] = lambda _: GoalResponse.ACCEPT,
        cancel: Callable[[ServerGoalHandle], CancelResponse] = lambda _: CancelResponse.ACCEPT,
    ) -> ActionServer:
        """Action server that rejects goals while the node is not active; every goal can be cancelled."""
        server = ActionServer(
            self,
            action_type,
            name,
            execute,
            callback_group=ReentrantCallbackGroup(),
            goal_callback=lambda request: goal(request) if self.active else GoalResponse.REJECT,
            cancel_callback=cancel,
        )
        self.at_cleanup(server.destroy)
        return server

    def at_cleanup(self, let_go: Callable[[], object]) -> None:
        """Have something of rclpy's that `configure` made destroyed on clean-up."""
        self._destroyers.append(let_go)

    def note_error(self, where: str) -> None:
        """Log the exception being handled and show it in the diagnostics.

        One bad message must not end a node that watches over somebody; it must not be hidden either.
        """
        self._callback_errors += 1
        self.get_logger().error(f"Error in {where}:\n{traceback.format_exc()}", throttle_duration_sec=5.0)

    def fatal(self, sentence: str) -> None:
        """End the process with a non-zero exit code, after saying why."""
        self.trouble = sentence
        self.get_logger().fatal(sentence)
        self.exit_code = 1

    def activate_self(self) -> None:
        """Configure and activate without a lifecycle manager; fatal when that fails."""
        for transition in (self.trigger_configure, self.trigger_activate):
            if transition() is not TransitionCallbackReturn.SUCCESS:
                self.fatal(self.trouble or f"{self.get_name()} could not be started.")
                return

    # Lifecycle ---------------------------------------------------------------------------------------

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Check the parameters and configure; FAILURE with a sentence where that cannot be done."""
        self.trouble = ""
        try:
            self.configure(self._parameters_of_node.read())
            return super().on_configure(state)
        except (ParameterError, ConfigurationError) as error:
            self.trouble = str(error)
        except Exception as error:
            self.get_logger().error(traceback.format_exc())
            self.trouble = f"{self.get_name()} cannot be configured: {error}"
        self.get_logger().error(self.trouble)
        self._release()
        return TransitionCallbackReturn.FAILURE

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let publishers speak, then start work."""
        result = super().on_activate(state)
        try:
            self.active = True
            self.activate()
        except Exception as error:
            self.active = False
            self.trouble = f"{self.get_name()} cannot be activated: {error}"
            self.get_logger().error(self.trouble)
            super().on_deactivate(state)
            return TransitionCallbackReturn.FAILURE
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop work, then silence the publishers."""
        self.deactivate()
        self.active = False
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of everything that configure took."""
        self._release()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop work where it runs, and let go."""
        if self.active:
            self.on_deactivate(state)
        self._release()
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Back to unconfigured, from where the node can be configured again."""
        self.active = False
        self._release()
        return TransitionCallbackReturn.SUCCESS

    def _LifecycleNodeMixin__change_state(self, transition_id: int) -> TransitionCallbackReturn:  # noqa: N802
        """Refuse a transition that the state does not have: rclpy would let the request end the process."""
        try:
            return super()._LifecycleNodeMixin__change_state(transition_id)
        except RCLError as error:
            self.get_logger().warning(f"Refused while {self._state_label()}: {error}")
            return TransitionCallbackReturn.FAILURE

    # Within ----------------------------------------------------------------------------------------

    def _release(self) -> None:
        try:
            self.cleanup()
        except Exception:
            self.note_error("cleanup")
        while self._destroyers:
            self._destroyers.pop()()

    def _gated(self, callback: Callable[..., object]) -> Callable[..., None]:
        def run(*arguments: Any) -> None:
            if self.active:
                try:
                    callback(*arguments)
                except Exception:
                    self.note_error(getattr(callback, "__name__", "a callback"))

        return run

    def _beat(self) -> None:
        self._sequence = (self._sequence + 1) % 2**32
        name = self.get_fully_qualified_name()
        beat = Heartbeat(node=name, state=self.state_id(), sequence=self._sequence)
        beat.header.stamp = self.get_clock().now().to_msg()
        self._heartbeat.publish(beat)

    def _report(self) -> None:
        health = self.diagnose() if self.active else Health(message=f"not active: {self._state_label()}")
        level, message = health.level, health.message
        if self.trouble:
            level, message = Level.ERROR, self.trouble
        elif self._callback_errors:
            level, message = Level.ERROR, f"{self._callback_errors} errors in callbacks; the log says which."
        status = DiagnosticStatus(level=level.value, name=self.get_fully_qualified_name(), message=message)
        values = {"state": self._state_label(), **health.values}
        status.values = [KeyValue(key=key, value=value) for key, value in values.items()]
        report = DiagnosticArray(status=[status])
        report.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(report)

    def state_id(self) -> int:
        """Lifecycle state, as in lifecycle_msgs/State."""
        return int(self._state_machine.current_state[0])

    def _state_label(self) -> str:
        return str(self._state_machine.current_state[1])


def _refusal(response: Any, sentence: str) -> Any:
    if hasattr(response, "success"):
        response.success = False
    if hasattr(response, "UNAVAILABLE"):
        response.error_code = response.UNAVAILABLE
    for name in ("error_msg", "message"):
        if hasattr(response, name):
            setattr(response, name, sentence)
    return response


def run_node(factory: Callable[[], Node], *, threads: int = 1, self_activate: bool = False) -> NoReturn:
    """Run one node as a process until SIGINT, SIGTERM or its own `fatal`; exits 0, or 1 where it was fatal.

    Parameters
    ----------
    factory
        The node's class.
    threads
        Above 1, callbacks of different groups run side by side.
    self_activate
        For a node that must not depend on the lifecycle manager.
    """
    signalled: list[int] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        signalled.append(number)

    # Own handlers: rclpy's end the context at once, before a node could say goodbye or close its files.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = factory()
    executor: Executor = MultiThreadedExecutor(threads) if threads > 1 else SingleThreadedExecutor()
    executor.add_node(node)
    if self_activate and isinstance(node, CareNode):
        _await_time(node, executor, signalled)
        if not signalled:
            node.activate_self()
        end_s = time.monotonic() + LAST_WORDS_S
        while node.exit_code is not None and not signalled and time.monotonic() < end_s:
            executor.spin_once(timeout_sec=0.1)
    while not signalled and getattr(node, "exit_code", None) is None:
        executor.spin_once(timeout_sec=1.0)  # the heartbeat wakes it ten times a second
        if isinstance(node, CareNode) and node.state_id() == State.PRIMARY_STATE_FINALIZED:
            node.fatal(
                f"{node.get_name()} was shut down from outside; its process ends, to be started again."
            )
    if isinstance(node, CareNode) and node.state_id() in (
        State.PRIMARY_STATE_UNCONFIGURED,
        State.PRIMARY_STATE_INACTIVE,
        State.PRIMARY_STATE_ACTIVE,
    ):
        node.trigger_shutdown()
    executor.shutdown()
    code = getattr(node, "exit_code", None) or 0
    node.destroy_node()
    rclpy.shutdown()
    sys.exit(code)


def _await_time(node: CareNode[Any], executor: Executor, signalled: list[int]) -> None:
    """In a simulation, wait for its clock: what is stored before that would be of the year 1970."""
    complain_s = time.monotonic() + CLOCK_PATIENCE_S
    while node.get_parameter("use_sim_time").value and not node.get_clock().now().nanoseconds:
        executor.spin_once(timeout_sec=0.1)
        if signalled:
            return
        if time.monotonic() > complain_s:
            complain_s = math.inf
            node.get_logger().warning(
                "use_sim_time is set, but nothing publishes /clock: start the simulation, or unset it."
            )
