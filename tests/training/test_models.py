"""Every registered family, also later ones: the trained map is the analysed map."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lossjumps.errors import InputError
from lossjumps.training.models import FAMILIES, family_of
from lossjumps.training.models.family import scaled_random_matrix

families = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())


def reachable_parameters(family, generator, latent, hidden, runs):
    """Parameters (S, ...) that training can reach: initial ones, moved at random wherever a gradient arrives."""
    drawn = [family.initialise(generator, latent, hidden) for _ in range(runs)]
    leaves = {
        name: torch.from_numpy(np.stack([run[name] for run in drawn])).requires_grad_()
        for name in family.shapes(latent, hidden)
    }
    network = family.canonical(leaves)
    named = (network.A, network.U, network.V, network.b, network.c)
    sum(tensor.square().sum() for tensor in named if tensor is not None).backward()
    return {
        name: leaf.detach() + 0.3 * torch.from_numpy(generator.standard_normal(leaf.shape)) * (leaf.grad != 0)
        for name, leaf in leaves.items()
    }


@families
@given(
    latent=st.integers(1, 7),
    hidden=st.integers(1, 12),
    runs=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_network_that_is_trained_is_the_map_that_is_analysed(family, latent, hidden, runs, seed):
    hidden = hidden if family.needs_hidden else None
    generator = np.random.default_rng(seed)
    parameters = reachable_parameters(family, generator, latent, hidden, runs)
    network = family.canonical(parameters)
    for run in range(runs):
        relu_map = family.relu_map({name: values[run].numpy() for name, values in parameters.items()})
        A = network.A[run].numpy()
        V = np.eye(latent)[list(network.reads)] if network.V is None else network.V[run].numpy()
        mine = (np.diag(A) if A.ndim == 1 else A, network.U[run], V, network.b[run], network.c[run])
        for array, name in zip(mine, "AUVbc", strict=True):
            np.testing.assert_allclose(array, getattr(relu_map, name), rtol=1e-12, atol=1e-12, err_msg=name)


@families
def test_initial_parameters_have_the_declared_shapes_and_depend_on_the_generator_alone(family):
    hidden = 9 if family.needs_hidden else None
    draw = [family.initialise(np.random.default_rng(seed), 4, hidden) for seed in (1, 1, 2)]
    assert {name: value.shape for name, value in draw[0].items()} == family.shapes(4, hidden)
    for name in draw[0]:
        np.testing.assert_array_equal(draw[0][name], draw[1][name])
    assert any(not np.array_equal(draw[0][name], draw[2][name]) for name in draw[0])


@families
def test_no_state_lies_on_all_borders_at_the_start(family):
    """With zero biases the origin would."""
    hidden = 9 if family.needs_hidden else None
    relu_map = family.relu_map(family.initialise(np.random.default_rng(0), 4, hidden))
    assert np.any(relu_map.b != 0) or np.any(relu_map.c != 0)
    assert np.any(relu_map(np.zeros(4)) != 0)


@given(latent=st.integers(1, 12), seed=st.integers(0, 2**32 - 1))
def test_scaled_random_matrix_is_positive_definite_with_largest_eigenvalue_one(latent, seed):
    matrix = scaled_random_matrix(np.random.default_rng(seed), latent)
    eigenvalues = np.linalg.eigvalsh(matrix)
    np.testing.assert_array_equal(matrix, matrix.T)
    assert eigenvalues[-1] == pytest.approx(1.0)
    assert eigenvalues[0] > 0


def test_initial_scales():
    """Bounds of the uniform distributions, nearly reached by many draws."""
    values = family_of("shallow_plrnn").initialise(np.random.default_rng(0), 16, 400)
    for name, bound in {"W1": 1 / 20, "W2": 1 / 4, "h2": 1 / 20}.items():
        assert 0.95 * bound < np.abs(values[name]).max() <= bound
    assert np.abs(values["h1"]).max() <= 0.1 / 4


def test_initial_plrnn_is_one_scaled_random_matrix():
    values = family_of("plrnn").initialise(np.random.default_rng(3), 6, None)
    np.testing.assert_array_equal(np.diag(values["A"]) + values["W"], scaled_random_matrix(np.random.default_rng(3), 6))
    np.testing.assert_array_equal(np.diag(values["W"]), 0.0)


def test_unknown_family():
    with pytest.raises(InputError, match=r"model\.name: expected one of .*shallow_plrnn.*, got 'lstm'"):
        family_of("lstm")
