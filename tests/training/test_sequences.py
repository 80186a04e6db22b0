"""The compiled kernel against torch: every family and forcing of the registries, also later ones, and whatever else."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lossjumps.training.forcing import FORCINGS
from lossjumps.training.models import FAMILIES
from lossjumps.training.network import Network
from lossjumps.training.parameters import FlatParameters
from lossjumps.training.sequences import Compiled, Sequences, StepByStep

sizes = {
    "observed": st.integers(1, 5),
    "extra": st.integers(0, 4),
    "runs": st.integers(1, 3),
    "batch": st.integers(1, 19),
    "steps": st.integers(1, 37),
    "seed": st.integers(0, 2**32 - 1),
}


def drawn_sequences(generator, strengths, observed, runs, batch, noise):
    series = torch.from_numpy(generator.standard_normal((60, observed)))
    starts = torch.from_numpy(generator.integers(0, 60 - len(strengths), (runs, batch)))
    noises = torch.from_numpy(0.1 * generator.standard_normal((runs, len(strengths), batch, observed)))
    return Sequences(series, starts, strengths, noises if noise else None)


def assert_agree(leaves, network_of, sequences, threads=1):
    """Losses, errors, the states of further steps and every gradient, to 1e-10 of their size."""
    engines, found = (Compiled(threads), StepByStep()), []
    weights = torch.linspace(0.5, 2.0, len(sequences.starts), dtype=torch.float64)
    for engine in engines:
        loss = engine.loss(network_of(leaves), sequences)
        slopes = torch.autograd.grad((weights * loss).sum(), leaves, allow_unused=True)
        slopes = [
            torch.zeros_like(leaf) if slope is None else slope for leaf, slope in zip(leaves, slopes, strict=True)
        ]
        measured = map(torch.from_numpy, engine.errors_and_states(network_of(leaves), sequences, 5))
        found.append([loss.detach(), *measured, *slopes])
    for one, other in zip(*found, strict=True):
        scale = other.abs().max().item() if other.numel() else 0.0
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-10 * scale)


@pytest.mark.parametrize("forcing", FORCINGS.values(), ids=FORCINGS)
@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@settings(max_examples=25)
@given(**sizes, hidden=st.integers(1, 21), alpha=st.floats(0, 1), noise=st.booleans())
def test_losses_and_gradients_are_those_of_torch(
    family, forcing, observed, extra, runs, batch, steps, seed, hidden, alpha, noise
):
    generator = np.random.default_rng(seed)
    layout = FlatParameters(family, observed + extra, hidden if family.needs_hidden else None, observed)
    flat = layout.initial([np.random.default_rng([seed, run]) for run in range(runs)])
    strengths = forcing.strengths(steps, alpha if forcing.needs_alpha else None)
    sequences = drawn_sequences(generator, strengths, observed, runs, batch, noise)
    assert_agree([flat], lambda leaves: layout.network(leaves[0]), sequences)


@settings(max_examples=50)
@given(**sizes, units=st.integers(1, 9), full=st.booleans(), reading=st.booleans(), threads=st.integers(1, 3))
def test_any_network_in_canonical_form_and_any_strengths(
    observed, extra, runs, batch, steps, seed, units, full, reading, threads
):
    generator, latent = np.random.default_rng(seed), observed + extra

    def drawn(*shape):
        return torch.from_numpy(generator.uniform(-1, 1, (runs, *shape)) / shape[-1]).requires_grad_()

    leaves = [
        drawn(latent, latent) if full else drawn(latent),
        drawn(latent, units),
        drawn(units),
        drawn(latent),
        *([] if reading else [drawn(units, latent)]),
        *([drawn(extra, observed)] if extra else []),
    ]
    reads = tuple(generator.integers(0, latent, units).tolist()) if reading else ()

    def network_of(leaves):
        A, U, b, c = leaves[:4]
        return Network(A, U, None if reading else leaves[4], b, c, reads, leaves[-1] if extra else None)

    strengths = generator.choice([0.0, 0.3, 1.0], steps)
    strengths[0] = 1.0
    assert_agree(leaves, network_of, drawn_sequences(generator, strengths, observed, runs, batch, True), threads)


def hand_made(a=0.5, runs=1):
    """M = 1, H = 2: z' = a z + 2 relu(z - 1) - relu(-3 z + 1) + 0.25."""
    values = ([[a]], [[[2.0, -1.0]]], [[[1.0], [-3.0]]], [[-1.0, 1.0]], [[0.25]])
    return Network(*(torch.tensor(value * runs, dtype=torch.float64) for value in values))


