"""Forcings by hand and in their limits."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lossjumps.errors import InputError
from lossjumps.training.forcing import FORCINGS, forcing_of


def run(name, alpha, data, step=lambda z: 2.0 * z + 1.0):
    states = torch.tensor(data, dtype=torch.float64).reshape(-1, 1, 1, 1)
    return [state.item() for state in FORCINGS[name].run(step, states, alpha)]


def test_bptt_by_hand():
    assert run("bptt", None, [1.0, 100.0, 200.0, 300.0]) == [3.0, 7.0, 15.0]


def test_gtf_by_hand():
    """z -> 2 z + 1, alpha 1/4: 3; then 3/4 * 3 + 1/4 * 5 = 3.5 gives 8; then 3/4 * 8 + 1/4 * 6 = 7.5 gives 16."""
    assert run("gtf", 0.25, [1.0, 5.0, 6.0, 300.0]) == [3.0, 8.0, 16.0]


sequences = st.lists(st.floats(-10, 10), min_size=2, max_size=20)


@pytest.mark.parametrize("name", FORCINGS)
@given(data=st.lists(st.floats(-10, 10), min_size=2, max_size=30), later=st.integers(1, 29))
def test_a_prediction_knows_nothing_of_the_data_from_its_own_time_on(name, data, later):
    alpha = 0.4 if FORCINGS[name].needs_alpha else None
    predictions = run(name, alpha, data, step=lambda z: 0.5 * z + 1.0)
    assert len(predictions) == len(data) - 1 and predictions[0] == 0.5 * data[0] + 1.0
    changed = [x + (position >= later) for position, x in enumerate(data)]
    assert run(name, alpha, changed, step=lambda z: 0.5 * z + 1.0)[:later] == predictions[:later]


@given(sequences)
def test_gtf_without_strength_is_bptt(data):
    assert run("gtf", 0.0, data) == run("bptt", None, data)


@given(sequences)
def test_gtf_with_full_strength_predicts_each_point_from_the_one_before(data):
    assert run("gtf", 1.0, data) == [2.0 * x + 1.0 for x in data[:-1]]


@given(sequences, st.floats(0, 1))
def test_gradients_of_gtf_shrink_by_the_forcing(data, alpha):
    """d z_T / d z_1 = J ((1 - alpha) J)^(T - 1) for the linear map with J = 2."""
    start = torch.tensor(data[0], dtype=torch.float64, requires_grad=True)
    rest = torch.tensor(data[1:], dtype=torch.float64)
    states = torch.cat((start.reshape(1), rest)).reshape(-1, 1, 1, 1)
    last = FORCINGS["gtf"].run(lambda z: 2.0 * z + 1.0, states, alpha)[-1]
    [slope] = torch.autograd.grad(last.sum(), start)
    steps = len(data) - 1
    np.testing.assert_allclose(slope.item(), 2.0 * (2.0 * (1.0 - alpha)) ** (steps - 1), rtol=1e-12, atol=1e-300)


def test_unknown_forcing():
    with pytest.raises(InputError, match=r"training\.name: expected one of bptt, gtf.*, got 'stf'"):
        forcing_of("stf")
