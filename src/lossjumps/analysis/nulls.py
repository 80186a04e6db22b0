"""Coincidence hits, and the null models they are compared with.

A null model makes surrogate bifurcations; `lossjumps.analysis.coincidence` is the public side.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

MINIMUM_SWAP_RUNS = 6
"""Fewest runs of a condition, all of the same length, between which bifurcations are exchanged."""

BLOCK = 25
"""Epochs of a block of the local null."""

NULLS: Mapping[str, str] = {
    "swap": "swap: bifurcations exchanged between the runs of the condition that lived equally long; assumes that "
    "these are exchangeable (a trend common to all runs is allowed, busy phases of single runs are not)",
    "local": f"local: each block of {BLOCK} epochs of a run circularly shifted by its own independent amount; assumes "
    "that within a block the bifurcations might as well have come earlier or later",
    "circular": "circular: all bifurcations of a run circularly shifted by one amount; assumes that nothing changes "
    "in the course of training (misleading under a trend)",
    "poisson": "poisson: as many bifurcations of a run at random epochs; assumes that they are independent of each "
    "other and equally likely at every epoch (misleading under a trend and for clustered events)",
}
"""What each null does and what it assumes."""

_GENERATOR_KEY = {"swap": 1, "local": 2, "circular": 3, "poisson": 4}
_ROUNDING = 1e-12  # sums of floats in another order: values this close are ties


@dataclass(frozen=True)
class Tolerance:
    """When a jump and a bifurcation coincide, for several windows at once."""

    windows: tuple[int, ...]
    lag: int
    symmetric: bool

    def offsets(self, distance: int) -> tuple[int, ...]:
        """The values of jump - lag - bifurcation at this distance."""
        return (distance, -distance) if self.symmetric and distance else (distance,)


@dataclass(frozen=True)
class NullTest:
    """One direction against one null."""

    null: str
    p: float
    observed: float
    surrogates: np.ndarray
    expected_rate: float
    expected_range: tuple[float, float]


def count_hits(jumps: np.ndarray, positions: np.ndarray, n_steps: int, tolerance: Tolerance) -> np.ndarray:
    """Precursor and trigger hits of one run's jumps and each of several sets of bifurcations.

    Parameters
    ----------
    jumps : ndarray, shape (n_jumps,)
    positions : ndarray, shape (n_sets, n_bifurcations)
        Distinct bifurcation epochs in each row.

    Returns
    -------
    ndarray of int, shape (2, n_sets, n_windows)
    """
    n_sets = positions.shape[0]
    hits = np.zeros((2, n_sets, len(tolerance.windows)), dtype=np.int64)
    if jumps.size == 0 or positions.shape[1] == 0:
        return hits
    # Both directions look up an event train at a shifted epoch; the margin makes epochs outside the run empty.
    lag = tolerance.lag
    reach = min(max(tolerance.windows), n_steps + abs(lag))
    margin = reach + abs(lag)
    bifurcates = np.zeros((n_sets, n_steps + 2 * margin), dtype=bool)
    np.put_along_axis(bifurcates, positions + margin, True, axis=1)
    jumped = np.zeros(n_steps + 2 * margin, dtype=bool)
    jumped[jumps + margin] = True
    preceded = np.zeros((n_sets, jumps.size), dtype=bool)
    followed = np.zeros(n_steps, dtype=bool)  # by the epoch of a bifurcation
    every = np.arange(n_steps)
    for distance in range(reach + 1):
        for offset in tolerance.offsets(distance):
            preceded |= bifurcates[:, jumps + margin - lag - offset]
            followed |= jumped[every + margin + lag + offset]
        for w, window in enumerate(tolerance.windows):
            if min(window, reach) == distance:
                hits[0, :, w] = preceded.sum(axis=1)
                hits[1, :, w] = followed[positions].sum(axis=1)
    return hits


def _moved_positions(
    null: str, bifurcations: np.ndarray, n_steps: int, n_surrogates: int, generator: np.random.Generator
) -> np.ndarray:
    """Surrogate bifurcation epochs of one run, shape (n_surrogates, n_bifurcations)."""
    if null == "poisson":
        places = np.argsort(generator.random((n_surrogates, n_steps)), axis=1)
        return places[:, : bifurcations.size]
    block = BLOCK if null == "local" else max(n_steps, 1)
    starts = np.arange(0, n_steps, block)
    sizes = np.minimum(block, n_steps - starts)
    shifts = generator.integers(0, sizes, size=(n_surrogates, starts.size))
    own = bifurcations // block
    return starts[own] + (bifurcations - starts[own] + shifts[:, own]) % sizes[own]


def moved_tests(
    null: str,
    jumps: list[np.ndarray],
    bifurcations: list[np.ndarray],
    lengths: list[int],
    tolerance: Tolerance,
    hits: np.ndarray,
    n_surrogates: int,
    seed: int,
) -> list[list[NullTest]]:
    """Tests against bifurcations moved within their run: [direction][window]."""
    generator = np.random.default_rng([seed, _GENERATOR_KEY[null]])
    surrogate_hits = np.zeros((2, n_surrogates, len(tolerance.windows)), dtype=np.int64)
    for own, other, n in zip(jumps, bifurcations, lengths, strict=True):
        if n and other.size:
            surrogate_hits += count_hits(own, _moved_positions(null, other, n, n_surrogates, generator), n, tolerance)
    counts = (sum(map(len, jumps)), sum(map(len, bifurcations)))
    return [
        [
            _compare(null, hits[side, w] / counts[side], surrogate_hits[side, :, w] / counts[side], scale=1.0)
            for w in range(len(tolerance.windows))
        ]
        for side in range(2)
    ]


def exchangeable_runs(lengths: list[int]) -> list[int]:
    """The runs between which bifurcations can be exchanged: the largest set that lived for the same number of epochs.

    A run that diverged early has seen only the early part of a common trend: exchanged with runs that
    lived on, it rejects too often (11 % at level 5 % where all lives differ), however the counts are normalised.
    """
    return max(([i for i, n in enumerate(lengths) if n == length] for length in sorted(set(lengths))), key=len)


def swap_tests(
    jumps: list[np.ndarray],
    bifurcations: list[np.ndarray],
    n_steps: int,
    tolerance: Tolerance,
    n_surrogates: int,
    seed: int,
) -> list[list[NullTest]]:
    """Tests against bifurcations exchanged between runs of one length: [direction][window]."""
    n_runs, n_windows = len(jumps), len(tolerance.windows)
    pair_hits = np.array(
        [[count_hits(own, other[None, :], n_steps, tolerance)[:, 0] for other in bifurcations] for own in jumps]
    )
    products = np.outer([len(own) for own in jumps], [len(other) for other in bifurcations])
    generator = np.random.default_rng([seed, _GENERATOR_KEY["swap"]])
    partners = generator.permuted(np.tile(np.arange(n_runs), (n_surrogates, 1)), axis=1)
    own = np.arange(n_runs)
    scales = products[own, partners].sum(axis=1)
    observed_scale = products[own, own].sum()
    counts = (sum(map(len, jumps)), sum(map(len, bifurcations)))

    def ratio(hits: np.ndarray, scale: np.ndarray) -> np.ndarray:
        return np.divide(hits, scale, out=np.zeros(np.shape(scale)), where=np.asarray(scale) > 0)

    return [
        [
            _compare(
                "swap",
                float(ratio(pair_hits[own, own, side, w].sum(), observed_scale)),
                ratio(pair_hits[own, partners, side, w].sum(axis=1), scales),
                scale=observed_scale / max(counts[side], 1),
            )
            for w in range(n_windows)
        ]
        for side in range(2)
    ]


def _compare(null: str, observed: float, surrogates: np.ndarray, scale: float) -> NullTest:
    """p of the observed value; `scale` turns the surrogates into rates."""
    at_least = np.count_nonzero(surrogates >= observed * (1 - _ROUNDING))
    low, high = np.quantile(surrogates, (0.025, 0.975)) * scale
    p = (1 + at_least) / (1 + surrogates.size)
    expected_rate = float(surrogates.mean() * scale)
    return NullTest(null, float(p), float(observed), surrogates, expected_rate, (float(low), float(high)))
