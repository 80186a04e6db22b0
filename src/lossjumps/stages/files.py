"""Reading and writing the files of the stages: whole or not at all, the same bytes for the same content, as declared.

What a table or an array file holds is in `lossjumps.stages.tables`.  A writer that does not keep to it is a bug; a
reader says in one line which file does not, and which command makes it anew.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet

from lossjumps.errors import InputError
from lossjumps.stages.formats import ArrayFile, Table
from lossjumps.stages.tables import Plan
from lossjumps.stages.whole import write_whole

VERSION_KEY = b"lossjumps"
"""The entry of a Parquet file's metadata that says which version of which table it is: ``jumps.parquet 1``."""

_ARROW = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    list[int]: pa.list_(pa.int64()),
    list[float]: pa.list_(pa.float64()),
}


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], expected: ArrayFile) -> None:
    """Write arrays to an .npz file without pickles; the bytes depend on the arrays alone.

    Raises
    ------
    ValueError
        If they are not the arrays expected, in their order, or have other shapes.
    """
    if list(arrays) != list(expected.shapes):
        raise ValueError(f"{path}: expected the arrays {', '.join(expected.shapes)}, got {', '.join(arrays)}")
    wrong = _wrong_shape(arrays, expected)
    if wrong:
        raise ValueError(f"{path}: {wrong}")

    def write(temporary: Path) -> None:
        with open(temporary, "wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)

    write_whole(path, write)


def read_arrays(path: Path, expected: ArrayFile) -> dict[str, np.ndarray]:
    """Read every array of an .npz file.

    Raises
    ------
    InputError
        If the file is missing, truncated or no .npz file, or does not hold the arrays expected.
    """
    command = f"`lossjumps {expected.stage} {expected.made_in(path)}`"
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise InputError(f"{path}: file not found; make it first with {command}") from None
    except Exception as error:
        raise InputError(f"{path}: not a whole .npz file ({_one_line(error)}); make it again with {command}") from error
    missing = [name for name in expected.shapes if name not in arrays]
    if missing:
        raise InputError(f"{path}: expected an array {missing[0]}, there is none; make it again with {command}")
    wrong = _wrong_shape(arrays, expected)
    if wrong:
        raise InputError(f"{path}: {wrong}; make it again with {command}")
    return arrays


def write_table(path: Path, table: pd.DataFrame, schema: type[Table]) -> None:
    """Write a table as Parquet, marked with the version of its schema.

    Raises
    ------
    ValueError
        If the table does not have the columns of the schema, in their order and of their types, or lacks a value that
        may not be missing.
    """
    wrong = _wrong_columns(table, schema)
    if wrong:
        raise ValueError(f"{path}: {wrong}")
    own = pa.schema([(column.name, _ARROW[column.kind]) for column in schema.columns()])
    swept = table[table.columns[len(own) :]]
    arrow = pa.Table.from_pandas(
        table,
        schema=pa.unify_schemas([own, pa.Schema.from_pandas(swept, preserve_index=False).remove_metadata()]),
        preserve_index=False,
    )
    arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), VERSION_KEY: _version(schema)})
    write_whole(path, lambda temporary: parquet.write_table(arrow, temporary))


def read_table(path: Path, schema: type[Table], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a Parquet table, or some columns of it.

    Raises
    ------
    InputError
        If the file is missing, truncated or no Parquet file, was made by another version, or lacks a column of the
        schema, whether that is asked for or not.
    """
    command = f"`lossjumps {schema.STAGE} {schema.made_in(path)}`"
    try:
        with open(path, "rb") as stream:
            file = parquet.ParquetFile(stream)
            wrong = _unlike(file.schema_arrow, schema)
            if not wrong:
                return file.read(columns=columns, use_pandas_metadata=True).to_pandas()
    except FileNotFoundError:
        raise InputError(f"{path}: file not found; make it first with {command}") from None
    except (OSError, ValueError) as error:  # those of pyarrow are among them
        message = f"not a whole Parquet file ({_one_line(error)})"
        raise InputError(f"{path}: {message}; make it again with {command}") from error
    raise InputError(f"{path}: {wrong}; make it again with {command}")


def load_plan(experiment_folder: Path) -> pd.DataFrame:
    """Read the plan of an experiment, one row a run: the columns of `Plan`, then one for each further swept key.

    Raises
    ------
    InputError
        If the experiment has no plan, or one that is no whole table of this version.
    """
    return read_table(Path(experiment_folder) / Plan.FILE, Plan)


def as_table(rows: Sequence[object], schema: type[Table]) -> pd.DataFrame:
    """Make a table of rows, with the columns and types of the schema also where there are none.

    Parameters
    ----------
    rows : sequence of mappings or tuples
        Mappings name the columns, in any order; tuples have their order.
    schema : Table
    """
    return pd.DataFrame(rows, columns=schema.names()).astype(schema.dtypes())


def _version(schema: type[Table]) -> bytes:
    return f"{schema.FILE} {schema.VERSION}".encode()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _wrong_columns(table: pd.DataFrame, schema: type[Table]) -> str:
    """What is wrong with a table that is to be written; empty if nothing is."""
    names = schema.names()
    found = list(table.columns)
    if found[: len(names)] != names or (len(found) > len(names) and not schema.SWEPT):
        return f"expected the columns {', '.join(names)}, got {', '.join(map(str, found))}"
    for column in schema.columns():
        values = table[column.name]
        # Text has a dtype of its own from pandas 3 on.
        if str(values.dtype) != column.dtype and not (column.kind is str and values.dtype == object):
            return f"column {column.name}: expected the type {column.dtype}, got {values.dtype}"
        if not column.optional and values.isna().any():
            return f"column {column.name}: expected a value in every row, row {int(values.isna().argmax())} has none"
    return ""


def _unlike(found: pa.Schema, schema: type[Table]) -> str:
    """How a file's columns differ from those of a schema; empty if they do not, whatever their order."""
    version = (found.metadata or {}).get(VERSION_KEY)
    other = "" if version in (None, _version(schema)) else f"made by another version ({version.decode()}), "
    for column in schema.columns():
        if column.name not in found.names:
            return f"{other}expected a column {column.name}, there is none"
        kind = found.field(column.name).type
        if not _same(kind, _ARROW[column.kind]):
            return f"{other}column {column.name}: expected the type {_ARROW[column.kind]}, found {kind}"
    return f"{other}expected {_version(schema).decode()}" if other else ""


def _same(found: pa.DataType, expected: pa.DataType) -> bool:
    """Whether two types differ in no more than the room that is kept for text."""
    if pa.types.is_string(expected):
        return pa.types.is_string(found) or pa.types.is_large_string(found)
    return found.equals(expected)


def _wrong_shape(arrays: Mapping[str, np.ndarray], expected: ArrayFile) -> str:
    """Which array has a shape that does not fit, itself or to another; empty if all fit."""
    sizes: dict[str | int, int] = {}
    for name, letters in expected.shapes.items():
        shape = arrays[name].shape
        wanted = tuple(sizes.get(letter, letter) for letter in letters)
        if len(shape) != len(wanted) or any(
            isinstance(size, int) and size != found for size, found in zip(wanted, shape, strict=True)
        ):
            return f"array {name}: expected the shape ({', '.join(map(str, wanted))}), found {shape}"
        sizes.update((letter, size) for letter, size in zip(letters, shape, strict=True) if isinstance(letter, str))
        if arrays[name].dtype.kind not in "iuf":
            return f"array {name}: expected numbers, found the type {arrays[name].dtype}"
    return ""
