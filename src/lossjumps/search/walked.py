"""What a search by walks found at one order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Walked:
    """What SCYFI found at one order.

    Attributes
    ----------
    itineraries : list of (k, H) bool arrays
        Primitive, canonical, one a cycle, sorted: their roll-outs returned to themselves.
    found_again : list of int
        Random starts that ended in each.
    visits : int
        Region sequences solved.
    walks : int
        Walks begun.
    random_starts : int
        Of these, from random sequences, and finished.
    missing : float or None
        Estimate of the number of cycles of this order that were missed, if there is one (`found_again`).
    """

    itineraries: list[np.ndarray]
    found_again: list[int]
    visits: int
    walks: int
    random_starts: int
    missing: float | None

    @classmethod
    def of(cls, found: Sequence[np.ndarray], hits: Iterable[int], **counts: Any) -> "Walked":
        """With canonical itineraries in any order."""
        order = sorted(zip(found, hits, strict=True), key=lambda pair: pair[0].tobytes())
        return cls([itinerary for itinerary, _ in order], [int(number) for _, number in order], **counts)
