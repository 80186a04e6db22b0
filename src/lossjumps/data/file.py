"""A user's own recording: a .npy, .npz or .csv file with samples in rows."""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from lossjumps.data.reading import SUFFIXES, Table, columns_of_csv, read_table
from lossjumps.data.series import Series, check_length, split, standardised
from lossjumps.data.simulation import OBSERVATION_NOISE
from lossjumps.errors import InputError, one_of
from lossjumps.schema import DatasetConfig, require

FEWEST_FOR_A_CLOCK = 20
"""Samples from which on steps that are all the same are no accident."""


@dataclass
class FileConfig(DatasetConfig):
    """A file of real numbers: a row a sample, a column a variable."""

    path: str = field(default="???", metadata={"expected": "a .npy, .npz or .csv file"})
    """The file (.npy, .npz or .csv), relative to the working directory."""
    array: str | None = None
    """Name of the array in an .npz file; null where it holds one array, and for other files."""
    columns: list[str] | None = None
    """Columns to observe, by name (a .csv file's header) or by position, 0 the first; null: all."""
    time_step: float = 1.0
    """Time between samples. Unit: time of the recording."""
    embedding_dimension: int = 1
    """Delay coordinates m of every column; 1: no embedding."""
    embedding_delay: int = 1
    """Delay between the coordinates. Unit: samples."""

    def __post_init__(self) -> None:
        super().__post_init__()
        suffix = Path(self.path).suffix.lower()
        require(suffix in SUFFIXES, "dataset.path", f"a file ending in {', '.join(SUFFIXES)}", self.path)
        require(self.array is None or suffix == ".npz", "dataset.array", "null for a file that is no .npz", self.array)
        require(self.columns is None or len(self.columns) > 0, "dataset.columns", "null or a list", self.columns)
        require(
            self.time_step > 0 and np.isfinite(self.time_step),
            "dataset.time_step",
            "a finite number > 0",
            self.time_step,
        )
        for key in ("embedding_dimension", "embedding_delay"):
            require(getattr(self, key) >= 1, f"dataset.{key}", "an integer >= 1", getattr(self, key))


def n_observed(config: FileConfig) -> int:
    """Count the observed variables; of the file, no more is read than that takes.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    """
    path = _place(config)
    if config.columns is not None:
        columns = len(config.columns)
    elif path.suffix.lower() == ".csv":
        columns = columns_of_csv(path)
    else:
        columns = _table(path, config.array, 1).values.shape[1]
    return columns * config.embedding_dimension


def check(config: FileConfig) -> None:
    """Check that the series can be made, by making them; a file that did not change is read once.

    Raises
    ------
    InputError
        As `load` does.
    """
    load(config)


def load(config: FileConfig) -> Series:
    """Read, embed, split and standardise the file's columns.

    Raises
    ------
    InputError
        If the file or what it holds is unfit: missing, empty, text, not finite, constant, too short; or if all its
        columns are to be observed and one is a clock.
    """
    path = _place(config)
    table = _samples(config)
    if table.values.size == 0:
        raise InputError(f"{path}: expected samples, the file holds none")
    chosen = _positions(config.columns, table, path)
    lengths = {
        "dimension": config.embedding_dimension,
        "delay": config.embedding_delay,
        "what": str(path),
    }
    check_length(len(table.values), config.length_train, config.length_test, **lengths)
    raw = np.asarray(table.values[:, chosen], dtype=np.float64)
    for row, column in np.argwhere(~np.isfinite(raw))[:1]:
        where = f"sample {row} of column {_called(chosen[column], table)}"
        raise InputError(f"{path}: expected finite numbers, found {raw[row, column]} in {where} (0 the first)")
    if config.columns is None and len(chosen) > 1 and len(raw) >= FEWEST_FOR_A_CLOCK:
        for column in np.flatnonzero(_counts_time(raw)):
            others = [_called(other, table) for other in chosen if other != column]
            raise InputError(
                f"{path}: column {_called(column, table)} rises by the same step in every row, as time does; say which "
                f"columns to observe, such as dataset.columns=[{', '.join(others)}], that one as well if it is meant"
            )
    train, test = split(raw, config.length_train, config.length_test, **lengths)
    return standardised(
        train,
        test,
        time_step=config.time_step,
        noise=config.noise,
        generator=np.random.default_rng([config.noise_seed, OBSERVATION_NOISE]),
        what=str(path),
        called=lambda column: _called(chosen[column % len(chosen)], table),
    )


def _counts_time(raw: np.ndarray) -> np.ndarray:
    """Tell which columns of (T, C) are a clock or a row number: to a thousandth, every step is the same, and not 0."""
    steps = np.diff(raw, axis=0)
    mean = steps.mean(axis=0)
    return (mean != 0) & (np.abs(steps - mean).max(axis=0) <= 1e-3 * np.abs(mean))


def content(config: FileConfig) -> str:
    """Digest of the samples that the series are made from; what follows them in the file does not count.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    """
    return _samples(config).digest


def stamp(path: Path) -> tuple[str, int, int]:
    """Say which file this is, and which state of it: place, size and time of the last change."""
    status = path.stat()
    return str(path.resolve()), status.st_size, status.st_mtime_ns


def _place(config: FileConfig) -> Path:
    path = Path(config.path)
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "is no file" if path.exists() else "does not exist"
        raise InputError(f"dataset.path: expected a file ending in {', '.join(SUFFIXES)}, {path} {found}")
    return path


def _samples(config: FileConfig) -> Table:
    span = (config.embedding_dimension - 1) * config.embedding_delay
    return _table(_place(config), config.array, config.length_train + config.length_test + 2 * span)


def _table(path: Path, array: str | None, most_rows: int) -> Table:
    return _table_of(path, array, most_rows, stamp(path))


@lru_cache(maxsize=4)  # planning asks once a condition
def _table_of(path: Path, array: str | None, most_rows: int, state: tuple[str, int, int]) -> Table:
    return read_table(path, array, most_rows)


def _called(position: int, table: Table) -> str:
    return repr(table.names[position]) if table.names else str(position)


def _positions(columns: list[str] | None, table: Table, path: Path) -> list[int]:
    count = table.values.shape[1]
    if columns is None:
        return list(range(count))
    positions = []
    for column in map(str, columns):
        if table.names.count(column) > 1:
            raise InputError(
                f"dataset.columns: expected a column of {path}, {table.names.count(column)} are called {column!r}; "
                "give its position, 0 the first"
            )
        if column in table.names:
            positions.append(table.names.index(column))
        elif column.isdecimal() and int(column) < count:
            positions.append(int(column))
        else:
            known = one_of(column, table.names) if table.names else f"expected positions from 0 to {count - 1}"
            raise InputError(f"dataset.columns: {path} has no column {column!r}; {known}")
    if len(set(positions)) < len(positions):
        raise InputError(f"dataset.columns: expected every column once, got {', '.join(map(str, columns))}")
    return positions
