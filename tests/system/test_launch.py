"""The launch files under both launchers: the embedded one, and ROS 2's own where it can be imported.

The nodes are stand-ins with the names, parameters and lifecycle of the real ones, so that only the launchers,
the launch files and the lifecycle manager are under test. The stand-ins say what they were given.
"""

import importlib.util
import itertools
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from care_robot.bringup.domain import own_domain
from care_robot.bringup.launch_commands import command_line
from care_robot.bringup.launch_elements import LaunchFileError
from care_robot.bringup.launch_xml import declared_arguments, load_plan
from care_robot.bringup.substitutions import SubstitutionError, package_prefix

ROOT = Path(__file__).parents[2]
DEADLINE_S = 60.0  # of a whole step on a busy machine; only a broken test reaches it


def in_index(package: str) -> bool:
    """Whether AMENT_PREFIX_PATH leads to a package; launch finds its own grammar file so."""
    try:
        return package_prefix(package, dict(os.environ)).is_dir()
    except SubstitutionError:
        return False


EXECUTABLES = [
    "video_camera",
    "pose_estimator",
    "people_tracker",
    "fall_detector",
    "care_manager",
    "speech",
    "safety_supervisor",
]
SELF_ACTIVATED = ["care_manager", "safety_supervisor"]
ROS_LAUNCH = ["launch", "launch_xml", "launch_ros", "launch_testing"]
MISSING = [name for name in ROS_LAUNCH if importlib.util.find_spec(name) is None or not in_index(name)]
needs_ros_launch = pytest.mark.skipif(
    bool(MISSING), reason=f"ROS 2's {', '.join(MISSING)} cannot be imported; a full ROS 2 install has them"
)
pytestmark = pytest.mark.system

STAND_IN = """#!{python}
import json, os, signal, time
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.signals import SignalHandlerOptions

OK, REFUSED = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE

class StandIn(LifecycleNode):
    def __init__(self):
        super().__init__("unnamed", automatically_declare_parameters_from_overrides=True)
        parameters = {{p.name: p.value for p in self.get_parameters_by_prefix("").values()}}
        topics = {{name: self.resolve_topic_name(name) for name in ("bodies", "image_raw", "people")}}
        environment = {{k: v for k, v in os.environ.items() if k.startswith(("ROS_AUTO", "FASTRTPS"))}}
        self.say("given", json.dumps([parameters, topics, environment]))
    def say(self, *words):
        print(self.get_fully_qualified_name(), time.monotonic_ns(), *words, flush=True)
    def on_configure(self, state):
        self.say("configures")
        return REFUSED if os.environ.get("REFUSES") == self.get_name() else OK
    def on_activate(self, state):
        self.say("activates")
        return super().on_activate(state)
    def on_deactivate(self, state):
        self.say("deactivates")
        return super().on_deactivate(state)

signals = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda received, frame: signals.append(received))
rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
node = StandIn()
ended = ""
if {activates_itself}:
    if node.trigger_configure() is OK:
        node.trigger_activate()
    else:
        ended = "The database is in use."
status = DiagnosticStatus(level=DiagnosticStatus.ERROR, name=node.get_fully_qualified_name(), message=ended)
speaker = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
node.create_timer(0.2, lambda: ended and speaker.publish(DiagnosticArray(status=[status])))
last_words = time.monotonic() + 1.5
while not signals and not (ended and time.monotonic() > last_words):
    rclpy.spin_once(node, timeout_sec=0.1)
node.say("ends")
raise SystemExit(bool(ended))
"""


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An install prefix with this checkout's launch files and stand-ins for the nodes."""
    prefix = tmp_path_factory.mktemp("prefix")
    index = prefix / "share/ament_index/resource_index/packages"
    index.mkdir(parents=True)
    (index / "care_robot").touch()
    share, programs = prefix / "share/care_robot", prefix / "lib/care_robot"
    share.mkdir()
    programs.mkdir(parents=True)
    for folder in ("launch", "config"):
        (share / folder).symlink_to(ROOT / folder)
    for name in EXECUTABLES:
        text = STAND_IN.format(python=sys.executable, activates_itself=name in SELF_ACTIVATED)
        (programs / name).write_text(text)
    manager = f"#!{sys.executable}\nfrom care_robot.bringup.lifecycle_manager_node import main\nmain()\n"
    (programs / "lifecycle_manager").write_text(manager)
    for program in programs.iterdir():
        program.chmod(0o755)
    return prefix


