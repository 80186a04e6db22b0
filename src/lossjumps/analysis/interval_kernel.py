"""Compiled kernel: whether the objects of given itineraries exist along an interval of a path.

On a fixed itinerary det(I - T), and each unit input times det(I - T), are polynomials of the fraction s where the
parameters are.  Their Chebyshev series on an interval bound them there, and so decide where they have no root or one.
"""

import numpy as np

from lossjumps.compiled import compiled, kernel_part
from lossjumps.search.kernels import compose
from lossjumps.search.periodic import virtual_cycle

SOLVED = 1.0
"""Largest residual of a step along a virtual object, over the rounding of the step, that counts as solved."""

ROUNDING = 1e-13
"""Rounding of a test, relative to what is added up in it."""

UNRESOLVED_TAIL = 1e-6
"""Size of the last coefficients, relative to the largest, above which a series does not resolve its function."""

ABSENT, PRESENT, CROSSING, UNDECIDED = 0, 1, 2, 3
"""What is known of an object on an interval: it does not exist, it does, each test vanishes at most once, nothing."""


@kernel_part()
def determinant(matrix):
    """Determinant by elimination with row pivoting, and its size times what its rounding is relative to.

    The matrix is overwritten.  Every pivot is known to rounding of the largest.
    """
    size = matrix.shape[0]
    product = 1.0
    smallest, largest = np.inf, 0.0
    for column in range(size):
        pivot_row = column
        for row in range(column + 1, size):
            if abs(matrix[row, column]) > abs(matrix[pivot_row, column]):
                pivot_row = row
        pivot = matrix[pivot_row, column]
        if pivot == 0.0:
            return 0.0, 0.0
        smallest, largest = min(smallest, abs(pivot)), max(largest, abs(pivot))
        product *= pivot
        if pivot_row != column:
            product = -product
            for j in range(column, size):
                matrix[column, j], matrix[pivot_row, j] = matrix[pivot_row, j], matrix[column, j]
        for row in range(column + 1, size):
            factor = matrix[row, column] / pivot
            if factor != 0.0:
                for j in range(column + 1, size):
                    matrix[row, j] -= factor * matrix[column, j]
    return product, abs(product) * (1.0 + 0.01 * largest / smallest)


@kernel_part()
def existence_tests(A, U, V, b, c, itinerary, points, inputs, product, values, sizes):
    """Fill the tests of one map: det(I - T), then each unit input along the object times it; False where unsolvable.

    Parameters
    ----------
    itinerary : (k, H) bool array
    points, inputs, product : (k, M), (k, H), (M, M) arrays
        Room for the virtual object and I - T.
    values, sizes : (1 + k H,) arrays
        Filled with the tests, and with the sizes that their rounding is relative to.
    """
    sign, residual = virtual_cycle(A, U, V, b, c, itinerary, points, inputs)
    if sign == 0.0 or not residual <= SOLVED:
        return False
    dimension = A.shape[0]
    compose(A, U, V, b, c, itinerary, 0, product, np.empty(dimension))
    for i in range(dimension):
        for j in range(dimension):
            product[i, j] = -product[i, j]
        product[i, i] += 1.0
    det, sizes[0] = determinant(product)
    det = sign * abs(det)
    values[0] = det
    period, units = itinerary.shape
    for time in range(period):
        largest = 0.0
        for j in range(dimension):
            largest = max(largest, abs(points[time, j]))
        for unit in range(units):
            weight = 0.0
            for j in range(dimension):
                weight += abs(V[unit, j])
            test = 1 + time * units + unit
            values[test] = det * inputs[time, unit]
            sizes[test] = abs(det) * (abs(b[unit]) + weight * largest)
    return True


@compiled()
def test_of(A, U, V, b, c, itinerary, test):
    """One of the `existence_tests` by its number; NaN where there is no solution."""
    period, units = itinerary.shape
    values = np.empty(1 + period * units)
    points = np.empty((period, A.shape[0]))
    product = np.empty((A.shape[0], A.shape[0]))
    inputs = np.empty((period, units))
    if not existence_tests(A, U, V, b, c, itinerary, points, inputs, product, values, np.empty(values.shape)):
        return np.nan
    return values[test]


@compiled()
def signs_on_interval(series, noise, exact):
    """Signs of a function at the ends of an interval, from its Chebyshev series (n,).

    Returns
    -------
    decided : bool
        Whether it is known to have no root (equal signs) or one that it crosses (different signs).
    left, right : int
        -1, 0 or 1; both 0 where it vanishes identically, as far as rounding lets one tell.
    """
    number = series.shape[0]
    others, slopes, largest, at_left, at_right = 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(number):
        size = abs(series[j])
        largest = max(largest, size)
        at_right += series[j]
        at_left += series[j] if j % 2 == 0 else -series[j]
        if j > 0:
            others += size
        if j > 1:
            slopes += j * j * size
    if abs(series[0]) + others <= noise:
        return True, 0, 0
    tail = 0.0
    if not exact:
        tail = 2.0 * (abs(series[number - 1]) + abs(series[number - 2]))
        if tail > UNRESOLVED_TAIL * largest:
            return False, 0, 0
    if abs(series[0]) > others + tail + noise:
        sign = 1 if series[0] > 0.0 else -1
        return True, sign, sign
    if abs(series[1]) <= slopes + number * number * tail + noise:
        return False, 0, 0
    left = 0 if abs(at_left) <= noise else (1 if at_left > 0.0 else -1)
    right = 0 if abs(at_right) <= noise else (1 if at_right > 0.0 else -1)
    # a root at an end itself is the neighbour's, or lies at a recorded map
    if left == 0:
        left = right
    if right == 0:
        right = left
    return left != 0, left, right


