"""The local nulls: bifurcations are shifted within blocks, so that their rate hardly changes."""

import numpy as np

from lossjumps.analysis.nulls.null import Null

BLOCK = 25
"""Epochs of a block."""

SHORT_BLOCK = 10
"""Epochs of a block that is short enough for busy phases of single runs that are brief."""


def shifted_in_blocks(
    bifurcations: np.ndarray, n_steps: int, n_surrogates: int, generator: np.random.Generator, block: int = BLOCK
) -> np.ndarray:
    """Shift the bifurcations of each block circularly by an amount of its own: (n_surrogates, n_bifurcations)."""
    starts = np.arange(0, n_steps, block)
    sizes = np.minimum(block, n_steps - starts)
    shifts = (generator.random((n_surrogates, starts.size)) * sizes).astype(np.int64)
    own = bifurcations // block
    return starts[own] + (bifurcations - starts[own] + shifts[:, own]) % sizes[own]


def shifted_in_short_blocks(
    bifurcations: np.ndarray, n_steps: int, n_surrogates: int, generator: np.random.Generator
) -> np.ndarray:
    """The same in blocks of `SHORT_BLOCK` epochs."""
    return shifted_in_blocks(bifurcations, n_steps, n_surrogates, generator, block=SHORT_BLOCK)


_ASSUMES = "within a block the bifurcations might as well have come earlier or later"

LOCAL = Null(
    name="local",
    stream=2,
    does=f"each block of {BLOCK} epochs of a run circularly shifted by its own independent amount",
    assumes=_ASSUMES,
    positions=shifted_in_blocks,
)

SHORT_LOCAL = Null(
    name="short_local",
    stream=5,
    does=f"each block of {SHORT_BLOCK} epochs of a run circularly shifted by its own independent amount",
    assumes=_ASSUMES,
    positions=shifted_in_short_blocks,
)
