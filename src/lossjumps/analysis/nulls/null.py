"""What a null model is, and the test against its surrogates."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lossjumps.analysis.hits import Tolerance, count_hits

_ROUNDING = 1e-12  # sums of floats in another order: values this close are ties


@dataclass(frozen=True)
class Null:
    """A null model that moves the bifurcations within each run."""

    name: str
    """The name in the configuration."""
    stream: int
    """Its stream of randomness, another one than that of any other null: generators are seeded with [seed, stream]."""
    does: str
    """What becomes of the bifurcations."""
    assumes: str
    """What has to hold for p to be valid."""
    positions: Callable[[np.ndarray, int, int, np.random.Generator], np.ndarray]
    """(bifurcation epochs (n,), ascending; epochs lived E; number of surrogates; generator) to the epochs of the
    surrogates (surrogates, n), in each of them n distinct ones of 0 ... E - 1."""

    @property
    def text(self) -> str:
        """What tables and the summary say of it."""
        return f"{self.name}: {self.does}; assumes that {self.assumes}"


@dataclass(frozen=True)
class NullTest:
    """One direction against one null."""

    null: str
    p: float
    observed: float
    surrogates: np.ndarray
    expected_rate: float
    expected_range: tuple[float, float]


def moved_tests(
    null: Null,
    jumps: list[np.ndarray],
    bifurcations: list[np.ndarray],
    lengths: list[int],
    tolerance: Tolerance,
    hits: np.ndarray,
    n_surrogates: int,
    seed: int,
) -> list[list[NullTest]]:
    """Tests against bifurcations moved within their run: [direction][window]."""
    generator = np.random.default_rng([seed, null.stream])
    surrogate_hits = np.zeros((2, n_surrogates, len(tolerance.windows)), dtype=np.int64)
    for own, other, n in zip(jumps, bifurcations, lengths, strict=True):
        if n and other.size:
            surrogate_hits += count_hits(own, null.positions(other, n, n_surrogates, generator), n, tolerance)
    counts = (sum(map(len, jumps)), sum(map(len, bifurcations)))
    return [
        [
            compare(null.name, hits[side, w] / counts[side], surrogate_hits[side, :, w] / counts[side], scale=1.0)
            for w in range(len(tolerance.windows))
        ]
        for side in range(2)
    ]


def compare(null: str, observed: float, surrogates: np.ndarray, scale: float) -> NullTest:
    """p of the observed value; `scale` turns the surrogates into rates."""
    at_least = np.count_nonzero(surrogates >= observed * (1 - _ROUNDING))
    low, high = np.quantile(surrogates, (0.025, 0.975)) * scale
    p = (1 + at_least) / (1 + surrogates.size)
    expected_rate = float(surrogates.mean() * scale)
    return NullTest(null, float(p), float(observed), surrogates, expected_rate, (float(low), float(high)))
