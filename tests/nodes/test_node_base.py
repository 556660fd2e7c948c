"""The node base: parameters, gating, signs of life, and sentences instead of tracebacks."""

from dataclasses import dataclass
from typing import Any

import pytest
from care_robot_msgs.msg import Heartbeat, Utterance
from care_robot_msgs.srv import ResolveAlarm
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter

from care_robot.ros import qos
from care_robot.ros.node import CareNode, ConfigurationError
from care_robot.ros.parameters import parameter


@dataclass(frozen=True)
class Parameters:
    timeout: float = parameter(15.0, "Time to wait.", unit="s", minimum=1.0, maximum=120.0)
    attempts: int = parameter(2, "Questions asked.", minimum=1, maximum=5)
    language: str = parameter("ko", "Language of speech.", choices=("ko", "en"))
    cameras: list[str] = parameter([], "Cameras to join.")


class Probe(CareNode[Parameters]):
    def __init__(self, **options: Any) -> None:
        super().__init__("probe", Parameters, **options)
        self.heard: list[str] = []
        self.ticks = 0

    def configure(self, parameters: Parameters) -> None:
        self.values = parameters
        self.echo = self.publisher(Utterance, "echo", qos.STATE)
        self.subscribe(Utterance, "utterance", qos.STATE, self.on_utterance)
        self.every(0.01, self.on_tick)
        self.serve(ResolveAlarm, "resolve", self.on_resolve)
        if "broken_camera" in parameters.cameras:
            raise ConfigurationError("The camera broken_camera does not answer; check its cable.")

    def on_utterance(self, message: Utterance) -> None:
        if message.text == "boom":
            raise ValueError("boom")
        self.heard.append(message.text)
        self.echo.publish(message)

    def on_tick(self) -> None:
        self.ticks += 1

    def on_resolve(self, _request: Any, response: Any) -> Any:
        response.success = True
        return response


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("timeout", 0.5, ["timeout", "0.5", "at least 1", "s"]),
        ("timeout", float("nan"), ["timeout", "nan"]),
        ("timeout", float("inf"), ["timeout"]),
        ("timeout", "fifteen", ["timeout", "fifteen", "a number in s"]),
        ("attempts", 99, ["attempts", "99", "at most 5"]),
        ("attempts", 1.5, ["attempts", "whole number"]),
        ("language", "fr", ["language", "'fr'", "one of ko, en"]),
        ("cameras", "kitchen", ["cameras", "a list of texts"]),
        ("time_out", 3.0, ["time_out", "unknown", "timeout"]),
    ],
)
def test_a_bad_parameter_fails_the_configuration_and_is_named(
    ros: Any, name: str, value: Any, words: list[str]
) -> None:
    probe = ros.node(Probe, start=False, **{name: value})
    assert probe.trigger_configure() is TransitionCallbackReturn.FAILURE
    for word in words:
        assert word in probe.trouble


def test_a_bad_parameter_can_be_mended_and_configured_again(ros: Any) -> None:
    probe = ros.node(Probe, start=False, timeout=0.5)
    assert probe.trigger_configure() is TransitionCallbackReturn.FAILURE
    probe.set_parameters([Parameter("timeout", value=3.0)])
    assert probe.trigger_configure() is TransitionCallbackReturn.SUCCESS
    assert probe.values.timeout == 3.0


def test_defaults_whole_numbers_for_floats_and_empty_lists_are_accepted(ros: Any) -> None:
    assert ros.node(Probe, timeout=3).values == Parameters(3.0, 2, "ko", [])
    assert ros.node(Probe, cameras=["a", "b"]).values.cameras == ["a", "b"]


def test_a_node_that_cannot_be_configured_leaves_nothing_behind(ros: Any) -> None:
    probe = ros.node(Probe, start=False, cameras=["broken_camera"])
    assert probe.trigger_configure() is TransitionCallbackReturn.FAILURE
    assert "broken_camera" in probe.trouble
    assert not [s for s in probe.subscriptions if s.topic_name.endswith("utterance")]
    report = ros.inbox(DiagnosticArray, "/diagnostics", qos.STATE)
    status = report.wait(lambda m: m.status[0].level == DiagnosticStatus.ERROR).status[0]
    assert "broken_camera" in status.message


