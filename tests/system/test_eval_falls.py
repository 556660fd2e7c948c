"""`./care eval falls` as its user runs it: a fall that the project renders, and files that are no video."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from care_robot.simulation.demo_video import render_demo_video
from care_robot.simulation.graphics import RenderingError, select_backend

pytestmark = pytest.mark.system

HEADER = "file,label,fps,frames,fall_start_s,fall_end_s,group,activity"


def evaluate(folder: Path, *rows: str) -> "subprocess.CompletedProcess[str]":
    (folder / "manifest.csv").write_text("\n".join((HEADER, *rows)))
    words = ("--manifest", "manifest.csv", "--root", "clips", "--out", "out/report.json", "--video-out", "v")
    return subprocess.run(
        [sys.executable, "-m", "care_robot.console", "eval", "falls", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_a_rendered_fall_is_evaluated_beside_files_that_are_no_video(tmp_path: Path) -> None:
    try:
        select_backend()
    except RenderingError as error:
        pytest.skip(f"nothing can render the video here: {error}")
    clips = tmp_path / "clips"
    clips.mkdir()
    video = render_demo_video(clips / "fall.mp4")
    (clips / "damaged.mp4").write_bytes(video.path.read_bytes()[:5000])
    before = round((video.fall_start_s - 0.5) * video.fps)  # the walk to the place of the fall
    source = cv2.VideoCapture(str(video.path))
    walk = cv2.VideoWriter(str(clips / "walk.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), video.fps, (640, 480))
    for _ in range(before):
        walk.write(source.read()[1])
    walk.release()

    result = evaluate(
        tmp_path,
        f"fall.mp4,fall,{video.fps},{video.frames},{video.fall_start_s},{video.fall_end_s},one,falls",
        f"walk.mp4,adl,{video.fps},{before},,,one,walks",
        f"damaged.mp4,adl,{video.fps},,,,two,walks",
        "none.mp4,adl,15,,,,two,walks",
    )

    assert result.returncode == 1, result.stdout + result.stderr
    assert "damaged.mp4 is not a video" in result.stdout
    assert "none.mp4 is not there" in result.stdout
    assert "Traceback" not in result.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [clip["failed"] for clip in report["clips"]] == [False, False, True, True]
    assert [clip["right"] for clip in report["clips"]] == [True, True, False, False]
    assert report["metrics"]["sensitivity"] == report["metrics"]["specificity"] == 1.0
    assert len(list((tmp_path / "v").glob("*.mp4"))) == 2
    pictures = tmp_path / "out" / "report_pictures"
    assert (pictures / report["clips"][0]["picture"]).is_file()
    assert (pictures / "index.html").is_file()


def test_a_manifest_that_cannot_be_used_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    result = evaluate(tmp_path, "fall.mp4,fall,0,10,1,2,one,falls")
    assert result.returncode == 2
    assert "Line 2 of manifest.csv, column fps: '0' must be a number from" in result.stderr
    assert "Traceback" not in result.stderr
