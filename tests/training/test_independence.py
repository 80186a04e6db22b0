"""Runs of a batch neither see nor disturb each other, not by a bit."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.training.small_trainings import config, model, random_walk

from lossjumps.analysis.events import LOSSES
from lossjumps.schema import OPTIMISERS, PRECISIONS, EvaluationConfig
from lossjumps.training.forcing import FORCINGS
from lossjumps.training.loop import train
from lossjumps.training.models import FAMILIES

# Divergence --------------------------------------------------------------------------------------------------------


def test_a_diverging_run_ends_alone():
    """Free-running sequences long enough for some initial networks, and not for others, to overflow."""
    series = random_walk(800, 1)
    training = config("bptt", sequence_length=700, epochs=2, batch_size=2)
    wide = model(hidden=40)
    seeds = [0, 1, 6, 11]
    together = train(series, series, wide, training, seeds)
    statuses = [together.status(run) for run in range(len(seeds))]
    assert {"diverged", "finished"} == set(statuses)
    for run, status in enumerate(statuses):
        last = together.last_epoch[run]
        assert np.isfinite(together.parameters[run, : last + 1]).all()
        assert np.isnan(together.parameters[run, last + 1 :]).all()
        for values in together.history.values():
            assert np.isnan(values[run, last + 1 :]).all()
        for name in LOSSES:
            assert not np.isnan(together.history[name][run, : last + 1]).any()
        if status == "finished":
            assert (last, together.why[run]) == (2, "")
        else:
            assert last < 2
            assert f"epoch {last + 1}" in together.why[run]
        assert_same_run(together, run, train(series, series, wide, training, [seeds[run]]), 0)


def test_when_all_runs_have_diverged_the_training_ends():
    series = 1e200 * random_walk(40, 2)
    recording = train(series, series, model(), config(), [0, 1, 2])
    assert list(recording.last_epoch) == [0, 0, 0]
    assert recording.why == ["training loss inf at update 1 of epoch 1"] * 3
    assert np.isposinf(recording.history["loss_free"][:, 0]).all()
    assert np.isnan(recording.parameters[:, 1:]).all()


def test_an_infinite_evaluation_loss_is_no_divergence():
    """The test series is far from the training series, so only losses on it overflow."""
    series = random_walk(40, 2)
    recording = train(series, 1e200 * series, model(), config(), [0])
    assert recording.status(0) == "finished"
    assert np.isposinf(recording.history["loss_forced"]).all()
    assert np.isfinite(recording.history["loss_train"][:, 1:]).all()


# Bits --------------------------------------------------------------------------------------------------------------


def assert_same_run(recording, run, other, other_run):
    np.testing.assert_array_equal(recording.parameters[run], other.parameters[other_run])
    for name, values in recording.history.items():
        np.testing.assert_array_equal(values[run], other.history[name][other_run], err_msg=name)
    assert recording.last_epoch[run] == other.last_epoch[other_run]
    assert recording.why[run] == other.why[other_run]


@st.composite
def trainings(draw):
    observed = draw(st.integers(1, 7))
    family = draw(st.sampled_from(sorted(FAMILIES)))
    chosen = model(family, latent=observed + draw(st.integers(0, 3)), hidden=draw(st.integers(1, 50)))
    evaluation = EvaluationConfig(
        draw(st.integers(1, 9)), 3, draw(st.integers(3, 30)), 0.1, state_space_steps=draw(st.integers(0, 20))
    )
    training = config(
        draw(st.sampled_from(sorted(FORCINGS))),
        epochs=2,
        batch_size=draw(st.integers(1, 17)),
        sequence_length=draw(st.integers(1, 40)),
        evaluation=evaluation,
        optimiser=draw(st.sampled_from(OPTIMISERS)),
        gradient_clip=draw(st.sampled_from((None, 0.5))),
        input_noise=draw(st.sampled_from((0.0, 0.1))),
        l2=draw(st.sampled_from((0.0, 0.01))),
        manifold_attractor=draw(st.sampled_from((0.0, 0.01))),
        manifold_share=1.0,
        precision=draw(st.sampled_from(PRECISIONS)),
    )
    return observed, chosen, training


@settings(max_examples=25)
@given(
    trainings(),
    st.permutations(range(8)).flatmap(lambda order: st.integers(1, 8).map(lambda count: order[:count])),
    st.integers(1, 2),
)
def test_bits_of_a_run_do_not_depend_on_its_batch_or_on_threads(case, chosen, threads):
    observed, model_config, training = case
    series = random_walk(200, observed)
    together = train(series, series, model_config, training, range(8))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        others = train(series, series, model_config, training, chosen)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    for position, seed in enumerate(chosen):
        assert_same_run(together, seed, others, position)


def digest_of_seed_three(seeds):
    """The bits of one run, at sizes that fill neither lanes nor tiles."""
    series = random_walk(300, 1)
    training = config(alpha=0.8, batch_size=15, sequence_length=30)
    recording = train(series, series, model(latent=3, hidden=37), training, seeds)
    run = seeds.index(3)
    arrays = (recording.parameters[run], *(values[run] for values in recording.history.values()))
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


def test_same_bits_in_another_process_with_other_threads_and_another_batch():
    environment = os.environ | {f"{library}_NUM_THREADS": "2" for library in ("OMP", "MKL", "OPENBLAS")}
    program = (
        f"import runpy; module = runpy.run_path({__file__!r}); print(module['digest_of_seed_three'](list(range(8))))"
    )
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest_of_seed_three([3])


def test_runs_of_different_seeds_differ():
    series = random_walk(60, 2)
    recording = train(series, series, model(), config(), [0, 1])
    assert not np.array_equal(recording.parameters[0], recording.parameters[1])
    assert not np.array_equal(recording.history["loss_train"][0, 1:], recording.history["loss_train"][1, 1:])
