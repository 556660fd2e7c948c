"""``./care up``: the system in the simulated home, or with a camera, until Ctrl-C."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from care_robot.bringup.domain import check_namespace, claimed, domain_id
from care_robot.bringup.launcher import describe_arguments, parse_arguments, run
from care_robot.care.store import default_folder
from care_robot.console.errors import UsageError
from care_robot.console.sim import Sim

LOGS_KEPT_S = 7 * 86_400.0
VIEW_PORTS = range(8008, 8028)
"""Of the page that shows the simulated world: the first free one."""
WEB_PORTS = range(8080, 8100)
"""Of the page to act on: the first free one."""
ROBOTS = ("carebot",)


@dataclass(frozen=True)
class Look:
    """What the system looks through: a webcam, a video file, or a simulated home.

    `sim` is None where nothing was said: a camera or a video is real, and otherwise a home is simulated.
    """

    camera: str | None = None
    video: Path | None = None
    sim: Sim | None = None
    world: str | None = None
    robot: str = ROBOTS[0]
    headless: bool = False


def run_up(look: Look, language: str | None, arguments: list[str], console: Console) -> int:
    """Run the launch file in the foreground; the launch's exit code.

    Parameters
    ----------
    look
        What to look through.
    language
        Speaks this language to everybody; None for the languages in the care configuration.
    arguments
        More launch arguments, as ``name:=value``.
    """
    given = parse_arguments(arguments)
    sim = _sim_of(look, given)
    if look.robot not in ROBOTS:
        raise UsageError(f"There is no robot {look.robot!r}; there is: {', '.join(ROBOTS)}.")
    if language:
        given["language"] = language
    check_namespace(given.get("namespace", ""))
    if sim is Sim.NONE:
        return _run_real(look, given, console)
    if look.world:
        given["world"] = look.world
    if sim is Sim.GAZEBO:
        return _run_gazebo(given, headless=look.headless, console=console)
    return _run_simulated(sim, given, headless=look.headless, console=console)


def _sim_of(look: Look, given: dict[str, str]) -> Sim:
    """What is simulated; UsageError where that does not fit what else was said."""
    named = [name for name in ("source", "image_topic") if given.get(name)]
    seen = (look.camera is not None) + (look.video is not None) + len(named)
    sim = look.sim or (Sim.NONE if seen else Sim.PHYSICS)
    if sim is Sim.NONE and seen != 1:
        raise UsageError(
            "Say what to look through, one of: --camera 0 for the first webcam, --video FILE, "
            "or image_topic:=TOPIC for pictures that another node publishes."
        )
    if sim is not Sim.NONE and seen:
        raise UsageError(
            f"--sim {sim.value} has cameras of its own: leave --camera, --video and topics away."
        )
    if sim is Sim.NONE and look.world:
        raise UsageError("--world chooses a simulated world: use it with --sim physics, kinematic or gazebo.")
    return sim


def _run_real(look: Look, given: dict[str, str], console: Console) -> int:
    if given.get("image_topic") and given.get("off_hours"):
        raise UsageError(
            "off_hours closes only a camera that is opened here: leave it away, "
            "and have the node that publishes image_topic close its camera."
        )
    if look.video is not None and not look.video.is_file():
        raise UsageError(f"There is no video file {look.video}; check the path.")
    if look.camera is not None or look.video is not None:
        given["source"] = (
            look.camera if look.camera is not None else str(look.video.resolve() if look.video else "")
        )
        given.setdefault("loop", "true")
    _choose_page(given, look.headless, console)
    folder = Path(given.get("data_dir") or default_folder(os.environ))
    return _run("bringup", given, folder, console)


def _run_simulated(sim: Sim, given: dict[str, str], *, headless: bool, console: Console) -> int:
    given["sim"] = sim.value
    _choose_camera(given)
    if not headless:
        given.setdefault("view_port", str(_free_port(VIEW_PORTS, "view_port")))
    with _data_folder(given) as folder:
        given.setdefault("speech_folder", str(folder / "no_speech"))
        console.print(f"Simulated home ({sim.value}): {_who_is_called(given)}.", highlight=False)
        if given.get("view_port", "0") != "0":
            console.print(f"Look at it: http://127.0.0.1:{given['view_port']}/", highlight=False)
        _choose_page(given, headless, console)
        return _run("sim", given, folder, console)


def _choose_camera(given: dict[str, str]) -> None:
    """Look through the camera of the room where somebody is; UsageError where there is no such world."""
    # Imported late: real cameras need no simulator.
    from care_robot.description import DescriptionError  # noqa: PLC0415
    from care_robot.simulation.building import usual_camera  # noqa: PLC0415

    try:
        given.setdefault("camera", usual_camera(given.get("world", "apartment")))
    except DescriptionError as error:
        raise UsageError(str(error)) from None


def _run_gazebo(given: dict[str, str], *, headless: bool, console: Console) -> int:
    ros2 = shutil.which("ros2")
    if ros2 is None or shutil.which("gz") is None:
        raise UsageError(
            "Gazebo needs a full ROS 2 Jazzy with ros_gz (apt install ros-jazzy-ros-gz) and its environment; "
            "`./care up --sim physics` needs neither."
        )
    words = [f"{name}:={value}" for name, value in {**given, "headless": str(headless).lower()}.items()]
    console.print("Starting Gazebo; Ctrl-C ends it.", highlight=False)
    return subprocess.run(
        [ros2, "launch", "care_robot", "sim_gazebo.launch.xml", *words], check=False
    ).returncode


def _who_is_called(given: dict[str, str]) -> str:
    own = [name for name in ("care_config", "webhook_url") if given.get(name)]
    if not own:
        return "no real person is called"
    return f"simulated alarms really call whom {' and '.join(own)} name{'s' * (len(own) == 1)}"


@contextmanager
def _data_folder(given: dict[str, str]) -> Iterator[Path]:
    """Where a simulation keeps its data: what never happened must not stand in the real records."""
    if given.get("data_dir"):
        yield Path(given["data_dir"])
        return
    with tempfile.TemporaryDirectory(prefix="care_robot_sim_") as folder:
        given["data_dir"] = folder
        yield Path(folder)


def _choose_page(given: dict[str, str], headless: bool, console: Console) -> None:
    """Serve the page to act on, and say where."""
    if not headless:
        given.setdefault("web_port", str(_free_port(WEB_PORTS, "web_port")))
    port, host = given.get("web_port"), given.get("web_host", "127.0.0.1")
    if port and port != "0":
        scheme = "https" if given.get("web_certificate") else "http"
        console.print(
            f"경보와 멈춤 · Alarms and STOP: {scheme}://{host}:{port}/", highlight=False, markup=False
        )


def _free_port(ports: range, argument: str) -> int:
    for port in ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise UsageError(f"No port from {ports.start} to {ports.stop - 1} is free; give {argument}:=PORT.")


def _run(launch_file: str, given: dict[str, str], folder: Path, console: Console) -> int:
    _keep_logs_in(folder / "log")
    namespace = given.get("namespace", "")
    option = f" --namespace {namespace}" if namespace else ""
    with claimed(domain_id(os.environ), namespace):
        console.print(f"Starting; data in {escape(str(folder))}. Ctrl-C ends it.", highlight=False)
        console.print(
            f"In another terminal: `./care alarm list{option}`, `./care alarm ack ID{option}`, "
            f"`./care say TEXT{option}`.",
            highlight=False,
        )
        return run(launch_file, given)


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


def show_arguments(sim: Sim | None, console: Console) -> None:
    """List the launch file's arguments with their defaults."""
    launch_file = "bringup" if sim is Sim.NONE else "sim"
    console.print(describe_arguments(launch_file), markup=False, highlight=False)
