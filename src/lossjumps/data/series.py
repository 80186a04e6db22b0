"""From raw columns to the series a network is trained and evaluated on: embed, split, standardise, add noise."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lossjumps.errors import InputError
from lossjumps.schema import readable_bytes

ROUNDING = 1e-12
"""Columns whose standard deviation is no more than this fraction of their size count as constant."""
LARGEST_SERIES = 200_000_000
"""Bytes of a series in memory; the stages hold a few copies."""
FARTHEST = 1e100
"""Standard deviations beyond which squared errors leave the floating-point numbers."""


@dataclass(frozen=True)
class Series:
    """A training and a test series with N columns, in units of the training series' standard deviation."""

    train: np.ndarray
    """(T_train, N): standardised, with observation noise."""
    test: np.ndarray
    """(T_test, N): standardised with the same mean and standard deviation, without added noise."""
    mean: np.ndarray
    """(N,) mean of the training series before noise, in the units of the source."""
    standard_deviation: np.ndarray
    """(N,) standard deviation of the training series before noise, in the units of the source."""
    time_step: float
    """Time between samples, in the source's unit of time."""
    noise: np.ndarray
    """(T_train, N): the noise that is part of `train`."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Name the arrays as the data file does."""
        return {
            "train": self.train,
            "test": self.test,
            "mean": self.mean,
            "standard_deviation": self.standard_deviation,
            "time_step": np.array(self.time_step),
            "noise": self.noise,
        }


def delay_embed(series: np.ndarray, dimension: int, delay: int) -> np.ndarray:
    """Embed a series by delay coordinates (Takens, 1981).

    Parameters
    ----------
    series : ndarray (T, C)
    dimension : int
        Copies m of every column; 1 leaves the series as it is.
    delay : int
        Samples between copies.

    Returns
    -------
    ndarray (T - (m - 1) delay, m C)
        Row t holds all columns at time t' = t + (m - 1) delay, then all columns at t' - delay, and so on:
        the present first.
    """
    span = (dimension - 1) * delay
    length = len(series) - span
    return np.concatenate([series[span - lag * delay :][:length] for lag in range(dimension)], axis=1)


def check_size(samples: int, columns: int, what: str) -> None:
    """Check that a series fits in memory, before it is read or simulated.

    Raises
    ------
    InputError
        If it does not.
    """
    needed = 8 * samples * columns
    if needed > LARGEST_SERIES:
        raise InputError(
            f"{what}: expected a series of at most {readable_bytes(LARGEST_SERIES)} in memory, "
            f"{samples} samples of {columns} columns take {readable_bytes(needed)}"
        )


def check_length(samples: int, length_train: int, length_test: int, *, dimension: int, delay: int, what: str) -> None:
    """Check that a raw series has samples enough for an embedded training and test series that share none.

    Raises
    ------
    InputError
        If the series is too short.
    """
    span = (dimension - 1) * delay
    needed = length_train + length_test + 2 * span
    if samples < needed:
        embedding = f" and twice {span} samples that the embedding takes" if span else ""
        raise InputError(
            f"{what}: expected at least {needed} samples (dataset.length_train = {length_train}, "
            f"dataset.length_test = {length_test}{embedding}), found {samples}"
        )


def split(
    series: np.ndarray, length_train: int, length_test: int, *, dimension: int, delay: int, what: str
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a raw series (T, C) into an embedded training and test series that share no sample.

    Raises
    ------
    InputError
        If the series is too short.
    """
    check_length(len(series), length_train, length_test, dimension=dimension, delay=delay, what=what)
    span = (dimension - 1) * delay
    cut = length_train + span
    train, test = series[:cut], series[cut : cut + length_test + span]
    return delay_embed(train, dimension, delay), delay_embed(test, dimension, delay)


def standardised(
    train: np.ndarray,
    test: np.ndarray,
    *,
    time_step: float,
    noise: float,
    generator: np.random.Generator,
    what: str,
    called: Callable[[int], str] = str,
) -> Series:
    """Standardise both series by the training series, and add observation noise to the training series.

    Parameters
    ----------
    train, test : ndarray (T, N)
    time_step : float
        Time between samples.
    noise : float
        Standard deviation of Gaussian white noise, as a fraction of each column's standard deviation.
    generator : Generator
        Draws the noise.
    what : str
        The source, named in errors.
    called : callable
        What errors call a column; its position if not given.

    Raises
    ------
    InputError
        If a number is not finite, a column of the training series is constant, or the test series is far outside.
    """
    train, test = np.asarray(train, dtype=np.float64), np.asarray(test, dtype=np.float64)
    for name, values in (("training", train), ("test", test)):
        if not np.isfinite(values).all():
            row, column = np.argwhere(~np.isfinite(values))[0]
            raise InputError(
                f"{what}: expected finite numbers, row {row}, column {called(column)} of the {name} series is not"
            )
    # Powers of two change no bit, and keep squares of the largest and the smallest numbers representable.
    exponent = np.frexp(np.abs(train).max(axis=0))[1]
    scaled = np.ldexp(train, -exponent)
    mean, deviation = scaled.mean(axis=0), scaled.std(axis=0)
    for column in np.flatnonzero(deviation <= ROUNDING * np.abs(scaled).max(axis=0)):
        raise InputError(
            f"{what}: expected columns that vary, column {called(column)} of the training series is constant"
        )
    drawn = noise * generator.standard_normal(train.shape)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused
        noisy = (scaled - mean) / deviation + drawn
        standard_test = (np.ldexp(test, -exponent) - mean) / deviation
    if not (np.abs(noisy) < FARTHEST).all():
        raise InputError(f"dataset.noise: expected a fraction of the standard deviation, {noise} is too large")
    for row, column in np.argwhere(~(np.abs(standard_test) < FARTHEST))[:1]:
        raise InputError(
            f"{what}: expected a test series on the scale of the training series, row {row}, column {called(column)} "
            f"is more than {FARTHEST:.0e} standard deviations away"
        )
    return Series(
        train=noisy,
        test=standard_test,
        mean=np.ldexp(mean, exponent),
        standard_deviation=np.ldexp(deviation, exponent),
        time_step=float(time_step),
        noise=drawn,
    )
