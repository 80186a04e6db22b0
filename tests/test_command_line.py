"""The command line: what it lists, makes and refuses."""

import errno
import importlib.metadata
import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from tests.front_doors import refused
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


def test_help_lists_every_command_with_an_example(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    for command in (*STAGES, "replay", "find", "prune", "ui"):
        assert f"\n  lossjumps {command} " in text and f"\n    {command}" in text


@pytest.mark.parametrize("command", [[], *([name] for name in (*STAGES, "replay", "find", "prune", "ui"))])
def test_every_command_has_help_that_fits_100_columns(capsys, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert f"usage: lossjumps {' '.join(command)}" in text
    assert max(map(len, text.splitlines())) <= 100
    described = text.split("\n\n")[1]
    assert described[0].isupper() and not described.startswith("positional arguments")
    assert "\nexamples:\n  " in text


def test_no_command_shows_the_help_and_a_version_there_is(capsys):
    assert main([]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("usage: lossjumps") and shown.err == ""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"lossjumps {importlib.metadata.version('lossjumps')}\n"


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_the_help_of_a_stage_names_its_files_and_an_example_whose_stages_make_them(capsys, stage):
    with pytest.raises(SystemExit):
        main([stage.name, "--help"])
    text = capsys.readouterr().out
    for folder in stage.folders:
        assert f"  lossjumps {stage.name} {folder}\n" in text
    for name in (*stage.reads, *stage.needs, *stage.makes):
        assert name in text
    [chain] = re.findall(r"for stage in (.*); do\n    lossjumps \$stage (?:\S+ )+\|\| break\n  done", text)
    assert chain.split()[-1] == stage.name
    assert {MAKERS[name] for name in stage.needs} <= set(chain.split())


@pytest.mark.slow
def test_an_example_of_the_help_works(capsys, working_directory, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copytree(CONF, working_directory / "conf")
    with pytest.raises(SystemExit):
        main(["report", "--help"])
    [(chain, overrides)] = re.findall(
        r"for stage in (.*); do\n    lossjumps \$stage (.*) \|\|", capsys.readouterr().out
    )
    for stage in chain.split():
        assert main([stage, *overrides.split()]) == 0
    shown = capsys.readouterr()
    assert re.search(r"^report: results/single done in \d+:\d\d$", shown.out, re.MULTILINE)
    assert "train: 100 %, epoch 20 of 20, " in shown.err and "dynamics: 100 %, epoch 21 of 21, " in shown.err
    assert "\r" not in shown.err
    assert (working_directory / "results/single/summary.md").is_file()


def test_every_stage_is_a_module_with_run_and_every_input_has_a_maker():
    for stage in STAGES.values():
        assert callable(stage.module.run)
        assert all(MAKERS[name] in STAGES for name in stage.needs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "trian: unknown command; expected one of causes, coincidences, dataset, "),
        (["trian"], "did you mean train?"),
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
        (["dataset", "nowhere"], "nowhere: expected results/EXPERIMENT/data/DATASET-DIGEST without a suffix"),
        (["plan", "nowhere"], "expected the folder of an experiment"),
        (["statistics", "nowhere"], "nowhere: expected the folder of an experiment, with settings/experiment.yaml in"),
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
    (working_directory / "results" / "mine" / "settings").mkdir()
    (working_directory / "results" / "mine" / "settings" / "experiment.yaml").touch()
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
    assert re.fullmatch(r"plan: results/single done in 0:\d\d\n", done.stdout)
    done = subprocess.run([*command[:-1], "seed=x"], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("lossjumps: seed=x: expected integers")


@pytest.fixture
def trained(working_directory):
    """A finished batch of `TINY` without its results, and the overrides that made its folder."""
    overrides = [*TINY, "--conf", str(CONF)]
    assert main(["dataset", *overrides]) == 0
    [batch] = working_directory.glob("results/single/batches/*")
    return batch.relative_to(working_directory)


def everything(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 1, "history.parquet: no space left on the device ("),
        (
            PermissionError(errno.EACCES, "Permission denied"),
            2,
            "history.parquet: cannot be written (Permission denied)",
        ),
        (
            OSError(errno.EROFS, "Read-only file system"),
            2,
            "history.parquet: cannot be written (Read-only file system)",
        ),
        (
            MemoryError("Unable to allocate 3 TiB"),
            1,
            "not enough memory (Unable to allocate 3 TiB); fewer jobs at once",
        ),
        (KeyboardInterrupt(), 130, "stopped by Ctrl-C; nothing is half-written; run the same command again"),
    ],
)
def test_what_stops_a_stage_is_one_line_and_leaves_nothing_half_written(
    capsys, monkeypatch, trained, error, status, said
):
    def fail(table, path):
        Path(path).write_bytes(b"half")
        raise error

    before = everything(trained)
    capsys.readouterr()
    monkeypatch.setattr("lossjumps.stages.files.parquet.write_table", fail)
    assert main(["train", str(trained)]) == status
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("lossjumps: ") and str(trained) in line and said in line
    assert [path.name for path in everything(trained) if path not in before] == ["parameters.npz"]


def test_an_error_that_nobody_foresaw_says_what_was_done_and_how_far_it_was(capsys, monkeypatch, trained):
    def fail(*arguments, **options):
        arguments[-1](1, None)
        raise KeyError("loss")

    monkeypatch.setattr("lossjumps.training.loop.train", fail)
    monkeypatch.setattr(
        "lossjumps.stages.train.losses_now", lambda epoch, recording: {}["loss"] if epoch > 1 else "fine"
    )
    assert main(["train", str(trained)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert "Traceback (most recent call last):" in lines
    assert lines[-1].startswith(f"lossjumps: train {trained} (epoch 1 of 1, fine): unexpected KeyError: 'loss'")
    assert lines[-1].endswith("; the lines before this one say where, please report them")


def test_a_reader_that_has_read_enough_is_no_error(working_directory):
    parameters = {"A": [0.5], "W1": [[1.0]], "W2": [[1.0]], "h1": [0.1], "h2": [0.2]}
    Path("weights.json").write_text(json.dumps(parameters | {"family": "shallow_plrnn"}))
    command = [sys.executable, "-m", "lossjumps", "find", "weights.json", "--max-order", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdout.close()
        assert running.stderr.read() == b"" and running.wait() == 1


def test_ctrl_c_is_one_line_and_status_130(working_directory):
    shutil.copytree(CONF, working_directory / "conf")
    long = [*TINY[1:], "training.epochs=100000"]
    assert main(["dataset", *long]) == 0
    command = [sys.executable, "-m", "lossjumps", "train", *long]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr.readline().startswith("train: 0 %, epoch 0 of 100000, ")
        running.send_signal(signal.SIGINT)
        out, error = running.communicate()
    assert running.returncode == 130 and out == "" and error.count("\n") == 1
    assert error.startswith("lossjumps: train results/single/batches/lorenz63-") and ": stopped by Ctrl-C; " in error
    assert re.search(r" \(epoch \d+ of 100000, loss_free ", error)
    assert [path.name for path in Path("results/single/batches").rglob("*.*") if path.is_file()] == ["config.yaml"]
