"""Numbers from a .npy, .npz or .csv file: samples in rows, no more of them than are asked for.

Sizes are known from headers, so that of a recording larger than memory just what is needed is read.
"""

import csv
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TextIO

import numpy as np

from lossjumps.data.series import check_size
from lossjumps.errors import InputError

SUFFIXES = (".npy", ".npz", ".csv")
LONGEST_LINE = 1_000_000
"""Characters of a line in a .csv file; what is longer is no table."""
SEPARATORS = {";": "semicolons", "\t": "tabs", " ": "spaces"}
BYTE_ORDER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(frozen=True)
class Table:
    """Columns of numbers."""

    names: list[str]
    """Of the columns; empty where the file names none."""
    values: np.ndarray
    """(T, C), not to be changed."""

    @cached_property
    def digest(self) -> str:
        """Hexadecimal SHA-256 of names, shape and numbers."""
        content = sha256(repr((self.names, self.values.dtype.str, self.values.shape)).encode())
        content.update(np.ascontiguousarray(self.values))
        return content.hexdigest()


def read_table(path: Path, array: str | None, most_rows: int) -> Table:
    """Read the first rows of a file, in its own numeric type.

    Parameters
    ----------
    path : Path
    array : str or None
        Name of the array in an .npz file; None where it holds one.
    most_rows : int
        Rows to read at most.

    Raises
    ------
    InputError
        If the file is none, damaged, holds anything but real numbers, or more of them than fit in memory.
    """
    try:
        if path.suffix.lower() == ".csv":
            return Table(*read_csv(path, most_rows))
        if path.suffix.lower() == ".npz":
            return Table([], _from_archive(path, array, most_rows))
        return Table([], _from_array_file(path, most_rows))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None


@dataclass(frozen=True)
class _Header:
    """What an .npy file says of its array before the numbers."""

    shape: tuple[int, ...]
    columns_first: bool
    dtype: np.dtype

    @property
    def columns(self) -> int:
        return self.shape[1] if len(self.shape) == 2 else 1

    def rows_read(self, most_rows: int) -> int:
        """Rows that have to be read for the first ones: all where the file goes along the columns."""
        return self.shape[0] if self.columns_first and self.columns > 1 else min(self.shape[0], most_rows)


def _header(stream: BinaryIO, what: str) -> _Header:
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        version = np.lib.format.read_magic(stream)
        header = _Header(*readers[version](stream))
    except (ValueError, KeyError):
        raise InputError(f"{what}: expected an array as numpy.save writes it, its header is none") from None
    if header.dtype.hasobject:
        raise InputError(f"{what}: expected numbers, found Python objects (a pickle), which are never read")
    if header.dtype.kind not in "biuf":
        raise InputError(f"{what}: expected real numbers, found an array of type {header.dtype}")
    if len(header.shape) not in (1, 2):
        raise InputError(f"{what}: expected an array (samples,) or (samples, columns), found shape {header.shape}")
    return header


def _from_array_file(path: Path, most_rows: int) -> np.ndarray:
    with open(path, "rb") as stream:
        header = _header(stream, str(path))
        rows = min(header.shape[0], most_rows)
        check_size(rows, header.columns, str(path))
        if 0 in header.shape:
            return np.empty((rows, header.columns))
        try:
            # Mapped, not read: a file may go along its columns, and be larger than memory.
            whole = np.memmap(
                stream,
                header.dtype,
                mode="r",
                offset=stream.tell(),
                shape=header.shape,
                order="F" if header.columns_first else "C",
            )
        except (ValueError, OverflowError):
            raise InputError(f"{path}: expected {_numbers(header)} as its header says, the file ends early") from None
        return np.array(whole[:rows]).reshape(rows, header.columns)


def _from_archive(path: Path, array: str | None, most_rows: int) -> np.ndarray:
    try:
        with zipfile.ZipFile(path) as archive:
            known = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
            name = _array_name(path, array, known)
            with archive.open(f"{name}.npy") as stream:
                return _rows_of_stream(stream, f"{path}: {name}", most_rows)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        raise InputError(f"{path}: expected a whole .npz file, as numpy.savez writes it") from None


def _rows_of_stream(stream: BinaryIO, what: str, most_rows: int) -> np.ndarray:
    header = _header(stream, what)
    rows = header.rows_read(most_rows)
    check_size(rows, header.columns, what)
    wanted = rows * header.columns * header.dtype.itemsize
    content = stream.read(wanted)
    if len(content) < wanted:
        raise InputError(f"{what}: expected {_numbers(header)} as its header says, the file ends early")
    values = np.frombuffer(content, header.dtype)
    return values.reshape((rows, header.columns), order="F" if header.columns_first else "C")[:most_rows]


def _numbers(header: _Header) -> str:
    return f"{' x '.join(map(str, header.shape))} numbers"


