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
def closes(images, products, errors, order, from_state, rounding, rows, count):
    """Whether the fixed point of F^order on the regions of a word lies in its cell: 0 no, 1 maybe, 2 system singular.

    Only what lies outside by more than the error of the solution is refused.
    """
    dimension, corners = images.shape[1:]
    system = np.empty((dimension, dimension))
    column = np.empty(dimension)
    point = np.empty(dimension)
    point_error = np.zeros(dimension)
    inverse = np.empty((dimension, dimension))
    shift = np.empty(dimension)
    for i in range(dimension):
        shift[i] = 0.0
        for j in range(corners):
            shift[i] += images[order, i, j] * from_state[j, dimension]
    for k in range(dimension):
        for i in range(dimension):
            column[i] = 1.0 if i == k else 0.0
            for j in range(dimension):
                system[i, j] = -products[order, 0, i, j]
            system[i, i] = 1.0 - products[order, 0, i, i]
        if solve_in_place(system, column)[1] == 0.0:
            return 2
        for i in range(dimension):
            inverse[i, k] = column[i]
    size = 0.0
    for i in range(dimension):
        point[i] = 0.0
        for k in range(dimension):
            point[i] += inverse[i, k] * shift[k]
        size = max(size, abs(point[i]))
    g = np.empty(corners)
    g_error = np.empty(corners)
    total = 0.0
    for j in range(corners):
        g[j] = from_state[j, dimension]
        for i in range(dimension):
            g[j] += from_state[j, i] * point[i]
        total += abs(g[j])
    if not np.isfinite(total):
        return 2
    for k in range(dimension):
        residual = errors[order, k] * total + rounding * (abs(shift[k]) + abs(point[k]))
        for i in range(dimension):
            residual += rounding * abs(products[order, 0, k, i] * point[i])
        for i in range(dimension):
            point_error[i] += 4.0 * abs(inverse[i, k]) * residual
    worst = 0.0
    for j in range(corners):
        g_error[j] = rounding * total
        for i in range(dimension):
            g_error[j] += abs(from_state[j, i]) * point_error[i]
        worst = max(worst, g_error[j])
    if not worst <= UNSURE * total:
        return 2
    for j in range(corners):
        if g[j] < -g_error[j]:
            return 0
    for row in range(count):
        value = 0.0
        error = 0.0
        for j in range(corners):
            value += rows[row, j] * g[j]
            error += abs(rows[row, j]) * g_error[j]
        if value < -error:
            return 0
    return 1


@kernel_part()
def is_passed_once(normals, offsets, constant, sides, images, at_one, max_order, inverse, basis):
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
    growth = np.empty((dimension, dimension))
    for _ in range(max_order):
        if touched:
            ball = radius
            for i in range(dimension):
                for j in range(dimension):
                    product[i, j] = 1.0 if i == j else 0.0
        touched = False
        for i in range(dimension):
            image[i] = constant[i, dimension]
            for j in range(dimension):
                image[i] += constant[i, j] * point[j]
                growth[i, j] = constant[i, j]
        for border in range(normals.shape[0]):
            value = offsets[border]
            reach = 0.0
            for j in range(dimension):
                value += normals[border, j] * point[j]
                reach += abs(normals[border, j]) * radius
            side = 1 if value > 0.0 else 0
            for i in range(dimension):
                image[i] += sides[border, side, i, dimension]
                for j in range(dimension):
                    image[i] += sides[border, side, i, j] * point[j]
                    growth[i, j] += sides[border, side, i, j]
            if abs(value) <= reach:
                touched = True
                for i in range(dimension):
                    for j in range(dimension):
                        difference = abs(sides[border, 1, i, j] - sides[border, 0, i, j])
                        growth[i, j] += difference if growth[i, j] > 0.0 else -difference
        largest = 0.0
        distance = 0.0
        magnitude = 0.0
        for i in range(dimension):
            total = 0.0
            for j in range(dimension):
                new_product[i, j] = 0.0
                for k in range(dimension):
                    new_product[i, j] += growth[i, k] * product[k, j]
                total += abs(growth[i, j] if touched else new_product[i, j])
            largest = max(largest, total)
            distance = max(distance, abs(image[i] - start[i]))
            magnitude = max(magnitude, abs(image[i]))
        copy_vector(image, point)
        copy_matrix(new_product, product)
        radius = largest * (radius if touched else ball) + 1e3 * EPSILON * magnitude
        if not distance > 2.0 * (radius + first_radius):
            return False
    return True
