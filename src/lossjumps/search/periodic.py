"""The points of an itinerary's cycle, of any order and however strongly it expands or contracts, to rounding.

The equations z_{t+1} = J_t z_t + f_t of one period are a cyclic block system, of which (I - T) z_0 = s is what is left
once all other points are eliminated.  Its entries are powers of those of the J_t, and what they hide is lost.  So where
the first point of a period does not lead back to itself, all equations are solved together
(`lossjumps.search.cyclic_system`), and refined with residuals in twice the working precision.
"""

import numpy as np

from lossjumps.compiled import compiled, kernel_part
from lossjumps.search.cyclic_system import balance, factor_cyclic, solve_cyclic
from lossjumps.search.double_double import two_product, two_sum
from lossjumps.search.kernels import compose, copy_matrix, linear_pieces, solve_in_place, step_in_region

UNIT_ROUNDOFF = 2.0**-53

WELL_CONDITIONED = 1e-6
"""Relative size of the smallest pivot of I - T down to which its solution and the sign of its determinant are used."""

REGULAR = 0.1
"""Correction of the points, over what a step adds up, from which their equations are singular within rounding."""

MOST_REFINEMENTS = 6


@kernel_part()
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


@kernel_part()
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


@kernel_part()
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


@kernel_part()
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


@kernel_part()
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


@kernel_part()
def _largest_added_up(A, U, V, b, c, itinerary, points, scale):
    """The largest sum of moduli that a step of the period adds up, in scaled states."""
    sizes = np.empty(A.shape[0])
    largest = 0.0
    for time in range(points.shape[0]):
        _added_up(A, U, V, b, c, itinerary[time], points[time], sizes)
        largest = max(largest, (sizes / scale).max())
    return largest


@kernel_part()
def _states_at_rest(jacobians, offsets, at_rest):
    """Fill `at_rest` (k, M): the states that no offset reaches at any time; they are exactly zero."""
    period, dimension = offsets.shape
    at_rest.fill(True)
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


@kernel_part()
def _correct(panels, taus, couplings, scale, at_rest, corrections, points):
    """Solve for the corrections of the points, given their defects, and add them; return the largest, scaled."""
    largest = 0.0
    corrections /= scale
    solve_cyclic(panels, taus, couplings, corrections)
    for time in range(points.shape[0]):
        for i in range(points.shape[1]):
            largest = max(largest, abs(corrections[time, i]))
            points[time, i] = 0.0 if at_rest[time, i] else points[time, i] + corrections[time, i] * scale[i]
    return largest if np.isfinite(corrections).all() else np.inf


@kernel_part()
def _solve_period(A, U, V, b, c, itinerary, points, inputs):
    """Solve the equations of one period together; as `virtual_cycle`."""
    period = itinerary.shape[0]
    dimension = A.shape[0]
    jacobians, defects = linear_pieces(A, U, V, b, c, itinerary)
    at_rest = np.empty((period, dimension), np.bool_)
    _states_at_rest(jacobians, defects, at_rest)
    scale = np.empty(dimension)
    balance(jacobians, scale)
    panels = np.empty((period, 2 * dimension, dimension))
    taus = np.empty((period, dimension))
    couplings = np.empty((period, dimension, 2 * dimension))
    sign = factor_cyclic(jacobians, panels, taus, couplings)
    if sign == 0.0:
        return 0.0, np.inf
    points.fill(0.0)
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
