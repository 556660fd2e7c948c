"""The lifecycle manager with real nodes, each in a process-like life of its own."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node

from care_robot.bringup.lifecycle import Limits
from care_robot.bringup.lifecycle_manager_node import LifecycleManager
from care_robot.ros import qos
from care_robot.ros.node import CareNode, ConfigurationError
from care_robot.ros.parameters import ParameterError

LIMITS = Limits(listen_s=0.0)
QUICK = replace(LIMITS, stuck_s=3.0, retry_s=0.2)


@dataclass(frozen=True)
class Parameters:
    pass


class Part(CareNode[Parameters]):
    """Writes its transitions into a common diary."""

    def __init__(self, name: str, diary: list[str], fault: str = "", **options: Any) -> None:
        super().__init__(name, Parameters, **options)
        self.diary = diary
        self.fault = fault

    def configure(self, _parameters: Parameters) -> None:
        if self.fault:
            raise ConfigurationError(self.fault)
        self.diary.append(f"{self.get_name()} configured")

    def activate(self) -> None:
        self.diary.append(f"{self.get_name()} activated")

    def deactivate(self) -> None:
        self.diary.append(f"{self.get_name()} deactivated")


@pytest.fixture
def diary() -> list[str]:
    return []


@pytest.fixture
def part(ros: Any, diary: list[str]) -> Callable[..., Part]:
    def make(name: str, fault: str = "") -> Part:
        factory = partial(Part, name, diary, fault)
        return ros.node(factory, start=False)  # type: ignore[no-any-return]

    return make


@pytest.fixture
def manager(ros: Any) -> Callable[..., LifecycleManager]:
    def make(*names: str, limits: Limits = LIMITS, **parameters: Any) -> LifecycleManager:
        factory = partial(LifecycleManager, limits)
        return ros.node(factory, start=False, node_names=list(names), **parameters)  # type: ignore[no-any-return]

    return make


def test_nodes_become_active_in_order(
    ros: Any, part: Callable[..., Part], manager: Callable[..., LifecycleManager], diary: list[str]
) -> None:
    parts = [part("detector"), part("camera")]
    manager("camera", "detector")
    ros.wait_until(lambda: all(node.active for node in parts), "active nodes")
    assert diary == ["camera configured", "detector configured", "camera activated", "detector activated"]


def test_a_node_that_appears_late_is_waited_for(
    ros: Any, part: Callable[..., Part], manager: Callable[..., LifecycleManager]
) -> None:
    first = part("first")
    reports = ros.inbox(DiagnosticArray, "/diagnostics", qos.STATE)
    manager("first", "late")
    reports.wait(lambda m: "late is not there or" in m.status[0].message)
    assert not first.active
    late = part("late")
    ros.wait_until(lambda: first.active and late.active, "active nodes")


def test_a_failed_start_gives_the_nodes_own_sentence(
    ros: Any,
    part: Callable[..., Part],
    manager: Callable[..., LifecycleManager],
    capfd: pytest.CaptureFixture[str],
) -> None:
    fine = part("fine")
    part("camera", "The video /no/such.mp4 does not exist; give another one.")
    started = manager("camera", "fine")
    ros.wait_until(lambda: started.exit_code is not None, "the end")
    assert started.exit_code == 1
    sentence = "camera could not be configured: The video /no/such.mp4 does not exist; give another one."
    (line,) = [text for text in capfd.readouterr().err.splitlines() if "[lifecycle_manager]" in text]
    assert sentence in line
    assert not fine.active


def test_a_node_that_never_appears_fails_the_start(
    ros: Any, manager: Callable[..., LifecycleManager]
) -> None:
    started = manager("nobody", limits=QUICK)
    ros.wait_until(lambda: started.exit_code is not None, "the end")
    assert started.exit_code == 1


def test_a_node_started_again_is_brought_up_again(
    ros: Any, part: Callable[..., Part], manager: Callable[..., LifecycleManager], diary: list[str]
) -> None:
    camera, detector = part("camera"), part("detector")
    started = manager("camera", "detector", limits=QUICK)
    reports = ros.inbox(DiagnosticArray, "/diagnostics", qos.STATE)
    ros.wait_until(lambda: camera.active and detector.active, "active nodes")
    _remove(ros, camera)
    reports.wait(lambda m: "camera is not there or" in m.status[0].message)
    assert started.exit_code is None
    again = part("camera", "no picture yet")
    reports.wait(lambda m: "camera could not be configured: no picture yet" in m.status[0].message)
    again.fault = ""
    ros.wait_until(lambda: again.active, "the camera")
    assert detector.active
    assert diary.count("detector configured") == 1


def _remove(ros: Any, node: Node) -> None:
    """What is left of a process that ended: nothing."""
    ros._executor.remove_node(node)
    ros._nodes.remove(node)
    node.destroy_node()


def test_nodes_are_deactivated_in_reverse(
    ros: Any, part: Callable[..., Part], manager: Callable[..., LifecycleManager], diary: list[str]
) -> None:
    parts = [part(name) for name in ("a", "b", "c")]
    started = manager("a", "b", "c")
    ros.wait_until(lambda: all(node.active for node in parts), "active nodes")
    del diary[:]
    started.stop()
    ros.wait_until(lambda: started.exit_code is not None, "the end")
    assert started.exit_code == 0
    assert diary == ["c deactivated", "b deactivated", "a deactivated"]


def test_a_node_that_activates_itself_is_waited_for(
    ros: Any, part: Callable[..., Part], manager: Callable[..., LifecycleManager], diary: list[str]
) -> None:
    camera, keeper = part("camera"), part("keeper")
    manager("camera", self_activated=["keeper"])
    keeper.activate_self()
    ros.wait_until(lambda: camera.active, "the camera")
    assert diary[:2] == ["keeper configured", "keeper activated"]


def test_the_words_of_a_node_that_cannot_activate_itself_end_the_start(
    ros: Any,
    part: Callable[..., Part],
    manager: Callable[..., LifecycleManager],
    capfd: pytest.CaptureFixture[str],
) -> None:
    part("keeper", "The database is in use; end the other process.").trigger_configure()
    started = manager("camera", self_activated=["keeper"])
    ros.wait_until(lambda: started.exit_code is not None, "the end")
    assert "keeper does not run: The database is in use; end the other process." in capfd.readouterr().err


def test_the_report_says_who_is_in_which_state(
    ros: Any, part: Callable[..., Part], manager: Callable[..., LifecycleManager]
) -> None:
    reports = ros.inbox(DiagnosticArray, "/diagnostics", qos.STATE)
    part("camera")
    manager("camera")
    report = reports.wait(lambda m: m.status[0].message == "every node is active")
    (status,) = report.status
    assert status.name == "/lifecycle_manager"
    assert status.level == DiagnosticStatus.OK
    assert ("camera", "active") in [(pair.key, pair.value) for pair in status.values]


def test_a_second_manager_of_the_same_nodes_gives_up(
    ros: Any, part: Callable[..., Part], manager: Callable[..., LifecycleManager], diary: list[str]
) -> None:
    camera = part("camera")
    first = manager("camera")
    ros.wait_until(lambda: camera.active, "the camera")
    second = manager("camera", limits=Limits())
    ros.wait_until(lambda: second.exit_code is not None, "the end")
    assert second.exit_code == 1
    assert first.exit_code is None
    assert diary == ["camera configured", "camera activated"]


@pytest.mark.parametrize("names", [[], ["a", "a"]])
def test_the_names_must_be_given_once_each(
    manager: Callable[..., LifecycleManager], names: list[str]
) -> None:
    with pytest.raises(ParameterError, match="node_names"):
        manager(*names)