def test_an_inactive_node_neither_hears_nor_ticks_nor_serves(ros: Any) -> None:
    probe = ros.node(Probe, start=False)
    assert probe.trigger_configure() is TransitionCallbackReturn.SUCCESS
    say = ros.publisher(Utterance, "utterance", qos.STATE)
    say.publish(Utterance(text="too early"))
    answer = ros.call(ResolveAlarm, "resolve", ResolveAlarm.Request())
    assert not answer.success
    assert "not active" in answer.error_msg
    assert (probe.heard, probe.ticks) == ([], 0)

    assert probe.trigger_activate() is TransitionCallbackReturn.SUCCESS
    echo = ros.inbox(Utterance, "echo", qos.STATE)
    ros.wait_until(lambda: probe.echo.get_subscription_count() == 1, "the echo's subscriber")
    say.publish(Utterance(text="now"))
    echo.wait(lambda m: m.text == "now")
    ros.wait_until(lambda: probe.ticks > 0, "a tick")
    assert ros.call(ResolveAlarm, "resolve", ResolveAlarm.Request()).success

    assert probe.trigger_deactivate() is TransitionCallbackReturn.SUCCESS
    ticks = probe.ticks
    assert not ros.call(ResolveAlarm, "resolve", ResolveAlarm.Request()).success
    assert probe.ticks == ticks


@pytest.mark.parametrize("transition", [Transition.TRANSITION_ACTIVATE, 0, 77, 255])
def test_a_transition_that_does_not_fit_the_state_is_refused_and_the_node_lives(
    ros: Any, transition: int
) -> None:
    probe = ros.node(Probe)
    request = ChangeState.Request(transition=Transition(id=transition))
    for _ in range(2):
        assert not ros.call(ChangeState, "probe/change_state", request).success
    assert probe.active


def test_heartbeats_say_the_state_and_go_on_in_every_state(ros: Any) -> None:
    beats = ros.inbox(Heartbeat, "probe/heartbeat", qos.SENSOR)
    probe = ros.node(Probe, start=False)
    first = beats.wait(lambda m: m.state == State.PRIMARY_STATE_UNCONFIGURED)
    probe.trigger_configure()
    probe.trigger_activate()
    later = beats.wait(lambda m: m.state == State.PRIMARY_STATE_ACTIVE)
    assert later.sequence > first.sequence
    assert later.node == "/probe"


def test_one_bad_message_does_not_end_the_node_and_is_not_hidden(ros: Any) -> None:
    probe = ros.node(Probe)
    say = ros.publisher(Utterance, "utterance", qos.STATE)
    say.publish(Utterance(text="boom"))
    say.publish(Utterance(text="after"))
    ros.wait_until(lambda: probe.heard == ["after"], "the next message")
    report = ros.inbox(DiagnosticArray, "/diagnostics", qos.STATE)
    report.wait(lambda m: m.status[0].level == DiagnosticStatus.ERROR and "1 error" in m.status[0].message)


def test_clean_up_destroys_what_configure_made_and_it_can_be_made_again(ros: Any) -> None:
    probe = ros.node(Probe)
    for _ in range(3):
        assert probe.trigger_deactivate() is TransitionCallbackReturn.SUCCESS
        assert probe.trigger_cleanup() is TransitionCallbackReturn.SUCCESS
        assert not [s for s in probe.subscriptions if s.topic_name.endswith("utterance")]
        assert probe.trigger_configure() is TransitionCallbackReturn.SUCCESS
        assert probe.trigger_activate() is TransitionCallbackReturn.SUCCESS
    assert len([s for s in probe.subscriptions if s.topic_name.endswith("utterance")]) == 1
