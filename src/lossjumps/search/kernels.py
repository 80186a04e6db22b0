"""Compiled kernels of the search: one itinerary at a time, on the canonical form.

All of them take the arrays A, U, V, b, c of a `ReluMap`, are free of Python objects, and are cached on disk.
"""

import numpy as np

from lossjumps.compiled import compiled, kernel_part

EPSILON = 2.0**-52
"""Relative rounding of float64."""

SINGULAR = 1e-13
"""Relative size of the smallest pivot below which a linear system counts as singular."""

BORDER = 1e-11
"""Relative distance from a unit's border below which the sign of its input is unsafe in float64."""


@kernel_part()
def copy_vector(source, target):
    """Copy a vector into another; a loop, for assignment to a slice takes numba seconds to compile."""
    for i in range(source.shape[0]):
        target[i] = source[i]


@compiled()
def copy_matrix(source, target):
    """Copy a matrix into another."""
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


@compiled()
def solve_in_place(matrix, rhs):
    """Solve `matrix` x = `rhs` by elimination with row pivoting; both are overwritten, x is left in `rhs`.

    What is left in `matrix` are the factors of its rows exchanged, L without its diagonal of ones, and U.

    Returns
    -------
    relative_pivot : float
        Smallest pivot over the largest: near zero where the system is singular.
    sign : float
        Sign of the determinant, 0.0 where a pivot vanishes (then `rhs` is not a solution).
    """
    size = matrix.shape[0]
    sign = 1.0
    smallest = np.inf
    largest = 0.0
    for column in range(size):
        pivot_row = column
        pivot = abs(matrix[column, column])
        for row in range(column + 1, size):
            if abs(matrix[row, column]) > pivot:
                pivot = abs(matrix[row, column])
                pivot_row = row
        if not pivot > 0.0 or not np.isfinite(pivot):
            return 0.0, 0.0
        smallest = min(smallest, pivot)
        largest = max(largest, pivot)
        if pivot_row != column:
            sign = -sign
            for j in range(size):
                matrix[column, j], matrix[pivot_row, j] = matrix[pivot_row, j], matrix[column, j]
            rhs[column], rhs[pivot_row] = rhs[pivot_row], rhs[column]
        if matrix[column, column] < 0.0:
            sign = -sign
        for row in range(column + 1, size):
            factor = matrix[row, column] / matrix[column, column]
            matrix[row, column] = factor
            if factor != 0.0:
                for j in range(column + 1, size):
                    matrix[row, j] -= factor * matrix[column, j]
                rhs[row] -= factor * rhs[column]
    for row in range(size - 1, -1, -1):
        value = rhs[row]
        for j in range(row + 1, size):
            value -= matrix[row, j] * rhs[j]
        rhs[row] = value / matrix[row, row]
    return smallest / largest, sign


@kernel_part()
def inverse_and_rounding(factors, bounds):
    """Bounds, in the norm max_i sum_j, of the inverse of what `solve_in_place` factored, and of what it rounded there.

    The factors are those of a matrix that differs by at most 3 M epsilon |L| |U| (Higham, Accuracy and Stability of
    Numerical Algorithms, theorem 9.4); their inverses are bounded by those of the comparison matrices (theorem 8.12).
    `bounds` (M,) is room.
    """
    size = factors.shape[0]
    of_lower = 0.0
    for i in range(size):
        bounds[i] = 1.0
        for j in range(i):
            bounds[i] += abs(factors[i, j]) * bounds[j]
        of_lower = max(of_lower, bounds[i])
    of_upper = 0.0
    for i in range(size - 1, -1, -1):
        bounds[i] = 1.0
        for j in range(i + 1, size):
            bounds[i] += abs(factors[i, j]) * bounds[j]
        bounds[i] /= abs(factors[i, i])
        of_upper = max(of_upper, bounds[i])
    for i in range(size):
        bounds[i] = 0.0
        for j in range(i, size):
            bounds[i] += abs(factors[i, j])
    rounded = 0.0
    for i in range(size):
        row = bounds[i]
        for j in range(i):
            row += abs(factors[i, j]) * bounds[j]
        rounded = max(rounded, row)
    return of_lower * of_upper, 4.0 * size * EPSILON * rounded


@kernel_part()
def linear_piece(A, U, V, b, c, region, jacobian, offset):
    """Fill the Jacobian (M, M) and the offset (M,) of the map in one linear region."""
    dimension, units = U.shape
    for i in range(dimension):
        offset[i] = c[i]
        for j in range(dimension):
            jacobian[i, j] = A[i, j]
    for unit in range(units):
        if region[unit]:
            for i in range(dimension):
                weight = U[i, unit]
                offset[i] += weight * b[unit]
                for j in range(dimension):
                    jacobian[i, j] += weight * V[unit, j]


