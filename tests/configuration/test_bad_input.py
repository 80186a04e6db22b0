"""What a user mistypes, in configurations, experiments and on the command line: one line, status 2, nothing written."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lossjumps.command_line import main
from lossjumps.configuration.announce import plan_or_exit
from lossjumps.configuration.request import workflow_request
from lossjumps.stages.plan import plan_table

from ..front_doors import CONF, compose_once, contents, refused_by_command, refused_by_workflow

TRAIN_ON_LORENZ = "dataset=lorenz63 training=gtf"
LARGEST = 2**63 - 1


@pytest.fixture(autouse=True)
def working_directory(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    compose_once(monkeypatch)
    return tmp_path / "here"


KEYS_AND_OPTIONS = [
    ("dataset=lorenz", "dataset: unknown option 'lorenz'; expected one of file, lorenz63, none, santafe_laser, vander"),
    ("dataset=lorenz", "; did you mean lorenz63?"),
    ("model=plrn", "model: unknown option 'plrn'; expected one of "),
    ("training=gft", "training: unknown option 'gft'; expected one of bptt, gtf, recorded; did you mean gtf?"),
    ("training=GTF", "did you mean gtf?"),
    ("training=", "training: unknown option ''; expected one of bptt, gtf"),
    ("training=null", "training: unknown option null; expected one of bptt, gtf"),
    ("training=[gtf]", "training: unknown option ['gtf']; expected one of bptt, gtf"),
    ("training=../training/gtf", "training: unknown option '../training/gtf'"),
    ("events=3", "events: unknown option '3'; expected one of default"),
    ("trainning=gtf", "trainning: unknown key; expected one of dataset, events, model, "),
    ("trainning=gtf", "; did you mean training?"),
    ("training.alpa=0.1", "training.alpa: unknown key; expected one of alpha, batch_size, epochs, "),
    ("training.alpa=0.1", "; did you mean alpha?"),
    ("training.evaluation.horizn=3", "training.evaluation.horizn: unknown key; expected one of alpha, horizon, horizo"),
    ("alpha=0.1", "alpha: unknown key; did you mean training.alpha or training.evaluation.alpha?"),
    ("jumps.window=9", "jumps.window: unknown key; did you mean events.jumps.window?"),
    ("event.jumps.window=9", "event.jumps.window: unknown key; "),
    ("event.jumps.window=9", "; did you mean events?"),
    ("training.name=gtf", "training.name: choose by training=OPTION; expected one of bptt, gtf"),
    ("seed.first=1", "seed.first: unknown key; expected one of dataset, events, "),
    ("training.epochs.more=1", "training.epochs: expected an integer, got {'more': 1}"),
    ("dataset.rho=28 dataset=vanderpol", "dataset.rho: unknown key; expected one of length_test, length_train, mu, "),
]

NUMBERS = [
    ("training.alpha=1.5", "training.alpha: expected a number in [0, 1], got 1.5"),
    ("training.alpha=-0.1", "training.alpha: expected a number in [0, 1], got -0.1"),
    ("training.alpha=nan", "training.alpha: expected a number in [0, 1], got nan"),
    ("training.alpha=much", "training.alpha: expected null or a number, got 'much'"),
    ("training.alpha=true", "training.alpha: expected null or a number, got true"),
    ("training.alpha=", "training.alpha: expected null or a number, got ''"),
    ("training.alpha=[0.1,0.2]", "training.alpha: expected null or a number, got [0.1, 0.2]"),
    ("training.alpha=0.1.2", "training.alpha: expected null or a number, got '0.1.2'"),
    ("training.learning_rate=0", "training.learning_rate: expected a finite number > 0, got 0.0"),
    ("training.learning_rate=-1e-3", "training.learning_rate: expected a finite number > 0, got -0.001"),
    ("training.learning_rate=inf", "training.learning_rate: expected a finite number > 0, got inf"),
    ("training.learning_rate_end=nan", "training.learning_rate_end: expected a finite number > 0, got nan"),
    ("training.learning_rate=1e-3x", "training.learning_rate: expected a number, got '1e-3x'"),
    ("training.epochs=0", "training.epochs: expected an integer >= 1, got 0"),
    ("training.epochs=-5", "training.epochs: expected an integer >= 1, got -5"),
    ("training.epochs=1.5", "training.epochs: expected an integer, got 1.5"),
    ("training.epochs=null", "training.epochs: expected an integer, got null"),
    ("training.epochs=ten", "training.epochs: expected an integer, got 'ten'"),
    ("training.epochs={a:1}", "training.epochs: expected an integer, got {'a': 1}"),
    (f"training.epochs={10**30}", f"training.epochs: expected an integer of at most {LARGEST}, got {10**30}"),
    ("training.batch_size=0", "training.batch_size: expected an integer >= 1, got 0"),
    ("training.updates_per_epoch=0", "training.updates_per_epoch: expected an integer >= 1, got 0"),
    ("training.sequence_length=0", "training.sequence_length: expected an integer >= 1, got 0"),
    ("training.evaluation=3", "training.evaluation: expected a mapping, got 3"),
    ("training.evaluation.horizon=0", "training.evaluation.horizon: expected an integer >= 1, got 0"),
    ("training.evaluation.alpha=2", "training.evaluation.alpha: expected a number in [0, 1], got 2.0"),
    ("training.evaluation.sequences=0", "training.evaluation.sequences: expected an integer >= 1, got 0"),
    ("model.hidden=0", "model.hidden: expected null or an integer >= 1, got 0"),
    ("model.hidden=x", "model.hidden: expected null or an integer, got 'x'"),
    ("model.latent=0", "model.latent: expected null or an integer >= 1, got 0"),
    ("dataset.length_train=1", "dataset.length_train: expected at least 2 samples, got 1"),
    ("dataset.length_train=1e3", "dataset.length_train: expected an integer, got 1000.0"),
    ("dataset.noise=-1", "dataset.noise: expected a finite fraction >= 0, got -1.0"),
    ("dataset.noise=nan", "dataset.noise: expected a finite fraction >= 0, got nan"),
    ("dataset.noise_seed=-1", "dataset.noise_seed: expected an integer >= 0, got -1"),
    ("dataset.time_step=0", "dataset.time_step: expected a number in [0.000001, 1], got 0.0"),
    ("dataset.time_step=1e-300", "dataset.time_step: expected a number in [0.000001, 1], got 1e-300"),
    ("dataset.rho=inf", "dataset.rho: expected a finite number, got inf"),
    ("events.jumps.threshold=nan", "events.jumps.threshold: expected a finite number > 0, got nan"),
    ("events.jumps.threshold=0", "events.jumps.threshold: expected a finite number > 0, got 0.0"),
    ("events.jumps.min_change=-1", "events.jumps.min_change: expected a finite number >= 0, got -1.0"),
    ("events.jumps.window=-1", "events.jumps.window: expected an integer >= 5, got -1"),
    ("events.coincidence.windows=[]", "events.coincidence.windows: expected a list of distinct integers >= 0, got []"),
    ("events.coincidence.windows=[-1,1]", "events.coincidence.windows: expected a list of distinct integers >= 0, got"),
    ("events.coincidence.windows=[1,1]", "events.coincidence.windows: expected a list of distinct integers >= 0, got"),
    ("events.coincidence.windows=[0.5]", "events.coincidence.windows: expected a list of integers, got [0.5]"),
    ("events.coincidence.windows=1", "events.coincidence.windows: expected a list of integers, got 1"),
    ("events.coincidence.primary_window=4", "primary_window: expected one of events.coincidence.windows = [0, 1, 2, 5"),
    ("events.coincidence.surrogates=0", "events.coincidence.surrogates: expected an integer from 1 to 100000, got 0"),
    ("events.coincidence.surrogates=1000000000", "surrogates: expected an integer from 1 to 100000, got 1000000000"),
    ("search.max_order=0", "search.max_order: expected an integer >= 1, got 0"),
    ("search.max_order=1000000", "search.max_order: expected an integer from 1 to 1000, got 1000000"),
    ("search.max_period=1000000000", "search.max_period: expected an integer from 1 to 100000, got 1000000000"),
    ("search.transient=-1", "search.transient: expected an integer >= 1, got -1"),
    ("search.seed=-1", "search.seed: expected an integer >= 0, got -1"),
    ("seeds_per_batch=0", "seeds_per_batch: expected an integer >= 1, got 0"),
    ("tracking.uri=mlflow.db", "tracking.uri: expected null or an address such as http://host:5000 or sqlite:///mlflo"),
    ("tracking.uri='nowhere://x'", "tracking.uri: expected null or an address such as "),
    ("tracking.uri=''", "tracking.uri: expected null or an address such as "),
]

COMBINATIONS = [
    ("training.alpha=null", "training.alpha: expected the forcing strength of gtf, a number in [0, 1]"),
    ("training=bptt training.alpha=0.1", "training.alpha: expected null (bptt has no forcing), got 0.1"),
    ("model.hidden=null", "model.hidden: expected the number of hidden units of shallow_plrnn, got null"),
    ("model=plrnn", "model.hidden: expected null (plrnn has no hidden units), got 4"),
    ("model.latent=2", "model.latent: expected null or at least 3, the number of observed variables, got 2"),
    ("training.sequence_length=400", "training.sequence_length: expected less than dataset.length_train = 400, got 40"),
    ("training.evaluation.horizon_long=300", "horizon_long: expected less than dataset.length_test = 300, got 300"),
    ("training.evaluation.horizon=41", "horizon_long: expected at least training.evaluation.horizon = 41, got 40"),
    ("training.evaluation.sequences=261", "training.evaluation.sequences: expected at most 260, the starts that datas"),
    ("dataset=santafe_laser dataset.length_train=10000", "dataset santafe_laser: expected at least 10308 samples"),
]

SIZES = [
    ("training.epochs=100000000", "training.epochs, model.latent, model.hidden: expected a training of at most 16 GB"),
    ("model.hidden=100000000", "model.latent, model.hidden: expected a training of at most 16 GB in memory, 2 runs si"),
    ("training.batch_size=1000000000", "training.batch_size, training.sequence_length"),
    ("training.updates_per_epoch=1000000000", "training.updates_per_epoch, training.batch_size, training.sequence_len"),
    ("seed=3 training.epochs=100000000", "expected a training of at most 16 GB in memory, this one takes "),
    ("dataset.length_test=100000000", "dataset.length_train, dataset.length_test: expected a series of at most 200 MB"),
]

SWEEPS = [
    ("seed=range(0,0)", "seed=range(0,0): the sweep is empty; expected at least one value"),
    ("seed=range(8,0)", "seed=range(8,0): the sweep is empty; expected at least one value"),
    ("training=glob(x*)", "training=glob(x*): the sweep is empty; expected at least one value"),
    ("training.alpha=choice()", "training.alpha=choice(): empty choice is not legal"),
    ("training.alpha=0.1,,0.2", "training.alpha=0.1,,0.2: expected key=value, values to sweep as value,value or range"),
    ("training.alpha=0.1,", "training.alpha=0.1,: expected key=value, values to sweep as value,value or range("),
    ("training.alpha=0.1;0.2", "training.alpha=0.1;0.2: expected key=value, values to sweep as value,value or range("),
    ("training.alpha=(0.1", "a quote or a bracket is not closed in 'dataset=lorenz63 training=gtf training.alpha=(0.1"),
    ("training.alpha='0.1", "a quote or a bracket is not closed in "),
    ("training.alpha=range(0,1,0)", "training.alpha=range(0,1,0): range() arg 3 must not be zero"),
    ("training.alpha=range(0,inf)", "training.alpha=range(0,inf): expected a range between finite numbers"),
    ("training.alpha=interval(0,1)", "interval() has no elements to run; list values, or use range()"),
    ("training.alpha=0.1,2", "training.alpha: expected a number in [0, 1], got 2.0 (in the condition lorenz63 gtf alp"),
    ("training.alpha=float(x)", "training.alpha=float(x): could not convert string to float: 'x'"),
    ("search.max_order=1,2", "search.max_order cannot be swept, all runs share it; give one value, or sweep dataset,"),
    ("results=a,b", "results=a,b: results cannot be swept, all runs share it"),
    ("seed=range(0,1000000000)", "seed=range(0,1000000000): expected at most 100000 values"),
    ("seed=range(0,400) training.epochs=range(1,400)", "sweep of seed, training.epochs: expected at most 100000 run"),
    ("training.epochs=1 training.epochs=2,3", "training.epochs: expected to be given once, got training.epochs=1 and"),
    ("seed=-1", "seed=-1: expected integers >= 0, got -1"),
    ("seed=1,two", "seed=1,two: expected integers >= 0, got 'two'"),
    ("seed=0.5", "seed=0.5: expected integers >= 0, got 0.5"),
    ("seed=1e3", "seed=1e3: expected integers >= 0, got 1000.0"),
    ("seed=", "seed=: expected integers >= 0, got ''"),
    ("seed=[0,1]", "seed=[0,1]: expected integers >= 0, got [0, 1]"),
    ("seed=0..8", "seed=0..8: expected integers >= 0, got '0..8'"),
    (f"seed={2**63}", f"seed={2**63}: expected integers of at most {LARGEST}, got {2**63}"),
    ("training.epochs", "training.epochs: expected key=value, such as training.epochs=500"),
    ("=3", "=3: expected key=value, such as training.epochs=500"),
    ("training..epochs=3", "training..epochs=3: expected key=value"),
    ("+training.x=3", "+training.x=3: expected key=value; keys cannot be added, deleted or moved"),
    ("~model", "~model: expected key=value; keys cannot be added, deleted or moved"),
    ("training.alpha=${nothing}", "training.alpha: no value for ${nothing}"),
    ("training.alpha=${seed}", "training.alpha: no value for ${seed}"),
    ("results=${oc.env:NO_SUCH_PLACE}", "results: Environment variable 'NO_SUCH_PLACE' not found"),
]

PLACES = [
    ("results=", "results: expected the name of a folder without spaces, of letters, digits and / . _ - + = @ ,, got"),
    ("results='my results'", "results: expected the name of a folder without spaces"),
    ("results='{batch}'", "results: expected the name of a folder without spaces"),
    ("results='~/results'", "results: expected the name of a folder without spaces"),
    ("results='-r'", "results: expected the name of a folder without spaces"),
    ("results=null", "results: expected text, got null"),
    ("results=occupied", "results: expected a folder for occupied/smoke, occupied is a file"),
    ("results=occupied/below", "results: expected a folder for occupied/below/smoke, occupied is a file"),
]


@pytest.mark.parametrize(
    ("overrides", "message"), [*KEYS_AND_OPTIONS, *NUMBERS, *COMBINATIONS, *SIZES, *SWEEPS, *PLACES], ids=str
)
def test_overrides_of_a_workflow(capsys, working_directory, overrides, message):
    (working_directory / "occupied").touch()
    before = contents(working_directory)
    with pytest.raises(SystemExit) as ended:
        given = [text for text in TRAIN_ON_LORENZ.split() if f" {text.split('=')[0]}=" not in f" {overrides}"]
        plan_or_exit({"experiment": "smoke", "overrides": " ".join([*given, overrides])}, CONF, announce=True)
    said = capsys.readouterr().err
    assert (ended.value.code, said.count("\n"), contents(working_directory)) == (2, 1, before)
    assert message in said
    assert not any(jargon in said for jargon in ("Hydra", "OmegaConf", "object_type", "full_key", "None"))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        *(case for case in [*KEYS_AND_OPTIONS, *NUMBERS][::5] if " " not in case[0]),
        ("results=my results", "results: expected the name of a folder without spaces"),
        ("training.alpha=0.1, 2", "training.alpha: expected a number in [0, 1], got 2.0 (in the condition lorenz63 gt"),
        ("seed=range(0,8", "seed=range(0,8: expected key=value, values to sweep as value,value or range(start,stop)"),
    ],
    ids=str,
)
def test_overrides_on_the_command_line(capsys, override, message):
    fixed = [text for text in TRAIN_ON_LORENZ.split() if text.split("=")[0] != override.split("=")[0]]
    assert message in refused_by_command(capsys, *fixed, override, stage="train")


WORKFLOW = [
    ({"experiment": "smok"}, "experiment: unknown experiment 'smok'; expected one of default, recorded, smoke; did yo"),
    ({"experiment": "none"}, "experiment: unknown experiment 'none'; expected one of default, recorded, smoke; each i"),
    ({"experiment": "../experiment/smoke"}, "experiment: unknown experiment '../experiment/smoke'; expected one of "),
    ({"experiment": ""}, "experiment: unknown experiment ''; expected one of default, recorded, smoke"),
    ({"experiment": 3}, "experiment: unknown experiment '3'; expected one of default, recorded, smoke"),
    ({"experiment": None}, "--config experiment: expected the name of one experiment, got null"),
    ({"experiment": ["smoke", "default"]}, "--config experiment: expected the name of one experiment, got ['smoke', '"),
    ({"overides": "seed=1"}, "--config overides: unknown key; expected one of conf, experiment, overrides; did you me"),
    ({"training": "gtf"}, 'settings of an experiment go into overrides="training=gtf"'),
    ({"conf": 3}, "--config conf: expected a folder, got 3"),
    ({"conf": "nowhere"}, "nowhere: expected a configuration folder with config.yaml in it, there is no such folder;"),
    ({"conf": "."}, ".: expected a configuration folder with config.yaml in it, there is none; say which by --conf DI"),
    ({"conf": str(CONF / "config.yaml")}, "config.yaml: expected a configuration folder with config.yaml in it"),
]


@pytest.mark.parametrize(("config", "message"), WORKFLOW, ids=str)
def test_configuration_of_a_workflow(capsys, config, message):
    assert message in refused_by_workflow(capsys, **config)


@pytest.mark.parametrize("overrides", [3, {"training.epochs": 3}, [3]], ids=str)
def test_overrides_that_are_no_text(capsys, overrides):
    with pytest.raises(SystemExit) as ended:
        plan_or_exit({"overrides": overrides}, CONF, announce=True)
    assert ended.value.code == 2
    assert capsys.readouterr().err == 'lossjumps: --config overrides: expected overrides="key=value key=value ..."\n'


def test_a_folder_that_is_none_on_the_command_line(capsys):
    assert main(["train", "seed=0", "--conf", "nowhere"]) == 2
    assert "nowhere: expected a configuration folder with config.yaml in it" in capsys.readouterr().err


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


def test_values_given_twice_are_run_once():
    overrides = "dataset=lorenz63,lorenz63 training=gtf training.alpha=0.1,0.10,'0.1' seed=3,1,3"
    plan = workflow_request({"experiment": "smoke", "overrides": overrides}, CONF).plan()
    assert [row["seed"] for row in plan.rows] == [1, 3] and len(plan.conditions) == 1


def test_results_that_cannot_be_written(capsys, working_directory, monkeypatch):
    (working_directory / "locked").mkdir()

    def refuse(**asked):
        assert asked == {"dir": working_directory / "locked"}
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    said = refused_by_workflow(capsys, ["results=locked/results"])
    assert "results: expected a folder for locked/results/smoke, nothing can be written to locked" in said


SMALL = [
    *("model.hidden=4", "dataset.length_train=60", "dataset.length_test=60"),
    *("training.epochs=2", "training.sequence_length=20", "training.evaluation.horizon_long=20"),
]


@pytest.mark.parametrize(
    ("overrides", "status"),
    [
        (["training.learning_rate=1e308"], "diverged"),
        (["dataset.noise=1e90"], "finished"),
        (["dataset=file", "dataset.path=huge.npy"], "finished"),
    ],
    ids=str,
)
def test_badly_scaled_numbers_end_in_a_recorded_status(capsys, working_directory, overrides, status):
    np.save("huge.npy", np.random.default_rng(0).standard_normal((120, 2)) * 1e300)
    for stage in ("dataset", "train"):
        assert main([stage, *SMALL, *overrides, "--conf", str(CONF)]) == 0
    [path] = working_directory.glob("results/single/batches/*/status.parquet")
    table = pd.read_parquet(path)
    assert list(table["status"]) == [status]
    assert (table["why"] != "").all() == (status == "diverged")


def test_a_simulation_that_leaves_the_numbers_is_one_line(capsys):
    assert main(["dataset", *SMALL, "dataset.rho=1e300", "--conf", str(CONF)]) == 2
    assert "lossjumps: dataset lorenz63: expected finite numbers" in capsys.readouterr().err


def snakemake(folder, *config):
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(CONF.parent / "Snakefile"),
        "--cores",
        "1",
        "--quiet",
    ]
    return subprocess.run([*command, "-d", str(folder), "--config", *config], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (["experiment=smok"], "experiment: unknown experiment 'smok'; expected one of default, recorded, smoke; did y"),
        (["conf=nowhere"], "nowhere: expected a configuration folder with config.yaml in it, there is no such folder;"),
        (["overrides=trainning=gtf seed=0"], "trainning: unknown key; expected one of dataset, events, model, results"),
        (["training=gtf"], 'settings of an experiment go into overrides="training=gtf"'),
    ],
    ids=str,
)
def test_through_snakemake_itself(working_directory, config, message):
    done = snakemake(working_directory, *config)
    assert (done.returncode, done.stdout) == (2, "")
    *_, said = done.stderr.splitlines()  # before it, snakemake names its profile
    assert said.startswith("lossjumps: ") and message in said and "Traceback" not in done.stderr
    assert [path.name for path in working_directory.iterdir()] in ([], [".snakemake"])
