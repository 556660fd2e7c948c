"""`./care up`: what it is given, and what it cannot use."""

import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from care_robot.bringup.domain import DomainError, claimed
from care_robot.console import up
from care_robot.console.errors import UsageError
from care_robot.console.sim import Sim


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, str]]:
    """The arguments with which the launch would run."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("ROS_DOMAIN_ID", "199")
    monkeypatch.setenv("ROS_LOG_DIR", "")
    runs: list[dict[str, str]] = []
    monkeypatch.setattr(up, "run", lambda _, given: runs.append(given) or 0)
    return runs


def run(camera: str | None = None, video: Path | None = None, language: str | None = None, *more: str) -> int:
    return up.run_up(up.Look(camera, video), language, list(more), Console(file=io.StringIO()))


def simulate(look: up.Look, *more: str) -> int:
    return up.run_up(look, None, list(more), Console(file=io.StringIO()))


def test_a_webcam_is_the_source_and_languages_stay_those_of_the_configuration(
    launched: list[dict[str, str]], tmp_path: Path
) -> None:
    assert run("0") == 0
    (given,) = launched
    assert 8080 <= int(given.pop("web_port")) < 8100
    assert given == {"source": "0", "loop": "true"}
    assert os.environ["ROS_LOG_DIR"] == str(tmp_path / "care_robot" / "log")


def test_an_image_topic_needs_no_camera(launched: list[dict[str, str]]) -> None:
    run(None, None, "en", "image_topic:=/cam/image", "web_port:=9000")
    assert launched == [{"image_topic": "/cam/image", "language": "en", "web_port": "9000"}]


@pytest.mark.parametrize(
    ("camera", "more", "words"),
    [
        ("0", ("image_topic:=/cam",), "one of"),
        ("0", ("namespace:=/robot1",), "'/robot1'"),
        ("0", ("namespace:=robot1/",), "'robot1/'"),
        ("0", ("data_dir:=/proc/nowhere",), "/proc/nowhere"),
    ],
)
def test_what_cannot_be_used_is_named(
    launched: list[dict[str, str]], camera: str | None, more: tuple[str, ...], words: str
) -> None:
    with pytest.raises((DomainError, UsageError), match=words):
        run(camera, None, None, *more)
    assert launched == []


def test_hours_are_not_promised_for_a_camera_that_another_node_opens(launched: list[dict[str, str]]) -> None:
    with pytest.raises(UsageError, match="off_hours"):
        run(None, None, None, "image_topic:=/cam/image", "off_hours:=22:00-07:00 Asia/Seoul")
    assert launched == []


def test_a_video_that_is_not_there_is_named(launched: list[dict[str, str]]) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.mp4"):
        run(None, Path("nowhere.mp4"))
    assert launched == []


def test_a_second_system_in_the_same_domain_is_refused(launched: list[dict[str, str]]) -> None:
    with claimed(199), pytest.raises(DomainError, match="domain 199"):
        run("0")
    assert launched == []


def test_without_a_camera_a_home_is_simulated_and_its_records_are_thrown_away(
    launched: list[dict[str, str]],
) -> None:
    assert simulate(up.Look()) == 0
    (given,) = launched
    assert given["sim"] == "physics"
    assert int(given["view_port"]) in up.VIEW_PORTS
    assert "care_robot_sim_" in given["data_dir"]
    assert not Path(given["data_dir"]).exists()


def test_a_world_and_a_folder_are_handed_on(launched: list[dict[str, str]], tmp_path: Path) -> None:
    simulate(up.Look(sim=Sim.KINEMATIC, world="ward", headless=True), f"data_dir:={tmp_path}", "speed:=20")
    expected = {"sim": "kinematic", "world": "ward", "data_dir": str(tmp_path), "speed": "20"}
    expected["camera"] = "room_1_camera"  # of the room where the resident is
    expected["speech_folder"] = str(tmp_path / "no_speech")
    assert launched == [expected]
    assert tmp_path.exists()


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (up.Look(sim=Sim.NONE), "--camera 0"),
        (up.Look(camera="0", sim=Sim.PHYSICS), "--sim physics has cameras of its own"),
        (up.Look(video=Path("x.mp4"), sim=Sim.KINEMATIC), "cameras of its own"),
        (up.Look(camera="0", world="ward"), "--world"),
        (up.Look(robot="r2d2"), "there is: carebot"),
        (up.Look(sim=Sim.GAZEBO), "Gazebo needs a full ROS 2"),
        (up.Look(world="castle"), "no world 'castle'"),
    ],
)
def test_what_does_not_go_together_is_named(
    launched: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch, look: up.Look, words: str
) -> None:
    monkeypatch.setattr(up.shutil, "which", lambda _: None)
    with pytest.raises(UsageError, match=words):
        simulate(look)
    assert launched == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "no real person is called"),
        (("webhook_url:=http://127.0.0.1:9/",), "really call whom webhook_url names"),
        (("care_config:=x.yaml", "webhook_url:=http://127.0.0.1:9/"), "care_config and webhook_url name"),
    ],
)
def test_a_simulation_says_whom_its_alarms_call(
    launched: list[dict[str, str]], arguments: tuple[str, ...], words: str
) -> None:
    said = io.StringIO()
    up.run_up(up.Look(headless=True), None, list(arguments), Console(file=said, width=200))
    assert words in said.getvalue()
    assert launched
