"""The losses that every condition is compared on, for the networks of a recorded run."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from lossjumps.maps.relu_map import ReluMap
from lossjumps.schema import EvaluationConfig
from lossjumps.training import numerics, observation
from lossjumps.training.losses import Evaluation
from lossjumps.training.models.family import columns, rows

SIDE_BY_SIDE = 32
"""Recorded epochs that run side by side."""


class CanonicalNetwork:
    """z' = A z + U relu(V z + b) + c for networks side by side: a `lossjumps.training.models.family.FreeNetwork`."""

    def prepare(self, parameters: Mapping[str, torch.Tensor], batch: int) -> dict[str, torch.Tensor]:
        """Transpose the matrices, and repeat b and c for every sequence."""
        matrices = {name: columns(parameters[name]) for name in "AUV"}
        return matrices | {name: rows(parameters[name], batch) for name in "bc"}

    def step(self, prepared: Mapping[str, torch.Tensor], states: torch.Tensor) -> torch.Tensor:
        """States (S, B, M) to the next ones."""
        active = prepared["b"].baddbmm(states, prepared["V"]).relu()
        return prepared["c"].baddbmm(states, prepared["A"]).baddbmm(active, prepared["U"])


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
        `loss_free`, `loss_free_long` and `loss_forced`; infinite where the network diverges.
    """
    evaluation = Evaluation.from_series(np.ascontiguousarray(test_series, dtype=np.float64), config)
    parts = []
    with numerics.one_thread(), torch.inference_mode(), np.errstate(over="ignore", invalid="ignore"):
        for first in range(0, len(maps), SIDE_BY_SIDE):
            some = maps[first : first + SIDE_BY_SIDE]
            parameters = {name: np.stack([getattr(one, name) for one in some]) for name in "AUVbc"}
            if extra is not None:
                parameters[observation.NAME] = extra[first : first + SIDE_BY_SIDE]
            tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in parameters.items()}
            parts.append(evaluation.losses(CanonicalNetwork(), tensors, len(some)))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
