"""Event coincidence of loss jumps and bifurcations, against nulls that say what they assume.

Donges, Schleussner, Siegmund & Donner (2016), Eur. Phys. J. Special Topics 225, 471-487, for discrete epochs,
with every event kept (none is dropped at the edges).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lossjumps.analysis.hits import Tolerance, count_hits
from lossjumps.analysis.nulls import MOVING, NULLS, NullTest, moved_tests
from lossjumps.analysis.nulls.swap import MINIMUM_SWAP_RUNS, exchangeable_runs, swap_tests
from lossjumps.errors import InputError

SATURATED = 0.8
"""Chance coincidence rate above which a coincidence says nothing."""


@dataclass(frozen=True)
class CoincidenceResult:
    """Coincidence of jumps and bifurcations within one tolerance window, pooled over the runs.

    A jump is a precursor hit if a bifurcation precedes it within the window, a bifurcation is a trigger hit if a
    jump follows it within the window.  With no jumps at all or no bifurcations at all there is nothing to compare:
    expected rates, p and the nulls are NaN, and `null` says why.  The rate of the events that do exist is then 0 (none
    of them is a hit), that of the others NaN.

    Attributes
    ----------
    window : int
        Tolerance window, epochs.
    jumps, bifurcations : int
        Epochs with a jump, with a bifurcation (several in one epoch count once).
    precursor_hits, trigger_hits : int
        How many of them are hits.
    precursor_rate, trigger_rate : float
        Hits over counts; NaN where the count is 0.
    p_precursor, p_trigger : float
        (1 + #{null >= observed}) / (1 + n_surrogates).
    null_precursor, null_trigger : ndarray, shape (n_surrogates,)
        Surrogate values of the statistic compared: under swap hits over the product of counts, else rates.
    observed_precursor, observed_trigger : float
        The statistic compared, as observed.
    expected_precursor_rate, expected_trigger_rate : float
        Mean of the null, as a rate.
    expected_precursor_range, expected_trigger_range : tuple of two floats
        2.5 % and 97.5 % quantiles of the null, as rates.
    null : mapping
        For ``"precursor"`` and ``"trigger"``: which null was used, and what it assumes.
    """

    window: int
    jumps: int
    bifurcations: int
    precursor_hits: int
    trigger_hits: int
    precursor_rate: float
    trigger_rate: float
    p_precursor: float
    p_trigger: float
    null_precursor: np.ndarray
    null_trigger: np.ndarray
    observed_precursor: float
    observed_trigger: float
    expected_precursor_rate: float
    expected_trigger_rate: float
    expected_precursor_range: tuple[float, float]
    expected_trigger_range: tuple[float, float]
    null: Mapping[str, str]


def event_coincidence(
    jumps: Sequence[np.ndarray] | np.ndarray,
    bifurcations: Sequence[np.ndarray] | np.ndarray,
    n_steps: int | Sequence[int],
    window: int,
    *,
    lag: int = 0,
    symmetric: bool = False,
    null: str = "auto",
    n_surrogates: int = 999,
    seed: int = 0,
) -> CoincidenceResult:
    """How often jumps and bifurcations coincide, and how often chance alone would put one there.

    Parameters
    ----------
    jumps, bifurcations : list of array_like of int, or one array_like of int
        Epochs of the events, 0 ... n_steps - 1, one array a run of the same condition; one array: a single run.
        Duplicates are dropped.
    n_steps : int or sequence of int
        Epochs lived, of all runs or one a run.
    window : int
        Tolerance window w >= 0: a coincidence has 0 <= jump - lag - bifurcation <= w.
    lag : int
        Epochs by which a jump is expected to follow its bifurcation.
    symmetric : bool
        A coincidence has \\|jump - lag - bifurcation\\| <= w instead.
    null : str
        ``"swap"`` (at least 6 runs of the same length), ``"local"``, or ``"auto"``: the larger p of the two, which
        holds where either assumption does (fewer than 6 such runs: local alone).  ``"short_local"``,
        ``"circular"`` and ``"poisson"`` are for comparison.
    n_surrogates : int
        Surrogates of each null, at least 1.
    seed : int
        Seed of the surrogates; same seed, same bits.

    Returns
    -------
    CoincidenceResult

    Raises
    ------
    InputError
        If events are no epochs of their run, numbers of runs differ, or an option is out of its range.

    Notes
    -----
    Swap draws uniformly from all permutations of the runs.  The identity is one of them, which makes p valid in
    finite samples; derangements alone do not form a group and would not.  The price is that a run keeps its own
    bifurcations in one of R surrogates, so that the null's mean lies above chance by that share of the coupling.
    Runs that lived for another number of epochs than most are left out of the swap.
    """
    return coincidence_over_windows(
        jumps,
        bifurcations,
        n_steps,
        (window,),
        lag=lag,
        symmetric=symmetric,
        null=null,
        n_surrogates=n_surrogates,
        seed=seed,
    )[0]


def coincidence_over_windows(
    jumps: Sequence[np.ndarray] | np.ndarray,
    bifurcations: Sequence[np.ndarray] | np.ndarray,
    n_steps: int | Sequence[int],
    windows: Sequence[int],
    *,
    lag: int = 0,
    symmetric: bool = False,
    null: str = "auto",
    n_surrogates: int = 999,
    seed: int = 0,
) -> tuple[CoincidenceResult, ...]:
    """`event_coincidence` for several windows, which share their surrogates: one result a window, in their order."""
    jump_runs, bifurcation_runs = _runs(jumps, "jumps"), _runs(bifurcations, "bifurcations")
    lengths = _lengths(n_steps, len(jump_runs))
    if len(bifurcation_runs) != len(jump_runs):
        raise InputError(f"bifurcations: expected {len(jump_runs)} runs as in jumps, got {len(bifurcation_runs)}")
    jump_runs = [_epochs(run, n, "jumps", i) for i, (run, n) in enumerate(zip(jump_runs, lengths, strict=True))]
    bifurcation_runs = [
        _epochs(run, n, "bifurcations", i) for i, (run, n) in enumerate(zip(bifurcation_runs, lengths, strict=True))
    ]
    for window in windows:
        if not _is_integer(window) or window < 0:
            raise InputError(f"window: expected an integer >= 0, got {window!r}")
    if not _is_integer(lag):
        raise InputError(f"lag: expected an integer, got {lag!r}")
    if not _is_integer(n_surrogates) or n_surrogates < 1:
        raise InputError(f"n_surrogates: expected an integer >= 1, got {n_surrogates!r}")
    if not _is_integer(seed) or seed < 0:
        raise InputError(f"seed: expected an integer >= 0, got {seed!r}")
    if null != "auto" and null not in NULLS:
        raise InputError(f"null: expected one of auto, {', '.join(NULLS)}, got {null!r}")
    group = exchangeable_runs(lengths)
    swap_jumps, swap_bifurcations = [jump_runs[i] for i in group], [bifurcation_runs[i] for i in group]
    if null == "swap" and len(group) < MINIMUM_SWAP_RUNS:
        raise InputError(f"null: swap needs at least {MINIMUM_SWAP_RUNS} runs of the same length, got {len(group)}")

    counts = (sum(map(len, jump_runs)), sum(map(len, bifurcation_runs)))
    tolerance = Tolerance(tuple(int(w) for w in windows), int(lag), bool(symmetric))
    hits = sum(
        (
            count_hits(own, other[None, :], n, tolerance)[:, 0]
            for own, other, n in zip(jump_runs, bifurcation_runs, lengths, strict=True)
        ),
        start=np.zeros((2, len(windows)), dtype=np.int64),
    )
    names = [null]
    if null == "auto":
        swappable = len(group) >= MINIMUM_SWAP_RUNS and sum(map(len, swap_jumps)) and sum(map(len, swap_bifurcations))
        names = ["swap", "local"] if swappable else ["local"]
    if min(counts) == 0:
        unused = np.full(n_surrogates, np.nan)
        why = "nothing to compare: no " + ("jumps" if counts[0] == 0 else "bifurcations")
        nothing = [[NullTest(why, np.nan, np.nan, unused, np.nan, (np.nan, np.nan)) for _ in windows] for _ in counts]
        return _results(windows, counts, hits, nothing)
    candidates = [
        (
            swap_tests(swap_jumps, swap_bifurcations, lengths[group[0]], tolerance, n_surrogates, seed)
            if name == "swap"
            else moved_tests(MOVING[name], jump_runs, bifurcation_runs, lengths, tolerance, hits, n_surrogates, seed)
        )
        for name in names
    ]
    chosen = [
        [max((candidate[side][w] for candidate in candidates), key=lambda test: test.p) for w in range(len(windows))]
        for side in range(2)
    ]
    return _results(windows, counts, hits, chosen)


def coverage(bifurcations: np.ndarray, n_steps: int, window: int) -> int:
    """Epochs of a run in which a jump would be a precursor hit: those at most `window` after a bifurcation.

    Divided by `n_steps` it is the rate that jumps at random epochs would have; near 1 a coincidence says nothing.
    """
    covered = np.zeros(n_steps, dtype=bool)
    for distance in range(min(window, max(n_steps - 1, 0)) + 1):
        later = np.asarray(bifurcations, dtype=np.int64) + distance
        covered[later[later < n_steps]] = True
    return int(covered.sum())


def _is_integer(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _runs(events: object, name: str) -> list[np.ndarray]:
    """One array a run, from a list of them or from a single run's epochs."""
    expected = f"{name}: expected an array of epochs, or a list of such arrays, one a run"
    if isinstance(events, np.ndarray):
        if events.ndim not in (1, 2):
            raise InputError(f"{expected}; got an array of shape {events.shape}")
        return [events] if events.ndim == 1 and events.dtype != object else list(events)
    if not isinstance(events, Sequence) or isinstance(events, str):
        raise InputError(f"{expected}; got {type(events).__name__}")
    if len(events) == 0 or all(np.ndim(entry) == 0 for entry in events):
        return [np.asarray(events)]
    return [np.asarray(entry) for entry in events]


def _lengths(n_steps: int | Sequence[int], n_runs: int) -> list[int]:
    entries = [n_steps] * n_runs if np.ndim(n_steps) == 0 else list(n_steps)
    if len(entries) != n_runs:
        raise InputError(f"n_steps: expected one number, or one for each of {n_runs} runs, got {len(entries)}")
    if not all(_is_integer(entry) and entry >= 0 for entry in entries):
        raise InputError(f"n_steps: expected integers >= 0, got {n_steps!r}")
    return [int(entry) for entry in entries]


def _epochs(events: np.ndarray, n_steps: int, name: str, run: int) -> np.ndarray:
    """Sorted distinct epochs of one run."""
    events = np.asarray(events)
    if events.ndim != 1 or (events.size and events.dtype.kind not in "iu"):
        raise InputError(f"{name}: expected a one-dimensional array of integer epochs, run {run} has {events!r}")
    epochs = np.unique(events.astype(np.int64))
    if epochs.size and (epochs[0] < 0 or epochs[-1] >= n_steps):
        outside = epochs[0] if epochs[0] < 0 else epochs[-1]
        raise InputError(f"{name}: expected epochs 0 ... {n_steps - 1}, run {run} has {outside}")
    return epochs


def _results(
    windows: Sequence[int], counts: tuple[int, int], hits: np.ndarray, tests: list[list[NullTest]]
) -> tuple[CoincidenceResult, ...]:
    return tuple(
        CoincidenceResult(
            window=int(window),
            jumps=counts[0],
            bifurcations=counts[1],
            precursor_hits=int(hits[0, w]),
            trigger_hits=int(hits[1, w]),
            precursor_rate=float(hits[0, w] / counts[0]) if counts[0] else np.nan,
            trigger_rate=float(hits[1, w] / counts[1]) if counts[1] else np.nan,
            p_precursor=tests[0][w].p,
            p_trigger=tests[1][w].p,
            null_precursor=tests[0][w].surrogates,
            null_trigger=tests[1][w].surrogates,
            observed_precursor=tests[0][w].observed,
            observed_trigger=tests[1][w].observed,
            expected_precursor_rate=tests[0][w].expected_rate,
            expected_trigger_rate=tests[1][w].expected_rate,
            expected_precursor_range=tests[0][w].expected_range,
            expected_trigger_range=tests[1][w].expected_range,
            null={
                direction: NULLS.get(tests[side][w].null, tests[side][w].null)
                for side, direction in enumerate(("precursor", "trigger"))
            },
        )
        for w, window in enumerate(windows)
    )
