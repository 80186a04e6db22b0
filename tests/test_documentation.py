"""The documentation says what is there: columns, files, commands."""

import ast
import importlib.util
import re
import shlex
import shutil
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import yaml

from lossjumps.command_line import STAGES
from lossjumps.compiled import SAID_ONCE
from lossjumps.configuration.request import workflow_request
from lossjumps.data.file import FileConfig
from lossjumps.errors import InputError
from lossjumps.stages import tables


def module_from_file(path: Path) -> ModuleType:
    """Import a program that is in no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
generate = module_from_file(ROOT / "docs" / "generate.py")


@pytest.mark.parametrize("name", generate.PAGES)
def test_made_pages_are_those_of_the_schemas(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == generate.page(name), "run `make docs`"


def test_every_column_and_every_key_is_in_a_made_page() -> None:
    columns, keys = ((ROOT / "docs" / name).read_text() for name in ("columns.md", "configuration.md"))
    for table in (tables.Plan, *tables.BATCH_TABLES, *tables.STATISTICS_TABLES):
        section = columns.split(f"\n## {table.FILE}\n")[1].split("\n## ")[0]
        rows = re.findall(r"^\| ([a-z0-9_, ]+) \|", section, flags=re.MULTILINE)
        assert [name for row in rows[1:] for name in row.split(", ")] == table.names()
    for path in (ROOT / "conf").glob("*/*.yaml"):
        if path.parent.name != "experiment":
            for key in leaves(yaml.safe_load(path.read_text())):
                assert key == "name" or f"| `{path.parent.name}.{key}` |" in keys, key


def leaves(content: dict, prefix: str = "") -> Iterator[str]:
    for name, value in content.items():
        yield from leaves(value, f"{prefix}{name}.") if isinstance(value, dict) and value else [f"{prefix}{name}"]


def test_ranges_are_those_that_the_schemas_check() -> None:
    ranges = {key.name: key.range for key in generate.keys(FileConfig, "dataset.")}
    for key, value in (("length_train", 1), ("embedding_delay", 0), ("time_step", 0.0), ("path", "a.txt")):
        with pytest.raises(InputError, match=re.escape(f"dataset.{key}: expected {ranges[f'dataset.{key}']}, got")):
            FileConfig(**{"path": "a.csv", key: value})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


def test_named_files_exist() -> None:
    for name in re.findall(
        r"`((?:src|conf|docs|tests)/[\w/.]+)`",
        "".join(page.read_text() for page in PAGES if page.name != "extending.md"),
    ):
        if not name.endswith("/cell.yaml"):  # a user's own, in the README
            assert (ROOT / name).exists(), name


def test_named_commands_exist() -> None:
    text = "".join(page.read_text() for page in PAGES)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"(?:`|^ {4})make ([a-z-]+)", text, flags=re.MULTILINE)) <= targets
    commands = set(re.findall(r"(?:`|^ {4})lossjumps ([a-z]+)", text, flags=re.MULTILINE))
    assert commands and commands <= {*STAGES, "find", "prune", "replay", "ui"}


def test_overrides_in_the_readme_are_understood() -> None:
    commands = re.findall(r"^ {4}snakemake --config (overrides=.*)$", README, flags=re.MULTILINE)
    assert len(commands) == 1
    for command in commands:
        (word,) = shlex.split(command)
        plan = workflow_request({"overrides": word.removeprefix("overrides=")}, ROOT / "conf").plan()
        assert plan.batches


def test_the_sweep_over_a_file_in_the_readme_is_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    written = re.findall(r"`conf/(\w+/cell\.yaml)`:\n\n((?: {4}.*\n)+)", README)
    assert [name for name, _ in written] == ["dataset/cell.yaml", "experiment/cell.yaml"]
    for name, text in written:
        (tmp_path / "conf" / name).write_text(textwrap.dedent(text))
    (tmp_path / "data").mkdir()
    numbers = np.random.default_rng(0).normal(size=4500)
    rows = "".join(f"{0.05 * i:.2f},{number}\n" for i, number in enumerate(numbers))
    (tmp_path / "data" / "cell.csv").write_text(f"time,voltage\n{rows}")
    monkeypatch.chdir(tmp_path)
    plan = workflow_request({"experiment": "cell"}, Path("conf")).plan()
    labels = ["bptt", "gtf alpha=0.05", "gtf alpha=0.1", "gtf alpha=0.3"]
    assert [condition.label for condition in plan.conditions] == [f"cell {label}" for label in labels]


def test_every_direct_dependency_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wished = {"hydra-core", "torch", "numpy", "scipy", "mlflow", "snakemake", "pytest"}
    names = {re.match(r"[\w-]+", text)[0] for texts in project["optional-dependencies"].values() for text in texts}
    names |= {re.match(r"[\w-]+", text)[0] for text in project["dependencies"]}
    explained = (ROOT / "docs" / "dependencies.md").read_text().split("\n`requirements.lock`")[0]
    assert {
        name for name in names - wished if not re.search(rf"^\|.*\b{name}\b.*\|.*\|", explained, re.MULTILINE)
    } == set()


def templates() -> Iterator[re.Pattern[str]]:
    """What the f-strings in the source say, any value in place of their expressions; the longer ones."""
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else None for part in node.values]
                if sum(len(part) for part in parts if part) > 25:
                    yield re.compile("".join(".*" if part is None else re.escape(part) for part in parts))


def test_messages_in_troubleshooting_are_those_of_the_source() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    messages = re.findall(r"^ {4}lossjumps: (.*)$", page, flags=re.MULTILINE)
    known = list(templates())
    assert len(messages) == 8
    assert f"    find: {SAID_ONCE}\n" in page
    assert [message for message in messages if not any(pattern.search(message) for pattern in known)] == []
