"""``./care up``: the system with a camera, until Ctrl-C."""

import os
from pathlib import Path

from rich.console import Console

from care_robot.bringup.launcher import describe_arguments, parse_arguments, run
from care_robot.care.store import default_folder
from care_robot.console.errors import UsageError

LAUNCH_FILE = "bringup"


def run_up(
    camera: str | None, video: Path | None, language: str, arguments: list[str], console: Console
) -> int:
    """Run the launch file in the foreground; the launch's exit code."""
    if (camera is None) == (video is None):
        raise UsageError("Say what to look through: --camera 0 for the first webcam, or --video FILE.")
    if video is not None and not video.is_file():
        raise UsageError(f"There is no video file {video}; check the path.")
    given = {
        "source": camera if camera is not None else str(video.resolve() if video else ""),
        "language": language,
        "loop": "true",
        **parse_arguments(arguments),
    }
    folder = given.get("data_dir") or default_folder(os.environ)
    console.print(f"Starting; data in {folder}. Ctrl-C ends it.", highlight=False)
    console.print("In another terminal: `./care alarm list`, `./care alarm ack ID`, `./care say TEXT`.")
    return run(LAUNCH_FILE, given)


def show_arguments(console: Console) -> None:
    """List the launch file's arguments with their defaults."""
    console.print(describe_arguments(LAUNCH_FILE), markup=False, highlight=False)
