"""The circular null: all bifurcations of a run are shifted together."""

import numpy as np

from lossjumps.analysis.nulls.local import shifted_in_blocks
from lossjumps.analysis.nulls.null import Null


def shifted(bifurcations: np.ndarray, n_steps: int, n_surrogates: int, generator: np.random.Generator) -> np.ndarray:
    """Shift a whole run, one block, circularly: (n_surrogates, n_bifurcations)."""
    return shifted_in_blocks(bifurcations, n_steps, n_surrogates, generator, block=n_steps)


CIRCULAR = Null(
    name="circular",
    stream=3,
    does="all bifurcations of a run circularly shifted by one amount",
    assumes="nothing changes in the course of training (misleading under a trend)",
    positions=shifted,
)
