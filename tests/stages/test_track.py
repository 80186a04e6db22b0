import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lossjumps.errors import InputError
from lossjumps.stages import track, tracked_run, tracking_store, tracking_views
from lossjumps.stages.files import load_plan, read_table, write_arrays, write_table
from lossjumps.stages.tables import BATCH_TABLES, SERIES, Conditions, History, Plan
from lossjumps.stages.tracking_store import is_current, open_store, run_keys
from lossjumps.ui_command import ENVIRONMENT

BATCH = "lorenz63-shallow_plrnn-bptt-s0-1-bbbbbbbb"
CONDITION = "lorenz63-shallow_plrnn-bptt-aaaaaaaa"
KEY = f"{CONDITION}-s"
SMALL_SERIES = {
    "train": np.arange(12.0).reshape(4, 3),
    "test": np.ones((2, 3)),
    "mean": np.zeros(3),
    "standard_deviation": np.ones(3),
    "time_step": np.array(0.5),
    "noise": np.zeros((4, 3)),
}


def data_file(folder):
    return folder / "data" / "lorenz63-cccccccc.npz"


@pytest.fixture(scope="module")
def experiment(reported_experiment, tmp_path_factory):
    """An experiment that is imported whole; making the database takes seconds, so the tests share it."""
    folder = shutil.copytree(reported_experiment, tmp_path_factory.mktemp("tracked") / "paper")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        write_arrays(data_file(folder), SMALL_SERIES, SERIES)
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
    assert set(runs) == {*load_plan(experiment)["run"], "summary"}
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
    run_id = runs[f"{KEY}0"].info.run_id
    assert {file.path for file in client.list_artifacts(run_id)} == {f"{KEY}0.png", "config.yaml", "tables"}
    artifacts = experiment.parent / "mlflow-artifacts" / "paper" / run_id / "artifacts"
    for table in BATCH_TABLES:
        whole = read_table(experiment / "batches" / BATCH / table.FILE, table)
        mine = read_table(artifacts / "tables" / table.FILE, table)
        pd.testing.assert_frame_equal(mine, whole[whole["run"] == f"{KEY}0"].reset_index(drop=True))
    assert "alpha: 0.1" in (artifacts / "config.yaml").read_text()
    summary = runs["summary"]
    assert {file.path for file in client.list_artifacts(summary.info.run_id)} == {"figures", "statistics", "summary.md"}
    assert summary.data.tags["mlflow.note.content"].startswith("## paper: do loss jumps")
    assert (experiment.parent / "mlflow-artifacts" / "paper").is_dir()


def test_data_set_of_a_run(experiment):
    client, runs = all_runs(experiment)
    [entry] = client.get_run(runs[f"{KEY}0"].info.run_id).inputs.dataset_inputs
    digest = hashlib.sha256(data_file(experiment).read_bytes()).hexdigest()
    assert (entry.dataset.name, entry.dataset.digest) == ("lorenz63", digest[:8])
    assert entry.dataset.source_type == "local"
    assert json.loads(entry.dataset.source) == {"uri": "paper/data/lorenz63-cccccccc.npz"}
    # The hand-made experiment has no data file of the laser.
    [other] = {run.info.run_id for key, run in runs.items() if key == "santafe_laser-shallow_plrnn-gtf-aaaaaaaa-s0"}
    assert client.get_run(other).inputs.dataset_inputs == []
    assert rows(experiment, "select count(*) from datasets") == [(1,)]
    assert rows(experiment, "select count(*) from inputs") == [(4,)]


def test_numbers_of_the_condition_are_on_each_of_its_runs(experiment):
    _, runs = all_runs(experiment)
    for seed in (0, 1):
        metrics = runs[f"{KEY}{seed}"].data.metrics
        assert metrics["condition/runs"] == 2
        assert metrics["condition/jumps"] == 4
        # Of jumps at 3, 10, 15 and 5 those at 3 and 10 come an epoch after a bifurcation.
        assert metrics["condition/precursor_rate"] == 0.5
        assert 0 <= metrics["condition/precursor_chance"] <= 1
        assert "condition/precursor_p" not in metrics
    assert "condition/precursor_rate" not in runs["lorenz63-shallow_plrnn-gtf-aaaaaaaa-s0"].data.metrics


def test_words_and_views_of_an_experiment(experiment):
    with open_store(None, experiment.parent, "paper") as store:
        tags = store.client.get_experiment(store.experiment_id).tags
    note = tags["mlflow.note.content"]
    assert f"({tracking_views.runs_page(store.experiment_id)})" in note
    state = json.loads(json.loads(tags[tracking_views.VIEW_TAG])["state"])
    _, runs = all_runs(experiment)
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


