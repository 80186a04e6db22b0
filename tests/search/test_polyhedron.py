"""Rational inequalities: against Fourier-Motzkin elimination in Fractions, and polyhedra known by hand."""

from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq, fmpq_mat
from hypothesis import given
from hypothesis import strategies as st

from lossjumps.search.polyhedron import affine_solutions, relative_interior


def is_feasible(inequalities):
    """Fourier-Motzkin: (row, constant, strict) stands for row w + constant >= 0, or > 0."""
    inequalities = [([Fraction(x) for x in row], Fraction(constant), strict) for row, constant, strict in inequalities]
    for _ in range(len(inequalities[0][0])):
        below = [i for i in inequalities if i[0][0] > 0]
        above = [i for i in inequalities if i[0][0] < 0]
        rest = {(tuple(row[1:]), constant, strict) for row, constant, strict in inequalities if row[0] == 0}
        for low, low_constant, low_strict in below:
            for high, high_constant, high_strict in above:
                row = [a / low[0] - b / high[0] for a, b in zip(low[1:], high[1:], strict=True)]
                rest.add((tuple(row), low_constant / low[0] - high_constant / high[0], low_strict or high_strict))
        inequalities = [(list(row), constant, strict) for row, constant, strict in rest]
        if not inequalities:
            return True
    return all(constant > 0 if strict else constant >= 0 for _, constant, strict in inequalities)


def rational(rows):
    return [[fmpq(int(value)) for value in row] for row in rows]


@given(
    seed=st.integers(0, 10**6), directions=st.integers(1, 3), count=st.integers(1, 7), size=st.sampled_from([1, 2, 9])
)
def test_relative_interior_is_that_of_fourier_motzkin(seed, directions, count, size):
    generator = np.random.default_rng(seed)
    rows = generator.integers(-size, size + 1, (count, directions))
    constants = generator.integers(-size, size + 1, count) if seed % 3 else np.zeros(count, dtype=int)
    interior = relative_interior(rational(rows), rational([constants])[0], directions)
    system = [(row, int(constant), False) for row, constant in zip(rows.tolist(), constants, strict=True)]
    assert (interior is not None) == is_feasible(system)
    if interior is None:
        return
    point = [Fraction(int(x.numer()), int(x.denom())) for x in interior.point]
    values = [sum(a * x for a, x in zip(row, point, strict=True)) + constant for row, constant, _ in system]
    equations = {i for i, (row, constant, _) in enumerate(system) if not is_feasible([*system, (row, constant, True)])}
    assert interior.equations == equations
    assert all(value == 0 if i in equations else value > 0 for i, value in enumerate(values))
    rank = np.linalg.matrix_rank(rows[sorted(equations)]) if equations else 0
    assert interior.dimension == directions - rank


@pytest.mark.parametrize(
    ("rows", "constants", "dimension"),
    [
        ([[1, 0], [-1, 0], [0, 1], [0, -1]], [0, 0, 0, 1], 1),
        ([[1, 1], [-1, 0], [0, -1]], [0, 0, 0], 0),
        ([[1, 1], [-1, 0], [0, -1]], [1, 0, 0], 2),
        ([[1, 1], [-1, 0], [0, -1]], [-1, 0, 0], None),
        ([[0, 0]], [0], 2),
        ([[0, 0]], [-1], None),
    ],
)
def test_known_polyhedra(rows, constants, dimension):
    interior = relative_interior(rational(rows), rational([constants])[0], 2)
    assert (interior.dimension if interior else None) == dimension


@given(seed=st.integers(0, 10**6), rows=st.integers(1, 4), columns=st.integers(1, 4))
def test_affine_solutions_solve(seed, rows, columns):
    generator = np.random.default_rng(seed)
    matrix = fmpq_mat(rational(generator.integers(-1, 2, (rows, columns))))
    rhs = fmpq_mat(rational(generator.integers(-1, 2, (rows, 1))))
    solutions = affine_solutions(matrix, rhs)
    augmented = fmpq_mat([[*row, value] for row, value in zip(matrix.tolist(), rhs.entries(), strict=True)])
    assert (solutions is not None) == (matrix.rank() == augmented.rank())
    if solutions is None:
        return
    particular, directions = solutions
    assert matrix * fmpq_mat([[value] for value in particular]) == rhs
    assert len(directions) == columns - matrix.rank()
    for direction in directions:
        assert matrix * fmpq_mat([[value] for value in direction]) == rhs * 0
    assert not directions or fmpq_mat(directions).rank() == len(directions)
