"""Eigenvalues of a product of matrices, from its factors and never from the product.

In the product the large eigenvalues hide the small ones, and both may be beyond what a float64 holds.  The periodic QR
algorithm (Bojanczyk, Golub, Van Dooren, "The periodic Schur decomposition", SPIE 1770, 1992; Kressner, "Numerical
methods for general and structured eigenvalue problems", chapter 4, 2005) makes all factors triangular by rotations
between neighbours, and an eigenvalue is the product of diagonal entries.  What rounding does is what changes of the
factors by some 1e-16 of their size would do.

Factors F_0 ... F_{k-1} are (k, n, n), the product is F_{k-1} ... F_0: F_{k-1} is kept in Hessenberg form, the others
upper triangular.  Only eigenvalues are wanted, so outside of the active rows and columns nothing is updated.
"""

import math

import numpy as np

from lossjumps.compiled import compiled, kernel_part
from lossjumps.search.cyclic_system import balance, reflect, reflector
from lossjumps.search.double_double import normalized, product_of, sum_of, times
from lossjumps.search.kernels import EPSILON

BLURRED = 40
"""Binary digits by which shifts may exceed the head of the product: beyond it they are lost on the way to the tail."""

ITERATIONS = 120
"""Iterations for one block at the most; every thirtieth has exceptional shifts."""


@kernel_part()
def _plane_rotation(head, tail):
    """Cosine and sine of the rotation that takes (head, tail) to (r, 0), and r."""
    if tail == 0.0:
        return 1.0, 0.0, head
    size = math.hypot(head, tail)
    return head / size, tail / size, size


@kernel_part()
def _turn_rows(matrix, row, cosine, sine, first, last):
    """Rotate rows `row` and `row` + 1 in the columns first ... last."""
    for j in range(first, last + 1):
        upper = matrix[row, j]
        lower = matrix[row + 1, j]
        matrix[row, j] = cosine * upper + sine * lower
        matrix[row + 1, j] = cosine * lower - sine * upper


@kernel_part()
def _turn_columns(matrix, column, cosine, sine, first, last):
    """Rotate columns `column` and `column` + 1 in the rows first ... last."""
    for i in range(first, last + 1):
        left = matrix[i, column]
        right = matrix[i, column + 1]
        matrix[i, column] = cosine * left + sine * right
        matrix[i, column + 1] = cosine * right - sine * left


@kernel_part()
def _pass_round(factors, row, cosine, sine, first, last, below):
    """Take a rotation of rows `row`, `row` + 1 of the last factor once round, to its columns.

    It turns the columns of F_0; what that puts below the diagonal is removed by a rotation of the rows of F_0, which
    turns the columns of F_1, and so on.  `below` is the last row of the last factor with entries in these columns.
    """
    period = factors.shape[0]
    for time in range(period - 1):
        factor = factors[time]
        singular = factor[row, row] == 0.0
        _turn_columns(factor, row, cosine, sine, first, row + 1)
        cosine, sine, size = _plane_rotation(factor[row, row], factor[row + 1, row])
        if sine == 0.0:
            return
        factor[row, row] = size
        factor[row + 1, row] = 0.0
        _turn_rows(factor, row, cosine, sine, row + 1, last)
        if singular:  # in two columns of rank one
            factor[row + 1, row + 1] = 0.0
    _turn_columns(factors[period - 1], row, cosine, sine, first, below)


@kernel_part()
def _reduce_to_hessenberg(factors):
    """Bring the last factor to Hessenberg form, the others stay triangular."""
    size = factors.shape[1]
    hessenberg = factors[factors.shape[0] - 1]
    for column in range(size - 2):
        for row in range(size - 2, column, -1):
            cosine, sine, length = _plane_rotation(hessenberg[row, column], hessenberg[row + 1, column])
            if sine == 0.0:
                continue
            hessenberg[row, column] = length
            hessenberg[row + 1, column] = 0.0
            _turn_rows(hessenberg, row, cosine, sine, column + 1, size - 1)
            _pass_round(factors, row, cosine, sine, 0, size - 1, size - 1)


