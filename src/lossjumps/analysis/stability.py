"""Where along an arc an object loses or gains stable directions: flips and centre bifurcations."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lossjumps.analysis.arcs import SPLIT, Arc, PathArcs, chebyshev_nodes, polished_root
from lossjumps.analysis.interval_kernel import jacobian_products, root_of_series, signs_on_interval
from lossjumps.analysis.states import State, state_at
from lossjumps.maps.paths import Path
from lossjumps.search.multipliers import leading_multipliers_of

NODES = 8
"""Points at which the multipliers are looked at on one interval."""

NARROWEST = 1e-9
"""Width of an interval, relative to the arc, that is not split any more."""

ROUNDING = 1e-12
"""Rounding of the tests, relative to their largest value."""

BESIDE = 1e-9
"""How far from the change of stability the object is looked at on both sides, at most."""


@dataclass(frozen=True, eq=False)
class StabilityChange:
    """A multiplier, or a pair, that crosses the unit circle other than at 1.

    Attributes
    ----------
    kind : str
        "degenerate_flip" (at -1) or "centre".
    fraction : float
    before, after : State
        The object just below and just above the fraction.
    """

    kind: str
    fraction: float
    before: State
    after: State


def flip_test(multipliers: np.ndarray) -> np.ndarray:
    """det(I + T) from the multipliers (..., M): it vanishes where one of them is -1."""
    return (1.0 + multipliers).prod(axis=-1).real


def centre_test(multipliers: np.ndarray) -> np.ndarray:
    """The product of 1 - lambda_i lambda_j over all pairs i < j: it vanishes where a complex pair has modulus 1.

    It is the determinant of I minus the second compound of T, a polynomial of its entries.  A real pair with
    lambda_i lambda_j = 1 makes it vanish as well, without a change of stability.
    """
    first, second = _pairs(multipliers.shape[-1])
    return (1.0 - multipliers[..., first] * multipliers[..., second]).prod(axis=-1).real


@lru_cache(maxsize=16)
def _pairs(number: int) -> tuple[np.ndarray, np.ndarray]:
    return np.triu_indices(number, 1)


TESTS = {"degenerate_flip": flip_test, "centre": centre_test}
"""What vanishes at each kind."""


def stability_changes(path_arcs: PathArcs, arc: Arc) -> list[StabilityChange]:
    """All changes of stability along an arc, by fraction.

    The roots of both tests are isolated by the bounds of their Chebyshev series on ever smaller intervals; a series
    that does not resolve its test is split as well.
    """
    low, high = arc.low.fraction, arc.high.fraction
    path = path_arcs.path
    changes = []
    chebyshev = chebyshev_nodes(NODES)[1]
    waiting = [(low, high, tuple(TESTS))]
    while waiting:
        left, right, kinds = waiting.pop()
        stacked = path_arcs.stacked(left, right, NODES)
        products = np.empty((NODES, path_arcs.dimension, path_arcs.dimension))
        jacobian_products(*stacked, arc.itinerary, products)
        multipliers = np.linalg.eigvals(products)
        split = []
        for kind in kinds:
            values = TESTS[kind](multipliers)
            noise = ROUNDING * float(np.abs(values).max())
            decided, at_left, at_right = signs_on_interval(chebyshev @ values, noise, False)
            if not decided and right - left > NARROWEST * (high - low):
                split.append(kind)
            elif at_left != at_right:

                def test(fraction: float, kind: str = kind) -> float:
                    return float(TESTS[kind](leading_multipliers_of(path(fraction), arc.itinerary)))

                guess = left + (right - left) * root_of_series(chebyshev @ values, at_left)
                change = _change(path, arc, kind, polished_root(test, guess, left, right))
                changes += [] if change is None else [change]
        if split:
            middle = left + SPLIT * (right - left)
            waiting += [(left, middle, tuple(split)), (middle, right, tuple(split))]
    return sorted(changes, key=lambda change: change.fraction)


def _change(path: Path, arc: Arc, kind: str, fraction: float) -> StabilityChange | None:
    """The change at a root of a test, or None where the number of unstable directions stays."""
    beside = min(BESIDE, 0.25 * (arc.high.fraction - arc.low.fraction))
    before, after = (
        state_at(path, min(max(at, arc.low.fraction), arc.high.fraction), arc.itinerary)
        for at in (fraction - beside, fraction + beside)
    )
    if before.unstable_directions == after.unstable_directions:
        return None
    return StabilityChange(kind, fraction, before, after)
