"""Continua of cycles around cycles of lower order: where a multiplier is a root of unity."""

from itertools import product

import numpy as np

from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.cycle import Cycle
from lossjumps.search.exact import ExactCycle, verify_cycles
from lossjumps.search.local_index import MOST_BORDERS
from lossjumps.search.multipliers import distance_from_roots_of_unity, leading_multipliers_of

NEAR_A_ROOT_OF_UNITY = 1e-6
"""|mu^n - 1| below which it is decided without rounding whether n times round a cycle is the identity somewhere."""


def _sides(cycle: Cycle) -> list[np.ndarray] | None:
    """The itineraries (k, H) of the pieces that meet in a cycle; None where these are more than 2^`MOST_BORDERS`."""
    places = np.argwhere(cycle.borders) if isinstance(cycle, ExactCycle) else np.zeros((0, 2), dtype=np.int64)
    if len(places) > MOST_BORDERS:
        return None
    sides = []
    for flips in product((False, True), repeat=len(places)):
        side = cycle.itinerary.copy()
        side[places[:, 0], places[:, 1]] = flips
        sides.append(side)
    return sides


def continua_around(relu_map: ReluMap, cycles: list[Cycle], order: int) -> list[np.ndarray] | None:
    """Itineraries (order, H) of the continua of fixed points of F^order that contain a cycle of lower order.

    Their itineraries are those of the lower cycle, or of a piece that meets in it, several times over, so that no list
    of primitive itineraries holds them.

    Parameters
    ----------
    relu_map : ReluMap
    cycles : list of Cycle
        Of lower orders.
    order : int

    Returns
    -------
    list of (order, H) bool arrays or None
        None where so many borders meet in a cycle that not all pieces are looked at.
    """
    suspicious = []
    for cycle in cycles:
        repetitions = order // cycle.order
        if cycle.order == order or order % cycle.order:
            continue
        sides = _sides(cycle)
        if sides is None:
            return None
        for side in sides:
            multipliers = cycle.leading_multipliers if len(sides) == 1 else leading_multipliers_of(relu_map, side)
            if distance_from_roots_of_unity(multipliers, repetitions) < NEAR_A_ROOT_OF_UNITY:
                suspicious.append(np.tile(side, (repetitions, 1)))
    if not suspicious:
        return []
    continua = verify_cycles(relu_map, suspicious, most_neighbours=0).continua
    return [continuum.itinerary for continuum in continua if len(continuum.itinerary) == order]
