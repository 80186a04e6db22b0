"""An object of a fixed itinerary at one fraction of a path: solved for, admissible or virtual."""

from dataclasses import dataclass

import numpy as np

from lossjumps.maps.paths import Path
from lossjumps.search import itineraries
from lossjumps.search.cycle import RESIDUAL, Cycle
from lossjumps.search.kernels import admissibility, virtual_cycle


@dataclass(frozen=True, eq=False)
class State:
    """An object of a fixed itinerary at one fraction, admissible or virtual.

    Attributes
    ----------
    fraction : float
    itinerary : (k, H) bool array
    points : (k, M) array
    inputs : (k, H) array
    jacobian_product : (M, M) array
    sign : float
        sign det(I - T); 0.0 where there is no solution.
    border_distance : float
        As `admissibility` gives it: positive where admissible.
    """

    fraction: float
    itinerary: np.ndarray
    points: np.ndarray
    inputs: np.ndarray
    jacobian_product: np.ndarray
    sign: float
    border_distance: float

    @property
    def is_admissible(self) -> bool:
        """Whether the object exists."""
        return self.sign != 0.0 and self.border_distance > 0.0

    @property
    def multipliers(self) -> np.ndarray:
        """Eigenvalues of the Jacobian product."""
        return np.linalg.eigvals(self.jacobian_product)

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
    product = np.empty((relu_map.dimension, relu_map.dimension))
    _, sign, residual = virtual_cycle(*relu_map.parameters, itinerary, points, inputs, product)
    if not residual <= RESIDUAL:
        return State(fraction, itinerary, points, inputs, product, 0.0, -np.inf)
    distance = admissibility(relu_map.V, relu_map.b, itinerary, points, inputs)
    return State(fraction, itinerary, points, inputs, product, sign, float(distance))


def cycle_at(path: Path, state: State) -> Cycle:
    """The object of an admissible state as a `Cycle`, begun where its itinerary is smallest."""
    rotated = state_at(path, state.fraction, np.ascontiguousarray(itineraries.canonical(state.itinerary)))
    return Cycle(rotated.points, rotated.itinerary, rotated.jacobian_product, max(rotated.border_distance, 0.0))
