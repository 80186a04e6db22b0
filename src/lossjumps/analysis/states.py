"""An object of a fixed itinerary at one fraction of a path: solved for, admissible or virtual."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lossjumps.maps.paths import Path
from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.complete import RESIDUAL
from lossjumps.search.cycle import Cycle
from lossjumps.search.kernels import admissibility
from lossjumps.search.multipliers import leading_multipliers_of
from lossjumps.search.periodic import virtual_cycle


@dataclass(frozen=True, eq=False)
class State:
    """An object of a fixed itinerary at one fraction, admissible or virtual.

    Attributes
    ----------
    fraction : float
    itinerary : (k, H) bool array
    points : (k, M) array
    inputs : (k, H) array
    relu_map : ReluMap
        The map at this fraction.
    sign : float
        sign det(I - T); 0.0 where there is no solution.
    border_distance : float
        As `admissibility` gives it: positive where admissible.
    """

    fraction: float
    itinerary: np.ndarray
    points: np.ndarray
    inputs: np.ndarray
    relu_map: ReluMap
    sign: float
    border_distance: float

    @property
    def is_admissible(self) -> bool:
        """Whether the object exists."""
        return self.sign != 0.0 and self.border_distance > 0.0

    @cached_property
    def multipliers(self) -> np.ndarray:
        """(M,) eigenvalues of the Jacobian product, see `leading_multipliers_of`."""
        return leading_multipliers_of(self.relu_map, self.itinerary)

    @property
    def unstable_directions(self) -> int:
        """Number of multipliers outside the unit circle."""
        return int(np.count_nonzero(np.abs(self.multipliers) >= 1.0))


def state_at(path: Path, fraction: float, itinerary: np.ndarray) -> State:
    """Solve for the object of an itinerary (k, H) at one fraction of a path."""
    relu_map = path(fraction)
    period = len(itinerary)
    points = np.full((period, relu_map.dimension), np.nan)
    inputs = np.full((period, relu_map.units), np.nan)
    sign, residual = virtual_cycle(*relu_map.parameters, itinerary, points, inputs)
    if not residual <= RESIDUAL:
        return State(fraction, itinerary, points, inputs, relu_map, 0.0, -np.inf)
    distance = admissibility(relu_map.V, relu_map.b, itinerary, points, inputs)
    return State(fraction, itinerary, points, inputs, relu_map, sign, float(distance))


def cycle_of_state(state: State) -> Cycle:
    """The object of an admissible state of a canonical itinerary as a `Cycle`."""
    return Cycle(state.points, state.itinerary, state.relu_map, max(state.border_distance, 0.0))
