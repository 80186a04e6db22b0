"""Complete cycles of every order: split the states by their itineraries, drop what is empty, solve what closes.

All states whose first t regions are given form a polyhedron (a polygon in the plane).  Starting from the whole space or
a box, one more border at one more time splits it into two, and a part that is proved empty (`cells`) is dropped with
all itineraries that continue it.  Only one rotation of each periodic itinerary is followed (Lyndon words).  What is
left at order k holds every k-cycle: its itineraries are solved.  Short words that no closed walk through the graph of
words passes are left out from the start: they belong to transients.  The number of cells grows like that of the
itineraries that occur: polynomially where the map is not chaotic, like exp(h k), h the topological entropy, where
it is.
"""

from dataclasses import dataclass

import numpy as np

from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.arrangement import independent_rows
from lossjumps.search.bit_rows import distinct_rows
from lossjumps.search.borders import Borders, distinct_borders
from lossjumps.search.boxes import Box
from lossjumps.search.complete import decide
from lossjumps.search.cycle import Cycle
from lossjumps.search.splitting_kernel import FARTHEST, table_of_beginnings, walk_itineraries

MOST_CELLS = 2_000_000
"""Cells looked at before a search gives up: a few seconds."""

INDEPENDENT = 1e-6
"""Sine of the angle from which a border leaves the span of others."""

LONGEST_WINDOW = 12
"""Recurrent words are listed up to this length."""

WORTH_MORE = 0.8
"""Where more than this share of the words that occur is recurrent, longer ones are not looked for."""

HIT_BYTES = 2**26
"""Memory for the itineraries that close."""


@dataclass(frozen=True, eq=False)
class SplitCycles:
    """The cycles that splitting by itinerary found.

    Attributes
    ----------
    cycles : tuple of Cycle
        Of orders 1 ... complete_order, sorted by order, then by itinerary.
    complete_order : int
        Every cycle in the domain of each order up to this one is among them, but for those of `degenerate` and
        `undecided`; smaller than asked for where the budget of cells ended before.
    degenerate : tuple of (k, H) bool arrays
        Itineraries with singular I - T that may hold a continuum of fixed points of F^k.
    undecided : dict of int to int
        For orders where there are any: closed itineraries whose solution is lost in rounding.
    cells : dict of int to int
        For each order: cells of states that share that many regions.
    visits : int
        Cells looked at in all.
    reach : Box
        What was split: the box that was given, or one inside which all was.
    """

    cycles: tuple[Cycle, ...]
    complete_order: int
    degenerate: tuple[np.ndarray, ...]
    undecided: dict[int, int]
    cells: dict[int, int]
    visits: int
    reach: Box


@dataclass(frozen=True, eq=False)
class Simplex:
    """Corners Z (M, n) and their homogeneous coordinate w (n,): the states Z g / w . g with g >= 0.

    first_sides (B,) says on which side of a border all of it lies, -1 where the border may cut it.
    """

    corners: np.ndarray
    at_one: np.ndarray
    first_sides: np.ndarray


def frame_of(borders: Borders) -> tuple[np.ndarray, np.ndarray]:
    """M independent normals (M, M), of borders as far as there are any, and the point (M,) where these borders meet."""
    frame, chosen = _independent_normals(borders)
    return frame, np.linalg.solve(frame, -np.append(borders.offsets[chosen], np.zeros(len(frame) - len(chosen))))


def _independent_normals(borders: Borders) -> tuple[np.ndarray, np.ndarray]:
    """The rows of a frame, and the borders that its first rows belong to."""
    dimension = borders.normals.shape[1]
    chosen = independent_rows(borders.normals, dimension, INDEPENDENT)
    frame = borders.normals[chosen]
    if len(chosen) < dimension:
        frame = np.vstack([frame, np.linalg.svd(np.vstack([frame, np.zeros((1, dimension))]))[2][len(chosen) :]])
    return frame, chosen


