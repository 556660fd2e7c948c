"""The embedded launcher starts, watches, restarts and stops processes, and leaves none behind."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue

import pytest
import yaml

from care_robot.bringup import launcher
from care_robot.bringup.launch_commands import command_line
from care_robot.bringup.launch_elements import LaunchFileError
from care_robot.bringup.launch_plan import LaunchPlan, ProcessSpec
from care_robot.bringup.supervisor import Event, Exited, Launcher, OutputLine, Patience, Started, Stopping

DEADLINE_S = 20.0  # far above what is needed; only a broken test reaches it
PATIENT = Patience()
QUICK = Patience(turn_s=0.3, sigterm_s=0.3, sigkill_s=0.3)

# Says "ready" and waits for a signal; says which one came, and ends with 0.
WAITS = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
print("ready", flush=True)
print(signal.sigwait({signal.SIGINT, signal.SIGTERM}).name, flush=True)
"""
STUBBORN = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
print("ready", flush=True)
while True:
    signal.sigwait({signal.SIGUSR1})
"""


def python(label: str, script: str, **options: object) -> ProcessSpec:
    return ProcessSpec(label, (sys.executable, "-c", script), **options)  # type: ignore[arg-type]


class Watched:
    """A launcher whose events can be awaited."""

    def __init__(self, *specs: ProcessSpec, patience: Patience = PATIENT) -> None:
        self.seen: list[Event] = []
        self._events: Queue[Event] = Queue()
        self.launcher = Launcher(LaunchPlan(specs), self._events.put, patience=patience)

    def until(self, wanted: Callable[[Event], bool]) -> Event:
        while True:
            try:
                event = self._events.get(timeout=DEADLINE_S)
            except Empty:
                pytest.fail(f"the event did not come; there were {self.seen}")
            self.seen.append(event)
            if wanted(event):
                return event

    def until_line(self, label: str, text: str) -> None:
        self.until(lambda event: event == OutputLine(label, text))

    def end(self) -> int | None:
        code = self.launcher.wait(DEADLINE_S)
        while not self._events.empty():
            self.seen.append(self._events.get())
        return code


@pytest.fixture
def watch() -> Iterator[Callable[..., Watched]]:
    all_watched = []

    def start(*specs: ProcessSpec, **options: Patience) -> Watched:
        watched = Watched(*specs, **options)
        all_watched.append(watched.launcher)
        watched.launcher.start()
        return watched

    yield start
    for one in all_watched:
        one.kill()
        one.stop()
        one.wait(DEADLINE_S)


Watch = Callable[..., Watched]


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie that nobody reaped yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


# Running ---------------------------------------------------------------------------------------------------


def test_output_is_marked_with_the_name_of_its_process(
    watch: Watch, capfd: pytest.CaptureFixture[str]
) -> None:
    watched = watch(python("speech", "import sys; print('안녕'); print('oops', file=sys.stderr)"))
    assert watched.end() == 0
    lines = capfd.readouterr().out.splitlines()
    assert "[speech] 안녕" in lines
    assert "[speech] oops" in lines


def test_the_messages_of_the_plan_come_first(capfd: pytest.CaptureFixture[str]) -> None:
    with Launcher(LaunchPlan((python("a", "print('on')"),), ("WARNING: open",))) as started:
        started.wait(DEADLINE_S)
    assert capfd.readouterr().out.splitlines()[:2] == ["[launch] WARNING: open", "[a] on"]


def test_every_line_comes_before_the_end(watch: Watch) -> None:
    watched = watch(python("chatty", "print('\\n'.join(map(str, range(2000))))"))
    watched.end()
    lines = [event.text for event in watched.seen if isinstance(event, OutputLine)]
    assert lines == [str(n) for n in range(2000)]
    assert isinstance(watched.seen[-1], Exited)


def test_output_that_is_no_text_and_very_long_lines_do_no_harm(watch: Watch) -> None:
    script = "import sys; sys.stdout.buffer.write(b'\\xff\\x00\\n' + b'x' * 200_000)"
    watched = watch(python("raw", script))
    assert watched.end() == 0
    assert sum(len(e.text) for e in watched.seen if isinstance(e, OutputLine)) == 200_002


def test_a_launch_ends_when_all_its_processes_have(watch: Watch) -> None:
    watched = watch(python("a", ""), python("b", "raise SystemExit(3)"))
    assert watched.end() == 0
    assert {Exited("a", 0), Exited("b", 3)} <= set(watched.seen)


def test_a_process_starts_again_after_its_end(watch: Watch, tmp_path: Path) -> None:
    script = f"""
