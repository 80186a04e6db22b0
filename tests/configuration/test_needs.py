"""What a batch is estimated to need, against what was measured and what can be counted."""

import numpy as np
import pytest
from tests.front_doors import CONF
from tests.random_maps import family_parameters

from lossjumps.configuration.needs import disk_needed, dynamics_megabytes, training_megabytes
from lossjumps.configuration.request import SINGLE, Request

OF_LORENZ = ("dataset=lorenz63", "training=gtf")


def batch_of(plan):
    [batch] = plan.batches.values()
    return batch


def test_disk_of_the_default_experiment_is_what_a_finished_one_takes(plan_of):
    needed = sum(disk_needed(batch) for batch in plan_of(experiment="default").batches.values())
    assert needed == pytest.approx(218e6, rel=0.1)  # measured, 130 MB of it MLflow's


def test_disk_of_the_parameters_is_exact(plan_of):
    a, b = (batch_of(plan_of(*OF_LORENZ, f"training.epochs={epochs}", "seed=0")) for epochs in (100000, 50000))
    numbers = 3 + 3 * 4 + 4 * 3 + 3 + 4  # A, W1, W2, h1, h2 of M = 3, H = 4
    assert disk_needed(a) - disk_needed(b) == 50000 * (8 * numbers + 400 + 2700)


# Peaks of resident memory in megabytes on Linux with Python 3.11: of training, and of the dynamics, compiled before.
MEASURED = {
    ("training.epochs=5", "seed=0"): (377, 279),
    ("training.epochs=100", "seed=range(0,8)"): (396, 307),
    ("training.epochs=1000", "seed=range(0,8)"): (None, 418),
    ("training.epochs=200", "seed=0,1", "model.hidden=50"): (379, 395),
    ("training.epochs=3000", "seed=0,1", "training.updates_per_epoch=1"): (392, 577),
}


@pytest.mark.parametrize("overrides", MEASURED, ids=" ".join)
def test_memory_is_what_was_measured_with_some_to_spare(working_directory, overrides):
    batch = batch_of(Request(SINGLE, ["training=gtf", *overrides], CONF).plan())
    training, dynamics = MEASURED[overrides]
    if training:
        assert training < training_megabytes(batch) < 2 * training
    assert dynamics_megabytes(batch) > 811  # a process that compiles the search
    assert dynamics + 300 < dynamics_megabytes(batch) < dynamics + 1000
    assert dynamics_megabytes(batch, processes=2) == dynamics_megabytes(batch) + 2 * 900


def test_memory_grows_with_what_is_recorded(plan_of):
    a, b = (batch_of(plan_of(*OF_LORENZ, f"training.epochs={epochs}", "seed=0,1")) for epochs in (100000, 50000))
    parameters = 2 * 50000 * 8 * (3 + 3 * 4 + 4 * 3 + 3 + 4)
    # twice in training: recorded, and on its way to the file; a number an update besides
    assert training_megabytes(a) - training_megabytes(b) == pytest.approx(1.1e-6 * (2 * parameters + 8 * 1e5), abs=2)
    assert dynamics_megabytes(a) - dynamics_megabytes(b) == pytest.approx(1e-6 * parameters + 0.01 * 1e5 + 4000, abs=2)


def test_recording_updates_takes_that_many_times_the_parameters_and_no_more_of_the_tables(plan_of):
    chosen = *OF_LORENZ, "seed=0,1", "training.epochs=20000", "training.updates_per_epoch=5"
    epochs, updates = (batch_of(plan_of(*chosen, f"training.record={record}")) for record in ("epoch", "update"))
    more = 2 * 4 * 20000 * 8 * (3 + 3 * 4 + 4 * 3 + 3 + 4)
    assert disk_needed(updates) - disk_needed(epochs) == more
    assert training_megabytes(updates) - training_megabytes(epochs) == pytest.approx(1.1e-6 * 2 * more, abs=2)
    assert dynamics_megabytes(updates) - dynamics_megabytes(epochs) == pytest.approx(1e-6 * more + 0.08 * 80000, abs=2)


def test_recordings_need_what_their_files_hold(plan_of):
    epochs = 2000
    generator = np.random.default_rng(0)
    arrays = {key: np.stack([array] * epochs) for key, array in family_parameters("canonical", generator).items()}
    np.savez("run0.npz", **arrays, loss=np.ones(epochs), states=np.zeros((2, 3)))
    chosen = "model=canonical", "training.path='run{seed}.npz'", "seed=0"
    batch = batch_of(plan_of(*chosen, experiment="recorded"))
    parameters = 8 * epochs * (9 + 15 + 15 + 5 + 3)
    assert 0 < disk_needed(batch) - parameters < 3e6 + 3100 * epochs
    assert training_megabytes(batch) == pytest.approx(450 + 1.1e-6 * 4 * parameters, abs=1)
    assert dynamics_megabytes(batch) == pytest.approx(900 + 1e-6 * parameters + 0.09 * epochs, abs=1)
