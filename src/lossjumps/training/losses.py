"""The losses that every condition is compared on."""

from dataclasses import dataclass

import numpy as np
import torch

from lossjumps.schema import EvaluationConfig
from lossjumps.training.evaluation_set import evaluation_starts
from lossjumps.training.forcing.bptt import free_strengths
from lossjumps.training.forcing.gtf import forced_strengths
from lossjumps.training.network import Network
from lossjumps.training.sequences import Engine, Sequences, mean_of_runs
from lossjumps.training.state_space import Divergence, divergence_from


@dataclass(frozen=True)
class Evaluation:
    """The fixed evaluation set, evenly spaced along the test series, and what is measured on it."""

    series: torch.Tensor
    """(samples, N)."""
    starts: torch.Tensor
    """(1, B) the first samples of the sequences, the same for every run."""
    config: EvaluationConfig
    divergence: Divergence | None
    """From the series; None where it is not measured."""

    @classmethod
    def from_series(cls, series: torch.Tensor, config: EvaluationConfig) -> "Evaluation":
        """Cut B = `sequences` sequences of `horizon_long` steps from a test series (samples, N)."""
        starts = evaluation_starts(len(series), config)
        divergence = None
        if config.state_space_steps:
            divergence = divergence_from(series.double().cpu().numpy(), config.state_space_bins)
        return cls(series, torch.from_numpy(starts[None]).to(series.device), config, divergence)

    def losses(self, network: Network, engine: Engine) -> dict[str, np.ndarray]:
        """Measure `loss_free`, `loss_free_long`, `loss_forced` and `state_space_divergence` of every run, each (S,).

        Infinite where they are not finite; the last is NaN where it is not to be measured.
        """
        steps = self.config.horizon_long
        freely = Sequences(self.series, self.starts, free_strengths(steps))
        free, states = engine.errors_and_states(network, freely, self.config.state_space_steps)
        strengths = forced_strengths(steps, self.config.alpha)
        forced = engine.errors(network, Sequences(self.series, self.starts, strengths))
        errors = {"loss_free": free[:, : self.config.horizon], "loss_free_long": free, "loss_forced": forced}
        means = {name: mean_of_runs(each) for name, each in errors.items()}
        losses = {name: np.where(np.isfinite(mean), mean, np.inf) for name, mean in means.items()}
        losses["state_space_divergence"] = self.divergence.of(states) if self.divergence else np.full(len(free), np.nan)
        return losses
