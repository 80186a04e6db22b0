"""Which combinations of data set, model and training are possible: checked before any job starts, without torch."""

from typing import Any

from lossjumps.data.registry import kind_of
from lossjumps.data.series import check_size
from lossjumps.errors import InputError, one_of
from lossjumps.maps.families import FAMILIES as MAP_FAMILIES
from lossjumps.schema import EvaluationConfig, ModelConfig, RecordedConfig, TrainingConfig, require
from lossjumps.training.forcing import forcing_of
from lossjumps.training.models import FAMILIES, family_of
from lossjumps.training.recorded import RECORDED


def check(dataset: Any, model: ModelConfig, training: TrainingConfig | RecordedConfig) -> None:
    """Check that a training with this configuration is possible; of one made elsewhere, that of its data set alone.

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
    observed = kind.n_observed(dataset)
    if observed:
        check_size(dataset.length_train + dataset.length_test, observed, "dataset.length_train, dataset.length_test")
    kind.check(dataset)
    if training.name == RECORDED:
        if observed:
            _check_horizon(training.evaluation, dataset.length_test)
        return
    if observed == 0:
        raise InputError(f"dataset: {dataset.name} has nothing to train on; it is for training={RECORDED} alone")
    check_series(model, training, observed, dataset.length_train, dataset.length_test)


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
    states = model.latent or observed
    require(
        not training.manifold_attractor or int(training.manifold_share * states) >= 1,
        "training.manifold_share",
        f"at least 1 / {states}, one of the {states} states",
        training.manifold_share,
    )
    require(
        training.sequence_length < length_train,
        "training.sequence_length",
        f"less than dataset.length_train = {length_train}",
        training.sequence_length,
    )
    _check_horizon(training.evaluation, length_test)


def _check_horizon(evaluation: EvaluationConfig, length_test: int) -> None:
    require(
        evaluation.horizon_long < length_test,
        "training.evaluation.horizon_long",
        f"less than dataset.length_test = {length_test}",
        evaluation.horizon_long,
    )
    starts = length_test - evaluation.horizon_long
    require(
        evaluation.sequences <= starts,
        "training.evaluation.sequences",
        f"at most {starts}, the starts that dataset.length_test - training.evaluation.horizon_long leaves",
        evaluation.sequences,
    )


def _check_model(model: ModelConfig, observed: int) -> None:
    if model.name not in FAMILIES and model.name in MAP_FAMILIES:
        raise InputError(
            f"model: {model.name} can be analysed, by training={RECORDED}, but not trained; to train, "
            f"{one_of(model.name, FAMILIES)}"
        )
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
