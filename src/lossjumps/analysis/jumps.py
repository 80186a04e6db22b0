"""Loss jumps: changes of the log loss that stand out from what came before and from what comes after.

The detector sees one loss and nothing else; in particular it never sees a bifurcation.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lossjumps.errors import InputError

DETECTOR = "robust-z"
"""Name of this detector in `jumps.parquet`."""

MINIMUM_SIDE = 5
"""Changes that one side of a place needs before it says anything about the spread."""

NORMAL_CONSISTENCY = 1.482602218505602
"""Standard deviation over MAD of a normal distribution."""

_TIED = 1e-9  # log10 units: changes closer than this are the same, as those of a quantised loss are but for rounding
_MAX_PASSES = 20


@dataclass(frozen=True)
class Jump:
    """One loss jump.

    Attributes
    ----------
    epoch : int
        Onset: the jump begins between the losses of `epoch` and `epoch + 1`.
    size : float
        Signed change of log10 loss from `epoch` to the most distant loss of the episode.
    sign : int
        +1 up, -1 down.
    shape : str
        ``"spike"``: less than half of the change is left afterwards; ``"shift"``: the level stays and one
        epoch carries at least half of the change; ``"ramp"``: the level stays and no epoch carries half of it.
    duration : int
        Epochs of the episode; of a spike, until less than half of it is left.
    score : float
        Largest \\|z\\| of the episode.
    """

    epoch: int
    size: float
    sign: int
    shape: str
    duration: int
    score: float


def find_jumps(
    loss: np.ndarray,
    threshold: float = 8.0,
    min_change: float = 0.1,
    window: int = 25,
    *,
    gap: int = 3,
    floor: float = 1e-3,
) -> tuple[Jump, ...]:
    """Find the jumps of a loss, up and down.

    The change x[e] = log10 loss[e + 1] - log10 loss[e] is compared with the `window` changes before it and the
    `window` changes after it.  Each side has its median and its spread (1.4826 MAD); z[e] is the deviation from the
    nearer median, 0 where x[e] lies between the two, divided by the mean of the two spreads.  So neither a
    change of the noise level nor a steep but smooth descent makes jumps by itself, as it does
    where past and future share one median and one MAD.  An exceedance has ``|z| > threshold`` and
    ``|x| >= min_change``.  Exceedances count for nobody's spread: it is computed again without them until no
    further exceedance appears, so that several jumps close together do not hide each other.

    Exceedances at most `gap` epochs apart are one episode, which is one jump, dated at its onset.  The way back from
    an excursion of one epoch whose way out was no exceedance is no jump: the loss is where it was.

    Parameters
    ----------
    loss : array_like, shape (E + 1,)
        Loss after 0, 1, ..., E epochs, >= 0.  Infinite and NaN losses (a loss that has overflowed) count as ten times
        the largest finite loss, zeros as a tenth of the smallest positive one.
    threshold : float
        Smallest \\|z\\|, > 0.
    min_change : float
        Smallest change of log10 loss, >= 0.
    window : int
        Epochs on each side that give the spread, at least 5.
    gap : int
        Largest distance of successive exceedances of one episode, at least 1.
    floor : float
        Smallest spread in log10 units, > 0: a constant loss has no spread of its own.

    Returns
    -------
    tuple of Jump
        Sorted by epoch.  The first 5 places have no past to stand out from and are never jumps; in the last 5
        the past alone decides.  A series too short for that has no jumps.

    Raises
    ------
    InputError
        If `loss` is not a series of numbers >= 0, or a parameter is out of its range.
    """
    level = log_loss(loss)
    _check(threshold > 0, "threshold", "a number > 0", threshold)
    _check(min_change >= 0, "min_change", "a number >= 0", min_change)
    _check(window >= MINIMUM_SIDE, "window", f"an integer >= {MINIMUM_SIDE}", window)
    _check(gap >= 1, "gap", "an integer >= 1", gap)
    _check(floor > 0, "floor", "a number > 0", floor)
    change = np.diff(level)
    if change.size <= MINIMUM_SIDE:
        return ()
    large = np.abs(change) >= min_change - _TIED
    exceeds = np.zeros(change.size, dtype=bool)
    score = np.zeros(change.size)
    for _ in range(_MAX_PASSES):
        current = np.abs(_robust_z(change, exceeds, window, floor))
        score = np.maximum(score, current)
        more = exceeds | (large & (current > threshold))
        if np.array_equal(more, exceeds):
            break
        exceeds = more
    places = np.flatnonzero(exceeds)
    genuine = [exceeds[place - 1] or not _undoes(change, place, window) for place in places]
    places = places[np.array(genuine, dtype=bool)]
    if places.size == 0:
        return ()
    episodes = np.split(places, np.flatnonzero(np.diff(places) > gap) + 1)
    onsets = [int(episode[0]) for episode in episodes]
    ends = [int(episode[-1]) for episode in episodes]
    return tuple(
        _describe(
            level,
            change,
            score,
            onset,
            end,
            earliest=ends[i - 1] + 1 if i else 0,
            latest=onsets[i + 1] if i + 1 < len(onsets) else level.size - 1,
            window=window,
        )
        for i, (onset, end) in enumerate(zip(onsets, ends, strict=True))
    )


def _check(holds: bool, name: str, expected: str, value: object) -> None:
    if not holds:
        raise InputError(f"{name}: expected {expected}, got {value!r}")


def log_loss(loss: np.ndarray) -> np.ndarray:
    """log10 of the loss with infinities, NaN and zeros capped a decade beyond the finite positive values."""
    try:
        values = np.asarray(loss)
        if values.dtype.kind not in "iuf":
            raise TypeError
        values = values.astype(np.float64)
    except (TypeError, ValueError):
        raise InputError("loss: expected a series of real numbers") from None
    if values.ndim != 1:
        raise InputError(f"loss: expected one value an epoch, got an array of shape {values.shape}")
    if np.any(values < 0):
        epoch = int(np.flatnonzero(values < 0)[0])
        raise InputError(f"loss: expected values >= 0, got {values[epoch]} at epoch {epoch}")
    ordinary = np.isfinite(values) & (values > 0)
    if not ordinary.any():
        return np.zeros(values.size)  # nothing to measure a change by
    level = np.empty(values.size)
    level[ordinary] = np.log10(values[ordinary])
    smallest, largest = level[ordinary].min(), level[ordinary].max()
    level[~ordinary] = np.where(values[~ordinary] == 0, smallest - 1.0, largest + 1.0)
    return level


def _median(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median along the last axis without NaN, and how many values it is of."""
    ordered = np.sort(values, axis=-1)  # NaN last
    count = np.sum(~np.isnan(values), axis=-1)
    lower = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[..., None], axis=-1)[..., 0]
    upper = np.take_along_axis(ordered, np.minimum(count // 2, values.shape[-1] - 1)[..., None], axis=-1)[..., 0]
    return 0.5 * (lower + upper), count


def _centre_and_spread(side: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median and spread of each row of changes; NaN where a row has fewer than `MINIMUM_SIDE`."""
    centre, count = _median(side)
    spread, _ = _median(np.abs(side - centre[:, None]))
    known = count >= MINIMUM_SIDE
    return np.where(known, centre, np.nan), np.where(known, NORMAL_CONSISTENCY * spread, np.nan)


def _flicker(around: np.ndarray) -> np.ndarray:
    """Spread of a quantised loss, 0 elsewhere.

    Where more than half of the changes around a place are the same, the MAD is zero although the loss may
    flicker between a few values.  Then the spread is that of the changes which differ, exceedances included, if there
    are enough of them to call it flicker.
    """
    centre, _ = _median(around)
    deviation = np.abs(around - centre[:, None])
    spread, _ = _median(deviation)
    differing, count = _median(np.where(deviation > _TIED, deviation, np.nan))
    return np.where((spread <= _TIED) & (count >= MINIMUM_SIDE), NORMAL_CONSISTENCY * differing, 0.0)


def _robust_z(change: np.ndarray, left_out: np.ndarray, window: int, floor: float) -> np.ndarray:
    """z of every change against the past and the future, with the places `left_out` in nobody's spread."""
    edge = np.full(window, np.nan)
    everything = sliding_window_view(np.concatenate([edge, change, edge]), 2 * window + 1)
    floor = np.maximum(floor, _flicker(np.delete(everything, window, axis=1)))
    kept = np.concatenate([edge, np.where(left_out, np.nan, change), edge])
    around = sliding_window_view(kept, 2 * window + 1)
    past_centre, past_spread = _centre_and_spread(around[:, :window])
    future_centre, future_spread = _centre_and_spread(around[:, window + 1 :])
    alone = np.isnan(future_centre)  # the last places: the past decides
    future_centre = np.where(alone, past_centre, future_centre)
    future_spread = np.where(alone, past_spread, future_spread)
    from_past, from_future = change - past_centre, change - future_centre
    nearer = np.where(np.abs(from_past) < np.abs(from_future), from_past, from_future)
    deviation = np.where(np.sign(from_past) == np.sign(from_future), nearer, 0.0)
    z = deviation / np.maximum(0.5 * (past_spread + future_spread), floor)
    return np.where(np.isnan(past_centre), 0.0, z)


def _undoes(change: np.ndarray, place: int, window: int) -> bool:
    """Whether a change takes back the one before it, which is of two thirds to twice its size."""
    drift = np.median(change[max(place - 1 - window, 0) : place - 1])
    out, back = change[place - 1] - drift, change[place] - drift
    return bool(out * back < 0 and 2.0 * abs(back) <= 3.0 * abs(out) <= 6.0 * abs(back))


def _describe(
    level: np.ndarray,
    change: np.ndarray,
    score: np.ndarray,
    onset: int,
    end: int,
    earliest: int,
    latest: int,
    window: int,
) -> Jump:
    """The jump of the episode of places `onset` ... `end`; its neighbours end at `earliest` and begin at `latest`."""
    excursion = level[onset + 1 : end + 2] - level[onset]
    summit = int(np.argmax(np.abs(excursion)))
    size = float(excursion[summit])
    sign = 1 if size > 0 else -1
    before = np.median(level[max(earliest, onset - MINIMUM_SIDE + 1) : onset + 1])
    following = level[end + 1 : min(latest, end + window) + 1]
    if sign * (np.median(following) - before) < 0.5 * abs(size):
        shape = "spike"
        later = level[onset + 1 + summit : min(latest, end + window) + 1]
        returned = np.flatnonzero(sign * (later - before) < 0.5 * abs(size))
        duration = 1 + summit + int(returned[0])
    else:
        shape = "shift" if np.max(sign * change[onset : end + 1]) >= 0.5 * abs(size) else "ramp"
        duration = end - onset + 1
    return Jump(onset, size, sign, shape, duration, float(np.max(score[onset : end + 1])))
