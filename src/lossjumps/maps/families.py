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
    shapes : mapping
        The constructor's arguments, which are the keys of a file, and their shapes: M states, H units, B bases.  A
        may also be (M,), the diagonal.
    is_linear : bool
        Whether the canonical parameters are linear in the family's own, so that both have the same straight segments.
    """

    constructor: Callable[..., ReluMap]
    shapes: Mapping[str, tuple[str, ...]]
    is_linear: bool = True

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of its parameters."""
        return tuple(self.shapes)

    def relu_map(self, parameters: Mapping[str, Any]) -> ReluMap:
        """The map of parameters that may have other entries as well; raises `InputError` as its constructor does."""
        return self.constructor(**{key: parameters[key] for key in self.keys})


_A, _W, _h = ("M", "M"), ("M", "M"), ("M",)
_SHALLOW = {"A": _A, "W1": ("M", "H"), "W2": ("H", "M"), "h1": ("M",), "h2": ("H",)}

FAMILIES: dict[str, MapFamily] = {
    "canonical": MapFamily(ReluMap, {"A": _A, "U": ("M", "H"), "V": ("H", "M"), "b": ("H",), "c": ("M",)}),
    "plrnn": MapFamily(ReluMap.plrnn, {"A": _A, "W": _W, "h": _h}),
    "shallow_plrnn": MapFamily(ReluMap.shallow_plrnn, _SHALLOW),
    "clipped_shallow_plrnn": MapFamily(ReluMap.clipped_shallow_plrnn, _SHALLOW),
    "dendritic_plrnn": MapFamily(
        ReluMap.dendritic_plrnn, {"A": _A, "W": _W, "h": _h, "alphas": ("B",), "thetas": ("B", "M")}, is_linear=False
    ),
    "almost_linear_rnn": MapFamily(ReluMap.almost_linear_rnn, {"A": _A, "W": _W, "h": _h, "n_relu": ()}),
    "relu_rnn": MapFamily(ReluMap.relu_rnn, {"W": _W, "b": ("M",)}),
}
"""Families by name."""
