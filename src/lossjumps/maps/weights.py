"""Read the weights of one network from a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lossjumps.errors import InputError, one_of
from lossjumps.maps.families import FAMILIES
from lossjumps.maps.naming import TORCH_RNN, fewest_missing, listed, prefixes, some_of, torch_rnn_parameters
from lossjumps.maps.relu_map import ReluMap, numeric_array
from lossjumps.maps.weight_files import FAMILY, read_entries

RELU_UNITS = "n_relu"


@dataclass(frozen=True)
class Weights:
    """A network from a file.

    Attributes
    ----------
    family : str
        The family that was named, or that the names of the entries tell.
    network : ReluMap
    is_torch_rnn : bool
        Whether the entries are those of a `torch.nn.RNN`; which nonlinearity it had, they do not say.
    not_read : tuple of str
        Names of entries that are no part of the network.
    """

    family: str
    network: ReluMap
    is_torch_rnn: bool
    not_read: tuple[str, ...]


@dataclass(frozen=True)
class _Fit:
    """A way to read the entries."""

    family: str
    prefix: str
    keys: tuple[str, ...]

    def leaves(self, entries: Mapping[str, Any]) -> tuple[str, ...]:
        """The entries that are not read."""
        used = {self.prefix + key for key in self.keys}
        return tuple(entry for entry in entries if entry not in used)

    def is_exact(self, entries: Mapping[str, Any]) -> bool:
        """Whether nothing that might belong to the network, since it has the same prefix, is not read."""
        beside = (entry.removeprefix(self.prefix) for entry in self.leaves(entries) if entry.startswith(self.prefix))
        return self.keys == TORCH_RNN or all("." in name for name in beside)


def read_weights(path: str | Path, family: str | None = None) -> Weights:
    """Read a network from a file.

    Parameters
    ----------
    path : str or Path
        A file that `lossjumps.maps.weight_files.read_entries` reads.  The names of its entries are the arguments of a
        `ReluMap` constructor, or A, U, V, b, c, or those of the state of a `torch.nn.RNN`; all may stand after one
        prefix, as ``rnn.W1``.  The entry `family` may name the family.
    family : str, optional
        One of `FAMILIES`.  Required, here or in the file, where the entries fit several, or have others beside them
        that could be misspelt parameters.

    Returns
    -------
    Weights

    Raises
    ------
    InputError
        If the file cannot be read, the names or the shapes do not fit, the family is ambiguous or unknown, or a
        parameter is not made of finite real numbers.  The message begins with the path.
    """
    path = Path(path)
    try:
        entries = read_entries(path)
        named = _named_family(entries, family)
        fit = _only(_fits(entries, [named]), entries, named) if named else _told(entries)
        if fit.keys == TORCH_RNN:
            parameters: dict[str, Any] = torch_rnn_parameters(entries, fit.prefix)
        else:
            parameters = {key: entries[fit.prefix + key] for key in fit.keys}
            if RELU_UNITS in parameters:
                parameters[RELU_UNITS] = scalar(entries, fit.prefix + RELU_UNITS)
        network = FAMILIES[fit.family].relu_map(parameters)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return Weights(fit.family, network, fit.keys == TORCH_RNN, fit.leaves(entries))


def _named_family(entries: dict[str, Any], option: str | None) -> str | None:
    """The family that the option or the entry names; the entry is taken out."""
    named = option
    if FAMILY in entries:
        entry = entries.pop(FAMILY)
        named = entry.item() if isinstance(entry, np.ndarray) and entry.ndim == 0 else entry
        if not isinstance(named, str):
            raise InputError("family: expected the name of a family as one text")
        if option is not None and option != named:
            raise InputError(f"family: the file says {named!r}, the option says {option!r}")
    if named is not None and named not in FAMILIES:
        raise InputError(f"family: got {named!r}, {one_of(named, FAMILIES)}")
    return named


def _fits(entries: Mapping[str, Any], families: list[str]) -> list[_Fit]:
    """Every way to read the entries as a network of one of the families."""
    fits = [
        _Fit(name, prefix, FAMILIES[name].keys)
        for name in families
        for prefix in prefixes(entries, FAMILIES[name].keys)
    ]
    if "relu_rnn" in families and not any(fit.family == "relu_rnn" for fit in fits):
        fits += [_Fit("relu_rnn", prefix, TORCH_RNN) for prefix in prefixes(entries, TORCH_RNN[:1])]
    return fits


def _only(fits: list[_Fit], entries: Mapping[str, Any], family: str) -> _Fit:
    """The one way to read the entries as a network of this family."""
    if not fits:
        keys = FAMILIES[family].keys
        missing = fewest_missing(entries, keys)
        raise InputError(f"missing {listed(missing)}: {family} has the keys {', '.join(keys)}; got {some_of(entries)}")
    if len(fits) > 1:
        places = listed(fit.prefix + fit.keys[0] for fit in fits)
        raise InputError(f"expected one network, got {len(fits)} ({places}); save one alone")
    return fits[0]


def _told(entries: Mapping[str, Any]) -> _Fit:
    """The one way to read the entries that leaves nothing out which might belong to it."""
    fits = _fits(entries, list(FAMILIES))
    exact = [fit for fit in fits if fit.is_exact(entries)]
    families = list(dict.fromkeys(fit.family for fit in exact))
    if len(families) > 1:
        raise InputError(
            f"family: the keys fit {' and '.join(families)}; name one by --family, or by an entry `family` in the file"
        )
    if exact:
        return _only(exact, entries, families[0])
    if fits:
        also = {fit.family: listed(fit.leaves(entries)) for fit in fits}
        told = " or ".join(f"--family {family} would leave out {left}" for family, left in also.items())
        raise InputError(f"keys {some_of(entries)} fit no family as they are; {told}")
    known = "; ".join(f"{', '.join(family.keys)} ({name})" for name, family in FAMILIES.items())
    raise InputError(f"keys {some_of(entries)} fit no family: expected one of {known}")


def scalar(entries: Mapping[str, Any], key: str) -> Any:
    """The single number of an entry; raises `InputError` if it is none."""
    value = numeric_array(entries[key], key)
    if value.ndim:
        raise InputError(f"{key}: expected a single number, got shape {value.shape}")
    return value.item()
