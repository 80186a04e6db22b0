"""Between plain mappings and the schema objects of the configuration, with errors that name the key."""

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lossjumps.errors import InputError, one_of, shown

T = TypeVar("T")

LARGEST_INTEGER = 2**63 - 1
"""Of the integers in files and arrays."""

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


def keys_of(schema: type, prefix: str) -> Iterator[str]:
    """Every key of a schema, in full, those of nested mappings in the place of their mapping."""
    for key, annotation in typing.get_type_hints(schema).items():
        if is_dataclass(annotation):
            yield from keys_of(annotation, f"{prefix}{key}.")
        elif key != "name":
            yield f"{prefix}{key}"


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
                raise InputError(f"{prefix}{key}: expected a mapping, got {shown(value)}")
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
            raise InputError(f"{prefix}{key}: expected {describe_type(hints[key])}, got {shown(value)}") from None


def _check_magnitudes(values: Mapping[str, Any], prefix: str) -> None:
    for key, value in values.items():
        if isinstance(value, Mapping):
            _check_magnitudes(value, f"{prefix}{key}.")
            continue
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, int) and abs(number) > LARGEST_INTEGER:
                raise InputError(
                    f"{prefix}{key}: expected an integer of at most {LARGEST_INTEGER}, got {shown(number)}"
                )


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
    _check_magnitudes(OmegaConf.to_container(merged), prefix)
    return OmegaConf.to_object(merged)


def to_mapping(value: Any) -> dict[str, Any]:
    """The plain mapping of a schema object, every key included."""
    return OmegaConf.to_container(OmegaConf.structured(value), resolve=True)
