"""Stories in the simulated home with the real nodes: they end as they should, and what fails is said."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import cv2
import psutil
import pytest
import yaml

from care_robot.evaluation.scenario import find_scenario, load_scenario, scenario_names, scenarios_folder
from care_robot.simulation.graphics import RenderingError, select_backend

pytestmark = pytest.mark.system

ENVIRONMENT = {**os.environ, "COLUMNS": "300"}
CARE = [sys.executable, "-m", "care_robot.console"]

LONG_S = 300.0
"""Stories that last longer are not told here: `./care scenario run --all` tells them too."""
ALONE = ("manager_killed_while_asking", "second_fall_after_closing")
"""Nor these: twelve simulated seconds pass in each that a process takes to start, or a picture to be judged,
so that they hold only on a machine that does nothing else."""
STORIES = [
    name
    for name in scenario_names()
    if name not in ALONE and load_scenario(find_scenario(name)).duration <= LONG_S
]


def care(*words: str, timeout_s: float = 500.0) -> "subprocess.CompletedProcess[str]":
    """Run ./care's command line as a process of its own."""
    return subprocess.run(
        [*CARE, *words], capture_output=True, text=True, timeout=timeout_s, check=False, env=ENVIRONMENT
    )


def story(folder: Path, name: str, **changes: Any) -> Path:
    """A short scenario of one's own, in which nothing happens."""
    content = {
        "name": name,
        "title": {"ko": "아무 일 없음", "en": "Nothing happens"},
        "duration": 15,
        "people": [{"id": "resident", "place": "living_room"}],
        "timeline": [],
        "expect": [{"never": {"alarm": {}}}],
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({**content, **changes}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def every_run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The trials of the scenarios in the fast world, by name; one that failed is told once more.

    Twelve seconds pass here in one, and other tests take the processor's time meanwhile.
    """
    told: dict[str, dict[str, Any]] = {}
    for attempt in ("first", "second"):
        left = [name for name in STORIES if not told.get(name, {}).get("passed")]
        if left:
            told |= trials_of(left, tmp_path_factory.mktemp(attempt))
    return told


def trials_of(names: list[str], folder: Path) -> dict[str, dict[str, Any]]:
    """Run some scenarios; what the report says of each."""
    out, pictures = folder / "report.json", folder / "pictures"
    words = ("--sim", "kinematic", "--jobs", "2", "--out", str(out), "--pictures", str(pictures))
    result = care("scenario", "run", *names, *words)
    assert result.returncode in (0, 1), result.stdout + result.stderr
    report = json.loads(out.read_text(encoding="utf-8"))
    assert report["command"] == "scenario run"
    assert report["metrics"]["passed"] + report["metrics"]["failed"] == len(report["trials"])
    assert result.returncode == int(report["metrics"]["failed"] > 0)
    return {trial["scenario"]: trial for trial in report["trials"]}


@pytest.mark.parametrize("name", STORIES)
def test_every_story_ends_as_it_should_in_the_fast_world(
    every_run: dict[str, dict[str, Any]], name: str
) -> None:
    trial = every_run[name]
    assert trial["passed"], f"{trial['reason']} {trial['events']}"
    assert cv2.imread(trial["picture"]) is not None


def test_a_story_in_the_physics_world_can_be_recorded(tmp_path: Path) -> None:
    try:
        select_backend()
    except RenderingError as error:
        pytest.skip(f"nothing can render the world here: {error}")
    seen = {"event": {"state": "confirmed"}}
    path = story(tmp_path, "stands", profile="physics", expect=[{"never": seen}])
    video = tmp_path / "out.mp4"
    result = care("scenario", "run", str(path), "--video", str(video))
    assert result.returncode == 0, result.stdout + result.stderr
    recorded = cv2.VideoCapture(str(video))
    assert recorded.get(cv2.CAP_PROP_FRAME_COUNT) > 100


def test_an_expectation_that_does_not_hold_is_said_and_the_log_is_kept(tmp_path: Path) -> None:
    path = story(tmp_path, "waits_in_vain", expect=[{"alarm": {"kind": "fall"}, "within": 5}])
    result = care("scenario", "run", str(path))
    assert result.returncode == 1, result.stderr
    assert "alarm of kind fall within 5 s: none came" in result.stdout
    folder = Path("/" + result.stdout.split("(/")[1].split(")")[0])
    assert "nodes are active" in (folder / "nodes.log").read_text(encoding="utf-8")
    shutil.rmtree(folder)


def test_what_the_simulator_refuses_ends_the_story(tmp_path: Path) -> None:
    stands = {"label": "up", "at": 1, "resident": {"who": "resident", "act": "get_up"}}
    result = care("scenario", "run", str(story(tmp_path, "gets_up_twice", timeline=[stands])))
    assert result.returncode == 1, result.stderr
    assert "timeline[0] (get up): The person stands already." in result.stdout
    shutil.rmtree("/" + result.stdout.split("(/")[1].split(")")[0])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no_such_story"], "There is no scenario 'no_such_story'"),
        ([], "--all"),
        (["fall_unanswered", "--out", "/proc/x/report.json"], "--out"),
        (["fall_unanswered", "--sim", "kinematic", "--video", "out.mp4"], "--sim physics"),
        (["fall_unanswered", "--sim", "physics", "--video", "/proc/out.mp4"], "cannot be written"),
        (["fall_unanswered", "--sim", "physics", "--video", "out.avi"], "must end in .mp4"),
    ],
)
def test_what_cannot_be_run_is_a_sentence(words: list[str], said: str) -> None:
    result = care("scenario", "run", *words)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stdout + result.stderr


def test_the_list_has_every_scenario() -> None:
    result = care("scenario", "list")
    assert result.returncode == 0
    for path in scenarios_folder().glob("*.yaml"):
        assert path.stem in result.stdout


def test_ctrl_c_leaves_no_process_behind(tmp_path: Path) -> None:
    path = story(tmp_path, "interrupted", duration=3600)
    with subprocess.Popen(
        [*CARE, "scenario", "run", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env=ENVIRONMENT,
    ) as process:
        nodes = _descendants_with(process.pid, "fall_detector")
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60.0) == 130
    _, alive = psutil.wait_procs(nodes, timeout=5.0)
    assert alive == []
    assert list(Path(tempfile.gettempdir()).glob("care_robot_interrupted_*")) == []


def _descendants_with(pid: int, name: str) -> list[psutil.Process]:
    """The processes below one, once there is one of that name; the system gives no other event for it."""
    pause = threading.Event()
    for _ in range(600):
        found = psutil.Process(pid).children(recursive=True)
        if any(name in " ".join(_command_line(p)) for p in found):
            return found
        pause.wait(0.1)
    pytest.fail(f"{name} was not started.")


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