def _array_name(path: Path, name: str | None, known: list[str]) -> str:
    if not known:
        raise InputError(f"{path}: expected an array, the file holds none")
    if name is None and len(known) == 1:
        return known[0]
    if name not in known:
        given = "null" if name is None else repr(name)
        raise InputError(f"dataset.array: expected the name of an array in {path} ({', '.join(known)}), got {given}")
    return name


def columns_of_csv(path: Path) -> int:
    """Count the columns of a .csv file by its first line."""
    with _text(path) as stream:
        return len(_layout(stream, path)[0])


def read_csv(path: Path, most_rows: int | None = None) -> tuple[list[str], np.ndarray]:
    """Read a .csv file: the names of its columns, if its first line is no numbers, and the numbers (T, C).

    Parameters
    ----------
    path : Path
    most_rows : int, optional
        Rows to read at most.

    Raises
    ------
    InputError
        If it holds anything but comma-separated numbers below a header, or none, or more than fits in memory.
    """
    with _text(path) as stream:
        cells, is_header = _layout(stream, path)
        longest = (path.stat().st_size + 1) // (2 * len(cells))  # a number and its comma take two characters
        check_size(longest if most_rows is None else min(most_rows, longest), len(cells), str(path))
        stream.seek(0)
        lines = _lines(stream, path)
        if is_header:
            next(lines)
        chosen = islice(lines, most_rows)
        try:
            first = next(chosen, None)
            if first is None:
                raise InputError(f"{path}: expected samples below the header, found none")
            values = np.loadtxt(_again(first, chosen), delimiter=",", ndmin=2, comments=None, quotechar='"')
        except UnicodeDecodeError as error:
            raise InputError(_undecodable(path, error)) from None
        except InputError:
            raise
        except ValueError:
            stream.seek(0)
            raise InputError(_first_fault(stream, path, len(cells), is_header)) from None
    if values.shape[1] != len(cells):
        raise InputError(f"{path}: line 2: expected {_counted(len(cells))} as in line 1, found {values.shape[1]}")
    return (cells if is_header else []), values


def _text(path: Path) -> TextIO:
    with open(path, "rb") as stream:
        start = stream.read(4096)
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if start.startswith(mark):
            raise InputError(f"{path}: expected text in UTF-8, found {encoding}; save it as CSV in UTF-8")
    if b"\0" in start:
        raise InputError(f"{path}: expected a text file with comma-separated numbers, found binary content")
    return open(path, encoding="utf-8-sig")


def _undecodable(path: Path, error: UnicodeDecodeError) -> str:
    return (
        f"{path}: expected text in UTF-8, found byte 0x{error.object[error.start]:02x}, which is none; "
        "save it as CSV in UTF-8"
    )


def _lines(stream: TextIO, path: Path) -> Iterator[str]:
    """Go through the lines that are not blank."""
    while line := stream.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and not line.endswith("\n"):
            raise InputError(f"{path}: expected lines of numbers, found one of more than {LONGEST_LINE} characters")
        if line.strip():
            yield line


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line.strip()], skipinitialspace=True))]


def _layout(stream: TextIO, path: Path) -> tuple[list[str], bool]:
    """Return the cells of the first line, and whether they are names."""
    try:
        first, second = islice([*islice(_lines(stream, path), 2), "", ""], 2)
    except UnicodeDecodeError as error:
        raise InputError(_undecodable(path, error)) from None
    if not first:
        raise InputError(f"{path}: expected comma-separated numbers, the file is empty")
    line, number = (second, 2) if second else (first, 1)
    for separator, word in SEPARATORS.items():
        if separator in line.strip() and '"' not in line and (separator != " " or "," not in line):
            commas = ", and decimal commas" if "," in line else ""
            raise InputError(
                f"{path}: expected cells separated by commas and decimal points, found {word}{commas} in line {number}"
            )
    cells = _cells(first)
    numbers = [cell for cell in cells if _is_number(cell)]
    if len(numbers) == len(cells):
        return cells, False
    for cell in numbers:
        if not cell.isdecimal():  # electrodes may have numbers for names
            text = next(cell for cell in cells if not _is_number(cell))
            raise InputError(f"{path}: line 1: expected names of columns or numbers, found both {text!r} and {cell}")
    return cells, True


def _first_fault(stream: TextIO, path: Path, columns: int, is_header: bool) -> str:
    """Say in which line something else stands than numbers."""
    rows = ((number, line) for number, line in enumerate(stream, start=1) if line.strip())
    for number, line in islice(rows, int(is_header), None):
        cells = _cells(line)
        if len(cells) != columns:
            return f"{path}: line {number}: expected {_counted(columns)} as in line 1, found {len(cells)}"
        for position, cell in enumerate(cells):
            if not _is_number(cell):
                found = repr(cell) if cell else "nothing"
                return f"{path}: line {number}: expected a number in column {position} (0 the first), found {found}"
    return f"{path}: expected comma-separated numbers"


def _counted(columns: int) -> str:
    return f"{columns} cell{'' if columns == 1 else 's'}"


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # 1_000 is a number for Python alone
