"""Losses of recorded networks are those that a training made here is evaluated by."""

import numpy as np
import pytest

from lossjumps.maps.families import FAMILIES
from lossjumps.schema import EvaluationConfig, ModelConfig, TrainingConfig
from lossjumps.training.loop import train
from lossjumps.training.parameters import FlatParameters
from lossjumps.training.recorded.evaluation import SIDE_BY_SIDE, evaluated_losses

EVALUATION = EvaluationConfig(sequences=3, horizon=4, horizon_long=12, alpha=0.3)


@pytest.mark.parametrize(("model", "latent"), [("shallow_plrnn", 2), ("shallow_plrnn", 3), ("plrnn", 4)])
def test_a_training_of_ours_is_evaluated_as_it_was(model, latent):
    series = np.random.default_rng(4).standard_normal((80, 2))
    config = ModelConfig(model, latent, hidden=5 if model == "shallow_plrnn" else None)
    epochs = SIDE_BY_SIDE + 3
    training = TrainingConfig("bptt", epochs=epochs, batch_size=2, sequence_length=8, evaluation=EVALUATION)
    recording = train(series, series, config, training, [6])
    parameters = FlatParameters.of(config, observed=2).arrays(recording.parameters[0])
    maps = [
        FAMILIES[model].relu_map({key: array[epoch] for key, array in parameters.items()})
        for epoch in range(epochs + 1)
    ]
    losses = evaluated_losses(maps, parameters.get("L"), series, EVALUATION)
    for name, values in losses.items():
        np.testing.assert_allclose(values, recording.history[name][0], rtol=1e-9)


def test_a_network_that_diverges_has_an_infinite_loss():
    growing = FAMILIES["plrnn"].relu_map({"A": [1e100], "W": [[0.0]], "h": [1.0]})
    losses = evaluated_losses([growing], None, np.ones((20, 1)), EVALUATION)
    assert all(np.isinf(values).all() for values in losses.values())
