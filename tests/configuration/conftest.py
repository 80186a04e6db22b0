"""The project's own configuration, composed into a temporary results folder."""

import pytest
from tests.front_doors import CONF, compose_once

from lossjumps.configuration.compose import Composer
from lossjumps.configuration.experiment import read_experiment, with_overrides
from lossjumps.configuration.plan import make_plan


@pytest.fixture(scope="session")
def composer():
    return Composer(CONF)


@pytest.fixture
def plan_of(composer, tmp_path, monkeypatch):
    """Plan an experiment with overrides, in a temporary working directory."""
    monkeypatch.chdir(tmp_path)

    def plan(*overrides, experiment="smoke"):
        return make_plan(composer, with_overrides(composer, read_experiment(composer, experiment), overrides))

    return plan


@pytest.fixture
def working_directory(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    compose_once(monkeypatch)
    return tmp_path / "here"
