"""How far the states that networks run to are from those of the data: the state space divergence D_stsp.

It is the Kullback-Leibler divergence between the distribution of the data over the space of the N observed variables
and that of the states (Koppe et al., 2019; Brenner et al., 2022; Hess et al., 2023): it compares where orbits go, not
when.  Up to `MOST_BINNED` variables the distributions are histograms, beyond that mixtures of Gaussians.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from lossjumps.compiled import compiled, kernel_part

MOST_BINNED = 5
"""Most variables N of which bins are counted."""
SMOOTHING = 1e-5
"""Counts that every bin has beside its own (Laplace smoothing)."""
MARGIN = 0.1
"""Room of the bins beyond the data on each side, in standard deviations of the data."""

VARIANCE = 1.0
"""Of each Gaussian of a mixture, in units of the standardised data."""
POINTS = 128
"""Points of the data's mixture at which densities are compared: pairs on opposite sides of samples taken evenly."""
CENTRES = 128
"""Most states of a network that are centres of its mixture."""
SEED = 0
"""Of where those points are: the same at every epoch of every run."""

FREE = -1
"""Marks a place of a hash table that holds no bin."""


class Divergence(Protocol):
    """The distance of states from those of one series."""

    def of(self, states: np.ndarray) -> np.ndarray:
        """Measure the divergence of each run (S,) from its states (S, B, n, N), n of each of B orbits.

        It is >= 0, and infinite where a state is not finite.
        """


def divergence_from(series: np.ndarray, bins: int) -> Divergence:
    """Take a series (samples, N) for the data; `bins` is the number of bins of a variable, where bins are counted."""
    series = np.ascontiguousarray(series, dtype=np.float64)
    if series.shape[1] <= MOST_BINNED:
        return BinnedDivergence.from_series(series, bins)
    return MixtureDivergence.from_series(series)


# Bins ---------------------------------------------------------------------------------------------------------------


class Bins(NamedTuple):
    """m^N boxes of the same size, numbered, and one more bin for all that lies outside of them."""

    low: np.ndarray
    """(N,) where they begin."""
    width: np.ndarray
    """(N,) of a box."""
    each: int
    """m, the number of bins of a variable."""


@dataclass(frozen=True, eq=False)
class BinnedDivergence:
    """sum_k p_k log(p_k / q_k) over bins, p of the data and q of the states.

    There are m bins a variable over [min - 0.1 sigma, max + 0.1 sigma] of the data.  States beyond them are in a bin of
    their own: where they are left out, a network counts as perfect that visits the bins as the data do whenever it is
    there at all.  Of K = m^N + 1 bins one with c of T points has the probability (c + s) / (T + s K), s = `SMOOTHING`.
    """

    bins: Bins
    visited: np.ndarray
    """(V,) numbers of the bins that the data visit."""
    counts: np.ndarray
    """(V,) samples in them."""

    @classmethod
    def from_series(cls, series: np.ndarray, each: int) -> "BinnedDivergence":
        """Count a series (samples, N) in m = `each` bins a variable."""
        low, high = series.min(axis=0), series.max(axis=0)
        margin = MARGIN * _deviation(series)
        bins = Bins(low - margin, (high - low + 2 * margin) / each, each)
        keys, counts = _table(len(series))
        count_bins(bins, series, keys, counts)
        taken = np.flatnonzero(keys != FREE)
        return cls(bins, keys[taken], counts[1, taken])

    def of(self, states: np.ndarray) -> np.ndarray:
        """See `Divergence`."""
        runs, _, _, variables = states.shape
        points = states.reshape(runs, -1, variables)
        keys, counts = _table(points.shape[1] + len(self.visited))
        found = np.empty(runs)
        binned_divergences(self.bins, self.visited, self.counts, points, keys, counts, found)
        return found


def _deviation(series: np.ndarray) -> np.ndarray:
    """Standard deviations (N,), also where squares overflow; 1, that of standardised data, of a constant variable."""
    size = np.maximum(np.abs(series).max(axis=0), 1.0)
    deviation = (series / size).std(axis=0) * size
    return np.where(deviation > 0, deviation, 1.0)


def _table(points: int) -> tuple[np.ndarray, np.ndarray]:
    """A hash table for so many points: numbers of bins (C,), and the counts (2, C) of the data and of the states."""
    places = 1 << (2 * points).bit_length()
    return np.full(places, FREE, dtype=np.int64), np.zeros((2, places), dtype=np.int64)


@kernel_part()
def _place(keys, key):
    """Where a bin is in a hash table, or the free place that it would have."""
    last = np.uint64(len(keys) - 1)
    place = (np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32) & last
    while keys[place] != key and keys[place] != FREE:
        place = (place + np.uint64(1)) & last
    return place


