"""The numbers of the summary: one row a condition, each column by a rule that is written here.

All numbers of a condition speak of one loss (`lossjumps.stages.losses.primary_of`) and one tolerance window
(`events.coincidence.primary_window`).  Epochs are counted, not events: several jumps or bifurcations in one epoch count
once.

| number | rule |
|---|---|
| runs, diverged, epochs, jumps, bifurcations, rates, null, p | conditions.parquet, the row of kind `any` |
| the same with the prefix occupied_ | conditions.parquet, the row of kind `occupied` |
| runs_with_jumps | runs whose row of kind `any` in coincidences.parquet has jumps > 0 |
| by_kind | column bifurcations of the row of each kind in conditions.parquet |
| complete_share | share of recorded epochs whose fixed points are certified complete (attractors.parquet) |
| unresolved | rows of kind `unresolved` in bifurcations.parquet |
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lossjumps.analysis.events import KINDS, counted
from lossjumps.errors import InputError
from lossjumps.stages.losses import of_primary_loss


@dataclass(frozen=True)
class ExperimentTables:
    """What the report reads, restricted to the runs of the plan.

    Attributes
    ----------
    plan, conditions, comparisons, hypotheses, sensitivity
        The tables of the same names.
    causes
        Of the primary loss of each run.
    status, jumps, bifurcations, coincidences, completeness
        Tables of the batches, all runs together; `completeness` has run, epoch, complete of attractors.parquet, one row
        an epoch.
    """

    plan: pd.DataFrame
    conditions: pd.DataFrame
    comparisons: pd.DataFrame
    hypotheses: pd.DataFrame
    sensitivity: pd.DataFrame
    causes: pd.DataFrame
    status: pd.DataFrame
    jumps: pd.DataFrame
    bifurcations: pd.DataFrame
    coincidences: pd.DataFrame
    completeness: pd.DataFrame


def run_counts(tables: ExperimentTables, window: int) -> pd.DataFrame:
    """Return one row a run in the order of the plan.

    The columns: run, condition, label, seed, loss (its primary one), epochs, jumps, bifurcations, status; ``jumps`` and
    ``bifurcations`` are numbers of epochs (primary loss, kind ``any``).

    Raises
    ------
    InputError
        If a run of the plan has no row in the tables.
    """
    rows = of_primary_loss(tables.coincidences, "run")
    rows = rows[(rows["kind"] == "any") & (rows["window"] == window)]
    counts = tables.plan[["run", "condition", "label", "seed"]].merge(
        rows[["run", "loss", "epochs", "jumps", "bifurcations"]], on="run", how="left", validate="one_to_one"
    )
    counts = counts.merge(tables.status[["run", "status", "last_epoch"]], on="run", how="left", validate="one_to_one")
    lacking = counts.loc[counts[["epochs", "status"]].isna().any(axis=1), "run"]
    if len(lacking):
        raise InputError(
            f"coincidences.parquet: no rows of its primary loss within {window} epochs for run {lacking.iloc[0]}"
        )
    whole = ["epochs", "jumps", "bifurcations", "last_epoch"]
    return counts.astype(dict.fromkeys(whole, int))


def condition_numbers(tables: ExperimentTables, window: int) -> pd.DataFrame:
    """Return the numbers of every condition, in the order of the plan; the rules are in this module's docstring.

    Raises
    ------
    InputError
        If a condition of the plan is missing in conditions.parquet.
    """
    runs = run_counts(tables, window)
    chosen = of_primary_loss(tables.conditions, "condition")
    chosen = chosen[chosen["window"] == window]
    numbers = []
    for condition, mine in runs.groupby("condition", sort=False):
        of_kind = chosen[chosen["condition"] == condition].set_index("kind")
        if not {"any", "occupied"} <= set(of_kind.index):
            raise InputError(f"conditions.parquet: no rows of condition {condition} (primary loss, window {window})")
        numbers.append(_one_condition(of_kind, mine, tables) | {"condition": condition})
    return pd.DataFrame(numbers)


_TAKEN = (
    "loss",
    "label",
    "dataset",
    "model",
    "training",
    "runs",
    "runs_diverged",
    "epochs",
    "jumps",
    "jumps_up",
    "bifurcations",
    "jumps_per_1000_epochs",
    "precursor_rate",
    "null_precursor_mean",
    "null_precursor_low",
    "null_precursor_high",
    "p_precursor",
    "trigger_rate",
    "null_trigger_mean",
    "p_trigger",
    "null",
    "coverage",
    "saturated",
)
_TAKEN_OCCUPIED = ("bifurcations", "precursor_rate", "null_precursor_mean", "p_precursor")


def _one_condition(of_kind: pd.DataFrame, runs: pd.DataFrame, tables: ExperimentTables) -> dict[str, Any]:
    """Return the numbers of one condition from its rows, one a kind, and its runs."""
    any_kind, occupied = of_kind.loc["any"], of_kind.loc["occupied"]
    epochs = any_kind["epochs"]
    bifurcations = tables.bifurcations[tables.bifurcations["run"].isin(runs["run"])]
    complete = tables.completeness[tables.completeness["run"].isin(runs["run"])]
    return {
        **{name: any_kind[name] for name in _TAKEN},
        **{f"occupied_{name}": occupied[name] for name in _TAKEN_OCCUPIED},
        "bifurcation_share": any_kind["bifurcations"] / epochs if epochs else np.nan,
        "occupied_share": occupied["bifurcations"] / epochs if epochs else np.nan,
        "runs_with_jumps": int((runs["jumps"] > 0).sum()),
        "by_kind": {kind: int(of_kind.loc[kind, "bifurcations"]) for kind in KINDS if kind in of_kind.index},
        "complete_share": float(complete["complete"].astype(bool).mean()) if len(complete) else np.nan,
        "unresolved": int(counted(bifurcations, "unresolved").sum()),
    }