@compiled()
def linear_pieces(A, U, V, b, c, regions):
    """Jacobians (R, M, M) and offsets (R, M) of the map in linear regions (R, H)."""
    count = regions.shape[0]
    dimension = A.shape[0]
    jacobians = np.empty((count, dimension, dimension))
    offsets = np.empty((count, dimension))
    units = V.shape[0]
    kinks = np.empty((units, dimension, dimension))
    steps = np.empty((units, dimension))
    for unit in range(units):
        for i in range(dimension):
            steps[unit, i] = U[i, unit] * b[unit]
            for j in range(dimension):
                kinks[unit, i, j] = U[i, unit] * V[unit, j]
    for region in range(count):
        copy_matrix(A, jacobians[region])
        copy_vector(c, offsets[region])
        for unit in range(units):
            if regions[region, unit]:
                for i in range(dimension):
                    offsets[region, i] += steps[unit, i]
                    for j in range(dimension):
                        jacobians[region, i, j] += kinks[unit, i, j]
    return jacobians, offsets


@kernel_part()
def follow_with(jacobian, offset, product, shift, new_product, new_shift):
    """Follow z -> product z + shift with one more piece: both are overwritten, the last two arguments are room."""
    dimension = product.shape[0]
    for i in range(dimension):
        new_shift[i] = offset[i]
        for j in range(dimension):
            new_shift[i] += jacobian[i, j] * shift[j]
            value = 0.0
            for m in range(dimension):
                value += jacobian[i, m] * product[m, j]
            new_product[i, j] = value
    copy_matrix(new_product, product)
    copy_vector(new_shift, shift)


@compiled()
def compose(A, U, V, b, c, itinerary, start, product, shift):
    """Fill product T (M, M) and shift q (M,) of z -> T z + q, once round an itinerary (k, H) from time `start`."""
    dimension = A.shape[0]
    jacobian = np.empty((dimension, dimension))
    offset = np.empty(dimension)
    new_product = np.empty((dimension, dimension))
    new_shift = np.empty(dimension)
    period = itinerary.shape[0]
    linear_piece(A, U, V, b, c, itinerary[start], product, shift)
    for later in range(1, period):
        linear_piece(A, U, V, b, c, itinerary[(start + later) % period], jacobian, offset)
        follow_with(jacobian, offset, product, shift, new_product, new_shift)


@kernel_part()
def step_in_region(A, U, V, b, c, region, point, image, inputs):
    """Apply the piece of `region` to `point`; fill `image` (M,) and the unit inputs `inputs` (H,) at `point`."""
    dimension, units = U.shape
    for i in range(dimension):
        value = c[i]
        for j in range(dimension):
            value += A[i, j] * point[j]
        image[i] = value
    for unit in range(units):
        value = b[unit]
        for j in range(dimension):
            value += V[unit, j] * point[j]
        inputs[unit] = value
        if region[unit]:
            for i in range(dimension):
                image[i] += U[i, unit] * value


@kernel_part()
def relative_inputs(V, b, point, inputs, relative):
    """Fill `relative` (H,) with the unit inputs over the size that their rounding is relative to.

    That size is |b_l| + sum_j |V_lj| max|z|.  A unit with zero weights and zero bias is off and has no border: -1.
    """
    largest = 0.0
    for j in range(V.shape[1]):
        largest = max(largest, abs(point[j]))
    for unit in range(V.shape[0]):
        weight = 0.0
        for j in range(V.shape[1]):
            weight += abs(V[unit, j])
        size = abs(b[unit]) + weight * largest
        if size > 0.0:
            relative[unit] = inputs[unit] / size
        else:
            relative[unit] = 0.0 if weight > 0.0 else -1.0


@compiled()
def admissibility(V, b, itinerary, points, inputs):
    """How far inside its assumed regions a virtual cycle lies.

    Returns
    -------
    border_distance : float
        Smallest signed relative unit input along the cycle, positive where it has the assumed sign.  A cycle is
        admissible where this is positive; within `BORDER` of zero float64 cannot tell.
    """
    relative = np.empty(V.shape[0])
    distance = np.inf
    for time in range(itinerary.shape[0]):
        relative_inputs(V, b, points[time], inputs[time], relative)
        for unit in range(V.shape[0]):
            distance = min(distance, relative[unit] if itinerary[time, unit] else -relative[unit])
    return distance


@compiled()
def true_itinerary(A, U, V, b, c, point, itinerary):
    """Roll the map out from `point` and fill the itinerary (k, H) of its first k points; False if it diverges."""
    period, units = itinerary.shape
    dimension = A.shape[0]
    current = point.copy()
    image = np.empty(dimension)
    for time in range(period):
        for i in range(dimension):
            value = c[i]
            for j in range(dimension):
                value += A[i, j] * current[j]
            image[i] = value
        for unit in range(units):
            value = b[unit]
            for j in range(dimension):
                value += V[unit, j] * current[j]
            itinerary[time, unit] = value > 0.0
            if value > 0.0:
                for i in range(dimension):
                    image[i] += U[i, unit] * value
        for i in range(dimension):
            if not np.isfinite(image[i]):
                return False
            current[i] = image[i]
    return True
