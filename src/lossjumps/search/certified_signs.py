"""Float64 with rigorous error bounds: which itineraries surely have, or surely lack, an admissible cycle.

A ball is a midpoint and a radius.  A sum of n products differs in float64 from its exact value by less than
n 2^-52 times the sum of the moduli (twice the bound of Higham, Accuracy and Stability of Numerical Algorithms,
section 3.1, which leaves room for the rounding of the radius itself), and by `UNDERFLOW` where products underflow.
"""

import numpy as np

from lossjumps.compiled import compiled, kernel_part
from lossjumps.search.kernels import EPSILON, copy_matrix

UNDERFLOW = 1e-290
INFLATE = 1.0 + 1e-9
"""Covers the rounding of sums of radii, of which there are far fewer than 10^6 in one product."""

VIRTUAL, UNDECIDED, ADMISSIBLE = -1, 0, 1


@kernel_part()
def _ball_product(left, left_radius, right, right_radius, product, radius):
    """Fill the ball of left @ right; vectors are (M, 1)."""
    rows, inner = left.shape
    columns = right.shape[1]
    rounding = (inner + 2) * EPSILON
    for i in range(rows):
        for j in range(columns):
            product[i, j] = 0.0
            radius[i, j] = 0.0
        for m in range(inner):
            value = left[i, m]
            spread = left_radius[i, m]
            size = abs(value)
            for j in range(columns):
                term = value * right[m, j]
                product[i, j] += term
                radius[i, j] += (
                    rounding * abs(term) + size * right_radius[m, j] + spread * (abs(right[m, j]) + right_radius[m, j])
                )
        for j in range(columns):
            radius[i, j] = INFLATE * radius[i, j] + UNDERFLOW


@kernel_part()
def _ball_piece(A, U, V, b, c, region, jacobian, jacobian_radius, offset, offset_radius):
    """Fill the balls of the Jacobian (M, M) and the offset (M, 1) of one linear region."""
    dimension, units = U.shape
    for i in range(dimension):
        for j in range(dimension + 1):
            value = A[i, j] if j < dimension else c[i]
            size = abs(value)
            terms = 0
            for unit in range(units):
                if region[unit]:
                    term = U[i, unit] * (V[unit, j] if j < dimension else b[unit])
                    value += term
                    size += abs(term)
                    terms += 1
            bound = INFLATE * (terms + 2) * EPSILON * size + UNDERFLOW if terms > 0 else 0.0
            if j < dimension:
                jacobian[i, j] = value
                jacobian_radius[i, j] = bound
            else:
                offset[i, 0] = value
                offset_radius[i, 0] = bound


@kernel_part()
def _add_ball(target, target_radius, other, other_radius):
    for i in range(target.shape[0]):
        target[i, 0] += other[i, 0]
        target_radius[i, 0] = INFLATE * (target_radius[i, 0] + other_radius[i, 0] + EPSILON * abs(target[i, 0]))


@kernel_part()
def _factor(matrix, lower_inverse, upper_inverse):
    """Approximate inverses of the factors of P `matrix` = L U, L^-1 P and U^-1; `matrix` is overwritten.

    Returns
    -------
    sign : float
        The sign of det(L^-1 P) det(U^-1), exactly that of the matrices filled: L^-1 is unit lower triangular and
        U^-1 triangular whatever their rounding.  0.0 where a pivot vanishes.
    """
    size = matrix.shape[0]
    rows = np.arange(size)
    sign = 1.0
    for column in range(size):
        best = column
        for row in range(column + 1, size):
            if abs(matrix[row, column]) > abs(matrix[best, column]):
                best = row
        pivot = matrix[best, column]
        if not abs(pivot) > 0.0 or not np.isfinite(pivot):
            return 0.0
        if best != column:
            sign = -sign
            rows[best], rows[column] = rows[column], rows[best]
            for j in range(size):
                matrix[column, j], matrix[best, j] = matrix[best, j], matrix[column, j]
        if pivot < 0.0:
            sign = -sign
        for row in range(column + 1, size):
            factor = matrix[row, column] / pivot
            matrix[row, column] = factor
            for j in range(column + 1, size):
                matrix[row, j] -= factor * matrix[column, j]
    inverse = np.zeros((size, size))
    for column in range(size):
        inverse[column, column] = 1.0
        for row in range(column + 1, size):
            value = 0.0
            for m in range(column, row):
                value -= matrix[row, m] * inverse[m, column]
            inverse[row, column] = value
        for row in range(size - 1, -1, -1):
            value = 1.0 if row == column else 0.0
            for m in range(row + 1, column + 1):
                value -= matrix[row, m] * upper_inverse[m, column]
            upper_inverse[row, column] = value / matrix[row, row] if row <= column else 0.0
    for i in range(size):
        for j in range(size):
            lower_inverse[i, rows[j]] = inverse[i, j]
        # an underflow would leave a factor that is not regular
        if not abs(upper_inverse[i, i]) > 0.0 or not np.isfinite(upper_inverse[i, i]):
            return 0.0
    return sign


