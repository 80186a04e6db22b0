"""Stage `jumps`: the loss jumps of every run of a batch."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from lossjumps.analysis.change_points import find_shifts, is_confirmed
from lossjumps.analysis.events import LOSSES
from lossjumps.analysis.jumps import DETECTOR, find_jumps
from lossjumps.configuration import load_batch, load_events
from lossjumps.errors import InputError
from lossjumps.schema import JumpsConfig
from lossjumps.stages.files import as_table, read_table, write_table
from lossjumps.stages.losses import losses_of
from lossjumps.stages.tables import History, Jumps


def run(folder: Path) -> None:
    """Write ``jumps.parquet`` of a batch from its ``history.parquet``.

    Raises
    ------
    InputError
        If the folder is no batch folder, a file is missing, or a run is not in the history.
    """
    batch = load_batch(folder)
    events = load_events(batch.experiment_folder)
    losses = losses_of(batch)
    history = read_table(batch.folder / History.FILE, History, ["run", "epoch", *losses])
    write_table(batch.folder / Jumps.FILE, jumps_table(history, batch.runs, events.jumps, losses), Jumps)


def jumps_table(
    history: pd.DataFrame, runs: tuple[str, ...], config: JumpsConfig, losses: Sequence[str] = LOSSES
) -> pd.DataFrame:
    """The jumps of the losses of every run.

    Parameters
    ----------
    history : DataFrame
        Columns run, epoch (0 ... last one, each once) and the losses.
    runs : tuple of str
        The runs to look at.
    config : JumpsConfig
        What counts as a jump.
    losses : sequence of str
        The losses to look at.

    Returns
    -------
    DataFrame
        The columns of `Jumps`, sorted by run in the order of `runs`, loss in the order of `losses`, and epoch.

    Raises
    ------
    InputError
        If a run has no history, or not every epoch once.
    """
    by_run = dict(tuple(history.groupby("run")))
    rows = []
    for name in runs:
        if name not in by_run:
            raise InputError(f"history.parquet: run {name} is missing")
        recorded = by_run[name].sort_values("epoch")
        if not np.array_equal(recorded["epoch"], np.arange(len(recorded))):
            raise InputError(f"history.parquet: run {name}: expected every epoch 0 ... last once")
        for loss in losses:
            values = recorded[loss].to_numpy()
            shifts = find_shifts(values, config.threshold, config.min_change)
            rows += [
                {"run": name, "loss": loss, "detector": DETECTOR, "confirmed": is_confirmed(jump, shifts)}
                | asdict(jump)
                for jump in find_jumps(values, config.threshold, config.min_change, config.window)
            ]
    return as_table(rows, Jumps)
