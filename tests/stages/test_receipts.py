import json
import sqlite3
from types import SimpleNamespace

import pytest

from lossjumps.stages.receipts import receipt_text, store_text

KEYS = {"one": ["a-s0", "a-s1"], "two": ["b-s0"]}
FIRST = 'store: "mlflow.db"\nfilled: 1'
SECOND = 'store: "mlflow.db"\nfilled: 2'


@pytest.fixture
def plan(tmp_path):
    """Two batches, imported into a database that has MLflow's tables."""
    folder = tmp_path / "results" / "paper"
    rows = [{"batch": batch, "run": run} for batch, runs in KEYS.items() for run in runs]
    uri = SimpleNamespace(configuration=SimpleNamespace(tracking=SimpleNamespace(uri=None)))
    for batch, runs in KEYS.items():
        write(folder / "batches" / batch / "tracked.json", receipt_text(None, dict.fromkeys(runs, "d")))
    write(folder / "tracked.json", receipt_text(None, {"summary": "s"}))
    write(folder / "store.yaml", FIRST + "\n")
    change(
        folder,
        "create table experiments (experiment_id, name, lifecycle_stage)",
        "create table runs (run_uuid, experiment_id, status, lifecycle_stage)",
        "create table tags (run_uuid, key, value)",
        "insert into experiments values (1, 'paper', 'active'), (2, 'other', 'active')",
        *(f"insert into runs values ('{key}', 1, 'FINISHED', 'active')" for key in ("a-s0", "a-s1", "b-s0", "summary")),
        "insert into tags select run_uuid, 'run_key', run_uuid from runs",
        "insert into tags select run_uuid, 'digest', 'd' from runs where run_uuid != 'summary'",
        "insert into tags values ('summary', 'digest', 's')",
    )
    return SimpleNamespace(folder=folder, rows=rows, conditions=[uri])


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def change(folder, *statements):
    with sqlite3.connect(folder.parent / "mlflow.db") as database:
        for statement in statements:
            database.execute(statement)


def test_nothing_is_due_where_the_store_holds_what_the_receipts_say(plan):
    assert store_text(plan) == FIRST
    # A receipt that is not there is a job of its own.
    (plan.folder / "batches" / "two" / "tracked.json").unlink()
    assert store_text(plan) == FIRST


@pytest.mark.parametrize(
    "statement",
    [
        "delete from runs where run_uuid = 'b-s0'",
        "update runs set lifecycle_stage = 'deleted' where run_uuid = 'summary'",
        "update runs set status = 'RUNNING' where run_uuid = 'a-s1'",
        "update tags set value = 'e' where key = 'digest' and run_uuid = 'a-s0'",
        "update experiments set lifecycle_stage = 'deleted' where name = 'paper'",
        "update runs set experiment_id = 2",
        "drop table tags",
    ],
)
def test_all_is_due_where_a_run_is_not_there_as_it_was(plan, statement):
    change(plan.folder, statement)
    assert store_text(plan) == SECOND


def test_all_is_due_in_a_database_that_is_gone_or_none(plan):
    database = plan.folder.parent / "mlflow.db"
    database.write_text("not a database")
    assert store_text(plan) == SECOND
    database.unlink()
    assert store_text(plan) == SECOND
    assert not database.exists()
    # After that has been noted, and nothing imported yet, the receipts are not true yet.
    write(plan.folder / "store.yaml", SECOND + "\n")
    assert store_text(plan) == 'store: "mlflow.db"\nfilled: 3'


def test_runs_that_are_not_planned_may_be_gone(plan):
    change(plan.folder, "delete from runs where run_uuid = 'a-s1'")
    plan.rows = [row for row in plan.rows if row["run"] != "a-s1"]
    assert store_text(plan) == FIRST


def test_another_store_is_filled_and_its_password_kept_nowhere(plan, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@example.org:5000/mlflow")
    other = 'store: "https://example.org:5000/mlflow"\nfilled: 2'
    assert store_text(plan) == other
    write(plan.folder / "store.yaml", other + "\n")
    for path in plan.folder.rglob("tracked.json"):
        path.write_text(receipt_text(None, json.loads(path.read_text())["runs"]))
    assert store_text(plan) == other
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    plan.conditions[0].configuration.tracking.uri = f"sqlite:///{plan.folder}/own.db"
    assert store_text(plan) == f'store: "sqlite:///{plan.folder}/own.db"\nfilled: 3'


@pytest.mark.parametrize("content", ["", "store: [", "filled: many", "- 1"])
def test_a_file_that_says_nothing_is_written_anew(plan, content):
    (plan.folder / "store.yaml").write_text(content)
    assert store_text(plan) == FIRST


@pytest.mark.parametrize("content", ["", "[1]", '{"a-s0": "d"}', '{"store": "mlflow.db", "runs": 3}'])
def test_a_receipt_that_says_nothing_is_not_true(plan, content):
    (plan.folder / "batches" / "one" / "tracked.json").write_text(content)
    assert store_text(plan) == SECOND
