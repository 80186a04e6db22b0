"""The families of ReLU networks by name: what their parameters are called, and the canonical map that they make."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lossjumps.maps.relu_map import ReluMap


@dataclass(frozen=True)
class MapFamily:
    """A family of networks, as files name it.

    Attributes
    ----------
    constructor : callable
        Parameters by keyword -> `ReluMap`.
    keys : tuple of str
        The constructor's arguments, which are the keys of a file.
    is_linear : bool
        Whether the canonical parameters are linear in the family's own, so that both have the same straight segments.
    """

    constructor: Callable[..., ReluMap]
    keys: tuple[str, ...]
    is_linear: bool = True

    def relu_map(self, parameters: Mapping[str, Any]) -> ReluMap:
        """The map of parameters that may have other entries as well; raises `InputError` as its constructor does."""
        return self.constructor(**{key: parameters[key] for key in self.keys})


_SHALLOW_KEYS = ("A", "W1", "W2", "h1", "h2")

FAMILIES: dict[str, MapFamily] = {
    "canonical": MapFamily(ReluMap, ("A", "U", "V", "b", "c")),
    "plrnn": MapFamily(ReluMap.plrnn, ("A", "W", "h")),
    "shallow_plrnn": MapFamily(ReluMap.shallow_plrnn, _SHALLOW_KEYS),
    "clipped_shallow_plrnn": MapFamily(ReluMap.clipped_shallow_plrnn, _SHALLOW_KEYS),
    "dendritic_plrnn": MapFamily(ReluMap.dendritic_plrnn, ("A", "W", "h", "alphas", "thetas"), is_linear=False),
    "almost_linear_rnn": MapFamily(ReluMap.almost_linear_rnn, ("A", "W", "h", "n_relu")),
    "relu_rnn": MapFamily(ReluMap.relu_rnn, ("W", "b")),
}
"""Families by name."""
