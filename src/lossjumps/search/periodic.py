"""The points of an itinerary's cycle, of any order and however strongly it expands or contracts, to rounding.

The equations z_{t+1} = J_t z_t + f_t of one period are a cyclic block system, of which (I - T) z_0 = s is what is left
once all other points are eliminated.  Its entries are powers of those of the J_t, and what they hide is lost.  The
system itself is solved by orthogonal elimination of one point after another, which is stable where the map expands and
where it contracts (S. J. Wright, "Stable parallel algorithms for two-point boundary value problems", SIAM J. Sci.
Stat. Comput. 13, 1992), in states scaled to like size, and refined with residuals in twice the working precision.
"""

import numpy as np

from lossjumps.compiled import compiled
from lossjumps.search.kernels import compose, copy_matrix, linear_piece, solve_in_place, step_in_region

UNIT_ROUNDOFF = 2.0**-53

WELL_CONDITIONED = 1e-6
"""Relative size of the smallest pivot of I - T down to which its solution and the sign of its determinant are used."""

REGULAR = 0.1
"""Correction of the points, over what a step adds up, from which their equations are singular within rounding."""

MOST_REFINEMENTS = 6

SPLITTER = 2.0**27 + 1.0
"""Splits a float64 into two halves of 26 bits (Dekker, Numer. Math. 18, 1971)."""


@compiled()
def solve_rotation(A, U, V, b, c, itinerary, start, product, point):
    """Solve for the point at time `start` of an itinerary's cycle; fill the Jacobian product begun there.

    Returns
    -------
    relative_pivot, sign : float
        Of I - T, as `solve_in_place` gives them.
    """
    dimension = A.shape[0]
    compose(A, U, V, b, c, itinerary, start, product, point)
    system = np.empty((dimension, dimension))
    silent = np.empty(dimension, np.bool_)
    for i in range(dimension):
        silent[i] = point[i] == 0.0
        for j in range(dimension):
            silent[i] = silent[i] and product[i, j] == 0.0
            system[i, j] = -product[i, j]
        system[i, i] += 1.0
    relative_pivot, sign = solve_in_place(system, point)
    for i in range(dimension):
        if silent[i]:
            point[i] = 0.0
    return relative_pivot, sign


