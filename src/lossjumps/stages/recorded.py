"""What the stage `train` does for trainings made elsewhere: their recordings in the form of our own."""

import numpy as np

from lossjumps.analysis.events import RECORDED_LOSS
from lossjumps.configuration.loading import Batch
from lossjumps.data.none import NO_DATA
from lossjumps.maps.families import FAMILIES
from lossjumps.progress import Progress
from lossjumps.stages.files import as_table, read_arrays, write_arrays, write_table
from lossjumps.stages.tables import SERIES, History, Status, own_parameters
from lossjumps.training.recorded.naming import OBSERVATION, STATES
from lossjumps.training.recorded.reading import RecordedRun, read_run, recorded_maps
from lossjumps.training.recorded.validation import check_recordings, outline_of
from lossjumps.training.recording import DIVERGED, FINISHED, HISTORY


def run(batch: Batch, progress: Progress) -> None:
    """Write ``parameters.npz``, ``history.parquet`` and ``status.parquet`` of a batch of recorded runs.

    Parameters
    ----------
    batch : Batch
    progress : callable
        Told at every run how many epochs of all runs are read.

    Raises
    ------
    InputError
        If a recording is not as it has to be, or the data are missing.
    """
    check_recordings(batch.dataset, batch.model, batch.training, batch.seeds)
    series = None if batch.dataset.name == NO_DATA else read_arrays(batch.data_file, SERIES)["test"]
    runs, history, status = [], [], []
    epochs = [outline_of(batch.training, batch.model.name, seed).epochs for seed in batch.seeds]
    for name, seed in zip(batch.runs, batch.seeds, strict=True):
        progress(sum(epochs[: len(runs)]), sum(epochs), f"seed {seed}")
        recorded = read_run(batch.training, batch.model.name, seed)
        history += _history_rows(name, recorded, _measured(batch, recorded, series))
        status.append((name, DIVERGED if recorded.why else FINISHED, recorded.last_epoch, recorded.why))
        runs.append(recorded)
    progress(sum(epochs), sum(epochs), "")
    arrays = {"seeds": np.array(batch.seeds), **_stacked(runs, series is None)}
    write_arrays(batch.folder / "parameters.npz", arrays, own_parameters(FAMILIES[batch.model.name].shapes))
    write_table(batch.folder / History.FILE, as_table(history, History), History)
    write_table(batch.folder / Status.FILE, as_table(status, Status), Status)


def _measured(batch: Batch, recorded: RecordedRun, series: np.ndarray | None) -> dict[str, np.ndarray]:
    """The losses on the data, up to the last epoch; none without data."""
    if series is None:
        return {}
    from lossjumps.training.recorded.evaluation import evaluated_losses  # torch: where it is needed

    alive = {name: array[: recorded.last_epoch + 1] for name, array in recorded.parameters.items()}
    maps, _ = recorded_maps(recorded.family, alive)
    return evaluated_losses(maps, alive.get(OBSERVATION), series, batch.training.evaluation)


def _history_rows(name: str, recorded: RecordedRun, measured: dict[str, np.ndarray]) -> list[dict[str, object]]:
    epochs = recorded.last_epoch + 1
    flat = np.concatenate([array[:epochs].reshape(epochs, -1) for array in recorded.parameters.values()], axis=1)
    change = np.diff(flat, axis=0)
    columns = {
        **dict.fromkeys(HISTORY, np.full(epochs, np.nan)),
        **measured,
        "step_length": np.concatenate([[np.nan], np.sqrt((change * change).sum(axis=1))]),
        RECORDED_LOSS: recorded.loss[:epochs],
        "recorded_epoch": recorded.epochs[:epochs],
    }
    return [
        {"run": name, "epoch": epoch, **{key: values[epoch] for key, values in columns.items()}}
        for epoch in range(epochs)
    ]


def _stacked(runs: list[RecordedRun], with_states: bool) -> dict[str, np.ndarray]:
    """Every run's parameters in one array each, and their states; NaN where a run has fewer epochs or states."""
    epochs = max(len(run.loss) for run in runs)
    stacked = {}
    for key in runs[0].family.keys:
        stacked[key] = np.stack([_filled(run.parameters[key], epochs) for run in runs])
    dimension = runs[0].family.relu_map(runs[0].at(0)).dimension
    nothing = np.empty((epochs, 0, dimension))
    stacked[OBSERVATION] = np.stack([_filled(run.parameters.get(OBSERVATION, nothing), epochs) for run in runs])
    states = [run.states if with_states else np.empty((0, dimension)) for run in runs]
    stacked[STATES] = np.stack([_filled(own, max(map(len, states))) for own in states])
    return stacked


def _filled(array: np.ndarray, length: int) -> np.ndarray:
    """The array with NaN, or zeros where it is of integers, up to a length."""
    filler = np.nan if array.dtype.kind == "f" else 0
    return np.concatenate([array, np.full((length - len(array), *array.shape[1:]), filler, dtype=array.dtype)])
