"""Cells of arrangements against the counts of combinatorics (Stanley, An Introduction to Hyperplane Arrangements)."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lossjumps.search.arrangement import arrangement_cells

MOST = 10_000


def differences(size):
    return np.array([np.eye(size)[i] - np.eye(size)[j] for i, j in combinations(range(size), 2)])


def sums(size):
    return np.abs(differences(size))


def listed(normals, offsets):
    cells = arrangement_cells(np.asarray(normals, dtype=float), np.asarray(offsets, dtype=float), MOST)
    assert len(np.unique(cells, axis=0)) == len(cells)
    return cells


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_braid_arrangement_has_a_cell_for_each_permutation(size):
    normals = differences(size)
    assert len(listed(normals, np.zeros(len(normals)))) == math.factorial(size)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_reflections_of_the_cube_have_a_cell_for_each_signed_permutation(size):
    normals = np.vstack([differences(size), sums(size), np.eye(size)])
    assert len(listed(normals, np.zeros(len(normals)))) == 2**size * math.factorial(size)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_shi_arrangement_has_as_many_cells_as_parking_functions(size):
    # x_i - x_j = 0 and = 1 for i < j
    normals = np.vstack([differences(size), differences(size)])
    offsets = np.repeat([0.0, -1.0], len(normals) // 2)
    assert len(listed(normals, offsets)) == (size + 1) ** (size - 1)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_catalan_arrangement(size):
    # x_i - x_j = -1, 0, 1
    normals = np.tile(differences(size), (3, 1))
    offsets = np.repeat([-1.0, 0.0, 1.0], len(normals) // 3)
    catalan = math.comb(2 * size, size) // (size + 1)
    assert len(listed(normals, offsets)) == math.factorial(size) * catalan


@pytest.mark.parametrize(("count", "dimension"), [(3, 2), (12, 2), (9, 3), (50, 3), (8, 5)])
def test_hyperplanes_through_one_point_in_general_position(count, dimension):
    normals = np.random.default_rng(count).normal(size=(count, dimension))
    point = np.round(np.random.default_rng(1).normal(size=dimension), 1)
    expected = 2 * sum(math.comb(count - 1, i) for i in range(dimension))
    assert len(listed(normals, np.zeros(count))) == expected
    # away from the origin the point is common to all within rounding only: cells as small as that may be listed as well
    cells = arrangement_cells(normals, -normals @ point, MOST)
    if cells is not None:
        central = {cell.tobytes() for cell in listed(normals, np.zeros(count))}
        assert central <= {cell.tobytes() for cell in cells}


def test_repeated_reversed_scaled_and_missing_hyperplanes():
    cells = listed([[1.0, 0.0], [2.0, 0.0], [-1.0, 0.0], [0.0, 0.0], [0.0, 0.0]], [-1.0, -2.0, 1.0, 1.0, 0.0])
    np.testing.assert_array_equal(
        cells[np.argsort(cells[:, 0])], [[False, False, True, True, False], [True, True, False, True, False]]
    )
    np.testing.assert_array_equal(listed(np.zeros((2, 3)), [1.0, -1.0]), [[True, False]])


def test_nearly_coincident_lines_keep_the_strip_between_them():
    nearly = np.nextafter(1.0, 2.0)
    cells = listed([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [-1.0, -nearly, 0.0])
    assert len(cells) == 6


@given(seed=st.integers(0, 10**6), dimension=st.integers(1, 4), count=st.integers(1, 7))
def test_small_integers_against_points(seed, dimension, count):
    generator = np.random.default_rng(seed)
    normals, offsets = generator.integers(-1, 2, (count, dimension)), generator.integers(-1, 2, count)
    cells = {cell.tobytes() for cell in listed(normals, offsets)}
    # off all hyperplanes: coordinates whose sums with coefficients -1, 0, 1 are no integers
    points = generator.integers(-3, 4, (2000, dimension)) + np.pi ** -np.arange(1.0, dimension + 1) * generator.choice(
        [-1.0, 1.0], (2000, dimension)
    )
    bent = normals.any(axis=1)
    signs = np.where(bent, points @ normals.T + offsets > 0.0, offsets > 0)
    assert {sign.tobytes() for sign in signs} <= cells


def test_planes_farther_away_than_float64_can_say_are_not_listed():
    normals = np.array([[1.0, 0.0], [1e-320, 1e-320], [0.0, 1.0]])
    assert arrangement_cells(normals, np.array([0.0, 1.0, 0.0]), 10) is None
    normals[1] = 1e-150
    for coordinates in ([1.0, 1.0], [1e-150, 1e150]):
        assert len(arrangement_cells(normals * coordinates, np.array([0.0, 1e-150, 0.0]), 10)) == 7


def test_more_cells_than_wanted_are_not_listed():
    normals = np.random.default_rng(0).normal(size=(10, 3))
    assert arrangement_cells(normals, np.ones(10), 100) is None