@compiled()
def root_of_series(series, left):
    """The root in (0, 1) of a Chebyshev series on [0, 1] that crosses zero once, from the sign `left`; by bisection."""
    low, high = -1.0, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        later, latest = 0.0, 0.0
        for j in range(series.shape[0] - 1, 0, -1):
            later, latest = 2.0 * middle * later - latest + series[j], later
        value = middle * later - latest + series[0]
        if (value > 0.0) == (left > 0):
            low = middle
        else:
            high = middle
    return 0.25 * (low + high) + 0.5


@kernel_part()
def judge(values, sizes, chebyshev, exact, itinerary, left, right, roots):
    """What the tests of one itinerary at the nodes of an interval say about its object there.

    Parameters
    ----------
    values, sizes : (n, 1 + k H) arrays
        `existence_tests` at the nodes.
    chebyshev : (n, n) array
        Values at the nodes -> Chebyshev series.
    exact : bool
        Whether the tests are polynomials of a degree below n.
    left, right : (1 + k H,) int8 arrays
        Filled with the signs of each test at the ends.
    roots : (1 + k H,) array
        Filled with the root of each test that crosses zero once, as a fraction of the interval.

    Returns
    -------
    int
        ABSENT, PRESENT, CROSSING or UNDECIDED.
    """
    nodes, tests = values.shape
    units = itinerary.shape[1]
    series = np.empty(nodes)
    undecided = False
    crossing = False
    wanted = 0  # sign of every unit input with the sign that its bit asks for, times det
    for test in range(tests):
        noise = 0.0
        for node in range(nodes):
            noise = max(noise, sizes[node, test])
        noise *= ROUNDING
        for j in range(nodes):
            total = 0.0
            for node in range(nodes):
                total += chebyshev[j, node] * values[node, test]
            series[j] = total
        decided, left[test], right[test] = signs_on_interval(series, noise, exact)
        if not decided:
            undecided = True
            continue
        if left[test] != right[test]:
            crossing = True
            roots[test] = root_of_series(series, left[test])
            continue
        on = True
        if test > 0:
            on = itinerary[(test - 1) // units, (test - 1) % units]
        if left[test] == 0:
            # a unit that stays on its border is off; where det(I - T) vanishes all along there is no isolated object
            if on:
                return ABSENT
            continue
        sign = left[test] if on else -left[test]
        if wanted == 0:
            wanted = sign
        elif sign != wanted:
            return ABSENT
    if undecided:
        return UNDECIDED
    return CROSSING if crossing else PRESENT


@compiled()
def scan_interval(As, Us, Vs, bs, cs, words, chebyshev, exact, verdicts, left, right, roots):
    """Judge the objects of itineraries (W, k, H) from the maps at the nodes of an interval.

    Parameters
    ----------
    As, Us, Vs, bs, cs : arrays
        Parameters at the n nodes, along the first axis.
    verdicts : (W,) int8 array
        Filled, as `judge` gives them.
    left, right : (W, 1 + k H) int8 arrays
        Filled with the signs of each test at the ends.
    roots : (W, 1 + k H) array
        Filled with the root of each test that crosses zero once, as a fraction of the interval.
    """
    count, period, units = words.shape
    nodes, dimension = cs.shape
    tests = 1 + period * units
    values, sizes = np.empty((nodes, tests)), np.empty((nodes, tests))
    points, inputs = np.empty((period, dimension)), np.empty((period, units))
    product = np.empty((dimension, dimension))
    for word in range(count):
        solved = 0
        for node in range(nodes):
            if existence_tests(
                As[node],
                Us[node],
                Vs[node],
                bs[node],
                cs[node],
                words[word],
                points,
                inputs,
                product,
                values[node],
                sizes[node],
            ):
                solved += 1
        if solved == nodes:
            verdicts[word] = judge(values, sizes, chebyshev, exact, words[word], left[word], right[word], roots[word])
        else:
            # singular all along there is no isolated object
            verdicts[word] = UNDECIDED if solved else ABSENT


@compiled()
def jacobian_products(As, Us, Vs, bs, cs, itinerary, products):
    """Fill the Jacobian products (n, M, M) of one itinerary for the maps at n nodes."""
    nodes, dimension = cs.shape
    for node in range(nodes):
        compose(As[node], Us[node], Vs[node], bs[node], cs[node], itinerary, 0, products[node], np.empty(dimension))
