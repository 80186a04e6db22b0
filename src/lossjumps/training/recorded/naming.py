"""What a family's parameters are called in a user's file."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lossjumps.errors import InputError
from lossjumps.maps.families import FAMILIES
from lossjumps.maps.relu_map import numeric_array
from lossjumps.maps.weights import listed

OBSERVATION = "L"
"""States beyond the observed ones: a latent state that belongs to a data point x is [x; L x]."""
LOSS, EPOCHS, STATES, FAMILY, RELU_UNITS = "loss", "epochs", "states", "family", "n_relu"
TORCH_RNN = ("weight_hh_l0", "bias_hh_l0", "bias_ih_l0", "weight_ih_l0")
"""Entries of the state of a one-layer `torch.nn.RNN`."""
SHOWN = 8
"""Names that a message lists at the most."""


def nameable(family: str) -> tuple[str, ...]:
    """What `training.keys` can give another name for."""
    return (*FAMILIES[family].keys, OBSERVATION, LOSS, EPOCHS, STATES)


def own_names(family: str, names: Mapping[str, str]) -> Mapping[str, str]:
    """Check `training.keys`: each key one that the family or a recording has.

    Raises
    ------
    InputError
        Naming the unknown key.
    """
    known = nameable(family)
    for key in names:
        if key not in known:
            raise InputError(f"training.keys.{key}: unknown; with model {family} expected one of {', '.join(known)}")
    return names


def parameters_in(entries: Mapping[str, Any], family: str, names: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Pick a family's parameters, and L where there is one, from the entries of a file.

    An entry is called as the family's parameter is, or as `names` says, or so with a prefix that all share
    (``rnn.W1``).  For `relu_rnn` the state of a `torch.nn.RNN` without input will do: W is weight_hh_l0, b is the sum
    of the biases.

    Parameters
    ----------
    entries : mapping
        Named numbers; others may be among them.
    family : str
    names : mapping
        From a parameter's name to that of its entry.

    Returns
    -------
    dict of str to ndarray
        Of real numbers, of any shape.

    Raises
    ------
    InputError
        If a parameter is missing, could be several entries or is no array of real numbers.
    """
    keys = FAMILIES[family].keys
    if family == "relu_rnn" and not set(names) & set(keys):
        found = _torch_rnn(entries)
        if found is not None:
            return found
    prefix = _prefix(entries, [key for key in keys if key not in names])
    places = {key: names.get(key, prefix + key) for key in (*keys, OBSERVATION)}
    for key in (*keys, *(key for key in names if key == OBSERVATION)):
        if places[key] not in entries:
            named = f" (training.keys.{key})" if key in names else ""
            raise InputError(
                f"missing {listed([places[key]])}{named}: {family} has the keys {', '.join(keys)}; "
                f"the file has {_some(entries)}"
            )
    return {key: numeric_array(entries[place], place) for key, place in places.items() if place in entries}


def used_entries(family: str, names: Mapping[str, str]) -> set[str]:
    """Every name that an entry of an archive may have, whose entries somebody has chosen to save."""
    known = {*nameable(family), FAMILY} - set(names) | set(names.values())
    return known | set(TORCH_RNN) if family == "relu_rnn" else known


def _prefix(entries: Mapping[str, Any], keys: list[str]) -> str:
    """What stands before all of these names; nothing where the names themselves are entries, or none is."""
    if not keys or all(key in entries for key in keys):
        return ""
    prefixes = [
        entry.removesuffix(keys[0])
        for entry in entries
        if entry.endswith(f".{keys[0]}") and all(entry.removesuffix(keys[0]) + key in entries for key in keys)
    ]
    if len(prefixes) > 1:
        raise InputError(
            f"{keys[0]}: could be {listed([prefix + keys[0] for prefix in prefixes])}; say which by training.keys"
        )
    return prefixes[0] if prefixes else ""


def _torch_rnn(entries: Mapping[str, Any]) -> dict[str, np.ndarray] | None:
    """W and b as `ReluMap.from_torch` makes them without input; None if this is no state of a `torch.nn.RNN`."""
    weights, *biases = TORCH_RNN[:3]
    prefix = _prefix(entries, [weights])
    if prefix + weights not in entries:
        return None
    for further, what in (("weight_hh_l1", "one layer"), ("weight_hh_l0_reverse", "one direction")):
        if prefix + further in entries:
            raise InputError(f"{prefix}{further}: expected a torch.nn.RNN of {what}")
    W = numeric_array(entries[prefix + weights], prefix + weights)
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


def _some(entries: Mapping[str, Any]) -> str:
    names = list(entries)
    return listed(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