def test_importing_again_changes_nothing(experiment):
    before = rows(experiment, "select run_uuid from runs order by 1"), rows(experiment, "select count(*) from metrics")
    receipt = (experiment / "batches" / BATCH / "tracked.json").read_bytes()
    track.run(experiment / "batches" / BATCH)
    track.run(experiment)
    after = rows(experiment, "select run_uuid from runs order by 1"), rows(experiment, "select count(*) from metrics")
    assert after == before
    assert (experiment / "batches" / BATCH / "tracked.json").read_bytes() == receipt
    assert set(json.loads(receipt)["runs"]) == {f"{KEY}0", f"{KEY}1"}
    assert str(experiment.parent) not in receipt.decode()


@pytest.fixture
def no_drawing(monkeypatch):
    """Figures are tested elsewhere, and seen among the artifacts of the experiment that the tests share."""
    monkeypatch.setattr(tracked_run, "run_figure", lambda *tables, title, **options: title)
    monkeypatch.setattr(tracked_run, "save_png", lambda title, path: path.write_text(title))


@pytest.fixture
def no_collection(monkeypatch):
    """What would be deleted for good; that starts MLflow's own command, which takes seconds."""
    collected = []
    monkeypatch.setattr(tracking_store, "_collect", lambda uri, identities: collected.extend(identities))
    return collected


ONE_BATCH = {("lorenz63", "bptt"): [(5, "finished", [(2, 1)], [])] * 2}


def test_changed_content_replaces_the_run(make_experiment, experiment, no_drawing, no_collection):
    # A second experiment in the same database.
    folder = make_experiment(experiment.parent / "changing", ONE_BATCH, compared=False)
    batch = folder / "batches" / BATCH
    track.run(batch)
    _, first = all_runs(folder)

    history = read_table(batch / History.FILE, History)
    history["loss_free"] *= 2
    write_table(batch / History.FILE, history, History)
    track.run(batch)
    client, second = all_runs(folder)
    assert set(second) == {f"{KEY}0", f"{KEY}1"}
    assert {run.info.run_id for run in second.values()}.isdisjoint(run.info.run_id for run in first.values())
    points = client.get_metric_history(second[f"{KEY}0"].info.run_id, "loss/free")
    assert [point.value for point in points] == history.loc[history["run"] == f"{KEY}0", "loss_free"].tolist()
    assert sorted(no_collection) == sorted(run.info.run_id for run in first.values())


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


def imported_with(folder, **numbers):
    """Import an experiment whose statistics say this of all its conditions; return its runs by key."""
    (folder / "summary.md").write_text("# numbers\n")
    table = read_table(folder / Conditions.FILE, Conditions).assign(bifurcations=7, **numbers)
    write_table(folder / Conditions.FILE, table, Conditions)
    track.run(folder)
    return all_runs(folder)[1]


def test_new_statistics_are_shown_by_the_runs_that_are_there(make_experiment, experiment, no_drawing, no_collection):
    folder = make_experiment(experiment.parent / "numbers", ONE_BATCH)
    first = imported_with(folder, precursor_rate=0.25, p_precursor=0.5, jumps=9)
    # One more than there was at first, and one that changed; again and again is the same as once.
    for _ in range(2):
        second = imported_with(folder, precursor_rate=0.75, p_precursor=0.25, p_trigger=0.125, jumps=9)
    for seed in (0, 1):
        before, after = first[f"{KEY}{seed}"], second[f"{KEY}{seed}"]
        assert after.info.run_id == before.info.run_id
        assert (before.data.metrics["condition/precursor_rate"], after.data.metrics["condition/precursor_rate"]) == (
            0.25,
            0.75,
        )
        assert after.data.metrics["condition/precursor_p"] == 0.25
        assert after.data.metrics["condition/trigger_p"] == 0.125
        history = (
            "select value from metrics where run_uuid = '{}' and key = 'condition/precursor_rate' order by timestamp"
        )
        assert rows(folder, history.format(after.info.run_id)) == [(0.25,), (0.75,)]
    assert second["summary"].info.run_id != first["summary"].info.run_id


