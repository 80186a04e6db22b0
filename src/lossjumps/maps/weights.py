"""Read the weights of a network from an .npz or .json file."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lossjumps.errors import InputError
from lossjumps.maps.families import FAMILIES
from lossjumps.maps.relu_map import ReluMap


def read_weights(path: str | Path, family: str | None = None) -> tuple[str, ReluMap]:
    """Read a network from a file.

    Parameters
    ----------
    path : str or Path
        An .npz file without pickles, or a .json file with one object.  Its keys are the arguments of a
        `ReluMap` constructor, or A, U, V, b, c; the key `family` may name the family.
    family : str, optional
        One of `FAMILIES`.  Required, here or in the file, where the keys fit several families.

    Returns
    -------
    family : str
        The family that was named, or that the keys tell.
    network : ReluMap
        The network.

    Raises
    ------
    InputError
        If the file cannot be read, the keys or the shapes do not fit, the family is ambiguous or unknown,
        or an entry is not a finite real number.  The message begins with the path.
    """
    path = Path(path)
    try:
        entries = read_entries(path)
        family = _choose_family(entries, family)
        if "n_relu" in FAMILIES[family].keys:
            entries["n_relu"] = scalar(entries, "n_relu")
        return family, FAMILIES[family].relu_map(entries)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def read_entries(path: Path, suffixes: tuple[str, ...] = (".npz", ".json")) -> dict[str, Any]:
    """Read the named arrays of a file that ends in one of the suffixes; an .npz file is read without pickles.

    Raises
    ------
    InputError
        If the file cannot be read, is damaged or has no entries.
    """
    readers = {".npz": _read_npz, ".json": _read_json}
    if path.suffix not in suffixes:
        raise InputError(f"expected a file that ends in {' or '.join(suffixes)}")
    if not path.exists():
        raise InputError("no such file")
    if not path.is_file():
        raise InputError("expected a file, got a folder or a device")
    try:
        if path.stat().st_size == 0:
            raise InputError("the file is empty")
        entries = readers[path.suffix](path)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}") from error
    if not entries:
        raise InputError("expected named arrays, the file has none")
    return entries


def _read_npz(path: Path) -> dict[str, Any]:
    if not zipfile.is_zipfile(path):
        raise InputError("not an .npz file: expected a zip archive of arrays, as numpy.savez writes it")
    entries: dict[str, Any] = {}
    key = None
    try:
        with np.load(path, allow_pickle=False) as archive:
            for key in archive.files:
                entries[key] = archive[key]
                if not isinstance(entries[key], np.ndarray):
                    raise InputError(f"{key}: expected an array as numpy.savez writes it")
    except (InputError, OSError):
        raise
    except Exception as error:  # zipfile, zlib and numpy's header parser raise a dozen types on damaged bytes
        if "allow_pickle" in str(error):
            raise InputError(f"{key}: expected real numbers, got pickled objects, which are not loaded") from error
        raise InputError(f"{key or 'archive'}: damaged, expected an array as numpy.savez writes it") from error
    return entries


def _read_json(path: Path) -> dict[str, Any]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_without_duplicates)
    except InputError:
        raise
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except UnicodeDecodeError as error:
        raise InputError("not JSON: expected UTF-8 text") from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            "not JSON that describes weights: a number is too long or lists are nested too deep"
        ) from error
    if not isinstance(entries, dict):
        raise InputError(f"expected a JSON object of named arrays, got a JSON {type(entries).__name__}")
    return entries


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object that has a key twice would silently lose one."""
    entries = dict(pairs)
    if len(entries) < len(pairs):
        keys = [key for key, _ in pairs]
        raise InputError(f"{next(key for key in keys if keys.count(key) > 1)}: expected each key once, got it twice")
    return entries


def _choose_family(entries: dict[str, Any], option: str | None) -> str:
    """The family that the option, the entry or the keys tell; the entry `family` is taken out."""
    named = option
    if "family" in entries:
        entry = entries.pop("family")
        named = entry.item() if isinstance(entry, np.ndarray) and entry.ndim == 0 else entry
        if not isinstance(named, str):
            raise InputError("family: expected the name of a family as one text")
        if option is not None and option != named:
            raise InputError(f"family: the file says {named!r}, the option says {option!r}")
    if named is None:
        fitting = [name for name, family in FAMILIES.items() if set(family.keys) == set(entries)]
        if len(fitting) > 1:
            raise InputError(f"family: the keys fit {' and '.join(fitting)}: name one, as entry or option")
        if not fitting:
            known = "; ".join(f"{', '.join(family.keys)} ({name})" for name, family in FAMILIES.items())
            raise InputError(f"keys {listed(entries)} fit no family: expected one of {known}")
        return fitting[0]
    if named not in FAMILIES:
        raise InputError(f"family: expected one of {', '.join(FAMILIES)}, got {named!r}")
    keys = FAMILIES[named].keys
    if missing := [key for key in keys if key not in entries]:
        raise InputError(f"missing {listed(missing)}: {named} has the keys {', '.join(keys)}")
    if unknown := [key for key in entries if key not in keys]:
        raise InputError(f"unknown {listed(unknown)}: {named} has the keys {', '.join(keys)}")
    return named


def listed(keys: Any) -> str:
    """Keys as text on one line, whatever characters a file has put in them."""
    return ", ".join(key if key.isidentifier() else repr(key) for key in keys)


def scalar(entries: Mapping[str, Any], key: str) -> Any:
    """The single number of an entry; raises `InputError` if it is none."""
    value = np.asarray(entries[key]) if not isinstance(entries[key], dict | list) else entries[key]
    if not isinstance(value, np.ndarray) or value.ndim:
        raise InputError(f"{key}: expected a single number")
    return value.item()
