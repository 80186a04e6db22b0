"""Regularisers by hand."""

import numpy as np
import pytest

from lossjumps.schema import TrainingConfig
from lossjumps.training.models import FAMILIES
from lossjumps.training.parameters import FlatParameters
from lossjumps.training.regularisers import manifold_attractor, regularisation


def parameters(family, runs=2):
    layout = FlatParameters(family, 4, 3 if family.needs_hidden else None, 2)
    return layout, layout.initial([np.random.default_rng(run) for run in range(runs)])


def test_nothing_is_added_unless_it_is_asked_for():
    layout, flat = parameters(FAMILIES["plrnn"])
    assert regularisation(layout.network(flat), flat, TrainingConfig()) is None


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_both_are_sums_of_squares(family):
    layout, flat = parameters(family)
    training = TrainingConfig(l2=0.5, manifold_attractor=0.25, manifold_share=0.75)
    found = regularisation(layout.network(flat), flat, training)
    for run in range(2):
        own = flat[run].detach().numpy()
        relu_map = family.relu_map({name: array for name, array in layout.arrays(own).items() if name != "L"})
        rows = slice(1, 4)  # floor(0.75 x 4) = 3 of 4 states
        drawn = ((relu_map.A - np.eye(4))[rows] ** 2).sum() + (relu_map.U[rows] ** 2).sum()
        drawn += (relu_map.c[rows] ** 2).sum()
        assert found[run].item() == pytest.approx(0.5 * (own**2).sum() + 0.25 * drawn, rel=1e-13)


def test_the_gradient_pulls_the_regularised_states_alone():
    layout, flat = parameters(FAMILIES["shallow_plrnn"])
    manifold_attractor(layout.network(flat), 1).sum().backward()
    slopes = {name: slope.numpy() for name, slope in layout.views(flat.grad).items()}
    values = {name: value.detach().numpy() for name, value in layout.views(flat).items()}
    np.testing.assert_allclose(slopes["A"][:, 3], 2 * (values["A"][:, 3] - 1))
    np.testing.assert_allclose(slopes["W1"][:, 3], 2 * values["W1"][:, 3])
    np.testing.assert_allclose(slopes["h1"][:, 3], 2 * values["h1"][:, 3])
    for name in ("A", "W1", "h1"):
        assert (slopes[name][:, :3] == 0).all()
    assert (slopes["W2"] == 0).all() and (slopes["h2"] == 0).all()
