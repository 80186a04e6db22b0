"""Every cycle over given linear regions, by solving each sequence of regions.

Only Lyndon words over the regions are solved: one rotation of each primitive sequence.
"""

import numpy as np

from lossjumps.compiled import compiled, kernel_part
from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.complete import CompleteList, decide
from lossjumps.search.kernels import (
    copy_matrix,
    copy_vector,
    follow_with,
    linear_pieces,
    relative_inputs,
    solve_in_place,
)

UNSURE_PIVOT = 1e-6
"""Smallest relative pivot of I - T from which the rounding of a solution is far below the margin of its signs."""

SAFE_GROWTH = 1e6
"""Largest entry of a Jacobian product up to which the signs of a rolled-out orbit refuse a candidate."""

CHUNK = 4096
"""Words solved before the candidates are looked at; bounds the memory of a search."""


@kernel_part()
def _next_lyndon_word(word, letters, order):
    """Advance `word` to the next Lyndon word of length `order` (Duval 1988); False after the last one.

    `word` (order + 1,) holds the letters, then how many of them stay in the next step; it starts as [-1, ..., -1, 1].
    """
    length = word[order]
    while length > 0:
        word[length - 1] += 1
        full = length == order
        for position in range(length, order):
            word[position] = word[position - length]
        length = order
        while length > 0 and word[length - 1] == letters - 1:
            length -= 1
        if full:
            word[order] = length
            return True
    return False


@compiled()
def _candidates(V, b, patterns, jacobians, offsets, order, word, finished, most, hits, singular):
    """Solve up to `most` Lyndon words; keep those whose cycle is admissible within rounding, and the singular ones."""
    dimension = jacobians.shape[1]
    letters = patterns.shape[0]
    units = V.shape[0]
    product = np.empty((dimension, dimension))
    new_product = np.empty((dimension, dimension))
    system = np.empty((dimension, dimension))
    shift = np.empty(dimension)
    new_shift = np.empty(dimension)
    point = np.empty(dimension)
    inputs = np.empty(units)
    relative = np.empty(units)
    n_hits = 0
    n_singular = 0
    visits = 0
    while visits < most:
        if not _next_lyndon_word(word, letters, order):
            finished[0] = True
            break
        visits += 1
        growth = 0.0
        copy_matrix(jacobians[word[0]], product)
        copy_vector(offsets[word[0]], shift)
        for time in range(1, order):
            follow_with(jacobians[word[time]], offsets[word[time]], product, shift, new_product, new_shift)
            growth = max(growth, np.abs(product).max())
        for i in range(dimension):
            for j in range(dimension):
                system[i, j] = -product[i, j]
            system[i, i] += 1.0
        copy_vector(shift, point)
        pivot, sign = solve_in_place(system, point)
        if sign == 0.0 or pivot < UNSURE_PIVOT:
            copy_vector(word[:order], singular[n_singular])
            n_singular += 1
            continue
        admissible = True
        # rolling out multiplies rounding by the growth: where that is large, the cycle is left to be solved with care
        for time in range(order if growth < SAFE_GROWTH else 0):
            pattern = patterns[word[time]]
            for unit in range(units):
                value = b[unit]
                for j in range(dimension):
                    value += V[unit, j] * point[j]
                inputs[unit] = value
            # the exact signs first: they refuse nearly all candidates cheaply
            suspicious = False
            for unit in range(units):
                if (inputs[unit] > 0.0) != pattern[unit]:
                    suspicious = True
                    break
            if suspicious:
                relative_inputs(V, b, point, inputs, relative)
                for unit in range(units):
                    if pattern[unit] and relative[unit] < -1e-7:
                        admissible = False
                        break
                    if not pattern[unit] and relative[unit] > 1e-7:
                        admissible = False
                        break
                if not admissible:
                    break
            if time + 1 < order:
                jacobian = jacobians[word[time]]
                for i in range(dimension):
                    value = offsets[word[time], i]
                    for j in range(dimension):
                        value += jacobian[i, j] * point[j]
                    new_shift[i] = value
                copy_vector(new_shift, point)
        if admissible:
            copy_vector(word[:order], hits[n_hits])
            n_hits += 1
    return visits, n_hits, n_singular


def cycles_of_words(relu_map: ReluMap, patterns: np.ndarray, order: int, verify: str = "float") -> CompleteList:
    """Every cycle of one order whose points lie in the given regions.

    Parameters
    ----------
    relu_map : ReluMap
    patterns : (R, H) bool array
        Regions; with all of them the list is complete.
    order : int
        About R^k / k words are solved.
    verify : {"float", "exact"}
        See `lossjumps.search.complete.decide`.

    Returns
    -------
    CompleteList
    """
    patterns = np.ascontiguousarray(patterns, dtype=np.bool_)
    jacobians, offsets = linear_pieces(*relu_map.parameters, patterns)
    word = np.full(order + 1, -1, dtype=np.int64)
    word[order] = 1
    finished = np.zeros(1, dtype=np.bool_)
    hits = np.empty((CHUNK, order), dtype=np.int64)
    singular = np.empty((CHUNK, order), dtype=np.int64)
    candidates, visits = [], 0
    while not finished[0]:
        solved, n_hits, n_singular = _candidates(
            relu_map.V, relu_map.b, patterns, jacobians, offsets, order, word, finished, CHUNK, hits, singular
        )
        visits += solved
        candidates += [patterns[letters] for letters in (*hits[:n_hits], *singular[:n_singular])]
    return decide(relu_map, candidates, visits, verify)
