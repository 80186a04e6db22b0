"""The stages `dataset` and `train` on a small experiment: what they write, and what they refuse."""

import numpy as np
import pandas as pd
import pytest
import yaml

from lossjumps.analysis.events import LOSSES
from lossjumps.errors import InputError
from lossjumps.stages import dataset, train
from lossjumps.stages.files import read_arrays, write_arrays
from lossjumps.stages.tables import SERIES
from lossjumps.training.recording import HISTORY

DATASET = {"name": "vanderpol", "length_train": 120, "length_test": 80}
TRAINING = {
    "name": "bptt",
    "epochs": 3,
    "updates_per_epoch": 2,
    "batch_size": 2,
    "sequence_length": 6,
    "evaluation": {"sequences": 3, "horizon": 2, "horizon_long": 8},
}


def make_batch(experiment, seeds, series=None, **training):
    """Write what the plan writes for one batch, and its data; return its folder."""
    (experiment / "data").mkdir(parents=True, exist_ok=True)
    stem = experiment / "data" / "vanderpol-1234abcd"
    stem.with_suffix(".yaml").write_text(yaml.safe_dump(DATASET))
    dataset.run(stem)
    if series is not None:
        scale = {"mean": np.zeros(series.shape[1]), "standard_deviation": np.ones(series.shape[1])}
        arrays = {"train": series, "test": series, **scale, "time_step": np.array(0.1), "noise": 0 * series}
        write_arrays(stem.with_suffix(".npz"), arrays, SERIES)
    folder = experiment / "batches" / f"vanderpol-s{seeds[0]}-{seeds[-1]}"
    folder.mkdir(parents=True)
    content = {
        "condition": "vanderpol-shallow_plrnn-bptt-0123abcd",
        "label": "vanderpol shallow_plrnn bptt",
        "data": stem.name,
        "seeds": list(seeds),
        "dataset": DATASET,
        "model": {"name": "shallow_plrnn", "latent": 3, "hidden": 4},
        "training": TRAINING | training,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(content))
    return folder


def test_dataset_stage_writes_the_documented_arrays(tmp_path):
    make_batch(tmp_path, [0])
    arrays = read_arrays(tmp_path / "data" / "vanderpol-1234abcd.npz", SERIES)
    shapes = {name: array.shape for name, array in arrays.items()}
    assert shapes == {
        "train": (120, 2),
        "test": (80, 2),
        "noise": (120, 2),
        "mean": (2,),
        "standard_deviation": (2,),
        "time_step": (),
    }
    assert all(array.dtype == np.float64 for array in arrays.values())
    assert arrays["time_step"] == 0.1


def test_train_stage_writes_parameters_history_and_status(tmp_path, capfd):
    told = []
    folder = make_batch(tmp_path, [4, 5])
    train.run(folder, lambda *progress: told.append(progress))
    runs = [f"vanderpol-shallow_plrnn-bptt-0123abcd-s{seed}" for seed in (4, 5)]

    parameters = dict(np.load(folder / "parameters.npz"))
    np.testing.assert_array_equal(parameters.pop("seeds"), [4, 5])
    assert {name: array.shape for name, array in parameters.items()} == {
        "A": (2, 4, 3),
        "W1": (2, 4, 3, 4),
        "W2": (2, 4, 4, 3),
        "h1": (2, 4, 3),
        "h2": (2, 4, 4),
        "L": (2, 4, 1, 2),
    }

    history = pd.read_parquet(folder / "history.parquet")
    assert list(history.columns) == ["run", "epoch", *HISTORY, "loss_recorded", "recorded_epoch"]
    assert history[["loss_recorded", "recorded_epoch"]].isna().all(axis=None)
    assert list(history["run"]) == [run for run in runs for _ in range(4)]
    assert list(history["epoch"]) == [0, 1, 2, 3] * 2
    assert np.isfinite(history[[*LOSSES]]).all(axis=None)
    flat = np.concatenate([array.reshape(2, 4, -1) for array in parameters.values()], axis=2)
    lengths = np.linalg.norm(np.diff(flat, axis=1), axis=2)
    recorded = history["step_length"].to_numpy().reshape(2, 4)
    assert np.isnan(recorded[:, 0]).all()
    np.testing.assert_allclose(recorded[:, 1:], lengths)

    status = pd.read_parquet(folder / "status.parquet")
    assert status.to_dict("list") == {
        "run": runs,
        "status": ["finished"] * 2,
        "last_epoch": [3, 3],
        "why": ["", ""],
    }
    assert [(done, of) for done, of, _ in told] == [(epoch, 3) for epoch in range(4)]
    assert all(text.startswith("loss_free ") for _, _, text in told)
    assert capfd.readouterr() == ("", "")


def test_a_batch_whose_runs_all_diverge_is_a_result(tmp_path):
    folder = make_batch(tmp_path, [0, 1], series=1e200 * np.random.default_rng(0).standard_normal((80, 2)))
    train.run(folder)
    status = pd.read_parquet(folder / "status.parquet")
    assert list(status["status"]) == ["diverged"] * 2
    assert list(status["last_epoch"]) == [0, 0]
    assert list(status["why"]) == ["training loss inf at update 1 of epoch 1"] * 2
    history = pd.read_parquet(folder / "history.parquet")
    assert list(history["epoch"]) == [0, 0]
    assert np.isposinf(history["loss_free"]).all()
    parameters = dict(np.load(folder / "parameters.npz"))
    assert np.isfinite(parameters["W1"][:, 0]).all()
    assert np.isnan(parameters["W1"][:, 1:]).all()


def test_same_seeds_same_bytes_and_any_batch(tmp_path):
    together, again, alone = (
        make_batch(tmp_path / name, seeds) for name, seeds in (("a", [0, 1, 2]), ("b", [0, 1, 2]), ("c", [1]))
    )
    for folder in (together, again, alone):
        train.run(folder)
    for name in ("parameters.npz", "history.parquet", "status.parquet"):
        assert (together / name).read_bytes() == (again / name).read_bytes()
    several, single = (pd.read_parquet(folder / "history.parquet") for folder in (together, alone))
    run = single["run"].iloc[0]
    pd.testing.assert_frame_equal(several[several["run"] == run].reset_index(drop=True), single, check_exact=True)
    parameters = [dict(np.load(folder / "parameters.npz")) for folder in (together, alone)]
    for name, array in parameters[1].items():
        np.testing.assert_array_equal(parameters[0][name][1], array[0])


def test_missing_data_and_impossible_configurations_write_nothing(tmp_path):
    folder = make_batch(tmp_path / "a", [0])
    (tmp_path / "a" / "data" / "vanderpol-1234abcd.npz").unlink()
    with pytest.raises(InputError, match=r"vanderpol-1234abcd\.npz"):
        train.run(folder)
    impossible = make_batch(tmp_path / "b", [0], sequence_length=500)
    with pytest.raises(InputError, match=r"training\.sequence_length"):
        train.run(impossible)
    with pytest.raises(InputError):
        train.run(tmp_path)
    for place in (folder, impossible):
        assert [path.name for path in place.iterdir()] == ["config.yaml"]
