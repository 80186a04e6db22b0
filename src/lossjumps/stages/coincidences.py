"""Stage `coincidences`: which jumps and bifurcations of a run come together.

Jumps and bifurcations meet here for the first time; no null model is involved (stage `statistics`).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lossjumps.analysis.coincidence import coverage
from lossjumps.analysis.events import COUNTED_KINDS, LOSSES, counted_epochs
from lossjumps.analysis.hits import Tolerance, count_hits
from lossjumps.configuration import load_batch, load_events
from lossjumps.errors import InputError
from lossjumps.stages.files import as_table, read_table, write_table
from lossjumps.stages.losses import losses_of
from lossjumps.stages.tables import Bifurcations, Coincidences, Jumps, Status


def run(folder: Path) -> None:
    """Write ``coincidences.parquet`` of a batch from its jumps, bifurcations and status.

    Raises
    ------
    InputError
        If the folder is no batch folder, a file is missing, or a run has no status.
    """
    batch = load_batch(folder)
    windows = load_events(batch.experiment_folder).coincidence.windows
    jumps = read_table(batch.folder / Jumps.FILE, Jumps, ["run", "epoch", "loss"])
    columns = ["run", "epoch", "kind", "topological", "occupied"]
    bifurcations = read_table(batch.folder / Bifurcations.FILE, Bifurcations, columns)
    status = read_table(batch.folder / Status.FILE, Status)
    counts = coincidences_table(jumps, bifurcations, status, batch.runs, windows, losses_of(batch))
    write_table(batch.folder / Coincidences.FILE, counts, Coincidences)


def bifurcation_epochs(bifurcations: pd.DataFrame, kind: str, n_steps: int) -> np.ndarray:
    """Epochs 0 ... n_steps - 1 of one run with a bifurcation that counts for this kind, each once, ascending."""
    epochs = counted_epochs(bifurcations, kind)
    return epochs[epochs < n_steps]


def jump_epochs(jumps: pd.DataFrame, loss: str, n_steps: int) -> np.ndarray:
    """Epochs of one run with a jump of this loss, each once, ascending."""
    epochs = np.unique(jumps.loc[jumps["loss"] == loss, "epoch"].to_numpy(dtype=np.int64))
    return epochs[epochs < n_steps]


def coincidences_table(
    jumps: pd.DataFrame,
    bifurcations: pd.DataFrame,
    status: pd.DataFrame,
    runs: tuple[str, ...],
    windows: list[int],
    losses: Sequence[str] = LOSSES,
) -> pd.DataFrame:
    """Counts of every run, loss, kind and window, zeros included.

    Parameters
    ----------
    jumps : DataFrame
        Columns run, epoch, loss.
    bifurcations : DataFrame
        Columns run, epoch, kind, topological, occupied.
    status : DataFrame
        Columns run, last_epoch: the epochs 0 ... last_epoch - 1 are those the run lived.
    runs : tuple of str
        The runs to look at.
    windows : list of int
        Tolerance windows in epochs.
    losses : sequence of str
        The losses that the runs have.

    Returns
    -------
    DataFrame
        The columns of `Coincidences`: jumps, bifurcations (epochs with one), precursor_hits (jumps with a bifurcation
        0 ... window epochs before), trigger_hits (bifurcations with a jump 0 ... window epochs after), epochs lived,
        and covered (epochs in which a jump would be a precursor hit).  Sorted by run in the order of `runs`, loss,
        kind in the order of `COUNTED_KINDS`, and window.

    Raises
    ------
    InputError
        If a run has no status.
    """
    lived = dict(zip(status["run"], status["last_epoch"], strict=True))
    windows = sorted(set(windows))
    tolerance = Tolerance(tuple(windows), lag=0, symmetric=False)
    jumps_of, bifurcations_of = dict(tuple(jumps.groupby("run"))), dict(tuple(bifurcations.groupby("run")))
    rows = []
    for name in runs:
        if name not in lived:
            raise InputError(f"status.parquet: run {name} is missing")
        n_steps = int(lived[name])
        own_jumps, own_bifurcations = jumps_of.get(name, jumps[:0]), bifurcations_of.get(name, bifurcations[:0])
        trains = {kind: bifurcation_epochs(own_bifurcations, kind, n_steps) for kind in COUNTED_KINDS}
        covered = {kind: [coverage(train, n_steps, window) for window in windows] for kind, train in trains.items()}
        for loss in losses:
            jumped = jump_epochs(own_jumps, loss, n_steps)
            for kind, train in trains.items():
                precursor, trigger = count_hits(jumped, train[None, :], n_steps, tolerance)[:, 0]
                for w, window in enumerate(windows):
                    rows.append(
                        {
                            "run": name,
                            "loss": loss,
                            "kind": kind,
                            "window": window,
                            "jumps": jumped.size,
                            "bifurcations": train.size,
                            "precursor_hits": precursor[w],
                            "trigger_hits": trigger[w],
                            "epochs": n_steps,
                            "covered": covered[kind][w],
                        }
                    )
    return as_table(rows, Coincidences)
