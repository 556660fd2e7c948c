"""YAML files of ours, read strictly: one sentence with the file and the path of the key for what is wrong."""

import difflib
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml  # type: ignore[import-untyped, unused-ignore]
from pydantic import BaseModel, ConfigDict, ValidationError

MAX_BYTES = 1_000_000
M = TypeVar("M", bound=BaseModel)


class YamlError(Exception):
    """A file that cannot be used; the message names the file, the key and the remedy."""


class Strict(BaseModel):
    """Base of what stands in such a file: an unknown key or a value of another type is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class _UniqueKeyLoader(yaml.SafeLoader):  # type: ignore[misc, unused-ignore]
    """A second key of the same name would silently replace the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if str(key.value) in seen:
                problem = f"the key '{key.value}' stands twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(str(key.value))
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def read_yaml(path: Path, model: type[M]) -> M:
    """What a file says, as `model`; YamlError with one sentence for the first thing that is wrong."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or "no such path"
        raise YamlError(f"{path} cannot be read ({problem}); check the path and its permissions.") from None
    if len(raw) > MAX_BYTES:
        raise YamlError(f"{path} is over 1 MB; is it the right file?")
    try:
        content = yaml.load(raw.decode("utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506 (a SafeLoader)
    except UnicodeDecodeError:
        raise YamlError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise YamlError(f"{path}{where} is not valid YAML: {_problem(error)}.") from None
    return read_document(content, str(path), model)


def read_document(content: object, name: str, model: type[M]) -> M:
    """What a parsed document says; `name` begins the error's sentence, in which no value ever stands.

    An empty document means the defaults, where every key has one.
    """
    if content is None and not any(field.is_required() for field in model.model_fields.values()):
        content = {}
    if not isinstance(content, dict):
        keys, kind = ", ".join(list(model.model_fields)[:3]), type(content).__name__
        raise YamlError(f"{name} must hold keys such as {keys}, but it is a {kind}.")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        # Without the chain: pydantic's own text may show what was typed, such as a secret address.
        raise YamlError(f"{name}: {_sentence(error, model)}") from None


def key_path(loc: Sequence[int | str]) -> str:
    """A key's place in its file, such as ``timeline[2].fault.target``."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in loc).lstrip(".")


def near(word: str, known: Sequence[str]) -> str:
    """`; did you mean …?` where something known is spelt much like `word`, else what is known."""
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; there is {', '.join(known)}." if known else "; there is none."


def _problem(error: Exception) -> str:
    """What YAML has to say, without what was typed: a password that begins with * is an alias to YAML."""
    problem = getattr(error, "problem", None) or "it cannot be parsed"
    if isinstance(error, yaml.composer.ComposerError) or "for the tag" in problem:
        return "a text that begins with *, & or ! must stand in quotes"
    return str(problem)


def _sentence(error: ValidationError, model: type[BaseModel]) -> str:
    errors = error.errors(include_url=False, include_input=False)
    # A misspelt key is often also a missing one; the misspelling is the cause.
    first = min(errors, key=lambda e: e["type"] not in ("extra_forbidden", "invalid_key"))
    loc, kind = first["loc"], first["type"]
    if kind == "extra_forbidden":
        parent, models = _walk(model, loc[:-1])
        known = [key for found in models[:1] for key in found.model_fields]
        return f"{key_path([*parent, loc[-1]])}: unknown key{near(str(loc[-1]), known)}"
    shown, models = _walk(model, loc)
    path = key_path(shown)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        problem = f"must have a type: {', '.join(tag for found in models for tag in _tags(found))}"
    else:
        problem = _PLAIN.get(kind) or first["msg"].removeprefix("Value error, ").replace(
            "Input should be", "must be"
        )
    unit = " (seconds, as a plain number)" if path.endswith("_s") else ""
    end = "" if problem.endswith((".", "?")) else "."
    return f"{path}: {problem}{unit}{end}" if path else f"{problem}{end}"


def _walk(model: type[BaseModel], loc: Sequence[int | str]) -> tuple[list[int | str], list[type[BaseModel]]]:
    """A key's place as the file has it, and the models that may stand there.

    Pydantic names the chosen branch of a union in the path; the reader's file has no such key.
    """
    shown: list[int | str] = []
    here = [model]
    for part in loc:
        tagged = [found for found in here if part in _tags(found)]
        if tagged:
            here = tagged
            continue
        shown.append(part)
        if isinstance(part, str):
            fields = [found.model_fields[part] for found in here if part in found.model_fields]
            here = [found for field in fields for found in _models_in(field.annotation)]
    return shown, here


def _tags(model: type[BaseModel]) -> tuple[Any, ...]:
    """Values of `type` by which a union's branch is chosen."""
    field = model.model_fields.get("type")
    return typing.get_args(field.annotation) if field else ()


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that an annotation such as ``tuple[Entry, ...]`` or ``Fault | None`` speaks of."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [found for part in typing.get_args(annotation) for found in _models_in(part)]


_PLAIN = {
    "missing": "must be given",
    "too_short": "must have at least one entry",
    "tuple_type": "must be a list",
    "dict_type": "must hold keys",
    "model_type": "must hold keys",
    "finite_number": "must be a finite number",
    "invalid_key": "must be a text",
}
