"""The cyclic block system z_{t+1} - J_t z_t = f_t, z_k = z_0, at the cost of some ten products of its blocks.

One point after another is eliminated by reflections, which is stable where the steps expand and where they contract
(S. J. Wright, "Stable parallel algorithms for two-point boundary value problems", SIAM J. Sci. Stat. Comput. 13, 1992);
elimination with pivots is not.
"""

import numpy as np

from lossjumps.compiled import kernel_part
from lossjumps.search.kernels import copy_matrix


@kernel_part()
def balance(jacobians, scale):
    """Scale the states of Jacobians (k, M, M), in place, by powers of two so that rows and columns have like size.

    `scale` (M,) is filled with d, and J becomes D^-1 J D.  The states of one map may be 1e-6 and 1e7, and what rounds
    the large ones must not reach the small ones (Parlett and Reinsch, Numer. Math. 13, 1969).
    """
    dimension = jacobians.shape[1]
    sizes = np.zeros((dimension, dimension))
    for time in range(jacobians.shape[0]):
        for i in range(dimension):
            for j in range(dimension):
                sizes[i, j] = max(sizes[i, j], abs(jacobians[time, i, j]))
    scale.fill(1.0)
    balanced = False
    sweeps = 0
    while not balanced and sweeps < 100:
        balanced = True
        sweeps += 1
        for i in range(dimension):
            column = 0.0
            row = 0.0
            for j in range(dimension):
                if j != i:
                    column += sizes[j, i]
                    row += sizes[i, j]
            if not (column > 0.0 and row > 0.0 and np.isfinite(column) and np.isfinite(row)):
                continue
            before = column + row
            factor = 1.0
            while column < row / 2.0 and factor < 1e100:
                factor *= 2.0
                column *= 2.0
                row /= 2.0
            while column >= row * 2.0 and factor > 1e-100:
                factor /= 2.0
                column /= 2.0
                row *= 2.0
            if column + row < 0.95 * before and 1e-100 < scale[i] * factor < 1e100:
                balanced = False
                scale[i] *= factor
                for j in range(dimension):
                    sizes[j, i] *= factor
                    sizes[i, j] /= factor
    for time in range(jacobians.shape[0]):
        for i in range(dimension):
            for j in range(dimension):
                jacobians[time, i, j] *= scale[j] / scale[i]


@kernel_part()
def reflector(matrix, column, first):
    """Make the column zero below row `first` by a reflection I - tau v v', v[first] = 1, kept there; return tau."""
    rows = matrix.shape[0]
    largest = 0.0
    for i in range(first + 1, rows):
        largest = max(largest, abs(matrix[i, column]))
    if largest == 0.0:
        return 0.0
    largest = max(largest, abs(matrix[first, column]))
    total = 0.0
    for i in range(first, rows):
        total += (matrix[i, column] / largest) ** 2
    norm = largest * np.sqrt(total)
    head = matrix[first, column]
    diagonal = -norm if head >= 0.0 else norm
    for i in range(first + 1, rows):
        matrix[i, column] /= head - diagonal
    matrix[first, column] = diagonal
    return (diagonal - head) / diagonal


@kernel_part()
def reflect(source, column, first, tau, target, start, room):
    """Apply the reflection kept in a column of `source` to the columns of `target` from `start` on."""
    if tau == 0.0:
        return
    rows, columns = target.shape
    for j in range(start, columns):
        room[j] = target[first, j]
    for i in range(first + 1, rows):
        weight = source[i, column]
        if weight != 0.0:
            for j in range(start, columns):
                room[j] += weight * target[i, j]
    for j in range(start, columns):
        room[j] *= tau
        target[first, j] -= room[j]
    for i in range(first + 1, rows):
        weight = source[i, column]
        if weight != 0.0:
            for j in range(start, columns):
                target[i, j] -= weight * room[j]


@kernel_part()
def factor_cyclic(jacobians, panels, taus, couplings):
    """Eliminate the points z_1 ... z_{k-1} one after another from z_{t+1} - J_t z_t = f_t, z_k = z_0.

    What is known about z_t from the equations before, G z_0 + E z_t = g, and its own equation are turned so that z_t
    is left in M of the 2 M rows.

    Parameters
    ----------
    jacobians : (k, M, M) array
    panels, taus : (k, 2 M, M), (k, M) arrays
        Filled with the reflections and the triangle R_t of each point; the last entry with those of z_0.
    couplings : (k, M, 2 M) array
        Filled with what couples z_t to z_0 and to z_{t+1}.

    Returns
    -------
    sign : float
        sign det(I - T), which is that of the system; 0.0 where it is singular.
    """
    period, dimension = jacobians.shape[:2]
    others = np.zeros((2 * dimension, 2 * dimension))
    room = np.empty(2 * dimension)
    sign = 1.0
    for i in range(dimension):
        for j in range(dimension):
            others[dimension + i, j] = -jacobians[0, i, j]
        others[dimension + i, dimension + i] = 1.0
    for time in range(1, period + 1):
        panel = panels[time % period]
        for i in range(dimension):
            for j in range(dimension):
                known = others[dimension + i, dimension + j]
                if time == period:
                    panel[i, j] = others[dimension + i, j] + known
                    panel[dimension + i, j] = 0.0
                else:
                    panel[i, j] = known
                    panel[dimension + i, j] = -jacobians[time, i, j]
                    others[i, j] = others[dimension + i, j]
                    others[i, dimension + j] = 0.0
                    others[dimension + i, j] = 0.0
                    others[dimension + i, dimension + j] = 0.0
            others[dimension + i, dimension + i] = 1.0
        for column in range(dimension):
            tau = reflector(panel, column, column)
            reflect(panel, column, column, tau, panel, column + 1, room)
            if time < period:
                reflect(panel, column, column, tau, others, 0, room)
            taus[time % period, column] = tau
            diagonal = panel[column, column]
            if not abs(diagonal) > 0.0 or not np.isfinite(diagonal):
                return 0.0
            if (diagonal < 0.0) != (tau != 0.0):
                sign = -sign
        if time < period:
            copy_matrix(others[:dimension], couplings[time])
    return sign


@kernel_part()
def solve_cyclic(panels, taus, couplings, values):
    """Solve the factored system: `values` (k, M) holds the right hand sides f_t, and is overwritten by the points."""
    period, dimension = values.shape
    pair = np.empty((2 * dimension, 1))
    room = np.empty(1)
    for i in range(dimension):
        pair[dimension + i, 0] = values[0, i]
    for time in range(1, period + 1):
        for i in range(dimension):
            pair[i, 0] = pair[dimension + i, 0]
            pair[dimension + i, 0] = values[time, i] if time < period else 0.0
        for column in range(dimension):
            reflect(panels[time % period], column, column, taus[time % period, column], pair, 0, room)
        for i in range(dimension):
            values[time % period, i] = pair[i, 0]
    for step in range(period):
        time = (period - step) % period
        panel = panels[time]
        following = values[(time + 1) % period]
        for i in range(dimension - 1, -1, -1):
            value = values[time, i]
            if time > 0:
                for j in range(dimension):
                    value -= couplings[time, i, j] * values[0, j] + couplings[time, i, dimension + j] * following[j]
            for j in range(i + 1, dimension):
                value -= panel[i, j] * values[time, j]
            values[time, i] = value / panel[i, i]
