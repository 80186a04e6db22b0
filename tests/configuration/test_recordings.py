"""Plans of trainings made elsewhere: what has to be chosen, what is checked, and what a name stands for."""

import os
import re

import numpy as np
import pytest
from tests.random_maps import family_parameters

from lossjumps.configuration.experiment import Experiment, with_overrides
from lossjumps.configuration.plan import make_plan
from lossjumps.configuration.recordings import short_paths
from lossjumps.errors import InputError
from lossjumps.stages.prepare import prepare

EPOCHS = 4
OURS = "model=shallow_plrnn", "training.path='run{seed}.npz'"


def save(path, family="shallow_plrnn", seed=0, **changes):
    generator = np.random.default_rng(seed)
    points = [family_parameters(family, generator) for _ in range(EPOCHS)]
    arrays = {key: np.stack([point[key] for point in points]) for key in points[0]}
    np.savez(path, **arrays | {"loss": np.ones(EPOCHS), "states": np.zeros((2, 3))} | changes)


@pytest.fixture
def plan(plan_of):
    def make(*overrides):
        return plan_of(*overrides, experiment="recorded")

    return make


def test_a_batch_stands_for_the_content_of_its_recordings(plan):
    for seed in range(3):
        save(f"run{seed}.npz", seed=seed)
    first = plan(*OURS, "seed=range(0,2)")
    assert plan(*OURS, "seed=range(0,2)").batches.keys() == first.batches.keys()
    save("run2.npz", seed=9)
    assert plan(*OURS, "seed=range(0,2)").batches.keys() == first.batches.keys()
    save("run1.npz", seed=9)
    changed = plan(*OURS, "seed=range(0,2)")
    assert changed.batches.keys().isdisjoint(first.batches)
    assert [row["run"] for row in changed.rows] == [row["run"] for row in first.rows]
    assert next(iter(first.batches)).startswith("none-shallow_plrnn-recorded-s0-1-")


def test_sizes_are_those_of_the_files(plan):
    save("run0.npz")
    [condition] = plan(*OURS).conditions
    assert (condition.configuration.model.latent, condition.configuration.model.hidden) == (None, None)
    plan(*OURS, "model.hidden=5", "model.latent=3")
    for key, value, expected in (("hidden", 20, "5, the hidden units"), ("latent", 2, "3, the states")):
        with pytest.raises(InputError, match=rf"model\.{key}: expected null or {expected} in run0\.npz, got {value}"):
            plan(*OURS, f"model.{key}={value}")
    save("relu0.npz", family="relu_rnn")
    with pytest.raises(InputError, match=r"model\.hidden: expected null \(relu_rnn has no hidden units\), got 3"):
        plan("model=relu_rnn", "training.path='relu{seed}.npz'", "model.hidden=3")


@pytest.fixture
def plan_alone(composer, tmp_path, monkeypatch):
    """Plan what overrides alone ask for: nothing is chosen by an experiment."""
    monkeypatch.chdir(tmp_path)
    nothing = Experiment("alone", "training", "", {}, {})
    return lambda *overrides: make_plan(composer, with_overrides(composer, nothing, overrides))


def test_what_has_to_be_chosen(plan_alone):
    path = "training=recorded", "training.path=run.npz"
    for chosen, missing in ((("dataset=none",), "model"), (("model=plrnn",), "dataset")):
        with pytest.raises(InputError, match=rf"{missing}: with training=recorded expected {missing}="):
            plan_alone(*path, *chosen)


def test_families_that_can_be_analysed_cannot_all_be_trained(plan_alone):
    with pytest.raises(InputError, match=r"model: relu_rnn can be analysed, by training=recorded, but not trained"):
        plan_alone("model=relu_rnn")
    with pytest.raises(InputError, match=r"dataset: none has nothing to train on; it is for training=recorded alone"):
        plan_alone("dataset=none")


