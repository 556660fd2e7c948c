"""Reads ``launch/*.launch.xml`` into a flat plan of processes, without starting any.

A subset of the launch files of ROS 2, with the same meaning as in ``ros2 launch``: args and lets are visible
to all that follows, also in included files, unless a group closes over them. What is not in the subset is an
error that names file, line and remedy; it is never skipped.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml

from care_robot.bringup.launch_elements import Element, LaunchFileError, near, read_elements
from care_robot.bringup.launch_plan import LaunchArgument, LaunchPlan, ProcessSpec
from care_robot.bringup.parameter_values import ParameterValue, parameter_value
from care_robot.bringup.substitutions import Scope, SubstitutionError, parse, perform, substitute, to_bool

MAX_FILES = 50
NAMESPACE = "ros_namespace"  # the launch configuration in which the pushed namespace travels


def load_plan(path: Path, arguments: Mapping[str, str], environment: Mapping[str, str]) -> LaunchPlan:
    """Read a launch file and those that it includes.

    Parameters
    ----------
    path
        The file.
    arguments
        Launch arguments by name.
    environment
        Environment variables of the launcher; AMENT_PREFIX_PATH says where packages are.

    Raises
    ------
    LaunchFileError
        For a file that cannot be read, is not in the subset, or refuses its arguments.
    """
    builder = _Builder(dict(arguments), dict(environment))
    root = builder.read(path)
    for needed in _required(root):
        if needed.attributes["name"] not in arguments:
            raise _missing(needed)
    builder.run_children(root)
    for name in arguments:
        if name not in builder.declared:
            raise LaunchFileError(
                f"{path}: there is no launch argument '{name}'{near(name, builder.declared)};"
                f" it has {', '.join(sorted(builder.declared)) or 'none'}."
            )
    return LaunchPlan(tuple(builder.processes), tuple(builder.messages))


def declared_arguments(path: Path) -> list[LaunchArgument]:
    """The arguments that a launch file itself declares, in order."""
    return [
        LaunchArgument(
            element.attributes["name"],
            element.attributes.get("default"),
            element.attributes.get("description", ""),
            tuple(choice.attributes["value"] for choice in element.children),
        )
        for element in read_elements(path).walk()
        if element.tag == "arg"
    ]


# Evaluation ------------------------------------------------------------------------------------------------


@contextmanager
def _place(element: Element) -> Iterator[None]:
    """Turns a failed substitution into an error at the element."""
    try:
        yield
    except SubstitutionError as error:
        raise element.error(str(error)) from None


def _required(parent: Element) -> Iterator[Element]:
    """Arguments that must be given: as in launch, what is set around a file does not stand in for them."""
    for element in parent.children:
        if element.tag == "arg" and "default" not in element.attributes:
            yield element
        if element.tag == "group" and not {"if", "unless"} & element.attributes.keys():
            yield from _required(element)


def _missing(element: Element) -> LaunchFileError:
    name, description = element.attributes["name"], element.attributes.get("description", "no description")
    return element.error(f"the launch argument '{name}' is required ({description}); give {name}:=VALUE")


class _Builder:
    """Walks through the elements in order, as launch visits its entities."""

    def __init__(self, arguments: dict[str, str], environment: dict[str, str]) -> None:
        self.processes: list[ProcessSpec] = []
        self.messages: list[str] = []
        self.declared: set[str] = set()
        self._scope = Scope(arguments, dict(environment))
        self._environment = environment
        self._files = 0

    def read(self, path: Path) -> Element:
        """Root of a file, with its arguments noted."""
        self._files += 1
        root = read_elements(path)
        self.declared |= {e.attributes["name"] for e in root.walk() if e.tag == "arg"}
        return root

    def run_children(self, parent: Element) -> None:
        for element in parent.children:
            with _place(element):
                if self._condition(element):
                    getattr(self, f"_run_{element.tag}")(element)

    def _get(self, element: Element, name: str, default: str = "") -> str:
        with _place(element):
            return substitute(element.attributes.get(name, default), self._scope)

    def _condition(self, element: Element) -> bool:
        if "unless" in element.attributes:
            return not to_bool(self._get(element, "unless"))
        return to_bool(self._get(element, "if", "true"))

    # Each element; the names are looked up above.

    def _run_arg(self, element: Element) -> None:
        name = element.attributes["name"]
        if name not in self._scope.variables:
            if "default" not in element.attributes:
                raise _missing(element)
            self._scope.variables[name] = self._get(element, "default")
        choices = [choice.attributes["value"] for choice in element.children]
        value = self._scope.variables[name]
        if choices and value not in choices:
            raise element.error(f"{name} is '{value}', but must be one of {', '.join(choices)}")

    def _run_let(self, element: Element) -> None:
        self._scope.variables[self._get(element, "name")] = self._get(element, "value")

    def _run_log(self, element: Element) -> None:
        self.messages.append(self._get(element, "message"))

    def _run_set_env(self, element: Element) -> None:
        self._scope.environment[self._variable_name(element)] = self._get(element, "value")

    def _run_group(self, element: Element) -> None:
        outer = self._scope
        if element.attributes.get("scoped", "true") == "true":
            self._scope = outer.copy()
        self.run_children(element)
        self._scope = outer

    def _run_push_ros_namespace(self, element: Element) -> None:
        self._scope.variables[NAMESPACE] = self._namespace(element) or "/"

    def _run_include(self, element: Element) -> None:
        if self._files > MAX_FILES:
            raise element.error(f"more than {MAX_FILES} files are included; does a file include itself?")
        path = Path(self._get(element, "file"))
        if not path.is_file():
            raise element.error(f"there is no file '{path}' to include; check the path")
        root = self.read(path)
        given = set()
        for argument in element.children:
            name, value = self._get(argument, "name"), self._get(argument, "value")
            self._scope.variables[name] = value
            given.add(name)
        for needed in _required(root):
            name = needed.attributes["name"]
            if name not in given:
                raise element.error(f"the included file requires '{name}'; add <arg name=\"{name}\" …>")
        self.run_children(root)

    def _run_executable(self, element: Element) -> None:
        cmd = self._command_line(element, "cmd")
        if not cmd or not cmd[0]:
            raise element.error("cmd is empty; name a program")
        label = self._get(element, "name") or Path(cmd[0]).name
        self._add(element, label, cmd, shell=element.attributes.get("shell") == "true")

    def _run_node(self, element: Element) -> None:
        executable = self._get(element, "exec")
        name = self._get(element, "name") if "name" in element.attributes else None
        if name is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise element.error(f"'{name}' is not a node name; use letters, digits and _")
        parameters: list[Path | dict[str, ParameterValue]] = []
        remappings = []
        for child in element.children:
            if child.tag == "remap":
                remappings.append((self._get(child, "from"), self._get(child, "to")))
            elif child.tag == "param":
                self._add_parameter(child, parameters)
        self._add(
            element,
            name or Path(executable).name,
            [executable, *self._command_line(element, "args")],
            package=self._get(element, "pkg"),
            node_name=name,
            namespace=self._namespace(element),
            parameters=tuple(parameters),
            remappings=tuple(remappings),
        )

    # Parts of processes.

    def _add(self, element: Element, label: str, cmd: list[str], **details: object) -> None:
        variables = {**self._scope.environment}
        variables.update(
            (self._variable_name(e), self._get(e, "value")) for e in element.children if e.tag == "env"
        )
        self.processes.append(
            ProcessSpec(
                label=label,
                cmd=tuple(cmd),
                env={k: v for k, v in variables.items() if self._environment.get(k) != v},
                respawn=to_bool(self._get(element, "respawn", "false")),
                respawn_delay_s=float(element.attributes.get("respawn_delay", "0")),
                ends_launch="on_exit" in element.attributes,
                **details,  # type: ignore[arg-type]
            )
        )

    def _add_parameter(self, element: Element, to: list[Path | dict[str, ParameterValue]]) -> None:
        attributes = element.attributes
        if "from" in attributes:
            path = Path(self._get(element, "from"))
            _check_parameter_file(element, path)
            to.append(path)
            return
        kind = attributes.get("type", "yaml")
        with _place(element):
            value = parameter_value(attributes["value"], kind, self._scope)
        to.append({self._get(element, "name"): value})

    def _namespace(self, element: Element) -> str | None:
        """Namespace of an element, below the pushed one unless absolute; None when neither says any."""
        base = self._scope.variables.get(NAMESPACE)
        if "namespace" not in element.attributes:
            return base
        own = self._get(element, "namespace")
        full = own if own.startswith("/") else f"{(base or '').rstrip('/')}/{own}"
        full = full.rstrip("/") or "/"
        if not re.fullmatch(r"/|(/[A-Za-z_][A-Za-z0-9_]*)+", full):
            raise element.error(f"'{full}' is not a namespace; use letters, digits, _ and /")
        return full

    def _command_line(self, element: Element, name: str) -> list[str]:
        """Arguments of a command line; what a substitution gives stays in one argument, also with spaces."""
        if name not in element.attributes:
            return []
        text = element.attributes[name]
        if not text.strip() or (text[0].isspace() and text.lstrip().startswith("$(")):
            raise element.error(f"{name} has an empty argument; remove the space or the attribute")
        arguments: list[str] = []
        joins = False  # the next piece belongs to the last argument
        for piece in parse(text):
            if isinstance(piece, str):
                try:
                    words = shlex.split(piece)
                except ValueError as error:
                    raise element.error(f"{name} cannot be split: {error}") from None
                if words and joins and not piece[0].isspace():
                    arguments[-1] += words.pop(0)
                arguments += words
                joins = not piece[-1].isspace()
            else:
                value = perform((piece,), self._scope)
                if joins:
                    arguments[-1] += value
                else:
                    arguments.append(value)
                joins = True
        return arguments

    def _variable_name(self, element: Element) -> str:
        name = self._get(element, "name")
        if not name or "=" in name:
            raise element.error(f"'{name}' is not the name of an environment variable")
        return name


def _check_parameter_file(element: Element, path: Path) -> None:
    """A broken parameter file would end the node with a traceback; say so here."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise element.error(f"the parameter file {path} cannot be read: {error.strerror}") from None
    except Exception as error:  # PyYAML raises many kinds for broken input
        sentence = " ".join(str(error).split())
        raise element.error(f"the parameter file {path} is not valid YAML: {sentence}") from None
    nodes = content.values() if isinstance(content, dict) else [None]
    if not all(isinstance(node, dict) and isinstance(node.get("ros__parameters"), dict) for node in nodes):
        raise element.error(f"the parameter file {path} must have 'ros__parameters:' under each node's name")
