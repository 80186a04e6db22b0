"""Named arrays from files: .npz, .json, .safetensors, and torch checkpoints; numbers alone, never code."""

import io
import json
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lossjumps.errors import InputError

TORCH_SUFFIXES = (".pt", ".pth", ".ckpt")
SUFFIXES = (".npz", ".json", ".safetensors", *TORCH_SUFFIXES)
FAMILY = "family"
"""The entry that may name the family: the one text among the numbers."""

_SAFETENSORS_TYPES = {
    **{f"F{bits}": f"<f{bits // 8}" for bits in (16, 32, 64)},
    **{f"I{bits}": f"<i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"U{bits}": f"<u{bits // 8}" for bits in (8, 16, 32, 64)},
    "BOOL": "?",
    "C64": "<c8",
}


def read_entries(path: Path, suffixes: tuple[str, ...] = SUFFIXES) -> dict[str, Any]:
    """Read the named arrays of a file.

    Parameters
    ----------
    path : Path
        Its suffix, in whatever case, says what it is.
    suffixes : tuple of str
        Those that are expected, of `SUFFIXES`.

    Returns
    -------
    dict
        Names to arrays, tensors, numbers or, of .json, whatever it has; and to a text the name `FAMILY`, which
        .safetensors may have in its metadata.  Nested dicts of a torch checkpoint are flat:
        ``model_state_dict.rnn.W1``.

    Raises
    ------
    InputError
        If the file cannot be read, is damaged, holds objects that only code could restore, or has no entries.
    """
    suffix = path.suffix.lower()
    if suffix not in suffixes:
        raise InputError(f"expected a file that ends in {' or '.join(suffixes)}")
    if not path.exists():
        raise InputError("no such file")
    if not path.is_file():
        raise InputError("expected a file, got a folder or a device")
    try:
        if path.stat().st_size == 0:
            raise InputError("the file is empty")
        entries = _READERS[suffix](path)
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


def _read_safetensors(path: Path) -> dict[str, Any]:
    import safetensors

    content = path.read_bytes()
    try:
        tensors = safetensors.deserialize(content)
    except safetensors.SafetensorError as error:
        raise InputError(f"not a whole .safetensors file ({error})") from error
    entries: dict[str, Any] = {}
    for name, tensor in tensors:
        kind = tensor["dtype"]
        if kind == "BF16":  # the upper half of a float32
            array = (np.frombuffer(tensor["data"], "<u2").astype(np.uint32) << 16).view(np.float32)
        elif kind in _SAFETENSORS_TYPES:
            array = np.frombuffer(tensor["data"], _SAFETENSORS_TYPES[kind])
        else:
            raise InputError(f"{name}: expected numbers of 16 to 64 bits, got the type {kind}")
        entries[name] = array.reshape(tensor["shape"])
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    family = (header.get("__metadata__") or {}).get(FAMILY)
    return entries if family is None or not entries else {FAMILY: family, **entries}


def _read_torch(path: Path) -> dict[str, Any]:
    """The tensors and numbers of a state dict, or of a dict that holds some."""
    try:
        import torch
    except ModuleNotFoundError as error:
        raise InputError(
            "torch, which is not installed, reads this kind of file: pip install 'lossjumps[pipeline]', or save the "
            "weights as .npz or .safetensors"
        ) from error
    file = io.BytesIO(path.read_bytes())  # torch raises errors of the operating system on damaged bytes too
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of formats of old, which are read all the same
            content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # zip, pickle and torch raise a dozen types on damaged bytes
        if any(word in str(error) for word in ("Unsupported", "weights_only", "WeightsUnpickler")):
            raise InputError(
                "expected tensors and numbers alone, as torch.save(network.state_dict(), path) writes them; "
                "other objects are not loaded"
            ) from error
        raise InputError("not a whole torch checkpoint") from error
    if not isinstance(content, Mapping):
        raise InputError(f"expected a state dict, got {type(content).__name__}")
    family = {FAMILY: content[FAMILY]} if isinstance(content.get(FAMILY), str) else {}
    return family | dict(_flat(content, torch.Tensor | int | float, ""))


def _flat(content: Mapping[Any, Any], kept: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if not isinstance(key, str):
            continue
        if isinstance(value, Mapping):
            yield from _flat(value, kept, f"{prefix}{key}.")
        elif isinstance(value, kept) and not isinstance(value, bool):
            yield prefix + key, value


_READERS = {
    ".npz": _read_npz,
    ".json": _read_json,
    ".safetensors": _read_safetensors,
    **dict.fromkeys(TORCH_SUFFIXES, _read_torch),
}
