"""Configuration files with mistakes: one line names file, line and key; status 2, nothing written."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.front_doors import CONF, refused_by_workflow

from lossjumps.configuration.request import workflow_request
from lossjumps.stages.plan import plan_table

pytestmark = pytest.mark.usefixtures("working_directory")


@pytest.fixture
def own(tmp_path):
    """A configuration folder of one's own."""
    return Path(shutil.copytree(CONF, tmp_path / "own"))


GTF = "training/gtf.yaml"

FILES = {
    "a bracket left open": (GTF, "name: [\n", "own/training/gtf.yaml: line 2: expected YAML, "),
    "a tab": (GTF, "name: gtf\n\talpha: 1\n", "own/training/gtf.yaml: line 2: expected YAML, found a tab"),
    "empty": (GTF, "", "own/training/gtf.yaml: expected a mapping of keys to values, the file is empty"),
    "a list": (GTF, "- alpha\n", "own/training/gtf.yaml: expected a mapping of keys to values, got ['alpha']"),
    "a text": (GTF, "gtf", "own/training/gtf.yaml: expected a mapping of keys to values, got 'gtf'"),
    "a key twice": (GTF, "name: gtf\nalpha: 1\nalpha: 0\n", "own/training/gtf.yaml: line 3: expected YAML, found the"),
    "a key too many": (GTF, "name: gtf\nalpa: 1\n", "own/training/gtf.yaml: training.alpa: unknown key; expected one"),
    "a key too deep": (GTF, "name: gtf\nevaluation: {a: 1}\n", "gtf.yaml: training.evaluation.a: unknown key; expecte"),
    "text for a number": (GTF, "name: gtf\nalpha: x\n", "gtf.yaml: training.alpha: expected null or a number, got 'x'"),
    "a decimal comma": (GTF, "name: gtf\nalpha: 0,1\n", "training.alpha: expected null or a number, got '0,1'"),
    "not a number": (GTF, "name: gtf\nalpha: .nan\n", "gtf.yaml: training.alpha: expected a number in [0, 1], got nan"),
    "no name": (GTF, "alpha: 0.1\n", "own/training/gtf.yaml: training.name: expected one of bptt, gtf, recorded, no v"),
    "a wrong name": (GTF, "name: gft\n", "own/training/gtf.yaml: training.name: unknown training 'gft'; expected one"),
    "a reference": (GTF, "name: gtf\nalpha: ${a.b}\n", "own/training/gtf.yaml: training.alpha: no value for ${a.b}"),
    "latin-1": (GTF, b"name: gtf # \xe4\n", "own/training/gtf.yaml: expected YAML in UTF-8, "),
    "binary": (GTF, b"name: gtf\0\n", "own/training/gtf.yaml: expected YAML in UTF-8, "),
    "alpha left out": (GTF, "name: gtf\n", "training.alpha: expected the forcing strength of gtf, a number in [0, 1]"),
    "config.yaml, empty": ("config.yaml", "", "own/config.yaml: expected a mapping of keys to values, the file is emp"),
    "config.yaml, no defaults": ("config.yaml", "seed: 0\n", "own/config.yaml: defaults: expected a list that chooses"),
    "config.yaml, defaults": ("config.yaml", "defaults: lorenz63\n", "own/config.yaml: defaults: expected a list that"),
    "config.yaml, a key": ("config.yaml", "sed: 0\n", "own/config.yaml: sed: unknown key; expected one of "),
}