@kernel_part()
def _solve_ball(system, system_radius, rhs, rhs_radius, point, point_radius):
    """Fill the ball (M, 1) of the solution; return the sign of the determinant, 0.0 where regularity is not proved.

    With G = L^-1 P B U^-1 and |I - G| < 1, B is regular and its sign known, and z = z' + U^-1 G^-1 L^-1 P (s - B z').
    """
    size = system.shape[0]
    exact = np.zeros((size, size))
    lower = np.empty((size, size))
    upper = np.empty((size, size))
    sign = _factor(system.copy(), lower, upper)
    if sign == 0.0:
        return 0.0
    partial = np.empty((size, size))
    partial_radius = np.empty((size, size))
    near_identity = np.empty((size, size))
    near_radius = np.empty((size, size))
    _ball_product(lower, exact, system, system_radius, partial, partial_radius)
    _ball_product(partial, partial_radius, upper, exact, near_identity, near_radius)
    departure = 0.0
    for i in range(size):
        row = 0.0
        for j in range(size):
            row += abs(near_identity[i, j] - (1.0 if i == j else 0.0)) + near_radius[i, j] + EPSILON
        departure = max(departure, INFLATE * row)
    if not departure < 0.5:
        return 0.0
    for i in range(size):
        point[i, 0] = 0.0
        point_radius[i, 0] = 0.0
    residual = np.empty((size, 1))
    residual_radius = np.empty((size, 1))
    scaled = np.empty(size)
    error = 0.0
    refinements = 2
    for refinement in range(refinements + 1):
        _ball_product(system, system_radius, point, point_radius, residual, residual_radius)
        for i in range(size):
            residual[i, 0] = rhs[i, 0] - residual[i, 0]
            bound = residual_radius[i, 0] + rhs_radius[i, 0] + EPSILON * abs(residual[i, 0])
            residual_radius[i, 0] = INFLATE * bound + UNDERFLOW
        largest = 0.0
        for i in range(size):
            scaled[i] = 0.0
            bound = 0.0
            for j in range(size):
                scaled[i] += lower[i, j] * residual[j, 0]
                bound += abs(lower[i, j]) * (abs(residual[j, 0]) + residual_radius[j, 0])
            largest = max(largest, bound)
        error = INFLATE * INFLATE * largest / (1.0 - departure)
        for i in range(size if refinement < refinements else 0):
            for j in range(i, size):
                point[i, 0] += upper[i, j] * scaled[j]
    for i in range(size):
        bound = 0.0
        for j in range(i, size):
            bound += abs(upper[i, j]) * error
        point_radius[i, 0] = INFLATE * bound + UNDERFLOW
    return sign


