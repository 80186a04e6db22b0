"""A ReLU map far out: its recession map R(z) = A z + sum of the recession slopes of its ridges, positively homogeneous.

F - R is bounded.  If R^k(u) stays away from u for all directions u of length 1, then |z - F^k(z)| grows like |z|: all
k-cycles of F lie in a bounded set, and z - F^k(z) is proper.  A k-cycle of F through a state at distance r is one of R
with steps that err by sup |F - R| / r in units of r: what is granted to the steps on the sphere at infinity decides how
near the origin all cycles have to lie.
"""

import numpy as np

from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.borders import Borders, distinct_borders
from lossjumps.search.boxes import WIDENING, farthest_cycle, ridges
from lossjumps.search.splitting import Recurrent, Simplex, Walk, frame_of, orthants, scale_of
from lossjumps.search.splitting_kernel import FARTHEST

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

    And that no k-cycle of F goes through a state beyond what `lossjumps.search.splitting.split_cycles` splits when it
    splits the whole space.  Where F is linear far out that is a matter of how far out its cycles can lie; otherwise the
    sphere at infinity is split by itinerary, with at most `max_cells` cells looked at.
    """
    recession = recession_map(relu_map)
    if recession is None:
        nearest = FARTHEST * SMALLEST_DISTANCE * scale_of(distinct_borders(relu_map))
        bounds = {order: farthest_cycle(relu_map, order) for order in range(1, max_order + 1)}
        return [order for order, bound in bounds.items() if bound is not None and bound.max() < nearest]
    # the sphere at infinity is cut into that many cones
    if max_order < 1 or 2**relu_map.dimension * CELLS_OF_A_CONE > max_cells:
        return []
    nearest = _nearest_left_out(distinct_borders(relu_map), distinct_borders(recession))
    if not nearest > 0.0:
        return []
    return _split_sphere(recession, ridges(relu_map).bounded_part / nearest, max_order, max_cells)


def _nearest_left_out(borders: Borders, far_borders: Borders) -> float:
    """Lower bound of sum |normal . z| over the frame of the sphere, for states z that splitting the space leaves out.

    In the frame of the space, N, with apex a, states with |N (z - a)|_1 up to `FARTHEST` times the scale are split.
    """
    frame, apex = frame_of(borders)
    far_frame, _ = frame_of(far_borders)
    change = np.abs(frame @ np.linalg.inv(far_frame)).sum(axis=0).max()
    split = (FARTHEST - 1.0) * scale_of(borders) - np.abs(frame @ apex).sum()
    return float((1.0 - WIDENING) * split / change)


def _split_sphere(recession: ReluMap, granted: np.ndarray, max_order: int, max_cells: int) -> list[int]:
    """Orders k for which no direction is fixed by k steps of R, each of which may err by `granted` (M,)."""
    borders = distinct_borders(recession)
    dimension = recession.dimension
    cones = [
        Simplex(cone.corners[:, 1:], np.zeros(dimension), cone.first_sides) for cone in orthants(borders, scale=1.0)
    ]
    walk = Walk(borders, cones, None, max_order, max_cells, SMALLEST_DISTANCE, granted)
    words, _, _ = walk.closed_words(max_order, Recurrent())
    if words is None:
        return _split_sphere(recession, granted, max_order // 2, max_cells) if max_order > 1 else []
    fixed = {len(word) for word, _ in words}
    return [order for order in range(1, max_order + 1) if not any(order % divisor == 0 for divisor in fixed)]
