"""The evaluation losses against plain loops over the canonical map."""

import numpy as np
import pytest
import torch

from lossjumps.schema import EvaluationConfig
from lossjumps.training.losses import Evaluation
from lossjumps.training.models import FAMILIES
from lossjumps.training.parameters import FlatParameters
from lossjumps.training.sequences import Compiled
from lossjumps.training.state_space import divergence_from


def plain_losses(relu_map, embed, series, starts, horizon, horizon_long, alpha, further):
    free, short, forced, states = [], [], [], []
    for start in starts:
        orbit = relu_map.orbit(embed(series[start]), horizon_long + further)[1:, : series.shape[1]]
        states.append(orbit[horizon_long:])
        errors = (orbit[:horizon_long] - series[start + 1 : start + 1 + horizon_long]) ** 2
        free.append(errors)
        short.append(errors[:horizon])
        z = embed(series[start])
        for x in series[start + 1 : start + 1 + horizon_long]:
            z = relu_map(z)
            forced.append((z[: len(x)] - x) ** 2)
            z = (1 - alpha) * z + alpha * embed(x)
    return {
        "loss_free": np.mean(short),
        "loss_free_long": np.mean(free),
        "loss_forced": np.mean(forced),
        "state_space_divergence": divergence_from(series, 6).of(np.array([states]))[0],
    }


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
@pytest.mark.parametrize("latent", [2, 3])
def test_evaluation_losses(family, latent):
    series = np.random.default_rng(0).standard_normal((31, 2))
    layout = FlatParameters(family, latent, 4 if family.needs_hidden else None, 2)
    flat = layout.initial([np.random.default_rng(seed) for seed in range(3)]).detach()
    evaluation = Evaluation.from_series(
        torch.from_numpy(series), EvaluationConfig(3, 2, 10, 0.3, state_space_steps=17, state_space_bins=6)
    )
    measured = evaluation.losses(layout.network(flat), Compiled())
    arrays = layout.arrays(flat.numpy())
    for run in range(3):
        p = {name: values[run] for name, values in arrays.items()}

        def embed(x, p=p):
            return np.concatenate([x, p["L"] @ x]) if latent > 2 else x

        # 31 samples hold starts 0 to 20.
        expected = plain_losses(family.relu_map(p), embed, series, (0, 10, 20), 2, 10, 0.3, 17)
        assert set(measured) == set(expected)
        for name, value in expected.items():
            assert measured[name][run] == pytest.approx(value, rel=1e-12), name


def test_free_losses_do_not_depend_on_the_evaluation_alpha():
    family = FAMILIES["shallow_plrnn"]
    series = np.random.default_rng(0).standard_normal((60, 2))
    layout = FlatParameters(family, 2, 4, 2)
    flat = layout.initial([np.random.default_rng(seed) for seed in range(2)]).detach()
    measured = [
        Evaluation.from_series(
            torch.from_numpy(series), EvaluationConfig(3, horizon=5, horizon_long=10, alpha=alpha)
        ).losses(layout.network(flat), Compiled())
        for alpha in (0.0, 0.7)
    ]
    for name in ("loss_free", "loss_free_long"):
        np.testing.assert_array_equal(measured[0][name], measured[1][name])
    np.testing.assert_array_equal(measured[0]["loss_forced"], measured[0]["loss_free_long"])
    assert (measured[1]["loss_forced"] != measured[1]["loss_free_long"]).all()


def test_losses_that_overflow_are_infinite_and_others_untouched():
    """z -> a z from 1: after 10 steps of a = 1e40 nothing finite is left, after 2 it is; a = 0 stays finite."""
    family = FAMILIES["plrnn"]
    flat = torch.tensor([[1e40, 0.0, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    layout = FlatParameters(family, 1, None, 1)
    evaluation = Evaluation.from_series(torch.ones(11, 1).double(), EvaluationConfig(1, 2, 10, alpha=1.0))
    measured = evaluation.losses(layout.network(flat), Compiled())
    assert measured["loss_free"][0] == pytest.approx(0.5e160)
    assert measured["loss_free_long"][0] == np.inf
    assert measured["loss_forced"][0] == pytest.approx(1e80)
    assert measured["state_space_divergence"][0] == np.inf
    # At 0, where no sample is: all data in one bin, all states in another.
    assert measured["state_space_divergence"][1] == pytest.approx(np.log(160 / 1e-5), rel=1e-3)
    assert [measured[name][1] for name in ("loss_free", "loss_free_long", "loss_forced")] == [1.0, 1.0, 1.0]


def test_a_divergence_that_is_not_asked_for_is_not_measured():
    layout = FlatParameters(FAMILIES["plrnn"], 1, None, 1)
    flat = layout.initial([np.random.default_rng(0)]).detach()
    config = EvaluationConfig(1, 2, 10, state_space_steps=0)
    evaluation = Evaluation.from_series(torch.ones(11, 1).double(), config)
    assert np.isnan(evaluation.losses(layout.network(flat), Compiled())["state_space_divergence"]).all()
