"""The local null: bifurcations are shifted within short blocks, so that their rate hardly changes."""

import numpy as np

from lossjumps.analysis.nulls.null import Null

BLOCK = 25
"""Epochs of a block."""


def shifted_in_blocks(
    bifurcations: np.ndarray, n_steps: int, n_surrogates: int, generator: np.random.Generator, block: int = BLOCK
) -> np.ndarray:
    """Shift the bifurcations of each block circularly by an amount of its own: (n_surrogates, n_bifurcations)."""
    starts = np.arange(0, n_steps, block)
    sizes = np.minimum(block, n_steps - starts)
    shifts = (generator.random((n_surrogates, starts.size)) * sizes).astype(np.int64)
    own = bifurcations // block
    return starts[own] + (bifurcations - starts[own] + shifts[:, own]) % sizes[own]


LOCAL = Null(
    name="local",
    stream=2,
    does=f"each block of {BLOCK} epochs of a run circularly shifted by its own independent amount",
    assumes="within a block the bifurcations might as well have come earlier or later",
    positions=shifted_in_blocks,
)
