"""SCYFI: the search for cycles of one order by jumping to the regions that a virtual cycle visits.

Eisenmann, Monfared, Göring, Durstewitz, "Bifurcations and loss jumps in RNN training", NeurIPS 2023: start from a
sequence of k regions, solve for its cycle; if that is virtual, go on with the regions that the orbit from its first
point really visits.  Here a region sequence that was solved once is never solved again, and a walk that comes to a
known one is over.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lossjumps.compiled import compiled
from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.complete import decide
from lossjumps.search.cycle import Cycle
from lossjumps.search.kernels import copy_matrix, copy_vector, true_itinerary
from lossjumps.search.periodic import solve_rotation


@dataclass(frozen=True, eq=False)
class Walks:
    """What SCYFI found at one order.

    Attributes
    ----------
    cycles : list of Cycle
        Sorted by itinerary.
    visits : int
        Region sequences solved.
    """

    cycles: list[Cycle]
    visits: int


def paper_counters(order: int) -> tuple[int, int]:
    """Starts without success before giving up, and steps a start (N_out, N_in): the reference implementation's."""
    outer = 10 if order < 8 else 40 if order < 30 else 100
    inner = 20 if order < 3 else 60 if order < 6 else 300 if order < 8 else 1080 if order < 20 else 1115
    return outer, inner


@compiled()
def _bits_hash(itinerary):
    """64-bit FNV-1a hash of an itinerary."""
    value = np.uint64(0xCBF29CE484222325)
    for time in range(itinerary.shape[0]):
        for unit in range(itinerary.shape[1]):
            value ^= np.uint64(2 if itinerary[time, unit] else 1)
            value *= np.uint64(0x100000001B3)
    value ^= value >> np.uint64(31)
    return value


@compiled()
def _remember(visited, mark):
    """Add a hash to the open-addressing set `visited` (0 is empty); False if it was there."""
    mask = np.uint64(visited.shape[0] - 1)
    mark = mark | np.uint64(1)
    slot = mark >> np.uint64(7) & mask
    while visited[slot] != 0:
        if visited[slot] == mark:
            return False
        slot = (slot + np.uint64(1)) & mask
    visited[slot] = mark
    return True


@compiled()
def _equal(one, other):
    """Whether two itineraries are the same."""
    for time in range(one.shape[0]):
        for unit in range(one.shape[1]):
            if one[time, unit] != other[time, unit]:
                return False
    return True


@compiled()
def _walk(A, U, V, b, c, itinerary, n_inner, visited, budget):
    """Walk from `itinerary` (overwritten) until a cycle, a known sequence, or `n_inner` steps; (visits, found)."""
    dimension = A.shape[0]
    product = np.empty((dimension, dimension))
    point = np.empty(dimension)
    follower = np.empty_like(itinerary)
    visits = 0
    while visits < min(n_inner, budget):
        if not _remember(visited, _bits_hash(itinerary)):
            return visits, False
        visits += 1
        sign = solve_rotation(A, U, V, b, c, itinerary, 0, product, point)[1]
        if sign == 0.0 or not true_itinerary(A, U, V, b, c, point, follower):
            return visits, False
        if _equal(follower, itinerary):
            return visits, True
        copy_matrix(follower, itinerary)
    return visits, False


@compiled()
def _draw_start(A, U, V, b, c, patterns, scale, center, generator, as_orbit, itinerary):
    """Fill a random start: an orbit from a random state, or regions drawn one by one; False if the orbit diverges."""
    order = itinerary.shape[0]
    dimension = A.shape[0]
    point = np.empty(dimension)
    single = np.empty((1, itinerary.shape[1]), np.bool_)
    if as_orbit:
        for i in range(dimension):
            point[i] = center[i] + scale[i] * generator.standard_normal()
        return true_itinerary(A, U, V, b, c, point, itinerary)
    for time in range(order):
        if patterns.shape[0] > 0:
            copy_vector(patterns[int(generator.random() * patterns.shape[0])], itinerary[time])
        else:
            for i in range(dimension):
                point[i] = center[i] + scale[i] * generator.standard_normal()
            true_itinerary(A, U, V, b, c, point, single)
            copy_vector(single[0], itinerary[time])
    return True


