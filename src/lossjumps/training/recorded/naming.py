"""What a family's parameters are called in a user's file."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lossjumps.errors import InputError
from lossjumps.maps.families import FAMILIES
from lossjumps.maps.naming import TORCH_RNN, listed, prefixes, some_of, torch_rnn_parameters
from lossjumps.maps.relu_map import numeric_array

OBSERVATION = "L"
"""States beyond the observed ones: a latent state that belongs to a data point x is [x; L x]."""
LOSS, EPOCHS, STATES, FAMILY, RELU_UNITS = "loss", "epochs", "states", "family", "n_relu"


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
                f"the file has {some_of(entries)}"
            )
    return {key: numeric_array(entries[place], place) for key, place in places.items() if place in entries}


def used_entries(family: str, names: Mapping[str, str]) -> set[str]:
    """Every name that an entry of an archive may have, whose entries somebody has chosen to save."""
    known = {*nameable(family), FAMILY} - set(names) | set(names.values())
    return known | set(TORCH_RNN) if family == "relu_rnn" else known


def _prefix(entries: Mapping[str, Any], keys: list[str]) -> str:
    """What stands before all of these names; nothing where the names themselves are entries, or none is."""
    found = prefixes(entries, keys) if keys else []
    if len(found) > 1:
        raise InputError(
            f"{keys[0]}: could be {listed([prefix + keys[0] for prefix in found])}; say which by training.keys"
        )
    return found[0] if found else ""


def _torch_rnn(entries: Mapping[str, Any]) -> dict[str, np.ndarray] | None:
    """W and b as `ReluMap.from_torch` makes them without input; None if this is no state of a `torch.nn.RNN`."""
    prefix = _prefix(entries, [TORCH_RNN[0]])
    return torch_rnn_parameters(entries, prefix) if prefix + TORCH_RNN[0] in entries else None
