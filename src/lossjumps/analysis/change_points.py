"""Change points of a series: the second detector of loss jumps, which knows no windows and no z-scores.

Jackson et al. (2005), IEEE Signal Processing Letters 12, 105-108, with the pruning of Killick, Fearnhead & Eckley
(2012), JASA 107, 1590-1598 (PELT).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lossjumps.analysis.jumps import NORMAL_CONSISTENCY, Jump, log_loss
from lossjumps.compiled import compiled

DETECTOR = "change-points"
"""Name of this detector."""

MINIMUM_PIECE = 4
"""Fewest epochs of a piece: a level that is left again sooner is none."""

PENALTY = 8.0
"""Cost of a change point, in variances of the changes per logarithm of the number of epochs."""


@dataclass(frozen=True)
class Shift:
    """A step between two straight pieces of the log loss."""

    epoch: int
    """It lies between the losses of `epoch` and `epoch + 1`."""
    size: float
    """Signed step of log10 loss."""


def find_shifts(
    loss: np.ndarray, threshold: float = 8.0, min_change: float = 0.1, *, floor: float = 1e-3
) -> tuple[Shift, ...]:
    """Find where the level of the log loss shifts, between pieces that are straight lines.

    The pieces are those of the least sum of squared residuals plus a penalty a cut.  A cut is a shift if the step from
    the end of one line to the start of the next is large: noise whose level wanders is cut as well, by small steps.

    Parameters
    ----------
    loss : array_like, shape (E + 1,)
        As of `lossjumps.analysis.jumps.find_jumps`.
    threshold : float
        Smallest step in robust standard deviations of the changes of log10 loss.
    min_change : float
        Smallest step of log10 loss.
    floor : float
        Smallest standard deviation of a change of log10 loss, > 0.

    Returns
    -------
    tuple of Shift
        Sorted by epoch.

    Raises
    ------
    InputError
        If `loss` is not a series of numbers >= 0.
    """
    level = log_loss(loss)
    if level.size < 2 * MINIMUM_PIECE:
        return ()
    change = np.diff(level)
    spread = max(NORMAL_CONSISTENCY * float(np.median(np.abs(change - np.median(change)))), floor)
    starts = straight_pieces(level, PENALTY * spread**2 * np.log(level.size), MINIMUM_PIECE)
    lines = [_line(level[start:end]) for start, end in zip([0, *starts], [*starts, level.size], strict=True)]
    steps = [after[0] - before[1] for before, after in pairwise(lines)]
    smallest = max(min_change, threshold * spread)
    return tuple(Shift(at - 1, step) for at, step in zip(starts, steps, strict=True) if abs(step) >= smallest)


def is_confirmed(jump: Jump, shifts: Sequence[Shift]) -> bool:
    """Whether a shift of a jump's sign is at most an epoch away from its episode."""
    return any(
        shift.size * jump.sign > 0 and jump.epoch - 1 <= shift.epoch <= jump.epoch + jump.duration for shift in shifts
    )


def straight_pieces(values: np.ndarray, penalty: float, minimum: int) -> list[int]:
    """Cut a series into straight lines: least sum of squared residuals plus `penalty` a cut.

    Parameters
    ----------
    values : ndarray, shape (n,)
    penalty : float
    minimum : int
        Fewest values of a piece, at least 2.

    Returns
    -------
    list of int
        First value of each piece but the first.
    """
    before = _best_cuts(np.asarray(values, dtype=np.float64) - np.mean(values), penalty, minimum)
    cuts, end = [], len(values)
    while (end := int(before[end])) > 0:
        cuts.append(end)
    return cuts[::-1]


@compiled()
def _best_cuts(values, penalty, minimum):
    """For every end (n + 1,) the start of the last piece of the cheapest way to cut what precedes it."""
    n = values.size
    total, moment, square = np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1)
    for i in range(n):
        total[i + 1] = total[i] + values[i]
        moment[i + 1] = moment[i] + i * values[i]
        square[i + 1] = square[i] + values[i] ** 2
    cost = np.full(n + 1, np.inf)
    cost[0] = -penalty
    before = np.zeros(n + 1, np.int64)
    useless_from = np.full(n + 1, n + 1)
    reached = np.empty(n + 1)
    for end in range(minimum, n + 1):
        for start in range(end - minimum + 1):
            reached[start] = np.inf
            if cost[start] == np.inf or useless_from[start] <= end:
                continue
            length = end - start
            first = total[end] - total[start]
            mean = first / length
            middle = 0.5 * (start + end - 1)
            covariance = moment[end] - moment[start] - middle * first
            residual = square[end] - square[start] - mean * first
            residual -= covariance**2 / (length * (length**2 - 1.0) / 12.0)
            reached[start] = cost[start] + max(residual, 0.0)
            if reached[start] + penalty < cost[end]:
                cost[end] = reached[start] + penalty
                before[end] = start
        for start in range(end - minimum + 1):
            # cutting at `end` is cheaper, from where on the piece after that cut is long enough
            if reached[start] != np.inf and reached[start] >= cost[end]:
                useless_from[start] = min(useless_from[start], end + minimum)
    return before


def _line(piece: np.ndarray) -> tuple[float, float]:
    """First and last value of the line through a piece."""
    offset, slope = np.polynomial.polynomial.polyfit(np.arange(piece.size), piece, 1)
    return float(offset), float(offset + slope * (piece.size - 1))
