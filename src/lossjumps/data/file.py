"""A user's own recording: a .npy, .npz or .csv file with samples in rows."""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from lossjumps.data.series import Series, split, standardised
from lossjumps.data.simulation import OBSERVATION_NOISE
from lossjumps.errors import InputError
from lossjumps.schema import DatasetConfig, require

SUFFIXES = (".npy", ".npz", ".csv")


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
    """Time between samples, in the recording's unit of time."""
    embedding_dimension: int = 1
    """Delay coordinates m of every column; 1: no embedding."""
    embedding_delay: int = 1
    """Delay between the coordinates, in samples."""

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


def files(config: FileConfig) -> list[Path]:
    """Name the file that the data set is read from.

    Raises
    ------
    InputError
        If it does not exist.
    """
    path = Path(config.path)
    if not path.is_file():
        raise InputError(f"dataset.path: expected a file, {path} does not exist or is none")
    return [path]


def n_observed(config: FileConfig) -> int:
    """Count the observed variables; of the file, no more is read than that takes."""
    [path] = files(config)
    if config.columns is not None:
        return len(config.columns) * config.embedding_dimension
    if path.suffix.lower() == ".csv":
        return len(_first_line(path)) * config.embedding_dimension
    return _content(path, config.array)[1].shape[1] * config.embedding_dimension


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
        If the file or what it holds is unfit: missing, empty, text, not finite, constant, too short.
    """
    [path] = files(config)
    names, values = _content(path, config.array)
    if len(values) == 0 or values.shape[1] == 0:
        raise InputError(f"{path}: expected samples, the file holds none")
    chosen = _positions(config.columns, names, values.shape[1], path)
    raw = np.asarray(values[:, chosen], dtype=np.float64)
    if not np.isfinite(raw).all():
        row, column = np.argwhere(~np.isfinite(raw))[0]
        raise InputError(f"{path}: expected finite numbers, found {raw[row, column]} in row {row}, column {column}")
    train, test = split(
        raw,
        config.length_train,
        config.length_test,
        dimension=config.embedding_dimension,
        delay=config.embedding_delay,
        what=str(path),
    )
    return standardised(
        train,
        test,
        time_step=config.time_step,
        noise=config.noise,
        generator=np.random.default_rng([config.noise_seed, OBSERVATION_NOISE]),
        what=str(path),
    )


def stamp(path: Path) -> tuple[str, int, int]:
    """Say which file this is, and which state of it: place, size and time of the last change."""
    status = path.stat()
    return str(path.resolve()), status.st_size, status.st_mtime_ns


def _content(path: Path, array: str | None) -> tuple[list[str], np.ndarray]:
    """Names of the columns, where the file has some, and the numbers (T, C), which are not to be changed."""
    return _content_of(path, array, stamp(path))


@lru_cache(maxsize=4)  # planning asks once a condition
def _content_of(path: Path, array: str | None, state: tuple[str, int, int]) -> tuple[list[str], np.ndarray]:
    return read_csv(path) if path.suffix.lower() == ".csv" else ([], _array(path, array))


def _array(path: Path, name: str | None) -> np.ndarray:
    """Read the array (T, C) of an .npy file, not yet from the disk, or of an .npz file."""
    is_archive = path.suffix.lower() == ".npz"
    try:
        content = np.load(path, mmap_mode=None if is_archive else "r", allow_pickle=False)
        if is_archive:
            with content:
                content = content[_array_name(path, name, content.files)]
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path}: expected a whole {path.suffix} file of numbers ({error})") from None
    if content.dtype.kind not in "biuf":
        raise InputError(f"{path}: expected real numbers, found an array of type {content.dtype}")
    if content.ndim not in (1, 2):
        raise InputError(f"{path}: expected an array (samples,) or (samples, columns), found shape {content.shape}")
    return content[:, None] if content.ndim == 1 else content


def _array_name(path: Path, name: str | None, known: list[str]) -> str:
    if name is None and len(known) == 1:
        return known[0]
    if name not in known:
        raise InputError(f"dataset.array: expected the name of an array in {path} ({', '.join(known)}), got {name!r}")
    return name


def _first_line(path: Path) -> list[str]:
    """Read the cells of a .csv file's first line.

    Raises
    ------
    InputError
        If there is none, or if the cells are separated by something else than commas.
    """
    try:
        with open(path, encoding="utf-8-sig") as stream:
            line = stream.readline().strip()
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected a text file with comma-separated numbers") from None
    if not line:
        raise InputError(f"{path}: expected comma-separated numbers, the file or its first line is empty")
    for separator, word in ((";", "semicolons"), ("\t", "tabs"), (" ", "spaces")):
        if separator in line and (separator == ";" or "," not in line) and '"' not in line:
            raise InputError(f"{path}: expected cells separated by commas, found {word} in the first line")
    return [cell.strip().strip('"') for cell in line.split(",")]


def read_csv(path: Path) -> tuple[list[str], np.ndarray]:
    """Read a .csv file: the names of its columns, if its first line is no numbers, and the numbers (T, C).

    Raises
    ------
    InputError
        If it holds anything but comma-separated numbers below a header, or none.
    """
    first = _first_line(path)
    names = [] if all(_is_number(cell) for cell in first) else first
    try:
        with open(path, encoding="utf-8-sig") as stream:
            lines = [line for line in stream.read().splitlines()[bool(names) :] if line.strip()]
        if not lines:
            raise InputError(f"{path}: expected samples below the header, found none")
        values = np.loadtxt(lines, delimiter=",", ndmin=2, comments=None, quotechar='"')
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{path}: expected comma-separated numbers ({error}; rows are counted from 0)") from None
    if names and len(names) != values.shape[1]:
        raise InputError(f"{path}: expected {len(names)} columns as in the header, found {values.shape[1]}")
    return names, values


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _positions(columns: list[str] | None, names: list[str], count: int, path: Path) -> list[int]:
    if columns is None:
        return list(range(count))
    positions = []
    for column in map(str, columns):
        if column in names:
            positions.append(names.index(column))
        elif column.isdecimal() and int(column) < count:
            positions.append(int(column))
        else:
            known = ", ".join(names) if names else f"0 to {count - 1}"
            raise InputError(f"dataset.columns: expected columns of {path} ({known}), got {column!r}")
    if len(set(positions)) < len(positions):
        raise InputError(f"dataset.columns: expected every column once, got {list(columns)}")
    return positions
