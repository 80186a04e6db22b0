"""Reading torch checkpoints: tensors and numbers alone, never code."""

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lossjumps.errors import InputError


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a state dict, or a dict that holds one, as flat entries: ``model_state_dict.rnn.W1``.

    Parameters
    ----------
    path : Path
        What ``torch.save`` wrote.

    Returns
    -------
    dict
        Names to tensors and numbers; whatever is neither (lists, text) is left out.

    Raises
    ------
    InputError
        If the file is damaged, holds objects that only code could restore, or no dict.
    """
    import torch  # a second that archives, and planning trainings, can do without

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of formats of old, which are read all the same
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # zip, pickle and torch raise a dozen types on damaged bytes
        if "Unsupported" in str(error) or "weights_only" in str(error) or "WeightsUnpickler" in str(error):
            raise InputError(
                f"{path}: expected tensors and numbers alone, as torch.save(network.state_dict(), path) writes them; "
                "other objects are not loaded"
            ) from error
        raise InputError(f"{path}: not a whole torch checkpoint") from error
    if not isinstance(content, Mapping):
        raise InputError(f"{path}: expected a state dict, got {type(content).__name__}")
    return dict(_flat(content, ""))


def _flat(content: Mapping[Any, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    import torch

    for key, value in content.items():
        if not isinstance(key, str):
            continue
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, torch.Tensor | int | float) and not isinstance(value, bool):
            yield prefix + key, value
