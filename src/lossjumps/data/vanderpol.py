"""The van der Pol oscillator (van der Pol, 1926): periodic, two columns, position and velocity."""

from dataclasses import dataclass

import numpy as np

from lossjumps.data.series import Series
from lossjumps.data.simulation import simulated_series
from lossjumps.schema import DatasetConfig, require

TRANSIENT = 100.0
INNER_STEPS_PER_TIME = 50


@dataclass
class VanDerPolConfig(DatasetConfig):
    """The oscillator x' = v, v' = mu (1 - x^2) v - x; its attractor is a limit cycle."""

    noise: float = 0.01
    """Observation noise of the training series, as a fraction of each column's standard deviation.
    Unit: standard deviations."""
    mu: float = 1.0
    """Nonlinearity and strength of the damping; the period is 6.66 at mu = 1."""
    time_step: float = 0.1
    """Time between samples. Unit: time of the oscillator."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 < self.mu <= 20, "dataset.mu", "a number in (0, 20]", self.mu)
        require(1e-6 <= self.time_step <= 1, "dataset.time_step", "a number in [0.000001, 1]", self.time_step)


def derivative(mu: float):
    """Return the right-hand side as a function of the state (2,)."""

    def right_hand_side(state: np.ndarray) -> np.ndarray:
        x, v = state.tolist()
        return np.array((v, mu * (1.0 - x * x) * v - x))

    return right_hand_side


def load(config: VanDerPolConfig) -> Series:
    """Simulate the oscillator; transient and initial state as documented in `lossjumps.data.simulation`."""
    inner_steps_per_time = INNER_STEPS_PER_TIME * max(1.0, config.mu)
    return simulated_series(
        config,
        derivative(config.mu),
        np.array([1.0, 0.0]),
        time_step=config.time_step,
        transient=TRANSIENT,
        inner_steps=max(1, round(config.time_step * inner_steps_per_time)),
    )
