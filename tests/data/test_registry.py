"""Every registered data set, also later ones: its schema, its YAML and its series fit together."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import yaml

from lossjumps.data.registry import DATASETS, kind_of
from lossjumps.errors import InputError
from lossjumps.schema import DatasetConfig

CONF = Path(__file__).parents[2] / "conf"
kinds = pytest.mark.parametrize("kind", DATASETS.values(), ids=DATASETS.keys())
WITH_DATA = [kind for name, kind in DATASETS.items() if name != "none"]
with_data = pytest.mark.parametrize("kind", WITH_DATA, ids=[kind.name for kind in WITH_DATA])


def small(kind, tmp_path):
    keys = {"name": kind.name, "length_train": 60, "length_test": 40}
    if kind.name == "file":
        np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((200, 2)))
        keys |= {"path": str(tmp_path / "x.npy"), "embedding_dimension": 3}
    return kind.schema(**keys)


@with_data
def test_series_have_the_lengths_and_width_that_planning_knows(kind, tmp_path):
    config = small(kind, tmp_path)
    series = kind.load(config)
    assert kind_of(config) is kind
    assert series.train.shape == series.noise.shape == (60, kind.n_observed(config))
    assert series.test.shape == (40, kind.n_observed(config))
    np.testing.assert_allclose((series.train - series.noise).mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose((series.train - series.noise).std(axis=0), 1)
    again = kind.load(config)
    for name, array in series.arrays().items():
        np.testing.assert_array_equal(array, again.arrays()[name])


@kinds
def test_yaml_names_every_key_of_the_schema(kind):
    content = yaml.safe_load((CONF / "dataset" / f"{kind.name}.yaml").read_text())
    assert set(content) == {field.name for field in dataclasses.fields(kind.schema)}
    assert content["name"] == kind.name
    assert issubclass(kind.schema, DatasetConfig) == (kind.name != "none")


def test_no_data_are_series_of_no_variables():
    kind = DATASETS["none"]
    series = kind.load(kind.schema(name="none"))
    assert series.train.shape == series.test.shape == (0, kind.n_observed(None)) == (0, 0)


def test_unknown_name():
    with pytest.raises(InputError, match=r"dataset\.name: expected one of .*lorenz63.*, got 'lorenz'"):
        kind_of(DatasetConfig(name="lorenz"))
