"""The complete list of the cycles of one order, by whichever way settles it: branching, all regions, or splitting."""

from lossjumps.errors import InputError
from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.boxes import Box, absorbing_box
from lossjumps.search.complementarity import Complementarity, complementarity_problem
from lossjumps.search.complete import CompleteList, cycles_by_branching
from lossjumps.search.infinity import proper_orders
from lossjumps.search.regions import Regions, cells_at_most, linear_regions
from lossjumps.search.splitting import SplitCycles, split_cycles
from lossjumps.search.words import cycles_of_words

FEW_REGIONS = 3000
"""Up to this many linear regions are solved one after another for fixed points: no other way is cheaper."""

MOST_REGIONS = 2_000_000
"""Linear regions, or sequences of them, that are solved one after another at the most, whatever the method."""

REGIONS_PER_NODE = 8
"""Branching may take a node for so many linear regions, before these are solved: an eighth to half of their price."""

CELLS_PER_NODE = 20
"""Cells of the splitting by itinerary that cost as much as a node of the branch and bound."""

MOST_DIMENSIONS = 12
"""States up to which the whole space, cut into 2^M orthants, is split by itinerary."""

CELLS_AT_INFINITY = 200_000
"""Cells looked at before it is left open whether there are cycles beyond what is split."""

NODES_AT_FIRST = 2000
"""Nodes at first, where any number will be spent; then `GROWTH` times as many in each round."""

MODERATE_REGIONS = 100_000
"""Up to this many linear regions no smaller number of nodes is tried first for fixed points."""

GROWTH = 8

MOST_NODES_WITHOUT_BRANCHING = 200_000
"""Beyond this many a map whose cycles no branching can settle is given up."""


