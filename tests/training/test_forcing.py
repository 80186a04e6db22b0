"""Forcings by hand and in their limits."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lossjumps.errors import InputError
from lossjumps.training.forcing import FORCINGS, forcing_of


def run(name, alpha, data, step=lambda z: 2.0 * z + 1.0):
    """The predictions of one sequence, from the definition in `Forcing`."""
    predictions, z = [], 0.0
    for strength, x in zip(FORCINGS[name].strengths(len(data) - 1, alpha), data[:-1], strict=True):
        predictions.append(z := step((1.0 - strength) * z + strength * x))
    return predictions


@pytest.mark.parametrize("forcing", FORCINGS.values(), ids=FORCINGS)
@given(steps=st.integers(1, 40), alpha=st.floats(0, 1))
def test_a_run_starts_from_the_data_and_strengths_are_shares(forcing, steps, alpha):
    strengths = forcing.strengths(steps, alpha if forcing.needs_alpha else None)
    assert strengths.shape == (steps,) and strengths.dtype == np.float64 and strengths[0] == 1.0
    assert ((strengths >= 0) & (strengths <= 1)).all()


def test_bptt_by_hand():
    assert run("bptt", None, [1.0, 100.0, 200.0, 300.0]) == [3.0, 7.0, 15.0]


def test_gtf_by_hand():
    """z -> 2 z + 1, alpha 1/4: 3; then 3/4 * 3 + 1/4 * 5 = 3.5 gives 8; then 3/4 * 8 + 1/4 * 6 = 7.5 gives 16."""
    assert run("gtf", 0.25, [1.0, 5.0, 6.0, 300.0]) == [3.0, 8.0, 16.0]


sequences = st.lists(st.floats(-10, 10), min_size=2, max_size=20)


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
    last = run("gtf", alpha, [start, *rest])[-1]
    [slope] = torch.autograd.grad(last, start)
    steps = len(data) - 1
    np.testing.assert_allclose(slope.item(), 2.0 * (2.0 * (1.0 - alpha)) ** (steps - 1), rtol=1e-12, atol=1e-300)


def test_unknown_forcing():
    with pytest.raises(InputError, match=r"training\.name: expected one of bptt, gtf.*, got 'stf'"):
        forcing_of("stf")
