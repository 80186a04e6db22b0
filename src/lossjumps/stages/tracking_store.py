"""The MLflow store: where it is, one writer at a time, and replacing runs without leaving anything behind.

Importing this module imports MLflow, which takes more than a second: only the stage *track* does.
"""

import contextlib
import fcntl
import gc
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# Read when MLflow is imported: nothing is ever sent from here.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")

from mlflow import MlflowClient
from mlflow.entities import Experiment, Run
from mlflow.exceptions import MlflowException

from lossjumps.errors import InputError
from lossjumps.stages.tracked_content import external_store

SQL_SCHEMES = ("sqlite", "postgresql", "mysql", "mssql")


def tracking_uri(configured: str | None, results: Path) -> str:
    """Return the tracking URI: the configured one, else ``MLFLOW_TRACKING_URI``, else SQLite in the results folder.

    Parameters
    ----------
    configured
        ``tracking.uri`` of the configuration, or None.
    results
        Folder of all results.
    """
    return external_store(configured) or f"sqlite:///{_database(results)}"


def _database(results: Path) -> Path:
    """Return the absolute path of the default database."""
    return Path(results).resolve() / "mlflow.db"


def _quiet() -> None:
    """Let MLflow and the migrations of its database say warnings only."""
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


@contextlib.contextmanager
def _one_writer(results: Path) -> Iterator[None]:
    """Hold the lock of the results folder: making the database twice at once would break it."""
    Path(results).mkdir(parents=True, exist_ok=True)
    with open(Path(results) / ".mlflow.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Store:
    """One MLflow experiment of one tracking store, open for writing.

    Make it with `open_store`.

    Attributes
    ----------
    client : MlflowClient
    experiment_id : str
    """

    def __init__(self, client: MlflowClient, uri: str, experiment_id: str) -> None:
        self.client = client
        self.experiment_id = experiment_id
        self._uri = uri

    def runs(self, run_key: str) -> list[Run]:
        """Return the runs with this key: one, none, or more after an accident."""
        return list(self.client.search_runs([self.experiment_id], f"tags.run_key = '{run_key}'"))

    def all_runs(self) -> list[Run]:
        """Return every run of the experiment."""
        found, token = [], None
        while True:
            page = self.client.search_runs([self.experiment_id], max_results=1000, page_token=token)
            found += page
            token = page.token
            if not token:
                return found

    def remove(self, runs: list[Run]) -> None:
        """Delete runs; in a database for good, with their points and artifacts (a server keeps them in its trash)."""
        if not runs:
            return
        identities = [run.info.run_id for run in runs]
        for identity in identities:
            self.client.delete_run(identity)
        if self._uri.startswith(SQL_SCHEMES):
            _collect(self._uri, identities)


def run_keys(configured_uri: str | None, results: Path, experiment: str) -> list[str]:
    """List the keys of all runs of an experiment; makes neither a database nor an experiment.

    Parameters
    ----------
    configured_uri, results, experiment
        As `open_store` takes them.

    Raises
    ------
    InputError
        If the tracking URI cannot be used.
    """
    _quiet()
    uri = tracking_uri(configured_uri, results)
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).is_file():
        return []
    keys, page = [], None
    try:
        client = MlflowClient(tracking_uri=uri)
        found = client.get_experiment_by_name(experiment)
        while found is not None:
            runs = client.search_runs([found.experiment_id], "tags.run_key != ''", max_results=1000, page_token=page)
            keys += [run.data.tags["run_key"] for run in runs]
            page = runs.token
            if not page:
                break
    except MlflowException as error:
        raise InputError(f"tracking.uri: MLflow cannot use {uri} ({str(error).splitlines()[0]})") from error
    return keys


def _collect(uri: str, identities: list[str]) -> None:
    """Delete runs that are in the trash of a database for good.

    A process of its own: the command is the public way to do it, and importing it sets MLflow's global state and warns.
    """
    command = [sys.executable, "-m", "mlflow", "gc", "--backend-store-uri", uri, "--tracking-uri", uri]
    done = subprocess.run([*command, "--run-ids", ",".join(identities)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"mlflow gc: {done.stderr.strip() or done.stdout.strip()}")


@contextlib.contextmanager
def open_store(configured_uri: str | None, results: Path, experiment: str) -> Iterator[Store]:
    """Open an experiment for writing, alone; make the database and the experiment where they do not exist.

    Parameters
    ----------
    configured_uri
        ``tracking.uri`` of the configuration, or None.
    results
        Folder of all results.
    experiment
        Name of the experiment.

    Raises
    ------
    InputError
        If the tracking URI cannot be used, or the database was made for another place.
    """
    _quiet()
    uri = tracking_uri(configured_uri, results)
    with _one_writer(results), _collecting_rarely():
        try:
            client = MlflowClient(tracking_uri=uri)
            found = _experiment(client, uri, results, experiment)
        except MlflowException as error:
            raise InputError(f"tracking.uri: MLflow cannot use {uri} ({str(error).splitlines()[0]})") from error
        yield Store(client, uri, found.experiment_id)


def _experiment(client: MlflowClient, uri: str, results: Path, name: str) -> Experiment:
    """Return the experiment of this name; make it, or take it back from the trash, if need be."""
    default = uri == f"sqlite:///{_database(results)}"
    folder = Path(results).resolve() / "mlflow-artifacts" / name
    found = client.get_experiment_by_name(name)
    if found is None:
        # A server decides itself where artifacts go.
        location = folder.as_uri() if uri.startswith(SQL_SCHEMES) else None
        return client.get_experiment(client.create_experiment(name, artifact_location=location))
    if default and found.artifact_location != folder.as_uri():
        raise InputError(
            f"{_database(results)}: made for artifacts in {found.artifact_location}; delete it and track again,"
            " every run is imported from its files"
        )
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return found


@contextlib.contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Spare the garbage collector: MLflow makes several objects a point, which cost a quarter more with it."""
    enabled = gc.isenabled()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()
