"""The Santa Fe laser: intensity of a far-infrared laser in a chaotic state, 10,093 samples, 8 bit.

Recorded by Huebner et al. (1989), data set A of the Santa Fe time series competition (Weigend & Gershenfeld,
1994).  It is read from the installed package reservoirpy; nothing is downloaded.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from lossjumps.data.series import Series, check_length, split, standardised
from lossjumps.data.simulation import OBSERVATION_NOISE
from lossjumps.schema import DatasetConfig, require

SAMPLES = 10_093
"""Samples of the recording, known without reading it."""


@dataclass
class SantaFeLaserConfig(DatasetConfig):
    """The Santa Fe laser, delay-embedded; its unit of time is the sample."""

    embedding_dimension: int = 3
    """Delay coordinates m: the network observes x(t), x(t - delay), ..., x(t - (m - 1) delay)."""
    embedding_delay: int = 2
    """Delay between the coordinates; the laser pulsates with a period of about 7.5 samples. Unit: samples."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("embedding_dimension", "embedding_delay"):
            require(getattr(self, key) >= 1, f"dataset.{key}", "an integer >= 1", getattr(self, key))


def recording() -> np.ndarray:
    """Return the recorded intensity, (10093, 1).

    Raises
    ------
    ModuleNotFoundError
        If the package reservoirpy is not installed.
    """
    from reservoirpy.datasets import santafe_laser

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # reservoirpy leaves its file for Python to close
        return np.asarray(santafe_laser(), dtype=np.float64)


def check(config: SantaFeLaserConfig) -> None:
    """Check that the recording is long enough, without reading it.

    Raises
    ------
    InputError
        If it is not.
    """
    check_length(
        SAMPLES,
        config.length_train,
        config.length_test,
        dimension=config.embedding_dimension,
        delay=config.embedding_delay,
        what="dataset santafe_laser",
    )


def load(config: SantaFeLaserConfig) -> Series:
    """Embed the recording; the first `length_train` rows are for training."""
    train, test = split(
        recording(),
        config.length_train,
        config.length_test,
        dimension=config.embedding_dimension,
        delay=config.embedding_delay,
        what="dataset santafe_laser",
    )
    return standardised(
        train,
        test,
        time_step=1.0,
        noise=config.noise,
        generator=np.random.default_rng([config.noise_seed, OBSERVATION_NOISE]),
        what="dataset santafe_laser",
    )