def test_runs_do_not_keep_a_number_that_is_gone(make_experiment, experiment, no_drawing, no_collection):
    folder = make_experiment(experiment.parent / "gone", ONE_BATCH)
    first = imported_with(folder, p_precursor=0.5, null_precursor_mean=0.25, jumps=9)
    second = imported_with(folder, p_precursor=0.5, null_precursor_mean=0.25, jumps=4)
    third = imported_with(folder, p_precursor=np.nan, null_precursor_mean=np.inf, jumps=9)
    metrics = [runs[f"{KEY}0"].data.metrics for runs in (first, second, third)]
    assert [shown.get("condition/precursor_p") for shown in metrics] == [0.5, None, None]
    assert [shown.get("condition/precursor_chance") for shown in metrics] == [0.25, 0.25, None]
    assert rows(folder, "select count(*) from metrics where is_nan or abs(value) > 1e300") == [(0,)]


def test_runs_that_no_plan_names_say_so_and_removed_ones_stay_away(
    make_experiment, experiment, no_drawing, no_collection
):
    folder = make_experiment(experiment.parent / "fewer", ONE_BATCH)
    imported_with(folder)
    plan = load_plan(folder)
    write_table(folder / "plan.parquet", plan[plan["seed"] == 0], Plan)
    runs = imported_with(folder)
    assert [runs[f"{KEY}{seed}"].data.tags["planned"] for seed in (0, 1)] == ["yes", "no"]
    assert track.remove_runs(folder, [f"{KEY}1"]) == 1
    assert f"{KEY}1" not in imported_with(folder)
    write_table(folder / "plan.parquet", plan, Plan)
    assert imported_with(folder)[f"{KEY}1"].data.tags["planned"] == "yes"


def test_an_experiment_is_imported_whole_into_an_empty_store(make_experiment, experiment, no_drawing, tmp_path):
    folder = make_experiment(tmp_path / "results" / "paper", ONE_BATCH)
    told = []
    (folder / "summary.md").write_text("# again\n")
    track.run(folder, lambda done, total, key: told.append((done, total, key)))
    assert told == [(1, 2, f"{KEY}0"), (2, 2, f"{KEY}1")]
    # Without the database, and at another place: this process would go on using one that is deleted.
    files = shutil.ignore_patterns("mlflow*", ".mlflow*")
    again = shutil.copytree(folder.parent, tmp_path / "again", ignore=files) / "paper"
    receipts = [path.read_bytes() for path in again.rglob("tracked.json")]
    track.run(again)
    assert set(all_runs(again)[1]) == {f"{KEY}0", f"{KEY}1", "summary"}
    counted = "select count(*), count(distinct run_uuid), count(distinct run_uuid || key || step) from metrics"
    [(points, runs, different)] = rows(again, counted)
    assert (points, runs) == (different, 2)
    assert rows(folder, counted) == [(points, runs, different)]
    assert [path.read_bytes() for path in again.rglob("tracked.json")] == receipts
    assert {path.name for path in again.parent.iterdir()} == {".mlflow.lock", "mlflow-artifacts", "mlflow.db", "paper"}


