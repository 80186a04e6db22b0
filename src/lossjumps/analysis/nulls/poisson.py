"""The Poisson null: bifurcations come at random."""

import numpy as np

from lossjumps.analysis.nulls.null import Null


def scattered(bifurcations: np.ndarray, n_steps: int, n_surrogates: int, generator: np.random.Generator) -> np.ndarray:
    """Draw as many distinct epochs: (n_surrogates, n_bifurcations)."""
    if bifurcations.size == n_steps:
        return np.tile(bifurcations, (n_surrogates, 1))
    marks = generator.random((n_surrogates, n_steps))
    return np.argpartition(marks, bifurcations.size, axis=1)[:, : bifurcations.size]


POISSON = Null(
    name="poisson",
    stream=4,
    does="as many bifurcations of a run at random epochs",
    assumes="they are independent of each other and equally likely at every epoch (misleading under a trend and for "
    "clustered events)",
    positions=scattered,
)
