"""What the registries of data sets, models and trainings say of a name in the configuration: its schema above all."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from lossjumps.analysis.nulls import MOVING
from lossjumps.configuration.digest import digest, file_digest
from lossjumps.configuration.objects import keys_of, to_object
from lossjumps.data.file import stamp
from lossjumps.data.registry import DATASETS
from lossjumps.errors import InputError, one_of, shown
from lossjumps.maps.families import FAMILIES as MAP_FAMILIES
from lossjumps.schema import EventsConfig, ModelConfig, RecordedConfig, SearchConfig, TrackingConfig, TrainingConfig
from lossjumps.training.forcing import FORCINGS
from lossjumps.training.models import FAMILIES
from lossjumps.training.recorded import RECORDED
from lossjumps.training.recorded.places import places_of

MODELS = (*FAMILIES, *(name for name in MAP_FAMILIES if name not in FAMILIES))
"""Families that can be trained or, recorded elsewhere, analysed."""
TRAININGS: dict[str, type[TrainingConfig | RecordedConfig]] = {
    **dict.fromkeys(FORCINGS, TrainingConfig),
    RECORDED: RecordedConfig,
}
"""The schema of each training."""


def _name(values: Any, group: str, known: Collection[str]) -> str:
    if not isinstance(values, Mapping):
        raise InputError(f"{group}: expected a mapping, got {shown(values)}")
    name = values.get("name")
    if name is None:
        raise InputError(f"{group}.name: {one_of('', known)}, no value given")
    if not isinstance(name, str) or name not in known:
        raise InputError(f"{group}.name: unknown {group} {shown(name)}; {one_of(name, known)}")
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
    _name(values, "model", MODELS)
    return to_object(ModelConfig, values, "model.")


def training_object(values: Mapping[str, Any]) -> TrainingConfig | RecordedConfig:
    """The configuration object of a training; raises `InputError` as `dataset_object` does."""
    return to_object(TRAININGS[_name(values, "training", TRAININGS)], values, "training.")


def events_object(values: Mapping[str, Any]) -> EventsConfig:
    """The configuration object of the events; raises `InputError` as `dataset_object` does."""
    events = to_object(EventsConfig, values, "events.")
    null, known = events.coincidence.null_model, ("auto", *MOVING)
    if null not in known:
        raise InputError(f"events.coincidence.null_model: unknown null model {null!r}; {one_of(null, known)}")
    return events


@cache
def known_keys() -> tuple[str, ...]:
    """Every key below a group, in full: ``training.evaluation.horizon``."""
    schemas = {
        "dataset": [kind.schema for kind in DATASETS.values()],
        "model": [ModelConfig],
        "training": TRAININGS.values(),
        "search": [SearchConfig],
        "events": [EventsConfig],
        "tracking": [TrackingConfig],
    }
    keys = {key: None for group, kinds in schemas.items() for kind in kinds for key in keys_of(kind, f"{group}.")}
    return tuple(keys)


def content_digest(dataset: Any) -> str | None:
    """Digest of what a data set takes from a user's file; None if it is not read from any.

    Raises
    ------
    InputError
        If there is no such file.
    """
    content = DATASETS[dataset.name].content(dataset)
    return digest(content) if content else None


def recording_digest(training: RecordedConfig, seeds: Sequence[int]) -> str:
    """Digest of the names and the content of a user's recordings of these seeds.

    Raises
    ------
    InputError
        If one of them does not exist.
    """
    files = [path for seed in seeds for path in places_of(training, seed).files]
    return digest([[path.name, _digest_of(path, stamp(path))] for path in files])


@lru_cache(maxsize=4096)  # every condition of a sweep may read the same file, and checkpoints are many
def _digest_of(path: Path, state: tuple[str, int, int]) -> str:
    return file_digest(path)


def observed_of(dataset: Any) -> int:
    """Number of observed variables N of a data set, without making it."""
    return DATASETS[dataset.name].n_observed(dataset)
