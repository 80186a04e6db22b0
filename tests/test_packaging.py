"""What a fresh machine installs: the lock, the two ways to it, and a core that needs little."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK_LINES = [
    line for line in (ROOT / "requirements.lock").read_text().splitlines() if line and not line.startswith("#")
]
LOCK = {canonicalize_name(r.name): r for r in (Requirement(line.split("  #")[0]) for line in LOCK_LINES)}

FIND_CYCLES = """
from lossjumps import ReluMap, find_cycles
import lossjumps.analysis, lossjumps.maps, lossjumps.search

# z' = relu(1 - 2 z): a fixed point at 1/3 with multiplier -2, and the cycle 0 -> 1 -> 0.
found = find_cycles(ReluMap.relu_rnn([[-2.0]], [1.0]), max_order=3)
print([(cycle.order, cycle.points.ravel().round(12).tolist(), cycle.is_stable) for cycle in found])
"""
EXPECTED = f"{[(1, [round(1 / 3, 12)], False), (2, [1.0, 0.0], True)]}\n"
BLOCKED = ("torch", "mlflow", "snakemake", "hydra", "omegaconf", "pandas", "pyarrow", "matplotlib", "yaml")
BLOCKER = f"""
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError("blocked by the test: " + name)

sys.meta_path.insert(0, Blocker())
"""


def run_python(python: str | Path, code: str, folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run([python, "-W", "error", "-c", code], capture_output=True, text=True, cwd=folder, timeout=300)


def test_lock_is_exact_and_portable() -> None:
    for line in LOCK_LINES:
        # A name, an exact version without local suffix, perhaps a marker, a remark: no hash, no address, no path.
        assert re.fullmatch(r"[a-z0-9.-]+==[0-9][0-9a-z.!]*( ; [^#@/\\]+)?(  # via .*)?", line), line
    assert str(LOCK["torch"].specifier) == "==2.13.0"
    assert str(LOCK["mlflow"].specifier) == "==3.17.2"
    assert not [name for name in LOCK if name.startswith(("nvidia", "cuda", "triton"))]


def test_lock_covers_the_package() -> None:
    for text in sum(PROJECT["optional-dependencies"].values(), start=PROJECT["dependencies"]):
        requirement = Requirement(text)
        (pin,) = LOCK[canonicalize_name(requirement.name)].specifier
        assert requirement.specifier.contains(pin.version), text


def test_conda_and_make_install_the_same() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["dependencies"] == [
        f"python {PROJECT['requires-python']}",
        "pip",
        {"pip": ["-r requirements.lock", "-e ."]},
    ]


def test_make_looks_for_the_pythons_of_the_package() -> None:
    (bounds,) = re.findall(r"not \((\d+), (\d+)\) <= sys.version_info\[:2\] <= \((\d+), (\d+)\)", makefile())
    assert PROJECT["requires-python"] == f">={bounds[0]}.{bounds[1]},<{bounds[2]}.{int(bounds[3]) + 1}"


def makefile() -> str:
    return (ROOT / "Makefile").read_text()


def test_core_dependencies_are_few() -> None:
    assert sorted(Requirement(text).name for text in PROJECT["dependencies"]) == [
        "numba",
        "numpy",
        "python-flint",
        "safetensors",
        "scipy",
    ]


def test_core_runs_where_the_pipeline_is_missing(tmp_path: Path) -> None:
    finished = run_python(sys.executable, BLOCKER + FIND_CYCLES, tmp_path)
    assert (finished.returncode, finished.stdout) == (0, EXPECTED), finished.stderr


def test_find_command_runs_where_the_pipeline_is_missing(tmp_path: Path) -> None:
    (tmp_path / "weights.json").write_text('{"W": [[-2.0]], "b": [1.0]}')
    code = "from lossjumps.command_line import main\nmain(['find', 'weights.json', '--max-order', '2'])"
    finished = run_python(sys.executable, BLOCKER + code, tmp_path)
    assert finished.stdout.endswith("order 2: 1 cycle, certified complete (splitting), index sum 1\n"), finished.stderr


def test_blocker_blocks(tmp_path: Path) -> None:
    for name in BLOCKED:
        assert "blocked by the test" in run_python(sys.executable, f"{BLOCKER}\nimport {name}", tmp_path).stderr


def run(command: list[str | Path]) -> str:
    finished = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.slow
def test_core_installs_alone(tmp_path: Path) -> None:
    # From a copy: building leaves files beside the sources.
    source = tmp_path / "source"
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    python = tmp_path / "venv" / "bin" / "python"
    run([sys.executable, "-m", "venv", tmp_path / "venv"])
    run([python, "-m", "pip", "install", "--disable-pip-version-check", "-c", ROOT / "requirements.lock", source])
    listed = run([python, "-m", "pip", "list", "--format=freeze"]).split()
    names = {canonicalize_name(line.split("==")[0]) for line in listed} - {"pip", "setuptools"}
    assert names == {"llvmlite", "lossjumps", "numba", "numpy", "python-flint", "safetensors", "scipy"}
    finished = run_python(python, FIND_CYCLES, tmp_path)
    assert (finished.returncode, finished.stdout) == (0, EXPECTED), finished.stderr
    (tmp_path / "weights.json").write_text('{"W": [[-2.0]], "b": [1.0]}')
    table = run([tmp_path / "venv" / "bin" / "lossjumps", "find", tmp_path / "weights.json", "--max-order", "2"])
    assert table.endswith("order 2: 1 cycle, certified complete (splitting), index sum 1\n")
