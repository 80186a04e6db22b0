"""The multipliers of a cycle: the eigenvalues of the product of the Jacobians along it."""

import numpy as np

from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.kernels import compose


def multipliers_of(relu_map: ReluMap, itinerary: np.ndarray) -> np.ndarray:
    """(M,) eigenvalues of the Jacobian product along an itinerary (k, H), the largest modulus first."""
    product = np.empty((relu_map.dimension, relu_map.dimension))
    compose(*relu_map.parameters, itinerary, 0, product, np.empty(relu_map.dimension))
    values = np.linalg.eigvals(product)
    return values[np.lexsort((-values.imag, -values.real, -np.abs(values)))]
