"""Which jumps and which bifurcations of a run come together."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Tolerance:
    """When a jump and a bifurcation coincide, for several windows at once."""

    windows: tuple[int, ...]
    lag: int
    symmetric: bool

    def offsets(self, distance: int) -> tuple[int, ...]:
        """The values of jump - lag - bifurcation at this distance."""
        return (distance, -distance) if self.symmetric and distance else (distance,)


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
