"""The losses that every condition is compared on, for the networks of a recorded run."""

from collections.abc import Sequence

import numpy as np
import torch

from lossjumps.maps.relu_map import ReluMap
from lossjumps.schema import EvaluationConfig
from lossjumps.training.losses import Evaluation
from lossjumps.training.network import Network
from lossjumps.training.sequences import Compiled

SIDE_BY_SIDE = 32
"""Recorded epochs that run side by side."""


def evaluated_losses(
    maps: Sequence[ReluMap], extra: np.ndarray | None, test_series: np.ndarray, config: EvaluationConfig
) -> dict[str, np.ndarray]:
    """Measure the evaluation losses of the networks of a run.

    Parameters
    ----------
    maps : sequence of ReluMap
        The network at each recorded epoch.
    extra : (E + 1, M - N, N) ndarray or None
        L of each epoch: the states beyond the N variables are L x.  None where M = N.
    test_series : (samples, N) ndarray
        Standardised.
    config : EvaluationConfig

    Returns
    -------
    dict of str to (E + 1,) ndarray
        `loss_free`, `loss_free_long`, `loss_forced` and `state_space_divergence`; infinite where the network diverges.
    """
    series = torch.from_numpy(np.ascontiguousarray(test_series, dtype=np.float64))
    evaluation, engine = Evaluation.from_series(series, config), Compiled(torch.get_num_threads())
    parts = []
    with np.errstate(over="ignore", invalid="ignore"):
        for first in range(0, len(maps), SIDE_BY_SIDE):
            some = maps[first : first + SIDE_BY_SIDE]
            arrays = [np.stack([getattr(one, name) for one in some]) for name in "AUVbc"]
            L = None if extra is None else torch.from_numpy(extra[first : first + SIDE_BY_SIDE].astype(np.float64))
            parts.append(evaluation.losses(Network(*map(torch.from_numpy, arrays), L=L), engine))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
