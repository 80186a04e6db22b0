"""Every cycle over given linear regions, by solving each sequence of regions.

Only Lyndon words over the regions are solved: one rotation of each primitive sequence.
"""

import numpy as np

from lossjumps.compiled import compiled, kernel_part
from lossjumps.search.certified_signs import VIRTUAL, certified_signs
from lossjumps.search.complete import CompleteList, decide
from lossjumps.search.kernels import (
    EPSILON,
    copy_matrix,
    copy_vector,
    follow_with,
    inverse_and_rounding,
    solve_in_place,
)
from lossjumps.search.regions import Regions

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


@kernel_part()
def _largest(vector):
    """max_i of the moduli."""
    largest = 0.0
    for i in range(vector.shape[0]):
        largest = max(largest, abs(vector[i]))
    return largest


@kernel_part()
def _row_sum(matrix, i):
    """sum_j of the moduli of a row."""
    total = 0.0
    for j in range(matrix.shape[1]):
        total += abs(matrix[i, j])
    return total


@kernel_part()
def _norms(A, U, V, b, c, jacobians, offsets):
    """Of each region, in the norm max_i sum_j: the Jacobian, the offset; then bounds of the rounding of any of them."""
    dimension, units = U.shape
    steps, shifts = np.zeros(len(jacobians)), np.zeros(len(jacobians))
    for region in range(len(jacobians)):
        for i in range(dimension):
            steps[region] = max(steps[region], _row_sum(jacobians[region], i))
            shifts[region] = max(shifts[region], abs(offsets[region, i]))
    step_error = 0.0
    shift_error = 0.0
    for i in range(dimension):
        step = _row_sum(A, i)
        shift = abs(c[i])
        for unit in range(units):
            step += abs(U[i, unit]) * _row_sum(V, unit)
            shift += abs(U[i, unit] * b[unit])
        step_error = max(step_error, (units + 3) * EPSILON * step)
        shift_error = max(shift_error, (units + 3) * EPSILON * shift)
    return steps, shifts, step_error, shift_error


@compiled()
def _candidates(A, U, V, b, c, patterns, jacobians, offsets, order, word, finished, most, hits):
    """Solve up to `most` Lyndon words; keep those that are not proved to be virtual."""
    dimension = jacobians.shape[1]
    letters = patterns.shape[0]
    units = V.shape[0]
    steps, shifts, step_error, shift_error = _norms(A, U, V, b, c, jacobians, offsets)
    rounding = (dimension + 3) * EPSILON
    product = np.empty((dimension, dimension))
    new_product = np.empty((dimension, dimension))
    system = np.empty((dimension, dimension))
    shift = np.empty(dimension)
    new_shift = np.empty(dimension)
    point = np.empty(dimension)
    bounds = np.empty(dimension)
    itinerary = np.empty((order, units), np.bool_)
    relative = np.empty((order, units))
    n_hits = 0
    visits = 0
    while visits < most:
        if not _next_lyndon_word(word, letters, order):
            finished[0] = True
            break
        visits += 1
        copy_matrix(jacobians[word[0]], product)
        copy_vector(offsets[word[0]], shift)
        size = steps[word[0]]
        system_error = step_error
        point_error = shift_error
        for time in range(1, order):
            step = steps[word[time]]
            largest = _largest(shift)
            system_error = step * system_error + (step_error + rounding * step) * (size + system_error)
            point_error = step * point_error + (step_error + rounding * step) * (largest + point_error)
            point_error += shift_error + rounding * shifts[word[time]]
            follow_with(jacobians[word[time]], offsets[word[time]], product, shift, new_product, new_shift)
            size = 0.0
            for i in range(dimension):
                size = max(size, _row_sum(product, i))
        for i in range(dimension):
            for j in range(dimension):
                system[i, j] = -product[i, j]
            system[i, i] += 1.0
        copy_vector(shift, point)
        refused = False
        if solve_in_place(system, point)[1] != 0.0:
            inverse, rounded = inverse_and_rounding(system, bounds)
            departure = inverse * (rounded + system_error + EPSILON * (1.0 + size))
            if departure < 0.5:
                error = 2.0 * (departure * _largest(point) + inverse * point_error)
                refused = _is_refused(
                    V, b, patterns, jacobians, offsets, steps, shifts, step_error, shift_error, word, order,
                    point, error, new_shift,
                )  # fmt: skip
        if not refused:
            for time in range(order):
                for unit in range(units):
                    itinerary[time, unit] = patterns[word[time], unit]
            if certified_signs(A, U, V, b, c, itinerary, relative)[0] != VIRTUAL:
                copy_vector(word[:order], hits[n_hits])
                n_hits += 1
    return visits, n_hits


@kernel_part()
def _is_refused(
    V, b, patterns, jacobians, offsets, steps, shifts, step_error, shift_error, word, order, point, error, image
):
    """Whether an orbit leaves the regions of a word by more than its error, `error` in each coordinate at first."""
    units, dimension = V.shape
    rounding = (dimension + 3) * EPSILON
    for time in range(order):
        largest = _largest(point)
        for unit in range(units):
            value = b[unit]
            doubt = rounding * abs(value)
            for j in range(dimension):
                value += V[unit, j] * point[j]
                doubt += abs(V[unit, j]) * (error + rounding * abs(point[j]))
            if abs(value) > doubt and (value > 0.0) != patterns[word[time], unit]:
                return True
        if time + 1 < order:
            letter = word[time]
            for i in range(dimension):
                image[i] = offsets[letter, i]
                for j in range(dimension):
                    image[i] += jacobians[letter, i, j] * point[j]
            copy_vector(image, point)
            error = steps[letter] * error + (step_error + rounding * steps[letter]) * (largest + error)
            error += shift_error + rounding * shifts[letter]
    return False


def cycles_of_words(regions: Regions, order: int, verify: str = "float") -> CompleteList:
    """Every cycle of one order whose points lie in the given regions.

    Parameters
    ----------
    regions : Regions
        R regions; with all of them the list is complete.
    order : int
        About R^k / k words are solved.
    verify : {"float", "exact"}
        See `lossjumps.search.complete.decide`.

    Returns
    -------
    CompleteList
    """
    relu_map, patterns = regions.relu_map, regions.patterns
    word = np.full(order + 1, -1, dtype=np.int64)
    word[order] = 1
    finished = np.zeros(1, dtype=np.bool_)
    hits = np.empty((CHUNK, order), dtype=np.int64)
    candidates, visits = [], 0
    while not finished[0]:
        solved, n_hits = _candidates(
            *relu_map.parameters, patterns, *regions.pieces, order, word, finished, CHUNK, hits
        )
        visits += solved
        candidates += [patterns[letters] for letters in hits[:n_hits]]
    return decide(relu_map, candidates, visits, verify)
