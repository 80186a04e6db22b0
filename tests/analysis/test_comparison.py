"""Differences of means: permutation p by counting on paper and by scipy, intervals by their coverage."""

import numpy as np
import pytest
from scipy import stats

from lossjumps.analysis.comparison import compare_means, holm
from lossjumps.errors import InputError


def test_exact_p_on_paper():
    # Means 1 and 11.  Of the C(4, 2) = 6 labellings only the observed one and its mirror image differ by 10.
    result = compare_means([0, 2], [10, 12])
    assert (result.mean_first, result.mean_second, result.difference) == (1, 11, 10)
    assert result.p == pytest.approx(2 / 6)
    assert "over all runs, 6 relabellings" in result.test
    # Differences 1, 1, 1 of three pairs: all signs equal, 2 of 8.
    result = compare_means([0, 5, 9], [1, 6, 10], paired=True)
    assert result.p == pytest.approx(2 / 8)
    assert (result.low, result.high) == (1.0, 1.0)  # every resampled set of pairs differs by 1
    assert "within pairs of a seed, 8 relabellings" in result.test


def test_p_equals_scipy():
    generator = np.random.default_rng(0)
    first, second = generator.exponential(size=6), 0.5 + generator.exponential(size=5)

    def distance(a, b, axis):
        return np.abs(np.mean(b, axis=axis) - np.mean(a, axis=axis))

    options = {"statistic": distance, "vectorized": True, "n_resamples": np.inf, "alternative": "greater"}
    expected = stats.permutation_test((first, second), **options)
    assert compare_means(first, second).p == pytest.approx(expected.pvalue)
    pairs = stats.permutation_test((first[:5], second), permutation_type="samples", **options)
    assert compare_means(first[:5], second, paired=True).p == pytest.approx(pairs.pvalue)


def test_many_runs_are_relabelled_at_random_and_reproducibly():
    generator = np.random.default_rng(1)
    first, second = generator.normal(size=40), generator.normal(size=40) + 0.5
    for paired, reference in ((False, stats.ttest_ind(first, second)), (True, stats.ttest_rel(first, second))):
        result = compare_means(first, second, paired=paired, seed=5)
        assert result.p == pytest.approx(reference.pvalue, abs=0.01)  # normal values: nearly the t test
        assert result == compare_means(first, second, paired=paired, seed=5)


def test_runs_without_a_value_are_left_out():
    result = compare_means([1, np.nan, 3], [2, 4, 6], paired=True)
    assert (result.runs_first, result.runs_second) == (2, 3)
    assert (result.mean_first, result.mean_second) == (2, 4)
    assert "over all runs, 10 relabellings" in result.test  # a pair is incomplete
    for first in ([], [np.nan], [7.0]):
        result = compare_means(first, [1.0, 2.0])
        assert np.isnan([result.low, result.high, result.p]).all()
        assert result.test.startswith("none: ")
    assert compare_means([], [1.0, 2.0]).runs_first == 0


def test_equal_conditions_have_p_one():
    assert compare_means([3, 3, 3], [3, 3, 3]).p == 1.0
    assert compare_means([3, 3, 3], [3, 3, 3], paired=True).p == 1.0


@pytest.mark.parametrize("paired", [False, True])
def test_interval_and_p_hold_their_levels(paired):
    generator = np.random.default_rng(2)
    covered, rejected = 0, 0
    for seed in range(400):
        first, second = generator.normal(size=(2, 10))
        result = compare_means(first, second, paired=paired, n_resamples=999, seed=seed)
        covered += result.low <= 0 <= result.high
        rejected += result.p <= 0.05
    assert 0.86 <= covered / 400 <= 0.97  # percentile intervals of ten runs are a little short
    assert rejected / 400 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_bad_input_is_one_line():
    with pytest.raises(InputError, match="paired: expected as many values"):
        compare_means([1, 2], [1, 2, 3], paired=True)
    with pytest.raises(InputError, match="n_resamples"):
        compare_means([1, 2], [1, 2], n_resamples=0)


@pytest.mark.parametrize("paired", [False, True])
def test_intervals_of_many_runs_are_those_of_scipy(paired):
    generator = np.random.default_rng(4)
    first, second = generator.exponential(size=18), 0.5 + generator.exponential(size=18)
    result = compare_means(first, second, paired=paired, n_resamples=20_000)
    assert result.interval == "BCa"
    options = {"n_resamples": 20_000, "method": "BCa", "rng": 0}
    if paired:
        expected = stats.bootstrap((second - first,), np.mean, **options)
    else:
        expected = stats.bootstrap((first, second), lambda a, b, axis: b.mean(axis=axis) - a.mean(axis=axis), **options)
    interval = expected.confidence_interval
    np.testing.assert_allclose([result.low, result.high], interval, atol=0.02)


def test_few_runs_have_percentile_intervals_and_say_so():
    assert compare_means(np.arange(15.0), np.arange(20.0)).interval == "percentile"
    assert compare_means([1.0], [2.0, 3.0]).interval == ""
    same = compare_means(np.ones(20), np.full(20, 2.0))  # nothing to correct
    assert (same.low, same.high) == (1.0, 1.0)


def test_holm_on_paper():
    np.testing.assert_allclose(holm([0.01, np.nan, 0.04, 0.03]), [0.03, np.nan, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.5, 0.9]), [1.0, 1.0])
    assert holm([]).size == 0
