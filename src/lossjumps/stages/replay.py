"""`lossjumps replay`: a training repeated bit for bit, with every update of a window, and what a chord hides."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from lossjumps.analysis.chords import ChordComparison, compare_with_chords
from lossjumps.configuration import load_batch, load_search
from lossjumps.configuration.loading import Batch
from lossjumps.errors import InputError
from lossjumps.maps.paths import Segment
from lossjumps.progress import Progress, silent
from lossjumps.stages.files import read_arrays, read_table
from lossjumps.stages.tables import SERIES, Status, recorded_parameters
from lossjumps.stages.whole import write_whole
from lossjumps.training.recorded import RECORDED
from lossjumps.training.recorded.naming import EPOCHS, LOSS


def replay(
    folder: Path, run: str, first: int, last: int, output: Path | None = None, progress: Progress = silent
) -> Iterator[str]:
    """Repeat the training of a run up to an epoch, and compare two ways from each epoch of a window to the next.

    Parameters
    ----------
    folder : Path
        The batch's folder.
    run : str
        Key of the run.
    first, last : int
        Epochs at which the window begins and ends.
    output : Path, optional
        A new .npz file for the parameters and loss_free at every update, as `training=recorded` reads it.
    progress : callable
        Told every epoch that is trained.

    Yields
    ------
    str
        A line an epoch whose two ways differ, and one for the window.

    Raises
    ------
    InputError
        If the batch was not trained here, the run or the window is not in it, or the output exists.
    """
    batch = load_batch(folder)
    position = _checked(batch, run, first, last, output)
    from lossjumps.training.loop import replay as replayed  # torch: where it is needed
    from lossjumps.training.parameters import FlatParameters

    data = read_arrays(batch.data_file, SERIES)
    observed = data["train"].shape[1]
    layout = FlatParameters.of(batch.model, observed)
    schema = recorded_parameters(layout.shapes, len(batch.seeds), batch.training.points)
    recorded = read_arrays(batch.folder / "parameters.npz", schema)
    flat, losses = replayed(
        data["train"],
        data["test"],
        batch.model,
        batch.training,
        batch.seeds[position],
        first,
        last,
        lambda epoch: progress(epoch, last, run),
    )
    parameters = layout.arrays(flat)
    each, points = batch.training.updates_per_epoch, batch.training.points_per_epoch
    for name, array in parameters.items():
        if not np.array_equal(array[:: each // points], recorded[name][position, first * points : last * points + 1]):
            raise InputError(
                f"{folder}: expected to repeat what {run} recorded, but {name} differs; another machine, another "
                "version of a library or of this package trained it"
            )
    if output is not None:
        numbers = first * each + np.arange(len(flat))
        recording = {**parameters, LOSS: losses, EPOCHS: numbers}
        write_whole(output, lambda temporary: np.savez(temporary, **recording))
    maps = [
        layout.family.relu_map({name: array[update] for name, array in parameters.items()})
        for update in range(len(flat))
    ]
    comparisons = compare_with_chords(
        [Segment(*ends) for ends in pairwise(maps)],
        [Segment(*ends) for ends in pairwise(maps[::each])],
        load_search(batch.experiment_folder).max_order,
    )
    yield from _lines(comparisons, first)


def _checked(batch: Batch, run: str, first: int, last: int, output: Path | None) -> int:
    """The position of the run in its batch."""
    if batch.training.name == RECORDED:
        raise InputError(f"{batch.folder}: expected a training made here, got training=recorded")
    if run not in batch.runs:
        raise InputError(f"--run: expected one of {', '.join(batch.runs)}, got {run}")
    end = int(read_table(batch.folder / Status.FILE, Status).set_index("run")["last_epoch"][run])
    if not 0 <= first < last <= end:
        raise InputError(f"--first, --last: expected epochs 0 <= first < last <= {end}, got {first} and {last}")
    if output is not None and output.suffix != ".npz":
        raise InputError(f"--output: expected the name of an .npz file, got {output}")
    if output is not None and output.exists():
        raise InputError(f"{output}: exists already; choose another name")
    return batch.runs.index(run)


def _lines(comparisons: list[ChordComparison], first: int) -> Iterator[str]:
    """What differs, in words."""
    on_chords = on_updates = 0
    for epoch, one in enumerate(comparisons, start=first):
        chord, updates = one.counts(one.chord), one.counts(tuple(event for _, event in one.updates))
        on_chords += chord.total()
        on_updates += updates.total()
        if not one.agrees:
            yield f"epoch {epoch}: chord {_told(chord)}; updates {_told(updates)}"
    different = sum(not one.agrees for one in comparisons)
    yield (
        f"{len(comparisons)} epochs, {different} differ: {on_chords} bifurcations on the straight lines between "
        f"epochs, {on_updates} on those between updates"
    )


def _told(counts: dict[tuple[str, int, str], int]) -> str:
    """Kinds and numbers of events."""
    return (
        ", ".join(f"{number} {kind} of order {order} ({way})" for (kind, order, way), number in sorted(counts.items()))
        or "none"
    )
