"""Writes the tables of docs/columns.md and docs/configuration.md from the schemas in the source: `make docs`.

What stands between two marks ``<!-- made from ... -->`` and ``<!-- end -->`` is made; the rest of a page is written by
hand.  Meanings are the docstrings below the columns and the keys.
"""

import ast
import inspect
import re
import subprocess
import sys
import textwrap
import types
import typing
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

from lossjumps.configuration.objects import describe_type
from lossjumps.configuration.registries import TRAININGS
from lossjumps.data.registry import DATASETS
from lossjumps.schema import (
    DatasetConfig,
    EventsConfig,
    GeneralConfig,
    ModelConfig,
    SearchConfig,
    TrackingConfig,
)
from lossjumps.stages import tables
from lossjumps.stages.formats import Column, Table

ROOT = Path(__file__).parents[1]
COMMON = {"run": "key of the run, as in the plan", "epoch": "counted from 0"}
"""Meanings of columns that most tables have, where a table says nothing else."""
TYPES = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    list[int]: "list of integers",
    list[float]: "list of numbers",
}


def meanings(schema: type) -> dict[str, str]:
    """The docstrings below the annotations of a class, each on one line."""
    [definition] = ast.parse(textwrap.dedent(inspect.getsource(schema))).body
    found = {}
    for statement, following in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(statement, ast.AnnAssign) and isinstance(following, ast.Expr):
            found[statement.target.id] = one_line(following.value.value)
    return found