@pytest.mark.parametrize("engine", [Compiled(), StepByStep()])
def test_errors_of_a_hand_made_network(engine):
    """From 2: 1 + 2 - 0 + 0.25 = 3.25; 0.5 gives 0.25 + 0 - 0 + 0.25 = 0.5; -1 gives -0.5 + 0 - 4 + 0.25 = -4.25."""
    series = torch.tensor([[2.0], [0.5], [-1.0], [0.0]], dtype=torch.float64)
    starts = torch.tensor([[0, 1, 2]])
    errors = engine.errors(hand_made(), Sequences(series, starts, np.ones(1)))
    np.testing.assert_allclose(errors, [[((3.25 - 0.5) ** 2 + (0.5 + 1.0) ** 2 + 4.25**2) / 3]], rtol=1e-15)


@pytest.mark.parametrize("engine", [Compiled(), StepByStep()])
def test_states_after_a_sequence_of_a_hand_made_network(engine):
    """From 3.25 on: 1.625 + 4.5 + 0.25 = 6.375; 3.1875 + 10.75 + 0.25 = 14.1875.  From 0.5 and -4.25 as well."""
    series = torch.tensor([[2.0], [0.5], [-1.0], [0.0]], dtype=torch.float64)
    sequences = Sequences(series, torch.tensor([[0, 1, 2]]), np.ones(1))
    errors, states = engine.errors_and_states(hand_made(), sequences, 2)
    np.testing.assert_array_equal(errors, engine.errors(hand_made(), sequences))
    expected = [[6.375, 14.1875], [0.5, 0.5], [-15.625, -55.4375]]
    np.testing.assert_allclose(states[0, :, :, 0], expected, rtol=1e-15)


@pytest.mark.parametrize("engine", [Compiled(), StepByStep()])
def test_full_forcing_leaves_what_has_overflowed(engine):
    """With a = 1e100 the second free step overflows; put back onto the data before every step nothing does."""
    series, starts = torch.ones(6, 1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.int64)
    free = engine.errors(hand_made(1e100), Sequences(series, starts, np.array([1.0, 0.0, 0.0])))
    assert not np.isfinite(free[0, 1:]).any()
    forced = engine.errors(hand_made(1e100), Sequences(series, starts, np.ones(3)))
    np.testing.assert_allclose(forced, [[1e200] * 3])


def test_a_network_that_overflowed_leaves_nothing_behind():
    """Rooms are used again: for the network beside it, and for the next update."""
    engine, series = Compiled(), torch.from_numpy(np.random.default_rng(0).standard_normal((30, 1)))
    sequences = Sequences(series, torch.tensor([[0, 3, 9]]), np.r_[1.0, np.zeros(19)])
    both = replace(sequences, starts=sequences.starts.repeat(2, 1))

    def slopes(network, sequences):
        network.U.requires_grad_()
        return torch.autograd.grad(engine.loss(network, sequences).sum(), network.U)[0].numpy()[-1]

    expected = slopes(hand_made(), sequences)
    pair = hand_made(runs=2)
    pair.A[0] = 1e200
    np.testing.assert_array_equal(slopes(pair, both), expected)
    np.testing.assert_array_equal(slopes(hand_made(), sequences), expected)


def test_single_precision_is_single_and_near():
    layout = FlatParameters(FAMILIES["shallow_plrnn"], 4, 6, 3)
    flat = layout.initial([np.random.default_rng(0)])
    sequences = drawn_sequences(np.random.default_rng(1), np.r_[1.0, np.full(11, 0.2)], 3, 1, 5, True)
    single = replace(sequences, series=sequences.series.float(), noise=sequences.noise.float())
    small = flat.detach().float().requires_grad_()
    engine = Compiled()
    loss, near = engine.loss(layout.network(flat), sequences), engine.loss(layout.network(small), single)
    assert near.item() != loss.item() and near.item() == pytest.approx(loss.item(), rel=1e-5)
    near.sum().backward()
    loss.sum().backward()
    assert small.grad.dtype == torch.float32
    np.testing.assert_allclose(small.grad, flat.grad, rtol=1e-3, atol=1e-5)
