"""Paths of maps: parameters that move with a fraction s from 0 to 1."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lossjumps.errors import InputError
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
    def _differences(self) -> tuple[np.ndarray, ...]:
        return tuple(end - start for start, end in zip(self.start.parameters, self.end.parameters, strict=True))

    def __call__(self, s: float) -> ReluMap:
        """The map at fraction s; the ends are the given maps themselves."""
        if s == 0.0:
            return self.start
        if s == 1.0:
            return self.end
        return ReluMap.trusted(
            *(
                start + s * difference
                for start, difference in zip(self.start.parameters, self._differences, strict=True)
            )
        )
