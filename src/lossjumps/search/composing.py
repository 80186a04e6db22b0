"""One step of many region sequences side by side: the arithmetic of a visit, `LANES` sequences at once.

The affine map once round a sequence, z -> T z + q, is kept as a matrix (M, M + 1) and taken through one step as a
whole: [T q]' = A [T q] + U D (V [T q] + [0 b]) + [0 c].  A and V stay as sparse as they are: a diagonal A scales rows,
a V of single states (of PLRNN-like maps) picks them.
"""

from lossjumps.compiled import kernel_part
from lossjumps.lanes import (
    add_product,
    divide,
    larger_size,
    load,
    multiply,
    positive,
    same,
    store,
    subtract,
    subtract_product,
    where,
)


@kernel_part()
def _add_matrix_product(left, inner, right, columns, total):
    """Add the product of a matrix (rows, inner) and lanes (inner, columns) to lanes (rows, columns), both even."""
    for row in range(0, left.shape[0], 2):
        column = 0
        while column + 4 <= columns:
            place, below = row * columns + column, (row + 1) * columns + column
            t0, t1, t2, t3 = load(total, place), load(total, place + 1), load(total, place + 2), load(total, place + 3)
            s0, s1, s2, s3 = load(total, below), load(total, below + 1), load(total, below + 2), load(total, below + 3)
            for m in range(inner):
                one, two = same(left[row, m]), same(left[row + 1, m])
                source = m * columns + column
                r0, r1, r2, r3 = (
                    load(right, source),
                    load(right, source + 1),
                    load(right, source + 2),
                    load(right, source + 3),
                )
                t0 = add_product(t0, one, r0)
                t1 = add_product(t1, one, r1)
                t2 = add_product(t2, one, r2)
                t3 = add_product(t3, one, r3)
                s0 = add_product(s0, two, r0)
                s1 = add_product(s1, two, r1)
                s2 = add_product(s2, two, r2)
                s3 = add_product(s3, two, r3)
            store(total, place, t0)
            store(total, place + 1, t1)
            store(total, place + 2, t2)
            store(total, place + 3, t3)
            store(total, below, s0)
            store(total, below + 1, s1)
            store(total, below + 2, s2)
            store(total, below + 3, s3)
            column += 4
        if column < columns:
            place, below = row * columns + column, (row + 1) * columns + column
            t0, t1, s0, s1 = load(total, place), load(total, place + 1), load(total, below), load(total, below + 1)
            for m in range(inner):
                one, two = same(left[row, m]), same(left[row + 1, m])
                r0, r1 = load(right, m * columns + column), load(right, m * columns + column + 1)
                t0 = add_product(t0, one, r0)
                t1 = add_product(t1, one, r1)
                s0 = add_product(s0, two, r0)
                s1 = add_product(s1, two, r1)
            store(total, place, t0)
            store(total, place + 1, t1)
            store(total, below, s0)
            store(total, below + 1, s1)


@kernel_part()
def _add_vector_product(left, inner, right, total):
    """Add the product of a matrix (rows, inner) and lanes (inner,) to lanes (rows,), rows even."""
    for row in range(0, left.shape[0], 2):
        t, s = load(total, row), load(total, row + 1)
        for m in range(inner):
            r = load(right, m)
            t = add_product(t, same(left[row, m]), r)
            s = add_product(s, same(left[row + 1, m]), r)
        store(total, row, t)
        store(total, row + 1, s)


@kernel_part()
def begin(pieces, columns, gate, product, inputs):
    """[T q] of the first step: [A + U D V, U D b + c]."""
    dimension, units = pieces.U.shape
    zero = same(0.0)
    for i in range(dimension):
        for j in range(dimension):
            store(product, i * columns + j, same(pieces.A[i, j]))
        store(product, i * columns + dimension, same(pieces.c[i]))
    if pieces.states.shape[0] > 0:
        for unit in range(units):
            state = pieces.states[unit]
            bias = pieces.b[unit]
            for i in range(dimension):
                weight = where(gate[unit], same(pieces.U[i, unit]))
                place = i * columns + state
                store(product, place, add_product(load(product, place), weight, same(1.0)))
                if bias != 0.0:
                    place = i * columns + dimension
                    store(product, place, add_product(load(product, place), weight, same(bias)))
        return
    for unit in range(units):
        for j in range(dimension):
            store(inputs, unit * columns + j, where(gate[unit], same(pieces.V[unit, j])))
        store(inputs, unit * columns + dimension, where(gate[unit], same(pieces.b[unit])))
        for j in range(dimension + 1, columns):
            store(inputs, unit * columns + j, zero)
    _add_matrix_product(pieces.even_U, units, inputs, columns, product)


