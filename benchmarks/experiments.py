"""The networks that a finished experiment recorded."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lossjumps import ReluMap
from lossjumps.configuration import load_batch
from lossjumps.stages.files import read_table
from lossjumps.stages.tables import Status
from lossjumps.training.models import family_of


@dataclass(frozen=True)
class RecordedMap:
    """The map of a run at an epoch, and the batch folder it is from."""

    batch: Path
    run: str
    epoch: int
    relu_map: ReluMap


def recorded_maps(experiment: Path, epochs: int) -> Iterator[RecordedMap]:
    """Maps of every run of an experiment: at the first and the last epoch and at evenly spaced ones between.

    Parameters
    ----------
    experiment : Path
        Such as results/default.
    epochs : int
        How many of each run; 1 for the last alone.
    """
    for folder in sorted((experiment / "batches").iterdir()):
        batch = load_batch(folder)
        parameters = dict(np.load(folder / "parameters.npz"))
        last = read_table(folder / Status.FILE, Status).set_index("run").last_epoch
        for position, run in enumerate(batch.runs):
            for epoch in np.unique(np.linspace(last[run], 0, epochs).astype(int)):
                arrays = {name: array[position, epoch] for name, array in parameters.items() if name != "seeds"}
                yield RecordedMap(folder, run, int(epoch), family_of(batch.model.name).relu_map(arrays))
