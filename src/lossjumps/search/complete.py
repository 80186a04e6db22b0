"""Complete lists of the cycles of one order: what is left once everything else is excluded, solved and decided."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lossjumps.maps.relu_map import ReluMap
from lossjumps.search import itineraries
from lossjumps.search.boxes import Box
from lossjumps.search.complementarity import Complementarity, all_solutions
from lossjumps.search.cycle import Cycle, solve_cycle
from lossjumps.search.kernels import BORDER, SINGULAR
from lossjumps.search.periodic import virtual_cycle

MOST_SILENT_CHOICES = 8
"""States of units without output, along a continuum, of which all combinations are tried."""


@dataclass(frozen=True, eq=False)
class CompleteList:
    """All cycles of one order over given regions.

    Attributes
    ----------
    cycles : list of Cycle
        Sorted by itinerary.
    degenerate : list of (k, H) bool arrays
        Itineraries with singular I - T that hold a continuum of solutions.
    undecided : int
        Region sequences whose solution is lost in rounding.
    visits : int
        Region sequences solved.
    """

    cycles: list[Cycle]
    degenerate: list[np.ndarray]
    undecided: int
    visits: int


def holds_a_continuum(relu_map: ReluMap, itinerary: np.ndarray, box: Box | None = None) -> bool:
    """Whether a singular itinerary has admissible solutions: a linear feasibility problem in the first point."""
    from scipy.optimize import linprog  # hardly ever needed, and slow to import

    dimension = relu_map.dimension
    product, shift = np.eye(dimension), np.zeros(dimension)
    rows, bounds = [], []
    for pattern in itinerary:
        sign = np.where(pattern, -1.0, 1.0)
        rows.append(sign[:, None] * (relu_map.V @ product))
        bounds.append(-sign * (relu_map.V @ shift + relu_map.b))
        jacobian = relu_map.A + (relu_map.U * pattern) @ relu_map.V
        shift = jacobian @ shift + relu_map.c + relu_map.U[:, pattern] @ relu_map.b[pattern]
        product = jacobian @ product
    solution = linprog(
        np.zeros(dimension),
        A_ub=np.vstack(rows),
        b_ub=np.concatenate(bounds),
        A_eq=np.eye(dimension) - product,
        b_eq=shift,
        bounds=(None, None) if box is None else np.column_stack([box.lower, box.upper]),
        method="highs",
    )
    return solution.status == 0


def merge_at_borders(cycles: list[Cycle]) -> list[Cycle]:
    """Drop repeats: cycles of one itinerary, and cycles that agree within rounding because a point lies on a border."""
    kept: dict[tuple[int, bytes], Cycle] = {}
    for cycle in sorted(cycles, key=lambda cycle: cycle.key):
        kept.setdefault(cycle.key, cycle)
    unique = list(kept.values())
    if not any(cycle.near_border for cycle in unique):
        return unique
    merged: list[Cycle] = []
    for cycle in unique:
        scale = max(float(np.abs(cycle.points).max()), np.finfo(float).tiny)
        same = any(
            other.order == cycle.order
            and min(
                float(np.abs(np.roll(other.points, shift, axis=0) - cycle.points).max()) for shift in range(cycle.order)
            )
            <= 10 * BORDER * scale
            for other in merged
            if cycle.near_border and other.near_border
        )
        if not same:
            merged.append(cycle)
    return merged


def is_singular(relu_map: ReluMap, itinerary: np.ndarray) -> bool:
    """Whether I - T of an itinerary (k, H) is singular within rounding.

    Decided on the equations of all points at once, (kM, kM): in T itself large multipliers hide the others.
    """
    period, dimension = len(itinerary), relu_map.dimension
    system = np.eye(period * dimension)
    added_up = np.eye(period * dimension)
    for time, pattern in enumerate(itinerary):
        image = (time + 1) % period
        block = slice(image * dimension, (image + 1) * dimension), slice(time * dimension, (time + 1) * dimension)
        U, V = relu_map.U[:, pattern], relu_map.V[pattern]
        system[block] -= relu_map.A + U @ V
        added_up[block] += np.abs(relu_map.A) + np.abs(U) @ np.abs(V)
    # rounding is relative to what is added up, of which little may be left
    values = np.linalg.svd(system / added_up.max(axis=1, keepdims=True), compute_uv=False)
    return bool(values[-1] <= SINGULAR)


def decide(
    relu_map: ReluMap,
    candidates: Iterable[np.ndarray],
    visits: int,
    verify: str = "float",
    box: Box | None = None,
) -> CompleteList:
    """Decide which of the itineraries (k, H) of one order are cycles.

    Parameters
    ----------
    relu_map : ReluMap
    candidates : iterable of (k, H) bool arrays
        With repetitions, rotations and non-primitive ones, which are passed over.
    visits : int
        What it cost to find them.
    verify : {"float", "exact"}
        Whether signs are those of float64, or decided without rounding (`lossjumps.search.exact`).
    box : Box, optional
        Where cycles and continua are wanted; the whole space if not given.
    """
    if verify == "exact":
        primitive = {
            itineraries.key(candidate): candidate for candidate in candidates if itineraries.is_primitive(candidate)
        }
        # what rounding could have taken for another itinerary is among the candidates itself
        return verified(relu_map, list(primitive.values()), visits, 0, box)
    cycles, degenerate, undecided = [], [], 0
    known = set()
    for candidate in candidates:
        key = itineraries.key(candidate)
        if key in known or not itineraries.is_primitive(candidate):
            continue
        known.add(key)
        cycle, decided = solve_cycle(relu_map, candidate)
        if cycle is None and decided:
            continue
        if is_singular(relu_map, candidate):  # a continuum, nothing, or a point far away: float64 cannot tell
            exact = verified(relu_map, [candidate], 1, 0, box)
            cycles += exact.cycles
            degenerate += exact.degenerate
        elif cycle is not None:
            cycles += [cycle] if box is None or box.holds(cycle.points) else []
        else:
            undecided += 1
    return CompleteList(merge_at_borders(cycles), degenerate, undecided, visits)


def verified(
    relu_map: ReluMap, candidates: list[np.ndarray], visits: int, most_neighbours: int, box: Box | None = None
) -> CompleteList:
    """Decide itineraries (k, H) of one order without rounding.

    Parameters
    ----------
    relu_map : ReluMap
    candidates : list of (k, H) bool arrays
    visits : int
        What it cost to find them.
    most_neighbours : int
        Itineraries across a border near which a candidate lies that are decided as well.
    box : Box, optional
        Where cycles and continua are wanted; the whole space if not given.
    """
    from lossjumps.search.exact import verify_cycles

    if not candidates:
        return CompleteList([], [], 0, visits)
    found = verify_cycles(relu_map, candidates, most_neighbours)
    order = len(candidates[0])
    return CompleteList(
        [cycle for cycle in found.cycles if cycle.order == order and (box is None or box.holds(cycle.points))],
        [
            continuum.itinerary
            for continuum in found.continua
            if len(continuum.itinerary) == order
            and (box is None or holds_a_continuum(relu_map, continuum.itinerary, box))
        ],
        len(found.undecided),
        visits,
    )


def cycles_by_branching(
    relu_map: ReluMap, problem: Complementarity, most_nodes: int, threads: int = 1, verify: str = "float"
) -> CompleteList | None:
    """Every cycle of the order of a complementarity problem; None where `most_nodes` did not suffice.

    Parameters
    ----------
    relu_map : ReluMap
    problem : Complementarity
        Of this map.
    most_nodes : int
        Linear programs looked at, at the most.
    threads : int
        They do not change the result.
    verify : {"float", "exact"}
        See `decide`.
    """
    solutions = all_solutions(problem, most_nodes, threads)
    if not solutions.finished:
        return None
    silent = np.flatnonzero(relu_map.V.any(axis=1) & ~relu_map.U.any(axis=0))
    candidates = list(solutions.itineraries)
    if len(silent):
        candidates = [full for itinerary in candidates for full in _with_silent_units(relu_map, itinerary, silent)]
    return decide(relu_map, candidates, solutions.nodes, verify)


def _with_silent_units(relu_map: ReluMap, itinerary: np.ndarray, silent: np.ndarray) -> list[np.ndarray]:
    """The itinerary with the states of units that have no output: they follow from the points.

    Where there is a continuum of them, every choice, as far as these are not too many.
    """
    points = np.empty((len(itinerary), relu_map.dimension))
    inputs = np.empty(itinerary.shape)
    itinerary = np.ascontiguousarray(itinerary)
    if not is_singular(relu_map, itinerary):
        virtual_cycle(*relu_map.parameters, itinerary, points, inputs)
        itinerary[:, silent] = inputs[:, silent] > 0.0
        return [itinerary]
    choices = len(itinerary) * len(silent)
    if choices > MOST_SILENT_CHOICES:
        return [itinerary]
    completions = []
    for choice in itertools.product([False, True], repeat=choices):
        completions.append(itinerary.copy())
        completions[-1][:, silent] = np.reshape(choice, (len(itinerary), len(silent)))
    return completions
