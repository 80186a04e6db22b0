"""Generalised estimating equations against their formula, a closed form, and data that they cannot fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lossjumps.analysis.clustered_logit import clustered_logit, is_separated


def test_the_scores_vanish_and_the_errors_are_the_sandwich():
    i = np.arange(60)
    x, cluster = np.sin(1.7 * i), i // 10
    outcome = np.sin(2.9 * i + cluster) + 0.8 * x > 0.2
    covariates = np.column_stack([x, np.ones(60), (i % 10) / 10])
    found = clustered_logit(outcome, covariates, cluster)
    expected = 1 / (1 + np.exp(-covariates @ found.coefficients))
    scores = covariates * (outcome - expected)[:, None]
    np.testing.assert_allclose(scores.sum(axis=0), 0.0, atol=1e-6)
    bread = np.linalg.inv((covariates * (expected * (1 - expected))[:, None]).T @ covariates)
    clustered = scores.reshape(6, 10, 3).sum(axis=1)
    errors = np.sqrt(np.diag(bread @ clustered.T @ clustered @ bread) * 6 / 5)
    np.testing.assert_allclose(found.standard_errors, errors, rtol=1e-6)


def test_a_binary_covariate_gives_the_odds_ratio_of_the_table():
    # 30 of 40 with it, 20 of 60 without: odds 3 and 1/2.
    x = np.repeat([1.0, 0.0], [40, 60])
    outcome = np.concatenate([np.arange(40) < 30, np.arange(60) < 20])
    found = clustered_logit(outcome, np.column_stack([x, np.ones(100)]), np.arange(100))
    assert np.exp(found.coefficients[0]) == pytest.approx(6.0)
    # each row its own cluster: the robust error is Woolf's, sqrt of the sum of inverse cells, but for 100 / 99
    woolf = np.sqrt(1 / 30 + 1 / 10 + 1 / 20 + 1 / 40)
    assert found.standard_errors[0] == pytest.approx(woolf * np.sqrt(100 / 99))
    assert found.p[0] < 0.001


@pytest.mark.parametrize("case", ["separated", "never together", "constant", "one cluster"])
def test_what_cannot_be_fitted_is_missing(case):
    x = np.arange(40.0) if case != "constant" else np.ones(40)
    outcome = x > 20 if case == "separated" else np.arange(40) % 3 == 0
    if case == "never together":
        x = (np.arange(40) % 7 == 1) & ~outcome
    cluster = np.zeros(40) if case == "one cluster" else np.arange(40) // 10
    found = clustered_logit(outcome, np.column_stack([x, np.ones(40)]), cluster)
    assert np.isnan(found.coefficients).all() and np.isnan(found.p).all()


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.booleans()), min_size=1, max_size=8))
def test_outcomes_of_small_integers_are_separated_where_a_line_tells_them_apart(rows):
    table = np.array(rows)
    covariates, outcome = np.column_stack([table[:, :2], np.ones(len(rows))]), table[:, 2].astype(bool)
    towards = np.where(outcome[:, None], covariates, -covariates)
    # Rays of the cone of weak separations: normals of pairs of rows, and of a row and an axis
    sides = np.vstack([towards, np.eye(3)])
    rays = [s * np.cross(a, b) for a in sides for b in sides for s in (1, -1)] + [
        s * e for e in np.eye(3) for s in (1, -1)
    ]
    sums = [np.sum(towards @ ray) for ray in rays if np.all(towards @ ray >= 0)]
    assert is_separated(outcome, covariates) == (max(sums, default=0) > 0)


def test_nearly_separated_outcomes_have_a_finite_fit_or_none():
    generator = np.random.default_rng(1)
    x = generator.standard_normal((60, 4)) * [1, 10, 100, 1000]
    for flipped in range(6):
        outcome = x @ [1.0, -0.5, 0.2, 0.1] > 0
        outcome[:flipped] ^= True
        found = clustered_logit(outcome, np.column_stack([x, np.ones(60)]), np.arange(60) // 10)
        assert np.isfinite(found.p).all() == np.isfinite(found.standard_errors).all()
        if not np.isfinite(found.p).all():
            assert np.isnan(found.coefficients).all()