import pathlib
count = pathlib.Path({str(tmp_path / "count")!r})
count.write_text(str(int(count.read_text() if count.exists() else 0) + 1))
print("start", count.read_text(), flush=True)
raise SystemExit(1)
"""
    watched = watch(python("flaky", script, respawn=True, respawn_delay_s=0.01))
    watched.until_line("flaky", "start 3")
    watched.launcher.stop()
    assert watched.end() == 0
    starts = [event for event in watched.seen if isinstance(event, Started)]
    assert len({event.pid for event in starts}) == len(starts) >= 3


def test_a_stop_does_not_wait_for_a_restart(watch: Watch) -> None:
    watched = watch(python("flaky", "raise SystemExit(1)", respawn=True, respawn_delay_s=1e6))
    watched.until(lambda event: isinstance(event, Exited))
    watched.launcher.stop()
    assert watched.end() == 0


@pytest.mark.parametrize(
    ("ending", "code", "words"),
    [
        ("raise SystemExit(7)", 1, "needed died with exit code 7"),
        ("import os; os.kill(os.getpid(), 11)", 1, "needed was ended by SIGSEGV"),
        ("", 0, "needed ended"),
    ],
)
def test_a_needed_process_takes_the_launch_with_it(watch: Watch, ending: str, code: int, words: str) -> None:
    needed = python("needed", f"import sys; sys.stdin.read()\n{ending}", ends_launch=True)
    watched = watch(python("other", WAITS), needed)
    assert watched.end() == code
    (stopping,) = (event for event in watched.seen if isinstance(event, Stopping))
    assert words in stopping.reason


def test_the_environment_and_standard_input_are_the_plans(watch: Watch) -> None:
    watched = watch(python("env", "import os; print(os.environ['A'], repr(input))", env={"A": "1"}))
    watched.end()
    assert any(isinstance(e, OutputLine) and e.text.startswith("1 ") for e in watched.seen)


def test_a_failing_observer_does_not_stop_the_watch(capfd: pytest.CaptureFixture[str]) -> None:
    def observer(event: Event) -> None:
        raise RuntimeError("bug")

    started = Launcher(LaunchPlan((python("a", "print('on')"),)), observer)
    started.start()
    assert started.wait(DEADLINE_S) == 0
    out = capfd.readouterr().out
    assert "[a] on" in out
    assert "RuntimeError('bug')" in out


# Stopping --------------------------------------------------------------------------------------------------


def test_processes_are_interrupted_one_after_the_other_in_reverse(watch: Watch) -> None:
    names = ["first", "second", "third"]
    watched = watch(*(python(name, WAITS) for name in names), patience=Patience(turn_s=1e6))
    for _ in names:
        watched.until(lambda event: isinstance(event, OutputLine) and event.text == "ready")
    watched.launcher.stop()
    assert watched.end() == 0
    after = [
        e for e in watched.seen if isinstance(e, Exited) or (isinstance(e, OutputLine) and e.text == "SIGINT")
    ]
    expected: list[Event] = []
    for name in reversed(names):
        expected += [OutputLine(name, "SIGINT"), Exited(name, 0)]
    assert after == expected


def test_one_that_ignores_sigint_gets_sigterm(watch: Watch) -> None:
    script = WAITS.replace("sigwait({signal.SIGINT, ", "sigwait({")
    watched = watch(python("deaf", script), patience=QUICK)
    watched.until_line("deaf", "ready")
    watched.launcher.stop()
    watched.until_line("deaf", "SIGTERM")
    assert watched.end() == 0


def test_one_that_ignores_everything_is_killed_and_holds_up_nobody_for_long(watch: Watch) -> None:
    watched = watch(python("polite", WAITS), python("stubborn", STUBBORN), patience=QUICK)
    for _ in range(2):
        watched.until(lambda event: isinstance(event, OutputLine) and event.text == "ready")
    watched.launcher.stop()
    assert watched.end() == 0
    ends = [event for event in watched.seen if isinstance(event, Exited)]
    assert ends == [Exited("polite", 0), Exited("stubborn", -signal.SIGKILL)]


def test_a_kill_does_not_wait(watch: Watch) -> None:
    watched = watch(python("stubborn", STUBBORN), patience=Patience(1e6, 1e6, 1e6))
    watched.until_line("stubborn", "ready")
    watched.launcher.stop()
    watched.launcher.kill()
    assert watched.end() == 0


def test_children_of_a_process_go_with_it(watch: Watch) -> None:
    script = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {STUBBORN!r}], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
"""
    watched = watch(python("parent", script))
    line = watched.until(lambda event: isinstance(event, OutputLine))
    assert isinstance(line, OutputLine)
    assert watched.end() == 0
    assert gone(int(line.text))


