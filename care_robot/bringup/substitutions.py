"""The substitutions of launch files: ``$(var name)``, ``$(env NAME default)``, ``$(find-pkg-share package)``.

The grammar is that of ROS 2's launch; what is not in the subset is refused, so that a text means the same to
both launchers or is an error in this one.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

MAX_DEPTH = 20
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class SubstitutionError(ValueError):
    """A text that cannot be substituted; the message says what is wrong and what to write instead."""


@dataclass
class Scope:
    """What substitutions read: launch configurations and environment variables."""

    variables: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def copy(self) -> "Scope":
        """A scope of its own with the same content."""
        return Scope(dict(self.variables), dict(self.environment))


@dataclass(frozen=True)
class Call:
    """One ``$(name argument …)``; each argument is a template itself."""

    name: str
    arguments: tuple["Template", ...]


Template = tuple["str | Call", ...]


def parse(text: str) -> Template:
    """Split a text into literal pieces and calls; SubstitutionError where the grammar does not fit."""
    return _pieces(text, 0, "", "", 0)[0]


def perform(template: Template, scope: Scope) -> str:
    """The text with every call replaced by its value."""
    return "".join(p if isinstance(p, str) else _FUNCTIONS[p.name][2](p, scope) for p in template)


def substitute(text: str, scope: Scope) -> str:
    """Parse and perform at once."""
    return perform(parse(text), scope)


def package_share(package: str, environment: dict[str, str]) -> Path:
    """Share folder of an installed package, as ament's index knows it."""
    return package_prefix(package, environment) / "share" / package


def package_prefix(package: str, environment: dict[str, str]) -> Path:
    """Install prefix of a package: the first in AMENT_PREFIX_PATH whose index names it."""
    prefixes = [Path(p) for p in environment.get("AMENT_PREFIX_PATH", "").split(":") if p]
    if re.fullmatch(r"[A-Za-z0-9_-]+", package):
        for prefix in prefixes:
            if (prefix / "share/ament_index/resource_index/packages" / package).is_file():
                return prefix
    where = ", ".join(map(str, prefixes)) or "nowhere: AMENT_PREFIX_PATH is empty"
    raise SubstitutionError(
        f"the package '{package}' is not found (looked in {where}); build it and source install/setup.bash"
    )


def to_bool(text: str) -> bool:
    """Truth of an `if`, `unless` or boolean substitution: true, 1, false or 0, in any case."""
    value = _TRUTH.get(text.strip().lower())
    if value is None:
        raise SubstitutionError(f"'{text}' is neither true nor false; write true, 1, false or 0")
    return value


# Grammar ---------------------------------------------------------------------------------------------------


def _pieces(text: str, start: int, ends: str, quote: str, depth: int) -> tuple[Template, int]:
    """Text and calls up to the first character of `ends`, or the end; `quote` is the quote we are within."""
    pieces: list[str | Call] = []
    at = literal = start
    while at < len(text) and text[at] not in ends:
        if text[at] == "\\":
            raise SubstitutionError("a backslash is an escape in launch files; write the text without it")
        if text.startswith("$(", at):
            pieces += [text[literal:at]] if at > literal else []
            call, at = _call(text, at + 2, quote, depth + 1)
            pieces.append(call)
            literal = at
        else:
            at += 1
    pieces += [text[literal:at]] if at > literal else []
    return tuple(pieces), at


def _call(text: str, start: int, quote: str, depth: int) -> tuple[Call, int]:
    """One call, from behind its ``$(``."""
    if depth > MAX_DEPTH:
        raise SubstitutionError(f"substitutions are nested more than {MAX_DEPTH} deep; use <let> for steps")
    name = _NAME.match(text, start)
    if not name:
        raise SubstitutionError(f"a name is expected after $( in '{text}'")
    at, arguments = name.end(), []
    while text.startswith(" ", at):
        argument, at = _argument(text, at + 1, quote, depth)
        arguments.append(argument)
    if not text.startswith(")", at):
        found = f"'{text[at]}'" if at < len(text) else "the end"
        raise SubstitutionError(f"')' or one space and an argument is expected in '{text}', not {found}")
    return _checked(Call(name.group(), tuple(arguments))), at + 1


def _argument(text: str, start: int, quote: str, depth: int) -> tuple[Template, int]:
    """One argument: quoted (may hold spaces), or plain."""
    if not quote and text[start : start + 1] in ("'", '"'):
        pieces, at = _pieces(text, start + 1, text[start], text[start], depth)
        if at == len(text):
            raise SubstitutionError(f"the quote {text[start]} is not closed in '{text}'")
        return pieces, at + 1
    pieces, at = _pieces(text, start, " ()" + (quote or "'\""), quote, depth)
    if not pieces:
        raise SubstitutionError(f"an argument is missing in '{text}'; write '' for an empty one")
    return pieces, at


def _checked(call: Call) -> Call:
    if call.name not in _FUNCTIONS:
        known = ", ".join(f"$({name} …)" for name in sorted(_FUNCTIONS))
        raise SubstitutionError(f"$({call.name} …) is not known here; there are {known}")
    low, high, _ = _FUNCTIONS[call.name]
    if not low <= len(call.arguments) <= high:
        words = str(low) if low == high else f"{low} to {high}"
        raise SubstitutionError(f"$({call.name} …) takes {words} arguments, not {len(call.arguments)}")
    if call.name == "equals" and () in call.arguments:
        # ROS 2's launch would compare with the text "[]".
        raise SubstitutionError("$(equals …) cannot compare with ''; write $(equals x$(var name) x)")
    return call


# Functions -------------------------------------------------------------------------------------------------

_TRUTH = {"true": True, "1": True, "false": False, "0": False}


def _var(call: Call, scope: Scope) -> str:
    name = perform(call.arguments[0], scope)
    if name in scope.variables:
        return scope.variables[name]
    if len(call.arguments) == 2:
        return perform(call.arguments[1], scope)
    known = ", ".join(sorted(scope.variables)) or "none"
    raise SubstitutionError(
        f"there is no launch argument '{name}' here (known: {known}); add an <arg> or <let>"
    )


def _env(call: Call, scope: Scope) -> str:
    name, *default = (perform(argument, scope) for argument in call.arguments)
    if name in scope.environment:
        return scope.environment[name]
    if default:
        return default[0]
    raise SubstitutionError(
        f"the environment has no {name}; set it, or give a default: $(env {name} default)"
    )


def _find_pkg_share(call: Call, scope: Scope) -> str:
    return str(package_share(perform(call.arguments[0], scope), scope.environment))


def _equals(call: Call, scope: Scope) -> str:
    left, right = (perform(argument, scope) for argument in call.arguments)
    truths = _TRUTH.get(left.lower()), _TRUTH.get(right.lower())
    if None not in truths:
        return str(truths[0] == truths[1]).lower()
    try:
        return str(math.isclose(float(left), float(right))).lower()
    except ValueError:
        return str(left == right).lower()


_FUNCTIONS: dict[str, tuple[int, int, Callable[[Call, Scope], str]]] = {
    "var": (1, 2, _var),
    "env": (1, 2, _env),
    "find-pkg-share": (1, 1, _find_pkg_share),
    "equals": (2, 2, _equals),
}
