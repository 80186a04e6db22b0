"""What the registries of data sets, models and trainings say of a name in the configuration: its schema above all."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from lossjumps.configuration.digest import digest, file_digest
from lossjumps.configuration.objects import to_object
from lossjumps.data.file import stamp
from lossjumps.data.registry import DATASETS
from lossjumps.errors import InputError, one_of
from lossjumps.schema import ModelConfig, TrainingConfig
from lossjumps.training.forcing import FORCINGS
from lossjumps.training.models import FAMILIES


def _name(values: Any, group: str, known: Mapping[str, Any]) -> str:
    if not isinstance(values, Mapping):
        raise InputError(f"{group}: expected a mapping, got {values!r}")
    name = values.get("name")
    if not isinstance(name, str) or name not in known:
        raise InputError(f"{group}.name: unknown {group} {name!r}; {one_of(name, known)}")
    return name


def dataset_object(values: Mapping[str, Any]) -> Any:
    """The configuration object of a data set; its `name` decides the schema.

    Raises
    ------
    InputError
        If the name or a key is unknown, or a value is refused.
    """
    return to_object(DATASETS[_name(values, "dataset", DATASETS)].schema, values, "dataset.")


def model_object(values: Mapping[str, Any]) -> ModelConfig:
    """The configuration object of a model; raises `InputError` as `dataset_object` does."""
    _name(values, "model", FAMILIES)
    return to_object(ModelConfig, values, "model.")


def training_object(values: Mapping[str, Any]) -> TrainingConfig:
    """The configuration object of a training; raises `InputError` as `dataset_object` does."""
    _name(values, "training", FORCINGS)
    return to_object(TrainingConfig, values, "training.")


def content_digest(dataset: Any) -> str | None:
    """Digest of the content of the user's files that a data set is read from; None if it is not read from any.

    Raises
    ------
    InputError
        If there is no such file.
    """
    files = DATASETS[dataset.name].files(dataset)
    return digest([_digest_of(path, stamp(path)) for path in files]) if files else None


@lru_cache(maxsize=64)  # every condition of a sweep may read the same file
def _digest_of(path: Path, state: tuple[str, int, int]) -> str:
    return file_digest(path)


def observed_of(dataset: Any) -> int:
    """Number of observed variables N of a data set, without making it."""
    return DATASETS[dataset.name].n_observed(dataset)
