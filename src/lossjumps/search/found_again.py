"""What a search by random walks may have missed, from how often it found again what it found.

Cycles between which walks from one-unit changes lead form an *island*: who finds one of them finds all.  So what is
missing is islands, and the chance to miss one depends on its share of the random starts: those whose walks end in it.
"""

from dataclasses import dataclass
from math import log

import numpy as np

CYCLES_AN_ISLAND = 2.0
"""Cycles on an island that was missed: folds make pairs."""

PRIOR_ISLANDS = 0.1
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

    The shares of islands are taken to be spread evenly on a logarithmic scale (then those found j times are as 1 / j,
    Fisher's series).  The islands found beyond the first, and `PRIOR_ISLANDS`, lie between shares 1 and 1 / n for n
    random starts; as dense as those are the ones below, down to a single sequence.  Where Chao's bound is larger, that.

    Parameters
    ----------
    islands : Islands
    random_starts : int
    log_sequences : float
        Natural logarithm of the number of sequences of regions, up to rotation.
    """
    if random_starts < 2:
        return float("inf")
    beyond_the_first = max(len(islands.hits) - 1, 0) + PRIOR_ISLANDS
    unseen = max(0.0, log_sequences - log(random_starts))
    return max(beyond_the_first * unseen / log(random_starts), islands.missing_at_least)
