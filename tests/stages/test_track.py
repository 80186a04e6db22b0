"""What is in the store after an experiment was imported."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from tests.stages.tracking import BATCH, KEY, all_runs, data_file, rows

from lossjumps.stages import tracking_views
from lossjumps.stages.files import load_plan, read_table
from lossjumps.stages.tables import BATCH_TABLES
from lossjumps.stages.tracking_store import open_store, run_keys


def test_every_run_is_there_with_what_tells_it_apart(tracked_experiment):
    _, runs = all_runs(tracked_experiment)
    assert set(runs) == {*load_plan(tracked_experiment)["run"], "summary"}
    assert sorted(run_keys(None, tracked_experiment.parent, "paper")) == sorted(runs)
    assert run_keys(None, tracked_experiment.parent, "another") == []
    tags = runs[f"{KEY}1"].data.tags
    assert tags["experiment"] == "paper"
    assert (tags["dataset"], tags["model"], tags["training"]) == ("lorenz63", "shallow_plrnn", "bptt")
    assert (tags["alpha"], tags["seed"], tags["status"], tags["why"]) == ("none", "1", "diverged", "loss")
    assert tags["results"] == f"paper/batches/{BATCH}"
    params = runs[f"{KEY}1"].data.params
    assert params["seed"] == "1"
    assert params["training.evaluation.alpha"] == "0.1"
    assert params["events.coincidence.surrogates"] == "19"
    assert runs[f"{KEY}1"].info.status == "FINISHED"


def test_points_are_those_of_the_history_and_none_is_infinite(tracked_experiment):
    client, runs = all_runs(tracked_experiment)
    history = pd.read_parquet(tracked_experiment / "batches" / BATCH / "history.parquet")
    mine = history[history["run"] == f"{KEY}1"]
    points = client.get_metric_history(runs[f"{KEY}1"].info.run_id, "loss/free")
    expected = mine[np.isfinite(mine["loss_free"])]
    assert [point.step for point in points] == expected["epoch"].tolist()
    assert [point.value for point in points] == expected["loss_free"].tolist()
    assert runs[f"{KEY}1"].data.tags["left_out"] == "loss/free 1, loss/free_long 1"
    assert runs[f"{KEY}1"].data.metrics["import/points_left_out"] == 2
    assert rows(tracked_experiment, "select count(*) from metrics where is_nan or abs(value) > 1e300") == [(0,)]


def test_runs_table_answers_the_question(tracked_experiment):
    _, runs = all_runs(tracked_experiment)
    metrics = runs[f"{KEY}0"].data.metrics
    assert metrics["event/jumps"] == 3
    assert metrics["event/bifurcations"] == 2
    assert metrics["event/bifurcations_nonsmooth_fold"] == 2
    assert metrics["event/bifurcations_unresolved"] == 1
    assert metrics["coincidence/precursor_rate"] == pytest.approx(2 / 3)
    # Epochs 2, 3, 9, 10 of 20.
    assert metrics["coincidence/epochs_covered"] == pytest.approx(0.2)


def test_artifacts_of_a_run_and_of_the_summary(tracked_experiment):
    client, runs = all_runs(tracked_experiment)
    run_id = runs[f"{KEY}0"].info.run_id
    assert {file.path for file in client.list_artifacts(run_id)} == {f"{KEY}0.png", "config.yaml", "tables"}
    artifacts = tracked_experiment.parent / "mlflow-artifacts" / "paper" / run_id / "artifacts"
    for table in BATCH_TABLES:
        whole = read_table(tracked_experiment / "batches" / BATCH / table.FILE, table)
        mine = read_table(artifacts / "tables" / table.FILE, table)
        pd.testing.assert_frame_equal(mine, whole[whole["run"] == f"{KEY}0"].reset_index(drop=True))
    assert "alpha: 0.1" in (artifacts / "config.yaml").read_text()
    summary = runs["summary"]
    assert {file.path for file in client.list_artifacts(summary.info.run_id)} == {"figures", "statistics", "summary.md"}
    assert summary.data.tags["mlflow.note.content"].startswith("## paper: do loss jumps")
    assert (tracked_experiment.parent / "mlflow-artifacts" / "paper").is_dir()


def test_data_set_of_a_run(tracked_experiment):
    client, runs = all_runs(tracked_experiment)
    [entry] = client.get_run(runs[f"{KEY}0"].info.run_id).inputs.dataset_inputs
    digest = hashlib.sha256(data_file(tracked_experiment).read_bytes()).hexdigest()
    assert (entry.dataset.name, entry.dataset.digest) == ("lorenz63", digest[:8])
    assert entry.dataset.source_type == "local"
    assert json.loads(entry.dataset.source) == {"uri": "paper/data/lorenz63-cccccccc.npz"}
    # The hand-made experiment has no data file of the laser.
    [other] = {run.info.run_id for key, run in runs.items() if key == "santafe_laser-shallow_plrnn-gtf-aaaaaaaa-s0"}
    assert client.get_run(other).inputs.dataset_inputs == []
    assert rows(tracked_experiment, "select count(*) from datasets") == [(1,)]
    assert rows(tracked_experiment, "select count(*) from inputs") == [(4,)]


def test_numbers_of_the_condition_are_on_each_of_its_runs(tracked_experiment):
    _, runs = all_runs(tracked_experiment)
    for seed in (0, 1):
        metrics = runs[f"{KEY}{seed}"].data.metrics
        assert metrics["condition/runs"] == 2
        assert metrics["condition/jumps"] == 4
        # Of jumps at 3, 10, 15 and 5 those at 3 and 10 come an epoch after a bifurcation.
        assert metrics["condition/precursor_rate"] == 0.5
        assert 0 <= metrics["condition/precursor_chance"] <= 1
        assert "condition/precursor_p" not in metrics
    assert "condition/precursor_rate" not in runs["lorenz63-shallow_plrnn-gtf-aaaaaaaa-s0"].data.metrics


def test_words_and_views_of_an_experiment(tracked_experiment):
    with open_store(None, tracked_experiment.parent, "paper") as store:
        tags = store.client.get_experiment(store.experiment_id).tags
    note = tags["mlflow.note.content"]
    assert f"({tracking_views.runs_page(store.experiment_id)})" in note
    state = json.loads(json.loads(tags[tracking_views.VIEW_TAG])["state"])
    _, runs = all_runs(tracked_experiment)
    shown = {name for run in runs.values() for name in run.data.metrics} | {
        name for run in runs.values() for name in run.data.tags
    }
    # With four jumps at most no condition has a p.
    wanted = {column.split("`")[1] for column in state["columnOrder"]} - {"condition/precursor_p"}
    assert wanted <= shown
    assert len(note) < 8000
    said = runs[f"{KEY}0"].data.tags["mlflow.note.content"]
    assert said.startswith(
        "Finished after epoch 20. The loss jumped in **3 epochs**, the map bifurcated in **2 epochs**"
    )
    assert "**2 of 3** had a bifurcation" in said
    assert f"/runs/{runs[f'{KEY}0'].info.run_id}/artifacts/{KEY}0.png" in said
