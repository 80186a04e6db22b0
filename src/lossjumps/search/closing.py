"""May a cell of states that share their first k regions hold a fixed point of F^k?  Compiled tests."""

import numpy as np

from lossjumps.compiled import kernel_part
from lossjumps.search.cells import tighten
from lossjumps.search.kernels import EPSILON, copy_matrix, copy_vector, solve_in_place

FLAT = 1e-10
"""Depth below which a cell may be a mere point of contact."""

CONTACT = 1e-13
"""Added to the depth of a flat cell for the rounding of its rows and weights."""

UNSURE = 1e-3
"""Relative error of a solution from which a system counts as singular here."""


@kernel_part()
def holds_fixed_points(images, errors, order, rows, count, inverse, basis):
    """Whether the cell, cut with F^order(z) = z within rounding, may hold points."""
    dimension, corners = images.shape[1:]
    now_inverse = inverse.copy()
    now_basis = basis.copy()
    for i in range(dimension):
        largest = 0.0
        for j in range(corners):
            largest = max(largest, abs(images[order, i, j] - images[0, i, j]))
        if not largest > errors[order, i]:
            continue
        for sign in (1.0, -1.0):
            for j in range(corners):
                rows[count, j] = (sign * (images[order, i, j] - images[0, i, j]) + errors[order, i]) / largest
                rows[count, j] += 4.0 * EPSILON
            count += 1
            if not tighten(rows, count, now_inverse, now_basis):
                return False
    return True


@kernel_part()
def closes(images, errors, order, at_one, rounding, rows, count):
    """Whether the fixed point of F^order on the regions of a word lies in its cell: 0 no, 1 maybe, 2 system singular.

    The point is solved for in the simplex itself, F^order(Z g) - Z g = 0 and w . g = 1, however small that is beside
    its distance from the origin.  Only what lies outside by more than the error of the solution is refused.
    """
    dimension, corners = images.shape[1:]
    system = np.empty((corners, corners))
    doubt = np.empty(corners)
    for i in range(dimension):
        largest = 0.0
        doubt[i] = errors[order, i]
        for j in range(corners):
            system[i, j] = images[order, i, j] - images[0, i, j]
            largest = max(largest, abs(system[i, j]))
            doubt[i] = max(doubt[i], errors[order, i] + rounding * (abs(images[order, i, j]) + abs(images[0, i, j])))
        if not largest > 0.0 or not np.isfinite(largest):
            return 2
        doubt[i] /= largest
        for j in range(corners):
            system[i, j] /= largest
    for j in range(corners):
        system[dimension, j] = at_one[j]
    doubt[dimension] = 0.0
    inverse = np.empty((corners, corners))
    factors = np.empty((corners, corners))
    column = np.empty(corners)
    for k in range(corners):
        for i in range(corners):
            column[i] = 1.0 if i == k else 0.0
        copy_matrix(system, factors)
        if solve_in_place(factors, column)[1] == 0.0:
            return 2
        for i in range(corners):
            inverse[i, k] = column[i]
    total = 0.0
    for j in range(corners):
        total += abs(inverse[j, dimension])
    if not np.isfinite(total):
        return 2
    residual = np.empty(corners)
    for k in range(corners):
        value = -1.0 if k == dimension else 0.0
        modulus = abs(value)
        for j in range(corners):
            value += system[k, j] * inverse[j, dimension]
            modulus += abs(system[k, j] * inverse[j, dimension])
        residual[k] = abs(value) + (corners + 3) * EPSILON * modulus + doubt[k] * total
    # the inverse is one up to `departure`: |I - X S| for every S in doubt
    g_error = np.empty(corners)
    rest = np.empty(corners)
    worst = 0.0
    departure = 0.0
    for i in range(corners):
        g_error[i] = 0.0
        rest[i] = 0.0
        for k in range(corners):
            g_error[i] += abs(inverse[i, k]) * residual[k]
            rest[i] += abs(inverse[i, k]) * doubt[k] * corners
        for j in range(corners):
            value = -1.0 if i == j else 0.0
            modulus = abs(value)
            for k in range(corners):
                value += inverse[i, k] * system[k, j]
                modulus += abs(inverse[i, k] * system[k, j])
            rest[i] += abs(value) + (corners + 3) * EPSILON * modulus
        worst = max(worst, g_error[i])
        departure = max(departure, rest[i])
    if not departure < 0.5 or not worst <= UNSURE * total:
        return 2
    for j in range(corners):
        g_error[j] = 2.0 * (g_error[j] + rest[j] * worst / (1.0 - departure)) + rounding * abs(inverse[j, dimension])
        if inverse[j, dimension] < -g_error[j]:
            return 0
    for row in range(count):
        value = 0.0
        error = 0.0
        for j in range(corners):
            value += rows[row, j] * inverse[j, dimension]
            error += abs(rows[row, j]) * (g_error[j] + rounding * abs(inverse[j, dimension]))
        if value < -error:
            return 0
    return 1


