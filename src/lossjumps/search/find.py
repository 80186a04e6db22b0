"""Find the fixed points and cycles of a ReLU map, completely where that is possible."""

import sys
from collections.abc import Iterable, Sequence

import numpy as np

from lossjumps.errors import InputError
from lossjumps.maps.relu_map import ReluMap
from lossjumps.search import itineraries
from lossjumps.search.complete import complete_cycles
from lossjumps.search.cycle import Cycle, FoundCycles
from lossjumps.search.regions import linear_regions
from lossjumps.search.scyfi import walk_for_cycles

METHODS = ("auto", "complete", "scyfi")

CERTIFIED_WORDS = 2**16
"""`auto` lists an order completely where there are at most this many sequences of regions (k H <= 16 always)."""

MAX_REGIONS = 200_000
"""Fixed points are listed completely where a map has at most this many regions."""

ROOT_OF_UNITY = 1e-12
"""|mu^n - 1| below which a cycle run through n times has a singular I - T^n."""


def _checked_starts(starts: Iterable[Cycle | np.ndarray], relu_map: ReluMap) -> dict[int, list[np.ndarray]]:
    """Region sequences to start from, by order."""
    by_order: dict[int, list[np.ndarray]] = {}
    for start in starts:
        itinerary = np.asarray(start.itinerary if isinstance(start, Cycle) else start)
        if itinerary.ndim != 2 or itinerary.shape[1] != relu_map.units or itinerary.dtype != bool:
            raise InputError(
                f"starts: expected cycles or boolean itineraries of shape (k, {relu_map.units}), "
                f"got {itinerary.dtype} of shape {itinerary.shape}"
            )
        by_order.setdefault(len(itinerary), []).append(itinerary)
    return by_order


def _repeated_continua(cycles: list[Cycle], order: int) -> list[np.ndarray]:
    """Itineraries of lower cycles around which there is a continuum of cycles of this order."""
    return [
        np.tile(cycle.itinerary, (order // cycle.order, 1))
        for cycle in cycles
        if cycle.order < order
        and order % cycle.order == 0
        and np.any(np.abs(cycle.multipliers ** (order // cycle.order) - 1.0) < ROOT_OF_UNITY)
    ]


def find_cycles(
    m: ReluMap,
    max_order: int = 10,
    *,
    method: str = "auto",
    box: None = None,
    verify: str = "float",
    starts: Iterable[Cycle | np.ndarray] | None = None,
    max_visits: int | None = None,
    max_regions: int = MAX_REGIONS,
    certified_words: int = CERTIFIED_WORDS,
    seed: int | Sequence[int] = 0,
    progress: bool = False,
) -> FoundCycles:
    """Find fixed points and cycles of orders 1 ... max_order.

    Parameters
    ----------
    m : ReluMap
    max_order : int
        Largest order.
    method : {"auto", "complete", "scyfi"}
        "complete" lists every order by solving all sequences of regions, whatever that costs; "scyfi" searches
        every order; "auto" lists the fixed points where there are at most `max_regions` regions and every order with
        at most `certified_words` sequences of regions, and searches the others.
    box : None
        Where to search: the whole space; no box can be given so far.
    verify : {"float"}
        How admissibility is decided.
    starts : iterable of Cycle or (k, H) bool arrays, optional
        Region sequences that SCYFI walks from first.
    max_visits : int, optional
        Region sequences solved at the most by SCYFI at each order.
    max_regions : int
        See `method`.
    certified_words : int
        See `method`.
    seed : int or sequence of int
        Seed of SCYFI's random starts; the same seed gives the same result.
    progress : bool
        Say on standard error what each order brought.

    Returns
    -------
    FoundCycles
        Iterating yields the cycles sorted by order, then by itinerary.

    Raises
    ------
    InputError
        If an argument is out of its range, or "complete" is asked of a map with more than `max_regions` regions.
    """
    if method not in METHODS:
        raise InputError(f"method: expected one of {', '.join(METHODS)}, got {method!r}")
    for name, value in (("max_order", max_order), ("max_regions", max_regions), ("certified_words", certified_words)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise InputError(f"{name}: expected an integer >= 1, got {value!r}")
    if max_visits is not None and max_visits < 1:
        raise InputError(f"max_visits: expected an integer >= 1, got {max_visits!r}")
    if box is not None:
        raise InputError(f"box: expected None, the whole space; other boxes are not supported, got {box!r}")
    if verify != "float":
        raise InputError(f'verify: expected "float", got {verify!r}')
    if min(np.atleast_1d(seed)) < 0:
        raise InputError(f"seed: expected an integer >= 0, got {seed!r}")
    starts_of = _checked_starts(starts or (), m)
    regions = linear_regions(m, max_regions)
    if method == "complete" and not regions.complete:
        raise InputError(f'method="complete": expected a map with at most max_regions = {max_regions} linear regions')
    cycles: list[Cycle] = []
    complete: dict[int, bool] = {}
    degenerate: list[np.ndarray] = []
    visits: dict[int, int] = {}
    for order in range(1, max_order + 1):
        words = len(regions.patterns) ** order
        listed = regions.complete and (
            method == "complete" or (method == "auto" and (order == 1 or words <= certified_words))
        )
        if listed:
            result = complete_cycles(m, regions.patterns, order)
            continua = result.degenerate + _repeated_continua(cycles, order)
            degenerate += continua
            complete[order] = not continua and not result.undecided
        else:
            generator = np.random.default_rng([*np.atleast_1d(seed), order])
            result = walk_for_cycles(
                m,
                order,
                generator,
                patterns=regions.patterns if regions.complete else regions.patterns[:0],
                starts=starts_of.get(order, ()),
                max_visits=max_visits,
            )
            complete[order] = False
        cycles += result.cycles
        visits[order] = result.visits
        if progress:
            how = "complete" if complete[order] else "searched"
            print(f"order {order}: {len(result.cycles)} found, {how}, {result.visits} visits", file=sys.stderr)
    degenerate = list({itineraries.key(itinerary): itinerary for itinerary in degenerate}.values())
    return FoundCycles(tuple(cycles), max_order, complete, tuple(degenerate), visits, regions)
