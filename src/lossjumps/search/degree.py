"""The degree of I - F^k: what the indices of all fixed points of F^k must add up to.

Far out a ReLU map is its recession map R(z) = A z + sum of the recession slopes of its ridges, positively homogeneous.
If R^k(z) = z only at z = 0, then |z - R^k(z)| grows like |z| while F^k - R^k stays bounded: z - F^k(z) is proper, its
Brouwer degree is defined, and the same for F, for R and for R with any constant added.  So the index sum of R with a
random constant is counted, from regions and cycles that have nothing to do with those of F.  The audit is necessary,
not sufficient: a missed pair of opposite indices, as every fold makes, leaves the sum as it is.
"""

import numpy as np

from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.borders import distinct_borders
from lossjumps.search.boxes import absorbing_box, ridges
from lossjumps.search.cycle import Cycle
from lossjumps.search.splitting import Recurrent, Simplex, Walk, orthants, split_cycles

AUDIT_CELLS = 200_000
"""Cells looked at before an audit gives up: a fraction of a second."""

CELLS_OF_A_CONE = 100
"""Cells that a cone of the sphere at infinity counts for, in the budget."""

SMALLEST_DISTANCE = 1e-9
"""An eigenvalue of A^k nearer to 1 leaves the degree of a map that is linear far out unknown."""


def recession_map(relu_map: ReluMap) -> ReluMap | None:
    """The positively homogeneous map R with F - R bounded; None where it is linear, z -> A z."""
    parts = ridges(relu_map)
    U = np.vstack([parts.rising, parts.falling]).T
    V = np.vstack([parts.normals, -parts.normals])
    bent = U.any(axis=0)
    if not bent.any():
        return None
    return ReluMap(relu_map.A, U[:, bent], V[bent], np.zeros(int(bent.sum())), np.zeros(relu_map.dimension))


def proper_orders(recession: ReluMap, max_order: int, max_cells: int) -> list[int]:
    """The orders k for which it is proved that R^k fixes no direction: the sphere at infinity is split by itinerary."""
    borders = distinct_borders(recession)
    dimension = recession.dimension
    if np.linalg.matrix_rank(borders.normals) < dimension:
        # a region holds lines: the mean of the points of a cycle that stays in one region may vanish
        max_order = 1
    cones = [
        Simplex(cone.corners[:, 1:], np.zeros(dimension), cone.first_sides) for cone in orthants(borders, scale=1.0)
    ]
    words, _, _ = Walk(borders, cones, None, max_order, max_cells).closed_words(max_order, Recurrent())
    if words is None:
        return proper_orders(recession, max_order // 2, max_cells) if max_order > 1 else []
    fixed = {len(word) for word, _ in words}
    return [order for order in range(1, max_order + 1) if not any(order % divisor == 0 for divisor in fixed)]


def index_sum(cycles: tuple[Cycle, ...], order: int) -> int:
    """The sum of the indices of all fixed points of F^order, of which cycles of the orders d | order are a list."""
    return sum(
        cycle.order * cycle.index_of_iterate(order // cycle.order) for cycle in cycles if order % cycle.order == 0
    )


def degrees(relu_map: ReluMap, max_order: int, *, max_cells: int = AUDIT_CELLS) -> dict[int, int | None]:
    """The degree of I - F^k for each order k = 1 ... max_order, as far as it is known.

    Parameters
    ----------
    relu_map : ReluMap
    max_order : int
    max_cells : int
        Budget of the count.

    Returns
    -------
    dict of int to int or None
        1 where `absorbing_box` proves that all cycles are bounded: its proof holds for s F with any s in [0, 1] as
        well, and the zero map has one fixed point.  sign det(I - A^k) where F is linear far out (clipped networks),
        unless that is singular.  Otherwise the index sum of the recession map with a constant added, where no direction
        is fixed by R^k and the count is complete.  None elsewhere, and where the budget does not reach.
    """
    orders = range(1, max_order + 1)
    if absorbing_box(relu_map) is not None:
        return dict.fromkeys(orders, 1)
    recession = recession_map(relu_map)
    if recession is None:
        values = np.linalg.eigvals(relu_map.A)
        return {order: _linear_degree(values**order) for order in orders}
    known: dict[int, int | None] = dict.fromkeys(orders)
    if 2**relu_map.dimension * CELLS_OF_A_CONE > max_cells:  # the sphere at infinity is cut into that many cones
        return known
    proper = proper_orders(recession, max_order, max_cells)
    if not proper:
        return known
    constant = np.random.default_rng(0).normal(size=relu_map.dimension)
    shifted = ReluMap(recession.A, recession.U, recession.V, recession.b, constant)
    count = split_cycles(shifted, proper[-1], max_cells=max_cells)
    lost = {len(itinerary) for itinerary in count.degenerate} | set(count.undecided)
    for order in proper:
        if order <= count.complete_order and not any(order % divisor == 0 for divisor in lost):
            known[order] = index_sum(count.cycles, order)
    return known


def _linear_degree(values: np.ndarray) -> int | None:
    """sign det(I - A) from the eigenvalues of A."""
    if np.abs(values - 1.0).min() < SMALLEST_DISTANCE:
        return None
    real = values[np.abs(values.imag) == 0.0].real
    return -1 if np.count_nonzero(real > 1.0) % 2 else 1