def one_line(text: str) -> str:
    """A docstring without its line breaks, as a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def paragraphs(schema: type) -> str:
    """The docstring of a class."""
    return inspect.getdoc(schema).replace(".  ", ". ")


def markdown_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def columns_page() -> str:
    """A section a table of columns."""
    series = meanings(tables.SeriesArrays)
    shapes = {name: shape_of(shape) for name, shape in tables.SERIES.shapes.items()}
    sections = [
        section(tables.Plan),
        f"## data/\\*.npz\n\nMade by the stage `dataset`.\n{paragraphs(tables.SeriesArrays)}\n\n"
        + markdown_table(
            ("array", "shape", "meaning"),
            [(", ".join(names), shapes[names[0]], meaning) for names, meaning in grouped(list(shapes), series)],
        ),
        *(section(table) for table in (*tables.BATCH_TABLES, *tables.STATISTICS_TABLES)),
    ]
    return "\n\n".join(sections)


def shape_of(letters: tuple[str, ...]) -> str:
    """A shape as numpy writes it."""
    return f"({', '.join(letters)}{',' * (len(letters) == 1)})"


def section(table: type[Table]) -> str:
    """The columns of a table."""
    of = {column.name: column for column in table.columns()}
    documented = COMMON | meanings(table) if set(COMMON) & set(of) else meanings(table)
    rows = [
        (", ".join(names), kind_of(of[names[0]]), units([of[name] for name in names]), meaning)
        for names, meaning in grouped(list(of), documented)
    ]
    return (
        f"## {table.FILE}\n\nMade by the stage `{table.STAGE}`.\n{paragraphs(table)}\n\n"
        f"{markdown_table(('column', 'type', 'unit', 'meaning'), rows)}"
    )


def grouped(names: list[str], documented: dict[str, str]) -> Iterator[tuple[list[str], str]]:
    """Names that share a meaning: those without one share that of the next."""
    waiting: list[str] = []
    for name in names:
        waiting.append(name)
        if name in documented:
            yield waiting, documented[name]
            waiting = []
    if waiting:
        raise ValueError(f"no meaning is given for {', '.join(waiting)}")


def kind_of(column: Column) -> str:
    """The type of a column in words."""
    missing = "NaN" if column.kind is float else "null"
    return f"{TYPES[column.kind]} or {missing}" if column.optional else TYPES[column.kind]


def units(columns: list[Column]) -> str:
    """The unit that columns share, or one each."""
    different = list(dict.fromkeys(column.unit for column in columns))
    return different[0] if len(different) == 1 else ", ".join(unit or "none" for unit in different)


@dataclass(frozen=True)
class Key:
    """A key of the configuration."""

    name: str
    """Dotted, as an override names it."""
    type: str
    default: Any
    meaning: str
    range: str


def keys(schema: type, prefix: str) -> Iterator[Key]:
    """The keys of a schema and of those inside it, their ranges as its own checks state them."""
    hints, ranges = typing.get_type_hints(schema), stated_ranges(schema)
    documented = {name: text for base in reversed(schema.__mro__) if is_dataclass(base) for name, text in own(base)}
    for entry in fields(schema):
        hint = hints[entry.name]
        if is_dataclass(hint):
            yield from keys(hint, f"{prefix}{entry.name}.")
        elif entry.name != "name":
            full = f"{prefix}{entry.name}"
            yield Key(full, type_name(hint), default_of(entry), documented[entry.name], ranges.get(full, ""))


def own(schema: type) -> list[tuple[str, str]]:
    """The meanings that a class itself gives."""
    return list(meanings(schema).items())


def type_name(hint: Any) -> str:
    """The type of a key in words, null last."""
    words = describe_type(hint).removeprefix("null or ")
    short = re.sub(r"^an? ", "", words)
    optional = isinstance(hint, types.UnionType) and type(None) in typing.get_args(hint)
    return f"{short} or null" if optional else short


def default_of(entry: Field) -> Any:
    """The default of a key; ``???`` where it has to be given."""
    return entry.default if entry.default_factory is MISSING else entry.default_factory()


def stated_ranges(schema: type) -> dict[str, str]:
    """What the checks of a schema say that they expect of each key."""
    stated: dict[str, str] = {}
    modules = {sys.modules[base.__module__] for base in schema.__mro__}
    with patch_all([module for module in modules if hasattr(module, "require")], stated):
        schema()
    return stated


class patch_all:
    """Replaces `require` in modules by one that notes what it would check."""

    def __init__(self, modules: list[types.ModuleType], stated: dict[str, str]) -> None:
        def note(condition: bool, key: str, expected: str, value: Any) -> None:
            stated[key] = expected

        self.patches = [patch.object(module, "require", note) for module in modules]

    def __enter__(self) -> None:
        for one in self.patches:
            one.start()

    def __exit__(self, *error: object) -> None:
        for one in self.patches:
            one.stop()


def configuration_page() -> str:
    """A section a group."""
    datasets = [
        keys_section(
            f"### dataset={name}" if name == kind.name else f"### dataset={name} ({kind.name})",
            kind.schema,
            "dataset.",
            {name: content},
            without=DatasetConfig,
        )
        for name, content in options("dataset").items()
        for kind in [DATASETS[content["name"]]]
    ]
    schemas = dict.fromkeys(TRAININGS.values())
    trainings = [
        keys_section("### " + ", ".join(f"training={name}" for name in chosen), schema, "training.", chosen)
        for schema in schemas
        for chosen in [
            {name: content for name, content in options("training").items() if TRAININGS[content["name"]] is schema}
        ]
    ]
    general = yaml.safe_load((ROOT / "conf" / "config.yaml").read_text())
    return "\n\n".join(
        [
            keys_section("## Outside of all groups", GeneralConfig, "", {"config.yaml": general}),
            keys_section("## dataset", DatasetConfig, "dataset.", {}),
            *datasets,
            keys_section("## model", ModelConfig, "model.", options("model")),
            "## training",
            *trainings,
            keys_section("## search", SearchConfig, "search.", options("search")),
            keys_section("## events", EventsConfig, "events.", options("events")),
            keys_section("## tracking", TrackingConfig, "tracking.", options("tracking")),
        ]
    )


def options(group: str) -> dict[str, dict[str, Any]]:
    """The options of a group that come with the project: the name and the content of its files."""
    paths = sorted((ROOT / "conf" / group).glob("*.yaml"))
    listed = subprocess.run(["git", "ls-files", f"conf/{group}"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:  # files of a user's own are no part of the pages
        paths = [path for path in paths if path.relative_to(ROOT).as_posix() in listed.stdout.splitlines()]
    return {path.stem: yaml.safe_load(path.read_text()) for path in paths}


def keys_section(
    heading: str,
    schema: type,
    prefix: str,
    chosen: dict[str, dict[str, Any]],
    without: type | None = None,
) -> str:
    """The keys of a schema, and what the options in `conf/` set them to where that is no default."""
    common = {key.name: key for key in keys(without, prefix)} if without and issubclass(schema, without) else {}
    rows = []
    for key in keys(schema, prefix):
        other = {name: value_in(content, key.name.removeprefix(prefix)) for name, content in chosen.items()}
        other = {name: value for name, value in other.items() if value not in (MISSING, key.default)}
        if key.name in common and key.default == common[key.name].default and not other:
            continue
        default = "to be given" if key.default == "???" else f"`{as_yaml(key.default)}`"
        default += "".join(f"; {name}: `{as_yaml(value)}`" for name, value in other.items() if value != "???")
        meaning, _, unit = key.meaning.partition(" Unit: ")
        rows.append((f"`{key.name}`", key.type, default, unit.rstrip("."), key.range, meaning))
    parts = [heading, paragraphs(schema)]
    if rows:
        parts.append(markdown_table(("key", "type", "default", "unit", "range", "meaning"), rows))
    return "\n\n".join(parts)


def value_in(content: dict[str, Any], key: str) -> Any:
    """The value of a dotted key in the content of a file."""
    for name in key.split("."):
        if not isinstance(content, dict) or name not in content:
            return MISSING
        content = content[name]
    return content


def as_yaml(value: Any) -> str:
    """A value as YAML writes it."""
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("\n...\n").strip()


PAGES = {"columns.md": columns_page, "configuration.md": configuration_page}
MADE = re.compile(r"(<!-- made from [^>]* -->\n).*?(<!-- end -->)", re.DOTALL)


def page(name: str) -> str:
    """The whole text of a page, its made part anew."""
    text = (ROOT / "docs" / name).read_text()
    made, count = MADE.subn(lambda found: f"{found[1]}\n{PAGES[name]()}\n\n{found[2]}", text)
    if count != 1:
        raise ValueError(f"docs/{name}: expected the marks of one part that is made, found {count}")
    return made


if __name__ == "__main__":
    for name in PAGES:
        (ROOT / "docs" / name).write_text(page(name))
