"""Rows of bits, sorted and counted as numpy does it."""

import numpy as np
import pytest

from lossjumps.search.bit_rows import distinct_rows


@pytest.mark.parametrize("columns", [1, 8, 20, 63, 64, 65, 130])
def test_distinct_rows_are_those_of_numpy(columns):
    generator = np.random.default_rng(columns)
    few = generator.random((12, columns)) < 0.5
    few[1] = few[0]
    few[1, -1] = not few[0, -1]
    rows = few[generator.integers(0, len(few), 200)]
    expected, numbers = np.unique(rows, axis=0, return_inverse=True)
    found, found_numbers = distinct_rows(rows)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(found_numbers, numbers.ravel())


def test_no_rows():
    found, numbers = distinct_rows(np.empty((0, 3), dtype=bool))
    assert found.shape == (0, 3)
    assert len(numbers) == 0
