"""What a training leaves behind: its recorded parameters, the losses of every epoch, and how each run ended."""

from dataclasses import dataclass, field

import numpy as np

HISTORY = (
    "loss_free",
    "loss_free_long",
    "loss_forced",
    "state_space_divergence",
    "loss_train",
    "grad_norm",
    "grad_norm_max",
    "step_length",
    "learning_rate",
)
"""Numbers recorded for every run and epoch; the first four are taken at the epoch, the others belong to the
updates that end there and are NaN at epoch 0."""

FINISHED = "finished"
DIVERGED = "diverged"


@dataclass
class Recording:
    """Recorded trainings of S runs, E epochs at most."""

    seeds: tuple[int, ...]
    parameters: np.ndarray
    """(S, points, P), flat, the first the initial ones; NaN after a run's last epoch."""
    history: dict[str, np.ndarray]
    """For every name in `HISTORY` (S, E + 1); NaN after a run's last epoch."""
    last_epoch: np.ndarray
    """(S,) the last epoch with finite parameters, E for a run that finished."""
    why: list[str] = field(default_factory=list)
    """Why each run ended early; empty for a run that finished."""

    @classmethod
    def empty(cls, seeds: tuple[int, ...], epochs: int, points: int, size: int) -> "Recording":
        """Make room for the losses of `epochs` epochs and `size` parameters at each of `points` points."""
        runs = len(seeds)
        return cls(
            seeds=seeds,
            parameters=np.full((runs, points, size), np.nan),
            history={name: np.full((runs, epochs + 1), np.nan) for name in HISTORY},
            last_epoch=np.full(runs, -1),
            why=[""] * runs,
        )

    def status(self, run: int) -> str:
        """Say how a run (its position) ended."""
        return DIVERGED if self.why[run] else FINISHED
