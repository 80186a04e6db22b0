"""The integrator against closed forms, the systems against what is known of them."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from lossjumps.data import lorenz63, vanderpol
from lossjumps.data.lorenz63 import Lorenz63Config
from lossjumps.data.simulation import runge_kutta
from lossjumps.data.vanderpol import VanDerPolConfig
from lossjumps.errors import InputError


def rotation(state):
    return np.array([-state[1], state[0]])


def test_samples_of_a_rotation():
    samples = runge_kutta(rotation, np.array([1.0, 0.0]), 0.3, 20, 30)
    angle = 0.3 * np.arange(21)
    np.testing.assert_allclose(samples, np.stack([np.cos(angle), np.sin(angle)], axis=1), atol=1e-9)


def test_convergence_of_fourth_order():
    exact = np.array([np.cos(6.0), np.sin(6.0)])
    errors = [
        np.linalg.norm(runge_kutta(rotation, np.array([1.0, 0.0]), 6.0, 1, steps)[-1] - exact)
        for steps in (40, 80, 160)
    ]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(orders, 4.0, atol=0.05)


@pytest.mark.parametrize(
    ("derivative", "start", "time_step", "inner_steps"),
    [
        (lorenz63.derivative(10.0, 28.0, 8 / 3), [1.0, 2.0, 20.0], 0.01, 4),
        (vanderpol.derivative(1.0), [2.0, 0.0], 0.1, 5),
    ],
)
def test_inner_steps_are_fine_enough(derivative, start, time_step, inner_steps):
    """A tenth of a Lorenz orbit's turn, a van der Pol period: against an adaptive method of order 8."""
    samples = runge_kutta(derivative, np.array(start), time_step, 60, inner_steps)
    times = time_step * np.arange(61)
    reference = solve_ivp(
        lambda _, state: derivative(state), (0, times[-1]), start, "DOP853", times, rtol=1e-12, atol=1e-12
    )
    np.testing.assert_allclose(samples, reference.y.T, atol=2e-5)


def test_fixed_points_of_the_lorenz_system():
    derivative = lorenz63.derivative(10.0, 28.0, 8 / 3)
    for point in ((0, 0, 0), (np.sqrt(72), np.sqrt(72), 27), (-np.sqrt(72), -np.sqrt(72), 27)):
        np.testing.assert_allclose(derivative(np.array(point, dtype=float)), 0, atol=1e-12)


def test_lorenz_series():
    """Moments of the attractor (long simulations: 0, 0, 23.55; 7.92, 9.01, 8.62), and the system's equations."""
    series = lorenz63.load(Lorenz63Config(name="lorenz63"))
    assert series.train.shape == series.test.shape == series.noise.shape == (5000, 3)
    np.testing.assert_allclose(series.mean, [0, 0, 23.55], atol=1.5)
    np.testing.assert_allclose(series.standard_deviation, [7.92, 9.01, 8.62], rtol=0.07)
    np.testing.assert_allclose(series.noise.std(axis=0), 0.05, rtol=0.05)
    clean = (series.train - series.noise) * series.standard_deviation + series.mean
    states = np.concatenate([clean, series.test * series.standard_deviation + series.mean])
    derivative = lorenz63.derivative(10.0, 28.0, 8 / 3)
    slopes = (8 * (states[3:-1] - states[1:-3]) - (states[4:] - states[:-4])) / 0.12
    expected = np.array([derivative(state) for state in states[2:-2]])
    np.testing.assert_allclose(slopes, expected, atol=1e-3 * np.abs(expected).max())


def test_van_der_pol_series_is_the_limit_cycle():
    """At mu = 1 the period is 6.6633 and the amplitude 2.0086."""
    series = vanderpol.load(VanDerPolConfig(name="vanderpol", noise=0.0, time_step=0.05))
    position = series.train[:, 0] * series.standard_deviation[0] + series.mean[0]
    assert position.max() == pytest.approx(2.0086, abs=2e-3)
    rises = np.flatnonzero((position[:-1] < 0) & (position[1:] >= 0))
    crossings = 0.05 * (rises - position[rises] / (position[rises + 1] - position[rises]))
    np.testing.assert_allclose(np.diff(crossings), 6.6633, atol=2e-3)


def test_seeds_of_a_simulation():
    keys = {"name": "vanderpol", "length_train": 50, "length_test": 50}
    series = [vanderpol.load(VanDerPolConfig(**keys, noise_seed=seed)) for seed in (0, 0, 1)]
    for name, array in series[0].arrays().items():
        np.testing.assert_array_equal(array, series[1].arrays()[name])
    assert not np.array_equal(series[0].test, series[2].test)
    assert not np.array_equal(series[0].noise, series[2].noise)


def test_a_longer_series_begins_as_the_shorter_one():
    short, long = (
        lorenz63.load(Lorenz63Config(name="lorenz63", length_train=n, length_test=400 - n)) for n in (100, 300)
    )
    raw = [s.test * s.standard_deviation + s.mean for s in (short, long)]
    np.testing.assert_allclose(raw[0][200:], raw[1], atol=1e-10)


def test_a_system_that_escapes_is_refused():
    with pytest.raises(InputError, match="dataset lorenz63: expected finite numbers"):
        lorenz63.load(Lorenz63Config(name="lorenz63", length_train=100, length_test=100, beta=-30.0))


def test_ranges():
    with pytest.raises(InputError, match=r"dataset\.mu: expected a number in \(0, 20\], got -1"):
        VanDerPolConfig(name="vanderpol", mu=-1)
    with pytest.raises(InputError, match=r"dataset\.time_step"):
        Lorenz63Config(name="lorenz63", time_step=0.0)
