import json
import shutil
import sqlite3
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lossjumps.errors import InputError
from lossjumps.stages import track, tracking_store
from lossjumps.stages.tracking_store import open_store, run_keys, tracking_uri

BATCH = "lorenz63-shallow_plrnn-bptt-s0-1-bbbbbbbb"
KEY = "lorenz63-shallow_plrnn-bptt-aaaaaaaa-s"


@pytest.fixture(scope="module")
def experiment(reported_experiment, tmp_path_factory):
    """An experiment that is imported whole; making the database takes seconds, so the tests share it."""
    folder = shutil.copytree(reported_experiment, tmp_path_factory.mktemp("tracked") / "paper")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        track.run(folder / "batches" / BATCH)
        track.run(folder)
    return folder


def all_runs(folder):
    with open_store(None, folder.parent, folder.name) as store:
        return store.client, {
            run.data.tags["run_key"]: run for run in store.client.search_runs([store.experiment_id], max_results=1000)
        }


def rows(folder, query):
    with sqlite3.connect(folder.parent / "mlflow.db") as database:
        return database.execute(query).fetchall()


def test_every_run_is_there_with_what_tells_it_apart(experiment):
    _, runs = all_runs(experiment)
    assert set(runs) == {f"{KEY}0", f"{KEY}1", "summary"}
    assert sorted(run_keys(None, experiment.parent, "paper")) == sorted(runs)
    assert run_keys(None, experiment.parent, "another") == []
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


def test_points_are_those_of_the_history_and_none_is_infinite(experiment):
    client, runs = all_runs(experiment)
    history = pd.read_parquet(experiment / "batches" / BATCH / "history.parquet")
    mine = history[history["run"] == f"{KEY}1"]
    points = client.get_metric_history(runs[f"{KEY}1"].info.run_id, "loss/free")
    expected = mine[np.isfinite(mine["loss_free"])]
    assert [point.step for point in points] == expected["epoch"].tolist()
    assert [point.value for point in points] == expected["loss_free"].tolist()
    assert runs[f"{KEY}1"].data.tags["left_out"] == "loss/free 1, loss/free_long 1"
    assert runs[f"{KEY}1"].data.metrics["import/points_left_out"] == 2
    assert rows(experiment, "select count(*) from metrics where is_nan or abs(value) > 1e300") == [(0,)]


def test_runs_table_answers_the_question(experiment):
    _, runs = all_runs(experiment)
    metrics = runs[f"{KEY}0"].data.metrics
    assert metrics["event/jumps"] == 3
    assert metrics["event/bifurcations"] == 2
    assert metrics["event/bifurcations_nonsmooth_fold"] == 2
    assert metrics["event/bifurcations_unresolved"] == 1
    assert metrics["coincidence/precursor_rate"] == pytest.approx(2 / 3)
    # Epochs 2, 3, 9, 10 of 20.
    assert metrics["coincidence/epochs_covered"] == pytest.approx(0.2)


def test_artifacts_of_a_run_and_of_the_summary(experiment):
    client, runs = all_runs(experiment)
    assert {file.path for file in client.list_artifacts(runs[f"{KEY}0"].info.run_id)} == {f"{KEY}0.png", "config.yaml"}
    summary = runs["summary"]
    assert {file.path for file in client.list_artifacts(summary.info.run_id)} == {"figures", "statistics", "summary.md"}
    assert summary.data.tags["mlflow.note.content"].startswith("# paper: do loss jumps")
    assert (experiment.parent / "mlflow-artifacts" / "paper").is_dir()


def test_importing_again_changes_nothing(experiment):
    before = rows(experiment, "select run_uuid from runs order by 1"), rows(experiment, "select count(*) from metrics")
    receipt = (experiment / "batches" / BATCH / "tracked.json").read_bytes()
    track.run(experiment / "batches" / BATCH)
    track.run(experiment)
    after = rows(experiment, "select run_uuid from runs order by 1"), rows(experiment, "select count(*) from metrics")
    assert after == before
    assert (experiment / "batches" / BATCH / "tracked.json").read_bytes() == receipt
    assert set(json.loads(receipt)) == {f"{KEY}0", f"{KEY}1"}
    assert str(experiment.parent) not in receipt.decode()


@pytest.fixture
def no_drawing(monkeypatch):
    """Figures are tested elsewhere, and seen among the artifacts of the experiment that the tests share."""
    monkeypatch.setattr(track, "run_figure", lambda *tables, title, **options: title)
    monkeypatch.setattr(track, "save_png", lambda title, path: path.write_text(title))


ONE_BATCH = {("lorenz63", "bptt"): [(5, "finished", [(2, 1)], [])] * 2}


def test_changed_content_replaces_the_run(make_experiment, experiment, monkeypatch, no_drawing):
    collected = []
    # It starts MLflow's own command, which takes seconds; that it deletes for good is tested below.
    monkeypatch.setattr(tracking_store, "_collect", lambda uri, identities: collected.extend(identities))
    # A second experiment in the same database.
    folder = make_experiment(experiment.parent / "changing", ONE_BATCH, compared=False)
    batch = folder / "batches" / BATCH
    track.run(batch)
    _, first = all_runs(folder)

    history = pd.read_parquet(batch / "history.parquet")
    history["loss_free"] *= 2
    history.to_parquet(batch / "history.parquet", index=False)
    track.run(batch)
    client, second = all_runs(folder)
    assert set(second) == {f"{KEY}0", f"{KEY}1"}
    assert {run.info.run_id for run in second.values()}.isdisjoint(run.info.run_id for run in first.values())
    points = client.get_metric_history(second[f"{KEY}0"].info.run_id, "loss/free")
    assert [point.value for point in points] == history.loc[history["run"] == f"{KEY}0", "loss_free"].tolist()
    assert sorted(collected) == sorted(run.info.run_id for run in first.values())


