"""Generalised estimating equations against statsmodels, a closed form, and data that they cannot fit."""

import numpy as np
import pytest

from lossjumps.analysis.clustered_logit import clustered_logit


def test_coefficients_and_errors_are_those_of_statsmodels():
    # statsmodels 0.15.0: GEE(y, X, groups=cluster, family=Binomial(), cov_struct=Independence()).fit(cov_type="robust")
    i = np.arange(60)
    x, cluster = np.sin(1.7 * i), i // 10
    outcome = np.sin(2.9 * i + cluster) + 0.8 * x > 0.2
    found = clustered_logit(outcome, np.column_stack([x, np.ones(60), (i % 10) / 10]), cluster)
    np.testing.assert_allclose(found.coefficients, [1.37398908, -0.81167394, 0.3215691], atol=1e-8)
    errors = np.array([0.2686232, 0.41227149, 0.80624476])
    np.testing.assert_allclose(found.standard_errors, errors * np.sqrt(6 / 5), atol=1e-8)


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


@pytest.mark.parametrize("case", ["separated", "constant", "one cluster"])
def test_what_cannot_be_fitted_is_missing(case):
    x = np.arange(40.0) if case != "constant" else np.ones(40)
    outcome = x > 20 if case == "separated" else np.arange(40) % 3 == 0
    cluster = np.zeros(40) if case == "one cluster" else np.arange(40) // 10
    found = clustered_logit(outcome, np.column_stack([x, np.ones(40)]), cluster)
    assert np.isnan(found.coefficients).all() and np.isnan(found.p).all()
