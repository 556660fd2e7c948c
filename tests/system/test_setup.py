"""./care sets the workspace up, whatever interrupts it, and does nothing when nothing has changed.

The script is the real one; Python, pip, colcon and apt-get are stand-ins that write down how they are called,
so that every step can be broken. The real ones are tried by `.ci/run`, which begins with a set-up.
"""

import os
import shutil
import signal
import subprocess
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.system
DEADLINE_S = 60.0
NEEDED = (
    *("awk", "basename", "bash", "cat", "cut", "date", "df", "dirname", "du", "env", "find", "flock", "grep"),
    *("ln", "mkdir", "mv", "nproc", "readlink", "rm", "rmdir", "sed", "sha256sum", "sleep", "sort", "tail"),
    *("tee", "touch", "uname", "xargs"),
)
TOOLS = ("python3", "c++", "cc", "git", "colcon", "espeak-ng", "ldconfig", "apt-get", "sudo", "id")
LIBRARIES = "libGL.so.1 libgthread-2.0.so.0 libEGL.so.1 libOpenGL.so.0 libportaudio.so.2"

# One stand-in for all: what it does depends on its name and its arguments.
STAND_IN = r"""#!/usr/bin/env bash
set -eu
name=$(basename "$0")
step="$name $*"
at() { # says that a step begins; KILL_AT ends everything there, FAIL_AT lets it fail
  echo "$1" >>"$CALLS"
  if [[ ${KILL_AT:-} == "$1" ]]; then kill -9 0; fi
  if [[ ${FAIL_AT:-} == "$1" ]]; then echo "the $1 did not work"; exit 1; fi
  mkdir "$CALLS.busy" 2>/dev/null || echo "two at once" >>"$CALLS"
}
done_with() { rmdir "$CALLS.busy"; }
case $name in
  python*)
    case "$*" in
      "-I -") cat >/dev/null; echo "${PYTHON_VERSION:-3.11} $0 ${PYTHON_LACKS:-}" ;;
      "-c import pip") [[ -e $(dirname "$0")/pip ]] ;;
      *_base_executable*) echo "$TOOLS/python3" ;;
      *"import numpy"*) echo "/here/include /here/numpy/include" ;;
      *"import rclpy"*) [[ -n ${RCLPY:-} ]] ;;
      "-m venv "*)
        at venv
        venv=${*: -1}
        mkdir -p "$venv/bin" "$venv/lib/python3.11" "$venv/share/x_msgs/cmake"
        ln -s "$TOOLS/python3" "$venv/bin/python"
        touch "$venv/bin/pip"
        echo "$*" >"$venv/options"
        done_with
        ;;
      "-m pip install"*)
        at pip
        sleep "${PIP_TAKES:-0}"
        echo "$*" >>"$CALLS.pip"
        there=/opt/python/cp311-cp311
        numpy=$there/lib/python3.11/site-packages/numpy/_core/include
        echo "I \"$there/include/python3.11;$numpy\"" >"$(dirname "$0")/../share/x_msgs/cmake/x.cmake"
        done_with
        ;;
      *"/colcon build"*)
        what=definitions
        [[ "$*" == *care_robot_msgs* ]] || what=package
        at "$what"
        echo "$*" >>"$CALLS.colcon"
        for path in "$@"; do
          package=$(basename -- "$path")
          [[ ! -e $path/package.xml ]] || mkdir -p "build/$package" "install/$package/share"
        done
        done_with
        ;;
      *) echo "ran $*" >>"$CALLS"; echo "AMENT_PREFIX_PATH=$AMENT_PREFIX_PATH"; echo "FROM $PWD" ;;
    esac
    ;;
  ldconfig) echo "$LIBRARIES" ;;
  apt-get) [[ $1 == update ]] || echo "apt-get $*" >>"$CALLS"; [[ -z ${APT_FAILS:-} ]] ;;
  sudo) [[ -n ${SUDO_WORKS:-} ]] || exit 1; [[ $1 == -n ]] || exec "$@" ;;
  id) echo "${USER_ID:-1000}" ;;
esac
"""


