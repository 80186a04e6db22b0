"""Which combinations of data set, model and training can be trained: checked before any job starts, without torch."""

from typing import Any

from lossjumps.data.registry import kind_of
from lossjumps.errors import InputError
from lossjumps.schema import ModelConfig, TrainingConfig, require
from lossjumps.training.forcing import forcing_of
from lossjumps.training.models import family_of


def check(dataset: Any, model: ModelConfig, training: TrainingConfig) -> None:
    """Check that a training with this configuration is possible.

    Parameters
    ----------
    dataset, model, training
        Configuration objects; each is already valid by itself.

    Raises
    ------
    InputError
        Naming the key that does not fit the others, and what was expected.
    """
    kind = kind_of(dataset)
    kind.check(dataset)
    check_series(model, training, kind.n_observed(dataset), dataset.length_train, dataset.length_test)


def check_series(
    model: ModelConfig, training: TrainingConfig, observed: int, length_train: int, length_test: int
) -> None:
    """Check that a training is possible on series of N = `observed` variables and these lengths.

    Raises
    ------
    InputError
        As `check` does.
    """
    _check_model(model, observed)
    _check_forcing(training)
    for series, length, key, steps in (
        ("length_train", length_train, "training.sequence_length", training.sequence_length),
        ("length_test", length_test, "training.evaluation.horizon_long", training.evaluation.horizon_long),
    ):
        require(steps < length, key, f"less than dataset.{series} = {length}", steps)


def _check_model(model: ModelConfig, observed: int) -> None:
    family = family_of(model.name)
    if family.needs_hidden and model.hidden is None:
        raise InputError(f"model.hidden: expected the number of hidden units of {model.name}, got null")
    if not family.needs_hidden and model.hidden is not None:
        raise InputError(f"model.hidden: expected null ({model.name} has no hidden units), got {model.hidden}")
    require(
        model.latent is None or model.latent >= observed,
        "model.latent",
        f"null or at least {observed}, the number of observed variables",
        model.latent,
    )


def _check_forcing(training: TrainingConfig) -> None:
    forcing = forcing_of(training.name)
    if forcing.needs_alpha and training.alpha is None:
        raise InputError(f"training.alpha: expected the forcing strength of {training.name}, a number in [0, 1]")
    if not forcing.needs_alpha and training.alpha is not None:
        raise InputError(f"training.alpha: expected null ({training.name} has no forcing), got {training.alpha}")
