"""Find the fixed points and cycles of a ReLU map, completely where that is possible."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lossjumps.errors import InputError
from lossjumps.maps.relu_map import ReluMap
from lossjumps.progress import Progress, shown
from lossjumps.search import itineraries
from lossjumps.search.boxes import Box
from lossjumps.search.complete import CompleteList, decide, verified
from lossjumps.search.continua import continua_around
from lossjumps.search.cycle import Cycle, FoundCycles
from lossjumps.search.degree import degrees
from lossjumps.search.lists import CompleteLists
from lossjumps.search.paper_scyfi import walk_as_published
from lossjumps.search.scaling import in_given_units, in_usual_units
from lossjumps.search.scyfi import walk_for_cycles
from lossjumps.search.walked import Walked

METHODS = ("auto", "complete", "scyfi", "scyfi-paper")
VERIFY = ("float", "exact")

CERTIFIED_UNITS = 48
"""`auto` tries to list an order k completely where the points of a cycle have at most this many units, k H."""

MAX_NODES = 100_000
"""Nodes of the branch and bound, or linear regions, after which a complete list is given up."""

MOST_DRAWN_REGIONS = 20_000
"""SCYFI draws its random starts from the linear regions where there are at most this many, else from random states."""

FLAT = 2
"""States up to which all orders are split by itinerary at once, if orders above 1 are certified at all."""

LOW = 3
"""States up to which the orders that are certified are."""

MOST_NEIGHBOURS = 256
"""Itineraries across borders near which a searched cycle lies that are decided exactly as well."""


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


def _checked_box(box: Any, dimension: int) -> Box:
    """A box from what a user gives: a `Box`, or lower and upper bounds, one for all coordinates or one for each."""
    expected = f"box: expected lower and upper bounds, numbers or arrays of shape ({dimension},), lower < upper"
    try:
        lower, upper = (box.lower, box.upper) if isinstance(box, Box) else box
        lower, upper = (
            np.array(np.broadcast_to(np.asarray(bound, dtype=float), dimension)) for bound in (lower, upper)
        )
    except (TypeError, ValueError) as error:
        raise InputError(f"{expected}, got {box!r}") from error
    if not (np.isfinite(lower).all() and np.isfinite(upper).all() and np.all(lower < upper)):
        raise InputError(f"{expected} and finite, got {lower.tolist()} and {upper.tolist()}")
    return Box(lower, upper)


def _longest_split(dimension: int, domain: Box | None, certifiable: int, max_order: int) -> int:
    """The order up to which all are split by itinerary at once; 0 where none are."""
    if domain is not None:
        return max_order
    if certifiable == 1:
        return 0
    return max_order if dimension <= FLAT else certifiable if dimension <= LOW else 0


def _searched(
    lists: CompleteLists,
    order: int,
    method: str,
    generator: np.random.Generator,
    starts: Iterable[np.ndarray],
    lower: Iterable[Cycle],
    max_visits: int | None,
) -> tuple[CompleteList, Walked]:
    """What SCYFI finds, decided, and its walks."""
    regions = lists.listed_regions(MOST_DRAWN_REGIONS)
    patterns = regions.patterns if regions.complete else None
    if method == "scyfi-paper":
        walked = walk_as_published(lists.relu_map, order, generator, patterns=patterns, max_visits=max_visits)
    else:
        walked = walk_for_cycles(
            lists.relu_map,
            order,
            generator,
            patterns=patterns,
            starts=starts,
            lower=[cycle.itinerary for cycle in lower],
            max_visits=max_visits,
            threads=lists.threads,
        )
    if lists.verify == "float":
        return decide(lists.relu_map, walked.itineraries, walked.visits), walked
    return verified(lists.relu_map, walked.itineraries, walked.visits, MOST_NEIGHBOURS), walked


def find_cycles(
    m: ReluMap,
    max_order: int = 10,
    *,
    method: str = "auto",
    box: Box | tuple[Any, Any] | None = None,
    verify: str = "float",
    starts: Iterable[Cycle | np.ndarray] | None = None,
    max_visits: int | None = None,
    max_nodes: int = MAX_NODES,
    certified_units: int = CERTIFIED_UNITS,
    audit: bool = True,
    seed: int | Sequence[int] = 0,
    threads: int = 1,
    progress: bool | Progress = False,
) -> FoundCycles:
    """Find fixed points and cycles of orders 1 ... max_order.

    Parameters
    ----------
    m : ReluMap
    max_order : int
        Largest order.
    method : {"auto", "complete", "scyfi", "scyfi-paper"}
        "complete" lists every order completely, whatever that costs; "scyfi" searches every order; "auto" lists the
        fixed points, and every order k with k H <= `certified_units`, completely where that takes at most `max_nodes`
        nodes, and searches the others; "scyfi-paper" searches every order as SCYFI was published, for comparison.
    box : Box or (lower, upper), optional
        Only cycles that lie in this box are wanted, and lists are complete in it: lower and upper bounds, numbers or
        (M,) arrays.  The whole space if not given.
    verify : {"float", "exact"}
        Existence and index are exact in any case.  With "exact" all points and multipliers are rounded to the nearest
        as well, and all cycles are `lossjumps.search.exact.ExactCycle`; with "float" those that float64 with error
        bounds does not decide.
    starts : iterable of Cycle or (k, H) bool arrays, optional
        Region sequences that SCYFI walks from first.
    max_visits : int, optional
        Region sequences solved at the most by SCYFI at each order.
    max_nodes : int
        See `method`: nodes of a branch and bound, or linear regions.
    certified_units : int
        See `method`.
    audit : bool
        Compare the index sums of complete lists with the degree of the map where that is known; a list that differs
        is not called complete.
    seed : int or sequence of int
        Seed of SCYFI's random starts; the same seed gives the same result.
    threads : int
        Threads that share large complete lists and long searches; they do not change the result.
    progress : bool or callable
        Called after each order with its number, `max_order` and what it brought (`lossjumps.progress.Progress`);
        True says that on standard error.

    Returns
    -------
    FoundCycles
        Iterating yields the cycles sorted by order, then by itinerary.

    Raises
    ------
    InputError
        If an argument is out of its range, or "complete" is asked of a map for which no way to it is known.
    """
    if method not in METHODS:
        raise InputError(f"method: expected one of {', '.join(METHODS)}, got {method!r}")
    if verify not in VERIFY:
        raise InputError(f"verify: expected one of {', '.join(VERIFY)}, got {verify!r}")
    for name, value in (
        ("max_order", max_order),
        ("max_nodes", max_nodes),
        ("certified_units", certified_units),
        ("threads", threads),
    ):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise InputError(f"{name}: expected an integer >= 1, got {value!r}")
    if max_visits is not None and max_visits < 1:
        raise InputError(f"max_visits: expected an integer >= 1, got {max_visits!r}")
    if min(np.atleast_1d(seed)) < 0:
        raise InputError(f"seed: expected an integer >= 0, got {seed!r}")
    report = shown(progress, "order")
    domain = None if box is None else _checked_box(box, m.dimension)
    starts_of = _checked_starts(starts or (), m)
    usual, exponent = in_usual_units(m)
    within = None if domain is None else Box(np.ldexp(domain.lower, -exponent), np.ldexp(domain.upper, -exponent))
    lists = CompleteLists(usual, within, threads, verify)
    certifiable = [order for order in range(1, max_order + 1) if order == 1 or order * m.units <= certified_units]
    longest = _longest_split(m.dimension, domain, certifiable[-1], max_order)
    cycles: list[Cycle] = []
    certificate: dict[int, str | None] = {}
    degenerate: list[np.ndarray] = []
    visits: dict[int, int] = {}
    searched: dict[int, Walked] = {}
    for order in range(1, max_order + 1):
        listed = None
        if method == "complete":
            listed = lists.at_any_cost(order, max(order, longest))
        elif method == "auto":
            listed = lists.of_order(order, max_nodes, longest, by_itself=order in certifiable)
        if listed:
            result, way = listed
        else:
            generator = np.random.default_rng([*np.atleast_1d(seed), order])
            starts_here = starts_of.get(order, ())
            result, searched[order] = _searched(lists, order, method, generator, starts_here, cycles, max_visits)
            way = None
        around = continua_around(usual, cycles, order)
        degenerate += result.degenerate + (around or [])
        # around a continuum there may be one of a multiple of its order
        nothing_near = around is not None and all(order % len(itinerary) for itinerary in degenerate)
        certificate[order] = way if nothing_near and not result.undecided else None
        cycles += [cycle for cycle in result.cycles if within is None or within.holds(cycle.points)]
        visits[order] = result.visits
        how = f"complete by {certificate[order]}" if certificate[order] else "searched"
        if order in searched and searched[order].missing is not None:
            how += f", about {searched[order].missing:.1f} missing"
        report(order, max_order, f"{len(result.cycles)} found, {how}, {result.visits} visits")
    degenerate = list({itineraries.key(itinerary): itinerary for itinerary in degenerate}.values())
    certified_in = within or lists.reach
    if certified_in is not None:
        certified_in = Box(np.ldexp(certified_in.lower, exponent), np.ldexp(certified_in.upper, exponent))
    found = FoundCycles(
        tuple(cycles),
        max_order,
        certificate,
        tuple(degenerate),
        visits,
        lists.regions,
        certified_in,
        searched=searched,
    )
    if audit and domain is None:
        found = _audited(usual, found, max_nodes)
    if usual is m:
        return found
    return replace(found, cycles=tuple(in_given_units(cycle, m, exponent) for cycle in found.cycles))


def _audited(m: ReluMap, found: FoundCycles, max_nodes: int) -> FoundCycles:
    """The result with its index sums compared, without the claims of completeness that the degree contradicts."""
    claimed = {order: total for order, total in found.index_sum.items() if total is not None}
    if not claimed:
        return found
    known = degrees(m, max(claimed), max_cells=max_nodes)
    audit = {order: known[order] == total for order, total in claimed.items() if known[order] is not None}
    wrong = [order for order, agrees in audit.items() if not agrees]
    return replace(found, certificate=found.certificate | dict.fromkeys(wrong), index_audit=found.index_audit | audit)
