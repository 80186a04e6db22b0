"""What the pre-registered hypotheses are, and the numbers of each run that they are about."""

from collections.abc import Sequence

import numpy as np
from numpy.polynomial.legendre import legvander

from lossjumps.analysis.clustered_logit import ClusteredLogit, clustered_logit
from lossjumps.analysis.hits import Tolerance, count_hits
from lossjumps.analysis.nulls.local import BLOCK

HYPOTHESES = {
    "a": "jumps follow bifurcations more often than chance",
    "b": "folds and degenerate transcritical bifurcations of the occupied attractor are followed by jumps",
    "b, persistence": "persistence of the occupied attractor that changes nothing is followed by jumps",
    "c": "forcing removes jumps that come from bifurcations",
    "d, transcritical": "gradient norms grow before degenerate transcritical bifurcations",
    "d, fold": "gradient norms grow before folds",
}
"""What each test asks.  Where (b) says no jumps, and (d) no growth, the expected answer is no."""

RECENT = 5
"""Epochs up to an event whose gradient norms are compared with those of the 20 epochs before them."""

EARLIER = 20

LEAST_RUNS = 6
"""With fewer runs no relabelling of signs reaches p = 0.05."""


def expected_hits(jumps: np.ndarray, bifurcations: np.ndarray, n_steps: int, window: int) -> float:
    """Precursor hits of one run by chance: the exact mean of the local null, over all shifts within blocks.

    Parameters
    ----------
    jumps, bifurcations : ndarray of int
        Distinct epochs, ascending.
    n_steps : int
        Epochs lived.
    window : int
    """
    missed = np.ones(n_steps)
    for start in range(0, n_steps, BLOCK):
        size = min(BLOCK, n_steps - start)
        own = bifurcations[(bifurcations >= start) & (bifurcations < start + size)]
        if not own.size:
            continue
        covered = np.zeros((size, n_steps))
        for shift in range(size):
            moved = start + (own - start + shift) % size
            for distance in range(window + 1):
                later = moved + distance
                covered[shift, later[later < n_steps]] = 1.0
        missed *= 1.0 - covered.mean(axis=0)
    return float(np.sum(1.0 - missed[jumps]))


def excess_hits(jumps: np.ndarray, bifurcations: np.ndarray, n_steps: int, window: int) -> float:
    """Precursor hits of one run beyond those by chance."""
    if not jumps.size or not bifurcations.size:
        return 0.0
    hits = count_hits(jumps, bifurcations[None], n_steps, Tolerance((window,), lag=0, symmetric=False))[0, 0, 0]
    return float(hits) - expected_hits(jumps, bifurcations, n_steps, window)


def gradient_growth(gradient_norms: np.ndarray, epochs: np.ndarray) -> float:
    """Growth of the gradient norm before the events of one run, beyond what it is in their surroundings.

    The growth at an epoch is the median log10 norm of the last `RECENT` epochs, that of the event included, minus the
    median of the `EARLIER` epochs before them.  The mean over the events is compared with the mean over all epochs of
    their blocks.

    Parameters
    ----------
    gradient_norms : ndarray, shape (E,)
        Of the updates between the losses of epoch e and e + 1.
    epochs : ndarray of int
        With an event.

    Returns
    -------
    float
        In log10 units; NaN without an event that has a past.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.log10(gradient_norms)
    level[~np.isfinite(level)] = np.nan
    past = RECENT + EARLIER
    if level.size < past:
        return np.nan
    windows = np.lib.stride_tricks.sliding_window_view(level, past)
    growth = np.full(level.size, np.nan)
    whole = np.isfinite(windows).all(axis=1)
    growth[past - 1 :][whole] = np.median(windows[whole, EARLIER:], axis=1) - np.median(
        windows[whole, :EARLIER], axis=1
    )
    events = epochs[np.isfinite(growth[epochs])]
    if not events.size:
        return np.nan
    block = np.arange(level.size) // BLOCK
    around = [np.nanmean(growth[block == block[event]]) for event in events]
    return float(np.mean(growth[events] - around))


def jump_odds(
    jumps: Sequence[np.ndarray],
    bifurcations: Sequence[np.ndarray],
    lengths: Sequence[int],
    window: int,
    given: Sequence[Sequence[np.ndarray]] = (),
) -> ClusteredLogit:
    """Regress a jump at an epoch on a bifurcation within the window before it.

    Further covariates are the share of epochs after a bifurcation in the epoch's block of `BLOCK` epochs, which leaves
    the comparison of epochs within blocks, and a cubic in the logarithm of time.

    Parameters
    ----------
    jumps, bifurcations : sequence of ndarray of int
        Epochs, one array a run.
    lengths : sequence of int
        Epochs each run lived.
    window : int
    given : sequence of sequences of ndarray, shape (length of the run,)
        Positive numbers of each epoch, one array a run, whose logarithms are accounted for as well.

    Returns
    -------
    ClusteredLogit
        The first coefficient is that of the bifurcation, those of `given` come next; NaN where there are fewer jumps
        than coefficients.
    """
    outcomes, rows, clusters = [], [], []
    longest = max(lengths, default=1)
    for run, (own, other, n) in enumerate(zip(jumps, bifurcations, lengths, strict=True)):
        preceded = np.zeros(n)
        for distance in range(window + 1):
            later = other + distance
            preceded[later[later < n]] = 1.0
        block = np.arange(n) // BLOCK
        density = (np.bincount(block, preceded) / np.bincount(block))[block]
        jumped = np.zeros(n, dtype=bool)
        jumped[own] = True
        time = 2.0 * np.log1p(np.arange(n)) / np.log1p(longest) - 1.0
        with np.errstate(divide="ignore", invalid="ignore"):
            logarithms = [np.log(values[run]) for values in given]
        row = np.column_stack([preceded, *logarithms, density, legvander(time, 3)])
        known = np.isfinite(row).all(axis=1)
        outcomes.append(jumped[known])
        rows.append(row[known])
        clusters.append(np.full(np.count_nonzero(known), run))
    outcome, covariates = np.concatenate(outcomes), np.concatenate(rows)
    if min(np.count_nonzero(outcome), np.count_nonzero(~outcome)) < covariates.shape[1]:
        return ClusteredLogit(*np.full((3, covariates.shape[1]), np.nan))
    scaled = slice(1, 1 + len(given))
    covariates[:, scaled] -= covariates[:, scaled].mean(axis=0)
    covariates[:, scaled] /= np.maximum(covariates[:, scaled].std(axis=0), 1e-12)
    return clustered_logit(outcome, covariates, np.concatenate(clusters))
