"""``./care up``: the system with a camera, until Ctrl-C."""

import os
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from care_robot.bringup.domain import check_namespace, claimed, domain_id
from care_robot.bringup.launcher import describe_arguments, parse_arguments, run
from care_robot.care.store import default_folder
from care_robot.console.errors import UsageError

LAUNCH_FILE = "bringup"
LOGS_KEPT_S = 7 * 86_400.0


def run_up(
    camera: str | None, video: Path | None, language: str | None, arguments: list[str], console: Console
) -> int:
    """Run the launch file in the foreground; the launch's exit code.

    Parameters
    ----------
    camera, video
        What to look through: a webcam or a file; neither where `arguments` names a source or an image topic.
    language
        Speaks this language to everybody; None for the languages in the care configuration.
    arguments
        More launch arguments, as ``name:=value``.
    """
    given = parse_arguments(arguments)
    named = [name for name in ("source", "image_topic") if given.get(name)]
    if (camera is not None) + (video is not None) + len(named) != 1:
        raise UsageError(
            "Say what to look through, one of: --camera 0 for the first webcam, --video FILE, "
            "or image_topic:=TOPIC for pictures that another node publishes."
        )
    if video is not None and not video.is_file():
        raise UsageError(f"There is no video file {video}; check the path.")
    if not named:
        given |= {"source": camera if camera is not None else str(video.resolve() if video else "")}
        given.setdefault("loop", "true")
    if language:
        given["language"] = language
    namespace = given.get("namespace", "")
    check_namespace(namespace)
    folder = Path(given.get("data_dir") or default_folder(os.environ))
    _keep_logs_in(folder / "log")
    option = f" --namespace {namespace}" if namespace else ""
    with claimed(domain_id(os.environ), namespace):
        console.print(f"Starting; data in {escape(str(folder))}. Ctrl-C ends it.", highlight=False)
        console.print(
            f"In another terminal: `./care alarm list{option}`, `./care alarm ack ID{option}`, "
            f"`./care say TEXT{option}`.",
            highlight=False,
        )
        return run(LAUNCH_FILE, given)


def _keep_logs_in(folder: Path) -> None:
    """Have the nodes log below the data folder, and drop logs of long ago."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if old.is_file() and old.stat().st_mtime < time.time() - LOGS_KEPT_S:
                old.unlink()
    except OSError as error:
        raise UsageError(
            f"The folder {folder} cannot be written: {error.strerror}; choose another with data_dir:=FOLDER."
        ) from error
    os.environ["ROS_LOG_DIR"] = str(folder)


def show_arguments(console: Console) -> None:
    """List the launch file's arguments with their defaults."""
    console.print(describe_arguments(LAUNCH_FILE), markup=False, highlight=False)
