"""Simulation of ordinary differential equations with a fixed step, and data sets made of it."""

from collections.abc import Callable

import numpy as np

from lossjumps.data.series import Series, standardised
from lossjumps.schema import DatasetConfig

INITIAL_STATE, OBSERVATION_NOISE = 0, 1
"""Streams of randomness of a data set: its generators are seeded with [noise_seed, stream]."""


def runge_kutta(
    derivative: Callable[[np.ndarray], np.ndarray], state: np.ndarray, time_step: float, steps: int, inner_steps: int
) -> np.ndarray:
    """Integrate an autonomous differential equation with the classical fourth-order Runge-Kutta method.

    Parameters
    ----------
    derivative : callable
        State (N,) to its time derivative (N,).
    state : ndarray (N,)
        The first state.
    time_step : float
        Time between samples.
    steps : int
        Samples after the first.
    inner_steps : int
        Runge-Kutta steps between samples.

    Returns
    -------
    ndarray (steps + 1, N)
        The first state and the samples after it.
    """
    h = time_step / inner_steps
    state = np.asarray(state, dtype=np.float64)
    samples = np.empty((steps + 1, len(state)))
    samples[0] = state
    for sample in range(1, steps + 1):
        for _ in range(inner_steps):
            k1 = derivative(state)
            k2 = derivative(state + 0.5 * h * k1)
            k3 = derivative(state + 0.5 * h * k2)
            k4 = derivative(state + h * k3)
            state = state + h / 6.0 * (k1 + 2.0 * (k2 + k3) + k4)
        samples[sample] = state
    return samples


def simulated_series(
    config: DatasetConfig,
    derivative: Callable[[np.ndarray], np.ndarray],
    centre: np.ndarray,
    *,
    time_step: float,
    transient: float,
    inner_steps: int,
) -> Series:
    """Simulate a data set from a random state, N(centre, 1), after a transient (in time) that is discarded.

    Raises
    ------
    InputError
        If the simulation leaves the finite numbers or its states do not vary.
    """
    start = np.asarray(centre) + np.random.default_rng([config.noise_seed, INITIAL_STATE]).standard_normal(len(centre))
    skipped = int(np.ceil(transient / time_step))
    steps = skipped + config.length_train + config.length_test - 1
    with np.errstate(over="ignore", invalid="ignore"):
        orbit = runge_kutta(derivative, start, time_step, steps, inner_steps)[skipped:]
    return standardised(
        orbit[: config.length_train],
        orbit[config.length_train :],
        time_step=time_step,
        noise=config.noise,
        generator=np.random.default_rng([config.noise_seed, OBSERVATION_NOISE]),
        what=f"dataset {config.name}",
    )
