"""Random networks of several families, from contractive to expanding."""

import numpy as np

from lossjumps import ReluMap

REGIMES = {
    "contractive": (-0.5, 0.5, 0.2),
    "moderate": (-0.9, 0.9, 0.5),
    "near identity": (0.8, 1.0, 0.05),
    "expanding": (-0.9, 0.9, 2.0),
}
"""Lowest and highest entry of A = diag(a), and the gain g: weights between units are normal, of variance g^2 / H.

Networks that imitate the flow of a differential equation are near the identity.
"""


def random_network(family: str, dimension: int, units: int, regime: str, seed: int) -> ReluMap:
    """A random map of a family; `units` are those of the family: M for a PLRNN, H, or bases times M (dendritic)."""
    lowest, highest, gain = REGIMES[regime]
    generator = np.random.default_rng([seed, dimension, units])
    a, h = generator.uniform(lowest, highest, dimension), generator.normal(size=dimension)
    if family == "plrnn":
        return ReluMap.plrnn(a, gain / np.sqrt(dimension) * generator.normal(size=(dimension, dimension)), h)
    if family == "dendritic":
        bases = units // dimension
        W = gain / np.sqrt(units) * generator.normal(size=(dimension, dimension))
        return ReluMap.dendritic_plrnn(a, W, h, generator.normal(size=bases), generator.normal(size=(bases, dimension)))
    W1 = gain / np.sqrt(units) * generator.normal(size=(dimension, units))
    make = ReluMap.shallow_plrnn if family == "shallow" else ReluMap.clipped_shallow_plrnn
    return make(a, W1, generator.normal(size=(units, dimension)), h, generator.normal(size=units))
