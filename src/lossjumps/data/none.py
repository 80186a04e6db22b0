"""No data: for trainings made elsewhere that bring states of their own."""

from dataclasses import dataclass

import numpy as np

from lossjumps.data.series import Series

NO_DATA = "none"
"""The name in the configuration."""


def name_of_data(dataset: str) -> str:
    """What readers are told that a network was trained on, from the name of the option."""
    return "no data set" if dataset == NO_DATA else dataset


@dataclass
class NoDataConfig:
    """No keys beside its name."""

    name: str = "???"
    """Registry entry of the data set."""


def load(config: NoDataConfig) -> Series:
    """Series of no variables and no samples."""
    nothing = np.empty((0, 0))
    return Series(nothing, nothing, np.empty(0), np.empty(0), 1.0, nothing)
