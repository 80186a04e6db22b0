"""Logistic regression with errors that allow for dependence within runs: generalised estimating equations.

Liang & Zeger (1986), Biometrika 73, 13-22, with independence as working correlation.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.optimize import linprog
from statsmodels.genmod.cov_struct import Independence
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_estimating_equations import GEE
from statsmodels.tools.sm_exceptions import ModelWarning


@dataclass(frozen=True)
class ClusteredLogit:
    """Coefficients and their robust standard errors; NaN without a finite fit (outcomes told apart, nothing varies).

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
    outcome, number = np.asarray(outcome, dtype=bool), covariates.shape[1]
    nothing = ClusteredLogit(*np.full((3, number), np.nan))
    clusters = np.unique(cluster).size
    if clusters < 2 or np.linalg.matrix_rank(covariates) < number or is_separated(outcome, covariates):
        return nothing
    equations = GEE(
        outcome.astype(np.float64), covariates, groups=cluster, family=Binomial(), cov_struct=Independence()
    )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # outcomes that are nearly told apart: the steps towards the fit overshoot, and end or do not
        warnings.simplefilter("ignore", ModelWarning)
        found = equations.fit(scaling_factor=clusters / (clusters - 1))
    if not (found.converged and np.isfinite(found.bse).all()):
        return nothing
    p = 2 * stats.t.sf(np.abs(found.params / found.bse), clusters - 1)
    return ClusteredLogit(found.params, found.bse, p)


def is_separated(outcome: np.ndarray, covariates: np.ndarray) -> bool:
    """Whether a combination of covariates is nowhere of the wrong sign, so that the likelihood has no maximum.

    A linear program: Albert & Anderson (1984), Biometrika 71, 1-10; Konis (2007), thesis, Oxford, chapter 4.

    Parameters
    ----------
    outcome : ndarray of bool, shape (n,)
    covariates : ndarray, shape (n, n_covariates)
    """
    covariates = covariates / np.maximum(np.abs(covariates).max(axis=0), np.finfo(np.float64).tiny)
    towards = np.where(outcome[:, None], covariates, -covariates)
    best = linprog(-towards.sum(axis=0), A_ub=-towards, b_ub=np.zeros(len(towards)), bounds=(-1, 1))
    return bool(-best.fun > 1e-6)
