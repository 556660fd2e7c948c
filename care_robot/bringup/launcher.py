"""Runs launch files where `ros2 launch` is not installed.

python -m care_robot.bringup.launcher bringup source:=0
"""

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from care_robot.bringup.launch_elements import LaunchFileError
from care_robot.bringup.launch_xml import declared_arguments, load_plan
from care_robot.bringup.substitutions import SubstitutionError, package_share
from care_robot.bringup.supervisor import Event, Launcher

PACKAGE = "care_robot"
SAME_WISH_S = 1.0


def find_launch_file(path_or_name: str) -> Path:
    """A path as it is; a bare name such as ``bringup`` in the package's launch folder."""
    path = Path(path_or_name)
    if path.is_file() or len(path.parts) > 1:
        return path
    try:
        folder = package_share(PACKAGE, dict(os.environ)) / "launch"
    except SubstitutionError as error:
        raise LaunchFileError(f"{path_or_name}: {error}.") from None
    return folder / f"{path_or_name.removesuffix('.launch.xml')}.launch.xml"


def run(
    path_or_name: str,
    arguments: Mapping[str, str] | None = None,
    on_event: Callable[[Event], object] | None = None,
    *,
    show: bool = True,
) -> int:
    """Run a launch file until it ends or is interrupted (twice: at once), and return its exit code.

    Raises
    ------
    LaunchFileError
        When the file, an argument or a program is wrong; nothing was started then.
    """
    plan = load_plan(find_launch_file(path_or_name), arguments or {}, os.environ)
    launcher = Launcher(plan, on_event, show=show)
    with _signals(launcher):
        launcher.start()
        return launcher.wait() or 0


@contextlib.contextmanager
def _signals(launcher: Launcher) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    first_s: list[float] = []

    def on_signal(number: int, _frame: object) -> None:
        # The same wish often comes twice at once, to the process and to its group: that is no impatience.
        if first_s and time.monotonic() - first_s[0] > SAME_WISH_S:
            launcher.kill()
        first_s.append(time.monotonic())
        launcher.stop(signal.Signals(number).name)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, on_signal) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def describe_arguments(path_or_name: str) -> str:
    """The arguments of a launch file, for people."""
    lines = []
    for argument in declared_arguments(find_launch_file(path_or_name)):
        words = ", ".join(choice or "''" for choice in argument.choices)
        choices = f" One of {words}." if words else ""
        default = "required" if argument.default is None else f"default: '{argument.default}'"
        lines.append(f"  {argument.name}:=…  {argument.description}{choices} ({default})")
    return "\n".join(lines) or "  no arguments"


def parse_arguments(words: list[str]) -> dict[str, str]:
    """``name:=value`` words as a dictionary; the last one wins."""
    pairs = [word.partition(":=") for word in words]
    for word, (name, sign, _) in zip(words, pairs, strict=True):
        if not (name and sign):
            raise LaunchFileError(f"'{word}' is not a launch argument; write name:=value.")
    return {name: value for name, _, value in pairs}


def main() -> int:
    """Command line: ``python -m care_robot.bringup.launcher FILE [name:=value …]``."""
    parser = argparse.ArgumentParser(prog="care_robot.bringup.launcher", description="Runs a launch file.")
    parser.add_argument("file", help="path, or the name of a launch file of care_robot, such as bringup")
    parser.add_argument("arguments", nargs="*", metavar="name:=value")
    parser.add_argument("-s", "--show-args", action="store_true", help="list the launch arguments and end")
    options = parser.parse_args()
    try:
        if options.show_args:
            sys.stdout.write(describe_arguments(options.file) + "\n")
            return 0
        return run(options.file, parse_arguments(options.arguments))
    except LaunchFileError as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
