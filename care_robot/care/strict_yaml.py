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
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise YamlError(f"{path}{where} is not valid YAML: {problem or 'it cannot be parsed'}.") from None
    if not isinstance(content, dict):
        raise YamlError(f"{path} must hold keys such as {', '.join(list(model.model_fields)[:3])}.")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise YamlError(f"{path}: {_sentence(error, model)}") from None


def key_path(loc: Sequence[int | str]) -> str:
    """A key's place in its file, such as ``timeline[2].fault.target``."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in loc).lstrip(".")


def near(word: str, known: Sequence[str]) -> str:
    """`; did you mean …?` where something known is spelt much like `word`, else what is known."""
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; there is {', '.join(known)}." if known else "; there is none."


def _sentence(error: ValidationError, model: type[BaseModel]) -> str:
    errors = error.errors(include_url=False, include_input=False)
    # A misspelt key is often also a missing one; the misspelling is the cause.
    first = min(errors, key=lambda e: e["type"] not in ("extra_forbidden", "invalid_key"))
    loc, kind = first["loc"], first["type"]
    path = key_path(loc)
    if kind == "extra_forbidden":
        return f"{path}: unknown key{near(str(loc[-1]), _keys_at(model, loc[:-1]))}"
    problem = _PLAIN.get(kind) or first["msg"].removeprefix("Value error, ").replace(
        "Input should be", "must be"
    )
    return f"{path}: {problem}." if path else f"{problem}."


def _keys_at(model: type[BaseModel], loc: Sequence[int | str]) -> list[str]:
    """Keys of the model that lies at `loc` within another."""
    here: type[BaseModel] | None = model
    for part in loc:
        if isinstance(part, str) and here is not None:
            field = here.model_fields.get(part)
            here = _model_in(field.annotation) if field else None
    return list(here.model_fields) if here else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation such as ``tuple[Entry, ...]`` or ``Fault | None`` speaks of."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    return next(filter(None, map(_model_in, typing.get_args(annotation))), None)


_PLAIN = {
    "missing": "must be given",
    "too_short": "must have at least one entry",
    "tuple_type": "must be a list",
    "dict_type": "must hold keys",
    "model_type": "must hold keys",
    "finite_number": "must be a finite number",
    "invalid_key": "must be a text",
}
