"""What all tests share."""

import json
import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings
from tests.networks_in_files import TENT

pytest_plugins = ["tests.distribution"]

# Small networks gain nothing from threads, and two busy cores lose much; read when numpy and torch are imported.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
# No test, and no process that one starts, sends anything.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DO_NOT_TRACK"] = "true"
os.environ.setdefault("MPLBACKEND", "Agg")

# A shell ignores these for what it runs in the background, and children inherit that: tests send them.
for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
    if signal.getsignal(ignored) is signal.SIG_IGN:
        signal.signal(ignored, signal.default_int_handler if ignored is signal.SIGINT else signal.SIG_DFL)

# Same examples each time, and no deadline: the first call of a compiled function takes seconds.
settings.register_profile("reproducible", derandomize=True, deadline=None, database=None, max_examples=50)
settings.load_profile("reproducible")


def pytest_addoption(parser):
    parser.addoption(
        "--screenshots", metavar="RESULTS", help="drive MLflow's UI on these results, and keep pictures in docs/images"
    )


@pytest.fixture
def folder_with_tent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a network in the file `tent.json`."""
    monkeypatch.chdir(tmp_path)
    Path("tent.json").write_text(json.dumps(TENT))
    return tmp_path
