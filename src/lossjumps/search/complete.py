"""Complete lists of the cycles of one order: what is left once everything else is excluded, solved and decided."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from lossjumps.maps.relu_map import ReluMap
from lossjumps.search import itineraries
from lossjumps.search.boxes import Box
from lossjumps.search.certified_signs import ADMISSIBLE, UNDECIDED, VIRTUAL, certified_signs
from lossjumps.search.complementarity import Complementarity, has_one_solution, only_solution
from lossjumps.search.cycle import Cycle
from lossjumps.search.dyadic import DyadicMap
from lossjumps.search.kernels import admissibility
from lossjumps.search.periodic import virtual_cycle
from lossjumps.search.solutions import all_solutions

UNSURE = 1e-9
"""Error of a point, relative to the largest coordinate of the smallest, from which a cycle is solved for exactly."""

RESIDUAL = 1.0
"""Largest residual of a step along a cycle that is reported, over the bound of the rounding of that step."""


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
        Region sequences so near so many borders that not all their neighbours were looked at.
    visits : int
        Region sequences solved.
    """

    cycles: list[Cycle]
    degenerate: list[np.ndarray]
    undecided: int
    visits: int


def reaches_into(relu_map: ReluMap, itinerary: np.ndarray, box: Box) -> bool:
    """Whether a continuum of solutions of an itinerary reaches into a box: a linear program in the first point."""
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
        bounds=np.column_stack([box.lower, box.upper]),
        method="highs",
    )
    return solution.status == 0


def decide(
    relu_map: ReluMap,
    candidates: Iterable[np.ndarray],
    visits: int,
    verify: str = "float",
    box: Box | None = None,
) -> CompleteList:
    """Decide which of the itineraries (k, H) of one order are cycles, always by their exact signs.

    Float64 with rigorous error bounds decides nearly all of them; what it leaves open, at a border, on the unit circle
    or where rounding grows along the period, is decided without rounding.

    Parameters
    ----------
    relu_map : ReluMap
    candidates : iterable of (k, H) bool arrays
        With repetitions, rotations and non-primitive ones, which are passed over.  Of units without output any state
        will do: theirs follows from the points.
    visits : int
        What it cost to find them.
    verify : {"float", "exact"}
        Whether points and multipliers are those of float64, or all are `lossjumps.search.exact.ExactCycle`.
    box : Box, optional
        Where cycles and continua are wanted; the whole space if not given.
    """
    primitive = {
        itineraries.key(candidate): candidate
        for candidate in (with_silent_units(relu_map, candidate) for candidate in candidates)
        if itineraries.is_primitive(candidate)
    }
    cycles, left_open = [], []
    for candidate in primitive.values():
        verdict, error = UNDECIDED, np.inf
        if verify == "float":
            verdict, _, error = certified_signs(*relu_map.parameters, candidate, np.empty(candidate.shape))
        if verdict == VIRTUAL:
            continue
        cycle = _float_cycle(relu_map, candidate) if verdict == ADMISSIBLE else None
        if (
            cycle is None
            or error > UNSURE * np.abs(cycle.points).max(axis=1).min()
            or (box is not None and error > box.slack)
        ):
            left_open.append(candidate)
        elif box is None or box.holds(cycle.points):
            cycles.append(cycle)
    exact = verified(relu_map, left_open, visits, 0, box)
    known = {cycle.key: cycle for cycle in (*cycles, *exact.cycles)}
    return replace(exact, cycles=[known[key] for key in sorted(known)])


def _float_cycle(relu_map: ReluMap, itinerary: np.ndarray) -> Cycle | None:
    """The cycle of an itinerary that surely has one; None where float64 leaves its points or its stability open."""
    itinerary = np.ascontiguousarray(itineraries.canonical(itinerary))
    points = np.empty((len(itinerary), relu_map.dimension))
    inputs = np.empty(itinerary.shape)
    sign, residual = virtual_cycle(*relu_map.parameters, itinerary, points, inputs)
    distance = admissibility(relu_map.V, relu_map.b, itinerary, points, inputs)
    if sign == 0.0 or not residual <= RESIDUAL or not distance > 0.0:
        return None
    cycle = Cycle(points, itinerary, relu_map, float(distance))
    return cycle if cycle.stability_is_safe else None


def cycle_of(relu_map: ReluMap, itinerary: np.ndarray) -> Cycle | None:
    """The cycle with the given primitive itinerary (k, H), or None where it is virtual or does not exist."""
    cycles = decide(relu_map, [itinerary], 1).cycles
    return cycles[0] if cycles else None


def with_silent_units(relu_map: ReluMap, itinerary: np.ndarray) -> np.ndarray:
    """The itinerary (k, H) with the states that units without output have along its virtual cycle in float64."""
    itinerary = np.ascontiguousarray(itinerary, dtype=np.bool_)
    silent = ~relu_map.U.any(axis=0)
    if silent.any():
        points, inputs = np.empty((len(itinerary), relu_map.dimension)), np.empty(itinerary.shape)
        itinerary = np.where(silent, relu_map.b > 0.0, itinerary)
        if virtual_cycle(*relu_map.parameters, itinerary, points, inputs)[0] != 0.0:
            itinerary[:, silent] = inputs[:, silent] > 0.0
    return itinerary


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
            if len(continuum.itinerary) == order and (box is None or reaches_into(relu_map, continuum.itinerary, box))
        ],
        len(found.undecided),
        visits,
    )


def _is_solved(relu_map: ReluMap, itinerary: np.ndarray) -> bool:
    """Whether an itinerary (k, H), primitive or not, has an admissible solution, decided without rounding."""
    from lossjumps.search.exact import verify_itinerary

    itinerary = with_silent_units(relu_map, itinerary)
    if certified_signs(*relu_map.parameters, itinerary, np.empty(itinerary.shape))[0] == ADMISSIBLE:
        return True
    return verify_itinerary(DyadicMap(relu_map), itinerary).found is not None


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
    if has_one_solution(problem):
        only = only_solution(problem)
        if only is not None and _is_solved(relu_map, only):
            return decide(relu_map, [only], 1, verify)
    solutions = all_solutions(problem, most_nodes, threads)
    if not solutions.finished:
        return None
    return decide(relu_map, solutions.itineraries, solutions.nodes, verify)
