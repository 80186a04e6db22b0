"""Trainings made elsewhere go through the stages: as a training of ours does, and as known by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lossjumps.analysis.events import LOSSES
from lossjumps.configuration.request import Request
from lossjumps.progress import silent
from lossjumps.stages import report, statistics, track
from lossjumps.stages.files import read_table
from lossjumps.stages.listing import STAGES
from lossjumps.stages.plan import run as write_plan
from lossjumps.stages.prepare import folders, prepare
from lossjumps.stages.tables import Conditions

CONF = Path(__file__).parents[2] / "conf"
TABLES = ("history", "status", "cycles", "bifurcations", "attractors", "jumps", "causes", "coincidences")
SMALL = [
    *("dataset.length_train=300", "dataset.length_test=200", "model=shallow_plrnn", "search.max_order=2"),
    *("search.transient=200", "search.attractor_states=3", "events.coincidence.surrogates=19"),
    *("training.evaluation.sequences=3", "training.evaluation.horizon_long=30"),
]


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(*overrides, experiment="single", progress=silent):
    """Run the stages up to the coincidences; return the experiment's folder, and the tables of its one batch, if so."""
    plan = Request(experiment, overrides, CONF).plan()
    prepare(plan)
    for name in ("dataset", "train", "dynamics", "jumps", "causes", "coincidences"):
        for folder in folders(plan, STAGES[name]):
            STAGES[name].module.run(folder, *([progress] if name == "train" else []))
    write_plan(plan.folder, CONF)
    batches = [plan.folder / "batches" / name for name in plan.batches]
    tables = {name: pd.read_parquet(batches[0] / f"{name}.parquet") for name in TABLES} if len(batches) == 1 else {}
    return plan.folder, batches[0], tables


@pytest.mark.parametrize("latent", [2, 3])
def test_a_training_of_ours_that_is_recorded_gives_the_same_tables(latent):
    ours = [*SMALL, "dataset=vanderpol", "seed=3,4"]
    _, batch, expected = run(
        *ours,
        "training=bptt",
        "training.epochs=12",
        "model.hidden=5",
        f"model.latent={latent}",
        "training.batch_size=4",
    )
    with np.load(batch / "parameters.npz") as arrays:
        parameters = dict(arrays)
    losses = expected["history"].groupby("run")["loss_train"].agg(list)
    for position, (seed, loss) in enumerate(zip((3, 4), losses, strict=True)):
        of_seed = {name: array[position] for name, array in parameters.items() if name != "seeds"}
        np.savez(f"seed{seed}.npz", **of_seed, loss=loss)
    _, _, found = run(*ours, "training=recorded", "training.path='seed{seed}.npz'")
    for name, table in expected.items():
        mine = found[name][found[name]["loss"] != "loss_recorded"] if "loss" in table else found[name]
        compared = [column for column in table if column not in ("run", "loss_train", "grad_norm", "grad_norm_max")]
        if name == "history":
            compared = [
                column for column in compared if column not in ("learning_rate", "loss_recorded", "recorded_epoch")
            ]
        pd.testing.assert_frame_equal(
            mine[compared].reset_index(drop=True), table[compared].reset_index(drop=True), check_exact=name == "cycles"
        )
        assert mine["run"].str[-1].tolist() == table["run"].str[-1].tolist()
    assert len(expected["cycles"]) > 20
    np.testing.assert_array_equal(found["history"]["loss_recorded"], expected["history"]["loss_train"])


def z_curve(offsets):
    """Stable points low and high, an unstable one between, for offsets in (-2, 0); beyond that one of them."""
    epochs = len(offsets)
    return {
        "A": np.full((epochs, 1), 0.5),
        "U": np.tile([[2.5, -2.5]], (epochs, 1, 1)),
        "V": np.ones((epochs, 2, 1)),
        "b": np.tile([0.0, -1.0], (epochs, 1)),
        "c": np.array(offsets, dtype=float)[:, None],
    }


def loss_with_a_jump(epochs, place):
    wiggle = 1 + 1e-3 * np.random.default_rng(0).standard_normal(epochs)
    return np.where(np.arange(epochs) > place, 10.0, 1.0) * wiggle


@pytest.fixture
def folds():
    """Two seeds, the second one shorter and diverged in the end; both jump where their low point vanishes."""
    for seed, (epochs, place) in enumerate([(60, 30), (50, 20)]):
        offsets = np.where(np.arange(epochs) <= place, -0.5, 0.5)
        arrays = z_curve(offsets)
        if seed == 1:
            arrays["c"][45:] = np.nan
        states = np.full((1 + seed, 1), -1.0)
        np.savez(f"run{seed}.npz", **arrays, loss=loss_with_a_jump(epochs, place), states=states)
    return "model=canonical", "training.path='run{seed}.npz'", "seed=0,1", "search.attractor_states=2"


