"""What a batch needs, estimated before it is begun: disk, and the memory of the jobs that take most of it."""

import math
from dataclasses import dataclass

from lossjumps.configuration.plan import PlannedBatch
from lossjumps.configuration.registries import observed_of
from lossjumps.training.memory import NUMBER, memory_needed
from lossjumps.training.models import FAMILIES
from lossjumps.training.recorded import RECORDED
from lossjumps.training.recorded.validation import outline_of

BYTES_PER_RUN_AND_EPOCH = 400
"""Compressed rows of all tables of a run and epoch beside the parameters (history, cycles, attractors), roughly."""
BYTES_IN_MLFLOW_PER_RUN_AND_EPOCH = 2_700
"""Points of a run and epoch in MLflow's SQLite store, measured: some ten metrics, each a row and its index."""
BYTES_PER_RUN = 400_000
"""A run's figure, kept with the results and in MLflow, and its part of the store beside the points, roughly."""

TRAINING_PROCESS = 450_000_000
"""Bytes of a process that has torch loaded; measured: 380 million."""
SEARCHING_PROCESS = 900_000_000
"""Bytes of a process that compiles the search; measured: 810 million, and 280 million where that is not needed."""
ROWS_OF_AN_EPOCH = 10_000
"""Bytes of what the dynamics stage keeps of each run and epoch until it writes its tables; measured: 7 thousand."""
OBJECTS_OF_A_POINT = 80_000
"""Bytes of each recorded point of the run that it follows at the time; measured: 60 thousand."""
COPIES_OF_A_RECORDING = 4
"""Of recorded parameters: as they were read, changed into numbers, side by side with other runs, and written."""
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class RunSize:
    """How much is recorded of a run: epochs and, of parameters, points and numbers at each of them."""

    epochs: int
    points: int
    numbers: int


def run_sizes(batch: PlannedBatch) -> list[RunSize]:
    """How much is recorded of every run of a batch, if it does not diverge."""
    configuration = batch.condition.configuration
    if configuration.training.name == RECORDED:
        outlines = [outline_of(configuration.training, configuration.model.name, seed) for seed in batch.seeds]
        return [RunSize(outline.epochs + 1, outline.epochs + 1, outline.numbers) for outline in outlines]
    observed = observed_of(configuration.dataset)
    latent = configuration.model.latent or observed
    shapes = FAMILIES[configuration.model.name].shapes(latent, configuration.model.hidden)
    numbers = sum(math.prod(shape) for shape in shapes.values()) + (latent - observed) * observed
    training = configuration.training
    return [RunSize(training.epochs + 1, training.points, numbers)] * len(batch.seeds)


def disk_needed(batch: PlannedBatch) -> int:
    """Bytes of a batch's recorded parameters, its tables and figures, and MLflow's store."""
    beside = BYTES_PER_RUN_AND_EPOCH + BYTES_IN_MLFLOW_PER_RUN_AND_EPOCH
    runs = run_sizes(batch)
    return _parameter_bytes(runs) + sum(run.epochs * beside + BYTES_PER_RUN for run in runs)


def training_megabytes(batch: PlannedBatch) -> int:
    """Memory of the stage `train`, in megabytes."""
    configuration = batch.condition.configuration
    if configuration.training.name == RECORDED:
        needed = COPIES_OF_A_RECORDING * _parameter_bytes(run_sizes(batch))
    else:
        observed = observed_of(configuration.dataset)
        needed = sum(memory_needed(configuration.model, configuration.training, observed, len(batch.seeds)).values())
    return math.ceil((TRAINING_PROCESS + 1.1 * needed) / MEGABYTE)


def dynamics_megabytes(batch: PlannedBatch, processes: int = 1) -> int:
    """Memory of the stage `dynamics`, in megabytes, with its work shared by some processes."""
    runs = run_sizes(batch)
    rows = ROWS_OF_AN_EPOCH * sum(run.epochs for run in runs)
    kept = _parameter_bytes(runs) + rows + OBJECTS_OF_A_POINT * max(run.points for run in runs)
    searching = processes if processes == 1 else processes + 1  # one shares out the work of the others
    return math.ceil((searching * SEARCHING_PROCESS + kept) / MEGABYTE)


def _parameter_bytes(runs: list[RunSize]) -> int:
    return NUMBER * sum(run.points * run.numbers for run in runs)
