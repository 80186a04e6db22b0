"""The command line: what it lists, makes and refuses."""

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from tests.stages.whole_tables import whole

from lossjumps.command_line import main
from lossjumps.stages.files import write_table
from lossjumps.stages.listing import BATCH_TABLES, MAKERS, STAGES
from lossjumps.stages.tables import Plan

CONF = Path(__file__).parents[1] / "conf"
TINY = ["training.epochs=1", "training.batch_size=2", "dataset.length_train=90", "dataset.length_test=250", "seed=0"]


@pytest.fixture(autouse=True)
def working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys, *arguments, status=2):
    """What a command says on standard error when it ends with status 2, or another."""
    assert main(arguments) == status
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    return captured.err


def test_help_lists_every_command_with_an_example(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    for command in (*STAGES, "find", "prune", "ui"):
        assert f"\n  lossjumps {command} " in text and f"\n    {command}" in text


@pytest.mark.parametrize("command", [*STAGES, "find", "prune", "ui"])
def test_every_command_has_help(capsys, command):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert command in capsys.readouterr().out


def test_every_stage_is_a_module_with_run_and_every_input_has_a_maker():
    for stage in STAGES.values():
        assert callable(stage.module.run)
        assert all(MAKERS[name] in STAGES for name in stage.needs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["trian"], "trian"),
        (["train"], "required"),
        (["train", "nowhere"], "nowhere: expected a batch folder with config.yaml"),
        (["train", "nowhere", "training=gtf"], "expected one folder, or overrides"),
        (["train", "--epochs", "3", "x"], "unrecognized arguments"),
        (["train", *TINY, "--conf", str(CONF)], f"first with `lossjumps dataset {' '.join(TINY)} --conf {CONF}`"),
        (["jumps", *TINY, "--conf", str(CONF)], "first with `lossjumps train "),
        (["statistics", *TINY, "--conf", str(CONF)], "first with `lossjumps plan "),
        (["train", "nowhere", "--conf", "conf"], "--conf: only `lossjumps plan` and overrides read it; leave it out"),
        (["train", "training=gft", "--conf", str(CONF)], "training: unknown option 'gft'"),
        (["train", "training.epochs=0", "--conf", str(CONF)], "training.epochs: expected an integer >= 1"),
        (["train", "seed=0"], "conf: expected a configuration folder"),
        (["dataset", "nowhere"], "nowhere.yaml"),
        (["plan", "nowhere"], "expected the folder of an experiment"),
        (["statistics", "nowhere"], "plan.parquet: file not found"),
        (["prune", "nowhere"], "plan.parquet: file not found"),
        (["find", "nowhere.npz"], "nowhere.npz"),
        (["ui"], "results/mlflow.db: file not found; run an experiment first"),
        (["ui", "nowhere"], "nowhere/mlflow.db: file not found"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(capsys, working_directory, arguments, message):
    assert message in refused(capsys, *arguments)
    assert list(working_directory.iterdir()) == []


def test_overrides_make_the_folder_and_each_stage_names_the_one_before(capsys, working_directory):
    overrides = [*TINY, "--conf", str(CONF)]
    assert main(["dataset", *overrides]) == 0
    assert "dataset: results/single/data/lorenz63-" in capsys.readouterr().out
    assert "make it first with `lossjumps train training.epochs=1 " in refused(capsys, "jumps", *overrides)
    [data] = working_directory.glob("results/single/data/*.npz")
    [batch] = working_directory.glob("results/single/batches/*")
    assert "with `lossjumps train results/single/batches/lorenz63-" in refused(
        capsys, "jumps", str(batch.relative_to(working_directory))
    )
    first = data.read_bytes()
    assert main(["dataset", str(data.relative_to(working_directory).with_suffix(""))]) == 0
    assert data.read_bytes() == first
    assert main(["plan", *overrides]) == 0
    capsys.readouterr()
    assert "make it first with" in refused(capsys, "statistics", "results/single")
    assert (working_directory / "results/single/plan.parquet").is_file() and (batch / "config.yaml").is_file()
    assert main(["prune", "results/single"]) == 0
    assert "the plan names everything" in capsys.readouterr().out


def test_a_report_without_statistics_is_told_how_to_make_them(capsys, working_directory):
    batch = working_directory / "results" / "mine" / "batches" / "one"
    batch.mkdir(parents=True)
    write_table(Path("results/mine/plan.parquet"), whole(pd.DataFrame({"batch": ["one"]}), Plan), Plan)
    assert "first with `lossjumps train results/mine/batches/one`" in refused(capsys, "report", "results/mine")
    for name in BATCH_TABLES:
        (batch / name).touch()
    said = refused(capsys, "report", "results/mine")
    assert (
        "statistics/conditions.parquet: file not found; make it first with `lossjumps statistics results/mine`" in said
    )
    assert "make it first with `lossjumps report results/mine`" in refused(capsys, "track", "results/mine")


def test_a_missing_package_is_named_with_the_remedy(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "hydra", None)
    monkeypatch.delitem(sys.modules, "lossjumps.configuration.compose", raising=False)
    monkeypatch.delitem(sys.modules, "lossjumps.configuration.request", raising=False)
    monkeypatch.delitem(sys.modules, "lossjumps.configuration.experiment", raising=False)
    monkeypatch.delitem(sys.modules, "lossjumps.configuration.plan", raising=False)
    assert "lossjumps[pipeline]" in refused(capsys, "train", "seed=0", status=1)


def test_as_a_program(working_directory):
    shutil.copytree(CONF, working_directory / "conf")
    command = [sys.executable, "-m", "lossjumps", "plan", *TINY]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "plan: results/single done\n"
    done = subprocess.run([*command[:-1], "seed=x"], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("lossjumps: seed=x: expected integers")