@pytest.fixture
def environment(prefix: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Environment of a process in a ROS domain of its own."""
    with own_domain({}) as domain:
        yield environment_of(prefix, tmp_path, domain)


def environment_of(prefix: Path, tmp_path: Path, domain: int) -> dict[str, str]:
    return {
        **os.environ,
        "AMENT_PREFIX_PATH": f"{prefix}:{os.environ.get('AMENT_PREFIX_PATH', '')}",
        "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}",
        "ROS_DOMAIN_ID": str(domain),
        "ROS_LOG_DIR": str(tmp_path / "log"),
        "PYTHONUNBUFFERED": "1",
    }


# Both read the files alike ---------------------------------------------------------------------------------

ARGUMENTS: list[dict[str, str]] = [
    {},
    {"source": "/a b/영상.mp4", "loop": "true", "language": "en", "data_dir": "/data", "wav_dir": "/wav"},
    {"namespace": "robot1", "camera": "bedroom_camera", "webhook_url": "http://localhost:1/a?b=c&d=[e]"},
    {"image_topic": "/front/image", "discovery_range": "SUBNET", "care_config": ""},
    {"discovery_range": "SYSTEM_DEFAULT", "source": "1e5"},
]


@needs_ros_launch
@pytest.mark.parametrize("arguments", ARGUMENTS, ids=lambda given: ",".join(given) or "defaults")
def test_both_launchers_come_to_the_same_processes(
    prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, str]
) -> None:
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{prefix}:{os.environ.get('AMENT_PREFIX_PATH', '')}")
    path = ROOT / "launch/bringup.launch.xml"
    theirs, ours = ros_launch(path, arguments), embedded_launch(path, arguments, tmp_path)
    assert ours == theirs
    assert len(ours[0]) == (6 if "image_topic" in arguments else 7)


@pytest.mark.parametrize("discovery_range", ["SUBNET", "SYSTEM_DEFAULT"])
def test_an_opened_network_is_warned_of(
    prefix: Path, monkeypatch: pytest.MonkeyPatch, discovery_range: str
) -> None:
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(prefix))
    path = ROOT / "launch/bringup.launch.xml"
    assert load_plan(path, {}, os.environ).messages == ()
    (message,) = load_plan(path, {"discovery_range": discovery_range}, os.environ).messages
    assert message.startswith(f"WARNING: discovery_range is {discovery_range}: everybody on the network")


# What starts Gazebo is for ros2 launch alone.
OURS = sorted(set((ROOT / "launch").glob("*.launch.xml")) - {ROOT / "launch/sim_gazebo.launch.xml"})


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.name)
def test_every_launch_file_describes_all_its_arguments(file: Path) -> None:
    assert all(argument.description for argument in declared_arguments(file))


LETS = (
    '<let name="n" value="7"/><let name="s" value="some text"/><let name="empty" value=""/>'
    '<let name="quoted" value="\'true\'"/><let name="list" value="[a, b]"/>'
)
NODE = '<node pkg="care_robot" exec="speech" name="n"{}>{}</node>'
VALUES = [
    "1",
    "1.0",
    "1e5",
    "1.0e+5",
    "0x10",
    "010",
    "1_000",
    ".inf",
    "1:30",
    "-1.5",
    "true",
    "yes",
    "'true'",
]
VALUES += [
    "ko",
    "",
    "a: b",
    "x # c",
    "{a: 1}",
    "~",
    "2024-01-01",
    "&quot;1&quot;",
    "키",
    "a$5",
    "%",
    "@a",
    "- a",
]
VALUES += ["[1, 2]", "[1.0, 2]", "[a, b]", "['1', '2']", "[true, false]", "[$(var n), 4]", "[$(var s), x]"]
VALUES += ["$(var n)", "$(var s)", "$(var empty)", "$(var quoted)", "'$(var n)'", "a $(var n)", "$(var list)"]
TYPES = [
    "",
    "str",
    "int",
    "float",
    "bool",
    "yaml",
    "list_of_str",
    "list_of_int",
    "list_of_float",
    "list_of_bool",
]


def echo(words: str, more: str = "") -> str:
    return f'<executable cmd="echo {words}"{more}/>'


def node(attributes: str = "", children: str = "") -> str:
    return NODE.format(attributes, children)


def push(name: str) -> str:
    return f'<push_ros_namespace namespace="{name}"/>'


ONE = '<param name="x" value="1"/>'
SETS = '<set_env name="A" value="1"/><let name="n" value="8"/>'
CHOICE = '<arg name="a" default="{}"><choice value="x"/></arg>' + echo("$(var a)")
SNIPPETS = [
    *(node(f' namespace="{name}"') for name in ("", "/", "a", "a/", "/a/b", "a//b", "1a")),
    *(push(name) + node() for name in ("", "/", "a", "a/", "/a")),
    push("a") + push("b") + node(' namespace="c"'),
    push("a") + node(' namespace=""', ONE),
    node(' args="a &apos;b c&apos; $(var s)d e$(var s) f"'),
    node("", '<remap from="a" to="b"/><remap from="/c" to="~/d"/>'),
    node("", f'<param name="a.b" value="1"/>{ONE}<param name="x" value="2"/>'),
    f'<node pkg="care_robot" exec="speech">{ONE}</node>',
    echo("a$(var s) b$(var s)c $(var s)$(var s) d e f $(var s) g h i "),
    echo("&apos;&apos;  a   b") + echo("a", ' name="b"') + echo("", ' shell="true"'),
    echo("", ' respawn="true" respawn_delay="2.5"') + echo("", ' on_exit="shutdown"'),
    '<executable cmd="echo"><env name="A$(var n)" value="$(var s)"/></executable>',
    '<set_env name="A" value="1"/><executable cmd="echo $(env A)"><env name="A" value="2"/></executable>',
    f"<group>{SETS}{echo('$(env A) $(var n)')}</group>{echo('$(env A none) $(var n)')}",
    f'<group scoped="false">{SETS}</group>{echo("$(env A none) $(var n)")}',
    f'<group if="0">{echo("a")}</group><group unless="0">{echo("b")}</group>',
    '<include file="{included}"/>' + echo("$(var leak) $(var q)"),
    '<include file="{included}"><arg name="q" value="9"/></include>' + echo("$(var leak) $(var q)"),
    '<group><include file="{included}"/></group>' + echo("$(var leak none) $(var q none)"),
    '<let name="q" value="3"/><include file="{included}"/>',
    '<arg name="a" default="1"/><let name="b" value="$(var a)"/><arg name="c" default="$(var b)$(var a)"/>'
    + echo("$(var c)"),
    CHOICE.format("x"),
    CHOICE.format("y"),
    *(echo("", f' if="{word}"') for word in ("true", " TRUE ", "1", "0", "False", "yes", "", "2")),
    echo("$(equals a a) $(equals 1 1.0) $(equals 1 true) $(equals 1.0 true) $(equals nan nan)"),
    echo("$(equals x$(var empty) x) $(equals &apos;$(var empty)&apos; $(var empty))"),
    echo("$(env NONE x) $(env NONE &apos;&apos;) $(env NONE &quot;a $(var n) (b)&quot;) $5 (a) $ a$"),
    echo("$(env NONE $(env NONE $(var n))/x$y) $(find-pkg-share care_robot) $(var none $(var n))"),
    *(echo(bad) for bad in ("$(env NONE)", "$(var none)", "$(var  n)", "$(var n )", "$()")),
    '<log message="a $(var n)"/><log if="false" message="b"/>' + echo("a"),
]


@needs_ros_launch
@pytest.mark.parametrize("body", SNIPPETS)
def test_both_launchers_understand_elements_alike(
    prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    included = tmp_path / "included.xml"
    included.write_text(
        f'<launch><arg name="q" default="7"/>{echo("$(var q)")}<let name="leak" value="L"/></launch>'
    )
    agree(prefix, tmp_path, monkeypatch, LETS + body.replace("{included}", str(included)))


@needs_ros_launch
@pytest.mark.parametrize("kind", TYPES)
def test_both_launchers_type_parameters_alike(
    prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    of_type = f' type="{kind}"' if kind else ""
    for value in VALUES:
        agree(prefix, tmp_path, monkeypatch, LETS + node("", f'<param name="x" value="{value}"{of_type}/>'))


def agree(prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Both come to the same, or both refuse."""
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{prefix}:{os.environ.get('AMENT_PREFIX_PATH', '')}")
    path = tmp_path / "snippet.launch.xml"
    path.write_text(f"<launch>{body}</launch>", encoding="utf-8")
    try:
        theirs = ros_launch(path, {})
    except Exception:  # of many kinds
        with pytest.raises(LaunchFileError):
            embedded_launch(path, {}, tmp_path)
    else:
        ours = embedded_launch(path, {}, tmp_path)
        assert (ours, repr(ours)) == (theirs, repr(theirs))  # the representation tells 1 from 1.0 and True


Launched = tuple[list[dict[str, Any]], list[str]]


def ros_launch(path: Path, arguments: dict[str, str]) -> Launched:
    """Processes and messages to which ROS 2's launch comes, without starting any."""
    from launch.actions import ExecuteLocal, IncludeLaunchDescription, LogInfo
    from launch.launch_description_sources import AnyLaunchDescriptionSource
    from launch.utilities import visit_all_entities_and_collect_futures

    import launch

    processes: list[dict[str, Any]] = []
    messages: list[str] = []
    before = dict(os.environ)

    def execute(action: Any, context: Any) -> None:
        action.prepare(context)
        details = action.process_details
        processes.append(
            {
                "command": with_parameters(details["cmd"]),
                "env": {k: v for k, v in details["env"].items() if before.get(k) != v},
                "shell": action.shell,
                "respawn": action._ExecuteLocal__respawn,
                "respawn_delay_s": action._ExecuteLocal__respawn_delay or 0.0,
                "ends_launch": action._ExecuteLocal__on_exit is not None,
            }
        )

    include = IncludeLaunchDescription(
        AnyLaunchDescriptionSource(str(path)), launch_arguments=list(arguments.items())
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ExecuteLocal, "execute", execute)
        patch.setattr(
            LogInfo,
            "execute",
            lambda log, context: messages.append("".join(s.perform(context) for s in log.msg)),
        )
        try:
            visit_all_entities_and_collect_futures(
                launch.LaunchDescription([include]), launch.LaunchContext()
            )
        finally:
            os.environ.clear()
            os.environ.update(before)
    return processes, messages


def embedded_launch(path: Path, arguments: dict[str, str], tmp_path: Path) -> Launched:
    """The same of the embedded launcher."""
    plan = load_plan(path, arguments, os.environ)
    files = (tmp_path / f"parameters_{n}.yaml" for n in itertools.count())
    processes = [
        {
            "command": list(spec.cmd) if spec.shell else with_parameters(command_line(spec, files)),
            "env": spec.env,
            "shell": spec.shell,
            "respawn": spec.respawn,
            "respawn_delay_s": spec.respawn_delay_s,
            "ends_launch": spec.ends_launch,
        }
        for spec in plan.processes
    ]
    return processes, list(plan.messages)


def with_parameters(command: list[str]) -> list[Any]:
    """A command line with the content of written parameter files in place of their names."""
    written = re.compile(r"(launch_params_|parameters_\d+\.yaml)")
    return [yaml.safe_load(Path(w).read_text()) if written.match(Path(w).name) else w for w in command]


# Both run them alike ---------------------------------------------------------------------------------------

EMBEDDED = [sys.executable, "-m", "care_robot.bringup.launcher"]
# What `ros2 launch` does, without ros2cli.
ROS = [
    sys.executable,
    "-c",
    """
import sys
import launch
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import AnyLaunchDescriptionSource
arguments = [word.split(":=", 1) for word in sys.argv[2:]]
service = launch.LaunchService(noninteractive=True)
source = AnyLaunchDescriptionSource(sys.argv[1])
service.include_launch_description(
    launch.LaunchDescription([IncludeLaunchDescription(source, launch_arguments=arguments)])
)
sys.exit(service.run())
""",
]
LAUNCHERS = [pytest.param(EMBEDDED, id="embedded"), pytest.param(ROS, id="ros", marks=needs_ros_launch)]
ALL_ACTIVE = "All 7 nodes are active."


class Running:
    """A launcher process whose output can be awaited."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def until(self, fits: Callable[[str], bool]) -> str:
        end_s = time.monotonic() + DEADLINE_S
        while True:
            try:
                line = self._queue.get(timeout=max(0.0, end_s - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                pytest.fail("the line did not come; there were\n" + "\n".join(self.lines))
            self.lines.append(line)
            if fits(line):
                return line

    def until_text(self, text: str) -> str:
        return self.until(lambda line: text in line)

    def end(self) -> int:
        code = self.process.wait(DEADLINE_S)
        while (line := self._queue.get(timeout=DEADLINE_S)) is not None:
            self.lines.append(line)
        return code

    def said(self, word: str) -> list[str]:
        """Nodes that said a word, in order of time: lines of different pipes may overtake each other."""
        pattern = re.compile(rf"(/\S+) (\d+) {word}$")
        found = [match for line in self.lines if (match := pattern.search(line))]
        return [match[1] for match in sorted(found, key=lambda match: int(match[2]))]

    def until_active(self, times: int = 1) -> None:
        """Until everything was reported active so often, and every node has said so itself."""

        def reached(_: str) -> bool:
            reports = sum(ALL_ACTIVE in line for line in self.lines)
            return reports == times and len(self.said("activates")) == 6 + times

        self.until(reached)


@pytest.fixture
def run(environment: dict[str, str]) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(launcher: list[str], *arguments: str, **variables: str) -> Running:
        path = str(ROOT / "launch/bringup.launch.xml")
        started.append(Running([*launcher, path, *arguments], {**environment, **variables}))
        return started[-1]

    yield start
    for one in started:
        # Not killed: ROS 2's launch would leave its processes behind.
        one.process.send_signal(signal.SIGINT)
        one.process.wait(DEADLINE_S)


CAMERA = "/robot1/bedroom_camera"
IN_ORDER = ["/robot1/speech", "/robot1/fall_detector", "/robot1/people_tracker", f"{CAMERA}/pose_estimator",
            f"{CAMERA}/video_camera"]  # fmt: skip


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_the_whole_system_comes_up_and_goes_down_in_order(
    run: Callable[..., Running], prefix: Path, launcher: list[str]
) -> None:
    arguments = ["namespace:=robot1", "camera:=bedroom_camera", "source:=0", "loop:=true", "language:=ko"]
    running = run(launcher, *arguments)
    running.until_active()
    themselves = {"/robot1/care_manager", "/robot1/safety_supervisor"}
    for word in ("configures", "activates"):
        assert set(running.said(word)[:2]) == themselves
        assert running.said(word)[2:] == IN_ORDER
    given = {}
    for line in running.lines:
        if " given " in line:
            name, _, content = line.partition(" given ")
            given[name.split()[-2]] = json.loads(content)
    parameters, topics, variables = given[f"{CAMERA}/video_camera"]
    expected = {"camera": "bedroom_camera", "source": "0", "loop": True}
    assert {name: parameters[name] for name in expected} == expected
    assert topics["image_raw"] == f"{CAMERA}/image_raw"
    dds = prefix / "share/care_robot/config/dds"
    assert variables == {
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "FASTRTPS_DEFAULT_PROFILES_FILE": f"{dds}/images.xml",
    }
    _, topics, variables = given[f"{CAMERA}/pose_estimator"]
    assert topics["bodies"] == "/robot1/people/bedroom_camera/bodies"
    assert variables["FASTRTPS_DEFAULT_PROFILES_FILE"] == f"{dds}/small.xml"
    parameters, topics, _ = given["/robot1/people_tracker"]
    assert parameters["cameras"] == ["bedroom_camera"]
    assert topics["people"] == "/robot1/people"

    running.process.send_signal(signal.SIGINT)
    assert running.end() == 0
    assert sorted(running.said("ends")) == sorted([*themselves, *IN_ORDER])
    if launcher is EMBEDDED:  # ROS 2's interrupts all at once
        assert running.said("deactivates") == IN_ORDER[::-1]
        assert [name for name in running.said("ends") if name not in themselves] == IN_ORDER[::-1]
        assert running.said("ends")[-1] == "/robot1/care_manager"


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_node_that_was_killed_is_started_and_brought_up_again(
    run: Callable[..., Running], launcher: list[str]
) -> None:
    running = run(launcher)
    running.until_active()
    os.kill(pid_of(running.process.pid, "fall_detector"), signal.SIGKILL)
    running.until_active(times=2)
    assert running.said("activates").count("/fall_detector") == 2
    assert running.said("configures").count("/speech") == 1


def pid_of(launcher_pid: int, name: str) -> int:
    """Process that a launcher started for an executable."""
    folders = Path(f"/proc/{launcher_pid}/task").iterdir()
    children = [int(child) for folder in folders for child in (folder / "children").read_text().split()]
    (pid,) = [child for child in children if f"/{name}\0" in Path(f"/proc/{child}/cmdline").read_text()]
    return pid


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_node_that_refuses_ends_the_launch(run: Callable[..., Running], launcher: list[str]) -> None:
    running = run(launcher, REFUSES="people_tracker")
    running.until_text("people_tracker could not be configured")
    code = running.end()
    assert not running.said("activates").count("/fall_detector")
    if launcher is EMBEDDED:  # ROS 2's does not pass on the exit codes of nodes
        assert code == 1
        assert any("lifecycle_manager died with exit code 1" in line for line in running.lines)


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_no_care_manager_no_launch(run: Callable[..., Running], launcher: list[str]) -> None:
    running = run(launcher, REFUSES="care_manager")
    running.until_text("care_manager does not run: The database is in use.")
    code = running.end()
    assert set(running.said("configures")) <= {"/care_manager", "/safety_supervisor"}
    if launcher is EMBEDDED:
        assert code == 1


@needs_ros_launch
def test_launch_testing_passes(environment: dict[str, str]) -> None:
    test = Path(__file__).with_name("launch_testing_bringup.py")
    command = [sys.executable, "-m", "launch_testing.launch_test", str(test)]
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr.count("Ran 1 test") == 2, result.stderr  # one while it runs, one after the end