@kernel_part()
def _step_without_shift(factors, first, last, cosines, sines):
    """One QR step of the active product without shift; a zero on a diagonal goes to the end."""
    hessenberg = factors[factors.shape[0] - 1]
    for row in range(first, last):
        cosines[row], sines[row], length = _plane_rotation(hessenberg[row, row], hessenberg[row + 1, row])
        hessenberg[row, row] = length
        hessenberg[row + 1, row] = 0.0
        _turn_rows(hessenberg, row, cosines[row], sines[row], row + 1, last)
    for row in range(first, last):
        if sines[row] != 0.0:
            _pass_round(factors, row, cosines[row], sines[row], first, last, row + 1)


@kernel_part()
def _triangular_product(factors, start, size, product):
    """Fill the product (size, size) of the diagonal blocks of all factors but the last; return its binary exponent."""
    exponent = 0
    for i in range(size):
        for j in range(size):
            product[i, j] = 1.0 if i == j else 0.0
    for time in range(factors.shape[0] - 1):
        largest = 0.0
        for i in range(size):
            for j in range(i, size):
                value = 0.0
                for m in range(i, j + 1):
                    value += factors[time, start + i, start + m] * product[m, j]
                product[i, j] = value  # row i needs the rows from i on only
                largest = max(largest, abs(value))
        if largest == 0.0:
            return 0
        shift = math.frexp(largest)[1]
        exponent += shift
        for i in range(size):
            for j in range(i, size):
                product[i, j] = math.ldexp(product[i, j], -shift)
    return exponent


@kernel_part()
def _step_with_two_shifts(factors, first, last, exceptional, room):
    """One implicit QR step of the active product, its shifts the eigenvalues of its last two rows and columns.

    Exceptional shifts break the symmetry of products such as permutations, on which those have no effect (they are
    those of EISPACK's hqr).  False where the shifts say nothing to the head of the product; then nothing is done.
    """
    hessenberg = factors[factors.shape[0] - 1]
    tail_exponent = _triangular_product(factors, last - 2, 3, room)
    upper = hessenberg[last - 1, last - 2], hessenberg[last - 1, last - 1], hessenberg[last - 1, last]
    lower = hessenberg[last, last - 1], hessenberg[last, last]
    t11 = upper[0] * room[0, 1] + upper[1] * room[1, 1]
    t12 = upper[0] * room[0, 2] + upper[1] * room[1, 2] + upper[2] * room[2, 2]
    t21 = lower[0] * room[1, 1]
    t22 = lower[0] * room[1, 2] + lower[1] * room[2, 2]
    if exceptional:
        size = abs(t21) + abs(upper[0] * room[0, 0])
        t11 = t22 = t22 + 0.75 * size
        t12, t21 = -0.4375 * size, size
    trace = t11 + t22
    determinant = t11 * t22 - t12 * t21
    difference = tail_exponent - _triangular_product(factors, first, 2, room)
    if difference > BLURRED:
        return False
    difference = max(difference, -500)
    trace = math.ldexp(trace, difference)
    determinant = math.ldexp(determinant, 2 * difference)
    t11 = hessenberg[first, first] * room[0, 0]
    t21 = hessenberg[first + 1, first] * room[0, 0]
    t12 = hessenberg[first, first] * room[0, 1] + hessenberg[first, first + 1] * room[1, 1]
    t22 = hessenberg[first + 1, first] * room[0, 1] + hessenberg[first + 1, first + 1] * room[1, 1]
    t32 = hessenberg[first + 2, first + 1] * room[1, 1]
    head = t11 * (t11 - trace) + determinant + t12 * t21
    middle = t21 * (t11 + t22 - trace)
    tail = t21 * t32
    if middle == 0.0 and tail == 0.0:
        return False
    for row in range(first, last):
        # the two entries below the subdiagonal go one after the other
        if row > first:
            head = hessenberg[row, row - 1]
            middle = hessenberg[row + 1, row - 1]
            tail = hessenberg[row + 2, row - 1] if row + 2 <= last else 0.0
        start = max(first, row - 1)
        cosine, sine, size = _plane_rotation(middle, tail)
        if sine != 0.0:
            _turn_rows(hessenberg, row + 1, cosine, sine, start, last)
            _pass_round(factors, row + 1, cosine, sine, first, last, min(last, row + 3))
        cosine, sine, _ = _plane_rotation(head, size)
        if sine != 0.0:
            _turn_rows(hessenberg, row, cosine, sine, start, last)
            _pass_round(factors, row, cosine, sine, first, last, min(last, row + 3))
        if row > first:
            hessenberg[row + 1, row - 1] = 0.0
            if row + 2 <= last:
                hessenberg[row + 2, row - 1] = 0.0
    return True


