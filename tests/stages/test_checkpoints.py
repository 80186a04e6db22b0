"""Trainings that are stopped and go on end with the same bytes; so do two at once; a full disk leaves what is good."""

import errno
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.stages.test_train import make_batch

from lossjumps.command_line import main
from lossjumps.failures import Signalled
from lossjumps.schema import OPTIMISERS
from lossjumps.stages import checkpoints, train
from lossjumps.stages.checkpoints import BatchCheckpoints

FILES = ("parameters.npz", "history.parquet", "status.parquet")
LONG = {"epochs": 60, "updates_per_epoch": 3, "batch_size": 20, "sequence_length": 40}


def bytes_of(folder):
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A batch that was never stopped."""
    folder = make_batch(tmp_path_factory.mktemp("whole") / "paper", [0, 1, 2], **LONG)
    train.run(folder)
    assert not (folder / "checkpoint").exists()
    return folder


def begun(trained, tmp_path):
    """The same batch, not trained yet."""
    experiment = shutil.copytree(trained.parents[1], tmp_path / "paper")
    folder = experiment / "batches" / trained.name
    for name in FILES:
        (folder / name).unlink()
    return folder


class Stop(Exception):
    """Ends a training as a crash would."""


def run_until(epoch, folder, error, seconds=0.0):
    def progress(done, total, remark):
        if done == epoch:
            raise error

    with pytest.raises(type(error)):
        train.run(folder, progress, seconds)


def killed(folder, signals, longest):
    """The exit status of each process, and whether there was a checkpoint, after signals at random moments."""
    program = Path(__file__).with_name("killed_trainings.py")
    moments = np.random.default_rng().uniform(0.0, longest, len(signals))
    stops = [f"{name}={moment:.4f}" for name, moment in zip(signals, moments, strict=True)]
    done = subprocess.run([sys.executable, program, folder, *stops], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [tuple(line.split()) for line in done.stdout.splitlines() if not line.startswith("train")], done.stderr


def test_killed_at_random_moments_a_training_ends_with_the_same_bytes(trained, tmp_path):
    """Twice without a notice, and once with one."""
    folder = begun(trained, tmp_path)
    statuses, said = killed(folder, ["SIGKILL", "SIGKILL", "SIGTERM"], 0.1)
    assert statuses == [("-9", "True"), ("-9", "True"), ("143", "True"), ("0", "False")]
    assert "stopped by the signal SIGTERM; nothing is half-written; run the same command again" in said
    assert bytes_of(folder) == bytes_of(trained)


@pytest.mark.slow
def test_killed_ten_times_at_random_moments_a_training_ends_with_the_same_bytes(tmp_path):
    """Long enough to be killed ten times before its end, at all places of an epoch."""
    longer = LONG | {"epochs": 600}
    whole, folder = (make_batch(tmp_path / name, [0, 1, 2], **longer) for name in ("whole", "killed"))
    train.run(whole)
    statuses, _ = killed(folder, ["SIGKILL"] * 10, 0.4)
    assert statuses == [("-9", "True")] * 10 + [("0", "False")]
    assert bytes_of(folder) == bytes_of(whole)


def test_a_notice_to_end_is_obeyed_at_once_with_a_checkpoint_and_a_line(trained, tmp_path):
    folder = begun(trained, tmp_path)
    run_until(31, folder, Signalled(15), seconds=1e9)
    assert sorted(path.name for path in (folder / "checkpoint").iterdir()) == ["epochs-0-31.npz", "state.npz"]
    told = []
    train.run(folder, lambda *step: told.append(step))
    assert told[0][:2] == (31, 60)
    assert bytes_of(folder) == bytes_of(trained)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, "config.yaml"])


@pytest.mark.parametrize("epoch", [1, 2, 40, 60])
def test_stopped_at_any_epoch_and_more_than_once(trained, tmp_path, epoch):
    folder = begun(trained, tmp_path)
    for place in sorted({max(1, epoch // 2), epoch}):
        run_until(place, folder, Stop())
    train.run(folder)
    assert bytes_of(folder) == bytes_of(trained)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_every_update_and_every_kind_of_state_go_on_beyond_a_stop(tmp_path, optimiser):
    keys = {"record": "update", "epochs": 5, "input_noise": 0.1, "precision": "float32", "optimiser": optimiser}
    whole, folder = (make_batch(tmp_path / name, [3], **keys) for name in ("whole", "stopped"))
    train.run(whole)
    for epoch in (1, 3):
        run_until(epoch, folder, Stop())
    train.run(folder)
    assert bytes_of(folder) == bytes_of(whole)


def test_runs_that_have_diverged_stay_so(tmp_path):
    """Two of four initial networks overflow before the checkpoint."""
    keys = {"sequence_length": 700, "epochs": 6, "batch_size": 2}
    series = np.random.default_rng(1).standard_normal((800, 1)).cumsum(axis=0)
    series = (series - series.mean()) / series.std()
    whole, folder = (make_batch(tmp_path / name, [0, 1, 6, 11], series, **keys) for name in ("whole", "stopped"))
    train.run(whole)
    run_until(4, folder, Stop())
    train.run(folder)
    assert bytes_of(folder) == bytes_of(whole)


def test_two_copies_at_once_do_no_harm(trained, tmp_path):
    """One begins, and goes on after another has trained to the end and removed what both had written."""
    folder = begun(trained, tmp_path)
    between = []

    def progress(done, total, remark):
        if done == 20 and not between:
            between.append(done)
            train.run(folder, checkpoint_seconds=0.0)
            assert bytes_of(folder) == bytes_of(trained)
        if done == 50:
            raise Stop

    with pytest.raises(Stop):
        train.run(folder, progress, 0.0)
    train.run(folder)
    assert bytes_of(folder) == bytes_of(trained)
    assert not (folder / "checkpoint").exists()


def test_a_full_disk_is_one_error_and_leaves_the_last_checkpoint(trained, tmp_path, monkeypatch, capsys):
    folder, written = begun(trained, tmp_path), []

    def full(path, write, whole=checkpoints.write_whole):
        written.append(path)
        if len(written) > 7:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        whole(path, write)

    monkeypatch.setattr(checkpoints, "write_whole", full)
    assert main(["train", str(folder), "--checkpoint-seconds", "0"]) == 1
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("lossjumps: ")]
    assert "checkpoint/" in line and "no space left on the device" in line
    monkeypatch.undo()
    told = []
    train.run(folder, lambda *step: told.append(step))
    assert told[0][0] == 3
    assert bytes_of(folder) == bytes_of(trained)


def of_another_training(folder):
    (folder / "config.yaml").write_text((folder / "config.yaml").read_text() + "\n")


def with_half_a_state(folder):
    state = folder / "checkpoint" / "state.npz"
    state.write_bytes(state.read_bytes()[:-100])


def without_a_part(folder):
    next((folder / "checkpoint").glob("epochs-*")).unlink()


def with_an_empty_part(folder):
    next((folder / "checkpoint").glob("epochs-*")).write_bytes(b"")


@pytest.mark.parametrize("harm", [of_another_training, with_half_a_state, without_a_part, with_an_empty_part])
def test_a_checkpoint_that_cannot_be_used_is_not(trained, tmp_path, caplog, harm):
    folder = begun(trained, tmp_path)
    run_until(3, folder, Stop())
    harm(folder)
    told = []
    with caplog.at_level(logging.INFO, "lossjumps"):
        train.run(folder, lambda *step: told.append(step))
    assert "and not used" in caplog.text
    assert told[0][0] == 0
    assert bytes_of(folder) == bytes_of(trained)


def test_checkpoints_are_written_every_so_many_seconds(trained, tmp_path, monkeypatch):
    folder, now = begun(trained, tmp_path), [0.0]
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    written = []
    monkeypatch.setattr(
        BatchCheckpoints, "write", lambda self: written.append(now[0]) or setattr(self, "_written", now[0])
    )

    def progress(done, total, remark):
        now[0] += 1.0

    train.run(folder, progress, 20.0)
    assert written == [20.0, 40.0, 60.0]


def test_seconds_that_are_none(capsys):
    assert main(["train", "folder", "--checkpoint-seconds", "-1"]) == 2
    assert "--checkpoint-seconds: expected a number >= 0, got -1" in capsys.readouterr().err
