"""Units of measurement: a map whose numbers are very large or small is searched in units in which they are not."""

from dataclasses import replace

import numpy as np

from lossjumps.errors import InputError
from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.cycle import Cycle

USUAL = 20
"""Binary exponents up to this size are left as they are."""

LARGEST = 2.0**500
"""Of weights and distances that are searched: the squares of larger ones are no float64s."""

SMALLEST = 1 / LARGEST


def _exponents(sizes: np.ndarray) -> np.ndarray:
    """The binary exponents of positive sizes, 0 where they are usual or zero."""
    exponents = np.where(sizes > 0.0, np.frexp(sizes)[1], 0)
    return np.where(np.abs(exponents) > USUAL, exponents, 0)


def in_usual_units(relu_map: ReluMap) -> tuple[ReluMap, int]:
    """The map with inputs of each unit and states measured in powers of two, so that borders lie at usual distances.

    Parameters
    ----------
    relu_map : ReluMap

    Returns
    -------
    relu_map : ReluMap
        The same map without rounding: F'(z) = F(2^exponent z) / 2^exponent, with the same regions and Jacobians.  The
        map itself where its numbers are usual, or where those of one unit or offset would be lost.
    exponent : int

    Raises
    ------
    InputError
        If the numbers of a unit are so far apart that its border, or the squares of its weights, are no float64s.
    """
    A, U, V, b, c = relu_map.parameters
    weights = _exponents(np.abs(V).max(axis=1))
    with np.errstate(over="ignore", under="ignore"):
        distances = np.abs(np.ldexp(b, -weights))
        exponent = int(_exponents(np.array(max(distances.max(), np.abs(c).max()))))
        if exponent == 0 and not weights.any():
            return relu_map, 0
        scaled = [
            np.ldexp(U, weights),
            np.ldexp(V, -weights[:, None]),
            np.ldexp(b, -weights - exponent),
            np.ldexp(c, -exponent),
        ]
        back = [
            np.ldexp(scaled[0], -weights),
            np.ldexp(scaled[1], weights[:, None]),
            np.ldexp(scaled[2], weights + exponent),
            np.ldexp(scaled[3], exponent),
        ]
    if all(np.array_equal(array, given) for array, given in zip(back, (U, V, b, c), strict=True)):
        return ReluMap(A, *scaled), exponent
    sizes = np.abs(V).max(axis=1)
    for unit in np.flatnonzero(sizes):
        if not SMALLEST < sizes[unit] < LARGEST or distances[unit] > LARGEST:
            raise InputError(
                f"parameters: input weights up to {sizes[unit]:.3g}, output weights up to"
                f" {np.abs(U[:, unit]).max():.3g} and offset {b[unit]:.3g} of unit {unit + 1} are too far apart for"
                " float64; expected weights that matter, or zero"
            )
    return relu_map, 0


def in_given_units(cycle: Cycle, relu_map: ReluMap, exponent: int) -> Cycle:
    """A cycle of a map in usual units as one of the map that was given: itinerary and Jacobians are the same."""
    return replace(cycle, points=np.ldexp(cycle.points, exponent), relu_map=relu_map)
