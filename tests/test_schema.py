"""Schemas default to what `conf/` says (sizes of models are each family's own); what is not finite is refused."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from lossjumps.configuration.objects import to_mapping
from lossjumps.configuration.registries import TRAININGS
from lossjumps.data.lorenz63 import Lorenz63Config
from lossjumps.data.registry import DATASETS
from lossjumps.errors import InputError
from lossjumps.schema import (
    DatasetConfig,
    EventsConfig,
    GeneralConfig,
    JumpsConfig,
    SearchConfig,
    TrackingConfig,
    TrainingConfig,
)

CONF = Path(__file__).parents[1] / "conf"
SCHEMAS = {
    "search": SearchConfig,
    "events": EventsConfig,
    "tracking": TrackingConfig,
}
OPTIONS = sorted(path for group in ("dataset", "training") for path in (CONF / group).glob("*.yaml"))
OPTIONS += [CONF / group / "default.yaml" for group in SCHEMAS]  # others are there to say something else


def leaves(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@pytest.mark.parametrize("path", OPTIONS, ids=lambda path: f"{path.parent.name}={path.stem}")
def test_an_option_in_yaml_says_what_the_schema_says(path):
    content = yaml.safe_load(path.read_text())
    group = path.parent.name
    schemas = {"dataset": lambda name: DATASETS[name].schema, "training": TRAININGS.__getitem__}
    schema = schemas[group](content["name"]) if group in schemas else SCHEMAS[group]
    defaults = dict(leaves(_defaults(schema)))
    said = {key: value for key, value in leaves(content) if key != "name"}
    if content.get("name") == "gtf":
        assert said.pop("alpha") is not None  # its own; the schema's is null
    assert (said or content["name"] == "none") and said == {key: defaults[key] for key in said}


def _defaults(schema):
    """A schema's defaults, of one with values that have to be given as well."""
    return {
        entry.name: to_mapping(entry.default_factory())
        if dataclasses.is_dataclass(entry.default_factory)
        else (entry.default_factory() if entry.default is dataclasses.MISSING else entry.default)
        for entry in dataclasses.fields(schema)
    }


def test_general_keys():
    content = yaml.safe_load((CONF / "config.yaml").read_text())
    del content["defaults"]
    assert content == to_mapping(GeneralConfig())


@pytest.mark.parametrize(
    ("schema", "key", "name"),
    [
        (TrainingConfig, "learning_rate", "training.learning_rate"),
        (TrainingConfig, "learning_rate_end", "training.learning_rate_end"),
        (DatasetConfig, "noise", "dataset.noise"),
        (Lorenz63Config, "sigma", "dataset.sigma"),
        (Lorenz63Config, "rho", "dataset.rho"),
        (Lorenz63Config, "beta", "dataset.beta"),
        (JumpsConfig, "threshold", "events.jumps.threshold"),
        (JumpsConfig, "min_change", "events.jumps.min_change"),
    ],
)
@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_what_is_not_finite_is_refused(schema, key, name, value):
    with pytest.raises(InputError, match=rf"{name}: expected a finite .*, got {value}"):
        schema(**{key: value})