@compiled()
def two_sum(a, b):
    """The sum of two float64, and what its rounding left out (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


@compiled()
def two_product(a, b):
    """The product of two float64, and what its rounding left out (Dekker)."""
    product = a * b
    high_a = SPLITTER * a
    high_a = high_a - (high_a - a)
    low_a = a - high_a
    high_b = SPLITTER * b
    high_b = high_b - (high_b - b)
    low_b = b - high_b
    return product, ((high_a * high_b - product) + high_a * low_b + low_a * high_b) + low_a * low_b


@compiled()
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
    scale[:] = 1.0
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


@compiled()
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


@compiled()
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


@compiled()
def _factor_ring(jacobians, panels, taus, couplings):
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


@compiled()
def _solve_ring(panels, taus, couplings, values):
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


@compiled()
def _added_up(A, U, V, b, c, region, point, sizes):
    """Fill `sizes` (M,) with the sum of the moduli of what a step adds up; return how many terms that are at most."""
    dimension, units = U.shape
    terms = 2 * dimension + 2
    for i in range(dimension):
        sizes[i] = abs(c[i])
        for j in range(dimension):
            sizes[i] += abs(A[i, j] * point[j])
    for unit in range(units):
        if region[unit]:
            terms += 1
            value = abs(b[unit])
            for j in range(dimension):
                value += abs(V[unit, j] * point[j])
            for i in range(dimension):
                sizes[i] += abs(U[i, unit]) * value
    return terms


@compiled()
def _relative_to_rounding(A, U, V, b, c, region, point, defect, floor, sizes):
    """The largest defect (M,) of a step over the bound of the rounding of that step, component by component.

    A sum of n products differs from its rounded value by at most n 2^-53 times the sum of the moduli (Higham,
    Accuracy and Stability of Numerical Algorithms, section 3.1, to first order), which counts as `floor` (M,) at least.
    """
    terms = _added_up(A, U, V, b, c, region, point, sizes)
    largest = 0.0
    for i in range(A.shape[0]):
        bound = terms * UNIT_ROUNDOFF * max(sizes[i], floor[i])
        if not (np.isfinite(defect[i]) and np.isfinite(bound)):
            return np.inf
        if defect[i] != 0.0:
            largest = max(largest, abs(defect[i]) / bound if bound > 0.0 else np.inf)
    return largest


@compiled()
def _accurate_step(A, U, V, b, c, region, point, target, inputs, defect, rest):
    """Fill the unit inputs (H,) at `point` and the step's distance (M,) from `target`, in twice the working precision.

    Compensated sums (Ogita, Rump, Oishi, "Accurate sum and dot product", SIAM J. Sci. Comput. 26, 2005); `rest` (M,)
    is room.
    """
    dimension, units = U.shape
    for i in range(dimension):
        high, low = two_sum(c[i], -target[i])
        for j in range(dimension):
            if A[i, j] != 0.0:
                term, missing = two_product(A[i, j], point[j])
                high, left_out = two_sum(high, term)
                low += missing + left_out
        defect[i] = high
        rest[i] = low
    for unit in range(units):
        high = b[unit]
        low = 0.0
        for j in range(dimension):
            if V[unit, j] != 0.0:
                term, missing = two_product(V[unit, j], point[j])
                high, left_out = two_sum(high, term)
                low += missing + left_out
        inputs[unit] = high + low
        if region[unit]:
            low += high - inputs[unit]
            for i in range(dimension):
                if U[i, unit] != 0.0:
                    term, missing = two_product(U[i, unit], inputs[unit])
                    defect[i], left_out = two_sum(defect[i], term)
                    rest[i] += missing + left_out + U[i, unit] * low
    for i in range(dimension):
        defect[i] += rest[i]


@compiled()
def _defects(A, U, V, b, c, itinerary, points, floor, inputs, defects):
    """Fill inputs (k, H) and defects F(z_t) - z_{t+1} (k, M); the largest of these over the rounding of its step."""
    period, dimension = points.shape
    room = np.empty(dimension)
    residual = 0.0
    for time in range(period):
        target = points[(time + 1) % period]
        _accurate_step(A, U, V, b, c, itinerary[time], points[time], target, inputs[time], defects[time], room)
        step = _relative_to_rounding(A, U, V, b, c, itinerary[time], points[time], defects[time], floor, room)
        residual = max(residual, step)
    return residual


@compiled()
def _largest_added_up(A, U, V, b, c, itinerary, points, scale):
    """The largest sum of moduli that a step of the period adds up, in scaled states."""
    sizes = np.empty(A.shape[0])
    largest = 0.0
    for time in range(points.shape[0]):
        _added_up(A, U, V, b, c, itinerary[time], points[time], sizes)
        largest = max(largest, (sizes / scale).max())
    return largest


@compiled()
def _states_at_rest(jacobians, offsets, at_rest):
    """Fill `at_rest` (k, M): the states that no offset reaches at any time; they are exactly zero."""
    period, dimension = offsets.shape
    at_rest[:, :] = True
    changed = True
    while changed:
        changed = False
        for time in range(period):
            image = (time + 1) % period
            for i in range(dimension):
                if not at_rest[image, i]:
                    continue
                rests = offsets[time, i] == 0.0
                for j in range(dimension):
                    rests = rests and (at_rest[time, j] or jacobians[time, i, j] == 0.0)
                if not rests:
                    at_rest[image, i] = False
                    changed = True


@compiled()
def _correct(panels, taus, couplings, scale, at_rest, corrections, points):
    """Solve for the corrections of the points, given their defects, and add them; return the largest, scaled."""
    largest = 0.0
    corrections /= scale
    _solve_ring(panels, taus, couplings, corrections)
    for time in range(points.shape[0]):
        for i in range(points.shape[1]):
            largest = max(largest, abs(corrections[time, i]))
            points[time, i] = 0.0 if at_rest[time, i] else points[time, i] + corrections[time, i] * scale[i]
    return largest if np.isfinite(corrections).all() else np.inf


@compiled()
def _solve_period(A, U, V, b, c, itinerary, points, inputs):
    """Solve the equations of one period together; as `virtual_cycle`."""
    period = itinerary.shape[0]
    dimension = A.shape[0]
    jacobians = np.empty((period, dimension, dimension))
    defects = np.empty((period, dimension))
    for time in range(period):
        linear_piece(A, U, V, b, c, itinerary[time], jacobians[time], defects[time])
    at_rest = np.empty((period, dimension), np.bool_)
    _states_at_rest(jacobians, defects, at_rest)
    scale = np.empty(dimension)
    balance(jacobians, scale)
    panels = np.empty((period, 2 * dimension, dimension))
    taus = np.empty((period, dimension))
    couplings = np.empty((period, dimension, 2 * dimension))
    sign = _factor_ring(jacobians, panels, taus, couplings)
    if sign == 0.0:
        return 0.0, np.inf
    points[:, :] = 0.0
    _correct(panels, taus, couplings, scale, at_rest, defects, points)
    added_up = _largest_added_up(A, U, V, b, c, itinerary, points, scale)
    # a state can be zero though offsets reach it: then it is known to rounding of what rounding leaves of the others
    floor = UNIT_ROUNDOFF * added_up * scale
    residual = _defects(A, U, V, b, c, itinerary, points, floor, inputs, defects)
    better = points.copy()
    for _ in range(MOST_REFINEMENTS):
        # the first correction is what rounding has moved the points by: all of it where the system is singular
        if not _correct(panels, taus, couplings, scale, at_rest, defects, better) <= REGULAR * added_up:
            return 0.0, np.inf
        refined = _defects(A, U, V, b, c, itinerary, better, floor, inputs, defects)
        improved = refined < 0.5 * residual
        if refined <= residual:
            residual = refined
            copy_matrix(better, points)
        if not improved:
            break
    return sign, residual


@compiled()
def virtual_cycle(A, U, V, b, c, itinerary, points, inputs):
    """Solve for the cycle of an itinerary, whether its points lie in the assumed regions or not (then it is virtual).

    The first point is solved for and rolled out.  Where that loses digits until the end of the period (large
    multipliers, non-normal products), the equations of the whole period are solved together.

    Parameters
    ----------
    itinerary : (k, H) bool array
    points, inputs : (k, M), (k, H) arrays
        Filled with the points and the unit inputs V z + b along the cycle.

    Returns
    -------
    sign : float
        sign det(I - T), 0.0 where there is no solution.
    residual : float
        Largest distance of a state from that of the image of the point before, in units of the bound of the rounding
        of that step: 1.0 or less is all that can be asked for.
    """
    period = itinerary.shape[0]
    dimension = A.shape[0]
    product = np.empty((dimension, dimension))
    relative_pivot, sign = solve_rotation(A, U, V, b, c, itinerary, 0, product, points[0])
    if sign != 0.0 and relative_pivot > WELL_CONDITIONED:
        image = np.empty(dimension)
        for time in range(period - 1):
            step_in_region(A, U, V, b, c, itinerary[time], points[time], points[time + 1], inputs[time])
        last = period - 1
        step_in_region(A, U, V, b, c, itinerary[last], points[last], image, inputs[last])
        for i in range(dimension):
            image[i] -= points[0, i]
        floor, room = np.zeros(dimension), np.empty(dimension)
        residual = _relative_to_rounding(A, U, V, b, c, itinerary[last], points[last], image, floor, room)
        if residual <= 1.0:
            return sign, residual
    return _solve_period(A, U, V, b, c, itinerary, points, inputs)