def test_a_fold_and_the_jump_that_comes_with_it(folds, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    told = []
    folder, batch, tables = run(*folds, experiment="recorded", progress=lambda *step: told.append(step))
    assert told == [(0, 108, "seed 0"), (59, 108, "seed 1"), (108, 108, "")]  # of 60 and 50 epochs recorded from 0 on
    assert tables["status"][["status", "last_epoch"]].values.tolist() == [["finished", 59], ["diverged", 44]]
    assert tables["status"]["why"].tolist() == ["", "parameters not finite at recorded epoch 45"]
    counted = tables["bifurcations"].query("topological")
    assert counted[["epoch", "kind", "direction", "occupied"]].values.tolist() == [
        [30, "nonsmooth_fold", "death", True],
        [20, "nonsmooth_fold", "death", True],
    ]
    np.testing.assert_allclose(counted["fraction"], 0.5, atol=1e-9)
    np.testing.assert_allclose(counted["distance"], 1.0, atol=1e-6)  # the fold is at 0, the states at -1
    assert tables["jumps"][["loss", "epoch", "sign"]].values.tolist() == [["loss_recorded", e, 1] for e in (30, 20)]
    assert tables["history"][[*LOSSES]].isna().all(axis=None)
    hits = tables["coincidences"].query("kind == 'occupied' and window == 0")
    assert hits[["loss", "jumps", "precursor_hits"]].values.tolist() == [["loss_recorded", 1, 1]] * 2
    statistics.run(folder)
    assert set(read_table(folder / Conditions.FILE, Conditions)["loss"]) == {"loss_recorded"}
    report.run(folder)
    summary = (folder / "summary.md").read_text()
    assert "A jump is one of the loss that was recorded with the training" in " ".join(summary.split())
    assert "free-running loss" not in summary
    assert summary.startswith(
        "# recorded: do loss jumps and bifurcations come together?\n\n- **no data set**: jumps of"
    )
    assert (
        "\n## no data set\n" in summary
        and "2 trainings in 1 condition without a data set, 103 epochs in all" in summary
    )
    assert "The loss jumped at 2 of 103 epochs (2 upwards), in 2 of 2 runs." in summary
    track.run(batch)
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{folder.resolve().parent / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("recorded")
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 2
    for one in runs:
        assert "loss/recorded" in one.data.metrics and "loss/free" not in one.data.metrics
        assert (one.data.tags["left_out"], one.data.metrics["event/jumps"]) == ("none", 1.0)


def test_recordings_that_are_swept_are_compared():
    for name, place in (("bptt", 20), ("gtf", 70)):
        for seed in range(2):
            arrays = z_curve(np.where(np.arange(60) <= place, -0.5, 0.5))
            Path(name).mkdir(exist_ok=True)
            np.savez(f"{name}/{seed}.npz", **arrays, loss=loss_with_a_jump(60, place), states=[[-1.0]])
    folder, _, _ = run(
        "model=canonical", "training.path='bptt/{seed}.npz','gtf/{seed}.npz'", "seed=0,1", experiment="recorded"
    )
    statistics.run(folder)
    compared = pd.read_parquet(folder / "statistics" / "comparisons.parquet")
    assert set(zip(compared["label_first"], compared["label_second"], strict=True)) == {
        ("none recorded path=bptt", "none recorded path=gtf")
    }
    [jumps] = compared.query("quantity == 'jumps_per_1000_epochs'").itertuples()
    assert (jumps.loss, jumps.mean_second) == ("loss_recorded", 0.0)
    assert jumps.mean_first == pytest.approx(1000 / 59)
    report.run(folder)
    assert "recorded path=gtf against recorded path=bptt" in (folder / "summary.md").read_text()


def test_between_epochs_a_dendritic_network_follows_its_own_parameters():
    """The multiplier W alpha is -1 a third of the way; straight between the products it would be a fifth."""
    arrays = {
        "A": [[0.0], [0.0]],
        "W": [[[-0.5]], [[-2.0]]],
        "h": [[1.0], [1.0]],
        "alphas": [[0.5], [2.0]],
        "thetas": [[[0.0]], [[0.0]]],
    }
    np.savez("run.npz", **arrays, loss=[1.0, 1.0], states=[[0.5]])
    _, _, tables = run("model=dendritic_plrnn", "training.path=run.npz", experiment="recorded")
    [flip] = tables["bifurcations"].query("order == 1").itertuples()
    assert (flip.kind, flip.epoch) == ("degenerate_flip", 0)
    assert flip.fraction == pytest.approx(1 / 3, abs=1e-9)
