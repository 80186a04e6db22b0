"""`lossjumps replay`: the same training again, with every update."""

import numpy as np
import pandas as pd
import pytest
import yaml
from tests.stages.test_train import TRAINING, make_batch

from lossjumps.configuration.objects import to_mapping
from lossjumps.errors import InputError
from lossjumps.schema import SearchConfig
from lossjumps.stages import train
from lossjumps.stages.replay import replay

RUN = "vanderpol-shallow_plrnn-bptt-0123abcd-s5"
UPDATES = TRAINING["updates_per_epoch"]


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    experiment = tmp_path_factory.mktemp("experiment")
    (experiment / "settings").mkdir()
    (experiment / "settings" / "search.yaml").write_text(yaml.safe_dump(to_mapping(SearchConfig(max_order=1))))
    folder = make_batch(experiment, [4, 5], learning_rate=0.05)
    train.run(folder)
    return folder


def test_updates_pass_through_what_was_recorded_bit_for_bit(batch, tmp_path):
    told = []
    output = tmp_path / "updates.npz"
    *_, last = replay(batch, RUN, 1, 3, output, lambda *where: told.append(where))
    assert last.startswith("2 epochs, ")
    assert told[-1] == (3, 3, RUN)
    updates = np.load(output)
    assert updates["epochs"].tolist() == list(range(UPDATES, 3 * UPDATES + 1))
    recorded = np.load(batch / "parameters.npz")
    for name in ("A", "W1", "W2", "h1", "h2", "L"):
        assert np.array_equal(updates[name][::UPDATES], recorded[name][1, 1:4])
        assert (np.diff(updates[name], axis=0) != 0.0).any(axis=tuple(range(1, updates[name].ndim))).all()
    history = pd.read_parquet(batch / "history.parquet").query("run == @RUN")
    assert updates["loss"][::UPDATES].tolist() == history.loss_free.tolist()[1:4]


def test_a_recording_that_is_not_repeated_is_said_to_differ(batch, tmp_path):
    other = tmp_path / "batches" / batch.name
    other.mkdir(parents=True)
    for folder in ("data", "settings"):
        (tmp_path / folder).symlink_to(batch.parents[1] / folder)
    for path in batch.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    arrays = dict(np.load(batch / "parameters.npz"))
    arrays["h1"][1, 2, 0] += 1e-12
    np.savez(other / "parameters.npz", **arrays)
    with pytest.raises(InputError, match=r"expected to repeat what .*-s5 recorded, but h1 differs"):
        list(replay(other, RUN, 1, 3))


@pytest.mark.parametrize(
    ("run", "first", "last", "message"),
    [
        ("nobody", 0, 1, "--run: expected one of .*-s4, .*-s5, got nobody"),
        (RUN, 2, 2, "--first, --last: expected epochs 0 <= first < last <= 3, got 2 and 2"),
        (RUN, 0, 4, "got 0 and 4"),
        (RUN, -1, 2, "got -1 and 2"),
    ],
)
def test_what_is_not_there_is_bad_input(batch, run, first, last, message):
    with pytest.raises(InputError, match=message):
        list(replay(batch, run, first, last))


def test_an_output_is_never_overwritten(batch, tmp_path):
    (tmp_path / "mine.npz").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        list(replay(batch, RUN, 0, 1, tmp_path / "mine.npz"))
    assert (tmp_path / "mine.npz").read_text() == "mine"
    with pytest.raises(InputError, match=r"--output: expected the name of an \.npz file"):
        list(replay(batch, RUN, 0, 1, tmp_path / "mine.csv"))
