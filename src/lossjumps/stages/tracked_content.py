"""What a run shows in MLflow: its metrics, parameters and tags, made from the tables of its batch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import yaml

from lossjumps.analysis.events import ALL_LOSSES, KINDS, counted, counted_epochs
from lossjumps.configuration.loading import Batch, Settings
from lossjumps.configuration.objects import to_mapping
from lossjumps.errors import InputError

HISTORY_METRICS = {
    "loss_free": "loss/free",
    "loss_free_long": "loss/free_long",
    "loss_forced": "loss/forced",
    "state_space_divergence": "loss/state_space_divergence",
    "loss_recorded": "loss/recorded",
    "loss_train": "loss/train",
    "grad_norm": "training/grad_norm",
    "step_length": "training/step_length",
}
"""Columns of the history that are logged every epoch, and the names of their metrics."""

FIRST_EPOCH = dict.fromkeys(ALL_LOSSES, 0) | dict.fromkeys(("loss_train", "grad_norm", "step_length"), 1)
"""Epoch from which a column has values: those of the epoch that ends have none at epoch 0."""


@dataclass(frozen=True)
class Series:
    """A metric over epochs; only points that MLflow can store as they are.

    Attributes
    ----------
    name : str
    steps : ndarray of int, shape (n,)
        Epochs.
    values : ndarray of float, shape (n,)
        Finite.
    left_out : int
        Points that are infinite or not a number; MLflow would show infinity as 1.8e308.
    """

    name: str
    steps: np.ndarray
    values: np.ndarray
    left_out: int = 0


def finite_series(name: str, steps: np.ndarray, values: np.ndarray) -> Series:
    """Return the finite points of a series and the number of the others."""
    steps, values = np.asarray(steps, dtype=int), np.asarray(values, dtype=float)
    finite = np.isfinite(values)
    return Series(name, steps[finite], values[finite], int((~finite).sum()))


def epoch_series(history: pd.DataFrame, cycles: pd.DataFrame) -> list[Series]:
    """Return the metrics that have a point at every epoch.

    Parameters
    ----------
    history, cycles
        The rows of one run of the tables of the same names.
    """
    series = []
    for column, name in HISTORY_METRICS.items():
        rows = history[history["epoch"] >= FIRST_EPOCH[column]]
        if rows[column].notna().any():  # else it is not recorded
            series.append(finite_series(name, rows["epoch"].to_numpy(), rows[column].to_numpy()))
    epochs = history["epoch"].to_numpy()
    counts = {
        "dynamics/fixed_points": cycles["order"] == 1,
        "dynamics/cycles": cycles["order"] > 1,
        "dynamics/stable": cycles["stable"].astype(bool),
    }
    for name, which in counts.items():
        found = cycles.loc[which, "epoch"].value_counts().reindex(epochs, fill_value=0)
        series.append(finite_series(name, epochs, found.to_numpy()))
    largest = cycles.groupby("epoch")["largest_multiplier"].max()
    series.append(finite_series("dynamics/largest_multiplier", largest.index.to_numpy(), largest.to_numpy()))
    return series


def event_series(bifurcations: pd.DataFrame, jumps: pd.DataFrame, loss: str) -> list[Series]:
    """Return the metrics that have points only where something happens.

    ``event/jump`` is the signed change of the log10 loss; ``event/bifurcation`` the number of topological, resolved
    bifurcations.

    Parameters
    ----------
    bifurcations, jumps
        The rows of one run of the tables of the same names.
    loss
        The loss whose jumps are logged.
    """
    jumps = jumps[jumps["loss"] == loss].sort_values("epoch").drop_duplicates("epoch")
    number = bifurcations.loc[counted(bifurcations), "epoch"].value_counts().sort_index()
    return [
        finite_series("event/jump", jumps["epoch"].to_numpy(), jumps["size"].to_numpy()),
        finite_series("event/bifurcation", number.index.to_numpy(), number.to_numpy()),
    ]


def run_summary(
    history: pd.DataFrame,
    bifurcations: pd.DataFrame,
    attractors: pd.DataFrame,
    coincidences: pd.DataFrame,
    *,
    loss: str,
    window: int,
) -> dict[str, float]:
    """Return the numbers of one run that the table of runs shows; one that does not exist (0 of 0 jumps) is absent.

    Parameters
    ----------
    history, bifurcations, attractors, coincidences
        The rows of one run of the tables of the same names.
    loss, window
        The loss whose jumps count, and the tolerance window in epochs.

    Raises
    ------
    InputError
        If the coincidences were counted for other losses or windows.
    """
    mine = coincidences[(coincidences["loss"] == loss) & (coincidences["window"] == window)].set_index("kind")
    if not {"any", "occupied"} <= set(mine.index):
        raise InputError(f"coincidences.parquet: no rows of {loss} within {window} epochs; run the stage coincidences")
    counts = mine.loc["any"]
    epochs = int(counts["epochs"])
    summary = {
        "event/jumps": float(counts["jumps"]),
        "event/jumps_per_1000": 1000 * counts["jumps"] / epochs if epochs else np.nan,
        "event/bifurcations": float(counts["bifurcations"]),
        "event/bifurcations_per_1000": 1000 * counts["bifurcations"] / epochs if epochs else np.nan,
        "event/bifurcations_occupied": float(mine.loc["occupied", "bifurcations"]),
        "coincidence/precursor_hits": float(counts["precursor_hits"]),
        "coincidence/precursor_rate": _rate(counts["precursor_hits"], counts["jumps"]),
        "coincidence/trigger_rate": _rate(counts["trigger_hits"], counts["bifurcations"]),
        "coincidence/epochs_covered": _rate(counts["covered"], epochs),
        "dynamics/complete_share": float(attractors.drop_duplicates("epoch")["complete"].mean()),
        "training/last_epoch": float(history["epoch"].max()),
    }
    for kind in KINDS:
        summary[f"event/bifurcations_{kind}"] = float(len(counted_epochs(bifurcations, kind)))
    last = history.loc[history["epoch"].idxmax()]
    for column in ALL_LOSSES:
        name = HISTORY_METRICS[column]
        summary[f"{name}_final"] = float(last[column])
        finite = history.loc[np.isfinite(history[column]), column]
        summary[f"{name}_lowest"] = float(finite.min()) if len(finite) else np.nan
    return {name: float(value) for name, value in summary.items() if np.isfinite(value)}


def _rate(hits: float, of: float) -> float:
    return hits / of if of else np.nan


def left_out(series: list[Series]) -> str:
    """Say which metrics have points that are not finite, and how many: ``loss/free 3, loss/train 1``; or ``none``."""
    return ", ".join(f"{one.name} {one.left_out}" for one in series if one.left_out) or "none"


def run_name(label: str, seed: int | str) -> str:
    """Return the name of a run in the table of runs."""
    return f"{label} s{seed}"


def run_tags(batch: Batch, key: str, seed: int, label: str) -> dict[str, str]:
    """Return what a run is searched, grouped and told apart by.

    Parameters
    ----------
    batch, key, seed
        The batch, and the run in it.
    label
        The condition in readable form, with the swept values.
    """
    alpha = batch.training.alpha
    experiment = batch.experiment_folder.resolve().name
    return {
        "experiment": experiment,
        "dataset": batch.data_file.stem.rpartition("-")[0],  # the option: two files of a user are told apart
        "model": batch.model.name,
        "training": batch.training.name,
        "alpha": "none" if alpha is None else f"{alpha:g}",
        "seed": str(seed),
        "run_key": key,
        "condition": batch.condition,
        "label": label,
        "batch": batch.name,
        "results": f"{experiment}/batches/{batch.name}",
    }


def run_configuration(batch: Batch, settings: Settings, seed: int) -> dict[str, Any]:
    """Return the resolved configuration of one run as plain nested values."""
    return {
        "dataset": to_mapping(batch.dataset),
        "model": to_mapping(batch.model),
        "training": to_mapping(batch.training),
        "seed": seed,
        "search": to_mapping(settings.search),
        "events": to_mapping(settings.events),
    }


def as_yaml(configuration: Mapping[str, Any]) -> str:
    """Return a resolved configuration as text, in its own order."""
    return yaml.safe_dump(dict(configuration), sort_keys=False)


def flatten(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested configuration as dotted keys and text, ``training.evaluation.alpha``."""
    flat: dict[str, str] = {}
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = str(value)
    return flat
