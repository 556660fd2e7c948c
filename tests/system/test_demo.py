"""The README's promise: a fall in the simulated home or on video, the real nodes, and a human who knows."""

import os
import sqlite3
import subprocess
import sys
import wave
from pathlib import Path

import cv2
import pytest

from care_robot.console.timeline import Step
from care_robot.simulation.demo_video import render_demo_video
from care_robot.simulation.graphics import RenderingError, select_backend

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        select_backend()
    except RenderingError as error:
        pytest.skip(f"nothing can render the video here: {error}")
    path = tmp_path_factory.mktemp("video") / "fall.mp4"
    render_demo_video(path)
    return path


def care(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run ./care's command line as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "care_robot.console", *words],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, "COLUMNS": "200", **environment},
    )


def test_the_quick_start_tells_the_main_story_where_nothing_was_cached(tmp_path: Path) -> None:
    try:
        select_backend()
    except RenderingError as error:
        pytest.skip(f"nothing can render the simulated home here: {error}")
    out = tmp_path / "out"
    result = care("demo", "--out", str(out), XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert result.returncode == 0, result.stdout + result.stderr
    places = [result.stdout.find(step.title) for step in Step]
    assert -1 not in places
    assert places == sorted(places)
    with sqlite3.connect(out / "care.db") as database:
        assert database.execute("SELECT count(*) FROM alarms").fetchone() == (1,)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fall_unansered"], "did you mean 'fall_unanswered'?"),
        (["fall_unanswered", "--video", "fall.mp4"], "a story or --video FILE, not both"),
    ],
)
def test_a_story_that_cannot_be_told_is_a_sentence(words: list[str], said: str) -> None:
    result = care("demo", *words)
    assert result.returncode == 2
    assert said in result.stderr


def test_a_fall_on_video_ends_with_a_human_who_has_acknowledged(video: Path, tmp_path: Path) -> None:
    result = care("demo", "--video", str(video), "--out", str(tmp_path))
    assert result.returncode == 0, result.stdout + result.stderr
    places = [result.stdout.find(step.title) for step in Step]
    assert -1 not in places
    assert places == sorted(places)

    with sqlite3.connect(tmp_path / "care.db") as database:
        alarms = database.execute("SELECT kind, state FROM alarms").fetchall()
        steps = [row[0] for row in database.execute("SELECT event FROM alarm_events ORDER BY n")]
    assert len(alarms) == 1
    assert steps[:2] == ["raised", "asked"]
    assert steps.index("paged") < steps.index("acknowledged")
    assert not [event for event in steps if event.startswith("resolved")]

    again = care("demo", "--video", str(video), "--out", str(tmp_path))
    assert again.returncode == 2
    assert "database of another run" in again.stderr


def test_what_was_asked_was_really_synthesised(video: Path, tmp_path: Path) -> None:
    if not any(Path(folder, "espeak-ng").is_file() for folder in os.environ["PATH"].split(":")):
        pytest.skip("espeak-ng is not installed: sudo apt-get install espeak-ng")
    assert care("demo", "--video", str(video), "--language", "en", "--out", str(tmp_path)).returncode == 0
    spoken = sorted((tmp_path / "spoken").glob("*.wav"))
    assert "all right" in spoken[0].with_suffix(".txt").read_text(encoding="utf-8").lower()
    with wave.open(str(spoken[0])) as sound:
        assert sound.getnframes() / sound.getframerate() > 1.0


def test_a_person_who_does_not_fall_pages_nobody(video: Path, tmp_path: Path) -> None:
    standing = tmp_path / "standing.mp4"
    reader = cv2.VideoCapture(str(video))
    writer = cv2.VideoWriter(str(standing), cv2.VideoWriter.fourcc(*"mp4v"), 15.0, (640, 480))
    for _ in range(6 * 15):  # the fall begins later
        writer.write(reader.read()[1])
    writer.release()
    result = care("demo", "--video", str(standing), "--out", str(tmp_path / "out"))
    assert result.returncode == 1
    assert Step.PERSON_SEEN.title in result.stdout
    assert "ended without a confirmed fall" in result.stdout
    with sqlite3.connect(tmp_path / "out" / "care.db") as database:
        assert database.execute("SELECT count(*) FROM alarms").fetchone() == (0,)


@pytest.mark.parametrize("content", [b"", b"this is not a video", b"\0\0\0\x18ftypmp42" + bytes(500)])
def test_an_unreadable_video_is_named_and_ends_the_demo(tmp_path: Path, content: bytes) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(content)
    result = care("demo", "--video", str(broken), "--out", str(tmp_path / "out"))
    assert result.returncode == 1
    assert "broken.mp4" in result.stdout
    assert "error:" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


def test_a_missing_video_is_a_sentence() -> None:
    result = care("demo", "--video", "/nowhere/fall.mp4")
    assert result.returncode == 2
    assert "There is no video file /nowhere/fall.mp4" in result.stderr