def test_a_program_that_ignores_sigint_from_a_background_shell_hears_it_again(watch: Watch) -> None:
    script = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        watch(python("node", script)).until_line("node", "True")
    finally:
        signal.signal(signal.SIGINT, before)


# As a program ----------------------------------------------------------------------------------------------


@pytest.fixture
def launch_file(tmp_path: Path) -> Path:
    """Two processes that wait; the second ignores SIGINT and SIGTERM."""
    (tmp_path / "waits.py").write_text(WAITS)
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    path = tmp_path / "two.launch.xml"
    path.write_text(
        f"""<launch>
        <arg name="mood" default="stubborn" description="Of the second"/>
        <executable cmd="{sys.executable} {tmp_path}/waits.py" name="waits"/>
        <executable cmd="{sys.executable} {tmp_path}/$(var mood).py" name="second"/>
        </launch>"""
    )
    return path


def start(launch_file: Path, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "care_robot.bringup.launcher", str(launch_file), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def read_until_ready(process: "subprocess.Popen[str]", count: int) -> None:
    assert process.stdout
    for line in process.stdout:
        count -= "ready" in line
        if not count:
            return
    pytest.fail("the processes did not become ready")


def children_of(pid: int) -> list[int]:
    folders = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for folder in folders for child in (folder / "children").read_text().split()]


def test_no_orphan_is_left_when_the_launcher_is_killed(launch_file: Path) -> None:
    process = start(launch_file)
    read_until_ready(process, 2)
    children = children_of(process.pid)
    assert len(children) == 2
    handles = [os.pidfd_open(child) for child in children]
    process.kill()
    process.communicate(timeout=DEADLINE_S)
    for handle in handles:
        select.select([handle], [], [], DEADLINE_S)  # readable when the process has ended
        os.close(handle)
    assert all(map(gone, children))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_stop_the_launch_in_order(launch_file: Path, number: signal.Signals) -> None:
    process = start(launch_file, "mood:=waits")
    read_until_ready(process, 2)
    process.send_signal(number)
    out, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0
    assert out.index("[second] SIGINT") < out.index("[waits] SIGINT")
    assert f"stopping: {number.name}" in out


def test_a_reader_that_does_not_read_holds_up_nothing(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    os.mkfifo(runs)
    (tmp_path / "loud.py").write_text(
        f"import sys\nprint('x' * 200_000, flush=True)\nopen({str(runs)!r}, 'w').write('x')\nsys.exit(1)\n"
    )
    path = tmp_path / "loud.launch.xml"
    path.write_text(
        f"""<launch><executable cmd="{sys.executable} {tmp_path}/loud.py" name="loud" respawn="true"
        respawn_delay="0.0"/></launch>"""
    )
    process = start(path)
    with os.fdopen(os.open(runs, os.O_RDWR), "rb", buffering=0) as started:
        for _ in range(4):
            assert select.select([started], [], [], DEADLINE_S)[0], "it is not started again"
            started.read(1)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=DEADLINE_S)


