"""What a user mistypes in overrides and on the command line: one line, status 2, nothing written."""

import subprocess
import sys
import tempfile

import numpy as np
import pandas as pd
import pytest
from tests.front_doors import CONF, contents, refused_by_command, refused_by_workflow

from lossjumps.command_line import main
from lossjumps.configuration.announce import plan_or_exit
from lossjumps.configuration.request import workflow_request

pytestmark = pytest.mark.usefixtures("working_directory")

TRAIN_ON_LORENZ = "dataset=lorenz63 training=gtf"
LARGEST = 2**63 - 1

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
    ("training.alpa=0.1", "training.alpa: unknown key; expected one of alpha, batch_size, device, epochs, "),
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
    ("training.record=batch", "training.record: expected epoch or update, got 'batch'"),
    ("training.record=null", "training.record: expected text, got null"),
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
    (
        "training.record=update training.epochs=20000000",
        "epochs, training.updates_per_epoch, training.record, model.latent",
    ),
    ("model.hidden=100000000", "model.latent, model.hidden: expected a training of at most 16 GB in memory, 2 runs si"),
    ("training.batch_size=1000000000", "training.batch_size, model.latent, model.hidden"),
    ("training.updates_per_epoch=1000000000", "training.updates_per_epoch, training.batch_size: expected"),
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
    (
        {"experiment": "smok"},
        "experiment: unknown experiment 'smok'; expected one of bptt_vs_gtf, default, recorded, smoke; did yo",
    ),
    (
        {"experiment": "none"},
        "experiment: unknown experiment 'none'; expected one of bptt_vs_gtf, default, recorded, smoke; each i",
    ),
    ({"experiment": "../experiment/smoke"}, "experiment: unknown experiment '../experiment/smoke'; expected one of "),
    ({"experiment": ""}, "experiment: unknown experiment ''; expected one of bptt_vs_gtf, default, recorded, smoke"),
    ({"experiment": 3}, "experiment: unknown experiment '3'; expected one of bptt_vs_gtf, default, recorded, smoke"),
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
        (
            ["experiment=smok"],
            "experiment: unknown experiment 'smok'; expected one of bptt_vs_gtf, default, recorded, smoke; did y",
        ),
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