@pytest.mark.parametrize("case", FILES)
def test_files_of_options(capsys, own, case):
    name, content, message = FILES[case]
    (own / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert message in refused_by_workflow(capsys, ["training=gtf"], conf=Path(os.path.relpath(own)))


def test_values_of_config_yaml_are_placed_there(capsys, own):
    path = own / "config.yaml"
    path.write_text(path.read_text().replace("seeds_per_batch: 8", "seeds_per_batch: 0"))
    assert f"{path}: seeds_per_batch: expected an integer >= 1, got 0" in refused_by_workflow(capsys, conf=own)
    path.write_text(path.read_text().replace("training: bptt", "training: bppt").replace("_batch: 0", "_batch: 8"))
    (own / "experiment" / "plain.yaml").write_text("description: nothing else\n")
    said = refused_by_workflow(capsys, conf=own, experiment="plain")
    assert "training: unknown option 'bppt'; expected one of bptt, gtf, recorded; did you mean bptt?" in said


@pytest.mark.parametrize("group", ["dataset", "training", "events", "experiment"])
def test_a_folder_with_some_groups_alone(capsys, own, group):
    shutil.rmtree(own / group)
    assert f"{own / group}: expected a folder with YAML files in it, found none" in refused_by_workflow(
        capsys, conf=own
    )


EXPERIMENTS = {
    "empty": ("", "expected a mapping of keys to values, the file is empty"),
    "a bracket left open": ("sweep: [", "line 2: expected YAML, "),
    "an unknown key": ("sweeps: {seed: 1}", "sweeps: unknown key; expected one of description, kind, overrides, sweep"),
    "an unknown kind": ("kind: trainin", "kind: unknown kind 'trainin'; expected one of training; did you mean traini"),
    "no kind": ("kind:", "kind: unknown kind null; expected one of training"),
    "a description": ("description: [a]", "description: expected text, got ['a']"),
    "a text of overrides": ("overrides: seed=1", "overrides: expected a list of texts such as training.epochs=500"),
    "a mapping of overrides": ("overrides: [seed: 1]", "overrides: expected a list of texts such as training.epochs=5"),
    "an override": ("overrides: [seed]", "seed: expected key=value, such as training.epochs=500"),
    "an option": ("overrides: [dataset=mine]", "dataset: unknown option 'mine'; expected one of file, lorenz63"),
    "a sweep": ("sweep: seed", "sweep: expected a mapping such as seed: range(0,8)"),
    "a list": ("sweep: {seed: [1, 2]}", "sweep: seed: expected a sweep such as 0.1,0.5 or range(0,8), got [1, 2]"),
    "nothing": ("sweep: {seed: }", "sweep: seed: expected a sweep such as 0.1,0.5 or range(0,8), got null"),
    "a comma too many": ("sweep: {seed: '0,1,'}", "seed=0,1,: expected key=value, values to sweep as value,value or r"),
    "an empty range": ("sweep:\n  seed: range(0,0)", "seed=range(0,0): the sweep is empty; expected at least one valu"),
    "an unknown option": ("sweep: {training: 'gtf,gft'}", "training: unknown option 'gft'; expected one of bptt, gtf,"),
    "an unknown key of it": ("sweep: {trainin.alpha: 1}", "trainin.alpha: unknown key; expected one of "),
    "swept and fixed": ("overrides: [seed=1]\nsweep: {seed: '1,2'}", "seed: expected to be given once, got seed=1 and"),
    "fixed twice": ("overrides: [model.hidden=1, model.hidden=2]", "model.hidden: expected to be given once, got mode"),
    "swept twice": ("sweep:\n  seed: 1\n  seed: 2\n", "line 3: expected YAML, found the key seed twice"),
}


@pytest.mark.parametrize("case", EXPERIMENTS)
def test_files_of_experiments(capsys, own, case):
    text, message = EXPERIMENTS[case]
    (own / "experiment" / "mine.yaml").write_text(text)
    said = refused_by_workflow(capsys, conf=own, experiment="mine")
    assert said.startswith(f"{own / 'experiment' / 'mine.yaml'}: {message}")


@pytest.mark.parametrize("name", ["my experiment", "{batch}", "-x", ".x", "a,b", "a=b", "über", "a'b"])
def test_names_that_folders_and_rules_cannot_carry(capsys, own, name):
    expected = "expected a name of letters, digits, _, - and ., the first a letter or a digit"
    (own / "experiment" / f"{name}.yaml").write_text("kind: training\n")
    said = refused_by_workflow(capsys, conf=own, experiment=name)
    assert said == f"{own / 'experiment' / name}.yaml: {expected}"
    shutil.copy(own / "dataset" / "lorenz63.yaml", own / "dataset" / f"{name}.yaml")
    if "'" not in name:
        said = refused_by_workflow(capsys, [f"dataset='{name}'"], conf=own)
        assert said == f"{own / 'dataset' / name}.yaml: {expected}"


@pytest.mark.parametrize("name", ["2024", "lorenz-63.b", "null"])
def test_names_that_they_can_carry(own, name):
    shutil.copy(own / "dataset" / "lorenz63.yaml", own / "dataset" / f"{name}.yaml")
    shutil.copy(own / "experiment" / "smoke.yaml", own / "experiment" / f"{name}.yaml")
    plan = workflow_request({"experiment": name, "overrides": [f"dataset='{name}'"]}, own).plan()
    assert {row["dataset"] for row in plan.rows} == {name}


def test_text_that_is_a_number_is_one_everywhere(own, working_directory):
    """`1e-3` without a point is a text for YAML, and a quoted number is one for overrides."""
    (own / GTF).write_text("name: gtf\nalpha: 1e-3\nlearning_rate: '2e-3'\n")
    plan = workflow_request({"experiment": "smoke", "overrides": "training=gtf model.hidden='7',8"}, own).plan()
    table = plan_table(plan)
    assert list(table["model.hidden"].unique()) == [7, 8] and table["model.hidden"].dtype == np.int64
    table.to_parquet(working_directory / "plan.parquet")
    assert pd.read_parquet(working_directory / "plan.parquet").equals(table)
    for condition in plan.conditions:
        assert (condition.configuration.training.alpha, condition.configuration.training.learning_rate) == (1e-3, 2e-3)
