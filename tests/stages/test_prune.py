"""Pruning lists, and on demand removes, what no plan names: nothing else."""

from pathlib import Path

import pytest

from lossjumps.configuration.request import Request
from lossjumps.errors import InputError
from lossjumps.stages import track
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
    """Two data sets were planned and half tracked; then only one of them."""
    monkeypatch.chdir(tmp_path)
    wide = made("training=bptt", "seed=0,1")
    for name in wide.batches:
        (wide.folder / "batches" / name / "tracked.json").write_text("{}")
    for name in wide.data:
        (wide.folder / "data" / f"{name}.npz").write_bytes(b"0" * 2000)
    narrow = made("training=bptt", "seed=0,1", "dataset=lorenz63")
    return wide, narrow


def names(folder, pattern):
    return {path.name for path in folder.glob(pattern)}


def test_it_lists_and_leaves_everything_in_place(experiment):
    wide, narrow = experiment
    [gone] = set(wide.batches) - set(narrow.batches)
    [data] = set(wide.data) - set(narrow.data)
    lines = prune(narrow.folder, remove=False)
    assert len(lines) == 4 and any(gone in line for line in lines) and f"{data}.npz" in "".join(lines)
    assert "2.0 kB" in "".join(lines) and "--yes" in lines[-1]
    assert names(narrow.folder, "batches/*") == set(wide.batches)


def test_it_removes_files_and_runs_that_no_plan_names(experiment, monkeypatch):
    wide, narrow = experiment
    asked = []
    monkeypatch.setattr(track, "remove_runs", lambda folder, keys: asked.append(sorted(keys)) or len(keys))
    lines = prune(narrow.folder, remove=True)
    assert names(narrow.folder, "batches/*") == set(narrow.batches)
    assert names(narrow.folder, "data/*") == {f"{name}.{suffix}" for name in narrow.data for suffix in ("yaml", "npz")}
    kept = {row["run"] for row in narrow.rows}
    assert asked == [sorted(row["run"] for row in wide.rows if row["run"] not in kept)]
    assert "2 runs removed from MLflow" in lines
    assert prune(narrow.folder, remove=True) == [f"{narrow.folder}: the plan names everything"]


def test_a_run_that_is_planned_in_another_batch_keeps_its_place_in_mlflow(experiment, monkeypatch):
    _, narrow = experiment
    [name] = narrow.batches
    batch = narrow.folder / "batches" / name
    other = batch.with_name(f"{name}0")
    other.mkdir()
    for file in ("config.yaml", "tracked.json"):
        (other / file).write_text((batch / file).read_text())
    asked = []
    monkeypatch.setattr(track, "remove_runs", lambda folder, keys: asked.extend(keys) or len(keys))
    prune(narrow.folder, remove=True)
    assert not other.exists() and asked
    assert not {row["run"] for row in narrow.rows}.intersection(asked)


def test_a_folder_without_a_plan(tmp_path):
    with pytest.raises(InputError, match="file not found"):
        prune(tmp_path, remove=True)
