"""A series and configurations of small trainings: what several tests share."""

import numpy as np

from lossjumps.schema import EvaluationConfig, ModelConfig, TrainingConfig
from lossjumps.training.models import FAMILIES


def random_walk(samples, observed, seed=0):
    series = np.random.default_rng(seed).standard_normal((samples, observed)).cumsum(axis=0)
    return (series - series.mean(axis=0)) / series.std(axis=0)


def config(name="gtf", alpha=0.3, **keys):
    defaults = {
        "epochs": 3,
        "updates_per_epoch": 2,
        "batch_size": 3,
        "sequence_length": 7,
        "learning_rate": 0.01,
        "learning_rate_end": 0.001,
        "evaluation": EvaluationConfig(sequences=4, horizon=3, horizon_long=9, alpha=0.2),
    }
    return TrainingConfig(name=name, alpha=alpha if name == "gtf" else None, **(defaults | keys))


def model(name="shallow_plrnn", latent=None, hidden=5):
    return ModelConfig(name=name, latent=latent, hidden=hidden if FAMILIES[name].needs_hidden else None)
