"""Stages are called by hand on folders that are not whole, not theirs, or not where they were."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from tests.front_doors import contents, refused

from lossjumps.command_line import main
from lossjumps.stages.listing import STAGES

CONF = Path(__file__).parents[2] / "conf"
TINY = ["training.epochs=1", "training.batch_size=2", "dataset.length_train=90", "dataset.length_test=250", "seed=0"]
OVERRIDES = [*TINY, "--conf", str(CONF)]


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """An experiment of one trained batch."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for stage in ("plan", "dataset", "train", "jumps"):
            assert main([stage, *OVERRIDES]) == 0
    return folder


@pytest.fixture
def experiment(original, tmp_path, monkeypatch, capsys):
    """A copy of it below the working directory: ``results/single``."""
    shutil.copytree(original / "results", tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    return Path("results/single")


@pytest.fixture
def batch(experiment):
    [folder] = (experiment / "batches").iterdir()
    return folder


@pytest.mark.parametrize(
    ("stage", "file", "what", "maker"),
    [
        ("jumps", "history.parquet", "not a whole Parquet file (", "train"),
        ("dynamics", "status.parquet", "not a whole Parquet file (", "train"),
        ("dynamics", "parameters.npz", "not a whole .npz file (", "train"),
    ],
)
def test_a_truncated_file_is_named_with_the_command_that_makes_it_again(capsys, batch, stage, file, what, maker):
    path = batch / file
    path.write_bytes(path.read_bytes()[:-100])
    said = refused(capsys, stage, batch)
    assert said.startswith(f"{path}: {what}")
    assert said.endswith(f"; make it again with `lossjumps {maker} {batch}`")
    assert main([maker, str(batch)]) == 0 and main(["jumps", str(batch)]) == 0


def test_a_table_that_something_else_made_is_named(capsys, batch):
    pd.DataFrame({"epoch": [1, 2], "value": [0.5, 0.25]}).to_parquet(batch / "history.parquet")
    said = refused(capsys, "jumps", batch)
    assert said.startswith(f"{batch / 'history.parquet'}: expected a column run, there is none; make it again")


@pytest.mark.parametrize("text", ["condition: [", "", "condition: lorenz63\n", "- a list\n"])
def test_a_damaged_configuration_of_a_batch_is_named(capsys, batch, text):
    (batch / "config.yaml").write_text(text)
    assert refused(capsys, "jumps", batch).startswith(f"{batch / 'config.yaml'}: ")


def test_a_batch_whose_data_file_is_gone_names_the_command_that_makes_it(capsys, experiment, batch):
    [data] = (experiment / "data").glob("*.npz")
    data.unlink()
    for stage in ("train", "dynamics"):
        remedy = f"make it first with `lossjumps dataset {data.with_suffix('')}`"
        assert refused(capsys, stage, batch) == f"{data}: file not found; {remedy}"
    assert main(["dataset", str(data.with_suffix(""))]) == 0 and main(["train", str(batch)]) == 0


def test_stages_out_of_order_name_the_one_to_run_first(capsys, experiment, batch):
    assert "bifurcations.parquet: file not found; make it first with `lossjumps dynamics" in refused(
        capsys, "coincidences", batch
    )
    assert "cycles.parquet: file not found; make it first with `lossjumps dynamics" in refused(
        capsys, "statistics", experiment
    )
    assert "summary.md: file not found; make it first with `lossjumps report" in refused(capsys, "track", experiment)


@pytest.mark.parametrize("name", [name for name, stage in STAGES.items() if "batches" in stage.folder])
@pytest.mark.parametrize("folder", ["results/single/data", "results", "nowhere"])
def test_a_folder_that_is_no_batch_is_refused(capsys, experiment, name, folder):
    assert f"{folder}: expected a batch folder with config.yaml in it" in refused(capsys, name, folder)


def test_a_folder_of_another_kind_is_told_apart(capsys, experiment, batch):
    assert refused(capsys, "jumps", experiment).endswith("got an experiment")
    for stage in ("plan", "statistics", "report"):
        said = refused(capsys, stage, batch)
        assert said == f"{batch}: expected the folder of an experiment, such as {experiment}, got a batch"
        assert "expected the folder of an experiment, with settings/experiment.yaml" in refused(
            capsys, stage, "results"
        )
    [data] = (experiment / "data").glob("*.npz")
    assert f"without a suffix, with {data.name}.yaml beside it" in refused(capsys, "dataset", data)


def test_a_file_in_place_of_the_results_of_an_experiment_is_refused(capsys, experiment):
    shutil.rmtree(experiment)
    experiment.touch()
    assert "results/single is a file" in refused(capsys, "dataset", *OVERRIDES)
    assert "results/single" in refused(capsys, "plan", experiment)


def test_an_experiment_that_was_moved_works_where_it_is_and_says_where_it_was_planned(capsys, experiment, batch):
    moved = Path("results/archive/of_may")
    moved.parent.mkdir()
    experiment.rename(moved)
    there = moved / "batches" / batch.name
    before = (there / "jumps.parquet").read_bytes()
    for stage in ("train", "jumps"):
        assert main([stage, str(there)]) == 0
    assert (there / "jumps.parquet").read_bytes() == before
    capsys.readouterr()
    said = refused(capsys, "plan", moved, "--conf", CONF)
    assert "settings/experiment.yaml: plans " in said and "not this folder" in said


def test_results_behind_a_link_are_results(experiment, batch, tmp_path):
    Path("results").rename("elsewhere")
    Path("results").symlink_to("elsewhere", target_is_directory=True)
    assert main(["plan", str(experiment), "--conf", str(CONF)]) == 0
    for stage in ("dataset", "train", "jumps"):
        assert main([stage, *OVERRIDES]) == 0
    assert [path.name for path in Path("elsewhere/single/batches").iterdir()] == [batch.name]


def test_another_configuration_of_the_same_name_leaves_what_is_there(experiment, batch):
    before = contents(batch)
    other = ["training.epochs=2", *OVERRIDES[1:]]
    assert main(["plan", *other]) == 0 and main(["dataset", *other]) == 0
    assert contents(batch) == before
    assert len(list((experiment / "batches").iterdir())) == 2
