"""Is a polyhedral cell empty?  A small linear program in compiled code, begun where that of a larger cell ended.

A cell is given in the coordinates g of a simplex (g >= 0, sum g = 1) by rows r_i . g >= 0.  Its depth is the largest s
for which some g has r_i . g >= s for all i: the value of a matrix game.  The dual simplex method is at home here: after
a row is added the optimal basis of the larger cell is still dual feasible, and a few exchanges lead to the new optimum.
Whatever rounding does on the way, a cell is called empty only with a certificate: weights y >= 0 with
(sum_i y_i r_i)_j < 0 for every j, checked on the rows themselves.
"""

import numpy as np

from lossjumps.compiled import compiled, kernel_part
from lossjumps.search.kernels import EPSILON

VIOLATED = 1e-12
"""Violation of a row from which the simplex method goes on."""

SMALLEST_PIVOT = 1e-10
"""Entries below this are no pivots."""

MOST_EXCHANGES = 200
"""Exchanges after which a cell counts as not empty."""


@compiled()
def whole_simplex(rows, inverse, basis):
    """Start: rows[0] = (1, ..., 1) bounds the depth by 1; fill inverse (n + 1, n + 1) and basis (n + 1,) at g = e_0.

    The basis holds the row number of each tight row, and -1 - j for g_j >= 0; entry 0 is the equation sum g = 1.
    """
    size = inverse.shape[0]
    for i in range(size):
        for j in range(size):
            inverse[i, j] = 0.0
    for j in range(size - 1):
        rows[0, j] = 1.0
    basis[0] = 0
    inverse[0, 0] = 1.0
    for j in range(1, size - 1):  # g_j = 0, and so much less for g_0
        basis[j] = -1 - j
        inverse[j, j] = 1.0
        inverse[0, j] = -1.0
    basis[size - 1] = 0  # s = sum g = 1
    inverse[size - 1, 0] = 1.0
    inverse[size - 1, size - 1] = -1.0


@kernel_part()
def proves_empty(rows, inverse, basis):
    """Whether the multipliers of the basis, as weights of its rows, prove that no g satisfies them."""
    size = inverse.shape[0]
    total = 0.0
    for k in range(1, size):
        if basis[k] >= 0:
            total += max(-inverse[size - 1, k], 0.0)
    if not total > 0.0:
        return False
    for j in range(size - 1):
        value = 0.0
        for k in range(1, size):
            if basis[k] >= 0:
                value += max(-inverse[size - 1, k], 0.0) * rows[basis[k], j]
        if not value < -4.0 * size * EPSILON * total:
            return False
    return True


@kernel_part()
def satisfied(row, inverse):
    """Whether a row holds as well as all others at the deepest point: then it changes nothing."""
    last = inverse.shape[0] - 1
    value = -inverse[last, 0]
    for j in range(last):
        value += row[j] * inverse[j, 0]
    return value >= 0.0


@compiled()
def tighten(rows, count, inverse, basis):
    """Find the deepest point of the cell rows[:count] from a dual feasible basis; False where the cell is proved empty.

    Parameters
    ----------
    rows : (N, n) array
        Rows with entries of size about 1; rows[0] is (1, ..., 1).
    count : int
        Number of rows.
    inverse : (n + 1, n + 1) array
        Inverse of the tight equations, overwritten; column 0 is the deepest point and its depth.
    basis : (n + 1,) int array
        What is tight, overwritten.
    """
    size = inverse.shape[0]
    last = size - 1
    price = np.empty(size)
    for _ in range(MOST_EXCHANGES):
        if inverse[last, 0] < 0.0 and proves_empty(rows, inverse, basis):
            return False
        entering = -size - 1
        worst = -VIOLATED
        for i in range(count):
            value = -inverse[last, 0]
            for j in range(last):
                value += rows[i, j] * inverse[j, 0]
            if value < worst:
                worst = value
                entering = i
        for j in range(last):
            if inverse[j, 0] < worst:
                worst = inverse[j, 0]
                entering = -1 - j
        if entering == -size - 1:
            return True
        leaving = 0
        smallest = np.inf
        for k in range(size):
            if entering >= 0:
                value = -inverse[last, k]
                for j in range(last):
                    value += rows[entering, j] * inverse[j, k]
            else:
                value = inverse[-1 - entering, k]
            price[k] = value
            if k > 0 and value > SMALLEST_PIVOT:
                ratio = max(-inverse[last, k], 0.0) / value
                if ratio < smallest or (ratio == smallest and value > price[leaving]):
                    smallest = ratio
                    leaving = k
        if leaving == 0:
            return True
        for i in range(size):
            pivot = inverse[i, leaving] / price[leaving]
            inverse[i, leaving] = pivot
            if pivot != 0.0:
                for k in range(size):
                    if k != leaving:
                        inverse[i, k] -= pivot * price[k]
        basis[leaving] = entering
    return True


@compiled()
def refresh(rows, inverse, basis):
    """Invert the tight equations afresh, where that is possible: repeated exchanges lose digits."""
    size = inverse.shape[0]
    last = size - 1
    work = np.zeros((size, 2 * size))
    for k in range(size):
        work[k, size + k] = 1.0
        if k == 0:
            for j in range(last):
                work[0, j] = 1.0
        elif basis[k] >= 0:
            for j in range(last):
                work[k, j] = rows[basis[k], j]
            work[k, last] = -1.0
        else:
            work[k, -1 - basis[k]] = 1.0
    for column in range(size):
        pivot_row = column
        for i in range(column + 1, size):
            if abs(work[i, column]) > abs(work[pivot_row, column]):
                pivot_row = i
        pivot = work[pivot_row, column]
        if abs(pivot) < SMALLEST_PIVOT:
            return
        for j in range(2 * size):
            work[column, j], work[pivot_row, j] = work[pivot_row, j], work[column, j]
            work[column, j] /= pivot
        for i in range(size):
            factor = work[i, column]
            if i != column and factor != 0.0:
                for j in range(column, 2 * size):
                    work[i, j] -= factor * work[column, j]
    for i in range(size):
        for j in range(size):
            inverse[i, j] = work[i, size + j]
