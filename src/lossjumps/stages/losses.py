"""Which losses the runs of a batch have, and which one is spoken of."""

from collections.abc import Collection

import pandas as pd

from lossjumps.analysis.events import DIVERGENCE, LOSSES, PRIMARY_LOSS, RECORDED_LOSS
from lossjumps.configuration.loading import Batch
from lossjumps.data.none import NO_DATA
from lossjumps.training.recorded import RECORDED


def losses_of(batch: Batch) -> tuple[str, ...]:
    """The losses whose jumps are looked for: those measured on the data, and the one that a recording brings."""
    measured = () if batch.dataset.name == NO_DATA else LOSSES
    if not batch.training.evaluation.state_space_steps:
        measured = tuple(loss for loss in measured if loss != DIVERGENCE)
    return (*measured, RECORDED_LOSS) if batch.training.name == RECORDED else measured


def primary_of(losses: Collection[str]) -> str:
    """The loss that is spoken of: `loss_free` where it is measured, else the recorded one."""
    return RECORDED_LOSS if PRIMARY_LOSS not in losses and RECORDED_LOSS in losses else PRIMARY_LOSS


def of_primary_loss(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Keep the rows of the primary loss of each run or condition.

    Parameters
    ----------
    table : DataFrame
        Has a row of every loss that a run or condition has, in the columns `by` and loss.
    by : str
        ``"run"`` or ``"condition"``.
    """
    measured = table.loc[table["loss"] == PRIMARY_LOSS, by].unique()
    recorded = (table["loss"] == RECORDED_LOSS) & ~table[by].isin(measured)
    return table[(table["loss"] == PRIMARY_LOSS) | recorded]