MOMENTS = {
    "the database is made": "tracking_store.Path.replace = killed(tracking_store.Path.replace)",
    "the experiment is made": "MlflowClient.create_experiment = killed(MlflowClient.create_experiment, after=True)",
    "a run is made": "MlflowClient.create_run = killed(MlflowClient.create_run, after=True)",
    "points are logged": "Store.log_batch = killed(Store.log_batch, times=2, after=True)",
    "data are logged": "MlflowClient.log_inputs = killed(MlflowClient.log_inputs)",
    "artifacts are copied": "tracked_run.write_table = killed(tracked_run.write_table, times=9)",
    "a run is finished": "MlflowClient.set_terminated = killed(MlflowClient.set_terminated)",
    "a receipt is written": "track.write_text = killed(track.write_text)",
    "old runs are in the trash": "tracking_store._collect = killed(tracking_store._collect)",
}
KILLED = """
import os, signal, sys
from pathlib import Path
from lossjumps.stages import track, tracked_run, tracking_store
from mlflow import MlflowClient
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Store

tracked_run.run_figure = lambda *tables, title, **options: title
tracked_run.save_png = lambda title, path: path.write_text(title)

def killed(function, times=1, after=False):
    calls = []
    def called(*arguments, **options):
        calls.append(1)
        if len(calls) < times:
            return function(*arguments, **options)
        if after:
            function(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)
    return called

exec(sys.argv[2])
track.run(Path(sys.argv[1]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_an_importer_that_is_killed_leaves_nothing_behind(make_experiment, no_drawing, tmp_path, moment):
    folder = make_experiment(tmp_path / "results" / "killed", ONE_BATCH, compared=False)
    batch = folder / "batches" / BATCH
    write_arrays(data_file(folder), SMALL_SERIES, SERIES)
    if moment == "old runs are in the trash":
        track.run(batch)
        history = read_table(batch / History.FILE, History)
        write_table(batch / History.FILE, history.assign(loss_free=1.0), History)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(batch), MOMENTS[moment]], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    for _ in range(2):
        track.run(batch)
        assert set(all_runs(folder)[1]) == {f"{KEY}0", f"{KEY}1"}
        # Those in the trash would be counted as well.
        assert rows(folder, "select count(*), count(distinct name) from runs") == [(2, 2)]
        assert rows(folder, "select count(*) from runs where status != 'FINISHED'") == [(0,)]
        # Six epochs, 0 ... 5.
        points = "select count(*), count(distinct run_uuid || step) from metrics where key = 'loss/free'"
        assert rows(folder, points) == [(12, 12)]
        assert rows(folder, "select count(*) from metrics") == rows(
            folder, "select count(distinct run_uuid || key || step) from metrics"
        )


@pytest.fixture
def server(tmp_path):
    """A tracking server of MLflow's on a free port; its address and its folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path / "server"
    folder.mkdir()
    options = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    options += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "art")]
    environment = {**os.environ, **ENVIRONMENT}
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *options], env=environment, stdout=log, stderr=log
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            assert process.poll() is None, (folder / "log").read_text()
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=5):
                break
            time.sleep(0.2)
        yield address, folder
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.slow
def test_a_tracking_server_holds_the_same(make_experiment, no_drawing, server, monkeypatch, tmp_path):
    address, place = server
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    folder = make_experiment(tmp_path / "results" / "served", ONE_BATCH)
    (folder / "summary.md").write_text("# served\n")
    write_arrays(data_file(folder), SMALL_SERIES, SERIES)
    counts = []
    for _ in range(2):
        track.run(folder / "batches" / BATCH)
        track.run(folder)
        with sqlite3.connect(place / "mlflow.db") as database:
            tables = ("runs", "metrics", "params", "tags", "datasets", "inputs")
            counts.append([database.execute(f"select count(*) from {name}").fetchone()[0] for name in tables])
    assert counts[0] == counts[1] and counts[0][0] == 3
    client, runs = all_runs(folder)
    assert set(runs) == {f"{KEY}0", f"{KEY}1", "summary"}
    history = read_table(folder / "batches" / BATCH / History.FILE, History)
    points = client.get_metric_history(runs[f"{KEY}0"].info.run_id, "loss/free")
    assert [point.value for point in points] == history.loc[history["run"] == f"{KEY}0", "loss_free"].tolist()
    assert {file.path for file in client.list_artifacts(runs[f"{KEY}0"].info.run_id, "tables")} == {
        f"tables/{table.FILE}" for table in BATCH_TABLES
    }
    assert list(place.glob("art/**/summary.md"))
    assert json.loads((folder / "tracked.json").read_text())["store"] == address
    assert not (folder.parent / "mlflow.db").exists()
    assert track.remove_runs(folder, [f"{KEY}0"]) == 1
    track.run(folder)
    assert set(all_runs(folder)[1]) == {f"{KEY}0", f"{KEY}1", "summary"}


def test_a_server_that_does_not_answer_is_one_line_and_soon(monkeypatch, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://user:secret@127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
        started = time.monotonic()
        with pytest.raises(InputError) as caught, open_store(address, tmp_path, "any"):
            pass
    assert time.monotonic() - started < 10
    said = str(caught.value)
    assert said.startswith("tracking.uri: MLflow cannot use http://127.0.0.1:") and "\n" not in said
    assert said.endswith("(no answer: Connection refused)")
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ


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
    def run(status="FINISHED", stage="active", **tags):
        return SimpleNamespace(
            info=SimpleNamespace(status=status, lifecycle_stage=stage), data=SimpleNamespace(tags=tags)
        )

    assert is_current([run(digest="d")], "d")
    assert not is_current([], "d")
    assert not is_current([run(digest="d"), run(digest="d")], "d")
    assert not is_current([run(digest="other")], "d")
    assert not is_current([run()], "d")
    assert not is_current([run(status="RUNNING", digest="d")], "d")
    assert not is_current([run(stage="deleted", digest="d")], "d")


def test_a_store_made_elsewhere_is_refused(experiment):
    moved = experiment.parent.with_name("moved")
    moved.mkdir()
    (moved / "mlflow.db").write_bytes((experiment.parent / "mlflow.db").read_bytes())
    with (
        pytest.raises(InputError, match=r"mlflow\.db: made for artifacts in .*; delete it and track again"),
        open_store(None, moved, "paper"),
    ):
        pass


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
