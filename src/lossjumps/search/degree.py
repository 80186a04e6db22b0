"""The degree of I - F^k: what the indices of all fixed points of F^k must add up to.

Where R^k, the recession map R iterated, fixes no direction (`lossjumps.search.infinity`), z - F^k(z) is proper, its
Brouwer degree is defined, and the same for F, for R and for R with any constant added.  So the index sum of R with a
random constant is counted, from regions and cycles that have nothing to do with those of F.  The audit is necessary,
not sufficient: a missed pair of opposite indices, as every fold makes, leaves the sum as it is.
"""

import numpy as np

from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.boxes import absorbing_box
from lossjumps.search.cycle import Cycle
from lossjumps.search.infinity import SMALLEST_DISTANCE, proper_orders, recession_map
from lossjumps.search.multipliers import distance_from_roots_of_unity
from lossjumps.search.regions import linear_regions
from lossjumps.search.splitting import split_cycles

AUDIT_CELLS = 200_000
"""Cells looked at before an audit gives up: a fraction of a second."""

CELLS_OF_A_REGION = 10
"""Cells that a region of the recession map counts for, in the budget."""

ATTEMPTS = 8
"""Constants tried; one in general position is met at once."""

INSIDE = 1e-9
"""Relative unit input from which on a point lies inside its region without doubt."""


def index_sum(cycles: tuple[Cycle, ...], order: int) -> int | None:
    """The sum of the indices of all fixed points of F^order, of which cycles of the orders d | order are a list.

    None where one of them has a multiplier that is a root of unity of the iterate, or an index that is not known.
    """
    total = 0
    for cycle in cycles:
        if order % cycle.order == 0:
            repetitions = order // cycle.order
            index = cycle.index_of_iterate(repetitions)
            if (
                index is None
                or distance_from_roots_of_unity(cycle.leading_multipliers, repetitions) < SMALLEST_DISTANCE
            ):
                return None
            total += cycle.order * index
    return total


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
        is fixed by R^k and the count is complete: over the cones in which R is linear for fixed points alone, by
        splitting by itinerary for cycles.  None elsewhere, and where the budget does not reach.
    """
    orders = range(1, max_order + 1)
    if absorbing_box(relu_map) is not None:
        return dict.fromkeys(orders, 1)
    recession = recession_map(relu_map)
    if recession is None:
        values = np.linalg.eigvals(relu_map.A)
        return {order: _linear_degree(values**order) for order in orders}
    known: dict[int, int | None] = dict.fromkeys(orders)
    if max_order == 1:
        known[1] = _degree_by_regions(recession, max_cells // CELLS_OF_A_REGION)
    if known[1] is not None:
        return known
    proper = proper_orders(relu_map, max_order, max_cells)
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


def _degree_by_regions(recession: ReluMap, most: int) -> int | None:
    """The degree of I - R from the cones R is linear in; None where I - J is singular in one of them, or too many."""
    cones = linear_regions(recession, most)
    if not cones.complete:
        return None
    jacobians = recession.A + (recession.U * cones.patterns[:, None, :]) @ recession.V
    systems = np.eye(recession.dimension) - jacobians
    sizes = 1.0 + np.abs(recession.A).sum() + np.abs(recession.U).sum(axis=0) @ np.abs(recession.V).sum(axis=1)
    if np.linalg.svd(systems, compute_uv=False)[:, -1].min() < SMALLEST_DISTANCE * sizes:
        return None
    signs = np.linalg.slogdet(systems)[0]
    generator = np.random.default_rng(0)
    for _ in range(ATTEMPTS):
        constant = generator.normal(size=recession.dimension)
        points = np.linalg.solve(systems, np.broadcast_to(constant, (len(systems), recession.dimension))[..., None])
        inputs = points[..., 0] @ recession.V.T
        inputs = np.where(cones.patterns, inputs, -inputs)
        inputs /= np.abs(points[..., 0]).max(axis=1, keepdims=True) * np.abs(recession.V).sum(axis=1)
        if not np.any((inputs.min(axis=1) > -INSIDE) & (inputs.min(axis=1) < INSIDE)):
            return int(signs[inputs.min(axis=1) > 0.0].sum())
    return None


def _linear_degree(values: np.ndarray) -> int | None:
    """sign det(I - A) from the eigenvalues of A."""
    if np.abs(values - 1.0).min() < SMALLEST_DISTANCE:
        return None
    real = values[np.abs(values.imag) == 0.0].real
    return -1 if np.count_nonzero(real > 1.0) % 2 else 1
