"""Objects that live and die inside a segment: looked for where following from its ends does not come."""

from functools import lru_cache
from itertools import product

import numpy as np

from lossjumps.analysis.following import Following
from lossjumps.search import find_cycles, itineraries

MOST_WORDS = 4096
"""Up to this many itineraries of an order all of them are looked at, along the whole segment."""

LEVELS = 3
"""How often a segment is halved, and searched in the middle, in any case."""

MOST_LEVELS = 6
"""How often the parts of a segment are halved where a search still finds something new."""


def look_inside(following: Following, max_order: int) -> None:
    """Find the objects of a segment that neither reach its ends nor meet one that does, and follow them.

    Where an order has few itineraries, the arcs of all of them are computed: then nothing is missed.  For other orders
    the map in the middle is searched, and the halves likewise, until nothing new is found.

    Parameters
    ----------
    following : Following
        What is known of the segment; it is added to.
    max_order : int
        Largest order that is looked for.
    """
    units = following.path(0.0).units
    searched = [order for order in range(1, max_order + 1) if 2.0 ** (order * units) > MOST_WORDS]
    for order in range(1, max_order + 1):
        if order not in searched:
            for arc in following.path_arcs.of_words(_words(order, units)):
                following.follow_arc(arc)
    if searched:
        _halve(following, 0.0, 1.0, searched, 1)


@lru_cache(maxsize=16)
def _words(order: int, units: int) -> np.ndarray:
    """All primitive canonical itineraries of an order, (W, k, H)."""
    patterns = np.array(list(product([False, True], repeat=order * units))).reshape(-1, order, units)
    if order == 1:
        return patterns
    return np.array(
        [word for word in patterns if itineraries.is_primitive(word) and itineraries.canonical_shift(word) == 0]
    )


def _halve(following: Following, low: float, high: float, orders: list[int], level: int) -> None:
    middle = 0.5 * (low + high)
    found = find_cycles(following.path(middle), max(orders))
    new = [
        cycle.itinerary for cycle in found if cycle.order in orders and following.known(middle, cycle.itinerary) is None
    ]
    for itinerary in new:
        following.follow(middle, itinerary)
    if level < LEVELS or (new and level < MOST_LEVELS):
        _halve(following, low, middle, orders, level + 1)
        _halve(following, middle, high, orders, level + 1)
