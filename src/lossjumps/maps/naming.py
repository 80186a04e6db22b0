"""What a network's parameters are called in files: plainly, after a prefix that they share, or as torch.nn.RNN does."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from lossjumps.errors import InputError
from lossjumps.maps.relu_map import numeric_array

TORCH_RNN = ("weight_hh_l0", "bias_hh_l0", "bias_ih_l0", "weight_ih_l0")
"""Entries of the state of a one-layer `torch.nn.RNN`."""
SHOWN = 8
"""Names that a message lists at the most."""


def listed(keys: Iterable[str]) -> str:
    """Keys as text on one line, whatever characters a file has put in them."""
    return ", ".join(key if key.replace(".", "_").isidentifier() else repr(key) for key in keys)


def some_of(entries: Collection[str]) -> str:
    """The first names as text on one line, and how many more there are."""
    names = list(entries)
    return listed(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def prefixes(entries: Collection[str], keys: Collection[str]) -> list[str]:
    """What stands before all of these keys in the names of the entries.

    Returns
    -------
    list of str
        ``[""]`` where the keys themselves are entries; otherwise each that ends in a dot, such as ``rnn.``.
    """
    fitting = [prefix for prefix in _beginnings(entries, keys) if not _missing(entries, keys, prefix)]
    return [""] if "" in fitting else fitting


def fewest_missing(entries: Collection[str], keys: Collection[str]) -> list[str]:
    """The entries that are missing after the prefix that has the most of these keys."""
    return min((_missing(entries, keys, prefix) for prefix in _beginnings(entries, keys)), key=len)


def _beginnings(entries: Collection[str], keys: Collection[str]) -> list[str]:
    """Nothing, and what stands before any of the keys."""
    ends = (entry.rpartition(".") for entry in entries)
    return list(dict.fromkeys(["", *(before + dot for before, dot, last in ends if last in keys)]))


def _missing(entries: Collection[str], keys: Collection[str], prefix: str) -> list[str]:
    return [prefix + key for key in keys if prefix + key not in entries]


def torch_rnn_parameters(entries: Mapping[str, Any], prefix: str) -> dict[str, np.ndarray]:
    """W and b of the family `relu_rnn`, as `ReluMap.from_torch` makes them without input, from a state dict.

    Parameters
    ----------
    entries : mapping
        Among them `TORCH_RNN` after the prefix, the biases where the network has some; each may have an epoch axis
        first.
    prefix : str

    Raises
    ------
    InputError
        If the network has several layers or directions, or is none.
    """
    for further, what in (("weight_hh_l1", "one layer"), ("weight_hh_l0_reverse", "one direction")):
        if prefix + further in entries:
            raise InputError(f"{prefix}{further}: expected a torch.nn.RNN of {what}")
    weights, *biases = TORCH_RNN[:3]
    W = numeric_array(entries[prefix + weights], prefix + weights)
    if W.ndim < 2 or W.shape[-1] != W.shape[-2]:
        raise InputError(
            f"{prefix}{weights}: expected shape (M, M) of torch.nn.RNN(nonlinearity='relu'), got {W.shape}; LSTM and "
            "GRU are no ReLU networks"
        )
    b = np.zeros(W.shape[:-1])
    for name in biases:
        if prefix + name in entries:
            bias = numeric_array(entries[prefix + name], prefix + name)
            if bias.shape != b.shape:
                raise InputError(
                    f"{prefix}{name}: expected shape {b.shape}, as {weights} has {W.shape}, got {bias.shape}"
                )
            b = b + bias
    return {"W": W, "b": b}
