"""Values of ``<param>`` in launch files, typed as ROS 2's launch types them.

Without a type the text is YAML: ``1.0`` is a float, ``"true"`` in quotes a text, ``[a, b]`` a list. A text
that comes from a substitution is read as YAML after it was put together; `type="str"` keeps it as it is.
"""

from typing import Any

import yaml

from care_robot.bringup.substitutions import Scope, SubstitutionError, parse, perform

Scalar = bool | int | float | str
ParameterValue = Scalar | list[Scalar]

_SCALARS: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
_LISTS = {f"list_of_{name}": name for name in _SCALARS}
TYPES = ("yaml", *_SCALARS, *_LISTS)


def parameter_value(text: str, kind: str, scope: Scope) -> ParameterValue:
    """Value of a parameter.

    Parameters
    ----------
    text
        As it stands in the launch file, with substitutions.
    kind
        One of TYPES.

    Raises
    ------
    SubstitutionError
        When the text is not of that type, or of none that a ROS parameter can have.
    """
    if kind not in TYPES:
        raise SubstitutionError(f"the type '{kind}' is not known; write one of {', '.join(TYPES)}")
    if kind in _SCALARS:
        return _scalar(perform(parse(text), scope), kind)
    value = _load(text, text)
    if isinstance(value, list):
        items = [_item(item, _LISTS.get(kind, "yaml"), scope) for item in value]
        return _checked(items, text, _LISTS.get(kind))
    if kind in _LISTS:
        raise SubstitutionError(f"'{text}' is not a list; write it as [a, b]")
    if isinstance(value, str):
        template = parse(value)
        performed = perform(template, scope)
        return performed if all(isinstance(p, str) for p in template) else _from_yaml(performed)
    return _checked(value, text)


def _item(item: Any, kind: str, scope: Scope) -> Any:
    """Item of a list; only what a substitution gave is still to be typed."""
    if not isinstance(item, str):
        return item
    template = parse(item)
    text = perform(template, scope)
    if all(isinstance(part, str) for part in template):
        return text
    return _from_yaml(text) if kind == "yaml" else _scalar(text, kind)


def _scalar(text: str, kind: str) -> Scalar:
    if kind == "str":
        return text
    if kind == "bool":
        value = text == "1" if text in ("0", "1") else _load(text, None)
        if isinstance(value, bool):
            return value
    else:
        try:
            return int(text) if kind == "int" else float(text)
        except ValueError:
            pass
    raise SubstitutionError(f"'{text}' is not of the type '{kind}'")


def _from_yaml(text: str) -> ParameterValue:
    return _checked(_load(text, None), text)


def _load(text: str, otherwise: Any) -> Any:
    """The text as YAML; `otherwise` where it is none."""
    try:
        return yaml.safe_load(text) if text else text
    except Exception:  # PyYAML raises many kinds, such as KeyError for "!!bool x"
        return otherwise


def _checked(value: Any, text: str, item_kind: str | None = None) -> ParameterValue:
    """The value, if a ROS parameter can have it: a scalar, or a list of scalars of one type."""
    scalars = tuple(_SCALARS.values())
    if type(value) in scalars:
        return value  # type: ignore[no-any-return]
    if not isinstance(value, list):
        raise SubstitutionError(
            f"'{text}' is no number, text, boolean or list of these; add type=\"str\" if a text is meant"
        )
    kinds = {type(item) for item in value}
    wanted = _SCALARS[item_kind] if item_kind else None
    if len(kinds) != 1 or not kinds <= set(scalars) or (wanted and kinds != {wanted}):
        words = f"{item_kind}s" if item_kind else "one type"
        raise SubstitutionError(f"'{text}' must be a list of {words} with at least one item")
    return value
