"""Importing again: after a change, into an empty store, after an importer that was killed; each run once."""

import json
import shutil
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from tests.stages.tracking import BATCH, KEY, ONE_BATCH, SMALL_SERIES, all_runs, data_file, rows

from lossjumps.errors import InputError
from lossjumps.stages import track
from lossjumps.stages.files import load_plan, read_table, write_arrays, write_table
from lossjumps.stages.tables import SERIES, Conditions, History, Plan
from lossjumps.stages.tracking_store import is_current


def imported_with(folder, **numbers):
    """Import an experiment whose statistics say this of all its conditions; return its runs by key."""
    (folder / "summary.md").write_text("# numbers\n")
    table = read_table(folder / Conditions.FILE, Conditions).assign(bifurcations=7, **numbers)
    write_table(folder / Conditions.FILE, table, Conditions)
    track.run(folder)
    return all_runs(folder)[1]


def test_importing_again_changes_nothing(tracked_experiment):
    before = (
        rows(tracked_experiment, "select run_uuid from runs order by 1"),
        rows(tracked_experiment, "select count(*) from metrics"),
    )
    receipt = (tracked_experiment / "batches" / BATCH / "tracked.json").read_bytes()
    track.run(tracked_experiment / "batches" / BATCH)
    track.run(tracked_experiment)
    after = (
        rows(tracked_experiment, "select run_uuid from runs order by 1"),
        rows(tracked_experiment, "select count(*) from metrics"),
    )
    assert after == before
    assert (tracked_experiment / "batches" / BATCH / "tracked.json").read_bytes() == receipt
    assert set(json.loads(receipt)["runs"]) == {f"{KEY}0", f"{KEY}1"}
    assert str(tracked_experiment.parent) not in receipt.decode()


def test_changed_content_replaces_the_run(make_experiment, tracked_experiment, no_drawing, no_collection):
    # A second experiment in the same database.
    folder = make_experiment(tracked_experiment.parent / "changing", ONE_BATCH, compared=False)
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


def test_runs_are_named_by_the_plan_which_knows_what_is_swept(make_experiment, tracked_experiment, no_drawing):
    folder = make_experiment(tracked_experiment.parent / "swept", ONE_BATCH, compared=False)
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


def test_new_statistics_are_shown_by_the_runs_that_are_there(
    make_experiment, tracked_experiment, no_drawing, no_collection
):
    folder = make_experiment(tracked_experiment.parent / "numbers", ONE_BATCH)
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


def test_runs_do_not_keep_a_number_that_is_gone(make_experiment, tracked_experiment, no_drawing, no_collection):
    folder = make_experiment(tracked_experiment.parent / "gone", ONE_BATCH)
    first = imported_with(folder, p_precursor=0.5, null_precursor_mean=0.25, jumps=9)
    second = imported_with(folder, p_precursor=0.5, null_precursor_mean=0.25, jumps=4)
    third = imported_with(folder, p_precursor=np.nan, null_precursor_mean=np.inf, jumps=9)
    metrics = [runs[f"{KEY}0"].data.metrics for runs in (first, second, third)]
    assert [shown.get("condition/precursor_p") for shown in metrics] == [0.5, None, None]
    assert [shown.get("condition/precursor_chance") for shown in metrics] == [0.25, 0.25, None]
    assert rows(folder, "select count(*) from metrics where is_nan or abs(value) > 1e300") == [(0,)]


def test_runs_that_no_plan_names_say_so_and_removed_ones_stay_away(
    make_experiment, tracked_experiment, no_drawing, no_collection
):
    folder = make_experiment(tracked_experiment.parent / "fewer", ONE_BATCH)
    imported_with(folder)
    plan = load_plan(folder)
    write_table(folder / "plan.parquet", plan[plan["seed"] == 0], Plan)
    runs = imported_with(folder)
    assert [runs[f"{KEY}{seed}"].data.tags["planned"] for seed in (0, 1)] == ["yes", "no"]
    assert track.remove_runs(folder, [f"{KEY}1"]) == 1
    assert f"{KEY}1" not in imported_with(folder)
    write_table(folder / "plan.parquet", plan, Plan)
    assert imported_with(folder)[f"{KEY}1"].data.tags["planned"] == "yes"


def test_an_experiment_is_imported_whole_into_an_empty_store(make_experiment, no_drawing, tmp_path):
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


@pytest.mark.slow
def test_half_made_runs_are_made_again_and_removed_ones_are_gone(make_experiment, tracked_experiment, no_drawing):
    folder = make_experiment(tracked_experiment.parent / "interrupted", ONE_BATCH, compared=False)
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