@kernel_part()
def _single(factors, place, mantissas, exponents):
    """Fill the eigenvalue of a diagonal block of size one."""
    value = (0.5, 0.0, 1)
    for time in range(factors.shape[0]):
        value = times(value, factors[time, place, place])
    mantissas[place] = value[0]
    exponents[place] = value[2]


@kernel_part()
def _pair(factors, place, mantissas, exponents):
    """Fill the eigenvalues of a diagonal block of size two, from trace and determinant in twice the precision."""
    one = (0.5, 0.0, 1)
    n11, n22, n12 = one, one, (0.0, 0.0, 0)
    for time in range(factors.shape[0] - 1):
        n12 = sum_of(times(n12, factors[time, place, place]), times(n22, factors[time, place, place + 1]))
        n11 = times(n11, factors[time, place, place])
        n22 = times(n22, factors[time, place + 1, place + 1])
    last = factors[factors.shape[0] - 1]
    h11, h12, h21, h22 = (
        last[place, place], last[place, place + 1], last[place + 1, place], last[place + 1, place + 1],
    )  # fmt: skip
    mean = sum_of(sum_of(times(n11, h11), times(n12, h21)), times(n22, h22))
    mean = mean[0], mean[1], mean[2] - 1 if mean[0] != 0.0 else 0
    minor = sum_of(times(times(one, h11), h22), times(times(one, -h12), h21))
    determinant = product_of(minor, product_of(n11, n22))
    discriminant = sum_of(product_of(mean, mean), (-determinant[0], -determinant[1], determinant[2]))
    # an even exponent has a root
    odd = discriminant[2] % 2
    root = math.sqrt(math.ldexp(abs(discriminant[0] + discriminant[1]), odd))
    root_exponent = (discriminant[2] - odd) // 2
    if discriminant[0] < 0.0:
        common = max(root_exponent, mean[2]) if mean[0] != 0.0 else root_exponent
        real = math.ldexp(mean[0], max(mean[2] - common, -1100))
        imaginary = math.ldexp(root, max(root_exponent - common, -1100))
        mantissas[place] = complex(real, imaginary)
        mantissas[place + 1] = complex(real, -imaginary)
        exponents[place] = common
        exponents[place + 1] = common
        return
    large = sum_of(mean, normalized(-root if mean[0] < 0.0 else root, 0.0, root_exponent))
    mantissas[place] = large[0]
    exponents[place] = large[2]
    mantissas[place + 1] = 0.0
    exponents[place + 1] = 0
    if large[0] != 0.0 and determinant[0] != 0.0:
        mantissas[place + 1] = determinant[0] / large[0]
        exponents[place + 1] = determinant[2] - large[2]


