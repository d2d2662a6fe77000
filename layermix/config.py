"""Mappings, as read from YAML, to frozen dataclasses and back: strict in keys and types.

`build(TrainConfig, mapping, "recipe.yaml")` makes nested dataclasses; `to_mapping(config)` is the inverse.
A policy is written with its name: `policy: {name: layermix, magnitude: 8}`.
"""

import dataclasses
import difflib
import types
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from layermix.errors import InputError
from layermix.policies import POLICIES, Policy

T = TypeVar("T")

_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false", Path: "a path (text)"}


def build(cls: type[T], mapping: Any, where: str) -> T:
    """An instance of the dataclass `cls` from `mapping`; keys that are absent take the dataclass's defaults.

    Handles text, numbers, booleans, paths, optional values, tuples (from lists), literals, nested dataclasses
    and policies. Raises `InputError` that begins with `where` (the file) and names the key for an unknown key
    (with the nearest known one), a missing key, a value of the wrong type, or one that `cls` itself refuses.
    """
    return _build(cls, mapping, where, "")


def check_keys(cls: type, mapping: Any, where: str) -> None:
    """Raise `InputError` as `build` does for unknown keys; keys may be missing, values are not looked at."""
    _check_keys(cls, mapping, where, "")


def to_mapping(config: Any) -> dict[str, Any]:
    """The mapping of text, numbers, lists and mappings from which `build` makes an equal `config`."""
    fields = {field.name: plain(getattr(config, field.name)) for field in dataclasses.fields(config)}
    return {"name": config.name, **fields} if isinstance(config, Policy) else fields


def _build(cls: Any, mapping: Any, where: str, prefix: str) -> Any:
    if issubclass(cls, Policy):
        cls, mapping = _policy_class(mapping, where, prefix)
    hints = _known_fields(cls, mapping, where, prefix)
    missing = [field.name for field in dataclasses.fields(cls) if _is_missing(field, mapping)]
    if missing:
        raise InputError(f"{where}: key '{prefix}{missing[0]}' is missing; add it")
    values = {key: _convert(hints[key], value, where, prefix + key) for key, value in mapping.items()}
    try:
        return cls(**values)
    except InputError as error:
        at = f" {prefix[:-1]}:" if prefix else ""
        raise InputError(f"{where}:{at} {error}") from error


def _check_keys(cls: Any, mapping: Any, where: str, prefix: str) -> None:
    if issubclass(cls, Policy):
        cls, mapping = _policy_class(mapping, where, prefix)
    hints = _known_fields(cls, mapping, where, prefix)
    for key, value in mapping.items():
        if _is_nested(hints[key]):
            _check_keys(hints[key], value, where, f"{prefix}{key}.")


def _known_fields(cls: Any, mapping: Any, where: str, prefix: str) -> dict[str, Any]:
    """Types of the fields of `cls` by name, once every key of `mapping` is known to be one of them."""
    if not isinstance(mapping, dict):
        at = f"key '{prefix[:-1]}'" if prefix else "the file"
        raise InputError(f"{where}: {at} must hold keys and values, got {mapping!r}; indent its keys below it")
    hints = get_type_hints(cls)
    names = [field.name for field in dataclasses.fields(cls) if field.init]
    for key in mapping:
        if key not in names:
            raise InputError(f"{where}: unknown key '{prefix}{key}'; {_nearest(key, names)}")
    return hints


def _is_nested(kind: Any) -> bool:
    return isinstance(kind, type) and (dataclasses.is_dataclass(kind) or issubclass(kind, Policy))


def _is_missing(field: dataclasses.Field, mapping: dict) -> bool:
    has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
    return field.init and not has_default and field.name not in mapping


def _convert(kind: Any, value: Any, where: str, key: str) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _convert_optional(kind, value, where, key)
    if origin is Literal:
        return _convert_literal(get_args(kind), value, where, key)
    if origin is tuple:
        return _convert_tuple(get_args(kind), value, where, key)
    if _is_nested(kind):
        return _build(kind, value, where, key + ".")
    return _convert_scalar(kind, value, where, key)


def _convert_optional(kind: Any, value: Any, where: str, key: str) -> Any:
    if value is None:
        return None
    (inner,) = (member for member in get_args(kind) if member is not type(None))
    return _convert(inner, value, where, key)


def _convert_literal(choices: tuple, value: Any, where: str, key: str) -> Any:
    if not any(value == choice and type(value) is type(choice) for choice in choices):
        listed = ", ".join(str(choice) for choice in choices)
        raise InputError(f"{where}: key '{key}' must be one of {listed}, got {value!r}; {_nearest(value, choices)}")
    return value


def _convert_tuple(members: tuple, value: Any, where: str, key: str) -> tuple:
    if not isinstance(value, list | tuple):
        raise InputError(f"{where}: key '{key}' must be a list, got {value!r}; write [a, b]")
    if members[-1] is Ellipsis:
        members = (members[0],) * len(value)
    if len(value) != len(members):
        raise InputError(f"{where}: key '{key}' must be a list of {len(members)}, got {value!r}; count the values")
    return tuple(_convert(kind, item, where, f"{key}[{i}]") for i, (kind, item) in enumerate(zip(members, value)))


def _convert_scalar(kind: Any, value: Any, where: str, key: str) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if kind is Path and isinstance(value, str):
        return Path(value)
    if type(value) is not kind:
        raise InputError(f"{where}: key '{key}' must be {_NAMES[kind]}, got {value!r}; {_type_hint(kind, value)}")
    return value


def _type_hint(kind: Any, value: Any) -> str:
    if kind in (int, float) and isinstance(value, str):
        return "YAML reads a number without quotes, and an exponent only after a point and with a sign: 1.0e-6"
    return "change the value"


def _policy_class(mapping: Any, where: str, prefix: str) -> tuple[Any, dict[str, Any]]:
    """The class that a policy's `name` stands for, and the rest of the mapping."""
    key = prefix[:-1] or "policy"
    if not isinstance(mapping, dict) or "name" not in mapping:
        raise InputError(f"{where}: key '{key}' must hold a policy's name, got {mapping!r}; write {{name: layermix}}")
    name = mapping["name"]
    if not isinstance(name, str) or name not in POLICIES:
        raise InputError(f"{where}: unknown policy {name!r} in '{key}.name'; {_nearest(name, list(POLICIES))}")
    return POLICIES[name], {key: value for key, value in mapping.items() if key != "name"}


def _nearest(value: Any, known: Any) -> str:
    names = [str(name) for name in known]
    close = difflib.get_close_matches(str(value), names, n=1)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(names)}"


def plain(value: Any) -> Any:
    """`value` with dataclasses as mappings, paths as text and tuples as lists."""
    if dataclasses.is_dataclass(value):
        return to_mapping(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value