@kernel_part()
def _count(bins, points, keys, counts):
    """Count points (n, N) in the second row of a table; whether all of them are finite."""
    number, variables = points.shape
    outside = 1
    for _ in range(variables):
        outside *= bins.each
    for i in range(number):
        key = 0
        for n in range(variables):
            if not np.isfinite(points[i, n]):
                return False
            at = np.floor((points[i, n] - bins.low[n]) / bins.width[n])
            if not 0 <= at < bins.each:
                key = outside
                break
            key = key * bins.each + np.int64(at)
        place = _place(keys, key)
        if keys[place] == FREE:
            keys[place] = key
            counts[0, place] = 0
            counts[1, place] = 0
        counts[1, place] += 1
    return True


@compiled(nogil=True)
def count_bins(bins, points, keys, counts):
    """Count points (n, N) in the second row of an empty table."""
    return _count(bins, points, keys, counts)


@compiled(nogil=True)
def binned_divergences(bins, visited, samples, points, keys, counts, found):
    """The divergence of each run.

    Parameters
    ----------
    bins : Bins
    visited, samples : (V,) ndarray
        Numbers of bins, and how many of the data are in them.
    points : (S, n, N) ndarray
        The states of each run.
    keys, counts : (C,) and (2, C) ndarray
        Room for a hash table of at least V + n bins.
    found : (S,) ndarray
        Filled.
    """
    runs, number, variables = points.shape
    bin_number = 1.0
    for _ in range(variables):
        bin_number *= bins.each
    bin_number += 1.0
    whole_data = samples.sum() + SMOOTHING * bin_number
    whole_states = number + SMOOTHING * bin_number
    for s in range(runs):
        keys[:] = FREE
        for i in range(len(visited)):
            place = _place(keys, visited[i])
            keys[place] = visited[i]
            counts[0, place] = samples[i]
            counts[1, place] = 0
        if not _count(bins, points[s], keys, counts):
            found[s] = np.inf
            continue
        total, others = 0.0, bin_number
        for place in range(len(keys)):
            if keys[place] != FREE:
                p = (counts[0, place] + SMOOTHING) / whole_data
                total += p * np.log(p * whole_states / (counts[1, place] + SMOOTHING))
                others -= 1.0
        total += others * (SMOOTHING / whole_data) * np.log(whole_states / whole_data)
        found[s] = max(total, 0.0)  # rounding


# Mixtures -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class MixtureDivergence:
    """The mean of log p(x) - log q(x) over points x of p, p of the data and q of the states.

    Both are mixtures of Gaussians of the same variance (`VARIANCE`) and weight around samples or states, of the states
    around `CENTRES` that are taken evenly.  A mean below zero, which that of few points can be where p and q are nearly
    the same, is zero.  Far from all states log q is that of the nearest one, however small q is.
    """

    points: np.ndarray
    """(X, N) random points of the data's mixture."""
    log_density: np.ndarray
    """(X,) of the data there, up to the constant that all Gaussians share."""

    @classmethod
    def from_series(cls, series: np.ndarray) -> "MixtureDivergence":
        """Make the mixture of a series (samples, N)."""
        centres = _evenly(series, POINTS // 2)
        away = np.sqrt(VARIANCE) * np.random.default_rng(SEED).standard_normal(centres.shape)
        points = np.concatenate([centres + away, centres - away])
        return cls(points, _log_density(points, series))

    def of(self, states: np.ndarray) -> np.ndarray:
        """See `Divergence`."""
        runs, _, _, variables = states.shape
        return np.array([self._of_run(own) for own in states.reshape(runs, -1, variables)])

    def _of_run(self, states: np.ndarray) -> float:
        if not np.isfinite(states).all():
            return np.inf
        centres = _evenly(states, min(len(states), CENTRES))
        return max(float(np.mean(self.log_density - _log_density(self.points, centres))), 0.0)


def _evenly(points: np.ndarray, number: int) -> np.ndarray:
    """Take so many of the points (n, N), evenly; where there are fewer, some more often."""
    return points[np.arange(number) * len(points) // number]


def _log_density(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The log density (X,) at points (X, N) of the mixture around centres (C, N), without the constant of Gaussians."""
    found = np.empty(len(points))
    mixture_log_density(points, centres, np.empty(len(centres)), found)
    return found


@compiled(nogil=True)
def mixture_log_density(points, centres, room, found):
    """Fill `found` (X,): log of the mean over centres of exp(-distance^2 / (2 variance)); `room` is (C,)."""
    for i in range(len(points)):
        nearest = np.inf
        for j in range(len(centres)):
            square = 0.0
            for n in range(points.shape[1]):
                apart = points[i, n] - centres[j, n]
                square += apart * apart
            room[j] = square
            nearest = min(nearest, square)
        total = 0.0
        if nearest < np.inf:
            for j in range(len(centres)):
                total += np.exp((nearest - room[j]) / (2.0 * VARIANCE))
        found[i] = np.log(total / len(centres)) - nearest / (2.0 * VARIANCE) if total > 0.0 else -np.inf
