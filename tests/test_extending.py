"""The examples of docs/extending.md, written into a copy of the project as they stand on the page, and run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
NEW = {"dataset": "roessler", "model": "leaky_plrnn", "training": "sparse", "events": "intervals"}
TINY = (
    "seed=range(0,2) dataset.length_train=200 dataset.length_test=150 model.latent=4 training.epochs=6 "
    "training.updates_per_epoch=2 training.batch_size=4 training.sequence_length=25 training.evaluation.sequences=4 "
    "training.evaluation.horizon_long=40 search.max_order=2 search.transient=100 events.coincidence.surrogates=19"
)
STAGES = ("dataset", "train", "dynamics", "jumps", "causes", "coincidences", "plan", "statistics", "report")
"""Of the command line, in an order in which they can run."""


def blocks() -> list[tuple[str, str, str]]:
    """The file, the language and the text of every block; a block without a file of its own goes on with the last."""
    page = (ROOT / "docs" / "extending.md").read_text()
    found, name = [], ""
    for place, language, text in re.findall(
        r"(?:^`([\w/.]+)`:\n\n)?^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL
    ):
        name = place or name
        found.append((name, language, text))
    return found


def write(folder: Path) -> None:
    """Do what the page says."""
    for name, language, text in blocks():
        path = folder / name
        if language != "diff":
            assert not path.exists(), name
            path.write_text(text)
            continue
        lines = text.splitlines()
        old = "".join(f"{line[1:]}\n" for line in lines if line[0] in " -")
        new = "".join(f"{line[1:]}\n" for line in lines if line[0] in " +")
        content = path.read_text()
        assert content.count(old) == 1, f"{name} has changed: the page shows lines that are not there\n{old}"
        path.write_text(content.replace(old, new))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the examples in it."""
    folder = tmp_path_factory.mktemp("extended")
    for name in ("src/lossjumps", "benchmarks", "conf", "docs", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.tmp.*", "*.pyc.*"))
    for name in ("pyproject.toml", "README.md", "Makefile", "CITATION.cff"):
        shutil.copy(ROOT / name, folder)
    write(folder)
    return folder


def python(project: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(project / "src")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=project, env=environment, capture_output=True, text=True, timeout=600
    )


def test_the_page_has_a_file_a_yaml_and_an_entry_of_each() -> None:
    languages = [language for _, language, _ in blocks()]
    assert languages == ["python", "yaml", "diff", "diff"] * len(NEW)


@pytest.mark.slow
def test_the_examples_go_through_the_stages(project: Path) -> None:
    overrides = [*(f"{group}={name}" for group, name in NEW.items()), *TINY.split()]
    code = "import sys; from lossjumps.command_line import main\n"
    code += f"for stage in {STAGES}: assert main([stage, *{overrides!r}]) == 0, stage"
    done = python(project, "-c", code)
    assert done.returncode == 0, done.stdout + done.stderr
    results = project / "results" / "single"
    [batch] = (results / "batches").iterdir()
    assert batch.name.startswith("roessler-leaky_plrnn-sparse-s0-1-")
    history = pd.read_parquet(batch / "history.parquet")
    assert history["run"].nunique() == 2 and history["epoch"].max() == 6
    assert len(pd.read_parquet(batch / "cycles.parquet")) > 0
    assert "roessler" in (results / "summary.md").read_text()


def test_a_new_null_says_what_it_assumes(project: Path) -> None:
    code = "import lossjumps; print(lossjumps.event_coincidence([3, 30], [2, 40], 50, 1, null='intervals').null)"
    assert "assumes that each waiting time might" in python(project, "-c", code).stdout


@pytest.mark.slow
def test_the_tests_of_all_entries_take_up_the_new_ones(project: Path) -> None:
    assert python(project, "docs/generate.py").returncode == 0
    assert "`dataset.c`" in (project / "docs" / "configuration.md").read_text()
    names = (
        "data/test_registry.py",
        "analysis/test_coincidence.py::test_a_null_moves_every_bifurcation_to_an_epoch_of_its_run",
        "configuration/test_compose.py",
        "test_schema.py",
    )
    names += tuple(
        f"training/test_{name}.py"
        for name in ("configuration", "forcing", "losses", "models", "sequences", "validation")
    )
    tests = [f"tests/{name}" for name in (*names, "test_documentation.py")]
    done = python(project, "-m", "pytest", "-v", "-p", "no:cacheprovider", *tests)
    assert done.returncode == 0, done.stdout[-4000:]
    for name in (*NEW.values(), "dataset=roessler"):
        assert re.search(rf"\[(?:[\w.=]+-)*{name}(?:-[\w.=]+)*\] PASSED", done.stdout), name
