"""Reading and writing the files of the stages: whole or not at all, and the same bytes for the same content."""

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from lossjumps.errors import InputError


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it: a file under its final name is whole."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a text file whole."""
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays to an .npz file without pickles; the bytes depend on the arrays alone."""

    def write(temporary: Path) -> None:
        with open(temporary, "wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)

    write_whole(path, write)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read every array of an .npz file.

    Raises
    ------
    InputError
        If the file is missing, truncated or no .npz file.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise InputError(f"{path}: file not found") from None
    except Exception as error:
        raise InputError(f"{path}: not a whole .npz file ({error})") from error


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet."""
    write_whole(path, lambda temporary: table.to_parquet(temporary, index=False))


def read_table(path: Path, **options: object) -> pd.DataFrame:
    """Read a Parquet table.

    Raises
    ------
    InputError
        If the file is missing, truncated or no Parquet file.
    """
    try:
        return pd.read_parquet(path, **options)
    except FileNotFoundError:
        raise InputError(f"{path}: file not found") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a whole Parquet file ({error})") from error
