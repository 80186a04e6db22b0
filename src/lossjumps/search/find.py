"""Find the fixed points and cycles of a ReLU map, completely where that is possible."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lossjumps.errors import InputError
from lossjumps.maps.relu_map import ReluMap
from lossjumps.progress import Progress, shown
from lossjumps.search import itineraries
from lossjumps.search.boxes import Box, absorbing_box
from lossjumps.search.complementarity import complementarity_problem
from lossjumps.search.complete import CompleteList, cycles_by_branching, verified
from lossjumps.search.cycle import Cycle, FoundCycles
from lossjumps.search.degree import degrees
from lossjumps.search.regions import Regions, cells_at_most, linear_regions
from lossjumps.search.scyfi import walk_for_cycles
from lossjumps.search.splitting import MOST_CELLS, split_cycles
from lossjumps.search.words import cycles_of_words

METHODS = ("auto", "complete", "scyfi")
VERIFY = ("float", "exact")

CERTIFIED_UNITS = 48
"""`auto` tries to list an order k completely where the points of a cycle have at most this many units, k H."""

MAX_NODES = 100_000
"""Nodes of the branch and bound, or linear regions, after which a complete list is given up."""

FEW_REGIONS = 3000
"""Up to this many linear regions are solved one after another for fixed points: no other way is cheaper."""

MOST_REGIONS = 2_000_000
"""Linear regions, or sequences of them, that are solved one after another at the most, whatever the method."""

MOST_DRAWN_REGIONS = 20_000
"""SCYFI draws its random starts from the linear regions where there are at most this many, else from random states."""

REGIONS_PER_NODE = 8
"""Branching may take a node for so many linear regions, before these are solved: an eighth to half of their price."""

CELLS_PER_NODE = 20
"""Cells of the splitting by itinerary that cost as much as a node of the branch and bound."""

FLAT = 2
"""States up to which all orders are split by itinerary at once."""

MOST_NEIGHBOURS = 256
"""Itineraries across borders near which a searched cycle lies that are decided exactly as well."""

UNLIMITED = 2**62
"""Nodes that no search reaches."""

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


class _Search:
    """One search of a map: what the orders have in common is computed once, when it is first needed."""

    def __init__(self, m: ReluMap, max_nodes: int, threads: int, verify: str) -> None:
        self.m = m
        self.max_nodes = max_nodes
        self.threads = threads
        self.verify = verify
        self.cells = cells_at_most(m)
        self.regions: Regions | None = None

    def listed_regions(self, most: int) -> Regions:
        """The linear regions, as far as there are at most so many."""
        if self.regions is None or not self.regions.complete:
            self.regions = linear_regions(self.m, most)
        return self.regions

    def by_regions(self, order: int, most_sequences: int) -> CompleteList | None:
        """Every cycle of an order by solving all sequences of regions; None where these are too many."""
        most = max(1, int(min(most_sequences, MOST_REGIONS) ** (1.0 / order)))
        if order == 1 and self.cells > most:
            return None
        regions = self.listed_regions(most)
        if not regions.complete or len(regions.patterns) > most:
            return None
        return cycles_of_words(self.m, regions.patterns, order, self.verify)

    def by_branching(self, order: int, most_nodes: int) -> CompleteList | None:
        """Every cycle of an order by branch and bound; None where the nodes do not suffice or there is no problem."""
        problem = complementarity_problem(self.m, order)
        if problem is None:
            return None
        return cycles_by_branching(self.m, problem, most_nodes, self.threads, self.verify)

    def complete_list(self, order: int) -> tuple[CompleteList, str] | None:
        """Every cycle of an order and the way they were found, or None."""
        ways = [("branching", self.by_branching, self.max_nodes), ("regions", self.by_regions, self.max_nodes)]
        if order == 1 and self.cells <= FEW_REGIONS:
            ways.reverse()
        elif order == 1 and self.cells <= min(self.max_nodes, MOST_REGIONS):
            # whichever is cheaper decides what it costs: branching up to the price of the regions, then these
            few = self.cells // REGIONS_PER_NODE
            ways = [("branching", self.by_branching, few), ("regions", self.by_regions, self.cells), *ways]
        for name, way, most in ways:
            result = way(order, most)
            if result is not None:
                return result, name
        return None

    def split_lists(self, max_order: int, box: Box | None, most_cells: int) -> dict[int, tuple[CompleteList, str]]:
        """Complete lists of the orders 1 ... as far as the budget goes, by splitting the space by itinerary."""
        known = absorbing_box(self.m) if box is None else None
        split = split_cycles(
            self.m,
            max_order,
            box or known,
            bounded=known is not None,
            max_cells=most_cells,
            verify=self.verify,
        )
        return {
            order: (
                CompleteList(
                    [cycle for cycle in split.cycles if cycle.order == order],
                    [itinerary for itinerary in split.degenerate if len(itinerary) == order],
                    split.undecided.get(order, 0),
                    split.cells[order],
                ),
                "splitting",
            )
            for order in range(1, split.complete_order + 1)
        }

    def walks(self, order: int, seed: list[int], starts: Iterable[np.ndarray], max_visits: int | None) -> CompleteList:
        """What SCYFI finds."""
        regions = self.listed_regions(MOST_DRAWN_REGIONS)
        walks = walk_for_cycles(
            self.m,
            order,
            np.random.default_rng([*seed, order]),
            patterns=regions.patterns if regions.complete else regions.patterns[:0],
            starts=starts,
            max_visits=max_visits,
        )
        if self.verify == "float":
            return CompleteList(walks.cycles, [], 0, walks.visits)
        return verified(self.m, [cycle.itinerary for cycle in walks.cycles], walks.visits, MOST_NEIGHBOURS)


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
    method : {"auto", "complete", "scyfi"}
        "complete" lists every order completely, whatever that costs; "scyfi" searches every order; "auto" lists the
        fixed points, and every order k with k H <= `certified_units`, completely where that takes at most `max_nodes`
        nodes, and searches the others.
    box : Box or (lower, upper), optional
        Only cycles that lie in this box are wanted, and lists are complete in it: lower and upper bounds, numbers or
        (M,) arrays.  The whole space if not given.
    verify : {"float", "exact"}
        Whether existence, index and stability are those of float64, or decided without rounding: then cycles are
        `lossjumps.search.exact.ExactCycle`.
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
        Threads that share large complete lists; they do not change the result.
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
    thorough = method == "complete"
    search = _Search(m, UNLIMITED if thorough else max_nodes, threads, verify)
    split: dict[int, tuple[CompleteList, str]] = {}
    certifiable = [order for order in range(1, max_order + 1) if thorough or order * m.units <= certified_units]
    if method != "scyfi" and (domain is not None or (m.dimension <= FLAT and len(certifiable) > 1)):
        split = search.split_lists(max_order, domain, MOST_CELLS if thorough else CELLS_PER_NODE * max_nodes)
    cycles: list[Cycle] = []
    certificate: dict[int, str | None] = {}
    degenerate: list[np.ndarray] = []
    visits: dict[int, int] = {}
    for order in range(1, max_order + 1):
        # fixed points far out are beyond the splitting of the whole space
        listed = split.get(order) if order > 1 or domain is not None else None
        if listed is None and method != "scyfi" and (order == 1 or order in certifiable):
            listed = search.complete_list(order)
        if listed is None and thorough:
            raise InputError(
                f'method="complete": no way is known for this map at order {order}: I - J is singular, or nearly, '
                "in every region that was tried"
            )
        result, way = listed or (
            search.walks(order, list(np.atleast_1d(seed)), starts_of.get(order, ()), max_visits),
            None,
        )
        continua = result.degenerate + _repeated_continua(cycles, order)
        degenerate += continua
        # around a continuum there may be one of a multiple of its order
        nothing_near = all(order % len(itinerary) for itinerary in degenerate)
        certificate[order] = way if nothing_near and not result.undecided else None
        cycles += result.cycles if domain is None else [cycle for cycle in result.cycles if domain.holds(cycle.points)]
        visits[order] = result.visits
        how = f"complete by {certificate[order]}" if certificate[order] else "searched"
        report(order, max_order, f"{len(result.cycles)} found, {how}, {result.visits} visits")
    degenerate = list({itineraries.key(itinerary): itinerary for itinerary in degenerate}.values())
    found = FoundCycles(tuple(cycles), max_order, certificate, tuple(degenerate), visits, search.regions, domain)
    return _audited(m, found, max_nodes) if audit and domain is None else found


def _audited(m: ReluMap, found: FoundCycles, max_nodes: int) -> FoundCycles:
    """The result without the claims of completeness that the degree of the map contradicts."""
    claimed = [order for order, total in found.index_sum.items() if total is not None]
    if not claimed:
        return found
    known = degrees(m, max(claimed), max_cells=max_nodes)
    wrong = [order for order in claimed if known[order] not in (None, found.index_sum[order])]
    if not wrong:
        return found
    return replace(found, certificate=found.certificate | dict.fromkeys(wrong))
