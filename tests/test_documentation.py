"""The documentation says what is there: columns, files, commands."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from lossjumps.command_line import STAGES
from lossjumps.configuration.request import workflow_request
from lossjumps.stages import coincidences, dynamics, jumps, statistics
from lossjumps.training.recording import HISTORY

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COLUMNS = (ROOT / "docs" / "columns.md").read_text()
WRITTEN = {
    "history.parquet": ("run", "epoch", *HISTORY),
    "cycles.parquet": dynamics.CYCLES,
    "bifurcations.parquet": dynamics.BIFURCATIONS,
    "attractors.parquet": dynamics.ATTRACTORS,
    "jumps.parquet": jumps.COLUMNS,
    "coincidences.parquet": coincidences.COLUMNS,
    "statistics/conditions.parquet": statistics.CONDITION_COLUMNS,
    "statistics/comparisons.parquet": statistics.COMPARISON_COLUMNS,
}


@pytest.mark.parametrize("table", WRITTEN)
def test_columns_are_documented(table: str) -> None:
    section = COLUMNS.split(f"\n## {table}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([a-z0-9_, ]+) \|", section, flags=re.MULTILINE)
    documented = [name for row in rows if row != "column" for name in row.split(", ")]
    assert sorted(documented) == sorted(WRITTEN[table])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


def test_named_files_exist() -> None:
    for name in re.findall(r"`((?:src|conf|docs|tests)/[\w/.]+)`", "".join(page.read_text() for page in PAGES)):
        assert (ROOT / name).exists(), name


def test_named_commands_exist() -> None:
    text = "".join(page.read_text() for page in PAGES)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"(?:`|^ {4})make ([a-z-]+)", text, flags=re.MULTILINE)) <= targets
    commands = set(re.findall(r"(?:`|^ {4})lossjumps ([a-z]+)", text, flags=re.MULTILINE))
    assert commands and commands <= {*STAGES, "find", "prune", "ui"}


def test_overrides_in_the_readme_are_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recording.csv").write_text("voltage\n" + "\n".join(str(i % 7) for i in range(20_000)))
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^ {4}snakemake --config (overrides=.*)$", README, flags=re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        (word,) = shlex.split(command)
        plan = workflow_request({"overrides": word.removeprefix("overrides=")}, ROOT / "conf").plan()
        assert plan.batches


def test_every_direct_dependency_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wished = {"hydra-core", "torch", "numpy", "scipy", "mlflow", "snakemake", "pytest"}
    names = {re.match(r"[\w-]+", text)[0] for texts in project["optional-dependencies"].values() for text in texts}
    names |= {re.match(r"[\w-]+", text)[0] for text in project["dependencies"]}
    explained = (ROOT / "docs" / "dependencies.md").read_text().split("\n`requirements.lock`")[0]
    assert {
        name for name in names - wished if not re.search(rf"^\|.*\b{name}\b.*\|.*\|", explained, re.MULTILINE)
    } == set()
