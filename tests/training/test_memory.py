"""Estimated memory against the arrays that a training allocates."""

import pytest

from lossjumps import lanes
from lossjumps.schema import ModelConfig, TrainingConfig
from lossjumps.training import memory
from lossjumps.training.sequence_kernel import scratch


def test_the_estimate_knows_how_many_lanes_there_are():
    assert memory.LANES == lanes.LANES


@pytest.mark.parametrize(("hidden", "steps"), [(100, 500), (400, 2000)])
def test_the_kernel_keeps_what_is_estimated(hidden, steps):
    training = TrainingConfig("bptt", batch_size=64, sequence_length=steps)
    parts = memory.memory_needed(ModelConfig("shallow_plrnn", 6, hidden), training, 3, 1)
    estimated = parts["training.sequence_length, model.latent, model.hidden"]
    room = scratch(steps, 6, hidden, 3, True, float)
    assert sum(array.nbytes for array in (room.data, room.states, room.units, room.errors)) == pytest.approx(
        estimated, rel=0.05
    )
