"""Existence, index and stability of cycles decided without rounding.

A float64 is a rational number, so whether an itinerary has a cycle is a question with an exact answer.  Float64 with
rigorous error bounds answers it for nearly all itineraries, balls of growing precision where the numbers are long,
and rational arithmetic always.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
from flint import ctx

from lossjumps.maps.relu_map import ReluMap
from lossjumps.search import itineraries
from lossjumps.search.certified_signs import VIRTUAL, certified_signs
from lossjumps.search.cycle import Cycle
from lossjumps.search.dyadic import DyadicMap
from lossjumps.search.itinerary_equation import (
    Solution,
    ball_composition,
    solve_in_balls,
    solve_rationally,
    solve_singular,
)
from lossjumps.search.local_index import local_index
from lossjumps.search.unit_circle import Multipliers, multipliers_in_ball, multipliers_of

CONTRACTION_MARGIN = 1e-9
"""By how much a growth rate has to stay below 1 to be a contraction beyond rounding."""

NEAR = 1e-9
"""Relative unit input below which the other side of the border is looked at too when cycles are verified."""

LONG = 100
"""k M^2 from which points are solved for in balls before rational numbers."""

FEW_STATES = 4
"""M / k up to which multipliers are enclosed in balls before the characteristic polynomial is expanded."""

PRODUCT_PRECISIONS = (128, 512, 1536)
"""Bits of those; long products have multipliers of very different size."""


@dataclass(frozen=True, eq=False)
class ExactCycle(Cycle):
    """A cycle that exists without doubt: its points and its multipliers are rounded to the nearest float64.

    Attributes
    ----------
    spectrum : Multipliers
        The multipliers of the Jacobian product: where the cycle lies on a border, those of one side of it.
    relative_inputs : (k, H) array
        Unit inputs over |b_l| + sum_j |V_lj| max|z|; zero exactly where a point lies on the border.
    degree : int or None
        Fixed-point index of F^k at the cycle: sign det(I - T), or for a cycle on a border the local degree; None
        where that is not defined (the cycle is not isolated) or too many borders meet in it.
    borders : (k, H) bool array
        Where the input of a unit that can change the map is zero.
    attracts : bool
        Whether the cycle is proved to attract its neighbourhood, on a border as well.
    """

    spectrum: Multipliers
    relative_inputs: np.ndarray
    degree: int | None
    borders: np.ndarray
    attracts: bool

    @property
    def on_border(self) -> bool:
        """Whether a unit that can change the map has input zero."""
        return bool(self.borders.any())

    @property
    def multipliers(self) -> np.ndarray:
        """(M,) multipliers, the largest modulus first, each rounded to the nearest."""
        values = self.spectrum.values
        return values[np.lexsort((-values.imag, -values.real, -np.abs(values)))]

    @property
    def leading_multipliers(self) -> np.ndarray:
        """As `multipliers`."""
        return self.multipliers

    @property
    def stability_is_safe(self) -> bool:
        """It is exact."""
        return True

    @property
    def is_stable(self) -> bool:
        """Whether all multipliers lie inside the unit circle; on a border, whether it is proved that it attracts."""
        return self.attracts

    @property
    def index(self) -> int | None:
        """Fixed-point index of F^k at the cycle, see `degree`."""
        return self.degree

    @property
    def stability(self) -> str:
        """That of the multipliers ("stable", "unstable", "neutral"); on a border "stable" if proved, else "border"."""
        if self.on_border:
            return "stable" if self.attracts else "border"
        return self.spectrum.stability

    def index_of_iterate(self, repetitions: int) -> int | None:
        """sign det(I - T^n) of the cycle run through n times, 0 where that is singular; None on a border."""
        if self.on_border:
            return self.index if repetitions == 1 else None
        if any(repetitions % order == 0 for order in self.spectrum.roots_of_unity):
            return 0
        flips = self.spectrum.beyond_minus_one if repetitions % 2 == 0 else 0
        return -1 if (self.spectrum.beyond_one + flips) % 2 else 1


@dataclass(frozen=True, eq=False)
class Continuum:
    """Fixed points of F^k that fill a polyhedron of positive dimension in one region sequence.

    Attributes
    ----------
    itinerary : (k, H) bool array
        That of the points of its relative interior; of the rotations the lexicographically smallest.
    point : (M,) array
        A point of the relative interior, rounded, at the time the itinerary begins.
    dimension : int
        Of the polyhedron.
    """

    itinerary: np.ndarray
    point: np.ndarray
    dimension: int

    @property
    def key(self) -> tuple[int, bytes]:
        """Order and itinerary."""
        return len(self.itinerary), self.itinerary.tobytes()


@dataclass(frozen=True, eq=False)
class Verdict:
    """The answer for one itinerary.

    Attributes
    ----------
    found : ExactCycle, Continuum or None
        What solves the itinerary with the assumed signs, inputs of zero included.  Its own order and itinerary differ
        from those asked for where the asked itinerary is not primitive, where points lie on a border: a unit of input
        zero is off, and for units without outputs, whose states follow from the points.  None where nothing does.
    is_regular : bool
        Whether I - T of the asked itinerary is regular: otherwise what solves it may be a continuum, or nothing.
    relative_inputs : (k, H) array or None
        The unit inputs of the solution, admissible or not; 0.0 where float64 decided without this sign, None where
        I - T is singular.
    """

    found: ExactCycle | Continuum | None
    is_regular: bool
    relative_inputs: np.ndarray | None


def verify_itinerary(dyadic: DyadicMap, itinerary: np.ndarray) -> Verdict:
    """Decide without rounding whether an itinerary (k, H) has a cycle, and which.

    Parameters
    ----------
    dyadic : DyadicMap
        The map, made once for all its itineraries.
    itinerary : (k, H) bool array
        Any rotation, primitive or not.
    """
    itinerary = np.ascontiguousarray(itinerary, dtype=np.bool_)
    relative = np.empty(itinerary.shape)
    if certified_signs(*dyadic.relu_map.parameters, itinerary, relative)[0] == VIRTUAL:
        return Verdict(None, True, relative)
    return _exact_verdict(dyadic, itinerary)


def _exact_verdict(dyadic: DyadicMap, itinerary: np.ndarray) -> Verdict:
    solution = None
    if len(itinerary) * dyadic.relu_map.dimension**2 >= LONG:
        solution = solve_in_balls(dyadic, itinerary)
    if solution is None:
        solution = solve_rationally(dyadic, itinerary)
    if solution is None:
        return _singular_verdict(dyadic, itinerary)
    contradicted = (itinerary & (solution.signs < 0)) | (~itinerary & (solution.signs > 0))
    if np.any(contradicted & dyadic.has_outputs):
        return Verdict(None, True, solution.relative_inputs)
    return Verdict(_cycle_at(dyadic, itinerary, solution), True, solution.relative_inputs)


def _cycle_at(dyadic: DyadicMap, asked: np.ndarray, solution: Solution) -> ExactCycle | Continuum | None:
    """What the points of an admissible solution belong to: the cycle itself, or what their true itinerary has."""
    primitive = asked[: itineraries.smallest_period(asked)]
    if len(primitive) < len(asked) and solution.is_regular:
        return _exact_verdict(dyadic, primitive).found
    true = np.ascontiguousarray(solution.signs > 0)
    if not np.array_equal(true, asked):
        return _exact_verdict(dyadic, true[: solution.period()]).found
    if solution.period() < len(asked):
        return _exact_verdict(dyadic, true[: solution.period()]).found
    return _described(dyadic, true, solution)


def _described(dyadic: DyadicMap, itinerary: np.ndarray, solution: Solution) -> ExactCycle:
    shift = itineraries.canonical_shift(itinerary)
    itinerary, points, relative, signs = (
        np.ascontiguousarray(np.roll(array, -shift, axis=0))
        for array in (itinerary, solution.points, solution.relative_inputs, solution.signs)
    )
    # a unit without weights, or one that nothing listens to, does not bend the map
    bending = np.any(dyadic.relu_map.V != 0.0, axis=1) & dyadic.has_outputs
    borders = (signs == 0) & bending
    spectrum = _multipliers(dyadic, itinerary)
    if borders.any():
        index, attracts = local_index(dyadic, itinerary, borders), contracts(dyadic.relu_map, itinerary, borders)
    else:
        index, attracts = solution.determinant_sign, spectrum.stability == "stable"
    distance = float(np.abs(relative).min())
    return ExactCycle(points, itinerary, dyadic.relu_map, distance, spectrum, relative, index, borders, attracts)


def contracts(relu_map: ReluMap, itinerary: np.ndarray, borders: np.ndarray) -> bool:
    """Whether all pieces that meet in a cycle on borders surely contract towards it, in a norm that they share.

    The norm max_i |x_i| / d_i, with d > 0 such that G d < d for the moduli G of the Jacobians, whatever the sides.
    """
    growth = np.eye(relu_map.dimension)
    for region, at_border in zip(itinerary, borders, strict=True):
        U, V = relu_map.U[:, at_border], relu_map.V[at_border]
        fixed = region & ~at_border
        jacobian = relu_map.A + relu_map.U[:, fixed] @ relu_map.V[fixed]
        # a side adds some of the units at their borders: entry by entry the extremes add those of one sign
        terms = U.T[:, :, None] * V[:, None, :]
        highest = jacobian + np.maximum(terms, 0.0).sum(axis=0)
        lowest = jacobian + np.minimum(terms, 0.0).sum(axis=0)
        growth = np.maximum(np.abs(highest), np.abs(lowest)) @ growth
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(growth).all() and np.abs(np.linalg.eigvals(growth)).max() < 1.0 - CONTRACTION_MARGIN)


def _multipliers(dyadic: DyadicMap, itinerary: np.ndarray) -> Multipliers:
    if dyadic.relu_map.dimension <= FEW_STATES * len(itinerary):
        for precision in PRODUCT_PRECISIONS:
            with ctx.workprec(precision):
                multipliers = multipliers_in_ball(ball_composition(dyadic, itinerary)[0])
            if multipliers is not None:
                return multipliers
    product, _ = dyadic.composition(itinerary)
    return multipliers_of(product, dyadic.exponent * len(itinerary))


def _singular_verdict(dyadic: DyadicMap, itinerary: np.ndarray) -> Verdict:
    """I - T is singular: the admissible solutions are a polyhedron, in most cases an empty one."""
    polyhedron = solve_singular(dyadic, itinerary)
    if polyhedron is None:
        return Verdict(None, False, None)
    if polyhedron.dimension == 0:
        return Verdict(_cycle_at(dyadic, itinerary, polyhedron.solution), False, None)
    true = np.ascontiguousarray(polyhedron.solution.signs > 0)
    if not np.array_equal(true, itinerary):
        return Verdict(_exact_verdict(dyadic, true).found, False, None)
    period = itineraries.smallest_period(itinerary)
    if period < len(itinerary):
        shorter = _exact_verdict(dyadic, itinerary[:period]).found
        # the fixed points of F^period among them have the same dimension: they are all
        if isinstance(shorter, Continuum) and shorter.dimension == polyhedron.dimension:
            return Verdict(shorter, False, None)
    shift = itineraries.canonical_shift(itinerary)
    canonical = np.ascontiguousarray(np.roll(itinerary, -shift, axis=0))
    return Verdict(Continuum(canonical, polyhedron.solution.points[shift], polyhedron.dimension), False, None)


@dataclass(frozen=True, eq=False)
class Verified:
    """What is left of a list of candidates.

    Attributes
    ----------
    cycles : tuple of ExactCycle
        Each once; sorted by order, then by itinerary.
    continua : tuple of Continuum
        Each once; sorted by order, then by itinerary.
    undecided : tuple of (k, H) bool arrays
        Candidates so near so many borders that not all their neighbours were looked at.
    """

    cycles: tuple[ExactCycle, ...]
    continua: tuple[Continuum, ...]
    undecided: tuple[np.ndarray, ...]


def verify_cycles(relu_map: ReluMap, candidates: Iterable[np.ndarray], most_neighbours: int = 256) -> Verified:
    """Decide a list of candidates, and those that rounding may have taken them for.

    Where a candidate's solution, admissible or not, lies within `NEAR` of a border, the itineraries across that border
    are decided as well, and so on from those.

    Parameters
    ----------
    relu_map : ReluMap
    candidates : iterable of (k, H) bool arrays
        Itineraries, admissible within rounding or not at all.
    most_neighbours : int
        Itineraries decided for one candidate, itself not counted; with 0 only the candidates are.
    """
    dyadic = DyadicMap(relu_map)
    known: dict[tuple[int, bytes], Verdict] = {}
    undecided = []
    for candidate in candidates:
        queue = deque([itineraries.canonical(np.asarray(candidate, dtype=np.bool_))])
        reached = {itineraries.key(queue[0])}
        while queue:
            itinerary = queue.popleft()
            key = itineraries.key(itinerary)
            if key not in known:
                known[key] = verify_itinerary(dyadic, itinerary)
            relative = known[key].relative_inputs
            if most_neighbours == 0 or relative is None:
                continue
            for neighbour in _across_borders(itinerary, np.abs(relative) <= NEAR):
                neighbour_key = itineraries.key(neighbour)
                if neighbour_key in reached:
                    continue
                if len(reached) > most_neighbours:
                    undecided.append(itineraries.canonical(np.asarray(candidate, dtype=np.bool_)))
                    queue.clear()
                    break
                reached.add(neighbour_key)
                queue.append(itineraries.canonical(neighbour))
    found = {
        (type(thing).__name__, thing.key): thing for thing in (verdict.found for verdict in known.values()) if thing
    }
    ordered = [thing for _, thing in sorted(found.items(), key=lambda item: item[0])]
    return Verified(
        tuple(thing for thing in ordered if isinstance(thing, ExactCycle)),
        tuple(thing for thing in ordered if isinstance(thing, Continuum)),
        tuple(undecided),
    )


def _across_borders(itinerary: np.ndarray, near: np.ndarray) -> Iterator[np.ndarray]:
    """The itineraries with some of the near units flipped, the fewest first."""
    places = np.argwhere(near)
    subsets = chain.from_iterable(combinations(places, size) for size in range(1, len(places) + 1))
    for subset in subsets:
        neighbour = itinerary.copy()
        for time, unit in subset:
            neighbour[time, unit] = ~neighbour[time, unit]
        yield neighbour
