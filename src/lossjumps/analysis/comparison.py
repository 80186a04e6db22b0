"""Comparison of two conditions over their runs: difference of means, its interval, and a permutation p."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product
from math import comb

import numpy as np
from scipy.special import ndtr, ndtri

from lossjumps.errors import InputError

MAX_EXACT = 20_000
"""Relabellings up to which all of them are looked at."""

MINIMUM_BCA = 16
"""Runs a side from which on bootstrap intervals are corrected for bias and skewness."""

_ROUNDING = 1e-12


@dataclass(frozen=True)
class MeanComparison:
    """Two conditions compared over their runs; runs without a value (NaN) are left out.

    Attributes
    ----------
    runs_first, runs_second : int
        Runs with a value.
    mean_first, mean_second : float
        Their means; NaN without any.
    difference : float
        Second minus first.
    low, high : float
        95 % bootstrap interval of the difference, over runs; NaN with fewer than two runs on a side.
    interval : str
        ``"BCa"``: bias-corrected and accelerated; ``"percentile"``: fewer than `MINIMUM_BCA` runs on a side, for which
        no bootstrap interval keeps its level.
    p : float
        Two-sided, of the hypothesis that the label of a run does not matter; NaN likewise.
    test : str
        Which permutation test gave p.
    """

    runs_first: int
    runs_second: int
    mean_first: float
    mean_second: float
    difference: float
    low: float
    high: float
    interval: str
    p: float
    test: str


def compare_means(
    first: np.ndarray,
    second: np.ndarray,
    *,
    paired: bool = False,
    n_resamples: int = 9999,
    seed: int = 0,
) -> MeanComparison:
    """Compare the means of one value a run.

    Parameters
    ----------
    first, second : array_like of float
        One value a run of each condition; NaN: the run has none.
    paired : bool
        Entries of the same place belong together (same seed).  Labels are then exchanged within pairs and pairs
        are resampled, provided that no value is missing; otherwise over all runs.
    n_resamples : int
        Bootstrap samples, and random relabellings where there are more than 20 000 of them.
    seed : int
        Seed of both.

    Raises
    ------
    InputError
        If `paired` values differ in number or `n_resamples` is not positive.
    """
    first, second = (np.asarray(values, dtype=np.float64).reshape(-1) for values in (first, second))
    if paired and first.size != second.size:
        raise InputError(f"paired: expected as many values in both conditions, got {first.size} and {second.size}")
    if n_resamples < 1:
        raise InputError(f"n_resamples: expected an integer >= 1, got {n_resamples!r}")
    paired = paired and not (np.isnan(first).any() or np.isnan(second).any())
    first, second = first[~np.isnan(first)], second[~np.isnan(second)]
    means = [float(values.mean()) if values.size else np.nan for values in (first, second)]
    low = high = p = np.nan
    if min(first.size, second.size) < 2:
        test = "none: fewer than two runs with a value on a side"
    elif paired:
        difference = second - first
        signs = _signs(difference.size, n_resamples, seed)
        p, test = _p(signs @ difference / difference.size, difference.mean(), "labels exchanged within pairs of a seed")
        resampled = difference[_resamples(difference.size, n_resamples, seed, 1)].mean(axis=1)
        low, high = _interval(resampled, difference.mean(), [difference])
    else:
        everything = np.concatenate([first, second])
        weights = _labels(first.size, second.size, n_resamples, seed)
        p, test = _p(weights @ everything, second.mean() - first.mean(), "labels exchanged over all runs")
        resampled = second[_resamples(second.size, n_resamples, seed, 2)].mean(axis=1)
        resampled -= first[_resamples(first.size, n_resamples, seed, 1)].mean(axis=1)
        low, high = _interval(resampled, second.mean() - first.mean(), [-first, second])
    kind = "" if np.isnan(low) else "BCa" if min(first.size, second.size) >= MINIMUM_BCA else "percentile"
    difference = means[1] - means[0]
    return MeanComparison(first.size, second.size, *means, difference, float(low), float(high), kind, float(p), test)


def holm(p: np.ndarray) -> np.ndarray:
    """Adjust p-values of a family of tests (Holm, 1979); NaN, no test, stays NaN and does not count."""
    p = np.asarray(p, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    tests = np.flatnonzero(~np.isnan(p))
    order = tests[np.argsort(p[tests], kind="stable")]
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(order.size, 0, -1)), 1.0)
    return adjusted


def _interval(resampled: np.ndarray, observed: float, samples: list[np.ndarray]) -> np.ndarray:
    """95 % interval of a sum of the means of samples.

    Efron (1987), JASA 82, 171-185, from `MINIMUM_BCA` values of each sample; else that of the percentiles.
    """
    levels = np.array([0.025, 0.975])
    influence = np.concatenate([(sample - sample.mean()) / sample.size for sample in samples])
    spread = np.sum(influence**2)
    below = np.mean(resampled < observed) + 0.5 * np.mean(resampled == observed)
    if min(map(len, samples)) >= MINIMUM_BCA and spread > 0 and 0 < below < 1:
        bias = ndtri(below)
        moved = bias + ndtri(levels)
        levels = ndtr(bias + moved / (1 - np.sum(influence**3) / (6 * spread**1.5) * moved))
    return np.quantile(resampled, levels)


def _p(relabelled: np.ndarray, observed: float, what: str) -> tuple[float, str]:
    """p of the observed difference among those of the relabellings, the first of which is the observed one."""
    tolerance = _ROUNDING * max(float(np.max(np.abs(relabelled))), abs(observed))
    extreme = np.count_nonzero(np.abs(relabelled) >= abs(observed) - tolerance)
    return extreme / relabelled.size, f"permutation: {what}, {relabelled.size} relabellings"


@lru_cache(maxsize=32)
def _signs(n: int, n_resamples: int, seed: int) -> np.ndarray:
    """Signs of the paired differences, one relabelling a row, the identity first."""
    if 2**n <= MAX_EXACT:
        return np.array(list(product((1.0, -1.0), repeat=n)))
    drawn = np.random.default_rng([seed, 3]).choice((1.0, -1.0), size=(n_resamples, n))
    return np.concatenate([np.ones((1, n)), drawn])


@lru_cache(maxsize=32)
def _labels(n_first: int, n_second: int, n_resamples: int, seed: int) -> np.ndarray:
    """Weights that turn all values into a difference of means, one relabelling a row, the identity first."""
    n = n_first + n_second
    if comb(n, n_first) <= MAX_EXACT:
        chosen = np.array(list(combinations(range(n), n_first)))
    else:
        order = np.random.default_rng([seed, 4]).permuted(np.tile(np.arange(n), (n_resamples, 1)), axis=1)
        chosen = np.concatenate([np.arange(n_first)[None], order[:, :n_first]])
    weights = np.full((chosen.shape[0], n), 1 / n_second)
    np.put_along_axis(weights, chosen, -1 / n_first, axis=1)
    return weights


@lru_cache(maxsize=32)
def _resamples(n: int, n_resamples: int, seed: int, side: int) -> np.ndarray:
    """Runs of each bootstrap sample."""
    return np.random.default_rng([seed, 4 + side]).integers(0, n, size=(n_resamples, n))