@kernel_part()
def _chain(jacobians, factors, start, kept):
    """Fill `factors` (k, n, n): triangular ones and a last full one, whose product has the nonzero eigenvalues.

    From `start` on each Jacobian is applied to an orthonormal basis, and the image is factored into the next basis and
    a triangle; at `start` the basis are the states `kept` (n,).
    """
    period, dimension = jacobians.shape[:2]
    size = kept.shape[0]
    basis = np.zeros((dimension, size))
    for j in range(size):
        basis[kept[j], j] = 1.0
    image = np.empty((dimension, size))
    room = np.empty(dimension)
    taus = np.empty(size)
    for step in range(period):
        jacobian = jacobians[(start + step) % period]
        for i in range(dimension):
            for j in range(size):
                image[i, j] = 0.0
            for m in range(dimension):
                weight = jacobian[i, m]
                if weight != 0.0:
                    for j in range(size):
                        image[i, j] += weight * basis[m, j]
        if step == period - 1:
            for i in range(size):
                for j in range(size):
                    factors[step, i, j] = image[kept[i], j]
            return
        for column in range(size):
            taus[column] = reflector(image, column, column)
            reflect(image, column, column, taus[column], image, column + 1, room)
        for i in range(size):
            for j in range(size):
                factors[step, i, j] = image[i, j] if j >= i else 0.0
        for i in range(dimension):
            for j in range(size):
                basis[i, j] = 1.0 if i == j else 0.0
        for column in range(size - 1, -1, -1):
            reflect(image, column, column, taus[column], basis, 0, room)


@kernel_part()
def silent_states(jacobians, silent):
    """Fill `silent` (k, M): which states at each time come from nothing, or have no effect on anything after.

    They add a zero to the eigenvalues of the product that begins there, whatever their rows and columns hold.
    """
    period, dimension = silent.shape
    for time in range(period):
        before = jacobians[(time - 1) % period]
        after = jacobians[time]
        for i in range(dimension):
            row = False
            column = False
            for j in range(dimension):
                row = row or before[i, j] != 0.0
                column = column or after[j, i] != 0.0
            silent[time, i] = not (row and column)


@kernel_part()
def _iterate(factors, mantissas, exponents):
    """Split the Hessenberg-triangular product into blocks of size one and two; False where that does not converge."""
    period, size = factors.shape[:2]
    hessenberg = factors[period - 1]
    cosines, sines = np.empty(size), np.empty(size)
    room = np.empty((3, 3))
    last = size - 1
    iterations = 0
    while last >= 0:
        first = last
        while first > 0:
            beside = abs(hessenberg[first - 1, first - 1]) + abs(hessenberg[first, first])
            if not abs(hessenberg[first, first - 1]) > EPSILON * beside:
                break
            first -= 1
        if first >= last - 1:
            if first == last:
                _single(factors, last, mantissas, exponents)
            else:
                _pair(factors, first, mantissas, exponents)
            last = first - 1
            iterations = 0
            continue
        iterations += 1
        if iterations > ITERATIONS:
            return False
        singular = False
        for time in range(period - 1):
            for place in range(first, last + 1):
                singular = singular or factors[time, place, place] == 0.0
            if factors[time, last, last] == 0.0:
                for i in range(first, last + 1):
                    hessenberg[i, last] = 0.0  # it meets nothing but zeros
        exceptional = iterations % 30 == 0
        if singular or not _step_with_two_shifts(factors, first, last, exceptional, room):
            _step_without_shift(factors, first, last, cosines, sines)
    return True


@compiled()
def eigenvalues_of_product(jacobians, mantissas, exponents):
    """Fill the eigenvalues of J_{k-1} ... J_0 as mantissas (M,) complex times 2 to the exponents (M,).

    Parameters
    ----------
    jacobians : (k, M, M) array
        Overwritten.

    Returns
    -------
    converged : bool
    """
    period, dimension = jacobians.shape[:2]
    balance(jacobians, np.empty(dimension))
    silent = np.empty((period, dimension), np.bool_)
    silent_states(jacobians, silent)
    start = 0
    most = -1
    for time in range(period):
        count = 0
        for i in range(dimension):
            count += silent[time, i]
        if count > most:
            start, most = time, count
    mantissas.fill(0.0)
    exponents.fill(0)
    kept = np.flatnonzero(~silent[start])
    size = dimension - most
    if size == 0:
        return True
    factors = np.empty((period, size, size))
    _chain(jacobians, factors, start, kept)
    _reduce_to_hessenberg(factors)
    return _iterate(factors, mantissas[:size], exponents[:size])
