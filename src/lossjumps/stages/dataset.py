"""The stage `dataset`: from a resolved configuration to the series that networks are trained on."""

from pathlib import Path

from lossjumps.configuration import load_dataset_config
from lossjumps.data.registry import kind_of
from lossjumps.stages.files import write_arrays
from lossjumps.stages.tables import SERIES


def run(stem: Path) -> None:
    """Write ``<stem>.npz`` from ``<stem>.yaml``.

    Raises
    ------
    InputError
        If the configuration or the data are unfit.
    """
    config = load_dataset_config(Path(f"{stem}.yaml"))
    write_arrays(Path(f"{stem}.npz"), kind_of(config).load(config).arrays(), SERIES)
