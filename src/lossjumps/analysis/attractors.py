"""Which attractors the free-running map takes data states to, and how strongly it can stretch."""

from dataclasses import dataclass

import numpy as np

from lossjumps.compiled import compiled
from lossjumps.maps.relu_map import ReluMap
from lossjumps.search import itineraries
from lossjumps.search.complete import cycle_of
from lossjumps.search.cycle import Cycle
from lossjumps.search.kernels import copy_matrix, copy_vector
from lossjumps.search.regions import Regions

DIVERGED = 1e8
"""Largest coordinate beyond which an orbit from data (of unit scale) counts as diverged."""

FAR = 100.0
"""Largest coordinate, in standard deviations of the data, up to which aperiodic motion counts as settled."""

PATIENCE = 20
"""How many transients longer an orbit is followed that has not settled."""

DOUBLINGS = 5
"""Squarings of J'J in the bound of a spectral norm, which then exceeds it by a factor M^(1/64) at the most."""


@dataclass(frozen=True, eq=False)
class Attractor:
    """What one data state is taken to.

    Attributes
    ----------
    status : str
        "cycle", "aperiodic" (no period up to the longest looked for) or "diverged".
    cycle : Cycle or None
        The attracting fixed point or cycle.
    """

    status: str
    cycle: Cycle | None = None


@compiled(fastmath={"reassoc", "contract"})
def _settle(A, output_weights, input_weights, b, c, point, transient, itinerary):
    """Run `transient` steps from `point`, then fill the itinerary (n, H) of the next n; `point` ends where they end.

    The weights come as rows of units, (M, H), so that the units of a state are computed side by side.

    Returns
    -------
    period : int
        Smallest period of the itinerary's second half and what precedes it, at most n / 2; 0 for none, -1 where the
        orbit leaves the ball of radius `DIVERGED`.
    """
    steps, units = itinerary.shape
    dimension = A.shape[0]
    image = np.empty(dimension)
    inputs = np.empty(units)
    marks = np.empty(steps, np.uint64)
    for step in range(transient + steps):
        copy_vector(b, inputs)
        for j in range(dimension):
            coordinate = point[j]
            for unit in range(units):
                inputs[unit] += input_weights[j, unit] * coordinate
        if step >= transient:
            mark = np.uint64(0xCBF29CE484222325)
            for unit in range(units):
                on = inputs[unit] > 0.0
                itinerary[step - transient, unit] = on
                mark = (mark ^ np.uint64(2 if on else 1)) * np.uint64(0x100000001B3)
            marks[step - transient] = mark
        for unit in range(units):
            inputs[unit] = max(inputs[unit], 0.0)
        size = 0.0
        for i in range(dimension):
            value = c[i]
            for j in range(dimension):
                value += A[i, j] * point[j]
            for unit in range(units):
                value += output_weights[i, unit] * inputs[unit]
            image[i] = value
            size = max(size, abs(value))
        copy_vector(image, point)
        if not size < DIVERGED:
            return -1
    for period in range(1, steps // 2 + 1):
        periodic = True
        for step in range(steps - 1, steps // 2 - 1, -1):
            if marks[step] != marks[step - period]:
                periodic = False
                break
        if periodic:
            return period
    return 0


def occupied_attractors(
    relu_map: ReluMap, states: np.ndarray, transient: int, max_period: int
) -> tuple[Attractor, ...]:
    """Find what each state is taken to after a fixed transient.

    An orbit whose regions repeat with a period is on a cycle if the cycle of that itinerary exists and is stable: its
    point is then exact, however slowly the orbit converges.

    Parameters
    ----------
    relu_map : ReluMap
    states : (n, M) array
    transient : int
        Steps before the regions are recorded.
    max_period : int
        Longest period recognised.

    Returns
    -------
    tuple of Attractor
        One for each state.
    """
    attractors = []
    A, U, V, b, c = relu_map.parameters
    input_weights = np.ascontiguousarray(V.T)
    itinerary = np.empty((2 * max_period, relu_map.units), dtype=np.bool_)
    solved: dict[tuple[int, bytes], Cycle | None] = {}
    for state in np.array(states, dtype=np.float64, order="C"):
        for steps in (transient, PATIENCE * transient):
            period = _settle(A, U, input_weights, b, c, state, steps, itinerary)
            cycle = None
            if period > 0:
                # states arrive at the same cycle at different times
                key = itineraries.key(itinerary[-period:])
                if key not in solved:
                    solved[key] = cycle_of(relu_map, itinerary[-period:])
                cycle = solved[key]
            attracts = cycle is not None and cycle.is_stable
            # Regions that repeat around nothing that attracts, or a state far from the data: the orbit is on its way,
            # and only waiting tells whether to infinity or to somewhere else.
            if attracts or period < 0 or (period == 0 and np.abs(state).max() < FAR):
                break
        status = "cycle" if attracts else "diverged" if period < 0 else "aperiodic"
        attractors.append(Attractor(status, cycle if attracts else None))
    return tuple(attractors)


@compiled()
def _norm_bounds(jacobians):
    """Upper bounds (R,) of the spectral norms: the Schatten norm of exponent 2^(DOUBLINGS + 1) of each Jacobian."""
    count, dimension, _ = jacobians.shape
    bounds = np.zeros(count)
    gram = np.empty((dimension, dimension))
    square = np.empty((dimension, dimension))
    for region in range(count):
        for i in range(dimension):
            for j in range(dimension):
                gram[i, j] = 0.0
                for m in range(dimension):
                    gram[i, j] += jacobians[region, m, i] * jacobians[region, m, j]
        logarithm = 0.0
        exponent = 0.5
        for doubling in range(DOUBLINGS + 1):
            size = 0.0
            for i in range(dimension):
                for j in range(dimension):
                    size += gram[i, j] * gram[i, j]
            size = np.sqrt(size)
            if size == 0.0:
                logarithm = -np.inf
                break
            logarithm += exponent * np.log(size)
            if doubling == DOUBLINGS:
                break
            for i in range(dimension):
                for j in range(dimension):
                    gram[i, j] /= size
            for i in range(dimension):
                for j in range(dimension):
                    square[i, j] = 0.0
                    for m in range(dimension):
                        square[i, j] += gram[i, m] * gram[m, j]
            copy_matrix(square, gram)
            exponent *= 0.5
        bounds[region] = np.exp(logarithm) * (1.0 + 1e-12)
    return bounds


def largest_jacobian_norm(relu_map: ReluMap, regions: Regions) -> float:
    """The largest spectral norm of the Jacobian over all linear regions.

    Where the regions are not all listed it is the bound ||A|| + ||U|| ||V||.
    """
    A, U, V, _, _ = relu_map.parameters
    if not regions.complete:
        return float(np.linalg.norm(A, 2) + np.linalg.norm(U, 2) * np.linalg.norm(V, 2))
    jacobians, _ = regions.pieces
    # no spectral norm exceeds the Frobenius norm, and where that is largest it often is little less
    sizes = np.linalg.norm(jacobians, axis=(1, 2))
    largest = float(np.linalg.norm(jacobians[np.argmax(sizes)], 2))
    jacobians = jacobians[sizes * (1.0 + 1e-12) > largest]
    bounds = _norm_bounds(jacobians)
    # once the bound falls below the largest norm found, no further region can exceed that
    for region in np.argsort(-bounds, kind="stable"):
        if bounds[region] <= largest:
            break
        largest = max(largest, float(np.linalg.norm(jacobians[region], 2)))
    return largest
