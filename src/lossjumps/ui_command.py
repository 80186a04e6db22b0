"""`lossjumps ui`: MLflow's server on this computer, for the results that are there."""

import argparse
import contextlib
import os
import socket
import sqlite3
import sys
from pathlib import Path

from lossjumps.errors import InputError

HOST = "127.0.0.1"
PORT = 5000

ENVIRONMENT = {
    # Nothing is sent anywhere.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    # Jobs would be seven more processes; the gateway is one to language models.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_ENABLE_AI_GATEWAY": "false",
    "PYTHONWARNINGS": "ignore",
}
OPTIONS = ("--host", HOST, "--workers", "1", "--uvicorn-opts", "--no-access-log")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `lossjumps ui` takes."""
    parser.add_argument(
        "results",
        nargs="?",
        type=Path,
        default=Path("results"),
        metavar="RESULTS",
        help="folder of all results (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=PORT,
        metavar="N",
        help=f"port on {HOST}, this computer alone (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print where each experiment is seen, and become the server.

    Raises
    ------
    InputError
        If there is no database, MLflow cannot read it, or the port is not free.
    """
    database = arguments.results / "mlflow.db"
    if not database.is_file():
        raise InputError(
            f"{database}: file not found; run an experiment first, for example with `snakemake`, or name the folder"
            " of its results (runs that went to another tracking server are seen there)"
        )
    _check_free(arguments.port)
    address = f"http://{HOST}:{arguments.port}"
    lines = [f"MLflow will be at {address} when it says `startup complete`; Ctrl-C ends it."]
    for name, page in experiment_pages(database):
        lines += [f"{name}:", f"  runs    {address}/{page}", f"  charts  {address}/{page}&compareRunsMode=CHART"]
    print("\n".join(lines), flush=True)
    server = [sys.executable, "-m", "mlflow", "server", *OPTIONS, "--port", str(arguments.port)]
    server += ["--backend-store-uri", f"sqlite:///{database.resolve()}"]
    os.execve(sys.executable, server, {**os.environ, **ENVIRONMENT})


def _check_free(port: int) -> None:
    """Refuse a port that another program listens on, in one line; the server would take many."""
    if not 1 <= port <= 65535:
        raise InputError(f"--port: expected 1 to 65535, got {port}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise InputError(
                f"--port: cannot listen on port {port} ({error.strerror}); choose another, for example"
                f" `lossjumps ui --port {port + 1}` or `make ui PORT={port + 1}`"
            ) from error


def experiment_pages(database: Path) -> list[tuple[str, str]]:
    """Return the experiments of a database by name, and the page of each, relative to the server, in its saved view.

    Read without MLflow, whose import takes longer than all the rest.

    Parameters
    ----------
    database
        An SQLite database of MLflow's.

    Raises
    ------
    InputError
        If it is none.
    """
    from lossjumps.stages.tracking_views import VIEW, VIEW_TAG

    select = """
        SELECT experiments.name, experiments.experiment_id
        FROM experiments JOIN experiment_tags USING (experiment_id)
        WHERE experiment_tags.key = ? AND experiments.lifecycle_stage = 'active' ORDER BY experiments.name
    """
    try:
        with contextlib.closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute(select, [VIEW_TAG]).fetchall()
    except sqlite3.Error as error:
        raise InputError(f"{database}: expected a database of MLflow's ({error}); delete it and track again") from error
    view = f"viewStateShareKey={VIEW}&workflowType=machine_learning"
    return [(name, f"#/experiments/{identity}/runs?{view}") for name, identity in found]
