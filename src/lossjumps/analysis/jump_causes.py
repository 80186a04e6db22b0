"""What a loss jump comes from: a bifurcation that carries it, or another cause, each with its own evidence."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

CAUSES = (
    "bifurcation",
    "basin_switch",
    "unexplained_attractor_change",
    "step_spike",
    "ghost",
    "unknown",
)
"""Causes in the order in which they are looked for: a jump has the first whose evidence is there."""

CARRIES = 0.5
"""Share of the epoch's change of the loss from which on its bifurcations are said to carry it."""

SPIKE = 3.0
"""A step, or a gradient, this many times as long as those around it is a spike."""

LINGERS = 10
"""Steps near a ghost from which on it is called one."""

OTHERS = 8
"""Epochs near a jump, but without one, that are looked at as well."""

APART = 3
"""Epochs that they are away from any jump."""

SLOW = 0.1
"""Distance after a period, in median steps of the data, below which an orbit lingers."""


@dataclass(frozen=True)
class Evidence:
    """What is known of the epoch of a jump.

    Attributes
    ----------
    share : float
        The largest share of the change of the loss that a bifurcation of the epoch carries; NaN where there is none.
    occupied : bool
        Whether a bifurcation of the epoch concerns what data states are taken to.
    measured : bool
        Whether shares can be measured at all: the loss is one of the free-running map on data.
    attractor_change : str
        As `attractor_change` gives it.
    ghost_steps : int
        The longest stretch that an orbit from the data lingers.
    step_ratio : float
        Length of the step over the median of those around it; NaN where it is not known.
    """

    share: float
    occupied: bool
    measured: bool
    attractor_change: str
    ghost_steps: int
    step_ratio: float

    @property
    def cause(self) -> str:
        """One of `CAUSES`."""
        if self.share >= CARRIES or (self.occupied and not self.measured):
            return "bifurcation"
        if self.attractor_change and not self.occupied:
            return self.attractor_change
        if self.step_ratio >= SPIKE:
            return "step_spike"
        return "ghost" if self.ghost_steps >= LINGERS else "unknown"


def attractor_change(
    before: Sequence[str],
    after: Sequence[str],
    stable_before: Collection[str],
    stable_after: Collection[str],
    long: Collection[str],
) -> str:
    """Tell what became of what data states are taken to, from one recorded epoch to the next.

    Parameters
    ----------
    before, after : sequence of str
        For each state ``"cycle:<object>"``, ``"aperiodic"`` or ``"diverged"``.
    stable_before, stable_after : collection of str
        The stable objects listed at the two epochs, named likewise.
    long : collection of str
        Those of an order that is not followed: motion on them is not told from aperiodic motion.

    Returns
    -------
    str
        Empty: nothing changed.  ``"basin_switch"``: every state that is taken elsewhere leaves an object that goes on
        to attract, for one that attracted before or for infinity.  ``"unexplained_attractor_change"``: anything else.
    """
    changes = [
        (one, other) for one, other in zip(before, after, strict=True) if _motion(one, long) != _motion(other, long)
    ]
    if not changes:
        return ""
    switched = all(
        one in {*stable_after, "diverged"} and other in {*stable_before, "diverged"} and not {one, other} & set(long)
        for one, other in changes
    )
    return "basin_switch" if switched else "unexplained_attractor_change"


def _motion(attractor: str, long: Collection[str]) -> str:
    return "recurrent" if attractor == "aperiodic" or attractor in long else attractor


def ratio_to_surroundings(values: np.ndarray, place: int, window: int) -> float:
    """A value over the median of those at most `window` places away; NaN where one of them is not known."""
    around = np.delete(values[max(place - window, 0) : place + window + 1], min(place, window))
    around = around[np.isfinite(around)]
    middle = np.median(around) if around.size else np.nan
    return float(values[place] / middle) if middle > 0 else np.nan


def other_epochs(
    epoch: int, jumps: np.ndarray, n_steps: int, window: int, generator: np.random.Generator
) -> np.ndarray:
    """Draw epochs near that of a jump in which the loss does not jump, at the same stage of the training.

    Parameters
    ----------
    epoch : int
        Of the jump.
    jumps : ndarray of int
        Epochs of all jumps of the run.
    n_steps : int
        Epochs 0 ... n_steps - 1 are those to draw from.
    window : int
        How far from the jump they may lie.
    generator : Generator

    Returns
    -------
    ndarray of int
        `OTHERS` distinct epochs, ascending, or as many as there are more than `APART` epochs away from every jump.
    """
    near = np.arange(max(epoch - window, 0), min(epoch + window + 1, n_steps))
    quiet = near[np.all(np.abs(near[:, None] - np.append(jumps, epoch)) > APART, axis=1)]
    return np.sort(generator.permutation(quiet)[:OTHERS])
