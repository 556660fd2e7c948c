"""Node parameters, declared once as a dataclass.

A field says what the parameter means, its unit and its range; the node base declares it with a descriptor,
and builds the dataclass from the values when the node is configured.
"""

import dataclasses
import math
import typing
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

P = TypeVar("P")

_TYPES: dict[Any, tuple[Parameter.Type, str]] = {
    bool: (Parameter.Type.BOOL, "true or false"),
    int: (Parameter.Type.INTEGER, "a whole number"),
    float: (Parameter.Type.DOUBLE, "a number"),
    str: (Parameter.Type.STRING, "a text"),
    list[str]: (Parameter.Type.STRING_ARRAY, "a list of texts"),
    list[float]: (Parameter.Type.DOUBLE_ARRAY, "a list of numbers"),
}
_OF_EVERY_NODE = {"use_sim_time", "start_type_description_service"}


class ParameterError(ValueError):
    """A parameter with a value that it cannot have; the message is a sentence for the user."""


@dataclasses.dataclass(frozen=True)
class _Meaning:
    description: str
    unit: str
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]


def parameter(
    default: Any,
    description: str,
    *,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Sequence[str] = (),
) -> Any:
    """Dataclass field of one node parameter, with inclusive limits in `unit`."""
    metadata = {"meaning": _Meaning(description, unit, minimum, maximum, tuple(choices))}
    if isinstance(default, list):
        return dataclasses.field(default_factory=lambda: list(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


class NodeParameters(typing.Generic[P]):
    """The parameters of one node: declares them, and checks and reads them as `schema`."""

    def __init__(self, node: Node, schema: type[P]) -> None:
        self._node = node
        self._schema = schema
        self._refused: dict[str, str] = {}
        self._hints = typing.get_type_hints(schema)
        for field in dataclasses.fields(schema):  # type: ignore[arg-type]
            self._declare(field)
        node.add_post_set_parameters_callback(self._forget_refused)

    def read(self) -> P:
        """The values now; ParameterError with a sentence for the first one that cannot be used."""
        overrides = self._node._parameter_overrides
        known = {field.name for field in dataclasses.fields(self._schema)}  # type: ignore[arg-type]
        for name in overrides:
            if name not in known | _OF_EVERY_NODE and not name.startswith("qos_overrides."):
                raise ParameterError(
                    f"The parameter '{name}' is unknown; this node has {', '.join(sorted(known)) or 'none'}."
                )
        for sentence in self._refused.values():
            raise ParameterError(sentence)
        values = {name: self._node.get_parameter(name).value for name in known}
        for field in dataclasses.fields(self._schema):  # type: ignore[arg-type]
            value = values[field.name]
            if isinstance(value, Iterable) and not isinstance(value, str):
                value = values[field.name] = list(value)
            self._check(field.name, value, field.metadata["meaning"])
        return self._schema(**values)

    def _declare(self, field: "dataclasses.Field[Any]") -> None:
        kind, words = _TYPES[self._hints[field.name]]
        meaning: _Meaning = field.metadata["meaning"]
        default = field.default_factory() if callable(field.default_factory) else field.default
        descriptor = _descriptor(kind, meaning)
        overrides = self._node._parameter_overrides
        override = overrides.get(field.name)
        if (
            override is not None
            and kind is Parameter.Type.DOUBLE
            and override.type_ is Parameter.Type.INTEGER
        ):
            # "15" in a launch file means 15.0 to everybody but a strict parser.
            overrides[field.name] = Parameter(field.name, kind, float(override.value))
        try:
            self._node.declare_parameter(field.name, kind, descriptor)
            if self._node.get_parameter_or(field.name).type_ is Parameter.Type.NOT_SET:
                self._node.set_parameters([Parameter(field.name, kind, default)])
        except (InvalidParameterTypeException, InvalidParameterValueException):
            given = override.value if override is not None else None
            self._refused[field.name] = _sentence(field.name, given, words, meaning)
            self._redeclare(field.name, kind, default, descriptor)

    def _redeclare(
        self, name: str, kind: Parameter.Type, default: Any, descriptor: ParameterDescriptor
    ) -> None:
        """Declare with the default, so that the parameter can be seen and mended with `ros2 param set`."""
        if self._node.has_parameter(name):
            self._node.undeclare_parameter(name)
        self._node.declare_parameter(name, kind, descriptor, ignore_override=True)
        self._node.set_parameters([Parameter(name, kind, default)])

    def _forget_refused(self, parameters: list[Parameter]) -> None:
        for changed in parameters:
            self._refused.pop(changed.name, None)

    def _check(self, name: str, value: Any, meaning: _Meaning) -> None:
        numbers = [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, float)]
        if not all(map(math.isfinite, numbers)) or (meaning.choices and value not in meaning.choices):
            raise ParameterError(_sentence(name, value, _TYPES[self._hints[name]][1], meaning))


def _descriptor(kind: Parameter.Type, meaning: _Meaning) -> ParameterDescriptor:
    unit = f" [{meaning.unit}]" if meaning.unit else ""
    descriptor = ParameterDescriptor(description=meaning.description + unit)
    if meaning.choices:
        descriptor.additional_constraints = "one of " + ", ".join(meaning.choices)
    low, high = meaning.minimum, meaning.maximum
    if low is not None or high is not None:
        if kind is Parameter.Type.INTEGER:
            limits = (int(low) if low is not None else -(2**63), int(high) if high is not None else 2**63 - 1)
            descriptor.integer_range = [IntegerRange(from_value=limits[0], to_value=limits[1], step=1)]
        else:
            descriptor.floating_point_range = [
                FloatingPointRange(
                    from_value=-math.inf if low is None else float(low),
                    to_value=math.inf if high is None else float(high),
                )
            ]
    return descriptor


def _sentence(name: str, value: Any, words: str, meaning: _Meaning) -> str:
    expected = "one of " + ", ".join(meaning.choices) if meaning.choices else words
    if meaning.unit:
        expected += f" in {meaning.unit}"
    if meaning.minimum is not None:
        expected += f", at least {meaning.minimum:g}"
    if meaning.maximum is not None:
        expected += f", at most {meaning.maximum:g}"
    return f"The parameter '{name}' is {value!r}, but must be {expected} ({meaning.description})."
