"""Elements of a launch file with their places, checked against the supported subset."""

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from care_robot.bringup.substitutions import SubstitutionError, parse

MAX_DEPTH = 20


class LaunchFileError(Exception):
    """A launch file that cannot be used; the message is one sentence with file, line and remedy."""


@dataclass(frozen=True)
class _Tag:
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()


def _tag(required: str = "", optional: str = "", children: str = "") -> _Tag:
    return _Tag(frozenset(required.split()), frozenset(optional.split()), frozenset(children.split()))


_ACTIONS = "arg executable group include let log node push_ros_namespace set_env"
_PROCESS = "if unless output on_exit respawn respawn_delay"
_TAGS = {
    "launch": _tag(children=_ACTIONS),
    "arg": _tag("name", "default description", "choice"),
    "choice": _tag("value"),
    "let": _tag("name value", "if unless"),
    "log": _tag("message", "if unless"),
    "set_env": _tag("name value", "if unless"),
    "push_ros_namespace": _tag("namespace", "if unless"),
    "group": _tag("", "if unless scoped", _ACTIONS),
    "include": _tag("file", "if unless", "include/arg"),
    "include/arg": _tag("name value"),
    "executable": _tag("cmd", f"{_PROCESS} name shell", "env"),
    "node": _tag("pkg exec", f"{_PROCESS} name namespace args", "env param remap"),
    "env": _tag("name value"),
    "remap": _tag("from to"),
    "param": _tag("", "name value type from"),
}
_VALUES = {
    "scoped": ["true", "false"],
    "shell": ["true", "false"],
    "output": ["screen"],
    "on_exit": ["shutdown"],
}
_LITERAL = {("arg", "name"), ("arg", "description"), ("choice", "value")}  # nothing is substituted in these


@dataclass
class Element:
    """An element of a launch file, with its place."""

    tag: str
    attributes: dict[str, str]
    file: Path
    line: int
    children: list["Element"] = field(default_factory=list)

    def walk(self) -> Iterator["Element"]:
        """This element and all below it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def error(self, sentence: str) -> LaunchFileError:
        """An error at this place."""
        tag = self.tag.rpartition("/")[2]
        return LaunchFileError(f"{self.file}:{self.line}: <{tag}>: {sentence.rstrip('.')}.")


def near(word: str, known: Iterable[str]) -> str:
    """Hint at the word that was probably meant."""
    matches = difflib.get_close_matches(word, list(known), n=1)
    return f" (do you mean '{matches[0]}'?)" if matches else ""


def read_elements(path: Path) -> Element:
    """Root element of a file, checked against the subset; LaunchFileError where it is outside."""
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LaunchFileError(f"The launch file {str(path)!r} cannot be read: {reason}.") from None
    reader = _XmlReader(path)
    try:
        reader.parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        line = reader.parser.CurrentLineNumber
        raise LaunchFileError(f"{path}:{line}: this is not well-formed XML: {error}.") from None
    if reader.root is None:
        raise LaunchFileError(f"{path}: the file has no elements; it must have a <launch>.")
    return reader.root


class _XmlReader:
    """Builds elements with their line numbers, which ElementTree does not keep."""

    def __init__(self, path: Path) -> None:
        self.root: Element | None = None
        self._path = path
        self._open: list[Element] = []
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = lambda _: self._open.pop()
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        parent = self._open[-1] if self._open else None
        if parent and f"{parent.tag}/{tag}" in _TAGS:
            tag = f"{parent.tag}/{tag}"
        element = Element(tag, attributes, self._path, self.parser.CurrentLineNumber)
        _check(element, parent)
        if len(self._open) > MAX_DEPTH:
            raise element.error(f"elements are nested more than {MAX_DEPTH} deep; include a file instead")
        if parent:
            parent.children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _text(self, text: str) -> None:
        if text.strip():
            raise self._open[-1].error(f"the text '{text.strip()}' has no meaning here; write an attribute")

    def _doctype(self, *_: object) -> None:
        raise LaunchFileError(f"{self._path}: a document type is not supported; remove <!DOCTYPE>.")


def _check(element: Element, parent: Element | None) -> None:
    """What can be said without knowing any argument, also of branches that are not taken."""
    allowed = _TAGS[parent.tag].children if parent else frozenset({"launch"})
    if element.tag not in allowed:
        where = f"inside <{parent.tag}>" if parent else "as the root of a launch file"
        names = ", ".join(f"<{name.rpartition('/')[2]}>" for name in sorted(allowed)) or "nothing"
        raise element.error(f"this element is not supported {where}{near(element.tag, allowed)}; use {names}")
    tag = _TAGS[element.tag]
    for name, value in element.attributes.items():
        _check_attribute(element, name, value, tag.required | tag.optional)
    names_given = element.attributes.keys()
    if missing := tag.required - names_given:
        raise element.error(f"the attribute '{min(missing)}' is missing; add it")
    for pair in ({"if", "unless"}, {"respawn", "on_exit"}):
        if pair <= names_given:
            raise element.error(f"{' and '.join(sorted(pair))} exclude each other; keep one")
    if element.tag == "param" and names_given not in ({"from"}, {"name", "value"}, {"name", "value", "type"}):
        raise element.error("write either name and value, or from (a parameter file)")


def _check_attribute(element: Element, name: str, value: str, known: frozenset[str]) -> None:
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise element.error(f"the attribute '{name}' is not supported{near(name, known)}; there are {names}")
    if name in _VALUES and value not in _VALUES[name]:
        raise element.error(f"{name} is '{value}', but must be {' or '.join(_VALUES[name])}")
    if name == "respawn_delay" and not re.fullmatch(r"\d+(\.\d+)?", value):
        raise element.error(f"{name} is '{value}', but must be a number of seconds")
    if (element.tag, name) not in _LITERAL:
        try:
            parse(value)
        except SubstitutionError as error:
            raise element.error(str(error)) from None