@compiled()
def certified_signs(A, U, V, b, c, itinerary, relative):
    """Decide an itinerary (k, H) as far as float64 can.

    Parameters
    ----------
    A, U, V, b, c : arrays of a `ReluMap`
    itinerary : (k, H) bool array
    relative : (k, H) array
        Filled with the unit inputs over |b_l| + sum_j |V_lj| max|z|, each taken as near to zero as its error bound
        allows; 0.0 where the sign is not decided.

    Returns
    -------
    verdict : int
        `ADMISSIBLE`: I - T is regular and every unit of the solution surely has the assumed sign, strictly.
        `VIRTUAL`: I - T is regular and some unit that has outputs surely has the other sign.  `UNDECIDED` otherwise.
    sign : float
        sign det(I - T), or 0.0 where that is not decided.
    error : float
        Bound of the error in float64 of any coordinate of any point; infinite where sign is 0.0.
    """
    dimension = A.shape[0]
    period = itinerary.shape[0]
    jacobians = np.empty((period, dimension, dimension))
    jacobian_radii = np.empty((period, dimension, dimension))
    offsets = np.empty((period, dimension, 1))
    offset_radii = np.empty((period, dimension, 1))
    for time in range(period):
        _ball_piece(
            A, U, V, b, c, itinerary[time],
            jacobians[time], jacobian_radii[time], offsets[time], offset_radii[time],
        )  # fmt: skip
    product, product_radius = jacobians[0].copy(), jacobian_radii[0].copy()
    shift, shift_radius = offsets[0].copy(), offset_radii[0].copy()
    new_product, new_product_radius = np.empty(product.shape), np.empty(product.shape)
    new_shift, new_shift_radius = np.empty(shift.shape), np.empty(shift.shape)
    for time in range(1, period):
        J, radius = jacobians[time], jacobian_radii[time]
        _ball_product(J, radius, product, product_radius, new_product, new_product_radius)
        _ball_product(J, radius, shift, shift_radius, new_shift, new_shift_radius)
        _add_ball(new_shift, new_shift_radius, offsets[time], offset_radii[time])
        product, new_product = new_product, product
        product_radius, new_product_radius = new_product_radius, product_radius
        shift, new_shift = new_shift, shift
        shift_radius, new_shift_radius = new_shift_radius, shift_radius
    for i in range(dimension):
        for j in range(dimension):
            product[i, j] = (1.0 if i == j else 0.0) - product[i, j]
            product_radius[i, j] = INFLATE * (product_radius[i, j] + EPSILON * abs(product[i, j]))
    point, point_radius = np.empty((dimension, 1)), np.empty((dimension, 1))
    relative.fill(0.0)
    sign = _solve_ball(product, product_radius, shift, shift_radius, point, point_radius)
    if sign == 0.0:
        return UNDECIDED, sign, np.inf
    verdict, error = _decided_signs(
        U, V, b, itinerary, jacobians, jacobian_radii, offsets, offset_radii, point, point_radius, relative
    )
    return verdict, sign, error


@kernel_part()
def _decided_signs(U, V, b, itinerary, jacobians, jacobian_radii, offsets, offset_radii, point, point_radius, relative):
    """Roll the ball of the first point out and compare the signs of all inputs; verdict and largest radius."""
    period, units = itinerary.shape
    dimension = V.shape[1]
    image, image_radius = np.empty((dimension, 1)), np.empty((dimension, 1))
    silent = np.ones(units, np.bool_)
    for unit in range(units):
        for i in range(dimension):
            silent[unit] = silent[unit] and U[i, unit] == 0.0
    wrong = False
    undecided = False
    error = 0.0
    for time in range(period):
        largest = np.abs(point).max()
        error = max(error, point_radius.max())
        for unit in range(units):
            value = b[unit]
            size = abs(b[unit])
            spread = 0.0
            weights = 0.0
            for j in range(dimension):
                term = V[unit, j] * point[j, 0]
                value += term
                size += abs(term)
                spread += abs(V[unit, j]) * point_radius[j, 0]
                weights += abs(V[unit, j])
            bound = 0.0
            if weights > 0.0:
                bound = INFLATE * (spread + (dimension + 3) * EPSILON * size) + UNDERFLOW
            if not bound < np.inf:
                undecided = True
            elif value > bound:
                relative[time, unit] = (value - bound) / (abs(b[unit]) + weights * largest)
                wrong = wrong or not (itinerary[time, unit] or silent[unit])
                undecided = undecided or not itinerary[time, unit]
            elif value < -bound:
                relative[time, unit] = (value + bound) / (abs(b[unit]) + weights * largest)
                wrong = wrong or (itinerary[time, unit] and not silent[unit])
                undecided = undecided or itinerary[time, unit]
            elif weights == 0.0:
                # neither weights nor bias: off, without a border
                relative[time, unit] = -1.0
                undecided = undecided or itinerary[time, unit]
            else:
                undecided = True
        if time + 1 < period:
            _ball_product(jacobians[time], jacobian_radii[time], point, point_radius, image, image_radius)
            _add_ball(image, image_radius, offsets[time], offset_radii[time])
            copy_matrix(image, point)
            copy_matrix(image_radius, point_radius)
    if wrong:
        return VIRTUAL, error
    return UNDECIDED if undecided else ADMISSIBLE, error
