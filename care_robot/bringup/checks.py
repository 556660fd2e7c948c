"""What `./care doctor` looks at: each check takes facts, judges them, and says in a line what to do.

Nothing beyond the standard library is imported here, so that the checks run where the set-up is broken.
"""

import sqlite3
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from zoneinfo import ZoneInfo

from care_robot.bringup.dds import PROFILES_VARIABLE, Profile, ProfileError, read_profile, shared_memory_bytes

MESSAGE_PACKAGES = ("care_robot_msgs", "control_msgs", "hri_msgs", "nav2_msgs", "tf2_msgs", "vision_msgs")
SET_UP = "Run ./care setup."
DISK_NEEDED_BYTES = 500_000_000
DISK_WANTED_BYTES = 2_000_000_000
FIRST_YEAR = 2026  # of this project: an earlier clock was never set
CLOCK_JUMP_S = 0.1
MEGABYTE = 1_000_000


class Status(str, Enum):
    """How a check ended; with FAIL the system does not do its work, with WARN a part of it does not."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Check:
    """One line of the doctor: what was found, and what to do where that is not as it should be."""

    name: str
    status: Status
    detail: str
    remedy: str = ""


class ProbeError(Exception):
    """Code that was tried in another interpreter failed; the message is its last line."""


Probe = Callable[[str], tuple[str, str]]
"""Runs Python code in an interpreter of its own, since a library that breaks may take it down.

Gives its standard output and its errors; raises ProbeError.
"""


def check_set_up(due: bool) -> list[Check]:
    """Whether packages, messages and nodes are as their sources; `due` as ``./care`` found it."""
    if due:
        return [Check("set-up", Status.FAIL, "not done, or older than its sources", SET_UP)]
    return [Check("set-up", Status.OK, "as the sources")]


def check_python(version: tuple[int, int]) -> list[Check]:
    """The interpreter's version."""
    detail = f"{version[0]}.{version[1]}"
    if (3, 10) <= version <= (3, 12):
        return [Check("Python", Status.OK, detail)]
    remedy = "Name a Python 3.10, 3.11 or 3.12: CARE_PYTHON=/path/to/python3.12 ./care setup"
    return [Check("Python", Status.FAIL, f"{detail} is not supported", remedy)]


def check_compiler(which: Callable[[str], str | None]) -> list[Check]:
    """The compiler that builds message packages."""
    for program in ("c++", "g++", "clang++"):
        if which(program):
            return [Check("C++ compiler", Status.OK, program)]
    return [Check("C++ compiler", Status.WARN, "none; messages cannot be built", "sudo apt-get install g++")]


def check_vision(probe: Probe) -> list[Check]:
    """Whether OpenCV and MediaPipe load: they read cameras and find people."""
    try:
        probe("import cv2, mediapipe")
    except ProbeError as error:
        if "shared object" in str(error):
            return [Check("vision", Status.FAIL, str(error), "sudo apt-get install libgl1 libglib2.0-0")]
        return [Check("vision", Status.FAIL, str(error), SET_UP)]
    return [Check("vision", Status.OK, "OpenCV and MediaPipe load")]


def check_rendering(probe: Probe) -> list[Check]:
    """Whether MuJoCo renders, which the demo's own video and the simulation need."""
    code = (
        "from care_robot.simulation.graphics import select_backend\n"
        "backend = select_backend()\n"
        "import mujoco\n"
        "mujoco.GLContext(64, 64).make_current()\n"
        "print(backend)"
    )
    try:
        backend, _ = probe(code)
    except ProbeError as error:
        remedy = (
            SET_UP
            if "No module named" in str(error)
            else ("sudo apt-get install libegl1 libopengl0 libgl1-mesa-dri")
        )
        return [Check("GL rendering", Status.WARN, str(error), remedy)]
    return [Check("GL rendering", Status.OK, backend)]


def check_speech(which: Callable[[str], str | None], probe: Probe) -> list[Check]:
    """The voice, and where it is heard."""
    if which("espeak-ng"):
        engine = Check("speech engine", Status.OK, "espeak-ng")
    else:
        detail = "no espeak-ng; what the robot says is only shown and logged"
        engine = Check("speech engine", Status.WARN, detail, "sudo apt-get install espeak-ng")
    try:
        device, _ = probe("import sounddevice; print(sounddevice.query_devices(kind='output')['name'])")
        sound = Check("audio device", Status.OK, device)
    except ProbeError as error:
        if "PortAudio library not found" in str(error):
            sound = Check("audio device", Status.WARN, "no PortAudio", "sudo apt-get install libportaudio2")
        elif "No module named" in str(error):
            sound = Check("audio device", Status.WARN, str(error), SET_UP)
        else:
            remedy = "Connect a loudspeaker; what the robot says is shown and logged until then."
            sound = Check("audio device", Status.WARN, f"none ({error})", remedy)
    return [engine, sound]


