"""Which jumps and which bifurcations of a run come together."""

from dataclasses import dataclass

import numpy as np

from lossjumps.compiled import compiled

_FAR = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Tolerance:
    """When a jump and a bifurcation coincide, for several windows at once."""

    windows: tuple[int, ...]
    lag: int
    symmetric: bool


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
    hits = np.zeros((2, positions.shape[0], len(tolerance.windows)), dtype=np.int64)
    if jumps.size and positions.shape[1]:
        windows = np.minimum(tolerance.windows, n_steps + abs(tolerance.lag))
        positions = np.ascontiguousarray(positions, dtype=np.int64)
        _count(jumps.astype(np.int64), positions, n_steps, windows, tolerance.lag, tolerance.symmetric, hits)
    return hits


@compiled()
def _count(jumps, positions, n_steps, windows, lag, symmetric, hits):
    """Look for the nearest partner of each event: a bifurcation of each set for a jump, a jump for an epoch."""
    reach = np.max(windows)
    marked = np.zeros(n_steps, np.bool_)
    for jump in jumps:
        marked[jump] = True
    to_jump = np.full(n_steps, _FAR)
    for epoch in range(n_steps):
        to_jump[epoch] = _nearest(marked, epoch + lag, 1, reach, symmetric)
    marked[:] = False
    for chosen in range(positions.shape[0]):
        for epoch in positions[chosen]:
            marked[epoch] = True
            for w in range(windows.size):
                hits[1, chosen, w] += to_jump[epoch] <= windows[w]
        for jump in jumps:
            distance = _nearest(marked, jump - lag, -1, reach, symmetric)
            for w in range(windows.size):
                hits[0, chosen, w] += distance <= windows[w]
        for epoch in positions[chosen]:
            marked[epoch] = False


@compiled()
def _nearest(marked, start, direction, reach, symmetric):
    """Steps from `start` to the nearest marked epoch, at most `reach`, in one direction or in both."""
    for distance in range(reach + 1):
        epoch = start + direction * distance
        if 0 <= epoch < marked.size and marked[epoch]:
            return distance
        epoch = start - direction * distance
        if symmetric and 0 <= epoch < marked.size and marked[epoch]:
            return distance
    return _FAR