def test_a_second_interrupt_kills(launch_file: Path) -> None:
    process = start(launch_file)
    read_until_ready(process, 2)
    process.send_signal(signal.SIGINT)
    assert process.stdout
    assert any("stopping" in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0


def test_the_arguments_of_a_file_can_be_listed(launch_file: Path) -> None:
    out, _ = start(launch_file, "--show-args").communicate(timeout=DEADLINE_S)
    assert "mood:=…  Of the second (default: 'stubborn')" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mod:=a"], "do you mean 'mood'?"),
        (["mood"], "is not a launch argument"),
        ([":=a"], "not a launch argument"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_starts(
    launch_file: Path, arguments: list[str], words: str
) -> None:
    process = start(launch_file, *arguments)
    out, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 2
    assert words in out
    assert "Traceback" not in out


# Nodes -----------------------------------------------------------------------------------------------------


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An install prefix with a package `robot` that has the executable `talker`."""
    prefix = tmp_path / "prefix"
    for folder in ("share/ament_index/resource_index/packages", "share/robot", "lib/robot"):
        (prefix / folder).mkdir(parents=True)
    (prefix / "share/ament_index/resource_index/packages/robot").touch()
    talker = prefix / "lib/robot/talker"
    talker.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n')
    talker.chmod(0o755)
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(prefix))
    return prefix


def test_a_node_gets_its_ros_arguments(watch: Watch, prefix: Path, tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_text("{}")
    node = ProcessSpec(
        "talker", ("talker", "--quick"), package="robot", node_name="voice", namespace="/a",
        parameters=(file, {"language": "ko"}), remappings=(("say", "tell"),),
    )  # fmt: skip
    watched = watch(node)
    watched.end()
    words = [event.text for event in watched.seen if isinstance(event, OutputLine)]
    before, after = words[:9], words[-2:]
    begin = ["--quick", "--ros-args", "-r", "__node:=voice", "-r", "__ns:=/a"]
    assert before == [*begin, "--params-file", str(file), "--params-file"]
    assert after == ["-r", "say:=tell"]


def test_values_of_parameters_are_written_for_that_node(prefix: Path, tmp_path: Path) -> None:
    for name, namespace, key in (
        ("n", "/a/b", "/a/b/n"),
        ("n", "/", "/n"),
        ("n", None, "/**"),
        (None, "/a", "/**"),
    ):
        node = ProcessSpec("x", ("talker",), "robot", name, namespace, parameters=({"p": [1.0]},))
        command_line(node, iter([tmp_path / "out.yaml"]))
        assert yaml.safe_load((tmp_path / "out.yaml").read_text()) == {key: {"ros__parameters": {"p": [1.0]}}}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (ProcessSpec("x", ("talkr",), "robot"), "do you mean 'talker'?"),
        (ProcessSpec("x", ("talker",), "robots"), "the package 'robots' is not found"),
        (ProcessSpec("x", ("no-such-program",)), "there is no program 'no-such-program'"),
    ],
)
def test_a_program_that_is_missing_is_named_before_anything_starts(
    prefix: Path, spec: ProcessSpec, words: str
) -> None:
    with pytest.raises(LaunchFileError) as caught:
        Launcher(LaunchPlan((python("other", WAITS), spec)))
    assert words in str(caught.value)


def test_a_program_that_cannot_be_executed_ends_the_launch(watch: Watch, prefix: Path) -> None:
    broken = prefix / "lib/robot/broken"
    broken.write_bytes(b"\x7fELF nonsense")
    broken.chmod(0o755)
    watched = watch(ProcessSpec("broken", ("broken",), "robot", ends_launch=True))
    assert watched.end() == 1
    assert any(isinstance(e, OutputLine) and "cannot be executed" in e.text for e in watched.seen)


def test_an_environment_that_no_process_can_have_ends_the_launch(watch: Watch) -> None:
    watched = watch(python("other", WAITS), python("bad", "", env={"A": "\0"}))
    assert watched.end() == 1


def test_a_launch_file_of_the_package_is_found_by_name(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (prefix / "share/ament_index/resource_index/packages/care_robot").touch()
    expected = prefix / "share/care_robot/launch/bringup.launch.xml"
    assert launcher.find_launch_file("bringup") == expected
    assert launcher.find_launch_file("bringup.launch.xml") == expected
    monkeypatch.delenv("AMENT_PREFIX_PATH")
    with pytest.raises(LaunchFileError, match=r"source install/setup\.bash"):
        launcher.find_launch_file("bringup")