class Workspace:
    """A clone with stand-ins for all tools, and what they were called for."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "clone"
        self.tools = folder / "tools"
        self.calls_file = folder / "calls"
        for name in (
            "care",
            "care_robot/bringup/setup.sh",
            "colcon_defaults.yaml",
            "setup.py",
            "setup.cfg",
            "package.xml",
        ):
            self.write(name, (ROOT / name).read_text(encoding="utf-8"))
        (self.root / "care").chmod(0o755)
        shutil.copytree(ROOT / "requirements", self.root / "requirements")
        self.write("resource/care_robot", "")
        self.write("launch/a.launch.xml", "<launch/>")
        for package in ("care_robot_msgs", "interfaces/tf2_msgs", "care_robot_rviz_plugins"):
            self.write(f"{package}/package.xml", "<package/>")
            self.write(f"{package}/msg/A.msg", "int32 a\n")
        self.tools.mkdir()
        for program in NEEDED:
            (self.tools / program).symlink_to(shutil.which(program) or program)
        self.stand_in = folder / "stand_in"
        self.stand_in.write_text(STAND_IN, encoding="utf-8")
        self.stand_in.chmod(0o755)
        for program in TOOLS:
            self.add(program)

    def write(self, name: str, content: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def add(self, program: str) -> None:
        shutil.copy(self.stand_in, self.tools / program)

    def remove(self, program: str) -> None:
        (self.tools / program).unlink()

    def start(
        self, *arguments: str, cwd: Path | None = None, **environment: object
    ) -> "subprocess.Popen[str]":
        variables = {
            "PATH": str(self.tools),
            "HOME": str(self.root.parent),
            "TOOLS": str(self.tools),
            "CALLS": str(self.calls_file),
            "LIBRARIES": LIBRARIES,
            **{name: str(value) for name, value in environment.items()},
        }
        return subprocess.Popen(
            [self.root / "care", *arguments],
            cwd=cwd or self.root,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(
        self, *arguments: str, cwd: Path | None = None, **environment: object
    ) -> "subprocess.CompletedProcess[str]":
        process = self.start(*arguments, cwd=cwd, **environment)
        out, err = process.communicate(timeout=DEADLINE_S)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def calls(self) -> list[str]:
        """The steps since the last time that they were asked for."""
        if not self.calls_file.exists():
            return []
        lines = self.calls_file.read_text(encoding="utf-8").splitlines()
        self.calls_file.unlink()
        return lines


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


CONSOLE = "ran -m care_robot.console"
WHOLE = ["venv", "pip", "definitions", "package"]


def test_the_first_command_sets_up_with_numbered_steps_and_then_runs(
    workspace: Workspace, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run = workspace.run("demo", "--video", "x.mp4", cwd=elsewhere)
    assert run.returncode == 0, run.stderr
    assert workspace.calls() == [*WHOLE, f"{CONSOLE} demo --video x.mp4"]
    steps = [line[:5] for line in run.stderr.splitlines() if line.startswith("[")]
    assert steps == [f"[{n}/6]" for n in range(1, 7)]
    # What the command itself prints stays clean for programs, and it runs where the user is.
    assert run.stdout.splitlines()[1:] == [f"FROM {elsewhere}"]


def test_a_second_command_starts_nothing_but_itself(workspace: Workspace) -> None:
    workspace.run("setup")
    workspace.calls()
    run = workspace.run("alarm", "list")
    assert workspace.calls() == [f"{CONSOLE} alarm list"]
    assert run.stderr == ""


def test_the_environment_names_every_package(workspace: Workspace) -> None:
    run = workspace.run("demo")
    prefixes = run.stdout.splitlines()[0].removeprefix("AMENT_PREFIX_PATH=").split(":")
    packages = ["clone", "care_robot_msgs", "tf2_msgs"]  # the clone's folder stands for care_robot here
    assert prefixes[:-1] == sorted(str(workspace.root / "install" / name) for name in packages)
    assert prefixes[-1] == str(workspace.root / ".venv")


def test_the_cmake_files_of_the_wheels_point_to_this_machine(workspace: Workspace) -> None:
    workspace.run("setup")
    cmake = workspace.root / ".venv/share/x_msgs/cmake/x.cmake"
    assert cmake.read_text(encoding="utf-8") == 'I "/here/include;/here/numpy/include"\n'


@pytest.mark.parametrize(
    ("changed", "steps"),
    [
        ("requirements/dev.txt", ["venv", "pip"]),
        ("care_robot_msgs/msg/A.msg", ["definitions"]),
        ("interfaces/tf2_msgs/msg/New.msg", ["definitions"]),
        ("setup.py", ["package"]),
        ("launch/new.launch.xml", ["package"]),
        ("config/dds/new.xml", ["package"]),
        ("launch/a.launch.xml", []),
        ("care_robot/care/alarms.py", []),
        ("docs/notes.md", []),
    ],
)
def test_what_has_changed_is_made_again_and_nothing_else(
    workspace: Workspace, changed: str, steps: list[str]
) -> None:
    workspace.run("setup")
    workspace.calls()
    workspace.write(changed, "another")
    assert workspace.run("demo").returncode == 0
    assert workspace.calls() == [*steps, f"{CONSOLE} demo"]
    workspace.run("demo")
    assert workspace.calls() == [f"{CONSOLE} demo"]


def test_a_removed_launch_file_is_a_change(workspace: Workspace) -> None:
    workspace.write("launch/b.launch.xml", "<launch/>")
    workspace.run("setup")
    workspace.calls()
    (workspace.root / "launch/b.launch.xml").unlink()
    workspace.run("demo")
    assert workspace.calls() == ["package", f"{CONSOLE} demo"]


@pytest.mark.parametrize("step", WHOLE)
def test_a_set_up_that_was_killed_is_completed_by_the_next_command(workspace: Workspace, step: str) -> None:
    killed = workspace.run("setup", KILL_AT=step)
    assert killed.returncode == -signal.SIGKILL
    done = workspace.calls()
    assert done[-1] == step
    run = workspace.run("demo")
    assert run.returncode == 0, run.stderr
    again = WHOLE if step in ("venv", "pip") else WHOLE[WHOLE.index(step) :]
    assert workspace.calls() == [*again, f"{CONSOLE} demo"]


@pytest.mark.parametrize("step", WHOLE)
def test_a_step_that_fails_says_so_and_the_next_set_up_goes_on(workspace: Workspace, step: str) -> None:
    run = workspace.run("demo", FAIL_AT=step)
    assert run.returncode != 0
    assert f"the {step} did not work" in run.stderr
    assert "log/setup.log" in run.stderr
    assert CONSOLE not in workspace.calls()[-1]
    assert workspace.run("demo").returncode == 0


@pytest.mark.parametrize(
    ("changed", "step"),
    [
        ("requirements/dev.txt", "pip"),
        ("care_robot_msgs/msg/A.msg", "definitions"),
        ("launch/a.launch.xml", "package"),
    ],
)
def test_a_change_that_was_half_made_and_then_taken_back_is_made_whole(
    workspace: Workspace, changed: str, step: str
) -> None:
    workspace.run("setup")
    path = workspace.root / changed
    path.rename(path.with_name("aside"))
    workspace.run("demo", KILL_AT=step)
    path.with_name("aside").rename(path)
    workspace.calls()
    assert workspace.run("demo").returncode == 0
    assert step in workspace.calls()


def test_two_at_once_do_the_work_once(workspace: Workspace) -> None:
    first, second = (workspace.start("demo", PIP_TAKES=0.5) for _ in range(2))
    errors = [process.communicate(timeout=DEADLINE_S)[1] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    assert sorted(workspace.calls()) == sorted([*WHOLE, *[f"{CONSOLE} demo"] * 2])
    assert sum("Another ./care is setting up" in text for text in errors) == 1


def test_force_makes_everything_again(workspace: Workspace) -> None:
    workspace.run("setup")
    workspace.calls()
    left_over = [workspace.root / folder / "left_over" for folder in (".venv", "build", "install")]
    for path in left_over:
        path.touch()
    assert workspace.run("setup", "--force").returncode == 0
    assert workspace.calls() == WHOLE
    assert not any(path.exists() for path in left_over)


def test_a_python_that_is_gone_is_replaced(workspace: Workspace) -> None:
    workspace.run("setup")
    workspace.calls()
    (workspace.root / ".venv/bin/python").unlink()
    (workspace.root / ".venv/bin/python").symlink_to("/nowhere/python3")
    assert workspace.run("demo").returncode == 0
    assert workspace.calls()[:2] == ["venv", "pip"]


def test_a_clone_that_was_moved_is_set_up_again(workspace: Workspace, tmp_path: Path) -> None:
    workspace.run("setup")
    workspace.calls()
    workspace.root = workspace.root.rename(tmp_path / "moved")
    assert workspace.run("demo").returncode == 0
    assert workspace.calls() == [*WHOLE, f"{CONSOLE} demo"]


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"PYTHON_VERSION": "3.13"}, "needs Python 3.10, 3.11 or 3.12, and found python3 is 3.13."),
        ({"CARE_PYTHON": "/nowhere/python3.11"}, "needs Python 3.10, 3.11 or 3.12, and found none."),
        (
            {"PYTHON_LACKS": "python3.11-venv python3.11-dev"},
            "sudo apt-get install python3.11-venv python3.11-dev",
        ),
    ],
)
def test_a_python_that_will_not_do(workspace: Workspace, environment: dict[str, str], sentence: str) -> None:
    run = workspace.run("demo", **environment)
    assert run.returncode != 0
    assert sentence in run.stderr
    assert workspace.calls() == []


def test_the_python_that_the_user_names_is_taken(workspace: Workspace) -> None:
    workspace.add("python3.12")
    run = workspace.run("setup", CARE_PYTHON=workspace.tools / "python3.12", PYTHON_VERSION="3.12")
    assert "Python 3.12" in run.stdout


def test_no_compiler_names_the_package(workspace: Workspace) -> None:
    workspace.remove("c++")
    run = workspace.run("setup")
    assert run.returncode != 0
    assert "sudo apt-get install g++" in run.stderr
    workspace.add("clang++")
    assert workspace.run("setup").returncode == 0


def test_missing_libraries_are_installed_where_no_password_is_needed(workspace: Workspace) -> None:
    workspace.remove("espeak-ng")
    run = workspace.run("setup", SUDO_WORKS="yes", LIBRARIES="libGL.so.1 libEGL.so.1")
    assert run.returncode == 0
    (call,) = [line for line in workspace.calls() if line.startswith("apt-get")]
    assert call.endswith("libglib2.0-0 libegl1 libopengl0 libgl1-mesa-dri espeak-ng libportaudio2")


@pytest.mark.parametrize("environment", [{"USER_ID": "1000"}, {"USER_ID": "0", "APT_FAILS": "yes"}])
def test_where_they_cannot_be_installed_the_line_to_type_is_given_and_the_set_up_goes_on(
    workspace: Workspace, environment: dict[str, str]
) -> None:
    run = workspace.run("setup", LIBRARIES=LIBRARIES.removesuffix("libportaudio.so.2"), **environment)
    assert run.returncode == 0
    assert "Type: sudo apt-get install libportaudio2\n" in run.stdout
    assert [line for line in workspace.calls() if not line.startswith("apt-get")] == WHOLE


def test_help_needs_no_set_up_and_works_where_it_is_broken(workspace: Workspace) -> None:
    for arguments in ([], ["--help"], ["-h"]):
        run = workspace.run(*arguments)
        assert run.returncode == 0
        assert "setup [--force]" in run.stdout
        assert "demo" in run.stdout
    assert workspace.calls() == []


def test_the_doctor_needs_no_set_up(workspace: Workspace) -> None:
    assert workspace.run("doctor", "--json").returncode == 0
    assert workspace.calls() == ["ran -m care_robot.bringup.doctor --json"]
    workspace.run("setup")
    workspace.calls()
    workspace.run("doctor", "--json")
    assert workspace.calls() == [f"{CONSOLE} doctor --json"]


def test_tests_run_in_the_clone(workspace: Workspace, tmp_path: Path) -> None:
    run = workspace.run("test", "tests/unit", "-k", "dds", cwd=tmp_path)
    assert run.stdout.splitlines()[-1] == f"FROM {workspace.root}"
    (call,) = [line for line in workspace.calls() if line.startswith("ran")]
    assert call.startswith("ran -m pytest")
    assert call.endswith("tests/unit -k dds")


def test_a_word_that_setup_does_not_know(workspace: Workspace) -> None:
    run = workspace.run("setup", "--fore")
    assert run.returncode != 0
    assert "--force" in run.stderr
    assert workspace.calls() == []


def test_a_path_that_the_build_tools_cannot_take(workspace: Workspace, tmp_path: Path) -> None:
    workspace.root = workspace.root.rename(tmp_path / "my clone")
    run = workspace.run("setup")
    assert run.returncode != 0
    assert "space" in run.stderr
    assert workspace.calls() == []


@pytest.fixture
def jazzy(tmp_path: Path) -> dict[str, str]:
    """The environment of a sourced full ROS 2, as far as it can be told apart."""
    prefix = tmp_path / "opt/ros/jazzy"
    (prefix / "lib/python3.12/site-packages/rclpy").mkdir(parents=True)
    return {"ROS_DISTRO": "jazzy", "AMENT_PREFIX_PATH": str(prefix), "RCLPY": "yes"}


def test_a_sourced_ros_is_used_instead_of_the_wheels(workspace: Workspace, jazzy: dict[str, str]) -> None:
    run = workspace.run("demo", **jazzy)
    assert run.returncode == 0, run.stderr
    assert workspace.calls() == [*WHOLE, f"{CONSOLE} demo"]
    assert "--system-site-packages" in (workspace.root / ".venv/options").read_text(encoding="utf-8")
    pip = workspace.calls_file.with_name("calls.pip").read_text(encoding="utf-8")
    assert "runtime.txt" in pip
    assert "embedded.txt" not in pip
    built = workspace.calls_file.with_name("calls.colcon").read_text(encoding="utf-8")
    assert "care_robot_rviz_plugins" in built
    assert "interfaces" not in built
    assert run.stdout.splitlines()[0].endswith(f":{jazzy['AMENT_PREFIX_PATH']}")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ROS_DISTRO": "humble"}, "ROS 2 humble is sourced, but care_robot is for Jazzy"),
        ({"RCLPY": ""}, "cannot import rclpy of the sourced ROS 2 jazzy"),
    ],
)
def test_a_sourced_ros_that_will_not_do(
    workspace: Workspace, jazzy: dict[str, str], change: dict[str, str], sentence: str
) -> None:
    run = workspace.run("demo", **(jazzy | change))
    assert run.returncode != 0
    assert sentence in run.stderr
    assert workspace.calls() == []


def test_a_sourced_ros_without_colcon(workspace: Workspace, jazzy: dict[str, str]) -> None:
    workspace.remove("colcon")
    run = workspace.run("setup", **jazzy)
    assert run.returncode != 0
    assert "sudo apt-get install python3-colcon-common-extensions" in run.stderr


def test_the_name_of_a_distribution_alone_is_no_sourced_ros(workspace: Workspace) -> None:
    run = workspace.run("setup", ROS_DISTRO="jazzy", AMENT_PREFIX_PATH="/nowhere")
    assert "from wheels" in run.stdout


def test_a_folder_is_not_changed_over_in_passing(workspace: Workspace, jazzy: dict[str, str]) -> None:
    workspace.run("setup")
    workspace.calls()
    run = workspace.run("demo", **jazzy)
    assert run.returncode != 0
    assert "set up for ROS 2 as wheels, and this shell has it as sourced" in run.stderr
    assert workspace.calls() == []
    assert workspace.run("demo").returncode == 0


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
    pairs = [line.partition("#")[0].strip().partition("==") for line in lines]
    return {
        name.partition("[")[0].lower().replace("_", "-").replace(".", "-"): version
        for name, _, version in pairs
        if name
    }


def test_every_direct_dependency_is_pinned_as_the_whole_is() -> None:
    whole = pins("constraints.txt")
    for name in ("embedded.txt", "runtime.txt", "dev.txt"):
        assert pins(name).items() <= whole.items(), name
    assert all(version and "*" not in version for version in whole.values())


@pytest.mark.skipif(
    not (ROOT / ".venv/care.stamp").is_file() or "ROS_DISTRO" in os.environ,
    reason="this environment was not made by ./care with the wheels",
)
def test_what_is_installed_is_what_is_pinned() -> None:
    whole = pins("constraints.txt")
    installed = {
        d.metadata["Name"].lower().replace("_", "-").replace(".", "-"): d.version
        for d in distributions(path=[str(p) for p in (ROOT / ".venv/lib").glob("python3.*/site-packages")])
        if d.read_text("RECORD") and d.read_text("INSTALLER")
    }
    installed.pop("pip")
    assert {name: version for name, version in installed.items() if whole.get(name) != version} == {}
