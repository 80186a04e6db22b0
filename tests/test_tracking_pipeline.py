"""Imports into MLflow by Snakemake: what is due when the store is another one, or lost."""

import sqlite3

import pytest
from tests.test_pipeline import PAIR, Tree

pytestmark = pytest.mark.slow

SMALL = ("seed=0", "training.epochs=2")
IMPORTS = {"store": 1, "track": 2, "track_summary": 1, "all": 1}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Two trainings, finished and imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        tree = Tree(tmp_path_factory.mktemp("project"))
        run(tree)
    return tree


@pytest.fixture(autouse=True)
def no_server(monkeypatch):
    """Whatever server this computer logs to, tests do not."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def run(tree):
    done = tree.snakemake("--cores", "2", overrides=" ".join([PAIR, *SMALL]))
    assert done.returncode == 0, done.stdout + done.stderr


def due(tree):
    """Number of jobs of each rule that are due; asking for them changes nothing."""
    files = {path: path.stat().st_mtime_ns for path in (tree.folder / "results").rglob("*")}
    counts, _ = tree.planned(*SMALL)
    assert {path: path.stat().st_mtime_ns for path in (tree.folder / "results").rglob("*")} == files
    return counts


def held(database):
    """Number of runs, and of points that are there once."""
    with sqlite3.connect(database) as connection:
        runs = connection.execute("select count(*), count(distinct name) from runs").fetchone()
        points = connection.execute("select count(*), count(distinct run_uuid || key || step) from metrics").fetchone()
    return runs, points


def test_a_database_that_is_deleted_comes_back_whole(tree):
    database = tree.folder / "results" / "mlflow.db"
    runs, points = before = held(database)
    assert runs == (3, 3) and points[0] == points[1] > 30
    assert due(tree) == {"all": 1}
    database.unlink()
    assert due(tree) == IMPORTS
    run(tree)
    assert held(database) == before
    assert due(tree) == {"all": 1}


def test_another_store_is_filled(tree, monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other.db")
    assert due(tree) == IMPORTS
    run(tree)
    assert held(tmp_path / "other.db") == held(tree.folder / "results" / "mlflow.db")
    assert due(tree) == {"all": 1}
