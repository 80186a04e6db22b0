"""A ReLU map far out: its recession map R(z) = A z + sum of the recession slopes of its ridges, positively homogeneous.

F - R is bounded.  If R^k(u) stays away from u for all directions u of length 1, then |z - F^k(z)| grows like |z|: all
k-cycles of F lie in a bounded set, and z - F^k(z) is proper.
"""

import numpy as np

from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.borders import distinct_borders
from lossjumps.search.boxes import ridges
from lossjumps.search.splitting import Recurrent, Simplex, Walk, orthants

SMALLEST_DISTANCE = 1e-8
"""A direction that R^k moves by less, relative to what is added up on the way, counts as fixed.

Far above rounding, and hundred times the inverse of the distance up to which the space is split by itinerary
(`splitting_kernel.FARTHEST`).
"""

CELLS_OF_A_CONE = 100
"""Cells that a cone of the sphere at infinity counts for, in the budget."""


def recession_map(relu_map: ReluMap) -> ReluMap | None:
    """The positively homogeneous map R with F - R bounded; None where it is linear, z -> A z."""
    parts = ridges(relu_map)
    U = np.vstack([parts.rising, parts.falling]).T
    V = np.vstack([parts.normals, -parts.normals])
    bent = U.any(axis=0)
    if not bent.any():
        return None
    return ReluMap(relu_map.A, U[:, bent], V[bent], np.zeros(int(bent.sum())), np.zeros(relu_map.dimension))


def proper_orders(relu_map: ReluMap, max_order: int, max_cells: int) -> list[int]:
    """The orders k = 1 ... max_order for which it is proved that R^k fixes no direction.

    Where F is linear far out that is a matter of the eigenvalues of A; otherwise the sphere at infinity is split by
    itinerary, with at most `max_cells` cells looked at.
    """
    recession = recession_map(relu_map)
    if recession is None:
        values = np.linalg.eigvals(relu_map.A)
        return [k for k in range(1, max_order + 1) if np.abs(values**k - 1.0).min() > SMALLEST_DISTANCE]
    # the sphere at infinity is cut into that many cones
    if max_order < 1 or 2**relu_map.dimension * CELLS_OF_A_CONE > max_cells:
        return []
    if np.linalg.matrix_rank(distinct_borders(recession).normals) < relu_map.dimension:
        # a region holds lines: the mean of the points of a cycle that stays in one region may vanish
        max_order = 1
    return _split_sphere(recession, max_order, max_cells)


def _split_sphere(recession: ReluMap, max_order: int, max_cells: int) -> list[int]:
    borders = distinct_borders(recession)
    dimension = recession.dimension
    cones = [
        Simplex(cone.corners[:, 1:], np.zeros(dimension), cone.first_sides) for cone in orthants(borders, scale=1.0)
    ]
    walk = Walk(borders, cones, None, max_order, max_cells, SMALLEST_DISTANCE)
    words, _, _ = walk.closed_words(max_order, Recurrent())
    if words is None:
        return _split_sphere(recession, max_order // 2, max_cells) if max_order > 1 else []
    fixed = {len(word) for word, _ in words}
    return [order for order in range(1, max_order + 1) if not any(order % divisor == 0 for divisor in fixed)]
