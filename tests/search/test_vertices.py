"""Bounds of the error of a vertex against vertices in Fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lossjumps.search.vertices import _solve_vertex


def exact_solution(matrix, right_side):
    """Gauss-Jordan elimination in Fractions."""
    rows = [[Fraction(float(x)) for x in (*row, y)] for row, y in zip(matrix, right_side, strict=True)]
    size = len(rows)
    for column in range(size):
        pivot = next(i for i in range(column, size) if rows[i][column] != 0)
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [x / rows[column][column] for x in rows[column]]
        for i in range(size):
            if i != column:
                rows[i] = [x - rows[i][column] * y for x, y in zip(rows[i], rows[column], strict=True)]
    return [row[-1] for row in rows]


def solved(matrix, offsets):
    size = len(matrix)
    vertex = np.empty(size)
    bound = _solve_vertex(matrix, offsets, np.arange(size), vertex, np.empty((size, size)), np.empty(size))
    return vertex, bound


def error_of(vertex, exact):
    return max(abs(Fraction(float(x)) - y) for x, y in zip(vertex, exact, strict=True))


@given(seed=st.integers(0, 10**6), size=st.integers(1, 8), condition=st.sampled_from([0, 3, 6, 9, 12]))
def test_errors_stay_below_their_bound(seed, size, condition):
    generator = np.random.default_rng(seed)
    left, right = (np.linalg.qr(generator.normal(size=(size, size)))[0] for _ in range(2))
    matrix = left * 10.0 ** -generator.uniform(0, condition, size) @ right
    matrix /= np.abs(matrix).max(axis=1)[:, None]
    offsets = generator.normal(size=size)
    vertex, bound = solved(matrix, offsets)
    if bound < np.inf:
        assert error_of(vertex, exact_solution(matrix, -offsets)) <= Fraction(bound * np.abs(vertex).max())
    else:
        assert condition >= 6


@pytest.mark.parametrize("size", [4, 8, 12])
def test_small_errors_grow_where_no_pivot_is_small(size):
    # unit pivots, and an inverse of norm 2^(r - 1): what the smallest pivot says nothing about
    matrix = np.eye(size) - np.triu(np.ones((size, size)), 1)
    offsets = -np.full(size, 0.1)
    vertex, bound = solved(matrix, offsets)
    assert 2.0 ** (size - 1) * np.finfo(float).eps < bound < 1e-3
    assert error_of(vertex, exact_solution(matrix, -offsets)) <= Fraction(bound * np.abs(vertex).max())


def test_dependent_normals_have_no_vertex():
    assert solved(np.array([[1.0, 0.5], [1.0, 0.5]]), np.array([0.3, 0.1]))[1] == np.inf
