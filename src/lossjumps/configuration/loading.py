"""Reading back the configuration files of an experiment's folder, for the stages."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from lossjumps.configuration.objects import to_object
from lossjumps.configuration.registries import dataset_object, model_object, training_object
from lossjumps.errors import InputError, shown
from lossjumps.schema import (
    EventsConfig,
    ModelConfig,
    RecordedConfig,
    SearchConfig,
    TrackingConfig,
    TrainingConfig,
    require,
)

T = TypeVar("T")

BATCH_KEYS = ("condition", "label", "data", "seeds", "dataset", "model", "training")


@dataclass(frozen=True)
class Batch:
    """A chunk of seeds of one configuration, trained and analysed in one process."""

    folder: Path
    name: str
    condition: str
    """`<dataset>-<model>-<training>-<digest>` of the configuration without its seed."""
    label: str
    """The condition for people: names of data set, model and training."""
    seeds: tuple[int, ...]
    runs: tuple[str, ...]
    """`<condition>-s<seed>`, in the order of `seeds`."""
    dataset: Any
    model: ModelConfig
    training: TrainingConfig | RecordedConfig
    data_file: Path
    experiment_folder: Path


@dataclass(frozen=True)
class Settings:
    """What all runs of an experiment share and a training does not depend on."""

    search: SearchConfig
    events: EventsConfig
    tracking: TrackingConfig


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Reads plain values; a key that stands twice is refused, where YAML would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"found the key {key.value} twice", problem_mark=key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises
    ------
    InputError
        If the file is missing, is no YAML or holds no mapping.
    """
    path = Path(path)
    try:
        content = yaml.load(path.read_bytes(), Loader=_Loader)
    except FileNotFoundError:
        raise InputError(f"{path}: file not found") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise InputError(f"{path}: {where}expected YAML, {error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:
        reason = str(error).splitlines()[0].replace("#x00", "0x")
        raise InputError(f"{path}: expected YAML in UTF-8, {reason}") from None
    if not isinstance(content, Mapping):
        found = "the file is empty" if content is None else f"got {shown(content)}"
        raise InputError(f"{path}: expected a mapping of keys to values, {found}")
    return dict(content)


def load_batch(folder: Path) -> Batch:
    """Read the configuration of a batch.

    Parameters
    ----------
    folder : Path
        ``results/<experiment>/batches/<batch>``.

    Raises
    ------
    InputError
        If the folder is no batch folder or its ``config.yaml`` does not fit the schemas.
    """
    folder = Path(folder)
    if len(folder.parts) < 3:  # such as ".": the experiment's folder is not in the name
        folder = folder.resolve()
    path = folder / "config.yaml"
    if not path.is_file():
        raise InputError(f"{folder}: expected a batch folder with config.yaml in it")
    content = read_mapping(path)
    missing = [key for key in BATCH_KEYS if key not in content]
    if missing:
        raise InputError(f"{path}: key {missing[0]} is missing")
    try:
        dataset = dataset_object(content["dataset"])
        model = model_object(content["model"])
        training = training_object(content["training"])
        seeds = _seeds(content["seeds"])
        for key in ("condition", "label", "data"):
            require(isinstance(content[key], str), key, "text", content[key])
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    experiment = folder.parent.parent
    return Batch(
        folder=folder,
        name=folder.name,
        condition=content["condition"],
        label=content["label"],
        seeds=seeds,
        runs=tuple(f"{content['condition']}-s{seed}" for seed in seeds),
        dataset=dataset,
        model=model,
        training=training,
        data_file=experiment / "data" / f"{content['data']}.npz",
        experiment_folder=experiment,
    )


def _seeds(value: Any) -> tuple[int, ...]:
    are_seeds = isinstance(value, list) and all(type(seed) is int and seed >= 0 for seed in value)
    require(are_seeds and len(set(value)) == len(value) > 0, "seeds", "a list of distinct integers >= 0", value)
    return tuple(value)


def _load_group(experiment_folder: Path, group: str, schema: type[T]) -> T:
    path = Path(experiment_folder) / "settings" / f"{group}.yaml"
    try:
        return to_object(schema, read_mapping(path), f"{group}.")
    except InputError as error:
        message = str(error)
        raise InputError(message if message.startswith(str(path)) else f"{path}: {message}") from None


def load_search(experiment_folder: Path) -> SearchConfig:
    """Read ``settings/search.yaml`` of an experiment; raises `InputError` if it is missing or does not fit."""
    return _load_group(experiment_folder, "search", SearchConfig)


def load_events(experiment_folder: Path) -> EventsConfig:
    """Read ``settings/events.yaml`` of an experiment; raises `InputError` if it is missing or does not fit."""
    return _load_group(experiment_folder, "events", EventsConfig)


def load_tracking(experiment_folder: Path) -> TrackingConfig:
    """Read ``settings/tracking.yaml`` of an experiment; raises `InputError` if it is missing or does not fit."""
    return _load_group(experiment_folder, "tracking", TrackingConfig)


def load_settings(experiment_folder: Path) -> Settings:
    """Read all settings of an experiment; raises `InputError` if a file is missing or does not fit."""
    return Settings(load_search(experiment_folder), load_events(experiment_folder), load_tracking(experiment_folder))


def load_dataset_config(path: Path) -> Any:
    """Read the resolved configuration of a data set, ``data/<dataset>-<digest>.yaml``.

    Raises
    ------
    InputError
        If the file is missing or does not fit the schema of its data set.
    """
    content = read_mapping(path)
    try:
        return dataset_object(content)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