def check_ros(probe: Probe, environment: Mapping[str, str]) -> list[Check]:
    """Whether a ROS node can be made, by which ROS 2, and who can reach it."""
    code = (
        "import rclpy\n"
        "from rclpy.utilities import get_rmw_implementation_identifier\n"
        "rclpy.init()\n"
        "rclpy.create_node('doctor').destroy_node()\n"
        "rclpy.shutdown()\n"
        "print(get_rmw_implementation_identifier())"
    )
    distribution = environment.get("ROS_DISTRO", "")
    checks = []
    try:
        middleware, errors = probe(code)
    except ProbeError as error:
        remedy = (
            SET_UP if not distribution else f"Source /opt/ros/{distribution}/setup.bash, then ./care setup."
        )
        checks.append(Check("ROS 2", Status.FAIL, f"no node can be made: {error}", remedy))
    else:
        detail = f"{distribution or 'jazzy, from wheels'}, {middleware}"
        if distribution not in ("", "jazzy"):
            remedy = "Source /opt/ros/jazzy/setup.bash, or use a shell without ROS 2."
            checks.append(Check("ROS 2", Status.FAIL, f"{detail}; care_robot is for jazzy", remedy))
        elif "Error" in errors:
            detail = f"{detail}, with errors: {errors.splitlines()[-1].strip()}"
            checks.append(Check("ROS 2", Status.WARN, detail, "See shared memory and DDS profile below."))
        elif middleware != "rmw_fastrtps_cpp":
            remedy = "Unset RMW_IMPLEMENTATION: the project's DDS profiles are for rmw_fastrtps_cpp."
            checks.append(Check("ROS 2", Status.WARN, detail, remedy))
        else:
            checks.append(Check("ROS 2", Status.OK, detail))
    return [*checks, _domain(environment.get("ROS_DOMAIN_ID", "")), _discovery_range(environment)]


def _domain(text: str) -> Check:
    if text in ("", *map(str, range(102))):
        return Check("ROS domain", Status.OK, text or "0")
    if text in map(str, range(102, 233)):
        detail = f"{text} shares its ports with other programs' outgoing connections"
        return Check("ROS domain", Status.WARN, detail, "Set ROS_DOMAIN_ID to a number from 0 to 101.")
    detail = f"ROS_DOMAIN_ID is '{text}'"
    return Check("ROS domain", Status.FAIL, detail, "Set ROS_DOMAIN_ID to a number from 0 to 101.")


def _discovery_range(environment: Mapping[str, str]) -> Check:
    value = environment.get("ROS_AUTOMATIC_DISCOVERY_RANGE") or "SUBNET"
    if value in ("LOCALHOST", "OFF"):
        return Check("discovery range", Status.OK, value)
    detail = f"{value}: everybody on the network can see the pictures and command the robot"
    remedy = "Unless that is meant: export ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST"
    return Check("discovery range", Status.WARN, detail, remedy)


def check_messages(probe: Probe, packages: Iterable[str] = MESSAGE_PACKAGES) -> list[Check]:
    """Whether every type of the message packages loads, with its compiled part."""
    broken = {}
    for package in packages:
        code = (
            "import importlib, pkgutil\n"
            f"package = importlib.import_module('{package}')\n"
            # The folder of its definitions can be imported too, but has no file.
            "if not package.__file__: raise ImportError('not built')\n"
            "for module in pkgutil.iter_modules(package.__path__):\n"
            "    for kind in vars(importlib.import_module(f'{package.__name__}.{module.name}')).values():\n"
            "        load = getattr(type(kind), '__import_type_support__', None)\n"
            "        if load: load()\n"
        )
        try:
            probe(code)
        except ProbeError as error:
            broken[package] = str(error)
    if broken:
        package, error_text = next(iter(broken.items()))
        detail = f"{', '.join(broken)} cannot be loaded ({error_text})"
        remedy = "./care setup --force; on a full ROS 2 first: rosdep install --from-paths . --ignore-src"
        return [Check("message types", Status.FAIL, detail, remedy)]
    return [Check("message types", Status.OK, "all load")]


def check_profile(environment: Mapping[str, str]) -> list[Check]:
    """The DDS profile that this shell gives to its processes."""
    path = environment.get(PROFILES_VARIABLE, "")
    remedy = f"Start it with ./care, or export {PROFILES_VARIABLE}=$PWD/config/dds/small.xml"
    if not path:
        detail = "none is set: large pictures are lost, and the network reaches this shell's nodes"
        if "FASTDDS_DEFAULT_PROFILES_FILE" in environment:
            detail += "; FASTDDS_DEFAULT_PROFILES_FILE is ignored on Jazzy"
        return [Check("DDS profile", Status.WARN, detail, remedy)]
    try:
        profile = read_profile(Path(path))
    except ProfileError as error:
        return [Check("DDS profile", Status.FAIL, str(error), remedy)]
    if not profile.loopback_only and environment.get("ROS_AUTOMATIC_DISCOVERY_RANGE") == "LOCALHOST":
        detail = (
            f"{path} lets the network in: LOCALHOST alone stops only the search, not who knows the address"
        )
        return [Check("DDS profile", Status.WARN, detail, remedy)]
    return [Check("DDS profile", Status.OK, path)]


