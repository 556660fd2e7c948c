"""The stop as other nodes see it: confirmed at once, told for ever, and known after a kill."""

import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from care_robot_msgs.msg import SafetyState, StopRequest, Utterance
from care_robot_msgs.srv import ResetSafety
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from std_msgs.msg import Bool

from care_robot.actuation.safety_supervisor_node import SafetySupervisorNode
from care_robot.ros import qos

START_S = 60.0  # of a process, on a machine that is busy


@pytest.fixture
def states(ros: Any) -> Any:
    return ros.inbox(SafetyState, "safety/state", qos.LATCHED)


def start(ros: Any, folder: Path) -> SafetySupervisorNode:
    return ros.node(SafetySupervisorNode, state_dir=str(folder))  # type: ignore[no-any-return]


def latched(message: SafetyState) -> bool:
    return bool(message.state == SafetyState.STATE_LATCHED)


def reset(ros: Any, by: str = "Kim") -> Any:
    return ros.call(ResetSafety, "safety/reset", ResetSafety.Request(by=by))


def test_a_request_is_confirmed_and_ends_only_with_a_reset(ros: Any, states: Any, tmp_path: Path) -> None:
    node = start(ros, tmp_path)
    first = states.wait()
    assert (first.state, first.header.frame_id) == (SafetyState.STATE_CLEAR, "base_link")
    assert first.speed_cap > 0.0
    assert math.isnan(first.person_distance)
    requests = ros.publisher(StopRequest, "safety/stop_request", qos.COMMAND)
    requests.publish(StopRequest(id="one", by="Lee", reason="spill"))
    stopped = states.wait(lambda m: "one" in m.stop_request_ids)
    assert latched(stopped)
    assert (stopped.speed_cap, list(stopped.reasons)) == (0.0, [SafetyState.REASON_STOP_REQUEST])
    assert "Lee" in stopped.reason_ko
    assert "spill" in stopped.reason_en
    assert reset(ros, " ").error_code == ResetSafety.Response.NAME_MISSING
    answers = [reset(ros)]  # refused for as long as it might still be asked for
    ros.wait_until(lambda: answers[-1].success or bool(answers.append(reset(ros))), "the reset")
    assert {a.error_code for a in answers[:-1]} <= {ResetSafety.Response.CAUSE_PERSISTS}
    states.wait(lambda m: m.state == SafetyState.STATE_CLEAR and m.since.sec >= stopped.since.sec)
    assert reset(ros).error_code == ResetSafety.Response.NOT_LATCHED
    node.trigger_deactivate()
    assert reset(ros).error_code == ResetSafety.Response.UNAVAILABLE


def test_words_and_the_button_stop_and_a_silent_button_does_too(
    ros: Any, states: Any, tmp_path: Path
) -> None:
    start(ros, tmp_path)
    words = ros.publisher(Utterance, "utterance", qos.STATE)
    words.publish(Utterance(text="멈춰!", source=Utterance.SOURCE_SPEECH, confidence=0.2))
    assert "멈춰" in states.wait(latched).reason_ko
    button = ros.publisher(Bool, "e_stop_button", qos.SENSOR)
    button.publish(Bool(data=True))
    states.wait(lambda m: SafetyState.REASON_E_STOP in m.reasons)
    assert "pressed" in reset(ros).error_msg
    states.wait(lambda m: SafetyState.REASON_E_STOP_SILENT in m.reasons)
    assert "wire" in reset(ros).error_msg


def test_it_tells_once_a_second_without_any_change(ros: Any, states: Any, tmp_path: Path) -> None:
    start(ros, tmp_path)
    ros.wait_until(lambda: len(states.messages) >= 3, "repeated states")
    assert {m.state for m in states.messages} == {SafetyState.STATE_CLEAR}


def test_a_broken_memory_stops_and_an_unwritable_one_is_told(ros: Any, states: Any, tmp_path: Path) -> None:
    reports = ros.inbox(DiagnosticArray, "/diagnostics", qos.STATE)
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "safety_supervisor.stop.json").write_bytes(b"\x00")
    node = start(ros, folder)
    assert list(states.wait(latched).reasons) == [SafetyState.REASON_START_UP]
    assert reset(ros).success
    states.wait(lambda m: not latched(m))
    node._file._path = tmp_path / "state" / "safety_supervisor.stop.json" / "below_a_file"
    (folder / "safety_supervisor.stop.json").write_text("")
    requests = ros.publisher(StopRequest, "safety/stop_request", qos.COMMAND)
    requests.publish(StopRequest(id="one"))
    states.wait(lambda m: "one" in m.stop_request_ids)
    reports.wait(lambda m: m.status[0].level == DiagnosticStatus.ERROR and "restart" in m.status[0].message)


def test_a_kill_does_not_end_a_stop(ros: Any, states: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "care_robot.actuation.safety_supervisor_node", "--ros-args"]
    command += ["-p", f"state_dir:={tmp_path}"]
    environment = {**os.environ, "ROS_DOMAIN_ID": str(ros.domain_id)}

    def run() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)

    process = run()
    try:
        states.wait(timeout_s=START_S)
        requests = ros.publisher(StopRequest, "safety/stop_request", qos.COMMAND)
        requests.publish(StopRequest(id="one", by="Lee"))
        states.wait(lambda m: "one" in m.stop_request_ids)
        process.send_signal(signal.SIGKILL)
        process.wait()
        states.messages.clear()
        process = run()
        assert list(states.wait(timeout_s=START_S).stop_request_ids) == ["one"]
        assert all(map(latched, states.messages))
    finally:
        process.kill()
        process.wait()
