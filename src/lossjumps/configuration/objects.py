"""Between plain mappings and the schema objects of the configuration, with errors that name the key."""

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lossjumps.errors import InputError, one_of

T = TypeVar("T")

_TYPE_NAMES = {
    int: "an integer",
    float: "a number",
    str: "text",
    bool: "true or false",
    list: "a list",
    dict: "a mapping",
}

_PLURALS = {int: "integers", float: "numbers", str: "texts"}


def describe_type(annotation: Any) -> str:
    """A type annotation in words: "null or an integer"."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        members = sorted(typing.get_args(annotation), key=lambda member: member is not type(None))
        return " or ".join(describe_type(member) for member in members)
    if annotation in (type(None), None):
        return "null"
    if origin is list:
        return f"a list of {_PLURALS[typing.get_args(annotation)[0]]}"
    return _TYPE_NAMES.get(origin or annotation, "a mapping" if is_dataclass(annotation) else str(annotation))


def check_keys(schema: type, values: Mapping[str, Any], prefix: str) -> None:
    """Refuse keys that the schema does not have, at any depth.

    Raises
    ------
    InputError
        Naming the first unknown key and the known ones.
    """
    hints = typing.get_type_hints(schema)
    known = {entry.name: hints[entry.name] for entry in fields(schema)}
    for key, value in values.items():
        if key not in known:
            raise InputError(f"{prefix}{key}: unknown key; {one_of(key, set(known) - {'name'})}")
        if is_dataclass(known[key]):
            if not isinstance(value, Mapping):
                raise InputError(f"{prefix}{key}: expected a mapping, got {value!r}")
            check_keys(known[key], value, f"{prefix}{key}.")


def _check_types(schema: type, values: Mapping[str, Any], prefix: str) -> None:
    hints = typing.get_type_hints(schema)
    for key, value in values.items():
        if is_dataclass(hints[key]):
            _check_types(hints[key], value, f"{prefix}{key}.")
            continue
        try:
            OmegaConf.merge(OmegaConf.structured(schema), {key: value})
        except OmegaConfBaseException:
            raise InputError(f"{prefix}{key}: expected {describe_type(hints[key])}, got {value!r}") from None


def to_object(schema: type[T], values: Mapping[str, Any], prefix: str) -> T:
    """Make a schema object from plain values; what is not given keeps its default.

    Parameters
    ----------
    schema : type
        A dataclass of `lossjumps.schema` or of a registry.
    values : mapping
        Plain values, nested as the schema is.
    prefix : str
        Where the values stand in the configuration, for messages: ``training.``.

    Raises
    ------
    InputError
        If a key is unknown, a type is wrong or the schema refuses a value.
    """
    check_keys(schema, values, prefix)
    try:
        merged = OmegaConf.merge(OmegaConf.structured(schema), dict(values))
    except OmegaConfBaseException:
        _check_types(schema, values, prefix)
        raise
    missing = sorted(OmegaConf.missing_keys(merged))
    if missing:
        expected = {entry.name: entry.metadata.get("expected") for entry in fields(schema)}.get(missing[0])
        raise InputError(f"{prefix}{missing[0]}: {f'expected {expected}, ' if expected else ''}no value given")
    return OmegaConf.to_object(merged)


def to_mapping(value: Any) -> dict[str, Any]:
    """The plain mapping of a schema object, every key included."""
    return OmegaConf.to_container(OmegaConf.structured(value), resolve=True)
