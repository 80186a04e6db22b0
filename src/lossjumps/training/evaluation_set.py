"""Where the sequences begin that every condition is compared on."""

import numpy as np

from lossjumps.schema import EvaluationConfig


def evaluation_starts(samples: int, config: EvaluationConfig) -> np.ndarray:
    """First samples (B,) of the B = `sequences` sequences of `horizon_long` steps in a series of so many samples.

    They are evenly spaced: the first starts at the first sample, the last ends at the last one; they may overlap.
    """
    return np.linspace(0, samples - config.horizon_long - 1, config.sequences).round().astype(np.int64)
