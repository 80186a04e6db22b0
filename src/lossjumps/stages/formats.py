"""How a result file is declared: a table by its columns, an array file by its shapes.

A subclass of `Table` is a table.  An annotation gives a column's type and unit, the docstring below it the meaning; a
column without one shares that of the next.  ``| None`` means that a value may be missing: null, or NaN in a column of
numbers.  Meanings are docstrings since those do not count as code: a better word re-runs nothing.
"""

import inspect
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

_PANDAS = {str: ("str",), int: ("int64", "Int64"), float: ("float64",), bool: ("bool", "boolean")}
"""The dtype in memory of a column, and of one with missing values where that is another."""

Epochs = Annotated[int, "epochs"]
Updates = Annotated[int, "updates"]
Steps = Annotated[int, "steps"]
PerThousand = Annotated[float | None, "per 1000 epochs"]


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    kind: Any
    """str, int, float, bool, list[int] or list[float]."""
    unit: str
    """Empty: a name, a count of things, or a pure number."""
    optional: bool
    """Whether a value may be missing."""

    @property
    def dtype(self) -> str:
        """The dtype of the column in a DataFrame."""
        return _PANDAS.get(self.kind, ("object",))[-1 if self.optional else 0]


class Table:
    """A Parquet file; its columns are the annotations of a subclass, in their order."""

    FILE: ClassVar[str]
    """Its place: in the folder of a batch, or of the experiment."""
    STAGE: ClassVar[str]
    """The stage that makes it."""
    VERSION: ClassVar[int] = 1
    """To be raised when a column keeps its name and its type and changes its meaning."""
    SWEPT: ClassVar[bool] = False
    """Whether further columns follow, one a swept key."""

    def __init_subclass__(cls, file: str, stage: str, version: int = 1, swept: bool = False) -> None:
        cls.FILE, cls.STAGE, cls.VERSION, cls.SWEPT = file, stage, version, swept

    @classmethod
    def columns(cls) -> tuple[Column, ...]:
        """The columns in their order, those of swept keys left out."""
        return tuple(_column(name, hint) for name, hint in inspect.get_annotations(cls).items())

    @classmethod
    def names(cls) -> list[str]:
        """The names of the columns in their order, those of swept keys left out."""
        return list(inspect.get_annotations(cls))

    @classmethod
    def dtypes(cls) -> dict[str, str]:
        """The dtype of every column in a DataFrame."""
        return {column.name: column.dtype for column in cls.columns()}

    @classmethod
    def made_in(cls, path: Path) -> Path:
        """The folder that the stage is called with to make the file at this path."""
        return Path(path).parents[cls.FILE.count("/")]


def _column(name: str, hint: Any) -> Column:
    unit = ""
    if typing.get_origin(hint) is Annotated:
        hint, unit = typing.get_args(hint)
    optional = typing.get_origin(hint) is types.UnionType
    kind = typing.get_args(hint)[0] if optional else hint
    return Column(name, kind, unit, optional)


@dataclass(frozen=True)
class ArrayFile:
    """An .npz file without pickles."""

    stage: str
    """The stage that makes it."""
    shapes: Mapping[str, tuple[str | int, ...]]
    """The shape of every array in it; a letter stands for the same number everywhere."""

    def made_in(self, path: Path) -> Path:
        """The folder that the stage is called with to make the file at this path."""
        return Path(path).with_suffix("") if self.stage == "dataset" else Path(path).parent