@kernel_part()
def is_passed_once(normals, offsets, constant, sides, sizes, images, at_one, max_order, inverse, basis):
    """Whether a flat cell is a single point of contact (within rounding) that no cycle up to `max_order` goes through.

    Structure brings such points: where more borders meet than there are dimensions, as all borders without bias do at
    the origin, every combination of sides touches the point.  Their number grows like 2^H and they hold nothing.  The
    orbit of a ball around the point is followed, with the jacobians of all regions that the ball may touch.
    """
    size = inverse.shape[0]
    last = size - 1
    dimension = images.shape[1]
    depth = max(inverse[last, 0], 0.0) + CONTACT
    spread = np.zeros(last)
    for k in range(1, size):
        weight = -inverse[last, k]
        if not weight > FLAT:
            return False
        for j in range(last):
            spread[j] += abs(inverse[j, k]) * depth / weight
    one = 0.0
    one_error = 0.0
    for j in range(last):
        one += at_one[j] * inverse[j, 0]
        one_error += abs(at_one[j]) * spread[j]
    if not one > 2.0 * one_error:
        return False
    start = np.zeros(dimension)
    radius = 0.0
    for i in range(dimension):
        error = 0.0
        for j in range(last):
            start[i] += images[0, i, j] * inverse[j, 0]
            error += abs(images[0, i, j]) * spread[j]
        start[i] /= one
        radius = max(radius, 2.0 * (error + abs(start[i]) * one_error) / one)
    first_radius = radius
    ball = radius  # the ball where the product of jacobians begins: after the last border that it may have touched
    product = np.empty((dimension, dimension))
    new_product = np.empty((dimension, dimension))
    touched = True
    point = start.copy()
    image = np.empty(dimension)
    step = np.empty((dimension, dimension))
    bend = np.empty((dimension, dimension))
    rounding = (normals.shape[0] + dimension + 4) * EPSILON
    step_error = 0.0  # rounding of a step, of the product of steps, and of the point, in the norm max_i sum_j
    for i in range(dimension):
        total = 0.0
        for j in range(dimension):
            total += sizes[i, j]
        step_error = max(step_error, rounding * total)
    product_error = 0.0
    point_error = 0.0
    size = 1.0
    for _ in range(max_order):
        if touched:
            ball = radius
            product_error = 0.0
            point_error = 0.0
            size = 1.0
            for i in range(dimension):
                for j in range(dimension):
                    product[i, j] = 1.0 if i == j else 0.0
        touched = False
        for i in range(dimension):
            image[i] = constant[i, dimension]
            for j in range(dimension):
                image[i] += constant[i, j] * point[j]
                step[i, j] = constant[i, j]
                bend[i, j] = 0.0
        for border in range(normals.shape[0]):
            value = offsets[border]
            reach = rounding * abs(value)
            for j in range(dimension):
                value += normals[border, j] * point[j]
                reach += abs(normals[border, j]) * (radius + rounding * abs(point[j]))
            side = 1 if value > 0.0 else 0
            for i in range(dimension):
                image[i] += sides[border, side, i, dimension]
                for j in range(dimension):
                    image[i] += sides[border, side, i, j] * point[j]
                    step[i, j] += sides[border, side, i, j]
            if abs(value) <= reach:
                touched = True
                for i in range(dimension):
                    for j in range(dimension):
                        bend[i, j] += abs(sides[border, 1, i, j] - sides[border, 0, i, j])
        growth = 0.0
        new_size = 0.0
        distance = 0.0
        added_up = 0.0
        for i in range(dimension):
            of_step = step_error
            of_product = 0.0
            modulus = sizes[i, dimension]
            for j in range(dimension):
                new_product[i, j] = 0.0
                for k in range(dimension):
                    new_product[i, j] += step[i, k] * product[k, j]
                of_step += abs(step[i, j]) + bend[i, j]
                of_product += abs(new_product[i, j])
                modulus += sizes[i, j] * abs(point[j])
            growth = max(growth, of_step)
            new_size = max(new_size, of_product)
            added_up = max(added_up, modulus)
            distance = max(distance, abs(image[i] - start[i]))
        product_error = growth * product_error + 2.0 * step_error * size
        point_error = growth * point_error + rounding * added_up
        size = new_size + product_error
        copy_vector(image, point)
        copy_matrix(new_product, product)
        radius = growth * radius + rounding * added_up if touched else size * ball + point_error
        if not distance > 2.0 * (radius + first_radius):
            return False
    return True
