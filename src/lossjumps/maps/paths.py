"""Paths of maps: parameters that move with a fraction s from 0 to 1."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lossjumps.errors import InputError
from lossjumps.maps.families import MapFamily
from lossjumps.maps.relu_map import ReluMap

Path = Callable[[float], ReluMap]
"""A map for each s in [0, 1]."""


@dataclass(frozen=True, eq=False)
class Segment:
    """The straight segment (1 - s) start + s end in (A, U, V, b, c).

    Raises
    ------
    InputError
        If the two maps differ in size.
    """

    start: ReluMap
    end: ReluMap

    def __post_init__(self) -> None:
        sizes = [(relu_map.dimension, relu_map.units) for relu_map in (self.start, self.end)]
        if sizes[0] != sizes[1]:
            raise InputError(f"segment: expected maps of one size (M, H), got {sizes[0]} and {sizes[1]}")

    @cached_property
    def _flat(self) -> tuple[np.ndarray, np.ndarray]:
        """All parameters of the start in one vector, and what leads to the end: one sum instead of five."""
        start, end = (
            np.concatenate([array.ravel() for array in relu_map.parameters]) for relu_map in (self.start, self.end)
        )
        return start, end - start

    def __call__(self, s: float) -> ReluMap:
        """The map at fraction s; the ends are the given maps themselves."""
        if s == 0.0:
            return self.start
        if s == 1.0:
            return self.end
        start, difference = self._flat
        return ReluMap.trusted(*self._parameters(start + s * difference))

    def stacked(self, fractions: np.ndarray) -> tuple[np.ndarray, ...]:
        """The parameters A, U, V, b, c at n fractions inside (0, 1), each with n as its first axis."""
        start, difference = self._flat
        return self._parameters(start + fractions[:, None] * difference)

    def _parameters(self, flat: np.ndarray) -> tuple[np.ndarray, ...]:
        """The parameters from one vector, or from the rows of a matrix."""
        dimension, units = self.start.U.shape
        square, outer = dimension * dimension, dimension * units
        rows = flat.shape[:-1]
        parts = (
            flat[..., :square].reshape(*rows, dimension, dimension),
            flat[..., square : square + outer].reshape(*rows, dimension, units),
            flat[..., square + outer : square + 2 * outer].reshape(*rows, units, dimension),
            flat[..., square + 2 * outer : square + 2 * outer + units],
            flat[..., square + 2 * outer + units :],
        )
        return tuple(_read_only(part) for part in parts)


def _read_only(array: np.ndarray) -> np.ndarray:
    """As the parameters of every map are, for which kernels are compiled."""
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array


def stacked_parameters(path: Path, fractions: np.ndarray) -> tuple[np.ndarray, ...]:
    """The parameters A, U, V, b, c of a path at n fractions inside (0, 1), each with n as its first axis."""
    if isinstance(path, Segment):
        return path.stacked(fractions)
    maps = [path(float(fraction)) for fraction in fractions]
    return tuple(_read_only(np.stack([getattr(relu_map, name) for relu_map in maps])) for name in "AUVbc")


@dataclass(frozen=True, eq=False)
class ParameterSegment:
    """The straight segment (1 - s) start + s end in a family's own parameters; it may be a curve in (A, U, V, b, c).

    Parameters
    ----------
    family : MapFamily
    start, end : mapping of str to ndarray
        The family's parameters.
    """

    family: MapFamily
    start: Mapping[str, np.ndarray]
    end: Mapping[str, np.ndarray]

    @cached_property
    def _ends(self) -> tuple[ReluMap, ReluMap]:
        return self.family.relu_map(self.start), self.family.relu_map(self.end)

    def __call__(self, s: float) -> ReluMap:
        """The map at fraction s."""
        if s in (0.0, 1.0):
            return self._ends[int(s)]
        return self.family.relu_map(
            {key: self.start[key] + s * (self.end[key] - self.start[key]) for key in self.family.keys}
        )
