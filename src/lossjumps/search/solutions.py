"""All solutions of a complementarity problem, by branch and bound.

`lossjumps.search.branching` lists those up to a size; those beyond solve a second problem, of directions.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from lossjumps.search.branching import FAR, branch
from lossjumps.search.complementarity import Complementarity
from lossjumps.search.kernels import EPSILON

SERIAL_NODES = 50_000
"""Nodes looked at before the work is cut into parts that threads share."""

USUAL_ENTRIES = 2500
"""Entries of a dictionary up to which a node counts as one; a node of a larger one counts in proportion."""

FAR_NODES, FAR_NODES_PER_NODE = 1000, 4
"""Nodes after which solutions far out are looked for unit by unit, and more for each node of those that are not."""

SHARED_LEVELS = 10
"""Units that are decided before."""


@dataclass(frozen=True, eq=False)
class Solutions:
    """What the enumeration of a problem brought.

    Attributes
    ----------
    itineraries : (n, k, H) bool array
        Every itinerary that could not be excluded: all solutions are among them.  Empty where it did not finish.
    finished : bool
    nodes : int
        Linear programs looked at.
    """

    itineraries: np.ndarray
    finished: bool
    nodes: int


def _far_dictionary(dictionary: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """The dictionary of solutions with an unknown beyond `FAR`, in units of the largest unknown.

    With r = u / t and max u = 1 the constants q are multiplied by t: one more unknown 0 <= t <= 1 / FAR takes their
    place.  It is the r of a unit more, whose w is zero always.  The sum of the `counted` unknowns u, (H,) bool, the
    largest among them, is at least 1.
    """
    columns, rows = dictionary.shape
    count = columns - 1
    far = np.zeros((columns + 1, rows + 3))
    ordinary = [*range(count), *range(count + 1, rows + 1)]
    far[: count + 1, ordinary] = dictionary
    far[count, rows + 1], far[columns, rows + 1] = -1.0, 1.0 / FAR
    far[:count, rows + 2], far[columns, rows + 2] = counted, -1.0
    return far


class _Enumeration:
    """Every state that cannot be excluded, with a budget of nodes."""

    def __init__(self, most_nodes: int, threads: int) -> None:
        self.most_nodes, self.threads = most_nodes, threads
        self.nodes = 0

    def branch(
        self, dictionary: np.ndarray, rounding: np.ndarray, decided: np.ndarray, most_nodes: int, deepest: int
    ) -> tuple[int, np.ndarray]:
        """Nodes, and the states that could not be excluded, with as much room as they need."""
        room = 256
        while True:
            found = np.empty((room, len(decided)), dtype=np.int8)
            nodes, number = branch(dictionary, rounding, decided, most_nodes, deepest, found)
            if number <= room:
                return nodes, found[:number]
            room *= 16

    def states(
        self, dictionary: np.ndarray, rounding: np.ndarray, decided: np.ndarray, most_nodes: int | None = None
    ) -> np.ndarray | None:
        """The states (n, H) that could not be excluded, or None where the budget, or a smaller one, ends."""
        count = len(decided)
        left = self.most_nodes - self.nodes
        if most_nodes is not None:
            left = min(left, most_nodes)
        serial = min(left, SERIAL_NODES)
        nodes, states = self.branch(dictionary, rounding, decided, serial, count)
        if nodes <= serial:
            self.nodes += nodes
            return states
        parts = []
        nodes = left + 1
        if serial < left:
            nodes, starts = self.branch(dictionary, rounding, decided, left, min(SHARED_LEVELS, count))
            with ThreadPoolExecutor(self.threads) as pool:
                for first in range(0, len(starts), 8 * self.threads):
                    if nodes > left:
                        break
                    some = starts[first : first + 8 * self.threads]
                    results = list(pool.map(lambda start: self.branch(dictionary, rounding, start, left, count), some))
                    nodes += sum(part_nodes for part_nodes, _ in results)
                    parts += [part for _, part in results]
        self.nodes += nodes
        return np.concatenate(parts) if nodes <= left else None


def all_solutions(problem: Complementarity, most_nodes: int, threads: int = 1) -> Solutions:
    """Every solution of a complementarity problem.

    Parameters
    ----------
    problem : Complementarity
    most_nodes : int
        Give up beyond about this many nodes; beyond fewer, but as much work, where the problem is large.
    threads : int
        Threads that share a large problem; they do not change the result.
    """
    count = problem.dictionary.shape[0] - 1
    undecided = np.zeros(count, dtype=np.int8)
    if count == 0:
        return Solutions(problem.itineraries(undecided[None, :]), True, 0)
    budget = max(1, int(most_nodes * min(1.0, USUAL_ENTRIES / problem.dictionary.size)))
    enumeration = _Enumeration(budget, threads)
    near = enumeration.states(problem.dictionary, problem.rounding, undecided)
    far = undecided[None, :][:0] if problem.largest <= FAR else None
    if near is not None and far is None:
        far = _far_states(problem, enumeration)
    if near is None or far is None:
        return Solutions(problem.itineraries(undecided[None, :])[:0], False, min(enumeration.nodes, most_nodes))
    return Solutions(problem.itineraries(np.concatenate([near, far])), True, enumeration.nodes)


def _far_rounding(rounding: np.ndarray, count: int) -> np.ndarray:
    """The errors of the rows of `_far_dictionary`: what is added there is exact."""
    return np.concatenate([rounding[:count], [0.0], rounding[count:], [EPSILON, EPSILON]])


def _far_states(problem: Complementarity, enumeration: _Enumeration) -> np.ndarray | None:
    """The states (n, H) that may have solutions beyond `FAR`; None where the budget ends.

    Whichever unknown is the largest: all at once, which is quick where the units are coupled, or one after another,
    which is quick where they are not.
    """
    count = problem.dictionary.shape[0] - 1
    decided = np.append(np.zeros(count, dtype=np.int8), np.int8(1))
    together = _far_dictionary(problem.dictionary, np.ones(count))
    rounding = _far_rounding(problem.rounding, count)
    shortly = FAR_NODES + FAR_NODES_PER_NODE * enumeration.nodes
    states = enumeration.states(together, rounding, decided, shortly)
    if states is not None:
        return states[:, :count]
    parts = []
    for largest in range(count):
        one = decided.copy()
        one[largest] = 1
        dictionary = _far_dictionary(problem.dictionary, np.arange(count) == largest)
        states = enumeration.states(dictionary, rounding, one)
        if states is None:
            return None
        parts.append(states[:, :count])
    return np.concatenate(parts)
