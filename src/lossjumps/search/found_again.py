"""What a search by random walks may have missed, from how often it found again what it found.

Cycles between which walks from one-unit changes lead form an *island*: who finds one of them finds all.  So what is
missing is islands, and the chance to miss one depends on its share of the random starts: those whose walks end in it.
"""

from dataclasses import dataclass
from math import inf, log

import numpy as np

CYCLES_AN_ISLAND = 2.0
"""Cycles on an island that was missed: folds make pairs."""

PRIOR_ISLANDS = 0.15
"""Islands beyond the first that are reckoned with where none was found; see `islands_missing`."""


@dataclass(frozen=True)
class Islands:
    """How often random starts ended on each island that holds cycles of the order.

    Attributes
    ----------
    hits : (n,) int array
        Random starts that ended there; zero for one that was found from elsewhere only.
    """

    hits: np.ndarray

    @property
    def found_once(self) -> int:
        """Islands that one random start alone found."""
        return int(np.count_nonzero(self.hits == 1))

    @property
    def missing_at_least(self) -> float:
        """Chao's lower bound of islands not found, from those found once and twice (bias-corrected)."""
        once, twice = np.count_nonzero(self.hits == 1), np.count_nonzero(self.hits == 2)
        return once * (once - 1) / (2.0 * (twice + 1))


def islands_missing(islands: Islands, random_starts: int, log_sequences: float) -> float:
    """Expected number of islands that were missed.

    The shares of islands are taken to be spread evenly on a logarithmic scale, from one sequence to all of them (then
    those found j times are as 1 / j: Fisher's series).  Of n random starts the islands with shares down to about 1 / n
    are found, ln n + gamma times the density; those missed are as dense.  The density is that of the islands found
    beyond the first, and of `PRIOR_ISLANDS`.  Where Chao's lower bound is larger, that is the estimate.

    Parameters
    ----------
    islands : Islands
    random_starts : int
    log_sequences : float
        Natural logarithm of the number of sequences of regions, up to rotation.
    """
    if random_starts < 2:
        return inf
    found = max(len(islands.hits) - 1, 0) + PRIOR_ISLANDS
    above = log(random_starts) + np.euler_gamma
    below = max(0.0, log_sequences - above)
    return max(found * below / above, islands.missing_at_least)
