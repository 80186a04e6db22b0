"""Embedding, splitting and scaling by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lossjumps.data.series import delay_embed, split, standardised
from lossjumps.errors import InputError


def test_embedding_by_hand():
    """Two columns, three copies two samples apart: the present first."""
    series = np.array([[0, 10], [1, 11], [2, 12], [3, 13], [4, 14], [5, 15]])
    expected = [[4, 14, 2, 12, 0, 10], [5, 15, 3, 13, 1, 11]]
    np.testing.assert_array_equal(delay_embed(series, 3, 2), expected)


@given(st.integers(1, 40), st.integers(1, 3), st.integers(1, 4), st.integers(1, 5))
def test_embedding_entry_by_entry(extra, columns, dimension, delay):
    span = (dimension - 1) * delay
    series = np.arange((extra + span) * columns).reshape(-1, columns)
    embedded = delay_embed(series, dimension, delay)
    assert embedded.shape == (extra, dimension * columns)
    for row in range(extra):
        for copy in range(dimension):
            for column in range(columns):
                assert embedded[row, copy * columns + column] == series[row + span - copy * delay, column]


def test_split_shares_no_sample():
    train, test = split(np.arange(11)[:, None], 3, 4, dimension=2, delay=2, what="x")
    np.testing.assert_array_equal(train, [[2, 0], [3, 1], [4, 2]])
    np.testing.assert_array_equal(test, [[7, 5], [8, 6], [9, 7], [10, 8]])


def test_split_refuses_a_short_series():
    message = r"clip: expected at least 11 samples .*length_train = 3.*twice 2 samples.*, found 10"
    with pytest.raises(InputError, match=message):
        split(np.arange(10)[:, None], 3, 4, dimension=2, delay=2, what="clip")


def prepared(train, test, noise=0.0, seed=0):
    generator = np.random.default_rng(seed)
    return standardised(np.array(train), np.array(test), time_step=0.5, noise=noise, generator=generator, what="clip")


def test_both_series_are_scaled_by_the_training_series():
    series = prepared([[1.0, 10.0], [3.0, 10.0], [5.0, 40.0]], [[3.0, 20.0], [9.0, 50.0]])
    deviation = np.array([np.sqrt(8 / 3), np.sqrt(200)])
    np.testing.assert_allclose(series.mean, [3, 20])
    np.testing.assert_allclose(series.standard_deviation, deviation)
    np.testing.assert_allclose(series.train * deviation, [[-2, -10], [0, -10], [2, 20]], atol=1e-12)
    np.testing.assert_allclose(series.test * deviation, [[0, 0], [6, 30]], atol=1e-12)
    assert series.time_step == 0.5


def test_noise_is_added_to_the_training_series_alone_and_kept():
    clean_train, clean_test = np.random.default_rng(1).normal(5, 3, size=(2, 4000, 2))
    clean, noisy = prepared(clean_train, clean_test), prepared(clean_train, clean_test, noise=0.1)
    np.testing.assert_array_equal(clean.noise, 0.0)
    np.testing.assert_array_equal(noisy.test, clean.test)
    np.testing.assert_allclose(noisy.train - noisy.noise, clean.train, atol=1e-12)
    np.testing.assert_allclose(noisy.noise.std(axis=0), 0.1, rtol=0.05)
    assert abs(np.corrcoef(noisy.noise.T)[0, 1]) < 0.06
    assert not np.array_equal(prepared(clean_train, clean_test, noise=0.1, seed=1).noise, noisy.noise)


@pytest.mark.parametrize("level", [0.0, 1.0, 0.1, 1e9])
def test_constant_columns_are_refused(level):
    train = np.column_stack([np.arange(50.0), np.full(50, level)])
    with pytest.raises(InputError, match="clip: expected columns that vary, column 1 of the training series"):
        prepared(train, train)


def test_a_small_change_far_from_zero_is_no_constant():
    assert np.ptp(prepared([[1e6], [1e6 + 1e-3]], [[1e6]]).train) == pytest.approx(2.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(bad):
    with pytest.raises(InputError, match="clip: expected finite numbers, row 1, column 0 of the test series"):
        prepared([[1.0], [2.0]], [[0.0], [bad]])


def test_scaling_by_powers_of_two_changes_no_bit():
    train, test = np.random.default_rng(4).normal(3, 2, size=(2, 50, 2))
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    series = prepared(train, test)
    np.testing.assert_array_equal(series.train, (train - mean) / deviation)
    np.testing.assert_array_equal(series.test, (test - mean) / deviation)


def test_noise_that_leaves_the_numbers_is_refused():
    with pytest.raises(InputError, match=r"dataset\.noise: expected a fraction of .*, 1e\+200 is too large"):
        prepared([[1.0], [2.0]], [[1.0], [2.0]], noise=1e200)
