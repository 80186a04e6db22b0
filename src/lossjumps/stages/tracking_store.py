"""The MLflow store: where it is, one writer at a time, and replacing runs without leaving anything behind.

Importing this module imports MLflow, which takes more than a second: only the stage *track* does.
"""

import contextlib
import fcntl
import gc
import logging
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

# Read when MLflow is imported: nothing is ever sent from here.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")

from mlflow import MlflowClient
from mlflow.entities import Experiment, LifecycleStage, Metric, Run, ViewType
from mlflow.exceptions import MlflowException

from lossjumps.errors import InputError
from lossjumps.stages.tracking_address import SQLITE, database_file, default_database, tracking_uri, without_password

SQL_SCHEMES = ("sqlite", "postgresql", "mysql", "mssql")
FIRST_ANSWER = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""How often and how long (seconds) a server is waited for that has not answered yet."""
LATER_ANSWERS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "5"}
"""The same for one that went away: about a minute in all."""
RUN_KEY = "run_key"
DIGEST = "digest"


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

    def runs(self, filter_string: str = "") -> dict[str, list[Run]]:
        """Return the runs of the experiment by their keys: one each, or more after an accident.

        In a database those in the trash are among them: they are there when a removal was interrupted.

        Parameters
        ----------
        filter_string
            In MLflow's language of searches, such as ``tags.batch = '...'``.
        """
        view = ViewType.ALL if self._is_database else ViewType.ACTIVE_ONLY
        found: dict[str, list[Run]] = {}
        token = None
        while True:
            page = self.client.search_runs(
                [self.experiment_id], filter_string, run_view_type=view, max_results=1000, page_token=token
            )
            for run in page:
                if RUN_KEY in run.data.tags:
                    found.setdefault(run.data.tags[RUN_KEY], []).append(run)
            token = page.token
            if not token:
                return found

    def remove(self, runs: list[Run]) -> None:
        """Delete runs; in a database for good, with their points and artifacts (a server keeps them in its trash)."""
        for run in runs:
            if run.info.lifecycle_stage == LifecycleStage.ACTIVE:
                self.client.delete_run(run.info.run_id)
        if runs and self._is_database:
            _collect(self._uri, [run.info.run_id for run in runs])

    def describe(self, tags: dict[str, str]) -> None:
        """Set tags of the experiment that are not there yet."""
        there = self.client.get_experiment(self.experiment_id).tags
        for key, value in tags.items():
            if there.get(key) != value:
                self.client.set_experiment_tag(self.experiment_id, key, value)

    def log_numbers(self, run: Run, numbers: dict[str, float]) -> None:
        """Log numbers that take the place of those that a run shows: at the same step, a millisecond later."""
        points = []
        for name, value in numbers.items():
            history = self.client.get_metric_history(run.info.run_id, name) if name in run.data.metrics else []
            time = max((point.timestamp + 1 for point in history), default=run.info.start_time)
            points.append(Metric(name, value, time, 0))
        self.client.log_batch(run.info.run_id, metrics=points)

    def new_run(self, name: str, tags: dict[str, str], time: int) -> str:
        """Make a run that starts at `time` (milliseconds): when the files were written, not when imported."""
        return self.client.create_run(self.experiment_id, start_time=time, tags=tags, run_name=name).info.run_id

    def finish(self, run_id: str, digest: str, time: int) -> None:
        """Mark a run as whole: its digest says what it was made from."""
        self.client.set_tag(run_id, DIGEST, digest)
        self.client.set_terminated(run_id, status="FINISHED", end_time=time)

    @property
    def _is_database(self) -> bool:
        return self._uri.startswith(SQL_SCHEMES)


def active(runs: dict[str, list[Run]]) -> dict[str, Run]:
    """Return the runs by key that are not in the trash."""
    return {
        key: run for key, found in runs.items() for run in found if run.info.lifecycle_stage == LifecycleStage.ACTIVE
    }


def is_current(runs: list[Run], digest: str) -> bool:
    """Tell whether there is exactly one run, finished, made from this content."""
    if len(runs) != 1:
        return False
    [run] = runs
    whole = run.info.status == "FINISHED" and run.info.lifecycle_stage == LifecycleStage.ACTIVE
    return whole and run.data.tags.get(DIGEST) == digest


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
    database = database_file(uri)
    if database is not None and not database.is_file():
        return []
    keys, page = [], None
    with _usable(uri):
        client = MlflowClient(tracking_uri=uri)
        with _waiting(FIRST_ANSWER):
            found = client.get_experiment_by_name(experiment)
        while found is not None:
            runs = client.search_runs([found.experiment_id], f"tags.{RUN_KEY} != ''", max_results=1000, page_token=page)
            keys += [run.data.tags[RUN_KEY] for run in runs]
            page = runs.token
            if not page:
                break
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
        with _usable(uri), _waiting(FIRST_ANSWER):
            _make_database(database_file(uri))
            client = MlflowClient(tracking_uri=uri)
            found = _experiment(client, uri, results, experiment)
        with _answering(uri), _waiting(LATER_ANSWERS):
            yield Store(client, uri, found.experiment_id)


@contextlib.contextmanager
def _waiting(patience: dict[str, str]) -> Iterator[None]:
    """Set how long MLflow waits for a server, unless the environment says so."""
    chosen = {name: value for name, value in patience.items() if name not in os.environ}
    os.environ.update(chosen)
    try:
        yield
    finally:
        for name in chosen:
            del os.environ[name]


@contextlib.contextmanager
def _usable(uri: str) -> Iterator[None]:
    """Turn what MLflow says of a store that cannot be opened into one line."""
    try:
        with _answering(uri):
            yield
    except MlflowException as error:
        raise _unusable(uri, str(error).splitlines()[0]) from error


@contextlib.contextmanager
def _answering(uri: str) -> Iterator[None]:
    """Turn what MLflow says of a server that does not answer into one line."""
    try:
        yield
    except MlflowException as error:
        if not str(error).startswith("API request to"):
            raise
        cause = re.search(r"\[Errno -?\d+\] ([^'\")]+)", str(error))
        raise _unusable(uri, f"no answer: {cause[1] if cause else 'timed out'}") from error


def _unusable(uri: str, why: str) -> InputError:
    return InputError(f"tracking.uri: MLflow cannot use {without_password(uri)} ({why})")


def _make_database(database: Path | None) -> None:
    """Make a missing database beside its place and rename it: an interrupted migration cannot be taken up again."""
    if database is None or database.is_file():
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    for path in database.parent.glob(f".unfinished-*-{database.name}*"):
        path.unlink()
    unfinished = database.with_name(f".unfinished-{uuid.uuid4().hex}-{database.name}")
    MlflowClient(tracking_uri=f"{SQLITE}{unfinished}").search_experiments(max_results=1)
    unfinished.replace(database)


def _experiment(client: MlflowClient, uri: str, results: Path, name: str) -> Experiment:
    """Return the experiment of this name; make it, or take it back from the trash, if need be."""
    default = uri == f"sqlite:///{default_database(results)}"
    folder = Path(results).resolve() / "mlflow-artifacts" / name
    found = client.get_experiment_by_name(name)
    if found is None:
        # A server decides itself where artifacts go.
        location = folder.as_uri() if uri.startswith(SQL_SCHEMES) else None
        return client.get_experiment(client.create_experiment(name, artifact_location=location))
    if default and found.artifact_location != folder.as_uri():
        raise InputError(
            f"{default_database(results)}: made for artifacts in {found.artifact_location}; delete it and track again,"
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
