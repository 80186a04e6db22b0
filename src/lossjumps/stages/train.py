"""The stage `train`: all runs of a batch, with parameters and losses of every epoch."""

from pathlib import Path

import numpy as np
import pandas as pd

from lossjumps.configuration import load_batch
from lossjumps.failures import Signalled
from lossjumps.progress import Progress, silent
from lossjumps.stages import recorded
from lossjumps.stages.checkpoints import BatchCheckpoints
from lossjumps.stages.files import read_arrays, write_arrays, write_table
from lossjumps.stages.listing import CHECKPOINT_SECONDS
from lossjumps.stages.tables import SERIES, History, Status, recorded_parameters
from lossjumps.training.recorded import RECORDED
from lossjumps.training.recording import HISTORY, Recording
from lossjumps.training.validation import check_series


def run(folder: Path, progress: Progress = silent, checkpoint_seconds: float = CHECKPOINT_SECONDS) -> None:
    """Train the runs of a batch and write ``parameters.npz``, ``history.parquet`` and ``status.parquet``.

    A run that diverges is a result: it ends with its history up to there.  A training that was stopped goes on from its
    last checkpoint and ends with the same bytes; when all is written there is none left.  Trainings made elsewhere are
    read instead (`lossjumps.stages.recorded`).

    Parameters
    ----------
    folder : Path
        The batch's folder.
    progress : callable
        Told every epoch, with the losses.
    checkpoint_seconds : float
        Between two checkpoints; one is written as well where a signal ends the training.

    Raises
    ------
    InputError
        If the folder is no batch folder, its configuration cannot be trained or its data are missing.
    """
    batch = load_batch(folder)
    if batch.training.name == RECORDED:
        recorded.run(batch, progress)
        return
    # Importing torch takes a second or more, which listing the stages should not.
    from lossjumps.training.loop import train
    from lossjumps.training.parameters import FlatParameters

    data = read_arrays(batch.data_file, SERIES)
    observed = data["train"].shape[1]
    check_series(batch.model, batch.training, observed, len(data["train"]), len(data["test"]))

    def report(epoch: int, recording: Recording) -> None:
        progress(epoch, batch.training.epochs, losses_now(epoch, recording))

    checkpoints = BatchCheckpoints(batch, batch.training.points_per_epoch, checkpoint_seconds)
    try:
        recording = train(
            data["train"],
            data["test"],
            batch.model,
            batch.training,
            batch.seeds,
            report,
            checkpoints=checkpoints,
        )
    except (Signalled, KeyboardInterrupt):
        checkpoints.write()
        raise
    layout = FlatParameters.of(batch.model, observed)
    write_arrays(
        batch.folder / "parameters.npz",
        {"seeds": np.array(recording.seeds), **layout.arrays(recording.parameters)},
        recorded_parameters(layout.shapes, len(batch.seeds), batch.training.points),
    )
    write_table(batch.folder / History.FILE, history_table(recording, batch.runs), History)
    write_table(batch.folder / Status.FILE, status_table(recording, batch.runs), Status)
    checkpoints.remove()


def losses_now(epoch: int, recording: Recording) -> str:
    """Say where a training stands: medians over the runs that still train."""
    alive = recording.last_epoch >= epoch
    losses = (f"{name} {np.median(recording.history[name][alive, epoch]):.3g}" for name in HISTORY[:3])
    diverged = np.count_nonzero(~alive)
    return ", ".join((*losses, *([f"{diverged} diverged"] if diverged else [])))


def history_table(recording: Recording, runs: tuple[str, ...]) -> pd.DataFrame:
    """List losses and norms, a row a run and epoch, up to each run's last epoch."""
    tables = []
    for position, run_name in enumerate(runs):
        rows = recording.last_epoch[position] + 1
        columns = {name: recording.history[name][position, :rows] for name in HISTORY}
        tables.append(pd.DataFrame({"run": run_name, "epoch": np.arange(rows), **columns}))
    table = pd.concat(tables, ignore_index=True)
    return table.reindex(columns=History.names()).astype(History.dtypes())


def status_table(recording: Recording, runs: tuple[str, ...]) -> pd.DataFrame:
    """List how every run ended."""
    return pd.DataFrame(
        {
            "run": list(runs),
            "status": [recording.status(position) for position in range(len(runs))],
            "last_epoch": recording.last_epoch,
            "why": recording.why,
        }
    )
