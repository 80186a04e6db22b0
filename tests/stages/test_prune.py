"""Pruning lists, and on demand removes, what no plan names: nothing else."""

import shutil
from pathlib import Path

import pytest

from lossjumps.configuration.request import Request
from lossjumps.errors import InputError
from lossjumps.stages import track, tracking_store
from lossjumps.stages.plan import run as write_plan
from lossjumps.stages.prepare import prepare
from lossjumps.stages.prune import prune

CONF = Path(__file__).parents[2] / "conf"


def made(*overrides):
    plan = Request("smoke", overrides, CONF).plan()
    prepare(plan)
    write_plan(plan.folder, CONF)
    return plan


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """Two data sets were planned ; then only one of them."""
    monkeypatch.chdir(tmp_path)
    wide = made("training=bptt", "seed=0,1")
    for name in wide.data:
        (wide.folder / "data" / f"{name}.npz").write_bytes(b"0" * 2000)
        (wide.folder / "logs" / "dataset").mkdir(parents=True, exist_ok=True)
        (wide.folder / "logs" / "dataset" / f"{name}.log").touch()
    for rule, names_of_rule in (("train", wide.batches), ("settings", ["search"])):
        (wide.folder / "logs" / rule).mkdir(parents=True)
        for name in names_of_rule:
            (wide.folder / "logs" / rule / f"{name}.log").touch()
    narrow = made("training=bptt", "seed=0,1", "dataset=lorenz63")
    return wide, narrow


def names(folder, pattern):
    return {path.name for path in folder.glob(pattern)}


def in_mlflow(monkeypatch, keys):
    """Let MLflow's store hold these runs; returns them, kept up to date."""
    held = sorted(keys)
    monkeypatch.setattr(tracking_store, "run_keys", lambda uri, results, experiment: list(held))
    monkeypatch.setattr(track, "remove_runs", lambda folder, gone: [held.remove(key) for key in gone])
    return held


def test_it_lists_and_leaves_everything_in_place(experiment, monkeypatch):
    wide, narrow = experiment
    held = in_mlflow(monkeypatch, [row["run"] for row in wide.rows])
    [gone] = set(wide.batches) - set(narrow.batches)
    [data] = set(wide.data) - set(narrow.data)
    lines = prune(narrow.folder, remove=False)
    text = "\n".join(lines)
    assert len(lines) == 8 and f"batches/{gone}\n" in text and f"{data}.npz" in text
    assert all(text.count(f"{row['run']}\n") == (row["batch"] == gone) for row in wide.rows)
    assert "2.0 kB" in text and "2 runs in MLflow that no plan names" in lines[-1] and "--yes" in lines[-1]
    assert names(narrow.folder, "batches/*") == set(wide.batches) and len(held) == 4


def test_it_removes_files_logs_and_runs_that_no_plan_names(experiment, monkeypatch):
    wide, narrow = experiment
    held = in_mlflow(monkeypatch, [*(row["run"] for row in wide.rows), "summary"])
    assert "2 runs in MLflow removed" in prune(narrow.folder, remove=True)[-1]
    assert names(narrow.folder, "batches/*") == set(narrow.batches)
    assert names(narrow.folder, "data/*") == {f"{name}.{suffix}" for name in narrow.data for suffix in ("yaml", "npz")}
    assert names(narrow.folder, "logs/*/*") == {f"{name}.log" for name in (*narrow.batches, *narrow.data, "search")}
    assert held == sorted([*(row["run"] for row in narrow.rows), "summary"])
    assert prune(narrow.folder, remove=True) == [f"{narrow.folder}: the plan names everything"]


def test_runs_whose_files_are_gone_or_whose_seed_is_planned_no_more_are_removed(experiment, monkeypatch):
    wide, narrow = experiment
    for name in set(wide.batches) - set(narrow.batches):
        shutil.rmtree(narrow.folder / "batches" / name)
    prune(narrow.folder, remove=True)
    fewer = made("training=bptt", "seed=1", "dataset=lorenz63")
    assert list(fewer.batches) == list(narrow.batches)
    held = in_mlflow(monkeypatch, [row["run"] for row in wide.rows])
    assert len(prune(narrow.folder, remove=True)) == 4
    assert held == [row["run"] for row in fewer.rows] and len(held) == 1
    assert names(narrow.folder, "batches/*") == set(narrow.batches)


def test_a_folder_without_a_plan(tmp_path):
    with pytest.raises(InputError, match="file not found"):
        prune(tmp_path, remove=True)
