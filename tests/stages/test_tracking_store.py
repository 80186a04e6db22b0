"""Where runs are kept: a tracking server, and stores that cannot be used."""

import contextlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request

import pytest
from tests.stages.tracking import BATCH, KEY, ONE_BATCH, SMALL_SERIES, all_runs, data_file

from lossjumps.errors import InputError
from lossjumps.stages import track
from lossjumps.stages.files import read_table, write_arrays
from lossjumps.stages.tables import BATCH_TABLES, SERIES, History
from lossjumps.stages.tracking_store import open_store, run_keys
from lossjumps.ui_command import ENVIRONMENT


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


def test_a_store_made_elsewhere_is_refused(tracked_experiment):
    moved = tracked_experiment.parent.with_name("moved")
    moved.mkdir()
    (moved / "mlflow.db").write_bytes((tracked_experiment.parent / "mlflow.db").read_bytes())
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
