"""`lossjumps ui`: MLflow's server on this computer, for the results that are there."""

import argparse
import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from lossjumps.errors import InputError

DESCRIPTION = """\
Start MLflow's server for the runs in RESULTS/mlflow.db and print where the runs and the charts of
each experiment are seen in a browser; Ctrl-C ends it. It listens on this computer alone and sends
nothing anywhere.
"""

EXAMPLES = """\
examples:
  lossjumps ui
  lossjumps ui results --port 5001
"""

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
SERVER = (sys.executable, "-m", "mlflow", "server", "--host", HOST, "--workers", "1")
QUIET = "--log-level warning --timeout-graceful-shutdown 2"
"""Options of the web server: no line for each request, and an open browser does not keep it from ending."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `lossjumps ui` takes."""
    parser.description = DESCRIPTION
    parser.epilog = EXAMPLES
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
    """Start the server, print where each experiment is seen, and stay until the server ends or a signal ends it.

    Raises
    ------
    InputError
        If there is no database, it cannot be read, or the port is not free.
    """
    database = arguments.results / "mlflow.db"
    if not database.is_file():
        raise InputError(
            f"{database}: file not found; run an experiment first, for example with `snakemake`, or name the folder"
            " of its results (runs that went to another tracking server are seen there)"
        )
    pages = experiment_pages(database)
    _check_free(arguments.port)
    address = f"http://{HOST}:{arguments.port}"
    print(f"MLflow starts at {address}, in some seconds.", flush=True)
    options = ["--port", str(arguments.port), "--uvicorn-opts", QUIET]
    with _ended_by_signals([*SERVER, *options, "--backend-store-uri", f"sqlite:///{database.resolve()}"]) as server:
        if _answers(arguments.port, server):
            for name, runs, charts in pages:
                print(f"{name}:", f"  runs    {address}/{runs}", f"  charts  {address}/{charts}", sep="\n")
            print("Ctrl-C ends it.", flush=True)
        status = server.wait()
    if status:
        sys.exit(status)


@contextlib.contextmanager
def _ended_by_signals(command: list[str]) -> Iterator[subprocess.Popen]:
    """Run the server in a session of its own, which Ctrl-C does not reach, and end it once by whatever would end us.

    From a terminal its two processes would each be interrupted, the inner one twice: that ends in tracebacks.
    """
    started: list[subprocess.Popen] = []

    def end(number: int, frame: object) -> None:
        for server in started:
            server.terminate()
        if not started:
            sys.exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    started.append(subprocess.Popen(command, env={**os.environ, **ENVIRONMENT}, start_new_session=True))
    try:
        yield started[0]
    finally:
        started[0].terminate()
        started[0].wait()


def _answers(port: int, server: subprocess.Popen) -> bool:
    """Wait until the server listens, which it does when it is ready; false if it ends before."""
    while server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=5):
            return True
        time.sleep(0.2)
    return False


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


def experiment_pages(database: Path) -> list[tuple[str, str, str]]:
    """Return the experiments of a database: name, page of the runs and page of the charts, relative to the server.

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
    from lossjumps.stages.tracking_views import VIEW_TAG, charts_page, runs_page

    select = """
        SELECT experiments.name, experiments.experiment_id
        FROM experiments JOIN experiment_tags USING (experiment_id)
        WHERE experiment_tags.key = ? AND experiments.lifecycle_stage = 'active' ORDER BY experiments.name
    """
    try:
        with contextlib.closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute(select, [VIEW_TAG]).fetchall()
    except sqlite3.Error as error:
        raise InputError(
            f"{database}: expected a database of MLflow's ({error}); delete it, the next `snakemake` makes it anew"
        ) from error
    return [(name, runs_page(identity), charts_page(identity)) for name, identity in found]
