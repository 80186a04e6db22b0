"""What `lossjumps ui` refuses before it starts a server; the server itself is met in ``test_mlflow_ui.py``."""

import socket
import sqlite3

import pytest

from lossjumps.command_line import main
from lossjumps.errors import InputError
from lossjumps.stages.tracking_views import VIEW_TAG
from lossjumps.ui_command import HOST, experiment_pages


@pytest.fixture
def results(tmp_path):
    """A folder of results with a database of three experiments: with the saved view, deleted, and without it."""
    with sqlite3.connect(tmp_path / "mlflow.db") as connection:
        connection.execute("CREATE TABLE experiments (experiment_id INTEGER, name TEXT, lifecycle_stage TEXT)")
        connection.execute("CREATE TABLE experiment_tags (experiment_id INTEGER, key TEXT, value TEXT)")
        rows = [(0, "Default", "active"), (1, "paper", "active"), (2, "old", "deleted")]
        connection.executemany("INSERT INTO experiments VALUES (?, ?, ?)", rows)
        connection.executemany("INSERT INTO experiment_tags VALUES (?, ?, 'x')", [(1, VIEW_TAG), (2, VIEW_TAG)])
    connection.close()
    return tmp_path


def refused(capsys, *arguments):
    assert main(["ui", *map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    return captured.err


def test_only_experiments_with_the_view_are_listed(results):
    [(name, runs, charts)] = experiment_pages(results / "mlflow.db")
    assert name == "paper"
    assert runs.startswith("#/experiments/1/runs?") and charts == f"{runs}&compareRunsMode=CHART"


def test_a_port_that_is_taken_is_one_line_with_another(results, capsys):
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused(capsys, results, "--port", port)
    assert f"cannot listen on port {port} (" in said and f"`make ui PORT={port + 1}`" in said


@pytest.mark.parametrize("port", [0, 65536, -1])
def test_a_port_that_is_none_is_refused(results, capsys, port):
    assert f"--port: expected 1 to 65535, got {port}" in refused(capsys, results, "--port", port)


def test_another_file_is_no_database(tmp_path, capsys):
    (tmp_path / "mlflow.db").write_text("nonsense")
    assert "mlflow.db: expected a database of MLflow's (file is not a database)" in refused(capsys, tmp_path)
    with pytest.raises(InputError, match="unable to open"):
        experiment_pages(tmp_path / "missing.db")
