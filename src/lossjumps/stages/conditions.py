"""The conditions of a plan, the pairs of them that are compared, and the events of their runs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lossjumps.analysis.events import ALL_LOSSES, PRIMARY_LOSS
from lossjumps.stages.coincidences import bifurcation_epochs, jump_epochs
from lossjumps.stages.files import read_table
from lossjumps.stages.losses import primary_of
from lossjumps.stages.tables import History, Plan, Status

_TRAINING_KEYS = ("training.alpha", "training.path", "training.losses", "training.keys")
"""Swept keys that belong to a training itself: how strong its forcing is, or where it was recorded."""


@dataclass(frozen=True)
class Tables:
    """Rows of the planned runs alone, of all batches together."""

    status: pd.DataFrame
    jumps: pd.DataFrame
    bifurcations: pd.DataFrame
    coincidences: pd.DataFrame


@dataclass(frozen=True, eq=False)
class ConditionRuns:
    """The runs of one condition that have a result, by seed.

    Attributes
    ----------
    planned : DataFrame
        The rows of the plan, those without a result included.
    runs : list of str
    seeds : list of int
    lengths : list of int
        Epochs lived.
    loss : str
        Its primary one.
    jumps, bifurcations, history : list of DataFrame
        A table a run; the history by epoch.
    """

    planned: pd.DataFrame
    runs: list[str]
    seeds: list[int]
    lengths: list[int]
    loss: str
    jumps: list[pd.DataFrame]
    bifurcations: list[pd.DataFrame]
    history: list[pd.DataFrame]

    @property
    def names(self) -> dict[str, str]:
        """Condition, label, dataset, model and training."""
        return {name: self.planned[name].iloc[0] for name in ("condition", "label", "dataset", "model", "training")}

    def jump_trains(self, sign: int = 0, loss: str = "") -> list[np.ndarray]:
        """Epochs with a jump of a loss, of either sign (0) or one, an array a run."""
        chosen = [table[table["sign"] == sign] if sign else table for table in self.jumps]
        return [jump_epochs(table, loss or self.loss, n) for table, n in zip(chosen, self.lengths, strict=True)]

    def bifurcation_trains(self, kind: str, direction: str = "") -> list[np.ndarray]:
        """Epochs with a bifurcation that counts, an array a run."""
        chosen = [table[table["direction"] == direction] if direction else table for table in self.bifurcations]
        return [bifurcation_epochs(table, kind, n) for table, n in zip(chosen, self.lengths, strict=True)]

    def values(self, column: str) -> list[np.ndarray]:
        """A column of the history for the ways from epoch e to e + 1, (E,) a run."""
        return [table[column].to_numpy(dtype=np.float64)[1:] for table in self.history]


def planned_history(folder: Path, plan: pd.DataFrame) -> pd.DataFrame:
    """Read losses, step lengths and gradient norms of the planned runs that have been trained."""
    columns = [
        "run",
        "epoch",
        *ALL_LOSSES,
        "grad_norm",
        "step_length",
    ]
    folders = [Path(folder) / "batches" / batch for batch in sorted(plan["batch"].unique())]
    trained = [one for one in folders if (one / Status.FILE).is_file()]
    history = pd.concat([read_table(one / History.FILE, History, columns) for one in trained], ignore_index=True)
    return history[history["run"].isin(plan["run"])].sort_values(["run", "epoch"])


def runs_of_conditions(plan: pd.DataFrame, tables: Tables, history: pd.DataFrame) -> Iterator[ConditionRuns]:
    """The runs of every condition, in the order of `conditions_of`."""
    lived = tables.status.set_index("run")["last_epoch"]
    by_run = [dict(tuple(table.groupby("run"))) for table in (tables.jumps, tables.bifurcations, history)]
    for planned in conditions_of(plan):
        present = planned[planned["run"].isin(lived.index)]
        runs = list(present["run"])
        losses = tables.coincidences.loc[tables.coincidences["run"].isin(runs), "loss"].unique()
        jumps, bifurcations, histories = (
            [own.get(name, whole[:0]) for name in runs]
            for own, whole in zip(by_run, (tables.jumps, tables.bifurcations, history), strict=True)
        )
        yield ConditionRuns(
            planned,
            runs,
            [int(seed) for seed in present["seed"]],
            [int(lived[name]) for name in runs],
            primary_of(losses) if len(losses) else PRIMARY_LOSS,
            jumps,
            bifurcations,
            histories,
        )


def conditions_of(plan: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The planned runs of each condition by seed; the conditions by data set, model, training and label."""
    ordered = plan.sort_values(["dataset", "model", "training", "label", "condition", "seed"]).drop_duplicates("run")
    for _, planned in ordered.groupby("condition", sort=False):
        yield planned


def pairs_of(plan: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Pairs of conditions that differ in their training or its recording, else in nothing but its forcing strength."""
    conditions = list(conditions_of(plan))
    same = ["dataset", "model", *(key for key in plan.columns if key not in (*Plan.names(), *_TRAINING_KEYS))]
    trained = [key for key in ("training", "training.path") if key in plan.columns]
    for i, first in enumerate(conditions):
        for second in conditions[i + 1 :]:
            a, b = first.iloc[0], second.iloc[0]
            if any(not _equal(a[key], b[key]) for key in trained) and all(_equal(a[key], b[key]) for key in same):
                yield first, second


def _equal(a: object, b: object) -> bool:
    missing = [np.ndim(value) == 0 and bool(pd.isna(value)) for value in (a, b)]
    return all(missing) if any(missing) else np.array_equal(np.asarray(a, dtype=object), np.asarray(b, dtype=object))
