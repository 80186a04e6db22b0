"""SCYFI: the search for cycles of one order by jumping to the regions that a virtual cycle visits.

Eisenmann, Monfared, Göring, Durstewitz, "Bifurcations and loss jumps in RNN training", NeurIPS 2023: start from a
sequence of k regions, solve for its cycle; if that is virtual, go on with the regions that the orbit from its first
point really visits.  Here a region sequence that was solved once is never solved again, half of the walks go on with
the regions of the virtual cycle itself (other cycles draw them), and what lies beside a cycle is walked from as well.
"""

from collections.abc import Iterable
from math import log

import numpy as np

from lossjumps.compiled import compiled
from lossjumps.maps.relu_map import ReluMap
from lossjumps.search import itineraries
from lossjumps.search.found_again import CYCLES_AN_ISLAND, Islands, islands_missing
from lossjumps.search.starts import RandomStarts, beside, from_lower_cycles
from lossjumps.search.visits import packed
from lossjumps.search.walked import Walked
from lossjumps.search.walks import UNFINISHED, Walks, root_of

MULTIPLICATIONS = 1e9
"""Multiplications that random starts are worth by default, two visits each."""

FEWEST_STARTS, MOST_STARTS = 128, 1024
"""Random starts, at least and at most, if each island is then found twice."""

STARTS_AT_FIRST = 64

MOST_VISITS = 50_000
"""Visits by default, at most; and `VISITS_A_START` times the random starts."""

VISITS_A_START = 20

EXPLORING = 0.5
"""Share of the visits that go, at the most, to what lies beside cycles."""


@compiled()
def _join(parents, one, others):
    """Join the trees of `one` and of `others` (those below zero are passed over)."""
    for other in others:
        if other >= 0:
            parents[root_of(parents, other)] = root_of(parents, one)


class _Islands:
    """The cycles found, the islands that they form, and how often random starts ended in each."""

    def __init__(self, walks: Walks, most_visits: int) -> None:
        self.walks, self.most_visits = walks, most_visits
        self.itineraries = np.empty((0, walks.order, walks.units), dtype=np.bool_)
        self.parents = np.empty(0, dtype=np.int64)
        self.hits = np.empty(0, dtype=np.int64)
        self.exploring = 0

    def explore(self) -> None:
        """Walk from what lies beside each new cycle, until there are no new ones."""
        while len(self.itineraries) < self.walks.count and self.exploring < int(EXPLORING * self.most_visits):
            new = self.walks.found(len(self.itineraries))
            first = self._extend(new)
            for number, itinerary in enumerate(new, first):
                before = self.walks.visits
                left = max(0, int(EXPLORING * self.most_visits) - self.exploring)
                ends = self.walks.walk(beside(itinerary), min(self.most_visits, before + left))
                self.exploring += self.walks.visits - before
                self._reserve()
                _join(self.parents, number, ends)
        if len(self.itineraries) < self.walks.count:
            self._extend(self.walks.found(len(self.itineraries)))

    def _extend(self, new: np.ndarray) -> int:
        first = len(self.itineraries)
        self.itineraries = np.concatenate([self.itineraries, new])
        self._reserve()
        return first

    def _reserve(self) -> None:
        more = np.arange(len(self.parents), self.walks.count)
        self.parents = np.concatenate([self.parents, more])
        self.hits = np.concatenate([self.hits, np.zeros(len(more), dtype=np.int64)])

    def count_hits(self, ends: np.ndarray) -> None:
        """Count where walks from random starts ended."""
        self._reserve()
        self.hits += np.bincount(ends[ends >= 0], minlength=len(self.hits))

    def primitive(self) -> np.ndarray:
        """Which of the cycles are of this order, not repetitions of a lower one."""
        return np.array([itineraries.is_primitive(itinerary) for itinerary in self.itineraries], dtype=np.bool_)

    def islands(self, primitive: np.ndarray) -> Islands:
        """The islands that hold cycles of this order."""
        roots = np.array([root_of(self.parents, number) for number in range(len(self.parents))], dtype=np.int64)
        hits = np.bincount(roots, self.hits, minlength=len(roots))
        return Islands(hits[np.unique(roots[primitive])].astype(np.int64))


def walk_for_cycles(
    relu_map: ReluMap,
    order: int,
    generator: np.random.Generator,
    *,
    patterns: np.ndarray | None = None,
    starts: Iterable[np.ndarray] = (),
    lower: Iterable[np.ndarray] = (),
    max_visits: int | None = None,
    threads: int = 1,
) -> Walked:
    """Search the cycles of one order with SCYFI.

    Walks start from the given sequences, from lower cycles repeated and joined, from random sequences, and from what
    differs from a cycle found in one unit at one time.  The search is over when every island found was found by two
    random starts, after at least a number of them that depends on what a visit costs.

    Parameters
    ----------
    relu_map : ReluMap
    order : int
    generator : numpy.random.Generator
        Source of the random starts.
    patterns : (R, H) bool array, optional
        Regions that random starts are drawn from; with none, regions of random states.
    starts : iterable of (k, H) bool arrays
        Region sequences walked from first.
    lower : iterable of (d, H) bool arrays
        Itineraries of cycles of lower orders.
    max_visits : int, optional
        Solve at most this many region sequences.
    threads : int
        They do not change the result.

    Returns
    -------
    Walked
        Itineraries of exactly this order, still to be decided.
    """
    walks = Walks(relu_map, order, threads)
    few = int(min(MOST_STARTS, max(FEWEST_STARTS, MULTIPLICATIONS / (2.0 * walks.multiplications))))
    most_visits = max_visits or min(MOST_VISITS, VISITS_A_START * few)
    patterns = np.empty((0, relu_map.units), dtype=np.bool_) if patterns is None else patterns
    random = RandomStarts(relu_map, generator, patterns)
    islands = _Islands(walks, most_visits)
    given = [np.asarray(start, dtype=np.bool_) for start in starts]
    given += from_lower_cycles([np.asarray(one, dtype=np.bool_) for one in lower], order, generator)
    if given:
        walks.walk(packed(np.stack(given)), most_visits)
        islands.explore()
    # with one region a sequence the orbit's region and that of the virtual cycle are the same
    ways = (False,) if order == 1 else (False, True)
    drawn, finished, wanted = 0, 0, few
    while drawn < wanted and walks.visits < most_visits:
        # few at first: where visits are scarce, walks that end tell more than walks begun
        starts = random.draw(min(wanted - drawn, max(STARTS_AT_FIRST, drawn)), order)
        drawn += len(starts)
        for number, virtual in enumerate(ways):
            share = (most_visits - walks.visits) // (len(ways) - number)
            ends = walks.walk(starts[number :: len(ways)], walks.visits + share, virtual)
            finished += int(np.count_nonzero(ends != UNFINISHED))
            islands.count_hits(ends)
        islands.explore()
        if drawn == wanted and islands.islands(islands.primitive()).found_once:
            wanted = 2 * drawn
    primitive = islands.primitive()
    regions = log(len(patterns)) if len(patterns) else relu_map.units * log(2.0)
    missing = islands_missing(islands.islands(primitive), finished, order * regions - log(order))
    return Walked.of(
        [itineraries.canonical(islands.itineraries[number]) for number in np.flatnonzero(primitive)],
        islands.hits[primitive],
        visits=walks.visits,
        walks=walks.walks,
        random_starts=finished,
        missing=CYCLES_AN_ISLAND * missing,
    )