def orthants(borders: Borders, scale: float) -> list[Simplex]:
    """The 2^M cones of the whole space between the hyperplanes of a frame."""
    dimension = borders.normals.shape[1]
    _, chosen = _independent_normals(borders)
    frame, apex = frame_of(borders)
    directions = scale * np.linalg.inv(frame)
    simplices = []
    for number in range(2**dimension):
        positive = np.array([number >> k & 1 for k in range(dimension)])
        first_sides = np.full(len(borders.normals), -1, dtype=np.int64)
        first_sides[chosen] = positive[: len(chosen)]
        corners = np.column_stack([apex, directions * (2 * positive - 1)])
        simplices.append(Simplex(corners, np.eye(dimension + 1)[0], first_sides))
    return simplices


def around_box(borders: Borders, box: Box) -> Simplex:
    """A simplex that contains a box, with a corner in its lower corner."""
    dimension = len(box.lower)
    edges = dimension * np.diag(box.upper - box.lower)
    corners = box.lower[:, None] + np.column_stack([np.zeros(dimension), edges])
    return Simplex(corners, np.ones(dimension + 1), np.full(len(borders.normals), -1, dtype=np.int64))


def scale_of(borders: Borders) -> float:
    """Typical distance of borders and offsets from the origin."""
    size = np.abs(borders.offsets).max(initial=0.0) + np.abs(borders.constant[:, -1]).max()
    return float(size) if size > 0.0 else 1.0


@dataclass(frozen=True, eq=False)
class Recurrent:
    """Words over the distinct borders that may be part of a periodic itinerary.

    Attributes
    ----------
    words : (n, length, B) int8 array or None
        All such words of one length; None where nothing is known.
    is_worth_more : bool
        Whether longer words promise to exclude much more.
    visits : int
        Cells looked at to find them.
    """

    words: np.ndarray | None = None
    is_worth_more: bool = True
    visits: int = 0

    @property
    def length(self) -> int:
        """Letters of each word, 1 where nothing is known."""
        return 1 if self.words is None else self.words.shape[1]


