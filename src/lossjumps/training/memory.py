"""How much memory a training takes, estimated before it starts."""

import math

from lossjumps.errors import InputError
from lossjumps.schema import ModelConfig, TrainingConfig, readable_bytes
from lossjumps.training.models import family_of

LANES = 8
"""Sequences that the kernel computes side by side: `lossjumps.lanes.LANES`, without importing numba."""

LARGEST_TRAINING = 16_000_000_000
"""Bytes that the runs of a batch may take together: what a workstation has to spare."""
COPIES = 2
"""Of the recorded parameters: those that are recorded, and those on their way to the file."""
NUMBER = 8
"""Bytes of a float64."""


def memory_needed(model: ModelConfig, training: TrainingConfig, observed: int, runs: int) -> dict[str, int]:
    """Estimate the memory of runs trained side by side on a processor, beside what the libraries take.

    Parameters
    ----------
    model, training : ModelConfig, TrainingConfig
    observed : int
        Observed variables N.
    runs : int

    Returns
    -------
    dict of str to int
        The keys that a part of the memory grows with, and its bytes.
    """
    latent = model.latent or observed
    units = latent + (model.hidden or latent)
    shapes = family_of(model.name).shapes(latent, model.hidden)
    parameters = sum(math.prod(shape) for shape in shapes.values()) + (latent - observed) * observed
    size = "model.latent" if model.hidden is None else "model.latent, model.hidden"
    steps, updates, evaluation = training.sequence_length, training.updates_per_epoch, training.evaluation
    chunks, evaluated = (-(-number // LANES) for number in (training.batch_size, evaluation.sequences))
    by_update = ", training.updates_per_epoch, training.record" if training.record == "update" else ""
    noise = 2 * runs * training.batch_size * steps * observed if training.input_noise else 0
    numbers = {
        f"training.epochs{by_update}, {size}": runs * training.points * parameters * COPIES,
        "training.epochs, training.updates_per_epoch": training.epochs * updates,
        "training.updates_per_epoch, training.batch_size": 2 * runs * updates * training.batch_size,
        "training.batch_size, training.sequence_length": runs * chunks * steps + noise,
        # what the kernel keeps of the sequences that it computes side by side
        f"training.sequence_length, {size}": LANES * steps * (units + observed),
        # of every chunk of sequences its gradient; their sum, its pieces and the moments; in the kernel a lane each
        f"training.batch_size, {size}": (runs * (chunks + 6) + 2 * LANES) * parameters,
        "training.evaluation.sequences, training.evaluation.horizon_long": (
            evaluation.horizon_long * (2 * runs * evaluated + LANES * (latent + observed))
        ),
        # the states, and the hash table that they are counted in
        "training.evaluation.sequences, training.evaluation.state_space_steps": (
            evaluation.sequences * evaluation.state_space_steps * (runs * observed + 12)
        ),
    }
    return {keys: NUMBER * number for keys, number in numbers.items()}


def check_memory(model: ModelConfig, training: TrainingConfig, observed: int, runs: int) -> None:
    """Refuse a training that would not fit in memory.

    Raises
    ------
    InputError
        Naming the keys that most of the memory grows with.
    """
    parts = memory_needed(model, training, observed, runs)
    needed = sum(parts.values())
    if needed > LARGEST_TRAINING:
        side_by_side = f"{runs} runs side by side (seeds_per_batch) take" if runs > 1 else "this one takes"
        raise InputError(
            f"{max(parts, key=parts.__getitem__)}: expected a training of at most {readable_bytes(LARGEST_TRAINING)} "
            f"in memory, {side_by_side} {readable_bytes(needed)}"
        )