@kernel_part()
def go_on(pieces, columns, gate, product, image, inputs):
    """[T q] after one step more, in `image`."""
    dimension, units = pieces.U.shape
    if pieces.is_diagonal:
        for i in range(dimension):
            factor = same(pieces.A[i, i])
            for j in range(columns):
                store(image, i * columns + j, multiply(factor, load(product, i * columns + j)))
    else:
        zero = same(0.0)
        for place in range(dimension * columns):
            store(image, place, zero)
        _add_matrix_product(pieces.even_A, dimension, product, columns, image)
    for i in range(dimension):
        place = i * columns + dimension
        store(image, place, add_product(load(image, place), same(pieces.c[i]), same(1.0)))
    if pieces.states.shape[0] > 0:
        for unit in range(units):
            source, target, flags = pieces.states[unit] * columns, unit * columns, gate[unit]
            for j in range(columns):
                store(inputs, target + j, where(flags, load(product, source + j)))
            place = target + dimension
            store(inputs, place, add_product(load(inputs, place), where(flags, same(pieces.b[unit])), same(1.0)))
    else:
        zero = same(0.0)
        for unit in range(units):
            for j in range(columns):
                store(inputs, unit * columns + j, zero)
            store(inputs, unit * columns + dimension, same(pieces.b[unit]))
        _add_matrix_product(pieces.even_V, dimension, product, columns, inputs)
        for unit in range(units):
            flags = gate[unit]
            for place in range(unit * columns, (unit + 1) * columns):
                store(inputs, place, where(flags, load(inputs, place)))
    _add_matrix_product(pieces.even_U, units, inputs, columns, image)


@kernel_part(error_model="numpy")
def solve(dimension, columns, product, system, point):
    """Solve (I - T) z = q without pivoting; system[0] and [1] then hold the largest factor and the largest |T_ij|."""
    one = same(1.0)
    growth, size = same(0.0), same(0.0)
    for i in range(dimension):
        for j in range(dimension):
            entry = load(product, i * columns + j)
            size = larger_size(size, entry)
            store(system, i * columns + j, subtract(same(1.0 if i == j else 0.0), entry))
        store(system, i * columns + dimension, load(product, i * columns + dimension))
    for column in range(dimension):
        pivot = divide(one, load(system, column * columns + column))
        store(point, column, pivot)
        for row in range(column + 1, dimension):
            factor = multiply(load(system, row * columns + column), pivot)
            growth = larger_size(growth, factor)
            target, source = row * columns, column * columns
            for j in range(column + 1, dimension + 1):
                store(
                    system,
                    target + j,
                    subtract_product(load(system, target + j), factor, load(system, source + j)),
                )
    for row in range(dimension - 1, -1, -1):
        value = load(system, row * columns + dimension)
        for j in range(row + 1, dimension):
            value = subtract_product(value, load(system, row * columns + j), load(point, j))
        store(point, row, multiply(value, load(point, row)))
    store(system, 0, growth)
    store(system, 1, size)


@kernel_part()
def region_at(pieces, point, input, gate):
    """Fill the unit inputs at a point and the units that are on."""
    units = pieces.U.shape[1]
    if pieces.states.shape[0] > 0:
        for unit in range(units):
            value = add_product(load(point, pieces.states[unit]), same(pieces.b[unit]), same(1.0))
            store(input, unit, value)
            gate[unit] = positive(value)
    else:
        for unit in range(units):
            store(input, unit, same(pieces.b[unit]))
        _add_vector_product(pieces.even_V, pieces.A.shape[0], point, input)
        for unit in range(units):
            gate[unit] = positive(load(input, unit))


@kernel_part()
def step(pieces, point, input, gate, image):
    """The image of a point, where its unit inputs are known; these are overwritten."""
    dimension, units = pieces.U.shape
    if pieces.is_diagonal:
        for i in range(dimension):
            store(image, i, add_product(same(pieces.c[i]), same(pieces.A[i, i]), load(point, i)))
    else:
        for i in range(dimension):
            store(image, i, same(pieces.c[i]))
        _add_vector_product(pieces.even_A, dimension, point, image)
    for unit in range(units):
        store(input, unit, where(gate[unit], load(input, unit)))
    _add_vector_product(pieces.even_U, units, input, image)
