"""Fixed points and cycles, and the result of a search for them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.boxes import Box
from lossjumps.search.kernels import BORDER, true_itinerary
from lossjumps.search.multipliers import jacobians_along, leading_multipliers_and_rounding, spectrum_of
from lossjumps.search.regions import Regions
from lossjumps.search.walked import Walked

NEAR_THE_CIRCLE = 1e-9
"""Relative distance of a multiplier from the unit circle within which float64 does not decide index and stability."""


@dataclass(frozen=True, eq=False)
class Cycle:
    """A fixed point (order 1) or k-cycle of a `ReluMap`; its itinerary up to rotation identifies it.

    Attributes
    ----------
    points : (k, M) array
        ``points[t + 1]`` is the image of ``points[t]``, and ``points[0]`` that of the last.
    itinerary : (k, H) bool array
        Which units are on at each point; of the rotations the lexicographically smallest.
    relu_map : ReluMap
        The map it is a cycle of.
    border_distance : float
        Smallest relative distance of a unit input from its border along the cycle.
    """

    points: np.ndarray
    itinerary: np.ndarray
    relu_map: ReluMap
    border_distance: float

    @property
    def order(self) -> int:
        """Primitive period k."""
        return len(self.itinerary)

    @cached_property
    def key(self) -> tuple[int, bytes]:
        """Order and itinerary: equal for equal cycles, and sortable."""
        return self.order, self.itinerary.tobytes()

    @cached_property
    def multipliers(self) -> np.ndarray:
        """(M,) eigenvalues of the Jacobian product, the largest modulus first; infinite where float64 ends."""
        return self._spectrum[0]

    @property
    def lyapunov_exponents(self) -> np.ndarray:
        """(M,) logarithms of the moduli of the multipliers over the order, for multipliers of any size."""
        return self._spectrum[1]

    @cached_property
    def _spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        return spectrum_of(jacobians_along(self.relu_map, self.itinerary))

    @cached_property
    def leading_multipliers(self) -> np.ndarray:
        """As `multipliers`, but those inside half of the unit circle may be lost in rounding; takes less time."""
        return self._leading[0]

    @cached_property
    def _leading(self) -> tuple[np.ndarray, float]:
        return leading_multipliers_and_rounding(self.relu_map, self.itinerary)

    @property
    def stability_is_safe(self) -> bool:
        """Whether rounding cannot have taken a multiplier across the unit circle."""
        values, rounding = self._leading
        with np.errstate(divide="ignore"):
            return bool(np.all(np.abs(np.log(np.abs(values))) > NEAR_THE_CIRCLE + rounding))

    @property
    def largest_multiplier(self) -> float:
        """Largest modulus of a multiplier."""
        return float(np.abs(self.leading_multipliers[0]))

    @property
    def is_stable(self) -> bool:
        """Whether all multipliers lie inside the unit circle."""
        return self.largest_multiplier < 1.0

    @property
    def index(self) -> int:
        """sign det(I - T) of the cycle as a fixed point of F^k."""
        return self.index_of_iterate(1)

    def index_of_iterate(self, repetitions: int) -> int:
        """sign det(I - T^n) of the cycle run through n times: (-1) to the number of real multipliers with mu^n > 1."""
        real = self.leading_multipliers[self.leading_multipliers.imag == 0].real
        # mu^n > 1 without the power, which may be beyond float64
        beyond = real > 1.0 if repetitions % 2 else np.abs(real) > 1.0
        return -1 if np.count_nonzero(beyond) % 2 else 1

    @property
    def near_border(self) -> bool:
        """Whether a point of the cycle lies so near a border that its sign there is lost in float64."""
        return self.border_distance <= BORDER


def itinerary_from(relu_map: ReluMap, point: np.ndarray, order: int) -> np.ndarray | None:
    """Itinerary (order, H) of the orbit from a state, or None where it diverges."""
    itinerary = np.empty((order, relu_map.units), dtype=np.bool_)
    return itinerary if true_itinerary(*relu_map.parameters, point, itinerary) else None


@dataclass(frozen=True, eq=False)
class FoundCycles:
    """What a search found, and what is certified about it.

    Attributes
    ----------
    cycles : tuple of Cycle
        Sorted by order, then by itinerary.
    max_order : int
        Orders 1 ... max_order were searched.
    certificate : dict of int to str or None
        For each order: how its list was certified complete, "branching" (branch and bound on the complementarity
        problem), "regions" (every sequence of linear regions solved) or "splitting" (the space split by itinerary);
        None where it is not.
    degenerate : tuple of (k, H) bool arrays
        Itineraries with singular I - T that hold a continuum of fixed points of F^k; then the order is not complete.
    visits : dict of int to int
        For each order: how many nodes, regions or region sequences were looked at.
    regions : Regions or None
        The linear regions of the map, where the search listed them.
    domain : Box or None
        Where completeness holds: None is the whole space.  Else the box that was asked for, or a very large one where
        it is not proved that no cycle lies farther out.
    index_audit : dict of int to bool
        For each order whose index sum was compared with the degree of the map: whether they agree.
    searched : dict of int to Walked
        For each order that was searched: visits, walks, how often each candidate was found again, and an estimate of
        how many cycles are missing.
    """

    cycles: tuple[Cycle, ...]
    max_order: int
    certificate: dict[int, str | None]
    degenerate: tuple[np.ndarray, ...]
    visits: dict[int, int]
    regions: Regions | None = None
    domain: Box | None = None
    index_audit: dict[int, bool] = field(default_factory=dict)
    searched: dict[int, Walked] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Cycle]:
        return iter(self.cycles)

    def __len__(self) -> int:
        return len(self.cycles)

    @cached_property
    def complete(self) -> dict[int, bool]:
        """For each order: True only where every cycle of that order in `domain` is certified found."""
        return {order: way is not None for order, way in self.certificate.items()}

    def of_order(self, order: int) -> tuple[Cycle, ...]:
        """The cycles of one order."""
        return tuple(cycle for cycle in self.cycles if cycle.order == order)

    @cached_property
    def index_sum(self) -> dict[int, int | None]:
        """For each order k: the sum of the indices of all fixed points of F^k; None unless all in space are known.

        The sum over d | k of d times the sum over d-cycles of sign det(I - T^(k/d)) (Lefschetz).
        """
        sums: dict[int, int | None] = {}
        for order in range(1, self.max_order + 1):
            divisors = [divisor for divisor in range(1, order + 1) if order % divisor == 0]
            certified = self.domain is None and all(self.complete.get(divisor, False) for divisor in divisors)
            indices = [
                (cycle.order, cycle.index_of_iterate(order // cycle.order))
                for cycle in self.cycles
                if order % cycle.order == 0
            ]
            defined = certified and all(index is not None for _, index in indices)
            sums[order] = sum(count * index for count, index in indices) if defined else None
        return sums
