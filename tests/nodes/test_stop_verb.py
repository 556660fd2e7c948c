"""`./care stop` as somebody who needs it at once: no question, and never a false "stopped"."""

import json
from pathlib import Path
from typing import Any

import pytest
from care_robot_msgs.msg import SafetyState
from rich.console import Console

from care_robot.actuation.safety_supervisor_node import SafetySupervisorNode
from care_robot.console import stop
from care_robot.console.errors import UsageError
from care_robot.ros import qos


@pytest.fixture(autouse=True)
def own_domain(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", str(ros.domain_id))


def reset(by: str) -> str:
    """Why it was refused; empty where it was not."""
    try:
        stop.run_reset(by, "", as_json=True, console=Console())
    except UsageError as error:
        return str(error)
    return ""


def test_it_says_who_confirmed_and_the_reset_needs_no_second_command_to_move(
    ros: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    states = ros.inbox(SafetyState, "safety/state", qos.LATCHED)
    ros.node(SafetySupervisorNode, state_dir=str(tmp_path))
    assert stop.run_stop("Kim [/x]", "spill", "", as_json=False, console=Console()) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "confirmed by safety_supervisor after" in said
    assert "Kim [/x]" in states.wait(lambda m: m.state == SafetyState.STATE_LATCHED).reason_en
    ros.wait_until(lambda: reset("Kim") == "", "the reset, which is refused for half a second")
    assert json.loads(capsys.readouterr().out) == {"reset": True, "by": "Kim"}
    assert "not stopped" in reset("Kim")
    assert stop.run_stop("", "", "", as_json=True, console=Console()) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["stopped"]
    assert answer["confirmed"]["by"] == "safety_supervisor"
    assert answer["confirmed"]["after_ms"] < 5000


def test_unconfirmed_it_asks_for_the_button(
    ros: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stop, "CONFIRM_S", 0.5)
    states = ros.tester.create_publisher(SafetyState, "safety/state", qos.LATCHED)
    states.publish(SafetyState(state=SafetyState.STATE_LATCHED, stop_request_ids=["of somebody else"]))
    with pytest.raises(UsageError, match="MAY STILL MOVE"):
        stop.run_stop("Kim", "", "", as_json=True, console=Console())
    assert json.loads(capsys.readouterr().out) == {"stopped": False, "confirmed": None}
