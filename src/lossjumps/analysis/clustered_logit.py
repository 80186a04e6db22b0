"""Logistic regression whose errors allow for dependence within runs: generalised estimating equations.

Liang & Zeger (1986), Biometrika 73, 13-22, with independence as working correlation.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import expit

_STEPS = 50
_TOLERANCE = 1e-10
_SEPARATED = 30.0  # log odds that no finite fit reaches: a covariate tells the outcomes apart


@dataclass(frozen=True)
class ClusteredLogit:
    """Coefficients and their robust standard errors; NaN where the outcomes are told apart, or nothing varies.

    Attributes
    ----------
    coefficients, standard_errors : ndarray, shape (n_covariates,)
        In log odds.
    p : ndarray, shape (n_covariates,)
        Two-sided, by Student's t with clusters - 1 degrees of freedom.
    """

    coefficients: np.ndarray
    standard_errors: np.ndarray
    p: np.ndarray


def clustered_logit(outcome: np.ndarray, covariates: np.ndarray, cluster: np.ndarray) -> ClusteredLogit:
    """Regress a binary outcome on covariates, the errors robust to dependence within clusters.

    The covariance is the sandwich, times clusters / (clusters - 1).

    Parameters
    ----------
    outcome : ndarray of bool, shape (n,)
    covariates : ndarray, shape (n, n_covariates)
        The constant among them.
    cluster : ndarray, shape (n,)
        Which run each row belongs to.
    """
    outcome, number = np.asarray(outcome, dtype=np.float64), covariates.shape[1]
    nothing = ClusteredLogit(*np.full((3, number), np.nan))
    names, member = np.unique(cluster, return_inverse=True)
    if names.size < 2 or np.linalg.matrix_rank(covariates) < number:
        return nothing
    coefficients = np.zeros(number)
    for _ in range(_STEPS):
        expected = expit(covariates @ coefficients)
        information = (covariates * (expected * (1 - expected))[:, None]).T @ covariates
        score = covariates.T @ (outcome - expected)
        if np.linalg.cond(information) > 1e14:
            return nothing
        step = np.linalg.solve(information, score)
        coefficients = coefficients + step
        if np.max(np.abs(coefficients)) > _SEPARATED:
            return nothing
        if np.max(np.abs(step)) < _TOLERANCE:
            break
    residuals = covariates * (outcome - expit(covariates @ coefficients))[:, None]
    scores = np.zeros((names.size, number))
    np.add.at(scores, member, residuals)
    bread = np.linalg.inv(information)
    covariance = bread @ (scores.T @ scores) @ bread * names.size / (names.size - 1)
    errors = np.sqrt(np.diag(covariance))
    return ClusteredLogit(coefficients, errors, 2 * stats.t.sf(np.abs(coefficients / errors), names.size - 1))