@dataclass(frozen=True, eq=False)
class Walk:
    """Which cells are walked through.

    Attributes
    ----------
    borders : Borders
    simplices : list of Simplex
        Together they hold all that is searched.
    box : Box or None
        Every point of an orbit has to lie in it.
    longest : int
        Largest order of a cycle that must not be lost.
    max_cells : int
        Budget of cells looked at in one go.
    tolerance : float
        Relative error granted to what is added up in a step; at least its rounding.
    granted : (M,) array or None
        Error granted to each step besides, of states with sum g = 1.
    """

    borders: Borders
    simplices: list[Simplex]
    box: Box | None
    longest: int
    max_cells: int
    tolerance: float = 0.0
    granted: np.ndarray | None = None

    def refined(self, recurrent: Recurrent) -> Recurrent:
        """The recurrent words that are one letter longer.

        A periodic itinerary is a closed walk in the graph of the words that occur: from the beginning of a word to its
        end.  So only words inside a strongly connected component are kept.  States that are on their way to where the
        recurrent ones are, most of a box or of the whole space, are left out of the search for cycles.
        """
        from scipy.sparse import csr_array  # slow to import, and most searches split nothing
        from scipy.sparse.csgraph import connected_components

        length = recurrent.length + 1
        found, _, visits = self._words(length, recurrent, listing=True)
        visits += recurrent.visits
        if found is None:
            return Recurrent(recurrent.words, False, visits)
        count = len(self.borders.normals)
        listed, _ = distinct_rows(np.concatenate([hits for hits, _, _ in found]).astype(np.bool_))
        words = listed.reshape(-1, length, count).astype(np.int8)
        if not len(words):
            return Recurrent(words, False, visits)
        ends = np.concatenate([listed[:, :-count], listed[:, count:]])
        number = distinct_rows(ends)[1]
        source, target = number[: len(words)], number[len(words) :]
        nodes = int(number.max()) + 1
        graph = csr_array((np.ones(len(words)), (source, target)), shape=(nodes, nodes))
        component = connected_components(graph, connection="strong")[1]
        kept = words[component[source] == component[target]]
        return Recurrent(kept, len(kept) <= WORTH_MORE * len(words), visits)

    def closed_words(
        self, max_order: int, recurrent: Recurrent
    ) -> tuple[list[tuple[np.ndarray, bool]] | None, np.ndarray, int]:
        """Itineraries by distinct borders (k, B) whose cells may hold fixed points of F^k, one rotation of each.

        Returns
        -------
        words : list of ((k, B) int8 array, bool) or None
            With each, whether I - T is singular within rounding; None where `max_cells` did not suffice.
        cells : (max_order + 1,) int array
            Cells of each length.
        visits : int
            Cells looked at.
        """
        found, cells, visits = self._words(max_order, recurrent, listing=False)
        if found is None:
            return None, cells, visits
        count = len(self.borders.normals)
        words: dict[bytes, tuple[np.ndarray, bool]] = {}
        for hits, orders, singular in found:
            for hit, order, is_singular in zip(hits, orders, singular, strict=True):
                word = hit[: order * count].reshape(order, count)
                words.setdefault(word.tobytes(), (word, bool(is_singular)))
        return list(words.values()), cells, visits

    def _words(
        self, max_order: int, recurrent: Recurrent, *, listing: bool
    ) -> tuple[list[tuple[np.ndarray, np.ndarray, np.ndarray]] | None, np.ndarray, int]:
        """What `walk_itineraries` finds in each of the simplices: hits, their orders, and which are singular."""
        borders = self.borders
        count, dimension = borders.normals.shape
        faces = np.zeros((0, dimension)), np.zeros(0)
        if self.box is not None:
            both = np.vstack([np.eye(dimension), -np.eye(dimension)])
            faces = both, np.concatenate([-self.box.lower, self.box.upper])
        rounding = max(self.tolerance, float((len(borders.unit_border) + dimension + 4) * np.finfo(float).eps))
        hits = np.empty((max(16, min(2**17, HIT_BYTES // (max_order * count))), max_order * count), dtype=np.int8)
        orders = np.empty(len(hits), dtype=np.int64)
        singular = np.empty(len(hits), dtype=np.bool_)
        cells = np.zeros(max_order + 1, dtype=np.int64)
        found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        visits = 0
        granted = np.zeros(dimension) if self.granted is None else self.granted
        window, allowed = 0, np.zeros(2, dtype=np.uint64)
        if recurrent.words is not None:
            window = recurrent.length
            allowed = table_of_beginnings(recurrent.words.reshape(len(recurrent.words), window * count))
        for simplex in self.simplices:
            n_hits, looked_at = walk_itineraries(
                borders.normals,
                borders.offsets,
                borders.constant,
                borders.sides,
                borders.sizes,
                rounding,
                granted,
                np.ascontiguousarray(simplex.corners),
                simplex.at_one,
                simplex.first_sides,
                *faces,
                window,
                allowed,
                listing,
                self.longest,
                max_order,
                self.max_cells - visits,
                hits,
                orders,
                singular,
                cells,
            )
            visits += looked_at
            if n_hits < 0:
                return None, cells, visits
            found.append((hits[:n_hits].copy(), orders[:n_hits].copy(), singular[:n_hits].copy()))
        return found, cells, visits


def _itinerary_of(relu_map: ReluMap, borders: Borders, word: np.ndarray) -> np.ndarray:
    """The itinerary (k, H) of a word over the distinct borders, units without output left as they are at zero."""
    itinerary = np.repeat(relu_map.b[None, :] > 0.0, len(word), axis=0)
    switching = borders.unit_border >= 0
    itinerary[:, switching] = word[:, borders.unit_border[switching]] == borders.unit_side[switching]
    return itinerary


def _decided(
    relu_map: ReluMap, borders: Borders, words: list[tuple[np.ndarray, bool]], box: Box | None, verify: str
) -> tuple[list[Cycle], list[np.ndarray], dict[int, int]]:
    """Cycles, degenerate itineraries and numbers of undecided ones among closed words."""
    by_order: dict[int, list[np.ndarray]] = {}
    for word, _ in words:
        by_order.setdefault(len(word), []).append(_itinerary_of(relu_map, borders, word))
    lists = {
        order: decide(relu_map, candidates, len(candidates), verify, box) for order, candidates in by_order.items()
    }
    cycles = [cycle for order in sorted(lists) for cycle in lists[order].cycles]
    degenerate = [itinerary for order in sorted(lists) for itinerary in lists[order].degenerate]
    return cycles, degenerate, {order: found.undecided for order, found in lists.items() if found.undecided}


def _trial_orders(max_order: int) -> list[int]:
    """1, 2, 4, ... max_order: what does not fit into the budget is noticed early, and costs little more."""
    orders = [2**k for k in range(max_order.bit_length()) if 2**k < max_order]
    return [*orders, max_order]


def split_cycles(
    relu_map: ReluMap,
    max_order: int,
    box: Box | None = None,
    *,
    bounded: bool = False,
    max_cells: int = MOST_CELLS,
    verify: str = "float",
) -> SplitCycles:
    """Every cycle of orders 1 ... max_order in a box or the whole space, by splitting by itinerary.

    Parameters
    ----------
    relu_map : ReluMap
    max_order : int
    box : Box, optional
        Every point of a cycle has to lie in it.  The whole space if not given, within `splitting_kernel.FARTHEST`
        times the scale of the map's borders and offsets: `infinity.proper_orders` tells where there is nothing beyond.
    bounded : bool
        The box is known to hold all cycles of the map (`absorbing_box`): later points need not be checked against it.
    max_cells : int
        Budget of cells looked at for one maximal order; where it ends, a smaller order is completed.
    verify : {"float", "exact"}
        See `lossjumps.search.complete.decide`.

    Returns
    -------
    SplitCycles
    """
    borders = distinct_borders(relu_map)
    if len(borders.normals) == 0:
        borders = _with_a_border(borders)
    simplices = orthants(borders, scale_of(borders)) if box is None else [around_box(borders, box)]
    walk = Walk(borders, simplices, None if bounded else box, max_order, max_cells)
    complete_order, visits = 0, 0
    words: list[tuple[np.ndarray, bool]] = []
    cells = np.zeros(1, dtype=np.int64)
    above = max_order + 1
    trials = _trial_orders(max_order)
    recurrent = Recurrent()
    while trials:
        order = trials.pop(0)
        while recurrent.length < min(order, max_order - 1, LONGEST_WINDOW) and recurrent.is_worth_more:
            recurrent = walk.refined(recurrent)
        found, counted, looked_at = walk.closed_words(order, recurrent)
        visits += looked_at
        if found is None:
            above = order
        else:
            complete_order, words, cells = order, found, counted
        if not trials or found is None:
            trials = [(complete_order + above) // 2] if above - complete_order > 1 else []
    visits += recurrent.visits
    cycles, degenerate, undecided = _decided(relu_map, borders, words, box, verify)
    counts = {order: int(cells[order]) for order in range(1, complete_order + 1)}
    reach = box or _reach(borders, simplices[0])
    return SplitCycles(tuple(cycles), complete_order, tuple(degenerate), undecided, counts, visits, reach)


def _reach(borders: Borders, orthant: Simplex) -> Box:
    """A box within the cells of the whole space, which end at `FARTHEST` times their scale, from an apex."""
    apex, directions = orthant.corners[:, 0], orthant.corners[:, 1:]
    to_apex = np.abs(np.linalg.inv(directions))
    # states whose coordinates along the directions add up to less than FARTHEST
    half = (FARTHEST / 2.0 - (to_apex @ np.abs(apex)).sum()) / to_apex.sum()
    return Box(np.full(len(apex), -half), np.full(len(apex), half))


def _with_a_border(borders: Borders) -> Borders:
    """A linear map with a border that changes nothing: one side of it is as good as the other."""
    dimension = borders.constant.shape[0]
    normals = np.eye(dimension)[:1]
    sides = np.zeros((1, 2, dimension, dimension + 1))
    return Borders(normals, np.ones(1), borders.constant, sides, borders.sizes, borders.unit_border, borders.unit_side)