def test_runs_are_named_by_the_plan_which_knows_what_is_swept(make_experiment, experiment, no_drawing):
    folder = make_experiment(experiment.parent / "swept", ONE_BATCH, compared=False)
    plan = pd.read_parquet(folder / "plan.parquet")
    (folder / "plan.parquet").unlink()
    track.run(folder / "batches" / BATCH)
    _, runs = all_runs(folder)
    assert {run.info.run_name for run in runs.values()} == {f"lorenz63 shallow_plrnn bptt s{seed}" for seed in (0, 1)}
    drawn = folder / "batches" / BATCH / "figures" / f"{KEY}0.png"
    assert drawn.read_text() == "lorenz63 shallow_plrnn bptt, seed 0"

    # A plan for seed 0 alone, written later: the run is the same and its name tells the swept value.
    swept = plan[plan["seed"] == 0].assign(label="lorenz63 bptt hidden=4")
    swept.to_parquet(folder / "plan.parquet", index=False)
    track.run(folder / "batches" / BATCH)
    _, again = all_runs(folder)
    assert {key: run.info.run_id for key, run in again.items()} == {key: run.info.run_id for key, run in runs.items()}
    assert [again[f"{KEY}{seed}"].info.run_name for seed in (0, 1)] == [
        "lorenz63 bptt hidden=4 s0",
        "lorenz63 shallow_plrnn bptt s1",
    ]
    assert again[f"{KEY}0"].data.tags["label"] == "lorenz63 bptt hidden=4"
    assert all(run.data.tags["digest"] for run in again.values())

    # The summary comes after the plan, whenever the batches were imported.
    plan.assign(label="lorenz63 bptt epochs=5").to_parquet(folder / "plan.parquet", index=False)
    (folder / "summary.md").write_text("# swept\n")
    track.run(folder)
    _, last = all_runs(folder)
    assert {run.info.run_name for run in last.values()} == {
        "summary",
        "lorenz63 bptt epochs=5 s0",
        "lorenz63 bptt epochs=5 s1",
    }


@pytest.mark.slow
def test_half_made_runs_are_made_again_and_removed_ones_are_gone(make_experiment, experiment, no_drawing):
    folder = make_experiment(experiment.parent / "interrupted", ONE_BATCH, compared=False)
    batch = folder / "batches" / BATCH
    track.run(batch)
    client, first = all_runs(folder)
    metrics = rows(folder, "select count(*) from metrics")
    # As an importer that was killed in the middle leaves it: with its key and without its digest.
    client.delete_tag(first[f"{KEY}0"].info.run_id, "digest")
    track.run(batch)
    # The old points are gone for good, not only hidden.
    _, second = all_runs(folder)
    assert second[f"{KEY}0"].info.run_id != first[f"{KEY}0"].info.run_id
    assert second[f"{KEY}1"].info.run_id == first[f"{KEY}1"].info.run_id
    assert rows(folder, "select count(*) from metrics") == metrics

    assert track.remove_runs(folder, [f"{KEY}0", "no-such-run"]) == 1
    assert set(all_runs(folder)[1]) == {f"{KEY}1"}


def test_only_one_finished_run_of_this_content_is_current():
    def run(status="FINISHED", **tags):
        return SimpleNamespace(info=SimpleNamespace(status=status), data=SimpleNamespace(tags=tags))

    assert track._is_current([run(digest="d")], "d")
    assert not track._is_current([], "d")
    assert not track._is_current([run(digest="d"), run(digest="d")], "d")
    assert not track._is_current([run(digest="other")], "d")
    assert not track._is_current([run()], "d")
    assert not track._is_current([run(status="RUNNING", digest="d")], "d")


def test_a_store_made_elsewhere_is_refused(experiment):
    moved = experiment.parent.with_name("moved")
    moved.mkdir()
    (moved / "mlflow.db").write_bytes((experiment.parent / "mlflow.db").read_bytes())
    with (
        pytest.raises(InputError, match=r"mlflow\.db: made for artifacts in .*; delete it and track again"),
        open_store(None, moved, "paper"),
    ):
        pass


def test_tracking_uri_prefers_configuration_then_environment(monkeypatch, tmp_path):
    assert tracking_uri(None, tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert tracking_uri(None, tmp_path) == "http://127.0.0.1:5000"
    assert tracking_uri("sqlite:///other.db", tmp_path) == "sqlite:///other.db"


def test_asking_for_runs_makes_no_database(tmp_path):
    assert run_keys(None, tmp_path, "paper") == [] and list(tmp_path.iterdir()) == []


def test_unusable_uri_and_folder_are_input_errors(tmp_path):
    with (
        pytest.raises(InputError, match=r"tracking\.uri: MLflow cannot use"),
        open_store(f"file:{tmp_path}/mlruns", tmp_path, "any"),
    ):
        pass
    with pytest.raises(InputError, match=r"expected a batch folder with config\.yaml"):
        track.run(tmp_path)


def test_digest_depends_on_content_and_not_on_the_place(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text("content")
    digests = [track.content_digest([tmp_path / name / "x"], tmp_path / name) for name in ("a", "b")]
    assert digests[0] == digests[1]
    (tmp_path / "a" / "x").write_text("other")
    assert track.content_digest([tmp_path / "a" / "x"], tmp_path / "a") != digests[0]
    with pytest.raises(InputError, match="y: file not found"):
        track.content_digest([tmp_path / "a" / "y"], tmp_path / "a")
