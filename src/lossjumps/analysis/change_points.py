"""Change points of a series: the second detector of loss jumps, which knows no windows and no z-scores.

Killick, Fearnhead & Eckley (2012), JASA 107, 1590-1598 (PELT), as ruptures has it: Truong, Oudre & Vayatis (2020),
Signal Processing 167, 107299.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from ruptures import KernelCPD

from lossjumps.analysis.jumps import NORMAL_CONSISTENCY, Jump, log_loss

DETECTOR = "change-points"
"""Name of this detector."""

MINIMUM_PIECE = 4
"""Fewest epochs of a piece: a level that is left again sooner is none."""

PENALTY = 4.0
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
    """Find where the level of the log loss shifts.

    The log loss is cut into pieces of the least sum of squared deviations from their means plus a penalty a cut.  A cut
    is a shift if the step from the end of the straight line through one piece to the start of that through the next is
    large: slopes, and noise whose level wanders, are cut as well, but the lines meet there.

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
    pieces = KernelCPD(kernel="linear", min_size=MINIMUM_PIECE).fit(level[:, None])
    *starts, _ = pieces.predict(pen=PENALTY * spread**2 * np.log(level.size))
    lines = [_line(level[start:end]) for start, end in zip([0, *starts], [*starts, level.size], strict=True)]
    steps = [after[0] - before[1] for before, after in pairwise(lines)]
    smallest = max(min_change, threshold * spread)
    return tuple(Shift(at - 1, step) for at, step in zip(starts, steps, strict=True) if abs(step) >= smallest)


def is_confirmed(jump: Jump, shifts: Sequence[Shift]) -> bool:
    """Whether a shift of a jump's sign is at most an epoch away from its episode."""
    return any(
        shift.size * jump.sign > 0 and jump.epoch - 1 <= shift.epoch <= jump.epoch + jump.duration for shift in shifts
    )


def _line(piece: np.ndarray) -> tuple[float, float]:
    """First and last value of the line through a piece."""
    offset, slope = np.polynomial.polynomial.polyfit(np.arange(piece.size), piece, 1)
    return float(offset), float(offset + slope * (piece.size - 1))
