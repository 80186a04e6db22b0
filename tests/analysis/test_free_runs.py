"""Losses of free runs against a plain loop, and lingering where the closed form says how long it lasts."""

import numpy as np
import pytest
from tests.random_maps import random_map

from lossjumps import ReluMap
from lossjumps.analysis.free_runs import FreeRuns, longest_linger, prediction_change


def test_the_loss_is_that_of_a_plain_loop():
    generator = np.random.default_rng(0)
    relu_map = random_map("shallow_plrnn", 3, 5, generator)
    data, starts = generator.normal(size=(9, 4, 2)), generator.normal(size=(4, 3))
    for horizon in (1, 8):
        errors = [
            (relu_map.orbit(start, horizon)[1:, :2] - data[1 : horizon + 1, sequence]) ** 2
            for sequence, start in enumerate(starts)
        ]
        assert FreeRuns(data).loss(relu_map, starts, horizon) == pytest.approx(np.mean(errors), rel=1e-12)


def test_a_loss_that_overflows_is_infinite():
    growing = ReluMap.plrnn([1e200], [[0.0]], [0.0])
    assert FreeRuns(np.ones((5, 2, 1))).loss(growing, np.ones((2, 1)), 4) == np.inf


def test_prediction_change_on_paper():
    one, other = (ReluMap.plrnn([0.5, 0.5], np.zeros((2, 2)), offset) for offset in ([0.0, 0.0], [3.0, 4.0]))
    assert prediction_change(one, other, np.zeros((7, 2))) == 5.0


def test_an_orbit_lingers_as_long_as_the_closed_form_says():
    # z' = 0.5 z + offset for z < 0, z' = 1.5 z + offset for z > 0: a fold at offset 0.  Just beyond it an orbit comes
    # to z = 0 and leaves by offset (1.5^n - 1) / 0.5; steps are shorter than slow = 0.01 while 1.5^n offset < 0.01.
    beyond = ReluMap.plrnn([0.5], [[1.0]], [1e-4])
    steps = longest_linger(beyond, np.array([[-1.0]]), 60, 1, 0.01)
    leaving = int(np.log(0.01 / 1e-4) / np.log(1.5))
    coming = int(np.log(0.01 / 1e-4) / np.log(2.0))
    assert abs(steps - (leaving + coming)) <= 3
    before = ReluMap.plrnn([0.5], [[1.0]], [-1e-4])  # it stays at the fixed point
    assert longest_linger(before, np.array([[-1.0]]), 60, 1, 0.01) == 0
    far = ReluMap.plrnn([0.5], [[1.0]], [0.5])
    assert longest_linger(far, np.array([[-1.0]]), 60, 1, 0.01) == 0


def test_lingering_near_a_cycle_is_seen_with_its_period():
    # z' = -1.02 z in the linear region: the orbit nearly repeats every second step and slowly leaves.
    flip = ReluMap.plrnn([-1.02], [[0.0]], [0.0])
    assert longest_linger(flip, np.array([[0.1]]), 200, 1, 0.01) == 0
    assert longest_linger(flip, np.array([[0.1]]), 200, 2, 0.01) > 20