def check_shared_memory(profiles: Collection[Profile], size_bytes: int, free_bytes: int) -> list[Check]:
    """Whether /dev/shm holds the segments of all processes of the launch; `profiles` has one for each."""
    needed = shared_memory_bytes(profiles)
    sizes = (
        f"{len(profiles)} processes need {needed // MEGABYTE} MB; /dev/shm has {size_bytes // MEGABYTE} MB, "
        f"{free_bytes // MEGABYTE} MB free"
    )
    megabytes = 2 * needed // MEGABYTE
    if needed > size_bytes:
        remedy = f"sudo mount -o remount,size={megabytes}M /dev/shm; in a container: --shm-size={megabytes}m"
        return [Check("shared memory", Status.FAIL, sizes, remedy)]
    if needed > free_bytes:
        remedy = "Unless care_robot is what fills it, end what does: ls -lhS /dev/shm"
        return [Check("shared memory", Status.WARN, sizes, remedy)]
    return [Check("shared memory", Status.OK, sizes)]


def check_data_folder(folder: Path, database: str, revisions: Collection[str]) -> list[Check]:
    """Whether the care database can be written, and is of a version that is known.

    Parameters
    ----------
    folder
        Where it lies, or will.
    database
        Its file's name.
    revisions
        The versions that this care_robot can read.
    """
    there = nearest_folder(folder)
    remedy = f"Make it writable, or choose another with data_dir:=FOLDER: sudo chown -R $USER '{there}'"
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        return [Check("data folder", Status.FAIL, f"{there} cannot be written: {error.strerror}", remedy)]
    path = folder / database
    if not path.exists():
        return [Check("data folder", Status.OK, f"{folder}, no database yet")]
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        remedy = "Restore a copy, or start: it is kept aside then, and a fresh one begins."
        return [Check("data folder", Status.FAIL, f"{path} cannot be read: {error}", remedy)]
    unknown = {str(version) for (version,) in rows} - set(revisions)
    if unknown:
        detail = f"{path} is of version {', '.join(sorted(unknown))}, newer than this care_robot"
        return [Check("data folder", Status.FAIL, detail, "Install the newer care_robot again.")]
    return [Check("data folder", Status.OK, str(path))]


def nearest_folder(path: Path) -> Path:
    """The path itself, or the nearest of its parents that exists."""
    return next(p for p in (path, *path.absolute().parents) if p.is_dir())


def check_disk(folder: Path, free_bytes: int) -> list[Check]:
    """Room for the database and for logs, in bytes."""
    detail = f"{free_bytes / 1e9:.1f} GB free for {folder}"
    remedy = "Make room; alarms are kept on the disk."
    if free_bytes < DISK_NEEDED_BYTES:
        return [Check("disk", Status.FAIL, detail, remedy)]
    return [Check("disk", Status.OK if free_bytes >= DISK_WANTED_BYTES else Status.WARN, detail, remedy)]


def check_clock(now: datetime, synchronised: bool | None, drift_s: float) -> list[Check]:
    """Whether the time of day is right: reminders and alarms are stored with it.

    Parameters
    ----------
    now
        The wall clock.
    synchronised
        Whether a time server sets it; None where that is not known.
    drift_s
        How far it moved against the steady clock while it was watched, in seconds.
    """
    detail = f"{now:%Y-%m-%d %H:%M}"
    remedy = "sudo timedatectl set-ntp true"
    if not FIRST_YEAR <= now.year < FIRST_YEAR + 100:
        return [Check("clock", Status.FAIL, f"{detail} cannot be right", remedy)]
    if abs(drift_s) > CLOCK_JUMP_S:
        detail = f"{detail}, and it jumped by {drift_s:+.1f} s while it was watched"
        return [Check("clock", Status.WARN, detail, "Wait until the time service has settled.")]
    if synchronised is False:
        return [Check("clock", Status.WARN, f"{detail}, not set by a time server", remedy)]
    known = "set by a time server" if synchronised else "no time service to ask"
    return [Check("clock", Status.OK, f"{detail}, {known}")]


def check_time_zone(name: str) -> list[Check]:
    """The IANA zone of this machine; schedules are local time."""
    remedy = "sudo timedatectl set-timezone Asia/Seoul"
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return [Check("time zone", Status.WARN, f"'{name}' is not an IANA zone", remedy)]
    if name.rpartition("/")[2] in ("UTC", "Universal", "Zulu", "GMT"):
        return [Check("time zone", Status.WARN, f"{name}; schedules are local time", remedy)]
    return [Check("time zone", Status.OK, name)]
