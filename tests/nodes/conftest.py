"""Each ROS test runs in a context and a domain of its own, and awaits events instead of sleeping."""

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import MultiThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter

from care_robot.bringup.domain import own_domain

TIMEOUT_S = 20.0
N = TypeVar("N", bound=Node)


class Inbox:
    """Messages of one topic, in order; `wait` blocks until one fits."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self._arrived = threading.Condition()

    def put(self, message: Any) -> None:
        with self._arrived:
            self.messages.append(message)
            self._arrived.notify_all()

    def wait(self, fits: Callable[[Any], bool] = lambda _: True, timeout_s: float = TIMEOUT_S) -> Any:
        """The first message, old or new, that fits; fails the test after `timeout_s`."""
        found: list[Any] = []

        def look() -> bool:
            found[:] = [m for m in self.messages if fits(m)][:1]
            return bool(found)

        with self._arrived:
            if not self._arrived.wait_for(look, timeout_s):
                pytest.fail(f"No fitting message within {timeout_s} s; {len(self.messages)} others came.")
        return found[0]


class Ros:
    """One domain with nodes under test and a node of the test's own (`ros.tester`)."""

    def __init__(self, domain_id: int) -> None:
        self.domain_id = domain_id
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain_id)
        self._executor = MultiThreadedExecutor(num_threads=6, context=self.context)
        self._nodes: list[Node] = []
        self.tester = self.spin(Node("tester", context=self.context))
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self) -> None:
        while not self._ending.is_set():
            self._executor.spin_once(timeout_sec=0.1)  # waking it alone does not end a wait without a timer

    def spin(self, node: N) -> N:
        """Run a node in the background until the test ends."""
        self._nodes.append(node)
        self._executor.add_node(node)
        return node

    def node(self, node_class: Callable[..., N], *, start: bool = True, **parameters: Any) -> N:
        """A node of ours with these parameters, running; configured and activated when `start`."""
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        node = node_class(context=self.context, parameter_overrides=overrides)
        if start:
            assert node.trigger_configure().name == "SUCCESS", node.trouble  # type: ignore[attr-defined]
            assert node.trigger_activate().name == "SUCCESS", node.trouble  # type: ignore[attr-defined]
        return self.spin(node)

    def inbox(self, message_type: type, topic: str, profile: Any) -> Inbox:
        """Everything that is published on a topic from now on."""
        inbox = Inbox()
        self.tester.create_subscription(message_type, topic, inbox.put, profile)
        return inbox

    def publisher(self, message_type: type, topic: str, profile: Any, *, subscribers: int = 1) -> Any:
        """A publisher that has found its subscribers."""
        publisher = self.tester.create_publisher(message_type, topic, profile)
        self.wait_until(lambda: publisher.get_subscription_count() >= subscribers, f"a subscriber of {topic}")
        return publisher

    def call(self, service_type: type, name: str, request: Any) -> Any:
        """The response of a service."""
        client = self.tester.create_client(service_type, name)
        assert client.wait_for_service(TIMEOUT_S), f"no service {name}"
        return self.result(client.call_async(request))

    def result(self, future: Any, timeout_s: float = TIMEOUT_S) -> Any:
        """The result of an rclpy future, awaited."""
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        if not done.wait(timeout_s):
            pytest.fail(f"No result within {timeout_s} s.")
        return future.result()

    def wait_until(self, holds: Callable[[], bool], what: str, timeout_s: float = TIMEOUT_S) -> None:
        """Wait for a change of the ROS graph or of a node's state, which give no other event."""
        graph = threading.Event()
        for _ in range(int(timeout_s / 0.01)):
            if holds():
                return
            graph.wait(0.01)
        pytest.fail(f"Waited {timeout_s} s for {what}.")

    def close(self) -> None:
        self._ending.set()
        self._executor.wake()
        self._thread.join(timeout=5.0)
        # rclpy's `shutdown` does not wait for what its threads still do, which then find nothing to wake.
        self._executor._executor.shutdown()
        self._executor.shutdown()
        for node in reversed(self._nodes):
            shut_down = getattr(node, "on_shutdown", None)
            if shut_down is not None:
                shut_down(None)
            node.destroy_node()
        rclpy.shutdown(context=self.context)


@pytest.fixture
def ros() -> Iterator[Ros]:
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    with own_domain({}) as domain:
        fixture = Ros(domain)
        yield fixture
        fixture.close()
