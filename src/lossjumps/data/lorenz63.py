"""The Lorenz system (Lorenz, 1963): chaotic, three columns x, y, z."""

from dataclasses import dataclass

import numpy as np

from lossjumps.data.series import Series
from lossjumps.data.simulation import simulated_series
from lossjumps.schema import DatasetConfig, require

TRANSIENT = 20.0
INNER_STEPS_PER_TIME = 400


@dataclass
class Lorenz63Config(DatasetConfig):
    """The Lorenz system x' = sigma (y - x), y' = x (rho - z) - y, z' = x y - beta z."""

    noise: float = 0.05
    """Observation noise of the training series, as a fraction of each column's standard deviation.
    Unit: standard deviations."""
    sigma: float = 10.0
    """Prandtl number."""
    rho: float = 28.0
    """Reduced Rayleigh number."""
    beta: float = 8.0 / 3.0
    """Geometric factor."""
    time_step: float = 0.01
    """Time between samples. Unit: time of the system."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("sigma", "rho", "beta"):
            require(np.isfinite(getattr(self, key)), f"dataset.{key}", "a finite number", getattr(self, key))
        require(1e-6 <= self.time_step <= 1, "dataset.time_step", "a number in [0.000001, 1]", self.time_step)


def derivative(sigma: float, rho: float, beta: float):
    """Return the right-hand side as a function of the state (3,)."""

    def right_hand_side(state: np.ndarray) -> np.ndarray:
        x, y, z = state.tolist()
        return np.array((sigma * (y - x), x * (rho - z) - y, x * y - beta * z))

    return right_hand_side


def load(config: Lorenz63Config) -> Series:
    """Simulate the system; transient and initial state as documented in `lossjumps.data.simulation`."""
    return simulated_series(
        config,
        derivative(config.sigma, config.rho, config.beta),
        np.array([1.0, 1.0, 25.0]),
        time_step=config.time_step,
        transient=TRANSIENT,
        inner_steps=max(1, round(config.time_step * INNER_STEPS_PER_TIME)),
    )
