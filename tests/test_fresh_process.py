"""What a fresh process imports, and where it keeps the machine code of the kernels."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import lossjumps

HEAVY = ("torch", "mlflow", "snakemake", "hydra", "pandas", "pyarrow", "matplotlib", "scipy.optimize", "scipy.sparse")

KERNEL = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(name)s: %(message)s")
import lossjumps.analysis.coincidence, lossjumps.analysis.training_dynamics
import lossjumps.search.kernels as kernels
import numpy as np

inside = np.array([[True, False]]), np.array([[1.0, -2.0]]), np.array([[1.0, -2.0]])
distance = kernels.admissibility(np.eye(2), np.zeros(2), *inside)
hits = sum(kernels.admissibility.stats.cache_hits.values())
print(kernels.__file__, distance, "from the cache" if hits else "compiled")
"""


def run_python(code: str, **variables: str) -> str:
    hidden = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "PYTHONPATH")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-B", "-c", code],
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_the_library_imports_nothing_that_takes_long() -> None:
    parts = ", ".join(f"lossjumps.{part}" for part in ("maps", "search", "analysis", "analysis.bifurcations"))
    loaded = run_python(f"import {parts}, sys; from lossjumps import *; print(*sys.modules)").split()
    assert "numba" in loaded
    assert not set(HEAVY) & set(loaded)


def test_kernels_of_an_installation_that_cannot_be_written_are_kept_for_the_user(tmp_path: Path) -> None:
    installed = tmp_path / "installed" / "lossjumps"
    shutil.copytree(Path(lossjumps.__file__).parent, installed, ignore=shutil.ignore_patterns("__pycache__"))
    # a file where the folder of the cache would be: nobody can write there, a superuser neither
    for package in ("search", "analysis"):
        (installed / package / "__pycache__").touch()
    home = tmp_path / "home"
    home.mkdir()
    expected = f"{installed / 'search' / 'kernels.py'} 0.5"
    variables = {"PYTHONPATH": str(installed.parent), "HOME": str(home)}
    said = "lossjumps: compiling the search, which takes a minute or two"
    once = f"{said}; the machine code is kept for the next time\n"
    assert run_python(KERNEL, **variables) == f"{once}{expected} compiled\n"
    assert list(home.rglob("kernels.admissibility-*.nbi"))
    assert run_python(KERNEL, **variables) == f"{expected} from the cache\n"
    # and where there is no home either, each process compiles for itself
    for _ in range(2):
        lines = run_python(KERNEL, **variables | {"HOME": str(installed / "__init__.py")}).splitlines()
        assert lines[0].startswith(f"{said} each time: ") and "NUMBA_CACHE_DIR=FOLDER" in lines[0]
        assert lines[1:] == [f"{expected} compiled"]


def test_nothing_is_said_of_functions_that_somebody_else_compiles() -> None:
    code = (
        "import logging, sys; logging.basicConfig(level=logging.INFO, stream=sys.stdout)\n"
        "import numba, lossjumps.compiled\n"
        "print(numba.njit(lambda x: x + 1)(2))"
    )
    assert run_python(code) == "3\n"
