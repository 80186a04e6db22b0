"""What the runs of a condition have in common: the numbers of their condition that each of them shows in MLflow."""

import numpy as np
import pandas as pd

from lossjumps.analysis.events import TOO_FEW
from lossjumps.stages.losses import of_primary_loss

CONDITION_METRICS = {
    "runs": "condition/runs",
    "jumps": "condition/jumps",
    "bifurcations": "condition/bifurcations",
    "precursor_rate": "condition/precursor_rate",
    "null_precursor_mean": "condition/precursor_chance",
    "p_precursor": "condition/precursor_p",
    "trigger_rate": "condition/trigger_rate",
    "null_trigger_mean": "condition/trigger_chance",
    "p_trigger": "condition/trigger_p",
}
"""Columns of ``statistics/conditions.parquet`` and the metrics that they become."""


def condition_metrics(conditions: pd.DataFrame, window: int) -> dict[str, dict[str, float]]:
    """Return for each condition the numbers that its runs show; one that does not exist is absent.

    Where a condition has no jumps or no bifurcations chance gives nothing; with too few jumps there is no p, as in the
    report.

    Parameters
    ----------
    conditions
        ``statistics/conditions.parquet``.
    window
        Tolerance window in epochs.
    """
    rows = of_primary_loss(conditions, "condition").query("kind == 'any' and window == @window").set_index("condition")
    found = {}
    for condition, row in rows.iterrows():
        numbers = {name: float(row[column]) for column, name in CONDITION_METRICS.items()}
        comparable = row["jumps"] > 0 and row["bifurcations"] > 0
        for direction in ("precursor", "trigger"):
            if not comparable:
                del numbers[f"condition/{direction}_chance"]
            if not comparable or row["jumps"] < TOO_FEW:
                del numbers[f"condition/{direction}_p"]
        found[condition] = {name: value for name, value in numbers.items() if np.isfinite(value)}
    return found
