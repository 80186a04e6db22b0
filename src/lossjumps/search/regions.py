"""All linear regions of a ReLU map: the cells of the arrangement of its borders {z : V_l z + b_l = 0}."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.arrangement import arrangement_cells
from lossjumps.search.kernels import linear_pieces

VERTICES_PER_REGION = 32
"""Where there are more choices of borders than this many times `max_regions`, nothing is listed."""


@dataclass(frozen=True, eq=False)
class Regions:
    """Linear regions of a map.

    Attributes
    ----------
    patterns : (R, H) bool array
        On/off pattern of each region, in a fixed order.
    complete : bool
        Whether every non-empty region is among them.
    relu_map : ReluMap
        The map.
    """

    patterns: np.ndarray
    complete: bool
    relu_map: ReluMap

    @cached_property
    def pieces(self) -> tuple[np.ndarray, np.ndarray]:
        """The Jacobian and the offset of the map in each region, (R, M, M) and (R, M)."""
        return linear_pieces(*self.relu_map.parameters, self.patterns)


def cells_at_most(relu_map: ReluMap) -> int:
    """A bound on the number of linear regions: sum_{i <= M} binomial(H, i), H the units that have inputs."""
    bordered = int(np.count_nonzero(relu_map.V.any(axis=1)))
    return sum(math.comb(bordered, i) for i in range(min(relu_map.dimension, bordered) + 1))


def linear_regions(relu_map: ReluMap, max_regions: int = 200_000) -> Regions:
    """List the linear regions of a map.

    Parameters
    ----------
    relu_map : ReluMap
    max_regions : int
        Beyond this many none are listed, and `complete` is False.

    Returns
    -------
    Regions
    """
    bordered = int(np.count_nonzero(relu_map.V.any(axis=1)))
    none = Regions(np.empty((0, relu_map.units), dtype=bool), False, relu_map)
    rank = min(bordered, int(np.linalg.matrix_rank(relu_map.V))) if bordered else 0
    if math.comb(bordered, rank) > VERTICES_PER_REGION * max_regions:
        return none
    patterns = arrangement_cells(relu_map.V, relu_map.b, max_regions)
    return none if patterns is None else Regions(np.ascontiguousarray(patterns), True, relu_map)
