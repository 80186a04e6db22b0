"""What a search may have missed: closed forms, and a simulation of islands of known shares."""

import math

import numpy as np
import pytest

from lossjumps.search.found_again import PRIOR_ISLANDS, Islands, islands_missing


def test_chaos_bound_counts_what_was_found_once_and_twice():
    # f1 = 3, f2 = 1: f1 (f1 - 1) / (2 (f2 + 1))
    assert Islands(np.array([1, 1, 1, 2, 40])).missing_at_least == 1.5
    assert Islands(np.array([1, 7])).missing_at_least == 0.0
    assert Islands(np.array([1, 1, 0, 5])).found_once == 2


def test_nothing_is_missing_once_there_are_as_many_starts_as_sequences():
    assert islands_missing(Islands(np.array([90, 10])), 100, math.log(100)) == 0.0
    assert islands_missing(Islands(np.array([1, 1])), 100, math.log(100)) == 1.0  # but for Chao's bound
    assert islands_missing(Islands(np.array([], dtype=int)), 1, 10.0) == math.inf


def test_islands_below_are_as_dense_as_those_above():
    # ten starts; as many e-folds of shares below those found as above
    above = math.log(10) + 0.5772156649
    assert islands_missing(Islands(np.array([5, 5, 5])), 10, 2 * above) == pytest.approx(2.0 + PRIOR_ISLANDS)


def test_the_estimate_is_right_on_average_for_shares_spread_evenly_on_a_logarithmic_scale():
    generator = np.random.default_rng(1)
    starts, sequences, density = 1000, 1e6, 0.5
    estimates, missed = [], []
    for _ in range(2000):
        islands = generator.poisson(density * math.log(sequences))
        shares = np.exp(-generator.uniform(0.0, math.log(sequences), islands))
        hits = generator.binomial(starts, shares)
        estimates.append(islands_missing(Islands(np.append(hits[hits > 0], starts)), starts, math.log(sequences)))
        missed.append(np.count_nonzero(hits == 0))
    assert np.mean(estimates) == pytest.approx(np.mean(missed), rel=0.08)
