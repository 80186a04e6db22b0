"""The registry of data sets: a new one is a file beside this one, a YAML in conf/dataset and an entry here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lossjumps.data import file, lorenz63, none, santafe_laser, vanderpol
from lossjumps.data.series import Series
from lossjumps.errors import InputError
from lossjumps.schema import DatasetConfig


@dataclass(frozen=True)
class DatasetKind:
    """A kind of data set."""

    name: str
    """The name in the configuration."""
    schema: type[Any]
    """Its keys."""
    origin: str
    """Where the data come from, "simulated" or "real"; empty where there are none."""
    load: Callable[[Any], Series]
    """A configuration object of the schema to the series; deterministic."""
    n_observed: Callable[[Any], int]
    """A configuration object to the number N of observed variables, cheaply: planning asks for it."""
    content: Callable[[Any], str | None] = lambda config: None
    """A configuration object to the digest of what is read from a user's file; None where there is no such file."""
    check: Callable[[Any], None] = lambda config: None
    """Raises `InputError` if the series cannot be made, as far as that is known without simulating: planning asks."""


DATASETS: dict[str, DatasetKind] = {
    kind.name: kind
    for kind in (
        DatasetKind("lorenz63", lorenz63.Lorenz63Config, "simulated", lorenz63.load, lambda config: 3),
        DatasetKind("vanderpol", vanderpol.VanDerPolConfig, "simulated", vanderpol.load, lambda config: 2),
        DatasetKind(
            "santafe_laser",
            santafe_laser.SantaFeLaserConfig,
            "real",
            santafe_laser.load,
            lambda config: config.embedding_dimension,
            check=santafe_laser.check,
        ),
        DatasetKind(none.NO_DATA, none.NoDataConfig, "", none.load, lambda config: 0),
        DatasetKind("file", file.FileConfig, "real", file.load, file.n_observed, file.content, file.check),
    )
}


def kind_of(config: DatasetConfig) -> DatasetKind:
    """Look up the kind of a data set's configuration.

    Raises
    ------
    InputError
        If its name is none of the registry.
    """
    if config.name not in DATASETS:
        raise InputError(f"dataset.name: expected one of {', '.join(DATASETS)}, got {config.name!r}")
    return DATASETS[config.name]