@compiled()
def _search(A, U, V, b, c, starts, order, n_outer, n_inner, max_visits, patterns, scale, center, generator, found):
    """Walk from every given start, then from random ones until `n_outer` in a row bring nothing; (visits, found)."""
    size = 256
    while size < 4 * max_visits:
        size *= 2
    visited = np.zeros(size, np.uint64)
    itinerary = np.empty((order, V.shape[0]), np.bool_)
    visits = 0
    count = 0
    for start in range(starts.shape[0]):
        copy_matrix(starts[start], itinerary)
        steps, success = _walk(A, U, V, b, c, itinerary, n_inner, visited, max_visits - visits)
        visits += steps
        if success and count < found.shape[0]:
            copy_matrix(itinerary, found[count])
            count += 1
    idle = 0
    draws = 0
    while idle <= n_outer and visits < max_visits and count < found.shape[0]:
        idle += 1
        draws += 1
        if not _draw_start(A, U, V, b, c, patterns, scale, center, generator, draws % 2 == 0, itinerary):
            continue
        steps, success = _walk(A, U, V, b, c, itinerary, n_inner, visited, max_visits - visits)
        visits += steps
        if success:
            copy_matrix(itinerary, found[count])
            count += 1
            idle = 0
    return visits, count


def _random_states(relu_map: ReluMap) -> tuple[np.ndarray, np.ndarray]:
    """Centre and scale (M,), (M,) of random states that reach the borders of the map."""
    lengths = np.linalg.norm(relu_map.V, axis=1)
    reach = np.abs(relu_map.b[lengths > 0.0]) / lengths[lengths > 0.0]
    size = 2.0 * float(reach.max(initial=0.0)) + float(np.abs(relu_map.c).max())
    return np.zeros(relu_map.dimension), np.full(relu_map.dimension, size if size > 0.0 else 1.0)


def walk_for_cycles(
    relu_map: ReluMap,
    order: int,
    generator: np.random.Generator,
    *,
    patterns: np.ndarray,
    starts: Iterable[np.ndarray] = (),
    counters: tuple[int, int] | None = None,
    max_visits: int | None = None,
) -> Walks:
    """Search the cycles of one order with SCYFI.

    Parameters
    ----------
    relu_map : ReluMap
    order : int
    generator : numpy.random.Generator
        Source of the random starts.
    patterns : (R, H) bool array
        Regions that random starts are drawn from; with none, regions of random states.
    starts : iterable of (k, H) bool arrays
        Region sequences walked from first.
    counters : (int, int), optional
        Random starts without success before giving up, and steps a start; the paper's by default.
    max_visits : int, optional
        Solve at most this many region sequences; by default 50 times the product of the counters.

    Returns
    -------
    Walks
        Cycles of exactly this order; nothing is said about what was missed.
    """
    n_outer, n_inner = counters or paper_counters(order)
    most = max_visits or 50 * n_outer * n_inner
    starts = [np.asarray(start, dtype=np.bool_) for start in starts]
    shape = (len(starts), order, relu_map.units)
    center, scale = _random_states(relu_map)
    found = np.empty((min(most, 10_000), order, relu_map.units), dtype=np.bool_)
    visits, count = _search(
        *relu_map.parameters,
        np.ascontiguousarray(np.reshape(starts, shape), dtype=np.bool_),
        order,
        n_outer,
        n_inner,
        most,
        np.ascontiguousarray(patterns, dtype=np.bool_),
        scale,
        center,
        generator,
        found,
    )
    return Walks(decide(relu_map, found[:count], int(visits)).cycles, int(visits))
