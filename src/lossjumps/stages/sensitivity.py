"""The primary coincidence with one choice changed at a time."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lossjumps.analysis.change_points import find_shifts
from lossjumps.analysis.coincidence import CoincidenceResult, coincidence_over_windows
from lossjumps.analysis.events import COUNTED_KINDS, PRIMARY_KIND
from lossjumps.analysis.jumps import find_jumps
from lossjumps.analysis.nulls import NULLS
from lossjumps.analysis.nulls.swap import MINIMUM_SWAP_RUNS, exchangeable_runs
from lossjumps.schema import EventsConfig
from lossjumps.stages.conditions import ConditionRuns
from lossjumps.stages.files import as_table
from lossjumps.stages.tables import Sensitivity

THRESHOLDS = (4.0, 6.0, 8.0, 12.0, 16.0)
MIN_CHANGES = (0.05, 0.1, 0.2, 0.4)
LAGS = (-5, -2, -1, 1, 2, 5)
UP = 1


def sensitivity_table(conditions: list[ConditionRuns], events: EventsConfig) -> pd.DataFrame:
    """Vary the choices that the primary coincidence of each condition rests on.

    Parameters
    ----------
    conditions : list of ConditionRuns
    events : EventsConfig
        The choices that were made.

    Returns
    -------
    DataFrame
        The columns of `Sensitivity`.
    """
    rows = []
    for condition in conditions:
        for choice, value, result in _varied(condition, events):
            rows.append(
                condition.names
                | {
                    "choice": choice,
                    "value": value,
                    "jumps": result.jumps,
                    "bifurcations": result.bifurcations,
                    "precursor_hits": result.precursor_hits,
                    "precursor_rate": result.precursor_rate,
                    "expected": result.expected_precursor_rate,
                    "p": result.p_precursor,
                    "null": result.null["precursor"],
                }
            )
    return as_table(rows, Sensitivity)


def _varied(condition: ConditionRuns, events: EventsConfig) -> Iterator[tuple[str, str, CoincidenceResult]]:
    """Every choice, its value, and what comes of it."""
    config, detection = events.coincidence, events.jumps
    own_jumps, own_bifurcations = condition.jump_trains(UP), condition.bifurcation_trains(PRIMARY_KIND)

    def coincidence(jumps=own_jumps, bifurcations=own_bifurcations, windows=(config.primary_window,), **options):
        chosen = {"null": config.null_model, "n_surrogates": config.surrogates, "seed": config.seed} | options
        return coincidence_over_windows(jumps, bifurcations, condition.lengths or 0, windows, **chosen)

    yield "none", "", coincidence()[0]
    for threshold in THRESHOLDS:
        jumps = _found(condition, threshold, detection.min_change, detection.window)
        yield "threshold", f"{threshold:g}", coincidence(jumps)[0]
    for min_change in MIN_CHANGES:
        jumps = _found(condition, detection.threshold, min_change, detection.window)
        yield "min_change", f"{min_change:g}", coincidence(jumps)[0]
    shifted = [
        [shift.epoch for shift in find_shifts(loss, detection.threshold, detection.min_change) if shift.size > 0]
        for loss in _losses(condition)
    ]
    yield "detector", "change points", coincidence([np.array(epochs, dtype=np.int64) for epochs in shifted])[0]
    windows = sorted(set(config.windows))
    for window, result in zip(windows, coincidence(windows=windows), strict=True):
        yield "window", str(window), result
    for lag in LAGS:
        yield "lag", str(lag), coincidence(lag=lag)[0]
    yield "symmetric", "true", coincidence(symmetric=True)[0]
    for sign, value in ((-1, "down"), (0, "both")):
        yield "sign", value, coincidence(condition.jump_trains(sign))[0]
    for loss in dict.fromkeys(name for table in condition.jumps for name in table["loss"] if name != condition.loss):
        yield "loss", loss, coincidence(condition.jump_trains(UP, loss))[0]
    for kind in COUNTED_KINDS:
        if kind != PRIMARY_KIND:
            yield "kind", kind, coincidence(bifurcations=condition.bifurcation_trains(kind))[0]
    for direction in ("birth", "death"):
        trains = condition.bifurcation_trains(PRIMARY_KIND, direction)
        yield "direction", direction, coincidence(bifurcations=trains)[0]
    for null in NULLS:
        if null != "swap" or (condition.runs and len(exchangeable_runs(condition.lengths)) >= MINIMUM_SWAP_RUNS):
            yield "null", null, coincidence(null=null)[0]


def _losses(condition: ConditionRuns) -> list[np.ndarray]:
    return [table[condition.loss].to_numpy() for table in condition.history]


def _found(condition: ConditionRuns, threshold: float, min_change: float, window: int) -> list[np.ndarray]:
    """Epochs of the jumps upwards that another detector setting finds, an array a run."""
    found = [find_jumps(loss, threshold, min_change, window) for loss in _losses(condition)]
    return [np.unique([jump.epoch for jump in jumps if jump.sign > 0]).astype(np.int64) for jumps in found]
