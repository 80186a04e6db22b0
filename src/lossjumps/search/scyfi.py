"""SCYFI: the search for cycles of one order by jumping to the regions that a virtual cycle visits.

Eisenmann, Monfared, Göring, Durstewitz, "Bifurcations and loss jumps in RNN training", NeurIPS 2023: start from a
sequence of k regions, solve for its cycle; if that is virtual, go on with the regions that the orbit from its first
point really visits.  Here a region sequence that was solved once is never solved again, half of the walks go on with
the regions of the virtual cycle itself (other cycles draw them), and what lies beside a cycle is walked from as well.
"""

from collections.abc import Iterable
from math import log

import numpy as np

from lossjumps.maps.relu_map import ReluMap
from lossjumps.search import itineraries
from lossjumps.search.found_again import CYCLES_AN_ISLAND, Islands, islands_missing
from lossjumps.search.starts import RandomStarts, from_lower_cycles
from lossjumps.search.visits import packed
from lossjumps.search.walk_kernel import UNFINISHED
from lossjumps.search.walked import Walked
from lossjumps.search.walks import Walks

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


def _primitive(walks: Walks) -> np.ndarray:
    """Which of the cycles found are of this order, not repetitions of a lower one."""
    return np.array([itineraries.is_primitive(itinerary) for itinerary in walks.found()], dtype=np.bool_)


def _islands(walks: Walks, hits: np.ndarray, primitive: np.ndarray) -> Islands:
    """The islands that hold cycles of this order."""
    roots = walks.islands()
    of_islands = np.bincount(roots, hits, minlength=len(roots))
    return Islands(of_islands[np.unique(roots[primitive])].astype(np.int64))


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
    most_exploring = int(EXPLORING * most_visits)
    patterns = np.empty((0, relu_map.units), dtype=np.bool_) if patterns is None else patterns
    random = RandomStarts(relu_map, generator, patterns)
    given = [np.asarray(start, dtype=np.bool_) for start in starts]
    given += from_lower_cycles([np.asarray(one, dtype=np.bool_) for one in lower], order, generator)
    if given:
        walks.walk(packed(np.stack(given)), most_visits, most_exploring=most_exploring)
    drawn, finished, wanted = 0, 0, few
    hits = np.zeros(walks.count, dtype=np.int64)
    while drawn < wanted and walks.visits < most_visits:
        # few at first: where visits are scarce, walks that end tell more than walks begun
        starts = random.draw(min(wanted - drawn, max(STARTS_AT_FIRST, drawn)), order)
        drawn += len(starts)
        # with one region a sequence the orbit's region and that of the virtual cycle are the same
        by_orbit, by_virtual = (starts, None) if order == 1 else (starts[::2], starts[1::2])
        ends = walks.walk(by_orbit, most_visits, by_virtual, most_exploring)
        finished += int(np.count_nonzero(ends != UNFINISHED))
        more = np.bincount(ends[ends >= 0], minlength=walks.count)
        more[: len(hits)] += hits
        hits = more
        if drawn == wanted and _islands(walks, hits, _primitive(walks)).found_once:
            wanted = 2 * drawn
    primitive = _primitive(walks)
    regions = log(len(patterns)) if len(patterns) else relu_map.units * log(2.0)
    missing = islands_missing(_islands(walks, hits, primitive), finished, order * regions - log(order))
    found = walks.found()
    return Walked.of(
        [itineraries.canonical(found[number]) for number in np.flatnonzero(primitive)],
        hits[primitive],
        visits=walks.visits,
        walks=walks.walks,
        random_starts=finished,
        missing=CYCLES_AN_ISLAND * missing,
    )
