"""Mean squared errors of runs side by side, and the evaluation every condition is compared on."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

import lossjumps.training.numerics  # noqa: F401  (reproducible matrix products)
from lossjumps.schema import EvaluationConfig
from lossjumps.training.forcing.gtf import forced_run
from lossjumps.training.models.family import FreeNetwork
from lossjumps.training.observation import latent_states


def errors_of_runs(predictions: list[torch.Tensor], targets: torch.Tensor) -> torch.Tensor:
    """Square the errors of the observed part of the state.

    Parameters
    ----------
    predictions
        T states (S, B, M).
    targets
        Data (T, S, B, N); the first N states are compared with them.

    Returns
    -------
    Tensor (S, T * B * N), the steps one after the other: a run's numbers lie together, so that sums over them
    do not depend on its batch mates.
    """
    observed = targets.shape[-1]
    states = torch.stack(predictions)
    if states.shape[-1] > observed:
        states = states[..., :observed]
    difference = (states - targets).transpose(0, 1).reshape(states.shape[1], -1)
    return difference * difference


def mean_squared_error(predictions: list[torch.Tensor], targets: torch.Tensor) -> torch.Tensor:
    """Average `errors_of_runs` of every run: (S,)."""
    return errors_of_runs(predictions, targets).mean(dim=1)


@dataclass(frozen=True)
class Evaluation:
    """The fixed evaluation set, evenly spaced along the test series, and what is measured on it."""

    data: torch.Tensor
    """Sequences (T + 1, 1, B, N), T the long horizon."""
    horizon: int
    """Free-running steps of `loss_free`."""
    alpha: float
    """Forcing strength of `loss_forced`."""

    @classmethod
    def from_series(cls, series: np.ndarray, config: EvaluationConfig):
        """Cut B = `sequences` sequences of `horizon_long` steps from a test series (samples, N).

        The first starts at the first sample, the last ends at the last one; they may overlap.
        """
        starts = np.linspace(0, len(series) - config.horizon_long - 1, config.sequences).round().astype(int)
        index = np.arange(config.horizon_long + 1)[:, None] + starts
        return cls(torch.from_numpy(series[index][:, None]), config.horizon, config.alpha)

    def losses(self, family: FreeNetwork, parameters: Mapping[str, torch.Tensor], runs: int) -> dict[str, np.ndarray]:
        """Measure `loss_free`, `loss_free_long` and `loss_forced` of every run, each (S,); inf where not finite.

        Free and forced sequences run side by side, the free ones with a forcing of strength zero.
        """
        steps, batch = len(self.data) - 1, self.data.shape[2]
        data = self.data.expand(-1, runs, -1, -1).repeat(1, 1, 2, 1)
        alpha = torch.zeros(2 * batch, 1, dtype=data.dtype)
        alpha[batch:] = self.alpha
        prepared = family.prepare(parameters, 2 * batch)
        states = latent_states(parameters, data)
        predictions = forced_run(lambda state: family.step(prepared, state), states, alpha)
        errors = errors_of_runs(predictions, data[1:]).view(runs, steps, 2, -1)
        errors_of = {
            "loss_free": errors[:, : self.horizon, 0],
            "loss_free_long": errors[:, :, 0],
            "loss_forced": errors[:, :, 1],
        }
        return {name: _mean_or_infinite(part) for name, part in errors_of.items()}


def _mean_or_infinite(errors: torch.Tensor) -> np.ndarray:
    """Average the errors (S, ...) of every run, inf where the average is not finite."""
    means = errors.reshape(len(errors), -1).mean(dim=1).numpy()
    return np.where(np.isfinite(means), means, np.inf)
