"""`./care doctor`: collects the facts, has them checked, and prints a line each."""

import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path

from care_robot.bringup import checks
from care_robot.bringup.checks import Check, ProbeError, Status
from care_robot.bringup.dds import PROFILES_VARIABLE, Profile, read_profile

PROBE_TIMEOUT_S = 60.0
WATCHED_S = 0.2
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (where Fast DDS makes its segments)
CONSOLE = Profile()
"""The process of ``./care`` itself, which is no part of the launch file."""
COLOURS = {Status.OK: "32", Status.WARN: "33", Status.FAIL: "31"}


def probe(code: str) -> tuple[str, str]:
    """Run Python code in an interpreter of its own; see `checks.Probe`."""
    try:
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise ProbeError(f"no answer within {PROBE_TIMEOUT_S:.0f} s") from None
    if run.returncode != 0:
        lines = run.stderr.strip().splitlines()
        raise ProbeError(lines[-1].strip() if lines else f"ended with code {run.returncode}")
    return run.stdout.strip(), run.stderr.strip()


def run_checks(environment: Mapping[str, str]) -> list[Check]:
    """Every check, on this machine."""
    parts: dict[str, Callable[[], list[Check]]] = {
        "set-up": lambda: checks.check_set_up(bool(environment.get("CARE_SETUP_IS_DUE"))),
        "Python": lambda: checks.check_python(sys.version_info[:2]),
        "C++ compiler": lambda: checks.check_compiler(shutil.which),
        "ROS 2": lambda: checks.check_ros(probe, environment),
        "message types": lambda: checks.check_messages(probe),
        "DDS profile": lambda: checks.check_profile(environment),
        "shared memory": lambda: _check_shared_memory(environment),
        "vision": lambda: checks.check_vision(probe),
        "GL rendering": lambda: checks.check_rendering(probe),
        "speech": lambda: checks.check_speech(shutil.which, probe),
        "data folder": lambda: _check_data(environment),
        "clock": _check_clock,
        "time zone": lambda: checks.check_time_zone(_time_zone(environment)),
    }
    return [check for name, part in parts.items() for check in _guarded(name, part)]


def _guarded(name: str, part: Callable[[], list[Check]]) -> list[Check]:
    """A part that needs what the set-up installs must not take the others down."""
    try:
        return part()
    except ImportError as error:
        return [Check(name, Status.FAIL, f"cannot be checked: {error}", checks.SET_UP)]


def _check_shared_memory(environment: Mapping[str, str]) -> list[Check]:
    from care_robot.bringup.launch_elements import LaunchFileError  # noqa: PLC0415 (needs PyYAML)
    from care_robot.bringup.launch_xml import load_plan  # noqa: PLC0415
    from care_robot.bringup.launcher import find_launch_file  # noqa: PLC0415

    try:
        plan = load_plan(find_launch_file("bringup"), {}, environment)
        paths = [spec.env.get(PROFILES_VARIABLE, "") for spec in plan.processes]
        profiles = [read_profile(Path(path)) if path else Profile() for path in paths]
    except (LaunchFileError, ValueError) as error:
        return [Check("shared memory", Status.FAIL, f"the need is not known: {error}", checks.SET_UP)]
    usage = shutil.disk_usage(SHARED_MEMORY)
    return checks.check_shared_memory([*profiles, CONSOLE], usage.total, usage.free)


def _check_data(environment: Mapping[str, str]) -> list[Check]:
    from care_robot.care.store import FILE_NAME, MIGRATIONS, default_folder  # noqa: PLC0415 (needs SQLAlchemy)

    folder = default_folder(environment)
    revisions = {path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")}
    free = shutil.disk_usage(checks.nearest_folder(folder)).free
    return [*checks.check_data_folder(folder, FILE_NAME, revisions), *checks.check_disk(folder, free)]


def _check_clock() -> list[Check]:
    before = time.time() - time.monotonic()
    time.sleep(WATCHED_S)
    drift_s = time.time() - time.monotonic() - before
    return checks.check_clock(datetime.now(timezone.utc).astimezone(), _synchronised(), drift_s)


def _synchronised() -> bool | None:
    """What systemd says of the clock; None where it does not run."""
    command = ["timedatectl", "show", "--property=NTPSynchronized", "--value"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=5.0, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(run.stdout.strip())


def _time_zone(environment: Mapping[str, str]) -> str:
    """The zone's name: TZ, or where /etc/localtime leads to."""
    if environment.get("TZ"):
        return environment["TZ"].removeprefix(":")
    return os.path.realpath("/etc/localtime").partition("zoneinfo/")[2] or "UTC"


def as_text(found: list[Check], *, colours: bool = False) -> str:
    """A line for each check, with what to do below it where something is wrong."""
    width = max(len(check.name) for check in found)
    lines = []
    for check in found:
        mark = f"{check.status.value:4}"
        mark = f"\x1b[{COLOURS[check.status]}m{mark}\x1b[0m" if colours else mark
        lines.append(f"{mark}  {check.name:{width}}  {check.detail}")
        if check.status is not Status.OK and check.remedy:
            lines.append(f"      {'':{width}}  -> {check.remedy}")
    return "\n".join(lines)


def as_json(found: list[Check]) -> str:
    """The checks as a JSON list."""
    return json.dumps([dataclasses.asdict(check) for check in found], ensure_ascii=False, indent=2)


def main(json: bool = False) -> int:
    """Print every check; 1 where one failed, else 0."""
    found = run_checks(os.environ)
    colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    sys.stdout.write((as_json(found) if json else as_text(found, colours=colours)) + "\n")
    return int(any(check.status is Status.FAIL for check in found))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="care doctor", description="Checks what is installed, and says what to do."
    )
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    sys.exit(main(parser.parse_args().json))