WRONG = {
    "a file is missing": (("seed=range(0,3)",), r"training\.path: .* run2\.npz does not exist \(seed 2\)"),
    "one file for two seeds": (("training.path=run0.npz", "seed=0,1"), r"training\.path: expected \{seed\} in it"),
    "other sizes": (("seed=0,1",), r"run1\.npz: expected 3 states and 5 hidden units, .*, as run0\.npz has, got 3"),
    "no states": (("seed=5",), r"run5\.npz: missing states \(n, M = 3\).*or choose a data set"),
    "fewer states": (("dataset=santafe_laser", "dataset.embedding_dimension=4"), r"run0\.npz: expected at least 4 st"),
    "no L": (("dataset=vanderpol",), r"run0\.npz: expected L of shape \(E \+ 1, 1, 2\) .*dataset=none takes"),
    "a long horizon": (
        ("dataset=lorenz63", "training.evaluation.horizon_long=9000"),
        r"training\.evaluation\.horizon_long: expected less than dataset\.length_test = 5000, got 9000",
    ),
    "an unknown key": (("training.epochs=3",), r"training\.epochs: unknown key"),
    "keys that are no mapping": (("training.keys=W1",), r"training\.keys: expected a mapping, got 'W1'"),
    "losses of no known kind": (("training.losses=a.txt",), r"training\.losses: expected a \.csv, \.npy or \.npz file"),
    "braces without quotes": (("training.path=run{seed}.npz",), r"training\.path=.*quotes"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_said_before_anything_runs(case, plan):
    save("run0.npz")
    save("run1.npz")
    generator = np.random.default_rng(0)
    if case == "other sizes":
        shapes = {"A": (3,), "W1": (3, 6), "W2": (6, 3), "h1": (3,), "h2": (6,)}
        arrays = {key: generator.normal(size=(EPOCHS, *shape)) for key, shape in shapes.items()}
        np.savez("run1.npz", **arrays, loss=np.ones(EPOCHS), states=np.zeros((2, 3)))
    if case == "no states":
        points = [family_parameters("shallow_plrnn", generator) for _ in range(EPOCHS)]
        arrays = {key: np.stack([point[key] for point in points]) for key in points[0]}
        np.savez("run5.npz", **arrays, loss=np.ones(EPOCHS))
    overrides, message = WRONG[case]
    ours = [text for text in OURS if not any(other.startswith(text.split("=")[0] + "=") for other in overrides)]
    with pytest.raises(InputError) as caught:
        plan(*ours, *overrides)
    assert re.match(message, str(caught.value)) and "\n" not in str(caught.value)


def test_recordings_that_are_swept_are_told_apart_by_what_differs(plan):
    for name in ("bptt", "gtf"):
        save(f"{name}-0.npz")
    made = plan("model=shallow_plrnn", "training.path='bptt-{seed}.npz','gtf-{seed}.npz'")
    labels = [condition.label for condition in made.conditions]
    assert labels == ["none recorded path=bptt-{seed}.npz", "none recorded path=gtf-{seed}.npz"]
    assert short_paths(["runs/bptt/{seed}.npz", "runs/gtf/{seed}.npz"]) == {
        "runs/bptt/{seed}.npz": "bptt",
        "runs/gtf/{seed}.npz": "gtf",
    }
    assert short_paths(["a/b"]) == {"a/b": "b"}
    assert short_paths(["x/a/b", "x/a/a/b"]) == {"x/a/b": "b", "x/a/a/b": "a/b"}


def test_a_recording_that_is_gone_does_not_hide_its_batch_from_others(plan):
    for seed in range(2):
        save(f"run{seed}.npz", seed=seed)
    both = plan(*OURS, "seed=range(0,2)")
    prepare(both)
    kept = plan(*OURS, "seed=0")
    assert kept.batches.keys() == both.batches.keys()
    os.remove("run1.npz")
    assert plan(*OURS, "seed=0").batches.keys().isdisjoint(both.batches)
