"""Every registered family and forcing has a YAML that names every key."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from lossjumps.data.lorenz63 import Lorenz63Config
from lossjumps.schema import EvaluationConfig, ModelConfig, TrainingConfig
from lossjumps.training.forcing import FORCINGS
from lossjumps.training.models import FAMILIES
from lossjumps.training.validation import check

CONF = Path(__file__).parents[2] / "conf"
LORENZ = Lorenz63Config(name="lorenz63")


def read(group, name):
    return yaml.safe_load((CONF / group / f"{name}.yaml").read_text())


def keys(schema):
    return {field.name for field in dataclasses.fields(schema)}


@pytest.mark.parametrize("name", FAMILIES)
def test_models(name):
    content = read("model", name)
    assert set(content) == keys(ModelConfig)
    assert content["name"] == name
    check(LORENZ, ModelConfig(**content), TrainingConfig(name="bptt"))


@pytest.mark.parametrize("name", FORCINGS)
def test_trainings(name):
    content = read("training", name)
    assert set(content) == keys(TrainingConfig)
    assert set(content["evaluation"]) == keys(EvaluationConfig)
    assert content["name"] == name
    content["evaluation"] = EvaluationConfig(**content["evaluation"])
    check(LORENZ, ModelConfig(**read("model", "shallow_plrnn")), TrainingConfig(**content))


def test_trainings_differ_in_their_forcing_alone():
    """So that the default comparison compares forcings."""
    contents = [read("training", name) for name in FORCINGS]
    for content in contents:
        del content["name"], content["alpha"]
    assert all(content == contents[0] for content in contents)