class CompleteLists:
    """The complete lists of a map: what the orders have in common is computed once, when it is first needed.

    Parameters
    ----------
    relu_map : ReluMap
    domain : Box or None
        Where cycles are wanted; the whole space if None.
    threads : int
        They do not change the result.
    verify : {"float", "exact"}
        See `lossjumps.search.complete.decide`.
    """

    def __init__(self, relu_map: ReluMap, domain: Box | None, threads: int, verify: str) -> None:
        self.relu_map = relu_map
        self.domain = domain
        self.threads = threads
        self.verify = verify
        self.cells = cells_at_most(relu_map)
        self.regions: Regions | None = None
        self._problems: dict[int, Complementarity | None] = {}
        self._split: SplitCycles | None = None
        self._nothing_beyond: list[int] = []
        self.reach: Box | None = None
        self._longest_split = 0
        self._cells_spent = 0

    def listed_regions(self, most: int) -> Regions:
        """The linear regions, as far as there are at most so many."""
        if self.regions is None or not self.regions.complete:
            self.regions = linear_regions(self.relu_map, most)
        return self.regions

    def by_regions(self, order: int, most_sequences: int) -> CompleteList | None:
        """Every cycle of an order by solving all sequences of regions; None where these are too many."""
        most = max(1, int(min(most_sequences, MOST_REGIONS) ** (1.0 / order)))
        if order == 1 and self.cells > most:
            return None
        regions = self.listed_regions(most)
        if not regions.complete or len(regions.patterns) > most:
            return None
        return cycles_of_words(regions, order, self.verify)

    def _problem(self, order: int) -> Complementarity | None:
        if order not in self._problems:
            self._problems[order] = complementarity_problem(self.relu_map, order)
        return self._problems[order]

    def by_branching(self, order: int, most_nodes: int) -> CompleteList | None:
        """Every cycle of an order by branch and bound; None where the nodes do not suffice or there is no problem."""
        problem = self._problem(order)
        if problem is None:
            return None
        return cycles_by_branching(self.relu_map, problem, most_nodes, self.threads, self.verify)

    def by_splitting(self, order: int, longest: int, most_cells: int, *, anywhere: bool = True) -> CompleteList | None:
        """Every cycle of an order by splitting the space by itinerary, together with those of orders up to `longest`.

        None where the cells do not suffice, or where, `anywhere` in space, it is not proved that no cycle lies beyond
        what is split; if cycles are wanted in what is split alone, `reach` is set to that.
        """
        split_before = self._split is not None and self._split.complete_order >= order
        if not split_before and (longest > self._longest_split or most_cells > self._cells_spent):
            self._longest_split, self._cells_spent = longest, most_cells
            known = absorbing_box(self.relu_map) if self.domain is None else None
            box = self.domain or known
            if box is None and self.relu_map.dimension > MOST_DIMENSIONS:
                return None
            self._split = split_cycles(
                self.relu_map, longest, box, bounded=known is not None, max_cells=most_cells, verify=self.verify
            )
            self._nothing_beyond = list(range(1, longest + 1))
            if box is None:
                self._nothing_beyond = proper_orders(
                    self.relu_map, self._split.complete_order, min(most_cells, CELLS_AT_INFINITY)
                )
        split = self._split
        if split is None or order > split.complete_order:
            return None
        if order not in self._nothing_beyond:
            if anywhere:
                return None
            self.reach = split.reach
        return CompleteList(
            [cycle for cycle in split.cycles if cycle.order == order],
            [itinerary for itinerary in split.degenerate if len(itinerary) == order],
            split.undecided.get(order, 0),
            split.cells[order],
        )

    def of_order(
        self, order: int, most_nodes: int, longest: int, *, by_itself: bool = True
    ) -> tuple[CompleteList, str] | None:
        """Every cycle of an order and the way they were found; None where none of the ways is done within its budget.

        Parameters
        ----------
        order : int
        most_nodes : int
            Nodes of a branch and bound, or as much work of another kind.
        longest : int
            The space is split by itinerary for all orders up to this one at once.
        by_itself : bool
            Whether branching and all sequences of regions are tried.
        """
        ways = [("branching", most_nodes), ("regions", most_nodes)]
        if order == 1 and self.cells <= FEW_REGIONS:
            ways.reverse()
        elif order == 1 and self.cells <= min(most_nodes, MOST_REGIONS):
            # whichever is cheaper decides what it costs: branching up to the price of the regions, then these
            ways = [("branching", self.cells // REGIONS_PER_NODE), ("regions", self.cells), *ways]
        if not by_itself:
            ways = []
        if order <= longest:
            # fixed points far out are nothing special to the other ways
            at = 0 if order > 1 or self.domain is not None else len(ways)
            ways.insert(at, ("splitting", CELLS_PER_NODE * most_nodes))
            ways.append(("reach", CELLS_PER_NODE * most_nodes))
        for way, most in ways:
            if way in ("splitting", "reach"):
                result = self.by_splitting(order, longest, most, anywhere=way == "splitting")
            else:
                result = (self.by_branching if way == "branching" else self.by_regions)(order, most)
            if result is not None:
                return result, "splitting" if way == "reach" else way
        return None

    def at_any_cost(self, order: int, longest: int) -> tuple[CompleteList, str]:
        """Every cycle of an order and the way they were found, with growing budgets for all ways in turn.

        Raises
        ------
        InputError
            If the map's equations can be solved in none of the regions that were tried, so that branching is no way,
            and it has too many regions and itineraries for the other ways.
        """
        moderate = order == 1 and NODES_AT_FIRST < self.cells <= MODERATE_REGIONS
        nodes = self.cells if moderate else NODES_AT_FIRST
        while nodes <= MOST_NODES_WITHOUT_BRANCHING or self._problem(order) is not None:
            listed = self.of_order(order, nodes, longest)
            if listed is not None:
                return listed
            nodes *= GROWTH
        raise InputError(
            f'method="complete": no way is known for this map at order {order}: I - J is singular, or nearly, '
            "in every region that was tried"
        )
